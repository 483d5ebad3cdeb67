//! From the root down: how much of a name is shown, what is denied, and where delegations lead.

use super::{
    ORG, ROOT, World, addresses, asked, bare, check_denied, check_failed, failing_with, hierarchy,
    hierarchy_with, ip, options,
};
use kereru::base::limits::LOOKUP_US_MAX;
use kereru::cache::{End, FailureReason};
use kereru::resolver::Options;
use kereru::wire::header::Flags;
use kereru::wire::numbers::Rtype;
use std::collections::BTreeSet;
use std::net::SocketAddr;
use std::sync::Arc;

#[test]
fn name_is_found_from_the_root_down_and_no_server_sees_more_than_it_needs() {
    let mut world = hierarchy();
    let resolution = world.ask("www.example.org.", Rtype::A);
    assert_eq!(addresses(&resolution), [ip("192.0.2.80")]);
    assert_eq!(
        world.sent(),
        ["192.0.2.1 org. A", "192.0.2.2 example.org. A", "192.0.2.3 www.example.org. A",]
    );
    // What is known by now is not asked again.
    let again = world.ask("www.example.org.", Rtype::A);
    assert_eq!(addresses(&again), [ip("192.0.2.80")]);
    assert_eq!(world.sent(), [""; 0]);
    world.ask("www.example.org.", Rtype::AAAA);
    assert_eq!(world.sent(), ["192.0.2.3 www.example.org. AAAA"]);
}

#[test]
fn whole_name_is_shown_where_minimisation_is_off() {
    let mut world = hierarchy_with(Options { minimises: false, ..options() });
    world.ask("www.example.org.", Rtype::A);
    let asked: BTreeSet<&str> = world.sent.iter().map(|(_, asked)| &**asked).collect();
    assert_eq!(asked, BTreeSet::from(["www.example.org. A"]));
    assert_eq!(world.sent.len(), 3);
}

#[test]
fn empty_names_on_the_way_are_passed() {
    let mut world = hierarchy();
    let resolution = world.ask("a.b.c.d.example.org.", Rtype::TXT);
    assert!(matches!(resolution.end, End::Records(_)), "{resolution:?}");
    assert_eq!(
        world.sent()[2..],
        [
            "192.0.2.3 d.example.org. A",
            "192.0.2.3 c.d.example.org. A",
            "192.0.2.3 b.c.d.example.org. A",
            "192.0.2.3 a.b.c.d.example.org. TXT",
        ]
    );
}

#[test]
fn denials_are_told_with_the_soa_and_kept() {
    let mut world = hierarchy();
    check_denied(&world.ask("nothing.example.org.", Rtype::A));
    let resolution = world.ask("www.example.org.", Rtype::TXT);
    assert!(matches!(resolution.end, End::NoData(_)), "{resolution:?}");
    // Nothing is below a name that does not exist (RFC 8020).
    check_denied(&world.ask("below.nothing.example.org.", Rtype::A));
    assert_eq!(world.sent(), [""; 0]);
}

#[test]
fn denial_without_an_soa_is_told_and_not_kept() {
    let mut world = hierarchy();
    world.tamper = Some(Box::new(|transmit, response| {
        let is_meant = transmit.to.ip() == ip("192.0.2.3");
        Some(if is_meant { bare(transmit, Flags::QR | Flags::AA, 3) } else { response })
    }));
    for _ in 0..2 {
        check_denied(&world.ask("www.example.org.", Rtype::A));
        assert_eq!(world.sent_to("192.0.2.3"), 1);
    }
}

#[test]
fn response_that_says_nothing_at_all_is_a_denial_that_is_not_kept() {
    let mut world = hierarchy();
    world.tamper = Some(Box::new(|transmit, response| {
        let is_meant = transmit.to.ip() == ip("192.0.2.3");
        Some(if is_meant { bare(transmit, Flags::QR | Flags::AA, 0) } else { response })
    }));
    for _ in 0..2 {
        let resolution = world.ask("www.example.org.", Rtype::A);
        assert!(matches!(resolution.end, End::NoData(_)), "{resolution:?}");
        assert!(world.sent_to("192.0.2.3") > 0);
    }
}

