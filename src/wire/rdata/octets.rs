//! A cursor over record data.
//!
//! Does not judge what it reads. Used to check data and to write it as text.

use crate::wire::error::WireError;
use crate::wire::name::Name;

/// The octets of record data that have not been read.
#[derive(Clone, Copy, Debug)]
pub struct Octets<'a>(&'a [u8]);

impl<'a> Octets<'a> {
    /// A cursor at the start of the data.
    pub fn new(rdata: &'a [u8]) -> Self {
        Self(rdata)
    }

    /// How many octets are left.
    pub fn len(&self) -> usize {
        self.0.len()
    }

    /// Whether none is left.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// The next `count` octets; `None`, and nothing is read, if there are fewer.
    pub fn take(&mut self, count: usize) -> Option<&'a [u8]> {
        let (taken, rest) = self.0.split_at_checked(count)?;
        self.0 = rest;
        Some(taken)
    }

    /// The next octets as an array.
    pub fn take_array<const N: usize>(&mut self) -> Option<[u8; N]> {
        let (&taken, rest) = self.0.split_first_chunk()?;
        self.0 = rest;
        Some(taken)
    }

    /// A number of one octet.
    pub fn take_u8(&mut self) -> Option<u8> {
        self.take_array().map(u8::from_be_bytes)
    }

    /// A number of two octets.
    pub fn take_u16(&mut self) -> Option<u16> {
        self.take_array().map(u16::from_be_bytes)
    }

    /// A number of four octets.
    pub fn take_u32(&mut self) -> Option<u32> {
        self.take_array().map(u32::from_be_bytes)
    }

    /// One octet of length, then so many octets.
    pub fn take_counted(&mut self) -> Option<&'a [u8]> {
        let (&length, rest) = self.0.split_first()?;
        let (taken, rest) = rest.split_at_checked(usize::from(length))?;
        self.0 = rest;
        Some(taken)
    }

    /// All that is left.
    pub fn take_rest(&mut self) -> &'a [u8] {
        std::mem::take(&mut self.0)
    }

    /// A name without pointers.
    ///
    /// # Errors
    ///
    /// Fails like `Name::read`; positions count from where the name begins.
    pub fn take_name(&mut self) -> Result<Name<'a>, WireError> {
        let name = Name::read(self.0)?;
        self.0 = self.0.get(name.len()..).unwrap_or_default();
        Ok(name)
    }
}
