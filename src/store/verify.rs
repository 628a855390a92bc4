//! Verification: a run's folder is what its log gives, its log is what a run of its scenario gives, to the byte.

use std::fmt;
use std::io;
use std::path::{Path, PathBuf};

use super::door::read_file;
use super::files::Files;
use super::folder::MANIFEST;
use super::inputs::Kept;
use super::limits;
use super::lineage::{Lineage, LineageError};
use super::manifest::{Manifest, ManifestError, digest};
use super::tables::{Sampler, TooManySamples, events_csv};
use crate::engine::{Checkpoint, Failure, Observer, Run, RunOptions};
use crate::model::Entry;
use crate::text::escaped;
use crate::trace::Namer;
use crate::trace::{Recorded, ReplayError};

/// A folder whose log has been folded and verified.
#[derive(Debug)]
pub struct Verified {
    /// What the folder says of itself.
    pub manifest: Manifest,
    /// The models that the run went through.
    pub course: Lineage,
    /// The run, as its folded log tells it.
    pub fold: Run,
    /// What is known of the run besides its log.
    pub recorded: Recorded,
    /// The bytes of `events.csv`.
    pub events: Vec<u8>,
}

/// Why a folder is not what a run wrote: the file, and what is wrong with it. Printed it stands alone.
#[derive(Debug)]
pub struct VerifyError {
    /// The file.
    pub path: PathBuf,
    /// What is wrong.
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
    /// The tables are right, but the manifest gives other hashes.
    Hashes,
}

impl VerifyError {
    /// What to do about it, where there is a remedy.
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
            Defect::Line(_) => "the file was edited, or belongs to another run",
            Defect::Lineage(error) => return error.help(),
            Defect::Unreadable(_) | Defect::TooLarge(_) | Defect::Hashes => return None,
        })
    }
}

impl fmt::Display for VerifyError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let path = escaped(&self.path.display().to_string());
        match &self.fault {
            Defect::NotThere => write!(f, "`{path}` is not there: this is no complete output folder"),
            Defect::Unreadable(error) => write!(f, "cannot read `{path}`: {error}"),
            Defect::TooLarge(limit) => write!(f, "`{path}` has more than {limit} bytes"),
            Defect::Manifest(ManifestError::Malformed { message, line, column }) => {
                write!(f, "{path}:{line}:{column}: {}", escaped(message))
            }
            Defect::Manifest(ManifestError::Version { found }) => {
                let version = env!("CARGO_PKG_VERSION");
                write!(f, "{path}: it was written by {}, this is backstop {version}", escaped(found))
            }
            Defect::Manifest(ManifestError::Scenario) => {
                write!(f, "{path}: the scenario's text does not have the hash that is given for it")
            }
            Defect::Manifest(ManifestError::Edited) => {
                write!(f, "{path}: the manifest does not have the hash that it gives for itself")
            }
            Defect::Respelt(line) => write!(f, "{path}:{line}:1: the line is not what the program writes"),
            Defect::OtherParent(at) => {
                write!(f, "{path}: the run that is said to have been forked at step {at} had another history")
            }
            Defect::Incomplete => write!(f, "{path}: the output is not complete"),
            Defect::Lineage(error) => write!(f, "{path}: {error}"),
            Defect::Status(status) => {
                write!(f, "{path}: the run has the status `{status}`, and the manifest another")
            }
            Defect::Steps(steps) => {
                write!(f, "{path}: the log has {steps} complete steps, and the manifest another number")
            }
            Defect::Samples(error) => write!(f, "{path}: {error}"),
            Defect::NotARun => write!(f, "{path}: this is not the folder of a single run"),
            Defect::Log(ReplayError { line: Some(line), reason }) => write!(f, "{path}:{line}:1: {reason}"),
            Defect::Log(ReplayError { line: None, reason }) => write!(f, "{path}: {reason}"),
            Defect::Line(line) => write!(f, "{path}:{line}:1: the line is not what the log gives"),
            Defect::Hashes => write!(f, "{path}: the hashes of the files are not those of the files"),
        }
    }
}

impl std::error::Error for VerifyError {}

