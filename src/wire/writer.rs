//! Writes records into a message, compressing names (RFC 1035 §4.1.4).
//!
//! Writes behind the question, in the buffer that holds it. What does not fit leaves the message as
//! it was. Does not decide what is written, nor the header's flags.

use std::ops::Range;

use crate::base::time::Ttl;
use crate::wire::error::NoSpace;
use crate::wire::folded::FoldedName;
use crate::wire::header::HEADER_LEN;
use crate::wire::name::Name;
use crate::wire::numbers::{Class, Rtype};
use crate::wire::pointers::{Base, Pointers};
use crate::wire::rdata::{self, NameKind};
use crate::wire::set::RECORD_HEAD_LEN;

/// Names remembered for compression. Beyond this names are written in full, so that a large message
/// costs time in proportion to its size.
const TARGETS_MAX: usize = 128;

/// The largest offset a pointer can hold (RFC 1035 §4.1.4).
const POINTER_MAX: u16 = 0x3FFF;

/// The bits that tell a pointer from a label.
const POINTER: u16 = 0xC000;

/// The pointer to the name of the question, which stands right behind the header.
const QUESTION_POINTER: u16 = 0xC00C;

/// Where a suffix was written, and the low half of its hash.
#[derive(Clone, Copy, Debug, Default)]
struct Target {
    hash: u32,
    offset: u16,
}

/// The names that pointers of the message being written can point at. Reused from message to
/// message.
#[derive(Clone, Debug)]
pub struct Compressor {
    targets: [Target; TARGETS_MAX],
    used: usize,
    folded: FoldedName,
}

impl Default for Compressor {
    fn default() -> Self {
        Self { targets: [Target::default(); TARGETS_MAX], used: 0, folded: FoldedName::root() }
    }
}

/// A section of a reply that records are written to, in the order of the message.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Section {
    /// What was asked for.
    Answer,
    /// Who is responsible, or why there is no answer.
    Authority,
    /// What the client will ask for next.
    Additional,
}

/// The owner of a record.
#[derive(Clone, Copy, Debug)]
pub enum Owner<'a> {
    /// The name of the question.
    Question,
    /// A name that the message has at this position.
    At(u16),
    /// Another name.
    Name(Name<'a>),
}

/// A set of records, worked out when its zone was loaded.
#[derive(Clone, Copy, Debug)]
pub struct SetRef<'a> {
    /// The records as they follow each other in a message, each with a pointer as its owner and its
    /// data in uncompressed wire form.
    pub records: &'a [u8],
    /// How many there are.
    pub count: usize,
    /// Where names of the data can be pointers; `None` if that has not been worked out.
    pub pointers: Option<Pointers<'a>>,
    /// The time to live that they get instead of their own.
    pub ttl: Option<Ttl>,
    /// Which of them comes first; those before it follow the last.
    pub first: usize,
}

/// What the targets of prepared pointers are counted from, in the message.
#[derive(Clone, Copy, Debug)]
struct Bases {
    owner: usize,
    set: usize,
}

impl<'a> SetRef<'a> {
    /// Octets before the record with this number.
    fn start_of(&self, number: usize) -> usize {
        let mut start = 0;
        for _ in 0..number {
            start += self.records.get(start..).and_then(record_len).unwrap_or(0);
        }
        start
    }

    /// Type, time to live and data of each record.
    fn iter(&self) -> impl Iterator<Item = (Rtype, Ttl, &'a [u8])> + use<'a> {
        let mut left = self.records;
        std::iter::from_fn(move || {
            let (record, rest) = left.split_at_checked(record_len(left)?)?;
            left = rest;
            let (head, rdata) = record.split_first_chunk::<RECORD_HEAD_LEN>()?;
            let &[_, _, t1, t0, _, _, a, b, c, d, _, _] = head;
            let ttl = Ttl::from_wire(u32::from_be_bytes([a, b, c, d]));
            Some((Rtype(u16::from_be_bytes([t1, t0])), ttl, rdata))
        })
    }
}

/// A record to write.
#[derive(Clone, Copy, Debug)]
pub struct RecordRef<'a> {
    /// The name that owns the record.
    pub owner: Owner<'a>,
    /// Its type.
    pub rtype: Rtype,
    /// Its time to live.
    pub ttl: Ttl,
    /// Its data in uncompressed wire form, at most 65,535 octets.
    pub rdata: &'a [u8],
}

