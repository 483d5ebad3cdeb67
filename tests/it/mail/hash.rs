//! `kereru hash`, from a pipe; tests/interop/mail runs it at a terminal.

use super::client::Client;
use super::{Service, at, config, hash};
use crate::server::{Server, folder};
use std::io::Write;
use std::process::{Command, Output, Stdio};

fn run(input: &[u8]) -> Output {
    let mut command = Command::new(env!("CARGO_BIN_EXE_kereru"));
    command.arg("hash").stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
    let mut child = command.spawn().unwrap();
    // It may end before it has read all.
    let _ = child.stdin.take().unwrap().write_all(input);
    child.wait_with_output().unwrap()
}

#[test]
fn made_hash_is_a_password_in_the_configuration() {
    let output = run("correct horse, ça va?\r\n".as_bytes());
    assert!(output.status.success() && output.stderr.is_empty(), "{output:?}");
    let made = String::from_utf8(output.stdout).unwrap();
    let made = made.strip_suffix('\n').unwrap();
    assert!(made.starts_with("$argon2id$v=19$m=19456,t=2,p=1$"), "{made}");
    let config = config("").replace(&hash(super::PASSWORD), made);
    let server = Server::start_in(&folder(&config, &[("example.zone", super::ZONE)]));
    let mut pop3 = Client::clear(at(&server, Service::Pop3));
    pop3.log_in("joe", "correct horse, ça va?");
    // Nobody can tell from two hashes that the passwords are the same.
    assert_ne!(run(b"secret").stdout, run(b"secret").stdout);
}

#[test]
fn what_no_client_can_send_gets_no_hash() {
    let long = "x".repeat(201);
    for (input, code, expected) in [
        (&b""[..], 1, "there is no password\n"),
        (b"\n", 1, "there is no password\n"),
        (b"a\nb\n", 1, "the password has a line end or a control character"),
        (b"a\0b\n", 1, "the password has a line end or a control character"),
        (long.as_bytes(), 1, "the password has more than 200 octets"),
        (&long.repeat(1000).into_bytes(), 1, "the password has more than 200 octets"),
        (b"\xff\xfe\n", 1, "the password is not UTF-8"),
    ] {
        let output = run(input);
        let told = String::from_utf8(output.stderr).unwrap();
        assert!(told.starts_with(expected), "{expected}: {told}");
        assert_eq!((output.status.code(), output.stdout.len()), (Some(code), 0), "{expected}");
    }
    assert!(run("x".repeat(200).as_bytes()).status.success());
}
