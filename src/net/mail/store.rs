//! Messages on disk: a Maildir for each mailbox, and how a message gets there so that no crash loses
//! it once it has been acknowledged.
//!
//! A message is written to `.incoming`, flushed to disk, and only then given its place in a mailbox,
//! whose folder is flushed, too. All calls block.

use std::fs::{self, File, OpenOptions, TryLockError};
use std::io::{self, Read, Write};
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use data_encoding::HEXLOWER;
use sha1::{Digest, Sha1};

use crate::base::time::Wall;
use crate::mail::content::{Sizer, WideFinder};
use crate::mail::pop3::{MESSAGES_MAX, Message};
use crate::net::mail::files::{self, FILE_MODE, make_folder, sync_folder};
use crate::sys::random;

/// The folder of messages that are not whole. No mailbox has its name.
const INCOMING: &str = ".incoming";

/// The file that is locked by the server that has the folder.
const LOCK: &str = ".lock";

/// Octets that a file is read in.
const PIECE_LEN: usize = 64 << 10;

/// Characters of a UID (RFC 1939 §7).
const UID_LEN_MAX: usize = 70;

/// The folder of all mailboxes. Copies are the same folder.
#[derive(Clone, Debug)]
pub struct Store(Arc<Folder>);

#[derive(Debug)]
struct Folder {
    path: PathBuf,
    /// Locked as long as it is open.
    _lock: File,
}

/// A message that has a name and is not kept yet.
#[derive(Debug)]
pub(super) struct Draft {
    /// What the message is called here.
    pub id: String,
    path: PathBuf,
    /// Octets of the file, and on the wire.
    octets: u64,
    sizer: Sizer,
    wide: WideFinder,
    file: Option<File>,
}

/// A message in a mailbox.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Stored {
    /// What a client is told of it.
    pub message: Message,
    /// The name of its file up to what tells what was done with it.
    base: String,
}

impl Store {
    /// Opens the folder of all mailboxes, which is made if it is not there. What an earlier server did
    /// not finish is removed: nobody was told that it was kept.
    ///
    /// # Errors
    ///
    /// Fails if another server has it, or it cannot be made or read.
    pub fn open(path: &Path) -> io::Result<Self> {
        make_folder(&path.join(INCOMING))?;
        let lock = OpenOptions::new()
            .create(true)
            .truncate(false)
            .write(true)
            .mode(FILE_MODE)
            .open(path.join(LOCK))?;
        match lock.try_lock() {
            Ok(()) => (),
            Err(TryLockError::WouldBlock) => {
                return Err(io::Error::other("another server uses this folder"));
            }
            Err(TryLockError::Error(error)) => return Err(error),
        }
        for entry in fs::read_dir(path.join(INCOMING))? {
            fs::remove_file(entry?.path())?;
        }
        Ok(Self(Arc::new(Folder { path: path.to_owned(), _lock: lock })))
    }

    /// Makes the folders of a mailbox, as far as they are not there.
    ///
    /// # Errors
    ///
    /// Fails if they cannot be made.
    pub fn make_mailbox(&self, mailbox: &str) -> io::Result<()> {
        for name in ["tmp", "new", "cur"] {
            make_folder(&self.mailbox(mailbox).join(name))?;
        }
        sync_folder(&self.mailbox(mailbox))?;
        sync_folder(&self.0.path)
    }

    /// A name for a message.
    ///
    /// # Errors
    ///
    /// Fails if the system gives no random octets.
    pub(super) fn draft(&self, now: Wall) -> io::Result<Draft> {
        let id = format!("{}.{}", now.as_secs(), HEXLOWER.encode(&random::octets::<8>()?));
        let path = self.0.path.join(INCOMING).join(&id);
        let (sizer, wide) = (Sizer::default(), WideFinder::default());
        Ok(Draft { id, path, octets: 0, sizer, wide, file: None })
    }

    /// Keeps a whole message in mailboxes. When this returns no crash loses it.
    ///
    /// # Errors
    ///
    /// Fails if it cannot be kept in one of them; then it is in none.
    pub(super) fn keep(&self, draft: &mut Draft, mailboxes: &[&str]) -> io::Result<()> {
        draft.file()?.sync_all()?;
        let name = format!("{},S={},W={}", draft.id, draft.octets, draft.sizer.octets());
        let places: Vec<PathBuf> =
            mailboxes.iter().map(|mailbox| self.mailbox(mailbox).join("new")).collect();
        let result = draft.enter(&places, &name);
        if result.is_err() {
            for place in &places {
                // It may not have come so far.
                let _ = fs::remove_file(place.join(&name));
            }
        }
        result
    }

    /// The messages of a mailbox, the oldest first, at most `MESSAGES_MAX`. Files that cannot be read
    /// are told to `report` and passed over.
    ///
    /// # Errors
    ///
    /// Fails if the folders cannot be read.
    pub(super) fn list(
        &self,
        mailbox: &str,
        mut report: impl FnMut(&Path, &io::Error),
    ) -> io::Result<Vec<Stored>> {
        let mut found = Vec::new();
        for folder in ["new", "cur"] {
            for entry in fs::read_dir(self.mailbox(mailbox).join(folder))? {
                let entry = entry?;
                let Ok(name) = entry.file_name().into_string() else {
                    report(&entry.path(), &io::Error::other("its name is not UTF-8"));
                    continue;
                };
                if !name.starts_with('.') {
                    found.push((delivered(&name), name, entry.path()));
                }
            }
        }
        found.sort_unstable();
        let mut stored: Vec<Stored> = Vec::new();
        for (_, name, path) in found {
            if stored.len() >= MESSAGES_MAX {
                break;
            }
            match wire_size(&name, &path) {
                Ok(octets) => {
                    let base = base(&name).to_owned();
                    stored.push(Stored { message: Message { octets, uid: uid(&base) }, base });
                }
                // Somebody else may have moved it meanwhile.
                Err(error) if error.kind() == io::ErrorKind::NotFound => (),
                Err(error) => report(&path, &error),
            }
        }
        Ok(stored)
    }

