//! What a resolver is told, at the start and with each reload.
//!
//! Taken as it is: that it makes sense has been checked with the configuration.

use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;

use crate::wire::name::{Name, NameBuf};
use crate::wire::numbers::Rtype;

/// Servers that are asked for a zone, instead of those that its parent names.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Route {
    /// The zone.
    pub zone: NameBuf,
    /// The servers.
    pub to: Vec<SocketAddr>,
    /// How they are asked.
    pub kind: RouteKind,
}

/// How the servers of a route are asked.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum RouteKind {
    /// They resolve, and nobody else is asked.
    ForwardOnly,
    /// They resolve; if none of them does, the zone's own servers are asked.
    ForwardFirst,
    /// They serve the zone, and delegate what is below.
    Stub,
}

/// Addresses that may not be asked.
pub type IsForbidden = Arc<dyn Fn(SocketAddr) -> bool + Send + Sync>;

/// What a resolver is told; nothing of it has a default here.
#[derive(Clone)]
pub struct Options {
    /// The servers of the root, as far as they are known without asking (RFC 9609 §2).
    pub root: Vec<(NameBuf, Vec<IpAddr>)>,
    /// Whether one of these is asked which servers the root has (RFC 9609). Without it nothing is
    /// sent that no question needs.
    pub primes: bool,
    /// Forwarding and stub zones.
    pub routes: Vec<Route>,
    /// Where authoritative servers listen.
    pub port: u16,
    /// Whether servers are asked over IPv4, and over IPv6.
    pub families: [bool; 2],
    /// Whether servers are shown no more of a name than they need (RFC 9156).
    pub minimises: bool,
    /// Whether the letters of names get a random case, so that a forged response has more to guess.
    pub mixes_case: bool,
    /// Whether private addresses are taken out of answers, unless they come from the servers of a
    /// route or from below our own zones: no name of the world's has to lead into our network.
    pub filters_private: bool,
    /// Addresses that are not asked, other than those of routes and of the root's servers.
    pub is_forbidden: IsForbidden,
}

impl Options {
    /// The types of addresses that servers are asked over.
    pub(super) fn address_types(&self) -> impl Iterator<Item = Rtype> + use<> {
        let [v4, v6] = self.families;
        [(Rtype::A, v4), (Rtype::AAAA, v6)]
            .into_iter()
            .filter_map(|(rtype, is_used)| is_used.then_some(rtype))
    }

    /// The zones of routes that are there, or were, and were not the same `before`.
    pub(super) fn changed_routes(&self, before: &Self) -> Vec<NameBuf> {
        let lost = before.routes.iter().filter(|route| !self.routes.contains(route));
        let new = self.routes.iter().filter(|route| !before.routes.contains(route));
        lost.chain(new).map(|route| route.zone.clone()).collect()
    }

    /// The route for the longest zone that `name` is within.
    pub fn route(&self, name: Name<'_>) -> Option<&Route> {
        self.route_among(name, |_| true)
    }

    /// The same, of some routes.
    pub(super) fn route_among(
        &self,
        name: Name<'_>,
        is_meant: impl Fn(&Route) -> bool,
    ) -> Option<&Route> {
        let routes = self.routes.iter().filter(|route| name.is_within(route.zone.as_name()));
        let routes = routes.filter(|route| is_meant(route));
        routes.max_by_key(|route| route.zone.as_name().len())
    }
}

impl std::fmt::Debug for Options {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Options")
            .field("root", &self.root)
            .field("routes", &self.routes)
            .finish_non_exhaustive()
    }
}
