//! The pipeline on one screen: from octets to an outcome.
//!
//! The order of the stages is the policy. Called by every transport, by tests and by benchmarks.

use std::net::IpAddr;

use crate::answer::ahead::{Draft, Message, Prepared};
use crate::answer::chain::{self, Basis, Names, Sender, Start, Wanted};
use crate::answer::chaos;
use crate::answer::deferred::Deferred;
use crate::answer::exchange::{Exchange, Outcome, Tools, Workspace};
use crate::answer::refusal::Refusal;
use crate::answer::reply::{Beginning, Reply, write_bare};
use crate::answer::role::{Access, Answerer};
use crate::answer::snapshot::{AnswerOptions, Snapshot, View};
use crate::metrics::{DropReason, Transport};
use crate::policy::cookie::Checked;
use crate::policy::rate::{Kind, Verdict};
use crate::wire::edns::Edns;
use crate::wire::error::WireError;
use crate::wire::folded::FoldedName;
use crate::wire::header::Flags;
use crate::wire::numbers::{Class, Rtype};
use crate::wire::query::{Query, Question};
use crate::wire::trace::{Event, Trace};
use crate::wire::tsig::Tsig;
use crate::zone::lookup::Path;

/// Answers one query in place, or says why there is nothing to send.
///
/// Never fails: whatever the octets are, the outcome is a reply or a drop.
pub fn respond<T: Trace>(
    snapshot: &Snapshot,
    workspace: &mut Workspace,
    exchange: &mut Exchange<'_>,
    trace: &mut T,
) -> Outcome {
    let Workspace { draft, tools } = workspace;
    draft.read(exchange.message.get(..exchange.len).unwrap_or_default());
    let prepared = Prepared { draft, guess: None, given: &[] };
    respond_with(snapshot, prepared, tools, exchange, trace)
}

/// Answers one query that has been read. `prepared` is of the exchange's message.
pub(super) fn respond_with<'s, T: Trace>(
    snapshot: &'s Snapshot,
    prepared: Prepared<'_, 's>,
    tools: &mut Tools,
    exchange: &mut Exchange<'_>,
    trace: &mut T,
) -> Outcome {
    if exchange.peer.port() == 0 {
        return Outcome::Drop(DropReason::PortZero);
    }
    let view = snapshot.view(exchange.local);
    let draft = prepared.draft;
    let refusal = match draft.message {
        Message::Dropped(reason) => return Outcome::Drop(reason),
        Message::Refused(refusal) => Some(refusal),
        Message::Query => None,
    };
    let (query, question) = (&draft.query, &draft.question);
    let Some(view) = view else {
        let rcode = refusal.unwrap_or(Refusal::NotAuthoritative).rcode();
        trace.step(Event::Refused(rcode));
        return write_bare(exchange.message, query.header, rcode);
    };
    if let Some(refusal) = refusal {
        let unanswerable = Unanswerable { query, question, refusal, tsig: None };
        return refuse(view, unanswerable, tools, exchange, trace);
    }
    let Some(at) = query.tsig_at else {
        return respond_in(view, prepared, tools, exchange, trace);
    };
    let tsig = Tsig::read(exchange.message.get(..exchange.len).unwrap_or_default(), at);
    let refusal = match &tsig {
        // There are no keys yet, so its key is not known.
        Ok(_) => Refusal::UnknownKey,
        Err(error) => Refusal::Malformed(*error),
    };
    let tsig = tsig.as_ref().ok();
    refuse(view, Unanswerable { query, question, refusal, tsig }, tools, exchange, trace)
}

