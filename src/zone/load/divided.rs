//! Reads a large zone file in pieces, on as many threads as have nothing else to do.
//!
//! Only for files with which nothing is wrong: at the first oddity all is dropped, and the file is
//! read as a whole, which tells what the matter is and where. So there are no diagnostics here. The
//! pieces are read in any order and taken in in that of the file, so that the zone is the same.

use std::io::Read;
use std::sync::{Condvar, Mutex, MutexGuard, PoisonError};
use std::thread;

use crate::wire::name::{Name, NameBuf};
use crate::zone::crew::Crew;
use crate::zone::file::pieces::{Piece, Pieces};
use crate::zone::file::reader::{Reader, State};
use crate::zone::file::source::Texts;
use crate::zone::load::Apex;
use crate::zone::store::runs::{Odd, Packed, Runs};
use crate::zone::store::{Builder, Zone};

/// Octets of a piece: enough to be worth a lock, and less than an entry may have, so that no entry
/// of a piece is too long.
pub(super) const PIECE_LEN: usize = 256 * 1024;

/// Octets of a file from which on it is divided.
pub(super) const DIVIDED_LEN_MIN: u64 = 4 * PIECE_LEN as u64;

/// A file to be read in pieces.
pub(super) struct File {
    /// Its text.
    pub(super) text: Box<dyn Read + Send>,
    /// About how many octets it has.
    pub(super) len: u64,
}

/// Reads a zone; `None` if there is anything about the file that has to be told, or
/// it cannot be divided.
pub(super) fn read(file: File, apex: &Apex<'_>, crew: &Crew, piece_len: usize) -> Option<Zone> {
    let File { text, len } = file;
    let mut pieces = Pieces::new(text, State::new(apex.origin()), piece_len);
    let mut piece = pieces.next_piece().ok()?;
    let apex = settle(apex, piece.as_ref()?)?;
    let count = usize::try_from(len).unwrap_or(usize::MAX) / piece_len;
    let work = Work {
        apex: apex.as_name(),
        pieces: Mutex::new(Some(pieces)),
        merge: Mutex::new(Merge {
            builder: Builder::new(apex.as_name()),
            count,
            turn: 0,
            is_odd: false,
        }),
        turned: Condvar::new(),
    };
    thread::scope(|scope| {
        while let Some(current) = piece {
            if let Some(place) = crew.join() {
                let work = &work;
                scope.spawn(move || {
                    let _place = place;
                    while let Some(piece) = work.next_piece() {
                        work.follow(piece);
                    }
                });
            }
            work.follow(current);
            piece = work.next_piece();
        }
    });
    let Merge { builder, is_odd, .. } =
        work.merge.into_inner().unwrap_or_else(PoisonError::into_inner);
    if is_odd {
        return None;
    }
    let (zone, duplicates) = builder.finish(crew);
    duplicates.is_empty().then_some(zone)
}

/// The name of the zone, which the first record tells at the latest.
fn settle(apex: &Apex<'_>, first: &Piece) -> Option<NameBuf> {
    let nothing = Texts::default();
    let mut reader = Reader::of_piece(&nothing, first.text.clone(), &first.before);
    reader.next_record()?;
    apex.settle(&reader)
}

/// What the threads share.
struct Work<'a> {
    apex: Name<'a>,
    /// What is left of the file; `None` if nothing more is to be read.
    pieces: Mutex<Option<Pieces>>,
    merge: Mutex<Merge>,
    /// Told when another piece can be taken in.
    turned: Condvar,
}

/// The zone as it grows.
struct Merge {
    builder: Builder,
    /// About how many pieces there are.
    count: usize,
    /// The piece that is to be taken in next.
    turn: usize,
    /// Whether the file is to be read as a whole.
    is_odd: bool,
}

impl Work<'_> {
    fn next_piece(&self) -> Option<Piece> {
        let mut pieces = lock(&self.pieces);
        let next = pieces.as_mut()?.next_piece();
        if next.is_err() {
            *pieces = None;
            drop(pieces);
            self.give_up();
        }
        next.ok().flatten()
    }

    /// Reads a piece, and takes it in when all before it have been.
    fn follow(&self, piece: Piece) {
        // A panic, too, must not leave the others waiting for this piece.
        let turn = Turn { work: self, is_done: false };
        let index = piece.index;
        if let Ok(names) = self.read(piece) {
            turn.end(index, names);
        }
    }

    fn read(&self, piece: Piece) -> Result<Vec<Packed>, Odd> {
        let nothing = Texts::default();
        let mut reader = Reader::of_piece(&nothing, piece.text, &piece.before);
        let mut runs = Runs::new(self.apex);
        while let Some(record) = reader.next_record() {
            runs.add(record.owner, record.rtype, record.ttl, record.rdata)?;
        }
        // The next piece was cut off where this one has ended, and begins as guessed.
        let is_as_guessed = reader.state().is_identical(&piece.after);
        if !reader.diagnostics().is_empty() || !is_as_guessed {
            return Err(Odd);
        }
        runs.finish()
    }

    fn give_up(&self) {
        *lock(&self.pieces) = None;
        lock(&self.merge).is_odd = true;
        self.turned.notify_all();
    }
}

/// The duty to take a piece in, or to give the whole up.
struct Turn<'w, 'a> {
    work: &'w Work<'a>,
    is_done: bool,
}

impl Turn<'_, '_> {
    fn end(mut self, index: usize, names: Vec<Packed>) {
        let is_waiting = |merge: &mut Merge| merge.turn != index && !merge.is_odd;
        let merge = lock(&self.work.merge);
        let merge = self.work.turned.wait_while(merge, is_waiting);
        let mut merge = merge.unwrap_or_else(PoisonError::into_inner);
        if merge.is_odd {
            return;
        }
        if index == 0 {
            // As many names as the first piece has, and rather too few: room is doubled at once.
            let names = names.len().saturating_mul(merge.count);
            merge.builder.reserve(names / 4 * 3);
        }
        let taken = names.into_iter().try_for_each(|name| merge.builder.add_packed(name));
        merge.turn += 1;
        drop(merge);
        self.is_done = taken.is_ok();
        self.work.turned.notify_all();
    }
}

impl Drop for Turn<'_, '_> {
    fn drop(&mut self) {
        if !self.is_done {
            self.work.give_up();
        }
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

#[cfg(test)]
mod tests;
