//! The numbers of one run: constants, parameters, draws.

use super::distribution;
use super::failure::Failure;
use super::plan::{Plan, draw_streams};
use super::random::RunSeed;
use crate::model::{Distribution, DrawId, Field, FieldError, FieldSource, MAX_TOTAL, Model, Setup, Target};

/// A number of the setup that is replaced for a run: a parameter, say.
pub type Setting = (Target, f64);

/// The numbers of a run, and the values that were drawn, in the order of their paths.
///
/// # Errors
/// [`Failure::Field`] where a field has no valid value, [`Failure::TotalAmount`] where the amounts are too large to add.
pub fn prepare(model: &Model, luck: RunSeed) -> Result<(Setup, Vec<(DrawId, f64)>), Failure> {
    let streams: Vec<u64> = draw_streams(model);
    let (mut setup, mut drawn) = (model.setup.clone(), Vec::with_capacity(model.draws.len()));
    draw_into(model, &streams, luck, &mut setup, &mut drawn)?;
    Ok((setup, drawn))
}

/// As [`prepare`], with some numbers replaced, into tables that are there already.
pub(super) fn prepare_into(
    model: &Model,
    plan: &Plan,
    settings: &[Setting],
    luck: RunSeed,
    setup: &mut Setup,
    drawn: &mut Vec<(DrawId, f64)>,
) -> Result<(), Failure> {
    setup.restore(&model.setup);
    for &(target, value) in settings {
        setup.set(target, value);
    }
    drawn.clear();
    draw_into(model, &plan.draw_streams, luck, setup, drawn)
}

fn draw_into(
    model: &Model,
    streams: &[u64],
    luck: RunSeed,
    setup: &mut Setup,
    drawn: &mut Vec<(DrawId, f64)>,
) -> Result<(), Failure> {
    fill(model, setup, |field, draw, distribution, setup| {
        let arguments = field.arguments(distribution, model, setup).map_err(Failure::Field)?;
        let word = luck.word(streams[draw.index()], 0);
        let value = field.domain.clip(distribution::draw(distribution.shape, &arguments, word));
        drawn.push((draw, value));
        Ok(value)
    })?;
    drawn.sort_unstable_by_key(|(draw, _)| *draw);
    Ok(())
}

/// The numbers of a run whose draws are known, by draw.
///
/// # Errors
/// As for [`prepare`].
pub fn prepare_drawn(model: &Model, drawn: &[f64]) -> Result<Setup, Failure> {
    let mut setup = model.setup.clone();
    fill(model, &mut setup, |_, draw, _, _| Ok(drawn.get(draw.index()).copied().unwrap_or(f64::NAN)))?;
    Ok(setup)
}

/// Works out the fields that are expressions or drawn, in order.
fn fill(
    model: &Model,
    setup: &mut Setup,
    mut draw_value: impl FnMut(&Field, DrawId, &Distribution, &Setup) -> Result<f64, Failure>,
) -> Result<(), Failure> {
    for field in &model.fields {
        let value = match &field.source {
            FieldSource::Expression(expression) => field.evaluate(expression, model, setup).map_err(Failure::Field)?,
            FieldSource::Draw { draw, distribution } => draw_value(field, *draw, distribution, setup)?,
        };
        field.store(value, model, setup).map_err(Failure::Field)?;
    }
    for (anchor, stance) in setup.anchors.iter_mut().zip(&setup.stances) {
        if anchor.is_nan() {
            *anchor = *stance;
        }
    }
    check_together(model, setup)
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
