//! The place that the lab's shell lives in: namespaces in which the lab is the Internet.
//!
//! Names are looked up in the lab alone there, and no packet finds a way out. The shell is the same
//! user as before and has no more rights. Called by `command` before anything else has begun.

use std::collections::BTreeSet;
use std::fmt;
use std::fs;
use std::io;
use std::net::Ipv4Addr;
use std::path::{Path, PathBuf};

use crate::app::lab::folder::Folder;
use crate::sys::loopback::Loopback;
use crate::sys::namespace::{self, Cover};
use crate::sys::privilege;

/// Where programs find out whom to ask for names.
const RESOLV_CONF: &str = "/etc/resolv.conf";

/// Where they find out how names are looked up.
const NSSWITCH_CONF: &str = "/etc/nsswitch.conf";

/// What the former says in the lab.
const RESOLV_TEXT: &str = "# The resolver of the lab (kereru lab --shell)\nnameserver 127.0.0.1\n";

/// The line of the latter that counts in the lab.
const HOSTS_LINE: &str = "hosts: files dns";

/// Folders with the sockets of programs that look names up for others. They live in the machine's
/// network and would ask the real Internet.
const DAEMONS: [&str; 3] = ["/run/nscd", "/var/run/nscd", "/run/systemd/resolve"];

/// Why there is no such place.
#[derive(Debug)]
pub(super) struct RealmError {
    /// What failed.
    step: &'static str,
    error: io::Error,
}

impl std::error::Error for RealmError {}

impl fmt::Display for RealmError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { step, error } = self;
        write!(f, "no shell in the lab: cannot {step}: {error}; {}", advice(&reads_as))
    }
}

/// Moves the process into the place. Its loopback device is down yet.
///
/// # Errors
///
/// Fails if the system does not let this user have namespaces, or mount in them.
pub(super) fn enter(folder: &Folder) -> Result<(), RealmError> {
    let (uid, gid) = (privilege::effective_uid(), privilege::effective_gid());
    let failed = |step| move |error| RealmError { step, error };
    namespace::enter_own().map_err(failed("have namespaces of its own"))?;
    // Nobody may map a group before it is settled that none can be dropped (`user_namespaces(7)`).
    fs::write("/proc/self/setgroups", "deny")
        .and_then(|()| fs::write("/proc/self/uid_map", format!("{uid} {uid} 1")))
        .and_then(|()| fs::write("/proc/self/gid_map", format!("{gid} {gid} 1")))
        .map_err(failed("keep the user"))?;
    namespace::make_mounts_private().map_err(failed("have mounts of its own"))?;
    lead_names_here(folder).map_err(failed("lead names to the lab"))
}

/// Brings the loopback device up, and puts these addresses on it.
///
/// # Errors
///
/// Fails without the right to do so.
pub(super) fn raise_loopback(addresses: &BTreeSet<Ipv4Addr>) -> Result<(), RealmError> {
    let raised = Loopback::open().and_then(|device| {
        device.bring_up()?;
        addresses.iter().try_for_each(|&address| device.add(address))
    });
    raised.map_err(|error| RealmError { step: "bring its loopback device up", error })
}

/// Lets names be looked up in the lab and nowhere else.
fn lead_names_here(folder: &Folder) -> io::Result<()> {
    let resolv = folder.write("resolv.conf", RESOLV_TEXT)?;
    // What this machine says of users and groups stays.
    let before = fs::read_to_string(NSSWITCH_CONF).unwrap_or_default();
    let nsswitch = folder.write("nsswitch.conf", &with_hosts_line(&before))?;
    let real = fs::canonicalize(RESOLV_CONF).ok();
    let mut covers = vec![(RESOLV_CONF, resolv), (NSSWITCH_CONF, nsswitch)];
    let mut hidden: Vec<PathBuf> = Vec::new();
    for daemon in DAEMONS.iter().filter_map(|path| fs::canonicalize(path).ok()) {
        if hidden.contains(&daemon) {
            continue;
        }
        let empty = folder.path().join(format!("hidden-{}", hidden.len()));
        fs::create_dir(&empty)?;
        if let Some(rest) = real.as_ref().and_then(|real| real.strip_prefix(&daemon).ok()) {
            // What the file is a link to is there, too.
            folder.write(empty.join(rest), RESOLV_TEXT)?;
            covers.retain(|(over, _)| *over != RESOLV_CONF);
        }
        namespace::cover(Cover { over: &daemon, with: &empty })?;
        hidden.push(daemon);
    }
    for (over, with) in &covers {
        // Without these files the C library asks 127.0.0.1, by the files it has and by DNS.
        if Path::new(over).exists() {
            namespace::cover(Cover { over: Path::new(over), with })?;
        }
    }
    Ok(())
}

/// The text of an `nsswitch.conf` with the lab's line for hosts in the place of its own.
fn with_hosts_line(text: &str) -> String {
    let others = text.lines().filter(|line| !line.trim_start().starts_with("hosts:"));
    others.chain([HOSTS_LINE]).map(|line| format!("{line}\n")).collect()
}

/// Settings that forbid namespaces to users: where, what forbids, and what allows them.
const SWITCHES: [(&str, &str, &str); 3] = [
    ("/proc/sys/user/max_user_namespaces", "0", "user.max_user_namespaces=10000"),
    ("/proc/sys/kernel/unprivileged_userns_clone", "0", "kernel.unprivileged_userns_clone=1"),
    (
        "/proc/sys/kernel/apparmor_restrict_unprivileged_userns",
        "1",
        "kernel.apparmor_restrict_unprivileged_userns=0",
    ),
];

/// What to do where namespaces are forbidden. `reads_as` tells whether a file reads so.
fn advice(reads_as: &dyn Fn(&str, &str) -> bool) -> String {
    let forbidding = SWITCHES.iter().find(|(path, forbids, _)| reads_as(path, forbids));
    let remedy = match forbidding {
        Some((_, _, setting)) => format!("run `sysctl {setting}` as root"),
        None => {
            "it needs user, network and mount namespaces, which the runtime of a container may \
                 forbid (Docker allows them with `--security-opt seccomp=unconfined --security-opt \
                 apparmor=unconfined`)"
                .to_owned()
        }
    };
    format!("{remedy}; `kereru lab` without `--shell` needs nothing of that")
}

fn reads_as(path: &str, value: &str) -> bool {
    fs::read_to_string(path).is_ok_and(|text| text.trim() == value)
}

#[cfg(test)]
mod tests {
    use super::{advice, with_hosts_line};

    #[test]
    fn only_the_line_for_hosts_is_replaced() {
        let before = "passwd: files sss\n  hosts: mymachines resolve [!UNAVAIL=return] dns\n# end";
        let after = "passwd: files sss\n# end\nhosts: files dns\n";
        assert_eq!(with_hosts_line(before), after);
        assert_eq!(with_hosts_line(""), "hosts: files dns\n");
    }

    #[test]
    fn advice_names_the_setting_that_forbids() {
        let setting = "/proc/sys/kernel/unprivileged_userns_clone";
        let told = advice(&|path, value| (path, value) == (setting, "0"));
        assert!(told.starts_with("run `sysctl kernel.unprivileged_userns_clone=1` as root; "));
        assert!(advice(&|_, _| false).starts_with("it needs user, network and mount namespaces"));
    }
}
