use super::{Drop, Route, Rules, Scope, Sight, Target, Walk, Way, walk};
use crate::mail::address::Domain;
use crate::mail::lookup::Source;
use crate::mail::lookup::tests::{Dns, name};
use std::net::IpAddr;
use std::sync::Arc;

fn rules(scope: Scope) -> Rules {
    let ours: IpAddr = "192.0.2.99".parse().unwrap();
    Rules {
        hostname: Some(name("mail.us.")),
        port: 25,
        routes: Vec::new(),
        is_ours: Arc::new(move |address| address == ours),
        scope,
    }
}

fn go(rules: &Rules, dns: &Dns, domain: &str, seed: u64) -> Walk {
    let domain = Domain::read(domain).unwrap();
    dns.find_out(|known| walk(rules, &domain, seed, known))
}

/// The way as text: hosts with their addresses, or why there is none.
fn render(way: &Way) -> String {
    match way {
        Way::Hosts(hosts) => {
            let shown = hosts.iter().map(|host| {
                let addresses: Vec<String> =
                    host.addresses.iter().map(ToString::to_string).collect();
                format!("{} {}", host.name, addresses.join(" "))
            });
            shown.collect::<Vec<_>>().join("; ")
        }
        Way::None(why) => format!("{why:?}"),
        Way::Unknown(why) => format!("unknown: {why}"),
    }
}

#[track_caller]
fn check(records: &str, domain: &str, expected: &str) {
    let walk = go(&rules(Scope::Internet), &Dns::of(records), domain, 1);
    assert_eq!(render(&walk.way), expected, "{:#?}", walk.sights);
}

const HOSTS: &str = "a. A 192.0.2.1\nb. A 192.0.2.2\nc. A 192.0.2.3\n";

#[test]
fn hosts_are_tried_by_preference() {
    check(
        &format!("{HOSTS}x. MX 30 c.\nx. MX 10 b.\nx. MX 20 a."),
        "x",
        "b 192.0.2.2:25; a 192.0.2.1:25; c 192.0.2.3:25",
    );
    check(&format!("{HOSTS}x. MX 30 c.\nx. MX 10 c."), "x", "c 192.0.2.3:25");
}

#[test]
fn hosts_that_are_preferred_alike_take_turns() {
    let dns = Dns::of(&format!("{HOSTS}x. MX 10 a.\nx. MX 10 b.\nx. MX 20 c."));
    let first = |seed| match go(&rules(Scope::Internet), &dns, "x", seed).way {
        Way::Hosts(hosts) => {
            assert_eq!(hosts[2].name, "c");
            hosts[0].name.clone()
        }
        Way::None(_) | Way::Unknown(_) => panic!("no hosts"),
    };
    let count = (0..1000).filter(|&seed| first(seed) == "a").count();
    assert!((400..600).contains(&count), "{count}");
}

#[test]
fn domain_without_mx_is_its_own_host() {
    check("x. A 192.0.2.7\nx. AAAA 2001:db8::7", "x", "x [2001:db8::7]:25 192.0.2.7:25");
    check("x. TXT a", "x", "NoHost");
    check("y. A 192.0.2.7\nx. CNAME y.", "x", "y 192.0.2.7:25");
}

#[test]
fn addresses_do_not_count_where_there_are_mx_records() {
    check("x. A 192.0.2.7\nx. MX 10 none.", "x", "NoHost");
}

#[test]
fn null_mx_takes_no_mail() {
    check("x. A 192.0.2.7\nx. MX 0 .", "x", "NullMx");
    check(&format!("{HOSTS}x. MX 0 .\nx. MX 10 a."), "x", "a 192.0.2.1:25");
}

#[test]
fn domain_that_does_not_exist_has_no_way() {
    check("", "x", "NoDomain");
    check("x. CNAME y.", "x", "NoDomain");
}

#[test]
fn domain_and_host_may_be_aliases() {
    let records = format!("{HOSTS}x. CNAME y.\ny. MX 10 h.\nh. CNAME a.\n");
    check(&records, "x", "h 192.0.2.1:25");
    let walk = go(&rules(Scope::Internet), &Dns::of(&records), "x", 1);
    let aliases = walk.sights.iter().filter(|sight| matches!(sight, Sight::Alias { .. }));
    assert_eq!(aliases.count(), 2, "{:#?}", walk.sights);
}

#[test]
fn our_own_host_and_those_not_better_are_left_out() {
    let ours = "mail.us. A 192.0.2.99\nme. A 192.0.2.99\n";
    let with = |records: &str| format!("{HOSTS}{ours}{records}");
    check(&with("x. MX 10 a.\nx. MX 20 mail.us.\nx. MX 20 b.\nx. MX 30 c."), "x", "a 192.0.2.1:25");
    check(&with("x. MX 10 mail.us.\nx. MX 20 b."), "x", "Loop");
    for seed in 0..20 {
        let records = with("x. MX 10 a.\nx. MX 20 me.\nx. MX 20 b.\nx. MX 30 c.");
        let walk = go(&rules(Scope::Internet), &Dns::of(&records), "x", seed);
        assert_eq!(render(&walk.way), "a 192.0.2.1:25", "{:#?}", walk.sights);
    }
    check(&with("x. MX 10 me."), "x", "Loop");
    check(&with("x. MX 5 none.\nx. MX 10 me."), "x", "Loop");
    check("x. A 192.0.2.99", "x", "Loop");
    check("", "[192.0.2.99]", "Loop");
}

