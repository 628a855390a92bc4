//! Output folders: whole or not at all, and nothing of others is touched.
//!
//! Everything is first written beside its place and synced. A new folder then appears by a single
//! rename. Into a folder that exists the files are renamed one by one, the old ones having been set
//! aside, their manifest first, and the new manifest put in last: a folder without a manifest is
//! incomplete, and every command says so.
//!
//! With `force` a folder is replaced only if its manifest says that this program wrote it, and of it
//! only the files that the manifest lists.

use std::cell::RefCell;
use std::collections::BTreeSet;
use std::fmt;
use std::fs::{self, File};
use std::io::{self, Write as _};
use std::path::{Path, PathBuf};

use tempfile::{NamedTempFile, TempDir};

use super::door::{ATTEMPTS, Lock, is_one};
use super::inputs::INPUTS;
use super::listed::listed;

/// Name of the manifest, which comes last.
pub const MANIFEST: &str = "manifest.json";

/// What begins the name of all that is being written aside.
pub(super) const PARTIAL: &str = ".backstop-partial-";

/// Names of files that commands write. Where one of them stands in a folder and its manifest does not list it, it is
/// somebody's own.
const OURS: [&str; 8] = [
    "events.csv",
    "series.csv",
    "commitments.csv",
    "runs.csv",
    "runs.unsorted.csv",
    "summary.csv",
    "design.csv",
    "sweep.journal",
];

/// Whether a name is one of those of what is being written aside, or was when a command was killed.
#[must_use]
pub fn is_partial(name: &str) -> bool {
    name.starts_with(PARTIAL)
}

/// Why a folder or a file could not be written.
#[derive(Debug)]
pub enum FolderError {
    /// It is there and not empty, and `force` was not given.
    NotEmpty(PathBuf),
    /// There is a file in its place.
    NotAFolder(PathBuf),
    /// There is a folder in the place of a file.
    NotAFile(PathBuf),
    /// The file is there, and `force` was not given.
    Exists(PathBuf),
    /// The file is what the command reads.
    Input(PathBuf),
    /// There is a link in the place of a file.
    Link(PathBuf),
    /// It is not said to be written by this program, so that it is not replaced.
    NotOurs {
        /// The folder, or a file in it.
        path: PathBuf,
        /// Why not.
        reason: &'static str,
    },
    /// Another process is writing into it.
    Busy(PathBuf),
    /// The system refused.
    Io {
        /// What was being done.
        doing: &'static str,
        /// With what.
        path: PathBuf,
        /// What the system said.
        error: io::Error,
    },
}

impl FolderError {
    pub(super) fn io(doing: &'static str, path: &Path, error: io::Error) -> Self {
        Self::Io { doing, path: path.to_owned(), error }
    }

    /// What to do about it, where there is a remedy.
    #[must_use]
    pub fn help(&self) -> Option<&'static str> {
        match self {
            Self::NotEmpty(_) => Some("choose another folder, or give `--force` to replace what is in it"),
            Self::NotAFolder(_) | Self::NotAFile(_) | Self::Input(_) | Self::Link(_) => Some("choose another name"),
            Self::Exists(_) => Some("choose another name, or give `--force` to replace it"),
            Self::NotOurs { .. } => Some("choose another folder, or move away what is in this one"),
            Self::Busy(_) => Some("wait until it has ended"),
            Self::Io { .. } => None,
        }
    }
}

impl fmt::Display for FolderError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::NotEmpty(path) => write!(f, "the folder `{}` is not empty", path.display()),
            Self::NotAFolder(path) => write!(f, "`{}` is a file, not a folder", path.display()),
            Self::NotAFile(path) => write!(f, "`{}` is a folder, not a file", path.display()),
            Self::Exists(path) => write!(f, "the file `{}` is there already", path.display()),
            Self::Input(path) => write!(f, "`{}` is what the command reads; it is not written over", path.display()),
            Self::Link(path) => write!(f, "`{}` is a link to a file; it is not written through", path.display()),
            Self::NotOurs { path, reason } => write!(f, "`{}` is not replaced: {reason}", path.display()),
            Self::Busy(path) => write!(f, "another command is writing into `{}`", path.display()),
            Self::Io { doing, path, error } => write!(f, "cannot {doing} `{}`: {error}", path.display()),
        }
    }
}

