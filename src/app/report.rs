//! Problems as text for people and as JSON for programs.
//!
//! Finds nothing and prints nothing: it makes text. Used by `check` and `serve`.

use std::ops::Range;

use annotate_snippets::{AnnotationKind, Group, Level, Renderer, Snippet};
use serde::Serialize;

use crate::base::diagnostic::{Diagnostic, Diagnostics, Place, Severity};

/// Writes problems as a compiler does, and after them how many there are.
///
/// Columns count characters, as editors do. In JSON they count octets.
pub(super) fn text(problems: &Diagnostics, is_colourful: bool) -> String {
    let renderer = if is_colourful { Renderer::styled() } else { Renderer::plain() };
    let renderer = renderer.term_width(LINE_LEN_MAX);
    let mut text = String::new();
    let mut kept = 0;
    for problem in problems.iter() {
        text.push_str(&renderer.render(&[group(problem)]));
        text.push_str("\n\n");
        kept += 1;
    }
    let (errors, warnings) = (problems.errors(), problems.warnings());
    if errors + warnings > kept {
        text.push_str(&format!("{} more are not shown\n", errors + warnings - kept));
    }
    text.push_str(&format!("{}, {}\n", count(errors, "error"), count(warnings, "warning")));
    text
}

fn count(number: usize, noun: &str) -> String {
    let plural = if number == 1 { "" } else { "s" };
    format!("{number} {noun}{plural}")
}

fn group(problem: &Diagnostic) -> Group<'_> {
    let level = match problem.severity {
        Severity::Warning => Level::WARNING,
        Severity::Error => Level::ERROR,
    };
    let mut group =
        Group::with_title(level.primary_title(printable(&problem.message)).id(problem.code));
    if let Some(place) = &problem.place {
        let (line, marked) = excerpt(place);
        let snippet = Snippet::source(line)
            .line_start(place.line as usize)
            .path(printable(&place.file))
            .annotation(AnnotationKind::Primary.span(marked));
        group = group.element(snippet);
    }
    match &problem.hint {
        Some(hint) => group.element(Level::HELP.message(printable(hint))),
        None => group,
    }
}

/// Characters of a source line that are shown; the renderer cuts longer lines around the mark.
const LINE_LEN_MAX: usize = 200;

/// Characters of a line that are marked. The renderer never cuts within a mark.
const MARK_LEN_MAX: usize = 80;

/// Makes a source line fit to be shown, and finds the mark in it.
fn excerpt(place: &Place) -> (String, Range<usize>) {
    let line = &place.text;
    let first = place.column.saturating_sub(1);
    let start = position(line, first as usize);
    let end = position(line, first.saturating_add(place.length) as usize);
    let (before, rest) = line.split_at(start);
    let (marked, after) = rest.split_at(end - start);
    let shown: String = marked.chars().take(MARK_LEN_MAX).collect();
    let unmarked = marked.strip_prefix(&shown).unwrap_or_default();

    let mut text = printable(before);
    let start = text.len();
    text.push_str(&printable(shown));
    let end = text.len();
    text.push_str(&printable(unmarked));
    text.push_str(&printable(after));
    (text, start..end)
}

/// The octet of the text that stands for an octet of the source line.
///
/// They differ where the source is not UTF-8: each such octet is shown as U+FFFD. The position is
/// always the start of a character, or the end of the line.
fn position(line: &str, source_octet: usize) -> usize {
    let mut octets = 0;
    for (at, character) in line.char_indices() {
        if octets >= source_octet {
            return at;
        }
        octets += if character == char::REPLACEMENT_CHARACTER { 1 } else { character.len_utf8() };
    }
    line.len()
}

/// The text with nothing in it that could move a cursor or turn the direction of writing.
///
/// A control character becomes its picture. Tabs stay: the renderer widens them.
fn printable(text: impl AsRef<str>) -> String {
    let picture = |character: char| match character {
        '\t' => '\t',
        '\0'..='\x1F' => char::from_u32(0x2400 + u32::from(character)).unwrap_or(' '),
        '\x7F' => '\u{2421}',
        '\u{80}'..='\u{9F}' | '\u{200E}' | '\u{200F}' | '\u{202A}'..='\u{202E}' => {
            char::REPLACEMENT_CHARACTER
        }
        '\u{2066}'..='\u{2069}' => char::REPLACEMENT_CHARACTER,
        _ => character,
    };
    text.as_ref().chars().map(picture).collect()
}

/// The document of `--json`. The names are part of the interface.
#[derive(Serialize)]
struct Document<'d> {
    problems: Vec<Entry<'d>>,
    errors: usize,
    warnings: usize,
}

/// One problem of the document. What a problem has not got is null.
#[derive(Serialize)]
struct Entry<'d> {
    severity: &'static str,
    code: &'static str,
    file: Option<&'d str>,
    line: Option<u32>,
    /// In octets, from 1.
    column: Option<u32>,
    /// In octets.
    length: Option<u32>,
    message: &'d str,
    hint: Option<&'d str>,
    text: Option<&'d str>,
}

/// Writes problems as one JSON document.
pub(super) fn json(problems: &Diagnostics) -> String {
    let entries = problems.iter().map(|problem| {
        let place = problem.place.as_ref();
        Entry {
            severity: match problem.severity {
                Severity::Warning => "warning",
                Severity::Error => "error",
            },
            code: problem.code,
            file: place.map(|place| &*place.file),
            line: place.map(|place| place.line),
            column: place.map(|place| place.column),
            length: place.map(|place| place.length),
            message: &problem.message,
            hint: problem.hint.as_deref(),
            text: place.map(|place| place.text.as_str()),
        }
    });
    let document = Document {
        problems: entries.collect(),
        errors: problems.errors(),
        warnings: problems.warnings(),
    };
    // Texts and numbers can always be written.
    let mut text = serde_json::to_string(&document).unwrap_or_default();
    text.push('\n');
    text
}

#[cfg(test)]
mod tests;
