//! The chain of NSEC records (RFC 4034 §4, RFC 4035 §2.3), walked in canonical order.
//!
//! Each hole is told once: a link that leads to a name whose record is missing or out of place is
//! not broken itself.

use crate::wire::name::Name;
use crate::wire::numbers::Rtype;
use crate::wire::rdata::listed_types;
use crate::zone::check::holes::Holes;
use crate::zone::check::signed::difference;
use crate::zone::check::{Kind, any_record, later_record, record};
use crate::zone::node::Node;

/// The chain, as far as it was walked.
pub(super) struct NsecChain<'z> {
    apex: Name<'z>,
    /// The last record, unless what it leads to was told to be wrong.
    last: Option<Link<'z>>,
}

#[derive(Clone, Copy)]
struct Link<'z> {
    owner: Name<'z>,
    next: Name<'z>,
    rdata: &'z [u8],
}

impl<'z> Link<'z> {
    fn of(node: &'z Node) -> Option<Self> {
        let rdata = node.find(Rtype::NSEC)?.records().next()?;
        Some(Self { owner: node.owner(), next: Name::read(rdata).ok()?, rdata })
    }
}

impl<'z> NsecChain<'z> {
    /// The chain of a zone.
    pub(super) fn new(apex: Name<'z>) -> Self {
        Self { apex, last: None }
    }

    /// Takes the next name that the zone answers for, and the types that its record should list.
    pub(super) fn name(&mut self, node: &'z Node, types: &[Rtype], holes: &mut Holes) {
        let owner = node.owner();
        let has_data = types.iter().any(|rtype| !matches!(*rtype, Rtype::NSEC | Rtype::RRSIG));
        let Some(set) = node.find(Rtype::NSEC) else {
            if let Some(first) = types.first().filter(|_| has_data) {
                self.last = self.last.filter(|link| link.next != owner);
                holes.add(Kind::NSEC_MISSING, || {
                    (format!("{owner} has no NSEC record"), any_record(owner, *first))
                });
            }
            return;
        };
        if !has_data {
            self.stray(node);
            return holes.add(Kind::NSEC_OUT_OF_PLACE, || {
                let message = format!("{owner} has an NSEC record and nothing else");
                (message, any_record(owner, Rtype::NSEC))
            });
        }
        self.arrive(owner, holes);
        if set.len() > 1 {
            return holes.add(Kind::NSEC_CHAIN_BROKEN, || {
                (format!("{owner} has {} NSEC records", set.len()), later_record(owner, &set))
            });
        }
        let Some(link) = Link::of(node) else { return };
        self.last = Some(link);
        let listed = link.rdata.get(link.next.len()..).unwrap_or_default();
        if !listed_types(listed).eq(types.iter().copied()) {
            holes.add(Kind::NSEC_TYPES_DIFFER, || {
                let how = difference(listed, types);
                let message = format!("the NSEC record of {owner} {how}");
                (message, record(owner, Rtype::NSEC, link.rdata))
            });
        }
    }

    /// Takes a record that should not be there; the chain may lead through it all the same.
    pub(super) fn stray(&mut self, node: &'z Node) {
        if self.last.is_some_and(|link| link.next == node.owner()) {
            self.last = Link::of(node);
        }
    }

    /// Takes the end of the zone.
    pub(super) fn finish(mut self, holes: &mut Holes) {
        self.arrive(self.apex, holes);
    }

    /// Checks that the last record leads to this name.
    fn arrive(&mut self, owner: Name<'_>, holes: &mut Holes) {
        let Some(link) = self.last.take() else { return };
        if link.next != owner {
            holes.add(Kind::NSEC_CHAIN_BROKEN, || {
                let Link { owner: before, next, rdata } = link;
                let message = format!(
                    "the NSEC record of {before} leads to {next}, and the next name is {owner}"
                );
                (message, record(before, Rtype::NSEC, rdata))
            });
        }
    }
}
