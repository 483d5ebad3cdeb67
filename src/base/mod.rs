//! Foundations that know nothing of DNS messages: time, bounds, diagnostics.
//!
//! Nothing here does I/O or reads a clock. Every layer may import it.

pub mod diagnostic;
pub mod limits;
pub mod time;
