//! What a sender is told when a message cannot be delivered (RFC 3464): for people in plain sentences,
//! for programs field by field, and the head of the message.
//!
//! Does not decide whether anybody is told: the sender of such a message is empty, and whoever has
//! none gets none (RFC 5321 §4.5.5).

use std::fmt::{self, Display, Write};

use crate::base::time::Wall;
use crate::mail::address::Address;
use crate::mail::date;
use crate::mail::reply::{Reply, Status};

/// Octets of the head of the message that are given back. A sender knows the message by far fewer.
pub const HEAD_LEN_MAX: usize = 64 << 10;

/// Characters of what a host said, as programs read it: a line has at most 998 (RFC 5322 §2.1.1).
const DIAGNOSTIC_LEN_MAX: usize = 900;

/// A recipient who will not get the message.
#[derive(Clone, Debug)]
pub struct Failed {
    /// Who.
    pub recipient: Address,
    /// The host that was tried; `None` if there was none.
    pub host: Option<String>,
    /// Why: what the host said, or would have.
    pub reply: Reply,
    /// Whether the host said it.
    pub is_said: bool,
}

/// A message that tells of others that could not be delivered.
#[derive(Clone, Copy, Debug)]
pub struct Bounce<'b> {
    /// The name of this host.
    pub hostname: &'b str,
    /// The name of this message here, which nobody could foretell.
    pub id: &'b str,
    /// Who is told.
    pub sender: &'b Address,
    /// When the other message came.
    pub came: Wall,
    /// When this one is made.
    pub now: Wall,
    /// Who will not get it.
    pub failed: &'b [Failed],
    /// The head of the other message, as long as it is or `HEAD_LEN_MAX`.
    pub head: &'b [u8],
}

impl Bounce<'_> {
    /// The whole message, as it is stored.
    pub fn text(&self) -> Vec<u8> {
        let mut text = String::new();
        // Writing to a string does not fail.
        let _ = self.write(&mut text);
        let mut out = text.replace('\n', "\r\n").into_bytes();
        out.extend_from_slice(head(self.head));
        out.extend_from_slice(format!("\r\n--{}--\r\n", self.boundary()).as_bytes());
        out
    }

    fn boundary(&self) -> String {
        // `=_` stands in no text that is encoded, and nobody knows the rest beforehand.
        format!("=_{}", self.id)
    }

    fn write(&self, out: &mut impl Write) -> fmt::Result {
        let Self { hostname, id, sender, .. } = self;
        let (boundary, date) = (self.boundary(), date::text(self.now));
        write!(
            out,
            "Return-Path: <>\nFrom: Mail server <MAILER-DAEMON@{hostname}>\nTo: <{sender}>\n\
             Subject: Your message could not be delivered\nDate: {date}\n\
             Message-ID: <{id}@{hostname}>\nAuto-Submitted: auto-replied\nMIME-Version: 1.0\n\
             Content-Type: multipart/report; report-type=delivery-status;\n\
             \tboundary=\"{boundary}\"\n\n--{boundary}\n\
             Content-Type: text/plain; charset=utf-8\nContent-Transfer-Encoding: 8bit\n\n"
        )?;
        self.write_explanation(out)?;
        let is_ascii = self.failed.iter().all(|failed| failed.recipient.is_ascii());
        let (kind, address_type) = if is_ascii {
            ("message/delivery-status", "rfc822")
        } else {
            // RFC 6533 §3.
            ("message/global-delivery-status", "utf-8")
        };
        let encoding = if is_ascii { "7bit" } else { "8bit" };
        write!(
            out,
            "\n--{boundary}\nContent-Type: {kind}\nContent-Transfer-Encoding: {encoding}\n\n\
             Reporting-MTA: dns; {hostname}\nArrival-Date: {}\n",
            date::text(self.came)
        )?;
        for failed in self.failed {
            failed.write_fields(out, address_type)?;
        }
        let (kind, encoding) = if head(self.head).is_ascii() {
            ("text/rfc822-headers", "7bit")
        } else {
            ("message/global-headers", "8bit")
        };
        write!(
            out,
            "\n--{boundary}\nContent-Type: {kind}\nContent-Transfer-Encoding: {encoding}\n\n"
        )
    }

    fn write_explanation(&self, out: &mut impl Write) -> fmt::Result {
        let Self { hostname, .. } = self;
        write!(
            out,
            "This is the mail server {hostname}. The message that you sent on\n{}\n\
             could not be delivered to those named here. It is not tried again.\n",
            date::text(self.came)
        )?;
        for failed in self.failed {
            write!(out, "\n<{}>\n    {}\n", failed.recipient, advice(&failed.reply))?;
            match (&failed.host, failed.is_said) {
                (Some(host), true) => writeln!(out, "    The host {host} said:")?,
                (Some(host), false) => writeln!(out, "    What happened with the host {host}:")?,
                (None, _) => writeln!(out, "    What happened:")?,
            }
            for line in Said(&failed.reply).to_string().split('\n') {
                writeln!(out, "    {line}")?;
            }
        }
        out.write_str("\nThe head of your message follows, so that you can tell which it was.\n")
    }
}

