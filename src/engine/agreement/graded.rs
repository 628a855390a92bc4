//! The part of a hypothesis for graded amounts and resumable commitments.

use super::super::collections::InstanceSet;
use super::super::decision::View;
use super::super::settle::Sweeps;
use crate::model::{Amount, InstanceId};

/// The part of a hypothesis for graded amounts, which are identified by their positions in the plan's levels.
#[derive(Clone, Debug)]
pub(super) struct Graded {
    pub(super) sweeps: Sweeps,
    /// The amounts whose levels may have changed.
    pub(super) dirty: InstanceSet,
    /// Every change of an amount with its former value, for undo.
    pub(super) changes: Vec<(u32, Amount)>,
    /// For each entry of the trail, the number of changes before it was bound.
    pub(super) marks: Vec<usize>,
    /// Positions in the trail of commitments that occur in it before, in ascending order.
    pub(super) again: Vec<usize>,
    /// Lengths of the trail and of `changes` before the latest agreement.
    pub(super) agreed: Option<(usize, usize)>,
    /// Members of the latest agreement that were bound before and are raised by it.
    pub(super) raised: Vec<InstanceId>,
    /// The instances that may be bound, resumed or raised; `None` allows all.
    pub(super) eligible: Option<InstanceSet>,
    /// The target amounts of first moves.
    pub(super) targets: Vec<Amount>,
    /// Sweeps since the last external change.
    pub(super) count: u32,
}

impl Graded {
    pub(super) fn new(view: View<'_>) -> Self {
        let count = view.plan.levels.len();
        Self {
            sweeps: Sweeps::default(),
            dirty: InstanceSet::new(count),
            changes: Vec::new(),
            marks: Vec::new(),
            again: Vec::new(),
            agreed: None,
            raised: Vec::new(),
            eligible: None,
            targets: Vec::new(),
            count: 0,
        }
    }

    /// Restricts the instances that may be bound, resumed or raised.
    pub(super) fn restrict(&mut self, members: &[InstanceId]) {
        let count = members.last().map_or(0, |last| last.index() + 1);
        let mut eligible = InstanceSet::new(count);
        members.iter().for_each(|&member| eligible.insert(member));
        self.eligible = Some(eligible);
    }

    pub(super) fn is_eligible(&self, instance: InstanceId) -> bool {
        self.eligible.as_ref().is_none_or(|eligible| eligible.holds(instance))
    }

    pub(super) fn look_at_all(&mut self, view: View<'_>) {
        (0..view.plan.levels.len()).for_each(|position| self.dirty.insert(InstanceId::at(position)));
    }
}

/// Whether an amount is practically equal to its value in the greatest agreement. Rounding to millionths leaves
/// contractions a small interval of fixed points, which is not a deadlock.
pub(super) fn is_close(greatest: Amount, amount: Amount) -> bool {
    let missing = i128::from(greatest.0) - i128::from(amount.0);
    missing <= 1_000 || 1_000 * missing <= i128::from(greatest.0)
}

/// Queues the commitments whose conditions read a signal, and marks the levels that do: either of bound instances or of
/// others.
pub(super) fn wake_signal(
    (view, set): (View<'_>, &InstanceSet),
    (queue, waiting): (&mut Vec<InstanceId>, &mut InstanceSet),
    graded: &mut Graded,
    signal: u32,
    bound: bool,
) {
    let plan = view.plan;
    plan.level_watchers.get(signal).iter().for_each(|&position| graded.dirty.insert(InstanceId(position)));
    for watcher in plan.when_watchers().get(signal).chain(plan.review_watchers().get(signal)) {
        let watcher = InstanceId(watcher);
        if set.contains(watcher) == bound
            && view.may_join(watcher)
            && graded.is_eligible(watcher)
            && !waiting.contains(watcher)
        {
            waiting.insert(watcher);
            queue.push(watcher);
        }
    }
}
