//! One request and what comes back: forged, cut, without EDNS, in another case, with cookies, or not
//! at all.

use super::{
    TRIP_US, Tamper, World, addresses, asked, bare, check_denied, check_failed, failing_with,
    hierarchy, ip, options, serving,
};
use crate::world::{exchange, name};
use kereru::answer::{AnswerOptions, Transport};
use kereru::base::limits::{LOOKUP_US_MAX, REQUEST_UDP_SIZE};
use kereru::cache::{End, FailureReason};
use kereru::policy::cookie::Secrets;
use kereru::resolver::{Asker, Budget, Channel, Ignored, Transmit};
use kereru::wire::header::Flags;
use kereru::wire::numbers::Rtype;
use kereru::wire::typed::Response;
use std::cell::Cell;
use std::collections::BTreeSet;
use std::rc::Rc;

#[test]
fn silent_servers_end_in_a_failure_within_the_time() {
    let mut world = hierarchy();
    let began = world.now;
    check_failed(&world.ask("www.dead.org.", Rtype::A), FailureReason::Unreachable);
    assert!(world.now.as_micros() - began.as_micros() <= LOOKUP_US_MAX, "{:?}", world.now);
    // Those that were asked in vain are not asked for their own address.
    assert!(world.sent_to("192.0.2.99") <= 3, "{:?}", world.sent());
}

#[test]
fn network_that_reaches_no_server_is_told_apart_from_silence() {
    let mut world = hierarchy();
    world.unreachable.insert(ip("192.0.2.99"));
    check_failed(&world.ask("www.dead.org.", Rtype::A), FailureReason::Network);
}

#[test]
fn response_that_was_cut_is_fetched_over_tcp() {
    let many: String = (0..90).map(|number| format!("many A 198.51.100.{number}\n")).collect();
    let mut world = World::new(
        options(),
        &[("192.0.2.1", &[(".", &format!("@ NS root.test.\nroot.test. A 192.0.2.1\n{many}"))])],
    );
    let resolution = world.ask("many.", Rtype::A);
    assert_eq!(addresses(&resolution).len(), 90);
    assert_eq!(world.channels, [Channel::Udp, Channel::Tcp]);
}

#[test]
fn server_that_cuts_its_responses_and_refuses_tcp_is_passed_over() {
    let mut world = hierarchy();
    let org = format!("{}\nexample NS ns2.example\nns2.example A 192.0.2.6", super::ORG);
    world.serve("192.0.2.2", &[("org.", &org)]);
    let zone = "@ NS ns\n@ NS ns2\nns A 192.0.2.3\nns2 A 192.0.2.6\n* A 192.0.2.80";
    world.serve("192.0.2.3", &[("example.org.", zone)]);
    world.serve("192.0.2.6", &[("example.org.", zone)]);
    world.tamper = Some(Box::new(|transmit, response| match transmit.channel {
        Channel::Udp if transmit.to.ip() == ip("192.0.2.3") => {
            Some(bare(transmit, Flags::QR | Flags::AA | Flags::TC, 0))
        }
        // Nobody listens there.
        Channel::Tcp => None,
        Channel::Udp => Some(response),
    }));
    for number in 0..10 {
        let resolution = world.ask(&format!("n{number}.example.org."), Rtype::A);
        assert_eq!(addresses(&resolution), [ip("192.0.2.80")]);
    }
}

#[test]
fn server_that_is_silent_over_udp_is_asked_over_tcp_and_that_is_remembered() {
    let mut world = hierarchy();
    world.ask("www.example.org.", Rtype::A);
    world.silent_over_udp.insert(ip("192.0.2.3"));
    check_denied(&world.ask("n1.example.org.", Rtype::A));
    assert_eq!(world.channels, [Channel::Udp, Channel::Udp, Channel::Udp, Channel::Tcp]);
    check_denied(&world.ask("n2.example.org.", Rtype::A));
    assert_eq!(world.channels, [Channel::Tcp]);
    // Not for ever.
    world.silent_over_udp.clear();
    world.pass(901);
    check_denied(&world.ask("n3.example.org.", Rtype::A));
    assert_eq!(world.channels.last(), Some(&Channel::Udp));
}

/// Loses so many datagrams to example.org., and no more.
fn losing(datagrams: u32) -> Tamper {
    let left = Cell::new(datagrams);
    Box::new(move |transmit, response| {
        let is_meant = transmit.channel == Channel::Udp && transmit.to.ip() == ip("192.0.2.3");
        if !is_meant || left.get() == 0 {
            return Some(response);
        }
        left.set(left.get() - 1);
        None
    })
}

