//! One run: when which query goes out, what becomes of it, and the counts of that.
//!
//! It never sleeps: a generator that is woken by the server would add the wake-up to what the
//! server spends on its replies. So it needs a CPU of its own.

use std::io;
use std::time::{Duration, Instant};

use crate::histogram::Histogram;
use crate::queries::{Fault, Queries};
use crate::slots::{Chosen, Found, Slots};
use crate::usage::Usage;

/// Sockets of one kind, each with its queries under way.
pub trait Transport {
    /// The sockets.
    fn lanes(&self) -> usize;

    /// The queries that wait on one of them.
    fn slots(&mut self, lane: usize) -> &mut Slots;

    /// Takes the replies that are there; returns how many.
    fn receive(&mut self, lane: usize, session: &mut Session<'_>) -> io::Result<usize>;

    /// Sends up to `most` queries, as far as there is place; returns how many.
    fn send(&mut self, lane: usize, session: &mut Session<'_>, most: usize) -> io::Result<usize>;
}

/// How a run goes.
#[derive(Clone, Copy)]
pub struct Plan<'o> {
    /// Whether all queries are sent once before, and how long the replies are is kept.
    pub pass: bool,
    pub warm_up: Duration,
    pub measure: Duration,
    /// How long a query waits for its reply.
    pub timeout: Duration,
    /// Queries a second; `None` sends the next when a reply has come.
    pub rate: Option<f64>,
    /// The seed of a random order; `None` takes the queries as they come in the file.
    pub seed: Option<u64>,
    /// The processes of the server.
    pub pids: &'o [u32],
    /// A name of threads whose CPU time is told separately.
    pub thread: Option<&'o str>,
}

/// What happened while measuring, and to queries of that time after it.
#[derive(Clone, Copy, Default)]
pub struct Tally {
    pub sent: u64,
    pub answered: u64,
    pub truncated: u64,
    pub lost: u64,
    pub duplicates: u64,
    pub strays: u64,
    /// Replies with each `Fault`.
    pub no_reply: u64,
    pub wrong_question: u64,
    pub wrong_rcode: u64,
    pub wrong_length: u64,
    pub reconnects: u64,
    pub reply_octets: u64,
}

impl Tally {
    /// Replies that were not the right ones.
    pub fn wrong(&self) -> u64 {
        self.no_reply + self.wrong_question + self.wrong_rcode + self.wrong_length
    }
}

/// The interval that was measured.
#[derive(Clone, Copy, Default)]
pub struct Measured {
    pub elapsed: Duration,
    /// Replies that came within the interval.
    pub answered: u64,
    pub usage: Usage,
    /// The part of the generator's rounds in which nothing was to do.
    pub idle_share: f64,
    /// Queries that were due and found no place at the end.
    pub overdue: u64,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Phase {
    /// Every query once.
    Pass,
    WarmUp,
    Measure,
    /// Only waiting for replies.
    Drain,
}

/// The state of a run.
pub struct Session<'q> {
    queries: &'q Queries,
    plan: Plan<'q>,
    clock: Instant,
    phase: Phase,
    /// Since when the phase lasts, as all moments in nanoseconds of `clock`.
    phase_since: u64,
    /// Queries sent before are not part of the figures.
    counted_since: u64,
    given_up_at: u64,
    usage: Usage,
    rounds: u64,
    idle_rounds: u64,
    /// Queries chosen in this phase.
    chosen: u64,
    random: u64,
    pub tally: Tally,
    pub latency: Histogram,
    pub measured: Measured,
    /// Octets of the reply to each query; 0 where none has come.
    pub lengths: Vec<u16>,
    /// The first wrong reply: its query, and what is wrong.
    pub first_fault: Option<(u32, Fault)>,
}

/// How often queries are looked for that were lost.
const GIVE_UP_INTERVAL: u64 = 20_000_000;

impl<'q> Session<'q> {
    pub fn new(queries: &'q Queries, plan: Plan<'q>) -> Self {
        Self {
            queries,
            plan,
            clock: Instant::now(),
            phase: if plan.pass { Phase::Pass } else { Phase::WarmUp },
            phase_since: 0,
            counted_since: 0,
            given_up_at: 0,
            usage: Usage::default(),
            rounds: 0,
            idle_rounds: 0,
            chosen: 0,
            // Zero is the one seed from which no others follow.
            random: plan.seed.unwrap_or(0).wrapping_add(0x9E37_79B9_7F4A_7C15).max(1),
            tally: Tally::default(),
            latency: Histogram::new(),
            measured: Measured::default(),
            lengths: if plan.pass { vec![0; queries.len()] } else { Vec::new() },
            first_fault: None,
        }
    }

    /// Runs to the end.
    pub fn run(&mut self, transport: &mut impl Transport) -> io::Result<()> {
        let timeout = nanoseconds(self.plan.timeout);
        loop {
            let mut moved = 0;
            for lane in 0..transport.lanes() {
                moved += transport.receive(lane, self)?;
                // With a rate little is due at a time, and the sockets take turns at it.
                let is_turn = self.plan.rate.is_none()
                    || self.rounds % transport.lanes() as u64 == lane as u64;
                let most = if is_turn { self.due() } else { 0 };
                if most > 0 {
                    moved += transport.send(lane, self, most)?;
                }
            }
            self.rounds += 1;
            self.idle_rounds += u64::from(moved == 0);
            let now = self.now();
            if now - self.given_up_at >= GIVE_UP_INTERVAL {
                self.given_up_at = now;
                for lane in 0..transport.lanes() {
                    let before = now.saturating_sub(timeout);
                    transport.slots(lane).give_up(before, |since| self.lose(since));
                }
            }
            let is_quiet = || (0..transport.lanes()).all(|at| transport.slots(at).waiting() == 0);
            if self.advance(now, is_quiet)? {
                return Ok(());
            }
        }
    }

