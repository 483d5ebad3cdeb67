//! An answer under construction, which goes from name to name as aliases lead: from zone to zone of
//! ours, and to what was learnt from others.
//!
//! Decides who answers for each name. What a zone says of it is in `authority`, what others say in
//! `learnt`.

use std::net::IpAddr;

use crate::answer::ahead::Prepared;
use crate::answer::denial::Proofs;
use crate::answer::exchange::{Exchange, Notes};
use crate::answer::refusal::Refusal;
use crate::answer::reply::Reply;
use crate::answer::role::{Access, Answerer};
use crate::answer::snapshot::View;
use crate::base::limits::ALIASES_MAX;
use crate::base::time::Now;
use crate::cache::FailureReason;
use crate::metrics::{AnswerSource, Transport};
use crate::policy::rate::Kind;
use crate::wire::error::NoSpace;
use crate::wire::folded::FoldedName;
use crate::wire::name::{NameArray, NameBuf};
use crate::wire::numbers::Rtype;
use crate::wire::trace::{Event, Trace};
use crate::wire::writer::Owner;
use crate::zone::lookup::Path;

/// Times that an answer goes on, with another name or with somebody else: each alias, and each who is
/// asked for a name, takes one.
const STEPS_MAX: usize = 4 * ALIASES_MAX;

/// Who is to get a reply, and when.
#[derive(Clone, Copy, Debug)]
pub(super) struct Sender {
    /// The address that asks.
    pub(super) ip: IpAddr,
    /// How the query came.
    pub(super) transport: Transport,
    /// When it is answered.
    pub(super) now: Now,
}

impl Sender {
    /// The sender of the query.
    pub(super) fn of(exchange: &Exchange<'_>) -> Self {
        let Exchange { peer, transport, now, .. } = *exchange;
        Self { ip: peer.ip(), transport, now }
    }
}

/// The names an answer works with, and what it notes.
#[derive(Debug)]
pub(super) struct Names<'l> {
    /// The name of the question.
    pub(super) question: &'l FoldedName,
    /// The name an alias led to.
    pub(super) alias: &'l mut FoldedName,
    /// The same in the case it was written.
    pub(super) alias_wire: &'l mut NameArray,
    /// A name whose addresses may help the client.
    pub(super) target: &'l mut FoldedName,
    /// What whoever called is told besides the reply.
    pub(super) notes: &'l mut Notes,
}

/// What an answer is for, and where it comes from.
#[derive(Clone, Copy, Debug)]
pub(super) struct Basis<'q, 'v> {
    /// The query, and what others have said since it came.
    pub(super) prepared: Prepared<'q, 'v>,
    /// Who asks.
    pub(super) sender: Sender,
    /// The view that answers.
    pub(super) view: &'v View,
    /// What the query gets beyond the view's zones.
    pub(super) access: Access<'v>,
}

/// Where an answer begins.
#[derive(Clone, Copy, Debug)]
pub(super) struct Start<'v> {
    /// The type asked for.
    pub(super) rtype: Rtype,
    /// Who answers for the name of the question.
    pub(super) answerer: Answerer<'v>,
    /// The guess at the path to it in a zone, if there is one.
    pub(super) path: Path<'v>,
}

/// How the answer goes on after a name.
pub(super) enum Next<'v> {
    /// It is complete.
    Done,
    /// With the name that `Names::alias_wire` holds, to which an alias led.
    Follow,
    /// With the same name and somebody else.
    Go(Answerer<'v>),
    /// It has to be asked for.
    Defer,
}

/// What an answer could not be made without.
#[derive(Clone, Debug)]
pub(super) struct Wanted {
    /// The name, in lower case.
    pub(super) name: NameBuf,
    /// The type.
    pub(super) rtype: Rtype,
}

/// Hashes of names that an answer has visited, at most one an alias.
#[derive(Default)]
pub(super) struct Visited {
    hashes: [u64; ALIASES_MAX],
    len: usize,
}

impl Visited {
    /// Adds a name; false if it was there already or there is no more room.
    pub(super) fn add(&mut self, hash: u64) -> bool {
        if self.hashes.iter().take(self.len).any(|&known| known == hash) {
            return false;
        }
        match self.hashes.get_mut(self.len) {
            Some(slot) => {
                *slot = hash;
                self.len += 1;
                true
            }
            None => false,
        }
    }
}

/// An answer under construction.
pub(super) struct Answer<'v, 'l, 'r, 'm, T> {
    pub(super) basis: Basis<'l, 'v>,
    /// The type asked for.
    pub(super) rtype: Rtype,
    pub(super) names: Names<'l>,
    /// The guess at the path to the current name, if there is one.
    pub(super) path: Path<'v>,
    /// Aliases followed so far.
    pub(super) aliases: usize,
    /// Whether others said some of them.
    pub(super) has_learnt: bool,
    /// Where the name stands in the reply that the last alias led to, if it is known.
    pub(super) alias_at: Option<u16>,
    /// Names that were answered for, so that a loop of aliases ends.
    visited: Visited,
    /// DNAMEs that the answer holds, so that none is there twice.
    pub(super) dnames: Visited,
    /// Proofs of what is not there.
    pub(super) proofs: Proofs<'v>,
    /// What the reply counts as when replies are limited: what the last name gets.
    pub(super) kind: Kind,
    pub(super) reply: &'r mut Reply<'m>,
    pub(super) trace: &'r mut T,
}

