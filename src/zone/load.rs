//! From a master file to a zone that can be served, with everything that is wrong with it.
//!
//! Joins the reader, the builder and the checks. Called at start, on reload, by `kereru check` and
//! by tests. Opens nothing itself: text comes from a `Source`.

mod divided;

use std::collections::HashMap;
use std::sync::Arc;

use crate::base::diagnostic::{Diagnostic, Diagnostics, Place, Severity};
use crate::base::time::Wall;
use crate::wire::name::{Name, NameBuf};
use crate::wire::numbers::Rtype;
use crate::wire::rdata::canonical::canonical_rdata;
use crate::zone::check::{self, Finding, Findings, Kind, Occurrence, Subject};
use crate::zone::crew::Crew;
use crate::zone::file::reader::{self, Part, Reader};
use crate::zone::file::source::Source;
use crate::zone::store::{Builder, Deviation, Duplicate, Zone};

/// How the name of a zone is known.
#[derive(Clone, Copy, Debug)]
pub enum Apex<'a> {
    /// It is given; `$ORIGIN` only completes names.
    Given(Name<'a>),
    /// The file tells: by the owner of its SOA record if that comes first, else by its first
    /// `$ORIGIN` if that stands before any record, else by this, the name of the file.
    Told(Option<Name<'a>>),
}

impl Apex<'_> {
    /// The name that completes names before any `$ORIGIN`.
    fn origin(&self) -> Option<Name<'_>> {
        match self {
            Self::Given(name) => Some(*name),
            Self::Told(name) => *name,
        }
    }

    /// The name of the zone, once the first record was read or there is none.
    fn settle(&self, reader: &Reader<'_>) -> Option<NameBuf> {
        if let Self::Given(name) = self {
            return Some(name.to_buf());
        }
        let soa = reader.record().filter(|record| record.rtype == Rtype::SOA);
        let name = soa.map(|record| record.owner);
        name.or_else(|| reader.origin_declared()).or_else(|| self.origin()).map(Name::to_buf)
    }
}

/// What a file gave.
#[derive(Debug)]
pub struct Loaded {
    /// The name of the zone, if anything tells it.
    pub apex: Option<NameBuf>,
    /// The zone, if nothing wrong with it is an error.
    pub zone: Option<Zone>,
    /// Everything that is wrong.
    pub diagnostics: Diagnostics,
    /// The files that were read.
    pub files: Vec<Arc<str>>,
}

/// What a zone is read with.
#[derive(Clone, Copy, Debug)]
pub struct Means<'a> {
    /// The time as of which signatures are judged.
    pub now: Wall,
    /// Who may help, if the file is large.
    pub crew: &'a Crew,
}

/// Reads a zone and checks it.
pub fn load(source: &dyn Source, path: &str, apex: Apex<'_>, means: Means<'_>) -> Loaded {
    let Means { now, crew } = means;
    let read = read_divided(source, path, &apex, crew);
    let Read { zone, duplicates, mut diagnostics, files } =
        read.unwrap_or_else(|| read_whole(source, path, &apex, crew));
    let Some(zone) = zone else { return Loaded { apex: None, zone: None, diagnostics, files } };
    // A file without any record has an error that says why, unless it is empty.
    let mut findings = Findings::default();
    if !diagnostics.has_errors() || zone.record_count() > 0 {
        for duplicate in duplicates {
            findings.add(Kind::DUPLICATE, duplicate_message(&duplicate), subject_of(duplicate));
        }
        check::check(&zone, now, crew, &mut findings);
    }
    let places = locate(source, path, apex.origin(), findings.kept());
    for (finding, place) in findings.kept().iter().zip(places) {
        let Kind { code, severity, hint } = finding.kind;
        let (message, hint) = (finding.message.clone(), Some(hint.to_owned()));
        diagnostics.push(Diagnostic { severity, code, message, place, hint });
    }
    diagnostics.count(Severity::Error, findings.omitted_errors());
    diagnostics.count(Severity::Warning, findings.omitted_warnings());
    let apex = Some(zone.apex().to_buf());
    let zone = (!diagnostics.has_errors()).then_some(zone);
    Loaded { apex, zone, diagnostics, files }
}

/// What a file holds, not looked at as a whole.
struct Read {
    /// The zone, if anything tells its name.
    zone: Option<Zone>,
    duplicates: Vec<Duplicate>,
    diagnostics: Diagnostics,
    files: Vec<Arc<str>>,
}

