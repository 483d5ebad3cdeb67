//! One query in, one outcome out.
//!
//! `respond` is the same function for every transport. No sockets, no clock, no locks, no waiting.
#![deny(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing)]

mod additional;
pub mod ahead;
mod authority;
mod chain;
mod chaos;
mod deferred;
mod denial;
pub mod exchange;
mod exchangers;
mod learnt;
mod local;
mod refusal;
mod reply;
pub mod reserved;
mod respond;
pub mod role;
pub mod snapshot;

pub use crate::metrics::{DropReason, Transport};
pub use deferred::Deferred;
pub use exchange::{Exchange, Notes, Outcome, Workspace};
pub use exchangers::Exchanger;
pub use refusal::Refusal;
pub use respond::respond;
pub use role::{Reach, ResolverRole, Routed};
pub use snapshot::{AnswerOptions, AnyPolicy, RateLimit, Snapshot, View, ZoneState, ZoneTable};
