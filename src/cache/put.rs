//! How what was learnt becomes an entry: for how long it counts, and what it may replace.
//!
//! Puts come from the resolver. Two that come at the same moment for the same name may pass each
//! other by, so that the lower rank stays; nothing worse.

use std::sync::Arc;

use crate::base::limits::{CACHED_PROOFS_MAX, FAILURE_SECONDS_MAX, FAILURE_SECONDS_MIN};
use crate::base::time::{Now, Ttl};
use crate::cache::block::{Block, Role};
use crate::cache::entry::{
    Entry, Failure, FailureReason, Kind, Rank, Security, Subject, Times, seconds_between,
};
use crate::cache::key::{Key, What};
use crate::cache::learnt::{LearntDelegation, LearntDenial, LearntRecords, LearntSet};
use crate::cache::{Cache, Limits};
use crate::wire::folded::FoldedName;
use crate::wire::name::Name;
use crate::wire::numbers::Rtype;
use crate::wire::rdata::octets::Octets;

/// What became of something that was put into the cache.
#[derive(Clone, Debug)]
pub enum Put {
    /// It is in the cache.
    Stored(Arc<Entry>),
    /// It is for the answer at hand and nothing else: its time to live is 0, or it is a denial
    /// without an SOA.
    Once(Arc<Entry>),
    /// The cache has something that ranks higher, which stays.
    Outranked(Arc<Entry>),
}

/// Why something cannot be an entry.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Unfit {
    /// A set has no records.
    Empty,
    /// There are more records, proofs or octets than the cache keeps of one thing.
    TooLarge,
    /// The SOA of a denial is not one record, is malformed, or is not of a zone that the name is
    /// in.
    Soa,
}

impl Cache {
    /// Keeps records, unless higher ones are there.
    ///
    /// # Errors
    ///
    /// Fails if they cannot be an entry.
    pub fn put_records(&self, now: Now, learnt: &LearntRecords<'_>) -> Result<Put, Unfit> {
        let LearntRecords { set, redirect, proofs, rank, security } = *learnt;
        let redirect = redirect.map(|redirect| (Role::Redirect, redirect));
        let main = redirect.into_iter().chain([(Role::Main, set)]);
        let sets = with_proofs(main, proofs)?;
        let ttl = self.limits.positive(lowest_ttl(&sets));
        let subject = self.subject(Kind::Records, set.rtype, rank, security);
        self.put(now, subject, set.owner, &sets, ttl)
    }

    /// Keeps that a name has no records of a type, unless something higher is there.
    ///
    /// # Errors
    ///
    /// Fails if it cannot be an entry.
    pub fn put_no_data(
        &self,
        now: Now,
        rtype: Rtype,
        learnt: &LearntDenial<'_>,
    ) -> Result<Put, Unfit> {
        self.put_denial(now, Kind::NoData, rtype, learnt)
    }

    /// Keeps that a name does not exist, unless something higher is there.
    ///
    /// To be called with names that were asked for whole. Some servers say this of the parents of
    /// names that exist, and then it would hide those (RFC 8020 §2).
    ///
    /// # Errors
    ///
    /// Fails if it cannot be an entry.
    pub fn put_name_error(&self, now: Now, learnt: &LearntDenial<'_>) -> Result<Put, Unfit> {
        self.put_denial(now, Kind::NameError, Rtype::ANY, learnt)
    }

