//! Numeric fields that differ between runs: expressions over parameters, and distributions.

use super::expression::{Expression, NotANumber, Quantity, Values};
use super::ids::{ActorId, DrawId, ParameterId};
use super::{Amount, MAX_AMOUNT, Model, Setup};

/// Largest weight, volatility and the like: as many of them as there can be still add up to a finite number.
pub(super) const LARGEST: f64 = 1e100;

/// What a number in a scenario may be.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Domain {
    /// Any finite number.
    Any,
    /// From 0 to 1.
    Unit,
    /// More than 0 and at most 1.
    Pace,
    /// More than 0.
    Positive,
    /// From 0 to 10¹⁰⁰.
    NonNegative,
    /// An amount: from 0 to [`MAX_AMOUNT`].
    Amount,
    /// A whole number from this one to 2³² − 2.
    Whole(u32),
}

impl Domain {
    /// Whether `value` lies in it.
    #[must_use]
    pub fn contains(self, value: f64) -> bool {
        value.is_finite()
            && match self {
                Self::Any => true,
                Self::Unit => (0.0..=1.0).contains(&value),
                Self::Pace => value > 0.0 && value <= 1.0,
                Self::Positive => value > 0.0,
                Self::NonNegative => (0.0..=LARGEST).contains(&value),
                Self::Amount => (0.0..=MAX_AMOUNT).contains(&value),
                Self::Whole(least) => {
                    value >= f64::from(least)
                        && value < f64::from(u32::MAX)
                        && libm::trunc(value).to_bits() == value.to_bits()
                }
            }
    }

    /// The nearest value inside it, for a normal distribution.
    #[must_use]
    pub fn clip(self, value: f64) -> f64 {
        match self {
            Self::Any => value,
            Self::Unit => value.clamp(0.0, 1.0),
            Self::Pace => value.clamp(f64::MIN_POSITIVE, 1.0),
            Self::Positive => value.max(f64::MIN_POSITIVE),
            Self::NonNegative => value.clamp(0.0, LARGEST),
            Self::Amount => value.clamp(0.0, MAX_AMOUNT),
            Self::Whole(least) => value.max(f64::from(least)),
        }
    }

    /// In words, after 'must be'.
    #[must_use]
    pub fn description(self) -> String {
        match self {
            Self::Any => "a finite number".into(),
            Self::Unit => "from 0 to 1".into(),
            Self::Pace => "more than 0 and at most 1".into(),
            Self::Positive => "more than 0".into(),
            Self::NonNegative => "0 or more, and at most 1e100".into(),
            Self::Amount => "from 0 to 1e12".into(),
            Self::Whole(least) => format!("a whole number from {least}"),
        }
    }
}

/// A number, or an expression over what is known before step 0.
#[derive(Clone, Debug, PartialEq)]
pub enum Scalar {
    /// A number as written.
    Constant(f64),
    /// An expression.
    Expression(Expression),
}

/// The shape of a distribution.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Shape {
    /// `uniform = [lo, hi]`
    Uniform,
    /// `triangular = [lo, mode, hi]`
    Triangular,
    /// `normal = [mean, sd]`, clipped to the field's domain
    Normal,
    /// `choice = [a, b, …]`, each as likely
    Choice,
}

/// A distribution with its arguments.
#[derive(Clone, Debug, PartialEq)]
pub struct Distribution {
    /// Its shape.
    pub shape: Shape,
    /// Its arguments, in the order of the file.
    pub arguments: Vec<Scalar>,
}

/// Where a field's value comes from.
#[derive(Clone, Debug, PartialEq)]
pub enum FieldSource {
    /// An expression over parameters.
    Expression(Expression),
    /// A distribution, drawn before step 0.
    Draw {
        /// Which draw.
        draw: DrawId,
        /// What it is drawn from.
        distribution: Distribution,
    },
}

