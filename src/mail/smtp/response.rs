//! Replies of other servers, as a client reads them (RFC 5321 §4.2).

use crate::mail::line::{Line, Lines};
use crate::mail::reply::{Reply, Status};

/// Octets of a line of a reply. RFC 5321 §4.5.3.1.5 has 512; some servers explain more.
const LINE_LEN_MAX: usize = 2048;

/// Lines of a reply: more than any server offers in its reply to EHLO.
const LINES_MAX: usize = 128;

/// Octets of text that are kept of a reply. What is beyond tells people nothing that they need.
const TEXT_LEN_MAX: usize = 4096;

/// Why what came is no reply.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct NotSmtp;

/// Reads replies, however they are split.
#[derive(Clone, Debug, Default)]
pub(super) struct ResponseReader {
    lines: Lines,
    count: usize,
    status: Option<Status>,
    text: String,
}

impl ResponseReader {
    /// Takes octets up to the end of a reply. Returns how many, and the reply if it is whole. The
    /// code is that of its last line.
    ///
    /// # Errors
    ///
    /// Fails if it is none, or too long.
    pub(super) fn read(&mut self, octets: &[u8]) -> Result<(usize, Option<Reply>), NotSmtp> {
        let mut taken = 0;
        while let Some(rest) = octets.get(taken..)
            && !rest.is_empty()
        {
            let (more, line) = self.lines.read(rest, LINE_LEN_MAX);
            taken += more;
            match line {
                None => (),
                Some(Line::TooLong) => return Err(NotSmtp),
                Some(Line::Whole(line)) => {
                    if let Some(code) = self.take(&String::from_utf8_lossy(&line))? {
                        return Ok((taken, Some(self.whole(code))));
                    }
                }
            }
        }
        Ok((taken, None))
    }

    /// Takes a line. Returns the code if it is the last.
    fn take(&mut self, line: &str) -> Result<Option<u16>, NotSmtp> {
        let (code, rest) = line.split_at_checked(3).ok_or(NotSmtp)?;
        if !code.bytes().all(|octet| octet.is_ascii_digit()) {
            return Err(NotSmtp);
        }
        let code: u16 = code.parse().map_err(|_| NotSmtp)?;
        if !(200..600).contains(&code) || self.count >= LINES_MAX {
            return Err(NotSmtp);
        }
        let (is_last, text) = match rest.strip_prefix('-') {
            Some(text) => (false, text),
            None if rest.is_empty() => (true, rest),
            None => (true, rest.strip_prefix(' ').ok_or(NotSmtp)?),
        };
        let (status, text) = match enhanced(code, text) {
            Some((status, text)) => (Some(status), text),
            None => (None, text),
        };
        if self.text.len() + text.len() < TEXT_LEN_MAX {
            if self.count > 0 {
                self.text.push('\n');
            }
            self.text.push_str(text);
        }
        self.status = self.status.or(status);
        self.count += 1;
        Ok(is_last.then_some(code))
    }

    fn whole(&mut self, code: u16) -> Reply {
        let read = std::mem::take(self);
        let reply = match read.status {
            Some(status) => Reply::new(code, status, ""),
            None => Reply::plain(code, ""),
        };
        reply.with_text(read.text)
    }
}

/// An enhanced code at the beginning of a text (RFC 2034 §4), and what is behind it. Its class is the
/// code's.
fn enhanced(code: u16, text: &str) -> Option<(Status, &str)> {
    let (word, rest) = text.split_once(' ').unwrap_or((text, ""));
    let mut numbers = word.split('.').map(|number| {
        let is_number =
            (1..=3).contains(&number.len()) && number.bytes().all(|octet| octet.is_ascii_digit());
        is_number.then(|| number.parse::<u16>().ok()).flatten()
    });
    let (class, subject, detail) = (numbers.next()??, numbers.next()??, numbers.next()??);
    let is_fit = class == code / 100 && numbers.next().is_none();
    is_fit.then_some((Status(subject, detail), rest))
}

#[cfg(test)]
mod tests {
    use super::{LINES_MAX, NotSmtp, ResponseReader, TEXT_LEN_MAX};
    use crate::mail::reply::{Reply, Status};

    /// The first reply of octets that come in pieces, and how many octets it took.
    fn read(octets: &[u8], cut: usize) -> Result<(usize, Option<Reply>), NotSmtp> {
        let mut reader = ResponseReader::default();
        let (first, reply) = reader.read(&octets[..cut])?;
        if reply.is_some() {
            return Ok((first, reply));
        }
        assert_eq!(first, cut);
        reader.read(&octets[cut..]).map(|(second, reply)| (first + second, reply))
    }

    #[track_caller]
    fn check(octets: &str, expected: &Result<(usize, Option<Reply>), NotSmtp>) {
        for cut in 0..=octets.len() {
            assert_eq!(&read(octets.as_bytes(), cut), expected, "{octets:?} cut at {cut}");
        }
    }

    fn plain(code: u16, text: &str) -> Option<Reply> {
        Some(Reply::plain(code, "").with_text(text))
    }

    #[test]
    fn replies_are_read_wherever_they_are_split() {
        check("220 mail.example ESMTP\r\n", &Ok((24, plain(220, "mail.example ESMTP"))));
        check("250\r\n", &Ok((5, plain(250, ""))));
        check("250-a\r\n250-SIZE 5\n250 b\r\n250 c\r\n", &Ok((25, plain(250, "a\nSIZE 5\nb"))));
        check("250-a\r\n250-b\r\n", &Ok((14, None)));
        let status = |code, status, text| Some(Reply::new(code, status, "").with_text(text));
        check("550 5.1.1 no\r\n", &Ok((14, status(550, Status(1, 1), "no"))));
        check("550-5.1.1 no\r\n550 5.1.1 one\r\n", &Ok((29, status(550, Status(1, 1), "no\none"))));
        check("550 4.1.1 no\r\n", &Ok((14, plain(550, "4.1.1 no"))));
        check("550 5.1.1.1 no\r\n", &Ok((16, plain(550, "5.1.1.1 no"))));
    }

    #[test]
    fn what_is_no_reply_is_told() {
        for octets in
            ["HTTP/1.1 400 Bad\r\n", "25\r\n", "250_a\r\n", "+20 a\r\n", "600 a\r\n", "\r\n"]
        {
            check(octets, &Err(NotSmtp));
        }
    }

    #[test]
    fn replies_are_bounded() {
        assert_eq!(read(format!("250 {}\r\n", "x".repeat(3000)).as_bytes(), 0), Err(NotSmtp));
        assert_eq!(read("250-a\r\n".repeat(LINES_MAX + 1).as_bytes(), 0), Err(NotSmtp));
        let octets = format!("{}250 b\r\n", format!("250-{}\r\n", "x".repeat(1500)).repeat(9));
        let (_, reply) = read(octets.as_bytes(), 0).unwrap();
        assert!(reply.unwrap().text().len() <= TEXT_LEN_MAX);
    }
}
