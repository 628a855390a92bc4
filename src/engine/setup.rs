//! The setup of one run: constants, parameters, draws.

use std::collections::BTreeSet;
use std::sync::Arc;

use pulp::Arch;

use super::distribution;
use super::failure::Failure;
use super::plan::{Plan, draw_streams};
use super::random::{RunSeed, first_words};
use crate::model::{
    Distribution, DrawId, Expression, Field, FieldError, FieldSource, MAX_TOTAL, Model, Node, Quantity, Scalar, Setup,
    Target,
};

/// A replacement for a number of the setup, such as a parameter.
pub type Setting = (Target, f64);

/// Computes the setup of a run, and the drawn values in the order of their paths.
///
/// # Errors
/// [`Failure::Field`] if a field has no valid value, [`Failure::TotalAmount`] if the amounts are too large to add.
pub fn prepare(model: &Model, run_seed: RunSeed) -> Result<(Arc<Setup>, Vec<(DrawId, f64)>), Failure> {
    let mut words = Vec::new();
    first_words(Arch::new(), run_seed, &draw_streams(model), &mut words);
    let (mut setup, mut drawn) = (Arc::clone(&model.setup), Vec::with_capacity(model.draws.len()));
    if model.fields.is_empty() {
        check_together(model, &setup)?;
    } else {
        draw_into(model, &model.fields, &words, Arc::make_mut(&mut setup), &mut drawn)?;
    }
    Ok((setup, drawn))
}

/// What is the same in the numbers of several runs of a model, which differ in their settings and draws.
#[derive(Clone, Debug, Default)]
pub(super) struct Prepared {
    /// Whether there was a run before: what is the same is worked out for the second, and not for one alone.
    is_again: bool,
    /// Whether the following has been worked out.
    is_known: bool,
    /// The numbers that neither a setting nor a draw bears on; none if they could not be worked out apart.
    base: Option<Setup>,
    /// The fields that one bears on, in order.
    live: Vec<u32>,
    /// The places of the settings, rising.
    set: BTreeSet<Target>,
    /// The settings of the last run, if its numbers are known.
    latest: Option<Vec<Setting>>,
    /// Whether the numbers are those of the run before.
    pub(super) are_unchanged: bool,
    /// The words of the draws.
    words: Vec<u64>,
    /// The vector instructions of the machine, because detecting them takes time.
    arch: Arch,
}

impl Prepared {
    /// As [`prepare`], with some numbers replaced, reusing allocated tables.
    pub(super) fn prepare(
        &mut self,
        (model, plan): (&Model, &Plan),
        settings: &[Setting],
        run_seed: RunSeed,
        setup: &mut Arc<Setup>,
        drawn: &mut Vec<(DrawId, f64)>,
    ) -> Result<(), Failure> {
        if !model.fields.is_empty() && std::mem::replace(&mut self.is_again, true) {
            self.keep(model, settings);
        }
        drawn.clear();
        // Without draws, the same settings give the same numbers.
        let is_fixed = self.live.is_empty() && (self.base.is_some() || model.fields.is_empty());
        self.are_unchanged = is_fixed && self.latest.as_deref().is_some_and(|latest| are_same(latest, settings));
        if self.are_unchanged {
            return Ok(());
        }
        let latest = self.latest.take();
        if model.fields.is_empty() && settings.is_empty() {
            // There may be millions of numbers, so they are not copied for a run that changes none.
            setup.clone_from(&model.setup);
            check_together(model, setup)?;
        } else {
            let setup = Arc::make_mut(setup);
            setup.restore(self.base.as_ref().unwrap_or(&model.setup));
            for &(target, value) in settings {
                setup.set(target, value);
            }
            first_words(self.arch, run_seed, &plan.draw_streams, &mut self.words);
            match &self.base {
                Some(_) => {
                    let live = self.live.iter().map(|&at| &model.fields[at as usize]);
                    draw_into(model, live, &self.words, setup, drawn)
                }
                None => draw_into(model, &model.fields, &self.words, setup, drawn),
            }?;
        }
        let mut latest = latest.unwrap_or_default();
        latest.clear();
        latest.extend_from_slice(settings);
        self.latest = Some(latest);
        Ok(())
    }

