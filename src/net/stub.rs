//! Questions of this server itself: a stub resolver without a socket.
//!
//! They take the same way as those of clients (`respond`, and `upstream` for what others must be asked
//! for), in a view of their own (`Snapshot::with_inside`); but nobody refuses, limits or counts them.

use std::net::{Ipv4Addr, SocketAddr};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use std::time::Duration;

use tokio::sync::{Semaphore, oneshot};
use tokio::time::timeout;

use crate::answer::{Exchange, Outcome, Transport, Workspace, respond};
use crate::base::limits::MESSAGE_LEN_MAX;
use crate::base::time::Wall;
use crate::mail::lookup::{Answer, Known, Question, Source, Unknown};
use crate::metrics::AnswerSource;
use crate::net::World;
use crate::net::settle::{fail, hand_over};
use crate::net::upstream::{InsideReply, ReplyPath};
use crate::wire::edns::RequestOpt;
use crate::wire::request::Request;

/// Questions at a time. The others wait for their turn; a resolver takes thousands, of which clients
/// are to have most.
const QUESTIONS_AT_ONCE_MAX: usize = 256;

/// How long a question may take, with the wait for its turn. The resolver itself gives up after four
/// seconds.
const QUESTION_TIME_MAX: Duration = Duration::from_secs(5);

/// Where questions arrive: at port 0, at which no query of a client does.
const INSIDE: SocketAddr = SocketAddr::new(std::net::IpAddr::V4(Ipv4Addr::LOCALHOST), 0);

/// Who asks: this server. The port only has to be one.
const ASKER: SocketAddr = SocketAddr::new(std::net::IpAddr::V4(Ipv4Addr::LOCALHOST), 1);

/// What asks. Copies share their bound.
#[derive(Clone, Debug)]
pub struct StubResolver {
    world: Arc<World>,
    places: Arc<Semaphore>,
}

impl StubResolver {
    /// One that asks what this world answers.
    pub fn new(world: Arc<World>) -> Self {
        Self { world, places: Arc::new(Semaphore::new(QUESTIONS_AT_ONCE_MAX)) }
    }

    /// Finds out what a function of answers wants to know, until it comes to its end.
    pub async fn find_out<T>(&self, step: impl Fn(&Known) -> Result<T, Question>) -> T {
        let mut known = Known::default();
        loop {
            match step(&known) {
                Ok(end) => return end,
                Err(question) => {
                    let answer = self.ask(&question).await;
                    known.put(question, answer);
                }
            }
        }
    }

    /// Asks one question.
    pub async fn ask(&self, question: &Question) -> Answer {
        let answered = async {
            let _place = self.places.acquire().await.ok()?;
            self.ask_now(question).await
        };
        let answered = timeout(QUESTION_TIME_MAX, answered).await;
        let failed = |why| Answer::unknown(question, Unknown::Failed(why));
        match answered {
            Ok(Some(answer)) => answer,
            Ok(None) => failed("there is no reply"),
            Err(_) => failed("it takes too long to find out"),
        }
    }

    /// Asks; `None` if there is no reply, which is a bug.
    async fn ask_now(&self, question: &Question) -> Option<Answer> {
        let (path, late) = oneshot::channel();
        let asks_others = {
            let snapshot = self.world.snapshot().load();
            snapshot.inside.as_ref().is_some_and(|view| view.asks_others())
        };
        // After a panic, which is a bug of ours, the path is gone.
        let begin = AssertUnwindSafe(|| self.begin(question, path));
        let reply = match catch_unwind(begin).ok()? {
            Some(reply) => reply,
            None => late.await.ok()?,
        };
        let InsideReply { octets, kind } = reply;
        Some(Answer::read(question, &octets, source(kind.source), asks_others))
    }

    /// Begins to answer; what is not answered at once comes by `path`.
    fn begin(
        &self,
        question: &Question,
        path: oneshot::Sender<InsideReply>,
    ) -> Option<InsideReply> {
        let opt = RequestOpt { udp_size: u16::MAX, dnssec_ok: false, cookie: None };
        let request = Request {
            id: 0,
            name: question.name.as_name(),
            rtype: question.rtype,
            recursion_desired: true,
            opt: Some(opt),
        };
        let octets = request.to_octets();
        let (mut message, mut workspace) = (vec![0; MESSAGE_LEN_MAX], Workspace::default());
        message.get_mut(..octets.len())?.copy_from_slice(&octets);
        let mut exchange = Exchange {
            message: &mut message,
            len: octets.len(),
            peer: ASKER,
            local: INSIDE,
            // Replies of any length.
            transport: Transport::Tcp,
            received: Wall::now(),
            now: self.world.now(),
        };
        let outcome =
            respond(&self.world.snapshot().load(), &mut workspace, &mut exchange, &mut ());
        let outcome = match outcome {
            Outcome::Defer(deferred) => {
                let left = hand_over(&self.world, deferred, Some(ReplyPath::Inside(path)));
                left.map(|left| fail(&self.world, *left, &mut workspace, exchange.message))
            }
            Outcome::Reply { .. } | Outcome::Drop(_) => Some(outcome),
        };
        if let Some(due) = workspace.take_notes().due
            && let Some(upstream) = self.world.upstream()
        {
            upstream.renew(due);
        }
        match outcome? {
            Outcome::Reply { len, kind } => {
                message.truncate(len);
                Some(InsideReply { octets: message, kind })
            }
            Outcome::Drop(_) | Outcome::Defer(_) => None,
        }
    }
}

fn source(source: AnswerSource) -> Source {
    match source {
        AnswerSource::Authoritative => Source::OwnZone,
        AnswerSource::Cache => Source::Cache,
        AnswerSource::Stale => Source::Stale,
        AnswerSource::Resolver => Source::Servers,
        AnswerSource::Forwarder => Source::Forwarder,
        AnswerSource::Local => Source::Reserved,
        AnswerSource::Referral | AnswerSource::Error => Source::Nobody,
    }
}
