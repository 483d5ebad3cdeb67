//! The content of a message on its way over SMTP and POP3: where it ends, and its dots.
//!
//! Only CRLF ends a line here, and only CRLF, dot, CRLF a message (RFC 5321 §4.1.1.4). What others
//! might take for an end of line, a bare CR or LF, is noted, so that the message can be refused:
//! between two servers that read it differently another message could hide in it.

/// Where the reader of DATA stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Default)]
enum At {
    /// At the beginning of a line.
    #[default]
    LineStart,
    /// Within a line.
    Within,
    /// Behind a CR.
    Cr,
    /// Behind a dot at the beginning of a line.
    Dot,
    /// Behind a dot at the beginning of a line and a CR.
    DotCr,
}

/// Takes the content of a message out of what follows DATA, however the octets are split.
#[derive(Clone, Copy, Debug, Default)]
pub struct DataReader {
    at: At,
    has_bare: bool,
}

impl DataReader {
    /// Reads octets up to the end of the message, and appends its content to `content`, without the
    /// dots that were put before those at the beginnings of lines (RFC 5321 §4.5.2). Returns how many
    /// octets it took, and whether that was the end; without it it took all.
    pub fn read(&mut self, octets: &[u8], content: &mut Vec<u8>) -> (usize, bool) {
        let mut taken = 0;
        while let Some((&octet, rest)) = octets.get(taken..).and_then(<[u8]>::split_first) {
            if self.at == At::Within {
                // Most octets are neither: they are copied at once.
                let run = 1 + rest.iter().position(|&octet| is_break(octet)).unwrap_or(rest.len());
                if !is_break(octet) {
                    content.extend_from_slice(octets.get(taken..taken + run).unwrap_or_default());
                    taken += run;
                    continue;
                }
            }
            taken += 1;
            if self.step(octet, content) {
                return (taken, true);
            }
        }
        (taken, false)
    }

    /// Takes one octet; whether the message ends with it.
    fn step(&mut self, octet: u8, content: &mut Vec<u8>) -> bool {
        self.at = match (self.at, octet) {
            (At::LineStart, b'.') => At::Dot,
            (At::Dot, b'\r') => At::DotCr,
            (At::DotCr, b'\n') => return true,
            (At::DotCr, _) => {
                // The line began with a dot alone, and the CR is in it.
                content.push(b'\r');
                self.within(octet, true, content)
            }
            (At::Cr, b'\n') => {
                content.push(b'\n');
                At::LineStart
            }
            (At::Cr, _) => self.within(octet, true, content),
            (At::LineStart | At::Within | At::Dot, _) => self.within(octet, false, content),
        };
        false
    }

    /// Takes an octet within a line, perhaps behind a CR that ends nothing.
    fn within(&mut self, octet: u8, is_behind_cr: bool, content: &mut Vec<u8>) -> At {
        self.has_bare |= is_behind_cr || octet == b'\n';
        content.push(octet);
        if octet == b'\r' { At::Cr } else { At::Within }
    }

    /// Whether a CR without LF or an LF without CR was in what has been read.
    pub fn has_bare(&self) -> bool {
        self.has_bare
    }
}

fn is_break(octet: u8) -> bool {
    matches!(octet, b'\r' | b'\n')
}

/// Looks for a bare CR or LF in content that is sent by its length (BDAT, RFC 3030).
#[derive(Clone, Copy, Debug, Default)]
pub struct BareFinder {
    is_behind_cr: bool,
    has_bare: bool,
}

impl BareFinder {
    /// Looks at the next octets.
    pub fn read(&mut self, octets: &[u8]) {
        for &octet in octets {
            self.has_bare |= self.is_behind_cr != (octet == b'\n');
            self.is_behind_cr = octet == b'\r';
        }
    }

    /// Whether there is one, if nothing follows.
    pub fn has_bare(&self) -> bool {
        self.has_bare || self.is_behind_cr
    }
}

/// Puts content on the wire: every line ends with CRLF, and a dot stands before those at the
/// beginnings of lines (RFC 5321 §4.5.2, RFC 1939 §3).
#[derive(Clone, Copy, Debug)]
pub struct Stuffer {
    is_line_start: bool,
    is_behind_cr: bool,
}

impl Default for Stuffer {
    fn default() -> Self {
        Self { is_line_start: true, is_behind_cr: false }
    }
}

