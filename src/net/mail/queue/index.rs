//! What is known in memory of the messages in the queue: where they are, and which is next.
//!
//! Few of one domain are under way: a slow host must not take all connections.

use std::collections::{BTreeSet, HashMap};
use std::sync::Arc;

use crate::base::time::Wall;

/// Envelopes of one domain under way at a time. More connections than two to one host are impolite,
/// and a host that is slow would take those of others.
pub(super) const DOMAIN_RUNNING_MAX: usize = 2;

/// Where an envelope is: the name of its message, and its number there.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(in crate::net::mail) struct Place {
    pub id: Arc<str>,
    pub part: u32,
}

/// An envelope that is under way, or is about to be.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(in crate::net::mail) struct Taken {
    pub place: Place,
    domain: Arc<str>,
}

/// The envelopes of one domain.
#[derive(Debug, Default)]
struct Line {
    waiting: BTreeSet<(Wall, Place)>,
    running: usize,
}

impl Line {
    /// When the first is due, if one may be taken.
    fn due(&self) -> Option<Wall> {
        let first = self.waiting.first().map(|(next, _)| *next);
        first.filter(|_| self.running < DOMAIN_RUNNING_MAX)
    }
}

/// All envelopes.
#[derive(Debug, Default)]
pub(super) struct Index {
    lines: HashMap<Arc<str>, Line>,
    /// The domains of which an envelope may be taken, by when the first is due.
    ready: BTreeSet<(Wall, Arc<str>)>,
}

impl Index {
    /// Takes in an envelope.
    pub(super) fn add(&mut self, domain: &str, place: Place, next: Wall) {
        let known = self.lines.get_key_value(domain).map(|(domain, _)| Arc::clone(domain));
        let domain = known.unwrap_or_else(|| domain.into());
        self.change(&domain, |line| {
            line.waiting.insert((next, place));
        });
    }

    /// Takes the envelope that has been due for the longest time.
    pub(super) fn take(&mut self, now: Wall) -> Option<Taken> {
        let (due, domain) = self.ready.first()?;
        if *due > now {
            return None;
        }
        let domain = Arc::clone(domain);
        let mut taken = None;
        self.change(&domain, |line| {
            taken = line.waiting.pop_first().map(|(_, place)| place);
            line.running += 1;
        });
        taken.map(|place| Taken { place, domain })
    }

    /// When the next envelope may be taken.
    pub(super) fn due(&self) -> Option<Wall> {
        self.ready.first().map(|(due, _)| *due)
    }

    /// Takes an envelope back that has been under way.
    pub(super) fn put_back(&mut self, taken: Taken, next: Wall) {
        self.change(&taken.domain, |line| {
            line.running -= 1;
            line.waiting.insert((next, taken.place));
        });
    }

    /// Forgets an envelope that has been under way.
    pub(super) fn forget(&mut self, taken: &Taken) {
        self.change(&taken.domain, |line| line.running -= 1);
    }

    fn change(&mut self, domain: &Arc<str>, change: impl FnOnce(&mut Line)) {
        let line = self.lines.entry(Arc::clone(domain)).or_default();
        let before = line.due();
        change(line);
        let after = line.due();
        if line.waiting.is_empty() && line.running == 0 {
            self.lines.remove(domain);
        }
        if before != after {
            if let Some(due) = before {
                self.ready.remove(&(due, Arc::clone(domain)));
            }
            if let Some(due) = after {
                self.ready.insert((due, Arc::clone(domain)));
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::{Index, Place, Taken};
    use crate::base::time::Wall;

    fn place(id: &str) -> Place {
        Place { id: id.into(), part: 0 }
    }

    fn at(seconds: u64) -> Wall {
        Wall::from_secs(seconds)
    }

    fn take(index: &mut Index, now: u64) -> Option<Taken> {
        index.take(at(now))
    }

    fn id(taken: Option<&Taken>) -> Option<&str> {
        taken.map(|taken| &*taken.place.id)
    }

    #[test]
    fn envelopes_come_when_they_are_due() {
        let mut index = Index::default();
        index.add("a.example", place("1"), at(20));
        index.add("b.example", place("2"), at(10));
        index.add("a.example", place("3"), at(5));
        assert_eq!(index.due(), Some(at(5)));
        assert_eq!(take(&mut index, 4), None);
        let third = take(&mut index, 30);
        assert_eq!(id(third.as_ref()), Some("3"));
        assert_eq!(id(take(&mut index, 30).as_ref()), Some("2"));
        index.put_back(third.unwrap(), at(25));
        assert_eq!(id(take(&mut index, 30).as_ref()), Some("1"));
        assert_eq!(index.due(), Some(at(25)));
    }

    #[test]
    fn slow_domain_does_not_keep_others_waiting() {
        let mut index = Index::default();
        for number in 0..1000 {
            index.add("slow.example", place(&number.to_string()), at(1));
        }
        index.add("fast.example", place("x"), at(2));
        let first = take(&mut index, 3).unwrap();
        let second = take(&mut index, 3).unwrap();
        assert_eq!((&*first.domain, &*second.domain), ("slow.example", "slow.example"));
        let third = take(&mut index, 3);
        assert_eq!(id(third.as_ref()), Some("x"));
        assert_eq!(index.due(), None);
        index.forget(&first);
        assert_eq!(index.due(), Some(at(1)));
        assert_eq!(id(take(&mut index, 3).as_ref()), Some("10"));
    }

    #[test]
    fn nothing_is_remembered_of_what_is_done() {
        let mut index = Index::default();
        index.add("a.example", place("1"), at(1));
        let taken = take(&mut index, 1).unwrap();
        index.forget(&taken);
        assert!(index.lines.is_empty() && index.ready.is_empty());
    }
}
