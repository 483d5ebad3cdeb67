//! What the cache knows of a question.
//!
//! The nearest truth counts: records of the type itself, then that the name is an alias or is not
//! there, then that a name above is not there, then that nobody could tell. To look counts nothing:
//! who answers a client with an entry says so to the entry.

use std::sync::Arc;

use crate::base::time::Now;
use crate::cache::Cache;
use crate::cache::entry::{Entry, Freshness, Kind, Rank};
use crate::cache::key::What;
use crate::wire::folded::FoldedName;
use crate::wire::numbers::Rtype;

/// An entry that was found.
#[derive(Clone, Debug)]
pub struct Hit {
    /// The entry.
    pub entry: Arc<Entry>,
    /// For how long it can be used.
    pub freshness: Freshness,
}

/// What is known of a question.
#[derive(Clone, Debug)]
pub enum Found {
    /// The records.
    Records(Hit),
    /// The CNAME that the name has instead.
    Alias(Hit),
    /// There are no such records.
    NoData(Hit),
    /// The name does not exist, or one above it does not (RFC 8020): the entry's name is the one.
    NameError(Hit),
    /// It could not be found out.
    Failure(Hit),
    /// Nothing.
    Missing,
}

/// The zone cut from which a resolution can start.
#[derive(Clone, Debug)]
pub struct Cut {
    /// What the parent says of it, by which it ends; `None` for the root.
    pub delegation: Option<Arc<Entry>>,
    /// The NS records to go by: the zone's own where they are known, else the parent's.
    pub servers: Arc<Entry>,
}

impl Cut {
    /// When it ends, and with it what its servers delegate (`LearntDelegation::until`).
    pub fn until(&self) -> Option<Now> {
        self.delegation.as_ref().map(|delegation| delegation.expires())
    }
}

/// Which entries count.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Age {
    /// Those that can still be used.
    Fresh,
    /// Also those that have ended, for some time.
    Any,
}

impl Cache {
    /// What is known of a question, of what can still be used. Records that are only good for
    /// reaching servers are not told.
    ///
    /// That a name above does not exist counts only if it has as many labels as `floor` says: those of
    /// the zone from which on others are asked than for the names above, whom the configuration or
    /// a zone of ours names. What the world denies says nothing of it.
    pub fn find(
        &self,
        now: Now,
        name: &FoldedName,
        rtype: Rtype,
        floor: impl Fn() -> usize,
    ) -> Found {
        let failure = || {
            let entry = self.usable(now, name, 0, What::Failure(rtype), Age::Fresh)?;
            hit(now, entry).map(Found::Failure)
        };
        let found = self.find_at(now, name, rtype, Age::Fresh);
        let found = found.or_else(|| self.find_denial_above(now, name, floor)).or_else(failure);
        found.unwrap_or(Found::Missing)
    }

    /// What is known of a question, and if nothing can be used but a failure, what could be used last
    /// (RFC 8767): of the type itself and of the name, what was stored last. A stale denial of a name
    /// above is not told.
    pub fn find_stale(
        &self,
        now: Now,
        name: &FoldedName,
        rtype: Rtype,
        floor: impl Fn() -> usize,
    ) -> Found {
        match self.find(now, name, rtype, floor) {
            found @ (Found::Missing | Found::Failure(_)) => {
                self.find_at(now, name, rtype, Age::Any).unwrap_or(found)
            }
            found @ (Found::Records(_)
            | Found::Alias(_)
            | Found::NoData(_)
            | Found::NameError(_)) => found,
        }
    }

    /// Records of a name to reach a server by: those that answer, else those that are good for nothing
    /// else. Never an answer (RFC 2181 §5.4.1).
    pub fn find_glue(&self, now: Now, name: &FoldedName, rtype: Rtype) -> Option<Hit> {
        let own = self.usable(now, name, 0, What::of(rtype), Age::Fresh);
        match own.filter(|entry| entry.kind() == Kind::Records) {
            Some(entry) => hit(now, entry),
            None => self.find_told_glue(now, name, rtype),
        }
    }

    /// The same, of those alone that are good for nothing else: what is told by who delegates,
    /// whatever the server's own zone says.
    pub fn find_told_glue(&self, now: Now, name: &FoldedName, rtype: Rtype) -> Option<Hit> {
        hit(now, self.usable(now, name, 0, What::Glue(rtype), Age::Fresh)?)
    }

