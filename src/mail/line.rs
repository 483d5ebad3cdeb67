//! Lines of commands out of what arrives, however it is split.

/// A line under way. Holds at most as much as a line may have.
#[derive(Clone, Debug, Default)]
pub(super) struct Lines {
    held: Vec<u8>,
    is_too_long: bool,
}

/// A command line.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Line {
    /// Its octets, without its end.
    Whole(Vec<u8>),
    /// It was longer than lines may be, and has been passed over.
    TooLong,
}

impl Lines {
    /// Takes octets up to the end of a line of at most `len_max` octets. Returns how many, and the
    /// line if it is whole. A line ends with LF, or CR and LF.
    pub(super) fn read(&mut self, octets: &[u8], len_max: usize) -> (usize, Option<Line>) {
        let end = octets.iter().position(|&octet| octet == b'\n');
        let taken = end.map_or(octets.len(), |end| end + 1);
        let part = octets.get(..end.unwrap_or(taken)).unwrap_or_default();
        if self.held.len() + part.len() > len_max + 1 {
            self.is_too_long = true;
        }
        if self.is_too_long {
            self.held = Vec::new();
        } else {
            self.held.extend_from_slice(part);
        }
        if end.is_none() {
            return (taken, None);
        }
        let mut line = std::mem::take(&mut self.held);
        if line.last() == Some(&b'\r') {
            line.pop();
        }
        let is_too_long = std::mem::take(&mut self.is_too_long) || line.len() > len_max;
        (taken, Some(if is_too_long { Line::TooLong } else { Line::Whole(line) }))
    }
}

#[cfg(test)]
mod tests {
    use super::{Line, Lines};

    fn read(octets: &[u8], cut: usize, len_max: usize) -> Vec<Line> {
        let mut lines = Lines::default();
        let mut found = Vec::new();
        for mut part in [&octets[..cut], &octets[cut..]] {
            while !part.is_empty() {
                let (taken, line) = lines.read(part, len_max);
                part = &part[taken..];
                found.extend(line);
            }
        }
        found
    }

    #[test]
    fn lines_end_with_lf_wherever_they_are_split() {
        let octets = b"NOOP\r\nQUIT\n\r\na\rb\r\nrest";
        let whole = |text: &str| Line::Whole(text.into());
        let expected = vec![whole("NOOP"), whole("QUIT"), whole(""), whole("a\rb")];
        for cut in 0..octets.len() {
            assert_eq!(read(octets, cut, 100), expected, "cut at {cut}");
        }
    }

    #[test]
    fn line_that_is_too_long_is_passed_over() {
        let octets = b"1234\r\n12345\r\n1234567890\r\n12\r\n";
        let whole = |text: &str| Line::Whole(text.into());
        let expected = vec![whole("1234"), Line::TooLong, Line::TooLong, whole("12")];
        for cut in 0..octets.len() {
            assert_eq!(read(octets, cut, 4), expected, "cut at {cut}");
        }
    }
}
