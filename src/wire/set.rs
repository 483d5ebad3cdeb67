//! Sets of records in the layout of messages, as zones and the cache keep them.
//!
//! Writes and reads them; what a message makes of them is for `writer`, where their names can be
//! pointers for `pointers`, and their order for `rdata::canonical`.

use crate::base::time::Ttl;
use crate::wire::numbers::{Class, Rtype};

/// Octets of a record before its data: owner pointer, type, class, TTL, length.
pub const RECORD_HEAD_LEN: usize = 12;

/// Puts records of class IN behind `out`, their owner being the name of the question. Their data
/// have at most 65,535 octets each.
pub fn append<'r>(
    rtype: Rtype,
    ttl: Ttl,
    rdatas: impl Iterator<Item = &'r [u8]>,
    out: &mut Vec<u8>,
) {
    let [t1, t0] = rtype.0.to_be_bytes();
    let [c1, c0] = Class::IN.0.to_be_bytes();
    let [a, b, c, d] = ttl.as_secs().to_be_bytes();
    for rdata in rdatas {
        debug_assert!(rdata.len() <= usize::from(u16::MAX));
        let [high, low] = u16::try_from(rdata.len()).unwrap_or(u16::MAX).to_be_bytes();
        out.extend_from_slice(&[0xC0, 0x0C, t1, t0, c1, c0, a, b, c, d, high, low]);
        out.extend_from_slice(rdata);
    }
}

/// The data of each of some records.
pub fn rdatas(mut records: &[u8]) -> impl Iterator<Item = &[u8]> {
    std::iter::from_fn(move || {
        let (head, rest) = records.split_first_chunk::<RECORD_HEAD_LEN>()?;
        let &[.., high, low] = head;
        let (rdata, rest) = rest.split_at_checked(usize::from(u16::from_be_bytes([high, low])))?;
        records = rest;
        Some(rdata)
    })
}