    /// Sees to it that what is kept holds for settings of these places.
    fn keep(&mut self, model: &Model, settings: &[Setting]) {
        let known = self.set.len();
        self.set.extend(settings.iter().map(|(target, _)| *target));
        if !std::mem::replace(&mut self.is_known, true) || self.set.len() > known {
            self.base = self.work_out(model);
        }
    }

    /// Works out the fields that neither a setting nor a draw bears on, and lists the others. None where a field cannot
    /// be worked out, so that the run must fail at its place, or where one is read before it is worked out.
    fn work_out(&mut self, model: &Model) -> Option<Setup> {
        let mut setup = (*model.setup).clone();
        let (mut live, mut read) = (self.set.clone(), BTreeSet::new());
        self.live.clear();
        for (at, field) in (0..).zip(&model.fields) {
            let reads = reads(field, model);
            let is_live = matches!(field.source, FieldSource::Draw { .. })
                || reads.iter().chain(&*field.targets).any(|target| live.contains(target));
            if is_live {
                self.live.push(at);
                live.extend(field.targets.iter().copied());
                read.extend(reads);
            } else if field.targets.iter().any(|target| read.contains(target)) {
                return None;
            } else if let FieldSource::Expression(expression) = &field.source {
                field.store(field.evaluate(expression, model, &setup).ok()?, model, &mut setup).ok()?;
            }
        }
        Some(setup)
    }
}

fn are_same(some: &[Setting], others: &[Setting]) -> bool {
    let is_same =
        |((at, value), (other_at, other)): (&Setting, &Setting)| at == other_at && value.to_bits() == other.to_bits();
    some.len() == others.len() && some.iter().zip(others).all(is_same)
}

/// The places that a field reads.
fn reads(field: &Field, model: &Model) -> Vec<Target> {
    let mut places = Vec::new();
    let mut note = |expression: &Expression| {
        for node in &expression.nodes {
            if let Node::Parameter(parameter) = node {
                places.push(Target::Parameter(*parameter));
            } else if let (Node::Read(Quantity::Own(attribute)), Some(owner)) = (node, field.owner) {
                places.push(Target::Attribute(attribute.index() * model.actors.len() + owner.index()));
            }
        }
    };
    match &field.source {
        FieldSource::Expression(expression) => note(expression),
        FieldSource::Draw { distribution, .. } => {
            for argument in &distribution.arguments {
                if let Scalar::Expression(expression) = argument {
                    note(expression);
                }
            }
        }
    }
    places
}

fn draw_into<'m>(
    model: &'m Model,
    fields: impl IntoIterator<Item = &'m Field>,
    words: &[u64],
    setup: &mut Setup,
    drawn: &mut Vec<(DrawId, f64)>,
) -> Result<(), Failure> {
    fill(model, fields, setup, |field, draw, distribution, setup| {
        let arguments = field.arguments(distribution, model, setup).map_err(Failure::Field)?;
        let value = field.domain.clip(distribution::draw(distribution.shape, &arguments, words[draw.index()]));
        drawn.push((draw, value));
        Ok(value)
    })?;
    drawn.sort_unstable_by_key(|(draw, _)| *draw);
    Ok(())
}

/// The setup of a run with known draws.
///
/// # Errors
/// As for [`prepare`].
pub fn prepare_drawn(model: &Model, drawn: &[f64]) -> Result<Arc<Setup>, Failure> {
    let mut setup = Arc::clone(&model.setup);
    if model.fields.is_empty() {
        check_together(model, &setup)?;
    } else {
        let drawn = |draw: DrawId| drawn.get(draw.index()).copied().unwrap_or(f64::NAN);
        fill(model, &model.fields, Arc::make_mut(&mut setup), |_, draw, _, _| Ok(drawn(draw)))?;
    }
    Ok(setup)
}

