//! Response rate limiting: how many like replies a network of clients may get in a second.
//!
//! A flood of questions with a forged sender makes the server the weapon; limiting like replies to
//! one network blunts it, and replies that are only truncated let an honest client behind the
//! forged address come back over TCP. Reads no clock and has no locks: workers share one table of
//! fixed size, and change an entry by comparing and swapping.

use std::net::IpAddr;
use std::sync::atomic::{AtomicU64, Ordering};

use crate::base::time::{Now, SECOND_US};

/// Entries of one cache line, among which a key has its place.
const WAYS: usize = 8;

/// Lines of the table: 2 MiB for 262,144 networks and kinds of replies at a time.
///
/// When more than that are active, those that ask least are forgotten first, and a forgotten one
/// starts afresh.
const LINES: usize = 1 << 15;

/// How far ahead of its rate a key can be at most: a second's worth of replies, with the interval
/// between two of them rounded up to twice what it is.
const BURST_MAX_US: u64 = 2 * SECOND_US;

/// How far the clock of a worker may lie behind that of another, because it read it at the beginning
/// of its batch and was then kept waiting.
const LAG_MAX_US: u64 = 10_000_000;

/// Times that a worker tries to count while others change the same entry. Then there is a flood, and
/// the reply is one of its.
const TRIES_MAX: usize = 8;

/// Bits of an entry that hold the time. In microseconds they last for 12 days.
const TIME_BITS: u32 = 40;
const TIME_MASK: u64 = (1 << TIME_BITS) - 1;

/// Bits of an entry that hold how many replies of its key were held back since the last cut one.
const HELD_BITS: u32 = 4;
const HELD_MASK: u64 = (1 << HELD_BITS) - 1;

/// Where the bits of the key begin, above the others.
const TAG_SHIFT: u32 = TIME_BITS + HELD_BITS;

/// Bits that tell the kinds of replies apart, names not counted.
const KIND_BITS: u32 = 2;

/// Eight entries that are looked through together.
#[derive(Debug, Default)]
#[repr(align(64))]
struct Line([AtomicU64; WAYS]);

/// The limit.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RateOptions {
    /// Like replies to one network in a second, from 1 to 1,000,000.
    pub per_second: u32,
    /// Bits of an IPv4 address that make a network.
    pub ipv4_prefix: u8,
    /// Bits of an IPv6 address that make a network.
    pub ipv6_prefix: u8,
    /// Every so many limited replies of a key one goes out truncated, at most 15; 0 is never.
    pub slip: u8,
}

/// What replies have in common, apart from the network they go to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// Records, or their absence, of the name whose hash this is; for a wildcard that of the
    /// wildcard, so that invented names below it count together.
    Answer(u64),
    /// The absence of names in the zone, by the hash of its name.
    NameError(u64),
    /// A referral at the cut with this hash.
    Referral(u64),
    /// Anything else: refusals and errors.
    Error,
    /// The refusal of a query that cannot be answered, whatever is served. Counts together with the
    /// others and is never sent cut: no honest client needs it.
    Unanswerable,
}

impl Kind {
    /// Two numbers for the kind, equal for what counts together: a small one, and one of a name.
    fn numbers(self) -> (u64, u64) {
        match self {
            Self::Answer(hash) => (0, hash),
            Self::NameError(hash) => (1, hash),
            Self::Referral(hash) => (2, hash),
            Self::Error | Self::Unanswerable => (3, 0),
        }
    }
}

/// Whether a reply may leave.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Verdict {
    /// It may.
    Pass,
    /// The network has had its share of like replies, and gets one truncated.
    Cut,
    /// The network has had its share of like replies.
    Drop,
}

/// The table that all workers share.
///
/// An entry is 20 bits of the key's hash, the replies held back since the last cut one, and the time
/// up to which its replies are spent: each reply moves that time on by the rate's interval, and none
/// may leave while a second's worth of them is spent (the generic cell rate algorithm, a token bucket
/// that needs no refill). Each key has its own share of cut replies, so that of two floods none takes
/// those of the other.
#[derive(Debug)]
pub struct RateLimiter {
    options: RateOptions,
    /// Between two replies at the rate. Rounded up, so that there are no more.
    interval_us: u64,
    /// How far ahead of its rate a key may be.
    burst_us: u64,
    lines: Vec<Line>,
}

impl RateLimiter {
    /// An empty table.
    pub fn new(options: RateOptions) -> Self {
        let per_second = u64::from(options.per_second).clamp(1, SECOND_US);
        let interval_us = SECOND_US.div_ceil(per_second);
        let burst_us = interval_us * per_second;
        let mut lines = Vec::new();
        lines.resize_with(LINES, Line::default);
        Self { options, interval_us, burst_us, lines }
    }

    /// The limit.
    pub fn options(&self) -> &RateOptions {
        &self.options
    }

