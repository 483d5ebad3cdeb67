//! The OPT pseudo-record of EDNS (RFC 6891): what a query asks for, and writing ours.
//!
//! Knows the options that are offered, and passes over all others. Whether a cookie is good is
//! decided in `policy::cookie`.

use std::time::Duration;

use crate::base::limits::UDP_SIZE_MIN;
use crate::wire::error::{Field, NoSpace, WireError};
use crate::wire::numbers::{Rcode, Rtype};
use crate::wire::reader::Reader;
use crate::wire::writer::Writer;

/// The EDNS version that is offered (RFC 6891 §6.1.3).
pub const VERSION: u8 = 0;

/// Octets of an OPT record without options.
pub const OPT_LEN: usize = 11;

/// Octets of the code and length of an option.
const OPTION_HEADER_LEN: usize = 4;

/// The DO bit in the flags of OPT (RFC 3225 §3).
const DO: u16 = 0x8000;

/// The option codes that are understood.
mod code {
    /// The name server's identifier (RFC 5001 §2.3).
    pub(super) const NSID: u16 = 3;
    /// When a copy of the zone expires (RFC 7314 §2).
    pub(super) const EXPIRE: u16 = 9;
    /// A cookie (RFC 7873 §4).
    pub(super) const COOKIE: u16 = 10;
    /// How long a connection may be idle (RFC 7828 §3.1).
    pub(super) const KEEPALIVE: u16 = 11;
    /// An extended error (RFC 8914 §2).
    pub(super) const EXTENDED_ERROR: u16 = 15;
}

/// Octets of the part of a cookie that the client makes up.
pub const CLIENT_COOKIE_LEN: usize = 8;

/// Octets of the part of a cookie that we make (RFC 9018 §4).
pub const SERVER_COOKIE_LEN: usize = 16;

/// Octets of the part of a cookie that another server makes, at most (RFC 7873 §4.2).
const SERVER_COOKIE_LEN_MAX: usize = 32;

/// The cookie of a query.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Cookie {
    /// The client's part.
    pub client: [u8; CLIENT_COOKIE_LEN],
    /// Our part; `None` if there is none, or one of a length that we never give.
    pub server: Option<[u8; SERVER_COOKIE_LEN]>,
}

impl Cookie {
    /// Reads the value of an option; `None` if it has none of the lengths of RFC 7873 §4.
    fn read(value: &[u8]) -> Option<Self> {
        let (client, server) = value.split_first_chunk()?;
        matches!(server.len(), 0 | 8..=32)
            .then(|| Self { client: *client, server: server.try_into().ok() })
    }
}

/// The options of an OPT record, which have not been read.
#[derive(Clone, Copy, Debug)]
pub struct Options<'m> {
    octets: &'m [u8],
    /// Where they begin in the message.
    at: usize,
}

/// What the OPT record of a query says.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Edns {
    /// The largest reply over UDP that the client takes, in octets; at least 512
    /// (RFC 6891 §6.2.3).
    pub udp_size: usize,
    /// The version the client speaks.
    pub version: u8,
    /// Whether the client wants DNSSEC records (RFC 3225 §3).
    pub dnssec_ok: bool,
    /// Whether the client asks which server answers (RFC 5001).
    pub wants_nsid: bool,
    /// Whether the client asks when a copy of the zone expires (RFC 7314).
    pub wants_expire: bool,
    /// Octets of the keepalive option's value, which a client leaves empty (RFC 7828 §3.2.1).
    pub keepalive_len: Option<usize>,
    /// The cookie.
    pub cookie: Option<Cookie>,
}

