//! The counters of each thread that answers.
//!
//! A block is written by one thread with plain additions, and has its cache lines to itself, so
//! that counting costs no more than the addition.

use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use crate::metrics::labels::{AnswerSource, CacheUse, DropReason, ReplyKind, Transport};
use crate::wire::numbers::Rcode;

/// Response codes with a count of their own. All others share one.
pub(super) const RCODES: [Rcode; 9] = [
    Rcode::NOERROR,
    Rcode::FORMERR,
    Rcode::SERVFAIL,
    Rcode::NXDOMAIN,
    Rcode::NOTIMP,
    Rcode::REFUSED,
    Rcode::YXDOMAIN,
    Rcode::BADVERS,
    Rcode::BADCOOKIE,
];

/// The upper bounds of the buckets of durations: a batch takes some microseconds, and who asks others
/// is told within four seconds that it was in vain.
pub(super) const DURATION_BOUNDS: [Duration; 15] = [
    Duration::from_micros(10),
    Duration::from_micros(25),
    Duration::from_micros(50),
    Duration::from_micros(100),
    Duration::from_micros(250),
    Duration::from_micros(500),
    Duration::from_millis(1),
    Duration::from_micros(2_500),
    Duration::from_millis(5),
    Duration::from_millis(10),
    Duration::from_millis(50),
    Duration::from_millis(250),
    Duration::from_secs(1),
    Duration::from_millis(2_500),
    Duration::from_secs(5),
];

const TRANSPORTS: usize = Transport::ALL.len();
const SOURCES: usize = AnswerSource::ALL.len();
const REASONS: usize = DropReason::ALL.len();

/// A number that one thread adds to and any thread may read.
#[derive(Debug, Default)]
struct Counter(AtomicU64);

impl Counter {
    /// Adds without an atomic read-modify-write: there is no other writer.
    fn add(&self, count: u64) {
        self.0.store(self.read().wrapping_add(count), Ordering::Relaxed);
    }

    fn read(&self) -> u64 {
        self.0.load(Ordering::Relaxed)
    }
}

/// Durations of replies of one source.
#[derive(Debug, Default)]
struct Durations {
    /// One for each bound, and one for what is above all.
    buckets: [Counter; DURATION_BOUNDS.len() + 1],
    nanoseconds: Counter,
}

/// The counters of one thread. 128 octets are two cache lines, which some CPUs fetch together.
#[derive(Debug, Default)]
#[repr(align(128))]
struct Block {
    queries: [Counter; TRANSPORTS],
    responses: [Counter; RCODES.len() + 1],
    answers: [Counter; SOURCES],
    dropped: [Counter; REASONS],
    truncated: Counter,
    cache_hits: Counter,
    cache_misses: Counter,
    durations: [Durations; SOURCES],
}

/// The counters of all threads that answer.
#[derive(Clone, Debug, Default)]
pub struct Counters {
    /// A block stays when its thread ends, because a counter never goes down.
    blocks: Arc<Mutex<Vec<Arc<Block>>>>,
}

impl Counters {
    /// Counters for one more thread. It goes on with the block of one that has ended, so that there
    /// are never more blocks than there were threads at a time.
    pub fn join(&self) -> WorkerCounters {
        let mut blocks = self.blocks.lock().unwrap_or_else(PoisonError::into_inner);
        // Only with the lock a block gets another owner, so one without stays without.
        let free = blocks.iter().find(|block| Arc::strong_count(block) == 1);
        let block = free.map_or_else(Arc::default, Arc::clone);
        if free.is_none() {
            blocks.push(Arc::clone(&block));
        }
        WorkerCounters { block, leaving: [0; SOURCES] }
    }

    /// The sums over all threads at this moment.
    pub(super) fn totals(&self) -> Totals {
        let mut totals = Totals::default();
        for block in self.blocks.lock().unwrap_or_else(PoisonError::into_inner).iter() {
            totals.add(block);
        }
        totals
    }
}

/// The counters that one thread writes. Without `Counters::join` nobody reads them.
#[derive(Debug, Default)]
pub struct WorkerCounters {
    block: Arc<Block>,
    /// Replies by source that have not left yet.
    leaving: [u64; SOURCES],
}

impl WorkerCounters {
    /// Counts a query.
    pub fn query(&mut self, transport: Transport) {
        self.block.queries[transport as usize].add(1);
    }

    /// Counts a reply that is about to leave.
    pub fn reply(&mut self, kind: ReplyKind) {
        let known = RCODES.iter().position(|&rcode| rcode == kind.rcode);
        self.block.responses[known.unwrap_or(RCODES.len())].add(1);
        self.block.answers[kind.source as usize].add(1);
        self.block.truncated.add(u64::from(kind.is_truncated));
        self.leaving[kind.source as usize] += 1;
    }

    /// Counts what the cache was to an answer.
    pub fn cache_use(&mut self, CacheUse { hits, misses }: CacheUse) {
        self.block.cache_hits.add(u64::from(hits));
        self.block.cache_misses.add(u64::from(misses));
    }

    /// Counts so many queries without a reply, or replies that did not leave.
    pub fn dropped(&mut self, reason: DropReason, count: usize) {
        self.block.dropped[reason as usize].add(count as u64);
    }

    /// Counts the duration of all replies since the last call: they left together.
    pub fn replies_left(&mut self, took: Duration) {
        let bucket = DURATION_BOUNDS.iter().position(|&bound| took <= bound);
        let bucket = bucket.unwrap_or(DURATION_BOUNDS.len());
        let nanoseconds = u64::try_from(took.as_nanos()).unwrap_or(u64::MAX);
        for (count, durations) in self.leaving.iter_mut().zip(&self.block.durations) {
            if *count > 0 {
                durations.buckets[bucket].add(*count);
                durations.nanoseconds.add(nanoseconds.saturating_mul(*count));
                *count = 0;
            }
        }
    }
}

/// Sums over all threads, in the order of the sets of labels.
#[derive(Debug, Default)]
pub(super) struct Totals {
    pub(super) queries: [u64; TRANSPORTS],
    pub(super) responses: [u64; RCODES.len() + 1],
    pub(super) answers: [u64; SOURCES],
    pub(super) dropped: [u64; REASONS],
    pub(super) truncated: u64,
    pub(super) cache_hits: u64,
    pub(super) cache_misses: u64,
    pub(super) durations: [TotalDurations; SOURCES],
}

/// Sums of durations of one source.
#[derive(Debug, Default)]
pub(super) struct TotalDurations {
    pub(super) buckets: [u64; DURATION_BOUNDS.len() + 1],
    pub(super) nanoseconds: u64,
}

impl Totals {
    fn add(&mut self, block: &Block) {
        add_all(&mut self.queries, &block.queries);
        add_all(&mut self.responses, &block.responses);
        add_all(&mut self.answers, &block.answers);
        add_all(&mut self.dropped, &block.dropped);
        self.truncated += block.truncated.read();
        self.cache_hits += block.cache_hits.read();
        self.cache_misses += block.cache_misses.read();
        for (total, durations) in self.durations.iter_mut().zip(&block.durations) {
            add_all(&mut total.buckets, &durations.buckets);
            total.nanoseconds += durations.nanoseconds.read();
        }
    }
}

fn add_all(totals: &mut [u64], counters: &[Counter]) {
    for (total, counter) in totals.iter_mut().zip(counters) {
        *total += counter.read();
    }
}

#[cfg(test)]
mod tests;
