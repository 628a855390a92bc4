//! Phases 4 and 5 in a run: rounds of Exchange, the amounts that settle in them with the causes of their rises, and
//! packages.

use super::super::agreement::{CROWD, Own, Tables, Thresholds, need_bisection};
use super::super::cause::Causes;
use super::super::collections::InstanceSet;
use super::super::decide::{self, Rounds};
use super::super::decision::{Decision, View, Why};
use super::super::failure::Failure;
use super::super::plan::Level;
use super::super::settle::Sweeps;
use super::super::watch::Kind;
use super::gap;
use super::progress::{Progress, TOGETHER};
use crate::model::{Amount, Event, Evidence, InstanceId, MeetingId, Model, Quantity, Seq, State, World};

/// The number of rounds before thresholds that need bisection are computed, at about the cost of one bisection.
const PATIENCE: u32 = 32;

/// Candidates for which the memory of the rounds is given back after them.
const LARGE: usize = 1 << 17;

/// Working memory of the phases.
#[derive(Clone)]
pub(super) struct Exchange {
    /// Remaining rounds before thresholds are computed.
    patience: u32,
    rounds: Rounds,
    candidates: Vec<InstanceId>,
    sweeps: Sweeps,
    /// Tables for the gap.
    tables: Tables,
    /// The evidence on which amounts settle; none where nothing is graded.
    table: Option<Evidence>,
    /// Graded amounts that have settled higher: position in the plan, new amount.
    risen: Vec<(u32, Amount)>,
    /// The state before the latest package that was agreed.
    before_package: Option<World>,
}

impl Exchange {
    pub(super) fn new(model: &Model) -> Self {
        Self {
            patience: if need_bisection(model) { PATIENCE } else { 0 },
            rounds: Rounds::default(),
            candidates: Vec::new(),
            sweeps: Sweeps::default(),
            tables: Tables::default(),
            table: model.has_graded().then(|| Evidence::new(model)),
            risen: Vec::new(),
            before_package: None,
        }
    }

    /// As before the first step.
    pub(super) fn reset(&mut self) {
        self.candidates.clear();
        self.risen.clear();
    }

    /// Rounds of exchange until one detaches nothing.
    #[inline]
    pub(super) fn run(&mut self, progress: &mut Progress<'_>) -> Result<(), Failure> {
        let mut is_out_of_reach = false;
        if progress.agenda.has_when() || !progress.plan.levels.is_empty() {
            is_out_of_reach = self.rounds(progress)?;
            if self.candidates.capacity() > LARGE {
                self.candidates = Vec::new();
                self.rounds = Rounds::default();
            }
        }
        // The last one is that of the end.
        let is_last = progress.run.world.step + 1 == progress.model.clock.steps;
        if !progress.model.reads_gap && !is_last {
            return Ok(());
        }
        if is_out_of_reach {
            progress.keep_gap(0);
            return Ok(());
        }
        gap::refresh(progress, &mut self.tables)
    }

    /// The rounds. Returns whether it is certain that none of the commitments left could be bound together.
    fn rounds(&mut self, progress: &mut Progress<'_>) -> Result<bool, Failure> {
        let mut patience = self.patience;
        loop {
            self.candidates.clear();
            progress.agenda.take_when(progress.plan, &mut self.candidates);
            if self.candidates.is_empty() && progress.plan.levels.is_empty() {
                return Ok(false);
            }
            progress.spend_on(&self.candidates, |costs| costs.when)?;
            let before = progress.run.events;
            self.round(progress)?;
            if progress.run.events == before {
                return Ok(false);
            }
            if self.candidates.len() >= CROWD && progress.plan.levels.is_empty() {
                if patience == 0
                    && let Some(thresholds) = self.cascade(progress)?
                {
                    return Ok(thresholds.are_out_of_reach(progress.view()));
                }
                // Where there are too few thresholds it is not tried again.
                patience = patience.checked_sub(1).unwrap_or(u32::MAX);
            }
        }
    }

    /// One round: detachments on the state at its start, then the rise of graded amounts on what they leave.
    fn round(&mut self, progress: &mut Progress<'_>) -> Result<(), Failure> {
        let mut batch = std::mem::take(&mut progress.batch);
        let result = decide_round(progress, &self.candidates, &mut self.rounds, &mut batch);
        // A failure leaves no event of the round, so that amounts settle before anything is applied.
        let is_plain = progress.plan.levels.is_empty();
        let settled = result.and_then(|()| if is_plain { Ok(()) } else { self.settle(progress, &batch) });
        if settled.is_err() {
            batch.clear();
            self.risen.clear();
        }
        progress.batch = batch;
        settled?;
        progress.apply()?;
        self.raise(progress)
    }