/// Reads the folder of a run, folds its log, and compares everything in it with what the log gives. `watch` sees the
/// states on the way, before it is known whether all of the folder is right.
///
/// # Errors
/// A [`VerifyError`] with the first file that is wrong, and the line of it.
///
/// ```no_run
/// use backstop::store::{VerifyError, verify};
///
/// fn number_of_events(folder: &std::path::Path) -> Result<usize, VerifyError> {
///     let verified = verify(folder, &mut |_, _, _| {})?;
///     Ok(verified.fold.log.len())
/// }
/// ```
pub fn verify(dir: &Path, watch: &mut Observer<'_>) -> Result<Verified, VerifyError> {
    let manifest = Manifest::read(dir)?;
    let at_manifest = |fault| VerifyError { path: dir.join(MANIFEST), fault };
    let course =
        Lineage::new(&manifest, &mut Kept::of(dir, &manifest)).map_err(|error| at_manifest(Defect::Lineage(error)))?;
    let is_a_run = manifest.runs == 1 && manifest.design.is_none();
    let recorded = if is_a_run { recorded(&course, &manifest) } else { None };
    let recorded = recorded.ok_or_else(|| at_manifest(Defect::NotARun))?;
    let path = dir.join("events.csv");
    let events = read(&path, limits::TABLE_BYTES)?;
    let sampler = Sampler::new(course.last().0, manifest.stances, manifest.trust);
    if let Some(line) = long_line(&events) {
        let reason = format!("the row has more than {} bytes", limits::ROW_BYTES);
        return Err(VerifyError { path, fault: Defect::Log(ReplayError { line: Some(line), reason }) });
    }
    let mut sampler = sampler.map_err(|error| at_manifest(Defect::Samples(error)))?;
    let folded = course.fold(&events, &recorded, &mut |moment, world, setup| {
        if moment == Checkpoint::Ended {
            sampler.sample(course.first(), world);
        }
        watch(moment, world, setup);
    });
    let at_log = |refusal| VerifyError { path, fault: Defect::Log(refusal) };
    let fold = match folded {
        Ok(fold) => fold,
        Err(refusal) => return Err(at_log(earliest(&course, &manifest, &events, refusal))),
    };
    if fold.steps != recorded.steps {
        return Err(VerifyError { path: dir.join(MANIFEST), fault: Defect::Steps(fold.steps) });
    }
    let verified = Verified { manifest, course, fold, recorded, events };
    verified.check_history().map_err(at_log)?;
    if verified.manifest.status.as_deref() != Some(verified.fold.status()) {
        return Err(VerifyError { path: dir.join(MANIFEST), fault: Defect::Status(verified.fold.status()) });
    }
    verified.check_tables(dir, &sampler)?;
    verified.check_lineage().map_err(at_manifest)?;
    Ok(verified)
}

/// What is known of the run besides its log; none for a sweep. Why a run failed, and whether that was while it sampled
/// its metrics, stands in no file and is found by running it again.
fn recorded(course: &Lineage, manifest: &Manifest) -> Option<Recorded> {
    let (status, steps, luck) = (manifest.status.as_deref()?, manifest.steps?, manifest.luck());
    if status == "ok" {
        return Some(Recorded { steps, failure: None, in_sampling: false, luck });
    }
    let want = RunOptions { series: true, ..RunOptions::default() };
    let again = Recorded::of(&course.run(luck, want, &mut |_, _, _| {}), luck);
    // Where it does not fail at all, the log shows what was edited.
    let failure = Some(again.failure.unwrap_or(Failure::TooManyEvents));
    Some(Recorded { steps, failure, in_sampling: again.in_sampling && again.steps == steps, luck })
}

/// A row that cannot be may follow from one before it that can but never was: running again shows the first.
fn earliest(course: &Lineage, manifest: &Manifest, events: &[u8], refusal: ReplayError) -> ReplayError {
    let (run, expected) = again(course, manifest);
    if manifest.history_hash != Some(run.history.text()) {
        return refusal;
    }
    match (first_difference(events, &expected), refusal.line) {
        (Some(line), Some(later)) if line < later => {
            let reason = format!("the row is not what the run had here, so that in line {later} {}", refusal.reason);
            ReplayError { line: Some(line), reason }
        }
        _ => refusal,
    }
}

/// What running again gives, and its log as the run wrote it.
fn again(course: &Lineage, manifest: &Manifest) -> (Run, Vec<u8>) {
    let run = course.run(manifest.luck(), RunOptions { log: true, ..RunOptions::default() }, &mut |_, _, _| {});
    let bytes = events_csv(&Namer::new(course.first()), &run.log);
    (run, bytes)
}

impl Verified {
    /// The events have the hash that the run had.
    fn check_history(&self) -> Result<(), ReplayError> {
        let hash = self.fold.history.text();
        let same_hash = self.manifest.history_hash.as_deref() == Some(hash.as_str());
        if same_hash && self.manifest.files.get("events.csv") == Some(&digest(&self.events)) {
            return Ok(());
        }
        // Every row is possible, but some row is not what happened: running again shows which.
        let (run, expected) = again(&self.course, &self.manifest);
        let line = first_difference(&self.events, &expected);
        let reason = match line.map(|line| line.checked_sub(2)) {
            None => "the log does not have the hash that the manifest gives".into(),
            Some(row) => {
                let row = row.and_then(|row| usize::try_from(row).ok());
                let (theirs, ours) = (row.and_then(|row| self.fold.log.get(row)), row.and_then(|row| run.log.get(row)));
                if ours == theirs {
                    // Cells in quotes, other line ends.
                    "the row is not written as the run wrote it".into()
                } else {
                    self.difference(ours, theirs)
                }
            }
        };
        Err(ReplayError { line, reason })
    }

