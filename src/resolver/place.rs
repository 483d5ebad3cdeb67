//! Whom a question is asked: the servers of a zone, as far as they are known.

use std::net::{IpAddr, SocketAddr};

use crate::base::time::Now;
use crate::resolver::options::{Route, RouteKind};
use crate::resolver::response::Referral;
use crate::resolver::{Question, Resolver};
use crate::wire::folded::FoldedName;
use crate::wire::name::{Name, NameBuf};
use crate::wire::numbers::Rtype;

/// Servers that are asked.
#[derive(Debug)]
pub(super) struct Place {
    /// The zone that they serve; the root for servers that resolve.
    pub(super) zone: NameBuf,
    /// Their names.
    pub(super) names: Vec<NameBuf>,
    /// Addresses that were told once and for all.
    fixed: Vec<SocketAddr>,
    /// When the delegation ends by which they were found.
    pub(super) until: Option<Now>,
    /// How they are asked, if a route says so.
    pub(super) route: Option<RouteKind>,
}

/// Whether servers that resolve are asked, if there are some for a name.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Forwards {
    /// They are.
    Asked,
    /// They were, and did not help.
    PassedOver,
}

impl Place {
    /// The servers that a referral names. `until` is when its delegation ends.
    pub(super) fn below(referral: &Referral, until: Option<Now>) -> Self {
        let rdatas = referral.servers.rdatas.iter().map(|rdata| &**rdata);
        Self::delegated(referral.servers.owner.as_name(), rdatas, until)
    }

    fn delegated<'r>(
        zone: Name<'_>,
        servers: impl Iterator<Item = &'r [u8]>,
        until: Option<Now>,
    ) -> Self {
        let names = servers.filter_map(|rdata| Name::read(rdata).ok()).map(Name::to_lowercase);
        let (zone, names) = (zone.to_lowercase(), names.collect());
        Self { zone, names, fixed: Vec::new(), until, route: None }
    }

    fn routed(route: &Route) -> Self {
        let zone = match route.kind {
            RouteKind::Stub => route.zone.clone(),
            RouteKind::ForwardOnly | RouteKind::ForwardFirst => NameBuf::root(),
        };
        let (fixed, route) = (route.to.clone(), Some(route.kind));
        Self { zone, names: Vec::new(), fixed, until: None, route }
    }

    /// Whether they resolve.
    pub(super) fn is_forwarded(&self) -> bool {
        matches!(self.route, Some(RouteKind::ForwardOnly | RouteKind::ForwardFirst))
    }
}

impl Resolver {
    /// Where a fetch begins: with the servers of a route, of the closest known zone, or of the root.
    pub(super) fn place_for(&self, now: Now, question: &Question, forwards: Forwards) -> Place {
        // The DS of a zone is its parent's data (RFC 4035 §3.1.4.1).
        let parent = question.name.as_name().parent().filter(|_| question.rtype == Rtype::DS);
        let name = parent.unwrap_or(question.name.as_name());
        let route = self.options.route(name);
        let route =
            route.filter(|route| forwards == Forwards::Asked || route.kind == RouteKind::Stub);
        let cut = self.cache.closest_delegation(now, &FoldedName::new(name));
        match (route, cut) {
            (Some(route), Some(cut)) if route.kind == RouteKind::Stub => {
                // What was learnt below a stub zone leads further.
                if cut.servers.name().is_below(route.zone.as_name()) {
                    Place::delegated(cut.servers.name(), cut.servers.rdatas(), cut.until())
                } else {
                    Place::routed(route)
                }
            }
            (Some(route), _) => Place::routed(route),
            (None, Some(cut)) => {
                Place::delegated(cut.servers.name(), cut.servers.rdatas(), cut.until())
            }
            (None, None) => self.root(),
        }
    }

    fn root(&self) -> Place {
        let port = self.options.port;
        let addresses = self.options.root.iter().flat_map(|(_, addresses)| addresses);
        Place {
            zone: NameBuf::root(),
            names: self.options.root.iter().map(|(name, _)| name.clone()).collect(),
            fixed: addresses.map(|ip| SocketAddr::new(*ip, port)).collect(),
            until: None,
            route: None,
        }
    }

    /// The addresses that are known of servers, each once.
    pub(super) fn addresses(&self, now: Now, place: &Place) -> Vec<SocketAddr> {
        let mut addresses = place.fixed.clone();
        for name in &place.names {
            let folded = FoldedName::new(name.as_name());
            for rtype in self.options.address_types() {
                let Some(hit) = self.cache.find_glue(now, &folded, rtype) else { continue };
                let found = hit.entry.rdatas().filter_map(address);
                let found = found.map(|ip| SocketAddr::new(ip, self.options.port));
                addresses.extend(found.filter(|to| !(self.options.is_forbidden)(*to)));
            }
        }
        let [v4, v6] = self.options.families;
        addresses.retain(|to| if to.is_ipv4() { v4 } else { v6 });
        addresses.sort_unstable();
        addresses.dedup();
        addresses
    }
}

/// The address that record data is.
fn address(rdata: &[u8]) -> Option<IpAddr> {
    let v4 = || <[u8; 4]>::try_from(rdata).ok().map(IpAddr::from);
    v4().or_else(|| <[u8; 16]>::try_from(rdata).ok().map(IpAddr::from))
}
