//! Well-known services (RFC 1035 §3.4.2): a protocol and a bitmap of its ports.
//!
//! Names of services come from a small table, not from the system's `/etc/services`: a zone must
//! mean the same on every machine.

use std::fmt;

use crate::wire::rdata::octets::Octets;
use crate::zone::file::lexer::Words;
use crate::zone::file::problem::Problem;
use crate::zone::file::rdata::Line;
use crate::zone::file::rdata::mnemonic::parse;

const PROTOCOLS: &[(u8, &str)] = &[(1, "icmp"), (6, "tcp"), (17, "udp")];

/// The services that RFC 1010 assigned and that zones of that time name.
const SERVICES: &[(u16, &str)] = &[
    (7, "echo"),
    (9, "discard"),
    (11, "systat"),
    (13, "daytime"),
    (15, "netstat"),
    (17, "qotd"),
    (19, "chargen"),
    (20, "ftp-data"),
    (21, "ftp"),
    (22, "ssh"),
    (23, "telnet"),
    (25, "smtp"),
    (37, "time"),
    (42, "nameserver"),
    (43, "whois"),
    (43, "nicname"),
    (53, "domain"),
    (67, "bootps"),
    (68, "bootpc"),
    (69, "tftp"),
    (70, "gopher"),
    (79, "finger"),
    (80, "http"),
    (88, "kerberos"),
    (101, "hostnames"),
    (102, "iso-tsap"),
    (105, "csnet-ns"),
    (109, "pop2"),
    (110, "pop3"),
    (111, "sunrpc"),
    (113, "auth"),
    (115, "sftp"),
    (119, "nntp"),
    (123, "ntp"),
    (143, "imap"),
    (161, "snmp"),
    (443, "https"),
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
