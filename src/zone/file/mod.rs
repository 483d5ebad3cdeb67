//! Master files (RFC 1035 §5): text to records and records to text.
//!
//! Text comes from a `Source` that is handed in and is read as a stream; problems go into
//! diagnostics and never end the reading. What the records of a zone mean to each other is not
//! looked at here. Called by whoever loads zones, by the interface that changes them, and by tests.

#![warn(clippy::indexing_slicing)]
#![cfg_attr(not(test), warn(clippy::string_slice))]

pub mod code;
mod directive;
mod entry;
mod generate;
mod input;
mod lexer;
pub mod pieces;
pub mod print;
mod problem;
mod rdata;
pub mod reader;
pub mod source;

use std::sync::Arc;

use crate::base::diagnostic::{Diagnostic, Place, Severity};
use crate::wire::name::Name;
use crate::wire::numbers::Rtype;
use crate::zone::file::lexer::{Scan, Words, scan};
use crate::zone::file::problem::{Details, Extent, Problem};
use crate::zone::file::rdata::{Data, Scratch};

/// Reads the data of a record as a master file writes it, on one line or within parentheses.
///
/// # Errors
///
/// Fails with what a zone file with this text would be told; its place counts within `text`.
pub fn text_to_rdata(
    rtype: Rtype,
    text: &[u8],
    origin: Option<Name<'_>>,
) -> Result<Vec<u8>, Box<Diagnostic>> {
    let mut octets = Vec::new();
    let mut scratch = Scratch::default();
    let mut data = Data { rtype, origin, octets: &mut octets, scratch: &mut scratch };
    match read_text(text, &mut data) {
        Ok(()) => Ok(octets),
        Err(problem) => Err(Box::new(diagnose(Severity::Error, problem, |at| {
            place(text, at, &Arc::from("record data"), 1)
        }))),
    }
}

/// Reads a text of its own as the data of a record.
fn read_text(text: &[u8], data: &mut Data<'_>) -> Result<(), Problem> {
    let mut tokens = Vec::new();
    match scan(text, true, &mut tokens) {
        Scan::Entry { fault: Some(fault), .. } => Err(fault.into()),
        Scan::Entry { next, .. } if next < text.len() => {
            let rest = Extent { start: next, end: text.len() };
            Err(Problem::new(rest, code::EXTRA_DATA, "the data of one record has one line")
                .hint("put parentheses around the data to divide it into lines"))
        }
        Scan::Entry { .. } => rdata::read(&mut Words::new(text, &tokens), data),
        Scan::More { open } => Err(unclosed(open.unwrap_or_default())),
    }
}

/// A parenthesis that nothing closes.
fn unclosed(open: usize) -> Problem {
    let at = Extent { start: open, end: open + 1 };
    Problem::new(at, code::UNBALANCED_PARENTHESIS, "this \"(\" is not closed")
        .hint("write \")\" after the last word of the record")
}

/// A problem with its place, as a diagnostic.
fn diagnose(
    severity: Severity,
    problem: Problem,
    place: impl FnOnce(Extent) -> Place,
) -> Diagnostic {
    let Details { code, message, hint, at } = problem.into_details();
    Diagnostic { severity, code, message, place: Some(place(at)), hint }
}

/// Octets of a line that a diagnostic shows, unless what it marks reaches further.
const LINE_SHOWN_MAX: usize = 4096;

/// Where a stretch of a text stands, if the text begins at the start of `first_line`.
fn place(text: &[u8], at: Extent, file: &Arc<str>, first_line: u32) -> Place {
    let start = at.start.min(text.len());
    let (before, after) = text.split_at(start);
    let line_start = before.iter().rposition(|&octet| octet == b'\n').map_or(0, |last| last + 1);
    // Nothing behind a carriage return belongs to the entry, and it may not have been read yet.
    let rest = after.iter().position(|octet| matches!(octet, b'\r' | b'\n'));
    let line_end = rest.map_or(text.len(), |rest| start + rest);
    let shown_end = line_end.min(at.end.max(line_start + LINE_SHOWN_MAX));
    let line = text.get(line_start..shown_end).unwrap_or_default();
    let line_feeds = before.iter().filter(|&&octet| octet == b'\n').count();
    let count = |octets: usize| u32::try_from(octets).unwrap_or(u32::MAX);
    Place {
        file: Arc::clone(file),
        line: first_line.saturating_add(count(line_feeds)),
        column: count(start - line_start).saturating_add(1),
        length: count(at.end.saturating_sub(start)).max(1),
        text: String::from_utf8_lossy(line).into_owned(),
    }
}
