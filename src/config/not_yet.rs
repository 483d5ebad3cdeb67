//! Keys that are checked and have no effect yet.
//!
//! A configuration for a later version can be used, but whoever asks for more than "off" is told
//! that it is not done.

use crate::config::problems::{Fault, Problems};
use crate::config::source::{Kind, Node};

/// How a key asks for nothing.
#[derive(Clone, Copy, Debug)]
enum Off {
    /// By its own value.
    Value,
    /// By the value of this key in its section.
    Key(&'static str),
}

/// Keys without effect.
const NOT_YET: &[(&str, Off)] =
    &[("sandbox", Off::Value), ("http.token-file", Off::Value), ("log.queries", Off::Key("to"))];

/// Warns about each key of the table that asks for more than "off".
pub(super) fn warn(root: &Node, problems: &mut Problems<'_>) {
    for &(path, off) in NOT_YET {
        let Some((key, value)) =
            path.split('.').try_fold((root, root), |(_, section), name| section.entry(name))
        else {
            continue;
        };
        let is_off = match off {
            Off::Value => value.is_off(),
            Off::Key(name) => value.entry(name).is_some_and(|(_, value)| value.is_off()),
        };
        if !is_off {
            let message = format!("`{path}` has no effect in this version");
            problems.warn(key.mark, Fault::new("no-effect", message));
        }
    }
}

impl Node {
    fn entry(&self, name: &str) -> Option<(&Self, &Self)> {
        let Kind::Section(entries) = &self.kind else { return None };
        let entry = entries
            .iter()
            .find(|entry| matches!(&entry.key.kind, Kind::Text(text) if text == name))?;
        Some((&entry.key, &entry.value))
    }

    /// Whether the value asks for nothing.
    fn is_off(&self) -> bool {
        match &self.kind {
            Kind::Bool(on) => !on,
            Kind::Integer(number) => *number == 0,
            Kind::Text(text) => text.is_empty() || text == "off",
            Kind::List(nodes) => nodes.is_empty(),
            Kind::Null | Kind::Float(_) | Kind::Section(_) | Kind::Tagged => false,
        }
    }
}
