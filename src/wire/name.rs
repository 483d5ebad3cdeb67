//! Domain names in uncompressed wire form, borrowed and owned, and as text.
//!
//! Names compare, hash and sort without regard to the case of ASCII letters (RFC 4343), and keep
//! the case they came with. No IDNA: a name is octets.

use std::cmp::Ordering;
use std::fmt;
use std::hash::{Hash, Hasher};

use crate::base::limits::{LABEL_LEN_MAX, LABELS_MAX, NAME_LEN_MAX};
use crate::wire::error::{Field, WireError};

/// A name in uncompressed wire form, its root label included. Always well-formed.
#[derive(Clone, Copy)]
pub struct Name<'a>(&'a [u8]);

impl<'a> Name<'a> {
    /// The root.
    pub const ROOT: Name<'static> = Name(&[0]);

    /// Reads the name that `octets` begin with; what follows it is not looked at.
    ///
    /// # Errors
    ///
    /// Fails if the octets end early, or hold a pointer, a reserved label type or a name that is
    /// too long. Positions count from the start of `octets`.
    pub fn read(octets: &'a [u8]) -> Result<Self, WireError> {
        let mut at = 0;
        loop {
            let length = match octets.get(at) {
                None => return Err(WireError::Short { field: Field::Name, at: 0 }),
                Some(&length) => usize::from(length),
            };
            if length >= 0xC0 {
                return Err(WireError::Pointer { at });
            }
            if length > LABEL_LEN_MAX {
                return Err(WireError::Label { at });
            }
            at += length + 1;
            if at > NAME_LEN_MAX {
                return Err(WireError::NameLength { at: 0 });
            }
            if length == 0 {
                return match octets.get(..at) {
                    Some(name) => Ok(Name(name)),
                    None => Err(WireError::Short { field: Field::Name, at: 0 }),
                };
            }
        }
    }

    /// The name that `octets` are, which were a name when they were put there and are not looked at
    /// again.
    pub(crate) fn known(octets: &'a [u8]) -> Self {
        debug_assert!(Self::read(octets).is_ok_and(|name| name.0.len() == octets.len()));
        Self(octets)
    }

    /// The octets in wire form, the root label included.
    pub fn as_wire(self) -> &'a [u8] {
        self.0
    }

    /// Octets in wire form, from 1 to 255.
    #[expect(clippy::len_without_is_empty, reason = "a name has at least the root label")]
    pub fn len(self) -> usize {
        self.0.len()
    }

    /// Whether this is the root.
    pub fn is_root(self) -> bool {
        self.0.len() == 1
    }

    /// The labels from the left, without the root.
    pub fn labels(self) -> Labels<'a> {
        Labels(self.0)
    }

    /// How many labels the name has, the root not counted.
    pub fn label_count(self) -> usize {
        self.labels().count()
    }

    /// The name without its first label; `None` for the root.
    pub fn parent(self) -> Option<Self> {
        let (&length, rest) = self.0.split_first()?;
        if length == 0 {
            return None;
        }
        rest.get(usize::from(length)..).map(Name)
    }

    /// The name and all its ancestors, ending with the root.
    pub fn suffixes(self) -> impl Iterator<Item = Name<'a>> {
        std::iter::successors(Some(self), |name| name.parent())
    }

    /// Whether the first label is the asterisk alone (RFC 4592 §2.1.1).
    pub fn is_wildcard(self) -> bool {
        self.0.starts_with(b"\x01*")
    }

    /// Whether the name is `ancestor` or below it.
    pub fn is_within(self, ancestor: Name<'_>) -> bool {
        let Some(excess) = self.0.len().checked_sub(ancestor.0.len()) else { return false };
        let mut name = Some(self);
        let mut left = excess;
        while left > 0 {
            let Some(&length) = name.and_then(|name| name.0.first()) else { return false };
            let step = usize::from(length) + 1;
            if step > left {
                return false;
            }
            left -= step;
            name = name.and_then(Name::parent);
        }
        name.is_some_and(|name| name == ancestor)
    }

    /// Whether the name is below `ancestor` and not the same.
    pub fn is_below(self, ancestor: Name<'_>) -> bool {
        self.0.len() > ancestor.0.len() && self.is_within(ancestor)
    }

    /// Numbers that sort like the name among names within `ancestor`, which this one is. Names with
    /// equal numbers may differ still.
    pub fn sort_key(self, ancestor: Name<'_>) -> [u64; 3] {
        // Only for its labels: there is no root at its end.
        let below = self.0.len() - ancestor.0.len().min(self.0.len());
        let name = Name(self.0.get(..below).unwrap_or_default());
        let starts = LabelStarts::new(name);
        let mut key = [0; 24];
        let mut at = 0;
        // Each label ends with a zero, which is below all octets of labels: those take two places
        // where they would be as low.
        for label in starts.rightmost_first(name) {
            let room = key.get_mut(at..).unwrap_or_default();
            if room.is_empty() {
                break;
            }
            let label = label.get(..room.len()).unwrap_or(label);
            if label.iter().any(|octet| *octet <= 1) {
                let spread = label.iter().flat_map(|octet| match octet {
                    0 | 1 => [Some(1), Some(octet + 1)],
                    _ => [Some(*octet), None],
                });
                for (slot, octet) in room.iter_mut().zip(spread.flatten()) {
                    *slot = octet;
                    at += 1;
                }
            } else {
                for (slot, octet) in room.iter_mut().zip(label) {
                    *slot = *octet;
                }
                at += label.len();
            }
            at += 1;
        }
        key.make_ascii_lowercase();
        let numbers = key.as_chunks::<8>().0;
        std::array::from_fn(|at| u64::from_be_bytes(numbers.get(at).copied().unwrap_or_default()))
    }

    /// Whether both names have the same octets, case included.
    pub fn is_identical(self, other: Name<'_>) -> bool {
        self.0 == other.0
    }

    /// An owned copy with its letters in lower case.
    pub fn to_lowercase(self) -> NameBuf {
        NameBuf(self.0.to_ascii_lowercase().into_boxed_slice())
    }

    /// An owned copy.
    pub fn to_buf(self) -> NameBuf {
        NameBuf(self.0.into())
    }
}

