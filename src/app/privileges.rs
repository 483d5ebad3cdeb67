//! The rights of the server: what it needs them for is done here, and then they are given up.
//!
//! Called between the opening of sockets and the start of threads, to which rights belong.

use std::fmt;
use std::fs::{self, DirBuilder, File, OpenOptions};
use std::io;
use std::os::unix::fs::{DirBuilderExt, MetadataExt, OpenOptionsExt, fchown};
use std::path::Path;

use crate::app::listening::Sockets;
use crate::app::secret;
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
pub(super) fn give_up(config: &Config, sockets: &Sockets) -> Result<(), PrivilegeError> {
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
    for socket in sockets.of_dns() {
        // Other sockets of the user may share its address then, which a reload needs to go from an
        // address to the wildcard. Without that it says that it cannot.
        let _ = fchown(socket, Some(user.uid), Some(user.gid));
    }
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

/// Makes the state folder, if there is none, and gives it to the user with what an earlier start left
/// in it. What has nowhere to keep its state says so itself: that is no reason not to answer.
fn make_state_folder(path: &Path, owner: Option<User>) {
    let given = || match owner {
        Some(owner) => {
            give(path, libc::O_DIRECTORY, owner)?;
            give_if_there(&path.join(secret::FILE_NAME), owner)
        }
        None => Ok(()),
    };
    if let Err(error) = make_folder(path).and_then(|()| given()) {
        tracing::warn!("the folder {} cannot hold state: {error}", path.display());
    }
}

/// Makes a folder for the server alone. Those above it that are not there are for everyone to pass.
fn make_folder(path: &Path) -> io::Result<()> {
    if let Some(parent) = path.parent() {
        fs::create_dir_all(parent)?;
    }
    DirBuilder::new().recursive(true).mode(STATE_MODE).create(path)
}

/// Gives a file of the state folder to a user.
fn give_if_there(path: &Path, owner: User) -> io::Result<()> {
    match give(path, libc::O_NONBLOCK, owner) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(()),
        given => given,
    }
}

/// Gives a folder or file to a user. A link is not followed, and a file that has another name too is
/// left alone: the user may have put them there.
fn give(path: &Path, flags: i32, owner: User) -> io::Result<()> {
    let flags = flags | libc::O_NOFOLLOW;
    let opened: File = OpenOptions::new().read(true).custom_flags(flags).open(path)?;
    let metadata = opened.metadata()?;
    if metadata.uid() == owner.uid {
        return Ok(());
    }
    if !metadata.is_dir() && (!metadata.is_file() || metadata.nlink() > 1) {
        return Err(io::Error::other(format!("{} is no file of its own", path.display())));
    }
    fchown(&opened, Some(owner.uid), Some(owner.gid))
}
