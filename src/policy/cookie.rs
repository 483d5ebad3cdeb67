//! Cookies, which show that a client can receive at the address it writes (RFC 7873, RFC 9018).
//!
//! Makes and checks our part of them. Reads no file, clock or randomness: `app` reads the secrets,
//! and the time comes in with each query.

use std::fmt;
use std::net::IpAddr;

use data_encoding::HEXLOWER_PERMISSIVE;
use siphasher::sip::SipHasher24;

use crate::base::time::Wall;
use crate::wire::edns::{CLIENT_COOKIE_LEN, Cookie, ReplyCookie, SERVER_COOKIE_LEN};

/// Octets of a secret.
pub const SECRET_LEN: usize = 16;

/// The version of our cookies (RFC 9018 §4.1).
const VERSION: u8 = 1;

/// How old a cookie may be, in seconds (RFC 9018 §4.3).
const AGE_MAX: i32 = 60 * 60;

/// How far ahead of our clock that of another server of the group may be, in seconds
/// (RFC 9018 §4.3).
const AHEAD_MAX: i32 = 5 * 60;

/// The age in seconds from which the client gets a new cookie (RFC 9018 §4.3).
const RENEWAL_AGE: i32 = 30 * 60;

/// The secrets of a group of servers that accept each other's cookies.
#[derive(Clone)]
pub struct Secrets {
    /// What new cookies are made with.
    signing: SipHasher24,
    /// What is accepted as well, while the group goes from one secret to the next (RFC 9018 §5).
    accepted: Option<SipHasher24>,
}

/// A cookie that was looked at.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Checked {
    /// What the client gets.
    pub reply: ReplyCookie,
    /// Whether our part was good: the client has received a reply of ours at its address.
    pub is_valid: bool,
}

impl Secrets {
    /// Secrets of which the first makes cookies.
    pub fn new(signing: [u8; SECRET_LEN], accepted: Option<[u8; SECRET_LEN]>) -> Self {
        let keyed = |secret| SipHasher24::new_with_key(&secret);
        Self { signing: keyed(signing), accepted: accepted.map(keyed) }
    }

    /// The secrets in the text of a file: one or two lines of 32 hexadecimal digits, of which the
    /// first makes cookies.
    ///
    /// # Errors
    ///
    /// Fails if the text is anything else.
    pub fn parse(text: &str) -> Result<Self, SecretsError> {
        let mut lines = text.lines().map(str::trim).filter(|line| !line.is_empty());
        let signing = secret(lines.next().ok_or(SecretsError::None)?)?;
        let accepted = lines.next().map(secret).transpose()?;
        if lines.next().is_some() {
            return Err(SecretsError::TooMany);
        }
        Ok(Self::new(signing, accepted))
    }

    /// Looks at a client's cookie and makes the one it gets.
    pub fn check(&self, cookie: &Cookie, client: IpAddr, now: Wall) -> Checked {
        let Cookie { client: random, server } = *cookie;
        let seen = server.and_then(|server| self.age(&server, &random, client, now));
        let server = match (server, seen) {
            (Some(server), Some(seen)) if !seen.is_due => server,
            (_, _) => server_cookie(&self.signing, &random, client, now),
        };
        Checked { reply: ReplyCookie { client: random, server }, is_valid: seen.is_some() }
    }

    /// How old our part of a cookie is; `None` if it is not good.
    fn age(
        &self,
        server: &[u8; SERVER_COOKIE_LEN],
        random: &[u8; CLIENT_COOKIE_LEN],
        client: IpAddr,
        now: Wall,
    ) -> Option<Seen> {
        let [version, _, _, _, a, b, c, d, hash @ ..] = *server;
        let age = now.as_serial().wrapping_sub(u32::from_be_bytes([a, b, c, d])).cast_signed();
        if version != VERSION || !(-AHEAD_MAX..=AGE_MAX).contains(&age) {
            return None;
        }
        let [head @ .., _, _, _, _, _, _, _, _] = *server;
        let is_made_with = |key| sign(key, random, &head, client) == u64::from_le_bytes(hash);
        if is_made_with(&self.signing) {
            return Some(Seen { is_due: age > RENEWAL_AGE });
        }
        self.accepted.as_ref().is_some_and(is_made_with).then_some(Seen { is_due: true })
    }
}

/// What a good cookie of ours is.
#[derive(Clone, Copy)]
struct Seen {
    /// Whether the client should have a new one.
    is_due: bool,
}

/// Our part of a new cookie (RFC 9018 §4).
fn server_cookie(
    key: &SipHasher24,
    random: &[u8; CLIENT_COOKIE_LEN],
    client: IpAddr,
    now: Wall,
) -> [u8; SERVER_COOKIE_LEN] {
    let [a, b, c, d] = now.as_serial().to_be_bytes();
    let head = [VERSION, 0, 0, 0, a, b, c, d];
    let hash = sign(key, random, &head, client).to_le_bytes();
    let mut cookie = [0; SERVER_COOKIE_LEN];
    cookie.iter_mut().zip(head.iter().chain(&hash)).for_each(|(slot, octet)| *slot = *octet);
    cookie
}

/// The hash of the client's part, version, reserved octets, time and the client's address
/// (RFC 9018 §4.4).
fn sign(
    key: &SipHasher24,
    random: &[u8; CLIENT_COOKIE_LEN],
    head: &[u8; CLIENT_COOKIE_LEN],
    client: IpAddr,
) -> u64 {
    let mut input = [0; 32];
    let (parts, address) = input.split_at_mut(16);
    parts.iter_mut().zip(random.iter().chain(head)).for_each(|(slot, octet)| *slot = *octet);
    match client.to_canonical() {
        IpAddr::V4(client) => {
            let (address, _) = address.split_at_mut(4);
            address.copy_from_slice(&client.octets());
            key.hash(&input[..20])
        }
        IpAddr::V6(client) => {
            address.copy_from_slice(&client.octets());
            key.hash(&input)
        }
    }
}

fn secret(line: &str) -> Result<[u8; SECRET_LEN], SecretsError> {
    let octets = HEXLOWER_PERMISSIVE.decode(line.as_bytes()).map_err(|_| SecretsError::NotHex)?;
    octets.try_into().map_err(|_| SecretsError::NotHex)
}

impl fmt::Debug for Secrets {
    /// Leaves the secrets out.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let count = 1 + usize::from(self.accepted.is_some());
        f.debug_struct("Secrets").field("count", &count).finish_non_exhaustive()
    }
}

/// Why a text holds no secrets.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SecretsError {
    /// It is empty.
    None,
    /// A line is not 32 hexadecimal digits.
    NotHex,
    /// It has more than two lines.
    TooMany,
}

impl fmt::Display for SecretsError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::None => "it holds no secret",
            Self::NotHex => "a line of it is not 32 hexadecimal digits",
            Self::TooMany => "it holds more than two secrets",
        })
    }
}

impl std::error::Error for SecretsError {}

#[cfg(test)]
mod tests;
