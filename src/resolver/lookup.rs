//! One question of a client, followed through its aliases.
//!
//! Asks nobody: it looks into the cache, and what is missing there is a `Fetch`. Ends where it comes
//! to a name of our own zones, and with what was true last where nothing newer can be had.

use std::net::{IpAddr, Ipv6Addr};
use std::sync::Arc;

use crate::base::limits::{
    LOOKUP_US_MAX, LOOKUPS_MAX, LOOKUPS_PER_CLIENT_MAX, REQUESTS_PER_LOOKUP_MAX,
    RESOLVED_ALIASES_MAX, STALE_AFTER_US,
};
use crate::base::time::Now;
use crate::cache::{End, Entry, FailureReason, Found, Freshness, Hit, Kind, Owned, Resolution};
use crate::resolver::budget::{Asking, Budget, Purse};
use crate::resolver::fetch::{Failing, Waiter};
use crate::resolver::{Asker, Due, Question, Resolver};
use crate::wire::folded::FoldedName;
use crate::wire::name::{Name, NameBuf};
use crate::wire::numbers::Rtype;

/// A question that is answered.
#[derive(Clone, Debug)]
pub struct Finished {
    /// Whom it is for.
    pub asker: Asker,
    /// What became of it.
    pub resolution: Resolution,
    /// What is left of what it may cost.
    pub budget: Budget,
}

/// A question that is being answered.
#[derive(Clone, Debug)]
pub(super) struct Lookup {
    asker: Asker,
    /// The address, or for IPv6 the network, whose questions are counted.
    pub(super) client: IpAddr,
    question: Question,
    /// The name that the last alias led to.
    name: NameBuf,
    aliases: Vec<Arc<Entry>>,
    aliases_left: usize,
    deadline: Now,
    pub(super) purse: Purse,
    /// Whether it began with all the requests that a question may cost: what it cannot pay for,
    /// nobody can.
    had_all: bool,
    /// The same of aliases.
    had_all_aliases: bool,
    /// Whether it is counted among those that are being answered: not before it has to wait.
    is_counted: bool,
    /// Whether something that is over is used.
    is_stale: bool,
}

impl Lookup {
    fn new(asking: Asking) -> Self {
        let Asking { asker, client, question, budget } = asking;
        Self {
            asker,
            client: counted_as(client),
            name: question.name.clone(),
            question,
            aliases: Vec::new(),
            aliases_left: budget.aliases_left,
            deadline: budget.deadline,
            purse: Purse::new(budget.requests_left),
            had_all_aliases: budget.aliases_left >= RESOLVED_ALIASES_MAX,
            had_all: budget.requests_left >= REQUESTS_PER_LOOKUP_MAX,
            is_counted: false,
            is_stale: false,
        }
    }

    /// What has to be known next.
    fn next_question(&self) -> Question {
        Question { name: self.name.clone(), rtype: self.question.rtype }
    }

    /// When the client gets what was true last, if there is no answer yet. It is reckoned back from
    /// the end, so that a question that goes on after a first part does not wait anew.
    fn stale_at(&self) -> Now {
        let before_end = LOOKUP_US_MAX - STALE_AFTER_US;
        Now::from_micros(self.deadline.as_micros().saturating_sub(before_end))
    }

    /// Goes to the target of an alias.
    fn follow(&mut self, alias: Arc<Entry>) -> Result<(), FailureReason> {
        let target = alias.target().map(Name::to_lowercase);
        self.aliases.push(alias);
        self.aliases_left = self.aliases_left.checked_sub(1).ok_or(FailureReason::TooLong)?;
        self.name = target.ok_or(FailureReason::Lame)?;
        Ok(())
    }

    fn into_finished(self, end: End) -> Finished {
        let is_stale = self.is_stale;
        let Question { name, rtype } = self.question;
        let budget = Budget {
            deadline: self.deadline,
            requests_left: self.purse.left(),
            aliases_left: self.aliases_left,
        };
        let resolution = Resolution { name, rtype, aliases: self.aliases, end, is_stale };
        Finished { asker: self.asker, resolution, budget }
    }
}

/// What is known of the name that a lookup has come to.
enum Known {
    Alias(Arc<Entry>),
    End(End),
    Failed(FailureReason),
    Missing,
}

impl Resolver {
    /// Begins with a question.
    pub(super) fn begin_lookup(&mut self, now: Now, asking: Asking) {
        let id = self.new_id();
        let rtype = asking.question.rtype;
        let lookup = Lookup::new(asking);
        if rtype.is_meta() && rtype != Rtype::ANY {
            // No server has such records, and what some make of the question would be taken for
            // what they make of all.
            return self.finish_failed(now, id, lookup, FailureReason::Lame);
        }
        self.advance_lookup(now, id, lookup, &[]);
    }

