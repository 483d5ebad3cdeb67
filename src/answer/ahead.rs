//! Queries that came together, read before the first of them is answered.
//!
//! Names of a large zone are rarely in the CPU's cache. Once all names of a batch are known, what
//! lookups will read is asked for at once, and arrives while other queries are worked on: the batch
//! waits for memory a few times, instead of each query several times. Decides nothing but which
//! queries cannot be answered, whatever is served. `net::udp` calls it for each batch.

use std::hint::black_box;
use std::net::{IpAddr, Ipv4Addr};

use crate::answer::Refusal;
use crate::answer::exchange::{Exchange, Outcome, Workspace};
use crate::answer::respond::respond_with;
use crate::answer::snapshot::{RateLimit, Snapshot, View, ZoneState, ZoneTable};
use crate::base::limits::BATCH_MAX;
use crate::cache::Resolution;
use crate::metrics::DropReason;
use crate::policy::rate::Kind;
use crate::wire::folded::FoldedName;
use crate::wire::header::{Flags, Header};
use crate::wire::numbers::Opcode;
use crate::wire::query::Query;
use crate::wire::trace::Trace;
use crate::zone::lookup::Path;
use crate::zone::node::{Node, warm};
use crate::zone::store::{Zone, wildcard_id};

/// Nodes that are asked for because an answer goes on to them: most cuts have so many servers at most.
const NEXT_MAX: usize = 4;

/// Queries below which nothing is asked for in advance: there would be nothing to do meanwhile.
const AHEAD_MIN: usize = 4;

/// What a message is.
#[derive(Clone, Copy, Debug)]
pub(super) enum Message {
    /// Nothing that gets a reply.
    Dropped(DropReason),
    /// A query that cannot be answered, whatever is served.
    Refused(Refusal),
    /// A query.
    Query,
}

/// A message that has been read.
#[derive(Clone, Debug)]
pub struct Draft {
    pub(super) message: Message,
    /// The query, as far as it could be read.
    pub(super) query: Query,
    client: IpAddr,
    /// The name of the question.
    pub(super) question: FoldedName,
}

impl Default for Draft {
    fn default() -> Self {
        let message = Message::Dropped(DropReason::Short);
        let query = Query::new(Header::default());
        let client = IpAddr::V4(Ipv4Addr::UNSPECIFIED);
        Self { message, query, client, question: FoldedName::root() }
    }
}

impl Draft {
    /// The zone that answers; `None` if none does.
    fn zone<'z>(&self, zones: &'z ZoneTable) -> Option<&'z Zone> {
        let Message::Query = &self.message else { return None };
        match zones.find(&self.question, self.query.question?.rtype)? {
            ZoneState::Loaded(zone) => Some(zone),
            ZoneState::Broken => None,
        }
    }

    /// Reads a message.
    pub(super) fn read(&mut self, octets: &[u8]) {
        // Whatever happens in reading, the message before is forgotten.
        self.message = Message::Dropped(DropReason::Short);
        self.message = match Header::read(octets) {
            None => Message::Dropped(DropReason::Short),
            Some(header) if header.flags.contains(Flags::QR) => Message::Dropped(DropReason::Reply),
            Some(header) => self.read_query(octets, header),
        };
    }

    /// Reads a query. A later version of EDNS says what all else means, and another operation what
    /// stands behind the header: so these are looked at first, and in this order.
    fn read_query(&mut self, octets: &[u8], header: Header) -> Message {
        self.query = Query::new(header);
        let read = self.query.read(octets, &mut self.question);
        let opcode = header.flags.opcode();
        if opcode != Opcode::QUERY {
            self.query.drop_question(&mut self.question);
        }
        match (&self.query.edns, read) {
            (Some(edns), _) if edns.is_later() => {
                Message::Refused(Refusal::EdnsVersion(edns.version))
            }
            _ if opcode != Opcode::QUERY => Message::Refused(Refusal::Opcode(opcode)),
            (_, Ok(())) => Message::Query,
            (_, Err(error)) => Message::Refused(Refusal::Malformed(error)),
        }
    }
}

/// The messages of a batch, in its order.
#[derive(Debug)]
pub struct Drafts {
    drafts: Vec<Draft>,
    count: usize,
}

impl Default for Drafts {
    fn default() -> Self {
        Self { drafts: vec![Draft::default(); BATCH_MAX], count: 0 }
    }
}

impl Drafts {
    /// Forgets all messages, before those of another batch.
    pub fn clear(&mut self) {
        self.count = 0;
    }

    /// Takes in the next message of the batch, at most `BATCH_MAX`, and who sent it. One that is not
    /// read, because it was too long, counts as empty.
    pub fn push(&mut self, octets: &[u8], client: IpAddr) {
        if let Some(draft) = self.drafts.get_mut(self.count) {
            self.count += 1;
            draft.client = client;
            draft.read(octets);
        }
    }

    /// How many messages have been taken in.
    pub fn len(&self) -> usize {
        self.count
    }

    /// Whether none has.
    pub fn is_empty(&self) -> bool {
        self.count == 0
    }