#[test]
fn server_that_some_datagrams_to_are_lost_is_not_asked_over_tcp() {
    for (lost, within_us) in [(1, 150_000), (2, 550_000)] {
        let mut world = hierarchy();
        world.ask("www.example.org.", Rtype::A);
        world.tamper = Some(losing(lost));
        let began = world.now.as_micros();
        check_denied(&world.ask("n1.example.org.", Rtype::A));
        let took_us = world.now.as_micros() - began;
        assert!(took_us < within_us, "{lost}: {took_us}");
        check_denied(&world.ask("n2.example.org.", Rtype::A));
        assert!(world.channels.iter().all(|channel| *channel == Channel::Udp), "{lost}");
    }
}

#[test]
fn server_that_takes_longer_for_once_is_asked_twice_and_not_over_tcp() {
    let mut world = hierarchy();
    world.ask("www.example.org.", Rtype::A);
    world.delays.insert(ip("192.0.2.3"), 300_000);
    check_denied(&world.ask("n1.example.org.", Rtype::A));
    assert_eq!(world.channels, [Channel::Udp, Channel::Udp]);
    world.delays.clear();
    check_denied(&world.ask("n2.example.org.", Rtype::A));
    assert_eq!(world.channels, [Channel::Udp]);
}

#[test]
fn server_far_away_is_reached_over_udp_when_it_is_met_first() {
    for (delay_us, requests) in [(300_000, 1), (600_000, 2)] {
        let mut world = hierarchy();
        world.ask("ns.org.", Rtype::A);
        world.delays.insert(ip("192.0.2.3"), delay_us);
        assert_eq!(addresses(&world.ask("www.example.org.", Rtype::A)), [ip("192.0.2.80")]);
        assert_eq!(world.sent_to("192.0.2.3"), requests, "{:?}", world.sent());
        assert!(world.channels.iter().all(|channel| *channel == Channel::Udp));
    }
}

#[test]
fn server_that_refuses_connections_is_asked_over_udp_again() {
    let mut world = hierarchy();
    world.silent_over_udp.insert(ip("192.0.2.3"));
    assert_eq!(addresses(&world.ask("www.example.org.", Rtype::A)), [ip("192.0.2.80")]);
    assert_eq!(world.channels.last(), Some(&Channel::Tcp));
    world.silent_over_udp.clear();
    world.refusing_tcp.insert(ip("192.0.2.3"));
    check_denied(&world.ask("n1.example.org.", Rtype::A));
    assert_eq!(world.channels, [Channel::Tcp, Channel::Udp]);
    check_denied(&world.ask("n2.example.org.", Rtype::A));
    assert_eq!(world.channels, [Channel::Udp]);
    // The same where it was silent over UDP just before.
    let mut world = hierarchy();
    world.refusing_tcp.insert(ip("192.0.2.3"));
    world.tamper = Some(losing(2));
    assert_eq!(addresses(&world.ask("www.example.org.", Rtype::A)), [ip("192.0.2.80")]);
    let channels = [Channel::Udp, Channel::Udp, Channel::Tcp, Channel::Udp];
    assert_eq!(world.channels[world.channels.len() - 4..], channels);
}

#[test]
fn server_without_edns_is_asked_without_and_that_is_remembered() {
    let mut world = hierarchy();
    world.tamper = Some(Box::new(|transmit, response| {
        let is_refused = transmit.to.ip() == ip("192.0.2.3") && has_opt(transmit);
        Some(if is_refused { bare_formerr(transmit) } else { response })
    }));
    assert_eq!(addresses(&world.ask("www.example.org.", Rtype::A)), [ip("192.0.2.80")]);
    assert_eq!(world.sent.len(), 4);
    world.ask("nothing.example.org.", Rtype::A);
    assert_eq!(world.sent.len(), 1);
}

#[test]
fn server_that_cannot_read_a_request_for_another_reason_is_asked_with_edns_again() {
    let mut world = hierarchy();
    world.ask("other.example.org.", Rtype::A);
    // It fails for one name, whatever is asked of it.
    world.tamper = Some(Box::new(|transmit, response| {
        let is_odd = asked(transmit).as_name().to_lowercase() == name("odd.example.org.");
        Some(if is_odd { bare_formerr(transmit) } else { response })
    }));
    check_failed(&world.ask("odd.example.org.", Rtype::A), FailureReason::Lame);
    assert_eq!(world.sent_to("192.0.2.3"), 2, "{:?}", world.sent());
    let (_, transmit, _) = first_request(&mut world, "www.example.org.");
    assert!(has_opt(&transmit));
}

