//! One attempt to deliver one envelope, and what follows from how it goes.

use std::io::{self, Read};
use std::net::SocketAddr;
use std::sync::Arc;

use crate::base::time::Wall;
use crate::mail::address::{Address, Path};
use crate::mail::bounce::{self, Bounce};
use crate::mail::reply::{Reply, Status};
use crate::mail::route::{self, Host, NoWay, Way};
use crate::mail::schedule::Schedule;
use crate::mail::smtp::Destination;
use crate::mail::smtp::client::{Mail, Outcome, SESSION_RECIPIENTS_MAX, Trouble};
use crate::metrics::MailResult;
use crate::net::mail::connection::Connection;
use crate::net::mail::queue::{Envelope, Facts, Failure, Queue, Taken};
use crate::net::mail::reception::Reception;
use crate::net::mail::relay::conversation::{OpenMessage, Parting, connect, converse};
use crate::net::mail::relay::{Held, HostSeat, Relay};
use crate::net::mail::{Settings, Shared};
use crate::sys::random::SystemEntropy;

/// Addresses of hosts that are tried in one attempt. Those of a domain with more have their turn when
/// these are known to be silent.
const ADDRESSES_MAX: usize = 10;

/// One attempt.
pub(super) struct Attempt {
    pub(super) relay: Arc<Relay>,
    pub(super) held: Held,
}

/// How many recipients an attempt has had, by what became of them.
#[derive(Default)]
struct Tally {
    delivered: usize,
    refused: usize,
    later: usize,
}

impl Attempt {
    /// Tries to deliver, and writes down what came of it.
    pub(super) async fn run(mut self) {
        let mut parting = None;
        if let Err(error) = self.deliver(&mut parting).await {
            // It goes back into the queue as it is on disk.
            tracing::error!(%error, "a message of the queue cannot be handled now");
        }
        drop(self.held);
        leave(&mut parting).await;
    }

    async fn deliver(&mut self, parting: &mut Option<Parting>) -> io::Result<()> {
        let read = self.on_disk(Queue::envelope).await?;
        let Some(mut envelope) = read else {
            self.held.forget();
            return Ok(());
        };
        let settings = self.relay.shared.settings.load_full();
        let waiting = envelope.recipients.iter().filter(|recipient| !recipient.is_failed);
        let waiting: Vec<Address> = waiting.map(|recipient| recipient.address.0.clone()).collect();
        let Some(domain) = waiting.first().map(|address| address.domain().clone()) else {
            // The sender could not be told the last time.
            return self.conclude(envelope, &settings).await;
        };
        let mut tally = Tally::default();
        match (self.relay.find_way)(domain.clone()).await {
            Way::Hosts(hosts) => {
                for part in waiting.chunks(SESSION_RECIPIENTS_MAX) {
                    let work = Work { part, hosts: &hosts, settings: &settings };
                    envelope = self.try_hosts(envelope, work, parting, &mut tally).await?;
                }
            }
            Way::None(why) => {
                let outcome = Outcome::Refused(Trouble::found(no_way(why)));
                note(&mut envelope, &waiting, &vec![outcome; waiting.len()], None);
                tally.refused = waiting.len();
            }
            Way::Unknown(why) => {
                let reply = Reply::new(451, Status(4, 3), "").with_text(why);
                let outcome = Outcome::Later(Trouble::found(reply));
                note(&mut envelope, &waiting, &vec![outcome; waiting.len()], None);
                tally.later = waiting.len();
            }
        }
        let Tally { delivered, refused, later } = tally;
        if delivered > 0 {
            self.relay.shared.counters.message(MailResult::Relayed);
        }
        tracing::info!(id = self.id(), %domain, delivered, refused, later, "a message was tried");
        envelope.tries = envelope.tries.saturating_add(1);
        let now = Wall::now();
        let mut entropy = SystemEntropy::default();
        match schedule(&settings).next(envelope.came(), envelope.tries, now, &mut entropy) {
            Some(next) => envelope.set_next(next),
            None => envelope.recipients.iter_mut().for_each(|to| to.is_failed = true),
        }
        self.conclude(envelope, &settings).await
    }

