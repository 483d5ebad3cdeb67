//! What a scenario is played against: anything that takes queries and answers them, now or later.
//!
//! The shape of the core without I/O: `handle_*` takes what comes in, `poll_*` gives what is to go
//! out, and the player does the sending, the waiting and the clock. Implemented by
//! `sim::server`, and by whatever else a test wants to play with.

use std::net::SocketAddr;

use crate::base::time::Now;
use crate::metrics::Transport;

/// The number by which a subject knows a request of its own; no two requests have the same.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct RequestId(pub u64);

/// A message that a subject sends upstream.
#[derive(Clone, Debug)]
pub struct Request {
    /// Its number.
    pub id: RequestId,
    /// The server.
    pub to: SocketAddr,
    /// How it is sent.
    pub transport: Transport,
    /// The message, without the length that TCP puts before it.
    pub octets: Vec<u8>,
}

/// A message that a subject sends to a client.
#[derive(Clone, Debug)]
pub struct Reply {
    /// The client.
    pub client: SocketAddr,
    /// The message, without the length that TCP puts before it.
    pub octets: Vec<u8>,
}

/// What is tested: anything that takes queries and answers them, now or later, perhaps after asking
/// others.
///
/// After each `handle_*` the player drains `poll_request` and `poll_reply`.
pub trait Subject {
    /// Takes a query.
    fn handle_query(&mut self, now: Now, client: SocketAddr, transport: Transport, octets: &[u8]);

    /// Takes what came back for a request, right or wrong, and perhaps too late: the request may be
    /// one that is no longer awaited.
    fn handle_response(&mut self, now: Now, request: RequestId, octets: &[u8]);

    /// Takes the news that a request did not reach its server.
    fn handle_unreachable(&mut self, now: Now, request: RequestId);

    /// Does what is due.
    fn handle_timeout(&mut self, now: Now);

    /// The next request to send.
    fn poll_request(&mut self) -> Option<Request>;

    /// The next reply to send.
    fn poll_reply(&mut self) -> Option<Reply>;

    /// When `handle_timeout` is to be called.
    fn poll_timeout(&self) -> Option<Now>;

    /// Whether a response to the request would still be looked at.
    fn awaits(&self, request: RequestId) -> bool;
}
