//! `kereru check`: tells all that is wrong with a configuration.
//!
//! Starts nothing and changes nothing. Runs the same checks as `kereru serve`.

use crate::app::cli::CheckArgs;
use crate::app::{Exit, load, output, report};
use crate::base::diagnostic::Diagnostics;
use crate::config::{Config, Origin};

/// Checks what the arguments name and prints the problems.
pub(super) fn run(args: &CheckArgs) -> Exit {
    let mut problems = Diagnostics::default();
    check_configuration(args, &mut problems);
    let exit = if problems.has_errors() { Exit::Input } else { Exit::Fine };
    let text = match args.json {
        true => report::json(&problems),
        false => report::text(&problems, output::is_colourful()),
    };
    output::print(&text, exit)
}

/// Checks the configuration, if one is asked for, and gives it back if it can be used.
fn check_configuration(args: &CheckArgs, problems: &mut Diagnostics) -> Option<Config> {
    if args.config.is_none() && !args.zone_files.is_empty() {
        return None;
    }
    match load::configuration(args.config.as_deref()) {
        Ok((config, warnings)) => {
            if config.origin == Origin::BuiltIn {
                output::note("no kereru.yaml here: this is about the built-in configuration\n");
            }
            problems.append(warnings);
            Some(config)
        }
        Err(found) => {
            problems.append(found);
            None
        }
    }
}
