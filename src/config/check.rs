//! From what the operator wrote to what the server will do.
//!
//! Finds what is wrong between keys; what is wrong with one value `value` has told before. Looks
//! at no file. Called by `Config::load` and, for the defaults, by `Config::built_in`.

use std::collections::HashMap;
use std::hash::Hash;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::path::Path;

use crate::config::problems::{Fault, Problems};
use crate::config::quantity::Count;
use crate::config::source::Mark;
use crate::config::spec::{
    CacheSpec, CookiesSpec, FaultSpec, ForwardSpec, HttpSpec, LogSpec, MailSpec,
    ROOT_HINTS_BUILT_IN, RateLimitSpec, ResolverSpec, RouteSpec, Spec, StubSpec, TcpSpec, TlsSpec,
    UserSpec, ZoneSpec,
};
use crate::config::value::{At, MailAddress, MailboxName, Server};
use crate::config::words;
use crate::config::{
    Cache, Config, Cookies, Edns, FilePath, Forward, Http, IpVersion, Log, Mail, MailChecks,
    MailRoute, MailTls, MailUser, Origin, Port, QueryLog, RateLimit, Resolver, ResolverMode, Stub,
    Tcp, ZoneSource, is_no_servers,
};
use crate::mail::faults::{self, Stage, Victim};
use crate::mail::reply::Reply;
use crate::mail::route::Scope;
use crate::policy::acl::{Acl, Prefix};
use crate::wire::name::NameBuf;

/// Decides what the server will do.
///
/// Where something is wrong the result has a stand-in, and the problems have an error.
pub(super) fn check(
    spec: Spec,
    origin: Origin,
    folder: &Path,
    problems: &mut Problems<'_>,
) -> Config {
    let mut checker = Checker { folder, problems };
    checker.check_listeners(&spec);
    if let Some(resolver) = &spec.resolver.value {
        checker.check_servers(resolver, &spec.listen.value);
    }
    Config {
        origin,
        listen: values(spec.listen),
        workers: spec.workers.value,
        identity: spec.identity.value.map(|text| text.0).filter(|text| !text.is_empty()),
        version: Some(spec.version.value.0).filter(|text| !text.is_empty()),
        state: checker.path(spec.state),
        user: spec.user.value.filter(|user| !user.is_empty()),
        sandbox: spec.sandbox.value,
        zones: checker.zones(spec.zones.value),
        minimal_responses: spec.minimal_responses.value,
        rotate_answers: spec.rotate_answers.value,
        any: spec.any.value,
        allow_query: acl(&spec.allow_query),
        edns: Edns { udp_size: spec.edns.value.udp_size.value },
        cookies: checker.cookies(spec.cookies.value),
        rate_limit: rate_limit(&spec.rate_limit.value, spec.resolver.value.as_ref()),
        tcp: checker.tcp(&spec.tcp.value),
        resolver: spec.resolver.value.and_then(|resolver| checker.resolver(resolver)),
        cache: checker.cache(&spec.cache.value),
        mail: match (spec.mail.value, spec.mail.mark) {
            (Some(mail), Some(mark)) => checker.mail(mail, mark),
            (Some(_), None) | (None, _) => None,
        },
        http: checker.http(spec.http.value),
        log: checker.log(spec.log.value),
        zones_with_metrics: spec.metrics.value.zones_max.value,
    }
}

/// What the checks of all sections share.
struct Checker<'c, 's> {
    folder: &'c Path,
    problems: &'c mut Problems<'s>,
}

impl Checker<'_, '_> {
    /// Tells a problem of a value that was written. A default is never wrong.
    fn error(&mut self, mark: Option<Mark>, fault: Fault) {
        if let Some(mark) = mark {
            self.problems.error(mark, fault);
        }
    }

    /// Tells that a section has not got a key it needs.
    fn missing<T>(&mut self, section: Option<Mark>, key: &str, value: &At<Option<T>>) {
        if value.value.is_none() && !value.is_faulty {
            self.error(section, Fault::new("missing-key", format!("`{key}` is missing here")));
        }
    }

    fn warn(&mut self, mark: Option<Mark>, fault: Fault) {
        if let Some(mark) = mark {
            self.problems.warn(mark, fault);
        }
    }

