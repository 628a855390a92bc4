//! Upper bounds of the evidence: its values when everything is bound and delivered.

use std::collections::{BTreeMap, BTreeSet};

use super::interval::{Interval, attribute_interval, bounds, field_interval, quantity_interval};
use crate::model::{
    ActorId, Amount, CommitmentId, Expression, InstanceId, Model, Quantity, Range, Reader, ResourceId, SlotId, Target,
};

/// Upper ends of the evidence quantities.
pub(super) struct UpperBounds {
    /// Millionths, by slot.
    slots: Vec<i128>,
    /// Millionths that an actor promises of a resource.
    own: BTreeMap<(ResourceId, ActorId), i128>,
    /// Actors with a gift that counts, by slot.
    parties: Vec<u32>,
    /// Instances of each commitment.
    parameters: Vec<Interval>,
}

impl UpperBounds {
    /// Adds up all promises of a model whose gifts are linked to slots; commitments' instances stand together.
    pub(super) fn new(model: &Model, parameters: Vec<Interval>) -> Self {
        let amounts = amounts(model, &parameters);
        let mut bounds = Self {
            slots: vec![0; model.slots.len()],
            own: BTreeMap::new(),
            parties: vec![0; model.slots.len()],
            parameters,
        };
        let mut counted: BTreeSet<(SlotId, ActorId)> = BTreeSet::new();
        for id in model.instance_ids() {
            let instance = &model.instances[id.index()];
            for gift in model.gifts(id) {
                let amount = amounts.get(gift.position).copied().unwrap_or(0);
                *bounds.own.entry((gift.resource, instance.debtor)).or_default() += amount;
                for &slot in model.slots_of(id, gift.number) {
                    bounds.slots[slot.index()] += amount;
                    if counted.insert((slot, instance.debtor)) {
                        bounds.parties[slot.index()] += 1;
                    }
                }
            }
        }
        bounds
    }

    /// Whether a commitment's condition can hold for one of its debtors; true where that is not known to be wrong.
    pub(super) fn can_hold(&self, model: &Model, commitment: CommitmentId, condition: &Expression) -> bool {
        let range = model.instances_of(commitment);
        let debtors: Vec<ActorId> = model.instances[range.clone()].iter().map(|instance| instance.debtor).collect();
        let owns: BTreeMap<Quantity, Interval> = condition
            .reads()
            .into_iter()
            .filter_map(|quantity| {
                let Quantity::Own(attribute) = quantity else { return None };
                Some((quantity, attribute_interval(model, attribute, &debtors, &self.parameters)))
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
        // What is no evidence, others cannot raise by binding themselves.
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
                    && self.own.contains_key(&(own.resource, reader.actor));
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
            total -= self.own.get(&(declared.resource, reader)).copied().unwrap_or(0);
        }
        i64::try_from(total).map_or(f64::INFINITY, |millionths| Amount(millionths).to_units())
    }
}

/// The most that each gift can be, in millionths.
fn amounts(model: &Model, parameters: &[Interval]) -> Vec<i128> {
    let mut amounts: Vec<i128> = model.setup.gives.iter().map(|amount| i128::from(amount.0)).collect();
    for field in &model.fields {
        let mut high = None;
        for target in &*field.targets {
            if let &Target::Gives(at) = target {
                let high = *high.get_or_insert_with(|| {
                    let interval = field_interval(field, parameters, &|_| Interval::ALL);
                    i128::from(Amount::from_units(interval.high).0)
                });
                amounts[at] = amounts[at].max(high);
            }
        }
    }
    amounts
}
