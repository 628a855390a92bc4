//! Writing whole or not at all. A folder or a single file is written aside: beside its place under a name of its own,
//! and locked, so that the next command removes the leftovers of killed commands, and nothing else.

use std::collections::BTreeSet;
use std::fs::{self, File};
use std::io::{self, Write as _};
use std::panic::resume_unwind;
use std::path::{Path, PathBuf};
use std::thread::{self, JoinHandle};

use tempfile::{NamedTempFile, TempDir};

use super::door::{ATTEMPTS, Digest, Hashed, Lock, is_one};
use super::error::FolderError;
use super::limits;
use super::manifest::{MANIFEST, OURS, in_all_formats, listed};
use crate::table::{CsvWriter, Table};

/// The prefix of the names of staged files and folders.
pub(super) const PARTIAL: &str = ".backstop-partial-";

/// Whether a name is that of a staged file or folder, or of a leftover of a killed command.
#[must_use]
pub fn is_partial(name: &str) -> bool {
    name.starts_with(PARTIAL)
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
    /// Creates an empty folder beside the place of a folder that does not exist yet, and removes leftovers there.
    ///
    /// # Errors
    /// A [`FolderError`] if a system call fails.
    pub fn beside(place: &Path) -> Result<Self, FolderError> {
        let (parent, prefix) = (parent(place), partial_of(place));
        fs::create_dir_all(&parent).map_err(|error| FolderError::io("create", &parent, error))?;
        remove_leftovers(&parent, &prefix)?;
        Self::new(place, &parent, &prefix)
    }

    pub(super) fn new(place: &Path, parent: &Path, prefix: &str) -> Result<Self, FolderError> {
        let mut builder = tempfile::Builder::new();
        builder.prefix(prefix);
        // Temporary folders are made for their owner alone; an output folder is like any other.
        #[cfg(unix)]
        builder.permissions(std::os::unix::fs::PermissionsExt::from_mode(0o777));
        let make = || builder.tempdir_in(parent).map_err(|error| FolderError::io("write in", parent, error));
        let (folder, lock) = aside(place, make, |folder: &TempDir| Lock::to_write_aside(folder.path(), None))?;
        Ok(Self { folder, place: place.to_owned(), lock })
    }

    /// The path at which it is being written.
    #[must_use]
    pub fn path(&self) -> &Path {
        self.folder.path()
    }

    /// Moves it to its place. It is locked from the first moment on. Also returns whether the move has been
    /// synced to the disk.
    ///
    /// # Errors
    /// A [`FolderError`] if a system call fails, or the place is taken by something that is not empty.
    pub fn appear(self) -> Result<(Lock, io::Result<()>), FolderError> {
        fs::rename(self.folder.path(), &self.place).map_err(|error| FolderError::io("write", &self.place, error))?;
        // It has been moved to its place, so nothing needs to be removed.
        let _ = self.folder.keep();
        Ok((self.lock, sync_folder(&parent(&self.place))))
    }

    /// Keeps it at its temporary path.
    pub(super) fn keep(self) {
        let _ = self.folder.keep();
    }
}

/// Why a file is not replaced that is there.
pub(super) const UNLISTED: &str = "it is not among the files that the folder's manifest lists";

/// The files of a folder while they are written aside, one after the other, each synced.
#[derive(Debug)]
pub struct StagedFiles<'a> {
    /// The path at which they are being written.
    staging: &'a Path,
    /// The folder in which they will stand.
    place: &'a Path,
    /// The files in the folder that may be replaced, if it exists.
    owned: Option<&'a BTreeSet<String>>,
    names: Vec<String>,
}

impl<'a> StagedFiles<'a> {
    pub(super) fn new(staging: &'a Path, place: &'a Path, owned: Option<&'a BTreeSet<String>>) -> Self {
        Self { staging, place, owned, names: Vec::new() }
    }

    /// Writes a file of these bytes.
    ///
    /// # Errors
    /// As [`StagedFiles::write_with`].
    pub fn write(&mut self, name: &str, bytes: &[u8]) -> Result<(), FolderError> {
        self.file(name, |file| file.write_all(bytes))
    }

    /// Writes a table as CSV, row by row, and records its hash.
    ///
    /// # Errors
    /// As [`StagedFiles::write_with`].
    pub fn write_table(&mut self, name: &str, table: &impl Table) -> Result<Digest, FolderError> {
        self.write_with(name, |file| CsvWriter::write(file, table).map(drop))
    }

    /// Writes a file piece by piece, and records its hash. Small pieces are not buffered.
    ///
    /// # Errors
    /// A [`FolderError`] if a system call fails, or the folder has a file of that name that the program did not write.
    pub fn write_with(
        &mut self,
        name: &str,
        write: impl FnOnce(&mut (dyn io::Write + Send)) -> io::Result<()>,
    ) -> Result<Digest, FolderError> {
        self.file(name, |file| {
            let mut hashed = Hashed::new(file);
            write(&mut hashed)?;
            Ok(hashed.into_parts().1)
        })
    }

