//! What CPU time was used for, as `/proc` tells it.

use std::fs;
use std::io;

/// Readings at one moment.
#[derive(Clone, Copy, Default)]
pub struct Usage {
    /// Run time of all threads of the server, in nanoseconds.
    pub server_ns: u64,
    /// Run time of those threads of the server that have the name asked for.
    pub named_ns: u64,
    /// Run time of this program.
    own_ns: u64,
    /// Time of all CPUs, in ticks: all of it, that of processes, and what other machines got.
    ticks: u64,
    busy_ticks: u64,
    steal_ticks: u64,
}

/// Nanoseconds of a tick of `/proc/stat`, whose unit user space always sees as 1/100 s.
const TICK_NS: u64 = 10_000_000;

impl Usage {
    /// Reads the processes of a server, and the machine.
    pub fn read(pids: &[u32], thread: Option<&str>) -> io::Result<Self> {
        let mut usage = Self { own_ns: run_time("/proc/self/schedstat")?, ..Self::default() };
        for pid in pids {
            for task in fs::read_dir(format!("/proc/{pid}/task"))? {
                let task = task?.path();
                let path = task.display();
                // A thread may end between being listed and being read.
                let Ok(ns) = run_time(&format!("{path}/schedstat")) else { continue };
                usage.server_ns += ns;
                let name = fs::read_to_string(task.join("comm")).unwrap_or_default();
                if thread.is_some_and(|thread| name.starts_with(thread)) {
                    usage.named_ns += ns;
                }
            }
        }
        let stat = fs::read_to_string("/proc/stat")?;
        let line = stat.lines().next().unwrap_or_default();
        let ticks: Vec<u64> =
            line.split_whitespace().skip(1).take(8).filter_map(|word| word.parse().ok()).collect();
        let [user, nice, system, idle, wait, irq, softirq, steal] = ticks[..] else {
            return Err(io::ErrorKind::InvalidData.into());
        };
        // Interrupts work for whoever uses the network, and count as idle here.
        usage.busy_ticks = user + nice + system;
        usage.steal_ticks = steal;
        usage.ticks = usage.busy_ticks + idle + wait + irq + softirq + steal;
        Ok(usage)
    }

    /// What was used between an earlier reading and this one.
    pub fn since(&self, earlier: &Self) -> Self {
        Self {
            server_ns: self.server_ns.saturating_sub(earlier.server_ns),
            named_ns: self.named_ns.saturating_sub(earlier.named_ns),
            own_ns: self.own_ns.saturating_sub(earlier.own_ns),
            ticks: self.ticks.saturating_sub(earlier.ticks),
            busy_ticks: self.busy_ticks.saturating_sub(earlier.busy_ticks),
            steal_ticks: self.steal_ticks.saturating_sub(earlier.steal_ticks),
        }
    }

    /// The part of all CPU time that the hypervisor gave to others.
    pub fn steal_share(&self) -> f64 {
        self.steal_ticks as f64 / self.ticks.max(1) as f64
    }

    /// The part of all CPU time that went to neither the server nor this program.
    pub fn foreign_share(&self) -> f64 {
        let ours = (self.server_ns + self.own_ns) / TICK_NS;
        self.busy_ticks.saturating_sub(ours) as f64 / self.ticks.max(1) as f64
    }
}

/// The first number of a `schedstat` file.
fn run_time(path: &str) -> io::Result<u64> {
    let text = fs::read_to_string(path)?;
    let number = text.split_whitespace().next().and_then(|word| word.parse().ok());
    number.ok_or_else(|| io::ErrorKind::InvalidData.into())
}
