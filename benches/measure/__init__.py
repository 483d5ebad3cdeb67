"""What benches/compare is made of; it uses the library of tests/interop, too."""
