//! Who has a mailbox, by address and by password.

use std::fmt;

use argon2::password_hash::Error;
use argon2::password_hash::phc::PasswordHash;
use argon2::{Argon2, PasswordVerifier};

use crate::config::{self, MailUser};
use crate::mail::address::Address;
use crate::mail::sasl::Credentials;

/// What a password is compared with if there are no users: nobody knows one that fits.
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

    /// Whether a password is right. Takes as long as the hash was made to take; that of an unknown user
    /// is compared with another's, so that nobody can tell by the time who has a mailbox.
    pub(super) fn is_right(&self, credentials: &Credentials) -> bool {
        let user = self.users.iter().find(|(user, _)| user.name == credentials.user);
        let hash = user.or_else(|| self.users.first()).map_or(NOBODY, |(user, _)| &user.password);
        fits(credentials, hash).is_ok() && user.is_some()
    }
}

/// Whether a password fits a hash.
fn fits(credentials: &Credentials, hash: &str) -> Result<(), Error> {
    let hash = PasswordHash::new(hash).map_err(|_| Error::EncodingInvalid)?;
    Argon2::default().verify_password(credentials.password.as_bytes(), &hash)
}

#[cfg(test)]
mod tests {
    use super::{NOBODY, fits};
    use crate::mail::sasl::Credentials;
    use argon2::Params;
    use argon2::password_hash::Error;
    use argon2::password_hash::phc::PasswordHash;

    #[test]
    fn nobody_takes_the_same_work_as_somebody() {
        let hash = PasswordHash::new(NOBODY).unwrap();
        assert_eq!(Params::try_from(&hash).unwrap().m_cost(), Params::DEFAULT_M_COST);
        assert_eq!(Params::try_from(&hash).unwrap().t_cost(), Params::DEFAULT_T_COST);
        let credentials = Credentials { user: "joe".to_owned(), password: "secret".to_owned() };
        // Any other error would come without the work.
        assert_eq!(fits(&credentials, NOBODY), Err(Error::PasswordInvalid));
    }
}
