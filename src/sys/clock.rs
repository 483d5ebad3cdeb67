//! The clock that goes on while the machine sleeps.

use std::time::Duration;

/// The time since the machine was started. Unlike `Instant`, which stands still while the machine is
/// suspended: what was learnt before would be taken for fresh after.
pub fn since_boot() -> Duration {
    let mut time = libc::timespec { tv_sec: 0, tv_nsec: 0 };
    // SAFETY: the pointer is to a `timespec` of ours, which the call fills.
    let result = unsafe { libc::clock_gettime(libc::CLOCK_BOOTTIME, &raw mut time) };
    debug_assert_eq!(result, 0, "Linux has this clock since 2.6.39");
    let seconds = u64::try_from(time.tv_sec).unwrap_or(0);
    Duration::new(seconds, u32::try_from(time.tv_nsec).unwrap_or(0))
}

#[cfg(test)]
mod tests {
    use super::since_boot;
    use std::time::Instant;

    #[test]
    fn time_goes_on_and_at_least_as_fast_as_while_the_machine_is_awake() {
        let (before, awake) = (since_boot(), Instant::now());
        let mut passed = awake.elapsed();
        while passed.is_zero() {
            passed = awake.elapsed();
        }
        assert!(since_boot() >= before + passed);
        assert!(!before.is_zero());
    }
}
