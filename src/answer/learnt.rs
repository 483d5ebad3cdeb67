//! What is known of a name of others: from the cache, from what was just resolved, or only who knows.
//!
//! Asks nobody: what is missing is said to be wanted. Never marks an answer as authoritative.
//! RFC 1034 §4.3.2, RFC 2308, RFC 8482, RFC 8767.

use std::net::IpAddr;
use std::sync::Arc;

use crate::answer::chain::{Answer, Next, current_name, current_owner};
use crate::answer::role::ResolverRole;
use crate::answer::snapshot::AnyPolicy;
use crate::base::limits::{RESOLUTIONS_MAX, STALE_TTL_SECONDS};
use crate::base::time::Ttl;
use crate::cache::{
    Cut, Detail, End, Entry, FailureReason, Found, Freshness, Hit, Kind as Learnt, Resolution,
};
use crate::metrics::AnswerSource;
use crate::policy::rate::Kind;
use crate::wire::edns::ExtendedError;
use crate::wire::error::NoSpace;
use crate::wire::folded::FoldedName;
use crate::wire::name::Name;
use crate::wire::numbers::{Rcode, Rtype};
use crate::wire::trace::{Event, Trace};
use crate::wire::writer::{Owner, RecordRef, Section};

/// The HINFO record in place of all records of a name (RFC 8482 §4.2).
const MINIMAL_ANY: &[u8] = b"\x07RFC8482\x00";

/// Its time to live, and that of the servers of the root as they were configured.
const LASTING: Ttl = Ttl::new(3600).unwrap();

/// Whether entries may be used beyond their end.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Age {
    /// They may not; one that has ended counts for this answer alone.
    Fresh,
    /// They may, because nothing newer can be had.
    Stale,
}

/// What an entry is in a chain.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Link {
    /// An alias: what proves it stands behind what it leads to.
    Alias,
    /// What stands at the end.
    End,
}

