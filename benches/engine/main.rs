//! What an answer costs in the engine alone, without sockets: nanoseconds, allocations and
//! instructions for each kind of answer, on small and large zones.
//!
//! ```text
//! cargo bench --bench engine                       the table
//! cargo bench --bench engine -- --filter nxdomain  only the cases with this in their name
//! cargo bench --bench engine -- --changes          what changes to a large zone cost
//! cargo bench --bench engine -- --workers          what a second worker costs the first
//! cargo bench --bench engine -- --instructions     counted by callgrind, which must be installed
//! ```
#![expect(clippy::expect_used, clippy::panic, reason = "a benchmark may end where it cannot go on")]
#![expect(clippy::print_stdout, reason = "the table is what it is for")]

mod changes;
mod zones;

use std::hint::black_box;
use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::process::Command;
use std::sync::{Arc, Barrier};
use std::time::Instant;

use clap::Parser;
use kereru::answer::ahead::Drafts;
use kereru::answer::{
    AnswerOptions, Exchange, Outcome, RateLimit, Snapshot, Transport, View, Workspace, ZoneState,
    ZoneTable,
};
use kereru::base::limits::{BATCH_MAX, UDP_SIZE_MAX};
use kereru::base::time::{Now, Wall};
use kereru::policy::acl::Acl;
use kereru::policy::rate::{RateLimiter, RateOptions};
use kereru::sys::affinity;
use kereru::zone::crew::Crew;
use kereru::zone::file::source::Texts;
use kereru::zone::load::{Apex, Means, load};
use kereru::zone::store::Zone;

use zones::{Kind, Signed};

/// Questions of a case, asked in turn. More than the caches of a CPU hold answers for.
const QUESTIONS_MAX: usize = 1 << 18;

/// Times a case is measured; the median counts.
const ROUNDS: usize = 7;

/// Who asks.
const CLIENT: IpAddr = IpAddr::V4(Ipv4Addr::new(192, 0, 2, 1));

/// Answers in a measurement.
const ANSWERS: usize = 1 << 18;

/// Names of the zone in which instructions are counted: their number does not depend on it.
const SMALL: usize = 800;

/// When the questions come, and the zones are read. The signatures are valid then.
const RECEIVED: Wall = Wall::from_secs(1_800_000_000);

#[derive(Parser)]
struct Args {
    /// Only cases with this in their name.
    #[arg(long, default_value = "")]
    filter: String,
    /// Counts instructions with callgrind.
    #[arg(long)]
    instructions: bool,
    /// Measures changes to a zone of a million names.
    #[arg(long)]
    changes: bool,
    /// Measures two workers beside one, each on a CPU of its own.
    #[arg(long)]
    workers: bool,
    /// Answers so many questions of the one case with this name, and measures nothing.
    #[arg(long, hide = true)]
    only: Option<usize>,
    /// Given by cargo.
    #[arg(long, hide = true)]
    bench: bool,
}

/// Zones of one size and kind, and how they are asked.
struct Case {
    kind: Kind,
    names: usize,
    signed: Signed,
    dnssec_ok: bool,
}

impl Case {
    fn name(&self) -> String {
        let signed = match self.signed {
            Signed::No => "",
            Signed::Nsec => " nsec",
            Signed::Nsec3 => " nsec3",
        };
        let dnssec_ok = if self.dnssec_ok { " DO" } else { "" };
        format!("{}{signed}{dnssec_ok} {}", self.kind.label(), self.names)
    }
}

fn cases() -> Vec<Case> {
    let mut cases = Vec::new();
    for (names, signed, dnssec_ok) in [
        (SMALL, Signed::No, false),
        (SMALL, Signed::Nsec, true),
        (SMALL, Signed::Nsec3, true),
        (160_000, Signed::No, false),
        (160_000, Signed::Nsec, true),
        (160_000, Signed::Nsec3, true),
        (1_000_000, Signed::No, false),
    ] {
        cases.extend(Kind::ALL.map(|kind| Case { kind, names, signed, dnssec_ok }));
    }
    cases
}

/// A zone from its text.
fn zone(text: String) -> Zone {
    let texts = Texts::of("bench.zone", text.into_bytes());
    let apex = zones::absolute("@");
    let means = Means { now: RECEIVED, crew: &Crew::alone() };
    let loaded = load(&texts, "bench.zone", Apex::Given(apex.as_name()), means);
    // There are warnings: the signatures are of no key.
    loaded.zone.expect("a zone without errors")
}

/// A snapshot of one zone, limited as a server is, at a rate that limits nobody.
fn snapshot(zone: Zone) -> Snapshot {
    let mut table = ZoneTable::default();
    table.insert(zones::absolute("@").as_name(), ZoneState::Loaded(Arc::new(zone)));
    let options = RateOptions { per_second: 1_000_000, ipv4_prefix: 24, ipv6_prefix: 56, slip: 2 };
    let view = View {
        zones: table,
        options: AnswerOptions::default(),
        rate_limit: Some(RateLimit {
            limiter: Arc::new(RateLimiter::new(options)),
            exempt: Acl::new([]),
        }),
        ..View::default()
    };
    Snapshot { views: vec![Arc::new(view)], ..Snapshot::default() }
}

