//! Who may ask what, and who has shown that it is who it says.
//!
//! Knows addresses and no names. `config` and `app` build these values; the answering code asks them.

pub mod acl;
pub mod cookie;
pub mod rate;
