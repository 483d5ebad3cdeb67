//! Zones: reading them from master files, holding them, looking names up, checking them.
//!
//! A loaded zone is immutable and holds wire bytes. No sockets, no clock, no message format beyond
//! record data.

pub mod change;
pub mod check;
pub mod crew;
pub mod denial;
pub mod file;
pub mod load;
pub mod lookup;
pub mod node;
pub mod order;
pub mod parts;
pub mod shards;
pub mod store;
