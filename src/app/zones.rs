//! Reads the zones that the configuration names, several at a time.
//!
//! Used by `serve` and `check`, so that both see the same zones with the same problems.

use std::collections::{HashMap, HashSet};
use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread;

use crate::app::files::{Folder, Seen};
use crate::app::lab;
use crate::base::diagnostic::{Diagnostic, Diagnostics, Place, Severity};
use crate::base::time::Wall;
use crate::config::{Config, FilePath, Origin, ZoneSource};
use crate::wire::name::{Name, NameBuf};
use crate::zone::crew::Crew;
use crate::zone::file::source::{Opened, Source, SourceError, Texts};
use crate::zone::load::{Apex, Loaded, Means, load};
use crate::zone::store::Zone;

/// The file of a zone, and the name that was given to it.
type Key<'a> = (&'a str, Option<&'a NameBuf>);

/// One zone to be read.
#[derive(Clone, Debug)]
pub(super) struct Task {
    /// The file, as messages name it.
    path: String,
    /// The name that the operator gave the zone.
    given: Option<NameBuf>,
    /// Where the operator named the file, if that was in a configuration.
    place: Option<Place>,
}

impl Task {
    /// A file whose zone has this name or, without one, tells its name itself.
    pub(super) fn new(path: &Path, given: Option<NameBuf>) -> Self {
        Self { path: path.to_string_lossy().into_owned(), given, place: None }
    }

    /// What makes it the same zone from the same file, wherever that was written.
    fn key(&self) -> Key<'_> {
        (&self.path, self.given.as_ref())
    }

    /// Reads the zone.
    fn load(&self, source: &dyn Source, crew: &Crew) -> Loaded {
        let by_file = name_of_file(Path::new(&self.path));
        let apex = match &self.given {
            Some(name) => Apex::Given(name.as_name()),
            None => Apex::Told(by_file.as_ref().map(NameBuf::as_name)),
        };
        let mut loaded = load(source, &self.path, apex, Means { now: Wall::now(), crew });
        for problem in loaded.diagnostics.iter_mut().filter(|problem| problem.place.is_none()) {
            problem.place.clone_from(&self.place);
        }
        loaded
    }

    /// Reads the zone from disk.
    fn load_from_disk(&self, crew: &Crew) -> Entry {
        match Folder::of(Path::new(&self.path)) {
            Ok(folder) => {
                let loaded = self.load(&folder, crew);
                Entry::new(self, loaded, folder.into_seen())
            }
            // The reader asks again and reports what is wrong with the path.
            Err(error) => Entry::new(self, self.load(&Nowhere(error), crew), Vec::new()),
        }
    }
}

/// A zone that was read, and how to see whether it must be read again.
#[derive(Clone, Debug)]
pub(super) struct Entry {
    task: Task,
    /// The name of the zone, if anything tells it.
    pub(super) apex: Option<NameBuf>,
    /// The zone, if it can be served: as it was read or, after a reload that found errors, as it was
    /// before.
    pub(super) zone: Option<Arc<Zone>>,
    /// What was found wrong when it was read.
    pub(super) diagnostics: Diagnostics,
    /// The files it was read from; empty if it must be read again.
    seen: Vec<Seen>,
}

impl Entry {
    fn new(task: &Task, loaded: Loaded, seen: Vec<Seen>) -> Self {
        let Loaded { apex, zone, diagnostics, .. } = loaded;
        Self { task: task.clone(), apex, zone: zone.map(Arc::new), diagnostics, seen }
    }

    /// The file, as messages name it.
    pub(super) fn path(&self) -> &str {
        &self.task.path
    }

    /// Whether the files have errors, so that an old version is served or none.
    pub(super) fn is_faulty(&self) -> bool {
        self.diagnostics.has_errors()
    }

    /// Whether it need not be read again. One with errors is: a file that it lacked may be there now,
    /// and whoever reloads wants to know that it is not.
    fn is_unchanged(&self) -> bool {
        !self.is_faulty() && !self.seen.is_empty() && self.seen.iter().all(Seen::is_unchanged)
    }
}

/// The zones of a configuration, read.
#[derive(Clone, Debug, Default)]
pub(super) struct Catalog {
    /// The zones, in the order of the configuration.
    pub(super) entries: Vec<Entry>,
    /// Which of them were read just now, by their place in `entries`.
    pub(super) fresh: Vec<usize>,
}

/// A source for a folder that cannot be entered.
struct Nowhere(SourceError);

impl Source for Nowhere {
    fn open(&self, _path: &str, _from: Option<&str>) -> Result<Opened, SourceError> {
        Err(self.0.clone())
    }
}

/// The name a file gives its zone: its own without `.zone`, if that is a name.
fn name_of_file(path: &Path) -> Option<NameBuf> {
    let name = path.file_name()?.to_str()?;
    let name = name.strip_suffix(".zone").unwrap_or(name);
    // The root has no file name of its own: it must be told.
    let is_name = !matches!(name, "@" | ".");
    NameBuf::from_text(name.as_bytes(), Some(Name::ROOT)).ok().filter(|_| is_name)
}

