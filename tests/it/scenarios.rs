//! Plays all scenarios below `tests/scenarios`, and those of a folder that is named from outside.
//!
//! Every scenario of ours must be played: one that is passed over would be a test that cannot fail.
//! Of a folder in `KERERU_SCENARIOS` what can be played is played, and the rest is listed with its
//! reasons.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};
use std::{env, fs};

use kereru::base::time::Now;
use kereru::sim::player::play;
use kereru::sim::script::parse;
use kereru::sim::server::{Server, Unready};

/// What became of a scenario.
pub enum Verdict {
    Passed,
    NotRun(Vec<String>),
    Failed(String),
}

/// Plays the scenario of a text.
pub fn run(name: &str, text: &str) -> Verdict {
    let scenario = match parse(name, text) {
        Ok(scenario) => scenario,
        Err(fault) => return Verdict::Failed(fault.to_string()),
    };
    if !scenario.not_offered.is_empty() {
        let reasons = scenario.not_offered.iter().map(|not_offered| not_offered.what.clone());
        return Verdict::NotRun(reasons.collect());
    }
    let mut server = match Server::new(&scenario, Now::default()) {
        Ok(server) => server,
        Err(Unready::NotOffered(reasons)) => return Verdict::NotRun(reasons),
        Err(Unready::Faulty(reasons)) => {
            return Verdict::Failed(format!("{name}: {}", reasons.join("\n")));
        }
    };
    match play(&scenario, &mut server) {
        Ok(_) => Verdict::Passed,
        Err(failure) => Verdict::Failed(failure.to_string()),
    }
}

/// All `.rpl` files below a folder, sorted.
fn scenarios(folder: &Path) -> Vec<PathBuf> {
    let mut found = Vec::new();
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            found.extend(scenarios(&path));
        } else if path.extension().is_some_and(|extension| extension == "rpl") {
            found.push(path);
        }
    }
    found.sort();
    found
}

/// All other files below a folder.
fn strays(folder: &Path) -> Vec<PathBuf> {
    let entries = fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path());
    let (folders, files): (Vec<PathBuf>, Vec<PathBuf>) = entries.partition(|path| path.is_dir());
    let is_stray = |path: &PathBuf| path.extension().is_none_or(|extension| extension != "rpl");
    let below = folders.iter().flat_map(|folder| strays(folder));
    files.into_iter().filter(is_stray).chain(below).collect()
}

/// What became of the scenarios below a folder.
#[derive(Default)]
struct Tally {
    passed: usize,
    /// Reasons for not playing a scenario, by its name.
    not_run: Vec<(String, Vec<String>)>,
    failures: Vec<String>,
}

impl Tally {
    fn of(folder: &Path) -> Self {
        let mut tally = Self::default();
        for path in scenarios(folder) {
            let name = path.strip_prefix(folder).unwrap().to_str().unwrap();
            let verdict = match String::from_utf8(fs::read(&path).unwrap()) {
                Ok(text) => run(name, &text),
                Err(_) => Verdict::Failed(format!("{name}: the text is not UTF-8")),
            };
            match verdict {
                Verdict::Passed => tally.passed += 1,
                Verdict::NotRun(reasons) => tally.not_run.push((name.to_owned(), reasons)),
                Verdict::Failed(failure) => tally.failures.push(failure),
            }
        }
        tally
    }

    /// Reasons for not playing scenarios, and of how many, the most frequent first.
    fn reasons(&self) -> Vec<(usize, &str)> {
        let mut counts: BTreeMap<&str, usize> = BTreeMap::new();
        for (_, reasons) in &self.not_run {
            let reasons: BTreeSet<&str> = reasons.iter().map(String::as_str).collect();
            for reason in reasons {
                *counts.entry(reason).or_default() += 1;
            }
        }
        let mut counts: Vec<(usize, &str)> = counts.into_iter().map(|(r, n)| (n, r)).collect();
        counts.sort_by(|a, b| b.0.cmp(&a.0).then(a.1.cmp(b.1)));
        counts
    }
}

