use super::*;

const ANSWER: ReplyKind =
    ReplyKind { rcode: Rcode::NOERROR, source: AnswerSource::Authoritative, is_truncated: false };

#[test]
fn threads_are_added_up() {
    let counters = Counters::default();
    let (mut first, mut second) = (counters.join(), counters.join());
    first.query(Transport::Udp);
    second.query(Transport::Udp);
    second.query(Transport::Tcp);
    second.dropped(DropReason::Short, 3);
    first.cache_use(CacheUse { hits: 2, misses: 0 });
    second.cache_use(CacheUse { hits: 1, misses: 1 });
    let totals = counters.totals();
    assert_eq!(totals.queries, [2, 1]);
    assert_eq!(totals.dropped, [3, 0, 0, 0, 0, 0, 0]);
    assert_eq!((totals.cache_hits, totals.cache_misses), (3, 1));
}

#[test]
fn counts_outlive_their_thread_and_the_next_one_goes_on_with_them() {
    let counters = Counters::default();
    for _ in 0..3 {
        counters.join().query(Transport::Udp);
    }
    assert_eq!(counters.totals().queries, [3, 0]);
    assert_eq!(counters.blocks.lock().unwrap().len(), 1);
}

#[test]
fn every_reply_has_one_code_and_one_source() {
    let counters = Counters::default();
    let mut worker = counters.join();
    for (number, &source) in (0..40).zip(AnswerSource::ALL.iter().cycle()) {
        worker.reply(ReplyKind { rcode: Rcode(number), source, is_truncated: number == 7 });
    }
    let totals = counters.totals();
    assert_eq!(totals.responses, [1, 1, 1, 1, 1, 1, 1, 1, 1, 31]);
    assert_eq!(totals.answers, [5; 8]);
    assert_eq!(totals.truncated, 1);
}

#[test]
fn duration_of_a_batch_counts_for_each_of_its_replies_once() {
    let counters = Counters::default();
    let mut worker = counters.join();
    worker.reply(ANSWER);
    worker.reply(ANSWER);
    worker.reply(ReplyKind { source: AnswerSource::Error, ..ANSWER });
    worker.replies_left(Duration::from_micros(10));
    worker.reply(ANSWER);
    worker.replies_left(Duration::from_nanos(10_001));
    worker.reply(ANSWER);
    worker.replies_left(Duration::from_secs(6));
    worker.replies_left(Duration::from_secs(9));
    let [answers, .., errors] = counters.totals().durations;
    assert_eq!(answers.buckets, [2, 1, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1]);
    assert_eq!(answers.nanoseconds, 20_000 + 10_001 + 6_000_000_000);
    assert_eq!((errors.buckets[0], errors.nanoseconds), (1, 10_000));
}

#[test]
fn blocks_of_two_threads_share_no_cache_line() {
    assert_eq!(align_of::<Block>(), 128);
    assert_eq!(size_of::<Block>() % 128, 0);
}
