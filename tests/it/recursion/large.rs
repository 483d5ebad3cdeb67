//! Responses as large as they can be: what honest servers say is answered, what is made to cost
//! something costs little.

use super::{EXAMPLE, Host, ROOT, World, addresses, asked, check_failed, ip, options};
use crate::world::name;
use kereru::base::limits::{ADDRESSES_PER_SERVER_MAX, MESSAGE_LEN_MAX, SERVERS_PER_ZONE_MAX};
use kereru::cache::{End, FailureReason, Resolution};
use kereru::resolver::{Budget, Channel, Transmit};
use kereru::wire::numbers::Rtype;
use std::collections::BTreeSet;

/// Octets that one response may take while it is looked at, for each of its own.
const USED_PER_OCTET_MAX: u64 = 16;

/// Something for each number, a line each.
fn lines(count: usize, line: impl Fn(usize) -> String) -> String {
    (0..count).map(line).collect::<Vec<_>>().join("\n")
}

/// The hierarchy, with more in `org.` and in `example.org.`.
fn with(org: &str, example: &str) -> World {
    let org =
        format!("@ NS ns\nns A 192.0.2.2\nexample NS ns.example\nns.example A 192.0.2.3\n{org}");
    let example = format!("{EXAMPLE}\n{example}");
    let hosts: [Host<'_>; 3] = [
        ("192.0.2.1", &[(".", ROOT)]),
        ("192.0.2.2", &[("org.", &org)]),
        ("192.0.2.3", &[("example.org.", &example)]),
    ];
    World::new(options(), &hosts)
}

/// Asks for a set of which only TCP carries all, and once more; returns what is known of it.
#[track_caller]
fn ask_for_all(world: &mut World, qname: &str, rtype: Rtype) -> Resolution {
    world.ask("www.example.org.", Rtype::A);
    let resolution = world.ask(qname, rtype);
    assert_eq!(world.channels, [Channel::Udp, Channel::Tcp], "{:?}", world.sent());
    world.ask(qname, rtype);
    assert_eq!(world.sent(), [""; 0]);
    resolution
}

#[track_caller]
fn records(resolution: &Resolution) -> usize {
    let End::Records(entries) = &resolution.end else { panic!("no records: {resolution:?}") };
    entries.iter().map(|entry| entry.rdatas().count()).sum()
}

#[test]
fn address_set_that_fills_a_message_is_answered_whole() {
    let set = lines(4090, |number| format!("many A 10.0.{}.{}", number >> 8, number & 255));
    let mut world = with("", &set);
    let resolution = ask_for_all(&mut world, "many.example.org.", Rtype::A);
    assert_eq!(addresses(&resolution).len(), 4090);
}

#[test]
fn text_that_fills_a_message_is_answered_whole() {
    let set = lines(250, |number| format!("text TXT \"{number:0244}\""));
    let mut world = with("", &set);
    let resolution = ask_for_all(&mut world, "text.example.org.", Rtype::TXT);
    assert_eq!(records(&resolution), 250);
}

#[test]
fn single_record_that_fills_a_message_is_answered_whole() {
    let strings = vec![format!("\"{}\"", "x".repeat(255)); 255].join(" ");
    let mut world = with("", &format!("text TXT {strings}"));
    let resolution = ask_for_all(&mut world, "text.example.org.", Rtype::TXT);
    assert_eq!(records(&resolution), 1);
}

#[test]
fn set_of_servers_that_fills_a_message_is_answered_whole() {
    // A name of a label of three letters, at which no pointer saves anything.
    let set = lines(3800, |number| format!("cut NS {number:03x}."));
    let mut world = with("", &set);
    // Asked of the zone itself, as nobody else tells them as an answer.
    world.serve(
        "192.0.2.3",
        &[("example.org.", EXAMPLE), ("cut.example.org.", &set.replace("cut NS", "@ NS"))],
    );
    let resolution = ask_for_all(&mut world, "cut.example.org.", Rtype::NS);
    assert_eq!(records(&resolution), 3800);
}

#[test]
fn referral_that_fills_a_message_costs_few_requests() {
    let glue = lines(64, |number| format!("n{number:03x}.attack A 10.0.0.{number}"));
    for (glue, requests) in [("", 30), (&*glue, 3 * SERVERS_PER_ZONE_MAX)] {
        let org = lines(1400, |number| format!("attack NS n{number:03x}.attack"));
        let mut world = with(&format!("{org}\n{glue}"), "");
        let resolution = world.ask("www.attack.org.", Rtype::A);
        assert!(matches!(resolution.end, End::Failed(_)), "{resolution:?}");
        world.rest();
        assert!(world.channels.contains(&Channel::Tcp));
        assert!(world.sent.len() <= requests, "{}: {:?}", world.sent.len(), world.sent());
    }
}

