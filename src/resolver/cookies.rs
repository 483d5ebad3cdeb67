//! Our part of the cookies that go to other servers (RFC 7873 §4.1).
//!
//! A keyed hash of the server's address, so that one server gets the same each time and two servers
//! cannot find out by it that it is us. Our own address is not in it: whoever sends asks a server from
//! one address. What servers tell stands with what is known of them (`servers`).

use std::net::IpAddr;

use siphasher::sip::SipHasher24;

use crate::base::entropy::Entropy;
use crate::base::time::{Now, SECOND_US};
use crate::wire::edns::CLIENT_COOKIE_LEN;

/// The longest that a secret is used, in seconds: a day (RFC 7873 §7.1).
const SECRET_SECONDS_MAX: u32 = 86_400;

/// By how much that is shortened at most, by chance, so that nobody can foretell the end: the 40 % of
/// RFC 7873 §7.1.
const JITTER_SECONDS: u32 = SECRET_SECONDS_MAX / 5 * 2;

/// Makes our part of cookies.
pub(super) struct ClientCookies {
    keyed: SipHasher24,
    /// The secret is used until then.
    until: Now,
}

impl ClientCookies {
    /// With a secret that has no time: `roll_over` comes first.
    pub(super) fn new() -> Self {
        Self { keyed: SipHasher24::new(), until: Now::default() }
    }

    /// Takes a new secret if the last one has been used for long enough; returns whether it has.
    pub(super) fn roll_over(&mut self, now: Now, entropy: &mut dyn Entropy) -> bool {
        let is_due = now >= self.until;
        if is_due {
            let seconds = SECRET_SECONDS_MAX - entropy.below(JITTER_SECONDS);
            self.until = now.after_micros(u64::from(seconds) * SECOND_US);
            self.keyed = SipHasher24::new_with_keys(entropy.next_u64(), entropy.next_u64());
        }
        is_due
    }

    /// Our part for a server.
    pub(super) fn for_server(&self, server: IpAddr) -> [u8; CLIENT_COOKIE_LEN] {
        let hash = match server {
            IpAddr::V4(server) => self.keyed.hash(&server.octets()),
            IpAddr::V6(server) => self.keyed.hash(&server.octets()),
        };
        hash.to_le_bytes()
    }
}

impl std::fmt::Debug for ClientCookies {
    /// Leaves the secret out.
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("ClientCookies")
    }
}

#[cfg(test)]
mod tests {
    use super::{ClientCookies, JITTER_SECONDS, SECRET_SECONDS_MAX};
    use crate::base::entropy::Seeded;
    use crate::base::time::{Now, SECOND_US};
    use std::collections::HashSet;
    use std::net::IpAddr;

    fn ip(text: &str) -> IpAddr {
        text.parse().unwrap()
    }

    fn cookies(seed: u64) -> ClientCookies {
        let mut cookies = ClientCookies::new();
        assert!(cookies.roll_over(Now::default(), &mut Seeded::new(seed)));
        cookies
    }

    #[test]
    fn cookie_is_the_same_for_a_server_and_another_for_each_server_and_secret() {
        let ours = cookies(1);
        let one = ours.for_server(ip("192.0.2.1"));
        assert_eq!(ours.for_server(ip("192.0.2.1")), one);
        assert_ne!(ours.for_server(ip("192.0.2.2")), one);
        assert_ne!(ours.for_server(ip("2001:db8::1")), one);
        assert_ne!(cookies(2).for_server(ip("192.0.2.1")), one);
    }

    #[test]
    fn secret_is_used_for_a_day_at_most_and_its_end_cannot_be_foretold() {
        let mut ends = HashSet::new();
        for seed in 0..20 {
            let (mut ours, mut entropy) = (cookies(seed), Seeded::new(seed + 1));
            let before = ours.for_server(ip("192.0.2.1"));
            let mut rolls_over_after = |seconds: u32| {
                let now = Now::from_micros(u64::from(seconds) * SECOND_US);
                ours.roll_over(now, &mut entropy)
            };
            assert!(!rolls_over_after(SECRET_SECONDS_MAX - JITTER_SECONDS));
            let minutes = (0..=SECRET_SECONDS_MAX / 60).map(|minute| 60 * minute);
            let mut minutes = minutes.filter(|seconds| rolls_over_after(*seconds));
            ends.insert(minutes.next().unwrap());
            assert_eq!(minutes.next(), None);
            drop(minutes);
            assert_ne!(ours.for_server(ip("192.0.2.1")), before);
        }
        assert!(ends.len() > 10, "{ends:?}");
    }
}
