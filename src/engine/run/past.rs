//! A run up to the beginning of a step, from which it can go on in several ways.

use super::super::random::RunSeed;
use super::result::{Observer, Run, RunOptions};
use super::simulation::Simulation;
use super::stage::Stage;
use crate::model::Model;

/// A run up to the beginning of a step, from which it can go on in several ways.
#[derive(Clone)]
pub struct Past<'a> {
    simulation: Simulation<'a>,
    until: u32,
}

impl<'a> Past<'a> {
    /// Runs the first of some stages up to the beginning of a step, going on under each of the others from its step on,
    /// and is forked there without other numbers.
    ///
    /// None if the run does not come to that step, or there is no stage.
    #[must_use]
    pub fn new(stages: &[Stage<'a>], luck: RunSeed, until: u32) -> Option<Self> {
        let (first, forks) = stages.split_first()?;
        let mut simulation = Simulation::new(first.model, first.plan, RunOptions::default());
        simulation.begin(&[], luck).ok()?;
        for step in 0..until {
            simulation.enter(step, forks).ok()?;
            if simulation.whole_step(&mut |_, _, _| {}).ok()? {
                return None;
            }
        }
        simulation.enter(until, forks).ok()?;
        simulation.switch(&Stage { from: until, luck: None, ..*stages.last()? }).ok()?;
        Some(Self { simulation, until })
    }

    /// Goes on to the end, as [`run_staged`](super::run_staged) with one more fork does; `watch` sees the states on the
    /// way. The model may differ from that of the last stage in what its moves bind and when; `luck` is whose luck the
    /// run meets from there on, none: as before.
    #[must_use]
    pub fn go_on<'b>(&self, model: &'b Model, luck: Option<RunSeed>, watch: &mut Observer<'_>) -> Run
    where
        'a: 'b,
    {
        let mut simulation: Simulation<'b> = self.simulation.clone();
        simulation.progress.model = model;
        if let Some(luck) = luck {
            simulation.meet_luck(luck);
        }
        let result = simulation.go_on(self.until, &[], watch);
        simulation.conclude(result);
        simulation.into_run()
    }
}
