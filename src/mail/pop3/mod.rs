//! The server's side of a POP3 session (RFC 1939).
//!
//! Sans-IO like that of SMTP: it names what it needs done as an `Action`. The messages of a mailbox
//! are numbered when the user logs in, and nothing is deleted before QUIT.

mod command;
mod session;
#[cfg(test)]
mod tests;

pub use session::{Action, Locked, Message, Options, Session};

/// Octets of a command line, its end not counted: RFC 2449 §4 has 255 with it, and passwords may be
/// long.
pub const COMMAND_LEN_MAX: usize = 512;

/// Errors of a client in one session. One that makes more guesses passwords or does not speak POP3.
pub const ERRORS_MAX: u32 = 20;

/// Messages that a session numbers; others are seen when some of these have been deleted. Each costs
/// some hundred octets while the session lasts.
pub const MESSAGES_MAX: usize = 50_000;
