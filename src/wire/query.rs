//! One query, read from its octets without keeping a reference to them.
//!
//! The question stays where it lies, so that a reply can be written behind it in the same buffer.
//! Decides nothing about the answer.

use crate::wire::edns::{Edns, Options};
use crate::wire::error::{Field, WireError};
use crate::wire::folded::FoldedName;
use crate::wire::header::{HEADER_LEN, Header};
use crate::wire::name::Name;
use crate::wire::numbers::{Class, Rtype};
use crate::wire::reader::Reader;

/// The question of a query, but for its name, which is folded apart.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Question {
    /// The type asked for.
    pub rtype: Rtype,
    /// The class asked for.
    pub class: Class,
}

/// What a query asks, and how.
#[derive(Clone, Copy, Debug)]
pub struct Query {
    /// The header.
    pub header: Header,
    /// The question; `None` if only a cookie is asked for (RFC 7873 §5.4).
    pub question: Option<Question>,
    /// Octets of the message up to and with the question.
    pub question_end: usize,
    /// What the OPT record says, if there is one.
    pub edns: Option<Edns>,
    /// Where the TSIG record begins, if there is one.
    pub tsig_at: Option<usize>,
}

impl Query {
    /// A query of which the header alone is known.
    pub fn new(header: Header) -> Self {
        Self { header, question: None, question_end: HEADER_LEN, edns: None, tsig_at: None }
    }

    /// Reads what follows the header of `message`; the question's name goes to `name`.
    ///
    /// Records other than OPT and TSIG are passed over, and so are octets behind the last record.
    /// Where it fails, the question and the OPT record are there if they could be read.
    ///
    /// # Errors
    ///
    /// Fails if there is not exactly one question (RFC 9619), nor none and a cookie
    /// (RFC 7873 §5.4); if anything is cut short; if an OPT record is not alone, not in the
    /// additional section or not at the root (RFC 6891 §6.1.1); if a TSIG record is not the last
    /// record of the additional section (RFC 8945 §5.1).
    pub fn read(&mut self, message: &[u8], name: &mut FoldedName) -> Result<(), WireError> {
        let mut reader = Reader::new(message, HEADER_LEN);
        match self.header.questions {
            0 => name.fold(Name::ROOT),
            1 => self.question = Some(Question::read(&mut reader, name)?),
            count => return Err(WireError::QuestionCount(count)),
        }
        self.question_end = reader.position();
        let read = self.read_records(&mut reader);
        if let Err(WireError::Opt { .. }) = read {
            // Nobody knows which of several OPT records counts.
            self.edns = None;
        }
        read?;
        let has_cookie = self.edns.is_some_and(|edns| edns.cookie.is_some());
        if self.question.is_none() && !has_cookie {
            return Err(WireError::QuestionCount(0));
        }
        Ok(())
    }

    /// Forgets the question, so that a reply does not repeat it.
    pub fn drop_question(&mut self, name: &mut FoldedName) {
        name.fold(Name::ROOT);
        self.question = None;
        self.question_end = HEADER_LEN;
    }

    /// Goes on behind what is wrong but can be read: an OPT record may follow.
    fn read_records(&mut self, reader: &mut Reader<'_>) -> Result<(), WireError> {
        let mut sound = Ok(());
        for _ in 0..u32::from(self.header.answers) + u32::from(self.header.authorities) {
            let at = reader.position();
            match read_record(reader)? {
                Record::Other => (),
                Record::Opt(..) => return Err(WireError::Opt { at }),
                Record::Tsig => sound = sound.and(Err(WireError::Tsig { at })),
            }
        }
        for left in (0..self.header.additionals).rev() {
            let at = reader.position();
            match read_record(reader)? {
                Record::Other => (),
                Record::Opt(found, options) if self.edns.is_none() => {
                    let taken = self.edns.insert(found).take(options);
                    sound = sound.and(taken);
                }
                Record::Opt(..) => return Err(WireError::Opt { at }),
                Record::Tsig if left == 0 => self.tsig_at = Some(at),
                Record::Tsig => sound = sound.and(Err(WireError::Tsig { at })),
            }
        }
        sound
    }
}

impl Question {
    fn read(reader: &mut Reader<'_>, name: &mut FoldedName) -> Result<Self, WireError> {
        // No earlier name exists for a pointer to point at (RFC 1035 §4.1.4).
        name.fold(reader.read_plain_name()?);
        let rtype = Rtype(reader.read_u16(Field::Qtype)?);
        let class = Class(reader.read_u16(Field::Qclass)?);
        Ok(Self { rtype, class })
    }
}

/// A record of a query, as far as it matters.
enum Record<'m> {
    /// OPT, and what it says.
    Opt(Edns, Options<'m>),
    /// TSIG.
    Tsig,
    /// Anything else.
    Other,
}

/// Passes over one record.
fn read_record<'m>(reader: &mut Reader<'m>) -> Result<Record<'m>, WireError> {
    let at = reader.position();
    reader.skip_name()?;
    let owner_len = reader.position() - at;
    let rtype = Rtype(reader.read_u16(Field::RecordHeader)?);
    if rtype == Rtype::OPT {
        // Only the root takes one octet.
        if owner_len != 1 {
            return Err(WireError::Opt { at });
        }
        return Edns::read(reader).map(|(edns, options)| Record::Opt(edns, options));
    }
    let _class = reader.read_u16(Field::RecordHeader)?;
    let _ttl = reader.read_u32(Field::RecordHeader)?;
    let length = reader.read_u16(Field::RecordHeader)?;
    reader.read_octets(usize::from(length), Field::Rdata)?;
    Ok(if rtype == Rtype::TSIG { Record::Tsig } else { Record::Other })
}

#[cfg(test)]
mod tests;
