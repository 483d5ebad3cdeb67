use clap::{CommandFactory, Parser};

use super::{Cli, Command};

#[track_caller]
fn check_refused(arguments: &[&str], expected: &str) {
    let error = Cli::try_parse_from(arguments).unwrap_err().to_string();
    assert!(error.contains(expected), "{error}");
}

#[test]
fn command_line_is_consistent() {
    Cli::command().debug_assert();
}

#[test]
fn check_takes_a_name_as_origin() {
    let arguments = ["kereru", "check", "--origin", "Example.org", "z.zone"];
    let Command::Check(args) = Cli::try_parse_from(arguments).unwrap().command else {
        panic!("not check");
    };
    assert_eq!(args.origin.unwrap().to_string(), "Example.org.");
    assert_eq!(args.zone_files, ["z.zone"].map(std::path::PathBuf::from));
}

#[test]
fn wrong_arguments_are_refused() {
    check_refused(&["kereru"], "Usage:");
    check_refused(&["kereru", "help"], "unrecognized subcommand 'help'");
    check_refused(&["kereru", "why"], "unrecognized subcommand 'why'");
    check_refused(&["kereru", "route", "joe"], "an address is a local part");
    check_refused(&["kereru", "lab", "--port", "0"], "0 is not in 1..=65535");
    check_refused(&["kereru", "lab", "--shell", "--port", "53"], "cannot be used with");
    check_refused(&["kereru", "lab", "--shell", "--hints"], "cannot be used with");
    check_refused(&["kereru", "check", "--origin", "a..b", "z"], "an empty label");
    check_refused(&["kereru", "check", "--origin", "a"], "<ZONEFILE>");
    check_refused(&["kereru", "check", "--dump", "--json"], "cannot be used with");
    check_refused(&["kereru", "completions", "cmd"], "possible values");
}
