//! The one integration binary: loopback only, no tools needed.

#![allow(clippy::unwrap_used, reason = "a test that cannot go on should say where")]

mod corpus;
