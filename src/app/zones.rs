//! Reads the zones that the configuration names, several at a time.
//!
//! Used by `serve` and `check`, so that both see the same zones with the same problems.

use std::collections::{HashMap, HashSet};
use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Mutex, PoisonError};
use std::thread;

use crate::app::files::Folder;
use crate::app::lab;
use crate::base::diagnostic::{Diagnostic, Diagnostics, Place, Severity};
use crate::config::{Config, FilePath, Origin, ZoneSource};
use crate::wire::name::{Name, NameBuf};
use crate::zone::file::source::{Opened, Source, SourceError, Texts};
use crate::zone::load::{Apex, Loaded, load};

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

    /// Reads the zone.
    fn load(&self, source: &dyn Source) -> Loaded {
        let by_file = name_of_file(Path::new(&self.path));
        let apex = match &self.given {
            Some(name) => Apex::Given(name.as_name()),
            None => Apex::Told(by_file.as_ref().map(NameBuf::as_name)),
        };
        let mut loaded = load(source, &self.path, apex);
        for problem in loaded.diagnostics.iter_mut().filter(|problem| problem.place.is_none()) {
            problem.place.clone_from(&self.place);
        }
        loaded
    }

    /// Reads the zone from disk.
    fn load_from_disk(&self) -> Loaded {
        match Folder::of(Path::new(&self.path)) {
            Ok(folder) => self.load(&folder),
            // The reader asks again and reports what is wrong with the path.
            Err(error) => self.load(&Nowhere(error)),
        }
    }
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

/// The zones that a configuration names, read, and what is wrong with where they come from: a
/// folder that cannot be listed, or two files that give the same zone.
pub(super) fn load_configured(config: &Config) -> (Vec<Loaded>, Diagnostics) {
    let (mut tasks, mut problems) = (Vec::new(), Diagnostics::default());
    let mut named = HashSet::new();
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
    let mut loaded = load_all(&tasks);
    if config.origin == Origin::BuiltIn {
        loaded.extend(load_lab());
    }
    report_twins(&loaded, &mut problems);
    (loaded, problems)
}

/// Reads the lab zones out of the binary.
fn load_lab() -> Vec<Loaded> {
    let source: Texts = lab::source();
    let paths = lab::FILES.iter().map(|(name, _)| lab::path(name));
    paths.map(|path| Task::new(Path::new(&path), None).load(&source)).collect()
}

/// Reads zones from disk, as many at a time as there are CPUs; the results are in order.
pub(super) fn load_all(tasks: &[Task]) -> Vec<Loaded> {
    let threads = thread::available_parallelism().map_or(1, usize::from).min(tasks.len());
    let next = AtomicUsize::new(0);
    let done = Mutex::new(Vec::with_capacity(tasks.len()));
    thread::scope(|scope| {
        for _ in 0..threads {
            scope.spawn(|| {
                loop {
                    let index = next.fetch_add(1, Ordering::Relaxed);
                    let Some(task) = tasks.get(index) else { return };
                    let loaded = task.load_from_disk();
                    done.lock().unwrap_or_else(PoisonError::into_inner).push((index, loaded));
                }
            });
        }
    });
    let mut done = done.into_inner().unwrap_or_else(PoisonError::into_inner);
    done.sort_by_key(|(index, _)| *index);
    done.into_iter().map(|(_, loaded)| loaded).collect()
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
fn report_twins(loaded: &[Loaded], problems: &mut Diagnostics) {
    let file = |zone: &Loaded| zone.files.first().map_or("?", |file| file).to_owned();
    let mut seen: HashMap<&NameBuf, &Loaded> = HashMap::new();
    for zone in loaded {
        let Some(apex) = &zone.apex else { continue };
        if let Some(first) = seen.insert(apex, zone) {
            problems.push(Diagnostic {
                severity: Severity::Error,
                code: "zone-twice",
                message: format!("both {} and {} give the zone {apex}", file(first), file(zone)),
                place: None,
                hint: Some("remove one of them, or give its zone another name".to_owned()),
            });
        }
    }
}
