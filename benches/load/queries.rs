//! The questions of a file, ready to be sent, and the check of replies to them.
//!
//! The file has for each question: two octets, the length of the packet without its ID; one octet,
//! the response code that is right, or 255 for any; and the packet without its ID. A file of reply
//! lengths has two octets for each question. Numbers are in network order.

use std::fs;
use std::io;
use std::path::Path;

/// Octets of the header that follow the ID.
const HEADER_REST_LEN: usize = 10;

/// Octets of an OPT record without options, which ends each packet.
const OPT_LEN: usize = 11;

/// Where the UDP size stands, from the end of the packet.
const SIZE_FROM_END: usize = 8;

/// The longest packet, with its ID.
pub const PACKET_LEN_MAX: usize = 512;

/// The response code that stands for any.
const ANY_RCODE: u8 = 255;

/// What is wrong with a reply whose ID is one of ours.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Fault {
    /// It is too short, or is no reply.
    NoReply,
    /// It is to another question.
    Question,
    /// Its response code is not the one that is right.
    Rcode,
    /// It is not as long as the echo was asked to make it.
    Length,
}

#[derive(Clone, Copy)]
struct Entry {
    start: usize,
    len: u16,
    question_len: u16,
    rcode: u8,
    /// The length that the echo is asked for; 0 where a server answers.
    echo_len: u16,
}

/// All questions.
pub struct Queries {
    packets: Vec<u8>,
    entries: Vec<Entry>,
}

impl Queries {
    /// Reads a file of questions.
    pub fn read(path: &Path) -> io::Result<Self> {
        let packets = fs::read(path)?;
        let mut entries = Vec::new();
        let mut at = 0;
        while at < packets.len() {
            let entry = entry_at(&packets, at)
                .ok_or_else(|| invalid(format!("octet {at} of the queries begins no question")))?;
            at = entry.start + usize::from(entry.len);
            entries.push(entry);
        }
        if entries.is_empty() || u32::try_from(entries.len()).is_err() {
            return Err(invalid(format!("a file of {} questions", entries.len())));
        }
        Ok(Self { packets, entries })
    }

    /// Makes the questions ask the echo for replies of the lengths in a file.
    pub fn ask_for_lengths(&mut self, path: &Path) -> io::Result<()> {
        let lengths = fs::read(path)?;
        if lengths.len() != 2 * self.entries.len() {
            return Err(invalid("the lengths are not those of these queries".to_owned()));
        }
        for (entry, length) in self.entries.iter_mut().zip(lengths.chunks_exact(2)) {
            entry.echo_len = u16::from_be_bytes([length[0], length[1]]);
            let at = entry.start + usize::from(entry.len) - SIZE_FROM_END;
            self.packets[at..at + 2].copy_from_slice(length);
        }
        Ok(())
    }

    pub fn len(&self) -> usize {
        self.entries.len()
    }

    /// A packet without its ID.
    pub fn packet(&self, query: u32) -> &[u8] {
        let entry = self.entries[query as usize];
        &self.packets[entry.start..entry.start + usize::from(entry.len)]
    }

    /// Checks a reply; tells whether it is cut short.
    pub fn check(&self, query: u32, reply: &[u8]) -> Result<bool, Fault> {
        let entry = self.entries[query as usize];
        let Some((header, rest)) = reply.split_at_checked(2 + HEADER_REST_LEN) else {
            return Err(Fault::NoReply);
        };
        // A response, to a standard query, with one question.
        if header[2] & 0xF8 != 0x80 || header[4..6] != [0, 1] {
            return Err(Fault::NoReply);
        }
        let start = entry.start + HEADER_REST_LEN;
        let question = &self.packets[start..start + usize::from(entry.question_len)];
        if rest.get(..question.len()) != Some(question) {
            return Err(Fault::Question);
        }
        if entry.echo_len != 0 {
            let right = reply.len() == usize::from(entry.echo_len);
            return if right { Ok(false) } else { Err(Fault::Length) };
        }
        if entry.rcode != ANY_RCODE && entry.rcode != header[3] & 0x0F {
            return Err(Fault::Rcode);
        }
        Ok(header[2] & 0x02 != 0)
    }
}

fn invalid(what: String) -> io::Error {
    io::Error::new(io::ErrorKind::InvalidData, what)
}

fn entry_at(file: &[u8], at: usize) -> Option<Entry> {
    let len = u16::from_be_bytes(file.get(at..at + 2)?.try_into().ok()?);
    let rcode = *file.get(at + 2)?;
    let start = at + 3;
    let packet = file.get(start..start + usize::from(len))?;
    if packet.len() + 2 > PACKET_LEN_MAX {
        return None;
    }
    let (_, mut rest) = packet.split_at_checked(HEADER_REST_LEN)?;
    let names = rest.len();
    while let [label, ..] = *rest
        && label != 0
    {
        rest = rest.get(1 + usize::from(label)..)?;
    }
    let question_len = u16::try_from(names - rest.len() + 1 + 4).ok()?;
    // The OPT record, of which the echo reads the size, is all that follows.
    if rest.len() != 1 + 4 + OPT_LEN {
        return None;
    }
    Some(Entry { start, len, question_len, rcode, echo_len: 0 })
}
