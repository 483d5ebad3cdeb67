//! `$GENERATE`: many records from one template, as BIND defines it.
//!
//! `$` stands for the number, `$$` for a dollar sign, `${offset,width,base}` for the number in
//! another form. Makes text; the records are read from it by the same code as all others.

use std::fmt::Write;

use crate::base::limits::GENERATE_MAX;
use crate::wire::name::NameBuf;
use crate::zone::file::code;
use crate::zone::file::entry::{Head, Parser, Parts, read_head};
use crate::zone::file::lexer::{Word, Words};
use crate::zone::file::problem::{Extent, Problem};
use crate::zone::file::rdata::number::decimal;
use crate::zone::file::rdata::{Data, read_name};
use crate::zone::file::read_text;

/// Characters that one number may be made wide: as many as a name or string can use.
const WIDTH_MAX: u32 = 255;

/// A `$GENERATE` that has been read, and how far it has come.
pub(super) struct Generation {
    next: Option<u32>,
    stop: u32,
    step: u32,
    owner: Template,
    data: Template,
    pub(super) head: Head,
}

/// Text in which the number stands in some places.
struct Template {
    pieces: Vec<Piece>,
    at: Extent,
}

enum Piece {
    Text(Vec<u8>),
    Number { offset: i32, width: usize, base: Base },
}

#[derive(Clone, Copy)]
enum Base {
    Decimal,
    Octal,
    Hex(Case),
    /// Hexadecimal digits, the last first, with dots between, as in names below ip6.arpa.
    Nibbles(Case),
}

#[derive(Clone, Copy)]
enum Case {
    Lower,
    Upper,
}

/// Reads what follows the directive: range, owner, TTL and class, type, and data in one word.
pub(super) fn read(parser: &Parser, words: &mut Words<'_>) -> Result<Generation, Problem> {
    let range = words.expect("a range")?;
    let (start, stop, step) = parse_range(&range)?;
    if u64::from((stop - start) / step) >= GENERATE_MAX {
        let message = format!("{} makes more than {GENERATE_MAX} records", range.shown());
        return Err(range.problem(code::GENERATE_TOO_MANY, message));
    }
    let owner = Template::read(&words.expect("an owner")?)?;
    let mut head = read_head(words, None)?;
    let data = Template::read(&words.expect_string("the data of the record")?)?;
    // Unlike a record of its own, an SOA that is made does not give its minimum, as in BIND.
    let ttl = head.ttl.or(parser.default_ttl).or(parser.last_ttl);
    head.ttl = Some(ttl.ok_or_else(|| head.without_ttl())?);
    Ok(Generation { next: Some(start), stop, step, owner, data, head })
}

/// A start, a stop and a step: `start-stop` or `start-stop/step`.
fn parse_range(word: &Word<'_>) -> Result<(u32, u32, u32), Problem> {
    let parse = || {
        let (range, step) = match split_at_octet(word.text, b'/') {
            Some((range, step)) => (range, decimal(step)?),
            None => (word.text, 1),
        };
        let (start, stop) = split_at_octet(range, b'-')?;
        Some((decimal(start)?, decimal(stop)?, step))
    };
    parse().filter(|&(start, stop, step)| start <= stop && step > 0).ok_or_else(|| {
        word.problem(code::GENERATE_RANGE, format!("{} is not a range", word.shown()))
            .hint("write start-stop or start-stop/step, with start not above stop")
    })
}

fn split_at_octet(text: &[u8], octet: u8) -> Option<(&[u8], &[u8])> {
    let at = text.iter().position(|&other| other == octet)?;
    Some((text.get(..at)?, text.get(at + 1..)?))
}

impl Generation {
    /// Makes the texts of the next record's owner and data, and says for which number; `None` at
    /// the end.
    pub(super) fn next(&mut self, owner: &mut Vec<u8>, data: &mut Vec<u8>) -> Option<u32> {
        let number = self.next?;
        self.next = number.checked_add(self.step).filter(|&next| next <= self.stop);
        self.owner.fill(number, owner);
        self.data.fill(number, data);
        Some(number)
    }

    /// Where the owner's template stands.
    pub(super) fn owner_at(&self) -> Extent {
        self.owner.at
    }

    /// Where the data's template stands.
    pub(super) fn data_at(&self) -> Extent {
        self.data.at
    }
}

/// The texts made for one record.
pub(super) struct Texts<'a> {
    pub(super) owner: &'a [u8],
    pub(super) data: &'a [u8],
}

impl Parser {
    /// Reads a record from texts that were made for its owner and its data.
    pub(super) fn read_generated(
        &mut self,
        generation: &Generation,
        texts: &Texts<'_>,
        owner_octets: &mut Vec<u8>,
    ) -> Result<(), Problem> {
        let (owner_at, data_at) = (generation.owner_at(), generation.data_at());
        let head = generation.head;
        let origin = self.origin.as_ref().map(NameBuf::as_name);
        owner_octets.clear();
        let word = Word { text: texts.owner, quoted: false, at: owner_at };
        read_name(&word, origin, owner_octets)?;
        self.rdata.clear();
        let (octets, scratch) = (&mut self.rdata, &mut self.scratch);
        let mut target = Data { rtype: head.rtype, origin, octets, scratch };
        read_text(texts.data, &mut target).map_err(|problem| problem.moved(data_at))?;
        self.parts = Parts { owner: owner_at, rdata: data_at, ..head.parts() };
        self.rtype = Some(head.rtype);
        self.ttl = self.settle_ttl(head)?;
        Ok(())
    }
}

