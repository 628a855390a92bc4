//! The run: in each phase of a step decide, then let the events evolve the state, with their place in the log.

mod calendar;
mod exchange;
mod gap;
mod past;
mod progress;
mod result;
mod simulation;
mod stage;

pub use past::Past;
pub use result::{Checkpoint, Observer, Run, RunOptions};
pub use simulation::Simulation;
pub use stage::{Stage, may_follow};

use super::plan::Plan;
use super::random::RunSeed;
use crate::model::Model;

/// Runs a model once.
#[must_use]
pub fn run(model: &Model, plan: &Plan, luck: RunSeed, want: RunOptions) -> Run {
    run_watched(model, plan, luck, want, &mut |_, _, _| {})
}

/// Runs a model once; `watch` sees the states on the way.
#[must_use]
pub fn run_watched(model: &Model, plan: &Plan, luck: RunSeed, want: RunOptions, watch: &mut Observer<'_>) -> Run {
    run_staged(&Stage { model, plan, from: 0, luck: None }, &[], luck, want, watch)
}

/// Runs a model once, going on under each of the `forks` from its step on; these come in rising order.
#[must_use]
pub fn run_staged<'a>(
    first: &Stage<'a>,
    forks: &[Stage<'a>],
    luck: RunSeed,
    want: RunOptions,
    watch: &mut Observer<'_>,
) -> Run {
    let mut simulation = Simulation::new(first.model, first.plan, want);
    simulation.run_once(&[], forks, luck, watch);
    simulation.into_run()
}