/// The questions of a case, in an order that jumps through the zone.
fn questions(case: &Case) -> Vec<Vec<u8>> {
    let count = QUESTIONS_MAX.min(case.names);
    let mut number = 0_usize;
    let questions = (0..count).map(|_| {
        // A step that has no divisor in common with the number of names reaches all of them.
        number = (number + 7_919) % case.names;
        let (name, rtype) = case.kind.question(number, case.names);
        let mut query = vec![0x12, 0x34, 1, 0, 0, 1, 0, 0, 0, 0, 0, 1];
        query.extend_from_slice(zones::absolute(&name).as_name().as_wire());
        query.extend_from_slice(&rtype.to_be_bytes());
        query.extend_from_slice(&[0, 1, 0, 0, 41, 0x04, 0xD0, 0, 0]);
        query.extend_from_slice(&[if case.dnssec_ok { 0x80 } else { 0 }, 0, 0, 0]);
        query
    });
    questions.collect()
}

/// Asks what a case asks.
struct Asker {
    drafts: Drafts,
    local: Workspace,
    /// Room for each query and its reply, and the octets of the query.
    slots: Vec<u8>,
    lens: [usize; BATCH_MAX],
    /// Moves on with each query, as fast as the rate limit lets pass.
    micros: u64,
    /// By so much: there may be others.
    step: u64,
}

impl Asker {
    /// One of so many askers, whose time begins at `micros`.
    fn new(micros: u64, askers: usize) -> Self {
        let (drafts, local) = (Drafts::default(), Workspace::default());
        let slots = vec![0; BATCH_MAX * UDP_SIZE_MAX];
        let step = askers as u64;
        Self { drafts, local, slots, lens: [0; BATCH_MAX], micros, step }
    }

    /// Answers queries as a worker does with a batch; returns the octets of the last reply.
    fn ask<'q>(
        &mut self,
        snapshot: &Snapshot,
        queries: impl Iterator<Item = &'q Vec<u8>>,
    ) -> usize {
        self.drafts.clear();
        for (query, slot) in queries.zip(self.slots.chunks_exact_mut(UDP_SIZE_MAX)) {
            slot[..query.len()].copy_from_slice(query);
            self.drafts.push(&slot[..query.len()], CLIENT);
            self.lens[self.drafts.len() - 1] = query.len();
        }
        let ahead = self.drafts.look_ahead(snapshot);
        let peer = SocketAddr::new(CLIENT, 4000);
        let mut last = 0;
        let slots = self.slots.chunks_exact_mut(UDP_SIZE_MAX).take(self.drafts.len());
        for (index, message) in slots.enumerate() {
            self.micros += self.step;
            let mut exchange = Exchange {
                message,
                len: self.lens[index],
                peer,
                local: peer,
                transport: Transport::Udp,
                received: RECEIVED,
                now: Now::from_micros(self.micros),
            };
            match ahead.respond(index, &mut self.local, &mut exchange, &mut ()) {
                Outcome::Reply { len, .. } => last = black_box(len),
                Outcome::Drop(reason) => panic!("dropped: {reason:?}"),
                Outcome::Defer(_) => panic!("deferred"),
            }
        }
        last
    }
}

/// Nanoseconds and allocations per answer, and octets of a reply.
fn measure(case: &Case, snapshot: &Snapshot, micros: u64) -> (f64, f64, usize) {
    let questions = questions(case);
    let mut asker = Asker::new(micros, 1);
    let len = asker.ask(snapshot, questions.iter().take(1));
    let mut times: Vec<f64> = (0..ROUNDS)
        .map(|_| {
            let began = Instant::now();
            let mut queries = questions.iter().cycle();
            for _ in 0..ANSWERS / BATCH_MAX {
                asker.ask(snapshot, queries.by_ref().take(BATCH_MAX));
            }
            began.elapsed().as_secs_f64() * 1e9 / ANSWERS as f64
        })
        .collect();
    times.sort_by(f64::total_cmp);
    let counted = allocation_counter::measure(|| {
        for queries in questions.chunks(BATCH_MAX) {
            asker.ask(snapshot, queries.iter());
        }
    });
    (times[ROUNDS / 2], counted.count_total as f64 / questions.len() as f64, len)
}

