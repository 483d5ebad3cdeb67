//! The configuration of a lab, which no file has.

use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::path::Path;

use crate::app::lab::folder::Folder;
use crate::app::lab::hierarchy::Hierarchy;
use crate::app::lab::views::RESOLVER;
use crate::config::{Config, FilePath, IpVersion, Port, Resolver, ResolverMode};
use crate::policy::acl::{Acl, Prefix};

/// The port of DNS on the Internet, and so in the shell.
pub(super) const DNS_PORT: u16 = 53;

/// The port of HTTP there.
const HTTP_PORT: u16 = 80;

/// The network of the lab's servers.
const SERVERS: Ipv4Addr = Ipv4Addr::new(127, 53, 0, 0);

/// Bits that its addresses share.
const SERVERS_LENGTH: u8 = 16;

/// Who is on this machine.
const LOOPBACK: [Prefix; 2] =
    [Prefix::v4([127, 0, 0, 0], 8), Prefix::v6([0, 0, 0, 0, 0, 0, 0, 1], 128)];

/// What a lab is made of.
#[derive(Clone, Copy)]
pub(super) struct Parts<'p> {
    /// Where it keeps its state.
    pub(super) folder: &'p Folder,
    /// The file of its hints.
    pub(super) hints: &'p Path,
    /// Its zones.
    pub(super) hierarchy: &'p Hierarchy,
}

/// A lab on this machine.
pub(super) fn outside(parts: Parts<'_>, port: u16) -> Config {
    let mut config = Config::built_in();
    config.listen = addresses(parts.hierarchy, port);
    config.state = file(parts.folder.path());
    config.resolver = resolver(parts.hints, port, Acl::new(LOOPBACK));
    config
}

/// A lab that is the Internet of a shell.
pub(super) fn inside(parts: Parts<'_>) -> Config {
    let mut config = outside(parts, DNS_PORT);
    let hosts = parts.hierarchy.hosts();
    let all = hosts.iter().copied().chain([Ipv4Addr::LOCALHOST]);
    config.http.listen = all.map(|host| SocketAddr::from((host, HTTP_PORT))).collect();
    // A program that asks one of these addresses asks from the same one.
    let own = hosts.iter().map(|host| Prefix::v4(host.octets(), 32));
    config.http.allow = Acl::new(LOOPBACK.into_iter().chain(own));
    config.http.names = parts.hierarchy.host_names();
    config
}

/// The addresses of the resolver and the name servers.
fn addresses(hierarchy: &Hierarchy, port: u16) -> Vec<SocketAddr> {
    let servers = hierarchy.servers().into_iter().map(IpAddr::V4);
    let all = RESOLVER.into_iter().chain(servers);
    all.map(|address| SocketAddr::new(address, port)).collect()
}

/// A resolver that begins at the lab's root, and asks the lab's servers and nobody else.
fn resolver(hints: &Path, port: u16, allow: Acl) -> Option<Resolver> {
    Some(Resolver {
        mode: ResolverMode::Recursive,
        allow,
        root_hints: Some(file(hints)),
        priming: true,
        port: Port::new(port.into())?,
        ip: vec![IpVersion::V4],
        source: Vec::new(),
        do_not_query: Acl::new(all_but_servers()),
        qname_minimisation: true,
        case_randomisation: true,
        rebinding_protection: false,
        forward: Vec::new(),
        stub: Vec::new(),
    })
}

/// All addresses but those of the lab's servers: for each bit of their network the addresses that
/// share the bits before it and not this one.
fn all_but_servers() -> impl Iterator<Item = Prefix> {
    let others = (1..=SERVERS_LENGTH).filter_map(|length| {
        let other = Ipv4Addr::from_bits(SERVERS.to_bits() ^ (1 << (32 - u32::from(length))));
        Prefix::around(other.into(), length)
    });
    others.chain([Prefix::v6([0; 8], 0)])
}

fn file(path: &Path) -> FilePath {
    FilePath { path: path.to_owned(), written: path.display().to_string(), place: None }
}

#[cfg(test)]
mod tests {
    use super::all_but_servers;
    use crate::policy::acl::Acl;
    use std::net::IpAddr;

    #[test]
    fn resolver_may_ask_the_servers_of_the_lab_and_nobody_else() {
        let forbidden = Acl::new(all_but_servers());
        let is_forbidden = |address: &str| forbidden.allows(address.parse::<IpAddr>().unwrap());
        for server in ["127.53.0.0", "127.53.0.1", "127.53.0.11", "127.53.255.255"] {
            assert!(!is_forbidden(server), "{server}");
        }
        for other in [
            "127.52.255.255",
            "127.54.0.0",
            "127.0.0.1",
            "0.0.0.0",
            "198.41.0.4",
            "130.216.33.106",
            "255.255.255.255",
            "::1",
            "2001:503:ba3e::2:30",
            "::",
        ] {
            assert!(is_forbidden(other), "{other}");
        }
    }
}
