//! An entry of the cache: one thing that was learnt, with its times.
//!
//! Never changed once it is stored, but for what it counts of its hits, and shared by whoever found
//! it. Says what is written of it, and for how long; who is answered with it is not its matter.

use std::sync::atomic::{AtomicBool, AtomicU8, Ordering};

use crate::base::time::{Now, SECOND_US, Ttl};
use crate::cache::block::{Block, Role};
use crate::cache::key::{Partition, What};
use crate::wire::name::Name;
use crate::wire::numbers::Rtype;
use crate::wire::set;
use crate::wire::writer::{Section, SetRef};

/// Octets of an entry in memory besides its block: the entry, and the counts of who shares it.
const HEAD_LEN: usize = size_of::<Entry>() + 2 * size_of::<usize>();

/// Hits after which an entry is worth asking for again before it ends.
const HITS_MIN: u8 = 2;

/// The part of its life at the end of which an entry is asked for again: the last tenth.
const LAST_PART: u64 = 10;

/// How far data are believed: the ranking of RFC 2181 §5.4.1, lowest first, without the ranks of
/// zones of our own, which are never in the cache.
///
/// What ranks as `Referral` or lower is for reaching servers, and never an answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Rank {
    /// From the additional section, glue among it.
    Additional,
    /// From the authority section of a response without AA: a referral.
    Referral,
    /// From the answer section of a response without AA, such as a forwarder's; also what stands in
    /// an answer with AA behind an alias.
    Answer,
    /// From the authority section of a response with AA.
    Authority,
    /// From the answer section of a response with AA, and denials with AA.
    Authoritative,
}

/// What validation says of data (RFC 4035 §4.3).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Security {
    /// Nobody has validated them.
    Unchecked,
}

/// Why a question got no answer (RFC 9520 §2). The reply's extended error is chosen by this.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum FailureReason {
    /// No server responded in time.
    Unreachable,
    /// The network could bring no request to any server.
    Network,
    /// Servers responded with nothing of use: with errors, malformed, or not being responsible.
    Lame,
    /// It would have taken more steps than one question may: too many aliases, referrals or
    /// packets, or names that depend on each other.
    TooLong,
    /// More is going on than may at one time. Says nothing of the question, and is not kept.
    Busy,
}

/// A failure to resolve.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Failure {
    /// Why, the last time.
    pub reason: FailureReason,
    /// How often in a row, from 1.
    pub times: u8,
}

/// What was learnt.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// Records of the type.
    Records,
    /// That the name has no records of the type.
    NoData,
    /// That the name does not exist.
    NameError,
    /// That there was no answer.
    Failure(Failure),
    /// That the name is a zone cut.
    Delegation,
}

/// Whether an entry can still be used.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Freshness {
    /// It can, and for so long; at least one second.
    Fresh {
        /// What is left of its time to live.
        ttl: Ttl,
    },
    /// Its time is over, and it may be used where nobody says anything newer (RFC 8767).
    Stale,
}

/// Whether a reply shows signatures and proofs (RFC 4035 §3.2.1).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Detail {
    /// DO=0: it does not, unless the question was for them.
    Plain,
    /// DO=1: it does.
    Signed,
}

/// A set of an entry, to be handed to `Writer::write_set`.
#[derive(Clone, Copy, Debug)]
pub struct Part<'e> {
    /// Where it belongs.
    pub section: Section,
    /// The name that owns it, for which its pointers were worked out.
    pub owner: Name<'e>,
    /// The records.
    pub set: SetRef<'e>,
    /// Whether it is there to prove the others.
    pub is_proof: bool,
}

impl Part<'_> {
    /// Whether another has the same records, whatever their time to live.
    pub fn is_same(&self, other: &Part<'_>) -> bool {
        self.owner == other.owner
            && set::rdatas(self.set.records).eq(set::rdatas(other.set.records))
    }
}

/// When an entry was stored and when it ends.
#[derive(Clone, Copy, Debug)]
pub(super) struct Times {
    pub(super) stored: Now,
    pub(super) ttl: Ttl,
    pub(super) expires: Now,
    pub(super) stale_until: Now,
}

/// What an entry is about, besides its name.
#[derive(Clone, Copy, Debug)]
pub(super) struct Subject {
    pub(super) partition: Partition,
    pub(super) kind: Kind,
    pub(super) rtype: Rtype,
    pub(super) rank: Rank,
    pub(super) security: Security,
}

/// One thing that was learnt.
#[derive(Debug)]
pub struct Entry {
    block: Block,
    times: Times,
    subject: Subject,
    /// Answers to clients, counted up to `HITS_MIN` or a few more.
    hits: AtomicU8,
    /// Whether somebody was told to ask for it again.
    is_renewed: AtomicBool,
}

impl Entry {
    pub(super) fn new(subject: Subject, times: Times, block: Block) -> Self {
        let (hits, is_renewed) = (AtomicU8::new(0), AtomicBool::new(false));
        Self { block, times, subject, hits, is_renewed }
    }

