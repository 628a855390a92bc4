//! Phase 2 in a run: how stances move.

use super::super::decide::{self, Influences, Noise, StanceStep};
use super::super::failure::Failure;
use super::progress::Progress;
use crate::model::MeetingId;

/// What the phase keeps from step to step.
#[derive(Clone, Default)]
pub(super) struct Opinions {
    influences: Influences,
    noise: Noise,
    step: StanceStep,
    /// Positions of the stances that moved.
    moved: Vec<u32>,
}

impl Opinions {
    /// For the numbers in the setup of a run, or of a fork of it.
    pub(super) fn reset(&mut self, progress: &Progress<'_>) {
        self.noise.reset(progress.view(), progress.luck);
        self.influences.reset(progress.model, &progress.run.setup);
    }

    /// Lets the stances move, with these meetings in session.
    pub(super) fn run(&mut self, progress: &mut Progress<'_>, sessions: &[(MeetingId, u32)]) -> Result<(), Failure> {
        let Self { influences, noise, step, moved } = self;
        let weights = influences.weights(progress.model, &progress.run.setup, sessions);
        progress.spend(weights.size() as u64)?;
        if !progress.is_quick() {
            return progress.decide(|view, out| {
                decide::stances(view, weights, noise, step, out);
                Ok(())
            });
        }
        if decide::next_stances(progress.view(), weights, noise, step) {
            progress.move_stances(step.next(), moved);
        }
        Ok(())
    }
}
