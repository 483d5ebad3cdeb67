//! Replies that had to wait for other servers get the cookies and the limits of all others.

use crate::cookies::with_cookie;
use crate::http::{metrics, value};
use crate::resolving::recursive;
use crate::server::{Server, ask_udp, connect, framed, read_reply};
use kereru::wire::header::Flags;
use kereru::wire::numbers::Rtype;
use std::io::Write;

/// Nothing of it is kept, so that each question waits.
const ZONE: &str = "$TTL 0\n@ SOA ns.other. admin 1 2 3 4 0\n@ NS ns.other.\nwww A 192.0.2.1\n";

/// A resolver that lets one like reply a second pass, and the server that it asks.
fn limited() -> (Server, Server) {
    let authority = Server::start(
        "listen: ['127.0.0.1:0']\nrate-limit: {per-second: 0}\nzones: [{zone: remote.example, file: \
         remote.zone}]\n",
        &[("remote.zone", ZONE)],
    );
    let config = format!(
        "listen: ['127.0.0.1:0']\nhttp: {{listen: ['127.0.0.1:0']}}\nrate-limit: {{per-second: 1, \
         slip: 1, exempt: []}}\nresolver: {{allow: [0.0.0.0/0], priming: false, stub: [{{zone: remote.example, to: \
         ['{}']}}]}}\n",
        authority.addresses[0]
    );
    (Server::start(&config, &[]), authority)
}

fn www() -> Vec<u8> {
    recursive(7, "www.remote.example.", Rtype::A)
}

/// Checks that so many replies had to wait, and none came from elsewhere.
#[track_caller]
fn check_late(resolver: &Server, count: f64) {
    let text = metrics(resolver.http[0]);
    assert_eq!(value(&text, "kereru_dns_answers_total{source=\"resolver\"}"), count);
    assert_eq!(value(&text, "kereru_cache_hits_total{level=\"shared\"}"), 0.0);
}

#[test]
fn late_replies_are_limited_over_udp_and_not_over_tcp() {
    let (resolver, _authority) = limited();
    let is_cut = || ask_udp(resolver.addresses[0], &www()).header.flags.contains(Flags::TC);
    assert!(!is_cut());
    let cut = (0..100).position(|_| is_cut()).expect("a reply that is cut");
    // Who comes back over TCP gets all.
    let mut stream = connect(resolver.addresses[0]);
    for _ in 0..10 {
        stream.write_all(&framed(&www())).unwrap();
        assert_eq!(read_reply(&mut stream).answers.len(), 1);
    }
    check_late(&resolver, (1 + cut + 1 + 10) as f64);
}

#[test]
fn late_reply_has_a_cookie_that_lifts_the_limit() {
    let (resolver, _authority) = limited();
    let ask = |cookie: &[u8]| ask_udp(resolver.addresses[0], &with_cookie(www(), cookie));
    let cookie = ask(b"clientrn").opt.unwrap().rdata[4..].to_vec();
    assert_eq!((cookie.len(), &cookie[..8]), (24, &b"clientrn"[..]));
    for _ in 0..20 {
        let reply = ask(&cookie);
        assert_eq!(reply.answers.len(), 1, "{}", reply.render());
        assert_eq!(reply.opt.unwrap().rdata[4..], cookie);
    }
    // One that is not ours lifts nothing, and brings one that is.
    let mut wrong = cookie;
    wrong[23] ^= 1;
    let reply = (0..100).map(|_| ask(&wrong)).find(|reply| reply.header.flags.contains(Flags::TC));
    assert_eq!(reply.expect("a reply that is cut").opt.unwrap().rdata[4..12], *b"clientrn");
}
