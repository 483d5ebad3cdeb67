//! The command line as clap reads it.
//!
//! Only what there is to say on it: what the commands do is in a file each.

use std::path::PathBuf;

use clap::{Args, Parser, Subcommand};
use clap_complete::Shell;

use crate::mail::address::Address;
use crate::wire::name::NameBuf;

/// The arguments of the program. What it is, is told by the package's description.
#[derive(Debug, Parser)]
#[command(
    name = "kereru",
    version,
    about,
    disable_help_subcommand = true,
    after_help = "Exit codes: 0 fine, 1 the input or the configuration is at fault, 2 wrong usage, \
                  3 could not do it."
)]
pub(super) struct Cli {
    #[command(subcommand)]
    pub(super) command: Command,
}

#[derive(Debug, Subcommand)]
pub(super) enum Command {
    /// Run the server
    ///
    /// SIGHUP reads the configuration and changed zones again; SIGTERM and SIGINT stop the server.
    /// Logs go to standard error.
    #[command(after_help = "Examples:\n  \
        kereru serve\n  \
        kereru serve --config /etc/kereru/kereru.yaml")]
    Serve(ServeArgs),
    /// Check the configuration and the zones
    ///
    /// All problems are told at once on standard output, each with its file, line and column, the
    /// source line and a hint. The exit code is 1 if any of them is an error.
    #[command(after_help = "Examples:\n  \
        kereru check\n  \
        kereru check --config /etc/kereru/kereru.yaml --json\n  \
        kereru check --origin example.org zones/example.org.zone\n  \
        kereru check --dump zones/example.org.zone")]
    Check(CheckArgs),
    /// Run a small Internet on this machine
    ///
    /// A hierarchy of names from its root down: a name server for each zone, 127.53.0.1 to .11, and a
    /// resolver, 127.0.0.1. Prints what to try; ends with Ctrl-C and leaves nothing behind.
    #[command(after_help = "Examples:\n  \
        kereru lab\n  \
        kereru lab --port 5399\n  \
        kereru lab --shell\n  \
        echo 'dig +trace www.cs.auckland.ac.nz' | kereru lab --shell")]
    Lab(LabArgs),
    /// Tell how mail for an address finds its way
    ///
    /// Looks at the zones of the configuration, and asks DNS for the rest as its resolver would; sends
    /// no mail. The exit code is 1 if mail would not arrive.
    #[command(after_help = "Examples:\n  \
        kereru route joe@bloggs.com\n  \
        kereru route --config /etc/kereru/kereru.yaml --json jane@example.org")]
    Route(RouteArgs),
    /// Make the hash of a password
    ///
    /// Asks for the password twice, or reads it from standard input if that is no terminal. Prints what
    /// `mail.users.password` takes in the configuration.
    #[command(after_help = "Examples:\n  \
        kereru hash\n  \
        pwgen -s 20 1 | tee password | kereru hash")]
    Hash,
    /// Print completions for a shell
    #[command(after_help = "Example:\n  \
        kereru completions bash > /usr/share/bash-completion/completions/kereru")]
    Completions {
        /// The shell
        shell: Shell,
    },
    /// Print the manual pages
    #[command(after_help = "Example:\n  kereru man | man -l -")]
    Man,
}

/// What `serve` is told.
#[derive(Args, Debug)]
pub(super) struct ServeArgs {
    /// Configuration file. Without it: kereru.yaml in this folder if there is one, else the
    /// built-in lab on loopback
    #[arg(long, value_name = "FILE")]
    pub(super) config: Option<PathBuf>,
}

/// What `lab` is told.
#[derive(Args, Debug)]
pub(super) struct LabArgs {
    /// Port of all servers. HTTP is on 8053, or on a free port if that is taken
    #[arg(long, value_name = "N", default_value_t = 5300, conflicts_with = "shell",
          value_parser = clap::value_parser!(u16).range(1..))]
    pub(super) port: u16,
    /// Open your shell ($SHELL, else /bin/sh) in namespaces of its own where the lab is the Internet:
    /// DNS on port 53, HTTP on 80, resolv.conf pointing there. Its exit code is that of the command
    #[arg(long, conflicts_with = "hints")]
    pub(super) shell: bool,
    /// Print where a resolver begins, in master-file form, and start nothing
    #[arg(long)]
    pub(super) hints: bool,
}

/// What `route` is told.
#[derive(Args, Debug)]
pub(super) struct RouteArgs {
    /// The address of somebody who is to get mail
    #[arg(value_name = "ADDRESS", value_parser = parse_address)]
    pub(super) address: Address,
    /// Configuration file. Without it: kereru.yaml in this folder if there is one, else the
    /// built-in lab
    #[arg(long, value_name = "FILE")]
    pub(super) config: Option<PathBuf>,
    /// Print what was seen as one JSON document
    #[arg(long)]
    pub(super) json: bool,
}

/// What `check` is told.
#[derive(Args, Debug)]
pub(super) struct CheckArgs {
    /// Configuration file. Without it: none if ZONEFILEs are given, else kereru.yaml in this
    /// folder
    #[arg(long, value_name = "FILE")]
    pub(super) config: Option<PathBuf>,
    /// Name of the zone in ZONEFILE. Without it: its $ORIGIN, or the file's name
    #[arg(long, value_name = "NAME", value_parser = parse_name, requires = "zone_files")]
    pub(super) origin: Option<NameBuf>,
    /// Print the zones instead: fully qualified, one record a line, in canonical order
    #[arg(long, conflicts_with = "json")]
    pub(super) dump: bool,
    /// Print the problems as one JSON document
    #[arg(long)]
    pub(super) json: bool,
    /// Zone files to check
    #[arg(value_name = "ZONEFILE")]
    pub(super) zone_files: Vec<PathBuf>,
}

fn parse_name(text: &str) -> Result<NameBuf, String> {
    let root = NameBuf::root();
    NameBuf::from_text(text.as_bytes(), Some(root.as_name())).map_err(|error| error.to_string())
}

fn parse_address(text: &str) -> Result<Address, String> {
    Address::read(text).map_err(|error| error.to_string())
}

#[cfg(test)]
mod tests;
