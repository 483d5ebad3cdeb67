//! Adds the counters of all threads up for a scrape.

use prometheus::core::{Collector, Desc};
use prometheus::proto::MetricFamily;

use crate::metrics::counters::{Counters, DURATION_BOUNDS, RCODES};
use crate::metrics::family::{Distribution, FamilyError, Histograms, Kind, Numbers};
use crate::metrics::labels::{AnswerSource, DropReason, Transport};
use crate::metrics::resolving::number;

/// The families of the counters that threads write.
#[derive(Debug)]
pub struct DnsCollector {
    counters: Counters,
    queries: Numbers,
    responses: Numbers,
    answers: Numbers,
    dropped: Numbers,
    truncated: Numbers,
    cache_hits: Numbers,
    cache_misses: Numbers,
    durations: Histograms,
}

impl DnsCollector {
    /// A collector of these counters.
    ///
    /// # Errors
    ///
    /// Fails if Prometheus does not allow one of the names.
    pub fn new(counters: Counters) -> Result<Self, FamilyError> {
        let by = |label, name, help| Numbers::labelled(Kind::Counter, name, help, label);
        let counter = |name, help| Numbers::single(Kind::Counter, name, help);
        Ok(Self {
            counters,
            queries: by("transport", "kereru_dns_queries_total", "Messages that arrived.")?,
            responses: by("rcode", "kereru_dns_responses_total", "Replies by response code.")?,
            answers: by("source", "kereru_dns_answers_total", "Replies by where they came from.")?,
            dropped: by(
                "reason",
                "kereru_dns_dropped_total",
                "Messages without a reply, and replies that could not be sent.",
            )?,
            truncated: counter("kereru_dns_truncated_total", "Replies that were cut to fit.")?,
            cache_hits: by(
                "level",
                "kereru_cache_hits_total",
                "Questions for which the cache had something, by where it was found.",
            )?,
            cache_misses: counter(
                "kereru_cache_misses_total",
                "Questions for which the cache had nothing.",
            )?,
            durations: Histograms::new(
                "kereru_dns_request_duration_seconds",
                "Time from receiving a query, or the batch it came in, to sending its reply.",
                "source",
            )?,
        })
    }
}

impl Collector for DnsCollector {
    fn desc(&self) -> Vec<&Desc> {
        let numbers = [
            &self.queries,
            &self.responses,
            &self.answers,
            &self.dropped,
            &self.truncated,
            &self.cache_hits,
            &self.cache_misses,
        ];
        let mut descs: Vec<&Desc> = numbers.into_iter().map(Numbers::desc).collect();
        descs.push(self.durations.desc());
        descs
    }

    fn collect(&self) -> Vec<MetricFamily> {
        let totals = self.counters.totals();
        let rcodes = RCODES.iter().map(|rcode| rcode.mnemonic().unwrap_or("other"));
        let bounds = DURATION_BOUNDS.map(|bound| bound.as_secs_f64());
        let durations = totals.durations.iter().map(|total| Distribution {
            bounds: &bounds,
            counts: &total.buckets,
            sum: number(total.nanoseconds) / 1e9,
        });
        vec![
            with(&self.queries, Transport::labels(), &totals.queries),
            with(&self.responses, rcodes.chain(["other"]), &totals.responses),
            with(&self.answers, AnswerSource::labels(), &totals.answers),
            with(&self.dropped, DropReason::labels(), &totals.dropped),
            self.truncated.with_value(number(totals.truncated)),
            self.cache_hits.with_values([("worker", 0.0), ("shared", number(totals.cache_hits))]),
            self.cache_misses.with_value(number(totals.cache_misses)),
            self.durations.with(AnswerSource::labels().zip(durations)),
        ]
    }
}

fn with(
    family: &Numbers,
    labels: impl Iterator<Item = &'static str>,
    totals: &[u64],
) -> MetricFamily {
    family.with_values(labels.zip(totals.iter().map(|&total| number(total))))
}

#[cfg(test)]
mod tests;
