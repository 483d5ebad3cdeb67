//! Command lines of SMTP (RFC 5321 §4.1.1) and of its extensions.

use crate::mail::address::Path;
use crate::mail::reply::{Reply, Status};

/// A command.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Command<'l> {
    /// HELO, with the name that the client gives itself.
    Helo(&'l str),
    /// EHLO, with the same.
    Ehlo(&'l str),
    /// MAIL: a message begins.
    Mail(Mail),
    /// RCPT: one more who is to get it.
    Rcpt(Path),
    /// DATA: the message follows, up to a line with a dot.
    Data,
    /// BDAT: so many octets of the message follow (RFC 3030).
    Bdat {
        /// How many.
        octets: u64,
        /// Whether they are the last.
        is_last: bool,
    },
    /// RSET: forget the message.
    Rset,
    /// NOOP.
    Noop,
    /// VRFY.
    Vrfy,
    /// HELP.
    Help,
    /// QUIT.
    Quit,
    /// STARTTLS (RFC 3207).
    StartTls,
    /// AUTH (RFC 4954).
    Auth {
        /// The mechanism as written.
        mechanism: &'l str,
        /// The initial response.
        initial: Option<&'l str>,
    },
}

/// What MAIL says.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Mail {
    /// Who sends.
    pub(super) from: Path,
    /// The octets of the message (RFC 1870).
    pub(super) size: Option<u64>,
    /// Whether addresses and headers may be UTF-8 (RFC 6531).
    pub(super) is_utf8: bool,
}

/// What is wrong with the syntax of arguments.
fn syntax(text: &'static str) -> Reply {
    Reply::new(501, Status(5, 4), text)
}

impl<'l> Command<'l> {
    /// Reads a command line, without its end.
    ///
    /// # Errors
    ///
    /// Returns the reply to a line that is none.
    pub(super) fn read(line: &'l [u8]) -> Result<Self, Reply> {
        let Ok(line) = std::str::from_utf8(line) else {
            return Err(Reply::new(500, Status(5, 2), "the line is neither ASCII nor UTF-8"));
        };
        let line = line.trim_end_matches([' ', '\t']);
        let (verb, argument) = line.split_once(' ').unwrap_or((line, ""));
        let argument = argument.trim_start_matches(' ');
        match verb.to_ascii_uppercase().as_str() {
            "HELO" => host(argument).map(Self::Helo),
            "EHLO" => host(argument).map(Self::Ehlo),
            "MAIL" => Mail::read(argument).map(Self::Mail),
            "RCPT" => recipient(argument).map(Self::Rcpt),
            "DATA" => alone(argument, Self::Data),
            "BDAT" => chunk(argument),
            "RSET" => alone(argument, Self::Rset),
            "NOOP" => Ok(Self::Noop),
            "VRFY" if argument.is_empty() => Err(syntax("VRFY wants an address")),
            "VRFY" => Ok(Self::Vrfy),
            "HELP" => Ok(Self::Help),
            "QUIT" => alone(argument, Self::Quit),
            "STARTTLS" => alone(argument, Self::StartTls),
            "AUTH" => auth(argument),
            "EXPN" | "TURN" | "ETRN" | "SEND" | "SOML" | "SAML" => {
                Err(Reply::new(502, Status(5, 1), "this command is not implemented"))
            }
            _ => Err(Reply::new(500, Status(5, 2), "there is no such command")),
        }
    }
}

/// A command that takes no argument.
fn alone<'l>(argument: &str, command: Command<'l>) -> Result<Command<'l>, Reply> {
    let reply = || syntax("this command takes no argument");
    if argument.is_empty() { Ok(command) } else { Err(reply()) }
}

/// The name that a client gives itself: anything in one word, for many have no good one.
fn host(argument: &str) -> Result<&str, Reply> {
    let is_fit =
        |char: char| char.is_ascii_graphic() && !matches!(char, '(' | ')' | '<' | '>' | '"');
    if argument.is_empty() || argument.len() > 255 || !argument.chars().all(is_fit) {
        return Err(syntax("the name of the client is expected, such as `mail.example.org`"));
    }
    Ok(argument)
}

