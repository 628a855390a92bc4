//! A set of commitment instances, a bit each.

use crate::model::InstanceId;

/// A set of instances (or of other things with numbers) that is walked in declaration order.
#[derive(Clone, Debug, Default)]
pub(super) struct InstanceSet {
    words: Vec<u64>,
}

impl InstanceSet {
    /// The empty set of up to `count` instances.
    #[must_use]
    pub(super) fn new(count: usize) -> Self {
        Self { words: vec![0; count.div_ceil(64)] }
    }

    /// Takes all members out, and makes room for `count`.
    pub(super) fn reset(&mut self, count: usize) {
        self.words.clear();
        self.words.resize(count.div_ceil(64), 0);
    }

    /// Puts an instance in.
    #[inline]
    pub(super) fn insert(&mut self, instance: InstanceId) {
        self.words[instance.index() / 64] |= 1 << (instance.index() % 64);
    }

    /// Puts the members of another set in.
    pub(super) fn add(&mut self, other: &Self) {
        for (word, other) in self.words.iter_mut().zip(&other.words) {
            *word |= other;
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
        self.words.iter().all(|&word| word == 0)
    }

    /// Appends the members to `out`, in declaration order.
    pub(super) fn collect_into(&self, out: &mut Vec<InstanceId>) {
        for (at, &word) in self.words.iter().enumerate() {
            let mut rest = word;
            while rest != 0 {
                out.push(InstanceId::at(at * 64 + rest.trailing_zeros() as usize));
                rest &= rest - 1;
            }
        }
    }

    /// Takes on the members of another set of as many.
    pub(super) fn copy_from(&mut self, other: &Self) {
        self.words.copy_from_slice(&other.words);
    }

    /// Takes all members out.
    pub(super) fn clear(&mut self) {
        self.words.fill(0);
    }

    /// Moves the members to `out`, in declaration order.
    pub(super) fn drain_into(&mut self, out: &mut Vec<InstanceId>) {
        self.collect_into(out);
        self.words.fill(0);
    }
}
