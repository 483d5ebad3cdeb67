//! By which addresses servers are reached, and how many of them.

use super::{ORG, ROOT, World, addresses, hierarchy, hierarchy_with, ip, options};
use crate::world::{snapshot, whole_zone};
use kereru::answer::AnswerOptions;
use kereru::cache::End;
use kereru::resolver::{Budget, Options};
use kereru::wire::numbers::Rtype;
use std::sync::atomic::{AtomicBool, Ordering};

#[test]
fn server_whose_address_may_not_be_kept_is_asked_all_the_same() {
    let mut world = hierarchy();
    world.serve("192.0.2.5", &[("servers.net.", "@ NS ns\nns A 192.0.2.5\nhost 0 A 192.0.2.6")]);
    world.serve("192.0.2.2", &[("org.", "@ NS ns\nns A 192.0.2.2\nzero NS host.servers.net.")]);
    let zero = "@ NS host.servers.net.\nwww A 192.0.2.91";
    world.serve("192.0.2.6", &[("zero.org.", zero)]);
    assert_eq!(addresses(&world.ask("www.zero.org.", Rtype::A)), [ip("192.0.2.91")]);
    assert_eq!(world.sent_to("192.0.2.5"), 1, "{:?}", world.sent());
}

#[test]
fn server_with_a_thousand_addresses_takes_the_place_of_no_other() {
    let many: String =
        (0..1000).map(|host| format!("many A 10.0.{}.{}\n", host / 250, host % 250)).collect();
    let mut world = hierarchy();
    let servers = format!("@ NS ns\nns A 192.0.2.5\n{many}");
    world.serve("192.0.2.5", &[("servers.net.", &servers)]);
    let org = format!("{ORG}\nbig NS many.servers.net.\nbig NS ns.big\nns.big A 192.0.2.6");
    world.serve("192.0.2.2", &[("org.", &org)]);
    world.serve("192.0.2.6", &[("big.org.", "@ NS ns\nns A 192.0.2.6\nwww A 192.0.2.91")]);
    // None of the thousand is there.
    for host in 0..1000 {
        world.unreachable.insert(ip(&format!("10.0.{}.{}", host / 250, host % 250)));
    }
    world.ask("many.servers.net.", Rtype::A);
    world.put("www.big.org.", Rtype::A, Budget::new(world.now));
    let finished = world.rest();
    assert_eq!(addresses(&finished[0].resolution), [ip("192.0.2.91")]);
}

#[test]
fn server_without_glue_is_reached_soon_beside_one_that_is_dead() {
    let mut world = hierarchy();
    let mixed = "mixed NS ns.mixed\nns.mixed A 192.0.2.99\nmixed NS ns.servers.net.";
    world.serve("192.0.2.2", &[("org.", &format!("{ORG}\n{mixed}"))]);
    world.serve(
        "192.0.2.5",
        &[
            ("servers.net.", "@ NS ns\nns A 192.0.2.5\nwww A 192.0.2.90"),
            ("mixed.org.", "@ NS ns.servers.net.\nwww A 192.0.2.91"),
        ],
    );
    let began = world.now.as_micros();
    assert_eq!(addresses(&world.ask("www.mixed.org.", Rtype::A)), [ip("192.0.2.91")]);
    let after_us = world.now.as_micros() - began;
    assert!(after_us <= 1_300_000, "{after_us}");
}

#[test]
fn glue_leads_to_a_zone_that_tells_a_dead_address_of_its_own_server() {
    let mut world = hierarchy();
    let zone = "@ NS ns\nns A 192.0.2.99\nwww A 192.0.2.80\nmail A 192.0.2.81";
    world.serve("192.0.2.3", &[("example.org.", zone)]);
    assert_eq!(addresses(&world.ask("ns.example.org.", Rtype::A)), [ip("192.0.2.99")]);
    assert_eq!(addresses(&world.ask("www.example.org.", Rtype::A)), [ip("192.0.2.80")]);
    // The zone's own word comes first all the same.
    assert!(world.sent_to("192.0.2.99") > 0, "{:?}", world.sent());
    // But not while it is known to be silent.
    assert_eq!(addresses(&world.ask("mail.example.org.", Rtype::A)), [ip("192.0.2.81")]);
    assert_eq!(world.sent_to("192.0.2.99"), 0, "{:?}", world.sent());
}

