//! What the lab says: questions to try, each a line that can be pasted into a shell.

use std::fmt::Write;
use std::net::SocketAddr;
use std::path::Path;

use crate::app::lab::hierarchy::Served;

/// The name whose way from the root down is shown.
pub(super) const NAME: &str = "www.cs.auckland.ac.nz";

/// Its address.
const ADDRESS: &str = "130.216.33.106";

/// What there is to ask from outside.
pub(super) struct Outside<'o> {
    /// The port of all servers.
    pub(super) port: u16,
    /// The file of hints.
    pub(super) hints: &'o Path,
    /// The servers on the way to `NAME`.
    pub(super) path: Vec<&'o Served>,
    /// Where HTTP is.
    pub(super) http: Vec<SocketAddr>,
}

impl Outside<'_> {
    /// What to try while the lab runs.
    pub(super) fn text(&self) -> String {
        let Self { port, hints, path, http } = self;
        let mut text = format!(
            "A small Internet on this machine, from its root down; Ctrl-C ends it. Nothing leaves the \
             machine.\n\n\
             Ask its resolver:\n  \
               dig @127.0.0.1 -p {port} {NAME}\n  \
               dig @127.0.0.1 -p {port} -x {ADDRESS}\n\n\
             Go the resolver's way, from the root down:\n  \
               drill -T -p {port} -r {hints} {NAME}\n\n\
             Go it by hand, from server to server ({zones}):\n",
            hints = hints.display(),
            zones = path
                .iter()
                .map(|served| served.zone.apex().to_string())
                .collect::<Vec<_>>()
                .join(", "),
        );
        for served in path {
            // Writing into a string does not fail.
            let _ = writeln!(text, "  dig +norec @{} -p {port} {NAME}", served.server);
        }
        text.push_str("\nLook at it:\n");
        for address in http {
            let _ = writeln!(text, "  curl http://{address}/metrics");
        }
        text.push_str(
            "\nIn the shell of `kereru lab --shell` the lab is the Internet: there plain `dig +trace` \
             and `nslookup` work as in any textbook, and `swaks` and POP3 clients will when Kereru \
             delivers mail.\n",
        );
        text
    }
}

/// What to try in the shell.
pub(super) fn inside() -> String {
    format!(
        "In this shell the lab is the Internet, and nothing leaves it; `exit` ends both. Try:\n  \
           dig +trace {NAME}\n  \
           nslookup {NAME}\n  \
           dig -x {ADDRESS}\n  \
           kereru lab --hints > hints; drill -T -r hints {NAME}\n"
    )
}
