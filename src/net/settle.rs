//! What becomes of a query once it was answered, the same for every transport.
//!
//! Counts it, hands it over if it has to wait for other servers, and passes on what the answer has
//! noted. Sends nothing: `net::udp` and `net::tcp` do.

use crate::answer::{Deferred, Notes, Outcome, Workspace};
use crate::cache::FailureReason;
use crate::metrics::{CacheUse, DropReason, WorkerCounters};
use crate::net::World;
use crate::net::upstream::ReplyPath;

/// What the sender of a query gets.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Settled {
    /// So many octets of the message, which are the reply.
    Reply(usize),
    /// A reply later, on the path that was given.
    Later,
    /// Nothing.
    Nothing,
}

/// What a thread that answers keeps for itself from query to query.
#[derive(Debug)]
pub(super) struct Settler {
    pub(super) workspace: Workspace,
    pub(super) counters: WorkerCounters,
}

impl Settler {
    /// That of one more thread.
    pub(super) fn new(world: &World) -> Self {
        Self { workspace: Workspace::default(), counters: world.counters().join() }
    }

    /// Takes what became of a query whose octets were in `message`. `path` is where a later reply goes;
    /// there may be none.
    pub(super) fn settle(
        &mut self,
        world: &World,
        outcome: Outcome,
        message: &mut [u8],
        path: impl FnOnce() -> Option<ReplyPath>,
    ) -> Settled {
        let outcome = match outcome {
            Outcome::Defer(deferred) => {
                let left = hand_over(world, deferred, path());
                left.map(|deferred| fail(world, *deferred, &mut self.workspace, message))
            }
            Outcome::Reply { .. } | Outcome::Drop(_) => Some(outcome),
        };
        self.pass_on_notes(world);
        match outcome {
            Some(Outcome::Reply { len, kind }) => {
                self.counters.reply(kind);
                Settled::Reply(len)
            }
            Some(Outcome::Drop(reason)) => {
                self.counters.dropped(reason, 1);
                Settled::Nothing
            }
            Some(Outcome::Defer(_)) => {
                self.counters.dropped(DropReason::Busy, 1);
                Settled::Nothing
            }
            // It has been taken, and is counted when it is answered.
            None => Settled::Later,
        }
    }

    fn pass_on_notes(&mut self, world: &World) {
        let Notes { due, cache } = self.workspace.take_notes();
        if cache != CacheUse::default() {
            self.counters.cache_use(cache);
        }
        if let (Some(due), Some(upstream)) = (due, world.upstream()) {
            upstream.renew(due);
        }
    }
}

/// Answers a query that cannot wait.
pub(super) fn fail(
    world: &World,
    deferred: Deferred,
    workspace: &mut Workspace,
    message: &mut [u8],
) -> Outcome {
    let failed = deferred.failed(FailureReason::Busy);
    let snapshot = world.snapshot().load();
    deferred.resume(&snapshot, (failed, world.now()), workspace, message, &mut ())
}

/// Hands over a query that has to wait. It comes back if that cannot be.
pub(super) fn hand_over(
    world: &World,
    deferred: Box<Deferred>,
    path: Option<ReplyPath>,
) -> Option<Box<Deferred>> {
    match (world.upstream(), path) {
        (Some(upstream), Some(path)) => upstream.ask(deferred, path),
        (Some(_), None) | (None, _) => Some(deferred),
    }
}
