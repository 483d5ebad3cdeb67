//! Rules of the source tree that a review would miss: layers, `unsafe`, clocks, home files.
//!
//! It looks at lines of text and is not a parser; what it must catch and must not catch stands in
//! its own claims below. Sizes and taste are for review.

use std::fs;
use std::path::{Path, PathBuf};

/// What each folder may import of the others (ARCHITECTURE.md has the same table). `lib.rs` and
/// `main.rs` stand above all folders.
const LAYERS: [(&str, &[&str]); 15] = [
    ("base", &[]),
    ("wire", &["base"]),
    ("zone", &["wire", "base"]),
    ("cache", &["wire", "base"]),
    ("policy", &["wire", "base"]),
    ("metrics", &["wire", "base"]),
    ("answer", &["zone", "cache", "policy", "metrics", "wire", "base"]),
    ("resolver", &["cache", "wire", "base"]),
    ("mail", &["wire", "base"]),
    ("config", &["policy", "mail", "wire", "base"]),
    ("sys", &["base"]),
    ("sim", &["answer", "resolver", "mail", "zone", "cache", "policy", "metrics", "wire", "base"]),
    (
        "net",
        &[
            "config", "answer", "resolver", "mail", "zone", "cache", "policy", "metrics", "wire",
            "base", "sys",
        ],
    ),
    (
        "http",
        &[
            "net", "config", "answer", "resolver", "mail", "zone", "cache", "policy", "metrics",
            "wire", "base", "sys",
        ],
    ),
    (
        "app",
        &[
            "http", "net", "config", "answer", "resolver", "mail", "zone", "cache", "policy",
            "metrics", "wire", "base", "sys",
        ],
    ),
];

/// What may be written only under some paths, whichever folder the file is in.
const HOMES: [(&str, &[&str]); 10] = [
    ("Instant::now", &["src/net/", "src/base/time.rs", "src/app/"]),
    ("SystemTime::now", &["src/base/time.rs", "src/app/"]),
    ("Wall::now", &["src/net/", "src/app/"]),
    ("thread_rng", &[]),
    ("RandomState::new", &["src/base/entropy.rs"]),
    ("env::var", &["src/app/"]),
    ("println!", &["src/app/"]),
    ("print!", &["src/app/"]),
    ("tokio::", &["src/net/", "src/http/", "src/app/"]),
    ("moka::", &["src/cache/moka.rs"]),
];

/// How many lines above an `unsafe` its `SAFETY:` may begin.
const SAFETY_LINES_MAX: usize = 8;

/// The code of a line: without comments, and without what stands in string literals.
fn code(line: &str) -> String {
    let mut out = String::new();
    let mut chars = line.chars().peekable();
    let mut quoted = false;
    while let Some(char) = chars.next() {
        match char {
            '\\' if quoted => {
                chars.next();
            }
            '"' => {
                quoted = !quoted;
                out.push('"');
            }
            // A quotation mark as a character literal opens nothing.
            '\'' if !quoted && chars.peek() == Some(&'"') => {
                chars.next();
                chars.next();
            }
            '/' if !quoted && chars.peek() == Some(&'/') => break,
            _ if quoted => {}
            _ => out.push(char),
        }
    }
    out
}

/// Whether `word` stands in `code` and does not only end another identifier.
fn mentions(code: &str, word: &str) -> bool {
    code.match_indices(word).any(|(at, _)| {
        !code[..at].chars().next_back().is_some_and(|char| char.is_alphanumeric() || char == '_')
    })
}

/// The top folders that a line names by `crate::…`, grouped imports included.
fn imports(code: &str) -> Vec<String> {
    let mut found = Vec::new();
    for (at, _) in code.match_indices("crate::") {
        let rest = &code[at + "crate::".len()..];
        let names = match rest.strip_prefix('{') {
            Some(group) => top_names(group),
            None => vec![first_word(rest)],
        };
        found.extend(names.into_iter().filter(|name| !name.is_empty()));
    }
    found
}

/// The first identifier of each member of an import group, without those of inner groups.
fn top_names(group: &str) -> Vec<String> {
    let mut names = Vec::new();
    let mut depth = 0;
    let mut begin = 0;
    for (at, char) in group.char_indices() {
        match char {
            '{' => depth += 1,
            '}' if depth == 0 => {
                names.push(first_word(group[begin..at].trim()));
                return names;
            }
            '}' => depth -= 1,
            ',' if depth == 0 => {
                names.push(first_word(group[begin..at].trim()));
                begin = at + 1;
            }
            _ => {}
        }
    }
    names
}

fn first_word(text: &str) -> String {
    text.chars().take_while(|char| char.is_alphanumeric() || *char == '_').collect()
}

