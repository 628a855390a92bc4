//! The reasons that can wake evaluated instances.

use crate::model::{InstanceId, Quantity, Reader};

/// The kinds of conditions that are evaluated together: `when` in an Exchange, the others in Review.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in super::super) enum Kind {
    When,
    Review,
}

/// All quantities that a condition reads.
pub(super) const ALL: u64 = u64::MAX;

/// The mask of the quantity at a position in the list of those that the conditions of a commitment read.
pub(in super::super) fn bit(position: usize) -> u64 {
    1 << position.min(63)
}

/// The changes that may affect the conditions that have just been evaluated.
#[derive(Clone, Debug, Default)]
pub(in super::super) struct Reasons {
    /// By instance: the changes that wake it.
    pub(in super::super) sleeping: Vec<(InstanceId, Wake)>,
    /// The intervals of stances that it relies on, by position.
    pub(in super::super) bands: Vec<Band>,
}

/// What wakes an instance.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(in super::super) struct Wake {
    /// The quantities whose change wakes it; a stance wakes it only by leaving its band.
    pub(in super::super) mask: u64,
    /// Whether the next step wakes it, because any change of a stance may matter.
    pub(in super::super) next_step: bool,
}

impl Wake {
    /// The union of two.
    pub(in super::super) fn or(self, other: Self) -> Self {
        Self { mask: self.mask | other.mask, next_step: self.next_step || other.next_step }
    }
}

/// A stance, by position, and an interval within which it wakes nothing.
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

/// The position of a quantity that is a stance; `None` for other quantities.
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