/// Works out fields that are expressions or drawn, in order.
fn fill<'m>(
    model: &Model,
    fields: impl IntoIterator<Item = &'m Field>,
    setup: &mut Setup,
    mut draw_value: impl FnMut(&Field, DrawId, &Distribution, &Setup) -> Result<f64, Failure>,
) -> Result<(), Failure> {
    for field in fields {
        let value = match &field.source {
            FieldSource::Expression(expression) => field.evaluate(expression, model, setup).map_err(Failure::Field)?,
            FieldSource::Draw { draw, distribution } => draw_value(field, *draw, distribution, setup)?,
        };
        field.store(value, model, setup).map_err(Failure::Field)?;
    }
    check_together(model, setup)
}

/// Checks conditions that involve several fields.
fn check_together(model: &Model, setup: &Setup) -> Result<(), Failure> {
    for (actor, (offer, bond)) in setup.credit_offer.iter().zip(setup.credit_bond.iter()).enumerate() {
        if offer > bond {
            return Err(Failure::Field(FieldError::Domain {
                path: format!("actors.{}.credit.offer", model.actors.ids().text(actor)),
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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::ParameterId;
    use crate::scenario::{Document, Options, compile};

    const TEXT: &str = r#"
        format = 1
        [time]
        steps = 3
        [parameters]
        low = { value = 0.1, range = [0, 1] }
        high = { value = 0.9, range = [0, 1] }
        luck = { uniform = ["low", "high"] }
        [resources]
        r = {}
        [cohorts.c]
        size = 5
        stance = "0.1 + 0.1 * index / size"
        volatility = "0.01 * luck"
        susceptibility = "low"
        attributes = { least = { uniform = [0, 3] }, most = "index + high", sure = "index" }
        [commitments.join]
        debtor = "c"
        gives = { r = "own(least) + own(sure)" }
        cost = "own(most)"
        lead = "1 + 1"
        when = "bound(r) >= own(sure) * own(most)"
    "#;

    /// Runs one after the other, of which the later ones take over what is the same, with other places set now and
    /// then.
    #[test]
    fn reused_numbers_equal_computed_ones() {
        let document = Document::parse("test.toml", TEXT.as_bytes()).unwrap();
        let model = compile(&document, &Options::default()).unwrap().model;
        let plan = Plan::new(&model);
        let mut prepared = Prepared::default();
        let parameter = |at: u32| Target::Parameter(ParameterId(at));
        let sets: [&[Setting]; 7] = [
            &[],
            &[],
            &[(parameter(0), 0.3)],
            &[(parameter(0), 0.4)],
            &[(parameter(1), 2.0), (Target::Stance(2), 0.75)],
            // Too large for what it is a stance's share of.
            &[(parameter(0), 2.0)],
            &[],
        ];
        for (replicate, settings) in (0..).zip(sets) {
            let run_seed = RunSeed { seed: 1, replicate };
            let prepare = |prepared: &mut Prepared| {
                let (mut setup, mut drawn) = (Arc::clone(&model.setup), Vec::new());
                let result = prepared.prepare((&model, &plan), settings, run_seed, &mut setup, &mut drawn);
                // Numbers are compared as they are written, since not a number is not equal to itself.
                (format!("{:?}", result.as_ref().map(|()| &setup)), drawn, result.is_ok())
            };
            let (again, anew) = (prepare(&mut prepared), prepare(&mut Prepared::default()));
            assert_eq!(again, anew, "{settings:?}");
            assert_eq!(again.2, replicate != 5);
        }
        assert!(prepared.base.is_some());
        // The stance of the third member was set; the others are the same in every run.
        let stances = |at: &&u32| matches!(*model.fields[**at as usize].targets, [Target::Stance(_), ..]);
        assert_eq!(prepared.live.iter().filter(stances).count(), 1);
        assert!(prepared.live.len() < model.fields.len());
    }
}
