//! Keystones: the actors whose exit unravels more than their own part.

use super::limits;
use crate::engine::{Failure, Unravelling, View};
use crate::model::{ActorId, InstanceId, State};

/// An actor on whom more rests than its own part.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Keystone {
    /// Who.
    pub actor: ActorId,
    /// What it has detached itself, in declaration order.
    pub own: Vec<InstanceId>,
    /// What would be suspended after its exit, round by round; rounds that suspend nothing on its account are left out.
    pub waves: Vec<Vec<InstanceId>>,
}

/// The keystones of a state, in the actors' order; and whether these are all, as the work allowed.
pub(super) fn keystones(view: View<'_>) -> Result<(Vec<Keystone>, bool), Failure> {
    let View { model, world, .. } = view;
    let mut own: Vec<Vec<InstanceId>> = vec![Vec::new(); model.actors.len()];
    let mut detached = Vec::new();
    for instance in model.instance_ids().filter(|&instance| world.instance(instance).state == State::Detached) {
        own[model.instances[instance.index()].debtor.index()].push(instance);
        detached.push(instance);
    }
    let mut unravelling = Unravelling::on(view).with_work(limits::DETAIL_WORK);
    let baseline = match unravelling.unravel(&[], &detached) {
        Err(Failure::TooMuchWork { .. }) => return Ok((Vec::new(), false)),
        baseline => baseline?,
    };
    unravelling.undo();
    let first = baseline.first().cloned().unwrap_or_default();
    let mut anyway = vec![false; model.instances.len()];
    baseline.iter().flatten().for_each(|instance| anyway[instance.index()] = true);
    let mut keystones = Vec::new();
    for actor in model.actor_ids() {
        let own = std::mem::take(&mut own[actor.index()]);
        if own.is_empty() {
            continue;
        }
        let mut waves = match unravelling.unravel(&own, &first) {
            Err(Failure::TooMuchWork { .. }) => return Ok((keystones, false)),
            waves => waves?,
        };
        unravelling.undo();
        waves.iter_mut().for_each(|wave| wave.retain(|instance| !anyway[instance.index()]));
        waves.retain(|wave| !wave.is_empty());
        if !waves.is_empty() {
            keystones.push(Keystone { actor, own, waves });
        }
    }
    Ok((keystones, true))
}
