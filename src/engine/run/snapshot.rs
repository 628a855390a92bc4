//! A run up to the beginning of a step, from which several continuations can be simulated.

use super::super::random::RunSeed;
use super::result::{Observer, Run, RunOptions};
use super::simulation::Simulation;
use super::stage::Stage;
use crate::model::Model;

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

    /// Continues to the end, as [`run_staged`](super::run_staged) does with one more fork; `watch` observes the states.
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
