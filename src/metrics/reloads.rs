//! What reloads came to.

use std::time::{SystemTime, UNIX_EPOCH};

use prometheus::{Gauge, IntCounter, IntCounterVec, Opts, Registry};

use crate::metrics::family::FamilyError;

/// Counts reloads. The start of the server is the first success, and is not counted as a reload.
#[derive(Clone, Debug)]
pub struct Reloads {
    successes: IntCounter,
    failures: IntCounter,
    last_success: Gauge,
}

impl Reloads {
    /// Nothing was loaded yet.
    ///
    /// # Errors
    ///
    /// Fails if the registry has these families already.
    pub fn register(registry: &Registry) -> Result<Self, FamilyError> {
        let total = Opts::new("kereru_reloads_total", "Reloads, by whether they took effect.");
        let total = IntCounterVec::new(total, &["result"])?;
        let last_success = Gauge::new(
            "kereru_config_last_reload_success_timestamp_seconds",
            "When the configuration in force was loaded.",
        )?;
        registry.register(Box::new(total.clone()))?;
        registry.register(Box::new(last_success.clone()))?;
        Ok(Self {
            successes: total.with_label_values(&["success"]),
            failures: total.with_label_values(&["failure"]),
            last_success,
        })
    }

    /// The configuration of the start took effect.
    pub fn started(&self, at: SystemTime) {
        let since_epoch = at.duration_since(UNIX_EPOCH).unwrap_or_default();
        self.last_success.set(since_epoch.as_secs_f64());
    }

    /// A reload took effect.
    pub fn succeeded(&self, at: SystemTime) {
        self.successes.inc();
        self.started(at);
    }

    /// A reload had no effect: what was in force stays.
    pub fn failed(&self) {
        self.failures.inc();
    }
}