    fn path(&mut self, written: At<String>) -> FilePath {
        if written.value.is_empty() {
            self.error(
                written.mark,
                Fault::new("bad-value", "expected a path, found an empty text"),
            );
        }
        FilePath::new(written, self.folder, self.problems)
    }

    /// A path where an empty text means that there is none.
    fn optional_path(&mut self, written: At<String>) -> Option<FilePath> {
        (!written.value.is_empty()).then(|| self.path(written))
    }

    /// Tells values that an earlier one of the list equals.
    fn check_distinct<'a, T: Eq + Hash + 'a>(
        &mut self,
        list: impl IntoIterator<Item = &'a At<T>>,
        describe: impl Fn(&T) -> String,
    ) {
        let mut seen = HashMap::new();
        for item in list {
            if let Some(earlier) = seen.insert(&item.value, item.mark) {
                // A default may come after what was written; the latter is what can be changed.
                let (mark, other) = match item.mark {
                    Some(_) => (item.mark, earlier),
                    None => (earlier, None),
                };
                let message = format!("{} is there twice", describe(&item.value));
                let hint = match other {
                    Some(mark) => {
                        let line = self.problems.source().place(mark).line;
                        format!("it is on line {line} already")
                    }
                    None => "the default of another key has it already".to_owned(),
                };
                self.error(mark, Fault::new("duplicate", message).hint(hint));
            }
        }
    }

    /// Checks all addresses that sockets are bound to: DNS, HTTP and mail share the TCP ports.
    fn check_listeners(&mut self, spec: &Spec) {
        if spec.listen.value.is_empty() {
            let fault = Fault::new("bad-value", "no address to listen on")
                .hint("write at least one, such as `127.0.0.1:53`");
            self.error(spec.listen.mark, fault);
        }
        let mut all: Vec<&At<SocketAddr>> = spec.listen.value.iter().collect();
        all.extend(&spec.http.value.listen.value);
        if let Some(mail) = &spec.mail.value {
            for list in [&mail.smtp, &mail.submission, &mail.smtps, &mail.pop3, &mail.pop3s] {
                all.extend(&list.value);
            }
        }
        // With port 0 the system chooses another port each time.
        all.retain(|address| address.value.port() != 0);
        self.check_distinct(all.iter().copied(), |address| format!("the address `{address}`"));
        let wildcards: HashMap<SocketAddr, Option<Mark>> = all
            .iter()
            .filter(|address| address.value.ip().is_unspecified())
            .map(|address| (address.value, address.mark))
            .collect();
        for address in all.iter().filter(|address| !address.value.ip().is_unspecified()) {
            let wildcard = wildcard_of(address.value);
            if let Some(&mark) = wildcards.get(&wildcard) {
                let message = format!("`{wildcard}` has `{}` in it", address.value);
                let fault = Fault::new("overlap", message)
                    .hint("the wildcard answers at every address: remove one of the two");
                self.error(address.mark.or(mark), fault);
            }
        }
    }

    fn zones(&mut self, zones: Vec<At<ZoneSpec>>) -> Vec<ZoneSource> {
        let names: Vec<_> = zones.iter().filter_map(|entry| required(&entry.value.zone)).collect();
        self.check_distinct(&names, |zone| format!("the zone `{zone}`"));
        zones.into_iter().filter_map(|entry| self.zone(entry)).collect()
    }

    fn zone(&mut self, entry: At<ZoneSpec>) -> Option<ZoneSource> {
        const EXPECTED: &str = "an entry is either `zone` with `file`, or `directory` alone";
        let ZoneSpec { zone, file, directory } = entry.value;
        if zone.is_faulty || file.is_faulty || directory.is_faulty {
            return None;
        }
        let message = match (zone.value, required(&file), required(&directory)) {
            (Some(zone), Some(file), None) => {
                return Some(ZoneSource::File { zone, file: self.path(file) });
            }
            (None, None, Some(directory)) => {
                return Some(ZoneSource::Directory(self.path(directory)));
            }
            (Some(_), None, None) => "a zone without its `file`",
            (None, Some(_), None) => "a file without its `zone`",
            (None, None, None) => "an entry without a zone",
            (Some(_), _, Some(_)) => "both `zone` and `directory`",
            (None, Some(_), Some(_)) => "both `file` and `directory`",
        };
        self.error(entry.mark, Fault::new("zone-entry", message).hint(EXPECTED));
        None
    }

