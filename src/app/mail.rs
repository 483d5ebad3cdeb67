//! The mail server's part of a start and of a reload.

use std::io;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::sync::Arc;

use tokio::runtime::Runtime;
use tokio::sync::watch;

use crate::app::serve::State;
use crate::base::diagnostic::Diagnostics;
use crate::base::time::Wall;
use crate::config::{self, Config};
use crate::metrics;
use crate::net::World;
use crate::net::certificate::Certificate;
use crate::net::inherited::Inherited;
use crate::net::listen::{self, ListenError, StreamListener};
use crate::net::mail::{MailServer, Queue, Service, Setup, Store};

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
            of(Service::Smtps, &mail.smtps),
            of(Service::Pop3, &mail.pop3),
            of(Service::Pop3s, &mail.pop3s),
        ]
        .concat()
    });
    let open = |(service, address)| {
        let listener = listen::inherit_or_open_stream(address, "mail", inherited)?;
        Ok(MailSocket { service, listener })
    };
    addresses.map(open).collect()
}

/// The certificate of the mail server; `None` if mail is off. Logs what is doubtful about it.
///
/// # Errors
///
/// Fails if the files that are named cannot be used, or none can be made.
pub(super) fn certificate(config: &Config) -> Result<Option<Certificate>, Diagnostics> {
    let Some(mail) = &config.mail else { return Ok(None) };
    let hostname = hostname(mail);
    match &mail.tls {
        Some(files) => {
            let (certificate, doubts) = Certificate::read(files, &hostname)?;
            doubts.iter().for_each(|doubt| tracing::warn!("{doubt}"));
            Ok(Some(certificate))
        }
        None => Certificate::self_signed(&hostname, &config.state.path, Wall::now()).map(Some),
    }
}

/// The certificate at a reload: the old one stays if there is something wrong with the new.
pub(super) fn renewed_certificate(
    config: &Config,
    in_force: Option<&Certificate>,
) -> Option<Certificate> {
    certificate(config).unwrap_or_else(|problems| {
        problems.iter().for_each(|problem| tracing::error!("{problem}"));
        tracing::error!("the certificate of mail has errors: the old one stays in use");
        in_force.cloned()
    })
}

/// What is wrong with the certificate that the configuration names, without making one.
pub(super) fn check_certificate(config: &Config) -> Diagnostics {
    let named = config.mail.as_ref().and_then(|mail| Some((mail.tls.as_ref()?, hostname(mail))));
    match named.map(|(files, hostname)| Certificate::read(files, &hostname)) {
        Some(Ok((_, problems)) | Err(problems)) => problems,
        None => Diagnostics::default(),
    }
}

/// The name of the mail server without the dot at its end.
fn hostname(mail: &config::Mail) -> String {
    let text = mail.hostname.to_string();
    text.strip_suffix('.').unwrap_or(&text).to_owned()
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
        state: &State,
        sockets: Vec<MailSocket>,
        runtime: &Runtime,
        world: &Arc<World>,
        stopping: watch::Receiver<bool>,
    ) -> io::Result<Self> {
        let Some(setup) = setup(state) else {
            return Ok(Self { server: None, addresses: Vec::new() });
        };
        let path = folder(&state.config);
        let explained = |error: io::Error| {
            let message = format!("the mailboxes in {} cannot be used: {error}", path.display());
            io::Error::new(error.kind(), message)
        };
        let store = Store::open(&path).map_err(explained)?;
        let queue =
            Queue::open(&state.config.state.path.join(QUEUE), Wall::now()).map_err(explained)?;
        let server = MailServer::new(Arc::clone(world), setup, (store, queue), stopping);
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

    /// What can be counted; nothing where there is no mail.
    pub(super) fn counted(&self) -> metrics::Mail {
        let none =
            || metrics::Mail { counters: metrics::MailCounters::default(), queued: Box::new(|| 0) };
        self.server.as_ref().map_or_else(none, MailServer::counted)
    }

    /// Goes on with a new configuration, as far as that can be without another start.
    ///
    /// # Errors
    ///
    /// Fails if a mailbox cannot be made; then all stays as it is.
    pub(super) fn take_over(&self, old: &Config, new: &State) -> io::Result<()> {
        if places(old.mail.as_ref()) != places(new.config.mail.as_ref()) {
            tracing::warn!("other addresses for mail take effect at the next start");
        }
        match (&self.server, setup(new)) {
            (Some(server), Some(setup)) => server.set(setup),
            (Some(_), None) | (None, _) => Ok(()),
        }
    }
}

/// What the mail server goes by; `None` if there is none.
fn setup(state: &State) -> Option<Setup> {
    let (config, certificate) = (state.config.mail.clone()?, state.certificate.clone()?);
    Some(Setup { config, certificate })
}

fn folder(config: &Config) -> PathBuf {
    config.state.path.join(FOLDER)
}

/// All addresses of mail.
fn places(mail: Option<&config::Mail>) -> Option<[&[SocketAddr]; 5]> {
    mail.map(|mail| [&mail.smtp[..], &mail.submission, &mail.smtps, &mail.pop3, &mail.pop3s])
}
