//! The run loop: in each phase of a step, decides on events, then applies them to the state and records them.

mod calendar;
mod exchange;
mod gap;
mod progress;
mod result;
mod simulation;
mod snapshot;
mod stage;

pub use result::{Checkpoint, Observer, Run, RunOptions};
pub use simulation::Simulation;
pub use snapshot::RunSnapshot;
pub use stage::{Stage, may_follow};

use super::plan::Plan;
use super::random::RunSeed;
use crate::model::Model;

/// Runs a model once.
#[must_use]
pub fn run(model: &Model, plan: &Plan, run_seed: RunSeed, want: RunOptions) -> Run {
    run_watched(model, plan, run_seed, want, &mut |_, _, _| {})
}

/// Runs a model once; `watch` observes the states.
#[must_use]
pub fn run_watched(model: &Model, plan: &Plan, run_seed: RunSeed, want: RunOptions, watch: &mut Observer<'_>) -> Run {
    run_staged(&Stage { model, plan, from: 0, run_seed: None }, &[], run_seed, want, watch)
}

/// Runs a model once, switching to each of the `forks` at its step; they must be in ascending order.
#[must_use]
pub fn run_staged<'a>(
    first: &Stage<'a>,
    forks: &[Stage<'a>],
    run_seed: RunSeed,
    want: RunOptions,
    watch: &mut Observer<'_>,
) -> Run {
    let mut simulation = Simulation::new(first.model, first.plan, want);
    simulation.run_once(&[], forks, run_seed, watch);
    simulation.into_run()
}
