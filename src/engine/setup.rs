//! The numbers of one run: constants, parameters, draws.

use super::distribution;
use super::failure::Failure;
use super::random::{Luck, stream};
use crate::model::{DrawId, FieldError, FieldSource, MAX_TOTAL, Model, Setup};

/// The numbers of a run, and the values that were drawn, in the order of their paths.
///
/// # Errors
/// [`Failure::Field`] where a field has no valid value, [`Failure::TotalAmount`] where the amounts are too large to add.
pub fn prepare(model: &Model, luck: Luck) -> Result<(Setup, Vec<(DrawId, f64)>), Failure> {
    let mut setup = model.setup.clone();
    let mut drawn = Vec::with_capacity(model.draws.len());
    for field in &model.fields {
        let value = match &field.source {
            FieldSource::Expression(expression) => field.evaluate(expression, model, &setup).map_err(Failure::Field)?,
            FieldSource::Draw { draw, distribution } => {
                let arguments = field.arguments(distribution, model, &setup).map_err(Failure::Field)?;
                let word = luck.word(stream(&format!("draw/{}", model.draws[draw.index()])), 0);
                let value = field.domain.clip(distribution::draw(distribution.shape, &arguments, word));
                drawn.push((*draw, value));
                value
            }
        };
        field.store(value, &mut setup).map_err(Failure::Field)?;
    }
    for (anchor, stance) in setup.anchors.iter_mut().zip(&setup.stances) {
        if anchor.is_nan() {
            *anchor = *stance;
        }
    }
    check_together(model, &setup)?;
    drawn.sort_unstable_by_key(|(draw, _)| *draw);
    Ok((setup, drawn))
}

/// What no field can be checked for on its own.
fn check_together(model: &Model, setup: &Setup) -> Result<(), Failure> {
    for (actor, (offer, bond)) in setup.credit_offer.iter().zip(&setup.credit_bond).enumerate() {
        if offer > bond {
            return Err(Failure::Field(FieldError::Domain {
                path: format!("actors.{}.credit.offer", model.actors[actor].id),
                value: *offer,
                domain: format!("no more than the credit for a bond, {bond}"),
            }));
        }
    }
    let total = setup.gives.iter().try_fold(0_i64, |sum, amount| sum.checked_add(amount.0));
    if total.is_none_or(|total| total > MAX_TOTAL) {
        return Err(Failure::TotalAmount);
    }
    Ok(())
}
