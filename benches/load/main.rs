//! Asks a server many questions, checks every reply, and prints one line of JSON about it.
//!
//! In a closed loop it keeps a number of queries under way; with `--rate` it sends them when they
//! are due, and waits from then on. It knows no zones: what to ask and which response code is right
//! stands in a file (see `queries`). `benches/compare` calls it.
#![expect(unreachable_pub, reason = "`pub` is the surface of a module; a program has no other")]
#![expect(
    clippy::cast_possible_truncation,
    reason = "what is cast is a number of queries below 2³², or becomes one of whole nanoseconds"
)]

mod datagrams;
mod histogram;
mod queries;
mod session;
mod slots;
mod tcp;
mod udp;
mod usage;

use std::error::Error;
use std::fs;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::process::ExitCode;
use std::time::Duration;

use clap::{Parser, ValueEnum};
use kereru::sys::affinity;
use serde_json::{Value, json};

use queries::Queries;
use session::{Plan, Session};
use slots::SLOTS_MAX;

/// Asks a DNS server many questions and prints one line of JSON.
#[derive(Parser)]
struct Options {
    /// Address and port of the server.
    #[arg(long)]
    address: SocketAddr,
    /// File of the questions, as `benches/compare` writes it.
    #[arg(long)]
    queries: PathBuf,
    /// Seconds that are measured.
    #[arg(long, default_value_t = 5.0)]
    seconds: f64,
    /// Seconds before, which are not.
    #[arg(long, default_value_t = 1.0)]
    warm_up: f64,
    /// UDP sockets.
    #[arg(long, default_value_t = 8, value_parser = clap::value_parser!(u16).range(1..=1024))]
    sockets: u16,
    /// Queries under way: on all UDP sockets together, on each TCP connection.
    #[arg(long, default_value_t = 128, value_parser = clap::value_parser!(u16).range(1..=4096))]
    outstanding: u16,
    /// Queries a second, sent whether replies come or not. Without it the next is sent when a
    /// reply has come.
    #[arg(long, conflicts_with = "tcp")]
    rate: Option<f64>,
    /// Uses so many TCP connections.
    #[arg(long, value_parser = clap::value_parser!(u16).range(1..=1024))]
    tcp: Option<u16>,
    /// CPU to stay on.
    #[arg(long)]
    cpu: Option<usize>,
    /// Asks every question once before, and writes how long the replies are.
    #[arg(long, value_name = "FILE")]
    lengths: Option<PathBuf>,
    /// Asks `echo` for replies of these lengths.
    #[arg(long, value_name = "FILE", conflicts_with_all = ["lengths", "tcp"])]
    echo_lengths: Option<PathBuf>,
    /// Process of the server, whose CPU time is told; can be repeated.
    #[arg(long = "pid")]
    pids: Vec<u32>,
    /// Beginning of the name of threads whose CPU time is also told alone.
    #[arg(long)]
    thread: Option<String>,
    /// Order of the questions.
    #[arg(long, default_value = "sequential")]
    order: Order,
    /// Seed of a random order.
    #[arg(long, default_value_t = 1)]
    seed: u64,
}

#[derive(Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Order {
    Sequential,
    Random,
}

/// How long a query waits for its reply.
const TIMEOUT: Duration = Duration::from_secs(1);

#[expect(clippy::print_stdout, clippy::print_stderr, reason = "its one line is its purpose")]
fn main() -> ExitCode {
    match run(&Options::parse()) {
        Ok(line) => {
            println!("{line}");
            ExitCode::SUCCESS
        }
        Err(error) => {
            eprintln!("load: {error}");
            ExitCode::FAILURE
        }
    }
}

