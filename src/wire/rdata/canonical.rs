//! The canonical form and order of record data (RFC 4034 §6).
//!
//! Knows no sets with owners and TTLs. Zones and the cache keep records in this order.

use std::cmp::Ordering;

use crate::wire::numbers::Rtype;
use crate::wire::rdata::{Field, NameKind, embedded_names, fields};

/// Whether the canonical form of a type's data differs from its octets: they hold names that are
/// lowered.
fn has_lowered_name(rtype: Rtype) -> bool {
    let is_lowered =
        |field: &Field| matches!(field, Field::Name(NameKind::Compressible | NameKind::Lowered));
    fields(rtype).iter().any(is_lowered)
}

/// The canonical order of record data: as octets, with the names in it in lower case for the types
/// that want it (RFC 4034 §6.2 and §6.3, RFC 6840 §5.1).
pub fn compare_rdata(rtype: Rtype, a: &[u8], b: &[u8]) -> Ordering {
    if has_lowered_name(rtype) { lowered(rtype, a).cmp(lowered(rtype, b)) } else { a.cmp(b) }
}

/// The octets of record data in canonical form.
fn lowered(rtype: Rtype, rdata: &[u8]) -> impl Iterator<Item = u8> {
    let mut names = embedded_names(rtype, rdata)
        .filter(|embedded| embedded.kind != NameKind::Plain)
        .map(|embedded| (embedded.offset, embedded.offset + embedded.name.len()));
    let mut name = names.next();
    rdata.iter().enumerate().map(move |(at, octet)| {
        if name.is_some_and(|(_, end)| at >= end) {
            name = names.next();
        }
        let is_in_name = name.is_some_and(|(start, _)| at >= start);
        if is_in_name { octet.to_ascii_lowercase() } else { *octet }
    })
}

/// Record data with the names in it in lower case for the types that want it (RFC 4034 §6.2).
pub fn canonical_rdata(rtype: Rtype, rdata: &[u8]) -> Vec<u8> {
    lowered(rtype, rdata).collect()
}

/// Brings the data of a set's records into canonical order, and drops what is there twice
/// (RFC 4034 §6.3). Of equal data the first stays.
pub fn settle(rtype: Rtype, rdatas: &mut Vec<&[u8]>) {
    if rdatas.len() < 2 {
        return;
    }
    if !has_lowered_name(rtype) {
        rdatas.sort_unstable();
        rdatas.dedup();
        return;
    }
    // Lowered once and not for each comparison: a large set takes a small part of the time.
    let lower = |rdata: &&[u8]| canonical_rdata(rtype, rdata);
    let mut pairs: Vec<_> = rdatas.iter().map(|rdata| (lower(rdata), *rdata)).collect();
    pairs.sort_by(|(a, _), (b, _)| a.cmp(b));
    pairs.dedup_by(|(later, _), (kept, _)| later == kept);
    rdatas.clear();
    rdatas.extend(pairs.into_iter().map(|(_, rdata)| rdata));
}

#[cfg(test)]
mod tests;
