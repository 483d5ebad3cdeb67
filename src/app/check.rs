//! `kereru check`: tells all that is wrong with a configuration and its zones.
//!
//! Starts nothing and changes nothing. Runs the same checks as `kereru serve`.

use std::sync::Arc;

use crate::app::cli::CheckArgs;
use crate::app::zones::{self, Catalog, Task};
use crate::app::{Exit, hints, load, mail, open_files, output, report, secret};
use crate::base::diagnostic::Diagnostics;
use crate::config::{Config, Origin};
use crate::sys::affinity;
use crate::wire::name::Name;
use crate::wire::numbers::{Class, Rtype};
use crate::zone::file::print;
use crate::zone::file::reader::Record;
use crate::zone::node::{Node, Set};
use crate::zone::store::Zone;

/// Checks what the arguments name and prints the problems, or the zones.
pub(super) fn run(args: &CheckArgs) -> Exit {
    let mut problems = Diagnostics::default();
    let config = check_configuration(args, &mut problems);
    let zones = check_zones(args, config.as_ref(), &mut problems);
    let exit = if problems.has_errors() { Exit::Input } else { Exit::Fine };
    if args.dump {
        if problems.errors() + problems.warnings() > 0 {
            output::note(&report::text(&problems, false));
        }
        let texts = zones.iter().flat_map(|zone| zone.nodes().map(node_text));
        return output::print_all(texts, exit);
    }
    let text = if args.json {
        report::json(&problems)
    } else {
        report::text(&problems, output::is_colourful())
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
            problems.append(secret::check(&config));
            problems.append(hints::check(&config));
            problems.append(mail::check_certificate(&config));
            problems.append(open_files::check(&config, &affinity::allowed_cpus()));
            Some(config)
        }
        Err(found) => {
            problems.append(found);
            None
        }
    }
}

/// Reads the zone files that are named, or else those of the configuration; gives back the zones
/// that can be served.
fn check_zones(
    args: &CheckArgs,
    config: Option<&Config>,
    problems: &mut Diagnostics,
) -> Vec<Arc<Zone>> {
    let loaded = match config {
        Some(config) if args.zone_files.is_empty() => {
            let (catalog, found) = zones::load_configured(config, &Catalog::default());
            problems.append(found);
            catalog.entries
        }
        Some(_) | None => {
            let given = &args.origin;
            let tasks = args.zone_files.iter().map(|file| Task::new(file, given.clone()));
            zones::load_all(&tasks.collect::<Vec<Task>>())
        }
    };
    let mut zones = Vec::new();
    for entry in loaded {
        problems.append(entry.diagnostics);
        zones.extend(entry.zone);
    }
    zones
}

/// The records of a name, one a line, in the order of `named-compilezone`: SOA and NS come first,
/// and signatures follow what they cover.
fn node_text(node: &Node) -> String {
    let mut text = String::new();
    let mut sets: Vec<Set<'_>> = node.sets().collect();
    sets.sort_by_key(|set| {
        let is_signature = set.rtype() == Rtype::RRSIG;
        let rtype = if is_signature { set.key.covered } else { set.rtype() };
        (rtype != Rtype::SOA, rtype != Rtype::NS, rtype, is_signature)
    });
    for set in sets {
        for rdata in set.records() {
            write_record(&mut text, node.owner(), &set, rdata);
        }
    }
    text
}

fn write_record(text: &mut String, owner: Name<'_>, set: &Set<'_>, rdata: &[u8]) {
    let (ttl, class, rtype) = (set.ttl(), Class::IN, set.rtype());
    let record = Record { owner, ttl, class, rtype, rdata };
    // Writing into a string does not fail.
    let written = print::write_record(text, &record);
    debug_assert!(written.is_ok(), "a record could not be written");
}
