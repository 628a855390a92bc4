//! Numeric fields that differ between runs: expressions over parameters, and distributions.

use std::ops::Deref;
use std::sync::Arc;

use super::expression::{Expression, NotANumber, Values};
use super::ids::{ActorId, DrawId, ParameterId};
use super::quantity::Quantity;
use super::setup::{Setup, Target};
use super::{MAX_AMOUNT, Model};

/// Largest weight, volatility and the like. Their sums stay finite.
pub(super) const LARGEST: f64 = 1e100;

/// The smallest amount that is not 0.
const SMALLEST_STEP: f64 = 1e-6;

/// The valid range of a number in a scenario.
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
    /// The step of a graded amount: from 0.000001 to [`MAX_AMOUNT`].
    Step,
    /// An integer from this one to 2³² − 2.
    Whole(u32),
    /// A step, which may lie outside the run: an integer, or infinity for never.
    Moment,
}

impl Domain {
    /// Whether `value` is valid.
    #[must_use]
    pub fn contains(self, value: f64) -> bool {
        let whole = || libm::trunc(value).to_bits() == value.to_bits();
        if self == Self::Moment && value == f64::INFINITY {
            return true;
        }
        value.is_finite()
            && match self {
                Self::Any => true,
                Self::Moment => whole(),
                Self::Unit => (0.0..=1.0).contains(&value),
                Self::Pace => value > 0.0 && value <= 1.0,
                Self::Positive => value > 0.0,
                Self::NonNegative => (0.0..=LARGEST).contains(&value),
                Self::Amount => (0.0..=MAX_AMOUNT).contains(&value),
                Self::Whole(least) => value >= f64::from(least) && value < f64::from(u32::MAX) && whole(),
                Self::Step => (SMALLEST_STEP..=MAX_AMOUNT).contains(&value),
            }
    }

    /// The nearest valid value. Used for normal distributions.
    #[must_use]
    pub fn clip(self, value: f64) -> f64 {
        match self {
            Self::Any | Self::Moment => value,
            Self::Unit => value.clamp(0.0, 1.0),
            Self::Pace => value.clamp(f64::MIN_POSITIVE, 1.0),
            Self::Positive => value.max(f64::MIN_POSITIVE),
            Self::NonNegative => value.clamp(0.0, LARGEST),
            Self::Amount => value.clamp(0.0, MAX_AMOUNT),
            Self::Step => value.clamp(SMALLEST_STEP, MAX_AMOUNT),
            Self::Whole(least) => value.max(f64::from(least)),
        }
    }

    /// A description to follow 'must be'.
    #[must_use]
    pub fn description(self) -> String {
        match self {
            Self::Any => "a finite number".into(),
            Self::Unit => "from 0 to 1".into(),
            Self::Pace => "more than 0 and at most 1".into(),
            Self::Positive => "more than 0".into(),
            Self::NonNegative => "0 or more, and at most 1e100".into(),
            Self::Amount => "from 0 to 1e12".into(),
            Self::Step => "from 0.000001 to 1e12".into(),
            Self::Whole(least) => format!("a whole number from {least}"),
            Self::Moment => "a whole number of a step, or infinite".into(),
        }
    }
}

/// A number, or an expression over values that are known before step 0.
#[derive(Clone, Debug, PartialEq)]
pub enum Scalar {
    /// A number as written.
    Constant(f64),
    /// An expression.
    Expression(Expression),
}

impl Scalar {
    /// The number, if it is a literal.
    #[must_use]
    pub fn constant(&self) -> Option<f64> {
        match self {
            Self::Constant(value) => Some(*value),
            Self::Expression(_) => None,
        }
    }
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
    /// `choice = [a, b, …]`, all with the same probability
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

/// The source of a field's value.
#[derive(Clone, Debug, PartialEq)]
pub enum FieldSource {
    /// An expression over parameters, shared by all members that have it.
    Expression(Arc<Expression>),
    /// A distribution, drawn before step 0.
    Draw {
        /// Which draw.
        draw: DrawId,
        /// The distribution.
        distribution: Arc<Distribution>,
    },
}

/// The places in the [`Setup`] that take the value of a field. There may be millions of fields with one place each, so
/// a single place is stored without a list.
#[derive(Clone, Debug, PartialEq)]
pub enum Targets {
    /// One place.
    One([Target; 1]),
    /// Any number of places.
    Many(Vec<Target>),
}

impl From<Vec<Target>> for Targets {
    fn from(targets: Vec<Target>) -> Self {
        if let [one] = targets[..] { Self::One([one]) } else { Self::Many(targets) }
    }
}

impl Deref for Targets {
    type Target = [Target];

