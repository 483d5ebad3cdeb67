//! Questions to DNS, and what came of them.
//!
//! Asks nobody. What needs answers (`route`, `spf`, `checks`) is a function of those there are, and
//! says which question comes next; whoever drives it asks that and calls it again. So it reads from
//! top to bottom, and the same answers always lead to the same end.

use std::fmt;
use std::net::IpAddr;
use std::sync::Arc;

use crate::base::limits::RESOLVED_ALIASES_MAX;
use crate::wire::edns::ExtendedError;
use crate::wire::header::Flags;
use crate::wire::name::{Name, NameBuf};
use crate::wire::numbers::{Class, Rcode, Rtype};
use crate::wire::rdata;
use crate::wire::typed::{Record, Response};

/// Questions that one check or one walk asks. SPF has most: ten terms, each with ten names (RFC 7208
/// §4.6.4), and some more. What goes on after these learns nothing new.
pub const QUESTIONS_MAX: usize = 128;

/// Records of an answer that are looked at. No honest host or domain has so many; each is looked at
/// again with every further question.
pub const RECORDS_MAX: usize = 512;

/// A name and a type, in class IN.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Question {
    /// The name, in lower case.
    pub name: NameBuf,
    /// The type.
    pub rtype: Rtype,
}

/// Where an answer comes from.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Source {
    /// A zone that this server serves.
    OwnZone,
    /// What this server has learnt before.
    Cache,
    /// The same, beyond its end, because nothing newer could be had.
    Stale,
    /// The servers of the zone, just now.
    Servers,
    /// Another resolver, just now.
    Forwarder,
    /// The names that are reserved for local use.
    Reserved,
    /// Nobody.
    Nobody,
}

impl fmt::Display for Source {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::OwnZone => "own-zone",
            Self::Cache => "cache",
            Self::Stale => "stale",
            Self::Servers => "servers",
            Self::Forwarder => "forwarder",
            Self::Reserved => "reserved",
            Self::Nobody => "nobody",
        })
    }
}

/// What came of a question.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Answer {
    /// How it ended.
    pub end: End,
    /// The name that was asked for and those that its aliases lead to. What is said is said of the
    /// last.
    pub names: Vec<NameBuf>,
    /// The records of the type that was asked for.
    pub records: Vec<Record>,
    /// Whether the name is in a zone of this server.
    pub is_authoritative: bool,
    /// Where it comes from.
    pub source: Source,
}

/// How a question ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum End {
    /// There are records.
    Records,
    /// The name has none of this type.
    NoData,
    /// There is no such name.
    NoName,
    /// It could not be found out.
    Unknown(Unknown),
}

/// Why a question has no answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Unknown {
    /// The name is in no zone of this server, and it asks no others.
    NoResolver,
    /// Others were asked in vain, for this reason.
    Failed(&'static str),
}

impl fmt::Display for Unknown {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::NoResolver => "the name is in none of our zones, and no resolver is configured",
            Self::Failed(why) => why,
        })
    }
}

impl Answer {
    /// That there is none.
    pub fn unknown(question: &Question, why: Unknown) -> Self {
        Self {
            end: End::Unknown(why),
            names: vec![question.name.clone()],
            records: Vec::new(),
            is_authoritative: false,
            source: Source::Nobody,
        }
    }

    /// Reads the reply to a question. `asks_others` says whether whoever replied asks others for what
    /// it does not know.
    pub fn read(question: &Question, message: &[u8], source: Source, asks_others: bool) -> Self {
        let failed = |why| Self::unknown(question, Unknown::Failed(why));
        let Ok(response) = Response::read(message) else {
            return failed("the reply cannot be read");
        };
        let is_denial = match response.rcode {
            Rcode::NOERROR => false,
            Rcode::NXDOMAIN => true,
            Rcode::REFUSED if !asks_others => {
                return Self::unknown(question, Unknown::NoResolver);
            }
            Rcode::YXDOMAIN => return failed("a DNAME makes the name too long"),
            _ => return failed(failure(&response)),
        };
        let mut names = vec![question.name.clone()];
        let mut at = question.name.as_name();
        while names.len() <= RESOLVED_ALIASES_MAX {
            let Some(target) = alias(&response.answers, at) else { break };
            names.push(target.to_lowercase());
            at = target;
        }
        let is_wanted = |record: &&Record| {
            let Record { owner, rtype, class, .. } = record;
            *owner == at && *rtype == question.rtype && *class == Class::IN
        };
        let records = response.answers.iter().filter(is_wanted).take(RECORDS_MAX);
        let records: Vec<Record> = records.cloned().collect();
        // Whoever asks nobody leaves an alias, or points to other servers.
        let is_denied = || response.authorities.iter().any(|record| record.rtype == Rtype::SOA);
        let end = match (records.is_empty(), is_denial) {
            (false, _) => End::Records,
            (true, true) => End::NoName,
            (true, false) if asks_others || is_denied() => End::NoData,
            (true, false) => End::Unknown(Unknown::NoResolver),
        };
        let is_authoritative = response.header.flags.contains(Flags::AA);
        Self { end, names, records, is_authoritative, source }
    }

