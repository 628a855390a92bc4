//! The gap of a run: the number of commitments that could still be bound after its last Exchange.

use super::super::agreement::{self, Tables};
use super::super::decision::View;
use super::super::failure::Failure;
use super::progress::Progress;
use crate::model::{World, begin_step, evolve};

/// The gap of the latest step, and the state to which it belongs.
#[derive(Clone, Default)]
pub(super) struct Gap {
    /// The size of the gap, if it has been computed.
    size: Option<u32>,
    /// The state after the last Exchange, if it is kept; valid if `is_kept`.
    exchanged: Option<World>,
    is_kept: bool,
    tables: Tables,
    /// Where the state is to be kept and the log gives it: how many events came before it.
    logged: Option<usize>,
}

impl Gap {
    /// Forgets the previous step.
    pub(super) fn reset(&mut self) {
        self.size = None;
        self.is_kept = false;
        self.logged = None;
    }

    /// Called after the last Exchange of a step, before deliveries change the state: computes the gap if the step is
    /// the last of the run, and keeps the state if it is `wanted` then or may turn out to be the last. If all events up
    /// to here `are_logged`, the state is replayed from them when it is needed, which is rare.
    pub(super) fn note(&mut self, progress: &Progress<'_>, is_last: bool, wanted: bool, are_logged: bool) {
        self.reset();
        if is_last {
            self.size = Some(progress.run.world.gap());
        }
        let keeps = wanted && is_last || progress.plan.may_stop && !is_last;
        if !keeps || progress.agenda.delivering.is_empty() {
            return;
        }
        if are_logged {
            self.logged = Some(progress.run.log.len());
        } else {
            match &mut self.exchanged {
                Some(kept) => kept.copy_from(&progress.run.world),
                None => self.exchanged = Some(progress.run.world.clone()),
            }
            self.is_kept = true;
        }
    }

    /// The gap at the end of a run. If an outcome stopped the run, it belongs to the state before the last deliveries.
    pub(super) fn at_end(&mut self, progress: &mut Progress<'_>) -> Result<u32, Failure> {
        if let Some(gap) = self.size {
            return Ok(gap);
        }
        self.fold(progress);
        let kept = self.exchanged.as_ref().filter(|_| self.is_kept);
        let mut work = progress.work;
        let world = kept.unwrap_or(&progress.run.world);
        let gap = size(View { world, ..progress.view() }, &mut work, &mut self.tables)?;
        progress.work = work;
        self.size = Some(gap);
        Ok(gap)
    }

    /// The size of the gap, if it has been computed.
    pub(super) fn size(&self) -> Option<u32> {
        self.size
    }

    /// Takes the kept state.
    pub(super) fn take_exchanged(&mut self, progress: &Progress<'_>) -> Option<World> {
        self.fold(progress);
        if self.is_kept { self.exchanged.take() } else { None }
    }
}

impl Gap {
    /// Replays the log to the state that is to be kept.
    fn fold(&mut self, progress: &Progress<'_>) {
        let Some(logged) = self.logged.take() else { return };
        let (model, run) = (progress.model, &progress.run);
        let mut world = World::new(model, &run.setup);
        for entry in &run.log[..logged] {
            if entry.step != world.step {
                begin_step(&mut world, entry.step);
            }
            evolve(model, &run.setup, &mut world, entry.event);
        }
        begin_step(&mut world, run.world.step);
        world.keep_gap(run.world.gap());
        self.exchanged = Some(world);
        self.is_kept = true;
    }
}

/// Computes the gap of the state, for `deadlocked`.
pub(super) fn refresh(progress: &mut Progress<'_>, tables: &mut Tables) -> Result<(), Failure> {
    let mut work = progress.work;
    let gap = size(progress.view(), &mut work, tables)?;
    progress.work = work;
    progress.keep_gap(gap);
    Ok(())
}

/// Size of the greatest agreement of a state.
fn size(view: View<'_>, work: &mut u64, tables: &mut Tables) -> Result<u32, Failure> {
    let members = agreement::greatest(view, work, tables, |_| true)?.members;
    Ok(u32::try_from(members.len()).expect("the number of instances is limited"))
}
