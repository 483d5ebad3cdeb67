//! From the configuration of a scenario to a server.
//!
//! Keys are those of unbound.conf, as far as they mean something here, and some of our own that begin
//! with `kereru-`. What cannot be done is listed, so that nothing is played that means something else.

use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;

use crate::answer::{
    AnswerOptions, AnyPolicy, Reach, ResolverRole, Routed, View, ZoneState, ZoneTable, reserved,
};
use crate::base::diagnostic::Severity;
use crate::base::time::{Ttl, Wall};
use crate::cache::{Cache, Limits, Table};
use crate::policy::acl::{Acl, Prefix};
use crate::resolver::{Options, Route, RouteKind};
use crate::sim::script::{Clause, Config, Scenario, Setting};
use crate::wire::name::{Name, NameBuf};
use crate::zone::crew::Crew;
use crate::zone::file::source::Texts;
use crate::zone::load::{Apex, Means, load};

/// Entries of the cache: more than a scenario brings.
const CACHE_ENTRIES: usize = 1 << 16;

/// The port of servers without another.
const PORT: u16 = 53;

/// Keys of `server` that only say how something is done or logged, or what is the case here anyway.
const WITHOUT_MEANING: [&str; 42] = [
    "access-control",
    "chroot",
    "directory",
    "discard-timeout",
    "disable-edns-do",
    "dns-error-reporting",
    "do-not-query-localhost",
    "ede",
    "ede-serve-expired",
    "fake-dsa",
    "fake-sha1",
    "harden-algo-downgrade",
    "harden-below-nxdomain",
    "harden-dnssec-stripped",
    "harden-glue",
    "harden-large-queries",
    "harden-referral-path",
    "harden-unknown-additional",
    "harden-unverified-glue",
    "infra-keep-probing",
    "iter-scrub-cname",
    "iter-scrub-ns",
    "iter-scrub-promiscuous",
    "log-servfail",
    "log-time-ascii",
    "max-global-quota",
    "module-config",
    "msg-cache-size",
    "msg-cache-slabs",
    "num-threads",
    "outbound-msg-retry",
    "prefetch",
    "qname-minimisation-strict",
    "root-key-sentinel",
    "rrset-cache-size",
    "target-fetch-policy",
    "trust-anchor-signaling",
    "unblock-lan-zones",
    "use-syslog",
    "val-log-level",
    "val-override-date",
    "verbosity",
];

/// Why there is no server for a scenario.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Unready {
    /// The scenario asks for what is not offered: these things.
    NotOffered(Vec<String>),
    /// The scenario is wrong: these are the reasons.
    Faulty(Vec<String>),
}

/// What the configuration has said so far.
pub(super) struct Setup {
    zones: ZoneTable,
    /// Reserved names, none if the scenario does not ask for them: many use `test.` for the world.
    reserved: ZoneTable,
    options: AnswerOptions,
    resolver: Options,
    /// Whether there are servers to ask.
    resolves: bool,
    reach: Reach,
    allow: Vec<Prefix>,
    limits: Limits,
    not_offered: Vec<String>,
    faults: Vec<String>,
}

impl Setup {
    /// What a scenario says.
    pub(super) fn read(scenario: &Scenario) -> Result<Self, Unready> {
        let mut setup = Self::default();
        for clause in &scenario.config.clauses {
            match clause.name.as_str() {
                "server" => clause.settings.iter().for_each(|setting| setup.set(setting)),
                "auth-zone" => setup.add_zone(clause, &scenario.config),
                "stub-zone" => setup.add_route(clause, RouteKind::Stub),
                "forward-zone" => setup.add_route(clause, RouteKind::ForwardOnly),
                name => setup.not_offered.push(format!("{name}:")),
            }
        }
        Ok(setup)
    }

