//! Random octets from the kernel.

use std::io;

/// The most octets that the kernel gives whole: beyond this a signal may cut a call short
/// (`getrandom(2)`).
const LEN_MAX: usize = 256;

/// Random octets fit for secrets. At most 256.
///
/// # Errors
///
/// Fails if the kernel has none to give.
pub fn octets<const LEN: usize>() -> io::Result<[u8; LEN]> {
    const { assert!(LEN <= LEN_MAX) };
    let mut octets = [0; LEN];
    // SAFETY: the pointer is to `LEN` octets of ours, and that is the length given.
    let filled = unsafe { libc::getrandom(octets.as_mut_ptr().cast(), LEN, 0) };
    if usize::try_from(filled) == Ok(LEN) { Ok(octets) } else { Err(io::Error::last_os_error()) }
}