/// Answers a question.
///
/// # Errors
///
/// Fails with what has to be asked for first. The reply is of no use then.
pub(super) fn answer<'l, 'v, T: Trace>(
    basis: Basis<'l, 'v>,
    start: Start<'v>,
    names: Names<'l>,
    reply: &mut Reply<'_>,
    trace: &mut T,
) -> Result<Kind, Wanted> {
    let Start { rtype, mut answerer, path } = start;
    let mut answer = Answer {
        basis,
        rtype,
        names,
        path,
        aliases: 0,
        has_learnt: false,
        alias_at: None,
        visited: Visited::default(),
        dnames: Visited::default(),
        proofs: Proofs::default(),
        kind: Kind::Error,
        reply,
        trace,
    };
    for _ in 0..STEPS_MAX {
        match answer.step(answerer)? {
            Some(next) => answerer = next,
            None => return Ok(answer.kind),
        }
    }
    debug_assert!(false, "an answer that does not end");
    answer.fail(FailureReason::TooLong);
    Ok(answer.kind)
}

impl<'v, 'm, T: Trace> Answer<'v, '_, '_, 'm, T> {
    /// Answers for one name; returns where to go on.
    fn step(&mut self, answerer: Answerer<'v>) -> Result<Option<Answerer<'v>>, Wanted> {
        let said = match answerer {
            Answerer::Zone(zone) => self.answer_from(zone),
            Answerer::Reserved(zone) => {
                let said = self.answer_from(zone);
                if self.aliases == 0 {
                    self.reply.set_source(AnswerSource::Local);
                }
                said
            }
            Answerer::Others(role) => self.answer_learnt(role),
        };
        let next = match said {
            Ok(Next::Done) => None,
            Ok(Next::Follow) => self.follow(),
            Ok(Next::Go(answerer)) => Some(answerer),
            Ok(Next::Defer) => {
                let name = current_name(self.aliases, &self.names).as_name().to_buf();
                return Err(Wanted { name, rtype: self.rtype });
            }
            Err(NoSpace) => {
                self.truncate();
                return Ok(None);
            }
        };
        // Where the chain ends without an answer of its own, what proves its aliases is still due.
        if next.is_none() && self.proofs.write(self.reply).is_err() {
            self.truncate();
        }
        Ok(next)
    }

    fn truncate(&mut self) {
        self.trace.step(Event::Truncated);
        self.reply.set_truncated();
    }

    /// Goes on with the name that an alias led to; returns who answers for it, if anybody does.
    fn follow(&mut self) -> Option<Answerer<'v>> {
        if self.advance() { self.answerer() } else { None }
    }

    /// Takes the name that an alias led to as the current one; false if the chain ends there, because
    /// it is too long or leads to a name that was there already.
    pub(super) fn advance(&mut self) -> bool {
        if self.aliases == 0 {
            self.visited.add(self.names.question.hash(0));
        }
        let target = self.names.alias_wire.as_name();
        self.names.alias.fold(target);
        if !self.visited.add(self.names.alias.hash(0)) {
            self.trace.step(Event::Cut(target));
            if self.has_learnt {
                self.fail(FailureReason::TooLong);
            }
            return false;
        }
        self.aliases += 1;
        self.path = Path::default();
        true
    }

    /// Who answers for the current name.
    pub(super) fn answerer(&mut self) -> Option<Answerer<'v>> {
        let Basis { view, access, .. } = self.basis;
        let name = current_name(self.aliases, &self.names);
        match access.answerer(view, self.rtype, name) {
            Ok(answerer) => Some(answerer),
            Err(Refusal::BrokenZone) => {
                self.reply.refuse(Refusal::BrokenZone, self.trace);
                None
            }
            Err(_) => {
                self.trace.step(Event::Left(self.names.alias_wire.as_name()));
                None
            }
        }
    }

    /// Makes the answer one that could not be found out.
    pub(super) fn fail(&mut self, reason: FailureReason) {
        self.proofs = Proofs::default();
        self.kind = Kind::Error;
        self.reply.fail(Refusal::Unresolved(reason), self.trace);
    }
}

/// The owner of the records that answer for the current name.
pub(super) fn current_owner(aliases: usize, alias_at: Option<u16>, alias: &NameArray) -> Owner<'_> {
    match (aliases, alias_at) {
        (0, _) => Owner::Question,
        (_, Some(at)) => Owner::At(at),
        (_, None) => Owner::Name(alias.as_name()),
    }
}

/// The name that is being answered for.
pub(super) fn current_name<'n>(aliases: usize, names: &'n Names<'_>) -> &'n FoldedName {
    if aliases == 0 { names.question } else { names.alias }
}
