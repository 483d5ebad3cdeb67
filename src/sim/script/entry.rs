//! Reads what stands between `ENTRY_BEGIN` and `ENTRY_END`.

use crate::base::limits::MESSAGE_LEN_MAX;
use crate::base::time::SECOND_US;
use crate::metrics::Transport;
use crate::sim::entry::{Adjustment, Entry, Part};
use crate::sim::message::{Edns, Message};
use crate::sim::script::line::{Fault, Line, Lines, Word, Words};
use crate::sim::script::record::ZoneLines;
use crate::wire::header::Flags;
use crate::wire::numbers::{Opcode, Rcode};
use crate::wire::writer::Section;

/// An entry, and what of it cannot be played.
pub(super) struct Read {
    pub(super) entry: Entry,
    /// Keywords whose meaning is known and not offered.
    pub(super) not_offered: Option<(u32, &'static str)>,
}

/// The section that lines are read for.
#[derive(Clone, Copy)]
enum Place {
    Question,
    Records(Section),
}

struct Reading {
    entry: Entry,
    place: Place,
    /// The flags of EDNS that `REPLY` asks for.
    edns_flags: u16,
    /// The options that `HEX_EDNSDATA_BEGIN` gives.
    options: Option<Vec<u8>>,
    not_offered: Option<(u32, &'static str)>,
}

/// Reads an entry behind its `ENTRY_BEGIN`, which stands in `first`.
pub(super) fn read(
    first: Line<'_>,
    lines: &mut Lines<'_>,
    zone: &mut ZoneLines,
) -> Result<Read, Fault> {
    let entry = Entry {
        line: first.number,
        parts: Vec::new(),
        template: Message::new(),
        adjustments: Vec::new(),
        raw: None,
    };
    let mut reading =
        Reading { entry, place: Place::Question, edns_flags: 0, options: None, not_offered: None };
    loop {
        let line = lines.expect_line("ENTRY_END")?;
        let mut words = line.words();
        match words.expect("a word")?.text {
            "ENTRY_END" => {
                words.finish()?;
                return reading.finish(first);
            }
            "ENTRY_BEGIN" => return Err(line.error("expected ENTRY_END of the entry before")),
            "MATCH" => reading.read_match(words)?,
            "REPLY" => reading.read_reply(words)?,
            "ADJUST" => reading.read_adjust(line, words)?,
            "SECTION" => reading.place = read_place(words)?,
            "HEX_ANSWER_BEGIN" => {
                words.finish()?;
                reading.entry.raw = Some(read_hex(&lines.text_until("HEX_ANSWER_END")?)?);
            }
            "HEX_EDNSDATA_BEGIN" => {
                words.finish()?;
                reading.options = Some(read_hex(&lines.text_until("HEX_EDNSDATA_END")?)?);
            }
            "EXTRA_PACKET" => {
                reading.not_offered.get_or_insert((line.number, "EXTRA_PACKET"));
                // Nobody plays the entry then: what follows is read for its form only.
                reading.entry.template.questions.clear();
                reading.entry.template.sections = Message::new().sections;
            }
            _ => reading.read_record(line, zone)?,
        }
    }
}

impl Reading {
    fn read_match(&mut self, words: Words<'_>) -> Result<(), Fault> {
        for word in words {
            let value = |name: &str| {
                let rest = word.text.strip_prefix(name)?;
                rest.starts_with(['=', ':']).then(|| word.behind(name.len() + 1))
            };
            let part = if let Some(value) = value("serial") {
                Part::Serial(value.number("a serial")?)
            } else if let Some(value) = value("ede") {
                Part::ExtendedError(match value.text {
                    "any" => None,
                    _ => Some(value.number("the code of an extended error, or any")?),
                })
            } else {
                read_part(&word)?
            };
            self.entry.parts.push(part);
        }
        Ok(())
    }

    fn read_reply(&mut self, words: Words<'_>) -> Result<(), Fault> {
        let message = &mut self.entry.template;
        for word in words {
            let flag = match word.text {
                "QR" => Flags::QR,
                "AA" => Flags::AA,
                "TC" => Flags::TC,
                "RD" => Flags::RD,
                "RA" => Flags::RA,
                "AD" => Flags::AD,
                "CD" => Flags::CD,
                "DO" => {
                    self.edns_flags |= Edns::DO;
                    continue;
                }
                "CO" => {
                    self.edns_flags |= Edns::CO;
                    continue;
                }
                "IQUERY" => {
                    message.set_opcode(Opcode(1));
                    continue;
                }
                "NOTIMPL" => {
                    message.set_rcode(Rcode::NOTIMP);
                    continue;
                }
                other => {
                    if let Some(opcode) = Opcode::from_mnemonic(other) {
                        message.set_opcode(opcode);
                    } else if let Some(rcode) = Rcode::from_mnemonic(other) {
                        message.set_rcode(rcode);
                    } else {
                        return Err(word.expected("a flag, an opcode or a response code"));
                    }
                    continue;
                }
            };
            message.flags.0 |= flag;
        }
        Ok(())
    }