    /// Opens a message, wherever others have moved it in its mailbox meanwhile.
    ///
    /// # Errors
    ///
    /// Fails if it is gone or cannot be read.
    pub(super) fn open_message(&self, mailbox: &str, stored: &Stored) -> io::Result<File> {
        File::open(self.find(mailbox, stored)?)
    }

    /// Deletes messages. When this returns no crash brings them back.
    ///
    /// # Errors
    ///
    /// Fails with the first error; the others are deleted all the same. One that is gone is no error.
    pub(super) fn delete(&self, mailbox: &str, messages: &[Stored]) -> io::Result<()> {
        let mut result = Ok(());
        for stored in messages {
            let deleted = self.find(mailbox, stored).and_then(fs::remove_file);
            if let Err(error) = deleted
                && error.kind() != io::ErrorKind::NotFound
                && result.is_ok()
            {
                result = Err(error);
            }
        }
        for folder in ["new", "cur"] {
            sync_folder(&self.mailbox(mailbox).join(folder))?;
        }
        result
    }

    fn mailbox(&self, mailbox: &str) -> PathBuf {
        self.0.path.join(mailbox)
    }

    fn find(&self, mailbox: &str, stored: &Stored) -> io::Result<PathBuf> {
        for folder in ["new", "cur"] {
            let folder = self.mailbox(mailbox).join(folder);
            let plain = folder.join(&stored.base);
            if plain.exists() {
                return Ok(plain);
            }
            for entry in fs::read_dir(&folder)? {
                let entry = entry?;
                if entry.file_name().to_str().is_some_and(|name| base(name) == stored.base) {
                    return Ok(entry.path());
                }
            }
        }
        Err(io::ErrorKind::NotFound.into())
    }
}

impl Draft {
    /// Appends octets of the message.
    ///
    /// # Errors
    ///
    /// Fails if the disk is full, or the file cannot be made.
    pub(super) fn write(&mut self, octets: &[u8]) -> io::Result<()> {
        self.octets += octets.len() as u64;
        self.sizer.read(octets);
        self.wide.read(octets);
        self.file()?.write_all(octets)
    }

    /// Gives the file another place as well, when all of it is on disk.
    ///
    /// # Errors
    ///
    /// Fails if the disk is full, or the place is on another.
    pub(super) fn link(&mut self, place: &Path) -> io::Result<()> {
        self.file()?.sync_all()?;
        files::link(&self.path, place)
    }

    /// Octets on the wire.
    pub(super) fn wire_octets(&self) -> u64 {
        self.sizer.octets()
    }

    /// Whether it has octets above 127.
    pub(super) fn wide(&self) -> &WideFinder {
        &self.wide
    }

    fn file(&mut self) -> io::Result<&mut File> {
        if self.file.is_none() {
            let mut options = OpenOptions::new();
            let options = options.write(true).create_new(true).mode(FILE_MODE);
            self.file = Some(options.open(&self.path)?);
        }
        self.file.as_mut().ok_or_else(|| io::ErrorKind::NotFound.into())
    }

    /// Gives the file a place in folders, and flushes these.
    fn enter(&self, folders: &[PathBuf], name: &str) -> io::Result<()> {
        let Some((last, others)) = folders.split_last() else { return Ok(()) };
        for folder in others {
            files::link(&self.path, &folder.join(name))?;
        }
        files::rename(&self.path, &last.join(name))?;
        folders.iter().try_for_each(|folder| sync_folder(folder))
    }
}

impl Drop for Draft {
    /// Removes a message that was not kept. What is not removed, the next start removes.
    fn drop(&mut self) {
        if self.file.is_some() {
            let _ = fs::remove_file(&self.path);
        }
    }
}

/// The name of a message without what tells what was done with it.
fn base(name: &str) -> &str {
    name.split_once(':').map_or(name, |(base, _)| base)
}

/// When a message was delivered, as its name tells.
fn delivered(name: &str) -> u64 {
    let digits = name.split('.').next().unwrap_or_default();
    digits.parse().unwrap_or(0)
}

/// What names a message for ever: its name without sizes, or a hash of it if that is not fit.
fn uid(base: &str) -> String {
    let plain = base.split_once(',').map_or(base, |(plain, _)| plain);
    if !plain.is_empty()
        && plain.len() <= UID_LEN_MAX
        && plain.bytes().all(|octet| octet.is_ascii_graphic())
    {
        return plain.to_owned();
    }
    HEXLOWER.encode(&Sha1::digest(base.as_bytes()))
}

/// The octets of a message on the wire. Its name tells them, if its size has not changed since; else
/// it is read.
fn wire_size(name: &str, path: &Path) -> io::Result<u64> {
    let metadata = fs::metadata(path)?;
    if !metadata.is_file() {
        return Err(io::Error::other("it is no file"));
    }
    let told = |key: &str| {
        let mut fields = base(name).split(',').skip(1);
        fields.find_map(|field| field.strip_prefix(key)?.parse::<u64>().ok())
    };
    if let (Some(size), Some(wire)) = (told("S="), told("W="))
        && size == metadata.len()
    {
        return Ok(wire);
    }
    let (mut sizer, mut file) = (Sizer::default(), File::open(path)?);
    let mut piece = vec![0; PIECE_LEN];
    loop {
        let read = file.read(&mut piece)?;
        if read == 0 {
            return Ok(sizer.octets());
        }
        sizer.read(piece.get(..read).unwrap_or_default());
    }
}
