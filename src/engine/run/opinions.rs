//! Phase 2 in a run: how stances move.

use super::super::agenda::Moved;
use super::super::decide::{self, Influences, Movers, Noise, StanceStep};
use super::super::failure::Failure;
use super::progress::Progress;
use crate::model::{MeetingId, limits};

/// Stances that are worked out for one operation.
const AT_ONCE: u64 = 4;

/// What the phase keeps from step to step.
#[derive(Clone, Default)]
pub(super) struct Opinions {
    influences: Influences,
    noise: Noise,
    movers: Movers,
    step: StanceStep,
    moved: Moved,
    /// The weights under which nobody moves any more, as long as nothing else moves a stance or an anchor.
    still: Option<u64>,
}

impl Opinions {
    /// For the numbers in the setup of a run, or of a fork of it.
    pub(super) fn reset(&mut self, progress: &Progress<'_>) {
        self.noise.reset(progress.view(), progress.luck);
        self.influences.reset(progress.model, &progress.run.setup);
        self.movers.reset();
        self.still = None;
    }

    /// Lets the stances move, with these meetings in session.
    pub(super) fn run(&mut self, progress: &mut Progress<'_>, sessions: &[(MeetingId, u32)]) -> Result<(), Failure> {
        let Self { influences, noise, movers, step, moved, still } = self;
        let pairs = influences.ask(progress.model, &progress.run.setup, sessions);
        if pairs > limits::TIES as u64 {
            return Err(Failure::TooManyTies { step: progress.run.world.step });
        }
        progress.spend(pairs)?;
        let (serial, weights) = influences.weights(progress.model, &progress.run.setup);
        for actor in progress.agenda.take_shifted() {
            movers.note_shift(actor);
            *still = None;
        }
        if *still == Some(serial) {
            return Ok(());
        }
        movers.update(progress.view(), (serial, weights), noise.volatile());
        let stances = movers.few().map_or(progress.model.actors.len(), <[_]>::len) * progress.model.issues.len();
        let events = progress.run.events;
        if stances > 0 {
            progress.spend((weights.size() as u64).saturating_add(stances as u64 / AT_ONCE))?;
            if progress.is_quick() {
                decide::next_stances(progress.view(), (weights, movers), noise, step);
                progress.move_stances(movers.few(), step.next(), moved);
            } else {
                progress.decide(|view, out| {
                    decide::stances(view, (weights, movers), noise, step, out);
                    Ok(())
                })?;
                drop(progress.agenda.take_shifted());
            }
        }
        // If nobody has moved, the same will come out again.
        let is_still = progress.run.events == events && noise.volatile().is_empty();
        *still = is_still.then_some(serial);
        Ok(())
    }
}
