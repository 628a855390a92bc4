//! The run loop: in each phase decide, then let the events evolve the state, with their place in the log.

mod switch;

pub use switch::{Stage, may_follow, recount};

use super::agenda::Agenda;
use super::agreement;
use super::cause::{Before, Causes, Why};
use super::decide::{self, Decision, Noise, StanceStep, View, Weights};
use super::evolve::evolve;
use super::failure::Failure;
use super::history::History;
use super::plan::Plan;
use super::random::Luck;
use super::setup::prepare;
use crate::model::{Ending, Entry, Event, MeetingId, Model, Seq, Setup, ShockId, World, limits};

/// What is wanted of a run besides its result.
#[derive(Clone, Copy, Debug, Default)]
pub struct Want {
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
    pub history: History,
    /// Number of its events.
    pub events: u32,
    /// The log, where it was wanted.
    pub log: Vec<Entry>,
    /// The state at the end.
    pub world: World,
    /// The state after the last Exchange, where it was wanted and differs from the state at the end.
    pub exchanged: Option<World>,
    /// The numbers of the run.
    pub setup: Setup,
}

impl Run {
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
pub fn run(model: &Model, plan: &Plan, luck: Luck, want: Want) -> Run {
    run_watched(model, plan, luck, want, &mut |_| {})
}

/// Runs a model once; `watch` sees the state at the end of every step.
#[must_use]
pub fn run_watched(model: &Model, plan: &Plan, luck: Luck, want: Want, watch: &mut dyn FnMut(&World)) -> Run {
    run_staged(&Stage { model, plan, from: 0 }, &[], luck, want, watch)
}

/// Runs a model once, going on under each of the `forks` from its step on; these come in rising order.
#[must_use]
pub fn run_staged<'a>(
    first: &Stage<'a>,
    forks: &[Stage<'a>],
    luck: Luck,
    want: Want,
    watch: &mut dyn FnMut(&World),
) -> Run {
    let Stage { model, plan, .. } = *first;
    match prepare(model, luck) {
        Ok((setup, drawn)) => {
            let mut simulation = Simulation::new(model, plan, setup, luck, want);
            let result = simulation.start(drawn).and_then(|()| simulation.go_on(forks, watch));
            simulation.finish(result)
        }
        Err(failure) => {
            let mut simulation = Simulation::new(model, plan, model.setup.clone(), luck, want);
            simulation.record(Event::Started, None);
            simulation.finish(Err(failure))
        }
    }
}

/// A run under way.
pub struct Simulation<'a> {
    model: &'a Model,
    plan: &'a Plan,
    setup: Setup,
    luck: Luck,
    want: Want,
    world: World,
    agenda: Agenda,
    causes: Option<Causes>,
    log: Vec<Entry>,
    next: Seq,
    history: History,
    work: u64,
    steps: u32,
    samples: Vec<f64>,
    /// The metrics of the step.
    sampled: Vec<f64>,
    metrics: Vec<Option<f64>>,
    /// Truth of each triggered shock's condition at the step before.
    was_true: Vec<bool>,
    /// Meetings in session, with their last step.
    sessions: Vec<(MeetingId, u32)>,
    weights: Weights,
    /// The meetings whose influence is in `weights`.
    weighted: Vec<MeetingId>,
    noise: Noise,
    stance_step: StanceStep,
    batch: Vec<Decision>,
    /// The last event of the batch that was applied last.
    batch_end: Option<Event>,
    candidates: Vec<crate::model::InstanceId>,
    gap: Option<u32>,
    exchanged: Option<World>,
}

impl<'a> Simulation<'a> {
    fn new(model: &'a Model, plan: &'a Plan, setup: Setup, luck: Luck, want: Want) -> Self {
        let world = World::new(model, &setup);
        let noise = Noise::new(View { model, plan, setup: &setup, world: &world }, luck);
        Self {
            model,
            plan,
            luck,
            want,
            agenda: Agenda::new(model, plan),
            causes: want.log.then(|| Causes::new(model, plan, &setup, &world)),
            log: Vec::new(),
            next: 0,
            history: History::default(),
            work: 0,
            steps: 0,
            samples: Vec::new(),
            sampled: Vec::new(),
            metrics: vec![None; model.metrics.len()],
            was_true: vec![false; model.shocks.len()],
            sessions: Vec::new(),
            weights: Weights::new(model, &setup, &[]),
            weighted: Vec::new(),
            noise,
            stance_step: StanceStep::default(),
            batch: Vec::new(),
            batch_end: None,
            candidates: Vec::new(),
            gap: None,
            exchanged: None,
            world,
            setup,
        }
    }

