//! Our own zones as a resolution sees them: whose a name is, and where servers of ours are.

use std::net::IpAddr;

use crate::answer::role::is_ds_of_apex;
use crate::answer::snapshot::{View, ZoneState};
use crate::cache::{Local, LocalCut, Owned};
use crate::wire::folded::FoldedName;
use crate::wire::name::{Name, NameBuf};
use crate::wire::numbers::Rtype;
use crate::wire::rdata;
use crate::zone::lookup::Lookup;
use crate::zone::node::Node;
use crate::zone::store::Zone;

impl Local for View {
    fn owner_of(&self, name: &FoldedName, rtype: Rtype) -> Owned {
        match self.zones.find(name, rtype) {
            // The answer says that it is broken.
            Some(ZoneState::Broken) => Owned::Yes,
            Some(ZoneState::Loaded(zone)) if is_ds_of_apex(zone, rtype, name) => Owned::No,
            Some(ZoneState::Loaded(zone)) => {
                let cut = cut(zone, name, rtype);
                cut.map_or(Owned::Yes, |cut| Owned::Cut(delegation(zone, cut)))
            }
            None => {
                let role = self.resolver.as_ref();
                let reserved = role.and_then(|role| role.reserved(name, rtype));
                if reserved.is_some() { Owned::Yes } else { Owned::No }
            }
        }
    }

    fn addresses(&self, name: &FoldedName) -> Vec<IpAddr> {
        let Some(ZoneState::Loaded(zone)) = self.zones.find(name, Rtype::A) else {
            return Vec::new();
        };
        match zone.lookup(name, Rtype::A) {
            Lookup::Answer { source, .. } | Lookup::NoData { source } => {
                addresses_of(source.node()).collect()
            }
            Lookup::Referral { .. }
            | Lookup::All { .. }
            | Lookup::Signatures { .. }
            | Lookup::Alias { .. }
            | Lookup::Redirect { .. }
            | Lookup::NameError { .. } => Vec::new(),
        }
    }
}

/// Where a zone of ours delegates a name to others, if it does.
pub(super) fn cut<'z>(zone: &'z Zone, name: &FoldedName, rtype: Rtype) -> Option<&'z Node> {
    match zone.lookup(name, rtype) {
        Lookup::Referral { cut } => Some(cut),
        Lookup::Answer { .. }
        | Lookup::All { .. }
        | Lookup::Signatures { .. }
        | Lookup::Alias { .. }
        | Lookup::Redirect { .. }
        | Lookup::NoData { .. }
        | Lookup::NameError { .. } => None,
    }
}

/// What a zone says of one that it delegates.
fn delegation(zone: &Zone, cut: &Node) -> LocalCut {
    let mut servers: Vec<NameBuf> = Vec::new();
    let mut glue = Vec::new();
    for (rdata, hash) in cut.servers(0) {
        let Ok(server) = Name::read(rdata) else { continue };
        if let Some(node) = zone.find(hash, server) {
            glue.extend(addresses_of(node).map(|address| (server.to_lowercase(), address)));
        }
        servers.push(server.to_lowercase());
    }
    LocalCut { zone: cut.owner().to_lowercase(), servers, glue }
}

/// The addresses that a node owns.
fn addresses_of(node: &Node) -> impl Iterator<Item = IpAddr> {
    let sets = [Rtype::A, Rtype::AAAA].into_iter().filter_map(|rtype| node.find(rtype));
    sets.flat_map(|set| set.records()).filter_map(rdata::address)
}
