//! Whether the keys that a zone tells its parent of are keys of the zone (RFC 7344).
//!
//! An error is what BIND refuses: an algorithm that the zone has no key of, or the record that asks
//! for an unsigned zone beside others. Makes no digests: a CDS record names a key by its algorithm
//! and key tag. Does not know the parent's DS records. `zone::check` calls it for every zone.

use crate::wire::numbers::Rtype;
use crate::zone::check::signature::identity;
use crate::zone::check::{Findings, Kind, any_record, record};
use crate::zone::node::{Node, Set};

/// The data that asks the parent to remove all DS records (RFC 8078 §4, as amended by its erratum).
const CDS_DELETE: &[u8] = &[0, 0, 0, 0, 0];
const CDNSKEY_DELETE: &[u8] = &[0, 0, 3, 0, 0];

/// Adds what is wrong with the CDS and CDNSKEY records of a zone.
pub(super) fn check(apex: &Node, findings: &mut Findings) {
    let keys: Vec<Key> =
        records(apex, Rtype::DNSKEY).filter_map(|rdata| Key::read(Rtype::DNSKEY, rdata)).collect();
    let [cds, cdnskey] = [Rtype::CDS, Rtype::CDNSKEY].map(|rtype| {
        let told = Told::of(apex, rtype)?;
        told.check(apex, &keys, findings).then_some(told)
    });
    if let (Some(cds), Some(cdnskey)) = (cds, cdnskey)
        && (cds.is_delete != cdnskey.is_delete || cds.keys != cdnskey.keys)
    {
        let name = apex.owner();
        let message = format!("the CDS and CDNSKEY records of {name} tell of different keys");
        findings.add(Kind::CDS_AND_CDNSKEY_DIFFER, message, any_record(name, Rtype::CDS));
    }
}

fn records(apex: &Node, rtype: Rtype) -> impl Iterator<Item = &[u8]> {
    apex.find(rtype).into_iter().flat_map(|set| set.records())
}

/// A key by algorithm and tag.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
struct Key {
    algorithm: u8,
    tag: u16,
}

impl Key {
    /// The key that a record is or names.
    fn read(rtype: Rtype, rdata: &[u8]) -> Option<Self> {
        let (algorithm, tag) = match *rdata {
            [high, low, algorithm, _, ..] if rtype == Rtype::CDS => {
                (algorithm, u16::from_be_bytes([high, low]))
            }
            _ => identity(rdata)?,
        };
        Some(Self { algorithm, tag })
    }
}

/// What a set tells the parent.
struct Told<'z> {
    set: Set<'z>,
    /// Whether a record asks for no DS records.
    is_delete: bool,
    /// The keys of the others, sorted, each once.
    keys: Vec<Key>,
}

impl<'z> Told<'z> {
    fn of(apex: &'z Node, rtype: Rtype) -> Option<Self> {
        let set = apex.find(rtype)?;
        let is_delete = set.records().any(|rdata| asks_for_none(rtype, rdata));
        let others = set.records().filter(|rdata| !asks_for_none(rtype, rdata));
        let mut keys: Vec<Key> = others.filter_map(|rdata| Key::read(rtype, rdata)).collect();
        keys.sort_unstable();
        keys.dedup();
        Some(Self { set, is_delete, keys })
    }

    /// Adds what is wrong with the set by itself; false if something is.
    fn check(&self, apex: &Node, keys: &[Key], findings: &mut Findings) -> bool {
        let (name, rtype) = (apex.owner(), self.set.rtype());
        if self.is_delete && self.set.len() > 1 {
            let message = format!(
                "{name} has a {rtype} record that asks for no DS records, and others beside it"
            );
            let delete = self.set.records().find(|rdata| asks_for_none(rtype, rdata));
            let subject =
                delete.map_or_else(|| any_record(name, rtype), |rdata| record(name, rtype, rdata));
            findings.add(Kind::CDS_DELETE_AND_OTHERS, message, subject);
            return false;
        }
        let is_strange = |rdata: &&[u8]| {
            !asks_for_none(rtype, rdata)
                && Key::read(rtype, rdata)
                    .is_some_and(|told| keys.iter().all(|key| key.algorithm != told.algorithm))
        };
        if let Some(rdata) = self.set.records().find(is_strange) {
            let algorithm = Key::read(rtype, rdata).map_or(0, |key| key.algorithm);
            let message = format!(
                "{name} has a {rtype} record of algorithm {algorithm} and no DNSKEY record of it"
            );
            findings.add(Kind::CDS_WITHOUT_KEY, message, record(name, rtype, rdata));
            return false;
        }
        if !self.is_delete && self.keys.iter().all(|key| !keys.contains(key)) {
            let message = format!("no {rtype} record of {name} is of a key that the zone has");
            findings.add(Kind::CDS_OF_OTHER_KEYS, message, any_record(name, rtype));
            return false;
        }
        true
    }
}

fn asks_for_none(rtype: Rtype, rdata: &[u8]) -> bool {
    rdata == if rtype == Rtype::CDS { CDS_DELETE } else { CDNSKEY_DELETE }
}