impl Edns {
    /// Reads an OPT record from behind its type, but for its options, which are returned.
    ///
    /// # Errors
    ///
    /// Fails if the record is cut short.
    pub fn read<'m>(reader: &mut Reader<'m>) -> Result<(Self, Options<'m>), WireError> {
        let size = reader.read_u16(Field::RecordHeader)?;
        let _extended_rcode = reader.read_u8(Field::RecordHeader)?;
        let version = reader.read_u8(Field::RecordHeader)?;
        let flags = reader.read_u16(Field::RecordHeader)?;
        let length = usize::from(reader.read_u16(Field::RecordHeader)?);
        let at = reader.position();
        let options = Options { octets: reader.read_octets(length, Field::Rdata)?, at };
        let edns = Self {
            udp_size: usize::from(size).max(UDP_SIZE_MIN),
            version,
            dnssec_ok: flags & DO != 0,
            wants_nsid: false,
            wants_expire: false,
            keepalive_len: None,
            cookie: None,
        };
        Ok((edns, options))
    }

    /// Whether the client speaks a version above ours, so that nobody knows what its options mean
    /// (RFC 6891 §6.1.3).
    pub fn is_later(&self) -> bool {
        self.version > VERSION
    }

    /// Takes in the options. Those that are not understood are passed over (RFC 6891 §6.1.2), and so
    /// are all options of a later version.
    ///
    /// # Errors
    ///
    /// Fails if an option is cut short, or a cookie has a length that none can have
    /// (RFC 7873 §5.2.2). None of them counts then.
    pub fn take(&mut self, options: Options<'_>) -> Result<(), WireError> {
        if options.octets.is_empty() {
            return Ok(());
        }
        let mut taken = *self;
        let mut reader = Reader::new(options.octets, 0);
        while !self.is_later() && !reader.is_at_end() {
            taken.read_option(&mut reader).map_err(|error| error.moved(options.at))?;
        }
        *self = taken;
        Ok(())
    }

    fn read_option(&mut self, options: &mut Reader<'_>) -> Result<(), WireError> {
        let at = options.position();
        let (code, value) = read_option(options)?;
        match code {
            code::NSID => self.wants_nsid = true,
            code::EXPIRE => self.wants_expire = true,
            code::KEEPALIVE => self.keepalive_len = Some(value.len()),
            code::COOKIE => {
                let cookie = Cookie::read(value).ok_or(WireError::Option { at })?;
                // Of several cookies the first counts (RFC 7873 §4).
                self.cookie.get_or_insert(cookie);
            }
            _ => (),
        }
        Ok(())
    }
}

/// The part of a cookie that another server made: 8 to 32 octets (RFC 7873 §4.2).
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct ServerCookie {
    octets: [u8; SERVER_COOKIE_LEN_MAX],
    len: u8,
}

impl ServerCookie {
    /// A cookie of these octets; `None` if they are too few or too many.
    pub fn new(cookie: &[u8]) -> Option<Self> {
        let len = u8::try_from(cookie.len()).ok().filter(|len| *len >= 8)?;
        let mut octets = [0; SERVER_COOKIE_LEN_MAX];
        octets.get_mut(..cookie.len())?.copy_from_slice(cookie);
        Some(Self { octets, len })
    }

    /// The octets.
    pub fn as_octets(&self) -> &[u8] {
        self.octets.get(..usize::from(self.len)).unwrap_or_default()
    }
}

impl std::fmt::Debug for ServerCookie {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_tuple("ServerCookie").field(&self.as_octets()).finish()
    }
}

/// The OPT record of a request to another server.
#[derive(Clone, Copy, Debug)]
pub struct RequestOpt {
    /// The largest response over UDP that we take, in octets.
    pub udp_size: u16,
    /// Whether DNSSEC records are asked for (RFC 3225 §3).
    pub dnssec_ok: bool,
    /// Our part of the cookie, and the server's if it has told one (RFC 7873 §5.1).
    pub cookie: Option<([u8; CLIENT_COOKIE_LEN], Option<ServerCookie>)>,
}

impl RequestOpt {
    /// Octets the cookie takes at most.
    pub const COOKIE_LEN_MAX: usize = OPTION_HEADER_LEN + CLIENT_COOKIE_LEN + SERVER_COOKIE_LEN_MAX;

    /// Puts the record at the end of a message.
    pub fn append_to(&self, octets: &mut Vec<u8>) {
        let flags = if self.dnssec_ok { DO } else { 0 };
        octets.push(0);
        octets.extend_from_slice(&Rtype::OPT.0.to_be_bytes());
        octets.extend_from_slice(&self.udp_size.to_be_bytes());
        octets.extend_from_slice(&[0, VERSION]);
        octets.extend_from_slice(&flags.to_be_bytes());
        let Some((client, server)) = &self.cookie else {
            octets.extend_from_slice(&[0, 0]);
            return;
        };
        let server = server.as_ref().map_or(&[][..], ServerCookie::as_octets);
        // At most 40 octets.
        let [.., len] = (client.len() + server.len()).to_be_bytes();
        let [.., whole] = (OPTION_HEADER_LEN + client.len() + server.len()).to_be_bytes();
        octets.extend_from_slice(&[0, whole]);
        octets.extend_from_slice(&code::COOKIE.to_be_bytes());
        octets.extend_from_slice(&[0, len]);
        octets.extend_from_slice(client);
        octets.extend_from_slice(server);
    }
}

