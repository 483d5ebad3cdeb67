//! Mail over sockets: who may connect, and what drives the sessions of SMTP and POP3.
//!
//! What a session says is `mail`'s business; here are connections, files, passwords and time.

mod connection;
mod desk;
mod files;
mod guesses;
mod pop3;
mod queue;
mod reception;
mod relay;
mod smtp;
mod store;
mod users;
mod ways;

pub use queue::Queue;
pub use reception::{Locality, locality, mailbox};
pub use store::Store;
pub use ways::{rules, way};

use std::collections::HashSet;
use std::fmt;
use std::net::{IpAddr, SocketAddr};
use std::panic::AssertUnwindSafe;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use arc_swap::ArcSwap;
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{Semaphore, watch};
use tokio::time::timeout;

use crate::config::{self, ClearTextLogin};
use crate::mail::pop3::Options as Pop3Options;
use crate::mail::reply::{Reply, Status};
use crate::mail::route::{self, Rules};
use crate::mail::sasl::{Credentials, Verdict};
use crate::mail::smtp::Options as SmtpOptions;
use crate::metrics::{self, MailCounters};
use crate::net::World;
use crate::net::certificate::Certificate;
use crate::net::mail::connection::Connection;
use crate::net::mail::guesses::Guesses;
use crate::net::mail::users::Users;
use crate::net::seats::{Places, Seat, Seats};
use crate::net::stub::StubResolver;
use crate::net::tcp::{AcceptTrouble, is_passing};

/// Passwords that are checked at a time. Each takes the memory and the time that its hash was made
/// with, 19 MiB and some 20 ms by default and never more than 256 MiB; more at a time would only make
/// each slower.
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
    /// The same within TLS from the start (RFC 8314 §3.3).
    Smtps,
    /// POP3.
    Pop3,
    /// POP3 within TLS from the start.
    Pop3s,
}

impl Service {
    fn begins_with_tls(self) -> bool {
        match self {
            Self::Smtps | Self::Pop3s => true,
            Self::Smtp | Self::Submission | Self::Pop3 => false,
        }
    }
}

/// What the operator decides, and a reload changes.
#[derive(Clone, Debug)]
pub struct Setup {
    /// The configuration.
    pub config: config::Mail,
    /// What TLS begins with.
    pub certificate: Certificate,
}

/// What the mail server goes by, and a reload changes.
#[derive(Debug)]
struct Settings {
    config: config::Mail,
    certificate: Certificate,
    users: Users,
    /// Where mail goes.
    rules: Rules,
    smtp: Arc<SmtpOptions>,
    submission: Arc<SmtpOptions>,
    pop3: Arc<Pop3Options>,
}

impl Settings {
    fn of(setup: Setup) -> Self {
        let Setup { config, certificate } = setup;
        let users = Users::of(&config);
        let hostname = route::text(&config.hostname);
        let options = |is_submission| {
            Arc::new(SmtpOptions {
                hostname: hostname.clone(),
                size_max: config.size_max.octets(),
                offers_tls: true,
                offers_log_in: !users.is_empty(),
                is_submission,
                faults: config.faults.clone(),
            })
        };
        let (smtp, submission) = (options(false), options(true));
        let pop3 = Pop3Options { hostname, offers_tls: true };
        let rules = rules(&config);
        Self { users, rules, smtp, submission, pop3: Arc::new(pop3), config, certificate }
    }

