//! How much of a name a server is shown (RFC 9156).
//!
//! Decides numbers of labels and nothing else: what an answer to a shortened name means is the
//! fetch's part.

/// Requests for shortened names in one fetch, at most (RFC 9156 §2.3, MAX_MINIMISE_COUNT). Names with
/// very many labels would cost a request each.
pub const STEPS_MAX: usize = 10;

/// Requests that show one label more each, before the rest is divided among those left (RFC 9156
/// §2.3, MINIMISE_ONE_LAB).
const SINGLE_STEPS: usize = 4;

/// How many labels of a name that has `total` are shown, of which `known` are known to exist, after
/// `steps` requests for shortened names. `total` means the whole name.
pub fn labels_shown(total: usize, known: usize, steps: usize) -> usize {
    let hidden = total.saturating_sub(known);
    let shown = match STEPS_MAX.checked_sub(steps) {
        None | Some(0) => total,
        Some(_) if steps < SINGLE_STEPS => known + 1,
        Some(left) => known + hidden.div_ceil(left),
    };
    shown.min(total)
}

#[cfg(test)]
mod tests;
