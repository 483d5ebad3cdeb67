//! Mail addresses as they stand in SMTP commands (RFC 5321 §4.1.2).
//!
//! Lenient where Postfix is: brackets may lack, and a local part may have dots anywhere. Says nothing
//! of who is there.

use std::borrow::Cow;
use std::fmt;
use std::net::IpAddr;

use crate::wire::name::NameBuf;

/// Octets of a local part. RFC 5321 §4.5.3.1.1 has 64 as the least that all must take; addresses made
/// for returned mail (VERP) have more.
const LOCAL_LEN_MAX: usize = 256;

/// Octets of a domain (RFC 5321 §4.5.3.1.2).
const DOMAIN_LEN_MAX: usize = 255;

/// What is not part of a local part without quotation marks (RFC 5322 §3.2.3), but for the dot.
const SPECIALS: &[char] = &['(', ')', '<', '>', '[', ']', ':', ';', '@', '\\', ',', '"'];

/// Where mail comes from or goes to: a local part and a domain.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Address {
    /// Without quotation marks, as written otherwise.
    local: Box<str>,
    domain: Domain,
    /// The domain as written.
    domain_text: Box<str>,
}

/// The part of an address behind the `@`.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum Domain {
    /// A name.
    Name(NameBuf),
    /// An address of a host, in brackets (RFC 5321 §4.1.3).
    Literal(IpAddr),
}

/// What stands in MAIL and RCPT.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Path {
    /// `<>`: nobody is told if the message cannot be delivered (RFC 5321 §4.5.5).
    Null,
    /// `<postmaster>`, which every host has (RFC 5321 §4.5.1).
    Postmaster,
    /// An address.
    Address(Address),
}

/// Why something is no address.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum AddressError {
    /// There is no `@` with something before and behind it.
    Incomplete,
    /// The local part has a character that needs quotation marks, or too many.
    Local,
    /// The domain is no name and no address in brackets.
    Domain,
    /// Brackets or quotation marks are not closed, or something stands behind them.
    Unclosed,
}

impl fmt::Display for AddressError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Incomplete => "an address is a local part, @ and a domain",
            Self::Local => "the local part is too long or needs quotation marks",
            Self::Domain => "the domain is neither a name nor an address in brackets",
            Self::Unclosed => "brackets or quotation marks are not closed",
        })
    }
}

impl Address {
    /// Reads `local@domain`.
    ///
    /// # Errors
    ///
    /// Fails if that is not its form.
    pub fn read(text: &str) -> Result<Self, AddressError> {
        let (local, rest) = read_local(text)?;
        let domain_text = rest.strip_prefix('@').ok_or(AddressError::Incomplete)?;
        if domain_text.is_empty() || local.is_empty() {
            return Err(AddressError::Incomplete);
        }
        if local.len() > LOCAL_LEN_MAX {
            return Err(AddressError::Local);
        }
        let domain = Domain::read(domain_text)?;
        Ok(Self { local: local.into(), domain, domain_text: domain_text.into() })
    }

    /// The local part, without quotation marks.
    pub fn local(&self) -> &str {
        &self.local
    }

    /// The domain.
    pub fn domain(&self) -> &Domain {
        &self.domain
    }

    /// The domain as it was written.
    pub fn domain_text(&self) -> &str {
        &self.domain_text
    }

    /// Whether it can be told to a server without SMTPUTF8 (RFC 6531).
    pub fn is_ascii(&self) -> bool {
        self.local.is_ascii() && self.domain_text.is_ascii()
    }

    /// Whether both are one mailbox here: letters count as equal in both cases.
    pub fn is_same_mailbox(&self, other: &Self) -> bool {
        self.domain == other.domain && self.local.to_lowercase() == other.local.to_lowercase()
    }
}

impl fmt::Display for Address {
    /// With quotation marks where the local part needs them.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let is_plain =
            |char: char| !char.is_ascii_control() && char != ' ' && !SPECIALS.contains(&char);
        if self.local.chars().all(is_plain) {
            f.write_str(&self.local)?;
        } else {
            f.write_str("\"")?;
            for char in self.local.chars() {
                if matches!(char, '"' | '\\') {
                    f.write_str("\\")?;
                }
                write!(f, "{char}")?;
            }
            f.write_str("\"")?;
        }
        write!(f, "@{}", self.domain_text)
    }
}

