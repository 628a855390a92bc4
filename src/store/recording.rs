//! A run with the folder that it would fill, in memory: for those who run, look and fork before they save.

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

/// A run, and what its folder would hold.
#[derive(Debug)]
pub struct Recording {
    /// What [`verify`](super::verify) would give of the folder, but for the hashes of the files, which the manifest lacks.
    pub verified: Verified,
    sampler: Sampler,
    sets: Vec<Override>,
}

/// Why what a manifest tells cannot be run.
#[derive(Debug)]
pub enum RecordingError {
    /// It cannot be compiled, or a fork cannot follow on what was before it.
    Lineage(LineageError),
    /// Its series would be too long.
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
    /// Runs what a manifest tells, forks included; `inputs` are the files that the scenario refers to. What the manifest
    /// says of a finished run is not looked at, and is written anew.
    ///
    /// # Errors
    /// A [`RecordingError`] if that cannot be run. A run that fails is none: it ends with its failure.
    pub fn run(manifest: Manifest, inputs: &mut dyn Attachments) -> Result<Self, RecordingError> {
        let course = Lineage::new(&manifest, inputs).map_err(RecordingError::Lineage)?;
        let mut sampler =
            Sampler::new(course.last().0, manifest.stances, manifest.trust).map_err(RecordingError::Samples)?;
        let luck = manifest.luck();
        let want = RunOptions { log: true, series: true, exchanged: true };
        let fold = course.run(luck, want, &mut |moment, world, _| {
            if moment == Checkpoint::Ended {
                sampler.sample(course.first(), world);
            }
        });
        let (sets, manifest) = (manifest.all_overrides(), manifest.of_run(&fold));
        let recorded = Recorded::of(&fold, luck);
        Ok(Self { verified: Verified { manifest, course, fold, recorded }, sampler, sets })
    }

    /// The tables of its folder.
    #[must_use]
    pub fn tables(&self) -> RunTables<'_> {
        let Verified { manifest, course, fold, .. } = &self.verified;
        let (first, last) = (course.first(), course.last().0);
        RunTables { first, last, run: fold, luck: manifest.luck(), sampler: &self.sampler, sets: &self.sets }
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
    /// Never: what was run was compiled from a document.
    pub fn write_in(&self, folder: &Folder, format: Format) -> Result<(), FolderError> {
        let document = self.verified.course.document().expect("the course was compiled from one");
        let manifest = Manifest { table_format: format, ..self.verified.manifest.clone() };
        write_run(folder, &self.tables(), document, &manifest)
    }
}

/// Why a run cannot be forked at a step.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ForkError {
    /// It was itself forked at this later step.
    Forked(u32),
    /// It has no such step, or did not complete it: the step, and how many it completed.
    NoStep(u32, u32),
}

impl ForkError {
    /// What to do about it.
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
    /// The manifest of a fork: the same run until a step, and from there on under these overrides, with these moves at
    /// that step.
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
