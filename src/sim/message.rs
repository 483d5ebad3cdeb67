//! A whole message in parts, names in full: read from octets, written as octets, shown as text.
//!
//! Compares nothing and judges nothing: that is `sim::entry`. Written apart from the code that
//! writes replies, so that the two check each other.

use std::fmt;

use crate::wire::error::{Field, WireError};
use crate::wire::header::{Flags, HEADER_LEN, Header};
use crate::wire::name::{Name, NameArray, NameBuf};
use crate::wire::numbers::{Class, Opcode, Rcode, Rtype};
use crate::wire::rdata::{self, fixed_len};
use crate::wire::reader::Reader;
use crate::wire::writer::Section;
use crate::zone::file::print;

/// The size over UDP that scripted messages offer, in octets.
pub const UDP_SIZE: u16 = 1232;

/// The bits of the flags that say neither the opcode nor the response code, with their names.
const FLAGS: [(u16, &str); 8] = [
    (Flags::QR, "qr"),
    (Flags::AA, "aa"),
    (Flags::TC, "tc"),
    (Flags::RD, "rd"),
    (Flags::RA, "ra"),
    (0x0040, "z"),
    (Flags::AD, "ad"),
    (Flags::CD, "cd"),
];

/// The bits of the flags of EDNS that have names (RFC 3225 §3, RFC 9824 §5.1).
const EDNS_FLAGS: [(u16, &str); 2] = [(Edns::DO, "do"), (Edns::CO, "co")];

/// A question with its name.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Question {
    /// The name, in the case it was written.
    pub name: NameBuf,
    /// The type asked for.
    pub rtype: Rtype,
    /// The class asked for.
    pub class: Class,
}

impl Question {
    fn read(reader: &mut Reader<'_>) -> Result<Self, WireError> {
        let name = read_name(reader)?;
        let rtype = Rtype(reader.read_u16(Field::Qtype)?);
        let class = Class(reader.read_u16(Field::Qclass)?);
        Ok(Self { name, rtype, class })
    }
}

impl fmt::Display for Question {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {} {}", self.name, self.class, self.rtype)
    }
}

/// A record, the names in its data in full.
#[derive(Clone, Debug)]
pub struct Record {
    /// Its owner.
    pub owner: NameBuf,
    /// Its type.
    pub rtype: Rtype,
    /// Its class.
    pub class: Class,
    /// Its time to live in seconds, as the 32 bits of the message.
    pub ttl: u32,
    /// Its data.
    pub rdata: Vec<u8>,
}

impl Record {
    fn read(reader: &mut Reader<'_>) -> Result<Self, WireError> {
        let owner = read_name(reader)?;
        let rtype = Rtype(reader.read_u16(Field::RecordHeader)?);
        let class = Class(reader.read_u16(Field::RecordHeader)?);
        let ttl = reader.read_u32(Field::RecordHeader)?;
        let length = reader.read_u16(Field::RecordHeader)?;
        let rdata = read_rdata(reader, rtype, usize::from(length))?;
        Ok(Self { owner, rtype, class, ttl, rdata })
    }

    fn write(&self, octets: &mut Vec<u8>) {
        octets.extend_from_slice(self.owner.as_name().as_wire());
        octets.extend_from_slice(&self.rtype.0.to_be_bytes());
        octets.extend_from_slice(&self.class.0.to_be_bytes());
        octets.extend_from_slice(&self.ttl.to_be_bytes());
        octets.extend_from_slice(&length_of(&self.rdata).to_be_bytes());
        octets.extend_from_slice(&self.rdata);
    }
}

impl fmt::Display for Record {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { owner, rtype, class, ttl, rdata } = self;
        write!(f, "{owner} {ttl} {class} {rtype} {}", print::rdata(*rtype, rdata))
    }
}

