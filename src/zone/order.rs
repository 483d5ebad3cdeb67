//! The names of a zone in canonical order (RFC 4034 §6.1), in runs that copies share.
//!
//! Used for transfers, the dump, denial neighbours and to see what is below a name; never on the
//! way of a positive answer.

mod sort;

use std::sync::Arc;

use crate::wire::name::Name;
use crate::zone::crew::Crew;
use crate::zone::node::{Node, warm};

/// Names in a run before it is split. A change copies one run.
const RUN_LEN_MAX: usize = 512;

/// Runs while they are made of nodes that come in order.
#[derive(Default)]
struct RunBuilder<'z> {
    whole: Vec<Arc<Vec<Node>>>,
    open: Vec<&'z Node>,
}

impl<'z> RunBuilder<'z> {
    fn push(&mut self, node: &'z Node) {
        self.open.push(node);
        if self.open.len() == RUN_LEN_MAX / 2 {
            self.end_run();
        }
    }

    fn end_run(&mut self) {
        warm(self.open.iter().copied());
        self.whole.push(Arc::new(self.open.drain(..).cloned().collect()));
    }

    fn finish(mut self) -> Vec<Arc<Vec<Node>>> {
        if !self.open.is_empty() {
            self.end_run();
        }
        self.whole
    }
}

/// The names of runs.
fn warmed(runs: &[Arc<Vec<Node>>]) -> impl Iterator<Item = &Node> {
    runs.iter().flat_map(|run| {
        warm(run.iter());
        run.iter()
    })
}

/// A persistent sorted list of names.
#[derive(Clone, Debug, Default)]
pub struct Order {
    /// Runs in order; none is empty.
    runs: Vec<Arc<Vec<Node>>>,
}

impl Order {
    /// The order of nodes within `apex` that stand in no order yet.
    pub fn from_unsorted<'z>(
        apex: Name<'_>,
        nodes: impl Iterator<Item = &'z Node>,
        crew: &Crew,
    ) -> Self {
        Self { runs: sort::runs(apex, nodes, crew) }
    }

    /// The order of nodes that come in order.
    pub fn from_sorted<'z>(nodes: impl Iterator<Item = &'z Node>) -> Self {
        let mut runs = RunBuilder::default();
        for node in nodes {
            runs.push(node);
        }
        Self { runs: runs.finish() }
    }

    /// Puts a node in the place of the one with the same name, or adds it.
    pub fn insert(&mut self, node: Node) {
        if self.runs.is_empty() {
            self.runs.push(Arc::new(vec![node]));
            return;
        }
        let (index, found) = self.position(node.owner());
        let run = Arc::make_mut(&mut self.runs[index]);
        match found {
            Ok(at) => run[at] = node,
            Err(at) => run.insert(at, node),
        }
        if run.len() > RUN_LEN_MAX {
            let upper = run.split_off(run.len() / 2);
            self.runs.insert(index + 1, Arc::new(upper));
        }
    }

    /// Takes the node with this name out.
    pub fn remove(&mut self, name: Name<'_>) {
        if self.runs.is_empty() {
            return;
        }
        let (index, Ok(at)) = self.position(name) else { return };
        let run = Arc::make_mut(&mut self.runs[index]);
        run.remove(at);
        if run.is_empty() {
            self.runs.remove(index);
        }
    }

    /// All names in order, divided into at most this many parts.
    pub fn parts(&self, count: usize) -> Vec<impl Iterator<Item = &Node>> {
        let len = self.runs.len().div_ceil(count.max(1)).max(1);
        self.runs.chunks(len).map(warmed).collect()
    }

    /// All names in order.
    pub fn iter(&self) -> impl Iterator<Item = &Node> {
        warmed(&self.runs)
    }

    /// The first name after `name`, which need not exist.
    pub fn successor(&self, name: Name<'_>) -> Option<&Node> {
        if self.runs.is_empty() {
            return None;
        }
        let (index, found) = self.position(name);
        let at = found.map_or_else(|at| at, |at| at + 1);
        self.runs[index].get(at).or_else(|| self.runs.get(index + 1)?.first())
    }

    /// The name itself or, if it is not there, the last one before it.
    pub fn floor(&self, name: Name<'_>) -> Option<&Node> {
        if self.runs.is_empty() {
            return None;
        }
        let (index, found) = self.position(name);
        match found {
            Ok(at) => self.runs[index].get(at),
            // `position` chose the last run that starts at or before the name, so that only a name
            // before all others has nothing before it in its run.
            Err(at) => self.runs[index].get(at.checked_sub(1)?),
        }
    }

    /// The last name.
    pub fn last(&self) -> Option<&Node> {
        self.runs.last()?.last()
    }

    /// How many runs there are, and how many of them `other` shares.
    #[cfg(test)]
    pub(crate) fn shared_with(&self, other: &Self) -> (usize, usize) {
        let pairs = self.runs.iter().zip(&other.runs);
        (self.runs.len(), pairs.filter(|(mine, theirs)| Arc::ptr_eq(mine, theirs)).count())
    }

    /// The run in which `name` stands or would stand, and where there. Not for an empty order.
    fn position(&self, name: Name<'_>) -> (usize, Result<usize, usize>) {
        let starts_at_or_before =
            |run: &Arc<Vec<Node>>| run.first().is_some_and(|first| first.owner() <= name);
        let index = self.runs.partition_point(starts_at_or_before).saturating_sub(1);
        (index, self.runs[index].binary_search_by(|node| node.owner().cmp(&name)))
    }
}

#[cfg(test)]
mod tests;