impl Template {
    fn read(word: &Word<'_>) -> Result<Self, Problem> {
        let mut pieces = Vec::new();
        let mut text = Vec::new();
        let mut rest = word.text;
        while let Some((&octet, after)) = rest.split_first() {
            rest = after;
            match (octet, after.split_first()) {
                // Within quotes, a quote that belongs to the text has a backslash before it.
                (b'\\', Some((b'"', after))) if word.quoted => {
                    text.push(b'"');
                    rest = after;
                }
                (b'\\', Some((&escaped, after))) => {
                    text.extend_from_slice(&[octet, escaped]);
                    rest = after;
                }
                // A name or string takes a dollar sign as it is.
                (b'$', Some((b'$', after))) => {
                    text.push(b'$');
                    rest = after;
                }
                (b'$', following) => {
                    pieces.push(Piece::Text(std::mem::take(&mut text)));
                    let braced = following.filter(|&(&next, _)| next == b'{');
                    let (piece, after) = match braced {
                        Some((_, inner)) => read_braced(inner).ok_or_else(|| bad_braces(word))?,
                        None => (Piece::PLAIN, after),
                    };
                    pieces.push(piece);
                    rest = after;
                }
                _ => text.push(octet),
            }
        }
        pieces.push(Piece::Text(text));
        Ok(Self { pieces, at: word.at })
    }

    fn fill(&self, number: u32, text: &mut Vec<u8>) {
        text.clear();
        for piece in &self.pieces {
            match piece {
                Piece::Text(octets) => text.extend_from_slice(octets),
                &Piece::Number { offset, width, base } => {
                    let value = i64::from(number) + i64::from(offset);
                    text.extend_from_slice(write_number(value, width, base).as_bytes());
                }
            }
        }
    }
}

fn bad_braces(word: &Word<'_>) -> Problem {
    word.problem(code::GENERATE_TEMPLATE, format!("{} has a ${{…}} without sense", word.shown()))
        .hint("write ${offset}, ${offset,width} or ${offset,width,base} with a base of d, o, x, X, n or N, and a width up to 255")
}

/// Reads what follows `${`: an offset, perhaps a width, perhaps a base, and the closing brace.
fn read_braced(text: &[u8]) -> Option<(Piece, &[u8])> {
    let (inner, after) = split_at_octet(text, b'}')?;
    let mut parts = inner.split(|&octet| octet == b',');
    let offset = std::str::from_utf8(parts.next()?).ok()?.parse().ok()?;
    let width = match parts.next() {
        Some(width) => decimal(width).filter(|&width| width <= WIDTH_MAX)?,
        None => 0,
    };
    let base = match parts.next() {
        None | Some(b"d") => Base::Decimal,
        Some(b"o") => Base::Octal,
        Some(b"x") => Base::Hex(Case::Lower),
        Some(b"X") => Base::Hex(Case::Upper),
        Some(b"n") => Base::Nibbles(Case::Lower),
        Some(b"N") => Base::Nibbles(Case::Upper),
        Some(_) => return None,
    };
    let width = usize::try_from(width).ok()?;
    parts.next().is_none().then_some((Piece::Number { offset, width, base }, after))
}

impl Piece {
    /// The number alone.
    const PLAIN: Self = Self::Number { offset: 0, width: 0, base: Base::Decimal };
}

/// A number filled up with zeros; negative ones in other bases than ten as their 32 bits, as in
/// BIND.
fn write_number(value: i64, width: usize, base: Base) -> String {
    let bits = value & 0xFFFF_FFFF;
    match base {
        Base::Decimal => format!("{value:0width$}"),
        Base::Octal => format!("{bits:0width$o}"),
        Base::Hex(Case::Lower) => format!("{bits:0width$x}"),
        Base::Hex(Case::Upper) => format!("{bits:0width$X}"),
        Base::Nibbles(case) => write_nibbles(bits, width, case),
    }
}

/// The hexadecimal digits from the last to the first with dots between; the dots count as part
/// of the width, so that an even width ends with a dot.
fn write_nibbles(mut bits: i64, width: usize, case: Case) -> String {
    let mut text = String::new();
    loop {
        let nibble = bits & 0xF;
        // Writing to a string cannot fail.
        let _ = match case {
            Case::Lower => write!(text, "{nibble:x}"),
            Case::Upper => write!(text, "{nibble:X}"),
        };
        bits >>= 4;
        if bits != 0 || text.len() < width {
            text.push('.');
        }
        if bits == 0 && text.len() >= width {
            return text;
        }
    }
}

#[cfg(test)]
mod tests;
