//! Whom a question is asked: the servers of a zone, as far as they are known.

use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;

use crate::base::entropy::Entropy;
use crate::base::limits::{ADDRESSES_PER_SERVER_MAX, ADDRESSES_PER_ZONE_MAX, SERVERS_PER_ZONE_MAX};
use crate::base::time::Now;
use crate::cache::{Cut, Entry, Hit, Kind, LocalCut, Owned};
use crate::resolver::fetch::Fetch;
use crate::resolver::options::{Route, RouteKind};
use crate::resolver::response::Referral;
use crate::resolver::servers::Asked;
use crate::resolver::{Question, Resolver};
use crate::wire::folded::FoldedName;
use crate::wire::name::{Name, NameBuf};
use crate::wire::numbers::Rtype;
use crate::wire::rdata::address;

/// How it is known whom to ask.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Origin {
    /// From those who delegate.
    Learnt,
    /// From a zone of ours, which delegates.
    Ours,
    /// The root's servers, known without asking.
    Hints,
    /// From a route.
    Route(RouteKind),
}

/// Addresses of servers, drawn once: what a step costs does not depend on how many there are.
#[derive(Debug, Default)]
struct Drawn {
    /// At most `ADDRESSES_PER_ZONE_MAX`.
    addresses: Vec<SocketAddr>,
    /// The servers and types that have some among them.
    known: Vec<(usize, Rtype)>,
    /// Whether all are there that are known.
    is_complete: bool,
}

/// Servers that are asked.
#[derive(Debug)]
pub(super) struct Place {
    /// The zone that they serve; the root for servers that resolve.
    pub(super) zone: NameBuf,
    /// Their names, at most `SERVERS_PER_ZONE_MAX`.
    pub(super) names: Vec<NameBuf>,
    /// Addresses that were configured.
    fixed: Vec<SocketAddr>,
    /// Addresses that came with the names: they count where the cache has none, which keeps nothing
    /// that has a TTL of 0.
    glue: Vec<(NameBuf, IpAddr)>,
    drawn: Drawn,
    /// When the delegation ends by which they were found.
    pub(super) until: Option<Now>,
    /// How they are known.
    pub(super) origin: Origin,
    /// Labels of the zone of the route, if they are from one.
    pub(super) route_labels: usize,
    /// Servers that the parent alone names, if these are those that the zone itself does: they are
    /// asked when these do not help, or have no known address.
    pub(super) parents: Option<Box<Self>>,
}

/// Which servers that resolve are asked, if there are some for a name.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Forwards {
    /// All.
    Asked,
    /// Those of zones with fewer labels: the others were, and did not help.
    Above(usize),
    /// None.
    PassedOver,
}

impl Forwards {
    /// Whether a route counts.
    fn include(self, route: &Route) -> bool {
        match self {
            _ if route.kind == RouteKind::Stub => true,
            Self::Asked => true,
            Self::Above(labels) => route.zone.as_name().label_count() < labels,
            Self::PassedOver => false,
        }
    }
}

impl Place {
    /// The servers that a referral names. `until` is when its delegation ends.
    pub(super) fn below(referral: &Referral, until: Option<Now>) -> Self {
        let rdatas = referral.servers.rdatas.iter().map(|rdata| &**rdata);
        let mut place = Self::delegated(referral.servers.owner.as_name(), rdatas, until);
        for set in &referral.glue {
            let owner = set.owner.as_name().to_lowercase();
            let addresses = set.rdatas.iter().filter_map(|rdata| address(rdata));
            let addresses = addresses.take(ADDRESSES_PER_SERVER_MAX);
            place.glue.extend(addresses.map(|address| (owner.clone(), address)));
        }
        place
    }

    fn learnt(cut: &Cut) -> Self {
        let named_by = |entry: &Entry| Self::delegated(entry.name(), entry.rdatas(), cut.until());
        let mut place = named_by(&cut.servers);
        if let Some(mut parents) = cut.delegation.as_deref().map(named_by) {
            parents.names.retain(|name| !place.names.contains(name));
            place.parents = Some(Box::new(parents)).filter(|parents| !parents.names.is_empty());
        }
        place
    }