#[test]
fn denial_of_a_shortened_name_is_confirmed_with_the_whole_name() {
    let mut world = hierarchy();
    // A server that denies names above those that exist.
    world.tamper = Some(Box::new(|transmit, mut response| {
        let asked = asked(transmit);
        if transmit.to.ip() == ip("192.0.2.3") && asked.as_name().label_count() < 6 {
            response[3] = response[3] & 0xF0 | 3;
        }
        Some(response)
    }));
    let resolution = world.ask("a.b.c.d.example.org.", Rtype::TXT);
    assert!(matches!(resolution.end, End::Records(_)), "{resolution:?}");
    assert_eq!(
        world.sent()[2..],
        ["192.0.2.3 d.example.org. A", "192.0.2.3 a.b.c.d.example.org. TXT",]
    );
}

#[test]
fn server_that_fails_for_a_shortened_name_is_asked_for_the_whole_name() {
    for (flags, rcode) in [(Flags::QR, 2), (Flags::QR, 5), (Flags::QR | Flags::AA, 0)] {
        let mut world = hierarchy();
        world.tamper = Some(Box::new(move |transmit, response| {
            let is_short = asked(transmit).as_name().label_count() < 6;
            let is_meant = transmit.to.ip() == ip("192.0.2.3") && is_short;
            Some(if is_meant { bare(transmit, flags, rcode) } else { response })
        }));
        let resolution = world.ask("a.b.c.d.example.org.", Rtype::TXT);
        assert!(matches!(resolution.end, End::Records(_)), "{resolution:?}");
        assert_eq!(world.sent_to("192.0.2.3"), 2);
    }
}

#[test]
fn alias_at_a_shortened_name_says_nothing_of_names_below() {
    let mut world = hierarchy();
    check_denied(&world.ask("below.far.example.org.", Rtype::A));
    let resolution = world.ask("www.old.example.org.", Rtype::A);
    assert_eq!(addresses(&resolution), [ip("192.0.2.81")]);
    // Nothing of the alias was taken for an answer: its target was not asked for.
    assert!(!world.sent().iter().any(|sent| sent.contains("servers.net")), "{:?}", world.sent());
}

#[test]
fn servers_without_addresses_are_looked_for() {
    let mut world = hierarchy();
    let resolution = world.ask("www.glueless.org.", Rtype::A);
    assert_eq!(addresses(&resolution), [ip("192.0.2.91")]);
    assert!(world.sent().contains(&"192.0.2.5 ns.servers.net. A".to_owned()), "{:?}", world.sent());
}

#[test]
fn zones_whose_servers_are_in_each_other_fail_with_few_requests() {
    let mut world = hierarchy();
    let began = world.now;
    let resolution = world.ask("www.lost.org.", Rtype::A);
    assert!(matches!(resolution.end, End::Failed(_)), "{resolution:?}");
    assert!(world.sent.len() <= 30, "{:?}", world.sent());
    assert!(world.now.as_micros() - began.as_micros() <= LOOKUP_US_MAX);
    // The failure is kept.
    let resolution = world.ask("www.lost.org.", Rtype::A);
    assert!(matches!(resolution.end, End::Failed(_)), "{resolution:?}");
    assert_eq!(world.sent(), [""; 0]);
}

#[test]
fn delegation_with_a_ttl_of_zero_is_used_once() {
    let org = ORG.replace("example NS", "example 0 NS").replace("ns.example A", "ns.example 0 A");
    let mut world = hierarchy();
    world.serve("192.0.2.2", &[("org.", &org)]);
    for _ in 0..2 {
        assert_eq!(addresses(&world.ask("www.example.org.", Rtype::A)), [ip("192.0.2.80")]);
        world.resolver.poll_finished();
        world.ask("other.example.org.", Rtype::A);
        assert_eq!(world.sent_to("192.0.2.2"), 1, "{:?}", world.sent());
        world.pass(3600);
    }
}

