//! Sockets that systemd opened for the server (`sd_listen_fds(3)`).

use std::env;

use crate::net::inherited::Inherited;
use crate::sys::inherited;

/// The sockets that were handed over. To be called before anything else opens a file.
pub(super) fn sockets() -> Inherited {
    let mut sockets = Inherited::default();
    if number("LISTEN_PID") != Some(std::process::id()) {
        return sockets;
    }
    let count = number("LISTEN_FDS").and_then(|count| usize::try_from(count).ok()).unwrap_or(0);
    let names = env::var("LISTEN_FDNAMES").unwrap_or_default();
    let names = names.split(':').chain(std::iter::repeat("unknown"));
    for (descriptor, name) in inherited::take(count).into_iter().zip(names) {
        match descriptor.map(|descriptor| sockets.add(descriptor)) {
            Some(Ok(())) => (),
            Some(Err(error)) => tracing::warn!("the socket {name} is not used: {error}"),
            None => tracing::warn!("the socket {name} was announced and is not there"),
        }
    }
    sockets
}

fn number(variable: &str) -> Option<u32> {
    env::var(variable).ok()?.parse().ok()
}
