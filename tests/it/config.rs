//! The configuration as its documents tell it, and `kereru check` as a program.

use std::collections::BTreeSet;
use std::fs;
use std::path::Path;
use std::process::{Command, Output};

use kereru::config::{Config, Key};

fn read(path: &str) -> String {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join(path);
    fs::read_to_string(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
}

#[track_caller]
fn check_parses(name: &str, text: &str) {
    if let Err(problems) = Config::load(Path::new(name), text.as_bytes()) {
        let lines: Vec<_> = problems.iter().map(ToString::to_string).collect();
        panic!("{}", lines.join("\n"));
    }
}

/// The YAML blocks of a Markdown text.
fn yaml_blocks(text: &str) -> Vec<&str> {
    let blocks = text.split("```yaml\n").skip(1);
    blocks.map(|block| block.split_once("```").map_or(block, |(yaml, _)| yaml)).collect()
}

fn paths(prefix: &str, keys: &[Key], all: &mut BTreeSet<String>) {
    for key in keys {
        let path = format!("{prefix}{}", key.name);
        paths(&format!("{path}."), key.keys, all);
        all.insert(path);
    }
}

fn all_paths() -> BTreeSet<String> {
    let mut all = BTreeSet::new();
    paths("", Config::keys(), &mut all);
    all
}

#[test]
fn example_parses_and_has_every_top_key() {
    let example = read("docs/kereru.example.yaml");
    check_parses("docs/kereru.example.yaml", &example);
    for key in Config::keys() {
        let start = format!("\n{}:", key.name);
        assert!(example.contains(&start), "{} is not in the example", key.name);
    }
}

#[test]
fn example_differs_from_the_defaults_only_where_it_says() {
    let load = |text: &str| Config::load(Path::new("k.yaml"), text.as_bytes()).unwrap().0;
    let example = load(&read("docs/kereru.example.yaml"));
    let mut default = load("resolver:\nmail: {hostname: x}\n");
    default.identity = example.identity.clone();
    default.user = example.user.clone();
    default.zones = example.zones.clone();
    // The same folder and number, but written.
    default.state = example.state.clone();
    default.tcp.place = example.tcp.place.clone();
    let (ours, theirs) = (default.resolver.as_mut().unwrap(), example.resolver.as_ref().unwrap());
    ours.forward = theirs.forward.clone();
    ours.stub = theirs.stub.clone();
    let (ours, theirs) = (default.mail.as_mut().unwrap(), example.mail.as_ref().unwrap());
    ours.hostname = theirs.hostname.clone();
    ours.users = theirs.users.clone();
    ours.postmaster = theirs.postmaster.clone();
    assert_eq!(format!("{example:#?}"), format!("{default:#?}"));
}

#[test]
fn yaml_in_documents_parses() {
    for document in ["docs/configuration.md", "README.md"] {
        let text = read(document);
        let mut count = 0;
        for block in yaml_blocks(&text) {
            check_parses(document, block);
            count += 1;
        }
        assert!(count > 0, "{document} has no YAML");
    }
}

#[test]
fn every_key_is_documented_and_every_documented_key_exists() {
    let text = read("docs/configuration.md");
    let tables = text.split("\n## The server\n").nth(1).unwrap();
    let rows = tables.lines().filter_map(|line| line.strip_prefix("| `")?.split_once('`'));
    let documented: BTreeSet<_> = rows.map(|(path, _)| path.to_owned()).collect();
    let known = all_paths();
    let undocumented: Vec<_> = known.difference(&documented).collect();
    let unknown: Vec<_> = documented.difference(&known).collect();
    assert!(undocumented.is_empty() && unknown.is_empty(), "{undocumented:?} {unknown:?}");
}

#[track_caller]
fn run(arguments: &[&str]) -> Output {
    // A folder without a kereru.yaml.
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("docs");
    Command::new(env!("CARGO_BIN_EXE_kereru")).args(arguments).current_dir(folder).output().unwrap()
}

#[track_caller]
fn check_run(arguments: &[&str], exit: i32, stdout: &str) {
    let output = run(arguments);
    assert_eq!(String::from_utf8_lossy(&output.stdout), stdout);
    assert_eq!(output.status.code(), Some(exit));
}

#[test]
fn check_exits_with_0_on_warnings_and_1_on_errors() {
    check_run(&["check"], 0, "0 errors, 0 warnings\n");
    let warned = Path::new(env!("CARGO_TARGET_TMPDIR")).join("warned.yaml");
    fs::write(&warned, "sandbox: true\nhttp: {token-file: t}\n").unwrap();
    let output = run(&["check", "--config", warned.to_str().unwrap()]);
    let text = String::from_utf8_lossy(&output.stdout).into_owned();
    assert!(text.ends_with("\n0 errors, 2 warnings\n"), "{text}");
    assert_eq!(output.status.code(), Some(0));
    check_run(
        &["check", "--config", "missing.yaml"],
        1,
        "error[unreadable]: cannot read missing.yaml: No such file or directory (os error 2)\n\n\
         1 error, 0 warnings\n",
    );
}

#[test]
fn wrong_usage_exits_with_2_and_prints_no_result() {
    check_run(&[], 2, "");
    check_run(&["chekc"], 2, "");
}

#[test]
fn pages_are_printed() {
    let man = String::from_utf8(run(&["man"]).stdout).unwrap();
    let pages = ["kereru", "kereru-serve", "kereru-check", "kereru-hash", "kereru-completions"];
    for page in pages.into_iter().chain(["kereru-man"]) {
        assert!(man.contains(&format!(".TH {page} 1")), "{page}");
    }
    for shell in ["bash", "zsh", "fish", "elvish", "powershell"] {
        let output = run(&["completions", shell]);
        assert!(output.status.success() && !output.stdout.is_empty(), "{shell}");
    }
}
