//! The user's shell in the lab, and its end.
//!
//! It has the standard streams and the terminal of this program. `app::serve` serves as long as it
//! runs.

use std::future;
use std::io;
use std::os::unix::process::ExitStatusExt;
use std::path::Path;
use std::process::{Child, Command, ExitStatus};
use std::time::Duration;

use tokio::signal::unix::{Signal, SignalKind, signal};
use tokio::time::timeout;

use crate::app::lab::words;
use crate::app::{Exit, output};
use crate::sys::signal::hang_up;

/// How long the shell may take to go when it is told to: one that obeys takes some milliseconds, and
/// the replies on their way get the rest of the time in which we have to end (`DRAIN_MS_MAX`).
const LEAVE_MS_MAX: u64 = 2000;

/// What shells add to the number of the signal that ended a program.
const SIGNAL_EXIT: i32 = 128;

/// A shell that runs. To be used where there is a runtime.
#[derive(Debug)]
pub(in crate::app) struct Shell {
    child: Child,
    /// Told when it ends.
    ended: Signal,
    /// Held so that a terminal's SIGQUIT is the shell's alone.
    _quit: Signal,
}

impl Shell {
    /// Says what to try in it, and starts it. Standard output is the shell's alone.
    ///
    /// # Errors
    ///
    /// Fails if there is no such program, or it may not be run.
    pub(in crate::app) fn start(program: &Path) -> io::Result<Self> {
        // Listened for before there is anything to hear.
        let (ended, quit) = (signal(SignalKind::child())?, signal(SignalKind::quit())?);
        output::note(&words::inside());
        let child = Command::new(program).spawn()?;
        Ok(Self { child, ended, _quit: quit })
    }

    /// Waits for its end; how it ended is how we do.
    pub(in crate::app) async fn exit(&mut self) -> Exit {
        loop {
            match self.child.try_wait() {
                Ok(Some(status)) => return Exit::Passed(code(status)),
                Ok(None) => (),
                Err(error) => {
                    tracing::error!("cannot wait for the shell: {error}");
                    return Exit::Failed;
                }
            }
            if self.ended.recv().await.is_none() {
                // The runtime ends, which it does after us.
                future::pending::<()>().await;
            }
        }
    }

    /// Tells it that its terminal is gone, and ends it if it is slow to go.
    pub(in crate::app) async fn end(mut self) {
        if matches!(self.child.try_wait(), Ok(None)) {
            // Where this fails, the rest does it.
            let _ = hang_up(&self.child);
        }
        if timeout(Duration::from_millis(LEAVE_MS_MAX), self.exit()).await.is_err() {
            let _ = self.child.kill();
            let _ = self.child.wait();
        }
    }
}

/// The exit code of a program as shells tell it.
fn code(status: ExitStatus) -> u8 {
    let code = status.code().or_else(|| status.signal().map(|signal| SIGNAL_EXIT + signal));
    code.and_then(|code| u8::try_from(code).ok()).unwrap_or(u8::MAX)
}

#[cfg(test)]
mod tests {
    use super::code;
    use std::os::unix::process::ExitStatusExt;
    use std::process::ExitStatus;

    #[test]
    fn signal_that_ends_a_shell_counts_from_128() {
        assert_eq!(code(ExitStatus::from_raw(0)), 0);
        assert_eq!(code(ExitStatus::from_raw(7 << 8)), 7);
        assert_eq!(code(ExitStatus::from_raw(255 << 8)), 255);
        assert_eq!(code(ExitStatus::from_raw(libc::SIGKILL)), 137);
    }
}
