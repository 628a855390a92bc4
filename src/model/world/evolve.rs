//! Applies events to the state. Never fails, never draws a random number and never logs.

use super::super::{ActorId, Amount, Beta, Event, EventKind, Evidence, InstanceId, IssueId, Model, Setup, State};
use super::{Facts, InstanceState, Moment, Occurrence, World};

/// A change of a stance by at most this counts as none.
pub const LEAST_CHANGE: f64 = 1e-12;

/// Begins a step; later events happen in it.
#[inline]
pub fn begin_step(world: &mut World, step: u32) {
    world.facts.step = step;
}

/// Moves the stances of some actors, or of all, to their values in `next` (by issue, then actor) if these differ
/// enough. Calls `happened` with each that moves, by actor, then issue, and returns their number. Equivalent to
/// [`evolve`] for each of these events.
#[inline]
pub fn move_stances(
    world: &mut World,
    some: Option<&[ActorId]>,
    next: &[f64],
    mut happened: impl FnMut(ActorId, IssueId, f64),
) -> usize {
    let Facts { stances, actors, .. } = &mut world.facts;
    let mut moved = 0;
    let count = some.map_or(*actors, <[ActorId]>::len);
    let issues = next.len() / count.max(1);
    for position in 0..count {
        let actor = some.map_or_else(|| ActorId::at(position), |some| some[position]);
        for issue in 0..issues {
            let (stance, value) = (&mut stances[issue * *actors + actor.index()], next[issue * count + position]);
            if is_change(*stance, value) {
                *stance = value;
                happened(actor, IssueId::at(issue), value);
                moved += 1;
            }
        }
    }
    moved
}

/// Moves all stances to their values in `next` (by issue, then actor), which must all differ by more than
/// [`LEAST_CHANGE`]. Equivalent to [`evolve`] for each of these events.
///
/// # Panics
/// If there are more or fewer values than stances.
#[inline]
pub fn move_all_stances(world: &mut World, next: &[f64]) {
    world.facts.stances.copy_from_slice(next);
}

/// Whether the difference between two values counts as a change of a stance.
#[inline]
#[must_use]
pub fn is_change(from: f64, to: f64) -> bool {
    (to - from).abs() > LEAST_CHANGE
}

/// Applies an event, which happens in `world.step`, to the state.
#[inline]
pub fn evolve(model: &Model, setup: &Setup, world: &mut World, event: Event) {
    let world = &mut world.facts;
    match event {
        Event::Stance { actor, issue, value } => {
            let at = world.stance_index(actor, issue);
            world.stances[at] = value;
        }
        Event::Anchor { actor, issue, value } => {
            let at = world.stance_index(actor, issue);
            world.anchors[at] = value;
        }
        Event::Trust { truster, trusted, value } => {
            if model.reads_trust {
                let beta = world.trust.beta_mut(truster, trusted);
                *beta = Beta::new(value, beta.alpha + beta.beta);
            }
        }
        Event::Met(meeting) => {
            let occurrence = &mut world.meetings[meeting.index()];
            occurrence.count += 1;
            occurrence.last = Some(world.step);
        }
        Event::Shock(shock) => {
            let occurrence = &mut world.shocks[shock.index()];
            occurrence.count += 1;
            occurrence.last = Some(world.step);
        }
        Event::Moved(which) => {
            let occurrence = &mut world.moves[which.index()];
            occurrence.count += 1;
            occurrence.last = Some(world.step);
        }
        Event::Raised { instance, gift, amount } => {
            world.evidence.set_amount(model, setup, instance, gift as usize, amount);
        }
        Event::Delivered { instance, gift, amount } => deliver(model, setup, world, instance, gift, amount),
        Event::Withdrawn { instance, gift, .. } => {
            world.evidence.set_delivered(model, setup, instance, gift as usize, Amount::ZERO);
        }
        Event::Reached(outcome) => world.reached[outcome.index()] = Some(world.step),
        Event::Created(instance)
        | Event::Cancelled(instance)
        | Event::Expired(instance)
        | Event::Detached(instance)
        | Event::Suspended(instance)
        | Event::Reactivated(instance)
        | Event::Satisfied(instance)
        | Event::Violated(instance)
        | Event::Released(instance)
        | Event::Renewed(instance) => transition(model, setup, world, instance, event.kind()),
        Event::Started | Event::Drawn { .. } | Event::Agreed { .. } | Event::Failed { .. } | Event::Ended(_) => {}
    }
}

/// Recomputes the evidence with the amounts of another setup. Deliveries are kept, and graded amounts are kept up to
/// their new limits.
pub fn recount(model: &Model, setup: &Setup, world: &mut World) {
    let world = &mut world.facts;
    world.moves.resize(model.moves.len(), Occurrence::default());
    let old = std::mem::replace(&mut world.evidence, Evidence::new(model));
    for instance in model.instance_ids() {
        world.evidence.adopt(model, setup, instance, &old);
    }
}

