//! Certificates: made, read from files, renewed, and what is wrong with them.

use super::client::{Client, trust};
use super::{Service, at, folder, made, start};
use crate::server::{self, Server};
use kereru::base::time::Wall;
use kereru::net::certificate::Certificate;
use rcgen::{CertificateParams, KeyPair};
use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::process::Command;

/// A certificate for a name, and its key.
fn issue(name: &str) -> (String, String) {
    let key = KeyPair::generate().unwrap();
    let params = CertificateParams::new([name.to_owned()]).unwrap();
    (params.self_signed(&key).unwrap().pem(), key.serialize_pem())
}

const FILES: &str = "  tls: {certificate: c.pem, key: k.pem}";

/// A folder with these files as certificate and key.
fn folder_with(certificate: &str, key: &str) -> std::path::PathBuf {
    let folder = folder(FILES);
    fs::write(folder.join("c.pem"), certificate).unwrap();
    fs::write(folder.join("k.pem"), key).unwrap();
    fs::set_permissions(folder.join("k.pem"), fs::Permissions::from_mode(0o600)).unwrap();
    folder
}

/// Whether a server shows a certificate that this one vouches for.
fn shows(server: &Server, certificate: &str) -> bool {
    let client = Client::silent(at(server, Service::Smtps));
    client.try_tls(&trust(certificate)).is_ok()
}

#[test]
fn certificate_is_made_once_and_again_for_another_name() {
    let server = start("");
    let first = made(&server);
    let key = fs::metadata(server.folder.join("var/mail-key.pem")).unwrap();
    assert_eq!(key.permissions().mode() & 0o777, 0o600);
    assert!(server.lines.concat().contains("made a certificate for mail.example"));
    let folder = server.folder.clone();
    drop(server);
    let server = Server::start_in(&folder);
    assert_eq!(made(&server), first);
    assert!(!server.lines.concat().contains("made a certificate"));
    assert!(shows(&server, &first));
    drop(server);
    let config = fs::read_to_string(folder.join("kereru.yaml")).unwrap();
    let config = config.replace("hostname: mail.example", "hostname: mail2.example");
    fs::write(folder.join("kereru.yaml"), config).unwrap();
    let server = Server::start_in(&folder);
    assert_ne!(made(&server), first);
}

#[test]
fn made_certificate_is_renewed_before_its_end() {
    const YEAR: u64 = 365 * 24 * 60 * 60;
    let folder = server::folder("", &[]);
    let file = folder.join("mail-certificate.pem");
    let at = |years: u64| Wall::from_secs(Wall::now().as_secs() + years * YEAR);
    let make = |years| {
        Certificate::self_signed("mail.example", &folder, at(years)).unwrap();
        fs::read_to_string(&file).unwrap()
    };
    let first = make(0);
    assert_eq!(make(9), first);
    assert_ne!(make(10), first);
}

#[test]
fn half_a_certificate_is_made_whole() {
    let folder = server::folder("", &[]);
    let make = || Certificate::self_signed("mail.example", &folder, Wall::now());
    make().unwrap();
    let key = fs::read_to_string(folder.join("mail-key.pem")).unwrap();
    fs::write(folder.join("mail-certificate.pem"), "").unwrap();
    make().unwrap();
    assert_ne!(fs::read_to_string(folder.join("mail-key.pem")).unwrap(), key);
}

#[test]
fn folder_that_cannot_be_written_is_told() {
    let folder = server::folder("", &[]);
    let missing = folder.join("missing");
    let error = Certificate::self_signed("mail.example", &missing, Wall::now()).unwrap_err();
    let text = error.iter().map(ToString::to_string).collect::<String>();
    assert!(text.contains("cannot keep the certificate in "), "{text}");
    assert!(text.contains("let the server write into the folder of `state`"), "{text}");
}

#[test]
fn certificate_of_files_is_shown() {
    let (certificate, key) = issue("mail.example");
    let server = Server::start_in(&folder_with(&certificate, &key));
    assert!(shows(&server, &certificate));
    assert!(!server.folder.join("var/mail-certificate.pem").exists());
}

#[test]
fn renewed_files_are_shown_without_a_word() {
    let (old, key) = issue("mail.example");
    let mut server = Server::start_in(&folder_with(&old, &key));
    let (new, key) = issue("mail.example");
    // As certbot does it: one file, a moment later the other.
    server.write("c.pem", &new);
    assert!(shows(&server, &old) && !shows(&server, &new));
    let line = server.logged("does not belong");
    assert!(line.contains("the key k.pem does not belong to the certificate c.pem"), "{line}");
    server.logged("the old one stays in use");
    server.write("k.pem", &key);
    assert!(shows(&server, &new) && !shows(&server, &old));
    server.logged("is used from now on");
}

#[test]
fn broken_files_are_told_once_and_the_old_certificate_stays() {
    let (old, key) = issue("mail.example");
    let server = Server::start_in(&folder_with(&old, &key));
    server.write("c.pem", "no certificate\n");
    for _ in 0..10 {
        assert!(shows(&server, &old));
    }
    server.signal("TERM");
    let (_, log) = server.wait();
    assert_eq!(log.matches("has no certificate in it").count(), 1, "{log}");
}