/// A response with these records, each with its owner, in the answer section.
fn answer(transmit: &Transmit, records: &[Vec<u8>]) -> Vec<u8> {
    let end = 12 + asked(transmit).as_name().len() + 4;
    let mut response = transmit.octets[..end].to_vec();
    response[2..4].copy_from_slice(&[0x84, 0]);
    response[6..8].copy_from_slice(&u16::try_from(records.len()).unwrap().to_be_bytes());
    response[8..12].fill(0);
    records.iter().for_each(|record| response.extend_from_slice(record));
    assert!(response.len() <= MESSAGE_LEN_MAX);
    response
}

/// An alias of a name for another.
fn alias(owner: &str, target: &str) -> Vec<u8> {
    let (owner, target) = (name(owner), name(target));
    let mut record = owner.as_name().as_wire().to_vec();
    record.extend_from_slice(&[0, 5, 0, 1, 0, 0, 14, 16]);
    record.extend_from_slice(&u16::try_from(target.as_name().len()).unwrap().to_be_bytes());
    record.extend_from_slice(target.as_name().as_wire());
    record
}

#[test]
fn chain_of_aliases_that_fills_a_message_ends_at_the_bound() {
    let of = |number: usize| match number {
        0 => "www.example.org.".to_owned(),
        number => format!("n{number}.example.org."),
    };
    for backwards in [false, true] {
        let mut chain: Vec<Vec<u8>> =
            (0..1300).map(|number| alias(&of(number), &of(number + 1))).collect();
        if backwards {
            chain.reverse();
        }
        let mut world = with("", "");
        world.tamper = Some(Box::new(move |transmit, response| {
            let is_whole = transmit.to.ip() == ip("192.0.2.3");
            Some(if is_whole { answer(transmit, &chain) } else { response })
        }));
        let resolution = world.ask("www.example.org.", Rtype::A);
        // Of so many sets only the first ones are looked at.
        let reason = if backwards { FailureReason::Lame } else { FailureReason::TooLong };
        check_failed(&resolution, reason);
        world.rest();
        // Three to get there; each of the aliases may be asked for once.
        assert!(world.sent.len() <= 3 + 11, "{:?}", world.sent());
    }
}

#[test]
fn response_that_fills_a_message_takes_memory_in_proportion() {
    let addresses = lines(4000, |number| format!("many A 10.0.{}.{}", number >> 8, number & 255));
    let text = lines(250, |number| format!("many TXT \"{number:0244}\""));
    let servers = lines(2600, |number| format!("many MX 1 {number:03x}."));
    for (set, rtype) in [(addresses, Rtype::A), (text, Rtype::TXT), (servers, Rtype::MX)] {
        let mut world = with("", &set);
        world.put("many.example.org.", rtype, Budget::new(world.now));
        let is_large = |octets: &Option<Vec<u8>>| octets.as_ref().is_some_and(|o| o.len() > 30_000);
        while !world.arrivals.values().any(is_large) {
            assert!(world.step());
        }
        let ((at, request), octets) = world.arrivals.pop_first().unwrap();
        let octets = octets.unwrap();
        let used = allocation_counter::measure(|| {
            world.resolver.handle_response(at, request, &octets);
        });
        let most = USED_PER_OCTET_MAX * octets.len() as u64;
        assert!(used.bytes_max <= most, "{rtype}: {} of {}", used.bytes_max, octets.len());
        let finished = world.resolver.poll_finished().unwrap();
        assert!(records(&finished.resolution) >= 250);
    }
}

/// At how many addresses of 10/8 somebody was asked.
fn asked_at_ten(world: &World) -> usize {
    let asked = world.sent.iter().map(|(to, _)| to.to_string());
    asked.filter(|to| to.starts_with("10.")).collect::<BTreeSet<String>>().len()
}

#[test]
fn no_more_servers_of_a_zone_are_asked_than_are_looked_at() {
    let org = lines(100, |number| {
        format!("attack NS n{number:03}.attack\nn{number:03}.attack A 10.0.0.{number}")
    });
    let mut world = with(&org, "");
    // Each says at once that it does not serve the zone.
    for number in 0..100 {
        let zone = "@ NS ns\nns A 192.0.2.1";
        world.serve(&format!("10.0.0.{number}"), &[("elsewhere.", zone)]);
    }
    let resolution = world.ask("www.attack.org.", Rtype::A);
    check_failed(&resolution, FailureReason::Lame);
    assert_eq!(asked_at_ten(&world), SERVERS_PER_ZONE_MAX);
}

#[test]
fn server_with_very_many_addresses_is_asked_at_a_few() {
    let glue = lines(100, |number| format!("ns.attack A 10.0.0.{number}"));
    let mut world = with(&format!("attack NS ns.attack\n{glue}"), "");
    for number in 0..100 {
        let zone = "@ NS ns\nns A 192.0.2.1";
        world.serve(&format!("10.0.0.{number}"), &[("elsewhere.", zone)]);
    }
    let resolution = world.ask("www.attack.org.", Rtype::A);
    check_failed(&resolution, FailureReason::Lame);
    assert_eq!(asked_at_ten(&world), ADDRESSES_PER_SERVER_MAX);
}
