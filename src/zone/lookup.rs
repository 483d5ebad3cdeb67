//! What a zone says about a question: RFC 1034 §4.3.2 step 3 with RFC 4592 and RFC 6672.
//!
//! Walks from the apex down to the name, because cuts and DNAMEs are found on the path. Chooses and
//! borrows; writing the reply is the answer's part. Follows no alias: the caller does.

use crate::wire::folded::FoldedName;
use crate::wire::numbers::Rtype;
use crate::zone::node::{Node, Set};
use crate::zone::store::Zone;

/// Names of a path, from the lowest, whose nodes are kept: few names have more labels below an apex.
const LOWEST_MAX: usize = 3;

/// What a zone says about a question; no other cases exist.
#[derive(Clone, Copy, Debug)]
pub enum Lookup<'z> {
    /// The name, or the wildcard that covers it, owns records of the type.
    Answer {
        /// The records.
        set: Set<'z>,
        /// Where they come from.
        source: Source<'z>,
    },
    /// All types were asked for, and the name or its wildcard owns some.
    All {
        /// The node that owns them.
        node: &'z Node,
        /// Where they come from.
        source: Source<'z>,
    },
    /// Signatures were asked for, and the name or its wildcard owns some, each set apart.
    Signatures {
        /// The node that owns them.
        node: &'z Node,
        /// Where they come from.
        source: Source<'z>,
    },
    /// The name is an alias, and the alias itself was not asked for.
    Alias {
        /// The CNAME set.
        set: Set<'z>,
        /// Where it comes from.
        source: Source<'z>,
    },
    /// A name above the one asked for redirects all that is below it (RFC 6672).
    Redirect {
        /// The name that owns the DNAME.
        node: &'z Node,
        /// The DNAME set.
        set: Set<'z>,
        /// Labels of the name that owns it.
        depth: usize,
    },
    /// The name exists, perhaps only as a parent of other names or through a wildcard, without
    /// records of the type.
    NoData {
        /// What makes the name exist.
        source: Source<'z>,
    },
    /// Neither the name nor a wildcard covers the question.
    NameError {
        /// The closest name above that exists (RFC 4592 §3.3.1).
        encloser: &'z Node,
        /// Labels of that name.
        depth: usize,
    },
    /// The name lies at or below a zone cut.
    Referral {
        /// The node of the cut, which owns NS records.
        cut: &'z Node,
    },
}

/// What makes a name exist.
#[derive(Clone, Copy, Debug)]
pub enum Source<'z> {
    /// The name itself is in the zone.
    Name(&'z Node),
    /// A wildcard stands for it (RFC 4592 §3.3).
    Wildcard(&'z Node),
}

impl<'z> Source<'z> {
    /// The node in the zone.
    pub fn node(self) -> &'z Node {
        match self {
            Self::Name(node) | Self::Wildcard(node) => node,
        }
    }
}

/// The nodes that a name and those above it in a zone likely have: those of the lowest names, and that
/// of the name right below the apex, where the zone cut mostly is. Those in between are few.
#[derive(Clone, Copy, Debug, Default)]
pub struct Path<'z> {
    /// By labels dropped.
    lowest: [Option<&'z Node>; LOWEST_MAX],
    /// That of the name right below the apex, if that is not among the lowest.
    first: Option<&'z Node>,
    /// Labels of the name below the apex.
    below_apex: usize,
}

impl<'z> Path<'z> {
    /// The path to a name with so many labels below the apex. `find` tells the node of a name above,
    /// given how many labels it lacks.
    pub(super) fn new(below_apex: usize, find: impl Fn(usize) -> Option<&'z Node>) -> Self {
        let mut lowest = [None; LOWEST_MAX];
        for (dropped, node) in lowest.iter_mut().enumerate().take(below_apex) {
            *node = find(dropped);
        }
        let first = if below_apex > LOWEST_MAX { find(below_apex - 1) } else { None };
        Self { lowest, first, below_apex }
    }