/// Nanoseconds per answer of so many workers that answer at the same time, each on its own CPU, from
/// one snapshot and with one table of the rate limit.
fn measure_workers(case: &Case, snapshot: &Snapshot, cpus: &[usize], micros: u64) -> f64 {
    let questions = questions(case);
    let barrier = Barrier::new(cpus.len());
    let work = |cpu: usize| {
        affinity::pin_to(cpu).expect("a CPU of this process");
        let mut asker = Asker::new(micros, cpus.len());
        let mut queries = questions.iter().cycle().skip(cpu * questions.len() / 2);
        asker.ask(snapshot, queries.by_ref().take(BATCH_MAX));
        barrier.wait();
        let began = Instant::now();
        for _ in 0..ANSWERS / BATCH_MAX {
            asker.ask(snapshot, queries.by_ref().take(BATCH_MAX));
        }
        began.elapsed().as_secs_f64() * 1e9 / ANSWERS as f64
    };
    let times: Vec<f64> = std::thread::scope(|scope| {
        let threads: Vec<_> = cpus.iter().map(|&cpu| scope.spawn(move || work(cpu))).collect();
        threads.into_iter().map(|thread| thread.join().expect("a worker ends")).collect()
    });
    times.iter().sum::<f64>() / times.len() as f64
}

/// Nanoseconds per answer of one worker and of two, in turn; the median of the ratios counts.
fn compare_workers(case: &Case, snapshot: &Snapshot, micros: u64) -> (f64, f64, f64) {
    let moments = (micros..).step_by(10 * ANSWERS);
    let mut rounds: Vec<(f64, f64, f64)> = moments
        .take(ROUNDS)
        .map(|micros| {
            let one = measure_workers(case, snapshot, &[0], micros);
            let two = measure_workers(case, snapshot, &[0, 1], micros + 5 * ANSWERS as u64);
            (two / one, one, two)
        })
        .collect();
    rounds.sort_by(|a, b| a.0.total_cmp(&b.0));
    rounds[ROUNDS / 2]
}

/// Instructions per answer: the difference between two runs, so that the rest does not count.
fn instructions(case: &Case) -> u64 {
    let [few, many] = [1_000_u64, 3_000].map(|answers| {
        let program = std::env::current_exe().expect("the path of this program");
        let run = Command::new("valgrind")
            .args(["--tool=callgrind", "--callgrind-out-file=/dev/null"])
            .arg(program)
            .args(["--filter", &case.name(), "--only", &answers.to_string()])
            .output()
            .expect("valgrind runs: apt install valgrind");
        let text = String::from_utf8_lossy(&run.stderr).into_owned();
        let collected = text.split("Collected : ").nth(1).and_then(|rest| rest.lines().next());
        collected.and_then(|number| number.trim().parse::<u64>().ok()).expect("a count")
    });
    (many - few) / 2_000
}

fn main() {
    let args = Args::parse();
    let cases = cases();
    let chosen = cases.iter().filter(|case| case.name().contains(&args.filter));
    if let Some(answers) = args.only {
        for case in chosen.take(1) {
            let snapshot = snapshot(zone(zones::text(case.names, case.signed)));
            let questions = questions(case);
            let mut asker = Asker::new(0, 1);
            let mut queries = questions.iter().cycle().take(answers).peekable();
            while queries.peek().is_some() {
                asker.ask(&snapshot, queries.by_ref().take(BATCH_MAX));
            }
        }
        return;
    }
    if args.instructions {
        println!("{:<28} {:>12}", "case", "instructions");
        for case in chosen.filter(|case| case.names == SMALL) {
            println!("{:<28} {:>12}", case.name(), instructions(case));
        }
        return;
    }
    if args.changes {
        let zone = zone(changes::text());
        println!("{:<36} {:>8} {:>8} {:>8}", "change", "first ms", "ms", "longest");
        for (name, [first, median, longest]) in changes::measure(&zone) {
            println!("{name:<36} {first:>8.3} {median:>8.3} {longest:>8.3}");
        }
        println!("{:<36} {:>8} {:>8} {:>8}", "answers, 32 at a time", "µs", "p99", "longest");
        for (name, [median, p99, longest]) in changes::disturb(&zone) {
            println!("{name:<36} {median:>8.1} {p99:>8.1} {longest:>8.1}");
        }
        return;
    }
    if args.workers {
        println!("{:<28} {:>8} {:>8} {:>8}", "case", "one, ns", "two, ns", "ratio");
    } else {
        println!("{:<28} {:>8} {:>8} {:>8}", "case", "ns", "allocs", "octets");
    }
    let mut kept: Option<((usize, Signed), Snapshot)> = None;
    // A case begins when the rate limits of the one before have been forgotten.
    for (case, micros) in chosen.zip((0..).step_by(1_000_000_000)) {
        let key = (case.names, case.signed);
        if kept.as_ref().is_none_or(|(of, _)| *of != key) {
            kept = Some((key, snapshot(zone(zones::text(case.names, case.signed)))));
        }
        let Some((_, snapshot)) = &kept else { continue };
        if args.workers {
            let (ratio, one, two) = compare_workers(case, snapshot, micros);
            println!("{:<28} {one:>8.0} {two:>8.0} {ratio:>8.2}", case.name());
            continue;
        }
        let (ns, allocations, len) = measure(case, snapshot, micros);
        println!("{:<28} {ns:>8.0} {allocations:>8.2} {len:>8}", case.name());
    }
}
