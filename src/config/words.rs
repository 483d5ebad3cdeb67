//! The values of the configuration that are one of a few words.
//!
//! Says what each word means; how the server keeps to it is for those who serve.

use crate::config::problems::{Fault, Problems};
use crate::config::source::{Kind, Node};
use crate::config::value::{Choice, Read, read_choice};

macro_rules! choice {
    ($(#[$doc:meta])* $name:ident { $($(#[$about:meta])* $variant:ident = $word:literal,)* }) => {
        $(#[$doc])*
        #[derive(Clone, Copy, Debug, PartialEq, Eq)]
        pub enum $name {
            $($(#[$about])* $variant,)*
        }

        impl Choice for $name {
            const CHOICES: &'static [(&'static str, Self)] = &[$(($word, Self::$variant)),*];
        }

        impl Read for $name {
            fn read(node: &Node, problems: &mut Problems<'_>) -> Option<Self> {
                read_choice(node, problems)
            }
        }
    };
}

choice! {
    /// What a question for type ANY gets.
    AnyReply {
        /// One small record set (RFC 8482 §4.1).
        Minimal = "minimal",
        /// All record sets of the name.
        Full = "full",
    }
}

choice! {
    /// How questions beyond our zones are answered.
    ResolverMode {
        /// By asking from the root downwards.
        Recursive = "recursive",
        /// By asking other resolvers.
        Forward = "forward",
        /// By telling the client which server to ask next.
        Referral = "referral",
        /// Not at all.
        Off = "off",
    }
}

choice! {
    /// Who may log in to a mailbox without TLS.
    ClearTextLogin {
        /// Clients on this machine.
        Loopback = "loopback",
        /// Everyone. Passwords cross the network readable.
        Always = "always",
        /// Nobody.
        Never = "never",
    }
}

choice! {
    /// What a failed SPF check does (RFC 7208).
    SpfCheck {
        /// It is written into the message.
        Note = "note",
        /// The message is refused.
        Reject = "reject",
        /// There is no check.
        Off = "off",
    }
}

choice! {
    /// When in a mail session a fault happens.
    FaultStage {
        /// At the greeting.
        Connect = "connect",
        /// After HELO or EHLO.
        Helo = "helo",
        /// After MAIL FROM.
        Mail = "mail",
        /// After RCPT TO.
        Rcpt = "rcpt",
        /// After DATA.
        Data = "data",
        /// After the message.
        End = "end",
    }
}

choice! {
    /// The least important line that is logged.
    LogLevel {
        /// What stops the server, or a part of it.
        Error = "error",
        /// What the operator should look at.
        Warn = "warn",
        /// Start, reload, stop.
        Info = "info",
        /// What each part decides.
        Debug = "debug",
        /// Every step.
        Trace = "trace",
    }
}

choice! {
    /// How log lines look.
    LogFormat {
        /// One readable line each.
        Text = "text",
        /// One JSON object each.
        Json = "json",
    }
}

choice! {
    /// What of a query is logged.
    LogPrivacy {
        /// Names and types, without the client's address.
        Names = "names",
        /// The client's address too.
        Clients = "clients",
    }
}

/// A version of the Internet Protocol.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum IpVersion {
    /// IPv4.
    V4,
    /// IPv6.
    V6,
}

impl Read for IpVersion {
    fn read(node: &Node, problems: &mut Problems<'_>) -> Option<Self> {
        match node.kind {
            Kind::Integer(4) => Some(Self::V4),
            Kind::Integer(6) => Some(Self::V6),
            Kind::Null
            | Kind::Bool(_)
            | Kind::Integer(_)
            | Kind::Float(_)
            | Kind::Text(_)
            | Kind::List(_)
            | Kind::Section(_)
            | Kind::Tagged => {
                let message = format!("expected 4 or 6, found {}", node.describe());
                problems.error(node.mark, Fault::new("bad-value", message));
                None
            }
        }
    }
}
