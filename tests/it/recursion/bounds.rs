//! What one question, one client and one zone may cost.

use super::{World, addresses, check_denied, check_failed, hierarchy, ip, options};
use crate::world::name;
use kereru::base::limits::{
    FETCH_US_MAX, FETCHES_MAX, LOOKUPS_MAX, LOOKUPS_PER_CLIENT_MAX, REQUESTS_PER_LOOKUP_MAX,
    REQUESTS_PER_TOP_ZONE_MAX, REQUESTS_PER_ZONE_MAX,
};
use kereru::cache::{End, FailureReason};
use kereru::resolver::{Asker, Asking, Budget, Options, Question, Route, RouteKind};
use kereru::wire::numbers::Rtype;
use std::net::IpAddr;

#[test]
fn delegation_with_a_thousand_servers_without_addresses_costs_few_requests() {
    let servers: String =
        (0..1000).map(|number| format!("attack NS ns{number}.victim.net.\n")).collect();
    let org = format!("@ NS ns\nns A 192.0.2.2\n{servers}");
    let root = "@ NS root.test.\nroot.test. A 192.0.2.1\norg. NS ns.org.\nns.org. A 192.0.2.2\n\
         victim.net. NS ns.victim.net.\nns.victim.net. A 192.0.2.7";
    let mut world = World::new(
        options(),
        &[
            ("192.0.2.1", &[(".", root)]),
            ("192.0.2.2", &[("org.", &org)]),
            ("192.0.2.7", &[("victim.net.", "@ NS ns\nns A 192.0.2.7")]),
        ],
    );
    let resolution = world.ask("www.attack.org.", Rtype::A);
    assert!(matches!(resolution.end, End::Failed(_)), "{resolution:?}");
    assert!(world.sent_to("192.0.2.7") <= 8 && world.sent.len() <= 30, "{:?}", world.sent());
}

/// NRDelegation: attack.org. has servers without addresses, in zones whose servers have none either.
pub(super) fn leading_on(families: [bool; 2]) -> World {
    let lines = |count: usize, line: &dyn Fn(usize) -> String| -> String {
        (0..count).map(line).collect::<Vec<_>>().join("\n")
    };
    let org = lines(50, &|number| format!("attack NS ns.d{number}.evil.net."));
    let evil = lines(50, &|number| {
        lines(20, &|server| format!("d{number} NS ns{server}.v{number}.victim.net."))
    });
    let root = "@ NS root.test.\nroot.test. A 192.0.2.1\norg. NS ns.org.\nns.org. A 192.0.2.2\n\
         victim.net. NS ns.victim.net.\nns.victim.net. A 192.0.2.7\n\
         evil.net. NS ns.evil.net.\nns.evil.net. A 192.0.2.6";
    World::new(
        Options { families, ..options() },
        &[
            ("192.0.2.1", &[(".", root)]),
            ("192.0.2.2", &[("org.", &format!("@ NS ns\nns A 192.0.2.2\n{org}"))]),
            ("192.0.2.6", &[("evil.net.", &format!("@ NS ns\nns A 192.0.2.6\n{evil}"))]),
            ("192.0.2.7", &[("victim.net.", "@ NS ns\nns A 192.0.2.7")]),
        ],
    )
}

#[test]
fn delegations_that_lead_to_further_delegations_cost_few_requests() {
    for families in [[true, false], [true, true]] {
        let mut world = leading_on(families);
        let resolution = world.ask("www.attack.org.", Rtype::A);
        assert!(matches!(resolution.end, End::Failed(_)), "{resolution:?}");
        world.rest();
        assert!(world.sent.len() <= 30, "{}: {:?}", world.sent.len(), world.sent());
        // It is remembered.
        world.ask("www.attack.org.", Rtype::A);
        assert_eq!(world.sent(), [""; 0]);
    }
}

#[test]
fn nothing_costs_more_requests_than_a_question_may() {
    // Each zone delegates to servers named in ten others, which do the same.
    let zones: String = (0..10)
        .flat_map(|zone| (0..10).map(move |server| format!("z{zone} NS ns{server}.z{server}\n")))
        .collect();
    let mut world = World::new(
        options(),
        &[("192.0.2.1", &[(".", &format!("@ NS root.test.\nroot.test. A 192.0.2.1\n{zones}"))])],
    );
    let resolution = world.ask("www.z0.", Rtype::A);
    assert!(matches!(resolution.end, End::Failed(_)), "{resolution:?}");
    assert!(world.sent.len() <= REQUESTS_PER_LOOKUP_MAX as usize, "{}", world.sent.len());
    assert!(world.sent.len() <= 30, "{}", world.sent.len());
}

