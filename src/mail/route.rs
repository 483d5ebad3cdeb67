//! Where the mail of a domain goes (RFC 5321 §5.1).

use std::net::SocketAddr;

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
