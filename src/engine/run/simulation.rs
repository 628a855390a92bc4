//! Simulates a run step by step and phase by phase.

use super::super::decide;
use super::super::decision::{Decision, View};
use super::super::failure::Failure;
use super::super::plan::Plan;
use super::super::random::RunSeed;
use super::super::ranges::safe_parts;
use super::super::setup::{Prepared, Setting};
use super::super::watch::{Kind, Reasons};
use super::calendar::Calendar;
use super::calendar::Opinions;
use super::exchange::Exchange;
use super::first_offers::FirstOffers;
use super::gap::Gap;
use super::interface::{Checkpoint, Observer, Run, RunOptions, Stage};
use super::progress::{Progress, TOGETHER};
use crate::model::{DrawId, Ending, Event, InstanceId, Metric, Model, MoveId, Trigger, World};

/// Runs are lazy as long as no more than one in so many fails.
const FAILING: u64 = 8;

/// A simulation. It can do many runs one after the other, which saves allocating its tables again.
#[derive(Clone)]
pub struct Simulation<'a> {
    want: RunOptions,
    pub(super) progress: Progress<'a>,
    prepared: Prepared,
    drawn: Vec<(DrawId, f64)>,
    calendar: Calendar,
    opinions: Opinions,
    first_offers: FirstOffers,
    exchange: Exchange,
    gap: Gap,
    candidates: Vec<InstanceId>,
    reasons: Reasons,
    /// Whether values that are needed only if the run fails may be left out: metrics before the end, the state before a
    /// package.
    may_be_lazy: bool,
    /// Whether they are left out of this run, which is not so in a repetition after a failure.
    is_lazy: bool,
    /// Runs so far, and those of them that failed.
    runs: u64,
    failed: u64,
    /// By metric, whether it cannot fail; and the value of `Grounds::changes` for which this was computed.
    cannot_fail: (Vec<bool>, Option<u64>),
    /// By metric, whether it is evaluated only at the end.
    is_late: Vec<bool>,
    /// Whether all metrics are.
    all_are_late: bool,
    /// Whether nothing but stances changed in the last step.
    was_uneventful: bool,
}

impl<'a> Simulation<'a> {
    /// Creates a simulation of a model.
    #[must_use]
    pub fn new(model: &'a Model, plan: &'a Plan, want: RunOptions) -> Self {
        Self::starting_in(World::new(model, &model.setup), model, plan, want)
    }

    /// Creates a simulation of a model, given the state that its setup begins with.
    pub(super) fn starting_in(world: World, model: &'a Model, plan: &'a Plan, want: RunOptions) -> Self {
        Self {
            want,
            progress: Progress::new(model, plan, world),
            prepared: Prepared::default(),
            drawn: Vec::new(),
            calendar: Calendar::default(),
            opinions: Opinions::default(),
            first_offers: FirstOffers::default(),
            exchange: Exchange::new(model),
            gap: Gap::default(),
            candidates: Vec::new(),
            reasons: Reasons::default(),
            may_be_lazy: !want.log
                && !want.series
                && (!model.metrics.is_empty() || model.meetings.iter().any(|meeting| meeting.package)),
            is_lazy: false,
            runs: 0,
            failed: 0,
            cannot_fail: (Vec::new(), None),
            is_late: Vec::new(),
            all_are_late: false,
            was_uneventful: false,
        }
    }

    /// Evaluates everything in every step, whether its inputs have changed or not. Unless a limit of work is reached,
    /// the results are the same. For tests.
    #[must_use]
    pub fn thorough(mut self) -> Self {
        self.progress.agenda.be_thorough();
        self.may_be_lazy = false;
        self
    }

    /// Runs the model once with these settings. The result equals that of `run` for a model with the settings in its
    /// setup.
    pub fn run(&mut self, settings: &[Setting], run_seed: RunSeed) -> &Run {
        // A run that fails is done twice if it was lazy, so that where many fail none is.
        self.is_lazy = self.may_be_lazy && self.failed * FAILING <= self.runs;
        self.first_offers.is_on = true;
        self.run_once(settings, &[], run_seed, &mut |_, _, _| {});
        self.runs += 1;
        self.failed += u64::from(self.progress.run.result.is_err());
        if self.is_lazy && self.progress.run.result.is_err() {
            // Run again with everything that was left out.
            self.is_lazy = false;
            self.run_once(settings, &[], run_seed, &mut |_, _, _| {});
        }
        &self.progress.run
    }

