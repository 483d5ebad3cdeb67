//! The chain of NSEC3 records (RFC 5155), and that each name has its record.
//!
//! Hashes each name once. Each hole is told once: a link that leads to a hash whose record is
//! missing is not broken itself.

use std::collections::HashSet;

use crate::wire::name::Name;
use crate::wire::numbers::Rtype;
use crate::wire::rdata::listed_types;
use crate::wire::rdata::octets::Octets;
use crate::zone::check::holes::Holes;
use crate::zone::check::signed::difference;
use crate::zone::check::{Kind, Subject, any_record, later_record, record};
use crate::zone::denial::{HASH_LEN, Nsec3Params};
use crate::zone::node::Node;
use crate::zone::store::Zone;

/// Flag of a record that says nothing of cuts without DS in its span (RFC 5155 §3.1.2.1).
const OPT_OUT: u8 = 1;

/// What a name is hashed to.
pub(super) type Hash = [u8; HASH_LEN];

/// A name with its hash.
#[derive(Clone, Copy)]
pub(super) struct Hashed<'z> {
    pub(super) node: &'z Node,
    pub(super) hash: Hash,
}

/// The chain, and which of its records belong to names that were walked over.
pub(super) struct Nsec3Chain<'z> {
    apex: Name<'z>,
    params: &'z Nsec3Params,
    /// In the order of hashes.
    links: Vec<Link<'z>>,
    /// Hashes whose record is missing, or made in another way.
    missing: HashSet<Hash>,
    /// Empty non-terminals that an opt-out record covers, each below the one before. Theirs is
    /// missing if anything below has one.
    covered: Vec<Hashed<'z>>,
}

struct Link<'z> {
    hash: Hash,
    owner: Name<'z>,
    rdata: &'z [u8],
    is_opt_out: bool,
    next: &'z [u8],
    types: &'z [u8],
    /// Whether a name has this hash.
    is_matched: bool,
}

impl<'z> Link<'z> {
    fn read(hash: Hash, owner: Name<'z>, rdata: &'z [u8]) -> Option<Self> {
        let mut octets = Octets::new(rdata);
        let [_algorithm, flags, _, _] = octets.take_array()?;
        let _salt = octets.take_counted()?;
        let next = octets.take_counted()?;
        let (is_opt_out, types) = (flags & OPT_OUT != 0, octets.take_rest());
        Some(Self { hash, owner, rdata, is_opt_out, next, types, is_matched: false })
    }
}

impl<'z> Nsec3Chain<'z> {
    /// The chain of a zone, and what is wrong with its records before any name is looked at.
    pub(super) fn new(zone: &'z Zone, params: &'z Nsec3Params, holes: &mut Holes) -> Self {
        let mut chain = Self {
            apex: zone.apex(),
            params,
            links: Vec::new(),
            missing: HashSet::new(),
            covered: Vec::new(),
        };
        let published: Vec<&[u8]> =
            zone.apex_node().find(Rtype::NSEC3PARAM).iter().flat_map(|set| set.records()).collect();
        for node in zone.nodes() {
            chain.take(node, &published, holes);
        }
        if chain.links.is_empty() && chain.missing.is_empty() {
            holes.add(Kind::NSEC3_MISSING, || {
                let message =
                    format!("the zone {} has NSEC3PARAM and no NSEC3 record", zone.apex());
                (message, any_record(zone.apex(), Rtype::NSEC3PARAM))
            });
        }
        chain
    }

    /// Takes the NSEC3 records of a name.
    fn take(&mut self, node: &'z Node, published: &[&[u8]], holes: &mut Holes) {
        let Some(set) = node.find(Rtype::NSEC3) else { return };
        let owner = node.owner();
        let Some(hash) = hash_of(owner, self.apex) else {
            return holes.add(Kind::NSEC3_OUT_OF_PLACE, || {
                let message = format!("{owner} has an NSEC3 record and is not the name of a hash");
                (message, any_record(owner, Rtype::NSEC3))
            });
        };
        let mut ours = set.records().filter(|rdata| self.params.made(rdata));
        let (first, second) = (ours.next(), ours.next());
        if let Some(link) = first.and_then(|rdata| Link::read(hash, owner, rdata)) {
            self.links.push(link);
        }
        if second.is_some() {
            holes.add(Kind::NSEC3_CHAIN_BROKEN, || {
                let message = format!("{owner} has several NSEC3 records made in the same way");
                (message, later_record(owner, &set))
            });
        }
        // A chain that is being made has no NSEC3PARAM yet: then this is told until it is whole.
        let is_published = |rdata: &[u8]| published.iter().any(|params| is_made_by(rdata, params));
        if let Some(other) = set.records().find(|rdata| !is_published(rdata)) {
            if first.is_none() {
                self.missing.insert(hash);
            }
            holes.add_once(Kind::NSEC3_PARAMETERS_DIFFER, 0, || {
                let message =
                    format!("the NSEC3 record {owner} is not made as any NSEC3PARAM record says");
                (message, record(owner, Rtype::NSEC3, other))
            });
        }
    }

