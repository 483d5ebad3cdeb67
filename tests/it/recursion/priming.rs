//! The root's servers, asked of themselves (RFC 9609).

use super::{
    ROOT, World, addresses, check_denied, check_failed, hierarchy, hierarchy_with, ip, options,
};
use crate::world::name;
use kereru::base::limits::PRIMING_PAUSE_US;
use kereru::base::time::SECOND_US;
use kereru::cache::{End, FailureReason};
use kereru::resolver::{Budget, Options, Route, RouteKind};
use kereru::wire::numbers::Rtype;

/// The root with another server besides the one that is known from the start.
fn two_roots() -> World {
    let mut world = hierarchy_with(Options { primes: true, ..options() });
    let root = format!("{ROOT}\n@ NS root2.test.\nroot2.test. A 192.0.2.11");
    world.serve("192.0.2.1", &[(".", &root)]);
    world.serve("192.0.2.11", &[(".", &root)]);
    world
}

#[test]
fn root_is_asked_for_its_servers_at_the_start_and_these_are_used() {
    let mut world = two_roots();
    world.resolver.start(world.now);
    assert!(world.rest().is_empty());
    assert_eq!(world.sent(), ["192.0.2.1 . NS"]);
    // The one that was known has gone.
    world.silent.insert(ip("192.0.2.1"));
    assert_eq!(addresses(&world.ask("www.example.org.", Rtype::A)), [ip("192.0.2.80")]);
    assert_eq!(world.sent_to("192.0.2.11"), 1, "{:?}", world.sent());
    // What a priming response adds is no answer.
    let resolution = world.ask("root2.test.", Rtype::A);
    assert!(matches!(resolution.end, End::Records(_)), "{resolution:?}");
    assert!(world.sent_to("192.0.2.11") > 0);
}

#[test]
fn without_priming_nothing_is_sent_that_no_question_needs() {
    let mut world = hierarchy();
    world.resolver.start(world.now);
    assert!(world.resolver.poll_transmit().is_none());
    world.ask("www.example.org.", Rtype::A);
    assert!(world.sent().iter().all(|sent| !sent.ends_with(" . NS")), "{:?}", world.sent());
}

#[test]
fn priming_is_done_again_when_its_answer_has_ended_and_the_root_is_needed() {
    let mut world = two_roots();
    world.resolver.start(world.now);
    world.pass(3601);
    world.sent.clear();
    assert!(world.resolver.poll_transmit().is_none());
    world.ask("www.example.org.", Rtype::A);
    world.rest();
    let count = world.sent().iter().filter(|sent| sent.ends_with(" . NS")).count();
    assert_eq!(count, 1, "{:?}", world.sent());
}

#[test]
fn root_that_a_reload_brings_is_asked_for_its_servers() {
    let mut world = two_roots();
    world.resolver.start(world.now);
    world.rest();
    world.sent.clear();
    let same = Options { primes: true, ..options() };
    world.resolver.set_options(world.now, same.clone());
    assert!(world.resolver.poll_transmit().is_none());
    let root = vec![(name("root2.test."), vec![ip("192.0.2.11")])];
    world.resolver.set_options(world.now, Options { root, ..same });
    world.rest();
    assert_eq!(world.sent(), ["192.0.2.11 . NS"]);
}

#[test]
fn root_that_a_reload_brings_replaces_what_was_learnt_of_the_one_before() {
    // Another name, and the same one with another address.
    for server in ["root3.test.", "root2.test."] {
        let mut world = two_roots();
        world.resolver.start(world.now);
        world.rest();
        let root = format!("{ROOT}\n@ NS root2.test.\nroot2.test. A 192.0.2.11");
        world.serve("192.0.2.21", &[(".", &root)]);
        let other = vec![(name(server), vec![ip("192.0.2.21")])];
        world.resolver.set_options(world.now, Options { root: other.clone(), ..options() });
        assert_eq!(addresses(&world.ask("www.example.org.", Rtype::A)), [ip("192.0.2.80")]);
        assert_eq!(world.sent[0].0, ip("192.0.2.21"), "{:?}", world.sent());
        assert_eq!((world.sent_to("192.0.2.1"), world.sent_to("192.0.2.11")), (0, 0));
        // What is learnt from that one stays when a reload changes nothing.
        world.ask(".", Rtype::NS);
        assert_eq!(world.sent(), ["192.0.2.21 . NS"]);
        world.resolver.set_options(world.now, Options { root: other, ..options() });
        world.ask(".", Rtype::NS);
        assert!(world.sent.is_empty(), "{:?}", world.sent());
    }
}

