//! Who serves what in the lab, as its zones themselves say it.
//!
//! Starts nothing. What the views, the hints and the words of the lab are made from.

use std::collections::BTreeSet;
use std::net::Ipv4Addr;
use std::sync::Arc;

use crate::app::zones::Catalog;
use crate::wire::folded::FoldedName;
use crate::wire::name::{Name, NameBuf};
use crate::wire::numbers::{Class, Rtype};
use crate::zone::file::print;
use crate::zone::file::reader::Record;
use crate::zone::node::Node;
use crate::zone::store::Zone;

/// The top of the reverse tree, in wire form.
const ARPA: &[u8] = b"\x04arpa\0";

/// A zone of the lab, and the address of its name server.
#[derive(Debug)]
pub(super) struct Served {
    pub(super) zone: Arc<Zone>,
    pub(super) server: Ipv4Addr,
}

/// The zones of the lab from the root down.
#[derive(Debug)]
pub(super) struct Hierarchy {
    zones: Vec<Served>,
}

impl Hierarchy {
    /// The hierarchy that these zones are.
    pub(super) fn of(catalog: &Catalog) -> Self {
        let zones = catalog.entries.iter().filter_map(|entry| {
            let zone = entry.zone.clone()?;
            let server = server_of(&zone)?;
            Some(Served { zone, server })
        });
        let mut zones: Vec<Served> = zones.collect();
        zones.sort_by_key(|served| (served.zone.depth(), served.server));
        Self { zones }
    }

    /// The addresses of the name servers.
    pub(super) fn servers(&self) -> BTreeSet<Ipv4Addr> {
        self.zones.iter().map(|served| served.server).collect()
    }

    /// The zones of one of them.
    pub(super) fn served_by(&self, server: Ipv4Addr) -> impl Iterator<Item = &Arc<Zone>> {
        self.zones.iter().filter(move |served| served.server == server).map(|served| &served.zone)
    }

    /// The zones of the reverse tree.
    pub(super) fn reverse(&self) -> impl Iterator<Item = &Arc<Zone>> {
        let is_reverse =
            |zone: &&Arc<Zone>| Name::read(ARPA).is_ok_and(|arpa| zone.apex().is_within(arpa));
        self.zones.iter().map(|served| &served.zone).filter(is_reverse)
    }

    /// The zones that lead to a name, from the root down.
    pub(super) fn path_to(&self, name: Name<'_>) -> impl Iterator<Item = &Served> {
        self.zones.iter().filter(move |served| name.is_within(served.zone.apex()))
    }

    /// Where a resolver of the lab begins, in master-file form: the root's servers with their
    /// addresses.
    pub(super) fn hints(&self) -> String {
        let mut text = String::new();
        for root in self.zones.iter().filter(|served| served.zone.apex().is_root()) {
            write_set(&mut text, root.zone.apex_node(), Rtype::NS);
            for server in servers(&root.zone) {
                write_set(&mut text, server, Rtype::A);
            }
        }
        text
    }

    /// The addresses of the lab's hosts, those of its name servers left out: the ones that no machine
    /// has by itself.
    pub(super) fn hosts(&self) -> BTreeSet<Ipv4Addr> {
        self.nodes().flat_map(addresses).filter(|address| !address.is_loopback()).collect()
    }

    /// The names of these hosts, the other names of hosts included.
    pub(super) fn host_names(&self) -> Vec<NameBuf> {
        let is_host = |node: &&Node| {
            let has_address = addresses(node).any(|address| !address.is_loopback());
            (has_address || node.find(Rtype::CNAME).is_some()) && !node.owner().is_wildcard()
        };
        self.nodes().filter(is_host).map(|node| node.owner().to_buf()).collect()
    }

    fn nodes(&self) -> impl Iterator<Item = &Node> {
        self.zones.iter().flat_map(|served| served.zone.nodes())
    }
}

/// The address of the first name server of a zone.
fn server_of(zone: &Zone) -> Option<Ipv4Addr> {
    servers(zone).flat_map(addresses).next()
}

/// The nodes of a zone's own name servers, as far as the zone has them.
fn servers(zone: &Zone) -> impl Iterator<Item = &Node> {
    let names = zone.apex_node().find(Rtype::NS).into_iter().flat_map(|set| set.records());
    names.filter_map(move |name| zone.find_folded(&FoldedName::new(Name::read(name).ok()?)))
}

/// The IPv4 addresses of a name.
fn addresses(node: &Node) -> impl Iterator<Item = Ipv4Addr> {
    let records = node.find(Rtype::A).into_iter().flat_map(|set| set.records());
    records.filter_map(|octets| octets.first_chunk().map(|octets: &[u8; 4]| (*octets).into()))
}

/// Writes the records of one type at a name, one a line.
fn write_set(text: &mut String, node: &Node, rtype: Rtype) {
    let Some(set) = node.find(rtype) else { return };
    for rdata in set.records() {
        let (owner, ttl, class) = (node.owner(), set.ttl(), Class::IN);
        // Writing into a string does not fail.
        let written = print::write_record(text, &Record { owner, ttl, class, rtype, rdata });
        debug_assert!(written.is_ok(), "a record could not be written");
    }
}

#[cfg(test)]
mod tests;
