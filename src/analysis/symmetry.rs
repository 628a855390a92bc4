//! Interchangeable moves: exchanging two of them changes nothing but their names.
//!
//! Where many are alike, as in a cohort, a search for a minimum need try only how many of them move.

use super::goal::{Goal, GoalTest};
use crate::engine::View;
use crate::model::{Commitment, CommitmentId, Expression, InstanceId, Node, Quantity, Source, State};

/// A class for each move; moves of the same class are interchangeable. It may miss some that are.
pub(super) fn classes(test: &GoalTest<'_>, moves: &[InstanceId], costs: &[i64]) -> Vec<u32> {
    let apart: Vec<u32> = (0..).take(moves.len()).collect();
    let GoalTest { view: View { model, world, .. }, goal, .. } = test;
    if model.has_graded() || model.commitments.iter().any(|commitment| commitment.resumable) {
        return apart;
    }
    let mut counted = vec![false; model.commitments.len()];
    let whens = model.commitments.iter().filter_map(|commitment| commitment.when.as_ref());
    let outcome = match goal {
        Goal::Outcome(expression) => Some(*expression),
        Goal::Bound(..) => None,
    };
    for quantity in whens.chain(outcome).flat_map(Expression::reads) {
        match quantity.source() {
            // What an actor expects of another depends on its trust in just that one.
            Source::SlotAndTrust(_) => return apart,
            // One instance that is read by itself differs from the others.
            Source::Commitment(c) if c.instance.is_some() => return apart,
            Source::Commitment(c) => counted[c.commitment.index()] = true,
            Source::Fixed
            | Source::Slot(_)
            | Source::Outcome(_)
            | Source::OwnStance(_)
            | Source::Stance(..)
            | Source::Mean(_)
            | Source::Trust
            | Source::Meeting(_)
            | Source::Shock(_)
            | Source::Move(_)
            | Source::MoveOrClock(_)
            | Source::MeetingOrClock(_)
            | Source::ShockOrClock(_)
            | Source::Gap
            | Source::Clock => {}
        }
    }
    let mut promises = vec![0_u32; model.actors.len()];
    model.instances.iter().for_each(|instance| promises[instance.debtor.index()] += 1);
    let mut order: Vec<(Key, usize)> = Vec::new();
    let mut kinds: Vec<CommitmentId> = Vec::new();
    let mut kind_of = vec![None; model.commitments.len()];
    for (at, &instance) in moves.iter().enumerate() {
        let declared = &model.instances[instance.index()];
        let is_plain = promises[declared.debtor.index()] == 1 && world.instance(instance).state == State::Conditional;
        if !is_plain {
            continue;
        }
        let commitment = &model.commitments[declared.commitment.index()];
        let alike = |kind: &CommitmentId| {
            let other = &model.commitments[kind.index()];
            let is_counted = counted[declared.commitment.index()] || counted[kind.index()];
            !is_counted && nodes(other) == nodes(commitment) && other.gives == commitment.gives
        };
        let kind = *kind_of[declared.commitment.index()].get_or_insert_with(|| {
            kinds.iter().take(KINDS).position(alike).unwrap_or_else(|| {
                kinds.push(declared.commitment);
                kinds.len() - 1
            })
        });
        order.push((Key::of(test, instance, kind, costs[at]), at));
    }
    order.sort_unstable();
    let mut classes = apart;
    for pair in order.windows(2) {
        if pair[0].0 == pair[1].0 {
            classes[pair[1].1] = classes[pair[0].1];
        }
    }
    classes
}

/// Different declarations that others are compared with.
const KINDS: usize = 64;

fn nodes(commitment: &Commitment) -> Option<&[Node]> {
    commitment.when.as_ref().map(|when| &when.nodes[..])
}

/// All in which two moves of the same kind may differ.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
struct Key {
    kind: usize,
    cost: i64,
    in_goal: bool,
    amounts: Vec<i64>,
    slots: Vec<u32>,
    /// What its condition reads of its debtor, as bits.
    own: Vec<u64>,
}

impl Key {
    fn of(test: &GoalTest<'_>, instance: InstanceId, kind: usize, cost: i64) -> Self {
        let GoalTest { view: View { model, setup, world, .. }, goal, .. } = test;
        let debtor = model.instances[instance.index()].debtor;
        let gifts = || model.gifts(instance);
        let reads = model.commitment_of(instance).when.as_ref().map(Expression::reads).unwrap_or_default();
        let own = reads.into_iter().filter_map(|quantity| {
            if let Quantity::OwnStance(issue) = quantity {
                Some(world.stance(debtor, issue).to_bits())
            } else if let Quantity::Own(attribute) = quantity {
                Some(setup.attribute(model, debtor, attribute).to_bits())
            } else {
                None
            }
        });
        Self {
            kind,
            cost,
            in_goal: matches!(goal, Goal::Bound(members, _) if members.binary_search(&instance).is_ok()),
            amounts: gifts()
                .flat_map(|gift| [setup.gives[gift.position].0, world.evidence.handed_over(gift.position).0])
                .collect(),
            slots: gifts()
                .flat_map(|gift| {
                    let slots = model.slots_of(instance, gift.number).iter().map(|slot| slot.0);
                    slots.chain(std::iter::once(u32::MAX)).collect::<Vec<_>>()
                })
                .collect(),
            own: own.collect(),
        }
    }
}
