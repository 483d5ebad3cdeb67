//! What is wrong with an entry, before it has a file and a line.
//!
//! Made by whoever reads words; `reader` turns it into a diagnostic with its place.

use std::fmt;

/// A stretch of an entry, in octets from the entry's start.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Extent {
    /// The first octet.
    pub(super) start: usize,
    /// The octet after the last.
    pub(super) end: usize,
}

/// Something wrong with a stretch of an entry.
///
/// Boxed, because it is the unlikely half of every result.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Problem(Box<Details>);

/// The parts of a problem.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Details {
    /// One of `code::TABLE`.
    pub(super) code: &'static str,
    /// What was found.
    pub(super) message: String,
    /// What to do.
    pub(super) hint: Option<String>,
    /// Where.
    pub(super) at: Extent,
}

impl Problem {
    /// A problem without a hint.
    pub(super) fn new(at: Extent, code: &'static str, message: impl Into<String>) -> Self {
        Self(Box::new(Details { code, message: message.into(), hint: None, at }))
    }

    /// The problem with a hint.
    #[must_use]
    pub(super) fn hint(mut self, hint: impl Into<String>) -> Self {
        self.0.hint = Some(hint.into());
        self
    }

    /// The problem with a hint, unless it has one.
    #[must_use]
    pub(super) fn or_hint(mut self, hint: impl FnOnce() -> String) -> Self {
        self.0.hint.get_or_insert_with(hint);
        self
    }

    /// The problem somewhere else: text that was made stands where it was made from.
    #[must_use]
    pub(super) fn moved(mut self, at: Extent) -> Self {
        self.0.at = at;
        self
    }

    /// The problem with more in front of its message.
    #[must_use]
    pub(super) fn within(mut self, context: impl fmt::Display) -> Self {
        self.0.message = format!("{context}: {}", self.0.message);
        self
    }

    /// Its parts.
    pub(super) fn into_details(self) -> Details {
        *self.0
    }
}
