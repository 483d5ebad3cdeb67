//! What tells a changed file from the one that was read.
//!
//! Looks at no file itself: whoever has its metadata hands them in.

use std::fs::Metadata;
use std::os::unix::fs::MetadataExt;

/// Which file it is, its size, and when its content and its entry last changed, in seconds and
/// nanoseconds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Stamp {
    device: u64,
    inode: u64,
    size: u64,
    content: (i64, i64),
    entry: (i64, i64),
}

impl Stamp {
    /// That of a file with this metadata.
    pub fn of(metadata: &Metadata) -> Self {
        Self {
            device: metadata.dev(),
            inode: metadata.ino(),
            size: metadata.size(),
            content: (metadata.mtime(), metadata.mtime_nsec()),
            entry: (metadata.ctime(), metadata.ctime_nsec()),
        }
    }
}
