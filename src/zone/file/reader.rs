//! Reads the records of a zone from its master file and the files that it includes.
//!
//! A pull reader: it holds one entry of each open file, never the zone. Problems of form are put
//! into diagnostics and reading goes on; the caller adds what it finds wrong with the records.

use std::sync::Arc;

use crate::base::diagnostic::{Diagnostic, Diagnostics, Place, Severity};
use crate::base::limits::{ENTRY_LEN_MAX, INCLUDE_DEPTH_MAX};
use crate::base::time::Ttl;
use crate::wire::name::{Name, NameBuf};
use crate::wire::numbers::{Class, Rtype};
use crate::zone::file::code;
use crate::zone::file::entry::{Include, Owner, Parser, Step};
use crate::zone::file::generate::{Generation, Texts};
use crate::zone::file::input::{Found, Input};
use crate::zone::file::lexer::{Fault, Token, Words};
use crate::zone::file::problem::{Extent, Problem};
use crate::zone::file::source::{Opened, Source, SourceError};
use crate::zone::file::{diagnose, unclosed};

/// Unclosed parentheses after which a file is given up: each costs a look at all that follows.
const UNCLOSED_MAX: usize = 64;

/// Files that one zone may open: as many as a `FileId` can tell apart.
const FILES_MAX: usize = 65_536;

/// A file, as its place in `Reader::files`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct FileId(pub u16);

/// A record as it was read.
#[derive(Clone, Copy, Debug)]
pub struct Record<'a> {
    /// Its owner.
    pub owner: Name<'a>,
    /// Its time to live.
    pub ttl: Ttl,
    /// Its class, always IN.
    pub class: Class,
    /// Its type.
    pub rtype: Rtype,
    /// Its data in wire form, names uncompressed.
    pub rdata: &'a [u8],
}

/// Where a record stands: its lines, without the end of the last.
///
/// All records of a `$GENERATE` stand where it does.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Span {
    /// The file.
    pub file: FileId,
    /// Octets of the file before the record.
    pub start: u64,
    /// Octets of the file up to the record's end.
    pub end: u64,
    /// The first line, from 1.
    pub line: u32,
}

/// A part of a record, to mark what a problem is about.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Part {
    /// The owner; the first word if the record takes the last owner.
    Owner,
    /// The time to live; the type if there is none.
    Ttl,
    /// The type.
    Type,
    /// The data.
    Rdata,
}

/// Something wrong with the last record, found by the caller.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Finding {
    /// Whether the zone can be used all the same.
    pub severity: Severity,
    /// The stable name of the kind of problem.
    pub code: &'static str,
    /// What was found.
    pub message: String,
    /// What to do about it.
    pub hint: Option<String>,
}

/// What the entries of a file hand on to all that follow.
#[derive(Clone, Debug, Default)]
pub struct State {
    origin: Option<NameBuf>,
    default_ttl: Option<Ttl>,
}

impl State {
    /// What holds where a file begins.
    pub fn new(origin: Option<Name<'_>>) -> Self {
        Self { origin: origin.map(Name::to_buf), default_ttl: None }
    }

    /// What completes relative names.
    pub fn origin(&self) -> Option<Name<'_>> {
        self.origin.as_ref().map(NameBuf::as_name)
    }

    /// Whether both are the same, the case of the origin included.
    pub fn is_identical(&self, other: &Self) -> bool {
        let origins = match (&self.origin, &other.origin) {
            (Some(mine), Some(theirs)) => mine.as_name().is_identical(theirs.as_name()),
            (None, None) => true,
            (Some(_), None) | (None, Some(_)) => false,
        };
        origins && self.default_ttl == other.default_ttl
    }
}

/// Reads records one by one.
pub struct Reader<'s> {
    source: &'s dyn Source,
    files: Vec<Arc<str>>,
    /// How many files have been opened, counted again when they are opened again.
    opened: usize,
    /// The open files, the one being read last.
    frames: Vec<Frame>,
    parser: Parser,
    tokens: Vec<Token>,
    generated: Option<Generated>,
    unclosed: usize,
    declared: Option<NameBuf>,
    records: bool,
    diagnostics: Diagnostics,
}

/// An open file and what is restored when it ends.
struct Frame {
    input: Input,
    origin: Option<NameBuf>,
    owner: Owner,
    owner_octets: Vec<u8>,
}

