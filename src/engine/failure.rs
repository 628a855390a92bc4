//! The failures of a run.

use std::fmt;

use crate::model::{FieldError, NotANumber, limits};

/// The failure that stopped a run. Its log has no `ended`; its status names the failure.
#[derive(Clone, Debug, PartialEq)]
pub enum Failure {
    /// A numeric field has no valid value in this run.
    Field(FieldError),
    /// A part of an expression is not a number.
    Expression {
        /// The part of the expression.
        fault: NotANumber,
        /// The step.
        step: u32,
    },
    /// A shock's rate is negative.
    NegativeRate {
        /// The expression's path.
        path: String,
        /// The rate.
        rate: f64,
        /// The step.
        step: u32,
    },
    /// The amounts promised add up to more than the program can count.
    TotalAmount,
    /// The run made more events than the limit.
    TooManyEvents,
    /// The run needed more work than the limit.
    TooMuchWork {
        /// The step.
        step: u32,
    },
    /// Graded amounts kept rising, or falling towards the greatest agreement, for more sweeps than the limit.
    Unsettled {
        /// The path of the `as` that moved last.
        path: String,
        /// The step.
        step: u32,
    },
    /// More pairs of actors had their own trust values than the limit.
    TooManyTrustPairs,
    /// The meetings in session connect more pairs of actors by influence than the limit.
    TooManyTies {
        /// The step.
        step: u32,
    },
}

impl Failure {
    /// All names returned by [`status`](Self::status).
    pub const STATUSES: [&'static str; 10] = [
        "not_a_number",
        "out_of_domain",
        "bad_distribution",
        "negative_rate",
        "limit_amounts",
        "limit_events",
        "limit_work",
        "unsettled",
        "limit_trust_pairs",
        "limit_ties",
    ];

    /// The name of the failure in `runs.csv`.
    #[must_use]
    pub fn status(&self) -> &'static str {
        match self {
            Self::Field(FieldError::NotANumber(_)) | Self::Expression { .. } => "not_a_number",
            Self::Field(FieldError::Domain { .. }) => "out_of_domain",
            Self::Field(FieldError::Arguments { .. }) => "bad_distribution",
            Self::NegativeRate { .. } => "negative_rate",
            Self::TotalAmount => "limit_amounts",
            Self::TooManyEvents => "limit_events",
            Self::TooMuchWork { .. } => "limit_work",
            Self::Unsettled { .. } => "unsettled",
            Self::TooManyTrustPairs => "limit_trust_pairs",
            Self::TooManyTies { .. } => "limit_ties",
        }
    }

    /// The dotted path of the field or expression that failed, with `/actor` for one member or instance.
    #[must_use]
    pub fn path(&self) -> Option<&str> {
        match self {
            Self::Field(FieldError::NotANumber(fault)) | Self::Expression { fault, .. } => Some(&fault.path),
            Self::Field(FieldError::Domain { path, .. } | FieldError::Arguments { path, .. })
            | Self::NegativeRate { path, .. }
            | Self::Unsettled { path, .. } => Some(path),
            Self::TotalAmount
            | Self::TooManyEvents
            | Self::TooMuchWork { .. }
            | Self::TooManyTrustPairs
            | Self::TooManyTies { .. } => None,
        }
    }

    /// A suggestion for the user.
    #[must_use]
    pub fn remedy(&self) -> &'static str {
        match self {
            Self::Field(FieldError::NotANumber(_)) => {
                "keep it a number for all values of the parameters, with `if(condition, a, b)`, `max` or `clamp`"
            }
            Self::Expression { .. } => {
                "keep it a number in every state of the run, with `if(condition, a, b)`, `max` or `clamp`"
            }
            Self::Field(FieldError::Domain { .. }) => {
                "keep it within its domain for every draw and all values of the parameters, with `clamp` for instance"
            }
            Self::Field(FieldError::Arguments { .. }) => "keep them in order for all values of the parameters",
            Self::NegativeRate { .. } => "keep it at 0 or more, as in `max(0, …)`",
            Self::TotalAmount => "use a larger unit for the resources, so that the numbers are smaller",
            Self::TooManyEvents => "use fewer steps, actors or commitments",
            Self::TooMuchWork { .. } => "use fewer steps, or fewer actors whose conditions read all other actors",
            Self::Unsettled { .. } => {
                "let each `as` match a smaller share of what the others give; a larger `by` does not help"
            }
            Self::TooManyTrustPairs => "name fewer creditors, or leave `witness` at 0",
            Self::TooManyTies { .. } => "let fewer actors attend, or leave the `influence` of large meetings at 0",
        }
    }
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Field(FieldError::NotANumber(fault)) => {
                write!(f, "`{}` is `{}`, which has {}", fault.path, fault.text, fault.what)
            }
            Self::Field(FieldError::Domain { path, value, domain }) => {
                write!(f, "`{path}` is {value} in this run; it must be {domain}")
            }
            Self::Field(FieldError::Arguments { path, what }) => write!(f, "the distribution of `{path}`: {what}"),
            Self::Expression { fault, step } => {
                write!(f, "at step {step} `{}`, `{}`, has {}", fault.path, fault.text, fault.what)
            }
            Self::NegativeRate { path, rate, step } => {
                write!(f, "at step {step} the rate `{path}` is {rate}; it must be 0 or more")
            }
            Self::TotalAmount => write!(f, "the amounts promised add up to more than 2.3e12"),
            Self::TooManyEvents => write!(f, "the run made more than {} events", limits::EVENTS),
            Self::TooMuchWork { step } => {
                write!(f, "at step {step} the run had done {} operations, the limit of a run", limits::WORK)
            }
            Self::Unsettled { path, step } => write!(
                f,
                "at step {step} graded amounts had not settled after {} sweeps: `{path}` still moved, as it does where \
                 each matches almost all that the others give",
                limits::SWEEPS
            ),
            Self::TooManyTrustPairs => {
                write!(f, "more than {} pairs of actors have trust that differs from the default", limits::TRUST_PAIRS)
            }
            Self::TooManyTies { step } => write!(
                f,
                "at step {step} influence and the meetings in session connect more than {} pairs of actors",
                limits::TIES
            ),
        }
    }
}

impl std::error::Error for Failure {}
