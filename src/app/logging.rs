//! The log: lines on standard error.
//!
//! Whoever reads them may be gone or slow: a line that cannot be written soon is left out, and so
//! are those after it until its reader goes on, who is then told how many.

use std::io::{self, IsTerminal, Write};
use std::os::fd::AsFd;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use tracing::level_filters::LevelFilter;
use tracing_subscriber::filter::Targets;
use tracing_subscriber::layer::SubscriberExt;
use tracing_subscriber::util::SubscriberInitExt;
use tracing_subscriber::{Layer, Registry, fmt};

use crate::config::{Log, LogFormat, LogLevel};
use crate::sys::poll::is_writable;

/// The target of the line that says that the server is ready, which is written at every level,
/// because programs wait for it.
pub(super) const READY: &str = "kereru::ready";

/// How long a line waits for its reader; those after one that waited in vain do not.
const PATIENCE: Duration = Duration::from_millis(100);

/// Octets of a line; a pipe that can be written to takes as many without blocking.
const LINE_LEN_MAX: usize = 4096;

/// Lines that were left out since the last one that was written. Changed by whoever holds standard
/// error.
static LEFT_OUT: AtomicU64 = AtomicU64::new(0);

/// Begins to log as configured. Later calls change nothing.
pub(super) fn start(log: &Log) {
    let level = match log.level {
        LogLevel::Error => LevelFilter::ERROR,
        LogLevel::Warn => LevelFilter::WARN,
        LogLevel::Info => LevelFilter::INFO,
        LogLevel::Debug => LevelFilter::DEBUG,
        LogLevel::Trace => LevelFilter::TRACE,
    };
    let format = log.format;
    let wanted = Targets::new().with_default(level).with_target(READY, LevelFilter::INFO);
    let lines = fmt::layer()
        .with_writer(move || Lines { format, left_out: &LEFT_OUT })
        .with_ansi(io::stderr().is_terminal())
        .with_target(false)
        .log_internal_errors(false);
    let lines: Box<dyn Layer<Registry> + Send + Sync> = match log.format {
        LogFormat::Text => lines.with_filter(wanted).boxed(),
        LogFormat::Json => lines.json().with_filter(wanted).boxed(),
    };
    // Fails if there is a log already, which then goes on.
    let _ = tracing_subscriber::registry().with(lines).try_init();
}

/// Writes whole lines to standard error, or leaves them out.
struct Lines {
    format: LogFormat,
    left_out: &'static AtomicU64,
}

impl Lines {
    /// Writes a line to a file that nobody else writes to meanwhile, or counts it as left out.
    fn write_to(&self, mut file: impl Write + AsFd, line: &[u8]) {
        let left_out = self.left_out.load(Ordering::Relaxed);
        let patience = if left_out == 0 { PATIENCE } else { Duration::ZERO };
        let mut is_ready = is_writable(file.as_fd(), patience);
        if is_ready && left_out > 0 {
            let _ = file.write_all(self.note(left_out).as_bytes());
            self.left_out.store(0, Ordering::Relaxed);
            is_ready = is_writable(file.as_fd(), Duration::ZERO);
        }
        if !is_ready {
            self.left_out.fetch_add(1, Ordering::Relaxed);
            return;
        }
        let cut = line.len() > LINE_LEN_MAX;
        let shown = line.get(..LINE_LEN_MAX - 1).filter(|_| cut).unwrap_or(line);
        let _ = file.write_all(shown);
        if cut {
            let _ = file.write_all(b"\n");
        }
    }

    /// The line that stands for those that were left out.
    fn note(&self, left_out: u64) -> String {
        let message = format!("lines left out because nobody read the log: {left_out}");
        match self.format {
            LogFormat::Text => format!("WARN {message}\n"),
            LogFormat::Json => {
                format!("{{\"level\":\"WARN\",\"fields\":{{\"message\":\"{message}\"}}}}\n")
            }
        }
    }
}

impl Write for Lines {
    /// Writes a line; never fails, because nobody could be told.
    fn write(&mut self, line: &[u8]) -> io::Result<usize> {
        self.write_to(io::stderr().lock(), line);
        Ok(line.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

#[cfg(test)]
mod tests;
