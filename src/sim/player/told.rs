//! What the player says of messages: in one line, in full, and how they differ from an entry.

use std::fmt;

use crate::base::time::Now;
use crate::metrics::Transport;
use crate::sim::entry::{Difference, Entry};
use crate::sim::message::Message;
use crate::wire::header::Flags;

/// Reads a message, or says why it cannot be read.
pub(super) fn read(octets: &[u8]) -> Result<Message, String> {
    Message::read(octets).map_err(|error| format!("{} octets: {error}", octets.len()))
}

/// How a message differs from an entry. One that cannot be read differs as a whole.
pub(super) fn compare(
    entry: &Entry,
    message: &Result<Message, String>,
    transport: Transport,
) -> Vec<Difference> {
    match message {
        Ok(message) => entry.differences(message, transport),
        Err(error) => {
            let expected = "octets that can be read".to_owned();
            vec![Difference::Value { part: "message", expected, got: error.clone() }]
        }
    }
}

pub(super) fn mismatch(
    what: &str,
    differences: &[Difference],
    entry: &Entry,
    got: &Result<Message, String>,
) -> String {
    let mut text = format!("{what} is not as expected in line {}", entry.line);
    for difference in differences {
        text.push_str(&format!("\n  {difference}"));
    }
    let (expected, got) = (&entry.template, show(got));
    text.push_str(&format!("\nexpected:\n{expected}\ngot:\n{got}"));
    text
}

pub(super) fn show(message: &Result<Message, String>) -> String {
    match message {
        Ok(message) => message.to_string(),
        Err(error) => error.clone(),
    }
}

/// A message in one line.
pub(super) fn summary(message: &Result<Message, String>) -> String {
    let message = match message {
        Ok(message) => message,
        Err(error) => return error.clone(),
    };
    let mut text = match message.questions.first() {
        Some(question) => question.to_string(),
        None => "no question".to_owned(),
    };
    let counts = message.sections.each_ref().map(Vec::len);
    if message.flags.contains(Flags::QR) {
        let [answers, authorities, additionals] = counts;
        text.push_str(&format!(
            ": {}{}, {answers} + {authorities} + {additionals} records",
            message.rcode(),
            message.flag_names()
        ));
    }
    text
}

/// A moment in seconds.
pub(super) struct Seconds(pub(super) Now);

impl fmt::Display for Seconds {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let micros = self.0.as_micros();
        write!(f, "{}.{:06} s", micros / 1_000_000, micros % 1_000_000)
    }
}