#[test]
fn family_without_a_route_costs_some_requests_and_no_time() {
    let mut world = hierarchy_with(Options { families: [true, true], ..options() });
    let mut org = ORG.to_owned();
    for zone in 0..40 {
        let (v4, v6) = (format!("192.0.2.{}", 100 + zone), format!("2001:{zone:x}::1"));
        org += &format!("\nz{zone} NS ns.z{zone}\nns.z{zone} A {v4}\nns.z{zone} AAAA {v6}");
        let text = format!("@ NS ns\nns A {v4}\nns AAAA {v6}\nwww A 192.0.2.91");
        world.serve(&v4, &[(&format!("z{zone}.org."), &text)]);
        world.unreachable.insert(ip(&v6));
    }
    world.serve("192.0.2.2", &[("org.", &org)]);
    let (began, mut in_vain) = (world.now.as_micros(), 0);
    for zone in 0..40 {
        let resolution = world.ask(&format!("www.z{zone}.org."), Rtype::A);
        assert_eq!(addresses(&resolution), [ip("192.0.2.91")], "{zone}");
        in_vain += world.sent.iter().filter(|(to, _)| to.is_ipv6()).count();
    }
    assert!((1..=4).contains(&in_vain), "{in_vain}");
    let took_us = world.now.as_micros() - began;
    assert!(took_us < 2_500_000, "{took_us}");
}

#[test]
fn zone_whose_glue_ends_together_with_that_of_its_parent_is_found_again_each_time() {
    let mut world = hierarchy();
    world.serve("192.0.2.1", &[(".", &ROOT.replace("ns.org. A", "ns.org. 4 A"))]);
    let org = ORG.replace("ns A", "ns 4 A").replace("ns.example A", "ns.example 4 A");
    world.serve("192.0.2.2", &[("org.", &org)]);
    for host in ["www", "a.b.c.d", "both", "ns"] {
        let resolution = world.ask(&format!("{host}.example.org."), Rtype::TXT);
        assert!(!matches!(resolution.end, End::Failed(_)), "{host}: {resolution:?}");
        world.pass(5);
    }
}

/// Servers of a zone, by name, that nobody hears.
const UNHEARD: &str = "unheard NS a.unheard\nunheard NS b.unheard\n\
     a.unheard A 192.0.2.98\nb.unheard A 192.0.2.99";

#[test]
fn server_that_cannot_be_found_keeps_no_other_from_being_found() {
    let mut world = hierarchy_with(Options { families: [true, true], ..options() });
    let mixed = "mixed NS a1.unheard\nmixed NS ns.servers.net.";
    world.serve("192.0.2.2", &[("org.", &format!("{ORG}\n{UNHEARD}\n{mixed}"))]);
    world.serve(
        "192.0.2.5",
        &[
            ("servers.net.", "@ NS ns\nns A 192.0.2.5"),
            ("mixed.org.", "@ NS ns.servers.net.\nwww A 192.0.2.91"),
        ],
    );
    let began = world.now.as_micros();
    assert_eq!(addresses(&world.ask("www.mixed.org.", Rtype::A)), [ip("192.0.2.91")]);
    let after_us = world.now.as_micros() - began;
    assert!(after_us <= 500_000, "{after_us}");
}