    fn cookies(&mut self, spec: CookiesSpec) -> Option<Cookies> {
        let secret_file = self.optional_path(spec.secret_file);
        spec.enabled.value.then_some(Cookies { secret_file })
    }

    fn tcp(&mut self, spec: &TcpSpec) -> Tcp {
        self.check_share(&spec.per_client, &spec.connections, "connections");
        let place = |mark| self.problems.source().place(mark);
        Tcp {
            connections: spec.connections.value,
            place: spec.connections.mark.map(place),
            per_client: spec.per_client.value,
            idle_timeout: spec.idle_timeout.value,
        }
    }

    /// Warns of a share for one client that is larger than the whole.
    fn check_share<const MIN: u32, const MAX: u32>(
        &mut self,
        share: &At<Count<MIN, MAX>>,
        whole: &At<Count<MIN, MAX>>,
        key: &str,
    ) {
        if share.value > whole.value {
            let (share_count, whole_count) = (share.value.get(), whole.value.get());
            let message =
                format!("{share_count} for one client is more than {whole_count} for all");
            let fault = Fault::new("overlap", message)
                .hint(format!("one client can use up all; make `per-client` less than `{key}`"));
            self.warn(share.mark.or(whole.mark), fault);
        }
    }

    fn resolver(&mut self, spec: ResolverSpec) -> Option<Resolver> {
        if spec.ip.value.is_empty() {
            let fault = Fault::new("bad-value", "no version of IP to ask servers over")
                .hint("write `[4]`, `[6]` or `[4, 6]`");
            self.error(spec.ip.mark, fault);
        }
        self.check_distinct(&spec.ip.value, |version| format!("{version:?}"));
        self.check_redirections(&spec);
        let root_hints = match spec.root_hints.value.as_str() {
            ROOT_HINTS_BUILT_IN => None,
            _ => Some(self.path(spec.root_hints)),
        };
        let stub_port = spec.port.value;
        let resolver = Resolver {
            mode: spec.mode.value,
            allow: acl(&spec.allow),
            root_hints,
            priming: spec.priming.value,
            port: spec.port.value,
            ip: values(spec.ip),
            source: values(spec.source),
            do_not_query: acl(&spec.do_not_query),
            qname_minimisation: spec.qname_minimisation.value,
            case_randomisation: spec.case_randomisation.value,
            rebinding_protection: spec.rebinding_protection.value,
            forward: values(spec.forward).into_iter().filter_map(forward).collect(),
            stub: values(spec.stub).into_iter().filter_map(|spec| stub(spec, stub_port)).collect(),
        };
        (resolver.mode != ResolverMode::Off).then_some(resolver)
    }

    /// Warns of servers that are never asked: over a version of IP that is not used, or ourselves.
    fn check_servers(&mut self, spec: &ResolverSpec, listen: &[At<SocketAddr>]) {
        let forwards = spec.forward.value.iter().map(|entry| (&entry.value.to, Port::known(53)));
        let stubs = spec.stub.value.iter().map(|entry| (&entry.value.to, spec.port.value));
        for (to, port) in forwards.chain(stubs) {
            for server in &to.value {
                let Server { address, port: own_port } = server.value;
                let to = socket(address, own_port.unwrap_or(port));
                let version = if address.is_ipv4() { IpVersion::V4 } else { IpVersion::V6 };
                let is_used = spec.ip.value.iter().any(|used| used.value == version);
                let (message, hint) = if !is_used {
                    ("is not asked over its version of IP", "add its version to `resolver.ip`")
                } else if listen.iter().any(|ours| ours.value == to) {
                    ("is this server, which does not ask itself", "write the address of another")
                } else {
                    continue;
                };
                let fault = Fault::new("never-asked", format!("{to} {message}")).hint(hint);
                self.warn(server.mark, fault);
            }
        }
    }

