//! Kereru: an authoritative and caching DNS server appliance.
//!
//! Folders are layers; ARCHITECTURE.md has the table of what may import what.

pub mod answer;
pub mod app;
pub mod base;
pub mod cache;
pub mod config;
pub mod http;
pub mod mail;
pub mod metrics;
pub mod net;
pub mod policy;
pub mod resolver;
pub mod sim;
pub mod sys;
pub mod wire;
pub mod zone;
