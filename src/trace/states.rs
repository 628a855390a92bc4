//! The states of a recorded run, event by event.

use crate::engine::{Run, begin_step, evolve, recount};
use crate::model::{Model, Setup, World};

/// Walks through the states of a run whose log is there, forwards.
#[derive(Debug)]
pub struct States<'a> {
    /// The models that the run went through, each with the first step that it was in force, rising.
    legs: Vec<(u32, &'a Model)>,
    run: &'a Run,
    world: World,
    /// The event that comes next.
    next: usize,
    /// The leg in force.
    leg: usize,
}

impl<'a> States<'a> {
    /// The states of a run, from before its first event on; `legs` are its models, each with its first step.
    ///
    /// # Panics
    /// If there is no leg.
    #[must_use]
    pub fn new(legs: Vec<(u32, &'a Model)>, run: &'a Run) -> Self {
        let world = World::new(legs[0].1, run.setup_at(0));
        Self { legs, run, world, next: 0, leg: 0 }
    }

    /// The state before the event `seq`, in that event's step, with the model and the numbers in force.
    pub fn before(&mut self, seq: usize) -> (&'a Model, &'a Setup, &World) {
        if seq < self.next {
            *self = Self::new(std::mem::take(&mut self.legs), self.run);
        }
        while self.next < seq {
            self.advance();
        }
        if let Some(entry) = self.run.log.get(seq) {
            self.enter(entry.step);
        }
        self.now()
    }

    /// The state after the next event, with the model and the numbers in force; none after the last.
    pub fn advance(&mut self) -> Option<(&'a Model, &'a Setup, &World)> {
        let entry = *self.run.log.get(self.next)?;
        self.enter(entry.step);
        evolve(self.legs[self.leg].1, self.run.setup_at(entry.step), &mut self.world, entry.event);
        self.next += 1;
        Some(self.now())
    }

    fn now(&self) -> (&'a Model, &'a Setup, &World) {
        (self.legs[self.leg].1, self.run.setup_at(self.world.step), &self.world)
    }

    /// Goes on to a step, under the numbers of the forks up to it.
    fn enter(&mut self, step: u32) {
        begin_step(&mut self.world, step);
        while let Some(&(from, model)) = self.legs.get(self.leg + 1)
            && from <= step
        {
            self.leg += 1;
            recount(model, self.run.setup_at(step), &mut self.world);
        }
    }
}
