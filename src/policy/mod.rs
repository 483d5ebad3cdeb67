//! Who may ask what.
//!
//! Knows addresses and no names. `config` builds these values; the answering code asks them.

pub mod acl;
pub mod rate;
