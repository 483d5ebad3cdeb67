//! Tells systemd how the server is (`sd_notify(3)`).

use std::env;
use std::ffi::OsStr;
use std::io;
use std::os::linux::net::SocketAddrExt;
use std::os::unix::ffi::OsStrExt;
use std::os::unix::net::{SocketAddr, UnixDatagram};

/// The way to the service manager, if there is one.
#[derive(Debug)]
pub(super) struct Notifier(Option<UnixDatagram>);

impl Notifier {
    /// Connects to the socket that the service manager named.
    pub(super) fn from_environment() -> Self {
        let Some(path) = env::var_os("NOTIFY_SOCKET").filter(|path| !path.is_empty()) else {
            return Self(None);
        };
        match connect(&path) {
            Ok(socket) => Self(Some(socket)),
            Err(error) => {
                tracing::warn!("cannot reach the service manager at {}: {error}", path.display());
                Self(None)
            }
        }
    }

    /// The server answers.
    pub(super) fn ready(&self) {
        self.send("READY=1");
    }

    /// The server reads its configuration again; `ready` follows.
    pub(super) fn reloading(&self) {
        self.send("RELOADING=1");
    }

    /// The server ends.
    pub(super) fn stopping(&self) {
        self.send("STOPPING=1");
    }

    fn send(&self, state: &str) {
        if let Some(socket) = &self.0
            && let Err(error) = socket.send(state.as_bytes())
        {
            tracing::warn!("cannot tell the service manager {state}: {error}");
        }
    }
}

/// A path, or a name in the abstract namespace that begins with `@`.
fn connect(path: &OsStr) -> io::Result<UnixDatagram> {
    let address = match path.as_bytes().strip_prefix(b"@") {
        Some(name) => SocketAddr::from_abstract_name(name)?,
        None => SocketAddr::from_pathname(path)?,
    };
    let socket = UnixDatagram::unbound()?;
    socket.connect_addr(&address)?;
    Ok(socket)
}
