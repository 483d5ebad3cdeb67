//! Answers from our own zones, aliases followed from zone to zone.
//!
//! The only place that marks an answer as authoritative. RFC 1034 §4.3.2, RFC 2308, RFC 4592,
//! RFC 6604, RFC 6672, RFC 8482.

use crate::answer::additional::{self, Cut, Helper, Reason};
use crate::answer::ahead::Guess;
use crate::answer::denial::{Case, Proofs};
use crate::answer::refusal::Refusal;
use crate::answer::reply::Reply;
use crate::answer::snapshot::{AnyPolicy, View, ZoneState};
use crate::base::limits::ALIASES_MAX;
use crate::metrics::{AnswerSource, Transport};
use crate::policy::rate::Kind;
use crate::wire::error::NoSpace;
use crate::wire::folded::FoldedName;
use crate::wire::name::{Name, NameArray};
use crate::wire::numbers::{Rcode, Rtype};
use crate::wire::trace::{Event, Trace};
use crate::wire::writer::{Owner, RecordRef, Section};
use crate::zone::lookup::{Lookup, Path, Source};
use crate::zone::node::{Node, Set};
use crate::zone::store::Zone;

/// What is asked, and how.
#[derive(Clone, Copy, Debug)]
pub(super) struct Asked {
    /// The type asked for.
    pub(super) rtype: Rtype,
    /// How the query came.
    pub(super) transport: Transport,
}

/// The names an answer works with.
#[derive(Debug)]
pub(super) struct Names<'l> {
    /// The name of the question.
    pub(super) question: &'l FoldedName,
    /// The name an alias led to.
    pub(super) alias: &'l mut FoldedName,
    /// The same in the case it was written.
    pub(super) alias_wire: &'l mut NameArray,
    /// A name whose addresses may help the client.
    pub(super) target: &'l mut FoldedName,
}

/// Whether an answer is complete.
enum Next {
    /// It is.
    Done,
    /// An alias led to the name that `Names::alias_wire` holds.
    Follow,
}

/// Hashes of names that an answer has met, at most one an alias.
#[derive(Default)]
struct Met {
    hashes: [u64; ALIASES_MAX],
    len: usize,
}

impl Met {
    /// Adds a name; false if it was there already or there is no more room.
    fn add(&mut self, hash: u64) -> bool {
        if self.hashes.iter().take(self.len).any(|&known| known == hash) {
            return false;
        }
        match self.hashes.get_mut(self.len) {
            Some(slot) => {
                *slot = hash;
                self.len += 1;
                true
            }
            None => false,
        }
    }
}

/// An answer under construction.
struct Answer<'v, 'l, 'r, 'm, T> {
    view: &'v View,
    asked: Asked,
    names: Names<'l>,
    /// The guess at the path to the current name, if there is one.
    path: Path<'v>,
    /// Aliases followed so far.
    aliases: usize,
    /// Where the name stands in the reply that the last alias led to, if it is known.
    alias_at: Option<u16>,
    /// Names that were answered for, so that a loop of aliases ends.
    met: Met,
    /// DNAMEs that the answer holds, so that none is there twice.
    dnames: Met,
    /// Proofs of what is not there.
    proofs: Proofs<'v>,
    /// What the reply counts as when replies are limited: what the last name gets.
    kind: Kind,
    reply: &'r mut Reply<'m>,
    trace: &'r mut T,
}

/// Answers from `zone`, and from other zones of ours where aliases lead to them.
///
/// `place` is a zone that the name of the question is within, and its guess at the path to it.
pub(super) fn answer<'v, T: Trace>(
    view: &'v View,
    place: Guess<'v>,
    asked: Asked,
    names: Names<'_>,
    reply: &mut Reply<'_>,
    trace: &mut T,
) -> Kind {
    let mut answer = Answer {
        view,
        asked,
        names,
        path: place.path,
        aliases: 0,
        alias_at: None,
        met: Met::default(),
        dnames: Met::default(),
        proofs: Proofs::default(),
        kind: Kind::Error,
        reply,
        trace,
    };
    let mut zone = place.zone;
    while let Some(next) = answer.step(zone) {
        zone = next;
    }
    answer.kind
}

