//! Detects interchangeable moves: exchanging two of them changes nothing but their names.
//!
//! In a cohort of similar actors, a search for a minimum then only has to try how many of them move, and an ensemble of
//! forward runs only has to run one of them.

use super::goal::{Goal, GoalTest};
use crate::engine::View;
use crate::model::{
    Commitment, CommitmentId, Expression, Influence, InstanceId, InstanceState, Model, Moment, Node, Promises,
    Quantity, State, Trigger,
};

/// The equivalence class of each move; moves of one class are interchangeable. May separate moves that are
/// interchangeable.
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
        let dependency = quantity.dependency();
        // An assured amount depends on the trust in the single debtor.
        if dependency.slot().is_some() && dependency.has_trust() {
            return apart;
        }
        if let Some(Promises { commitment, instance }) = dependency.promises() {
            // A commitment that is read as a single instance differs from its siblings.
            if instance.is_some() {
                return apart;
            }
            counted[commitment.index()] = true;
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

/// The number of different declarations that others are compared with.
const KINDS: usize = 64;

fn nodes(commitment: &Commitment) -> Option<&[Node]> {
    commitment.when.as_ref().map(|when| &when.nodes[..])
}

/// Everything in which two moves of the same kind may differ.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
struct Key {
    kind: usize,
    cost: i64,
    in_goal: bool,
    amounts: Vec<i64>,
    slots: Vec<u32>,
    /// What its condition reads of its debtor, as bits of floats.
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
                .flat_map(|gift| [setup.gives[gift.position].0, world.evidence.delivered_amount(gift.position).0])
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

/// The equivalence class of each of some instances, such that exchanging two of a class changes nothing in any future
/// of the state except names and, if the futures have seeds of their own (`independent_seeds`), which of their debtors gets
/// which random numbers. With the run's own seed, debtors with noisy stances are kept apart. May separate instances
/// that are interchangeable.
#[must_use]
pub fn interchangeable(view: View<'_>, instances: &[InstanceId], independent_seeds: bool) -> Vec<u32> {
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
        let is_noisy = setup.volatility[debtor].to_bits() != 0 && !independent_seeds;
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

/// For each actor, whether an expression or rule refers to it alone. `None` if the course of events depends on trust,
/// which relates two actors.
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
    let triggers = triggers.filter_map(Trigger::expression);
    let of_commitments = model.commitments.iter().flat_map(Commitment::expressions);
    let outcomes = model.outcomes.iter().map(|outcome| &outcome.when);
    for quantity in of_commitments.chain(outcomes).chain(triggers).flat_map(Expression::reads) {
        let dependency = quantity.dependency();
        if dependency.has_trust() {
            return None;
        }
        let instance = dependency.promises().and_then(|promises| promises.instance);
        let debtor = instance.map(|instance| model.instances[instance.index()].debtor);
        debtor.into_iter().chain(dependency.actor()).for_each(|actor| named[actor.index()] = true);
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
    let weights = [setup.susceptibility[debtor], setup.volatility[debtor]];
    let credits = [setup.credit_offer[debtor], setup.credit_bond[debtor]];
    numbers.extend(weights.into_iter().chain(credits).map(f64::to_bits));
    // The anchors of the setup matter at the start only, and those of the state are here.
    let tables = [&setup.stances, &setup.attributes, &world.stances, &world.anchors];
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
    let steps = [created, first_detached, detached, settled, suspended].map(Moment::step);
    numbers.extend(steps.map(optional));
    for gift in model.gifts(instance) {
        let by = setup.by.get(gift.position).map_or(0, |by| by.0);
        let delivered_amount =
            [world.evidence.delivered_amount(gift.position), world.evidence.delivered_in_all_rounds(gift.position)];
        let graded = if setup.by.is_empty() { 0 } else { world.evidence.graded(gift.position).0 };
        let amounts = [setup.gives[gift.position].0, by, graded, delivered_amount[0].0, delivered_amount[1].0];
        numbers.extend(amounts.map(i64::cast_unsigned));
    }
    numbers
}
