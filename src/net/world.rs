//! What all threads and tasks that answer share.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use arc_swap::ArcSwap;
use tokio::sync::Notify;

use crate::answer::Snapshot;
use crate::base::time::Now;
use crate::metrics::Counters;
use crate::net::upstream::Upstream;
use crate::sys::clock;

/// How long a snapshot that is no longer in force waits for those who still answer from it. Workers let
/// go after a batch, or when they have been idle for a moment; a longer wait would help nobody.
const LET_GO_MAX: Duration = Duration::from_secs(2);

/// How often it is looked whether they have.
const LET_GO_PACE: Duration = Duration::from_millis(20);

/// The snapshot in force, and whether the server is stopping.
#[derive(Debug)]
pub struct World {
    /// From when on `now` counts, since the machine was started.
    began: Duration,
    snapshot: ArcSwap<Snapshot>,
    counters: Counters,
    /// Where queries go that have to wait for other servers.
    upstream: Option<Upstream>,
    stopping: AtomicBool,
    /// Told when a thread can serve no longer.
    failed: Notify,
}

impl World {
    /// A world with its first snapshot.
    pub fn new(snapshot: Snapshot) -> Self {
        Self {
            began: clock::since_boot(),
            snapshot: ArcSwap::from_pointee(snapshot),
            counters: Counters::default(),
            upstream: None,
            stopping: AtomicBool::new(false),
            failed: Notify::new(),
        }
    }

    /// The same world, in which other servers can be asked.
    #[must_use]
    pub fn with_upstream(mut self, upstream: Upstream) -> Self {
        self.upstream = Some(upstream);
        self
    }

    /// Where queries go that have to wait for other servers; `None` if nobody asks them.
    pub fn upstream(&self) -> Option<&Upstream> {
        self.upstream.as_ref()
    }

    /// The time since this world began, that in which the machine slept included.
    pub fn now(&self) -> Now {
        let passed = clock::since_boot().saturating_sub(self.began);
        Now::from_micros(u64::try_from(passed.as_micros()).unwrap_or(u64::MAX))
    }

    /// Where the snapshot in force is found.
    pub fn snapshot(&self) -> &ArcSwap<Snapshot> {
        &self.snapshot
    }

    /// Puts a new snapshot in force, and returns the old one, with which queries being answered finish.
    /// Whoever gets it frees it (`free_unused`).
    pub fn publish(&self, snapshot: Snapshot) -> Arc<Snapshot> {
        self.snapshot.swap(Arc::new(snapshot))
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

    /// A task that the server cannot do without: if it panics, the server must end.
    pub fn needing<T: Future<Output = ()> + Send>(
        self: &Arc<Self>,
        task: T,
    ) -> impl Future<Output = ()> + Send + use<T> {
        let needed = Needed(Arc::clone(self));
        async move {
            let _needed = needed;
            task.await;
        }
    }

    /// Waits until a thread can serve no longer.
    pub async fn failure(&self) {
        self.failed.notified().await;
    }
}

/// Frees a snapshot that is no longer in force, when nobody answers from it any more. Blocks meanwhile.
///
/// Otherwise a worker that lets go last would free all names of its zones between two batches.
pub fn free_unused(old: Arc<Snapshot>) {
    let began = Instant::now();
    while Arc::strong_count(&old) > 1 && began.elapsed() < LET_GO_MAX {
        std::thread::sleep(LET_GO_PACE);
    }
    drop(old);
}

/// Tells the world when it is dropped by a panic.
struct Needed(Arc<World>);

impl Drop for Needed {
    fn drop(&mut self) {
        if std::thread::panicking() {
            self.0.fail();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::{World, free_unused};
    use crate::answer::Snapshot;
    use std::sync::Arc;
    use std::time::Duration;
    use tokio::time::timeout;

    #[tokio::test]
    async fn only_a_panic_of_a_needed_task_ends_the_server() {
        let world = Arc::new(World::new(Snapshot { views: Vec::new(), ..Snapshot::default() }));
        let mut tasks = vec![
            tokio::spawn(world.needing(async {})),
            tokio::spawn(world.needing(std::future::pending())),
        ];
        tasks.pop().unwrap().abort();
        tasks.pop().unwrap().await.unwrap();
        let fine = timeout(Duration::from_millis(10), world.failure()).await;
        assert!(fine.is_err());
        let bug = async { std::panic::resume_unwind(Box::new("a bug")) };
        tokio::spawn(world.needing(bug)).await.unwrap_err();
        timeout(Duration::from_secs(10), world.failure()).await.unwrap();
    }

    #[test]
    fn old_snapshot_is_freed_by_whoever_published_not_by_those_who_answer() {
        let world = World::new(Snapshot::default());
        let held = world.snapshot().load_full();
        let old = world.publish(Snapshot::default());
        assert!(Arc::ptr_eq(&held, &old));
        let weak = Arc::downgrade(&old);
        let freeing = std::thread::spawn(|| free_unused(old));
        // The thread that frees has it as long as somebody answers from it.
        assert_eq!(weak.strong_count(), 2);
        drop(held);
        freeing.join().unwrap();
        assert_eq!(weak.strong_count(), 0);
    }
}
