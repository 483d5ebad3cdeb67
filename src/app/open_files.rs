//! Whether the system lets the server have as many files open as its configuration asks for.
//!
//! A connection that cannot be accepted for want of a file waits until another one ends, whoever it
//! is from: the bounds of connections are of use only below this one. `serve` and `check` ask here.

use crate::app::serve::worker_count;
use crate::base::diagnostic::{Diagnostic, Diagnostics, Severity};
use crate::base::limits::{FETCHES_MAX, HTTP_CONNECTIONS_MAX, INCLUDE_DEPTH_MAX};
use crate::config::Config;
use crate::sys::files;

/// Connections of one listener that have been told to leave and have not closed their socket yet.
const LEAVING_MAX: usize = 128;

/// What else is open: standard streams, the runtime's own, secrets being read. A few dozen.
const OTHERS: usize = 64;

/// Raises the limit of open files as far as the system allows, and says what does not fit.
pub(super) fn raise(config: &Config, cpus: &[usize]) -> Diagnostics {
    match files::raise_limit() {
        Ok(limit) => against(config, cpus, limit),
        Err(error) => {
            tracing::warn!("cannot raise the limit of open files: {error}");
            Diagnostics::default()
        }
    }
}

/// Says what would not fit, and changes nothing.
pub(super) fn check(config: &Config, cpus: &[usize]) -> Diagnostics {
    files::limit_max().map(|limit| against(config, cpus, limit)).unwrap_or_default()
}

fn against(config: &Config, cpus: &[usize], limit: u64) -> Diagnostics {
    let mut problems = Diagnostics::default();
    let (connections, besides) = (config.tcp.connections.as_usize(), besides_tcp(config, cpus));
    let limit = usize::try_from(limit).unwrap_or(usize::MAX);
    let needed = connections + besides;
    if needed <= limit {
        return problems;
    }
    let raise = format!(
        "let it have {needed} open files (`LimitNOFILE=` of a systemd unit, `ulimit -Hn` in a shell)"
    );
    let hint = match limit.saturating_sub(besides) {
        0 => raise,
        fitting => format!("{raise}, or set `tcp.connections` to at most {fitting}"),
    };
    problems.push(Diagnostic {
        severity: Severity::Warning,
        code: "open-files",
        message: format!(
            "{connections} TCP connections and all else need {needed} open files, and the system \
             allows {limit}"
        ),
        place: config.tcp.place.clone(),
        hint: Some(hint),
    });
    problems
}

/// Files that may be open at a time besides TCP connections for DNS.
fn besides_tcp(config: &Config, cpus: &[usize]) -> usize {
    let workers = worker_count(config, cpus);
    let dns = config.listen.len() * (workers + 1 + LEAVING_MAX);
    let http = match config.http.listen.len() {
        0 => 0,
        listeners => listeners * (1 + LEAVING_MAX) + HTTP_CONNECTIONS_MAX,
    };
    // Each fetch may have a late request beside the one that it waits for.
    let resolver = if config.resolver.is_some() { 2 * FETCHES_MAX } else { 0 };
    // Workers that take over have a queue of events each before those that they relieve give up
    // theirs; and zones are read by a thread for each CPU.
    dns + http + resolver + 2 * workers + cpus.len() * INCLUDE_DEPTH_MAX + OTHERS
}
