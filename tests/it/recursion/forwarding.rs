//! Routes: servers that resolve, and servers of stub zones.

use super::{
    World, addresses, check_denied, check_failed, failing_with, hierarchy_with, ip, options,
};
use crate::world::name;
use kereru::cache::FailureReason;
use kereru::resolver::{Budget, Channel, Options, Route, RouteKind};
use kereru::wire::header::Flags;
use kereru::wire::numbers::Rtype;
use kereru::wire::typed::Response;
use std::net::SocketAddr;

/// A resolver that has example.org. asked of some servers, as if they resolved.
fn forwarding(kind: RouteKind, to: &[&str]) -> World {
    let to: Vec<SocketAddr> = to.iter().map(|to| to.parse().unwrap()).collect();
    let route = Route { zone: name("example.org."), to: to.clone(), kind };
    let mut world = hierarchy_with(Options { routes: vec![route], ..options() });
    // What it answers is then not its own.
    world.tamper = Some(Box::new(move |transmit, mut response| {
        if to.contains(&transmit.to) && kind != RouteKind::Stub {
            let request = Response::read(&transmit.octets).unwrap();
            assert_eq!(request.header.flags.0, Flags::RD);
            response[2] &= !(Flags::AA >> 8) as u8;
        }
        Some(response)
    }));
    world
}

#[test]
fn names_of_a_forwarded_zone_are_asked_of_its_forwarders_in_one_step() {
    let mut world = forwarding(RouteKind::ForwardOnly, &["192.0.2.3:53"]);
    assert_eq!(addresses(&world.ask("www.example.org.", Rtype::A)), [ip("192.0.2.80")]);
    assert_eq!(world.sent(), ["192.0.2.3 www.example.org. A"]);
    assert_eq!(addresses(&world.ask("www.servers.net.", Rtype::A)), [ip("192.0.2.90")]);
    assert!(world.sent.len() > 1);
}

#[test]
fn forwarder_is_given_the_time_to_resolve_however_fast_it_tells_what_it_knows() {
    let mut world = forwarding(RouteKind::ForwardOnly, &["192.0.2.3:53"]);
    world.refusing_tcp.insert(ip("192.0.2.3"));
    for qname in ["www.example.org.", "short.example.org.", "zero.example.org."] {
        world.ask(qname, Rtype::A);
    }
    world.delays.insert(ip("192.0.2.3"), 300_000);
    assert_eq!(addresses(&world.ask("both.example.org.", Rtype::A)), [ip("192.0.2.84")]);
    assert_eq!(world.channels, [Channel::Udp]);
}

#[test]
fn forwarders_that_fail_are_gone_around_unless_only_they_may_be_asked() {
    let mut world = forwarding(RouteKind::ForwardFirst, &["192.0.2.98:53"]);
    assert_eq!(addresses(&world.ask("www.example.org.", Rtype::A)), [ip("192.0.2.80")]);
    let mut world = forwarding(RouteKind::ForwardOnly, &["192.0.2.98:53"]);
    check_failed(&world.ask("www.example.org.", Rtype::A), FailureReason::Unreachable);
    assert_eq!(world.sent_to("192.0.2.98"), world.sent.len());
}

#[test]
fn forwarders_that_fail_are_gone_around_to_the_servers_of_the_route_above() {
    for kind in [RouteKind::Stub, RouteKind::ForwardFirst, RouteKind::ForwardOnly] {
        let mut world = forwarding(kind, &["192.0.2.3:53"]);
        let (to, inner) = (vec!["192.0.2.98:53".parse().unwrap()], RouteKind::ForwardFirst);
        let to_example = vec!["192.0.2.3:53".parse().unwrap()];
        let routes = vec![
            Route { zone: name("www.example.org."), to, kind: inner },
            Route { zone: name("example.org."), to: to_example, kind },
        ];
        world.resolver.set_options(world.now, Options { routes, ..options() });
        assert_eq!(addresses(&world.ask("www.example.org.", Rtype::A)), [ip("192.0.2.80")]);
        let asked = world.sent_to("192.0.2.98") + world.sent_to("192.0.2.3");
        assert_eq!(asked, world.sent.len(), "{kind:?}: {:?}", world.sent());
    }
}

#[test]
fn forwarder_that_fails_or_refuses_is_passed_over_for_the_next() {
    for rcode in [2, 5] {
        let mut world = forwarding(RouteKind::ForwardOnly, &["192.0.2.97:53", "192.0.2.3:53"]);
        world.serve("192.0.2.97", &[("example.org.", "@ NS ns\nns A 192.0.2.3")]);
        world.tamper = Some(failing_with("192.0.2.97", rcode));
        for qname in ["www.example.org.", "both.example.org.", "short.example.org."] {
            assert_eq!(addresses(&world.ask(qname, Rtype::A)).len(), 1);
            assert!(world.sent.len() <= 2, "{:?}", world.sent());
        }
    }
}