    /// Asks for the memory that the answers will read. With several views it takes the message to
    /// tell which is meant, and nothing is done.
    pub fn look_ahead<'s>(&'s self, snapshot: &'s Snapshot) -> Ahead<'s> {
        let mut ahead = self.as_read(snapshot);
        if let [view] = &snapshot.views[..]
            && self.count >= AHEAD_MIN
        {
            ahead.fetch(view);
        }
        ahead
    }

    /// The messages to be answered one by one, with nothing asked for in advance.
    pub fn as_read<'s>(&'s self, snapshot: &'s Snapshot) -> Ahead<'s> {
        let drafts = self.drafts.get(..self.count).unwrap_or_default();
        Ahead { snapshot, drafts, guesses: [None; BATCH_MAX] }
    }
}

/// What is known of the queries of a batch before the first is answered.
pub struct Ahead<'s> {
    snapshot: &'s Snapshot,
    drafts: &'s [Draft],
    guesses: [Option<Guess<'s>>; BATCH_MAX],
}

impl<'s> Ahead<'s> {
    /// Answers a query of the batch, as `respond` does. The exchange is that of its message.
    pub fn respond<T: Trace>(
        &self,
        index: usize,
        workspace: &mut Workspace,
        exchange: &mut Exchange<'_>,
        trace: &mut T,
    ) -> Outcome {
        let Some(draft) = self.drafts.get(index) else {
            debug_assert!(false, "no such message in the batch");
            return Outcome::Drop(DropReason::Short);
        };
        let guess = self.guesses.get(index).copied().flatten();
        let prepared = Prepared { draft, guess, given: &[] };
        respond_with(self.snapshot, prepared, &mut workspace.tools, exchange, trace)
    }

    /// Asks for what the answers will read, in loops that do nothing else: the CPU goes on to the
    /// next reading before one has arrived, if there is little in between.
    fn fetch(&mut self, view: &'s View) {
        for (draft, guess) in self.drafts.iter().zip(&mut self.guesses) {
            let zone = draft.zone(&view.zones);
            *guess = zone.map(|zone| Guess { zone, path: Path::default() });
        }
        let guesses = self.drafts.iter().zip(self.guesses.iter_mut());
        for (draft, guess) in guesses.filter_map(|(draft, guess)| Some((draft, guess.as_mut()?))) {
            guess.path = guess.zone.guess_path(&draft.question);
        }
        let guesses = self.drafts.iter().zip(&self.guesses);
        let guesses = guesses.filter_map(|(draft, guess)| Some((draft, guess.as_ref()?)));
        warm(guesses.clone().flat_map(|(_, guess)| guess.path.nodes()));
        let mut next = [[None; NEXT_MAX]; BATCH_MAX];
        for ((draft, guess), nodes) in guesses.clone().zip(&mut next) {
            guess.find_next(&draft.question, nodes);
        }
        warm(next.iter().flatten().copied().flatten());
        if let Some(RateLimit { limiter, .. }) = &view.rate_limit {
            let mut keys = [0; BATCH_MAX];
            for (((draft, guess), next), key) in guesses.zip(&next).zip(&mut keys) {
                *key = limiter.key(draft.client, guess.kind(&draft.question, next));
            }
            let known = keys.iter().filter(|key| **key != 0);
            black_box(known.fold(0, |sum, key| sum ^ limiter.touch(*key)));
        }
    }
}

/// A message that has been read, and what is known of its answer.
#[derive(Clone, Copy, Debug)]
pub(super) struct Prepared<'d, 's> {
    /// The message.
    pub(super) draft: &'d Draft,
    /// What its answer will likely read, where the only view of the snapshot answers.
    pub(super) guess: Option<Guess<'s>>,
    /// What others have said since it came.
    pub(super) given: &'s [Resolution],
}

/// What the answer to a query will likely read.
#[derive(Clone, Copy, Debug)]
pub(super) struct Guess<'z> {
    /// The zone that answers.
    pub(super) zone: &'z Zone,
    /// The nodes of the name and of those above.
    pub(super) path: Path<'z>,
}

impl<'z> Guess<'z> {
    fn cut(&self) -> Option<&'z Node> {
        self.path.nodes().find(|node| node.is_cut())
    }

    /// Finds the nodes that the answer goes on to: addresses of a cut's servers, what an alias leads
    /// to, or the wildcard that stands for a name that is not there.
    fn find_next(&self, name: &FoldedName, nodes: &mut [Option<&'z Node>; NEXT_MAX]) {
        match self.cut().or_else(|| self.path.at(0)) {
            Some(node) => {
                for (id, slot) in node.next_ids().zip(nodes) {
                    *slot = self.zone.guess(id);
                }
            }
            None => nodes[0] = self.zone.guess(wildcard_id(name.hash(1))),
        }
    }

    /// What the reply will likely be counted as. `next` are the nodes that the answer goes on to.
    fn kind(&self, name: &FoldedName, next: &[Option<&Node>; NEXT_MAX]) -> Kind {
        let [first, ..] = next;
        match (self.cut(), first) {
            (Some(cut), _) => Kind::Referral(cut.id()),
            (None, Some(next)) => Kind::Answer(next.id()),
            (None, None) if self.path.at(0).is_some() => Kind::Answer(name.hash(0)),
            (None, None) => Kind::NameError(self.zone.apex_node().id()),
        }
    }
}
