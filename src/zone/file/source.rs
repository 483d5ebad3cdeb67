//! Where the text of zones comes from: the trait that hands files to the reader.
//!
//! Opens nothing itself: files on disk are an implementation of `app`, and `Texts` holds texts in
//! memory for the lab and for tests.

use std::borrow::Cow;
use std::collections::BTreeMap;
use std::fmt;
use std::io::Read;
use std::sync::Arc;

/// Opens the files of a zone.
pub trait Source {
    /// Opens a file that the operator or, through `$INCLUDE`, the file named `from` asks for.
    ///
    /// `from` is the `Opened::name` of the file that includes.
    ///
    /// # Errors
    ///
    /// Fails if there is no such file, it cannot be read, or it lies outside the zone's folder.
    fn open(&self, path: &str, from: Option<&str>) -> Result<Opened, SourceError>;

    /// About how many octets the file of a zone has; 0 if that is not known.
    fn len(&self, _path: &str) -> u64 {
        0
    }
}

/// A file that has been opened.
pub struct Opened {
    /// The name to show. The same file always has the same one, so that cycles are seen, and
    /// opening it under this name gives the same text.
    pub name: Arc<str>,
    /// The text.
    pub text: Box<dyn Read + Send>,
}

impl fmt::Debug for Opened {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Opened").field("name", &self.name).finish_non_exhaustive()
    }
}

/// Why a file was not opened; always the fault of the path or of the file system.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum SourceError {
    /// There is no such file.
    NotFound,
    /// The path leads out of the folder that zone files may come from.
    Outside {
        /// The folder, to be shown.
        folder: String,
    },
    /// The file exists and cannot be read.
    Unreadable {
        /// What the system said.
        reason: String,
    },
}

impl fmt::Display for SourceError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::NotFound => f.write_str("there is no such file"),
            Self::Outside { folder } => write!(f, "the file lies outside {folder}"),
            Self::Unreadable { reason } => write!(f, "the file cannot be read: {reason}"),
        }
    }
}

impl std::error::Error for SourceError {}

/// Texts in memory, each under its name.
#[derive(Clone, Debug, Default)]
pub struct Texts(BTreeMap<String, Cow<'static, [u8]>>);

impl Texts {
    /// Adds a text, instead of any other of that name.
    pub fn insert(&mut self, name: impl Into<String>, text: impl Into<Cow<'static, [u8]>>) {
        self.0.insert(name.into(), text.into());
    }

    /// One text under one name.
    pub fn of(name: impl Into<String>, text: impl Into<Cow<'static, [u8]>>) -> Self {
        let mut texts = Self::default();
        texts.insert(name, text);
        texts
    }
}

impl Source for Texts {
    fn open(&self, path: &str, _from: Option<&str>) -> Result<Opened, SourceError> {
        let text: Box<dyn Read + Send> = match self.0.get(path).ok_or(SourceError::NotFound)? {
            Cow::Borrowed(text) => Box::new(*text),
            Cow::Owned(text) => Box::new(std::io::Cursor::new(text.clone())),
        };
        Ok(Opened { name: path.into(), text })
    }

    fn len(&self, path: &str) -> u64 {
        self.0.get(path).and_then(|text| u64::try_from(text.len()).ok()).unwrap_or(0)
    }
}
