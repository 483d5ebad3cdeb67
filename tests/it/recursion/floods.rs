//! Floods of names below a zone whose servers cannot be found, or are waited for.

use super::bounds::{is_busy, leading_on, put};
use super::{ORG, addresses, hierarchy, ip};
use kereru::base::limits::{LOOKUPS_MAX, WAITING_FETCHES_MAX};
use kereru::cache::End;
use kereru::resolver::{Asker, Asking, Budget, Question};
use kereru::wire::numbers::Rtype;
use std::net::IpAddr;

fn client(number: usize) -> IpAddr {
    IpAddr::from([10, 1, (number >> 8) as u8, number as u8])
}

#[test]
fn flood_of_names_below_a_zone_whose_server_is_waited_for_leaves_others_alone() {
    let mut world = hierarchy();
    world.serve("192.0.2.2", &[("org.", &format!("{ORG}\nattack NS ns.slow.servers.net."))]);
    let servers = "@ NS ns\nns A 192.0.2.5\nslow NS ns1.slow\nns1.slow A 192.0.2.77\n";
    world.serve("192.0.2.5", &[("servers.net.", servers)]);
    world.silent.insert(ip("192.0.2.77"));
    world.ask("first.attack.org.", Rtype::A);
    world.pass(20);
    for number in 0..LOOKUPS_MAX + 100 {
        put(&mut world, client(number / 500), &format!("n{number}.attack.org."));
    }
    // So many wait for the address, and so many for what the parent says; the others have been told
    // that there is no room.
    let waiting = world.resolver.inflight();
    assert!(waiting <= 2 * WAITING_FETCHES_MAX as usize + 1, "{waiting}");
    let end = put(&mut world, ip("198.51.100.9"), "www.example.org.");
    assert!(!is_busy(end.as_ref()), "{end:?}");
    let finished = world.rest();
    let other =
        finished.iter().find(|one| one.resolution.name == crate::world::name("www.example.org."));
    assert_eq!(addresses(&other.unwrap().resolution), [ip("192.0.2.80")]);
}

#[test]
fn client_that_floods_a_zone_leaves_its_places_to_others() {
    // Servers that are slow, and servers whose address is slow to be found.
    for slow in ["192.0.2.3", "192.0.2.5"] {
        let mut world = hierarchy();
        let wild = "@ NS ns.servers.net.\n* A 192.0.2.91";
        world.serve("192.0.2.3", &[("example.org.", "@ NS ns\nns A 192.0.2.3\n* A 192.0.2.91")]);
        let servers = "@ NS ns\nns A 192.0.2.5";
        world.serve("192.0.2.5", &[("servers.net.", servers), ("glueless.org.", wild)]);
        let zone = if slow == "192.0.2.3" { "example.org." } else { "glueless.org." };
        // What leads to the slow server is known, and no more.
        world.ask("www.example.org.", Rtype::A);
        world.ask("nothing.net.", Rtype::A);
        world.delays.insert(ip(slow), 60_000);
        let mut busy = 0;
        for number in 0..300 {
            let end = put(&mut world, client(1), &format!("n{number}.{zone}"));
            busy += usize::from(is_busy(end.as_ref()));
        }
        for number in 0..40 {
            let end = put(&mut world, client(2), &format!("m{number}.{zone}"));
            assert!(end.is_none(), "{slow}: {end:?}");
        }
        let finished = world.rest();
        let (others, own): (Vec<_>, Vec<_>) =
            finished.iter().partition(|one| one.asker.0 + 40 > world.asked);
        busy += own.iter().filter(|one| is_busy(Some(&one.resolution.end))).count();
        assert!((200..=250).contains(&busy), "{slow}: {busy}");
        assert_eq!(others.len(), 40);
        for one in others {
            assert_eq!(addresses(&one.resolution), [ip("192.0.2.91")]);
        }
    }
}

#[test]
fn flood_of_names_below_a_zone_without_servers_costs_its_parent_nothing() {
    for bad in ["bad NS ns.nowhere.net.", "bad NS ns.bad"] {
        let mut world = hierarchy();
        world.serve("192.0.2.2", &[("org.", &format!("{ORG}\nco NS ns.co\nns.co A 192.0.2.20"))]);
        let co = format!("@ NS ns\nns A 192.0.2.20\n{bad}\ngood NS ns.good\nns.good A 192.0.2.21");
        world.serve("192.0.2.20", &[("co.org.", &co)]);
        let good = "@ NS ns\nns A 192.0.2.21\nwww A 192.0.2.92";
        world.serve("192.0.2.21", &[("good.co.org.", good)]);
        world.ask("x.bad.co.org.", Rtype::A);
        world.rest();
        for number in 0..300 {
            put(&mut world, client(number), &format!("n{number}.bad.co.org."));
        }
        let resolution = world.ask("www.good.co.org.", Rtype::A);
        assert_eq!(addresses(&resolution), [ip("192.0.2.92")]);
        assert_eq!(world.sent_to("192.0.2.20"), 1, "{bad}");
    }
}

#[test]
fn parent_is_asked_once_for_addresses_that_are_over() {
    let mut world = hierarchy();
    let org = format!("{ORG}\nbrief NS ns.brief\nns.brief 60 A 192.0.2.40");
    world.serve("192.0.2.2", &[("org.", &org)]);
    let brief = "@ NS ns\nns 60 A 192.0.2.40\n*.w A 192.0.2.91";
    world.serve("192.0.2.40", &[("brief.org.", brief)]);
    world.ask("a.w.brief.org.", Rtype::A);
    world.pass(61);
    world.sent.clear();
    for number in 0..100 {
        put(&mut world, client(number), &format!("n{number}.w.brief.org."));
    }
    let finished = world.rest();
    assert_eq!(finished.len(), 100);
    for one in finished {
        assert_eq!(addresses(&one.resolution), [ip("192.0.2.91")]);
    }
    assert_eq!(world.sent_to("192.0.2.2"), 1, "{:?}", world.sent());
}

#[test]
fn names_below_a_delegation_that_leads_to_further_delegations_cost_requests_once() {
    for families in [[true, false], [true, true]] {
        let mut world = leading_on(families);
        world.ask("n.attack.org.", Rtype::A);
        world.rest();
        for number in 0..12 {
            let resolution = world.ask(&format!("n{number}.attack.org."), Rtype::A);
            assert!(matches!(resolution.end, End::Failed(_)), "{resolution:?}");
            assert_eq!(world.sent(), [""; 0]);
        }
    }
}

#[test]
fn clients_who_gave_up_on_a_silent_server_take_no_memory() {
    let mut world = hierarchy();
    world.ask("other.example.org.", Rtype::A);
    world.silent.insert(ip("192.0.2.3"));
    // As many clients as there may be ask the same, and each is answered before anything comes back.
    let mut round = || {
        for number in 0..LOOKUPS_MAX {
            world.asked += 1;
            let asking = Asking {
                asker: Asker(world.asked),
                client: client(number),
                question: Question {
                    name: crate::world::name("www.example.org."),
                    rtype: Rtype::A,
                },
                budget: Budget { deadline: world.now.after_micros(1), ..Budget::new(world.now) },
            };
            world.resolver.handle_question(world.now, asking);
        }
        world.now = world.now.after_micros(1);
        world.resolver.handle_timeout(world.now);
        while world.resolver.poll_finished().is_some() {}
        assert_eq!(world.resolver.inflight(), 0);
    };
    (0..3).for_each(|_| round());
    let used = allocation_counter::measure(|| (0..2).for_each(|_| round()));
    assert!(used.bytes_current <= 1 << 16, "{}", used.bytes_current);
}
