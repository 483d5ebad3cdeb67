//! What a question may cost: time, requests and aliases.
//!
//! Counts and decides nothing: the lookup and its fetches spend.

use std::net::IpAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};

use crate::base::limits::{LOOKUP_US_MAX, REQUESTS_PER_LOOKUP_MAX, RESOLVED_ALIASES_MAX};
use crate::base::time::Now;
use crate::resolver::{Asker, Question};

/// What a question of a client may still cost. It goes with the question from name to name, so that
/// an answer that is put together in several steps costs no more than one.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Budget {
    /// When the client is answered, whatever is known by then.
    pub deadline: Now,
    /// Requests to other servers that may be sent.
    pub requests_left: u32,
    /// Aliases that may be followed.
    pub aliases_left: usize,
}

impl Budget {
    /// What a question may cost that a client asks now.
    pub fn new(now: Now) -> Self {
        Self {
            deadline: now.after_micros(LOOKUP_US_MAX),
            requests_left: REQUESTS_PER_LOOKUP_MAX,
            aliases_left: RESOLVED_ALIASES_MAX,
        }
    }
}

/// A question of a client.
#[derive(Clone, Debug)]
pub struct Asking {
    /// The number by which the caller knows it.
    pub asker: Asker,
    /// The client's address, of which so many questions are taken at a time.
    pub client: IpAddr,
    /// What is asked.
    pub question: Question,
    /// What it may cost.
    pub budget: Budget,
}

/// The requests that a question may still cost, shared by all fetches that it pays for. It outlives
/// the question: what is under way for it goes on when its client has been answered.
#[derive(Clone, Debug)]
pub(super) struct Purse(Arc<AtomicU32>);

impl Purse {
    /// One that pays for so many requests.
    pub(super) fn new(requests: u32) -> Self {
        Self(Arc::new(AtomicU32::new(requests)))
    }

    /// Requests that it still pays for.
    pub(super) fn left(&self) -> u32 {
        self.0.load(Ordering::Relaxed)
    }

    /// Pays for a request.
    pub(super) fn spend(&self) {
        self.0.store(self.left().saturating_sub(1), Ordering::Relaxed);
    }
}
