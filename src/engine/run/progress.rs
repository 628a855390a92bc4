//! A run so far: what is decided happens here.

use super::super::agenda::{Agenda, Moved};
use super::super::cause::Causes;
use super::super::decision::{Decision, Why};
use super::super::failure::Failure;
use super::super::history::HistoryHash;
use super::super::looker::Watch;
use super::super::plan::{Costs, Plan};
use super::super::random::RunSeed;
use super::super::setup::prepare;
use super::super::storyline::{StorylineHash, Teller};
use super::super::view::View;
use super::super::watch::Safety;
use super::result::Run;
use super::stage::Stage;
use crate::model::{
    self, ActorId, Ending, Entry, Event, InstanceId, Model, Seq, World, begin_step, evolve, limits, recount,
};

/// The state of a run under way, who watches it, and its record.
#[derive(Clone)]
pub(super) struct Progress<'a> {
    pub(super) model: &'a Model,
    pub(super) plan: &'a Plan,
    /// The luck that it meets now.
    pub(super) luck: RunSeed,
    /// The luck that it began with, by which its setup is drawn.
    first_luck: RunSeed,
    /// The run so far: its state, numbers, log.
    pub(super) run: Run,
    pub(super) agenda: Agenda,
    /// Which parts of conditions cannot fail.
    pub(super) safety: Safety,
    /// The record of what turned what, where a log is wanted.
    pub(super) causes: Option<Causes>,
    /// What has been told of the storyline.
    teller: Teller,
    /// Operations so far.
    pub(super) work: u64,
    /// What has been decided and is still to happen.
    pub(super) batch: Vec<Decision>,
}

/// Decisions for which the memory of a batch is given back once they have happened.
const LARGE_BATCH: usize = 1 << 17;

/// How far the record of a run had come.
pub(super) struct Mark {
    history: HistoryHash,
    storyline: StorylineHash,
    events: u32,
    logged: usize,
}