impl std::error::Error for FolderError {}

/// An output folder to be written.
#[derive(Debug)]
pub struct Folder {
    path: PathBuf,
    /// Whether it is there already, with something in it.
    exists: bool,
    /// The files in it that may be replaced.
    owned: BTreeSet<String>,
    /// What keeps others from writing into it: of the folder that was there, and of the one that took its place.
    locks: RefCell<Vec<Lock>>,
}

impl Folder {
    /// Checks, before any work is done, that a folder may be written, and locks it if it is there.
    ///
    /// # Errors
    /// A [`FolderError`] if there is something in its place that may not be replaced, if another process is writing into
    /// it, or if nothing can be written there.
    pub fn claim(path: &Path, force: bool) -> Result<Self, FolderError> {
        let new = |locks| Self { path: path.to_owned(), exists: false, owned: BTreeSet::new(), locks };
        match fs::metadata(path) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => {
                try_to_write(&nearest_folder(path)?, &partial_of(path))?;
                Ok(new(RefCell::default()))
            }
            Err(error) => Err(FolderError::io("read", path, error)),
            Ok(metadata) if !metadata.is_dir() => Err(FolderError::NotAFolder(path.to_owned())),
            Ok(_) => {
                let lock = Lock::to_write(path)?;
                let claimed = new(RefCell::new(vec![lock]));
                let claimed = if is_empty_but_for_partial(path)? {
                    remove_partial(path)?;
                    claimed
                } else if force {
                    Self { exists: true, owned: replaceable(path)?, ..claimed }
                } else {
                    return Err(FolderError::NotEmpty(path.to_owned()));
                };
                try_to_write(path, PARTIAL)?;
                Ok(claimed)
            }
        }
    }

    /// Writes the files, the manifest among them, whole or not at all.
    ///
    /// # Errors
    /// A [`FolderError`] where the system refuses; the folder is then as it was, unless what could not be done is to
    /// `restore` it (then it lacks a manifest, and is incomplete) or to `sync` what is there already.
    pub fn write(&self, files: &[(&str, &[u8])]) -> Result<(), FolderError> {
        if self.exists {
            return self.fill(files);
        }
        match self.appear(files) {
            // A mount point, the current folder or a link to one cannot be replaced, but filled.
            Err(_) if is_empty_folder(&self.path) => self.fill(files),
            other => other,
        }
    }

    /// The locks that keep others from writing into the folder, for who goes on writing into it.
    #[must_use]
    pub fn into_locks(self) -> Vec<Lock> {
        self.locks.into_inner()
    }

    /// Writes a folder beside its place and renames it.
    fn appear(&self, files: &[(&str, &[u8])]) -> Result<(), FolderError> {
        let staging = Staging::beside(&self.path)?;
        self.fill_staging(staging.path(), files)?;
        let (lock, synced) = staging.appear()?;
        self.locks.borrow_mut().push(lock);
        synced.map_err(|error| FolderError::io("sync", &self.path, error))
    }

    /// Writes files inside of the folder and renames them one by one.
    fn fill(&self, files: &[(&str, &[u8])]) -> Result<(), FolderError> {
        let inputs = self.path.join(INPUTS);
        if fs::symlink_metadata(&inputs).is_ok_and(|metadata| !metadata.is_dir()) {
            return Err(FolderError::NotOurs { path: inputs, reason: "it is a link to elsewhere, or a file" });
        }
        for (name, _) in files {
            if !self.owned.contains(*name) && fs::symlink_metadata(self.path.join(name)).is_ok() {
                return Err(FolderError::NotOurs { path: self.path.join(name), reason: UNLISTED });
            }
        }
        let staging = Staging::new(&self.path, &self.path, PARTIAL)?;
        self.fill_staging(staging.path(), files)?;
        let result = self.replace(staging.path(), files);
        if let Err(FolderError::Io { doing: "restore", .. }) = &result {
            // The old files are still in it.
            staging.keep();
            return result;
        }
        result?;
        drop(staging);
        remove_partial(&self.path)
    }

    /// Writes the files into a folder that is written aside, all synced.
    fn fill_staging(&self, staging: &Path, files: &[(&str, &[u8])]) -> Result<(), FolderError> {
        for (name, bytes) in files {
            let path = staging.join(name);
            if let Some(inner) = path.parent().filter(|inner| *inner != staging && !inner.exists()) {
                fs::create_dir(inner).map_err(|error| FolderError::io("write", &self.path, error))?;
            }
            write_synced(&path, bytes).map_err(|error| FolderError::io("write", &self.path.join(name), error))?;
        }
        sync_folder(staging).map_err(|error| FolderError::io("write", &self.path, error))
    }

    /// Sets the old files aside, the manifest first, and puts the staged ones in, the manifest last. Where that fails,
    /// it is undone.
    fn replace(&self, staging: &Path, files: &[(&str, &[u8])]) -> Result<(), FolderError> {
        let aside = staging.join("old");
        let io = |error| FolderError::io("write", &self.path, error);
        fs::create_dir(&aside).map_err(io)?;
        let inputs = self.path.join(INPUTS);
        let is_inner = |name: &str| name.contains('/');
        if self.owned.iter().any(|name| is_inner(name)) {
            fs::create_dir(aside.join(INPUTS)).map_err(io)?;
        }
        if files.iter().any(|(name, _)| is_inner(name)) && !inputs.is_dir() {
            fs::create_dir(&inputs).map_err(io)?;
        }
        let owned = self.owned.iter().map(String::as_str).filter(|name| *name != MANIFEST);
        let old = std::iter::once(MANIFEST).chain(owned).map(|name| (self.path.join(name), aside.join(name)));
        let is_file = |path: &Path| fs::symlink_metadata(path).is_ok_and(|metadata| !metadata.is_dir());
        let new = files.iter().map(|(name, _)| name).filter(|name| **name != MANIFEST).chain([&MANIFEST]);
        let moves: Vec<(PathBuf, PathBuf)> = old
            .filter(|(from, _)| is_file(from))
            .chain(new.map(|name| (staging.join(name), self.path.join(name))))
            .collect();
        for (at, (from, to)) in moves.iter().enumerate() {
            if let Err(error) = fs::rename(from, to) {
                // Backwards, so that the old manifest comes last.
                let is_undone = moves[..at].iter().rev().all(|(from, to)| fs::rename(to, from).is_ok());
                let name = from.file_name().unwrap_or_default();
                let doing = if is_undone { "replace" } else { "restore" };
                return Err(FolderError::io(doing, &self.path.join(name), error));
            }
        }
        if self.owned.iter().any(|name| is_inner(name)) {
            // It stays where something else is in it.
            let _ = fs::remove_dir(&inputs);
        }
        sync_folder(&self.path).map_err(|error| FolderError::io("sync", &self.path, error))
    }
}

