//! A terminal that does not show what is typed.

use std::io;
use std::mem::MaybeUninit;
use std::os::fd::{AsFd, AsRawFd, BorrowedFd};

/// As long as this lives, a terminal shows nothing of what is typed but the ends of lines.
pub struct Hidden<'t> {
    terminal: BorrowedFd<'t>,
    before: libc::termios,
}

impl std::fmt::Debug for Hidden<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Hidden").finish_non_exhaustive()
    }
}

impl<'t> Hidden<'t> {
    /// Hides what is typed from now on, and forgets what was typed before.
    ///
    /// # Errors
    ///
    /// Fails if it is no terminal.
    pub fn begin(terminal: &'t impl AsFd) -> io::Result<Self> {
        let terminal = terminal.as_fd();
        let mut before = MaybeUninit::<libc::termios>::uninit();
        // SAFETY: the pointer is to room for the structure that the call fills.
        if unsafe { libc::tcgetattr(terminal.as_raw_fd(), before.as_mut_ptr()) } != 0 {
            return Err(io::Error::last_os_error());
        }
        // SAFETY: the call above did not fail, so that it has filled the structure.
        let before = unsafe { before.assume_init() };
        let mut hidden = before;
        hidden.c_lflag &= !libc::ECHO;
        hidden.c_lflag |= libc::ECHONL;
        set(terminal, &hidden)?;
        Ok(Self { terminal, before })
    }
}

impl Drop for Hidden<'_> {
    fn drop(&mut self) {
        // The terminal may be gone.
        let _ = set(self.terminal, &self.before);
    }
}

fn set(terminal: BorrowedFd<'_>, settings: &libc::termios) -> io::Result<()> {
    // SAFETY: the pointer is to a structure of ours that `tcgetattr` has filled.
    let result = unsafe { libc::tcsetattr(terminal.as_raw_fd(), libc::TCSAFLUSH, settings) };
    if result == 0 { Ok(()) } else { Err(io::Error::last_os_error()) }
}
