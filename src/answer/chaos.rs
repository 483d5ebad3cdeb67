//! What the server tells about itself: names in class CH (RFC 4892).
//!
//! Only what the configuration gives; any other name, and any other class, is refused. Called by
//! `respond`.

use crate::answer::refusal::Refusal;
use crate::answer::reply::Reply;
use crate::answer::snapshot::AnswerOptions;
use crate::metrics::AnswerSource;
use crate::wire::folded::FoldedName;
use crate::wire::numbers::{Class, Rtype};

/// Names, in wire form and lower case, that ask for the version.
const VERSION: [&[u8]; 2] = [b"\x07version\x04bind\0", b"\x07version\x06server\0"];

/// Names that ask which server answers.
const IDENTITY: [&[u8]; 2] = [b"\x02id\x06server\0", b"\x08hostname\x04bind\0"];

/// Answers a question of class CH.
///
/// The server is the authority for these names, so AA is set, as BIND does. A type they do not have
/// gets an empty answer.
///
/// # Errors
///
/// Fails if the name is another one, or the configuration does not tell.
pub(super) fn answer(
    options: &AnswerOptions,
    name: &FoldedName,
    rtype: Rtype,
    reply: &mut Reply<'_>,
) -> Result<(), Refusal> {
    let name = name.as_name().as_wire();
    let text = match name {
        _ if VERSION.contains(&name) => &options.version,
        _ if IDENTITY.contains(&name) => &options.identity,
        _ => &None,
    };
    let text = text.as_ref().ok_or(Refusal::Class(Class::CH))?;
    reply.set_authoritative();
    reply.set_source(AnswerSource::Local);
    if matches!(rtype, Rtype::TXT | Rtype::ANY) && reply.write_chaos(text).is_err() {
        reply.set_truncated();
    }
    Ok(())
}
