//! The OPT pseudo-record of EDNS (RFC 6891): what a query asks for, and writing ours.

use crate::base::limits::UDP_SIZE_MIN;
use crate::wire::error::{Field, NoSpace, WireError};
use crate::wire::numbers::{Rcode, Rtype};
use crate::wire::reader::Reader;
use crate::wire::writer::Writer;

/// The EDNS version that is offered (RFC 6891 §6.1.3).
pub const VERSION: u8 = 0;

/// Octets of an OPT record without options.
pub const OPT_LEN: usize = 11;

/// The DO bit in the flags of OPT (RFC 3225 §3).
const DO: u16 = 0x8000;

/// The option code of an extended error (RFC 8914 §2).
const EXTENDED_ERROR: u16 = 15;

/// What the OPT record of a query says.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Edns {
    /// The largest reply over UDP that the client takes, in octets; at least 512
    /// (RFC 6891 §6.2.3).
    pub udp_size: usize,
    /// The version the client speaks.
    pub version: u8,
    /// Whether the client wants DNSSEC records (RFC 3225 §3).
    pub dnssec_ok: bool,
}

impl Edns {
    /// Reads an OPT record from behind its type. Options are checked for their framing and are
    /// otherwise passed over (RFC 6891 §6.1.2).
    ///
    /// # Errors
    ///
    /// Fails if the record or one of its options is cut short.
    pub fn read(reader: &mut Reader<'_>) -> Result<Self, WireError> {
        let size = reader.read_u16(Field::RecordHeader)?;
        let _extended_rcode = reader.read_u8(Field::RecordHeader)?;
        let version = reader.read_u8(Field::RecordHeader)?;
        let flags = reader.read_u16(Field::RecordHeader)?;
        let length = usize::from(reader.read_u16(Field::RecordHeader)?);
        let at = reader.position();
        let mut options = Reader::new(reader.read_octets(length, Field::Rdata)?, 0);
        // The options of other versions may look otherwise (RFC 6891 §6.1.3).
        while version == VERSION && !options.is_at_end() {
            Self::skip_option(&mut options).map_err(|error| error.moved(at))?;
        }
        let udp_size = usize::from(size).max(UDP_SIZE_MIN);
        Ok(Self { udp_size, version, dnssec_ok: flags & DO != 0 })
    }

    fn skip_option(options: &mut Reader<'_>) -> Result<(), WireError> {
        let _code = options.read_u16(Field::EdnsOption)?;
        let length = options.read_u16(Field::EdnsOption)?;
        options.read_octets(usize::from(length), Field::EdnsOption)?;
        Ok(())
    }
}

/// Why an answer failed, told in more detail than the response code can (RFC 8914 §4).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ExtendedError(pub u16);

impl ExtendedError {
    /// The server is not authoritative for the name, and offers nothing else (EDE 20).
    pub const NOT_AUTHORITATIVE: Self = Self(20);
    /// The zone's data cannot be used (EDE 24, Invalid Data).
    pub const INVALID_DATA: Self = Self(24);
}

/// The OPT record of a reply.
#[derive(Clone, Copy, Debug)]
pub struct ReplyOpt {
    /// The largest query over UDP that we take, in octets.
    pub udp_size: u16,
    /// The whole response code; its upper eight bits go into the OPT record.
    pub rcode: Rcode,
    /// Whether the query's DO bit is copied (RFC 3225 §3).
    pub dnssec_ok: bool,
    /// Why the answer failed.
    pub extended_error: Option<ExtendedError>,
}

impl ReplyOpt {
    /// Octets the record takes.
    pub fn wire_len(&self) -> usize {
        OPT_LEN + if self.extended_error.is_some() { 6 } else { 0 }
    }

    /// Writes the record.
    ///
    /// # Errors
    ///
    /// Fails if there is no room for `wire_len()` octets.
    pub fn write(&self, writer: &mut Writer<'_>) -> Result<(), NoSpace> {
        let rcode_high = (self.rcode.0 >> 4 & 0xFF) as u8;
        let flags = if self.dnssec_ok { DO } else { 0 };
        writer.write_octets(&[0])?;
        writer.write_u16(Rtype::OPT.0)?;
        writer.write_u16(self.udp_size)?;
        writer.write_octets(&[rcode_high, VERSION])?;
        writer.write_u16(flags)?;
        match self.extended_error {
            None => writer.write_u16(0),
            Some(error) => {
                writer.write_u16(6)?;
                writer.write_u16(EXTENDED_ERROR)?;
                writer.write_u16(2)?;
                writer.write_u16(error.0)
            }
        }
    }
}
