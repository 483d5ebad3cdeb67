use super::*;
use crate::metrics::labels::ReplyKind;
use crate::wire::numbers::Rcode;
use prometheus::{Registry, TextEncoder};
use std::time::Duration;

fn text(counters: &Counters) -> String {
    let registry = Registry::new();
    registry.register(Box::new(DnsCollector::new(counters.clone()).unwrap())).unwrap();
    TextEncoder::new().encode_to_string(&registry.gather()).unwrap()
}

#[test]
fn closed_sets_begin_with_each_member_at_0() {
    let text = text(&Counters::default());
    for line in [
        "kereru_dns_queries_total{transport=\"udp\"} 0",
        "kereru_dns_queries_total{transport=\"tcp\"} 0",
        "kereru_dns_responses_total{rcode=\"NOERROR\"} 0",
        "kereru_dns_responses_total{rcode=\"BADVERS\"} 0",
        "kereru_dns_responses_total{rcode=\"other\"} 0",
        "kereru_dns_answers_total{source=\"authoritative\"} 0",
        "kereru_dns_answers_total{source=\"error\"} 0",
        "kereru_dns_dropped_total{reason=\"port-zero\"} 0",
        "kereru_dns_truncated_total 0",
        "kereru_cache_hits_total{level=\"worker\"} 0",
        "kereru_cache_hits_total{level=\"shared\"} 0",
        "kereru_cache_misses_total 0",
        "kereru_dns_request_duration_seconds_count{source=\"referral\"} 0",
    ] {
        assert!(text.lines().any(|found| found == line), "{line} is not in\n{text}");
    }
}

#[test]
fn buckets_are_cumulative_and_end_with_the_count() {
    let counters = Counters::default();
    let mut worker = counters.join();
    let kind =
        ReplyKind { rcode: Rcode::NOERROR, source: AnswerSource::Local, is_truncated: false };
    for took in [Duration::from_micros(20), Duration::from_micros(60), Duration::from_secs(3)] {
        worker.reply(kind);
        worker.replies_left(took);
    }
    let text = text(&counters);
    for line in [
        "_bucket{source=\"local\",le=\"0.00001\"} 0",
        "_bucket{source=\"local\",le=\"0.000025\"} 1",
        "_bucket{source=\"local\",le=\"0.0001\"} 2",
        "_bucket{source=\"local\",le=\"1\"} 2",
        "_bucket{source=\"local\",le=\"+Inf\"} 3",
        "_sum{source=\"local\"} 3.00008",
        "_count{source=\"local\"} 3",
    ] {
        let line = format!("kereru_dns_request_duration_seconds{line}");
        assert!(text.lines().any(|found| found == line), "{line} is not in\n{text}");
    }
}
