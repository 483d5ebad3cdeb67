//! When a message is tried again, and which hosts are not asked for a while.
//!
//! Knows neither messages nor connections: it reckons with the times that are handed in.

use std::collections::HashMap;
use std::net::SocketAddr;
use std::time::Duration;

use crate::base::entropy::Entropy;
use crate::base::time::{Now, SECOND_US, Wall};

/// The longest time between two tries. RFC 5321 §4.5.4.1 wants days of tries; six a day find a host
/// that has come back soon enough.
pub const PAUSE_MAX: Duration = Duration::from_secs(4 * 3600);

/// Doublings after which a pause is the longest, whatever it began with.
const DOUBLINGS_MAX: u32 = 16;

/// The part of a pause by which it may be longer, so that messages that came together do not stay
/// together.
const SPREAD_SHARE: u64 = 8;

/// Hosts that are remembered as silent: a few octets each, and more than can be tried in the longest
/// time that they are remembered for.
const SILENT_MAX: usize = 10_000;

/// The longest time for which a host is not asked after it did not answer.
const SILENCE_MAX: Duration = Duration::from_secs(300);

/// How messages are tried again.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Schedule {
    /// How long after the first failure.
    pub first_retry: Duration,
    /// How long it is tried at all.
    pub lifetime: Duration,
}

impl Schedule {
    /// When a message that came at `came` and has failed `tries` times is tried again; `None` if its
    /// time is over. The last try is at the end of its time.
    pub fn next(
        &self,
        came: Wall,
        tries: u32,
        now: Wall,
        entropy: &mut impl Entropy,
    ) -> Option<Wall> {
        let end = came.as_secs().saturating_add(self.lifetime.as_secs());
        if now.as_secs() >= end {
            return None;
        }
        let doublings = tries.saturating_sub(1).min(DOUBLINGS_MAX);
        let pause = self.first_retry.as_secs().saturating_mul(1 << doublings);
        let pause = pause.min(PAUSE_MAX.as_secs());
        let spread = u32::try_from(pause / SPREAD_SHARE).unwrap_or(u32::MAX);
        let pause = pause + u64::from(entropy.below(spread + 1));
        Some(Wall::from_secs(now.as_secs().saturating_add(pause).min(end)))
    }
}

/// When a message is tried that was to be tried at `next`: at the latest after the longest pause, for
/// the clock may have been set back.
pub fn due(next: Wall, now: Wall) -> Wall {
    let latest = PAUSE_MAX.as_secs() + PAUSE_MAX.as_secs() / SPREAD_SHARE;
    next.min(Wall::from_secs(now.as_secs().saturating_add(latest)))
}

/// Hosts that did not answer: the next thousand messages for one must not wait for it each.
#[derive(Clone, Debug, Default)]
pub struct Silences(HashMap<SocketAddr, Now>);

impl Silences {
    /// Notes that a host does not answer. It is left alone for half the time after which a message is
    /// tried again, so that this finds it open to be asked.
    pub fn note(&mut self, host: SocketAddr, now: Now, schedule: &Schedule) {
        if self.0.len() >= SILENT_MAX {
            self.0.retain(|_, until| *until > now);
        }
        if self.0.len() < SILENT_MAX {
            let silence = (schedule.first_retry / 2).min(SILENCE_MAX);
            let micros = silence.as_secs() * SECOND_US + u64::from(silence.subsec_micros());
            self.0.insert(host, now.after_micros(micros));
        }
    }

    /// Notes that a host answers.
    pub fn forget(&mut self, host: SocketAddr) {
        self.0.remove(&host);
    }

    /// Whether a host is not to be asked now.
    pub fn has(&self, host: SocketAddr, now: Now) -> bool {
        self.0.get(&host).is_some_and(|until| now < *until)
    }
}

#[cfg(test)]
mod tests {
    use super::{PAUSE_MAX, SILENT_MAX, Schedule, Silences, due};
    use crate::base::entropy::{Entropy, Seeded};
    use crate::base::time::{Now, Wall};
    use std::net::SocketAddr;
    use std::time::Duration;

    const MINUTE: u64 = 60;
    const DAY: u64 = 86_400;
    const SCHEDULE: Schedule = Schedule {
        first_retry: Duration::from_secs(5 * MINUTE),
        lifetime: Duration::from_secs(5 * DAY),
    };

    /// Draws the least or the most that there is.
    struct Extreme(u64);

    impl Entropy for Extreme {
        fn next_u64(&mut self) -> u64 {
            self.0
        }
    }

    #[track_caller]
    fn waits(schedule: Schedule, tries: u32, least: u64, most: u64) {
        let now = Wall::from_secs(1000);
        for (extreme, expected) in [(0, least), (u64::MAX, most)] {
            let next = schedule.next(now, tries, now, &mut Extreme(extreme));
            assert_eq!(next, Some(Wall::from_secs(1000 + expected)), "after {tries} tries");
        }
    }

    #[test]
    fn pauses_double_up_to_four_hours() {
        waits(SCHEDULE, 1, 300, 337);
        waits(SCHEDULE, 2, 600, 675);
        waits(SCHEDULE, 6, 9600, 10_800);
        waits(SCHEDULE, 7, 14_400, 16_200);
        waits(SCHEDULE, u32::MAX, 14_400, 16_200);
        let fast = Schedule { first_retry: Duration::from_secs(1), ..SCHEDULE };
        waits(fast, 1, 1, 1);
        waits(fast, 2, 2, 2);
        waits(fast, 4, 8, 9);
        let slow = Schedule { first_retry: Duration::from_secs(DAY), ..SCHEDULE };
        waits(slow, 1, 14_400, 16_200);
    }

    #[test]
    fn message_is_given_up_when_its_time_is_over() {
        let came = Wall::from_secs(0);
        let next = |now| {
            SCHEDULE.next(came, 9, Wall::from_secs(now), &mut Seeded::new(1)).map(Wall::as_secs)
        };
        assert_eq!(next(5 * DAY - 60), Some(5 * DAY));
        assert_eq!(next(5 * DAY), None);
        assert_eq!(next(u64::MAX), None);
    }

    #[test]
    fn clock_that_was_set_back_does_not_hold_a_message() {
        let now = Wall::from_secs(0);
        assert_eq!(due(Wall::from_secs(100), now), Wall::from_secs(100));
        let latest = PAUSE_MAX.as_secs() * 9 / 8;
        assert_eq!(due(Wall::from_secs(9 * DAY), now), Wall::from_secs(latest));
    }

    fn host(port: u16) -> SocketAddr {
        SocketAddr::from(([192, 0, 2, 1], port))
    }

    #[test]
    fn silent_host_is_left_alone_for_a_while() {
        let mut silences = Silences::default();
        let at = |seconds: u64| Now::from_micros(seconds * 1_000_000);
        silences.note(host(25), at(10), &SCHEDULE);
        assert!(silences.has(host(25), at(159)));
        assert!(!silences.has(host(25), at(160)));
        assert!(!silences.has(host(26), at(10)));
        silences.forget(host(25));
        assert!(!silences.has(host(25), at(11)));
    }

    #[test]
    fn silent_hosts_are_bounded() {
        let mut silences = Silences::default();
        for number in 0..=SILENT_MAX {
            silences.note(host(u16::try_from(number).unwrap()), Now::default(), &SCHEDULE);
        }
        assert_eq!(silences.0.len(), SILENT_MAX);
        silences.note(host(1), Now::from_micros(u64::MAX / 2), &SCHEDULE);
        assert_eq!(silences.0.len(), 1);
    }
}
