//! What is wrong with the folder of a run.

use std::fmt;
use std::io;
use std::path::PathBuf;

use super::lineage::LineageError;
use super::manifest::ManifestError;
use super::tables::TooManySamples;
use crate::text::escaped;
use crate::trace::ReplayError;

/// Why a folder is not what a run wrote: the file, and what is wrong with it. Printed it stands alone.
#[derive(Debug)]
pub struct VerifyError {
    /// The file.
    pub path: PathBuf,
    /// The problem.
    pub fault: Defect,
}

/// What is wrong with a file of a run's folder.
#[derive(Debug)]
pub enum Defect {
    /// There is no manifest.
    NotThere,
    /// The system refused to read it.
    Unreadable(io::Error),
    /// It has more bytes than this.
    TooLarge(u64),
    /// The manifest says the same, or more, in other words than the program writes; from this line on, from 1.
    Respelt(u64),
    /// The run that this one says that it was forked from, at this step, was another.
    OtherParent(u32),
    /// The manifest cannot be used.
    Manifest(ManifestError),
    /// The manifest says that not everything that was asked for is there.
    Incomplete,
    /// The scenario in the manifest cannot be run.
    Lineage(LineageError),
    /// The manifest is that of a sweep.
    NotARun,
    /// The run ended with this status, not with that of the manifest.
    Status(&'static str),
    /// The run completed this number of steps, not that of the manifest.
    Steps(u32),
    /// The series that the manifest tells of would be too long.
    Samples(TooManySamples),
    /// The log is refused.
    Log(ReplayError),
    /// A table differs from what the log gives, first in this line, from 1.
    Line(u64),
    /// A file beside a table differs from what the log gives.
    Other,
    /// The tables are right, but the manifest gives other hashes.
    Hashes,
}

impl Defect {
    /// Of a file that cannot be read, or has more bytes than the limit.
    pub(super) fn of_reading(error: io::Error, limit: u64) -> Self {
        if error.kind() == io::ErrorKind::FileTooLarge { Self::TooLarge(limit) } else { Self::Unreadable(error) }
    }
}

impl VerifyError {
    /// A suggestion for the user, if there is one.
    #[must_use]
    pub fn help(&self) -> Option<&'static str> {
        Some(match &self.fault {
            Defect::NotThere => "give a folder that `run --out` wrote",
            Defect::NotARun => "`run DIR --run N --out DIR2` writes the folder of one run of a sweep",
            Defect::Manifest(ManifestError::Version { .. }) => {
                "use the version that wrote it, or run the scenario again"
            }
            Defect::Manifest(_)
            | Defect::Respelt(_)
            | Defect::OtherParent(_)
            | Defect::Samples(_)
            | Defect::Status(_)
            | Defect::Steps(_) => "the manifest was edited; run the scenario again",
            Defect::Incomplete => "let it be finished with `--resume`",
            Defect::Log(_) => "the log was cut, edited or reordered, or belongs to another scenario",
            Defect::Line(_) | Defect::Other => "the file was edited, or belongs to another run",
            Defect::Lineage(error) => return error.help(),
            Defect::Unreadable(_) | Defect::TooLarge(_) | Defect::Hashes => return None,
        })
    }
}

impl fmt::Display for VerifyError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let path = escaped(&self.path.display().to_string());
        match &self.fault {
            Defect::NotThere => write!(f, "`{path}` does not exist: this is not a complete output folder"),
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
            Defect::Respelt(line) => write!(f, "{path}:{line}:1: the line is not as the program writes it"),
            Defect::OtherParent(at) => {
                write!(f, "{path}: the run forked at step {at} had another history than the manifest says")
            }
            Defect::Incomplete => write!(f, "{path}: the output is not complete"),
            Defect::Lineage(error) => write!(f, "{path}: {error}"),
            Defect::Status(status) => {
                write!(f, "{path}: the log ends with the status `{status}`, but the manifest has another")
            }
            Defect::Steps(steps) => {
                write!(f, "{path}: the log has {steps} complete steps, but the manifest has another number")
            }
            Defect::Samples(error) => write!(f, "{path}: {error}"),
            Defect::NotARun => write!(f, "{path}: this is not the folder of a single run"),
            Defect::Log(ReplayError { line: Some(line), reason }) => write!(f, "{path}:{line}:1: {reason}"),
            Defect::Log(ReplayError { line: None, reason }) => write!(f, "{path}: {reason}"),
            Defect::Other => write!(f, "{path}: the file does not agree with the log"),
            Defect::Line(line) => write!(f, "{path}:{line}:1: the line does not agree with the log"),
            Defect::Hashes => write!(f, "{path}: the hashes in the manifest are not those of the files"),
        }
    }
}

impl std::error::Error for VerifyError {}
