//! Numbers that text may give by name: DNSSEC algorithms and certificate types.

use std::fmt;

use crate::wire::numbers::Rtype;
use crate::zone::file::code;
use crate::zone::file::lexer::{Word, Words};
use crate::zone::file::problem::Problem;
use crate::zone::file::rdata::number::decimal;
use crate::zone::file::rdata::{Data, Line};

/// Algorithms with their names in the IANA registry and in BIND, which writes the first of each.
const ALGORITHMS: &[(u8, &str)] = &[
    (1, "RSAMD5"),
    (2, "DH"),
    (3, "DSA"),
    (4, "ECC"),
    (5, "RSASHA1"),
    (6, "NSEC3DSA"),
    (6, "DSA-NSEC3-SHA1"),
    (7, "NSEC3RSASHA1"),
    (7, "RSASHA1-NSEC3-SHA1"),
    (8, "RSASHA256"),
    (10, "RSASHA512"),
    (12, "ECCGOST"),
    (12, "ECC-GOST"),
    (13, "ECDSAP256SHA256"),
    (14, "ECDSAP384SHA384"),
    (15, "ED25519"),
    (16, "ED448"),
    (17, "SM2SM3"),
    (23, "ECC-GOST12"),
    (252, "INDIRECT"),
    (253, "PRIVATEDNS"),
    (254, "PRIVATEOID"),
];

/// Certificate types (RFC 4398 §2.1).
const CERT_TYPES: &[(u16, &str)] = &[
    (1, "PKIX"),
    (2, "SPKI"),
    (3, "PGP"),
    (4, "IPKIX"),
    (5, "ISPKI"),
    (6, "IPGP"),
    (7, "ACPKIX"),
    (8, "IACPKIX"),
    (253, "URI"),
    (254, "OID"),
];

/// Reads a DNSSEC algorithm (RFC 4034 appendix A.1).
pub(super) fn read_algorithm(words: &mut Words<'_>, data: &mut Data<'_>) -> Result<(), Problem> {
    let number: u8 = parse(&words.expect("an algorithm")?, ALGORITHMS, "an algorithm")?;
    data.octets.push(number);
    Ok(())
}

/// Reads a certificate type (RFC 4398 §2.1).
pub(super) fn read_cert_type(words: &mut Words<'_>, data: &mut Data<'_>) -> Result<(), Problem> {
    let word = words.expect("a certificate type")?;
    let number: u16 = parse(&word, CERT_TYPES, "a certificate type")?;
    data.octets.extend_from_slice(&number.to_be_bytes());
    Ok(())
}

/// The number that a word is, or that a table has for its name in any case of letters.
pub(super) fn parse<N>(word: &Word<'_>, names: &[(N, &str)], kind: &str) -> Result<N, Problem>
where
    N: Copy + TryFrom<u32>,
{
    if let Some(number) = decimal(word.text).and_then(|number| N::try_from(number).ok()) {
        return Ok(number);
    }
    let named = names.iter().find(|(_, name)| name.as_bytes().eq_ignore_ascii_case(word.text));
    named.map(|&(number, _)| number).ok_or_else(|| {
        let message = format!("{} is not {kind}", word.shown());
        word.problem(code::BAD_NUMBER, message).hint("write its number")
    })
}

/// Writes an algorithm: by name in CERT and by number elsewhere, as BIND does.
pub(super) fn write_algorithm(rtype: Rtype, number: u8, line: &mut Line<'_>) -> fmt::Result {
    let name = ALGORITHMS.iter().find(|&&(known, _)| known == number && rtype == Rtype::CERT);
    match name {
        Some((_, name)) => line.item(name),
        None => line.item(number),
    }
}

/// Writes a certificate type by name if it has one.
pub(super) fn write_cert_type(number: u16, line: &mut Line<'_>) -> fmt::Result {
    match CERT_TYPES.iter().find(|&&(known, _)| known == number) {
        Some((_, name)) => line.item(name),
        None => line.item(number),
    }
}