#[test]
fn priming_that_fails_costs_nothing_and_is_tried_again_after_a_pause() {
    let mut world = two_roots();
    world.tamper = Some(super::failing_with("192.0.2.1", 5));
    world.resolver.start(world.now);
    world.rest();
    world.tamper = None;
    world.sent.clear();
    assert_eq!(addresses(&world.ask("www.example.org.", Rtype::A)), [ip("192.0.2.80")]);
    check_denied(&world.ask("nothing.", Rtype::A));
    world.rest();
    assert!(world.sent().iter().all(|sent| !sent.ends_with(" . NS")), "{:?}", world.sent());
    world.pass(PRIMING_PAUSE_US / SECOND_US);
    world.sent.clear();
    check_denied(&world.ask("nothing2.", Rtype::A));
    world.rest();
    assert!(world.sent().iter().any(|sent| sent.ends_with(" . NS")), "{:?}", world.sent());
}

#[test]
fn priming_is_paid_for_by_no_client() {
    let mut world = two_roots();
    let budget = Budget { requests_left: 10, ..Budget::new(world.now) };
    let finished = world.ask_with("www.example.org.", Rtype::A, budget);
    let of_client = world.sent().iter().filter(|sent| !sent.ends_with(" . NS")).count();
    assert!(of_client < world.sent.len());
    assert_eq!(finished.budget.requests_left, 10 - u32::try_from(of_client).unwrap());
}

#[test]
fn root_servers_that_a_client_asked_for_do_not_hide_those_that_are_known() {
    let mut world = hierarchy();
    // The addresses did not come with the names.
    world.serve(
        "192.0.2.1",
        &[(
            ".",
            &ROOT.replace("root.test. A 192.0.2.1\n", "test. NS ns.test.\nns.test. A 192.0.2.77\n"),
        )],
    );
    let resolution = world.ask(".", Rtype::NS);
    assert!(matches!(resolution.end, End::Records(_)), "{resolution:?}");
    assert_eq!(addresses(&world.ask("www.example.org.", Rtype::A)), [ip("192.0.2.80")]);
}

#[test]
fn addresses_of_others_in_a_priming_response_are_not_believed() {
    let mut world = two_roots();
    // The server adds an address of a name that it does not list.
    world.tamper = Some(Box::new(|transmit, mut response| {
        if transmit.octets[12] == 0 {
            let owner = name("www.example.org.");
            let opt = response.len() - 11;
            let mut record = owner.as_name().as_wire().to_vec();
            record.extend_from_slice(&[0, 1, 0, 1, 0, 0, 14, 16, 0, 4, 192, 0, 2, 66]);
            response.splice(opt..opt, record);
            response[11] += 1;
        }
        Some(response)
    }));
    world.resolver.start(world.now);
    world.rest();
    assert_eq!(addresses(&world.ask("www.example.org.", Rtype::A)), [ip("192.0.2.80")]);
}

#[test]
fn root_is_not_primed_where_all_names_have_a_route() {
    let (to, kind) = (vec!["192.0.2.98:53".parse().unwrap()], RouteKind::ForwardOnly);
    let routes = vec![Route { zone: name("."), to, kind }];
    let mut world = hierarchy_with(Options { primes: true, routes, ..options() });
    world.resolver.start(world.now);
    check_failed(&world.ask("www.example.org.", Rtype::A), FailureReason::Unreachable);
    assert_eq!(world.sent_to("192.0.2.98"), world.sent.len());
}