impl<'v, T: Trace> Answer<'v, '_, '_, '_, T> {
    /// Answers for the current name from what others have said of it.
    pub(super) fn answer_learnt(&mut self, role: &'v ResolverRole) -> Result<Next<'v>, NoSpace> {
        let rtype = self.rtype;
        if rtype == Rtype::ANY && self.basis.view.options.any == AnyPolicy::Minimal {
            return self.write_minimal_any();
        }
        let name = current_name(self.aliases, &self.names).as_name();
        let is_given = |given: &&Resolution| given.rtype == rtype && given.name.as_name() == name;
        // The last word counts: an earlier one may be about zones that we have no more.
        if let Some(resolution) = self.basis.prepared.given.iter().rfind(is_given) {
            return self.write_resolution(role, resolution);
        }
        if let Some(next) = self.answer_cached(role)? {
            return Ok(next);
        }
        if !self.basis.access.asks {
            return self.write_closest(role);
        }
        Ok(self.defer())
    }

    /// Lets others be asked for the current name, if that has not been done too often.
    fn defer(&mut self) -> Next<'v> {
        if self.basis.prepared.given.len() < RESOLUTIONS_MAX {
            return Next::Defer;
        }
        self.fail(FailureReason::TooLong);
        Next::Done
    }

    /// Answers for the current name from the cache; `None` if it has nothing. That something failed
    /// is an answer only for those for whom it would be tried.
    pub(super) fn answer_cached(
        &mut self,
        role: &'v ResolverRole,
    ) -> Result<Option<Next<'v>>, NoSpace> {
        let found = self.find(role, Age::Fresh);
        self.note_found(&found);
        match found {
            Found::Missing => Ok(None),
            Found::Failure(_) if !self.basis.access.asks => Ok(None),
            Found::Failure(hit) => match self.find(role, Age::Stale) {
                Found::Missing | Found::Failure(_) => {
                    self.fail(reason_of(&hit.entry));
                    Ok(Some(Next::Done))
                }
                found @ (Found::Records(_)
                | Found::Alias(_)
                | Found::NoData(_)
                | Found::NameError(_)) => self.write_found(found, Age::Stale).map(Some),
            },
            found @ (Found::Records(_)
            | Found::Alias(_)
            | Found::NoData(_)
            | Found::NameError(_)) => self.write_found(found, Age::Fresh).map(Some),
        }
    }

    /// What the cache has of the current name.
    fn find(&self, role: &ResolverRole, age: Age) -> Found {
        let (now, rtype) = (self.basis.sender.now, self.rtype);
        let name = current_name(self.aliases, &self.names);
        let floor = || role.denied_from(self.basis.view, name, rtype);
        match age {
            Age::Fresh => role.cache.find(now, name, rtype, floor),
            Age::Stale => role.cache.find_stale(now, name, rtype, floor),
        }
    }

    /// Writes what the cache has of the current name.
    fn write_found(&mut self, found: Found, age: Age) -> Result<Next<'v>, NoSpace> {
        let source = match age {
            Age::Fresh => AnswerSource::Cache,
            Age::Stale => AnswerSource::Stale,
        };
        match found {
            Found::Records(hit) => {
                self.begin(&hit, source);
                self.write_records(&hit.entry, age)?;
                Ok(Next::Done)
            }
            Found::Alias(hit) => {
                self.begin(&hit, source);
                self.write_alias_entry(&hit.entry, age)?;
                Ok(Next::Follow)
            }
            Found::NoData(hit) | Found::NameError(hit) => {
                self.begin(&hit, source);
                self.write_denial(&hit.entry, age)?;
                Ok(Next::Done)
            }
            Found::Failure(_) | Found::Missing => Ok(Next::Done),
        }
    }

    /// Takes note of where the answer comes from, that a client is answered with the entry, and
    /// whether it is to be asked for again.
    fn begin(&mut self, hit: &Hit, source: AnswerSource) {
        if self.aliases == 0 {
            self.reply.set_source(source);
        }
        self.note_hit(&hit.entry);
    }

    /// Counts whether the cache had something. An answer that goes on has been here before, when its
    /// query came.
    fn note_found(&mut self, found: &Found) {
        if self.basis.prepared.given.is_empty() {
            let cache = &mut self.names.notes.cache;
            match found {
                Found::Missing => cache.misses += 1,
                Found::Records(_)
                | Found::Alias(_)
                | Found::NoData(_)
                | Found::NameError(_)
                | Found::Failure(_) => cache.hits += 1,
            }
        }
    }

    /// Counts that a client is answered with an entry, once for each query as well, and notes whether
    /// it is to be asked for again.
    fn note_hit(&mut self, entry: &Entry) {
        if !self.basis.prepared.given.is_empty() {
            return;
        }
        entry.count_hit();
        let notes = &mut *self.names.notes;
        // There is room for one. What else is due is left to the next client, and all of it by those
        // for whom nobody is asked.
        if notes.due.is_none() && self.basis.access.asks && entry.take_due(self.basis.sender.now) {
            // A denial may be about a name above.
            notes.due = Some((entry.name().to_lowercase(), self.rtype));
        }
    }

    /// Writes what was just resolved.
    fn write_resolution(
        &mut self,
        role: &'v ResolverRole,
        resolution: &'v Resolution,
    ) -> Result<Next<'v>, NoSpace> {
        let age = if resolution.is_stale { Age::Stale } else { Age::Fresh };
        if self.aliases == 0 {
            self.reply.set_source(match age {
                Age::Fresh => role.source_of(resolution.name.as_name()),
                Age::Stale => AnswerSource::Stale,
            });
        }
        for alias in &resolution.aliases {
            self.write_alias_entry(alias, age)?;
            if !self.advance() {
                return Ok(Next::Done);
            }
        }
        match &resolution.end {
            End::Records(entries) => {
                for entry in entries {
                    self.write_records(entry, age)?;
                }
            }
            End::NoData(entry) | End::NameError(entry) => self.write_denial(entry, age)?,
            End::TooLong(dname) => self.write_too_long(dname, age)?,
            // Who was asked took the name itself for ours: a reload has just taken its zone away.
            End::Local if resolution.aliases.is_empty() => return Ok(self.defer()),
            End::Local => return Ok(self.answerer().map_or(Next::Done, Next::Go)),
            End::Failed(reason) => self.fail(*reason),
        }
        Ok(Next::Done)
    }

    /// Writes records of the current name.
    fn write_records(&mut self, entry: &Entry, age: Age) -> Result<(), NoSpace> {
        self.trace.step(Event::Learnt(entry.name(), entry.rtype()));
        self.kind = Kind::Answer(current_name(self.aliases, &self.names).hash(0));
        self.tell_age(entry, age);
        self.write_parts(entry, age, Link::End)
    }

    /// Writes an alias of the current name, and keeps what it leads to.
    fn write_alias_entry(&mut self, entry: &Arc<Entry>, age: Age) -> Result<(), NoSpace> {
        let Some(target) = entry.target() else {
            debug_assert!(false, "an alias without a target");
            return Ok(());
        };
        self.trace.step(Event::Alias { owner: entry.name(), target });
        self.has_learnt = true;
        self.tell_age(entry, age);
        self.write_parts(entry, age, Link::Alias)?;
        let ttl = self.ttl_of(entry, age);
        let is_proved = || entry.parts(Detail::Signed, ttl).any(|part| part.is_proof);
        if self.reply.wants_dnssec() && is_proved() {
            self.proofs.add_learnt(entry, ttl);
        }
        self.names.alias_wire.set(target);
        Ok(())
    }

    /// Writes that the current name is not there, or has no records of the type.
    fn write_denial(&mut self, entry: &Entry, age: Age) -> Result<(), NoSpace> {
        self.tell_age(entry, age);
        if entry.kind() == Learnt::NameError {
            self.trace.step(Event::NameError(entry.name()));
            self.kind = Kind::NameError(FoldedName::new(denier(entry)).hash(0));
            self.reply.set_rcode(Rcode::NXDOMAIN);
        } else {
            self.trace.step(Event::NoData(entry.name()));
            self.kind = Kind::Answer(current_name(self.aliases, &self.names).hash(0));
        }
        self.write_parts(entry, age, Link::End)
    }

    /// Writes the DNAME that makes the current name too long (RFC 6672 §2.2).
    fn write_too_long(&mut self, dname: &Entry, age: Age) -> Result<(), NoSpace> {
        let owner = dname.name();
        self.trace.step(Event::Redirect { owner, target: None });
        self.kind = Kind::Answer(FoldedName::new(owner).hash(0));
        self.reply.set_rcode(Rcode::YXDOMAIN);
        if !self.dnames.add(FoldedName::new(owner).hash(0)) {
            return Ok(());
        }
        let detail = if self.reply.wants_dnssec() { Detail::Signed } else { Detail::Plain };
        for part in dname.parts(detail, self.ttl_of(dname, age)) {
            self.reply.write_part(part.section, Owner::Name(part.owner), &part)?;
        }
        Ok(())
    }

    /// Writes the sets of an entry about the current name.
    fn write_parts(&mut self, entry: &Entry, age: Age, link: Link) -> Result<(), NoSpace> {
        let detail = if self.reply.wants_dnssec() { Detail::Signed } else { Detail::Plain };
        let mut alias_at = None;
        for part in entry.parts(detail, self.ttl_of(entry, age)) {
            if part.is_proof && (link == Link::Alias || self.proofs.has_learnt(&part)) {
                continue;
            }
            let is_own = part.section == Section::Answer && part.owner.is_identical(entry.name());
            if is_own {
                let owner = current_owner(self.aliases, self.alias_at, self.names.alias_wire);
                let at = self.reply.position();
                self.reply.write_part(part.section, owner, &part)?;
                alias_at = alias_at.or_else(|| self.reply.target_of(at).map(|(target, _)| target));
            } else if part.section != Section::Answer
                || self.dnames.add(FoldedName::new(part.owner).hash(0))
            {
                self.reply.write_part(part.section, Owner::Name(part.owner), &part)?;
            }
        }
        if entry.target().is_some() {
            self.alias_at = alias_at;
        }
        Ok(())
    }

    /// The time to live that the records of an entry get.
    fn ttl_of(&self, entry: &Entry, age: Age) -> Ttl {
        match (entry.freshness(self.basis.sender.now), age) {
            (Some(Freshness::Fresh { ttl }), _) => ttl,
            (Some(Freshness::Stale) | None, Age::Stale) => Ttl::learnt(STALE_TTL_SECONDS),
            (Some(Freshness::Stale) | None, Age::Fresh) => Ttl::default(),
        }
    }

    /// Says if an entry is used beyond its end.
    fn tell_age(&mut self, entry: &Entry, age: Age) {
        if age == Age::Stale && !entry.is_fresh(self.basis.sender.now) {
            let is_denial = entry.kind() == Learnt::NameError;
            self.reply.set_extended_error(if is_denial {
                ExtendedError::STALE_NXDOMAIN
            } else {
                ExtendedError::STALE_ANSWER
            });
        }
    }

    /// Answers a question for all types with one record that says that it is not done (RFC 8482
    /// §4.2).
    fn write_minimal_any(&mut self) -> Result<Next<'v>, NoSpace> {
        if self.aliases == 0 {
            self.reply.set_source(AnswerSource::Local);
        }
        self.kind = Kind::Answer(current_name(self.aliases, &self.names).hash(0));
        let owner = current_owner(self.aliases, self.alias_at, self.names.alias_wire);
        let record = RecordRef { owner, rtype: Rtype::HINFO, ttl: LASTING, rdata: MINIMAL_ANY };
        self.reply.write_record(Section::Answer, &record)?;
        Ok(Next::Done)
    }

    /// Points the client at the closest servers that are known: the textbook's answer to a query that
    /// does not ask for recursion (RFC 1034 §4.3.1).
    fn write_closest(&mut self, role: &'v ResolverRole) -> Result<Next<'v>, NoSpace> {
        if self.aliases == 0 {
            self.reply.set_source(AnswerSource::Referral);
        }
        match self.closest(role) {
            Some(cut) => self.write_cut(role, &cut)?,
            None => self.write_root(role)?,
        }
        Ok(Next::Done)
    }

    /// Points the client at servers below a cut of ours, if some are known that are closer.
    pub(super) fn write_closer(
        &mut self,
        role: &'v ResolverRole,
        ours: Name<'_>,
    ) -> Result<Option<Next<'v>>, NoSpace> {
        let Some(cut) = self.closest(role).filter(|cut| cut.servers.name().is_below(ours)) else {
            return Ok(None);
        };
        if self.aliases == 0 {
            self.reply.set_source(AnswerSource::Referral);
        }
        self.write_cut(role, &cut)?;
        Ok(Some(Next::Done))
    }

    /// The closest zone cut that is known. The DS of a zone is its parent's data (RFC 4035 §3.1.4.1).
    fn closest(&self, role: &ResolverRole) -> Option<Cut> {
        let name = current_name(self.aliases, &self.names);
        let parent = name.as_name().parent().filter(|_| self.rtype == Rtype::DS);
        match parent {
            Some(parent) => {
                role.cache.closest_delegation(self.basis.sender.now, &FoldedName::new(parent))
            }
            None => role.cache.closest_delegation(self.basis.sender.now, name),
        }
    }

    /// Writes the servers of a zone and what is known of their addresses.
    fn write_cut(&mut self, role: &ResolverRole, cut: &Cut) -> Result<(), NoSpace> {
        let servers = &cut.servers;
        self.trace.step(Event::Referral(servers.name()));
        self.kind = Kind::Referral(FoldedName::new(servers.name()).hash(0));
        let detail = if self.reply.wants_dnssec() { Detail::Signed } else { Detail::Plain };
        // What the zone says of itself counts no longer than what its parent does.
        let own = self.ttl_of(servers, Age::Fresh);
        let delegation = cut.delegation.as_ref();
        let ttl = delegation.map_or(own, |parent| own.min(self.ttl_of(parent, Age::Fresh)));
        for part in servers.parts(Detail::Plain, ttl) {
            self.reply.write_part(Section::Authority, Owner::Name(part.owner), &part)?;
        }
        if let (Some(delegation), Detail::Signed) = (&cut.delegation, detail) {
            let parts = delegation.parts(detail, self.ttl_of(delegation, Age::Fresh));
            for part in parts.filter(|part| part.is_proof) {
                self.reply.write_part(part.section, Owner::Name(part.owner), &part)?;
            }
        }
        self.proofs.write(self.reply)?;
        for server in servers.rdatas().filter_map(|rdata| Name::read(rdata).ok()) {
            self.names.target.fold(server);
            for rtype in [Rtype::A, Rtype::AAAA] {
                let glue = role.cache.find_glue(self.basis.sender.now, self.names.target, rtype);
                let Some(hit) = glue else { continue };
                self.write_glue(&hit.entry, server.is_within(servers.name()))?;
            }
        }
        Ok(())
    }

    /// Writes addresses of a server. Without those of servers in the zone itself there may be no way
    /// on, so that these have to fit (RFC 9471 §3).
    fn write_glue(&mut self, entry: &Entry, is_needed: bool) -> Result<(), NoSpace> {
        for part in entry.parts(Detail::Plain, self.ttl_of(entry, Age::Fresh)) {
            let owner = Owner::Name(part.owner);
            let written = self.reply.write_part(Section::Additional, owner, &part);
            if is_needed {
                written?;
            }
        }
        Ok(())
    }

    /// Writes the servers of the root as they were configured.
    fn write_root(&mut self, role: &ResolverRole) -> Result<(), NoSpace> {
        self.trace.step(Event::Referral(Name::ROOT));
        self.kind = Kind::Referral(FoldedName::root().hash(0));
        let root = Owner::Name(Name::ROOT);
        for (server, _) in &*role.hints {
            let rdata = server.as_name().as_wire();
            let record = RecordRef { owner: root, rtype: Rtype::NS, ttl: LASTING, rdata };
            self.reply.write_record(Section::Authority, &record)?;
        }
        let addresses = role.hints.iter().flat_map(|(server, addresses)| {
            addresses.iter().map(move |address| (server.as_name(), *address))
        });
        for (server, address) in addresses {
            let owner = Owner::Name(server);
            let (v4, v6);
            let (rtype, rdata): (_, &[u8]) = match address {
                IpAddr::V4(address) => {
                    v4 = address.octets();
                    (Rtype::A, &v4)
                }
                IpAddr::V6(address) => {
                    v6 = address.octets();
                    (Rtype::AAAA, &v6)
                }
            };
            let record = RecordRef { owner, rtype, ttl: LASTING, rdata };
            // Any one of them is enough to go on.
            if self.reply.write_record(Section::Additional, &record).is_err() {
                break;
            }
        }
        Ok(())
    }
}

/// The zone that denies a name, as far as its entry tells: all its denials count together.
fn denier(entry: &Entry) -> Name<'_> {
    let mut parts = entry.parts(Detail::Plain, Ttl::default());
    parts.next().map_or_else(|| entry.name(), |soa| soa.owner)
}

/// Why a question could not be answered, as its entry says.
fn reason_of(entry: &Entry) -> FailureReason {
    match entry.kind() {
        Learnt::Failure(failure) => failure.reason,
        Learnt::Records | Learnt::NoData | Learnt::NameError | Learnt::Delegation => {
            FailureReason::Unreachable
        }
    }
}
