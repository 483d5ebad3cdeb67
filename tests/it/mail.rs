//! The mail server over sockets of loopback: SMTP, POP3, TLS.

mod certificates;
mod checklist;
mod client;
mod hash;
mod sessions;

use crate::server::{self, Server};
use argon2::password_hash::PasswordHasher;
use argon2::{Algorithm, Argon2, Params, Version};
use std::fs;
use std::net::SocketAddr;
use std::path::PathBuf;

const ZONE: &str = "$TTL 300\n@ SOA mail admin 1 2 3 4 5\n@ NS mail\n@ MX 10 mail\n\
                    mail A 192.0.2.25\n";

const PASSWORD: &str = "iluvjane";

/// The hash of a password that costs next to nothing.
fn hash(password: &str) -> String {
    let params = Params::new(Params::MIN_M_COST, 1, 1, None).unwrap();
    let argon2 = Argon2::new(Algorithm::Argon2id, Version::V0x13, params);
    argon2.hash_password_with_salt(password.as_bytes(), b"salt and pepper").unwrap().to_string()
}

/// The configuration of a server with all services, for joe@example; `more` is more of `mail`.
fn config(more: &str) -> String {
    let any = "['127.0.0.1:0']";
    let hash = hash(PASSWORD);
    format!(
        "listen: ['127.0.0.1:0']\nzones: [{{zone: example, file: example.zone}}]\nmail:\n  \
         hostname: mail.example\n  smtp: {any}\n  submission: {any}\n  smtps: {any}\n  \
         pop3: {any}\n  pop3s: {any}\n  \
         users: [{{name: joe, addresses: [joe@example], password: '{hash}'}}]\n{more}\n"
    )
}

fn folder(more: &str) -> PathBuf {
    server::folder(&config(more), &[("example.zone", ZONE)])
}

fn start(more: &str) -> Server {
    Server::start_in(&folder(more))
}

/// Where a service of `config` is.
fn at(server: &Server, service: Service) -> SocketAddr {
    server.mail[service as usize]
}

#[derive(Clone, Copy)]
enum Service {
    Smtp,
    Submission,
    Smtps,
    Pop3,
    Pop3s,
}

/// The certificate that a server made.
fn made(server: &Server) -> String {
    fs::read_to_string(server.folder.join("var/mail-certificate.pem")).unwrap()
}
