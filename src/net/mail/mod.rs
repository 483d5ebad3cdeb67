//! Mail over sockets: who may connect, and what drives the sessions of SMTP and POP3.
//!
//! What a session says is `mail`'s business; here are connections, files, passwords and time.

mod connection;
mod files;
mod known_way;
mod pop3;
mod queue;
mod reception;
mod relay;
mod smtp;
mod store;
mod users;

pub use queue::Queue;
pub use store::Store;

use std::collections::HashSet;
use std::fmt;
use std::net::{IpAddr, SocketAddr};
use std::panic::AssertUnwindSafe;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use arc_swap::ArcSwap;
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{Semaphore, watch};
use tokio::time::timeout;

use crate::config::{self, ClearTextLogin};
use crate::mail::pop3::Options as Pop3Options;
use crate::mail::reply::{Reply, Status};
use crate::mail::sasl::Credentials;
use crate::mail::smtp::Options as SmtpOptions;
use crate::net::World;
use crate::net::mail::connection::Connection;
use crate::net::mail::users::Users;
use crate::net::seats::{Places, Seat, Seats};
use crate::net::tcp::{AcceptTrouble, is_passing};

/// Passwords that are checked at a time. Each takes the memory and the time that its hash was made
/// with, 19 MiB and some 20 ms; more at a time would only make each slower.
const PASSWORDS_AT_ONCE_MAX: usize = 2;

/// How long the answer to a wrong password is held back, so that few can be tried.
const WRONG_PASSWORD_PAUSE: Duration = Duration::from_secs(2);

/// How long a session may last. At 10 kB/s it is time for a message of the usual largest size.
const SESSION_MAX: Duration = Duration::from_secs(3600);

/// What a listener speaks.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Service {
    /// SMTP between hosts.
    Smtp,
    /// SMTP from users (RFC 6409).
    Submission,
    /// POP3.
    Pop3,
}

/// What the mail server goes by, and a reload changes.
#[derive(Debug)]
struct Settings {
    config: config::Mail,
    users: Users,
    smtp: Arc<SmtpOptions>,
    submission: Arc<SmtpOptions>,
    pop3: Arc<Pop3Options>,
}

impl Settings {
    fn of(config: config::Mail) -> Self {
        let users = Users::of(&config);
        let hostname = name_text(&config.hostname);
        let options = |is_submission| {
            Arc::new(SmtpOptions {
                hostname: hostname.clone(),
                size_max: config.size_max.octets(),
                offers_tls: false,
                offers_log_in: !users.is_empty(),
                is_submission,
            })
        };
        let (smtp, submission) = (options(false), options(true));
        let pop3 = Pop3Options { hostname, offers_tls: false };
        Self { users, smtp, submission, pop3: Arc::new(pop3), config }
    }

    fn smtp_options(&self, service: Service) -> Arc<SmtpOptions> {
        Arc::clone(match service {
            Service::Submission => &self.submission,
            Service::Smtp | Service::Pop3 => &self.smtp,
        })
    }

    /// Whether a client may send its password without TLS.
    fn may_log_in_clear(&self, client: IpAddr) -> bool {
        match self.config.clear_text_login {
            ClearTextLogin::Always => true,
            ClearTextLogin::Loopback => client.to_canonical().is_loopback(),
            ClearTextLogin::Never => false,
        }
    }
}

/// A name without the dot at its end.
fn name_text(name: &crate::wire::name::NameBuf) -> String {
    let text = name.to_string();
    text.strip_suffix('.').unwrap_or(&text).to_owned()
}

/// The mail server. Copies are the same server.
#[derive(Clone)]
pub struct MailServer(Arc<Shared>);

struct Shared {
    world: Arc<World>,
    settings: ArcSwap<Settings>,
    store: Store,
    queue: Queue,
    seats: Seats,
    /// Mailboxes that a POP3 session has.
    locked: Mutex<HashSet<String>>,
    passwords: Semaphore,
    stopping: watch::Receiver<bool>,
}

impl fmt::Debug for MailServer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("MailServer").finish_non_exhaustive()
    }
}

impl MailServer {
    /// A server without listeners. It ends its sessions when `stopping` turns true.
    ///
    /// # Errors
    ///
    /// Fails if a mailbox cannot be made.
    pub fn new(
        world: Arc<World>,
        config: config::Mail,
        (store, queue): (Store, Queue),
        stopping: watch::Receiver<bool>,
    ) -> std::io::Result<Self> {
        let settings = Settings::of(config);
        settings.users.mailboxes().try_for_each(|mailbox| store.make_mailbox(mailbox))?;
        Ok(Self(Arc::new(Shared {
            world,
            settings: ArcSwap::from_pointee(settings),
            store,
            queue,
            seats: Seats::default(),
            locked: Mutex::default(),
            passwords: Semaphore::new(PASSWORDS_AT_ONCE_MAX),
            stopping,
        })))
    }

