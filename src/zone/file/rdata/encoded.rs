//! Octets in hexadecimal, Base64 and Base32hex.
//!
//! Written unbroken; read from as many words as there are.

use std::fmt;

use data_encoding::{BASE32HEX_NOPAD, BASE64, Encoding, HEXUPPER, HEXUPPER_PERMISSIVE};

use crate::zone::file::code;
use crate::zone::file::lexer::{Word, Words};
use crate::zone::file::problem::{Extent, Problem};
use crate::zone::file::rdata::{Data, Line};

/// Reads all words that are left, at least one, as hexadecimal.
pub(super) fn read_hex(words: &mut Words<'_>, data: &mut Data<'_>) -> Result<(), Problem> {
    read_rest(words, data, &HEXUPPER_PERMISSIVE, "hexadecimal")
}

/// Reads all words that are left, at least one, as Base64.
pub(super) fn read_base64(words: &mut Words<'_>, data: &mut Data<'_>) -> Result<(), Problem> {
    read_rest(words, data, &BASE64, "Base64")
}

/// Reads the salt of NSEC3: `-` if there is none (RFC 5155 §3.3).
pub(super) fn read_salt(words: &mut Words<'_>, data: &mut Data<'_>) -> Result<(), Problem> {
    let word = words.expect("a salt in hexadecimal, or - for none,")?;
    if word.text == b"-" {
        data.octets.push(0);
        return Ok(());
    }
    read_counted(&word, data, &HEXUPPER_PERMISSIVE, "hexadecimal")
}

/// Reads a hash in Base32hex (RFC 5155 §3.3).
pub(super) fn read_hash(words: &mut Words<'_>, data: &mut Data<'_>) -> Result<(), Problem> {
    let word = words.expect("a hash in Base32hex")?;
    data.scratch.octets.clear();
    data.scratch.octets.extend(word.text.iter().map(u8::to_ascii_uppercase));
    let upper = std::mem::take(&mut data.scratch.octets);
    let read = read_counted(&Word { text: &upper, ..word }, data, &BASE32HEX_NOPAD, "Base32hex");
    data.scratch.octets = upper;
    read
}

/// Reads one word as hexadecimal without a count, and says how many octets it was.
pub(super) fn read_hex_word(word: &Word<'_>, octets: &mut Vec<u8>) -> Result<usize, Problem> {
    decode(word.text, octets, &HEXUPPER_PERMISSIVE).ok_or_else(|| bad(word.at, "hexadecimal"))
}

/// Reads one word as Base64 without a count, and says how many octets it was.
pub(super) fn read_base64_word(word: &Word<'_>, octets: &mut Vec<u8>) -> Result<usize, Problem> {
    decode(word.text, octets, &BASE64).ok_or_else(|| bad(word.at, "Base64"))
}

fn read_counted(
    word: &Word<'_>,
    data: &mut Data<'_>,
    encoding: &Encoding,
    kind: &str,
) -> Result<(), Problem> {
    let start = data.octets.len();
    data.octets.push(0);
    let count = decode(word.text, data.octets, encoding).filter(|&count| count > 0);
    let Some(count) = count.and_then(|count| u8::try_from(count).ok()) else {
        return Err(bad(word.at, kind).or_hint(|| "1 to 255 octets can stand here".into()));
    };
    if let Some(slot) = data.octets.get_mut(start) {
        *slot = count;
    }
    Ok(())
}

/// Words may divide the text anywhere, so they are joined before they are decoded.
fn read_rest(
    words: &mut Words<'_>,
    data: &mut Data<'_>,
    encoding: &Encoding,
    kind: &str,
) -> Result<(), Problem> {
    let whole = words.extent();
    let first = words.expect(kind)?;
    let decoded = if words.is_empty() {
        decode(first.text, data.octets, encoding)
    } else {
        data.scratch.octets.clear();
        data.scratch.octets.extend_from_slice(first.text);
        while !words.is_empty() {
            let word = words.expect(kind)?;
            data.scratch.octets.extend_from_slice(word.text);
        }
        decode(&data.scratch.octets, data.octets, encoding)
    };
    match decoded {
        Some(count) if count > 0 => Ok(()),
        _ => Err(bad(whole, kind)),
    }
}

fn bad(at: Extent, kind: &str) -> Problem {
    let problem = Problem::new(at, code::BAD_ENCODING, format!("this is not {kind}"));
    match kind {
        "hexadecimal" => problem.hint("hexadecimal has two digits from 0 to 9 and A to F an octet"),
        "Base64" => problem.hint("Base64 has four characters for three octets, filled up with ="),
        _ => problem,
    }
}

/// Appends what a text stands for and says how many octets that was.
fn decode(text: &[u8], octets: &mut Vec<u8>, encoding: &Encoding) -> Option<usize> {
    // The library takes a text that is filled up in the middle for two texts.
    let filled = text.iter().position(|&octet| octet == b'=').unwrap_or(text.len());
    if text.get(filled..)?.iter().any(|&octet| octet != b'=') {
        return None;
    }
    let start = octets.len();
    octets.resize(start + encoding.decode_len(text.len()).ok()?, 0);
    let count = encoding.decode_mut(text, octets.get_mut(start..)?).ok()?;
    octets.truncate(start + count);
    Some(count)
}

/// Octets in hexadecimal.
pub(super) fn hex(octets: &[u8]) -> String {
    HEXUPPER.encode(octets)
}

/// Octets in Base64.
pub(super) fn base64(octets: &[u8]) -> String {
    BASE64.encode(octets)
}

/// Octets in Base32hex.
pub(super) fn base32(octets: &[u8]) -> String {
    BASE32HEX_NOPAD.encode(octets)
}

/// Writes the salt of NSEC3.
pub(super) fn write_salt(salt: &[u8], line: &mut Line<'_>) -> fmt::Result {
    if salt.is_empty() { line.item('-') } else { line.item(hex(salt)) }
}
