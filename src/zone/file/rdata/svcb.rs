//! The parameters of SVCB and HTTPS as text (RFC 9460 §2.1 and appendix A).
//!
//! What values are well-formed is known to `wire::rdata::svcb`.

use std::fmt::{self, Write};
use std::net::{Ipv4Addr, Ipv6Addr};
use std::ops::Range;
use std::str::FromStr;

use crate::wire::rdata::octets::Octets;
use crate::wire::rdata::svcb::{Key, Param, Value, is_value, missing_mandatory, params};
use crate::zone::file::code;
use crate::zone::file::lexer::{Word, Words};
use crate::zone::file::problem::{Extent, Problem};
use crate::zone::file::rdata::number::decimal;
use crate::zone::file::rdata::string::{Quoted, read_plain};
use crate::zone::file::rdata::{Data, Line, encoded, ipv6};

/// A parameter as it was read.
struct Read {
    key: Key,
    /// Where its value stands among the values read.
    value: Range<usize>,
    at: Extent,
}

/// Reads all words that are left as parameters and writes them in the order of their keys.
pub(super) fn read(words: &mut Words<'_>, data: &mut Data<'_>) -> Result<(), Problem> {
    let whole = words.extent();
    let mut values = std::mem::take(&mut data.scratch.octets);
    values.clear();
    let mut read: Vec<Read> = Vec::new();
    while let Some(word) = words.next() {
        let param = read_param(&word, words, &mut values)?;
        read.push(param);
    }
    read.sort_by_key(|param| param.key);
    if let Some((_, twice)) = read.iter().zip(read.iter().skip(1)).find(|(a, b)| a.key == b.key) {
        let message = format!("{} stands twice", Named(twice.key));
        return Err(Problem::new(twice.at, code::BAD_SERVICE_PARAMETER, message));
    }
    let start = data.octets.len();
    for param in &read {
        let value = values.get(param.value.clone()).unwrap_or_default();
        let length = u16::try_from(value.len()).map_err(|_| {
            Problem::new(param.at, code::DATA_TOO_LONG, "a value of more than 65535 octets")
        })?;
        data.octets.extend_from_slice(&param.key.0.to_be_bytes());
        data.octets.extend_from_slice(&length.to_be_bytes());
        data.octets.extend_from_slice(value);
    }
    data.scratch.octets = values;
    check_together(data.octets.get(start..).unwrap_or_default(), &read, whole)
}

/// What parameters say about each other (RFC 9460 §7.1.1 and §8).
fn check_together(octets: &[u8], read: &[Read], whole: Extent) -> Result<(), Problem> {
    let place = |key| read.iter().find(|param| param.key == key).map_or(whole, |param| param.at);
    if let Some(missing) = missing_mandatory(octets) {
        let message = format!("{} is mandatory and missing", Named(missing));
        let at = place(Key::MANDATORY);
        return Err(Problem::new(at, code::BAD_SERVICE_PARAMETER, message)
            .hint(format!("add {}, or take it from the list", Named(missing))));
    }
    let has = |key| read.iter().any(|param| param.key == key);
    if has(Key::NO_DEFAULT_ALPN) && !has(Key::ALPN) {
        let message = "no-default-alpn stands without alpn";
        return Err(Problem::new(
            place(Key::NO_DEFAULT_ALPN),
            code::BAD_SERVICE_PARAMETER,
            message,
        )
        .hint("add alpn with the protocols that are offered"));
    }
    Ok(())
}

