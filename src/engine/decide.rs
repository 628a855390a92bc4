//! Decisions: each phase looks at the state and answers with events. Nothing here changes the state.

mod calendar;
mod delivery;
mod exchange;
mod outcomes;
mod review;
mod stances;

pub(super) use calendar::{dated, shock};
pub(super) use delivery::delivery;
pub(super) use exchange::{Rounds, go_first, initial, package, round};
pub(super) use outcomes::{ending, reached, sample};
pub(super) use review::review;
pub(super) use stances::{Influences, Noise, StanceStep, next_stances, stances};

use super::cause::Why;
use super::failure::Failure;
use super::plan::Plan;
use crate::model::{Event, Expression, InstanceId, Model, Reader, Scope, Setup, World};

/// An event to come, and why.
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

/// What a decision may look at: a state, and what it is a state of.
#[derive(Clone, Copy, Debug)]
pub struct View<'a> {
    /// The model.
    pub model: &'a Model,
    /// What was prepared for it.
    pub plan: &'a Plan,
    /// The numbers of the run.
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

    /// Whether a commitment's condition holds; `default` where none is written.
    pub(super) fn holds(
        &self,
        instance: InstanceId,
        condition: Option<&Expression>,
        default: bool,
    ) -> Result<bool, Failure> {
        let Some(condition) = condition else { return Ok(default) };
        condition.truth(&self.scope_of(instance)).map_err(|fault| self.failure(fault))
    }

    pub(super) fn failure(&self, fault: crate::model::NotANumber) -> Failure {
        Failure::Expression { fault, step: self.world.step }
    }
}