#[test]
fn forwarder_that_answers_fastest_is_asked_first() {
    let mut world = forwarding(RouteKind::ForwardOnly, &["192.0.2.97:53", "192.0.2.3:53"]);
    world.serve("192.0.2.97", &[("example.org.", "@ NS ns\nns A 192.0.2.3")]);
    world.delays.insert(ip("192.0.2.97"), 250_000);
    for number in 0..100 {
        world.ask(&format!("n{number}.example.org."), Rtype::A);
    }
    let count = |world: &mut World, number| {
        world.ask(&format!("m{number}.example.org."), Rtype::A);
        world.sent_to("192.0.2.3")
    };
    let fast: usize = (0..100).map(|number| count(&mut world, number)).sum();
    // The slow one is tried now and then.
    assert!((90..100).contains(&fast), "{fast}");
}

#[test]
fn forwarder_that_cuts_its_response_is_asked_over_tcp() {
    let mut world = forwarding(RouteKind::ForwardOnly, &["192.0.2.3:53"]);
    let many: String = (0..90).map(|number| format!("many A 198.51.100.{number}\n")).collect();
    let zone = format!("@ NS ns\nns A 192.0.2.3\n{many}");
    world.serve("192.0.2.3", &[("example.org.", &zone)]);
    assert_eq!(addresses(&world.ask("many.example.org.", Rtype::A)).len(), 90);
    assert_eq!(world.channels, [Channel::Udp, Channel::Tcp]);
}

#[test]
fn stub_zone_begins_at_its_servers_and_leads_further() {
    let mut world = forwarding(RouteKind::Stub, &["192.0.2.3:53"]);
    let zone = "@ NS ns\nns A 192.0.2.3\nwww A 192.0.2.80\nsub NS ns.sub\nns.sub A 192.0.2.6";
    world.serve("192.0.2.3", &[("example.org.", zone)]);
    world.serve("192.0.2.6", &[("sub.example.org.", "@ NS ns\nns A 192.0.2.6\nwww A 192.0.2.85")]);
    assert_eq!(addresses(&world.ask("www.example.org.", Rtype::A)), [ip("192.0.2.80")]);
    assert_eq!(world.sent(), ["192.0.2.3 www.example.org. A"]);
    assert_eq!(addresses(&world.ask("www.sub.example.org.", Rtype::A)), [ip("192.0.2.85")]);
    world.ask("other.sub.example.org.", Rtype::A);
    assert_eq!(world.sent(), ["192.0.2.6 other.sub.example.org. A"]);
}

#[test]
fn route_that_a_reload_brings_changes_or_takes_away_leaves_nothing_of_what_was_learnt_without_it() {
    let route = |to: &str, kind| {
        vec![Route { zone: name("corp.example.org."), to: vec![to.parse().unwrap()], kind }]
    };
    let mut world = hierarchy_with(options());
    for (server, address) in [("192.0.2.6", "192.0.2.91"), ("192.0.2.7", "192.0.2.92")] {
        let zone = format!("@ NS ns\nns A {server}\nwww A {address}");
        world.serve(server, &[("corp.example.org.", &zone)]);
    }
    let denied = |world: &mut World| {
        check_denied(&world.ask("www.corp.example.org.", Rtype::A));
        check_denied(&world.ask("corp.example.org.", Rtype::A));
        // What lies outside is not forgotten.
        assert_eq!(addresses(&world.ask("www.example.org.", Rtype::A)), [ip("192.0.2.80")]);
    };
    denied(&mut world);
    for (to, kind, expected) in [
        ("192.0.2.6:53", RouteKind::Stub, "192.0.2.91"),
        ("192.0.2.7:53", RouteKind::Stub, "192.0.2.92"),
    ] {
        let routes = route(to, kind);
        world.resolver.set_options(world.now, Options { routes: routes.clone(), ..options() });
        assert_eq!(addresses(&world.ask("www.corp.example.org.", Rtype::A)), [ip(expected)]);
        world.resolver.set_options(world.now, Options { routes, ..options() });
        world.ask("www.corp.example.org.", Rtype::A);
        assert!(world.sent.is_empty(), "{:?}", world.sent());
        world.ask("www.example.org.", Rtype::A);
        assert!(world.sent.is_empty(), "{:?}", world.sent());
    }
    world.resolver.set_options(world.now, options());
    denied(&mut world);
}

#[test]
fn question_that_is_under_way_when_a_reload_brings_a_route_is_asked_there() {
    let mut world = hierarchy_with(options());
    let zone = "@ NS ns\nns A 192.0.2.6\nwww A 192.0.2.91";
    world.serve("192.0.2.6", &[("corp.example.org.", zone)]);
    world.ask("www.example.org.", Rtype::A);
    world.put("www.corp.example.org.", Rtype::A, Budget::new(world.now));
    // It is on its way to those who deny it.
    world.step();
    assert_eq!(world.sent().last().unwrap(), "192.0.2.3 corp.example.org. A");
    let to = vec!["192.0.2.6:53".parse().unwrap()];
    let routes = vec![Route { zone: name("corp.example.org."), to, kind: RouteKind::Stub }];
    world.resolver.set_options(world.now, Options { routes, ..options() });
    let finished = world.rest();
    assert_eq!(addresses(&finished[0].resolution), [ip("192.0.2.91")]);
    assert_eq!(addresses(&world.ask("www.corp.example.org.", Rtype::A)), [ip("192.0.2.91")]);
}
