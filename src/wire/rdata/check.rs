//! Whether octets are well-formed data of a type: exact lengths, plain names, no forbidden values.
//!
//! Does not look at what the data means. For `\#` text of a zone file, for `zone::file::print`,
//! and for data from the network after its names have been decompressed.

use std::fmt;
use std::ops::RangeInclusive;

use crate::wire::error::WireError;
use crate::wire::numbers::Rtype;
use crate::wire::rdata::octets::Octets;
use crate::wire::rdata::svcb;
use crate::wire::rdata::{Field, fields};

/// Why octets are not data of a type.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct RdataError {
    /// Octets of the data before the field that is wrong.
    pub at: usize,
    /// What is wrong with it.
    pub fault: Fault,
}

/// What is wrong with a field of record data.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Fault {
    /// The data ends within the field.
    Short(Field),
    /// The octets are not a name without pointers; the position counts from the field.
    Name(WireError),
    /// The field has a value that the type forbids.
    Value(Field),
    /// Octets follow the last field.
    Trailing,
}

impl fmt::Display for RdataError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let at = self.at;
        match self.fault {
            Fault::Short(field) => write!(f, "the data ends within the {field:?} at octet {at}"),
            Fault::Name(error) => write!(f, "no plain name at octet {at}: {error}"),
            Fault::Value(field) => write!(f, "a forbidden {field:?} at octet {at}"),
            Fault::Trailing => write!(f, "more octets than the type has, from octet {at} on"),
        }
    }
}

impl std::error::Error for RdataError {}

/// Checks that octets are well-formed data of a type. Data of types without a layout always is.
///
/// # Errors
///
/// Fails at the first field that is not well-formed.
pub fn check(rtype: Rtype, rdata: &[u8]) -> Result<(), RdataError> {
    let mut octets = Octets::new(rdata);
    for &field in fields(rtype) {
        let at = rdata.len() - octets.len();
        check_field(rtype, field, rdata, &mut octets).map_err(|fault| RdataError { at, fault })?;
    }
    if !octets.is_empty() {
        return Err(RdataError { at: rdata.len() - octets.len(), fault: Fault::Trailing });
    }
    Ok(())
}

fn check_field(
    rtype: Rtype,
    field: Field,
    rdata: &[u8],
    octets: &mut Octets<'_>,
) -> Result<(), Fault> {
    let long_enough = |good: bool| good.then_some(()).ok_or(Fault::Short(field));
    let allowed = |good: bool| good.then_some(()).ok_or(Fault::Value(field));
    match field {
        Field::U8 | Field::Algorithm => long_enough(octets.take(1).is_some()),
        Field::U16 | Field::Rtype | Field::CertType => long_enough(octets.take(2).is_some()),
        Field::U32 | Field::Period | Field::Timestamp | Field::Ipv4 => {
            long_enough(octets.take(4).is_some())
        }
        Field::Eui48 => long_enough(octets.take(6).is_some()),
        Field::Eui64 | Field::Locator64 => long_enough(octets.take(8).is_some()),
        Field::Ipv6 => long_enough(octets.take(16).is_some()),
        Field::CharString if rtype == Rtype::X25 => {
            let address = octets.take_counted().ok_or(Fault::Short(field))?;
            allowed(address.len() >= 4 && address.iter().all(u8::is_ascii_digit))
        }
        Field::CharString | Field::HexCounted => long_enough(octets.take_counted().is_some()),
        Field::OptionalCharString => {
            long_enough(octets.is_empty() || octets.take_counted().is_some())
        }
        Field::CharStrings => long_enough(check_strings(octets)),
        Field::Tag => {
            let tag = octets.take_counted().ok_or(Fault::Short(field))?;
            allowed(!tag.is_empty() && tag.iter().all(u8::is_ascii_alphanumeric))
        }
        Field::Base32Counted => {
            allowed(!octets.take_counted().ok_or(Fault::Short(field))?.is_empty())
        }
        Field::Location => allowed(is_location(octets.take(16).ok_or(Fault::Short(field))?)),
        Field::LongString => {
            octets.take_rest();
            Ok(())
        }
        Field::Base64 if has_no_key(rtype, rdata) => Ok(()),
        Field::Base64 | Field::Nsap => long_enough(!octets.take_rest().is_empty()),
        Field::Hex => {
            let digest = octets.take_rest();
            let wanted = digest_len(rtype, rdata);
            long_enough(!digest.is_empty())?;
            allowed(wanted.is_none_or(|wanted| wanted.contains(&digest.len())))
        }
        Field::TypeBitmap => {
            let bitmap = octets.take_rest();
            // RFC 4034 §4.1.2: a name with NSEC has at least that type and RRSIG.
            let may_be_empty = rtype != Rtype::NSEC;
            allowed(is_type_bitmap(bitmap) && (may_be_empty || !bitmap.is_empty()))
        }
        // RFC 9460 §2.4.2: an alias should have no parameters, and who reads it ignores them.
        Field::SvcParams => allowed(svcb::are_params(octets.take_rest())),
        Field::Prefixes => allowed(are_prefixes(octets)),
        Field::Services => check_services(octets),
        Field::Name(_) => octets.take_name().map(drop).map_err(Fault::Name),
        Field::IpsecKey => check_ipsec_key(octets),
        Field::HostIdentity => check_host_identity(octets),
        Field::Opaque => {
            octets.take_rest();
            Ok(())
        }
    }
}

/// One or more counted strings up to the end.
fn check_strings(octets: &mut Octets<'_>) -> bool {
    if octets.is_empty() {
        return false;
    }
    while !octets.is_empty() {
        if octets.take_counted().is_none() {
            return false;
        }
    }
    true
}

