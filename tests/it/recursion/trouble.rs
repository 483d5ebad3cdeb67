//! Trouble of every kind at once, by chance: what is lost, late, twice, cut or of no use. Whatever
//! happens, each question gets one answer in time, and none gets a wrong one.

use super::{HIERARCHY, World, addresses, ip, options};
use crate::world::name;
use kereru::base::entropy::{Entropy, Seeded};
use kereru::base::limits::{LOOKUP_US_MAX, REQUESTS_PER_LOOKUP_MAX};
use kereru::base::time::{Now, SECOND_US};
use kereru::cache::{End, NoZones, Resolution};
use kereru::resolver::{Asker, Budget, Channel, Options, Question};
use kereru::wire::numbers::Rtype;
use std::cell::RefCell;
use std::collections::BTreeMap;
use std::sync::Arc;

/// Runs, each with a seed of its own, which a failure tells.
const SEEDS: u64 = 24;

/// Questions, and the address at the end; none where the name or the type is denied.
const QUESTIONS: [(&str, Rtype, Option<&str>); 12] = [
    ("www.example.org.", Rtype::A, Some("192.0.2.80")),
    ("www.example.org.", Rtype::TXT, None),
    ("alias.example.org.", Rtype::A, Some("192.0.2.80")),
    ("far.example.org.", Rtype::A, Some("192.0.2.90")),
    ("www.old.example.org.", Rtype::A, Some("192.0.2.81")),
    ("short2.example.org.", Rtype::A, Some("192.0.2.83")),
    ("zero.example.org.", Rtype::A, Some("192.0.2.82")),
    ("nothing.example.org.", Rtype::A, None),
    ("gone.example.org.", Rtype::A, None),
    ("www.glueless.org.", Rtype::A, Some("192.0.2.91")),
    ("www.servers.net.", Rtype::A, Some("192.0.2.90")),
    ("nothing.", Rtype::ANY, None),
];

fn check(resolution: &Resolution, expected: Option<&str>, seed: u64) {
    let is_right = match (&resolution.end, expected) {
        (End::Failed(_), _) => true,
        (End::Records(_), Some(expected)) => addresses(resolution) == [ip(expected)],
        (End::NoData(_) | End::NameError(_), None) => true,
        (
            End::Records(_) | End::NoData(_) | End::NameError(_) | End::TooLong(_) | End::Local,
            _,
        ) => false,
    };
    assert!(is_right, "seed {seed}: {resolution:?}, and not {expected:?}");
}

/// A world in which a part of all responses is lost, cut, or says that something is wrong.
fn troubled(seed: u64) -> World {
    let mut chance = Seeded::new(seed ^ 0xBAD);
    let options = Options { primes: seed.is_multiple_of(2), ..options() };
    let mut world = World::with(options, Arc::new(NoZones), 600, HIERARCHY);
    for address in ["192.0.2.2", "192.0.2.3", "192.0.2.4", "192.0.2.5"] {
        match chance.below(12) {
            0 => drop(world.silent.insert(ip(address))),
            1 => drop(world.silent_over_udp.insert(ip(address))),
            2 => drop(world.unreachable.insert(ip(address))),
            3 => drop(world.delays.insert(ip(address), u64::from(chance.below(2_000_000)))),
            _ => (),
        }
    }
    let badness = chance.below(40);
    let chance = RefCell::new(chance);
    world.tamper = Some(Box::new(move |transmit, mut response| {
        let mut chance = chance.borrow_mut();
        if chance.below(100) >= badness {
            return Some(response);
        }
        match chance.below(6) {
            0 => return None,
            1 => response[3] = response[3] & 0xF0 | 2,
            2 => response[3] = response[3] & 0xF0 | 5,
            3 => response[0] ^= 0x55,
            4 => response.truncate(chance.below(u32::try_from(response.len()).unwrap()) as usize),
            _ if transmit.channel == Channel::Udp => response[2] |= 2,
            _ => return None,
        }
        Some(response)
    }));
    world
}

#[test]
fn each_question_gets_one_right_answer_or_a_failure_in_time() {
    for seed in 0..SEEDS {
        let mut chance = Seeded::new(seed);
        let mut world = troubled(seed);
        world.resolver.start(world.now);
        // What was asked, and until when it has to be answered.
        let mut waiting: BTreeMap<Asker, (usize, Now)> = BTreeMap::new();
        let (mut asked, mut failures) = (0_u32, 0_u32);
        for _ in 0..4_000 {
            while let Some(finished) = world.resolver.poll_finished() {
                let (number, deadline) =
                    waiting.remove(&finished.asker).unwrap_or_else(|| panic!("seed {seed}: twice"));
                assert!(world.now <= deadline, "seed {seed}: late by {:?}", world.now);
                check(&finished.resolution, QUESTIONS[number].2, seed);
                assert!(finished.budget.requests_left <= REQUESTS_PER_LOOKUP_MAX);
                let is_failure = matches!(finished.resolution.end, End::Failed(_));
                failures += u32::from(is_failure);
            }
            assert_eq!(world.resolver.inflight(), waiting.len(), "seed {seed}");
            match chance.below(8) {
                0 if asked < 200 => {
                    let number = chance.below(12) as usize;
                    let (qname, rtype, _) = QUESTIONS[number];
                    let asker = world.put(qname, rtype, Budget::new(world.now));
                    waiting.insert(asker, (number, world.now.after_micros(LOOKUP_US_MAX)));
                    asked += 1;
                }
                1 if asked < 200 && world.resolver.poll_timeout().is_none() => {
                    let seconds = u64::from(chance.below(500));
                    world.now = world.now.after_micros(seconds * SECOND_US);
                }
                2 => {
                    let (qname, rtype, _) = QUESTIONS[chance.below(12) as usize];
                    let question = Question { name: name(qname), rtype };
                    world.resolver.handle_due(world.now, question);
                }
                _ => drop(world.step()),
            }
        }
        for finished in world.rest() {
            let (number, _) = waiting.remove(&finished.asker).unwrap();
            check(&finished.resolution, QUESTIONS[number].2, seed);
        }
        assert!(waiting.is_empty(), "seed {seed}: {waiting:?}");
        let is_lossy_only = world.delays.is_empty()
            && [&world.silent, &world.silent_over_udp, &world.unreachable]
                .iter()
                .all(|set| set.is_empty());
        assert!(!is_lossy_only || failures * 6 < asked, "seed {seed}: {failures} of {asked}");
        assert_eq!((world.resolver.inflight(), world.resolver.poll_timeout()), (0, None));
    }
}
