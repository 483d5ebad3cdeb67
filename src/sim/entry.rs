//! A scripted message: what it is compared with, and the reply that is made of it.
//!
//! One entry serves both ways, as in Unbound's testbound: in a range it says which requests it
//! matches and is the template of the reply, in a check it says what is expected. Reads no text;
//! `sim::script` makes entries.

use std::borrow::Cow;
use std::fmt;

use crate::metrics::Transport;
use crate::sim::message::{
    Edns, Hex, Message, Question, Record, SECTIONS, opcode_name, section_name,
};
use crate::wire::error::Field;
use crate::wire::header::{HEADER_LEN, Header};
use crate::wire::numbers::Rtype;
use crate::wire::rdata::canonical::canonical_rdata;
use crate::wire::reader::Reader;
use crate::wire::writer::Section;

/// The option that tells the client's network (RFC 7871 §6).
const CLIENT_SUBNET: u16 = 8;

/// The option that holds a cookie (RFC 7873 §4).
const COOKIE: u16 = 10;

/// The option that tells more of an error (RFC 8914 §2).
const EXTENDED_ERROR: u16 = 15;

/// Octets of a cookie that has only the client's part.
const CLIENT_COOKIE_LEN: usize = 8;

/// The server's part of a cookie, as long as RFC 9018 makes it.
const SERVER_COOKIE: &[u8; 16] = b"of this scenario";

/// Octets of a cookie with such a part.
const WHOLE_COOKIE_LEN: usize = CLIENT_COOKIE_LEN + SERVER_COOKIE.len();

/// What of a message is compared with the entry: one word of a `MATCH` line.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Part {
    /// `opcode`.
    Opcode,
    /// `qtype`: the type of the first question.
    Qtype,
    /// `qname`: the name of the first question.
    Qname,
    /// `subdomain`: the name of the first question is that of the entry or below it.
    Subdomain,
    /// `rcode`, the bits in the OPT record included.
    Rcode,
    /// `question`: the whole section.
    Question,
    /// `answer`: the whole section.
    Answer,
    /// `all`: everything but the ID and the size that EDNS offers.
    All,
    /// `all_noedns`: the same without EDNS.
    AllButEdns,
    /// `ttl`: where records are compared, so are their times to live.
    Ttl,
    /// `DO`: the message has the DO bit (RFC 3225 §3).
    DnssecOk,
    /// `CO`: the message has the CO bit (RFC 9824 §5.1).
    CompactOk,
    /// `noedns`: the message has no OPT record.
    NoEdns,
    /// `ednsdata`: the options of EDNS, octet for octet.
    EdnsData,
    /// `serial=N`: the serial of the SOA record in the authority section (RFC 1995 §3).
    Serial(u32),
    /// `ede=N` or `ede=any`: the code of the extended error (RFC 8914 §2), which then does not count
    /// for what else is compared.
    ExtendedError(Option<u16>),
    /// `client_cookie`: a cookie without a part of the server's, which then does not count.
    ClientCookie,
    /// `server_cookie`: a cookie with a part of the server's, which then does not count.
    ServerCookie,
    /// `UDP` or `TCP`.
    Transport(Transport),
}

/// How the template becomes a reply: one word of an `ADJUST` line.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Adjustment {
    /// `copy_id`: the reply has the ID of the request.
    CopyId,
    /// `copy_query`: the reply has the questions of the request, in their case.
    CopyQuery,
    /// `copy_ednsdata_assume_clientsubnet`: the reply has the options of the request, and the scope
    /// of its client subnet is the length of its source (RFC 7871 §6).
    CopyClientSubnet,
    /// `increment_ecs_scope`: that scope is longer by one bit.
    LengthenScope,
    /// `add_server_cookie`: the reply has the client's part of the request's cookie, and a part of the
    /// server's (RFC 7873 §5.2). Of our own.
    AddServerCookie,
    /// `sleep=N`: the reply comes so many seconds later; `sleep_us=N`, of our own, so many
    /// microseconds, which are kept here.
    Sleep(u64),
    /// `unreachable`: instead of the reply comes the news that the server cannot be reached. Of our
    /// own.
    Unreachable,
}

/// A scripted message.
#[derive(Clone, Debug)]
pub struct Entry {
    /// The line of its `ENTRY_BEGIN`, from 1.
    pub line: u32,
    /// What is compared.
    pub parts: Vec<Part>,
    /// The message.
    pub template: Message,
    /// How a reply is made of it.
    pub adjustments: Vec<Adjustment>,
    /// Octets to send instead of the template.
    pub raw: Option<Vec<u8>>,
}

