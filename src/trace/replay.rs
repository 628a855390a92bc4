//! Replay: folding a log without simulating, and refusing one that was cut, edited, reordered or belongs
//! to another scenario.

mod check;
mod read;

use std::collections::VecDeque;
use std::io::Read;

use read::{read, read_draws};

use super::record::{Namer, ending_name};
use crate::engine::{self, Checkpoint, HistoryHash, Observer, Plan, Stage, View};
use crate::model::{Amount, Ending, Entry, Event, InstanceId, Model, Phase, Setup, World};

/// What the manifest says of the run whose log is folded.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Recorded {
    /// Whether the run came to its end.
    pub ok: bool,
    /// Steps that it completed.
    pub steps: u32,
}

/// Why a log is refused.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ReplayError {
    /// The line of the file, from 1, the header being the first; none where no single row is to blame.
    pub line: Option<u64>,
    /// The reason.
    pub reason: String,
}

impl ReplayError {
    fn header(reason: impl Into<String>) -> Self {
        Self { line: Some(1), reason: reason.into() }
    }

    fn row(row: usize, reason: impl Into<String>) -> Self {
        Self { line: Some(row as u64 + 2), reason: reason.into() }
    }
}

/// A folded log: all that the run itself would have given.
#[derive(Clone, Debug)]
pub struct Fold {
    /// The events.
    pub log: Vec<Entry>,
    /// How the run ended; none where it failed.
    pub ending: Option<Ending>,
    /// Steps that were completed.
    pub steps: u32,
    /// Size of the gap after the latest Exchange; none where the run failed.
    pub gap: Option<u32>,
    /// Metrics by step; a failure may have cut the last step short.
    pub samples: Vec<f64>,
    /// The last value of each metric.
    pub metrics: Vec<Option<f64>>,
    /// The hash of the events.
    pub history: HistoryHash,
    /// The state at the end.
    pub world: World,
    /// The numbers of the run, as they were at the end.
    pub setup: Setup,
    /// The numbers that held before each fork, with its step.
    pub before: Vec<(u32, Setup)>,
}

impl Fold {
    /// The numbers of the run at a step.
    #[must_use]
    pub fn setup_at(&self, step: u32) -> &Setup {
        self.before.iter().find(|(until, _)| step < *until).map_or(&self.setup, |(_, setup)| setup)
    }
}

/// Reads and folds the events of one run, which went on under each of the `forks` from its step on.
/// `watch` sees the states on the way, as it would have seen them in the run.
///
/// # Errors
/// A [`ReplayError`] with the first row that cannot be, and why.
pub fn replay<'a>(
    namer: &Namer<'a>,
    plan: &'a Plan,
    forks: &[Stage<'a>],
    events: impl Read,
    recorded: Recorded,
    watch: &mut Observer<'_>,
) -> Result<Fold, ReplayError> {
    let model = namer.model();
    let steps = forks.iter().map(|stage| stage.model.clock.steps).max().unwrap_or(0).max(model.clock.steps);
    if recorded.steps > steps {
        return Err(ReplayError::header(format!(
            "the run has {steps} steps, and {} are said to be done",
            recorded.steps
        )));
    }
    let log = read(namer, events, steps)?;
    if log.is_empty() {
        return Err(ReplayError::header("the log has no rows"));
    }
    let setup = match read_draws(model, &log) {
        // A run that failed before step 0 has no numbers to fold with.
        Err(_) if !recorded.ok && log.len() == 1 => model.setup.clone(),
        other => other?,
    };
    let world = World::new(model, &setup);
    let fold = Fold {
        ending: None,
        steps: 0,
        gap: None,
        samples: Vec::new(),
        metrics: vec![None; model.metrics.len()],
        history: HistoryHash::default(),
        world,
        setup,
        before: Vec::new(),
        log,
    };
    let folding =
        Folding { model, plan, first: model, fold, phase: Phase::Start, last_key: (0, 0), owed: VecDeque::new() };
    folding.run(forks, recorded, watch)
}

struct Folding<'a> {
    /// The model at the start, whose draws the log begins with.
    first: &'a Model,
    model: &'a Model,
    plan: &'a Plan,
    fold: Fold,
    phase: Phase,
    /// Within a phase that goes in declaration order, how far it has come.
    last_key: (u32, u32),
    /// Withdrawals that must follow, in this order.
    owed: VecDeque<(InstanceId, u32, Amount)>,
}