/// The part of a file that the rules look at: tests may do what they like, from an inline
/// `mod tests` on.
fn production(text: &str) -> &str {
    text.find("#[cfg(test)]\nmod tests {").map_or(text, |at| &text[..at])
}

/// Joins the lines of an import that is spread over several, so that its group is seen whole.
fn joined(text: &str) -> Vec<(usize, String)> {
    let mut lines: Vec<(usize, String)> = Vec::new();
    let mut open = false;
    for (at, line) in text.lines().enumerate() {
        let code = code(line);
        if open {
            if let Some((_, last)) = lines.last_mut() {
                last.push_str(code.trim());
                open = !last.ends_with(';');
            }
            continue;
        }
        let begins_import = code.trim_start().starts_with("use ")
            || (code.trim_start().starts_with("pub") && code.contains(" use "));
        open = begins_import && !code.trim_end().ends_with(';');
        lines.push((at + 1, code));
    }
    lines
}

/// What is wrong with a file, as `path:line: what`.
fn problems(path: &str, text: &str) -> Vec<String> {
    let mut found = Vec::new();
    let is_test = path.ends_with("/tests.rs") || path.contains("/tests/");
    if !is_test && !text.starts_with("//!") {
        found.push(format!("{path}:1: does not begin with `//!`"));
    }
    let folder = path.strip_prefix("src/").and_then(|rest| rest.split_once('/')).map(|pair| pair.0);
    let allowed = match folder {
        None => None,
        Some(folder) => match LAYERS.iter().find(|layer| layer.0 == folder) {
            Some(layer) => Some(layer.1),
            None => {
                found.push(format!("{path}:1: src/{folder} is not in the table of layers"));
                None
            }
        },
    };
    if is_test {
        return found;
    }
    let text = production(text);
    for (number, code) in joined(text) {
        for import in imports(&code) {
            if let (Some(folder), Some(allowed)) = (folder, allowed)
                && import != folder
                && !allowed.contains(&import.as_str())
                && LAYERS.iter().any(|layer| layer.0 == import)
            {
                found.push(format!("{path}:{number}: src/{folder} may not import src/{import}"));
            }
        }
        for (word, homes) in HOMES {
            if mentions(&code, word) && !homes.iter().any(|home| path.starts_with(home)) {
                found.push(format!("{path}:{number}: `{word}` has its home in {homes:?}"));
            }
        }
    }
    found.extend(unsafe_problems(path, text));
    found
}

/// `unsafe` outside its folder, or without its reason above.
fn unsafe_problems(path: &str, text: &str) -> Vec<String> {
    let lines: Vec<&str> = text.lines().collect();
    let mut found = Vec::new();
    for (at, line) in lines.iter().enumerate() {
        let code = code(line);
        let used = code.split(|char: char| !char.is_alphanumeric() && char != '_');
        if !used.into_iter().any(|word| word == "unsafe") {
            continue;
        }
        let number = at + 1;
        if !path.starts_with("src/sys/") {
            found.push(format!("{path}:{number}: `unsafe` outside src/sys"));
        }
        // An unsafe function says in its `# Safety` section what its caller owes.
        let above = &lines[at.saturating_sub(SAFETY_LINES_MAX)..at];
        let reason = if code.contains("unsafe fn") { "# Safety" } else { "SAFETY:" };
        if !above.iter().any(|line| line.contains(reason)) {
            found.push(format!("{path}:{number}: `unsafe` without a `{reason}` line above"));
        }
    }
    found
}

fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

/// All files below a folder of the package, sorted.
fn files(folder: &str) -> Vec<PathBuf> {
    let mut found = Vec::new();
    let mut folders = vec![root().join(folder)];
    while let Some(folder) = folders.pop() {
        let Ok(entries) = fs::read_dir(&folder) else { continue };
        for entry in entries {
            let path = entry.unwrap().path();
            if path.is_dir() { folders.push(path) } else { found.push(path) }
        }
    }
    found.sort();
    found
}

fn relative(path: &Path) -> String {
    path.strip_prefix(root()).unwrap().to_str().unwrap().to_owned()
}

#[track_caller]
fn check(path: &str, text: &str, expected: &[&str]) {
    assert_eq!(problems(path, text), expected, "{path}:\n{text}");
}

#[test]
fn source_follows_the_rules() {
    let sources: Vec<PathBuf> = files("src")
        .into_iter()
        .filter(|path| path.extension().is_some_and(|e| e == "rs"))
        .collect();
    assert!(sources.len() > 10, "the sources are not where they are looked for");
    let found: Vec<String> = sources
        .iter()
        .flat_map(|path| problems(&relative(path), &fs::read_to_string(path).unwrap()))
        .collect();
    assert!(found.is_empty(), "\n{}", found.join("\n"));
}