    /// Works out which graded amounts rise once the batch has been applied, into `risen`.
    fn settle(&mut self, progress: &mut Progress<'_>, batch: &[Decision]) -> Result<(), Failure> {
        let mut positions = Vec::new();
        let plan = progress.plan;
        progress.agenda.take_levels(plan, &mut positions);
        for instance in batch.iter().filter_map(|decision| decision.event.instance()) {
            positions.extend(plan.levels_of(instance).map(|at| u32::try_from(at).expect("gifts are limited")));
            plan.signals_of(progress.model, Event::Detached(instance), |signal| {
                positions.extend_from_slice(plan.level_watchers.get(signal));
            });
        }
        positions.sort_unstable();
        positions.dedup();
        if positions.is_empty() {
            return Ok(());
        }
        let mut work = progress.work;
        let view = progress.view();
        let View { model, setup, world, .. } = view;
        let mut bound = vec![false; if batch.is_empty() { 0 } else { model.instances.len() }];
        let Some(table) = &mut self.table else { return Ok(()) };
        table.copy_from(&world.evidence);
        for instance in batch.iter().filter_map(|decision| decision.event.instance()) {
            bound[instance.index()] = true;
            let maintain = model.commitment_of(instance).maintain;
            table.set_standing(model, setup, instance, State::Detached.standing(maintain));
        }
        let rise = |instance: InstanceId| {
            world.instance(instance).state == State::Detached || bound.get(instance.index()).copied().unwrap_or(false)
        };
        let risen = self.sweeps.settle(view, table, &positions, &mut work, rise);
        progress.work = work;
        let amount = |position: u32| table.graded(plan.levels[position as usize].gift.position);
        self.risen.extend(risen?.into_iter().map(|position| (position, amount(position))));
        Ok(())
    }

    /// The events of the amounts in `risen`, which have settled.
    fn raise(&mut self, progress: &mut Progress<'_>) -> Result<(), Failure> {
        if self.risen.is_empty() {
            return Ok(());
        }
        let causes = progress.causes.as_ref().map(|causes| rise_causes(causes, progress.view(), &self.risen));
        for (at, (position, amount)) in self.risen.drain(..).enumerate() {
            let Level { instance, gift } = progress.plan.levels[position as usize];
            let gift = u32::try_from(gift.number).expect("the number of resources is limited");
            let cause = causes.as_ref().and_then(|causes| causes[at]);
            let why = cause.map_or(Why::Nothing, Why::Event);
            progress.batch.push(Decision::new(Event::Raised { instance, gift, amount }, why));
        }
        progress.apply()?;
        progress.agenda.forget_levels(progress.plan);
        Ok(())
    }

    /// The further rounds of a crowd: from the second on, each looks only at those whose thresholds the one before
    /// crossed. Returns the thresholds; none where too few of the conditions have such, and nothing was done.
    fn cascade(&mut self, progress: &mut Progress<'_>) -> Result<Option<Thresholds>, Failure> {
        let Self { candidates, rounds, .. } = self;
        let mut thresholds = Thresholds::new(progress.view(), Own::Absent);
        if !thresholds.are_sharp() {
            return Ok(None);
        }
        let mut bound = Vec::new();
        candidates.clear();
        progress.agenda.take_when(progress.plan, candidates);
        let are_whole = thresholds.are_whole_conditions(progress.model);
        let mut are_passed = false;
        loop {
            progress.touch(candidates);
            progress.spend_on(candidates, |costs| costs.when)?;
            bound.clear();
            let mut batch = std::mem::take(&mut progress.batch);
            let result = if are_passed {
                batch.extend(candidates.iter().map(|&instance| decide::detached(instance)));
                Ok(())
            } else {
                decide_round(progress, candidates, rounds, &mut batch)
            };
            are_passed = are_whole;
            progress.batch = batch;
            result?;
            bound.extend(progress.batch.iter().filter_map(|decision| decision.event.instance()));
            progress.apply()?;
            candidates.clear();
            for &instance in &bound {
                let view = progress.view();
                thresholds.announce(view, &view.world.evidence, instance, |other| candidates.push(other));
            }
            candidates.sort_unstable();
            candidates.dedup();
            if candidates.is_empty() {
                break;
            }
        }
        progress.agenda.forget_when(progress.plan);
        Ok(Some(thresholds))
    }

    /// The packages of the meetings in session, each with the Exchange after it.
    #[inline]
    pub(super) fn packages(
        &mut self,
        progress: &mut Progress<'_>,
        sessions: &[(MeetingId, u32)],
    ) -> Result<(), Failure> {
        if sessions.is_empty() {
            return Ok(());
        }
        let packages = |meeting: MeetingId| progress.model.meetings[meeting.index()].package;
        let due: Vec<MeetingId> = sessions.iter().map(|&(meeting, _)| meeting).filter(|&at| packages(at)).collect();
        due.into_iter().try_for_each(|meeting| self.package(progress, meeting))
    }

