//! The mail server's part of a start and of a reload.

use std::io;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::sync::Arc;

use tokio::runtime::Runtime;
use tokio::sync::watch;

use crate::base::time::Wall;
use crate::config::{self, Config};
use crate::net::World;
use crate::net::inherited::Inherited;
use crate::net::listen::{self, ListenError, StreamListener};
use crate::net::mail::{MailServer, Queue, Service, Store};

/// The folder of mailboxes in the state folder.
const FOLDER: &str = "mail";

/// The folder of what waits for other hosts, beside it: on the same file system.
const QUEUE: &str = "queue";

/// A socket for mail.
pub(super) struct MailSocket {
    service: Service,
    listener: StreamListener,
}

/// Opens the sockets of a configuration, or takes those that were inherited.
///
/// # Errors
///
/// Fails with the first address that cannot be used.
pub(super) fn open_sockets(
    config: &Config,
    inherited: &mut Inherited,
) -> Result<Vec<MailSocket>, ListenError> {
    let addresses = config.mail.iter().flat_map(|mail| {
        let of = |service, list: &[SocketAddr]| {
            list.iter().map(move |&address| (service, address)).collect::<Vec<_>>()
        };
        [
            of(Service::Smtp, &mail.smtp),
            of(Service::Submission, &mail.submission),
            of(Service::Pop3, &mail.pop3),
        ]
        .concat()
    });
    let open = |(service, address)| {
        let listener = listen::inherit_or_open_stream(address, "mail", inherited)?;
        Ok(MailSocket { service, listener })
    };
    addresses.map(open).collect()
}

/// The mail server, and where it is.
pub(super) struct Post {
    server: Option<MailServer>,
    /// The addresses, ports chosen.
    pub(super) addresses: Vec<SocketAddr>,
}

impl Post {
    /// Begins to serve, if mail is configured.
    ///
    /// # Errors
    ///
    /// Fails if the mailboxes cannot be made.
    pub(super) fn start(
        config: &Config,
        sockets: Vec<MailSocket>,
        runtime: &Runtime,
        world: &Arc<World>,
        stopping: watch::Receiver<bool>,
    ) -> io::Result<Self> {
        let Some(mail) = &config.mail else {
            return Ok(Self { server: None, addresses: Vec::new() });
        };
        let path = folder(config);
        let explained = |error: io::Error| {
            let message = format!("the mailboxes in {} cannot be used: {error}", path.display());
            io::Error::new(error.kind(), message)
        };
        let store = Store::open(&path).map_err(explained)?;
        let queue = Queue::open(&config.state.path.join(QUEUE), Wall::now()).map_err(explained)?;
        let server = MailServer::new(Arc::clone(world), mail.clone(), (store, queue), stopping);
        let server = server.map_err(explained)?;
        let mut addresses = Vec::new();
        let _guard = runtime.enter();
        runtime.spawn(world.needing(server.clone().relay()));
        for MailSocket { service, listener } in sockets {
            let stream = tokio::net::TcpListener::from_std(listener.socket)?;
            runtime.spawn(world.needing(server.clone().listen(stream, service)));
            addresses.push(listener.address);
        }
        Ok(Self { server: Some(server), addresses })
    }

    /// Goes on with a new configuration, as far as that can be without another start.
    ///
    /// # Errors
    ///
    /// Fails if a mailbox cannot be made; then all stays as it is.
    pub(super) fn take_over(&self, old: &Config, new: &Config) -> io::Result<()> {
        if places(old.mail.as_ref()) != places(new.mail.as_ref()) {
            tracing::warn!("other addresses for mail take effect at the next start");
        }
        match (&self.server, &new.mail) {
            (Some(server), Some(mail)) => server.set(mail.clone()),
            (Some(_), None) | (None, _) => Ok(()),
        }
    }
}

fn folder(config: &Config) -> PathBuf {
    config.state.path.join(FOLDER)
}

/// All addresses of mail.
fn places(mail: Option<&config::Mail>) -> Option<[&[SocketAddr]; 5]> {
    mail.map(|mail| [&mail.smtp[..], &mail.submission, &mail.smtps, &mail.pop3, &mail.pop3s])
}