/// A folder that is being written aside: it appears at its place whole, or is taken away.
#[derive(Debug)]
pub struct Staging {
    folder: TempDir,
    place: PathBuf,
    /// Without it others would take the folder for left behind.
    lock: Lock,
}

impl Staging {
    /// An empty folder beside the place of a folder that is not there yet. What a kill has left there is taken away.
    ///
    /// # Errors
    /// A [`FolderError`] where the system refuses.
    pub fn beside(place: &Path) -> Result<Self, FolderError> {
        let (parent, prefix) = (parent(place), partial_of(place));
        fs::create_dir_all(&parent).map_err(|error| FolderError::io("create", &parent, error))?;
        remove_leftovers(&parent, &prefix)?;
        Self::new(place, &parent, &prefix)
    }

    fn new(place: &Path, parent: &Path, prefix: &str) -> Result<Self, FolderError> {
        let mut builder = tempfile::Builder::new();
        builder.prefix(prefix);
        // Temporary folders are made for their owner alone; an output folder is like any other.
        #[cfg(unix)]
        builder.permissions(std::os::unix::fs::PermissionsExt::from_mode(0o777));
        let make = || builder.tempdir_in(parent).map_err(|error| FolderError::io("write in", parent, error));
        let (folder, lock) = aside(place, make, |folder: &TempDir| Lock::to_write_aside(folder.path(), None))?;
        Ok(Self { folder, place: place.to_owned(), lock })
    }

