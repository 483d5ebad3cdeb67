//! The pipeline on one screen: from octets to an outcome.
//!
//! The order of the stages is the policy. Called by every transport, by tests and by benchmarks.

use crate::answer::authority::{self, Asked, Names};
use crate::answer::exchange::{Exchange, Local, Outcome};
use crate::answer::refusal::Refusal;
use crate::answer::reply::{Reply, write_bare};
use crate::answer::snapshot::{Snapshot, View, ZoneState};
use crate::metrics::DropReason;
use crate::wire::edns;
use crate::wire::folded::FoldedName;
use crate::wire::header::{Flags, Header};
use crate::wire::numbers::{Class, Opcode, Rtype};
use crate::wire::query::Query;
use crate::wire::trace::{Event, Trace};
use crate::zone::store::Zone;

/// Answers one query in place, or says why there is nothing to send.
///
/// Never fails: whatever the octets are, the outcome is a reply or a drop.
pub fn respond<T: Trace>(
    snapshot: &Snapshot,
    local: &mut Local,
    exchange: &mut Exchange<'_>,
    trace: &mut T,
) -> Outcome {
    if exchange.peer.port() == 0 {
        return Outcome::Drop(DropReason::PortZero);
    }
    let Some(received) = exchange.message.get(..exchange.len) else {
        return Outcome::Drop(DropReason::Short);
    };
    let Some(header) = Header::read(received) else {
        return Outcome::Drop(DropReason::Short);
    };
    if header.flags.contains(Flags::QR) {
        return Outcome::Drop(DropReason::Reply);
    }
    if header.flags.opcode() != Opcode::QUERY {
        return refuse_bare(exchange, header, Refusal::Opcode(header.flags.opcode()), trace);
    }
    let query = match Query::read(received, header, &mut local.question) {
        Ok(query) => query,
        Err(error) => return refuse_bare(exchange, header, Refusal::Malformed(error), trace),
    };
    let Some(view) = snapshot.view(exchange.local) else {
        return refuse_bare(exchange, header, Refusal::NotAuthoritative, trace);
    };
    let asked = Asked { rtype: query.question.rtype, transport: exchange.transport };
    let Local { question, alias, alias_wire, target, compressor } = local;
    let mut reply = Reply::new(exchange, &query, question, &view.options, compressor);
    match find_zone(view, &query, question) {
        Ok(zone) => {
            let names = Names { question, alias, alias_wire, target };
            authority::answer(view, zone, asked, names, &mut reply, trace);
        }
        Err(refusal) => {
            trace.step(Event::Refused(refusal.rcode()));
            reply.refuse(refusal);
        }
    }
    reply.finish()
}

/// The zone that answers, or why none does.
fn find_zone<'s>(view: &'s View, query: &Query, name: &FoldedName) -> Result<&'s Zone, Refusal> {
    if let Some(edns) = query.edns
        && edns.version > edns::VERSION
    {
        return Err(Refusal::EdnsVersion(edns.version));
    }
    if query.question.class != Class::IN {
        return Err(Refusal::Class(query.question.class));
    }
    let rtype = query.question.rtype;
    match rtype {
        Rtype::ANY => (),
        Rtype::AXFR | Rtype::IXFR => return Err(Refusal::Transfer),
        Rtype::MAILA | Rtype::MAILB => return Err(Refusal::ObsoleteType(rtype)),
        _ if rtype.is_meta() => return Err(Refusal::MetaType(rtype)),
        _ => (),
    }
    match view.zones.find(name, rtype) {
        None => Err(Refusal::NotAuthoritative),
        Some(ZoneState::Broken) => Err(Refusal::BrokenZone),
        Some(ZoneState::Loaded(zone)) => Ok(zone),
    }
}

fn refuse_bare<T: Trace>(
    exchange: &mut Exchange<'_>,
    query: Header,
    refusal: Refusal,
    trace: &mut T,
) -> Outcome {
    trace.step(Event::Refused(refusal.rcode()));
    write_bare(exchange.message, query, refusal.rcode())
}