fn run(options: &Options) -> Result<Value, Box<dyn Error>> {
    let mut queries = Queries::read(&options.queries)?;
    if let Some(path) = &options.echo_lengths {
        queries.ask_for_lengths(path)?;
    }
    if let Some(cpu) = options.cpu {
        affinity::pin_to(cpu)?;
    }
    if options.rate.is_some_and(|rate| !(rate > 0.0 && rate.is_finite())) {
        return Err("a rate is more than 0".into());
    }
    let plan = Plan {
        pass: options.lengths.is_some(),
        warm_up: Duration::try_from_secs_f64(options.warm_up)?,
        measure: Duration::try_from_secs_f64(options.seconds)?,
        timeout: TIMEOUT,
        rate: options.rate,
        seed: (options.order == Order::Random).then_some(options.seed),
        pids: &options.pids,
        thread: options.thread.as_deref(),
    };
    let (address, outstanding) = (options.address, options.outstanding);
    let mut session;
    match options.tcp {
        Some(connections) => {
            let mut transport = tcp::Connections::connect(address, connections, outstanding)?;
            session = Session::new(&queries, plan);
            session.run(&mut transport)?;
        }
        None => {
            let sockets = options.sockets.min(outstanding);
            // An open loop has room for all that is due while a server pauses.
            let slots = if plan.rate.is_some() { SLOTS_MAX } else { outstanding / sockets };
            let mut transport = udp::Datagrams::connect(address, sockets, slots)?;
            session = Session::new(&queries, plan);
            session.run(&mut transport)?;
        }
    }
    if let Some(path) = &options.lengths {
        let missing = session.lengths.iter().filter(|&&length| length == 0).count();
        if missing > 0 {
            return Err(format!("{missing} queries of the first pass got no right reply").into());
        }
        let octets: Vec<u8> = session.lengths.iter().flat_map(|len| len.to_be_bytes()).collect();
        fs::write(path, octets)?;
    }
    Ok(report(options, &session))
}

fn report(options: &Options, session: &Session<'_>) -> Value {
    let (tally, measured, latency) = (&session.tally, &session.measured, &session.latency);
    let answered = measured.answered.max(1) as f64;
    let elapsed = measured.elapsed.as_nanos() as f64;
    let microseconds = |ns: u64| ns as f64 / 1e3;
    let first_fault = session.first_fault.map(|(query, fault)| format!("{query}: {fault:?}"));
    let per_query = |ns: u64| (!options.pids.is_empty()).then(|| ns as f64 / answered);
    json!({
        "address": options.address.to_string(),
        "transport": if options.tcp.is_some() { "tcp" } else { "udp" },
        "rate": options.rate,
        "seconds": measured.elapsed.as_secs_f64(),
        "qps": measured.answered as f64 / measured.elapsed.as_secs_f64(),
        "sent": tally.sent,
        "answered": tally.answered,
        "truncated": tally.truncated,
        "lost": tally.lost,
        "overdue": measured.overdue,
        "duplicates": tally.duplicates,
        "strays": tally.strays,
        "wrong": {
            "all": tally.wrong(),
            "no_reply": tally.no_reply,
            "question": tally.wrong_question,
            "rcode": tally.wrong_rcode,
            "length": tally.wrong_length,
            "first": first_fault,
        },
        "reconnects": tally.reconnects,
        "reply_octets": tally.reply_octets as f64 / tally.answered.max(1) as f64,
        "latency_us": {
            "mean": microseconds(latency.mean()),
            "p50": microseconds(latency.quantile(500_000)),
            "p99": microseconds(latency.quantile(990_000)),
            "p99.9": microseconds(latency.quantile(999_000)),
            "max": microseconds(latency.max()),
        },
        "cpu_ns_per_query": per_query(measured.usage.server_ns),
        "thread_ns_per_query": options.thread.as_ref().and_then(|_| per_query(measured.usage.named_ns)),
        "server_busy": measured.usage.server_ns as f64 / elapsed,
        "generator_idle": measured.idle_share,
        "steal": measured.usage.steal_share(),
        "foreign": measured.usage.foreign_share(),
    })
}