    /// Where it is written.
    #[must_use]
    pub fn path(&self) -> &Path {
        self.folder.path()
    }

    /// Lets it appear at its place. Whoever opens it there finds it locked from the first moment on. Also whether it is
    /// safe on the disk.
    ///
    /// # Errors
    /// A [`FolderError`] where the system refuses, or something that is not empty is there.
    pub fn appear(self) -> Result<(Lock, io::Result<()>), FolderError> {
        fs::rename(self.folder.path(), &self.place).map_err(|error| FolderError::io("write", &self.place, error))?;
        // It has been moved to its place; there is nothing left to clean up.
        let _ = self.folder.keep();
        Ok((self.lock, sync_folder(&parent(&self.place))))
    }

    /// Leaves it where it is written.
    fn keep(self) {
        let _ = self.folder.keep();
    }
}

/// Takes a folder away: after a kill it is whole, or a leftover that the next command takes away.
///
/// # Errors
/// A [`FolderError`] where the system refuses.
pub fn remove_folder(folder: &Path) -> Result<(), FolderError> {
    let staging = Staging::beside(folder)?;
    let aside = staging.path().join("old");
    fs::rename(folder, &aside).map_err(|error| FolderError::io("remove", folder, error))?;
    remove(&aside)
}

const UNLISTED: &str = "it is not among the files that the folder's manifest lists";

/// The files of a folder that this program wrote, by its manifest, or by those of a replacement that was cut short.
fn replaceable(folder: &Path) -> Result<BTreeSet<String>, FolderError> {
    let mut manifests = vec![folder.join(MANIFEST)];
    if fs::symlink_metadata(&manifests[0]).is_err() {
        manifests = partial_in(folder, PARTIAL)?
            .into_iter()
            .flat_map(|partial| [partial.join(MANIFEST), partial.join("old").join(MANIFEST)])
            .filter(|path| fs::symlink_metadata(path).is_ok())
            .collect();
    }
    let not_ours = |path: &Path, reason| Err(FolderError::NotOurs { path: path.to_owned(), reason });
    if manifests.is_empty() {
        return not_ours(folder, "it has no `manifest.json` that says that this program wrote it");
    }
    let mut owned = BTreeSet::from([MANIFEST.to_owned()]);
    for manifest in manifests {
        match listed(&manifest) {
            Ok(names) => owned.extend(names),
            Err(reason) => return not_ours(folder, reason),
        }
    }
    for name in OURS {
        let path = folder.join(name);
        if !owned.contains(name) && fs::symlink_metadata(&path).is_ok() {
            return not_ours(&path, UNLISTED);
        }
    }
    Ok(owned)
}

/// A single file to be written.
#[derive(Clone, Debug)]
pub struct SingleFile {
    path: PathBuf,
    /// Whether it is a device or a pipe, which is written to as it is.
    special: bool,
    /// Whether what may have been put there since may be replaced.
    force: bool,
}

impl SingleFile {
    /// Checks, before any work is done, that a file may be written: it is not there, or may be replaced by `force`, and
    /// it is none of the `inputs` of the command: files, or folders with the files that their manifests list.
    ///
    /// # Errors
    /// A [`FolderError`] if it may not be replaced, or nothing can be written there.
    pub fn claim(path: &Path, force: bool, inputs: &[&Path]) -> Result<Self, FolderError> {
        let own = || path.to_owned();
        let place = |special| Self { path: own(), special, force };
        let followed = fs::metadata(path);
        if let Ok(metadata) = &followed {
            if metadata.is_dir() {
                return Err(FolderError::NotAFile(own()));
            }
            if inputs.iter().any(|input| is_input(input, metadata)) {
                return Err(FolderError::Input(own()));
            }
            if !metadata.is_file() {
                return Ok(place(true));
            }
        }
        if fs::symlink_metadata(path).is_ok_and(|metadata| metadata.is_symlink()) {
            return Err(FolderError::Link(own()));
        }
        if followed.is_ok() && !force {
            return Err(FolderError::Exists(own()));
        }
        try_to_write(&parent(path), &partial_of(path)).map_err(|error| {
            if let FolderError::Io { error, .. } = error { FolderError::io("write", path, error) } else { error }
        })?;
        Ok(place(false))
    }