    /// Goes on with a question. `brought` is what a fetch has just found, of which the cache may not
    /// have kept all.
    pub(super) fn continue_lookup(&mut self, now: Now, id: u64, brought: &[Arc<Entry>]) {
        if let Some(lookup) = self.lookups.remove(&id) {
            self.advance_lookup(now, id, lookup, brought);
        }
    }

    fn advance_lookup(&mut self, now: Now, id: u64, mut lookup: Lookup, brought: &[Arc<Entry>]) {
        let rtype = lookup.question.rtype;
        let mut is_fetched = !brought.is_empty();
        loop {
            let folded = FoldedName::new(lookup.name.as_name());
            let followed = match self.known(now, &folded, rtype, brought) {
                Known::End(end) => return self.finish(id, lookup, end),
                Known::Failed(reason) => Err(reason),
                Known::Alias(entry) => {
                    let followed = lookup.follow(entry);
                    if followed.is_err() && lookup.had_all_aliases {
                        // A loop costs requests each time if the cache may not keep it.
                        self.keep_failure(now, &lookup, FailureReason::TooLong);
                    }
                    followed
                }
                // Asking once more would bring the same.
                Known::Missing if is_fetched => Err(FailureReason::Lame),
                Known::Missing => return self.await_answer(now, id, lookup),
            };
            if let Err(reason) = followed {
                return self.finish_failed(now, id, lookup, reason);
            }
            is_fetched = false;
        }
    }

    /// What is known of a name without asking.
    fn known(&self, now: Now, name: &FoldedName, rtype: Rtype, brought: &[Arc<Entry>]) -> Known {
        if self.local.owner_of(name, rtype) == Owned::Yes {
            return Known::End(End::Local);
        }
        if let Some(known) = known_of(brought, name, rtype) {
            return known;
        }
        known_from(self.cache.find(now, name, rtype, || self.denied_from(name, rtype)))
    }

    /// Lets a question wait for what is missing, if there is room for one more.
    fn await_answer(&mut self, now: Now, id: u64, mut lookup: Lookup) {
        if !lookup.is_counted {
            let is_full = self.lookups.len() >= LOOKUPS_MAX
                || self.by_client.count(&lookup.client) >= LOOKUPS_PER_CLIENT_MAX;
            if is_full {
                return self.finish_failed(now, id, lookup, FailureReason::Busy);
            }
            lookup.is_counted = true;
            self.by_client.add(lookup.client);
            self.timers.insert((lookup.deadline, Due::Lookup(id)));
            self.timers.insert((lookup.stale_at(), Due::Stale(id)));
        }
        let question = lookup.next_question();
        self.lookups.insert(id, lookup);
        if let Err(failing) = self.await_fetch(now, question, Waiter::Lookup(id)) {
            self.fail_lookup(now, id, failing);
        }
    }

    /// Ends a question that a fetch could not answer.
    pub(super) fn fail_lookup(&mut self, now: Now, id: u64, failing: Failing) {
        let Some(lookup) = self.lookups.remove(&id) else { return };
        if failing == Failing::Limited && lookup.had_all {
            self.keep_failure(now, &lookup, failing.reason());
        }
        self.finish_failed(now, id, lookup, failing.reason());
    }

    /// Remembers that a question has no answer.
    fn keep_failure(&self, now: Now, lookup: &Lookup, reason: FailureReason) {
        let name = FoldedName::new(lookup.question.name.as_name());
        self.cache.put_failure(now, &name, lookup.question.rtype, reason);
    }

    /// Ends a question that has taken too long. What is under way for it goes on: the answer may be
    /// wanted again.
    pub(super) fn give_up_lookup(&mut self, now: Now, id: u64) {
        self.hurry_lookup(now, id);
        let Some(lookup) = self.lookups.remove(&id) else { return };
        let fetch = self.by_question.get(&lookup.next_question());
        let fetch = fetch.and_then(|fetch| self.fetches.get(fetch));
        let reason = fetch.map_or(FailureReason::Unreachable, |fetch| fetch.reason());
        self.finish_failed(now, id, lookup, reason);
    }

    /// Ends a question before its fetch is done, if anything is known that can be told: what a server
    /// has said that is not responsible, or what was true last.
    pub(super) fn end_early(&mut self, now: Now, id: u64) {
        self.hurry_lookup(now, id);
        let Some(lookup) = self.lookups.get(&id) else { return };
        if let Some((ended, end)) = self.stale(now, lookup) {
            self.lookups.remove(&id);
            self.finish(id, ended, end);
        }
    }

    fn hurry_lookup(&mut self, now: Now, id: u64) {
        if let Some(question) = self.lookups.get(&id).map(Lookup::next_question) {
            self.hurry(now, &question);
        }
    }

