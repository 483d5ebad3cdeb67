//! How often something that may happen at any rate is logged.

use std::time::{Duration, Instant};

/// The shortest time between two lines about one kind of trouble: soon enough to be noticed, too
/// rare to fill a log.
const INTERVAL: Duration = Duration::from_secs(60);

/// When something was logged last. The first time is always due.
#[derive(Debug, Default)]
pub struct Pace {
    logged: Option<Instant>,
}

impl Pace {
    /// Whose first time is due.
    pub const fn new() -> Self {
        Self { logged: None }
    }

    /// Whether a line is due at this moment; if so, the next one is due a minute later.
    pub fn is_due(&mut self, now: Instant) -> bool {
        let is_due =
            self.logged.is_none_or(|logged| now.saturating_duration_since(logged) >= INTERVAL);
        if is_due {
            self.logged = Some(now);
        }
        is_due
    }
}

#[cfg(test)]
mod tests {
    use super::{INTERVAL, Pace};
    use std::time::{Duration, Instant};

    #[test]
    fn trouble_is_logged_at_once_and_then_once_a_minute() {
        let (mut pace, began) = (Pace::default(), Instant::now());
        let mut due = |after| pace.is_due(began + after);
        assert!(due(Duration::ZERO));
        assert!(!due(INTERVAL / 2));
        assert!(due(INTERVAL));
        assert!(!due(INTERVAL + INTERVAL / 2));
        // Threads may see each other's moments out of order.
        assert!(!due(Duration::ZERO));
        assert!(due(2 * INTERVAL));
    }
}