// A length octet is at most 63 and so never taken for a letter: whole names can be compared and
// lowered without looking at their labels.
impl PartialEq<Name<'_>> for Name<'_> {
    fn eq(&self, other: &Name<'_>) -> bool {
        // Mostly the case is the same too, which is told faster.
        self.0 == other.0 || self.0.eq_ignore_ascii_case(other.0)
    }
}

impl Eq for Name<'_> {}

impl Hash for Name<'_> {
    fn hash<H: Hasher>(&self, state: &mut H) {
        for octet in self.0 {
            state.write_u8(octet.to_ascii_lowercase());
        }
    }
}

impl Ord for Name<'_> {
    /// The canonical order: label by label from the right, as octets in lower case
    /// (RFC 4034 §6.1).
    fn cmp(&self, other: &Self) -> Ordering {
        let (mine, theirs) = (LabelStarts::new(*self), LabelStarts::new(*other));
        for (a, b) in mine.rightmost_first(*self).zip(theirs.rightmost_first(*other)) {
            // Names that are compared mostly share labels, which is told fastest for whole ones.
            if a == b {
                continue;
            }
            let order = compare_labels(a, b);
            if order != Ordering::Equal {
                return order;
            }
        }
        mine.count.cmp(&theirs.count)
    }
}

impl PartialOrd for Name<'_> {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

/// The order of labels as octets in lower case.
fn compare_labels(a: &[u8], b: &[u8]) -> Ordering {
    // What neighbours begin with alike is mostly written alike, and told faster as words.
    let words = a.as_chunks::<8>().0.iter().zip(b.as_chunks::<8>().0);
    let alike = 8 * words.take_while(|(a, b)| a == b).count();
    let [a, b] = [a, b].map(|label| label.get(alike..).unwrap_or_default());
    a.iter().map(u8::to_ascii_lowercase).cmp(b.iter().map(u8::to_ascii_lowercase))
}

impl fmt::Display for Name<'_> {
    /// Writes the fully qualified name with the escapes of a master file (RFC 1035 §5.1).
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.is_root() {
            return f.write_str(".");
        }
        for label in self.labels() {
            for &octet in label {
                match octet {
                    b'"' | b'$' | b'(' | b')' | b'.' | b';' | b'@' | b'\\' => {
                        write!(f, "\\{}", char::from(octet))?;
                    }
                    0x21..=0x7E => write!(f, "{}", char::from(octet))?,
                    _ => write!(f, "\\{octet:03}")?,
                }
            }
            f.write_str(".")?;
        }
        Ok(())
    }
}

impl fmt::Debug for Name<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

/// The labels of a name from the left; see `Name::labels`.
#[derive(Clone, Debug)]
pub struct Labels<'a>(&'a [u8]);

impl<'a> Iterator for Labels<'a> {
    type Item = &'a [u8];

    fn next(&mut self) -> Option<&'a [u8]> {
        let (&length, rest) = self.0.split_first()?;
        if length == 0 {
            return None;
        }
        let (label, rest) = rest.split_at_checked(usize::from(length))?;
        self.0 = rest;
        Some(label)
    }
}

/// Where the labels of a name begin, so that they can be walked from the right.
struct LabelStarts {
    starts: [u8; LABELS_MAX],
    count: usize,
}

