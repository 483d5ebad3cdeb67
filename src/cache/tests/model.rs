//! Any sequence of puts, finds, flushes and passing time gives what a naive model gives, which
//! keeps facts in a list and looks at all of them.

use super::{denial_with, folded, name, ranked, seconds, set, show, show_entry};
use crate::base::time::Now;
use crate::cache::{
    Cache, FailureReason, Found, Freshness, Hit, LearntDelegation, LearntDenial, Limits, Put, Rank,
    Security, Table, Unfit,
};
use crate::wire::name::Name;
use crate::wire::numbers::Rtype;
use proptest::prelude::*;
use std::collections::HashMap;
use std::sync::Arc;

const NAMES: [&str; 6] = [".", "a.", "b.a.", "c.b.a.", "d.c.b.a.", "ab.a."];
const TYPES: [Rtype; 4] = [Rtype::A, Rtype::AAAA, Rtype::NS, Rtype::CNAME];
const RANKS: [Rank; 5] =
    [Rank::Additional, Rank::Referral, Rank::Answer, Rank::Authority, Rank::Authoritative];

const MAX_TTL: u32 = 30;
const MAX_NEGATIVE_TTL: u32 = 20;
const MAX_STALE: u32 = 15;
const LIMITS: Limits = Limits {
    min_ttl: seconds(0),
    max_ttl: seconds(MAX_TTL),
    max_negative_ttl: seconds(MAX_NEGATIVE_TTL),
    max_stale: seconds(MAX_STALE),
};

const SECOND: u64 = 1_000_000;

/// One step. Names, types and ranks are numbers of the lists above.
#[derive(Clone, Debug)]
enum Step {
    Records { name: usize, rtype: usize, rank: usize, ttl: u32, data: u8 },
    NoData { name: usize, rtype: usize, rank: usize, ttl: u32 },
    NameError { name: usize, rank: usize, ttl: u32 },
    Failure { name: usize, rtype: usize },
    Delegation { name: usize, ttl: u32, data: u8, until_ms: Option<u64> },
    Pass { ms: u64 },
    Find { name: usize, rtype: usize },
    FindStale { name: usize, rtype: usize },
    Flush { name: usize },
    FlushTree { name: usize },
}

fn steps() -> impl Strategy<Value = Vec<Step>> {
    let name = || 0..NAMES.len();
    let rtype = || 0..TYPES.len();
    let ttl = || 0..40_u32;
    let records = (name(), rtype(), 0..5_usize, ttl(), 0..3_u8);
    let records = records.prop_map(|(name, rtype, rank, ttl, data)| Step::Records {
        name,
        rtype,
        rank,
        ttl,
        data,
    });
    let step = prop_oneof![
        6 => records,
        2 => (name(), rtype(), 0..5_usize, ttl())
            .prop_map(|(name, rtype, rank, ttl)| Step::NoData { name, rtype, rank, ttl }),
        2 => (name(), 0..5_usize, ttl())
            .prop_map(|(name, rank, ttl)| Step::NameError { name, rank, ttl }),
        2 => (name(), rtype()).prop_map(|(name, rtype)| Step::Failure { name, rtype }),
        3 => (name(), ttl(), 0..3_u8, proptest::option::of(0..40_000_u64))
            .prop_map(|(name, ttl, data, until_ms)| Step::Delegation { name, ttl, data, until_ms }),
        5 => (0..9_000_u64).prop_map(|ms| Step::Pass { ms }),
        3 => (name(), rtype()).prop_map(|(name, rtype)| Step::Find { name, rtype }),
        2 => (name(), rtype()).prop_map(|(name, rtype)| Step::FindStale { name, rtype }),
        1 => name().prop_map(|name| Step::Flush { name }),
        1 => name().prop_map(|name| Step::FlushTree { name }),
    ];
    proptest::collection::vec(step, 1..80)
}

/// The records of a type with this data, as text.
fn text(rtype: Rtype, data: u8) -> String {
    match rtype {
        Rtype::A => format!("A 192.0.2.{data}"),
        Rtype::AAAA => format!("AAAA 2001:db8::1{data}"),
        other => format!("{other} target{data}."),
    }
}

fn soa(ttl: u32) -> String {
    format!("SOA ns. host. 1 2 3 4 {ttl}")
}

#[derive(Clone, Copy, Debug, PartialEq)]
enum Told {
    Records,
    NoData,
    NameError,
    Failure,
    Delegation,
}

