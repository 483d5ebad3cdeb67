//! The rights of the server: what it needs them for is done here, and then they are given up.
//!
//! Called between the opening of sockets and the start of threads, to which rights belong.

use std::fmt;
use std::fs::{DirBuilder, File, OpenOptions};
use std::io;
use std::os::unix::fs::{DirBuilderExt, MetadataExt, OpenOptionsExt, fchown};
use std::path::Path;

use crate::config::Config;
use crate::sys::privilege::{self, User};

/// Nobody but the server looks into its state.
const STATE_MODE: u32 = 0o700;

/// Why rights could not be given up.
#[derive(Debug)]
pub(super) enum PrivilegeError {
    /// The configuration names a user that does not exist.
    UnknownUser(String),
    /// The list of users cannot be read.
    Users(io::Error),
    /// The system did not let the server become the user.
    Become(String, io::Error),
}

impl fmt::Display for PrivilegeError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::UnknownUser(name) => write!(
                f,
                "`user` is {name}, and this system has no such user; create it with \
                 `useradd --system {name}`, or name another one"
            ),
            Self::Users(error) => write!(f, "cannot look up `user`: {error}"),
            Self::Become(name, error) => write!(f, "cannot become the user {name}: {error}"),
        }
    }
}

/// Makes the state folder, and becomes the configured user if the server was started as root.
///
/// # Errors
///
/// Fails if there is no such user, or the server may not become it.
pub(super) fn give_up(config: &Config) -> Result<(), PrivilegeError> {
    let is_root = privilege::effective_uid() == 0;
    let name = config.user.as_ref().filter(|_| is_root);
    let user = name.map(|name| Ok((name, find_user(name)?))).transpose()?;
    make_state_folder(&config.state.path, user.map(|(_, user)| user));
    let Some((name, user)) = user else {
        if is_root {
            tracing::warn!("running as root; `user` in the configuration names whom to become");
        }
        return Ok(());
    };
    privilege::become_user(user).map_err(|error| PrivilegeError::Become(name.clone(), error))?;
    tracing::info!("running as {name}");
    Ok(())
}

fn find_user(name: &str) -> Result<User, PrivilegeError> {
    match privilege::find_user(name) {
        Ok(Some(user)) => Ok(user),
        Ok(None) => Err(PrivilegeError::UnknownUser(name.to_owned())),
        Err(error) => Err(PrivilegeError::Users(error)),
    }
}

/// Makes the state folder, if there is none, and gives it to the user. What has nowhere to keep its
/// state says so itself: that is no reason not to answer.
fn make_state_folder(path: &Path, owner: Option<User>) {
    let made = DirBuilder::new().recursive(true).mode(STATE_MODE).create(path);
    let done = made.and_then(|()| owner.map_or(Ok(()), |owner| give(path, owner)));
    if let Err(error) = done {
        tracing::warn!("the folder {} cannot hold state: {error}", path.display());
    }
}

/// Gives a folder to a user. A link is not followed: the user may have put it there.
fn give(path: &Path, owner: User) -> io::Result<()> {
    let flags = libc::O_DIRECTORY | libc::O_NOFOLLOW;
    let folder: File = OpenOptions::new().read(true).custom_flags(flags).open(path)?;
    if folder.metadata()?.uid() == owner.uid {
        return Ok(());
    }
    fchown(&folder, Some(owner.uid), Some(owner.gid))
}
