//! A run in progress: applies and records decisions.

use std::sync::Arc;

use super::super::agenda::{Agenda, Told};
use super::super::cause::Causes;
use super::super::condition_check::Watch;
use super::super::decision::{Decision, View, Why};
use super::super::failure::Failure;
use super::super::history::{HistoryHash, RunningHash};
use super::super::plan::{Costs, Plan};
use super::super::random::RunSeed;
use super::super::ranges::Grounds;
use super::super::setup::prepare;
use super::super::storyline::{StorylineBuilder, StorylineHash};
use super::super::watch::Safety;
use super::interface::{LogObserver, Run, Stage};
use crate::model::{
    self, ActorId, AttributeId, Ending, Entry, Event, InstanceId, Model, Seq, World, begin_step, evolve, limits,
    recount,
};

/// The state of a run in progress with its agenda and records.
#[derive(Clone)]
pub(super) struct Progress<'a> {
    pub(super) model: &'a Model,
    pub(super) plan: &'a Plan,
    /// The seed and replicate in use.
    pub(super) run_seed: RunSeed,
    /// Whether the effects of a package must be undone if the Exchange after it fails.
    pub(super) may_undo: bool,
    /// The seed and replicate of the start, from which the setup is drawn.
    first_seed: RunSeed,
    /// The run so far: its state, setup and log.
    pub(super) run: Run,
    /// The hash of its events, which `run` gets at its end.
    pub(super) hash: RunningHash,
    pub(super) agenda: Agenda,
    /// The inputs from which `safety` is derived.
    pub(super) grounds: Grounds,
    /// The parts of conditions that are always numbers.
    pub(super) safety: Safety,
    /// The records for finding causes, if a log is wanted.
    pub(super) causes: Option<Causes>,
    /// The follower of the log, and the length of the log at which it is called next.
    pub(super) follow: Option<&'a LogObserver<'a>>,
    follow_at: usize,
    /// The builder of the storyline.
    storyline_builder: StorylineBuilder,
    /// Operations so far.
    pub(super) work: u64,
    /// Decisions that have not been applied yet.
    pub(super) batch: Vec<Decision>,
    /// Whether no run has begun, so that the state and the agenda are still those of the start.
    is_new: bool,
}

/// The largest number of instances about which is decided together, to bound the memory that this takes.
pub(super) const TOGETHER: usize = 1 << 16;

/// The number of decisions above which the memory of a batch is freed after they have been applied.
const LARGE_BATCH: usize = 1 << 17;

/// The number of events after which the follower of a log is called again.
const FOLLOWED: usize = 1 << 14;

/// The largest number of instances that are touched, so that what was read first is still in the cache.
const TOUCHED: usize = 1 << 10;

/// The attributes of a debtor that are touched, at most; conditions read few.
const ATTRIBUTES: usize = 2;

/// The lengths of a run's records at some point.
pub(super) struct RecordLengths {
    history: HistoryHash,
    storyline: StorylineHash,
    events: u32,
    logged: usize,
}

impl<'a> Progress<'a> {
    pub(super) fn new(model: &'a Model, plan: &'a Plan, world: World) -> Self {
        let setup = Arc::clone(&model.setup);
        Self {
            model,
            plan,
            run_seed: RunSeed { seed: 0, replicate: 0 },
            may_undo: true,
            first_seed: RunSeed { seed: 0, replicate: 0 },
            run: Run {
                result: Ok(Ending::Stalemate),
                steps: 0,
                gap: None,
                samples: Vec::new(),
                metrics: vec![None; model.metrics.len()],
                history: HistoryHash::default(),
                storyline: StorylineHash::default(),
                events: 0,
                log: Vec::new(),
                world,
                exchanged: None,
                setup,
                before: Vec::new(),
            },
            hash: RunningHash::default(),
            agenda: Agenda::new(model, plan),
            grounds: Grounds::default(),
            safety: Safety::default(),
            causes: None,
            follow: None,
            follow_at: usize::MAX,
            storyline_builder: StorylineBuilder::default(),
            work: 0,
            batch: Vec::new(),
            is_new: true,
        }
    }

