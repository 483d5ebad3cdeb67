//! The configuration: what the server will do, checked before anything begins.
//!
//! Opens no file, resolves no name and starts nothing: `app` hands in the text and opens what is
//! named in it. `spec` has every key with its default and explanation, `check` what must hold
//! between keys; `docs/configuration.md` tells the same to operators.

mod check;
mod not_yet;
mod problems;
pub mod quantity;
mod source;
mod spec;
mod value;
mod words;

use std::net::{IpAddr, SocketAddr};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use crate::base::diagnostic::{Diagnostic, Diagnostics, Place};
use crate::config::problems::Problems;
use crate::config::quantity::Count;
use crate::config::source::Source;
use crate::config::value::{At, Read};
use crate::mail::faults::Fault;
use crate::mail::route::Scope;
use crate::policy::acl::Acl;
use crate::wire::name::NameBuf;

pub use crate::config::problems::Key;
pub use crate::config::spec::{
    CacheSize, Connections, FaultDelay, FirstRetry, IdleTimeout, MailSessions, MailSize, MaxStale,
    MaxTtl, MinTtl, PerSecond, QueueLifetime, Sample, Slip, UdpSize, V4Length, V6Length, ZonesMax,
};
pub use crate::config::words::{
    AnyReply, ClearTextLogin, FaultStage, IpVersion, LogFormat, LogLevel, LogPrivacy, ResolverMode,
    SpfCheck,
};

/// What the server will do. Every value is decided and in its range.
#[derive(Clone, Debug)]
pub struct Config {
    /// Where this configuration came from.
    pub origin: Origin,
    /// Addresses to answer at, over UDP and TCP; at least one.
    pub listen: Vec<SocketAddr>,
    /// Threads that answer over UDP.
    pub workers: Workers,
    /// The name this server tells about itself (RFC 5001), if it tells one.
    pub identity: Option<String>,
    /// The version this server tells about itself, if it tells one.
    pub version: Option<String>,
    /// The folder for mail, tokens and journals.
    pub state: FilePath,
    /// The user to become after the sockets are bound, if started as root.
    pub user: Option<String>,
    /// Whether to give up rights the server does not need.
    pub sandbox: bool,
    /// Where zones come from.
    pub zones: Vec<ZoneSource>,
    /// Whether positive answers go without records that the question did not need.
    pub minimal_responses: bool,
    /// Whether records of a set take turns at being the first.
    pub rotate_answers: bool,
    /// What a question for type ANY gets.
    pub any: AnyReply,
    /// Who may ask at all.
    pub allow_query: Acl,
    /// EDNS(0).
    pub edns: Edns,
    /// DNS cookies; `None` is off.
    pub cookies: Option<Cookies>,
    /// Response rate limiting; `None` is off.
    pub rate_limit: Option<RateLimit>,
    /// TCP connections.
    pub tcp: Tcp,
    /// The resolver; `None` is off.
    pub resolver: Option<Resolver>,
    /// The cache of learnt records.
    pub cache: Cache,
    /// Mail; `None` is off.
    pub mail: Option<Mail>,
    /// The status page and the API.
    pub http: Http,
    /// Logs.
    pub log: Log,
    /// Zones that have metrics of their own.
    pub zones_with_metrics: ZonesMax,
}

/// Where a configuration came from.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Origin {
    /// There is no file: the lab on loopback. What a machine lacks of it (`::1`) is no error.
    BuiltIn,
    /// This file, as the operator wrote its name.
    File(PathBuf),
}

/// A port that is not chosen by the system.
pub type Port = Count<1, 65_535>;

/// Threads that answer over UDP.
pub type WorkerCount = Count<1, 256>;

/// How many threads answer over UDP.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Workers {
    /// One for each CPU that this process may use.
    Auto,
    /// This many.
    Count(WorkerCount),
}

/// A file or folder that the configuration names.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FilePath {
    /// Where it is: relative paths are taken from the folder of the configuration.
    pub path: PathBuf,
    /// What the operator wrote, for messages.
    pub written: String,
    /// Where the operator wrote it; `None` for a default.
    pub place: Option<Place>,
}

/// One entry of `zones`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ZoneSource {
    /// One zone from one master file.
    File {
        /// The zone's name.
        zone: NameBuf,
        /// Its master file.
        file: FilePath,
    },
    /// Every `*.zone` in a folder.
    Directory(FilePath),
}

/// EDNS(0).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Edns {
    /// The largest reply over UDP, and what the server says it can receive.
    pub udp_size: UdpSize,
}

/// DNS cookies (RFC 7873).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Cookies {
    /// The file of the secret; `None` is the one in the state folder.
    pub secret_file: Option<FilePath>,
}

