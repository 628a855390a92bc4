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
use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use super::door::Lock;
use super::error::FolderError;
use super::inputs::INPUTS;
use super::listed::{MANIFEST, OURS, in_all_formats, listed};
use super::staging::{
    PARTIAL, StagedFiles, Staging, UNLISTED, parent, partial_in, partial_of, remove, remove_partial, sync_folder,
    try_to_write,
};

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
    /// As [`Folder::write_with`].
    pub fn write(&self, files: &[(&str, &[u8])]) -> Result<(), FolderError> {
        self.write_with(&mut |staged| files.iter().try_for_each(|(name, bytes)| staged.write(name, bytes)))
    }

    /// Writes the files that `write` stages, the manifest among them, whole or not at all. Where the folder cannot appear
    /// at its place and has to be filled there, `write` is called a second time.
    ///
    /// # Errors
    /// Those of `write`, and a [`FolderError`] where the system refuses; the folder is then as it was, unless what could
    /// not be done is to `restore` it (then it lacks a manifest, and is incomplete) or to `sync` what is there already.
    pub fn write_with(
        &self,
        write: &mut dyn FnMut(&mut StagedFiles<'_>) -> Result<(), FolderError>,
    ) -> Result<(), FolderError> {
        if self.exists {
            return self.fill(write);
        }
        match self.appear(write) {
            // A mount point, the current folder or a link to one cannot be replaced, but filled.
            Err(_) if is_empty_folder(&self.path) => self.fill(write),
            other => other,
        }
    }

    /// The locks that keep others from writing into the folder, for who goes on writing into it.
    #[must_use]
    pub fn into_locks(self) -> Vec<Lock> {
        self.locks.into_inner()
    }

    /// Writes a folder beside its place and renames it.
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

    /// Writes files inside of the folder and renames them one by one.
    fn fill(&self, write: &mut dyn FnMut(&mut StagedFiles<'_>) -> Result<(), FolderError>) -> Result<(), FolderError> {
        let inputs = self.path.join(INPUTS);
        if fs::symlink_metadata(&inputs).is_ok_and(|metadata| !metadata.is_dir()) {
            return Err(FolderError::NotOurs { path: inputs, reason: "it is a link to elsewhere, or a file" });
        }
        let staging = Staging::new(&self.path, &self.path, PARTIAL)?;
        let mut staged = StagedFiles::new(staging.path(), &self.path, Some(&self.owned));
        write(&mut staged)?;
        let names = staged.finish()?;
        let result = self.replace(staging.path(), &names);
        if let Err(FolderError::Io { doing: "restore", .. }) = &result {
            // The old files are still in it.
            staging.keep();
            return result;
        }
        result?;
        drop(staging);
        remove_partial(&self.path)
    }

    /// Sets the old files aside, the manifest first, and puts the staged ones in, the manifest last. Where that fails,
    /// it is undone.
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
    for name in in_all_formats(&OURS) {
        let path = folder.join(&name);
        if !owned.contains(&name) && fs::symlink_metadata(&path).is_ok() {
            return not_ours(&path, UNLISTED);
        }
    }
    Ok(owned)
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
