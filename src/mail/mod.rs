//! Mail: what SMTP and POP3 say, where a message goes, and when it is tried again.
//!
//! Sans-IO: a session takes octets and gives octets, and names what it needs done as an `Action`;
//! whoever drives it has the sockets, the files and the clock. Knows no zones: who is local and
//! where a domain's mail goes is handed in.
#![deny(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing)]

pub mod address;
pub mod bounce;
pub mod checks;
pub mod content;
pub mod date;
pub mod faults;
mod line;
pub mod lookup;
pub mod pop3;
pub mod reply;
pub mod route;
pub mod sasl;
pub mod schedule;
pub mod smtp;
pub mod spf;
pub mod trace;

/// Octets that a session gives before it waits for them to be sent: a client that asks and does not
/// read gets no more memory than that and one reply.
const OUTPUT_LEN_MAX: usize = 64 << 10;