/// A `$GENERATE` being followed, and the texts it has made last.
struct Generated {
    generation: Box<Generation>,
    owner: Vec<u8>,
    data: Vec<u8>,
    owner_octets: Vec<u8>,
}

impl<'s> Reader<'s> {
    /// Opens a file. If that fails, there are no records and one diagnostic.
    pub fn new(source: &'s dyn Source, path: &str, origin: Option<Name<'_>>) -> Self {
        let mut reader = Self::unopened(source, State::new(origin));
        match source.open(path, None) {
            Ok(opened) => reader.enter(opened),
            Err(error) => {
                let code = match error {
                    SourceError::NotFound => code::ZONE_NOT_FOUND,
                    SourceError::Outside { .. } | SourceError::Unreadable { .. } => {
                        code::ZONE_UNREADABLE
                    }
                };
                let (severity, message) = (Severity::Error, format!("\"{path}\": {error}"));
                let hint = Some("name a zone file that the server may read".to_owned());
                reader.diagnostics.push(Diagnostic { severity, code, message, place: None, hint });
            }
        }
        reader
    }

    /// Reads a piece of a file, which begins where this `state` holds and an entry names its owner.
    pub fn of_piece(source: &'s dyn Source, text: Vec<u8>, state: &State) -> Self {
        let mut reader = Self::unopened(source, state.clone());
        reader.enter_input(Input::whole(FileId(0), "piece".into(), text));
        reader
    }

    fn unopened(source: &'s dyn Source, State { origin, default_ttl }: State) -> Self {
        Self {
            source,
            files: Vec::new(),
            opened: 0,
            frames: Vec::new(),
            parser: Parser { origin, default_ttl, ..Parser::default() },
            tokens: Vec::new(),
            generated: None,
            unclosed: 0,
            declared: None,
            records: false,
            diagnostics: Diagnostics::default(),
        }
    }

    /// What the entries read so far hand on.
    pub fn state(&self) -> State {
        let Parser { origin, default_ttl, .. } = &self.parser;
        State { origin: origin.clone(), default_ttl: *default_ttl }
    }

