//! Messages that wait for other hosts, on disk and as an index in memory.
//!
//! A message is a folder: the file `message`, and an envelope for each domain that it goes to. It is
//! made aside, flushed, and comes into the queue by one rename, so that a crash leaves all of it or
//! nothing. An envelope is changed by a rename, too. When the last is removed the folder is. All
//! calls but those to the index block.

mod envelope;
mod index;
#[cfg(test)]
mod tests;

pub(super) use envelope::{Envelope, Facts, Failure};
pub(super) use index::Taken;

use std::collections::BTreeMap;
use std::fmt;
use std::fs::{self, File};
use std::io::{self, BufRead, BufReader, Read};
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, RwLock};

use tokio::sync::Notify;
use tokio::sync::futures::Notified;

use crate::base::time::Wall;
use crate::mail::address::Address;
use crate::mail::schedule;
use crate::net::mail::files;
use crate::net::mail::queue::index::{Index, Place};
use crate::net::mail::store::Draft;

/// Envelopes in the queue: some 20 MB of memory for the index. More would hardly be delivered before
/// they are too old.
const ENVELOPES_MAX: usize = 100_000;

/// The folder of messages that are not whole. No message has its name.
const INCOMING: &str = ".incoming";

/// The file of the content.
const MESSAGE: &str = "message";

/// How envelopes end.
const ENVELOPE: &str = ".json";

/// How envelopes end that are being written.
const NEW: &str = ".new";

/// How envelopes end that cannot be read.
const BROKEN: &str = ".broken";

/// Octets of an envelope: more than as many recipients have as a message may have.
const ENVELOPE_LEN_MAX: u64 = 8 << 20;

/// Octets of the first line of a message, which is `Return-Path`.
const FIRST_LINE_LEN_MAX: u64 = 2048;

/// The queue. Copies are the same queue.
#[derive(Clone)]
pub struct Queue(Arc<Shared>);

struct Shared {
    path: PathBuf,
    state: Mutex<State>,
    /// Held alone while an envelope is removed: whether it was the last of its message can be seen only
    /// while no other changes.
    changing: RwLock<()>,
    /// Told when something may be due earlier.
    changed: Notify,
}

#[derive(Default)]
struct State {
    index: Index,
    /// Envelopes in the queue, and of messages that are being kept.
    count: usize,
}

impl fmt::Debug for Queue {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Queue").field("path", &self.0.path).finish_non_exhaustive()
    }
}

/// A message that is on disk, and that nobody tries to deliver yet. Dropped, it is removed.
pub(super) struct Kept {
    queue: Queue,
    id: Arc<str>,
    domains: Vec<String>,
    now: Wall,
    is_begun: bool,
}

impl Queue {
    /// Opens the folder of the queue, which is made if it is not there. What an earlier server did not
    /// finish is removed: nobody was told that it was kept. Envelopes that cannot be read are told and
    /// set aside.
    ///
    /// # Errors
    ///
    /// Fails if it cannot be made or read.
    pub fn open(path: &Path, now: Wall) -> io::Result<Self> {
        let incoming = path.join(INCOMING);
        files::make_folder(&incoming)?;
        for entry in fs::read_dir(&incoming)? {
            fs::remove_dir_all(entry?.path())?;
        }
        let queue = Self(Arc::new(Shared {
            path: path.to_owned(),
            state: Mutex::default(),
            changing: RwLock::default(),
            changed: Notify::new(),
        }));
        for entry in fs::read_dir(path)? {
            let entry = entry?;
            let name = entry.file_name();
            match name.to_str() {
                Some(INCOMING) => (),
                Some(id) if entry.file_type()?.is_dir() => queue.load(&id.into(), now)?,
                Some(_) | None => {
                    tracing::warn!(file = ?entry.path(), "this is no message of the queue");
                }
            }
        }
        Ok(queue)
    }

