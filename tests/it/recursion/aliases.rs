//! CNAME and DNAME, followed from zone to zone.

use super::{World, addresses, check_denied, check_failed, hierarchy, ip, options};
use kereru::base::limits::RESOLVED_ALIASES_MAX;
use kereru::cache::FailureReason;
use kereru::resolver::Budget;
use kereru::wire::numbers::Rtype;

#[test]
fn aliases_are_followed_across_zones() {
    let mut world = hierarchy();
    let resolution = world.ask("alias.example.org.", Rtype::A);
    assert_eq!((addresses(&resolution), resolution.aliases.len()), (vec![ip("192.0.2.80")], 1));
    let resolution = world.ask("far.example.org.", Rtype::A);
    assert_eq!((addresses(&resolution), resolution.aliases.len()), (vec![ip("192.0.2.90")], 1));
    let resolution = world.ask("gone.example.org.", Rtype::A);
    check_denied(&resolution);
    assert_eq!(resolution.aliases.len(), 1);
    let resolution = world.ask("www.old.example.org.", Rtype::A);
    assert_eq!((addresses(&resolution), resolution.aliases.len()), (vec![ip("192.0.2.81")], 1));
}

#[test]
fn loop_of_aliases_ends_with_a_reason() {
    let mut world = hierarchy();
    check_failed(&world.ask("loop1.example.org.", Rtype::A), FailureReason::TooLong);
    assert!(world.sent.len() < 10, "{:?}", world.sent());
    let zone = "@ NS ns\nns A 192.0.2.3\na DNAME a.a\n";
    world.serve("192.0.2.3", &[("example.org.", zone)]);
    check_failed(&world.ask("x.a.example.org.", Rtype::A), FailureReason::TooLong);
}

/// A chain of so many aliases to an address, in two zones that take turns.
fn chain(length: usize) -> World {
    let owner = |number: usize| format!("n{number}.z{}.", number % 2);
    let zone = |parity: usize| {
        let links = (0..length).filter(|number| number % 2 == parity);
        let links: String = links
            .map(|number| format!("{} CNAME {}\n", owner(number), owner(number + 1)))
            .collect();
        let end = if length % 2 == parity {
            format!("{} A 192.0.2.80\n", owner(length))
        } else {
            String::new()
        };
        format!("@ NS ns\nns A 192.0.2.3{parity}\n{links}{end}")
    };
    let root = "@ NS root.test.\nroot.test. A 192.0.2.1\nz0. NS ns.z0.\nns.z0. A 192.0.2.30\n\
         z1. NS ns.z1.\nns.z1. A 192.0.2.31";
    World::new(
        options(),
        &[
            ("192.0.2.1", &[(".", root)]),
            ("192.0.2.30", &[("z0.", &zone(0))]),
            ("192.0.2.31", &[("z1.", &zone(1))]),
        ],
    )
}

#[test]
fn chain_of_eleven_aliases_is_followed_and_one_of_twelve_is_not() {
    let mut world = chain(RESOLVED_ALIASES_MAX);
    let resolution = world.ask("n0.z0.", Rtype::A);
    assert_eq!(addresses(&resolution), [ip("192.0.2.80")]);
    assert_eq!(resolution.aliases.len(), RESOLVED_ALIASES_MAX);
    let mut world = chain(RESOLVED_ALIASES_MAX + 1);
    check_failed(&world.ask("n0.z0.", Rtype::A), FailureReason::TooLong);
}

#[test]
fn aliases_and_requests_that_were_used_before_count() {
    let mut world = chain(4);
    let budget = Budget { aliases_left: 6, requests_left: 30, ..Budget::new(world.now) };
    let finished = world.ask_with("n0.z0.", Rtype::A, budget);
    assert_eq!(addresses(&finished.resolution), [ip("192.0.2.80")]);
    let sent = u32::try_from(world.sent.len()).unwrap();
    let left = Budget { aliases_left: 2, requests_left: 30 - sent, ..budget };
    assert_eq!(finished.budget, left);
    // What is known costs no request, but the aliases count all the same.
    let budget = Budget { aliases_left: 3, requests_left: 0, ..Budget::new(world.now) };
    let finished = world.ask_with("n0.z0.", Rtype::A, budget);
    check_failed(&finished.resolution, FailureReason::TooLong);
    assert_eq!(finished.budget, Budget { aliases_left: 0, ..budget });
}

#[test]
fn alias_with_a_ttl_of_zero_leads_on() {
    let mut world = hierarchy();
    let zone = "@ NS ns\nns A 192.0.2.3\nfar 0 CNAME www.servers.net.";
    world.serve("192.0.2.3", &[("example.org.", zone)]);
    let resolution = world.ask("far.example.org.", Rtype::A);
    assert_eq!((addresses(&resolution), resolution.aliases.len()), (vec![ip("192.0.2.90")], 1));
}

#[test]
fn loop_of_aliases_that_may_not_be_kept_is_remembered() {
    let mut world = hierarchy();
    let example = "@ NS ns\nns A 192.0.2.3\nl 0 CNAME l.servers.net.";
    world.serve("192.0.2.3", &[("example.org.", example)]);
    let servers = "@ NS ns\nns A 192.0.2.5\nl 0 CNAME l.example.org.";
    world.serve("192.0.2.5", &[("servers.net.", servers)]);
    check_failed(&world.ask("l.example.org.", Rtype::A), FailureReason::TooLong);
    check_failed(&world.ask("l.example.org.", Rtype::A), FailureReason::TooLong);
    assert_eq!(world.sent(), [""; 0]);
}

#[test]
fn chain_that_was_too_long_for_what_was_left_is_followed_later() {
    let mut world = hierarchy();
    let poor = Budget { aliases_left: 0, ..Budget::new(world.now) };
    let finished = world.ask_with("alias.example.org.", Rtype::A, poor);
    check_failed(&finished.resolution, FailureReason::TooLong);
    let resolution = world.ask("alias.example.org.", Rtype::A);
    assert_eq!(addresses(&resolution), [ip("192.0.2.80")]);
}
