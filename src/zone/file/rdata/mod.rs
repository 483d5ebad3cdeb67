//! The data of records: text to wire and wire to text, field by field along `wire::rdata::fields`.
//!
//! Each kind of field has its reader and its writer side by side. Does not know zones or
//! diagnostics. Called by `entry`, `generate` and `print`.

mod apl;
mod bitmap;
mod encoded;
mod form;
mod identifier;
mod key;
mod loc;
mod mnemonic;
pub(super) mod number;
pub(super) mod string;
mod svcb;
pub(super) mod time;
mod wks;

use std::fmt;
use std::net::{Ipv4Addr, Ipv6Addr};

use crate::wire::name::{Name, NameTextError, write_text};
use crate::wire::numbers::Rtype;
use crate::wire::rdata::check::{check, has_no_key};
use crate::wire::rdata::octets::Octets;
use crate::wire::rdata::{Field, fields};
use crate::zone::file::code;
use crate::zone::file::lexer::{Word, Words};
use crate::zone::file::problem::Problem;

/// Octets of record data: its length field has two octets (RFC 1035 §3.2.1).
const DATA_LEN_MAX: usize = 65_535;

/// Room that readers of fields use again for every record.
#[derive(Debug, Default)]
pub(super) struct Scratch {
    octets: Vec<u8>,
    types: Vec<u16>,
}

/// Record data under construction.
#[derive(Debug)]
pub(super) struct Data<'d> {
    /// The type of the record.
    pub(super) rtype: Rtype,
    /// What completes relative names.
    pub(super) origin: Option<Name<'d>>,
    /// The data in wire form; empty at the start.
    pub(super) octets: &'d mut Vec<u8>,
    /// Room for intermediate results.
    pub(super) scratch: &'d mut Scratch,
}

/// Reads the words that are left as the data of a record, `\#` included (RFC 3597 §5).
///
/// # Errors
///
/// Fails if they are not data of the type, or more than that.
pub(super) fn read(words: &mut Words<'_>, data: &mut Data<'_>) -> Result<(), Problem> {
    let whole = words.extent();
    if words.peek().is_some_and(|word| !word.quoted && word.text == br"\#") {
        words.next();
        return read_generic(words, data);
    }
    let rtype = data.rtype;
    for &field in fields(rtype) {
        read_field(field, words, data).map_err(|problem| form::explain(rtype, problem))?;
    }
    if let Some(extra) = words.next() {
        let message = format!("{} stands after the end of the data", extra.shown());
        return Err(form::explain(rtype, extra.problem(code::EXTRA_DATA, message)));
    }
    if data.octets.len() > DATA_LEN_MAX {
        return Err(Problem::new(whole, code::DATA_TOO_LONG, "more than 65535 octets of data"));
    }
    // The readers of the fields have seen to everything but what fields say of each other.
    if has_related_fields(rtype) {
        check(rtype, data.octets).map_err(|_| {
            let message = format!("these values do not fit together in {rtype}");
            form::explain(rtype, Problem::new(whole, code::BAD_VALUE, message))
        })?;
    }
    debug_assert_eq!(check(rtype, data.octets), Ok(()), "{rtype} is read as it is checked");
    Ok(())
}

/// Whether one field limits the length of another: a digest, the digits of an address.
fn has_related_fields(rtype: Rtype) -> bool {
    matches!(rtype, Rtype::DS | Rtype::CDS | Rtype::SSHFP | Rtype::ZONEMD | Rtype::X25)
}

/// Reads a length and that many octets in hexadecimal, and checks that the type allows them.
fn read_generic(words: &mut Words<'_>, data: &mut Data<'_>) -> Result<(), Problem> {
    let length = words.expect("the length of the data")?;
    let count = usize::from(number::parse::<u16>(&length)?);
    let whole = words.extent();
    if !words.is_empty() {
        encoded::read_hex(words, data)?;
    }
    if data.octets.len() != count {
        let message = format!("{} octets of data, and {count} are announced", data.octets.len());
        return Err(length.problem(code::BAD_UNKNOWN_DATA, message));
    }
    check(data.rtype, data.octets).map_err(|error| {
        let message = format!("these octets are not data of {}: {error}", data.rtype);
        Problem::new(whole, code::BAD_UNKNOWN_DATA, message)
    })
}