impl Failed {
    /// Appends the fields of the recipient (RFC 3464 §2.3).
    fn write_fields(&self, out: &mut impl Write, address_type: &str) -> fmt::Result {
        let class = if self.reply.is_transient() { 4 } else { 5 };
        let Status(subject, detail) = self.reply.status().unwrap_or(Status(0, 0));
        write!(
            out,
            "\nFinal-Recipient: {address_type}; {}\nAction: failed\n\
             Status: {class}.{subject}.{detail}\n",
            self.recipient
        )?;
        if let Some(host) = &self.host {
            writeln!(out, "Remote-MTA: dns; {host}")?;
        }
        if self.is_said {
            let said = Said(&self.reply).to_string().replace('\n', " ");
            let said: String = said.chars().take(DIAGNOSTIC_LEN_MAX).collect();
            writeln!(out, "Diagnostic-Code: smtp; {said}")?;
        }
        Ok(())
    }
}

/// A reply as people read it.
struct Said<'r>(&'r Reply);

impl Display for Said<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (code, text) = (self.0.code(), self.0.text());
        match self.0.status() {
            Some(Status(subject, detail)) => {
                write!(f, "{code} {}.{subject}.{detail} {text}", code / 100)
            }
            None => write!(f, "{code} {text}"),
        }
    }
}

/// What happened and what to do, in a line for people.
fn advice(reply: &Reply) -> &'static str {
    if reply.is_transient() {
        return "The time for it is over. Send it again later, or reach the recipient otherwise.";
    }
    match reply.status() {
        Some(Status(1, 0 | 1 | 3 | 6) | Status(2, 1)) => {
            "There is no such mailbox. Check the address, or ask the recipient for the right one."
        }
        Some(Status(1, 2)) => "The domain does not exist. Check what stands behind the @.",
        Some(Status(1, 10)) => "The domain takes no mail. Ask the recipient for another address.",
        Some(Status(2, 2)) => {
            "The mailbox is full. Send it again when the recipient has made room."
        }
        Some(Status(2 | 3, 3 | 4)) => "The message is too large. Send it in parts.",
        Some(Status(4, 4)) => "No host takes mail for the domain. Check what stands behind the @.",
        Some(Status(4, 6)) => {
            "The mail of the domain goes in a circle. Tell the postmaster of the domain."
        }
        Some(Status(6, 3)) => "The host takes ASCII alone. Send the message in ASCII.",
        Some(Status(6, 7)) => {
            "The host takes ASCII addresses alone. Use others, and no other letters in the head."
        }
        Some(Status(7, _)) => {
            "The host does not take this message from here. What it says may tell what to change."
        }
        Some(Status(..)) | None => {
            "The host does not take this message. What it says may tell what to change."
        }
    }
}

