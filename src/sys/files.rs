//! How many files the process may have open.

use std::io;

/// Raises the limit of open files as far as the system allows; returns the limit.
///
/// # Errors
///
/// Fails if the kernel refuses.
pub fn raise_limit() -> io::Result<u64> {
    let mut limit = limits()?;
    if limit.rlim_cur == limit.rlim_max {
        return Ok(limit.rlim_cur);
    }
    limit.rlim_cur = limit.rlim_max;
    // SAFETY: the pointer is to a structure of ours.
    if unsafe { libc::setrlimit(libc::RLIMIT_NOFILE, &raw const limit) } != 0 {
        return Err(io::Error::last_os_error());
    }
    Ok(limit.rlim_cur)
}

/// How far the limit of open files can be raised.
///
/// # Errors
///
/// Fails if the kernel does not say.
pub fn limit_max() -> io::Result<u64> {
    limits().map(|limit| limit.rlim_max)
}

fn limits() -> io::Result<libc::rlimit> {
    let mut limit = libc::rlimit { rlim_cur: 0, rlim_max: 0 };
    // SAFETY: the pointer is to a structure of ours.
    if unsafe { libc::getrlimit(libc::RLIMIT_NOFILE, &raw mut limit) } != 0 {
        return Err(io::Error::last_os_error());
    }
    Ok(limit)
}