#[test]
fn server_that_is_silent_without_edns_is_asked_with_edns_again() {
    let mut world = hierarchy();
    world.ask("other.example.org.", Rtype::A);
    let is_first = Cell::new(true);
    world.tamper = Some(Box::new(move |transmit, response| match has_opt(transmit) {
        true if is_first.take() => Some(bare_formerr(transmit)),
        true => Some(response),
        false => None,
    }));
    assert_eq!(addresses(&world.ask("www.example.org.", Rtype::A)), [ip("192.0.2.80")]);
    assert_eq!(world.sent_to("192.0.2.3"), 3, "{:?}", world.sent());
}

#[test]
fn requests_ask_for_dnssec_records_and_no_more_than_fits_a_packet() {
    let mut world = hierarchy();
    world.tamper = Some(Box::new(|transmit, response| {
        let request = Response::read(&transmit.octets).unwrap();
        let edns = request.edns.unwrap();
        assert!(edns.dnssec_ok && edns.udp_size == usize::from(REQUEST_UDP_SIZE));
        assert!(!request.header.flags.contains(Flags::RD));
        Some(response)
    }));
    world.ask("www.example.org.", Rtype::A);
}

#[test]
fn case_of_the_question_is_mixed_and_a_server_that_loses_it_is_asked_over_tcp() {
    let mut world = hierarchy();
    world.tamper = Some(Box::new(|transmit, mut response| {
        if transmit.to.ip() == ip("192.0.2.3") {
            let lower = asked(transmit).as_name().to_lowercase();
            response[12..12 + lower.as_name().len()].copy_from_slice(lower.as_name().as_wire());
        }
        Some(response)
    }));
    assert_eq!(addresses(&world.ask("www.example.org.", Rtype::A)), [ip("192.0.2.80")]);
    assert_eq!(world.channels[2..], [Channel::Udp, Channel::Tcp]);
}

#[test]
fn response_in_another_case_is_told_as_one_that_is_not_used() {
    let mut world = hierarchy();
    world.ask("www.example.org.", Rtype::A);
    let (_, transmit, mut right) = first_request(&mut world, "other.example.org.");
    let letter = right[13..].iter().position(u8::is_ascii_alphabetic).unwrap() + 13;
    right[letter] ^= 0x20;
    let ignored = world.resolver.handle_response(world.now, transmit.request, &right);
    assert_eq!(ignored, Some(Ignored::Case));
}

#[test]
fn random_case_of_a_question_does_not_come_with_the_answer() {
    let mut world = hierarchy();
    for qname in ["alias.example.org.", "www.old.example.org."] {
        let resolution = world.ask(qname, Rtype::A);
        let End::Records(entries) = &resolution.end else { panic!("{resolution:?}") };
        for entry in resolution.aliases.iter().chain(entries) {
            let is_lower = |octets: &[u8]| !octets.iter().any(u8::is_ascii_uppercase);
            assert!(is_lower(entry.name().as_wire()), "{}", entry.name());
            let target = entry.target();
            assert!(target.is_none_or(|target| is_lower(target.as_wire())), "{target:?}");
        }
    }
}

fn has_opt(transmit: &Transmit) -> bool {
    Response::read(&transmit.octets).unwrap().edns.is_some()
}

/// FORMERR of who could not read the request: a header and nothing else.
fn bare_formerr(transmit: &Transmit) -> Vec<u8> {
    let mut refused = transmit.octets[..12].to_vec();
    refused[2] |= 0x80;
    refused[3] = 1;
    refused[4..].fill(0);
    refused
}

/// The first request for a name of a zone whose servers are known, and the right response to it.
fn first_request(world: &mut World, qname: &str) -> (Asker, Transmit, Vec<u8>) {
    let asker = world.put(qname, Rtype::A, Budget::new(world.now));
    let transmit = world.resolver.poll_transmit().unwrap();
    let server = &world.servers[&transmit.to.ip()];
    let right = exchange(server, Transport::Udp, &transmit.octets).unwrap();
    (asker, transmit, right)
}

