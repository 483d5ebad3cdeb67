//! What is told when nothing newer can be had (RFC 8767), and what is asked for before it ends.

use super::{HIERARCHY, World, addresses, check_failed, ip, options};
use crate::world::name;
use kereru::base::limits::{LOOKUP_US_MAX, STALE_AFTER_US};
use kereru::cache::{End, FailureReason, NoZones, Resolution};
use kereru::resolver::{Budget, Question};
use kereru::wire::numbers::Rtype;
use std::sync::Arc;

/// A resolver that tells for an hour what is over.
fn patient() -> World {
    World::with(options(), Arc::new(NoZones), 3600, HIERARCHY)
}

/// What is told of a question that was answered before, by a server that is silent now, after how
/// many microseconds.
fn ask_in_vain(world: &mut World, qname: &str, rtype: Rtype) -> (Resolution, u64) {
    world.silent.insert(ip("192.0.2.3"));
    let began = world.now;
    let resolution = world.ask(qname, rtype);
    (resolution, world.now.as_micros() - began.as_micros())
}

#[test]
fn answer_that_is_over_is_told_while_its_server_is_silent() {
    let mut world = patient();
    world.ask("short.example.org.", Rtype::A);
    world.pass(101);
    let (stale, after_us) = ask_in_vain(&mut world, "short.example.org.", Rtype::A);
    assert_eq!((addresses(&stale), stale.is_stale), (vec![ip("192.0.2.83")], true));
    assert!(after_us <= STALE_AFTER_US, "{after_us}");
}

#[test]
fn chain_of_aliases_that_is_over_is_told_whole() {
    let mut world = patient();
    world.ask("short2.example.org.", Rtype::A);
    world.pass(101);
    let (stale, _) = ask_in_vain(&mut world, "short2.example.org.", Rtype::A);
    assert_eq!((addresses(&stale), stale.is_stale), (vec![ip("192.0.2.83")], true));
    assert_eq!(stale.aliases.len(), 1);
}

#[test]
fn denials_that_are_over_are_told() {
    let mut world = patient();
    world.ask("nothing.example.org.", Rtype::A);
    world.ask("www.example.org.", Rtype::TXT);
    world.pass(301);
    let (stale, _) = ask_in_vain(&mut world, "nothing.example.org.", Rtype::A);
    assert!(stale.is_stale && matches!(stale.end, End::NameError(_)), "{stale:?}");
    let (stale, _) = ask_in_vain(&mut world, "www.example.org.", Rtype::TXT);
    assert!(stale.is_stale && matches!(stale.end, End::NoData(_)), "{stale:?}");
}

#[test]
fn failure_that_is_known_leads_to_what_is_over_at_once() {
    let mut world = patient();
    world.ask("short.example.org.", Rtype::A);
    world.pass(101);
    world.tamper = Some(super::failing_with("192.0.2.3", 2));
    for requests in [1, 0] {
        let began = world.now;
        let stale = world.ask("short.example.org.", Rtype::A);
        assert_eq!((addresses(&stale), stale.is_stale), (vec![ip("192.0.2.83")], true));
        assert!(world.now.as_micros() - began.as_micros() < STALE_AFTER_US);
        assert_eq!(world.sent.len(), requests, "{:?}", world.sent());
    }
}

#[test]
fn answer_that_comes_late_is_kept_for_the_next_who_asks() {
    let mut world = patient();
    // A server that is waited for long.
    world.delays.insert(ip("192.0.2.3"), 300_000);
    world.ask("short.example.org.", Rtype::A);
    world.pass(101);
    let (stale, after_us) = ask_in_vain(&mut world, "short.example.org.", Rtype::A);
    assert_eq!((stale.is_stale, after_us), (true, STALE_AFTER_US));
    world.silent.clear();
    assert!(world.rest().is_empty());
    let fresh = world.ask("short.example.org.", Rtype::A);
    assert!(!fresh.is_stale);
    assert_eq!((addresses(&fresh), world.sent.len()), (vec![ip("192.0.2.83")], 0));
}

