use super::{ENVELOPES_MAX, Envelope, Facts, INCOMING, Kept, Queue};
use crate::base::entropy::{Entropy, Seeded};
use crate::base::time::Wall;
use crate::mail::address::Address;
use crate::net::mail::files::observe;
use crate::net::mail::store::Store;
use std::cell::RefCell;
use std::collections::BTreeSet;
use std::fs;
use std::io::Read;
use std::path::{Path, PathBuf};
use std::rc::Rc;
use std::sync::atomic::{AtomicUsize, Ordering};

const NOW: Wall = Wall::from_secs(1000);

/// A folder of its own.
fn place() -> PathBuf {
    static NEXT: AtomicUsize = AtomicUsize::new(0);
    let number = NEXT.fetch_add(1, Ordering::Relaxed);
    let name = format!("kereru-queue-{}-{number}", std::process::id());
    // In memory where that is: flushing costs nothing there, and a crash here is no loss of power.
    let memory = PathBuf::from("/dev/shm");
    let parent = if memory.is_dir() { memory } else { std::env::temp_dir() };
    let path = parent.join(name);
    let _ = fs::remove_dir_all(&path);
    fs::create_dir_all(&path).unwrap();
    path
}

/// Mailboxes and queue in a folder, which is removed at the end.
struct Office {
    path: PathBuf,
    store: Store,
    queue: Queue,
}

impl Office {
    fn open(path: PathBuf) -> Self {
        let store = Store::open(&path.join("mail")).unwrap();
        store.make_mailbox("joe").unwrap();
        let queue = Queue::open(&path.join("queue"), NOW).unwrap();
        Self { path, store, queue }
    }

    fn again(mut self) -> Self {
        let path = std::mem::take(&mut self.path);
        drop(self);
        Self::open(path)
    }

    fn try_keep(&self, recipients: &[&str]) -> std::io::Result<Kept> {
        let mut draft = self.store.draft(NOW).unwrap();
        draft.write(b"Return-Path: <jane@a.example>\r\nSubject: hi\r\n\r\nHello.\r\n").unwrap();
        let facts = Facts {
            sender: Some(Address::read("jane@a.example").unwrap()),
            came: NOW,
            octets: draft.wire_octets(),
            is_8bit: false,
            is_utf8: false,
        };
        let recipients = recipients.iter().map(|text| Address::read(text).unwrap()).collect();
        self.queue.keep(&mut draft, &facts, recipients)
    }

    fn keep(&self, recipients: &[&str]) {
        self.try_keep(recipients).unwrap().begin();
    }

    /// Everybody who is to get something, as the envelopes that are due tell.
    fn waiting(&self) -> Vec<String> {
        let mut found = Vec::new();
        while let Some(taken) = self.queue.take(NOW) {
            let envelope = self.queue.envelope(&taken).unwrap().unwrap();
            found.extend(envelope.recipients.iter().map(|to| to.address.0.to_string()));
            let (mut file, _) = self.queue.open_message(&taken).unwrap();
            let mut text = String::new();
            file.read_to_string(&mut text).unwrap();
            assert_eq!(text, "Subject: hi\r\n\r\nHello.\r\n");
            // Of each domain only so many are given at a time.
            self.queue.forget(&taken);
        }
        found.sort_unstable();
        found
    }

    fn folders(&self) -> usize {
        let names = fs::read_dir(self.path.join("queue")).unwrap();
        names.filter(|entry| entry.as_ref().unwrap().file_name() != INCOMING).count()
    }
}

impl Drop for Office {
    fn drop(&mut self) {
        if !self.path.as_os_str().is_empty() {
            let _ = fs::remove_dir_all(&self.path);
        }
    }
}

/// Copies a folder as it is.
fn copy(from: &Path, to: &Path) {
    fs::create_dir_all(to).unwrap();
    for entry in fs::read_dir(from).unwrap() {
        let path = entry.unwrap().path();
        let target = to.join(path.file_name().unwrap());
        if path.is_dir() {
            copy(&path, &target);
        } else {
            fs::copy(&path, &target).unwrap();
        }
    }
}

/// Does something, and copies the folder after each step of it, as a crash would leave it.
fn crashes(office: &Office, work: impl FnOnce()) -> Vec<PathBuf> {
    let copies = Rc::new(RefCell::new(Vec::new()));
    let (seen, from) = (Rc::clone(&copies), office.path.clone());
    let observer = move || {
        let to = place();
        copy(&from, &to);
        seen.borrow_mut().push(to);
    };
    observe(observer, work);
    copies.take()
}

