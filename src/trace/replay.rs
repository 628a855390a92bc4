//! Replay: applies the events of a log without simulating, and rejects a log that was cut, edited, reordered or written
//! by another scenario. [`States`] iterates over the states of a recorded run, event by event.

mod check;

use std::collections::VecDeque;
use std::io::Read;
use std::sync::Arc;

use super::read::read_rows;
use super::record::{Namer, ReplayError, ending_name};
use crate::engine::{
    self, Checkpoint, Failure, HistoryHash, Observer, Plan, Run, RunSeed, Stage, StorylineHash, View, begin_step,
    evolve, recount,
};
use crate::model::{Amount, Ending, Entry, Event, InstanceId, Model, Phase, Setup, World, limits};

/// Facts about the recorded run that no row of its log contains.
#[derive(Clone, Debug, PartialEq)]
pub struct Recorded {
    /// The number of completed steps.
    pub steps: u32,
    /// The failure that ended the run; `None` if it reached its end.
    pub failure: Option<Failure>,
    /// Whether it failed while sampling its metrics. The metrics sampled before the failure in that step are kept.
    pub in_sampling: bool,
    /// The seed and the replicate, with which a fork draws its parameters again.
    pub run_seed: RunSeed,
}

impl Recorded {
    /// The facts of a run. Those of a failed run are complete only if its series was recorded.
    #[must_use]
    pub fn of(run: &Run, run_seed: RunSeed) -> Self {
        let complete = run.steps as usize * run.metrics.len();
        Self {
            steps: run.steps,
            failure: run.result.clone().err(),
            in_sampling: run.samples.len() > complete,
            run_seed,
        }
    }
}

/// Reads and replays the events of one run, which continued under each of the `forks` from its step on. `watch`
/// observes the same states as it would have observed in the run.
///
/// # Errors
/// A [`ReplayError`] with the first invalid row and the reason.
pub fn replay<'a>(
    namer: &Namer<'a>,
    plan: &'a Plan,
    forks: &[Stage<'a>],
    events: impl Read,
    recorded: &Recorded,
    watch: &mut Observer<'_>,
) -> Result<Run, ReplayError> {
    let log = read_log(namer, events, forks, recorded)?;
    fold((namer.model(), plan), forks, log, recorded, watch)
}

/// Reads the events of one run, which went on under each of the `forks` from its step on; each row must be what its
/// event is written as.
///
/// # Errors
/// A [`ReplayError`] with the first row that is not that of an event, and why.
pub fn read_log(
    namer: &Namer<'_>,
    events: impl Read,
    forks: &[Stage<'_>],
    recorded: &Recorded,
) -> Result<Vec<Entry>, ReplayError> {
    let model = namer.model();
    let steps = forks.iter().map(|stage| stage.model.clock.steps).max().unwrap_or(0).max(model.clock.steps);
    if recorded.steps > steps {
        return Err(ReplayError::header(format!(
            "the run has {steps} steps, but the manifest says that it completed {}",
            recorded.steps
        )));
    }
    read_rows(namer, events, steps)
}

/// Folds the events of one run, as [`replay`] does once it has read them.
///
/// # Errors
/// A [`ReplayError`] with the first invalid row and the reason.
pub fn fold<'a>(
    (model, plan): (&'a Model, &'a Plan),
    forks: &[Stage<'a>],
    log: Vec<Entry>,
    recorded: &Recorded,
    watch: &mut Observer<'_>,
) -> Result<Run, ReplayError> {
    if log.is_empty() {
        return Err(ReplayError::header("the log has no rows"));
    }
    let setup = match read_draws(model, &log) {
        // A run that failed before step 0 has no drawn parameters.
        Err(_) if recorded.failure.is_some() && log.len() == 1 => Arc::clone(&model.setup),
        other => other?,
    };
    let world = World::new(model, &setup);
    let run = Run {
        result: recorded.failure.clone().map_or(Ok(Ending::Stalemate), Err),
        steps: 0,
        gap: None,
        samples: Vec::new(),
        metrics: vec![None; model.metrics.len()],
        history: HistoryHash::default(),
        storyline: StorylineHash::default(),
        // The number of rows was limited when the log was read.
        events: u32::try_from(log.len()).unwrap_or(u32::MAX),
        world,
        exchanged: None,
        setup,
        before: Vec::new(),
        log,
    };
    let folding = Folding {
        model,
        plan,
        first: model,
        run_seed: recorded.run_seed,
        work: 0,
        run,
        phase: Phase::Start,
        last_key: (0, 0),
        owed: VecDeque::new(),
    };
    let mut run = folding.run(forks, recorded, watch)?;
    let told = engine::storyline(model, run.log.iter().map(|entry| (entry.step, entry.event)));
    run.storyline = StorylineHash::of(model, &told);
    Ok(run)
}

struct Folding<'a> {
    /// The model at the start, to which the draws at the start of the log belong.
    first: &'a Model,
    model: &'a Model,
    plan: &'a Plan,
    run_seed: RunSeed,
    /// A lower bound on the work of the steps so far.
    work: u64,
    run: Run,
    phase: Phase,
    /// The position reached in a phase that proceeds in declaration order.
    last_key: (u32, u32),
    /// Withdrawals that must come next, in this order.
    owed: VecDeque<(InstanceId, u32, Amount)>,
}

