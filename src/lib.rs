//! Kereru: an authoritative and caching DNS server appliance.
//!
//! Folders are layers; ARCHITECTURE.md has the table of what may import what.

pub mod base;
pub mod config;
pub mod policy;
pub mod wire;
pub mod zone;
