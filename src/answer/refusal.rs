//! Why a query gets no data, and the one place where that becomes a response code.

use crate::cache::FailureReason;
use crate::wire::edns::ExtendedError;
use crate::wire::error::WireError;
use crate::wire::numbers::{Class, Opcode, Rcode, Rtype};

/// Why a query gets no data.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Refusal {
    /// The octets are not a query.
    Malformed(WireError),
    /// An operation that is not offered.
    Opcode(Opcode),
    /// An EDNS version above ours (RFC 6891 §6.1.3).
    EdnsVersion(u8),
    /// A keepalive option with a value, which only a server gives (RFC 7828 §3.2.1).
    Keepalive,
    /// A signature with a key that we do not have (RFC 8945 §5.2.1).
    UnknownKey,
    /// A class other than IN, or a name in class CH that nothing is told about.
    Class(Class),
    /// A type that cannot be asked for, such as OPT (RFC 6895 §3.1).
    MetaType(Rtype),
    /// A type that is obsolete and was never offered (RFC 1035 §3.2.3).
    ObsoleteType(Rtype),
    /// A transfer of a zone.
    Transfer,
    /// The client may not ask.
    NotAllowed,
    /// The name is in none of our zones.
    NotAuthoritative,
    /// The zone could not be loaded.
    BrokenZone,
    /// Others were asked for it, and it could not be found out.
    Unresolved(FailureReason),
}

impl Refusal {
    /// The response code the client gets.
    pub fn rcode(self) -> Rcode {
        match self {
            Self::Malformed(_) | Self::Keepalive | Self::MetaType(_) => Rcode::FORMERR,
            Self::Opcode(_) | Self::ObsoleteType(_) => Rcode::NOTIMP,
            Self::EdnsVersion(_) => Rcode::BADVERS,
            Self::UnknownKey => Rcode::NOTAUTH,
            Self::Class(_) | Self::Transfer | Self::NotAllowed | Self::NotAuthoritative => {
                Rcode::REFUSED
            }
            Self::BrokenZone | Self::Unresolved(_) => Rcode::SERVFAIL,
        }
    }

    /// The extended error that goes with it (RFC 8914).
    pub fn extended_error(self) -> Option<ExtendedError> {
        match self {
            Self::NotAllowed => Some(ExtendedError::PROHIBITED),
            Self::NotAuthoritative => Some(ExtendedError::NOT_AUTHORITATIVE),
            Self::BrokenZone => Some(ExtendedError::INVALID_DATA),
            Self::Unresolved(reason) => Some(match reason {
                FailureReason::Unreachable | FailureReason::Lame => {
                    ExtendedError::NO_REACHABLE_AUTHORITY
                }
                FailureReason::Network => ExtendedError::NETWORK_ERROR,
                FailureReason::TooLong => ExtendedError::OTHER,
                FailureReason::Busy => ExtendedError::NOT_READY,
            }),
            Self::Class(_) | Self::ObsoleteType(_) | Self::Transfer => {
                Some(ExtendedError::NOT_SUPPORTED)
            }
            Self::Malformed(_)
            | Self::Opcode(_)
            | Self::EdnsVersion(_)
            | Self::Keepalive
            | Self::UnknownKey
            | Self::MetaType(_) => None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_reason_has_its_codes() {
        let unresolved = Refusal::Unresolved;
        for (refusal, rcode, extended) in [
            (Refusal::Malformed(WireError::QuestionCount(2)), "FORMERR", None),
            (Refusal::Keepalive, "FORMERR", None),
            (Refusal::MetaType(Rtype::OPT), "FORMERR", None),
            (Refusal::Opcode(Opcode(5)), "NOTIMP", None),
            (Refusal::EdnsVersion(1), "BADVERS", None),
            (Refusal::UnknownKey, "NOTAUTH", None),
            // RFC 8914 §4.22: Not Supported.
            (Refusal::ObsoleteType(Rtype::MAILA), "NOTIMP", Some(21)),
            (Refusal::Class(Class(4)), "REFUSED", Some(21)),
            (Refusal::Transfer, "REFUSED", Some(21)),
            // §4.19: Prohibited.
            (Refusal::NotAllowed, "REFUSED", Some(18)),
            // §4.21: Not Authoritative.
            (Refusal::NotAuthoritative, "REFUSED", Some(20)),
            // §4.25: Invalid Data.
            (Refusal::BrokenZone, "SERVFAIL", Some(24)),
            // §4.23: No Reachable Authority.
            (unresolved(FailureReason::Unreachable), "SERVFAIL", Some(22)),
            (unresolved(FailureReason::Lame), "SERVFAIL", Some(22)),
            // §4.24: Network Error.
            (unresolved(FailureReason::Network), "SERVFAIL", Some(23)),
            // §4.1: Other Error.
            (unresolved(FailureReason::TooLong), "SERVFAIL", Some(0)),
            // §4.15: Not Ready.
            (unresolved(FailureReason::Busy), "SERVFAIL", Some(14)),
        ] {
            assert_eq!(refusal.rcode().to_string(), rcode, "{refusal:?}");
            assert_eq!(refusal.extended_error().map(|error| error.0), extended, "{refusal:?}");
        }
    }
}
