//! How a client logs in (RFC 4954).

use crate::mail::reply::{Reply, Status};
use crate::mail::sasl::{Exchange, Next, SaslError};
use crate::mail::smtp::session::{Action, Session, State, Waiting, wrong_order};

impl Session {
    pub(super) fn auth(&mut self, mechanism: &str, initial: Option<&str>) {
        let refusal = if !self.options.offers_log_in {
            Reply::new(502, Status(5, 1), "nobody can log in here")
        } else if !self.client.is_tls {
            Reply::new(538, Status(7, 11), "a password needs TLS: write STARTTLS first")
        } else if self.user.is_some() || self.message.is_some() {
            wrong_order("log in once, and before MAIL")
        } else {
            return self.go_on_logging_in(Exchange::begin(mechanism, initial));
        };
        self.refuse(&refusal);
    }

    pub(super) fn go_on_logging_in(&mut self, next: Result<Next, SaslError>) {
        let refusal = match next {
            Ok(Next::Challenge(exchange)) => {
                self.reply(&Reply::plain(334, exchange.challenge()));
                self.state = State::LogIn(exchange);
                return;
            }
            Ok(Next::Done(credentials)) => {
                let user = credentials.user.clone();
                return self.act(Action::LogIn(credentials), Waiting::LogIn(user));
            }
            Err(SaslError::Mechanism) => {
                Reply::new(504, Status(5, 4), "log in with PLAIN or LOGIN")
            }
            Err(SaslError::Response) => {
                Reply::new(501, Status(5, 2), "that is not what this mechanism has")
            }
            Err(SaslError::Cancelled) => Reply::new(501, Status(7, 0), "given up"),
        };
        self.refuse(&refusal);
    }
}
