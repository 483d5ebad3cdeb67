//! How single values of the configuration are written.
//!
//! Each type says what it expects and why a value is not that. Which key has which type is in
//! `spec`, and what values together make sense is in `check`.

use std::net::{IpAddr, SocketAddr};

use argon2::password_hash::phc;
use argon2::{Algorithm, Params, Version};

use crate::config::problems::{Fault, Key, Problems, nearest};
use crate::config::quantity::{
    Count, QuantityError, Size, Time, parse_size, parse_time, write_size, write_time,
};
use crate::config::source::{Kind, Mark, Node, shorten};
use crate::config::{MailHost, Port, WorkerCount, Workers};
use crate::policy::acl::{Prefix, PrefixError};
use crate::wire::name::NameBuf;

/// What can stand as the value of a key.
pub(super) trait Read: Sized {
    /// The keys below, for a section or a list of sections.
    const KEYS: &'static [Key] = &[];

    /// The value of a node; if it has none, the problems say why.
    fn read(node: &Node, problems: &mut Problems<'_>) -> Option<Self>;
}

/// A value and the place where it is written; without a place it is the default.
#[derive(Clone, Debug)]
pub(super) struct At<T> {
    pub(super) value: T,
    pub(super) mark: Option<Mark>,
    /// Whether something was written that is no such value, and has been told.
    pub(super) is_faulty: bool,
}

impl<T: Read> At<T> {
    pub(super) fn read(node: &Node, problems: &mut Problems<'_>) -> Option<Self> {
        T::read(node, problems).map(|value| Self::written(value, node.mark))
    }
}

impl<T> At<T> {
    pub(super) fn default_of(value: T) -> Self {
        Self { value, mark: None, is_faulty: false }
    }

    pub(super) fn written(value: T, mark: Mark) -> Self {
        Self { value, mark: Some(mark), is_faulty: false }
    }
}

impl<T: Read> Read for Option<T> {
    const KEYS: &'static [Key] = T::KEYS;

    fn read(node: &Node, problems: &mut Problems<'_>) -> Option<Self> {
        T::read(node, problems).map(Some)
    }
}

impl<T: Read> Read for Vec<At<T>> {
    const KEYS: &'static [Key] = T::KEYS;

