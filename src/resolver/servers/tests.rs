use super::{
    Asked, EXPLORE_EVERY, FAMILY_LOSSES, FAMILY_PAUSE_US, FIRST_WAIT_US, REMEMBERED_US,
    SERVERS_MAX, SILENT_AFTER, Servers, WAIT_MAX_US, WAIT_MIN_US, Wait,
};
use crate::base::entropy::Seeded;
use crate::base::time::Now;
use crate::wire::edns::ServerCookie;
use std::collections::HashMap;
use std::net::SocketAddr;

fn address(number: u16) -> SocketAddr {
    let [high, low] = number.to_be_bytes();
    SocketAddr::from(([192, 0, high, low], 53))
}

/// The first time that something is asked of a server that has it.
const FIRST: Wait = Wait { server: Asked::Serves, losses: 0 };

fn v6(number: u16) -> SocketAddr {
    SocketAddr::from(([0x2001, 0xDB8, 0, 0, 0, 0, 0, number], 53))
}

fn now(millis: u64) -> Now {
    Now::from_micros(millis * 1000)
}

/// How often each address is chosen of a thousand times.
fn chosen(servers: &Servers, at: Now, candidates: &[SocketAddr]) -> HashMap<SocketAddr, u32> {
    chosen_of(servers, at, (candidates, Asked::Serves))
}

fn chosen_of(
    servers: &Servers,
    at: Now,
    candidates: (&[SocketAddr], Asked),
) -> HashMap<SocketAddr, u32> {
    let mut entropy = Seeded::new(1);
    let mut counts = HashMap::new();
    for _ in 0..1000 {
        *counts.entry(servers.choose(at, candidates, |_| 0, &mut entropy).unwrap()).or_default() +=
            1;
    }
    counts
}

#[test]
fn none_is_chosen_of_no_addresses() {
    assert_eq!(
        Servers::default().choose(now(0), (&[], Asked::Serves), |_| 0, &mut Seeded::new(1)),
        None
    );
}

#[test]
fn servers_about_as_fast_as_the_best_share_the_requests() {
    let mut servers = Servers::default();
    for (number, after_us) in [(1, 10_000), (2, 60_000), (3, 300_000)] {
        servers.answered(now(0), address(number), after_us);
    }
    let counts = chosen(&servers, now(1), &[1, 2, 3].map(address));
    assert!(counts[&address(1)] > 400 && counts[&address(2)] > 400, "{counts:?}");
    // The slow one is tried now and then.
    let slow = counts[&address(3)];
    assert!(slow > 0 && slow < 2 * 1000 / EXPLORE_EVERY, "{counts:?}");
}

#[test]
fn fastest_of_those_that_resolve_gets_the_requests() {
    let mut servers = Servers::default();
    servers.answered(now(0), address(1), 90_000);
    servers.answered(now(0), address(2), 1_000);
    let counts = chosen_of(&servers, now(1), (&[1, 2].map(address), Asked::Resolves));
    // The other is tried now and then.
    let other = counts[&address(1)];
    assert!(other > 0 && other < 2 * 1000 / EXPLORE_EVERY, "{counts:?}");
}

#[test]
fn server_that_was_asked_comes_after_those_that_were_not() {
    let mut servers = Servers::default();
    servers.answered(now(0), address(1), 1_000);
    servers.answered(now(0), address(2), 900_000);
    let tries = |tried: SocketAddr| u32::from(tried == address(1));
    let candidates = [1, 2].map(address);
    for seed in 0..50 {
        let mut entropy = Seeded::new(seed);
        let next = servers.choose(now(1), (&candidates, Asked::Serves), tries, &mut entropy);
        assert_eq!(next, Some(address(2)));
    }
}

#[test]
fn wait_follows_the_times_and_doubles_with_each_loss() {
    let mut servers = Servers::default();
    let wait = |servers: &Servers| servers.manner(now(9), address(1), FIRST).wait_us;
    assert_eq!(wait(&servers), FIRST_WAIT_US);
    servers.answered(now(0), address(1), 1_000);
    assert_eq!(wait(&servers), WAIT_MIN_US);
    // What did not come in that time is waited for as if the times were not known.
    servers.lost(now(1), address(1));
    assert_eq!(wait(&servers), FIRST_WAIT_US);
    servers.lost(now(1), address(1));
    assert_eq!(wait(&servers), 2 * FIRST_WAIT_US);
    for _ in 0..40 {
        servers.lost(now(1), address(1));
    }
    assert_eq!(wait(&servers), WAIT_MAX_US);
    for _ in 0..40 {
        servers.answered(now(2), address(1), 80_000);
    }
    let settled = wait(&servers);
    assert!((80_000..120_000).contains(&settled), "{settled}");
}

#[test]
fn wait_doubles_with_each_loss_of_the_same_whatever_else_is_answered() {
    let mut servers = Servers::default();
    let waits = |servers: &Servers, server| {
        let wait = |losses| servers.manner(now(9), address(1), Wait { server, losses }).wait_us;
        [0, 1, 2, 40].map(wait)
    };
    let doubled = [FIRST_WAIT_US, 2 * FIRST_WAIT_US, WAIT_MAX_US, WAIT_MAX_US];
    assert_eq!(waits(&servers, Asked::Serves), doubled);
    servers.answered(now(0), address(1), 1_000);
    let known = [WAIT_MIN_US, FIRST_WAIT_US, 2 * FIRST_WAIT_US, WAIT_MAX_US];
    assert_eq!(waits(&servers, Asked::Serves), known);
    // One that resolves may take as long for the next name as one that is not known.
    assert_eq!(waits(&servers, Asked::Resolves), doubled);
}

