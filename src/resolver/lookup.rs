//! One question of a client, followed through its aliases.
//!
//! Asks nobody: it looks into the cache, and what is missing there is a `Fetch`.

use std::sync::Arc;

use crate::base::limits::{LOOKUP_US_MAX, REQUESTS_PER_LOOKUP_MAX, RESOLVED_ALIASES_MAX};
use crate::base::time::Now;
use crate::cache::{Entry, FailureReason, Found, Kind};
use crate::resolver::fetch::Waiter;
use crate::resolver::{Asker, Due, Question, Resolver};
use crate::wire::folded::FoldedName;
use crate::wire::name::NameBuf;
use crate::wire::numbers::Rtype;

/// How a question ends.
#[derive(Clone, Debug)]
pub enum End {
    /// With records.
    Records(Arc<Entry>),
    /// With a name that has no records of the type.
    NoData(Arc<Entry>),
    /// With a name that does not exist.
    NameError(Arc<Entry>),
    /// It could not be found out.
    Failed(FailureReason),
}

/// A question that is answered.
#[derive(Clone, Debug)]
pub struct Finished {
    /// Whom it is for.
    pub asker: Asker,
    /// The question.
    pub question: Question,
    /// The aliases from its name to the one at which it ends.
    pub aliases: Vec<Arc<Entry>>,
    /// How it ends.
    pub end: End,
}

/// A question that is being answered.
#[derive(Debug)]
pub(super) struct Lookup {
    asker: Asker,
    question: Question,
    /// The name that the last alias led to.
    name: NameBuf,
    aliases: Vec<Arc<Entry>>,
    deadline: Now,
    /// How many requests it may still cost.
    pub(super) requests_left: u32,
}

/// What is known of the name that a lookup has come to.
enum Known {
    Alias(Arc<Entry>),
    End(End),
    Missing,
}

impl Resolver {
    /// Begins with a question.
    pub(super) fn begin_lookup(&mut self, now: Now, asker: Asker, question: Question) {
        let id = self.new_id();
        let deadline = now.after_micros(LOOKUP_US_MAX);
        let lookup = Lookup {
            asker,
            name: question.name.clone(),
            question,
            aliases: Vec::new(),
            deadline,
            requests_left: REQUESTS_PER_LOOKUP_MAX,
        };
        self.lookups.insert(id, lookup);
        self.timers.insert((deadline, Due::Lookup(id)));
        self.continue_lookup(now, id, &[]);
    }

    /// Goes on with a question. `brought` is what a fetch has just found, of which the cache may not
    /// have kept all; it is empty before the first.
    pub(super) fn continue_lookup(&mut self, now: Now, id: u64, brought: &[Arc<Entry>]) {
        let Some(mut lookup) = self.lookups.remove(&id) else { return };
        let end = loop {
            let rtype = lookup.question.rtype;
            let folded = FoldedName::new(lookup.name.as_name());
            let known = known_of(brought, &folded, rtype);
            let known = known.unwrap_or_else(|| known_from(self.cache.find(now, &folded, rtype)));
            match known {
                Known::End(end) => break end,
                Known::Alias(entry) => {
                    let target = entry.target().map(|target| target.to_lowercase());
                    lookup.aliases.push(entry);
                    match target {
                        Some(target) if lookup.aliases.len() <= RESOLVED_ALIASES_MAX => {
                            lookup.name = target;
                        }
                        Some(_) | None => break End::Failed(FailureReason::TooLong),
                    }
                }
                Known::Missing => {
                    let question = Question { name: lookup.name.clone(), rtype };
                    self.lookups.insert(id, lookup);
                    self.await_fetch(question, Waiter::Lookup(id));
                    return;
                }
            }
        };
        self.finish(id, lookup, end);
    }

    /// Ends a question that a fetch could not answer.
    pub(super) fn fail_lookup(&mut self, id: u64, reason: FailureReason) {
        if let Some(lookup) = self.lookups.remove(&id) {
            self.finish(id, lookup, End::Failed(reason));
        }
    }

    /// Ends a question that has taken too long. What is under way for it goes on: the answer may be
    /// wanted again.
    pub(super) fn give_up_lookup(&mut self, id: u64) {
        self.fail_lookup(id, FailureReason::Unreachable);
    }

    fn finish(&mut self, id: u64, lookup: Lookup, end: End) {
        let Lookup { asker, question, aliases, deadline, .. } = lookup;
        self.timers.remove(&(deadline, Due::Lookup(id)));
        self.finished.push_back(Finished { asker, question, aliases, end });
    }
}

/// What the cache knows.
fn known_from(found: Found) -> Known {
    match found {
        Found::Records(hit) => Known::End(End::Records(hit.entry)),
        Found::Alias(hit) => Known::Alias(hit.entry),
        Found::NoData(hit) => Known::End(End::NoData(hit.entry)),
        Found::NameError(hit) => Known::End(End::NameError(hit.entry)),
        Found::Failure(hit) => match hit.entry.kind() {
            Kind::Failure(failure) => Known::End(End::Failed(failure.reason)),
            Kind::Records | Kind::NoData | Kind::NameError | Kind::Delegation => Known::Missing,
        },
        Found::Missing => Known::Missing,
    }
}

/// What a fetch has just found about a name.
fn known_of(brought: &[Arc<Entry>], name: &FoldedName, rtype: Rtype) -> Option<Known> {
    let about = || brought.iter().filter(|entry| entry.name() == name.as_name());
    let of_type = about().find_map(|entry| match entry.kind() {
        Kind::Records if entry.rtype() == rtype => Some(End::Records(Arc::clone(entry))),
        Kind::NoData if entry.rtype() == rtype => Some(End::NoData(Arc::clone(entry))),
        Kind::NameError => Some(End::NameError(Arc::clone(entry))),
        Kind::Records | Kind::NoData | Kind::Failure(_) | Kind::Delegation => None,
    });
    let alias = || {
        about()
            .find(|entry| entry.kind() == Kind::Records && entry.rtype() == Rtype::CNAME)
            .map(|entry| Known::Alias(Arc::clone(entry)))
    };
    of_type.map(Known::End).or_else(alias)
}