/// One way in which a message is not as the entry says.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Difference {
    /// A part that has another value.
    Value {
        /// The part.
        part: &'static str,
        /// Its value in the entry.
        expected: String,
        /// Its value in the message.
        got: String,
    },
    /// Something that a section lacks.
    Missing {
        /// The section.
        section: &'static str,
        /// What it lacks.
        item: String,
    },
    /// Something that a section has and should not.
    Unexpected {
        /// The section.
        section: &'static str,
        /// What it has.
        item: String,
    },
}

impl fmt::Display for Difference {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Value { part, expected, got } => {
                write!(f, "{part}: expected {expected}, got {got}")
            }
            Self::Missing { section, item } => write!(f, "{section}: missing {item}"),
            Self::Unexpected { section, item } => write!(f, "{section}: unexpected {item}"),
        }
    }
}

impl Entry {
    /// Whether the entry says that this is compared.
    pub fn compares(&self, part: Part) -> bool {
        self.parts.contains(&part)
    }

    /// Whether a reply is adjusted like this.
    pub fn adjusts(&self, adjustment: Adjustment) -> bool {
        self.adjustments.contains(&adjustment)
    }

    /// Whether the entry answers a request that a step checks with it.
    pub fn answers(&self) -> bool {
        self.adjustments.iter().any(|adjustment| match adjustment {
            Adjustment::CopyId | Adjustment::Sleep(_) | Adjustment::Unreachable => true,
            Adjustment::CopyQuery
            | Adjustment::CopyClientSubnet
            | Adjustment::LengthenScope
            | Adjustment::AddServerCookie => false,
        })
    }

    /// Microseconds that the reply takes.
    pub fn delay_us(&self) -> u64 {
        let micros = self.adjustments.iter().filter_map(|adjustment| {
            let Adjustment::Sleep(micros) = adjustment else { return None };
            Some(*micros)
        });
        micros.max().unwrap_or(0)
    }

    /// How a message differs from the entry in what the entry compares; nothing if it matches.
    pub fn differences(&self, message: &Message, transport: Transport) -> Vec<Difference> {
        let mut found = Found(Vec::new());
        let mut got = Cow::Borrowed(message);
        for part in &self.parts {
            if let Part::ExtendedError(code) = part {
                found.extended_error(*code, &mut got);
            }
        }
        if self.compares(Part::ClientCookie) {
            found.cookie(CLIENT_COOKIE_LEN, &mut got);
        }
        if self.compares(Part::ServerCookie) {
            found.cookie(WHOLE_COOKIE_LEN, &mut got);
        }
        for part in &self.parts {
            self.compare(*part, &got, transport, &mut found);
        }
        found.0
    }

    fn compare(&self, part: Part, got: &Message, transport: Transport, found: &mut Found) {
        let expected = &self.template;
        match part {
            Part::Opcode => found.opcode(expected, got),
            Part::Rcode => found.rcode(expected, got),
            Part::Qtype => found.qtype(expected, got),
            Part::Qname => found.qname(expected, got),
            Part::Subdomain => found.subdomain(expected, got),
            Part::Question => found.questions(expected, got),
            Part::Answer => self.compare_records(Section::Answer, got, found),
            Part::All => {
                self.compare_all(got, found);
                found.edns(expected, got);
            }
            Part::AllButEdns => self.compare_all(got, found),
            Part::DnssecOk => found.edns_flag(Edns::DO, "DO", got),
            Part::CompactOk => found.edns_flag(Edns::CO, "CO", got),
            Part::NoEdns if got.edns.is_some() => found.value("EDNS", "none", "an OPT record"),
            Part::EdnsData => found.options(expected, got),
            Part::Serial(serial) => found.serial(serial, got),
            Part::Transport(wanted) => {
                found.value("transport", wanted.label(), transport.label());
            }
            // They have been looked at before, or change how others are looked at.
            Part::NoEdns
            | Part::Ttl
            | Part::ExtendedError(_)
            | Part::ClientCookie
            | Part::ServerCookie => (),
        }
    }

    fn compare_all(&self, got: &Message, found: &mut Found) {
        let expected = &self.template;
        found.opcode(expected, got);
        found.rcode(expected, got);
        found.value("flags", &expected.flag_names(), &got.flag_names());
        found.questions(expected, got);
        for section in SECTIONS {
            self.compare_records(section, got, found);
        }
        found.value("octets behind the last record", &expected.trailing, &got.trailing);
    }

    fn compare_records(&self, section: Section, got: &Message, found: &mut Found) {
        let with_ttl = self.compares(Part::Ttl);
        let (expected, got) = (self.template.section(section), got.section(section));
        let is_same = |a: &Record, b: &Record| is_same_record(a, b, with_ttl);
        found.items(section_name(section), (expected, got), is_same);
    }