/// The head of a message: up to the first empty line, or up to the last line that is whole.
fn head(octets: &[u8]) -> &[u8] {
    let mut end = 0;
    for line in octets.split_inclusive(|&octet| octet == b'\n') {
        let is_empty = matches!(line, b"\r\n" | b"\n");
        if is_empty || !line.ends_with(b"\n") || end + line.len() > HEAD_LEN_MAX {
            break;
        }
        end += line.len();
    }
    octets.get(..end).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::{Bounce, Failed, HEAD_LEN_MAX, head};
    use crate::base::time::Wall;
    use crate::mail::address::Address;
    use crate::mail::reply::{Reply, Status};

    fn failed(recipient: &str, reply: Reply) -> Failed {
        let recipient = Address::read(recipient).unwrap();
        Failed { recipient, host: Some("mx.b.example".to_owned()), reply, is_said: true }
    }

    fn text(failed: &[Failed], head: &[u8]) -> String {
        let bounce = Bounce {
            hostname: "a.example",
            id: "17",
            sender: &Address::read("jane@a.example").unwrap(),
            came: Wall::from_secs(0),
            now: Wall::from_secs(86_400),
            failed,
            head,
        };
        String::from_utf8(bounce.text()).unwrap()
    }

    const EXPECTED: &str = "Return-Path: <>
From: Mail server <MAILER-DAEMON@a.example>
To: <jane@a.example>
Subject: Your message could not be delivered
Date: Fri, 2 Jan 1970 00:00:00 +0000
Message-ID: <17@a.example>
Auto-Submitted: auto-replied
MIME-Version: 1.0
Content-Type: multipart/report; report-type=delivery-status;
\tboundary=\"=_17\"

--=_17
Content-Type: text/plain; charset=utf-8
Content-Transfer-Encoding: 8bit

This is the mail server a.example. The message that you sent on
Thu, 1 Jan 1970 00:00:00 +0000
could not be delivered to those named here. It is not tried again.

<joe@b.example>
    There is no such mailbox. Check the address, or ask the recipient for the right one.
    The host mx.b.example said:
    550 5.1.1 no
    such user

<jim@b.example>
    The time for it is over. Send it again later, or reach the recipient otherwise.
    What happened:
    451 4.4.1 nobody answers

The head of your message follows, so that you can tell which it was.

--=_17
Content-Type: message/delivery-status
Content-Transfer-Encoding: 7bit

Reporting-MTA: dns; a.example
Arrival-Date: Thu, 1 Jan 1970 00:00:00 +0000

Final-Recipient: rfc822; joe@b.example
Action: failed
Status: 5.1.1
Remote-MTA: dns; mx.b.example
Diagnostic-Code: smtp; 550 5.1.1 no such user

Final-Recipient: rfc822; jim@b.example
Action: failed
Status: 4.4.1

--=_17
Content-Type: text/rfc822-headers
Content-Transfer-Encoding: 7bit

Subject: hi
To: joe

--=_17--
";

    #[test]
    fn bounce_tells_people_and_programs_why() {
        let joe = failed("joe@b.example", Reply::new(550, Status(1, 1), "no\nsuch user"));
        let silent = Reply::new(451, Status(4, 1), "nobody answers");
        let jim = Failed { host: None, is_said: false, ..failed("jim@b.example", silent) };
        let told = text(&[joe, jim], b"Subject: hi\r\nTo: joe\r\n\r\nbody\r\n");
        assert!(!told.replace("\r\n", "").contains(['\r', '\n']));
        assert_eq!(told.replace("\r\n", "\n"), EXPECTED);
    }

    #[test]
    fn bounce_beyond_ascii_has_the_types_for_it() {
        let wide = failed("jos\u{e9}@b.example", Reply::plain(550, "no"));
        let told = text(&[wide], "Subject: \u{e9}\r\n".as_bytes());
        assert!(told.contains("Content-Type: message/global-delivery-status\r\n"), "{told}");
        assert!(told.contains("Final-Recipient: utf-8; jos\u{e9}@b.example\r\n"), "{told}");
        assert!(told.contains("Content-Type: message/global-headers\r\n"), "{told}");
        assert!(told.contains("Status: 5.0.0\r\n"), "{told}");
    }

    #[test]
    fn head_ends_with_its_last_whole_line() {
        assert_eq!(head(b"A: b\r\n\r\nbody"), b"A: b\r\n");
        assert_eq!(head(b"A: b\r\nC: d"), b"A: b\r\n");
        assert_eq!(head(b"\r\nbody\r\n"), b"");
        let long = [&b"A: b\r\n"[..], &[b'x'; HEAD_LEN_MAX], b"\r\n"].concat();
        assert_eq!(head(&long), b"A: b\r\n");
    }

    #[test]
    fn long_reply_stays_within_a_line() {
        let long = failed("joe@b.example", Reply::plain(550, "").with_text("x ".repeat(900)));
        let told = text(&[long], b"");
        let line = told.lines().find(|line| line.starts_with("Diagnostic-Code:")).unwrap();
        assert!(line.len() <= 998, "{}", line.len());
    }
}
