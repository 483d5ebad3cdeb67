//! Sessions of SMTP (RFC 5321): the server's side, and in `client` the other.
//!
//! The server's takes octets and appends its replies to an output; what it cannot do itself (look names
//! up, keep a message, check a password) it names as an `Action` and waits for the result. It has no
//! policy: whether a sender or a recipient is taken, others say.

pub mod client;
mod command;
mod message;
mod response;
mod session;
#[cfg(test)]
mod tests;

pub use message::{Destination, Envelope, Recipient};
pub use session::{Action, Client, Options, Session};

/// Octets of a command line, its end not counted. RFC 5321 §4.5.3.1.4 has 512, and extensions add to
/// it; this is what Postfix takes.
pub const COMMAND_LEN_MAX: usize = 2048;

/// Recipients of a message; RFC 5321 §4.5.3.1.8 has 100 as the least.
pub const RECIPIENTS_MAX: usize = 1000;

/// Errors of a client between two messages. One that makes more guesses names or does not speak SMTP.
pub const ERRORS_MAX: u32 = 20;

/// Commands between two messages that do nothing for one. More count as errors.
pub const IDLE_COMMANDS_MAX: u32 = 100;
