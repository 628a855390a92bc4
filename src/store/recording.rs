//! A run in memory with the files of its folder, for callers that run, inspect and fork before they save.

use std::fmt;

use super::error::FolderError;
use super::folder::Folder;
use super::lineage::{Lineage, LineageError};
use super::manifest::{ForkRecord, Manifest, MoveRecord, OverrideRecord};
use super::run_tables::{RunTables, write_run};
use super::tables::{Sampler, TooManySamples};
use super::verify::Verified;
use crate::engine::{Checkpoint, RunOptions};
use crate::scenario::{AddedMove, Attachments, MoveAmounts, Override, SetValue};
use crate::table::Format;
use crate::trace::Recorded;

/// A run with the contents of its folder.
#[derive(Debug)]
pub struct Recording {
    /// The result that [`verify`](super::verify) would give for the folder.
    pub verified: Verified,
    sampler: Sampler,
    sets: Vec<Override>,
}

/// The reason why the run of a manifest cannot be repeated.
#[derive(Debug)]
pub enum RecordingError {
    /// The scenario cannot be compiled, or a fork is not possible.
    Lineage(LineageError),
    /// Its series would be too large.
    Samples(TooManySamples),
}

impl fmt::Display for RecordingError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Lineage(error) => error.fmt(f),
            Self::Samples(error) => error.fmt(f),
        }
    }
}

impl std::error::Error for RecordingError {}

impl Recording {
    /// Runs a manifest including its forks; `inputs` are the files to which the scenario refers. Entries about a
    /// finished run are ignored and written anew.
    ///
    /// # Errors
    /// A [`RecordingError`] if it cannot be run. A run that fails is not an error: the result contains the failure.
    pub fn run(manifest: Manifest, inputs: &mut dyn Attachments) -> Result<Self, RecordingError> {
        let course = Lineage::new(&manifest, inputs).map_err(RecordingError::Lineage)?;
        let mut sampler =
            Sampler::new(course.last().0, manifest.stances, manifest.trust).map_err(RecordingError::Samples)?;
        let run_seed = manifest.run_seed();
        let want = RunOptions { log: true, series: true, exchanged: true };
        let fold = course.run(run_seed, want, &mut |moment, world, _| {
            if moment == Checkpoint::Ended {
                sampler.sample(course.first(), world);
            }
        });
        let (sets, manifest) = (manifest.all_overrides(), manifest.of_run(&fold));
        let recorded = Recorded::of(&fold, run_seed);
        Ok(Self { verified: Verified { manifest, course, fold, recorded }, sampler, sets })
    }

    /// The tables of its folder.
    #[must_use]
    pub fn tables(&self) -> RunTables<'_> {
        let Verified { manifest, course, fold, .. } = &self.verified;
        let (first, last) = (course.first(), course.last().0);
        RunTables { first, last, run: fold, run_seed: manifest.run_seed(), sampler: &self.sampler, sets: &self.sets }
    }

    /// The manifest of its folder. For the hashes of the files the tables are worked out.
    #[must_use]
    pub fn manifest(&self) -> Manifest {
        Manifest { files: self.tables().digests(self.verified.manifest.table_format), ..self.verified.manifest.clone() }
    }

    /// Writes its folder, whole or not at all.
    ///
    /// # Errors
    /// As [`Folder::write_with`].
    pub fn write(&self, folder: &Folder) -> Result<(), FolderError> {
        self.write_in(folder, self.verified.manifest.table_format)
    }

    /// Writes its folder with the files beside the tables in this format.
    ///
    /// # Errors
    /// As [`Folder::write_with`].
    ///
    /// # Panics
    /// Never: the run was compiled from a document.
    pub fn write_in(&self, folder: &Folder, format: Format) -> Result<(), FolderError> {
        let document = self.verified.course.document().expect("the course was compiled from one");
        let manifest = Manifest { table_format: format, ..self.verified.manifest.clone() };
        write_run(folder, &self.tables(), document, &manifest)
    }
}

/// The reason why a run cannot be forked at a step.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ForkError {
    /// The run was itself forked at this later step.
    Forked(u32),
    /// The run did not complete this step: the step, and the number of completed ones.
    NoStep(u32, u32),
}

impl ForkError {
    /// A suggestion for the user.
    #[must_use]
    pub fn help(self) -> String {
        match self {
            Self::Forked(at) => format!("fork the run that it came from, or choose a step from {at}"),
            Self::NoStep(_, 0) => "the run failed before it had completed any step".into(),
            Self::NoStep(_, steps) => format!("its last step is {}", steps - 1),
        }
    }
}

impl fmt::Display for ForkError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Forked(at) => write!(f, "the run was itself forked at step {at}"),
            Self::NoStep(step, _) => write!(f, "the run has no step {step}"),
        }
    }
}

impl std::error::Error for ForkError {}

impl Verified {
    /// The manifest of a fork: the same run up to a step, and from there on with these overrides, and with these moves
    /// at that step.
    ///
    /// # Errors
    /// A [`ForkError`] if the run did not complete the step, or was itself forked later.
    pub fn forked(
        &self,
        at: u32,
        sets: &[Override],
        moves: &[(String, MoveAmounts)],
        replicate: Option<u64>,
    ) -> Result<Manifest, ForkError> {
        let last_fork = self.manifest.forks.last().map_or(0, |fork| fork.at);
        if at < last_fork {
            return Err(ForkError::Forked(last_fork));
        }
        if at >= self.fold.steps {
            return Err(ForkError::NoStep(at, self.fold.steps));
        }
        let mut manifest = self.manifest.clone();
        let on = SetValue::Number(f64::from(at));
        let record = |(bind, amounts): &(String, MoveAmounts)| {
            MoveRecord::from(&AddedMove { bind: bind.clone(), amounts: amounts.clone(), on })
        };
        manifest.forks.push(ForkRecord {
            at,
            overrides: sets.iter().map(OverrideRecord::from).collect(),
            moves: moves.iter().map(record).collect(),
            replicate,
            parent_history_hash: self.fold.history.text(),
        });
        Ok(manifest)
    }
}
