//! Requests to other servers, as octets.
//!
//! Decides neither what is asked nor which number and which case the name gets: those are what a
//! forged response would have to guess (RFC 5452), and come from the resolver.

use crate::wire::edns::{OPT_LEN, RequestOpt};
use crate::wire::header::{Flags, HEADER_LEN, Header};
use crate::wire::name::Name;
use crate::wire::numbers::{Class, Rtype};

/// Octets of the longest request: a name of 255 octets and the longest cookie.
pub const REQUEST_LEN_MAX: usize = HEADER_LEN + 255 + 4 + OPT_LEN + RequestOpt::COOKIE_LEN_MAX;

/// A request for the records of one type at one name, in class IN.
#[derive(Clone, Copy, Debug)]
pub struct Request<'a> {
    /// The number by which the response is known.
    pub id: u16,
    /// The name, in the case it is asked in.
    pub name: Name<'a>,
    /// The type asked for.
    pub rtype: Rtype,
    /// Whether the server is to resolve, as one that is forwarded to is.
    pub recursion_desired: bool,
    /// The OPT record; `None` for servers that do not know EDNS.
    pub opt: Option<RequestOpt>,
}

impl Request<'_> {
    /// The octets of the request.
    pub fn to_octets(&self) -> Vec<u8> {
        let header = Header {
            id: self.id,
            flags: Flags(if self.recursion_desired { Flags::RD } else { 0 }),
            questions: 1,
            answers: 0,
            authorities: 0,
            additionals: u16::from(self.opt.is_some()),
        };
        let mut octets = Vec::with_capacity(REQUEST_LEN_MAX);
        octets.resize(HEADER_LEN, 0);
        header.write(&mut octets);
        octets.extend_from_slice(self.name.as_wire());
        octets.extend_from_slice(&self.rtype.0.to_be_bytes());
        octets.extend_from_slice(&Class::IN.0.to_be_bytes());
        if let Some(opt) = &self.opt {
            opt.append_to(&mut octets);
        }
        debug_assert!(octets.len() <= REQUEST_LEN_MAX, "a request longer than any can be");
        octets
    }
}

#[cfg(test)]
mod tests;
