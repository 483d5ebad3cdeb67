//! Where mail goes from here: what `mail::route` is told, and who asks for it.

use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;

use crate::base::entropy::Entropy;
use crate::config::{self, MailHost};
use crate::mail::address::Domain;
use crate::mail::route::{Route, Rules, Target, Walk, walk};
use crate::net::mail::MailServer;
use crate::net::stub::StubResolver;
use crate::net::upstream::is_here;
use crate::sys::random::SystemEntropy;

/// What ways go by, as a configuration has it.
pub fn rules(config: &config::Mail) -> Rules {
    let port = |port: config::Port| u16::try_from(port.get()).unwrap_or(u16::MAX);
    let listeners = [&config.smtp, &config.submission, &config.smtps];
    let listening: Vec<IpAddr> =
        listeners.into_iter().flatten().map(|address| address.ip().to_canonical()).collect();
    let routes = config.routes.iter().map(|route| Route {
        domain: route.domain.as_name().to_lowercase(),
        to: match &route.host {
            MailHost::Address(address) => Target::Address(*address),
            MailHost::Name(name) => Target::Name(name.as_name().to_lowercase()),
        },
        port: port(route.port),
    });
    Rules {
        hostname: Some(config.hostname.as_name().to_lowercase()),
        port: port(config.relay_port),
        routes: routes.collect(),
        is_ours: Arc::new(move |address| is_ours(&listening, address)),
        scope: config.scope,
    }
}

/// Whether we listen at an address. At a wildcard we do at all addresses of this machine.
fn is_ours(listening: &[IpAddr], address: IpAddr) -> bool {
    let address = address.to_canonical();
    let is_wildcard = |own: &IpAddr| own.is_unspecified() && (own.is_ipv6() || address.is_ipv4());
    listening.contains(&address)
        || (listening.iter().any(is_wildcard) && is_here(SocketAddr::new(address, 1)))
}

/// The way of a domain's mail.
pub async fn way(stub: &StubResolver, rules: &Rules, domain: &Domain) -> Walk {
    let seed = SystemEntropy::default().next_u64();
    stub.find_out(|known| walk(rules, domain, seed, known)).await
}

impl MailServer {
    /// The way of a domain's mail from here.
    pub async fn way(&self, domain: &Domain) -> Walk {
        let settings = self.0.settings.load_full();
        way(&self.0.stub, &settings.rules, domain).await
    }
}
