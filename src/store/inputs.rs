//! The files to which a scenario refers: the originals, relative to the scenario file, and the copies in the folder of
//! a run.

use std::fs;
use std::io::{self, Read as _};
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};

use super::door::{Digest, digest, open_file};
use crate::scenario::{AttachmentError, Attachments, Document, Role, too_large};

/// The name of the subfolder with the copies, in the folder of a run or sweep.
pub const INPUTS: &str = "inputs";

/// A file that a scenario refers to, as a manifest lists it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct InputRecord {
    /// The path given in the scenario, relative to the scenario file.
    pub path: String,
    /// Its name in the folder `inputs`.
    pub file: String,
    /// Its SHA-256.
    pub sha256: Digest,
}

impl InputRecord {
    /// The files that a document refers to.
    #[must_use]
    pub fn of(document: &Document) -> Vec<Self> {
        let mut records: Vec<Self> = Vec::new();
        for (attachment, bytes) in document.attachments() {
            let own = plain_name(&attachment.location);
            let is_taken = |name: &str| records.iter().any(|record| record.file.eq_ignore_ascii_case(name));
            let numbered = (2..).map(|number| format!("{number}-{own}"));
            let file = std::iter::once(own.clone()).chain(numbered).find(|name| !is_taken(name)).unwrap_or_default();
            records.push(Self { path: attachment.location.clone(), file, sha256: digest(bytes) });
        }
        records
    }

    /// Whether its name is one that this program would generate, so that it cannot lead elsewhere.
    pub(super) fn is_plain(&self) -> bool {
        !self.file.is_empty() && plain_name(&self.file) == self.file
    }
}

/// The last part of a location, reduced to characters that are valid on every file system.
fn plain_name(location: &str) -> String {
    let name = location.rsplit('/').next().unwrap_or_default();
    let plain = |c: char| if c.is_ascii_alphanumeric() || matches!(c, '.' | '_' | '-') { c } else { '_' };
    let name: String = name.chars().take(100).map(plain).collect();
    if name.starts_with('.') { format!("_{name}") } else { name }
}

/// The files of a document, each with its name in the folder of a run.
#[must_use]
pub fn input_files(document: &Document) -> Vec<(String, &[u8])> {
    let records = InputRecord::of(document);
    let named = records.into_iter().map(|record| format!("{INPUTS}/{}", record.file));
    named.zip(document.attachments().map(|(_, bytes)| bytes)).collect()
}

/// Reads the files to which a scenario refers from the file system, relative to the folder of the scenario file.
#[derive(Clone, Debug)]
pub struct ScenarioFiles {
    folder: PathBuf,
}

impl ScenarioFiles {
    /// The files of the scenario at `path`.
    #[must_use]
    pub fn of(path: &Path) -> Self {
        let folder = path.parent().filter(|folder| !folder.as_os_str().is_empty());
        Self { folder: folder.map_or_else(|| PathBuf::from("."), Path::to_owned) }
    }
}

impl Attachments for ScenarioFiles {
    /// Reads a regular file. Links are allowed only above the scenario's own folder.
    fn read(&mut self, location: &str, _: Role, limit: u64) -> Result<Vec<u8>, AttachmentError> {
        let mut path = self.folder.clone();
        for part in location.split('/') {
            path.push(part);
            if part != ".." && fs::symlink_metadata(&path).is_ok_and(|metadata| metadata.is_symlink()) {
                let shown = path.display();
                return Err(AttachmentError {
                    message: format!("is reached through a link, `{shown}`"),
                    help: "replace the link by the file itself".into(),
                });
            }
        }
        read_plain(&path, limit)
    }
}

/// Reads the copies of the inputs in the folder of a run, and checks their hashes.
#[derive(Clone, Debug)]
pub struct StoredInputs {
    folder: PathBuf,
    records: Vec<InputRecord>,
}

impl StoredInputs {
    /// The copies in `folder` that its manifest lists.
    #[must_use]
    pub fn of(folder: &Path, records: &[InputRecord]) -> Self {
        Self { folder: folder.join(INPUTS), records: records.to_vec() }
    }
}

impl Attachments for StoredInputs {
    fn read(&mut self, location: &str, _: Role, limit: u64) -> Result<Vec<u8>, AttachmentError> {
        let edited = |message: String| AttachmentError { message, help: "run the scenario again".into() };
        let Some(record) = self.records.iter().find(|record| record.path == location) else {
            return Err(edited("is not among the inputs in the manifest".into()));
        };
        // A forged manifest may name files elsewhere.
        if !record.is_plain() {
            return Err(edited("has an invalid name in the manifest".into()));
        }
        if fs::symlink_metadata(&self.folder).is_ok_and(|metadata| metadata.is_symlink()) {
            return Err(edited(format!("is reached through a link, `{}`", self.folder.display())));
        }
        let bytes = read_plain(&self.folder.join(&record.file), limit)?;
        if digest(&bytes) != record.sha256 {
            return Err(edited(format!("was changed after the run, as `{INPUTS}/{}`", record.file)));
        }
        Ok(bytes)
    }
}

/// The bytes of a regular file.
#[expect(clippy::wildcard_enum_match_arm, reason = "all other system errors have the same message")]
fn read_plain(path: &Path, limit: u64) -> Result<Vec<u8>, AttachmentError> {
    let wrong = |error: io::Error| {
        let (message, help) = match error.kind() {
            io::ErrorKind::NotFound => ("does not exist".to_owned(), "check the path, which is relative to this file"),
            io::ErrorKind::InvalidInput => {
                ("is not a regular file".to_owned(), "give the path of a file, not of a folder, device or pipe")
            }
            _ => (format!("cannot be read: {error}"), "check the path and the permissions of the file"),
        };
        AttachmentError { message, help: help.into() }
    };
    let file = open_file(path).map_err(wrong)?;
    let length = file.metadata().map_err(wrong)?.len();
    if length > limit {
        return Err(too_large(limit));
    }
    let mut bytes = Vec::with_capacity(usize::try_from(length).unwrap_or(0));
    // The file may grow while it is read.
    file.take(limit + 1).read_to_end(&mut bytes).map_err(wrong)?;
    if bytes.len() as u64 > limit { Err(too_large(limit)) } else { Ok(bytes) }
}
