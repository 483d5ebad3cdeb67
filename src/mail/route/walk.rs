//! The walk from a domain to the hosts that take its mail, with all that is seen on it.

use std::net::{IpAddr, SocketAddr};

use crate::base::entropy::{Entropy, Seeded};
use crate::mail::address::Domain;
use crate::mail::lookup::{Answer, End, Known, Question, Source, Unknown};
use crate::mail::route::{
    ADDRESSES_PER_HOST_MAX, HOSTS_MAX, Host, NoWay, Route, Rules, Target, Way, text,
};
use crate::wire::name::NameBuf;
use crate::wire::numbers::Rtype;

/// A walk that has come to its end.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Walk {
    /// Where it leads.
    pub way: Way,
    /// What was seen, in this order.
    pub sights: Vec<Sight>,
}

/// Where something that is seen comes from.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Origin {
    /// Who says it.
    pub source: Source,
    /// Whether it is said of a name in a zone of ours.
    pub is_authoritative: bool,
    /// How long it lasts, in seconds; `None` where there are no records.
    pub ttl_secs: Option<u32>,
}

impl Origin {
    /// That of an answer.
    pub fn of(answer: &Answer) -> Self {
        Self {
            source: answer.source,
            is_authoritative: answer.is_authoritative,
            ttl_secs: answer.records.iter().map(|record| record.ttl_secs).min(),
        }
    }
}

/// Something that is seen on the way.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Sight {
    /// The domain is an address.
    Literal(IpAddr),
    /// The configuration says where the mail goes.
    Route(Route),
    /// A name is an alias; the names that it leads to.
    Alias {
        /// The alias.
        name: NameBuf,
        /// Where it leads, step by step.
        to: Vec<NameBuf>,
    },
    /// The MX records, in the order in which the hosts are tried.
    Exchangers {
        /// Preferences and hosts.
        hosts: Vec<(u16, NameBuf)>,
        /// Where that comes from.
        origin: Origin,
    },
    /// The only MX record names the root: no mail is taken (RFC 7505).
    NullMx(Origin),
    /// There are no MX records, so that the domain itself is the host (RFC 5321 §5.1).
    Implicit(NameBuf, Origin),
    /// There is no such domain.
    NoDomain(Origin),
    /// A host's addresses, in the order in which they are tried.
    Addresses {
        /// The host.
        host: NameBuf,
        /// The addresses.
        addresses: Vec<IpAddr>,
        /// Where they come from; of the first family that there is.
        origin: Origin,
    },
    /// A host or an address is left out.
    Dropped {
        /// The host.
        host: NameBuf,
        /// The address, if it is only one of them.
        address: Option<IpAddr>,
        /// Why.
        why: Drop,
    },
    /// Something could not be found out.
    Unknown {
        /// The name that was asked for.
        name: NameBuf,
        /// The type.
        rtype: Rtype,
        /// Why.
        why: Unknown,
    },
}

/// Why a host or an address is left out.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Drop {
    /// It is this server.
    Ours,
    /// It is not preferred to this server.
    NotBetter,
    /// Its name does not exist.
    NoName,
    /// It has no address.
    NoAddress,
    /// Its addresses cannot be found out now.
    Unknown,
    /// Nothing is sent to the address.
    Forbidden,
    /// The root is no host (RFC 7505 §3).
    Root,
    /// There are more hosts or addresses than are tried.
    TooMany,
}

impl std::fmt::Display for Drop {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(match self {
            Self::Ours => "it is this server",
            Self::NotBetter => "it is not preferred to this server",
            Self::NoName => "its name does not exist",
            Self::NoAddress => "it has no address",
            Self::Unknown => "its addresses cannot be found out now",
            Self::Forbidden => "this server sends nothing to such an address",
            Self::Root => "the root is no host",
            Self::TooMany => "there are more than are tried",
        })
    }
}

/// Looks for the way of a domain's mail. `seed` draws the order of hosts that are preferred alike.
///
/// # Errors
///
/// Returns the question whose answer comes next.
pub fn walk(rules: &Rules, domain: &Domain, seed: u64, known: &Known) -> Result<Walk, Question> {
    let mut walker = Walker { rules, known, sights: Vec::new() };
    let way = match domain {
        Domain::Literal(address) => walker.literal(*address),
        Domain::Name(name) => match rules.routes.iter().find(|route| route.domain == *name) {
            Some(route) => walker.route(route)?,
            None => walker.domain(name, seed)?,
        },
    };
    Ok(Walk { way, sights: walker.sights })
}

/// A walk under way.
struct Walker<'w> {
    rules: &'w Rules,
    known: &'w Known,
    sights: Vec<Sight>,
}

