//! What a run gives, and who may look on.

use super::super::failure::Failure;
use super::super::history::HistoryHash;
use super::super::storyline::StorylineHash;
use crate::model::{Ending, Entry, Setup, World};

/// What is wanted of a run besides its result.
#[derive(Clone, Copy, Debug, Default)]
pub struct RunOptions {
    /// The log of events with their causes.
    pub log: bool,
    /// The metrics of every step, not of the last alone.
    pub series: bool,
    /// The state after the last Exchange, which explanations of a deadlock are about; not of a run that comes to an
    /// outcome.
    pub exchanged: bool,
}

/// A finished run.
#[derive(Clone, Debug)]
pub struct Run {
    /// How it ended, or why it could not.
    pub result: Result<Ending, Failure>,
    /// Steps that were completed.
    pub steps: u32,
    /// Size of the gap after the latest Exchange; none in a failed run.
    pub gap: Option<u32>,
    /// Metrics by step, where the series was wanted; a failure may have cut the last step short.
    pub samples: Vec<f64>,
    /// The value of each metric when it was last sampled.
    pub metrics: Vec<Option<f64>>,
    /// Hash of its events.
    pub history: HistoryHash,
    /// Hash of what they tell when dates and drift are left out.
    pub storyline: StorylineHash,
    /// Number of its events.
    pub events: u32,
    /// The log, where it was wanted.
    pub log: Vec<Entry>,
    /// The state at the end.
    pub world: World,
    /// The state after the last Exchange, where it was wanted, differs from the state at the end, and the run came to no
    /// outcome.
    pub exchanged: Option<World>,
    /// The numbers of the run; where it was forked, those that held at its end.
    pub setup: Setup,
    /// The numbers that held before each fork, with its step.
    pub before: Vec<(u32, Setup)>,
}

impl Run {
    /// `ok`, or the name of the failure, as `runs.csv` and the manifest have it.
    #[must_use]
    pub fn status(&self) -> &'static str {
        self.result.as_ref().map_or_else(Failure::status, |_| "ok")
    }

    /// How it ended; none where it failed.
    #[must_use]
    pub fn ending(&self) -> Option<Ending> {
        self.result.as_ref().ok().copied()
    }

    /// The numbers of the run at a step.
    #[must_use]
    pub fn setup_at(&self, step: u32) -> &Setup {
        self.before.iter().find(|(until, _)| step < *until).map_or(&self.setup, |(_, setup)| setup)
    }

    /// Step at which the final outcome was first reached; none for a deadlock, a stalemate, a failure.
    #[must_use]
    pub fn reached_step(&self) -> Option<u32> {
        match self.result {
            Ok(Ending::Outcome(outcome)) => self.world.reached[outcome.index()],
            _ => None,
        }
    }

    /// The state after the last Exchange of the run, where the gap was taken.
    #[must_use]
    pub fn exchanged(&self) -> &World {
        self.exchanged.as_ref().unwrap_or(&self.world)
    }
}

/// A moment of a step at which the state can be looked at.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Checkpoint {
    /// After its last Exchange, before deliveries: what a deadlock is about.
    Exchanged,
    /// At its end.
    Ended,
}

/// Whoever looks at the states of a run: after the last Exchange of each step, and at the end of each completed one.
pub type Observer<'w> = dyn FnMut(Checkpoint, &World, &Setup) + 'w;