    /// Keeps that a question got no answer, for twice as long as the last time if nothing has
    /// answered it since (RFC 9520 §3.2). One failure counts for all that are told while it lasts.
    pub fn put_failure(
        &self,
        now: Now,
        name: &FoldedName,
        rtype: Rtype,
        reason: FailureReason,
    ) -> Arc<Entry> {
        debug_assert!(reason != FailureReason::Busy, "kept what says nothing of the question");
        let what = What::Failure(rtype);
        let before = self.entry(name.as_name(), name.hash(0), what);
        if let Some(before) = before.as_ref().filter(|before| before.is_fresh(now)) {
            return Arc::clone(before);
        }
        let times = before.map_or(1, |before| self.times_failed(now, name, rtype, &before));
        let doubled = FAILURE_SECONDS_MIN.saturating_mul(1 << u32::from(times - 1).min(16));
        let ttl = Ttl::learnt(doubled.min(FAILURE_SECONDS_MAX));
        let expires = now.after(ttl);
        // It is remembered for some time after its end, so that the next failure is known to be one
        // in a row.
        let stale_until = expires.after(Ttl::learnt(FAILURE_SECONDS_MAX));
        let kind = Kind::Failure(Failure { reason, times });
        let subject = self.subject(kind, rtype, Rank::Additional, Security::Unchecked);
        let times = Times { stored: now, ttl, expires, stale_until };
        let entry = Arc::new(Entry::new(subject, times, Block::of_name(name.as_name())));
        let key = Key::new(name.hash(0), what, self.partition);
        self.store.insert(key, Arc::clone(&entry));
        entry
    }

    /// Keeps a zone cut. If it is known with the same servers, it ends when it would have.
    ///
    /// The NS records that the zone itself has are records like any others (`put_records`) and
    /// never lengthen this, so that a zone ends when its parent has taken it away.
    ///
    /// # Errors
    ///
    /// Fails if it cannot be an entry.
    pub fn put_delegation(&self, now: Now, learnt: &LearntDelegation<'_>) -> Result<Put, Unfit> {
        let LearntDelegation { servers, proofs, until, security } = *learnt;
        let sets = with_proofs([(Role::Main, servers)], proofs)?;
        let ttl = lowest_ttl(&sets).min(self.limits.max_ttl);
        let subject = self.subject(Kind::Delegation, Rtype::NS, Rank::Referral, security);
        let ending = |expires: Now| {
            let ttl = seconds_between(now, expires).min(ttl);
            let times = Times { stored: now, ttl, expires, stale_until: expires };
            Ok(Entry::new(subject, times, Block::pack(servers.owner, &sets, ttl)?))
        };
        let whole = now.after(ttl);
        let mut entry = ending(until.map_or(whole, |until| until.min(whole)))?;
        let name = FoldedName::new(servers.owner);
        let before = self.entry(name.as_name(), name.hash(0), What::Delegation);
        if let Some(before) = before.filter(|before| before.is_fresh(now))
            && before.expires() < entry.expires()
            && before.has_same_servers(&entry)
        {
            entry = ending(before.expires())?;
        }
        Ok(self.place(now, &name, entry))
    }

    fn put_denial(
        &self,
        now: Now,
        kind: Kind,
        rtype: Rtype,
        learnt: &LearntDenial<'_>,
    ) -> Result<Put, Unfit> {
        let LearntDenial { name, soa, proofs, rank, security } = *learnt;
        let subject = self.subject(kind, rtype, rank, security);
        let Some(soa) = soa else {
            let sets = with_proofs([], proofs)?;
            return self.put(now, subject, name, &sets, Ttl::default());
        };
        let minimum = negative_ttl(name, &soa).ok_or(Unfit::Soa)?;
        let sets = with_proofs([(Role::Main, soa)], proofs)?;
        let ttl = self.limits.negative(lowest_ttl(&sets).min(minimum));
        self.put(now, subject, name, &sets, ttl)
    }