/// A host that may be tried.
struct Candidate {
    preference: u16,
    name: NameBuf,
}

/// What is left of the hosts, and why the others are not.
#[derive(Default)]
struct Left {
    hosts: Vec<(u16, Host)>,
    has_unknown: Option<Unknown>,
    has_ours: bool,
    has_forbidden: bool,
}

impl Walker<'_> {
    fn literal(&mut self, address: IpAddr) -> Way {
        self.sights.push(Sight::Literal(address));
        if !self.rules.scope.allows(address) {
            return Way::None(NoWay::Forbidden);
        }
        if (self.rules.is_ours)(address) {
            return Way::None(NoWay::Loop);
        }
        let name = Domain::Literal(address).to_string();
        let addresses = vec![SocketAddr::new(address, self.rules.port)];
        Way::Hosts(vec![Host { name, addresses }])
    }

    /// The way that an operator wants, wherever it leads.
    fn route(&mut self, route: &Route) -> Result<Way, Question> {
        self.sights.push(Sight::Route(route.clone()));
        let (name, addresses) = match &route.to {
            Target::Address(address) => (address.to_string(), vec![*address]),
            Target::Name(host) => match self.addresses(host)? {
                Ok(addresses) => (text(host), addresses),
                Err(Some(why)) => return Ok(Way::Unknown(why.to_string())),
                Err(None) => return Ok(Way::None(NoWay::NoHost)),
            },
        };
        let addresses = addresses.into_iter().map(|ip| SocketAddr::new(ip, route.port)).collect();
        Ok(Way::Hosts(vec![Host { name, addresses }]))
    }

    fn domain(&mut self, domain: &NameBuf, seed: u64) -> Result<Way, Question> {
        let answer = self.known.find(domain.as_name(), Rtype::MX)?;
        let origin = Origin::of(&answer);
        self.note_aliases(&answer);
        match answer.end {
            End::Unknown(why) => {
                self.note_unknown(domain, Rtype::MX, why);
                return Ok(Way::Unknown(why.to_string()));
            }
            End::NoName => {
                self.sights.push(Sight::NoDomain(origin));
                return Ok(Way::None(NoWay::NoDomain));
            }
            End::NoData => {
                let name = answer.owner().to_lowercase();
                self.sights.push(Sight::Implicit(name.clone(), origin));
                return self.choose(&[Candidate { preference: 0, name }]);
            }
            End::Records => (),
        }
        let hosts = in_order(answer.exchangers(), seed);
        if answer.is_null_mx() {
            self.sights.push(Sight::NullMx(origin));
            return Ok(Way::None(NoWay::NullMx));
        }
        let shown = hosts.iter().map(|host| (host.preference, host.name.clone())).collect();
        self.sights.push(Sight::Exchangers { hosts: shown, origin });
        self.choose(&hosts)
    }

    /// What is left of the hosts when those are gone that are of no use, and this server with all that
    /// are not better (RFC 5321 §5.1).
    fn choose(&mut self, hosts: &[Candidate]) -> Result<Way, Question> {
        let mut left = Left::default();
        let is_ours = |host: &&Candidate| self.rules.hostname.as_ref() == Some(&host.name);
        let mut ours = hosts.iter().filter(is_ours).map(|host| host.preference).min();
        for (at, host) in hosts.iter().enumerate() {
            if self.rules.hostname.as_ref() == Some(&host.name) {
                self.drop_host(&host.name, Drop::Ours);
            } else if ours.is_some_and(|ours| host.preference >= ours) {
                self.drop_host(&host.name, Drop::NotBetter);
            } else if host.name.as_name().is_root() {
                self.drop_host(&host.name, Drop::Root);
            } else if at >= HOSTS_MAX {
                self.drop_host(&host.name, Drop::TooMany);
            } else if self.look_at(host, &mut left)? {
                ours = Some(host.preference);
                let not_better =
                    left.hosts.extract_if(.., |(preference, _)| *preference >= host.preference);
                let names: Vec<String> = not_better.map(|(_, host)| host.name).collect();
                for equal in hosts.iter().filter(|host| names.contains(&text(&host.name))) {
                    self.drop_host(&equal.name, Drop::NotBetter);
                }
            }
        }
        left.has_ours = ours.is_some();
        Ok(left.into_way())
    }

    /// Looks at a host. True if it is this server.
    fn look_at(&mut self, host: &Candidate, left: &mut Left) -> Result<bool, Question> {
        let addresses = match self.addresses(&host.name)? {
            Ok(addresses) => addresses,
            Err(why) => {
                left.has_unknown = left.has_unknown.or(why);
                return Ok(false);
            }
        };
        let (allowed, others): (Vec<IpAddr>, Vec<IpAddr>) =
            addresses.into_iter().partition(|address| self.rules.scope.allows(*address));
        for address in others {
            left.has_forbidden = true;
            self.drop_address(&host.name, address, Drop::Forbidden);
        }
        if let Some(&address) = allowed.iter().find(|address| (self.rules.is_ours)(**address)) {
            self.drop_address(&host.name, address, Drop::Ours);
            return Ok(true);
        }
        if !allowed.is_empty() {
            let port = self.rules.port;
            let addresses = allowed.into_iter().map(|ip| SocketAddr::new(ip, port)).collect();
            left.hosts.push((host.preference, Host { name: text(&host.name), addresses }));
        }
        Ok(false)
    }

    /// The addresses of a host, both families in turn, IPv6 first (RFC 6724 §10.3); or why there are
    /// none, if that may change by itself.
    fn addresses(
        &mut self,
        host: &NameBuf,
    ) -> Result<Result<Vec<IpAddr>, Option<Unknown>>, Question> {
        let families = [Rtype::AAAA, Rtype::A];
        let [v6, v4] = families.map(|rtype| self.known.find(host.as_name(), rtype));
        let answers = [v6?, v4?];
        let mut unknown = None;
        let [first, _] = &answers;
        self.note_aliases(first);
        for (answer, rtype) in answers.iter().zip(families) {
            if let End::Unknown(why) = answer.end {
                unknown = Some(why);
                self.note_unknown(host, rtype, why);
            }
        }
        let found = answers.iter().find(|answer| answer.end == End::Records);
        let Some(found) = found else {
            let is_missing = answers.iter().any(|answer| answer.end == End::NoName);
            self.drop_host(
                host,
                match unknown {
                    Some(_) => Drop::Unknown,
                    None if is_missing => Drop::NoName,
                    None => Drop::NoAddress,
                },
            );
            return Ok(Err(unknown));
        };
        let [v6, v4] = answers.each_ref().map(|answer| answer.addresses().collect::<Vec<_>>());
        let mut addresses = Vec::new();
        for at in 0..v6.len().max(v4.len()) {
            addresses.extend([&v6, &v4].into_iter().filter_map(|family| family.get(at)));
        }
        let beyond = addresses.split_off(addresses.len().min(ADDRESSES_PER_HOST_MAX));
        let (shown, origin) = (addresses.clone(), Origin::of(found));
        self.sights.push(Sight::Addresses { host: host.clone(), addresses: shown, origin });
        if let Some(&first) = beyond.first() {
            self.drop_address(host, first, Drop::TooMany);
        }
        Ok(Ok(addresses))
    }

    fn note_aliases(&mut self, answer: &Answer) {
        if let [name, to @ ..] = &answer.names[..]
            && !to.is_empty()
        {
            self.sights.push(Sight::Alias { name: name.clone(), to: to.to_vec() });
        }
    }

    fn note_unknown(&mut self, name: &NameBuf, rtype: Rtype, why: Unknown) {
        self.sights.push(Sight::Unknown { name: name.clone(), rtype, why });
    }

    fn drop_host(&mut self, host: &NameBuf, why: Drop) {
        self.sights.push(Sight::Dropped { host: host.clone(), address: None, why });
    }

    fn drop_address(&mut self, host: &NameBuf, address: IpAddr, why: Drop) {
        let (host, address) = (host.clone(), Some(address));
        self.sights.push(Sight::Dropped { host, address, why });
    }
}

