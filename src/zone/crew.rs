//! How many threads may read zones at the same time, over all zones that are being read.
//!
//! Whoever has work that can be divided asks for places as it goes along, so that the last of
//! several zones gets the CPUs that the others have done with. Called by the loader and by whoever
//! reads several zones.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::{iter, panic, thread};

/// Names that are worth a thread, which takes as long to start as some hundred names to sort.
const SHARE_MIN: usize = 1024;

/// Places for threads, one for each CPU.
#[derive(Debug)]
pub struct Crew {
    size: usize,
    free: AtomicUsize,
}

/// A place that is taken, until this is dropped.
#[derive(Debug)]
pub struct Member<'c>(&'c Crew);

impl Crew {
    /// A crew of this many, of which nobody works yet.
    pub fn new(size: usize) -> Self {
        Self { size, free: AtomicUsize::new(size) }
    }

    /// A crew of one, who works already: nothing is divided.
    pub fn alone() -> Self {
        Self { size: 1, free: AtomicUsize::new(0) }
    }

    /// How many places there are, taken or not.
    pub fn size(&self) -> usize {
        self.size
    }

    /// Takes a place, if there is a free one.
    pub fn join(&self) -> Option<Member<'_>> {
        let less = |free: usize| free.checked_sub(1);
        self.free.fetch_update(Ordering::Relaxed, Ordering::Relaxed, less).ok()?;
        Some(Member(self))
    }

    /// Takes the places that are free, as many as work on this number of names is worth.
    pub fn gather(&self, names: usize) -> Helpers<'_> {
        let worth = (names / SHARE_MIN).saturating_sub(1);
        Helpers(iter::from_fn(|| self.join()).take(worth).collect())
    }
}

/// Those who help with work that is divided once, in equal parts.
#[derive(Debug)]
pub struct Helpers<'c>(Vec<Member<'c>>);

impl Helpers<'_> {
    /// How many parts to make: one for each helper, and one for who asked.
    pub fn count(&self) -> usize {
        self.0.len() + 1
    }

    /// Does the same with each part, at the same time; the results are in order.
    pub fn map<T: Send, R: Send>(&self, parts: Vec<T>, work: impl Fn(T) -> R + Sync) -> Vec<R> {
        let work = &work;
        thread::scope(|scope| {
            let mut parts = parts.into_iter();
            let own = parts.next();
            let others: Vec<_> = parts.map(|part| scope.spawn(move || work(part))).collect();
            let own = own.map(work);
            let others = others.into_iter().map(|other| match other.join() {
                Ok(result) => result,
                Err(payload) => panic::resume_unwind(payload),
            });
            own.into_iter().chain(others).collect()
        })
    }
}

impl Drop for Member<'_> {
    fn drop(&mut self) {
        self.0.free.fetch_add(1, Ordering::Relaxed);
    }
}

#[cfg(test)]
mod tests {
    use super::Crew;

    #[test]
    fn a_place_is_free_again_when_it_is_left() {
        let crew = Crew::new(2);
        let (first, second) = (crew.join(), crew.join());
        assert!(first.is_some() && second.is_some() && crew.join().is_none());
        drop(first);
        assert!(crew.join().is_some());
        assert!(Crew::alone().join().is_none());
    }

    #[test]
    fn helpers_are_all_that_are_free_and_their_results_are_in_order() {
        let crew = Crew::new(4);
        let _place = crew.join();
        assert_eq!([0, 2000, 3000].map(|names| crew.gather(names).count()), [1, 1, 2]);
        let helpers = crew.gather(9999);
        assert_eq!((helpers.count(), crew.gather(9999).count()), (4, 1));
        assert_eq!(helpers.map(vec![1, 2, 3, 4], |part| part * 2), [2, 4, 6, 8]);
    }
}