    /// The name it tells of, in the case in which it was learnt.
    pub fn name(&self) -> Name<'_> {
        self.block.name()
    }

    /// What was learnt.
    pub fn kind(&self) -> Kind {
        self.subject.kind
    }

    /// The type it tells of: NS for a delegation, ANY for a name that does not exist.
    pub fn rtype(&self) -> Rtype {
        self.subject.rtype
    }

    /// How far it is believed.
    pub fn rank(&self) -> Rank {
        self.subject.rank
    }

    /// Whether it has been validated.
    pub fn security(&self) -> Security {
        self.subject.security
    }

    /// The view that learnt it.
    pub fn partition(&self) -> Partition {
        self.subject.partition
    }

    /// What it tells about its name.
    pub fn what(&self) -> What {
        match self.subject.kind {
            Kind::Records if self.subject.rank < Rank::Answer => What::Glue(self.subject.rtype),
            Kind::Records | Kind::NoData => What::of(self.subject.rtype),
            Kind::NameError => What::Name,
            Kind::Failure(_) => What::Failure(self.subject.rtype),
            Kind::Delegation => What::Delegation,
        }
    }

    /// When it was stored.
    pub fn stored(&self) -> Now {
        self.times.stored
    }

    /// When it ends: from this moment on it is not fresh.
    pub fn expires(&self) -> Now {
        self.times.expires
    }

    /// Until when it may be used though it has ended.
    pub fn stale_until(&self) -> Now {
        self.times.stale_until
    }

    /// The time to live it began with, in bounds; 0 if it is for one answer only.
    pub fn ttl(&self) -> Ttl {
        self.times.ttl
    }

    /// Whether it can still be used; `None` if not even as a last resort.
    pub fn freshness(&self, now: Now) -> Option<Freshness> {
        if now < self.times.expires {
            // Part of a second counts as a whole one, so that nothing has a TTL of 0 while it is
            // fresh. The clock of one worker may lie behind that of another, so it could seem to be
            // more than there was at first.
            let ttl = seconds_between(now, self.times.expires).min(self.times.ttl);
            return Some(Freshness::Fresh { ttl });
        }
        (now < self.times.stale_until).then_some(Freshness::Stale)
    }

    /// Whether it can be used.
    pub fn is_fresh(&self, now: Now) -> bool {
        now < self.times.expires
    }

    /// The sets of a reply that tells this, in the order in which they are written, each with this
    /// TTL.
    pub fn parts(&self, detail: Detail, ttl: Ttl) -> impl Iterator<Item = Part<'_>> {
        let main = match self.subject.kind {
            Kind::Records => Section::Answer,
            Kind::NoData | Kind::NameError | Kind::Failure(_) | Kind::Delegation => {
                Section::Authority
            }
        };
        self.block.sets().filter_map(move |stored| {
            let section = match stored.role {
                Role::Redirect => Section::Answer,
                Role::Main => main,
                Role::Proof => Section::Authority,
            };
            let is_plain = stored.role != Role::Proof && !stored.is_signatures;
            (is_plain || detail == Detail::Signed).then(|| Part {
                section,
                owner: stored.owner,
                set: stored.as_written(ttl),
                is_proof: stored.role == Role::Proof,
            })
        })
    }

    /// The data of its records in canonical order: those of the type, the SOA of a denial, the
    /// servers of a cut.
    pub fn rdatas(&self) -> impl Iterator<Item = &[u8]> {
        set::rdatas(self.main_records())
    }

    /// The name for which an alias stands; `None` for anything else.
    pub fn target(&self) -> Option<Name<'_>> {
        let is_alias = self.subject.kind == Kind::Records && self.subject.rtype == Rtype::CNAME;
        let target = self.rdatas().next().filter(|_| is_alias)?;
        Name::read(target).ok()
    }

    /// Octets it takes in memory, without what a store needs for it.
    pub fn weight(&self) -> usize {
        HEAD_LEN + self.block.len()
    }

    /// Counts that a client is answered with it. Nobody else is counted: whom clients ask for is not
    /// told by what it takes to answer them.
    pub fn count_hit(&self) {
        // Written to only until it is enough: workers share the entry.
        if self.hits.load(Ordering::Relaxed) < HITS_MIN {
            self.hits.fetch_add(1, Ordering::Relaxed);
        }
    }

    /// Whether it is time to ask for it again, so that it is there when it ends: in the last part of
    /// its life, if clients ask for it often enough. Told once: who is told has to ask. Failures
    /// are not asked for again: they have a pause of their own.
    pub fn take_due(&self, now: Now) -> bool {
        let (now, expires) = (now.as_micros(), self.times.expires.as_micros());
        let life = expires.saturating_sub(self.times.stored.as_micros());
        let is_due = self.hits.load(Ordering::Relaxed) >= HITS_MIN
            && !matches!(self.subject.kind, Kind::Failure(_))
            && now < expires
            && (expires - now).saturating_mul(LAST_PART) <= life
            && !self.is_renewed.load(Ordering::Relaxed);
        is_due && !self.is_renewed.swap(true, Ordering::Relaxed)
    }

    /// Whether this is what the cache has for a name with these octets, of this and in this view.
    pub(super) fn is_about(&self, name: Name<'_>, what: What, partition: Partition) -> bool {
        self.subject.partition == partition && self.what() == what && self.name() == name
    }

    /// Whether another entry has the same servers, in any case of letters.
    pub(super) fn has_same_servers(&self, other: &Self) -> bool {
        self.rdatas().map(Name::read).eq(other.rdatas().map(Name::read))
    }

    fn main_records(&self) -> &[u8] {
        let mut sets = self.block.sets();
        let main = sets.find(|set| set.role == Role::Main && !set.is_signatures);
        main.map_or(&[], |set| set.records)
    }
}

/// The seconds from one moment to another, the last one counted whole.
pub(super) fn seconds_between(from: Now, to: Now) -> Ttl {
    let micros = to.as_micros().saturating_sub(from.as_micros());
    Ttl::learnt(u32::try_from(micros.div_ceil(SECOND_US)).unwrap_or(u32::MAX))
}

#[cfg(test)]
mod tests;
