//! One attempt to deliver one envelope, and what follows from how it goes.

use std::io::{self, Read};
use std::net::SocketAddr;
use std::sync::Arc;

use crate::base::time::Wall;
use crate::mail::address::{Address, Path};
use crate::mail::bounce::{self, Bounce};
use crate::mail::reply::{Reply, Status};
use crate::mail::route::{Host, NoWay, Way};
use crate::mail::schedule::Schedule;
use crate::mail::smtp::Destination;
use crate::mail::smtp::client::{Mail, Outcome, SESSION_RECIPIENTS_MAX, Trouble};
use crate::net::mail::connection::Connection;
use crate::net::mail::queue::{Envelope, Facts, Failure, Queue, Taken};
use crate::net::mail::relay::conversation::{OpenMessage, Parting, connect, converse};
use crate::net::mail::relay::{Held, Relay};
use crate::net::mail::{Settings, Shared, name_text, reception};
use crate::sys::random::SystemEntropy;

/// Addresses of hosts that are tried in one attempt. Those of a domain with more have their turn when
/// these are known to be silent.
const ADDRESSES_MAX: usize = 10;

/// One attempt.
pub(super) struct Attempt {
    pub(super) relay: Arc<Relay>,
    pub(super) held: Held,
}

/// What has become of a recipient, and the host that was tried last.
#[derive(Clone)]
struct Tried {
    outcome: Outcome,
    host: Option<String>,
}

impl Attempt {
    /// Tries to deliver, and writes down what came of it.
    pub(super) async fn run(mut self) {
        let mut partings = Vec::new();
        if let Err(error) = self.deliver(&mut partings).await {
            // It goes back into the queue as it is on disk.
            tracing::error!(%error, "a message of the queue cannot be handled now");
        }
        drop(self.held);
        for parting in partings {
            parting.say_goodbye().await;
        }
    }

    async fn deliver(&mut self, partings: &mut Vec<Parting>) -> io::Result<()> {
        let read = self.on_disk(|queue, taken| Ok(queue.envelope(taken))).await?;
        let Some(mut envelope) = read else {
            self.held.forget();
            return Ok(());
        };
        let settings = self.relay.shared.settings.load_full();
        let waiting = envelope.recipients.iter().filter(|recipient| !recipient.is_failed);
        let waiting: Vec<Address> = waiting.map(|recipient| recipient.address.0.clone()).collect();
        let is_tried = !waiting.is_empty();
        for (number, part) in waiting.chunks(SESSION_RECIPIENTS_MAX).enumerate() {
            if number > 0 {
                envelope = self.write_down(envelope).await?;
            }
            let tried = self.try_hosts(&envelope, part, &settings, partings).await?;
            note(&mut envelope, part, tried);
        }
        self.conclude(envelope, &settings, is_tried).await
    }

    /// Decides when those are tried again who have not got the message, and tells the sender of those
    /// who are given up.
    async fn conclude(
        &mut self,
        mut envelope: Envelope,
        settings: &Arc<Settings>,
        is_tried: bool,
    ) -> io::Result<()> {
        let now = Wall::now();
        if is_tried {
            envelope.tries = envelope.tries.saturating_add(1);
            let schedule = schedule(settings);
            let next =
                schedule.next(envelope.came(), envelope.tries, now, &mut SystemEntropy::default());
            match next {
                Some(next) => envelope.set_next(next),
                None => {
                    for recipient in &mut envelope.recipients {
                        recipient.is_failed = true;
                    }
                }
            }
        }
        if envelope.recipients.iter().any(|recipient| recipient.is_failed) {
            envelope = self.write_down(envelope).await?;
            if self.tell_sender(&envelope, settings).await? {
                tracing::info!(id = self.id(), "the sender was told of a failure");
            }
            envelope.recipients.retain(|recipient| !recipient.is_failed);
        }
        if envelope.recipients.is_empty() {
            self.on_disk(Queue::remove).await?;
            self.held.forget();
        } else {
            let envelope = self.write_down(envelope).await?;
            self.held.put_back(envelope.next());
        }
        Ok(())
    }

    async fn write_down(&self, envelope: Envelope) -> io::Result<Envelope> {
        self.on_disk(move |queue, taken| queue.update(taken, &envelope).map(|()| envelope)).await
    }

