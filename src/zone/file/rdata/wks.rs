//! Well-known services (RFC 1035 §3.4.2): a protocol and a bitmap of its ports.
//!
//! Names of services come from a small table, not from the system's `/etc/services`: a zone must
//! mean the same on every machine.

use std::fmt;

use crate::wire::rdata::octets::Octets;
use crate::zone::file::code;
use crate::zone::file::lexer::{Word, Words};
use crate::zone::file::problem::Problem;
use crate::zone::file::rdata::Line;
use crate::zone::file::rdata::number::decimal;

const PROTOCOLS: &[(&str, u8)] = &[("icmp", 1), ("tcp", 6), ("udp", 17)];

/// The services that RFC 1010 assigned and that zones of that time name.
const SERVICES: &[(&str, u16)] = &[
    ("echo", 7),
    ("discard", 9),
    ("systat", 11),
    ("daytime", 13),
    ("netstat", 15),
    ("qotd", 17),
    ("chargen", 19),
    ("ftp-data", 20),
    ("ftp", 21),
    ("ssh", 22),
    ("telnet", 23),
    ("smtp", 25),
    ("time", 37),
    ("nameserver", 42),
    ("whois", 43),
    ("nicname", 43),
    ("domain", 53),
    ("bootps", 67),
    ("bootpc", 68),
    ("tftp", 69),
    ("gopher", 70),
    ("finger", 79),
    ("http", 80),
    ("kerberos", 88),
    ("hostnames", 101),
    ("iso-tsap", 102),
    ("csnet-ns", 105),
    ("pop2", 109),
    ("pop3", 110),
    ("sunrpc", 111),
    ("auth", 113),
    ("sftp", 115),
    ("nntp", 119),
    ("ntp", 123),
    ("imap", 143),
    ("snmp", 161),
    ("https", 443),
];

/// Reads a protocol and all words that are left as ports.
pub(super) fn read(words: &mut Words<'_>, octets: &mut Vec<u8>) -> Result<(), Problem> {
    octets.push(parse(&words.expect("a protocol")?, PROTOCOLS, "a protocol")?);
    let start = octets.len();
    for word in words {
        let port = usize::from(parse(&word, SERVICES, "a port or service")?);
        let at = start + port / 8;
        if octets.len() <= at {
            octets.resize(at + 1, 0);
        }
        if let Some(octet) = octets.get_mut(at) {
            *octet |= 0x80 >> (port % 8);
        }
    }
    Ok(())
}

fn parse<N>(word: &Word<'_>, names: &[(&str, N)], kind: &str) -> Result<N, Problem>
where
    N: Copy + TryFrom<u32>,
{
    if let Some(number) = decimal(word.text).and_then(|number| N::try_from(number).ok()) {
        return Ok(number);
    }
    let named = names.iter().find(|(name, _)| name.as_bytes().eq_ignore_ascii_case(word.text));
    named.map(|&(_, number)| number).ok_or_else(|| {
        let message = format!("{} is not {kind}", word.shown());
        word.problem(code::BAD_NUMBER, message).hint("write its number")
    })
}

/// Writes the protocol and the ports as numbers; `None` if the data is cut short.
pub(super) fn write(octets: &mut Octets<'_>, line: &mut Line<'_>) -> Option<fmt::Result> {
    let mut written = line.item(octets.take_u8()?);
    for (index, &octet) in octets.take_rest().iter().enumerate() {
        for bit in (0..8).filter(|bit| octet & (0x80 >> bit) != 0) {
            written = written.and_then(|()| line.item(index * 8 + bit));
        }
    }
    Some(written)
}
