//! Namespaces of the process's own: other users, networks and mounts than the machine's
//! (`namespaces(7)`).
//!
//! Decides nothing of what is in them. Used for the shell of the lab.

use std::ffi::CString;
use std::io;
use std::os::unix::ffi::OsStrExt;
use std::path::Path;
use std::ptr;

/// A file or folder to be seen in the place of another.
#[derive(Clone, Copy, Debug)]
pub struct Cover<'p> {
    /// What is to be hidden; it must be there.
    pub over: &'p Path,
    /// What is to be seen there.
    pub with: &'p Path,
}

/// Moves the process into a user, a network and a mount namespace of its own. It has all rights there,
/// and none outside. No user has a number there until the process gives it one
/// (`user_namespaces(7)`).
///
/// To be called while there is one thread.
///
/// # Errors
///
/// Fails if there are more threads, or the system does not let this user have namespaces.
pub fn enter_own() -> io::Result<()> {
    // SAFETY: takes no pointer.
    check(unsafe { libc::unshare(libc::CLONE_NEWUSER | libc::CLONE_NEWNET | libc::CLONE_NEWNS) })
}

/// Makes what is mounted from now on known in this mount namespace only.
///
/// # Errors
///
/// Fails if the mount namespace is not one of the process's own.
pub fn make_mounts_private() -> io::Result<()> {
    let (none, flags) = (ptr::null(), libc::MS_REC | libc::MS_PRIVATE);
    // SAFETY: the target is a constant that ends in a zero octet; where mounts are only changed, the
    // other pointers are not looked at.
    check(unsafe { libc::mount(none, c"/".as_ptr(), none, flags, ptr::null()) })
}

/// Shows one file or folder in the place of another, to this mount namespace.
///
/// # Errors
///
/// Fails if one of them is not there, if one is a file and the other a folder, or without the right to
/// mount.
pub fn cover(cover: Cover<'_>) -> io::Result<()> {
    let with = CString::new(cover.with.as_os_str().as_bytes())?;
    let over = CString::new(cover.over.as_os_str().as_bytes())?;
    let (source, target, none) = (with.as_ptr(), over.as_ptr(), ptr::null());
    // SAFETY: both paths end in a zero octet and outlive the call; a bind mount has neither a type nor
    // data.
    check(unsafe { libc::mount(source, target, none, libc::MS_BIND, ptr::null()) })
}

fn check(result: i32) -> io::Result<()> {
    if result == 0 { Ok(()) } else { Err(io::Error::last_os_error()) }
}