    /// Does something with the envelope on disk.
    async fn on_disk<T: Send + 'static>(
        &self,
        work: impl FnOnce(&Queue, &Taken) -> io::Result<T> + Send + 'static,
    ) -> io::Result<T> {
        let queue = self.held.queue.clone();
        let taken = self.held.taken.clone().ok_or_else(|| io::Error::other("a bug"))?;
        Shared::blocking(move || work(&queue, &taken)).await
    }

    /// Tries the hosts of the domain, one after the other, until none of these recipients waits.
    async fn try_hosts(
        &self,
        envelope: &Envelope,
        recipients: &[Address],
        settings: &Settings,
        partings: &mut Vec<Parting>,
    ) -> io::Result<Vec<Tried>> {
        let all = |outcome| vec![Tried { outcome, host: None }; recipients.len()];
        let Some(domain) = recipients.first().map(Address::domain) else { return Ok(Vec::new()) };
        let hosts = match (self.relay.find_way)(domain.clone()).await {
            Way::Hosts(hosts) => hosts,
            Way::None(why) => return Ok(all(Outcome::Refused(Trouble::found(no_way(why))))),
            Way::Unknown(why) => {
                let reply = Reply::new(451, Status(4, 3), "").with_text(why);
                return Ok(all(Outcome::Later(Trouble::found(reply))));
            }
        };
        let mut tried = all(no_answer("the domain has no host to ask"));
        for (name, address) in places(&hosts) {
            let waiting = tried.iter().enumerate();
            let waiting = waiting.filter(|(_, tried)| matches!(tried.outcome, Outcome::Later(_)));
            let waiting: Vec<usize> = waiting.map(|(at, _)| at).collect();
            if waiting.is_empty() {
                break;
            }
            let mut set = |at: usize, outcome| {
                if let Some(tried) = tried.get_mut(at) {
                    *tried = Tried { outcome, host: Some(name.to_owned()) };
                }
            };
            let connection = match self.connect(address, settings).await {
                Ok(connection) => connection,
                Err(outcome) => {
                    waiting.iter().for_each(|&at| set(at, outcome.clone()));
                    continue;
                }
            };
            let chosen = waiting.iter().filter_map(|&at| recipients.get(at).cloned());
            let mail = self.mail(envelope, chosen.collect(), settings).await?;
            let conversation = converse(connection, mail, self.opener()?).await;
            for (&at, outcome) in waiting.iter().zip(conversation.outcomes) {
                set(at, outcome);
            }
            partings.push(conversation.parting);
            if conversation.is_in_doubt {
                // Another host would perhaps deliver it a second time.
                break;
            }
        }
        self.log(&tried, domain);
        Ok(tried)
    }

    /// Connects to a host that has not been silent.
    async fn connect(
        &self,
        address: SocketAddr,
        settings: &Settings,
    ) -> Result<Connection, Outcome> {
        let now = self.relay.shared.world.now();
        if self.relay.silences().has(address, now) {
            return Err(no_answer("the host did not answer a moment ago"));
        }
        match connect(address).await {
            Ok(connection) => {
                self.relay.silences().forget(address);
                Ok(connection)
            }
            Err(error) => {
                let now = self.relay.shared.world.now();
                self.relay.silences().note(address, now, &schedule(settings));
                Err(no_answer(&format!("the host does not answer: {error}")))
            }
        }
    }

    /// What opens the message as often as it is sent.
    fn opener(&self) -> io::Result<OpenMessage> {
        let queue = self.held.queue.clone();
        let taken = self.held.taken.clone().ok_or_else(|| io::Error::other("a bug"))?;
        Ok(Arc::new(move || queue.open_message(&taken).map(|(file, _)| file)))
    }

    async fn mail(
        &self,
        envelope: &Envelope,
        recipients: Vec<Address>,
        settings: &Settings,
    ) -> io::Result<Mail> {
        let (_, first_len) = self.on_disk(Queue::open_message).await?;
        Ok(Mail {
            hostname: name_text(&settings.config.hostname),
            sender: envelope.sender.as_ref().map(|sender| sender.0.clone()),
            recipients,
            octets: envelope.octets.saturating_sub(first_len),
            is_8bit: envelope.is_8bit,
            is_utf8: envelope.is_utf8,
            may_start_tls: false,
        })
    }

    fn log(&self, tried: &[Tried], domain: &impl std::fmt::Display) {
        let count =
            |is: fn(&Outcome) -> bool| tried.iter().filter(|tried| is(&tried.outcome)).count();
        let delivered = count(|outcome| matches!(outcome, Outcome::Delivered));
        let refused = count(|outcome| matches!(outcome, Outcome::Refused(_)));
        let later = count(|outcome| matches!(outcome, Outcome::Later(_)));
        let id = self.id();
        tracing::info!(id, %domain, delivered, refused, later, "a message was tried");
    }

    /// The name of the message, for the log.
    fn id(&self) -> &str {
        self.held.taken.as_ref().map(|taken| &*taken.place.id).unwrap_or_default()
    }

    /// Tells the sender of the recipients who are given up. Returns whether there is one to be told.
    async fn tell_sender(&self, envelope: &Envelope, settings: &Arc<Settings>) -> io::Result<bool> {
        let id = self.id();
        let Some(sender) = envelope.sender.as_ref().map(|sender| sender.0.clone()) else {
            tracing::warn!(id, "a message without a sender cannot be delivered; nobody is told");
            return Ok(false);
        };
        let path = Path::Address(sender.clone());
        let destination = {
            let snapshot = self.relay.shared.world.snapshot().load();
            reception::destination(settings, &snapshot, &path, true)
        };
        let Ok(destination) = destination else {
            tracing::warn!(id, "a sender has no mailbox here and is not told of a failure");
            return Ok(false);
        };
        let (envelope, shared) = (envelope.clone(), Arc::clone(&self.relay.shared));
        let hostname = name_text(&settings.config.hostname);
        self.on_disk(move |queue, taken| {
            let mut head = Vec::new();
            let (file, _) = queue.open_message(taken)?;
            file.take(bounce::HEAD_LEN_MAX as u64).read_to_end(&mut head)?;
            let now = Wall::now();
            let mut draft = shared.store.draft(now)?;
            let id = draft.id.clone();
            let bounce = Bounce {
                hostname: &hostname,
                id: &id,
                sender: &sender,
                came: envelope.came(),
                now,
                failed: &failed(&envelope),
                head: &head,
            };
            draft.write(&bounce.text())?;
            match destination {
                Destination::Mailbox(mailbox) => shared.store.keep(&mut draft, &[&mailbox]),
                Destination::Away => {
                    let facts = Facts {
                        sender: None,
                        came: now,
                        octets: draft.wire_octets(),
                        is_8bit: draft.wide().is_wide,
                        is_utf8: draft.wide().is_head_wide,
                    };
                    queue.keep(&mut draft, &facts, vec![sender])?.begin();
                    Ok(())
                }
            }
        })
        .await?;
        Ok(true)
    }
}

