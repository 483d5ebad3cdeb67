//! All metrics of the program in one registry.
//!
//! Those of zones and connections are looked up when they are asked for: here, because `metrics`
//! knows neither.

use std::fmt;
use std::sync::Arc;
use std::time::SystemTime;

use prometheus::core::{Collector, Desc};
use prometheus::process_collector::ProcessCollector;
use prometheus::proto::MetricFamily;
use prometheus::{IntGauge, Opts, Registry};

use crate::answer::{Snapshot, ZoneState};
use crate::metrics::{DnsCollector, FamilyError, Kind, Numbers, Reloads};
use crate::net::World;
use crate::wire::name::Name;

/// The label of all zones together that have no metrics of their own. Names of zones end in a dot.
const OTHER_ZONES: &str = "other";

/// Tells how many TCP connections are open.
pub(super) type OpenConnections = Box<dyn Fn() -> usize + Send + Sync>;

/// Puts all metrics in a new registry. The configuration in force is that of the start.
///
/// # Errors
///
/// Fails if Prometheus does not allow a name, or two families have the same one.
pub(super) fn register(
    world: &Arc<World>,
    zones_max: usize,
    tcp_connections: OpenConnections,
) -> Result<(Registry, Reloads), FamilyError> {
    let registry = Registry::new();
    registry.register(Box::new(DnsCollector::new(world.counters().clone())?))?;
    let collector = WorldCollector::new(Arc::clone(world), zones_max, tcp_connections)?;
    registry.register(Box::new(collector))?;
    registry.register(Box::new(build_info()?))?;
    registry.register(Box::new(ProcessCollector::for_self()))?;
    let reloads = Reloads::register(&registry)?;
    reloads.started(SystemTime::now());
    Ok((registry, reloads))
}

fn build_info() -> Result<IntGauge, FamilyError> {
    let info = Opts::new("kereru_build_info", "The version of the program; always 1.");
    let info = IntGauge::with_opts(info.const_label("version", env!("CARGO_PKG_VERSION")))?;
    info.set(1);
    Ok(info)
}

/// The families whose values are found in the world.
struct WorldCollector {
    world: Arc<World>,
    zones_max: usize,
    tcp_connections: OpenConnections,
    connections: Numbers,
    serials: Numbers,
    records: Numbers,
    load_errors: Numbers,
}

impl fmt::Debug for WorldCollector {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("WorldCollector").field("zones_max", &self.zones_max).finish_non_exhaustive()
    }
}

impl WorldCollector {
    fn new(
        world: Arc<World>,
        zones_max: usize,
        tcp_connections: OpenConnections,
    ) -> Result<Self, FamilyError> {
        let of_zone = |name, help| Numbers::labelled(Kind::Gauge, name, help, "zone");
        Ok(Self {
            world,
            zones_max,
            tcp_connections,
            connections: Numbers::single(
                Kind::Gauge,
                "kereru_tcp_connections",
                "Open TCP connections for DNS.",
            )?,
            serials: of_zone("kereru_zone_serial", "The serial that is served.")?,
            records: of_zone("kereru_zone_records", "The number of records.")?,
            load_errors: of_zone(
                "kereru_zone_load_errors",
                "Whether the zone has errors, so that it could not be loaded.",
            )?,
        })
    }
}

impl Collector for WorldCollector {
    fn desc(&self) -> Vec<&Desc> {
        let families = [&self.connections, &self.serials, &self.records, &self.load_errors];
        families.map(Numbers::desc).to_vec()
    }

    fn collect(&self) -> Vec<MetricFamily> {
        let snapshot = self.world.snapshot().load();
        let zones = Zones::of(&snapshot, self.zones_max);
        vec![
            self.connections.with_value(count((self.tcp_connections)())),
            self.serials.with_values(zones.serials),
            self.records.with_values(zones.records),
            self.load_errors.with_values(zones.load_errors),
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
    fn of(snapshot: &Snapshot, most: usize) -> Self {
        let mut all: Vec<(Name<'_>, &ZoneState)> =
            snapshot.views.iter().flat_map(|view| view.zones.iter()).collect();
        all.sort_unstable_by_key(|(apex, _)| *apex);
        // A zone of two views is told of once.
        all.dedup_by_key(|(apex, _)| *apex);
        let (own, others) = all.split_at(most.min(all.len()));
        let mut zones = Self::default();
        for (apex, state) in own {
            zones.add(&apex.to_string(), state);
        }
        if !others.is_empty() {
            zones.add_others(others);
        }
        zones
    }

    fn add(&mut self, apex: &str, state: &ZoneState) {
        let (loaded, errors) = match state {
            ZoneState::Loaded(zone) => (Some(zone), 0.0),
            ZoneState::Broken => (None, 1.0),
        };
        self.load_errors.push((apex.to_owned(), errors));
        let Some(zone) = loaded else { return };
        self.records.push((apex.to_owned(), count(zone.record_count())));
        if let Some(soa) = zone.soa() {
            self.serials.push((apex.to_owned(), f64::from(soa.serial.0)));
        }
    }

    fn add_others(&mut self, others: &[(Name<'_>, &ZoneState)]) {
        let records = others.iter().map(|(_, state)| match state {
            ZoneState::Loaded(zone) => zone.record_count(),
            ZoneState::Broken => 0,
        });
        let is_any_broken = others.iter().any(|(_, state)| matches!(state, ZoneState::Broken));
        self.records.push((OTHER_ZONES.to_owned(), count(records.sum())));
        self.load_errors.push((OTHER_ZONES.to_owned(), f64::from(u8::from(is_any_broken))));
    }
}

/// A count as Prometheus has it: exact up to 2⁵³.
#[expect(clippy::cast_precision_loss, reason = "every number of Prometheus is a float")]
fn count(count: usize) -> f64 {
    count as f64
}
