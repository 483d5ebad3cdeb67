//! Troubles that are made on purpose, in the place of what a session would do.

use crate::mail::address::Path;
use crate::mail::faults::{Fault, Stage};
use crate::mail::smtp::command::Command;
use crate::mail::smtp::session::{Action, Entry, Halted, Session, Waiting};

impl Session {
    /// Whether a fault happens to what comes now, which is then dealt with.
    pub(super) fn suffers(
        &mut self,
        stage: Stage,
        recipient: Option<&Path>,
        halted: Halted,
    ) -> bool {
        let recipients = || {
            let known = self.message.iter().flat_map(|message| &message.recipients);
            let known = known.map(|recipient| &recipient.path).filter(|_| recipient.is_none());
            recipient.into_iter().chain(known)
        };
        let happens = |fault: &&Fault| fault.happens(stage, recipients());
        let Some(fault) = self.options.faults.iter().find(happens).cloned() else { return false };
        if fault.delay_secs > 0 {
            self.act(Action::Pause(fault.delay_secs), Waiting::Pause(fault, halted));
        } else {
            self.suffer(fault, halted);
        }
        true
    }

    /// Lets a fault happen, its pause over.
    pub(super) fn suffer(&mut self, fault: Fault, halted: Halted) {
        if fault.drops {
            self.reset();
            return self.close();
        }
        match (halted, fault.reply) {
            (Halted::Greeting, None) => self.greet(),
            (Halted::Greeting, Some(reply)) => self.end(&reply),
            (Halted::Line(line), None) => self.obey(Command::read(&line)),
            (Halted::Line(line), Some(reply)) => match Command::read(&line) {
                Ok(Command::Bdat { octets, is_last }) => {
                    self.refuse_content(Entry::Chunk { octets, is_last }, reply);
                }
                _ => self.reply(&reply),
            },
            (Halted::Content, None) => self.finish_content(),
            (Halted::Content, Some(reply)) => {
                self.reset();
                self.reply(&reply);
            }
        }
    }
}
