//! Divides the text of one entry into words.
//!
//! An entry is a record or directive with all its lines. Knows parentheses, quotes, comments and
//! escapes (RFC 1035 §5.1), and not what words mean. Called by `input` and `generate`.

use crate::zone::file::code;
use crate::zone::file::problem::{Extent, Problem};

/// A word, as offsets into the text of its entry.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Token {
    start: u32,
    end: u32,
    quoted: bool,
}

/// What a text begins with.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Scan {
    /// A whole entry. The tokens are of no use if there is a fault.
    Entry {
        /// Octets of the entry without its line end.
        end: usize,
        /// Where the next entry begins.
        next: usize,
        /// Line feeds before `next`.
        lines: u32,
        /// The first thing wrong with the entry's form.
        fault: Option<Fault>,
    },
    /// The text ends before the entry does.
    More {
        /// Where the parenthesis stands that has not been closed.
        open: Option<usize>,
    },
}

/// What is wrong with the form of an entry.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Fault {
    /// What it is.
    pub(super) kind: FaultKind,
    /// Where.
    pub(super) at: Extent,
    /// Where the outermost parenthesis stands that is open there.
    pub(super) open: Option<usize>,
}

/// The ways in which the form of an entry can be wrong.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum FaultKind {
    /// A closing parenthesis that nothing opened.
    Closing,
    /// A quoted string that its line does not end.
    Quote,
    /// An octet of value zero.
    Nul,
}

impl From<Fault> for Problem {
    fn from(Fault { kind, at, .. }: Fault) -> Self {
        match kind {
            FaultKind::Closing => {
                Self::new(at, code::UNBALANCED_PARENTHESIS, "\")\" without a \"(\" before it")
                    .hint("remove it, or write \\) if it belongs to a name or string")
            }
            FaultKind::Quote => Self::new(
                at,
                code::UNTERMINATED_STRING,
                "this quoted string does not end on its line",
            )
            .hint(
                "end it with \"; a string that is too long for a line can be divided into several",
            ),
            FaultKind::Nul => Self::new(at, code::SYNTAX, "an octet of value zero")
                .hint("this is not a text file, or not in an encoding like ASCII or UTF-8"),
        }
    }
}

/// Divides the entry that `text` begins with into tokens.
///
/// `ended` says that nothing follows `text`.
pub(super) fn scan(text: &[u8], ended: bool, tokens: &mut Vec<Token>) -> Scan {
    let mut scanner = Scanner { text, pos: 0, depth: 0, open: 0, lines: 0, fault: None };
    tokens.clear();
    while let Some(&octet) = text.get(scanner.pos) {
        match octet {
            b' ' | b'\t' => scanner.pos += 1,
            b'\n' | b'\r' => {
                let before = text.get(..scanner.pos).unwrap_or_default();
                let end = before.strip_suffix(b"\r").unwrap_or(before).len();
                // A carriage return at the end of the text may have its line feed yet to come.
                if octet == b'\r' && scanner.pos + 1 == text.len() && !ended {
                    break;
                }
                scanner.skip_line_end();
                if scanner.depth == 0 {
                    return scanner.entry(end);
                }
            }
            b';' => scanner.skip_comment(),
            b'(' => scanner.open(),
            b')' => scanner.close(),
            b'"' => match scanner.take_quoted(ended) {
                Some(token) => tokens.push(token),
                None => break,
            },
            0 => {
                scanner.fault(FaultKind::Nul, scanner.pos, scanner.pos + 1);
                scanner.pos += 1;
            }
            _ => tokens.push(scanner.take_word()),
        }
    }
    if ended && scanner.depth == 0 {
        return scanner.entry(text.len());
    }
    Scan::More { open: (scanner.depth > 0).then_some(scanner.open) }
}

struct Scanner<'a> {
    text: &'a [u8],
    pos: usize,
    depth: usize,
    /// Where the outermost open parenthesis stands.
    open: usize,
    lines: u32,
    fault: Option<Fault>,
}