    /// The name that the aliases lead to.
    pub fn owner(&self) -> Name<'_> {
        self.names.last().map_or(Name::ROOT, NameBuf::as_name)
    }

    /// The hosts of MX records, and how they are preferred: the lowest number comes first.
    pub fn exchangers(&self) -> impl Iterator<Item = (u16, NameBuf)> {
        self.records.iter().filter(|record| record.rtype == Rtype::MX).filter_map(|record| {
            let (preference, host) = record.rdata.split_first_chunk()?;
            Some((u16::from_be_bytes(*preference), Name::read(host).ok()?.to_lowercase()))
        })
    }

    /// Whether the records say that no mail is taken: the only host is the root (RFC 7505 §3).
    pub fn is_null_mx(&self) -> bool {
        let mut hosts = self.exchangers();
        hosts.next().is_some_and(|(_, host)| host.as_name().is_root()) && hosts.next().is_none()
    }

    /// The addresses of A and AAAA records.
    pub fn addresses(&self) -> impl Iterator<Item = IpAddr> {
        let is_address = |record: &&Record| matches!(record.rtype, Rtype::A | Rtype::AAAA);
        let records = self.records.iter().filter(is_address);
        records.filter_map(|record| rdata::address(&record.rdata))
    }

    /// The names of PTR records.
    pub fn targets(&self) -> impl Iterator<Item = NameBuf> {
        self.records.iter().filter_map(|record| record.target().map(Name::to_lowercase))
    }

    /// The texts of TXT records, the strings of each put together (RFC 7208 §3.3).
    pub fn texts(&self) -> impl Iterator<Item = Vec<u8>> {
        self.records.iter().filter(|record| record.rtype == Rtype::TXT).map(|record| {
            let (mut text, mut rest) = (Vec::new(), &record.rdata[..]);
            while let Some((&len, tail)) = rest.split_first() {
                let (string, tail) = tail.split_at_checked(usize::from(len)).unwrap_or((tail, &[]));
                text.extend_from_slice(string);
                rest = tail;
            }
            text
        })
    }
}

/// The name that has the names of an address (RFC 1035 §3.5, RFC 3596 §2.5).
pub fn reverse_name(address: IpAddr) -> NameBuf {
    let text = match address.to_canonical() {
        IpAddr::V4(v4) => {
            let [a, b, c, d] = v4.octets();
            format!("{d}.{c}.{b}.{a}.in-addr.arpa.")
        }
        IpAddr::V6(v6) => {
            let halves = v6.octets().into_iter().rev().flat_map(|octet| [octet & 15, octet >> 4]);
            halves.map(|half| format!("{half:x}.")).chain(["ip6.arpa.".to_owned()]).collect()
        }
    };
    // It is a name, whatever the address.
    NameBuf::from_text(text.as_bytes(), None).unwrap_or_else(|_| NameBuf::root())
}

/// The name that a name is an alias of.
fn alias<'r>(records: &'r [Record], name: Name<'_>) -> Option<Name<'r>> {
    let is_alias = |record: &&Record| record.rtype == Rtype::CNAME && record.owner == name;
    records.iter().find(is_alias)?.target()
}

/// Why a reply has no answer.
fn failure(response: &Response) -> &'static str {
    let error = response.edns.as_ref().and_then(|edns| edns.extended_error);
    match (error, response.rcode) {
        (Some(ExtendedError::NO_REACHABLE_AUTHORITY), _) => "no server of the zone has answered",
        (Some(ExtendedError::NETWORK_ERROR), _) => "the network does not reach the zone's servers",
        (Some(ExtendedError::NOT_READY), _) => "the resolver has too much else to do",
        (Some(ExtendedError::INVALID_DATA), _) => "the zone is ours and has errors",
        (Some(ExtendedError::OTHER), _) => "it takes too many steps to find out",
        (_, Rcode::SERVFAIL) => "the answer is SERVFAIL",
        (_, Rcode::REFUSED) => "the answer is REFUSED",
        _ => "the answer is an error",
    }
}

/// The answers there are.
#[derive(Clone, Debug, Default)]
pub struct Known(Vec<(Question, Arc<Answer>)>);

impl Known {
    /// The answer to a question.
    ///
    /// # Errors
    ///
    /// Returns the question if it has not been asked.
    pub fn find(&self, name: Name<'_>, rtype: Rtype) -> Result<Arc<Answer>, Question> {
        let is_it =
            |(asked, _): &&(Question, Arc<Answer>)| asked.rtype == rtype && asked.name == name;
        if let Some((_, answer)) = self.0.iter().find(is_it) {
            return Ok(Arc::clone(answer));
        }
        let question = Question { name: name.to_lowercase(), rtype };
        if self.0.len() >= QUESTIONS_MAX {
            let why = Unknown::Failed("it takes too many questions to find out");
            return Ok(Arc::new(Answer::unknown(&question, why)));
        }
        Err(question)
    }

    /// Takes an answer.
    pub fn put(&mut self, question: Question, answer: Answer) {
        self.0.push((question, Arc::new(answer)));
    }
}

#[cfg(test)]
pub(super) mod tests;
