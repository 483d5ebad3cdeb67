//! What proves to a client that wants DNSSEC that there is nothing else, or nothing at all.
//!
//! RFC 4035 §3.1.3 and §3.1.4 for NSEC, RFC 5155 §7.2 for NSEC3. A zone with a hole in its chain
//! gives what it has; `kereru check` tells of the hole.

use crate::answer::reply::Reply;
use crate::wire::error::NoSpace;
use crate::wire::folded::FoldedName;
use crate::wire::name::{Name, NameArray};
use crate::wire::numbers::Rtype;
use crate::wire::writer::{Owner, Section};
use crate::zone::denial::{Denial, Nsec3};
use crate::zone::lookup::Source;
use crate::zone::node::Node;
use crate::zone::store::Zone;

/// Records of one answer that are kept apart to be written once. An answer holds at most one for
/// each alias, and four for the last name.
const PROOFS_MAX: usize = 24;

/// The proofs of one answer.
#[derive(Debug)]
pub(super) struct Proofs {
    written: [u64; PROOFS_MAX],
    len: usize,
}

impl Default for Proofs {
    fn default() -> Self {
        Self { written: [0; PROOFS_MAX], len: 0 }
    }
}

/// A name about which something is proved, and the zone that proves it.
#[derive(Clone, Copy, Debug)]
pub(super) struct Case<'a> {
    /// The zone.
    pub(super) zone: &'a Zone,
    /// The name.
    pub(super) name: &'a FoldedName,
}

impl<'a> Case<'a> {
    /// The name's ancestor, or the name itself, with so many labels.
    fn ancestor(&self, depth: usize) -> Name<'a> {
        self.name.suffix(self.name.label_count().saturating_sub(depth))
    }
}

impl Proofs {
    /// Proves that there is no such name and no wildcard for it. `depth` counts the labels of the
    /// closest name above that exists.
    pub(super) fn name_error(
        &mut self,
        reply: &mut Reply<'_>,
        case: Case<'_>,
        depth: usize,
    ) -> Result<(), NoSpace> {
        let mut wildcard = NameArray::new(Name::ROOT);
        match case.zone.chain().denial() {
            Denial::Unsigned => Ok(()),
            Denial::Nsec => {
                self.write_nsec(reply, case.zone, case.name.as_name())?;
                if wildcard.set_child(b"*", case.ancestor(depth)) {
                    self.write_nsec(reply, case.zone, wildcard.as_name())?;
                }
                Ok(())
            }
            Denial::Nsec3(_) => {
                let depth = self.write_encloser(reply, case, depth)?;
                if wildcard.set_child(b"*", case.ancestor(depth)) {
                    self.write_nsec3(reply, case.zone, wildcard.as_name())?;
                }
                Ok(())
            }
        }
    }

    /// Proves that the name, or the wildcard that stands for it, has no records of the type.
    pub(super) fn no_data(
        &mut self,
        reply: &mut Reply<'_>,
        case: Case<'_>,
        source: Source<'_>,
    ) -> Result<(), NoSpace> {
        match (case.zone.chain().denial(), source) {
            (Denial::Unsigned, _) => Ok(()),
            (Denial::Nsec, Source::Name(_)) => {
                // An empty non-terminal has no record of its own, and the one before covers it.
                self.write_nsec(reply, case.zone, case.name.as_name())
            }
            (Denial::Nsec, Source::Wildcard(node)) => {
                self.write_nsec(reply, case.zone, node.owner())?;
                self.write_nsec(reply, case.zone, case.name.as_name())
            }
            (Denial::Nsec3(_), Source::Name(_)) => {
                self.write_match_or_encloser(reply, case, case.name.label_count())
            }
            (Denial::Nsec3(_), Source::Wildcard(node)) => {
                self.write_encloser(reply, case, depth_above(node))?;
                self.write_nsec3(reply, case.zone, node.owner())
            }
        }
    }

