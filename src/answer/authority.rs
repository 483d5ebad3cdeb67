//! What a zone of ours says of a name.
//!
//! The only place that marks an answer as authoritative. RFC 1034 §4.3.2, RFC 2308, RFC 4592,
//! RFC 6604, RFC 6672, RFC 8482.

use crate::answer::additional::{self, Cut, Helper, Reason};
use crate::answer::chain::{Answer, Next, current_name, current_owner};
use crate::answer::denial::{Case, Proofs};
use crate::answer::role::Answerer;
use crate::answer::snapshot::AnyPolicy;
use crate::metrics::{AnswerSource, Transport};
use crate::policy::rate::Kind;
use crate::wire::error::NoSpace;
use crate::wire::name::{Name, NameArray};
use crate::wire::numbers::{Rcode, Rtype};
use crate::wire::trace::{Event, Trace};
use crate::wire::writer::{Owner, RecordRef, Section};
use crate::zone::lookup::{Lookup, Source};
use crate::zone::node::{Node, Set};
use crate::zone::store::Zone;

impl<'v, T: Trace> Answer<'v, '_, '_, '_, T> {
    /// Answers for the current name from a zone that it is within.
    pub(super) fn answer_from(&mut self, zone: &'v Zone) -> Result<Next<'v>, NoSpace> {
        self.trace.step(Event::Zone(zone.apex()));
        let name = current_name(self.aliases, &self.names);
        let lookup = zone.lookup_along(&self.path, name, self.rtype);
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
            Lookup::Referral { cut } => self.refer(zone, cut),
        }
    }

    /// Goes on below a cut for clients that get more than our zones, and points others there.
    fn refer(&mut self, zone: &'v Zone, cut: &'v Node) -> Result<Next<'v>, NoSpace> {
        if let Some(role) = self.basis.access.role {
            if self.basis.access.asks {
                return Ok(Next::Go(Answerer::Others(role)));
            }
            if let Some(next) = self.answer_cached(role)? {
                return Ok(next);
            }
            if let Some(next) = self.write_closer(role, cut.owner())? {
                return Ok(next);
            }
        }
        self.trace.step(Event::Referral(cut.owner()));
        if self.aliases == 0 {
            self.reply.set_source(AnswerSource::Referral);
        }
        self.write_referral(zone, cut)
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
    ) -> Result<Next<'v>, NoSpace> {
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
        let minimal = self.basis.view.options.minimal_responses;
        let wants_help = |set: Set<'_>| additional::is_helped(set.rtype(), Reason::Asked, true);
        if minimal && !sets.clone().any(wants_help) {
            return Ok(Next::Done);
        }
        let is_apex = node.owner() == zone.apex();
        let has_apex_ns = is_apex && sets.clone().any(|set| set.rtype() == Rtype::NS);
        let mut helper = Helper::new(self.basis.view, self.names.target, answered, self.rtype);
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
            let is_asked = set.rtype() == self.rtype;
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
    ) -> Result<Next<'v>, NoSpace> {
        let sets = node.sets().filter(|set| set.rtype() != Rtype::RRSIG);
        self.write_some(zone, source, sets)
    }

    /// Writes sets of different types, or only the first of them where the policy is to be short.
    fn write_some(
        &mut self,
        zone: &'v Zone,
        source: Source<'v>,
        sets: impl Iterator<Item = Set<'v>> + Clone,
    ) -> Result<Next<'v>, NoSpace> {
        let is_minimal = self.basis.view.options.any == AnyPolicy::Minimal
            && self.basis.sender.transport == Transport::Udp;
        let most = if is_minimal { 1 } else { usize::MAX };
        self.write_positive(zone, source, sets.take(most))
    }

    fn write_alias(
        &mut self,
        zone: &'v Zone,
        source: Source<'_>,
        set: &Set<'_>,
    ) -> Result<Next<'v>, NoSpace> {
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
    ) -> Result<Next<'v>, NoSpace> {
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
        let is_asked = matches!(self.rtype, Rtype::CNAME | Rtype::ANY);
        Ok(if is_asked { Next::Done } else { Next::Follow })
    }

    /// Writes the SOA record that tells how long the denial may be kept (RFC 2308 §3).
    fn write_soa(&mut self, zone: &Zone) -> Result<(), NoSpace> {
        let Some(soa) = zone.soa() else { return Ok(()) };
        let (owner, apex) = (Owner::Name(zone.apex()), zone.apex_node());
        self.reply.write_signed(Section::Authority, owner, apex, &soa.set, soa.negative_ttl)
    }

    /// Points at the servers of the zone below a cut.
    fn write_referral(&mut self, zone: &'v Zone, cut: &Node) -> Result<Next<'v>, NoSpace> {
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
