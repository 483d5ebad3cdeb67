//! Troubles that a server makes on purpose, for teaching and tests: each time the same for the same
//! recipients.

use crate::mail::address::{Address, Domain, Path};
use crate::mail::reply::Reply;

/// When in a session a fault happens.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Stage {
    /// In the place of the greeting.
    Connect,
    /// At HELO or EHLO.
    Helo,
    /// At MAIL.
    Mail,
    /// At RCPT.
    Rcpt,
    /// At DATA or BDAT.
    Data,
    /// At the end of the message.
    End,
}

/// To whom a fault happens.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Victim {
    /// To everybody. Before RCPT nobody knows the recipients, so that nothing else is possible.
    All,
    /// To recipients of a domain.
    Domain(Domain),
    /// To one recipient.
    Address(Address),
}

/// A trouble.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Fault {
    /// To whom it happens.
    pub to: Victim,
    /// When.
    pub stage: Stage,
    /// The reply in the place of the real one, which is not positive; `None` is the real one.
    pub reply: Option<Reply>,
    /// Seconds for which the reply is held back.
    pub delay_secs: u32,
    /// Whether the connection is closed instead of replying.
    pub drops: bool,
}

impl Victim {
    /// Reads `*`, a domain or an address; `None` if it is none of them.
    pub fn read(text: &str) -> Option<Self> {
        match text {
            "*" => Some(Self::All),
            _ if text.contains('@') => Address::read(text).ok().map(Self::Address),
            _ => Domain::read(text).ok().map(Self::Domain),
        }
    }

    fn is_hit(&self, recipient: &Path) -> bool {
        match (self, recipient) {
            (Self::All, _) => true,
            (Self::Domain(domain), Path::Address(address)) => domain == address.domain(),
            (Self::Address(victim), Path::Address(address)) => victim.is_same_mailbox(address),
            (Self::Domain(_) | Self::Address(_), Path::Null | Path::Postmaster) => false,
        }
    }
}

impl Fault {
    /// Whether it happens at a stage to one of the recipients that are known by then.
    pub fn happens<'r>(
        &self,
        stage: Stage,
        mut recipients: impl Iterator<Item = &'r Path>,
    ) -> bool {
        let is_for_all = self.to == Victim::All;
        self.stage == stage && (is_for_all || recipients.any(|path| self.to.is_hit(path)))
    }
}

#[cfg(test)]
mod tests {
    use super::{Fault, Stage, Victim};
    use crate::mail::address::Path;

    #[track_caller]
    fn check(to: &str, recipients: &[&str], expected: bool) {
        let to = Victim::read(to).unwrap();
        let fault = Fault { to, stage: Stage::Rcpt, reply: None, delay_secs: 0, drops: true };
        let paths: Vec<Path> = recipients.iter().map(|text| Path::read(text).unwrap().0).collect();
        assert_eq!(fault.happens(Stage::Rcpt, paths.iter()), expected, "{fault:?}");
        assert!(!fault.happens(Stage::Data, paths.iter()));
    }

    #[test]
    fn faults_happen_to_whom_they_are_for() {
        check("*", &[], true);
        check("*", &["joe@x"], true);
        check("x", &["joe@X"], true);
        check("x", &["joe@y", "jim@x"], true);
        check("x", &["joe@y.x", "<postmaster>"], false);
        check("Joe@x", &["joe@X"], true);
        check("joe@x", &["jim@x"], false);
        check("joe@x", &[], false);
        assert_eq!(Victim::read("not a domain"), None);
        assert_eq!(Victim::read("a@"), None);
    }
}
