//! `kereru route`: how mail for an address finds its way, step by step.
//!
//! Starts no server and sends no mail: it makes the world that `serve` would, with its resolver, and
//! asks that. What it finds is put into words by `words` and into JSON by `document`.

mod document;
mod words;

use std::sync::Arc;

use tokio::sync::watch;

use crate::app::cli::RouteArgs;
use crate::app::lab;
use crate::app::resolving::Resolving;
use crate::app::serve::{Plan, State, snapshot};
use crate::app::zones::{self, Catalog};
use crate::app::{Exit, load, output, report};
use crate::base::diagnostic::Diagnostics;
use crate::base::limits::LABEL_LEN_MAX;
use crate::config::Origin;
use crate::mail::address::{Address, Domain};
use crate::mail::lookup::{Answer, Question};
use crate::mail::route::{NoWay, Rules, Scope, Walk, Way};
use crate::net::World;
use crate::net::mail::{Locality, locality, mailbox, rules, way};
use crate::net::stub::StubResolver;
use crate::net::upstream::{self, Upstream};
use crate::wire::name::{Name, NameArray, NameBuf};
use crate::wire::numbers::Rtype;

/// Tells how mail for the address finds its way.
pub(super) fn run(args: &RouteArgs) -> Exit {
    let state = match read(args) {
        Ok(state) => state,
        Err(problems) => {
            output::note(&report::text(&problems, false));
            return Exit::Input;
        }
    };
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
    let found = runtime.map(|runtime| runtime.block_on(find_out(&state, &args.address)));
    match found {
        Ok(found) => {
            let exit = if found.verdict().arrives() { Exit::Fine } else { Exit::Input };
            let text = if args.json { document::json(&found) } else { words::walk(&found) };
            output::print(&text, exit)
        }
        Err(error) => {
            output::note(&format!("cannot begin: {error}\n"));
            Exit::Failed
        }
    }
}

/// Reads what the server would be made from.
fn read(args: &RouteArgs) -> Result<State, Diagnostics> {
    let (mut config, _) = load::configuration(args.config.as_deref())?;
    if config.origin == Origin::BuiltIn {
        output::note("no kereru.yaml here: this is about the built-in lab\n");
        config.mail = lab::post::mail();
    }
    let (catalog, problems) = zones::load_configured(&config, &Catalog::default());
    if problems.has_errors() {
        return Err(problems);
    }
    for entry in catalog.entries.iter().filter(|entry| entry.is_faulty()) {
        output::note(&format!("{} has errors: `kereru check` shows them\n", entry.path()));
    }
    let resolving = Resolving::of(&config, None)?;
    let plan = Plan::Configured(args.config.clone());
    let (cookies, rate_limit, certificate, cpus) = (None, None, None, Vec::new());
    Ok(State { plan, config, catalog, cookies, rate_limit, resolving, certificate, cpus })
}

/// What was found out.
struct Findings {
    address: Address,
    /// The name of this server in MX records; `None` if it takes no mail.
    hostname: Option<NameBuf>,
    locality: Option<Locality>,
    /// The mailbox, if the domain is local and there is one.
    mailbox: Option<String>,
    walk: Walk,
    /// What the domain publishes about its mail; none of an address in brackets.
    policies: Vec<Policy>,
}

/// A kind of record by which a domain tells others how to treat mail.
struct Policy {
    /// What it is called.
    kind: &'static str,
    /// Where it was looked for.
    name: NameBuf,
    answer: Answer,
    /// The texts of its kind.
    texts: Vec<String>,
}

/// Kinds of policies: what they are called, at which name below the domain they are, and how their
/// texts begin (RFC 7208 §3, RFC 8461 §3.1, RFC 7489 §6.1).
const POLICIES: [(&str, Option<&str>, &str); 3] = [
    ("spf", None, "v=spf1"),
    ("mta-sts", Some("_mta-sts"), "v=STSv1"),
    ("dmarc", Some("_dmarc"), "v=DMARC1"),
];

