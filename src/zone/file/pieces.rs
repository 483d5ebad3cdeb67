//! Cuts a master file into pieces that can be read at the same time.
//!
//! Where an entry begins and what holds there is guessed from the look of lines, and told with each
//! piece: whoever reads a piece to its end sees whether the guess for the next one was right. So the
//! first piece is right, and each that follows one that was. Called by `zone::load`.

use std::io::{self, Read};

use crate::zone::file::input::looks_like_entry;
use crate::zone::file::reader::{Reader, State};
use crate::zone::file::source::Texts;

/// The pieces of a file, in order.
pub struct Pieces {
    text: Box<dyn Read + Send>,
    /// What was read and belongs to the next piece.
    rest: Vec<u8>,
    /// What holds where the next piece begins.
    state: State,
    piece_len: usize,
    count: usize,
    ended: bool,
}

/// A piece of a file.
pub struct Piece {
    /// How many pieces come before it.
    pub index: usize,
    /// Its text.
    pub text: Vec<u8>,
    /// What holds where it begins, if all before it was guessed right.
    pub before: State,
    /// What will hold where it ends, if it is guessed right.
    pub after: State,
}

/// A text that is not cut: it cannot be read to its end, has no place to cut it, or has a directive
/// that brings in records from elsewhere.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Whole;

impl From<io::Error> for Whole {
    fn from(_: io::Error) -> Self {
        Self
    }
}

impl Pieces {
    /// The pieces of a text, of at most `piece_len` octets each.
    pub fn new(text: Box<dyn Read + Send>, state: State, piece_len: usize) -> Self {
        Self { text, rest: Vec::new(), state, piece_len, count: 0, ended: false }
    }

    /// The next piece; `None` at the end.
    ///
    /// # Errors
    ///
    /// Fails if the text must be read in one piece.
    pub fn next_piece(&mut self) -> Result<Option<Piece>, Whole> {
        let mut text = Vec::with_capacity(self.piece_len);
        text.append(&mut self.rest);
        let room = self.piece_len.saturating_sub(text.len());
        let limit = u64::try_from(room).unwrap_or(u64::MAX);
        self.ended |= self.text.by_ref().take(limit).read_to_end(&mut text)? < room;
        if text.is_empty() {
            return Ok(None);
        }
        if !self.ended {
            let start = last_entry(&text).ok_or(Whole)?;
            self.rest.extend_from_slice(text.get(start..).unwrap_or_default());
            text.truncate(start);
        }
        let before = self.state.clone();
        if text.contains(&b'$') {
            self.follow_directives(&text)?;
        }
        let index = self.count;
        self.count += 1;
        Ok(Some(Piece { index, text, before, after: self.state.clone() }))
    }

    /// Follows the lines of a piece that look like directives.
    fn follow_directives(&mut self, text: &[u8]) -> Result<(), Whole> {
        let lines = text.split_inclusive(|octet| *octet == b'\n');
        for line in lines.filter(|line| line.starts_with(b"$")) {
            let nothing = Texts::default();
            let mut reader = Reader::of_piece(&nothing, line.to_vec(), &self.state);
            if reader.next_record().is_some() || !reader.diagnostics().is_empty() {
                return Err(Whole);
            }
            self.state = reader.state();
        }
        Ok(())
    }
}

/// Where the last entry begins that names its owner and has a line to itself.
fn last_entry(text: &[u8]) -> Option<usize> {
    let mut end = text.iter().rposition(|octet| *octet == b'\n')?;
    loop {
        let before = text.get(..end)?;
        let start = before.iter().rposition(|octet| *octet == b'\n')? + 1;
        let line = text.get(start..end)?;
        if looks_like_entry(line) && !line.starts_with(b"$") {
            return Some(start);
        }
        end = start - 1;
    }
}
