//! Counts of durations in buckets that grow with the value: within 1.6 % of what was recorded.
//!
//! Knows no units.

/// Each power of two has this many buckets, as a power of two.
const FINE_BITS: u32 = 6;

const BUCKETS: usize = (u64::BITS as usize - FINE_BITS as usize + 1) << FINE_BITS;

/// How often values of each size were recorded.
pub struct Histogram {
    counts: Vec<u64>,
    total: u64,
    sum: u64,
    max: u64,
}

impl Histogram {
    pub fn new() -> Self {
        Self { counts: vec![0; BUCKETS], total: 0, sum: 0, max: 0 }
    }

    pub fn record(&mut self, value: u64) {
        self.counts[bucket(value)] += 1;
        self.total += 1;
        self.sum = self.sum.wrapping_add(value);
        self.max = self.max.max(value);
    }

    pub fn clear(&mut self) {
        self.counts.fill(0);
        (self.total, self.sum, self.max) = (0, 0, 0);
    }

    pub fn max(&self) -> u64 {
        self.max
    }

    pub fn mean(&self) -> u64 {
        self.sum / self.total.max(1)
    }

    /// The value that so many of a million recorded ones do not exceed; 0 if there are none.
    pub fn quantile(&self, per_million: u64) -> u64 {
        let wanted = u128::from(self.total) * u128::from(per_million);
        let mut seen = 0;
        for (index, count) in self.counts.iter().enumerate() {
            seen += count;
            if seen > 0 && u128::from(seen) * 1_000_000 >= wanted {
                return largest(index).min(self.max);
            }
        }
        self.max
    }
}

fn bucket(value: u64) -> usize {
    let doublings = (u64::BITS - value.leading_zeros()).saturating_sub(FINE_BITS + 1);
    ((doublings as usize) << FINE_BITS) + (value >> doublings) as usize
}

/// The largest value of a bucket.
fn largest(index: usize) -> u64 {
    let doublings = (index >> FINE_BITS).saturating_sub(1);
    let first = (index - (doublings << FINE_BITS)) as u64;
    (first << doublings) + ((1 << doublings) - 1)
}
