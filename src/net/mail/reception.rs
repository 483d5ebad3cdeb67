//! Whose mail is taken: from which clients and senders, for which domains, and into which mailbox.

use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;
use std::time::Duration;

use tokio::time::timeout;

use crate::answer::{Exchanger, Snapshot};
use crate::config::{self, SpfCheck};
use crate::mail::address::{Address, Domain, Path};
use crate::mail::checks::{self, Verdict};
use crate::mail::lookup::Unknown;
use crate::mail::reply::{Reply, Status};
use crate::mail::smtp::Destination;
use crate::mail::spf::{self, Outcome, Query};
use crate::net::mail::users::Users;
use crate::net::mail::{Settings, Shared};
use crate::wire::name::NameBuf;

/// How long an SPF check may take (RFC 7208 §4.6.4 has 20 seconds as the least).
const SPF_TIME_MAX: Duration = Duration::from_secs(20);

/// Who sends.
#[derive(Clone, Copy, Debug)]
pub(super) struct From<'f> {
    /// The client's address.
    pub(super) client: IpAddr,
    /// What it calls itself.
    pub(super) helo: &'f str,
    /// Who is told if a message cannot be delivered.
    pub(super) sender: &'f Path,
    /// Whether the client may send to anywhere.
    pub(super) may_relay: bool,
}

/// What decides for a session.
#[derive(Clone, Copy)]
pub(super) struct Reception<'r> {
    pub(super) shared: &'r Arc<Shared>,
    pub(super) settings: &'r Settings,
}

impl Reception<'_> {
    /// Whether mail from a sender is taken. Returns fields to put before the content.
    ///
    /// Those who may send to anywhere are known: only what is certain counts against their senders.
    ///
    /// # Errors
    ///
    /// Returns the reply if it is not taken.
    pub(super) async fn check_sender(&self, from: From<'_>) -> Result<String, Reply> {
        let (stub, wanted) = (&self.shared.stub, self.settings.config.checks);
        let is_stranger = !from.may_relay;
        if is_stranger && wanted.reverse {
            let step = |known: &_| checks::reverse(from.client, known);
            settle(stub.find_out(step).await, "the name of your address")?;
        }
        if is_stranger && wanted.helo {
            let step = |known: &_| checks::helo(from.helo, known);
            settle(stub.find_out(step).await, "the name that you say in HELO")?;
        }
        if let Some(domain) = from.sender.address().and_then(|sender| self.foreign(sender)) {
            let verdict = stub.find_out(|known| checks::sender(domain, known)).await;
            if !(from.may_relay && matches!(verdict, Verdict::Unknown(_))) {
                settle(verdict, "the sender's domain")?;
            }
        }
        if is_stranger && wanted.spf != SpfCheck::Off && !from.client.is_loopback() {
            return self.check_spf(from).await;
        }
        Ok(String::new())
    }

    /// Whether the sender's domain lets the client send. Programs of this machine are no hosts that a
    /// domain could name, so they are not asked about.
    async fn check_spf(&self, from: From<'_>) -> Result<String, Reply> {
        let query = Query { client: from.client, helo: from.helo, sender: from.sender.address() };
        let checking = self.shared.stub.find_out(|known| spf::check(&query, known));
        let outcome = timeout(SPF_TIME_MAX, checking).await;
        let outcome = outcome.unwrap_or_else(|_| Outcome::temporary("it takes too long"));
        let rejects = self.settings.config.checks.spf == SpfCheck::Reject;
        match outcome.verdict {
            spf::Verdict::Fail if rejects => {
                let text = format!(
                    "the sender's domain does not let {} send in its name (SPF)",
                    from.client
                );
                Err(Reply::new(550, Status(7, 23), "").with_text(text))
            }
            spf::Verdict::TempError if rejects => {
                let text = "SPF of the sender's domain cannot be checked now; come back later";
                Err(Reply::new(451, Status(7, 24), text))
            }
            spf::Verdict::None
            | spf::Verdict::Neutral
            | spf::Verdict::Pass
            | spf::Verdict::Fail
            | spf::Verdict::SoftFail
            | spf::Verdict::TempError
            | spf::Verdict::PermError => Ok(outcome.field(&query, &self.settings.smtp.hostname)),
        }
    }

    /// Where a recipient's mail goes.
    ///
    /// # Errors
    ///
    /// Returns the reply if it is not taken.
    pub(super) async fn destination(
        &self,
        recipient: &Path,
        may_relay: bool,
    ) -> Result<Destination, Reply> {
        let unknown = || Reply::new(550, Status(1, 1), "there is no such mailbox here");
        let users = &self.settings.users;
        let mailbox = |mailbox: Option<&str>| {
            mailbox.map(|mailbox| Destination::Mailbox(mailbox.to_owned())).ok_or_else(unknown)
        };
        let address = match recipient {
            Path::Null => return Err(unknown()),
            Path::Postmaster => return mailbox(users.postmaster()),
            Path::Address(address) if self.is_local(address.domain()) => {
                return mailbox(users.mailbox_of(address));
            }
            Path::Address(address) => address,
        };
        if let Some(domain) = self.foreign(address) {
            let step = |known: &_| checks::recipient(domain, known);
            // What cannot be found out now is tried again by the queue.
            if let Verdict::Refused(reply) = self.shared.stub.find_out(step).await {
                return Err(reply);
            }
        }
        if may_relay { Ok(Destination::Away) } else { Err(no_relay(address)) }
    }

    fn is_local(&self, domain: &Domain) -> bool {
        let snapshot = self.shared.world.snapshot().load();
        locality(&self.settings.config, &snapshot, domain).is_some()
    }

    /// The domain of an address, if DNS is to be asked for it: it is not local, and no route says that
    /// DNS need not know it.
    fn foreign<'a>(&self, address: &'a Address) -> Option<&'a NameBuf> {
        let Domain::Name(name) = address.domain() else { return None };
        let is_routed = self.settings.rules.routes.iter().any(|route| route.domain == *name);
        (!is_routed && !self.is_local(address.domain())).then_some(name)
    }
}

