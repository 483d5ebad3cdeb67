//! Times to live and zone serials as types of their own.
//!
//! Reads no clock.

use std::fmt;

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
    pub fn new(seconds: u32) -> Option<Self> {
        (seconds <= Self::MAX.0).then_some(Self(seconds))
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
}

/// The serial of a zone, which wraps around (RFC 1982).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Serial(pub u32);

impl fmt::Display for Serial {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}