    /// Resets to the state before the first event, with the numbers in the setup.
    pub(super) fn reset(&mut self, run_seed: RunSeed, is_logged: bool) {
        let Run { samples, metrics, log, world, setup, before, .. } = &mut self.run;
        samples.clear();
        metrics.fill(None);
        log.clear();
        before.clear();
        let is_new = std::mem::take(&mut self.is_new);
        if is_new {
            world.begin(self.model, setup);
        } else {
            world.reset(self.model, setup);
        }
        self.causes = (is_logged || self.follow.is_some()).then(|| Causes::new((self.model, self.plan, setup, world)));
        self.follow_from_here();
        self.hash.set(HistoryHash::default());
        self.run.storyline = StorylineHash::default();
        self.storyline_builder.reset();
        self.run.events = 0;
        self.run.steps = 0;
        (self.run_seed, self.first_seed) = (run_seed, run_seed);
        let Run { setup, world, .. } = &self.run;
        self.agenda.reset(View { model: self.model, plan: self.plan, setup, world }, is_new);
        self.grounds.update(self.model, setup, self.grounds.changes() == 0);
        self.safety.reset(self.model, &self.plan.conditions, &self.grounds);
        self.work = 0;
        self.batch.clear();
    }

    /// The current state.
    #[inline]
    pub(super) fn view(&self) -> View<'_> {
        View { model: self.model, plan: self.plan, setup: &self.run.setup, world: &self.run.world }
    }

    /// The current state with the agenda, for evaluating conditions.
    #[inline]
    pub(super) fn watch(&self) -> Watch<'_> {
        Watch { view: self.view(), safety: &self.safety, agenda: &self.agenda }
    }

    /// Counts operations.
    #[inline]
    pub(super) fn spend(&mut self, work: u64) -> Result<(), Failure> {
        self.work = self.work.saturating_add(work);
        if self.work > limits::WORK { Err(Failure::TooMuchWork { step: self.run.world.step }) } else { Ok(()) }
    }

    /// Counts the work of evaluating the conditions of these instances.
    pub(super) fn spend_on(&mut self, candidates: &[InstanceId], which: fn(&Costs) -> u64) -> Result<(), Failure> {
        let commitment = |instance: &InstanceId| self.model.instances[instance.index()].commitment;
        let costs = candidates
            .chunk_by(|a, b| commitment(a) == commitment(b))
            .map(|alike| which(&self.plan.costs[commitment(&alike[0]).index()]).saturating_mul(alike.len() as u64));
        self.spend(costs.fold(0, u64::saturating_add))
    }

    /// Runs the decision of a phase, then applies its events.
    pub(super) fn decide(
        &mut self,
        phase: impl FnOnce(View<'_>, &mut Vec<Decision>) -> Result<(), Failure>,
    ) -> Result<(), Failure> {
        let mut batch = std::mem::take(&mut self.batch);
        let result = phase(self.view(), &mut batch);
        if result.is_err() {
            batch.clear();
        }
        self.batch = batch;
        result?;
        self.apply()
    }

    /// Applies the decided events in order and logs them.
    pub(super) fn apply(&mut self) -> Result<(), Failure> {
        if self.batch.is_empty() {
            return Ok(());
        }
        if let Err(failure) = self.check_events(self.batch.len()) {
            self.batch.clear();
            return Err(failure);
        }
        let mut batch = std::mem::take(&mut self.batch);
        let first = self.run.events;
        if let Some(causes) = &mut self.causes {
            // Conditions were evaluated before any of these events, so causes are determined before them too.
            let situation = (self.model, self.plan, &*self.run.setup, &self.run.world);
            for decision in &mut batch {
                if let Why::Rule(rule) = decision.why {
                    decision.why = causes.find_rule(situation, rule, first).map_or(Why::Nothing, Why::Event);
                }
            }
        }
        let mut told = Told::default();
        for decision in batch.drain(..) {
            let Decision { event, why } = decision;
            let cause = self.causes.as_ref().and_then(|causes| causes.find(why, first));
            self.apply_event(event, cause, &mut told);
            // Checked after each event: one delivery may change the trust of very many actors.
            if self.run.world.trust.pairs() > limits::TRUST_PAIRS {
                return Err(Failure::TooManyTrustPairs);
            }
        }
        if batch.capacity() <= LARGE_BATCH {
            self.batch = batch;
        }
        Ok(())
    }

    /// Reads what events of these instances will read and change where that is scattered over much memory, so that the
    /// processor waits for many of them at once and not for one after the other. Of what spans more than one line of the
    /// cache, both ends are read.
    pub(super) fn touch(&self, instances: &[InstanceId]) {
        if !self.model.is_scattered() || !(4..=TOUCHED).contains(&instances.len()) {
            return;
        }
        let Run { world, setup, .. } = &self.run;
        let touched = instances.iter().map(|&instance| {
            let declared = &self.model.instances[instance.index()];
            let gives = setup.gives.get(declared.first_gift as usize).map_or(0, |amount| amount.0.cast_unsigned());
            let causes = self.causes.as_ref().map_or(0, |causes| causes.touch(self.model, instance));
            let (state, evidence) = (world.instance(instance).touch(), world.evidence.touch(self.model, instance));
            let attributes = (0..self.model.attributes.len().min(ATTRIBUTES)).map(AttributeId::at);
            let attributes = attributes.map(|of| setup.attribute(self.model, declared.debtor, of).to_bits());
            let attributes = attributes.fold(0, |all, one| all ^ one);
            gives ^ causes ^ state ^ evidence ^ attributes ^ self.agenda.touch(instance)
        });
        std::hint::black_box(touched.fold(0, |all, one| all ^ one));
    }

    /// Checks that this many further events are within the limit.
    pub(super) fn check_events(&self, count: usize) -> Result<(), Failure> {
        if self.run.events as usize + count >= limits::EVENTS as usize { Err(Failure::TooManyEvents) } else { Ok(()) }
    }

    /// Applies one event: changes the state, informs the agenda, extends the log.
    #[inline]
    fn apply_event(&mut self, event: Event, cause: Option<Seq>, told: &mut Told<'a>) {
        let is_told = told.is_again(self.model, event);
        evolve(self.model, &self.run.setup, &mut self.run.world, event);
        if let Some(causes) = &mut self.causes {
            let situation = (self.model, self.plan, &*self.run.setup, &self.run.world);
            causes.note(situation, event, (self.run.events, is_told));
        }
        let view = View { model: self.model, plan: self.plan, setup: &self.run.setup, world: &self.run.world };
        self.agenda.note(view, event, is_told);
        self.record(event, cause);
    }

    /// Records an event that does not change the state.
    #[inline]
    pub(super) fn record(&mut self, event: Event, cause: Option<Seq>) {
        let step = self.run.world.step;
        self.hash.add(step, event);
        if let Some(told) = self.storyline_builder.entry(self.model, step, event) {
            self.run.storyline.add(&self.plan.names, told);
        }
        if self.causes.is_some() {
            self.run.log.push(Entry::new(step, event, cause));
            if self.run.log.len() >= self.follow_at {
                self.show_log();
            }
        }
        self.run.events += 1;
    }

    /// Calls the follower of the log.
    #[cold]
    fn show_log(&mut self) {
        if let Some(follow) = self.follow {
            follow(&mut self.run.log);
        }
        self.follow_from_here();
    }

    /// Calls the follower of the log again after some events.
    fn follow_from_here(&mut self) {
        self.follow_at = self.follow.map_or(usize::MAX, |_| self.run.log.len() + FOLLOWED);
    }

    /// Records that every instance was created, in runs without a log; `first` lists the first of each commitment.
    pub(super) fn record_all_created(&mut self, first: &[InstanceId]) {
        let step = self.run.world.step;
        for instance in self.model.instance_ids() {
            self.hash.add(step, Event::Created(instance));
        }
        // In one step, the others of a commitment add nothing to a storyline.
        for &instance in first {
            if let Some(told) = self.storyline_builder.entry(self.model, step, Event::Created(instance)) {
                self.run.storyline.add(&self.plan.names, told);
            }
        }
        self.run.events += u32::try_from(self.model.instances.len()).expect("the number of instances is limited");
    }

    /// Whether nothing is left to be decided in a step up to its metrics, unless it is the last or a meeting is in
    /// session.
    #[inline]
    pub(super) fn is_uneventful(&self) -> bool {
        self.plan.may_be_uneventful && self.agenda.is_idle(self.run.world.step, self.plan.global_readers.outcomes())
    }

    /// Whether stances can change without a log and without counting events one by one.
    pub(super) fn is_quick(&self) -> bool {
        self.causes.is_none() && self.run.events as usize + self.run.world.stances.len() < limits::EVENTS as usize
    }

    /// Changes stances as [`Self::apply`] would, for runs without log and causes. `some` and `next` are as in
    /// [`model::move_stances`]; `all_move` says that all stances change. What `next` holds afterwards means nothing.
    pub(super) fn move_stances(&mut self, some: Option<&[ActorId]>, next: &mut Vec<f64>, all_move: bool) {
        if self.shift_stances(some, next, all_move) {
            self.agenda.note_stances(self.plan, some, &self.run.world.stances);
        }
    }

    /// [`Self::move_stances`] without informing the agenda; returns whether any stance moved.
    pub(super) fn shift_stances(&mut self, some: Option<&[ActorId]>, next: &mut Vec<f64>, all_move: bool) -> bool {
        let Self { run: Run { world, events, .. }, hash, .. } = self;
        let step = world.step;
        let moved = if some.is_none() && self.model.issues.len() == 1 && all_move {
            model::move_all_stances(world, next);
            hash.add_all_stances(step, next);
            world.stances.len()
        } else {
            let mut now = hash.settle();
            let moved = model::move_stances(world, some, next, |actor, issue, value| {
                now.add_stance(step, (actor, issue), value);
            });
            hash.set(now);
            moved
        };
        *events += u32::try_from(moved).expect("the number of stances is limited");
        moved > 0
    }

    /// Marks the current point for [`Self::undo`] or [`Self::keep`]; the state is copied to `before`.
    pub(super) fn mark(&mut self, before: &mut Option<World>) -> RecordLengths {
        match before {
            Some(before) => before.copy_from(&self.run.world),
            None => *before = Some(self.run.world.clone()),
        }
        // What may be undone is not shown.
        self.follow_at = usize::MAX;
        let Run { storyline, events, .. } = self.run;
        RecordLengths { history: self.hash.settle(), storyline, events, logged: self.run.log.len() }
    }

    /// Undoes everything since the mark. The run must end here, since the agenda is not restored.
    pub(super) fn undo(&mut self, mark: &RecordLengths, before: &World) {
        self.run.world.copy_from(before);
        self.hash.set(mark.history);
        self.run.storyline = mark.storyline;
        self.run.events = mark.events;
        self.run.log.truncate(mark.logged);
    }

    /// Keeps everything since the mark.
    pub(super) fn keep(&mut self) {
        self.follow_from_here();
    }

    /// Stores the size of the gap, for `deadlocked`.
    pub(super) fn keep_gap(&mut self, gap: u32) {
        if gap != self.run.world.gap() {
            self.run.world.keep_gap(gap);
            self.agenda.raise(self.plan, self.plan.signals.gap);
            if let Some(causes) = &mut self.causes {
                causes.note_gap(gap, self.run.events);
            }
        }
    }

    /// Begins a step.
    pub(super) fn begin_step(&mut self, step: u32) {
        begin_step(&mut self.run.world, step);
    }

    /// Registers for the causes that time has passed.
    pub(super) fn note_step(&mut self) {
        if let Some(causes) = &mut self.causes {
            causes.note_step((self.model, self.plan, &self.run.setup, &self.run.world), self.run.events);
        }
    }

    /// Switches to another model and its seed from the next step on; the other parts must call `prepare` afterwards.
    pub(super) fn switch(&mut self, stage: &Stage<'a>) -> Result<(), Failure> {
        let (setup, _) = prepare(stage.model, self.first_seed)?;
        self.run_seed = stage.run_seed.unwrap_or(self.run_seed);
        if let Some(causes) = &mut self.causes {
            causes.before_fork((self.model, self.plan, &self.run.setup, &self.run.world), self.run.events);
        }
        (self.model, self.plan) = (stage.model, stage.plan);
        self.run.before.push((stage.from, std::mem::replace(&mut self.run.setup, setup)));
        recount(self.model, &self.run.setup, &mut self.run.world);
        self.agenda = Agenda::new(self.model, self.plan);
        let view = View { model: self.model, plan: self.plan, setup: &self.run.setup, world: &self.run.world };
        for instance in self.model.instance_ids() {
            self.agenda.resume(view, instance);
        }
        self.grounds.update(self.model, &self.run.setup, true);
        self.safety.reset(self.model, &self.plan.conditions, &self.grounds);
        if let Some(causes) = &mut self.causes {
            causes.after_fork((self.model, self.plan, &self.run.setup, &self.run.world), self.run.events);
        }
        Ok(())
    }
}
