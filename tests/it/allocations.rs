//! Nothing is allocated for an answer, whatever it is: what the engine needs it has from the start.

use crate::message::{Asking, query};
use crate::world::{PEER, name, zone};
use kereru::answer::ahead::Drafts;
use kereru::answer::{
    Exchange, Outcome, RateLimit, Snapshot, Transport, View, Workspace, ZoneState, ZoneTable,
    respond,
};
use kereru::base::limits::{BATCH_MAX, MESSAGE_LEN_MAX, UDP_SIZE_MAX};
use kereru::base::time::{Now, Wall};
use kereru::metrics::{Counters, WorkerCounters};
use kereru::policy::acl::Acl;
use kereru::policy::rate::{RateLimiter, RateOptions};
use kereru::wire::numbers::Rtype;
use std::net::{Ipv4Addr, SocketAddr};
use std::sync::Arc;
use std::time::Duration;

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

const BATCHES: usize = 10_000_usize.div_ceil(BATCH_MAX);

/// Like replies a second that no test gets.
const PLENTY: u32 = 1_000_000;

/// Queries of each kind that gets an answer, and some that get none.
fn queries() -> Vec<Vec<u8>> {
    let questions = [
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
    ];
    let mut queries: Vec<Vec<u8>> = questions
        .iter()
        .map(|question| {
            let (qname, rtype) = question.split_once(' ').unwrap();
            let asking = Asking { edns_size: Some(1232), dnssec_ok: true };
            query(&name(qname), Rtype::from_text(rtype).unwrap(), asking)
        })
        .collect();
    let sound = queries[0].clone();
    // Without a question, another operation, another record that is not there, half a header.
    for (at, octet) in [(5, 0), (2, 0x78), (11, 2)] {
        queries.push(sound.clone());
        queries.last_mut().unwrap()[at] = octet;
    }
    queries.push(sound[..15].to_vec());
    queries
}

/// Snapshots with each way to deny, whose clients get so many like replies a second.
fn snapshots(per_second: u32) -> [Snapshot; 3] {
    ["", NSEC, NSEC3].map(|denial| {
        let mut zones = ZoneTable::default();
        let zone = zone("example.", &format!("{RECORDS}{denial}"));
        zones.insert(name("example.").as_name(), ZoneState::Loaded(Arc::new(zone)));
        let options = RateOptions { per_second, ipv4_prefix: 24, ipv6_prefix: 56, slip: 2 };
        let limiter = Arc::new(RateLimiter::new(options));
        let rate_limit = Some(RateLimit { limiter, exempt: Acl::new([]) });
        Snapshot {
            views: vec![Arc::new(View { zones, rate_limit, ..View::default() })],
            ..Snapshot::default()
        }
    })
}

fn exchange(message: &mut [u8], len: usize, transport: Transport) -> Exchange<'_> {
    let address = SocketAddr::from((Ipv4Addr::LOCALHOST, 4000));
    Exchange {
        message,
        len,
        peer: PEER,
        local: address,
        transport,
        received: Wall::from_secs(1_800_000_000),
        now: Now::default(),
    }
}

#[test]
fn answer_allocates_nothing() {
    for snapshot in snapshots(PLENTY) {
        let mut local = Workspace::default();
        let mut message = vec![0; MESSAGE_LEN_MAX];
        for asked in queries() {
            for transport in [Transport::Udp, Transport::Tcp] {
                message[..asked.len()].copy_from_slice(&asked);
                let mut exchange = exchange(&mut message, asked.len(), transport);
                let mut outcome = None;
                let counted = allocation_counter::measure(|| {
                    outcome = Some(respond(&snapshot, &mut local, &mut exchange, &mut ()));
                });
                assert!(matches!(outcome, Some(Outcome::Reply { .. })), "{asked:?}");
                assert_eq!(counted.count_total, 0, "{asked:?}");
            }
        }
    }
}

/// What a worker keeps from batch to batch.
struct Worker {
    drafts: Drafts,
    local: Workspace,
    counters: WorkerCounters,
    slots: Vec<u8>,
}

impl Worker {
    fn new() -> Self {
        Self {
            drafts: Drafts::default(),
            local: Workspace::default(),
            counters: Counters::default().join(),
            slots: vec![0; BATCH_MAX * UDP_SIZE_MAX],
        }
    }

    /// Answers queries as a batch; returns how many got a reply, and how many none.
    fn answer<'q>(
        &mut self,
        snapshot: &Snapshot,
        queries: impl Iterator<Item = &'q Vec<u8>> + Clone,
    ) -> [usize; 2] {
        self.drafts.clear();
        for (query, slot) in queries.clone().zip(self.slots.chunks_exact_mut(UDP_SIZE_MAX)) {
            slot[..query.len()].copy_from_slice(query);
            self.drafts.push(&slot[..query.len()], PEER.ip());
        }
        let ahead = self.drafts.look_ahead(snapshot);
        let slots = self.slots.chunks_exact_mut(UDP_SIZE_MAX).zip(queries).enumerate();
        let mut counts = [0; 2];
        for (index, (message, query)) in slots {
            self.counters.query(Transport::Udp);
            let mut exchange = exchange(message, query.len(), Transport::Udp);
            match ahead.respond(index, &mut self.local, &mut exchange, &mut ()) {
                Outcome::Reply { kind, .. } => {
                    self.counters.reply(kind);
                    counts[0] += 1;
                }
                Outcome::Drop(reason) => {
                    self.counters.dropped(reason, 1);
                    counts[1] += 1;
                }
                Outcome::Defer(_) => panic!("there is nobody to ask"),
            }
        }
        self.counters.replies_left(Duration::from_micros(1));
        counts
    }
}

/// Answers ten thousand queries in batches; returns how many got a reply, and how many none.
#[track_caller]
fn answer_many(snapshot: &Snapshot) -> [usize; 2] {
    let (mut worker, queries) = (Worker::new(), queries());
    let mut counts = [0; 2];
    let counted = allocation_counter::measure(|| {
        for batch in 0..BATCHES {
            let asked = queries.iter().cycle().skip(batch).take(BATCH_MAX);
            let [replies, drops] = worker.answer(snapshot, asked);
            counts = [counts[0] + replies, counts[1] + drops];
        }
    });
    assert_eq!(counted.count_total, 0);
    counts
}

#[test]
fn ten_thousand_answers_in_batches_allocate_nothing() {
    for snapshot in snapshots(PLENTY) {
        assert_eq!(answer_many(&snapshot), [BATCHES * BATCH_MAX, 0]);
    }
}

#[test]
fn ten_thousand_queries_of_which_most_get_no_reply_allocate_nothing() {
    for snapshot in snapshots(5) {
        let [replies, drops] = answer_many(&snapshot);
        assert_eq!(replies + drops, BATCHES * BATCH_MAX);
        assert!(replies > 100 && drops > 1000, "{replies} replies, {drops} dropped");
    }
}
