//! The one integration binary: loopback only, no tools needed.