    fn delegated<'r>(
        zone: Name<'_>,
        servers: impl Iterator<Item = &'r [u8]>,
        until: Option<Now>,
    ) -> Self {
        let names = servers.filter_map(|rdata| Name::read(rdata).ok()).map(Name::to_lowercase);
        let names = names.take(SERVERS_PER_ZONE_MAX).collect();
        let zone = zone.to_lowercase();
        Self {
            zone,
            names,
            fixed: Vec::new(),
            glue: Vec::new(),
            drawn: Drawn::default(),
            until,
            origin: Origin::Learnt,
            route_labels: 0,
            parents: None,
        }
    }

    fn ours(cut: LocalCut) -> Self {
        let LocalCut { zone, servers, glue } = cut;
        let names = servers.into_iter().take(SERVERS_PER_ZONE_MAX).collect();
        Self {
            zone,
            names,
            fixed: Vec::new(),
            glue,
            drawn: Drawn::default(),
            until: None,
            origin: Origin::Ours,
            route_labels: 0,
            parents: None,
        }
    }

    fn routed(route: &Route) -> Self {
        let zone = match route.kind {
            RouteKind::Stub => route.zone.clone(),
            RouteKind::ForwardOnly | RouteKind::ForwardFirst => NameBuf::root(),
        };
        Self {
            zone,
            names: Vec::new(),
            fixed: route.to.clone(),
            glue: Vec::new(),
            drawn: Drawn::default(),
            until: None,
            origin: Origin::Route(route.kind),
            route_labels: route.zone.as_name().label_count(),
            parents: None,
        }
    }

    /// Those of their addresses that are asked.
    pub(super) fn addresses(&self) -> &[SocketAddr] {
        &self.drawn.addresses
    }

    /// The servers of which no address is known.
    pub(super) fn unreached(&self) -> Vec<NameBuf> {
        let is_known = |number: usize| self.drawn.known.iter().any(|(known, _)| *known == number);
        let names = self.names.iter().enumerate();
        names.filter(|(number, _)| !is_known(*number)).map(|(_, name)| name.clone()).collect()
    }

    /// Takes addresses that were looked for; false if there are none. The cache may not have kept
    /// them.
    pub(super) fn learn_addresses(&mut self, entries: &[Arc<Entry>]) -> bool {
        let before = self.glue.len();
        for entry in entries {
            let is_address = entry.kind() == Kind::Records
                && matches!(entry.rtype(), Rtype::A | Rtype::AAAA)
                && self.names.iter().any(|name| name.as_name() == entry.name());
            if is_address {
                let owner = entry.name().to_lowercase();
                // No more are asked, and a set may have thousands.
                let addresses = entry.rdatas().filter_map(address);
                let addresses = addresses.take(ADDRESSES_PER_SERVER_MAX);
                self.glue.extend(addresses.map(|address| (owner.clone(), address)));
            }
        }
        self.glue.len() > before
    }

    /// Lets addresses be looked up that were not known before.
    pub(super) fn look_again(&mut self) {
        self.drawn.is_complete = false;
    }

    /// What they are asked for.
    pub(super) fn asked(&self) -> Asked {
        if self.is_forwarded() { Asked::Resolves } else { Asked::Serves }
    }

    /// Whether they resolve.
    pub(super) fn is_forwarded(&self) -> bool {
        matches!(self.origin, Origin::Route(RouteKind::ForwardOnly | RouteKind::ForwardFirst))
    }
}

impl Resolver {
    /// Where a fetch begins: with the servers of a route, of the closest known zone, or of the root.
    ///
    /// Below a cut of ours with the servers that our zone names, unless the cache leads further down
    /// or a route says otherwise of what is delegated.
    pub(super) fn place_for(&self, now: Now, question: &Question, forwards: Forwards) -> Place {
        // The DS of a zone is its parent's data (RFC 4035 §3.1.4.1).
        let parent = question.name.as_name().parent().filter(|_| question.rtype == Rtype::DS);
        let name = parent.unwrap_or(question.name.as_name());
        let route = self.options.route_among(name, |route| forwards.include(route));
        let learnt = self.cache.closest_delegation(now, &FoldedName::new(name));
        if let Some(cut) = self.own_cut(question) {
            let zone = cut.zone.as_name();
            if route.is_none_or(|route| !route.zone.as_name().is_within(zone)) {
                let deeper = learnt.filter(|learnt| learnt.servers.name().is_below(zone));
                return deeper.map_or_else(|| Place::ours(cut), |learnt| Place::learnt(&learnt));
            }
        }
        match (route, learnt) {
            // What was learnt below a stub zone leads further.
            (Some(route), Some(learnt))
                if route.kind == RouteKind::Stub
                    && learnt.servers.name().is_below(route.zone.as_name()) =>
            {
                Place::learnt(&learnt)
            }
            (Some(route), _) => Place::routed(route),
            (None, Some(learnt)) => Place::learnt(&learnt),
            (None, None) => self.hints(),
        }
    }

