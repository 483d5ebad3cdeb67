//! Finds and reads the configuration.
//!
//! Checks nothing: that is `config`. Used by every command that has `--config`.

use std::fs::File;
use std::io::{self, Read};
use std::path::Path;

use crate::base::diagnostic::{Diagnostic, Diagnostics, Severity};
use crate::base::limits::CONFIG_LEN_MAX;
use crate::config::Config;

/// The configuration of a working folder.
const FILE_NAME: &str = "kereru.yaml";

/// The given configuration, or that of the working folder, or the built-in one; with its warnings.
///
/// # Errors
///
/// Fails with all problems if the file cannot be read or has an error.
pub(super) fn configuration(given: Option<&Path>) -> Result<(Config, Diagnostics), Diagnostics> {
    let path = given.unwrap_or_else(|| Path::new(FILE_NAME));
    match read(path) {
        Ok(text) => Config::load(path, &text),
        // A link that leads nowhere is there all the same, and was meant to be used.
        Err(error)
            if given.is_none()
                && error.kind() == io::ErrorKind::NotFound
                && path.symlink_metadata().is_err() =>
        {
            Ok((Config::built_in(), Diagnostics::default()))
        }
        Err(error) => {
            let mut problems = Diagnostics::default();
            problems.push(Diagnostic {
                severity: Severity::Error,
                code: "unreadable",
                message: format!("cannot read {}: {error}", path.display()),
                place: None,
                hint: None,
            });
            Err(problems)
        }
    }
}

/// Reads a file, and no more of it than shows that it is too long.
fn read(path: &Path) -> io::Result<Vec<u8>> {
    let mut text = Vec::new();
    File::open(path)?.take(CONFIG_LEN_MAX as u64 + 1).read_to_end(&mut text)?;
    Ok(text)
}