impl<'a> Progress<'a> {
    pub(super) fn new(model: &'a Model, plan: &'a Plan) -> Self {
        let setup = model.setup.clone();
        Self {
            model,
            plan,
            luck: RunSeed { seed: 0, replicate: 0 },
            first_luck: RunSeed { seed: 0, replicate: 0 },
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
                world: World::new(model, &setup),
                exchanged: None,
                setup,
                before: Vec::new(),
            },
            agenda: Agenda::new(model, plan),
            safety: Safety::default(),
            causes: None,
            teller: Teller::default(),
            work: 0,
            batch: Vec::new(),
        }
    }

    /// Everything as before the first event, for the numbers in the setup.
    pub(super) fn reset(&mut self, luck: RunSeed, is_logged: bool) {
        let Run { samples, metrics, log, world, setup, before, .. } = &mut self.run;
        samples.clear();
        metrics.fill(None);
        log.clear();
        before.clear();
        world.reset(self.model, setup);
        self.causes = is_logged.then(|| Causes::new((self.model, self.plan, setup, world)));
        self.run.history = HistoryHash::default();
        self.run.storyline = StorylineHash::default();
        self.teller.reset();
        self.run.events = 0;
        self.run.steps = 0;
        (self.luck, self.first_luck) = (luck, luck);
        let Run { setup, world, .. } = &self.run;
        self.agenda.reset(View { model: self.model, plan: self.plan, setup, world });
        self.safety.reset(self.model, &self.plan.conditions, setup);
        self.work = 0;
        self.batch.clear();
    }

    /// The state as it is.
    #[inline]
    pub(super) fn view(&self) -> View<'_> {
        View { model: self.model, plan: self.plan, setup: &self.run.setup, world: &self.run.world }
    }

    /// The state as it is, for looking at conditions.
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

    /// Counts what looking at the conditions of these costs.
    pub(super) fn spend_on(&mut self, candidates: &[InstanceId], which: fn(&Costs) -> u64) -> Result<(), Failure> {
        let costs = candidates.iter().map(|instance| which(&self.plan.instance_costs[instance.index()]));
        self.spend(costs.fold(0, u64::saturating_add))
    }

    /// Lets a phase decide on the state as it is, then applies what it decided.
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

    /// Evolves the state by the decided events, in order, and logs them.
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
            // Conditions were looked at before any of these events; their causes are found there too.
            let situation = (self.model, self.plan, &self.run.setup, &self.run.world);
            for decision in batch.iter_mut().filter(|decision| matches!(decision.why, Why::Rule(_))) {
                let cause = causes.find(situation, decision.why, first);
                decision.why = cause.map_or(Why::Nothing, Why::Event);
            }
        }
        for decision in batch.drain(..) {
            let Decision { event, why } = decision;
            let situation = (self.model, self.plan, &self.run.setup, &self.run.world);
            let cause = self.causes.as_mut().and_then(|causes| causes.find(situation, why, first));
            self.happen(event, cause);
            // Looked at after each event: one delivery may be known to very many.
            if self.run.world.trust.pairs() > limits::TRUST_PAIRS {
                return Err(Failure::TooManyTrustPairs);
            }
        }
        if batch.capacity() <= LARGE_BATCH {
            self.batch = batch;
        }
        Ok(())
    }

    /// Whether so many events can still happen.
    pub(super) fn check_events(&self, count: usize) -> Result<(), Failure> {
        if self.run.events as usize + count >= limits::EVENTS as usize { Err(Failure::TooManyEvents) } else { Ok(()) }
    }

    /// One event: the state changes, whoever watches is told, the log grows.
    #[inline]
    fn happen(&mut self, event: Event, cause: Option<Seq>) {
        evolve(self.model, &self.run.setup, &mut self.run.world, event);
        if let Some(causes) = &mut self.causes {
            causes.note((self.model, self.plan, &self.run.setup, &self.run.world), event, self.run.events);
        }
        let view = View { model: self.model, plan: self.plan, setup: &self.run.setup, world: &self.run.world };
        self.agenda.note(view, event);
        self.record(event, cause);
    }

    /// Puts an event that changes no state on record.
    #[inline]
    pub(super) fn record(&mut self, event: Event, cause: Option<Seq>) {
        let step = self.run.world.step;
        self.run.history.add(step, event);
        if let Some(told) = self.teller.tell(self.model, step, event) {
            self.run.storyline.add(&self.plan.names, told);
        }
        if self.causes.is_some() {
            self.run.log.push(Entry { step, event, cause });
        }
        self.run.events += 1;
    }

    /// Whether the next stances can move without a log, and without events being counted one by one.
    pub(super) fn is_quick(&self) -> bool {
        self.causes.is_none() && self.run.events as usize + self.run.world.stances.len() < limits::EVENTS as usize
    }

    /// Lets the stances move that do, as [`Self::apply`] would where neither a log nor causes are wanted. `some` and
    /// `next` are as [`model::move_stances`] takes them; `moved` is working memory.
    pub(super) fn move_stances(&mut self, some: Option<&[ActorId]>, next: &[f64], moved: &mut Moved) {
        let Self { plan, run: Run { world, history, events, .. }, agenda, .. } = self;
        let step = world.step;
        let means_are_watched = !plan.stance_signals.is_empty();
        moved.positions.clear();
        moved.noticed.clear();
        let mut count = 0;
        model::move_stances(world, some, next, |at, event, value| {
            history.add(step, event);
            count += 1;
            let position = || u32::try_from(at).expect("the number of stances is limited");
            if means_are_watched {
                moved.positions.push(position());
            }
            if agenda.is_noticed(at, value) {
                moved.noticed.push((position(), value));
            }
        });
        moved.count = count;
        *events += u32::try_from(count).expect("the number of stances is limited");
        agenda.note_stances(plan, moved);
    }

    /// Lets what has happened since be undone; `before` is the memory for it.
    pub(super) fn mark(&self, before: &mut Option<World>) -> Mark {
        match before {
            Some(before) => before.copy_from(&self.run.world),
            None => *before = Some(self.run.world.clone()),
        }
        let Run { history, storyline, events, .. } = self.run;
        Mark { history, storyline, events, logged: self.run.log.len() }
    }

    /// Undoes what has happened since. The run must end here, since whoever watches is not told.
    pub(super) fn undo(&mut self, mark: &Mark, before: &World) {
        self.run.world.copy_from(before);
        self.run.history = mark.history;
        self.run.storyline = mark.storyline;
        self.run.events = mark.events;
        self.run.log.truncate(mark.logged);
    }

    /// Keeps the size of the gap, for `deadlocked`.
    pub(super) fn keep_gap(&mut self, gap: u32) {
        if gap != self.run.world.gap() {
            self.run.world.keep_gap(gap);
            self.agenda.raise(self.plan, self.plan.signals.gap);
            if let Some(causes) = &mut self.causes {
                causes.note_gap(gap, self.run.events);
            }
        }
    }

    /// Lets a step begin.
    pub(super) fn begin_step(&mut self, step: u32) {
        begin_step(&mut self.run.world, step);
    }

    /// Notes for the causes that time has passed.
    pub(super) fn note_step(&mut self) {
        if let Some(causes) = &mut self.causes {
            causes.note_step((self.model, self.plan, &self.run.setup, &self.run.world), self.run.events);
        }
    }

    /// Goes on under another model from the coming step on, under its luck; `prepare` follows for everybody else.
    pub(super) fn switch(&mut self, stage: &Stage<'a>) -> Result<(), Failure> {
        let (setup, _) = prepare(stage.model, self.first_luck)?;
        self.luck = stage.luck.unwrap_or(self.luck);
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
        self.safety.reset(self.model, &self.plan.conditions, &self.run.setup);
        if let Some(causes) = &mut self.causes {
            causes.after_fork((self.model, self.plan, &self.run.setup, &self.run.world), self.run.events);
        }
        Ok(())
    }
}