impl Domain {
    /// Reads a name, or an address in brackets.
    ///
    /// # Errors
    ///
    /// Fails with `AddressError::Domain` if it is neither.
    pub fn read(text: &str) -> Result<Self, AddressError> {
        if text.len() > DOMAIN_LEN_MAX {
            return Err(AddressError::Domain);
        }
        if let Some(bare) = text.strip_prefix('[').and_then(|text| text.strip_suffix(']')) {
            let bare = match bare.split_at_checked(5) {
                Some((tag, address)) if tag.eq_ignore_ascii_case("IPv6:") => address,
                Some(_) | None => bare,
            };
            return bare.parse().map(Self::Literal).map_err(|_| AddressError::Domain);
        }
        let ascii = to_ascii(text).ok_or(AddressError::Domain)?;
        let is_label = |label: &str| {
            let is_inner =
                |octet: u8| octet.is_ascii_alphanumeric() || matches!(octet, b'-' | b'_');
            !label.is_empty() && label.bytes().all(is_inner)
        };
        let bare = ascii.strip_suffix('.').unwrap_or(&ascii);
        if !bare.split('.').all(is_label) {
            return Err(AddressError::Domain);
        }
        let root = NameBuf::root();
        let name = NameBuf::from_text(bare.as_bytes(), Some(root.as_name()));
        name.map(|name| Self::Name(name.as_name().to_lowercase())).map_err(|_| AddressError::Domain)
    }
}

impl fmt::Display for Domain {
    /// A name without the dot at its end.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Name(name) => {
                let text = name.to_string();
                f.write_str(text.strip_suffix('.').unwrap_or(&text))
            }
            Self::Literal(IpAddr::V4(address)) => write!(f, "[{address}]"),
            Self::Literal(IpAddr::V6(address)) => write!(f, "[IPv6:{address}]"),
        }
    }
}

/// A domain in the form that DNS has; names beyond ASCII are converted (RFC 5891).
fn to_ascii(text: &str) -> Option<Cow<'_, str>> {
    if text.is_ascii() {
        Some(Cow::Borrowed(text))
    } else {
        idna::domain_to_ascii(text).ok().map(Cow::Owned)
    }
}

impl Path {
    /// Reads a path at the beginning of `text`, with or without brackets. Returns what stands behind
    /// it. A route before the address is left out (RFC 5321 §4.1.1.3).
    ///
    /// # Errors
    ///
    /// Fails if no address stands there.
    pub fn read(text: &str) -> Result<(Self, &str), AddressError> {
        let Some(rest) = text.strip_prefix('<') else {
            let end = text.find(' ').unwrap_or(text.len());
            let (path, rest) = text.split_at(end);
            return Ok((Self::of(path)?, rest));
        };
        let end = end_of_path(rest).ok_or(AddressError::Unclosed)?;
        let (path, behind) = rest.split_at(end);
        let behind = behind.strip_prefix('>').unwrap_or(behind);
        if !behind.is_empty() && !behind.starts_with(' ') {
            return Err(AddressError::Unclosed);
        }
        if path.is_empty() {
            return Ok((Self::Null, behind));
        }
        let address = match path.split_once(':') {
            Some((route, address)) if route.starts_with('@') => address,
            Some(_) | None => path,
        };
        Ok((Self::of(address)?, behind))
    }

    fn of(text: &str) -> Result<Self, AddressError> {
        if text.eq_ignore_ascii_case("postmaster") {
            return Ok(Self::Postmaster);
        }
        Address::read(text).map(Self::Address)
    }

    /// The address; `None` for the other two.
    pub fn address(&self) -> Option<&Address> {
        match self {
            Self::Address(address) => Some(address),
            Self::Null | Self::Postmaster => None,
        }
    }
}

impl fmt::Display for Path {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Null => f.write_str("<>"),
            Self::Postmaster => f.write_str("<postmaster>"),
            Self::Address(address) => write!(f, "<{address}>"),
        }
    }
}

/// Where the `>` stands that ends a path: not one in quotation marks.
fn end_of_path(text: &str) -> Option<usize> {
    let mut is_quoted = false;
    let mut is_escaped = false;
    for (at, char) in text.char_indices() {
        match char {
            _ if is_escaped => is_escaped = false,
            '\\' if is_quoted => is_escaped = true,
            '"' => is_quoted = !is_quoted,
            '>' if !is_quoted => return Some(at),
            _ => (),
        }
    }
    None
}