    fn read_adjust(&mut self, line: Line<'_>, words: Words<'_>) -> Result<(), Fault> {
        for word in words {
            let adjustment = match word.text {
                "copy_id" => Adjustment::CopyId,
                "copy_query" => Adjustment::CopyQuery,
                "copy_ednsdata_assume_clientsubnet" => Adjustment::CopyClientSubnet,
                "increment_ecs_scope" => Adjustment::LengthenScope,
                "add_server_cookie" => Adjustment::AddServerCookie,
                "unreachable" => Adjustment::Unreachable,
                text => {
                    if text.starts_with("sleep=") {
                        let seconds = word.behind("sleep=".len());
                        let seconds: u32 = seconds.number("a number of seconds")?;
                        Adjustment::Sleep(u64::from(seconds) * SECOND_US)
                    } else if text.starts_with("sleep_us=") {
                        let micros = word.behind("sleep_us=".len());
                        Adjustment::Sleep(micros.number("a number of microseconds")?)
                    } else if text.starts_with("packet_sleep=") {
                        let seconds = word.behind("packet_sleep=".len());
                        seconds.number::<u32>("a number of seconds")?;
                        self.not_offered.get_or_insert((line.number, "packet_sleep"));
                        continue;
                    } else {
                        return Err(word.expected("an adjustment such as copy_id"));
                    }
                }
            };
            self.entry.adjustments.push(adjustment);
        }
        Ok(())
    }

    fn read_record(&mut self, line: Line<'_>, zone: &mut ZoneLines) -> Result<(), Fault> {
        let message = &mut self.entry.template;
        if line.trimmed().text.starts_with('$') {
            zone.follow(line)?;
            return Ok(());
        }
        match self.place {
            Place::Question => message.questions.push(zone.question(line)?),
            Place::Records(section) => message.section_mut(section).extend(zone.records(line)?),
        }
        Ok(())
    }

    fn finish(self, first: Line<'_>) -> Result<Read, Fault> {
        let Self { mut entry, edns_flags, options, not_offered, .. } = self;
        if edns_flags != 0 || options.is_some() {
            let edns = entry.template.edns.get_or_insert_with(Edns::plain);
            edns.flags |= edns_flags;
            edns.options = options.unwrap_or_default();
        }
        let length = entry.template.write().len().max(entry.raw.as_ref().map_or(0, Vec::len));
        if length > MESSAGE_LEN_MAX {
            let message =
                format!("this message has {length} octets, at most {MESSAGE_LEN_MAX} fit");
            return Err(first.error(message));
        }
        Ok(Read { entry, not_offered })
    }
}

fn read_part(word: &Word<'_>) -> Result<Part, Fault> {
    Ok(match word.text {
        "opcode" => Part::Opcode,
        "qtype" => Part::Qtype,
        "qname" => Part::Qname,
        "subdomain" => Part::Subdomain,
        "rcode" => Part::Rcode,
        "question" => Part::Question,
        "answer" => Part::Answer,
        "all" => Part::All,
        "all_noedns" => Part::AllButEdns,
        "ttl" => Part::Ttl,
        "DO" => Part::DnssecOk,
        "CO" => Part::CompactOk,
        "noedns" => Part::NoEdns,
        "ednsdata" => Part::EdnsData,
        "client_cookie" => Part::ClientCookie,
        "server_cookie" => Part::ServerCookie,
        "UDP" => Part::Transport(Transport::Udp),
        "TCP" => Part::Transport(Transport::Tcp),
        _ => return Err(word.expected("a part to compare, such as qname")),
    })
}

fn read_place(mut words: Words<'_>) -> Result<Place, Fault> {
    let word = words.expect("the name of a section")?;
    let place = match word.text {
        "QUESTION" => Place::Question,
        "ANSWER" => Place::Records(Section::Answer),
        "AUTHORITY" => Place::Records(Section::Authority),
        "ADDITIONAL" => Place::Records(Section::Additional),
        _ => return Err(word.expected("QUESTION, ANSWER, AUTHORITY or ADDITIONAL")),
    };
    words.finish()?;
    Ok(place)
}

/// Reads octets in hexadecimal, with blanks anywhere.
fn read_hex(lines: &[Line<'_>]) -> Result<Vec<u8>, Fault> {
    let mut octets = Vec::new();
    let mut high: Option<u8> = None;
    for line in lines {
        for word in line.words() {
            // A comment may begin right behind a digit.
            let digits = word.text.split(';').next().unwrap_or_default();
            for digit in digits.chars() {
                let value = digit.to_digit(16).and_then(|digit| u8::try_from(digit).ok());
                let value = value.ok_or_else(|| word.expected("hexadecimal digits"))?;
                match high.take() {
                    None => high = Some(value),
                    Some(high) => octets.push(high << 4 | value),
                }
            }
            if digits.len() < word.text.len() {
                break;
            }
        }
    }
    match (high, lines.last()) {
        (Some(_), Some(line)) => Err(line.error("expected an even number of digits")),
        (Some(_), None) | (None, _) => Ok(octets),
    }
}
