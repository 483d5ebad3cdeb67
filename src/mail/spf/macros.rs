//! Macros (RFC 7208 §7): names that depend on who sends.

use crate::base::limits::{LABEL_LEN_MAX, NAME_LEN_MAX};
use crate::mail::spf::{EXPANDED_LEN_MAX, MACROS_MAX};
use crate::wire::name::{Name, NameBuf};

/// Characters between which a value is cut (RFC 7208 §7.1).
const DELIMITERS: &str = ".-+,/_=";

/// A text with macros.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Spec(Vec<Piece>);

#[derive(Clone, Debug, PartialEq, Eq)]
enum Piece {
    Text(String),
    /// What `%%`, `%_` and `%-` stand for.
    Escape(&'static str),
    Macro(Macro),
}

/// `%{…}`.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Macro {
    /// Which value, in lower case.
    letter: char,
    /// How many parts are kept, from the right.
    kept: Option<usize>,
    is_reversed: bool,
    delimiters: String,
    /// Whether what could not stand in a URL is encoded.
    is_escaped: bool,
}

/// Which letters there may be.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Letters {
    /// Those of names.
    OfNames,
    /// Those of explanations, too.
    All,
}

impl Letters {
    fn has(self, letter: char) -> bool {
        "slodiphv".contains(letter) || (self == Self::All && "crt".contains(letter))
    }
}

impl Spec {
    /// Reads what a domain is made from: it ends with a macro or with a label that could be the last of
    /// a name.
    pub(super) fn domain(text: &str) -> Option<Self> {
        let spec = Self::read(text, Letters::OfNames)?;
        let is_whole = match spec.0.last()? {
            Piece::Macro(_) | Piece::Escape(_) => true,
            Piece::Text(end) => {
                let end = end.strip_suffix('.').unwrap_or(end);
                end.rsplit_once('.').is_some_and(|(_, label)| is_top_label(label))
            }
        };
        is_whole.then_some(spec)
    }

    /// Reads a text with macros.
    pub(super) fn read(text: &str, letters: Letters) -> Option<Self> {
        let mut pieces = Vec::new();
        let mut plain = String::new();
        let mut rest = text;
        while let Some(char) = rest.chars().next() {
            rest = rest.get(char.len_utf8()..).unwrap_or_default();
            if char != '%' {
                if !char.is_ascii_graphic() {
                    return None;
                }
                plain.push(char);
                continue;
            }
            let escape = rest.chars().next()?;
            rest = rest.get(escape.len_utf8()..).unwrap_or_default();
            if !plain.is_empty() {
                pieces.push(Piece::Text(std::mem::take(&mut plain)));
            }
            pieces.push(match escape {
                '%' => Piece::Escape("%"),
                '_' => Piece::Escape(" "),
                '-' => Piece::Escape("%20"),
                '{' => {
                    let (inner, behind) = rest.split_once('}')?;
                    rest = behind;
                    Piece::Macro(Macro::read(inner, letters)?)
                }
                _ => return None,
            });
        }
        if !plain.is_empty() {
            pieces.push(Piece::Text(plain));
        }
        let is_macro = |piece: &&Piece| matches!(piece, Piece::Macro(_));
        (pieces.iter().filter(is_macro).count() <= MACROS_MAX).then_some(Self(pieces))
    }

    /// Whether it needs the names of the client.
    pub(super) fn needs_names(&self) -> bool {
        let needs = |piece: &Piece| matches!(piece, Piece::Macro(Macro { letter: 'p', .. }));
        self.0.iter().any(needs)
    }

    /// The text with the values of the letters; `None` if it is too long for any name.
    pub(super) fn expand(&self, value: impl Fn(char) -> String) -> Option<String> {
        let mut text = String::new();
        for piece in &self.0 {
            match piece {
                Piece::Text(plain) => text.push_str(plain),
                Piece::Escape(stands_for) => text.push_str(stands_for),
                Piece::Macro(found) => text.push_str(&found.expand(&value(found.letter))),
            }
            if text.len() > EXPANDED_LEN_MAX {
                return None;
            }
        }
        Some(text)
    }
}

impl Macro {
    fn read(inner: &str, letters: Letters) -> Option<Self> {
        let written = inner.chars().next().filter(char::is_ascii_alphabetic)?;
        let letter = written.to_ascii_lowercase();
        let rest = inner.get(1..).unwrap_or_default();
        let end = rest.find(|char: char| !char.is_ascii_digit()).unwrap_or(rest.len());
        let (digits, rest) = rest.split_at(end);
        let kept = match digits {
            "" => None,
            // No value has more parts than fit a number.
            _ => Some(digits.parse().unwrap_or(usize::MAX)),
        };
        let reversed = rest.strip_prefix(['r', 'R']);
        let delimiters = reversed.unwrap_or(rest);
        let is_right = letters.has(letter)
            && kept != Some(0)
            && delimiters.chars().all(|char| DELIMITERS.contains(char));
        is_right.then(|| Self {
            letter,
            kept,
            is_reversed: reversed.is_some(),
            delimiters: if delimiters.is_empty() { ".".to_owned() } else { delimiters.to_owned() },
            is_escaped: written.is_ascii_uppercase(),
        })
    }

    fn expand(&self, value: &str) -> String {
        let is_delimiter = |char: char| self.delimiters.contains(char);
        let mut parts: Vec<&str> = value.split(is_delimiter).collect();
        if self.is_reversed {
            parts.reverse();
        }
        let dropped = self.kept.map_or(0, |kept| parts.len().saturating_sub(kept));
        let text = parts.get(dropped..).unwrap_or_default().join(".");
        if self.is_escaped { escaped(&text) } else { text }
    }
}

/// A text as it may stand in a URL (RFC 3986 §2.3).
fn escaped(text: &str) -> String {
    let mut out = String::new();
    for octet in text.bytes() {
        match octet {
            b'a'..=b'z' | b'A'..=b'Z' | b'0'..=b'9' | b'-' | b'.' | b'_' | b'~' => {
                out.push(char::from(octet));
            }
            _ => out.push_str(&format!("%{octet:02X}")),
        }
    }
    out
}

/// Whether a label could be the last of a name: letters, digits and inner hyphens, not digits alone.
fn is_top_label(label: &str) -> bool {
    let is_inner = |octet: u8| octet.is_ascii_alphanumeric() || octet == b'-';
    !label.is_empty()
        && label.bytes().all(is_inner)
        && !label.starts_with('-')
        && !label.ends_with('-')
        && !label.bytes().all(|octet| octet.is_ascii_digit())
}

/// A text as a name, without labels on its left if it is too long (RFC 7208 §7.3); `None` if it is
/// none. Backslashes and the like are octets as others.
pub(super) fn name_of(text: &str) -> Option<NameBuf> {
    let mut rest = text.strip_suffix('.').unwrap_or(text);
    // Each label takes the octet of its length, as its dot does in the text, and the root one more.
    while rest.len() > NAME_LEN_MAX - 2 {
        (_, rest) = rest.split_once('.')?;
    }
    let mut octets = Vec::with_capacity(rest.len() + 2);
    for label in rest.split('.') {
        let length = u8::try_from(label.len()).ok()?;
        if label.is_empty() || label.len() > LABEL_LEN_MAX {
            return None;
        }
        octets.push(length);
        octets.extend_from_slice(label.as_bytes());
    }
    octets.push(0);
    Name::read(&octets).ok().map(Name::to_lowercase)
}