    fn smtp_options(&self, service: Service) -> Arc<SmtpOptions> {
        Arc::clone(match service {
            Service::Submission | Service::Smtps => &self.submission,
            Service::Smtp | Service::Pop3 | Service::Pop3s => &self.smtp,
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

/// The mail server. Copies are the same server.
#[derive(Clone)]
pub struct MailServer(Arc<Shared>);

struct Shared {
    world: Arc<World>,
    /// What asks DNS.
    stub: StubResolver,
    settings: ArcSwap<Settings>,
    store: Store,
    queue: Queue,
    seats: Seats,
    /// Mailboxes that a POP3 session has.
    locked: Mutex<HashSet<String>>,
    passwords: Semaphore,
    guesses: Guesses,
    counters: MailCounters,
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
        setup: Setup,
        (store, queue): (Store, Queue),
        stopping: watch::Receiver<bool>,
    ) -> std::io::Result<Self> {
        let settings = Settings::of(setup);
        settings.users.mailboxes().try_for_each(|mailbox| store.make_mailbox(mailbox))?;
        Ok(Self(Arc::new(Shared {
            stub: StubResolver::new(Arc::clone(&world)),
            world,
            settings: ArcSwap::from_pointee(settings),
            store,
            queue,
            seats: Seats::default(),
            locked: Mutex::default(),
            passwords: Semaphore::new(PASSWORDS_AT_ONCE_MAX),
            guesses: Guesses::default(),
            counters: MailCounters::default(),
            stopping,
        })))
    }

    /// Goes on with other settings; sessions under way keep theirs.
    ///
    /// # Errors
    ///
    /// Fails if a mailbox cannot be made; then nothing changes.
    pub fn set(&self, setup: Setup) -> std::io::Result<()> {
        let settings = Settings::of(setup);
        settings.users.mailboxes().try_for_each(|mailbox| self.0.store.make_mailbox(mailbox))?;
        self.0.settings.store(Arc::new(settings));
        Ok(())
    }

    /// Delivers what is for other hosts, until the server stops.
    pub async fn relay(self) {
        let server = self.clone();
        let find_way = move |domain| {
            let server = server.clone();
            Box::pin(async move { server.way(&domain).await.way }) as relay::FoundWay
        };
        relay::run(self.0, Arc::new(find_way)).await;
    }

    /// What can be counted, without keeping the server from ending.
    pub fn counted(&self) -> metrics::Mail {
        let queue = self.0.queue.clone();
        metrics::Mail { counters: self.0.counters.clone(), queued: Box::new(move || queue.len()) }
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

    async fn session(&self, mut connection: Connection, settings: Arc<Settings>, service: Service) {
        if service.begins_with_tls() {
            let Some(()) = self.0.begin_tls(&settings, &mut connection).await else { return };
        }
        match service {
            Service::Smtp | Service::Submission | Service::Smtps => {
                self.0.counters.smtp_session();
                smtp::serve(&self.0, connection, settings, service).await;
            }
            Service::Pop3 | Service::Pop3s => {
                self.0.counters.pop3_session();
                pop3::serve(&self.0, connection, &settings).await;
            }
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
        // It could be said within TLS only, which is what there is no place for.
        Service::Smtps | Service::Pop3s => return,
    }
    // There is room for it in a socket that has sent nothing.
    let _ = stream.try_write(&text);
}

impl Shared {
    /// Begins TLS; `None` if the client and this server do not come to terms, or it stops. Why is told
    /// to the client alone, by an alert: whoever connects could fill a log.
    async fn begin_tls(&self, settings: &Settings, connection: &mut Connection) -> Option<()> {
        let acceptor = settings.certificate.acceptor().await;
        let mut stopping = self.stopping.clone();
        tokio::select! {
            begun = connection.begin_tls(&acceptor) => begun.ok(),
            _ = stopping.wait_for(|stopping| *stopping) => None,
        }
    }

    /// Whether a password is right. A wrong one takes longer.
    async fn check_password(
        &self,
        settings: &Arc<Settings>,
        client: IpAddr,
        credentials: Credentials,
    ) -> Verdict {
        if !self.guesses.may_guess(client, Instant::now()) {
            tokio::time::sleep(WRONG_PASSWORD_PAUSE).await;
            return Verdict::NotNow;
        }
        let Ok(permit) = self.passwords.acquire().await else { return Verdict::NotNow };
        let settings = Arc::clone(settings);
        let check = move || settings.users.is_right(&credentials);
        let is_right = tokio::task::spawn_blocking(check).await.unwrap_or(false);
        drop(permit);
        if is_right {
            return Verdict::Right;
        }
        self.guesses.note_wrong(client, Instant::now());
        tokio::time::sleep(WRONG_PASSWORD_PAUSE).await;
        Verdict::Wrong
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
