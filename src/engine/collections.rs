//! Small collections by number: a set of commitment instances, a bit each, and lists.

use crate::model::InstanceId;

/// A set of instances (or of other numbered items), iterated in declaration order. The cost of iterating or clearing
/// depends on the number of members, not on the capacity.
#[derive(Clone, Debug, Default)]
pub(super) struct InstanceSet {
    words: Vec<u64>,
    /// A bit for each non-zero word of `words`.
    used: Vec<u64>,
    /// Whether it is certainly empty, so that its words need not be read: of a large set they are scattered over memory.
    is_clear: bool,
}

impl InstanceSet {
    /// An empty set with a capacity of `count` instances.
    #[must_use]
    pub(super) fn new(count: usize) -> Self {
        let words = count.div_ceil(64);
        Self { words: vec![0; words], used: vec![0; words.div_ceil(64)], is_clear: true }
    }

    /// Removes all members and sets the capacity to `count`.
    pub(super) fn reset(&mut self, count: usize) {
        self.clear();
        let words = count.div_ceil(64);
        self.words.resize(words, 0);
        self.used.resize(words.div_ceil(64), 0);
    }

    /// Adds an instance.
    #[inline]
    pub(super) fn insert(&mut self, instance: InstanceId) {
        self.is_clear = false;
        let at = instance.index() / 64;
        self.words[at] |= 1 << (instance.index() % 64);
        self.used[at / 64] |= 1 << (at % 64);
    }

    /// Adds the members of another set of the same capacity.
    pub(super) fn add(&mut self, other: &Self) {
        self.is_clear &= other.is_clear;
        for (block, &used) in other.used.iter().enumerate() {
            self.used[block] |= used;
            for at in bits(used).map(|bit| block * 64 + bit) {
                self.words[at] |= other.words[at];
            }
        }
    }

    /// Moves the members to another set of as many.
    #[inline]
    pub(super) fn move_to(&mut self, other: &mut Self) {
        if self.may_have_any() {
            other.add(self);
            self.clear();
        }
    }

    /// A fast test: `false` only if the set is empty.
    #[inline]
    #[must_use]
    pub(super) fn may_have_any(&self) -> bool {
        !self.is_clear && self.used.iter().any(|&used| used != 0)
    }

    /// Removes an instance.
    #[inline]
    pub(super) fn remove(&mut self, instance: InstanceId) {
        if !self.is_clear {
            self.words[instance.index() / 64] &= !(1 << (instance.index() % 64));
        }
    }

    /// Whether an instance is a member.
    #[inline]
    #[must_use]
    pub(super) fn contains(&self, instance: InstanceId) -> bool {
        self.words[instance.index() / 64] & (1 << (instance.index() % 64)) != 0
    }

    /// Whether an instance is a member; `false` for one beyond the capacity.
    #[must_use]
    pub(super) fn holds(&self, instance: InstanceId) -> bool {
        instance.index() / 64 < self.words.len() && self.contains(instance)
    }

    /// Whether the set is empty.
    #[inline]
    #[must_use]
    pub(super) fn is_empty(&self) -> bool {
        !self.may_have_any() || self.words.iter().all(|&word| word == 0)
    }

    /// Appends the members to `out`, in declaration order.
    pub(super) fn collect_into(&self, out: &mut Vec<InstanceId>) {
        for (block, &used) in self.used.iter().enumerate() {
            for at in bits(used).map(|bit| block * 64 + bit) {
                out.extend(bits(self.words[at]).map(|bit| InstanceId::at(at * 64 + bit)));
            }
        }
    }

    /// Copies the members of another set of the same capacity.
    pub(super) fn copy_from(&mut self, other: &Self) {
        self.words.copy_from_slice(&other.words);
        self.used.copy_from_slice(&other.used);
        self.is_clear = other.is_clear;
    }

    /// Removes all members.
    pub(super) fn clear(&mut self) {
        for (block, used) in self.used.iter_mut().enumerate() {
            bits(std::mem::take(used)).for_each(|bit| self.words[block * 64 + bit] = 0);
        }
        self.is_clear = true;
    }

    /// Moves the members to `out`, in declaration order.
    #[inline]
    pub(super) fn drain_into(&mut self, out: &mut Vec<InstanceId>) {
        if self.may_have_any() {
            self.collect_into(out);
            self.clear();
        }
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

/// Numbered lists, packed into one allocation.
#[derive(Clone, Debug, Default)]
pub(super) struct Lists {
    starts: Vec<u32>,
    items: Vec<u32>,
}

impl Lists {
    /// Packs (list, item) pairs into `count` lists.
    pub(super) fn new(count: usize, mut pairs: Vec<(u32, u32)>) -> Self {
        pairs.sort_unstable();
        pairs.dedup();
        let mut starts = vec![0; count + 1];
        for &(list, _) in &pairs {
            starts[list as usize + 1] += 1;
        }
        for at in 0..count {
            starts[at + 1] += starts[at];
        }
        Self { starts, items: pairs.into_iter().map(|(_, item)| item).collect() }
    }

    /// Packs the items 0, 1, 2 … into `count` lists, given the list of each.
    pub(super) fn numbered(count: usize, list_of: impl Iterator<Item = u32> + Clone) -> Self {
        let mut starts = vec![0; count + 1];
        list_of.clone().for_each(|list| starts[list as usize + 1] += 1);
        for at in 0..count {
            starts[at + 1] += starts[at];
        }
        let mut ends = starts.clone();
        let mut items = vec![0; starts[count] as usize];
        for (item, list) in (0..).zip(list_of) {
            let end = &mut ends[list as usize];
            items[*end as usize] = item;
            *end += 1;
        }
        Self { starts, items }
    }

    /// Number of items of all lists.
    pub(super) fn len(&self) -> usize {
        self.items.len()
    }

    /// One list, rising.
    #[inline]
    #[must_use]
    pub(super) fn get(&self, list: u32) -> &[u32] {
        &self.items[self.range(list)]
    }

    #[inline]
    fn range(&self, list: u32) -> std::ops::Range<usize> {
        self.starts[list as usize] as usize..self.starts[list as usize + 1] as usize
    }
}

/// Numbered lists whose items have masks.
#[derive(Clone, Debug, Default)]
pub(super) struct MaskedLists {
    lists: Lists,
    masks: Vec<u64>,
}

impl MaskedLists {
    /// Packs (list, item, mask) into `count` lists; masks of equal items in a list are combined.
    pub(super) fn new(count: usize, mut entries: Vec<(u32, u32, u64)>) -> Self {
        entries.sort_unstable();
        entries.dedup_by(|next, first| {
            let is_same = (next.0, next.1) == (first.0, first.1);
            if is_same {
                first.2 |= next.2;
            }
            is_same
        });
        let masks = entries.iter().map(|&(.., mask)| mask).collect();
        Self { lists: Lists::new(count, entries.into_iter().map(|(list, item, _)| (list, item)).collect()), masks }
    }

    /// One list, rising.
    #[inline]
    #[must_use]
    pub(super) fn get(&self, list: u32) -> &[u32] {
        self.lists.get(list)
    }

    /// One list, rising, with the masks.
    #[inline]
    pub(super) fn masked(&self, list: u32) -> impl Iterator<Item = (u32, u64)> + '_ {
        let range = self.lists.range(list);
        self.lists.items[range.clone()].iter().copied().zip(self.masks[range].iter().copied())
    }
}
