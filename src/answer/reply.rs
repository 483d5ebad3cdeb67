//! A reply under construction: its sections, flags, OPT record, and what happens when it is full.
//!
//! Room for the OPT record and its options is held back before records are written, so that a
//! truncated reply keeps them (RFC 6891 §7).

use crate::answer::exchange::{Exchange, Outcome};
use crate::answer::refusal::Refusal;
use crate::answer::snapshot::AnswerOptions;
use crate::base::limits::{MESSAGE_LEN_MAX, UDP_SIZE_MIN};
use crate::base::time::Ttl;
use crate::cache::Part;
use crate::metrics::{AnswerSource, DropReason, ReplyKind, Transport};
use crate::wire::character_string::CharacterString;
use crate::wire::edns::{EXPIRE_LEN, ExtendedError, ReplyCookie, ReplyOpt};
use crate::wire::error::NoSpace;
use crate::wire::folded::FoldedName;
use crate::wire::header::{Flags, HEADER_LEN, Header};
use crate::wire::name::Name;
use crate::wire::numbers::{Class, Rcode, Rtype};
use crate::wire::query::Query;
use crate::wire::trace::{Event, Trace};
use crate::wire::tsig::Tsig;
use crate::wire::writer::{Compressor, Mark, Owner, RecordRef, Section, Writer};
use crate::zone::node::{Node, Set};

/// What a reply begins with.
#[derive(Debug)]
pub(super) struct Beginning<'a> {
    /// The query.
    pub(super) query: &'a Query,
    /// The name of its question.
    pub(super) question: &'a FoldedName,
    /// How answers are made.
    pub(super) options: &'a AnswerOptions,
    /// The cookie that the client gets.
    pub(super) cookie: Option<ReplyCookie>,
    /// Which of the records of a set comes first, counted around.
    pub(super) turn: usize,
}

/// A reply under construction.
#[derive(Debug)]
pub(super) struct Reply<'m> {
    writer: Writer<'m>,
    header: Header,
    has_question: bool,
    rcode: Rcode,
    flags: u16,
    source: AnswerSource,
    opt: Option<ReplyOpt<'m>>,
    /// The place behind the question.
    start: Mark,
    /// Which of the records of a set comes first, counted around.
    turn: usize,
}

impl<'m> Reply<'m> {
    /// A reply without records, in the place of the query.
    pub(super) fn new(
        exchange: &'m mut Exchange<'_>,
        beginning: &Beginning<'m>,
        compressor: &'m mut Compressor,
    ) -> Self {
        let Beginning { query, question, options, cookie, turn } = *beginning;
        let (size, keepalive) = match (exchange.transport, &query.edns) {
            (Transport::Tcp, edns) => {
                let is_asked = edns.is_some_and(|edns| edns.keepalive_len == Some(0));
                (MESSAGE_LEN_MAX, is_asked.then_some(options.idle_timeout))
            }
            (Transport::Udp, Some(edns)) => {
                (edns.udp_size.min(usize::from(options.udp_size)), None)
            }
            (Transport::Udp, None) => (UDP_SIZE_MIN, None),
        };
        let mut opt = query.edns.as_ref().map(|edns| ReplyOpt {
            udp_size: options.udp_size,
            rcode: Rcode::NOERROR,
            dnssec_ok: edns.dnssec_ok,
            nsid: options.identity.as_ref().filter(|_| edns.wants_nsid).map(|name| name.as_text()),
            cookie,
            keepalive,
            expire_secs: None,
            extended_error: None,
        });
        let mut writer =
            Writer::new(exchange.message, question, query.question_end, size, compressor);
        if let Some(opt) = &mut opt
            && writer.hold_back(opt.wire_len()).is_err()
        {
            // Only a long name and a long identity together are too much for 512 octets.
            opt.nsid = None;
            let held = writer.hold_back(opt.wire_len());
            debug_assert!(held.is_ok(), "no room for an OPT record behind a question");
        }
        let start = writer.mark();
        Self {
            writer,
            header: query.header,
            has_question: query.question.is_some(),
            rcode: Rcode::NOERROR,
            flags: 0,
            source: AnswerSource::Error,
            opt,
            start,
            turn,
        }
    }

    /// Sets the response code.
    pub(super) fn set_rcode(&mut self, rcode: Rcode) {
        self.rcode = rcode;
    }