#[test]
fn forged_responses_are_ignored_and_many_of_them_lead_to_tcp() {
    let mut world = hierarchy();
    world.ask("www.example.org.", Rtype::A);
    let (_, transmit, right) = first_request(&mut world, "other.example.org.");
    let forge = |at: usize, bits: u8| {
        let mut forged = right.clone();
        forged[at] ^= bits;
        forged
    };
    // The number, that it is a response, the type, a letter of the name; and nothing at all.
    let type_at = 12 + name("other.example.org.").as_name().len() + 1;
    let cut_short = right[..right.len() - 1].to_vec();
    let forgeries = [
        (forge(0, 1), Ignored::Id),
        (forge(2, 0x80), Ignored::Question),
        (forge(type_at, 1), Ignored::Question),
        (forge(13, 1), Ignored::Question),
        (cut_short, Ignored::Malformed),
        (Vec::new(), Ignored::Malformed),
    ];
    for (forged, why) in &forgeries {
        let ignored = world.resolver.handle_response(world.now, transmit.request, forged);
        assert_eq!(ignored, Some(*why));
        assert!(world.resolver.awaits(transmit.request));
        assert!(world.resolver.poll_finished().is_none());
    }
    for _ in 0..2 {
        world.resolver.handle_response(world.now, transmit.request, &forgeries[0].0);
    }
    assert!(!world.resolver.awaits(transmit.request));
    let again = world.resolver.poll_transmit().unwrap();
    assert_eq!((again.channel, again.to), (Channel::Tcp, transmit.to));
    let right = exchange(&world.servers[&again.to.ip()], Transport::Tcp, &again.octets).unwrap();
    assert_eq!(world.resolver.handle_response(world.now, again.request, &right), None);
    check_denied(&world.resolver.poll_finished().unwrap().resolution);
}

#[test]
fn many_clients_with_one_question_cost_one_request_even_if_the_answer_is_not_kept() {
    for (qname, ttl) in [("www.example.org.", 3600), ("zero.example.org.", 0)] {
        let mut world = hierarchy();
        world.ask("other.example.org.", Rtype::A);
        let askers: BTreeSet<Asker> =
            (0..100).map(|_| world.put(qname, Rtype::A, Budget::new(world.now))).collect();
        world.sent.clear();
        let finished = world.rest();
        assert_eq!(world.sent.len(), 1);
        assert_eq!(finished.iter().map(|one| one.asker).collect::<BTreeSet<_>>(), askers);
        for one in &finished {
            let End::Records(entries) = &one.resolution.end else { panic!("{one:?}") };
            assert_eq!(entries[0].ttl().as_secs(), ttl);
        }
    }
}

#[test]
fn answer_with_a_ttl_of_zero_is_told_and_not_kept() {
    let mut world = hierarchy();
    assert_eq!(addresses(&world.ask("zero.example.org.", Rtype::A)), [ip("192.0.2.82")]);
    assert_eq!(addresses(&world.ask("zero.example.org.", Rtype::A)), [ip("192.0.2.82")]);
    assert_eq!(world.sent.len(), 1);
}

/// A world in which the server of example.org. uses cookies.
fn with_cookies() -> World {
    let mut world = hierarchy();
    let options =
        AnswerOptions { cookies: Some(Secrets::new([7; 16], None)), ..AnswerOptions::default() };
    let zone = "@ NS ns\nns A 192.0.2.3\nwww A 192.0.2.80";
    world.servers.insert(ip("192.0.2.3"), serving(&[("example.org.", zone)], options));
    world
}

/// Octets of the cookie of a message; 0 if there is none.
fn cookie_len(message: &[u8]) -> usize {
    let cookie = Response::read(message).unwrap().edns.and_then(|edns| edns.cookie);
    cookie.map_or(0, |(_, server)| 8 + server.map_or(0, |server| server.as_octets().len()))
}

/// The message without its OPT record's options, which stand at its end.
fn without_options(mut message: Vec<u8>) -> Vec<u8> {
    let options_len = 4 + cookie_len(&message);
    message.truncate(message.len() - options_len);
    let at = message.len() - 2;
    message[at..].fill(0);
    message
}

