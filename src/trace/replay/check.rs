//! Whether an event may stand where it stands: the order within a step, the life cycle, what is handed over.

use super::super::record::kind;
use super::Folding;
use crate::model::{ActorId, Amount, Event, InstanceId, IssueId, State, Trigger};

/// Where in a step an event belongs; phases only move on.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Phase {
    Start,
    Initial,
    Sessions,
    Shocks,
    Stances,
    Review,
    Exchange,
    Meetings,
    Delivery,
    Outcomes,
    End,
}

impl Folding<'_> {
    pub(super) fn phase_of(&self, row: usize, event: Event) -> Phase {
        let initially = |instance: InstanceId| {
            let initial = self.model.commitment_of(instance).initial;
            self.phase <= Phase::Initial && self.fold.world.step == 0 && initial != State::Null
        };
        match event {
            Event::Started | Event::Drawn { .. } => Phase::Start,
            Event::Created(instance) if initially(instance) && self.fold.log[row].cause.is_none() => Phase::Initial,
            Event::Detached(instance)
                if initially(instance) && self.model.commitment_of(instance).initial == State::Detached =>
            {
                Phase::Initial
            }
            Event::Met(_) => Phase::Sessions,
            Event::Shock(_) | Event::Anchor { .. } | Event::Trust { .. } => Phase::Shocks,
            Event::Stance { .. } if self.fold.log[row].cause.is_some() => Phase::Shocks,
            Event::Stance { .. } => Phase::Stances,
            Event::Satisfied(instance) if !self.model.commitment_of(instance).maintain => Phase::Delivery,
            Event::Created(_)
            | Event::Cancelled(_)
            | Event::Expired(_)
            | Event::Suspended(_)
            | Event::Reactivated(_)
            | Event::Violated(_)
            | Event::Released(_)
            | Event::Satisfied(_)
            | Event::Withdrawn { .. } => Phase::Review,
            Event::Detached(_) => self.phase.clamp(Phase::Exchange, Phase::Meetings),
            Event::Agreed { .. } | Event::Failed { .. } => Phase::Meetings,
            Event::Delivered { .. } => Phase::Delivery,
            Event::Reached(_) => Phase::Outcomes,
            Event::Ended(_) => Phase::End,
        }
    }

    /// Whether an event may happen here at all.
    pub(super) fn check(&mut self, row: usize, event: Event, phase: Phase) -> Result<(), String> {
        let name = kind(event);
        if phase < self.phase {
            return Err(format!("`{name}` cannot come after what stands before it in this step"));
        }
        self.check_order(phase, event)?;
        self.check_transition(event)?;
        let unit = |value: f64| (0.0..=1.0).contains(&value);
        match event {
            Event::Started | Event::Drawn { .. }
                if row > self.first.draws.len() || (row == 0) != (event == Event::Started) =>
            {
                Err(format!("`{name}` stands at the beginning of a log only"))
            }
            Event::Stance { value, .. } | Event::Anchor { value, .. } | Event::Trust { value, .. } if !unit(value) => {
                Err(format!("`{name}` has the value {value}; it must be from 0 to 1"))
            }
            Event::Trust { truster, trusted, .. } if truster == trusted => {
                Err("an actor's trust in itself is 1".into())
            }
            Event::Met(meeting) => self.check_met(meeting.index()),
            Event::Shock(shock) => self.check_shock(shock.index()),
            Event::Reached(outcome) if self.fold.world.reached[outcome.index()].is_some() => {
                Err(format!("`{}` was reached before", self.model.outcomes[outcome.index()].id))
            }
            _ => Ok(()),
        }
    }

    /// Phases that go in declaration order do not go back.
    fn check_order(&mut self, phase: Phase, event: Event) -> Result<(), String> {
        let key = match event {
            Event::Met(meeting) => Some((meeting.0, 0)),
            Event::Shock(shock) => Some((shock.0, 0)),
            Event::Stance { actor: ActorId(actor), issue: IssueId(issue), .. } if phase == Phase::Stances => {
                Some((actor, issue))
            }
            Event::Reached(outcome) => Some((outcome.0, 0)),
            Event::Withdrawn { .. } => None,
            _ if phase == Phase::Review => event.instance().map(|instance| (instance.0, 0)),
            _ => None,
        };
        let entered = phase > self.phase;
        self.phase = phase;
        if let Some(key) = key {
            if !entered && key <= self.last_key {
                return Err(format!("`{}` is out of declaration order", kind(event)));
            }
            self.last_key = key;
        } else if entered {
            self.last_key = (0, 0);
        }
        Ok(())
    }

    fn check_met(&self, meeting: usize) -> Result<(), String> {
        let (meeting, step) = (&self.model.meetings[meeting], self.fold.world.step);
        // Sessions rise, and there may be one at every step.
        match meeting.sessions.binary_search_by_key(&step, |&(first, _)| first) {
            Ok(_) => Ok(()),
            Err(_) => Err(format!("no session of `{}` begins at step {step}", meeting.id)),
        }
    }

    fn check_shock(&self, shock: usize) -> Result<(), String> {
        let step = self.fold.world.step;
        let shock = &self.model.shocks[shock];
        match &shock.trigger {
            Trigger::On(steps) if steps.binary_search(&step).is_err() => {
                Err(format!("`{}` does not strike at step {step}", shock.id))
            }
            _ => Ok(()),
        }
    }

    /// The life cycle of section 3 of the model.
    fn check_transition(&self, event: Event) -> Result<(), String> {
        let Some(instance) = event.instance() else { return self.check_owed(event) };
        let commitment = self.model.commitment_of(instance);
        let state = self.fold.world.instance(instance).state;
        let legal = match event {
            Event::Created(_) => state == State::Null,
            Event::Cancelled(_) | Event::Detached(_) => state == State::Conditional,
            Event::Expired(_) => matches!(state, State::Null | State::Conditional) && commitment.expires.is_some(),
            Event::Suspended(_) => state == State::Detached && commitment.stay.is_some(),
            Event::Reactivated(_) => state == State::Pending,
            Event::Delivered { .. } | Event::Satisfied(_) => state == State::Detached,
            Event::Violated(_) => matches!(state, State::Detached | State::Pending),
            Event::Released(_) => {
                matches!(state, State::Conditional | State::Detached | State::Pending) && commitment.release.is_some()
            }
            Event::Withdrawn { .. } => commitment.maintain,
            _ => true,
        };
        if !legal {
            let name = &self.model.instances[instance.index()].name;
            return Err(format!("`{}` of `{name}` is no legal move: it is {}", kind(event), state.name()));
        }
        self.check_owed(event)
    }

    /// What a maintained commitment had in force is withdrawn at once, whole, in the order of `gives`.
    fn check_owed(&self, event: Event) -> Result<(), String> {
        let name = |instance: InstanceId| &self.model.instances[instance.index()].name;
        match (self.owed.front(), event) {
            (Some(&(owner, owed, _)), Event::Withdrawn { instance, gift, .. }) if (instance, gift) == (owner, owed) => {
                Ok(())
            }
            (Some(&(owner, ..)), _) => Err(format!("`withdrawn` of `{}` must come first", name(owner))),
            (None, Event::Withdrawn { instance, .. }) => Err(format!("`{}` has nothing to withdraw", name(instance))),
            (None, _) => Ok(()),
        }
    }

    pub(super) fn note_owed(&mut self, event: Event) {
        if let Event::Withdrawn { .. } = event {
            self.owed.pop_front();
            return;
        }
        let (Event::Suspended(instance)
        | Event::Violated(instance)
        | Event::Released(instance)
        | Event::Satisfied(instance)) = event
        else {
            return;
        };
        if self.model.commitment_of(instance).maintain {
            for gift in self.model.gifts(instance) {
                let amount = self.fold.world.evidence.handed_over(gift.position);
                if amount > Amount::ZERO {
                    self.owed.push_back((instance, u32::try_from(gift.number).unwrap_or(u32::MAX), amount));
                }
            }
        }
    }

    /// An amount as exact as the run had it: what is due follows from the state, and the row must say the same.
    pub(super) fn exact(&self, event: Event) -> Result<Event, String> {
        match event {
            Event::Delivered { instance, gift, amount } => {
                let exact = self.due(instance, gift);
                if exact.to_units().to_bits() != amount.to_units().to_bits() || exact == Amount::ZERO {
                    let name = &self.model.instances[instance.index()].name;
                    return Err(format!("`{name}` hands over {} here, not {}", exact.to_units(), amount.to_units()));
                }
                Ok(Event::Delivered { instance, gift, amount: exact })
            }
            Event::Withdrawn { instance, gift, amount } => {
                let exact = self.owed.front().map_or(Amount::ZERO, |&(_, _, amount)| amount);
                if exact.to_units().to_bits() != amount.to_units().to_bits() {
                    let name = &self.model.instances[instance.index()].name;
                    return Err(format!("`{name}` had {} in force, not {}", exact.to_units(), amount.to_units()));
                }
                Ok(Event::Withdrawn { instance, gift, amount: exact })
            }
            other => Ok(other),
        }
    }

    /// The increment of a gift that is due at this step.
    fn due(&self, instance: InstanceId, gift: u32) -> Amount {
        let setup = &self.fold.setup;
        let (lead, over) = (setup.lead[instance.index()], setup.over[instance.index()]);
        let gift = self.model.gift(instance, gift as usize);
        let due = self.fold.world.instance(instance).increments_due(self.fold.world.step, lead, over);
        let total = setup.gives[gift.position].increment_total(due, over);
        total.minus(self.fold.world.evidence.handed_over(gift.position))
    }
}