/// Names of ten labels, each in a zone of its own, of which each costs a request. Each but the last is an
/// alias, with this TTL, for the next.
fn expensive_aliases(ttl: u32) -> World {
    let zones = 11;
    let root: String = (0..zones)
        .map(|number| format!("z{number}. NS ns.z{number}.\nns.z{number}. A 10.0.0.{number}\n"))
        .collect();
    let root = format!("@ NS root.test.\nroot.test. A 192.0.2.1\n{root}");
    let mut world = World::new(options(), &[("192.0.2.1", &[(".", &root)])]);
    for number in 0..zones {
        let end = if number + 1 == zones {
            "A 192.0.2.80".to_owned()
        } else {
            format!("{ttl} CNAME {}", expensive(number + 1))
        };
        let zone = format!("@ NS ns\nns A 10.0.0.{number}\n{} {end}", expensive(number));
        world.serve(&format!("10.0.0.{number}"), &[(&format!("z{number}."), &zone)]);
    }
    world
}

fn expensive(number: usize) -> String {
    format!("a.b.c.d.e.f.g.h.i.n.z{number}.")
}

#[test]
fn chain_of_expensive_aliases_ends_and_harms_no_name_on_its_way() {
    let mut world = expensive_aliases(3600);
    check_failed(&world.ask(&expensive(0), Rtype::A), FailureReason::TooLong);
    assert_eq!(world.sent.len(), REQUESTS_PER_LOOKUP_MAX as usize);
    // What was found is known, and the next who asks gets further.
    assert_eq!(addresses(&world.ask(&expensive(0), Rtype::A)), [ip("192.0.2.80")]);
    assert!(world.sent.len() < 30, "{}", world.sent.len());
}

#[test]
fn chain_of_expensive_aliases_that_may_not_be_kept_costs_its_requests_once() {
    let mut world = expensive_aliases(0);
    check_failed(&world.ask(&expensive(0), Rtype::A), FailureReason::TooLong);
    world.rest();
    check_failed(&world.ask(&expensive(0), Rtype::A), FailureReason::TooLong);
    assert_eq!(world.sent(), [""; 0]);
}

#[test]
fn question_that_may_cost_nothing_more_is_answered_from_what_is_known() {
    let mut world = hierarchy();
    let poor = Budget { requests_left: 2, ..Budget::new(world.now) };
    let finished = world.ask_with("www.example.org.", Rtype::A, poor);
    check_failed(&finished.resolution, FailureReason::TooLong);
    assert_eq!((finished.budget.requests_left, world.sent.len()), (0, 2));
    // That one had too little says nothing of the name.
    assert_eq!(addresses(&world.ask("www.example.org.", Rtype::A)), [ip("192.0.2.80")]);
    let poor = Budget { requests_left: 0, ..Budget::new(world.now) };
    let finished = world.ask_with("www.example.org.", Rtype::A, poor);
    assert_eq!(addresses(&finished.resolution), [ip("192.0.2.80")]);
}

#[test]
fn question_that_waits_for_the_same_pays_when_another_has_nothing_left() {
    let mut world = hierarchy();
    let poor = Budget { requests_left: 1, ..Budget::new(world.now) };
    world.put("www.example.org.", Rtype::A, poor);
    let resolution = world.ask("www.example.org.", Rtype::A);
    assert_eq!(addresses(&resolution), [ip("192.0.2.80")]);
}

#[test]
fn client_is_answered_at_its_deadline() {
    let mut world = hierarchy();
    world.silent.insert(ip("192.0.2.2"));
    let deadline = world.now.after_micros(700_000);
    let finished =
        world.ask_with("www.example.org.", Rtype::A, Budget { deadline, ..Budget::new(world.now) });
    check_failed(&finished.resolution, FailureReason::Unreachable);
    assert_eq!((world.now, finished.budget.deadline), (deadline, deadline));
}

#[test]
fn fetch_ends_when_nobody_waits_any_more() {
    let mut world = hierarchy();
    for address in ["192.0.2.1", "192.0.2.2"] {
        world.silent.insert(ip(address));
    }
    let began = world.now;
    world.put("www.example.org.", Rtype::A, Budget::new(world.now));
    world.rest();
    assert!(world.now.as_micros() - began.as_micros() <= FETCH_US_MAX + 2_000_000);
    assert_eq!(world.resolver.inflight(), 0);
}

/// Puts a question of a client; returns how it ended if it did at once.
pub(super) fn put(world: &mut World, client: IpAddr, qname: &str) -> Option<End> {
    world.asked += 1;
    let asking = Asking {
        asker: Asker(world.asked),
        client,
        question: Question { name: name(qname), rtype: Rtype::A },
        budget: Budget::new(world.now),
    };
    world.resolver.handle_question(world.now, asking);
    world.resolver.poll_finished().map(|finished| finished.resolution.end)
}

pub(super) fn is_busy(end: Option<&End>) -> bool {
    matches!(end, Some(End::Failed(FailureReason::Busy)))
}

