//! Address prefixes (RFC 3123): `1:192.0.2.0/24`, `!` before those that are excluded.

use std::fmt;
use std::net::{Ipv4Addr, Ipv6Addr};

use crate::wire::rdata::octets::Octets;
use crate::zone::file::code;
use crate::zone::file::lexer::{Word, Words};
use crate::zone::file::problem::Problem;
use crate::zone::file::rdata::number::decimal;
use crate::zone::file::rdata::{Line, ipv6};

const IPV4: u16 = 1;
const IPV6: u16 = 2;

/// Reads all words that are left as prefixes; there may be none.
pub(super) fn read(words: &mut Words<'_>, octets: &mut Vec<u8>) -> Result<(), Problem> {
    for word in words {
        read_prefix(&word, octets).ok_or_else(|| {
            word.problem(code::BAD_VALUE, format!("{} is not an address prefix", word.shown()))
                .hint("write 1:192.0.2.0/24 or 2:2001:db8::/32, with ! before it to exclude it")
        })?;
    }
    Ok(())
}

fn read_prefix(word: &Word<'_>, octets: &mut Vec<u8>) -> Option<()> {
    let text = word.as_str()?;
    let (negation, text) = match text.strip_prefix('!') {
        Some(text) => (0x80, text),
        None => (0, text),
    };
    let (family, text) = text.split_once(':')?;
    let (address, length) = text.split_once('/')?;
    let prefix = decimal(length.as_bytes()).and_then(|length| u8::try_from(length).ok())?;
    match decimal(family.as_bytes())? {
        1 if prefix <= 32 => {
            let address: Ipv4Addr = address.parse().ok()?;
            write_prefix(octets, IPV4, [prefix, negation], &address.octets())
        }
        2 if prefix <= 128 => {
            let address: Ipv6Addr = address.parse().ok()?;
            write_prefix(octets, IPV6, [prefix, negation], &address.octets())
        }
        _ => None,
    }
}

/// Zeros at the end of the address are not written (RFC 3123 §4).
fn write_prefix(
    octets: &mut Vec<u8>,
    family: u16,
    [prefix, negation]: [u8; 2],
    address: &[u8],
) -> Option<()> {
    let length = address.iter().rposition(|&octet| octet != 0).map_or(0, |last| last + 1);
    octets.extend_from_slice(&family.to_be_bytes());
    octets.extend_from_slice(&[prefix, negation | u8::try_from(length).ok()?]);
    octets.extend_from_slice(address.get(..length)?);
    Some(())
}

/// Whether all families are ones that have a text form.
pub(super) fn has_text(rdata: &[u8]) -> bool {
    let mut octets = Octets::new(rdata);
    while let Some(prefix) = take_prefix(&mut octets) {
        if prefix.family != IPV4 && prefix.family != IPV6 {
            return false;
        }
    }
    true
}

struct Prefix {
    family: u16,
    length: u8,
    excluded: bool,
    address: [u8; 16],
}

/// The next prefix with its address filled up with zeros; beyond 16 octets it is cut.
fn take_prefix(octets: &mut Octets<'_>) -> Option<Prefix> {
    let family = octets.take_u16()?;
    let [length, count] = octets.take_array()?;
    let mut address = [0; 16];
    let given = octets.take(usize::from(count & 0x7F))?;
    address.iter_mut().zip(given).for_each(|(octet, &given)| *octet = given);
    Some(Prefix { family, length, excluded: count & 0x80 != 0, address })
}

impl fmt::Display for Prefix {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mark = if self.excluded { "!" } else { "" };
        write!(f, "{mark}{}:", self.family)?;
        if self.family == IPV4 {
            let [a, b, c, d, ..] = self.address;
            write!(f, "{}", Ipv4Addr::new(a, b, c, d))?;
        } else {
            f.write_str(&ipv6(Ipv6Addr::from(self.address)))?;
        }
        write!(f, "/{}", self.length)
    }
}

/// Writes the prefixes.
pub(super) fn write(octets: &mut Octets<'_>, line: &mut Line<'_>) -> fmt::Result {
    while let Some(prefix) = take_prefix(octets) {
        line.item(prefix)?;
    }
    Ok(())
}
