//! Locations (RFC 1876): coordinates, altitude, and sizes as a digit and a power of ten.

use std::fmt;

use crate::wire::rdata::octets::Octets;
use crate::zone::file::code;
use crate::zone::file::lexer::{Word, Words};
use crate::zone::file::problem::Problem;
use crate::zone::file::rdata::Line;
use crate::zone::file::rdata::number::decimal;

/// Thousandths of an arc second in a degree.
const DEGREE: u32 = 3_600_000;

/// The value of the equator and of the prime meridian.
const ORIGIN: u32 = 1 << 31;

/// Centimeters from the lowest altitude up to the reference spheroid.
const ALTITUDE_ZERO: i64 = 10_000_000;

/// The largest size in centimeters: nine times ten to the ninth.
const SIZE_MAX: i64 = 9_000_000_000;

/// Size, horizontal and vertical precision if they are left out: 1 m, 10 km, 10 m.
const SIZES_DEFAULT: [u8; 3] = [0x12, 0x16, 0x13];

/// One of the two coordinates.
struct Axis {
    positive: &'static str,
    negative: &'static str,
    degrees_max: u32,
}

const LATITUDE: Axis = Axis { positive: "N", negative: "S", degrees_max: 90 };
const LONGITUDE: Axis = Axis { positive: "E", negative: "W", degrees_max: 180 };

/// Reads a location into the data.
pub(super) fn read(words: &mut Words<'_>, octets: &mut Vec<u8>) -> Result<(), Problem> {
    let latitude = read_angle(words, &LATITUDE)?;
    let longitude = read_angle(words, &LONGITUDE)?;
    let altitude = read_altitude(&words.expect("an altitude")?)?;
    let mut sizes = SIZES_DEFAULT;
    for size in &mut sizes {
        let Some(word) = words.next() else { break };
        *size = read_size(&word)?;
    }
    octets.push(0);
    octets.extend_from_slice(&sizes);
    for number in [latitude, longitude, altitude] {
        octets.extend_from_slice(&number.to_be_bytes());
    }
    Ok(())
}

/// Degrees, then perhaps minutes, then perhaps seconds, then the direction.
fn read_angle(words: &mut Words<'_>, axis: &Axis) -> Result<u32, Problem> {
    let first = words.expect("a number of degrees")?;
    let degrees = decimal(first.text).filter(|&degrees| degrees <= axis.degrees_max);
    let mut angle = degrees.ok_or_else(|| out_of_range(&first, axis))? * DEGREE;
    let mut word = words.expect("minutes or a direction")?;
    if let Some(minutes) = decimal(word.text) {
        let minutes = Some(minutes).filter(|&minutes| minutes < 60);
        angle += minutes.ok_or_else(|| out_of_range(&word, axis))? * 60_000;
        word = words.expect("seconds or a direction")?;
        if let Some(seconds) = decimals(word.text, 3) {
            let seconds = u32::try_from(seconds).ok().filter(|&seconds| seconds < 60_000);
            angle += seconds.ok_or_else(|| out_of_range(&word, axis))?;
            word = words.expect("a direction")?;
        }
    }
    if angle > axis.degrees_max * DEGREE {
        return Err(out_of_range(&first, axis));
    }
    if word.text == axis.positive.as_bytes() {
        Ok(ORIGIN + angle)
    } else if word.text == axis.negative.as_bytes() {
        Ok(ORIGIN - angle)
    } else {
        let (positive, negative) = (axis.positive, axis.negative);
        let message = format!("{} is not {positive} or {negative}", word.shown());
        Err(word.problem(code::BAD_VALUE, message))
    }
}

fn out_of_range(word: &Word<'_>, axis: &Axis) -> Problem {
    let message = format!("{} is out of range", word.shown());
    word.problem(code::BAD_VALUE, message).hint(format!(
        "up to {} degrees, 59 minutes and 59.999 seconds can stand here",
        axis.degrees_max
    ))
}

