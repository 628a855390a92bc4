//! The offers of the first step, which are the same in all runs with the same amounts and dates.

use super::super::agenda::Agenda;
use super::super::agreement::LARGE;
use super::super::failure::Failure;
use super::super::signals::Signal;
use super::progress::Progress;
use crate::model::{Amount, Event, Model, Setup, State, World};

/// The state after the first Review of a run, from which later runs copy what is the same in them.
///
/// Before that phase no commitment has changed, and an offer without a condition depends neither on stances nor on
/// trust, which may have: whether it is made depends on its date alone, and its evidence on its amounts.
#[derive(Clone, Default)]
pub(super) struct FirstOffers {
    /// Whether the run may use them: it begins at the start of the model.
    pub(super) is_on: bool,
    /// Whether that is so for all commitments of the model; `None` before it is known.
    are_unconditional: Option<bool>,
    /// The numbers of the latest run on which they depend.
    gives: Vec<Amount>,
    expires: Vec<f64>,
    /// What is the same with these numbers, once two runs in a row had them.
    known: Option<Box<Known>>,
}

#[derive(Clone)]
struct Known {
    /// The operations of the phase.
    work: u64,
    /// The signals that its events raise.
    signals: Vec<Signal>,
    /// The state after it.
    world: World,
    agenda: Agenda,
}

impl FirstOffers {
    /// Whether the phase of the step that was begun is the first Review of a run like others.
    #[inline]
    pub(super) fn are_due(&self, progress: &Progress<'_>) -> bool {
        progress.run.world.step == 0 && self.is_on && progress.causes.is_none() && !progress.agenda.is_thorough()
    }

    /// Does the first Review of a run as it was in an earlier run; `review` does it if that is not known.
    pub(super) fn make<'a>(
        &mut self,
        progress: &mut Progress<'a>,
        review: impl FnOnce(&mut Progress<'a>) -> Result<(), Failure>,
    ) -> Result<(), Failure> {
        let model = progress.model;
        if !*self.are_unconditional.get_or_insert_with(|| are_unconditional(model)) {
            return review(progress);
        }
        let is_like_latest = self.is_like_latest(&progress.run.setup);
        match &self.known {
            Some(known) if is_like_latest => return known.repeat(progress),
            Some(_) | None => self.known = None,
        }
        let before = progress.work;
        review(progress)?;
        if is_like_latest {
            self.known = Known::of(progress, progress.work - before).map(Box::new);
        } else {
            self.gives.clone_from(&progress.run.setup.gives);
            self.expires.clone_from(&progress.run.setup.expires);
        }
        Ok(())
    }

    fn is_like_latest(&self, setup: &Setup) -> bool {
        let bits = |values: &[f64]| -> bool {
            values.len() == self.expires.len()
                && values.iter().zip(&self.expires).fold(true, |all, (a, b)| all & (a.to_bits() == b.to_bits()))
        };
        self.gives == setup.gives && bits(&setup.expires)
    }
}

/// Whether every commitment of a model is offered in the first step, unless its date has passed.
fn are_unconditional(model: &Model) -> bool {
    // Copies of a large state would take much memory.
    model.instances.len() <= LARGE
        && model.commitments.iter().all(|commitment| {
            commitment.initial == State::Null && commitment.offer.is_none() && !commitment.is_graded()
        })
}

impl Known {
    /// Takes over the state after the phase, if every commitment has been offered.
    fn of(progress: &Progress<'_>, work: u64) -> Option<Self> {
        let Progress { model, plan, run, agenda, .. } = progress;
        if run.world.instances.iter().any(|own| own.state != State::Conditional) {
            return None;
        }
        let mut signals = Vec::new();
        for instance in model.instance_ids() {
            plan.signals_of(model, Event::Created(instance), |signal| signals.push(signal));
        }
        signals.sort_unstable();
        signals.dedup();
        Some(Self { work, signals, world: run.world.clone(), agenda: agenda.clone() })
    }

    /// Does what the phase did, and records the same events.
    fn repeat(&self, progress: &mut Progress<'_>) -> Result<(), Failure> {
        progress.spend(self.work)?;
        let instances = progress.model.instance_ids();
        progress.check_events(progress.model.instances.len())?;
        progress.run.world.copy_commitments_from(&self.world);
        progress.agenda.copy_instances_from(&self.agenda);
        self.signals.iter().for_each(|&signal| progress.agenda.raise(progress.plan, signal));
        instances.for_each(|instance| progress.record(Event::Created(instance), None));
        Ok(())
    }
}
