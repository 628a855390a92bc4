//! What decisions read, and what they return: events with their reasons.

use super::failure::Failure;
use super::plan::Plan;
use crate::model::{
    Clause, Event, Expression, InstanceId, MeetingId, Model, MoveId, NotANumber, OutcomeId, Reader, Scope, Seq, Setup,
    ShockId, State, World,
};

/// The inputs of a decision: a state with its model, plan and setup.
#[derive(Clone, Copy, Debug)]
pub struct View<'a> {
    /// The model.
    pub model: &'a Model,
    /// The plan of the model.
    pub plan: &'a Plan,
    /// The setup of the run.
    pub setup: &'a Setup,
    /// The state.
    pub world: &'a World,
}

impl<'a> View<'a> {
    /// The scope of a condition that belongs to no commitment.
    #[must_use]
    pub fn scope(&self) -> Scope<'a> {
        let Self { model, setup, world, .. } = *self;
        Scope { model, setup, world, evidence: &world.evidence, reader: None }
    }

    /// The scope of a commitment's conditions.
    pub(super) fn scope_of(&self, instance: InstanceId) -> Scope<'a> {
        let reader = Reader { actor: self.model.instances[instance.index()].debtor, instance };
        Scope { reader: Some(reader), ..self.scope() }
    }

    /// Whether a commitment's condition holds; `default` if it is not declared.
    pub(super) fn holds(
        &self,
        instance: InstanceId,
        condition: Option<&Expression>,
        default: bool,
    ) -> Result<bool, Failure> {
        let Some(condition) = condition else { return Ok(default) };
        condition.truth(&self.scope_of(instance)).map_err(|fault| self.failure(fault))
    }

    pub(super) fn failure(&self, fault: NotANumber) -> Failure {
        Failure::Expression { fault, step: self.world.step }
    }

    /// The commitments that an agreement may bind, resume or raise, in declaration order: conditional ones, suspended
    /// ones that are resumable, and detached ones that are graded.
    pub(super) fn open(self) -> impl Iterator<Item = InstanceId> + use<'a> {
        self.model.instance_ids().filter(move |&instance| {
            self.may_join(instance)
                || (self.plan.is_graded
                    && self.world.instance(instance).state == State::Detached
                    && self.model.commitment_of(instance).is_graded())
        })
    }

    /// Whether a commitment that is not bound may be bound by its own condition.
    #[inline]
    pub(super) fn may_join(self, instance: InstanceId) -> bool {
        let state = self.world.instance(instance).state;
        state == State::Conditional || (state == State::Pending && self.model.commitment_of(instance).resumable)
    }
}

/// An event that will be applied, and its reason.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Decision {
    pub(super) event: Event,
    pub(super) why: Why,
}

impl Decision {
    pub(super) fn new(event: Event, why: Why) -> Self {
        Self { event, why }
    }
}

/// A condition of the scenario, as the trigger of an event.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Rule {
    /// A clause of an instance's commitment.
    Clause(InstanceId, Clause),
    /// A shock's `when`.
    Shock(ShockId),
    /// A move's `when`.
    Move(MoveId),
    /// An outcome's `when`.
    Outcome(OutcomeId),
}

/// The reason for a decision; the log records it as the `seq` of an event.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Why {
    /// Nothing in the run.
    Nothing,
    /// The first event decided together with it: a shock, an agreement.
    First,
    /// The latest event of the commitment itself.
    Own(InstanceId),
    /// A condition became true or false.
    Rule(Rule),
    /// The session of a meeting.
    Session(MeetingId),
    /// An outcome was reached.
    Reached(OutcomeId),
    /// An event already in the log.
    Event(Seq),
}