/// A transition of the life cycle.
fn transition(model: &Model, setup: &Setup, world: &mut Facts, instance: InstanceId, kind: EventKind) {
    let Some(state) = kind.leads_to() else { return };
    let step = world.step;
    let commitment = model.commitment_of(instance);
    let own = &mut world.instances[instance.index()];
    let before = std::mem::replace(&mut own.state, state);
    match (before, state) {
        (_, State::Conditional) => own.created = Moment::at(step),
        (State::Pending, State::Detached) => own.active_since = step,
        (_, State::Detached) => {
            own.detached = Moment::at(step);
            own.active_since = step;
            own.active_before = 0;
            if own.first_detached == Moment::NEVER {
                own.first_detached = Moment::at(step);
            }
            world.first_bound[model.instances[instance.index()].commitment.index()].get_or_insert(step);
        }
        (_, State::Pending) => {
            own.active_before = if commitment.maintain { 0 } else { own.active_before + (step - own.active_since) };
            own.suspended = Moment::at(step);
        }
        (_, State::Satisfied | State::Violated | State::Expired | State::Terminated) => own.settled = Moment::at(step),
        (_, State::Null) if kind == EventKind::Renewed => {
            *own = InstanceState { first_detached: own.first_detached, ..InstanceState::default() };
        }
        (_, State::Null) => {}
    }
    let is_new = matches!((before, state), (State::Null | State::Conditional, State::Detached) | (_, State::Null));
    if is_new && world.evidence.has_increments() {
        for gift in model.gifts(instance) {
            if commitment.level(gift.number).is_some() {
                world.evidence.set_amount(model, setup, instance, gift.number, Amount::ZERO);
            }
            world.evidence.set_increments(gift.position, 0);
        }
    }
    if state == State::Satisfied && commitment.maintain {
        // It no longer counts as evidence; the `withdrawn` events that follow record the amounts.
        for number in 0..commitment.gives.len() {
            world.evidence.set_delivered(model, setup, instance, number, Amount::ZERO);
        }
    }
    world.evidence.set_standing(model, setup, instance, state.standing(commitment.maintain));
    world.evidence.set_state(model, instance, state);
    if kind == EventKind::Renewed {
        world.evidence.retire(model, instance);
    }
    if state == State::Satisfied {
        world.evidence.add_round(model, instance);
    }
    let broken = match state {
        State::Pending => setup.trust_suspended,
        State::Violated => setup.trust_broken,
        State::Null | State::Conditional | State::Detached | State::Satisfied | State::Expired | State::Terminated => {
            return;
        }
    };
    update_trust(model, setup, world, instance, TrustEvidence { kept: 0.0, broken });
}

fn deliver(model: &Model, setup: &Setup, world: &mut Facts, instance: InstanceId, gift: u32, amount: Amount) {
    let position = model.gift(instance, gift as usize).position;
    let total = Amount(world.evidence.delivered_amount(position).0 + amount.0);
    world.evidence.set_delivered(model, setup, instance, gift as usize, total);
    let commitment = model.commitment_of(instance);
    let increments = world.evidence.increments(position) + 1;
    world.evidence.set_increments(position, increments);
    // Amounts that are raised after the last increment, or by a fork, are delivered as they come and earn no trust.
    if increments > setup.over[instance.index()] {
        return;
    }
    // A build-up repeated after a suspension restores earlier amounts and earns no new trust.
    if commitment.maintain && world.instance(instance).suspended != Moment::NEVER {
        return;
    }
    let parts = f64::from(setup.over[instance.index()])
        * f64::from(u32::try_from(commitment.gives.len()).expect("the number of resources is limited"));
    update_trust(model, setup, world, instance, TrustEvidence { kept: setup.trust_kept / parts, broken: 0.0 });
}

/// The evidence for others' trust in a debtor: additions to α and β (Jøsang and Ismail 2002).
#[derive(Clone, Copy)]
struct TrustEvidence {
    kept: f64,
    broken: f64,
}

fn update_trust(model: &Model, setup: &Setup, world: &mut Facts, instance: InstanceId, evidence: TrustEvidence) {
    if !model.reads_trust {
        return;
    }
    let creditors = model.commitment_of(instance).creditor.map(|group| &*model.groups[group.index()].members);
    let times = |factor: f64| Beta { alpha: evidence.kept * factor, beta: evidence.broken * factor };
    let witnesses = (setup.trust_witness > 0.0).then(|| times(setup.trust_witness));
    let debtor = model.instances[instance.index()].debtor;
    world.trust.update_trust(debtor, (creditors.unwrap_or_default(), times(1.0)), witnesses);
}