    /// Checks `forward` and `stub`: each needs a zone and servers, and a zone has one of them.
    fn check_redirections(&mut self, spec: &ResolverSpec) {
        let mut zones = Vec::new();
        let forwards = spec.forward.value.iter();
        let stubs = spec.stub.value.iter();
        let entries = forwards
            .map(|entry| (entry.mark, &entry.value.zone, &entry.value.to))
            .chain(stubs.map(|entry| (entry.mark, &entry.value.zone, &entry.value.to)));
        for (mark, zone, to) in entries {
            match required(zone) {
                Some(zone) => zones.push(zone),
                None => self.missing(mark, "zone", zone),
            }
            for server in &to.value {
                let address = server.value.address;
                if is_no_servers(address) {
                    let message = format!("no server can be asked at {address}");
                    let fault = Fault::new("bad-value", message);
                    self.error(server.mark, fault.hint("write the address of one server"));
                }
            }
            if to.value.is_empty() && !to.is_faulty {
                let fault = Fault::new("missing-key", "no server to ask")
                    .hint("write `to` with at least one address");
                self.error(to.mark.or(mark), fault);
            }
        }
        self.check_distinct(&zones, |zone| format!("`{zone}` in `forward` and `stub`"));
        let has_root = spec.forward.value.iter().any(|entry| {
            entry.value.zone.value.as_ref().is_some_and(|zone| *zone == NameBuf::root())
        });
        if spec.mode.value == ResolverMode::Forward && !has_root {
            let fault = Fault::new("missing-key", "mode `forward` needs a `forward` for \".\"")
                .hint("write `forward: [{zone: \".\", to: [ADDRESS]}]`");
            self.error(spec.mode.mark, fault);
        }
    }

    fn cache(&mut self, spec: &CacheSpec) -> Cache {
        if spec.min_ttl.value.as_secs() > spec.max_ttl.value.as_secs() {
            let message =
                format!("min-ttl {} is above max-ttl {}", spec.min_ttl.value, spec.max_ttl.value);
            self.error(spec.min_ttl.mark.or(spec.max_ttl.mark), Fault::new("conflict", message));
        }
        Cache {
            size: spec.size.value,
            min_ttl: spec.min_ttl.value,
            max_ttl: spec.max_ttl.value,
            max_negative_ttl: spec.max_negative_ttl.value,
            max_stale: spec.max_stale.value,
        }
    }

    fn mail(&mut self, spec: MailSpec, mark: Mark) -> Option<Mail> {
        let sessions = &spec.sessions.value;
        self.check_share(&sessions.per_client, &sessions.total, "total");
        let queue = &spec.queue.value;
        if queue.first_retry.value.as_secs() > queue.lifetime.value.as_secs() {
            let message = format!(
                "first-retry {} is after the end of lifetime {}",
                queue.first_retry.value, queue.lifetime.value
            );
            let mark = queue.first_retry.mark.or(queue.lifetime.mark);
            self.error(mark, Fault::new("conflict", message));
        }
        let users = self.users(spec.users.value);
        let postmaster = self.postmaster(spec.postmaster, &users);
        let tls = self.tls(spec.tls.value);
        let routes = self.routes(&spec.routes.value, spec.relay_port.value);
        let faults = self.faults(spec.faults.value);
        let hostname = spec.hostname;
        self.missing(Some(mark), "hostname", &hostname);
        if let Some(name) = &hostname.value
            && name.as_name().label_count() < 2
        {
            let fault = Fault::new("short-name", format!("the name `{name}` has one label only"))
                .hint("other servers may refuse it: write it whole, such as `mail.example.org`");
            self.warn(hostname.mark, fault);
        }
        let checks = spec.checks.value;
        Some(Mail {
            hostname: hostname.value?,
            smtp: values(spec.smtp),
            submission: values(spec.submission),
            smtps: values(spec.smtps),
            pop3: values(spec.pop3),
            pop3s: values(spec.pop3s),
            domains: values(spec.domains),
            users,
            relay_networks: acl(&spec.relay_networks),
            refuse_networks: acl(&spec.refuse_networks),
            relay_port: spec.relay_port.value,
            routes,
            scope: Scope::Internet,
            size_max: spec.size_max.value,
            postmaster,
            clear_text_login: spec.clear_text_login.value,
            sessions: spec.sessions.value.total.value,
            sessions_per_client: spec.sessions.value.per_client.value,
            first_retry: spec.queue.value.first_retry.value,
            lifetime: spec.queue.value.lifetime.value,
            checks: MailChecks {
                helo: checks.helo.value,
                reverse: checks.reverse.value,
                spf: checks.spf.value,
            },
            tls,
            faults,
        })
    }

