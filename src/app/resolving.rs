//! The resolver as the configuration wants it: for whom, how far, and whom it may ask.

use std::net::{SocketAddr, UdpSocket};
use std::sync::Arc;

use crate::answer::{Reach, ResolverRole, Routed, Snapshot, reserved};
use crate::app::hints::{self, Hints};
use crate::base::diagnostic::Diagnostics;
use crate::base::time::Ttl;
use crate::cache::{Cache, Limits};
use crate::config::{self, Config, IpVersion, ResolverMode, is_no_servers};
use crate::metrics::{CacheTotals, Resolving as Counted};
use crate::net::World;
use crate::net::upstream::{Setup, Upstream};
use crate::resolver::{Options, Route, RouteKind};

/// What the resolver of a configuration has besides it.
#[derive(Clone, Debug)]
pub(super) struct Resolving {
    /// What has been learnt. Lasts from one configuration to the next.
    cache: Cache,
    /// Octets it may take.
    size: u64,
    hints: Hints,
}

impl Resolving {
    /// What the configuration asks for; `None` if it wants no resolver. The cache of `previous` goes
    /// on if it may have the same size.
    ///
    /// # Errors
    ///
    /// Fails if the root hints cannot be used.
    pub(super) fn of(
        config: &Config,
        previous: Option<&Self>,
    ) -> Result<Option<Self>, Diagnostics> {
        let Some(resolver) = &config.resolver else { return Ok(None) };
        let hints = match &resolver.root_hints {
            Some(file) => hints::read(file)?,
            None => hints::built_in(),
        };
        let size = config.cache.size.octets();
        let limits = limits(&config.cache);
        let kept = previous.filter(|previous| previous.size == size);
        let cache = match kept {
            Some(previous) => previous.cache.with_limits(limits),
            None => Cache::of_size(size, limits),
        };
        Ok(Some(Self { cache, size, hints }))
    }

    /// What the view gives its clients.
    pub(super) fn role(&self, resolver: &config::Resolver) -> ResolverRole {
        let forwards = resolver.forward.iter().map(|forward| (&forward.zone, true));
        let stubs = resolver.stub.iter().map(|stub| (&stub.zone, false));
        let routes = forwards.chain(stubs);
        ResolverRole {
            allow: resolver.allow.clone(),
            reach: match resolver.mode {
                ResolverMode::Recursive | ResolverMode::Forward => Reach::Answers,
                ResolverMode::Referral | ResolverMode::Off => Reach::Referrals,
            },
            cache: self.cache.clone(),
            reserved: reserved::zones(),
            routes: routes
                .map(|(zone, is_forwarded)| Routed { zone: zone.clone(), is_forwarded })
                .collect(),
            hints: Arc::clone(&self.hints),
        }
    }

    /// How other servers are asked, for the first view of the snapshot that has a resolver; `None` if
    /// none are.
    pub(super) fn setup(
        &self,
        config: &Config,
        snapshot: &Snapshot,
        listening: &[SocketAddr],
    ) -> Option<Setup> {
        let view = snapshot.views.iter().find(|view| view.resolver.is_some())?;
        let resolver = config.resolver.as_ref()?;
        if matches!(resolver.mode, ResolverMode::Referral | ResolverMode::Off) {
            return None;
        }
        // Other views answer at other addresses: those may be asked like any server.
        let is_own =
            |address: &&SocketAddr| view.addresses.is_empty() || view.addresses.contains(address);
        let listening: Vec<SocketAddr> = listening.iter().filter(is_own).copied().collect();
        let wildcards = listening.iter().filter(|address| address.ip().is_unspecified());
        Some(Setup {
            options: self.options(resolver, &listening),
            cache: self.cache.clone(),
            local: Arc::clone(view) as Arc<dyn crate::cache::Local>,
            sources: resolver.source.clone(),
            wildcards: wildcards.copied().collect(),
        })
    }

    fn options(&self, resolver: &config::Resolver, listening: &[SocketAddr]) -> Options {
        let uses = |version| resolver.ip.contains(&version);
        let port = u16::try_from(resolver.port.get()).unwrap_or(u16::MAX);
        // Whoever asked itself would go round in a circle.
        let is_other = |to: &SocketAddr| !listening.contains(to) && !is_no_servers(to.ip());
        let others =
            |to: &[SocketAddr]| to.iter().copied().filter(is_other).collect::<Vec<SocketAddr>>();
        let root = self.hints.iter().map(|(name, addresses)| {
            let asked = addresses.iter().copied();
            let asked = asked.filter(|address| is_other(&SocketAddr::new(*address, port)));
            (name.clone(), asked.collect())
        });
        let forwards = resolver.forward.iter().map(|forward| Route {
            zone: forward.zone.clone(),
            to: others(&forward.to),
            kind: if forward.only { RouteKind::ForwardOnly } else { RouteKind::ForwardFirst },
        });
        let stubs = resolver.stub.iter().map(|stub| Route {
            zone: stub.zone.clone(),
            to: others(&stub.to),
            kind: RouteKind::Stub,
        });
        let refused = resolver.do_not_query.clone();
        let own: Arc<[SocketAddr]> = listening.into();
        Options {
            root: root.collect(),
            routes: forwards.chain(stubs).collect(),
            port,
            families: [uses(IpVersion::V4), uses(IpVersion::V6)],
            minimises: resolver.qname_minimisation,
            mixes_case: resolver.case_randomisation,
            primes: resolver.priming,
            filters_private: resolver.rebinding_protection,
            is_forbidden: Arc::new(move |to| {
                own.contains(&to) || is_no_servers(to.ip()) || refused.allows(to.ip())
            }),
        }
    }
}

/// Whether requests can leave from the addresses that the configuration names.
///
/// # Errors
///
/// Fails with the first address from which they cannot.
pub(super) fn check_sources(config: &Config) -> Result<(), String> {
    let sources = config.resolver.iter().flat_map(|resolver| &resolver.source);
    for source in sources {
        UdpSocket::bind((*source, 0)).map_err(|error| {
            format!("cannot ask other servers from {source} (`resolver.source`): {error}")
        })?;
    }
    Ok(())
}

fn limits(cache: &config::Cache) -> Limits {
    Limits {
        min_ttl: Ttl::learnt(cache.min_ttl.as_secs()),
        max_ttl: Ttl::learnt(cache.max_ttl.as_secs()),
        max_negative_ttl: Ttl::learnt(cache.max_negative_ttl.as_secs()),
        max_stale: Ttl::learnt(cache.max_stale.as_secs()),
    }
}

/// What can be counted of resolving, with each scrape.
pub(super) fn counts(world: &Arc<World>) -> Counted {
    let counters = world.upstream().map(|upstream| upstream.counters().clone());
    let (of_queries, of_cache) = (Arc::clone(world), Arc::clone(world));
    Counted {
        counters: counters.unwrap_or_default(),
        inflight: Box::new(move || of_queries.upstream().map_or(0, Upstream::inflight)),
        cache: Box::new(move || {
            let snapshot = of_cache.snapshot().load();
            let role = snapshot.views.iter().find_map(|view| view.resolver.as_ref());
            let Some(counts) = role.map(|role| role.cache.counts()) else {
                return CacheTotals::default();
            };
            CacheTotals {
                entries: counts.entries,
                octets: counts.octets,
                evictions: counts.evictions,
            }
        }),
    }
}

#[cfg(test)]
mod tests;
