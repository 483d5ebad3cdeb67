//! Takes messages out of the queue when they are due, and tries to deliver them.
//!
//! How a host is spoken to is in `conversation`; where the mail of a domain goes is handed in. What
//! has become of a recipient is on disk before anything else is begun.

mod attempt;
mod conversation;

use std::collections::HashMap;
use std::net::SocketAddr;
use std::pin::Pin;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio::task::JoinSet;

use crate::base::time::Wall;
use crate::mail::address::Domain;
use crate::mail::route::Way;
use crate::mail::schedule::Silences;
use crate::net::mail::Shared;
use crate::net::mail::queue::{Queue, Taken};
use crate::net::mail::relay::attempt::Attempt;

/// Messages that are tried at a time, each over one connection. More would not be faster on most
/// lines, and each may hold some memory.
const RUNNING_MAX: usize = 20;

/// Connections to one host at a time. More are impolite.
const HOST_CONNECTIONS_MAX: usize = 2;

/// When it is looked into the queue again though nothing seems due: the clock may have been set.
const LOOK_PAUSE: Duration = Duration::from_secs(600);

/// When a message is tried again with which something went wrong here, in seconds.
const TROUBLE_PAUSE_SECS: u64 = 60;

/// The way of a domain's mail, when it is found.
pub(super) type FoundWay = Pin<Box<dyn Future<Output = Way> + Send>>;

/// Finds the way of a domain's mail.
pub(super) type FindWay = Arc<dyn Fn(Domain) -> FoundWay + Send + Sync>;

/// What all attempts share.
struct Relay {
    shared: Arc<Shared>,
    find_way: FindWay,
    silences: Mutex<Silences>,
    /// For each host that is spoken to, as many permits as more may.
    seats: Mutex<HashMap<SocketAddr, Arc<Semaphore>>>,
}

/// A place for a connection to a host.
type HostSeat = Option<OwnedSemaphorePermit>;

impl Relay {
    fn silences(&self) -> MutexGuard<'_, Silences> {
        self.silences.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Waits for a place for a connection to a host, which many domains may share.
    async fn seat(&self, host: SocketAddr) -> HostSeat {
        let permits = {
            let mut seats = self.seats.lock().unwrap_or_else(PoisonError::into_inner);
            // Whoever speaks to a host or waits for it has a copy: so many are there at most.
            seats.retain(|_, permits| Arc::strong_count(permits) > 1);
            let new = || Arc::new(Semaphore::new(HOST_CONNECTIONS_MAX));
            Arc::clone(seats.entry(host).or_insert_with(new))
        };
        // It is never closed.
        permits.acquire_owned().await.ok()
    }
}

/// Delivers what is in the queue until the server stops. What is under way then is dropped, and tried
/// again after the next start.
pub(super) async fn run(shared: Arc<Shared>, find_way: FindWay) {
    let mut stopping = shared.stopping.clone();
    let relay =
        Arc::new(Relay { shared, find_way, silences: Mutex::default(), seats: Mutex::default() });
    let queue = &relay.shared.queue;
    let mut running = JoinSet::new();
    loop {
        while running.len() < RUNNING_MAX
            && let Some(taken) = queue.take(Wall::now())
        {
            let held = Held { queue: queue.clone(), taken: Some(taken) };
            let attempt = Attempt { relay: Arc::clone(&relay), held };
            running.spawn(attempt.run());
        }
        let has_room = running.len() < RUNNING_MAX;
        let due = queue.due().map(|due| due.as_secs().saturating_sub(Wall::now().as_secs()));
        let pause = due.map_or(LOOK_PAUSE, Duration::from_secs).min(LOOK_PAUSE);
        tokio::select! {
            _ = stopping.wait_for(|stopping| *stopping) => return,
            // A bug in one has been told; its message is tried again.
            Some(_) = running.join_next() => (),
            () = queue.changed(), if has_room => (),
            () = tokio::time::sleep(pause), if has_room => (),
        }
    }
}

/// An envelope that is under way. Dropped, it goes back into the queue.
struct Held {
    queue: Queue,
    taken: Option<Taken>,
}

impl Held {
    /// Puts it back, to be tried at some time.
    fn put_back(&mut self, next: Wall) {
        if let Some(taken) = self.taken.take() {
            self.queue.put_back(taken, next);
        }
    }

    /// Forgets it: it is in the queue no longer.
    fn forget(&mut self) {
        if let Some(taken) = self.taken.take() {
            self.queue.forget(&taken);
        }
    }
}

impl Drop for Held {
    fn drop(&mut self) {
        self.put_back(after_trouble(Wall::now()));
    }
}

/// When a message is tried again with which something went wrong here.
fn after_trouble(now: Wall) -> Wall {
    Wall::from_secs(now.as_secs().saturating_add(TROUBLE_PAUSE_SECS))
}