impl LabelStarts {
    fn new(name: Name<'_>) -> Self {
        let mut starts = [0; LABELS_MAX];
        let mut count = 0;
        let mut at = 0_u8;
        for (start, label) in starts.iter_mut().zip(name.labels()) {
            *start = at;
            // A name has at most 255 octets, so neither addition can overflow.
            at = at.wrapping_add(u8::try_from(label.len()).unwrap_or(0)).wrapping_add(1);
            count += 1;
        }
        Self { starts, count }
    }

    fn rightmost_first<'a>(&self, name: Name<'a>) -> impl Iterator<Item = &'a [u8]> {
        self.starts.iter().take(self.count).rev().filter_map(move |&start| {
            let (&length, rest) = name.0.get(usize::from(start)..)?.split_first()?;
            rest.get(..usize::from(length))
        })
    }
}

/// Why a text is not a name.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum NameTextError {
    /// Nothing at all.
    Empty,
    /// Two dots in a row, or a dot at the start.
    EmptyLabel,
    /// A label of more than 63 octets.
    LabelLength,
    /// More than 255 octets in wire form.
    NameLength,
    /// A backslash that is followed by nothing, or by digits that are not an octet.
    Escape,
    /// A relative name where there is no origin to complete it.
    Relative,
}

impl fmt::Display for NameTextError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Empty => "an empty name",
            Self::EmptyLabel => "an empty label (two dots in a row, or a dot at the start)",
            Self::LabelLength => "a label of more than 63 octets",
            Self::NameLength => "a name of more than 255 octets",
            Self::Escape => "a backslash that is not followed by a character or by 000 to 255",
            Self::Relative => "a relative name, and no origin to complete it with",
        })
    }
}

/// An owned name in uncompressed wire form.
#[derive(Clone)]
pub struct NameBuf(Box<[u8]>);

impl NameBuf {
    /// The root.
    pub fn root() -> Self {
        Name::ROOT.to_buf()
    }

    /// Reads a name as a master file writes it (RFC 1035 §5.1): `\X` and `\DDD` are escapes, `@`
    /// alone is the origin, and a name without a dot at its end is completed with the origin.
    ///
    /// # Errors
    ///
    /// Fails if the text is not a name, or is relative and `origin` is `None`.
    pub fn from_text(text: &[u8], origin: Option<Name<'_>>) -> Result<Self, NameTextError> {
        let mut octets = Vec::with_capacity(64);
        write_text(text, origin, &mut octets)?;
        Ok(Self(octets.into_boxed_slice()))
    }

    /// The name, borrowed.
    pub fn as_name(&self) -> Name<'_> {
        Name(&self.0)
    }
}

/// An owned name in a fixed place, for where nothing may be allocated.
#[derive(Clone, Copy)]
pub struct NameArray {
    octets: [u8; NAME_LEN_MAX],
    len: usize,
}

impl NameArray {
    /// A copy of a name.
    pub fn new(name: Name<'_>) -> Self {
        let mut copy = Self { octets: [0; NAME_LEN_MAX], len: 1 };
        copy.set(name);
        copy
    }

    /// Takes another name in.
    pub fn set(&mut self, name: Name<'_>) {
        if let Some(octets) = self.octets.get_mut(..name.len()) {
            octets.copy_from_slice(name.0);
            self.len = name.len();
        }
    }

    /// Takes in the name that has `suffix` in the place of what follows the first `kept` octets,
    /// which must be whole labels, of `name` (RFC 6672 §2.2); false, and no change, if that name
    /// would be too long.
    pub fn set_replaced(&mut self, name: Name<'_>, kept: usize, suffix: Name<'_>) -> bool {
        let fits = kept + suffix.len() <= NAME_LEN_MAX;
        if fits {
            self.fill(name.0.iter().take(kept).chain(suffix.0));
        }
        fits
    }

    /// Takes in the name that `label`, of 1 to 63 octets, and `parent` make; false, and no change,
    /// if that name would be too long.
    pub fn set_child(&mut self, label: &[u8], parent: Name<'_>) -> bool {
        let Ok(length) = u8::try_from(label.len()) else { return false };
        let fits = (1..=LABEL_LEN_MAX).contains(&label.len())
            && 1 + label.len() + parent.len() <= NAME_LEN_MAX;
        if fits {
            self.fill(std::iter::once(&length).chain(label).chain(parent.0));
        }
        fits
    }

    fn fill<'o>(&mut self, octets: impl Iterator<Item = &'o u8>) {
        self.len = 0;
        for (slot, octet) in self.octets.iter_mut().zip(octets) {
            *slot = *octet;
            self.len += 1;
        }
    }

    /// Puts the letters in lower case.
    pub fn make_lowercase(&mut self) {
        self.octets.make_ascii_lowercase();
    }

    /// The name, borrowed.
    pub fn as_name(&self) -> Name<'_> {
        self.octets.get(..self.len).map_or(Name::ROOT, Name::known)
    }
}

