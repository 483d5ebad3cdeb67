//! The secrets of cookies as an operator keeps them: made, shared, changed, and not writable.

use crate::message::{Asking, query};
use crate::server::{ANSWER, Server, ZONE, ask_udp, folder, serve};
use crate::world::name;
use kereru::base::time::Wall;
use kereru::policy::cookie::Secrets;
use kereru::wire::edns::Cookie;
use kereru::wire::header::Flags;
use kereru::wire::numbers::Rtype;
use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::process::Command;

/// The secret that a server makes for itself.
const FILE: &str = "var/cookie-secret";

/// The query for www with a cookie.
fn www_with_cookie(cookie: &[u8]) -> Vec<u8> {
    let asking = Asking { edns_size: Some(1232), ..Asking::PLAIN };
    with_cookie(query(&name("www.example."), Rtype::A, asking), cookie)
}

/// A query that ends with an OPT record without options, with a cookie put into it.
pub fn with_cookie(mut query: Vec<u8>, cookie: &[u8]) -> Vec<u8> {
    let length = cookie.len() as u8;
    *query.last_mut().unwrap() = length + 4;
    query.extend_from_slice(&[0, 10, 0, length]);
    query.extend_from_slice(cookie);
    query
}

/// The cookie that a server gives for this one.
fn cookie_from(server: &Server, sent: &[u8]) -> Vec<u8> {
    let reply = ask_udp(server.addresses[0], &www_with_cookie(sent));
    assert_eq!(reply.render(), ANSWER);
    reply.opt.unwrap().rdata[4..].to_vec()
}

/// Whether the reply to a query with this cookie is cut, because there have been too many.
fn is_cut(server: &Server, cookie: &[u8]) -> bool {
    let reply = ask_udp(server.addresses[0], &www_with_cookie(cookie));
    reply.header.flags.contains(Flags::TC)
}

#[test]
fn cookie_secret_is_made_once_for_its_owner_alone() {
    let config = "listen: ['127.0.0.1:0']\nzones: [{zone: example, file: example.zone}]\n";
    let folder = folder(config, &[("example.zone", ZONE)]);
    let first = Server::start_in(&folder);
    let file = folder.join("var/cookie-secret");
    let secret = fs::read_to_string(&file).unwrap();
    assert_eq!(fs::metadata(&file).unwrap().permissions().mode() & 0o777, 0o600);
    assert!(Secrets::parse(&secret).is_ok());
    let cookie = cookie_from(&first, b"clientrn");
    drop(first);
    // A good cookie is given back as it is: the next run knows it.
    let second = Server::start_in(&folder);
    assert_eq!(cookie_from(&second, &cookie), cookie);
    assert_eq!(fs::read_to_string(&file).unwrap(), secret);
}

#[test]
fn servers_with_one_secret_know_each_others_cookies() {
    let (old, new) = ("0123456789abcdef0123456789abcdef", "00112233445566778899aabbccddeeff");
    let start = |secret: &str| {
        let config = "listen: ['127.0.0.1:0']\nzones: [{zone: example, file: example.zone}]\n\
             cookies: {secret-file: secret}\n";
        Server::start(config, &[("example.zone", ZONE), ("secret", secret)])
    };
    let (first, second) = (start(old), start(old));
    let cookie = cookie_from(&first, b"clientrn");
    assert_eq!(cookie_from(&second, &cookie), cookie);
    // One that comes first in the change of secrets knows it too, and gives a new one.
    let ahead = start(&format!("{new}\n{old}\n"));
    let renewed = cookie_from(&ahead, &cookie);
    assert_ne!(renewed, cookie);
    assert_eq!(cookie_from(&ahead, &renewed), renewed);
}

const SECRETS: [&str; 3] = [
    "0123456789abcdef0123456789abcdef",
    "00112233445566778899aabbccddeeff",
    "ffeeddccbbaa99887766554433221100",
];

/// Whether a server that has this secret alone knows the cookie.
fn is_made_with(secret: &str, cookie: &[u8]) -> bool {
    let secrets = Secrets::parse(secret).unwrap();
    let (client, server) = cookie.split_at(8);
    let cookie =
        Cookie { client: client.try_into().unwrap(), server: Some(server.try_into().unwrap()) };
    secrets.check(&cookie, "127.0.0.1".parse().unwrap(), Wall::now()).is_valid
}

#[test]
fn change_of_the_secret_keeps_cookies_good_as_long_as_the_old_one_is_there() {
    let [first, second, third] = SECRETS;
    let config = "listen: ['127.0.0.1:0']\nzones: [{zone: example, file: example.zone}]\n\
         cookies: {secret-file: secret}\nrate-limit: {per-second: 1, slip: 1, exempt: []}\n";
    let mut server = Server::start(config, &[("example.zone", ZONE), ("secret", first)]);
    let old = cookie_from(&server, b"clientrn");
    assert!(is_made_with(first, &old));
    // The steps of docs/configuration.md. The limit is one reply a second: who gets more has a good
    // cookie.
    for (secret, maker, is_old_kept) in [
        (format!("{first}\n{second}\n"), first, true),
        (format!("{second}\n{first}\n"), second, false),
    ] {
        server.write("secret", &secret);
        server.reload();
        for _ in 0..10 {
            let cookie = cookie_from(&server, &old);
            assert!(is_made_with(maker, &cookie), "{secret}");
            assert_eq!(cookie == old, is_old_kept, "{secret}");
        }
    }
    let renewed = cookie_from(&server, &old);
    server.write("secret", &format!("{third}\n{second}\n"));
    server.reload();
    for _ in 0..10 {
        assert!(is_made_with(third, &cookie_from(&server, &renewed)));
    }
    // The first secret is forgotten: a cookie of it is worth no more than none.
    assert!((0..100).any(|_| is_cut(&server, &old)));
}