    /// Counts a reply of this kind to `client`, and says whether it may leave.
    pub fn count(&self, now: Now, client: IpAddr, kind: Kind) -> Verdict {
        let key = self.key(client, kind);
        // The time starts at 1, so that an entry of zero is empty and the oldest of all.
        let now = (now.as_micros() + 1) & TIME_MASK;
        let slip = if kind == Kind::Unanswerable { 0 } else { u64::from(self.options.slip) };
        let due = Due { tag: key >> TAG_SHIFT, now, slip: slip.min(HELD_MASK) };
        let Some(Line(entries)) = self.line(key) else { return Verdict::Pass };
        let tries = (0..TRIES_MAX).find_map(|_| self.try_to_count(entries, due));
        tries.unwrap_or(Verdict::Drop)
    }

    /// Reads where replies with this key are counted, so that the CPU fetches it. The number means
    /// nothing.
    pub fn touch(&self, key: u64) -> u64 {
        self.line(key).map_or(0, |Line([first, ..])| first.load(Ordering::Relaxed))
    }

    /// What replies of this kind to `client` are counted under.
    pub fn key(&self, client: IpAddr, kind: Kind) -> u64 {
        let (number, name) = kind.numbers();
        mix(self.network(client) << KIND_BITS | number, name)
    }

    fn line(&self, key: u64) -> Option<&Line> {
        self.lines.get(usize::try_from(key & 0xFFFF_FFFF).unwrap_or(0) % LINES)
    }

    /// Counts a reply; `None` if another worker changed the entry meanwhile.
    fn try_to_count(&self, entries: &[AtomicU64; WAYS], due: Due) -> Option<Verdict> {
        let mut victim: Option<(u64, u64, &AtomicU64)> = None;
        for entry in entries {
            let value = entry.load(Ordering::Relaxed);
            let spent = if value == 0 { 0 } else { ahead(value & TIME_MASK, due.now) };
            if value != 0 && value >> TAG_SHIFT == due.tag {
                let (next, verdict) = self.spend(due, spent, value);
                return swap(entry, value, next).then_some(verdict);
            }
            if victim.is_none_or(|(least, ..)| spent < least) {
                victim = Some((spent, value, entry));
            }
        }
        let (_, value, entry) = victim?;
        let (next, verdict) = self.spend(due, 0, 0);
        swap(entry, value, next).then_some(verdict)
    }

    /// Spends one reply of an entry that holds `value` and is `spent` microseconds ahead. Returns
    /// what it holds then.
    fn spend(&self, due: Due, spent: u64, value: u64) -> (u64, Verdict) {
        let Due { tag, now, slip } = due;
        let after = spent + self.interval_us;
        let held = value >> TIME_BITS & HELD_MASK;
        if after <= self.burst_us {
            let next = tag << TAG_SHIFT | held << TIME_BITS | (now + after) & TIME_MASK;
            return (next, Verdict::Pass);
        }
        let (held, verdict) = match slip {
            0 => (held, Verdict::Drop),
            _ if held + 1 >= slip => (0, Verdict::Cut),
            _ => (held + 1, Verdict::Drop),
        };
        (value & !(HELD_MASK << TIME_BITS) | held << TIME_BITS, verdict)
    }

    /// A number for the network of a client. Its highest bits mean nothing.
    fn network(&self, client: IpAddr) -> u64 {
        match client.to_canonical() {
            IpAddr::V4(ip) => {
                let host_bits = 32 - u32::from(self.options.ipv4_prefix.min(32));
                u64::from(ip.to_bits()).unbounded_shr(host_bits)
            }
            IpAddr::V6(ip) => {
                let host_bits = 128 - u32::from(self.options.ipv6_prefix.min(128));
                let network = ip.to_bits().unbounded_shr(host_bits);
                let [high, low] = [network >> 64, network & u128::from(u64::MAX)];
                let half = |part: u128| u64::try_from(part).unwrap_or(0);
                // The secret comes in before what a client chooses.
                mix(mix(6, half(high)), half(low))
            }
        }
    }
}

/// A reply that is to be counted.
#[derive(Clone, Copy, Debug)]
struct Due {
    /// The key's bits in its entry.
    tag: u64,
    /// When it would leave.
    now: u64,
    /// Which of the limited replies is cut.
    slip: u64,
}

/// Puts `next` in the place of `value`; false if the entry holds another value by now.
fn swap(entry: &AtomicU64, value: u64, next: u64) -> bool {
    // Where nothing changes, writing would only take the line from the other workers.
    value == next
        || entry.compare_exchange(value, next, Ordering::Relaxed, Ordering::Relaxed).is_ok()
}

/// How far `time` lies ahead of `now` on the clock that wraps around; 0 if it lies behind.
fn ahead(time: u64, now: u64) -> u64 {
    let distance = time.wrapping_sub(now) & TIME_MASK;
    // No entry is ever further ahead than the burst, on the clock of the worker that wrote it: a
    // distance that is larger still is a past time.
    if distance > BURST_MAX_US + LAG_MAX_US { 0 } else { distance }
}

/// A number from two. Whoever knows and chooses both finds pairs that meet: one of them must be a
/// secret of the process, or always the same.
fn mix(a: u64, b: u64) -> u64 {
    use foldhash::SharedSeed;
    use foldhash::quality::SeedableRandomState;
    use std::hash::BuildHasher;
    SeedableRandomState::with_seed(a, SharedSeed::global_random()).hash_one(b)
}

#[cfg(test)]
mod tests;