#[test]
fn server_of_a_zone_that_was_left_behind_keeps_none_of_the_next_from_being_found() {
    let mut world = hierarchy_with(Options { families: [true, true], ..options() });
    let mixed = "mixed NS ns.mixed\nmixed NS a1.unheard\nns.mixed A 192.0.2.6";
    world.serve("192.0.2.2", &[("org.", &format!("{ORG}\n{UNHEARD}\n{mixed}"))]);
    let mixed = "@ NS ns\n@ NS a1.unheard.org.\nns A 192.0.2.6\nbelow NS ns.servers.net.";
    world.serve("192.0.2.6", &[("mixed.org.", mixed)]);
    world.serve(
        "192.0.2.5",
        &[
            ("servers.net.", "@ NS ns\nns A 192.0.2.5"),
            ("below.mixed.org.", "@ NS ns.servers.net.\nwww A 192.0.2.91"),
        ],
    );
    let lost = AtomicBool::new(false);
    world.tamper = Some(Box::new(move |transmit, response| {
        let is_lost = transmit.to.ip() == ip("192.0.2.6") && !lost.swap(true, Ordering::Relaxed);
        (!is_lost).then_some(response)
    }));
    let began = world.now.as_micros();
    assert_eq!(addresses(&world.ask("www.below.mixed.org.", Rtype::A)), [ip("192.0.2.91")]);
    let after_us = world.now.as_micros() - began;
    assert!(after_us <= 1_000_000, "{after_us}");
}

#[test]
fn zone_whose_servers_do_not_exist_is_asked_for_ever_more_seldom() {
    let mut world = hierarchy();
    let gone = "gone NS ns1.servers.net.\ngone NS ns2.servers.net.";
    world.serve("192.0.2.2", &[("org.", &format!("{ORG}\n{gone}"))]);
    // What denies the names lives for no longer than the zone is left alone at first.
    let servers = "@ 60 SOA ns admin 1 2 3 4 4\n@ 60 NS ns\nns 60 A 192.0.2.5\n";
    let servers = snapshot(vec![whole_zone("servers.net.", servers)], AnswerOptions::default());
    world.servers.insert(ip("192.0.2.5"), servers);
    let mut costly = Vec::new();
    for number in 0..60 {
        world.ask(&format!("n{number}.gone.org."), Rtype::A);
        if world.sent_to("192.0.2.5") > 0 {
            costly.push(number);
        }
        world.pass(1);
    }
    assert_eq!(costly, [0, 5, 15, 35]);
}

/// A zone whose server has moved: its parent tells the new address, while what the server itself said of
/// its old one still counts in the cache.
fn moved() -> World {
    let org = |address: &str| format!("{ORG}\nmoved 60 NS ns.moved\nns.moved 60 A {address}");
    let zone = |address: &str| format!("@ NS ns\nns A {address}\nwww 60 A 192.0.2.92");
    let mut world = hierarchy();
    world.serve("192.0.2.2", &[("org.", &org("192.0.2.30"))]);
    world.serve("192.0.2.30", &[("moved.org.", &zone("192.0.2.30"))]);
    assert_eq!(addresses(&world.ask("ns.moved.org.", Rtype::A)), [ip("192.0.2.30")]);
    world.serve("192.0.2.2", &[("org.", &org("192.0.2.31"))]);
    world.serve("192.0.2.31", &[("moved.org.", &zone("192.0.2.31"))]);
    world.pass(61);
    world
}

#[test]
fn server_whose_old_address_is_dead_is_asked_at_that_which_its_parent_tells() {
    let mut world = moved();
    world.silent.insert(ip("192.0.2.30"));
    assert_eq!(addresses(&world.ask("www.moved.org.", Rtype::A)), [ip("192.0.2.92")]);
}

#[test]
fn server_whose_old_address_is_lame_is_asked_at_that_which_its_parent_tells() {
    let mut world = moved();
    world.serve("192.0.2.30", &[("elsewhere.", "@ NS ns\nns A 192.0.2.30")]);
    assert_eq!(addresses(&world.ask("www.moved.org.", Rtype::A)), [ip("192.0.2.92")]);
}
