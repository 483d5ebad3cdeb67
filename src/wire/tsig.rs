//! The TSIG record of a query signed with a key that we do not have (RFC 8945).
//!
//! Reads what a refusal repeats and writes the refusal. Verifies and signs nothing.

use crate::wire::error::{Field, NoSpace, WireError};
use crate::wire::name::{Name, NameArray};
use crate::wire::numbers::{Class, Rcode, Rtype};
use crate::wire::reader::Reader;
use crate::wire::writer::Writer;

/// Octets of time signed, fudge, MAC size, original ID, error and other length in an unsigned record.
const FIXED_LEN: u16 = 16;

/// What a TSIG record says of its key.
#[derive(Clone, Copy, Debug)]
pub struct Tsig {
    /// The name of the key.
    key: NameArray,
    /// The algorithm, which is a name.
    algorithm: NameArray,
    /// When it was signed, in seconds since 1970.
    time_signed: [u8; 6],
    /// By how many seconds the clocks may differ.
    fudge: u16,
    /// The ID the message had when it was signed.
    original_id: u16,
}

impl Tsig {
    /// Reads the record that begins at the octet `at` of `message`.
    ///
    /// # Errors
    ///
    /// Fails if the record does not have the form of RFC 8945 §4.2.
    pub fn read(message: &[u8], at: usize) -> Result<Self, WireError> {
        let malformed = WireError::Tsig { at };
        let mut reader = Reader::new(message, at);
        let mut key = NameArray::new(Name::ROOT);
        reader.read_name(&mut key)?;
        let _rtype = reader.read_u16(Field::RecordHeader)?;
        let class = Class(reader.read_u16(Field::RecordHeader)?);
        let _ttl = reader.read_u32(Field::RecordHeader)?;
        let length = usize::from(reader.read_u16(Field::RecordHeader)?);
        let rdata_at = reader.position();
        reader.read_octets(length, Field::Rdata)?;
        let mut rdata = Reader::new(message.get(..rdata_at + length).ok_or(malformed)?, rdata_at);
        let algorithm = NameArray::new(rdata.read_plain_name()?);
        let time_signed = *rdata.read_octets(6, Field::Rdata)?.first_chunk().ok_or(malformed)?;
        let fudge = rdata.read_u16(Field::Rdata)?;
        let mac_len = usize::from(rdata.read_u16(Field::Rdata)?);
        rdata.read_octets(mac_len, Field::Rdata)?;
        let original_id = rdata.read_u16(Field::Rdata)?;
        let _error = rdata.read_u16(Field::Rdata)?;
        let other_len = usize::from(rdata.read_u16(Field::Rdata)?);
        rdata.read_octets(other_len, Field::Rdata)?;
        if class != Class::ANY || !rdata.is_at_end() {
            return Err(malformed);
        }
        Ok(Self { key, algorithm, time_signed, fudge, original_id })
    }

    /// Writes the record of a reply that says `error`, without a signature (RFC 8945 §5.3.2).
    ///
    /// # Errors
    ///
    /// Fails if there is no room; a part of the record may have been written then.
    pub fn write_unsigned(&self, error: Rcode, writer: &mut Writer<'_>) -> Result<(), NoSpace> {
        let (key, algorithm) = (self.key.as_name(), self.algorithm.as_name());
        let length = u16::try_from(algorithm.len()).map_err(|_| NoSpace)? + FIXED_LEN;
        writer.write_octets(key.as_wire())?;
        writer.write_u16(Rtype::TSIG.0)?;
        writer.write_u16(Class::ANY.0)?;
        writer.write_octets(&[0; 4])?;
        writer.write_u16(length)?;
        writer.write_octets(algorithm.as_wire())?;
        writer.write_octets(&self.time_signed)?;
        let mac_len = 0;
        let other_len = 0;
        for number in [self.fudge, mac_len, self.original_id, error.0, other_len] {
            writer.write_u16(number)?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests;
