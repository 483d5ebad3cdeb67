//! Holding signals back until there is somebody to obey them, and telling a program to end.

use std::io;
use std::mem::MaybeUninit;
use std::process::Child;

/// The signals that tell the server something.
const TOLD: [i32; 3] = [libc::SIGTERM, libc::SIGINT, libc::SIGHUP];

/// Holds back the signals that tell the server something, for the calling thread and those it makes.
/// They are not lost.
///
/// # Errors
///
/// Fails if the kernel refuses.
pub fn hold() -> io::Result<()> {
    set_mask(libc::SIG_BLOCK)
}

/// Lets the calling thread take the signals that were held back.
///
/// # Errors
///
/// Fails if the kernel refuses.
pub fn release() -> io::Result<()> {
    set_mask(libc::SIG_UNBLOCK)
}

/// Tells a program what it is told when its terminal goes away (SIGHUP). To be called before anybody
/// has waited for its end: its number may be another's after that.
///
/// # Errors
///
/// Fails if the kernel refuses.
pub fn hang_up(child: &Child) -> io::Result<()> {
    // SAFETY: takes no pointer.
    let result = unsafe { libc::kill(child.id().cast_signed(), libc::SIGHUP) };
    if result == 0 { Ok(()) } else { Err(io::Error::last_os_error()) }
}

fn set_mask(how: i32) -> io::Result<()> {
    let mut set = MaybeUninit::<libc::sigset_t>::uninit();
    // SAFETY: the pointer is to a `sigset_t` of ours, which the call fills.
    unsafe { libc::sigemptyset(set.as_mut_ptr()) };
    for signal in TOLD {
        // SAFETY: the set was filled above, and the signal is one that exists.
        unsafe { libc::sigaddset(set.as_mut_ptr(), signal) };
    }
    // SAFETY: the set is filled, and no old mask is asked for.
    let error = unsafe { libc::pthread_sigmask(how, set.as_ptr(), std::ptr::null_mut()) };
    if error == 0 { Ok(()) } else { Err(io::Error::from_raw_os_error(error)) }
}
