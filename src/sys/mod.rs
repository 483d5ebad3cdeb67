//! Everything that is unsafe: raw system calls behind functions that are safe to call.
//!
//! No policy: what is sent to whom is decided elsewhere.
#![allow(unsafe_code, reason = "the one folder where system calls without a safe wrapper are made")]
#![allow(
    clippy::cast_possible_truncation,
    reason = "what is cast is the size of a structure or the number of slots in a batch"
)]

pub mod affinity;
pub mod clock;
pub mod epoll;
pub mod files;
pub mod inherited;
pub mod loopback;
pub mod mmsg;
pub mod namespace;
pub mod poll;
pub mod privilege;
pub mod random;
pub mod signal;
pub mod socket;
pub mod terminal;
