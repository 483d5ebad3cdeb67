//! Zone files on disk, and only those in the folder of the zone.
//!
//! The only place that opens zone files. Does not read them: `zone::file` does.

use std::cell::RefCell;
use std::fs::{self, OpenOptions};
use std::io;
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};

use crate::base::stamp::Stamp;
use crate::zone::file::source::{Opened, Source, SourceError};

/// A file as it was when it was opened.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Seen {
    path: PathBuf,
    stamp: Stamp,
}

impl Seen {
    /// Whether the path still leads to the same file with the same content.
    pub(super) fn is_unchanged(&self) -> bool {
        fs::metadata(&self.path).is_ok_and(|metadata| Stamp::of(&metadata) == self.stamp)
    }
}

/// The folder of a zone file, from which alone it may include others.
#[derive(Debug)]
pub(super) struct Folder {
    /// The folder without links and dots.
    root: PathBuf,
    /// The folder as it was written.
    written: PathBuf,
    /// The files that were opened, in order.
    seen: RefCell<Vec<Seen>>,
}

impl Folder {
    /// The folder of a zone file.
    ///
    /// # Errors
    ///
    /// Fails if there is no such folder, or it may not be entered.
    pub(super) fn of(zone_file: &Path) -> Result<Self, SourceError> {
        let written = zone_file.parent().unwrap_or_else(|| Path::new("")).to_owned();
        let is_here = written.as_os_str().is_empty();
        let folder = if is_here { Path::new(".") } else { &written };
        let root = folder.canonicalize().map_err(|error| source_error(&error))?;
        Ok(Self { root, written, seen: RefCell::default() })
    }

    /// The files that were opened.
    pub(super) fn into_seen(self) -> Vec<Seen> {
        self.seen.into_inner()
    }
}

impl Source for Folder {
    /// Opens the zone file, or one that it includes; a relative path counts from the folder.
    fn open(&self, path: &str, from: Option<&str>) -> Result<Opened, SourceError> {
        let path = Path::new(path);
        let shown = if from.is_some() { self.written.join(path) } else { path.to_owned() };
        let real = shown.canonicalize().map_err(|error| source_error(&error))?;
        // The zone file itself is where the operator says, even if that is a link.
        if from.is_some() && !real.starts_with(&self.root) {
            return Err(SourceError::Outside { folder: self.root.display().to_string() });
        }
        // Opening a pipe would block without this, and reading a device might never end.
        let mut options = OpenOptions::new();
        options.read(true).custom_flags(libc::O_NONBLOCK);
        let file = options.open(&real).map_err(|error| source_error(&error))?;
        let metadata = file.metadata().map_err(|error| source_error(&error))?;
        if !metadata.is_file() {
            return Err(SourceError::Unreadable { reason: "it is not a regular file".to_owned() });
        }
        let seen = Seen { path: shown.clone(), stamp: Stamp::of(&metadata) };
        self.seen.borrow_mut().push(seen);
        // An included file has one name, however it was written.
        let name = match real.strip_prefix(&self.root) {
            Ok(inside) if from.is_some() => self.written.join(inside),
            Ok(_) | Err(_) => shown,
        };
        Ok(Opened { name: name.to_string_lossy().into(), text: Box::new(file) })
    }

    fn len(&self, path: &str) -> u64 {
        fs::metadata(path).map_or(0, |metadata| metadata.len())
    }
}

fn source_error(error: &io::Error) -> SourceError {
    if error.kind() == io::ErrorKind::NotFound {
        SourceError::NotFound
    } else {
        SourceError::Unreadable { reason: error.to_string() }
    }
}