    /// The deepest zone cut at or above a name that its parent still says is one.
    ///
    /// The zone's own NS records replace those of its parent, but only while the parent's count:
    /// else a zone could keep itself in the cache (ghost domains). The root has no parent, and its
    /// NS records count alone (RFC 9609).
    pub fn closest_delegation(&self, now: Now, name: &FoldedName) -> Option<Cut> {
        (0..=name.label_count()).find_map(|dropped| {
            let delegation = self.usable(now, name, dropped, What::Delegation, Age::Fresh);
            if delegation.is_none() && dropped < name.label_count() {
                return None;
            }
            let own = self.usable(now, name, dropped, What::of(Rtype::NS), Age::Fresh);
            let own =
                own.filter(|own| own.kind() == Kind::Records && own.rank() >= Rank::Authority);
            let servers = own.or_else(|| delegation.clone())?;
            Some(Cut { delegation, servers })
        })
    }

    /// What answers the question, of what is known of the name itself.
    fn find_at(&self, now: Now, name: &FoldedName, rtype: Rtype, age: Age) -> Option<Found> {
        let of_type = || {
            let entry = self.answer(now, name, 0, What::of(rtype), age)?;
            let found: fn(Hit) -> Found = match entry.kind() {
                Kind::Records => Found::Records,
                Kind::NoData => Found::NoData,
                Kind::NameError => Found::NameError,
                Kind::Failure(_) | Kind::Delegation => return None,
            };
            Some((entry, found))
        };
        let of_name = || {
            let entry = self.answer(now, name, 0, What::Name, age)?;
            let found: fn(Hit) -> Found = match entry.kind() {
                Kind::Records if is_aliased(rtype) => Found::Alias,
                Kind::NameError => Found::NameError,
                // That there is no CNAME says nothing of other types.
                Kind::Records | Kind::NoData | Kind::Failure(_) | Kind::Delegation => return None,
            };
            Some((entry, found))
        };
        let (entry, found) = match age {
            Age::Fresh => of_type().or_else(of_name),
            // Of what is over the newest is the nearest to the truth.
            Age::Any => {
                let newer = |before: &Arc<Entry>| {
                    of_name().filter(|(entry, _)| entry.stored() > before.stored())
                };
                match of_type() {
                    Some(of_type) => newer(&of_type.0).or(Some(of_type)),
                    None => of_name(),
                }
            }
        }?;
        hit(now, entry).map(found)
    }

    /// That a name above does not exist, and so neither does this one (RFC 8020 §2).
    fn find_denial_above(
        &self,
        now: Now,
        name: &FoldedName,
        floor: impl Fn() -> usize,
    ) -> Option<Found> {
        (1..name.label_count()).find_map(|dropped| {
            let entry = self.answer(now, name, dropped, What::Name, Age::Fresh)?;
            let counts = entry.kind() == Kind::NameError && name.label_count() - dropped >= floor();
            if counts { hit(now, entry).map(Found::NameError) } else { None }
        })
    }

    /// An entry of the name without its first `dropped` labels that may be an answer.
    fn answer(
        &self,
        now: Now,
        name: &FoldedName,
        dropped: usize,
        what: What,
        age: Age,
    ) -> Option<Arc<Entry>> {
        let entry = self.usable(now, name, dropped, what, age)?;
        (entry.rank() >= Rank::Answer).then_some(entry)
    }

    /// An entry of the name without its first `dropped` labels that counts.
    fn usable(
        &self,
        now: Now,
        name: &FoldedName,
        dropped: usize,
        what: What,
        age: Age,
    ) -> Option<Arc<Entry>> {
        let entry = self.entry(name.suffix(dropped), name.hash(dropped), what)?;
        let counts = match age {
            Age::Fresh => entry.is_fresh(now),
            Age::Any => entry.freshness(now).is_some(),
        };
        counts.then_some(entry)
    }
}

/// The entry as found.
fn hit(now: Now, entry: Arc<Entry>) -> Option<Hit> {
    let freshness = entry.freshness(now)?;
    Some(Hit { entry, freshness })
}

/// Whether a CNAME answers questions for the type: not those that stand beside it (RFC 4034 §3,
/// §4), nor those that are no types of records.
fn is_aliased(rtype: Rtype) -> bool {
    !rtype.is_meta() && rtype != Rtype::RRSIG && rtype != Rtype::NSEC
}

#[cfg(test)]
mod tests;
