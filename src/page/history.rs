//! The states of a run, step by step, as its log gives them.

use serde_json::{Value, json};

use super::limits;
use super::standing::{lacks, standing};
use crate::engine::{Checkpoint, Failure, View};
use crate::model::{IssueId, Setup, State, World};
use crate::store::Verified;
use crate::trace::number;

/// What is kept of the states on the way.
struct Watched<'a> {
    verified: &'a Verified,
    /// Every how many steps a state is looked at.
    stride: u32,
    /// By instance: from which step on it was in which state, as its place in [`State::ALL`].
    states: Vec<Vec<(u32, usize)>>,
    /// By step that was looked at: the stances, as they are written.
    stances: Vec<Value>,
    /// Steps at which what stands in the way is other than before, and what that is.
    changes: Vec<(u32, Value)>,
    /// What lay behind the latest change: the offers and what each lacks.
    latest: Vec<(usize, String)>,
    states_changed: bool,
    lack_bytes: usize,
    failure: Option<Failure>,
}

/// The states of a run on the way, and what stands in the way of its offers.
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
    walk(verified, &mut |moment, world, setup| watched.see(moment, world, setup));
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

/// Folds the log once more; it has been verified.
fn walk(verified: &Verified, watch: &mut dyn FnMut(Checkpoint, &World, &Setup)) {
    let folded = verified.course.fold(verified.fold.log.clone(), &verified.recorded, &mut |moment, world, setup| {
        watch(moment, world, setup);
    });
    debug_assert!(folded.is_ok(), "a log that was verified can be folded");
}

impl Watched<'_> {
    fn see(&mut self, moment: Checkpoint, world: &World, setup: &Setup) {
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

    /// What stands in the way after the last exchange of a step.
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

/// What offers lack: each text once, and who lacks it.
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

/// The explanations of the steps at which something changed, or of some of them, the last always.
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

/// At most so many of some steps, evenly spread.
fn spread(steps: &[u32], most: usize) -> Vec<u32> {
    let every = steps.len().div_ceil(most.max(1)).max(1);
    steps.iter().rev().step_by(every).rev().copied().collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn steps_are_spread_and_the_last_is_kept() {
        assert_eq!(spread(&[1, 2, 3, 4, 5], 2), [2, 5]);
        assert_eq!(spread(&[1, 2, 3], 40), [1, 2, 3]);
        assert!(spread(&[], 3).is_empty());
    }
}
