//! Who may ask, how many like replies a network gets, and records that take turns.

use crate::message::{Asking, Message, query};
use crate::world::{NOW, name, zone};
use kereru::answer::{
    AnswerOptions, Exchange, Outcome, RateLimit, Snapshot, Transport, View, Workspace, ZoneState,
    ZoneTable, respond,
};
use kereru::base::time::Now;
use kereru::metrics::DropReason;
use kereru::policy::acl::{Acl, Prefix};
use kereru::policy::rate::{RateLimiter, RateOptions};
use kereru::wire::numbers::Rtype;
use std::net::SocketAddr;
use std::sync::Arc;

fn acl(prefixes: &[&str]) -> Acl {
    Acl::new(prefixes.iter().map(|prefix| Prefix::parse(prefix).unwrap()))
}

/// A view of a zone example. that is changed by `change`.
fn world(change: impl FnOnce(&mut View)) -> Snapshot {
    let records = "www A 192.0.2.1\nwww A 192.0.2.2\nwww A 192.0.2.3\n*.w TXT x\nsub NS ns.other.";
    let mut zones = ZoneTable::default();
    let zone = zone("example.", records);
    zones.insert(name("example.").as_name(), ZoneState::Loaded(Arc::new(zone)));
    let mut view = View { zones, ..View::default() };
    change(&mut view);
    Snapshot { views: vec![Arc::new(view)], ..Snapshot::default() }
}

/// A view that sends two like replies a second, and lets every `slip`-th of the others through cut.
fn limited(slip: u8) -> Snapshot {
    let options = RateOptions { per_second: 2, ipv4_prefix: 24, ipv6_prefix: 56, slip };
    let limiter = Arc::new(RateLimiter::new(options));
    let exempt = acl(&["198.51.100.0/24"]);
    world(|view| view.rate_limit = Some(RateLimit { limiter, exempt }))
}

struct Client {
    local: Workspace,
    peer: SocketAddr,
    transport: Transport,
}

impl Client {
    fn new(peer: &str, transport: Transport) -> Self {
        Self { local: Workspace::default(), peer: peer.parse().unwrap(), transport }
    }

    /// What a question gets: text of the reply, or why there is none.
    fn ask(&mut self, world: &Snapshot, qname: &str, rtype: Rtype) -> Result<String, DropReason> {
        let asking = Asking { edns_size: Some(1232), dnssec_ok: false };
        self.send(world, &query(&name(qname), rtype, asking))
    }

    /// What these octets get.
    fn send(&mut self, world: &Snapshot, query: &[u8]) -> Result<String, DropReason> {
        let mut message = vec![0; 4096];
        message[..query.len()].copy_from_slice(query);
        let mut exchange = Exchange {
            message: &mut message,
            len: query.len(),
            peer: self.peer,
            local: "192.0.2.1:53".parse().unwrap(),
            transport: self.transport,
            received: NOW,
            now: Now::from_micros(1),
        };
        match respond(world, &mut self.local, &mut exchange, &mut ()) {
            Outcome::Reply { len, .. } => Ok(Message::read(&message[..len]).render()),
            Outcome::Drop(reason) => Err(reason),
            Outcome::Defer(_) => panic!("there is nobody to ask"),
        }
    }

    /// How many of ten equal questions get a whole reply, a cut one, and none.
    fn ask_ten(&mut self, world: &Snapshot, qname: &str) -> (usize, usize, usize) {
        let replies: Vec<_> = (0..10).map(|_| self.ask(world, qname, Rtype::TXT)).collect();
        let cut = replies.iter().flatten().filter(|text| text.contains(" tc")).count();
        let dropped =
            replies.iter().filter(|reply| **reply == Err(DropReason::RateLimited)).count();
        (10 - cut - dropped, cut, dropped)
    }
}

#[test]
fn client_that_may_not_ask_is_refused_and_told_so() {
    let world = world(|view| view.allow_query = Some(acl(&["192.0.2.0/24", "2001:db8::/32"])));
    for (peer, allowed) in [
        ("192.0.2.53:1", true),
        ("[2001:db8::1]:1", true),
        ("[::ffff:192.0.2.1]:1", true),
        ("192.0.3.53:1", false),
        ("[2001:db9::1]:1", false),
    ] {
        for transport in [Transport::Udp, Transport::Tcp] {
            let reply = Client::new(peer, transport).ask(&world, "x.w.example.", Rtype::TXT);
            let expected =
                if allowed { "NOERROR aa\nanswer: x.w.example. 3600 TXT \"x\"" } else { "REFUSED" };
            assert_eq!(reply.as_deref(), Ok(expected), "{peer}");
        }
    }
}

#[test]
fn flood_gets_the_rate_and_every_second_of_the_rest_is_cut() {
    let mut client = Client::new("192.0.2.53:4000", Transport::Udp);
    assert_eq!(client.ask_ten(&limited(2), "www.example."), (2, 4, 4));
    assert_eq!(client.ask_ten(&limited(1), "www.example."), (2, 8, 0));
    assert_eq!(client.ask_ten(&limited(0), "www.example."), (2, 0, 8));
}

