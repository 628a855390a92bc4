//! Iterates over the states of a recorded run, event by event.

use crate::engine::{Run, begin_step, evolve, recount};
use crate::model::{Model, Setup, World};

/// A forward cursor over the states of a run with a log.
#[derive(Debug)]
pub struct States<'a> {
    /// The models of the run in ascending order, each with the first step at which it applies.
    legs: Vec<(u32, &'a Model)>,
    run: &'a Run,
    world: World,
    /// The index of the next event.
    next: usize,
    /// The index of the current leg.
    leg: usize,
}

impl<'a> States<'a> {
    /// Creates a cursor before the first event; `legs` are the models of the run, each with its first step.
    ///
    /// # Panics
    /// If there is no leg.
    #[must_use]
    pub fn new(legs: Vec<(u32, &'a Model)>, run: &'a Run) -> Self {
        let world = World::new(legs[0].1, run.setup_at(0));
        Self { legs, run, world, next: 0, leg: 0 }
    }

    /// The state before the event `seq` in that event's step, with the current model and setup.
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

    /// The state in step `step`, before the event at position `seq` and all events of later steps, with the current model
    /// and setup. It only goes forwards.
    pub fn in_step(&mut self, step: u32, seq: usize) -> (&'a Model, &'a Setup, &World) {
        while self.next < seq && self.run.log.get(self.next).is_some_and(|entry| entry.step <= step) {
            self.advance();
        }
        self.enter(step);
        self.now()
    }

    /// The state after the next event, with the current model and setup; `None` after the last event.
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

    /// Advances to a step and applies the forks up to it.
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
