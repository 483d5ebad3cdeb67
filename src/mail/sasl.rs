//! Log in by SASL: PLAIN (RFC 4616) and LOGIN, as SMTP (RFC 4954) and POP3 (RFC 5034) carry them.
//!
//! Says what the client means; whether the password is right is decided elsewhere.

use std::fmt;

use data_encoding::BASE64;

/// Octets of a response, in base64: what RFC 4954 §4 asks for.
pub const RESPONSE_LEN_MAX: usize = 12_288;

/// A name and a password.
#[derive(Clone, PartialEq, Eq)]
pub struct Credentials {
    /// The name of a mailbox.
    pub user: String,
    /// The password.
    pub password: String,
}

impl fmt::Debug for Credentials {
    /// Leaves the password out.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Credentials").field("user", &self.user).finish_non_exhaustive()
    }
}

/// What comes of a log in.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Verdict {
    /// The password is right.
    Right,
    /// There is no such user, or the password is another.
    Wrong,
    /// The client has guessed so often that it is not looked at.
    NotNow,
}

/// An exchange under way: what the next response of the client is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Exchange {
    /// All of PLAIN.
    Plain,
    /// The user of LOGIN.
    LoginUser,
    /// The password of LOGIN.
    LoginPassword {
        /// The user.
        user: String,
    },
}

/// What comes next.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Next {
    /// The client is asked for more.
    Challenge(Exchange),
    /// It has said all.
    Done(Credentials),
}

/// Why an exchange ends.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SaslError {
    /// There is no such mechanism here.
    Mechanism,
    /// A response is not base64, or not what the mechanism has.
    Response,
    /// The client gave up.
    Cancelled,
}

impl Exchange {
    /// Begins an exchange; `initial` is the initial response, in base64, `=` if it is empty.
    ///
    /// # Errors
    ///
    /// Fails if the mechanism is not known or the response is bad.
    pub fn begin(mechanism: &str, initial: Option<&str>) -> Result<Next, SaslError> {
        let first = match mechanism.to_ascii_uppercase().as_str() {
            "PLAIN" => Self::Plain,
            "LOGIN" => Self::LoginUser,
            _ => return Err(SaslError::Mechanism),
        };
        match initial {
            None => Ok(Next::Challenge(first)),
            Some("=") => first.take(b""),
            Some(initial) => first.take(initial.as_bytes()),
        }
    }

    /// What the client is asked, in base64.
    pub fn challenge(&self) -> &'static str {
        match self {
            Self::Plain => "",
            // "Username:" and "Password:", which clients expect.
            Self::LoginUser => "VXNlcm5hbWU6",
            Self::LoginPassword { .. } => "UGFzc3dvcmQ6",
        }
    }

    /// Takes a response, in base64.
    ///
    /// # Errors
    ///
    /// Fails if it is bad or gives up.
    pub fn take(self, response: &[u8]) -> Result<Next, SaslError> {
        if response == b"*" {
            return Err(SaslError::Cancelled);
        }
        let octets = BASE64.decode(response).map_err(|_| SaslError::Response)?;
        let text = String::from_utf8(octets).map_err(|_| SaslError::Response)?;
        match self {
            Self::Plain => plain(&text).map(Next::Done).ok_or(SaslError::Response),
            Self::LoginUser => Ok(Next::Challenge(Self::LoginPassword { user: text })),
            Self::LoginPassword { user } => Ok(Next::Done(Credentials { user, password: text })),
        }
    }
}

/// Reads `[on-behalf-of] NUL user NUL password`; nobody acts on behalf of others here.
fn plain(text: &str) -> Option<Credentials> {
    let mut parts = text.split('\0');
    let (for_whom, user, password) = (parts.next()?, parts.next()?, parts.next()?);
    let is_whole = parts.next().is_none() && !user.is_empty() && !password.is_empty();
    let is_for_itself = for_whom.is_empty() || for_whom == user;
    (is_whole && is_for_itself)
        .then(|| Credentials { user: user.to_owned(), password: password.to_owned() })
}

#[cfg(test)]
mod tests {
    use super::{Credentials, Exchange, Next, SaslError};
    use data_encoding::BASE64;

    fn begin(mechanism: &str, initial: Option<&[u8]>) -> Result<Next, SaslError> {
        let initial = initial.map(|octets| BASE64.encode(octets));
        Exchange::begin(mechanism, initial.as_deref())
    }

    fn joe() -> Next {
        Next::Done(Credentials { user: "joe".to_owned(), password: "secret".to_owned() })
    }

    #[test]
    fn plain_comes_at_once_or_when_asked() {
        assert_eq!(begin("PLAIN", Some(b"\0joe\0secret")), Ok(joe()));
        assert_eq!(begin("plain", Some(b"joe\0joe\0secret")), Ok(joe()));
        let Ok(Next::Challenge(exchange)) = begin("PLAIN", None) else { panic!("no challenge") };
        assert_eq!(exchange.challenge(), "");
        let response = BASE64.encode(b"\0joe\0secret");
        assert_eq!(exchange.take(response.as_bytes()), Ok(joe()));
    }

    #[test]
    fn login_asks_for_user_and_password() {
        let Ok(Next::Challenge(user)) = begin("LOGIN", None) else { panic!("no challenge") };
        assert_eq!(BASE64.decode(user.challenge().as_bytes()).unwrap(), b"Username:");
        let asked = begin("LOGIN", Some(b"joe"));
        assert_eq!(user.take(BASE64.encode(b"joe").as_bytes()), asked);
        let Ok(Next::Challenge(password)) = asked else { panic!("no challenge") };
        assert_eq!(BASE64.decode(password.challenge().as_bytes()).unwrap(), b"Password:");
        assert_eq!(password.take(BASE64.encode(b"secret").as_bytes()), Ok(joe()));
    }

    #[test]
    fn what_is_no_log_in_is_refused() {
        assert_eq!(begin("CRAM-MD5", None), Err(SaslError::Mechanism));
        for octets in [
            &b"joe\0secret"[..],
            b"\0joe\0",
            b"\0\0secret",
            b"jane\0joe\0secret",
            b"\0joe\0secret\0",
            b"\0joe\0\xff",
            b"",
        ] {
            assert_eq!(begin("PLAIN", Some(octets)), Err(SaslError::Response), "{octets:?}");
        }
        assert_eq!(Exchange::begin("PLAIN", Some("=")), Err(SaslError::Response));
        assert_eq!(Exchange::begin("PLAIN", Some("not base64")), Err(SaslError::Response));
        assert_eq!(Exchange::Plain.take(b"*"), Err(SaslError::Cancelled));
    }

    #[test]
    fn passwords_do_not_get_into_logs() {
        assert!(!format!("{:?}", joe()).contains("secret"));
    }
}
