//! Drives the sessions of POP3.

use std::fs::File;
use std::io::Read as _;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use crate::mail::pop3::{Action, Locked, Session};
use crate::mail::sasl::{Credentials, Verdict};
use crate::net::mail::connection::Connection;
use crate::net::mail::desk::{Desk, Ending, drive};
use crate::net::mail::store::Stored;
use crate::net::mail::{MailboxLock, Settings, Shared};
use crate::net::seats::client_of;

/// Octets of a message that are read at once.
const PIECE_LEN: usize = 64 << 10;

/// Serves one connection until it ends.
pub(super) async fn serve(shared: &Arc<Shared>, connection: Connection, settings: &Arc<Settings>) {
    let is_tls = connection.is_tls();
    let may_log_in_clear = settings.may_log_in_clear(connection.peer.ip());
    let desk = Pop3Desk {
        shared,
        settings,
        peer: connection.peer,
        session: Session::new(Arc::clone(&settings.pop3), is_tls, may_log_in_clear),
        mailbox: None,
        is_closing: false,
    };
    drive(desk, connection, shared.stopping.clone()).await;
}

/// A mailbox that is locked, and its messages.
struct Mailbox {
    name: String,
    messages: Vec<Stored>,
    _lock: MailboxLock,
}

/// A session, and what it works with.
struct Pop3Desk<'s> {
    shared: &'s Arc<Shared>,
    settings: &'s Arc<Settings>,
    peer: SocketAddr,
    session: Session,
    mailbox: Option<Mailbox>,
    is_closing: bool,
}

impl Desk for Pop3Desk<'_> {
    /// RFC 1939 §3 has ten minutes as the least.
    const PATIENCE: Duration = Duration::from_secs(600);

    async fn go_on(&mut self, connection: &mut Connection) -> Option<()> {
        let taken = self.session.handle_input(&connection.input);
        connection.input.drain(..taken);
        while let Some(action) = self.session.poll_action() {
            match action {
                Action::LogIn(credentials) => {
                    let result = self.log_in(credentials).await;
                    self.session.handle_log_in(result);
                }
                Action::Fetch(at) => self.fetch(at, connection).await?,
                Action::Delete(numbers) => {
                    let are_all = self.delete(&numbers).await;
                    self.session.handle_deleted(are_all);
                }
                Action::StartTls => {
                    // The reply leaves in the clear.
                    connection.write(self.session.output()).await.ok()?;
                    self.shared.begin_tls(self.settings, connection).await?;
                    self.session.handle_tls();
                }
                Action::Close => {
                    self.mailbox = None;
                    self.is_closing = true;
                }
            }
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
        self.session.end(match why {
            Ending::Stopping => "[SYS/TEMP] the server stops",
            Ending::Silence => "you were silent for too long",
        });
    }
}

impl Pop3Desk<'_> {
    async fn log_in(
        &mut self,
        credentials: Credentials,
    ) -> Result<Vec<crate::mail::pop3::Message>, Locked> {
        let name = credentials.user.clone();
        match self.shared.check_password(self.settings, client_of(self.peer), credentials).await {
            Verdict::Right => (),
            Verdict::Wrong => return Err(Locked::Password),
            Verdict::NotNow => return Err(Locked::NotNow),
        }
        let lock = self.shared.lock(&name).ok_or(Locked::InUse)?;
        let (store, mailbox) = (self.shared.store.clone(), name.clone());
        let list = Shared::blocking(move || {
            store.list(&mailbox, |path, error| {
                let path = path.display();
                tracing::warn!("the message {path} is left out: {error}");
            })
        });
        let messages = list.await.map_err(|error| {
            tracing::error!(%error, "the mailbox {name} cannot be read");
            Locked::Trouble
        })?;
        let told = messages.iter().map(|stored| stored.message.clone()).collect();
        self.mailbox = Some(Mailbox { name, messages, _lock: lock });
        Ok(told)
    }

    /// Sends a message; `None` if the client has gone.
    async fn fetch(&mut self, at: usize, connection: &mut Connection) -> Option<()> {
        let store = self.shared.store.clone();
        let found = self
            .mailbox
            .as_ref()
            .and_then(|mailbox| Some((mailbox.name.clone(), mailbox.messages.get(at)?.clone())));
        let opened = match found {
            Some((name, stored)) => {
                Shared::blocking(move || store.open_message(&name, &stored)).await.ok()
            }
            None => None,
        };
        self.session.handle_opened(opened.is_some());
        let Some(mut file) = opened else { return Some(()) };
        loop {
            let read = Shared::blocking(move || read_piece(file)).await;
            let Ok((next, piece)) = read else {
                self.session.handle_content_end(false);
                return Some(());
            };
            file = next;
            let wants_more = !piece.is_empty() && self.session.handle_content(&piece);
            if !wants_more {
                self.session.handle_content_end(true);
                return Some(());
            }
            connection.write(self.session.output()).await.ok()?;
        }
    }

    async fn delete(&self, numbers: &[usize]) -> bool {
        let Some(mailbox) = &self.mailbox else { return false };
        let messages = numbers.iter().filter_map(|&at| mailbox.messages.get(at).cloned());
        let (store, name, messages) =
            (self.shared.store.clone(), mailbox.name.clone(), messages.collect::<Vec<_>>());
        let deleted = Shared::blocking(move || store.delete(&name, &messages)).await;
        if let Err(error) = &deleted {
            tracing::error!(%error, "messages of {} cannot be deleted", mailbox.name);
        }
        deleted.is_ok()
    }
}

/// Reads the next piece of a file; it is empty at the end.
fn read_piece(mut file: File) -> std::io::Result<(File, Vec<u8>)> {
    let mut piece = vec![0; PIECE_LEN];
    let read = file.read(&mut piece)?;
    piece.truncate(read);
    Ok((file, piece))
}
