//! Numbers, sizes and times whose range is part of their type.
//!
//! Says how they are written and what is too small or too large; not which keys hold them.

use std::fmt;
use std::time::Duration;

/// A number from `MIN` to `MAX`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Count<const MIN: u32, const MAX: u32>(u32);

impl<const MIN: u32, const MAX: u32> Count<MIN, MAX> {
    /// A number in the range, or `None`.
    pub const fn new(number: u32) -> Option<Self> {
        if MIN <= number && number <= MAX { Some(Self(number)) } else { None }
    }

    /// A number that is known when the program is built.
    ///
    /// # Panics
    ///
    /// Panics outside the range. Meant for constants, where that fails the build.
    pub const fn known(number: u32) -> Self {
        assert!(MIN <= number && number <= MAX);
        Self(number)
    }

    /// The number.
    pub const fn get(self) -> u32 {
        self.0
    }

    /// The number as a count of things in memory.
    pub const fn as_usize(self) -> usize {
        self.0 as usize
    }
}

/// A size of `MIN` to `MAX` octets.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Size<const MIN: u64, const MAX: u64>(u64);

impl<const MIN: u64, const MAX: u64> Size<MIN, MAX> {
    /// A size in the range, or `None`.
    pub const fn new(octets: u64) -> Option<Self> {
        if MIN <= octets && octets <= MAX { Some(Self(octets)) } else { None }
    }

    /// A size that is known when the program is built.
    ///
    /// # Panics
    ///
    /// Panics outside the range. Meant for constants, where that fails the build.
    pub const fn known(octets: u64) -> Self {
        assert!(MIN <= octets && octets <= MAX);
        Self(octets)
    }

    /// The octets.
    pub const fn octets(self) -> u64 {
        self.0
    }
}

impl<const MIN: u64, const MAX: u64> fmt::Display for Size<MIN, MAX> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write_size(f, self.0)
    }
}

/// A time of `MIN` to `MAX` seconds.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Time<const MIN: u32, const MAX: u32>(u32);

impl<const MIN: u32, const MAX: u32> Time<MIN, MAX> {
    /// A time in the range, or `None`.
    pub const fn new(seconds: u32) -> Option<Self> {
        if MIN <= seconds && seconds <= MAX { Some(Self(seconds)) } else { None }
    }

    /// A time that is known when the program is built.
    ///
    /// # Panics
    ///
    /// Panics outside the range. Meant for constants, where that fails the build.
    pub const fn known(seconds: u32) -> Self {
        assert!(MIN <= seconds && seconds <= MAX);
        Self(seconds)
    }

    /// The seconds.
    pub const fn as_secs(self) -> u32 {
        self.0
    }

    /// The time in the type of the standard library.
    pub const fn duration(self) -> Duration {
        Duration::from_secs(self.0 as u64)
    }
}

impl<const MIN: u32, const MAX: u32> fmt::Display for Time<MIN, MAX> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write_time(f, self.0)
    }
}

/// One KiB in octets.
pub const KIB: u64 = 1024;
/// One MiB in octets.
pub const MIB: u64 = 1024 * KIB;
/// One GiB in octets.
pub const GIB: u64 = 1024 * MIB;

/// One minute in seconds.
pub const MINUTE: u32 = 60;
/// One hour in seconds.
pub const HOUR: u32 = 60 * MINUTE;
/// One day in seconds.
pub const DAY: u32 = 24 * HOUR;

const SIZE_UNITS: [(&str, u64); 3] = [("GiB", GIB), ("MiB", MIB), ("KiB", KIB)];
const TIME_UNITS: [(char, u32); 4] = [('d', DAY), ('h', HOUR), ('m', MINUTE), ('s', 1)];

/// Why a text is not a size or a time.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum QuantityError {
    /// It is written in another way.
    Form,
    /// It is beyond any range.
    TooLarge,
}

/// Reads `256MiB`, `1GiB`, `512KiB` or a number of octets.
///
/// # Errors
///
/// Fails if the text is something else, or above 2⁶⁴ − 1 octets.
pub fn parse_size(text: &str) -> Result<u64, QuantityError> {
    let digits_end = text.find(|c: char| !c.is_ascii_digit()).unwrap_or(text.len());
    let (digits, unit) = text.split_at(digits_end);
    let unit = match SIZE_UNITS.iter().find(|(name, _)| *name == unit) {
        Some(&(_, octets)) => octets,
        None if unit.is_empty() => 1,
        None => return Err(QuantityError::Form),
    };
    if digits.is_empty() {
        return Err(QuantityError::Form);
    }
    let number: u64 = digits.parse().map_err(|_| QuantityError::TooLarge)?;
    number.checked_mul(unit).ok_or(QuantityError::TooLarge)
}

/// Reads `30s`, `5m`, `1h`, `1d`, or several of these from the largest to the smallest: `1h30m`.
///
/// # Errors
///
/// Fails if the text is something else, or above 2³² − 1 seconds.
pub fn parse_time(text: &str) -> Result<u32, QuantityError> {
    let mut units = TIME_UNITS.iter();
    let mut rest = text;
    let mut seconds = 0_u32;
    while !rest.is_empty() || rest.len() == text.len() {
        let digits_end = rest.find(|c: char| !c.is_ascii_digit()).ok_or(QuantityError::Form)?;
        let (digits, after) = rest.split_at(digits_end);
        let mut letters = after.chars();
        let unit = letters.next().ok_or(QuantityError::Form)?;
        // The search goes on where the last one ended, so the units come in order and once.
        let &(_, factor) = units.find(|(name, _)| *name == unit).ok_or(QuantityError::Form)?;
        if digits.is_empty() {
            return Err(QuantityError::Form);
        }
        let number: u32 = digits.parse().map_err(|_| QuantityError::TooLarge)?;
        seconds = number
            .checked_mul(factor)
            .and_then(|more| seconds.checked_add(more))
            .ok_or(QuantityError::TooLarge)?;
        rest = letters.as_str();
    }
    Ok(seconds)
}

/// Writes a size in the largest unit that divides it.
pub fn write_size(out: &mut impl fmt::Write, octets: u64) -> fmt::Result {
    match SIZE_UNITS.iter().find(|&&(_, unit)| octets >= unit && octets.is_multiple_of(unit)) {
        Some((name, unit)) => write!(out, "{}{name}", octets / unit),
        None => write!(out, "{octets}"),
    }
}

/// Writes a time in as few units as it needs.
pub fn write_time(out: &mut impl fmt::Write, seconds: u32) -> fmt::Result {
    if seconds == 0 {
        return out.write_str("0s");
    }
    let mut rest = seconds;
    for (name, unit) in TIME_UNITS {
        if rest >= unit {
            write!(out, "{}{name}", rest / unit)?;
            rest %= unit;
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests;
