//! The part of one open file that is held in memory: the entry being read and what follows it.
//!
//! Holds at most `ENTRY_LEN_MAX` octets and a little. Knows lines and offsets, not words' meaning.
//! Called by `reader`.

use std::io::{self, Read};
use std::sync::Arc;

use crate::base::diagnostic::Place;
use crate::base::limits::ENTRY_LEN_MAX;
use crate::wire::numbers::Rtype;
use crate::zone::file::lexer::{Fault, Scan, Token, scan};
use crate::zone::file::place;
use crate::zone::file::problem::Extent;
use crate::zone::file::reader::FileId;
use crate::zone::file::source::Opened;

/// Octets read from a file at once, and the buffer's size as long as entries are short.
const READ_LEN: usize = 64 * 1024;

/// A file being read.
pub(super) struct Input {
    /// Which of the reader's files it is.
    pub(super) file: FileId,
    name: Arc<str>,
    text: Box<dyn Read + Send>,
    buffer: Vec<u8>,
    /// Octets of the buffer that hold text.
    filled: usize,
    /// Where in the buffer the current entry begins.
    start: usize,
    /// Octets of the current entry without its line end.
    length: usize,
    /// Octets from the start of the current entry to that of the next, and line feeds therein.
    step: (usize, u32),
    /// Where in the file the current entry begins.
    offset: u64,
    /// The line in which the current entry begins.
    line: u32,
    ended: bool,
    failure: Option<io::Error>,
}

/// What the input holds next.
pub(super) enum Found {
    /// An entry; `Input::entry` is its text.
    Entry(Option<Fault>),
    /// A parenthesis that is not closed before the end of the file or within `ENTRY_LEN_MAX`.
    Unclosed(usize),
    /// A line longer than `ENTRY_LEN_MAX`.
    TooLong,
    /// The end of the file.
    End,
}

impl Input {
    /// The start of a file.
    pub(super) fn new(file: FileId, opened: Opened) -> Self {
        Self {
            file,
            name: opened.name,
            text: opened.text,
            buffer: Vec::new(),
            filled: 0,
            start: 0,
            length: 0,
            step: (0, 0),
            offset: 0,
            line: 1,
            ended: false,
            failure: None,
        }
    }

    /// A text that is in memory already.
    pub(super) fn whole(file: FileId, name: Arc<str>, text: Vec<u8>) -> Self {
        let input = Self::new(file, Opened { name, text: Box::new(io::empty()) });
        Self { filled: text.len(), buffer: text, ended: true, ..input }
    }

    /// Skips a UTF-8 byte order mark, which only the start of a file can have; says whether it did.
    pub(super) fn skip_byte_order_mark(&mut self) -> bool {
        const MARK: &[u8] = b"\xEF\xBB\xBF";
        while self.window().len() < MARK.len() && !self.ended {
            self.fill();
        }
        let marked = self.window().starts_with(MARK);
        if marked {
            self.step = (MARK.len(), 0);
            self.advance();
        }
        marked
    }

    /// Goes to the next entry and divides it into tokens.
    pub(super) fn next(&mut self, tokens: &mut Vec<Token>) -> Found {
        self.advance();
        loop {
            match scan(self.window(), self.ended, tokens) {
                Scan::Entry { next: 0, .. } => return Found::End,
                Scan::Entry { end, next, lines, fault } => {
                    self.length = end;
                    self.step = (next, lines);
                    return Found::Entry(fault);
                }
                Scan::More { open } if self.ended || self.window().len() >= ENTRY_LEN_MAX => {
                    self.length = self.window().len();
                    return open.map_or(Found::TooLong, Found::Unclosed);
                }
                Scan::More { .. } => self.fill(),
            }
        }
    }

    /// After `Found::Unclosed`: the next entry is the first line after the parenthesis that looks
    /// like the start of one. Lines of the broken entry mostly begin with blanks or numbers.
    pub(super) fn resume_after(&mut self, open: usize) {
        let skipped = self.window().get(..open).unwrap_or_default();
        let lines = skipped.iter().filter(|&&octet| octet == b'\n').count();
        self.step = (skipped.len(), u32::try_from(lines).unwrap_or(u32::MAX));
        self.advance();
        while self.skip_line() {
            let is_whole = |window: &[u8]| window.contains(&b'\n') || window.len() >= READ_LEN;
            while !is_whole(self.window()) && !self.ended {
                self.fill();
            }
            if looks_like_entry(self.window()) {
                return;
            }
        }
    }

