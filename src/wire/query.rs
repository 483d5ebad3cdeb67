//! One query, read from its octets without keeping a reference to them.
//!
//! The question stays where it lies, so that a reply can be written behind it in the same buffer.
//! Decides nothing about the answer.

use crate::wire::edns::Edns;
use crate::wire::error::{Field, WireError};
use crate::wire::folded::FoldedName;
use crate::wire::header::{HEADER_LEN, Header};
use crate::wire::numbers::{Class, Rtype};
use crate::wire::reader::Reader;

/// The question of a query, but for its name, which is folded apart.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Question {
    /// The type asked for.
    pub rtype: Rtype,
    /// The class asked for.
    pub class: Class,
    /// Octets of the message up to and with the question.
    pub end: usize,
}

/// What a query asks, and how.
#[derive(Clone, Copy, Debug)]
pub struct Query {
    /// The header.
    pub header: Header,
    /// The question.
    pub question: Question,
    /// What the OPT record says, if there is one.
    pub edns: Option<Edns>,
}

impl Query {
    /// Reads a query; the question's name goes to `name`.
    ///
    /// Records other than OPT are passed over, and so are octets behind the last record.
    ///
    /// # Errors
    ///
    /// Fails if there is not exactly one question (RFC 9619), if anything is cut short, or if an
    /// OPT record is not alone, not in the additional section or not at the root
    /// (RFC 6891 §6.1.1).
    pub fn read(message: &[u8], header: Header, name: &mut FoldedName) -> Result<Self, WireError> {
        if header.questions != 1 {
            return Err(WireError::QuestionCount(header.questions));
        }
        let mut reader = Reader::new(message, HEADER_LEN);
        // No earlier name exists for a pointer to point at (RFC 1035 §4.1.4).
        name.fold(reader.read_plain_name()?);
        let rtype = Rtype(reader.read_u16(Field::Qtype)?);
        let class = Class(reader.read_u16(Field::Qclass)?);
        let question = Question { rtype, class, end: reader.position() };
        for _ in 0..u32::from(header.answers) + u32::from(header.authorities) {
            let at = reader.position();
            if read_record(&mut reader)?.is_some() {
                return Err(WireError::Opt { at });
            }
        }
        let mut edns = None;
        for _ in 0..header.additionals {
            let at = reader.position();
            if let Some(found) = read_record(&mut reader)?
                && edns.replace(found).is_some()
            {
                return Err(WireError::Opt { at });
            }
        }
        Ok(Self { header, question, edns })
    }
}

/// Passes over one record; returns what it says if it is OPT.
fn read_record(reader: &mut Reader<'_>) -> Result<Option<Edns>, WireError> {
    let at = reader.position();
    reader.skip_name()?;
    let owner_len = reader.position() - at;
    let rtype = Rtype(reader.read_u16(Field::RecordHeader)?);
    if rtype == Rtype::OPT {
        // Only the root takes one octet.
        if owner_len != 1 {
            return Err(WireError::Opt { at });
        }
        return Edns::read(reader).map(Some);
    }
    let _class = reader.read_u16(Field::RecordHeader)?;
    let _ttl = reader.read_u32(Field::RecordHeader)?;
    let length = reader.read_u16(Field::RecordHeader)?;
    reader.read_octets(usize::from(length), Field::Rdata)?;
    Ok(None)
}

#[cfg(test)]
mod tests;
