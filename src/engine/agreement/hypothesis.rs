//! Hypotheses about bound commitments, closed under Exchange.

use super::super::collections::InstanceSet;
use super::super::decision::View;
use super::super::failure::Failure;
use super::graded::Graded;
use super::thresholds::{CROWD, Own, Thresholds};
use crate::model::{Amount, Columns, Event, Evidence, InstanceId, Model, Reader, Scope, State, limits};

/// The result of an agreement.
#[derive(Clone, Debug, Default)]
pub(in super::super) struct Agreement {
    /// The commitments that it binds, resumes or raises, in declaration order.
    pub(in super::super) members: Vec<InstanceId>,
    /// The graded amounts that it raises, as position in the plan's levels and new amount, in declaration order.
    pub(in super::super) amounts: Vec<(u32, Amount)>,
}

/// From this many candidates of one commitment on, their conditions are evaluated together.
const MANY: usize = 6;

/// The number of operations charged for binding and unbinding a commitment.
const BIND: u64 = 16;

/// The tables of a hypothesis that is done with, for the next one about the same model.
#[derive(Debug, Default)]
pub(in super::super) struct Tables {
    evidence: Option<Evidence>,
    bound: InstanceSet,
    trail: Vec<InstanceId>,
    queue: Vec<InstanceId>,
    waiting: InstanceSet,
    alike: Alike,
    /// For the caller.
    pub(super) members: Vec<InstanceId>,
}

impl Clone for Tables {
    /// New tables: there is nothing in them that a copy of a simulation would need.
    fn clone(&self) -> Self {
        Self::default()
    }
}

/// Working memory for the conditions of one commitment.
#[derive(Clone, Debug, Default)]
struct Alike {
    columns: Columns,
    readers: Vec<Reader>,
    truths: Vec<bool>,
}

/// A state in which some commitments are bound hypothetically.
///
/// Deliveries, stances and trust stay as they are. Commitments are bound and unbound in stack order, which is cheap.
///
/// Invariant: `trail` lists the members of `bound` in the order in which they were bound, and
/// `evidence` is that of the state with exactly these detached in addition.
#[derive(Clone, Debug)]
pub struct Hypothesis<'a> {
    pub(super) view: View<'a>,
    pub(super) evidence: Evidence,
    pub(super) bound: InstanceSet,
    pub(super) trail: Vec<InstanceId>,
    /// The number of entries of the trail that have been announced to the other commitments.
    pub(super) seen: usize,
    /// Conditional commitments whose `when` may have changed.
    pub(super) queue: Vec<InstanceId>,
    pub(super) waiting: InstanceSet,
    /// The index of reactions, if it has been built; without it, all readers of a changed quantity are evaluated.
    thresholds: Option<Thresholds>,
    /// The part for graded amounts and resumable commitments, if the model has any.
    pub(super) graded: Option<Box<Graded>>,
    pub(super) work: u64,
    pub(super) limit: u64,
    alike: Alike,
}

impl<'a> Hypothesis<'a> {
    /// A hypothesis equal to the state.
    #[must_use]
    pub fn on(view: View<'a>) -> Self {
        Self::reusing(view, &mut Tables::default())
    }

    /// A hypothesis equal to the state, in tables that are used again.
    pub(super) fn reusing(view: View<'a>, tables: &mut Tables) -> Self {
        let count = view.model.instances.len();
        let Tables { evidence, mut bound, mut trail, mut queue, mut waiting, alike, .. } = std::mem::take(tables);
        let evidence = match evidence {
            Some(mut evidence) => {
                evidence.copy_from(&view.world.evidence);
                evidence
            }
            None => view.world.evidence.clone(),
        };
        bound.reset(count);
        waiting.reset(count);
        trail.clear();
        queue.clear();
        Self {
            view,
            evidence,
            bound,
            trail,
            seen: 0,
            queue,
            waiting,
            thresholds: None,
            graded: view.plan.is_graded.then(|| Box::new(Graded::new(view))),
            work: 0,
            limit: limits::WORK,
            alike,
        }
    }

