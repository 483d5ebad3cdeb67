//! Messages of other servers, read record by record; the adapter to `hickory-proto`.
//!
//! The header is looked at first, and its counts are believed by nobody: memory grows with the
//! records that are there. Of each record the octets are kept, its names written in full; a record
//! whose data has not the fields of its type is left out, and the others stay. `Record::typed` gives the same
//! data as a type of `hickory-proto` to those who want its fields. Believes nothing that it reads:
//! that is the resolver's part. Off the path of cached and authoritative answers.

use hickory_proto::rr::{RData, RecordType};
use hickory_proto::serialize::binary::{BinDecoder, Restrict};

use crate::wire::edns::ResponseEdns;
use crate::wire::error::{Field, WireError};
use crate::wire::header::{Flags, HEADER_LEN, Header};
use crate::wire::name::{Name, NameArray, NameBuf};
use crate::wire::numbers::{Class, Opcode, Rcode, Rtype};
use crate::wire::query::Question;
use crate::wire::rdata::expand::expand;
use crate::wire::reader::Reader;

/// A record as it came.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Record {
    /// The name that owns it, in the case it came in.
    pub owner: NameBuf,
    /// Its type.
    pub rtype: Rtype,
    /// Its class.
    pub class: Class,
    /// Its time to live as it stood there, in seconds; the top bit may be set.
    pub ttl_secs: u32,
    /// Its data, names written in full, with the fields of its type; what these hold may be wrong.
    pub rdata: Box<[u8]>,
}

impl Record {
    /// The data with its fields as types; `None` where `hickory-proto` cannot read it. The octets of
    /// `rdata` are what counts: not everything survives the way through such types and back.
    pub fn typed(&self) -> Option<RData> {
        let length = u16::try_from(self.rdata.len()).ok()?;
        let mut decoder = BinDecoder::new(&self.rdata);
        RData::read(&mut decoder, RecordType::from(self.rtype.0), Restrict::new(length)).ok()
    }

    /// The name that is the whole data of a record of these types.
    pub fn target(&self) -> Option<Name<'_>> {
        match self.rtype {
            Rtype::NS | Rtype::CNAME | Rtype::DNAME | Rtype::PTR => Name::read(&self.rdata).ok(),
            _ => None,
        }
    }
}

/// The response of a server.
#[derive(Clone, Debug)]
pub struct Response {
    /// The header.
    pub header: Header,
    /// The name and the rest of the question; `None` if there is none.
    pub question: Option<(NameBuf, Question)>,
    /// The response code, its upper bits from the OPT record.
    pub rcode: Rcode,
    /// The records of the answer section.
    pub answers: Vec<Record>,
    /// The records of the authority section.
    pub authorities: Vec<Record>,
    /// The records of the additional section, without OPT.
    pub additionals: Vec<Record>,
    /// What the OPT record says, if there is one.
    pub edns: Option<ResponseEdns>,
    /// Records that were left out because their data has not the fields of their type.
    pub odd: usize,
}

impl Response {
    /// Reads a message.
    ///
    /// One that is marked as cut may end within a record: what came before is there.
    ///
    /// # Errors
    ///
    /// Fails if there is more than one question, or anything but the data of a record cannot be read.
    pub fn read(message: &[u8]) -> Result<Self, WireError> {
        let short = WireError::Short { field: Field::Header, at: 0 };
        let header = Header::read(message).ok_or(short)?;
        let mut reader = Reader::new(message, HEADER_LEN);
        let question = match header.questions {
            0 => None,
            1 => Some(read_question(&mut reader)?),
            count => return Err(WireError::QuestionCount(count)),
        };
        let mut response = Self {
            header,
            question,
            rcode: Rcode(header.flags.0 & 0xF),
            answers: Vec::new(),
            authorities: Vec::new(),
            additionals: Vec::new(),
            edns: None,
            odd: 0,
        };
        match response.read_sections(message, &mut reader) {
            Err(WireError::Short { .. }) if response.is_cut() => Ok(response),
            Err(error) => Err(error),
            Ok(()) => Ok(response),
        }
    }

