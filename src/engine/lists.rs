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
        &self.items[self.starts[list as usize] as usize..self.starts[list as usize + 1] as usize]
    }
}