    /// The view, and what its resolver is told if it has one.
    pub(super) fn finish(self) -> Result<(View, Option<Options>), Unready> {
        if !self.not_offered.is_empty() {
            return Err(Unready::NotOffered(self.not_offered));
        }
        if !self.faults.is_empty() {
            return Err(Unready::Faulty(self.faults));
        }
        let Self { zones, reserved, options, resolver, resolves, reach, allow, limits, .. } = self;
        let role = resolves.then(|| ResolverRole {
            allow: Acl::new(allow),
            reach,
            cache: Cache::new(Box::new(Table::new(CACHE_ENTRIES)), limits),
            reserved,
            routes: resolver
                .routes
                .iter()
                .map(|route| Routed {
                    zone: route.zone.clone(),
                    is_forwarded: route.kind != RouteKind::Stub,
                })
                .collect(),
            hints: resolver.root.clone().into(),
        });
        let asks = resolves && reach == Reach::Answers;
        let view = View { zones, options, resolver: role, ..View::default() };
        Ok((view, asks.then_some(resolver)))
    }

    /// Takes a setting of `server`.
    fn set(&mut self, setting: &Setting) {
        let Setting { key, values, line } = setting;
        let [value] = &values[..] else {
            if !WITHOUT_MEANING.contains(&key.as_str()) {
                self.not_offered.push(format!("server: {key}"));
            }
            return;
        };
        let known = match key.as_str() {
            "minimal-responses" => switch(value).map(|on| self.options.minimal_responses = on),
            "rrset-roundrobin" => switch(value).map(|on| self.options.rotate_answers = on),
            "deny-any" => switch(value).map(|on| {
                self.options.any = if on { AnyPolicy::Minimal } else { AnyPolicy::Full };
            }),
            "qname-minimisation" => switch(value).map(|on| self.resolver.minimises = on),
            "use-caps-for-id" => switch(value).map(|on| self.resolver.mixes_case = on),
            "do-ip4" => switch(value).map(|on| self.resolver.families[0] = on),
            "do-ip6" => switch(value).map(|on| self.resolver.families[1] = on),
            "cache-max-ttl" => ttl(value).map(|ttl| self.limits.max_ttl = ttl),
            "cache-min-ttl" => ttl(value).map(|ttl| self.limits.min_ttl = ttl),
            "cache-max-negative-ttl" => ttl(value).map(|ttl| self.limits.max_negative_ttl = ttl),
            "serve-expired" => switch(value).map(|on| {
                self.limits.max_stale = if on { Ttl::MAX } else { Ttl::default() };
            }),
            "serve-expired-ttl" => ttl(value).map(|ttl| self.limits.max_stale = ttl),
            "kereru-mode" => reach(value).map(|reach| self.reach = reach),
            "kereru-allow" => Prefix::parse(value).ok().map(|prefix| self.allow = vec![prefix]),
            "kereru-priming" => switch(value).map(|on| self.resolver.primes = on),
            "kereru-reserved" => switch(value).map(|on| {
                self.reserved = if on { reserved::zones() } else { ZoneTable::default() };
            }),
            "kereru-rebinding-protection" => {
                switch(value).map(|on| self.resolver.filters_private = on)
            }
            key if WITHOUT_MEANING.contains(&key) => Some(()),
            key => return self.not_offered.push(format!("server: {key}")),
        };
        if known.is_none() {
            self.faults.push(format!("line {line}: {key} cannot be {value}"));
        }
    }

    /// Takes a zone for which servers are named.
    fn add_route(&mut self, clause: &Clause, kind: RouteKind) {
        let (mut zone, mut to, mut kind) = (None, Vec::new(), kind);
        for Setting { key, values, line } in &clause.settings {
            let value = values.first().map_or("", String::as_str);
            match key.as_str() {
                "name" => zone = NameBuf::from_text(value.as_bytes(), Some(Name::ROOT)).ok(),
                "stub-addr" | "forward-addr" => match server(value) {
                    Some(server) => to.push(server),
                    None => self.faults.push(format!("line {line}: {value} is no address")),
                },
                "stub-prime" | "stub-no-cache" | "forward-no-cache" if value == "no" => (),
                "forward-first" | "stub-first" if value == "no" => (),
                "forward-first" => kind = RouteKind::ForwardFirst,
                "stub-prime" if self.is_root(zone.as_ref()) => self.resolver.primes = true,
                key => self.not_offered.push(format!("{}: {key}", clause.name)),
            }
        }
        let Some(zone) = zone else {
            let line = clause.line;
            return self.faults.push(format!("line {line}: a {} needs a name", clause.name));
        };
        self.resolves = true;
        if kind == RouteKind::Stub && self.is_root(Some(&zone)) {
            // The servers of the root, of which only the addresses are known.
            let name = NameBuf::from_text(b"root.kereru-scenario", Some(Name::ROOT));
            let addresses = to.iter().map(SocketAddr::ip).collect();
            self.resolver.root.extend(name.ok().map(|name| (name, addresses)));
        } else {
            self.resolver.routes.push(Route { zone, to, kind });
        }
    }

