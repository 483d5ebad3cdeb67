//! What proves to a client that wants DNSSEC that there is nothing else, or nothing at all.
//!
//! RFC 4035 §3.1.3 and §3.1.4 for NSEC, RFC 5155 §7.2 for NSEC3. A zone with a hole in its chain
//! gives what it has; `kereru check` tells of the hole.

use std::sync::Arc;

use crate::answer::reply::Reply;
use crate::base::limits::ALIASES_MAX;
use crate::base::time::Ttl;
use crate::cache::{Detail, Entry, Part};
use crate::wire::error::NoSpace;
use crate::wire::folded::FoldedName;
use crate::wire::name::{Name, NameArray};
use crate::wire::numbers::Rtype;
use crate::wire::writer::{Owner, Section};
use crate::zone::denial::{Denial, Nsec3};
use crate::zone::lookup::Source;
use crate::zone::node::{Node, Set};
use crate::zone::store::Zone;

/// Records that the proofs of one answer can hold: at most one for each alias, and four for the last
/// name.
const LINKS_MAX: usize = ALIASES_MAX + 4;

/// Aliases of others with proofs that one answer can hold: they come from wildcards, of which honest
/// chains have one or two.
const LEARNT_MAX: usize = 4;

/// The records that prove what an answer says. They are collected while it is written, each once,
/// because those about its aliases must stand behind all of its answer section.
#[derive(Debug, Default)]
pub(super) struct Proofs<'z> {
    links: [Option<&'z Node>; LINKS_MAX],
    len: usize,
    /// How many of them have been written.
    written: usize,
    /// Aliases that others proved, each with the time to live of its records.
    learnt: [Option<(Arc<Entry>, Ttl)>; LEARNT_MAX],
}

/// A name about which something is proved, and the zone that proves it.
#[derive(Clone, Copy, Debug)]
pub(super) struct Case<'z, 'n> {
    /// The zone.
    pub(super) zone: &'z Zone,
    /// The name.
    pub(super) name: &'n FoldedName,
}

impl<'n> Case<'_, 'n> {
    /// The name's ancestor, or the name itself, with so many labels.
    fn ancestor(&self, depth: usize) -> Name<'n> {
        self.name.suffix(self.name.label_count().saturating_sub(depth))
    }
}

impl<'z> Proofs<'z> {
    /// Proves that there is no such name and no wildcard for it. `depth` counts the labels of the
    /// closest name above that exists.
    pub(super) fn name_error(&mut self, case: Case<'z, '_>, depth: usize) {
        let mut wildcard = NameArray::new(Name::ROOT);
        match case.zone.chain().denial() {
            Denial::Unsigned => (),
            Denial::Nsec => {
                self.add_nsec(case.zone, case.name.as_name());
                if wildcard.set_child(b"*", case.ancestor(depth)) {
                    self.add_nsec(case.zone, wildcard.as_name());
                }
            }
            Denial::Nsec3(_) => {
                let depth = self.add_encloser(case, depth);
                if wildcard.set_child(b"*", case.ancestor(depth)) {
                    self.add_nsec3(case.zone, wildcard.as_name());
                }
            }
        }
    }

    /// Proves that the name, or the wildcard that stands for it, has no records of the type.
    pub(super) fn no_data(&mut self, case: Case<'z, '_>, source: Source<'z>) {
        match (case.zone.chain().denial(), source) {
            (Denial::Unsigned, _) => (),
            (Denial::Nsec, Source::Name(_)) => {
                // An empty non-terminal has no record of its own, and the one before covers it.
                self.add_nsec(case.zone, case.name.as_name());
            }
            (Denial::Nsec, Source::Wildcard(node)) => {
                self.add_nsec(case.zone, node.owner());
                self.add_nsec(case.zone, case.name.as_name());
            }
            (Denial::Nsec3(_), Source::Name(_)) => {
                self.add_match_or_encloser(case, case.name.label_count());
            }
            (Denial::Nsec3(_), Source::Wildcard(node)) => {
                self.add_encloser(case, depth_above(node));
                self.add_nsec3(case.zone, node.owner());
            }
        }
    }

    /// Proves that no name stands between the one asked for and the wildcard that answered.
    pub(super) fn wildcard(&mut self, case: Case<'z, '_>, wildcard: &Node) {
        match case.zone.chain().denial() {
            Denial::Unsigned => (),
            Denial::Nsec => self.add_nsec(case.zone, case.name.as_name()),
            Denial::Nsec3(_) => {
                self.add_nsec3(case.zone, case.ancestor(depth_above(wildcard) + 1));
            }
        }
    }

    /// Proves that a cut has no DS record.
    pub(super) fn insecure_cut(&mut self, case: Case<'z, '_>, cut: &Node) {
        match case.zone.chain().denial() {
            Denial::Unsigned => (),
            Denial::Nsec => self.add_nsec(case.zone, cut.owner()),
            Denial::Nsec3(_) => self.add_match_or_encloser(case, cut.owner().label_count()),
        }
    }