    /// The path to the apex.
    pub(super) fn to_apex(apex: &'z Node) -> Self {
        let mut lowest = [None; LOWEST_MAX];
        lowest[0] = Some(apex);
        Self { lowest, first: None, below_apex: 0 }
    }

    /// The node of the name without its first `dropped` labels, if that is known.
    pub fn at(&self, dropped: usize) -> Option<&'z Node> {
        match self.lowest.get(dropped) {
            Some(node) => *node,
            None if dropped + 1 == self.below_apex => self.first,
            None => None,
        }
    }

    /// All nodes that are known, the highest name first.
    pub fn nodes(&self) -> impl Iterator<Item = &'z Node> + Clone + use<'z> {
        self.first.into_iter().chain(self.lowest.into_iter().rev().flatten())
    }
}

impl Zone {
    /// What the zone says about records of `rtype` at `name`, which must be within the zone.
    pub fn lookup(&self, name: &FoldedName, rtype: Rtype) -> Lookup<'_> {
        self.lookup_along(&Path::default(), name, rtype)
    }

    /// The same, given the zone's guess at the path to `name`.
    pub fn lookup_along<'z>(
        &'z self,
        path: &Path<'z>,
        name: &FoldedName,
        rtype: Rtype,
    ) -> Lookup<'z> {
        let mut node = self.apex_node();
        let below_apex = name.label_count().saturating_sub(self.depth());
        for dropped in (0..below_apex).rev() {
            let depth = name.label_count() - dropped - 1;
            if node.has_dname()
                && let Some(set) = node.find(Rtype::DNAME)
            {
                return Lookup::Redirect { node, set, depth };
            }
            let suffix = name.suffix(dropped);
            let guessed = path.at(dropped).filter(|node| node.is_named(suffix));
            let found = guessed.or_else(|| self.find(name.hash(dropped), suffix));
            let Some(found) = found.filter(|node| !self.is_hidden(node)) else {
                let parent = (name.hash(dropped + 1), name.suffix(dropped + 1));
                return match self.find_wildcard(parent.0, parent.1) {
                    Some(wildcard) => at_node(Source::Wildcard(wildcard), rtype),
                    None => Lookup::NameError { encloser: node, depth },
                };
            };
            node = found;
            // The DS of a cut is the parent's data (RFC 4035 §3.1.4.1).
            let is_ds_of_cut = dropped == 0 && rtype == Rtype::DS;
            if node.is_cut() && !is_ds_of_cut {
                return Lookup::Referral { cut: node };
            }
        }
        at_node(Source::Name(node), rtype)
    }

    /// Whether a name is there for its NSEC3 records alone (RFC 5155 §7.2.8), and has no names below
    /// it for which it must exist.
    fn is_hidden(&self, node: &Node) -> bool {
        node.is_hashed() && !self.has_descendants(node.owner())
    }
}

/// What the zone says once the node that answers is known.
fn at_node(source: Source<'_>, rtype: Rtype) -> Lookup<'_> {
    let node = source.node();
    if node.is_hashed() {
        return Lookup::NoData { source };
    }
    if rtype == Rtype::ANY {
        return if node.is_empty() {
            Lookup::NoData { source }
        } else if node.sets().all(|set| set.rtype() == Rtype::RRSIG) {
            Lookup::Signatures { node, source }
        } else {
            Lookup::All { node, source }
        };
    }
    if rtype == Rtype::RRSIG && node.sets().any(|set| set.rtype() == rtype) {
        return Lookup::Signatures { node, source };
    }
    if let Some(set) = node.find(rtype) {
        return Lookup::Answer { set, source };
    }
    match node.find(Rtype::CNAME) {
        Some(set) if !node.is_cut() => Lookup::Alias { set, source },
        Some(_) | None => Lookup::NoData { source },
    }
}
