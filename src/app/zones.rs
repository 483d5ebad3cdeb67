//! Reads the zones that the configuration names, several at a time.
//!
//! Used by `serve` and `check`, so that both see the same zones with the same problems.

use std::collections::HashMap;
use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::Mutex;
use std::sync::PoisonError;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread;

use crate::app::files::Folder;
use crate::app::lab;
use crate::base::diagnostic::{Diagnostic, Diagnostics, Severity};
use crate::config::{Config, FilePath, Origin, ZoneSource};
use crate::wire::name::{Name, NameBuf};
use crate::zone::file::source::{Source, SourceError, Texts};
use crate::zone::load::{Apex, Loaded, load};

/// One zone to be read.
#[derive(Clone, Debug)]
pub(super) struct Task {
    /// The file, as messages name it.
    pub(super) path: String,
    /// The name that the operator gave the zone.
    pub(super) given: Option<NameBuf>,
}

impl Task {
    /// A file whose zone is named by its first `$ORIGIN` or, without one, by the file.
    pub(super) fn named_by_file(path: String) -> Self {
        Self { path, given: None }
    }

    /// Reads the zone.
    fn load(&self, source: &dyn Source) -> Loaded {
        match &self.given {
            Some(name) => load(source, &self.path, Apex::Given(name.as_name())),
            None => match name_of_file(Path::new(&self.path)) {
                Some(name) => load(source, &self.path, Apex::DeclaredOr(name.as_name())),
                None => load(source, &self.path, Apex::DeclaredOr(Name::ROOT)),
            },
        }
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
    fn open(
        &self,
        _path: &str,
        _from: Option<&str>,
    ) -> Result<crate::zone::file::source::Opened, SourceError> {
        Err(self.0.clone())
    }
}

/// The name a file gives its zone: its own without `.zone`.
fn name_of_file(path: &Path) -> Option<NameBuf> {
    let name = path.file_name()?.to_str()?;
    let name = name.strip_suffix(".zone").unwrap_or(name);
    NameBuf::from_text(name.as_bytes(), Some(Name::ROOT)).ok()
}

/// The zones that a configuration names, read.
///
/// # Errors
///
/// Fails if a folder cannot be listed, or two files give the same zone.
pub(super) fn load_configured(config: &Config) -> Result<Vec<Loaded>, Diagnostics> {
    let (mut tasks, mut problems) = (Vec::new(), Diagnostics::default());
    for source in &config.zones {
        match source {
            ZoneSource::File { zone, file } => {
                let path = file.path.to_string_lossy().into_owned();
                tasks.push(Task { path, given: Some(zone.clone()) });
            }
            ZoneSource::Directory(folder) => match list(&folder.path) {
                Ok(paths) => tasks.extend(
                    paths
                        .into_iter()
                        .map(|path| Task::named_by_file(path.to_string_lossy().into_owned())),
                ),
                Err(error) => problems.push(unlistable(folder, &error)),
            },
        }
    }
    let mut loaded = load_all(&tasks);
    if config.origin == Origin::BuiltIn {
        loaded.extend(load_lab());
    }
    refuse_twins(&loaded, &mut problems);
    if problems.has_errors() { Err(problems) } else { Ok(loaded) }
}

/// Reads the lab zones out of the binary.
fn load_lab() -> Vec<Loaded> {
    let source: Texts = lab::source();
    let paths = lab::FILES.iter().map(|(name, _)| lab::path(name));
    paths.map(|path| Task::named_by_file(path).load(&source)).collect()
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
fn refuse_twins(loaded: &[Loaded], problems: &mut Diagnostics) {
    let mut seen: HashMap<&NameBuf, &Loaded> = HashMap::new();
    for zone in loaded {
        if let Some(first) = seen.insert(&zone.apex, zone) {
            let file = |zone: &Loaded| zone.files.first().map_or("?", |file| file).to_owned();
            problems.push(Diagnostic {
                severity: Severity::Error,
                code: "zone-twice",
                message: format!(
                    "both {} and {} give the zone {}",
                    file(first),
                    file(zone),
                    zone.apex
                ),
                place: None,
                hint: Some("remove one of them, or give it another $ORIGIN".to_owned()),
            });
        }
    }
}
