//! Scenarios as text: files in the `.rpl` format of Unbound's testbound.
//!
//! Plays nothing (`sim::player`) and gives settings no meaning (`sim::server`, later the
//! resolver). Nothing is passed over: what cannot be read is an error with its place, and what can
//! be read but not played makes the scenario one that is not run, with the reason.
//!
//! # The format
//!
//! One scenario a file, one thing a line. Blanks before a line count for nothing; a line that
//! begins with `;` or `#` is a comment, and so is what follows one of them after a blank, but not
//! in records, where only `;` begins one.
//!
//! ```text
//! server:                            ; clauses, keys and values as in unbound.conf
//!     minimal-responses: no
//! auth-zone:
//!     name: "example.com."
//!     zonefile:                      ; a key without a value takes the next TEMPFILE_NAME
//! TEMPFILE_NAME example.com
//! TEMPFILE_CONTENTS example.com      ; the file itself; $INCLUDE_TEMPFILE takes in another
//! @ 3600 IN SOA ns admin 1 2 3 4 5
//! TEMPFILE_END
//! CONFIG_END
//!
//! SCENARIO_BEGIN What it shows
//!
//! RANGE_BEGIN 0 100                  ; from the first to the last step, both included
//!     ADDRESS 192.0.2.1              ; the server that speaks, address@port if not 53; may be
//!                                    ; several, none is all
//! ENTRY_BEGIN
//! MATCH opcode qtype qname           ; which requests are answered; see entry::Part
//! ADJUST copy_id copy_query          ; how the reply follows the request; see entry::Adjustment
//! REPLY QR AA NOERROR                ; flags, opcode, response code; DO and CO give it EDNS
//! SECTION QUESTION                   ; name, class and type
//! www.example.com. IN A
//! SECTION ANSWER                     ; records as in a zone file, each on one line
//! www.example.com. IN A 192.0.2.80   ; relative to the root, TTL 3600, until $ORIGIN and $TTL
//! ENTRY_END
//! RANGE_END
//!
//! STEP 10 QUERY                      ; or: QUERY ADDRESS 192.0.2.2
//! ENTRY_BEGIN                        ; MATCH TCP in the entry of a query sends it over TCP
//! REPLY RD
//! SECTION QUESTION
//! www.example.com. IN A
//! ENTRY_END
//! STEP 20 CHECK_ANSWER
//! ENTRY_BEGIN
//! MATCH all ttl                      ; what is compared; without MATCH, nothing is
//! REPLY QR RD RA NOERROR
//! SECTION QUESTION
//! www.example.com. IN A
//! SECTION ANSWER
//! www.example.com. IN A 192.0.2.80
//! ENTRY_END
//! SCENARIO_END
//! ```
//!
//! `HEX_ANSWER_BEGIN` … `HEX_ANSWER_END` in an entry gives the octets to send instead of the
//! sections; `HEX_EDNSDATA_BEGIN` … `HEX_EDNSDATA_END` gives the options of its OPT record.
//!
//! Steps have rising numbers. What they do:
//!
//! | step | what happens |
//! |---|---|
//! | `QUERY [ADDRESS client]` | a client asks; 127.0.0.1 if it is not named |
//! | `CHECK_ANSWER [ADDRESS client]` | one of the replies is like the entry |
//! | `CHECK_OUT_QUERY [ADDRESS server]` | a request was sent that is like the entry; with `ADJUST copy_id` the entry answers it, and with `sleep=`, `sleep_us=` and `unreachable` |
//! | `REPLY [ADDRESS server]` | the entry answers the last pending request that its `MATCH` allows |
//! | `TIMEOUT [ADDRESS server]` | the clock goes on until waiting for a request has a consequence |
//! | `ERROR [ADDRESS server]` | the last pending request cannot reach its server |
//! | `TIME_PASSES ELAPSE s`, `TIME_PASSES EVAL ${…}` | the clock goes on by so many seconds |
//! | `ASSIGN name = ${…}` | a variable for `EVAL`; `sim::arithmetic` says what can be written |
//! | `TRAFFIC`, `NOTHING` | requests so far are answered from the ranges |
//! | `CHECK_AUTOTRUST`, `CHECK_TEMPFILE`, `INFRA_RTT`, `FLUSH_MESSAGE`, `EXPIRE_MESSAGE` | not offered |
//!
//! `EXTRA_PACKET` and `packet_sleep`, for transfers, are not offered either.

mod config;
mod entry;
mod line;
mod record;
mod step;

use std::fmt;
use std::net::SocketAddr;
use std::sync::Arc;

use crate::sim::arithmetic::Expression;
use crate::sim::entry::Entry;
use crate::sim::script::line::{Line, Lines};
use crate::sim::script::record::ZoneLines;

pub use config::{Clause, Config, Setting};
pub use line::Fault;

/// A scenario.
#[derive(Clone, Debug)]
pub struct Scenario {
    /// The name of its file, as it was given.
    pub file: Arc<str>,
    /// What it shows, in its own words.
    pub title: String,
    /// How the subject is set up.
    pub config: Config,
    /// What servers say, in the order of the file.
    pub ranges: Vec<Range>,
    /// What happens, by rising numbers.
    pub steps: Vec<Step>,
    /// What of it cannot be played; nothing, if it can be.
    pub not_offered: Vec<NotOffered>,
}

