//! The numbers of the IANA DNS registries as open newtypes, with their mnemonics.
//!
//! Any value can be held; the constants are those the program or its texts name.

use std::fmt;

/// Makes a table of mnemonics out of constants, so that a number and its name stand once.
macro_rules! numbers {
    ($type:ident($inner:ty) { $($name:ident = $value:literal, $doc:literal;)* }) => {
        impl $type {
            $(#[doc = $doc] pub const $name: Self = Self($value);)*

            /// All mnemonics, in the order of their numbers.
            pub const MNEMONICS: &'static [&'static str] = &[$(stringify!($name)),*];

            /// The mnemonic of the number, if it has one.
            pub fn mnemonic(self) -> Option<&'static str> {
                match self.0 {
                    $($value => Some(stringify!($name)),)*
                    _ => None,
                }
            }

            /// The number with this mnemonic, in any case of letters.
            pub fn from_mnemonic(text: impl AsRef<[u8]>) -> Option<Self> {
                let text = text.as_ref();
                $(if text.eq_ignore_ascii_case(stringify!($name).as_bytes()) {
                    return Some(Self($value));
                })*
                None
            }
        }
    };
}

/// The type of a record or question.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Rtype(pub u16);

numbers!(Rtype(u16) {
    A = 1, "An IPv4 address (RFC 1035).";
    NS = 2, "A name server (RFC 1035).";
    MD = 3, "A mail destination, obsolete (RFC 1035).";
    MF = 4, "A mail forwarder, obsolete (RFC 1035).";
    CNAME = 5, "The canonical name of an alias (RFC 1035).";
    SOA = 6, "The start of a zone of authority (RFC 1035).";
    MB = 7, "A mailbox name (RFC 1035).";
    MG = 8, "A mail group member (RFC 1035).";
    MR = 9, "A mail rename name (RFC 1035).";
    NULL = 10, "Anything (RFC 1035).";
    WKS = 11, "Well-known services, obsolete (RFC 1035).";
    PTR = 12, "A pointer to a name (RFC 1035).";
    HINFO = 13, "Host information (RFC 1035, 8482).";
    MINFO = 14, "Mailbox information (RFC 1035).";
    MX = 15, "A mail exchange (RFC 1035).";
    TXT = 16, "Text strings (RFC 1035).";
    RP = 17, "A responsible person (RFC 1183).";
    AFSDB = 18, "An AFS database (RFC 1183).";
    X25 = 19, "An X.25 address (RFC 1183).";
    ISDN = 20, "An ISDN address (RFC 1183).";
    RT = 21, "A route through (RFC 1183).";
    NSAP = 22, "An NSAP address (RFC 1706).";
    SIG = 24, "A signature, obsolete (RFC 2535).";
    KEY = 25, "A key, obsolete (RFC 2535).";
    PX = 26, "X.400 mail mapping (RFC 2163).";
    GPOS = 27, "A geographical position (RFC 1712).";
    AAAA = 28, "An IPv6 address (RFC 3596).";
    LOC = 29, "A location (RFC 1876).";
    SRV = 33, "A service's location (RFC 2782).";
    NAPTR = 35, "A naming authority pointer (RFC 3403).";
    KX = 36, "A key exchanger (RFC 2230).";
    CERT = 37, "A certificate (RFC 4398).";
    DNAME = 39, "A redirection of a subtree (RFC 6672).";
    OPT = 41, "The pseudo-record of EDNS (RFC 6891).";
    APL = 42, "Address prefixes (RFC 3123).";
    DS = 43, "A delegation signer (RFC 4034).";
    SSHFP = 44, "An SSH key fingerprint (RFC 4255).";
    IPSECKEY = 45, "An IPsec key (RFC 4025).";
    RRSIG = 46, "A signature of a set (RFC 4034).";
    NSEC = 47, "The next secure name (RFC 4034).";
    DNSKEY = 48, "A zone's key (RFC 4034).";
    DHCID = 49, "A DHCP client identifier (RFC 4701).";
    NSEC3 = 50, "The next hashed name (RFC 5155).";
    NSEC3PARAM = 51, "Parameters of NSEC3 (RFC 5155).";
    TLSA = 52, "A TLS certificate association (RFC 6698).";
    SMIMEA = 53, "An S/MIME certificate association (RFC 8162).";
    HIP = 55, "A host identity (RFC 8005).";
    CDS = 59, "A child's DS (RFC 7344).";
    CDNSKEY = 60, "A child's DNSKEY (RFC 7344).";
    OPENPGPKEY = 61, "An OpenPGP key (RFC 7929).";
    CSYNC = 62, "Child to parent synchronization (RFC 7477).";
    ZONEMD = 63, "A digest of the zone (RFC 8976).";
    SVCB = 64, "A service binding (RFC 9460).";
    HTTPS = 65, "A service binding for HTTP (RFC 9460).";
    SPF = 99, "Sender policy, obsolete (RFC 7208).";
    NID = 104, "A node identifier (RFC 6742).";
    L32 = 105, "A 32-bit locator (RFC 6742).";
    L64 = 106, "A 64-bit locator (RFC 6742).";
    LP = 107, "A locator pointer (RFC 6742).";
    EUI48 = 108, "A 48-bit extended unique identifier (RFC 7043).";
    EUI64 = 109, "A 64-bit extended unique identifier (RFC 7043).";
    TKEY = 249, "A transaction key (RFC 2930).";
    TSIG = 250, "A transaction signature (RFC 8945).";
    IXFR = 251, "An incremental transfer (RFC 1995).";
    AXFR = 252, "A transfer of a zone (RFC 5936).";
    MAILB = 253, "Mailbox-related records, obsolete (RFC 1035).";
    MAILA = 254, "Mail agent records, obsolete (RFC 1035).";
    ANY = 255, "All types (RFC 1035, 8482).";
    URI = 256, "A URI (RFC 7553).";
    CAA = 257, "Certification authority authorization (RFC 8659).";
});