#[test]
fn envelope_is_read_as_it_was_written() {
    let facts = Facts {
        sender: Some(Address::read("\"a b\"@a.example").unwrap()),
        came: NOW,
        octets: 7,
        is_8bit: true,
        is_utf8: false,
    };
    let recipients = vec![Address::read("jos\u{e9}@b.example").unwrap()];
    let envelope = Envelope::new(&facts, recipients);
    let octets = envelope.write().unwrap();
    assert_eq!(Envelope::read(&octets).unwrap(), envelope);
    for cut in 0..octets.len() - 2 {
        assert!(Envelope::read(&octets[..cut]).is_err(), "cut at {cut}");
    }
    let text = String::from_utf8(octets).unwrap();
    let later = text.replace("\"version\":1", "\"version\":2");
    assert_eq!(Envelope::read(later.as_bytes()).unwrap_err().to_string(), "its version is 2");
}

#[test]
fn message_waits_for_each_of_its_domains() {
    let office = Office::open(place());
    office.keep(&["joe@b.example", "jim@B.example", "jo@c.example"]);
    assert_eq!(office.queue.len(), 2);
    let expected = ["jim@B.example", "jo@c.example", "joe@b.example"];
    assert_eq!(office.waiting(), expected);
    let office = office.again();
    assert_eq!(office.queue.len(), 2);
    assert_eq!(office.waiting(), expected);
}

#[test]
fn message_that_has_not_begun_is_in_no_queue() {
    let office = Office::open(place());
    drop(office.try_keep(&["joe@b.example"]).unwrap());
    assert_eq!((office.queue.len(), office.folders()), (0, 0));
    assert_eq!(office.again().waiting(), [""; 0]);
}

#[test]
fn message_goes_with_its_last_envelope() {
    let office = Office::open(place());
    office.keep(&["joe@b.example", "jo@c.example"]);
    let first = office.queue.take(NOW).unwrap();
    office.queue.remove(&first).unwrap();
    office.queue.forget(&first);
    assert_eq!((office.queue.len(), office.folders()), (1, 1));
    let second = office.queue.take(NOW).unwrap();
    office.queue.remove(&second).unwrap();
    office.queue.forget(&second);
    assert_eq!((office.queue.len(), office.folders()), (0, 0));
}

#[test]
fn broken_envelope_is_set_aside_and_stops_no_other() {
    let office = Office::open(place());
    office.keep(&["joe@b.example"]);
    office.keep(&["jo@c.example"]);
    let folder = fs::read_dir(office.path.join("queue")).unwrap();
    let folders: Vec<PathBuf> = folder.map(|entry| entry.unwrap().path()).collect();
    let is_of_joe = |path: &PathBuf| {
        fs::read_to_string(path.join("0.json")).is_ok_and(|text| text.contains("joe@"))
    };
    let broken = folders.into_iter().find(is_of_joe).unwrap();
    fs::write(broken.join("0.json"), "{").unwrap();
    let office = office.again();
    assert_eq!(office.queue.len(), 1);
    assert_eq!(office.waiting(), ["jo@c.example"]);
    assert!(broken.join("0.broken").exists() && broken.join("message").exists());
    // What is set aside stays, whatever comes.
    assert_eq!(office.again().waiting(), ["jo@c.example"]);
    assert!(!broken.join("0.json").exists());
}

#[test]
fn envelope_that_cannot_be_read_now_stays_where_it_is() {
    let office = Office::open(place());
    office.keep(&["joe@b.example"]);
    let taken = office.queue.take(NOW).unwrap();
    let file = office.queue.file(&taken.place);
    let aside = file.with_extension("aside");
    fs::rename(&file, &aside).unwrap();
    // Reading a folder fails whoever reads, as a file does when too many are open.
    fs::create_dir(&file).unwrap();
    assert!(office.queue.envelope(&taken).is_err());
    assert!(file.is_dir(), "it was set aside");
    fs::remove_dir(&file).unwrap();
    fs::rename(&aside, &file).unwrap();
    office.queue.put_back(taken, NOW);
    assert_eq!(office.waiting(), ["joe@b.example"]);
}

#[test]
fn change_that_could_not_be_written_does_not_keep_a_message() {
    let office = Office::open(place());
    office.keep(&["joe@b.example"]);
    let taken = office.queue.take(NOW).unwrap();
    fs::write(office.queue.file(&taken.place).with_extension("new"), "half").unwrap();
    office.queue.remove(&taken).unwrap();
    assert_eq!(office.folders(), 0);
}

#[test]
fn full_queue_takes_nothing_more() {
    let office = Office::open(place());
    office.queue.state().count = ENVELOPES_MAX - 1;
    assert!(!office.queue.is_full());
    assert!(office.try_keep(&["joe@b.example", "jo@c.example"]).is_err());
    office.keep(&["joe@b.example"]);
    assert!(office.queue.is_full());
    assert_eq!(office.folders(), 1);
}

