//! The run loop: in each phase of a step, decides on events, then applies them to the state and records them.

mod calendar;
mod exchange;
mod first_offers;
mod gap;
mod interface;
mod progress;
mod simulation;

pub use interface::{Checkpoint, LogObserver, Observer, Run, RunOptions, Stage, may_follow};
pub use simulation::Simulation;

use super::plan::Plan;
use super::random::RunSeed;
use crate::model::{Model, World};

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

/// Runs a model once, given the state that its setup begins with; `watch` observes the states, and `follow` the log, wanted
/// for the result or not.
#[must_use]
pub fn run_followed<'a>(
    (model, plan, world): (&'a Model, &'a Plan, World),
    run_seed: RunSeed,
    want: RunOptions,
    watch: &mut Observer<'_>,
    follow: Option<&'a LogObserver<'a>>,
) -> Run {
    let mut simulation = Simulation::starting_in(world, model, plan, want);
    simulation.progress.follow = follow;
    simulation.run_once(&[], &[], run_seed, watch);
    simulation.into_run()
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

/// A run up to the beginning of a step, from which several continuations can be simulated.
#[derive(Clone)]
pub struct RunSnapshot<'a> {
    simulation: Simulation<'a>,
    until: u32,
}

impl<'a> RunSnapshot<'a> {
    /// Runs the first stage up to the beginning of a step, switching to each of the others at its step, and prepares a
    /// fork there.
    ///
    /// Returns `None` if the run ends before that step, or if there is no stage.
    #[must_use]
    pub fn new(stages: &[Stage<'a>], run_seed: RunSeed, until: u32) -> Option<Self> {
        let (first, forks) = stages.split_first()?;
        let mut simulation = Simulation::new(first.model, first.plan, RunOptions::default());
        simulation.begin(&[], run_seed).ok()?;
        for step in 0..until {
            simulation.enter(step, forks).ok()?;
            if simulation.whole_step(&mut |_, _, _| {}).ok()? {
                return None;
            }
        }
        simulation.enter(until, forks).ok()?;
        simulation.switch(&Stage { from: until, run_seed: None, ..*stages.last()? }).ok()?;
        Some(Self { simulation, until })
    }

    /// Continues to the end, as [`run_staged`](run_staged) does with one more fork; `watch` observes the states.
    /// The model may differ from that of the last stage in its moves only. `run_seed` gives other random numbers from there
    /// on; `None` keeps those of the run.
    #[must_use]
    pub fn go_on<'b>(&self, model: &'b Model, run_seed: Option<RunSeed>, watch: &mut Observer<'_>) -> Run
    where
        'a: 'b,
    {
        let mut simulation: Simulation<'b> = self.simulation.clone();
        simulation.progress.model = model;
        if let Some(run_seed) = run_seed {
            simulation.use_seed(run_seed);
        }
        let result = simulation.go_on(self.until, &[], watch);
        simulation.conclude(result);
        simulation.into_run()
    }
}
