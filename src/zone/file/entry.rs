//! Reads the words of one entry as a record or directive.
//!
//! Keeps what one entry hands to the next: origin, last owner, times to live. Opens no files:
//! what an `$INCLUDE` or `$GENERATE` asks for is told to `reader`.

use crate::base::time::Ttl;
use crate::wire::name::{Name, NameBuf};
use crate::wire::numbers::{Class, Rtype};
use crate::zone::file::code;
use crate::zone::file::directive;
use crate::zone::file::generate::Generation;
use crate::zone::file::lexer::{Word, Words};
use crate::zone::file::problem::{Extent, Problem};
use crate::zone::file::rdata::time::parse_period;
use crate::zone::file::rdata::{self, Data, Scratch, read_name};

/// What an entry was.
pub(super) enum Step {
    /// Nothing to hand on: a blank line, or a directive that has been followed.
    Done,
    /// `$ORIGIN`, which has been followed.
    Origin,
    /// A record; `Parser` holds it.
    Record,
    /// `$INCLUDE`.
    Include(Include),
    /// `$GENERATE`.
    Generate(Box<Generation>),
}

/// A file to read before the next entry.
pub(super) struct Include {
    /// Its path as written.
    pub(super) path: String,
    /// Where the path stands.
    pub(super) at: Extent,
    /// The origin within, if it is not that of the file that includes.
    pub(super) origin: Option<NameBuf>,
}

/// Where the parts of a record stand in its entry.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Parts {
    pub(super) owner: Extent,
    pub(super) ttl: Extent,
    pub(super) rtype: Extent,
    pub(super) rdata: Extent,
}

/// Time to live, class and type: what stands between owner and data.
#[derive(Clone, Copy)]
pub(super) struct Head {
    pub(super) ttl: Option<Ttl>,
    pub(super) rtype: Rtype,
    at: Extent,
    ttl_at: Option<Extent>,
}

impl Head {
    /// What to say if there is no time to live to be had.
    pub(super) fn without_ttl(&self) -> Problem {
        Problem::new(self.at, code::NO_TTL, "this record has no time to live")
            .hint("put $TTL at the start of the file")
    }

    /// Where its parts stand; a time to live that is not there stands where the type does.
    pub(super) fn parts(&self) -> Parts {
        Parts { ttl: self.ttl_at.unwrap_or(self.at), rtype: self.at, ..Parts::default() }
    }
}

/// The owner of records that do not name their own.
#[derive(Clone, Debug, Default)]
pub(super) enum Owner {
    /// No record has been read.
    #[default]
    None,
    /// The last owner could not be read: records that take it are checked and left out.
    Lost,
    /// The last owner is the one that `Parser` holds.
    Known,
}

/// The state that goes from entry to entry, and the last record.
#[derive(Default)]
pub(super) struct Parser {
    pub(super) origin: Option<NameBuf>,
    pub(super) owner: Owner,
    /// The wire form of the last owner.
    pub(super) owner_octets: Vec<u8>,
    pub(super) default_ttl: Option<Ttl>,
    pub(super) last_ttl: Option<Ttl>,
    pub(super) ttl: Ttl,
    pub(super) rtype: Option<Rtype>,
    pub(super) rdata: Vec<u8>,
    pub(super) parts: Parts,
    pub(super) scratch: Scratch,
    /// What is odd and not wrong.
    pub(super) warnings: Vec<Problem>,
}

impl Parser {
    /// Reads an entry. `blank` says that its line begins with a blank, so that it names no owner.
    pub(super) fn read(&mut self, blank: bool, words: &mut Words<'_>) -> Result<Step, Problem> {
        let Some(first) = words.peek() else { return Ok(Step::Done) };
        if first.text.starts_with(b"$") && !first.quoted && !blank {
            return directive::read(self, words);
        }
        if !blank {
            self.read_owner(&words.expect_string("the owner")?)?;
        } else if matches!(self.owner, Owner::None) {
            return Err(first
                .problem(code::NO_OWNER, "this record has no owner, and none stands before it")
                .hint("begin the line with a name, or with @ for the origin"));
        }
        let owner = (!blank).then_some(first);
        let head = read_head(words, owner)?;
        self.parts = Parts { owner: first.at, rdata: words.extent(), ..head.parts() };
        self.read_data(head, words)?;
        Ok(if matches!(self.owner, Owner::Known) { Step::Record } else { Step::Done })
    }

    /// Reads the data of a record and settles its time to live.
    fn read_data(&mut self, head: Head, words: &mut Words<'_>) -> Result<(), Problem> {
        self.rtype = Some(head.rtype);
        self.rdata.clear();
        let origin = self.origin.as_ref().map(NameBuf::as_name);
        let (octets, scratch) = (&mut self.rdata, &mut self.scratch);
        rdata::read(words, &mut Data { rtype: head.rtype, origin, octets, scratch })?;
        self.ttl = self.settle_ttl(head)?;
        Ok(())
    }

