//! Records and questions of a script, by the reader of zone files.
//!
//! A line is an entry of a zone file. Where a script may say more than a zone does, that is told
//! apart here: questions have no data, and records may be of any class.

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
        let (text, class) = without_class(line);
        let mut reader = Reader::of_piece(&self.files, text.into_bytes(), &self.state);
        let mut records = Vec::new();
        while let Some(record) = reader.next_record() {
            records.push(Record {
                owner: record.owner.to_buf(),
                rtype: record.rtype,
                class: class.unwrap_or(record.class),
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

/// The line without a class other than IN, which no zone file may have, and that class.
fn without_class(line: Line<'_>) -> (String, Option<Class>) {
    let trimmed = line.trimmed();
    let mut text = trimmed.text.to_owned();
    for word in line.words().skip(1).take_while(|word| Rtype::from_text(word.text).is_none()) {
        let Some(class) = Class::from_text(word.text).filter(|class| *class != Class::IN) else {
            continue;
        };
        let start = usize::try_from(word.offset() - trimmed.offset()).unwrap_or_default();
        let end = start + word.text.len();
        text.replace_range(start..end, &" ".repeat(end - start));
        return (text, Some(class));
    }
    (text, None)
}