/// Response rate limiting.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RateLimit {
    /// Like replies a second to one network.
    pub per_second: PerSecond,
    /// Every so many dropped replies one goes out truncated; 0 is never.
    pub slip: Slip,
    /// Bits of an IPv4 address that make a network.
    pub ipv4_prefix: V4Length,
    /// Bits of an IPv6 address that make a network.
    pub ipv6_prefix: V6Length,
    /// Who is never limited: whom the configuration exempts, and who may use the resolver unless
    /// everybody may.
    pub exempt: Acl,
}

/// TCP connections.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Tcp {
    /// Connections at a time.
    pub connections: Connections,
    /// Where the operator wrote how many; `None` for the default.
    pub place: Option<Place>,
    /// Connections at a time from one address.
    pub per_client: Connections,
    /// How long a connection may be silent.
    pub idle_timeout: IdleTimeout,
}

/// The resolver.
#[derive(Clone, Debug)]
pub struct Resolver {
    /// How questions beyond our zones are answered. Never `Off`.
    pub mode: ResolverMode,
    /// Who may use it.
    pub allow: Acl,
    /// The file of the root hints; `None` is the built-in list.
    pub root_hints: Option<FilePath>,
    /// Whether the root servers are asked for their own addresses first (RFC 9609).
    pub priming: bool,
    /// The port of authoritative servers.
    pub port: Port,
    /// Over which versions of IP servers are asked; at least one, no two alike.
    pub ip: Vec<IpVersion>,
    /// Local addresses to ask from; empty is what the system chooses.
    pub source: Vec<IpAddr>,
    /// Addresses that are never asked. IPv4 in its mapped form counts as IPv4 here, so the prefix
    /// `::ffff:0:0/96` has no address in it: who asks servers must refuse that form itself.
    pub do_not_query: Acl,
    /// Whether servers are told no more of a name than they need (RFC 9156).
    pub qname_minimisation: bool,
    /// Whether the letters of a question have random case.
    pub case_randomisation: bool,
    /// Whether private addresses are taken out of public answers.
    pub rebinding_protection: bool,
    /// Names whose questions are handed to other resolvers. Has "." in mode forward.
    pub forward: Vec<Forward>,
    /// Names whose authoritative servers are known.
    pub stub: Vec<Stub>,
}

/// A name whose questions are handed to other resolvers.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Forward {
    /// The name, and all below it.
    pub zone: NameBuf,
    /// The resolvers, at least one.
    pub to: Vec<SocketAddr>,
    /// Whether only they are asked, and the answer is an error if none of them knows.
    pub only: bool,
}

/// A name whose authoritative servers are known.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Stub {
    /// The name, and all below it.
    pub zone: NameBuf,
    /// The servers, at least one.
    pub to: Vec<SocketAddr>,
}

/// The cache of learnt records.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Cache {
    /// Memory for it.
    pub size: CacheSize,
    /// Shorter times to live count as this.
    pub min_ttl: MinTtl,
    /// Longer times to live count as this.
    pub max_ttl: MaxTtl,
    /// Longer times to live of denials count as this.
    pub max_negative_ttl: MaxTtl,
    /// How long an expired record may be served when no server answers (RFC 8767).
    pub max_stale: MaxStale,
}

/// Mail.
#[derive(Clone, Debug)]
pub struct Mail {
    /// The name this mail server has in MX records.
    pub hostname: NameBuf,
    /// Addresses for SMTP.
    pub smtp: Vec<SocketAddr>,
    /// Addresses for mail submission.
    pub submission: Vec<SocketAddr>,
    /// Addresses for mail submission with TLS from the start.
    pub smtps: Vec<SocketAddr>,
    /// Addresses for POP3.
    pub pop3: Vec<SocketAddr>,
    /// Addresses for POP3 with TLS from the start.
    pub pop3s: Vec<SocketAddr>,
    /// Local domains besides those that our zones say.
    pub domains: Vec<NameBuf>,
    /// Mailboxes.
    pub users: Vec<MailUser>,
    /// Who may send mail to anywhere without a password.
    pub relay_networks: Acl,
    /// Who may send nothing.
    pub refuse_networks: Acl,
    /// The port of other mail servers.
    pub relay_port: Port,
    /// Where the mail of some domains goes instead of to their MX.
    pub routes: Vec<MailRoute>,
    /// Where mail may go at all. No file says it: only the lab's mail stays in the lab.
    pub scope: Scope,
    /// The largest message.
    pub size_max: MailSize,
    /// The mailbox of postmaster; `None` if there are no users.
    pub postmaster: Option<String>,
    /// Who may log in without TLS.
    pub clear_text_login: ClearTextLogin,
    /// Sessions at a time.
    pub sessions: MailSessions,
    /// Sessions at a time from one address.
    pub sessions_per_client: MailSessions,
    /// How long after the first failure a message is tried again.
    pub first_retry: FirstRetry,
    /// How long a message is tried before it is returned.
    pub lifetime: QueueLifetime,
    /// Checks of the sender.
    pub checks: MailChecks,
    /// Certificate and key; `None` is self-signed, made once.
    pub tls: Option<MailTls>,
    /// Troubles made on purpose, for teaching and tests.
    pub faults: Vec<Fault>,
}