    fn file<T>(&mut self, name: &str, write: impl FnOnce(&mut File) -> io::Result<T>) -> Result<T, FolderError> {
        let place = self.place.join(name);
        if self.owned.is_some_and(|owned| !owned.contains(name)) && fs::symlink_metadata(&place).is_ok() {
            return Err(FolderError::NotReplaceable { path: place, reason: UNLISTED });
        }
        let path = self.staging.join(name);
        if let Some(inner) = path.parent().filter(|inner| *inner != self.staging && !inner.exists()) {
            fs::create_dir(inner).map_err(|error| FolderError::io("write", self.place, error))?;
        }
        let written = File::create_new(path).and_then(|mut file| {
            let result = write(&mut file)?;
            file.sync_all()?;
            Ok(result)
        });
        self.names.push(name.to_owned());
        written.map_err(|error| FolderError::io("write", &place, error))
    }

    /// Syncs the files, and returns their names.
    pub(super) fn finish(self) -> Result<Vec<String>, FolderError> {
        sync_folder(self.staging).map_err(|error| FolderError::io("write", self.place, error))?;
        Ok(self.names)
    }
}

/// Creates the staged file or folder for a place, and locks it. Tries again if another command removed it as a leftover
/// before it was locked. Without locks, leftovers cannot be distinguished from files being written, and are kept.
pub(super) fn aside<T>(
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

/// The prefix of the names of staged files and folders for this place.
pub(super) fn partial_of(path: &Path) -> String {
    let name = path.file_name().unwrap_or_default().to_string_lossy();
    // Names have a limit, often 255 bytes.
    format!("{PARTIAL}{}-", name.chars().take(40).collect::<String>())
}

/// The staged files and folders in a folder whose names have this prefix.
pub(super) fn partial_in(folder: &Path, prefix: &str) -> Result<Vec<PathBuf>, FolderError> {
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

/// Removes the leftovers of files that were being written into a folder. The caller must hold the lock of the
/// folder.
///
/// # Errors
/// A [`FolderError`] if a system call fails.
pub fn remove_partial(folder: &Path) -> Result<(), FolderError> {
    partial_in(folder, PARTIAL)?.iter().try_for_each(|path| remove(path))
}

/// Removes the leftovers beside the place of a folder that commands write.
///
/// # Errors
/// A [`FolderError`] if a system call fails.
pub fn remove_left_beside(place: &Path) -> Result<(), FolderError> {
    remove_leftovers(&parent(place), &partial_of(place))
}

/// Removes the leftovers in a folder into which other commands may be writing: only those that are not locked.
fn remove_leftovers(folder: &Path, prefix: &str) -> Result<(), FolderError> {
    for path in partial_in(folder, prefix)? {
        // The lock is held until everything is removed, so that no other command begins to write there.
        if let Some(_lock) = Lock::to_remove(&path) {
            remove(&path)?;
        }
    }
    Ok(())
}

pub(super) fn remove(path: &Path) -> Result<(), FolderError> {
    let is_folder = fs::symlink_metadata(path).is_ok_and(|metadata| metadata.is_dir());
    let removed = if is_folder { fs::remove_dir_all(path) } else { fs::remove_file(path) };
    let is_gone = |error: &io::Error| error.kind() == io::ErrorKind::NotFound;
    removed
        .or_else(|error| if is_gone(&error) { Ok(()) } else { Err(error) })
        .map_err(|error| FolderError::io("remove", path, error))
}

/// Tests whether files can be written into a folder, by writing one.
pub(super) fn try_to_write(folder: &Path, prefix: &str) -> Result<(), FolderError> {
    let trial = tempfile::Builder::new().prefix(prefix).tempfile_in(folder);
    // If it cannot be removed again, it remains as a leftover.
    trial.map(drop).map_err(|error| FolderError::io("write in", folder, error))
}

pub(super) fn parent(path: &Path) -> PathBuf {
    match path.parent() {
        Some(parent) if !parent.as_os_str().is_empty() => parent.to_owned(),
        _ => PathBuf::from("."),
    }
}

/// Syncs a folder to the disk, which makes renames and removals in it durable.
///
/// # Errors
/// Those of the system.
pub fn sync_folder(path: &Path) -> io::Result<()> {
    if cfg!(unix) { File::open(path)?.sync_all() } else { Ok(()) }
}

/// A single file to be written.
#[derive(Clone, Debug)]
pub struct SingleFile {
    path: PathBuf,
    /// Whether it is a device or a pipe, which is written to directly.
    special: bool,
    /// Whether a file that was created there in the meantime may be replaced.
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
    /// A [`FolderError`] if the system reports an error.
    pub fn write(&self, bytes: &[u8]) -> Result<(), FolderError> {
        self.write_with(|file| file.write_all(bytes))
    }

    /// Begins to write it aside, which is not possible for a device or a pipe.
    ///
    /// # Errors
    /// A [`FolderError`] if the system reports an error.
    pub(super) fn stage(&self) -> Result<StagedFile, FolderError> {
        StagedFile::new(&self.path, self.force)
    }

    /// Whether it is a device or a pipe.
    pub(super) fn is_special(&self) -> bool {
        self.special
    }

    /// Writes it as [`SingleFile::write`] does, piece by piece. Small pieces are not collected.
    ///
    /// # Errors
    /// A [`FolderError`] if the system reports an error.
    pub fn write_with(&self, write: impl FnOnce(&mut File) -> io::Result<()>) -> Result<(), FolderError> {
        let io = |error| FolderError::io("write", &self.path, error);
        if !self.special {
            return write_aside(&self.path, self.force, |file| write(file).map_err(io));
        }
        File::options().write(true).open(&self.path).and_then(|mut file| write(&mut file)).map_err(io)
    }
}

/// Whether a file is one of those that a command reads.
fn is_input(input: &Path, file: &fs::Metadata) -> bool {
    let is_file = |path: &Path| fs::metadata(path).is_ok_and(|metadata| is_one(&metadata, file));
    let listed = if input.is_dir() { listed(&input.join(MANIFEST)).unwrap_or_default() } else { Vec::new() };
    let names = listed.into_iter().chain(in_all_formats(&OURS)).chain([MANIFEST.to_owned()]);
    is_file(input) || input.is_dir() && names.map(|name| input.join(name)).any(|path| is_file(&path))
}

/// Writes one file, completely or not at all, and replaces an existing one.
///
/// # Errors
/// A [`FolderError`] if a system call fails, or the existing file is not a regular one.
pub fn write_file(path: &Path, bytes: &[u8]) -> Result<(), FolderError> {
    write_file_with(path, |file| file.write_all(bytes).map_err(|error| FolderError::io("write", path, error)))
}

/// Writes one file as [`write_file`] does, piece by piece.
///
/// # Errors
/// Those of `write`, and a [`FolderError`] if a system call fails; the file is then unchanged.
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
    let mut staged = StagedFile::new(path, may_replace)?;
    write(staged.file())?;
    Ok(staged.appear()?)
}

/// A file that is being written aside: it appears at its place whole, or is taken away.
#[derive(Debug)]
pub(super) struct StagedFile {
    staged: NamedTempFile,
    place: PathBuf,
    may_replace: bool,
    /// Without it others would take the file for left behind.
    lock: Lock,
    /// The bytes that were written since the last sync was begun, and the thread that does that.
    unsynced: usize,
    syncing: Option<JoinHandle<io::Result<()>>>,
}

impl StagedFile {
    /// Creates an empty file beside its place, and removes leftovers there.
    fn new(path: &Path, may_replace: bool) -> Result<Self, FolderError> {
        let io = |error| FolderError::io("write", path, error);
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
        let make = || builder.tempfile_in(&parent).map_err(io);
        let lock = |file: &NamedTempFile| Lock::to_write_aside(file.path(), Some(file.as_file()));
        let (staged, lock) = aside(path, make, lock)?;
        Ok(Self { staged, place: path.to_owned(), may_replace, lock, unsynced: 0, syncing: None })
    }

    /// What is being written.
    pub(super) fn file(&mut self) -> &mut File {
        self.staged.as_file_mut()
    }

    /// Registers that so many bytes were written. Now and then a thread syncs them, so that little is left to sync at the
    /// end.
    fn note(&mut self, bytes: usize) -> io::Result<()> {
        self.unsynced += bytes;
        if self.unsynced >= limits::UNSYNCED_BYTES {
            self.unsynced = 0;
            self.end_sync()?;
            let file = self.file().try_clone()?;
            // If the system refuses the thread, all is synced at the end.
            self.syncing = thread::Builder::new().spawn(move || file.sync_data()).ok();
        }
        Ok(())
    }

    /// Waits for what a thread syncs.
    fn end_sync(&mut self) -> io::Result<()> {
        self.syncing.take().map_or(Ok(()), |thread| thread.join().unwrap_or_else(|panic| resume_unwind(panic)))
    }

    /// The error of writing it.
    pub(super) fn error(&self, error: io::Error) -> FolderError {
        FolderError::io("write", &self.place, error)
    }

    /// Syncs it and moves it to its place.
    ///
    /// # Errors
    /// A [`FolderError`] if a system call fails, or a file is there that may not be replaced.
    pub(super) fn appear(mut self) -> Result<(), FolderError> {
        let synced = self.end_sync();
        let Self { staged, place, may_replace, lock: _lock, .. } = self;
        let io = |error| FolderError::io("write", &place, error);
        synced.and_then(|()| staged.as_file().sync_all()).map_err(io)?;
        let placed = if may_replace { staged.persist(&place) } else { staged.persist_noclobber(&place) };
        placed.map_err(|error| match error.error {
            error if error.kind() == io::ErrorKind::AlreadyExists => FolderError::Exists(place.clone()),
            error => io(error),
        })?;
        sync_folder(&parent(&place)).map_err(io)
    }
}

impl io::Write for StagedFile {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let written = self.file().write(bytes)?;
        self.note(written).map(|()| written)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.file().flush()
    }
}
