//! Command lines of POP3 (RFC 1939 §3, RFC 2449, RFC 2595, RFC 5034).

/// A command. Numbers of messages are as written, from 1.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Command<'l> {
    User(&'l str),
    Pass(&'l str),
    Auth { mechanism: &'l str, initial: Option<&'l str> },
    Stat,
    List(Option<u32>),
    Uidl(Option<u32>),
    Retr(u32),
    Top { number: u32, lines: u32 },
    Dele(u32),
    Rset,
    Noop,
    Capa,
    Stls,
    Quit,
}

impl<'l> Command<'l> {
    /// Reads a command line, without its end.
    ///
    /// # Errors
    ///
    /// Returns what is wrong with one that is none.
    pub(super) fn read(line: &'l [u8]) -> Result<Self, &'static str> {
        let line = std::str::from_utf8(line).map_err(|_| "the line is neither ASCII nor UTF-8")?;
        let (verb, argument) = line.split_once(' ').unwrap_or((line, ""));
        let words = || argument.split_ascii_whitespace();
        match verb.to_ascii_uppercase().as_str() {
            "USER" if argument.is_empty() => Err("USER wants the name of a mailbox"),
            "USER" => Ok(Self::User(argument.trim())),
            // All behind it, spaces too, is the password (RFC 1939 §7).
            "PASS" => Ok(Self::Pass(argument)),
            "AUTH" => {
                let mut words = words();
                match (words.next(), words.next(), words.next()) {
                    (Some(mechanism), initial, None) => Ok(Self::Auth { mechanism, initial }),
                    _ => Err("AUTH wants a mechanism"),
                }
            }
            "STAT" => alone(argument, Self::Stat),
            "LIST" => optional(argument).map(Self::List),
            "UIDL" => optional(argument).map(Self::Uidl),
            "RETR" => number(argument.trim()).map(Self::Retr),
            "TOP" => {
                let mut words = words();
                match (words.next(), words.next(), words.next()) {
                    (Some(which), Some(lines), None) => {
                        Ok(Self::Top { number: number(which)?, lines: number(lines)? })
                    }
                    _ => Err("TOP wants the number of a message and a number of lines"),
                }
            }
            "DELE" => number(argument.trim()).map(Self::Dele),
            "RSET" => alone(argument, Self::Rset),
            "NOOP" => alone(argument, Self::Noop),
            "CAPA" => alone(argument, Self::Capa),
            "STLS" => alone(argument, Self::Stls),
            "QUIT" => alone(argument, Self::Quit),
            _ => Err("there is no such command"),
        }
    }
}

fn alone<'l>(argument: &str, command: Command<'l>) -> Result<Command<'l>, &'static str> {
    if argument.trim().is_empty() { Ok(command) } else { Err("this command takes no argument") }
}

fn optional(argument: &str) -> Result<Option<u32>, &'static str> {
    match argument.trim() {
        "" => Ok(None),
        text => number(text).map(Some),
    }
}

fn number(text: &str) -> Result<u32, &'static str> {
    let is_number = text.bytes().all(|octet| octet.is_ascii_digit());
    text.parse().ok().filter(|_| is_number).ok_or("a number is expected")
}

#[cfg(test)]
mod tests {
    use super::Command;

    #[track_caller]
    fn reads(line: &str, expected: Command<'_>) {
        assert_eq!(Command::read(line.as_bytes()), Ok(expected), "{line}");
    }

    #[test]
    fn commands_are_read_in_any_case() {
        reads("user joebloggs", Command::User("joebloggs"));
        reads("PASS a b ", Command::Pass("a b "));
        reads("LIST", Command::List(None));
        reads("list 2", Command::List(Some(2)));
        reads("UIDL ", Command::Uidl(None));
        reads("Retr 1", Command::Retr(1));
        reads("TOP 1 0", Command::Top { number: 1, lines: 0 });
        reads("AUTH PLAIN", Command::Auth { mechanism: "PLAIN", initial: None });
        reads("QUIT", Command::Quit);
    }

    #[test]
    fn what_is_no_command_is_refused() {
        for line in [
            "",
            "FOO",
            "USER",
            "RETR",
            "RETR x",
            "RETR -1",
            "RETR +1",
            "RETR 4294967296",
            "RETR 1 2",
            "TOP 1",
            "TOP 1 2 3",
            "TOP 1 x",
            "LIST all",
            "DELE",
            "STAT now",
            "AUTH",
            "AUTH a b c",
            "QUIT now",
        ] {
            assert!(Command::read(line.as_bytes()).is_err(), "{line}");
        }
        assert!(Command::read(b"USER \xff").is_err());
    }
}