    fn deref(&self) -> &[Target] {
        match self {
            Self::One(one) => one,
            Self::Many(many) => many,
        }
    }
}

impl<'a> IntoIterator for &'a Targets {
    type Item = &'a Target;
    type IntoIter = std::slice::Iter<'a, Target>;

    fn into_iter(self) -> Self::IntoIter {
        self.iter()
    }
}

/// A numeric field that is an expression or a distribution.
#[derive(Clone, Debug, PartialEq)]
pub struct Field {
    /// The places that take its value.
    pub targets: Targets,
    /// The source of its value.
    pub source: FieldSource,
    /// Its domain.
    pub domain: Domain,
    /// Its dotted path, without the member.
    pub path: Arc<str>,
    /// The member of a cohort or debtor of a group that it belongs to, if each has a field of its own.
    pub of: Option<ActorId>,
    /// The debtor, in a commitment's fields.
    pub owner: Option<ActorId>,
    /// `index` and `size`, in a cohort's fields.
    pub member: Option<(u32, u32)>,
}

/// The reason why a field has no value in a run.
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
        /// The problem.
        what: &'static str,
    },
}

/// The values that a numeric field's expression can read.
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
        // The front end allows no other quantities in numeric fields.
        if let (Quantity::Own(attribute), Some(owner)) = (quantity, self.field.owner) {
            self.setup.attribute(self.model, owner, attribute)
        } else if let (Quantity::Index, Some((index, _))) = (quantity, self.field.member) {
            f64::from(index)
        } else if let (Quantity::Size, Some((_, size))) = (quantity, self.field.member) {
            f64::from(size)
        } else {
            f64::NAN
        }
    }
}

impl Field {
    /// Its dotted path, followed by `/actor` for a cohort's member or a group's instance.
    #[must_use]
    pub fn path(&self, model: &Model) -> String {
        match self.of {
            Some(actor) => format!("{}/{}", self.path, model.actors.id(actor)),
            None => self.path.to_string(),
        }
    }

    /// The value of an expression for this field.
    ///
    /// # Errors
    /// [`FieldError::NotANumber`] if a part of it is not a number.
    pub fn evaluate(&self, expression: &Expression, model: &Model, setup: &Setup) -> Result<f64, FieldError> {
        expression.number(&FieldValues { model, setup, field: self }).map_err(FieldError::NotANumber)
    }

    /// The arguments of its distribution in this run, checked.
    ///
    /// # Errors
    /// A [`FieldError`] if one is not a finite number or they are out of order.
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
            Err(what) => Err(FieldError::Arguments { path: self.path(model), what }),
        }
    }

    /// Checks a value against the domain and stores it.
    ///
    /// # Errors
    /// [`FieldError::Domain`] if it lies outside.
    pub fn store(&self, value: f64, model: &Model, setup: &mut Setup) -> Result<(), FieldError> {
        if !self.domain.contains(value) {
            let domain = self.domain.description();
            return Err(FieldError::Domain { path: self.path(model), value, domain });
        }
        for &target in &*self.targets {
            setup.set(target, value);
        }
        Ok(())
    }
}

impl Shape {
    /// The shape with this name.
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
    /// A description of the problem.
    pub fn check(self, arguments: &[f64]) -> Result<(), &'static str> {
        if arguments.iter().any(|value| !value.is_finite()) {
            return Err("its arguments must be finite numbers");
        }
        if let (Self::Uniform | Self::Triangular, [low, .., high]) = (self, arguments)
            && !(high - low).is_finite()
        {
            return Err("its range is too large for a number");
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