#[test]
fn crash_while_a_message_is_kept_leaves_all_of_it_or_nothing() {
    let office = Office::open(place());
    office.keep(&["old@b.example"]);
    let copies = crashes(&office, || office.keep(&["joe@b.example", "jo@c.example"]));
    assert!(copies.len() > 5, "{copies:?}");
    let mut is_there = false;
    for copy in copies {
        let office = Office::open(copy);
        let waiting = office.waiting();
        let is_whole = waiting == ["jo@c.example", "joe@b.example", "old@b.example"];
        assert!(is_whole || (!is_there && waiting == ["old@b.example"]), "{waiting:?}");
        is_there = is_whole;
        assert_eq!(office.folders(), if is_whole { 2 } else { 1 });
    }
    // Only then it is acknowledged.
    assert!(is_there);
}

#[test]
fn crash_while_an_envelope_changes_leaves_the_old_or_the_new() {
    let office = Office::open(place());
    office.keep(&["joe@b.example", "jim@b.example"]);
    let taken = office.queue.take(NOW).unwrap();
    let mut envelope = office.queue.envelope(&taken).unwrap().unwrap();
    envelope.recipients.remove(0);
    let copies = crashes(&office, || office.queue.update(&taken, &envelope).unwrap());
    let mut is_new = false;
    for copy in copies {
        let waiting = Office::open(copy).waiting();
        let is_old = waiting == ["jim@b.example", "joe@b.example"];
        assert!(waiting == ["jim@b.example"] || (is_old && !is_new), "{waiting:?}");
        is_new = !is_old;
    }
    assert!(is_new);
    let mut is_gone = false;
    for copy in crashes(&office, || office.queue.remove(&taken).unwrap()) {
        let office = Office::open(copy);
        let waiting = office.waiting();
        assert!(waiting.is_empty() || (!is_gone && waiting == ["jim@b.example"]), "{waiting:?}");
        is_gone = waiting.is_empty();
        assert_eq!(office.folders(), usize::from(!is_gone));
    }
    assert!(is_gone);
}

/// Does something with the queue, and tells what is owed to whom.
fn act(office: &Office, owed: &mut BTreeSet<String>, entropy: &mut Seeded, number: u64) {
    match (entropy.below(3), office.queue.take(NOW)) {
        (0, Some(taken)) => {
            let to =
                office.queue.envelope(&taken).unwrap().unwrap().recipients[0].address.0.to_string();
            office.queue.remove(&taken).unwrap();
            office.queue.forget(&taken);
            owed.remove(&to);
        }
        (1, Some(taken)) => {
            let mut envelope = office.queue.envelope(&taken).unwrap().unwrap();
            envelope.tries += 1;
            office.queue.update(&taken, &envelope).unwrap();
            office.queue.put_back(taken, NOW);
        }
        (_, taken) => {
            if let Some(taken) = taken {
                office.queue.put_back(taken, NOW);
            }
            let recipients = [format!("a{number}@b.example"), format!("a{number}@c.example")];
            let count = 1 + entropy.below(2) as usize;
            let recipients = &recipients[..count];
            office.keep(&recipients.iter().map(String::as_str).collect::<Vec<_>>());
            owed.extend(recipients.iter().cloned());
        }
    }
}

#[test]
fn crashes_at_any_step_lose_nothing_that_was_acknowledged() {
    for seed in 0..10 {
        let mut entropy = Seeded::new(seed);
        let mut office = Office::open(place());
        let mut owed = BTreeSet::new();
        for number in 0..30 {
            let before = owed.clone();
            if entropy.below(3) > 0 {
                act(&office, &mut owed, &mut entropy, number);
                continue;
            }
            let copies = crashes(&office, || act(&office, &mut owed, &mut entropy, number));
            let chosen = entropy.below(u32::try_from(copies.len()).unwrap()) as usize;
            for (at, copy) in copies.into_iter().enumerate() {
                if at == chosen {
                    office = Office::open(copy);
                } else {
                    fs::remove_dir_all(copy).unwrap();
                }
            }
            let waiting: BTreeSet<String> = office.waiting().into_iter().collect();
            office = office.again();
            let both: BTreeSet<String> = before.intersection(&owed).cloned().collect();
            let any: BTreeSet<String> = before.union(&owed).cloned().collect();
            assert!(waiting.is_superset(&both), "seed {seed}, step {number}: {both:?} {waiting:?}");
            assert!(waiting.is_subset(&any), "seed {seed}, step {number}: {any:?} {waiting:?}");
            // What was under way is all there, or not at all.
            let changed: Vec<&String> = any.difference(&both).collect();
            let kept = changed.iter().filter(|to| waiting.contains(**to)).count();
            assert!(kept == 0 || kept == changed.len(), "seed {seed}, step {number}: {waiting:?}");
            owed = waiting;
        }
    }
}