/// What stands behind `FROM:` or `TO:`, with or without a space.
fn behind<'l>(argument: &'l str, tag: &str) -> Option<&'l str> {
    let (head, rest) = argument.split_at_checked(tag.len())?;
    head.eq_ignore_ascii_case(tag).then(|| rest.trim_start_matches(' '))
}

fn path(text: &str, code: u16, detail: u16) -> Result<(Path, &str), Reply> {
    Path::read(text).map_err(|error| {
        Reply::new(code, Status(1, detail), "").with_text(format!("bad address: {error}"))
    })
}

impl Mail {
    fn read(argument: &str) -> Result<Self, Reply> {
        let rest = behind(argument, "FROM:").ok_or_else(|| syntax("write MAIL FROM:<address>"))?;
        let (from, parameters) = path(rest, 501, 7)?;
        if from == Path::Postmaster {
            return Err(Reply::new(501, Status(1, 7), "the sender needs a domain"));
        }
        let mut mail = Self { from, size: None, is_utf8: false };
        for parameter in parameters.split_ascii_whitespace() {
            let (name, value) = match parameter.split_once('=') {
                Some((name, value)) => (name, Some(value)),
                None => (parameter, None),
            };
            match (name.to_ascii_uppercase().as_str(), value) {
                ("SIZE", Some(value)) => mail.size = Some(number(value)?),
                ("BODY", Some(body)) if is_body(body) => (),
                ("SMTPUTF8", None) => mail.is_utf8 = true,
                // Who wrote it first is not kept (RFC 4954 §5).
                ("AUTH", Some(_)) => (),
                _ => return Err(unknown_parameter(name)),
            }
        }
        Ok(mail)
    }
}

fn is_body(value: &str) -> bool {
    value.eq_ignore_ascii_case("7BIT") || value.eq_ignore_ascii_case("8BITMIME")
}

fn unknown_parameter(name: &str) -> Reply {
    let text = format!("the parameter {name} is not known here, or not with this value");
    Reply::new(555, Status(5, 4), "").with_text(text)
}

fn recipient(argument: &str) -> Result<Path, Reply> {
    let rest = behind(argument, "TO:").ok_or_else(|| syntax("write RCPT TO:<address>"))?;
    let (to, parameters) = path(rest, 501, 3)?;
    if let Some(parameter) = parameters.split_ascii_whitespace().next() {
        return Err(unknown_parameter(
            parameter.split_once('=').map_or(parameter, |(name, _)| name),
        ));
    }
    if to == Path::Null {
        return Err(Reply::new(501, Status(1, 3), "the recipient is empty"));
    }
    Ok(to)
}

/// A number of octets (RFC 1870 §3: up to 20 digits).
fn number(text: &str) -> Result<u64, Reply> {
    let is_number = !text.is_empty() && text.bytes().all(|octet| octet.is_ascii_digit());
    if !is_number || text.len() > 20 {
        return Err(syntax("a number of octets is expected"));
    }
    // More than 64 bits hold is more than anyone takes.
    Ok(text.parse().unwrap_or(u64::MAX))
}

fn chunk<'l>(argument: &str) -> Result<Command<'l>, Reply> {
    let (octets, rest) = argument.split_once(' ').unwrap_or((argument, ""));
    let is_last = match rest.trim() {
        "" => false,
        last if last.eq_ignore_ascii_case("LAST") => true,
        _ => return Err(syntax("write BDAT octets, perhaps with LAST behind it")),
    };
    Ok(Command::Bdat { octets: number(octets)?, is_last })
}

fn auth(argument: &str) -> Result<Command<'_>, Reply> {
    let mut words = argument.split_ascii_whitespace();
    let mechanism = words.next().ok_or_else(|| syntax("AUTH wants a mechanism"))?;
    let initial = words.next();
    if words.next().is_some() {
        return Err(syntax("AUTH takes a mechanism and an initial response"));
    }
    Ok(Command::Auth { mechanism, initial })
}

#[cfg(test)]
mod tests {
    use super::Command;

    #[track_caller]
    fn reads(line: &str, expected: &str) {
        let command = Command::read(line.as_bytes());
        assert_eq!(format!("{command:?}"), format!("Ok({expected})"), "{line}");
    }

