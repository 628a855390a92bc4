//! Warnings about valid models that probably do not mean what their author intends, among them conditions that cannot
//! hold even when everything is bound and delivered.

use std::collections::BTreeMap;

use crate::model::{
    ActorId, Amount, CommitmentId, Expression, Influence, InstanceId, Model, Numbers, Quantity, Range, Reader,
    ResourceId, SlotId, State, Target,
};

use super::diagnostic::{Diagnostic, quoted};
use super::interval::{Interval, attribute_interval, bounds, field_interval, parameter_intervals, quantity_interval};
use super::names::Names;
use super::script::Scripts;
use super::toml_tree::Table;

/// The warnings about a complete model.
pub(super) fn warnings(model: &Model, names: &Names, scripts: &Scripts<'_>, root: &Table) -> Vec<Diagnostic> {
    let mut found = never_detached(model, scripts);
    found.extend(unused_groups(names));
    found.extend(swap(model, root));
    found
}

/// Warns of commitments whose `when` is false even if everything is bound and delivered.
fn never_detached(model: &Model, scripts: &Scripts<'_>) -> Vec<Diagnostic> {
    let most = UpperBounds::new(model, parameter_intervals(model));
    let mut warnings = Vec::new();
    for (at, commitment) in model.commitments.iter().enumerate() {
        let Some(when) = &commitment.when else { continue };
        if commitment.initial == State::Detached || most.can_hold(model, CommitmentId::at(at), when) {
            continue;
        }
        let Some(script) = scripts.of(&when.path) else { continue };
        let name = quoted(&commitment.id);
        let message =
            format!("no evidence can ever detach {name}: its `when` is false even if all is bound and delivered");
        let help = "lower what it asks for, or let others promise more";
        let warning = Diagnostic::warning("meaning/hopeless", message, None).help(help);
        warnings.push(script.met(when.root(), scripts.definitions, warning));
    }
    warnings
}

/// Warns of groups that nothing refers to.
fn unused_groups(names: &Names) -> impl Iterator<Item = Diagnostic> {
    names.groups.iter().filter(|group| !group.cohort && !group.used).map(|group| {
        let message = format!("the group {} is never used", quoted(&group.id));
        Diagnostic::warning("meaning/unused-group", message, Some(group.span.clone())).help("use it, or remove it")
    })
}

/// Warns of two actors each of which takes over the stance of the other and no others, so that their stances merely
/// change places from step to step.
fn swap(model: &Model, root: &Table) -> Option<Diagnostic> {
    let setup = &model.setup;
    let swaps = |actor: ActorId| setup.susceptibility[actor.index()] >= 1.0;
    if setup.pace < 1.0 {
        return None;
    }
    let sources = only_sources(model);
    let pair = sources.iter().enumerate().find_map(|(at, source)| {
        let (one, Pull::From(other)) = (ActorId::at(at), *source) else { return None };
        let is_mutual = one < other && sources[other.index()] == Pull::From(one);
        (is_mutual && swaps(one) && swaps(other)).then_some((one, other))
    });
    let (one, other) = pair?;
    // Two single ties are intentional; only with groups is a missing weight on oneself easily overlooked.
    let is_of_a_group = model.influence.iter().any(|entry| match *entry {
        Influence::Between(pairs) => [pairs.first, pairs.second].iter().all(|id| {
            let members = &model.groups[id.index()].members;
            members.contains(&one) && members.contains(&other)
        }),
        Influence::Own(_) | Influence::Tie { .. } => false,
    });
    if !is_of_a_group {
        return None;
    }
    let [one, other] = [one, other].map(|actor| model.actors.id(actor));
    let message = format!("`{one}` and `{other}` only swap their stances: each is influenced by the other only");
    let span = root.get("influence").map(|entry| entry.key_span.clone());
    let help = format!("list the weight of each on itself too, such as `from = \"{one}\", on = \"{one}\"`");
    Some(Diagnostic::warning("meaning/swap", message, span).help(help))
}

/// By actor: the only one whose stance has a weight in its row, if there is only one.
fn only_sources(model: &Model) -> Vec<Pull> {
    let mut sources = vec![Pull::Nobody; model.actors.len()];
    let mut add = |on: ActorId, from: ActorId| {
        let source = &mut sources[on.index()];
        *source = if matches!(*source, Pull::Nobody) || *source == Pull::From(from) {
            Pull::From(from)
        } else {
            Pull::Several
        };
    };
    let entries = model.influence.iter().zip(&model.setup.influence);
    for (entry, _) in entries.filter(|(_, weight)| **weight > 0.0) {
        match *entry {
            Influence::Own(actor) => add(actor, actor),
            Influence::Tie { on, from } => add(on, from),
            Influence::Between(pairs) => {
                let [on, from] = [pairs.first, pairs.second].map(|id| &model.groups[id.index()].members);
                // Three members are enough to distinguish one source from several.
                for &on in on {
                    from.iter().filter(|&&from| from != on).take(3).for_each(|&from| add(on, from));
                }
            }
        }
    }
    sources
}

/// The actors whose stances have a weight in an actor's row.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Pull {
    Nobody,
    From(ActorId),
    Several,
}

/// Upper ends of the evidence quantities.
pub(super) struct UpperBounds {
    /// Millionths, by slot.
    slots: Vec<i128>,
    /// The gifts, by position, in the order of their resources and actors.
    gifts: Vec<(ResourceId, ActorId, u32)>,
    /// The largest possible amount of each gift.
    amounts: Numbers<Amount>,
    /// Actors with a gift that counts, by slot.
    parties: Vec<u32>,
    /// Instances of each commitment.
    parameters: Vec<Interval>,
}

