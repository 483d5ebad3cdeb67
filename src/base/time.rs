//! Times to live, zone serials and times of day as types of their own.
//!
//! Holds the one reading of the clock, which only the shell may call: the core gets its result.

use std::fmt;
use std::time::{SystemTime, UNIX_EPOCH};

/// A time to live in seconds, at most 2³¹ − 1 (RFC 2181 §8).
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
pub struct Ttl(u32);

impl Ttl {
    /// The largest TTL.
    pub const MAX: Self = Self(i32::MAX.cast_unsigned());

    /// A TTL as it came over the wire: one with its top bit set counts as zero (RFC 2181 §8).
    pub fn from_wire(seconds: u32) -> Self {
        Self::new(seconds).unwrap_or_default()
    }

    /// A TTL of so many seconds; `None` above `MAX`.
    pub const fn new(seconds: u32) -> Option<Self> {
        if seconds <= Self::MAX.0 { Some(Self(seconds)) } else { None }
    }

    /// A TTL that was learnt: one with its top bit set counts as `MAX`, to be capped like any other
    /// that is too long (RFC 8767 §4, which replaces RFC 2181 §8 in this).
    pub fn learnt(seconds: u32) -> Self {
        Self(seconds.min(Self::MAX.0))
    }

    /// The seconds.
    pub fn as_secs(self) -> u32 {
        self.0
    }
}

impl fmt::Display for Ttl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

/// A moment on a clock that only goes forward, in microseconds since some start of it.
///
/// Read by the shell, once for a batch of queries.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
pub struct Now(u64);

impl Now {
    /// The moment so many microseconds after the start.
    pub fn from_micros(micros: u64) -> Self {
        Self(micros)
    }

    /// Microseconds since the start.
    pub fn as_micros(self) -> u64 {
        self.0
    }

    /// The moment so many microseconds later.
    #[must_use]
    pub fn after_micros(self, micros: u64) -> Self {
        Self(self.0.saturating_add(micros))
    }

    /// The moment at which something ends that begins now and lasts for `ttl`.
    #[must_use]
    pub fn after(self, ttl: Ttl) -> Self {
        Self(self.0.saturating_add(u64::from(ttl.0) * SECOND_US))
    }
}

/// A second in microseconds.
pub const SECOND_US: u64 = 1_000_000;

/// A time of day: seconds since the beginning of 1970 UTC. Somebody may set the clock at any time.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Wall(u64);

impl Wall {
    /// What the clock of the machine shows.
    pub fn now() -> Self {
        Self(SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |since| since.as_secs()))
    }

    /// So many seconds after the beginning of 1970.
    pub const fn from_secs(seconds: u64) -> Self {
        Self(seconds)
    }

    /// The seconds.
    pub const fn as_secs(self) -> u64 {
        self.0
    }

    /// The seconds modulo 2³², which is how DNS counts time (RFC 4034 §3.1.5, RFC 9018 §4.3).
    pub fn as_serial(self) -> u32 {
        (self.0 & 0xFFFF_FFFF) as u32
    }
}

/// The serial of a zone, which wraps around (RFC 1982).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Serial(pub u32);

impl fmt::Display for Serial {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}
