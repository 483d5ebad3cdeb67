//! What is counted of mail.

use std::fmt;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use prometheus::core::{Collector, Desc};
use prometheus::proto::MetricFamily;

use crate::metrics::family::{FamilyError, Kind, Numbers};
use crate::metrics::labels::MailResult;
use crate::metrics::resolving::number;

const RESULTS: usize = MailResult::ALL.len();

#[derive(Debug, Default)]
struct Counts {
    smtp_sessions: AtomicU64,
    pop3_sessions: AtomicU64,
    messages: [AtomicU64; RESULTS],
}

/// The counters of whoever takes and sends mail; clones count together.
#[derive(Clone, Debug, Default)]
pub struct MailCounters(Arc<Counts>);

impl MailCounters {
    /// Counts a session of SMTP, with whomever we are the server for.
    pub fn smtp_session(&self) {
        self.0.smtp_sessions.fetch_add(1, Ordering::Relaxed);
    }

    /// Counts a session of POP3.
    pub fn pop3_session(&self) {
        self.0.pop3_sessions.fetch_add(1, Ordering::Relaxed);
    }

    /// Counts what has become of a message.
    pub fn message(&self, result: MailResult) {
        if let Some(count) = self.0.messages.get(result as usize) {
            count.fetch_add(1, Ordering::Relaxed);
        }
    }
}

/// What is asked for with each scrape.
pub struct Mail {
    /// The counters.
    pub counters: MailCounters,
    /// How many messages wait for other hosts.
    pub queued: Box<dyn Fn() -> usize + Send + Sync>,
}

impl fmt::Debug for Mail {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Mail").field("counters", &self.counters).finish_non_exhaustive()
    }
}

/// The families of mail.
#[derive(Debug)]
pub struct MailCollector {
    mail: Mail,
    smtp_sessions: Numbers,
    messages: Numbers,
    queued: Numbers,
    pop3_sessions: Numbers,
}

impl MailCollector {
    /// A collector of these.
    ///
    /// # Errors
    ///
    /// Fails if Prometheus does not allow one of the names.
    pub fn new(mail: Mail) -> Result<Self, FamilyError> {
        let counter = |name, help| Numbers::single(Kind::Counter, name, help);
        Ok(Self {
            mail,
            smtp_sessions: counter("kereru_smtp_sessions_total", "Sessions of SMTP clients.")?,
            messages: Numbers::labelled(
                Kind::Counter,
                "kereru_smtp_messages_total",
                "Messages by what has become of them.",
                "result",
            )?,
            queued: Numbers::single(
                Kind::Gauge,
                "kereru_smtp_queue_messages",
                "Messages that wait for other hosts, once for each domain they go to.",
            )?,
            pop3_sessions: counter("kereru_pop3_sessions_total", "Sessions of POP3 clients.")?,
        })
    }
}

impl Collector for MailCollector {
    fn desc(&self) -> Vec<&Desc> {
        [&self.smtp_sessions, &self.messages, &self.queued, &self.pop3_sessions]
            .map(Numbers::desc)
            .to_vec()
    }

    fn collect(&self) -> Vec<MetricFamily> {
        let counts = &self.mail.counters.0;
        let read = |count: &AtomicU64| number(count.load(Ordering::Relaxed));
        let queued = u64::try_from((self.mail.queued)()).unwrap_or(u64::MAX);
        vec![
            self.smtp_sessions.with_value(read(&counts.smtp_sessions)),
            self.messages.with_values(MailResult::labels().zip(counts.messages.iter().map(read))),
            self.queued.with_value(number(queued)),
            self.pop3_sessions.with_value(read(&counts.pop3_sessions)),
        ]
    }
}
