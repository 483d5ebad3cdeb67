//! One query in, one outcome out.
//!
//! `respond` is the same function for every transport. No sockets, no clock, no locks, no waiting.
#![deny(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing)]

mod additional;
pub mod ahead;
mod authority;
mod chaos;
mod denial;
pub mod exchange;
mod refusal;
mod reply;
mod respond;
pub mod snapshot;

pub use crate::metrics::{DropReason, Transport};
pub use exchange::{Exchange, Local, Outcome};
pub use refusal::Refusal;
pub use respond::respond;
pub use snapshot::{AnswerOptions, AnyPolicy, RateLimit, Snapshot, View, ZoneState, ZoneTable};
