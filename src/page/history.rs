//! The states of a run, step by step, as its log gives them: who waits for whom at a step, and what would open it.

use std::collections::BTreeMap;

use super::limits;
use crate::analysis::{self, Explanation, Question};
use crate::engine::{Checkpoint, Failure, Hypothesis, View};
use crate::model::{Amount, InstanceId, IssueId, Setup, State, World};
use crate::store::Verified;
use crate::trace::number;
use serde_json::{Value, json};

/// The data collected from the states.
struct Watched<'a> {
    verified: &'a Verified,
    /// The interval in steps between collected states.
    stride: u32,
    /// For each instance, the steps at which its state changed and the new state as an index into [`State::ALL`].
    states: Vec<Vec<(u32, usize)>>,
    /// For each collected step, the stances in text form.
    stances: Vec<Value>,
    /// The steps at which the failing conditions of offers changed, with their new texts.
    changes: Vec<(u32, Value)>,
    /// The offers and the text of what each lacked at the latest change.
    latest: Vec<(usize, String)>,
    states_changed: bool,
    lack_bytes: usize,
    failure: Option<Failure>,
}

/// The states of a run, and what its offers lack in them.
pub(super) fn history(verified: &Verified) -> Result<Value, Failure> {
    let (model, _) = verified.course.last();
    let work = u64::from(verified.fold.steps) * model.instances.len().max(1) as u64;
    let stride = u32::try_from(work.div_ceil(limits::LOOKS)).unwrap_or(u32::MAX).max(1);
    let mut watched = Watched {
        verified,
        stride,
        states: vec![Vec::new(); model.instances.len()],
        stances: Vec::new(),
        changes: Vec::new(),
        latest: Vec::new(),
        states_changed: true,
        lack_bytes: 0,
        failure: None,
    };
    walk(verified, &mut |moment, world, setup| watched.observe(moment, world, setup));
    if let Some(failure) = watched.failure {
        return Err(failure);
    }
    let explained = explained(verified, &watched.changes)?;
    let position = |state: State| State::ALL.iter().position(|one| *one == state).unwrap_or(0);
    let last: Vec<usize> = verified.fold.world.instances.iter().map(|own| position(own.state)).collect();
    Ok(json!({
        "stride": stride,
        "names": State::ALL.map(State::name),
        "states": watched.states,
        "last": last,
        "stances": json!({ "issues": model.issues, "steps": watched.stances }),
        "lacks": watched.changes,
        "explained": explained,
    }))
}

/// Replays the log again; it has been verified.
fn walk(verified: &Verified, watch: &mut dyn FnMut(Checkpoint, &World, &Setup)) {
    let folded = verified.course.fold(verified.fold.log.clone(), &verified.recorded, &mut |moment, world, setup| {
        watch(moment, world, setup);
    });
    debug_assert!(folded.is_ok(), "a log that was verified can be folded");
}

impl Watched<'_> {
    fn observe(&mut self, moment: Checkpoint, world: &World, setup: &Setup) {
        let is_last = world.step + 1 == self.verified.fold.steps;
        if self.failure.is_some() || (!world.step.is_multiple_of(self.stride) && !is_last) {
            return;
        }
        match moment {
            Checkpoint::Exchanged => {
                if let Err(failure) = self.see_lacks(world, setup, is_last) {
                    self.failure = Some(failure);
                }
            }
            Checkpoint::Ended => self.see_end(world),
        }
    }

    /// Records what offers lack after the last exchange of a step.
    fn see_lacks(&mut self, world: &World, setup: &Setup, is_last: bool) -> Result<(), Failure> {
        let (model, plan) = self.verified.course.leg(world.step);
        let found = lacks(View { model, plan, setup, world })?;
        if !is_last && found == self.latest && !self.states_changed {
            return Ok(());
        }
        self.states_changed = false;
        self.lack_bytes += found.iter().map(|(_, text)| text.len()).sum::<usize>();
        let shown = self.lack_bytes <= limits::LACK_BYTES || is_last;
        self.changes.push((world.step, if shown { texts(&found) } else { Value::Null }));
        self.latest = found;
        Ok(())
    }

    fn see_end(&mut self, world: &World) {
        for (own, history) in world.instances.iter().zip(&mut self.states) {
            let state = State::ALL.iter().position(|state| *state == own.state).unwrap_or(0);
            if history.last().is_none_or(|(_, before)| *before != state) {
                history.push((world.step, state));
                self.states_changed = true;
            }
        }
        let (model, _) = self.verified.course.last();
        if (self.stances.len() + 1) * world.stances.len() <= limits::STANCES {
            let of = |issue: usize| {
                let stances = model.actor_ids().map(|actor| number(world.stance(actor, IssueId::at(issue))));
                stances.collect::<Vec<_>>()
            };
            self.stances.push(json!([world.step, (0..model.issues.len()).map(of).collect::<Vec<_>>()]));
        }
    }
}

