//! Lists by number.

/// Lists by number, packed.
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

/// Lists by number whose items each have a mask.
#[derive(Clone, Debug, Default)]
pub(super) struct MaskedLists {
    lists: Lists,
    masks: Vec<u64>,
}

impl MaskedLists {
    /// Packs (list, item, mask) into `count` lists; masks of the same item in the same list are united.
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
