//! Whether a compiled model stays valid when its parameters take other values, without reading the document again.
//!
//! The answer is on the safe side: where it is yes, compiling the document with these values would succeed; where it
//! is no, compiling says what is wrong, if anything is.

use std::collections::BTreeSet;

use super::constant;
use super::definitions::expressions;
use super::finish::{all_expressions, key};
use super::interval::{bounds, parameter_intervals_at, quantity_interval};
use super::monotone;
use crate::model::{
    ActorId, Expression, Field, FieldSource, MAX_TOTAL, Model, Node, Parameter, ParameterId, Quantity, Setup, Shape,
    Target, Trigger,
};

/// A model to be checked for many values of its parameters.
#[derive(Clone, Debug)]
pub struct Recheck<'a> {
    model: &'a Model,
    setup: Setup,
    /// By parameter: whether it is drawn, so that its value is not known.
    drawn: Vec<bool>,
    /// By field: whether all that it reads is known before a run.
    known: Vec<bool>,
    /// By actor: whether both of its credits are known before a run.
    known_credits: Vec<bool>,
    /// By flat position of the gift: whether its amount is known before a run.
    known_gives: Vec<bool>,
    /// By commitment.
    debtors: Vec<Vec<ActorId>>,
}

impl<'a> Recheck<'a> {
    /// Prepares a model.
    #[must_use]
    pub fn new(model: &'a Model) -> Self {
        let drawn: Vec<bool> = model
            .parameters
            .iter()
            .map(|parameter| parameter.distribution.is_some() && !parameter.overridden)
            .collect();
        let mut unknown = BTreeSet::new();
        let mut known = Vec::with_capacity(model.fields.len());
        for field in &model.fields {
            let is_drawn = matches!(field.source, FieldSource::Draw { .. });
            let reads_known = !field_expressions(field).any(|expression| {
                expression.nodes.iter().any(|node| match node {
                    Node::Parameter(id) => drawn[id.index()],
                    Node::Read(Quantity::Own(attribute)) => field.owner.is_some_and(|owner| {
                        let at = attribute.index() * model.actors.len() + owner.index();
                        key(Target::Attribute(at)).is_some_and(|key| unknown.contains(&key))
                    }),
                    _ => false,
                })
            });
            if is_drawn || !reads_known {
                unknown.extend(field.targets.iter().filter_map(|&target| key(target)));
            }
            known.push(reads_known);
        }
        let mut debtors = vec![Vec::new(); model.commitments.len()];
        for instance in &model.instances {
            debtors[instance.commitment.index()].push(instance.debtor);
        }
        let is_known = |target: Target| key(target).is_none_or(|key| !unknown.contains(&key));
        let credits = |actor: usize| is_known(Target::CreditOffer(actor)) && is_known(Target::CreditBond(actor));
        Self {
            known_credits: (0..model.actors.len()).map(credits).collect(),
            known_gives: (0..model.gift_count()).map(|at| is_known(Target::Gives(at))).collect(),
            setup: model.setup.clone(),
            model,
            drawn,
            known,
            debtors,
        }
    }

    /// Whether compiling with these values would certainly succeed, everything else being the same.
    #[must_use]
    pub fn holds(&mut self, parameters: &[f64]) -> bool {
        self.setup.restore(&self.model.setup);
        self.setup.parameters.clone_from_slice(parameters);
        let fits =
            |(value, declared): (&f64, &Parameter)| value.is_finite() && (!declared.whole || value.fract() == 0.0);
        parameters.iter().zip(&self.model.parameters).all(fits)
            && self.fields_hold()
            && self.sums_hold()
            && self.constants_hold()
            && self.signs_hold()
    }

    fn fields_hold(&mut self) -> bool {
        for (field, known) in self.model.fields.iter().zip(&self.known) {
            if !known {
                continue;
            }
            let holds = match &field.source {
                FieldSource::Expression(expression) => field
                    .evaluate(expression, self.model, &self.setup)
                    .and_then(|value| field.store(value, &mut self.setup))
                    .is_ok(),
                FieldSource::Draw { distribution, .. } => {
                    field.arguments(distribution, self.model, &self.setup).is_ok_and(|arguments| {
                        distribution.shape == Shape::Normal
                            || arguments.iter().all(|&value| field.domain.contains(value))
                    })
                }
            };
            if !holds {
                return false;
            }
        }
        true
    }

    /// Credits and the total of all amounts, as far as they are known before a run.
    fn sums_hold(&self) -> bool {
        let Setup { credit_offer, credit_bond, gives, .. } = &self.setup;
        let credits = credit_offer.iter().zip(credit_bond).zip(&self.known_credits);
        let amounts = gives.iter().zip(&self.known_gives).filter(|(_, known)| **known);
        let total: i128 = amounts.map(|(amount, _)| i128::from(amount.0)).sum();
        credits.into_iter().all(|((offer, bond), known)| !known || offer <= bond) && total <= i128::from(MAX_TOTAL)
    }

    fn constants_hold(&self) -> bool {
        let value = |id: ParameterId| (!self.drawn[id.index()]).then(|| self.setup.parameters[id.index()]);
        let fields = self.model.fields.iter().flat_map(field_expressions);
        all_expressions(self.model).chain(fields).all(|expression| constant::holds(&expression.nodes, &value))
    }

    fn signs_hold(&self) -> bool {
        let intervals = parameter_intervals_at(self.model, &self.setup.parameters);
        let monotone = self.model.commitments.iter().zip(&self.debtors).all(|(commitment, debtors)| {
            let mut all = commitment.monotone();
            all.all(|(_, expression)| monotone::check(self.model, debtors, expression, &intervals).is_ok())
        });
        let read = |quantity| quantity_interval(self.model, quantity);
        let rates = self.model.shocks.iter().all(|shock| match &shock.trigger {
            Trigger::Rate(rate) => {
                bounds(&rate.nodes, &intervals, &read).last().is_none_or(|root| root.interval().high >= 0.0)
            }
            _ => true,
        });
        monotone && rates
    }
}

fn field_expressions(field: &Field) -> impl Iterator<Item = &Expression> {
    let (one, distribution) = match &field.source {
        FieldSource::Expression(expression) => (Some(expression), None),
        FieldSource::Draw { distribution, .. } => (None, Some(distribution)),
    };
    one.into_iter().chain(distribution.into_iter().flat_map(expressions))
}
