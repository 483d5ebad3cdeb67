//! Every key of the configuration: as the operator wrote it, its default and what it costs.
//!
//! One struct for each section. A value that is not written is its default without a place.
//! Nothing here looks at two values together: that is for `check`.

use std::net::{IpAddr, SocketAddr};

use crate::base::limits::{UDP_SIZE_MAX, UDP_SIZE_MIN};
use crate::config::problems::{Key, Problems};
use crate::config::quantity::{Count, DAY, GIB, HOUR, KIB, MIB, MINUTE, Size, Time};
use crate::config::source::{Kind, Node};
use crate::config::value::{
    At, MailAddress, MailServer, MailboxName, PasswordHash, Read, Server, ShortText,
};
use crate::config::words::{
    AnyReply, ClearTextLogin, FaultStage, IpVersion, LogFormat, LogLevel, LogPrivacy, ResolverMode,
    SpfCheck,
};
use crate::config::{Port, Workers};
use crate::policy::acl::Prefix;
use crate::wire::name::NameBuf;

/// Declares a section: its keys with type and default, and how it is read.
macro_rules! section {
    ($(#[$doc:meta])* $name:ident {
        $($(#[$about:meta])* $key:literal $field:ident: $type:ty = $default:expr;)*
    }) => {
        $(#[$doc])*
        #[derive(Clone, Debug)]
        pub(super) struct $name {
            $($(#[$about])* pub(super) $field: At<$type>,)*
        }

        impl Default for $name {
            fn default() -> Self {
                Self { $($field: At::default_of($default),)* }
            }
        }

        impl Read for $name {
            const KEYS: &'static [Key] = &[
                $(Key { name: $key, keys: <$type as Read>::KEYS },)*
            ];

            fn read(node: &Node, problems: &mut Problems<'_>) -> Option<Self> {
                let mut section = Self::default();
                for entry in problems.section(node, Self::KEYS)? {
                    let Kind::Text(key) = &entry.key.kind else { continue };
                    match key.as_str() {
                        $($key => {
                            match At::read(&entry.value, problems) {
                                Some(value) => section.$field = value,
                                None => section.$field.is_faulty = true,
                            }
                        })*
                        // `Problems::section` has told of it.
                        _ => (),
                    }
                }
                Some(section)
            }
        }
    };
}

section! {
    /// The whole file.
    Spec {
        /// Addresses to answer at, over UDP and TCP. Each costs one socket a worker and one for
        /// TCP.
        "listen" listen: Vec<At<SocketAddr>> = given([
            SocketAddr::from(([127, 0, 0, 1], 5300)),
            SocketAddr::from(([0, 0, 0, 0, 0, 0, 0, 1], 5300)),
        ]);
        /// Threads that answer over UDP. `auto` is one for each CPU this process may use; more
        /// only wait for each other.
        "workers" workers: Workers = Workers::Auto;
        /// The name told in NSID and in CH TXT `id.server` and `hostname.bind`. Without it: not
        /// told.
        "identity" identity: Option<ShortText> = None;
        /// What CH TXT `version.bind` and `version.server` tell. Empty: not told.
        "version" version: ShortText = ShortText::default();
        /// The folder for mail, tokens and journals.
        "state" state: String = "var".to_owned();
        /// The user to become after binding, when started as root.
        "user" user: Option<String> = None;
        /// Whether to give up rights with Landlock and seccomp, where the kernel has them.
        "sandbox" sandbox: bool = true;
        /// Zones to serve. Memory is some 150 octets a name, and the data.
        "zones" zones: Vec<At<ZoneSpec>> = Vec::new();
        /// Whether positive answers go without NS records and without addresses of NS and MX.
        /// `false` makes replies larger.
        "minimal-responses" minimal_responses: bool = true;
        /// Whether records of a set take turns at being the first.
        "rotate-answers" rotate_answers: bool = true;
        /// What a question for type ANY gets. `full` makes large replies for small questions.
        "any" any: AnyReply = AnyReply::Minimal;
        /// Who may ask at all; others get REFUSED.
        "allow-query" allow_query: Vec<At<Prefix>> =
            given([Prefix::v4([0; 4], 0), Prefix::v6([0; 8], 0)]);
        /// EDNS(0).
        "edns" edns: EdnsSpec = EdnsSpec::default();
        /// DNS cookies.
        "cookies" cookies: CookiesSpec = CookiesSpec::default();
        /// Response rate limiting.
        "rate-limit" rate_limit: RateLimitSpec = RateLimitSpec::default();
        /// TCP connections.
        "tcp" tcp: TcpSpec = TcpSpec::default();
        /// The resolver. Without this section there is none.
        "resolver" resolver: Option<ResolverSpec> = None;
        /// The cache of what the resolver learns.
        "cache" cache: CacheSpec = CacheSpec::default();
        /// Mail. Without this section there is none.
        "mail" mail: Option<MailSpec> = None;
        /// The status page and the API.
        "http" http: HttpSpec = HttpSpec::default();
        /// Logs.
        "log" log: LogSpec = LogSpec::default();
        /// Metrics.
        "metrics" metrics: MetricsSpec = MetricsSpec::default();
    }
}

section! {
    /// One entry of `zones`: either a zone with its file, or a directory.
    ZoneSpec {
        /// The zone's name.
        "zone" zone: Option<NameBuf> = None;
        /// Its master file.
        "file" file: Option<String> = None;
        /// A folder; every `*.zone` in it is a zone.
        "directory" directory: Option<String> = None;
    }
}

/// Octets of a reply over UDP.
#[expect(clippy::cast_possible_truncation, reason = "both are far below 2³²")]
pub type UdpSize = Count<{ UDP_SIZE_MIN as u32 }, { UDP_SIZE_MAX as u32 }>;

section! {
    /// EDNS(0) (RFC 6891).
    EdnsSpec {
        /// Octets of the largest reply over UDP. Above about 1400 replies are fragmented, and
        /// fragments are lost and forged more easily (RFC 9715).
        "udp-size" udp_size: UdpSize = const { Count::known(1232) };
    }
}

section! {
    /// DNS cookies (RFC 7873).
    CookiesSpec {
        /// Whether cookies are given and checked.
        "enabled" enabled: bool = true;
        /// The file of the secret, the same on all servers of one address. Empty:
        /// `cookie-secret` in `state`.
        "secret-file" secret_file: String = String::new();
    }
}

/// Like replies a second to one network; 0 is off.
pub type PerSecond = Count<0, 1_000_000>;
/// Every so many dropped replies one goes out truncated; 0 is never.
pub type Slip = Count<0, 10>;
/// Bits of an IPv4 address that make a network.
pub type V4Length = Count<1, 32>;
/// Bits of an IPv6 address that make a network.
pub type V6Length = Count<1, 128>;

section! {
    /// Response rate limiting, against use of this server to flood others.
    RateLimitSpec {
        /// Like replies a second to one network; 0 is off. Higher lets more of a flood through,
        /// lower hits busy networks.
        "per-second" per_second: PerSecond = const { Count::known(50) };
        /// Every so many dropped replies one goes out truncated, so that honest clients come back
        /// over TCP; 0 is never.
        "slip" slip: Slip = const { Count::known(2) };
        /// Bits of an IPv4 address that make a network. More costs memory.
        "ipv4-prefix" ipv4_prefix: V4Length = const { Count::known(24) };
        /// Bits of an IPv6 address that make a network. More costs memory.
        "ipv6-prefix" ipv6_prefix: V6Length = const { Count::known(56) };
        /// Who is never limited.
        "exempt" exempt: Vec<At<Prefix>> = given(LOOPBACK);
    }
}

/// TCP connections at a time.
pub type Connections = Count<1, 1_000_000>;
/// How long a TCP connection may be silent.
pub type IdleTimeout = Time<1, HOUR>;

section! {
    /// TCP connections (RFC 7766).
    TcpSpec {
        /// Connections at a time. Each costs an open file and some KiB,
        /// and as much as its replies while the client does not read them, at most 80 KiB.
        "connections" connections: Connections = const { Count::known(4096) };
        /// Connections at a time from one address.
        "per-client" per_client: Connections = const { Count::known(64) };
        /// How long a connection may be silent. Longer saves clients new connections and holds
        /// more of them open.
        "idle-timeout" idle_timeout: IdleTimeout = const { Time::known(10) };
    }
}

section! {
    /// The resolver.
    ResolverSpec {
        /// How questions beyond our zones are answered.
        "mode" mode: ResolverMode = ResolverMode::Recursive;
        /// Who may use it; others get REFUSED. Everyone would make it an open resolver, which is
        /// used to flood others.
        "allow" allow: Vec<At<Prefix>> = given(LOOPBACK);
        /// `builtin`, or a file in master-file form.
        "root-hints" root_hints: String = ROOT_HINTS_BUILT_IN.to_owned();
        /// Whether the root servers are asked for their own addresses first (RFC 9609).
        "priming" priming: bool = true;
        /// The port where authoritative servers listen.
        "port" port: Port = const { Count::known(53) };
        /// Over which versions of IP servers are asked.
        "ip" ip: Vec<At<IpVersion>> = given([IpVersion::V4, IpVersion::V6]);
        /// Local addresses to ask from. Empty: what the system chooses.
        "source" source: Vec<At<IpAddr>> = Vec::new();
        /// Addresses that are never asked, unless `forward`, `stub` or `root-hints` name them.
        "do-not-query" do_not_query: Vec<At<Prefix>> = given(DO_NOT_QUERY);
        /// Whether servers are told no more of a name than they need (RFC 9156). Costs a few
        /// more questions for names not seen before.
        "qname-minimisation" qname_minimisation: bool = true;
        /// Whether the letters of a question have random case, which is harder to forge. A few
        /// servers answer such questions wrongly.
        "case-randomisation" case_randomisation: bool = true;
        /// Whether private addresses are taken out of public answers.
        "rebinding-protection" rebinding_protection: bool = false;
        /// Names whose questions are handed to other resolvers, in mode `recursive` too. Mode
        /// `forward` needs ".".
        "forward" forward: Vec<At<ForwardSpec>> = Vec::new();
        /// Names whose authoritative servers are known.
        "stub" stub: Vec<At<StubSpec>> = Vec::new();
    }
}

/// The word of `root-hints` for the list in the program.
pub(super) const ROOT_HINTS_BUILT_IN: &str = "builtin";

section! {
    /// One entry of `forward`.
    ForwardSpec {
        /// The name, and all below it.
        "zone" zone: Option<NameBuf> = None;
        /// Resolvers, with a port if it is not 53.
        "to" to: Vec<At<Server>> = Vec::new();
        /// Whether only they are asked. `false`: if none of them answers, from the root.
        "only" only: bool = true;
    }
}

section! {
    /// One entry of `stub`.
    StubSpec {
        /// The name, and all below it.
        "zone" zone: Option<NameBuf> = None;
        /// Its servers, with a port if it is not `resolver.port`.
        "to" to: Vec<At<Server>> = Vec::new();
    }
}

/// Memory for cached answers.
pub type CacheSize = Size<{ MIB }, { 1024 * GIB }>;
/// The shortest time to live.
pub type MinTtl = Time<0, DAY>;
/// The longest time to live (RFC 2181 §8).
pub type MaxTtl = Time<0, { i32::MAX.cast_unsigned() }>;
/// How long an expired record may be served.
pub type MaxStale = Time<0, { 30 * DAY }>;

section! {
    /// The cache of what the resolver learns.
    CacheSpec {
        /// Memory for it. Larger raises the hit rate only until an hour of different questions
        /// fits.
        "size" size: CacheSize = const { Size::known(256 * MIB) };
        /// Shorter times to live count as this. Above 0s records are kept longer than their
        /// owner wants.
        "min-ttl" min_ttl: MinTtl = const { Time::known(0) };
        /// Longer times to live count as this. Longer keeps mistakes of others longer.
        "max-ttl" max_ttl: MaxTtl = const { Time::known(DAY) };
        /// Longer times to live of denials count as this (RFC 2308 §5).
        "max-negative-ttl" max_negative_ttl: MaxTtl = const { Time::known(3 * HOUR) };
        /// How long an expired record may be served when no server answers (RFC 8767); 0s is
        /// never. Longer takes memory from fresh records.
        "max-stale" max_stale: MaxStale = const { Time::known(DAY) };
    }
}

/// The largest message.
pub type MailSize = Size<{ 64 * KIB }, { GIB }>;
/// Mail sessions at a time.
pub type MailSessions = Count<1, 100_000>;
/// How long after the first failure a message is tried again.
pub type FirstRetry = Time<1, DAY>;
/// How long a message is tried before it is returned.
pub type QueueLifetime = Time<MINUTE, { 30 * DAY }>;

section! {
    /// Mail.
    MailSpec {
        /// The name this mail server has in MX records. Must be written.
        "hostname" hostname: Option<NameBuf> = None;
        /// Addresses for SMTP.
        "smtp" smtp: Vec<At<SocketAddr>> =
            given([SocketAddr::from(([127, 0, 0, 1], 2525))]);
        /// Addresses for mail submission.
        "submission" submission: Vec<At<SocketAddr>> = Vec::new();
        /// Addresses for mail submission with TLS from the start.
        "smtps" smtps: Vec<At<SocketAddr>> = Vec::new();
        /// Addresses for POP3.
        "pop3" pop3: Vec<At<SocketAddr>> =
            given([SocketAddr::from(([127, 0, 0, 1], 2110))]);
        /// Addresses for POP3 with TLS from the start.
        "pop3s" pop3s: Vec<At<SocketAddr>> = Vec::new();
        /// Local domains besides those that our zones say.
        "domains" domains: Vec<At<NameBuf>> = Vec::new();
        /// Mailboxes.
        "users" users: Vec<At<UserSpec>> = Vec::new();
        /// Who may send mail to anywhere without a password. More than own networks makes it an
        /// open relay.
        "relay-networks" relay_networks: Vec<At<Prefix>> = Vec::new();
        /// Who may send nothing.
        "refuse-networks" refuse_networks: Vec<At<Prefix>> = Vec::new();
        /// The port of other mail servers.
        "relay-port" relay_port: Port = const { Count::known(25) };
        /// Where the mail of some domains goes instead of to their MX.
        "routes" routes: Vec<At<RouteSpec>> = Vec::new();
        /// The largest message. Each session may hold one.
        "size-max" size_max: MailSize = const { Size::known(25 * MIB) };
        /// The mailbox of postmaster. Without it: the first user.
        "postmaster" postmaster: Option<String> = None;
        /// Who may log in without TLS.
        "clear-text-login" clear_text_login: ClearTextLogin = ClearTextLogin::Loopback;
        /// Sessions at a time.
        "sessions" sessions: SessionsSpec = SessionsSpec::default();
        /// Messages that could not be delivered yet.
        "queue" queue: QueueSpec = QueueSpec::default();
        /// Checks of who sends.
        "checks" checks: ChecksSpec = ChecksSpec::default();
        /// Certificate and key.
        "tls" tls: TlsSpec = TlsSpec::default();
        /// Troubles made on purpose, for teaching and tests.
        "faults" faults: Vec<At<FaultSpec>> = Vec::new();
    }
}

section! {
    /// One entry of `mail.users`.
    UserSpec {
        /// The mailbox, and the name to log in with.
        "name" name: Option<MailboxName> = None;
        /// Addresses whose mail is put there.
        "addresses" addresses: Vec<At<MailAddress>> = Vec::new();
        /// The hash of the password. Without it nobody can log in.
        "password" password: Option<PasswordHash> = None;
    }
}

section! {
    /// One entry of `mail.routes`.
    RouteSpec {
        /// The domain.
        "domain" domain: Option<NameBuf> = None;
        /// The host its mail goes to, with a port if it is not `relay-port`.
        "to" to: Option<MailServer> = None;
    }
}

section! {
    /// Mail sessions at a time.
    SessionsSpec {
        /// From all clients. Each costs an open file and up to `size-max` of disk.
        "total" total: MailSessions = const { Count::known(1000) };
        /// From one address.
        "per-client" per_client: MailSessions = const { Count::known(50) };
    }
}

section! {
    /// Messages that could not be delivered yet.
    QueueSpec {
        /// How long after the first failure a message is tried again; then ever longer.
        "first-retry" first_retry: FirstRetry = const { Time::known(5 * MINUTE) };
        /// How long a message is tried before it is returned. Longer keeps more on disk.
        "lifetime" lifetime: QueueLifetime = const { Time::known(5 * DAY) };
    }
}

section! {
    /// Checks of who sends mail.
    ChecksSpec {
        /// Whether the name in HELO must exist.
        "helo" helo: bool = false;
        /// Whether the client's address must have a name.
        "reverse" reverse: bool = false;
        /// What a failed SPF check (RFC 7208) does.
        "spf" spf: SpfCheck = SpfCheck::Note;
    }
}

section! {
    /// Certificate and key of the mail server. Both empty: self-signed, made once.
    TlsSpec {
        /// The certificate chain, a PEM file.
        "certificate" certificate: String = String::new();
        /// The private key, a PEM file.
        "key" key: String = String::new();
    }
}

/// How long a reply is held back.
pub type FaultDelay = Time<0, HOUR>;

section! {
    /// One entry of `mail.faults`.
    FaultSpec {
        /// The recipient it happens to: an address or a domain.
        "to" to: Option<String> = None;
        /// When in the session it happens.
        "stage" stage: FaultStage = FaultStage::Rcpt;
        /// The reply in place of the real one, such as `451 4.3.0 try later`.
        "reply" reply: Option<String> = None;
        /// How long the reply is held back.
        "delay" delay: FaultDelay = const { Time::known(0) };
        /// Whether the connection is closed instead of replying.
        "drop" drop: bool = false;
    }
}

section! {
    /// The status page and the API.
    HttpSpec {
        /// Addresses to serve at. Empty: off.
        "listen" listen: Vec<At<SocketAddr>> =
            given([SocketAddr::from(([127, 0, 0, 1], 8053))]);
        /// Who may see status and metrics without the token.
        "allow" allow: Vec<At<Prefix>> = given(LOOPBACK);
        /// Host names it may be called by, besides `localhost` and addresses.
        "names" names: Vec<At<NameBuf>> = Vec::new();
        /// The file of the token. Empty: the one in `state`.
        "token-file" token_file: String = String::new();
    }
}

section! {
    /// Logs, to standard error.
    LogSpec {
        /// The least important line that is written. Nothing is written for a query at any level.
        "level" level: LogLevel = LogLevel::Info;
        /// How lines look.
        "format" format: LogFormat = LogFormat::Text;
        /// The log of queries.
        "queries" queries: QueriesSpec = QueriesSpec::default();
    }
}

/// Every so many queries one is written.
pub type Sample = Count<1, 1_000_000>;

section! {
    /// The log of queries.
    QueriesSpec {
        /// The file. Empty: off. Some hundred octets a query.
        "to" to: String = String::new();
        /// Every so many queries one is written. Higher costs less and sees less.
        "sample" sample: Sample = const { Count::known(1) };
        /// What of a query is written.
        "privacy" privacy: LogPrivacy = LogPrivacy::Names;
    }
}

/// How many zones have metrics of their own.
pub type ZonesMax = Count<0, 1_000_000>;

section! {
    /// Metrics.
    MetricsSpec {
        /// How many zones have metrics of their own; the others count together. Each costs three
        /// lines a scrape.
        "zones-max" zones_max: ZonesMax = const { Count::known(1000) };
    }
}

fn given<T, const N: usize>(values: [T; N]) -> Vec<At<T>> {
    values.into_iter().map(At::default_of).collect()
}

/// This machine.
const LOOPBACK: [Prefix; 2] =
    [Prefix::v4([127, 0, 0, 0], 8), Prefix::v6([0, 0, 0, 0, 0, 0, 0, 1], 128)];

/// Addresses where no public server can be: this network, loopback, link-local, multicast,
/// broadcast, and IPv4 in its mapped form.
const DO_NOT_QUERY: [Prefix; 10] = [
    Prefix::v4([0, 0, 0, 0], 8),
    Prefix::v4([127, 0, 0, 0], 8),
    Prefix::v4([169, 254, 0, 0], 16),
    Prefix::v4([224, 0, 0, 0], 4),
    Prefix::v4([255, 255, 255, 255], 32),
    Prefix::v6([0, 0, 0, 0, 0, 0, 0, 0], 128),
    Prefix::v6([0, 0, 0, 0, 0, 0, 0, 1], 128),
    Prefix::v6([0, 0, 0, 0, 0, 0xFFFF, 0, 0], 96),
    Prefix::v6([0xFE80, 0, 0, 0, 0, 0, 0, 0], 10),
    Prefix::v6([0xFF00, 0, 0, 0, 0, 0, 0, 0], 8),
];
