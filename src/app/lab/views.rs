//! The views of the lab: one for each name server, which has its zones and no others, and one for the
//! resolver.
//!
//! Opens no socket. `app::serve` makes its snapshots from these when it serves the lab.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::sync::Arc;

use crate::answer::{View, ZoneState, ZoneTable};
use crate::app::lab::hierarchy::Hierarchy;
use crate::app::zones::Catalog;
use crate::zone::store::Zone;

/// Where the resolver is, where the machine has the address.
pub(super) const RESOLVER: [IpAddr; 2] =
    [IpAddr::V4(Ipv4Addr::LOCALHOST), IpAddr::V6(Ipv6Addr::LOCALHOST)];

/// All views. Each has a port of its own address only; `base` is what they share.
pub(in crate::app) fn views(catalog: &Catalog, port: u16, base: &View) -> Vec<Arc<View>> {
    let hierarchy = Hierarchy::of(catalog);
    let servers = hierarchy.servers();
    let of_servers = servers.iter().map(|&server| {
        let addresses = vec![SocketAddr::from((server, port))];
        View { addresses, zones: table(hierarchy.served_by(server)), ..base.clone() }
    });
    of_servers.chain([resolver_view(&hierarchy, port, base)]).map(Arc::new).collect()
}

/// The view of the resolver. Its reverse tree is the lab's own, or addresses of the lab's servers
/// would have no names: resolvers answer for 127.in-addr.arpa themselves (RFC 6303).
fn resolver_view(hierarchy: &Hierarchy, port: u16, base: &View) -> View {
    let addresses = RESOLVER.map(|address| SocketAddr::new(address, port)).to_vec();
    View { addresses, zones: table(hierarchy.reverse()), ..base.clone() }
}

fn table<'z>(zones: impl Iterator<Item = &'z Arc<Zone>>) -> ZoneTable {
    let mut table = ZoneTable::default();
    for zone in zones {
        table.insert(zone.apex(), ZoneState::Loaded(Arc::clone(zone)));
    }
    table
}
