//! Partial moves: the least amount of a move that still unlocks.

use super::goal::GoalTest;
use super::limits;
use crate::engine::{Failure, Hypothesis, View};
use crate::model::{Amount, InstanceId, ResourceId, Standing};

/// The least sufficient amount of one resource in an unlock set, with all other amounts given in full.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Partial {
    /// The move.
    pub instance: InstanceId,
    /// The resource.
    pub resource: ResourceId,
    /// The promised amount.
    pub amount: Amount,
    /// The least amount with which the set still unlocks.
    pub least: Amount,
}

/// Appends to `found` the least amounts for each member of a set that unlocks a monotone goal, and returns whether all
/// were found: amounts beyond [`limits::PARTIAL`] or beyond the work limit are left out.
///
/// More evidence never undoes a monotone goal, so bisection over whole millionths is exact.
///
/// `amounts` are the graded amounts of first moves, by position in the plan; they are exact to a step of `by`.
pub(super) fn partial(
    test: &GoalTest<'_>,
    set: &[InstanceId],
    amounts: &[Amount],
    work: &mut u64,
    found: &mut Vec<Partial>,
) -> Result<bool, Failure> {
    for &instance in set {
        if found.len() >= limits::PARTIAL {
            return Ok(false);
        }
        let mut levels = Hypothesis::on(test.view).positions_of(instance);
        for gift in test.view.model.gifts(instance) {
            let is_graded = test.view.model.commitment_of(instance).level(gift.number).is_some();
            let position = if is_graded { levels.next() } else { None };
            let amount = position.map_or(test.view.setup.gives[gift.position], |position| amounts[position]);
            // Bisects over the number of steps; the last step may be shorter than the others.
            let by = if is_graded { test.view.setup.by[gift.position].0 } else { 1 };
            let (mut low, mut high) = (0, amount.0 / by + i64::from(amount.0 % by > 0));
            while low < high {
                let middle = low + (high - low) / 2;
                let tried = Amount((middle * by).min(amount.0));
                let unlocks = match position {
                    Some(position) => {
                        let mut changed = amounts.to_vec();
                        changed[position] = tried;
                        unlocks_at(test, set, &changed, work)
                    }
                    None => unlocks_with(test, set, (instance, gift.position), (tried, amounts), work),
                };
                match unlocks {
                    Ok(true) => high = middle,
                    Ok(false) => low = middle + 1,
                    Err(Failure::TooMuchWork { .. }) => return Ok(false),
                    Err(failure) => return Err(failure),
                }
            }
            found.push(Partial { instance, resource: gift.resource, amount, least: Amount((high * by).min(amount.0)) });
        }
    }
    Ok(true)
}

/// Whether the set unlocks if one gift has this amount, which then is also the offered amount.
fn unlocks_with(
    test: &GoalTest<'_>,
    set: &[InstanceId],
    (instance, gift): (InstanceId, usize),
    (amount, amounts): (Amount, &[Amount]),
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
    hypothesis.set_targets(amounts);
    follow(&mut hypothesis, set, work)?;
    let mut test = GoalTest { view, ..test.clone() };
    test.reached(&hypothesis)
}

/// Whether the set unlocks with these graded amounts.
fn unlocks_at(test: &GoalTest<'_>, set: &[InstanceId], amounts: &[Amount], work: &mut u64) -> Result<bool, Failure> {
    let mut hypothesis = Hypothesis::on(test.view).with_work(limits::DETAIL_WORK.saturating_sub(*work));
    hypothesis.set_targets(amounts);
    follow(&mut hypothesis, set, work)?;
    test.clone().reached(&hypothesis)
}

/// Makes the moves of a set and closes the hypothesis under what follows.
fn follow(hypothesis: &mut Hypothesis<'_>, set: &[InstanceId], work: &mut u64) -> Result<(), Failure> {
    hypothesis.exchange()?;
    set.iter().for_each(|&member| hypothesis.make_move(member));
    hypothesis.close()?;
    *work = work.saturating_add(hypothesis.work()).saturating_add(1);
    Ok(())
}
