//! Lists of numbers most of which are the same for all members of a large cohort.

use std::ops::{Index, Range};

use super::Amount;
use super::ids::SlotId;

/// Conversion of the values of a field from and to `f64`.
pub trait Value: Copy {
    /// Converts a number that has passed the domain check.
    fn put(value: f64) -> Self;
    /// Its bits, for comparison.
    fn bits(&self) -> u64;
    /// The argument of [`Value::put`] that gives this value; `None` if there is none.
    fn number(&self) -> Option<f64>;
}

impl Value for f64 {
    fn put(value: f64) -> Self {
        value
    }

    fn bits(&self) -> u64 {
        self.to_bits()
    }

    /// `None` if it is infinite, as the step at which a promise lapses may be: whether that step is finite decides what
    /// is evaluated.
    fn number(&self) -> Option<f64> {
        (!self.is_infinite()).then_some(*self)
    }
}

impl Value for Amount {
    fn put(value: f64) -> Self {
        Self::from_units(value)
    }

    fn bits(&self) -> u64 {
        self.0.cast_unsigned()
    }

    /// `None` if its units are not exact.
    fn number(&self) -> Option<f64> {
        let units = self.to_units();
        (Self::from_units(units) == *self).then_some(units)
    }
}

impl Value for u32 {
    /// The number must have passed the check of [`super::Domain::Whole`].
    #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "the domain is that of a u32")]
    fn put(value: f64) -> Self {
        value as Self
    }

    fn bits(&self) -> u64 {
        u64::from(*self)
    }

    fn number(&self) -> Option<f64> {
        Some(f64::from(*self))
    }
}

impl Value for Option<u32> {
    fn put(value: f64) -> Self {
        Some(u32::put(value))
    }

    fn bits(&self) -> u64 {
        self.map_or(u64::MAX, u64::from)
    }

    fn number(&self) -> Option<f64> {
        self.map(f64::from)
    }
}

/// A number for each of many things, which is stored once as long as it is the same for all of them: a commitment of a
/// million members takes no memory for the deadlines that it does not have.
#[derive(Debug, Default)]
pub struct Numbers<T> {
    count: usize,
    /// The number of all of them, while `each` is empty.
    same: T,
    each: Vec<T>,
}

impl<T: Value> Numbers<T> {
    /// The same number for all.
    #[must_use]
    pub fn new(value: T, count: usize) -> Self {
        Self { count, same: value, each: Vec::new() }
    }

    /// How many there are.
    #[must_use]
    pub fn len(&self) -> usize {
        self.count
    }

    /// Whether there are none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.count == 0
    }

    /// The number of a thing; `None` if there is no such thing.
    #[must_use]
    pub fn get(&self, at: usize) -> Option<&T> {
        (at < self.count).then(|| &self[at])
    }

    /// The number of all things, if it is known to be the same.
    #[must_use]
    pub fn of_all(&self) -> Option<T> {
        self.each.is_empty().then_some(self.same)
    }

    /// The numbers in order.
    pub fn iter(&self) -> impl Iterator<Item = &T> {
        (0..self.count).map(|at| &self[at])
    }

    /// Adds things with this number, until there are `count`.
    pub fn grow(&mut self, count: usize, value: T) {
        let is_same = self.each.is_empty() && (self.count == 0 || self.same.bits() == value.bits());
        if is_same {
            self.same = value;
        } else {
            self.store_each();
            self.each.resize(count, value);
        }
        self.count = count;
    }

    /// Replaces the number of a thing.
    ///
    /// # Panics
    /// If there is no such thing.
    pub fn set(&mut self, at: usize, value: T) {
        if self.each.is_empty() {
            if at < self.count && self.same.bits() == value.bits() {
                return;
            }
            self.store_each();
        }
        self.each[at] = value;
    }

    fn store_each(&mut self) {
        if self.each.is_empty() {
            self.each.resize(self.count, self.same);
        }
    }
}

impl<T> Index<usize> for Numbers<T> {
    type Output = T;

    /// The number of a thing, which there must be.
    #[inline]
    fn index(&self, at: usize) -> &T {
        debug_assert!(at < self.count, "there are {}", self.count);
        self.each.get(at).unwrap_or(&self.same)
    }
}

impl<T: Value> From<Vec<T>> for Numbers<T> {
    fn from(each: Vec<T>) -> Self {
        let mut numbers = each
            .first()
            .map_or(Self { count: 0, same: T::put(0.0), each: Vec::new() }, |&first| Self::new(first, each.len()));
        each.into_iter().enumerate().for_each(|(at, value)| numbers.set(at, value));
        numbers
    }
}

impl<T: Copy> Clone for Numbers<T> {
    fn clone(&self) -> Self {
        Self { count: self.count, same: self.same, each: self.each.clone() }
    }

    /// Reuses the memory.
    fn clone_from(&mut self, other: &Self) {
        (self.count, self.same) = (other.count, other.same);
        self.each.clone_from(&other.each);
    }
}

