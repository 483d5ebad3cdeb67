//! Counters of what happens, and their way to Prometheus.
//!
//! Each thread that answers writes a block of its own, and a scrape adds the blocks up. No label
//! takes a value from a packet. Serves no HTTP and knows nothing of zones: `app` puts the registry
//! together, `http` shows it.
#![deny(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

mod collector;
mod counters;
mod family;
mod labels;
mod mail;
mod reloads;
mod resolving;

pub use collector::DnsCollector;
pub use counters::{Counters, WorkerCounters};
pub use family::{FamilyError, Kind, Numbers};
pub use labels::{
    AnswerSource, CacheUse, DropReason, IgnoredResponse, MailResult, ReplyKind, ResolverFailure,
    Transport,
};
pub use mail::{Mail, MailCollector, MailCounters};
pub use reloads::Reloads;
pub use resolving::{CacheTotals, ResolverCollector, ResolverCounters, Resolving};