    /// Forgets what was learnt within some zones, and lets what is under way there begin anew: others
    /// are asked for it.
    pub(super) fn forget_routes(&mut self, now: Now, zones: &[NameBuf]) {
        let zones: Vec<Name<'_>> = zones.iter().map(NameBuf::as_name).collect();
        if zones.is_empty() {
            return;
        }
        self.cache.flush_trees(&zones);
        let is_within = |fetch: &Fetch| {
            let name = fetch.question.name.as_name();
            !fetch.is_priming && zones.iter().any(|zone| name.is_within(*zone))
        };
        let within = self.fetches.iter().filter(|(_, fetch)| is_within(fetch));
        let mut within: Vec<u64> = within.map(|(id, _)| *id).collect();
        within.sort_unstable();
        for id in within {
            self.begin_anew(id);
        }
        self.go_on(now);
    }

    /// Lets a fetch begin once more, as if it had asked nobody.
    fn begin_anew(&mut self, id: u64) {
        let Some(mut fetch) = self.fetches.remove(&id) else { return };
        self.end_requests(&mut fetch);
        (fetch.place, fetch.steps, fetch.borrowed) = (None, 0, None);
        fetch.awaited.clear();
        self.fetches.insert(id, fetch);
        self.ready.push_back(id);
    }

    /// How many labels a name has at least whose denial counts for a name below it
    /// (`Cache::find`).
    pub(super) fn denied_from(&self, name: &FoldedName, rtype: Rtype) -> usize {
        // The DS of a zone is its parent's data (RFC 4035 §3.1.4.1).
        let of_parent = usize::from(rtype == Rtype::DS && name.label_count() > 0);
        let route = self.options.route(name.suffix(of_parent));
        let route = route.map_or(0, |route| route.zone.as_name().label_count());
        match self.local.owner_of(name, rtype) {
            Owned::Cut(cut) => route.max(cut.zone.as_name().label_count()),
            Owned::Yes | Owned::No => route,
        }
    }

    /// The delegation of ours that a question is below.
    fn own_cut(&self, question: &Question) -> Option<LocalCut> {
        match self.local.owner_of(&FoldedName::new(question.name.as_name()), question.rtype) {
            Owned::Cut(cut) => Some(cut),
            Owned::No | Owned::Yes => None,
        }
    }

    /// The root's servers that are known without asking.
    pub(super) fn hints(&self) -> Place {
        Place {
            zone: NameBuf::root(),
            names: self.options.root.iter().map(|(name, _)| name.clone()).collect(),
            fixed: self.hinted_addresses().collect(),
            glue: Vec::new(),
            drawn: Drawn::default(),
            until: None,
            origin: Origin::Hints,
            route_labels: 0,
            parents: None,
        }
    }

    fn hinted_addresses(&self) -> impl Iterator<Item = SocketAddr> {
        let addresses = self.options.root.iter().flat_map(|(_, addresses)| addresses);
        addresses.map(|ip| SocketAddr::new(*ip, self.options.port))
    }

