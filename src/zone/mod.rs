//! Zones: the text they are written in.
//!
//! Opens no files and knows no sockets.

pub mod file;
