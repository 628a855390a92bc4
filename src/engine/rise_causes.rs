//! The causes of rises of graded amounts.
//!
//! The *base* of an amount is the latest event before the settling that changed a quantity read by its `as`, or the
//! event at which its commitment entered its state if that is later. An amount depends on another one if both rise in
//! the settling and its `as` reads `bound` or `assured` of the other's resource in a group with the other's debtor. The
//! cause is the latest base among the amount and all amounts on which it depends directly or indirectly.

use super::cause::Causes;
use super::collections::InstanceSet;
use super::plan::Level;
use super::view::View;
use crate::model::{Amount, InstanceId, Quantity, Seq};

/// The causes of amounts that rise together, given by their positions in the plan, rising.
pub(super) fn causes(causes: &Causes, view: View<'_>, risen: &[(u32, Amount)]) -> Vec<Option<Seq>> {
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