    /// Takes in a message that an earlier server had.
    fn load(&self, id: &Arc<str>, now: Wall) -> io::Result<()> {
        let folder = self.folder(id);
        let mut keeps_folder = false;
        for entry in fs::read_dir(&folder)? {
            let path = entry?.path();
            let name = path.file_name().and_then(|name| name.to_str()).unwrap_or_default();
            if name.ends_with(NEW) {
                files::remove(&path)?;
            } else if name.ends_with(BROKEN) {
                keeps_folder = true;
                tracing::warn!(file = %path.display(), "this envelope is broken and is left alone");
            } else if let Some(part) = part(name) {
                keeps_folder = true;
                let place = Place { id: Arc::clone(id), part };
                let read = self.read(&place).unwrap_or_else(|error| {
                    let file = path.display();
                    tracing::error!(%file, %error, "an envelope waits for the next start");
                    None
                });
                if let Some(envelope) = read {
                    let mut state = self.state();
                    let next = schedule::due(envelope.next(), now);
                    state.index.add(&envelope.domain(), place, next);
                    state.count += 1;
                }
            }
        }
        if !keeps_folder {
            fs::remove_dir_all(&folder)?;
        }
        Ok(())
    }

    /// Envelopes in the queue.
    pub(super) fn len(&self) -> usize {
        self.state().count
    }

    /// Whether there is no room for another message.
    pub(super) fn is_full(&self) -> bool {
        self.len() >= ENVELOPES_MAX
    }

    /// Puts a message on disk. When this returns no crash loses it, once it has begun.
    ///
    /// # Errors
    ///
    /// Fails with `QuotaExceeded` if the queue is full, and if it cannot be written; then nothing of
    /// it is there.
    pub(super) fn keep(
        &self,
        draft: &mut Draft,
        facts: &Facts,
        recipients: Vec<Address>,
    ) -> io::Result<Kept> {
        let mut domains: BTreeMap<String, Vec<Address>> = BTreeMap::new();
        for recipient in recipients {
            let of_domain = domains.entry(recipient.domain().to_string()).or_default();
            if !of_domain.contains(&recipient) {
                of_domain.push(recipient);
            }
        }
        {
            let mut state = self.state();
            if state.count + domains.len() > ENVELOPES_MAX {
                return Err(io::Error::new(io::ErrorKind::QuotaExceeded, "the queue is full"));
            }
            state.count += domains.len();
        }
        // From here on it is removed again when something fails.
        let kept = Kept {
            queue: self.clone(),
            id: draft.id.as_str().into(),
            domains: domains.keys().cloned().collect(),
            now: facts.came,
            is_begun: false,
        };
        let incoming = self.0.path.join(INCOMING).join(&*kept.id);
        files::make_folder(&incoming)?;
        draft.link(&incoming.join(MESSAGE))?;
        for (part, recipients) in (0..).zip(domains.into_values()) {
            let envelope = Envelope::new(facts, recipients).write()?;
            files::write(&incoming.join(file_name(part)), &envelope)?;
        }
        files::sync_folder(&incoming)?;
        files::rename(&incoming, &self.folder(&kept.id))?;
        files::sync_folder(&self.0.path)?;
        Ok(kept)
    }

    /// Takes the envelope that has been due for the longest time.
    pub(super) fn take(&self, now: Wall) -> Option<Taken> {
        self.state().index.take(now)
    }

    /// When the next envelope may be taken.
    pub(super) fn due(&self) -> Option<Wall> {
        self.state().index.due()
    }

