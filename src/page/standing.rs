//! Who waits for whom at a step, and what would open it.

use std::collections::BTreeMap;

use serde_json::{Value, json};

use super::limits;
use crate::analysis::{self, Explanation, Question};
use crate::engine::{Failure, Hypothesis, View};
use crate::model::{Amount, InstanceId, State};
use crate::trace::number;

/// What each offer that stands lacks, by instance.
pub(super) fn lacks(view: View<'_>) -> Result<Vec<(usize, String)>, Failure> {
    let offers = conditional(view);
    if offers.is_empty() {
        return Ok(Vec::new());
    }
    let blocked = analysis::lacks(view, &offers)?;
    Ok(blocked.into_iter().map(|one| (one.commitment.index(), one.text)).collect())
}

fn conditional(view: View<'_>) -> Vec<InstanceId> {
    let is_open = |instance: &InstanceId| view.world.instance(*instance).state == State::Conditional;
    view.model.instance_ids().filter(is_open).collect()
}

/// Explains a state: with unlock sets if it is one of those that are `wanted`, where a crowd is in a deadlock only if it
/// is one of the `few`.
pub(super) fn standing(view: View<'_>, wanted: bool, few: bool) -> Result<Value, Failure> {
    let gap = analysis::gap(view)?;
    let step = view.world.step;
    let asked = if gap.len() > limits::CROWD { few } else { wanted };
    if gap.is_empty() || !asked {
        return Ok(json!({ "step": step, "gap": indices(&gap), "full": gap.is_empty() }));
    }
    let found = analysis::explain(view, &Question::default())?;
    let mut sets = Vec::new();
    for set in found.unlock.sets.iter().take(limits::SETS) {
        let rounds = rounds(view, &set.members)?;
        sets.push(json!({ "cost": number(set.cost.to_units()), "moves": indices(&set.members), "rounds": rounds }));
    }
    let (waits, waits_left_out) = waits(view, &found);
    Ok(json!({
        "step": step,
        "full": true,
        "gap": indices(&gap),
        "waits": waits,
        "waits_complete": found.waits_are_complete && waits_left_out == 0,
        "circles": found.circles.iter().map(|circle| indices(circle)).collect::<Vec<_>>(),
        "unlock": {
            "sets": sets,
            "proved": found.unlock.proved,
            "count": found.unlock.count,
            "count_is_exact": found.unlock.count_is_exact,
            "exists": found.unlock.lower.is_some(),
        },
        "enough": enough(view, &found),
    }))
}

fn indices(instances: &[InstanceId]) -> Vec<usize> {
    instances.iter().map(|instance| instance.index()).collect()
}

/// How much of a first move is enough, where that is less than all of it.
fn enough(view: View<'_>, found: &Explanation) -> Vec<Value> {
    let smaller = found.partial.iter().filter(|one| one.least < one.amount);
    let one = |one: &analysis::Partial| {
        let words = |amount| analysis::wording::amount(view.model, one.resource, amount);
        let least = (one.least > Amount::ZERO).then(|| words(one.least.to_units()));
        json!([one.instance.index(), least, words(one.amount.to_units())])
    };
    smaller.take(limits::SETS).map(one).collect()
}

/// The wait-for graph between commitments, with the number of pairs of instances, and how many edges are left out.
fn waits(view: View<'_>, found: &Explanation) -> (Vec<(usize, usize, usize)>, usize) {
    let commitment = |instance: InstanceId| view.model.instances[instance.index()].commitment.index();
    let mut edges: BTreeMap<(usize, usize), usize> = BTreeMap::new();
    for wait in &found.waits {
        *edges.entry((commitment(wait.from), commitment(wait.to))).or_insert(0) += 1;
    }
    let left_out = edges.len().saturating_sub(limits::WAITS);
    (edges.into_iter().take(limits::WAITS).map(|((from, to), number)| (from, to, number)).collect(), left_out)
}

/// What follows from first moves, round by round: first the moves, then whoever agrees on the state so far.
fn rounds(view: View<'_>, moves: &[InstanceId]) -> Result<Vec<Vec<usize>>, Failure> {
    let mut hypothesis = Hypothesis::on(view);
    hypothesis.exchange()?;
    let mut open = conditional(view);
    let mut rounds = vec![indices(moves)];
    let mut next = moves.to_vec();
    while rounds.len() <= limits::ROUNDS && hypothesis.work() < limits::ROUND_WORK {
        next.iter().for_each(|&instance| hypothesis.bind(instance));
        open.retain(|&instance| !hypothesis.is_bound(instance));
        next.clear();
        for &instance in &open {
            if hypothesis.would_agree(instance)? {
                next.push(instance);
            }
        }
        if next.is_empty() {
            break;
        }
        rounds.push(indices(&next));
    }
    Ok(rounds)
}
