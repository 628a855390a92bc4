//! The one door to the files of an output folder, which somebody else may have made.
//!
//! Nothing is opened for reading or writing that is a link, a pipe or a device: a folder must not reach outside of
//! itself, and nothing in it may keep a command waiting for ever. Whoever writes into a folder holds its [`Lock`].

use std::fs::{self, File, Metadata};
use std::io::{self, Read as _};
use std::path::Path;

use super::error::FolderError;

/// How often a folder is looked up again that was replaced while its lock was taken, and how often one is made to be
/// written aside.
pub(super) const ATTEMPTS: u32 = 16;

/// Opens a file of a folder that somebody else may have made, for reading.
///
/// # Errors
/// Those of the system; `InvalidInput` for what is no ordinary file.
pub fn open_file(path: &Path) -> io::Result<File> {
    ordinary(path, || File::open(path))
}

/// Opens a file that is there for reading and for writing at its end.
///
/// # Errors
/// As [`open_file`], and `InvalidInput` for a file that has another name besides, which would be changed with it.
pub fn open_to_append(path: &Path) -> io::Result<File> {
    let file = ordinary(path, || File::options().read(true).append(true).open(path))?;
    if names(&file.metadata()?) > 1 {
        return Err(io::Error::new(io::ErrorKind::InvalidInput, "it is a link to a file that has another name too"));
    }
    Ok(file)
}

fn ordinary(path: &Path, open: impl FnOnce() -> io::Result<File>) -> io::Result<File> {
    let wrong = || io::Error::new(io::ErrorKind::InvalidInput, "it is not a plain file");
    let before = fs::symlink_metadata(path)?;
    if !before.is_file() {
        return Err(wrong());
    }
    let file = open()?;
    // It may have been replaced by a link in between.
    if is_one(&before, &file.metadata()?) { Ok(file) } else { Err(wrong()) }
}

/// Reads a file of at most `limit` bytes.
///
/// # Errors
/// Those of [`open_file`]; `FileTooLarge` beyond the limit.
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

/// Whether two descriptions are of one file.
#[cfg(unix)]
pub(super) fn is_one(one: &Metadata, other: &Metadata) -> bool {
    use std::os::unix::fs::MetadataExt as _;
    (one.dev(), one.ino()) == (other.dev(), other.ino())
}

/// Where the system does not tell files apart, the kind has to do.
#[cfg(not(unix))]
pub(super) fn is_one(one: &Metadata, other: &Metadata) -> bool {
    one.file_type() == other.file_type()
}

#[cfg(unix)]
fn names(metadata: &Metadata) -> u64 {
    std::os::unix::fs::MetadataExt::nlink(metadata)
}

#[cfg(not(unix))]
fn names(_: &Metadata) -> u64 {
    1
}

/// A lock on a folder, of the operating system, which ends with its holder. It lies on the folder itself, so that no
/// file is left behind. Where the file system has no such locks there is none.
#[derive(Debug)]
pub struct Lock {
    folder: Option<File>,
}

impl Drop for Lock {
    /// Unlocks it for a child process too that is just being started and has not yet closed what it inherited.
    fn drop(&mut self) {
        if let Some(folder) = &self.folder {
            let _ = folder.unlock();
        }
    }
}

impl Lock {
    /// The lock of one who writes into a folder: nobody else may write or read it as a whole meanwhile.
    ///
    /// # Errors
    /// [`FolderError::Busy`] if another process has it.
    pub fn to_write(folder: &Path) -> Result<Self, FolderError> {
        Self::take(folder, File::try_lock)
    }

    /// The lock of one who reads a folder as a whole: others may read it too, but nobody may write into it meanwhile.
    ///
    /// # Errors
    /// [`FolderError::Busy`] if another process is writing into it.
    pub fn to_read(folder: &Path) -> Result<Self, FolderError> {
        Self::take(folder, File::try_lock_shared)
    }

    fn take(folder: &Path, lock: fn(&File) -> Result<(), fs::TryLockError>) -> Result<Self, FolderError> {
        let none = Self { folder: None };
        for _ in 0..ATTEMPTS {
            let Ok(file) = File::open(folder) else { return Ok(none) };
            match lock(&file) {
                Ok(()) => {}
                Err(fs::TryLockError::WouldBlock) => break,
                Err(fs::TryLockError::Error(_)) => return Ok(none),
            }
            let (Ok(there), Ok(locked)) = (fs::metadata(folder), file.metadata()) else { return Ok(none) };
            // Another one may have been put into its place before the lock was taken.
            if is_one(&there, &locked) {
                return Ok(Self { folder: Some(file) });
            }
        }
        Err(FolderError::Busy(folder.to_owned()))
    }

    /// The lock of one who takes away a folder or a file that somebody has left behind; none where it is still being
    /// written, or is neither a folder nor a plain file.
    pub(super) fn to_remove(path: &Path) -> Option<Self> {
        let there = fs::symlink_metadata(path).ok().filter(|there| there.is_dir() || there.is_file())?;
        let file = File::open(path).ok()?;
        file.try_lock().ok()?;
        let locked = Self { folder: Some(file) };
        let is_same = |file: &File| file.metadata().is_ok_and(|metadata| is_one(&there, &metadata));
        (fs::symlink_metadata(path).is_ok() && locked.folder.as_ref().is_some_and(is_same)).then_some(locked)
    }

    /// The lock of one who has just made a folder or a file, which is open, to write it aside; none where it has been
    /// taken away since, by one who took it for left behind.
    pub(super) fn to_write_aside(path: &Path, open: Option<&File>) -> Option<Self> {
        let none = Self { folder: None };
        // Some systems let nobody but the handle that has the lock write.
        let file = match open.map_or_else(|| File::open(path), File::try_clone) {
            Ok(file) => file,
            Err(error) if error.kind() == io::ErrorKind::NotFound => return None,
            // Where folders cannot be opened there are no locks on them, and nobody takes them away.
            Err(_) => return Some(none),
        };
        match file.try_lock() {
            Ok(()) => {}
            Err(fs::TryLockError::WouldBlock) => return None,
            Err(fs::TryLockError::Error(_)) => return Some(none),
        }
        let is_there = fs::symlink_metadata(path).is_ok_and(|there| {
            // Its name may have been given to another one.
            file.metadata().is_ok_and(|locked| is_one(&there, &locked))
        });
        is_there.then_some(Self { folder: Some(file) })
    }
}