impl<'v, 'm, T: Trace> Answer<'v, '_, '_, 'm, T> {
    /// Answers for one name; returns the zone in which to go on.
    fn step(&mut self, zone: &'v Zone) -> Option<&'v Zone> {
        self.trace.step(Event::Zone(zone.apex()));
        let next = match self.answer_from(zone) {
            Ok(Next::Done) => None,
            Ok(Next::Follow) => self.follow(),
            Err(NoSpace) => {
                self.truncate();
                return None;
            }
        };
        // Where the chain ends without an answer of its own, what proves its aliases is still due.
        if next.is_none() && self.proofs.write(self.reply).is_err() {
            self.truncate();
        }
        next
    }

    fn truncate(&mut self) {
        self.trace.step(Event::Truncated);
        self.reply.set_truncated();
    }

    /// The zone of the name that an alias led to, if the answer goes on there.
    fn follow(&mut self) -> Option<&'v Zone> {
        if self.aliases == 0 {
            self.met.add(self.names.question.hash(0));
        }
        self.names.alias.fold(self.names.alias_wire.as_name());
        let target = self.names.alias_wire.as_name();
        if !self.met.add(self.names.alias.hash(0)) {
            self.trace.step(Event::Cut(target));
            return None;
        }
        self.aliases += 1;
        self.path = Path::default();
        match self.view.zones.find(self.names.alias, self.asked.rtype) {
            Some(ZoneState::Loaded(zone)) => Some(zone),
            Some(ZoneState::Broken) => {
                self.reply.refuse(Refusal::BrokenZone, self.trace);
                None
            }
            None => {
                self.trace.step(Event::Left(target));
                None
            }
        }
    }

    fn answer_from(&mut self, zone: &'v Zone) -> Result<Next, NoSpace> {
        let name = current_name(self.aliases, &self.names);
        let lookup = zone.lookup_along(&self.path, name, self.asked.rtype);
        if self.aliases == 0 && !matches!(lookup, Lookup::Referral { .. }) {
            self.reply.set_authoritative();
        }
        self.kind = match lookup {
            Lookup::Answer { source, .. }
            | Lookup::All { source, .. }
            | Lookup::Signatures { source, .. }
            | Lookup::Alias { source, .. }
            | Lookup::NoData { source } => Kind::Answer(source.node().id()),
            Lookup::Redirect { node, .. } => Kind::Answer(node.id()),
            Lookup::NameError { .. } => Kind::NameError(zone.apex_node().id()),
            Lookup::Referral { cut } => Kind::Referral(cut.id()),
        };
        match lookup {
            Lookup::Answer { set, source } => {
                self.tell_source(source);
                self.write_positive(zone, source, std::iter::once(set))
            }
            Lookup::All { node, source } => {
                self.tell_source(source);
                self.write_all(zone, source, node)
            }
            Lookup::Signatures { node, source } => {
                self.tell_source(source);
                let sets = node.sets().filter(|set| set.rtype() == Rtype::RRSIG);
                self.write_some(zone, source, sets)
            }
            Lookup::Alias { set, source } => {
                self.tell_source(source);
                self.write_alias(zone, source, &set)
            }
            Lookup::Redirect { node, set, depth } => self.write_redirect(node, &set, depth),
            Lookup::NoData { source } => {
                self.tell_source(source);
                self.trace.step(Event::NoData(source.node().owner()));
                self.write_soa(zone)?;
                self.prove(zone, |proofs, case| proofs.no_data(case, source));
                Ok(Next::Done)
            }
            Lookup::NameError { encloser, depth } => {
                self.trace.step(Event::NameError(encloser.owner()));
                self.reply.set_rcode(Rcode::NXDOMAIN);
                self.write_soa(zone)?;
                self.prove(zone, |proofs, case| proofs.name_error(case, depth));
                Ok(Next::Done)
            }
            Lookup::Referral { cut } => {
                self.trace.step(Event::Referral(cut.owner()));
                if self.aliases == 0 {
                    self.reply.set_source(AnswerSource::Referral);
                }
                self.write_referral(zone, cut)
            }
        }
    }

