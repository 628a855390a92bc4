//! The run loop: in each phase decide, then let the events evolve the state, with their place in the log.

mod switch;

pub use switch::{Stage, may_follow};

use super::agenda::Agenda;
use super::agreement::{self, CROWD, Own, Thresholds};
use super::cause::{Causes, Why};
use super::decide::{self, Decision, Influences, Noise, Rounds, StanceStep, View};
use super::evolve::evolve;
use super::failure::Failure;
use super::history::HistoryHash;
use super::plan::{Costs, Level, Plan};
use super::raised;
use super::random::{DrawStream, RunSeed};
use super::settle::Sweeps;
use super::setup::prepare_into;
use crate::model::{
    Amount, DrawId, Ending, Entry, Event, Evidence, InstanceId, MeetingId, Model, MoveId, Seq, Setup, ShockId, State,
    Target, World, limits,
};

/// What is wanted of a run besides its result.
#[derive(Clone, Copy, Debug, Default)]
pub struct RunOptions {
    /// The log of events with their causes.
    pub log: bool,
    /// The metrics of every step, not of the last alone.
    pub series: bool,
    /// The state after the last Exchange, which explanations of a deadlock are about.
    pub exchanged: bool,
}

/// A finished run.
#[derive(Clone, Debug)]
pub struct Run {
    /// How it ended, or why it could not.
    pub result: Result<Ending, Failure>,
    /// Steps that were completed.
    pub steps: u32,
    /// Size of the gap after the latest Exchange; none in a failed run.
    pub gap: Option<u32>,
    /// Metrics by step, where the series was wanted; a failure may have cut the last step short.
    pub samples: Vec<f64>,
    /// The value of each metric when it was last sampled.
    pub metrics: Vec<Option<f64>>,
    /// Hash of its events.
    pub history: HistoryHash,
    /// Number of its events.
    pub events: u32,
    /// The log, where it was wanted.
    pub log: Vec<Entry>,
    /// The state at the end.
    pub world: World,
    /// The state after the last Exchange, where it was wanted and differs from the state at the end.
    pub exchanged: Option<World>,
    /// The numbers of the run; where it was forked, those that held at its end.
    pub setup: Setup,
    /// The numbers that held before each fork, with its step.
    pub before: Vec<(u32, Setup)>,
}

impl Run {
    /// `ok`, or the name of the failure, as `runs.csv` and the manifest have it.
    #[must_use]
    pub fn status(&self) -> &'static str {
        self.result.as_ref().map_or_else(Failure::status, |_| "ok")
    }

    /// How it ended; none where it failed.
    #[must_use]
    pub fn ending(&self) -> Option<Ending> {
        self.result.as_ref().ok().copied()
    }

    /// The numbers of the run at a step.
    #[must_use]
    pub fn setup_at(&self, step: u32) -> &Setup {
        self.before.iter().find(|(until, _)| step < *until).map_or(&self.setup, |(_, setup)| setup)
    }

    /// Step at which the final outcome was first reached; none for a deadlock, a stalemate, a failure.
    #[must_use]
    pub fn reached_step(&self) -> Option<u32> {
        match self.result {
            Ok(Ending::Outcome(outcome)) => self.world.reached[outcome.index()],
            _ => None,
        }
    }

    /// The state after the last Exchange of the run, where the gap was taken.
    #[must_use]
    pub fn exchanged(&self) -> &World {
        self.exchanged.as_ref().unwrap_or(&self.world)
    }
}

/// Runs a model once.
#[must_use]
pub fn run(model: &Model, plan: &Plan, luck: RunSeed, want: RunOptions) -> Run {
    run_watched(model, plan, luck, want, &mut |_, _, _| {})
}

/// A moment of a step at which the state can be looked at.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Checkpoint {
    /// After its last Exchange, before deliveries: what a deadlock is about.
    Exchanged,
    /// At its end.
    Ended,
}

