//! `check_host` (RFC 7208 §4).

use std::net::IpAddr;
use std::sync::Arc;

use crate::base::limits::NAME_LEN_MAX;
use crate::mail::address::Domain;
use crate::mail::lookup::{Answer, End, Known, Question, Unknown, reverse_name};
use crate::mail::route::text;
use crate::mail::spf::macros::{Spec, name_of};
use crate::mail::spf::record::{BadTerm, Directive, Lengths, Mechanism, Record, is_record};
use crate::mail::spf::{NAMES_MAX, Outcome, Query, RECORD_LEN_MAX, TERMS_MAX, VOIDS_MAX, Verdict};
use crate::wire::name::{Name, NameBuf};
use crate::wire::numbers::Rtype;

/// What the domain of a sender says of a client.
///
/// # Errors
///
/// Returns the question whose answer comes next.
pub fn check(query: &Query<'_>, known: &Known) -> Result<Outcome, Question> {
    let outcome = |verdict, mechanism, problem| Outcome { verdict, mechanism, problem };
    let none = |why: &str| Ok(outcome(Verdict::None, None, Some(why.to_owned())));
    let domain = match query.sender {
        Some(sender) => Some(sender.domain().clone()),
        None => Domain::read(query.helo).ok(),
    };
    // A name of one label is none that mail comes from (RFC 7208 §4.3).
    let name = match &domain {
        Some(Domain::Name(name)) if name.as_name().label_count() > 1 => name,
        Some(_) | None => return none("there is no domain to ask"),
    };
    let mut checker = Checker { query, known, origin: text(name), terms: 0, voids: 0 };
    match checker.check_host(name) {
        Ok(Found { verdict, mechanism }) => Ok(outcome(verdict, mechanism, None)),
        Err(Stop::Ask(question)) => Err(question),
        Err(Stop::Unknown(Unknown::NoResolver)) => none(&Unknown::NoResolver.to_string()),
        Err(Stop::Unknown(why)) => Ok(outcome(Verdict::TempError, None, Some(why.to_string()))),
        Err(Stop::Wrong(problem)) => Ok(outcome(Verdict::PermError, None, Some(problem))),
    }
}

/// Why a check does not go on.
enum Stop {
    /// An answer is missing.
    Ask(Question),
    /// DNS fails.
    Unknown(Unknown),
    /// A record is wrong.
    Wrong(String),
}

impl From<Question> for Stop {
    fn from(question: Question) -> Self {
        Self::Ask(question)
    }
}

impl From<BadTerm> for Stop {
    fn from(BadTerm(term): BadTerm) -> Self {
        Self::Wrong(format!("`{term}` makes no sense"))
    }
}

fn wrong<T>(problem: String) -> Result<T, Stop> {
    Err(Stop::Wrong(problem))
}

/// What a record says.
struct Found {
    verdict: Verdict,
    mechanism: Option<String>,
}

/// A check under way.
struct Checker<'c> {
    query: &'c Query<'c>,
    known: &'c Known,
    /// The domain of the sender.
    origin: String,
    /// Terms that made questions.
    terms: u32,
    /// Of their questions, those without an answer.
    voids: u32,
}