/// What a check means for somebody who is not known. Without a resolver nothing is known of others, and
/// that is nobody's fault.
fn settle(verdict: Verdict, what: &str) -> Result<(), Reply> {
    match verdict {
        Verdict::Fine | Verdict::Unknown(Unknown::NoResolver) => Ok(()),
        Verdict::Refused(reply) => Err(reply),
        Verdict::Unknown(why) => {
            let text = format!("{what} cannot be looked up now ({why}); come back later");
            Err(Reply::new(451, Status(4, 3), "").with_text(text))
        }
    }
}

fn no_relay(address: &Address) -> Reply {
    let text =
        format!("mail for {} is not taken here: log in to send to others", address.domain_text());
    Reply::new(550, Status(7, 1), "").with_text(text)
}

/// Why the mail of a domain is for this host.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Locality {
    /// The configuration lists the domain.
    Configured,
    /// The domain is an address that we listen at.
    Address,
    /// One of our zones names us among the hosts that it prefers.
    Exchanger(Exchanger),
}

/// Why the mail of a domain is for this host; `None` if it is not.
pub fn locality(config: &config::Mail, snapshot: &Snapshot, domain: &Domain) -> Option<Locality> {
    let listening = || config.smtp.iter().map(SocketAddr::ip).filter(|ip| !ip.is_unspecified());
    let is_ours = |address: &IpAddr| listening().any(|own| own == address.to_canonical());
    match domain {
        Domain::Literal(address) => is_ours(address).then_some(Locality::Address),
        Domain::Name(name) if config.domains.iter().any(|domain| domain == name) => {
            Some(Locality::Configured)
        }
        Domain::Name(name) => {
            let names_us = |exchanger: &Exchanger| {
                exchanger.host == config.hostname || exchanger.addresses.iter().any(is_ours)
            };
            let found = snapshot.exchangers(name.as_name()).into_iter().find(names_us);
            found.map(Locality::Exchanger)
        }
    }
}

/// The mailbox of an address whose domain is local.
pub fn mailbox(config: &config::Mail, address: &Address) -> Option<String> {
    Users::of(config).mailbox_of(address).map(str::to_owned)
}

#[cfg(test)]
mod tests;