    fn read(node: &Node, problems: &mut Problems<'_>) -> Option<Self> {
        let Kind::List(nodes) = &node.kind else {
            let message = format!("expected a list, found {}", node.describe());
            let fault = Fault::new("wrong-type", message).hint("write `[a, b]`, or `[]` for none");
            problems.error(node.mark, fault);
            return None;
        };
        let values: Vec<_> = nodes.iter().map(|node| At::read(node, problems)).collect();
        values.into_iter().collect()
    }
}

impl Read for bool {
    fn read(node: &Node, problems: &mut Problems<'_>) -> Option<Self> {
        if let Kind::Bool(value) = node.kind {
            return Some(value);
        }
        problems.wrong_type(node, "`true` or `false`");
        None
    }
}

/// The text of a node, unless it is something else than a text.
fn text<'n>(node: &'n Node, problems: &mut Problems<'_>, expected: &str) -> Option<&'n str> {
    match &node.kind {
        Kind::Text(text) => Some(text),
        Kind::Integer(_) | Kind::Float(_) | Kind::Bool(_) => {
            let message = format!("expected {expected}, found {}", node.describe());
            let fault = Fault::new("wrong-type", message).hint("put a text in quotes");
            problems.error(node.mark, fault);
            None
        }
        Kind::Null | Kind::List(_) | Kind::Section(_) | Kind::Tagged => {
            problems.wrong_type(node, expected);
            None
        }
    }
}

/// A value that is written as a text, read by `parse`.
fn parsed<T>(
    node: &Node,
    problems: &mut Problems<'_>,
    expected: &str,
    parse: impl FnOnce(&str) -> Result<T, Fault>,
) -> Option<T> {
    let text = text(node, problems, expected)?;
    parse(text).map_err(|fault| problems.error(node.mark, fault)).ok()
}

/// The fault of a text that is not written as what is expected.
fn bad(expected: &str, text: &str) -> Fault {
    Fault::new("bad-value", format!("expected {expected}, found `{}`", shorten(text)))
}

impl Read for String {
    fn read(node: &Node, problems: &mut Problems<'_>) -> Option<Self> {
        text(node, problems, "a text").map(str::to_owned)
    }
}

impl Read for NameBuf {
    fn read(node: &Node, problems: &mut Problems<'_>) -> Option<Self> {
        const EXPECTED: &str = "a domain name such as `example.org`";
        parsed(node, problems, EXPECTED, |text| {
            if text == "@" {
                return Err(bad(EXPECTED, text));
            }
            let root = Self::root();
            Self::from_text(text.as_bytes(), Some(root.as_name()))
                .map_err(|error| bad(EXPECTED, text).hint(format!("it has {error}")))
        })
    }
}

impl Read for IpAddr {
    fn read(node: &Node, problems: &mut Problems<'_>) -> Option<Self> {
        const EXPECTED: &str = "an IP address such as `192.0.2.1`";
        parsed(node, problems, EXPECTED, |text| text.parse().map_err(|_| bad(EXPECTED, text)))
    }
}

impl Read for SocketAddr {
    fn read(node: &Node, problems: &mut Problems<'_>) -> Option<Self> {
        const EXPECTED: &str =
            "an address with a port such as `192.0.2.1:53` or `[2001:db8::1]:53`";
        parsed(node, problems, EXPECTED, |text| {
            text.parse().map_err(|_| {
                let fault = bad(EXPECTED, text);
                match text.parse::<IpAddr>() {
                    Ok(IpAddr::V4(_)) => fault.hint(format!("write `{text}:53`")),
                    Ok(IpAddr::V6(_)) => fault.hint(format!("write `[{text}]:53`")),
                    Err(_) if text.starts_with("localhost") => {
                        fault.hint("names are not looked up; write `127.0.0.1` or `[::1]`")
                    }
                    Err(_) => fault,
                }
            })
        })
    }
}

impl Read for Prefix {
    fn read(node: &Node, problems: &mut Problems<'_>) -> Option<Self> {
        const EXPECTED: &str = "an address prefix such as `192.0.2.0/24`";
        parsed(node, problems, EXPECTED, |text| {
            Self::parse(text).map_err(|error| match error {
                PrefixError::Address => bad(EXPECTED, text),
                PrefixError::Length(_) => bad(EXPECTED, text).hint(error.to_string()),
                PrefixError::HostBits(meant) => {
                    Fault::new("bad-value", format!("`{text}` has bits set after the prefix"))
                        .hint(format!("write `{meant}` for the whole network"))
                }
            })
        })
    }
}

/// A text that fits into one character-string (RFC 1035 §3.3).
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct ShortText(pub(super) String);

impl Read for ShortText {
    fn read(node: &Node, problems: &mut Problems<'_>) -> Option<Self> {
        const OCTETS_MAX: usize = 255;
        parsed(node, problems, "a text", |text| {
            if text.len() > OCTETS_MAX {
                let message = format!("a text of {} octets", text.len());
                return Err(Fault::new("out-of-range", message)
                    .hint(format!("it can have at most {OCTETS_MAX}")));
            }
            Ok(Self(text.to_owned()))
        })
    }
}

/// A server to ask, perhaps with its port.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Server {
    pub(super) address: IpAddr,
    pub(super) port: Option<Port>,
}

impl Read for Server {
    fn read(node: &Node, problems: &mut Problems<'_>) -> Option<Self> {
        const EXPECTED: &str = "an address, with or without a port, such as `192.0.2.1` or \
            `[2001:db8::1]:53`";
        parsed(node, problems, EXPECTED, |text| {
            if let Ok(address) = text.parse() {
                return Ok(Self { address, port: None });
            }
            let server: SocketAddr = text.parse().map_err(|_| bad(EXPECTED, text))?;
            let port = Port::new(server.port().into()).ok_or_else(|| bad(EXPECTED, text))?;
            Ok(Self { address: server.ip(), port: Some(port) })
        })
    }
}

/// A host that takes mail, perhaps with its port.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct MailServer {
    pub(super) host: MailHost,
    pub(super) port: Option<Port>,
}

impl Read for MailServer {
    fn read(node: &Node, problems: &mut Problems<'_>) -> Option<Self> {
        const EXPECTED: &str = "a host, with or without a port, such as `mail.example.org:2525`";
        parsed(node, problems, EXPECTED, |text| {
            if let Ok(address) = text.parse() {
                return Ok(Self { host: MailHost::Address(address), port: None });
            }
            let (host, port) = match text.rsplit_once(':') {
                Some((host, port)) => {
                    let port = port.parse().ok().and_then(Port::new);
                    (host, Some(port.ok_or_else(|| bad(EXPECTED, text))?))
                }
                None => (text, None),
            };
            let bare = host.strip_prefix('[').and_then(|host| host.strip_suffix(']'));
            if let Ok(address) = bare.unwrap_or(host).parse() {
                return Ok(Self { host: MailHost::Address(address), port });
            }
            let root = NameBuf::root();
            let name = NameBuf::from_text(host.as_bytes(), Some(root.as_name()))
                .map_err(|error| bad(EXPECTED, text).hint(format!("it has {error}")))?;
            Ok(Self { host: MailHost::Name(name), port })
        })
    }
}

/// `local-part@domain`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct MailAddress(pub(super) String);

