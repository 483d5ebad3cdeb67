//! Resolves questions by asking servers that it cannot reach itself.
//!
//! Sans-IO: time, randomness and what arrives are handed in, and what is to be sent is asked for. No
//! sockets, no clock, no zones; the same events give the same requests, byte for byte.
#![deny(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing)]

pub mod minimise;
pub mod response;
pub mod scrub;
pub mod servers;
