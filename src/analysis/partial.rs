//! Partial moves: how much of a move would already unlock.

use super::goal::GoalTest;
use super::limits;
use crate::engine::{Failure, Hypothesis, View};
use crate::model::{Amount, InstanceId, ResourceId, Standing};

/// How much of one amount in the smallest unlock set is enough, the others given in full.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Partial {
    /// The move.
    pub instance: InstanceId,
    /// The resource.
    pub resource: ResourceId,
    /// The amount that it promises.
    pub amount: Amount,
    /// The least amount with which the set still unlocks.
    pub least: Amount,
}

impl Partial {
    /// The least share of the amount; 1 of nothing.
    #[must_use]
    pub fn share(&self) -> f64 {
        if self.amount == Amount::ZERO { 1.0 } else { self.least.to_units() / self.amount.to_units() }
    }
}

/// The least amounts for each member of a set that unlocks a goal that more never undoes.
///
/// More evidence never hurts, so the least amount is found exactly by halving whole millionths.
/// What goes beyond [`limits::PARTIAL`] or the budget of work is left out.
pub(super) fn partial(test: &GoalTest<'_>, set: &[InstanceId]) -> Result<Vec<Partial>, Failure> {
    let mut found = Vec::new();
    let mut work = 0;
    for &instance in set.iter().take(limits::PARTIAL) {
        for gift in test.view.model.gifts(instance) {
            let amount = test.view.setup.gives[gift.position];
            let (mut low, mut high) = (0, amount.0);
            while low < high {
                let middle = low + (high - low) / 2;
                match unlocks_with(test, set, (instance, gift.position), Amount(middle), &mut work) {
                    Ok(true) => high = middle,
                    Ok(false) => low = middle + 1,
                    Err(Failure::TooMuchWork { .. }) => return Ok(found),
                    Err(failure) => return Err(failure),
                }
            }
            found.push(Partial { instance, resource: gift.resource, amount, least: Amount(high) });
        }
    }
    Ok(found)
}

/// Whether the set unlocks with another amount of one gift, which then is also all that is offered.
fn unlocks_with(
    test: &GoalTest<'_>,
    set: &[InstanceId],
    (instance, gift): (InstanceId, usize),
    amount: Amount,
    work: &mut u64,
) -> Result<bool, Failure> {
    let View { model, setup, world, .. } = test.view;
    let mut evidence = world.evidence.clone();
    evidence.set_standing(model, setup, instance, Standing::default());
    let mut changed = setup.clone();
    changed.gives[gift] = amount;
    evidence.set_standing(model, &changed, instance, world.evidence.standing(instance));
    let view = View { setup: &changed, ..test.view };
    let mut hypothesis =
        Hypothesis::with_evidence(view, evidence).indexed().with_work(limits::DETAIL_WORK.saturating_sub(*work));
    hypothesis.exchange()?;
    for &member in set {
        hypothesis.bind(member);
    }
    hypothesis.close()?;
    *work = work.saturating_add(hypothesis.work()).saturating_add(model.instances.len() as u64);
    let mut test = GoalTest { view, ..test.clone() };
    test.reached(&hypothesis)
}