fn read_altitude(word: &Word<'_>) -> Result<u32, Problem> {
    let (negative, text) = match word.text.split_first() {
        Some((b'-', text)) => (true, text),
        _ => (false, word.text),
    };
    let centimeters = meters(text).map(|number| if negative { -number } else { number });
    centimeters.and_then(|number| u32::try_from(number + ALTITUDE_ZERO).ok()).ok_or_else(|| {
        word.problem(code::BAD_VALUE, format!("{} is not an altitude", word.shown()))
            .hint("write meters from -100000.00 to 42849672.95, with or without m after them")
    })
}

/// The size as its first digit and a power of ten, in centimeters (RFC 1876 §2).
fn read_size(word: &Word<'_>) -> Result<u8, Problem> {
    let centimeters = meters(word.text).filter(|&number| number <= SIZE_MAX);
    let mut digit = centimeters.ok_or_else(|| {
        word.problem(code::BAD_VALUE, format!("{} is not a size", word.shown()))
            .hint("write meters from 0 to 90000000.00, with or without m after them")
    })?;
    let mut power = 0;
    while digit >= 10 {
        digit /= 10;
        power += 1;
    }
    Ok((u8::try_from(digit).unwrap_or(0) << 4) | power)
}

/// Meters with or without their unit, in centimeters.
fn meters(text: &[u8]) -> Option<i64> {
    decimals(text.strip_suffix(b"m").or_else(|| text.strip_suffix(b"M")).unwrap_or(text), 2)
}

/// A number with up to `places` digits after the point, times ten to `places`.
fn decimals(text: &[u8], places: usize) -> Option<i64> {
    let mut parts = text.splitn(2, |&octet| octet == b'.');
    let whole = decimal(parts.next()?)?;
    let fraction = parts.next().unwrap_or(b"0");
    if fraction.len() > places {
        return None;
    }
    let mut number = i64::from(whole);
    for place in 0..places {
        let digit = fraction.get(place).unwrap_or(&b'0');
        number = number * 10 + i64::from(char::from(*digit).to_digit(10)?);
    }
    Some(number)
}

/// Writes a location as BIND does; `None` if the data is cut short.
pub(super) fn write(octets: &mut Octets<'_>, line: &mut Line<'_>) -> Option<fmt::Result> {
    let [_version, sizes @ ..] = octets.take_array::<4>()?;
    let (latitude, longitude) = (octets.take_u32()?, octets.take_u32()?);
    let altitude = i64::from(octets.take_u32()?) - ALTITUDE_ZERO;
    let sign = if altitude < 0 { "-" } else { "" };
    let (meters, centimeters) = (altitude.abs() / 100, altitude.abs() % 100);
    let mut written = line
        .item(Angle { value: latitude, axis: &LATITUDE })
        .and_then(|()| line.item(Angle { value: longitude, axis: &LONGITUDE }))
        .and_then(|()| line.item(format_args!("{sign}{meters}.{centimeters:02}m")));
    for size in sizes {
        written = written.and_then(|()| line.item(Size(size)));
    }
    Some(written)
}

struct Angle {
    value: u32,
    axis: &'static Axis,
}

impl fmt::Display for Angle {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let direction = if self.value < ORIGIN { self.axis.negative } else { self.axis.positive };
        let angle = self.value.abs_diff(ORIGIN);
        let (degrees, minutes) = (angle / DEGREE, angle / 60_000 % 60);
        let (seconds, thousandths) = (angle / 1000 % 60, angle % 1000);
        write!(f, "{degrees} {minutes} {seconds}.{thousandths:03} {direction}")
    }
}

struct Size(u8);

impl fmt::Display for Size {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (digit, power) = (u64::from(self.0 >> 4), u32::from(self.0 & 0x0F));
        match power.checked_sub(2) {
            Some(power) => write!(f, "{}m", digit * 10_u64.pow(power)),
            None => write!(f, "0.{:02}m", digit * 10_u64.pow(power)),
        }
    }
}