/// Notes what has become of recipients: those who have the message leave the envelope.
fn note(envelope: &mut Envelope, recipients: &[Address], tried: Vec<Tried>) {
    for (address, Tried { outcome, host }) in recipients.iter().zip(tried) {
        let (trouble, is_failed) = match outcome {
            Outcome::Delivered => {
                envelope.recipients.retain(|recipient| recipient.address.0 != *address);
                continue;
            }
            Outcome::Refused(trouble) => (trouble, true),
            Outcome::Later(trouble) => (trouble, false),
        };
        let mut known = envelope.recipients.iter_mut();
        if let Some(recipient) = known.find(|recipient| recipient.address.0 == *address) {
            recipient.is_failed = is_failed;
            recipient.last = Some(Failure::new(host.as_deref(), &trouble));
        }
    }
}

/// Those who are given up, as the sender is told of them.
fn failed(envelope: &Envelope) -> Vec<bounce::Failed> {
    let unknown = || Reply::new(451, Status(4, 7), "the time is over");
    let failed = envelope.recipients.iter().filter(|recipient| recipient.is_failed);
    let failed = failed.map(|recipient| bounce::Failed {
        recipient: recipient.address.0.clone(),
        host: recipient.last.as_ref().and_then(|last| last.host.clone()),
        reply: recipient.last.as_ref().map_or_else(unknown, Failure::reply),
        is_said: recipient.last.as_ref().is_some_and(|last| last.is_said),
    });
    failed.collect()
}

/// The addresses to be tried, in their order, each with the name of its host.
fn places(hosts: &[Host]) -> impl Iterator<Item = (&str, SocketAddr)> {
    let places = hosts
        .iter()
        .flat_map(|host| host.addresses.iter().map(|&address| (host.name.as_str(), address)));
    places.take(ADDRESSES_MAX)
}

fn schedule(settings: &Settings) -> Schedule {
    Schedule {
        first_retry: settings.config.first_retry.duration(),
        lifetime: settings.config.lifetime.duration(),
    }
}

fn no_answer(why: &str) -> Outcome {
    Outcome::Later(Trouble::found(Reply::new(451, Status(4, 1), "").with_text(why)))
}

/// What a domain without a way would say.
fn no_way(why: NoWay) -> Reply {
    match why {
        NoWay::NoDomain => Reply::new(550, Status(1, 2), "the domain does not exist"),
        NoWay::NoHost => Reply::new(550, Status(4, 4), "no host takes mail for the domain"),
        NoWay::NullMx => Reply::new(556, Status(1, 10), "the domain takes no mail"),
        NoWay::Loop => {
            Reply::new(554, Status(4, 6), "the mail of the domain comes here, and nobody has it")
        }
        NoWay::Forbidden => {
            Reply::new(550, Status(4, 4), "the hosts of the domain are where nothing is sent to")
        }
    }
}