#[test]
fn floods_that_take_turns_get_a_share_of_cut_replies_each() {
    for slip in 1..=10 {
        let world = limited(slip);
        let mut client = Client::new("192.0.2.53:4000", Transport::Udp);
        let mut cut = [0; 2];
        for number in 0..2 * (2 + 5 * usize::from(slip)) {
            let qname = ["www.example.", "none.example."][number % 2];
            let reply = client.ask(&world, qname, Rtype::TXT);
            cut[number % 2] += usize::from(reply.is_ok_and(|text| text.contains(" tc")));
        }
        assert_eq!(cut, [5, 5], "slip {slip}");
    }
}

#[test]
fn broken_queries_take_no_cut_reply_from_refused_ones() {
    let (world, mut client) = (limited(2), Client::new("192.0.2.53:4000", Transport::Udp));
    let broken = &query(&name("www."), Rtype::A, Asking::PLAIN)[..17];
    let mut refused = || {
        let _ = client.send(&world, broken);
        client.ask(&world, "www.", Rtype::A)
    };
    assert_eq!(refused(), Ok("REFUSED".to_owned()));
    let dropped = Err(DropReason::RateLimited);
    assert_eq!([(); 2].map(|()| refused()), [dropped.clone(), Ok("REFUSED tc".to_owned())]);
    assert_eq!([(); 2].map(|()| refused()), [dropped, Ok("REFUSED tc".to_owned())]);
}

#[test]
fn cut_reply_holds_nothing_but_the_question() {
    let (world, mut client) = (limited(1), Client::new("192.0.2.53:4000", Transport::Udp));
    for _ in 0..2 {
        client.ask(&world, "www.example.", Rtype::A).unwrap();
    }
    assert_eq!(client.ask(&world, "www.example.", Rtype::A), Ok("NOERROR aa tc".to_owned()));
}

#[test]
fn invented_names_count_together() {
    for names in [
        ["a.example.", "b.example.", "c.example."],
        ["a.w.example.", "b.w.example.", "c.w.example."],
        ["a.sub.example.", "b.sub.example.", "sub.example."],
        ["a.", "b.", "c."],
    ] {
        let (world, mut client) = (limited(0), Client::new("192.0.2.53:4000", Transport::Udp));
        let replies = names.map(|qname| client.ask(&world, qname, Rtype::TXT).is_ok());
        assert_eq!(replies, [true, true, false], "{names:?}");
    }
}

#[test]
fn refusals_of_broken_queries_count_together_and_are_dropped() {
    let plain = query(&name("www.example."), Rtype::A, Asking::PLAIN);
    let edns = query(&name("."), Rtype::A, Asking { edns_size: Some(1232), dnssec_ok: false });
    let changed = |query: &[u8], at: usize, octet: u8| {
        let mut query = query.to_vec();
        query[at] = octet;
        query
    };
    let broken = [
        (plain[..plain.len() - 6].to_vec(), "FORMERR"),
        (changed(&plain, 2, 2 << 3), "NOTIMP"),
        // The same with EDNS: with another record that is not there, another operation and version.
        (changed(&edns, 11, 2), "FORMERR"),
        (changed(&edns, 2, 2 << 3), "NOTIMP"),
        (changed(&edns, edns.len() - 5, 1), "BADVERS"),
    ];
    for (transport, peer, is_limited) in [
        (Transport::Udp, "192.0.2.53:4000", true),
        (Transport::Udp, "198.51.100.1:4000", false),
        (Transport::Tcp, "192.0.2.53:4000", false),
    ] {
        for (first, rcode) in &broken {
            let (world, mut client) = (limited(1), Client::new(peer, transport));
            assert_eq!(client.send(&world, first).as_deref(), Ok(*rcode), "{peer}");
            client.send(&world, first).unwrap();
            for (query, rcode) in &broken {
                let reply = client.send(&world, query);
                let dropped = Err(DropReason::RateLimited);
                let expected = if is_limited { dropped } else { Ok((*rcode).to_owned()) };
                assert_eq!(reply, expected, "{peer}");
            }
        }
    }
}

#[test]
fn other_networks_tcp_and_exempt_clients_are_not_limited() {
    let world = limited(0);
    let mut flooder = Client::new("192.0.2.53:4000", Transport::Udp);
    assert_eq!(flooder.ask_ten(&world, "www.example."), (2, 0, 8));
    let mut neighbor = Client::new("192.0.2.99:4000", Transport::Udp);
    assert_eq!(neighbor.ask_ten(&world, "www.example."), (0, 0, 10));
    for (peer, transport) in
        [("192.0.2.53:4000", Transport::Tcp), ("198.51.100.1:4000", Transport::Udp)]
    {
        assert_eq!(Client::new(peer, transport).ask_ten(&world, "www.example."), (10, 0, 0));
    }
    let mut other = Client::new("192.0.3.53:4000", Transport::Udp);
    assert_eq!(other.ask_ten(&world, "www.example."), (2, 0, 8));
}

#[test]
fn records_of_a_set_take_turns_if_they_are_to() {
    let firsts = |rotate_answers| {
        let options = AnswerOptions { rotate_answers, ..AnswerOptions::default() };
        let world = world(|view| view.options = options);
        let mut client = Client::new("192.0.2.53:4000", Transport::Udp);
        let replies = (0..4).map(|_| client.ask(&world, "www.example.", Rtype::A).unwrap());
        let lasts: Vec<char> =
            replies.map(|text| text.lines().nth(1).unwrap().chars().last().unwrap()).collect();
        lasts.into_iter().collect::<String>()
    };
    assert_eq!(firsts(false), "1111");
    assert_eq!(firsts(true), "2312");
}
