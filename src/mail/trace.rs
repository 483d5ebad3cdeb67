//! The trace of a message: the fields that each host on its way puts at its top
//! (RFC 5321 §4.4), and how many there are.

use std::fmt::Write;
use std::net::IpAddr;

use crate::base::time::Wall;
use crate::mail::date;

/// Hosts that a message may have passed. More mean that it goes in a circle (RFC 5321 §6.3).
pub const HOPS_MAX: u32 = 100;

/// A host on the way of a message, as `Received` tells it.
#[derive(Clone, Copy, Debug)]
pub struct Hop<'h> {
    /// What the client calls itself.
    pub helo: &'h str,
    /// Its address.
    pub client: IpAddr,
    /// This host.
    pub host: &'h str,
    /// How it came: `SMTP`, `ESMTPS` and the like (RFC 3848).
    pub protocol: &'h str,
    /// The name of the message here.
    pub id: &'h str,
    /// For whom, if that is one alone: others are not told of each other (RFC 5321 §7.6).
    pub recipient: Option<&'h str>,
    /// When.
    pub wall: Wall,
}

impl Hop<'_> {
    /// Appends the field `Received`.
    pub fn write(&self, out: &mut Vec<u8>) {
        let Self { helo, host, protocol, id, .. } = self;
        let mut text = format!("Received: from {helo} (");
        // Writing to a string does not fail.
        let _ = match self.client {
            IpAddr::V4(address) => write!(text, "[{address}]"),
            IpAddr::V6(address) => write!(text, "[IPv6:{address}]"),
        };
        let _ = write!(text, ")\r\n\tby {host} with {protocol} id {id}");
        if let Some(recipient) = self.recipient {
            let _ = write!(text, "\r\n\tfor <{recipient}>");
        }
        let _ = write!(text, ";\r\n\t{}\r\n", date::text(self.wall));
        out.extend_from_slice(text.as_bytes());
    }
}

/// The name of the field that is counted, in lower case.
const RECEIVED: &[u8] = b"received:";

/// Counts the hosts that a message has passed, from its content.
#[derive(Clone, Copy, Debug)]
pub struct HopCounter {
    hops: u32,
    /// Octets of `RECEIVED` that the line has so far; `None` if it is another field.
    matched: Option<usize>,
    /// Octets of the line.
    line_len: usize,
    is_in_body: bool,
}

impl Default for HopCounter {
    fn default() -> Self {
        Self { hops: 0, matched: Some(0), line_len: 0, is_in_body: false }
    }
}

impl HopCounter {
    /// Takes the next octets of the content.
    pub fn read(&mut self, octets: &[u8]) {
        for &octet in octets {
            if self.is_in_body {
                return;
            }
            self.step(octet);
        }
    }

    fn step(&mut self, octet: u8) {
        match octet {
            b'\r' => (),
            b'\n' => {
                self.is_in_body = self.line_len == 0;
                (self.matched, self.line_len) = (Some(0), 0);
            }
            _ => {
                self.line_len += 1;
                let Some(matched) = self.matched else { return };
                let is_next = RECEIVED.get(matched) == Some(&octet.to_ascii_lowercase());
                self.matched = is_next.then_some(matched + 1);
                if self.matched == Some(RECEIVED.len()) {
                    self.hops = self.hops.saturating_add(1);
                    self.matched = None;
                }
            }
        }
    }

    /// Whether there are too many.
    pub fn is_loop(&self) -> bool {
        self.hops > HOPS_MAX
    }
}

#[cfg(test)]
mod tests {
    use super::{HOPS_MAX, Hop, HopCounter};
    use crate::base::time::Wall;

    #[test]
    fn received_tells_the_way() {
        let hop = Hop {
            helo: "a-client.com",
            client: "192.0.2.1".parse().unwrap(),
            host: "mail.example",
            protocol: "SMTP",
            id: "17",
            recipient: Some("joe@bloggs.com"),
            wall: Wall::from_secs(0),
        };
        let mut out = Vec::new();
        hop.write(&mut out);
        let expected = "Received: from a-client.com ([192.0.2.1])\r\n\tby mail.example with SMTP id 17\
                        \r\n\tfor <joe@bloggs.com>;\r\n\tThu, 1 Jan 1970 00:00:00 +0000\r\n";
        assert_eq!(String::from_utf8(out).unwrap(), expected);
        let hop = Hop { client: "2001:db8::1".parse().unwrap(), recipient: None, ..hop };
        let mut out = Vec::new();
        hop.write(&mut out);
        let text = String::from_utf8(out).unwrap();
        assert!(text.contains("([IPv6:2001:db8::1])") && !text.contains("for"), "{text}");
    }

    fn count(content: &[u8], cut: usize) -> u32 {
        let mut counter = HopCounter::default();
        counter.read(&content[..cut]);
        counter.read(&content[cut..]);
        counter.hops
    }

    #[test]
    fn hops_are_counted_in_the_head_alone() {
        let content =
            b"Received: a\r\n\tReceived: b\r\nreCEIVED: c\r\nX-Received: d\r\nReceive: e\r\n\
                        \r\nReceived: f\r\n";
        for cut in 0..content.len() {
            assert_eq!(count(content, cut), 2, "cut at {cut}");
        }
        assert_eq!(count(b"\r\nReceived: a\r\n", 0), 0);
    }

    #[test]
    fn more_hops_than_allowed_are_a_loop() {
        let mut counter = HopCounter::default();
        for _ in 0..HOPS_MAX {
            counter.read(b"Received: x\r\n");
        }
        assert!(!counter.is_loop());
        counter.read(b"Received: x\r\n");
        assert!(counter.is_loop());
    }
}