impl fmt::Debug for NameArray {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(&self.as_name(), f)
    }
}

/// Appends the wire form of a name that a master file writes as `text`; see `NameBuf::from_text`.
///
/// # Errors
///
/// Fails like `NameBuf::from_text`; then what was appended is of no use.
pub fn write_text(
    text: &[u8],
    origin: Option<Name<'_>>,
    octets: &mut Vec<u8>,
) -> Result<(), NameTextError> {
    match text {
        b"" => return Err(NameTextError::Empty),
        b"." => {
            octets.push(0);
            return Ok(());
        }
        b"@" => {
            octets.extend_from_slice(origin.ok_or(NameTextError::Relative)?.0);
            return Ok(());
        }
        _ => {}
    }
    let mut labels = LabelWriter::new(octets);
    let mut rest = text;
    loop {
        let plain = rest.iter().position(|octet| matches!(octet, b'.' | b'\\'));
        let (run, after) = rest.split_at(plain.unwrap_or(rest.len()));
        labels.push(run)?;
        rest = match after.split_first() {
            None => break,
            Some((b'.', after)) => {
                labels.end()?;
                after
            }
            Some((_, after)) => {
                let (octet, after) = unescape(after).ok_or(NameTextError::Escape)?;
                labels.push(&[octet])?;
                after
            }
        };
    }
    if labels.is_between() {
        return labels.finish(Name::ROOT);
    }
    labels.end()?;
    labels.finish(origin.ok_or(NameTextError::Relative)?)
}

/// Reads what follows a backslash: three digits or one character (RFC 1035 §5.1).
///
/// Returns the octet and what is left, or `None` if the escape is cut short or above 255.
pub fn unescape(after_backslash: &[u8]) -> Option<(u8, &[u8])> {
    let (&first, rest) = after_backslash.split_first()?;
    if !first.is_ascii_digit() {
        return Some((first, rest));
    }
    let (digits, rest) = after_backslash.split_at_checked(3)?;
    let text = std::str::from_utf8(digits).ok()?;
    if !digits.iter().all(u8::is_ascii_digit) {
        return None;
    }
    Some((text.parse().ok()?, rest))
}

/// Collects the labels of a name as its text is read.
struct LabelWriter<'o> {
    octets: &'o mut Vec<u8>,
    /// Where the name begins.
    base: usize,
    /// Where the length octet of the label being written stands.
    start: usize,
}

impl<'o> LabelWriter<'o> {
    fn new(octets: &'o mut Vec<u8>) -> Self {
        let base = octets.len();
        octets.push(0);
        Self { octets, base, start: base }
    }

    fn push(&mut self, run: &[u8]) -> Result<(), NameTextError> {
        if self.octets.len() - self.start - 1 + run.len() > LABEL_LEN_MAX {
            return Err(NameTextError::LabelLength);
        }
        if self.octets.len() - self.base + run.len() > NAME_LEN_MAX {
            return Err(NameTextError::NameLength);
        }
        self.octets.extend_from_slice(run);
        Ok(())
    }

    fn end(&mut self) -> Result<(), NameTextError> {
        let length = self.octets.len() - self.start - 1;
        if length == 0 {
            return Err(NameTextError::EmptyLabel);
        }
        if let (Some(slot), Ok(length)) = (self.octets.get_mut(self.start), u8::try_from(length)) {
            *slot = length;
        }
        self.start = self.octets.len();
        self.octets.push(0);
        Ok(())
    }

    /// Whether a label has just ended.
    fn is_between(&self) -> bool {
        self.octets.len() == self.start + 1
    }

    fn finish(self, origin: Name<'_>) -> Result<(), NameTextError> {
        self.octets.truncate(self.start);
        self.octets.extend_from_slice(origin.0);
        if self.octets.len() - self.base > NAME_LEN_MAX {
            return Err(NameTextError::NameLength);
        }
        Ok(())
    }
}

impl PartialEq for NameBuf {
    fn eq(&self, other: &Self) -> bool {
        self.as_name() == other.as_name()
    }
}

impl Eq for NameBuf {}

impl PartialEq<Name<'_>> for NameBuf {
    fn eq(&self, other: &Name<'_>) -> bool {
        self.as_name() == *other
    }
}

impl Hash for NameBuf {
    fn hash<H: Hasher>(&self, state: &mut H) {
        self.as_name().hash(state);
    }
}

impl Ord for NameBuf {
    fn cmp(&self, other: &Self) -> Ordering {
        self.as_name().cmp(&other.as_name())
    }
}

impl PartialOrd for NameBuf {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl fmt::Display for NameBuf {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(&self.as_name(), f)
    }
}

impl fmt::Debug for NameBuf {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

#[cfg(test)]
mod tests;
