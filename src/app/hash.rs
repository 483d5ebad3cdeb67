//! `kereru hash`: makes of a password what `mail.users.password` takes.

use std::io::{self, BufRead, IsTerminal, Read};

use argon2::Argon2;
use argon2::password_hash::PasswordHasher;

use crate::app::{Exit, output};
use crate::sys::random;
use crate::sys::terminal::Hidden;

/// Octets of a password: what a line of POP3 has room for.
const PASSWORD_LEN_MAX: usize = 200;

/// Octets that are read of one: so many that one more than that, and the end of its line, are seen.
const READ_LEN_MAX: u64 = PASSWORD_LEN_MAX as u64 + 3;

/// Octets of a salt: what RFC 9106 §3.1 recommends.
const SALT_LEN: usize = 16;

/// Asks for a password and prints its hash.
pub(super) fn run() -> Exit {
    let written = if io::stdin().is_terminal() { ask() } else { read() };
    let written = written.map_err(|error| (error.to_string(), Exit::Failed));
    let password =
        written.and_then(|written| check(written).map_err(|what| (what.to_owned(), Exit::Input)));
    let hash = password.and_then(|password| {
        hash(&password).map_err(|error| (format!("cannot make a hash: {error}"), Exit::Failed))
    });
    match hash {
        Ok(hash) => output::print(&format!("{hash}\n"), Exit::Fine),
        Err((what, exit)) => {
            output::note(&format!("{what}\n"));
            exit
        }
    }
}

/// What was written, twice if nobody could see it.
struct Written {
    password: Vec<u8>,
    again: Option<Vec<u8>>,
}

/// Asks at the terminal, which shows nothing of it.
fn ask() -> io::Result<Written> {
    let stdin = io::stdin();
    let _hidden = Hidden::begin(&stdin)?;
    let line = |prompt| {
        output::note(prompt);
        let mut line = Vec::new();
        stdin.lock().take(READ_LEN_MAX).read_until(b'\n', &mut line)?;
        Ok(without_end(line))
    };
    let password = line("Password: ")?;
    line("The same again: ").map(|again| Written { password, again: Some(again) })
}

/// Reads a line from standard input, which ends with it.
fn read() -> io::Result<Written> {
    let mut line = Vec::new();
    io::stdin().lock().take(READ_LEN_MAX).read_to_end(&mut line)?;
    Ok(Written { password: without_end(line), again: None })
}

fn without_end(mut line: Vec<u8>) -> Vec<u8> {
    line.pop_if(|last| *last == b'\n');
    line.pop_if(|last| *last == b'\r');
    line
}

/// The password, if clients can send it.
fn check(written: Written) -> Result<String, &'static str> {
    let Written { password, again } = written;
    // First, because what is cut off here may end within a character.
    if password.len() > PASSWORD_LEN_MAX {
        return Err("the password has more than 200 octets, which not every client can send");
    }
    let password = String::from_utf8(password).map_err(|_| "the password is not UTF-8")?;
    if again.is_some_and(|again| again != password.as_bytes()) {
        Err("the two are not the same")
    } else if password.is_empty() {
        Err("there is no password")
    } else if password.contains(char::is_control) {
        Err("the password has a line end or a control character, which no client can send")
    } else {
        Ok(password)
    }
}

/// The hash, with the costs that OWASP recommends and the crate has by default: 19 MiB and two passes,
/// for each log in.
fn hash(password: &str) -> Result<String, Box<dyn std::error::Error>> {
    let salt = random::octets::<SALT_LEN>()?;
    let hash = Argon2::default().hash_password_with_salt(password.as_bytes(), &salt)?;
    Ok(hash.to_string())
}
