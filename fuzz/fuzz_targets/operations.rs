//! Any octets as choices of what happens to a resolver. `tests/it/operations.rs` has the operations
//! and what has to hold after each.

#![no_main]
#![allow(dead_code, reason = "parts of the tests are for other tests")]

#[path = "../../tests/it/message.rs"]
mod message;
#[path = "../../tests/it/operations.rs"]
mod operations;
#[path = "../../tests/it/received.rs"]
mod received;
#[path = "../../tests/it/world.rs"]
mod world;

use libfuzzer_sys::fuzz_target;

fuzz_target!(|octets: &[u8]| {
    // An operation takes four choices or so.
    operations::run(&mut operations::Octets(octets), octets.len() / 4);
});
