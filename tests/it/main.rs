//! The one integration binary: loopback only, no tools needed.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    reason = "a helper of a test may fail the test; the lint knows only the tests themselves"
)]

mod licenses;
mod tidy;
