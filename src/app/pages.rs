//! `kereru completions` and `kereru man`: pages made from the command line's own description.

use clap::CommandFactory;
use clap_complete::Shell;
use clap_mangen::Man;

use crate::app::cli::Cli;
use crate::app::{Exit, output};

/// Prints the completions for a shell.
pub(super) fn completions(shell: Shell) -> Exit {
    let mut page = Vec::new();
    clap_complete::generate(shell, &mut Cli::command(), "kereru", &mut page);
    output::print(&String::from_utf8_lossy(&page), Exit::Fine)
}

/// Prints the manual page of the program, and after it one of each command.
pub(super) fn man() -> Exit {
    let mut command = Cli::command();
    // Gives the commands their full names.
    command.build();
    let mut pages = Vec::new();
    for command in std::iter::once(&command).chain(command.get_subcommands()) {
        if let Err(error) = Man::new(command.clone()).render(&mut pages) {
            output::note(&format!("cannot make the manual page: {error}\n"));
            return Exit::Failed;
        }
    }
    output::print(&String::from_utf8_lossy(&pages), Exit::Fine)
}
