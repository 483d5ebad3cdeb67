//! From a master file to a zone that can be served, with everything that is wrong with it.
//!
//! Joins the reader, the builder and the checks. Called at start, on reload, by `kereru check` and
//! by tests. Opens nothing itself: text comes from a `Source`.

use std::collections::HashMap;
use std::sync::Arc;

use crate::base::diagnostic::{Diagnostic, Diagnostics, Place, Severity};
use crate::wire::name::{Name, NameBuf};
use crate::wire::numbers::Rtype;
use crate::zone::check::{self, Finding, Findings, Kind, Occurrence, Subject};
use crate::zone::file::reader::{self, Part, Reader};
use crate::zone::file::source::Source;
use crate::zone::node::compare_rdata;
use crate::zone::store::{Builder, Deviation, Duplicate, Zone};

/// How the name of a zone is known.
#[derive(Clone, Copy, Debug)]
pub enum Apex<'a> {
    /// It is given; `$ORIGIN` only completes names.
    Given(Name<'a>),
    /// It is the first `$ORIGIN` of the file if that stands before any record, or else this.
    DeclaredOr(Name<'a>),
}

/// What a file gave.
#[derive(Debug)]
pub struct Loaded {
    /// The name of the zone.
    pub apex: NameBuf,
    /// The zone, if nothing wrong with it is an error.
    pub zone: Option<Zone>,
    /// Everything that is wrong.
    pub diagnostics: Diagnostics,
    /// The files that were read.
    pub files: Vec<Arc<str>>,
}

/// Reads a zone and checks it.
pub fn load(source: &dyn Source, path: &str, apex: Apex<'_>) -> Loaded {
    let (Apex::Given(origin) | Apex::DeclaredOr(origin)) = apex;
    let mut reader = Reader::new(source, path, Some(origin));
    let mut builder = None;
    while reader.next_record().is_some() {
        let name = match apex {
            Apex::Given(name) => name,
            Apex::DeclaredOr(name) => reader.origin_declared().unwrap_or(name),
        };
        let builder = builder.get_or_insert_with(|| Builder::new(name));
        let Some(record) = reader.record() else { continue };
        let deviation = builder.add(record.owner, record.rtype, record.ttl, record.rdata);
        if let Some(deviation) = deviation {
            let (part, finding) = describe(deviation, &record, builder.apex());
            reader.report(part, finding);
        }
    }
    let name = match apex {
        Apex::Given(name) => name,
        Apex::DeclaredOr(name) => reader.origin_declared().unwrap_or(name),
    };
    let (zone, duplicates) = builder.unwrap_or_else(|| Builder::new(name)).finish();
    let (files, mut diagnostics) = reader.finish();
    // A file without any record has an error that says why, unless it is empty.
    let mut findings = Findings::default();
    if !diagnostics.has_errors() || zone.record_count() > 0 {
        for duplicate in duplicates {
            findings.add(Kind::DUPLICATE, duplicate_message(&duplicate), subject_of(duplicate));
        }
        check::check(&zone, &mut findings);
    }
    let places = locate(source, path, origin, findings.kept());
    for (finding, place) in findings.kept().iter().zip(places) {
        let Kind { code, severity, hint } = finding.kind;
        let (message, hint) = (finding.message.clone(), Some(hint.to_owned()));
        let place = place.or_else(|| {
            let file = files.first()?;
            let text = String::new();
            Some(Place { file: Arc::clone(file), line: 1, column: 1, length: 1, text })
        });
        diagnostics.push(Diagnostic { severity, code, message, place, hint });
    }
    diagnostics.count(Severity::Error, findings.omitted_errors());
    diagnostics.count(Severity::Warning, findings.omitted_warnings());
    let apex = zone.apex().to_buf();
    let zone = (!diagnostics.has_errors()).then_some(zone);
    Loaded { apex, zone, diagnostics, files }
}

/// What to say of a record that was not taken as it was written.
fn describe(
    deviation: Deviation,
    record: &reader::Record<'_>,
    apex: Name<'_>,
) -> (Part, reader::Finding) {
    let (owner, rtype) = (record.owner, record.rtype);
    let (kind, part, message) = match deviation {
        Deviation::OutOfZone => {
            let message = format!("{owner} is not within the zone {apex}");
            (Kind::OUT_OF_ZONE, Part::Owner, message)
        }
        Deviation::TooMuchData => {
            (Kind::TOO_MUCH_DATA, Part::Owner, format!("{owner} has too many records"))
        }
        Deviation::TtlDiffers(ttl) => {
            let message =
                format!("{owner} {rtype} has a TTL of {}, and one of {ttl} before", record.ttl);
            (Kind::TTL_DIFFERS, Part::Ttl, message)
        }
    };
    let Kind { code, severity, hint } = kind;
    (part, reader::Finding { severity, code, message, hint: Some(hint.to_owned()) })
}

fn duplicate_message(duplicate: &Duplicate) -> String {
    format!("{} has the same {} record twice", duplicate.owner, duplicate.rtype)
}

fn subject_of(duplicate: Duplicate) -> Subject {
    let Duplicate { owner, rtype, rdata } = duplicate;
    Subject { owner, rtype, rdata: Some(rdata), occurrence: Occurrence::Second }
}

/// Finds the places of the records that findings are about, by reading the file once more.
fn locate(
    source: &dyn Source,
    path: &str,
    origin: Name<'_>,
    findings: &[Finding],
) -> Vec<Option<Place>> {
    let mut places = vec![None; findings.len()];
    let mut wanted: HashMap<(NameBuf, Rtype), Vec<Wanted<'_>>> = HashMap::new();
    for (index, finding) in findings.iter().enumerate() {
        if let Some(subject) = &finding.subject {
            let skip = usize::from(subject.occurrence == Occurrence::Second);
            let key = (subject.owner.clone(), subject.rtype);
            wanted.entry(key).or_default().push(Wanted { index, subject, skip });
        }
    }
    let mut reader = Reader::new(source, path, Some(origin));
    while !wanted.is_empty()
        && let Some(record) = reader.next_record()
    {
        let key = (record.owner.to_buf(), record.rtype);
        let Some(candidates) = wanted.get_mut(&key) else { continue };
        let mut found = Vec::new();
        candidates.retain_mut(|candidate| {
            let is_it = candidate
                .subject
                .rdata
                .as_ref()
                .is_none_or(|rdata| compare_rdata(record.rtype, rdata, record.rdata).is_eq());
            if is_it && candidate.skip == 0 {
                found.push(candidate.index);
                return false;
            }
            candidate.skip -= usize::from(is_it);
            true
        });
        if candidates.is_empty() {
            wanted.remove(&key);
        }
        for index in found {
            places[index] = reader.place(Part::Rdata);
        }
    }
    places
}

/// A record that is looked for.
struct Wanted<'f> {
    /// The finding that is about it.
    index: usize,
    subject: &'f Subject,
    /// How many like it come before.
    skip: usize,
}

#[cfg(test)]
mod tests;
