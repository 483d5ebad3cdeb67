//! The views of the lab: one for each name server, which has its zones and no others, and one for the
//! resolver.
//!
//! Opens no socket. `app::serve` makes its snapshots from these when it serves the lab.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::sync::Arc;

use crate::answer::{ResolverRole, View, ZoneState, ZoneTable};
use crate::app::lab::hierarchy::Hierarchy;
use crate::app::zones::Catalog;
use crate::zone::store::Zone;

/// Where the resolver is, where the machine has the address.
pub(super) const RESOLVER: [IpAddr; 2] =
    [IpAddr::V4(Ipv4Addr::LOCALHOST), IpAddr::V6(Ipv6Addr::LOCALHOST)];

/// What the views are made from besides the zones.
pub(in crate::app) struct Plan {
    /// The port of all servers.
    pub(in crate::app) port: u16,
    /// What the views have in common.
    pub(in crate::app) base: View,
    /// What the resolver gives its clients.
    pub(in crate::app) resolver: Option<ResolverRole>,
}

impl Plan {
    /// All views. Each is for one address and port, that of the resolver for one of each family.
    pub(in crate::app) fn views(&self, catalog: &Catalog) -> Vec<Arc<View>> {
        let hierarchy = Hierarchy::of(catalog);
        let servers = hierarchy.servers();
        let of_servers = servers.iter().map(|&server| {
            let addresses = vec![SocketAddr::from((server, self.port))];
            View { addresses, zones: table(hierarchy.served_by(server)), ..self.base.clone() }
        });
        of_servers.chain([self.resolver_view(&hierarchy)]).map(Arc::new).collect()
    }

    /// The view of the resolver. Its reverse tree is the lab's own, or addresses of the lab's servers
    /// would have no names: resolvers answer for 127.in-addr.arpa themselves (RFC 6303).
    fn resolver_view(&self, hierarchy: &Hierarchy) -> View {
        let addresses = RESOLVER.map(|address| SocketAddr::new(address, self.port)).to_vec();
        let (zones, resolver) = (table(hierarchy.reverse()), self.resolver.clone());
        View { addresses, zones, resolver, ..self.base.clone() }
    }
}

fn table<'z>(zones: impl Iterator<Item = &'z Arc<Zone>>) -> ZoneTable {
    let mut table = ZoneTable::default();
    for zone in zones {
        table.insert(zone.apex(), ZoneState::Loaded(Arc::clone(zone)));
    }
    table
}
