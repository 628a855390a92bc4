//! The reasons why the folder of a run is refused.

use std::fmt;
use std::io;
use std::path::PathBuf;

use super::limits::MANIFEST_BYTES;
use super::lineage::LineageError;
use super::manifest::ManifestError;
use super::tables::TooManySamples;
use crate::text::escaped;
use crate::trace::ReplayError;

/// The reason why a folder is not the unchanged output of a run. `Display` gives a complete message with the file.
#[derive(Debug)]
pub struct VerifyError {
    /// The file.
    pub path: PathBuf,
    /// The problem.
    pub defect: Defect,
}

/// The problem of a file in a run's folder.
#[derive(Debug)]
pub enum Defect {
    /// There is no manifest.
    Missing,
    /// It cannot be read.
    Unreadable(io::Error),
    /// It has more bytes than this limit.
    TooLarge(u64),
    /// From this line on, counted from 1, the manifest is not written as the program writes it: other notation, or
    /// entries that the program does not know.
    NotCanonical(u64),
    /// The parent of the fork at this step has another history than the manifest records.
    ParentDiffers(u32),
    /// The manifest cannot be used.
    Manifest(ManifestError),
    /// According to the manifest, the output is not complete.
    Incomplete,
    /// The scenario in the manifest cannot be run.
    Lineage(LineageError),
    /// The manifest is that of a sweep.
    NotARun,
    /// The run ended with this status, not with that in the manifest.
    StatusDiffers(&'static str),
    /// The run completed this number of steps, not that in the manifest.
    StepsDiffer(u32),
    /// The series that the manifest describes would be too long.
    TooManySamples(TooManySamples),
    /// The log is refused.
    Log(ReplayError),
    /// A table differs from the table that follows from the log, first in this line, counted from 1.
    LineDiffers(u64),
    /// A file in another format than CSV differs from the file that follows from the log.
    FileDiffers,
    /// The tables agree with the log, but not with the hashes in the manifest.
    HashesDiffer,
}

impl Defect {
    /// The defect of a file that cannot be read, or has more bytes than the limit.
    pub(super) fn of_reading(error: io::Error, limit: u64) -> Self {
        if error.kind() == io::ErrorKind::FileTooLarge { Self::TooLarge(limit) } else { Self::Unreadable(error) }
    }
}

impl VerifyError {
    /// A suggestion for the user, if there is one.
    #[must_use]
    pub fn help(&self) -> Option<&'static str> {
        Some(match &self.defect {
            Defect::Missing | Defect::TooLarge(MANIFEST_BYTES) => "give a folder that `run --out` wrote",
            Defect::NotARun => "`run DIR --run N --out DIR2` writes the folder of one run of a sweep",
            Defect::Manifest(ManifestError::Version { .. }) => {
                "use the version that wrote it, or run the scenario again"
            }
            Defect::Manifest(_)
            | Defect::NotCanonical(_)
            | Defect::ParentDiffers(_)
            | Defect::TooManySamples(_)
            | Defect::StatusDiffers(_)
            | Defect::StepsDiffer(_) => "the manifest was edited; run the scenario again",
            Defect::Incomplete => "finish it with `--resume`",
            Defect::Log(_) => {
                "the log was cut, edited or reordered, or belongs to another scenario; restore it, or run the scenario again"
            }
            Defect::LineDiffers(_) | Defect::FileDiffers => {
                "the file was edited, or belongs to another run; restore it, or run the scenario again"
            }
            Defect::HashesDiffer => "the manifest or a file that it lists was edited; run the scenario again",
            Defect::TooLarge(_) => {
                "run the scenario again with fewer steps or actors, or without `--stances` and `--trust`"
            }
            Defect::Unreadable(error) => unreadable_help(error),
            Defect::Lineage(error) => return error.help(),
        })
    }
}

/// The suggestion for a file that cannot be read.
#[expect(clippy::wildcard_enum_match_arm, reason = "`ErrorKind` is open; all other kinds have one suggestion")]
fn unreadable_help(error: &io::Error) -> &'static str {
    match error.kind() {
        io::ErrorKind::NotFound => "restore the file, or run the scenario again",
        io::ErrorKind::PermissionDenied => "allow this user to read the file",
        _ => "replace it by a regular file that can be read, or run the scenario again",
    }
}

impl fmt::Display for VerifyError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let path = escaped(&self.path.display().to_string());
        match &self.defect {
            Defect::Missing => write!(f, "`{path}` does not exist: this is not a complete output folder"),
            Defect::Unreadable(error) => write!(f, "cannot read `{path}`: {error}"),
            Defect::TooLarge(limit) => write!(f, "`{path}` has more than {limit} bytes"),
            Defect::Manifest(ManifestError::Malformed { message, line, column }) => {
                write!(f, "{path}:{line}:{column}: {}", escaped(message))
            }
            Defect::Manifest(ManifestError::Version { found }) => {
                let version = env!("CARGO_PKG_VERSION");
                write!(f, "{path}: it was written by {}, but this is backstop {version}", escaped(found))
            }
            Defect::Manifest(ManifestError::Scenario) => {
                write!(f, "{path}: the text of the scenario does not match its hash in the manifest")
            }
            Defect::Manifest(ManifestError::Edited) => {
                write!(f, "{path}: the manifest does not match its own hash")
            }
            Defect::NotCanonical(line) => write!(f, "{path}:{line}:1: the line is not as the program writes it"),
            Defect::ParentDiffers(at) => {
                write!(f, "{path}: the parent of the fork at step {at} has another history than the manifest records")
            }
            Defect::Incomplete => write!(f, "{path}: the output is not complete"),
            Defect::Lineage(error) => write!(f, "{path}: {error}"),
            Defect::StatusDiffers(status) => {
                write!(f, "{path}: the log ends with the status `{status}`, but the manifest has another")
            }
            Defect::StepsDiffer(steps) => {
                write!(f, "{path}: the log has {steps} complete steps, but the manifest has another number")
            }
            Defect::TooManySamples(error) => write!(f, "{path}: {error}"),
            Defect::NotARun => write!(f, "{path}: this is not the folder of a single run"),
            Defect::Log(ReplayError { line: Some(line), reason }) => write!(f, "{path}:{line}:1: {reason}"),
            Defect::Log(ReplayError { line: None, reason }) => write!(f, "{path}: {reason}"),
            Defect::FileDiffers => write!(f, "{path}: the file does not agree with the log"),
            Defect::LineDiffers(line) => write!(f, "{path}:{line}:1: the line does not agree with the log"),
            Defect::HashesDiffer => write!(f, "{path}: the hashes in the manifest are not those of the files"),
        }
    }
}

impl std::error::Error for VerifyError {}