/// Something that the model knows. Times in microseconds.
#[derive(Clone, Debug)]
struct Fact {
    name: usize,
    told: Told,
    rtype: Rtype,
    rank: Rank,
    shown: String,
    stored: u64,
    expires: u64,
    stale_until: u64,
    failures: u32,
}

impl Fact {
    /// Which facts there can be one of: those that tell of a type, of all types, of a cut, of a
    /// failure.
    fn slot(&self) -> (usize, u8, Rtype) {
        match self.told {
            Told::Records if self.rank < Rank::Answer => (self.name, 4, self.rtype),
            Told::Records | Told::NoData if self.rtype != Rtype::CNAME => {
                (self.name, 0, self.rtype)
            }
            Told::Records | Told::NoData | Told::NameError => (self.name, 1, Rtype::CNAME),
            Told::Delegation => (self.name, 2, Rtype::NS),
            Told::Failure => (self.name, 3, self.rtype),
        }
    }
}

#[derive(Default)]
struct Model {
    facts: Vec<Fact>,
    now: u64,
}

fn is_within(name: usize, ancestor: usize) -> bool {
    let (name, ancestor) = (NAMES[name], NAMES[ancestor]);
    ancestor == "." || name == ancestor || name.ends_with(&format!(".{ancestor}"))
}

impl Model {
    fn fact(&self, name: usize, told: Told, rtype: Rtype, rank: Rank, shown: String) -> Fact {
        Fact {
            name,
            told,
            rtype,
            rank,
            shown,
            stored: self.now,
            expires: 0,
            stale_until: 0,
            failures: 0,
        }
    }

    fn living(&self, fact: Fact, ttl: u32) -> Fact {
        let expires = self.now + u64::from(ttl) * SECOND;
        let stale_until = expires + u64::from(MAX_STALE) * SECOND;
        Fact { expires, stale_until, ..fact }
    }