    fn is_root(&self, zone: Option<&NameBuf>) -> bool {
        zone.is_some_and(|zone| zone.as_name().is_root())
    }

    fn add_zone(&mut self, clause: &Clause, config: &Config) {
        let mut name = None;
        let mut file = None;
        for Setting { key, values, .. } in &clause.settings {
            match (key.as_str(), values.as_slice()) {
                ("name", [value]) => name = Some(value),
                ("zonefile", [value]) => file = Some(value),
                // Who asks is a client, and there is no other way to answer it.
                ("for-downstream", [value]) if value == "yes" => (),
                ("for-upstream", [_]) => (),
                ("fallback-enabled", [value]) if value == "no" => (),
                (key, values) => {
                    self.not_offered.push(format!("auth-zone: {key} {}", values.join(" ")));
                }
            }
        }
        match (name, file) {
            (Some(name), Some(file)) => self.load(name, file, config),
            _ => {
                let line = clause.line;
                self.faults.push(format!("line {line}: an auth-zone needs a name and a zonefile"));
            }
        }
    }

    fn load(&mut self, name: &str, file: &str, config: &Config) {
        let mut texts = Texts::default();
        for (name, text) in &config.files {
            texts.insert(name.clone(), text.clone().into_bytes());
        }
        let name = match NameBuf::from_text(name.as_bytes(), Some(Name::ROOT)) {
            Ok(name) => name,
            Err(error) => return self.faults.push(format!("the auth-zone \"{name}\": {error}")),
        };
        let means = Means { now: Wall::from_secs(0), crew: &Crew::alone() };
        let loaded = load(&texts, file, Apex::Given(name.as_name()), means);
        match loaded.zone {
            Some(zone) => self.zones.insert(name.as_name(), ZoneState::Loaded(Arc::new(zone))),
            None => {
                let errors = loaded.diagnostics.iter();
                let errors = errors.filter(|problem| problem.severity == Severity::Error);
                self.faults.extend(errors.map(ToString::to_string));
            }
        }
    }
}

impl Default for Setup {
    /// As unbound does without a configuration, for what is offered.
    fn default() -> Self {
        let resolver = Options {
            root: Vec::new(),
            routes: Vec::new(),
            port: PORT,
            families: [true, true],
            minimises: true,
            mixes_case: false,
            primes: false,
            filters_private: false,
            is_forbidden: Arc::new(|to| to.ip().is_loopback()),
        };
        let limits = Limits {
            min_ttl: Ttl::default(),
            max_ttl: Ttl::learnt(86_400),
            max_negative_ttl: Ttl::learnt(3_600),
            max_stale: Ttl::default(),
        };
        Self {
            zones: ZoneTable::default(),
            reserved: ZoneTable::default(),
            options: AnswerOptions { any: AnyPolicy::Full, ..AnswerOptions::default() },
            resolver,
            resolves: false,
            reach: Reach::Answers,
            allow: vec![Prefix::v4([0; 4], 0), Prefix::v6([0; 8], 0)],
            limits,
            not_offered: Vec::new(),
            faults: Vec::new(),
        }
    }
}

fn switch(value: &str) -> Option<bool> {
    match value {
        "yes" => Some(true),
        "no" => Some(false),
        _ => None,
    }
}

fn ttl(value: &str) -> Option<Ttl> {
    value.parse().ok().map(Ttl::learnt)
}

fn reach(value: &str) -> Option<Reach> {
    match value {
        "recursive" => Some(Reach::Answers),
        "referral" => Some(Reach::Referrals),
        _ => None,
    }
}

/// An address, perhaps with a port behind an `@`.
fn server(value: &str) -> Option<SocketAddr> {
    let (address, port) = value.split_once('@').unwrap_or((value, ""));
    let port = if port.is_empty() { PORT } else { port.parse().ok()? };
    Some(SocketAddr::new(address.parse::<IpAddr>().ok()?, port))
}
