//! Looking at the conditions of one instance, and noting what may turn what is found.

use super::agenda::Agenda;
use super::failure::Failure;
use super::view::View;
use super::watch::{Kind, Reasons, Safety, Wake, Which};
use crate::model::InstanceId;

/// A state, and who sleeps in it.
#[derive(Clone, Copy, Debug)]
pub(super) struct Watch<'a> {
    pub(super) view: View<'a>,
    pub(super) safety: &'a Safety,
    pub(super) agenda: &'a Agenda,
}

impl<'a> Watch<'a> {
    /// A look at the conditions of one kind of an instance. What may turn them is found out if it is worth while.
    pub(super) fn look(&self, kind: Kind, instance: InstanceId, reasons: &Reasons) -> Looker<'a> {
        let Self { view, safety, agenda } = *self;
        let tries = agenda.is_worth_while(kind, instance);
        Looker { view, safety, kind, instance, tries, wake: Wake::default(), bands: reasons.bands.len() }
    }
}

/// A look at the conditions of one kind of an instance.
pub(super) struct Looker<'a> {
    view: View<'a>,
    safety: &'a Safety,
    kind: Kind,
    instance: InstanceId,
    /// Whether it is found out what may turn them.
    tries: bool,
    wake: Wake,
    /// How many bands there were before.
    bands: usize,
}

impl Looker<'_> {
    /// Gives up finding out what may turn them: whatever they read may.
    pub(super) fn give_up(&mut self) {
        self.tries = false;
    }

    /// Whether a condition holds; `default` where none is written.
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
            // It fails, or it is not understood.
            self.tries = false;
        }
        self.view.holds(self.instance, Some(condition), default)
    }

    /// Lets the instance sleep for what was found.
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

    /// Forgets what was found, since something happens.
    pub(super) fn forget(self, reasons: &mut Reasons) {
        reasons.bands.truncate(self.bands);
    }
}