/// What the OPT record of another server's response says.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ResponseEdns {
    /// The largest request over UDP that the server takes, in octets; at least 512.
    pub udp_size: usize,
    /// The version the server speaks.
    pub version: u8,
    /// Whether the DO bit was copied (RFC 3225 §3).
    pub dnssec_ok: bool,
    /// The client's part of the cookie, which must be ours, and the server's part if there is one.
    pub cookie: Option<([u8; CLIENT_COOKIE_LEN], Option<ServerCookie>)>,
    /// Why the answer failed, the first if there are several.
    pub extended_error: Option<ExtendedError>,
}

impl ResponseEdns {
    /// Reads an OPT record, given its class, TTL and data (RFC 6891 §6.1.2). Options that cannot be
    /// read end the reading, and do not count: the records of the response are no worse for them.
    pub fn read(class: u16, ttl_secs: u32, data: &[u8]) -> Self {
        let [_rcode_high, version, high, low] = ttl_secs.to_be_bytes();
        let mut edns = Self {
            udp_size: usize::from(class).max(UDP_SIZE_MIN),
            version,
            dnssec_ok: u16::from_be_bytes([high, low]) & DO != 0,
            cookie: None,
            extended_error: None,
        };
        let mut reader = Reader::new(data, 0);
        while let Ok((code, value)) = read_option(&mut reader) {
            match code {
                code::COOKIE if edns.cookie.is_none() => {
                    let parts = value.split_first_chunk();
                    edns.cookie =
                        parts.map(|(client, server)| (*client, ServerCookie::new(server)));
                }
                code::EXTENDED_ERROR if edns.extended_error.is_none() => {
                    let error = value.first_chunk().map(|info| u16::from_be_bytes(*info));
                    edns.extended_error = error.map(ExtendedError);
                }
                _ => (),
            }
        }
        edns
    }
}

/// The code and the value of the next option.
fn read_option<'m>(options: &mut Reader<'m>) -> Result<(u16, &'m [u8]), WireError> {
    let code = options.read_u16(Field::EdnsOption)?;
    let length = usize::from(options.read_u16(Field::EdnsOption)?);
    Ok((code, options.read_octets(length, Field::EdnsOption)?))
}

/// Why an answer failed, told in more detail than the response code can (RFC 8914 §4).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ExtendedError(pub u16);

impl ExtendedError {
    /// What none of the others says (EDE 0).
    pub const OTHER: Self = Self(0);
    /// The data's time is over, and nothing newer could be had (EDE 3).
    pub const STALE_ANSWER: Self = Self(3);
    /// The server has too much to do (EDE 14, Not Ready).
    pub const NOT_READY: Self = Self(14);
    /// The client may not ask (EDE 18).
    pub const PROHIBITED: Self = Self(18);
    /// The same as `STALE_ANSWER` for a name that did not exist (EDE 19).
    pub const STALE_NXDOMAIN: Self = Self(19);
    /// The server is not authoritative for the name, and offers nothing else (EDE 20).
    pub const NOT_AUTHORITATIVE: Self = Self(20);
    /// What was asked for is not offered (EDE 21).
    pub const NOT_SUPPORTED: Self = Self(21);
    /// No server that knows could be reached, or none of them helped (EDE 22).
    pub const NO_REACHABLE_AUTHORITY: Self = Self(22);
    /// The network did not carry the questions to the servers (EDE 23).
    pub const NETWORK_ERROR: Self = Self(23);
    /// The zone's data cannot be used (EDE 24, Invalid Data).
    pub const INVALID_DATA: Self = Self(24);

    /// Octets the option takes.
    pub fn option_len(self) -> usize {
        OPTION_HEADER_LEN + 2 + self.text().len()
    }

    /// What is told besides the code, where that says little (RFC 8914 §2, EXTRA-TEXT).
    fn text(self) -> &'static str {
        match self {
            Self::OTHER => "too many questions, referrals or aliases",
            _ => "",
        }
    }
}

