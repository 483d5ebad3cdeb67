//! Which CPUs threads run on.

use std::io;

/// The numbers of the CPUs that this process may use, in ascending order; empty if unknown.
pub fn allowed_cpus() -> Vec<usize> {
    let mut set = empty_set();
    // SAFETY: the pointer is to a `cpu_set_t` of ours, and the size given is its size.
    let result = unsafe { libc::sched_getaffinity(0, size_of::<libc::cpu_set_t>(), &raw mut set) };
    if result != 0 {
        return Vec::new();
    }
    let most = usize::try_from(libc::CPU_SETSIZE).unwrap_or(0);
    (0..most)
        .filter(|&cpu| {
            // SAFETY: `cpu` is below CPU_SETSIZE, so it lies within the set.
            unsafe { libc::CPU_ISSET(cpu, &set) }
        })
        .collect()
}

/// Keeps the calling thread on one CPU.
///
/// # Errors
///
/// Fails if the CPU is not one that this process may use.
pub fn pin_to(cpu: usize) -> io::Result<()> {
    if !usize::try_from(libc::CPU_SETSIZE).is_ok_and(|most| cpu < most) {
        return Err(io::ErrorKind::InvalidInput.into());
    }
    let mut set = empty_set();
    // SAFETY: `cpu` is below CPU_SETSIZE, so it lies within the set.
    unsafe { libc::CPU_SET(cpu, &mut set) };
    // SAFETY: the pointer is to a `cpu_set_t` of ours, and the size given is its size.
    let result =
        unsafe { libc::sched_setaffinity(0, size_of::<libc::cpu_set_t>(), &raw const set) };
    if result == 0 { Ok(()) } else { Err(io::Error::last_os_error()) }
}

fn empty_set() -> libc::cpu_set_t {
    // SAFETY: a `cpu_set_t` is an array of integers, for which all zeros is a value.
    unsafe { std::mem::zeroed() }
}
