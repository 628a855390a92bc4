//! Interchangeable moves: exchanging two of them changes nothing but their names.
//!
//! Where many are alike, as in a cohort, a search for a minimum need try only how many of them move, and only as many
//! futures need be played.

use super::goal::{Goal, GoalTest};
use crate::engine::View;
use crate::model::{
    Commitment, CommitmentId, Expression, Influence, InstanceId, InstanceState, Model, Node, Promises, Quantity,
    Source, State, Trigger,
};

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

/// A class for each of some instances, such that exchanging two of a class changes nothing in any future of the state
/// but their names and, if `other_luck` is given to the futures, who of their debtors has which luck. Under the run's own
/// luck, debtors whose stances are noisy are told apart. It may miss some that are interchangeable.
#[must_use]
pub fn interchangeable(view: View<'_>, instances: &[InstanceId], other_luck: bool) -> Vec<u32> {
    let apart: Vec<u32> = (0..).take(instances.len()).collect();
    let View { model, setup, .. } = view;
    let Some(named) = named_alone(model) else { return apart };
    let mut promises = vec![0_u32; model.actors.len()];
    model.instances.iter().for_each(|instance| promises[instance.debtor.index()] += 1);
    let mut groups = vec![Vec::new(); model.actors.len()];
    for (at, group) in (0_u64..).zip(&model.groups) {
        group.members.iter().for_each(|member| groups[member.index()].push(at));
    }
    let mut order: Vec<(Vec<u64>, usize)> = Vec::new();
    for (at, &instance) in instances.iter().enumerate() {
        let debtor = model.instances[instance.index()].debtor.index();
        let is_noisy = setup.volatility[debtor].to_bits() != 0 && !other_luck;
        if promises[debtor] == 1 && !named[debtor] && !is_noisy {
            let mut key = groups[debtor].clone();
            key.push(u64::MAX);
            key.extend(numbers(view, instance));
            let made =
                (0_u64..).zip(&model.moves).filter(|(_, one)| one.binds.iter().any(|bind| bind.instance == instance));
            key.extend(made.map(|(which, _)| which));
            order.push((key, at));
        }
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

/// By actor, whether something refers to it alone. None where it depends on trust what happens: that is between two.
fn named_alone(model: &Model) -> Option<Vec<bool>> {
    let mut named = vec![false; model.actors.len()];
    for group in &model.groups {
        if let [one] = group.members[..] {
            named[one.index()] = true;
        }
    }
    for influence in &model.influence {
        match *influence {
            Influence::Own(actor) => named[actor.index()] = true,
            Influence::Tie { on, from } => [on, from].into_iter().for_each(|actor| named[actor.index()] = true),
            Influence::Between(_) => {}
        }
    }
    let triggers = model.shocks.iter().map(|shock| &shock.trigger).chain(model.moves.iter().map(|one| &one.trigger));
    let triggers = triggers.filter_map(|trigger| match trigger {
        Trigger::On(_) => None,
        Trigger::Rate(expression) | Trigger::When { condition: expression, .. } => Some(expression),
    });
    let of_commitments = model.commitments.iter().flat_map(Commitment::expressions);
    let outcomes = model.outcomes.iter().map(|outcome| &outcome.when);
    for quantity in of_commitments.chain(outcomes).chain(triggers).flat_map(Expression::reads) {
        match quantity.source() {
            Source::SlotAndTrust(_) | Source::Trust => return None,
            Source::Commitment(Promises { instance: Some(one), .. }) => {
                named[model.instances[one.index()].debtor.index()] = true;
            }
            Source::Stance(actor, _) => named[actor.index()] = true,
            Source::Commitment(Promises { instance: None, .. })
            | Source::Fixed
            | Source::Slot(_)
            | Source::Outcome(_)
            | Source::OwnStance(_)
            | Source::Mean(_)
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
    Some(named)
}

/// Every number of an instance and of its debtor, in the setup and in the state.
fn numbers(view: View<'_>, instance: InstanceId) -> Vec<u64> {
    let View { model, setup, world, .. } = view;
    let (at, actors) = (instance.index(), model.actors.len());
    let declared = &model.instances[at];
    let debtor = declared.debtor.index();
    let mut numbers = vec![u64::from(declared.commitment.0)];
    let by_actor = [&setup.susceptibility, &setup.volatility, &setup.credit_offer, &setup.credit_bond];
    numbers.extend(by_actor.map(|values| values[debtor].to_bits()));
    let tables = [&setup.stances, &setup.anchors, &setup.attributes, &world.stances, &world.anchors];
    numbers.extend(tables.into_iter().flat_map(|table| table.iter().skip(debtor).step_by(actors).map(|v| v.to_bits())));
    let optional = |number: Option<u32>| number.map_or(u64::MAX, u64::from);
    numbers.extend([u64::from(setup.lead[at]), u64::from(setup.over[at]), setup.expires[at].to_bits()]);
    numbers.extend([optional(setup.grace[at]), optional(setup.due[at])]);
    let InstanceState { state, created, first_detached, detached, settled, suspended, active_since, active_before } =
        *world.instance(instance);
    numbers.extend([
        state as u64,
        u64::from(world.evidence.rounds_of(instance)),
        u64::from(active_since),
        u64::from(active_before),
    ]);
    numbers.extend([created, first_detached, detached, settled, suspended].map(optional));
    for gift in model.gifts(instance) {
        let by = setup.by.get(gift.position).map_or(0, |by| by.0);
        let handed_over = [world.evidence.handed_over(gift.position), world.evidence.handed_over_ever(gift.position)];
        let graded = if setup.by.is_empty() { 0 } else { world.evidence.graded(gift.position).0 };
        let amounts = [setup.gives[gift.position].0, by, graded, handed_over[0].0, handed_over[1].0];
        numbers.extend(amounts.map(i64::cast_unsigned));
    }
    numbers
}
