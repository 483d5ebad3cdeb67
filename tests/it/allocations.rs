//! Nothing is allocated for an answer, whatever it is: what the engine needs it has from the start.

use crate::message::{Asking, query};
use crate::world::{name, snapshot, zone};
use kereru::answer::{AnswerOptions, Exchange, Local, Outcome, Transport, respond};
use kereru::base::time::{Now, Wall};
use kereru::wire::numbers::Rtype;
use std::net::{Ipv4Addr, SocketAddr};

const RECORDS: &str = "\
    www A 192.0.2.1\nwww AAAA 2001:db8::1\nalias CNAME www\nold DNAME www\n*.w A 192.0.2.2\n\
    mail MX 10 www\nmail MX 20 alias.other.\nsrv SRV 0 0 53 www\n\
    sub NS ns.sub\nsub NS ns.other.\nsub DS 1 13 2 \
    CDCDCDCDCDCDCDCDCDCDCDCDCDCDCDCDCDCDCDCDCDCDCDCDCDCDCDCDCDCDCDCD \nns.sub A 192.0.2.3\n\
    sub RRSIG DS 13 2 3600 20300101000000 20200101000000 1 example. AAAA\n";
const NSEC: &str = "\
    @ NSEC www NS SOA RRSIG NSEC\nwww NSEC @ A AAAA RRSIG NSEC\n\
    @ RRSIG SOA 13 1 900 20300101000000 20200101000000 1 example. AAAA\n";
const NSEC3: &str = "\
    @ NSEC3PARAM 1 0 5 AABB\n\
    0p9mhaveqvm6t7vbl5lop2u3t2rp3tom NSEC3 1 0 5 AABB 2t7b4g4vsa5smi47k61mv5bv1a22bojr NS SOA\n\
    2t7b4g4vsa5smi47k61mv5bv1a22bojr NSEC3 1 0 5 AABB 0p9mhaveqvm6t7vbl5lop2u3t2rp3tom A\n";

#[test]
fn answer_allocates_nothing() {
    for denial in ["", NSEC, NSEC3] {
        let zone = zone("example.", &format!("{RECORDS}{denial}"));
        let snapshot = snapshot(vec![zone], AnswerOptions::default());
        let mut local = Local::default();
        for question in [
            "example. SOA",
            "www.example. A",
            "www.example. ANY",
            "www.example. TXT",
            "alias.example. A",
            "a.old.example. A",
            "a.w.example. A",
            "a.w.example. TXT",
            "mail.example. MX",
            "srv.example. SRV",
            "www.sub.example. A",
            "sub.example. DS",
            "nothing.example. A",
            "elsewhere. A",
        ] {
            let (qname, rtype) = question.split_once(' ').unwrap();
            let asking = Asking { edns_size: Some(1232), dnssec_ok: true };
            let asked = query(&name(qname), Rtype::from_text(rtype).unwrap(), asking);
            let mut message = vec![0; 65_535];
            for transport in [Transport::Udp, Transport::Tcp] {
                message[..asked.len()].copy_from_slice(&asked);
                let address = SocketAddr::from((Ipv4Addr::LOCALHOST, 4000));
                let mut exchange = Exchange {
                    message: &mut message,
                    len: asked.len(),
                    peer: address,
                    local: address,
                    transport,
                    received: Wall::from_secs(1_800_000_000),
                    now: Now::default(),
                };
                let mut outcome = None;
                let counted = allocation_counter::measure(|| {
                    outcome = Some(respond(&snapshot, &mut local, &mut exchange, &mut ()));
                });
                assert!(matches!(outcome, Some(Outcome::Reply { .. })), "{question}");
                assert_eq!(counted.count_total, 0, "{question}");
            }
        }
    }
}
