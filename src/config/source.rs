//! The text of a configuration as a tree of nodes that know their places.
//!
//! Knows YAML and nothing of the keys. `spec` reads the tree; `Config::load` makes it.
//!
//! serde hands values over without positions, but an error made inside a visitor is given the mark
//! of what the visitor was shown. So the visitor keeps each scalar, fails on purpose, and the mark
//! is taken from that failure. One pass over the text gives the place of every scalar. A list or a
//! section stands at its key, and where it has none at the first thing in it.

use std::cell::Cell;
use std::fmt;
use std::sync::Arc;

use serde::de::{DeserializeSeed, IgnoredAny};
use serde::de::{Deserializer, EnumAccess, MapAccess, SeqAccess, VariantAccess, Visitor};

use crate::base::diagnostic::{Diagnostic, Place, Severity};
use crate::base::limits::{
    CONFIG_DEPTH_MAX, CONFIG_EXPANDED_MAX, CONFIG_LEN_MAX, CONFIG_LINE_LEN_MAX,
};

/// A stretch of one line of the text.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Mark {
    /// From 0.
    line: usize,
    /// Octets before the stretch in its line.
    column: usize,
    /// Octets of the stretch, at least 1.
    length: usize,
}

/// A value with its place.
#[derive(Debug)]
pub(super) struct Node {
    pub(super) kind: Kind,
    pub(super) mark: Mark,
}

/// What a value is.
#[derive(Debug)]
pub(super) enum Kind {
    /// No value, or `null`.
    Null,
    Bool(bool),
    Integer(i128),
    Float(f64),
    Text(String),
    List(Vec<Node>),
    /// A mapping in the order of the text, repeated keys included.
    Section(Vec<Entry>),
    /// A value with a tag of its own, such as `!env X`.
    Tagged,
}

/// One key of a section with its value.
#[derive(Debug)]
pub(super) struct Entry {
    pub(super) key: Node,
    pub(super) value: Node,
}

impl Node {
    /// The value in words, for "found …".
    pub(super) fn describe(&self) -> String {
        match &self.kind {
            Kind::Null => "nothing".to_owned(),
            Kind::Bool(value) => format!("`{value}`"),
            Kind::Integer(value) => format!("the number {value}"),
            Kind::Float(value) => format!("the number {value:?}"),
            Kind::Text(text) if text.is_empty() => "an empty text".to_owned(),
            Kind::Text(text) => format!("`{}`", shorten(text)),
            Kind::List(_) => "a list".to_owned(),
            Kind::Section(_) => "a section".to_owned(),
            Kind::Tagged => "a YAML tag".to_owned(),
        }
    }
}

/// The beginning of a text, enough to recognise it by.
pub(super) fn shorten(text: &str) -> String {
    const CHARS_MAX: usize = 60;
    if text.chars().nth(CHARS_MAX).is_none() {
        return text.to_owned();
    }
    text.chars().take(CHARS_MAX).chain(['…']).collect()
}

/// The text of a configuration, by lines.
#[derive(Debug)]
pub(super) struct Source<'t> {
    file: Arc<str>,
    text: &'t str,
    lines: Vec<&'t str>,
}

impl<'t> Source<'t> {
    /// No text.
    pub(super) fn empty() -> Self {
        Self { file: Arc::from(""), text: "", lines: Vec::new() }
    }

    /// Takes the octets of a file.
    ///
    /// # Errors
    ///
    /// Fails if the text or a line of it is too long, or if it is not UTF-8.
    pub(super) fn new(file: Arc<str>, octets: &'t [u8]) -> Result<Self, Box<Diagnostic>> {
        let octets = octets.strip_prefix(b"\xEF\xBB\xBF").unwrap_or(octets);
        if octets.len() > CONFIG_LEN_MAX {
            let message = format!("{file} has more than {CONFIG_LEN_MAX} octets");
            let hint = Some("name many zones with `directory` instead of one by one".to_owned());
            return Err(Box::new(error("too-long", message, None, hint)));
        }
        let (text, bad) = match std::str::from_utf8(octets) {
            Ok(text) => (text, None),
            Err(bad) => {
                let valid = octets.get(..bad.valid_up_to()).unwrap_or_default();
                (std::str::from_utf8(valid).unwrap_or_default(), Some("not UTF-8"))
            }
        };
        let source = Self { file, text, lines: split_lines(text) };
        if let Some(what) = bad {
            let line = source.lines.len().saturating_sub(1);
            let column = source.lines.last().map_or(0, |line| line.len());
            let place = source.place(Mark { line, column, length: 1 });
            return Err(Box::new(error("yaml", what.to_owned(), Some(place), None)));
        }
        let long = source.lines.iter().position(|line| line.len() > CONFIG_LINE_LEN_MAX);
        if let Some(line) = long {
            let message = format!(
                "line {} of {} has more than {CONFIG_LINE_LEN_MAX} octets",
                line + 1,
                source.file
            );
            let hint = Some("break the line".to_owned());
            return Err(Box::new(error("too-long", message, None, hint)));
        }
        Ok(source)
    }

