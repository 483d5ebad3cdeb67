//! What is known without having been learnt: our own zones, as far as a resolution needs them.
//!
//! Defined here because those who have the zones (`answer`) and those who resolve (`resolver`) do not
//! know each other.

use std::fmt::Debug;
use std::net::IpAddr;

use crate::wire::folded::FoldedName;
use crate::wire::name::NameBuf;
use crate::wire::numbers::Rtype;

/// To whom a name belongs.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Owned {
    /// To others: it is within none of our zones.
    No,
    /// To us: a resolution that comes to it ends there, and the answer goes on.
    Yes,
    /// To others, to whom a zone of ours delegates it: a resolution starts there.
    Cut(LocalCut),
}

/// A delegation in one of our zones.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LocalCut {
    /// The delegated zone, in lower case.
    pub zone: NameBuf,
    /// Its servers, in lower case.
    pub servers: Vec<NameBuf>,
    /// Their addresses, as far as our zones have them: glue and data.
    pub glue: Vec<(NameBuf, IpAddr)>,
}

/// Our own zones, read only.
pub trait Local: Send + Sync + Debug {
    /// To whom records of a type at a name belong. The DS of a zone belongs to its parent
    /// (RFC 4035 §3.1.4.1), so that of one of ours may be others'.
    fn owner_of(&self, name: &FoldedName, rtype: Rtype) -> Owned;

    /// The addresses of a server that one of our zones has; none if the name is not ours. Follows no
    /// alias (RFC 2181 §10.3).
    fn addresses(&self, name: &FoldedName) -> Vec<IpAddr>;
}

/// No zones.
#[derive(Clone, Copy, Debug)]
pub struct NoZones;

impl Local for NoZones {
    fn owner_of(&self, _name: &FoldedName, _rtype: Rtype) -> Owned {
        Owned::No
    }

    fn addresses(&self, _name: &FoldedName) -> Vec<IpAddr> {
        Vec::new()
    }
}