#[test]
fn cookie_that_a_server_has_told_is_sent_from_then_on() {
    let mut world = with_cookies();
    world.ask("www.example.org.", Rtype::A);
    let (_, transmit, right) = first_request(&mut world, "other.example.org.");
    assert_eq!((cookie_len(&transmit.octets), cookie_len(&right)), (24, 24));
    world.rest();
    // Others get our part alone, and each another one.
    let sent = Rc::new(Cell::new(BTreeSet::new()));
    let seen = Rc::clone(&sent);
    world.tamper = Some(Box::new(move |transmit, response| {
        let (ours, theirs) =
            Response::read(&transmit.octets).unwrap().edns.unwrap().cookie.unwrap();
        assert!(theirs.is_none());
        let mut all = seen.take();
        all.insert(ours);
        seen.set(all);
        Some(response)
    }));
    world.ask("www.servers.net.", Rtype::A);
    assert_eq!(
        sent.take().len(),
        world.sent.iter().map(|(to, _)| to).collect::<BTreeSet<_>>().len()
    );
}

#[test]
fn our_part_of_cookies_is_another_one_after_a_day_and_that_of_the_server_is_forgotten() {
    let mut world = with_cookies();
    let mut ask = |qname: &str| {
        world.ask("www.example.org.", Rtype::A);
        let (asker, transmit, right) = first_request(&mut world, qname);
        world.resolver.handle_response(world.now, transmit.request, &right);
        assert_eq!(world.rest()[0].asker, asker);
        world.pass(86_400);
        Response::read(&transmit.octets).unwrap().edns.unwrap().cookie.unwrap()
    };
    let (first, second) = (ask("a.example.org."), ask("b.example.org."));
    assert_ne!(first.0, second.0);
    assert!(first.1.is_some() && second.1.is_some() && first.1 != second.1);
    let (_, transmit, _) = first_request(&mut world, "c.example.org.");
    let (_, theirs) = Response::read(&transmit.octets).unwrap().edns.unwrap().cookie.unwrap();
    assert_eq!(theirs, None);
}

#[test]
fn response_with_another_cookie_than_ours_is_a_forged_one() {
    let mut world = with_cookies();
    world.ask("www.example.org.", Rtype::A);
    let (_, transmit, right) = first_request(&mut world, "other.example.org.");
    let mut forged = right.clone();
    let at = forged.len() - 24;
    forged[at] ^= 1;
    let ignored = world.resolver.handle_response(world.now, transmit.request, &forged);
    assert_eq!(ignored, Some(Ignored::Cookie));
    assert!(world.resolver.awaits(transmit.request));
    world.resolver.handle_response(world.now, transmit.request, &right);
    check_denied(&world.resolver.poll_finished().unwrap().resolution);
}

#[test]
fn response_without_the_cookie_that_is_expected_is_confirmed_over_tcp() {
    let mut world = with_cookies();
    world.ask("www.example.org.", Rtype::A);
    let (_, transmit, right) = first_request(&mut world, "other.example.org.");
    let bare = without_options(right);
    let ignored = world.resolver.handle_response(world.now, transmit.request, &bare);
    assert_eq!(ignored, Some(Ignored::Cookie));
    let again = world.resolver.poll_transmit().unwrap();
    assert_eq!(again.channel, Channel::Tcp);
    // A server that has stopped using them is believed there, and asked over UDP from then on.
    world.resolver.handle_response(world.now, again.request, &{
        let right =
            exchange(&world.servers[&again.to.ip()], Transport::Tcp, &again.octets).unwrap();
        without_options(right)
    });
    check_denied(&world.resolver.poll_finished().unwrap().resolution);
    world.tamper = Some(Box::new(|_, response| Some(without_options(response))));
    check_denied(&world.ask("next.example.org.", Rtype::A));
    assert_eq!(world.channels, [Channel::Udp]);
}

#[test]
fn server_that_wants_a_cookie_is_asked_with_the_one_it_tells_and_then_over_tcp() {
    let refusals = Rc::new(Cell::new(1));
    let mut world = with_cookies();
    let left = Rc::clone(&refusals);
    world.tamper = Some(Box::new(move |transmit, mut response| {
        let is_meant = transmit.to.ip() == ip("192.0.2.3") && transmit.channel == Channel::Udp;
        if is_meant && left.get() > 0 {
            left.set(left.get() - 1);
            // BADCOOKIE is 23: 1 in the OPT record, whose code stands before flags and options.
            let opt = response.len() - 28 - 6;
            response[3] = response[3] & 0xF0 | 7;
            response[opt] = 1;
        }
        Some(response)
    }));
    assert_eq!(addresses(&world.ask("www.example.org.", Rtype::A)), [ip("192.0.2.80")]);
    assert_eq!(world.channels[2..], [Channel::Udp, Channel::Udp]);
    refusals.set(2);
    check_denied(&world.ask("other.example.org.", Rtype::A));
    assert_eq!(world.channels, [Channel::Udp, Channel::Udp, Channel::Tcp]);
}

