//! Record data from the network, its names written in full.
//!
//! Names are expanded wherever the layout of the type has one, whether or not the sender may
//! compress there (RFC 3597 §4). Data that has not the fields of its type then is refused: it would be
//! kept and handed on. What a field holds is left to whom it is for, as with types that nobody knows
//! (RFC 9460 §4.3 says so of service parameters): a set without one of its records is another set, and
//! its signature is of no use. Interprets nothing.

use crate::wire::error::{Field as Part, WireError};
use crate::wire::name::{Name, NameArray};
use crate::wire::numbers::Rtype;
use crate::wire::rdata::check::{Fault, RdataError, check};
use crate::wire::rdata::{Field, fields, fixed_len};
use crate::wire::reader::Reader;

/// The data of a record that stands at `start..end` of `message`, its names written in full.
///
/// # Errors
///
/// Fails if a name cannot be read, or the data is longer or shorter than the fields of its type.
pub fn expand(
    rtype: Rtype,
    message: &[u8],
    start: usize,
    end: usize,
) -> Result<Box<[u8]>, WireError> {
    let mut reader = Reader::new(message.get(..end).unwrap_or_default(), start);
    let mut octets = Vec::with_capacity(end.saturating_sub(start));
    let mut name = NameArray::new(Name::ROOT);
    for &field in fields(rtype) {
        let left = end.saturating_sub(reader.position());
        if let Field::Name(_) = field {
            reader.read_name(&mut name)?;
            octets.extend_from_slice(name.as_name().as_wire());
            continue;
        }
        let rest = Reader::read_octets(&mut { reader }, left, Part::Rdata)?;
        // A field that ends with the data is the last, and no name follows.
        let length = fixed_len(field, rest).unwrap_or(left);
        octets.extend_from_slice(reader.read_octets(length, Part::Rdata)?);
    }
    // Octets behind the last field stay, for the check to refuse.
    let left = end.saturating_sub(reader.position());
    octets.extend_from_slice(reader.read_octets(left, Part::Rdata)?);
    match check(rtype, &octets) {
        Ok(()) | Err(RdataError { fault: Fault::Value(_), .. }) => Ok(octets.into_boxed_slice()),
        Err(_) => Err(WireError::Rdata { at: start }),
    }
}

#[cfg(test)]
mod tests;
