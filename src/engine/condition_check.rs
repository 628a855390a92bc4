//! Evaluates the conditions of one instance and records what may change the results.

use super::agenda::Agenda;
use super::decision::View;
use super::failure::Failure;
use super::watch::{Kind, Reasons, Safety, Wake, Which};
use crate::model::InstanceId;

/// A state with the agenda.
#[derive(Clone, Copy, Debug)]
pub(super) struct Watch<'a> {
    pub(super) view: View<'a>,
    pub(super) safety: &'a Safety,
    pub(super) agenda: &'a Agenda,
}

impl<'a> Watch<'a> {
    /// Begins an evaluation of one kind of conditions of an instance. The reasons that may change the results are
    /// recorded if that pays off.
    pub(super) fn look(&self, kind: Kind, instance: InstanceId, reasons: &Reasons) -> ConditionCheck<'a> {
        let Self { view, safety, agenda } = *self;
        let tries = agenda.is_worth_while(kind, instance);
        ConditionCheck { view, safety, kind, instance, tries, wake: Wake::default(), bands: reasons.bands.len() }
    }
}

/// An evaluation of one kind of conditions of an instance.
pub(super) struct ConditionCheck<'a> {
    view: View<'a>,
    safety: &'a Safety,
    kind: Kind,
    instance: InstanceId,
    /// Whether reasons are recorded.
    tries: bool,
    wake: Wake,
    /// The number of bands before.
    bands: usize,
}

impl ConditionCheck<'_> {
    /// Stops recording reasons: any quantity that the conditions read may wake the instance.
    pub(super) fn give_up(&mut self) {
        self.tries = false;
    }

    /// Whether a condition holds; `default` if it is not declared.
    pub(super) fn holds(&mut self, which: Which, default: bool, reasons: &mut Reasons) -> Result<bool, Failure> {
        let View { model, plan, .. } = self.view;
        let commitment = model.instances[self.instance.index()].commitment;
        let Some(condition) = which.of(&model.commitments[commitment.index()]) else { return Ok(default) };
        if self.tries
            && let Some(watched) = plan.conditions[commitment.index()].watched(which)
        {
            let safe = self.safety.of(commitment, which);
            let scope = self.view.scope_of(self.instance);
            if let Some((truth, wake)) = watched.look((condition, safe), &scope, &mut reasons.bands) {
                self.wake = self.wake.or(wake);
                return Ok(truth);
            }
            // It failed, or its reasons are unknown.
            self.tries = false;
        }
        self.view.holds(self.instance, Some(condition), default)
    }

    /// Puts the instance to sleep for the recorded reasons.
    pub(super) fn sleep(self, reasons: &mut Reasons) {
        if self.tries {
            reasons.sleeping.push((self.instance, self.wake));
            return;
        }
        reasons.bands.truncate(self.bands);
        let View { model, plan, .. } = self.view;
        let commitment = model.instances[self.instance.index()].commitment;
        reasons.sleeping.push((self.instance, plan.conditions[commitment.index()].always(self.kind)));
    }

    /// Discards the recorded reasons, since the instance has an event.
    pub(super) fn forget(self, reasons: &mut Reasons) {
        reasons.bands.truncate(self.bands);
    }
}
