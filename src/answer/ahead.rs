//! Queries that came together, read before the first of them is answered.
//!
//! Names of a large zone are rarely in the CPU's cache. Once all names of a batch are known, what
//! lookups will read is asked for at once, and arrives while other queries are worked on: the batch
//! waits for memory about once, instead of each query several times. Decides nothing but which
//! queries cannot be answered, whatever is served.

use std::hint::black_box;
use std::net::{IpAddr, Ipv4Addr};

use crate::answer::Refusal;
use crate::answer::snapshot::{RateLimit, Snapshot, ZoneState, ZoneTable};
use crate::base::limits::BATCH_MAX;
use crate::metrics::DropReason;
use crate::policy::rate::Kind;
use crate::wire::folded::FoldedName;
use crate::wire::header::{Flags, Header};
use crate::wire::numbers::Opcode;
use crate::wire::query::Query;
use crate::zone::node::{Node, warm};
use crate::zone::store::Zone;

/// Nodes of one query that are asked for: that of the name and that right below the apex, where the
/// zone cut mostly is. Those in between are few and in the cache.
const NODES: usize = 2;

/// Servers of one zone cut whose addresses are asked for: most have so many at most.
const SERVERS: usize = 4;

/// Queries below which nothing is asked for in advance: there would be nothing to do meanwhile.
const FEW: usize = 4;

/// What a message is.
#[derive(Clone, Copy, Debug)]
pub(super) enum Message {
    /// Nothing that gets a reply.
    Dropped(DropReason),
    /// A query that cannot be answered, whatever is served.
    Refused(Query, Refusal),
    /// A query.
    Query(Query),
}

/// A message that has been read.
#[derive(Clone, Debug)]
pub struct Draft {
    pub(super) message: Message,
    client: IpAddr,
    /// The name of the question.
    pub(super) question: FoldedName,
}

impl Default for Draft {
    fn default() -> Self {
        let message = Message::Dropped(DropReason::Short);
        let client = IpAddr::V4(Ipv4Addr::UNSPECIFIED);
        Self { message, client, question: FoldedName::root() }
    }
}

impl Draft {
    /// What the answer will likely read; `None` if no zone answers.
    fn guess<'z>(&self, zones: &'z ZoneTable) -> Option<Guess<'z>> {
        let Message::Query(query) = &self.message else { return None };
        let name = &self.question;
        let ZoneState::Loaded(zone) = zones.find(name, query.question?.rtype)? else { return None };
        let below_apex = name.label_count().saturating_sub(zone.depth());
        let first = (below_apex > 1).then(|| zone.guess(name.hash(below_apex - 1)));
        let last = (below_apex > 0).then(|| zone.guess(name.hash(0)));
        let nodes = [first.flatten(), last.flatten()];
        Some(Guess { client: self.client, zone, hash: name.hash(0), nodes })
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
        let mut query = Query::new(header);
        let read = query.read(octets, &mut self.question);
        let opcode = header.flags.opcode();
        if opcode != Opcode::QUERY {
            query.drop_question(&mut self.question);
        }
        match (query.edns, read) {
            (Some(edns), _) if edns.is_later() => {
                Message::Refused(query, Refusal::EdnsVersion(edns.version))
            }
            _ if opcode != Opcode::QUERY => Message::Refused(query, Refusal::Opcode(opcode)),
            (_, Ok(())) => Message::Query(query),
            (_, Err(error)) => Message::Refused(query, Refusal::Malformed(error)),
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

    /// A message, to be answered.
    pub fn get(&self, index: usize) -> Option<&Draft> {
        self.drafts.get(index).filter(|_| index < self.count)
    }

    /// Asks for the memory that answers will read. With several views it takes the message to tell
    /// which is meant, and nothing is done.
    pub fn fetch(&self, snapshot: &Snapshot) {
        let [view] = &snapshot.views[..] else { return };
        if self.count < FEW {
            return;
        }
        let mut guesses = [None; BATCH_MAX];
        for (draft, guess) in self.drafts.iter().take(self.count).zip(&mut guesses) {
            *guess = draft.guess(&view.zones);
        }
        let guesses = guesses.iter().flatten();
        warm(guesses.clone().flat_map(|guess| guess.nodes.into_iter().flatten()));
        let mut servers = [None; SERVERS * BATCH_MAX];
        let mut slots = servers.iter_mut();
        for (zone, cut) in guesses.clone().filter_map(|guess| Some((guess.zone, guess.cut()?))) {
            let nodes = cut.server_ids().take(SERVERS).filter_map(|hash| zone.guess(hash));
            nodes.zip(&mut slots).for_each(|(node, slot)| *slot = Some(node));
        }
        warm(servers.into_iter().flatten());
        if let Some(RateLimit { limiter, .. }) = &view.rate_limit {
            let counts = guesses.map(|guess| limiter.touch(guess.client, guess.kind()));
            black_box(counts.fold(0, |sum, count| sum ^ count));
        }
    }
}

/// What the answer to a query will likely read.
#[derive(Clone, Copy)]
struct Guess<'z> {
    client: IpAddr,
    zone: &'z Zone,
    /// The hash of the name.
    hash: u64,
    /// The nodes of the name right below the apex and of the name itself.
    nodes: [Option<&'z Node>; NODES],
}

impl<'z> Guess<'z> {
    fn cut(&self) -> Option<&'z Node> {
        self.nodes.into_iter().flatten().find(|node| node.is_cut())
    }

    /// What the reply counts as, if it is of the two kinds that are not always in the cache.
    fn kind(&self) -> Kind {
        self.cut().map_or(Kind::Answer(self.hash), |cut| Kind::Referral(cut.id()))
    }
}