/// Reads a local part, with or without quotation marks. Returns it without, and what stands behind.
fn read_local(text: &str) -> Result<(String, &str), AddressError> {
    let Some(quoted) = text.strip_prefix('"') else {
        let end = text.rfind('@').ok_or(AddressError::Incomplete)?;
        let (local, rest) = text.split_at(end);
        let is_bad = |char: char| char.is_control() || char == ' ' || SPECIALS.contains(&char);
        if local.contains(is_bad) {
            return Err(AddressError::Local);
        }
        return Ok((local.to_owned(), rest));
    };
    let mut local = String::new();
    let mut chars = quoted.char_indices();
    while let Some((at, char)) = chars.next() {
        match char {
            '"' => return Ok((local, quoted.get(at + 1..).unwrap_or_default())),
            '\\' => match chars.next() {
                Some((_, escaped)) if !escaped.is_control() => local.push(escaped),
                Some(_) | None => return Err(AddressError::Local),
            },
            _ if char.is_control() => return Err(AddressError::Local),
            _ => local.push(char),
        }
    }
    Err(AddressError::Unclosed)
}

#[cfg(test)]
mod tests {
    use super::{Address, AddressError, Path};

    #[track_caller]
    fn path(text: &str) -> Result<(String, String), AddressError> {
        Path::read(text).map(|(path, rest)| (path.to_string(), rest.to_owned()))
    }

    #[track_caller]
    fn reads(text: &str, expected: &str, rest: &str) {
        assert_eq!(path(text), Ok((expected.to_owned(), rest.to_owned())), "{text}");
    }

    #[test]
    fn paths_are_read_with_and_without_brackets() {
        reads("<joe@bloggs.com>", "<joe@bloggs.com>", "");
        reads("joe@bloggs.com", "<joe@bloggs.com>", "");
        reads("<joe@bloggs.com> SIZE=3", "<joe@bloggs.com>", " SIZE=3");
        reads("joe@bloggs.com SIZE=3", "<joe@bloggs.com>", " SIZE=3");
        reads("<>", "<>", "");
        reads("<Postmaster>", "<postmaster>", "");
        reads("<@a.example,@b.example:joe@bloggs.com>", "<joe@bloggs.com>", "");
        reads("<a.@x>", "<a.@x>", "");
        reads("<joe@[192.0.2.1]>", "<joe@[192.0.2.1]>", "");
        reads("<joe@[ipv6:2001:db8::1]>", "<joe@[ipv6:2001:db8::1]>", "");
        reads("<joe@example.com.>", "<joe@example.com.>", "");
    }

    #[test]
    fn quotation_marks_are_kept_where_they_are_needed() {
        reads("<\"joe\"@x>", "<joe@x>", "");
        reads("<\"a b\"@x>", "<\"a b\"@x>", "");
        reads("<\"a>b\\\"@\"@x> BODY=7BIT", "<\"a>b\\\"@\"@x>", " BODY=7BIT");
    }

    #[test]
    fn what_is_no_address_is_refused() {
        for (text, error) in [
            ("", AddressError::Incomplete),
            ("joe", AddressError::Incomplete),
            ("<joe>", AddressError::Incomplete),
            ("<@x>", AddressError::Incomplete),
            ("<joe@>", AddressError::Incomplete),
            ("<joe@x", AddressError::Unclosed),
            ("<joe@x>y", AddressError::Unclosed),
            ("<\"joe@x>", AddressError::Unclosed),
            ("<jo e@x>", AddressError::Local),
            ("<a@b@x>", AddressError::Local),
            ("<joe@a..b>", AddressError::Domain),
            ("<joe@-x y>", AddressError::Domain),
            ("<joe@[192.0.2.256]>", AddressError::Domain),
            ("<joe@[]>", AddressError::Domain),
            ("<joe@\u{ad}>", AddressError::Domain),
        ] {
            assert_eq!(path(text), Err(error), "{text}");
        }
        let long = format!("{}@x", "a".repeat(257));
        assert_eq!(Address::read(&long), Err(AddressError::Local));
        let long = format!("a@{}x", "a.".repeat(128));
        assert_eq!(Address::read(&long), Err(AddressError::Domain));
    }

    #[test]
    fn domain_beyond_ascii_is_looked_up_in_its_ascii_form() {
        let address = Address::read("jos\u{e9}@B\u{fc}cher.example").unwrap();
        assert_eq!(address.domain().to_string(), "xn--bcher-kva.example");
        assert_eq!(address.to_string(), "jos\u{e9}@B\u{fc}cher.example");
        assert!(!address.is_ascii());
    }

    #[test]
    fn case_does_not_tell_mailboxes_apart() {
        let read = |text| Address::read(text).unwrap();
        assert!(read("Joe@Bloggs.com").is_same_mailbox(&read("joe@bloggs.COM.")));
        assert!(!read("joe@bloggs.com").is_same_mailbox(&read("joes@bloggs.com")));
    }
}
