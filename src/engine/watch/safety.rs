//! Which parts of the conditions of commitments cannot fail in a run.

use super::super::ranges::safe_parts;
use super::conditions::{Conditions, Which};
use crate::model::{CommitmentId, Model, Setup};

/// By commitment, then [`Which`]: for each node whether it cannot fail; empty where it does not matter.
#[derive(Clone, Debug, Default)]
pub(in super::super) struct Safety {
    parts: Vec<Vec<bool>>,
}

impl Safety {
    /// For the numbers of a run.
    pub(in super::super) fn reset(&mut self, model: &Model, conditions: &[Conditions], setup: &Setup) {
        self.parts.clear();
        for (commitment, conditions) in model.commitments.iter().zip(conditions) {
            self.parts.extend(Which::ALL.map(|which| match (which.of(commitment), conditions.watched(which)) {
                (Some(expression), Some(watched)) if watched.is_connected => safe_parts(expression, model, setup),
                _ => Vec::new(),
            }));
        }
    }

    /// Of one condition.
    pub(in super::super) fn of(&self, commitment: CommitmentId, which: Which) -> &[bool] {
        self.parts.get(commitment.index() * Which::ALL.len() + which as usize).map_or(&[], Vec::as_slice)
    }
}
