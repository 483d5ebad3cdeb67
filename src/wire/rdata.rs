//! The layout of record data, one table for every use of it.
//!
//! Reading and writing text (`zone::file`), checking `\#` data, finding the names that may be
//! compressed or are lowered in canonical form: all walk the same fields. Does not write text.

pub mod canonical;
pub mod check;
pub mod expand;
pub mod octets;
pub mod svcb;

use std::net::IpAddr;

use crate::wire::name::Name;
use crate::wire::numbers::Rtype;
use crate::wire::rdata::octets::Octets;

/// How a name within record data is treated.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum NameKind {
    /// May be compressed (types of RFC 1035, see RFC 3597 §4); lowered in canonical form.
    Compressible,
    /// Never compressed; lowered in canonical form (RFC 4034 §6.2).
    Lowered,
    /// Never compressed and never lowered (RFC 6840 §5.1).
    Plain,
}

/// One field of record data.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Field {
    /// An unsigned number of one octet.
    U8,
    /// An unsigned number of two octets.
    U16,
    /// An unsigned number of four octets.
    U32,
    /// Seconds in four octets; text may use units such as `1h`.
    Period,
    /// A time in four octets; text may use YYYYMMDDHHmmSS (RFC 4034 §3.2).
    Timestamp,
    /// A record type in two octets.
    Rtype,
    /// A DNSSEC algorithm in one octet; text may use its mnemonic (RFC 4034 appendix A.1).
    Algorithm,
    /// A certificate type in two octets; text may use its mnemonic (RFC 4398 §2.1).
    CertType,
    /// An IPv4 address.
    Ipv4,
    /// An IPv6 address.
    Ipv6,
    /// A domain name.
    Name(NameKind),
    /// A character string: one octet of length, then so many octets.
    CharString,
    /// A character string that may be left out, at the end of the data (ISDN).
    OptionalCharString,
    /// One or more character strings up to the end of the data.
    CharStrings,
    /// The tag of a CAA record: a counted string of letters and digits (RFC 8659 §4.1).
    Tag,
    /// One string without a length up to the end of the data (CAA, URI).
    LongString,
    /// Octets up to the end of the data, in hexadecimal.
    Hex,
    /// Octets up to the end of the data, in Base64.
    Base64,
    /// One octet of length, then so many octets in hexadecimal; `-` if none (NSEC3 salt).
    HexCounted,
    /// One octet of length, then so many octets in Base32hex without padding (NSEC3).
    Base32Counted,
    /// The types that exist at a name, up to the end of the data (RFC 4034 §4.1.2).
    TypeBitmap,
    /// The parameters of a service binding, up to the end of the data (RFC 9460 §2.2).
    SvcParams,
    /// The 16 octets of a LOC record (RFC 1876 §2).
    Location,
    /// Address prefixes up to the end of the data (RFC 3123 §4).
    Prefixes,
    /// Precedence, gateway type, algorithm, gateway and key of IPSECKEY (RFC 4025 §2).
    IpsecKey,
    /// Lengths, algorithm, identity, key and servers of HIP (RFC 8005 §5).
    HostIdentity,
    /// Protocol and port bitmap of WKS (RFC 1035 §3.4.2), after the address.
    Services,
    /// Six octets, `aa-bb-cc-dd-ee-ff` (RFC 7043 §3.2).
    Eui48,
    /// Eight octets, `aa-bb-cc-dd-ee-ff-00-11` (RFC 7043 §4.2).
    Eui64,
    /// Eight octets, `aaaa:bbbb:cccc:dddd` (RFC 6742 §2).
    Locator64,
    /// Octets up to the end of the data, `0x` and hexadecimal in text (RFC 1706 §7).
    Nsap,
    /// Octets up to the end of the data that have no text but `\#` (RFC 3597 §5).
    Opaque,
}

