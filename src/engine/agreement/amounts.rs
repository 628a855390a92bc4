//! Hypotheses with graded amounts: which commitments could be bound, resumed and raised at once.
//!
//! Such a hypothesis contains the value of each graded amount besides the bound instances. Conditions and levels are
//! monotone, so there are again a least and a greatest fixed point.

use super::super::collections::InstanceSet;
use super::super::decision::View;
use super::super::failure::Failure;
use super::super::plan::Level;
use super::super::settle::unsettled;
use super::graded::{Graded, is_close, wake_signal};
use super::hypothesis::{Agreement, Hypothesis};
use crate::model::{Amount, Event, InstanceId, Quantity, State, limits};

impl Hypothesis<'_> {
    fn parts(&mut self) -> &mut Graded {
        self.graded.as_mut().expect("the model has graded amounts or resumable commitments")
    }

    /// Sets a graded amount and records the old value for undo.
    fn set_amount(&mut self, position: u32, amount: Amount) {
        let Level { instance, gift } = self.view.plan.levels[position as usize];
        let before = self.evidence.graded(gift.position);
        self.evidence.set_amount(self.view.model, self.view.setup, instance, gift.number, amount);
        self.parts().changes.push((position, before));
    }

    fn amount(&self, position: u32) -> Amount {
        self.evidence.graded(self.view.plan.levels[position as usize].gift.position)
    }

    fn levels_of(&self, instance: InstanceId) -> std::ops::Range<u32> {
        let range = self.view.plan.levels_of(instance);
        let at = |at: usize| u32::try_from(at).expect("the number of gifts is limited");
        at(range.start)..at(range.end)
    }

    /// Initialises the amounts of a commitment that is being bound: the current ones if it is detached or suspended,
    /// otherwise 0.
    pub(super) fn start_amounts(&mut self, instance: InstanceId) {
        let graded = self.parts();
        let changes = graded.changes.len();
        graded.marks.push(changes);
        let state = self.view.world.instance(instance).state;
        if !matches!(state, State::Detached | State::Pending) {
            for position in self.levels_of(instance) {
                if self.amount(position) != Amount::ZERO {
                    self.set_amount(position, Amount::ZERO);
                }
            }
        }
    }

    /// Undoes the changes made since the trail had this length.
    pub(super) fn lower_to(&mut self, length: usize) {
        let graded = self.parts();
        let agreed = graded.agreed.filter(|&(trail, _)| trail >= length);
        let changes = match (graded.marks.get(length), agreed) {
            (Some(&mark), Some((_, agreed))) => mark.min(agreed),
            (Some(&mark), None) => mark,
            (None, Some((trail, agreed))) if trail == length => agreed,
            (None, _) => return,
        };
        graded.marks.truncate(length);
        graded.raised.clear();
        graded.agreed = None;
        graded.count = 0;
        let undone = graded.changes.split_off(changes);
        for (position, before) in undone.into_iter().rev() {
            let Level { instance, gift } = self.view.plan.levels[position as usize];
            self.evidence.set_amount(self.view.model, self.view.setup, instance, gift.number, before);
        }
    }

    /// Makes a first move: binds, resumes or raises a commitment regardless of its conditions, at the target amounts.
    pub fn make_move(&mut self, instance: InstanceId) {
        if self.graded.is_none() {
            return self.bind(instance);
        }
        if self.bound.contains(instance) {
            // It already followed from other moves; this move may raise it further, and is undone on its own.
            let at = self.trail.len();
            self.trail.push(instance);
            let graded = self.parts();
            let changes = graded.changes.len();
            graded.marks.push(changes);
            graded.again.push(at);
        } else {
            self.bind(instance);
        }
        for position in self.levels_of(instance) {
            let target = self.parts().targets.get(position as usize).copied().unwrap_or(Amount::ZERO);
            if target > self.amount(position) {
                self.set_amount(position, target);
            }
        }
    }

    /// Whether a first move would change nothing: the commitment is bound with at least the target amounts.
    #[must_use]
    pub fn is_moved(&self, instance: InstanceId) -> bool {
        let Some(graded) = &self.graded else { return self.bound.contains(instance) };
        let is_bound = self.bound.contains(instance) || self.view.world.instance(instance).state == State::Detached;
        let target = |position: u32| graded.targets.get(position as usize).copied().unwrap_or(Amount::ZERO);
        is_bound && self.levels_of(instance).all(|position| self.amount(position) >= target(position))
    }

    /// The actual state of a commitment.
    #[must_use]
    pub fn state_of(&self, instance: InstanceId) -> State {
        self.view.world.instance(instance).state
    }

    /// The quantities read by those `as` of a commitment whose levels are below the given amounts, which are given by
    /// position in the plan.
    #[must_use]
    pub fn reads_below(&self, instance: InstanceId, amounts: &[Amount]) -> Vec<Quantity> {
        let View { model, plan, setup, .. } = self.view;
        let mut reads = Vec::new();
        for at in plan.levels_of(instance) {
            let gift = plan.levels[at].gift;
            let Some(expression) = model.commitment_of(instance).level(gift.number) else { continue };
            let level = expression.number(&self.scope_of(instance)).ok();
            let level = level.map(|value| Amount::level(value, setup.gives[gift.position], setup.by[gift.position]));
            if level.is_some_and(|level| level < amounts[at]) {
                reads.extend(expression.reads());
            }
        }
        reads
    }

    /// Whether the model has graded amounts or resumable commitments.
    #[must_use]
    pub fn knows_more(&self) -> bool {
        self.graded.is_some()
    }

    /// Sets the target amounts of first moves, by position in the plan.
    pub fn set_targets(&mut self, targets: &[Amount]) {
        if let Some(graded) = &mut self.graded {
            graded.targets = targets.to_vec();
        }
    }

    /// All graded amounts in the hypothesis, by position in the plan.
    #[must_use]
    pub fn amounts(&self) -> Vec<Amount> {
        self.view.plan.levels.iter().map(|level| self.evidence.graded(level.gift.position)).collect()
    }

    /// The target amounts of first moves, given that the hypothesis is the greatest agreement and `gap` its members
    /// beyond the least one: for members their amounts in it, for other commitments their levels in it or their current
    /// amounts.
    /// # Errors
    /// If a level has no value.
    pub fn first_amounts(&mut self, gap: &[InstanceId]) -> Result<Vec<Amount>, Failure> {
        let View { plan, world, .. } = self.view;
        let mut amounts = self.amounts();
        let others: Vec<u32> = (0..)
            .zip(&plan.levels)
            .filter(|(_, level)| gap.binary_search(&level.instance).is_err())
            .map(|(position, _)| position)
            .collect();
        for (position, level) in self.levels_at(&others)? {
            let Level { instance, gift } = plan.levels[position as usize];
            let is_new = matches!(world.instance(instance).state, State::Null | State::Expired | State::Terminated);
            let now = if is_new { Amount::ZERO } else { world.evidence.graded(gift.position) };
            amounts[position as usize] = level.max(now);
        }
        Ok(amounts)
    }

    /// The graded amounts of a commitment, as positions in the plan.
    #[must_use]
    pub fn positions_of(&self, instance: InstanceId) -> std::ops::Range<usize> {
        self.view.plan.levels_of(instance)
    }

    /// Whether a commitment is bound, actually or in the hypothesis, with amounts close to the given ones (by
    /// position).
    #[must_use]
    pub fn is_as_good(&self, instance: InstanceId, greatest: &[Amount]) -> bool {
        if !self.bound.contains(instance) && self.view.world.instance(instance).state != State::Detached {
            return false;
        }
        self.levels_of(instance).all(|position| is_close(greatest[position as usize], self.amount(position)))
    }

    /// The events that turn the hypothesis into the actual state.
    #[must_use]
    pub fn events(&self) -> Vec<Event> {
        let View { plan, world, .. } = self.view;
        let mut events = Vec::new();
        for (at, &instance) in self.trail.iter().enumerate() {
            if self.graded.as_ref().is_some_and(|graded| graded.again.contains(&at)) {
                continue;
            }
            match world.instance(instance).state {
                State::Detached => {}
                State::Pending => events.push(Event::Reactivated(instance)),
                State::Null
                | State::Conditional
                | State::Satisfied
                | State::Violated
                | State::Expired
                | State::Terminated => events.push(Event::Detached(instance)),
            }
        }
        for (position, &Level { instance, gift }) in (0..).zip(&plan.levels) {
            let amount = self.amount(position);
            if self.bound.contains(instance) || amount != world.evidence.graded(gift.position) {
                let gift = u32::try_from(gift.number).unwrap_or(u32::MAX);
                events.push(Event::Raised { instance, gift, amount });
            }
        }
        events
    }

    /// The members that an agreement added to a trail of this length, in declaration order.
    #[must_use]
    pub fn members_since(&self, base: usize) -> Vec<InstanceId> {
        self.agreed_since(base).members
    }

    /// The commitments that an agreement could bind, resume or raise; see the section on agreement in docs/model.md.
    #[must_use]
    pub fn candidates(&self) -> Vec<InstanceId> {
        self.view.open().filter(|&instance| !self.bound.contains(instance)).collect()
    }

    /// Queues the commitments whose conditions or levels read quantities that a commitment changes.
    pub(super) fn wake_graded(&mut self, instance: InstanceId) {
        let own = self.levels_of(instance);
        let Self { view, bound, queue, waiting, graded: Some(graded), .. } = self else { return };
        graded.count = 0;
        own.for_each(|position| graded.dirty.insert(InstanceId(position)));
        view.plan.signals_of(view.model, Event::Detached(instance), |signal| {
            wake_signal((*view, &*bound), (queue, waiting), graded, signal, false);
        });
    }

    /// One sweep of settling; returns `false` if nothing was left to evaluate.
    pub(super) fn sweep(&mut self) -> Result<bool, Failure> {
        if self.graded.is_none() {
            return Ok(false);
        }
        let mut positions = Vec::new();
        self.parts().dirty.drain_into(&mut positions);
        let positions: Vec<u32> =
            positions.into_iter().map(|at| at.0).filter(|&position| self.rises(position)).collect();
        if positions.is_empty() {
            return Ok(false);
        }
        let found = self.levels_at(&positions)?;
        let mut last = None;
        for (position, amount) in found {
            if amount > self.amount(position) {
                self.set_amount(position, amount);
                self.note(position);
                last = Some(position);
            }
        }
        if let Some(last) = last {
            self.count_sweep(last)?;
            self.tell(false);
        }
        Ok(true)
    }

    fn count_sweep(&mut self, last: u32) -> Result<(), Failure> {
        let view = self.view;
        let graded = self.parts();
        graded.count += 1;
        if graded.count >= limits::SWEEPS { Err(unsettled(view, last)) } else { Ok(()) }
    }

    /// Whether a graded amount may change: its commitment is detached, or bound in the hypothesis.
    fn rises(&self, position: u32) -> bool {
        let instance = self.view.plan.levels[position as usize].instance;
        let is_bound = self.bound.contains(instance) || self.view.world.instance(instance).state == State::Detached;
        is_bound && self.graded.as_ref().is_some_and(|graded| graded.is_eligible(instance))
    }

    /// The levels of these amounts in the hypothesis.
    fn levels_at(&mut self, positions: &[u32]) -> Result<Vec<(u32, Amount)>, Failure> {
        let Self { view, evidence, graded: Some(graded), work, limit, .. } = self else { return Ok(Vec::new()) };
        let found = graded.sweeps.levels(*view, evidence, positions, work)?.to_vec();
        if *work > *limit { Err(Failure::TooMuchWork { step: view.world.step }) } else { Ok(found) }
    }

    /// Records a changed amount for [`Self::queue_readers`].
    fn note(&mut self, position: u32) {
        let view = self.view;
        self.parts().sweeps.note_change(view, position);
    }

    /// Queues the commitments whose conditions or levels read changed amounts: either the bound ones or the others.
    fn tell(&mut self, bound: bool) {
        let Self { view, bound: set, queue, waiting, graded: Some(graded), .. } = self else { return };
        for slot in graded.sweeps.take_changed() {
            wake_signal((*view, &*set), (queue, waiting), graded, slot, bound);
        }
    }

    /// Binds the greatest agreement among candidates on top of the current hypothesis, with its raised amounts.
    ///
    /// Everything is first bound at its upper limit. Sweeps then remove commitments whose conditions fail and lower
    /// amounts to their levels. Amounts that end close to their former values are reset to these, and the consequences
    /// follow.
    pub(super) fn agree_graded(&mut self, candidates: &[InstanceId]) -> Result<(), Failure> {
        let start = self.trail.len();
        let plan = self.view.plan;
        let graded = self.parts();
        let first_change = graded.changes.len();
        (graded.agreed, graded.count) = (Some((start, first_change)), 0);
        graded.raised.clear();
        let all: Vec<u32> = (0..u32::try_from(plan.levels.len()).expect("the number of gifts is limited")).collect();
        // An instance that is not bound contributes nothing, and its amounts never fall below their current values.
        let floor: Vec<Amount> = all.iter().map(|&position| self.amount(position)).collect();
        let was_bound: Vec<bool> = all.iter().map(|&position| self.counts(position)).collect();
        let view = self.view;
        candidates.iter().filter(|&&instance| view.may_join(instance)).for_each(|&instance| self.bind(instance));
        self.seen = self.trail.len();
        let moving: Vec<u32> = {
            let mut among = InstanceSet::new(self.view.model.instances.len());
            candidates.iter().chain(&self.trail).for_each(|&instance| among.insert(instance));
            all.iter()
                .copied()
                .filter(|&at| among.contains(plan.levels[at as usize].instance) && self.rises(at))
                .collect()
        };
        for &position in &moving {
            let most = self.view.setup.gives[plan.levels[position as usize].gift.position];
            if most > self.amount(position) {
                self.set_amount(position, most);
            }
        }
        let mut is_fixed = vec![true; plan.levels.len()];
        moving.iter().for_each(|&position| is_fixed[position as usize] = false);
        let mut joined: Vec<InstanceId> = self.trail[start..].to_vec();
        moving.iter().for_each(|&position| self.parts().dirty.insert(InstanceId(position)));
        loop {
            self.fall(&joined, &floor, &is_fixed)?;
            if !self.hold(&moving, &floor, &was_bound, &mut is_fixed) {
                break;
            }
            joined.clear();
        }
        let bound = &self.bound;
        self.trail.retain(|&instance| bound.contains(instance));
        self.seen = self.seen.min(start);
        let length = self.trail.len();
        let graded = self.parts();
        graded.marks.truncate(start);
        graded.marks.resize(length, first_change);
        // Detached commitments that are raised are members too.
        for &position in &moving {
            let instance = plan.levels[position as usize].instance;
            let is_more = self.amount(position) > floor[position as usize];
            let is_new = self.bound.contains(instance) && !self.trail[..start].contains(&instance);
            if is_more && !is_new && self.parts().raised.last() != Some(&instance) {
                self.parts().raised.push(instance);
            }
        }
        for instance in self.parts().raised.clone() {
            self.wake_graded(instance);
        }
        Ok(())
    }

    /// Whether an amount counts as bound.
    fn counts(&self, position: u32) -> bool {
        self.evidence.standing(self.view.plan.levels[position as usize].instance).bound
    }

    /// Sweeps down until nothing changes. `joined` are evaluated first, with the marked amounts.
    fn fall(&mut self, joined: &[InstanceId], floor: &[Amount], is_fixed: &[bool]) -> Result<(), Failure> {
        for &instance in joined {
            if !self.waiting.contains(instance) {
                self.waiting.insert(instance);
                self.queue.push(instance);
            }
        }
        loop {
            let mut leaving = Vec::new();
            for instance in std::mem::take(&mut self.queue) {
                self.waiting.remove(instance);
                if self.bound.contains(instance) && !self.agrees(instance)? {
                    leaving.push(instance);
                }
            }
            let mut positions = Vec::new();
            self.parts().dirty.drain_into(&mut positions);
            let positions: Vec<u32> = positions
                .into_iter()
                .map(|at| at.0)
                .filter(|&position| !is_fixed[position as usize] && self.rises(position))
                .collect();
            let found = self.levels_at(&positions)?;
            if leaving.is_empty() && found.is_empty() {
                return Ok(());
            }
            let mut last = None;
            for (position, level) in found {
                let amount = level.max(floor[position as usize]);
                if amount < self.amount(position) {
                    self.set_amount(position, amount);
                    self.note(position);
                    last = Some(position);
                }
            }
            for instance in leaving {
                self.unbind(instance);
                for position in self.levels_of(instance) {
                    let before = floor[position as usize];
                    if self.amount(position) != before {
                        self.set_amount(position, before);
                    }
                }
                let Self { view, bound, queue, waiting, graded: Some(graded), .. } = &mut *self else { return Ok(()) };
                view.plan.signals_of(view.model, Event::Detached(instance), |signal| {
                    wake_signal((*view, &*bound), (queue, waiting), graded, signal, true);
                });
            }
            self.tell(true);
            if let Some(last) = last {
                self.count_sweep(last)?;
            }
        }
    }

    /// Fixes amounts that are close to their former values; returns whether there are any.
    fn hold(&mut self, moving: &[u32], floor: &[Amount], was_bound: &[bool], is_fixed: &mut [bool]) -> bool {
        let mut any = false;
        for &position in moving {
            let at = position as usize;
            if is_fixed[at] || !self.counts(position) {
                continue;
            }
            let least = if was_bound[at] { floor[at] } else { Amount::ZERO };
            let amount = self.amount(position);
            if amount > least && is_close(amount, least) {
                is_fixed[at] = true;
                any = true;
                self.set_amount(position, least);
                self.note(position);
            }
        }
        self.tell(true);
        any
    }

    /// The agreement that was added to a trail of this length.
    pub(super) fn agreed_since(&self, base: usize) -> Agreement {
        let mut members = self.trail[base..].to_vec();
        let Some(graded) = &self.graded else {
            members.sort_unstable();
            return Agreement { members, amounts: Vec::new() };
        };
        members.extend_from_slice(&graded.raised);
        members.sort_unstable();
        members.dedup();
        let mut amounts = Vec::new();
        for &instance in &members {
            amounts.extend(self.levels_of(instance).map(|position| (position, self.amount(position))));
        }
        Agreement { members, amounts }
    }
}
