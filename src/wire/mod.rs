//! Messages and names as octets: reading and writing without allocation.
//!
//! Knows the format of RFC 1035 §4 and RFC 6891, and nothing of what an answer should be.
#![deny(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing)]

pub mod character_string;
pub mod edns;
pub mod error;
pub mod folded;
pub mod header;
pub mod name;
pub mod numbers;
pub mod pointers;
pub mod query;
pub mod rdata;
pub mod reader;
pub mod request;
pub mod set;
pub mod trace;
pub mod tsig;
pub mod typed;
pub mod writer;
