//! A set of commitment instances, a bit each.

use crate::model::InstanceId;

/// A set of instances (or of other things with numbers) that is walked in declaration order. What it takes to walk or
/// empty it depends on its members, not on how many there is room for.
#[derive(Clone, Debug, Default)]
pub(super) struct InstanceSet {
    words: Vec<u64>,
    /// A bit for each of `words` that is not 0.
    used: Vec<u64>,
}

impl InstanceSet {
    /// The empty set of up to `count` instances.
    #[must_use]
    pub(super) fn new(count: usize) -> Self {
        let words = count.div_ceil(64);
        Self { words: vec![0; words], used: vec![0; words.div_ceil(64)] }
    }

    /// Takes all members out, and makes room for `count`.
    pub(super) fn reset(&mut self, count: usize) {
        self.clear();
        let words = count.div_ceil(64);
        self.words.resize(words, 0);
        self.used.resize(words.div_ceil(64), 0);
    }

    /// Puts an instance in.
    #[inline]
    pub(super) fn insert(&mut self, instance: InstanceId) {
        let at = instance.index() / 64;
        self.words[at] |= 1 << (instance.index() % 64);
        self.used[at / 64] |= 1 << (at % 64);
    }

    /// Puts the members of another set of as many in.
    pub(super) fn add(&mut self, other: &Self) {
        for (word, other) in self.words.iter_mut().zip(&other.words) {
            *word |= other;
        }
        for (used, other) in self.used.iter_mut().zip(&other.used) {
            *used |= other;
        }
    }

    /// Takes an instance out.
    #[inline]
    pub(super) fn remove(&mut self, instance: InstanceId) {
        self.words[instance.index() / 64] &= !(1 << (instance.index() % 64));
    }

    /// Whether an instance is in.
    #[inline]
    #[must_use]
    pub(super) fn contains(&self, instance: InstanceId) -> bool {
        self.words[instance.index() / 64] & (1 << (instance.index() % 64)) != 0
    }

    /// Whether an instance is in; false of one beyond those that there is room for.
    #[must_use]
    pub(super) fn holds(&self, instance: InstanceId) -> bool {
        instance.index() / 64 < self.words.len() && self.contains(instance)
    }

    /// Whether there are none.
    #[must_use]
    pub(super) fn is_empty(&self) -> bool {
        self.used.iter().all(|&used| used == 0) || self.words.iter().all(|&word| word == 0)
    }

    /// Appends the members to `out`, in declaration order.
    pub(super) fn collect_into(&self, out: &mut Vec<InstanceId>) {
        for (block, &used) in self.used.iter().enumerate() {
            for at in bits(used).map(|bit| block * 64 + bit) {
                out.extend(bits(self.words[at]).map(|bit| InstanceId::at(at * 64 + bit)));
            }
        }
    }

    /// Takes on the members of another set of as many.
    pub(super) fn copy_from(&mut self, other: &Self) {
        self.words.copy_from_slice(&other.words);
        self.used.copy_from_slice(&other.used);
    }

    /// Takes all members out.
    pub(super) fn clear(&mut self) {
        for (block, used) in self.used.iter_mut().enumerate() {
            bits(std::mem::take(used)).for_each(|bit| self.words[block * 64 + bit] = 0);
        }
    }

    /// Moves the members to `out`, in declaration order.
    pub(super) fn drain_into(&mut self, out: &mut Vec<InstanceId>) {
        self.collect_into(out);
        self.clear();
    }
}

/// Positions of the bits that are set, rising.
fn bits(mut word: u64) -> impl Iterator<Item = usize> {
    std::iter::from_fn(move || {
        let bit = word.trailing_zeros() as usize;
        word &= word.wrapping_sub(1);
        (bit < 64).then_some(bit)
    })
}