/// A mailbox.
#[derive(Clone, PartialEq, Eq)]
pub struct MailUser {
    /// The mailbox, and the name to log in with.
    pub name: String,
    /// Addresses whose mail is put there.
    pub addresses: Vec<String>,
    /// The hash of the password in PHC form.
    pub password: String,
}

impl std::fmt::Debug for MailUser {
    /// Leaves the password out.
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("MailUser")
            .field("name", &self.name)
            .field("addresses", &self.addresses)
            .finish_non_exhaustive()
    }
}

/// Where the mail of a domain goes instead of to its MX.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct MailRoute {
    /// The domain.
    pub domain: NameBuf,
    /// The host its mail goes to.
    pub host: MailHost,
    /// The host's port.
    pub port: Port,
}

/// A host that takes mail.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum MailHost {
    /// By address.
    Address(IpAddr),
    /// By name.
    Name(NameBuf),
}

/// Checks of who sends mail.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct MailChecks {
    /// Whether the name in HELO must exist.
    pub helo: bool,
    /// Whether the address must have a name.
    pub reverse: bool,
    /// What a failed SPF check (RFC 7208) does.
    pub spf: SpfCheck,
}

/// A certificate and its key.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct MailTls {
    /// The chain in PEM form.
    pub certificate: FilePath,
    /// The private key in PEM form.
    pub key: FilePath,
}

/// The status page and the API.
#[derive(Clone, Debug)]
pub struct Http {
    /// Addresses to serve at; none is off.
    pub listen: Vec<SocketAddr>,
    /// Who may see status and metrics without the token.
    pub allow: Acl,
    /// Host names it may be called by, besides `localhost` and addresses.
    pub names: Vec<NameBuf>,
    /// The file of the token; `None` is the one in the state folder.
    pub token_file: Option<FilePath>,
}

/// Logs.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Log {
    /// The least important line that is written.
    pub level: LogLevel,
    /// How lines look.
    pub format: LogFormat,
    /// The log of queries; `None` is off.
    pub queries: Option<QueryLog>,
}

/// The log of queries.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct QueryLog {
    /// The file.
    pub to: FilePath,
    /// Every so many queries one is written.
    pub sample: Sample,
    /// What of a query is written.
    pub privacy: LogPrivacy,
}

impl Config {
    /// Checks the text of a configuration file.
    ///
    /// The path is what the operator wrote; relative paths in the text are taken from its folder.
    /// With the configuration come the warnings.
    ///
    /// # Errors
    ///
    /// Fails if any problem is an error; all problems, the warnings among them, are handed back.
    pub fn load(path: &Path, text: &[u8]) -> Result<(Self, Diagnostics), Diagnostics> {
        let file: Arc<str> = path.to_string_lossy().into();
        let read = |text| -> Result<_, Box<Diagnostic>> {
            let source = Source::new(file, text)?;
            let root = source.parse()?;
            Ok((source, root))
        };
        let (source, root) = read(text).map_err(|problem| {
            let mut problems = Diagnostics::default();
            problems.push(*problem);
            problems
        })?;
        let mut problems = Problems::new(&source);
        let spec = spec::Spec::read(&root, &mut problems);
        not_yet::warn(&root, &mut problems);
        let folder = path.parent().unwrap_or_else(|| Path::new(""));
        let config = spec
            .map(|spec| check::check(spec, Origin::File(path.to_owned()), folder, &mut problems));
        let problems = problems.into_diagnostics();
        match config {
            Some(config) if !problems.has_errors() => Ok((config, problems)),
            Some(_) | None => Err(problems),
        }
    }

    /// The configuration of a server that was given none: every key at its default. The zones of
    /// the lab are for the caller to add.
    pub fn built_in() -> Self {
        let source = Source::empty();
        let mut problems = Problems::new(&source);
        check::check(spec::Spec::default(), Origin::BuiltIn, Path::new(""), &mut problems)
    }

    /// All keys a configuration file can have.
    pub fn keys() -> &'static [Key] {
        spec::Spec::KEYS
    }
}

impl FilePath {
    fn new(written: At<String>, folder: &Path, problems: &Problems<'_>) -> Self {
        let place = written.mark.map(|mark| problems.source().place(mark));
        Self { path: folder.join(&written.value), written: written.value, place }
    }
}

/// Whether no one server is at an address, whatever else is configured: it is unspecified or that of
/// many, or an IPv4 address in IPv6 form, which would go around the rules for IPv4.
pub fn is_no_servers(address: IpAddr) -> bool {
    let is_odd = match address {
        IpAddr::V4(address) => address.is_broadcast(),
        IpAddr::V6(address) => address.to_ipv4_mapped().is_some(),
    };
    is_odd || address.is_unspecified() || address.is_multicast()
}

#[cfg(test)]
mod tests;
