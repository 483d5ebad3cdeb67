//! The one place that writes to standard output and standard error.
//!
//! Standard output is for results, standard error for what is said about the work.

use std::io::{self, BufWriter, IsTerminal, Write};
use std::iter;

use crate::app::Exit;

/// Writes a result, and gives back how the command ends: as told, or failed.
///
/// A reader that has seen enough (`kereru man | head`) is no failure.
pub(super) fn print(text: &str, exit: Exit) -> Exit {
    print_all(iter::once(text), exit)
}

/// Writes the parts of a result one after the other; see `print`.
pub(super) fn print_all(texts: impl Iterator<Item = impl AsRef<str>>, exit: Exit) -> Exit {
    match write_all(texts) {
        Ok(()) => exit,
        Err(error) if error.kind() == io::ErrorKind::BrokenPipe => exit,
        Err(error) => {
            note(&format!("cannot write to standard output: {error}\n"));
            Exit::Failed
        }
    }
}

fn write_all(texts: impl Iterator<Item = impl AsRef<str>>) -> io::Result<()> {
    let mut stdout = BufWriter::new(io::stdout().lock());
    for text in texts {
        stdout.write_all(text.as_ref().as_bytes())?;
    }
    stdout.flush()
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
