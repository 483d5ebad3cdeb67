//! The text of an SPF record (RFC 7208 §4.6.1, §5, §6, §12).

use std::net::{Ipv4Addr, Ipv6Addr};

use crate::mail::spf::Verdict;
use crate::mail::spf::macros::{Letters, Spec};

/// A record.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Record {
    pub(super) directives: Vec<Directive>,
    /// Whose record counts if no directive does.
    pub(super) redirect: Option<Spec>,
}

/// A mechanism and what it means if it matches.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Directive {
    pub(super) verdict: Verdict,
    pub(super) mechanism: Mechanism,
    /// As it was written.
    pub(super) text: String,
}

/// What may match a client. Without a domain, that of the record is meant.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Mechanism {
    All,
    Include(Spec),
    A(Option<Spec>, Lengths),
    Mx(Option<Spec>, Lengths),
    Ptr(Option<Spec>),
    Ip4(Ipv4Addr, u8),
    Ip6(Ipv6Addr, u8),
    Exists(Spec),
}

/// How many bits of addresses are compared.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Lengths {
    pub(super) v4: u8,
    pub(super) v6: u8,
}

/// A term that cannot be read, as it was written.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct BadTerm(pub(super) String);

/// The text of the version, and of what is behind it, if a TXT record is one of SPF.
pub(super) fn is_record(text: &[u8]) -> bool {
    let version = b"v=spf1";
    text.split_at_checked(version.len()).is_some_and(|(begin, rest)| {
        begin.eq_ignore_ascii_case(version) && rest.first().is_none_or(|&octet| octet == b' ')
    })
}

impl Record {
    /// Reads a record, the version included.
    ///
    /// # Errors
    ///
    /// Fails with the first term that makes no sense: then none counts (RFC 7208 §4.6).
    pub(super) fn read(text: &[u8]) -> Result<Self, BadTerm> {
        let shown = || BadTerm(String::from_utf8_lossy(text).into_owned());
        let text = std::str::from_utf8(text).ok().filter(|text| text.is_ascii());
        let mut terms = text.ok_or_else(shown)?.split(' ').filter(|term| !term.is_empty());
        terms.next();
        let mut record = Self { directives: Vec::new(), redirect: None };
        let mut has_explanation = false;
        for term in terms {
            let bad = || BadTerm(term.to_owned());
            match modifier(term) {
                Some((name, value)) if name.eq_ignore_ascii_case("redirect") => {
                    let spec = Spec::domain(value).ok_or_else(bad)?;
                    if record.redirect.replace(spec).is_some() {
                        return Err(bad());
                    }
                }
                Some((name, value)) if name.eq_ignore_ascii_case("exp") => {
                    Spec::domain(value).ok_or_else(bad)?;
                    if std::mem::replace(&mut has_explanation, true) {
                        return Err(bad());
                    }
                }
                Some((_, value)) => {
                    Spec::read(value, Letters::All).ok_or_else(bad)?;
                }
                None => record.directives.push(Directive::read(term).ok_or_else(bad)?),
            }
        }
        Ok(record)
    }
}

/// The name and the value of a modifier; `None` if the term is none.
fn modifier(term: &str) -> Option<(&str, &str)> {
    let (name, value) = term.split_once('=')?;
    let is_inner = |char: char| char.is_ascii_alphanumeric() || matches!(char, '-' | '_' | '.');
    let begins = name.starts_with(|char: char| char.is_ascii_alphabetic());
    (begins && name.chars().all(is_inner)).then_some((name, value))
}

impl Directive {
    fn read(term: &str) -> Option<Self> {
        let qualified = |verdict| (verdict, term.get(1..).unwrap_or_default());
        let (verdict, rest) = match term.chars().next()? {
            '+' => qualified(Verdict::Pass),
            '-' => qualified(Verdict::Fail),
            '~' => qualified(Verdict::SoftFail),
            '?' => qualified(Verdict::Neutral),
            _ => (Verdict::Pass, term),
        };
        let mechanism = Mechanism::read(rest)?;
        Some(Self { verdict, mechanism, text: rest.to_owned() })
    }
}

impl Mechanism {
    fn read(text: &str) -> Option<Self> {
        let end = text.find([':', '/']).unwrap_or(text.len());
        let (name, rest) = text.split_at(end);
        let value = rest.strip_prefix(':');
        let domain = || Spec::domain(value?);
        Some(match name.to_ascii_lowercase().as_str() {
            "all" if rest.is_empty() => Self::All,
            "include" => Self::Include(domain()?),
            "exists" => Self::Exists(domain()?),
            "a" => {
                let (domain, lengths) = with_lengths(rest)?;
                Self::A(domain, lengths)
            }
            "mx" => {
                let (domain, lengths) = with_lengths(rest)?;
                Self::Mx(domain, lengths)
            }
            "ptr" if rest.is_empty() => Self::Ptr(None),
            "ptr" => Self::Ptr(Some(domain()?)),
            "ip4" => {
                let (address, length) = address(value?, 32)?;
                Self::Ip4(address, length)
            }
            "ip6" => {
                let (address, length) = address(value?, 128)?;
                Self::Ip6(address, length)
            }
            _ => return None,
        })
    }
}

/// An address and how many of its bits count.
fn address<T: std::str::FromStr>(text: &str, bits: u8) -> Option<(T, u8)> {
    match text.split_once('/') {
        Some((address, digits)) => Some((address.parse().ok()?, length(digits, bits)?)),
        None => Some((text.parse().ok()?, bits)),
    }
}

/// What may follow `a` and `mx`: a domain, and lengths for both families.
fn with_lengths(rest: &str) -> Option<(Option<Spec>, Lengths)> {
    let mut lengths = Lengths { v4: 32, v6: 128 };
    let mut rest = rest;
    let is_number =
        |digits: &str| !digits.is_empty() && digits.bytes().all(|octet| octet.is_ascii_digit());
    if let Some((before, digits)) = rest.rsplit_once("//")
        && is_number(digits)
    {
        (rest, lengths.v6) = (before, length(digits, 128)?);
    }
    if let Some((before, digits)) = rest.rsplit_once('/')
        && is_number(digits)
    {
        (rest, lengths.v4) = (before, length(digits, 32)?);
    }
    if rest.is_empty() {
        return Some((None, lengths));
    }
    Some((Some(Spec::domain(rest.strip_prefix(':')?)?), lengths))
}

/// A number of bits, without zeros before it.
fn length(digits: &str, bits: u8) -> Option<u8> {
    let is_plain = digits == "0" || !digits.starts_with(['0', '+']);
    digits.parse().ok().filter(|length| is_plain && *length <= bits)
}
