//! The folder that a lab keeps its state in, which is gone when the lab is.

use std::env;
use std::fs::{self, DirBuilder};
use std::io;
use std::os::unix::fs::DirBuilderExt;
use std::path::{Path, PathBuf};

use data_encoding::HEXLOWER;

use crate::sys::random;

/// Octets of chance in the folder's name: enough that no two labs meet.
const TAG_LEN: usize = 8;

/// A folder of the lab alone. It is removed with all that is in it when this is dropped.
#[derive(Debug)]
pub(super) struct Folder(PathBuf);

impl Folder {
    /// Makes one where temporary files are.
    ///
    /// # Errors
    ///
    /// Fails if nothing can be written there.
    pub(super) fn make() -> io::Result<Self> {
        let tag = random::octets::<TAG_LEN>()?;
        let name = format!("kereru-lab-{}", HEXLOWER.encode(&tag));
        let path = std::path::absolute(env::temp_dir().join(name))?;
        DirBuilder::new().mode(0o700).create(&path)?;
        Ok(Self(path))
    }

    /// Where it is.
    pub(super) fn path(&self) -> &Path {
        &self.0
    }

    /// Writes a file into it, and the folders above that; gives back the path.
    ///
    /// # Errors
    ///
    /// Fails if it cannot be written.
    pub(super) fn write(&self, name: impl AsRef<Path>, text: &str) -> io::Result<PathBuf> {
        let path = self.0.join(name);
        if let Some(parent) = path.parent() {
            fs::create_dir_all(parent)?;
        }
        fs::write(&path, text)?;
        Ok(path)
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        if let Err(error) = fs::remove_dir_all(&self.0) {
            tracing::warn!("cannot remove {}: {error}", self.0.display());
        }
    }
}

#[cfg(test)]
mod tests {
    use super::Folder;
    use std::fs;

    #[test]
    fn folder_goes_with_all_that_is_in_it_and_no_two_are_the_same() {
        let (one, other) = (Folder::make().unwrap(), Folder::make().unwrap());
        assert_ne!(one.path(), other.path());
        let written = one.write("deep/hints", "text").unwrap();
        assert_eq!(fs::read_to_string(&written).unwrap(), "text");
        let path = one.path().to_owned();
        drop(one);
        assert!(!path.exists());
        assert!(other.path().exists());
    }
}
