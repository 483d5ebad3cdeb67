//! Addresses that the client will ask for next.
//!
//! Glue is part of a referral: without it the client may have no way on, so that a referral whose
//! glue does not fit is truncated (RFC 9471). All else is left out silently when there is no room.

use crate::answer::reply::Reply;
use crate::answer::snapshot::{View, ZoneState};
use crate::wire::error::NoSpace;
use crate::wire::folded::FoldedName;
use crate::wire::name::Name;
use crate::wire::numbers::Rtype;
use crate::wire::rdata;
use crate::wire::writer::{Owner, Section};
use crate::zone::lookup::Lookup;
use crate::zone::node::{Node, Set};
use crate::zone::store::Zone;

/// Names whose addresses one answer adds. More would hardly fit a message, and each costs a lookup.
const NAMES_MAX: usize = 32;

/// The types of addresses, in the order they are added.
const ADDRESSES: [Rtype; 2] = [Rtype::A, Rtype::AAAA];

/// A zone cut whose NS records have been written.
#[derive(Clone, Copy, Debug)]
pub(super) struct Cut<'z> {
    /// The zone that has it.
    pub(super) zone: &'z Zone,
    /// Its node, which owns the NS records.
    pub(super) node: &'z Node,
    /// Where these begin in the reply.
    pub(super) servers_at: usize,
}

/// Writes the addresses of the servers of a cut.
///
/// Those of names at or below the cut come first and must fit; those of other names of the zone
/// (sibling glue, RFC 9471 §2.2) may be left out.
///
/// # Errors
///
/// Fails if an address that must be there does not fit.
pub(super) fn write_glue(reply: &mut Reply<'_>, cut: &Cut<'_>) -> Result<(), NoSpace> {
    let (name, apex) = (cut.node.owner(), cut.zone.apex());
    let mut has_siblings = false;
    write_glue_of(reply, cut, |server| {
        let is_below = server.is_within(name);
        has_siblings |= !is_below;
        is_below
    })?;
    if has_siblings {
        let is_sibling = |server: Name<'_>| server.is_within(apex) && !server.is_within(name);
        // What does not fit of these is left out.
        let _ = write_glue_of(reply, cut, is_sibling);
    }
    Ok(())
}

/// Writes the addresses of those servers that are `wanted`, up to the first that do not fit.
fn write_glue_of(
    reply: &mut Reply<'_>,
    cut: &Cut<'_>,
    mut wanted: impl FnMut(Name<'_>) -> bool,
) -> Result<(), NoSpace> {
    let mut next = Some(cut.servers_at);
    for (rdata, hash) in cut.node.servers(reply.turn()) {
        let placed = next.and_then(|at| reply.target_of(at));
        next = placed.map(|(_, next)| next);
        if let Ok(server) = Name::read(rdata)
            && wanted(server)
            && let Some(node) = cut.zone.find(hash, server)
        {
            let owner = placed.map_or(Owner::Name(server), |(at, _)| Owner::At(at));
            write_addresses(reply, owner, node, |_| false)?;
        }
    }
    Ok(())
}

/// Writes the addresses that a node owns, but for a type that is `left_out`.
fn write_addresses(
    reply: &mut Reply<'_>,
    owner: Owner<'_>,
    node: &Node,
    left_out: impl Fn(Rtype) -> bool,
) -> Result<(), NoSpace> {
    let wanted = ADDRESSES.iter().filter(|&&rtype| !left_out(rtype));
    for set in wanted.filter_map(|&rtype| node.find(rtype)) {
        reply.write_signed(Section::Additional, owner, node, &set, set.ttl())?;
    }
    Ok(())
}

/// Why records are in an answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Reason {
    /// The question named their type.
    Asked,
    /// They go with what was asked.
    Added,
}

/// Adds the addresses of the names that records point at.
pub(super) struct Helper<'v, 'l> {
    view: &'v View,
    target: &'l mut FoldedName,
    /// The name, as its hash, and the type that the answer section holds.
    answered: (u64, Rtype),
    /// Hashes of the names whose addresses were added.
    done: [u64; NAMES_MAX],
    len: usize,
}

impl<'v, 'l> Helper<'v, 'l> {
    /// A helper that has added nothing yet. The answer holds records of `rtype` at the name with
    /// the hash `answered`.
    pub(super) fn new(
        view: &'v View,
        target: &'l mut FoldedName,
        answered: u64,
        rtype: Rtype,
    ) -> Self {
        Self { view, target, answered: (answered, rtype), done: [0; NAMES_MAX], len: 0 }
    }

    /// Adds the addresses of the names that `set`, which `owner` owns, points at, if the client
    /// gets them for this type and the names are ours.
    pub(super) fn add(
        &mut self,
        reply: &mut Reply<'_>,
        owner: Name<'_>,
        set: &Set<'_>,
        reason: Reason,
    ) {
        if !is_helped(set.rtype(), reason, self.view.options.minimal_responses) {
            return;
        }
        for rdata in set.records() {
            let Some(embedded) = rdata::embedded_names(set.rtype(), rdata).next() else { continue };
            let is_service = matches!(set.rtype(), Rtype::SVCB | Rtype::HTTPS);
            // The root as the target of a service means the owner (RFC 9460 §2.5.2); as the target
            // of an alias (priority 0) it means that there is no service (§2.5.1).
            let target = match (is_service, embedded.name.is_root()) {
                (true, true) if rdata.starts_with(&[0, 0]) => continue,
                (true, true) => owner,
                (true | false, _) => embedded.name,
            };
            if self.add_addresses(reply, target).is_err() {
                return;
            }
        }
    }

    fn add_addresses(&mut self, reply: &mut Reply<'_>, name: Name<'_>) -> Result<(), NoSpace> {
        self.target.fold(name);
        let hash = self.target.hash(0);
        if self.done.iter().take(self.len).any(|&done| done == hash) {
            return Ok(());
        }
        let Some(slot) = self.done.get_mut(self.len) else { return Err(NoSpace) };
        *slot = hash;
        self.len += 1;
        let Some(ZoneState::Loaded(zone)) = self.view.zones.find(self.target, Rtype::A) else {
            return Ok(());
        };
        let node = match zone.lookup(self.target, Rtype::A) {
            Lookup::Answer { source, .. } | Lookup::NoData { source } => Some(source.node()),
            Lookup::Referral { .. } => zone.find_folded(self.target),
            Lookup::All { .. }
            | Lookup::Signatures { .. }
            | Lookup::Alias { .. }
            | Lookup::Redirect { .. }
            | Lookup::NameError { .. } => None,
        };
        let (name_answered, rtype_answered) = self.answered;
        let is_answered = |rtype| {
            name_answered == hash && (rtype_answered == rtype || rtype_answered == Rtype::ANY)
        };
        match node {
            Some(node) => write_addresses(reply, Owner::Name(name), node, is_answered),
            None => Ok(()),
        }
    }
}

/// Whether the addresses of the names in records of this type are added.
///
/// A resolver that asks for name servers wants to reach them: priming would fail without
/// (RFC 9609 §4.2).
pub(super) fn is_helped(rtype: Rtype, reason: Reason, minimal: bool) -> bool {
    match rtype {
        Rtype::SRV | Rtype::SVCB | Rtype::HTTPS => true,
        Rtype::NS => !minimal || reason == Reason::Asked,
        Rtype::MX | Rtype::AFSDB | Rtype::RT | Rtype::KX => !minimal,
        _ => false,
    }
}
