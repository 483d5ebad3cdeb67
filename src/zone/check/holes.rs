//! Findings about a signed zone, a few of each kind.
//!
//! Zones are signed by machines, which make the same mistake everywhere: the rest of each kind is
//! only counted, so that a zone whose signatures have expired is one line and not a million.

use crate::zone::check::{Finding, Findings, Kind, Subject};

/// Findings of a kind that are told one by one.
const TOLD_MAX: usize = 10;

/// What is wrong with a signed zone.
#[derive(Debug, Default)]
pub(super) struct Holes {
    groups: Vec<Group>,
}

/// What is told together.
#[derive(Debug)]
struct Group {
    kind: Kind,
    algorithm: Option<u8>,
    told: Vec<Finding>,
    /// How many were only counted.
    more: usize,
}

impl Holes {
    /// Adds something that may be wrong in one place alone.
    pub(super) fn add(&mut self, kind: Kind, describe: impl FnOnce() -> (String, Subject)) {
        self.put(kind, None, TOLD_MAX, describe);
    }

    /// Adds something that has the same cause wherever it is, for each algorithm of signatures.
    pub(super) fn add_once(
        &mut self,
        kind: Kind,
        algorithm: u8,
        describe: impl FnOnce() -> (String, Subject),
    ) {
        self.put(kind, Some(algorithm), 1, describe);
    }

    fn put(
        &mut self,
        kind: Kind,
        algorithm: Option<u8>,
        told_max: usize,
        describe: impl FnOnce() -> (String, Subject),
    ) {
        let is_group = |group: &Group| group.kind == kind && group.algorithm == algorithm;
        let at = self.groups.iter().position(is_group).unwrap_or_else(|| {
            self.groups.push(Group { kind, algorithm, told: Vec::new(), more: 0 });
            self.groups.len() - 1
        });
        let group = &mut self.groups[at];
        if group.told.len() < told_max {
            let (message, subject) = describe();
            group.told.push(Finding { kind, message, subject: Some(subject) });
        } else {
            group.more += 1;
        }
    }

    /// Tells everything, and how much is like it.
    pub(super) fn tell(self, findings: &mut Findings) {
        for Group { mut told, more, .. } in self.groups {
            if let Some(last) = told.last_mut()
                && more > 0
            {
                last.message.push_str(&format!(", and {more} more like this"));
            }
            for finding in told {
                findings.push(finding);
            }
        }
    }
}
