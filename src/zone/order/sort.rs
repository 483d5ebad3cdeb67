//! Sorts the names of a zone, with the help of all that are idle.
//!
//! Each helper sorts a share of the names, and then merges what falls into one stretch of the order
//! out of all shares. Called when a zone has been read.

use std::cmp::Ordering;
use std::sync::Arc;

use crate::wire::name::Name;
use crate::zone::crew::Crew;
use crate::zone::node::{Node, warm};
use crate::zone::order::RunBuilder;

/// A name with its key, which mostly tells it apart without a look at the node.
#[derive(Clone, Copy)]
struct Keyed<'z> {
    key: [u64; 3],
    node: &'z Node,
}

impl Keyed<'_> {
    fn cmp(&self, other: &Self) -> Ordering {
        self.key.cmp(&other.key).then_with(|| self.node.owner().cmp(&other.node.owner()))
    }
}

/// The runs that nodes within `apex` make.
pub(super) fn runs<'z>(
    apex: Name<'_>,
    nodes: impl Iterator<Item = &'z Node>,
    crew: &Crew,
) -> Vec<Arc<Vec<Node>>> {
    let mut keyed: Vec<Keyed<'_>> = nodes.map(|node| Keyed { key: [0; 3], node }).collect();
    let helpers = crew.gather(keyed.len());
    let share = keyed.len().div_ceil(helpers.count()).max(1);
    helpers.map(keyed.chunks_mut(share).collect(), |share| {
        for names in share.chunks_mut(64) {
            warm(names.iter().map(|name| name.node));
            for name in names {
                name.key = name.node.owner().sort_key(apex);
            }
        }
        share.sort_unstable_by(Keyed::cmp);
    });
    let shares: Vec<&[Keyed<'_>]> = keyed.chunks(share).collect();
    let stretches = helpers.map(stretches(&shares, helpers.count()), merge);
    stretches.into_iter().flatten().collect()
}

/// Divides the whole order into this many stretches, each of which has a part of every share.
fn stretches<'s, 'z>(shares: &[&'s [Keyed<'z>]], count: usize) -> Vec<Vec<&'s [Keyed<'z>]>> {
    let mut rests = shares.to_vec();
    let first = shares.first().copied().unwrap_or_default();
    let mut stretches = Vec::with_capacity(count);
    for end in 1..count {
        let Some(end) = first.get(first.len() * end / count) else { break };
        let cut = |rest: &mut &'s [Keyed<'z>]| {
            let (stretch, after) =
                rest.split_at(rest.partition_point(|name| name.cmp(end) == Ordering::Less));
            *rest = after;
            stretch
        };
        stretches.push(rests.iter_mut().map(cut).collect());
    }
    stretches.push(rests);
    stretches
}

/// The runs that sorted parts make together.
fn merge(mut parts: Vec<&[Keyed<'_>]>) -> Vec<Arc<Vec<Node>>> {
    let mut runs = RunBuilder::default();
    parts.retain(|part| !part.is_empty());
    while parts.len() > 1 {
        // There are few parts: as many as CPUs.
        let least = parts.iter_mut().min_by(|a, b| a[0].cmp(&b[0]));
        let Some((name, rest)) = least.and_then(|least| {
            let (name, rest) = least.split_first()?;
            *least = rest;
            Some((name, rest))
        }) else {
            break;
        };
        runs.push(name.node);
        if rest.is_empty() {
            parts.retain(|part| !part.is_empty());
        }
    }
    for name in parts.into_iter().flatten() {
        runs.push(name.node);
    }
    runs.finish()
}
