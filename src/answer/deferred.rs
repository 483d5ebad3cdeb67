//! A query that waits for what others say, with all that its reply will need.
//!
//! Whoever asks the others keeps it meanwhile, and then lets it go on: the same pipeline runs again,
//! with what was learnt at hand.

use std::net::SocketAddr;

use crate::answer::ahead::{Draft, Prepared};
use crate::answer::chain::Wanted;
use crate::answer::exchange::{Exchange, Outcome, Workspace};
use crate::answer::respond::respond_with;
use crate::answer::snapshot::Snapshot;
use crate::base::time::{Now, Wall};
use crate::cache::{FailureReason, Resolution};
use crate::metrics::Transport;
use crate::wire::name::Name;
use crate::wire::numbers::Rtype;
use crate::wire::trace::Trace;

/// A query that waits.
#[derive(Debug)]
pub struct Deferred {
    /// The query, read.
    draft: Draft,
    /// Its header and question, behind which the reply is written.
    head: Vec<u8>,
    /// Who asks.
    pub peer: SocketAddr,
    /// The address the query arrived at.
    pub local: SocketAddr,
    /// How it came.
    pub transport: Transport,
    received: Wall,
    /// When it came.
    pub came: Now,
    /// What others have said so far.
    given: Vec<Resolution>,
    wanted: Wanted,
}

impl Deferred {
    /// A query whose reply lacks what is `wanted`.
    #[cold]
    pub(super) fn new(prepared: Prepared<'_, '_>, exchange: &Exchange<'_>, wanted: Wanted) -> Self {
        let draft = prepared.draft.clone();
        let head = exchange.message.get(..draft.query.question_end).unwrap_or_default().to_vec();
        let Exchange { peer, local, transport, received, now, .. } = *exchange;
        let given = prepared.given.to_vec();
        Self { draft, head, peer, local, transport, received, came: now, given, wanted }
    }

    /// What is asked of others: a name in lower case, and a type, in class IN.
    pub fn wanted(&self) -> (Name<'_>, Rtype) {
        (self.wanted.name.as_name(), self.wanted.rtype)
    }

    /// What it goes on with if it is not asked of others.
    pub fn failed(&self, reason: FailureReason) -> Resolution {
        let Wanted { name, rtype } = self.wanted.clone();
        Resolution::failed(name, rtype, reason)
    }

    /// Goes on with what others have said. The reply is written to `message`, which has room for as
    /// much as the transport can carry.
    pub fn resume<T: Trace>(
        mut self,
        snapshot: &Snapshot,
        (resolution, now): (Resolution, Now),
        workspace: &mut Workspace,
        message: &mut [u8],
        trace: &mut T,
    ) -> Outcome {
        self.given.push(resolution);
        if let Some(place) = message.get_mut(..self.head.len()) {
            place.copy_from_slice(&self.head);
        }
        let Self { peer, local: address, transport, received, .. } = self;
        let len = self.head.len();
        let mut exchange =
            Exchange { message, len, peer, local: address, transport, received, now };
        let prepared = Prepared { draft: &self.draft, guess: None, given: &self.given };
        let outcome = respond_with(snapshot, prepared, &mut workspace.tools, &mut exchange, trace);
        match outcome {
            // The time it has taken counts from the query.
            Outcome::Defer(mut again) => {
                again.came = self.came;
                Outcome::Defer(again)
            }
            Outcome::Reply { .. } | Outcome::Drop(_) => outcome,
        }
    }
}
