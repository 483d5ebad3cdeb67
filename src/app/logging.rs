//! The log: lines on standard error.
//!
//! Whoever reads them may be gone or slow: a line that cannot be written soon is left out, and
//! nothing else happens.

use std::io::{self, IsTerminal, Write};
use std::os::fd::AsFd;
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

/// How long a line waits for its reader. Nothing that serves queries logs, so that this holds up
/// the start and the end at most.
const PATIENCE: Duration = Duration::from_millis(100);

/// Octets of a line; a pipe that can be written to takes as many without blocking.
const LINE_LEN_MAX: usize = 4096;

/// Begins to log as configured. Later calls change nothing.
pub(super) fn start(log: &Log) {
    let level = match log.level {
        LogLevel::Error => LevelFilter::ERROR,
        LogLevel::Warn => LevelFilter::WARN,
        LogLevel::Info => LevelFilter::INFO,
        LogLevel::Debug => LevelFilter::DEBUG,
        LogLevel::Trace => LevelFilter::TRACE,
    };
    let wanted = Targets::new().with_default(level).with_target(READY, LevelFilter::INFO);
    let lines = fmt::layer()
        .with_writer(|| Lines)
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
struct Lines;

impl Write for Lines {
    /// Writes a line; never fails, because nobody could be told.
    fn write(&mut self, line: &[u8]) -> io::Result<usize> {
        let stderr = io::stderr().lock();
        if is_writable(stderr.as_fd(), PATIENCE) {
            let cut = line.len() > LINE_LEN_MAX;
            let shown = line.get(..LINE_LEN_MAX - 1).filter(|_| cut).unwrap_or(line);
            let mut stderr = stderr;
            let _ = stderr.write_all(shown);
            if cut {
                let _ = stderr.write_all(b"\n");
            }
        }
        Ok(line.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}
