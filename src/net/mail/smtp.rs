//! Drives the sessions of SMTP.

use std::io;
use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;
use std::time::Duration;

use crate::base::time::Wall;
use crate::mail::address::{Address, Path};
use crate::mail::reply::{Reply, Status};
use crate::mail::smtp::{Action, Client, Destination, Envelope, Recipient, Session};
use crate::metrics::MailResult;
use crate::net::mail::connection::Connection;
use crate::net::mail::desk::{Desk, Ending, drive};
use crate::net::mail::queue::Facts;
use crate::net::mail::reception::{self, Reception};
use crate::net::mail::store::Draft;
use crate::net::mail::{Service, Settings, Shared};
use crate::net::seats::client_of;

/// Octets of a message that are held in memory: most messages are written to disk at once.
const HELD_LEN_MAX: usize = 64 << 10;

/// A message that comes.
struct Incoming {
    /// `None` while it is being written.
    draft: Option<Draft>,
    /// What has not been written.
    held: Vec<u8>,
    envelope: Envelope,
}

/// Serves one connection until it ends.
pub(super) async fn serve(
    shared: &Arc<Shared>,
    connection: Connection,
    settings: Arc<Settings>,
    service: Service,
) {
    let address = connection.peer.ip().to_canonical();
    let is_trusted = settings.config.relay_networks.allows(address);
    let client = Client { address, is_tls: connection.is_tls(), is_trusted };
    let mut desk = SmtpDesk {
        shared,
        peer: connection.peer,
        session: Session::new(settings.smtp_options(service), client),
        settings,
        client: address,
        incoming: None,
        is_closing: false,
    };
    if desk.settings.config.refuse_networks.allows(address) {
        let reply = Reply::new(554, Status(7, 1), "mail from your network is not taken");
        desk.session.output().clear();
        desk.session.end(&reply);
    }
    drive(desk, connection, shared.stopping.clone()).await;
}

/// A session, and what it works with.
struct SmtpDesk<'s> {
    shared: &'s Arc<Shared>,
    settings: Arc<Settings>,
    peer: SocketAddr,
    session: Session,
    /// The client's address.
    client: IpAddr,
    incoming: Option<Incoming>,
    is_closing: bool,
}

impl Desk for SmtpDesk<'_> {
    /// RFC 5321 §4.5.3.2.7.
    const PATIENCE: Duration = Duration::from_secs(300);

    async fn go_on(&mut self, connection: &mut Connection) -> Option<()> {
        let taken = self.session.handle_input(&connection.input);
        connection.input.drain(..taken);
        self.take_content().await;
        while let Some(action) = self.session.poll_action() {
            if action == Action::StartTls {
                // The reply leaves in the clear.
                connection.write(self.session.output()).await.ok()?;
                self.shared.begin_tls(&self.settings, connection).await?;
                self.session.handle_tls();
                continue;
            }
            self.act(action).await;
            self.take_content().await;
        }
        Some(())
    }

    fn output(&mut self) -> &mut Vec<u8> {
        self.session.output()
    }

    fn is_closing(&self) -> bool {
        self.is_closing
    }

    fn end(&mut self, why: Ending) {
        self.session.end(&match why {
            Ending::Stopping => Reply::new(421, Status(3, 2), "the server stops"),
            Ending::Silence => Reply::new(421, Status(4, 2), "you were silent for too long"),
        });
    }
}

