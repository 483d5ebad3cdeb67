//! The one place that writes to standard output and standard error.
//!
//! Standard output is for results, standard error for what is said about the work.

use std::io::{self, IsTerminal, Write};

use crate::app::Exit;

/// Writes a result, and gives back how the command ends: as told, or failed.
///
/// A reader that has seen enough (`kereru man | head`) is no failure.
pub(super) fn print(text: &str, exit: Exit) -> Exit {
    let mut stdout = io::stdout().lock();
    match stdout.write_all(text.as_bytes()).and_then(|()| stdout.flush()) {
        Ok(()) => exit,
        Err(error) if error.kind() == io::ErrorKind::BrokenPipe => exit,
        Err(error) => {
            note(&format!("cannot write to standard output: {error}\n"));
            Exit::Failed
        }
    }
}

/// Says something about the work.
pub(super) fn note(text: &str) {
    // There is nowhere left to tell that this failed.
    let _ = io::stderr().lock().write_all(text.as_bytes());
}

/// Whether a result may have colours: <https://no-color.org> has the rule.
pub(super) fn is_colourful() -> bool {
    io::stdout().is_terminal() && std::env::var_os("NO_COLOR").is_none_or(|set| set.is_empty())
}