    /// The hash of a name that the zone answers for, or any if no record could have it.
    pub(super) fn hash(&self, name: Name<'_>) -> Hash {
        if self.links.is_empty() { Hash::default() } else { self.params.hash(name) }
    }

    /// Takes the next name that the zone answers for, and the types that its record should list.
    pub(super) fn name(
        &mut self,
        zone: &'z Zone,
        name: &Hashed<'z>,
        types: &[Rtype],
        holes: &mut Holes,
    ) {
        if self.links.is_empty() {
            return;
        }
        let Hashed { node, hash } = *name;
        let owner = node.owner();
        while self.covered.pop_if(|above| !owner.is_below(above.node.owner())).is_some() {}
        match self.links.binary_search_by(|link| link.hash.cmp(&hash)) {
            Ok(at) => {
                let link = &mut self.links[at];
                link.is_matched = true;
                if !listed_types(link.types).eq(types.iter().copied()) {
                    holes.add(Kind::NSEC3_TYPES_DIFFER, || {
                        let how = difference(link.types, types);
                        let message = format!("the NSEC3 record of {owner} {how}");
                        (message, record(link.owner, Rtype::NSEC3, link.rdata))
                    });
                }
            }
            Err(at) => {
                let is_insecure = node.is_cut() && node.find(Rtype::DS).is_none();
                if self.span(at).is_opt_out && is_insecure {
                    return;
                }
                if self.span(at).is_opt_out && node.is_empty() {
                    self.covered.push(*name);
                    return;
                }
                self.tell_missing(zone, name, holes);
            }
        }
        for above in std::mem::take(&mut self.covered) {
            self.tell_missing(zone, &above, holes);
        }
    }

    /// The record whose span holds a hash that would stand at `at`.
    fn span(&self, at: usize) -> &Link<'z> {
        &self.links[at.checked_sub(1).unwrap_or(self.links.len() - 1)]
    }

    fn tell_missing(&mut self, zone: &'z Zone, name: &Hashed<'z>, holes: &mut Holes) {
        let Hashed { node, hash } = *name;
        if self.missing.insert(hash) {
            holes.add(Kind::NSEC3_MISSING, || {
                let owner = node.owner();
                let what = if node.is_empty() { ", a name between others," } else { "" };
                (format!("{owner}{what} has no NSEC3 record"), first_record(zone, node))
            });
        }
    }

    /// Takes the end of the zone.
    pub(super) fn finish(self, holes: &mut Holes) {
        for link in self.links.iter().filter(|link| !link.is_matched) {
            holes.add(Kind::NSEC3_OUT_OF_PLACE, || {
                let message =
                    format!("the NSEC3 record {} belongs to no name of the zone", link.owner);
                (message, record(link.owner, Rtype::NSEC3, link.rdata))
            });
        }
        let following = self.links.iter().cycle().skip(1);
        for (link, following) in self.links.iter().zip(following) {
            if link.next != following.hash && !self.leads_to_missing(link) {
                holes.add(Kind::NSEC3_CHAIN_BROKEN, || {
                    let message = format!(
                        "the NSEC3 record {} leads to {}, and the next hash is {}",
                        link.owner,
                        text_of(link.next),
                        text_of(&following.hash)
                    );
                    (message, record(link.owner, Rtype::NSEC3, link.rdata))
                });
            }
        }
    }

    /// Whether a record leads to a hash of its span whose own record is missing.
    fn leads_to_missing(&self, link: &Link<'_>) -> bool {
        let Ok(next) = Hash::try_from(link.next) else { return false };
        let place = self.links.binary_search_by(|other| other.hash.cmp(&next));
        self.missing.contains(&next) && place.is_err_and(|at| self.span(at).hash == link.hash)
    }
}

/// The hash that a name is made of (RFC 5155 §3); `None` if it is not one.
fn hash_of(owner: Name<'_>, apex: Name<'_>) -> Option<Hash> {
    let label = owner.labels().next().filter(|_| owner.parent() == Some(apex))?;
    data_encoding::BASE32HEX_NOPAD.decode(&label.to_ascii_uppercase()).ok()?.try_into().ok()
}

fn text_of(hash: &[u8]) -> String {
    data_encoding::BASE32HEX_NOPAD.encode(hash).to_ascii_lowercase()
}

/// Whether an NSEC3 record has the algorithm, iterations and salt of an NSEC3PARAM record.
fn is_made_by(rdata: &[u8], params: &[u8]) -> bool {
    let without_flags =
        |rdata: &[u8], len: usize| Some((*rdata.first()?, rdata.get(2..len)?.to_vec()));
    let found = without_flags(rdata, params.len());
    found.is_some() && found == without_flags(params, params.len())
}

/// A record of a name or, if it has none, the first one below it.
fn first_record(zone: &Zone, node: &Node) -> Subject {
    let mut node = node;
    while let Some(next) = zone.successor(node.owner()).filter(|_| node.is_empty()) {
        node = next;
    }
    let rtype = node.sets().next().map_or(Rtype::SOA, |set| set.rtype());
    any_record(node.owner(), rtype)
}
