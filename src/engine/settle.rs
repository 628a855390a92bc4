//! Settling: graded amounts rise in sweeps until none is below its level.
//!
//! A sweep computes the level of every amount from the amounts at its start. An amount is evaluated again only if an
//! input of its `as` has changed since, which gives the same result.

use super::collections::InstanceSet;
use super::decision::View;
use super::failure::Failure;
use super::plan::Level;
use crate::model::{Amount, Columns, Evidence, InstanceId, Reader, Scope, limits};

/// With at least this many amounts of one commitment, their levels are computed together.
const MANY: usize = 6;

/// Working memory.
#[derive(Clone, Debug, Default)]
pub(super) struct Sweeps {
    columns: Columns,
    readers: Vec<Reader>,
    numbers: Vec<f64>,
    /// Slots whose totals have changed in this sweep.
    changed: Vec<u32>,
    is_changed: Vec<bool>,
    /// Positions of levels to evaluate in the next sweep.
    next: InstanceSet,
    /// Positions of levels that have risen, to be returned.
    risen: InstanceSet,
    found: Vec<(u32, Amount)>,
}

impl Sweeps {
    /// The levels of graded amounts, by their positions in the plan, for some evidence. Other quantities are read from
    /// the view.
    pub(super) fn levels(
        &mut self,
        view: View<'_>,
        evidence: &Evidence,
        positions: &[u32],
        work: &mut u64,
    ) -> Result<&[(u32, Amount)], Failure> {
        self.found.clear();
        let kind = |position: &u32| {
            let Level { instance, gift } = view.plan.levels[*position as usize];
            (view.model.instances[instance.index()].commitment, gift.number)
        };
        for alike in positions.chunk_by(|a, b| kind(a) == kind(b)) {
            self.levels_alike(view, evidence, alike, work)?;
        }
        Ok(&self.found)
    }

    /// The levels that share one `as`.
    fn levels_alike(
        &mut self,
        view: View<'_>,
        evidence: &Evidence,
        alike: &[u32],
        work: &mut u64,
    ) -> Result<(), Failure> {
        let View { model, plan, setup, world } = view;
        let at = |position: u32| plan.levels[position as usize];
        let first = at(alike[0]);
        let commitment = model.instances[first.instance.index()].commitment;
        let Some(expression) = model.commitments[commitment.index()].level(first.gift.number) else { return Ok(()) };
        *work = work.saturating_add(plan.level_work[commitment.index()].saturating_mul(alike.len() as u64));
        if *work > limits::WORK {
            return Err(Failure::TooMuchWork { step: world.step });
        }
        let cut = |position: u32, value: f64| {
            let gift = at(position).gift.position;
            (position, Amount::level(value, setup.gives[gift], setup.by[gift]))
        };
        let reader = |position: u32| {
            let instance = at(position).instance;
            Reader { actor: model.instances[instance.index()].debtor, instance }
        };
        let scope = Scope { evidence, ..view.scope() };
        if alike.len() >= MANY {
            self.readers.clear();
            self.readers.extend(alike.iter().map(|&position| reader(position)));
            if self.columns.numbers(expression, &scope, &self.readers, &mut self.numbers) {
                self.found.extend(alike.iter().zip(&self.numbers).map(|(&position, &value)| cut(position, value)));
                return Ok(());
            }
        }
        for &position in alike {
            let scope = Scope { reader: Some(reader(position)), ..scope };
            let value = expression.number(&scope).map_err(|fault| view.failure(fault))?;
            self.found.push(cut(position, value));
        }
        Ok(())
    }

    /// Raises the graded amounts at `positions` and all that follow to their levels in `evidence`; only amounts of
    /// instances that `rise`. Returns the positions of those that rose, in declaration order.
    pub(super) fn settle(
        &mut self,
        view: View<'_>,
        evidence: &mut Evidence,
        positions: &[u32],
        work: &mut u64,
        rise: impl Fn(InstanceId) -> bool,
    ) -> Result<Vec<u32>, Failure> {
        let View { model, plan, setup, world } = view;
        let count = plan.levels.len();
        self.risen.reset(count);
        self.next.reset(count);
        let rises = |position: u32| rise(plan.levels[position as usize].instance);
        let mut positions: Vec<u32> = positions.iter().copied().filter(|&position| rises(position)).collect();
        let mut sweeps = 0;
        while !positions.is_empty() {
            self.levels(view, evidence, &positions, work)?;
            let mut last = None;
            for at in 0..self.found.len() {
                let (position, amount) = self.found[at];
                let Level { instance, gift } = plan.levels[position as usize];
                if amount <= evidence.graded(gift.position) {
                    continue;
                }
                evidence.set_amount(model, setup, instance, gift.number, amount);
                self.risen.insert(InstanceId(position));
                last = Some(position);
                self.note_change(view, position);
            }
            let Some(last) = last else { break };
            sweeps += 1;
            // The last sweep, which raises nothing, counts too.
            if sweeps >= limits::SWEEPS {
                return Err(unsettled(view, last));
            }
            self.take_watchers(view, &mut positions);
            positions.retain(|&position| rises(position));
        }
        debug_assert!(world.step < model.clock.steps, "settling happens in a step");
        let mut risen = Vec::new();
        self.risen.drain_into(&mut risen);
        Ok(risen.into_iter().map(|position| position.0).collect())
    }

    /// Registers a change of a graded amount.
    pub(super) fn note_change(&mut self, view: View<'_>, position: u32) {
        self.is_changed.resize(view.model.slots.len(), false);
        let Level { instance, gift } = view.plan.levels[position as usize];
        for slot in view.model.slots_of(instance, gift.number) {
            if !std::mem::replace(&mut self.is_changed[slot.index()], true) {
                self.changed.push(slot.0);
            }
        }
    }

    /// The slots whose totals have changed since the last call.
    pub(super) fn take_changed(&mut self) -> Vec<u32> {
        let changed = std::mem::take(&mut self.changed);
        changed.iter().for_each(|&slot| self.is_changed[slot as usize] = false);
        changed
    }

    /// The levels that depend on the changes, in declaration order; clears the changes.
    pub(super) fn take_watchers(&mut self, view: View<'_>, out: &mut Vec<u32>) {
        self.next.reset(view.plan.levels.len());
        for slot in self.changed.drain(..) {
            self.is_changed[slot as usize] = false;
            for &position in view.plan.level_watchers.get(slot) {
                self.next.insert(InstanceId(position));
            }
        }
        let mut next = Vec::new();
        self.next.drain_into(&mut next);
        out.clear();
        out.extend(next.into_iter().map(|position| position.0));
    }
}

/// The failure for amounts that keep changing; one of them is at `position`.
pub(super) fn unsettled(view: View<'_>, position: u32) -> Failure {
    let Level { instance, gift } = view.plan.levels[position as usize];
    let path = view.model.commitment_of(instance).level(gift.number).map(|level| level.path.clone());
    Failure::Unsettled { path: path.unwrap_or_default(), step: view.world.step }
}
