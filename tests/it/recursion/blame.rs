//! Whose fault a failure is: what one question may not spend, or has no time or room for, says nothing
//! of the names that it came by.

use super::bounds::put;
use super::{
    EXAMPLE, ORG, ROOT, World, addresses, bare, check_failed, hierarchy, hierarchy_with, ip,
    options,
};
use kereru::base::limits::REQUESTS_PER_ZONE_MAX;
use kereru::base::time::SECOND_US;
use kereru::cache::{End, FailureReason};
use kereru::resolver::{Budget, Options};
use kereru::wire::header::Flags;
use kereru::wire::numbers::Rtype;
use std::net::IpAddr;

/// A world in which d1. is reached by d2., that by d3., and that by a name of victim.org., whose
/// server has its name elsewhere.
fn deep() -> World {
    let root = "@ NS root.test.\nroot.test. A 192.0.2.1\norg. NS ns.org.\nns.org. A 192.0.2.2\n\
         d1. NS ns.d2.\nd2. NS ns.d3.\nd3. NS www.victim.org.\nnet. NS ns.net.\nns.net. A 192.0.2.4";
    let net = "@ NS ns\nns A 192.0.2.4\nfar A 192.0.2.5";
    World::new(
        options(),
        &[
            ("192.0.2.1", &[(".", root)]),
            ("192.0.2.2", &[("org.", "@ NS ns\nns A 192.0.2.2\nvictim NS far.net.")]),
            ("192.0.2.4", &[("net.", net)]),
            ("192.0.2.5", &[("victim.org.", "@ NS far.net.\nwww A 192.0.2.91")]),
        ],
    )
}

#[test]
fn name_that_was_too_deep_for_another_question_is_found() {
    let mut world = deep();
    let resolution = world.ask("x.d1.", Rtype::A);
    assert!(matches!(resolution.end, End::Failed(_)), "{resolution:?}");
    world.rest();
    assert_eq!(addresses(&world.ask("www.victim.org.", Rtype::A)), [ip("192.0.2.91")]);
}

#[test]
fn question_that_joins_what_is_too_deep_for_another_is_answered() {
    let mut world = deep();
    world.put("x.d1.", Rtype::A, Budget::new(world.now));
    // Until the address that is too deep is looked for.
    while !world.sent().iter().any(|sent| sent.starts_with("192.0.2.2 ")) {
        assert!(world.step());
    }
    assert_eq!(addresses(&world.ask("www.victim.org.", Rtype::A)), [ip("192.0.2.91")]);
}

#[test]
fn name_for_which_another_question_had_no_time_left_is_found() {
    // The end of a slow chain of delegations is a server named www.victim.org.
    let root = "@ NS root.test.\nroot.test. A 192.0.2.1\norg. NS ns.org.\nns.org. A 192.0.2.2\n\
         evil. NS ns.evil.\nns.evil. A 192.0.2.66";
    let org = "@ NS ns\nns A 192.0.2.2\nvictim NS ns.victim\nns.victim A 192.0.2.5";
    let evil = "@ NS ns\nns A 192.0.2.66\na.a.a.a.a.a.a NS www.victim.org.\n";
    let mut world = World::new(
        options(),
        &[
            ("192.0.2.1", &[(".", root)]),
            ("192.0.2.2", &[("org.", org)]),
            ("192.0.2.66", &[("evil.", evil)]),
            ("192.0.2.5", &[("victim.org.", "@ NS ns\nns A 192.0.2.5\nwww A 192.0.2.91")]),
        ],
    );
    // Slow from the beginning, so that it is waited for.
    world.delays.insert(ip("192.0.2.66"), 330_000);
    world.ask("ns.evil.", Rtype::A);
    world.delays.insert(ip("192.0.2.66"), 1_235_000);
    world.delays.insert(ip("192.0.2.2"), 340_000);
    world.delays.insert(ip("192.0.2.5"), 340_000);
    world.put("x.a.a.a.a.a.a.a.evil.", Rtype::A, Budget::new(world.now));
    world.rest();
    assert_eq!(addresses(&world.ask("www.victim.org.", Rtype::A)), [ip("192.0.2.91")]);
}

