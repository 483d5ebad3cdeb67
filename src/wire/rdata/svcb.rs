//! The parameters of service bindings: their registry, and whether a value is well-formed.
//!
//! Does not read or write text; `zone::file::rdata::svcb` does.

use std::net::IpAddr;

use crate::wire::rdata::address;
use crate::wire::rdata::octets::Octets;

/// The key of a service parameter (RFC 9460 §14.3).
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Key(pub u16);

/// What the value of a parameter holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Value {
    /// One or more keys in ascending order (RFC 9460 §8).
    Keys,
    /// One or more counted strings, none of them empty (RFC 9460 §7.1.1).
    Strings,
    /// Counted strings; there may be none, and they may be empty (RFC 9953 §3).
    Segments,
    /// Nothing.
    Empty,
    /// A number of two octets.
    Port,
    /// One or more IPv4 addresses.
    Ipv4s,
    /// One or more IPv6 addresses.
    Ipv6s,
    /// Octets that text writes in Base64. BIND allows none, and so do we.
    Base64,
    /// One string without a length, at least one octet.
    Text,
    /// One or more numbers of two octets, none of them twice.
    Groups,
    /// Anything.
    Opaque,
}

/// The registered keys with their names and values.
const REGISTRY: &[(Key, &str, Value)] = &[
    (Key::MANDATORY, "mandatory", Value::Keys),
    (Key::ALPN, "alpn", Value::Strings),
    (Key::NO_DEFAULT_ALPN, "no-default-alpn", Value::Empty),
    (Key(3), "port", Value::Port),
    (Key::IPV4_HINT, "ipv4hint", Value::Ipv4s),
    (Key(5), "ech", Value::Base64),
    (Key::IPV6_HINT, "ipv6hint", Value::Ipv6s),
    (Key(7), "dohpath", Value::Text),
    (Key(8), "ohttp", Value::Empty),
    (Key(9), "tls-supported-groups", Value::Groups),
    (Key(10), "docpath", Value::Segments),
    (Key(11), "pvd", Value::Empty),
];

impl Key {
    /// Keys that a client must understand to use the record.
    pub const MANDATORY: Self = Self(0);
    /// Protocols beside the default.
    pub const ALPN: Self = Self(1);
    /// The default protocol is not offered.
    pub const NO_DEFAULT_ALPN: Self = Self(2);
    /// IPv4 addresses of the target.
    pub const IPV4_HINT: Self = Self(4);
    /// IPv6 addresses of the target.
    pub const IPV6_HINT: Self = Self(6);

    /// The registered name.
    pub fn name(self) -> Option<&'static str> {
        REGISTRY.iter().find(|(key, _, _)| *key == self).map(|&(_, name, _)| name)
    }

    /// The key with this registered name. Names are lower case only (RFC 9460 §2.1).
    pub fn from_name(text: &[u8]) -> Option<Self> {
        REGISTRY.iter().find(|(_, name, _)| name.as_bytes() == text).map(|&(key, _, _)| key)
    }

    /// All registered names.
    pub fn names() -> impl Iterator<Item = &'static str> {
        REGISTRY.iter().map(|&(_, name, _)| name)
    }

    /// What the value holds.
    pub fn value(self) -> Value {
        REGISTRY.iter().find(|(key, _, _)| *key == self).map_or(Value::Opaque, |&(_, _, v)| v)
    }
}

/// One parameter in wire form.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Param<'a> {
    /// The key.
    pub key: Key,
    /// The value's octets.
    pub value: &'a [u8],
}

/// The parameters that octets hold, up to the first that is cut short.
pub fn params(octets: &[u8]) -> impl Iterator<Item = Param<'_>> {
    let mut octets = Octets::new(octets);
    std::iter::from_fn(move || take_param(&mut octets))
}

/// The addresses that the data of a SVCB or HTTPS record hints at (RFC 9460 §7.3).
pub fn hints(rdata: &[u8]) -> impl Iterator<Item = IpAddr> {
    let mut octets = Octets::new(rdata);
    let is_whole = octets.take_u16().is_some() && octets.take_name().is_ok();
    let octets = if is_whole { octets.take_rest() } else { &[] };
    params(octets).flat_map(|Param { key, value }| {
        let length = match key {
            Key::IPV4_HINT => 4,
            Key::IPV6_HINT => 16,
            _ => usize::MAX,
        };
        value.chunks_exact(length).filter_map(address)
    })
}

/// Whether octets are parameters in ascending order, each well-formed, that agree with each other.
pub fn are_params(octets: &[u8]) -> bool {
    let mut rest = Octets::new(octets);
    let mut last = None;
    while !rest.is_empty() {
        let Some(Param { key, value }) = take_param(&mut rest) else { return false };
        let ascending = last.is_none_or(|last| key > last);
        if !ascending || !is_value(key, value) {
            return false;
        }
        last = Some(key);
    }
    let has = |wanted| params(octets).any(|param| param.key == wanted);
    // RFC 9460 §7.1.1: no-default-alpn never stands without alpn.
    let protocols = !has(Key::NO_DEFAULT_ALPN) || has(Key::ALPN);
    protocols && missing_mandatory(octets).is_none()
}

/// A key that the parameters call mandatory and that they do not have (RFC 9460 §8).
pub fn missing_mandatory(octets: &[u8]) -> Option<Key> {
    let mandatory = params(octets).find(|param| param.key == Key::MANDATORY)?;
    let mut keys = Octets::new(mandatory.value);
    std::iter::from_fn(|| keys.take_u16().map(Key))
        .find(|&wanted| params(octets).all(|param| param.key != wanted))
}

/// Whether octets are a value that the key allows.
pub fn is_value(key: Key, value: &[u8]) -> bool {
    let whole = |size| !value.is_empty() && value.len().is_multiple_of(size);
    match key.value() {
        Value::Keys => whole(2) && are_mandatory_keys(value),
        Value::Strings => !value.is_empty() && are_strings(value, 1),
        Value::Segments => are_strings(value, 0),
        Value::Empty => value.is_empty(),
        Value::Port => value.len() == 2,
        Value::Ipv4s => whole(4),
        Value::Ipv6s => whole(16),
        Value::Text => !value.is_empty(),
        Value::Groups => whole(2) && are_distinct(value),
        Value::Base64 | Value::Opaque => true,
    }
}

fn take_param<'a>(octets: &mut Octets<'a>) -> Option<Param<'a>> {
    let key = octets.take_u16().map(Key)?;
    let length = octets.take_u16()?;
    Some(Param { key, value: octets.take(usize::from(length))? })
}

/// Keys in ascending order, `mandatory` itself not among them.
fn are_mandatory_keys(value: &[u8]) -> bool {
    let mut octets = Octets::new(value);
    let mut last = Key::MANDATORY;
    while let Some(key) = octets.take_u16().map(Key) {
        if key <= last {
            return false;
        }
        last = key;
    }
    true
}

fn are_strings(value: &[u8], length_min: usize) -> bool {
    let mut octets = Octets::new(value);
    while !octets.is_empty() {
        if octets.take_counted().is_none_or(|string| string.len() < length_min) {
            return false;
        }
    }
    true
}

fn are_distinct(value: &[u8]) -> bool {
    let mut octets = Octets::new(value);
    let mut numbers: Vec<u16> = std::iter::from_fn(|| octets.take_u16()).collect();
    let count = numbers.len();
    numbers.sort_unstable();
    numbers.dedup();
    numbers.len() == count
}
