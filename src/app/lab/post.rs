//! Mail in the lab: who takes it, and who has a mailbox.

use std::path::Path;

use crate::config::{self, Config};
use crate::mail::route::Scope;

/// The configuration of mail, as a file would have it. The password of both is `iluvjane`.
const TEXT: &str = "\
mail:
  hostname: mail.compsci314.com
  relay-networks: [127.0.0.0/8]
  users:
    - name: joebloggs
      addresses: [joe@bloggs.com, joebloggs@foobar.com]
      password: &iluvjane '$argon2id$v=19$m=19456,t=2,p=1$bGFiLWlsdXZqYW5lLXNhbHQ$0l2bS2R28d6dONKezqNCgdmMaS7weojHsti0rO5Wc+Q'
    - name: jane
      addresses: [jane@bloggs.com]
      password: *iluvjane
";

/// The mail of the lab, which never leaves it.
pub(in crate::app) fn mail() -> Option<config::Mail> {
    let loaded = Config::load(Path::new("lab/mail"), TEXT.as_bytes());
    debug_assert!(loaded.is_ok(), "the lab has errors");
    let (config, _) = loaded.ok()?;
    Some(config::Mail { scope: Scope::Lab, ..config.mail? })
}