    fn put(&mut self, fact: Fact) -> &'static str {
        let (now, slot) = (self.now, fact.slot());
        let is_outranked =
            |there: &&Fact| there.slot() == slot && there.expires > now && there.rank > fact.rank;
        if self.facts.iter().any(|there| is_outranked(&there)) {
            return "outranked";
        }
        if fact.expires <= now {
            return "once";
        }
        self.facts.retain(|there| there.slot() != slot);
        if slot.1 == 0 {
            self.facts.retain(|there| {
                let is_denial = there.told == Told::NameError && there.name == fact.name;
                !is_denial || (there.expires > now && there.rank > fact.rank)
            });
        }
        self.facts.push(fact);
        "stored"
    }

    fn fail(&mut self, name: usize, rtype: Rtype) {
        let now = self.now;
        let mut fact = self.fact(name, Told::Failure, rtype, Rank::Additional, String::new());
        let before = self.facts.iter().find(|there| there.slot() == fact.slot());
        if before.is_some_and(|before| before.expires > now) {
            return;
        }
        let is_answered = before.is_some_and(|before| {
            self.facts.iter().any(|there| {
                there.name == name
                    && (there.slot().1 == 1 || there.slot() == (name, 0, rtype))
                    && there.rank >= Rank::Answer
                    && there.stored > before.stored
            })
        });
        let row = before.filter(|before| now < before.stale_until && !is_answered);
        fact.failures = row.map_or(1, |row| row.failures + 1);
        let ttl = (5 << (fact.failures - 1).min(10)).min(300);
        fact = self.living(fact, ttl);
        fact.stale_until = fact.expires + 300 * SECOND;
        self.facts.retain(|there| there.slot() != fact.slot());
        self.facts.push(fact);
    }

    fn delegate(&mut self, fact: Fact, ttl: u32, until: Option<u64>) -> &'static str {
        let mut expires = self.now + u64::from(ttl) * SECOND;
        expires = expires.min(until.unwrap_or(expires));
        for there in &self.facts {
            let is_same = there.slot() == fact.slot() && there.shown == fact.shown;
            if is_same && there.expires > self.now {
                expires = expires.min(there.expires);
            }
        }
        self.put(Fact { expires, stale_until: expires, ..fact })
    }

    /// The number of the fact that answers a question.
    fn answer(
        &self,
        name: usize,
        rtype: Rtype,
        is_stale_good: bool,
    ) -> Option<(usize, &'static str)> {
        let find = |is_meant: &dyn Fn(&Fact) -> bool, is_stale_good: bool| {
            self.facts.iter().position(|fact| {
                let end = if is_stale_good { fact.stale_until } else { fact.expires };
                is_meant(fact) && end > self.now
            })
        };
        let at_name = |told: Told, rtype: Option<Rtype>, is_stale_good: bool| {
            let is_meant = |fact: &Fact| {
                fact.name == name
                    && fact.told == told
                    && rtype.is_none_or(|rtype| fact.rtype == rtype)
                    && (fact.rank >= Rank::Answer || told == Told::Failure)
            };
            find(&is_meant, is_stale_good)
        };
        let of_name = |is_stale_good| {
            at_name(Told::Records, Some(rtype), is_stale_good)
                .map(|at| (at, "records"))
                .or_else(|| {
                    at_name(Told::NoData, Some(rtype), is_stale_good).map(|at| (at, "no data"))
                })
                .or_else(|| {
                    at_name(Told::Records, Some(Rtype::CNAME), is_stale_good)
                        .map(|at| (at, "alias"))
                })
                .or_else(|| {
                    at_name(Told::NameError, None, is_stale_good).map(|at| (at, "name error"))
                })
        };
        let above = || {
            // The deepest one counts: names above are parts of this one, the longest first.
            let mut above: Vec<usize> = (1..NAMES.len())
                .filter(|other| *other != name && is_within(name, *other))
                .collect();
            above.sort_by_key(|other| std::cmp::Reverse(NAMES[*other].len()));
            above.into_iter().find_map(|other| {
                let is_meant = |fact: &Fact| {
                    fact.name == other && fact.told == Told::NameError && fact.rank >= Rank::Answer
                };
                find(&is_meant, false)
            })
        };
        let failure = || at_name(Told::Failure, Some(rtype), false);
        let fresh = of_name(false).or_else(|| above().map(|at| (at, "name error")));
        let stale = || {
            if !is_stale_good {
                return None;
            }
            // Of the type and of the name, what was stored last.
            let records = at_name(Told::Records, Some(rtype), true).map(|at| (at, "records"));
            let of_type = records
                .or_else(|| at_name(Told::NoData, Some(rtype), true).map(|at| (at, "no data")));
            let alias = at_name(Told::Records, Some(Rtype::CNAME), true).map(|at| (at, "alias"));
            let of_name =
                alias.or_else(|| at_name(Told::NameError, None, true).map(|at| (at, "name error")));
            let stored = |found: &(usize, &str)| self.facts[found.0].stored;
            let newer =
                |before: &(usize, &str)| of_name.filter(|found| stored(found) > stored(before));
            match of_type {
                Some(of_type) => newer(&of_type).or(Some(of_type)),
                None => of_name,
            }
        };
        fresh.or_else(stale).or_else(|| failure().map(|at| (at, "failure")))
    }

    fn find(&self, name: usize, rtype: Rtype, is_stale_good: bool) -> String {
        let Some((at, case)) = self.answer(name, rtype, is_stale_good) else {
            return "missing".to_owned();
        };
        let (now, fact) = (self.now, &self.facts[at]);
        if fact.expires <= now {
            return format!("{case} stale: {}", fact.shown_with_name());
        }
        let left = fact.expires - now;
        format!("{case} {}: {}", left.div_ceil(SECOND), fact.shown_with_name())
    }

    fn cut(&self, name: usize) -> String {
        let mut above: Vec<usize> =
            (0..NAMES.len()).filter(|other| is_within(name, *other)).collect();
        above.sort_by_key(|other| std::cmp::Reverse((*other != 0, NAMES[*other].len())));
        let fresh = |name: usize, is_meant: &dyn Fn(&Fact) -> bool| {
            let mut facts = self.facts.iter();
            facts.find(|fact| fact.name == name && fact.expires > self.now && is_meant(fact))
        };
        for other in above {
            let delegation = fresh(other, &|fact| fact.told == Told::Delegation);
            let own = fresh(other, &|fact| {
                fact.told == Told::Records
                    && fact.rtype == Rtype::NS
                    && fact.rank >= Rank::Authority
            });
            if delegation.is_none() && other != 0 {
                continue;
            }
            if let Some(servers) = own.or(delegation) {
                return servers.shown_with_name();
            }
        }
        "none".to_owned()
    }

    fn run(&mut self, step: &Step) -> String {
        match *step {
            Step::Records { name, rtype, rank, ttl, data } => {
                let (rtype, rank) = (TYPES[rtype], RANKS[rank]);
                let fact = self.fact(name, Told::Records, rtype, rank, text(rtype, data));
                let fact = self.living(fact, ttl.min(MAX_TTL));
                self.put(fact).to_owned()
            }
            Step::NoData { name, rtype, rank, ttl } => {
                let fact = self.fact(name, Told::NoData, TYPES[rtype], RANKS[rank], soa(ttl));
                let fact = self.living(fact, ttl.min(MAX_NEGATIVE_TTL));
                self.put(fact).to_owned()
            }
            Step::NameError { name, rank, ttl } => {
                let fact = self.fact(name, Told::NameError, Rtype::ANY, RANKS[rank], soa(ttl));
                let fact = self.living(fact, ttl.min(MAX_NEGATIVE_TTL));
                self.put(fact).to_owned()
            }
            Step::Failure { name, rtype } => {
                self.fail(name, TYPES[rtype]);
                String::new()
            }
            Step::Delegation { name, ttl, data, until_ms } => {
                let shown = text(Rtype::NS, data);
                let fact = self.fact(name, Told::Delegation, Rtype::NS, Rank::Referral, shown);
                let until = until_ms.map(|ms| self.now + ms * 1_000);
                self.delegate(fact, ttl.min(MAX_TTL), until).to_owned()
            }
            Step::Pass { ms } => {
                self.now += ms * 1_000;
                String::new()
            }
            Step::Find { name, rtype } => self.find(name, TYPES[rtype], false),
            Step::FindStale { name, rtype } => self.find(name, TYPES[rtype], true),
            Step::Flush { name } => self.flush(|fact| fact.name == name, name),
            Step::FlushTree { name } => self.flush(|fact| is_within(fact.name, name), name),
        }
    }

    fn flush(&mut self, is_meant: impl Fn(&Fact) -> bool, name: usize) -> String {
        let before = self.facts.len();
        self.facts.retain(|fact| {
            let is_denial = fact.told == Told::NameError && is_within(name, fact.name);
            !is_denial && !is_meant(fact)
        });
        (before - self.facts.len()).to_string()
    }
}

