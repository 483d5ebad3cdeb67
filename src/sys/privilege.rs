//! Who the process is, and becoming somebody with fewer rights.

use std::ffi::CString;
use std::io;
use std::mem::MaybeUninit;

/// Octets for the entry of a user, at first and at most.
const ENTRY_LEN: usize = 1024;
const ENTRY_LEN_MAX: usize = 1 << 20;

/// The capability to bind ports below 1024.
const CAP_NET_BIND_SERVICE: u32 = 10;

/// The version of the capability calls with two words for each set (`capget(2)`).
const CAPABILITY_VERSION_3: u32 = 0x2008_0522;

/// A user of the system.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct User {
    /// Its number.
    pub uid: u32,
    /// The number of its group.
    pub gid: u32,
}

#[repr(C)]
struct CapabilityHeader {
    version: u32,
    pid: i32,
}

#[derive(Clone, Copy, Default)]
#[repr(C)]
struct CapabilitySet {
    effective: u32,
    permitted: u32,
    inheritable: u32,
}

/// The user whose rights the process has.
pub fn effective_uid() -> u32 {
    // SAFETY: takes no pointer and does not fail.
    unsafe { libc::geteuid() }
}

/// The group whose rights the process has.
pub fn effective_gid() -> u32 {
    // SAFETY: takes no pointer and does not fail.
    unsafe { libc::getegid() }
}

/// The user of this name; `None` if there is none.
///
/// # Errors
///
/// Fails if the list of users cannot be read.
pub fn find_user(name: &str) -> io::Result<Option<User>> {
    let name = CString::new(name)?;
    let mut buffer = vec![0; ENTRY_LEN];
    loop {
        let mut entry = MaybeUninit::<libc::passwd>::uninit();
        let mut found = std::ptr::null_mut();
        let (text, len) = (buffer.as_mut_ptr(), buffer.len());
        // SAFETY: all pointers are to memory of ours; `text` has `len` octets.
        let error = unsafe {
            libc::getpwnam_r(name.as_ptr(), entry.as_mut_ptr(), text, len, &raw mut found)
        };
        match error {
            0 if found.is_null() => return Ok(None),
            0 => {
                // SAFETY: a found entry has been written.
                let entry = unsafe { entry.assume_init() };
                return Ok(Some(User { uid: entry.pw_uid, gid: entry.pw_gid }));
            }
            libc::EINTR => (),
            libc::ERANGE if len < ENTRY_LEN_MAX => buffer.resize(2 * len, 0),
            // What `getpwnam_r(3)` says some systems return for "not found".
            libc::ENOENT | libc::ESRCH => return Ok(None),
            error => return Err(io::Error::from_raw_os_error(error)),
        }
    }
}

/// Becomes this user, with its group and no other, and keeps no right but to bind ports below 1024,
/// if the process had it.
///
/// To be called while there is one thread: on Linux capabilities belong to threads.
///
/// # Errors
///
/// Fails if the process may not do so; it may then have lost some of its rights.
pub fn become_user(user: User) -> io::Result<()> {
    // Without this the change of user would take all capabilities.
    keep_capabilities(true)?;
    // SAFETY: the pointer is to one group of ours.
    check(unsafe { libc::setgroups(1, &raw const user.gid) })?;
    // SAFETY: takes no pointer.
    check(unsafe { libc::setresgid(user.gid, user.gid, user.gid) })?;
    // SAFETY: takes no pointer.
    check(unsafe { libc::setresuid(user.uid, user.uid, user.uid) })?;
    keep_only_binding()?;
    keep_capabilities(false)
}

fn keep_capabilities(keep: bool) -> io::Result<()> {
    let keep = libc::c_ulong::from(keep);
    // SAFETY: this operation takes a number and no pointer.
    check(unsafe { libc::prctl(libc::PR_SET_KEEPCAPS, keep, 0, 0, 0) })
}

fn keep_only_binding() -> io::Result<()> {
    let mut header = CapabilityHeader { version: CAPABILITY_VERSION_3, pid: 0 };
    let mut sets = [CapabilitySet::default(); 2];
    // SAFETY: the header is ours, and its version says that there are two sets.
    let got = unsafe { libc::syscall(libc::SYS_capget, &raw mut header, sets.as_mut_ptr()) };
    check(i32::from(got != 0))?;
    let kept = sets[0].permitted & (1 << CAP_NET_BIND_SERVICE);
    let low = CapabilitySet { effective: kept, permitted: kept, inheritable: 0 };
    let sets = [low, CapabilitySet::default()];
    // SAFETY: as above.
    let set = unsafe { libc::syscall(libc::SYS_capset, &raw mut header, sets.as_ptr()) };
    check(i32::from(set != 0))
}

fn check(result: i32) -> io::Result<()> {
    if result == 0 { Ok(()) } else { Err(io::Error::last_os_error()) }
}
