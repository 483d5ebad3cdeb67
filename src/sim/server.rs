//! The server as the subject of a scenario: `answer::respond` over the zones that the scenario names,
//! and the resolver where it names servers to ask.
//!
//! A scenario that asks for anything else is not played. Called by tests.

mod setup;

pub use setup::Unready;

use std::collections::{HashMap, VecDeque};
use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::sync::Arc;

use crate::answer::{Deferred, Exchange, Outcome, Snapshot, View, Workspace, respond};
use crate::base::entropy::Seeded;
use crate::base::limits::{MESSAGE_LEN_MAX, UDP_SIZE_MAX};
use crate::base::time::{Now, SECOND_US, Wall};
use crate::cache;
use crate::metrics::Transport;
use crate::resolver::{self, Asker, Asking, Budget, Channel, Options, Question, Resolver};
use crate::sim::script::Scenario;
use crate::sim::server::setup::Setup;
use crate::sim::subject::{Reply, Request, RequestId, Subject};

/// The address that queries arrive at.
const LOCAL: SocketAddr = SocketAddr::new(IpAddr::V4(Ipv4Addr::LOCALHOST), 53);

/// The seed of what the resolver draws: a scenario must not depend on it.
const SEED: u64 = 1;

/// A server.
pub struct Server {
    snapshot: Snapshot,
    resolver: Option<Resolver>,
    waiting: HashMap<Asker, Box<Deferred>>,
    next_asker: u64,
    workspace: Workspace,
    replies: VecDeque<Reply>,
    message: Vec<u8>,
}

impl Server {
    /// The server that a scenario's configuration describes, as it begins at this moment.
    ///
    /// # Errors
    ///
    /// Fails if the scenario asks for what is not offered, or if a zone of it cannot be served.
    pub fn new(scenario: &Scenario, now: Now) -> Result<Self, Unready> {
        let (view, options) = Setup::read(scenario)?.finish()?;
        Ok(Self::of(view, options, now))
    }

    /// A server of one view, whose resolver is told this if there is one.
    pub fn of(view: View, options: Option<Options>, now: Now) -> Self {
        let view = Arc::new(view);
        let role = view.resolver.as_ref();
        let resolver = options.zip(role).map(|(options, role)| {
            let local = Arc::clone(&view) as Arc<dyn cache::Local>;
            let mut resolver = Resolver::new(options, role.cache.clone(), local, Seeded::new(SEED));
            resolver.start(now);
            resolver
        });
        Self {
            snapshot: Snapshot { views: vec![view], ..Snapshot::default() },
            resolver,
            waiting: HashMap::new(),
            next_asker: 0,
            workspace: Workspace::default(),
            replies: VecDeque::new(),
            message: vec![0; MESSAGE_LEN_MAX],
        }
    }

    fn ask(&mut self, now: Now, deferred: Box<Deferred>, budget: Budget) {
        let Some(resolver) = &mut self.resolver else { return };
        self.next_asker += 1;
        let asker = Asker(self.next_asker);
        let (name, rtype) = deferred.wanted();
        let question = Question { name: name.to_buf(), rtype };
        let client = deferred.peer.ip();
        self.waiting.insert(asker, deferred);
        resolver.handle_question(now, Asking { asker, client, question, budget });
    }

    /// Takes what became of a query from `client`.
    fn take(&mut self, now: Now, client: SocketAddr, (outcome, budget): (Outcome, Budget)) {
        match outcome {
            Outcome::Reply { len, .. } => {
                let octets = self.message.get(..len).unwrap_or_default().to_vec();
                self.replies.push_back(Reply { client, octets });
            }
            Outcome::Drop(_) => (),
            Outcome::Defer(deferred) => self.ask(now, deferred, budget),
        }
    }

    /// Lets queries go on whose answers are there.
    fn settle(&mut self, now: Now) {
        if let Some((name, rtype)) = self.workspace.take_notes().due
            && let Some(resolver) = &mut self.resolver
        {
            resolver.handle_due(now, Question { name, rtype });
        }
        while let Some(finished) = self.resolver.as_mut().and_then(Resolver::poll_finished) {
            let Some(deferred) = self.waiting.remove(&finished.asker) else { continue };
            let (client, transport) = (deferred.peer, deferred.transport);
            let message = self.message.get_mut(..room(transport)).unwrap_or_default();
            let learnt = (finished.resolution, now);
            let outcome =
                deferred.resume(&self.snapshot, learnt, &mut self.workspace, message, &mut ());
            self.take(now, client, (outcome, finished.budget));
        }
    }
}

/// Octets of the longest reply.
fn room(transport: Transport) -> usize {
    match transport {
        Transport::Udp => UDP_SIZE_MAX,
        Transport::Tcp => MESSAGE_LEN_MAX,
    }
}

impl Subject for Server {
    fn handle_query(&mut self, now: Now, client: SocketAddr, transport: Transport, octets: &[u8]) {
        let Some(start) = self.message.get_mut(..octets.len()) else { return };
        start.copy_from_slice(octets);
        let room = room(transport).max(octets.len());
        let mut exchange = Exchange {
            message: self.message.get_mut(..room).unwrap_or_default(),
            len: octets.len(),
            peer: client,
            local: LOCAL,
            transport,
            received: Wall::from_secs(now.as_micros() / SECOND_US),
            now,
        };
        let outcome = respond(&self.snapshot, &mut self.workspace, &mut exchange, &mut ());
        self.take(now, client, (outcome, Budget::new(now)));
        self.settle(now);
    }

    fn handle_response(&mut self, now: Now, request: RequestId, octets: &[u8]) {
        if let Some(resolver) = &mut self.resolver {
            resolver.handle_response(now, resolver::RequestId(request.0), octets);
        }
        self.settle(now);
    }

    fn handle_unreachable(&mut self, now: Now, request: RequestId) {
        if let Some(resolver) = &mut self.resolver {
            resolver.handle_unreachable(now, resolver::RequestId(request.0));
        }
        self.settle(now);
    }

    fn handle_timeout(&mut self, now: Now) {
        if let Some(resolver) = &mut self.resolver {
            resolver.handle_timeout(now);
        }
        self.settle(now);
    }

    fn poll_request(&mut self) -> Option<Request> {
        let resolver = self.resolver.as_mut()?;
        while resolver.poll_closed().is_some() {}
        let sent = resolver.poll_transmit()?;
        let transport = match sent.channel {
            Channel::Udp => Transport::Udp,
            Channel::Tcp => Transport::Tcp,
        };
        let id = RequestId(sent.request.0);
        Some(Request { id, to: sent.to, transport, octets: sent.octets })
    }

    fn poll_reply(&mut self) -> Option<Reply> {
        self.replies.pop_front()
    }

    fn poll_timeout(&self) -> Option<Now> {
        self.resolver.as_ref()?.poll_timeout()
    }

    fn awaits(&self, request: RequestId) -> bool {
        let request = resolver::RequestId(request.0);
        self.resolver.as_ref().is_some_and(|resolver| resolver.awaits(request))
    }
}

#[cfg(test)]
mod tests;
