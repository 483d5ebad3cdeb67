//! The content of a message: where it begins, what comes of it, and where it ends (RFC 5321 §4.1.1.4,
//! RFC 3030).

use crate::mail::faults::Stage;
use crate::mail::reply::{Reply, Status};
use crate::mail::smtp::message::Envelope;
use crate::mail::smtp::session::{Action, Entry, Halted, Session, State, Waiting, wrong_order};

impl Session {
    pub(super) fn data(&mut self) {
        match self.check_content() {
            Err(reply) => self.refuse(&reply),
            Ok(true) => {
                self.refuse(&wrong_order("a message that began with BDAT goes on with BDAT"))
            }
            Ok(false) => self.open(Entry::Data),
        }
    }

    pub(super) fn bdat(&mut self, octets: u64, is_last: bool) {
        match self.check_content() {
            Err(reply) => self.refuse_content(Entry::Chunk { octets, is_last }, reply),
            Ok(true) => self.begin_chunk(octets, is_last),
            Ok(false) => self.open(Entry::Chunk { octets, is_last }),
        }
    }

    /// Whether the content of the message has begun.
    ///
    /// # Errors
    ///
    /// Returns the reply if there is no message, or it is for nobody.
    fn check_content(&self) -> Result<bool, Reply> {
        let none = || wrong_order("write MAIL FROM:<address> and RCPT TO:<address> first");
        let message = self.message.as_ref().ok_or_else(none)?;
        if message.recipients.is_empty() {
            return Err(Reply::new(554, Status(5, 1), "there is no recipient that was accepted"));
        }
        Ok(message.incoming.is_some())
    }

    fn open(&mut self, entry: Entry) {
        if let Some(envelope) = self.envelope() {
            self.act(Action::Open(Box::new(envelope)), Waiting::Opened(entry));
        }
    }

    pub(super) fn envelope(&self) -> Option<Envelope> {
        let (message, hello) = (self.message.as_ref()?, self.helo.as_ref()?);
        let protocol = match (hello.is_extended, self.client.is_tls, self.user.is_some()) {
            (false, false, _) => "SMTP",
            (true, false, false) => "ESMTP",
            (true, false, true) => "ESMTPA",
            (_, true, false) => "ESMTPS",
            (_, true, true) => "ESMTPSA",
        };
        Some(Envelope {
            sender: message.from.address().cloned(),
            recipients: message.recipients.clone(),
            is_utf8: message.is_utf8,
            helo: hello.name.clone(),
            client: self.client.address,
            protocol,
            user: self.user.clone(),
            notes: message.notes.clone(),
        })
    }

    /// Refuses what would come with a command; a chunk comes all the same (RFC 3030 §2).
    pub(super) fn refuse_content(&mut self, entry: Entry, reply: Reply) {
        match entry {
            Entry::Data => self.refuse(&reply),
            Entry::Chunk { octets: 0, .. } => self.refuse(&reply),
            Entry::Chunk { octets, .. } => self.state = State::Skip { left: octets, reply },
        }
    }

    pub(super) fn take_data(&mut self, octets: &[u8]) -> usize {
        let from = self.content.len();
        let Some(incoming) = self.message.as_mut().and_then(|message| message.incoming.as_mut())
        else {
            self.state = State::Command;
            return 0;
        };
        let (taken, is_end) = incoming.data.read(octets, &mut self.content);
        incoming.take(&mut self.content, from, self.options.size_max);
        if is_end {
            self.end_content();
        }
        taken
    }

    pub(super) fn begin_chunk(&mut self, octets: u64, is_last: bool) {
        self.state = State::Chunk { left: octets, is_last };
        if octets == 0 {
            self.end_chunk(is_last);
        }
    }

    pub(super) fn take_chunk(&mut self, octets: &[u8]) -> usize {
        let from = self.content.len();
        let incoming = self.message.as_mut().and_then(|message| message.incoming.as_mut());
        let (State::Chunk { left, is_last }, Some(incoming)) = (&mut self.state, incoming) else {
            self.state = State::Command;
            return 0;
        };
        let len = usize::try_from(*left).unwrap_or(usize::MAX).min(octets.len());
        let chunk = octets.get(..len).unwrap_or_default();
        incoming.look_at_chunk(chunk);
        self.content.extend_from_slice(chunk);
        incoming.take(&mut self.content, from, self.options.size_max);
        *left -= chunk.len() as u64;
        if *left == 0 {
            let is_last = *is_last;
            self.end_chunk(is_last);
        }
        chunk.len()
    }

    fn end_chunk(&mut self, is_last: bool) {
        if is_last {
            return self.end_content();
        }
        self.state = State::Command;
        match self.fault() {
            Some(reply) => self.give_up(&reply),
            None => self.reply(&Reply::new(250, Status(0, 0), "go on")),
        }
    }

    /// What is known by now to be wrong with the content.
    fn fault(&self) -> Option<Reply> {
        self.message.as_ref()?.incoming.as_ref()?.fault(self.options.size_max)
    }

    fn end_content(&mut self) {
        self.state = State::Command;
        if !self.suffers(Stage::End, None, Halted::Content) {
            self.finish_content();
        }
    }

    pub(super) fn finish_content(&mut self) {
        let incoming = self.message.as_ref().and_then(|message| message.incoming.as_ref());
        match incoming.and_then(|incoming| incoming.final_fault(self.options.size_max)) {
            Some(reply) => self.give_up(&reply),
            None => self.act(Action::Keep, Waiting::Kept),
        }
    }

    /// Forgets a message whose content has begun.
    fn give_up(&mut self, reply: &Reply) {
        self.reset();
        self.refuse(reply);
    }

    pub(super) fn skip(&mut self, octets: &[u8]) -> usize {
        let State::Skip { left, .. } = &mut self.state else { return 0 };
        let taken = usize::try_from(*left).unwrap_or(usize::MAX).min(octets.len());
        *left -= taken as u64;
        if *left == 0
            && let State::Skip { reply, .. } = std::mem::take(&mut self.state)
        {
            self.refuse(&reply);
        }
        taken
    }
}