impl<'a> Folding<'a> {
    fn run(mut self, forks: &[Stage<'a>], recorded: &Recorded, watch: &mut Observer<'_>) -> Result<Run, ReplayError> {
        let ok = recorded.failure.is_none();
        let steps = if ok { self.run.log.last().map_or(0, |entry| entry.step + 1) } else { recorded.steps };
        let mut row = 0;
        for step in 0..steps {
            self.switch(forks, step).map_err(|failure| ReplayError::row(row, failure.to_string()))?;
            let is_last = ok && step + 1 == steps;
            self.work = self.work.saturating_add(self.plan.step_cost());
            if self.work > limits::WORK {
                return Err(ReplayError::row(
                    row,
                    format!("a run cannot have reached step {step}: that takes more than {} operations", limits::WORK),
                ));
            }
            row = self.step(step, row, Some(is_last), watch)?;
            self.sample().map_err(|failure| ReplayError::row(row, failure.to_string()))?;
            watch(Checkpoint::Ended, &self.run.world, &self.run.setup);
            self.run.steps = step + 1;
        }
        if ok {
            self.end(row)?;
        } else {
            row = self.fail(forks, row, recorded)?;
            if row < self.run.log.len() {
                return Err(ReplayError::row(row, "the run had failed before this event"));
            }
        }
        Ok(self.run)
    }

    /// Replays the step in which the run failed, as far as it got.
    fn fail(&mut self, forks: &[Stage<'a>], row: usize, recorded: &Recorded) -> Result<usize, ReplayError> {
        let step = recorded.steps;
        // Drawing the parameters of a fork may itself be the failure; then the run ended there.
        if self.switch(forks, step).is_err() || step >= self.model.clock.steps {
            return Ok(row);
        }
        // The observer is not called for the last Exchange, since the log does not show whether the run reached it.
        let row = self.step(step, row, None, &mut |_, _, _| {})?;
        if recorded.in_sampling {
            // Sampling fails as it did in the run; metrics sampled before the failure are kept.
            let _ = self.sample();
        }
        Ok(row)
    }

    /// Switches to another model at the step where a fork begins.
    fn switch(&mut self, forks: &[Stage<'a>], step: u32) -> Result<(), Failure> {
        for stage in forks.iter().filter(|stage| stage.from == step) {
            // Parameters are drawn again from the same streams: other arguments of a distribution give other values.
            let (setup, _) = engine::prepare(stage.model, self.run_seed)?;
            self.run.before.push((step, std::mem::replace(&mut self.run.setup, setup)));
            (self.model, self.plan) = (stage.model, stage.plan);
            engine::recount(self.model, &self.run.setup, &mut self.run.world);
        }
        Ok(())
    }

    /// Replays the events of a step except `ended`, and returns the row after them. `is_last` tells whether the step is
    /// the last of the run; `None` in the step in which a run failed.
    fn step(
        &mut self,
        step: u32,
        mut row: usize,
        is_last: Option<bool>,
        watch: &mut Observer<'_>,
    ) -> Result<usize, ReplayError> {
        engine::begin_step(&mut self.run.world, step);
        self.phase = Phase::Start;
        let mut gap_taken = false;
        while let Some(&Entry { step: at, event, .. }) = self.run.log.get(row) {
            if at < step {
                return Err(ReplayError::row(row, format!("step {at} comes after step {step}")));
            }
            if at > step || matches!(event, Event::Ended(_)) {
                break;
            }
            let phase = self.phase_of(row, event);
            if phase >= Phase::Delivery && !gap_taken {
                self.exchanged(is_last, watch).map_err(|failure| ReplayError::row(row, failure.to_string()))?;
                gap_taken = true;
            }
            self.check(row, event, phase).map_err(|reason| ReplayError::row(row, reason))?;
            let event = self.exact(event).map_err(|reason| ReplayError::row(row, reason))?;
            self.run.log[row].event = event;
            self.note_owed(event);
            engine::evolve(self.model, &self.run.setup, &mut self.run.world, event);
            self.run.history.add(step, event);
            row += 1;
        }
        if let Some((instance, ..)) = self.owed.front() {
            let name = self.model.name_of(*instance);
            return Err(ReplayError::row(row, format!("`withdrawn` of `{name}` is missing")));
        }
        if !gap_taken {
            let exchanged = self.exchanged(is_last, watch);
            // The failure of the run may also prevent computing the gap.
            if is_last.is_some() {
                exchanged.map_err(|failure| ReplayError::row(row, failure.to_string()))?;
            }
        }
        Ok(row)
    }

    /// Called after the last Exchange of the step; deliveries follow.
    fn exchanged(&mut self, is_last: Option<bool>, watch: &mut Observer<'_>) -> Result<(), Failure> {
        self.take_gap(is_last == Some(true))?;
        watch(Checkpoint::Exchanged, &self.run.world, &self.run.setup);
        Ok(())
    }

    fn view(&self) -> View<'_> {
        View { model: self.model, plan: self.plan, setup: &self.run.setup, world: &self.run.world }
    }

    /// Computes the gap of the state after the last Exchange, before deliveries.
    fn take_gap(&mut self, is_last: bool) -> Result<(), Failure> {
        if self.model.reads_gap || is_last {
            let gap = engine::greatest_agreement(self.view())?;
            let gap = u32::try_from(gap.len()).unwrap_or(u32::MAX);
            self.run.world.keep_gap(gap);
            if is_last {
                self.run.gap = Some(gap);
            }
        }
        Ok(())
    }

    fn sample(&mut self) -> Result<(), Failure> {
        let mut sampled = Vec::with_capacity(self.model.metrics.len());
        let result = engine::sample(self.view(), &mut sampled);
        for (last, value) in self.run.metrics.iter_mut().zip(&sampled) {
            *last = Some(*value);
        }
        self.run.samples.extend_from_slice(&sampled);
        result
    }

    /// Checks the last row, which states how the run ended.
    fn end(&mut self, row: usize) -> Result<(), ReplayError> {
        let Some(&Entry { step, event: Event::Ended(found), .. }) = self.run.log.get(row) else {
            return Err(ReplayError::row(row, "the log stops without `ended`: it is incomplete"));
        };
        if row + 1 < self.run.log.len() {
            return Err(ReplayError::row(row + 1, "a row comes after `ended`"));
        }
        let ending = engine::ending(self.view(), self.run.gap.unwrap_or(0))
            .map_err(|failure| ReplayError::row(row, failure.to_string()))?;
        if ending != found {
            let name = ending_name(self.model, ending);
            return Err(ReplayError::row(row, format!("the state at the end is `{name}`, which differs from `ended`")));
        }
        let stops =
            self.model.outcomes.iter().zip(&self.run.world.reached).any(|(outcome, at)| outcome.stop && at.is_some());
        if !stops && step + 1 < self.model.clock.steps {
            return Err(ReplayError::row(row, "the run ended before its last step, and no outcome stopped it"));
        }
        self.run.history.add(step, Event::Ended(found));
        self.run.result = Ok(found);
        Ok(())
    }
}

/// The setup of the run, built from the values that it drew.
fn read_draws(model: &Model, log: &[Entry]) -> Result<Arc<Setup>, ReplayError> {
    let mut drawn = Vec::with_capacity(model.draws.len());
    for (at, path) in model.draws.iter().enumerate() {
        match log.get(at + 1).map(|entry| entry.event) {
            Some(Event::Drawn { draw, value }) if draw.index() == at => drawn.push(value),
            _ => return Err(ReplayError::row(at + 1, format!("the log lacks the drawn value of `{path}`"))),
        }
    }
    engine::prepare_drawn(model, &drawn).map_err(|failure| ReplayError::row(model.draws.len(), failure.to_string()))
}

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

    /// The state after the event `seq`, with the current model and setup; of a log that ends before it, at its end.
    pub fn after(&mut self, seq: usize) -> (&'a Model, &'a Setup, &World) {
        if seq + 1 < self.next {
            *self = Self::new(std::mem::take(&mut self.legs), self.run);
        }
        while self.next <= seq && self.advance().is_some() {}
        self.now()
    }

    /// The state in step `step`, before the event at position `seq` and all events of later steps, with the current
    /// model and setup. It only goes forwards.
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
