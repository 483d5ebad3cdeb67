//! Replies of SMTP (RFC 5321 §4.2) with enhanced status codes (RFC 3463, RFC 2034).

use std::borrow::Cow;

/// Octets of one line of a reply, CRLF included (RFC 5321 §4.5.3.1.5).
const LINE_LEN_MAX: usize = 512;

/// The subject and detail of an enhanced status code (RFC 3463); its class is the first digit of the
/// reply's code.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Status(pub u16, pub u16);

impl Status {
    /// Reads `4.3.0` into its class and the rest.
    fn read(text: &str) -> Option<(u16, Self)> {
        let mut numbers = text.split('.').map(|number| number.parse::<u16>().ok());
        let status = (numbers.next()??, Self(numbers.next()??, numbers.next()??));
        numbers.next().is_none().then_some(status)
    }
}

/// A reply: a code, perhaps an enhanced code, and what is for people.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Reply {
    code: u16,
    status: Option<Status>,
    /// Lines, separated by LF.
    text: Cow<'static, str>,
}

impl Reply {
    /// A reply with an enhanced code.
    pub const fn new(code: u16, status: Status, text: &'static str) -> Self {
        Self { code, status: Some(status), text: Cow::Borrowed(text) }
    }

    /// A reply without one: a greeting, those to HELO and EHLO, and what asks for more.
    pub const fn plain(code: u16, text: &'static str) -> Self {
        Self { code, status: None, text: Cow::Borrowed(text) }
    }

    /// Reads a reply as it is written in a configuration: `451 4.3.0 try later`; `None` if that is not
    /// its form.
    pub fn read(text: &str) -> Option<Self> {
        let (code, rest) = text.split_once(' ').unwrap_or((text, ""));
        let is_code = code.len() == 3 && code.bytes().all(|octet| octet.is_ascii_digit());
        let code: u16 = code.parse().ok().filter(|code| is_code && (200..600).contains(code))?;
        let (word, after) = rest.split_once(' ').unwrap_or((rest, ""));
        let status = Status::read(word).filter(|(class, _)| *class == code / 100);
        let (status, text) = match status {
            Some((_, status)) => (Some(status), after),
            None => (None, rest),
        };
        Some(Self { code, status, text: Cow::Borrowed("") }.with_text(text))
    }

    /// The same with another text. Control characters become question marks, so that nothing that
    /// came from a client can end a line; what no client without SMTPUTF8 could read does, too.
    #[must_use]
    pub fn with_text(mut self, text: impl AsRef<str>) -> Self {
        let is_fit = |char: char| char == '\n' || (char.is_ascii() && !char.is_ascii_control());
        let text = text.as_ref().chars().map(|char| if is_fit(char) { char } else { '?' });
        self.text = Cow::Owned(text.collect());
        self
    }

    /// The code.
    pub fn code(&self) -> u16 {
        self.code
    }

    /// The enhanced code.
    pub fn status(&self) -> Option<Status> {
        self.status
    }

    /// What is for people; several lines are separated by LF.
    pub fn text(&self) -> &str {
        &self.text
    }

    /// Whether the command did what it was to do, or goes on.
    pub fn is_positive(&self) -> bool {
        self.code < 400
    }

    /// Whether it is worth trying again later.
    pub fn is_transient(&self) -> bool {
        (400..500).contains(&self.code)
    }

    /// Appends it as it goes over the wire.
    pub fn write(&self, out: &mut Vec<u8>) {
        let mut lines = self.text.split('\n').peekable();
        while let Some(line) = lines.next() {
            let separator = if lines.peek().is_some() { '-' } else { ' ' };
            let status = match self.status {
                Some(Status(subject, detail)) => {
                    format!("{}.{subject}.{detail} ", self.code / 100)
                }
                None => String::new(),
            };
            let line = format!("{}{separator}{status}{line}", self.code);
            let line = line.as_bytes();
            out.extend_from_slice(line.get(..LINE_LEN_MAX - 2).unwrap_or(line));
            out.extend_from_slice(b"\r\n");
        }
    }
}

#[cfg(test)]
mod tests {
    use super::{Reply, Status};

    #[track_caller]
    fn check(reply: &Reply, expected: &str) {
        let mut out = Vec::new();
        reply.write(&mut out);
        assert_eq!(String::from_utf8(out).unwrap(), expected);
    }

    #[test]
    fn every_line_has_the_code() {
        check(&Reply::plain(220, "mail.example ready"), "220 mail.example ready\r\n");
        check(&Reply::new(250, Status(2, 1), "fine"), "250 2.2.1 fine\r\n");
        check(&Reply::plain(250, "a\nb\nc"), "250-a\r\n250-b\r\n250 c\r\n");
        check(&Reply::new(550, Status(1, 1), "a\nb"), "550-5.1.1 a\r\n550 5.1.1 b\r\n");
    }

    #[test]
    fn replies_are_read_as_they_are_written() {
        for text in ["451 4.3.0 try later", "550 no", "450 4.2 odd", "421", "554 5.7.1"] {
            let reply = Reply::read(text).unwrap();
            check(
                &reply,
                &format!(
                    "{}\r\n",
                    if text.len() == 3 {
                        "421 "
                    } else if text.ends_with("7.1") {
                        "554 5.7.1 "
                    } else {
                        text
                    }
                ),
            );
        }
        for text in ["", "45 x", "4510 x", "x51 y", "199 x", "600 x", "+45 x"] {
            assert_eq!(Reply::read(text), None, "{text}");
        }
        assert_eq!(Reply::read("451 5.3.0 other class").unwrap().status(), None);
    }

    #[test]
    fn nothing_of_a_client_ends_a_line() {
        let reply = Reply::new(550, Status(1, 1), "").with_text("no \r\t\u{e9}\u{7f} here");
        check(&reply, "550 5.1.1 no ???? here\r\n");
        let long = Reply::plain(250, "").with_text("x".repeat(600));
        let mut out = Vec::new();
        long.write(&mut out);
        assert_eq!(out.len(), 512);
    }
}
