//! What a response may say: the sets of its records that lie in the zone that was asked.
//!
//! A server speaks for its zone and for nothing else: what it says about other names is dropped
//! before anybody looks at it (RFC 5452 §6). Judges single records and sets; what the response as a
//! whole means is told by `response`.

use std::collections::HashMap;

use crate::base::limits::{RESPONSE_SET_MAX, RESPONSE_SETS_MAX};
use crate::wire::name::{Name, NameBuf};
use crate::wire::numbers::{Class, Rtype};
use crate::wire::typed::Record;

/// Records of one owner and type, and the signatures that cover them.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ReceivedSet {
    /// The name that owns them, in the case it came in.
    pub owner: NameBuf,
    /// Their type, which is not RRSIG.
    pub rtype: Rtype,
    /// The lowest TTL among them, in seconds as on the wire (RFC 2181 §5.2).
    pub ttl_secs: u32,
    /// The data of each record; empty if only signatures came.
    pub rdatas: Vec<Box<[u8]>>,
    /// The data of the RRSIG records that cover the type.
    pub signatures: Vec<Box<[u8]>>,
}

/// The sets of a section that lie in `zone`, in the order in which they begin.
///
/// Records of other classes and of types that are no data are left out; so is what goes beyond
/// `RESPONSE_SETS_MAX` sets, and a set of more than `RESPONSE_SET_MAX` records as a whole: a part of
/// a set is not the set.
pub fn sets_within(records: Vec<Record>, zone: Name<'_>) -> Vec<ReceivedSet> {
    let mut sets: Vec<ReceivedSet> = Vec::new();
    let mut places: HashMap<(NameBuf, Rtype), usize> = HashMap::new();
    for record in records {
        let is_data = record.rtype == Rtype::RRSIG || !record.rtype.is_meta();
        if record.class != Class::IN || !is_data || !record.owner.as_name().is_within(zone) {
            continue;
        }
        let Some(rtype) = covered(&record) else { continue };
        let key = (record.owner.as_name().to_lowercase(), rtype);
        let place = places.get(&key).copied();
        let Some(set) = place.and_then(|place| sets.get_mut(place)) else {
            if sets.len() < RESPONSE_SETS_MAX {
                places.insert(key, sets.len());
                sets.push(begin(record, rtype));
            }
            continue;
        };
        set.ttl_secs = set.ttl_secs.min(record.ttl_secs);
        match record.rtype {
            Rtype::RRSIG => set.signatures.push(record.rdata),
            _ => set.rdatas.push(record.rdata),
        }
    }
    sets.retain(|set| {
        set.rdatas.len() <= RESPONSE_SET_MAX && set.signatures.len() <= RESPONSE_SET_MAX
    });
    sets
}

/// The type of the set that a record belongs to; `None` for a signature of nothing.
fn covered(record: &Record) -> Option<Rtype> {
    if record.rtype != Rtype::RRSIG {
        return Some(record.rtype);
    }
    let octets = record.rdata.first_chunk()?;
    Some(Rtype(u16::from_be_bytes(*octets))).filter(|rtype| *rtype != Rtype::RRSIG)
}

/// A set that begins with this record.
fn begin(record: Record, rtype: Rtype) -> ReceivedSet {
    let Record { owner, ttl_secs, rdata, .. } = record;
    let (rdatas, signatures) = match record.rtype {
        Rtype::RRSIG => (Vec::new(), vec![rdata]),
        _ => (vec![rdata], Vec::new()),
    };
    ReceivedSet { owner, rtype, ttl_secs, rdatas, signatures }
}

#[cfg(test)]
mod tests;
