//! The rules that the numbers of a model must keep: one set, for the first check of a document and for every other
//! value that its parameters take, which is rechecked without reading the document again.

use std::collections::BTreeSet;
use std::ops::ControlFlow;

use super::constant;
use super::interval::{bounds, parameter_intervals_at, quantity_interval};
use super::monotone::{self, Violation};
use crate::model::{
    Commitment, CommitmentId, Distribution, Expression, Field, FieldError, FieldSource, MAX_TOTAL, Model, Node,
    Parameter, ParameterId, Quantity, Scalar, Setup, Shape, Target, Trigger,
};

/// A broken rule.
#[derive(Debug)]
pub(super) enum Breach {
    /// A field, or an argument of its distribution, has no value, or one outside of its domain.
    Field {
        /// Its position.
        field: usize,
        /// The problem.
        error: FieldError,
    },
    /// The distribution of a field can give a value outside of its domain.
    Support {
        /// The field's position.
        field: usize,
        /// The position of the argument.
        argument: usize,
        /// The value.
        value: f64,
    },
    /// The credit of an actor for an offer is more than that for a bond.
    Credit {
        /// The actor.
        actor: usize,
        /// For an offer.
        offer: f64,
        /// For a bond.
        bond: f64,
    },
    /// With this amount the sum of all is too large.
    Total {
        /// Its flat position.
        gift: usize,
    },
    /// An expression that must be monotone in evidence may fall.
    Sign {
        /// The commitment's position.
        commitment: usize,
        /// The key of the expression.
        key: &'static str,
        /// The dotted path of the expression.
        path: String,
        /// The term and the reason.
        violation: Violation,
    },
    /// The rate of a shock is below 0 in every run.
    Rate {
        /// The shock's position.
        shock: usize,
        /// The largest value that it can have.
        highest: f64,
    },
    /// A constant part of an expression has no value.
    Constant,
    /// A parameter cannot have its value.
    Parameter,
}

/// Receives every broken rule.
pub(super) trait BreachHandler {
    /// Whether a field needs no check, since an error in its shared expression has been reported.
    fn is_settled(&self, field: usize) -> bool;
    /// Takes a broken rule, and returns whether to look for others.
    fn take(&mut self, breach: Breach) -> ControlFlow<()>;
}

/// The kind and position of a value of the setup that may be known before a run.
type Key = (u8, usize);

fn key(target: Target) -> Option<Key> {
    let (kind, at) = if let Target::Attribute(at) = target {
        (0, at)
    } else if let Target::CreditOffer(at) = target {
        (1, at)
    } else if let Target::CreditBond(at) = target {
        (2, at)
    } else if let Target::Gives(at) = target {
        (3, at)
    } else {
        return None;
    };
    Some((kind, at))
}

/// The values of a model that are known before a run.
#[derive(Clone, Debug)]
pub(super) struct Known {
    /// By parameter: whether it is drawn.
    drawn: Vec<bool>,
    /// By field: whether all that it reads is known.
    fields: Vec<bool>,
    /// By actor: whether both of its credits are known.
    credits: Vec<bool>,
    /// By flat position of the gift: whether its amount is known.
    gives: Vec<bool>,
}

impl Known {
    /// The known values of a model, whose fields are in the order of evaluation.
    pub(super) fn of(model: &Model) -> Self {
        let is_drawn = |parameter: &Parameter| parameter.distribution.is_some() && !parameter.overridden;
        let drawn: Vec<bool> = model.parameters.iter().map(is_drawn).collect();
        let mut unknown = BTreeSet::new();
        let mut fields = Vec::with_capacity(model.fields.len());
        for field in &model.fields {
            let reads_known = !field_expressions(field).any(|expression| {
                expression.nodes.iter().any(|node| {
                    if let Node::Parameter(id) = node {
                        return drawn[id.index()];
                    }
                    let (Node::Read(Quantity::Own(attribute)), Some(owner)) = (node, field.owner) else { return false };
                    let at = attribute.index() * model.actors.len() + owner.index();
                    key(Target::Attribute(at)).is_some_and(|key| unknown.contains(&key))
                })
            });
            if !reads_known || matches!(field.source, FieldSource::Draw { .. }) {
                unknown.extend(field.targets.iter().filter_map(|&target| key(target)));
            }
            fields.push(reads_known);
        }
        let is_known = |target: Target| key(target).is_none_or(|key| !unknown.contains(&key));
        let credits = |actor: usize| is_known(Target::CreditOffer(actor)) && is_known(Target::CreditBond(actor));
        Self {
            credits: (0..model.actors.len()).map(credits).collect(),
            gives: (0..model.setup.gives.len()).map(|gift| is_known(Target::Gives(gift))).collect(),
            drawn,
            fields,
        }
    }
}

/// Evaluates the known fields, and checks their values and the rules between values.
pub(super) fn check_values(
    model: &Model,
    known: &Known,
    setup: &mut Setup,
    handler: &mut dyn BreachHandler,
) -> ControlFlow<()> {
    for (at, (field, &is_known)) in model.fields.iter().zip(&known.fields).enumerate() {
        if is_known
            && !handler.is_settled(at)
            && let Err(breach) = evaluate(model, setup, (at, field))
        {
            handler.take(breach)?;
        }
    }
    let credits = setup.credit_offer.iter().zip(setup.credit_bond.iter()).zip(&known.credits);
    for (actor, ((&offer, &bond), &is_known)) in credits.enumerate() {
        if is_known && offer > bond {
            handler.take(Breach::Credit { actor, offer, bond })?;
        }
    }
    let mut total: i128 = 0;
    for (gift, (amount, &is_known)) in setup.gives.iter().zip(&known.gives).enumerate() {
        if is_known {
            total += i128::from(amount.0);
        }
        if total > i128::from(MAX_TOTAL) {
            return handler.take(Breach::Total { gift });
        }
    }
    ControlFlow::Continue(())
}