    /// Ends a question that failed: with what was true last, or with the failure.
    fn finish_failed(&mut self, now: Now, id: u64, lookup: Lookup, reason: FailureReason) {
        match self.stale(now, &lookup) {
            Some((ended, end)) => self.finish(id, ended, end),
            None => self.finish(id, lookup, End::Failed(reason)),
        }
    }

    /// The end of a question by what was true last (RFC 8767 §4), and the lookup that has come to
    /// it; `None` if that is not known, or nothing of it is over.
    fn stale(&self, now: Now, lookup: &Lookup) -> Option<(Lookup, End)> {
        let mut ended = lookup.clone();
        loop {
            let folded = FoldedName::new(ended.name.as_name());
            let rtype = ended.question.rtype;
            let is_ours = self.local.owner_of(&folded, rtype) == Owned::Yes;
            if is_ours {
                return ended.is_stale.then_some((ended, End::Local));
            }
            let found =
                self.cache.find_stale(now, &folded, rtype, || self.denied_from(&folded, rtype));
            ended.is_stale |= hit(&found).is_some_and(|hit| hit.freshness == Freshness::Stale);
            match known_from(found) {
                Known::End(end) => return ended.is_stale.then_some((ended, end)),
                Known::Alias(entry) => ended.follow(entry).ok()?,
                Known::Failed(_) | Known::Missing => return None,
            }
        }
    }

    fn finish(&mut self, id: u64, lookup: Lookup, end: End) {
        if lookup.is_counted {
            self.by_client.remove(&lookup.client);
            self.timers.remove(&(lookup.deadline, Due::Lookup(id)));
            self.timers.remove(&(lookup.stale_at(), Due::Stale(id)));
        }
        self.finished.push_back(lookup.into_finished(end));
    }
}

/// As whom a client is counted: its address, and for IPv6 its network of 64 bits.
fn counted_as(client: IpAddr) -> IpAddr {
    match client.to_canonical() {
        IpAddr::V4(client) => client.into(),
        IpAddr::V6(client) => Ipv6Addr::from_bits(client.to_bits() & !u128::from(u64::MAX)).into(),
    }
}

/// What was found, whatever it is.
fn hit(found: &Found) -> Option<&Hit> {
    match found {
        Found::Records(hit)
        | Found::Alias(hit)
        | Found::NoData(hit)
        | Found::NameError(hit)
        | Found::Failure(hit) => Some(hit),
        Found::Missing => None,
    }
}

/// What the cache knows.
fn known_from(found: Found) -> Known {
    match found {
        Found::Records(hit) => Known::End(End::Records(vec![hit.entry])),
        Found::Alias(hit) => Known::Alias(hit.entry),
        Found::NoData(hit) => Known::End(End::NoData(hit.entry)),
        Found::NameError(hit) => Known::End(End::NameError(hit.entry)),
        Found::Failure(hit) => match hit.entry.kind() {
            Kind::Failure(failure) => Known::Failed(failure.reason),
            Kind::Records | Kind::NoData | Kind::NameError | Kind::Delegation => Known::Missing,
        },
        Found::Missing => Known::Missing,
    }
}

/// What a fetch has just found about a name: for a question for all types all that it brought, since
/// the cache could not tell what else there is (RFC 8482 §4.1).
fn known_of(brought: &[Arc<Entry>], name: &FoldedName, rtype: Rtype) -> Option<Known> {
    let about = || brought.iter().filter(|entry| entry.name() == name.as_name());
    let is_wanted = |entry: &Entry| rtype == Rtype::ANY || entry.rtype() == rtype;
    let records: Vec<Arc<Entry>> = about()
        .filter(|entry| entry.kind() == Kind::Records && is_wanted(entry))
        .map(Arc::clone)
        .collect();
    if !records.is_empty() {
        return Some(Known::End(End::Records(records)));
    }
    let denial = || {
        about().find_map(|entry| match entry.kind() {
            Kind::NoData if entry.rtype() == rtype => Some(End::NoData(Arc::clone(entry))),
            Kind::NameError => Some(End::NameError(Arc::clone(entry))),
            Kind::Records | Kind::NoData | Kind::Failure(_) | Kind::Delegation => None,
        })
    };
    let alias = || {
        about()
            .find(|entry| entry.kind() == Kind::Records && entry.rtype() == Rtype::CNAME)
            .map(|entry| Known::Alias(Arc::clone(entry)))
    };
    let is_above = |entry: &&Arc<Entry>| {
        entry.rtype() == Rtype::DNAME && name.as_name().is_below(entry.name())
    };
    let too_long =
        || brought.iter().find(is_above).map(|dname| Known::End(End::TooLong(Arc::clone(dname))));
    denial().map(Known::End).or_else(alias).or_else(too_long)
}