    /// Reads the text as one YAML document.
    ///
    /// # Errors
    ///
    /// Fails if the text is not YAML, has a second document, or goes beyond the bounds.
    pub(super) fn parse(&self) -> Result<Node, Box<Diagnostic>> {
        let reader = Reader { source: self, expanded: Cell::new(0), excess: Cell::new(None) };
        let start = Mark { line: 0, column: 0, length: 1 };
        let seed = Seed { reader: &reader, depth: 0, home: start, is_keyed: false };
        let error_of_library = match seed.deserialize(serde_yaml::Deserializer::from_str(self.text))
        {
            Ok(node) => return Ok(node),
            Err(error) => error,
        };
        let place = error_of_library.location().map(|at| {
            let (line, column) = (at.line().saturating_sub(1), at.column().saturating_sub(1));
            self.place(self.mark(line, column, 1))
        });
        let (message, hint) = match reader.excess.get() {
            Some(Excess::Depth) => {
                (format!("nested more than {CONFIG_DEPTH_MAX} levels deep"), None)
            }
            Some(Excess::Expanded) => expansion_message(),
            None => syntax_message(&error_of_library.to_string()),
        };
        let message = match place {
            Some(_) => message,
            None => format!("{}: {message}", self.file),
        };
        Err(Box::new(error("yaml", message, place, hint)))
    }

    /// The place of a stretch, for a diagnostic.
    pub(super) fn place(&self, mark: Mark) -> Place {
        Place {
            file: Arc::clone(&self.file),
            line: to_u32(mark.line + 1),
            column: to_u32(mark.column + 1),
            length: to_u32(mark.length),
            text: self.lines.get(mark.line).copied().unwrap_or_default().to_owned(),
        }
    }

    /// The place of a stretch that no log may show: from there on the line has asterisks.
    pub(super) fn place_of_secret(&self, mark: Mark) -> Place {
        let mut place = self.place(mark);
        place.text.truncate(mark.column);
        place.text.push_str("***");
        place.length = 3;
        place
    }

    /// The mark of what begins after `chars` characters of a line.
    ///
    /// `value_len` is the length of the value if it is a text, and tells where a plain one ends.
    fn mark(&self, line: usize, chars: usize, value_len: usize) -> Mark {
        let text = self.lines.get(line).copied().unwrap_or_default();
        let column = text.char_indices().nth(chars).map_or(text.len(), |(at, _)| at);
        let rest = text.get(column..).unwrap_or_default();
        let length = match rest.bytes().next() {
            Some(quote @ (b'"' | b'\'')) => quoted_len(rest, quote),
            Some(b'|' | b'>' | b'&' | b'*' | b'!') | None => 1,
            Some(_) if value_len > 0 => value_len.min(rest.len()),
            Some(_) => rest.find([' ', '\t', ',', ']', '}', ':']).unwrap_or(rest.len()),
        };
        Mark { line, column, length: length.max(1) }
    }
}

/// Octets of a quoted scalar as far as it is on this line, its quotes included.
fn quoted_len(text: &str, quote: u8) -> usize {
    let mut octets = text.bytes().enumerate().skip(1).peekable();
    while let Some((at, octet)) = octets.next() {
        if octet == b'\\' && quote == b'"' {
            octets.next();
        } else if octet == quote {
            let doubled = quote == b'\'' && octets.next_if(|&(_, next)| next == quote).is_some();
            if !doubled {
                return at + 1;
            }
        }
    }
    text.len()
}

