//! Which servers did not help with a zone that they were said to serve.
//!
//! They are asked after all others for a while, and not left out: it may have been one name that
//! they failed for, or be over.

use std::collections::HashMap;
use std::net::SocketAddr;

use crate::base::time::Now;
use crate::wire::name::NameBuf;

/// How long that is remembered, in microseconds: as long as a failure to resolve may be
/// (RFC 9520 §3.2).
const REMEMBERED_US: u64 = 300_000_000;

/// Servers and zones that are remembered, at most: some megabytes. Beyond it all are forgotten, which
/// costs a request for each.
const LAME_MAX: usize = 1 << 14;

/// Servers that did not help, each with a zone.
#[derive(Debug, Default)]
pub(super) struct LameServers {
    /// Until when, for each server and zone.
    until: HashMap<SocketAddr, HashMap<NameBuf, Now>>,
    /// Pairs of them.
    count: usize,
}

impl LameServers {
    /// Takes in that a server does not help with a zone.
    pub(super) fn note(&mut self, now: Now, server: SocketAddr, zone: &NameBuf) {
        if self.count >= LAME_MAX {
            *self = Self::default();
        }
        let zones = self.until.entry(server).or_default();
        let before = zones.insert(zone.clone(), now.after_micros(REMEMBERED_US));
        self.count += usize::from(before.is_none());
    }

    /// Whether a server did not help with a zone lately.
    pub(super) fn is_lame(&self, now: Now, server: SocketAddr, zone: &NameBuf) -> bool {
        let until = self.until.get(&server).and_then(|zones| zones.get(zone));
        until.is_some_and(|until| *until > now)
    }
}

#[cfg(test)]
mod tests {
    use super::{LAME_MAX, LameServers, REMEMBERED_US};
    use crate::base::time::Now;
    use crate::wire::name::NameBuf;
    use std::net::SocketAddr;

    fn name(text: &str) -> NameBuf {
        NameBuf::from_text(text.as_bytes(), None).unwrap()
    }

    #[test]
    fn server_is_lame_for_the_zone_that_it_does_not_serve_and_for_a_while() {
        let mut lame = LameServers::default();
        let server = SocketAddr::from(([192, 0, 2, 1], 53));
        lame.note(Now::default(), server, &name("a."));
        assert!(lame.is_lame(Now::default(), server, &name("A.")));
        assert!(!lame.is_lame(Now::default(), server, &name("b.")));
        let other = SocketAddr::from(([192, 0, 2, 2], 53));
        assert!(!lame.is_lame(Now::default(), other, &name("a.")));
        assert!(!lame.is_lame(Now::from_micros(REMEMBERED_US), server, &name("a.")));
    }

    #[test]
    fn no_more_are_remembered_than_there_is_room_for() {
        let mut lame = LameServers::default();
        let server = SocketAddr::from(([192, 0, 2, 1], 53));
        for number in 0..=LAME_MAX {
            lame.note(Now::default(), server, &name(&format!("n{number}.")));
        }
        assert_eq!(lame.count, 1);
        assert!(lame.is_lame(Now::default(), server, &name(&format!("n{LAME_MAX}."))));
    }
}