/// Whoever looks at the states of a run: after the last Exchange of each step, and at the end of each completed one.
pub type Observer<'w> = dyn FnMut(Checkpoint, &World, &Setup) + 'w;

/// Runs a model once; `watch` sees the states on the way.
#[must_use]
pub fn run_watched(model: &Model, plan: &Plan, luck: RunSeed, want: RunOptions, watch: &mut Observer<'_>) -> Run {
    run_staged(&Stage { model, plan, from: 0 }, &[], luck, want, watch)
}

/// Runs a model once, going on under each of the `forks` from its step on; these come in rising order.
#[must_use]
pub fn run_staged<'a>(
    first: &Stage<'a>,
    forks: &[Stage<'a>],
    luck: RunSeed,
    want: RunOptions,
    watch: &mut Observer<'_>,
) -> Run {
    let mut simulation = Simulation::new(first.model, first.plan, want);
    simulation.run_once(&[], forks, luck, watch);
    simulation.run
}

/// A number of the setup that is replaced for a run: a parameter, say.
pub type Setting = (Target, f64);

/// A run under way. It can be used for many runs one after the other, which saves making its tables anew.
pub struct Simulation<'a> {
    model: &'a Model,
    plan: &'a Plan,
    want: RunOptions,
    /// The run so far: its state, numbers, log.
    run: Run,
    luck: RunSeed,
    drawn: Vec<(DrawId, f64)>,
    agenda: Agenda,
    causes: Option<Causes>,
    work: u64,
    /// The metrics of the step.
    sampled: Vec<f64>,
    /// The luck of each shock.
    shock_sources: Vec<DrawStream>,
    /// Truth of each triggered shock's condition at the step before.
    was_true: Vec<bool>,
    /// Meetings in session, with their last step.
    sessions: Vec<(MeetingId, u32)>,
    influences: Influences,
    noise: Noise,
    stance_step: StanceStep,
    rounds: Rounds,
    /// Working memory of settling, and the evidence on which amounts settle.
    sweeps: Sweeps,
    table: Evidence,
    /// Graded amounts that have settled higher: position in the plan, new amount.
    risen: Vec<(u32, Amount)>,
    batch: Vec<Decision>,
    candidates: Vec<InstanceId>,
    /// The state before the latest package that was agreed.
    before_package: Option<World>,
    gap: Option<u32>,
    /// The state after the last Exchange, where it is to be kept; valid if `has_exchanged`.
    exchanged: Option<World>,
    has_exchanged: bool,
}

impl<'a> Simulation<'a> {
    /// Prepares for runs of a model.
    #[must_use]
    pub fn new(model: &'a Model, plan: &'a Plan, want: RunOptions) -> Self {
        let setup = model.setup.clone();
        Self {
            model,
            plan,
            want,
            run: Run {
                result: Ok(Ending::Stalemate),
                steps: 0,
                gap: None,
                samples: Vec::new(),
                metrics: vec![None; model.metrics.len()],
                history: HistoryHash::default(),
                events: 0,
                log: Vec::new(),
                world: World::new(model, &setup),
                exchanged: None,
                setup,
                before: Vec::new(),
            },
            luck: RunSeed { seed: 0, replicate: 0 },
            drawn: Vec::new(),
            agenda: Agenda::new(model, plan),
            causes: None,
            work: 0,
            sampled: Vec::new(),
            shock_sources: Vec::new(),
            was_true: vec![false; model.shocks.len()],
            sessions: Vec::new(),
            influences: Influences::default(),
            noise: Noise::default(),
            stance_step: StanceStep::default(),
            rounds: Rounds::default(),
            sweeps: Sweeps::default(),
            table: Evidence::new(model),
            risen: Vec::new(),
            batch: Vec::new(),
            candidates: Vec::new(),
            before_package: None,
            gap: None,
            exchanged: None,
            has_exchanged: false,
        }
    }

    /// Runs the model once with these settings. The result is what `run` gives for a model with them in its setup.
    pub fn run(&mut self, settings: &[Setting], luck: RunSeed) -> &Run {
        self.run_once(settings, &[], luck, &mut |_, _, _| {});
        &self.run
    }

