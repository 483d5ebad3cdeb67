//! One query's octets, its sender and the room for its reply; and what became of it.

use std::net::SocketAddr;

use crate::answer::ahead::Draft;
use crate::answer::deferred::Deferred;
use crate::base::time::{Now, Wall};
use crate::metrics::{CacheUse, DropReason, ReplyKind, Transport};
use crate::wire::folded::FoldedName;
use crate::wire::name::{Name, NameArray, NameBuf};
use crate::wire::numbers::Rtype;
use crate::wire::writer::Compressor;

/// One query and the room for its reply.
#[derive(Debug)]
pub struct Exchange<'b> {
    /// The query, and behind it room. The reply takes its place.
    pub message: &'b mut [u8],
    /// Octets of the query.
    pub len: usize,
    /// Who asks.
    pub peer: SocketAddr,
    /// The address the query arrived at, by which the view is chosen.
    pub local: SocketAddr,
    /// How it came.
    pub transport: Transport,
    /// When it came; the same for all queries that came together.
    pub received: Wall,
    /// The same on the clock that nobody sets.
    pub now: Now,
}

/// What became of a query.
#[derive(Debug)]
pub enum Outcome {
    /// The first `len` octets of the message are the reply.
    Reply {
        /// Octets of the reply.
        len: usize,
        /// What is counted of it.
        kind: ReplyKind,
    },
    /// Nothing is sent.
    Drop(DropReason),
    /// Others have to be asked first. The message is of no use any more.
    Defer(Box<Deferred>),
}

/// What a thread that answers keeps for itself from query to query, so that nothing is allocated.
#[derive(Debug, Default)]
pub struct Workspace {
    /// The query that is being answered.
    pub(super) draft: Draft,
    /// What its answer is made with.
    pub(super) tools: Tools,
}

impl Workspace {
    /// What was noted since the last call.
    pub fn take_notes(&mut self) -> Notes {
        std::mem::take(&mut self.tools.notes)
    }
}

/// What an answer notes besides the reply, for whoever called for it.
#[derive(Debug, Default)]
pub struct Notes {
    /// The name and type of what the cache has with little time left, and clients ask for often. It
    /// is to be asked for again.
    pub due: Option<(NameBuf, Rtype)>,
    /// How often the cache was of use.
    pub cache: CacheUse,
}

/// What the answer to one query after the other is made with.
#[derive(Debug)]
pub(super) struct Tools {
    /// The name an alias led to.
    pub(super) alias: FoldedName,
    /// The same in the case it was written.
    pub(super) alias_wire: NameArray,
    /// A name whose addresses may help the client.
    pub(super) target: FoldedName,
    /// Names of the message being written.
    pub(super) compressor: Compressor,
    /// Queries so far, by which the records of sets take turns.
    pub(super) turn: usize,
    /// What answers have noted.
    pub(super) notes: Notes,
}

impl Default for Tools {
    fn default() -> Self {
        Self {
            alias: FoldedName::root(),
            alias_wire: NameArray::new(Name::ROOT),
            target: FoldedName::root(),
            compressor: Compressor::default(),
            turn: 0,
            notes: Notes::default(),
        }
    }
}
