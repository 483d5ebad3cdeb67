//! Random octets from the kernel.

use std::io;

use crate::base::entropy::Entropy;

/// The most octets that the kernel gives whole: beyond this a signal may cut a call short
/// (`getrandom(2)`).
const LEN_MAX: usize = 256;

/// Random octets fit for secrets. At most 256.
///
/// # Errors
///
/// Fails if the kernel has none to give.
pub fn octets<const LEN: usize>() -> io::Result<[u8; LEN]> {
    const { assert!(LEN <= LEN_MAX) };
    let mut octets = [0; LEN];
    // SAFETY: the pointer is to `LEN` octets of ours, and that is the length given.
    let filled = unsafe { libc::getrandom(octets.as_mut_ptr().cast(), LEN, 0) };
    if usize::try_from(filled) == Ok(LEN) { Ok(octets) } else { Err(io::Error::last_os_error()) }
}

/// Randomness of the kernel, drawn in larger pieces.
#[derive(Default)]
pub struct SystemEntropy {
    drawn: Vec<u64>,
}

impl std::fmt::Debug for SystemEntropy {
    /// Leaves out the numbers, which nobody may foretell.
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("SystemEntropy").finish_non_exhaustive()
    }
}

impl Entropy for SystemEntropy {
    fn next_u64(&mut self) -> u64 {
        loop {
            if let Some(number) = self.drawn.pop() {
                return number;
            }
            // The kernel of a machine that runs has always some to give; a number that could be
            // foretold would be worse than waiting.
            if let Ok(octets) = octets::<LEN_MAX>() {
                let (numbers, _) = octets.as_chunks();
                self.drawn.extend(numbers.iter().map(|number| u64::from_ne_bytes(*number)));
            }
        }
    }
}
