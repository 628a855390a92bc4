//! Phase 3, review: releases, lapses, breaches, ends, suspensions and new offers, all decided on one state.

use super::super::condition_check::{ConditionCheck, Watch};
use super::super::decision::{Decision, Rule, View, Why};
use super::super::failure::Failure;
use super::super::watch::{Kind, Reasons, Which};
use crate::model::{Clause, Event, InstanceId, State};

/// Decides the events of these commitments in the state at the start of the phase, and the reasons to wake those
/// without one.
pub(in super::super) fn review(
    watch: Watch<'_>,
    instances: &[InstanceId],
    reasons: &mut Reasons,
    out: &mut Vec<Decision>,
) -> Result<(), Failure> {
    let view = watch.view;
    for &instance in instances {
        let mut check = watch.look(Kind::Review, instance, reasons);
        let Some(decision) = first_that_applies(view, instance, &mut check, reasons)? else {
            check.sleep(reasons);
            continue;
        };
        check.forget(reasons);
        out.push(decision);
        if let Event::Renewed(_) = decision.event
            && view.holds(instance, view.model.commitment_of(instance).offer.as_ref(), true)?
        {
            out.push(Decision::new(Event::Created(instance), Why::Own(instance)));
        }
        let ends = matches!(
            decision.event,
            Event::Suspended(_) | Event::Violated(_) | Event::Released(_) | Event::Satisfied(_)
        );
        if ends && view.model.commitment_of(instance).maintain {
            withdraw(view, instance, out);
        }
    }
    Ok(())
}

fn first_that_applies(
    view: View<'_>,
    instance: InstanceId,
    check: &mut ConditionCheck<'_>,
    reasons: &mut Reasons,
) -> Result<Option<Decision>, Failure> {
    let commitment = view.model.commitment_of(instance);
    let own = view.world.instance(instance);
    let on_table = matches!(own.state, State::Conditional | State::Detached | State::Pending);
    let by = |event, rule| Ok(Some(Decision::new(event, Why::Rule(rule))));
    let mut holds = |which, default| check.holds(which, default, reasons);
    if on_table && holds(Which::Release, false)? {
        return by(Event::Released(instance), Rule::Clause(instance, Clause::Release));
    }
    if own.state.is_final() {
        let in_time = f64::from(view.world.step) < view.setup.expires[instance.index()];
        if in_time && commitment.renew.is_some() && holds(Which::Renew, false)? {
            return by(Event::Renewed(instance), Rule::Clause(instance, Clause::Renew));
        }
        return Ok(None);
    }
    if lapses(view, instance) {
        return Ok(Some(Decision::new(Event::Expired(instance), Why::Own(instance))));
    }
    // A graded commitment that is delivered once is satisfied rather than violated at its `due` if its current amount
    // has been delivered.
    let is_complete = commitment.is_graded() && !commitment.maintain && is_complete(view, instance);
    let is_late = is_overdue(view, instance);
    if is_suspended_too_long(view, instance) || (is_late && !is_complete) {
        return Ok(Some(Decision::new(Event::Violated(instance), Why::Own(instance))));
    }
    if is_complete && own.state == State::Detached {
        if holds(Which::Until, false)? {
            return by(Event::Satisfied(instance), Rule::Clause(instance, Clause::Until));
        }
        if is_late {
            return Ok(Some(Decision::new(Event::Satisfied(instance), Why::Own(instance))));
        }
    }
    match own.state {
        State::Detached => {
            if commitment.maintain && holds(Which::Until, false)? {
                return by(Event::Satisfied(instance), Rule::Clause(instance, Clause::Until));
            }
            if !holds(Which::Stay, true)? {
                return by(Event::Suspended(instance), Rule::Clause(instance, Clause::While));
            }
        }
        State::Pending => {
            if holds(Which::Stay, true)? {
                return by(Event::Reactivated(instance), Rule::Clause(instance, Clause::While));
            }
        }
        State::Conditional => {
            if !holds(Which::Offer, true)? {
                return by(Event::Cancelled(instance), Rule::Clause(instance, Clause::Offer));
            }
        }
        State::Null => {
            if holds(Which::Offer, true)? {
                return by(Event::Created(instance), Rule::Clause(instance, Clause::Offer));
            }
        }
        State::Satisfied | State::Violated | State::Expired | State::Terminated => {}
    }
    if commitment.is_graded() {
        // Completeness depends on more than its conditions.
        check.give_up();
    }
    Ok(None)
}

/// Whether the offer, made or not, has passed its date.
fn lapses(view: View<'_>, instance: InstanceId) -> bool {
    let due = f64::from(view.world.step) >= view.setup.expires[instance.index()];
    due && matches!(view.world.instance(instance).state, State::Null | State::Conditional)
}

/// Whether a limit of steps since a step has passed.
fn has_passed(view: View<'_>, limit: Option<u32>, since: Option<u32>) -> bool {
    limit.zip(since).is_some_and(|(limit, since)| view.world.step - since > limit)
}

/// Whether it has been suspended for longer than `grace`.
fn is_suspended_too_long(view: View<'_>, instance: InstanceId) -> bool {
    let own = view.world.instance(instance);
    own.state == State::Pending && has_passed(view, view.setup.grace[instance.index()], own.suspended.step())
}

/// Whether it has been bound for longer than `due`, including suspended steps.
fn is_overdue(view: View<'_>, instance: InstanceId) -> bool {
    let own = view.world.instance(instance);
    matches!(own.state, State::Detached | State::Pending)
        && has_passed(view, view.setup.due[instance.index()], own.detached.step())
}

/// Whether a bound or suspended commitment has made all its increments and delivered its current amounts.
fn is_complete(view: View<'_>, instance: InstanceId) -> bool {
    let View { model, setup, world, .. } = view;
    let own = world.instance(instance);
    let (lead, over) = (setup.lead[instance.index()], setup.over[instance.index()]);
    matches!(own.state, State::Detached | State::Pending)
        && own.increments_done(world.step, lead, over) == over
        && model.gifts(instance).all(|gift| {
            let amount = world.evidence.amount(model, setup, instance, gift);
            world.evidence.delivered_amount(gift.position) >= amount
        })
}

/// Withdraws the amounts that a maintained commitment has in force.
fn withdraw(view: View<'_>, instance: InstanceId, out: &mut Vec<Decision>) {
    for gift in view.model.gifts(instance) {
        let amount = view.world.evidence.delivered_amount(gift.position);
        if amount.0 > 0 {
            let gift = u32::try_from(gift.number).expect("the number of resources is limited");
            out.push(Decision::new(Event::Withdrawn { instance, gift, amount }, Why::Own(instance)));
        }
    }
}