impl Stuffer {
    /// Appends the next octets of a message to `out`.
    pub fn write(&mut self, octets: &[u8], out: &mut Vec<u8>) {
        for line in octets.split_inclusive(|&octet| octet == b'\n') {
            if self.is_line_start && line.first() == Some(&b'.') {
                out.push(b'.');
            }
            let (text, is_whole) = match line.strip_suffix(b"\n") {
                Some(text) => (text, true),
                None => (line, false),
            };
            out.extend_from_slice(text);
            let is_behind_cr = text.last().map_or(self.is_behind_cr, |&octet| octet == b'\r');
            if is_whole {
                out.extend_from_slice(if is_behind_cr { b"\n" } else { b"\r\n" });
            }
            self.is_line_start = is_whole;
            self.is_behind_cr = !is_whole && is_behind_cr;
        }
    }

    /// Appends the end of the message; its last line ends first if it did not.
    pub fn end(self, out: &mut Vec<u8>) {
        if !self.is_line_start {
            out.extend_from_slice(if self.is_behind_cr { b"\n" } else { b"\r\n" });
        }
        out.extend_from_slice(b".\r\n");
    }
}

/// Counts the octets that a message has on the wire, without the dots that are put before others and
/// without its end.
#[derive(Clone, Copy, Debug, Default)]
pub struct Sizer {
    octets: u64,
    last: Option<u8>,
}

impl Sizer {
    /// Takes the next octets of the message.
    pub fn read(&mut self, octets: &[u8]) {
        let mut last = self.last;
        for &octet in octets {
            self.octets += 1 + u64::from(octet == b'\n' && last != Some(b'\r'));
            last = Some(octet);
        }
        self.last = last;
    }

    /// The octets, if nothing follows.
    pub fn octets(self) -> u64 {
        let lacking = match self.last {
            None | Some(b'\n') => 0,
            Some(b'\r') => 1,
            Some(_) => 2,
        };
        self.octets + lacking
    }
}

/// Looks for octets above 127, in a message and in its head.
#[derive(Clone, Copy, Debug, Default)]
pub struct WideFinder {
    /// Whether the message has some, which needs 8BITMIME (RFC 6152).
    pub is_wide: bool,
    /// Whether its head has some, which needs SMTPUTF8 (RFC 6531).
    pub is_head_wide: bool,
    is_in_body: bool,
    is_line_begun: bool,
}

impl WideFinder {
    /// Takes the next octets of the message.
    pub fn read(&mut self, octets: &[u8]) {
        let mut rest = octets;
        while !self.is_in_body
            && let Some((&octet, behind)) = rest.split_first()
        {
            match octet {
                b'\r' => (),
                b'\n' => {
                    self.is_in_body = !self.is_line_begun;
                    self.is_line_begun = false;
                }
                _ => self.is_line_begun = true,
            }
            self.is_head_wide |= !octet.is_ascii();
            rest = behind;
        }
        self.is_wide |= self.is_head_wide || !rest.is_ascii();
    }
}

#[cfg(test)]
mod tests {
    use super::{BareFinder, DataReader, Sizer, Stuffer, WideFinder};

    /// What a reader makes of octets that come in pieces of these lengths: the content, the octets it
    /// took if it saw the end, and whether a bare CR or LF was there.
    fn read(octets: &[u8], cuts: &[usize]) -> (Vec<u8>, Option<usize>, bool) {
        let mut reader = DataReader::default();
        let (mut content, mut taken) = (Vec::new(), 0);
        let ends = cuts.iter().copied().chain([octets.len()]);
        for end in ends {
            let (more, is_end) = reader.read(&octets[taken..end], &mut content);
            taken += more;
            if is_end {
                return (content, Some(taken), reader.has_bare());
            }
            assert_eq!(taken, end);
        }
        (content, None, reader.has_bare())
    }

    #[track_caller]
    fn check(octets: &[u8], content: &[u8], end: Option<usize>, has_bare: bool) {
        let expected = (content.to_vec(), end, has_bare);
        assert_eq!(read(octets, &[]), expected, "{octets:?} at once");
        for cut in 0..=octets.len().min(end.unwrap_or(usize::MAX)) {
            assert_eq!(read(octets, &[cut]), expected, "{octets:?} cut at {cut}");
        }
        let every: Vec<usize> = (0..octets.len()).collect();
        assert_eq!(read(octets, &every), expected, "{octets:?} one by one");
    }

