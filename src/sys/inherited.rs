//! Descriptors that were open when the program began.

use std::os::fd::{FromRawFd, OwnedFd, RawFd};
use std::sync::atomic::{AtomicBool, Ordering};

/// The first descriptor of a service manager (`sd_listen_fds(3)`).
const FIRST: RawFd = 3;

/// Takes so many descriptors of the service manager, in its order; `None` where one is not open.
///
/// Whoever starts the program vouches that they are meant for it. The first call gets them; later
/// ones get nothing. To be called before anything else opens a file.
pub fn take(count: usize) -> Vec<Option<OwnedFd>> {
    static TAKEN: AtomicBool = AtomicBool::new(false);
    if TAKEN.swap(true, Ordering::Relaxed) {
        return Vec::new();
    }
    (FIRST..).take(count).map(take_one).collect()
}

fn take_one(descriptor: RawFd) -> Option<OwnedFd> {
    // SAFETY: takes no pointer; a descriptor that is not open is an error.
    let flags = unsafe { libc::fcntl(descriptor, libc::F_GETFD) };
    if flags < 0 {
        return None;
    }
    // SAFETY: as above. Programs that we start have no use for it; that it fails is impossible.
    let _ = unsafe { libc::fcntl(descriptor, libc::F_SETFD, flags | libc::FD_CLOEXEC) };
    // SAFETY: it is open, and nobody else in the process owns it: it was open before the program
    // began, and is taken here at most once.
    Some(unsafe { OwnedFd::from_raw_fd(descriptor) })
}