    /// Goes on with other settings; sessions under way keep theirs.
    ///
    /// # Errors
    ///
    /// Fails if a mailbox cannot be made; then nothing changes.
    pub fn set(&self, config: config::Mail) -> std::io::Result<()> {
        let settings = Settings::of(config);
        settings.users.mailboxes().try_for_each(|mailbox| self.0.store.make_mailbox(mailbox))?;
        self.0.settings.store(Arc::new(settings));
        Ok(())
    }

    /// Delivers what is for other hosts, until the server stops.
    pub async fn relay(self) {
        let shared = Arc::clone(&self.0);
        let find_way = move |domain| {
            let way = known_way::find(&shared, &domain);
            Box::pin(std::future::ready(way)) as relay::FoundWay
        };
        relay::run(self.0, Arc::new(find_way)).await;
    }

    /// Messages that wait for other hosts, counted once for each domain that they go to.
    pub fn queue_messages(&self) -> usize {
        self.0.queue.len()
    }

    /// Accepts connections until the server stops.
    pub async fn listen(self, listener: TcpListener, service: Service) {
        let mut stopping = self.0.stopping.clone();
        let mut trouble = AcceptTrouble::default();
        loop {
            let accepted = tokio::select! {
                accepted = listener.accept() => accepted,
                _ = stopping.wait_for(|stopping| *stopping) => return,
            };
            match accepted {
                Ok((stream, peer)) => self.serve(stream, peer, service),
                Err(error) if is_passing(&error) => (),
                Err(error) => trouble.pause(&error, "mail").await,
            }
        }
    }

    /// Serves a connection in a task of its own, if there is a place for it.
    fn serve(&self, stream: TcpStream, peer: SocketAddr, service: Service) {
        let settings = self.0.settings.load_full();
        let places = Places {
            total: settings.config.sessions.as_usize(),
            per_client: settings.config.sessions_per_client.as_usize(),
        };
        let Ok(()) = stream.set_nodelay(true) else { return };
        let Some(seat) = self.0.seats.take_free(peer, places) else {
            return refuse(&stream, service);
        };
        let server = self.clone();
        tokio::spawn(async move {
            let session = server.session(Connection::new(stream, peer), settings, service);
            // How it ended concerns the client alone.
            let _ = timeout(SESSION_MAX, session).await;
            drop::<Seat>(seat);
        });
    }

    async fn session(&self, connection: Connection, settings: Arc<Settings>, service: Service) {
        match service {
            Service::Smtp | Service::Submission => {
                smtp::serve(&self.0, connection, settings, service).await;
            }
            Service::Pop3 => pop3::serve(&self.0, connection, &settings).await,
        }
    }
}

/// Tells a client that there is no place for it.
fn refuse(stream: &TcpStream, service: Service) {
    let mut text = Vec::new();
    match service {
        Service::Smtp | Service::Submission => {
            let reply = Reply::new(421, Status(7, 0), "too many sessions; come back later");
            reply.write(&mut text);
        }
        Service::Pop3 => text.extend_from_slice(b"-ERR [SYS/TEMP] too many sessions\r\n"),
    }
    // There is room for it in a socket that has sent nothing.
    let _ = stream.try_write(&text);
}

impl Shared {
    /// Whether a password is right. A wrong one takes longer.
    async fn check_password(&self, settings: &Arc<Settings>, credentials: Credentials) -> bool {
        let Ok(permit) = self.passwords.acquire().await else { return false };
        let settings = Arc::clone(settings);
        let check = move || settings.users.is_right(&credentials);
        let is_right = tokio::task::spawn_blocking(check).await.unwrap_or(false);
        drop(permit);
        if !is_right {
            tokio::time::sleep(WRONG_PASSWORD_PAUSE).await;
        }
        is_right
    }

    /// Locks a mailbox; `None` if another session has it.
    fn lock(self: &Arc<Self>, mailbox: &str) -> Option<MailboxLock> {
        let mut locked = self.locked.lock().unwrap_or_else(PoisonError::into_inner);
        let is_new = locked.insert(mailbox.to_owned());
        is_new.then(|| MailboxLock { shared: Arc::clone(self), mailbox: mailbox.to_owned() })
    }

    /// Does something with files on a thread that may block.
    async fn blocking<T: Send + 'static>(
        work: impl FnOnce() -> std::io::Result<T> + Send + 'static,
    ) -> std::io::Result<T> {
        let work = AssertUnwindSafe(work);
        match tokio::task::spawn_blocking(move || work.0()).await {
            Ok(result) => result,
            Err(_) => Err(std::io::Error::other("a bug")),
        }
    }
}

/// A mailbox that is locked until this is dropped.
struct MailboxLock {
    shared: Arc<Shared>,
    mailbox: String,
}

impl Drop for MailboxLock {
    fn drop(&mut self) {
        let mut locked = self.shared.locked.lock().unwrap_or_else(PoisonError::into_inner);
        locked.remove(&self.mailbox);
    }
}