/// Compares the numbers, not how they are stored.
impl<T: Value + PartialEq> PartialEq for Numbers<T> {
    fn eq(&self, other: &Self) -> bool {
        self.count == other.count
            && if self.each.is_empty() && other.each.is_empty() {
                self.count == 0 || self.same == other.same
            } else {
                self.iter().eq(other.iter())
            }
    }
}

/// The slots that each gift counts in, by the flat position of the gift. Of a large model they are stored once if all gifts
/// count in the same ones.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct GiftSlots {
    gifts: usize,
    /// Where those of each gift begin, and the end of the last; empty if they are stored once.
    starts: Vec<u32>,
    /// Those of all gifts; if they are stored once, those of as many gifts as an instance may have.
    slots: Vec<SlotId>,
    /// If they are stored once: how many there are of each gift.
    of_each: usize,
}

impl GiftSlots {
    /// With so many gifts, they are compared.
    const MANY: usize = 1 << 15;

    /// Given where those of each gift begin, with the end of the last, and the largest number of gifts of an instance.
    #[must_use]
    pub fn new(starts: Vec<u32>, mut slots: Vec<SlotId>, widest: usize) -> Self {
        let gifts = starts.len() - 1;
        let of_each = slots.len() / gifts.max(1);
        let is_alike = gifts >= Self::MANY
            && starts.windows(2).all(|ends| (ends[1] - ends[0]) as usize == of_each)
            && slots.chunks(of_each.max(1)).all(|some| *some == slots[..of_each]);
        if !is_alike {
            return Self { gifts, starts, slots, of_each: 0 };
        }
        slots.truncate(of_each * widest);
        slots.shrink_to_fit();
        Self { gifts, starts: Vec::new(), slots, of_each }
    }

    /// The number of gifts.
    #[must_use]
    pub fn gifts(&self) -> usize {
        self.gifts
    }

    /// Those of successive gifts of one instance, gift by gift.
    #[inline(always)]
    #[must_use]
    pub fn of(&self, gifts: Range<usize>) -> &[SlotId] {
        if self.starts.is_empty() {
            return &self.slots[..self.of_each * gifts.len()];
        }
        &self.slots[self.starts[gifts.start] as usize..self.starts[gifts.end] as usize]
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[derive(Clone, Debug)]
    enum Change {
        Grow(usize, u32),
        Set(usize, u32),
    }

    fn change() -> impl Strategy<Value = Change> {
        let grow = (0..4_usize, 0..2_u32).prop_map(|(more, value)| Change::Grow(more, value));
        prop_oneof![grow, (0..20_usize, 0..2_u32).prop_map(|(at, value)| Change::Set(at, value))]
    }

    proptest! {
        #[test]
        fn they_are_those_of_a_list(changes in prop::collection::vec(change(), 0..12)) {
            let (mut numbers, mut list) = (Numbers::default(), Vec::new());
            let mut before = Numbers::new(7, 3);
            for change in changes {
                before.clone_from(&numbers);
                prop_assert_eq!(&before, &Numbers::from(list.clone()));
                match change {
                    Change::Grow(more, value) => {
                        list.resize(list.len() + more, value);
                        numbers.grow(list.len(), value);
                    }
                    Change::Set(at, value) if at < list.len() => {
                        list[at] = value;
                        numbers.set(at, value);
                    }
                    Change::Set(..) => {}
                }
                prop_assert_eq!(numbers.iter().copied().collect::<Vec<u32>>(), list.clone());
                prop_assert_eq!(numbers.get(list.len()), None);
                prop_assert_eq!(numbers == before, before.iter().eq(list.iter()));
            }
        }
    }

    /// Whether they are stored once or not, each gift has its own.
    #[test]
    fn gifts_have_their_slots() {
        let lists: [&dyn Fn(usize) -> Vec<u32>; 4] =
            [&|_| vec![], &|_| vec![3, 5], &|at| vec![u32::from(at == 40_001)], &|at| vec![7; usize::from(at > 9)]];
        for (list, is_alike) in lists.iter().zip([true, true, false, false]) {
            for count in [0, 6, 40_002] {
                let (mut starts, mut slots) = (vec![0], Vec::new());
                for at in 0..count {
                    slots.extend(list(at).into_iter().map(SlotId));
                    starts.push(u32::try_from(slots.len()).unwrap());
                }
                let of_gifts = GiftSlots::new(starts, slots, 3);
                assert_eq!((of_gifts.gifts(), of_gifts.starts.is_empty()), (count, is_alike && count > 6));
                for at in (0..count.saturating_sub(3)).step_by(3) {
                    let expected: Vec<SlotId> = (at..at + 3).flat_map(list).map(SlotId).collect();
                    assert_eq!(
                        (of_gifts.of(at..at + 3), of_gifts.of(at..at + 1)),
                        (&expected[..], &list(at).iter().copied().map(SlotId).collect::<Vec<_>>()[..])
                    );
                }
            }
        }
    }
}
