//! A fork: from a step on, a run continues with another version of its model.

use super::super::plan::Plan;
use super::super::random::RunSeed;
use crate::model::Model;

/// A model with the first step at which it applies.
#[derive(Clone, Copy, Debug)]
pub struct Stage<'a> {
    /// The model; all stages of a run must have the same actors, commitments and other items, with different numbers.
    pub model: &'a Model,
    /// Its plan.
    pub plan: &'a Plan,
    /// The first step; 0 in the first stage.
    pub from: u32,
    /// The seed and replicate from then on; `None` keeps those of the run. Parameters drawn at the start are kept.
    pub run_seed: Option<RunSeed>,
}

/// Whether a run may switch from one model to the other: the same items, with different numbers.
#[must_use]
pub fn may_follow(model: &Model, next: &Model) -> bool {
    let names = |model: &Model| -> Vec<usize> {
        vec![
            model.issues.len(),
            model.resources.len(),
            model.attributes.len(),
            model.meetings.len(),
            model.shocks.len(),
            model.moves.len(),
            model.outcomes.len(),
            model.metrics.len(),
            model.slots.len(),
            model.means.len(),
            model.gift_count(),
        ]
    };
    let same_actors = model.actors.iter().map(|actor| &actor.id).eq(next.actors.iter().map(|actor| &actor.id));
    let same_instances =
        model.instances.iter().map(|instance| &instance.name).eq(next.instances.iter().map(|instance| &instance.name));
    same_actors && same_instances && names(model) == names(next)
}
