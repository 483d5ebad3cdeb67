//! A cursor over the octets of a message.
//!
//! Never reads past the end. Follows compression pointers only where it says so.

use crate::base::limits::NAME_LEN_MAX;
use crate::wire::error::{Field, WireError};
use crate::wire::name::{Name, NameArray};

/// A position in a message.
#[derive(Clone, Copy, Debug)]
pub struct Reader<'m> {
    message: &'m [u8],
    at: usize,
}

impl<'m> Reader<'m> {
    /// A reader that stands at the octet `at` of `message`.
    pub fn new(message: &'m [u8], at: usize) -> Self {
        Self { message, at }
    }

    /// Octets before the cursor.
    pub fn position(&self) -> usize {
        self.at
    }

    /// Whether everything has been read.
    pub fn is_at_end(&self) -> bool {
        self.at >= self.message.len()
    }

    /// Reads `length` octets.
    ///
    /// # Errors
    ///
    /// Fails if there are not so many.
    pub fn read_octets(&mut self, length: usize, field: Field) -> Result<&'m [u8], WireError> {
        let octets = self
            .message
            .get(self.at..)
            .and_then(|rest| rest.get(..length))
            .ok_or(WireError::Short { field, at: self.at })?;
        self.at += length;
        Ok(octets)
    }

    /// Reads one octet.
    ///
    /// # Errors
    ///
    /// Fails at the end of the message.
    pub fn read_u8(&mut self, field: Field) -> Result<u8, WireError> {
        let octets = self.read_octets(1, field)?;
        octets.first().copied().ok_or(WireError::Short { field, at: self.at })
    }

    /// Reads 16 bits.
    ///
    /// # Errors
    ///
    /// Fails if the message ends before.
    pub fn read_u16(&mut self, field: Field) -> Result<u16, WireError> {
        let octets = self.read_octets(2, field)?;
        let octets = octets.first_chunk().ok_or(WireError::Short { field, at: self.at })?;
        Ok(u16::from_be_bytes(*octets))
    }

    /// Reads 32 bits.
    ///
    /// # Errors
    ///
    /// Fails if the message ends before.
    pub fn read_u32(&mut self, field: Field) -> Result<u32, WireError> {
        let octets = self.read_octets(4, field)?;
        let octets = octets.first_chunk().ok_or(WireError::Short { field, at: self.at })?;
        Ok(u32::from_be_bytes(*octets))
    }

    /// Reads a name that must not be compressed.
    ///
    /// # Errors
    ///
    /// Fails if it is cut short, too long, or has a pointer or a reserved label type.
    pub fn read_plain_name(&mut self) -> Result<Name<'m>, WireError> {
        let rest = self.message.get(self.at..).unwrap_or_default();
        let name = Name::read(rest).map_err(|error| error.moved(self.at))?;
        self.at += name.len();
        Ok(name)
    }

    /// Reads a name that may be compressed into `name`.
    ///
    /// # Errors
    ///
    /// Fails if it is cut short, too long, has a reserved label type, or a pointer that does not lead
    /// to before all that was read of the name, so that it could loop.
    pub fn read_name(&mut self, name: &mut NameArray) -> Result<(), WireError> {
        let (start, mut end) = (self.at, None);
        let (mut octets, mut len) = ([0; NAME_LEN_MAX], 0);
        let (mut part, mut earliest) = (*self, self.at);
        loop {
            let at = part.at;
            let length = part.read_u8(Field::Name)?;
            match length {
                0..=63 => {
                    let label = part.read_octets(usize::from(length), Field::Name)?;
                    let place = octets.get_mut(len..).unwrap_or_default();
                    if place.len() <= label.len() {
                        return Err(WireError::NameLength { at: start });
                    }
                    let written = std::iter::once(&length).chain(label);
                    place.iter_mut().zip(written).for_each(|(slot, octet)| *slot = *octet);
                    len += 1 + label.len();
                    if length == 0 {
                        break;
                    }
                }
                0xC0.. => {
                    let low = part.read_u8(Field::Name)?;
                    end.get_or_insert(part.at);
                    let target = usize::from(u16::from_be_bytes([length & 0x3F, low]));
                    if target >= earliest {
                        return Err(WireError::Pointer { at });
                    }
                    (part.at, earliest) = (target, target);
                }
                _ => return Err(WireError::Label { at }),
            }
        }
        self.at = end.unwrap_or(part.at);
        name.set(Name::read(&octets).map_err(|error| error.moved(start))?);
        Ok(())
    }

    /// Passes over a name that may be compressed; what a pointer leads to is not looked at.
    ///
    /// # Errors
    ///
    /// Fails if it is cut short, has a reserved label type, or a pointer that does not lead to before
    /// the name.
    pub fn skip_name(&mut self) -> Result<(), WireError> {
        let start = self.at;
        loop {
            let at = self.at;
            let length = self.read_u8(Field::Name)?;
            match length {
                0 => return Ok(()),
                1..=63 => {
                    self.read_octets(usize::from(length), Field::Name)?;
                }
                0xC0.. => {
                    let low = self.read_u8(Field::Name)?;
                    let target = usize::from(u16::from_be_bytes([length & 0x3F, low]));
                    return if target < start { Ok(()) } else { Err(WireError::Pointer { at }) };
                }
                _ => return Err(WireError::Label { at }),
            }
        }
    }
}
