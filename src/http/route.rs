//! The paths that exist. Nothing that is shown can be changed, so they all take the same methods.

use hyper::Method;

/// The methods of every path, as the header field `Allow` has them.
pub(super) const METHODS: &str = "GET, HEAD";

/// What a path leads to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Route {
    /// Whether the process is alive.
    Health,
    /// Whether questions are answered.
    Ready,
    /// The metrics.
    Metrics,
    /// Nothing.
    Missing,
}

impl Route {
    const KNOWN: [Self; 3] = [Self::Health, Self::Ready, Self::Metrics];

    /// What a path leads to. A path is taken as it is written: nothing is decoded, no dots are
    /// followed.
    pub(super) fn find(path: &str) -> Self {
        let found = Self::KNOWN.into_iter().find(|route| route.pattern() == path);
        found.unwrap_or(Self::Missing)
    }

    /// The pattern of the path, by which requests are counted.
    pub(super) fn pattern(self) -> &'static str {
        match self {
            Self::Health => "/healthz",
            Self::Ready => "/readyz",
            Self::Metrics => "/metrics",
            Self::Missing => "other",
        }
    }

    /// Whether it takes requests of this method. What is missing is so for all of them.
    pub(super) fn takes(self, method: &Method) -> bool {
        self == Self::Missing || matches!(*method, Method::GET | Method::HEAD)
    }
}