/// Reads one parameter: `key`, `key=value` or `key="value"`.
fn read_param(
    word: &Word<'_>,
    words: &mut Words<'_>,
    values: &mut Vec<u8>,
) -> Result<Read, Problem> {
    let equals = word.text.iter().position(|&octet| octet == b'=');
    let (name, value) = word.text.split_at(equals.unwrap_or(word.text.len()));
    let mut value = Word { text: value.strip_prefix(b"=").unwrap_or_default(), ..*word };
    let mut at = word.at;
    // A value in quotes is a word of its own that follows without a blank.
    if equals.is_some() && value.text.is_empty() {
        let follows = words.peek().filter(|next| next.quoted && next.at.start == word.at.end);
        if let Some(quoted) = follows {
            words.next();
            at.end = quoted.at.end;
            value = quoted;
        }
    }
    let bad = |message: String| Problem::new(at, code::BAD_SERVICE_PARAMETER, message);
    let (key, kind) = key_of(name).filter(|_| !word.quoted).ok_or_else(|| {
        let shown = Word { text: name, ..*word }.shown();
        let problem = bad(format!("{shown} is not a service parameter"));
        let known: Vec<&str> = Key::names().collect();
        problem.hint(format!("known are {}, and key0 to key65535", known.join(", ")))
    })?;
    let start = values.len();
    read_value(kind, &Word { at, ..value }, values)?;
    let octets = values.get(start..).unwrap_or_default();
    if !is_value(key, octets) {
        let shown = Word { text: value.text, ..*word }.shown();
        return Err(bad(format!("{} cannot have the value {shown}", Named(key)))
            .hint(format!("its value is {}", expected(key.value()))));
    }
    Ok(Read { key, value: start..values.len(), at })
}

/// The key with a name, and how its value is written: after `keyN` octets as they are
/// (RFC 9460 §2.1).
fn key_of(name: &[u8]) -> Option<(Key, Value)> {
    if let Some(key) = Key::from_name(name) {
        return Some((key, key.value()));
    }
    let digits = name.strip_prefix(b"key")?;
    let padded = digits.len() > 1 && digits.starts_with(b"0");
    let number = decimal(digits).filter(|_| !padded)?;
    u16::try_from(number).ok().map(|number| (Key(number), Value::Opaque))
}

fn expected(value: Value) -> &'static str {
    match value {
        Value::Keys => "a list of other keys, each once",
        Value::Strings => "a list of protocols, as in h2,h3",
        Value::Segments => "a list of path segments",
        Value::Empty => "empty",
        Value::Port => "a number from 0 to 65535",
        Value::Ipv4s => "a list of IPv4 addresses",
        Value::Ipv6s => "a list of IPv6 addresses",
        Value::Base64 => "Base64",
        Value::Text => "a string that is not empty",
        Value::Groups => "a list of numbers from 0 to 65535, each once",
        Value::Opaque => "any string",
    }
}

/// Appends the octets that a value stands for.
fn read_value(kind: Value, word: &Word<'_>, values: &mut Vec<u8>) -> Result<(), Problem> {
    let mut plain = Vec::new();
    read_plain(word, &mut plain)?;
    let read = match kind {
        Value::Keys => read_keys(&plain, values),
        Value::Strings | Value::Segments => read_strings(&plain, values),
        Value::Port | Value::Groups => read_numbers(&plain, values),
        Value::Ipv4s => read_addresses(&plain, values, |address: Ipv4Addr| address.octets()),
        Value::Ipv6s => read_addresses(&plain, values, |address: Ipv6Addr| address.octets()),
        Value::Base64 => {
            encoded::read_base64_word(&Word { text: &plain, ..*word }, values).ok().map(drop)
        }
        Value::Empty | Value::Text | Value::Opaque => {
            values.extend_from_slice(&plain);
            Some(())
        }
    };
    read.ok_or_else(|| {
        let message = format!("{} is not such a value", word.shown());
        word.problem(code::BAD_SERVICE_PARAMETER, message)
            .hint(format!("the value is {}", expected(kind)))
    })
}

fn read_keys(plain: &[u8], values: &mut Vec<u8>) -> Option<()> {
    let mut keys = Vec::new();
    for name in plain.split(|&octet| octet == b',') {
        keys.push(key_of(name)?.0);
    }
    keys.sort_unstable();
    keys.iter().for_each(|key| values.extend_from_slice(&key.0.to_be_bytes()));
    Some(())
}

