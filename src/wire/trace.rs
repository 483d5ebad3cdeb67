//! Where the steps of an answer are told, for `why` and for tests.
//!
//! `policy`, `answer` and `resolver` report to a generic `Trace`. Production passes `()`, for which
//! the compiler leaves nothing of it.

use crate::wire::name::Name;
use crate::wire::numbers::{Rcode, Rtype};

/// One step on the way to an answer.
#[derive(Clone, Copy, Debug)]
pub enum Event<'a> {
    /// The zone that is asked for the name.
    Zone(Name<'a>),
    /// The name owns records of the type.
    Answer(Name<'a>, Rtype),
    /// Records of the type at the name have been learnt from others.
    Learnt(Name<'a>, Rtype),
    /// The name is an alias of another one.
    Alias {
        /// The alias.
        owner: Name<'a>,
        /// The name it stands for.
        target: Name<'a>,
    },
    /// A DNAME above the name leads to another one; `None` where that would be too long.
    Redirect {
        /// The name that owns the DNAME.
        owner: Name<'a>,
        /// The name that results.
        target: Option<Name<'a>>,
    },
    /// The wildcard that stands for the name.
    Wildcard(Name<'a>),
    /// The name exists without records of the type.
    NoData(Name<'a>),
    /// The name does not exist; the closest name above that does.
    NameError(Name<'a>),
    /// The zone cut at which another server knows more.
    Referral(Name<'a>),
    /// An alias leads out of our zones.
    Left(Name<'a>),
    /// An alias leads to a name that was there already, or the chain is too long.
    Cut(Name<'a>),
    /// The reply does not fit.
    Truncated,
    /// There is no data, for this reason.
    Refused(Rcode),
}

/// Takes the steps of an answer.
pub trait Trace {
    /// Takes one step.
    fn step(&mut self, event: Event<'_>);
}

impl Trace for () {
    fn step(&mut self, _event: Event<'_>) {}
}

impl Trace for Vec<String> {
    /// Keeps the step as text.
    fn step(&mut self, event: Event<'_>) {
        self.push(format!("{event:?}"));
    }
}
