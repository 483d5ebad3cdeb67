//! The closed sets by which things are counted.

use crate::wire::numbers::Rcode;

/// Makes an enumeration whose members have names for Prometheus, so that each stands once.
macro_rules! labels {
    ($(#[$doc:meta])* $name:ident { $($(#[$about:meta])* $member:ident = $label:literal,)* }) => {
        $(#[$doc])*
        #[derive(Clone, Copy, Debug, PartialEq, Eq)]
        pub enum $name { $($(#[$about])* $member,)* }

        impl $name {
            /// All members, in the order of their numbers.
            pub const ALL: &'static [Self] = &[$(Self::$member),*];

            /// The member as the value of a label.
            pub fn label(self) -> &'static str {
                match self { $(Self::$member => $label),* }
            }

            /// The values of the label, in the order of `ALL`.
            pub(super) fn labels() -> impl Iterator<Item = &'static str> {
                Self::ALL.iter().map(|member| member.label())
            }
        }
    };
}

labels! {
    /// How a query came.
    Transport {
        /// As a datagram; the reply is bounded by what client and configuration allow.
        Udp = "udp",
        /// On a stream; the reply may have 65,535 octets.
        Tcp = "tcp",
    }
}

labels! {
    /// Where a reply came from.
    AnswerSource {
        /// One of our zones, denials included.
        Authoritative = "authoritative",
        /// What was learnt before from others.
        Cache = "cache",
        /// The same, though its time is over: nothing newer could be had (RFC 8767).
        Stale = "stale",
        /// Servers that were asked for it.
        Resolver = "resolver",
        /// A resolver that was asked for it.
        Forwarder = "forwarder",
        /// One of our zones, the cache or the hints, which told of the servers that know more.
        Referral = "referral",
        /// The server itself: what it tells about itself, and names that are reserved for local use.
        Local = "local",
        /// Nowhere: the query was refused or could not be answered.
        Error = "error",
    }
}

labels! {
    /// Why nothing is sent.
    DropReason {
        /// Fewer octets than a header has.
        Short = "short",
        /// More octets than a datagram is taken with.
        TooLong = "too-long",
        /// A reply, not a query: answering could go on for ever.
        Reply = "reply",
        /// The source port is 0, to which nothing can be sent.
        PortZero = "port-zero",
        /// The client's network has had its share of like replies.
        RateLimited = "rate-limited",
        /// Too much else was being resolved.
        Busy = "busy",
        /// The kernel did not take the reply, which counts as a response all the same.
        NotSent = "not-sent",
    }
}

labels! {
    /// Why other servers could not be made to answer a question.
    ResolverFailure {
        /// None responded in time.
        Timeout = "timeout",
        /// The network carried no request to a server.
        Network = "network",
        /// They responded with nothing of use.
        Lame = "lame",
        /// It would have taken more steps than one question may.
        TooLong = "too-long",
        /// Too much else was being resolved.
        Busy = "busy",
    }
}

labels! {
    /// Why a response is not taken for one that a server sent to what was asked.
    IgnoredResponse {
        /// It has another number.
        Id = "id",
        /// It is about something else, or no response.
        Question = "question",
        /// It has other letters than the request, which only look the same.
        Case = "case",
        /// It lacks a cookie, or has another one.
        Cookie = "cookie",
        /// It cannot be read.
        Malformed = "malformed",
    }
}

labels! {
    /// What has become of a message.
    MailResult {
        /// It was taken, and is kept.
        Accepted = "accepted",
        /// It was refused when its content had begun.
        Refused = "refused",
        /// It could not be kept; the client was told to come back.
        Failed = "failed",
        /// Another host has taken it.
        Relayed = "relayed",
        /// Its sender was told that it could not be delivered.
        Returned = "returned",
    }
}

/// How often the cache was of use to answers.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct CacheUse {
    /// Names of which it had something.
    pub hits: u32,
    /// Names of which it had nothing.
    pub misses: u32,
}

/// What is counted of a reply.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ReplyKind {
    /// The whole response code, the part in the OPT record included.
    pub rcode: Rcode,
    /// Where it came from.
    pub source: AnswerSource,
    /// Whether it was cut to fit.
    pub is_truncated: bool,
}