/// What an OPT record says.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Edns {
    /// The largest message over UDP that its sender takes, in octets.
    pub udp_size: u16,
    /// The upper eight bits of the response code.
    pub rcode_high: u8,
    /// The version.
    pub version: u8,
    /// The flags.
    pub flags: u16,
    /// The options as octets, which may be malformed.
    pub options: Vec<u8>,
}

impl Edns {
    /// DNSSEC records are wanted (RFC 3225 §3).
    pub const DO: u16 = 0x8000;
    /// Compact denials are understood (RFC 9824 §5.1).
    pub const CO: u16 = 0x4000;

    /// Version 0, without flags or options.
    pub fn plain() -> Self {
        Self { udp_size: UDP_SIZE, rcode_high: 0, version: 0, flags: 0, options: Vec::new() }
    }

    fn of(record: &Record) -> Self {
        let [rcode_high, version, flags_high, flags_low] = record.ttl.to_be_bytes();
        let flags = u16::from_be_bytes([flags_high, flags_low]);
        let options = record.rdata.clone();
        Self { udp_size: record.class.0, rcode_high, version, flags, options }
    }

    fn to_record(&self) -> Record {
        let [flags_high, flags_low] = self.flags.to_be_bytes();
        Record {
            owner: NameBuf::root(),
            rtype: Rtype::OPT,
            class: Class(self.udp_size),
            ttl: u32::from_be_bytes([self.rcode_high, self.version, flags_high, flags_low]),
            rdata: self.options.clone(),
        }
    }

    /// The options up to the first that is malformed: code and value.
    pub fn options(&self) -> impl Iterator<Item = (u16, &[u8])> {
        let mut reader = Reader::new(&self.options, 0);
        std::iter::from_fn(move || {
            let code = reader.read_u16(Field::EdnsOption).ok()?;
            let length = reader.read_u16(Field::EdnsOption).ok()?;
            let value = reader.read_octets(usize::from(length), Field::EdnsOption).ok()?;
            Some((code, value))
        })
    }

    /// Takes out the first option with this code.
    pub fn take_option(&mut self, code: u16) -> Option<Vec<u8>> {
        let all: Vec<(u16, Vec<u8>)> =
            self.options().map(|(code, value)| (code, value.to_vec())).collect();
        let at = all.iter().position(|option| option.0 == code)?;
        self.options.clear();
        let mut taken = None;
        for (number, (code, value)) in all.into_iter().enumerate() {
            if number == at {
                taken = Some(value);
            } else {
                self.push_option(code, &value);
            }
        }
        taken
    }

    /// Adds an option.
    pub fn push_option(&mut self, code: u16, value: &[u8]) {
        self.options.extend_from_slice(&code.to_be_bytes());
        self.options.extend_from_slice(&length_of(value).to_be_bytes());
        self.options.extend_from_slice(value);
    }
}

impl fmt::Display for Edns {
    /// Writes all but the size, which is the sender's own matter.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "version {}, flags{}", self.version, bits(self.flags, &EDNS_FLAGS))?;
        let mut known = 0;
        for (code, value) in self.options() {
            write!(f, ", option {code} {}", Hex(value))?;
            known += 4 + value.len();
        }
        match self.options.get(known..) {
            None | Some([]) => Ok(()),
            Some(rest) => write!(f, ", malformed options {}", Hex(rest)),
        }
    }
}

/// A message.
#[derive(Clone, Debug)]
pub struct Message {
    /// The number by which the client knows the reply.
    pub id: u16,
    /// Flags, opcode and low response code.
    pub flags: Flags,
    /// The questions.
    pub questions: Vec<Question>,
    /// The records of the answer, authority and additional section, but for OPT.
    pub sections: [Vec<Record>; 3],
    /// The OPT record.
    pub edns: Option<Edns>,
    /// Octets behind the last record.
    pub trailing: usize,
}

impl Message {
    /// A message of zeros.
    pub fn new() -> Self {
        Self {
            id: 0,
            flags: Flags(0),
            questions: Vec::new(),
            sections: [const { Vec::new() }; 3],
            edns: None,
            trailing: 0,
        }
    }