    fn users(&mut self, users: Vec<At<UserSpec>>) -> Vec<MailUser> {
        let names: Vec<_> = users.iter().filter_map(|user| required(&user.value.name)).collect();
        self.check_distinct(&names, |MailboxName(name)| format!("the user `{name}`"));
        let addresses: Vec<_> = users
            .iter()
            .flat_map(|user| &user.value.addresses.value)
            .filter_map(|address| Some(At::written(address.value.0.to_lowercase(), address.mark?)))
            .collect();
        self.check_distinct(&addresses, |address| format!("the address `{address}`"));
        let complete = users.into_iter().filter_map(|user| {
            let UserSpec { name, addresses, password } = user.value;
            self.missing(user.mark, "name", &name);
            self.missing(user.mark, "password", &password);
            Some(MailUser {
                name: name.value?.0,
                addresses: values(addresses).into_iter().map(|MailAddress(text)| text).collect(),
                password: password.value?.0,
            })
        });
        complete.collect()
    }

    fn postmaster(&mut self, written: At<Option<String>>, users: &[MailUser]) -> Option<String> {
        let first = users.first().map(|user| user.name.clone());
        let Some(postmaster) = written.value else { return first };
        if !users.iter().any(|user| user.name == postmaster) {
            let fault = Fault::new("conflict", format!("no user has the name `{postmaster}`"))
                .hint("postmaster is the `name` of one of `users`");
            self.error(written.mark, fault);
        }
        Some(postmaster)
    }

    fn routes(&mut self, routes: &[At<RouteSpec>], port: Port) -> Vec<MailRoute> {
        let domains: Vec<_> =
            routes.iter().filter_map(|route| required(&route.value.domain)).collect();
        self.check_distinct(&domains, |domain| format!("the route of `{domain}`"));
        let complete = routes.iter().filter_map(|route| {
            let RouteSpec { domain, to } = &route.value;
            self.missing(route.mark, "domain", domain);
            self.missing(route.mark, "to", to);
            let to = to.value.as_ref()?;
            Some(MailRoute {
                domain: domain.value.clone()?,
                host: to.host.clone(),
                port: to.port.unwrap_or(port),
            })
        });
        complete.collect()
    }

    fn faults(&mut self, faults: Vec<At<FaultSpec>>) -> Vec<faults::Fault> {
        faults.into_iter().filter_map(|fault| self.mail_fault(fault)).collect()
    }

    fn mail_fault(&mut self, spec: At<FaultSpec>) -> Option<faults::Fault> {
        self.missing(spec.mark, "to", &spec.value.to);
        let FaultSpec { to, stage, reply, delay, drop } = spec.value;
        let (to_mark, to) = (to.mark, to.value?);
        let victim = Victim::read(&to);
        let stage = match stage.value {
            words::FaultStage::Connect => Stage::Connect,
            words::FaultStage::Helo => Stage::Helo,
            words::FaultStage::Mail => Stage::Mail,
            words::FaultStage::Rcpt => Stage::Rcpt,
            words::FaultStage::Data => Stage::Data,
            words::FaultStage::End => Stage::End,
        };
        let is_early = matches!(stage, Stage::Connect | Stage::Helo | Stage::Mail);
        let trouble = match &victim {
            None => Some(Fault::new("bad-value", format!("`{to}` is no address and no domain"))),
            Some(victim) if is_early && *victim != Victim::All => {
                let message = "at this stage nobody knows the recipient";
                Some(Fault::new("conflict", message).hint("write `to: \"*\"`"))
            }
            Some(_) => None,
        };
        if let Some(trouble) = trouble {
            self.error(to_mark, trouble);
        }
        let written = reply.value.as_deref().map(Reply::read);
        if written.as_ref().is_some_and(|reply| reply.as_ref().is_none_or(Reply::is_positive)) {
            let message = "expected a reply that refuses, such as `451 4.3.0 try later`";
            self.error(reply.mark, Fault::new("bad-value", message));
        }
        Some(faults::Fault {
            to: victim?,
            stage,
            reply: written.flatten(),
            delay_secs: delay.value.as_secs(),
            drops: drop.value,
        })
    }