    /// Makes this a refusal: response code, extended error, and no AA flag.
    pub(super) fn refuse<T: Trace>(&mut self, refusal: Refusal, trace: &mut T) {
        trace.step(Event::Refused(refusal.rcode()));
        self.set_rcode(refusal.rcode());
        self.flags &= !Flags::AA;
        self.source = AnswerSource::Error;
        if let Some(error) = refusal.extended_error() {
            self.set_extended_error(error);
        }
    }

    /// Makes this a refusal, whatever was written before.
    pub(super) fn fail<T: Trace>(&mut self, refusal: Refusal, trace: &mut T) {
        self.writer.rewind(self.start);
        self.refuse(refusal, trace);
    }

    /// Says that the client could have names resolved.
    pub(super) fn set_recursion_available(&mut self) {
        self.flags |= Flags::RA;
    }

    /// Sets the AA flag. Only a function that takes a zone calls this, and `chaos`, whose names
    /// belong to the server.
    pub(super) fn set_authoritative(&mut self) {
        self.flags |= Flags::AA;
        self.source = AnswerSource::Authoritative;
    }

    /// Says where the reply comes from. One that nobody said it of is an error.
    pub(super) fn set_source(&mut self, source: AnswerSource) {
        self.source = source;
    }

    /// Adds an extended error, if the client speaks EDNS and there is room.
    pub(super) fn set_extended_error(&mut self, error: ExtendedError) {
        let Some(opt) = &mut self.opt else { return };
        if let Some(before) = opt.extended_error.take() {
            self.writer.release(before.option_len());
        }
        if self.writer.hold_back(error.option_len()).is_ok() {
            opt.extended_error = Some(error);
        }
    }

    /// Tells the seconds after which a copy of the zone expires. Called at most once, and before
    /// there are records.
    pub(super) fn set_expire(&mut self, seconds: u32) {
        if let Some(opt) = &mut self.opt
            && self.writer.hold_back(EXPIRE_LEN).is_ok()
        {
            opt.expire_secs = Some(seconds);
        }
    }

    /// Whether the client wants DNSSEC records.
    pub(super) fn wants_dnssec(&self) -> bool {
        self.opt.is_some_and(|opt| opt.dnssec_ok)
    }

