//! Fixed-size bit sets.

/// A set of numbers below a limit given at construction.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Bits {
    words: Vec<u64>,
}

impl Bits {
    pub(super) fn new(count: usize) -> Self {
        Self { words: vec![0; count.div_ceil(64)] }
    }

    #[inline]
    pub(super) fn insert(&mut self, at: usize) {
        self.words[at / 64] |= 1 << (at % 64);
    }

    #[inline]
    pub(super) fn remove(&mut self, at: usize) {
        self.words[at / 64] &= !(1 << (at % 64));
    }

    #[inline]
    pub(super) fn contains(&self, at: usize) -> bool {
        self.words[at / 64] & (1 << (at % 64)) != 0
    }

    /// Number of members that are not in `other`.
    pub(super) fn count_outside(&self, other: &Self) -> usize {
        self.words.iter().zip(&other.words).map(|(a, b)| (a & !b).count_ones() as usize).sum()
    }

    pub(super) fn add_all(&mut self, other: &Self) {
        self.words.iter_mut().zip(&other.words).for_each(|(a, b)| *a |= b);
    }

    pub(super) fn keep_only(&mut self, other: &Self) {
        self.words.iter_mut().zip(&other.words).for_each(|(a, b)| *a &= b);
    }

    /// The members in ascending order.
    pub(super) fn iter(&self) -> impl Iterator<Item = usize> + '_ {
        self.words.iter().enumerate().flat_map(|(at, &word)| {
            std::iter::successors((word != 0).then_some(word), |word| {
                let rest = word & (word - 1);
                (rest != 0).then_some(rest)
            })
            .map(move |word| at * 64 + word.trailing_zeros() as usize)
        })
    }
}

/// A list of bit sets of one size, stored contiguously.
#[derive(Clone, Debug)]
pub(super) struct Cuts {
    stride: usize,
    words: Vec<u64>,
}

impl Cuts {
    pub(super) fn new(count: usize) -> Self {
        Self { stride: count.div_ceil(64).max(1), words: Vec::new() }
    }

    pub(super) fn len(&self) -> usize {
        self.words.len() / self.stride
    }

    /// The number of machine words of all sets together.
    pub(super) fn size(&self) -> usize {
        self.words.len()
    }

    pub(super) fn push(&mut self, cut: &Bits) {
        let at = self.words.len();
        self.words.extend_from_slice(&cut.words);
        self.words.resize(at + self.stride, 0);
    }

    /// The sets that have no member in common with `members`, as slices for [`outside`].
    pub(super) fn unmet<'a>(&'a self, members: &'a Bits) -> impl Iterator<Item = &'a [u64]> {
        let meets = |cut: &[u64]| cut.iter().zip(&members.words).any(|(a, b)| a & b != 0);
        self.words.chunks_exact(self.stride).filter(move |cut| !meets(cut))
    }
}

/// Number of members of a cut that are not in `other`.
pub(super) fn count_outside(cut: &[u64], other: &Bits) -> u32 {
    cut.iter().zip(&other.words).map(|(a, b)| (a & !b).count_ones()).sum()
}

/// The members of a cut that are not in `other`, in ascending order.
pub(super) fn outside<'a>(cut: &'a [u64], other: &'a Bits) -> impl Iterator<Item = usize> + 'a {
    cut.iter().zip(&other.words).enumerate().flat_map(|(at, (a, b))| {
        let word = a & !b;
        std::iter::successors((word != 0).then_some(word), |word| {
            let rest = word & (word - 1);
            (rest != 0).then_some(rest)
        })
        .map(move |word| at * 64 + word.trailing_zeros() as usize)
    })
}
