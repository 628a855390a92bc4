//! A run under way, step by step and phase by phase.

use super::super::decide;
use super::super::decision::Decision;
use super::super::failure::Failure;
use super::super::plan::Plan;
use super::super::random::RunSeed;
use super::super::setup::{Setting, prepare_into};
use super::calendar::Calendar;
use super::exchange::Exchange;
use super::gap::Gap;
use super::opinions::Opinions;
use super::progress::Progress;
use super::result::{Checkpoint, Observer, Run, RunOptions};
use super::stage::Stage;
use crate::model::{DrawId, Ending, Event, InstanceId, Model, MoveId};

/// A run under way. It can be used for many runs one after the other, which saves making its tables anew.
#[derive(Clone)]
pub struct Simulation<'a> {
    want: RunOptions,
    pub(super) progress: Progress<'a>,
    drawn: Vec<(DrawId, f64)>,
    calendar: Calendar,
    opinions: Opinions,
    exchange: Exchange,
    gap: Gap,
    candidates: Vec<InstanceId>,
    /// The metrics of the step.
    sampled: Vec<f64>,
}

impl<'a> Simulation<'a> {
    /// Prepares for runs of a model.
    #[must_use]
    pub fn new(model: &'a Model, plan: &'a Plan, want: RunOptions) -> Self {
        Self {
            want,
            progress: Progress::new(model, plan),
            drawn: Vec::new(),
            calendar: Calendar::default(),
            opinions: Opinions::default(),
            exchange: Exchange::new(model),
            gap: Gap::default(),
            candidates: Vec::new(),
            sampled: Vec::new(),
        }
    }

    /// Runs the model once with these settings. The result is what `run` gives for a model with them in its setup.
    pub fn run(&mut self, settings: &[Setting], luck: RunSeed) -> &Run {
        self.run_once(settings, &[], luck, &mut |_, _, _| {});
        &self.progress.run
    }

    /// The run that was made last.
    pub(super) fn into_run(self) -> Run {
        self.progress.run
    }