    /// The name of the question, in the case it was asked in.
    pub(super) fn question_name(&self) -> Name<'_> {
        self.writer.question_name()
    }

    /// Takes all records out, and marks the reply as cut.
    pub(super) fn cut(&mut self) {
        self.writer.rewind(self.start);
        self.set_truncated();
    }

    /// Marks the reply as cut to fit.
    pub(super) fn set_truncated(&mut self) {
        self.flags |= Flags::TC;
    }

    /// Writes all records of a set that `node` owns, or none of them. Returns where the owner's name
    /// stands, if it has been written.
    ///
    /// # Errors
    ///
    /// Fails if they do not fit.
    pub(super) fn write_set(
        &mut self,
        section: Section,
        owner: Owner<'_>,
        node: &Node,
        set: &Set<'_>,
        ttl: Ttl,
    ) -> Result<Option<u16>, NoSpace> {
        let set = set.as_written(ttl, self.turn);
        self.writer.write_set(section, owner, node.owner().len(), &set)
    }

    /// Writes all records of a set that `node` owns and, for a client that wants them, their
    /// signatures; or none of them.
    ///
    /// # Errors
    ///
    /// Fails if they do not fit.
    pub(super) fn write_signed(
        &mut self,
        section: Section,
        owner: Owner<'_>,
        node: &Node,
        set: &Set<'_>,
        ttl: Ttl,
    ) -> Result<(), NoSpace> {
        let mark = self.writer.mark();
        let owner_at = self.write_set(section, owner, node, set, ttl)?;
        if self.wants_dnssec()
            && let Some(signatures) = node.signatures(set.rtype())
        {
            let owner = owner_at.map_or(owner, Owner::At);
            // A signature has the TTL of what it covers (RFC 4034 §3), also where that was lowered.
            let ttl = signatures.ttl().min(ttl);
            if self.write_set(section, owner, node, &signatures, ttl).is_err() {
                self.writer.rewind(mark);
                return Err(NoSpace);
            }
        }
        Ok(())
    }

    /// Writes all records of a set that was learnt, or none of them.
    ///
    /// # Errors
    ///
    /// Fails if they do not fit.
    pub(super) fn write_part(
        &mut self,
        section: Section,
        owner: Owner<'_>,
        part: &Part<'_>,
    ) -> Result<(), NoSpace> {
        let mut set = part.set;
        set.first = self.turn.checked_rem(set.count).unwrap_or(0);
        self.writer.write_set(section, owner, part.owner.len(), &set).map(|_| ())
    }

    /// Which record of a set the reply has first, counted around.
    pub(super) fn turn(&self) -> usize {
        self.turn
    }

    /// Octets written.
    pub(super) fn position(&self) -> usize {
        self.writer.position()
    }

    /// Where the name stands that is the data of the record at `at`, and where the next record
    /// begins; `None` if the record does not begin with a pointer.
    pub(super) fn target_of(&self, at: usize) -> Option<(u16, usize)> {
        self.writer.target_of(at)
    }

    /// Writes one record.
    ///
    /// # Errors
    ///
    /// Fails if it does not fit.
    pub(super) fn write_record(
        &mut self,
        section: Section,
        record: &RecordRef<'_>,
    ) -> Result<(), NoSpace> {
        self.writer.write_record(section, record)
    }

    /// Writes a text of the server about itself (RFC 4892), which nobody should keep.
    ///
    /// # Errors
    ///
    /// Fails if it does not fit.
    pub(super) fn write_chaos(&mut self, text: &CharacterString) -> Result<(), NoSpace> {
        let (ttl, rdata) = (Ttl::default(), text.as_wire());
        let record = RecordRef { owner: Owner::Question, rtype: Rtype::TXT, ttl, rdata };
        self.writer.set_class(Class::CH);
        self.write_record(Section::Answer, &record)
    }

    /// Completes the reply.
    pub(super) fn finish(mut self) -> Outcome {
        let opts = self.write_opt();
        self.write_header(opts)
    }

    /// Completes a reply without records to a query whose key is not known (RFC 8945 §5.2.1).
    pub(super) fn finish_unsigned(mut self, tsig: &Tsig) -> Outcome {
        let opts = self.write_opt();
        let mark = self.writer.mark();
        let written = tsig.write_unsigned(Rcode::BADKEY, &mut self.writer);
        if written.is_err() {
            // A key and an algorithm with long names. There is room over TCP.
            self.writer.rewind(mark);
            self.set_truncated();
        }
        self.write_header(opts + u16::from(written.is_ok()))
    }

    /// Writes the OPT record, if there is to be one; returns the number of records written.
    fn write_opt(&mut self) -> u16 {
        let Some(mut opt) = self.opt else { return 0 };
        opt.rcode = self.rcode;
        self.writer.release(opt.wire_len());
        let written = opt.write(&mut self.writer);
        debug_assert!(written.is_ok(), "the room held back for OPT is gone");
        u16::from(written.is_ok())
    }

    /// Writes the header of a reply with `pseudo` records behind the additional section.
    fn write_header(mut self, pseudo: u16) -> Outcome {
        let [answers, authorities, additionals] = self.writer.counts();
        let flags = self.header.flags.for_reply().0 | self.flags | self.rcode.0 & 0xF;
        let header = Header {
            id: self.header.id,
            flags: Flags(flags),
            questions: u16::from(self.has_question),
            answers,
            authorities,
            additionals: additionals + pseudo,
        };
        header.write(self.writer.message_mut());
        let kind = ReplyKind {
            rcode: self.rcode,
            source: self.source,
            is_truncated: self.flags & Flags::TC != 0,
        };
        Outcome::Reply { len: self.writer.position(), kind }
    }
}

/// Writes a reply that is a header alone, to a query that cannot be answered and has no OPT record.
pub(super) fn write_bare(message: &mut [u8], query: Header, rcode: Rcode) -> Outcome {
    let header = Header {
        id: query.id,
        flags: Flags(query.flags.for_reply().0 | rcode.0 & 0xF),
        questions: 0,
        answers: 0,
        authorities: 0,
        additionals: 0,
    };
    let Some(place) = message.get_mut(..HEADER_LEN) else {
        return Outcome::Drop(DropReason::Short);
    };
    header.write(place);
    let kind = ReplyKind { rcode, source: AnswerSource::Error, is_truncated: false };
    Outcome::Reply { len: HEADER_LEN, kind }
}