    /// The next record; `None` at the end. What cannot be read is reported and left out.
    pub fn next_record(&mut self) -> Option<Record<'_>> {
        while !self.advance()? {}
        self.records = true;
        self.record()
    }

    /// The last record once more, for a caller that had to let it go.
    pub fn record(&self) -> Option<Record<'_>> {
        let owner = match &self.generated {
            Some(generated) => Name::read(&generated.owner_octets).ok()?,
            None => self.parser.owner_name(),
        };
        let Parser { ttl, rtype, rdata, .. } = &self.parser;
        Some(Record { owner, ttl: *ttl, class: Class::IN, rtype: (*rtype)?, rdata })
    }

    /// Where the last record stands.
    pub fn span(&self) -> Span {
        match self.frames.last() {
            Some(Frame { input, .. }) => {
                let (start, end) = input.offsets();
                Span { file: input.file, start, end, line: input.line() }
            }
            None => Span { file: FileId(0), start: 0, end: 0, line: 1 },
        }
    }

    /// Where a part of the last record stands; `None` before the first record and after the last.
    pub fn place(&self, part: Part) -> Option<Place> {
        let parts = &self.parser.parts;
        let at = match part {
            Part::Owner => parts.owner,
            Part::Ttl => parts.ttl,
            Part::Type => parts.rtype,
            Part::Rdata => parts.rdata,
        };
        self.frames.last().map(|frame| frame.input.place(at))
    }

    /// Adds a problem with the last record.
    pub fn report(&mut self, part: Part, finding: Finding) {
        let Finding { severity, code, message, hint } = finding;
        let place = self.place(part);
        self.diagnostics.push(Diagnostic { severity, code, message, place, hint });
    }

    /// The names of the files read so far, to be indexed by `FileId`.
    pub fn files(&self) -> &[Arc<str>] {
        &self.files
    }

    /// The first `$ORIGIN`, if it stood before any record.
    pub fn origin_declared(&self) -> Option<Name<'_>> {
        self.declared.as_ref().map(NameBuf::as_name)
    }

    /// The problems found so far.
    pub fn diagnostics(&self) -> &Diagnostics {
        &self.diagnostics
    }

    /// The names of the files and all problems, when the records have been read.
    pub fn finish(self) -> (Vec<Arc<str>>, Diagnostics) {
        (self.files, self.diagnostics)
    }

    /// Makes one step: `None` at the end, `true` if there is a record now.
    fn advance(&mut self) -> Option<bool> {
        if self.generated.is_some() {
            return Some(self.generate());
        }
        let Frame { input, .. } = self.frames.last_mut()?;
        Some(match input.next(&mut self.tokens) {
            Found::Entry(None) => self.read_entry(),
            Found::Entry(Some(fault)) => self.refuse_fault(fault),
            Found::Unclosed(open) => self.refuse_unclosed(open),
            Found::TooLong => {
                let message = format!("this line has more than {ENTRY_LEN_MAX} octets");
                self.refuse(Problem::new(Extent::default(), code::ENTRY_TOO_LONG, message));
                self.frames.last_mut()?.input.skip_line();
                false
            }
            Found::End => {
                self.leave();
                false
            }
        })
    }

    fn read_entry(&mut self) -> bool {
        let Some(Frame { input, .. }) = self.frames.last() else { return false };
        let text = input.entry();
        let blank = matches!(text.first(), Some(b' ' | b'\t'));
        let step = self.parser.read(blank, &mut Words::new(text, &self.tokens));
        for warning in std::mem::take(&mut self.parser.warnings) {
            let place = |at| input.place(at);
            self.diagnostics.push(diagnose(Severity::Warning, warning, place));
        }
        match step {
            Ok(Step::Record) => true,
            Ok(Step::Done) => false,
            Ok(Step::Origin) => {
                if self.declared.is_none() && !self.records {
                    self.declared.clone_from(&self.parser.origin);
                }
                false
            }
            Ok(Step::Include(include)) => {
                self.include(include);
                false
            }
            Ok(Step::Generate(generation)) => {
                let (owner, data, owner_octets) = (Vec::new(), Vec::new(), Vec::new());
                self.generated = Some(Generated { generation, owner, data, owner_octets });
                false
            }
            Err(problem) => self.refuse(problem),
        }
    }

    /// Makes the next record of a `$GENERATE`; at its first problem it ends.
    fn generate(&mut self) -> bool {
        let Some(generated) = &mut self.generated else { return false };
        let Generated { generation, owner, data, owner_octets } = generated;
        let Some(number) = generation.next(owner, data) else {
            self.generated = None;
            return false;
        };
        let texts = Texts { owner, data };
        match self.parser.read_generated(generation, &texts, owner_octets) {
            Ok(()) => true,
            Err(problem) => {
                self.generated = None;
                self.refuse(problem.within(format_args!("made for {number}")))
            }
        }
    }

    fn include(&mut self, include: Include) {
        let Include { path, at, origin } = include;
        let from = self.frames.last().map(|frame| Arc::clone(frame.input.name()));
        let opened = match self.source.open(&path, from.as_deref()) {
            Ok(opened) => opened,
            Err(error) => {
                let (code, message, hint) = refusal(&path, &error);
                let problem = Problem::new(at, code, message);
                self.refuse(match hint {
                    Some(hint) => problem.hint(hint),
                    None => problem,
                });
                return;
            }
        };
        let name = &opened.name;
        let problem = if self.frames.iter().any(|frame| frame.input.name() == name) {
            let message = format!("\"{name}\" includes itself, directly or through others");
            Problem::new(at, code::INCLUDE_TOO_DEEP, message).hint("remove one of the $INCLUDEs")
        } else if self.frames.len() >= INCLUDE_DEPTH_MAX {
            let message = format!("more than {INCLUDE_DEPTH_MAX} files include each other");
            Problem::new(at, code::INCLUDE_TOO_DEEP, message).hint("include the file further out")
        } else if self.opened >= FILES_MAX {
            let message = format!("more than {FILES_MAX} files are included");
            Problem::new(at, code::INCLUDE_TOO_MANY, message)
        } else {
            self.enter(opened);
            if origin.is_some() {
                self.parser.origin = origin;
            }
            return;
        };
        self.refuse(problem);
    }

    /// Goes on with another file. It begins with the origin and the last owner of now, which are
    /// restored when it ends (RFC 1035 §5.1).
    fn enter(&mut self, opened: Opened) {
        let known = self.files.iter().position(|name| *name == opened.name);
        let index = known.unwrap_or(self.files.len());
        if known.is_none() {
            self.files.push(Arc::clone(&opened.name));
        }
        self.opened += 1;
        self.enter_input(Input::new(FileId(u16::try_from(index).unwrap_or(u16::MAX)), opened));
    }

    fn enter_input(&mut self, mut input: Input) {
        if input.skip_byte_order_mark() {
            let message = "a UTF-8 byte order mark, which is skipped";
            let problem = Problem::new(Extent::default(), code::BYTE_ORDER_MARK, message)
                .hint("save the file without it; other servers may refuse it");
            let place = |at| input.place(at);
            self.diagnostics.push(diagnose(Severity::Warning, problem, place));
        }
        self.frames.push(Frame {
            input,
            origin: self.parser.origin.clone(),
            owner: self.parser.owner.clone(),
            owner_octets: self.parser.owner_octets.clone(),
        });
    }

    fn leave(&mut self) {
        let Some(Frame { mut input, origin, owner, owner_octets }) = self.frames.pop() else {
            return;
        };
        if let Some(error) = input.take_failure() {
            let message = format!("the file could not be read to its end: {error}");
            let problem = Problem::new(Extent::default(), code::UNREADABLE, message);
            let place = |at| input.place(at);
            self.diagnostics.push(diagnose(Severity::Error, problem, place));
        }
        // Nothing follows the outermost file: what it hands on is for `state` to tell.
        if !self.frames.is_empty() {
            self.parser.origin = origin;
        }
        self.parser.owner = owner;
        self.parser.owner_octets = owner_octets;
    }

    /// Reports what is wrong with the form of the current entry. If another entry seems to begin
    /// within it, that is a parenthesis closed too late; the fault is met again in its own entry.
    fn refuse_fault(&mut self, fault: Fault) -> bool {
        let Some(Frame { input, .. }) = self.frames.last_mut() else { return false };
        match fault.open {
            Some(open) if input.resume_within() => {
                self.report_error(unclosed(open));
                self.count_unclosed();
                false
            }
            _ => self.refuse(fault.into()),
        }
    }

    /// Reports a parenthesis that nothing closes and goes on behind the broken entry.
    fn refuse_unclosed(&mut self, open: usize) -> bool {
        self.report_error(unclosed(open));
        if let Some(Frame { input, .. }) = self.frames.last_mut() {
            input.resume_after(open);
        }
        self.count_unclosed();
        false
    }

    /// Reports an error in the current entry, which gives no record. If another entry seems to
    /// begin within it, a parenthesis was closed too late, and reading goes on there.
    fn refuse(&mut self, problem: Problem) -> bool {
        self.report_error(problem);
        if self.frames.last_mut().is_some_and(|frame| frame.input.resume_within()) {
            self.count_unclosed();
        }
        false
    }

    /// Gives the file up when parentheses have not been closed too often.
    fn count_unclosed(&mut self) {
        self.unclosed += 1;
        let Some(Frame { input, .. }) = self.frames.last_mut() else { return };
        if self.unclosed >= UNCLOSED_MAX {
            input.stop();
            let message = "too many parentheses are not closed: the rest of the file is not read";
            let at = Extent::default();
            self.report_error(Problem::new(at, code::UNBALANCED_PARENTHESIS, message));
        }
    }

    fn report_error(&mut self, problem: Problem) {
        if let Some(Frame { input, .. }) = self.frames.last() {
            let place = |at| input.place(at);
            self.diagnostics.push(diagnose(Severity::Error, problem, place));
        }
    }
}

/// What to say about a file that was not opened: code, message and hint.
fn refusal(path: &str, error: &SourceError) -> (&'static str, String, Option<String>) {
    let message = format!("\"{path}\": {error}");
    match error {
        SourceError::NotFound => (code::INCLUDE_NOT_FOUND, message, None),
        SourceError::Unreadable { .. } => (code::INCLUDE_UNREADABLE, message, None),
        SourceError::Outside { .. } => {
            let hint = "only files of the zone's own folder and below are read";
            (code::INCLUDE_OUTSIDE_FOLDER, message, Some(hint.to_owned()))
        }
    }
}

#[cfg(test)]
mod tests;