#[test]
fn reload_reads_certificates_and_keeps_the_old_one_if_they_are_bad() {
    let (old, key) = issue("mail.example");
    let mut server = Server::start_in(&folder_with(&old, &key));
    let config = fs::read_to_string(server.folder.join("kereru.yaml")).unwrap();
    server.write("kereru.yaml", &config.replace("c.pem", "other.pem"));
    let log = server.reload();
    assert!(log.contains("the certificate other.pem cannot be read"), "{log}");
    assert!(log.contains("kereru.yaml:11:") && log.contains(" reloaded: "), "{log}");
    assert!(shows(&server, &old));
    let (new, key) = issue("mail.example");
    server.write("other.pem", &new);
    server.write("k.pem", &key);
    assert!(server.reload().contains(" reloaded: "));
    assert!(shows(&server, &new));
    server.write("kereru.yaml", &config.replace(FILES, ""));
    assert!(server.reload().contains("made a certificate for mail.example"));
    assert!(shows(&server, &made(&server)));
}

/// What `kereru check` prints in a folder, and its exit code.
fn check(folder: &Path) -> (String, Option<i32>) {
    let mut command = Command::new(env!("CARGO_BIN_EXE_kereru"));
    let output = command.args(["check", "--config", "kereru.yaml"]).current_dir(folder).output();
    let output = output.unwrap();
    (String::from_utf8(output.stdout).unwrap(), output.status.code())
}

#[test]
fn bad_files_are_told_by_check_and_end_the_start() {
    let (certificate, key) = issue("mail.example");
    let (_, other) = issue("mail.example");
    let locked =
        "-----BEGIN ENCRYPTED PRIVATE KEY-----\nMAA=\n-----END ENCRYPTED PRIVATE KEY-----\n";
    let damaged = certificate.replacen('M', "!", 2);
    let nonsense = "-----BEGIN CERTIFICATE-----\nMAA=\n-----END CERTIFICATE-----\n";
    for (certificate, key, expected) in [
        (&*certificate, &*other, "the key k.pem does not belong to the certificate c.pem"),
        ("", &key, "the certificate c.pem has no certificate in it"),
        (&key, &key, "the certificate c.pem has no certificate in it"),
        (&damaged, &key, "the certificate c.pem is damaged"),
        (nonsense, &key, "the certificate c.pem cannot be read"),
        (&certificate.repeat(17), &key, "the certificate c.pem has more than 16 in it"),
        (&certificate, &certificate, "the key k.pem has no key in it"),
        (&certificate, locked, "the key k.pem needs a passphrase"),
        (
            &certificate,
            &nonsense.replace("CERTIFICATE", "PRIVATE KEY"),
            "the key k.pem cannot be used",
        ),
        (&"x".repeat((1 << 20) + 1), &key, "c.pem cannot be read: it is larger than 1 MiB"),
    ] {
        let folder = folder_with(certificate, key);
        let (text, code) = check(&folder);
        assert!(text.contains(expected) && text.contains("help: "), "{expected}: {text}");
        assert_eq!(code, Some(1), "{text}");
        let output = server::serve(&folder).spawn().unwrap().wait_with_output().unwrap();
        let log = String::from_utf8(output.stderr).unwrap();
        assert!(log.contains(expected), "{expected}: {log}");
        assert_eq!(output.status.code(), Some(1), "{log}");
    }
    let folder = folder_with("", "");
    let (text, _) = check(&folder);
    assert!(
        text.contains("has no certificate in it") && text.contains("has no key in it"),
        "{text}"
    );
    fs::remove_file(folder.join("k.pem")).unwrap();
    assert!(check(&folder).0.contains("the key k.pem cannot be read: No such file"));
}

#[test]
fn doubtful_certificates_are_warned_of() {
    let (other, key) = issue("other.example");
    let folder = folder_with(&other, &key);
    fs::set_permissions(folder.join("k.pem"), fs::Permissions::from_mode(0o644)).unwrap();
    let (text, code) = check(&folder);
    assert!(text.contains("the certificate c.pem is not for mail.example"), "{text}");
    assert!(text.contains("everybody may read the key k.pem"), "{text}");
    assert_eq!(code, Some(0), "{text}");
    let key = KeyPair::generate().unwrap();
    let mut params = CertificateParams::new(["mail.example".to_owned()]).unwrap();
    for (from, to, expected) in [
        (2000, 2001, "has expired"),
        (4000, 4001, "is not valid yet [mail-certificate]; is the clock of this machine right?"),
    ] {
        params.not_before = rcgen::date_time_ymd(from, 1, 1);
        params.not_after = rcgen::date_time_ymd(to, 1, 1);
        let certificate = params.self_signed(&key).unwrap().pem();
        let server = Server::start_in(&folder_with(&certificate, &key.serialize_pem()));
        assert!(server.lines.concat().contains(expected), "{}", server.lines.concat());
    }
    let (good, key) = issue("mail.example");
    let (text, code) = check(&folder_with(&good, &key));
    assert!(!text.contains("certificate"), "{text}");
    assert_eq!(code, Some(0));
}
