//! The immutable world that queries are answered from.
//!
//! A reload builds the next snapshot aside and publishes it whole. Pieces that did not change are
//! shared between snapshots.

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use crate::answer::role::{Reach, ResolverRole};
use crate::policy::acl::Acl;
use crate::policy::cookie::Secrets;
use crate::policy::rate::RateLimiter;
use crate::wire::character_string::CharacterString;
use crate::wire::folded::FoldedName;
use crate::wire::name::{Name, NameBuf};
use crate::wire::numbers::Rtype;
use crate::zone::shards::{Hashed, Shards};
use crate::zone::store::Zone;

/// Everything a query needs.
#[derive(Clone, Debug, Default)]
pub struct Snapshot {
    /// The views, in the order in which they are tried.
    pub views: Vec<Arc<View>>,
    /// The view for questions of this server itself; `None` if it asks none.
    pub inside: Option<Arc<View>>,
}

impl Snapshot {
    /// The same, in which the server itself may ask. It sees what those clients see for whom others are
    /// asked or, if nobody is asked, what the first view has; and nobody limits it.
    #[must_use]
    pub fn with_inside(mut self) -> Self {
        let asks = |view: &&Arc<View>| view.asks_others();
        let chosen = self.views.iter().find(asks).or_else(|| self.views.first());
        self.inside = chosen.map(|view| {
            let mut view = View::clone(view);
            view.allow_query = None;
            view.rate_limit = None;
            if let Some(role) = &mut view.resolver {
                role.allow = Acl::everyone();
            }
            Arc::new(view)
        });
        self
    }

    /// The view for queries that arrive at `local`. Port 0 is that of questions from inside: no query
    /// of a client arrives there.
    pub fn view(&self, local: SocketAddr) -> Option<&View> {
        if local.port() == 0
            && let Some(inside) = &self.inside
        {
            return Some(inside);
        }
        self.views
            .iter()
            .find(|view| view.addresses.is_empty() || view.addresses.contains(&local))
            .map(|view| &**view)
    }
}

/// What some clients see.
#[derive(Clone, Debug, Default)]
pub struct View {
    /// The local addresses whose queries it answers; empty means all.
    pub addresses: Vec<SocketAddr>,
    /// The zones.
    pub zones: ZoneTable,
    /// How answers are made.
    pub options: AnswerOptions,
    /// Who may ask; `None` is everyone.
    pub allow_query: Option<Acl>,
    /// How many like replies a network gets; `None` is any number.
    pub rate_limit: Option<RateLimit>,
    /// What clients get beyond the zones; `None` is nothing.
    pub resolver: Option<ResolverRole>,
}

impl View {
    /// Whether others are asked for what is not known.
    pub fn asks_others(&self) -> bool {
        self.resolver.as_ref().is_some_and(|role| role.reach == Reach::Answers)
    }
}

/// Response rate limiting of a view.
#[derive(Clone, Debug)]
pub struct RateLimit {
    /// The table that all workers share.
    pub limiter: Arc<RateLimiter>,
    /// Who is never limited.
    pub exempt: Acl,
}

/// How answers are made.
#[derive(Clone, Debug)]
pub struct AnswerOptions {
    /// Leaves out what the client can ask for if it needs it: NS records of the zone in positive
    /// answers, and addresses for NS and MX.
    pub minimal_responses: bool,
    /// Lets the records of a set take turns at being the first.
    pub rotate_answers: bool,
    /// What a question for all types gets.
    pub any: AnyPolicy,
    /// The largest reply over UDP, and the largest query we say we take, in octets.
    pub udp_size: u16,
    /// How long a TCP connection may be idle.
    pub idle_timeout: Duration,
    /// The name this server tells of itself; `None` is not told.
    pub identity: Option<CharacterString>,
    /// The version this server tells of itself; `None` is not told.
    pub version: Option<CharacterString>,
    /// What cookies are made with; `None` is no cookies.
    pub cookies: Option<Secrets>,
}

impl Default for AnswerOptions {
    fn default() -> Self {
        Self {
            minimal_responses: true,
            rotate_answers: false,
            any: AnyPolicy::Minimal,
            udp_size: 1232,
            idle_timeout: Duration::from_secs(10),
            identity: None,
            version: None,
            cookies: None,
        }
    }
}

/// What a question for all types gets.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum AnyPolicy {
    /// One set of records over UDP, all of them over TCP (RFC 8482 §4.1 and §4.4).
    Minimal,
    /// All records.
    Full,
}

/// A zone of the table.
#[derive(Clone, Debug)]
struct Entry {
    hash: u64,
    apex: NameBuf,
    state: ZoneState,
}

/// Whether a zone can be served.
#[derive(Clone, Debug)]
pub enum ZoneState {
    /// It can.
    Loaded(Arc<Zone>),
    /// It is configured, but has errors: names in it get SERVFAIL.
    Broken,
}

impl Hashed for Entry {
    fn hash(&self) -> u64 {
        self.hash
    }
}

/// The zones of a view by name. A copy with one zone changed shares nearly everything.
#[derive(Clone, Debug, Default)]
pub struct ZoneTable {
    entries: Shards<Entry>,
    /// The most labels an apex has had; longer suffixes need not be looked up.
    depth_max: usize,
}

impl ZoneTable {
    /// Puts a zone in, in the place of one with the same name.
    pub fn insert(&mut self, apex: Name<'_>, state: ZoneState) {
        let folded = FoldedName::new(apex);
        self.depth_max = self.depth_max.max(folded.label_count());
        let entry = Entry { hash: folded.hash(0), apex: apex.to_buf(), state };
        self.entries.insert(entry, |old| old.apex == apex);
    }

    /// The zone that answers for records of `rtype` at `name`: the one with the longest name that
    /// `name` is within. The DS of a zone is its parent's data, if the parent is ours too
    /// (RFC 4035 §3.1.4.1).
    pub fn find(&self, name: &FoldedName, rtype: Rtype) -> Option<&ZoneState> {
        let (dropped, found) = self.find_from(name, 0)?;
        if rtype == Rtype::DS && dropped == 0 && name.label_count() > 0 {
            return self.find_from(name, 1).map(|(_, above)| above).or(Some(found));
        }
        Some(found)
    }

    /// The zone with the longest name among the suffixes from `dropped` on, and which of them it is.
    fn find_from(&self, name: &FoldedName, dropped: usize) -> Option<(usize, &ZoneState)> {
        let first = dropped.max(name.label_count().saturating_sub(self.depth_max));
        (first..=name.label_count()).find_map(|dropped| {
            let suffix = name.suffix(dropped);
            self.entries
                .find(name.hash(dropped), |entry| entry.apex == suffix)
                .map(|entry| (dropped, &entry.state))
        })
    }

    /// How many zones there are.
    pub fn len(&self) -> usize {
        self.entries.len()
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.entries.is_empty()
    }

    /// The zones in no order.
    pub fn iter(&self) -> impl Iterator<Item = (Name<'_>, &ZoneState)> {
        self.entries.iter().map(|entry| (entry.apex.as_name(), &entry.state))
    }
}