impl Fact {
    fn shown_with_name(&self) -> String {
        format!("{} {}", NAMES[self.name], self.shown).trim_end().to_owned()
    }
}

/// What the model says after each step: of the step, of all questions, and of all cuts.
fn expected(steps: &[Step]) -> Vec<String> {
    let mut model = Model::default();
    let mut said = Vec::new();
    for step in steps {
        said.push(model.run(step));
        for name in 0..NAMES.len() {
            for rtype in TYPES {
                said.push(model.find(name, rtype, false));
            }
            said.push(model.cut(name));
        }
    }
    said
}

/// A cache, and what was seen of it.
struct Observed {
    cache: Cache,
    now: u64,
    /// The last time to live of each entry that was found.
    left: HashMap<*const super::Entry, (Arc<super::Entry>, u32)>,
}

impl Observed {
    fn now(&self) -> Now {
        Now::from_micros(self.now)
    }

    fn find(&mut self, qname: &str, rtype: Rtype, is_stale_good: bool) -> String {
        let (now, name) = (self.now(), folded(qname));
        let found = if is_stale_good {
            self.cache.find_stale(now, &name, rtype, || 0)
        } else {
            self.cache.find(now, &name, rtype, || 0)
        };
        match &found {
            Found::Records(hit)
            | Found::Alias(hit)
            | Found::NoData(hit)
            | Found::NameError(hit)
            | Found::Failure(hit) => self.observe(hit, is_stale_good),
            Found::Missing => (),
        }
        show(&found)
    }

    /// Checks that nothing that has ended is fresh, and that no time to live grows.
    fn observe(&mut self, hit: &Hit, is_stale_good: bool) {
        let left = match hit.freshness {
            Freshness::Fresh { ttl } => {
                assert!(hit.entry.expires() > self.now());
                assert!(ttl.as_secs() >= 1);
                ttl.as_secs()
            }
            Freshness::Stale => {
                assert!(is_stale_good && hit.entry.expires() <= self.now());
                0
            }
        };
        assert!(left <= hit.entry.ttl().as_secs());
        // The entry is kept, so that no other has its address.
        let kept = (Arc::clone(&hit.entry), left);
        if let Some((_, before)) = self.left.insert(Arc::as_ptr(&hit.entry), kept) {
            assert!(left <= before, "{left} after {before}");
        }
    }