/// Two servers of example.org., of which the first says something else.
fn two_servers() -> World {
    let org = format!("{ORG}\nexample NS ns2.example\nns2.example A 192.0.2.6");
    let mut world = hierarchy();
    let zone = "@ NS ns\n@ NS ns2\nns A 192.0.2.3\nns2 A 192.0.2.6\n* A 192.0.2.80";
    world.serve("192.0.2.2", &[("org.", &org)]);
    world.serve("192.0.2.3", &[("example.org.", zone)]);
    world.serve("192.0.2.6", &[("example.org.", zone)]);
    world
}

#[test]
fn server_that_does_not_serve_the_zone_is_passed_over() {
    // Nothing at all, FORMERR, SERVFAIL, NOTIMP, REFUSED, NOTAUTH.
    for rcode in [0, 1, 2, 4, 5, 9] {
        let mut world = two_servers();
        world.tamper = Some(failing_with("192.0.2.3", rcode));
        let mut in_vain = 0;
        for number in 0..10 {
            let resolution = world.ask(&format!("n{number}.example.org."), Rtype::A);
            assert_eq!(addresses(&resolution), [ip("192.0.2.80")]);
            in_vain += world.sent_to("192.0.2.3");
        }
        // That is remembered; for FORMERR the reason may have been EDNS.
        assert!(in_vain <= 1 + usize::from(rcode == 1), "response code {rcode}: {in_vain}");
    }
}

#[test]
fn referral_upwards_or_sideways_or_to_the_same_zone_leads_nowhere() {
    for (origin, text) in [
        (".", "@ NS root.test.\nroot.test. A 192.0.2.1\norg. NS ns.org.\nns.org. A 192.0.2.66"),
        ("org.", "@ NS ns\nns A 192.0.2.66\nexample NS ns.example\nns.example A 192.0.2.66"),
        ("org.", "@ NS ns\nns A 192.0.2.66\nother NS ns.other\nns.other A 192.0.2.66"),
    ] {
        let mut world = two_servers();
        world.serve("192.0.2.3", &[(origin, text)]);
        for number in 0..10 {
            let resolution = world.ask(&format!("n{number}.example.org."), Rtype::A);
            // The last denies the name for a zone above, which is not believed either.
            assert_eq!(addresses(&resolution), [ip("192.0.2.80")]);
        }
        assert_eq!(world.sent_to("192.0.2.66"), 0);
    }
}

#[test]
fn referrals_in_a_loop_end() {
    // The server of example.org. sends to sub.example.org., whose server knows only example.org.
    let zone = "@ NS ns\nns A 192.0.2.3\nsub NS ns.sub\nns.sub A 192.0.2.3\nwww A 192.0.2.80";
    let mut world = hierarchy();
    world.serve("192.0.2.3", &[("example.org.", zone)]);
    check_failed(&world.ask("www.sub.example.org.", Rtype::A), FailureReason::Lame);
    assert!(world.sent.len() <= 10, "{:?}", world.sent());
}

#[test]
fn one_family_that_is_out_of_reach_does_not_hinder_the_other() {
    let v6 = |server: &str, number: u32| format!("\n{server} AAAA 2001:db8::{number}");
    let mut world = hierarchy_with(Options { families: [true, true], ..options() });
    world.serve("192.0.2.1", &[(".", &(ROOT.to_owned() + &v6("ns.org.", 2)))]);
    world.serve("192.0.2.2", &[("org.", &(ORG.to_owned() + &v6("ns.example", 3)))]);
    for number in 0..20 {
        let began = world.now;
        check_denied(&world.ask(&format!("n{number}.example.org."), Rtype::A));
        assert!(world.now.as_micros() - began.as_micros() < 2_000_000);
    }
}