impl Scanner<'_> {
    fn entry(self, end: usize) -> Scan {
        Scan::Entry { end, next: self.pos, lines: self.lines, fault: self.fault }
    }

    fn rest(&self) -> &[u8] {
        self.text.get(self.pos..).unwrap_or_default()
    }

    fn fault(&mut self, kind: FaultKind, start: usize, end: usize) {
        let open = (self.depth > 0).then_some(self.open);
        self.fault.get_or_insert(Fault { kind, at: Extent { start, end }, open });
    }

    /// A line ends with a line feed, with or without a carriage return before it; a carriage
    /// return alone ends a line too, but is not counted as one, as in BIND.
    fn skip_line_end(&mut self) {
        if self.text.get(self.pos) == Some(&b'\r') {
            self.pos += 1;
        }
        if self.text.get(self.pos) == Some(&b'\n') {
            self.pos += 1;
            self.lines += 1;
        }
    }

    fn skip_comment(&mut self) {
        let length = self.rest().iter().position(|&octet| octet == b'\n');
        self.pos = length.map_or(self.text.len(), |length| self.pos + length);
    }

    fn open(&mut self) {
        if self.depth == 0 {
            self.open = self.pos;
        }
        self.depth += 1;
        self.pos += 1;
    }

    fn close(&mut self) {
        if self.depth == 0 {
            self.fault(FaultKind::Closing, self.pos, self.pos + 1);
        }
        self.depth = self.depth.saturating_sub(1);
        self.pos += 1;
    }

    /// A word up to blanks or one of the characters that end words.
    fn take_word(&mut self) -> Token {
        let start = self.pos;
        loop {
            let plain = self.rest().iter().position(ends_word);
            self.pos = plain.map_or(self.text.len(), |plain| self.pos + plain);
            match self.text.get(self.pos) {
                Some(b'\\') => self.skip_escape(),
                _ => return token(start, self.pos, false),
            }
        }
    }

    /// A backslash takes the next octet with it, but not the end of the line.
    fn skip_escape(&mut self) {
        let has_octet =
            self.text.get(self.pos + 1).is_some_and(|octet| !matches!(octet, b'\n' | b'\r' | 0));
        self.pos += if has_octet { 2 } else { 1 };
    }

    /// A string in quotes, without them; `None` if the text ends within.
    fn take_quoted(&mut self, ended: bool) -> Option<Token> {
        let open = self.pos;
        self.pos += 1;
        loop {
            let plain =
                self.rest().iter().position(|octet| matches!(octet, b'"' | b'\\' | b'\n' | 0));
            self.pos = plain.map_or(self.text.len(), |plain| self.pos + plain);
            match self.text.get(self.pos) {
                Some(b'"') => {
                    self.pos += 1;
                    return Some(token(open + 1, self.pos - 1, true));
                }
                Some(b'\\') => self.skip_escape(),
                Some(0) => {
                    self.fault(FaultKind::Nul, self.pos, self.pos + 1);
                    self.pos += 1;
                }
                None if !ended => return None,
                _ => {
                    let line = self.text.get(open..self.pos).unwrap_or_default();
                    let blank = line.iter().rev().take_while(|octet| **octet == b'\r').count();
                    self.fault(FaultKind::Quote, open, self.pos - blank);
                    return Some(token(open + 1, self.pos, true));
                }
            }
        }
    }
}

fn ends_word(octet: &u8) -> bool {
    ENDS_WORD.get(usize::from(*octet)).copied().unwrap_or_default()
}

/// Most octets of a zone are looked up here.
static ENDS_WORD: [bool; 256] = {
    let mut ends = [false; 256];
    let mut octets: &[u8] = b" \t\n\r();\"\\\0";
    while let [octet, rest @ ..] = octets {
        #[expect(clippy::indexing_slicing, reason = "there is a place for every octet")]
        {
            ends[*octet as usize] = true;
        }
        octets = rest;
    }
    ends
};

/// Offsets fit: an entry has at most `ENTRY_LEN_MAX` octets.
fn token(start: usize, end: usize, quoted: bool) -> Token {
    let offset = |at| u32::try_from(at).unwrap_or(u32::MAX);
    Token { start: offset(start), end: offset(end), quoted }
}

