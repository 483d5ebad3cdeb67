//! What all threads and tasks that answer share.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::Instant;

use arc_swap::ArcSwap;
use tokio::sync::Notify;

use crate::answer::Snapshot;
use crate::base::time::Now;
use crate::metrics::Counters;

/// The snapshot in force, and whether the server is stopping.
#[derive(Debug)]
pub struct World {
    /// From when on `now` counts.
    began: Instant,
    snapshot: ArcSwap<Snapshot>,
    counters: Counters,
    stopping: AtomicBool,
    /// Times a thread or task that answers has panicked.
    panics: AtomicU64,
    /// Told when a thread can serve no longer.
    failed: Notify,
}

impl World {
    /// A world with its first snapshot.
    pub fn new(snapshot: Snapshot) -> Self {
        Self {
            began: Instant::now(),
            snapshot: ArcSwap::from_pointee(snapshot),
            counters: Counters::default(),
            stopping: AtomicBool::new(false),
            panics: AtomicU64::new(0),
            failed: Notify::new(),
        }
    }

    /// The time since this world began.
    pub fn now(&self) -> Now {
        Now::from_micros(u64::try_from(self.began.elapsed().as_micros()).unwrap_or(u64::MAX))
    }

    /// Where the snapshot in force is found.
    pub fn snapshot(&self) -> &ArcSwap<Snapshot> {
        &self.snapshot
    }

    /// Puts a new snapshot in force. Queries being answered finish with the old one.
    pub fn publish(&self, snapshot: Snapshot) {
        self.snapshot.store(Arc::new(snapshot));
    }

    /// What is counted, over all threads.
    pub fn counters(&self) -> &Counters {
        &self.counters
    }

    /// Tells all threads and tasks to finish.
    pub fn stop(&self) {
        self.stopping.store(true, Ordering::Relaxed);
    }

    /// Whether all threads and tasks are to finish.
    pub fn is_stopping(&self) -> bool {
        self.stopping.load(Ordering::Relaxed)
    }

    /// Tells that a thread can serve no longer, so that the server must end.
    pub fn fail(&self) {
        self.failed.notify_one();
    }

    /// Waits until a thread can serve no longer.
    pub async fn failure(&self) {
        self.failed.notified().await;
    }

    /// Counts a panic, which is a bug of ours; returns how many there were.
    pub fn count_panic(&self) -> u64 {
        self.panics.fetch_add(1, Ordering::Relaxed) + 1
    }
}