/// Where a field's value goes: a place in the [`Setup`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
#[expect(missing_docs, reason = "each is the field of `Setup` of that name, at that position")]
pub enum Target {
    Parameter(ParameterId),
    Stance(usize),
    Anchor(usize),
    Susceptibility(usize),
    Volatility(usize),
    CreditOffer(usize),
    CreditBond(usize),
    Attribute(usize),
    Pace,
    TrustDefault,
    TrustStrength,
    TrustKept,
    TrustBroken,
    TrustSuspended,
    TrustWitness,
    TrustPair(usize),
    Influence(usize),
    Gives(usize),
    Lead(usize),
    Over(usize),
    Grace(usize),
    Due(usize),
    Cost(usize),
    Success(usize),
    MeetingInfluence(usize),
    Effect(usize),
}

/// A numeric field that is an expression or a distribution.
#[derive(Clone, Debug, PartialEq)]
pub struct Field {
    /// Where its value goes.
    pub targets: Vec<Target>,
    /// Where its value comes from.
    pub source: FieldSource,
    /// What it may be.
    pub domain: Domain,
    /// Its dotted path, with `/actor` for a cohort's member or a group's instance.
    pub path: String,
    /// The debtor, in a commitment's fields.
    pub owner: Option<ActorId>,
    /// `index` and `size`, in a cohort's fields.
    pub member: Option<(u32, u32)>,
}

/// Why a field has no value in a run.
#[derive(Clone, Debug, PartialEq)]
pub enum FieldError {
    /// A part of its expression is not a number.
    NotANumber(NotANumber),
    /// Its value is outside of its domain.
    Domain {
        /// The field's path.
        path: String,
        /// The value.
        value: f64,
        /// The domain in words.
        domain: String,
    },
    /// The arguments of its distribution are out of order.
    Arguments {
        /// The field's path.
        path: String,
        /// What is wrong.
        what: &'static str,
    },
}

/// What a numeric field's expression may read.
struct FieldValues<'a> {
    model: &'a Model,
    setup: &'a Setup,
    field: &'a Field,
}

impl Values for FieldValues<'_> {
    fn parameter(&self, parameter: ParameterId) -> f64 {
        self.setup.parameters[parameter.index()]
    }

    fn read(&self, quantity: Quantity) -> f64 {
        match (quantity, self.field.owner, self.field.member) {
            (Quantity::Own(attribute), Some(owner), _) => self.setup.attribute(self.model, owner, attribute),
            (Quantity::Index, _, Some((index, _))) => f64::from(index),
            (Quantity::Size, _, Some((_, size))) => f64::from(size),
            _ => f64::NAN,
        }
    }
}

impl Field {
    /// The value of an expression in this field's place.
    ///
    /// # Errors
    /// [`FieldError::NotANumber`] where a part of it is not a number.
    pub fn evaluate(&self, expression: &Expression, model: &Model, setup: &Setup) -> Result<f64, FieldError> {
        expression.number(&FieldValues { model, setup, field: self }).map_err(FieldError::NotANumber)
    }

    /// The arguments of its distribution in this run, checked.
    ///
    /// # Errors
    /// A [`FieldError`] where one is not a finite number or they are out of order.
    pub fn arguments(&self, distribution: &Distribution, model: &Model, setup: &Setup) -> Result<Vec<f64>, FieldError> {
        let mut values = Vec::with_capacity(distribution.arguments.len());
        for argument in &distribution.arguments {
            values.push(match argument {
                Scalar::Constant(value) => *value,
                Scalar::Expression(expression) => self.evaluate(expression, model, setup)?,
            });
        }
        match distribution.shape.check(&values) {
            Ok(()) => Ok(values),
            Err(what) => Err(FieldError::Arguments { path: self.path.clone(), what }),
        }
    }

    /// Checks a value against the domain and puts it in its places.
    ///
    /// # Errors
    /// [`FieldError::Domain`] if it lies outside.
    pub fn store(&self, value: f64, setup: &mut Setup) -> Result<(), FieldError> {
        if !self.domain.contains(value) {
            let domain = self.domain.description();
            return Err(FieldError::Domain { path: self.path.clone(), value, domain });
        }
        for &target in &self.targets {
            setup.set(target, value);
        }
        Ok(())
    }
}

