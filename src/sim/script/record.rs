//! Records and questions of a script, by the reader of zone files.
//!
//! A line is an entry of a zone file. Where a script may say more than a zone does, that is told
//! apart here: questions have no data, and records may be of any class.

use std::ops::Range;

use crate::base::diagnostic::Severity;
use crate::sim::message::{Question, Record};
use crate::sim::script::line::{Fault, Line, Word};
use crate::wire::name::{Name, NameBuf};
use crate::wire::numbers::{Class, Rtype};
use crate::zone::file::reader::{Reader, State};
use crate::zone::file::source::Texts;

/// The time to live of records that have none, in seconds, until `$TTL`.
const TTL_LINE: &str = "$TTL 3600";

/// Reads lines as a zone file has them, each by itself.
#[derive(Debug)]
pub(super) struct ZoneLines {
    state: State,
    files: Texts,
}

impl ZoneLines {
    pub(super) fn new() -> Self {
        let files = Texts::default();
        let mut reader = Reader::of_piece(&files, TTL_LINE.into(), &State::new(Some(Name::ROOT)));
        while reader.next_record().is_some() {}
        let state = reader.state();
        Self { state, files }
    }

    /// Follows a directive; whether the line is one.
    pub(super) fn follow(&mut self, line: Line<'_>) -> Result<bool, Fault> {
        let is_directive = line.trimmed().text.starts_with('$');
        if is_directive {
            let records = self.records(line)?;
            if !records.is_empty() {
                return Err(line.error("no records can stand here"));
            }
        }
        Ok(is_directive)
    }

    /// The records of a line: one, or what a directive makes.
    pub(super) fn records(&mut self, line: Line<'_>) -> Result<Vec<Record>, Fault> {
        let prepared = Prepared::of(line);
        let text = prepared.text.into_bytes();
        let mut reader = Reader::of_piece(&self.files, text, &self.state);
        let mut records = Vec::new();
        while let Some(record) = reader.next_record() {
            records.push(Record {
                owner: record.owner.to_buf(),
                rtype: prepared.rtype.unwrap_or(record.rtype),
                class: prepared.class.unwrap_or(record.class),
                ttl: record.ttl.as_secs(),
                rdata: record.rdata.to_vec(),
            });
        }
        self.state = reader.state();
        let (_, diagnostics) = reader.finish();
        match diagnostics.iter().find(|diagnostic| diagnostic.severity == Severity::Error) {
            None => Ok(records),
            Some(error) => Err(line.complete(error.clone(), line.trimmed().offset())),
        }
    }

    /// The question of a line: name, class and type, and a time to live that counts for nothing.
    pub(super) fn question(&self, line: Line<'_>) -> Result<Question, Fault> {
        let mut words = line.words();
        let name = self.name(&words.expect("the name of the question")?)?;
        let mut class = None;
        loop {
            let word = words.expect("the type of the question")?;
            if word.text.bytes().all(|octet| octet.is_ascii_digit()) {
                continue;
            }
            // ANY is a class and a type; alone it is the type.
            let is_last = words.clone().next().is_none();
            if class.is_none()
                && !is_last
                && let Some(found) = Class::from_text(word.text)
            {
                class = Some(found);
                continue;
            }
            let rtype = Rtype::from_text(word.text).ok_or_else(|| word.expected("a type"))?;
            words.finish()?;
            return Ok(Question { name, rtype, class: class.unwrap_or(Class::IN) });
        }
    }

    fn name(&self, word: &Word<'_>) -> Result<NameBuf, Fault> {
        NameBuf::from_text(word.text.as_bytes(), self.state.origin())
            .map_err(|error| word.error(format!("\"{}\": {error}", word.text)))
    }
}

/// A record as a zone file may have it, and what it has besides.
struct Prepared {
    text: String,
    /// A class other than IN, which no zone file has.
    class: Option<Class>,
    /// The type of data that is written with `\#`: servers of a script may send data that no zone
    /// may hold, so that it is read as data of a type without a layout.
    rtype: Option<Rtype>,
}

impl Prepared {
    fn of(line: Line<'_>) -> Self {
        let trimmed = line.trimmed();
        let mut prepared = Self { text: trimmed.text.to_owned(), class: None, rtype: None };
        let mut words = line.words().skip(1).peekable();
        while let Some(word) = words.next() {
            let next = words.peek().map_or("", |next| next.text);
            let rtype = Rtype::from_text(word.text);
            // ANY is a class and a type; before a type it is the class.
            let is_class = rtype.is_none() || Rtype::from_text(next).is_some();
            let class = Class::from_text(word.text).filter(|_| is_class);
            let start = usize::try_from(word.offset() - trimmed.offset()).unwrap_or_default();
            let place = start..start + word.text.len();
            if let Some(class) = class {
                if class != Class::IN {
                    prepared.text.replace_range(place, &" ".repeat(word.text.len()));
                    prepared.class = Some(class);
                }
            } else if let Some(rtype) = rtype {
                if next == "\\#" {
                    prepared.rtype = Some(rtype);
                    prepared.text = with_opaque_type(&prepared.text, place);
                }
                break;
            }
        }
        prepared
    }
}

/// The text with the type at `place` replaced by one without a layout. What stands behind stays
/// where it is, as far as there are blanks to take.
fn with_opaque_type(text: &str, place: Range<usize>) -> String {
    let opaque = Rtype::NULL.to_string();
    let (before, after) = text.split_at_checked(place.start).unwrap_or((text, ""));
    let behind = after.get(place.len()..).unwrap_or_default();
    let data = behind.trim_start();
    let room = after.len() - data.len();
    // One blank at least stays before the data.
    let blanks = room.saturating_sub(opaque.len()).max(1);
    format!("{before}{opaque}{}{data}", " ".repeat(blanks))
}