    #[track_caller]
    fn refuses(line: &[u8], code: u16) {
        let reply = Command::read(line).unwrap_err();
        assert_eq!(reply.code(), code, "{line:?}: {reply:?}");
    }

    #[test]
    fn commands_are_read_in_any_case_with_spaces_to_spare() {
        reads("HELO a-client.com", "Helo(\"a-client.com\")");
        reads("ehlo [192.0.2.1] ", "Ehlo(\"[192.0.2.1]\")");
        reads("data", "Data");
        reads("Data ", "Data");
        reads("rset", "Rset");
        reads("NOOP whatever it is", "Noop");
        reads("VRFY joe", "Vrfy");
        reads("HELP mail", "Help");
        reads("QUIT", "Quit");
        reads("STARTTLS", "StartTls");
        reads("BDAT 0 last", "Bdat { octets: 0, is_last: true }");
        reads("BDAT 86", "Bdat { octets: 86, is_last: false }");
        reads("AUTH PLAIN", "Auth { mechanism: \"PLAIN\", initial: None }");
        reads("auth login am9l", "Auth { mechanism: \"login\", initial: Some(\"am9l\") }");
    }

    #[test]
    fn addresses_may_lack_brackets_and_have_a_space_before() {
        for line in [
            "MAIL FROM:<jane@bloggs.com>",
            "MAIL From: jane@bloggs.com",
            "mail from:jane@bloggs.com",
            "MAIL FROM:<jane@bloggs.com> BODY=8BITMIME",
        ] {
            let Ok(Command::Mail(mail)) = Command::read(line.as_bytes()) else { panic!("{line}") };
            assert_eq!(mail.from.to_string(), "<jane@bloggs.com>", "{line}");
            assert_eq!((mail.size, mail.is_utf8), (None, false), "{line}");
        }
        for line in
            ["RCPT TO:<joe@bloggs.com>", "RCPT To: joe@bloggs.com", "rcpt to:<joe@bloggs.com> "]
        {
            let Ok(Command::Rcpt(to)) = Command::read(line.as_bytes()) else { panic!("{line}") };
            assert_eq!(to.to_string(), "<joe@bloggs.com>", "{line}");
        }
        let line = b"MAIL FROM:<> size=99999999999999999999 smtputf8 AUTH=<>";
        let Ok(Command::Mail(mail)) = Command::read(line) else { panic!("no MAIL") };
        assert_eq!((mail.size, mail.is_utf8), (Some(u64::MAX), true));
    }

    #[test]
    fn what_is_wrong_gets_the_code_that_says_how() {
        for (line, code) in [
            ("", 500),
            ("FOO", 500),
            ("HELOmail.example", 500),
            ("EXPN list", 502),
            ("HELO", 501),
            ("EHLO two words", 501),
            ("EHLO <x>", 501),
            ("MAIL", 501),
            ("MAIL TO:<a@b>", 501),
            ("MAIL FROM:", 501),
            ("MAIL FROM:<postmaster>", 501),
            ("MAIL FROM:<a@b> SIZE=", 501),
            ("MAIL FROM:<a@b> SIZE=-1", 501),
            ("MAIL FROM:<a@b> SIZE=100000000000000000000", 501),
            ("MAIL FROM:<a@b> BODY=BINARYMIME", 555),
            ("MAIL FROM:<a@b> RET=FULL", 555),
            ("MAIL FROM:<a@b> SMTPUTF8=1", 555),
            ("RCPT TO:<>", 501),
            ("RCPT TO:<a b@c>", 501),
            ("RCPT TO:<a@b> NOTIFY=NEVER", 555),
            ("DATA now", 501),
            ("BDAT", 501),
            ("BDAT x", 501),
            ("BDAT 1 FIRST", 501),
            ("BDAT -1", 501),
            ("AUTH", 501),
            ("AUTH PLAIN a b", 501),
            ("VRFY", 501),
        ] {
            refuses(line.as_bytes(), code);
        }
        refuses(b"MAIL FROM:<\xff@b>", 500);
    }
}
