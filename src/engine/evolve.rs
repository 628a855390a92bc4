//! The fold: an event changes the state. Never fails, never draws, never logs.

use crate::model::{ActorId, Amount, Beta, Event, InstanceId, Model, Setup, Standing, State, World};

/// Lets an event, which happens in `world.step`, change the state.
#[inline]
pub fn evolve(model: &Model, setup: &Setup, world: &mut World, event: Event) {
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
        Event::Delivered { instance, gift, amount } => hand_over(model, setup, world, instance, gift, amount),
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
        | Event::Released(instance) => move_on(model, setup, world, instance, event),
        Event::Started | Event::Drawn { .. } | Event::Agreed { .. } | Event::Failed { .. } | Event::Ended(_) => {}
    }
}

/// The state that a life-cycle event leads to.
#[must_use]
pub fn target(event: Event) -> Option<State> {
    Some(match event {
        Event::Created(_) => State::Conditional,
        Event::Cancelled(_) => State::Null,
        Event::Expired(_) => State::Expired,
        Event::Detached(_) | Event::Reactivated(_) => State::Detached,
        Event::Suspended(_) => State::Pending,
        Event::Satisfied(_) => State::Satisfied,
        Event::Violated(_) => State::Violated,
        Event::Released(_) => State::Terminated,
        _ => return None,
    })
}

/// How far a commitment in a state counts as evidence.
#[must_use]
pub fn standing(state: State, maintain: bool) -> Standing {
    match state {
        State::Conditional => Standing { offered: true, bound: false, kept: false },
        State::Detached => Standing { offered: true, bound: true, kept: false },
        // A maintained commitment that has run its course is no evidence at any level.
        State::Satisfied if !maintain => Standing { offered: true, bound: true, kept: true },
        _ => Standing::default(),
    }
}

/// A transition of the life cycle.
fn move_on(model: &Model, setup: &Setup, world: &mut World, instance: InstanceId, event: Event) {
    let Some(state) = target(event) else { return };
    let step = world.step;
    let commitment = model.commitment_of(instance);
    let own = &mut world.instances[instance.index()];
    own.state = state;
    match event {
        Event::Created(_) => own.created = Some(step),
        Event::Detached(_) => {
            own.detached = Some(step);
            own.active_since = step;
            own.active_before = 0;
            world.first_bound[model.instances[instance.index()].commitment.index()].get_or_insert(step);
        }
        Event::Suspended(_) => {
            own.active_before = if commitment.maintain { 0 } else { own.active_before + (step - own.active_since) };
            own.suspended = Some(step);
        }
        Event::Reactivated(_) => own.active_since = step,
        _ => {}
    }
    if state.is_final() {
        own.settled = Some(step);
    }
    if state == State::Satisfied && commitment.maintain {
        // It counts as no evidence from here on; the `withdrawn` that follow say what ended.
        for number in 0..commitment.gives.len() {
            world.evidence.set_delivered(model, setup, instance, number, Amount::ZERO);
        }
    }
    world.evidence.set_standing(model, setup, instance, standing(state, commitment.maintain));
    match event {
        Event::Suspended(_) => {
            learn(model, setup, world, instance, Conduct { kept: 0.0, broken: setup.trust_suspended });
        }
        Event::Violated(_) => learn(model, setup, world, instance, Conduct { kept: 0.0, broken: setup.trust_broken }),
        _ => {}
    }
}

fn hand_over(model: &Model, setup: &Setup, world: &mut World, instance: InstanceId, gift: u32, amount: Amount) {
    let position = model.gift(instance, gift as usize).position;
    let total = Amount(world.evidence.handed_over(position).0 + amount.0);
    world.evidence.set_delivered(model, setup, instance, gift as usize, total);
    let commitment = model.commitment_of(instance);
    // A build-up repeated after a suspension restores what was there; it earns no new trust.
    if commitment.maintain && world.instance(instance).suspended.is_some() {
        return;
    }
    let parts = f64::from(setup.over[instance.index()])
        * f64::from(u32::try_from(commitment.gives.len()).expect("the number of resources is limited"));
    learn(model, setup, world, instance, Conduct { kept: setup.trust_kept / parts, broken: 0.0 });
}

/// What the others make of a debtor's conduct: additions to α and β (Jøsang and Ismail 2002).
#[derive(Clone, Copy)]
struct Conduct {
    kept: f64,
    broken: f64,
}

fn learn(model: &Model, setup: &Setup, world: &mut World, instance: InstanceId, conduct: Conduct) {
    if !model.reads_trust {
        return;
    }
    let debtor = model.instances[instance.index()].debtor;
    let creditors = model.commitment_of(instance).creditor.map(|group| &model.groups[group.index()]);
    let mut add = |observer: ActorId, factor: f64| {
        let beta = world.trust.beta_mut(observer, debtor);
        beta.alpha += conduct.kept * factor;
        beta.beta += conduct.broken * factor;
    };
    if setup.trust_witness > 0.0 {
        for observer in model.actor_ids().filter(|&observer| observer != debtor) {
            let directly = creditors.is_some_and(|group| group.contains(observer));
            add(observer, if directly { 1.0 } else { setup.trust_witness });
        }
    } else if let Some(group) = creditors {
        for &observer in group.members.iter().filter(|&&observer| observer != debtor) {
            add(observer, 1.0);
        }
    }
}