    /// The octets that answer a request.
    pub fn reply(&self, request: &[u8]) -> Vec<u8> {
        let mut octets = match &self.raw {
            Some(raw) if self.adjusts(Adjustment::CopyQuery) => with_question_of(request, raw),
            Some(raw) => raw.clone(),
            None => self.adjusted(request).write(),
        };
        if self.adjusts(Adjustment::CopyId)
            && let (Some(slot), Some(id)) = (octets.get_mut(..2), request.get(..2))
        {
            slot.copy_from_slice(id);
        }
        octets
    }

    /// The template, adjusted to a request. What cannot be read of the request is not copied.
    fn adjusted(&self, request: &[u8]) -> Message {
        let mut reply = self.template.clone();
        let Ok(request) = Message::read(request) else { return reply };
        if self.adjusts(Adjustment::CopyQuery) {
            reply.questions = request.questions;
        }
        if self.adjusts(Adjustment::CopyClientSubnet)
            && let Some(asked) = &request.edns
        {
            let edns = reply.edns.get_or_insert_with(Edns::plain);
            edns.options.clear();
            for (code, value) in asked.options() {
                let mut value = value.to_vec();
                if let (CLIENT_SUBNET, [_, _, source, scope, ..]) = (code, &mut *value) {
                    let longer = u8::from(self.adjusts(Adjustment::LengthenScope));
                    *scope = source.saturating_add(longer);
                }
                edns.push_option(code, &value);
            }
        }
        if self.adjusts(Adjustment::AddServerCookie)
            && let Some(asked) = &request.edns
            && let Some((_, cookie)) = asked.options().find(|(code, _)| *code == COOKIE)
            && let Some(of_client) = cookie.get(..CLIENT_COOKIE_LEN)
        {
            let edns = reply.edns.get_or_insert_with(Edns::plain);
            edns.push_option(COOKIE, &[of_client, SERVER_COOKIE].concat());
        }
        reply
    }
}

/// Octets of a reply with the question of the request in the place of their own.
fn with_question_of(request: &[u8], reply: &[u8]) -> Vec<u8> {
    let (Some(mut header), Some(asked)) = (Header::read(reply), question_end(request)) else {
        return reply.to_vec();
    };
    let Some(own) = question_end(reply) else { return reply.to_vec() };
    header.questions = 1;
    let mut octets = vec![0; HEADER_LEN];
    header.write(&mut octets);
    octets.extend_from_slice(request.get(HEADER_LEN..asked).unwrap_or_default());
    octets.extend_from_slice(reply.get(own..).unwrap_or_default());
    octets
}

/// Where the first question of a message ends; where its header does if it has none.
fn question_end(message: &[u8]) -> Option<usize> {
    let mut reader = Reader::new(message, HEADER_LEN);
    if Header::read(message)?.questions > 0 {
        reader.skip_name().ok()?;
        reader.read_u32(Field::Qtype).ok()?;
    }
    Some(reader.position())
}

/// Whether two records are the same. Names compare without regard to case (RFC 4343).
fn is_same_record(a: &Record, b: &Record, with_ttl: bool) -> bool {
    (a.rtype, a.class) == (b.rtype, b.class)
        && (a.ttl == b.ttl || !with_ttl)
        && a.owner == b.owner
        && canonical_rdata(a.rtype, &a.rdata) == canonical_rdata(b.rtype, &b.rdata)
}

/// Differences found so far.
struct Found(Vec<Difference>);

impl Found {
    fn value<T: fmt::Display + PartialEq + ?Sized>(
        &mut self,
        part: &'static str,
        expected: &T,
        got: &T,
    ) {
        if expected != got {
            let text = |value: &T| match value.to_string() {
                text if text.is_empty() => "none".to_owned(),
                text => text.trim_start().to_owned(),
            };
            let (expected, got) = (text(expected), text(got));
            self.0.push(Difference::Value { part, expected, got });
        }
    }

    /// Compares two lists without regard to order, but to how often something stands in them.
    fn items<T: fmt::Display>(
        &mut self,
        section: &'static str,
        (expected, got): (&[T], &[T]),
        is_same: impl Fn(&T, &T) -> bool,
    ) {
        let mut left: Vec<&T> = got.iter().collect();
        for item in expected {
            match left.iter().position(|other| is_same(item, other)) {
                Some(at) => drop(left.remove(at)),
                None => self.0.push(Difference::Missing { section, item: item.to_string() }),
            }
        }
        for item in left {
            self.0.push(Difference::Unexpected { section, item: item.to_string() });
        }
    }