    /// Makes the next entry the first line within the current one that looks like the start of an
    /// entry, if there is one.
    pub(super) fn resume_within(&mut self) -> bool {
        let entry = self.entry();
        let mut lines = 0;
        for (end, _) in entry.iter().enumerate().filter(|&(_, &octet)| octet == b'\n') {
            lines += 1;
            if looks_like_entry(entry.get(end + 1..).unwrap_or_default()) {
                self.step = (end + 1, lines);
                return true;
            }
        }
        false
    }

    /// Goes to the start of the next line without holding this one; `false` if there is none.
    pub(super) fn skip_line(&mut self) -> bool {
        loop {
            let end = self.window().iter().position(|&octet| octet == b'\n');
            self.step = match end {
                Some(end) => (end + 1, 1),
                None => (self.window().len(), 0),
            };
            self.advance();
            if end.is_some() || self.ended {
                return end.is_some();
            }
            self.fill();
        }
    }

    /// Reads no further.
    pub(super) fn stop(&mut self) {
        self.ended = true;
        self.step = (self.window().len(), 0);
    }

    /// Why the file could not be read to its end, told once.
    pub(super) fn take_failure(&mut self) -> Option<io::Error> {
        self.failure.take()
    }

    /// The text of the current entry without its line end.
    pub(super) fn entry(&self) -> &[u8] {
        self.window().get(..self.length).unwrap_or_default()
    }

    /// The name to show.
    pub(super) fn name(&self) -> &Arc<str> {
        &self.name
    }

    /// The line in which the current entry begins.
    pub(super) fn line(&self) -> u32 {
        self.line
    }

    /// Where the current entry begins and ends in the file.
    pub(super) fn offsets(&self) -> (u64, u64) {
        (self.offset, self.offset + widen(self.length))
    }

    /// Where a stretch of the current entry stands.
    pub(super) fn place(&self, at: Extent) -> Place {
        place(self.window(), at, &self.name, self.line)
    }

    fn window(&self) -> &[u8] {
        self.buffer.get(self.start..self.filled).unwrap_or_default()
    }

    fn advance(&mut self) {
        let (octets, lines) = std::mem::take(&mut self.step);
        self.start += octets;
        self.offset += widen(octets);
        self.line = self.line.saturating_add(lines);
        self.length = 0;
    }

    /// Moves the current entry to the front of the buffer, makes room behind it and reads once.
    fn fill(&mut self) {
        self.buffer.copy_within(self.start..self.filled, 0);
        self.filled -= self.start;
        self.start = 0;
        if self.filled == self.buffer.len() {
            self.buffer.resize(READ_LEN.max(self.filled * 2), 0);
        }
        let room = self.buffer.get_mut(self.filled..).unwrap_or_default();
        match self.text.read(room) {
            Ok(0) => self.ended = true,
            Ok(count) => self.filled += count.min(room.len()),
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(error) => {
                self.ended = true;
                self.failure = Some(error);
            }
        }
    }
}

/// `usize` has at most 64 bits wherever Rust has a standard library.
fn widen(count: usize) -> u64 {
    u64::try_from(count).unwrap_or(u64::MAX)
}

/// Whether a line begins with a directive, or with a name and soon a type after it.
pub(super) fn looks_like_entry(line: &[u8]) -> bool {
    let end = line.iter().position(|octet| matches!(octet, b'\r' | b'\n')).unwrap_or(line.len());
    let line = line.get(..end).unwrap_or_default();
    match line.first() {
        None | Some(b' ' | b'\t' | b'\r' | b';' | b')' | b'"') => false,
        Some(b'$') => true,
        Some(_) => line
            .split(|octet| octet.is_ascii_whitespace())
            .filter(|word| !word.is_empty())
            .skip(1)
            .take(3)
            .any(|word| Rtype::from_text(word).is_some()),
    }
}