impl Shape {
    /// The shape of that name.
    #[must_use]
    pub fn named(name: &str) -> Option<Self> {
        match name {
            "uniform" => Some(Self::Uniform),
            "triangular" => Some(Self::Triangular),
            "normal" => Some(Self::Normal),
            "choice" => Some(Self::Choice),
            _ => None,
        }
    }

    /// Checks that arguments are finite and in order.
    ///
    /// # Errors
    /// What is wrong, in words.
    pub fn check(self, arguments: &[f64]) -> Result<(), &'static str> {
        if arguments.iter().any(|value| !value.is_finite()) {
            return Err("its arguments must be finite numbers");
        }
        if let (Self::Uniform | Self::Triangular, [low, .., high]) = (self, arguments)
            && !(high - low).is_finite()
        {
            return Err("its ends are further apart than a number can tell");
        }
        match (self, arguments) {
            (Self::Uniform, [low, high]) if low <= high => Ok(()),
            (Self::Uniform, [_, _]) => Err("`uniform` takes the lower end first"),
            (Self::Uniform, _) => Err("`uniform` takes two numbers, `[lo, hi]`"),
            (Self::Triangular, [low, mode, high]) if low <= mode && mode <= high => Ok(()),
            (Self::Triangular, [_, _, _]) => Err("`triangular` takes its numbers in rising order"),
            (Self::Triangular, _) => Err("`triangular` takes three numbers, `[lo, mode, hi]`"),
            (Self::Normal, [_, deviation]) if *deviation >= 0.0 => Ok(()),
            (Self::Normal, [_, _]) => Err("a standard deviation is 0 or more"),
            (Self::Normal, _) => Err("`normal` takes two numbers, `[mean, sd]`"),
            (Self::Choice, []) => Err("`choice` takes at least one number"),
            (Self::Choice, _) => Ok(()),
        }
    }
}

impl Setup {
    /// Takes on another's numbers, keeping the memory. Both are of the same model.
    pub fn restore(&mut self, other: &Self) {
        let Self {
            parameters,
            stances,
            anchors,
            susceptibility,
            volatility,
            credit_offer,
            credit_bond,
            attributes,
            pace,
            trust_default,
            trust_strength,
            trust_kept,
            trust_broken,
            trust_suspended,
            trust_witness,
            trust_pairs,
            influence,
            gives,
            lead,
            over,
            grace,
            due,
            cost,
            success,
            meeting_influence,
            effects,
        } = self;
        parameters.clone_from(&other.parameters);
        stances.clone_from(&other.stances);
        anchors.clone_from(&other.anchors);
        susceptibility.clone_from(&other.susceptibility);
        volatility.clone_from(&other.volatility);
        credit_offer.clone_from(&other.credit_offer);
        credit_bond.clone_from(&other.credit_bond);
        attributes.clone_from(&other.attributes);
        *pace = other.pace;
        *trust_default = other.trust_default;
        *trust_strength = other.trust_strength;
        *trust_kept = other.trust_kept;
        *trust_broken = other.trust_broken;
        *trust_suspended = other.trust_suspended;
        *trust_witness = other.trust_witness;
        trust_pairs.clone_from(&other.trust_pairs);
        influence.clone_from(&other.influence);
        gives.clone_from(&other.gives);
        lead.clone_from(&other.lead);
        over.clone_from(&other.over);
        grace.clone_from(&other.grace);
        due.clone_from(&other.due);
        cost.clone_from(&other.cost);
        success.clone_from(&other.success);
        meeting_influence.clone_from(&other.meeting_influence);
        effects.clone_from(&other.effects);
    }

