//! Character strings: counted ones, the tag of CAA, and strings without a length.
//!
//! A string may stand in quotes or not (RFC 1035 §5.1); escapes are `\X` and `\DDD`.

use std::fmt::{self, Write};

use crate::wire::name::unescape;
use crate::wire::numbers::Rtype;
use crate::wire::rdata::octets::Octets;
use crate::zone::file::code;
use crate::zone::file::lexer::{Word, Words};
use crate::zone::file::problem::Problem;
use crate::zone::file::rdata::{Data, Line};

/// Reads a counted string.
pub(super) fn read(word: &Word<'_>, octets: &mut Vec<u8>) -> Result<(), Problem> {
    let start = octets.len();
    octets.push(0);
    read_plain(word, octets)?;
    let length = octets.len() - start - 1;
    let Ok(count) = u8::try_from(length) else {
        let message = format!("this string has {length} octets");
        return Err(word
            .problem(code::STRING_TOO_LONG, message)
            .hint("split it into strings of at most 255 octets, each in its own quotes"));
    };
    if let Some(slot) = octets.get_mut(start) {
        *slot = count;
    }
    Ok(())
}

/// Reads all words that are left, at least one, as counted strings.
pub(super) fn read_all(words: &mut Words<'_>, octets: &mut Vec<u8>) -> Result<(), Problem> {
    read(&words.expect_string("a string")?, octets)?;
    for word in words {
        read(&word, octets)?;
    }
    Ok(())
}

/// Reads the tag of a CAA record (RFC 8659 §4.1).
pub(super) fn read_tag(words: &mut Words<'_>, octets: &mut Vec<u8>) -> Result<(), Problem> {
    let word = words.expect("a tag such as issue")?;
    if word.text.is_empty() || !word.text.iter().all(u8::is_ascii_alphanumeric) {
        let message = format!("{} is not a tag", word.shown());
        return Err(word
            .problem(code::BAD_VALUE, message)
            .hint("a tag has letters and digits only, as in issue, issuewild or iodef"));
    }
    read(&word, octets)
}

/// Reads a string without a length, up to the end of the data.
pub(super) fn read_long(words: &mut Words<'_>, data: &mut Data<'_>) -> Result<(), Problem> {
    let word = words.expect_string("a string")?;
    if !word.quoted && data.rtype == Rtype::URI {
        let message = format!("the target {} stands without quotes", word.shown());
        return Err(word.problem(code::SYNTAX, message).hint("put it in quotes (RFC 7553 §4.4)"));
    }
    read_plain(&word, data.octets)
}

/// Appends the octets that a word stands for.
pub(in crate::zone::file) fn read_plain(
    word: &Word<'_>,
    octets: &mut Vec<u8>,
) -> Result<(), Problem> {
    let mut rest = word.text;
    loop {
        let plain = rest.iter().position(|&octet| octet == b'\\').unwrap_or(rest.len());
        let (run, escape) = rest.split_at(plain);
        octets.extend_from_slice(run);
        let Some((_, escape)) = escape.split_first() else { return Ok(()) };
        let Some((octet, after)) = unescape(escape) else {
            let message = format!("{} has a backslash that escapes nothing", word.shown());
            return Err(word
                .problem(code::BAD_ESCAPE, message)
                .hint("write \\\\ for a backslash, and three digits for the number of an octet"));
        };
        octets.push(octet);
        rest = after;
    }
}

/// Octets in quotes.
pub(super) struct Quoted<'a>(pub(super) &'a [u8]);

impl fmt::Display for Quoted<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_char('"')?;
        for &octet in self.0 {
            match octet {
                b'"' | b'\\' => {
                    f.write_char('\\')?;
                    f.write_char(octet.into())?;
                }
                b' '..=b'~' => f.write_char(octet.into())?,
                _ => write!(f, "\\{octet:03}")?,
            }
        }
        f.write_char('"')
    }
}

/// Writes counted strings up to the end of the data.
pub(super) fn write_all(octets: &mut Octets<'_>, line: &mut Line<'_>) -> fmt::Result {
    while let Some(string) = octets.take_counted() {
        line.item(Quoted(string))?;
    }
    Ok(())
}