#[test]
fn servers_that_the_zone_itself_names_are_used_while_its_parent_delegates_it() {
    let mut world = hierarchy();
    let zone = |server: &str| format!("@ 86400 NS ns2\nns2 86400 A {server}\nwww 60 A 192.0.2.80");
    // The parent knows one server, the zone another, which lives longer.
    world.serve("192.0.2.3", &[("example.org.", &zone("192.0.2.6"))]);
    world.serve("192.0.2.6", &[("example.org.", &zone("192.0.2.6"))]);
    world.ask("example.org.", Rtype::NS);
    world.ask("ns2.example.org.", Rtype::A);
    world.ask("www.example.org.", Rtype::A);
    assert_eq!(world.sent(), ["192.0.2.6 www.example.org. A"]);
    // The parent takes it away; the zone goes on saying that it is there (ghost domains).
    world.serve("192.0.2.2", &[("org.", "@ NS ns\nns A 192.0.2.2")]);
    world.pass(1800);
    world.ask("example.org.", Rtype::NS);
    world.pass(1801);
    check_denied(&world.ask("www.example.org.", Rtype::A));
}

#[test]
fn servers_that_only_the_zone_names_and_that_do_not_help_lead_back_to_its_parents() {
    let mut world = hierarchy();
    let zone = "@ NS ns2\nns2 A 192.0.2.6\nwww A 192.0.2.80";
    world.serve("192.0.2.3", &[("example.org.", zone)]);
    // Nobody has told the address of the one that the zone names.
    world.ask("example.org.", Rtype::NS);
    assert_eq!(addresses(&world.ask("www.example.org.", Rtype::A)), [ip("192.0.2.80")]);
    assert_eq!(world.sent(), ["192.0.2.3 www.example.org. A"]);
    // It is known now, and nothing is there.
    world.ask("ns2.example.org.", Rtype::A);
    check_denied(&world.ask("other.example.org.", Rtype::A));
    assert!(world.sent_to("192.0.2.6") > 0);
}

#[test]
fn forbidden_addresses_are_never_asked() {
    let is_forbidden = |to: SocketAddr| to.ip() == ip("192.0.2.3");
    let mut world = hierarchy_with(Options { is_forbidden: Arc::new(is_forbidden), ..options() });
    let resolution = world.ask("www.example.org.", Rtype::A);
    assert!(matches!(resolution.end, End::Failed(_)), "{resolution:?}");
    assert_eq!(world.sent_to("192.0.2.3"), 0, "{:?}", world.sent());
}

#[test]
fn glue_reaches_servers_and_is_never_an_answer() {
    let org =
        ORG.replace("ns.example A 192.0.2.3", "ns.example A 192.0.2.3\nns.example A 192.0.2.7");
    let mut world = hierarchy();
    world.serve("192.0.2.2", &[("org.", &org)]);
    world.ask("www.example.org.", Rtype::A);
    assert_eq!(addresses(&world.ask("ns.example.org.", Rtype::A)), [ip("192.0.2.3")]);
    assert!(world.sent().iter().all(|sent| sent.ends_with(" ns.example.org. A")));
}

#[test]
fn records_that_a_server_adds_for_other_zones_are_not_believed() {
    let mut world = hierarchy();
    // The server of example.org. says where www.servers.net. is: behind its own alias.
    let zone = "@ NS ns\nns A 192.0.2.3\nfar CNAME www.servers.net.";
    world.serve(
        "192.0.2.3",
        &[("example.org.", zone), ("servers.net.", "@ NS ns\nns A 192.0.2.3\nwww A 192.0.2.66")],
    );
    let forged = world.ask("far.example.org.", Rtype::A);
    assert_eq!((addresses(&forged), forged.aliases.len()), (vec![ip("192.0.2.90")], 1));
    let asked = world.sent().iter().filter(|sent| sent.contains("www.servers.net.")).count();
    assert_eq!(asked, 1, "{:?}", world.sent());
}