#[test]
fn nothing_that_is_over_is_told_if_the_server_answers() {
    let mut world = patient();
    world.ask("short.example.org.", Rtype::A);
    world.pass(101);
    world.serve("192.0.2.3", &[("example.org.", "@ NS ns\nns A 192.0.2.3\nshort A 192.0.2.89")]);
    let fresh = world.ask("short.example.org.", Rtype::A);
    assert_eq!((addresses(&fresh), fresh.is_stale), (vec![ip("192.0.2.89")], false));
}

#[test]
fn nothing_that_is_over_is_told_if_that_is_not_wanted_or_too_long_ago() {
    let mut impatient = World::with(options(), Arc::new(NoZones), 0, HIERARCHY);
    impatient.ask("short.example.org.", Rtype::A);
    impatient.pass(101);
    let (failed, after_us) = ask_in_vain(&mut impatient, "short.example.org.", Rtype::A);
    check_failed(&failed, FailureReason::Unreachable);
    assert!(after_us <= LOOKUP_US_MAX, "{after_us}");
    let mut world = patient();
    world.ask("short.example.org.", Rtype::A);
    world.pass(3701);
    world.silent.insert(ip("192.0.2.2"));
    let (failed, _) = ask_in_vain(&mut world, "short.example.org.", Rtype::A);
    check_failed(&failed, FailureReason::Unreachable);
}

#[test]
fn question_that_goes_on_after_a_first_part_does_not_wait_anew() {
    let mut world = patient();
    world.delays.insert(ip("192.0.2.3"), 300_000);
    world.ask("short.example.org.", Rtype::A);
    world.pass(101);
    world.silent.insert(ip("192.0.2.3"));
    let budget = Budget::new(world.now);
    world.now = world.now.after_micros(1_500_000);
    let began = world.now;
    let finished = world.ask_with("short.example.org.", Rtype::A, budget);
    assert!(finished.resolution.is_stale);
    assert_eq!(world.now.as_micros() - began.as_micros(), STALE_AFTER_US - 1_500_000);
}

#[test]
fn look_ups_of_the_resolver_alone_never_make_an_entry_popular() {
    let mut world = patient();
    for _ in 0..5 {
        world.ask("short.example.org.", Rtype::A);
    }
    world.pass(95);
    for _ in 0..5 {
        world.ask("short.example.org.", Rtype::A);
        assert!(world.rest().is_empty());
        assert_eq!(world.sent(), [""; 0]);
    }
}

#[test]
fn what_others_found_due_is_asked_for_once() {
    let mut world = patient();
    world.ask("short.example.org.", Rtype::A);
    world.pass(95);
    world.sent.clear();
    let question = Question { name: name("short.example.org."), rtype: Rtype::A };
    world.resolver.handle_due(world.now, question.clone());
    world.resolver.handle_due(world.now, question);
    assert_eq!(world.resolver.inflight(), 0);
    assert!(world.rest().is_empty());
    assert_eq!(world.sent(), ["192.0.2.3 short.example.org. A"]);
    world.pass(50);
    world.ask("short.example.org.", Rtype::A);
    assert_eq!(world.sent(), [""; 0]);
}

#[test]
fn failure_to_ask_again_hides_nothing_that_still_counts() {
    let mut world = patient();
    world.ask("short.example.org.", Rtype::A);
    world.pass(95);
    world.tamper = Some(super::failing_with("192.0.2.3", 2));
    let question = Question { name: name("short.example.org."), rtype: Rtype::A };
    world.resolver.handle_due(world.now, question);
    world.rest();
    let resolution = world.ask("short.example.org.", Rtype::A);
    assert_eq!((addresses(&resolution), resolution.is_stale), (vec![ip("192.0.2.83")], false));
}