    fn view(&self) -> View<'_> {
        View { model: self.model, plan: self.plan, setup: &self.setup, world: &self.world }
    }

    fn start(&mut self, drawn: Vec<(crate::model::DrawId, f64)>) -> Result<(), Failure> {
        self.record(Event::Started, None);
        for (draw, value) in drawn {
            self.record(Event::Drawn { draw, value }, None);
        }
        self.decide(|view, out| {
            decide::initial(view, out);
            Ok(())
        })
    }

    fn go_on(&mut self, forks: &[Stage<'a>], watch: &mut dyn FnMut(&World)) -> Result<Ending, Failure> {
        for step in 0.. {
            self.world.step = step;
            for stage in forks.iter().filter(|stage| stage.from == step) {
                self.switch(stage)?;
            }
            let is_last = step + 1 == self.model.clock.steps;
            self.step(is_last)?;
            watch(&self.world);
            self.steps = step + 1;
            if is_last || self.has_stopped() {
                break;
            }
        }
        self.end()
    }

    fn has_stopped(&self) -> bool {
        let stops = self.model.outcomes.iter().zip(&self.world.reached);
        self.plan.may_stop && stops.into_iter().any(|(outcome, reached)| outcome.stop && reached.is_some())
    }

    /// The phases of a step, in order.
    fn step(&mut self, is_last: bool) -> Result<(), Failure> {
        self.spend(self.plan.step_cost)?;
        self.agenda.raise(self.plan, self.plan.signals.tick);
        self.calendar()?;
        self.stances()?;
        self.review()?;
        self.exchange()?;
        self.meetings()?;
        self.take_gap(is_last)?;
        self.deliver()?;
        self.decide(decide::reached)?;
        self.sample()
    }

    fn calendar(&mut self) -> Result<(), Failure> {
        let step = self.world.step;
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
            let view = View { model: self.model, plan: self.plan, setup: &self.setup, world: &self.world };
            decide::shock(view, self.luck, shock, &mut self.was_true[shock.index()], &mut self.batch)?;
            self.apply()?;
        }
        Ok(())
    }

    fn stances(&mut self) -> Result<(), Failure> {
        let influences = |meeting: &MeetingId| self.setup.meeting_influence[meeting.index()] > 0.0;
        let sessions: Vec<MeetingId> = self.sessions.iter().map(|&(meeting, _)| meeting).filter(influences).collect();
        if sessions != self.weighted {
            self.weights = Weights::new(self.model, &self.setup, &sessions);
            self.weighted = sessions;
        }
        self.spend(self.weights.size() as u64)?;
        let view = View { model: self.model, plan: self.plan, setup: &self.setup, world: &self.world };
        decide::stances(view, &self.weights, &mut self.noise, &mut self.stance_step, &mut self.batch);
        self.apply()
    }

    fn review(&mut self) -> Result<(), Failure> {
        let mut candidates = std::mem::take(&mut self.candidates);
        self.agenda.take_review(self.plan, &mut candidates);
        let cost = candidates
            .iter()
            .map(|instance| self.plan.costs[self.model.instances[instance.index()].commitment.index()].review);
        let cost = cost.fold(0, u64::saturating_add);
        let result = self.spend(cost).and_then(|()| self.decide(|view, out| decide::review(view, &candidates, out)));
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
            let cost = candidates
                .iter()
                .map(|instance| self.plan.costs[self.model.instances[instance.index()].commitment.index()].when);
            let cost = cost.fold(0, u64::saturating_add);
            self.spend(cost)?;
            let before = self.next;
            self.decide(|view, out| decide::round(view, &candidates, out))?;
            if self.next == before {
                break;
            }
        }
        candidates.clear();
        self.candidates = candidates;
        if self.model.reads_gap { self.refresh_gap() } else { Ok(()) }
    }

    fn meetings(&mut self) -> Result<(), Failure> {
        for at in 0..self.sessions.len() {
            let (meeting, _) = self.sessions[at];
            if !self.model.meetings[meeting.index()].package {
                continue;
            }
            let mut work = self.work;
            let luck = self.luck;
            self.decide(|view, out| decide::package(view, luck, meeting, &mut work, out))?;
            self.work = work;
            if matches!(self.batch_end, Some(Event::Detached(_))) {
                self.exchange()?;
            }
        }
        Ok(())
    }

    /// Size of the greatest agreement, kept in the state for `deadlocked`.
    fn refresh_gap(&mut self) -> Result<(), Failure> {
        let mut work = self.work;
        let members = agreement::greatest(self.view(), &mut work, |_| true)?;
        self.work = work;
        let gap = u32::try_from(members.len()).expect("the number of instances is limited");
        if gap != self.world.gap {
            self.world.gap = gap;
            self.agenda.raise(self.plan, self.plan.signals.gap);
        }
        Ok(())
    }

    /// The gap at the end is that after the last Exchange, before deliveries change the state.
    fn take_gap(&mut self, is_last: bool) -> Result<(), Failure> {
        self.gap = None;
        self.exchanged = None;
        if is_last {
            self.refresh_gap()?;
            self.gap = Some(self.world.gap);
        }
        if self.want.exchanged && is_last || self.plan.may_stop && !is_last {
            let mut delivering = Vec::new();
            self.agenda.delivering.collect_into(&mut delivering);
            if !delivering.is_empty() {
                self.exchanged = Some(self.world.clone());
            }
        }
        Ok(())
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
        for (last, value) in self.metrics.iter_mut().zip(&sampled) {
            *last = Some(*value);
        }
        if self.want.series {
            self.samples.extend_from_slice(&sampled);
        }
        self.sampled = sampled;
        result
    }

    fn end(&mut self) -> Result<Ending, Failure> {
        let gap = if let Some(gap) = self.gap {
            gap
        } else {
            // Stopped early: the gap is that of the state before this step's deliveries.
            let world = self.exchanged.as_ref().unwrap_or(&self.world);
            let view = View { model: self.model, plan: self.plan, setup: &self.setup, world };
            let members = agreement::greatest(view, &mut self.work, |_| true)?;
            u32::try_from(members.len()).expect("the number of instances is limited")
        };
        self.gap = Some(gap);
        let decision = decide::ending(self.view(), gap)?;
        self.batch.push(decision);
        self.apply()?;
        match decision.event {
            Event::Ended(ending) => Ok(ending),
            _ => Ok(if gap > 0 { Ending::Deadlock } else { Ending::Stalemate }),
        }
    }

    fn finish(self, result: Result<Ending, Failure>) -> Run {
        Run {
            steps: self.steps,
            gap: if result.is_ok() { self.gap } else { None },
            result,
            samples: self.samples,
            metrics: self.metrics,
            history: self.history,
            events: self.next,
            log: self.log,
            world: self.world,
            exchanged: if self.want.exchanged { self.exchanged } else { None },
            setup: self.setup,
        }
    }

    fn spend(&mut self, work: u64) -> Result<(), Failure> {
        self.work = self.work.saturating_add(work);
        if self.work > limits::WORK { Err(Failure::TooMuchWork { step: self.world.step }) } else { Ok(()) }
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
        self.batch_end = self.batch.last().map(|decision| decision.event);
        if self.batch.is_empty() {
            return Ok(());
        }
        if self.next as usize + self.batch.len() >= limits::EVENTS as usize {
            self.batch.clear();
            return Err(Failure::TooManyEvents);
        }
        let mut batch = std::mem::take(&mut self.batch);
        let first = self.next;
        if let Some(causes) = &self.causes {
            // Conditions were looked at before any of these events; their causes are found there too.
            for decision in batch.iter_mut().filter(|decision| matches!(decision.why, Why::Rule(_))) {
                let cause = causes.find(self.model, &self.world, decision.why, first);
                decision.why = cause.map_or(Why::Nothing, Why::Event);
            }
        }
        for decision in batch.drain(..) {
            let Decision { event, why } = decision;
            let cause = self.causes.as_ref().and_then(|causes| causes.find(self.model, &self.world, why, first));
            self.happen(event, cause);
        }
        self.batch = batch;
        if self.world.trust.pairs() > limits::TRUST_PAIRS {
            return Err(Failure::TooManyTrustPairs);
        }
        Ok(())
    }

    /// One event: the state changes, whoever watches is told, the log grows.
    #[inline]
    fn happen(&mut self, event: Event, cause: Option<Seq>) {
        if let Some(causes) = &mut self.causes {
            let before = Before::of(self.model, &self.world, event);
            evolve(self.model, &self.setup, &mut self.world, event);
            causes.note((self.model, self.plan, &self.setup), &self.world, event, self.next, &before);
        } else {
            evolve(self.model, &self.setup, &mut self.world, event);
        }
        self.agenda.note(self.model, self.plan, &self.world, event);
        self.record(event, cause);
    }

    #[inline]
    fn record(&mut self, event: Event, cause: Option<Seq>) {
        self.history.add(self.world.step, event);
        if self.want.log {
            self.log.push(Entry { step: self.world.step, event, cause });
        }
        self.next += 1;
    }
}
