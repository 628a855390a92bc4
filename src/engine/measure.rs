//! What can be read off a state without simulating: the gap, the metrics, the final outcome.

use super::agreement;
use super::decide::{self, View};
use super::failure::Failure;
use super::plan::Plan;
use crate::model::{Ending, InstanceId, Model, Setup, World};

/// The greatest agreement of a state, in declaration order: the gap, if an Exchange has come before.
///
/// # Errors
/// A [`Failure`] where a condition is not a number on the hypothetical state.
pub fn greatest_agreement(
    model: &Model,
    plan: &Plan,
    setup: &Setup,
    world: &World,
) -> Result<Vec<InstanceId>, Failure> {
    agreement::greatest(View { model, plan, setup, world }, &mut 0, |_| true)
}

/// The value of every metric on a state, appended to `out`.
///
/// # Errors
/// A [`Failure`] at the first metric that is not a number; those before it have been appended.
pub fn sample(model: &Model, plan: &Plan, setup: &Setup, world: &World, out: &mut Vec<f64>) -> Result<(), Failure> {
    decide::sample(View { model, plan, setup, world }, out)
}

/// The final outcome of a run that ends in this state.
///
/// # Errors
/// A [`Failure`] where a condition is not a number.
pub fn ending(model: &Model, plan: &Plan, setup: &Setup, world: &World, gap: u32) -> Result<Ending, Failure> {
    decide::ending(View { model, plan, setup, world }, gap).map(|(ending, _)| ending)
}
