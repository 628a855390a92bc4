//! Whether an event may stand where it stands: the order within a step, the life cycle, what is handed over.

use super::Folding;
use crate::model::{ActorId, Amount, Event, EventKind, InstanceId, IssueId, Payload, Phase, State, Trigger};

impl Folding<'_> {
    pub(super) fn phase_of(&self, row: usize, event: Event) -> Phase {
        let initially = |instance: InstanceId| {
            let initial = self.model.commitment_of(instance).initial;
            self.phase <= Phase::Initial && self.run.world.step == 0 && initial != State::Null
        };
        let kind = event.kind();
        match event {
            Event::Created(instance) if initially(instance) && self.run.log[row].cause.is_none() => Phase::Initial,
            Event::Detached(instance)
                if initially(instance) && self.model.commitment_of(instance).initial == State::Detached =>
            {
                Phase::Initial
            }
            Event::Renewed(_) | Event::Created(_) | Event::Reactivated(_) if self.is_by_move(row) => Phase::Exchange,
            Event::Stance { .. } if self.run.log[row].cause.is_some() => Phase::Shocks,
            // By `until`.
            Event::Satisfied(instance) if self.model.commitment_of(instance).maintain => Phase::Review,
            // It is done by its last increment, or, once all that it has come to is delivered, in the Review.
            Event::Satisfied(instance) if self.may_rise(instance) => Phase::Review,
            Event::Detached(_) | Event::Raised { .. } => self.phase.clamp(Phase::Exchange, Phase::Meetings),
            Event::Reactivated(_) if self.phase == Phase::Meetings => Phase::Meetings,
            Event::Created(_)
            | Event::Stance { .. }
            | Event::Satisfied(_)
            | Event::Started
            | Event::Drawn { .. }
            | Event::Met(_)
            | Event::Shock(_)
            | Event::Anchor { .. }
            | Event::Trust { .. }
            | Event::Cancelled(_)
            | Event::Expired(_)
            | Event::Suspended(_)
            | Event::Reactivated(_)
            | Event::Delivered { .. }
            | Event::Withdrawn { .. }
            | Event::Violated(_)
            | Event::Released(_)
            | Event::Renewed(_)
            | Event::Moved(_)
            | Event::Agreed { .. }
            | Event::Failed { .. }
            | Event::Reached(_)
            | Event::Ended(_) => kind.phase(),
        }
    }

    /// Whether a move brings an event about directly. A condition that reads a move may have it for its cause as well, but
    /// is looked at before the moves, in a later step.
    fn is_by_move(&self, row: usize) -> bool {
        let entry = &self.run.log[row];
        let cause = entry.cause.and_then(|cause| self.run.log.get(cause as usize));
        cause.is_some_and(|cause| matches!(cause.event, Event::Moved(_)) && cause.step == entry.step)
    }

    /// Whether an event may happen here at all.
    pub(super) fn check(&mut self, row: usize, event: Event, phase: Phase) -> Result<(), String> {
        let name = event.kind().name();
        if phase < self.phase {
            return Err(format!("`{name}` cannot come after what stands before it in this step"));
        }
        self.check_order(phase, event)?;
        self.check_transition(event)?;
        let unit = |value: f64| (0.0..=1.0).contains(&value);
        match event.payload() {
            Payload::Nothing | Payload::Draw { .. }
                if row > self.first.draws.len() || (row == 0) != (event == Event::Started) =>
            {
                Err(format!("`{name}` stands at the beginning of a log only"))
            }
            Payload::Opinion { value, .. } | Payload::Pair { value, .. } if !unit(value) => {
                Err(format!("`{name}` has the value {value}; it must be from 0 to 1"))
            }
            Payload::Pair { truster, trusted, .. } if truster == trusted => {
                Err("an actor's trust in itself is 1".into())
            }
            Payload::Meeting(meeting) => self.check_met(meeting.index()),
            Payload::Shock(shock) => self.check_shock(shock.index()),
            Payload::Move(which) => self.check_move(which.index()),
            Payload::Outcome(outcome) if self.run.world.reached[outcome.index()].is_some() => {
                Err(format!("`{}` was reached before", self.model.outcomes[outcome.index()].id))
            }
            Payload::Nothing
            | Payload::Draw { .. }
            | Payload::Opinion { .. }
            | Payload::Pair { .. }
            | Payload::Instance(_)
            | Payload::Gift { .. }
            | Payload::Package { .. }
            | Payload::Outcome(_)
            | Payload::Ending(_) => Ok(()),
        }
    }

    /// Phases that go in declaration order do not go back.
    fn check_order(&mut self, phase: Phase, event: Event) -> Result<(), String> {
        let key = match event.payload() {
            Payload::Meeting(meeting) => Some((meeting.0, 0)),
            Payload::Shock(shock) => Some((shock.0, 0)),
            Payload::Opinion { actor: ActorId(actor), issue: IssueId(issue), .. } if phase == Phase::Stances => {
                Some((actor, issue))
            }
            Payload::Outcome(outcome) => Some((outcome.0, 0)),
            // The offer of a new round follows the renewal, before anything has been offered in it.
            Payload::Instance(instance) if phase == Phase::Review => {
                let is_new = self.run.world.instance(instance).created.is_none();
                Some((instance.0, u32::from(is_new && event.kind() == EventKind::Created)))
            }
            // Withdrawals follow the event that they belong to.
            Payload::Nothing
            | Payload::Draw { .. }
            | Payload::Move(_)
            | Payload::Opinion { .. }
            | Payload::Pair { .. }
            | Payload::Instance(_)
            | Payload::Gift { .. }
            | Payload::Package { .. }
            | Payload::Ending(_) => None,
        };
        let entered = phase > self.phase;
        self.phase = phase;
        if let Some(key) = key {
            if !entered && key <= self.last_key {
                return Err(format!("`{}` is out of declaration order", event.kind().name()));
            }
            self.last_key = key;
        } else if entered {
            self.last_key = (0, 0);
        }
        Ok(())
    }

    fn check_met(&self, meeting: usize) -> Result<(), String> {
        let (meeting, step) = (&self.model.meetings[meeting], self.run.world.step);
        // Sessions rise, and there may be one at every step.
        match meeting.sessions.binary_search_by_key(&step, |&(first, _)| first) {
            Ok(_) => Ok(()),
            Err(_) => Err(format!("no session of `{}` begins at step {step}", meeting.id)),
        }
    }

    fn check_move(&self, which: usize) -> Result<(), String> {
        let one = &self.model.moves[which];
        let step = self.run.world.step;
        if may_come(&one.trigger, step) { Ok(()) } else { Err(format!("`{}` is not made at step {step}", one.id)) }
    }

    fn check_shock(&self, shock: usize) -> Result<(), String> {
        let shock = &self.model.shocks[shock];
        let step = self.run.world.step;
        if may_come(&shock.trigger, step) {
            Ok(())
        } else {
            Err(format!("`{}` does not strike at step {step}", shock.id))
        }
    }

    /// The life cycle of section 3 of the model.
    fn check_transition(&self, event: Event) -> Result<(), String> {
        let Some(instance) = event.instance() else { return self.check_owed(event) };
        let commitment = self.model.commitment_of(instance);
        let state = self.run.world.instance(instance).state;
        let legal = match event.kind() {
            EventKind::Created => state == State::Null,
            EventKind::Cancelled | EventKind::Detached => state == State::Conditional,
            EventKind::Expired => matches!(state, State::Null | State::Conditional),
            EventKind::Suspended => state == State::Detached && commitment.stay.is_some(),
            EventKind::Reactivated => state == State::Pending,
            EventKind::Delivered | EventKind::Satisfied => state == State::Detached,
            EventKind::Violated => matches!(state, State::Detached | State::Pending),
            EventKind::Released => {
                matches!(state, State::Conditional | State::Detached | State::Pending) && commitment.release.is_some()
            }
            EventKind::Renewed => state.is_final(),
            EventKind::Raised => state == State::Detached && commitment.is_graded(),
            EventKind::Withdrawn => commitment.maintain,
            EventKind::Started
            | EventKind::Drawn
            | EventKind::Met
            | EventKind::Shock
            | EventKind::Moved
            | EventKind::Stance
            | EventKind::Anchor
            | EventKind::Trust
            | EventKind::Agreed
            | EventKind::Failed
            | EventKind::Reached
            | EventKind::Ended => true,
        };
        if !legal {
            let name = &self.model.instances[instance.index()].name;
            return Err(format!("`{}` of `{name}` is no legal move: it is {}", event.kind().name(), state.name()));
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
                let amount = self.run.world.evidence.handed_over(gift.position);
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
            Event::Raised { instance, gift, amount } => {
                let exact = self.raised(instance, gift, amount)?;
                Ok(Event::Raised { instance, gift, amount: exact })
            }
            Event::Started
            | Event::Drawn { .. }
            | Event::Met(_)
            | Event::Shock(_)
            | Event::Stance { .. }
            | Event::Anchor { .. }
            | Event::Trust { .. }
            | Event::Created(_)
            | Event::Cancelled(_)
            | Event::Expired(_)
            | Event::Detached(_)
            | Event::Suspended(_)
            | Event::Reactivated(_)
            | Event::Satisfied(_)
            | Event::Violated(_)
            | Event::Released(_)
            | Event::Renewed(_)
            | Event::Moved(_)
            | Event::Agreed { .. }
            | Event::Failed { .. }
            | Event::Reached(_)
            | Event::Ended(_) => Ok(event),
        }
    }

    /// Whether a graded amount of an instance is below the most that it can be.
    fn may_rise(&self, instance: InstanceId) -> bool {
        let (commitment, evidence) = (self.model.commitment_of(instance), &self.run.world.evidence);
        self.model.gifts(instance).any(|gift| {
            let most = self.run.setup.gives[gift.position];
            commitment.level(gift.number).is_some() && evidence.graded(gift.position) < most
        })
    }

    /// A graded amount, as exact as the run had it where its units leave that open.
    fn raised(&self, instance: InstanceId, number: u32, amount: Amount) -> Result<Amount, String> {
        let (model, setup) = (self.model, &self.run.setup);
        let name = &model.instances[instance.index()].name;
        let gift = model.gift(instance, number as usize);
        if model.commitment_of(instance).level(gift.number).is_none() {
            return Err(format!("`{name}` gives a plain amount of that, which cannot rise"));
        }
        let (most, by) = (setup.gives[gift.position], setup.by[gift.position]);
        let nearest = Amount((amount.0 + by.0 / 2) / by.0 * by.0);
        let written = amount.to_units().to_bits();
        let exact = [most, nearest].into_iter().find(|exact| exact.to_units().to_bits() == written).unwrap_or(amount);
        let now = self.run.world.evidence.graded(gift.position);
        if exact <= now || exact > most {
            let (now, most) = (now.to_units(), most.to_units());
            return Err(format!(
                "`{name}` cannot be raised from {now} to {}; it may come to {most}",
                amount.to_units()
            ));
        }
        Ok(exact)
    }

    /// The increment of a gift that is due at this step.
    fn due(&self, instance: InstanceId, gift: u32) -> Amount {
        let setup = &self.run.setup;
        let (lead, over) = (setup.lead[instance.index()], setup.over[instance.index()]);
        let gift = self.model.gift(instance, gift as usize);
        let due = self.run.world.instance(instance).increments_due(self.run.world.step, lead, over);
        let promised = self.run.world.evidence.amount(self.model, setup, instance, gift);
        let total = promised.increment_total(due, over);
        total.minus(self.run.world.evidence.handed_over(gift.position))
    }
}

/// Whether a trigger lets something come at a step, as far as the calendar says.
fn may_come(trigger: &Trigger, step: u32) -> bool {
    match trigger {
        Trigger::On(steps) => steps.binary_search(&step).is_ok(),
        Trigger::Rate(_) | Trigger::When { .. } => true,
    }
}