fn read_numbers(plain: &[u8], values: &mut Vec<u8>) -> Option<()> {
    for number in plain.split(|&octet| octet == b',') {
        values.extend_from_slice(&u16::try_from(decimal(number)?).ok()?.to_be_bytes());
    }
    Some(())
}

fn read_addresses<A: FromStr, const N: usize>(
    plain: &[u8],
    values: &mut Vec<u8>,
    octets: impl Fn(A) -> [u8; N],
) -> Option<()> {
    for address in std::str::from_utf8(plain).ok()?.split(',') {
        values.extend_from_slice(&octets(address.parse().ok()?));
    }
    Some(())
}

/// Reads a list of strings, in which a backslash takes the next octet, a comma too, as it is
/// (RFC 9460 appendix A.1). Nothing at all is no string.
fn read_strings(plain: &[u8], values: &mut Vec<u8>) -> Option<()> {
    if plain.is_empty() {
        return Some(());
    }
    let mut start = values.len();
    values.push(0);
    let mut octets = plain.iter();
    while let Some(&octet) = octets.next() {
        match octet {
            b',' => {
                end_string(values, start)?;
                start = values.len();
                values.push(0);
            }
            b'\\' => values.push(*octets.next()?),
            _ => values.push(octet),
        }
    }
    end_string(values, start)
}

fn end_string(values: &mut [u8], start: usize) -> Option<()> {
    let length = u8::try_from(values.len() - start - 1).ok()?;
    *values.get_mut(start)? = length;
    Some(())
}

/// A key by its registered name, or by its number.
struct Named(Key);

impl fmt::Display for Named {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.0.name() {
            Some(name) => f.write_str(name),
            None => write!(f, "key{}", self.0.0),
        }
    }
}

/// Writes the parameters.
pub(super) fn write(octets: &[u8], line: &mut Line<'_>) -> fmt::Result {
    params(octets).try_for_each(|param| line.item(Shown(param)))
}

struct Shown<'a>(Param<'a>);

impl fmt::Display for Shown<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Param { key, value } = self.0;
        // One empty segment and none at all would look the same.
        if key.value() == Value::Segments && value == [0] {
            return write!(f, "key{}={}", key.0, Quoted(value));
        }
        write!(f, "{}", Named(key))?;
        if value.is_empty() {
            return Ok(());
        }
        f.write_char('=')?;
        let mut octets = Octets::new(value);
        let list = &mut octets;
        match key.value() {
            Value::Keys => write_list(f, || list.take_u16().map(|key| Named(Key(key)))),
            Value::Port | Value::Groups => write_list(f, || list.take_u16()),
            Value::Ipv4s => write_list(f, || list.take_array::<4>().map(Ipv4Addr::from)),
            Value::Ipv6s => {
                write_list(f, || list.take_array::<16>().map(|octets| ipv6(octets.into())))
            }
            Value::Strings | Value::Segments => {
                f.write_char('"')?;
                write_list(f, || list.take_counted().map(ListItem))?;
                f.write_char('"')
            }
            Value::Base64 => write!(f, "{}", encoded::base64(value)),
            Value::Empty | Value::Text | Value::Opaque => write!(f, "{}", Quoted(value)),
        }
    }
}

fn write_list<D: fmt::Display>(
    f: &mut fmt::Formatter<'_>,
    mut next: impl FnMut() -> Option<D>,
) -> fmt::Result {
    let mut separator = "";
    while let Some(item) = next() {
        write!(f, "{separator}{item}")?;
        separator = ",";
    }
    Ok(())
}

/// A string of a list within quotes, escaped once for the list and once for the quotes.
struct ListItem<'a>(&'a [u8]);

impl fmt::Display for ListItem<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for &octet in self.0 {
            match octet {
                b'"' => f.write_str("\\\"")?,
                b'\\' => f.write_str("\\\\\\\\")?,
                b',' => f.write_str("\\\\,")?,
                b'!'..=b'~' => f.write_char(octet.into())?,
                _ => write!(f, "\\{octet:03}")?,
            }
        }
        Ok(())
    }
}
