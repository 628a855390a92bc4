//! The reasons that can wake evaluated instances.

use pulp::{Arch, Simd, WithSimd};

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

/// By position of the stance: the interval within which it may change without waking an instance. Empty if no condition
/// reads the stance of a single actor.
#[derive(Clone, Debug)]
pub(in super::super) struct Bands {
    low: Vec<f64>,
    high: Vec<f64>,
    /// The vector instructions of the machine, because detecting them takes time.
    arch: Arch,
}

/// Whether any stance is outside its band.
struct AnyLeft<'a> {
    low: &'a [f64],
    high: &'a [f64],
    stances: &'a [f64],
}

impl WithSimd for AnyLeft<'_> {
    type Output = bool;

    #[inline(always)]
    #[expect(clippy::needless_bitwise_bool, reason = "without a branch the compiler makes vectors of it")]
    fn with_simd<S: Simd>(self, _: S) -> bool {
        let bands = self.low.iter().zip(self.high).zip(self.stances);
        !bands.fold(true, |all, ((low, high), stance)| all & (low <= stance) & (stance <= high))
    }
}

impl Bands {
    pub(in super::super) fn new(count: usize) -> Self {
        Self { low: vec![f64::NEG_INFINITY; count], high: vec![f64::INFINITY; count], arch: Arch::new() }
    }

    pub(in super::super) fn reset(&mut self) {
        self.low.fill(f64::NEG_INFINITY);
        self.high.fill(f64::INFINITY);
    }

    pub(in super::super) fn narrow(&mut self, Band { stance, low, high }: Band) {
        let at = stance as usize;
        self.low[at] = self.low[at].max(low);
        self.high[at] = self.high[at].min(high);
    }

    /// Whether any stance is outside its band.
    #[inline]
    pub(in super::super) fn is_any_left(&self, stances: &[f64]) -> bool {
        self.arch.dispatch(AnyLeft { low: &self.low, high: &self.high, stances })
    }

    /// Whether a stance is outside its band.
    #[inline]
    pub(in super::super) fn is_left(&self, at: usize, stance: f64) -> bool {
        self.low.get(at).is_some_and(|low| stance < *low) || self.high.get(at).is_some_and(|high| stance > *high)
    }

    pub(in super::super) fn open(&mut self, at: usize) {
        (self.low[at], self.high[at]) = (f64::NEG_INFINITY, f64::INFINITY);
    }
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
