//! Checks whether an event is valid at its position: the order within a step, the life cycle, and the amounts.

use super::Folding;
use crate::model::{
    ActorId, Amount, Clause, Event, EventKind, InstanceId, IssueId, Moment, Payload, Phase, State, Trigger,
};

impl Folding<'_> {
    /// The phase that an event belongs to where it stands: that of its kind, but for the circumstances named here.
    pub(super) fn phase_of(&self, row: usize, event: Event) -> Phase {
        let kind = event.kind();
        let has_cause = self.run.log[row].cause().is_some();
        if kind == EventKind::Stance && has_cause {
            return Phase::Shocks;
        }
        let Some(instance) = event.instance() else { return kind.phase() };
        let commitment = self.model.commitment_of(instance);
        let is_start = self.phase <= Phase::Initial && self.run.world.step == 0;
        let is_initial = kind == EventKind::Created && commitment.initial != State::Null && !has_cause
            || kind == EventKind::Detached && commitment.initial == State::Detached;
        let is = |kinds: &[EventKind]| kinds.contains(&kind);
        if is_start && is_initial {
            Phase::Initial
        } else if is(&[EventKind::Renewed, EventKind::Created, EventKind::Reactivated]) && self.is_by_move(row) {
            Phase::Exchange
        } else if is(&[EventKind::Satisfied]) && (commitment.maintain || self.may_rise(instance)) {
            // By `until`; or, where more may still be due than its last increment, once all that it has come to is
            // delivered.
            Phase::Review
        } else if is(&[EventKind::Detached, EventKind::Raised]) {
            self.phase.clamp(Phase::Exchange, Phase::Meetings)
        } else if is(&[EventKind::Reactivated]) && self.phase == Phase::Meetings {
            Phase::Meetings
        } else {
            kind.phase()
        }
    }

    /// Whether a move brings an event about directly. A condition that reads a move may have it for its cause as well,
    /// but is looked at before the moves, in a later step.
    fn is_by_move(&self, row: usize) -> bool {
        let entry = &self.run.log[row];
        let cause = entry.cause().and_then(|cause| self.run.log.get(cause as usize));
        cause.is_some_and(|cause| matches!(cause.event, Event::Moved(_)) && cause.step == entry.step)
    }

    /// Checks an event against the state.
    pub(super) fn check(&mut self, row: usize, event: Event, phase: Phase) -> Result<(), String> {
        let name = event.kind().name();
        if phase < self.phase {
            return Err(format!("`{name}` cannot come after the events before it in this step"));
        }
        self.check_order(phase, event)?;
        self.check_transition(event)?;
        let unit = |value: f64| (0.0..=1.0).contains(&value);
        match event.payload() {
            Payload::Nothing | Payload::Draw { .. }
                if row > self.first.draws.len() || (row == 0) != (event == Event::Started) =>
            {
                Err(format!("`{name}` is valid only at the beginning of a log"))
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

    /// Events of a phase that proceeds in declaration order must not go back.
    fn check_order(&mut self, phase: Phase, event: Event) -> Result<(), String> {
        let key = match event.payload() {
            Payload::Meeting(meeting) => Some((meeting.0, 0)),
            Payload::Shock(shock) => Some((shock.0, 0)),
            Payload::Opinion { actor: ActorId(actor), issue: IssueId(issue), .. } if phase == Phase::Stances => {
                Some((actor, issue))
            }
            Payload::Outcome(outcome) => Some((outcome.0, 0)),
            // The offer of a new round follows the renewal and precedes other offers.
            Payload::Instance(instance) if phase == Phase::Review => {
                let is_new = self.run.world.instance(instance).created == Moment::NEVER;
                Some((instance.0, u32::from(is_new && event.kind() == EventKind::Created)))
            }
            // Withdrawals are ordered with the event that they belong to.
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
        // Sessions are sorted, and there may be one at every step.
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

    /// Checks the life cycle of section 3 of docs/model.md.
    fn check_transition(&self, event: Event) -> Result<(), String> {
        let kind = event.kind();
        let (Some(instance), Some(states)) = (event.instance(), kind.happens_in()) else {
            return self.check_owed(event);
        };
        let commitment = self.model.commitment_of(instance);
        let state = self.run.world.instance(instance).state;
        // Without a `while` nothing is suspended, and without a `release` nothing is released.
        let is_possible = match kind.clause() {
            Some((clause @ (Clause::While | Clause::Release), _)) => commitment.clause(clause).is_some(),
            Some((Clause::Offer | Clause::When | Clause::Until | Clause::Renew, _)) | None => true,
        };
        if !is_possible || !states.contains(&state) {
            let name = self.model.name_of(instance);
            return Err(format!("`{}` of `{name}` is not possible: its state is {}", kind.name(), state.name()));
        }
        self.check_owed(event)
    }

    /// All amounts of a maintained commitment in force are withdrawn at once, in the order of `gives`.
    fn check_owed(&self, event: Event) -> Result<(), String> {
        let name = |instance: InstanceId| self.model.name_of(instance);
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
        let Some((instance, state)) = event.instance().zip(event.kind().leads_to()) else { return };
        if self.model.commitment_of(instance).maintain && !state.standing(true).bound {
            for gift in self.model.gifts(instance) {
                let amount = self.run.world.evidence.delivered_amount(gift.position);
                if amount > Amount::ZERO {
                    self.owed.push_back((instance, u32::try_from(gift.number).unwrap_or(u32::MAX), amount));
                }
            }
        }
    }

    /// Replaces a rounded amount by the exact one, which follows from the state, and checks that they agree.
    pub(super) fn exact(&self, event: Event) -> Result<Event, String> {
        let Payload::Gift { instance, gift, amount } = event.payload() else { return Ok(event) };
        let kind = event.kind();
        let name = self.model.name_of(instance);
        let is_exact = |exact: Amount| exact.to_units().to_bits() == amount.to_units().to_bits();
        let exact = if kind == EventKind::Delivered {
            let due = self.due(instance, gift);
            if !is_exact(due) || due == Amount::ZERO {
                return Err(format!("`{name}` delivers {} here, not {}", due.to_units(), amount.to_units()));
            }
            due
        } else if kind == EventKind::Withdrawn {
            let in_force = self.owed.front().map_or(Amount::ZERO, |&(_, _, amount)| amount);
            if !is_exact(in_force) {
                return Err(format!("`{name}` had {} in force, not {}", in_force.to_units(), amount.to_units()));
            }
            in_force
        } else if kind == EventKind::Raised {
            self.raised(instance, gift, amount)?
        } else {
            amount
        };
        Ok(kind.with(Payload::Gift { instance, gift, amount: exact }).unwrap_or(event))
    }

    /// Whether a graded amount of an instance is below its limit.
    fn may_rise(&self, instance: InstanceId) -> bool {
        let (commitment, evidence) = (self.model.commitment_of(instance), &self.run.world.evidence);
        self.model.gifts(instance).any(|gift| {
            let most = self.run.setup.gives[gift.position];
            commitment.level(gift.number).is_some() && evidence.graded(gift.position) < most
        })
    }

    /// A graded amount, exact to its `by`, which the rounded text may leave open.
    fn raised(&self, instance: InstanceId, number: u32, amount: Amount) -> Result<Amount, String> {
        let (model, setup) = (self.model, &self.run.setup);
        let name = model.name_of(instance);
        let gift = model.gift(instance, number as usize);
        if model.commitment_of(instance).level(gift.number).is_none() {
            return Err(format!("`{name}` gives a fixed amount of this resource, which cannot rise"));
        }
        let (most, by) = (setup.gives[gift.position], setup.by[gift.position]);
        let nearest = Amount((amount.0 + by.0 / 2) / by.0 * by.0);
        let written = amount.to_units().to_bits();
        let exact = [most, nearest].into_iter().find(|exact| exact.to_units().to_bits() == written).unwrap_or(amount);
        let now = self.run.world.evidence.graded(gift.position);
        if exact <= now || exact > most {
            let (now, most) = (now.to_units(), most.to_units());
            return Err(format!("`{name}` cannot be raised from {now} to {}; its limit is {most}", amount.to_units()));
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
        total.minus(self.run.world.evidence.delivered_amount(gift.position))
    }
}

/// Whether a trigger can fire at a step, judged by the calendar alone.
fn may_come(trigger: &Trigger, step: u32) -> bool {
    match trigger {
        Trigger::On(steps) => steps.binary_search(&step).is_ok(),
        Trigger::Rate(_) | Trigger::When { .. } => true,
    }
}
