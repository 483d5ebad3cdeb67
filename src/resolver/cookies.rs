//! Our part of the cookies that go to other servers (RFC 7873 §4.1).
//!
//! A keyed hash of the server's address, so that one server gets the same each time and two servers
//! cannot find out by it that it is us. What servers tell stands with what is known of them
//! (`servers`).

use std::net::IpAddr;

use siphasher::sip::SipHasher24;

use crate::base::entropy::Entropy;
use crate::wire::edns::CLIENT_COOKIE_LEN;

/// Makes our part of cookies.
pub(super) struct ClientCookies(SipHasher24);

impl ClientCookies {
    /// With a secret that lasts as long as this.
    pub(super) fn new(entropy: &mut dyn Entropy) -> Self {
        Self(SipHasher24::new_with_keys(entropy.next_u64(), entropy.next_u64()))
    }

    /// Our part for a server.
    pub(super) fn for_server(&self, server: IpAddr) -> [u8; CLIENT_COOKIE_LEN] {
        let hash = match server {
            IpAddr::V4(server) => self.0.hash(&server.octets()),
            IpAddr::V6(server) => self.0.hash(&server.octets()),
        };
        hash.to_le_bytes()
    }
}

impl std::fmt::Debug for ClientCookies {
    /// Leaves the secret out.
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("ClientCookies")
    }
}

#[cfg(test)]
mod tests {
    use super::ClientCookies;
    use crate::base::entropy::Seeded;
    use std::net::IpAddr;

    #[test]
    fn cookie_is_the_same_for_a_server_and_another_for_each_server_and_secret() {
        let ip = |text: &str| text.parse::<IpAddr>().unwrap();
        let ours = ClientCookies::new(&mut Seeded::new(1));
        let one = ours.for_server(ip("192.0.2.1"));
        assert_eq!(ours.for_server(ip("192.0.2.1")), one);
        assert_ne!(ours.for_server(ip("192.0.2.2")), one);
        assert_ne!(ours.for_server(ip("2001:db8::1")), one);
        assert_ne!(ClientCookies::new(&mut Seeded::new(2)).for_server(ip("192.0.2.1")), one);
    }
}
