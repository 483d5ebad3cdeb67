//! The way of a domain's mail, as far as the configuration and our own zones tell.

use std::net::{IpAddr, SocketAddr};

use crate::config::{MailHost, MailRoute, Port};
use crate::mail::address::Domain;
use crate::mail::route::{Host, NoWay, Way};
use crate::net::mail::{Settings, Shared, name_text};
use crate::wire::name::NameBuf;

/// The way of a domain's mail: its route or, without one, the hosts that our zones prefer.
pub(super) fn find(shared: &Shared, domain: &Domain) -> Way {
    let settings = shared.settings.load();
    let name = match domain {
        Domain::Literal(address) => {
            let host = Host { name: domain.to_string(), addresses: vec![at(&settings, *address)] };
            return allowed(&settings, vec![host]);
        }
        Domain::Name(name) => name,
    };
    if let Some(route) = settings.config.routes.iter().find(|route| route.domain == *name) {
        return by_route(shared, route);
    }
    let exchangers = shared.world.snapshot().load().exchangers(name.as_name());
    if exchangers.is_empty() {
        return Way::Unknown("the hosts of the domain are not in the zones of this server".into());
    }
    let hosts = exchangers.into_iter().map(|exchanger| Host {
        name: name_text(&exchanger.host),
        addresses: exchanger.addresses.into_iter().map(|ip| at(&settings, ip)).collect(),
    });
    allowed(&settings, hosts.collect())
}

/// A route may lead anywhere, to this machine too.
fn by_route(shared: &Shared, route: &MailRoute) -> Way {
    let port = number(route.port);
    let (name, addresses) = match &route.host {
        MailHost::Address(address) => (address.to_string(), vec![*address]),
        MailHost::Name(name) => (name_text(name), addresses(shared, name)),
    };
    if addresses.is_empty() {
        return Way::Unknown(format!("the address of {name} is not in the zones of this server"));
    }
    let addresses = addresses.into_iter().map(|ip| SocketAddr::new(ip, port)).collect();
    Way::Hosts(vec![Host { name, addresses }])
}

/// The addresses of a host in our zones.
fn addresses(shared: &Shared, name: &NameBuf) -> Vec<IpAddr> {
    let exchangers = shared.world.snapshot().load().exchangers(name.as_name());
    let own = exchangers.into_iter().filter(|exchanger| exchanger.host == *name);
    own.flat_map(|exchanger| exchanger.addresses).collect()
}

fn at(settings: &Settings, ip: IpAddr) -> SocketAddr {
    SocketAddr::new(ip, number(settings.config.relay_port))
}

fn number(port: Port) -> u16 {
    u16::try_from(port.get()).unwrap_or(u16::MAX)
}

/// Leaves out what nothing is sent to: this machine, its links, and this server.
fn allowed(settings: &Settings, mut hosts: Vec<Host>) -> Way {
    let config = &settings.config;
    let own = [&config.smtp, &config.submission, &config.smtps];
    let is_own = |address: &SocketAddr| own.iter().any(|list| list.contains(address));
    for host in &mut hosts {
        host.addresses.retain(|address| !is_local(address.ip()) && !is_own(address));
    }
    hosts.retain(|host| !host.addresses.is_empty());
    if hosts.is_empty() { Way::None(NoWay::Forbidden) } else { Way::Hosts(hosts) }
}

fn is_local(ip: IpAddr) -> bool {
    match ip.to_canonical() {
        IpAddr::V4(ip) => {
            ip.is_loopback()
                || ip.is_link_local()
                || ip.is_unspecified()
                || ip.is_broadcast()
                || ip.is_multicast()
        }
        IpAddr::V6(ip) => {
            ip.is_loopback()
                || ip.is_unicast_link_local()
                || ip.is_unspecified()
                || ip.is_multicast()
        }
    }
}
