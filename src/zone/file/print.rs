//! Writes records as text, one on a line, the data as BIND's `named-compilezone -s full` does.
//!
//! Hexadecimal and Base64 are written unbroken, where BIND puts a blank after 56 characters.
//! Everything is fully qualified and reads back to the same octets.

use std::fmt;

use crate::wire::numbers::Rtype;
use crate::zone::file::rdata;
use crate::zone::file::reader::Record;

/// The text of record data. Data that is not well-formed is written as `\#` (RFC 3597 §5).
pub fn rdata(rtype: Rtype, octets: &[u8]) -> impl fmt::Display + '_ {
    Rdata { rtype, octets }
}

/// Writes a record and its line end.
///
/// # Errors
///
/// Fails if `out` does.
pub fn write_record(out: &mut impl fmt::Write, record: &Record<'_>) -> fmt::Result {
    let Record { owner, ttl, class, rtype, .. } = record;
    let data = rdata(*rtype, record.rdata).to_string();
    if data.is_empty() {
        return writeln!(out, "{owner} {ttl} {class} {rtype}");
    }
    writeln!(out, "{owner} {ttl} {class} {rtype} {data}")
}

struct Rdata<'a> {
    rtype: Rtype,
    octets: &'a [u8],
}

impl fmt::Display for Rdata<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        rdata::write(self.rtype, self.octets, f)
    }
}
