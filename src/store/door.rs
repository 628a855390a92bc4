//! Safe access to the files of an output folder that others may have made, and their hashes by SHA-256, also of such as
//! are written or read piece by piece.
//!
//! Links, pipes and devices are never opened: a folder must not lead outside of itself, and nothing in it may block a
//! command. A command that writes into a folder holds its [`Lock`].

use std::fs::{self, File, Metadata};
use std::io::{self, Read, Write};
use std::path::Path;

use serde::{Deserialize, Serialize};
use sha2::{Digest as _, Sha256};

use super::error::FolderError;

/// The number of attempts to lock a folder that is being replaced, and to create a staging folder.
pub(super) const ATTEMPTS: u32 = 16;

/// Opens a file for reading, in a folder that others may have made.
///
/// # Errors
/// Those of the system; `InvalidInput` for anything but a regular file.
pub fn open_file(path: &Path) -> io::Result<File> {
    ordinary(path, || File::open(path))
}

/// Opens an existing file for reading and appending.
///
/// # Errors
/// As [`open_file`], and `InvalidInput` for a file with several hard links, since the other names would be changed too.
pub fn open_to_append(path: &Path) -> io::Result<File> {
    let file = ordinary(path, || File::options().read(true).append(true).open(path))?;
    if names(&file.metadata()?) > 1 {
        return Err(io::Error::new(io::ErrorKind::InvalidInput, "it is a hard link: the file has another name too"));
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
    // It may have been replaced by a link since the check.
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
        // The file may grow while it is read, and some files report no length.
        file.take(limit + 1).read_to_end(&mut bytes)?;
    }
    if said.max(bytes.len() as u64) > limit {
        return Err(io::Error::new(io::ErrorKind::FileTooLarge, format!("it has more than {limit} bytes")));
    }
    Ok(bytes)
}

/// Whether two metadata belong to the same file.
#[cfg(unix)]
pub(super) fn is_one(one: &Metadata, other: &Metadata) -> bool {
    use std::os::unix::fs::MetadataExt as _;
    (one.dev(), one.ino()) == (other.dev(), other.ino())
}

/// On systems without file ids, only the kind is compared.
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

/// An operating-system lock on a folder, released when its holder ends. The lock is on the folder itself, so no lock
/// file is needed. On file systems without such locks it has no effect.
#[derive(Debug)]
pub struct Lock {
    folder: Option<File>,
}

impl Drop for Lock {
    /// Unlocks explicitly, since a child process that is just starting may still hold the inherited handle.
    fn drop(&mut self) {
        if let Some(folder) = &self.folder {
            let _ = folder.unlock();
        }
    }
}

impl Lock {
    /// Locks a folder for writing: no other process may write it, or read it as a whole, at the same time.
    ///
    /// # Errors
    /// [`FolderError::Busy`] if another process has it.
    pub fn to_write(folder: &Path) -> Result<Self, FolderError> {
        Self::take(folder, File::try_lock)
    }

    /// Locks a folder for reading: others may read it too, but not write into it.
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
            // Another folder may have been put in its place before the lock was taken.
            if is_one(&there, &locked) {
                return Ok(Self { folder: Some(file) });
            }
        }
        Err(FolderError::Busy(folder.to_owned()))
    }

    /// Locks an abandoned folder or file for removal; `None` if it is still being written, or is neither a folder nor a
    /// plain file.
    pub(super) fn to_remove(path: &Path) -> Option<Self> {
        let there = fs::symlink_metadata(path).ok().filter(|there| there.is_dir() || there.is_file())?;
        let file = File::open(path).ok()?;
        file.try_lock().ok()?;
        let locked = Self { folder: Some(file) };
        let is_same = |file: &File| file.metadata().is_ok_and(|metadata| is_one(&there, &metadata));
        (fs::symlink_metadata(path).is_ok() && locked.folder.as_ref().is_some_and(is_same)).then_some(locked)
    }

    /// Locks a newly created staging folder or file, which is open; `None` if another process has already removed it as
    /// abandoned.
    pub(super) fn to_write_aside(path: &Path, open: Option<&File>) -> Option<Self> {
        let none = Self { folder: None };
        // Some systems allow only the handle with the lock to write.
        let file = match open.map_or_else(|| File::open(path), File::try_clone) {
            Ok(file) => file,
            Err(error) if error.kind() == io::ErrorKind::NotFound => return None,
            // If folders cannot be opened, they cannot be locked, and are never removed as abandoned.
            Err(_) => return Some(none),
        };
        match file.try_lock() {
            Ok(()) => {}
            Err(fs::TryLockError::WouldBlock) => return None,
            Err(fs::TryLockError::Error(_)) => return Some(none),
        }
        let is_there = fs::symlink_metadata(path).is_ok_and(|there| {
            // Its name may now belong to another folder or file.
            file.metadata().is_ok_and(|locked| is_one(&there, &locked))
        });
        is_there.then_some(Self { folder: Some(file) })
    }
}

/// A SHA-256 in hexadecimal.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Digest(pub String);

impl Digest {
    /// The hash of the data that a hasher has received.
    #[must_use]
    pub fn of(hasher: Sha256) -> Self {
        Self(hasher.finalize().iter().map(|byte| format!("{byte:02x}")).collect())
    }
}

/// The SHA-256 of some bytes.
#[must_use]
pub fn digest(bytes: &[u8]) -> Digest {
    Digest::of(Sha256::new_with_prefix(bytes))
}

/// A reader or writer that hashes the bytes that pass through it.
#[derive(Debug)]
pub(super) struct Hashed<T> {
    inner: T,
    hasher: Sha256,
}

impl<T> Hashed<T> {
    pub(super) fn new(inner: T) -> Self {
        Self { inner, hasher: Sha256::new() }
    }

    /// The inner reader or writer, and the hash.
    pub(super) fn into_parts(self) -> (T, Digest) {
        (self.inner, Digest::of(self.hasher))
    }
}

impl<W: Write> Write for Hashed<W> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let written = self.inner.write(bytes)?;
        self.hasher.update(&bytes[..written]);
        Ok(written)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.inner.flush()
    }
}

impl<R: Read> Read for Hashed<R> {
    fn read(&mut self, bytes: &mut [u8]) -> io::Result<usize> {
        let read = self.inner.read(bytes)?;
        self.hasher.update(&bytes[..read]);
        Ok(read)
    }
}
