//! Holds the licenses and sources of all packages in Cargo.lock to deny.toml.
//!
//! `cargo deny` does this and more, but is not part of every installation; cargo is.

use std::collections::BTreeSet;
use std::fs;
use std::process::Command;

const CRATES_IO: &str = "registry+https://github.com/rust-lang/crates.io-index";

/// Whether a license expression (SPDX) can be met with the allowed licenses alone.
///
/// `None` for an expression that is not understood. AND binds closer than OR; the slash of old
/// manifests means OR.
fn allows(expression: &str, allowed: &BTreeSet<String>) -> Option<bool> {
    let spaced = expression.replace('(', " ( ").replace(')', " ) ").replace('/', " OR ");
    let mut words = spaced.split_whitespace().peekable();
    let result = any(&mut words, allowed)?;
    words.next().is_none().then_some(result)
}

type Words<'w> = std::iter::Peekable<std::str::SplitWhitespace<'w>>;

fn any(words: &mut Words<'_>, allowed: &BTreeSet<String>) -> Option<bool> {
    let mut result = all(words, allowed)?;
    while words.next_if_eq(&"OR").is_some() {
        result |= all(words, allowed)?;
    }
    Some(result)
}

fn all(words: &mut Words<'_>, allowed: &BTreeSet<String>) -> Option<bool> {
    let mut result = one(words, allowed)?;
    while words.next_if_eq(&"AND").is_some() {
        result &= one(words, allowed)?;
    }
    Some(result)
}

fn one(words: &mut Words<'_>, allowed: &BTreeSet<String>) -> Option<bool> {
    match words.next()? {
        "(" => {
            let result = any(words, allowed)?;
            words.next_if_eq(&")")?;
            Some(result)
        }
        ")" | "OR" | "AND" | "WITH" => None,
        license => match words.next_if_eq(&"WITH") {
            Some(_) => Some(allowed.contains(&format!("{license} WITH {}", words.next()?))),
            None => Some(allowed.contains(license)),
        },
    }
}

/// The strings of the array `name` in deny.toml, one a line.
fn list(text: &str, name: &str) -> BTreeSet<String> {
    let begin = text.find(&format!("\n{name} = [\n")).expect("deny.toml has the list");
    text[begin..]
        .lines()
        .skip(2)
        .take_while(|line| *line != "]")
        .map(|line| line.trim().trim_matches([',', '"']).to_owned())
        .collect()
}

/// Name and license of every package that is built into the binary or its tests on this platform.
fn packages() -> BTreeSet<(String, String)> {
    let output = Command::new(env!("CARGO"))
        .args(["tree", "--locked", "--offline", "--prefix=none", "--edges=normal,build,dev"])
        .arg("--format={p}|{l}|")
        .current_dir(env!("CARGO_MANIFEST_DIR"))
        .output()
        .unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8(output.stdout)
        .unwrap()
        .lines()
        .map(|line| {
            let (name, rest) = line.split_once('|').unwrap();
            (name.to_owned(), rest.split_once('|').unwrap().0.to_owned())
        })
        .collect()
}

#[test]
fn packages_have_allowed_licenses() {
    let text = fs::read_to_string(concat!(env!("CARGO_MANIFEST_DIR"), "/deny.toml")).unwrap();
    let allowed = list(&text, "allow");
    let packages = packages();
    assert!(packages.len() > 50, "cargo told of {} packages only", packages.len());
    for (name, license) in &packages {
        assert_eq!(allows(license, &allowed), Some(true), "{name} has the license {license:?}");
    }
    for license in &allowed {
        let without: BTreeSet<_> = allowed.iter().filter(|one| *one != license).cloned().collect();
        let needed = packages.iter().any(|(_, one)| allows(one, &without) != Some(true));
        // These two are ours.
        let own = ["MIT", "Apache-2.0"].contains(&license.as_str());
        assert!(needed || own, "no package needs {license}");
    }
}

#[test]
fn packages_come_from_the_registry() {
    let lock = fs::read_to_string(concat!(env!("CARGO_MANIFEST_DIR"), "/Cargo.lock")).unwrap();
    let packages = lock.matches("[[package]]").count();
    let sources: Vec<&str> =
        lock.lines().filter_map(|line| line.strip_prefix("source = ")).collect();
    assert_eq!(sources.len() + 1, packages, "only the package itself has no source");
    for source in sources {
        assert_eq!(source.trim_matches('"'), CRATES_IO);
    }
}

#[test]
fn license_expressions_are_read_as_written() {
    let allowed = BTreeSet::from(["MIT".to_owned(), "A WITH E".to_owned()]);
    for (expression, expected) in [
        ("MIT", Some(true)),
        ("GPL-3.0", Some(false)),
        ("none", Some(false)),
        ("GPL-3.0 OR MIT", Some(true)),
        ("GPL-3.0/MIT", Some(true)),
        ("GPL-3.0 AND MIT", Some(false)),
        ("MIT OR GPL-3.0 AND GPL-2.0", Some(true)),
        ("(MIT OR GPL-3.0) AND GPL-2.0", Some(false)),
        ("(MIT OR GPL-3.0) AND MIT", Some(true)),
        ("A", Some(false)),
        ("A WITH E", Some(true)),
        ("A WITH F", Some(false)),
        ("MIT MIT", None),
        ("(MIT", None),
        ("MIT OR", None),
        ("", None),
    ] {
        assert_eq!(allows(expression, &allowed), expected, "{expression}");
    }
}
