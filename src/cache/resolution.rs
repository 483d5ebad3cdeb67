//! What became of a question that the cache could not answer: the entries that answer it now.
//!
//! Made by the resolver, read by the answer. Its entries need not be in the cache: some count for one
//! answer alone, and some may be gone from it by now.

use std::sync::Arc;

use crate::cache::entry::{Entry, FailureReason};
use crate::wire::name::NameBuf;
use crate::wire::numbers::Rtype;

/// How a question ends.
#[derive(Clone, Debug)]
pub enum End {
    /// With records: one set, or one of each type if all types were asked for.
    Records(Vec<Arc<Entry>>),
    /// With a name that has no records of the type.
    NoData(Arc<Entry>),
    /// With a name that does not exist.
    NameError(Arc<Entry>),
    /// With a name that this DNAME makes too long (RFC 6672 §2.2).
    TooLong(Arc<Entry>),
    /// With a name of our own zones. What these say of it is for the answer.
    Local,
    /// It could not be found out.
    Failed(FailureReason),
}

/// What became of a question.
#[derive(Clone, Debug)]
pub struct Resolution {
    /// The name, in lower case.
    pub name: NameBuf,
    /// The type.
    pub rtype: Rtype,
    /// The aliases from the name to the one at which it ends.
    pub aliases: Vec<Arc<Entry>>,
    /// How it ends.
    pub end: End,
    /// Whether entries are used beyond their end, because nothing newer could be had (RFC 8767).
    /// Without this, one that is not fresh counts for this one answer.
    pub is_stale: bool,
}

impl Resolution {
    /// A question that could not be answered.
    pub fn failed(name: NameBuf, rtype: Rtype, reason: FailureReason) -> Self {
        Self { name, rtype, aliases: Vec::new(), end: End::Failed(reason), is_stale: false }
    }
}