fn read_field(field: Field, words: &mut Words<'_>, data: &mut Data<'_>) -> Result<(), Problem> {
    match field {
        Field::U8 => number::read::<u8>(words, data),
        Field::U16 => number::read::<u16>(words, data),
        Field::U32 => number::read::<u32>(words, data),
        Field::Period => time::read_period(words, data),
        Field::Timestamp => time::read_timestamp(words, data),
        Field::Rtype => bitmap::read_type(words, data),
        Field::Algorithm => mnemonic::read_algorithm(words, data),
        Field::CertType => mnemonic::read_cert_type(words, data),
        Field::Ipv4 => {
            let address = parse_ipv4(&words.expect("an IPv4 address")?)?;
            data.octets.extend_from_slice(&address.octets());
            Ok(())
        }
        Field::Ipv6 => {
            let address = parse_ipv6(&words.expect("an IPv6 address")?)?;
            data.octets.extend_from_slice(&address.octets());
            Ok(())
        }
        Field::Name(_) => read_name(&words.expect("a domain name")?, data.origin, data.octets),
        Field::CharString => string::read(&words.expect_string("a string")?, data.octets),
        Field::OptionalCharString => match words.next() {
            Some(word) => string::read(&word, data.octets),
            None => Ok(()),
        },
        Field::CharStrings => string::read_all(words, data.octets),
        Field::Tag => string::read_tag(words, data.octets),
        Field::LongString => string::read_long(words, data),
        Field::Hex => encoded::read_hex(words, data),
        // A KEY that says it has no key ends before it.
        Field::Base64 if has_no_key(data.rtype, data.octets) => Ok(()),
        Field::Base64 => encoded::read_base64(words, data),
        Field::HexCounted => encoded::read_salt(words, data),
        Field::Base32Counted => encoded::read_hash(words, data),
        Field::TypeBitmap => bitmap::read(words, data),
        Field::SvcParams => svcb::read(words, data),
        Field::Location => loc::read(words, data.octets),
        Field::Prefixes => apl::read(words, data.octets),
        Field::IpsecKey => key::read_ipsec(words, data),
        Field::HostIdentity => key::read_host_identity(words, data),
        Field::Services => wks::read(words, data.octets),
        Field::Eui48 => identifier::read_eui::<6>(words, data.octets),
        Field::Eui64 => identifier::read_eui::<8>(words, data.octets),
        Field::Locator64 => identifier::read_locator(words, data.octets),
        Field::Nsap => identifier::read_nsap(words, data),
        Field::Opaque => {
            let message = format!("{} has no text form of its own", data.rtype);
            Err(Problem::new(words.extent(), code::NO_TEXT_FORM, message)
                .hint("write the data as \\#, its length in octets, and the octets in hexadecimal"))
        }
    }
}

/// Reads a domain name into wire form.
///
/// # Errors
///
/// Fails if the word is not a name, or is relative and there is no origin.
pub(super) fn read_name(
    word: &Word<'_>,
    origin: Option<Name<'_>>,
    octets: &mut Vec<u8>,
) -> Result<(), Problem> {
    write_text(word.text, origin, octets).map_err(|error| name_problem(word, error))
}

fn name_problem(word: &Word<'_>, error: NameTextError) -> Problem {
    let shown = word.shown();
    match error {
        NameTextError::Relative => word
            .problem(code::NO_ORIGIN, format!("{shown} is relative, and there is no origin"))
            .hint("end the name with a dot, or put $ORIGIN before it"),
        NameTextError::Escape => word
            .problem(code::BAD_ESCAPE, format!("{shown} has {error}"))
            .hint("write \\\\ for a backslash, and three digits for the number of an octet"),
        NameTextError::Empty
        | NameTextError::EmptyLabel
        | NameTextError::LabelLength
        | NameTextError::NameLength => {
            word.problem(code::BAD_NAME, format!("{shown} is not a name: {error}"))
        }
    }
}

fn parse_ipv4(word: &Word<'_>) -> Result<Ipv4Addr, Problem> {
    ipv4_octets(word.text).map(Ipv4Addr::from).ok_or_else(|| {
        let text = word.as_str().unwrap_or_default();
        let hint = if text.parse::<Ipv6Addr>().is_ok() {
            "this is an IPv6 address, which an AAAA record holds"
        } else if text.bytes().all(|octet| octet.is_ascii_digit() || octet == b'.') {
            "an IPv4 address is four numbers from 0 to 255 without leading zeros, as in 192.0.2.1"
        } else {
            "an IPv4 address looks like 192.0.2.1; to point at a name, use CNAME"
        };
        word.problem(code::BAD_ADDRESS, format!("{} is not an IPv4 address", word.shown()))
            .hint(hint)
    })
}

/// Four numbers without leading zeros, as the standard library reads them, in a tenth of the steps:
/// there are zones of little else.
fn ipv4_octets(text: &[u8]) -> Option<[u8; 4]> {
    let mut octets = [0; 4];
    let mut slots = octets.iter_mut();
    let (mut number, mut digits) = (0_u16, 0);
    for octet in text {
        let digit = octet.wrapping_sub(b'0');
        if digit < 10 {
            if number > 25 || (number == 0 && digits > 0) {
                return None;
            }
            number = number * 10 + u16::from(digit);
            digits += 1;
        } else if *octet == b'.' && digits > 0 {
            *slots.next()? = u8::try_from(number).ok()?;
            (number, digits) = (0, 0);
        } else {
            return None;
        }
    }
    *slots.next()? = u8::try_from(number).ok().filter(|_| digits > 0)?;
    slots.next().is_none().then_some(octets)
}

fn parse_ipv6(word: &Word<'_>) -> Result<Ipv6Addr, Problem> {
    let text = word.as_str().unwrap_or_default();
    text.parse().map_err(|_| {
        let hint = if text.parse::<Ipv4Addr>().is_ok() {
            "this is an IPv4 address, which an A record holds"
        } else {
            "an IPv6 address looks like 2001:db8::1"
        };
        word.problem(code::BAD_ADDRESS, format!("{} is not an IPv6 address", word.shown()))
            .hint(hint)
    })
}