/// The fields of a type's data in order; `Opaque` alone for a type that has no text of its own.
pub fn fields(rtype: Rtype) -> &'static [Field] {
    use Field::{
        Algorithm, Base32Counted, Base64, CertType, CharString, CharStrings, Eui48, Eui64, Hex,
        HexCounted, HostIdentity, IpsecKey, Ipv4, Ipv6, Location, Locator64, LongString, Nsap,
        Opaque, OptionalCharString, Period, Prefixes, Services, SvcParams, Tag, Timestamp,
        TypeBitmap, U8, U16, U32,
    };
    const COMPRESSIBLE: Field = Field::Name(NameKind::Compressible);
    const LOWERED: Field = Field::Name(NameKind::Lowered);
    const PLAIN: Field = Field::Name(NameKind::Plain);
    match rtype {
        Rtype::A => &[Ipv4],
        Rtype::AAAA => &[Ipv6],
        Rtype::NS
        | Rtype::MD
        | Rtype::MF
        | Rtype::CNAME
        | Rtype::MB
        | Rtype::MG
        | Rtype::MR
        | Rtype::PTR => &[COMPRESSIBLE],
        Rtype::SOA => &[COMPRESSIBLE, COMPRESSIBLE, U32, Period, Period, Period, Period],
        Rtype::WKS => &[Ipv4, Services],
        Rtype::HINFO => &[CharString, CharString],
        Rtype::MINFO => &[COMPRESSIBLE, COMPRESSIBLE],
        Rtype::MX => &[U16, COMPRESSIBLE],
        Rtype::TXT | Rtype::SPF => &[CharStrings],
        Rtype::RP => &[LOWERED, LOWERED],
        Rtype::AFSDB | Rtype::RT | Rtype::KX => &[U16, LOWERED],
        Rtype::X25 => &[CharString],
        Rtype::ISDN => &[CharString, OptionalCharString],
        Rtype::NSAP => &[Nsap],
        Rtype::PX => &[U16, LOWERED, LOWERED],
        Rtype::GPOS => &[CharString, CharString, CharString],
        Rtype::LOC => &[Location],
        Rtype::SRV => &[U16, U16, U16, LOWERED],
        Rtype::NAPTR => &[U16, U16, CharString, CharString, CharString, LOWERED],
        Rtype::CERT => &[CertType, U16, Algorithm, Base64],
        Rtype::DNAME => &[LOWERED],
        Rtype::APL => &[Prefixes],
        Rtype::DS | Rtype::CDS => &[U16, Algorithm, U8, Hex],
        Rtype::SSHFP => &[U8, U8, Hex],
        Rtype::IPSECKEY => &[IpsecKey],
        Rtype::RRSIG | Rtype::SIG => {
            &[Field::Rtype, Algorithm, U8, U32, Timestamp, Timestamp, U16, LOWERED, Base64]
        }
        Rtype::NSEC => &[PLAIN, TypeBitmap],
        Rtype::DNSKEY | Rtype::CDNSKEY | Rtype::KEY => &[U16, U8, Algorithm, Base64],
        Rtype::DHCID | Rtype::OPENPGPKEY => &[Base64],
        Rtype::NSEC3 => &[U8, U8, U16, HexCounted, Base32Counted, TypeBitmap],
        Rtype::NSEC3PARAM => &[U8, U8, U16, HexCounted],
        Rtype::TLSA | Rtype::SMIMEA => &[U8, U8, U8, Hex],
        Rtype::HIP => &[HostIdentity],
        Rtype::CSYNC => &[U32, U16, TypeBitmap],
        Rtype::ZONEMD => &[U32, U8, U8, Hex],
        Rtype::SVCB | Rtype::HTTPS => &[U16, PLAIN, SvcParams],
        Rtype::NID | Rtype::L64 => &[U16, Locator64],
        Rtype::L32 => &[U16, Ipv4],
        Rtype::LP => &[U16, PLAIN],
        Rtype::EUI48 => &[Eui48],
        Rtype::EUI64 => &[Eui64],
        Rtype::URI => &[U16, U16, LongString],
        Rtype::CAA => &[U8, Tag, LongString],
        _ => &[Opaque],
    }
}

/// A name within record data.
#[derive(Clone, Copy, Debug)]
pub struct Embedded<'a> {
    /// Octets of the data before the name.
    pub offset: usize,
    /// The name.
    pub name: Name<'a>,
    /// How it is treated.
    pub kind: NameKind,
}

/// The address that the data of an A or AAAA record is.
pub fn address(rdata: &[u8]) -> Option<IpAddr> {
    let v4 = || <[u8; 4]>::try_from(rdata).ok().map(IpAddr::from);
    v4().or_else(|| <[u8; 16]>::try_from(rdata).ok().map(IpAddr::from))
}

/// The names that stand as fields of their own in the data, in order.
///
/// The data must be well-formed; at the first field that is not, the walk ends. The gateway of
/// IPSECKEY and the servers of HIP are not told: nothing is done with them.
pub fn embedded_names(rtype: Rtype, rdata: &[u8]) -> impl Iterator<Item = Embedded<'_>> {
    let mut offset = 0;
    fields(rtype)
        .iter()
        .map_while(move |&field| {
            let rest = rdata.get(offset..)?;
            let start = offset;
            let Field::Name(kind) = field else {
                offset += fixed_len(field, rest)?;
                return Some(None);
            };
            let name = Name::read(rest).ok()?;
            offset += name.len();
            Some(Some(Embedded { offset: start, name, kind }))
        })
        .flatten()
}

/// The octets of a field whose length can be told without reading to the end of the data.
pub fn fixed_len(field: Field, rest: &[u8]) -> Option<usize> {
    let counted = || rest.first().map(|&length| usize::from(length) + 1);
    let length = match field {
        Field::U8 | Field::Algorithm => 1,
        Field::U16 | Field::Rtype | Field::CertType => 2,
        Field::U32 | Field::Period | Field::Timestamp | Field::Ipv4 => 4,
        Field::Eui48 => 6,
        Field::Eui64 | Field::Locator64 => 8,
        Field::Ipv6 | Field::Location => 16,
        Field::CharString | Field::Tag | Field::HexCounted | Field::Base32Counted => counted()?,
        Field::Name(_)
        | Field::OptionalCharString
        | Field::CharStrings
        | Field::LongString
        | Field::Hex
        | Field::Base64
        | Field::TypeBitmap
        | Field::SvcParams
        | Field::Prefixes
        | Field::IpsecKey
        | Field::HostIdentity
        | Field::Services
        | Field::Nsap
        | Field::Opaque => return None,
    };
    Some(length)
}

/// The types that a bitmap lists, in ascending order if it is well-formed (RFC 4034 §4.1.2).
pub fn listed_types(bitmap: &[u8]) -> impl Iterator<Item = Rtype> {
    let mut octets = Octets::new(bitmap);
    let windows =
        std::iter::from_fn(move || Some((octets.take_u8()?, octets.take_counted().unwrap_or(&[]))));
    windows.flat_map(|(window, bits)| {
        bits.iter().zip(0_u8..).flat_map(move |(&octet, high)| {
            (0..8_u8).filter(move |bit| octet & (0x80 >> bit) != 0).map(move |bit| {
                let low = high.wrapping_mul(8).wrapping_add(bit);
                Rtype(u16::from_be_bytes([window, low]))
            })
        })
    })
}