impl Left {
    fn into_way(self) -> Way {
        if !self.hosts.is_empty() {
            return Way::Hosts(self.hosts.into_iter().map(|(_, host)| host).collect());
        }
        match self.has_unknown {
            Some(why) => Way::Unknown(why.to_string()),
            None if self.has_ours => Way::None(NoWay::Loop),
            None if self.has_forbidden => Way::None(NoWay::Forbidden),
            None => Way::None(NoWay::NoHost),
        }
    }
}

/// The hosts as they are tried: the lowest number first, equals in an order that is drawn. One that is
/// there twice counts where it is preferred.
fn in_order(hosts: impl Iterator<Item = (u16, NameBuf)>, seed: u64) -> Vec<Candidate> {
    let mut all: Vec<(u16, NameBuf)> = hosts.collect();
    // The records of a set come in any order, which must not matter for what is drawn.
    all.sort();
    let mut entropy = Seeded::new(seed);
    let mut drawn: Vec<(u16, u64, NameBuf)> = Vec::new();
    for (preference, name) in all {
        if !drawn.iter().any(|(_, _, other)| *other == name) {
            drawn.push((preference, entropy.next_u64(), name));
        }
    }
    drawn.sort();
    drawn.into_iter().map(|(preference, _, name)| Candidate { preference, name }).collect()
}
