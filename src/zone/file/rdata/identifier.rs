//! Identifiers with a text form of their own: EUI, locators and NSAP addresses.

use std::fmt;
use std::ops::RangeInclusive;

use data_encoding::HEXLOWER;

use crate::zone::file::code;
use crate::zone::file::lexer::{Word, Words};
use crate::zone::file::problem::Problem;
use crate::zone::file::rdata::{Data, encoded};

/// Reads so many octets as pairs of hexadecimal digits with hyphens between (RFC 7043 §3.2).
pub(super) fn read_eui<const N: usize>(
    words: &mut Words<'_>,
    octets: &mut Vec<u8>,
) -> Result<(), Problem> {
    let word = words.expect("an identifier")?;
    let groups = hex_groups::<N>(&word, b'-', 1..=2).ok_or_else(|| {
        word.problem(code::BAD_VALUE, format!("{} is not {N} octets", word.shown()))
            .hint("write pairs of hexadecimal digits with hyphens between, as in 00-00-5e-00-53-2a")
    })?;
    octets.extend(groups.iter().filter_map(|&group| u8::try_from(group).ok()));
    Ok(())
}

/// Reads four groups of hexadecimal digits with colons between (RFC 6742 §2).
pub(super) fn read_locator(words: &mut Words<'_>, octets: &mut Vec<u8>) -> Result<(), Problem> {
    let word = words.expect("a locator")?;
    let groups = hex_groups::<4>(&word, b':', 1..=4).ok_or_else(|| {
        word.problem(code::BAD_VALUE, format!("{} is not four groups", word.shown()))
            .hint("write four groups of hexadecimal digits, as in 2001:db8:1140:1000")
    })?;
    octets.extend(groups.iter().flat_map(|group| group.to_be_bytes()));
    Ok(())
}

/// Reads `0x` and hexadecimal digits with dots anywhere between (RFC 1706 §7).
pub(super) fn read_nsap(words: &mut Words<'_>, data: &mut Data<'_>) -> Result<(), Problem> {
    let word = words.expect("an address")?;
    let (head, digits) = word.text.split_at_checked(2).unwrap_or_default();
    data.scratch.octets.clear();
    data.scratch.octets.extend(digits.iter().filter(|&&octet| octet != b'.'));
    let digits = Word { text: &data.scratch.octets, ..word };
    if !head.eq_ignore_ascii_case(b"0x") || digits.text.is_empty() {
        let message = format!("{} is not an NSAP address", word.shown());
        return Err(word.problem(code::BAD_VALUE, message).hint("write 0x and hexadecimal digits"));
    }
    encoded::read_hex_word(&digits, data.octets).map(drop)
}

/// The numbers of exactly `N` groups of so many hexadecimal digits.
fn hex_groups<const N: usize>(
    word: &Word<'_>,
    separator: u8,
    digits: RangeInclusive<usize>,
) -> Option<[u16; N]> {
    let mut groups = [0; N];
    let mut texts = word.text.split(|&octet| octet == separator);
    for group in &mut groups {
        let text = std::str::from_utf8(texts.next()?).ok()?;
        let is_hex = digits.contains(&text.len()) && text.bytes().all(|o| o.is_ascii_hexdigit());
        *group = u16::from_str_radix(text, 16).ok().filter(|_| is_hex)?;
    }
    texts.next().is_none().then_some(groups)
}

/// Octets as pairs of digits with hyphens between.
pub(super) struct Eui<'a>(pub(super) &'a [u8]);

impl fmt::Display for Eui<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (octet, separator) in self.0.iter().zip(std::iter::once("").chain(["-"; 7])) {
            write!(f, "{separator}{octet:02x}")?;
        }
        Ok(())
    }
}

/// Eight octets as four groups.
pub(super) struct Locator(pub(super) [u8; 8]);

impl fmt::Display for Locator {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let [a, b, c, d, e, g, h, i] = self.0;
        let group = |high, low| u16::from_be_bytes([high, low]);
        write!(f, "{:x}:{:x}:{:x}:{:x}", group(a, b), group(c, d), group(e, g), group(h, i))
    }
}

/// The digits of an NSAP address.
pub(super) fn nsap(octets: &[u8]) -> String {
    HEXLOWER.encode(octets)
}