    /// Tells the sender of those who are given up, and puts the others back into the queue.
    async fn conclude(
        &mut self,
        mut envelope: Envelope,
        settings: &Arc<Settings>,
    ) -> io::Result<()> {
        if envelope.recipients.iter().any(|recipient| recipient.is_failed) {
            envelope = self.write_down(envelope).await?;
            if self.tell_sender(&envelope, settings).await? {
                self.relay.shared.counters.message(MailResult::Returned);
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

    /// Tries hosts, one after the other, until none of some recipients waits.
    async fn try_hosts(
        &self,
        mut envelope: Envelope,
        Work { part, hosts, settings }: Work<'_>,
        parting: &mut Option<Parting>,
        tally: &mut Tally,
    ) -> io::Result<Envelope> {
        let mut waiting = part.to_vec();
        for (name, address) in places(hosts) {
            if parting.is_some() {
                // What has been delivered is on disk before another host is spoken to.
                envelope = self.write_down(envelope).await?;
                leave(parting).await;
            }
            let (outcomes, is_in_doubt) = match self.connect(address, settings).await {
                Ok(connected) => {
                    let mail = self.mail(&envelope, &waiting, settings).await?;
                    let spoken = converse(connected, mail, self.opener()?).await;
                    if spoken.is_silent {
                        self.note_silence(address, settings);
                    }
                    *parting = Some(spoken.parting);
                    (spoken.outcomes, spoken.is_in_doubt)
                }
                Err(outcome) => (vec![outcome; waiting.len()], false),
            };
            note(&mut envelope, &waiting, &outcomes, Some(name));
            let before = waiting.len();
            let mut of = outcomes.iter();
            waiting.retain(|_| of.next().is_none_or(|of| matches!(of, Outcome::Later(_))));
            let delivered = outcomes.iter().filter(|of| matches!(of, Outcome::Delivered)).count();
            tally.delivered += delivered;
            tally.refused += before - waiting.len() - delivered;
            // Another host would perhaps deliver what is in doubt a second time.
            if waiting.is_empty() || is_in_doubt {
                break;
            }
        }
        tally.later += waiting.len();
        Ok(envelope)
    }

    /// Connects to a host that has not been silent, when not too many others speak to it.
    async fn connect(
        &self,
        address: SocketAddr,
        settings: &Settings,
    ) -> Result<(Connection, HostSeat), Outcome> {
        let seat = self.relay.seat(address).await;
        let now = self.relay.shared.world.now();
        if self.relay.silences().has(address, now) {
            return Err(no_answer("the host did not answer a moment ago"));
        }
        match connect(address).await {
            Ok(connection) => {
                self.relay.silences().forget(address);
                Ok((connection, seat))
            }
            Err(error) => {
                self.note_silence(address, settings);
                Err(no_answer(&format!("the host does not answer: {error}")))
            }
        }
    }

    fn note_silence(&self, address: SocketAddr, settings: &Settings) {
        let now = self.relay.shared.world.now();
        self.relay.silences().note(address, now, &schedule(settings));
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
        recipients: &[Address],
        settings: &Settings,
    ) -> io::Result<Mail> {
        let (_, first_len) = self.on_disk(Queue::open_message).await?;
        Ok(Mail {
            hostname: route::text(&settings.config.hostname),
            sender: envelope.sender.as_ref().map(|sender| sender.0.clone()),
            recipients: recipients.to_vec(),
            octets: envelope.octets.saturating_sub(first_len),
            is_8bit: envelope.is_8bit,
            is_utf8: envelope.is_utf8,
            may_start_tls: false,
        })
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
        let reception = Reception { shared: &self.relay.shared, settings };
        let Ok(destination) = reception.destination(&path, true).await else {
            tracing::warn!(id, "a sender has no mailbox here and is not told of a failure");
            return Ok(false);
        };
        let (envelope, shared) = (envelope.clone(), Arc::clone(&self.relay.shared));
        let hostname = route::text(&settings.config.hostname);
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

/// Some recipients, and the hosts that are to be tried for them.
#[derive(Clone, Copy)]
struct Work<'w> {
    part: &'w [Address],
    hosts: &'w [Host],
    settings: &'w Settings,
}

/// Says goodbye to a host, if one is left to.
async fn leave(parting: &mut Option<Parting>) {
    if let Some(parting) = parting.take() {
        parting.say_goodbye().await;
    }
}

/// Notes what has become of recipients: those who have the message leave the envelope.
fn note(envelope: &mut Envelope, recipients: &[Address], outcomes: &[Outcome], host: Option<&str>) {
    for (address, outcome) in recipients.iter().zip(outcomes) {
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
            recipient.last = Some(Failure::new(host, trouble));
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
