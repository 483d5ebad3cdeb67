//! The secrets of cookies: read from their file, or made when there is none.
//!
//! The only place that reads or writes them. `policy::cookie` uses them.

use std::fs::{self, File, OpenOptions};
use std::io::{self, Read, Write};
use std::os::unix::fs::{OpenOptionsExt, PermissionsExt};
use std::path::Path;

use data_encoding::HEXLOWER;

use crate::base::diagnostic::{Diagnostic, Diagnostics, Place, Severity};
use crate::config::Config;
use crate::policy::cookie::{SECRET_LEN, Secrets};
use crate::sys::random;

/// The file of the state folder.
pub(super) const FILE_NAME: &str = "cookie-secret";

/// The permission of everybody to read a file.
const READ_BY_OTHERS: u32 = 0o004;

/// Octets of a file of secrets: two lines, and some white space.
const FILE_LEN_MAX: u64 = 256;

/// What cookies are signed with, and where it is kept.
pub(super) struct CookieSecrets {
    /// The secrets.
    pub(super) secrets: Secrets,
    /// One that this server made and could not write to a file, which the next reload tries again.
    unkept: Option<[u8; SECRET_LEN]>,
}

/// The secrets of the configuration; `None` if cookies are off.
///
/// Where the operator names no file, that of the state folder is made if it is not there. A reload
/// gives what a start would give; but a secret that could not be kept stays as long as it cannot.
///
/// # Errors
///
/// Fails if a file cannot be read or holds no secrets.
pub(super) fn cookies(
    config: &Config,
    in_force: Option<&CookieSecrets>,
) -> Result<Option<CookieSecrets>, Diagnostics> {
    let Some(cookies) = &config.cookies else { return Ok(None) };
    let path = match &cookies.secret_file {
        Some(file) => return kept(read(&file.path, file.place.as_ref())),
        None => config.state.path.join(FILE_NAME),
    };
    if path.exists() {
        return kept(read(&path, None));
    }
    let secret = match in_force.and_then(|in_force| in_force.unkept) {
        Some(secret) => secret,
        None => random::octets().map_err(|error| {
            problem(format!("cannot make a cookie secret: {error}"), None, "start it again")
        })?,
    };
    let shown = path.display();
    let unkept = match write(&config.state.path, &path, &secret) {
        Ok(()) => {
            tracing::info!("made a cookie secret in {shown}");
            None
        }
        Err(error) => {
            // A machine that lets nobody write can serve all the same.
            tracing::warn!(
                "cannot keep the cookie secret in {shown}: {error}; clients get new cookies after \
                 the next start, unless a reload before it can"
            );
            Some(secret)
        }
    };
    Ok(Some(CookieSecrets { secrets: Secrets::new(secret, None), unkept }))
}

/// Secrets that are in a file.
fn kept(secrets: Result<Secrets, Diagnostics>) -> Result<Option<CookieSecrets>, Diagnostics> {
    secrets.map(|secrets| Some(CookieSecrets { secrets, unkept: None }))
}

/// What is wrong with the file of secrets that the configuration names, without making one.
pub(super) fn check(config: &Config) -> Diagnostics {
    let named = config.cookies.as_ref().and_then(|cookies| cookies.secret_file.as_ref());
    let result = named.map(|file| read(&file.path, file.place.as_ref()));
    let mut problems = result.and_then(Result::err).unwrap_or_default();
    problems.append(check_readers(config));
    problems
}

/// A warning if everybody may read the file of secrets. A group may, so that the server need not own
/// its file.
pub(super) fn check_readers(config: &Config) -> Diagnostics {
    let mut problems = Diagnostics::default();
    let Some(cookies) = &config.cookies else { return problems };
    let (path, place) = match &cookies.secret_file {
        Some(file) => (file.path.clone(), file.place.clone()),
        None => (config.state.path.join(FILE_NAME), None),
    };
    if fs::metadata(&path).is_ok_and(|file| file.permissions().mode() & READ_BY_OTHERS != 0) {
        let shown = path.display();
        problems.push(Diagnostic {
            severity: Severity::Warning,
            code: "cookie-secret-readable",
            message: format!("everybody may read the cookie secret {shown}"),
            place,
            hint: Some(format!(
                "run chmod o= {shown}, and write a new secret: who knows it can make cookies for any \
                 address, and cookies exempt from rate limits"
            )),
        });
    }
    problems
}

fn read(path: &Path, place: Option<&Place>) -> Result<Secrets, Diagnostics> {
    let shown = path.display();
    let mut text = String::new();
    let opened = File::open(path);
    opened.and_then(|file| file.take(FILE_LEN_MAX).read_to_string(&mut text)).map_err(|error| {
        problem(
            format!("cannot read the cookie secret {shown}: {error}"),
            place,
            "name a file that the server may read",
        )
    })?;
    Secrets::parse(&text).map_err(|error| {
        problem(
            format!("the cookie secret {shown} cannot be used: {error}"),
            place,
            "write 32 hexadecimal digits; on a second line, what else is accepted",
        )
    })
}

fn problem(message: String, place: Option<&Place>, hint: &str) -> Diagnostics {
    let mut problems = Diagnostics::default();
    problems.push(Diagnostic {
        severity: Severity::Error,
        code: "cookie-secret",
        message,
        place: place.cloned(),
        hint: Some(hint.to_owned()),
    });
    problems
}

/// Writes a secret to a file that was not there. The file is there whole, or not at all.
fn write(folder: &Path, path: &Path, secret: &[u8; SECRET_LEN]) -> io::Result<()> {
    fs::create_dir_all(folder)?;
    let unfinished = path.with_extension("new");
    let mut options = OpenOptions::new();
    let mut file = options.write(true).create(true).truncate(true).mode(0o600).open(&unfinished)?;
    writeln!(file, "{}", HEXLOWER.encode(secret))?;
    file.sync_all()?;
    fs::rename(unfinished, path)
}
