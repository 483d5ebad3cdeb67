//! Messages and names as octets: reading and writing without allocation.
//!
//! Knows the format of RFC 1035 §4 and RFC 6891, and nothing of what an answer should be.

pub mod error;
pub mod name;
pub mod numbers;
pub mod rdata;