/// The cookie of a reply.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ReplyCookie {
    /// The client's part, as it came.
    pub client: [u8; CLIENT_COOKIE_LEN],
    /// Our part.
    pub server: [u8; SERVER_COOKIE_LEN],
}

/// The OPT record of a reply.
#[derive(Clone, Copy, Debug)]
pub struct ReplyOpt<'a> {
    /// The largest query over UDP that we take, in octets.
    pub udp_size: u16,
    /// The whole response code; its upper eight bits go into the OPT record.
    pub rcode: Rcode,
    /// Whether the query's DO bit is copied (RFC 3225 §3).
    pub dnssec_ok: bool,
    /// Which server answers.
    pub nsid: Option<&'a [u8]>,
    /// The cookie.
    pub cookie: Option<ReplyCookie>,
    /// How long the connection may be idle.
    pub keepalive: Option<Duration>,
    /// The seconds after which a copy of the zone expires.
    pub expire_secs: Option<u32>,
    /// Why the answer failed.
    pub extended_error: Option<ExtendedError>,
}

impl ReplyOpt<'_> {
    /// Octets the record takes.
    pub fn wire_len(&self) -> usize {
        OPT_LEN + self.options_len()
    }

    fn options_len(&self) -> usize {
        let cookie_len = OPTION_HEADER_LEN + CLIENT_COOKIE_LEN + SERVER_COOKIE_LEN;
        self.nsid.map_or(0, |nsid| OPTION_HEADER_LEN + nsid.len())
            + self.cookie.map_or(0, |_| cookie_len)
            + self.keepalive.map_or(0, |_| OPTION_HEADER_LEN + 2)
            + self.expire_secs.map_or(0, |_| EXPIRE_LEN)
            + self.extended_error.map_or(0, ExtendedError::option_len)
    }

    /// Writes the record.
    ///
    /// # Errors
    ///
    /// Fails if there is no room for `wire_len()` octets.
    pub fn write(&self, writer: &mut Writer<'_>) -> Result<(), NoSpace> {
        let rcode_high = (self.rcode.0 >> 4 & 0xFF) as u8;
        let flags = if self.dnssec_ok { DO } else { 0 };
        let [type_high, type_low] = Rtype::OPT.0.to_be_bytes();
        let [size_high, size_low] = self.udp_size.to_be_bytes();
        let [flags_high, flags_low] = flags.to_be_bytes();
        let options_len = u16::try_from(self.options_len()).map_err(|_| NoSpace)?;
        let [len_high, len_low] = options_len.to_be_bytes();
        writer.write_octets(&[
            0, type_high, type_low, size_high, size_low, rcode_high, VERSION, flags_high,
            flags_low, len_high, len_low,
        ])?;
        if options_len == 0 {
            return Ok(());
        }
        if let Some(nsid) = self.nsid {
            write_option(writer, code::NSID, &[nsid])?;
        }
        if let Some(cookie) = self.cookie {
            write_option(writer, code::COOKIE, &[&cookie.client, &cookie.server])?;
        }
        if let Some(idle) = self.keepalive {
            // In units of 100 milliseconds (RFC 7828 §3.1).
            let units = u16::try_from(idle.as_millis() / 100).unwrap_or(u16::MAX);
            write_option(writer, code::KEEPALIVE, &[&units.to_be_bytes()])?;
        }
        if let Some(seconds) = self.expire_secs {
            write_option(writer, code::EXPIRE, &[&seconds.to_be_bytes()])?;
        }
        if let Some(error) = self.extended_error {
            let parts = [&error.0.to_be_bytes()[..], error.text().as_bytes()];
            write_option(writer, code::EXTENDED_ERROR, &parts)?;
        }
        Ok(())
    }
}

/// Octets the option takes that tells when a copy of the zone expires.
pub const EXPIRE_LEN: usize = OPTION_HEADER_LEN + 4;

/// Writes an option whose value is made of parts.
fn write_option(writer: &mut Writer<'_>, code: u16, value: &[&[u8]]) -> Result<(), NoSpace> {
    let length: usize = value.iter().map(|part| part.len()).sum();
    writer.write_u16(code)?;
    writer.write_u16(u16::try_from(length).map_err(|_| NoSpace)?)?;
    value.iter().try_for_each(|part| writer.write_octets(part))
}