/// How long the digest at the end of the data may be, where its algorithm says so.
fn digest_len(rtype: Rtype, rdata: &[u8]) -> Option<RangeInclusive<usize>> {
    const ZONEMD_LEN_MIN: usize = 12;
    let exactly = |length| Some(length..=length);
    match (rtype, rdata) {
        // RFC 4034 appendix A.2, RFC 4509, 5933, 6605.
        (Rtype::DS | Rtype::CDS, [_, _, _, digest, ..]) => match digest {
            1 => exactly(20),
            2 | 3 => exactly(32),
            4 => exactly(48),
            _ => None,
        },
        // RFC 4255 §3.1.2, RFC 6594 §4.
        (Rtype::SSHFP, [_, digest, ..]) => match digest {
            1 => exactly(20),
            2 => exactly(32),
            _ => None,
        },
        // RFC 8976 §2.2.
        (Rtype::ZONEMD, [_, _, _, _, _, digest, ..]) => match digest {
            1 => exactly(48),
            2 => exactly(64),
            _ => Some(ZONEMD_LEN_MIN..=usize::MAX),
        },
        _ => None,
    }
}

/// Whether this is a KEY whose flags say that it holds no key (RFC 2535 §3.1.2).
pub fn has_no_key(rtype: Rtype, rdata: &[u8]) -> bool {
    rtype == Rtype::KEY && rdata.first().is_some_and(|flags| flags & 0xC0 == 0xC0)
}

/// Windows in ascending order, each of 1 to 32 octets and without a zero at its end
/// (RFC 4034 §4.1.2).
fn is_type_bitmap(bitmap: &[u8]) -> bool {
    let mut octets = Octets::new(bitmap);
    let mut last = None;
    while let Some(window) = octets.take_u8() {
        let Some(bits) = octets.take_counted() else { return false };
        let ascending = last.is_none_or(|last| window > last);
        if !ascending || bits.len() > 32 || bits.last().is_none_or(|&bits| bits == 0) {
            return false;
        }
        last = Some(window);
    }
    true
}

/// Sizes are a digit and a power of ten up to nine; coordinates lie on the globe (RFC 1876 §2).
///
/// A version above zero has a meaning that is not known, and anything goes.
fn is_location(value: &[u8]) -> bool {
    const DEGREE: u32 = 3_600_000;
    let mut octets = Octets::new(value);
    let (Some([version, sizes @ ..]), Some(latitude), Some(longitude)) =
        (octets.take_array::<4>(), octets.take_u32(), octets.take_u32())
    else {
        return false;
    };
    let is_size = |size: &u8| size >> 4 <= 9 && size & 0x0F <= 9;
    version != 0
        || sizes.iter().all(is_size)
            && latitude.abs_diff(1 << 31) <= 90 * DEGREE
            && longitude.abs_diff(1 << 31) <= 180 * DEGREE
}

/// Address prefixes up to the end, none longer than its family allows, without zeros at the end
/// (RFC 3123 §4).
fn are_prefixes(octets: &mut Octets<'_>) -> bool {
    while !octets.is_empty() {
        let (Some(family), Some([prefix, length])) = (octets.take_u16(), octets.take_array())
        else {
            return false;
        };
        let Some(address) = octets.take(usize::from(length & 0x7F)) else { return false };
        let bits: usize = match family {
            1 => 32,
            2 => 128,
            _ => usize::MAX,
        };
        let fits = usize::from(prefix) <= bits && address.len() <= bits / 8;
        if !fits || address.last() == Some(&0) {
            return false;
        }
    }
    true
}

/// A protocol and a bitmap of ports without zeros at its end (RFC 1035 §3.4.2).
fn check_services(octets: &mut Octets<'_>) -> Result<(), Fault> {
    octets.take_u8().ok_or(Fault::Short(Field::Services))?;
    let bitmap = octets.take_rest();
    let good = bitmap.len() <= 65_536 / 8 && bitmap.last() != Some(&0);
    good.then_some(()).ok_or(Fault::Value(Field::Services))
}

/// Precedence, gateway type, algorithm, gateway and key (RFC 4025 §2).
///
/// Algorithm 0 says that there is no key; some write one all the same.
fn check_ipsec_key(octets: &mut Octets<'_>) -> Result<(), Fault> {
    let short = Fault::Short(Field::IpsecKey);
    let [_precedence, gateway, algorithm] = octets.take_array().ok_or(short)?;
    match gateway {
        0 => {}
        1 => drop(octets.take(4).ok_or(short)?),
        2 => drop(octets.take(16).ok_or(short)?),
        3 => drop(octets.take_name().map_err(Fault::Name)?),
        _ => return Err(Fault::Value(Field::IpsecKey)),
    }
    let key = octets.take_rest();
    (algorithm == 0 || !key.is_empty()).then_some(()).ok_or(short)
}

/// Identity and key, neither of them empty, and the names of servers (RFC 8005 §5).
fn check_host_identity(octets: &mut Octets<'_>) -> Result<(), Fault> {
    let short = Fault::Short(Field::HostIdentity);
    let identity_len = octets.take_u8().ok_or(short)?;
    let _algorithm = octets.take_u8().ok_or(short)?;
    let key_len = octets.take_u16().ok_or(short)?;
    if identity_len == 0 || key_len == 0 {
        return Err(Fault::Value(Field::HostIdentity));
    }
    octets.take(usize::from(identity_len)).ok_or(short)?;
    octets.take(usize::from(key_len)).ok_or(short)?;
    while !octets.is_empty() {
        octets.take_name().map_err(Fault::Name)?;
    }
    Ok(())
}

#[cfg(test)]
mod tests;