    /// Reads a message.
    ///
    /// # Errors
    ///
    /// Fails if anything in it is cut short or a name is malformed.
    pub fn read(octets: &[u8]) -> Result<Self, WireError> {
        let short = WireError::Short { field: Field::Header, at: 0 };
        let header = Header::read(octets).ok_or(short)?;
        let mut reader = Reader::new(octets, HEADER_LEN);
        let mut message = Self { id: header.id, flags: header.flags, ..Self::new() };
        for _ in 0..header.questions {
            message.questions.push(Question::read(&mut reader)?);
        }
        let counts = [header.answers, header.authorities, header.additionals];
        for (section, count) in message.sections.iter_mut().zip(counts) {
            for _ in 0..count {
                section.push(Record::read(&mut reader)?);
            }
        }
        message.trailing = octets.len().saturating_sub(reader.position());
        let additionals = message.section_mut(Section::Additional);
        let is_opt = |record: &Record| record.rtype == Rtype::OPT;
        if let Some(at) = additionals.iter().position(is_opt) {
            message.edns = Some(Edns::of(&additionals.remove(at)));
        }
        Ok(message)
    }

    /// The message as octets, without compression; longer than 65,535 octets if it is too long.
    pub fn write(&self) -> Vec<u8> {
        let [answers, authorities, additionals] = self.sections.each_ref().map(|s| count_of(s));
        let header = Header {
            id: self.id,
            flags: self.flags,
            questions: count_of(&self.questions),
            answers,
            authorities,
            additionals: additionals.saturating_add(u16::from(self.edns.is_some())),
        };
        let mut octets = vec![0; HEADER_LEN];
        header.write(&mut octets);
        for Question { name, rtype, class } in &self.questions {
            octets.extend_from_slice(name.as_name().as_wire());
            octets.extend_from_slice(&rtype.0.to_be_bytes());
            octets.extend_from_slice(&class.0.to_be_bytes());
        }
        self.sections.iter().flatten().for_each(|record| record.write(&mut octets));
        if let Some(edns) = &self.edns {
            edns.to_record().write(&mut octets);
        }
        octets
    }

    /// The records of a section.
    pub fn section(&self, section: Section) -> &[Record] {
        let [answers, authorities, additionals] = &self.sections;
        match section {
            Section::Answer => answers,
            Section::Authority => authorities,
            Section::Additional => additionals,
        }
    }

    /// The records of a section, to be changed.
    pub fn section_mut(&mut self, section: Section) -> &mut Vec<Record> {
        let [answers, authorities, additionals] = &mut self.sections;
        match section {
            Section::Answer => answers,
            Section::Authority => authorities,
            Section::Additional => additionals,
        }
    }

    /// The response code, the bits in the OPT record included.
    pub fn rcode(&self) -> Rcode {
        let high = self.edns.as_ref().map_or(0, |edns| u16::from(edns.rcode_high));
        Rcode(high << 4 | self.flags.0 & 0xF)
    }

    /// Sets the response code; one above 15 needs an OPT record, which is added.
    pub fn set_rcode(&mut self, rcode: Rcode) {
        self.flags.0 = self.flags.0 & !0xF | rcode.0 & 0xF;
        let high = (rcode.0 >> 4 & 0xFF) as u8;
        if high > 0 || self.edns.is_some() {
            self.edns.get_or_insert_with(Edns::plain).rcode_high = high;
        }
    }

    /// Sets the opcode.
    pub fn set_opcode(&mut self, opcode: Opcode) {
        self.flags.0 = self.flags.0 & !0x7800 | u16::from(opcode.0 & 0xF) << 11;
    }

    /// The names of the flags that are set, each after a blank.
    pub fn flag_names(&self) -> String {
        bits(self.flags.0 & !0x780F, &FLAGS)
    }
}