    /// Writes it, whole or not at all; a device or a pipe is written to as it is.
    ///
    /// # Errors
    /// A [`FolderError`] where the system refuses.
    pub fn write(&self, bytes: &[u8]) -> Result<(), FolderError> {
        if !self.special {
            return write_aside(&self.path, self.force, |file| {
                file.write_all(bytes).map_err(|error| FolderError::io("write", &self.path, error))
            });
        }
        let io = |error| FolderError::io("write", &self.path, error);
        File::options().write(true).open(&self.path).and_then(|mut file| file.write_all(bytes)).map_err(io)
    }
}

/// Whether a file is one of those that a command reads.
fn is_input(input: &Path, file: &fs::Metadata) -> bool {
    let is_file = |path: &Path| fs::metadata(path).is_ok_and(|metadata| is_one(&metadata, file));
    let listed = if input.is_dir() { listed(&input.join(MANIFEST)).unwrap_or_default() } else { Vec::new() };
    let names = listed.iter().map(String::as_str).chain(OURS).chain([MANIFEST]);
    is_file(input) || input.is_dir() && names.map(|name| input.join(name)).any(|path| is_file(&path))
}

/// Writes one file, whole or not at all, in the place of what may be there.
///
/// # Errors
/// A [`FolderError`] where the system refuses, or what is there is no ordinary file.
pub fn write_file(path: &Path, bytes: &[u8]) -> Result<(), FolderError> {
    write_file_with(path, |file| file.write_all(bytes).map_err(|error| FolderError::io("write", path, error)))
}

/// Writes one file as [`write_file`] does, piece by piece.
///
/// # Errors
/// Those of `write`, after which the file is as it was, and a [`FolderError`] where the system refuses.
pub fn write_file_with<E: From<FolderError>>(
    path: &Path,
    write: impl FnOnce(&mut File) -> Result<(), E>,
) -> Result<(), E> {
    write_aside(path, true, write)
}

fn write_aside<E: From<FolderError>>(
    path: &Path,
    may_replace: bool,
    write: impl FnOnce(&mut File) -> Result<(), E>,
) -> Result<(), E> {
    let io = |error| E::from(FolderError::io("write", path, error));
    if fs::symlink_metadata(path).is_ok_and(|metadata| !metadata.is_file()) {
        return Err(io(io::Error::new(io::ErrorKind::InvalidInput, "it is not a plain file")));
    }
    let (parent, prefix) = (parent(path), partial_of(path));
    remove_leftovers(&parent, &prefix)?;
    let mut builder = tempfile::Builder::new();
    builder.prefix(&prefix);
    // Temporary files are made for their owner alone; this one is like any other.
    #[cfg(unix)]
    builder.permissions(std::os::unix::fs::PermissionsExt::from_mode(0o666));
    let make = || builder.tempfile_in(&parent).map_err(|error| FolderError::io("write", path, error));
    let lock = |file: &NamedTempFile| Lock::to_write_aside(file.path(), Some(file.as_file()));
    let (mut staged, _lock) = aside(path, make, lock)?;
    write(staged.as_file_mut())?;
    staged.as_file().sync_all().map_err(io)?;
    let placed = if may_replace { staged.persist(path) } else { staged.persist_noclobber(path) };
    placed.map_err(|error| match error.error {
        error if error.kind() == io::ErrorKind::AlreadyExists => E::from(FolderError::Exists(path.to_owned())),
        error => io(error),
    })?;
    sync_folder(&parent).map_err(io)
}

