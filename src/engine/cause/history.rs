//! Histories of the numbers that conditions read, searched backwards from the present.

use super::super::collections::make_room;
use crate::model::Seq;

/// A position in a run: an event, the passing of time between two events, or the start.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct LogPosition(u64);

impl LogPosition {
    /// The beginning of step 0, before every event.
    pub(super) const START: Self = Self(0);

    /// The position of an event.
    pub(super) fn event(seq: Seq) -> Self {
        Self(2 * u64::from(seq) + 1)
    }

    /// The passing of time after the event before `seq`.
    pub(super) fn before(seq: Seq) -> Self {
        Self(2 * u64::from(seq))
    }

    /// The event, if this is the position of one.
    pub(super) fn seq(self) -> Option<Seq> {
        (self.0 % 2 == 1).then(|| Seq::try_from(self.0 / 2).expect("made from a sequence number"))
    }
}

/// Maps a float to an integer of the same order, so that minima and maxima are found alike for all quantities.
pub(super) fn ordered(value: f64) -> i64 {
    let bits = value.to_bits().cast_signed();
    if bits < 0 { bits ^ i64::MAX } else { bits }
}

/// The inverse of [`ordered`].
pub(super) fn unordered(value: i64) -> f64 {
    let bits = if value < 0 { value ^ i64::MAX } else { value };
    f64::from_bits(bits.cast_unsigned())
}

/// Entries in a block of the lowest level; a block of a higher level has as many blocks of the level below.
const BLOCK: usize = 64;

/// Minimum and maximum of each full block, by level: 64, 64² and 64³ entries.
type Extremes = [Vec<(i64, i64)>; 3];

/// The successive values of a number, each with the position at which it began.
#[derive(Clone, Debug, Default)]
pub(super) struct History {
    entries: Vec<(LogPosition, i64)>,
    /// Allocated for long histories only.
    extremes: Option<Box<Extremes>>,
}

impl History {
    /// Removes all values except this one.
    pub(super) fn restart(&mut self, at: LogPosition, value: i64) {
        self.entries.clear();
        self.entries.push((at, value));
        self.extremes = None;
    }

    /// Appends a value if it differs from the last one; whether it does.
    pub(super) fn note(&mut self, at: LogPosition, value: i64) -> bool {
        if self.entries.last().is_some_and(|&(_, latest)| latest == value) {
            return false;
        }
        make_room(&mut self.entries);
        self.entries.push((at, value));
        let mut size = BLOCK;
        for level in 0..3 {
            if !self.entries.len().is_multiple_of(size) {
                break;
            }
            let extremes = self.extremes.get_or_insert_default();
            let bounds = if level == 0 {
                extremes_of(self.entries[self.entries.len() - BLOCK..].iter().map(|&(_, value)| (value, value)))
            } else {
                let below = &extremes[level - 1];
                extremes_of(below[below.len() - BLOCK..].iter().copied())
            };
            extremes[level].push(bounds);
            size *= BLOCK;
        }
        true
    }

    /// Position of the latest entry.
    pub(super) fn latest(&self) -> usize {
        self.entries.len() - 1
    }

    /// The position in the run at which an entry begins.
    pub(super) fn moment(&self, position: usize) -> LogPosition {
        self.entries[position].0
    }

    /// The value of an entry.
    pub(super) fn value(&self, position: usize) -> i64 {
        self.entries[position].1
    }

    /// Index of the entry in force at a position of the run; the first if all are later.
    pub(super) fn in_force(&self, at: LogPosition) -> usize {
        self.entries.partition_point(|&(moment, _)| moment <= at).saturating_sub(1)
    }

    /// Position of the last entry from `low` to `high`, both included, whose value is not `alike`.
    ///
    /// The last entry from `low` to `high`, both included, for which `alike` is false.
    pub(super) fn last_unlike(&self, low: usize, high: usize, mut alike: impl FnMut(i64) -> bool) -> Option<usize> {
        let mut end = high + 1;
        'search: while end > low {
            let mut size = BLOCK * BLOCK * BLOCK;
            for level in (0..3).rev() {
                if end.is_multiple_of(size) && end - low >= size {
                    let extremes = self.extremes.as_ref().map(|extremes| extremes[level][end / size - 1]);
                    if extremes.is_some_and(|(least, greatest)| alike(least) && alike(greatest)) {
                        end -= size;
                        continue 'search;
                    }
                }
                size /= BLOCK;
            }
            if !alike(self.entries[end - 1].1) {
                return Some(end - 1);
            }
            end -= 1;
        }
        None
    }
}

fn extremes_of(mut bounds: impl Iterator<Item = (i64, i64)>) -> (i64, i64) {
    let first = bounds.next().expect("a block is not empty");
    bounds.fold(first, |(least, greatest), (low, high)| (least.min(low), greatest.max(high)))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn floats_keep_their_order() {
        let values = [f64::NEG_INFINITY, -1.5, -f64::MIN_POSITIVE, -0.0, 0.0, 1e-300, 1.0, 2.0, f64::INFINITY];
        assert!(values.is_sorted_by_key(|&value| ordered(value)));
        for value in values {
            assert_eq!(unordered(ordered(value)).to_bits(), value.to_bits());
        }
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(64))]
        #[test]
        fn a_search_finds_what_a_scan_finds(
            steps in prop::collection::vec(-3_i64..5, 1..20_000),
            cut in -50_i64..4_000,
            low in 0.0_f64..1.0,
            high in 0.0_f64..1.0,
        ) {
            let mut history = History::default();
            history.restart(LogPosition::START, 0);
            let mut value = 0;
            for (seq, step) in steps.iter().enumerate() {
                value += step;
                history.note(LogPosition::event(u32::try_from(seq).unwrap()), value);
            }
            #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, clippy::cast_precision_loss,
                reason = "positions of a short list")]
            let at = |share: f64| (share * history.latest() as f64) as usize;
            let (low, high) = (at(low.min(high)), at(low.max(high)));
            let scanned = (low..=high).rev().find(|&position| history.value(position) < cut);
            prop_assert_eq!(history.last_unlike(low, high, |value| value >= cut), scanned);
        }
    }
}
