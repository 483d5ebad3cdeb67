//! The envelope of a message in the queue, as a file: who is to get it still, and what is known.
//!
//! It has the recipients of one domain; a message for several has several envelopes.

use std::io;

use serde::{Deserialize, Serialize};

use crate::base::time::Wall;
use crate::mail::address::Address;
use crate::mail::reply::{Reply, Status};
use crate::mail::smtp::client::Trouble;

/// The version of the form of the file.
const VERSION: u32 = 1;

/// Characters of a host's reply that are kept: as many as a line of a message has room for.
const TEXT_LEN_MAX: usize = 900;

/// An address as text.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub(in crate::net::mail) struct AddressText(pub Address);

impl TryFrom<String> for AddressText {
    type Error = String;

    fn try_from(text: String) -> Result<Self, String> {
        Address::read(&text).map(Self).map_err(|error| format!("{text}: {error}"))
    }
}

impl From<AddressText> for String {
    fn from(address: AddressText) -> Self {
        address.0.to_string()
    }
}

/// What is said of a message, and of those of its recipients that are at one domain.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(in crate::net::mail) struct Envelope {
    version: u32,
    /// Who is told if it cannot be delivered; `None` is nobody.
    pub sender: Option<AddressText>,
    /// When it came, in seconds since 1970.
    came: u64,
    /// When it is tried next.
    next: u64,
    /// How often it was tried.
    pub tries: u32,
    /// Its octets on the wire, about.
    pub octets: u64,
    /// Whether it has octets above 127.
    pub is_8bit: bool,
    /// Whether it needs SMTPUTF8.
    pub is_utf8: bool,
    /// Those who have not got it.
    pub recipients: Vec<Recipient>,
}

/// Somebody who has not got a message.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(in crate::net::mail) struct Recipient {
    /// The address.
    pub address: AddressText,
    /// Whether it is given up, and the sender is to be told.
    pub is_failed: bool,
    /// Why it failed the last time.
    pub last: Option<Failure>,
}

/// Why a try failed.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(in crate::net::mail) struct Failure {
    /// The host that was tried; `None` if there was none.
    pub host: Option<String>,
    /// Whether the host said it.
    pub is_said: bool,
    code: u16,
    status: Option<(u16, u16)>,
    text: String,
}

impl Failure {
    /// What happened with a host, if there was one.
    pub(in crate::net::mail) fn new(host: Option<&str>, trouble: &Trouble) -> Self {
        let Trouble { reply, is_said } = trouble;
        Self {
            host: host.map(str::to_owned),
            is_said: *is_said,
            code: reply.code(),
            status: reply.status().map(|Status(subject, detail)| (subject, detail)),
            text: reply.text().chars().take(TEXT_LEN_MAX).collect(),
        }
    }

    /// What was said, or would be.
    pub(in crate::net::mail) fn reply(&self) -> Reply {
        let reply = match self.status {
            Some((subject, detail)) => Reply::new(self.code, Status(subject, detail), ""),
            None => Reply::plain(self.code, ""),
        };
        reply.with_text(&self.text)
    }
}

/// What is known of a message besides its recipients.
#[derive(Clone, Debug)]
pub(in crate::net::mail) struct Facts {
    pub sender: Option<Address>,
    pub came: Wall,
    pub octets: u64,
    pub is_8bit: bool,
    /// Whether it needs SMTPUTF8, whoever gets it.
    pub is_utf8: bool,
}

impl Envelope {
    /// The envelope of a message that has come.
    pub(super) fn new(facts: &Facts, recipients: Vec<Address>) -> Self {
        let waiting =
            |address| Recipient { address: AddressText(address), is_failed: false, last: None };
        let came = facts.came.as_secs();
        let is_utf8 = facts.is_utf8 || recipients.iter().any(|to| !to.is_ascii());
        Self {
            version: VERSION,
            sender: facts.sender.clone().map(AddressText),
            came,
            next: came,
            tries: 0,
            octets: facts.octets,
            is_8bit: facts.is_8bit,
            is_utf8,
            recipients: recipients.into_iter().map(waiting).collect(),
        }
    }

    /// Reads a file.
    ///
    /// # Errors
    ///
    /// Fails if it is none, of another version, or has nobody to get it.
    pub(super) fn read(octets: &[u8]) -> io::Result<Self> {
        let envelope: Self = serde_json::from_slice(octets)?;
        if envelope.version != VERSION {
            return Err(io::Error::other(format!("its version is {}", envelope.version)));
        }
        if envelope.recipients.is_empty() {
            return Err(io::Error::other("it has no recipients"));
        }
        Ok(envelope)
    }

    /// The file.
    pub(super) fn write(&self) -> io::Result<Vec<u8>> {
        let mut octets = serde_json::to_vec(self)?;
        octets.push(b'\n');
        Ok(octets)
    }

    /// When the message came.
    pub(in crate::net::mail) fn came(&self) -> Wall {
        Wall::from_secs(self.came)
    }

    /// When it is tried next.
    pub(in crate::net::mail) fn next(&self) -> Wall {
        Wall::from_secs(self.next)
    }

    /// Puts off when it is tried next.
    pub(in crate::net::mail) fn set_next(&mut self, next: Wall) {
        self.next = next.as_secs();
    }

    /// Its domain, as a name in lower case or as an address in brackets.
    pub(super) fn domain(&self) -> String {
        self.recipients.first().map(|to| to.address.0.domain().to_string()).unwrap_or_default()
    }
}