    /// Gives the tables back.
    pub(super) fn into_tables(self, members: Vec<InstanceId>) -> Tables {
        let Self { evidence, bound, trail, queue, waiting, alike, .. } = self;
        Tables { evidence: Some(evidence), bound, trail, queue, waiting, alike, members }
    }

    /// A hypothesis with other evidence than that of the state.
    #[must_use]
    pub fn with_evidence(view: View<'a>, evidence: Evidence) -> Self {
        Self { evidence, ..Self::on(view) }
    }

    /// Allows this many further operations before it fails.
    #[must_use]
    pub fn with_work(mut self, operations: u64) -> Self {
        self.limit = self.work.saturating_add(operations);
        self
    }

    /// Builds the index of reactions, which pays off if much is bound and unbound.
    #[must_use]
    pub fn indexed(mut self) -> Self {
        if self.graded.is_some() {
            return self;
        }
        let mut thresholds = Thresholds::new(self.view, Own::Absent);
        thresholds.announce_all(self.view.model, &self.evidence);
        self.thresholds = Some(thresholds);
        self
    }

    /// Operations spent so far: nodes of conditions evaluated.
    #[must_use]
    pub fn work(&self) -> u64 {
        self.work
    }

    /// The hypothetical evidence.
    #[must_use]
    pub fn evidence(&self) -> &Evidence {
        &self.evidence
    }

    /// The hypothetically bound instances, in order of binding.
    #[must_use]
    pub fn trail(&self) -> &[InstanceId] {
        &self.trail
    }

    /// Whether an instance is bound by the hypothesis.
    #[inline]
    #[must_use]
    pub fn is_bound(&self, instance: InstanceId) -> bool {
        self.bound.contains(instance)
    }

