//! Steps on disk, each of which a crash may come behind. Tests look at the disk after each.
//!
//! What follows which is the business of whoever keeps messages.

use std::fs::{self, DirBuilder, File, OpenOptions};
use std::io::{self, Write};
use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt};
use std::path::Path;

/// Nobody but the server looks into its folders.
const FOLDER_MODE: u32 = 0o700;

/// Nor into messages.
pub(super) const FILE_MODE: u32 = 0o600;

/// Makes a folder for the server alone, and those above it.
///
/// # Errors
///
/// Fails if it cannot be made.
pub(super) fn make_folder(path: &Path) -> io::Result<()> {
    DirBuilder::new().recursive(true).mode(FOLDER_MODE).create(path)?;
    step();
    Ok(())
}

/// Flushes a folder to disk: which files are in it, not what is in these.
///
/// # Errors
///
/// Fails if it is not there, or the disk fails.
pub(super) fn sync_folder(path: &Path) -> io::Result<()> {
    File::open(path)?.sync_all()
}

/// Writes a file, in the place of one that may be there, and flushes it to disk.
///
/// # Errors
///
/// Fails if the disk is full; then some of it may be there.
pub(super) fn write(path: &Path, octets: &[u8]) -> io::Result<()> {
    let mut options = OpenOptions::new();
    let mut file = options.write(true).create(true).truncate(true).mode(FILE_MODE).open(path)?;
    step();
    file.write_all(octets)?;
    file.sync_all()?;
    step();
    Ok(())
}

/// Gives a file another name as well.
///
/// # Errors
///
/// Fails if something has the name.
pub(super) fn link(from: &Path, to: &Path) -> io::Result<()> {
    fs::hard_link(from, to)?;
    step();
    Ok(())
}

/// Gives a file or a folder another name; a file that has it is gone.
///
/// # Errors
///
/// Fails if there is none.
pub(super) fn rename(from: &Path, to: &Path) -> io::Result<()> {
    fs::rename(from, to)?;
    step();
    Ok(())
}

/// Removes a file. One that is gone is no error.
///
/// # Errors
///
/// Fails if it cannot be removed.
pub(super) fn remove(path: &Path) -> io::Result<()> {
    match fs::remove_file(path) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => Err(error),
        Ok(()) | Err(_) => {
            step();
            Ok(())
        }
    }
}

#[cfg(not(test))]
fn step() {}

#[cfg(test)]
pub(super) use observed::{observe, step};

/// What tests do after each step of their thread.
#[cfg(test)]
mod observed {
    use std::cell::RefCell;

    thread_local! {
        static OBSERVER: RefCell<Option<Box<dyn FnMut()>>> = const { RefCell::new(None) };
    }

    /// Calls the observer after each step of some work.
    pub(in crate::net::mail) fn observe<T>(
        observer: impl FnMut() + 'static,
        work: impl FnOnce() -> T,
    ) -> T {
        OBSERVER.set(Some(Box::new(observer)));
        let result = work();
        OBSERVER.set(None);
        result
    }

    pub(in crate::net::mail) fn step() {
        OBSERVER.with_borrow_mut(|observer| {
            if let Some(observer) = observer {
                observer();
            }
        });
    }
}
