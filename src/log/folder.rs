//! Output folders: whole or not at all.
//!
//! Everything is first written beside its place and synced. A new folder then appears by a single
//! rename. Into a folder that exists (only with `force`) the files are renamed one by one, the old
//! manifest having been taken away first and the new one put in last: a folder without a manifest is
//! incomplete, and every command says so.

use std::fmt;
use std::fs::{self, File};
use std::io::{self, Write as _};
use std::path::{Path, PathBuf};

/// Name of the manifest, which comes last.
pub const MANIFEST: &str = "manifest.json";

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
        let at = |error| FolderError::Io { doing: "read", path: path.to_owned(), error };
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
    /// `replace` a file (then it lacks a manifest, and is incomplete) or to `sync` what is there already.
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
        let io = |error| FolderError::Io { doing: "write", path: self.path.clone(), error };
        let parent = parent(&self.path);
        let staging = self.stage(&parent, files)?;
        open_to_all(staging.path()).map_err(io)?;
        fs::rename(staging.path(), &self.path).map_err(io)?;
        // It has been moved to its place; there is nothing left to clean up.
        let _ = staging.keep();
        sync_folder(&parent).map_err(|error| FolderError::Io { doing: "sync", path: self.path.clone(), error })
    }

    /// Writes files inside of the folder and renames them one by one.
    fn fill(&self, files: &[(&str, &[u8])]) -> Result<(), FolderError> {
        let staging = self.stage(&self.path, files)?;
        self.replace(staging.path(), files)
    }

    /// A temporary folder in `parent` with the files in it, all synced.
    fn stage(&self, parent: &Path, files: &[(&str, &[u8])]) -> Result<tempfile::TempDir, FolderError> {
        let io = |doing, path: &Path, error| FolderError::Io { doing, path: path.to_owned(), error };
        fs::create_dir_all(parent).map_err(|error| io("create", parent, error))?;
        let staging = tempfile::Builder::new()
            .prefix(".backstop-partial-")
            .tempdir_in(parent)
            .map_err(|error| io("write in", parent, error))?;
        for (name, bytes) in files {
            let path = staging.path().join(name);
            write_synced(&path, bytes).map_err(|error| io("write", &self.path.join(name), error))?;
        }
        sync_folder(staging.path()).map_err(|error| io("write", &self.path, error))?;
        Ok(staging)
    }

    fn replace(&self, staging: &Path, files: &[(&str, &[u8])]) -> Result<(), FolderError> {
        let io = |doing, path: &Path, error| FolderError::Io { doing, path: path.to_owned(), error };
        let old = std::iter::once(MANIFEST)
            .chain(OURS)
            .filter(|old| files.iter().all(|(new, _)| new != old || *old == MANIFEST));
        for name in old {
            let path = self.path.join(name);
            match fs::remove_file(&path) {
                Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(io("replace", &path, error)),
                _ => {}
            }
        }
        let last = files.iter().filter(|(name, _)| *name == MANIFEST);
        for (name, _) in files.iter().filter(|(name, _)| *name != MANIFEST).chain(last) {
            let path = self.path.join(name);
            fs::rename(staging.join(name), &path).map_err(|error| io("replace", &path, error))?;
        }
        sync_folder(&self.path).map_err(|error| io("sync", &self.path, error))
    }
}

/// Writes one file, whole or not at all; a device or a pipe is written to as it is.
///
/// # Errors
/// A [`FolderError`] where the system refuses.
pub fn write_file(path: &Path, bytes: &[u8]) -> Result<(), FolderError> {
    let io = |error| FolderError::Io { doing: "write", path: path.to_owned(), error };
    let special = fs::metadata(path).is_ok_and(|metadata| !metadata.is_file());
    if special {
        return File::options().write(true).open(path).and_then(|mut file| file.write_all(bytes)).map_err(io);
    }
    let parent = parent(path);
    let mut builder = tempfile::Builder::new();
    builder.prefix(".backstop-partial-");
    // Temporary files are made for their owner alone; this one is like any other.
    #[cfg(unix)]
    builder.permissions(std::os::unix::fs::PermissionsExt::from_mode(0o666));
    let mut staged = builder.tempfile_in(&parent).map_err(io)?;
    staged.write_all(bytes).and_then(|()| staged.as_file().sync_all()).map_err(io)?;
    staged.persist(path).map_err(|error| io(error.error))?;
    sync_folder(&parent).map_err(io)
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

/// A rename is only safe on disk once its folder is.
fn sync_folder(path: &Path) -> io::Result<()> {
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