#[test]
fn question_that_joins_a_fetch_near_its_end_gets_its_own_time() {
    let mut world = hierarchy();
    let addresses_of_dead: Vec<String> = (40..48).map(|host| format!("192.0.2.{host}")).collect();
    let line = |address: &String| {
        let number = &address[8..];
        format!("dying NS ns{number}.dying\nns{number}.dying A {address}\n")
    };
    let dead: String = addresses_of_dead.iter().map(line).collect();
    world.serve("192.0.2.2", &[("org.", &format!("{ORG}\n{dead}"))]);
    for address in &addresses_of_dead {
        world.serve(address, &[("dying.org.", "@ NS ns40\nns40 A 192.0.2.40\nwww A 192.0.2.91")]);
        world.silent.insert(ip(address));
    }
    let began = world.now.as_micros();
    world.put("www.dying.org.", Rtype::A, Budget::new(world.now));
    while world.now.as_micros() < began + 9_000_000 {
        assert!(world.step());
    }
    world.silent.clear();
    assert_eq!(addresses(&world.ask("www.dying.org.", Rtype::A)), [ip("192.0.2.91")]);
}

#[test]
fn name_whose_server_could_not_be_looked_for_for_want_of_room_is_found_later() {
    let mut world = hierarchy();
    world.serve("192.0.2.2", &[("org.", &format!("{ORG}\nfar NS host.servers.net."))]);
    let servers = "@ NS ns\nns A 192.0.2.5\nwww A 192.0.2.90\nhost A 192.0.2.6";
    world.serve("192.0.2.5", &[("servers.net.", servers)]);
    let far = "@ NS host.servers.net.\nwww A 192.0.2.91";
    world.serve("192.0.2.6", &[("far.org.", far)]);
    world.ask("www.servers.net.", Rtype::A);
    world.ask("ns.org.", Rtype::A);
    world.delays.insert(ip("192.0.2.5"), 90_000);
    for number in 0..REQUESTS_PER_ZONE_MAX {
        let client = IpAddr::from([10, 1, 0, u8::try_from(number).unwrap()]);
        assert!(put(&mut world, client, &format!("n{number}.servers.net.")).is_none());
    }
    while let Some(transmit) = world.resolver.poll_transmit() {
        world.deliver(&transmit);
    }
    check_failed(&world.ask("www.far.org.", Rtype::A), FailureReason::Busy);
    world.rest();
    world.now = world.now.after_micros(SECOND_US);
    assert_eq!(addresses(&world.ask("www.far.org.", Rtype::A)), [ip("192.0.2.91")]);
}

#[test]
fn request_that_we_have_no_room_to_send_is_nobodys_fault() {
    let mut world = hierarchy();
    world.ask("other.example.org.", Rtype::A);
    world.put("www.example.org.", Rtype::A, Budget::new(world.now));
    let transmit = world.resolver.poll_transmit().unwrap();
    world.resolver.handle_not_sent(world.now, transmit.request);
    assert!(!world.resolver.awaits(transmit.request));
    // Not a request more: it would find no room, either.
    assert!(world.resolver.poll_transmit().is_none());
    let finished = world.resolver.poll_finished().unwrap();
    check_failed(&finished.resolution, FailureReason::Busy);
    // Neither is the failure kept of the name, nor is the server waited for longer.
    world.put("www.example.org.", Rtype::A, Budget::new(world.now));
    let again = world.resolver.poll_transmit().unwrap();
    assert_eq!((again.to, again.until), (transmit.to, transmit.until));
    world.deliver(&again);
    assert_eq!(addresses(&world.rest()[0].resolution), [ip("192.0.2.80")]);
}

/// A world in which one of two servers of org. says of every name that there is nothing.
fn half_empty() -> World {
    let mut world = hierarchy_with(Options { minimises: false, ..options() });
    let root = format!("{ROOT}\norg. NS ns2.org.\nns2.org. A 192.0.2.22");
    world.serve("192.0.2.1", &[(".", &root)]);
    world.serve("192.0.2.22", &[("org.", ORG)]);
    world.tamper = Some(Box::new(|transmit, response| {
        let is_empty = transmit.to.ip() == ip("192.0.2.22");
        Some(if is_empty { bare(transmit, Flags::QR | Flags::AA, 0) } else { response })
    }));
    world
}

#[test]
fn empty_answer_of_the_parent_is_no_denial_while_the_servers_of_the_zone_are_silent() {
    for number in 0..8 {
        let mut world = half_empty();
        world.serve("192.0.2.3", &[("example.org.", EXAMPLE)]);
        world.silent.insert(ip("192.0.2.3"));
        for _ in 0..number {
            world.ask("ns.org.", Rtype::A);
            world.pass(4000);
        }
        let resolution = world.ask("www.example.org.", Rtype::A);
        assert!(matches!(resolution.end, End::Failed(_)), "{number}: {resolution:?}");
    }
}

#[test]
fn empty_answer_of_one_server_is_no_denial_while_another_is_silent() {
    let mut world = half_empty();
    world.silent.insert(ip("192.0.2.2"));
    let resolution = world.ask("www.example.org.", Rtype::A);
    check_failed(&resolution, FailureReason::Lame);
}