/// Makes what is to be written aside for a place, and locks it; anew where another command took it for left behind
/// before it was locked. Where there are no locks, what a kill leaves is not told from what is being written, and stays.
fn aside<T>(
    place: &Path,
    make: impl Fn() -> Result<T, FolderError>,
    lock: fn(&T) -> Option<Lock>,
) -> Result<(T, Lock), FolderError> {
    for _ in 0..ATTEMPTS {
        let made = make()?;
        if let Some(lock) = lock(&made) {
            return Ok((made, lock));
        }
    }
    Err(FolderError::Busy(place.to_owned()))
}

/// What begins the names of what is being written aside for this place.
fn partial_of(path: &Path) -> String {
    let name = path.file_name().unwrap_or_default().to_string_lossy();
    // Names have a limit, often 255 bytes.
    format!("{PARTIAL}{}-", name.chars().take(40).collect::<String>())
}

/// What is being written aside in a folder under names that begin so.
fn partial_in(folder: &Path, prefix: &str) -> Result<Vec<PathBuf>, FolderError> {
    let mut found = Vec::new();
    for entry in fs::read_dir(folder).map_err(|error| FolderError::io("read", folder, error))? {
        let entry = entry.map_err(|error| FolderError::io("read", folder, error))?;
        if entry.file_name().to_string_lossy().starts_with(prefix) {
            found.push(entry.path());
        }
    }
    found.sort();
    Ok(found)
}

/// Takes away what a kill has left of files that were being written into a folder. Who calls it holds the lock of the
/// folder.
///
/// # Errors
/// A [`FolderError`] where the system refuses.
pub fn remove_partial(folder: &Path) -> Result<(), FolderError> {
    partial_in(folder, PARTIAL)?.iter().try_for_each(|path| remove(path))
}

/// Takes away what a kill has left beside the place of a folder that commands write.
///
/// # Errors
/// A [`FolderError`] where the system refuses.
pub fn remove_left_beside(place: &Path) -> Result<(), FolderError> {
    remove_leftovers(&parent(place), &partial_of(place))
}

/// Takes away what a kill has left in a folder that others write into too: only what nobody has locked.
fn remove_leftovers(folder: &Path, prefix: &str) -> Result<(), FolderError> {
    for path in partial_in(folder, prefix)? {
        // It is held until all of it is gone, so that nobody begins to write there meanwhile.
        if let Some(_lock) = Lock::to_remove(&path) {
            remove(&path)?;
        }
    }
    Ok(())
}

fn remove(path: &Path) -> Result<(), FolderError> {
    let is_folder = fs::symlink_metadata(path).is_ok_and(|metadata| metadata.is_dir());
    let removed = if is_folder { fs::remove_dir_all(path) } else { fs::remove_file(path) };
    let is_gone = |error: &io::Error| error.kind() == io::ErrorKind::NotFound;
    removed
        .or_else(|error| if is_gone(&error) { Ok(()) } else { Err(error) })
        .map_err(|error| FolderError::io("remove", path, error))
}

/// The folder itself if it is there, or the nearest one above it that is.
fn nearest_folder(path: &Path) -> Result<PathBuf, FolderError> {
    let mut place = parent(path);
    loop {
        match fs::metadata(&place) {
            Ok(metadata) if metadata.is_dir() => return Ok(place),
            Ok(_) => return Err(FolderError::NotAFolder(place)),
            Err(error) if error.kind() == io::ErrorKind::NotFound => match place.parent() {
                Some(above) if place != above => place = parent(&place),
                _ => return Err(FolderError::io("create", path, error)),
            },
            Err(error) => return Err(FolderError::io("create", path, error)),
        }
    }
}

/// Whether something can be written into a folder, found out by writing something into it.
fn try_to_write(folder: &Path, prefix: &str) -> Result<(), FolderError> {
    let trial = tempfile::Builder::new().prefix(prefix).tempfile_in(folder);
    // Where it cannot be taken away again, it is a leftover as a kill makes them.
    trial.map(drop).map_err(|error| FolderError::io("write in", folder, error))
}

fn is_empty_but_for_partial(folder: &Path) -> Result<bool, FolderError> {
    let at = |error| FolderError::io("read", folder, error);
    for entry in fs::read_dir(folder).map_err(at)? {
        if !entry.map_err(at)?.file_name().to_string_lossy().starts_with(PARTIAL) {
            return Ok(false);
        }
    }
    Ok(true)
}