    fn run_once(&mut self, settings: &[Setting], forks: &[Stage<'a>], luck: RunSeed, watch: &mut Observer<'_>) {
        self.luck = luck;
        let mut drawn = std::mem::take(&mut self.drawn);
        let prepared = prepare_into(self.model, self.plan, settings, luck, &mut self.run.setup, &mut drawn);
        self.drawn = drawn;
        self.reset();
        let result = match prepared {
            Ok(()) => self.start().and_then(|()| self.go_on(forks, watch)),
            Err(failure) => {
                // What was worked out before the failure is no setup of a run.
                self.run.setup.restore(&self.model.setup);
                self.record(Event::Started, None);
                Err(failure)
            }
        };
        self.run.gap = if result.is_ok() { self.gap } else { None };
        let wanted = self.want.exchanged && self.has_exchanged;
        self.run.exchanged = if wanted { self.exchanged.take() } else { None };
        self.run.result = result;
    }

    /// Everything as before the first event, for the numbers in the setup.
    fn reset(&mut self) {
        let Run { samples, metrics, log, world, setup, .. } = &mut self.run;
        samples.clear();
        metrics.fill(None);
        log.clear();
        world.reset(self.model, setup);
        self.run.before.clear();
        self.run.history = HistoryHash::default();
        self.run.events = 0;
        self.run.steps = 0;
        self.agenda.reset(self.plan);
        let Run { world, setup, .. } = &self.run;
        self.causes = self.want.log.then(|| Causes::new((self.model, self.plan, setup, world)));
        let view = View { model: self.model, plan: self.plan, setup, world };
        self.noise.reset(view, self.luck);
        self.influences.reset(self.model, setup);
        self.work = 0;
        self.shock_sources.clear();
        self.shock_sources.extend(self.plan.shock_streams.iter().map(|&stream| self.luck.source(stream)));
        self.was_true.fill(false);
        self.sessions.clear();
        self.batch.clear();
        self.risen.clear();
        self.candidates.clear();
        self.gap = None;
        self.has_exchanged = false;
    }

    fn view(&self) -> View<'_> {
        View { model: self.model, plan: self.plan, setup: &self.run.setup, world: &self.run.world }
    }

    fn start(&mut self) -> Result<(), Failure> {
        self.record(Event::Started, None);
        for at in 0..self.drawn.len() {
            let (draw, value) = self.drawn[at];
            self.record(Event::Drawn { draw, value }, None);
        }
        self.decide(|view, out| {
            decide::initial(view, out);
            Ok(())
        })
    }

