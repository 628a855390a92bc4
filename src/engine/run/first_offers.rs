//! The offers of the first step, which are the same in all runs with the same amounts and dates.

use super::super::agenda::Agenda;
use super::super::agreement::LARGE;
use super::super::failure::Failure;
use super::super::signals::Signal;
use super::progress::Progress;
use crate::model::{Amount, Event, InstanceId, Model, Numbers, Setup, State, World};

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
    gives: Numbers<Amount>,
    expires: Numbers<f64>,
    /// What is the same with these numbers, once two runs in a row had them.
    known: Option<Box<Known>>,
}

#[derive(Clone)]
struct Known {
    /// The operations of the phase.
    work: u64,
    /// The signals that its events raise.
    signals: Vec<Signal>,
    /// The first instance of each commitment.
    first: Vec<InstanceId>,
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

    /// Whether they will be copied into a run with the amounts and dates of the latest.
    #[cfg(test)]
    pub(super) fn are_known(&self) -> bool {
        self.known.is_some()
    }

    fn is_like_latest(&self, setup: &Setup) -> bool {
        // Neither an amount nor a date is NaN, and a date of −0 is stored as 0.
        self.gives == setup.gives && self.expires == setup.expires
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
        let mut first: Vec<InstanceId> = model.instance_ids().collect();
        first.dedup_by_key(|instance| model.instances[instance.index()].commitment);
        Some(Self { work, signals, first, world: run.world.clone(), agenda: agenda.clone() })
    }

    /// Does what the phase did, and records the same events.
    fn repeat(&self, progress: &mut Progress<'_>) -> Result<(), Failure> {
        progress.spend(self.work)?;
        progress.check_events(progress.model.instances.len())?;
        progress.run.world.copy_commitments_from(&self.world);
        progress.agenda.copy_instances_from(&self.agenda);
        self.signals.iter().for_each(|&signal| progress.agenda.raise(progress.plan, signal));
        progress.record_all_created(&self.first);
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::super::{RunOptions, Simulation};
    use crate::engine::{Plan, RunSeed};
    use crate::model::Target;
    use crate::scenario::{Document, Options, compile};

    const TEXT: &str = r#"
        format = 1
        [time]
        steps = 12
        [resources]
        r = {}
        [cohorts.c]
        size = 12
        stance = "0.1 + 0.8 * index / size"
        volatility = 0.05
        [commitments.first]
        debtor = "c"
        gives = { r = 1 }
        expires = 6
        when = "stance + 0.5 * parties(r) / 12 >= 0.8"
        [commitments.second]
        debtor = "c"
        gives = { r = 2 }
        due = 3
        when = "bound(r) >= 4 and offers(first) >= 1"
        [metrics]
        given = "delivered(r)"
    "#;

    /// Runs one after the other, in which an amount or a date of an offer changes now and then, or an offer is not made.
    #[test]
    fn copied_offers_equal_those_that_are_made() {
        let document = Document::parse("test.toml", TEXT.as_bytes()).unwrap();
        let model = compile(&document, &Options::default()).unwrap().model;
        let plan = Plan::new(&model);
        let mut simulation = Simulation::new(&model, &plan, RunOptions::default());
        let (less, early, never) = (Target::Gives(13), Target::Expires(2), Target::Expires(4));
        let sets = [vec![], vec![(less, 0.5)], vec![(early, 1.0)], vec![(less, 0.5), (never, 0.0)], vec![]];
        let mut copied = 0;
        for (replicate, settings) in (0..).zip(sets.iter().flat_map(|settings| [settings; 4])) {
            let run_seed = RunSeed { seed: 1, replicate };
            let mut thorough = Simulation::new(&model, &plan, RunOptions::default()).thorough();
            let (run, alone) = (simulation.run(settings, run_seed), thorough.run(settings, run_seed));
            assert_eq!((&run.world, run.history, run.storyline), (&alone.world, alone.history, alone.storyline));
            assert_eq!((&run.metrics, run.events, run.gap), (&alone.metrics, alone.events, alone.gap));
            copied += u32::from(simulation.knows_first_offers());
        }
        // From the second of four on, except where an offer has lapsed before it is made.
        assert_eq!(copied, 4 * 3);
    }
}
