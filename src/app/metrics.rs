//! All metrics of the program in one registry.
//!
//! Those of zones, connections and panics are made here, because `metrics` knows none of them: of
//! zones with each publication, of the others when they are asked for.

use std::fmt;
use std::sync::Arc;
use std::time::SystemTime;

use arc_swap::ArcSwap;
use prometheus::core::{Collector, Desc};
use prometheus::process_collector::ProcessCollector;
use prometheus::proto::MetricFamily;
use prometheus::{IntGauge, Opts, Registry};

use crate::app::panics;
use crate::app::zones::{Catalog, Entry};
use crate::metrics::{
    Counters, DnsCollector, FamilyError, Kind, Mail, MailCollector, Numbers, Reloads,
    ResolverCollector, Resolving,
};
use crate::wire::name::NameBuf;

/// The label of all zones together that have no metrics of their own. Names of zones end in a dot.
const OTHER_ZONES: &str = "other";

/// Tells how many TCP connections are open.
pub(super) type OpenConnections = Box<dyn Fn() -> usize + Send + Sync>;

/// The metrics that `app` moves itself, and the registry of all.
#[derive(Debug)]
pub(super) struct Metrics {
    pub(super) registry: Registry,
    reloads: Reloads,
    zones: Arc<ArcSwap<Zones>>,
}

impl Metrics {
    /// Puts all metrics in a new registry.
    ///
    /// # Errors
    ///
    /// Fails if Prometheus does not allow a name, or two families have the same one.
    pub(super) fn register(
        counters: &Counters,
        tcp_connections: OpenConnections,
        resolving: Resolving,
        mail: Mail,
    ) -> Result<Self, FamilyError> {
        let registry = Registry::new();
        registry.register(Box::new(DnsCollector::new(counters.clone())?))?;
        registry.register(Box::new(ResolverCollector::new(resolving)?))?;
        registry.register(Box::new(MailCollector::new(mail)?))?;
        let zones = Arc::<ArcSwap<Zones>>::default();
        let collector = AppCollector::new(Arc::clone(&zones), tcp_connections)?;
        registry.register(Box::new(collector))?;
        registry.register(Box::new(build_info()?))?;
        registry.register(Box::new(ProcessCollector::for_self()))?;
        let reloads = Reloads::register(&registry)?;
        Ok(Self { registry, reloads, zones })
    }

    /// The server begins with these zones.
    pub(super) fn started(&self, catalog: &Catalog, zones_max: usize) {
        self.zones.store(Arc::new(Zones::of(catalog, zones_max)));
        self.reloads.started(SystemTime::now());
    }

    /// The server goes on with these zones.
    pub(super) fn reloaded(&self, catalog: &Catalog, zones_max: usize) {
        self.zones.store(Arc::new(Zones::of(catalog, zones_max)));
        self.reloads.succeeded(SystemTime::now());
    }

    /// The server goes on with what it had.
    pub(super) fn not_reloaded(&self) {
        self.reloads.failed();
    }
}

fn build_info() -> Result<IntGauge, FamilyError> {
    let info = Opts::new("kereru_build_info", "The version of the program; always 1.");
    let info = IntGauge::with_opts(info.const_label("version", env!("CARGO_PKG_VERSION")))?;
    info.set(1);
    Ok(info)
}

/// The families of zones, connections and panics.
struct AppCollector {
    zones: Arc<ArcSwap<Zones>>,
    tcp_connections: OpenConnections,
    panics: Numbers,
    connections: Numbers,
    serials: Numbers,
    records: Numbers,
    load_errors: Numbers,
}

impl fmt::Debug for AppCollector {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("AppCollector").finish_non_exhaustive()
    }
}

impl AppCollector {
    fn new(
        zones: Arc<ArcSwap<Zones>>,
        tcp_connections: OpenConnections,
    ) -> Result<Self, FamilyError> {
        let of_zone = |name, help| Numbers::labelled(Kind::Gauge, name, help, "zone");
        Ok(Self {
            zones,
            tcp_connections,
            panics: Numbers::single(
                Kind::Counter,
                "kereru_panics_total",
                "Times a part of the program gave up because of a bug.",
            )?,
            connections: Numbers::single(
                Kind::Gauge,
                "kereru_tcp_connections",
                "Open TCP connections for DNS.",
            )?,
            serials: of_zone("kereru_zone_serial", "The serial that is served.")?,
            records: of_zone("kereru_zone_records", "The number of records.")?,
            load_errors: of_zone(
                "kereru_zone_load_errors",
                "Whether the files of the zone have errors, so that they are not served.",
            )?,
        })
    }
}

impl Collector for AppCollector {
    fn desc(&self) -> Vec<&Desc> {
        let families =
            [&self.panics, &self.connections, &self.serials, &self.records, &self.load_errors];
        families.map(Numbers::desc).to_vec()
    }

    fn collect(&self) -> Vec<MetricFamily> {
        let zones = self.zones.load();
        vec![
            self.panics.with_value(count(usize::try_from(panics::count()).unwrap_or(usize::MAX))),
            self.connections.with_value(count((self.tcp_connections)())),
            self.serials.with_values(zones.serials.iter().cloned()),
            self.records.with_values(zones.records.iter().cloned()),
            self.load_errors.with_values(zones.load_errors.iter().cloned()),
        ]
    }
}

/// The values of zones, each with the name of its zone.
#[derive(Debug, Default)]
struct Zones {
    serials: Vec<(String, f64)>,
    records: Vec<(String, f64)>,
    load_errors: Vec<(String, f64)>,
}

impl Zones {
    /// The values of so many zones, the first by name, and the others together.
    fn of(catalog: &Catalog, most: usize) -> Self {
        let entries = catalog.entries.iter();
        let mut all: Vec<(&NameBuf, &Entry)> =
            entries.filter_map(|entry| Some((entry.apex.as_ref()?, entry))).collect();
        all.sort_unstable_by_key(|(apex, _)| *apex);
        let (own, others) = all.split_at(most.min(all.len()));
        let mut zones = Self::default();
        for (apex, entry) in own {
            zones.add(&apex.to_string(), entry);
        }
        if !others.is_empty() {
            let others = others.iter().map(|(_, entry)| *entry);
            let is_any_faulty = others.clone().any(Entry::is_faulty);
            zones.records.push((OTHER_ZONES.to_owned(), count(others.map(record_count).sum())));
            zones.load_errors.push((OTHER_ZONES.to_owned(), yes(is_any_faulty)));
        }
        zones
    }

    fn add(&mut self, apex: &str, entry: &Entry) {
        self.load_errors.push((apex.to_owned(), yes(entry.is_faulty())));
        let Some(zone) = &entry.zone else { return };
        self.records.push((apex.to_owned(), count(zone.record_count())));
        if let Some(soa) = zone.soa() {
            self.serials.push((apex.to_owned(), f64::from(soa.serial.0)));
        }
    }
}

fn record_count(entry: &Entry) -> usize {
    entry.zone.as_ref().map_or(0, |zone| zone.record_count())
}

fn yes(is_so: bool) -> f64 {
    f64::from(u8::from(is_so))
}

/// A count as Prometheus has it: exact up to 2⁵³.
#[expect(clippy::cast_precision_loss, reason = "every number of Prometheus is a float")]
fn count(count: usize) -> f64 {
    count as f64
}
