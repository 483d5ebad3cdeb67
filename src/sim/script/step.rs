//! Reads steps and ranges.

use std::net::{IpAddr, Ipv4Addr, SocketAddr};

use crate::sim::arithmetic::Expression;
use crate::sim::entry::Entry;
use crate::sim::script::line::{Fault, Line, Word, Words};
use crate::sim::script::{Action, Input, NotOffered, Range, Step};

/// The port of addresses that name none.
const PORT: u16 = 53;

/// Who asks if a script does not say.
const CLIENT: SocketAddr = SocketAddr::new(IpAddr::V4(Ipv4Addr::LOCALHOST), PORT);

/// Steps that the player knows and does not do, and whether a file follows.
const NOT_OFFERED: [(&str, bool); 5] = [
    ("CHECK_AUTOTRUST", true),
    ("CHECK_TEMPFILE", true),
    ("INFRA_RTT", false),
    ("FLUSH_MESSAGE", false),
    ("EXPIRE_MESSAGE", false),
];

/// Reads the entries of a range behind its `RANGE_BEGIN`.
pub(super) fn read_range(
    first: Line<'_>,
    mut words: Words<'_>,
    input: &mut Input<'_>,
) -> Result<Range, Fault> {
    let mut bound = || words.expect("the number of a step")?.number("the number of a step");
    let (from, to) = (bound()?, bound()?);
    words.finish()?;
    let line = first.number;
    let mut range = Range { from, to, addresses: Vec::new(), entries: Vec::new(), line };
    loop {
        let line = input.lines.expect_line("RANGE_END")?;
        let mut words = line.words();
        let word = words.expect("a word")?;
        match word.text {
            "RANGE_END" => {
                words.finish()?;
                return Ok(range);
            }
            "ADDRESS" => {
                range.addresses.push(read_address(&words.expect("an address")?)?);
                words.finish()?;
            }
            "ENTRY_BEGIN" => {
                range.entries.push(input.read_entry(line)?);
            }
            _ => {
                if !input.zone.follow(line)? {
                    return Err(word.expected("ENTRY_BEGIN, ADDRESS or RANGE_END"));
                }
            }
        }
    }
}

/// Reads a step behind `STEP`, with its entry.
pub(super) fn read_step(
    line: Line<'_>,
    mut words: Words<'_>,
    input: &mut Input<'_>,
) -> Result<Step, Fault> {
    let number = words.expect("the number of the step")?.number("the number of the step")?;
    let word = words.expect("what the step does")?;
    let action = match word.text {
        "NOTHING" => finished(words, Action::Nothing)?,
        "TRAFFIC" => finished(words, Action::Traffic)?,
        "TIMEOUT" => Action::Timeout { server: read_server(words)? },
        "ERROR" => Action::Error { server: read_server(words)? },
        "TIME_PASSES" => Action::TimePasses(read_period(words)?),
        "ASSIGN" => read_assignment(words)?,
        "QUERY" | "CHECK_ANSWER" | "CHECK_OUT_QUERY" | "REPLY" => {
            let address = read_server(words)?;
            let entry = read_entry(input)?;
            match word.text {
                "QUERY" => Action::Query { client: address.unwrap_or(CLIENT), entry },
                "CHECK_ANSWER" => Action::CheckAnswer { client: address, entry },
                "REPLY" => Action::Reply { server: address, entry },
                _ => Action::CheckOutQuery { server: address, entry },
            }
        }
        other => {
            let Some((keyword, has_file)) = NOT_OFFERED.iter().find(|known| known.0 == other)
            else {
                return Err(word.expected("what a step does, such as QUERY or CHECK_ANSWER"));
            };
            if *has_file {
                let begin = input.lines.expect_line("FILE_BEGIN")?;
                if begin.keyword() != "FILE_BEGIN" {
                    return Err(begin.trimmed().expected("FILE_BEGIN"));
                }
                input.lines.text_until("FILE_END")?;
            }
            input.not_offered.push(NotOffered::of((line.number, keyword)));
            Action::Nothing
        }
    };
    Ok(Step { number, line: line.number, keyword: word.text.to_owned(), action })
}

fn finished(words: Words<'_>, action: Action) -> Result<Action, Fault> {
    words.finish().map(|()| action)
}

/// Reads the entry of a step.
fn read_entry(input: &mut Input<'_>) -> Result<Entry, Fault> {
    loop {
        let line = input.lines.expect_line("ENTRY_BEGIN")?;
        if line.keyword() == "ENTRY_BEGIN" {
            return input.read_entry(line);
        }
        if !input.zone.follow(line)? {
            return Err(line.trimmed().expected("ENTRY_BEGIN"));
        }
    }
}

/// Reads `ADDRESS a`, or nothing.
fn read_server(mut words: Words<'_>) -> Result<Option<SocketAddr>, Fault> {
    let Some(word) = words.next() else { return Ok(None) };
    if word.text != "ADDRESS" {
        return Err(word.expected("ADDRESS, or the end of the line"));
    }
    let address = read_address(&words.expect("an address")?)?;
    words.finish()?;
    Ok(Some(address))
}

/// Reads an address, with a port behind an at sign if it is not 53.
fn read_address(word: &Word<'_>) -> Result<SocketAddr, Fault> {
    let (address, port) = word.text.split_once('@').unwrap_or((word.text, ""));
    let port = if port.is_empty() { Ok(PORT) } else { port.parse() };
    match (address.parse::<IpAddr>(), port) {
        (Ok(address), Ok(port)) => Ok(SocketAddr::new(address, port)),
        _ => Err(word.expected("an address, or an address@port")),
    }
}

fn read_period(mut words: Words<'_>) -> Result<Expression, Fault> {
    let word = words.expect("ELAPSE or EVAL")?;
    let text = match word.text {
        "ELAPSE" => {
            let text = words.expect("a number of seconds")?;
            words.finish()?;
            text
        }
        "EVAL" => words.rest(),
        _ => return Err(word.expected("ELAPSE or EVAL")),
    };
    read_expression(&text)
}

fn read_assignment(mut words: Words<'_>) -> Result<Action, Fault> {
    let variable = words.expect("the name of a variable")?.text.to_owned();
    let equals = words.expect("=")?;
    if equals.text != "=" {
        return Err(equals.expected("="));
    }
    let text = words.rest();
    let value = read_expression(&text)?;
    Ok(Action::Assign { variable, value })
}

/// Reads an expression before any comment.
fn read_expression(word: &Word<'_>) -> Result<Expression, Fault> {
    let text = word.text.split([';', '#']).next().unwrap_or_default();
    Expression::parse(text).map_err(|error| word.error(error.to_string()))
}
