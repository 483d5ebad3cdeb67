//! What is known of other servers' addresses: how fast they answer, what they do not understand, and
//! which of several is asked next.
//!
//! Smoothed round-trip times as TCP keeps them (RFC 6298), and a random choice among those that are
//! about as fast as the best: whoever watches cannot foretell it, and those that are a little slower
//! are measured, too. Knows nothing of zones or questions.

use std::collections::HashMap;
use std::net::{IpAddr, SocketAddr};

use crate::base::entropy::Entropy;
use crate::base::time::Now;
use crate::wire::edns::ServerCookie;

/// Addresses that are remembered, at most: some 10 MiB. Beyond it half of them are forgotten, those
/// first that were asked longest ago.
pub const SERVERS_MAX: usize = 1 << 16;

/// How long the answer of an address that was never asked is waited for first: most of the world is
/// nearer. So long is waited at least, too, once an answer did not come: what is known of the times
/// may be over.
const FIRST_WAIT_US: u64 = 376_000;

/// The least time an answer is waited for: less would take a busy server for a silent one.
const WAIT_MIN_US: u64 = 50_000;

/// The same where the server resolves: a name that it knows takes it no time, and another as long as
/// it takes us.
const RESOLVING_WAIT_MIN_US: u64 = FIRST_WAIT_US;

/// The most time one answer is waited for. The client has to be told within four seconds, and others
/// want to be asked meanwhile.
const WAIT_MAX_US: u64 = 1_500_000;

/// How much slower than the fastest a server may be and still be as good, so that nobody can foretell
/// which is asked. Servers that resolve are few and were chosen: of these the fastest is.
const BAND_US: u64 = 100_000;

/// Every so many choices another server than a good one is tried, so that one that has become fast is
/// noticed.
const EXPLORE_EVERY: u32 = 20;

/// Losses in a row after which an address counts as silent.
const SILENT_AFTER: u32 = 3;

/// How long a silent address is left alone at first; doubled with each further loss.
const SILENCE_US: u64 = 2_000_000;

/// The longest that a silent address is left alone.
const SILENCE_MAX_US: u64 = 60_000_000;

/// Networks of a family in which a request has to be lost, with no response from any address of the
/// family meanwhile, before the whole family counts as out of reach: less may be one provider that is
/// down, and each costs a wait.
const FAMILY_LOSSES: usize = 4;

/// How long a family counts as out of reach before it is tried again.
const FAMILY_PAUSE_US: u64 = 60_000_000;

/// How long it is remembered that a server does not understand something.
const REMEMBERED_US: u64 = 900_000_000;

/// What an address does not understand or do, each until a moment.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
struct Lacks {
    /// EDNS: it said FORMERR to a request with an OPT record, and was of use without.
    edns_until: Now,
    /// The case of the question: it answers in another.
    case_until: Now,
    /// UDP: answers are lost there, or forged.
    udp_until: Now,
    /// Cookies: it said FORMERR to a request with one, and was of use without.
    cookies_until: Now,
}

/// An address.
#[derive(Clone, Debug)]
struct Server {
    /// Smoothed round-trip time and its deviation, microseconds; `None` before the first answer.
    times: Option<(u64, u64)>,
    /// Requests without an answer since the last answer.
    losses: u32,
    /// It is left alone until then if others are there.
    silent_until: Now,
    lacks: Lacks,
    cookie: Option<ServerCookie>,
    asked: Now,
}

impl Server {
    fn new(now: Now) -> Self {
        Self {
            times: None,
            losses: 0,
            silent_until: Now::default(),
            lacks: Lacks::default(),
            cookie: None,
            asked: now,
        }
    }

    /// How long an answer is waited for. The time doubles with each loss (RFC 1536 §1).
    fn wait_us(&self, wait: Wait) -> u64 {
        let known =
            self.times.map_or(FIRST_WAIT_US, |(smoothed, deviation)| smoothed + 4 * deviation);
        let losses = self.losses.max(wait.losses).min(5);
        let least = match wait.server {
            Asked::Resolves => RESOLVING_WAIT_MIN_US,
            Asked::Serves if losses > 0 => FIRST_WAIT_US / 2,
            Asked::Serves => WAIT_MIN_US,
        };
        (known.clamp(least, WAIT_MAX_US) << losses).min(WAIT_MAX_US)
    }

    /// What counts when it is compared with others.
    fn rank_us(&self) -> u64 {
        self.times.map_or(FIRST_WAIT_US, |(smoothed, _)| smoothed) << self.losses.min(5)
    }
}

