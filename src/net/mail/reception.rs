//! Whose mail is taken: which domains are local, and which mailbox an address has.

use std::net::{IpAddr, SocketAddr};

use crate::answer::Snapshot;
use crate::config;
use crate::mail::address::{Address, Domain, Path};
use crate::mail::reply::{Reply, Status};
use crate::mail::smtp::Destination;
use crate::net::mail::Settings;

/// Where a recipient's mail goes.
///
/// # Errors
///
/// Returns the reply if it is not taken.
pub(super) fn destination(
    settings: &Settings,
    snapshot: &Snapshot,
    recipient: &Path,
    may_relay: bool,
) -> Result<Destination, Reply> {
    let unknown = || Reply::new(550, Status(1, 1), "there is no such mailbox here");
    let mailbox = |mailbox: Option<&str>| {
        mailbox.map(|mailbox| Destination::Mailbox(mailbox.to_owned())).ok_or_else(unknown)
    };
    match recipient {
        Path::Null => Err(unknown()),
        Path::Postmaster => mailbox(settings.users.postmaster()),
        Path::Address(address) if is_local(&settings.config, snapshot, address.domain()) => {
            mailbox(settings.users.mailbox_of(address))
        }
        Path::Address(_) if may_relay => Ok(Destination::Away),
        Path::Address(address) => Err(no_relay(address)),
    }
}

fn no_relay(address: &Address) -> Reply {
    let text =
        format!("mail for {} is not taken here: log in to send to others", address.domain_text());
    Reply::new(550, Status(7, 1), "").with_text(text)
}

/// Whether the mail of a domain is for this host: it was configured so, or one of our zones names us
/// among the hosts that it prefers.
fn is_local(config: &config::Mail, snapshot: &Snapshot, domain: &Domain) -> bool {
    let listening = || config.smtp.iter().map(SocketAddr::ip).filter(|ip| !ip.is_unspecified());
    let is_ours = |address: &IpAddr| listening().any(|own| own == address.to_canonical());
    match domain {
        Domain::Literal(address) => is_ours(address),
        Domain::Name(name) => {
            let is_configured = config.domains.iter().any(|domain| domain == name);
            is_configured
                || snapshot.exchangers(name.as_name()).iter().any(|exchanger| {
                    exchanger.host == config.hostname || exchanger.addresses.iter().any(is_ours)
                })
        }
    }
}
