//! Directives: `$ORIGIN`, `$TTL`, `$INCLUDE` (RFC 1035 §5.1, RFC 2308 §4) and `$GENERATE` (BIND).

use crate::wire::name::{Name, NameBuf};
use crate::zone::file::code;
use crate::zone::file::entry::{Include, Parser, Step, parse_ttl};
use crate::zone::file::generate;
use crate::zone::file::lexer::{Word, Words};
use crate::zone::file::problem::Problem;
use crate::zone::file::rdata::read_name;
use crate::zone::file::rdata::string::read_plain;

const KNOWN: [&str; 4] = ["$ORIGIN", "$TTL", "$INCLUDE", "$GENERATE"];

/// Reads and follows a directive.
pub(super) fn read(parser: &mut Parser, words: &mut Words<'_>) -> Result<Step, Problem> {
    let word = words.expect("a directive")?;
    let is = |name: &str| name.as_bytes().eq_ignore_ascii_case(word.text);
    let step = if is("$ORIGIN") {
        parser.origin = Some(parse_name(&words.expect("a name")?, parser.origin.as_ref())?);
        Step::Origin
    } else if is("$TTL") {
        let word = words.expect("a time to live")?;
        let ttl = parse_ttl(&word).unwrap_or_else(|| {
            let message = format!("{} is not a time to live", word.shown());
            Err(word
                .problem(code::BAD_TTL, message)
                .hint("write seconds, or numbers with units, as in 1w2d3h4m5s"))
        })?;
        parser.default_ttl = Some(ttl);
        Step::Done
    } else if is("$INCLUDE") {
        read_include(parser, words)?
    } else if is("$GENERATE") {
        Step::Generate(Box::new(generate::read(parser, words)?))
    } else {
        return Err(unknown(&word));
    };
    match words.next() {
        None => Ok(step),
        Some(extra) => {
            let message = format!("{} stands after the end of the directive", extra.shown());
            let problem = extra.problem(code::EXTRA_DATA, message);
            Err(match step {
                Step::Generate(_) => problem.hint("put data of several words in quotes"),
                Step::Done | Step::Origin | Step::Record | Step::Include(_) => problem,
            })
        }
    }
}

fn read_include(parser: &Parser, words: &mut Words<'_>) -> Result<Step, Problem> {
    let path = words.expect_string("the file to include")?;
    let mut octets = Vec::new();
    read_plain(&path, &mut octets)?;
    let origin = match words.next() {
        Some(word) => Some(parse_name(&word, parser.origin.as_ref())?),
        None => None,
    };
    let path_text = String::from_utf8(octets).map_err(|_| {
        path.problem(code::SYNTAX, format!("the path {} is not UTF-8", path.shown()))
    })?;
    Ok(Step::Include(Include { path: path_text, at: path.at, origin }))
}

fn parse_name(word: &Word<'_>, origin: Option<&NameBuf>) -> Result<NameBuf, Problem> {
    let mut octets = Vec::new();
    read_name(word, origin.map(NameBuf::as_name), &mut octets)?;
    Name::read(&octets)
        .map(Name::to_buf)
        .map_err(|error| word.problem(code::BAD_NAME, format!("{}: {error}", word.shown())))
}

fn unknown(word: &Word<'_>) -> Problem {
    let shown = word.shown();
    let problem = word.problem(code::UNKNOWN_DIRECTIVE, format!("{shown} is not a directive"));
    let upper = word.as_str().unwrap_or_default().to_ascii_uppercase();
    let distances = KNOWN.iter().map(|name| (strsim::osa_distance(&upper, name), name));
    match distances.filter(|&(distance, _)| distance <= 3).min() {
        Some((_, near)) => problem.hint(format!("did you mean {near}?")),
        None => problem.hint(format!(
            "known are {}; a name that begins with a dollar sign is written \\$",
            KNOWN.join(", ")
        )),
    }
}
