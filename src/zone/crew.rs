//! How many threads may read zones at the same time, over all zones that are being read.
//!
//! Whoever has work that can be divided asks for places as it goes along, so that the last of
//! several zones gets the CPUs that the others have done with. Starts no threads itself. Called by
//! the loader and by whoever reads several zones.

use std::sync::atomic::{AtomicUsize, Ordering};

/// Places for threads, one for each CPU.
#[derive(Debug)]
pub struct Crew {
    size: usize,
    free: AtomicUsize,
}

/// A place that is taken, until this is dropped.
#[derive(Debug)]
pub struct Place<'c>(&'c Crew);

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
    pub fn join(&self) -> Option<Place<'_>> {
        let less = |free: usize| free.checked_sub(1);
        self.free.fetch_update(Ordering::Relaxed, Ordering::Relaxed, less).ok()?;
        Some(Place(self))
    }
}

impl Drop for Place<'_> {
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
}