/// Splits at the line ends that libyaml counts.
fn split_lines(text: &str) -> Vec<&str> {
    let mut lines = Vec::new();
    let mut rest = text;
    while let Some(at) = rest.find(['\n', '\r', '\u{85}', '\u{2028}', '\u{2029}']) {
        let (line, end) = rest.split_at(at);
        lines.push(line);
        let width = if end.starts_with("\r\n") {
            2
        } else {
            end.chars().map(char::len_utf8).next().unwrap_or(1)
        };
        rest = end.get(width..).unwrap_or_default();
    }
    lines.push(rest);
    lines
}

/// What the library says about a syntax error, without the position that the place tells.
fn syntax_message(text: &str) -> (String, Option<String>) {
    let (what, rest) = text.split_once(" at line ").unwrap_or((text, ""));
    let context = rest.split_once(", ").map_or("", |(_, context)| context);
    if what.contains("more than one document") {
        let hint = "remove the line `---` and what follows it".to_owned();
        ("more than one YAML document".to_owned(), Some(hint))
    } else if what.contains("repetition limit") {
        expansion_message()
    } else if what.contains("cannot start any token") {
        let hint = "indent with spaces, and put special characters in quotes".to_owned();
        (format!("not YAML: {what}"), Some(hint))
    } else if context.is_empty() {
        (format!("not YAML: {what}"), None)
    } else {
        (format!("not YAML: {what}, {context}"), None)
    }
}

fn expansion_message() -> (String, Option<String>) {
    let message = "too much text when aliases are replaced by what they stand for".to_owned();
    (message, Some("write fewer aliases (`*name`)".to_owned()))
}

fn error(
    code: &'static str,
    message: String,
    place: Option<Place>,
    hint: Option<String>,
) -> Diagnostic {
    Diagnostic { severity: Severity::Error, code, message, place, hint }
}

fn to_u32(number: usize) -> u32 {
    u32::try_from(number).unwrap_or(u32::MAX)
}

/// Which bound a text went beyond.
#[derive(Clone, Copy, Debug)]
enum Excess {
    Depth,
    Expanded,
}

/// What all seeds of one pass share.
struct Reader<'s> {
    source: &'s Source<'s>,
    /// Octets so far, with a flat sum for each node.
    expanded: Cell<usize>,
    excess: Cell<Option<Excess>>,
}

impl Reader<'_> {
    /// Counts one more node; false if the tree has become too large.
    fn count(&self, octets: usize) -> bool {
        /// About what a node takes besides its text, in the measure of `CONFIG_EXPANDED_MAX`.
        const NODE_COST: usize = 16;
        self.expanded.set(self.expanded.get() + NODE_COST + octets);
        let fits = self.expanded.get() <= CONFIG_EXPANDED_MAX;
        if !fits {
            self.excess.set(Some(Excess::Expanded));
        }
        fits
    }

    /// The mark that the library wrote at the end of an error's text. The first position of a text
    /// is left out there.
    fn mark_of(&self, error: &impl fmt::Display, value_len: usize) -> Mark {
        let text = error.to_string();
        let position = text.rsplit_once(" at line ").and_then(|(_, position)| {
            let (line, column) = position.split_once(" column ")?;
            Some((line.parse::<usize>().ok()?, column.parse::<usize>().ok()?))
        });
        let (line, column) = position.unwrap_or((1, 1));
        self.source.mark(line.saturating_sub(1), column.saturating_sub(1), value_len)
    }
}

/// Reads one node.
#[derive(Clone, Copy)]
struct Seed<'r> {
    reader: &'r Reader<'r>,
    depth: usize,
    /// The key whose value this is in, or the start of the text.
    home: Mark,
    /// Whether this is the value of `home` itself and not one in its list.
    is_keyed: bool,
}

impl<'r> Seed<'r> {
    fn within(self) -> Self {
        Self { depth: self.depth + 1, is_keyed: false, ..self }
    }

    fn value_of(self, key: Mark) -> Self {
        Self { home: key, is_keyed: true, ..self }
    }

    /// Counts a list or section, which must not be nested too deep.
    fn enter<E: serde::de::Error>(self) -> Result<Self, E> {
        if self.depth >= CONFIG_DEPTH_MAX {
            self.reader.excess.set(Some(Excess::Depth));
        } else if self.reader.count(0) {
            return Ok(self.within());
        }
        Err(E::custom(""))
    }

