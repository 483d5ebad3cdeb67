//! Foundations that know nothing of DNS messages: time, bounds, diagnostics, how often to log.
//!
//! Nothing here does I/O or reads a clock. Every layer may import it.

pub mod diagnostic;
pub mod entropy;
pub mod limits;
pub mod pace;
pub mod stamp;
pub mod time;