impl Rtype {
    /// Whether the type asks or transports and is never zone data (RFC 6895 §3.1).
    pub fn is_meta(self) -> bool {
        self == Self::OPT || (128..=255).contains(&self.0)
    }

    /// The type that a text names: a mnemonic, or `TYPEn` (RFC 3597 §5), in any case of letters.
    pub fn from_text(text: impl AsRef<[u8]>) -> Option<Self> {
        let text = text.as_ref();
        Self::from_mnemonic(text).or_else(|| number_after(text, b"TYPE").map(Self))
    }
}

impl fmt::Display for Rtype {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.mnemonic() {
            Some(mnemonic) => f.write_str(mnemonic),
            None => write!(f, "TYPE{}", self.0),
        }
    }
}

/// The class of a record or question.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Class(pub u16);

numbers!(Class(u16) {
    IN = 1, "The Internet.";
    CH = 3, "Chaos, used to ask a server about itself (RFC 4892).";
    HS = 4, "Hesiod.";
    NONE = 254, "No class (RFC 2136).";
    ANY = 255, "Any class (RFC 1035).";
});

impl Class {
    /// The class that a text names: a mnemonic, or `CLASSn` (RFC 3597 §5), in any case of letters.
    pub fn from_text(text: impl AsRef<[u8]>) -> Option<Self> {
        let text = text.as_ref();
        Self::from_mnemonic(text).or_else(|| number_after(text, b"CLASS").map(Self))
    }
}

impl fmt::Display for Class {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.mnemonic() {
            Some(mnemonic) => f.write_str(mnemonic),
            None => write!(f, "CLASS{}", self.0),
        }
    }
}

/// A response code, the extended bits of EDNS included (RFC 6895 §2.3).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Rcode(pub u16);

numbers!(Rcode(u16) {
    NOERROR = 0, "No error.";
    FORMERR = 1, "The query could not be read.";
    SERVFAIL = 2, "The server could not answer.";
    NXDOMAIN = 3, "The name does not exist.";
    NOTIMP = 4, "The kind of query is not offered.";
    REFUSED = 5, "The server will not answer this client or question.";
    YXDOMAIN = 6, "A name exists that should not; a DNAME made a name too long (RFC 6672).";
    YXRRSET = 7, "A set exists that should not (RFC 2136).";
    NXRRSET = 8, "A set that should exist does not (RFC 2136).";
    NOTAUTH = 9, "The server is not authoritative, or the key is not accepted.";
    NOTZONE = 10, "A name is not within the zone (RFC 2136).";
    BADVERS = 16, "The EDNS version is not offered (RFC 6891).";
    BADKEY = 17, "The key of a signature is not known (RFC 8945).";
    BADCOOKIE = 23, "The server cookie is missing or bad (RFC 7873).";
});

impl fmt::Display for Rcode {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.mnemonic() {
            Some(mnemonic) => f.write_str(mnemonic),
            None => write!(f, "RCODE{}", self.0),
        }
    }
}

/// The kind of operation a message asks for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Opcode(pub u8);

numbers!(Opcode(u8) {
    QUERY = 0, "A question.";
    STATUS = 2, "A question about the server's status.";
    NOTIFY = 4, "News of a zone's change (RFC 1996).";
    UPDATE = 5, "A change of a zone (RFC 2136).";
});

/// The number behind a prefix such as `TYPE`, in any case of letters.
fn number_after(text: &[u8], prefix: &[u8]) -> Option<u16> {
    let (head, digits) = text.split_at_checked(prefix.len())?;
    if !head.eq_ignore_ascii_case(prefix) || digits.is_empty() {
        return None;
    }
    digits.iter().try_fold(0_u16, |number, octet| {
        let digit = char::from(*octet).to_digit(10)?;
        number.checked_mul(10)?.checked_add(u16::try_from(digit).ok()?)
    })
}