    /// Writes what was added and is not written yet.
    ///
    /// # Errors
    ///
    /// Fails if it does not fit.
    pub(super) fn write(&mut self, reply: &mut Reply<'_>) -> Result<(), NoSpace> {
        // Most answers prove nothing.
        if self.written < self.len {
            self.write_added(reply)?;
        }
        if self.learnt.first().is_some_and(Option::is_some) {
            return self.write_learnt(reply);
        }
        Ok(())
    }

    /// Adds what others proved of an alias.
    pub(super) fn add_learnt(&mut self, alias: &Arc<Entry>, ttl: Ttl) {
        if let Some(place) = self.learnt.iter_mut().find(|place| place.is_none()) {
            *place = Some((Arc::clone(alias), ttl));
        }
    }

    /// Whether these records are among those that others proved aliases with and are yet to be written.
    pub(super) fn has_learnt(&self, part: &Part<'_>) -> bool {
        self.learnt.iter().flatten().flat_map(proofs_of).any(|proof| proof.is_same(part))
    }

    fn write_learnt(&mut self, reply: &mut Reply<'_>) -> Result<(), NoSpace> {
        let learnt = std::mem::take(&mut self.learnt);
        let proofs = || learnt.iter().flatten().flat_map(proofs_of);
        for (number, part) in proofs().enumerate() {
            if !proofs().take(number).any(|before| before.is_same(&part)) {
                reply.write_part(part.section, Owner::Name(part.owner), &part)?;
            }
        }
        Ok(())
    }

    fn write_added(&mut self, reply: &mut Reply<'_>) -> Result<(), NoSpace> {
        let added = self.links.iter().take(self.len).skip(self.written).flatten();
        for node in added {
            if let Some(set) = link_of(node) {
                let owner = Owner::Name(node.owner());
                reply.write_signed(Section::Authority, owner, node, &set, set.ttl())?;
            }
        }
        self.written = self.len;
        Ok(())
    }

    /// Adds the NSEC3 record of the ancestor with so many labels or, where the signer left it out
    /// (opt-out, RFC 5155 §6), the proof that it has none.
    fn add_match_or_encloser(&mut self, case: Case<'z, '_>, depth: usize) {
        match case.zone.chain().nsec3_for(case.ancestor(depth), case.zone.apex()) {
            Some(Nsec3::Match(node)) => self.add(node),
            Some(Nsec3::Cover(_)) => {
                self.add_encloser(case, depth.saturating_sub(1));
            }
            None => (),
        }
    }

    /// Adds the proof of the closest encloser (RFC 5155 §7.2.1): the record of the closest ancestor
    /// that has one, from `depth` labels upwards, and the one that covers the name next below it.
    /// Returns the labels of the ancestor.
    fn add_encloser(&mut self, case: Case<'z, '_>, depth: usize) -> usize {
        let mut depth = depth.max(case.zone.depth());
        loop {
            match case.zone.chain().nsec3_for(case.ancestor(depth), case.zone.apex()) {
                Some(Nsec3::Match(node)) => {
                    self.add(node);
                    break;
                }
                Some(Nsec3::Cover(_)) if depth > case.zone.depth() => depth -= 1,
                Some(Nsec3::Cover(_)) | None => break,
            }
        }
        self.add_nsec3(case.zone, case.ancestor(depth + 1));
        depth
    }

    fn add_nsec(&mut self, zone: &'z Zone, name: Name<'_>) {
        if let Some(node) = zone.chain().nsec_for(name) {
            self.add(node);
        }
    }

    fn add_nsec3(&mut self, zone: &'z Zone, name: Name<'_>) {
        if let Some(Nsec3::Match(node) | Nsec3::Cover(node)) =
            zone.chain().nsec3_for(name, zone.apex())
        {
            self.add(node);
        }
    }

    /// Adds a name that owns an NSEC or NSEC3 record, unless it is there.
    fn add(&mut self, node: &'z Node) {
        // By its place, because a cut and the apex below it have one name and two records.
        let is_known =
            self.links.iter().take(self.len).flatten().any(|known| std::ptr::eq(*known, node));
        if !is_known && let Some(slot) = self.links.get_mut(self.len) {
            *slot = Some(node);
            self.len += 1;
        }
    }
}

/// The NSEC or NSEC3 records of a name.
fn link_of(node: &Node) -> Option<Set<'_>> {
    node.find(Rtype::NSEC3).or_else(|| node.find(Rtype::NSEC))
}

/// The records that prove an alias.
fn proofs_of((alias, ttl): &(Arc<Entry>, Ttl)) -> impl Iterator<Item = Part<'_>> {
    alias.parts(Detail::Signed, *ttl).filter(|part| part.is_proof)
}

/// Labels of the name above a wildcard.
fn depth_above(wildcard: &Node) -> usize {
    wildcard.owner().label_count().saturating_sub(1)
}