#[test]
fn secret_that_cannot_be_used_ends_with_1_and_is_told_by_check_too() {
    let config = "listen: ['127.0.0.1:0']\ncookies: {secret-file: secret}\n";
    for (files, expected) in [
        (vec![], "cannot read the cookie secret secret: No such file"),
        (vec![("secret", "0123")], "a line of it is not 32 hexadecimal digits"),
    ] {
        let folder = folder(config, &files);
        let output = serve(&folder).output().unwrap();
        let log = String::from_utf8(output.stderr).unwrap();
        assert_eq!(output.status.code(), Some(1), "{log}");
        assert!(log.contains("kereru.yaml:2:24") && log.contains(expected), "{log}");
        let (code, text) = checked(&folder);
        assert_eq!(code, Some(1), "{text}");
        assert!(text.contains("error[cookie-secret]") && text.contains(expected), "{text}");
    }
}

/// What `kereru check` says of the configuration in a folder, and its exit code.
fn checked(folder: &Path) -> (Option<i32>, String) {
    let mut command = Command::new(env!("CARGO_BIN_EXE_kereru"));
    let output = command.arg("check").current_dir(folder).output().unwrap();
    (output.status.code(), String::from_utf8(output.stdout).unwrap())
}

#[test]
fn secret_that_everybody_may_read_is_a_warning() {
    let zones = "listen: ['127.0.0.1:0']\nzones: [{zone: example, file: example.zone}]\n";
    let named = format!("{zones}cookies: {{secret-file: secret}}\n");
    for (config, file, at) in [(&*named, "secret", "kereru.yaml:3:24"), (zones, FILE, "")] {
        let folder = folder(config, &[("example.zone", ZONE)]);
        fs::create_dir_all(folder.join("var")).unwrap();
        fs::write(folder.join(file), SECRETS[0]).unwrap();
        let told = format!("everybody may read the cookie secret {file}");
        for (mode, is_told) in [(0o644, true), (0o604, true), (0o640, false), (0o600, false)] {
            fs::set_permissions(folder.join(file), fs::Permissions::from_mode(mode)).unwrap();
            let (code, text) = checked(&folder);
            assert_eq!((code, text.contains(&told)), (Some(0), is_told), "{text}");
            assert!(!is_told || text.contains(at) && text.contains("chmod o="), "{text}");
            let mut server = Server::start_in(&folder);
            let log = server.lines.concat();
            assert_eq!(log.contains(&told), is_told, "{log}");
            assert!(!is_told || log.contains(at), "{log}");
            let log = server.reload();
            assert_eq!(log.contains(&told), is_told, "{log}");
        }
    }
}

#[test]
fn secret_that_cannot_be_kept_is_a_warning() {
    let config = "listen: ['127.0.0.1:0']\nstate: var\n\
         zones: [{zone: example, file: example.zone}]\n";
    // A file where the folder should be.
    let server = Server::start(config, &[("example.zone", ZONE), ("var", "")]);
    let log = server.lines.concat();
    assert!(log.contains("cannot keep the cookie secret in var/cookie-secret"), "{log}");
    let cookie = cookie_from(&server, b"clientrn");
    assert_eq!(cookie_from(&server, &cookie), cookie);
}

#[test]
fn secret_that_could_not_be_kept_is_kept_by_a_reload_once_it_can_be() {
    let config = "listen: ['127.0.0.1:0']\nstate: var\n\
         zones: [{zone: example, file: example.zone}]\n";
    let place = folder(config, &[("example.zone", ZONE), ("var", "")]);
    let mut server = Server::start_in(&place);
    let cookie = cookie_from(&server, b"clientrn");
    let log = server.reload();
    assert!(log.contains("cannot keep the cookie secret in var/cookie-secret"), "{log}");
    assert_eq!(cookie_from(&server, &cookie), cookie);
    fs::remove_file(place.join("var")).unwrap();
    let log = server.reload();
    assert!(!log.contains("cannot keep"), "{log}");
    assert_eq!(cookie_from(&server, &cookie), cookie);
    let secret = fs::read_to_string(place.join("var/cookie-secret")).unwrap();
    assert!(is_made_with(&secret, &cookie));
}

#[test]
fn server_that_is_given_no_secret_file_any_more_has_a_secret_of_its_own_at_once() {
    let zones = "listen: ['127.0.0.1:0']\nstate: var\nhttp: {listen: []}\n\
         zones: [{zone: example, file: example.zone}]\n";
    let [given, ..] = SECRETS;
    let config = format!("{zones}cookies: {{secret-file: secret}}\n");
    let place = folder(&config, &[("example.zone", ZONE), ("secret", given)]);
    let mut server = Server::start_in(&place);
    let old = cookie_from(&server, b"clientrn");
    server.write("kereru.yaml", zones);
    let log = server.reload();
    assert!(log.contains("made a cookie secret in var/cookie-secret"), "{log}");
    let new = cookie_from(&server, &old);
    assert!(!is_made_with(given, &new));
    let own = fs::read_to_string(place.join("var/cookie-secret")).unwrap();
    assert!(is_made_with(&own, &new));
    // It is made once.
    let log = server.reload();
    assert!(!log.contains("cookie secret"), "{log}");
    assert_eq!(cookie_from(&server, &new), new);
}
