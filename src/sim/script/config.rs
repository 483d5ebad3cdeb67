//! Reads the configuration of a script: what stands before `CONFIG_END`.
//!
//! The form is that of unbound.conf: clauses of keys with values. What keys mean is for whoever
//! makes a subject of them.

use std::collections::BTreeMap;

use crate::sim::script::line::{Fault, Line, Lines, Word};

/// The keys that begin a clause.
const CLAUSES: [&str; 13] = [
    "server",
    "forward-zone",
    "stub-zone",
    "auth-zone",
    "rpz",
    "view",
    "remote-control",
    "python",
    "dynlib",
    "dnstap",
    "cachedb",
    "dnscrypt",
    "ipset",
];

/// The configuration of a scenario.
#[derive(Clone, Debug, Default)]
pub struct Config {
    /// The clauses in order, those of one name not joined.
    pub clauses: Vec<Clause>,
    /// Files that stand in the script, by their names.
    pub files: BTreeMap<String, String>,
}

/// A clause of the configuration.
#[derive(Clone, Debug)]
pub struct Clause {
    /// Its name, such as `server` or `stub-zone`.
    pub name: String,
    /// Its line, from 1.
    pub line: u32,
    /// Its settings in order.
    pub settings: Vec<Setting>,
}

impl Clause {
    /// The first value of a key, if the clause has it.
    pub fn value(&self, key: &str) -> Option<&str> {
        let setting = self.settings.iter().find(|setting| setting.key == key)?;
        setting.values.first().map(String::as_str)
    }
}

/// A setting of a clause.
#[derive(Clone, Debug)]
pub struct Setting {
    /// Its key, without the colon.
    pub key: String,
    /// Its values without their quotes; most keys have one.
    pub values: Vec<String>,
    /// Its line, from 1.
    pub line: u32,
}

/// Reads up to and with `CONFIG_END`.
pub(super) fn read(lines: &mut Lines<'_>) -> Result<Config, Fault> {
    let mut config = Config::default();
    loop {
        let line = lines.expect_line("CONFIG_END")?;
        let mut words = line.words();
        match words.expect("a word")?.text {
            "CONFIG_END" => {
                words.finish()?;
                return Ok(config);
            }
            "COMMANDLINE" => {
                let values = vec![words.rest().text.to_owned()];
                config.push(Setting { key: "COMMANDLINE".to_owned(), values, line: line.number });
            }
            "AUTOTRUST_FILE" => {
                let name = words.expect("the name of the file")?.text;
                words.finish()?;
                let values = vec![name.to_owned()];
                let key = "auto-trust-anchor-file".to_owned();
                config.push(Setting { key, values, line: line.number });
                config.read_file(name, &lines.text_until("AUTOTRUST_END")?);
            }
            "TEMPFILE_NAME" => {
                let name = words.expect("the name of the file")?.text;
                words.finish()?;
                let last = config.clauses.last_mut().and_then(|clause| clause.settings.last_mut());
                let last = last.filter(|setting| setting.values.is_empty());
                let error = || line.error("expected a key without a value before this line");
                last.ok_or_else(error)?.values.push(name.to_owned());
            }
            "TEMPFILE_CONTENTS" => {
                let name = words.expect("the name of the file")?.text;
                words.finish()?;
                config.read_file(name, &lines.text_until("TEMPFILE_END")?);
            }
            _ => config.read_line(line)?,
        }
    }
}

impl Config {
    /// Adds a setting to the last clause. What stands before any clause is the server's.
    fn push(&mut self, setting: Setting) {
        if self.clauses.is_empty() {
            self.begin("server", setting.line);
        }
        if let Some(clause) = self.clauses.last_mut() {
            clause.settings.push(setting);
        }
    }

    fn begin(&mut self, name: &str, line: u32) {
        let settings = Vec::new();
        self.clauses.push(Clause { name: name.to_owned(), line, settings });
    }

    fn read_file(&mut self, name: &str, lines: &[Line<'_>]) {
        let mut text = String::new();
        for line in lines {
            match line.trimmed().text.strip_prefix("$INCLUDE_TEMPFILE") {
                Some(included) => text.push_str(&format!("$INCLUDE {}", included.trim())),
                None => text.push_str(line.text),
            }
            text.push('\n');
        }
        self.files.insert(name.to_owned(), text);
    }

    /// Reads a line of keys, each with its values behind it.
    fn read_line(&mut self, line: Line<'_>) -> Result<(), Fault> {
        let mut rest = line.trimmed();
        let mut open: Option<Setting> = None;
        loop {
            let blanks = rest.text.len() - rest.text.trim_start().len();
            rest = rest.behind(blanks);
            if rest.text.is_empty() || rest.text.starts_with('#') {
                break;
            }
            let (value, len, is_quoted) = value_of(&rest)?;
            let key = key_of(value).filter(|_| !is_quoted);
            if let Some(key) = key {
                // A key ends at its colon, so that a value may follow without a blank.
                rest = rest.behind(key.len() + 1);
                if let Some(setting) = open.take() {
                    self.push(setting);
                }
                if CLAUSES.contains(&key) {
                    self.begin(key, line.number);
                } else {
                    let (key, values) = (key.to_owned(), Vec::new());
                    open = Some(Setting { key, values, line: line.number });
                }
                continue;
            }
            let Some(setting) = &mut open else {
                return Err(rest.expected("a key with a colon behind it"));
            };
            setting.values.push(value.to_owned());
            rest = rest.behind(len);
        }
        if let Some(setting) = open {
            self.push(setting);
        }
        Ok(())
    }
}

/// The value that a text begins with, without its quotes; its octets, and whether it has quotes.
fn value_of<'a>(rest: &Word<'a>) -> Result<(&'a str, usize, bool), Fault> {
    let text = rest.text;
    if let Some(quote @ ('"' | '\'')) = text.chars().next() {
        let inner = text.get(1..).unwrap_or_default();
        let (value, _) = inner
            .split_once(quote)
            .ok_or_else(|| rest.error("expected a quotation mark that closes this one"))?;
        return Ok((value, value.len() + 2, true));
    }
    let end = text.find(char::is_whitespace).unwrap_or(text.len());
    let value = text.get(..end).unwrap_or_default();
    Ok((value, end, false))
}

/// The key that a word begins with: lower-case letters, digits and hyphens up to a colon, with a
/// quotation mark or nothing behind it. So no address is a key.
fn key_of(word: &str) -> Option<&str> {
    let (key, behind) = word.split_once(':')?;
    let is_key = key.starts_with(|first: char| first.is_ascii_lowercase())
        && key.bytes().all(|octet| matches!(octet, b'a'..=b'z' | b'0'..=b'9' | b'-'));
    (is_key && (behind.is_empty() || behind.starts_with(['"', '\'']))).then_some(key)
}
