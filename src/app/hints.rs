//! The servers of the root: those of the Internet, or what the operator's file says.

use std::net::IpAddr;
use std::path::Path;
use std::sync::Arc;

use crate::app::files::Folder;
use crate::base::diagnostic::{Diagnostic, Diagnostics, Severity};
use crate::config::{Config, FilePath};
use crate::wire::name::{Name, NameBuf};
use crate::wire::numbers::Rtype;
use crate::wire::rdata;
use crate::zone::file::reader::Reader;
use crate::zone::file::source::Source;

/// Names of servers with their addresses.
pub(super) type Hints = Arc<[(NameBuf, Vec<IpAddr>)]>;

/// The root servers of the Internet, as <https://www.internic.net/domain/named.root> has them.
const ROOT_SERVERS: [(&str, &str, &str); 13] = [
    ("a", "198.41.0.4", "2001:503:ba3e::2:30"),
    ("b", "170.247.170.2", "2801:1b8:10::b"),
    ("c", "192.33.4.12", "2001:500:2::c"),
    ("d", "199.7.91.13", "2001:500:2d::d"),
    ("e", "192.203.230.10", "2001:500:a8::e"),
    ("f", "192.5.5.241", "2001:500:2f::f"),
    ("g", "192.112.36.4", "2001:500:12::d0d"),
    ("h", "198.97.190.53", "2001:500:1::53"),
    ("i", "192.36.148.17", "2001:7fe::53"),
    ("j", "192.58.128.30", "2001:503:c27::2:30"),
    ("k", "193.0.14.129", "2001:7fd::1"),
    ("l", "199.7.83.42", "2001:500:9f::42"),
    ("m", "202.12.27.33", "2001:dc3::35"),
];

/// The root servers of the Internet.
pub(super) fn built_in() -> Hints {
    let hints = ROOT_SERVERS.iter().filter_map(|(letter, v4, v6)| {
        let name = format!("{letter}.root-servers.net");
        let name = NameBuf::from_text(name.as_bytes(), Some(Name::ROOT)).ok()?;
        Some((name, vec![v4.parse().ok()?, v6.parse().ok()?]))
    });
    hints.collect()
}

/// What is wrong with the hints of a configuration.
pub(super) fn check(config: &Config) -> Diagnostics {
    let file = config.resolver.as_ref().and_then(|resolver| resolver.root_hints.as_ref());
    file.and_then(|file| read(file).err()).unwrap_or_default()
}

/// What a file in master-file form says.
///
/// # Errors
///
/// Fails with what is wrong with it: it cannot be read, or names no server with an address.
pub(super) fn read(file: &FilePath) -> Result<Hints, Diagnostics> {
    let folder = Folder::of(&file.path);
    let fault = |message: String| {
        let mut problems = Diagnostics::default();
        problems.push(Diagnostic {
            severity: Severity::Error,
            code: "root-hints",
            message,
            place: file.place.clone(),
            hint: Some(
                "write NS records of \".\" and the addresses of those servers, as in \
                 https://www.internic.net/domain/named.root"
                    .to_owned(),
            ),
        });
        problems
    };
    let shown = file.path.display();
    let folder = folder.map_err(|error| fault(format!("the root hints {shown}: {error}")))?;
    let (hints, problems) = parse(&folder, &file.path);
    if problems.has_errors() {
        return Err(problems);
    }
    if hints.is_empty() {
        return Err(fault(format!("the root hints {shown} have no server with an address")));
    }
    Ok(hints.into())
}

/// The servers of a file that have addresses there.
fn parse(source: &dyn Source, path: &Path) -> (Vec<(NameBuf, Vec<IpAddr>)>, Diagnostics) {
    let mut reader = Reader::new(source, &path.to_string_lossy(), Some(Name::ROOT));
    let mut servers: Vec<NameBuf> = Vec::new();
    let mut addresses: Vec<(NameBuf, IpAddr)> = Vec::new();
    while let Some(record) = reader.next_record() {
        let owner = record.owner.to_lowercase();
        match record.rtype {
            Rtype::NS if record.owner.is_root() => {
                servers.extend(Name::read(record.rdata).ok().map(Name::to_lowercase));
            }
            Rtype::A | Rtype::AAAA => {
                let address = rdata::address(record.rdata);
                addresses.extend(address.map(|address| (owner, address)));
            }
            // Anything else tells nothing of where the servers are.
            _ => (),
        }
    }
    let (_, problems) = reader.finish();
    let hints = servers.into_iter().map(|server| {
        let own = addresses.iter().filter(|(name, _)| *name == server);
        let own = own.map(|(_, address)| *address).collect();
        (server, own)
    });
    (hints.filter(|(_, addresses): &(_, Vec<_>)| !addresses.is_empty()).collect(), problems)
}

#[cfg(test)]
mod tests {
    use super::{built_in, parse};
    use crate::zone::file::source::Texts;
    use std::path::Path;

    #[test]
    fn internet_has_thirteen_root_servers_with_two_addresses_each() {
        let hints = built_in();
        assert_eq!(hints.len(), 13);
        assert!(hints.iter().all(|(_, addresses)| addresses.len() == 2));
    }

    #[test]
    fn hints_are_servers_of_the_root_that_have_addresses() {
        let text = b". 3600 NS ns.lab.\n. 3600 NS lost.lab.\nother. 3600 NS ns.lab.\n\
                     ns.lab. 3600 A 192.0.2.1\nNS.lab. 3600 AAAA 2001:db8::1\nx.lab. 60 A 192.0.2.9\n";
        let (hints, problems) = parse(&Texts::of("hints", text.to_vec()), Path::new("hints"));
        assert!(!problems.has_errors());
        let shown: Vec<String> =
            hints.iter().map(|(name, addresses)| format!("{name} {addresses:?}")).collect();
        assert_eq!(shown, ["ns.lab. [192.0.2.1, 2001:db8::1]"]);
    }
}