/// The zones that a configuration names, and what is wrong with where they come from: a folder that
/// cannot be listed, or two files that give the same zone.
///
/// Zones of `previous` whose files have not changed are taken over. One that has errors now is
/// served as it was.
pub(super) fn load_configured(config: &Config, previous: &Catalog) -> (Catalog, Diagnostics) {
    let mut problems = Diagnostics::default();
    if config.origin == Origin::BuiltIn {
        let entries = match previous.entries.as_slice() {
            [] => load_lab(),
            lab => lab.to_vec(),
        };
        return (Catalog { entries, fresh: Vec::new() }, problems);
    }
    let tasks = tasks(config, &mut problems);
    let old: HashMap<Key<'_>, &Entry> =
        previous.entries.iter().map(|entry| (entry.task.key(), entry)).collect();
    let mut entries: Vec<Option<Entry>> = Vec::new();
    let mut changed = Vec::new();
    for task in &tasks {
        match old.get(&task.key()).filter(|entry| entry.is_unchanged()) {
            Some(entry) => entries.push(Some((*entry).clone())),
            None => {
                changed.push((entries.len(), task.clone()));
                entries.push(None);
            }
        }
    }
    let served = previous.entries.iter().filter(|entry| entry.zone.is_some());
    let by_apex: HashMap<&NameBuf, &Entry> =
        served.filter_map(|entry| Some((entry.apex.as_ref()?, entry))).collect();
    let (fresh, read): (Vec<usize>, Vec<Task>) = changed.into_iter().unzip();
    for (&index, mut entry) in fresh.iter().zip(load_all(&read)) {
        // The same zone may come from another file now.
        let of_same_file = old.get(&entry.task.key()).filter(|old| old.zone.is_some());
        let of_same_name = || by_apex.get(entry.apex.as_ref()?);
        if entry.zone.is_none()
            && let Some(&old) = of_same_file.or_else(of_same_name)
        {
            entry.zone.clone_from(&old.zone);
            entry.apex.clone_from(&old.apex);
        }
        entries[index] = Some(entry);
    }
    let entries: Vec<Entry> = entries.into_iter().flatten().collect();
    report_twins(&entries, &mut problems);
    (Catalog { entries, fresh }, problems)
}

/// What a configuration wants to be read.
fn tasks(config: &Config, problems: &mut Diagnostics) -> Vec<Task> {
    let (mut tasks, mut named) = (Vec::new(), HashSet::new());
    for source in &config.zones {
        if let ZoneSource::File { zone, file } = source {
            named.extend(file.path.canonicalize());
            let task = Task::new(&file.path, Some(zone.clone()));
            tasks.push(Task { place: file.place.clone(), ..task });
        }
    }
    for source in &config.zones {
        let ZoneSource::Directory(folder) = source else { continue };
        match list(&folder.path) {
            Ok(paths) => {
                // A file that has an entry of its own is not read a second time.
                let others = paths
                    .into_iter()
                    .filter(|path| path.canonicalize().map_or(true, |real| !named.contains(&real)));
                tasks.extend(others.map(|path| Task::new(&path, None)));
            }
            Err(error) => problems.push(unlistable(folder, &error)),
        }
    }
    tasks
}

/// Reads the lab zones out of the binary.
fn load_lab() -> Vec<Entry> {
    let source: Texts = lab::source();
    let tasks = lab::FILES.iter().map(|(name, _)| Task::new(Path::new(&lab::path(name)), None));
    tasks.map(|task| Entry::new(&task, task.load(&source, &Crew::alone()), Vec::new())).collect()
}

/// Reads zones from disk, with as many threads as there are CPUs; the results are in order. Threads
/// that have no zone left help with those of others.
pub(super) fn load_all(tasks: &[Task]) -> Vec<Entry> {
    let crew = Crew::new(thread::available_parallelism().map_or(1, usize::from));
    let next = AtomicUsize::new(0);
    let done = Mutex::new(Vec::with_capacity(tasks.len()));
    thread::scope(|scope| {
        for place in tasks.iter().map_while(|_| crew.join()) {
            let (crew, next, done) = (&crew, &next, &done);
            scope.spawn(move || {
                let _place = place;
                loop {
                    let index = next.fetch_add(1, Ordering::Relaxed);
                    let Some(task) = tasks.get(index) else { return };
                    let entry = task.load_from_disk(crew);
                    done.lock().unwrap_or_else(PoisonError::into_inner).push((index, entry));
                }
            });
        }
    });
    let mut done = done.into_inner().unwrap_or_else(PoisonError::into_inner);
    done.sort_by_key(|(index, _)| *index);
    done.into_iter().map(|(_, entry)| entry).collect()
}

/// Every `*.zone` of a folder, sorted by name.
fn list(folder: &Path) -> io::Result<Vec<PathBuf>> {
    let mut paths = Vec::new();
    for entry in fs::read_dir(folder)? {
        let path = entry?.path();
        if path.extension().is_some_and(|extension| extension == "zone") {
            paths.push(path);
        }
    }
    paths.sort();
    Ok(paths)
}

fn unlistable(folder: &FilePath, error: &io::Error) -> Diagnostic {
    Diagnostic {
        severity: Severity::Error,
        code: "zone-directory",
        message: format!("the folder {} cannot be listed: {error}", folder.path.display()),
        place: folder.place.clone(),
        hint: Some("name a folder that exists and that the server may read".to_owned()),
    }
}

/// Reports zones that more than one file gives.
fn report_twins(entries: &[Entry], problems: &mut Diagnostics) {
    let mut seen: HashMap<&NameBuf, &Entry> = HashMap::new();
    for entry in entries {
        let Some(apex) = &entry.apex else { continue };
        if let Some(first) = seen.insert(apex, entry) {
            let (first, second) = (first.path(), entry.path());
            problems.push(Diagnostic {
                severity: Severity::Error,
                code: "zone-twice",
                message: format!("both {first} and {second} give the zone {apex}"),
                place: None,
                hint: Some("remove one of them, or give its zone another name".to_owned()),
            });
        }
    }
}
