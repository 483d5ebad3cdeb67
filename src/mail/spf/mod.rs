//! SPF (RFC 7208): whether a host may send mail in a domain's name.
//!
//! Asks nobody (`lookup`). Explanations (`exp`) are read and not used: they are the words of a stranger.

mod evaluate;
mod macros;
mod record;

#[cfg(test)]
mod tests;

pub use evaluate::check;

use std::fmt;
use std::net::IpAddr;

use crate::mail::address::Address;

/// Terms of all records that make questions (RFC 7208 §4.6.4).
pub const TERMS_MAX: u32 = 10;

/// Questions without an answer that terms may make (RFC 7208 §4.6.4).
pub const VOIDS_MAX: u32 = 2;

/// Names of an `mx` or `ptr` term (RFC 7208 §4.6.4).
pub const NAMES_MAX: usize = 10;

/// Octets of a record. RFC 7208 §3.4 wants them to fit 512; each is read again with every further
/// question.
pub const RECORD_LEN_MAX: usize = 8192;

/// Macros of one term. Honest ones have some three; each may be as long as what a client calls
/// itself.
const MACROS_MAX: usize = 32;

/// Characters of a term with its macros written out. No name is nearly as long.
const EXPANDED_LEN_MAX: usize = 4096;

/// Characters of a value that a client chooses, in the field that tells of the check.
const VALUE_LEN_MAX: usize = 320;

/// Who sends.
#[derive(Clone, Copy, Debug)]
pub struct Query<'q> {
    /// The client's address.
    pub client: IpAddr,
    /// What it calls itself.
    pub helo: &'q str,
    /// The sender; `None` is the empty one, for which the client's own name stands
    /// (RFC 7208 §2.4).
    pub sender: Option<&'q Address>,
}

/// What a domain says of a client (RFC 7208 §2.6).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Verdict {
    /// Nothing.
    None,
    /// Nothing for or against it.
    Neutral,
    /// It may send.
    Pass,
    /// It may not.
    Fail,
    /// It likely may not.
    SoftFail,
    /// It could not be found out now.
    TempError,
    /// What it says makes no sense.
    PermError,
}

impl fmt::Display for Verdict {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::None => "none",
            Self::Neutral => "neutral",
            Self::Pass => "pass",
            Self::Fail => "fail",
            Self::SoftFail => "softfail",
            Self::TempError => "temperror",
            Self::PermError => "permerror",
        })
    }
}

/// What came of a check.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Outcome {
    /// The result.
    pub verdict: Verdict,
    /// The mechanism that decided, as it was written.
    pub mechanism: Option<String>,
    /// What is wrong.
    pub problem: Option<String>,
}

impl Outcome {
    /// That it could not be found out.
    pub fn temporary(problem: &str) -> Self {
        let problem = Some(problem.to_owned());
        Self { verdict: Verdict::TempError, mechanism: None, problem }
    }

    /// The field `Received-SPF` (RFC 7208 §9.1), with its CRLF.
    pub fn field(&self, query: &Query<'_>, receiver: &str) -> String {
        let Query { client, helo, sender } = query;
        let from = sender.map(ToString::to_string);
        let (identity, who) = match &from {
            Some(from) => ("mailfrom", from.as_str()),
            None => ("helo", *helo),
        };
        let who = plain(who);
        let comment = match self.verdict {
            Verdict::None => format!("domain of {who} says nothing of its hosts"),
            Verdict::Neutral => format!("{client} is neither permitted nor denied by {who}"),
            Verdict::Pass => format!("domain of {who} designates {client} as permitted sender"),
            Verdict::Fail => {
                format!("domain of {who} does not designate {client} as permitted sender")
            }
            Verdict::SoftFail => {
                format!("domain of {who} likely does not permit {client} as sender")
            }
            Verdict::TempError => format!("domain of {who} could not be looked up"),
            Verdict::PermError => format!("record of {who} makes no sense"),
        };
        let mut text = format!("Received-SPF: {} ({receiver}: {comment})", self.verdict);
        let from = from.unwrap_or_default();
        let mut pairs = vec![
            format!("client-ip={client}"),
            format!("envelope-from={}", quoted(&from)),
            format!("helo={}", quoted(helo)),
            format!("identity={identity}"),
            format!("receiver={receiver}"),
        ];
        pairs.extend(self.mechanism.as_ref().map(|term| format!("mechanism={}", quoted(term))));
        pairs.extend(self.problem.as_ref().map(|problem| format!("problem={}", quoted(problem))));
        for pair in pairs {
            text.push_str("\r\n\t");
            text.push_str(&pair);
            text.push(';');
        }
        text.push_str("\r\n");
        text
    }
}

/// A text as it may stand in a comment.
fn plain(text: &str) -> String {
    let is_fit = |char: char| char.is_ascii_graphic() && !matches!(char, '(' | ')' | '\\');
    let text = text.chars().take(VALUE_LEN_MAX);
    text.map(|char| if is_fit(char) { char } else { '?' }).collect()
}

/// A text in quotation marks.
fn quoted(text: &str) -> String {
    let mut out = "\"".to_owned();
    for char in text.chars().take(VALUE_LEN_MAX) {
        match char {
            '"' | '\\' => out.extend(['\\', char]),
            ' '..='~' => out.push(char),
            _ => out.push('?'),
        }
    }
    out.push('"');
    out
}