/// The texts of what offers lack, each with the offers that have it.
fn texts(found: &[(usize, String)]) -> Value {
    let mut by_text: Vec<(&str, Vec<usize>)> = Vec::new();
    let mut places = std::collections::BTreeMap::new();
    for (instance, text) in found {
        let at = *places.entry(text.as_str()).or_insert(by_text.len());
        match by_text.get_mut(at) {
            Some((_, instances)) => instances.push(*instance),
            None => by_text.push((text, vec![*instance])),
        }
    }
    json!(by_text)
}

/// The explanations of the steps at which something changed, or of a sample of them that includes the last.
fn explained(verified: &Verified, changes: &[(u32, Value)]) -> Result<Vec<Value>, Failure> {
    let steps: Vec<u32> = changes.iter().map(|(step, _)| *step).collect();
    let Some(&last) = steps.last() else { return Ok(Vec::new()) };
    let mut found: Vec<Value> = Vec::new();
    let mut failure = None;
    let wanted = spread(&steps, limits::UNLOCKED_STEPS);
    let few = spread(&steps, limits::UNLOCKED_STEPS_OF_A_CROWD);
    walk(verified, &mut |moment, world, setup| {
        if moment != Checkpoint::Exchanged || failure.is_some() || steps.binary_search(&world.step).is_err() {
            return;
        }
        let (model, plan) = verified.course.leg(world.step);
        let view = View { model, plan, setup, world };
        let asked = |chosen: &[u32]| chosen.binary_search(&world.step).is_ok() || world.step == last;
        match standing(view, asked(&wanted), asked(&few)) {
            Ok(value) => found.push(value),
            Err(error) => failure = Some(error),
        }
    });
    failure.map_or(Ok(found), Err)
}

/// At most `most` of the steps, evenly spread.
fn spread(steps: &[u32], most: usize) -> Vec<u32> {
    let every = steps.len().div_ceil(most.max(1)).max(1);
    steps.iter().rev().step_by(every).rev().copied().collect()
}

/// The text of what each open offer lacks, by instance.
pub(super) fn lacks(view: View<'_>) -> Result<Vec<(usize, String)>, Failure> {
    let offers = conditional(view);
    if offers.is_empty() {
        return Ok(Vec::new());
    }
    let blocked = analysis::lacks(view, &offers)?;
    Ok(blocked.into_iter().map(|one| (one.commitment.index(), one.text.to_string())).collect())
}

fn conditional(view: View<'_>) -> Vec<InstanceId> {
    let is_open = |instance: &InstanceId| view.world.instance(*instance).state == State::Conditional;
    view.model.instance_ids().filter(is_open).collect()
}

/// Explains a state. Unlock sets are included if the step is among the `wanted` ones or, for a deadlock of many offers,
/// among the `few`.
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

/// The least sufficient amount of each first move, if it is less than the full amount.
fn enough(view: View<'_>, found: &Explanation) -> Vec<Value> {
    let smaller = found.partial.iter().filter(|one| one.least < one.amount);
    let one = |one: &analysis::Partial| {
        let words = |amount| analysis::wording::amount(view.model, one.resource, amount);
        let least = (one.least > Amount::ZERO).then(|| words(one.least.to_units()));
        json!([one.instance.index(), least, words(one.amount.to_units())])
    };
    smaller.take(limits::SETS).map(one).collect()
}

/// The wait-for graph between commitments, with the number of pairs of instances for each edge, and the number of edges
/// left out.
fn waits(view: View<'_>, found: &Explanation) -> (Vec<(usize, usize, usize)>, usize) {
    let commitment = |instance: InstanceId| view.model.instances[instance.index()].commitment.index();
    let mut edges: BTreeMap<(usize, usize), usize> = BTreeMap::new();
    for wait in &found.waits {
        *edges.entry((commitment(wait.from), commitment(wait.to))).or_insert(0) += 1;
    }
    let left_out = edges.len().saturating_sub(limits::WAITS);
    (edges.into_iter().take(limits::WAITS).map(|((from, to), number)| (from, to, number)).collect(), left_out)
}

/// The consequences of first moves in rounds: the moves themselves, then the offers whose conditions hold in the state
/// so far.
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn shown_steps_are_evenly_spread_and_include_the_last() {
        assert_eq!(spread(&[1, 2, 3, 4, 5], 2), [2, 5]);
        assert_eq!(spread(&[1, 2, 3], 40), [1, 2, 3]);
        assert!(spread(&[], 3).is_empty());
    }
}
