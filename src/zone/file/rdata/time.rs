//! Periods such as `1h30m`, and the times of signatures.
//!
//! Reads no clock.

use std::fmt;

use crate::zone::file::code;
use crate::zone::file::lexer::{Word, Words};
use crate::zone::file::problem::Problem;
use crate::zone::file::rdata::Data;
use crate::zone::file::rdata::number::decimal;

/// The seconds of a period: a number, or numbers with the units w, d, h, m and s, as in BIND.
///
/// `None` if the text is something else or the period is above `u32::MAX`.
pub(in crate::zone::file) fn parse_period(text: &[u8]) -> Option<u32> {
    if let Some(seconds) = decimal(text) {
        return Some(seconds);
    }
    let mut total: u32 = 0;
    let mut rest = text;
    if rest.is_empty() {
        return None;
    }
    while !rest.is_empty() {
        let digits = rest.iter().position(|octet| !octet.is_ascii_digit())?;
        let (number, after) = rest.split_at(digits);
        let (unit, after) = after.split_first()?;
        let unit = match unit.to_ascii_lowercase() {
            b'w' => 604_800,
            b'd' => 86_400,
            b'h' => 3600,
            b'm' => 60,
            b's' => 1,
            _ => return None,
        };
        total = total.checked_add(decimal(number)?.checked_mul(unit)?)?;
        rest = after;
    }
    Some(total)
}

/// Reads a period into the data.
pub(super) fn read_period(words: &mut Words<'_>, data: &mut Data<'_>) -> Result<(), Problem> {
    let word = words.expect("a period")?;
    let seconds = parse_period(word.text).ok_or_else(|| {
        word.problem(code::BAD_TIME, format!("{} is not a period", word.shown()))
            .hint("write seconds, or numbers with units, as in 1w2d3h4m5s")
    })?;
    data.octets.extend_from_slice(&seconds.to_be_bytes());
    Ok(())
}

/// Reads a time: YYYYMMDDHHmmSS, or seconds since 1970 (RFC 4034 §3.2).
pub(super) fn read_timestamp(words: &mut Words<'_>, data: &mut Data<'_>) -> Result<(), Problem> {
    let word = words.expect("a time")?;
    let seconds = if word.text.len() == 14 { parse_date(&word) } else { decimal(word.text) };
    let seconds = seconds.ok_or_else(|| {
        word.problem(code::BAD_TIME, format!("{} is not a time", word.shown()))
            .hint("write YYYYMMDDHHmmSS, or seconds since 1970")
    })?;
    data.octets.extend_from_slice(&seconds.to_be_bytes());
    Ok(())
}

fn parse_date(word: &Word<'_>) -> Option<u32> {
    let part = |start: usize, length: usize| -> Option<i64> {
        decimal(word.text.get(start..start + length)?).map(i64::from)
    };
    let (year, month, day) = (part(0, 4)?, part(4, 2)?, part(6, 2)?);
    let (hour, minute, second) = (part(8, 2)?, part(10, 2)?, part(12, 2)?);
    let in_range = year >= 1970
        && (1..=12).contains(&month)
        && (1..=31).contains(&day)
        && hour < 24
        && minute < 60
        && second <= 60;
    if !in_range {
        return None;
    }
    let days = days_before(year, month, day);
    // A day that its month does not have, such as 31 April, is another date.
    if date_of(days) != (year, month, day) {
        return None;
    }
    let seconds = ((days * 24 + hour) * 60 + minute) * 60 + second;
    // Times wrap around every 136 years (RFC 4034 §3.1.5); the lower 32 bits are what is sent.
    u32::try_from(seconds & 0xFFFF_FFFF).ok()
}

/// The days from 1970-01-01 to a date of the Gregorian calendar.
fn days_before(year: i64, month: i64, day: i64) -> i64 {
    // Years are counted from 1 March, so that the leap day is the last of its year.
    let (year, month) = if month > 2 { (year, month - 3) } else { (year - 1, month + 9) };
    let days_in_year = (153 * month + 2) / 5 + day - 1;
    365 * year + year / 4 - year / 100 + year / 400 + days_in_year - DAYS_BEFORE_1970
}

/// The date so many days after 1970-01-01, as year, month and day.
fn date_of(days: i64) -> (i64, i64, i64) {
    let days = days + DAYS_BEFORE_1970;
    let era = days / DAYS_IN_ERA;
    let in_era = days % DAYS_IN_ERA;
    let year_in_era = (in_era - in_era / 1460 + in_era / 36_524 - in_era / 146_096) / 365;
    let in_year = in_era - (365 * year_in_era + year_in_era / 4 - year_in_era / 100);
    let month = (5 * in_year + 2) / 153;
    let day = in_year - (153 * month + 2) / 5 + 1;
    let year = era * 400 + year_in_era;
    if month < 10 { (year, month + 3, day) } else { (year + 1, month - 9, day) }
}

/// Days from 0000-03-01 to 1970-01-01.
const DAYS_BEFORE_1970: i64 = 719_468;

/// Days in the 400 years after which the calendar repeats.
const DAYS_IN_ERA: i64 = 146_097;

/// A time in seconds since 1970, written YYYYMMDDHHmmSS.
pub(super) struct Timestamp(pub(super) u32);

impl fmt::Display for Timestamp {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let seconds = i64::from(self.0);
        let (year, month, day) = date_of(seconds / 86_400);
        let (hour, minute, second) = (seconds / 3600 % 24, seconds / 60 % 60, seconds % 60);
        write!(f, "{year:04}{month:02}{day:02}{hour:02}{minute:02}{second:02}")
    }
}
