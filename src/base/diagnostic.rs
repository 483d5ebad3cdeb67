//! Problems found in what an operator wrote: a zone file or the configuration.
//!
//! Says where, what and what to do. Does not print: `app::report` renders these for people and as
//! JSON. Made by `zone::file`, `zone::check` and `config`.

use std::fmt;
use std::sync::Arc;

use crate::base::limits::DIAGNOSTICS_MAX;

/// Whether the input can be used all the same.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Severity {
    /// The input is used; the operator should know.
    Warning,
    /// The input cannot be used.
    Error,
}

/// A stretch of one line of a source text.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Place {
    /// The file's name as the operator wrote it.
    pub file: Arc<str>,
    /// Line, from 1.
    pub line: u32,
    /// Column of the first octet of the stretch, from 1, in octets.
    pub column: u32,
    /// Octets marked, at least 1. May reach beyond `text` where a token spans lines.
    pub length: u32,
    /// The whole source line without its line end. Octets that are not UTF-8 are replaced.
    pub text: String,
}

/// One problem.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Diagnostic {
    /// Whether the input can be used all the same.
    pub severity: Severity,
    /// The stable name of the kind of problem, in kebab-case, such as `cname-and-other-data`.
    pub code: &'static str,
    /// What was found, in one line without a full stop.
    pub message: String,
    /// Where it was found, if it has one place.
    pub place: Option<Place>,
    /// What to do about it, in one line.
    pub hint: Option<String>,
}

impl fmt::Display for Diagnostic {
    /// Writes the problem in one line: `file:line:column: error: message [code]`.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if let Some(place) = &self.place {
            write!(f, "{}:{}:{}: ", place.file, place.line, place.column)?;
        }
        let severity = match self.severity {
            Severity::Warning => "warning",
            Severity::Error => "error",
        };
        write!(f, "{severity}: {} [{}]", self.message, self.code)?;
        if let Some(hint) = &self.hint {
            write!(f, "; {hint}")?;
        }
        Ok(())
    }
}

/// A bounded collection of problems in the order they were found.
#[derive(Clone, Debug, Default)]
pub struct Diagnostics {
    kept: Vec<Diagnostic>,
    kept_errors: usize,
    errors: usize,
    warnings: usize,
}

impl Diagnostics {
    /// Adds a problem; beyond `DIAGNOSTICS_MAX` of its severity it is only counted, so that no flood
    /// of warnings hides an error.
    pub fn push(&mut self, diagnostic: Diagnostic) {
        self.count(diagnostic.severity, 1);
        let (kept, is_error) = match diagnostic.severity {
            Severity::Warning => (self.kept.len() - self.kept_errors, false),
            Severity::Error => (self.kept_errors, true),
        };
        if kept < DIAGNOSTICS_MAX {
            self.kept_errors += usize::from(is_error);
            self.kept.push(diagnostic);
        }
    }

    /// Counts problems that nobody kept.
    pub fn count(&mut self, severity: Severity, number: usize) {
        match severity {
            Severity::Warning => self.warnings += number,
            Severity::Error => self.errors += number,
        }
    }

    /// Adds all problems of another collection.
    pub fn append(&mut self, other: Self) {
        let kept_warnings = other.kept.len() - other.kept_errors;
        self.errors += other.errors - other.kept_errors;
        self.warnings += other.warnings - kept_warnings;
        for diagnostic in other.kept {
            self.push(diagnostic);
        }
    }

    /// Whether there are no problems.
    pub fn is_empty(&self) -> bool {
        self.errors + self.warnings == 0
    }

    /// Whether any problem is an error, so that the input cannot be used.
    pub fn has_errors(&self) -> bool {
        self.errors > 0
    }

    /// Errors found, those not kept included.
    pub fn errors(&self) -> usize {
        self.errors
    }

    /// Warnings found, those not kept included.
    pub fn warnings(&self) -> usize {
        self.warnings
    }

    /// The problems kept, at most `DIAGNOSTICS_MAX` of each severity.
    pub fn iter(&self) -> impl Iterator<Item = &Diagnostic> {
        self.kept.iter()
    }

    /// The problems kept, to be completed (with places) by whoever collected them.
    pub fn iter_mut(&mut self) -> impl Iterator<Item = &mut Diagnostic> {
        self.kept.iter_mut()
    }
}

#[cfg(test)]
mod tests;