#[test]
#[expect(clippy::print_stdout, reason = "what is not played must be seen, with --nocapture")]
fn scenarios_go_as_they_say() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/scenarios");
    assert_eq!(strays(&folder), [""; 0].map(PathBuf::from), "files that nothing plays");
    let ours = Tally::of(&folder);
    assert!(ours.passed > 0, "the scenarios are not where they are looked for");
    assert_eq!(ours.not_run, [], "scenarios of ours that are not played");
    assert!(ours.failures.is_empty(), "\n{}", ours.failures.join("\n\n"));
    let Some(folder) = env::var_os("KERERU_SCENARIOS") else { return };
    let others = Tally::of(Path::new(&folder));
    for (name, reasons) in &others.not_run {
        println!("{name}: not run: {}", reasons.join(", "));
    }
    for (count, reason) in others.reasons() {
        println!("{count:5} not run: {reason}");
    }
    let Tally { passed, not_run, failures } = others;
    println!("{passed} passed, {} failed, {} not run", failures.len(), not_run.len());
    assert!(failures.is_empty(), "\n{}", failures.join("\n\n"));
}

/// A scenario of one zone, question and answer.
const SCENARIO: &str = "\
auth-zone: name: a. zonefile: z
TEMPFILE_CONTENTS z
@ 60 SOA ns.b. admin 1 2 3 4 5
@ 60 NS ns.b.
www 60 A 192.0.2.1
TEMPFILE_END
CONFIG_END
SCENARIO_BEGIN One question
STEP 1 QUERY
ENTRY_BEGIN
SECTION QUESTION
www.a. IN A
ENTRY_END
STEP 2 CHECK_ANSWER
ENTRY_BEGIN
MATCH all
REPLY QR AA
SECTION QUESTION
www.a. IN A
SECTION ANSWER
www.a. IN A 192.0.2.1
ENTRY_END
SCENARIO_END
";

#[test]
fn scenario_that_goes_otherwise_is_told_with_step_and_difference() {
    assert!(matches!(run("one.rpl", SCENARIO), Verdict::Passed));
    let bent = SCENARIO.replace("www.a. IN A 192.0.2.1", "www.a. IN A 192.0.2.2");
    let Verdict::Failed(failure) = run("one.rpl", &bent) else { panic!("it does not fail") };
    let (head, _) = failure.split_once("\nexpected:").unwrap();
    let expected = "\
one.rpl:14: STEP 2 CHECK_ANSWER: the reply to 127.0.0.1:53 is not as expected in line 15
  ANSWER: missing www.a. 3600 IN A 192.0.2.2
  ANSWER: unexpected www.a. 60 IN A 192.0.2.1";
    assert_eq!(head, expected);
}

#[test]
fn scenario_that_asks_for_more_is_not_run() {
    let check = |text: &str, expected: &str| match run("one.rpl", text) {
        Verdict::NotRun(reasons) => assert_eq!(reasons, [expected]),
        Verdict::Passed => panic!("it is played"),
        Verdict::Failed(failure) => panic!("{failure}"),
    };
    check(&format!("view: name: b.\n{SCENARIO}"), "view:");
    let step = "STEP 3 EXPIRE_MESSAGE a. A IN\nSCENARIO_END";
    check(&SCENARIO.replace("SCENARIO_END", step), "EXPIRE_MESSAGE");
}

#[test]
fn scenario_that_cannot_be_read_fails() {
    let Verdict::Failed(failure) = run("one.rpl", &SCENARIO.replace("STEP 2", "STEP")) else {
        panic!("it does not fail")
    };
    let expected = "one.rpl:14:6: error: expected the number of the step, found \"CHECK_ANSWER\" \
                    [scenario-syntax]";
    assert_eq!(failure, expected);
}