impl UpperBounds {
    /// Adds up all promises of a model whose gifts are linked to slots; commitments' instances stand together.
    pub(super) fn new(model: &Model, parameters: Vec<Interval>) -> Self {
        let amounts = amounts(model, &parameters);
        let mut gifts = Vec::with_capacity(model.gift_count());
        for instance in &model.instances {
            let resources = &model.commitments[instance.commitment.index()].gives;
            gifts.extend((instance.first_gift..).zip(resources).map(|(at, &resource)| (resource, instance.debtor, at)));
        }
        // They are sorted, except for several resources and actors with several promises.
        gifts.sort_unstable();
        let (mut slots, mut parties) = (vec![0; model.slots.len()], vec![0; model.slots.len()]);
        let mut counted: Vec<SlotId> = Vec::new();
        for of_one in gifts.chunk_by(|one, other| (one.0, one.1) == (other.0, other.1)) {
            counted.clear();
            for &(.., gift) in of_one {
                for &slot in model.slots_at(gift as usize) {
                    slots[slot.index()] += i128::from(amounts[gift as usize].0);
                    counted.push(slot);
                }
            }
            counted.sort_unstable();
            counted.dedup();
            counted.iter().for_each(|slot| parties[slot.index()] += 1);
        }
        Self { slots, gifts, amounts, parties, parameters }
    }

    /// What an actor promises of a resource in millionths, if anything.
    fn own(&self, resource: ResourceId, actor: ActorId) -> Option<i128> {
        let from = self.gifts.partition_point(|&(what, who, _)| (what, who) < (resource, actor));
        let own = self.gifts[from..].iter().take_while(|&&(what, who, _)| (what, who) == (resource, actor));
        own.map(|&(.., gift)| i128::from(self.amounts[gift as usize].0)).reduce(|sum, amount| sum + amount)
    }

    /// Whether the condition of a commitment can hold for one of its debtors; `true` if that cannot be excluded.
    pub(super) fn can_hold(&self, model: &Model, commitment: CommitmentId, condition: &Expression) -> bool {
        let range = model.instances_of(commitment);
        let instances = &model.instances[range.clone()];
        let owns: BTreeMap<Quantity, Interval> = condition
            .reads()
            .into_iter()
            .filter_map(|quantity| {
                let Quantity::Own(attribute) = quantity else { return None };
                Some((quantity, attribute_interval(model, attribute, instances, &self.parameters)))
            })
            .collect();
        range.clone().map(InstanceId::at).any(|instance| {
            let reader = Reader { actor: model.instances[instance.index()].debtor, instance };
            let read = |quantity| match owns.get(&quantity) {
                Some(&interval) => interval,
                None => self.interval(model, commitment, reader, quantity),
            };
            bounds(&condition.nodes, &self.parameters, &read).last().is_none_or(|root| root.truth().1)
        }) || range.start == range.end
    }

    fn interval(&self, model: &Model, asking: CommitmentId, reader: Reader, quantity: Quantity) -> Interval {
        // Other quantities cannot rise as others bind themselves.
        if !quantity.is_evidence() {
            return quantity_interval(model, quantity);
        }
        let up_to = |high: f64| Interval { low: 0.0, high };
        match quantity.range() {
            Range::Amount(slot) => up_to(self.amount(model, slot, reader.actor)),
            // Its sum is rounded at every actor.
            Range::Expected(slot) => up_to(self.amount(model, slot, reader.actor) * (1.0 + 1e-9)),
            Range::Actors(slot) => {
                let own = model.slots[slot.index()];
                let counts = model.groups[own.group.index()].contains(reader.actor)
                    && self.own(own.resource, reader.actor).is_some();
                up_to(f64::from(self.parties[slot.index()] - u32::from(counts)))
            }
            Range::Instances(commitment) => {
                let all = commitment.instances(model);
                let asks = match commitment.instance {
                    Some(one) => one == reader.instance,
                    None => commitment.commitment == asking,
                };
                let others = all.len() - usize::from(asks);
                up_to(f64::from(u32::try_from(others).unwrap_or(u32::MAX)))
            }
            Range::Any
            | Range::NonNegative
            | Range::Unit
            | Range::FromOne
            | Range::Times
            | Range::Step
            | Range::Steps
            | Range::Data(_) => quantity_interval(model, quantity),
        }
    }

    fn amount(&self, model: &Model, slot: SlotId, reader: ActorId) -> f64 {
        let declared = model.slots[slot.index()];
        let mut total = self.slots[slot.index()];
        if model.groups[declared.group.index()].contains(reader) {
            total -= self.own(declared.resource, reader).unwrap_or(0);
        }
        i64::try_from(total).map_or(f64::INFINITY, |millionths| Amount(millionths).to_units())
    }
}

/// The largest possible amount of each gift.
fn amounts(model: &Model, parameters: &[Interval]) -> Numbers<Amount> {
    let mut amounts = model.setup.gives.clone();
    for field in &model.fields {
        let mut high = None;
        for target in &*field.targets {
            if let &Target::Gives(at) = target {
                let high = *high.get_or_insert_with(|| {
                    let interval = field_interval(field, parameters, &|_| Interval::ALL);
                    Amount::from_units(interval.high)
                });
                amounts.set(at, amounts[at].max(high));
            }
        }
    }
    amounts
}
