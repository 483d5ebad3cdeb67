//! Zones of which no server's address can be found.
//!
//! A name below such a zone fails at once for a while, so that a flood of names costs no more than one
//! (NRDelegation). Not for zones whose servers are silent: these are asked.

use std::collections::HashMap;

use crate::base::limits::{DEAD_ZONES_MAX, FAILURE_SECONDS_MAX, FAILURE_SECONDS_MIN};
use crate::base::time::{Now, SECOND_US};
use crate::wire::name::NameBuf;

/// How it was found of a zone.
#[derive(Clone, Copy, Debug)]
struct Dead {
    until: Now,
    /// How often in a row, from 1.
    times: u32,
}

/// Zones without a server that can be found.
#[derive(Debug, Default)]
pub(super) struct DeadZones(HashMap<NameBuf, Dead>);

impl DeadZones {
    /// Takes in that no server of a zone can be found. Counts for twice as long as the last time, as
    /// with other failures (RFC 9520 §3.2).
    pub(super) fn note(&mut self, now: Now, zone: &NameBuf) {
        if self.is_dead(now, zone) {
            return;
        }
        if self.0.len() >= DEAD_ZONES_MAX {
            self.0.clear();
        }
        let pause = |seconds: u32| u64::from(seconds) * SECOND_US;
        let before = self
            .0
            .get(zone)
            .filter(|before| now < before.until.after_micros(pause(FAILURE_SECONDS_MAX)));
        let times = before.map_or(1, |before| before.times.saturating_add(1));
        let seconds = FAILURE_SECONDS_MIN.saturating_mul(1 << (times - 1).min(16));
        let until = now.after_micros(pause(seconds.min(FAILURE_SECONDS_MAX)));
        self.0.insert(zone.clone(), Dead { until, times });
    }

    /// Takes in that an address was found.
    pub(super) fn forget(&mut self, zone: &NameBuf) {
        self.0.remove(zone);
    }

    /// Whether no server of a zone could be found lately.
    pub(super) fn is_dead(&self, now: Now, zone: &NameBuf) -> bool {
        self.0.get(zone).is_some_and(|dead| now < dead.until)
    }
}

#[cfg(test)]
mod tests {
    use super::DeadZones;
    use crate::base::limits::DEAD_ZONES_MAX;
    use crate::base::time::{Now, SECOND_US};
    use crate::wire::name::NameBuf;

    fn name(text: &str) -> NameBuf {
        NameBuf::from_text(text.as_bytes(), None).unwrap()
    }

    #[test]
    fn zone_is_dead_for_twice_as_long_each_time_until_it_is_found() {
        let mut dead = DeadZones::default();
        let at = |seconds: u64| Now::from_micros(seconds * SECOND_US);
        dead.note(at(0), &name("a."));
        dead.note(at(1), &name("a."));
        assert!(dead.is_dead(at(4), &name("A.")) && !dead.is_dead(at(5), &name("a.")));
        dead.note(at(5), &name("a."));
        assert!(dead.is_dead(at(14), &name("a.")) && !dead.is_dead(at(15), &name("a.")));
        dead.forget(&name("a."));
        dead.note(at(20), &name("a."));
        assert!(dead.is_dead(at(24), &name("a.")) && !dead.is_dead(at(25), &name("a.")));
        dead.note(at(400), &name("a."));
        assert!(!dead.is_dead(at(405), &name("a.")));
    }

    #[test]
    fn no_more_zones_are_remembered_than_there_is_room_for() {
        let mut dead = DeadZones::default();
        for number in 0..=DEAD_ZONES_MAX {
            dead.note(Now::default(), &name(&format!("n{number}.")));
        }
        assert_eq!(dead.0.len(), 1);
    }
}