    fn opcode(&mut self, expected: &Message, got: &Message) {
        if expected.flags.opcode() != got.flags.opcode() {
            self.value("opcode", &opcode_name(expected.flags), &opcode_name(got.flags));
        }
    }

    fn rcode(&mut self, expected: &Message, got: &Message) {
        self.value("status", &expected.rcode(), &got.rcode());
    }

    fn questions(&mut self, expected: &Message, got: &Message) {
        let is_same = |a: &Question, b: &Question| a == b;
        self.items("QUESTION", (&expected.questions, &got.questions), is_same);
    }

    fn qtype(&mut self, expected: &Message, got: &Message) {
        let [expected, got] = [expected, got].map(|message| {
            let rtype = message.questions.first().map(|question| question.rtype);
            rtype.map_or_else(|| "no question".to_owned(), |rtype| rtype.to_string())
        });
        self.value("qtype", &expected, &got);
    }

    fn qname(&mut self, expected: &Message, got: &Message) {
        match (expected.questions.first(), got.questions.first()) {
            (Some(expected), Some(got)) if expected.name == got.name => (),
            // As in testbound, a name that is not there is like no other, not even another such.
            (expected, got) => self.no_such_name("qname", expected, got),
        }
    }

    fn subdomain(&mut self, expected: &Message, got: &Message) {
        match (expected.questions.first(), got.questions.first()) {
            (Some(expected), Some(got))
                if got.name.as_name().is_within(expected.name.as_name()) => {}
            (expected, got) => self.no_such_name("subdomain", expected, got),
        }
    }

    fn no_such_name(
        &mut self,
        part: &'static str,
        expected: Option<&Question>,
        got: Option<&Question>,
    ) {
        let [expected, got] = [expected, got].map(|question| {
            question.map_or_else(|| "no question".to_owned(), |question| question.name.to_string())
        });
        self.0.push(Difference::Value { part, expected, got });
    }

    fn edns(&mut self, expected: &Message, got: &Message) {
        let [expected, got] = [expected, got].map(|message| match &message.edns {
            Some(edns) => edns.to_string(),
            None => "none".to_owned(),
        });
        self.value("EDNS", &expected, &got);
    }

    fn edns_flag(&mut self, flag: u16, name: &'static str, got: &Message) {
        if got.edns.as_ref().is_none_or(|edns| edns.flags & flag == 0) {
            self.value("EDNS flag", name, "none");
        }
    }

    fn options(&mut self, expected: &Message, got: &Message) {
        let [expected, got] = [expected, got].map(|message| {
            let options = message.edns.as_ref().map_or(&[][..], |edns| edns.options.as_slice());
            Hex(options).to_string()
        });
        self.value("options of EDNS", &expected, &got);
    }

    fn serial(&mut self, expected: u32, got: &Message) {
        // The serial is followed by four numbers of four octets (RFC 1035 §3.3.13).
        let soa = got.section(Section::Authority).iter().find(|r| r.rtype == Rtype::SOA);
        let numbers = soa.and_then(|soa| soa.rdata.last_chunk::<20>());
        let serial = numbers.and_then(|numbers| numbers.first_chunk()).copied();
        let got = serial.map(|serial| u32::from_be_bytes(serial).to_string());
        let got = got.unwrap_or_else(|| "no SOA".to_owned());
        self.value("serial", &expected.to_string(), &got);
    }

    /// Compares and takes out the extended error.
    fn extended_error(&mut self, expected: Option<u16>, got: &mut Cow<'_, Message>) {
        let option = take_option(got, EXTENDED_ERROR);
        let code = option.as_deref().and_then(|value| value.first_chunk()).copied();
        let shown =
            |code: Option<u16>| code.map_or_else(|| "none".to_owned(), |code| code.to_string());
        match (expected, code.map(u16::from_be_bytes)) {
            (None, None) => self.value("extended error", "any", "none"),
            (None, Some(_)) => (),
            (expected, got) => self.value("extended error", &shown(expected), &shown(got)),
        }
    }

    /// Compares the length of the cookie and takes it out.
    fn cookie(&mut self, length: usize, got: &mut Cow<'_, Message>) {
        let cookie = take_option(got, COOKIE);
        let got = cookie.map(|cookie| format!("{} octets", cookie.len()));
        let got = got.unwrap_or_else(|| "none".to_owned());
        self.value("cookie", &format!("{length} octets"), &got);
    }
}

fn take_option(message: &mut Cow<'_, Message>, code: u16) -> Option<Vec<u8>> {
    let has_it = message.edns.as_ref()?.options().any(|option| option.0 == code);
    if !has_it {
        return None;
    }
    message.to_mut().edns.as_mut()?.take_option(code)
}

#[cfg(test)]
mod tests;
