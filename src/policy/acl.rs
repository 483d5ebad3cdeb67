//! IP prefixes and lists of them.
//!
//! Decides by address alone: no names, no keys, no negation. `config` makes the lists, and the
//! pipeline asks them once per query.

use std::fmt;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

/// The addresses that share their first `length` bits. The bits after those are zero.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Prefix {
    address: IpAddr,
    length: u8,
}

impl Prefix {
    /// An IPv4 prefix that is known when the program is built.
    ///
    /// # Panics
    ///
    /// Panics if `length` is above 32. Meant for constants, where that fails the build.
    pub const fn v4(octets: [u8; 4], length: u8) -> Self {
        assert!(length <= 32);
        let bits = u32::from_be_bytes(octets) & mask_v4(length);
        Self { address: IpAddr::V4(Ipv4Addr::from_bits(bits)), length }
    }

    /// An IPv6 prefix that is known when the program is built.
    ///
    /// # Panics
    ///
    /// Panics if `length` is above 128. Meant for constants, where that fails the build.
    pub const fn v6(groups: [u16; 8], length: u8) -> Self {
        assert!(length <= 128);
        let [a, b, c, d, e, f, g, h] = groups;
        let bits = Ipv6Addr::new(a, b, c, d, e, f, g, h).to_bits() & mask_v6(length);
        Self { address: IpAddr::V6(Ipv6Addr::from_bits(bits)), length }
    }

    /// The prefix of `length` bits that `address` is in.
    ///
    /// `None` if the address has fewer bits than that.
    pub fn around(address: IpAddr, length: u8) -> Option<Self> {
        match address {
            IpAddr::V4(v4) => (length <= 32).then(|| Self::v4(v4.octets(), length)),
            IpAddr::V6(v6) => (length <= 128).then(|| Self::v6(v6.segments(), length)),
        }
    }

    /// Reads `ADDRESS/LENGTH`; an address alone is the prefix of all its bits.
    ///
    /// # Errors
    ///
    /// Fails if a part cannot be read, or if a bit after the prefix is set.
    pub fn parse(text: &str) -> Result<Self, PrefixError> {
        let (address, length) = match text.split_once('/') {
            Some((address, length)) => (address, Some(length)),
            None => (text, None),
        };
        let address: IpAddr = address.parse().map_err(|_| PrefixError::Address)?;
        let bits_max = if address.is_ipv4() { 32 } else { 128 };
        let length = match length {
            None => bits_max,
            Some(digits) if !digits.is_empty() && digits.bytes().all(|b| b.is_ascii_digit()) => {
                digits.parse().map_err(|_| PrefixError::Length(bits_max))?
            }
            Some(_) => return Err(PrefixError::Length(bits_max)),
        };
        let prefix = Self::around(address, length).ok_or(PrefixError::Length(bits_max))?;
        if prefix.address != address {
            return Err(PrefixError::HostBits(prefix));
        }
        Ok(prefix)
    }

    /// Whether the address is in this prefix.
    ///
    /// An IPv4 address in the IPv6 form of a dual-stack socket (`::ffff:192.0.2.1`) counts as the
    /// IPv4 address it is, and is in no IPv6 prefix.
    pub fn contains(self, address: IpAddr) -> bool {
        match (self.address, address.to_canonical()) {
            (IpAddr::V4(mine), IpAddr::V4(theirs)) => {
                theirs.to_bits() & mask_v4(self.length) == mine.to_bits()
            }
            (IpAddr::V6(mine), IpAddr::V6(theirs)) => {
                theirs.to_bits() & mask_v6(self.length) == mine.to_bits()
            }
            (IpAddr::V4(_), IpAddr::V6(_)) | (IpAddr::V6(_), IpAddr::V4(_)) => false,
        }
    }

    /// The first address of the prefix.
    pub fn address(self) -> IpAddr {
        self.address
    }