/// A word with its text.
#[derive(Clone, Copy, Debug)]
pub(super) struct Word<'a> {
    /// The octets, without quotes around them; escapes are still escapes.
    pub(super) text: &'a [u8],
    /// Whether quotes stand around it.
    pub(super) quoted: bool,
    /// Where it stands, the quotes included.
    pub(super) at: Extent,
}

impl<'a> Word<'a> {
    /// The text, if it is UTF-8: every keyword and number is.
    pub(super) fn as_str(&self) -> Option<&'a str> {
        std::str::from_utf8(self.text).ok()
    }

    /// The text to be shown in a message, in quotes; long texts are cut.
    pub(super) fn shown(&self) -> String {
        const SHOWN_MAX: usize = 60;
        let text = String::from_utf8_lossy(self.text);
        match text.char_indices().nth(SHOWN_MAX) {
            None => format!("\"{text}\""),
            Some((cut, _)) => format!("\"{}…\"", text.get(..cut).unwrap_or_default()),
        }
    }

    /// A problem with this word.
    pub(super) fn problem(&self, code: &'static str, message: impl Into<String>) -> Problem {
        Problem::new(self.at, code, message)
    }
}

/// The words of an entry that have not been read.
#[derive(Clone, Debug)]
pub(super) struct Words<'a> {
    text: &'a [u8],
    tokens: &'a [Token],
    last: Extent,
}

impl<'a> Words<'a> {
    /// The words that tokens divide a text into.
    pub(super) fn new(text: &'a [u8], tokens: &'a [Token]) -> Self {
        Self { text, tokens, last: Extent::default() }
    }

    /// The next word, which stays.
    pub(super) fn peek(&self) -> Option<Word<'a>> {
        self.tokens.first().and_then(|token| self.word(token))
    }

    /// The next word, or what to say if there is none.
    ///
    /// # Errors
    ///
    /// Fails if all words have been read.
    pub(super) fn expect_string(&mut self, wanted: &str) -> Result<Word<'a>, Problem> {
        let last = self.last;
        self.next().ok_or_else(|| {
            Problem::new(last, code::MISSING_DATA, format!("{wanted} is missing after this"))
        })
    }

    /// The next word, or what to say if there is none, or if it is a string in quotes.
    ///
    /// # Errors
    ///
    /// Fails if all words have been read, or the next one stands in quotes.
    pub(super) fn expect(&mut self, wanted: &str) -> Result<Word<'a>, Problem> {
        let word = self.expect_string(wanted)?;
        if word.quoted {
            let message = format!("{} stands in quotes, and is not a string", word.shown());
            return Err(word.problem(code::SYNTAX, message).hint("remove the quotes"));
        }
        Ok(word)
    }

    /// Whether all words have been read.
    pub(super) fn is_empty(&self) -> bool {
        self.tokens.is_empty()
    }

    /// Where the words stand that are left, or the last one read if none is.
    pub(super) fn extent(&self) -> Extent {
        let end = self.tokens.last().and_then(|token| self.word(token));
        match (self.peek(), end) {
            (Some(first), Some(last)) => Extent { start: first.at.start, end: last.at.end },
            _ => self.last,
        }
    }

    fn word(&self, token: &Token) -> Option<Word<'a>> {
        let (start, end) = (usize::try_from(token.start).ok()?, usize::try_from(token.end).ok()?);
        let quotes = usize::from(token.quoted);
        let at = Extent { start: start - quotes, end: end + quotes };
        Some(Word { text: self.text.get(start..end)?, quoted: token.quoted, at })
    }
}

impl<'a> Iterator for Words<'a> {
    type Item = Word<'a>;

    fn next(&mut self) -> Option<Word<'a>> {
        let (token, rest) = self.tokens.split_first()?;
        let word = self.word(token)?;
        self.tokens = rest;
        self.last = word.at;
        Some(word)
    }
}

#[cfg(test)]
mod tests;