/// Evaluates a field, or the arguments of its distribution.
fn evaluate(model: &Model, setup: &mut Setup, (at, field): (usize, &Field)) -> Result<(), Breach> {
    let wrong = |error| Breach::Field { field: at, error };
    match &field.source {
        FieldSource::Expression(expression) => {
            let value = field.evaluate(expression, model, setup).map_err(wrong)?;
            field.store(value, model, setup).map_err(wrong)
        }
        FieldSource::Draw { distribution, .. } => {
            let arguments = field.arguments(distribution, model, setup).map_err(wrong)?;
            // A normal distribution is clipped.
            let outside = |value: &f64| distribution.shape != Shape::Normal && !field.domain.contains(*value);
            match arguments.iter().position(outside) {
                None => Ok(()),
                Some(argument) => Err(Breach::Support { field: at, argument, value: arguments[argument] }),
            }
        }
    }
}

/// Checks the rules that depend on signs: conditions are monotone, and no rate is always negative.
pub(super) fn check_signs(model: &Model, parameters: &[f64], handler: &mut dyn BreachHandler) -> ControlFlow<()> {
    let intervals = parameter_intervals_at(model, parameters);
    for (at, commitment) in model.commitments.iter().enumerate() {
        let debtors = &model.instances[model.instances_of(CommitmentId::at(at))];
        for (key, expression) in commitment.monotone() {
            for violation in monotone::violations(model, debtors, expression, &intervals) {
                let path = expression.path.clone();
                handler.take(Breach::Sign { commitment: at, key, path, violation })?;
            }
        }
    }
    let read = |quantity| quantity_interval(model, quantity);
    for (at, shock) in model.shocks.iter().enumerate() {
        let Trigger::Rate(rate) = &shock.trigger else { continue };
        let highest = bounds(&rate.nodes, &intervals, &read).last().map_or(0.0, |root| root.interval().high);
        if highest < 0.0 {
            handler.take(Breach::Rate { shock: at, highest })?;
        }
    }
    ControlFlow::Continue(())
}

/// Checks the values that are given to the parameters, and the constant parts of expressions that read them. The first
/// check of a document does this where a parameter or an expression is read.
pub(super) fn check_parameters(
    model: &Model,
    known: &Known,
    parameters: &[f64],
    handler: &mut dyn BreachHandler,
) -> ControlFlow<()> {
    if !model.parameters.iter().zip(parameters).all(|(parameter, &value)| parameter.takes(value)) {
        handler.take(Breach::Parameter)?;
    }
    let value = |id: ParameterId| (!known.drawn[id.index()]).then(|| parameters[id.index()]);
    for expression in all_expressions(model).chain(model.fields.iter().flat_map(field_expressions)) {
        if !constant::undefined_constants(&expression.nodes, &value).is_empty() {
            handler.take(Breach::Constant)?;
        }
    }
    ControlFlow::Continue(())
}

/// Every expression that is evaluated on a state.
pub(super) fn all_expressions(model: &Model) -> impl Iterator<Item = &Expression> {
    let triggers = model.shocks.iter().map(|shock| &shock.trigger).chain(model.moves.iter().map(|one| &one.trigger));
    let triggers = triggers.filter_map(Trigger::expression);
    let outcomes = model.outcomes.iter().map(|outcome| &outcome.when);
    let metrics = model.metrics.iter().map(|metric| &metric.value);
    model.commitments.iter().flat_map(Commitment::expressions).chain(triggers).chain(outcomes).chain(metrics)
}

fn field_expressions(field: &Field) -> impl Iterator<Item = &Expression> {
    let (one, distribution) = match &field.source {
        FieldSource::Expression(expression) => (Some(&**expression), None),
        FieldSource::Draw { distribution, .. } => (None, Some(&**distribution)),
    };
    one.into_iter().chain(distribution.into_iter().flat_map(argument_expressions))
}

/// The expressions among a distribution's arguments.
fn argument_expressions(distribution: &Distribution) -> impl Iterator<Item = &Expression> {
    distribution.arguments.iter().filter_map(|argument| match argument {
        Scalar::Expression(expression) => Some(expression),
        Scalar::Constant(_) => None,
    })
}

/// A model to be checked for many values of its parameters.
#[derive(Clone, Debug)]
pub struct Recheck<'a> {
    model: &'a Model,
    known: Known,
    setup: Setup,
}

impl<'a> Recheck<'a> {
    /// Prepares a model.
    #[must_use]
    pub fn new(model: &'a Model) -> Self {
        Self { model, known: Known::of(model), setup: (*model.setup).clone() }
    }

    /// Whether compiling with these values would certainly succeed, everything else being the same.
    #[must_use]
    pub fn holds(&mut self, parameters: &[f64]) -> bool {
        let Self { model, known, setup } = self;
        setup.restore(&model.setup);
        setup.parameters.clone_from_slice(parameters);
        let mut first = FirstBreach;
        check_parameters(model, known, parameters, &mut first).is_continue()
            && check_values(model, known, setup, &mut first).is_continue()
            && check_signs(model, parameters, &mut first).is_continue()
    }
}

/// Stops at the first rule that is broken.
struct FirstBreach;

impl BreachHandler for FirstBreach {
    fn is_settled(&self, _: usize) -> bool {
        false
    }

    fn take(&mut self, _: Breach) -> ControlFlow<()> {
        ControlFlow::Break(())
    }
}