    /// The numbers of `other` that differ from these, to the bit: set here, they make this setup the other. None where
    /// that cannot be said so, since the two are of different shapes, only one has a deadline, or an amount is too large
    /// for its units to be exact.
    #[must_use]
    pub fn differing(&self, other: &Self) -> Option<Vec<(Target, f64)>> {
        let (ours, theirs) = (self.entries(), other.entries());
        let is_same_shape = ours.iter().map(|entry| entry.0).eq(theirs.iter().map(|entry| entry.0));
        let differing = ours.iter().zip(&theirs).filter(|(a, b)| a.1 != b.1);
        let settings = differing.map(|(a, b)| a.2.and(b.2).map(|value| (b.0, value)));
        if is_same_shape { settings.collect() } else { None }
    }

    /// Every number: its place, its identity, and what `set` takes to put it there, where there is such a thing.
    fn entries(&self) -> Vec<(Target, u64, Option<f64>)> {
        let Self {
            parameters,
            stances,
            anchors,
            susceptibility,
            volatility,
            credit_offer,
            credit_bond,
            attributes,
            pace,
            trust_default,
            trust_strength,
            trust_kept,
            trust_broken,
            trust_suspended,
            trust_witness,
            trust_pairs,
            influence,
            gives,
            lead,
            over,
            grace,
            due,
            cost,
            success,
            meeting_influence,
            effects,
        } = self;
        let mut all = Vec::new();
        let mut numbers = |values: &[f64], target: fn(usize) -> Target| {
            all.extend(values.iter().enumerate().map(|(at, value)| (target(at), value.to_bits(), Some(*value))));
        };
        numbers(parameters, |at| Target::Parameter(ParameterId::at(at)));
        numbers(stances, Target::Stance);
        numbers(anchors, Target::Anchor);
        numbers(susceptibility, Target::Susceptibility);
        numbers(volatility, Target::Volatility);
        numbers(credit_offer, Target::CreditOffer);
        numbers(credit_bond, Target::CreditBond);
        numbers(attributes, Target::Attribute);
        numbers(&[*pace], |_| Target::Pace);
        numbers(&[*trust_default], |_| Target::TrustDefault);
        numbers(&[*trust_strength], |_| Target::TrustStrength);
        numbers(&[*trust_kept], |_| Target::TrustKept);
        numbers(&[*trust_broken], |_| Target::TrustBroken);
        numbers(&[*trust_suspended], |_| Target::TrustSuspended);
        numbers(&[*trust_witness], |_| Target::TrustWitness);
        numbers(trust_pairs, Target::TrustPair);
        numbers(influence, Target::Influence);
        numbers(cost, Target::Cost);
        numbers(success, Target::Success);
        numbers(meeting_influence, Target::MeetingInfluence);
        numbers(effects, Target::Effect);
        all.extend(
            gives.iter().enumerate().map(|(at, amount)| (Target::Gives(at), amount.0.cast_unsigned(), exact(*amount))),
        );
        let mut whole = |at: usize, target: fn(usize) -> Target, value: Option<u32>| {
            all.push((target(at), value.map_or(u64::MAX, u64::from), value.map(f64::from)));
        };
        lead.iter().enumerate().for_each(|(at, steps)| whole(at, Target::Lead, Some(*steps)));
        over.iter().enumerate().for_each(|(at, steps)| whole(at, Target::Over, Some(*steps)));
        grace.iter().enumerate().for_each(|(at, steps)| whole(at, Target::Grace, *steps));
        due.iter().enumerate().for_each(|(at, steps)| whole(at, Target::Due, *steps));
        all
    }