    /// How many bits the addresses share.
    pub fn length(self) -> u8 {
        self.length
    }
}

impl fmt::Display for Prefix {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}", self.address, self.length)
    }
}

/// Why a text is not a prefix.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum PrefixError {
    /// What stands before the slash is not an IP address.
    Address,
    /// The length is not a number from 0 to this many bits.
    Length(u8),
    /// The address has bits after the prefix; this is the prefix it is in.
    HostBits(Prefix),
}

impl fmt::Display for PrefixError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Address => f.write_str("no IP address before the slash"),
            Self::Length(bits) => write!(f, "the length of the prefix is not from 0 to {bits}"),
            Self::HostBits(_) => f.write_str("bits after the prefix are set"),
        }
    }
}

/// A set of addresses, written as a list of prefixes.
///
/// The prefixes become sorted ranges that neither overlap nor touch, so a look-up is one binary
/// search however long the list is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Acl {
    v4: Box<[(u32, u32)]>,
    v6: Box<[(u128, u128)]>,
}

impl Acl {
    /// The set of the addresses in any of these prefixes; none at all if there is no prefix.
    pub fn new(prefixes: impl IntoIterator<Item = Prefix>) -> Self {
        let (mut v4, mut v6) = (Vec::new(), Vec::new());
        for Prefix { address, length } in prefixes {
            match address {
                IpAddr::V4(first) => {
                    v4.push((first.to_bits(), first.to_bits() | !mask_v4(length)));
                }
                IpAddr::V6(first) => {
                    v6.push((first.to_bits(), first.to_bits() | !mask_v6(length)));
                }
            }
        }
        Self {
            v4: merge(v4, |last| last.checked_add(1)),
            v6: merge(v6, |last| last.checked_add(1)),
        }
    }

    /// The set of all addresses.
    pub fn everyone() -> Self {
        Self::new([Prefix::v4([0; 4], 0), Prefix::v6([0; 8], 0)])
    }

    /// Whether the address is in the set; mapped IPv4 counts as in `Prefix::contains`.
    pub fn allows(&self, address: IpAddr) -> bool {
        match address.to_canonical() {
            IpAddr::V4(v4) => is_in(&self.v4, v4.to_bits()),
            IpAddr::V6(v6) => is_in(&self.v6, v6.to_bits()),
        }
    }

    /// Whether the set has no address.
    pub fn is_empty(&self) -> bool {
        self.v4.is_empty() && self.v6.is_empty()
    }
}

/// Whether a number is in one of the sorted ranges.
fn is_in<T: Copy + Ord>(ranges: &[(T, T)], number: T) -> bool {
    let begun = ranges.partition_point(|&(first, _)| first <= number);
    begun.checked_sub(1).and_then(|at| ranges.get(at)).is_some_and(|&(_, last)| number <= last)
}

/// Sorts ranges and joins those that overlap or touch.
fn merge<T: Copy + Ord>(
    mut ranges: Vec<(T, T)>,
    successor: impl Fn(T) -> Option<T>,
) -> Box<[(T, T)]> {
    ranges.sort_unstable();
    let mut merged: Vec<(T, T)> = Vec::with_capacity(ranges.len());
    for (first, last) in ranges {
        match merged.last_mut() {
            // The largest number has no successor, and nothing begins beyond it.
            Some((_, end)) if successor(*end).is_none_or(|next| first <= next) => {
                *end = last.max(*end);
            }
            Some(_) | None => merged.push((first, last)),
        }
    }
    merged.into_boxed_slice()
}

const fn mask_v4(length: u8) -> u32 {
    match u32::MAX.checked_shl(32 - length as u32) {
        Some(mask) => mask,
        None => 0,
    }
}

const fn mask_v6(length: u8) -> u128 {
    match u128::MAX.checked_shl(128 - length as u32) {
        Some(mask) => mask,
        None => 0,
    }
}

#[cfg(test)]
mod tests;