    /// Adds a proof about the current name, if the client wants it.
    fn prove(&mut self, zone: &'v Zone, add: impl FnOnce(&mut Proofs<'v>, Case<'v, '_>)) {
        if self.reply.wants_dnssec() {
            let name = current_name(self.aliases, &self.names);
            add(&mut self.proofs, Case { zone, name });
        }
    }

    /// Proves that a wildcard may stand for the current name, if one does.
    fn prove_source(&mut self, zone: &'v Zone, source: Source<'_>) {
        if let Source::Wildcard(node) = source {
            self.prove(zone, |proofs, case| proofs.wildcard(case, node));
        }
    }

    fn tell_source(&mut self, source: Source<'_>) {
        if let Source::Wildcard(node) = source {
            self.trace.step(Event::Wildcard(node.owner()));
        }
    }

    /// Writes sets of the current name, and what goes with them.
    fn write_positive(
        &mut self,
        zone: &'v Zone,
        source: Source<'v>,
        sets: impl Iterator<Item = Set<'v>> + Clone,
    ) -> Result<Next, NoSpace> {
        let node = source.node();
        let answered = current_name(self.aliases, &self.names).hash(0);
        for set in sets.clone() {
            self.trace.step(Event::Answer(node.owner(), set.rtype()));
            let owner = current_owner(self.aliases, self.alias_at, self.names.alias_wire);
            // A DNAME that redirected an earlier name of the chain is there already.
            if set.rtype() != Rtype::DNAME || self.dnames.add(answered) {
                self.reply.write_signed(Section::Answer, owner, node, &set, set.ttl())?;
            }
        }
        self.prove_source(zone, source);
        self.proofs.write(self.reply)?;
        let minimal = self.view.options.minimal_responses;
        let wants_help = |set: Set<'_>| additional::is_helped(set.rtype(), Reason::Asked, true);
        if minimal && !sets.clone().any(wants_help) {
            return Ok(Next::Done);
        }
        let is_apex = node.owner() == zone.apex();
        let has_apex_ns = is_apex && sets.clone().any(|set| set.rtype() == Rtype::NS);
        let mut helper = Helper::new(self.view, self.names.target, answered, self.asked.rtype);
        if !minimal
            && !has_apex_ns
            && let Some(servers) = zone.apex_node().find(Rtype::NS)
        {
            let (owner, apex) = (Owner::Name(zone.apex()), zone.apex_node());
            // These are extra, and no reason to truncate (RFC 2181 §9).
            let ttl = servers.ttl();
            let _ = self.reply.write_signed(Section::Authority, owner, apex, &servers, ttl);
            helper.add(self.reply, zone.apex(), &servers, Reason::Added);
        }
        for set in sets {
            let is_asked = set.rtype() == self.asked.rtype;
            let reason = if is_asked { Reason::Asked } else { Reason::Added };
            let name = if self.aliases == 0 { self.names.question } else { &*self.names.alias };
            helper.add(self.reply, name.as_name(), &set, reason);
        }
        Ok(Next::Done)
    }

    /// Answers a question for all types (RFC 8482).
    fn write_all(
        &mut self,
        zone: &'v Zone,
        source: Source<'v>,
        node: &'v Node,
    ) -> Result<Next, NoSpace> {
        let sets = node.sets().filter(|set| set.rtype() != Rtype::RRSIG);
        self.write_some(zone, source, sets)
    }

    /// Writes sets of different types, or only the first of them where the policy is to be short.
    fn write_some(
        &mut self,
        zone: &'v Zone,
        source: Source<'v>,
        sets: impl Iterator<Item = Set<'v>> + Clone,
    ) -> Result<Next, NoSpace> {
        let is_minimal =
            self.view.options.any == AnyPolicy::Minimal && self.asked.transport == Transport::Udp;
        let most = if is_minimal { 1 } else { usize::MAX };
        self.write_positive(zone, source, sets.take(most))
    }

    fn write_alias(
        &mut self,
        zone: &'v Zone,
        source: Source<'_>,
        set: &Set<'_>,
    ) -> Result<Next, NoSpace> {
        let Some(target) = set.records().next().and_then(|rdata| Name::read(rdata).ok()) else {
            debug_assert!(false, "a CNAME set without a name");
            return Ok(Next::Done);
        };
        let owner = current_owner(self.aliases, self.alias_at, self.names.alias_wire);
        let at = self.reply.position();
        self.reply.write_signed(Section::Answer, owner, source.node(), set, set.ttl())?;
        self.alias_at = self.reply.target_of(at).map(|(target_at, _)| target_at);
        self.prove_source(zone, source);
        let owner = current_name(self.aliases, &self.names).as_name();
        self.trace.step(Event::Alias { owner, target });
        self.names.alias_wire.set(target);
        Ok(Next::Follow)
    }

    /// Writes a DNAME and the CNAME that follows from it for the current name (RFC 6672 §3.1).
    fn write_redirect(
        &mut self,
        node: &Node,
        set: &Set<'_>,
        depth: usize,
    ) -> Result<Next, NoSpace> {
        let Some(suffix) = set.records().next().and_then(|rdata| Name::read(rdata).ok()) else {
            debug_assert!(false, "a DNAME set without a name");
            return Ok(Next::Done);
        };
        let owner = node.owner();
        let current = match self.aliases {
            0 => NameArray::new(self.reply.question_name()),
            _ => *self.names.alias_wire,
        };
        let folded = current_name(self.aliases, &self.names);
        let above = folded.label_count() - depth;
        if self.dnames.add(folded.hash(above)) {
            self.reply.write_signed(Section::Answer, Owner::Name(owner), node, set, set.ttl())?;
        }
        let kept = folded.start(above);
        if !self.names.alias_wire.set_replaced(current.as_name(), kept, suffix) {
            self.trace.step(Event::Redirect { owner, target: None });
            self.reply.set_rcode(Rcode::YXDOMAIN);
            return Ok(Next::Done);
        }
        let target = self.names.alias_wire.as_name();
        self.trace.step(Event::Redirect { owner, target: Some(target) });
        let owner = current_owner(self.aliases, self.alias_at, &current);
        let alias =
            RecordRef { owner, rtype: Rtype::CNAME, ttl: set.ttl(), rdata: target.as_wire() };
        self.reply.write_record(Section::Answer, &alias)?;
        self.alias_at = None;
        // The alias is itself what was asked for, as a CNAME record of the zone would be.
        let is_asked = matches!(self.asked.rtype, Rtype::CNAME | Rtype::ANY);
        Ok(if is_asked { Next::Done } else { Next::Follow })
    }

    /// Writes the SOA record that tells how long the denial may be kept (RFC 2308 §3).
    fn write_soa(&mut self, zone: &Zone) -> Result<(), NoSpace> {
        let Some(soa) = zone.soa() else { return Ok(()) };
        let (owner, apex) = (Owner::Name(zone.apex()), zone.apex_node());
        self.reply.write_signed(Section::Authority, owner, apex, &soa.set, soa.negative_ttl)
    }

    /// Points at the servers of the zone below a cut.
    fn write_referral(&mut self, zone: &'v Zone, cut: &Node) -> Result<Next, NoSpace> {
        let Some(servers) = cut.find(Rtype::NS) else {
            debug_assert!(false, "a cut without NS records");
            return Ok(Next::Done);
        };
        let owner = Owner::Name(cut.owner());
        let servers_at = self.reply.position();
        self.reply.write_set(Section::Authority, owner, cut, &servers, servers.ttl())?;
        let is_signed = cut.signatures(Rtype::DS).is_some();
        match cut.find(Rtype::DS) {
            // Without a signature it tells the client nothing, and no other server sends it.
            Some(signers) if self.reply.wants_dnssec() && is_signed => {
                let ttl = signers.ttl();
                self.reply.write_signed(Section::Authority, owner, cut, &signers, ttl)?;
            }
            Some(_) => (),
            None => self.prove(zone, |proofs, case| proofs.insecure_cut(case, cut)),
        }
        self.proofs.write(self.reply)?;
        additional::write_glue(self.reply, &Cut { zone, node: cut, servers_at })?;
        Ok(Next::Done)
    }
}

/// The owner of the records that answer for the current name.
fn current_owner(aliases: usize, alias_at: Option<u16>, alias: &NameArray) -> Owner<'_> {
    match (aliases, alias_at) {
        (0, _) => Owner::Question,
        (_, Some(at)) => Owner::At(at),
        (_, None) => Owner::Name(alias.as_name()),
    }
}

/// The name that is being answered for.
fn current_name<'n>(aliases: usize, names: &'n Names<'_>) -> &'n FoldedName {
    if aliases == 0 { names.question } else { names.alias }
}
