//! Single files: whole or not at all.

use std::fs::{self, File};
use std::io::{self, Write as _};
use std::path::{Path, PathBuf};

use tempfile::NamedTempFile;

use super::door::{Lock, is_one};
use super::error::FolderError;
use super::listed::{MANIFEST, OURS, in_all_formats, listed};
use super::staging::{aside, parent, partial_of, remove_leftovers, sync_folder, try_to_write};

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
    /// A [`FolderError`] if the system reports an error.
    pub fn write(&self, bytes: &[u8]) -> Result<(), FolderError> {
        self.write_with(|file| file.write_all(bytes))
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