/// Reads a large file with the help of others; `None` if it must be read as a whole.
fn read_divided(source: &dyn Source, path: &str, apex: &Apex<'_>, crew: &Crew) -> Option<Read> {
    let len = source.len(path);
    if crew.size() < 2 || len < divided::DIVIDED_LEN_MIN {
        return None;
    }
    let opened = source.open(path, None).ok()?;
    let file = divided::File { text: opened.text, len };
    let zone = divided::read(file, apex, crew, divided::PIECE_LEN)?;
    Some(Read {
        zone: Some(zone),
        duplicates: Vec::new(),
        diagnostics: Diagnostics::default(),
        files: vec![opened.name],
    })
}

/// Reads a file from its start to its end.
fn read_whole(source: &dyn Source, path: &str, apex: &Apex<'_>, crew: &Crew) -> Read {
    let mut reader = Reader::new(source, path, apex.origin());
    let mut builder = None;
    while reader.next_record().is_some() {
        let builder: &mut Builder = match &mut builder {
            Some(builder) => builder,
            None => match apex.settle(&reader) {
                Some(name) => builder.insert(Builder::new(name.as_name())),
                None => break,
            },
        };
        let Some(record) = reader.record() else { continue };
        let deviation = builder.add(record.owner, record.rtype, record.ttl, record.rdata);
        if let Some(deviation) = deviation {
            let (part, finding) = describe(deviation, &record, builder.apex());
            reader.report(part, finding);
        }
    }
    let name = apex.settle(&reader);
    let (files, mut diagnostics) = reader.finish();
    let builder = match (builder, name) {
        (Some(builder), _) => builder,
        (None, Some(name)) => Builder::new(name.as_name()),
        (None, None) => {
            diagnostics.push(nameless(path));
            return Read { zone: None, duplicates: Vec::new(), diagnostics, files };
        }
    };
    let (zone, duplicates) = builder.finish(crew);
    Read { zone: Some(zone), duplicates, diagnostics, files }
}

/// What to say of a file that does not tell which zone it holds.
fn nameless(path: &str) -> Diagnostic {
    Diagnostic {
        severity: Severity::Error,
        code: "zone-without-name",
        message: format!("nothing tells which zone \"{path}\" holds"),
        place: None,
        hint: Some("begin it with $ORIGIN, or give the zone's name with the file".to_owned()),
    }
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

/// Finds the places of the records that findings are about, by reading the file once more. What is
/// about no record has the place of the first one.
fn locate(
    source: &dyn Source,
    path: &str,
    origin: Option<Name<'_>>,
    findings: &[Finding],
) -> Vec<Option<Place>> {
    let mut places = vec![None; findings.len()];
    if findings.is_empty() {
        return places;
    }
    let mut wanted: HashMap<Key, Vec<Wanted>> = HashMap::new();
    for (index, finding) in findings.iter().enumerate() {
        if let Some(Subject { owner, rtype, rdata, occurrence }) = &finding.subject {
            let skip = usize::from(*occurrence == Occurrence::Second);
            let rdata = rdata.as_ref().map(|rdata| canonical_rdata(*rtype, rdata));
            wanted.entry((owner.clone(), *rtype, rdata)).or_default().push(Wanted { index, skip });
        }
    }
    let mut reader = Reader::new(source, path, origin);
    let mut first = None;
    while let Some(record) = reader.next_record() {
        let (owner, rtype) = (record.owner.to_buf(), record.rtype);
        let rdata = canonical_rdata(rtype, record.rdata);
        if first.is_none() {
            first = Some(reader.place(Part::Owner));
        }
        for key in [(owner.clone(), rtype, Some(rdata)), (owner, rtype, None)] {
            let Some(candidates) = wanted.get_mut(&key) else { continue };
            candidates.retain_mut(|candidate| {
                if candidate.skip == 0 {
                    places[candidate.index] = reader.place(Part::Rdata);
                }
                candidate.skip = candidate.skip.wrapping_sub(1);
                candidate.skip != usize::MAX
            });
            if candidates.is_empty() {
                wanted.remove(&key);
            }
        }
        if wanted.is_empty() {
            break;
        }
    }
    let first = first.flatten();
    for (place, finding) in places.iter_mut().zip(findings) {
        if finding.subject.is_none() {
            place.clone_from(&first);
        }
    }
    places
}

/// Owner, type and, where the data matters, its canonical form.
type Key = (NameBuf, Rtype, Option<Vec<u8>>);

/// A record that is looked for.
struct Wanted {
    /// The finding that is about it.
    index: usize,
    /// How many like it come before.
    skip: usize,
}

#[cfg(test)]
mod tests;
