//! For what those sleep who have been looked at.

use crate::model::{InstanceId, Quantity, Reader};

/// The conditions that are looked at together: `when` in an Exchange, the others in Review.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in super::super) enum Kind {
    When,
    Review,
}

/// Everything that a condition reads, and whatever else.
pub(super) const ALL: u64 = u64::MAX;

/// The mask of the quantity at a position in the list of those that the conditions of a commitment read.
pub(in super::super) fn bit(position: usize) -> u64 {
    1 << position.min(63)
}

/// What may turn a condition that has just been looked at.
#[derive(Clone, Debug, Default)]
pub(in super::super) struct Reasons {
    /// By instance: what has to change of what it reads.
    pub(in super::super) sleeping: Vec<(InstanceId, Wake)>,
    /// Of the stances among that, by position: between which numbers they may move.
    pub(in super::super) bands: Vec<Band>,
}

/// What wakes an instance.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(in super::super) struct Wake {
    /// Changes of what it reads, stances only where they leave their bands.
    pub(in super::super) mask: u64,
    /// Whether the next step does, since a stance may turn something wherever it moves.
    pub(in super::super) next_step: bool,
}

impl Wake {
    /// Either of two.
    pub(in super::super) fn or(self, other: Self) -> Self {
        Self { mask: self.mask | other.mask, next_step: self.next_step || other.next_step }
    }
}

/// A stance by its position, and numbers between which it turns nothing.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(in super::super) struct Band {
    pub(in super::super) stance: u32,
    pub(in super::super) low: f64,
    pub(in super::super) high: f64,
}

impl Reasons {
    pub(in super::super) fn clear(&mut self) {
        self.sleeping.clear();
        self.bands.clear();
    }
}

/// The position of the stance that a quantity is; none of other quantities.
pub(super) fn stance_position(quantity: Quantity, reader: Reader, actors: usize) -> Option<u32> {
    let (actor, issue) = if let Quantity::OwnStance(issue) = quantity {
        (reader.actor, issue)
    } else if let Quantity::Stance(actor, issue) = quantity {
        (actor, issue)
    } else {
        return None;
    };
    u32::try_from(issue.index() * actors + actor.index()).ok()
}