/// Answers a query that could be read.
fn respond_in<'v, T: Trace>(
    view: &'v View,
    prepared: Prepared<'_, 'v>,
    tools: &mut Tools,
    exchange: &mut Exchange<'_>,
    trace: &mut T,
) -> Outcome {
    let Draft { query, question, .. } = prepared.draft;
    let cookie = check_cookie(&view.options, query, exchange);
    let has_valid_cookie = cookie.as_ref().is_some_and(|cookie| cookie.is_valid);
    if query.question.is_none() && cookie.is_none() {
        // Cookies are off: then a query without a question asks for nothing.
        let refusal = Refusal::Malformed(WireError::QuestionCount(0));
        let unanswerable = Unanswerable { query, question, refusal, tsig: None };
        return refuse(view, unanswerable, tools, exchange, trace);
    }
    let sender = Sender::of(exchange);
    let Tools { alias, alias_wire, target, compressor, turn, notes } = tools;
    *turn = turn.wrapping_add(usize::from(view.options.rotate_answers));
    let cookie = cookie.map(|cookie| cookie.reply);
    let options = &view.options;
    let beginning = Beginning { query, question, options, cookie, turn: *turn };
    let mut reply = Reply::new(exchange, &beginning, compressor);
    let names = Names { question, alias, alias_wire, target, notes };
    let access = Access::of(view, sender.ip, query.header.flags.contains(Flags::RD));
    if access.offers_recursion() {
        reply.set_recursion_available();
    }
    let basis = Basis { prepared, sender, view, access };
    let kind = match answer(basis, names, &mut reply, trace) {
        Ok(kind) => kind,
        Err(Halt::Refused(refusal)) => {
            reply.refuse(refusal, trace);
            Kind::Error
        }
        Err(Halt::Wants(wanted)) => {
            return Outcome::Defer(Box::new(Deferred::new(prepared, exchange, wanted)));
        }
    };
    if !has_valid_cookie {
        match limit(view, sender, kind) {
            Verdict::Pass => (),
            // An honest client behind a forged address comes back over TCP.
            Verdict::Cut => reply.cut(),
            Verdict::Drop => return Outcome::Drop(DropReason::RateLimited),
        }
    }
    reply.finish()
}

/// Counts a reply, and says whether it may leave. Over TCP the address is not forged.
fn limit(view: &View, sender: Sender, kind: Kind) -> Verdict {
    let Sender { ip, transport, now } = sender;
    match &view.rate_limit {
        Some(limit) if transport == Transport::Udp && !limit.exempt.allows(ip) => {
            limit.limiter.count(now, ip, kind)
        }
        Some(_) | None => Verdict::Pass,
    }
}

/// Counts a refusal of a query as such, and says whether it is one too many.
fn is_beyond_limit(view: &View, exchange: &Exchange<'_>) -> bool {
    limit(view, Sender::of(exchange), Kind::Unanswerable) != Verdict::Pass
}

/// Refuses a client that may not ask.
fn check_client(view: &View, client: IpAddr) -> Result<(), Refusal> {
    match &view.allow_query {
        Some(allowed) if !allowed.allows(client) => Err(Refusal::NotAllowed),
        Some(_) | None => Ok(()),
    }
}

/// Why a query gets no answer now.
enum Halt {
    /// It gets none at all.
    Refused(Refusal),
    /// Others have to be asked first.
    Wants(Wanted),
}

impl From<Refusal> for Halt {
    fn from(refusal: Refusal) -> Self {
        Self::Refused(refusal)
    }
}