fn is_empty_folder(path: &Path) -> bool {
    fs::read_dir(path).is_ok_and(|mut entries| entries.next().is_none())
}

fn parent(path: &Path) -> PathBuf {
    match path.parent() {
        Some(parent) if !parent.as_os_str().is_empty() => parent.to_owned(),
        _ => PathBuf::from("."),
    }
}

fn write_synced(path: &Path, bytes: &[u8]) -> io::Result<()> {
    let mut file = File::create_new(path)?;
    file.write_all(bytes)?;
    file.sync_all()
}

/// Forces a folder to the disk: a rename in it, or a removal, is only safe once it is.
///
/// # Errors
/// Those of the system.
pub fn sync_folder(path: &Path) -> io::Result<()> {
    if cfg!(unix) { File::open(path)?.sync_all() } else { Ok(()) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_beyond_the_limit_is_not_read() {
        use super::super::door::read_file;
        let file = tempfile::NamedTempFile::new().unwrap();
        file.as_file().set_len(4).unwrap();
        let error = read_file(file.path(), 3).unwrap_err();
        assert_eq!((error.kind(), &*error.to_string()), (io::ErrorKind::FileTooLarge, "it has more than 3 bytes"));
        assert_eq!(read_file(file.path(), 4).unwrap(), [0; 4]);
    }

    const OLD: &str =
        r#"{"program": "backstop", "complete": true, "files": {"events.csv": "", "summary.csv": "", "runs.csv": ""}}"#;

    #[test]
    fn what_cannot_be_replaced_stays() {
        let folder = tempfile::tempdir().unwrap();
        let path = |name: &str| folder.path().join(name);
        fs::write(path(MANIFEST), OLD).unwrap();
        fs::write(path("events.csv"), "old").unwrap();
        fs::write(path("summary.csv"), "old").unwrap();
        // A folder that is not ours stands where a file should go.
        fs::create_dir(path("runs.csv")).unwrap();
        fs::write(path("runs.csv").join("own"), "own").unwrap();
        let claimed = Folder::claim(folder.path(), true).unwrap();
        let files: [(&str, &[u8]); 3] = [(MANIFEST, b"new"), ("events.csv", b"new"), ("runs.csv", b"new")];
        let error = claimed.write(&files).unwrap_err();
        assert!(error.to_string().starts_with("cannot replace `") && error.to_string().contains("runs.csv"), "{error}");
        let mut names: Vec<_> = fs::read_dir(folder.path()).unwrap().map(|entry| entry.unwrap().file_name()).collect();
        names.sort();
        assert_eq!(names, ["events.csv", MANIFEST, "runs.csv", "summary.csv"]);
        for (name, text) in [("events.csv", "old"), (MANIFEST, OLD), ("summary.csv", "old")] {
            assert_eq!(fs::read_to_string(path(name)).unwrap(), text, "{name}");
        }
        // Out of the way, all goes in, and what is not written again is gone.
        fs::rename(path("runs.csv"), path("mine")).unwrap();
        claimed.write(&files).unwrap();
        assert_eq!(fs::read_to_string(path(MANIFEST)).unwrap(), "new");
        assert!(!path("summary.csv").exists() && path("mine").join("own").exists());
    }

    #[test]
    fn a_folder_has_one_writer() {
        let folder = tempfile::tempdir().unwrap();
        let out = folder.path().join("out");
        let first = Folder::claim(&out, false).unwrap();
        first.write(&[(MANIFEST, OLD.as_bytes())]).unwrap();
        // The lock is that of the folder that has just appeared.
        assert!(matches!(Folder::claim(&out, true), Err(FolderError::Busy(_))));
        assert!(matches!(Lock::to_read(&out), Err(FolderError::Busy(_))));
        drop(first);
        let readers = (Lock::to_read(&out).unwrap(), Lock::to_read(&out).unwrap());
        assert!(matches!(Folder::claim(&out, true), Err(FolderError::Busy(_))));
        drop(readers);
        Folder::claim(&out, true).unwrap();
    }
}