#[test]
fn silent_server_is_left_alone_for_a_while_unless_it_is_the_only_one() {
    let mut servers = Servers::default();
    servers.answered(now(0), address(2), 900_000);
    for _ in 0..SILENT_AFTER {
        servers.lost(now(0), address(1));
    }
    let both = [1, 2].map(address);
    assert_eq!(chosen(&servers, now(1), &both), HashMap::from([(address(2), 1000)]));
    assert_eq!(chosen(&servers, now(1), &both[..1]), HashMap::from([(address(1), 1000)]));
    assert!(chosen(&servers, now(60_000), &both).contains_key(&address(1)));
    servers.answered(now(1), address(1), 1_000);
    assert!(chosen(&servers, now(1), &both)[&address(1)] > 900);
}

/// Addresses of different networks of IPv6, as many as are to be lost before it is given up.
fn lost_networks() -> Vec<SocketAddr> {
    let network = |number| SocketAddr::from(([0x2001, number, 0, 0, 0, 0, 0, 1], 53));
    (0..).map(network).take(FAMILY_LOSSES).collect()
}

#[test]
fn family_that_loses_all_requests_to_several_networks_is_left_alone_for_a_while() {
    let mut servers = Servers::default();
    let candidates = [v6(999), address(1)];
    // That an address has answered before the way was cut does not hide it.
    let lost = lost_networks();
    servers.answered(now(0), lost[0], 1_000);
    let (last, first) = lost.split_last().unwrap();
    first.iter().for_each(|to| servers.lost(now(0), *to));
    assert!(chosen(&servers, now(1), &candidates).contains_key(&v6(999)));
    servers.lost(now(0), *last);
    assert_eq!(chosen(&servers, now(1), &candidates), HashMap::from([(address(1), 1000)]));
    // Where there is nothing else it is tried all the same.
    assert!(chosen(&servers, now(1), &candidates[..1]).contains_key(&v6(999)));
    let later = now(FAMILY_PAUSE_US / 1000);
    assert!(chosen(&servers, later, &candidates).contains_key(&v6(999)));
    // One more loss is enough then, and one response ends it.
    servers.lost(later, lost[0]);
    assert_eq!(chosen(&servers, later, &candidates), HashMap::from([(address(1), 1000)]));
    servers.answered(later, v6(5), 1_000);
    assert!(chosen(&servers, later, &candidates).contains_key(&v6(999)));
}

#[test]
fn one_dead_network_with_many_addresses_does_not_make_its_family_broken() {
    let mut servers = Servers::default();
    for number in 0..200 {
        servers.lost(now(0), v6(number));
        servers.lost(now(0), SocketAddr::from(([198, 51, 100, 7], number)));
        servers.lost(now(0), SocketAddr::from(([198, 51, 200, 7], number)));
    }
    let candidates = [v6(999), address(1)];
    let counts = chosen(&servers, now(1), &candidates);
    assert!(candidates.iter().all(|candidate| counts[candidate] > 400), "{counts:?}");
}

#[test]
fn losses_between_which_the_family_answers_do_not_add_up() {
    let mut servers = Servers::default();
    for to in lost_networks() {
        servers.lost(now(0), to);
        servers.answered(now(0), v6(5), 1_000);
    }
    assert!(chosen(&servers, now(1), &[v6(999), address(1)]).contains_key(&v6(999)));
}

#[test]
fn what_a_server_lacks_is_remembered_for_a_while() {
    let mut servers = Servers::default();
    let before = servers.manner(now(0), address(1), FIRST);
    assert!(before.edns && before.mixed_case && before.with_cookie && !before.tcp);
    servers.lacks_edns(now(0), address(1));
    servers.lacks_cookies(now(0), address(1));
    servers.lacks_case(now(0), address(1));
    servers.lacks_udp(now(0), address(1));
    let during = servers.manner(now(1), address(1), FIRST);
    assert!(!during.edns && !during.mixed_case && !during.with_cookie && during.tcp);
    let other = servers.manner(now(1), address(2), FIRST);
    assert!(other.edns && other.mixed_case && other.with_cookie && !other.tcp);
    let after = servers.manner(Now::from_micros(REMEMBERED_US), address(1), FIRST);
    assert!(after.edns && after.mixed_case && after.with_cookie && !after.tcp);
}

#[test]
fn cookie_of_a_server_is_sent_back() {
    let mut servers = Servers::default();
    let cookie = ServerCookie::new(&[9; 16]).unwrap();
    servers.told_cookie(now(0), address(1), cookie);
    assert_eq!(servers.manner(now(1), address(1), FIRST).cookie, Some(cookie));
    assert_eq!(servers.manner(now(1), address(2), FIRST).cookie, None);
    servers.forget_cookie(now(2), address(1));
    assert_eq!(servers.manner(now(2), address(1), FIRST).cookie, None);
    servers.told_cookie(now(2), address(1), cookie);
    servers.forget_cookies();
    assert_eq!(servers.manner(now(2), address(1), FIRST).cookie, None);
}

#[test]
fn table_forgets_those_asked_longest_ago_when_it_is_full() {
    let mut servers = Servers::default();
    for port in 0..=u16::MAX {
        servers.answered(now(u64::from(port)), SocketAddr::from(([10, 1, 1, 1], port)), 1_000);
    }
    assert_eq!(servers.len(), SERVERS_MAX);
    servers.answered(now(1 << 16), address(1), 1_000);
    assert!(servers.len() <= SERVERS_MAX / 2 + 1, "{}", servers.len());
    assert_eq!(servers.manner(now(0), address(1), FIRST).wait_us, WAIT_MIN_US);
    let first = SocketAddr::from(([10, 1, 1, 1], 0));
    assert_eq!(servers.manner(now(0), first, FIRST).wait_us, FIRST_WAIT_US);
}
