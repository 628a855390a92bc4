//! What a run takes and what it returns: its stages, its options and its observer, and its result.

use std::sync::Arc;

use super::super::failure::Failure;
use super::super::history::HistoryHash;
use super::super::plan::Plan;
use super::super::random::RunSeed;
use super::super::storyline::StorylineHash;
use crate::model::{Ending, Entry, Model, Setup, World};

/// A model with the first step at which it applies. Each stage after the first is a fork: from its step on, the run
/// continues with another version of the model.
#[derive(Clone, Copy, Debug)]
pub struct Stage<'a> {
    /// The model; all stages of a run must have the same actors, commitments and other items, with different numbers.
    pub model: &'a Model,
    /// Its plan.
    pub plan: &'a Plan,
    /// The first step; 0 in the first stage.
    pub from: u32,
    /// The seed and replicate from then on; `None` keeps those of the run. Parameters drawn at the start are kept.
    pub run_seed: Option<RunSeed>,
}

/// Whether a run may switch from one model to the other: the same items, with different numbers.
#[must_use]
pub fn may_follow(model: &Model, next: &Model) -> bool {
    let names = |model: &Model| -> Vec<usize> {
        vec![
            model.issues.len(),
            model.resources.len(),
            model.attributes.len(),
            model.meetings.len(),
            model.shocks.len(),
            model.moves.len(),
            model.outcomes.len(),
            model.metrics.len(),
            model.slots.len(),
            model.means.len(),
            model.gift_count(),
        ]
    };
    let same_actors = model.actors.ids() == next.actors.ids();
    let same_instances = model.instance_names == next.instance_names;
    same_actors && same_instances && names(model) == names(next)
}

/// The optional parts of a run's result.
#[derive(Clone, Copy, Debug, Default)]
pub struct RunOptions {
    /// The log of events with their causes.
    pub log: bool,
    /// The metrics of every step instead of only the last.
    pub series: bool,
    /// The state after the last Exchange, which explanations of a deadlock need; not for a run that ends in an outcome.
    pub exchanged: bool,
}

/// A finished run.
#[derive(Clone, Debug)]
pub struct Run {
    /// The ending, or the failure.
    pub result: Result<Ending, Failure>,
    /// Steps that were completed.
    pub steps: u32,
    /// Size of the gap after the latest Exchange; `None` in a failed run.
    pub gap: Option<u32>,
    /// Metrics by step, if the series was wanted; a failure may have cut the last step short.
    pub samples: Vec<f64>,
    /// The value of each metric when it was last sampled.
    pub metrics: Vec<Option<f64>>,
    /// Hash of its events.
    pub history: HistoryHash,
    /// Hash of its storyline: the events without dates and drift.
    pub storyline: StorylineHash,
    /// Number of its events.
    pub events: u32,
    /// The log, if it was wanted. If it was only followed, the events that the follower has not taken.
    pub log: Vec<Entry>,
    /// The state at the end.
    pub world: World,
    /// The state after the last Exchange, if it was wanted and differs from the final state, and the run did not end in
    /// an outcome.
    pub exchanged: Option<World>,
    /// The setup of the run; if it was forked, the setup at its end.
    pub setup: Arc<Setup>,
    /// The setup before each fork, with the step of the fork.
    pub before: Vec<(u32, Arc<Setup>)>,
}

impl Run {
    /// `ok`, or the name of the failure, as `runs.csv` and the manifest have it.
    #[must_use]
    pub fn status(&self) -> &'static str {
        self.result.as_ref().map_or_else(Failure::status, |_| "ok")
    }

    /// How it ended; `None` if it failed.
    #[must_use]
    pub fn ending(&self) -> Option<Ending> {
        self.result.as_ref().ok().copied()
    }

    /// The setup of the run at a step.
    #[must_use]
    pub fn setup_at(&self, step: u32) -> &Setup {
        self.before.iter().find(|(until, _)| step < *until).map_or(&self.setup, |(_, setup)| setup)
    }

    /// Step at which the final outcome was first reached; `None` for a deadlock, a stalemate or a failure.
    #[must_use]
    pub fn reached_step(&self) -> Option<u32> {
        match self.result {
            Ok(Ending::Outcome(outcome)) => self.world.reached[outcome.index()],
            _ => None,
        }
    }

    /// The state after the last Exchange of the run, for which the gap was computed.
    #[must_use]
    pub fn exchanged(&self) -> &World {
        self.exchanged.as_ref().unwrap_or(&self.world)
    }
}

/// A point within a step at which the state can be observed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Checkpoint {
    /// After its last Exchange, before deliveries. Deadlocks are defined on this state.
    Exchanged,
    /// At its end.
    Ended,
}

/// An observer of the states of a run: called after the last Exchange of each step, and at the end of each completed
/// one.
pub type Observer<'w> = dyn FnMut(Checkpoint, &World, &Setup) + 'w;

/// A follower of the log of a run that is going on: called now and then with the events so far that nothing can undo. If
/// the log is not wanted for the result, it may take them out; it is then called with those that came after.
pub type LogObserver<'w> = dyn Fn(&mut Vec<Entry>) + Sync + 'w;
