//! Unsigned decimal numbers.
//!
//! No signs, no units: `time` reads periods.

use crate::zone::file::code;
use crate::zone::file::lexer::{Word, Words};
use crate::zone::file::problem::Problem;
use crate::zone::file::rdata::Data;

/// An unsigned number of a record's data.
pub(super) trait Number: TryFrom<u32> {
    /// The largest.
    const MAX: u32;

    /// Appends the number, its highest octet first.
    fn write(self, octets: &mut Vec<u8>);
}

impl Number for u8 {
    const MAX: u32 = 255;

    fn write(self, octets: &mut Vec<u8>) {
        octets.push(self);
    }
}

impl Number for u16 {
    const MAX: u32 = 65_535;

    fn write(self, octets: &mut Vec<u8>) {
        octets.extend_from_slice(&self.to_be_bytes());
    }
}

impl Number for u32 {
    const MAX: Self = Self::MAX;

    fn write(self, octets: &mut Vec<u8>) {
        octets.extend_from_slice(&self.to_be_bytes());
    }
}

/// Reads the next word as a number into the data.
pub(super) fn read<N: Number>(words: &mut Words<'_>, data: &mut Data<'_>) -> Result<(), Problem> {
    parse::<N>(&words.expect("a number")?)?.write(data.octets);
    Ok(())
}

/// The number a word is.
pub(super) fn parse<N: Number>(word: &Word<'_>) -> Result<N, Problem> {
    decimal(word.text).and_then(|number| N::try_from(number).ok()).ok_or_else(|| {
        let message = format!("{} is not a number from 0 to {}", word.shown(), N::MAX);
        word.problem(code::BAD_NUMBER, message)
    })
}

/// The number that digits are; `None` if there are others or none, or it is above `u32::MAX`.
pub(in crate::zone::file) fn decimal(text: &[u8]) -> Option<u32> {
    if text.is_empty() {
        return None;
    }
    let mut number: u32 = 0;
    for octet in text {
        let digit = octet.wrapping_sub(b'0');
        if digit > 9 {
            return None;
        }
        number = number.checked_mul(10)?.checked_add(u32::from(digit))?;
    }
    Some(number)
}