impl SmtpDesk<'_> {
    async fn act(&mut self, action: Action) {
        match action {
            Action::CheckSender { sender, helo, may_relay } => {
                let (client, helo) = (self.client, &helo);
                let from = reception::From { client, helo, sender: &sender, may_relay };
                let result = self.reception().check_sender(from).await;
                self.session.handle_sender(result);
            }
            Action::CheckRecipient { recipient, may_relay } => {
                let result = self.reception().destination(&recipient, may_relay).await;
                self.session.handle_recipient(result);
            }
            Action::Open(envelope) => self.open(*envelope),
            Action::Keep => self.keep().await,
            Action::Forget => {
                self.shared.counters.message(MailResult::Refused);
                self.incoming = None;
            }
            Action::LogIn(credentials) => {
                let client = client_of(self.peer);
                let check = self.shared.check_password(&self.settings, client, credentials);
                let verdict = check.await;
                self.session.handle_log_in(verdict);
            }
            Action::Pause(seconds) => {
                tokio::time::sleep(Duration::from_secs(seconds.into())).await;
                self.session.handle_pause_end();
            }
            // `go_on` does this, which has the connection.
            Action::StartTls => (),
            Action::Close => {
                self.incoming = None;
                self.is_closing = true;
            }
        }
    }

    fn reception(&self) -> Reception<'_> {
        Reception { shared: self.shared, settings: &self.settings }
    }

    fn open(&mut self, envelope: Envelope) {
        let now = Wall::now();
        let goes_away = |to: &Recipient| to.destination == Destination::Away;
        if envelope.recipients.iter().any(goes_away) && self.shared.queue.is_full() {
            let text = "too many messages wait for other hosts; come back later";
            return self.session.handle_opened(Err(Reply::new(452, Status(3, 1), text)));
        }
        match self.shared.store.draft(now) {
            Ok(draft) => {
                let id = draft.id.clone();
                self.incoming = Some(Incoming { draft: Some(draft), held: Vec::new(), envelope });
                self.session.handle_opened(Ok((&id, now)));
            }
            Err(error) => self.session.handle_opened(Err(trouble(&error))),
        }
    }

    /// Takes what the session has of the message, and writes it to disk when it is much.
    async fn take_content(&mut self) {
        let Some(incoming) = &mut self.incoming else { return self.session.content().clear() };
        incoming.held.append(self.session.content());
        if incoming.held.len() <= HELD_LEN_MAX {
            return;
        }
        let Some(mut draft) = incoming.draft.take() else { return incoming.held.clear() };
        let held = std::mem::take(&mut incoming.held);
        let written = Shared::blocking(move || draft.write(&held).map(|()| draft)).await;
        match written {
            Ok(draft) => incoming.draft = Some(draft),
            Err(error) => self.session.handle_trouble(trouble(&error)),
        }
    }

    async fn keep(&mut self) {
        let result = match self.incoming.take() {
            Some(incoming) => self.store(incoming).await,
            None => Err(io::Error::other("a bug")),
        };
        match result {
            Ok(id) => {
                self.shared.counters.message(MailResult::Accepted);
                self.session.handle_kept(Ok(&id));
            }
            Err(error) => {
                self.shared.counters.message(MailResult::Failed);
                self.session.handle_kept(Err(trouble(&error)));
            }
        }
    }

    /// Puts a message where it belongs. When this returns it may be acknowledged.
    async fn store(&self, incoming: Incoming) -> io::Result<String> {
        let Incoming { draft, held, envelope } = incoming;
        let mut draft = draft.ok_or_else(|| io::Error::other("a bug"))?;
        let (store, queue) = (self.shared.store.clone(), self.shared.queue.clone());
        let mut mailboxes: Vec<String> = Vec::new();
        let mut others: Vec<Address> = Vec::new();
        for Recipient { path, destination } in envelope.recipients {
            match (destination, path) {
                (Destination::Mailbox(mailbox), _) => mailboxes.push(mailbox),
                (Destination::Away, Path::Address(address)) => others.push(address),
                (Destination::Away, Path::Null | Path::Postmaster) => {
                    return Err(io::Error::other("a bug"));
                }
            }
        }
        // Who has several addresses gets it once.
        mailboxes.sort_unstable();
        mailboxes.dedup();
        let (sender, is_utf8) = (envelope.sender, envelope.is_utf8);
        Shared::blocking(move || {
            draft.write(&held)?;
            let queued = if others.is_empty() {
                None
            } else {
                let is_ascii = sender.as_ref().is_none_or(Address::is_ascii);
                let facts = Facts {
                    sender,
                    came: Wall::now(),
                    octets: draft.wire_octets(),
                    is_8bit: draft.wide().is_wide,
                    is_utf8: is_utf8 && (!is_ascii || draft.wide().is_head_wide),
                };
                Some(queue.keep(&mut draft, &facts, others)?)
            };
            if !mailboxes.is_empty() {
                let mailboxes: Vec<&str> = mailboxes.iter().map(String::as_str).collect();
                store.keep(&mut draft, &mailboxes)?;
            }
            // If the mailboxes could not take it, the queue has forgotten it.
            if let Some(queued) = queued {
                queued.begin();
            }
            Ok(draft.id.clone())
        })
        .await
    }
}

/// What a client is told when a message cannot be kept.
fn trouble(error: &io::Error) -> Reply {
    tracing::error!(%error, "a message cannot be kept");
    if matches!(error.kind(), io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded) {
        Reply::new(452, Status(3, 1), "the disk is full; come back later")
    } else {
        Reply::new(451, Status(3, 0), "the message cannot be kept now; come back later")
    }
}