#[test]
fn server_that_fails_on_cookies_is_asked_without() {
    let mut world = with_cookies();
    world.tamper = Some(Box::new(|transmit, response| {
        let is_meant = transmit.to.ip() == ip("192.0.2.3") && cookie_len(&transmit.octets) > 0;
        if !is_meant {
            return Some(response);
        }
        let mut refused = bare(transmit, Flags::QR, 1);
        refused[11] = 1;
        refused.extend_from_slice(&[0, 0, 41, 4, 208, 0, 0, 0, 0, 0, 0]);
        Some(refused)
    }));
    assert_eq!(addresses(&world.ask("www.example.org.", Rtype::A)), [ip("192.0.2.80")]);
    world.ask("other.example.org.", Rtype::A);
    assert_eq!(world.sent.len(), 1);
}

#[test]
fn wrong_message_over_tcp_ends_the_request() {
    for wrong in [0, 2, 13] {
        let mut world = hierarchy();
        world.tamper = Some(Box::new(|transmit, mut response| {
            if transmit.channel == Channel::Udp {
                response[2] |= 2;
            }
            Some(response)
        }));
        world.put("www.example.org.", Rtype::A, Budget::new(world.now));
        let transmit = loop {
            match world.resolver.poll_transmit() {
                Some(transmit) if transmit.channel == Channel::Tcp => break transmit,
                Some(transmit) => world.deliver(&transmit),
                None => assert!(world.step()),
            }
        };
        // Another ID, a query, another question.
        let mut octets =
            exchange(&world.servers[&ip("192.0.2.1")], Transport::Tcp, &transmit.octets);
        octets.as_mut().unwrap()[wrong] ^= if wrong == 2 { 0x80 } else { 1 };
        assert!(world.resolver.awaits(transmit.request));
        world.resolver.handle_response(world.now, transmit.request, &octets.unwrap());
        assert!(!world.resolver.awaits(transmit.request), "{wrong}");
        // It is asked once more.
        let finished = world.rest();
        assert_eq!(addresses(&finished[0].resolution), [ip("192.0.2.80")]);
    }
}

#[test]
fn server_over_a_satellite_is_reached_the_first_time() {
    for (trip_us, within_us) in [(900_000, 1_000_000), (1_800_000, 2_300_000)] {
        let mut world = hierarchy();
        world.delays.insert(ip("192.0.2.3"), trip_us - TRIP_US);
        let began = world.now.as_micros();
        assert_eq!(addresses(&world.ask("www.example.org.", Rtype::A)), [ip("192.0.2.80")]);
        let after_us = world.now.as_micros() - began;
        assert!(after_us <= within_us, "{after_us}");
        // From then on it is waited for.
        let began = world.now.as_micros();
        assert_eq!(addresses(&world.ask("both.example.org.", Rtype::A)), [ip("192.0.2.84")]);
        assert_eq!(world.now.as_micros() - began, trip_us);
    }
}

/// A world in which one server of example.org. fails after its wait, and the other answers after that,
/// within its own.
fn with_late_failure() -> World {
    let mut world = hierarchy();
    let org = "@ NS ns\nns A 192.0.2.2\nexample NS a.example\nexample NS b.example\n\
         a.example A 192.0.2.3\nb.example A 192.0.2.6";
    world.serve("192.0.2.2", &[("org.", org)]);
    let zone = "@ NS a\n@ NS b\na A 192.0.2.3\nb A 192.0.2.6\nwww A 192.0.2.80";
    for address in ["192.0.2.3", "192.0.2.6"] {
        world.serve(address, &[("example.org.", zone)]);
    }
    world.tamper = Some(failing_with("192.0.2.3", 2));
    world.delays.insert(ip("192.0.2.3"), 450_000);
    world.delays.insert(ip("192.0.2.6"), 250_000);
    world
}

#[test]
fn late_failure_leaves_the_request_to_another_server_under_way() {
    let mut failed = 0;
    for skipped in 0..10 {
        let mut world = with_late_failure();
        // Another choice each time.
        for number in 0..skipped {
            world.ask(&format!("x{number}."), Rtype::A);
        }
        assert_eq!(addresses(&world.ask("www.example.org.", Rtype::A)), [ip("192.0.2.80")]);
        failed += world.sent_to("192.0.2.3");
        assert_eq!(world.sent_to("192.0.2.6"), 1, "{:?}", world.sent());
    }
    assert!(failed > 0);
}