    /// The scope of a condition that belongs to no commitment.
    #[must_use]
    pub fn scope(&self) -> Scope<'_> {
        Scope { evidence: &self.evidence, ..self.view.scope() }
    }

    /// The scope of a commitment's conditions.
    #[must_use]
    pub fn scope_of(&self, instance: InstanceId) -> Scope<'_> {
        Scope { reader: Some(reader_of(self.view.model, instance)), ..self.scope() }
    }

    /// Calls `look` with the instances whose `when` reads quantities that a commitment changes; possibly more than once
    /// for an instance.
    pub fn for_watchers(&self, instance: InstanceId, mut look: impl FnMut(InstanceId)) {
        let View { model, plan, .. } = self.view;
        plan.signals_of(model, Event::Detached(instance), |signal| {
            plan.when_watchers().get(signal).for_each(|watcher| look(InstanceId(watcher)));
            if plan.is_graded {
                plan.review_watchers().get(signal).for_each(|watcher| look(InstanceId(watcher)));
                let levels = plan.level_watchers.get(signal);
                levels.iter().for_each(|&position| look(plan.levels[position as usize].instance));
            }
        });
    }

    /// Binds a commitment regardless of its `when`. Reactions follow in [`Self::close`].
    pub fn bind(&mut self, instance: InstanceId) {
        if !self.bound.contains(instance) {
            self.bound.insert(instance);
            self.trail.push(instance);
            if self.graded.is_some() {
                self.start_amounts(instance);
            }
            self.count(instance, State::Detached);
            if self.thresholds.is_some() {
                self.work += BIND;
            }
        }
    }

    /// Binds different commitments, of which none is graded, as [`Self::bind`] binds one.
    fn bind_all(&mut self, instances: &[InstanceId]) {
        let Self { view, bound, trail, evidence, .. } = self;
        let first = trail.len();
        trail.extend(instances.iter().filter(|&&instance| !bound.contains(instance)));
        let new = &trail[first..];
        new.iter().for_each(|&instance| bound.insert(instance));
        evidence.set_standings(view.model, view.setup, new, State::Detached);
        if self.thresholds.is_some() {
            self.work += BIND * new.len() as u64;
        }
    }

    /// Unbinds the instances bound since the trail had this length.
    pub fn undo(&mut self, length: usize) {
        for at in (length..self.trail.len()).rev() {
            let instance = self.trail[at];
            if self.graded.as_mut().is_some_and(|graded| graded.again.pop_if(|again| *again == at).is_some()) {
                continue;
            }
            self.unbind(instance);
        }
        let Self { view, evidence, thresholds, .. } = self;
        if let Some(thresholds) = thresholds {
            for &instance in &self.trail[length..] {
                thresholds.announce(*view, evidence, instance, |_| {});
            }
        }
        self.trail.truncate(length);
        self.seen = self.seen.min(length);
        self.forget_queue();
        if self.graded.is_some() {
            self.lower_to(length);
        }
    }

    /// Performs an Exchange: binds commitments whose `when` holds until none is left. The state itself must be one
    /// after an Exchange.
    ///
    /// # Errors
    /// If a condition has no value, or the work exceeds its limit.
    pub fn close(&mut self) -> Result<(), Failure> {
        loop {
            self.announce();
            if let Some(instance) = self.queue.pop() {
                self.look_at(instance)?;
            } else if !self.sweep()? {
                return Ok(());
            }
        }
    }

    /// Whether the hypothesis may change a commitment.
    fn may_move(&self, instance: InstanceId) -> bool {
        self.graded.as_ref().is_none_or(|graded| graded.is_eligible(instance))
    }

    /// Binds a queued commitment if its `when` holds.
    fn look_at(&mut self, instance: InstanceId) -> Result<(), Failure> {
        if self.waiting.contains(instance) {
            self.waiting.remove(instance);
            if self.agrees(instance)? {
                self.bind(instance);
            }
        }
        Ok(())
    }

    /// Performs an Exchange that stops as soon as `target` is bound, and returns whether it is. If so, only
    /// [`Self::undo`] to a closed state may follow.
    ///
    /// # Errors
    /// As [`Self::close`].
    pub fn close_until(&mut self, target: InstanceId) -> Result<bool, Failure> {
        loop {
            if self.bound.contains(target) {
                return Ok(true);
            }
            self.announce();
            if self.waiting.contains(target) {
                // Its entry in the queue is skipped later.
                self.waiting.remove(target);
                if self.agrees(target)? {
                    self.bind(target);
                    return Ok(true);
                }
            }
            if let Some(instance) = self.queue.pop() {
                self.look_at(instance)?;
            } else if !self.sweep()? {
                return Ok(false);
            }
        }
    }

    /// Whether the `when` of a commitment holds in the hypothesis, whether it is bound or not.
    ///
    /// # Errors
    /// As [`Self::close`].
    pub fn would_agree(&mut self, instance: InstanceId) -> Result<bool, Failure> {
        Ok(self.view.may_join(instance) && self.agrees(instance)?)
    }

    /// Queues the readers of everything bound since the last call.
    fn announce(&mut self) {
        while let Some(&instance) = self.trail.get(self.seen) {
            self.seen += 1;
            let Self { view, evidence, bound, queue, waiting, thresholds, work, .. } = self;
            let Some(thresholds) = thresholds else {
                self.wake(instance, false);
                continue;
            };
            *work += thresholds.announce(*view, evidence, instance, |other| {
                let open = view.may_join(other) && !bound.contains(other);
                if open && !waiting.contains(other) {
                    waiting.insert(other);
                    queue.push(other);
                }
            });
        }
    }

    /// Performs an Exchange on a state that may not be one after an Exchange: every offer is evaluated.
    ///
    /// # Errors
    /// As [`Self::close`].
    pub fn exchange(&mut self) -> Result<(), Failure> {
        let view = self.view;
        for instance in view.model.instance_ids().filter(|&instance| view.may_join(instance)) {
            if !self.may_move(instance) {
                continue;
            }
            if !self.bound.contains(instance) && !self.waiting.contains(instance) {
                self.waiting.insert(instance);
                self.queue.push(instance);
            }
        }
        if let Some(graded) = &mut self.graded {
            graded.look_at_all(view);
        }
        self.close()
    }

    /// Binds the greatest agreement among `candidates` (conditional commitments), given what is bound already.
    ///
    /// # Errors
    /// As [`Self::close`].
    pub fn agree(&mut self, candidates: &[InstanceId]) -> Result<(), Failure> {
        self.forget_queue();
        if self.graded.is_some() {
            return self.agree_graded(candidates);
        }
        let start = self.trail.len();
        self.bind_all(candidates);
        if start == 0 && self.all_agree(candidates)? {
            self.seen = 0;
            return Ok(());
        }
        self.queue.extend_from_slice(&self.trail[start..]);
        for at in start..self.trail.len() {
            self.waiting.insert(self.trail[at]);
        }
        // Instances bound before stay bound and need no evaluation.
        let fixed: Vec<InstanceId> = self.trail[..start].to_vec();
        for &instance in &fixed {
            self.waiting.insert(instance);
        }
        // With many commitments, thresholds show which readers an unbinding affects.
        let mut thresholds = (candidates.len() >= CROWD).then(|| Thresholds::new(self.view, Own::Counted));
        if let Some(thresholds) = &mut thresholds {
            thresholds.announce_all(self.view.model, &self.evidence);
            self.work += BIND * candidates.len() as u64;
        }
        while let Some(instance) = self.queue.pop() {
            self.waiting.remove(instance);
            if self.bound.contains(instance) && !self.agrees(instance)? {
                self.unbind(instance);
                self.wake_bound(instance, thresholds.as_mut());
            }
        }
        for &instance in &fixed {
            self.waiting.remove(instance);
        }
        let bound = &self.bound;
        self.trail.retain(|&instance| bound.contains(instance));
        self.seen = self.seen.min(start);
        Ok(())
    }

    /// Evaluates the `when` of these conditional instances together, and returns whether all hold. Returns `false` if this
    /// does not pay, or if a part is not a number; they must then be evaluated one by one.
    fn all_agree(&mut self, candidates: &[InstanceId]) -> Result<bool, Failure> {
        let View { model, plan, .. } = self.view;
        let commitment = |instance: &InstanceId| model.instances[instance.index()].commitment;
        let scope = Scope { evidence: &self.evidence, ..self.view.scope() };
        let Alike { columns, readers, truths } = &mut self.alike;
        let mut work = 0;
        for alike in candidates.chunk_by(|a, b| commitment(a) == commitment(b)) {
            let at = commitment(&alike[0]).index();
            if alike.len() < MANY {
                return Ok(false);
            }
            work += plan.costs[at].when * alike.len() as u64;
            let Some(when) = &model.commitments[at].when else { continue };
            readers.clear();
            readers.extend(alike.iter().map(|&instance| reader_of(model, instance)));
            let is_known = columns.truths(when, &scope, readers, truths);
            if !is_known || !truths.iter().all(|&holds| holds) {
                return Ok(false);
            }
        }
        self.work += work;
        if self.work > self.limit { Err(Failure::TooMuchWork { step: self.view.world.step }) } else { Ok(true) }
    }

    /// Queues the bound instances whose `when` may change when a commitment is unbound.
    fn wake_bound(&mut self, instance: InstanceId, thresholds: Option<&mut Thresholds>) {
        let Some(thresholds) = thresholds else { return self.wake(instance, true) };
        let Self { view, evidence, bound, queue, waiting, work, .. } = self;
        *work += thresholds.announce(*view, evidence, instance, |other| {
            if bound.contains(other) && !waiting.contains(other) {
                waiting.insert(other);
                queue.push(other);
            }
        });
    }

    /// Queues the instances whose `when` reads quantities that a commitment changes: either bound ones or others.
    fn wake(&mut self, instance: InstanceId, bound: bool) {
        if self.graded.is_some() {
            return self.wake_graded(instance);
        }
        let Self { view, bound: set, queue, waiting, .. } = self;
        view.plan.signals_of(view.model, Event::Detached(instance), |signal| {
            view.plan.when_watchers().get(signal).map(InstanceId).for_each(|watcher| {
                let due = set.contains(watcher) == bound
                    && view.world.instance(watcher).state == State::Conditional
                    && !waiting.contains(watcher);
                if due {
                    waiting.insert(watcher);
                    queue.push(watcher);
                }
            });
        });
    }

    fn forget_queue(&mut self) {
        for instance in self.queue.drain(..) {
            self.waiting.remove(instance);
        }
        if let Some(graded) = &mut self.graded {
            graded.dirty.clear();
        }
    }

    /// Whether the `when` of a commitment holds on the hypothetical evidence.
    pub(super) fn agrees(&mut self, instance: InstanceId) -> Result<bool, Failure> {
        let view = self.view;
        let at = view.model.instances[instance.index()].commitment.index();
        self.work += view.plan.costs[at].when;
        if self.work > self.limit {
            return Err(Failure::TooMuchWork { step: view.world.step });
        }
        let commitment = &view.model.commitments[at];
        let condition = if view.world.instance(instance).state == State::Pending {
            commitment.stay.as_ref()
        } else {
            commitment.when.as_ref()
        };
        let Some(condition) = condition else { return Ok(true) };
        condition.truth(&self.scope_of(instance)).map_err(|fault| view.failure(fault))
    }

    pub(super) fn unbind(&mut self, instance: InstanceId) {
        self.bound.remove(instance);
        self.count(instance, self.view.world.instance(instance).state);
    }

    fn count(&mut self, instance: InstanceId, state: State) {
        let View { model, setup, .. } = self.view;
        let maintain = model.commitment_of(instance).maintain;
        self.evidence.set_standing(model, setup, instance, state.standing(maintain));
    }
}

