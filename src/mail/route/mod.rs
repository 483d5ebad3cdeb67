//! Where the mail of a domain goes (RFC 5321 §5.1).
//!
//! Says nothing of who is local: that is looked at before. Asks nobody (`lookup`).

mod walk;

#[cfg(test)]
mod tests;

pub use walk::{Drop, Origin, Sight, Walk, walk};

use std::fmt;
use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::sync::Arc;

use crate::wire::name::NameBuf;

/// MX hosts whose addresses are looked for. Domains have five at most; one with hundreds must not cost
/// a question for each.
pub const HOSTS_MAX: usize = 16;

/// Addresses of one host that are tried.
pub const ADDRESSES_PER_HOST_MAX: usize = 8;

/// What ways go by.
#[derive(Clone)]
pub struct Rules {
    /// The name by which MX records mean this server; `None` if it takes no mail.
    pub hostname: Option<NameBuf>,
    /// The port of other servers.
    pub port: u16,
    /// Ways that need no MX.
    pub routes: Vec<Route>,
    /// Whether this server listens at an address.
    pub is_ours: Arc<dyn Fn(IpAddr) -> bool + Send + Sync>,
    /// Where mail may go at all, but by `routes`.
    pub scope: Scope,
}

impl fmt::Debug for Rules {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Rules").field("routes", &self.routes).finish_non_exhaustive()
    }
}

/// Where mail may go at all.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Scope {
    /// Anywhere but to where only this machine or its link can be meant.
    Internet,
    /// To the servers of the lab, and nowhere else.
    Lab,
}

/// The network of the lab's servers: 127.53.0.0/16.
const LAB: [u8; 2] = [127, 53];

impl Scope {
    /// Whether mail may go to an address.
    fn allows(self, address: IpAddr) -> bool {
        let address = address.to_canonical();
        match (self, address) {
            (Self::Lab, IpAddr::V4(v4)) => v4.octets().starts_with(&LAB),
            (Self::Lab, IpAddr::V6(_)) => false,
            (Self::Internet, IpAddr::V4(v4)) => {
                let [first, ..] = v4.octets();
                let is_here = first == 0 || v4.is_loopback() || v4.is_link_local();
                !is_here && !v4.is_multicast() && v4 != Ipv4Addr::BROADCAST
            }
            (Self::Internet, IpAddr::V6(v6)) => {
                let is_here = v6.is_unspecified() || v6.is_loopback();
                !is_here && !v6.is_unicast_link_local() && !v6.is_multicast()
            }
        }
    }
}

/// Where the mail of a domain goes instead of to its MX.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Route {
    /// The domain; those below it are not meant.
    pub domain: NameBuf,
    /// The host.
    pub to: Target,
    /// Its port.
    pub port: u16,
}

/// A host as an operator names it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Target {
    /// By address.
    Address(IpAddr),
    /// By name, which must have addresses: MX records are not looked at.
    Name(NameBuf),
}

/// What came of looking for the way.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Way {
    /// These hosts take it, in the order in which they are to be tried.
    Hosts(Vec<Host>),
    /// There is none, and trying again would not help.
    None(NoWay),
    /// Whoever knows cannot be asked now.
    Unknown(String),
}

/// A host that takes mail.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Host {
    /// Its name, without a dot at its end, or its address.
    pub name: String,
    /// Where it listens, in the order in which they are to be tried.
    pub addresses: Vec<SocketAddr>,
}

/// A name without the dot at its end.
pub fn text(name: &NameBuf) -> String {
    let text = name.to_string();
    text.strip_suffix('.').unwrap_or(&text).to_owned()
}

/// Why there is no way.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum NoWay {
    /// The domain does not exist: 5.1.2.
    NoDomain,
    /// It has neither MX records nor addresses, or hosts without addresses: 5.4.4.
    NoHost,
    /// It takes no mail (RFC 7505): 5.1.10.
    NullMx,
    /// The best host is this one, which has no mailboxes for it: 5.4.6.
    Loop,
    /// Its hosts are where this server sends nothing to: 5.4.4.
    Forbidden,
}

impl fmt::Display for NoWay {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::NoDomain => "the domain does not exist",
            Self::NoHost => "no host with an address takes its mail",
            Self::NullMx => "the domain says that it takes no mail",
            Self::Loop => "its best host is this server, which has no mailboxes for it",
            Self::Forbidden => "this server sends nothing to the addresses of its hosts",
        })
    }
}