/// A place to return to when something does not fit.
#[derive(Clone, Copy, Debug)]
pub struct Mark {
    at: usize,
    counts: [u16; 3],
    used: usize,
}

/// Writes a message behind its question.
#[derive(Debug)]
pub struct Writer<'m> {
    message: &'m mut [u8],
    at: usize,
    limit: usize,
    class: Class,
    counts: [u16; 3],
    question: &'m FoldedName,
    compressor: &'m mut Compressor,
}

impl<'m> Writer<'m> {
    /// A writer that goes on behind the question of `message`, which ends at `end`.
    ///
    /// `limit` is the size the message may reach; more than `message` holds counts as that much.
    pub fn new(
        message: &'m mut [u8],
        question: &'m FoldedName,
        end: usize,
        limit: usize,
        compressor: &'m mut Compressor,
    ) -> Self {
        let limit = limit.min(message.len());
        compressor.used = 0;
        let class = Class::IN;
        Self { message, at: end, limit, class, counts: [0; 3], question, compressor }
    }

    /// Octets written, the header and question included.
    pub fn position(&self) -> usize {
        self.at
    }

    /// The name of the question, in the case it was asked in.
    pub fn question_name(&self) -> Name<'_> {
        let written = self.message.get(HEADER_LEN..self.at).unwrap_or_default();
        Name::read(written).unwrap_or(Name::ROOT)
    }

    /// The message, its header included, as it was written so far.
    pub fn message_mut(&mut self) -> &mut [u8] {
        self.message.get_mut(..self.at).unwrap_or_default()
    }

    /// Records written to the answer, authority and additional section.
    pub fn counts(&self) -> [u16; 3] {
        self.counts
    }

    /// Octets that still fit.
    pub fn room(&self) -> usize {
        self.limit.saturating_sub(self.at)
    }

    /// Sets the class of the records from here on, which is IN before.
    pub fn set_class(&mut self, class: Class) {
        self.class = class;
    }

    /// Keeps so many octets free for what is written later, after `release`.
    ///
    /// # Errors
    ///
    /// Fails if they are not free; nothing is held back then.
    pub fn hold_back(&mut self, octets: usize) -> Result<(), NoSpace> {
        let limit = self.limit.checked_sub(octets).filter(|&limit| limit >= self.at);
        self.limit = limit.ok_or(NoSpace)?;
        Ok(())
    }

    /// Lets the message grow by so many octets more, which were held back until now.
    pub fn release(&mut self, octets: usize) {
        self.limit = self.message.len().min(self.limit + octets);
    }

    /// The place where the writer stands.
    pub fn mark(&self) -> Mark {
        Mark { at: self.at, counts: self.counts, used: self.compressor.used }
    }

    /// Forgets what was written since `mark`.
    pub fn rewind(&mut self, mark: Mark) {
        self.at = mark.at;
        self.counts = mark.counts;
        self.compressor.used = mark.used;
    }

    /// Writes octets as they are.
    ///
    /// # Errors
    ///
    /// Fails if there is no room; nothing is written then.
    pub fn write_octets(&mut self, octets: &[u8]) -> Result<(), NoSpace> {
        let end = self.at + octets.len();
        if end > self.limit {
            return Err(NoSpace);
        }
        self.message.get_mut(self.at..end).ok_or(NoSpace)?.copy_from_slice(octets);
        self.at = end;
        Ok(())
    }

    /// Writes 16 bits.
    ///
    /// # Errors
    ///
    /// Fails if there is no room; nothing is written then.
    pub fn write_u16(&mut self, number: u16) -> Result<(), NoSpace> {
        self.write_octets(&number.to_be_bytes())
    }

    /// Writes a name, its longest suffix that the message already has as a pointer.
    ///
    /// # Errors
    ///
    /// Fails if there is no room; a part of the name may have been written then.
    pub fn write_name(&mut self, name: Name<'_>) -> Result<(), NoSpace> {
        if self.compressor.used == 0 {
            for dropped in 0..self.question.label_count() {
                self.remember(
                    self.question.hash(dropped),
                    HEADER_LEN + self.question.start(dropped),
                );
            }
        }
        self.compressor.folded.fold(name);
        let mut suffix = name;
        for dropped in 0..self.compressor.folded.label_count() {
            let hash = self.compressor.folded.hash(dropped);
            if let Some(offset) = self.find(hash, suffix) {
                return self.write_u16(POINTER | offset);
            }
            self.remember(hash, self.at);
            let Some(parent) = suffix.parent() else { break };
            let label_len = suffix.len() - parent.len();
            self.write_octets(suffix.as_wire().get(..label_len).unwrap_or_default())?;
            suffix = parent;
        }
        self.write_octets(&[0])
    }

    /// Writes a record and counts it for its section.
    ///
    /// # Errors
    ///
    /// Fails if there is no room; the message is then as before.
    pub fn write_record(
        &mut self,
        section: Section,
        record: &RecordRef<'_>,
    ) -> Result<(), NoSpace> {
        let mark = self.mark();
        let written = self.write_record_parts(record);
        match (&written, self.counts.get_mut(section as usize)) {
            (Ok(()), Some(count)) => *count = count.saturating_add(1),
            _ => self.rewind(mark),
        }
        written
    }

    /// Writes the records of a set, all or none, and counts them for their section. Returns where the
    /// owner's name stands in the message, for what else it owns.
    ///
    /// The name for which the set was worked out has `source_len` octets: the owner's, or those of the
    /// wildcard that stands for it.
    ///
    /// # Errors
    ///
    /// Fails if there is no room; the message is then as before.
    pub fn write_set(
        &mut self,
        section: Section,
        owner: Owner<'_>,
        source_len: usize,
        set: &SetRef<'_>,
    ) -> Result<Option<u16>, NoSpace> {
        let question_at = match owner {
            Owner::Question => Some(HEADER_LEN),
            Owner::Name(name) => self.question.find(name).map(|at| HEADER_LEN + at),
            Owner::At(_) => None,
        };
        let owner_at = match owner {
            Owner::At(at) => Some(at),
            Owner::Question | Owner::Name(_) => question_at.and_then(|at| u16::try_from(at).ok()),
        };
        // What ends like the question stands in it, and so does what ends like that.
        let question_end = HEADER_LEN + self.question.len();
        let names_at = question_at.and_then(|_| question_end.checked_sub(source_len));
        let fits = self.at + set.records.len() <= usize::from(POINTER_MAX);
        let names_at = match set.pointers {
            // There are no names to find.
            Some(pointers) if pointers.is_empty() => Some(0),
            Some(pointers) if fits && (set.first == 0 || pointers.are_all_to_owner()) => names_at,
            Some(_) | None => None,
        };
        let (Some(known_at), Some(names_at)) = (owner_at, names_at) else {
            return self.write_each(section, owner, set).map(|()| owner_at);
        };
        let mark = self.mark();
        let written = self.write_prepared(names_at, set);
        match (written, u16::try_from(set.count), self.counts.get_mut(section as usize)) {
            (Ok(()), Ok(count), Some(counted)) => *counted = counted.saturating_add(count),
            _ => {
                self.rewind(mark);
                return Err(NoSpace);
            }
        }
        self.patch_heads(mark.at, known_at, set.ttl);
        Ok(owner_at)
    }

    /// Writes the records of a set one by one, as `write_set` does all together.
    fn write_each(
        &mut self,
        section: Section,
        owner: Owner<'_>,
        set: &SetRef<'_>,
    ) -> Result<(), NoSpace> {
        // A set whose records cannot fit, however short, is not begun.
        if set.count * RECORD_HEAD_LEN > self.room() {
            return Err(NoSpace);
        }
        let mark = self.mark();
        let turned = set.iter().skip(set.first).chain(set.iter().take(set.first));
        for (rtype, ttl, rdata) in turned {
            let ttl = set.ttl.unwrap_or(ttl);
            let record = RecordRef { owner, rtype, ttl, rdata };
            if self.write_record(section, &record).is_err() {
                self.rewind(mark);
                return Err(NoSpace);
            }
        }
        Ok(())
    }

    /// Copies records, with the pointers that have been worked out. What was written stays where there
    /// is no room.
    fn write_prepared(&mut self, names_at: usize, set: &SetRef<'_>) -> Result<(), NoSpace> {
        let pointers = set.pointers.unwrap_or_default();
        let first_at = set.start_of(set.first);
        if pointers.is_empty() {
            let (before, from) = set.records.split_at_checked(first_at).ok_or(NoSpace)?;
            self.write_octets(from)?;
            return self.write_octets(before);
        }
        let bases = Bases { owner: names_at, set: self.at };
        self.write_with_pointers(bases, pointers, set.records, first_at..set.records.len())?;
        self.write_with_pointers(bases, pointers, set.records, 0..first_at)
    }

    /// Copies those of `records` that lie in `range`, with their pointers.
    fn write_with_pointers(
        &mut self,
        bases: Bases,
        pointers: Pointers<'_>,
        records: &[u8],
        range: Range<usize>,
    ) -> Result<(), NoSpace> {
        let Range { start: mut read, end } = range;
        let mut pointers =
            pointers.iter().skip_while(|pointer| pointer.at < range.start).peekable();
        while read < end {
            let Some((head, rest)) = records.get(read..).unwrap_or_default().split_first_chunk()
            else {
                break;
            };
            let &[.., high, low]: &[u8; RECORD_HEAD_LEN] = head;
            let length = usize::from(u16::from_be_bytes([high, low]));
            let rdata = rest.get(..length).unwrap_or_default();
            let length_at = self.at + RECORD_HEAD_LEN - 2;
            self.write_octets(head)?;
            read += RECORD_HEAD_LEN;
            let mut copied = 0;
            while let Some(pointer) = pointers.next_if(|pointer| pointer.at < read + length) {
                let here = pointer.at - read;
                self.write_octets(rdata.get(copied..here).unwrap_or_default())?;
                let base = match pointer.base {
                    Base::Owner => bases.owner,
                    Base::Set => bases.set,
                };
                let target = u16::try_from(base + pointer.target).map_err(|_| NoSpace)?;
                self.write_u16(POINTER | target)?;
                copied = here + pointer.skipped;
            }
            self.write_octets(rdata.get(copied..).unwrap_or_default())?;
            if copied > 0 {
                let length = u16::try_from(self.at - length_at - 2).map_err(|_| NoSpace)?;
                self.put_u16(length_at, length);
            }
            read += length;
        }
        Ok(())
    }

    /// Gives the records from `start` on their owner, and another TTL if there is one. Their owners
    /// are pointers to the question.
    fn patch_heads(&mut self, start: usize, owner_at: u16, ttl: Option<Ttl>) {
        if ttl.is_none() && POINTER | owner_at == QUESTION_POINTER {
            return;
        }
        let mut at = start;
        while let Some(length) = self.message.get(at..self.at).and_then(record_len) {
            self.put_u16(at, POINTER | owner_at);
            if let Some(ttl) = ttl
                && let Some(slot) = self.message.get_mut(at + 6..at + 10)
            {
                slot.copy_from_slice(&ttl.as_secs().to_be_bytes());
            }
            at += length;
        }
    }

    /// Where the name stands that is the data of the record at `at`, and where the next record
    /// begins; `None` if the record does not begin with a pointer.
    pub fn target_of(&self, at: usize) -> Option<(u16, usize)> {
        if *self.message.get(at)? < 0xC0 {
            return None;
        }
        let length = self.message.get(at..self.at).and_then(record_len)?;
        let name_at = self.label_at(at + RECORD_HEAD_LEN)?;
        Some((u16::try_from(name_at).ok().filter(|&at| at <= POINTER_MAX)?, at + length))
    }

    fn put_u16(&mut self, at: usize, number: u16) {
        if let Some(slot) = self.message.get_mut(at..at + 2) {
            slot.copy_from_slice(&number.to_be_bytes());
        }
    }

    fn write_record_parts(&mut self, record: &RecordRef<'_>) -> Result<(), NoSpace> {
        match record.owner {
            Owner::Question => self.write_u16(QUESTION_POINTER)?,
            Owner::At(position) => self.write_u16(POINTER | position)?,
            Owner::Name(name) => self.write_name(name)?,
        }
        self.write_u16(record.rtype.0)?;
        self.write_u16(self.class.0)?;
        self.write_octets(&record.ttl.as_secs().to_be_bytes())?;
        let length_at = self.at;
        self.write_u16(0)?;
        self.write_rdata(record.rtype, record.rdata)?;
        let length = u16::try_from(self.at - length_at - 2).map_err(|_| NoSpace)?;
        self.put_u16(length_at, length);
        Ok(())
    }

    /// Writes record data, compressing the names that may be (RFC 3597 §4).
    fn write_rdata(&mut self, rtype: Rtype, rdata: &[u8]) -> Result<(), NoSpace> {
        let mut copied = 0;
        for embedded in rdata::embedded_names(rtype, rdata) {
            if embedded.kind != NameKind::Compressible {
                continue;
            }
            self.write_octets(rdata.get(copied..embedded.offset).unwrap_or_default())?;
            self.write_name(embedded.name)?;
            copied = embedded.offset + embedded.name.len();
        }
        self.write_octets(rdata.get(copied..).unwrap_or_default())
    }

    /// Keeps a suffix written at `offset` as a target of pointers.
    fn remember(&mut self, hash: u64, offset: usize) {
        let Some(target) = self.compressor.targets.get_mut(self.compressor.used) else { return };
        if let Some(offset) = u16::try_from(offset).ok().filter(|&offset| offset <= POINTER_MAX) {
            *target = Target { hash: low_half(hash), offset };
            self.compressor.used += 1;
        }
    }

    /// Where `suffix` has been written, if it has.
    fn find(&self, hash: u64, suffix: Name<'_>) -> Option<u16> {
        let known = self.compressor.targets.get(..self.compressor.used)?;
        known
            .iter()
            .find(|target| target.hash == low_half(hash) && self.holds(target.offset, suffix))
            .map(|target| target.offset)
    }

    /// Whether the name that we wrote at `offset` is `name`.
    fn holds(&self, offset: u16, name: Name<'_>) -> bool {
        let mut at = usize::from(offset);
        for label in name.labels() {
            let Some(start) = self.label_at(at) else { return false };
            let Some(&length) = self.message.get(start) else { return false };
            let end = start + 1 + usize::from(length);
            let written = self.message.get(start + 1..end).unwrap_or_default();
            if !written.eq_ignore_ascii_case(label) {
                return false;
            }
            at = end;
        }
        self.label_at(at).is_some_and(|start| self.message.get(start) == Some(&0))
    }

    /// Where the label that `at` holds or points at stands. A pointer of ours leads to a label, or
    /// to another pointer further back, so this ends.
    fn label_at(&self, mut at: usize) -> Option<usize> {
        loop {
            // What lies behind is not ours: a query, or an older message.
            let &[high, low] = self.message.get(at..self.at)?.first_chunk::<2>()?;
            if high < 0xC0 {
                return Some(at);
            }
            let target = usize::from(u16::from_be_bytes([high & 0x3F, low]));
            if target >= at {
                return None;
            }
            at = target;
        }
    }
}

/// Octets of the record that `octets` begin with, whose owner is a pointer.
fn record_len(octets: &[u8]) -> Option<usize> {
    let &[high, low] = octets.get(RECORD_HEAD_LEN - 2..RECORD_HEAD_LEN)?.first_chunk()?;
    Some(RECORD_HEAD_LEN + usize::from(u16::from_be_bytes([high, low])))
}

fn low_half(hash: u64) -> u32 {
    (hash & 0xFFFF_FFFF) as u32
}

#[cfg(test)]
mod tests;
