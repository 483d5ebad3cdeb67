//! A message while it comes: for whom, and what can be wrong with its content.

use std::net::IpAddr;

use crate::mail::address::{Address, Path};
use crate::mail::content::{BareFinder, DataReader};
use crate::mail::reply::{Reply, Status};
use crate::mail::trace::{Hop, HopCounter};

/// Where a recipient's mail goes from here.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Destination {
    /// Into a mailbox here.
    Mailbox(String),
    /// To another host.
    Away,
}

/// Somebody who is to get a message.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Recipient {
    /// As the client wrote it.
    pub path: Path,
    /// Where it goes.
    pub destination: Destination,
}

/// All that is said of a message besides its content.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Envelope {
    /// Who is told if it cannot be delivered; `None` is nobody.
    pub sender: Option<Address>,
    /// Who is to get it.
    pub recipients: Vec<Recipient>,
    /// Whether it needs SMTPUTF8 (RFC 6531).
    pub is_utf8: bool,
    /// What the client calls itself.
    pub helo: String,
    /// The client.
    pub client: IpAddr,
    /// How it came (RFC 3848).
    pub protocol: &'static str,
    /// Who has logged in.
    pub user: Option<String>,
    /// Fields to put before the content, each with its CRLF.
    pub notes: String,
}

impl Envelope {
    /// The lines that go before the content: whom to tell, what was noted, and how it came.
    pub(super) fn head(&self, hop: Hop<'_>) -> Vec<u8> {
        let sender = self.sender.as_ref().map(ToString::to_string).unwrap_or_default();
        // What was noted stands above `Received` (RFC 7208 §9.1).
        let mut head = format!("Return-Path: <{sender}>\r\n{}", self.notes).into_bytes();
        let recipient = match self.recipients.as_slice() {
            [Recipient { path: Path::Address(address), .. }] => Some(address.to_string()),
            _ => None,
        };
        Hop { recipient: recipient.as_deref(), ..hop }.write(&mut head);
        head
    }
}

/// The content of a message while it comes.
#[derive(Clone, Debug, Default)]
pub(super) struct Incoming {
    /// How it ends, if it came with DATA.
    pub(super) data: DataReader,
    /// What it looks for in chunks.
    chunks: BareFinder,
    hops: HopCounter,
    octets: u64,
    /// Why it cannot be kept, as whoever keeps it says.
    pub(super) trouble: Option<Reply>,
}

impl Incoming {
    /// Takes in content. What no longer helps, because the message cannot be kept, is taken out.
    pub(super) fn take(&mut self, content: &mut Vec<u8>, from: usize, size_max: u64) {
        let new = content.get(from..).unwrap_or_default();
        self.hops.read(new);
        self.octets = self.octets.saturating_add(new.len() as u64);
        if self.fault(size_max).is_some() {
            content.truncate(from);
        }
    }

    /// Looks for line ends in a chunk.
    pub(super) fn look_at_chunk(&mut self, octets: &[u8]) {
        self.chunks.read(octets);
    }

    /// Why it cannot be kept, so far.
    pub(super) fn fault(&self, size_max: u64) -> Option<Reply> {
        if let Some(reply) = &self.trouble {
            return Some(reply.clone());
        }
        if self.octets > size_max {
            return Some(too_large(size_max));
        }
        if self.hops.is_loop() {
            let text = "the message has passed too many hosts: it goes in a circle";
            return Some(Reply::new(554, Status(4, 6), text));
        }
        self.data.has_bare().then(bare)
    }

    /// Why it cannot be kept, now that it is whole.
    pub(super) fn final_fault(&self, size_max: u64) -> Option<Reply> {
        self.fault(size_max).or_else(|| self.chunks.has_bare().then(bare))
    }
}

fn bare() -> Reply {
    Reply::new(554, Status(6, 0), "the message has a CR or an LF alone; end lines with CRLF")
}

/// The reply to a message of too many octets.
pub(super) fn too_large(size_max: u64) -> Reply {
    let text = format!("the message is larger than {size_max} octets");
    Reply::new(552, Status(3, 4), "").with_text(text)
}
