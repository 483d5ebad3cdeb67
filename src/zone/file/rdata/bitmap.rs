//! Record types as data: one of RRSIG, and the types that exist at a name.

use std::fmt;

use crate::wire::numbers::Rtype;
use crate::wire::rdata::listed_types;
use crate::wire::rdata::octets::Octets;
use crate::zone::file::code;
use crate::zone::file::lexer::{Word, Words};
use crate::zone::file::problem::Problem;
use crate::zone::file::rdata::{Data, Line};

/// Reads one type.
pub(super) fn read_type(words: &mut Words<'_>, data: &mut Data<'_>) -> Result<(), Problem> {
    let rtype = parse(&words.expect("a record type")?)?;
    data.octets.extend_from_slice(&rtype.0.to_be_bytes());
    Ok(())
}

/// Reads all words that are left as types, in any order, into a bitmap (RFC 4034 §4.1.2).
pub(super) fn read(words: &mut Words<'_>, data: &mut Data<'_>) -> Result<(), Problem> {
    if words.is_empty() && data.rtype == Rtype::NSEC {
        return words.expect("a record type").map(drop);
    }
    let types = &mut data.scratch.types;
    types.clear();
    for word in words {
        types.push(parse(&word)?.0);
    }
    types.sort_unstable();
    types.dedup();
    for window in types.chunk_by(|a, b| a >> 8 == b >> 8) {
        write_window(window, data.octets);
    }
    Ok(())
}

/// Writes types that have their upper octet in common.
fn write_window(types: &[u16], octets: &mut Vec<u8>) {
    let mut bits = [0_u8; 32];
    let mut length = 0;
    let mut number = 0;
    for rtype in types {
        let [high, low] = rtype.to_be_bytes();
        if let Some(octet) = bits.get_mut(usize::from(low >> 3)) {
            *octet |= 0x80 >> (low & 7);
        }
        length = (low >> 3) + 1;
        number = high;
    }
    octets.extend_from_slice(&[number, length]);
    octets.extend_from_slice(bits.get(..usize::from(length)).unwrap_or_default());
}

fn parse(word: &Word<'_>) -> Result<Rtype, Problem> {
    word.as_str().and_then(Rtype::from_text).ok_or_else(|| {
        word.problem(code::UNKNOWN_TYPE, format!("{} is not a record type", word.shown()))
    })
}

/// Writes the types of a bitmap in order.
pub(super) fn write(octets: &mut Octets<'_>, line: &mut Line<'_>) -> fmt::Result {
    for rtype in listed_types(octets.take_rest()) {
        line.item(rtype)?;
    }
    Ok(())
}