    fn difference(&self, ours: Option<&Entry>, theirs: Option<&Entry>) -> String {
        let namer = Namer::new(self.course.first());
        let written = |entry: Option<&Entry>| {
            entry.map_or("nothing".into(), |entry| {
                let cells = namer.cells(entry.event);
                let cause = entry.cause.map(|cause| format!(" because of {cause}")).unwrap_or_default();
                let parts = [cells.event, cells.actor, cells.subject, cells.resource, &cells.value_text()];
                let parts: Vec<&str> = parts.into_iter().filter(|part| !part.is_empty()).collect();
                format!("`{}` at step {}{cause}", parts.join(" "), entry.step)
            })
        };
        format!("the row was edited: it says {}, the run had {}", written(theirs), written(ours))
    }

    /// The other tables are what the log gives, byte for byte.
    fn check_tables(&self, dir: &Path, sampler: &Sampler) -> Result<(), VerifyError> {
        let models = (self.course.first(), self.course.last().0);
        let files = Files::of_run(models, &self.fold, self.manifest.luck(), sampler, &self.manifest.all_overrides());
        for (name, expected) in &files.tables {
            let path = dir.join(name);
            let found = read(&path, limits::TABLE_BYTES)?;
            if let Some(line) = first_difference(&found, expected) {
                return Err(VerifyError { path, fault: Defect::Line(line) });
            }
        }
        if files.digests() == self.manifest.files {
            return Ok(());
        }
        Err(VerifyError { path: dir.join(MANIFEST), fault: Defect::Hashes })
    }

    /// Each fork went off from the run that it says.
    fn check_lineage(&self) -> Result<(), Defect> {
        for (before, fork) in self.manifest.forks.iter().enumerate() {
            if self.course.history(before, self.manifest.luck()).text() != fork.parent_history_hash {
                return Err(Defect::OtherParent(fork.at));
            }
        }
        Ok(())
    }
}

/// The first line, from 1, that is longer than any row can be.
fn long_line(bytes: &[u8]) -> Option<u64> {
    let at = bytes.split(|&byte| byte == b'\n').position(|line| line.len() as u64 > limits::ROW_BYTES)?;
    Some(at as u64 + 1)
}

/// The first line, from 1, in which two files differ.
fn first_difference(found: &[u8], expected: &[u8]) -> Option<u64> {
    if found == expected {
        return None;
    }
    let (mut ours, mut theirs) = (expected.split(|&byte| byte == b'\n'), found.split(|&byte| byte == b'\n'));
    let mut line = 1;
    // They differ somewhere, so that this ends at the latest with the longer of the two.
    while ours.next() == theirs.next() {
        line += 1;
    }
    Some(line)
}

impl Manifest {
    /// The first line, from 1, in which the bytes that it was read from are not those that the program writes for it:
    /// cells in other words, entries that are there twice or that nobody knows, other line ends.
    #[must_use]
    pub fn first_respelt(&self, bytes: &[u8]) -> Option<u64> {
        first_difference(bytes, self.to_json().as_bytes())
    }

    /// Reads the manifest of a folder that is complete.
    ///
    /// # Errors
    /// A [`VerifyError`] if it is not there, cannot be used, or says that the folder is not complete.
    pub fn read(dir: &Path) -> Result<Self, VerifyError> {
        let path = dir.join(MANIFEST);
        let at = |fault| VerifyError { path: path.clone(), fault };
        let bytes = read(&path, limits::MANIFEST_BYTES).map_err(|error| {
            let is_missing =
                |why: &io::Error| matches!(why.kind(), io::ErrorKind::NotFound | io::ErrorKind::NotADirectory);
            if matches!(&error.fault, Defect::Unreadable(why) if is_missing(why)) {
                at(Defect::NotThere)
            } else {
                error
            }
        })?;
        let manifest =
            Self::from_json(&String::from_utf8_lossy(&bytes)).map_err(|error| at(Defect::Manifest(error)))?;
        if let Some(line) = manifest.first_respelt(&bytes) {
            return Err(at(Defect::Respelt(line)));
        }
        if manifest.complete { Ok(manifest) } else { Err(at(Defect::Incomplete)) }
    }
}

/// The bytes of a file, if there are not more of them than the limit.
fn read(path: &Path, limit: u64) -> Result<Vec<u8>, VerifyError> {
    read_file(path, limit).map_err(|error| {
        let is_large = error.kind() == io::ErrorKind::FileTooLarge;
        let fault = if is_large { Defect::TooLarge(limit) } else { Defect::Unreadable(error) };
        VerifyError { path: path.to_owned(), fault }
    })
}