/// What becomes of mail for the address.
enum Verdict<'f> {
    /// It is put into a mailbox here.
    Kept(&'f str),
    /// It is for this server, which has no such mailbox.
    NoMailbox,
    /// It is sent to these hosts.
    Sent(&'f [crate::mail::route::Host]),
    /// There is no way.
    None(NoWay),
    /// It cannot be found out now.
    Unknown(&'f str),
}

impl Verdict<'_> {
    fn arrives(&self) -> bool {
        match self {
            Self::Kept(_) | Self::Sent(_) => true,
            Self::NoMailbox | Self::None(_) | Self::Unknown(_) => false,
        }
    }
}

impl Findings {
    fn verdict(&self) -> Verdict<'_> {
        match (&self.locality, &self.mailbox, &self.walk.way) {
            (Some(_), Some(mailbox), _) => Verdict::Kept(mailbox),
            (Some(_), None, _) => Verdict::NoMailbox,
            (None, _, Way::Hosts(hosts)) => Verdict::Sent(hosts),
            (None, _, Way::None(why)) => Verdict::None(*why),
            (None, _, Way::Unknown(why)) => Verdict::Unknown(why),
        }
    }
}

async fn find_out(state: &State, address: &Address) -> Findings {
    let (upstream, inbox) = Upstream::new();
    let world = Arc::new(World::new(snapshot(state)).with_upstream(upstream));
    // What would be asked is what the server would ask: never itself.
    state.set_resolver_up(&world, &world.snapshot().load(), &state.config.listen);
    let (_stop, stopping) = watch::channel(false);
    tokio::spawn(upstream::run(inbox, Arc::clone(&world), stopping));
    let stub = StubResolver::new(Arc::clone(&world));
    let mail = state.config.mail.as_ref();
    let rules = mail.map_or_else(without_mail, rules);
    let local = mail.and_then(|mail| locality(mail, &world.snapshot().load(), address.domain()));
    Findings {
        address: address.clone(),
        hostname: rules.hostname.clone(),
        mailbox: mail.filter(|_| local.is_some()).and_then(|mail| mailbox(mail, address)),
        locality: local,
        walk: way(&stub, &rules, address.domain()).await,
        policies: policies(&stub, address.domain()).await,
    }
}

/// What ways go by where mail is not configured: as from any host of the Internet.
fn without_mail() -> Rules {
    Rules {
        hostname: None,
        port: SMTP_PORT,
        routes: Vec::new(),
        is_ours: Arc::new(|_| false),
        scope: Scope::Internet,
    }
}

/// The port of SMTP (RFC 5321 §4.5.4.2).
const SMTP_PORT: u16 = 25;

async fn policies(stub: &StubResolver, domain: &Domain) -> Vec<Policy> {
    let mut found = Vec::new();
    let Domain::Name(domain) = domain else { return found };
    for (kind, below, version) in POLICIES {
        let name = below.map_or_else(|| Some(domain.clone()), |label| child(label, domain));
        // A domain that leaves no room for the label has none.
        let Some(name) = name else { continue };
        let question = Question { name: name.clone(), rtype: Rtype::TXT };
        let answer = stub.ask(&question).await;
        let texts = answer.texts().map(|text| String::from_utf8_lossy(&text).into_owned());
        let begins = |text: &String| {
            let begin = text.get(..version.len());
            begin.is_some_and(|begin| begin.eq_ignore_ascii_case(version))
        };
        let texts = texts.filter(begins).collect();
        found.push(Policy { kind, name, answer, texts });
    }
    found
}

fn child(label: &str, domain: &NameBuf) -> Option<NameBuf> {
    debug_assert!(label.len() <= LABEL_LEN_MAX);
    let mut name = NameArray::new(Name::ROOT);
    name.set_child(label.as_bytes(), domain.as_name()).then(|| name.as_name().to_buf())
}
