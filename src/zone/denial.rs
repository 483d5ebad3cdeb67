//! Which records of a signed zone prove that a name or a type is not there.
//!
//! The names that own such records stand in an order of their own, so that the neighbours of a name
//! that does not exist are found without scanning. Chooses the records; what a proof needs is
//! `answer`'s part. Signs nothing and checks no signature.

use sha1::{Digest, Sha1};

use crate::base::limits::NSEC3_ITERATIONS_MAX;
use crate::wire::name::{Name, NameArray};
use crate::wire::numbers::Rtype;
use crate::zone::node::Node;
use crate::zone::order::Order;

/// SHA-1, the one hash algorithm of NSEC3 (RFC 5155 §11).
const SHA1: u8 = 1;

/// Octets of a hash.
pub const HASH_LEN: usize = 20;

/// Octets of a hash in Base32hex.
const LABEL_LEN: usize = 32;

/// How names are hashed (RFC 5155 §5).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Nsec3Params {
    iterations: u16,
    salt: Box<[u8]>,
}

impl Nsec3Params {
    /// Reads the data of an NSEC3PARAM record; `None` if we cannot hash like that, or the record is
    /// not to be used for answers (RFC 5155 §4.1.2).
    fn read(rdata: &[u8]) -> Option<Self> {
        let &[algorithm, flags, high, low, salt_len, ref salt @ ..] = rdata else { return None };
        let iterations = u16::from_be_bytes([high, low]);
        let is_usable = algorithm == SHA1
            && flags == 0
            && iterations <= NSEC3_ITERATIONS_MAX
            && salt.len() == usize::from(salt_len);
        is_usable.then(|| Self { iterations, salt: salt.into() })
    }

    /// How often a hash is hashed again.
    pub fn iterations(&self) -> u16 {
        self.iterations
    }

    /// Whether an NSEC3 record, given its data, was made like this.
    pub fn made(&self, rdata: &[u8]) -> bool {
        let &[algorithm, _flags, high, low, salt_len, ref rest @ ..] = rdata else { return false };
        algorithm == SHA1
            && u16::from_be_bytes([high, low]) == self.iterations
            && rest.get(..usize::from(salt_len)) == Some(&*self.salt)
    }

    /// The hash of a name.
    pub fn hash(&self, name: Name<'_>) -> [u8; HASH_LEN] {
        let mut lower = NameArray::new(name);
        lower.make_lowercase();
        let mut hash = Sha1::new().chain_update(lower.as_name().as_wire());
        hash.update(&self.salt);
        let mut digest = hash.finalize();
        for _ in 0..self.iterations {
            digest = Sha1::new().chain_update(digest).chain_update(&self.salt).finalize();
        }
        digest.into()
    }

    /// The name that owns the NSEC3 record of `name` in the zone `apex`.
    fn hashed_name(&self, name: Name<'_>, apex: Name<'_>) -> NameArray {
        let mut label = [0; LABEL_LEN];
        data_encoding::BASE32HEX_NOPAD.encode_mut(&self.hash(name), &mut label);
        label.make_ascii_lowercase();
        let mut hashed = NameArray::new(Name::ROOT);
        // A zone whose name leaves no room for the label has no such record.
        hashed.set_child(&label, apex);
        hashed
    }
}

/// How a zone denies.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum Denial {
    /// It cannot: it is not signed, or in a way that we cannot follow.
    #[default]
    Unsigned,
    /// With NSEC records (RFC 4034 §4).
    Nsec,
    /// With NSEC3 records (RFC 5155).
    Nsec3(Nsec3Params),
}

impl Denial {
    /// How a zone with this apex denies. NSEC3 counts if the zone has both: a signer publishes
    /// NSEC3PARAM last and withdraws it first (RFC 5155 §10.4).
    pub fn of(apex: &Node) -> Self {
        let params = apex.find(Rtype::NSEC3PARAM);
        match params.and_then(|set| set.records().find_map(Nsec3Params::read)) {
            Some(params) => Self::Nsec3(params),
            None if apex.find(Rtype::NSEC).is_some() => Self::Nsec,
            None => Self::Unsigned,
        }
    }

    /// Whether a name owns a record of the chain.
    pub fn is_link(&self, node: &Node) -> bool {
        match self {
            Self::Unsigned => false,
            Self::Nsec => node.find(Rtype::NSEC).is_some(),
            Self::Nsec3(params) => node
                .find(Rtype::NSEC3)
                .is_some_and(|set| set.records().any(|rdata| params.made(rdata))),
        }
    }
}

/// The records of a zone that deny, in canonical order.
#[derive(Clone, Debug, Default)]
pub struct Chain {
    denial: Denial,
    links: Order,
}

impl Chain {
    /// The chain of a zone, given its apex and all its names in canonical order.
    pub fn new<'z>(apex: &Node, nodes: impl Iterator<Item = &'z Node>) -> Self {
        let denial = Denial::of(apex);
        let links = match denial {
            Denial::Unsigned => Order::default(),
            Denial::Nsec | Denial::Nsec3(_) => {
                Order::from_sorted(nodes.filter(|node| denial.is_link(node)))
            }
        };
        Self { denial, links }
    }

    /// How the zone denies.
    pub fn denial(&self) -> &Denial {
        &self.denial
    }

    /// The names that own records of the chain, in canonical order.
    pub fn links(&self) -> impl Iterator<Item = &Node> {
        self.links.iter()
    }

    /// Takes in that a name other than the apex has changed.
    pub fn update(&mut self, node: &Node) {
        if self.denial.is_link(node) {
            self.links.insert(node.clone());
        } else {
            self.remove(node.owner());
        }
    }

    /// Takes in that a name is gone.
    pub fn remove(&mut self, name: Name<'_>) {
        if self.denial != Denial::Unsigned {
            self.links.remove(name);
        }
    }

    /// With NSEC: the record at `name` or the last one before it, which covers it.
    pub fn nsec_for(&self, name: Name<'_>) -> Option<&Node> {
        match self.denial {
            Denial::Nsec => self.links.floor(name),
            Denial::Unsigned | Denial::Nsec3(_) => None,
        }
    }

    /// With NSEC3: the record whose hash is that of `name`, or the one whose span covers it.
    pub fn nsec3_for(&self, name: Name<'_>, apex: Name<'_>) -> Option<Nsec3<'_>> {
        let Denial::Nsec3(params) = &self.denial else { return None };
        let hashed = params.hashed_name(name, apex);
        match self.links.floor(hashed.as_name()) {
            Some(node) if node.owner() == hashed.as_name() => Some(Nsec3::Match(node)),
            Some(node) => Some(Nsec3::Cover(node)),
            // Before the first comes the span that wraps around from the last.
            None => self.links.last().map(Nsec3::Cover),
        }
    }
}

/// What an NSEC3 record is for a name.
#[derive(Clone, Copy, Debug)]
pub enum Nsec3<'z> {
    /// The name exists, and this is its record.
    Match(&'z Node),
    /// The hash of the name lies between that of this record and the next.
    Cover(&'z Node),
}

#[cfg(test)]
mod tests;
