//! How long a change to a very large zone takes until it could be published, and what it costs those
//! who answer meanwhile.

use std::fmt::Write;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Instant;

use arc_swap::{ArcSwap, Cache};
use kereru::answer::Snapshot;
use kereru::base::limits::BATCH_MAX;
use kereru::base::time::Ttl;
use kereru::sys::affinity;
use kereru::wire::numbers::Rtype;
use kereru::zone::change::{Change, Record};
use kereru::zone::store::Zone;

use crate::zones::absolute;
use crate::{Asker, snapshot};

/// Names with an address each.
const HOSTS: usize = 600_000;

/// Delegations to one server, whose address is their glue.
const DELEGATIONS: usize = 300_000;

/// Names below the one that becomes a cut, or gets a DNAME.
const BELOW: usize = 100_000;

/// Batches that are timed, some seconds of them.
const BATCHES: usize = 100_000;

/// Times a change is made; the median counts.
const ROUNDS: usize = 21;

/// The text of a zone of a million names.
pub(crate) fn text() -> String {
    let mut text = String::from("$TTL 3600\n@ SOA ns admin 1 7200 3600 1209600 300\n@ NS ns\n");
    text.push_str(
        "ns A 192.0.2.53\nns.shared A 192.0.2.1\ntop A 192.0.2.2\nlast.empty A 192.0.2.3\n",
    );
    for number in 0..HOSTS {
        let _ = writeln!(text, "h{number} A 10.{}.{}.1", number >> 8 & 255, number & 255);
    }
    for number in 0..DELEGATIONS {
        let _ = writeln!(text, "d{number} NS ns.shared");
    }
    for number in 0..BELOW {
        let _ = writeln!(text, "n{number}.top A 192.0.2.4");
    }
    text
}

fn record(owner: &str, rtype: Rtype, rdata: &[u8]) -> Record {
    let ttl = Ttl::new(3600).unwrap_or_default();
    Record { owner: absolute(owner), rtype, ttl, rdata: rdata.into() }
}

/// The changes, and what the table calls them.
fn changes() -> Vec<(&'static str, Change)> {
    let target = absolute("elsewhere.");
    let target = target.as_name().as_wire();
    let soa = |serial: u8| {
        let (server, mailbox) = (absolute("ns"), absolute("admin"));
        let mut rdata = [server.as_name().as_wire(), mailbox.as_name().as_wire()].concat();
        for number in [u32::from(serial), 7200, 3600, 1_209_600, 300] {
            rdata.extend_from_slice(&number.to_be_bytes());
        }
        record("@", Rtype::SOA, &rdata)
    };
    let change = |removed, added| Change { removed, added };
    vec![
        (
            "an A record",
            change(
                vec![record("h77", Rtype::A, &[10, 0, 77, 1])],
                vec![record("h77", Rtype::A, &[10, 9, 9, 9])],
            ),
        ),
        (
            "glue of 300,000 delegations",
            change(
                vec![record("ns.shared", Rtype::A, &[192, 0, 2, 1])],
                vec![record("ns.shared", Rtype::A, &[192, 0, 2, 9])],
            ),
        ),
        ("NS above 100,000 names", change(vec![], vec![record("top", Rtype::NS, target)])),
        ("DNAME above 100,000 names", change(vec![], vec![record("top", Rtype::DNAME, target)])),
        ("the SOA record", change(vec![soa(1)], vec![soa(2)])),
        (
            "the last name below an empty one",
            change(vec![record("last.empty", Rtype::A, &[192, 0, 2, 3])], vec![]),
        ),
    ]
}

/// Each change with the milliseconds it takes: the first time, the median and the longest.
pub(crate) fn measure(zone: &Zone) -> Vec<(&'static str, [f64; 3])> {
    let measured = changes().into_iter().map(|(name, change)| {
        let mut times: Vec<f64> = (0..ROUNDS)
            .map(|_| {
                let began = Instant::now();
                let changed = zone.apply(&change);
                let took = began.elapsed().as_secs_f64() * 1e3;
                assert!(changed.is_ok(), "{name}: {changed:?}");
                took
            })
            .collect();
        let first = times[0];
        times.sort_by(f64::total_cmp);
        (name, [first, times[ROUNDS / 2], times[ROUNDS - 1]])
    });
    measured.collect()
}

/// Microseconds that batches of answers take, the median, p99 and the longest: while nothing changes,
/// and while changes are published one after the other by another thread.
pub(crate) fn disturb(zone: &Zone) -> Vec<(&'static str, [f64; 3])> {
    let world = ArcSwap::from_pointee(snapshot(zone.clone()));
    let is_over = AtomicBool::new(false);
    let calm = batches(&world);
    let publish = || {
        let _ = affinity::pin_to(1);
        let mut published = 0;
        for (_, change) in changes().into_iter().cycle() {
            if is_over.load(Ordering::Relaxed) {
                break;
            }
            let changed = zone.apply(&change).expect("a change that fits");
            let old = world.swap(Arc::new(snapshot(changed)));
            // As `net::free_unused` does: a worker must not be the one to free it.
            while Arc::strong_count(&old) > 1 && !is_over.load(Ordering::Relaxed) {
                std::thread::yield_now();
            }
            published += 1;
        }
        published
    };
    let (busy, published) = std::thread::scope(|scope| {
        let publisher = scope.spawn(publish);
        let busy = batches(&world);
        is_over.store(true, Ordering::Relaxed);
        (busy, publisher.join().expect("the publisher ends"))
    });
    assert!(published > ROUNDS, "only {published} changes were published");
    vec![("while nothing changes", calm), ("while changes are published", busy)]
}

/// Microseconds that batches of answers take from the snapshot in force.
fn batches(world: &ArcSwap<Snapshot>) -> [f64; 3] {
    let _ = affinity::pin_to(0);
    let names = (0..HOSTS).step_by(7).map(|number| format!("h{number}"));
    let questions: Vec<Vec<u8>> = names.map(|name| question(&name)).collect();
    let (mut asker, mut snapshot) = (Asker::new(0, 1), Cache::new(world));
    let mut queries = questions.iter().cycle();
    let mut times: Vec<f64> = (0..BATCHES)
        .map(|_| {
            let began = Instant::now();
            asker.ask(snapshot.load(), queries.by_ref().take(BATCH_MAX));
            began.elapsed().as_secs_f64() * 1e6
        })
        .collect();
    times.sort_by(f64::total_cmp);
    [times[BATCHES / 2], times[BATCHES * 99 / 100], times[BATCHES - 1]]
}

/// A question for the address of a name.
fn question(name: &str) -> Vec<u8> {
    let mut query = vec![0x12, 0x34, 1, 0, 0, 1, 0, 0, 0, 0, 0, 0];
    query.extend_from_slice(absolute(name).as_name().as_wire());
    query.extend_from_slice(&[0, 1, 0, 1]);
    query
}
