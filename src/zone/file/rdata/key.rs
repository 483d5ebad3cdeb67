//! The data of IPSECKEY (RFC 4025) and HIP (RFC 8005), whose fields depend on each other.

use std::fmt;
use std::net::{Ipv4Addr, Ipv6Addr};

use crate::wire::rdata::octets::Octets;
use crate::zone::file::code;
use crate::zone::file::lexer::Words;
use crate::zone::file::problem::Problem;
use crate::zone::file::rdata::{
    Data, Line, encoded, ipv6, number, parse_ipv4, parse_ipv6, read_name,
};

/// Reads precedence, gateway type, algorithm, gateway and key, which may be left out after
/// algorithm 0.
pub(super) fn read_ipsec(words: &mut Words<'_>, data: &mut Data<'_>) -> Result<(), Problem> {
    number::read::<u8>(words, data)?;
    let kind_word = words.expect("a gateway type")?;
    let kind: u8 = number::parse(&kind_word)?;
    data.octets.push(kind);
    let algorithm: u8 = number::parse(&words.expect("an algorithm")?)?;
    data.octets.push(algorithm);
    let gateway = words.expect("a gateway")?;
    match kind {
        0 if gateway.text == b"." => {}
        0 => {
            let message = format!("{} stands where no gateway is", gateway.shown());
            return Err(gateway
                .problem(code::BAD_VALUE, message)
                .hint("with gateway type 0, write a single dot"));
        }
        1 => data.octets.extend_from_slice(&parse_ipv4(&gateway)?.octets()),
        2 => data.octets.extend_from_slice(&parse_ipv6(&gateway)?.octets()),
        3 => read_name(&gateway, data.origin, data.octets)?,
        _ => {
            let message = format!("{} is not a gateway type", kind_word.shown());
            return Err(kind_word
                .problem(code::BAD_VALUE, message)
                .hint("0 is none, 1 an IPv4 address, 2 an IPv6 address and 3 a name"));
        }
    }
    if algorithm == 0 && words.is_empty() { Ok(()) } else { encoded::read_base64(words, data) }
}

/// Writes precedence, gateway type, algorithm, gateway and key.
pub(super) fn write_ipsec(octets: &mut Octets<'_>, line: &mut Line<'_>) -> Option<fmt::Result> {
    let [precedence, kind, algorithm] = octets.take_array()?;
    let head = line.item(format_args!("{precedence} {kind} {algorithm}"));
    let gateway = match kind {
        1 => line.item(Ipv4Addr::from(octets.take_array::<4>()?)),
        2 => line.item(ipv6(Ipv6Addr::from(octets.take_array::<16>()?))),
        3 => line.item(octets.take_name().ok()?),
        _ => line.item('.'),
    };
    let key = octets.take_rest();
    let key = if key.is_empty() { Ok(()) } else { line.item(encoded::base64(key)) };
    Some(head.and(gateway).and(key))
}

/// Reads algorithm, identity, key and servers; in the data the lengths come first.
pub(super) fn read_host_identity(
    words: &mut Words<'_>,
    data: &mut Data<'_>,
) -> Result<(), Problem> {
    let start = data.octets.len();
    data.octets.push(0);
    number::read::<u8>(words, data)?;
    data.octets.extend_from_slice(&[0, 0]);
    let identity = words.expect("an identity in hexadecimal")?;
    let identity_len = encoded::read_hex_word(&identity, data.octets)?;
    let key = words.expect("a key in Base64")?;
    let key_len = encoded::read_base64_word(&key, data.octets)?;
    let identity_len = u8::try_from(identity_len).ok().filter(|&length| length > 0);
    let identity_len = identity_len
        .ok_or_else(|| identity.problem(code::BAD_VALUE, "an identity has from 1 to 255 octets"))?;
    let key_len = u16::try_from(key_len).ok().filter(|&length| length > 0);
    let key_len =
        key_len.ok_or_else(|| key.problem(code::BAD_VALUE, "a key has from 1 to 65535 octets"))?;
    if let Some([first, _algorithm, high, low]) =
        data.octets.get_mut(start..).and_then(<[u8]>::first_chunk_mut)
    {
        *first = identity_len;
        [*high, *low] = key_len.to_be_bytes();
    }
    for word in words {
        read_name(&word, data.origin, data.octets)?;
    }
    Ok(())
}

/// Writes algorithm, identity, key and servers.
pub(super) fn write_host_identity(
    octets: &mut Octets<'_>,
    line: &mut Line<'_>,
) -> Option<fmt::Result> {
    let (identity_len, algorithm) = (octets.take_u8()?, octets.take_u8()?);
    let key_len = octets.take_u16()?;
    let identity = octets.take(usize::from(identity_len))?;
    let key = octets.take(usize::from(key_len))?;
    let mut written = line
        .item(algorithm)
        .and_then(|()| line.item(encoded::hex(identity)))
        .and_then(|()| line.item(encoded::base64(key)));
    while !octets.is_empty() {
        let server = octets.take_name().ok()?;
        written = written.and_then(|()| line.item(server));
    }
    Some(written)
}