    /// Ends when something may be due earlier than it was.
    pub(super) fn changed(&self) -> Notified<'_> {
        self.0.changed.notified()
    }

    /// The envelope; one that is broken is told and set aside.
    ///
    /// # Errors
    ///
    /// Fails if it cannot be read now, which says nothing of what is in it.
    pub(super) fn envelope(&self, taken: &Taken) -> io::Result<Option<Envelope>> {
        self.read(&taken.place)
    }

    fn read(&self, place: &Place) -> io::Result<Option<Envelope>> {
        let path = self.file(place);
        let mut octets = Vec::new();
        let opened = File::open(&path);
        opened.and_then(|file| file.take(ENVELOPE_LEN_MAX).read_to_end(&mut octets))?;
        let broken = match fs::metadata(self.folder(&place.id).join(MESSAGE)) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
            Err(gone) => gone,
            Ok(_) => match Envelope::read(&octets) {
                Ok(envelope) => return Ok(Some(envelope)),
                Err(error) => error,
            },
        };
        let file = path.display();
        tracing::error!(%file, error = %broken, "an envelope is broken and is set aside");
        // If that fails it is tried again at the next start.
        let _ = files::rename(&path, &path.with_extension(&BROKEN[1..]));
        Ok(None)
    }

    /// Writes an envelope down again. When this returns no crash brings the old one back.
    ///
    /// # Errors
    ///
    /// Fails if it cannot be written; then the old one is there.
    pub(super) fn update(&self, taken: &Taken, envelope: &Envelope) -> io::Result<()> {
        let _among_others = self.0.changing.read().unwrap_or_else(PoisonError::into_inner);
        let path = self.file(&taken.place);
        let new = path.with_extension(&NEW[1..]);
        files::write(&new, &envelope.write()?)?;
        files::rename(&new, &path)?;
        files::sync_folder(&self.folder(&taken.place.id))
    }

    /// Removes an envelope, and its message if it was the last. When this returns no crash brings it
    /// back.
    ///
    /// # Errors
    ///
    /// Fails if it cannot be removed.
    pub(super) fn remove(&self, taken: &Taken) -> io::Result<()> {
        let _alone = self.0.changing.write().unwrap_or_else(PoisonError::into_inner);
        let folder = self.folder(&taken.place.id);
        files::remove(&self.file(&taken.place))?;
        files::sync_folder(&folder)?;
        for entry in fs::read_dir(&folder)? {
            let entry = entry?;
            let name = entry.file_name();
            if name.to_str().is_some_and(|name| name.ends_with(NEW)) {
                // What was to be written could not be: nobody writes now.
                files::remove(&entry.path())?;
            } else if name != MESSAGE {
                return Ok(());
            }
        }
        files::remove(&folder.join(MESSAGE))?;
        match fs::remove_dir(&folder) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => Err(error),
            Ok(()) | Err(_) => Ok(()),
        }
    }

    /// Opens a message behind its first line, which is of this host alone. Returns how many octets
    /// that has.
    ///
    /// # Errors
    ///
    /// Fails if it cannot be read.
    pub(super) fn open_message(&self, taken: &Taken) -> io::Result<(BufReader<File>, u64)> {
        let file = File::open(self.folder(&taken.place.id).join(MESSAGE))?;
        let mut file = BufReader::new(file);
        let mut first = Vec::new();
        (&mut file).take(FIRST_LINE_LEN_MAX).read_until(b'\n', &mut first)?;
        Ok((file, first.len() as u64))
    }

    /// Puts an envelope back that has been under way.
    pub(super) fn put_back(&self, taken: Taken, next: Wall) {
        self.state().index.put_back(taken, next);
        self.0.changed.notify_one();
    }

    /// Forgets an envelope that has been under way.
    pub(super) fn forget(&self, taken: &Taken) {
        let mut state = self.state();
        state.index.forget(taken);
        state.count = state.count.saturating_sub(1);
        drop(state);
        self.0.changed.notify_one();
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.0.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn folder(&self, id: &str) -> PathBuf {
        self.0.path.join(id)
    }

    fn file(&self, place: &Place) -> PathBuf {
        self.folder(&place.id).join(file_name(place.part))
    }
}

impl Kept {
    /// Lets the message go on its way.
    pub(super) fn begin(mut self) {
        self.is_begun = true;
        let mut state = self.queue.state();
        for (part, domain) in (0..).zip(&self.domains) {
            let place = Place { id: Arc::clone(&self.id), part };
            state.index.add(domain, place, self.now);
        }
        drop(state);
        self.queue.0.changed.notify_one();
    }
}

impl Drop for Kept {
    /// Removes a message that has not begun. What is not removed is delivered after the next start:
    /// rather twice than never.
    fn drop(&mut self) {
        if !self.is_begun {
            let mut state = self.queue.state();
            state.count = state.count.saturating_sub(self.domains.len());
            drop(state);
            for folder in
                [self.queue.0.path.join(INCOMING).join(&*self.id), self.queue.folder(&self.id)]
            {
                let _ = fs::remove_dir_all(folder);
            }
        }
    }
}

fn file_name(part: u32) -> String {
    format!("{part}{ENVELOPE}")
}

/// The number of an envelope, from the name of its file.
fn part(name: &str) -> Option<u32> {
    name.strip_suffix(ENVELOPE)?.parse().ok()
}