impl<'a> Folding<'a> {
    fn run(mut self, forks: &[Stage<'a>], recorded: Recorded, watch: &mut Observer<'_>) -> Result<Fold, ReplayError> {
        let steps = if recorded.ok { self.fold.log.last().map_or(0, |entry| entry.step + 1) } else { recorded.steps };
        let mut row = 0;
        for step in 0..steps {
            self.switch(forks, step).map_err(|reason| ReplayError::row(row, reason))?;
            let is_last = recorded.ok && step + 1 == steps;
            row = self.step(step, row, is_last, watch)?;
            self.sample().map_err(|reason| ReplayError::row(row, reason))?;
            watch(Checkpoint::Ended, &self.fold.world, &self.fold.setup);
            self.fold.steps = step + 1;
        }
        if recorded.ok {
            self.end(row)?;
        } else {
            self.switch(forks, steps).map_err(|reason| ReplayError::row(row, reason))?;
            if steps < self.model.clock.steps {
                // Nobody knows whether the step came to its last Exchange before the run failed.
                row = self.step(steps, row, false, &mut |_, _, _| {})?;
                // The failure may have come while the step was sampled; what was sampled before it is kept.
                let _ = self.sample();
            }
            if row < self.fold.log.len() {
                return Err(ReplayError::row(row, "the run had failed before this event"));
            }
        }
        Ok(self.fold)
    }

    /// Goes on under another model where a fork begins.
    fn switch(&mut self, forks: &[Stage<'a>], step: u32) -> Result<(), String> {
        for stage in forks.iter().filter(|stage| stage.from == step) {
            // The value of draw `k` stands in row `k + 1`; `read_draws` has looked.
            let drawn = |path: &String| {
                let draw = self.first.draws.binary_search(path).ok()?;
                if let Event::Drawn { value, .. } = self.fold.log.get(draw + 1)?.event { Some(value) } else { None }
            };
            let drawn: Vec<f64> = stage.model.draws.iter().map(|path| drawn(path).unwrap_or(f64::NAN)).collect();
            let setup = engine::prepare_drawn(stage.model, &drawn).map_err(|failure| failure.to_string())?;
            self.fold.before.push((step, std::mem::replace(&mut self.fold.setup, setup)));
            (self.model, self.plan) = (stage.model, stage.plan);
            engine::recount(self.model, &self.fold.setup, &mut self.fold.world);
        }
        Ok(())
    }

    /// Folds the events of a step, but not `ended`; gives the row after the last of them.
    fn step(
        &mut self,
        step: u32,
        mut row: usize,
        is_last: bool,
        watch: &mut Observer<'_>,
    ) -> Result<usize, ReplayError> {
        self.fold.world.step = step;
        self.phase = Phase::Start;
        let mut gap_taken = false;
        while let Some(&Entry { step: at, event, .. }) = self.fold.log.get(row) {
            if at < step {
                return Err(ReplayError::row(row, format!("step {at} comes after step {step}")));
            }
            if at > step || matches!(event, Event::Ended(_)) {
                break;
            }
            let phase = self.phase_of(row, event);
            if phase >= Phase::Delivery && !gap_taken {
                self.exchanged(is_last, watch).map_err(|reason| ReplayError::row(row, reason))?;
                gap_taken = true;
            }
            self.check(row, event, phase).map_err(|reason| ReplayError::row(row, reason))?;
            let event = self.exact(event).map_err(|reason| ReplayError::row(row, reason))?;
            self.fold.log[row].event = event;
            self.note_owed(event);
            engine::evolve(self.model, &self.fold.setup, &mut self.fold.world, event);
            self.fold.history.add(step, event);
            row += 1;
        }
        if let Some((instance, ..)) = self.owed.front() {
            let name = &self.model.instances[instance.index()].name;
            return Err(ReplayError::row(row, format!("`withdrawn` of `{name}` is missing")));
        }
        if !gap_taken {
            self.exchanged(is_last, watch).map_err(|reason| ReplayError::row(row, reason))?;
        }
        Ok(row)
    }

    /// The step's last Exchange is over; deliveries follow.
    fn exchanged(&mut self, is_last: bool, watch: &mut Observer<'_>) -> Result<(), String> {
        self.take_gap(is_last)?;
        watch(Checkpoint::Exchanged, &self.fold.world, &self.fold.setup);
        Ok(())
    }

    /// The gap belongs to the state after the last Exchange, before deliveries.
    fn take_gap(&mut self, is_last: bool) -> Result<(), String> {
        if self.model.reads_gap || is_last {
            let Fold { setup, world, .. } = &self.fold;
            let gap = engine::greatest_agreement(View { model: self.model, plan: self.plan, setup, world })
                .map_err(|failure| failure.to_string())?;
            let gap = u32::try_from(gap.len()).unwrap_or(u32::MAX);
            self.fold.world.gap = gap;
            if is_last {
                self.fold.gap = Some(gap);
            }
        }
        Ok(())
    }

    fn sample(&mut self) -> Result<(), String> {
        let mut sampled = Vec::with_capacity(self.model.metrics.len());
        let Fold { setup, world, .. } = &self.fold;
        let result = engine::sample(View { model: self.model, plan: self.plan, setup, world }, &mut sampled);
        for (last, value) in self.fold.metrics.iter_mut().zip(&sampled) {
            *last = Some(*value);
        }
        self.fold.samples.extend_from_slice(&sampled);
        result.map_err(|failure| failure.to_string())
    }

    /// The last row says how the run ended, and it did.
    fn end(&mut self, row: usize) -> Result<(), ReplayError> {
        let Some(&Entry { step, event: Event::Ended(found), .. }) = self.fold.log.get(row) else {
            return Err(ReplayError::row(row, "the log stops without `ended`: it was cut"));
        };
        if row + 1 < self.fold.log.len() {
            return Err(ReplayError::row(row + 1, "a row comes after `ended`"));
        }
        let Fold { setup, world, gap, .. } = &self.fold;
        let ending = engine::ending(View { model: self.model, plan: self.plan, setup, world }, gap.unwrap_or(0))
            .map_err(|failure| ReplayError::row(row, failure.to_string()))?;
        if ending != found {
            let name = ending_name(self.model, ending);
            return Err(ReplayError::row(row, format!("the state at the end is `{name}`, not what `ended` says")));
        }
        let stops = self.model.outcomes.iter().zip(&world.reached).any(|(outcome, at)| outcome.stop && at.is_some());
        if !stops && step + 1 < self.model.clock.steps {
            return Err(ReplayError::row(row, "the run ended before its last step, and no outcome stopped it"));
        }
        self.fold.history.add(step, Event::Ended(found));
        self.fold.ending = Some(found);
        Ok(())
    }
}
