//! Asking the root which servers it has (RFC 9609).
//!
//! The addresses that were configured do until the answer is there, and again when it ends or none
//! can be had: a failure costs nothing. Paid for by no client.

use std::net::IpAddr;

use crate::base::limits::PRIMING_PAUSE_US;
use crate::base::time::Now;
use crate::cache::Owned;
use crate::resolver::fetch::{Fetch, Means};
use crate::resolver::{Question, Resolver};
use crate::wire::folded::FoldedName;
use crate::wire::name::{Name, NameBuf};
use crate::wire::numbers::Rtype;

impl Resolver {
    /// Asks one of the configured servers of the root which there are, unless that was done not long
    /// ago, or is none of our business: the root is ours.
    pub(super) fn prime(&mut self, now: Now) {
        let question = Question { name: NameBuf::root(), rtype: Rtype::NS };
        let is_ours = || self.local.owner_of(&FoldedName::root(), Rtype::NS) == Owned::Yes;
        let is_wanted = self.options.primes
            && now >= self.primed_until
            && !self.by_question.contains_key(&question)
            && !is_ours();
        if !is_wanted {
            return;
        }
        self.primed_until = now.after_micros(PRIMING_PAUSE_US);
        let mut fetch = Fetch::new(question, Means::of_nobody(now));
        fetch.is_priming = true;
        fetch.move_to(self.hints());
        // Where there is no room, the next question that needs the root tries again.
        let _ = self.begin_fetch(fetch);
    }

    /// Forgets the servers of the root that were learnt, and the addresses of all that were known from
    /// the start `before` or are so now: what is configured is newer than what those said that it has
    /// replaced.
    pub(super) fn forget_root(&self, now: Now, before: &[(NameBuf, Vec<IpAddr>)]) {
        let root = FoldedName::root();
        let learnt = self.cache.closest_delegation(now, &root).map(|cut| cut.servers);
        let learnt = learnt.iter().flat_map(|servers| servers.rdatas());
        let learnt = learnt.filter_map(|rdata| Name::read(rdata).ok());
        let known = before.iter().chain(&self.options.root).map(|(name, _)| name.as_name());
        for server in learnt.chain(known) {
            let server = FoldedName::new(server);
            self.cache.forget(&server, Rtype::A);
            self.cache.forget(&server, Rtype::AAAA);
        }
        self.cache.forget(&root, Rtype::NS);
    }

    /// Primes at the start, if the root will be asked: not where all names have a route.
    pub(super) fn prime_at_start(&mut self, now: Now) {
        if self.options.route(Name::ROOT).is_none() {
            self.prime(now);
        }
    }
}
