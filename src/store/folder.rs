//! Output folders. They are written completely or not at all, and files of others are not touched.
//!
//! All files are first written to a staging folder beside the destination and synced. A new folder then appears by a
//! single rename. In an existing folder the files are replaced one by one: the old files are moved aside, starting with
//! the manifest, and the new manifest is put in last. So a folder without a manifest is incomplete, and every command
//! reports that.
//!
//! With `force`, a folder is replaced only if its manifest says that this program wrote it, and only the files that the
//! manifest lists are replaced.

use std::cell::RefCell;
use std::collections::BTreeSet;
use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use super::door::Lock;
use super::error::FolderError;
use super::inputs::INPUTS;
use super::manifest::{MANIFEST, OURS, in_all_formats, listed};
use super::staging::{
    PARTIAL, StagedFiles, Staging, UNLISTED, parent, partial_in, partial_of, remove, remove_partial, sync_folder,
    try_to_write,
};

/// An output folder that will be written.
#[derive(Debug)]
pub struct Folder {
    path: PathBuf,
    /// Whether it exists and is not empty.
    exists: bool,
    /// The files in it that may be replaced.
    owned: BTreeSet<String>,
    /// Locks against other writers: of the folder that existed, and of the one that replaced it.
    locks: RefCell<Vec<Lock>>,
}

impl Folder {
    /// Checks that a folder may be written, before the work begins, and locks it if it exists.
    ///
    /// # Errors
    /// A [`FolderError`] if something in its place may not be replaced, if another process is writing into it, or if it
    /// is not writable.
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

    /// Writes the files, including the manifest, completely or not at all.
    ///
    /// # Errors
    /// As [`Folder::write_with`].
    pub fn write(&self, files: &[(&str, &[u8])]) -> Result<(), FolderError> {
        self.write_with(&mut |staged| files.iter().try_for_each(|(name, bytes)| staged.write(name, bytes)))
    }