    /// Makes an entry that lives so long, and puts it where it belongs.
    fn put(
        &self,
        now: Now,
        subject: Subject,
        name: Name<'_>,
        sets: &[(Role, LearntSet<'_>)],
        ttl: Ttl,
    ) -> Result<Put, Unfit> {
        let expires = now.after(ttl);
        let stale_until = expires.after(self.limits.max_stale);
        let times = Times { stored: now, ttl, expires, stale_until };
        let entry = Entry::new(subject, times, Block::pack(name, sets, ttl)?);
        Ok(self.place(now, &FoldedName::new(name), entry))
    }

    /// Puts an entry in its place, if it has a life and nothing higher is there.
    fn place(&self, now: Now, name: &FoldedName, entry: Entry) -> Put {
        let (hash, what) = (name.hash(0), entry.what());
        let there = self.entry(name.as_name(), hash, what);
        let entry = Arc::new(entry);
        if let Some(there) =
            there.filter(|there| there.is_fresh(now) && there.rank() > entry.rank())
        {
            return Put::Outranked(there);
        }
        if !entry.is_fresh(now) {
            return Put::Once(entry);
        }
        self.store.insert(Key::new(hash, what, self.partition), Arc::clone(&entry));
        if let What::Type(_) = what {
            self.end_denial(now, name, entry.rank());
        }
        Put::Stored(entry)
    }

    /// Forgets that a name does not exist, which something of this rank has shown to be over.
    ///
    /// Denials of names above stay: what is known below them is found all the same (RFC 8020 §2).
    fn end_denial(&self, now: Now, name: &FoldedName, rank: Rank) {
        let denial = self.entry(name.as_name(), name.hash(0), What::Name);
        let is_over = denial.is_some_and(|denial| {
            denial.kind() == Kind::NameError && (!denial.is_fresh(now) || denial.rank() <= rank)
        });
        if is_over {
            self.store.remove(Key::new(name.hash(0), What::Name, self.partition));
        }
    }

    /// How often in a row a question has failed, now included.
    fn times_failed(&self, now: Now, name: &FoldedName, rtype: Rtype, before: &Entry) -> u8 {
        let is_answer = |what| {
            let entry = self.entry(name.as_name(), name.hash(0), what);
            entry.is_some_and(|entry| {
                entry.rank() >= Rank::Answer && entry.stored() > before.stored()
            })
        };
        match before.kind() {
            Kind::Failure(failure)
                if now < before.stale_until()
                    && !is_answer(What::of(rtype))
                    && !is_answer(What::Name) =>
            {
                failure.times.saturating_add(1)
            }
            Kind::Failure(_)
            | Kind::Records
            | Kind::NoData
            | Kind::NameError
            | Kind::Delegation => 1,
        }
    }

    fn subject(&self, kind: Kind, rtype: Rtype, rank: Rank, security: Security) -> Subject {
        Subject { partition: self.partition, kind, rtype, rank, security }
    }
}

impl Limits {
    /// The time to live of records, in bounds.
    fn positive(&self, ttl: Ttl) -> Ttl {
        ttl.max(self.min_ttl).min(self.max_ttl)
    }

    /// The time to live of denials, in bounds.
    fn negative(&self, ttl: Ttl) -> Ttl {
        ttl.max(self.min_ttl).min(self.max_negative_ttl)
    }
}

/// The sets of an entry in the order in which they are written.
fn with_proofs<'a>(
    main: impl IntoIterator<Item = (Role, LearntSet<'a>)>,
    proofs: &[LearntSet<'a>],
) -> Result<Vec<(Role, LearntSet<'a>)>, Unfit> {
    if proofs.len() > CACHED_PROOFS_MAX {
        return Err(Unfit::TooLarge);
    }
    let proofs = proofs.iter().map(|proof| (Role::Proof, *proof));
    Ok(main.into_iter().chain(proofs).collect())
}

/// The lowest time to live of some sets: an entry ends with the first of its parts.
fn lowest_ttl(sets: &[(Role, LearntSet<'_>)]) -> Ttl {
    sets.iter().map(|(_, set)| set.ttl()).min().unwrap_or_default()
}

/// How long the SOA says that denials of its zone count (RFC 2308 §5), its own time to live not
/// regarded; `None` if it is not the SOA of a zone that `name` is in.
fn negative_ttl(name: Name<'_>, soa: &LearntSet<'_>) -> Option<Ttl> {
    let [record] = soa.records else { return None };
    if soa.rtype != Rtype::SOA || !name.is_within(soa.owner) {
        return None;
    }
    let mut octets = Octets::new(record.rdata);
    octets.take_name().ok()?;
    octets.take_name().ok()?;
    let [_, _, _, _, minimum] = std::array::from_fn(|_| octets.take_u32());
    octets.is_empty().then_some(Ttl::learnt(minimum?))
}

#[cfg(test)]
mod tests;