    /// The wire form of the last owner.
    pub(super) fn owner_name(&self) -> Name<'_> {
        Name::read(&self.owner_octets).unwrap_or(Name::ROOT)
    }

    fn read_owner(&mut self, word: &Word<'_>) -> Result<(), Problem> {
        self.owner_octets.clear();
        self.owner = Owner::Lost;
        let origin = self.origin.as_ref().map(NameBuf::as_name);
        read_name(word, origin, &mut self.owner_octets)?;
        self.owner = Owner::Known;
        Ok(())
    }

    /// An explicit time to live, else that of `$TTL` (RFC 2308 §4), else the last explicit one
    /// (RFC 1035 §5.1), else, from the SOA on, its minimum, as in BIND.
    pub(super) fn settle_ttl(&mut self, head: Head) -> Result<Ttl, Problem> {
        if let Some(ttl) = head.ttl {
            self.last_ttl = Some(ttl);
            return Ok(ttl);
        }
        if let Some(ttl) = self.default_ttl.or(self.last_ttl) {
            return Ok(ttl);
        }
        let minimum = self.rdata.last_chunk().copied().map(u32::from_be_bytes);
        match minimum.filter(|_| head.rtype == Rtype::SOA) {
            Some(minimum) => {
                let ttl = Ttl::from_wire(minimum);
                self.default_ttl = Some(ttl);
                let message = format!("no time to live: the minimum of the SOA, {ttl}, is used");
                self.warnings.push(
                    Problem::new(head.at, code::TTL_FROM_SOA, message)
                        .hint("put $TTL before the SOA"),
                );
                Ok(ttl)
            }
            None => Err(head.without_ttl()),
        }
    }
}

/// Reads a time to live and a class, in either order and both optional, and the type.
pub(super) fn read_head(words: &mut Words<'_>, owner: Option<Word<'_>>) -> Result<Head, Problem> {
    let mut ttl = None;
    let mut class = None;
    loop {
        let word = words.expect("the type of the record")?;
        if ttl.is_none()
            && let Some(read) = parse_ttl(&word)
        {
            ttl = Some((read?, word.at));
            continue;
        }
        if class.is_none()
            && let Some(read) = parse_class(&word)
        {
            if read != Class::IN {
                let message = format!("the class {read} stands in a zone of class IN");
                return Err(word
                    .problem(code::WRONG_CLASS, message)
                    .hint("write IN, or leave the class out"));
            }
            class = Some(read);
            continue;
        }
        let Some(rtype) = parse_type(&word) else {
            return Err(unknown_type(&word, words, owner));
        };
        // RFC 6895 §3.1: type 0 is not used either.
        if rtype.is_meta() || rtype == Rtype(0) {
            let message = format!("{rtype} is not a type of data");
            return Err(word
                .problem(code::META_TYPE, message)
                .hint("a zone cannot hold it; remove the record"));
        }
        return Ok(Head {
            ttl: ttl.map(|(ttl, _)| ttl),
            rtype,
            at: word.at,
            ttl_at: ttl.map(|(_, at)| at),
        });
    }
}

/// The time to live that a word is; `None` if it is none at all.
pub(super) fn parse_ttl(word: &Word<'_>) -> Option<Result<Ttl, Problem>> {
    if word.quoted || !word.text.first()?.is_ascii_digit() {
        return None;
    }
    let digits = word.text.iter().all(u8::is_ascii_digit);
    let ttl = match parse_period(word.text) {
        Some(seconds) => Ttl::new(seconds),
        None if digits => None,
        None => return None,
    };
    Some(ttl.ok_or_else(|| {
        word.problem(code::BAD_TTL, format!("{} is too long a time to live", word.shown()))
            .hint("a time to live is at most 2147483647 seconds")
    }))
}

/// The class that a word is. `ANY` is taken for the type of that name.
fn parse_class(word: &Word<'_>) -> Option<Class> {
    Class::from_text(word.text).filter(|_| !word.quoted).filter(|&class| class != Class::ANY)
}

fn parse_type(word: &Word<'_>) -> Option<Rtype> {
    Rtype::from_text(word.text).filter(|_| !word.quoted)
}

fn unknown_type(word: &Word<'_>, rest: &Words<'_>, owner: Option<Word<'_>>) -> Problem {
    let shown = word.shown();
    let problem = word.problem(code::UNKNOWN_TYPE, format!("{shown} is not a record type"));
    if word.text.starts_with(b"$") {
        return problem.hint("a directive begins at the start of its line");
    }
    let near = word.as_str().and_then(nearest_type);
    if let Some(near) = near {
        return problem.hint(format!("did you mean {near}?"));
    }
    if let Some(rtype) = rest.clone().find_map(|word| parse_type(&word)) {
        return problem.hint(format!(
            "{rtype} stands too late: the order is owner, time to live, class, type, data"
        ));
    }
    let is_data = word.quoted || !word.text.iter().all(u8::is_ascii_alphanumeric);
    if let Some(rtype) = owner.as_ref().and_then(parse_type).filter(|_| is_data) {
        return problem.hint(format!(
            "\"{rtype}\" is taken for the owner; a record of the last owner begins with a blank"
        ));
    }
    problem.hint("the order is owner, time to live, class, type, data; TYPEn names any type")
}

/// The type whose mnemonic is a slip of the finger away.
fn nearest_type(text: &str) -> Option<&'static str> {
    let upper = text.to_ascii_uppercase();
    let allowed = if text.len() < 4 { 1 } else { 2 };
    let is_word = text.len() > 1 && text.bytes().all(|octet| octet.is_ascii_alphanumeric());
    let distances = Rtype::MNEMONICS.iter().map(|name| (strsim::osa_distance(&upper, name), name));
    distances
        .filter(|&(distance, name)| is_word && distance <= allowed && distance < name.len())
        .min()
        .map(|(_, name)| *name)
}