impl Read for MailAddress {
    fn read(node: &Node, problems: &mut Problems<'_>) -> Option<Self> {
        const EXPECTED: &str = "a mail address such as `joe@example.org`";
        parsed(node, problems, EXPECTED, |text| {
            let (local, domain) = text.rsplit_once('@').ok_or_else(|| bad(EXPECTED, text))?;
            let root = NameBuf::root();
            let domain = NameBuf::from_text(domain.as_bytes(), Some(root.as_name()));
            if local.is_empty() || domain.is_err() || text.contains(char::is_whitespace) {
                return Err(bad(EXPECTED, text));
            }
            Ok(Self(text.to_owned()))
        })
    }
}

/// The hash of a password in PHC form.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct PasswordHash(pub(super) String);

/// The most memory that checking a password may take, in KiB: several are checked at a time, and
/// whoever connects can have one checked.
const PASSWORD_MEMORY_MAX: u32 = 256 << 10;

/// The most passes over that memory, of some 100 ms each.
const PASSWORD_PASSES_MAX: u32 = 10;

impl Read for PasswordHash {
    /// Does not repeat the text, which may be a password that was written by mistake.
    fn read(node: &Node, problems: &mut Problems<'_>) -> Option<Self> {
        let fault = match &node.kind {
            Kind::Text(text) => match costs(text) {
                Some((memory, passes))
                    if memory <= PASSWORD_MEMORY_MAX && passes <= PASSWORD_PASSES_MAX =>
                {
                    return Some(Self(text.clone()));
                }
                Some((memory, passes)) => Fault::new(
                    "out-of-range",
                    format!(
                        "this hash takes {} MiB and {passes} passes for each password that is checked",
                        memory >> 10
                    ),
                )
                .hint(format!(
                    "at most {} MiB and {PASSWORD_PASSES_MAX} passes; make another with `kereru hash`",
                    PASSWORD_MEMORY_MAX >> 10
                )),
                None => no_hash(),
            },
            Kind::Null
            | Kind::Bool(_)
            | Kind::Integer(_)
            | Kind::Float(_)
            | Kind::List(_)
            | Kind::Section(_)
            | Kind::Tagged => no_hash(),
        };
        problems.error_in_secret(node.mark, fault);
        None
    }
}

fn no_hash() -> Fault {
    Fault::new("bad-value", "expected the hash of a password")
        .hint("`kereru hash` makes one; write it in quotes, because it has commas")
}

/// The memory in KiB and the passes that a hash was made with; `None` if it is none.
fn costs(text: &str) -> Option<(u32, u32)> {
    let hash = phc::PasswordHash::new(text).ok()?;
    let is_argon2id = hash.algorithm == Algorithm::Argon2id.ident();
    let is_whole = hash.salt.is_some() && hash.hash.is_some();
    let is_known = hash.version.is_none_or(|version| Version::try_from(version).is_ok());
    let params = Params::try_from(&hash).ok()?;
    (is_argon2id && is_whole && is_known).then(|| (params.m_cost(), params.t_cost()))
}

/// The name of a mailbox: that of a folder, on any file system, and of a user in every protocol.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(super) struct MailboxName(pub(super) String);

/// Characters of the name of a mailbox.
const MAILBOX_LEN_MAX: usize = 64;

impl Read for MailboxName {
    fn read(node: &Node, problems: &mut Problems<'_>) -> Option<Self> {
        const EXPECTED: &str = "the name of a mailbox";
        parsed(node, problems, EXPECTED, |text| {
            let is_safe = |octet: u8| octet.is_ascii_alphanumeric() || b"._-+".contains(&octet);
            let is_fine = (1..=MAILBOX_LEN_MAX).contains(&text.len())
                && !text.starts_with('.')
                && text.bytes().all(is_safe);
            let hint = format!(
                "it has 1 to {MAILBOX_LEN_MAX} letters of ASCII, digits, `.`, `_`, `-` and `+`, and \
                 does not begin with a dot"
            );
            is_fine.then(|| Self(text.to_owned())).ok_or_else(|| bad(EXPECTED, text).hint(hint))
        })
    }
}

impl Read for Workers {
    fn read(node: &Node, problems: &mut Problems<'_>) -> Option<Self> {
        if matches!(&node.kind, Kind::Text(text) if text == "auto") {
            return Some(Self::Auto);
        }
        if matches!(node.kind, Kind::Text(_)) {
            problems.wrong_type(node, "`auto` or a number of threads");
            return None;
        }
        WorkerCount::read(node, problems).map(Self::Count)
    }
}

/// The number of a node, unless it is something else than a number in the range.
fn integer(node: &Node, problems: &mut Problems<'_>, min: u32, max: u32) -> Option<u32> {
    let Kind::Integer(number) = node.kind else {
        problems.wrong_type(node, &format!("a number from {min} to {max}"));
        return None;
    };
    let fits = u32::try_from(number).ok().filter(|number| (min..=max).contains(number));
    if fits.is_none() {
        out_of_range(node, problems, &format!("from {min} to {max}"));
    }
    fits
}

