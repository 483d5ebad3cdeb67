//! Who has a mailbox, by address and by password.

use std::fmt;

use argon2::password_hash::phc::PasswordHash;
use argon2::{Argon2, PasswordVerifier};

use crate::config::{self, MailUser};
use crate::mail::address::Address;
use crate::mail::sasl::Credentials;

/// What an unknown user's password is compared with, so that nobody can tell by the time it takes who
/// has a mailbox.
const NOBODY: &str = "$argon2id$v=19$m=19456,t=2,p=1$bm9ib2R5aGFzaXQ$\
                      Wn0aYkqYQ8vwcUYGzqJt9g5fFxWmFk1oZl3r5G7c3Yk";

/// Those who have mailboxes.
#[derive(Clone)]
pub(super) struct Users {
    users: Vec<(MailUser, Vec<Address>)>,
    postmaster: Option<String>,
}

impl fmt::Debug for Users {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_list().entries(self.users.iter().map(|(user, _)| &user.name)).finish()
    }
}

impl Users {
    /// Those of a configuration.
    pub(super) fn of(config: &config::Mail) -> Self {
        let users = config.users.iter().map(|user| {
            // The configuration has checked that they are addresses.
            let addresses = user.addresses.iter().filter_map(|text| Address::read(text).ok());
            (user.clone(), addresses.collect())
        });
        Self { users: users.collect(), postmaster: config.postmaster.clone() }
    }

    /// The names of all mailboxes.
    pub(super) fn mailboxes(&self) -> impl Iterator<Item = &str> {
        self.users.iter().map(|(user, _)| user.name.as_str())
    }

    /// Whether there are none.
    pub(super) fn is_empty(&self) -> bool {
        self.users.is_empty()
    }

    /// The mailbox of an address of a local domain.
    pub(super) fn mailbox_of(&self, address: &Address) -> Option<&str> {
        let owns = |addresses: &[Address]| addresses.iter().any(|own| own.is_same_mailbox(address));
        let owner = self.users.iter().find(|(_, addresses)| owns(addresses));
        let owner = owner.map(|(user, _)| user.name.as_str());
        let is_postmaster = address.local().eq_ignore_ascii_case("postmaster");
        owner.or_else(|| self.postmaster().filter(|_| is_postmaster))
    }

    /// The mailbox of postmaster.
    pub(super) fn postmaster(&self) -> Option<&str> {
        self.postmaster.as_deref()
    }

    /// Whether a password is right. Takes as long as the hash was made to take.
    pub(super) fn is_right(&self, credentials: &Credentials) -> bool {
        let user = self.users.iter().find(|(user, _)| user.name == credentials.user);
        let hash = user.map_or(NOBODY, |(user, _)| &user.password);
        let Ok(hash) = PasswordHash::new(hash) else { return false };
        let password = credentials.password.as_bytes();
        Argon2::default().verify_password(password, &hash).is_ok() && user.is_some()
    }
}
