//! Reads a reply and shows it as text, for tests to compare whole.
//!
//! Written apart from the code under test: follows pointers, which that code never does.

use kereru::wire::header::{Flags, Header};
use kereru::wire::name::{Name, NameBuf};
use kereru::wire::numbers::{Class, Rcode, Rtype};
use kereru::zone::file::print;
use std::fmt::Write;

/// A record, the names in its data in full.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Record {
    pub owner: NameBuf,
    pub rtype: Rtype,
    pub class: u16,
    pub ttl: u32,
    pub rdata: Vec<u8>,
}

/// A reply in parts.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Message {
    pub header: Header,
    pub question: Option<(NameBuf, Rtype, Class)>,
    pub answers: Vec<Record>,
    pub authorities: Vec<Record>,
    pub additionals: Vec<Record>,
    /// Size, extended response code, version, flags and options.
    pub opt: Option<Record>,
}

struct Cursor<'m> {
    message: &'m [u8],
    at: usize,
}

impl Cursor<'_> {
    fn u16(&mut self) -> u16 {
        self.at += 2;
        u16::from_be_bytes(self.message[self.at - 2..self.at].try_into().unwrap())
    }

    fn u32(&mut self) -> u32 {
        u32::from(self.u16()) << 16 | u32::from(self.u16())
    }

    fn name(&mut self) -> NameBuf {
        let (mut wire, mut at, mut end) = (Vec::new(), self.at, None);
        loop {
            let length = usize::from(self.message[at]);
            if length >= 0xC0 {
                let target = (length & 0x3F) << 8 | usize::from(self.message[at + 1]);
                assert!(target < at, "a pointer that does not point backwards");
                end.get_or_insert(at + 2);
                at = target;
                continue;
            }
            assert!(length < 64, "a reserved label type");
            wire.extend_from_slice(&self.message[at..=at + length]);
            at += length + 1;
            if length == 0 {
                break;
            }
        }
        self.at = end.unwrap_or(at);
        Name::read(&wire).unwrap().to_buf()
    }

    fn record(&mut self) -> Record {
        let owner = self.name();
        let rtype = Rtype(self.u16());
        let (class, ttl, length) = (self.u16(), self.u32(), usize::from(self.u16()));
        let end = self.at + length;
        let mut rdata = Vec::new();
        let (before, names) = match rtype {
            Rtype::NS | Rtype::CNAME | Rtype::PTR | Rtype::MB | Rtype::MG | Rtype::MR => (0, 1),
            Rtype::MD | Rtype::MF => (0, 1),
            Rtype::SOA | Rtype::MINFO => (0, 2),
            Rtype::MX => (2, 1),
            _ => (0, 0),
        };
        rdata.extend_from_slice(&self.message[self.at..self.at + before]);
        self.at += before;
        for _ in 0..names {
            rdata.extend_from_slice(self.name().as_name().as_wire());
        }
        rdata.extend_from_slice(&self.message[self.at..end]);
        self.at = end;
        Record { owner, rtype, class, ttl, rdata }
    }
}

impl Message {
    /// Reads a whole reply; panics if anything is wrong with it.
    pub fn read(message: &[u8]) -> Self {
        let header = Header::read(message).unwrap();
        let mut cursor = Cursor { message, at: 12 };
        assert!(header.questions <= 1);
        let question = (header.questions == 1)
            .then(|| (cursor.name(), Rtype(cursor.u16()), Class(cursor.u16())));
        let mut section = |count| (0..count).map(|_| cursor.record()).collect::<Vec<Record>>();
        let answers = section(header.answers);
        let authorities = section(header.authorities);
        let mut additionals = section(header.additionals);
        assert_eq!(cursor.at, message.len(), "octets behind the message");
        let opt = additionals.iter().position(|record| record.rtype == Rtype::OPT);
        let opt = opt.map(|at| additionals.remove(at));
        Self { header, question, answers, authorities, additionals, opt }
    }

    /// The response code, the bits in the OPT record included.
    pub fn rcode(&self) -> Rcode {
        let high = self.opt.as_ref().map_or(0, |opt| (opt.ttl >> 24) as u16);
        Rcode(high << 4 | self.header.flags.0 & 0xF)
    }

    /// The reply as text: response code and flags, then a line a record.
    pub fn render(&self) -> String {
        let mut text = self.rcode().to_string();
        for (bit, name) in
            [(Flags::AA, "aa"), (Flags::TC, "tc"), (Flags::RA, "ra"), (Flags::AD, "ad")]
        {
            if self.header.flags.contains(bit) {
                write!(text, " {name}").unwrap();
            }
        }
        for (section, records) in [
            ("answer", &self.answers),
            ("authority", &self.authorities),
            ("additional", &self.additionals),
        ] {
            for record in records {
                let (owner, ttl, rtype) = (&record.owner, record.ttl, record.rtype);
                let rdata = print::rdata(rtype, &record.rdata);
                write!(text, "\n{section}: {owner} {ttl} {rtype} {rdata}").unwrap();
            }
        }
        text
    }
}

/// How a question is asked.
#[derive(Clone, Copy, Debug)]
pub struct Asking {
    pub edns_size: Option<u16>,
    pub dnssec_ok: bool,
}

impl Asking {
    /// Without EDNS.
    pub const PLAIN: Self = Self { edns_size: None, dnssec_ok: false };
}

/// A query for a name and type, RD clear.
pub fn query(name: &NameBuf, rtype: Rtype, asking: Asking) -> Vec<u8> {
    let mut message = vec![0x12, 0x34, 0, 0, 0, 1, 0, 0, 0, 0, 0, 0];
    message.extend_from_slice(name.as_name().as_wire());
    message.extend_from_slice(&rtype.0.to_be_bytes());
    message.extend_from_slice(&Class::IN.0.to_be_bytes());
    if let Some(size) = asking.edns_size {
        message[11] = 1;
        message.extend_from_slice(&[0, 0, 41]);
        message.extend_from_slice(&size.to_be_bytes());
        let flags = if asking.dnssec_ok { 0x80 } else { 0 };
        message.extend_from_slice(&[0, 0, flags, 0, 0, 0]);
    }
    message
}