impl Checker<'_> {
    /// What the record of a domain says. Goes only as deep as there may be terms.
    fn check_host(&mut self, domain: &NameBuf) -> Result<Found, Stop> {
        let found = |verdict, mechanism| Ok(Found { verdict, mechanism });
        let Some(record) = self.record(domain)? else { return found(Verdict::None, None) };
        for Directive { verdict, mechanism, text } in &record.directives {
            if self.matches(mechanism, domain)? {
                return found(*verdict, Some(text.clone()));
            }
        }
        let Some(redirect) = &record.redirect else { return found(Verdict::Neutral, None) };
        self.count_term()?;
        let target = self.expand(redirect, domain)?;
        let Some(target) = target else {
            return wrong("`redirect` leads to what is no name".to_owned());
        };
        let found = self.check_host(&target)?;
        if found.verdict == Verdict::None {
            return wrong(format!("`redirect` leads to {target}, which has no record"));
        }
        Ok(found)
    }

    /// The record of a domain; `None` if it has none.
    fn record(&self, domain: &NameBuf) -> Result<Option<Record>, Stop> {
        let answer = self.known.find(domain.as_name(), Rtype::TXT)?;
        if let End::Unknown(why) = answer.end {
            return Err(Stop::Unknown(why));
        }
        let mut records = answer.texts().filter(|text| is_record(text));
        let Some(record) = records.next() else { return Ok(None) };
        if records.next().is_some() {
            return wrong(format!("{domain} has more than one record"));
        }
        if record.len() > RECORD_LEN_MAX {
            return wrong(format!("the record of {domain} is longer than {RECORD_LEN_MAX} octets"));
        }
        Ok(Some(Record::read(&record)?))
    }

    fn matches(&mut self, mechanism: &Mechanism, domain: &NameBuf) -> Result<bool, Stop> {
        let client = self.query.client.to_canonical();
        match mechanism {
            Mechanism::All => Ok(true),
            Mechanism::Ip4(address, length) => {
                Ok(shares_bits(client, IpAddr::V4(*address), *length))
            }
            Mechanism::Ip6(address, length) => {
                Ok(shares_bits(client, IpAddr::V6(*address), *length))
            }
            Mechanism::Include(spec) => {
                self.count_term()?;
                match self.expand(spec, domain)? {
                    Some(target) => self.includes(&target),
                    None => wrong("`include` leads to what is no name".to_owned()),
                }
            }
            Mechanism::A(spec, lengths) => {
                self.count_term()?;
                match self.target(spec.as_ref(), domain)? {
                    Some(target) => self.has_address(target.as_name(), *lengths),
                    None => Ok(false),
                }
            }
            Mechanism::Mx(spec, lengths) => {
                self.count_term()?;
                match self.target(spec.as_ref(), domain)? {
                    Some(target) => self.has_exchanger(&target, *lengths),
                    None => Ok(false),
                }
            }
            Mechanism::Ptr(spec) => {
                self.count_term()?;
                let Some(target) = self.target(spec.as_ref(), domain)? else { return Ok(false) };
                let names = self.names()?;
                Ok(names.iter().any(|name| name.as_name().is_within(target.as_name())))
            }
            Mechanism::Exists(spec) => {
                self.count_term()?;
                match self.expand(spec, domain)? {
                    Some(target) => {
                        Ok(self.look_up(target.as_name(), Rtype::A)?.end == End::Records)
                    }
                    None => Ok(false),
                }
            }
        }
    }

    /// RFC 7208 §5.2.
    fn includes(&mut self, target: &NameBuf) -> Result<bool, Stop> {
        match self.check_host(target)?.verdict {
            Verdict::Pass => Ok(true),
            Verdict::None => wrong(format!("`include` leads to {target}, which has no record")),
            Verdict::Neutral
            | Verdict::Fail
            | Verdict::SoftFail
            | Verdict::TempError
            | Verdict::PermError => Ok(false),
        }
    }

    /// Whether a name has the client's address, as far as the first bits go.
    fn has_address(&mut self, name: Name<'_>, lengths: Lengths) -> Result<bool, Stop> {
        let client = self.query.client.to_canonical();
        let length = if client.is_ipv4() { lengths.v4 } else { lengths.v6 };
        let answer = self.look_up(name, self.family())?;
        let mut addresses = answer.addresses();
        Ok(addresses.any(|address| shares_bits(client, address, length)))
    }

    fn has_exchanger(&mut self, domain: &NameBuf, lengths: Lengths) -> Result<bool, Stop> {
        let answer = self.look_up(domain.as_name(), Rtype::MX)?;
        let hosts: Vec<(u16, NameBuf)> = answer.exchangers().collect();
        if hosts.len() > NAMES_MAX {
            return wrong(format!("{domain} has more than {NAMES_MAX} MX records"));
        }
        for (_, host) in hosts.iter().filter(|(_, host)| !host.as_name().is_root()) {
            if self.has_address(host.as_name(), lengths)? {
                return Ok(true);
            }
        }
        Ok(false)
    }

    /// The names of the client that have its address (RFC 7208 §5.5). What cannot be looked up does
    /// not count.
    fn names(&self) -> Result<Vec<NameBuf>, Stop> {
        let client = self.query.client.to_canonical();
        let answer = self.known.find(reverse_name(client).as_name(), Rtype::PTR)?;
        let mut names = Vec::new();
        for name in answer.targets().take(NAMES_MAX) {
            let answer = self.known.find(name.as_name(), self.family())?;
            if answer.addresses().any(|address| address == client) {
                names.push(name);
            }
        }
        Ok(names)
    }

    /// The type of records with addresses of the client's family.
    fn family(&self) -> Rtype {
        if self.query.client.to_canonical().is_ipv4() { Rtype::A } else { Rtype::AAAA }
    }

    fn count_term(&mut self) -> Result<(), Stop> {
        self.terms += 1;
        if self.terms > TERMS_MAX {
            return wrong(format!("there are more than {TERMS_MAX} terms that need questions"));
        }
        Ok(())
    }

    /// Asks a question for a term.
    fn look_up(&mut self, name: Name<'_>, rtype: Rtype) -> Result<Arc<Answer>, Stop> {
        let answer = self.known.find(name, rtype)?;
        match answer.end {
            End::Unknown(why) => return Err(Stop::Unknown(why)),
            End::Records => (),
            End::NoData | End::NoName => self.voids += 1,
        }
        if self.voids > VOIDS_MAX {
            return wrong(format!("more than {VOIDS_MAX} questions have no answer"));
        }
        Ok(answer)
    }

    /// The domain that a term means; `None` if that is no name.
    fn target(&self, spec: Option<&Spec>, domain: &NameBuf) -> Result<Option<NameBuf>, Stop> {
        match spec {
            Some(spec) => self.expand(spec, domain),
            None => Ok(Some(domain.clone())),
        }
    }

    fn expand(&self, spec: &Spec, domain: &NameBuf) -> Result<Option<NameBuf>, Stop> {
        let names = if spec.needs_names() { self.names()? } else { Vec::new() };
        let Query { client, helo, sender } = self.query;
        let local = || sender.map_or("postmaster", |sender| sender.local());
        let value = |letter| match letter {
            's' => format!("{}@{}", local(), self.origin),
            'l' => local().to_owned(),
            'o' => self.origin.clone(),
            'd' => text(domain),
            'i' => dotted(client.to_canonical()),
            'p' => best_name(&names, domain),
            'v' if client.to_canonical().is_ipv4() => "in-addr".to_owned(),
            'v' => "ip6".to_owned(),
            'h' => helo.chars().take(NAME_LEN_MAX).collect(),
            // No other letter is read in a name.
            _ => String::new(),
        };
        Ok(spec.expand(value).and_then(|text| name_of(&text)))
    }
}