    /// Proves that no name stands between the one asked for and the wildcard that answered.
    pub(super) fn wildcard(
        &mut self,
        reply: &mut Reply<'_>,
        case: Case<'_>,
        wildcard: &Node,
    ) -> Result<(), NoSpace> {
        match case.zone.chain().denial() {
            Denial::Unsigned => Ok(()),
            Denial::Nsec => self.write_nsec(reply, case.zone, case.name.as_name()),
            Denial::Nsec3(_) => {
                let next_closer = case.ancestor(depth_above(wildcard) + 1);
                self.write_nsec3(reply, case.zone, next_closer)
            }
        }
    }

    /// Proves that a cut, which has so many labels, has no DS record.
    pub(super) fn insecure_cut(
        &mut self,
        reply: &mut Reply<'_>,
        case: Case<'_>,
        cut: &Node,
    ) -> Result<(), NoSpace> {
        match case.zone.chain().denial() {
            Denial::Unsigned => Ok(()),
            Denial::Nsec => self.write_nsec(reply, case.zone, cut.owner()),
            Denial::Nsec3(_) => {
                self.write_match_or_encloser(reply, case, cut.owner().label_count())
            }
        }
    }

    /// Writes the NSEC3 record of the ancestor with so many labels or, where the signer left it out
    /// (opt-out, RFC 5155 §6), the proof that it has none.
    fn write_match_or_encloser(
        &mut self,
        reply: &mut Reply<'_>,
        case: Case<'_>,
        depth: usize,
    ) -> Result<(), NoSpace> {
        let name = case.ancestor(depth);
        match case.zone.chain().nsec3_for(name, case.zone.apex()) {
            Some(Nsec3::Match(node)) => self.write_link(reply, node),
            Some(Nsec3::Cover(_)) => {
                self.write_encloser(reply, case, depth.saturating_sub(1)).map(|_| ())
            }
            None => Ok(()),
        }
    }

    /// Writes the proof of the closest encloser (RFC 5155 §7.2.1): the record of the closest
    /// ancestor that has one, from `depth` labels upwards, and the one that covers the name next
    /// below it. Returns the labels of the ancestor.
    fn write_encloser(
        &mut self,
        reply: &mut Reply<'_>,
        case: Case<'_>,
        depth: usize,
    ) -> Result<usize, NoSpace> {
        let mut depth = depth.max(case.zone.depth());
        loop {
            match case.zone.chain().nsec3_for(case.ancestor(depth), case.zone.apex()) {
                Some(Nsec3::Match(node)) => {
                    self.write_link(reply, node)?;
                    break;
                }
                Some(Nsec3::Cover(_)) if depth > case.zone.depth() => depth -= 1,
                Some(Nsec3::Cover(_)) | None => break,
            }
        }
        self.write_nsec3(reply, case.zone, case.ancestor(depth + 1))?;
        Ok(depth)
    }

    fn write_nsec(
        &mut self,
        reply: &mut Reply<'_>,
        zone: &Zone,
        name: Name<'_>,
    ) -> Result<(), NoSpace> {
        zone.chain().nsec_for(name).map_or(Ok(()), |node| self.write_link(reply, node))
    }

    fn write_nsec3(
        &mut self,
        reply: &mut Reply<'_>,
        zone: &Zone,
        name: Name<'_>,
    ) -> Result<(), NoSpace> {
        match zone.chain().nsec3_for(name, zone.apex()) {
            Some(Nsec3::Match(node) | Nsec3::Cover(node)) => self.write_link(reply, node),
            None => Ok(()),
        }
    }

    /// Writes the NSEC or NSEC3 record of a name with its signatures, once.
    fn write_link(&mut self, reply: &mut Reply<'_>, node: &Node) -> Result<(), NoSpace> {
        let Some(set) = node.find(Rtype::NSEC3).or_else(|| node.find(Rtype::NSEC)) else {
            return Ok(());
        };
        let id = node.id();
        if self.written.iter().take(self.len).any(|&written| written == id) {
            return Ok(());
        }
        if let Some(slot) = self.written.get_mut(self.len) {
            *slot = id;
            self.len += 1;
        }
        let owner = Owner::Name(node.owner());
        reply.write_signed(Section::Authority, owner, node, &set, set.ttl())
    }
}

/// Labels of the name above a wildcard.
fn depth_above(wildcard: &Node) -> usize {
    wildcard.owner().label_count().saturating_sub(1)
}