/// Answers what the query asks, or says why not. Returns what counts together with the reply when
/// replies are limited.
fn answer<'l, T: Trace>(
    basis: Basis<'l, '_>,
    names: Names<'l>,
    reply: &mut Reply<'_>,
    trace: &mut T,
) -> Result<Kind, Halt> {
    let Basis { prepared, sender, view, access } = basis;
    check_client(view, sender.ip)?;
    let query = &prepared.draft.query;
    check_edns(query.edns.as_ref(), sender.transport)?;
    // A query without a question asks for a cookie, and has it by now.
    let Some(Question { rtype, class }) = query.question else {
        return Ok(Kind::Error);
    };
    check_type(rtype)?;
    match class {
        Class::IN => (),
        Class::CH => {
            chaos::answer(&view.options, names.question, rtype, reply)?;
            return Ok(Kind::Error);
        }
        _ => return Err(Refusal::Class(class).into()),
    }
    let (answerer, path) = match prepared.guess {
        Some(guess) => (access.answerer_in(guess.zone, rtype, names.question), guess.path),
        None => (access.answerer(view, rtype, names.question)?, Path::default()),
    };
    if query.edns.as_ref().is_some_and(|edns| edns.wants_expire)
        && rtype == Rtype::SOA
        && let Answerer::Zone(zone) = answerer
        && zone.depth() == names.question.label_count()
        && let Some(soa) = zone.soa()
    {
        // We are the primary of all our zones (RFC 7314 §3.1).
        reply.set_expire(soa.expire_secs);
    }
    let start = Start { rtype, answerer, path };
    chain::answer(basis, start, names, reply, trace).map_err(Halt::Wants)
}

/// Refuses an option that no client sends.
fn check_edns(edns: Option<&Edns>, transport: Transport) -> Result<(), Refusal> {
    match edns {
        // Over UDP the option means nothing (RFC 7828 §3.2.1).
        Some(Edns { keepalive_len: Some(1..), .. }) if transport == Transport::Tcp => {
            Err(Refusal::Keepalive)
        }
        Some(_) | None => Ok(()),
    }
}

/// Looks at the query's cookie, if it has one and cookies are on.
fn check_cookie(
    options: &AnswerOptions,
    query: &Query,
    exchange: &Exchange<'_>,
) -> Option<Checked> {
    let cookie = query.edns.as_ref()?.cookie?;
    let secrets = options.cookies.as_ref()?;
    Some(secrets.check(&cookie, exchange.peer.ip(), exchange.received))
}

/// Types that are no data and cannot be asked for.
fn check_type(rtype: Rtype) -> Result<(), Refusal> {
    match rtype {
        Rtype::ANY => Ok(()),
        Rtype::AXFR | Rtype::IXFR => Err(Refusal::Transfer),
        Rtype::MAILA | Rtype::MAILB => Err(Refusal::ObsoleteType(rtype)),
        _ if rtype.is_meta() => Err(Refusal::MetaType(rtype)),
        _ => Ok(()),
    }
}

/// A query that cannot be answered, whatever is served.
#[derive(Clone, Copy, Debug)]
struct Unanswerable<'q> {
    /// The query, as far as it could be read.
    query: &'q Query,
    /// The name of its question.
    question: &'q FoldedName,
    /// Why.
    refusal: Refusal,
    /// Its signature, if that is why.
    tsig: Option<&'q Tsig>,
}

/// Refuses a query as such: with a header alone where its OPT record and signature could not be read
/// or there is none.
#[cold]
fn refuse<T: Trace>(
    view: &View,
    unanswerable: Unanswerable<'_>,
    tools: &mut Tools,
    exchange: &mut Exchange<'_>,
    trace: &mut T,
) -> Outcome {
    let Unanswerable { query, question, refusal, tsig } = unanswerable;
    let options = &view.options;
    let cookie = check_cookie(options, query, exchange);
    if !cookie.as_ref().is_some_and(|cookie| cookie.is_valid) && is_beyond_limit(view, exchange) {
        return Outcome::Drop(DropReason::RateLimited);
    }
    if query.edns.is_none() && tsig.is_none() {
        trace.step(Event::Refused(refusal.rcode()));
        return write_bare(exchange.message, query.header, refusal.rcode());
    }
    let cookie = cookie.map(|cookie| cookie.reply);
    let beginning = Beginning { query, question, options, cookie, turn: 0 };
    let mut reply = Reply::new(exchange, &beginning, &mut tools.compressor);
    reply.refuse(refusal, trace);
    match tsig {
        Some(tsig) => reply.finish_unsigned(tsig),
        None => reply.finish(),
    }
}