    /// Goes to the next phase if it is time; returns whether the run is at its end.
    fn advance(&mut self, now: u64, mut is_quiet: impl FnMut() -> bool) -> io::Result<bool> {
        let lasted = now - self.phase_since;
        let next = match self.phase {
            Phase::Pass if self.chosen == self.queries.len() as u64 && is_quiet() => Phase::WarmUp,
            Phase::WarmUp if lasted >= nanoseconds(self.plan.warm_up) => Phase::Measure,
            Phase::Measure if lasted >= nanoseconds(self.plan.measure) => Phase::Drain,
            Phase::Drain if is_quiet() => return Ok(true),
            Phase::Pass | Phase::WarmUp | Phase::Measure | Phase::Drain => return Ok(false),
        };
        let usage = Usage::read(self.plan.pids, self.plan.thread)?;
        if self.phase == Phase::Measure {
            self.measured = Measured {
                elapsed: Duration::from_nanos(lasted),
                answered: self.tally.answered,
                usage: usage.since(&self.usage),
                idle_share: self.idle_rounds as f64 / self.rounds as f64,
                overdue: self.due_by(now).saturating_sub(self.chosen),
            };
        } else {
            (self.tally, self.usage) = (Tally::default(), usage);
            self.latency.clear();
            (self.rounds, self.idle_rounds, self.chosen) = (0, 0, 0);
            self.first_fault = None;
        }
        (self.phase, self.phase_since) = (next, self.now());
        if self.phase != Phase::Drain {
            self.counted_since = self.phase_since;
        }
        Ok(false)
    }

    /// Nanoseconds since the run began.
    pub fn now(&self) -> u64 {
        nanoseconds(self.clock.elapsed())
    }

    /// How many queries may be sent now.
    fn due(&self) -> usize {
        let due = match (self.phase, self.plan.rate) {
            (Phase::Drain, _) => 0,
            (Phase::Pass, _) => self.queries.len() as u64 - self.chosen,
            (Phase::WarmUp | Phase::Measure, None) => u64::MAX,
            (Phase::WarmUp | Phase::Measure, Some(_)) => {
                self.due_by(self.now()).saturating_sub(self.chosen)
            }
        };
        usize::try_from(due).unwrap_or(usize::MAX)
    }

    /// How many queries an open loop has to have sent in this phase.
    fn due_by(&self, now: u64) -> u64 {
        let seconds = (now - self.phase_since) as f64 / 1e9;
        self.plan.rate.map_or(0, |rate| (seconds * rate) as u64)
    }

    /// Chooses the next query; tells the moment from which it waits: with a rate that at which it
    /// was due, however late it is sent, so that a stall of the server counts for all that it holds
    /// up.
    pub fn choose(&mut self, now: u64) -> Chosen {
        let since = match (self.phase, self.plan.rate) {
            (Phase::WarmUp | Phase::Measure, Some(rate)) => {
                self.phase_since + ((self.chosen + 1) as f64 * 1e9 / rate) as u64
            }
            _ => now,
        };
        let count = self.queries.len() as u64;
        let query = match (self.phase, self.plan.seed) {
            (Phase::WarmUp | Phase::Measure, Some(_)) => self.draw(count),
            _ => self.chosen % count,
        };
        self.chosen += 1;
        self.tally.sent += 1;
        // There are fewer than 2³² queries.
        Chosen { query: query as u32, since, sent: now }
    }

    /// A number below `bound`: xorshift64*, whose high half is good.
    fn draw(&mut self, bound: u64) -> u64 {
        self.random ^= self.random >> 12;
        self.random ^= self.random << 25;
        self.random ^= self.random >> 27;
        let number = self.random.wrapping_mul(0x2545_F491_4F6C_DD1D) >> 32;
        (number * bound) >> 32
    }

    /// A packet without its ID.
    pub fn packet(&self, query: u32) -> &'q [u8] {
        self.queries.packet(query)
    }

    /// Takes a reply.
    pub fn take(&mut self, slots: &mut Slots, reply: &[u8], now: u64) {
        let Some((id, _)) = reply.split_first_chunk() else {
            self.tally.strays += 1;
            return;
        };
        let (query, since) = match slots.settle(u16::from_be_bytes(*id)) {
            Found::Waiting { query, since } => (query, since),
            Found::Duplicate => {
                self.tally.duplicates += 1;
                return;
            }
            Found::Stray => {
                self.tally.strays += 1;
                return;
            }
        };
        match self.queries.check(query, reply) {
            Ok(truncated) => self.tally.truncated += u64::from(truncated),
            Err(fault) => {
                let count = match fault {
                    Fault::NoReply => &mut self.tally.no_reply,
                    Fault::Question => &mut self.tally.wrong_question,
                    Fault::Rcode => &mut self.tally.wrong_rcode,
                    Fault::Length => &mut self.tally.wrong_length,
                };
                *count += 1;
                self.first_fault.get_or_insert((query, fault));
                return;
            }
        }
        self.tally.answered += 1;
        self.tally.reply_octets += reply.len() as u64;
        if since >= self.counted_since {
            self.latency.record(now.saturating_sub(since));
        }
        if self.phase == Phase::Pass {
            self.lengths[query as usize] = u16::try_from(reply.len()).unwrap_or(u16::MAX);
        }
    }

    /// Counts a query that gets no reply, if it is one of those measured.
    pub fn lose(&mut self, since: u64) {
        self.tally.lost += u64::from(since >= self.counted_since);
    }
}

fn nanoseconds(duration: Duration) -> u64 {
    u64::try_from(duration.as_nanos()).unwrap_or(u64::MAX)
}
