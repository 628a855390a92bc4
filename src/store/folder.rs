//! Output folders: whole or not at all.
//!
//! Everything is first written beside its place and synced. A new folder then appears by a single
//! rename. Into a folder that exists (only with `force`) the files are renamed one by one, the old
//! ones having been set aside, their manifest first, and the new manifest put in last: a folder
//! without a manifest is incomplete, and every command says so.

use std::fmt;
use std::fs::{self, File};
use std::io::{self, Read as _, Write as _};
use std::path::{Path, PathBuf};

use super::inputs::INPUTS;
use super::limits::MANIFEST_BYTES;
use super::manifest::Manifest;

/// Name of the manifest, which comes last.
pub const MANIFEST: &str = "manifest.json";

/// What begins the name of all that is being written aside.
const PARTIAL: &str = ".backstop-partial-";

/// Files that a folder of ours may hold; with `force` old ones that are not written again are taken away.
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

/// Why a folder could not be written.
#[derive(Debug)]
pub enum FolderError {
    /// It is there and not empty, and `force` was not given.
    NotEmpty(PathBuf),
    /// There is a file in its place.
    NotAFolder(PathBuf),
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
    fn io(doing: &'static str, path: &Path, error: io::Error) -> Self {
        Self::Io { doing, path: path.to_owned(), error }
    }
}

impl fmt::Display for FolderError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::NotEmpty(path) => write!(f, "the folder `{}` is not empty", path.display()),
            Self::NotAFolder(path) => write!(f, "`{}` is a file, not a folder", path.display()),
            Self::Io { doing, path, error } => write!(f, "cannot {doing} `{}`: {error}", path.display()),
        }
    }
}

impl std::error::Error for FolderError {}

/// An output folder to be written.
#[derive(Clone, Debug)]
pub struct Folder {
    path: PathBuf,
    /// Whether it is there already.
    exists: bool,
}