    /// Writes the files that `write` stages, including the manifest, completely or not at all. If the folder cannot be
    /// moved to its place and has to be filled there, `write` is called a second time.
    ///
    /// # Errors
    /// Those of `write`, and a [`FolderError`] if a system call fails. The folder is then unchanged, unless the failed
    /// operation is `restore` (then it has no manifest, and is incomplete) or the final `sync`.
    pub fn write_with(
        &self,
        write: &mut dyn FnMut(&mut StagedFiles<'_>) -> Result<(), FolderError>,
    ) -> Result<(), FolderError> {
        if self.exists {
            return self.fill(write);
        }
        match self.appear(write) {
            // A mount point, the current folder or a link to a folder cannot be replaced, but its contents can.
            Err(_) if is_empty_folder(&self.path) => self.fill(write),
            other => other,
        }
    }

    /// The locks against other writers, for a caller that continues to write into the folder.
    #[must_use]
    pub fn into_locks(self) -> Vec<Lock> {
        self.locks.into_inner()
    }

    /// Writes a staging folder and renames it.
    fn appear(
        &self,
        write: &mut dyn FnMut(&mut StagedFiles<'_>) -> Result<(), FolderError>,
    ) -> Result<(), FolderError> {
        let staging = Staging::beside(&self.path)?;
        let mut staged = StagedFiles::new(staging.path(), &self.path, None);
        write(&mut staged)?;
        staged.finish()?;
        let (lock, synced) = staging.appear()?;
        self.locks.borrow_mut().push(lock);
        synced.map_err(|error| FolderError::io("sync", &self.path, error))
    }

    /// Writes files to a staging folder inside the folder and renames them one by one.
    fn fill(&self, write: &mut dyn FnMut(&mut StagedFiles<'_>) -> Result<(), FolderError>) -> Result<(), FolderError> {
        let inputs = self.path.join(INPUTS);
        if fs::symlink_metadata(&inputs).is_ok_and(|metadata| !metadata.is_dir()) {
            return Err(FolderError::NotReplaceable { path: inputs, reason: "it is a link or a file" });
        }
        let staging = Staging::new(&self.path, &self.path, PARTIAL)?;
        let mut staged = StagedFiles::new(staging.path(), &self.path, Some(&self.owned));
        write(&mut staged)?;
        let names = staged.finish()?;
        let result = self.replace(staging.path(), &names);
        if let Err(FolderError::Io { doing: "restore", .. }) = &result {
            // The old files are still in the staging folder.
            staging.keep();
            return result;
        }
        result?;
        drop(staging);
        remove_partial(&self.path)
    }

    /// Moves the old files aside, the manifest first, and moves the staged files in, the manifest last. Undoes all of
    /// it on an error.
    fn replace(&self, staging: &Path, names: &[String]) -> Result<(), FolderError> {
        let aside = staging.join("old");
        let io = |error| FolderError::io("write", &self.path, error);
        fs::create_dir(&aside).map_err(io)?;
        let inputs = self.path.join(INPUTS);
        let is_inner = |name: &str| name.contains('/');
        if self.owned.iter().any(|name| is_inner(name)) {
            fs::create_dir(aside.join(INPUTS)).map_err(io)?;
        }
        if names.iter().any(|name| is_inner(name)) && !inputs.is_dir() {
            fs::create_dir(&inputs).map_err(io)?;
        }
        let owned = self.owned.iter().map(String::as_str).filter(|name| *name != MANIFEST);
        let old = std::iter::once(MANIFEST).chain(owned).map(|name| (self.path.join(name), aside.join(name)));
        let is_file = |path: &Path| fs::symlink_metadata(path).is_ok_and(|metadata| !metadata.is_dir());
        let new = names.iter().map(String::as_str).filter(|name| *name != MANIFEST).chain([MANIFEST]);
        let moves: Vec<(PathBuf, PathBuf)> = old
            .filter(|(from, _)| is_file(from))
            .chain(new.map(|name| (staging.join(name), self.path.join(name))))
            .collect();
        for (at, (from, to)) in moves.iter().enumerate() {
            if let Err(error) = fs::rename(from, to) {
                // In reverse, so that the old manifest is restored last.
                let is_undone = moves[..at].iter().rev().all(|(from, to)| fs::rename(to, from).is_ok());
                let name = from.file_name().unwrap_or_default();
                let doing = if is_undone { "replace" } else { "restore" };
                return Err(FolderError::io(doing, &self.path.join(name), error));
            }
        }
        if self.owned.iter().any(|name| is_inner(name)) {
            // It is kept if it contains anything else.
            let _ = fs::remove_dir(&inputs);
        }
        sync_folder(&self.path).map_err(|error| FolderError::io("sync", &self.path, error))
    }
}

/// Removes a folder. If the command is killed, the folder is either complete, or abandoned and removed by the next
/// command.
///
/// # Errors
/// A [`FolderError`] if the system reports an error.
pub fn remove_folder(folder: &Path) -> Result<(), FolderError> {
    let staging = Staging::beside(folder)?;
    let aside = staging.path().join("old");
    fs::rename(folder, &aside).map_err(|error| FolderError::io("remove", folder, error))?;
    remove(&aside)
}

/// The files of a folder that this program wrote, according to its manifest or to those of an interrupted replacement.
fn replaceable(folder: &Path) -> Result<BTreeSet<String>, FolderError> {
    let mut manifests = vec![folder.join(MANIFEST)];
    if fs::symlink_metadata(&manifests[0]).is_err() {
        manifests = partial_in(folder, PARTIAL)?
            .into_iter()
            .flat_map(|partial| [partial.join(MANIFEST), partial.join("old").join(MANIFEST)])
            .filter(|path| fs::symlink_metadata(path).is_ok())
            .collect();
    }
    let not_replaceable = |path: &Path, reason| Err(FolderError::NotReplaceable { path: path.to_owned(), reason });
    if manifests.is_empty() {
        return not_replaceable(folder, "it has no `manifest.json` of this program");
    }
    let mut owned = BTreeSet::from([MANIFEST.to_owned()]);
    for manifest in manifests {
        match listed(&manifest) {
            Ok(names) => owned.extend(names),
            Err(reason) => return not_replaceable(folder, reason),
        }
    }
    for name in in_all_formats(&OURS) {
        let path = folder.join(&name);
        if !owned.contains(&name) && fs::symlink_metadata(&path).is_ok() {
            return not_replaceable(&path, UNLISTED);
        }
    }
    Ok(owned)
}

/// The folder itself if it exists, or its nearest existing ancestor.
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
    fn files_that_cannot_be_replaced_are_kept() {
        let folder = tempfile::tempdir().unwrap();
        let path = |name: &str| folder.path().join(name);
        fs::write(path(MANIFEST), OLD).unwrap();
        fs::write(path("events.csv"), "old").unwrap();
        fs::write(path("summary.csv"), "old").unwrap();
        // A foreign folder has the name of a file.
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
        // With the folder moved away, all files are written, and files that are not written again are removed.
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
        // The lock belongs to the folder that has just appeared.
        assert!(matches!(Folder::claim(&out, true), Err(FolderError::Busy(_))));
        assert!(matches!(Lock::to_read(&out), Err(FolderError::Busy(_))));
        drop(first);
        let readers = (Lock::to_read(&out).unwrap(), Lock::to_read(&out).unwrap());
        assert!(matches!(Folder::claim(&out, true), Err(FolderError::Busy(_))));
        drop(readers);
        Folder::claim(&out, true).unwrap();
    }
}
