//! Finds the place of a record that was read before, by reading its file once more.
//!
//! For problems that show only when the whole zone has been read: spans are small enough to keep
//! for every record, lines of text are not.

use std::io::Read;
use std::sync::Arc;

use crate::base::diagnostic::Place;
use crate::base::limits::ENTRY_LEN_MAX;
use crate::zone::file::place;
use crate::zone::file::problem::Extent;
use crate::zone::file::reader::Span;
use crate::zone::file::source::Source;

/// The place of the first word of a record; `None` if its file cannot be read again or has become
/// shorter.
pub fn locate(source: &dyn Source, files: &[Arc<str>], span: Span) -> Option<Place> {
    let file = files.get(usize::from(span.file.0))?;
    let mut text = source.open(file, None).ok()?.text;
    let before = std::io::copy(&mut text.by_ref().take(span.start), &mut std::io::sink()).ok()?;
    let bound = u64::try_from(ENTRY_LEN_MAX).unwrap_or(u64::MAX);
    let mut record = Vec::new();
    text.take(bound).read_to_end(&mut record).ok()?;
    if before < span.start || record.is_empty() {
        return None;
    }
    let is_word = |octet: &u8| !octet.is_ascii_whitespace();
    let start = record.iter().position(is_word).unwrap_or(0);
    let rest = record.get(start..).unwrap_or_default();
    let length = rest.iter().position(|octet| !is_word(octet)).unwrap_or(rest.len());
    Some(place(&record, Extent { start, end: start + length }, file, span.line))
}