    /// Runs the model once, going on under each of the forks from its step on.
    pub(super) fn run_once(
        &mut self,
        settings: &[Setting],
        forks: &[Stage<'a>],
        luck: RunSeed,
        watch: &mut Observer<'_>,
    ) {
        let result = self.begin(settings, luck).and_then(|()| self.go_on(0, forks, watch));
        self.conclude(result);
    }

    /// All that comes before the phases of step 0.
    pub(super) fn begin(&mut self, settings: &[Setting], luck: RunSeed) -> Result<(), Failure> {
        let Progress { model, plan, run, .. } = &mut self.progress;
        let prepared = prepare_into(model, plan, settings, luck, &mut run.setup, &mut self.drawn);
        self.reset(luck);
        if let Err(failure) = prepared {
            // What was worked out before the failure is no setup of a run.
            self.progress.run.setup.restore(&self.progress.model.setup);
            self.progress.record(Event::Started, None);
            return Err(failure);
        }
        self.start()
    }

    /// Notes how the run ended.
    pub(super) fn conclude(&mut self, result: Result<Ending, Failure>) {
        let run = &mut self.progress.run;
        run.gap = if result.is_ok() { self.gap.size() } else { None };
        run.exchanged = if self.want.exchanged { self.gap.take_exchanged() } else { None };
        run.result = result;
    }

    /// Everything as before the first event, for the numbers in the setup.
    fn reset(&mut self, luck: RunSeed) {
        self.progress.reset(luck, self.want.log);
        self.calendar.reset(&self.progress);
        self.opinions.reset(&self.progress);
        self.exchange.reset();
        self.gap.reset();
        self.candidates.clear();
    }

    fn start(&mut self) -> Result<(), Failure> {
        self.progress.record(Event::Started, None);
        for &(draw, value) in &self.drawn {
            self.progress.record(Event::Drawn { draw, value }, None);
        }
        self.progress.decide(|view, out| {
            decide::initial(view, out);
            Ok(())
        })
    }

    /// The steps from `first` on, and the end.
    pub(super) fn go_on(
        &mut self,
        first: u32,
        forks: &[Stage<'a>],
        watch: &mut Observer<'_>,
    ) -> Result<Ending, Failure> {
        for step in first.. {
            self.enter(step, forks)?;
            if self.whole_step(watch)? {
                break;
            }
        }
        self.end()
    }

    /// Comes to a step, under the forks that begin with it.
    pub(super) fn enter(&mut self, step: u32, forks: &[Stage<'a>]) -> Result<(), Failure> {
        self.progress.begin_step(step);
        forks.iter().filter(|stage| stage.from == step).try_for_each(|stage| self.switch(stage))
    }

    /// Goes on under another model from the coming step on.
    pub(super) fn switch(&mut self, stage: &Stage<'a>) -> Result<(), Failure> {
        self.progress.switch(stage)?;
        self.calendar.switch(&self.progress, stage.from);
        self.opinions.reset(&self.progress);
        Ok(())
    }

    /// Lets all that is random follow this luck from the coming step on.
    pub(super) fn meet_luck(&mut self, luck: RunSeed) {
        self.progress.luck = luck;
        self.calendar.meet_luck(&self.progress);
        self.opinions.reset(&self.progress);
    }

    /// The step that was entered; says whether it was the last.
    pub(super) fn whole_step(&mut self, watch: &mut Observer<'_>) -> Result<bool, Failure> {
        let step = self.progress.run.world.step;
        if step > 0 {
            self.progress.note_step();
        }
        let is_last = step + 1 == self.progress.model.clock.steps;
        self.step(is_last, watch)?;
        watch(Checkpoint::Ended, &self.progress.run.world, &self.progress.run.setup);
        self.progress.run.steps = step + 1;
        Ok(is_last || self.has_stopped())
    }

    fn has_stopped(&self) -> bool {
        let Progress { model, plan, run, .. } = &self.progress;
        let stops = model.outcomes.iter().zip(&run.world.reached);
        plan.may_stop && stops.into_iter().any(|(outcome, reached)| outcome.stop && reached.is_some())
    }

    /// The phases of a step, in order.
    fn step(&mut self, is_last: bool, watch: &mut Observer<'_>) -> Result<(), Failure> {
        let Self { progress, calendar, opinions, exchange, gap, .. } = self;
        progress.spend(progress.plan.step_cost)?;
        progress.agenda.raise(progress.plan, progress.plan.signals.tick);
        calendar.run(progress)?;
        opinions.run(progress, calendar.sessions())?;
        Self::review(progress, &mut self.candidates)?;
        for at in 0..progress.model.moves.len() {
            progress.decide(|view, out| decide::go_first(view, MoveId::at(at), out))?;
        }
        exchange.run(progress)?;
        exchange.packages(progress, calendar.sessions())?;
        gap.note(progress, is_last, self.want.exchanged);
        watch(Checkpoint::Exchanged, &progress.run.world, &progress.run.setup);
        Self::deliver(progress, &mut self.candidates)?;
        self.reach()?;
        self.sample()
    }

    fn review(progress: &mut Progress<'_>, candidates: &mut Vec<InstanceId>) -> Result<(), Failure> {
        candidates.clear();
        progress.agenda.take_review(progress.plan, candidates);
        progress.spend_on(candidates, |costs| costs.review)?;
        progress.decide(|view, out| decide::review(view, candidates, out))
    }

    fn deliver(progress: &mut Progress<'_>, candidates: &mut Vec<InstanceId>) -> Result<(), Failure> {
        candidates.clear();
        progress.agenda.delivering.collect_into(candidates);
        let mut complete = Vec::new();
        progress.decide(|view, out| {
            complete.extend(candidates.iter().filter(|&&instance| decide::delivery(view, instance, out)));
            Ok(())
        })?;
        for instance in complete {
            progress.agenda.delivering.remove(instance);
            if progress.model.commitment_of(instance).is_graded() {
                // It may be done from the next Review on, even if nothing was handed over.
                progress.agenda.review(instance);
            }
        }
        progress.spend(candidates.len() as u64)
    }

    /// The outcomes that are reached, each a cause of those after it that read it.
    fn reach(&mut self) -> Result<(), Failure> {
        let mut reached: Vec<Decision> = Vec::new();
        decide::reached(self.progress.view(), &mut reached)?;
        for decision in reached {
            self.progress.batch.push(decision);
            self.progress.apply()?;
        }
        Ok(())
    }

    fn sample(&mut self) -> Result<(), Failure> {
        self.sampled.clear();
        let result = decide::sample(self.progress.view(), &mut self.sampled);
        let run = &mut self.progress.run;
        for (last, value) in run.metrics.iter_mut().zip(&self.sampled) {
            *last = Some(*value);
        }
        if self.want.series {
            run.samples.extend_from_slice(&self.sampled);
        }
        result
    }

    fn end(&mut self) -> Result<Ending, Failure> {
        let gap = self.gap.at_end(&mut self.progress)?;
        let (ending, why) = decide::ending(self.progress.view(), gap)?;
        self.progress.batch.push(Decision::new(Event::Ended(ending), why));
        self.progress.apply()?;
        Ok(ending)
    }
}
