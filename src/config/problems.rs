//! Collects what is wrong with a configuration, each problem with its place.
//!
//! Decides nothing: `value`, `spec` and `check` say what is wrong, `Config::load` hands it out.

use std::collections::HashMap;

use crate::base::diagnostic::{Diagnostic, Diagnostics, Severity};
use crate::config::source::{Entry, Kind, Mark, Node, Source, shorten};

/// What is wrong with one value, before its place is known.
#[derive(Debug)]
pub(super) struct Fault {
    pub(super) code: &'static str,
    pub(super) message: String,
    pub(super) hint: Option<String>,
}

impl Fault {
    pub(super) fn new(code: &'static str, message: impl Into<String>) -> Self {
        Self { code, message: message.into(), hint: None }
    }

    pub(super) fn hint(self, hint: impl Into<String>) -> Self {
        Self { hint: Some(hint.into()), ..self }
    }
}

/// A key that the configuration has, and the keys below it.
#[derive(Debug)]
pub struct Key {
    /// The key as it is written.
    pub name: &'static str,
    /// The keys of its section, or of the sections in its list.
    pub keys: &'static [Self],
}

/// A fault at its place.
#[derive(Debug)]
struct Problem {
    mark: Mark,
    severity: Severity,
    fault: Fault,
    /// Whether the value at the mark may be shown.
    is_secret: bool,
}

/// The problems so far and the text they are in.
#[derive(Debug)]
pub(super) struct Problems<'s> {
    source: &'s Source<'s>,
    found: Vec<Problem>,
}

impl<'s> Problems<'s> {
    pub(super) fn new(source: &'s Source<'s>) -> Self {
        Self { source, found: Vec::new() }
    }

    /// All problems in the order of the text.
    pub(super) fn into_diagnostics(mut self) -> Diagnostics {
        self.found.sort_by_key(|problem| problem.mark);
        let mut diagnostics = Diagnostics::default();
        for Problem { mark, severity, fault, is_secret } in self.found {
            let place = match is_secret {
                true => self.source.place_of_secret(mark),
                false => self.source.place(mark),
            };
            let Fault { code, message, hint } = fault;
            diagnostics.push(Diagnostic { severity, code, message, place: Some(place), hint });
        }
        diagnostics
    }

    pub(super) fn source(&self) -> &'s Source<'s> {
        self.source
    }

    pub(super) fn error(&mut self, mark: Mark, fault: Fault) {
        let severity = Severity::Error;
        self.found.push(Problem { mark, severity, fault, is_secret: false });
    }

    /// An error in a value that no log may show.
    pub(super) fn error_in_secret(&mut self, mark: Mark, fault: Fault) {
        let severity = Severity::Error;
        self.found.push(Problem { mark, severity, fault, is_secret: true });
    }

    pub(super) fn warn(&mut self, mark: Mark, fault: Fault) {
        let severity = Severity::Warning;
        self.found.push(Problem { mark, severity, fault, is_secret: false });
    }

    /// The entries of a section, if the node is one. No value at all is an empty section: all that
    /// stood in it may have been commented out.
    ///
    /// Unknown, repeated and odd keys are told here.
    pub(super) fn section<'n>(&mut self, node: &'n Node, keys: &[Key]) -> Option<&'n [Entry]> {
        let entries = match &node.kind {
            Kind::Section(entries) => entries.as_slice(),
            Kind::Null => &[],
            Kind::Bool(_)
            | Kind::Integer(_)
            | Kind::Float(_)
            | Kind::Text(_)
            | Kind::List(_)
            | Kind::Tagged => {
                self.wrong_type(node, "a section of keys with values");
                return None;
            }
        };
        let mut seen = HashMap::new();
        for entry in entries {
            let Kind::Text(name) = &entry.key.kind else {
                let message = format!("expected the name of a key, found {}", entry.key.describe());
                self.error(entry.key.mark, Fault::new("unknown-key", message));
                continue;
            };
            if !keys.iter().any(|key| key.name == name) {
                self.error(entry.key.mark, unknown_key(name, keys));
            } else if let Some(earlier) = seen.insert(name, entry.key.mark) {
                let line = self.source.place(earlier).line;
                let fault = Fault::new("duplicate-key", format!("`{name}` is set twice"))
                    .hint(format!("it is set on line {line} already; remove one"));
                self.error(entry.key.mark, fault);
            }
        }
        Some(entries)
    }

    pub(super) fn wrong_type(&mut self, node: &Node, expected: &str) {
        let message = format!("expected {expected}, found {}", node.describe());
        self.error(node.mark, Fault::new("wrong-type", message));
    }
}

fn unknown_key(name: &str, keys: &[Key]) -> Fault {
    let fault = Fault::new("unknown-key", format!("unknown key `{}`", shorten(name)));
    match nearest(name, keys.iter().map(|key| key.name)) {
        Some(near) => fault.hint(format!("did you mean `{near}`?")),
        None => {
            let known: Vec<_> = keys.iter().map(|key| format!("`{}`", key.name)).collect();
            fault.hint(format!("the keys here are {}", known.join(", ")))
        }
    }
}

/// The candidate that a mistyped name most likely meant.
pub(super) fn nearest<'c>(
    name: &str,
    candidates: impl Iterator<Item = &'c str>,
) -> Option<&'c str> {
    /// Names of about half the same letters in order. Below that a guess misleads.
    const SIMILARITY_MIN: f64 = 0.6;
    let name = name.replace('_', "-").to_lowercase();
    candidates
        .map(|candidate| (strsim::normalized_damerau_levenshtein(&name, candidate), candidate))
        .filter(|&(similarity, _)| similarity >= SIMILARITY_MIN)
        .max_by(|a, b| a.0.total_cmp(&b.0))
        .map(|(_, candidate)| candidate)
}
