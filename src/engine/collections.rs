//! Small collections by number: a set of commitment instances, a bit each, and lists.

use std::ops::Range;

use crate::model::InstanceId;

/// The length from which on a list grows in large steps.
const LONG: usize = 1 << 14;

/// Makes room for more in a list that has none left: where it is long, for many times as many, since room that is never
/// used takes no memory, and copying does.
#[inline]
pub(super) fn make_room<T>(list: &mut Vec<T>) {
    if list.len() == list.capacity() && list.len() >= LONG {
        list.reserve_exact(7 * list.len());
    }
}

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

    /// The set of all `count` instances.
    pub(super) fn full(count: usize) -> Self {
        let mut all = Self::new(count);
        (0..count / 64).for_each(|at| all.words[at] = u64::MAX);
        (0..all.words.len()).for_each(|at| all.used[at / 64] |= 1 << (at % 64));
        all.is_clear = count == 0;
        (count / 64 * 64..count).for_each(|at| all.insert(InstanceId::at(at)));
        all
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
    /// Where each begins, and the end of the last. The lists after these are empty: of a large model, nearly all may be.
    starts: Vec<u32>,
    items: Vec<u32>,
}

impl Lists {
    /// Packs (list, item) pairs into `count` lists.
    pub(super) fn new(count: usize, mut pairs: Vec<(u32, u32)>) -> Self {
        pairs.sort_unstable();
        pairs.dedup();
        let starts = starts(count, pairs.iter().map(|&(list, _)| list));
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

    /// The numbers of all lists that may have items.
    pub(super) fn all(&self) -> Range<u32> {
        all(&self.starts)
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
    fn range(&self, list: u32) -> Range<usize> {
        range(&self.starts, list)
    }
}

/// Where each of `count` lists begins, up to the end of the last that has items, given the list of each item, rising.
fn starts(count: usize, lists: impl Iterator<Item = u32>) -> Vec<u32> {
    let mut starts = vec![0];
    for (items, list) in (1..).zip(lists) {
        debug_assert!((list as usize) < count);
        let before = starts.last().copied().unwrap_or(0);
        starts.resize(list as usize + 2, before);
        starts[list as usize + 1] = items;
    }
    starts
}

/// The numbers of all lists that may have items.
fn all(starts: &[u32]) -> Range<u32> {
    0..u32::try_from(starts.len().saturating_sub(1)).expect("lists are numbered with 32 bits")
}

/// The items of a list.
#[inline]
fn range(starts: &[u32], list: u32) -> Range<usize> {
    match starts.get(list as usize..list as usize + 2) {
        Some(&[from, to]) => from as usize..to as usize,
        Some(_) | None => 0..0,
    }
}

/// Consecutive items with the same mask.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Stretch {
    pub(super) first: u32,
    pub(super) count: u32,
    pub(super) mask: u64,
}

impl Stretch {
    #[inline]
    pub(super) fn items(self) -> Range<u32> {
        self.first..self.first + self.count
    }
}

/// Numbered lists whose items have masks. Of a large cohort all members watch the same, so that they are stored together.
#[derive(Clone, Debug, Default)]
pub(super) struct MaskedLists {
    starts: Vec<u32>,
    stretches: Vec<Stretch>,
}

impl MaskedLists {
    /// Packs items into `count` lists; masks of equal items in a list are combined.
    pub(super) fn new(count: usize, mut entries: Vec<(u32, Stretch)>) -> Self {
        entries.sort_unstable();
        if !entries.is_sorted_by(|(list, one), (next, other)| list < next || one.items().end <= other.first) {
            entries = apart(&entries);
        }
        let starts = starts(count, entries.iter().map(|&(list, _)| list));
        Self { starts, stretches: entries.into_iter().map(|(_, stretch)| stretch).collect() }
    }

    /// The numbers of all lists that may have items.
    pub(super) fn all(&self) -> Range<u32> {
        all(&self.starts)
    }

    /// The number of items of a list.
    pub(super) fn len(&self, list: u32) -> usize {
        self.stretches(list).iter().map(|stretch| stretch.count as usize).sum()
    }

