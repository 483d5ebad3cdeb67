//! Plays scenarios: scripted servers, a virtual clock, and the exact answers that are expected.
//!
//! Tooling for tests, inside the library because it drives the core as the shell does. No sockets,
//! no real time, no randomness: a scenario that is played twice goes the same way. What is wrong
//! with a script or a subject is told, not panicked about. Called by tests only.
#![deny(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing)]

pub mod arithmetic;
pub mod entry;
pub mod message;
pub mod player;
pub mod script;
pub mod server;
pub mod subject;
