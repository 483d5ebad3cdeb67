//! Plays all scenarios below `tests/scenarios`, and those of a folder that is named from outside.
//!
//! Every scenario of ours must be played: one that is passed over would be a test that cannot fail.
//! Of a folder in `KERERU_SCENARIOS` what can be played is played, and the rest is listed with its
//! reasons.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::{env, fs};

use kereru::sim::authority::{Authority, Unready};
use kereru::sim::player::play;
use kereru::sim::script::parse;

/// What became of a scenario.
enum Verdict {
    Passed,
    NotRun(Vec<String>),
    Failed(String),
}

/// Plays the scenario of a text.
fn run(name: &str, text: &str) -> Verdict {
    let scenario = match parse(name, text) {
        Ok(scenario) => scenario,
        Err(fault) => return Verdict::Failed(fault.to_string()),
    };
    if !scenario.not_offered.is_empty() {
        let reasons = scenario.not_offered.iter().map(|not_offered| not_offered.what.clone());
        return Verdict::NotRun(reasons.collect());
    }
    let mut authority = match Authority::new(&scenario) {
        Ok(authority) => authority,
        Err(Unready::NotOffered(reasons)) => return Verdict::NotRun(reasons),
        Err(Unready::Faulty(reasons)) => {
            return Verdict::Failed(format!("{name}: {}", reasons.join("\n")));
        }
    };
    match play(&scenario, &mut authority) {
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

/// Plays all scenarios below a folder: what each says, but for those that passed.
fn run_all(folder: &Path) -> (usize, Vec<(PathBuf, Verdict)>) {
    let (mut passed, mut others) = (0, Vec::new());
    for path in scenarios(folder) {
        let text = String::from_utf8(fs::read(&path).unwrap());
        let name = path.strip_prefix(folder).unwrap().to_str().unwrap();
        let verdict = match text {
            Ok(text) => run(name, &text),
            Err(_) => Verdict::Failed(format!("{name}: the text is not UTF-8")),
        };
        match verdict {
            Verdict::Passed => passed += 1,
            verdict => others.push((path, verdict)),
        }
    }
    (passed, others)
}

#[test]
fn scenarios_go_as_they_say() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/scenarios");
    let (passed, others) = run_all(&folder);
    let told: Vec<String> = others
        .into_iter()
        .map(|(path, verdict)| match verdict {
            Verdict::NotRun(reasons) => {
                format!("{}: not run: {}", path.display(), reasons.join(", "))
            }
            Verdict::Failed(failure) => failure,
            Verdict::Passed => unreachable!("it was left out"),
        })
        .collect();
    assert!(told.is_empty(), "\n{}", told.join("\n\n"));
    assert!(passed > 0, "the scenarios are not where they are looked for");
}

#[test]
fn scenarios_of_others_go_as_they_say() {
    let Some(folder) = env::var_os("KERERU_SCENARIOS") else { return };
    let (passed, others) = run_all(Path::new(&folder));
    let mut failures = Vec::new();
    let mut counts: BTreeMap<String, usize> = BTreeMap::new();
    let mut not_run = 0;
    for (path, verdict) in others {
        match verdict {
            Verdict::Passed => {}
            Verdict::Failed(failure) => failures.push(failure),
            Verdict::NotRun(reasons) => {
                println!("{}: not run: {}", path.display(), reasons.join(", "));
                not_run += 1;
                let reasons: std::collections::BTreeSet<String> = reasons.into_iter().collect();
                for reason in reasons {
                    *counts.entry(reason).or_default() += 1;
                }
            }
        }
    }
    let mut counts: Vec<(usize, String)> = counts.into_iter().map(|(r, n)| (n, r)).collect();
    counts.sort_by(|a, b| b.cmp(a));
    for (count, reason) in counts {
        println!("{count:5} not run: {reason}");
    }
    println!("{passed} passed, {} failed, {not_run} not run", failures.len());
    assert!(failures.is_empty(), "\n{}", failures.join("\n\n"));
}