fn reader_of(model: &Model, instance: InstanceId) -> Reader {
    Reader { actor: model.instances[instance.index()].debtor, instance }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::engine::{Plan, RunOptions, RunSeed, run};
    use crate::scenario::{Document, Options, compile};

    /// Commitments in many states, of several gifts, whose debtors count in different slots.
    const TEXT: &str = r#"
        format = 1
        [time]
        steps = 4
        [resources]
        r = {}
        q = {}
        [cohorts.c]
        size = 9
        stance = "index / size"
        [groups]
        odd = ["c_1", "c_3", "c_5"]
        [commitments.plain]
        debtor = "c"
        gives = { r = 2, q = 1 }
        when = "stance >= 0.5"
        lead = 9
        [commitments.lasting]
        debtor = "c"
        gives = { r = 1 }
        maintain = true
        when = "stance >= 0.8"
        until = "step >= 2"
        [commitments.late]
        debtor = "odd"
        gives = { q = 3 }
        offer = "stance >= 0.3"
        when = "bound(r, odd) >= 100 or bonds(plain) >= 100"
        [outcomes.most]
        when = "parties(q, odd) >= 3 and bound(r) >= 1"
    "#;

    #[test]
    fn commitments_bound_together_count_as_those_bound_one_by_one() {
        let document = Document::parse("test.toml", TEXT.as_bytes()).unwrap();
        let model = compile(&document, &Options::default()).unwrap().model;
        let plan = Plan::new(&model);
        let ended = run(&model, &plan, RunSeed { seed: 1, replicate: 0 }, RunOptions::default());
        let view = View { model: &model, plan: &plan, setup: &ended.setup, world: &ended.world };
        let all: Vec<InstanceId> = model.instance_ids().collect();
        let states = |state: State| all.iter().filter(|&&at| view.world.instance(at).state == state).count();
        let found = [State::Null, State::Conditional, State::Detached, State::Satisfied].map(states);
        assert!(found.iter().all(|&count| count > 0), "{found:?}");
        for before in [0, 7] {
            let (mut one_by_one, mut together) = (Hypothesis::on(view), Hypothesis::on(view));
            all[..before].iter().for_each(|&instance| together.bind(instance));
            all.iter().for_each(|&instance| one_by_one.bind(instance));
            together.bind_all(&all);
            assert_eq!(together.evidence, one_by_one.evidence);
            assert_eq!(together.trail, one_by_one.trail);
            assert!(all.iter().all(|&instance| together.is_bound(instance)));
        }
    }
}
