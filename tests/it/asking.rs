//! Queries that can be bent where no honest client bends them, and what a reply's OPT record says.

use crate::message::Message;
use crate::world::name;
use kereru::wire::numbers::Rtype;

pub const NSID: u16 = 3;
pub const EXPIRE: u16 = 9;
pub const COOKIE: u16 = 10;
pub const KEEPALIVE: u16 = 11;
const EXTENDED_ERROR: u16 = 15;

/// The part of a cookie that the client makes up.
pub const CLIENT: &[u8; 8] = b"clientrn";

/// A query in parts that can be bent one by one.
#[derive(Clone)]
pub struct Asking {
    pub flags: u16,
    pub questions: u16,
    pub name: Vec<u8>,
    pub rtype: u16,
    pub class: u16,
    /// What stands in the answer, authority and additional section before OPT.
    pub records: [Vec<Vec<u8>>; 3],
    pub opt: Option<Opt>,
    /// What comes after OPT in the additional section.
    pub last: Option<Vec<u8>>,
}

#[derive(Clone)]
pub struct Opt {
    pub size: u16,
    pub version: u8,
    pub flags: u16,
    pub options: Vec<(u16, Vec<u8>)>,
}

/// The question for the SOA of example., without EDNS.
pub fn soa() -> Asking {
    Asking {
        flags: 0,
        questions: 1,
        name: name("example.").as_name().as_wire().to_vec(),
        rtype: Rtype::SOA.0,
        class: 1,
        records: [const { Vec::new() }; 3],
        opt: None,
        last: None,
    }
}

impl Asking {
    pub fn flags(self, flags: u16) -> Self {
        Self { flags, ..self }
    }

    pub fn of(self, qname: &str, rtype: u16, class: u16) -> Self {
        Self { name: name(qname).as_name().as_wire().to_vec(), rtype, class, ..self }
    }

    pub fn edns(self, version: u8, flags: u16, options: &[(u16, &[u8])]) -> Self {
        let options = options.iter().map(|&(code, value)| (code, value.to_vec())).collect();
        Self { opt: Some(Opt { size: 1232, version, flags, options }), ..self }
    }

    pub fn option(self, code: u16, value: &[u8]) -> Self {
        self.edns(0, 0, &[(code, value)])
    }

    pub fn bytes(&self) -> Vec<u8> {
        let mut message = vec![0x12, 0x34];
        let [answers, authorities, additionals] = self.records.each_ref().map(Vec::len);
        let additionals =
            additionals + usize::from(self.opt.is_some()) + usize::from(self.last.is_some());
        let counts = [answers, authorities, additionals].map(|count| count as u16);
        for number in [self.flags, self.questions].into_iter().chain(counts) {
            message.extend_from_slice(&number.to_be_bytes());
        }
        for _ in 0..self.questions {
            message.extend_from_slice(&self.name);
            message.extend_from_slice(&self.rtype.to_be_bytes());
            message.extend_from_slice(&self.class.to_be_bytes());
        }
        message.extend(self.records.concat().concat());
        message.extend(self.opt.as_ref().map(Opt::bytes).unwrap_or_default());
        message.extend_from_slice(self.last.as_deref().unwrap_or_default());
        message
    }
}

impl Opt {
    pub fn bytes(&self) -> Vec<u8> {
        let mut options = Vec::new();
        for (code, value) in &self.options {
            options.extend_from_slice(&code.to_be_bytes());
            options.extend_from_slice(&(value.len() as u16).to_be_bytes());
            options.extend_from_slice(value);
        }
        let mut record = vec![0, 0, 41];
        record.extend_from_slice(&self.size.to_be_bytes());
        record.extend_from_slice(&[0, self.version]);
        record.extend_from_slice(&self.flags.to_be_bytes());
        record.extend_from_slice(&(options.len() as u16).to_be_bytes());
        record.extend(options);
        record
    }
}

/// An OPT record without options.
pub fn bare_opt() -> Vec<u8> {
    Opt { size: 1232, version: 0, flags: 0, options: Vec::new() }.bytes()
}

/// Options of a reply by code, and the code of its extended error.
pub fn options_of(reply: &Message) -> (Vec<u16>, Option<u16>) {
    let (mut codes, mut error) = (Vec::new(), None);
    for (code, value) in values_of(reply) {
        if code == EXTENDED_ERROR {
            error = Some(u16::from_be_bytes(value.try_into().unwrap()));
        } else {
            codes.push(code);
        }
    }
    (codes, error)
}

pub fn values_of(reply: &Message) -> Vec<(u16, Vec<u8>)> {
    let mut rest = reply.opt.as_ref().map(|opt| &opt.rdata[..]).unwrap_or_default();
    let mut found = Vec::new();
    while let [a, b, c, d, value @ ..] = rest {
        let (value, after) = value.split_at(usize::from(u16::from_be_bytes([*c, *d])));
        found.push((u16::from_be_bytes([*a, *b]), value.to_vec()));
        rest = after;
    }
    found
}

/// The value of an option of a reply.
pub fn value_of(reply: &Message, code: u16) -> Option<Vec<u8>> {
    values_of(reply).into_iter().find(|(found, _)| *found == code).map(|(_, value)| value)
}

/// Version and flags in a reply's OPT record.
pub fn version_and_flags(reply: &Message) -> (u8, u16) {
    let ttl = reply.opt.as_ref().unwrap().ttl;
    ((ttl >> 16) as u8, ttl as u16)
}

/// A TSIG record with this owner, of a key that nobody has.
pub fn tsig(owner: &[u8]) -> Vec<u8> {
    let rdata: &[u8] = b"\x0Bhmac-sha256\0\0\0\x5C\xF7\x9F\x11\x01\x2C\0\x04hash\x12\x34\0\0\0\0";
    let length = [0, rdata.len() as u8];
    [owner, b"\0\xFA\0\xFF\0\0\0\0", &length[..], rdata].concat()
}
