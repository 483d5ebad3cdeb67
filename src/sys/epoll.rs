//! Waiting for the first of several sockets to have something to read.

use std::io;
use std::os::fd::{AsRawFd, BorrowedFd, FromRawFd, OwnedFd};
use std::time::Duration;

/// Sockets told of by one call. More are told by the next.
const EVENTS_MAX: usize = 64;

/// A set of sockets that are waited for.
#[derive(Debug)]
pub struct Epoll {
    fd: OwnedFd,
}

impl Epoll {
    /// An empty set.
    ///
    /// # Errors
    ///
    /// Fails if the process may not open more files.
    pub fn new() -> io::Result<Self> {
        // SAFETY: takes no pointer.
        let fd = unsafe { libc::epoll_create1(libc::EPOLL_CLOEXEC) };
        if fd < 0 {
            return Err(io::Error::last_os_error());
        }
        // SAFETY: the descriptor was made just now, and nobody else knows it.
        let fd = unsafe { OwnedFd::from_raw_fd(fd) };
        Ok(Self { fd })
    }

    /// Adds a socket; `wait` tells of it by `token`.
    ///
    /// # Errors
    ///
    /// Fails if the socket is in the set already.
    pub fn add(&self, socket: BorrowedFd<'_>, token: u64) -> io::Result<()> {
        let mut event = libc::epoll_event { events: libc::EPOLLIN.cast_unsigned(), u64: token };
        let (set, socket) = (self.fd.as_raw_fd(), socket.as_raw_fd());
        // SAFETY: both descriptors are open while they are borrowed, and the event is ours.
        let result = unsafe { libc::epoll_ctl(set, libc::EPOLL_CTL_ADD, socket, &raw mut event) };
        if result == 0 { Ok(()) } else { Err(io::Error::last_os_error()) }
    }

    /// Waits until sockets have something to read, at most for `timeout`, and calls `ready` with
    /// the token of each.
    ///
    /// # Errors
    ///
    /// Fails if the kernel refuses to wait. An interruption by a signal counts as nothing ready.
    pub fn wait(&self, timeout: Duration, mut ready: impl FnMut(u64)) -> io::Result<()> {
        let mut events = [libc::epoll_event { events: 0, u64: 0 }; EVENTS_MAX];
        let timeout_ms = i32::try_from(timeout.as_millis()).unwrap_or(i32::MAX);
        let (set, most) = (self.fd.as_raw_fd(), EVENTS_MAX as i32);
        // SAFETY: the array has room for `most` events.
        let count = unsafe { libc::epoll_wait(set, events.as_mut_ptr(), most, timeout_ms) };
        let Ok(count) = usize::try_from(count) else {
            let error = io::Error::last_os_error();
            return if error.kind() == io::ErrorKind::Interrupted { Ok(()) } else { Err(error) };
        };
        for event in events.iter().take(count) {
            ready(event.u64);
        }
        Ok(())
    }
}