/// What a server is asked for, as far as its time depends on it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Asked {
    /// What it has.
    Serves,
    /// What it has to find out from others.
    Resolves,
}

/// What is to be waited for.
#[derive(Clone, Copy, Debug)]
pub struct Wait {
    /// What the server is asked for.
    pub server: Asked,
    /// How often the same was lost there before.
    pub losses: u32,
}

/// How an address is asked.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Manner {
    /// Microseconds to wait for the answer.
    pub wait_us: u64,
    /// Whether the request has an OPT record.
    pub edns: bool,
    /// Whether the case of the name is chosen by chance.
    pub mixed_case: bool,
    /// Whether it is asked over TCP at once.
    pub tcp: bool,
    /// Whether the request has our part of a cookie.
    pub with_cookie: bool,
    /// The server's part, which it has told.
    pub cookie: Option<ServerCookie>,
}

/// A family of addresses, as far as it can be reached.
#[derive(Debug, Default)]
struct Family {
    /// Networks in which requests were lost since the last response, at most `FAMILY_LOSSES`.
    lost: Vec<u32>,
    /// Out of reach until then.
    broken_until: Now,
}

impl Family {
    /// Takes in that a request to an address was lost.
    fn lose(&mut self, now: Now, address: IpAddr) {
        let network = network(address);
        if self.lost.len() < FAMILY_LOSSES && !self.lost.contains(&network) {
            self.lost.push(network);
        }
        // After the pause one more is enough.
        if self.lost.len() >= FAMILY_LOSSES && self.broken_until <= now {
            self.broken_until = now.after_micros(FAMILY_PAUSE_US);
        }
    }
}

/// The network that an address is in: of 16 bits, or of the 32 that a provider gets of IPv6, so that
/// the servers of one provider are in few.
fn network(address: IpAddr) -> u32 {
    let [a, b, c, d] = match address {
        IpAddr::V4(address) => {
            let [a, b, ..] = address.octets();
            [0, 0, a, b]
        }
        IpAddr::V6(address) => {
            let [a, b, c, d, ..] = address.octets();
            [a, b, c, d]
        }
    };
    u32::from_be_bytes([a, b, c, d])
}

/// What is known of all addresses.
#[derive(Debug, Default)]
pub struct Servers {
    known: HashMap<SocketAddr, Server>,
    families: [Family; 2],
}

impl Servers {
    /// How many addresses are remembered.
    pub fn len(&self) -> usize {
        self.known.len()
    }

    /// Whether none is.
    pub fn is_empty(&self) -> bool {
        self.known.is_empty()
    }

    /// Which of some addresses is asked next; `None` if there are none. One that was asked before in
    /// the same matter, as `tries` tells, comes after all that were asked less often.
    pub fn choose(
        &self,
        now: Now,
        (candidates, server): (&[SocketAddr], Asked),
        tries: impl Fn(SocketAddr) -> u32,
        entropy: &mut dyn Entropy,
    ) -> Option<SocketAddr> {
        let fewest = candidates.iter().map(|address| tries(*address)).min()?;
        let fresh = || candidates.iter().copied().filter(|address| tries(*address) == fewest);
        let usable = |address: &SocketAddr| !self.is_avoided(now, *address);
        let mut good: Vec<SocketAddr> = fresh().filter(usable).collect();
        if good.is_empty() {
            good.extend(fresh());
        } else if entropy.below(EXPLORE_EVERY) != 0 {
            let best = good.iter().map(|address| self.rank_us(*address)).min()?;
            let band_us = if server == Asked::Serves { BAND_US } else { 0 };
            good.retain(|address| self.rank_us(*address) <= best.saturating_add(band_us));
        }
        let count = u32::try_from(good.len()).unwrap_or(u32::MAX);
        let index = usize::try_from(entropy.below(count.max(1))).unwrap_or(0);
        good.get(index).copied()
    }

    /// How an address is asked now.
    pub fn manner(&self, now: Now, address: SocketAddr, wait: Wait) -> Manner {
        let unknown = Server::new(now);
        let server = self.known.get(&address).unwrap_or(&unknown);
        Manner {
            wait_us: server.wait_us(wait),
            edns: server.lacks.edns_until <= now,
            mixed_case: server.lacks.case_until <= now,
            tcp: server.lacks.udp_until > now,
            with_cookie: server.lacks.cookies_until <= now,
            cookie: server.cookie,
        }
    }