    /// Whether the first offers of the next run will be copied if its amounts and dates are those of the last.
    #[cfg(test)]
    pub(super) fn knows_first_offers(&self) -> bool {
        self.first_offers.are_known()
    }

    /// The last run.
    pub(super) fn into_run(self) -> Run {
        self.progress.run
    }

    /// Runs the model once, switching to each of the forks at its step.
    pub(super) fn run_once(
        &mut self,
        settings: &[Setting],
        forks: &[Stage<'a>],
        run_seed: RunSeed,
        watch: &mut Observer<'_>,
    ) {
        let result = self.begin(settings, run_seed).and_then(|()| self.go_on(0, forks, watch));
        self.conclude(result);
    }

    /// Performs everything that precedes the phases of step 0.
    pub(super) fn begin(&mut self, settings: &[Setting], run_seed: RunSeed) -> Result<(), Failure> {
        let Progress { model, plan, run, .. } = &mut self.progress;
        let prepared = self.prepared.prepare((model, plan), settings, run_seed, &mut run.setup, &mut self.drawn);
        self.reset(run_seed);
        if let Err(failure) = prepared {
            // A partially evaluated setup is not the setup of a run.
            self.progress.run.setup.clone_from(&self.progress.model.setup);
            self.progress.record(Event::Started, None);
            return Err(failure);
        }
        self.start()
    }

    /// Records how the run ended.
    pub(super) fn conclude(&mut self, result: Result<Ending, Failure>) {
        let run = &mut self.progress.run;
        run.gap = if result.is_ok() { self.gap.size() } else { None };
        run.result = result;
        run.history = self.progress.hash.settle();
        let is_wanted = self.want.exchanged && !matches!(run.result, Ok(Ending::Outcome(_)));
        self.progress.run.exchanged = if is_wanted { self.gap.take_exchanged(&self.progress) } else { None };
    }

    /// Resets to the state before the first event, with the numbers in the setup.
    fn reset(&mut self, run_seed: RunSeed) {
        self.progress.reset(run_seed, self.want.log);
        self.progress.may_undo = !self.is_lazy;
        self.calendar.reset(&self.progress);
        self.opinions.begin(&self.progress, self.prepared.are_unchanged);
        self.exchange.reset();
        self.gap.reset();
        self.candidates.clear();
        let Progress { model, grounds, .. } = &self.progress;
        let (cannot_fail, computed_for) = &mut self.cannot_fail;
        if self.is_lazy && computed_for.replace(grounds.changes()) != Some(grounds.changes()) {
            let is_safe = |metric: &Metric| safe_parts(&metric.value, model, grounds).last() == Some(&true);
            cannot_fail.clear();
            cannot_fail.extend(model.metrics.iter().map(is_safe));
        }
        self.is_late.clear();
        self.is_late.extend((0..model.metrics.len()).map(|at| self.is_lazy && cannot_fail[at]));
        self.all_are_late = self.is_late.iter().all(|is_late| *is_late);
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

    /// Simulates the steps from `first` on and the end.
    pub(super) fn go_on(
        &mut self,
        first: u32,
        forks: &[Stage<'a>],
        watch: &mut Observer<'_>,
    ) -> Result<Ending, Failure> {
        let mut step = first;
        loop {
            self.enter(step, forks)?;
            if self.whole_step(watch)? {
                break;
            }
            step += 1;
            if self.was_uneventful && forks.is_empty() {
                step = self.drift(step, watch)?;
            }
        }
        self.end()
    }

    /// Simulates steps from one on as long as nothing but stances changes, which takes less time than whole steps;
    /// returns the next one.
    fn drift(&mut self, first: u32, watch: &mut Observer<'_>) -> Result<u32, Failure> {
        let Self { progress, calendar, opinions, .. } = self;
        // The last step is never uneventful.
        let end = calendar.calm_until(progress).min(progress.model.clock.steps - 1);
        if first >= end || !opinions.may_drift(progress) {
            return Ok(first);
        }
        let (step, is_begun) = opinions.drift(progress, first..end, watch)?;
        if !is_begun {
            return Ok(step);
        }
        self.finish_step(false, false, watch)?;
        Ok(step + 1)
    }

    /// Begins a step and applies the forks that begin with it.
    pub(super) fn enter(&mut self, step: u32, forks: &[Stage<'a>]) -> Result<(), Failure> {
        self.progress.begin_step(step);
        forks.iter().filter(|stage| stage.from == step).try_for_each(|stage| self.switch(stage))
    }

    /// Switches to another model from the next step on.
    pub(super) fn switch(&mut self, stage: &Stage<'a>) -> Result<(), Failure> {
        self.progress.switch(stage)?;
        self.prepared = Prepared::default();
        self.calendar.switch(&self.progress, stage.from);
        self.opinions.reset(&self.progress);
        Ok(())
    }

    /// Uses this seed and replicate from the next step on.
    pub(super) fn use_seed(&mut self, run_seed: RunSeed) {
        self.progress.run_seed = run_seed;
        self.calendar.use_seed(&self.progress);
        self.opinions.reset(&self.progress);
    }

    /// Simulates the step that was begun; returns whether it was the last.
    pub(super) fn whole_step(&mut self, watch: &mut Observer<'_>) -> Result<bool, Failure> {
        let step = self.progress.run.world.step;
        if step > 0 {
            self.progress.note_step();
        }
        let is_last = step + 1 == self.progress.model.clock.steps;
        self.progress.spend(self.progress.plan.step_cost)?;
        self.progress.agenda.begin_step(self.progress.plan);
        self.calendar.run(&mut self.progress)?;
        self.opinions.run(&mut self.progress, self.calendar.sessions())?;
        // Nothing but stances has changed, and nobody watches for what they are now.
        self.was_uneventful =
            !is_last && self.all_are_late && self.calendar.sessions().is_empty() && self.progress.is_uneventful();
        self.finish_step(self.was_uneventful, is_last, watch)?;
        Ok(is_last || self.has_stopped())
    }

    /// Simulates the phases after stances, unless the step is uneventful.
    #[inline]
    fn finish_step(&mut self, is_uneventful: bool, is_last: bool, watch: &mut Observer<'_>) -> Result<(), Failure> {
        if is_uneventful {
            watch(Checkpoint::Exchanged, &self.progress.run.world, &self.progress.run.setup);
        } else {
            self.act(is_last, watch)?;
        }
        watch(Checkpoint::Ended, &self.progress.run.world, &self.progress.run.setup);
        self.progress.run.steps = self.progress.run.world.step + 1;
        Ok(())
    }

    fn has_stopped(&self) -> bool {
        let Progress { model, plan, run, .. } = &self.progress;
        plan.may_stop
            && model.outcomes.iter().zip(&run.world.reached).any(|(outcome, reached)| outcome.stop && reached.is_some())
    }

    /// The phases of a step after stances, in order.
    fn act(&mut self, is_last: bool, watch: &mut Observer<'_>) -> Result<(), Failure> {
        let Self { progress, calendar, exchange, gap, .. } = self;
        if progress.agenda.has_review(progress.run.world.step) {
            let mut review =
                |progress: &mut Progress<'a>| Self::review(progress, &mut self.candidates, &mut self.reasons);
            if self.first_offers.are_due(progress) {
                self.first_offers.make(progress, review)?;
            } else {
                review(progress)?;
            }
        }
        if !progress.model.moves.is_empty() {
            Self::go_first(progress)?;
        }
        exchange.run(progress)?;
        exchange.packages(progress, calendar.sessions())?;
        gap.note(progress, is_last, self.want.exchanged, self.want.log && progress.run.before.is_empty());
        watch(Checkpoint::Exchanged, &progress.run.world, &progress.run.setup);
        if progress.agenda.delivering.may_have_any() {
            Self::deliver(progress, &mut self.candidates)?;
        }
        if progress.agenda.has_other(progress.plan.global_readers.outcomes()) {
            self.reach()?;
        }
        let is_last = is_last || self.has_stopped();
        if is_last || !self.all_are_late { self.sample(is_last) } else { Ok(()) }
    }

    fn review(
        progress: &mut Progress<'_>,
        candidates: &mut Vec<InstanceId>,
        reasons: &mut Reasons,
    ) -> Result<(), Failure> {
        candidates.clear();
        let view =
            View { model: progress.model, plan: progress.plan, setup: &progress.run.setup, world: &progress.run.world };
        progress.agenda.take_review(view, candidates);
        progress.spend_on(candidates, |costs| costs.review)?;
        if candidates.len() > TOGETHER {
            // Most of so many are offers that are made.
            progress.batch.reserve_exact(candidates.len());
        }
        for some in candidates.chunks(TOGETHER) {
            let mut batch = std::mem::take(&mut progress.batch);
            reasons.clear();
            let decided = decide::review(progress.watch(), some, reasons, &mut batch);
            progress.batch = batch;
            decided?;
            progress.agenda.sleep(Kind::Review, reasons, progress.run.world.step);
        }
        progress.apply()
    }

    /// Makes the moves of the step, in declaration order.
    fn go_first(progress: &mut Progress<'_>) -> Result<(), Failure> {
        let (model, plan) = (progress.model, progress.plan);
        for (at, one) in model.moves.iter().enumerate() {
            let which = MoveId::at(at);
            let is_due = match &one.trigger {
                Trigger::On(steps) => steps.binary_search(&progress.run.world.step).is_ok(),
                // A move may change the condition of a later one.
                Trigger::Rate(_) | Trigger::When { .. } => {
                    progress.agenda.take_global_reader(plan.global_readers.of_move(which))
                }
            };
            if is_due {
                progress.decide(|view, out| decide::move_events(view, which, out))?;
            }
        }
        Ok(())
    }

    fn deliver(progress: &mut Progress<'_>, candidates: &mut Vec<InstanceId>) -> Result<(), Failure> {
        candidates.clear();
        progress.agenda.delivering.collect_into(candidates);
        let mut complete = Vec::new();
        // What is handed over by one does not depend on what another does in the same step. Together they are too many,
        // or all of them happen, which matters only near the limit.
        let model = progress.model;
        let most = candidates.iter().map(|&instance| model.commitment_of(instance).gives.len() + 1).sum();
        if candidates.len() > TOGETHER && progress.check_events(most).is_err() {
            let view = progress.view();
            let mut decided = Vec::new();
            let count = candidates.iter().map(|&instance| {
                decided.clear();
                decide::delivery(view, instance, &mut decided);
                decided.len()
            });
            let count = count.sum();
            progress.check_events(count)?;
        }
        for some in candidates.chunks(TOGETHER) {
            progress.decide(|view, out| {
                complete.extend(some.iter().filter(|&&instance| decide::delivery(view, instance, out)));
                Ok(())
            })?;
        }
        for instance in complete {
            progress.agenda.delivering.remove(instance);
            if progress.model.commitment_of(instance).is_graded() {
                // It may be satisfied from the next Review on, even if nothing was delivered.
                progress.agenda.review(instance);
            }
        }
        progress.spend(candidates.len() as u64)
    }

    /// Registers the outcomes that are reached, each as a cause of later ones that read it.
    fn reach(&mut self) -> Result<(), Failure> {
        let mut reached: Vec<Decision> = Vec::new();
        let Progress { model, plan, run: Run { setup, world, .. }, agenda, .. } = &mut self.progress;
        let view = View { model, plan, setup, world };
        decide::reached(view, |at| agenda.take_global_reader(plan.global_readers.of_outcome(at)), &mut reached)?;
        for decision in reached {
            self.progress.batch.push(decision);
            self.progress.apply()?;
        }
        Ok(())
    }

    /// Samples every metric; one whose inputs have not changed keeps its value. After a failure, the metrics before it
    /// have been sampled.
    fn sample(&mut self, is_last: bool) -> Result<(), Failure> {
        let Progress { model, plan, run, agenda, .. } = &mut self.progress;
        let view = View { model, plan, setup: &run.setup, world: &run.world };
        for (at, (metric, latest)) in model.metrics.iter().zip(&mut run.metrics).enumerate() {
            if self.is_late[at] && !is_last {
                continue;
            }
            if agenda.take_global_reader(plan.global_readers.of_metric(at)) || latest.is_none() {
                *latest = Some(metric.value.number(&view.scope()).map_err(|fault| view.failure(fault))?);
            }
            if self.want.series {
                run.samples.extend(*latest);
            }
        }
        Ok(())
    }

    fn end(&mut self) -> Result<Ending, Failure> {
        let gap = self.gap.at_end(&mut self.progress)?;
        let (ending, why) = decide::ending_with_reason(self.progress.view(), gap)?;
        self.progress.batch.push(Decision::new(Event::Ended(ending), why));
        self.progress.apply()?;
        Ok(ending)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::scenario::{Document, Options, compile};

    /// The operations of a run, and of a thorough run.
    fn work(text: &str) -> (u64, u64) {
        let document = Document::parse("test.toml", text.as_bytes()).unwrap();
        let model = compile(&document, &Options::default()).unwrap().model;
        let plan = Plan::new(&model);
        let run_seed = RunSeed { seed: 1, replicate: 0 };
        let [run, thorough] = [false, true].map(|is_thorough| {
            let simulation = Simulation::new(&model, &plan, RunOptions::default());
            let mut simulation = if is_thorough { simulation.thorough() } else { simulation };
            assert!(simulation.run(&[], run_seed).result.is_ok());
            (simulation.progress.work, simulation.progress.run.history)
        });
        assert_eq!(run.1, thorough.1);
        (run.0, thorough.0)
    }

    /// Fifty actors with drifting stances whose offers never bind.
    fn waiting(when: &str, more: &str) -> String {
        format!(
            "format = 1\n[time]\nsteps = 200\n[resources]\nr = {{}}\n[cohorts.a]\nsize = 50\nstance = 0.5\nvolatility = \
             0.001\nsusceptibility = 0.5\nattributes = {{ least = 60 }}\n[commitments.c]\ndebtor = \"a\"\ngives = {{ r = 1 \
             }}\nwhen = \"{when}\"\n{more}"
        )
    }

    #[test]
    fn a_stance_within_its_band_wakes_no_condition() {
        for (when, more) in [
            ("bound(r) >= own(least) and stance >= 0.4", ""),
            ("stance >= 0.4 and bound(r) >= own(least)", ""),
            ("stance >= 0.9", "offer = \"stance > 0.1\"\n"),
            ("stance + 0.01 * parties(r) >= 0.8", ""),
            ("not (stance < 0.9 or 1 - stance > 2)", ""),
            ("bound(r) >= 1", "release = \"stance < 0.1 or stance > 0.9\"\n"),
        ] {
            let (run, thorough) = work(&waiting(when, more));
            // The stances themselves are counted too: 200 times 50 / 4.
            assert!(run < 2_600 + thorough / 20, "{when}: {run} of {thorough}");
        }
    }

    /// A division that may fail has to be evaluated whenever one of its inputs changes.
    #[test]
    fn conditions_that_may_fail_are_always_evaluated() {
        let text = waiting("0 / (stance - 0.5) < 1 and bound(r) >= own(least)", "");
        let (run, thorough) = work(&text);
        assert!(run > thorough / 2, "{run} of {thorough}");
    }
    /// One run in four fails, at random: whether metrics are lazy or not, each run has the metrics sampled before it failed.
    #[test]
    fn failed_runs_have_their_metrics_whether_lazy_or_not() {
        let more = "[parameters]\nluck = { choice = [0, 1, 2, 3] }\n[metrics]\nmean = \"stance(a)\"\nodd = \"(step - 5) / luck\"\n";
        let text = waiting("bound(r) >= own(least)", more).replace("steps = 200", "steps = 9");
        let document = Document::parse("test.toml", text.as_bytes()).unwrap();
        let model = compile(&document, &Options::default()).unwrap().model;
        let plan = Plan::new(&model);
        let mut simulation = Simulation::new(&model, &plan, RunOptions::default());
        let mut lazy = [0; 2];
        for replicate in 0..60 {
            let run_seed = RunSeed { seed: 1, replicate };
            let thorough = Simulation::new(&model, &plan, RunOptions::default()).thorough().run(&[], run_seed).clone();
            let run = simulation.run(&[], run_seed);
            assert_eq!((&run.result, &run.metrics), (&thorough.result, &thorough.metrics));
            lazy[usize::from(run.result.is_err())] += 1;
        }
        assert!(lazy[0] > 30 && lazy[1] > 5, "{lazy:?}");
    }
}
