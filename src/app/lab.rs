//! The lab zones, compiled into the binary: a small hierarchy of names to try things with.
//!
//! `serve` without a configuration serves all of them from one address; `command` is `kereru lab`,
//! which gives each zone a server of its own.

pub(super) mod command;
mod folder;
mod hierarchy;
pub(super) mod post;
mod realm;
mod settings;
pub(super) mod shell;
pub(super) mod views;
mod words;

use crate::zone::file::source::Texts;

/// Makes the list of files, so that a name stands once.
macro_rules! lab_files {
    ($($name:literal)*) => {
        /// Each file of `zones/lab` with its text.
        pub const FILES: &[(&str, &str)] =
            &[$(($name, include_str!(concat!("../../zones/lab/", $name)))),*];
    };
}

lab_files! {
    "root.zone"
    "nz.zone"
    "ac.nz.zone"
    "auckland.ac.nz.zone"
    "cs.auckland.ac.nz.zone"
    "com.zone"
    "compsci314.com.zone"
    "bloggs.com.zone"
    "foo.com.zone"
    "foobar.com.zone"
    "arpa.zone"
    "in-addr.arpa.zone"
    "130.in-addr.arpa.zone"
    "216.130.in-addr.arpa.zone"
}

/// The path by which a file of the lab is known.
pub fn path(name: &str) -> String {
    format!("lab/{name}")
}

/// The files as a source of zones.
pub fn source() -> Texts {
    let mut texts = Texts::default();
    for (name, text) in FILES {
        texts.insert(path(name), text.as_bytes());
    }
    texts
}