    fn tls(&mut self, spec: TlsSpec) -> Option<MailTls> {
        let mark = spec.certificate.mark.or(spec.key.mark);
        match (self.optional_path(spec.certificate), self.optional_path(spec.key)) {
            (Some(certificate), Some(key)) => Some(MailTls { certificate, key }),
            (None, None) => None,
            (Some(_), None) | (None, Some(_)) => {
                let fault = Fault::new("conflict", "a certificate and its key come together")
                    .hint("write both, or neither for one that is self-signed");
                self.error(mark, fault);
                None
            }
        }
    }

    fn http(&mut self, spec: HttpSpec) -> Http {
        Http {
            listen: values(spec.listen),
            allow: acl(&spec.allow),
            names: values(spec.names),
            token_file: self.optional_path(spec.token_file),
        }
    }

    fn log(&mut self, spec: LogSpec) -> Log {
        let queries = spec.queries.value;
        let queries = self.optional_path(queries.to).map(|to| QueryLog {
            to,
            sample: queries.sample.value,
            privacy: queries.privacy.value,
        });
        Log { level: spec.level.value, format: spec.format.value, queries }
    }
}

/// The address that stands for all of the same family, on the same port.
fn wildcard_of(address: SocketAddr) -> SocketAddr {
    let any = match address {
        SocketAddr::V4(_) => IpAddr::V4(Ipv4Addr::UNSPECIFIED),
        SocketAddr::V6(_) => IpAddr::V6(Ipv6Addr::UNSPECIFIED),
    };
    SocketAddr::new(any, address.port())
}

/// Who may use the resolver is not limited: those are the operator's own clients, and what they ask is
/// like in bulk (a mail server looks names up in block lists). Where everybody may, addresses are
/// forged, too.
fn rate_limit(spec: &RateLimitSpec, resolver: Option<&ResolverSpec>) -> Option<RateLimit> {
    let resolver = resolver.filter(|resolver| resolver.mode.value != ResolverMode::Off);
    let clients = resolver.into_iter().flat_map(|resolver| &resolver.allow.value);
    let clients = clients.filter(|prefix| prefix.value.length() > 0);
    let exempt = spec.exempt.value.iter().chain(clients);
    (spec.per_second.value.get() > 0).then(|| RateLimit {
        per_second: spec.per_second.value,
        slip: spec.slip.value,
        ipv4_prefix: spec.ipv4_prefix.value,
        ipv6_prefix: spec.ipv6_prefix.value,
        exempt: Acl::new(exempt.map(|prefix| prefix.value)),
    })
}

fn forward(spec: ForwardSpec) -> Option<Forward> {
    let port = const { Port::known(53) };
    Some(Forward { zone: spec.zone.value?, to: servers(spec.to, port), only: spec.only.value })
}

fn stub(spec: StubSpec, port: Port) -> Option<Stub> {
    Some(Stub { zone: spec.zone.value?, to: servers(spec.to, port) })
}

fn servers(list: At<Vec<At<Server>>>, default_port: Port) -> Vec<SocketAddr> {
    let addresses = values(list).into_iter();
    addresses.map(|server| socket(server.address, server.port.unwrap_or(default_port))).collect()
}

fn socket(address: IpAddr, port: Port) -> SocketAddr {
    // A `Port` is at most 65,535.
    SocketAddr::new(address, u16::try_from(port.get()).unwrap_or(u16::MAX))
}

/// The value of a key that has no default, with its place.
fn required<T: Clone>(value: &At<Option<T>>) -> Option<At<T>> {
    Some(At::written(value.value.clone()?, value.mark?))
}

fn values<T>(list: At<Vec<At<T>>>) -> Vec<T> {
    list.value.into_iter().map(|item| item.value).collect()
}

fn acl(list: &At<Vec<At<Prefix>>>) -> Acl {
    Acl::new(list.value.iter().map(|prefix| prefix.value))
}