impl Default for Message {
    fn default() -> Self {
        Self::new()
    }
}

impl fmt::Display for Message {
    /// Writes the message much as dig shows it.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (opcode, rcode, flags) = (opcode_name(self.flags), self.rcode(), self.flag_names());
        write!(f, ";; opcode {opcode}, status {rcode}, flags{flags}")?;
        if let Some(edns) = &self.edns {
            write!(f, "\n;; EDNS {edns}")?;
        }
        write!(f, "\n;; QUESTION")?;
        self.questions.iter().try_for_each(|question| write!(f, "\n{question}"))?;
        for section in SECTIONS {
            let records = self.section(section);
            if !records.is_empty() {
                write!(f, "\n;; {}", section_name(section))?;
            }
            records.iter().try_for_each(|record| write!(f, "\n{record}"))?;
        }
        if self.trailing > 0 {
            write!(f, "\n;; {} octets behind the last record", self.trailing)?;
        }
        Ok(())
    }
}

/// The sections in the order of a message.
pub const SECTIONS: [Section; 3] = [Section::Answer, Section::Authority, Section::Additional];

/// A section as scripts name it.
pub fn section_name(section: Section) -> &'static str {
    match section {
        Section::Answer => "ANSWER",
        Section::Authority => "AUTHORITY",
        Section::Additional => "ADDITIONAL",
    }
}

/// The mnemonic of the opcode, or its number.
pub fn opcode_name(flags: Flags) -> String {
    let opcode = flags.opcode();
    opcode.mnemonic().map_or_else(|| format!("OPCODE{}", opcode.0), str::to_owned)
}

/// Octets as hexadecimal digits.
pub struct Hex<'a>(pub &'a [u8]);

impl fmt::Display for Hex<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.iter().try_for_each(|octet| write!(f, "{octet:02x}"))
    }
}

/// The names of the bits that are set, each after a blank, and the bits without a name as a number.
fn bits(set: u16, names: &[(u16, &str)]) -> String {
    let mut text = String::new();
    let mut left = set;
    for (bit, name) in names {
        if set & bit != 0 {
            text.push(' ');
            text.push_str(name);
            left &= !bit;
        }
    }
    if left != 0 {
        text.push_str(&format!(" {left:#06x}"));
    }
    text
}

fn read_name(reader: &mut Reader<'_>) -> Result<NameBuf, WireError> {
    let mut name = NameArray::new(Name::ROOT);
    reader.read_name(&mut name)?;
    Ok(name.as_name().to_buf())
}

/// Reads record data, its compressed names in full. What is malformed stays as it is, but for names.
fn read_rdata(reader: &mut Reader<'_>, rtype: Rtype, length: usize) -> Result<Vec<u8>, WireError> {
    let (start, mut cursor) = (reader.position(), *reader);
    let rdata = reader.read_octets(length, Field::Rdata)?;
    let short = WireError::Short { field: Field::Rdata, at: start };
    let mut octets = Vec::with_capacity(length);
    for &field in rdata::fields(rtype) {
        let rest = rdata.get(cursor.position() - start..).ok_or(short)?;
        if let rdata::Field::Name(_) = field {
            octets.extend_from_slice(read_name(&mut cursor)?.as_name().as_wire());
            continue;
        }
        match fixed_len(field, rest) {
            Some(length) if length <= rest.len() => {
                octets.extend_from_slice(cursor.read_octets(length, Field::Rdata)?);
            }
            Some(_) | None => break,
        }
    }
    octets.extend_from_slice(rdata.get(cursor.position() - start..).ok_or(short)?);
    Ok(octets)
}

fn length_of(octets: &[u8]) -> u16 {
    u16::try_from(octets.len()).unwrap_or(u16::MAX)
}

fn count_of<T>(items: &[T]) -> u16 {
    u16::try_from(items.len()).unwrap_or(u16::MAX)
}

#[cfg(test)]
mod tests;