#[test]
fn host_without_addresses_is_passed_over() {
    check(
        &format!("{HOSTS}x. MX 10 none.\nx. MX 15 e.\ne. TXT a\nx. MX 20 a."),
        "x",
        "a 192.0.2.1:25",
    );
}

#[test]
fn what_cannot_be_found_out_may_be_tried_again() {
    let why = "unknown: the zone is ours and has errors";
    check("", "x.broken", why);
    check("x. MX 10 a.broken.", "x", why);
    check(&format!("{HOSTS}x. MX 10 a.broken.\nx. MX 20 b."), "x", "b 192.0.2.2:25");
    // The best host is us, but a better one may come back.
    check("x. MX 10 a.broken.\nx. MX 20 mail.us.", "x", why);
}

#[test]
fn nothing_goes_to_where_only_this_machine_or_link_is_meant() {
    for address in [
        "127.0.0.1",
        "127.53.0.9",
        "0.0.0.0",
        "0.1.2.3",
        "169.254.1.1",
        "224.0.0.1",
        "255.255.255.255",
    ] {
        check(&format!("x. MX 10 h.\nh. A {address}"), "x", "Forbidden");
        check("", &format!("[{address}]"), "Forbidden");
    }
    for address in ["::1", "::", "fe80::1", "ff02::1", "::ffff:127.0.0.1"] {
        check(&format!("x. MX 10 h.\nh. AAAA {address}"), "x", "Forbidden");
        check("", &format!("[IPv6:{address}]"), "Forbidden");
    }
    check("x. MX 10 h.\nh. A 127.0.0.1\nh. A 192.0.2.1", "x", "h 192.0.2.1:25");
    check("", "[192.0.2.1]", "[192.0.2.1] 192.0.2.1:25");
}

#[test]
fn in_the_lab_nothing_goes_elsewhere() {
    let lab = rules(Scope::Lab);
    let way = |records: &str, domain: &str| render(&go(&lab, &Dns::of(records), domain, 1).way);
    assert_eq!(way("x. MX 10 h.\nh. A 127.53.0.9", "x"), "h 127.53.0.9:25");
    for address in ["192.0.2.1", "127.0.0.1", "127.54.0.1"] {
        assert_eq!(way(&format!("x. MX 10 h.\nh. A {address}"), "x"), "Forbidden");
        assert_eq!(way("", &format!("[{address}]")), "Forbidden");
    }
    assert_eq!(way("x. MX 10 h.\nh. AAAA 2001:db8::1", "x"), "Forbidden");
}

#[test]
fn routes_come_before_mx_and_lead_anywhere() {
    let mut rules = rules(Scope::Internet);
    let route = |domain: &str, to: Target| Route { domain: name(domain), to, port: 2525 };
    rules.routes = vec![
        route("x.", Target::Address("127.0.0.1".parse().unwrap())),
        route("y.", Target::Name(name("a."))),
        route("z.", Target::Name(name("none."))),
    ];
    let dns = Dns::of(&format!("{HOSTS}x. MX 10 a.\nw.x. MX 10 b.\n"));
    let way = |domain| render(&go(&rules, &dns, domain, 1).way);
    assert_eq!(way("x"), "127.0.0.1 127.0.0.1:2525");
    assert_eq!(way("y"), "a 192.0.2.1:2525");
    assert_eq!(way("z"), "NoHost");
    // Those below are not meant.
    assert_eq!(way("w.x"), "b 192.0.2.2:25");
}

#[test]
fn families_take_turns_and_addresses_are_bounded() {
    let mut records = "x. MX 10 h.\nh. AAAA 2001:db8::1\nh. AAAA 2001:db8::2\n".to_owned();
    for number in 1..20 {
        records.push_str(&format!("h. A 192.0.2.{number}\n"));
    }
    let walk = go(&rules(Scope::Internet), &Dns::of(&records), "x", 1);
    let Way::Hosts(hosts) = &walk.way else { panic!("{walk:?}") };
    let is_v6: Vec<bool> = hosts[0].addresses.iter().map(|address| address.is_ipv6()).collect();
    assert_eq!(is_v6, [true, false, true, false, false, false, false, false]);
    assert!(matches!(walk.sights.last(), Some(Sight::Dropped { why: Drop::TooMany, .. })));
}

#[test]
fn hosts_beyond_a_bound_cost_no_question() {
    let mut records = String::new();
    for number in 0..200 {
        records.push_str(&format!("x. MX {number} h{number}.\nh{number}. A 192.0.2.{number}\n"));
    }
    let dns = Dns::of(&records);
    let walk = go(&rules(Scope::Internet), &dns, "x", 1);
    let Way::Hosts(hosts) = &walk.way else { panic!("{walk:?}") };
    assert_eq!((hosts.len(), dns.asked.get()), (16, 1 + 2 * 16));
}

#[test]
fn walk_tells_where_each_thing_comes_from() {
    let walk = go(&rules(Scope::Internet), &Dns::of(&format!("{HOSTS}x. 60 MX 10 a.")), "x", 1);
    let [Sight::Exchangers { hosts, origin }, Sight::Addresses { .. }] = &walk.sights[..] else {
        panic!("{:#?}", walk.sights)
    };
    assert_eq!(hosts[..], [(10, name("a."))]);
    assert_eq!(
        (origin.source, origin.is_authoritative, origin.ttl_secs),
        (Source::OwnZone, true, Some(60))
    );
}