impl Folder {
    /// Checks, before any work is done, that a folder may be written.
    ///
    /// # Errors
    /// A [`FolderError`] if there is something in its place that may not be replaced.
    pub fn claim(path: &Path, force: bool) -> Result<Self, FolderError> {
        let at = |error| FolderError::io("read", path, error);
        match fs::metadata(path) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(Self { path: path.to_owned(), exists: false }),
            Err(error) => Err(at(error)),
            Ok(metadata) if !metadata.is_dir() => Err(FolderError::NotAFolder(path.to_owned())),
            Ok(_) => {
                let is_empty = fs::read_dir(path).map_err(at)?.next().is_none();
                if is_empty || force {
                    Ok(Self { path: path.to_owned(), exists: !is_empty })
                } else {
                    Err(FolderError::NotEmpty(path.to_owned()))
                }
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

    /// Writes a folder beside its place and renames it.
    fn appear(&self, files: &[(&str, &[u8])]) -> Result<(), FolderError> {
        let io = |error| FolderError::io("write", &self.path, error);
        let parent = parent(&self.path);
        let staging = self.stage(&parent, files)?;
        open_to_all(staging.path()).map_err(io)?;
        fs::rename(staging.path(), &self.path).map_err(io)?;
        // It has been moved to its place; there is nothing left to clean up.
        let _ = staging.keep();
        sync_folder(&parent).map_err(|error| FolderError::io("sync", &self.path, error))
    }

    /// Writes files inside of the folder and renames them one by one.
    fn fill(&self, files: &[(&str, &[u8])]) -> Result<(), FolderError> {
        let staging = self.stage(&self.path, files)?;
        let result = self.replace(staging.path(), files);
        if let Err(FolderError::Io { doing: "restore", .. }) = &result {
            // The old files are still in it.
            let _ = staging.keep();
        }
        result
    }

    /// A temporary folder in `parent` with the files in it, all synced.
    fn stage(&self, parent: &Path, files: &[(&str, &[u8])]) -> Result<tempfile::TempDir, FolderError> {
        fs::create_dir_all(parent).map_err(|error| FolderError::io("create", parent, error))?;
        let staging = tempfile::Builder::new()
            .prefix(PARTIAL)
            .tempdir_in(parent)
            .map_err(|error| FolderError::io("write in", parent, error))?;
        for (name, bytes) in files {
            let path = staging.path().join(name);
            if let Some(inner) = path.parent().filter(|inner| *inner != staging.path() && !inner.exists()) {
                fs::create_dir(inner).map_err(|error| FolderError::io("write", &self.path, error))?;
                open_to_all(inner).map_err(|error| FolderError::io("write", &self.path, error))?;
            }
            write_synced(&path, bytes).map_err(|error| FolderError::io("write", &self.path.join(name), error))?;
        }
        sync_folder(staging.path()).map_err(|error| FolderError::io("write", &self.path, error))?;
        Ok(staging)
    }

    /// Sets the old files aside, the manifest first, and puts the staged ones in, the manifest last. Where that fails,
    /// it is undone.
    fn replace(&self, staging: &Path, files: &[(&str, &[u8])]) -> Result<(), FolderError> {
        let aside = staging.join("old");
        let io = |error| FolderError::io("write", &self.path, error);
        fs::create_dir(&aside).map_err(io)?;
        fs::create_dir(aside.join(INPUTS)).map_err(io)?;
        let inputs = self.path.join(INPUTS);
        if files.iter().any(|(name, _)| name.contains('/')) && !inputs.is_dir() {
            fs::create_dir(&inputs).map_err(io)?;
        }
        if fs::symlink_metadata(&inputs).is_ok_and(|metadata| metadata.is_symlink()) {
            return Err(io(io::Error::new(io::ErrorKind::NotADirectory, "`inputs` is a link to elsewhere")));
        }
        let kept = old_inputs(&self.path);
        let ours = std::iter::once(MANIFEST).chain(OURS).chain(kept.iter().map(String::as_str));
        let old = ours.map(|name| (self.path.join(name), aside.join(name)));
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
        if !kept.is_empty() {
            // It stays where something else is in it.
            let _ = fs::remove_dir(&inputs);
        }
        sync_folder(&self.path).map_err(|error| FolderError::io("sync", &self.path, error))
    }
}

/// The files in `inputs` that an earlier manifest lists as its own.
fn old_inputs(folder: &Path) -> Vec<String> {
    let bytes = read_file(&folder.join(MANIFEST), MANIFEST_BYTES).unwrap_or_default();
    let manifest = Manifest::from_json(&String::from_utf8_lossy(&bytes));
    let records = manifest.map(|manifest| manifest.inputs).unwrap_or_default();
    records.iter().filter(|record| record.is_plain()).map(|record| format!("{INPUTS}/{}", record.file)).collect()
}

/// Writes one file, whole or not at all; a device or a pipe is written to as it is.
///
/// # Errors
/// A [`FolderError`] where the system refuses.
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
    let io = |error| E::from(FolderError::io("write", path, error));
    let special = fs::metadata(path).is_ok_and(|metadata| !metadata.is_file());
    if special {
        return write(&mut File::options().write(true).open(path).map_err(io)?);
    }
    let parent = parent(path);
    let mut builder = tempfile::Builder::new();
    builder.prefix(PARTIAL);
    // Temporary files are made for their owner alone; this one is like any other.
    #[cfg(unix)]
    builder.permissions(std::os::unix::fs::PermissionsExt::from_mode(0o666));
    let mut staged = builder.tempfile_in(&parent).map_err(io)?;
    write(staged.as_file_mut())?;
    staged.as_file().sync_all().map_err(io)?;
    staged.persist(path).map_err(|error| io(error.error))?;
    sync_folder(&parent).map_err(io)
}

/// Takes away what a kill has left of files that were being written into a folder. Nobody may be writing there.
///
/// # Errors
/// A [`FolderError`] where the system refuses.
pub fn remove_partial(folder: &Path) -> Result<(), FolderError> {
    for entry in fs::read_dir(folder).map_err(|error| FolderError::io("read", folder, error))? {
        let entry = entry.map_err(|error| FolderError::io("read", folder, error))?;
        if entry.file_name().to_string_lossy().starts_with(PARTIAL) {
            let path = entry.path();
            let removed = if path.is_dir() { fs::remove_dir_all(&path) } else { fs::remove_file(&path) };
            removed.map_err(|error| FolderError::io("remove", &path, error))?;
        }
    }
    Ok(())
}

/// Opens a file of a folder that somebody else may have made: a plain one, no link to elsewhere, nothing that never
/// ends.
///
/// # Errors
/// Those of the system; `InvalidInput` for what is no plain file.
pub fn open_file(path: &Path) -> io::Result<File> {
    if fs::symlink_metadata(path)?.is_file() {
        return File::open(path);
    }
    Err(io::Error::new(io::ErrorKind::InvalidInput, "it is not a plain file"))
}

/// Reads a file of at most `limit` bytes.
///
/// # Errors
/// Those of the system; `FileTooLarge` beyond the limit.
pub fn read_file(path: &Path, limit: u64) -> io::Result<Vec<u8>> {
    let file = open_file(path)?;
    let said = file.metadata()?.len();
    let mut bytes = Vec::new();
    if said <= limit {
        // A file may grow meanwhile, and some say that they have no length at all.
        file.take(limit + 1).read_to_end(&mut bytes)?;
    }
    if said.max(bytes.len() as u64) > limit {
        return Err(io::Error::new(io::ErrorKind::FileTooLarge, format!("it has more than {limit} bytes")));
    }
    Ok(bytes)
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

/// Temporary folders are made for their owner alone; an output folder is like any other.
fn open_to_all(path: &Path) -> io::Result<()> {
    #[cfg(unix)]
    {
        use std::os::unix::fs::PermissionsExt as _;
        fs::set_permissions(path, fs::Permissions::from_mode(0o755))?;
    }
    #[cfg(not(unix))]
    let _ = path;
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_beyond_the_limit_is_not_read() {
        let file = tempfile::NamedTempFile::new().unwrap();
        file.as_file().set_len(4).unwrap();
        let error = read_file(file.path(), 3).unwrap_err();
        assert_eq!((error.kind(), &*error.to_string()), (io::ErrorKind::FileTooLarge, "it has more than 3 bytes"));
        assert_eq!(read_file(file.path(), 4).unwrap(), [0; 4]);
    }

    #[test]
    fn what_cannot_be_replaced_stays() {
        let folder = tempfile::tempdir().unwrap();
        let path = |name: &str| folder.path().join(name);
        fs::write(path(MANIFEST), "old").unwrap();
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
        for name in ["events.csv", MANIFEST, "summary.csv"] {
            assert_eq!(fs::read_to_string(path(name)).unwrap(), "old", "{name}");
        }
        // Out of the way, all goes in, and what is not written again is gone.
        fs::rename(path("runs.csv"), path("mine")).unwrap();
        claimed.write(&files).unwrap();
        assert_eq!(fs::read_to_string(path(MANIFEST)).unwrap(), "new");
        assert!(!path("summary.csv").exists() && path("mine").join("own").exists());
    }
}