    /// A package and the Exchange that follows it; a failure of either leaves nothing of the package.
    fn package(&mut self, progress: &mut Progress<'_>, meeting: MeetingId) -> Result<(), Failure> {
        let mut batch = std::mem::take(&mut progress.batch);
        let mut work = progress.work;
        let memory = (&mut work, &mut self.tables);
        let decided = decide::package(progress.view(), progress.run_seed, meeting, memory, &mut batch);
        if decided.is_err() {
            batch.clear();
        }
        let last = batch.last().map(|decision| decision.event);
        progress.batch = batch;
        decided?;
        progress.work = work;
        if !matches!(last, Some(Event::Detached(_) | Event::Reactivated(_) | Event::Raised { .. })) {
            return progress.apply();
        }
        if !progress.may_undo {
            return progress.apply().and_then(|()| self.run(progress));
        }
        let mark = progress.mark(&mut self.before_package);
        let result = progress.apply().and_then(|()| self.run(progress));
        if let (Err(_), Some(before)) = (&result, &self.before_package) {
            progress.undo(&mark, before);
        } else {
            progress.keep();
        }
        result
    }
}

/// Decides a round, and lets the candidates sleep for which nothing changes.
fn decide_round(
    progress: &mut Progress<'_>,
    candidates: &[InstanceId],
    rounds: &mut Rounds,
    batch: &mut Vec<Decision>,
) -> Result<(), Failure> {
    for some in candidates.chunks(TOGETHER) {
        let result = decide::round(progress.watch(), some, rounds, batch);
        progress.agenda.sleep(Kind::When, &rounds.reasons, progress.run.world.step);
        result?;
    }
    Ok(())
}

/// The causes of graded amounts that rise together, given by their positions in the plan, rising.
///
/// The *base* of an amount is the latest event before the settling that changed a quantity read by its `as`, or the
/// event at which its commitment entered its state if that is later. An amount depends on another one if both rise in
/// the settling and its `as` reads `bound` or `assured` of the other's resource in a group with the other's debtor. The
/// cause is the latest base among the amount and all amounts on which it depends directly or indirectly.
fn rise_causes(causes: &Causes, view: View<'_>, risen: &[(u32, Amount)]) -> Vec<Option<Seq>> {
    let View { model, plan, setup, world } = view;
    let situation = (model, plan, setup, world);
    let mut order: Vec<(Option<Seq>, usize)> =
        risen.iter().enumerate().map(|(at, &(position, _))| (causes.base(situation, position), at)).collect();
    // Amounts that depend on the one with the latest base have it as their cause, then those that depend on the next,
    // and so on.
    order.sort_unstable_by(|a, b| b.cmp(a));
    let mut found: Vec<Option<Option<Seq>>> = vec![None; risen.len()];
    let mut spread = Spread::new(view, risen);
    for (base, first) in order {
        let mut stack = vec![first];
        while let Some(at) = stack.pop() {
            if found[at].is_none() {
                found[at] = Some(base);
                let Level { instance, gift } = plan.levels[risen[at].0 as usize];
                let debtor = model.instances[instance.index()].debtor;
                for slot in model.slots_of(instance, gift.number) {
                    spread.lean(view, slot.0, debtor.0, &mut stack);
                }
            }
        }
    }
    found.into_iter().map(Option::flatten).collect()
}

/// Finds the amounts that depend on a slot. A debtor does not count for itself, so each slot is searched for at most
/// two different debtors.
struct Spread<'r> {
    risen: &'r [(u32, Amount)],
    is_risen: InstanceSet,
    /// By slot, the debtors for whom it has been searched.
    done: Vec<[Option<u32>; 2]>,
}

impl<'r> Spread<'r> {
    fn new(view: View<'_>, risen: &'r [(u32, Amount)]) -> Self {
        let mut is_risen = InstanceSet::new(view.plan.levels.len());
        risen.iter().for_each(|&(position, _)| is_risen.insert(InstanceId(position)));
        Self { risen, is_risen, done: vec![[None; 2]; view.model.slots.len()] }
    }

    /// Appends the indices in `risen` of the amounts that depend on an amount of `debtor` in a slot.
    fn lean(&mut self, view: View<'_>, slot: u32, debtor: u32, out: &mut Vec<usize>) {
        let done = &mut self.done[slot as usize];
        match done {
            [Some(first), _] if *first == debtor => return,
            [Some(_), Some(_)] => return,
            [Some(_), second] => *second = Some(debtor),
            [first, _] => *first = Some(debtor),
        }
        let View { model, plan, .. } = view;
        for &position in plan.level_watchers.get(slot) {
            if !self.is_risen.contains(InstanceId(position)) {
                continue;
            }
            let Level { instance, gift } = plan.levels[position as usize];
            let own = model.instances[instance.index()].debtor.0;
            let level = model.commitment_of(instance).level(gift.number);
            let leans = |quantity: &Quantity| matches!(quantity, Quantity::Bound(of) | Quantity::Assured { slot: of, .. } if of.0 == slot);
            if own != debtor && level.is_some_and(|level| level.reads().iter().any(leans)) {
                out.extend(self.risen.binary_search_by_key(&position, |&(position, _)| position).ok());
            }
        }
    }
}
