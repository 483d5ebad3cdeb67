use super::{Kind, LINES, RateLimiter, RateOptions, TIME_MASK, Verdict, WAYS};
use crate::base::time::{Now, SECOND_US};
use std::net::{IpAddr, Ipv4Addr};
use std::sync::atomic::{AtomicU64, Ordering};

fn limiter(per_second: u32) -> RateLimiter {
    RateLimiter::new(RateOptions { per_second, ipv4_prefix: 24, ipv6_prefix: 56, slip: 2 })
}

fn ip(text: &str) -> IpAddr {
    text.parse().unwrap()
}

/// Replies that pass of so many, one every `step` microseconds from `start`.
fn passed(
    limiter: &RateLimiter,
    client: &str,
    kind: Kind,
    start: u64,
    step: u64,
    count: u64,
) -> u64 {
    let times = (0..count).map(|number| Now::from_micros(start + number * step));
    times.filter(|&now| limiter.count(now, ip(client), kind) == Verdict::Pass).count() as u64
}

#[test]
fn flood_gets_the_burst_and_then_the_rate() {
    let limiter = limiter(50);
    let kind = Kind::Answer(7);
    assert_eq!(passed(&limiter, "192.0.2.1", kind, 0, 0, 1000), 50);
    // Ten seconds at 1,000 a second.
    let ten_seconds = passed(&limiter, "192.0.2.1", kind, 0, 1000, 10_000);
    assert!((499..=501).contains(&ten_seconds), "{ten_seconds}");
}

#[test]
fn flood_gets_no_more_than_a_rate_that_does_not_divide_a_second() {
    for rate in [3, 7, 30_000, 600_000, 1_000_000] {
        let (limiter, second) = (limiter(rate), 1_000_000);
        let rate = u64::from(rate);
        assert_eq!(passed(&limiter, "192.0.2.1", Kind::Error, 0, 0, rate + 1), rate);
        let after = passed(&limiter, "192.0.2.1", Kind::Error, 0, 1, second);
        assert!(after <= rate && after >= rate / 3, "{after} of {rate}");
    }
}

#[test]
fn worker_whose_clock_is_behind_gives_no_second_burst() {
    let limiter = limiter(50);
    assert_eq!(passed(&limiter, "192.0.2.1", Kind::Error, 1_000_000, 0, 100), 50);
    assert_eq!(passed(&limiter, "192.0.2.1", Kind::Error, 700_000, 0, 100), 0);
    assert_eq!(passed(&limiter, "192.0.2.1", Kind::Error, 1_000_000, 0, 100), 0);
}

#[test]
fn workers_together_give_no_more_than_the_rate() {
    let (limiter, clock) = (limiter(1000), AtomicU64::new(0));
    let count = || {
        let times = (0..100_000).map(|_| Now::from_micros(clock.fetch_add(5, Ordering::Relaxed)));
        let passes = times.map(|now| limiter.count(now, ip("192.0.2.1"), Kind::Error));
        passes.filter(|&verdict| verdict == Verdict::Pass).count()
    };
    let passed: usize = std::thread::scope(|scope| {
        let workers: Vec<_> = (0..4).map(|_| scope.spawn(count)).collect();
        workers.into_iter().map(|worker| worker.join().unwrap()).sum()
    });
    // Two seconds, and the burst.
    assert!(passed <= 3000, "{passed}");
}

#[test]
fn who_stays_below_the_rate_is_never_limited() {
    let limiter = limiter(50);
    assert_eq!(passed(&limiter, "192.0.2.1", Kind::Error, 5, 20_000, 5000), 5000);
}

#[test]
fn network_shares_a_limit_and_others_have_their_own() {
    let limiter = limiter(10);
    let kind = Kind::NameError(1);
    assert_eq!(passed(&limiter, "192.0.2.1", kind, 0, 0, 20), 10);
    assert_eq!(passed(&limiter, "192.0.2.200", kind, 0, 0, 20), 0);
    assert_eq!(passed(&limiter, "::ffff:192.0.2.3", kind, 0, 0, 20), 0);
    assert_eq!(passed(&limiter, "192.0.3.1", kind, 0, 0, 20), 10);
    assert_eq!(passed(&limiter, "2001:db8:0:ff::1", kind, 0, 0, 20), 10);
    assert_eq!(passed(&limiter, "2001:db8:0:1::1", kind, 0, 0, 20), 0);
    assert_eq!(passed(&limiter, "2001:db8:0:100::1", kind, 0, 0, 20), 10);
}

#[test]
fn kinds_of_replies_have_limits_of_their_own() {
    let limiter = limiter(5);
    for kind in
        [Kind::Answer(1), Kind::Answer(2), Kind::NameError(1), Kind::Referral(1), Kind::Error]
    {
        assert_eq!(passed(&limiter, "192.0.2.1", kind, 0, 0, 20), 5, "{kind:?}");
    }
}

#[test]
fn limit_goes_on_when_the_clock_wraps_around() {
    let limiter = limiter(50);
    let start = TIME_MASK - 5 * SECOND_US;
    let ten_seconds = passed(&limiter, "192.0.2.1", Kind::Error, start, 1000, 10_000);
    assert!((549..=551).contains(&ten_seconds), "{ten_seconds}");
}

#[test]
fn flood_from_everywhere_does_not_free_who_is_limited() {
    let limiter = limiter(10);
    let kind = Kind::Answer(3);
    assert_eq!(passed(&limiter, "192.0.2.1", kind, 0, 0, 20), 10);
    // As many networks as the table holds, each with one question.
    for number in 0..u32::try_from(LINES * WAYS).unwrap() {
        let client = IpAddr::V4(Ipv4Addr::from_bits(0x0A00_0000 + (number << 8)));
        limiter.count(Now::from_micros(0), client, kind);
    }
    assert_eq!(passed(&limiter, "192.0.2.1", kind, 0, 0, 20), 0);
}

#[test]
fn every_so_many_limited_replies_of_a_key_are_cut_whatever_others_get() {
    for slip in 0..=10 {
        let options = RateOptions { per_second: 1, ipv4_prefix: 24, ipv6_prefix: 56, slip };
        let limiter = RateLimiter::new(options);
        let kinds = [Kind::Answer(1), Kind::Answer(2), Kind::NameError(1)];
        let mut cut = [0; 3];
        for _ in 0..=100 * u32::from(slip.max(1)) {
            for (kind, cut) in kinds.iter().zip(&mut cut) {
                let verdict = limiter.count(Now::from_micros(0), ip("192.0.2.1"), *kind);
                *cut += u32::from(verdict == Verdict::Cut);
            }
        }
        assert_eq!(cut, [if slip == 0 { 0 } else { 100 }; 3], "slip {slip}");
    }
}

#[test]
fn workers_together_cut_so_many_of_the_limited_replies() {
    let limiter = limiter(1);
    let count = || {
        let verdicts =
            (0..100_000).map(|_| limiter.count(Now::from_micros(0), ip("192.0.2.1"), Kind::Error));
        verdicts.filter(|&verdict| verdict == Verdict::Cut).count()
    };
    let cut: usize = std::thread::scope(|scope| {
        let workers: Vec<_> = (0..4).map(|_| scope.spawn(count)).collect();
        workers.into_iter().map(|worker| worker.join().unwrap()).sum()
    });
    // Replies that found no turn in so many tries are dropped without being counted.
    assert!((150_000..=200_000).contains(&cut), "{cut}");
}