/// Of the client's names the one that is told: the domain itself, one below it, or any
/// (RFC 7208 §7.3).
fn best_name(names: &[NameBuf], domain: &NameBuf) -> String {
    let is_same = names.iter().find(|name| *name == domain);
    let is_within = || names.iter().find(|name| name.as_name().is_within(domain.as_name()));
    let best = is_same.or_else(is_within).or_else(|| names.first());
    best.map_or_else(|| "unknown".to_owned(), text)
}

/// An address as `%{i}` has it: IPv6 as single hexadecimal digits.
fn dotted(address: IpAddr) -> String {
    match address {
        IpAddr::V4(v4) => v4.to_string(),
        IpAddr::V6(v6) => {
            let halves = v6.octets().into_iter().flat_map(|octet| [octet >> 4, octet & 15]);
            halves.map(|half| format!("{half:x}")).collect::<Vec<_>>().join(".")
        }
    }
}

/// Whether two addresses of one family share their first bits.
fn shares_bits(a: IpAddr, b: IpAddr, length: u8) -> bool {
    match (a, b) {
        (IpAddr::V4(a), IpAddr::V4(b)) => {
            let mask = u32::MAX.checked_shl(32 - u32::from(length)).unwrap_or(0);
            (a.to_bits() ^ b.to_bits()) & mask == 0
        }
        (IpAddr::V6(a), IpAddr::V6(b)) => {
            let mask = u128::MAX.checked_shl(128 - u32::from(length)).unwrap_or(0);
            (a.to_bits() ^ b.to_bits()) & mask == 0
        }
        (IpAddr::V4(_), IpAddr::V6(_)) | (IpAddr::V6(_), IpAddr::V4(_)) => false,
    }
}