    /// Takes in that an address answered after so many microseconds.
    pub fn answered(&mut self, now: Now, address: SocketAddr, after_us: u64) {
        let server = self.server(now, address);
        let (smoothed, deviation) = match server.times {
            None => (after_us, after_us / 2),
            Some((smoothed, deviation)) => {
                ((7 * smoothed + after_us) / 8, (3 * deviation + smoothed.abs_diff(after_us)) / 4)
            }
        };
        server.times = Some((smoothed, deviation));
        server.losses = 0;
        server.silent_until = Now::default();
        *self.family(address) = Family::default();
    }

    /// Takes in that an address did not answer in time, or cannot be reached.
    pub fn lost(&mut self, now: Now, address: SocketAddr) {
        let server = self.server(now, address);
        server.losses = server.losses.saturating_add(1);
        if let Some(doublings) = server.losses.checked_sub(SILENT_AFTER) {
            let pause = (SILENCE_US << doublings.min(10)).min(SILENCE_MAX_US);
            server.silent_until = now.after_micros(pause);
        }
        self.family(address).lose(now, address.ip());
    }

    /// Takes in that an address does not understand EDNS.
    pub fn lacks_edns(&mut self, now: Now, address: SocketAddr) {
        self.server(now, address).lacks.edns_until = now.after_micros(REMEMBERED_US);
    }

    /// Takes in that an address does not keep the case of the question.
    pub fn lacks_case(&mut self, now: Now, address: SocketAddr) {
        self.server(now, address).lacks.case_until = now.after_micros(REMEMBERED_US);
    }

    /// Takes in that an address is better asked over TCP.
    pub fn lacks_udp(&mut self, now: Now, address: SocketAddr) {
        self.server(now, address).lacks.udp_until = now.after_micros(REMEMBERED_US);
    }

    /// Takes in that an address cannot be asked over TCP, however it is over UDP.
    pub fn lacks_tcp(&mut self, now: Now, address: SocketAddr) {
        self.server(now, address).lacks.udp_until = Now::default();
    }

    /// Takes in the cookie that an address has told.
    pub fn told_cookie(&mut self, now: Now, address: SocketAddr, cookie: ServerCookie) {
        self.server(now, address).cookie = Some(cookie);
    }

    /// Takes in that an address uses cookies no more.
    pub fn forget_cookie(&mut self, now: Now, address: SocketAddr) {
        self.server(now, address).cookie = None;
    }

    /// Forgets the cookies of all.
    pub fn forget_cookies(&mut self) {
        self.known.values_mut().for_each(|server| server.cookie = None);
    }

    /// Takes in that an address does not understand cookies.
    pub fn lacks_cookies(&mut self, now: Now, address: SocketAddr) {
        self.server(now, address).lacks.cookies_until = now.after_micros(REMEMBERED_US);
    }

    /// Whether an address is to be asked only if there is no other.
    pub(super) fn is_avoided(&self, now: Now, address: SocketAddr) -> bool {
        let is_silent = self.known.get(&address).is_some_and(|server| server.silent_until > now);
        let [v4, v6] = &self.families;
        let family = if address.is_ipv4() { v4 } else { v6 };
        is_silent || family.broken_until > now
    }

    fn rank_us(&self, address: SocketAddr) -> u64 {
        self.known.get(&address).map_or(FIRST_WAIT_US, Server::rank_us)
    }

    fn family(&mut self, address: SocketAddr) -> &mut Family {
        let [v4, v6] = &mut self.families;
        match address.ip() {
            IpAddr::V4(_) => v4,
            IpAddr::V6(_) => v6,
        }
    }

    /// What is remembered of an address, which has been asked now.
    fn server(&mut self, now: Now, address: SocketAddr) -> &mut Server {
        if self.known.len() >= SERVERS_MAX && !self.known.contains_key(&address) {
            self.forget_half();
        }
        let server = self.known.entry(address).or_insert_with(|| Server::new(now));
        server.asked = now;
        server
    }

    /// Forgets about half of the addresses, those that were asked longest ago.
    fn forget_half(&mut self) {
        let mut asked: Vec<Now> = self.known.values().map(|server| server.asked).collect();
        let middle = asked.len() / 2;
        let (_, median, _) = asked.select_nth_unstable(middle);
        let median = *median;
        self.known.retain(|_, server| server.asked > median);
    }
}

#[cfg(test)]
mod tests;
