//! What is counted of resolving, and what the cache holds.
//!
//! One task resolves and writes the counters; what the cache holds is asked for with each scrape.

use std::fmt;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use prometheus::core::{Collector, Desc};
use prometheus::proto::MetricFamily;

use crate::metrics::counters::DURATION_BOUNDS;
use crate::metrics::family::{Distribution, FamilyError, Histograms, Kind, Numbers};
use crate::metrics::labels::{IgnoredResponse, ResolverFailure, Transport};

const TRANSPORTS: usize = Transport::ALL.len();
const FAILURES: usize = ResolverFailure::ALL.len();
const IGNORED: usize = IgnoredResponse::ALL.len();

#[derive(Debug, Default)]
struct Counts {
    sent: [AtomicU64; TRANSPORTS],
    ignored: [AtomicU64; IGNORED],
    failures: [AtomicU64; FAILURES],
    /// One for each bound, and one for what is above all.
    buckets: [AtomicU64; DURATION_BOUNDS.len() + 1],
    nanoseconds: AtomicU64,
}

/// The counters of whoever resolves; clones count together.
#[derive(Clone, Debug, Default)]
pub struct ResolverCounters(Arc<Counts>);

impl ResolverCounters {
    /// Counts a request to another server.
    pub fn sent(&self, transport: Transport) {
        if let Some(count) = self.0.sent.get(transport as usize) {
            count.fetch_add(1, Ordering::Relaxed);
        }
    }

    /// Counts the response to one, which took so long.
    pub fn responded(&self, took: Duration) {
        let bucket = DURATION_BOUNDS.iter().position(|&bound| took <= bound);
        if let Some(count) = self.0.buckets.get(bucket.unwrap_or(DURATION_BOUNDS.len())) {
            count.fetch_add(1, Ordering::Relaxed);
        }
        let nanoseconds = u64::try_from(took.as_nanos()).unwrap_or(u64::MAX);
        self.0.nanoseconds.fetch_add(nanoseconds, Ordering::Relaxed);
    }

    /// Counts a response that is not taken for one.
    pub fn ignored(&self, reason: IgnoredResponse) {
        if let Some(count) = self.0.ignored.get(reason as usize) {
            count.fetch_add(1, Ordering::Relaxed);
        }
    }

    /// Counts a question that could not be answered.
    pub fn failed(&self, failure: ResolverFailure) {
        if let Some(count) = self.0.failures.get(failure as usize) {
            count.fetch_add(1, Ordering::Relaxed);
        }
    }
}

/// What the cache holds.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct CacheTotals {
    /// Entries.
    pub entries: u64,
    /// Octets that they take.
    pub octets: u64,
    /// Entries that were dropped for want of room.
    pub evictions: u64,
}

/// What is asked for with each scrape.
pub struct Resolving {
    /// The counters.
    pub counters: ResolverCounters,
    /// How many queries wait for other servers.
    pub inflight: Box<dyn Fn() -> usize + Send + Sync>,
    /// What the cache holds.
    pub cache: Box<dyn Fn() -> CacheTotals + Send + Sync>,
}

impl fmt::Debug for Resolving {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Resolving").field("counters", &self.counters).finish_non_exhaustive()
    }
}

/// The families of the resolver, and of what the cache holds.
#[derive(Debug)]
pub struct ResolverCollector {
    resolving: Resolving,
    inflight: Numbers,
    sent: Numbers,
    ignored: Numbers,
    failures: Numbers,
    durations: Histograms,
    entries: Numbers,
    octets: Numbers,
    evictions: Numbers,
}

impl ResolverCollector {
    /// A collector of these.
    ///
    /// # Errors
    ///
    /// Fails if Prometheus does not allow one of the names.
    pub fn new(resolving: Resolving) -> Result<Self, FamilyError> {
        let gauge = |name, help| Numbers::single(Kind::Gauge, name, help);
        let counter = |name, help| Numbers::single(Kind::Counter, name, help);
        let by = |label, name, help| Numbers::labelled(Kind::Counter, name, help, label);
        Ok(Self {
            resolving,
            inflight: gauge("kereru_resolver_inflight", "Queries that wait for other servers.")?,
            sent: by(
                "transport",
                "kereru_resolver_upstream_queries_total",
                "Requests to other servers.",
            )?,
            ignored: by(
                "reason",
                "kereru_resolver_responses_ignored_total",
                "Messages from servers that are no response to what they were asked.",
            )?,
            failures: by(
                "reason",
                "kereru_resolver_failures_total",
                "Questions that other servers could not be made to answer.",
            )?,
            durations: Histograms::single(
                "kereru_resolver_upstream_duration_seconds",
                "Time from sending a request to another server to its response.",
            )?,
            entries: gauge("kereru_cache_entries", "Entries of the cache.")?,
            octets: gauge("kereru_cache_bytes", "Octets that the entries of the cache take.")?,
            evictions: counter(
                "kereru_cache_evictions_total",
                "Entries that were dropped for want of room.",
            )?,
        })
    }
}

impl Collector for ResolverCollector {
    fn desc(&self) -> Vec<&Desc> {
        let numbers = [
            &self.inflight,
            &self.sent,
            &self.ignored,
            &self.failures,
            &self.entries,
            &self.octets,
            &self.evictions,
        ];
        let mut descs: Vec<&Desc> = numbers.into_iter().map(Numbers::desc).collect();
        descs.push(self.durations.desc());
        descs
    }

    fn collect(&self) -> Vec<MetricFamily> {
        let counts = &self.resolving.counters.0;
        let cache = (self.resolving.cache)();
        let inflight = u64::try_from((self.resolving.inflight)()).unwrap_or(u64::MAX);
        let buckets: Vec<u64> = counts.buckets.iter().map(read).collect();
        let bounds = DURATION_BOUNDS.map(|bound| bound.as_secs_f64());
        let sum = number(read(&counts.nanoseconds)) / 1e9;
        let durations = Distribution { bounds: &bounds, counts: &buckets, sum };
        let numbers = |counts: &[AtomicU64]| counts.iter().map(read).map(number).collect();
        let (sent, ignored): (Vec<f64>, Vec<f64>) =
            (numbers(&counts.sent), numbers(&counts.ignored));
        let failures: Vec<f64> = numbers(&counts.failures);
        vec![
            self.inflight.with_value(number(inflight)),
            self.sent.with_values(Transport::labels().zip(sent)),
            self.ignored.with_values(IgnoredResponse::labels().zip(ignored)),
            self.failures.with_values(ResolverFailure::labels().zip(failures)),
            self.durations.with([("", durations)].into_iter()),
            self.entries.with_value(number(cache.entries)),
            self.octets.with_value(number(cache.octets)),
            self.evictions.with_value(number(cache.evictions)),
        ]
    }
}

fn read(count: &AtomicU64) -> u64 {
    count.load(Ordering::Relaxed)
}

/// A count as Prometheus has it: exact up to 2⁵³.
#[expect(clippy::cast_precision_loss, reason = "every number of Prometheus is a float")]
pub(super) fn number(count: u64) -> f64 {
    count as f64
}