#[test]
fn imports_go_down_only() {
    check("src/zone/a.rs", "//! A.\nuse crate::wire::name::Name;\nuse crate::zone::b::B;\n", &[]);
    check(
        "src/wire/a.rs",
        "//! A.\nuse crate::zone::store::Zone;\n",
        &["src/wire/a.rs:2: src/wire may not import src/zone"],
    );
    check(
        "src/zone/a.rs",
        "//! A.\nfn f() -> crate::net::World {}\n",
        &["src/zone/a.rs:2: src/zone may not import src/net"],
    );
    check(
        "src/answer/a.rs",
        "//! A.\nuse crate::{\n    base::{time, limits},\n    net,\n};\n",
        &["src/answer/a.rs:2: src/answer may not import src/net"],
    );
    check("src/main.rs", "//! A.\nuse crate::app::run;\n", &[]);
    check("src/new/a.rs", "//! A.\n", &["src/new/a.rs:1: src/new is not in the table of layers"]);
}

#[test]
fn comments_strings_and_tests_are_not_code() {
    check("src/wire/a.rs", "//! A. crate::net\n// println! and crate::zone\n", &[]);
    check("src/wire/a.rs", "//! A.\nconst A: &str = \"unsafe \\\" tokio::\";\n", &[]);
    check(
        "src/wire/a.rs",
        "//! A.\nconst A: char = '\"'; use crate::zone;\n",
        &["src/wire/a.rs:2: src/wire may not import src/zone"],
    );
    check("src/wire/a.rs", "//! A.\n#[cfg(test)]\nmod tests {\n    use crate::net;\n}\n", &[]);
    check("src/wire/a/tests.rs", "//! A.\nuse crate::net;\n", &[]);
}

#[test]
fn files_say_what_they_are() {
    check("src/wire/a.rs", "use crate::base;\n", &["src/wire/a.rs:1: does not begin with `//!`"]);
}

#[test]
fn clocks_and_output_stay_at_home() {
    let now = "//! A.\nlet now = Instant::now();\n";
    check("src/net/a.rs", now, &[]);
    assert_eq!(problems("src/wire/a.rs", now).len(), 1);
    for line in ["println!(\"\");", "tokio::spawn(f);", "std::env::var(\"A\");", "print!(\"\");"] {
        let text = format!("//! A.\n{line}\n");
        check("src/app/a.rs", &text, &[]);
        assert_eq!(problems("src/wire/a.rs", &text).len(), 1, "{line}");
    }
    check("src/wire/a.rs", "//! A.\nlet not_tokio::x = eprint!(\"\");\n", &[]);
}

#[test]
fn unsafe_has_its_place_and_its_reason() {
    let reason = "//! A.\n// SAFETY: the slice outlives the call.\nunsafe { f() };\n";
    check("src/sys/a.rs", reason, &[]);
    check("src/net/a.rs", reason, &["src/net/a.rs:3: `unsafe` outside src/sys"]);
    check(
        "src/sys/a.rs",
        "//! A.\nunsafe { f() };\n",
        &["src/sys/a.rs:2: `unsafe` without a `SAFETY:` line above"],
    );
    check("src/sys/a.rs", "//! A.\n/// # Safety\n///\n/// Once.\nunsafe fn f() {}\n", &[]);
    check("src/sys/a.rs", "//! A.\n#![deny(unsafe_code)]\n", &[]);
}

#[test]
fn every_interop_script_is_run() {
    use std::os::unix::fs::PermissionsExt;
    let scripts: Vec<PathBuf> = files("tests/interop")
        .into_iter()
        .filter(|path| path.parent().is_some_and(|folder| folder.ends_with("tests/interop")))
        .collect();
    assert!(!scripts.is_empty());
    for path in scripts {
        let mode = fs::metadata(&path).unwrap().permissions().mode();
        assert!(mode & 0o111 != 0, "{} is not executable: tests/run passes it by", relative(&path));
    }
}

#[test]
fn every_corpus_file_is_reached_by_a_test() {
    let tests: String = files("tests")
        .into_iter()
        .chain(files("src"))
        .chain(files("fuzz"))
        .filter(|path| path.extension().is_none_or(|extension| extension == "rs"))
        .filter(|path| !path.ends_with("tidy.rs"))
        .filter_map(|path| fs::read_to_string(path).ok())
        .collect();
    for path in files("tests/corpus") {
        let name = path.file_name().unwrap().to_str().unwrap();
        let folder = relative(path.parent().unwrap());
        // Either a test names the file, or it walks the file's folder.
        let reached = tests.contains(name) || tests.contains(&folder);
        assert!(reached, "no test names {} or walks {folder}", relative(&path));
    }
}
