//! Whether a file can be written to without waiting.

use std::os::fd::{AsRawFd, BorrowedFd};
use std::time::Duration;

/// Whether the file takes octets now, or does within `patience`.
///
/// A pipe that says yes takes 4,096 octets (POSIX, PIPE_BUF) without blocking. A file that cannot be
/// asked counts as ready: writing to it fails or succeeds at once.
pub fn is_writable(file: BorrowedFd<'_>, patience: Duration) -> bool {
    let mut asked = libc::pollfd { fd: file.as_raw_fd(), events: libc::POLLOUT, revents: 0 };
    let timeout_ms = i32::try_from(patience.as_millis()).unwrap_or(i32::MAX);
    // SAFETY: the pointer is to one `pollfd` of ours, and the count says so.
    let ready = unsafe { libc::poll(&raw mut asked, 1, timeout_ms) };
    ready != 0
}
