//! A reply under construction: its sections, flags, OPT record, and what happens when it is full.
//!
//! Room for the OPT record is held back from the start, so that a truncated reply keeps it
//! (RFC 6891 §7).

use crate::answer::exchange::{Exchange, Outcome};
use crate::answer::refusal::Refusal;
use crate::answer::snapshot::AnswerOptions;
use crate::base::limits::{MESSAGE_LEN_MAX, UDP_SIZE_MIN};
use crate::base::time::Ttl;
use crate::metrics::{AnswerSource, DropReason, ReplyKind, Transport};
use crate::wire::edns::ReplyOpt;
use crate::wire::error::NoSpace;
use crate::wire::folded::FoldedName;
use crate::wire::header::{Flags, HEADER_LEN, Header};
use crate::wire::name::Name;
use crate::wire::numbers::Rcode;
use crate::wire::query::Query;
use crate::wire::writer::{Compressor, Mark, Owner, RecordRef, Section, Writer};
use crate::zone::node::{Node, Set};

/// Octets of the shortest record: an owner pointer, type, class, TTL and length.
const RECORD_LEN_MIN: usize = 12;

/// A reply under construction.
#[derive(Debug)]
pub(super) struct Reply<'m> {
    writer: Writer<'m>,
    header: Header,
    rcode: Rcode,
    flags: u16,
    source: AnswerSource,
    opt: Option<ReplyOpt>,
    /// Octets held back for the OPT record.
    reserved: usize,
}

impl<'m> Reply<'m> {
    /// A reply to `query` without records, in the place of the query.
    pub(super) fn new(
        exchange: &'m mut Exchange<'_>,
        query: &Query,
        question: &FoldedName,
        options: &AnswerOptions,
        compressor: &'m mut Compressor,
    ) -> Self {
        let opt = query.edns.map(|edns| ReplyOpt {
            udp_size: options.udp_size,
            rcode: Rcode::NOERROR,
            dnssec_ok: edns.dnssec_ok,
            extended_error: None,
        });
        let size = match (exchange.transport, query.edns) {
            (Transport::Tcp, _) => MESSAGE_LEN_MAX,
            (Transport::Udp, Some(edns)) => edns.udp_size.min(usize::from(options.udp_size)),
            (Transport::Udp, None) => UDP_SIZE_MIN,
        };
        let reserved = opt.map_or(0, |opt| opt.wire_len());
        let limit = size - reserved;
        let end = query.question.end;
        Self {
            writer: Writer::new(exchange.message, question, end, limit, compressor),
            header: query.header,
            rcode: Rcode::NOERROR,
            flags: 0,
            source: AnswerSource::Error,
            opt,
            reserved,
        }
    }

    /// Sets the response code.
    pub(super) fn set_rcode(&mut self, rcode: Rcode) {
        self.rcode = rcode;
    }

    /// Sets the AA flag. Only a function that takes a zone calls this.
    pub(super) fn set_authoritative(&mut self) {
        self.flags |= Flags::AA;
        self.source = AnswerSource::Authoritative;
    }

    /// Says where the reply comes from. One that nobody said it of is an error.
    pub(super) fn set_source(&mut self, source: AnswerSource) {
        self.source = source;
    }

    /// Makes the reply a refusal: response code, extended error, and no AA flag.
    pub(super) fn refuse(&mut self, refusal: Refusal) {
        self.rcode = refusal.rcode();
        self.flags &= !Flags::AA;
        self.source = AnswerSource::Error;
        if let Some(opt) = &mut self.opt {
            opt.extended_error = refusal.extended_error();
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

    /// Marks the reply as cut to fit.
    pub(super) fn set_truncated(&mut self) {
        self.flags |= Flags::TC;
    }

    /// Writes all records of a set, or none of them.
    ///
    /// # Errors
    ///
    /// Fails if they do not fit.
    pub(super) fn write_set(
        &mut self,
        section: Section,
        owner: Owner<'_>,
        set: &Set<'_>,
        ttl: Ttl,
    ) -> Result<(), NoSpace> {
        // A set whose records cannot fit, however short, is not begun.
        if set.len() * RECORD_LEN_MIN > self.writer.room() {
            return Err(NoSpace);
        }
        let mark: Mark = self.writer.mark();
        for rdata in set.records() {
            let record = RecordRef { owner, rtype: set.rtype(), ttl, rdata };
            if self.writer.write_record(section, &record).is_err() {
                self.writer.rewind(mark);
                return Err(NoSpace);
            }
        }
        Ok(())
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
        self.write_set(section, owner, set, ttl)?;
        if self.wants_dnssec()
            && let Some(signatures) = node.signatures(set.rtype())
        {
            // A signature has the TTL of what it covers (RFC 4034 §3), also where that was lowered.
            let written = self.write_set(section, owner, &signatures, signatures.ttl().min(ttl));
            if written.is_err() {
                self.writer.rewind(mark);
            }
            return written;
        }
        Ok(())
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

    /// Completes the reply.
    pub(super) fn finish(mut self) -> Outcome {
        let [answers, authorities, mut additionals] = self.writer.counts();
        if let Some(mut opt) = self.opt {
            opt.rcode = self.rcode;
            self.writer.release(self.reserved);
            // The extended error is the first to go when there is no room for it.
            if opt.write(&mut self.writer).is_err() {
                opt.extended_error = None;
                let written = opt.write(&mut self.writer);
                debug_assert!(written.is_ok(), "room was held back for the OPT record");
            }
            additionals += 1;
        }
        let flags = self.header.flags.for_reply().0 | self.flags | self.rcode.0 & 0xF;
        let header = Header {
            id: self.header.id,
            flags: Flags(flags),
            questions: 1,
            answers,
            authorities,
            additionals,
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

/// Writes a reply that is a header alone, for a query whose question cannot be repeated.
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
