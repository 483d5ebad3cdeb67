//! Lines of a script and their words, with their places.
//!
//! Knows comments and blanks, and not what words mean. Called by the other readers of scripts.

use std::sync::Arc;

use crate::base::diagnostic::{Diagnostic, Place, Severity};

/// The stable name of what is wrong with the form of a script.
const CODE: &str = "scenario-syntax";

/// What is wrong with a script. Reading ends at the first.
pub type Fault = Box<Diagnostic>;

/// A line.
#[derive(Clone, Copy, Debug)]
pub(super) struct Line<'a> {
    pub(super) file: &'a Arc<str>,
    /// From 1.
    pub(super) number: u32,
    pub(super) text: &'a str,
}

/// A stretch of a line.
#[derive(Clone, Copy, Debug)]
pub(super) struct Word<'a> {
    pub(super) text: &'a str,
    line: Line<'a>,
    /// Octets of the line before it.
    at: usize,
}

impl<'a> Line<'a> {
    /// The line without blanks at its ends; empty for a comment.
    pub(super) fn trimmed(self) -> Word<'a> {
        let text = self.text.trim_start();
        let at = self.text.len() - text.len();
        let text = if text.starts_with([';', '#']) { "" } else { text.trim_end() };
        Word { text, line: self, at }
    }

    /// The words before any comment.
    pub(super) fn words(self) -> Words<'a> {
        Words { line: self, at: 0 }
    }

    /// The first word; empty if there is none.
    pub(super) fn keyword(self) -> &'a str {
        self.words().next().map_or("", |word| word.text)
    }

    /// An error about the whole line.
    pub(super) fn error(self, message: impl Into<String>) -> Fault {
        self.trimmed().error(message)
    }

    /// An error about what stands somewhere in the line: its place is completed.
    pub(super) fn complete(self, mut diagnostic: Diagnostic, shift: u32) -> Fault {
        let (column, length) =
            diagnostic.place.as_ref().map_or((1, 1), |place| (place.column, place.length));
        diagnostic.place = Some(Place {
            file: Arc::clone(self.file),
            line: self.number,
            column: column.saturating_add(shift),
            length,
            text: self.text.to_owned(),
        });
        Box::new(diagnostic)
    }
}

impl<'a> Word<'a> {
    /// Octets of the line before the word.
    pub(super) fn offset(&self) -> u32 {
        u32::try_from(self.at).unwrap_or(u32::MAX)
    }

    /// An error about the word.
    pub(super) fn error(&self, message: impl Into<String>) -> Fault {
        let diagnostic = Diagnostic {
            severity: Severity::Error,
            code: CODE,
            message: message.into(),
            place: Some(Place {
                file: Arc::clone(self.line.file),
                line: self.line.number,
                column: 1,
                length: u32::try_from(self.text.len()).unwrap_or(u32::MAX).max(1),
                text: self.line.text.to_owned(),
            }),
            hint: None,
        };
        self.line.complete(diagnostic, self.offset())
    }

    /// Reads the word as a number.
    pub(super) fn number<N: std::str::FromStr>(&self, what: &str) -> Result<N, Fault> {
        self.text.parse().map_err(|_| self.expected(what))
    }

    /// Something else should stand here.
    pub(super) fn expected(&self, what: &str) -> Fault {
        self.error(format!("expected {what}, found \"{}\"", self.text))
    }

    /// The word without its first `octets` octets.
    pub(super) fn behind(&self, octets: usize) -> Self {
        let text = self.text.get(octets..).unwrap_or_default();
        Self { text, at: self.at + octets, ..*self }
    }
}

/// The words of a line, up to its end or a comment.
#[derive(Clone, Debug)]
pub(super) struct Words<'a> {
    line: Line<'a>,
    at: usize,
}

impl<'a> Words<'a> {
    /// The next word, which must be there.
    pub(super) fn expect(&mut self, what: &str) -> Result<Word<'a>, Fault> {
        let end = self.line.text.trim_end().len();
        let here = Word { text: "", line: self.line, at: end };
        self.next().ok_or_else(|| here.error(format!("expected {what}, found the end of the line")))
    }

    /// All that follows, comments included.
    pub(super) fn rest(self) -> Word<'a> {
        let rest = self.line.text.get(self.at..).unwrap_or_default();
        let text = rest.trim_start();
        Word { text: text.trim_end(), line: self.line, at: self.at + rest.len() - text.len() }
    }

    /// Nothing may follow.
    pub(super) fn finish(mut self) -> Result<(), Fault> {
        match self.next() {
            None => Ok(()),
            Some(extra) => Err(extra.expected("the end of the line")),
        }
    }
}

impl<'a> Iterator for Words<'a> {
    type Item = Word<'a>;

    fn next(&mut self) -> Option<Word<'a>> {
        let rest = self.line.text.get(self.at..)?;
        let text = rest.trim_start();
        let at = self.at + rest.len() - text.len();
        if text.is_empty() || text.starts_with([';', '#']) {
            self.at = self.line.text.len();
            return None;
        }
        let end = text.find(char::is_whitespace).unwrap_or(text.len());
        self.at = at + end;
        Some(Word { text: text.get(..end)?, line: self.line, at })
    }
}

/// The lines of a script, one after the other.
#[derive(Debug)]
pub(super) struct Lines<'a> {
    file: &'a Arc<str>,
    lines: std::iter::Peekable<std::str::Lines<'a>>,
    number: u32,
}

impl<'a> Lines<'a> {
    pub(super) fn new(file: &'a Arc<str>, text: &'a str) -> Self {
        Self { file, lines: text.lines().peekable(), number: 0 }
    }

    /// The next line, whatever it holds.
    pub(super) fn next_raw(&mut self) -> Option<Line<'a>> {
        let text = self.lines.next()?;
        self.number = self.number.saturating_add(1);
        Some(Line { file: self.file, number: self.number, text })
    }

    /// The next line that is neither empty nor a comment.
    pub(super) fn next_line(&mut self) -> Option<Line<'a>> {
        loop {
            let line = self.next_raw()?;
            if !line.trimmed().text.is_empty() {
                return Some(line);
            }
        }
    }

    /// The next line with something in it, which must be there.
    pub(super) fn expect_line(&mut self, what: &str) -> Result<Line<'a>, Fault> {
        self.next_line().ok_or_else(|| self.ended(what))
    }

    /// The lines up to the one that begins with `keyword`, as they are.
    pub(super) fn text_until(&mut self, keyword: &str) -> Result<Vec<Line<'a>>, Fault> {
        let mut lines = Vec::new();
        loop {
            let line = self.next_raw().ok_or_else(|| self.ended(keyword))?;
            if line.keyword() == keyword {
                return Ok(lines);
            }
            lines.push(line);
        }
    }

    fn ended(&self, what: &str) -> Fault {
        let line = Line { file: self.file, number: self.number.max(1), text: "" };
        line.error(format!("expected {what}, found the end of the file"))
    }
}