#[test]
fn client_with_many_questions_does_not_take_the_place_of_others() {
    let mut world = hierarchy();
    let (greedy, modest) = (ip("198.51.100.7"), ip("198.51.100.8"));
    for number in 0..LOOKUPS_PER_CLIENT_MAX {
        // All wait for one answer, so that no other bound counts.
        assert!(put(&mut world, greedy, "www.example.org.").is_none(), "{number}");
    }
    let end = put(&mut world, greedy, "www.example.org.");
    assert!(is_busy(end.as_ref()), "{end:?}");
    assert!(put(&mut world, modest, "www.example.org.").is_none());
    assert_eq!(world.resolver.inflight(), LOOKUPS_PER_CLIENT_MAX as usize + 1);
    // When it has its answers there is room again, and what is known costs none.
    assert_eq!(world.rest().len(), LOOKUPS_PER_CLIENT_MAX as usize + 1);
    assert_eq!(world.resolver.inflight(), 0);
    assert!(matches!(put(&mut world, greedy, "www.example.org."), Some(End::Records(_))));
    assert!(put(&mut world, greedy, "other.example.org.").is_none());
}

#[test]
fn addresses_of_one_network_of_ipv6_are_one_client() {
    let mut world = hierarchy();
    for number in 0..LOOKUPS_PER_CLIENT_MAX {
        let client = ip(&format!("2001:db8::{number:x}"));
        assert!(put(&mut world, client, "www.example.org.").is_none());
    }
    let end = put(&mut world, ip("2001:db8::ffff:1"), "www.example.org.");
    assert!(is_busy(end.as_ref()), "{end:?}");
    assert!(put(&mut world, ip("2001:db8:0:1::1"), "www.example.org.").is_none());
}

#[test]
fn no_more_questions_are_taken_than_there_is_room_for() {
    let mut world = hierarchy();
    let client = |number: usize| IpAddr::from([10, 1, (number >> 8) as u8, number as u8]);
    for number in 0..LOOKUPS_MAX {
        assert!(put(&mut world, client(number), "www.example.org.").is_none());
    }
    let end = put(&mut world, client(LOOKUPS_MAX), "www.example.org.");
    assert!(is_busy(end.as_ref()), "{end:?}");
    assert_eq!(world.rest().len(), LOOKUPS_MAX);
    // It is not remembered of the name.
    assert!(matches!(put(&mut world, client(1), "www.example.org."), Some(End::Records(_))));
}

#[test]
fn flood_of_names_of_one_zone_leaves_other_zones_alone() {
    let mut world = hierarchy();
    world.ask("www.example.org.", Rtype::A);
    world.ask("www.servers.net.", Rtype::A);
    world.silent.insert(ip("192.0.2.3"));
    let client = |number: u32| IpAddr::from([10, 1, (number >> 8) as u8, number as u8]);
    for number in 0..REQUESTS_PER_ZONE_MAX {
        let end = put(&mut world, client(number), &format!("n{number}.example.org."));
        assert!(end.is_none(), "{number}: {end:?}");
    }
    let end = put(&mut world, client(0), "more.example.org.");
    assert!(is_busy(end.as_ref()), "{end:?}");
    assert!(put(&mut world, client(0), "other.servers.net.").is_none());
    world.silent.clear();
    world.rest();
    // It is not remembered of the name.
    check_denied(&world.ask("more.example.org.", Rtype::A));
}

#[test]
fn many_questions_with_an_empty_cache_find_the_root_open() {
    let mut world = hierarchy();
    let client = |number: u32| IpAddr::from([10, 1, (number >> 8) as u8, number as u8]);
    for number in 0..REQUESTS_PER_TOP_ZONE_MAX {
        let end = put(&mut world, client(number), &format!("www.n{number}.org."));
        assert!(end.is_none(), "{number}: {end:?}");
    }
    let end = put(&mut world, client(0), "www.more.org.");
    assert!(is_busy(end.as_ref()), "{end:?}");
    assert_eq!(world.rest().len(), REQUESTS_PER_TOP_ZONE_MAX as usize);
}

#[test]
fn no_more_is_asked_at_a_time_than_there_is_room_for() {
    let (zone, to) = (name("."), vec!["192.0.2.98:53".parse().unwrap()]);
    let routes = vec![Route { zone, to, kind: RouteKind::ForwardOnly }];
    let mut world = World::new(Options { routes, ..options() }, &[]);
    for number in 0..FETCHES_MAX {
        let question = Question { name: name(&format!("n{number}.")), rtype: Rtype::A };
        world.resolver.handle_due(world.now, question);
    }
    let client = ip("198.51.100.7");
    let end = put(&mut world, client, "more.");
    assert!(is_busy(end.as_ref()), "{end:?}");
    // What is under way can be waited for, and makes room when it ends.
    assert!(put(&mut world, client, "n1.").is_none());
    assert_eq!(world.rest_of(3 * FETCHES_MAX * 4).len(), 1);
    assert!(put(&mut world, client, "more.").is_none());
}

#[test]
fn what_is_under_way_goes_on_with_other_options() {
    let mut world = hierarchy();
    world.put("www.example.org.", Rtype::A, Budget::new(world.now));
    world.step();
    world.resolver.set_options(world.now, Options { minimises: false, ..options() });
    let finished = world.rest();
    assert_eq!(addresses(&finished[0].resolution), [ip("192.0.2.80")]);
    assert_eq!(world.sent()[1], "192.0.2.2 www.example.org. A");
}
