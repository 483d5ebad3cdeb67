//! The program: its command line, and one file for each command.
//!
//! The only place that knows everything, and holds no protocol rule. `main` calls `run`.

mod activation;
mod check;
mod cli;
mod files;
mod hash;
mod hints;
pub mod lab;
mod listening;
mod load;
mod logging;
mod mail;
mod metrics;
mod notify;
mod open_files;
mod output;
mod pages;
mod panics;
mod privileges;
mod report;
mod resolving;
mod route;
mod secret;
mod serve;
mod zones;

use std::process::ExitCode;

use clap::Parser;

use crate::app::cli::{Cli, Command};

/// How a command ended. The numbers are part of the interface.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Exit {
    /// All is fine.
    Fine,
    /// The input or the configuration is at fault.
    Input,
    /// The command line is at fault.
    Usage,
    /// It could not be done: a port in use, no permission, a full disk.
    Failed,
    /// A program that it was there for ended with this code.
    Passed(u8),
}

impl From<Exit> for ExitCode {
    fn from(exit: Exit) -> Self {
        Self::from(match exit {
            Exit::Fine => 0,
            Exit::Input => 1,
            Exit::Usage => 2,
            Exit::Failed => 3,
            Exit::Passed(code) => code,
        })
    }
}

/// Runs the command that the arguments of the process name.
pub fn run() -> ExitCode {
    let exit = match Cli::try_parse() {
        Ok(cli) => dispatch(&cli.command),
        Err(error) => usage(&error),
    };
    exit.into()
}

fn dispatch(command: &Command) -> Exit {
    match command {
        Command::Serve(args) => serve::run(args),
        Command::Check(args) => check::run(args),
        Command::Route(args) => route::run(args),
        Command::Lab(args) => lab::command::run(args),
        Command::Hash => hash::run(),
        Command::Completions { shell } => pages::completions(*shell),
        Command::Man => pages::man(),
    }
}

/// Answers `--help` and `--version`, or says what is wrong with the command line.
fn usage(error: &clap::Error) -> Exit {
    // Nobody is left to tell if the terminal is gone.
    let _ = error.print();
    if error.use_stderr() { Exit::Usage } else { Exit::Fine }
}
