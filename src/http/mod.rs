//! What is shown over HTTP: whether the server is alive, whether it is ready, and its metrics.
//!
//! A request in, a response out, without waiting. Connections and their bounds are the business of
//! `net::http`, octets that of hyper.
#![deny(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing)]

mod access;
mod route;
mod site;

pub use site::{Audience, Site};