    #[test]
    fn only_crlf_dot_crlf_ends_a_message() {
        check(b"a\r\n.\r\nQUIT\r\n", b"a\r\n", Some(6), false);
        check(b".\r\n", b"", Some(3), false);
        check(b"\r\n.\r\n", b"\r\n", Some(5), false);
        for not_end in [
            &b"\n.\n"[..],
            b"\n.\r\n",
            b"\r.\r",
            b"\r.\r\n",
            b"\r\n.\n",
            b"\r\n.\r",
            b"\r\n.\r\r\n",
            b"\r\n\r.\r\n",
            b"\r\n\0.\r\n",
            b"\r\n.\0\r\n",
            b"\r\r\n.\r\r\n",
        ] {
            let octets = [b"a", not_end].concat();
            assert_eq!(read(&octets, &[]).1, None, "{not_end:?}");
            for cut in 0..octets.len() {
                assert_eq!(read(&octets, &[cut]).1, None, "{not_end:?} cut at {cut}");
            }
            let whole = [&octets[..], b"x\r\n.\r\n"].concat();
            let (_, end, has_bare) = read(&whole, &[]);
            assert_eq!(end, Some(whole.len()), "{not_end:?}");
            assert_eq!(has_bare, !not_end.contains(&0), "{not_end:?}");
        }
        // A CR before the CRLF of the line before: bare, and the dot behind is the end all the same.
        check(b"a\r\r\n.\r\n", b"a\r\r\n", Some(7), true);
    }

    #[test]
    fn dots_at_line_starts_are_taken_off() {
        check(b"..\r\n.a\r\nb.\r\n...\r\n.\r\n", b".\r\na\r\nb.\r\n..\r\n", Some(20), false);
        check(b".\r.\r\n.\r\n", b"\r.\r\n", Some(8), true);
    }

    #[test]
    fn bare_line_ends_are_found_in_chunks_too() {
        #[track_caller]
        fn has_bare(octets: &[u8], expected: bool) {
            for cut in 0..=octets.len() {
                let mut finder = BareFinder::default();
                finder.read(&octets[..cut]);
                finder.read(&octets[cut..]);
                assert_eq!(finder.has_bare(), expected, "{octets:?} cut at {cut}");
            }
        }
        has_bare(b"", false);
        has_bare(b"a\r\nb\r\n\r\n.\r\n", false);
        has_bare(b"\n", true);
        has_bare(b"a\r", true);
        has_bare(b"a\rb\r\n", true);
        has_bare(b"\r\r\n", true);
        has_bare(b"\r\n\n", true);
    }

    #[test]
    fn octets_above_127_are_found_in_head_and_body() {
        #[track_caller]
        fn finds(text: &str, is_wide: bool, is_head_wide: bool) {
            for cut in 0..=text.len() {
                let mut finder = WideFinder::default();
                finder.read(&text.as_bytes()[..cut]);
                finder.read(&text.as_bytes()[cut..]);
                let found = (finder.is_wide, finder.is_head_wide);
                assert_eq!(found, (is_wide, is_head_wide), "{text:?} cut at {cut}");
            }
        }
        finds("", false, false);
        finds("A: b\r\n\r\nc\r\n", false, false);
        finds("A: b\r\n\r\n\u{e9}\r\n", true, false);
        finds("A: \u{e9}\r\n\r\nc\r\n", true, true);
        finds("A: b\r\nC: \u{e9}", true, true);
        finds("\r\nA: \u{e9}", true, false);
    }

    #[track_caller]
    fn stuffs(content: &[u8], expected: &[u8]) {
        let mut sizer = Sizer::default();
        sizer.read(content);
        for cut in 0..=content.len() {
            let (mut stuffer, mut out) = (Stuffer::default(), Vec::new());
            stuffer.write(&content[..cut], &mut out);
            stuffer.write(&content[cut..], &mut out);
            stuffer.end(&mut out);
            assert_eq!(out, expected, "{content:?} cut at {cut}");
            let (unstuffed, end, has_bare) = read(&out, &[]);
            assert_eq!((end, has_bare), (Some(out.len()), false), "{content:?}");
            assert_eq!(unstuffed.len() as u64, sizer.octets(), "{content:?}");
        }
    }

    #[test]
    fn content_is_sent_with_crlf_and_stuffed_dots() {
        stuffs(b"", b".\r\n");
        stuffs(b"a\r\n", b"a\r\n.\r\n");
        stuffs(b"a\nb", b"a\r\nb\r\n.\r\n");
        stuffs(b"a\r", b"a\r\n.\r\n");
        stuffs(b".\n..\r\n.a\n\n", b"..\r\n...\r\n..a\r\n\r\n.\r\n");
        stuffs(b"\n\n", b"\r\n\r\n.\r\n");
    }
}