    fn cut(&self, qname: &str) -> String {
        let cut = self.cache.closest_delegation(self.now(), &folded(qname));
        cut.map_or_else(|| "none".to_owned(), |cut| show_entry(&cut.servers))
    }

    fn check_flushed(&self, is_meant: impl Fn(Name<'_>) -> bool) {
        self.cache.store.visit(&mut |_, entry| assert!(!is_meant(entry.name())));
    }

    fn run(&mut self, step: &Step) -> String {
        let now = self.now();
        match *step {
            Step::Records { name, rtype, rank, ttl, data } => {
                let text = format!("{} {ttl} {}", NAMES[name], text(TYPES[rtype], data));
                case(&self.cache.put_records(now, &ranked(&text, RANKS[rank])))
            }
            Step::NoData { name, rtype, rank, ttl } => {
                let learnt = learnt_denial(name, rank, ttl);
                case(&self.cache.put_no_data(now, TYPES[rtype], &learnt))
            }
            Step::NameError { name, rank, ttl } => {
                case(&self.cache.put_name_error(now, &learnt_denial(name, rank, ttl)))
            }
            Step::Failure { name, rtype } => {
                let name = folded(NAMES[name]);
                self.cache.put_failure(now, &name, TYPES[rtype], FailureReason::Lame);
                String::new()
            }
            Step::Delegation { name, ttl, data, until_ms } => {
                let servers = set(&format!("{} {ttl} {}", NAMES[name], text(Rtype::NS, data)));
                let until = until_ms.map(|ms| Now::from_micros(self.now + ms * 1_000));
                let security = Security::Unchecked;
                let learnt = LearntDelegation { servers, proofs: &[], until, security };
                case(&self.cache.put_delegation(now, &learnt))
            }
            Step::Pass { ms } => {
                self.now += ms * 1_000;
                String::new()
            }
            Step::Find { name, rtype } => self.find(NAMES[name], TYPES[rtype], false),
            Step::FindStale { name, rtype } => self.find(NAMES[name], TYPES[rtype], true),
            Step::Flush { name: number } => {
                let flushed = self.cache.flush(name(NAMES[number]));
                self.check_flushed(|owner| owner == name(NAMES[number]));
                flushed.to_string()
            }
            Step::FlushTree { name: number } => {
                let flushed = self.cache.flush_tree(name(NAMES[number]));
                self.check_flushed(|owner| owner.is_within(name(NAMES[number])));
                flushed.to_string()
            }
        }
    }
}

fn learnt_denial(name: usize, rank: usize, ttl: u32) -> LearntDenial<'static> {
    let soa = format!(". {ttl} {}", soa(ttl));
    LearntDenial { rank: RANKS[rank], ..denial_with(NAMES[name], &soa) }
}

fn case(put: &Result<Put, Unfit>) -> String {
    let case = match put {
        Ok(Put::Stored(_)) => "stored",
        Ok(Put::Once(_)) => "once",
        Ok(Put::Outranked(_)) => "outranked",
        Err(unfit) => return format!("{unfit:?}"),
    };
    case.to_owned()
}

/// What a cache says, as `expected` does.
fn said(cache: Cache, steps: &[Step]) -> Vec<String> {
    let mut observed = Observed { cache, now: 0, left: HashMap::new() };
    let mut said = Vec::new();
    for step in steps {
        said.push(observed.run(step));
        observed.cache.run_pending();
        for qname in NAMES {
            for rtype in TYPES {
                said.push(observed.find(qname, rtype, false));
            }
            said.push(observed.cut(qname));
        }
    }
    assert_eq!(observed.cache.counts().evictions, 0);
    said
}

#[track_caller]
fn check_same(steps: &[Step], expected: &[String], said: &[String]) {
    let lines = 1 + NAMES.len() * (TYPES.len() + 1);
    for (at, (expected, said)) in expected.iter().zip(said).enumerate() {
        let (number, line) = (at / lines, at % lines);
        let so_far = &steps[..=number];
        assert_eq!(expected, said, "line {line} after {so_far:#?}");
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn cache_says_what_a_naive_model_says_whatever_its_store(steps in steps()) {
        let expected = expected(&steps);
        let table = Cache::new(Box::new(Table::new(1 << 24)), LIMITS);
        check_same(&steps, &expected, &said(table, &steps));
        check_same(&steps, &expected, &said(Cache::of_size(1 << 24, LIMITS), &steps));
    }
}
