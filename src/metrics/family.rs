//! A family of metrics whose values are looked up when they are asked for.
//!
//! A thin layer over the plain structures of the prometheus crate, so that each collector says only
//! what its values are.

use prometheus::core::Desc;
use prometheus::proto::{
    Bucket, Counter, Gauge, Histogram, LabelPair, Metric, MetricFamily, MetricType,
};

/// Why a family cannot be made: Prometheus does not allow its name, which is a mistake in the
/// program.
pub type FamilyError = prometheus::Error;

/// How the values of a family behave.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// They only grow.
    Counter,
    /// They go up and down.
    Gauge,
}

/// A family: its name, what it means, and the label that tells its members apart.
#[derive(Debug)]
struct Family {
    desc: Desc,
    /// The label; none if there is one member.
    label: Option<&'static str>,
}

/// A family of numbers.
#[derive(Debug)]
pub struct Numbers {
    family: Family,
    kind: Kind,
}

/// A family of histograms.
#[derive(Debug)]
pub(super) struct Histograms {
    family: Family,
}

/// The values of one histogram.
#[derive(Debug)]
pub(super) struct Distribution<'d> {
    /// The upper bounds of the buckets.
    pub(super) bounds: &'d [f64],
    /// How many values are in each bucket, and how many are above all.
    pub(super) counts: &'d [u64],
    /// The sum of all values.
    pub(super) sum: f64,
}

impl Family {
    fn new(name: &str, help: &str, label: Option<&'static str>) -> Result<Self, FamilyError> {
        let labels = label.map(str::to_owned).into_iter().collect();
        let desc = Desc::new(name.to_owned(), help.to_owned(), labels, [].into())?;
        Ok(Self { desc, label })
    }

    fn with(&self, kind: MetricType, metrics: Vec<Metric>) -> MetricFamily {
        let mut family = MetricFamily::default();
        family.set_name(self.desc.fq_name.clone());
        family.set_help(self.desc.help.clone());
        family.set_field_type(kind);
        family.set_metric(metrics);
        family
    }

    fn metric(&self, value: &str) -> Metric {
        let mut metric = Metric::default();
        if let Some(name) = self.label {
            let mut label = LabelPair::default();
            label.set_name(name.to_owned());
            label.set_value(value.to_owned());
            metric.set_label(vec![label]);
        }
        metric
    }
}

impl Numbers {
    /// A family with one member for each value of a label.
    ///
    /// # Errors
    ///
    /// Fails if Prometheus does not allow the name or the label.
    pub fn labelled(
        kind: Kind,
        name: &str,
        help: &str,
        label: &'static str,
    ) -> Result<Self, FamilyError> {
        Ok(Self { family: Family::new(name, help, Some(label))?, kind })
    }

    /// A family of one member.
    ///
    /// # Errors
    ///
    /// Fails if Prometheus does not allow the name.
    pub fn single(kind: Kind, name: &str, help: &str) -> Result<Self, FamilyError> {
        Ok(Self { family: Family::new(name, help, None)?, kind })
    }

    /// What a collector tells the registry of it.
    pub fn desc(&self) -> &Desc {
        &self.family.desc
    }

    /// The family with its one member.
    pub fn with_value(&self, value: f64) -> MetricFamily {
        self.with_values([("", value)])
    }

    /// The family with these members: the label of each and its value.
    pub fn with_values<L: AsRef<str>>(
        &self,
        values: impl IntoIterator<Item = (L, f64)>,
    ) -> MetricFamily {
        let metrics = values.into_iter().map(|(label, value)| {
            let mut metric = self.family.metric(label.as_ref());
            match self.kind {
                Kind::Counter => {
                    let mut counter = Counter::default();
                    counter.set_value(value);
                    metric.set_counter(counter);
                }
                Kind::Gauge => {
                    let mut gauge = Gauge::default();
                    gauge.set_value(value);
                    metric.set_gauge(gauge);
                }
            }
            metric
        });
        let kind = match self.kind {
            Kind::Counter => MetricType::COUNTER,
            Kind::Gauge => MetricType::GAUGE,
        };
        self.family.with(kind, metrics.collect())
    }
}

impl Histograms {
    /// A family with one histogram for each value of a label.
    pub(super) fn new(name: &str, help: &str, label: &'static str) -> Result<Self, FamilyError> {
        Ok(Self { family: Family::new(name, help, Some(label))? })
    }

    /// A family of one histogram.
    pub(super) fn single(name: &str, help: &str) -> Result<Self, FamilyError> {
        Ok(Self { family: Family::new(name, help, None)? })
    }

    /// What a collector tells the registry of it.
    pub(super) fn desc(&self) -> &Desc {
        &self.family.desc
    }

    /// The family with these members.
    pub(super) fn with<'d>(
        &self,
        members: impl Iterator<Item = (&'static str, Distribution<'d>)>,
    ) -> MetricFamily {
        let metrics = members.map(|(label, distribution)| {
            let mut metric = self.family.metric(label);
            metric.set_histogram(histogram(&distribution));
            metric
        });
        self.family.with(MetricType::HISTOGRAM, metrics.collect())
    }
}

fn histogram(distribution: &Distribution<'_>) -> Histogram {
    let mut up_to_here = 0;
    let buckets = distribution.bounds.iter().zip(distribution.counts).map(|(&bound, count)| {
        up_to_here += count;
        let mut bucket = Bucket::default();
        bucket.set_upper_bound(bound);
        bucket.set_cumulative_count(up_to_here);
        bucket
    });
    let mut histogram = Histogram::default();
    histogram.set_bucket(buckets.collect());
    histogram.set_sample_count(distribution.counts.iter().sum());
    histogram.set_sample_sum(distribution.sum);
    histogram
}