    /// Draws addresses of the servers whose addresses were not known before.
    pub(super) fn draw_addresses(&mut self, now: Now, place: &mut Place) {
        if place.drawn.is_complete {
            return;
        }
        let [v4, v6] = self.options.families;
        let is_used = |to: &SocketAddr| if to.is_ipv4() { v4 } else { v6 };
        let mut addresses = std::mem::take(&mut place.drawn.addresses);
        if place.drawn.known.is_empty() {
            addresses.extend(place.fixed.iter().copied().filter(is_used));
        }
        let mut known = std::mem::take(&mut place.drawn.known);
        for (number, name) in place.names.iter().enumerate() {
            for rtype in self.options.address_types() {
                if known.contains(&(number, rtype)) {
                    continue;
                }
                let found = self.addresses_of(now, place, name.as_name(), rtype);
                let found = found.into_iter().map(|ip| SocketAddr::new(ip, self.options.port));
                let found = found.filter(|to| !(self.options.is_forbidden)(*to)).collect();
                let found = drawn(found, ADDRESSES_PER_SERVER_MAX, &mut *self.entropy);
                if !found.is_empty() {
                    known.push((number, rtype));
                }
                addresses.extend(found);
            }
        }
        if addresses.is_empty() && place.zone.as_name().is_root() && place.origin == Origin::Learnt
        {
            // Nothing else leads to the root's servers.
            addresses.extend(self.hinted_addresses().filter(is_used));
        }
        if !addresses.is_empty() && addresses.iter().all(|to| self.servers.is_avoided(now, *to)) {
            addresses.extend(self.told_by_parent(now, place, &addresses));
        }
        addresses.sort_unstable();
        addresses.dedup();
        let addresses = drawn(addresses, ADDRESSES_PER_ZONE_MAX, &mut *self.entropy);
        place.drawn = Drawn { addresses, known, is_complete: true };
    }

    /// Addresses of the servers of a zone that its parent tells and that are not among those drawn:
    /// what a zone says of its own servers may be wrong.
    fn told_by_parent(&mut self, now: Now, place: &Place, known: &[SocketAddr]) -> Vec<SocketAddr> {
        let mut told = Vec::new();
        for name in &place.names {
            let folded = FoldedName::new(name.as_name());
            if !self.local.addresses(&folded).is_empty() {
                continue;
            }
            for rtype in self.options.address_types() {
                let hit = self.cache.find_told_glue(now, &folded, rtype);
                // Where nothing else is known, it was asked already.
                let known_otherwise = self.cache.find_glue(now, &folded, rtype);
                let is_other = |told: &Hit| {
                    let is_same = |own: Hit| Arc::ptr_eq(&own.entry, &told.entry);
                    !known_otherwise.is_some_and(is_same)
                };
                let hit = hit.filter(is_other);
                let glue = hit.iter().flat_map(|hit| hit.entry.rdatas()).filter_map(address);
                let glue = glue.map(|ip| SocketAddr::new(ip, self.options.port));
                let is_new =
                    |to: &SocketAddr| !known.contains(to) && !(self.options.is_forbidden)(*to);
                let glue = glue.filter(is_new).collect();
                told.extend(drawn(glue, ADDRESSES_PER_SERVER_MAX, &mut *self.entropy));
            }
        }
        told
    }

    /// The servers of a place at the addresses that its parent tells and that were not asked, if there
    /// are some.
    pub(super) fn at_glue(&mut self, now: Now, place: &mut Place) -> Option<Place> {
        let fixed = self.told_by_parent(now, place, place.addresses());
        (!fixed.is_empty()).then(|| Place {
            zone: place.zone.clone(),
            names: Vec::new(),
            fixed,
            glue: Vec::new(),
            drawn: Drawn::default(),
            until: place.until,
            origin: place.origin,
            route_labels: place.route_labels,
            parents: place.parents.take(),
        })
    }

    /// The addresses of one type that are known of a server: those of our zones, or those of the
    /// cache, and where it has none those that came with the name.
    fn addresses_of(&self, now: Now, place: &Place, name: Name<'_>, rtype: Rtype) -> Vec<IpAddr> {
        let is_wanted = |address: &IpAddr| address.is_ipv4() == (rtype == Rtype::A);
        let folded = FoldedName::new(name);
        let ours = self.local.addresses(&folded);
        if !ours.is_empty() {
            return ours.into_iter().filter(is_wanted).collect();
        }
        if let Some(hit) = self.cache.find_glue(now, &folded, rtype) {
            return hit.entry.rdatas().filter_map(address).filter(is_wanted).collect();
        }
        let came = place.glue.iter().filter(|(owner, _)| owner.as_name() == name);
        came.map(|(_, address)| *address).filter(is_wanted).collect()
    }
}

/// So many of some things at most, drawn at random.
fn drawn<T>(mut all: Vec<T>, max: usize, entropy: &mut dyn Entropy) -> Vec<T> {
    while all.len() > max {
        let count = u32::try_from(all.len()).unwrap_or(u32::MAX);
        let index = usize::try_from(entropy.below(count)).unwrap_or(0);
        all.swap_remove(index.min(all.len() - 1));
    }
    all
}