    /// Puts a checked value in its place.
    pub fn set(&mut self, target: Target, value: f64) {
        // Parameters and attributes are what the file says; a share, a weight or an amount of −0 is 0.
        let given = value;
        let value = value + 0.0;
        match target {
            Target::Parameter(parameter) => self.parameters[parameter.index()] = given,
            Target::Stance(at) => self.stances[at] = value,
            Target::Anchor(at) => self.anchors[at] = value,
            Target::Susceptibility(at) => self.susceptibility[at] = value,
            Target::Volatility(at) => self.volatility[at] = value,
            Target::CreditOffer(at) => self.credit_offer[at] = value,
            Target::CreditBond(at) => self.credit_bond[at] = value,
            Target::Attribute(at) => self.attributes[at] = given,
            Target::Pace => self.pace = value,
            Target::TrustDefault => self.trust_default = value,
            Target::TrustStrength => self.trust_strength = value,
            Target::TrustKept => self.trust_kept = value,
            Target::TrustBroken => self.trust_broken = value,
            Target::TrustSuspended => self.trust_suspended = value,
            Target::TrustWitness => self.trust_witness = value,
            Target::TrustPair(at) => self.trust_pairs[at] = value,
            Target::Influence(at) => self.influence[at] = value,
            Target::Gives(at) => self.gives[at] = Amount::from_units(value),
            Target::Lead(at) => self.lead[at] = whole(value),
            Target::Over(at) => self.over[at] = whole(value),
            Target::Grace(at) => self.grace[at] = Some(whole(value)),
            Target::Due(at) => self.due[at] = Some(whole(value)),
            Target::Cost(at) => self.cost[at] = value,
            Target::Success(at) => self.success[at] = value,
            Target::MeetingInfluence(at) => self.meeting_influence[at] = value,
            Target::Effect(at) => self.effects[at] = value,
        }
    }
}

/// An amount in units, where these say it exactly.
fn exact(amount: Amount) -> Option<f64> {
    let units = amount.to_units();
    (Amount::from_units(units) == amount).then_some(units)
}

/// A number that [`Domain::Whole`] has let pass.
#[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "the domain is that of a u32")]
fn whole(value: f64) -> u32 {
    value as u32
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A setup with one number of each kind.
    fn setup() -> Setup {
        Setup {
            parameters: vec![0.5],
            stances: vec![0.5],
            anchors: vec![f64::NAN],
            susceptibility: vec![0.5],
            volatility: vec![0.5],
            credit_offer: vec![0.5],
            credit_bond: vec![0.5],
            attributes: vec![f64::NAN],
            pace: 0.5,
            trust_default: 0.5,
            trust_strength: 0.5,
            trust_kept: 0.5,
            trust_broken: 0.5,
            trust_suspended: 0.5,
            trust_witness: 0.5,
            trust_pairs: vec![0.5],
            influence: vec![0.5],
            gives: vec![Amount::from_units(0.5)],
            lead: vec![0],
            over: vec![3],
            grace: vec![Some(3)],
            due: vec![Some(3)],
            cost: vec![0.5],
            success: vec![0.5],
            meeting_influence: vec![0.5],
            effects: vec![-0.0],
        }
    }

    #[test]
    fn settings_say_every_difference() {
        let base = setup();
        assert_eq!(base.differing(&base), Some(vec![]));
        let targets: Vec<Target> = base.entries().iter().map(|entry| entry.0).collect();
        assert_eq!(targets.len(), 26);
        for target in targets {
            let mut other = base.clone();
            other.set(target, 1.0);
            assert_eq!(base.differing(&other), Some(vec![(target, 1.0)]), "{target:?}");
        }
        // The sign of a zero is a difference.
        assert_eq!(base.differing(&Setup { effects: vec![0.0], ..setup() }), Some(vec![(Target::Effect(0), 0.0)]));
    }

    #[test]
    fn what_no_setting_can_say_is_none() {
        let base = setup();
        assert_eq!(base.differing(&Setup { stances: vec![0.5; 2], ..setup() }), None);
        assert_eq!(base.differing(&Setup { gives: vec![], ..setup() }), None);
        assert_eq!(base.differing(&Setup { grace: vec![None], ..setup() }), None);
        assert_eq!(Setup { due: vec![None], ..setup() }.differing(&base), None);
        // More than 2^53 millionths.
        assert_eq!(base.differing(&Setup { gives: vec![Amount(10_000_000_000_000_001)], ..setup() }), None);
    }
}