    /// Where a list or section with this first part stands.
    fn place(self, first: Option<Mark>) -> Mark {
        first.filter(|_| !self.is_keyed).unwrap_or(self.home)
    }
}

impl<'de> DeserializeSeed<'de> for Seed<'_> {
    type Value = Node;

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<Node, D::Error> {
        let mut scalar = None;
        let visitor = NodeVisitor { seed: self, scalar: &mut scalar };
        match (deserializer.deserialize_any(visitor), scalar) {
            (Ok(node), _) => Ok(node),
            (Err(error), Some(kind)) => {
                let value_len = if let Kind::Text(text) = &kind { text.len() } else { 0 };
                Ok(Node { mark: self.reader.mark_of(&error, value_len), kind })
            }
            (Err(error), None) => Err(error),
        }
    }
}

struct NodeVisitor<'r, 'k> {
    seed: Seed<'r>,
    /// Where a scalar is kept while its visitor fails.
    scalar: &'k mut Option<Kind>,
}

impl NodeVisitor<'_, '_> {
    fn keep<E: serde::de::Error>(self, kind: Kind) -> Result<Node, E> {
        let octets = if let Kind::Text(text) = &kind { text.len() } else { 0 };
        if self.seed.reader.count(octets) {
            *self.scalar = Some(kind);
        }
        Err(E::custom(""))
    }
}

impl<'de> Visitor<'de> for NodeVisitor<'_, '_> {
    type Value = Node;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a YAML value")
    }

    fn visit_bool<E: serde::de::Error>(self, value: bool) -> Result<Node, E> {
        self.keep(Kind::Bool(value))
    }

    fn visit_i64<E: serde::de::Error>(self, value: i64) -> Result<Node, E> {
        self.keep(Kind::Integer(value.into()))
    }

    fn visit_u64<E: serde::de::Error>(self, value: u64) -> Result<Node, E> {
        self.keep(Kind::Integer(value.into()))
    }

    fn visit_i128<E: serde::de::Error>(self, value: i128) -> Result<Node, E> {
        self.keep(Kind::Integer(value))
    }

    fn visit_u128<E: serde::de::Error>(self, value: u128) -> Result<Node, E> {
        self.keep(Kind::Integer(i128::try_from(value).unwrap_or(i128::MAX)))
    }

    fn visit_f64<E: serde::de::Error>(self, value: f64) -> Result<Node, E> {
        self.keep(Kind::Float(value))
    }

    fn visit_str<E: serde::de::Error>(self, text: &str) -> Result<Node, E> {
        self.keep(Kind::Text(text.to_owned()))
    }

    fn visit_unit<E: serde::de::Error>(self) -> Result<Node, E> {
        self.keep(Kind::Null)
    }

    fn visit_none<E: serde::de::Error>(self) -> Result<Node, E> {
        self.keep(Kind::Null)
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut access: A) -> Result<Node, A::Error> {
        let within = self.seed.enter()?;
        let mut nodes = Vec::new();
        while let Some(node) = access.next_element_seed(within)? {
            nodes.push(node);
        }
        let mark = self.seed.place(nodes.first().map(|node: &Node| node.mark));
        Ok(Node { kind: Kind::List(nodes), mark })
    }

    fn visit_map<A: MapAccess<'de>>(self, mut access: A) -> Result<Node, A::Error> {
        let within = self.seed.enter()?;
        let mut entries = Vec::new();
        while let Some(key) = access.next_key_seed(within)? {
            let value = access.next_value_seed(within.value_of(key.mark))?;
            entries.push(Entry { key, value });
        }
        let mark = self.seed.place(entries.first().map(|entry: &Entry| entry.key.mark));
        Ok(Node { kind: Kind::Section(entries), mark })
    }

    fn visit_enum<A: EnumAccess<'de>>(self, access: A) -> Result<Node, A::Error> {
        let within = self.seed.enter()?;
        let (IgnoredAny, variant) = access.variant()?;
        let node = variant.newtype_variant_seed(within)?;
        Ok(Node { kind: Kind::Tagged, mark: node.mark })
    }
}

#[cfg(test)]
mod tests;
