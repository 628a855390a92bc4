//! The greatest agreement of a state: all that can be bound at once.
//!
//! For a set `S` of conditional commitments, `F(S)` are those whose `when` holds if exactly `S` were
//! detached in addition. `F` is monotone, so it has a greatest fixed point (Knaster–Tarski), found by
//! binding everything and taking away, as often as needed, what would not have agreed. Each commitment
//! is looked at again only when evidence that its `when` reads has been taken away (in the manner of
//! Dowling and Gallier 1984).

use super::agenda::InstanceSet;
use super::decide::View;
use super::evolve::standing;
use super::failure::Failure;
use crate::model::{Event, Evidence, InstanceId, State, limits};

/// The greatest agreement among the conditional commitments that are `eligible`, in declaration order.
pub(super) fn greatest(
    view: View<'_>,
    work: &mut u64,
    eligible: impl Fn(InstanceId) -> bool,
) -> Result<Vec<InstanceId>, Failure> {
    let conditional = |instance: &InstanceId| view.world.instance(*instance).state == State::Conditional;
    let mut queue: Vec<InstanceId> =
        view.model.instance_ids().filter(conditional).filter(|&instance| eligible(instance)).collect();
    if queue.is_empty() {
        return Ok(queue);
    }
    let mut evidence = view.world.evidence.clone();
    let mut bound = InstanceSet::new(view.model.instances.len());
    for &instance in &queue {
        bound.insert(instance);
        bind(view, &mut evidence, instance, State::Detached);
    }
    let mut waiting = bound.clone();
    while let Some(instance) = queue.pop() {
        waiting.remove(instance);
        if !bound.contains(instance) || agrees(view, &evidence, work, instance)? {
            continue;
        }
        bound.remove(instance);
        bind(view, &mut evidence, instance, State::Conditional);
        view.plan.signals_of(view.model, Event::Detached(instance), |signal| {
            for &watcher in view.plan.when_watchers.get(signal) {
                let watcher = InstanceId(watcher);
                if bound.contains(watcher) && !waiting.contains(watcher) {
                    waiting.insert(watcher);
                    queue.push(watcher);
                }
            }
        });
    }
    let mut members = Vec::new();
    bound.collect_into(&mut members);
    Ok(members)
}

fn bind(view: View<'_>, evidence: &mut Evidence, instance: InstanceId, state: State) {
    let maintain = view.model.commitment_of(instance).maintain;
    evidence.set_standing(view.model, view.setup, instance, standing(state, maintain));
}

/// Whether the `when` of a commitment holds on hypothetical evidence.
fn agrees(view: View<'_>, evidence: &Evidence, work: &mut u64, instance: InstanceId) -> Result<bool, Failure> {
    let at = view.model.instances[instance.index()].commitment.index();
    *work += view.plan.costs[at].when;
    if *work > limits::WORK {
        return Err(Failure::TooMuchWork { step: view.world.step });
    }
    let Some(when) = &view.model.commitments[at].when else { return Ok(true) };
    let scope = crate::model::Scope { evidence, ..view.scope_of(instance) };
    when.truth(&scope).map_err(|fault| view.failure(fault))
}