    /// One list, rising.
    #[inline]
    pub(super) fn get(&self, list: u32) -> impl Iterator<Item = u32> + '_ {
        self.stretches(list).iter().flat_map(|stretch| stretch.items())
    }

    /// One list, rising, with the masks.
    #[inline]
    pub(super) fn stretches(&self, list: u32) -> &[Stretch] {
        &self.stretches[range(&self.starts, list)]
    }
}

/// Splits the stretches of each list where they overlap, given sorted by list; the masks of equal items are combined.
fn apart(entries: &[(u32, Stretch)]) -> Vec<(u32, Stretch)> {
    let mut apart = Vec::with_capacity(entries.len());
    for entries in entries.chunk_by(|(one, _), (other, _)| one == other) {
        let list = entries[0].0;
        let mut combined = combined(entries.iter().map(|&(_, stretch)| stretch).collect());
        if combined.windows(2).any(|pair| pair[0].items().end > pair[1].first) {
            let singly = |stretch: &Stretch| {
                let mask = stretch.mask;
                stretch.items().map(move |first| Stretch { first, count: 1, mask })
            };
            combined = self::combined(combined.iter().flat_map(singly).collect());
        }
        apart.extend(combined.into_iter().map(|stretch| (list, stretch)));
    }
    apart
}

/// Sorts stretches, and combines the masks of those of the same items.
fn combined(mut stretches: Vec<Stretch>) -> Vec<Stretch> {
    stretches.sort_unstable();
    stretches.dedup_by(|next, kept| {
        let is_same = next.items() == kept.items();
        if is_same {
            kept.mask |= next.mask;
        }
        is_same
    });
    stretches
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use proptest::prelude::*;

    use super::*;

    #[test]
    fn a_full_set_has_every_instance() {
        for count in [0, 1, 63, 64, 65, 4096, 4161] {
            let (mut all, mut one_by_one) = (Vec::new(), Vec::new());
            InstanceSet::full(count).collect_into(&mut all);
            one_by_one.extend((0..count).map(InstanceId::at));
            assert_eq!(all, one_by_one);
            assert_eq!(InstanceSet::full(count).is_empty(), count == 0);
        }
    }

    proptest! {
        #[test]
        fn lists_hold_what_is_packed(pairs in prop::collection::vec((0..9_u32, 0..9_u32), 0..20)) {
            let lists = Lists::new(10, pairs.clone());
            for list in 0..12 {
                let mut items: Vec<u32> = pairs.iter().filter(|pair| pair.0 == list).map(|pair| pair.1).collect();
                items.sort_unstable();
                items.dedup();
                prop_assert_eq!(lists.get(list), items);
            }
        }

        #[test]
        fn masks_of_equal_items_are_combined(
            entries in prop::collection::vec((0..4_u32, 0..9_u32, 1..4_u32, 0..3_u32), 0..12),
        ) {
            let mut singly: BTreeMap<(u32, u32), u64> = BTreeMap::new();
            for &(list, first, count, bit) in &entries {
                (first..first + count).for_each(|item| *singly.entry((list, item)).or_default() |= 1 << bit);
            }
            let stretch = |&(list, first, count, bit): &(u32, u32, u32, u32)| (list, Stretch { first, count, mask: 1 << bit });
            let lists = MaskedLists::new(4, entries.iter().map(stretch).collect());
            for list in 0..6 {
                let own: Vec<(u32, u64)> =
                    singly.iter().filter(|((of, _), _)| *of == list).map(|((_, item), &mask)| (*item, mask)).collect();
                let masked = lists.stretches(list).iter().flat_map(|one| one.items().map(|item| (item, one.mask)));
                prop_assert_eq!(masked.collect::<Vec<_>>(), own.clone());
                prop_assert_eq!(lists.get(list).collect::<Vec<_>>(), own.iter().map(|one| one.0).collect::<Vec<_>>());
                prop_assert_eq!(lists.len(list), own.len());
            }
        }
    }
}