/// Items of one line with a blank between them.
pub(super) struct Line<'w> {
    out: &'w mut dyn fmt::Write,
    started: bool,
}

impl<'w> Line<'w> {
    fn new(out: &'w mut dyn fmt::Write) -> Self {
        Self { out, started: false }
    }

    fn item(&mut self, item: impl fmt::Display) -> fmt::Result {
        if self.started {
            self.out.write_char(' ')?;
        }
        self.started = true;
        write!(self.out, "{item}")
    }
}

/// Writes record data as text on one line; data that is not well-formed as `\#`.
///
/// # Errors
///
/// Fails if `out` does.
pub(super) fn write(rtype: Rtype, rdata: &[u8], out: &mut dyn fmt::Write) -> fmt::Result {
    let mut line = Line::new(out);
    if fields(rtype) == [Field::Opaque] || check(rtype, rdata).is_err() || !has_text(rtype, rdata) {
        return write_generic(rdata, &mut line);
    }
    let mut octets = Octets::new(rdata);
    for &field in fields(rtype) {
        // `check` has seen that no field is cut short.
        write_field(rtype, field, &mut octets, &mut line).unwrap_or(Ok(()))?;
    }
    Ok(())
}

fn write_generic(rdata: &[u8], line: &mut Line<'_>) -> fmt::Result {
    line.item(format_args!("\\# {}", rdata.len()))?;
    if rdata.is_empty() { Ok(()) } else { line.item(encoded::hex(rdata)) }
}

/// Whether well-formed data can be written by its fields: not a LOC of another version, nor
/// prefixes of families without a text form.
fn has_text(rtype: Rtype, rdata: &[u8]) -> bool {
    match rtype {
        Rtype::LOC => rdata.first() == Some(&0),
        Rtype::APL => apl::has_text(rdata),
        _ => true,
    }
}

/// Writes one field; `None` if the data is cut short.
fn write_field(
    rtype: Rtype,
    field: Field,
    octets: &mut Octets<'_>,
    line: &mut Line<'_>,
) -> Option<fmt::Result> {
    Some(match field {
        Field::U8 => line.item(octets.take_u8()?),
        Field::U16 => line.item(octets.take_u16()?),
        Field::U32 | Field::Period => line.item(octets.take_u32()?),
        Field::Timestamp => line.item(time::Timestamp(octets.take_u32()?)),
        Field::Rtype => line.item(Rtype(octets.take_u16()?)),
        Field::Algorithm => mnemonic::write_algorithm(rtype, octets.take_u8()?, line),
        Field::CertType => mnemonic::write_cert_type(octets.take_u16()?, line),
        Field::Ipv4 => line.item(Ipv4Addr::from(octets.take_array::<4>()?)),
        Field::Ipv6 => line.item(ipv6(Ipv6Addr::from(octets.take_array::<16>()?))),
        Field::Name(_) => line.item(octets.take_name().ok()?),
        Field::CharString => line.item(string::Quoted(octets.take_counted()?)),
        Field::OptionalCharString | Field::CharStrings => string::write_all(octets, line),
        Field::Tag => line.item(String::from_utf8_lossy(octets.take_counted()?)),
        Field::LongString => line.item(string::Quoted(octets.take_rest())),
        Field::Hex => line.item(encoded::hex(octets.take_rest())),
        Field::Base64 if octets.is_empty() => Ok(()),
        Field::Base64 => line.item(encoded::base64(octets.take_rest())),
        Field::HexCounted => encoded::write_salt(octets.take_counted()?, line),
        Field::Base32Counted => line.item(encoded::base32(octets.take_counted()?)),
        Field::TypeBitmap => bitmap::write(octets, line),
        Field::SvcParams => svcb::write(octets.take_rest(), line),
        Field::Location => return loc::write(octets, line),
        Field::Prefixes => apl::write(octets, line),
        Field::IpsecKey => return key::write_ipsec(octets, line),
        Field::HostIdentity => return key::write_host_identity(octets, line),
        Field::Services => return wks::write(octets, line),
        Field::Eui48 => line.item(identifier::Eui(octets.take(6)?)),
        Field::Eui64 => line.item(identifier::Eui(octets.take(8)?)),
        Field::Locator64 => line.item(identifier::Locator(octets.take_array()?)),
        Field::Nsap => line.item(format_args!("0x{}", identifier::nsap(octets.take_rest()))),
        Field::Opaque => write_generic(octets.take_rest(), line),
    })
}

/// An IPv6 address as `inet_ntop` writes it: one with six leading groups of zero ends like an
/// IPv4 address.
fn ipv6(address: Ipv6Addr) -> String {
    match address.segments() {
        [0, 0, 0, 0, 0, 0, high, _] if high != 0 => {
            let [.., a, b, c, d] = address.octets();
            format!("::{}", Ipv4Addr::new(a, b, c, d))
        }
        _ => address.to_string(),
    }
}

#[cfg(test)]
mod tests;
