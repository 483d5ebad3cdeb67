//! How often clients were wrong about passwords, so that none can try many.
//!
//! Knows no passwords and no sockets, and gets the time.

use std::collections::HashMap;
use std::net::IpAddr;
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

/// Wrong passwords of one client within `SPAN`. A program that has an old one tries it some dozen times
/// before somebody sees to it; who guesses needs many thousands.
const WRONG_MAX: u32 = 60;

/// How long a client's wrong passwords are counted together.
const SPAN: Duration = Duration::from_secs(600);

/// Clients that are counted: some 600 KiB. With more of them all begin anew, because whoever has so many
/// addresses is not stopped by counting.
const CLIENTS_MAX: usize = 10_000;

/// Wrong passwords by client.
#[derive(Debug, Default)]
pub(super) struct Guesses(Mutex<HashMap<IpAddr, Count>>);

#[derive(Clone, Copy, Debug)]
struct Count {
    wrong: u32,
    since: Instant,
}

impl Count {
    fn is_over(&self, now: Instant) -> bool {
        now.saturating_duration_since(self.since) >= SPAN
    }
}

impl Guesses {
    /// Whether a password of this client is looked at.
    pub(super) fn may_guess(&self, client: IpAddr, now: Instant) -> bool {
        let counts = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        counts.get(&client).is_none_or(|count| count.is_over(now) || count.wrong < WRONG_MAX)
    }

    /// Notes that a password was wrong.
    pub(super) fn note_wrong(&self, client: IpAddr, now: Instant) {
        let mut counts = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if counts.len() >= CLIENTS_MAX && !counts.contains_key(&client) {
            counts.retain(|_, count| !count.is_over(now));
            if counts.len() >= CLIENTS_MAX {
                counts.clear();
            }
        }
        let count = counts.entry(client).or_insert(Count { wrong: 0, since: now });
        if count.is_over(now) {
            *count = Count { wrong: 0, since: now };
        }
        count.wrong = count.wrong.saturating_add(1);
    }
}

#[cfg(test)]
mod tests {
    use super::{CLIENTS_MAX, Guesses, SPAN, WRONG_MAX};
    use std::net::{IpAddr, Ipv4Addr};
    use std::time::{Duration, Instant};

    fn client(number: usize) -> IpAddr {
        Ipv4Addr::from_bits(u32::try_from(number).unwrap()).into()
    }

    #[test]
    fn client_that_is_wrong_too_often_has_to_wait() {
        let (guesses, begin) = (Guesses::default(), Instant::now());
        for _ in 0..WRONG_MAX {
            assert!(guesses.may_guess(client(1), begin));
            guesses.note_wrong(client(1), begin);
        }
        assert!(!guesses.may_guess(client(1), begin + SPAN - Duration::from_secs(1)));
        assert!(guesses.may_guess(client(2), begin));
        assert!(guesses.may_guess(client(1), begin + SPAN));
        guesses.note_wrong(client(1), begin + SPAN);
        assert!(guesses.may_guess(client(1), begin + SPAN));
    }

    #[test]
    fn many_clients_take_bounded_room() {
        let (guesses, begin) = (Guesses::default(), Instant::now());
        for number in 0..3 * CLIENTS_MAX {
            guesses.note_wrong(client(number), begin);
        }
        assert!(guesses.0.lock().unwrap().len() <= CLIENTS_MAX);
    }
}
