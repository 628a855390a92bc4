//! Measurements of a state without simulating: the gap, the metrics, the final outcome.

use super::agreement;
use super::decide;
use super::failure::Failure;
use super::view::View;
use crate::model::{Ending, InstanceId};

/// The greatest agreement of a state, in declaration order: the gap, if an Exchange has come before.
///
/// # Errors
/// A [`Failure`] if a condition is not a number in the hypothetical state.
pub fn greatest_agreement(view: View<'_>) -> Result<Vec<InstanceId>, Failure> {
    Ok(agreement::greatest(view, &mut 0, |_| true)?.members)
}

/// The value of every metric on a state, appended to `out`.
///
/// # Errors
/// A [`Failure`] at the first metric that is not a number; those before it have been appended.
pub fn sample(view: View<'_>, out: &mut Vec<f64>) -> Result<(), Failure> {
    decide::sample(view, out)
}

/// The final outcome of a run that ends in this state.
///
/// # Errors
/// A [`Failure`] if a condition is not a number.
pub fn ending(view: View<'_>, gap: u32) -> Result<Ending, Failure> {
    decide::ending(view, gap).map(|(ending, _)| ending)
}
