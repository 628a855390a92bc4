//! Phases 6 to 8, and the end: increments of what is owed, outcomes reached, metrics sampled, the final outcome.

use crate::model::{Ending, Event, InstanceId, OutcomeId, Quantity, Scope, World, evolve};

use super::super::decision::{Decision, Rule, View, Why};
use super::super::failure::Failure;

/// The outcomes whose condition holds for the first time, each evaluated with those reached before it. Outcomes that
/// cannot have changed, by position, are skipped.
pub(in super::super) fn reached(
    view: View<'_>,
    mut may_have_turned: impl FnMut(usize) -> bool,
    out: &mut Vec<Decision>,
) -> Result<(), Failure> {
    let mut seen: Option<World> = None;
    for (at, outcome) in view.model.outcomes.iter().enumerate() {
        // An outcome that was just reached may change those after it.
        let is_due = may_have_turned(at) || !out.is_empty();
        let never = is_due && view.world.reached[at].is_none();
        let scope = Scope { world: seen.as_ref().unwrap_or(view.world), ..view.scope() };
        if never && outcome.when.truth(&scope).map_err(|fault| view.failure(fault))? {
            let id = OutcomeId::at(at);
            let reads = |quantity: &Quantity| *quantity == Quantity::Reached(id);
            if view.model.outcomes[at + 1..].iter().any(|later| later.when.reads().iter().any(reads)) {
                let seen = seen.get_or_insert_with(|| view.world.clone());
                evolve(view.model, view.setup, seen, Event::Reached(id));
            }
            out.push(Decision::new(Event::Reached(id), Why::Rule(Rule::Outcome(id))));
        }
    }
    Ok(())
}

/// The value of every metric on a state, appended to `out`.
///
/// # Errors
/// A [`Failure`] at the first metric that is not a number; those before it have been appended.
pub fn sample(view: View<'_>, out: &mut Vec<f64>) -> Result<(), Failure> {
    for metric in &view.model.metrics {
        out.push(metric.value.number(&view.scope()).map_err(|fault| view.failure(fault))?);
    }
    Ok(())
}

/// The final outcome of a run that ends in this state.
///
/// # Errors
/// A [`Failure`] if a condition is not a number.
pub fn ending(view: View<'_>, gap: u32) -> Result<Ending, Failure> {
    ending_with_reason(view, gap).map(|(ending, _)| ending)
}

/// The final outcome with its reason: the first declared outcome that holds at the end, otherwise deadlock or stalemate
/// depending on the gap.
pub(in super::super) fn ending_with_reason(view: View<'_>, gap: u32) -> Result<(Ending, Why), Failure> {
    for (at, outcome) in view.model.outcomes.iter().enumerate() {
        if outcome.when.truth(&view.scope()).map_err(|fault| view.failure(fault))? {
            let id = OutcomeId::at(at);
            return Ok((Ending::Outcome(id), Why::Reached(id)));
        }
    }
    let ending = if gap > 0 { Ending::Deadlock } else { Ending::Stalemate };
    Ok((ending, Why::Nothing))
}

/// The increments of a detached commitment that are due now. Returns `true` if none will follow.
pub(in super::super) fn delivery(view: View<'_>, instance: InstanceId, out: &mut Vec<Decision>) -> bool {
    let (lead, over) = (view.setup.lead[instance.index()], view.setup.over[instance.index()]);
    let due = view.world.instance(instance).increments_due(view.world.step, lead, over);
    for gift in view.model.gifts(instance) {
        let promised = view.world.evidence.amount(view.model, view.setup, instance, gift);
        let total = promised.increment_total(due, over);
        let amount = total.minus(view.world.evidence.delivered_amount(gift.position));
        if amount.0 > 0 {
            let gift = u32::try_from(gift.number).expect("the number of resources is limited");
            out.push(Decision::new(Event::Delivered { instance, gift, amount }, Why::Own(instance)));
        }
    }
    let complete = due == over;
    let commitment = view.model.commitment_of(instance);
    // A graded amount may still rise.
    let may_rise = commitment.is_graded()
        && view.model.gifts(instance).any(|gift| {
            let promised = view.world.evidence.amount(view.model, view.setup, instance, gift);
            promised < view.setup.gives[gift.position]
        });
    if complete && !may_rise && !commitment.maintain {
        out.push(Decision::new(Event::Satisfied(instance), Why::Own(instance)));
    }
    complete
}