/// Replies that servers give during some steps.
#[derive(Clone, Debug)]
pub struct Range {
    /// The first step.
    pub from: u32,
    /// The last step.
    pub to: u32,
    /// The servers that give them; none means all.
    pub addresses: Vec<SocketAddr>,
    /// The replies; the first that matches counts.
    pub entries: Vec<Entry>,
    /// The line of its `RANGE_BEGIN`, from 1.
    pub line: u32,
}

/// One step.
#[derive(Clone, Debug)]
pub struct Step {
    /// Its number.
    pub number: u32,
    /// Its line, from 1.
    pub line: u32,
    /// The word for what it does.
    pub keyword: String,
    /// What it does.
    pub action: Action,
}

/// What a step does.
#[derive(Clone, Debug)]
pub enum Action {
    /// Nothing.
    Nothing,
    /// Waits until requests are answered.
    Traffic,
    /// A client asks.
    Query {
        /// Who.
        client: SocketAddr,
        /// What.
        entry: Entry,
    },
    /// Expects a reply.
    CheckAnswer {
        /// To whom; `None` is anyone.
        client: Option<SocketAddr>,
        /// What.
        entry: Entry,
    },
    /// Expects a request.
    CheckOutQuery {
        /// To whom; `None` is anyone.
        server: Option<SocketAddr>,
        /// What.
        entry: Entry,
    },
    /// Answers a request.
    Reply {
        /// Sent to whom; `None` is anyone.
        server: Option<SocketAddr>,
        /// With what.
        entry: Entry,
    },
    /// Nothing comes back for a request.
    Timeout {
        /// Sent to whom; `None` is anyone.
        server: Option<SocketAddr>,
    },
    /// A request cannot reach its server.
    Error {
        /// Sent to whom; `None` is anyone.
        server: Option<SocketAddr>,
    },
    /// The clock goes on.
    TimePasses(Expression),
    /// Sets a variable.
    Assign {
        /// Its name.
        variable: String,
        /// Its value.
        value: Expression,
    },
}

/// Something in a script that is known and cannot be played.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NotOffered {
    /// Its line, from 1.
    pub line: u32,
    /// What it is, as the script writes it.
    pub what: String,
}

impl NotOffered {
    fn of((line, what): (u32, &str)) -> Self {
        Self { line, what: what.to_owned() }
    }
}

impl fmt::Display for NotOffered {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} (line {})", self.what, self.line)
    }
}

/// What is left of a script, and what was found in it so far.
struct Input<'a> {
    lines: Lines<'a>,
    zone: ZoneLines,
    not_offered: Vec<NotOffered>,
}

impl Input<'_> {
    /// Reads the entry that begins in `line`.
    fn read_entry(&mut self, line: Line<'_>) -> Result<Entry, Fault> {
        let mut words = line.words();
        words.next();
        words.finish()?;
        let read = entry::read(line, &mut self.lines, &mut self.zone)?;
        self.not_offered.extend(read.not_offered.map(NotOffered::of));
        Ok(read.entry)
    }
}

/// Reads a scenario from the text of the file that is called `file`.
///
/// # Errors
///
/// Fails at the first thing that is not of the format, with its place and what should stand there.
pub fn parse(file: &str, text: &str) -> Result<Scenario, Fault> {
    let file: Arc<str> = file.into();
    let mut lines = Lines::new(&file, text);
    let config = config::read(&mut lines)?;
    let title = read_title(&mut lines)?;
    let mut input = Input { lines, zone: ZoneLines::new(), not_offered: Vec::new() };
    let (mut ranges, mut steps): (Vec<Range>, Vec<Step>) = (Vec::new(), Vec::new());
    loop {
        let line = input.lines.expect_line("SCENARIO_END")?;
        let mut words = line.words();
        let word = words.expect("a word")?;
        match word.text {
            "SCENARIO_END" => {
                words.finish()?;
                break;
            }
            "RANGE_BEGIN" => ranges.push(step::read_range(line, words, &mut input)?),
            "STEP" => {
                let step = step::read_step(line, words, &mut input)?;
                if steps.last().is_some_and(|last| last.number >= step.number) {
                    return Err(line.error("expected a number above that of the step before"));
                }
                steps.push(step);
            }
            _ => {
                if !input.zone.follow(line)? {
                    return Err(word.expected("RANGE_BEGIN, STEP or SCENARIO_END"));
                }
            }
        }
    }
    if let Some(extra) = input.lines.next_line() {
        return Err(extra.trimmed().expected("nothing after SCENARIO_END"));
    }
    let not_offered = input.not_offered;
    Ok(Scenario { file: Arc::clone(&file), title, config, ranges, steps, not_offered })
}

fn read_title(lines: &mut Lines<'_>) -> Result<String, Fault> {
    let begin = lines.expect_line("SCENARIO_BEGIN")?;
    let mut words = begin.words();
    let word = words.expect("SCENARIO_BEGIN")?;
    if word.text != "SCENARIO_BEGIN" {
        return Err(word.expected("SCENARIO_BEGIN"));
    }
    match words.rest().text {
        "" => Err(begin.error("expected a title behind SCENARIO_BEGIN")),
        title => Ok(title.to_owned()),
    }
}

#[cfg(test)]
mod tests;