fn out_of_range(node: &Node, problems: &mut Problems<'_>, range: &str) {
    let message = format!("{} is out of range", node.describe());
    problems
        .error(node.mark, Fault::new("out-of-range", message).hint(format!("it can be {range}")));
}

impl<const MIN: u32, const MAX: u32> Read for Count<MIN, MAX> {
    fn read(node: &Node, problems: &mut Problems<'_>) -> Option<Self> {
        integer(node, problems, MIN, MAX).and_then(Self::new)
    }
}

impl<const MIN: u64, const MAX: u64> Read for Size<MIN, MAX> {
    fn read(node: &Node, problems: &mut Problems<'_>) -> Option<Self> {
        const EXPECTED: &str = "a size such as `64MiB`";
        let octets = match node.kind {
            Kind::Integer(octets) => u64::try_from(octets).map_err(|_| QuantityError::TooLarge),
            Kind::Text(ref text) => parse_size(text),
            Kind::Null
            | Kind::Bool(_)
            | Kind::Float(_)
            | Kind::List(_)
            | Kind::Section(_)
            | Kind::Tagged => {
                problems.wrong_type(node, EXPECTED);
                return None;
            }
        };
        if octets == Err(QuantityError::Form) {
            let message = format!("expected {EXPECTED}, found {}", node.describe());
            let fault = Fault::new("bad-value", message).hint("the units are KiB, MiB and GiB");
            problems.error(node.mark, fault);
            return None;
        }
        let size = octets.ok().and_then(Self::new);
        if size.is_none() {
            let range = written_range(|out| write_size(out, MIN), |out| write_size(out, MAX));
            out_of_range(node, problems, &range);
        }
        size
    }
}

impl<const MIN: u32, const MAX: u32> Read for Time<MIN, MAX> {
    fn read(node: &Node, problems: &mut Problems<'_>) -> Option<Self> {
        const EXPECTED: &str = "a time such as `30s`, `5m` or `1h30m`";
        let Kind::Text(text) = &node.kind else {
            let fault =
                Fault::new("wrong-type", format!("expected {EXPECTED}, found {}", node.describe()));
            let hint = if let Kind::Integer(number) = node.kind {
                format!("for seconds write `{number}s`")
            } else {
                "the units are d, h, m and s".to_owned()
            };
            problems.error(node.mark, fault.hint(hint));
            return None;
        };
        let seconds = parse_time(text);
        if seconds == Err(QuantityError::Form) {
            let fault = bad(EXPECTED, text).hint("the units are d, h, m and s, in this order");
            problems.error(node.mark, fault);
            return None;
        }
        let time = seconds.ok().and_then(Self::new);
        if time.is_none() {
            let range = written_range(|out| write_time(out, MIN), |out| write_time(out, MAX));
            out_of_range(node, problems, &range);
        }
        time
    }
}

fn written_range(
    min: impl FnOnce(&mut String) -> std::fmt::Result,
    max: impl FnOnce(&mut String) -> std::fmt::Result,
) -> String {
    let mut range = String::from("from ");
    // Writing to a `String` cannot fail.
    let _ = min(&mut range);
    range.push_str(" to ");
    let _ = max(&mut range);
    range
}

/// A value that is one of a few words.
pub(super) trait Choice: Copy + 'static {
    /// The words and what they stand for.
    const CHOICES: &'static [(&'static str, Self)];
}

/// Reads one of a few words. `off` may be written `false`, as YAML 1.1 would have it.
pub(super) fn read_choice<T: Choice>(node: &Node, problems: &mut Problems<'_>) -> Option<T> {
    let written = match &node.kind {
        Kind::Bool(false) => Some("off"),
        Kind::Text(text) => Some(text.as_str()),
        Kind::Null
        | Kind::Bool(true)
        | Kind::Integer(_)
        | Kind::Float(_)
        | Kind::List(_)
        | Kind::Section(_)
        | Kind::Tagged => None,
    };
    let choice = T::CHOICES.iter().find(|&&(word, _)| Some(word) == written);
    if let Some(&(_, value)) = choice {
        return Some(value);
    }
    let words: Vec<_> = T::CHOICES.iter().map(|(word, _)| format!("`{word}`")).collect();
    let (last, others) = words.split_last()?;
    let expected = format!("{} or {last}", others.join(", "));
    let message = format!("expected {expected}, found {}", node.describe());
    let fault = Fault::new("bad-value", message);
    let words = T::CHOICES.iter().map(|&(word, _)| word);
    let fault = match written.and_then(|written| nearest(written, words)) {
        Some(near) => fault.hint(format!("did you mean `{near}`?")),
        None => fault,
    };
    problems.error(node.mark, fault);
    None
}
