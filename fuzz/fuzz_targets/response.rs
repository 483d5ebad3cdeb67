//! Any octets as the response of another server: what is kept of them is bounded, and what a resolver
//! makes of them is a reply that can be read. `tests/it/received.rs` has the checks.

#![no_main]
#![allow(dead_code, reason = "parts of the tests are for other tests")]

#[path = "../../tests/it/message.rs"]
mod message;
#[path = "../../tests/it/received.rs"]
mod received;

use libfuzzer_sys::fuzz_target;

fuzz_target!(|octets: &[u8]| received::check(octets));
