//! What becomes known of a panic, which is always a bug of ours: a count and a line in the log.
//!
//! Whatever panicked, a worker, a task or a reload, passes here before anything else.

use std::panic::{self, PanicHookInfo};
use std::sync::Mutex;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Instant;

use crate::base::pace::Pace;

/// Characters of a message that are logged; some of them may come from a packet.
const MESSAGE_LEN_MAX: usize = 200;

/// Panics since the process began. Of the process, as its one hook is.
static COUNT: AtomicU64 = AtomicU64::new(0);

/// When one was logged last.
static PACE: Mutex<Pace> = Mutex::new(Pace::new());

/// Counts and logs panics from now on, instead of writing each to standard error.
pub(super) fn watch() {
    panic::set_hook(Box::new(take));
}

/// Panics so far.
pub(super) fn count() -> u64 {
    COUNT.load(Ordering::Relaxed)
}

fn take(info: &PanicHookInfo<'_>) {
    let panics = COUNT.fetch_add(1, Ordering::Relaxed) + 1;
    // Whoever holds the lock logs; a panic while it does must not wait for it.
    let is_due = PACE.try_lock().is_ok_and(|mut pace| pace.is_due(Instant::now()));
    if is_due {
        let place = info.location().map(ToString::to_string).unwrap_or_default();
        let message = shortened(info.payload_as_str().unwrap_or_default());
        tracing::error!(panics, place, message, "panicked, which is a bug; please report it");
    }
}

fn shortened(message: &str) -> String {
    message.escape_debug().take(MESSAGE_LEN_MAX).collect()
}

#[cfg(test)]
mod tests {
    use super::shortened;

    #[test]
    fn message_of_a_panic_is_one_line_of_bounded_length() {
        assert_eq!(shortened("two\nlines \u{1b}[2J"), r"two\nlines \u{1b}[2J");
        assert_eq!(shortened(&"\u{0}".repeat(10_000)).len(), 200);
    }
}
