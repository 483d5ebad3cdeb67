//! A text as records hold it: one octet of length, then up to 255 octets (RFC 1035 §3.3).

/// A text ready to be written into a message.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CharacterString(Box<[u8]>);

impl CharacterString {
    /// The text; `None` if it is too long.
    pub fn new(text: &str) -> Option<Self> {
        let length = u8::try_from(text.len()).ok()?;
        Some(Self(std::iter::once(length).chain(text.bytes()).collect()))
    }

    /// The length and the text, which is the data of a TXT record.
    pub fn as_wire(&self) -> &[u8] {
        &self.0
    }

    /// The text alone.
    pub fn as_text(&self) -> &[u8] {
        self.0.get(1..).unwrap_or_default()
    }
}