    fn go_on(&mut self, forks: &[Stage<'a>], watch: &mut Observer<'_>) -> Result<Ending, Failure> {
        for step in 0.. {
            self.run.world.step = step;
            for stage in forks.iter().filter(|stage| stage.from == step) {
                self.switch(stage)?;
            }
            if let Some(causes) = self.causes.as_mut().filter(|_| step > 0) {
                let situation = (self.model, self.plan, &self.run.setup, &self.run.world);
                causes.note_step(situation, self.run.events);
            }
            let is_last = step + 1 == self.model.clock.steps;
            self.step(is_last, watch)?;
            watch(Checkpoint::Ended, &self.run.world, &self.run.setup);
            self.run.steps = step + 1;
            if is_last || self.has_stopped() {
                break;
            }
        }
        self.end()
    }

    fn has_stopped(&self) -> bool {
        let stops = self.model.outcomes.iter().zip(&self.run.world.reached);
        self.plan.may_stop && stops.into_iter().any(|(outcome, reached)| outcome.stop && reached.is_some())
    }

    /// The phases of a step, in order.
    fn step(&mut self, is_last: bool, watch: &mut Observer<'_>) -> Result<(), Failure> {
        self.spend(self.plan.step_cost)?;
        self.agenda.raise(self.plan, self.plan.signals.tick);
        self.calendar()?;
        self.stances()?;
        self.review()?;
        for at in 0..self.model.moves.len() {
            self.decide(|view, out| decide::go_first(view, MoveId::at(at), out))?;
        }
        self.exchange()?;
        self.meetings()?;
        self.take_gap(is_last);
        watch(Checkpoint::Exchanged, &self.run.world, &self.run.setup);
        self.deliver()?;
        self.reach()?;
        self.sample()
    }

    /// The outcomes that are reached, each a cause of those after it that read it.
    fn reach(&mut self) -> Result<(), Failure> {
        let mut reached = std::mem::take(&mut self.batch);
        let view = View { model: self.model, plan: self.plan, setup: &self.run.setup, world: &self.run.world };
        decide::reached(view, &mut reached)?;
        for decision in reached.drain(..) {
            self.batch.push(decision);
            self.apply()?;
        }
        self.batch = reached;
        Ok(())
    }

    fn calendar(&mut self) -> Result<(), Failure> {
        let step = self.run.world.step;
        self.sessions.retain(|&(_, last)| last >= step);
        for &(_, meeting) in decide::dated(&self.plan.begins, step) {
            let sessions = &self.model.meetings[meeting.index()].sessions;
            let at = sessions.partition_point(|&(first, _)| first < step);
            self.sessions.push((meeting, sessions[at].1));
            self.batch.push(Decision::new(Event::Met(meeting), Why::Nothing));
        }
        self.sessions.sort_unstable();
        self.apply()?;
        let mut shocks: Vec<ShockId> =
            decide::dated(&self.plan.dated_shocks, step).iter().map(|&(_, shock)| shock).collect();
        shocks.extend_from_slice(&self.plan.watched_shocks);
        shocks.sort_unstable();
        for shock in shocks {
            let view = View { model: self.model, plan: self.plan, setup: &self.run.setup, world: &self.run.world };
            decide::shock(
                view,
                &mut self.shock_sources[shock.index()],
                shock,
                &mut self.was_true[shock.index()],
                &mut self.batch,
            )?;
            self.apply()?;
        }
        Ok(())
    }

    fn stances(&mut self) -> Result<(), Failure> {
        let weights = self.influences.weights(self.model, &self.run.setup, &self.sessions);
        let size = weights.size() as u64;
        self.work = self.work.saturating_add(size);
        if self.work > limits::WORK {
            return Err(Failure::TooMuchWork { step: self.run.world.step });
        }
        let view = View { model: self.model, plan: self.plan, setup: &self.run.setup, world: &self.run.world };
        if self.causes.is_some() || self.run.events as usize + view.world.stances.len() >= limits::EVENTS as usize {
            decide::stances(view, weights, &mut self.noise, &mut self.stance_step, &mut self.batch);
            return self.apply();
        }
        if decide::next_stances(view, weights, &mut self.noise, &mut self.stance_step) {
            self.move_stances();
        }
        Ok(())
    }

    /// What `apply` does for a batch of stances, where neither a log nor causes are wanted.
    fn move_stances(&mut self) {
        let Run { world, history, events, .. } = &mut self.run;
        let step = world.step;
        let actors = self.model.actors.len();
        let moved = self.stance_step.move_all(&mut world.stances, actors, |actor, issue, value| {
            history.add(step, Event::Stance { actor, issue, value });
        });
        *events += u32::try_from(moved.len()).expect("the number of stances is limited");
        self.agenda.note_stances(self.plan, moved);
    }

    fn review(&mut self) -> Result<(), Failure> {
        let mut candidates = std::mem::take(&mut self.candidates);
        self.agenda.take_review(self.plan, &mut candidates);
        let result = self
            .spend_on(&candidates, |costs| costs.review)
            .and_then(|()| self.decide(|view, out| decide::review(view, &candidates, out)));
        candidates.clear();
        self.candidates = candidates;
        result
    }

    /// Rounds of exchange until one detaches nothing.
    fn exchange(&mut self) -> Result<(), Failure> {
        let mut candidates = std::mem::take(&mut self.candidates);
        loop {
            candidates.clear();
            self.agenda.take_when(self.plan, &mut candidates);
            self.spend_on(&candidates, |costs| costs.when)?;
            let before = self.run.events;
            self.round(&candidates)?;
            if self.run.events == before {
                break;
            }
            if candidates.len() >= CROWD && self.plan.levels.is_empty() {
                self.cascade(&mut candidates)?;
                break;
            }
        }
        candidates.clear();
        self.candidates = candidates;
        // The last one is that of the end.
        let is_last = self.run.world.step + 1 == self.model.clock.steps;
        if self.model.reads_gap || is_last { self.refresh_gap() } else { Ok(()) }
    }

    /// One round: detachments on the state at its start, then the rise of graded amounts on what they leave.
    fn round(&mut self, candidates: &[InstanceId]) -> Result<(), Failure> {
        let mut rounds = std::mem::take(&mut self.rounds);
        let mut batch = std::mem::take(&mut self.batch);
        let result = decide::round(self.view(), candidates, &mut rounds, &mut batch);
        self.rounds = rounds;
        // A failure leaves no event of the round, so that amounts settle before anything is applied.
        let settled = result.and_then(|()| if self.plan.levels.is_empty() { Ok(()) } else { self.settle(&batch) });
        if settled.is_err() {
            batch.clear();
            self.risen.clear();
        }
        self.batch = batch;
        settled?;
        self.apply()?;
        self.raise()
    }

    /// Works out which graded amounts rise once the batch has been applied, into `risen`.
    fn settle(&mut self, batch: &[Decision]) -> Result<(), Failure> {
        let mut positions = Vec::new();
        self.agenda.take_levels(self.plan, &mut positions);
        for instance in batch.iter().filter_map(|decision| decision.event.instance()) {
            positions.extend(self.plan.levels_of(instance).map(|at| u32::try_from(at).expect("gifts are limited")));
            self.plan.signals_of(self.model, Event::Detached(instance), |signal| {
                positions.extend_from_slice(self.plan.level_watchers.get(signal));
            });
        }
        positions.sort_unstable();
        positions.dedup();
        if positions.is_empty() {
            return Ok(());
        }
        let view = View { model: self.model, plan: self.plan, setup: &self.run.setup, world: &self.run.world };
        let (model, setup) = (view.model, view.setup);
        let mut bound = vec![false; if batch.is_empty() { 0 } else { model.instances.len() }];
        self.table.copy_from(&view.world.evidence);
        for instance in batch.iter().filter_map(|decision| decision.event.instance()) {
            bound[instance.index()] = true;
            let maintain = model.commitment_of(instance).maintain;
            self.table.set_standing(model, setup, instance, State::Detached.standing(maintain));
        }
        let rise = |instance: InstanceId| {
            view.world.instance(instance).state == State::Detached
                || bound.get(instance.index()).copied().unwrap_or(false)
        };
        let risen = self.sweeps.settle(view, &mut self.table, &positions, &mut self.work, rise)?;
        self.risen.extend(
            risen
                .into_iter()
                .map(|position| (position, self.table.graded(view.plan.levels[position as usize].gift.position))),
        );
        Ok(())
    }

    /// The events of the amounts in `risen`, which have settled.
    fn raise(&mut self) -> Result<(), Failure> {
        if self.risen.is_empty() {
            return Ok(());
        }
        let causes = self.causes.as_ref().map(|causes| raised::causes(causes, self.view(), &self.risen));
        for (at, (position, amount)) in self.risen.drain(..).enumerate() {
            let Level { instance, gift } = self.plan.levels[position as usize];
            let gift = u32::try_from(gift.number).expect("the number of resources is limited");
            let cause = causes.as_ref().and_then(|causes| causes[at]);
            let why = cause.map_or(Why::Nothing, Why::Event);
            self.batch.push(Decision::new(Event::Raised { instance, gift, amount }, why));
        }
        self.apply()?;
        self.agenda.forget_levels(self.plan);
        Ok(())
    }

    /// The further rounds of a crowd: from the second on, each looks only at those whose thresholds the one before
    /// crossed.
    fn cascade(&mut self, candidates: &mut Vec<InstanceId>) -> Result<(), Failure> {
        let mut thresholds = Thresholds::new(self.view(), Own::Absent);
        let mut rounds = std::mem::take(&mut self.rounds);
        let mut bound = Vec::new();
        candidates.clear();
        self.agenda.take_when(self.plan, candidates);
        loop {
            self.spend_on(candidates, |costs| costs.when)?;
            bound.clear();
            self.decide(|view, out| {
                decide::round(view, candidates, &mut rounds, out)?;
                bound.extend(out.iter().filter_map(|decision| decision.event.instance()));
                Ok(())
            })?;
            candidates.clear();
            for &instance in &bound {
                thresholds.announce(self.view(), &self.run.world.evidence, instance, |other| candidates.push(other));
            }
            candidates.sort_unstable();
            candidates.dedup();
            if candidates.is_empty() {
                break;
            }
        }
        self.rounds = rounds;
        self.agenda.forget_when(self.plan);
        Ok(())
    }

    fn meetings(&mut self) -> Result<(), Failure> {
        for at in 0..self.sessions.len() {
            let (meeting, _) = self.sessions[at];
            if !self.model.meetings[meeting.index()].package {
                continue;
            }
            self.package(meeting)?;
        }
        Ok(())
    }

    /// A package and the Exchange that follows it; a failure of either leaves nothing of the package.
    fn package(&mut self, meeting: MeetingId) -> Result<(), Failure> {
        let mut batch = std::mem::take(&mut self.batch);
        let mut work = self.work;
        let decided = decide::package(self.view(), self.luck, meeting, &mut work, &mut batch);
        if decided.is_err() {
            batch.clear();
        }
        self.batch = batch;
        decided?;
        self.work = work;
        let last = self.batch.last().map(|decision| decision.event);
        if !matches!(last, Some(Event::Detached(_) | Event::Reactivated(_) | Event::Raised { .. })) {
            return self.apply();
        }
        match &mut self.before_package {
            Some(before) => before.copy_from(&self.run.world),
            None => self.before_package = Some(self.run.world.clone()),
        }
        let (history, events, logged) = (self.run.history, self.run.events, self.run.log.len());
        let result = self.apply().and_then(|()| self.exchange());
        if let (Err(_), Some(before)) = (&result, &self.before_package) {
            // The run ends here, so that no other working memory is looked at again.
            self.run.world.copy_from(before);
            self.run.history = history;
            self.run.events = events;
            self.run.log.truncate(logged);
        }
        result
    }

    /// Size of the greatest agreement, kept in the state for `deadlocked`.
    fn refresh_gap(&mut self) -> Result<(), Failure> {
        let mut work = self.work;
        let members = agreement::greatest(self.view(), &mut work, |_| true)?.members;
        self.work = work;
        let gap = u32::try_from(members.len()).expect("the number of instances is limited");
        if gap != self.run.world.gap {
            self.run.world.gap = gap;
            self.agenda.raise(self.plan, self.plan.signals.gap);
            if let Some(causes) = &mut self.causes {
                causes.note_gap(gap, self.run.events);
            }
        }
        Ok(())
    }

    /// The gap at the end is that after the last Exchange, before deliveries change the state.
    fn take_gap(&mut self, is_last: bool) {
        self.gap = None;
        self.has_exchanged = false;
        if is_last {
            self.gap = Some(self.run.world.gap);
        }
        let keeps = self.want.exchanged && is_last || self.plan.may_stop && !is_last;
        if keeps && !self.agenda.delivering.is_empty() {
            match &mut self.exchanged {
                Some(kept) => kept.copy_from(&self.run.world),
                None => self.exchanged = Some(self.run.world.clone()),
            }
            self.has_exchanged = true;
        }
    }

    fn deliver(&mut self) -> Result<(), Failure> {
        let mut candidates = std::mem::take(&mut self.candidates);
        self.agenda.delivering.collect_into(&mut candidates);
        let mut complete = Vec::new();
        for &instance in &candidates {
            let mut batch = std::mem::take(&mut self.batch);
            if decide::delivery(self.view(), instance, &mut batch) {
                complete.push(instance);
            }
            self.batch = batch;
        }
        self.apply()?;
        for instance in complete {
            self.agenda.delivering.remove(instance);
            if self.model.commitment_of(instance).is_graded() {
                // It may be done from the next Review on, even if nothing was handed over.
                self.agenda.review(instance);
            }
        }
        self.spend(candidates.len() as u64)?;
        candidates.clear();
        self.candidates = candidates;
        Ok(())
    }

    fn sample(&mut self) -> Result<(), Failure> {
        let mut sampled = std::mem::take(&mut self.sampled);
        sampled.clear();
        let result = decide::sample(self.view(), &mut sampled);
        for (last, value) in self.run.metrics.iter_mut().zip(&sampled) {
            *last = Some(*value);
        }
        if self.want.series {
            self.run.samples.extend_from_slice(&sampled);
        }
        self.sampled = sampled;
        result
    }

    fn end(&mut self) -> Result<Ending, Failure> {
        let gap = if let Some(gap) = self.gap {
            gap
        } else {
            // Stopped early: the gap is that of the state before this step's deliveries.
            let kept = self.exchanged.as_ref().filter(|_| self.has_exchanged);
            let world = kept.unwrap_or(&self.run.world);
            let view = View { model: self.model, plan: self.plan, setup: &self.run.setup, world };
            let members = agreement::greatest(view, &mut self.work, |_| true)?.members;
            u32::try_from(members.len()).expect("the number of instances is limited")
        };
        self.gap = Some(gap);
        let (ending, why) = decide::ending(self.view(), gap)?;
        self.batch.push(Decision::new(Event::Ended(ending), why));
        self.apply()?;
        Ok(ending)
    }

    fn spend(&mut self, work: u64) -> Result<(), Failure> {
        self.work = self.work.saturating_add(work);
        if self.work > limits::WORK { Err(Failure::TooMuchWork { step: self.run.world.step }) } else { Ok(()) }
    }

    /// Counts what looking at the conditions of these costs.
    fn spend_on(&mut self, candidates: &[InstanceId], which: fn(&Costs) -> u64) -> Result<(), Failure> {
        let costs = candidates.iter().map(|instance| which(&self.plan.instance_costs[instance.index()]));
        self.spend(costs.fold(0, u64::saturating_add))
    }

    /// Lets a phase decide on the state as it is, then applies what it decided.
    fn decide(
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
    fn apply(&mut self) -> Result<(), Failure> {
        if self.batch.is_empty() {
            return Ok(());
        }
        if self.run.events as usize + self.batch.len() >= limits::EVENTS as usize {
            self.batch.clear();
            return Err(Failure::TooManyEvents);
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
        self.batch = batch;
        Ok(())
    }

    /// One event: the state changes, whoever watches is told, the log grows.
    #[inline]
    fn happen(&mut self, event: Event, cause: Option<Seq>) {
        if let Some(causes) = &mut self.causes {
            evolve(self.model, &self.run.setup, &mut self.run.world, event);
            causes.note((self.model, self.plan, &self.run.setup, &self.run.world), event, self.run.events);
        } else {
            evolve(self.model, &self.run.setup, &mut self.run.world, event);
        }
        self.agenda.note(self.model, self.plan, &self.run.world, event);
        self.record(event, cause);
    }

    #[inline]
    fn record(&mut self, event: Event, cause: Option<Seq>) {
        self.run.history.add(self.run.world.step, event);
        if self.want.log {
            self.run.log.push(Entry { step: self.run.world.step, event, cause });
        }
        self.run.events += 1;
    }
}