    /// Whether a message may be a response to a request, as its head tells (RFC 5452 §9.1): its ID, and
    /// the question, which only who cannot read a query may leave out. Reads no record, so that
    /// what anybody sends costs little.
    pub fn may_answer(message: &[u8], id: u16, name: Name<'_>, rtype: Rtype) -> bool {
        let Some(header) = Header::read(message) else { return false };
        let is_response = header.flags.contains(Flags::QR)
            && header.flags.opcode() == Opcode::QUERY
            && header.id == id;
        let repeats = || {
            let mut reader = Reader::new(message, HEADER_LEN);
            let question = read_question(&mut reader).ok();
            question.is_some_and(|(repeated, question)| {
                repeated.as_name() == name && question.rtype == rtype && question.class == Class::IN
            })
        };
        let is_asked = match header.questions {
            0 => Rcode(header.flags.0 & 0xF) == Rcode::FORMERR,
            1 => repeats(),
            _ => false,
        };
        is_response && is_asked
    }

    /// Whether the message was cut to fit.
    pub fn is_cut(&self) -> bool {
        self.header.flags.contains(Flags::TC)
    }

    fn read_sections(&mut self, message: &[u8], reader: &mut Reader<'_>) -> Result<(), WireError> {
        let counts = [self.header.answers, self.header.authorities, self.header.additionals];
        for (number, count) in counts.into_iter().enumerate() {
            for _ in 0..count {
                match read_record(message, reader)? {
                    Part::Record(record) => match number {
                        0 => self.answers.push(record),
                        1 => self.authorities.push(record),
                        _ => self.additionals.push(record),
                    },
                    Part::Odd => self.odd += 1,
                    // Of several the first counts, and none that stands elsewhere.
                    Part::Opt(edns, rcode_high) if number == 2 && self.edns.is_none() => {
                        self.rcode.0 |= u16::from(rcode_high) << 4;
                        self.edns = Some(edns);
                    }
                    Part::Opt(..) => self.odd += 1,
                }
            }
        }
        Ok(())
    }
}

/// What stands where a record can stand.
enum Part {
    /// A record.
    Record(Record),
    /// A record whose data is not of its type.
    Odd,
    /// OPT, and the upper bits of the response code.
    Opt(ResponseEdns, u8),
}

fn read_question(reader: &mut Reader<'_>) -> Result<(NameBuf, Question), WireError> {
    let name = reader.read_plain_name()?.to_buf();
    let rtype = Rtype(reader.read_u16(Field::Qtype)?);
    let class = Class(reader.read_u16(Field::Qclass)?);
    Ok((name, Question { rtype, class }))
}

fn read_record(message: &[u8], reader: &mut Reader<'_>) -> Result<Part, WireError> {
    let mut owner = NameArray::new(Name::ROOT);
    reader.read_name(&mut owner)?;
    let rtype = Rtype(reader.read_u16(Field::RecordHeader)?);
    let class = reader.read_u16(Field::RecordHeader)?;
    let ttl_secs = reader.read_u32(Field::RecordHeader)?;
    let length = usize::from(reader.read_u16(Field::RecordHeader)?);
    let start = reader.position();
    let octets = reader.read_octets(length, Field::Rdata)?;
    if rtype == Rtype::OPT {
        let [rcode_high, ..] = ttl_secs.to_be_bytes();
        return Ok(Part::Opt(ResponseEdns::read(class, ttl_secs, octets), rcode_high));
    }
    match expand(rtype, message, start, start + length) {
        Ok(rdata) => {
            let owner = owner.as_name().to_buf();
            Ok(Part::Record(Record { owner, rtype, class: Class(class), ttl_secs, rdata }))
        }
        Err(_) => Ok(Part::Odd),
    }
}

#[cfg(test)]
mod tests;
