//! Normal random numbers in bulk, with the same bits as [`normal_quantile`], in loops that the compiler can vectorise.
//!
//! The widest vectors of the machine are selected at run time for these loops only. They do not change results: every
//! operation rounds as the scalar one does, and none is fused.

use pulp::{Arch, Simd, WithSimd};

use super::distribution::{CENTRE_ABOVE, CENTRE_BELOW, TAIL_ABOVE, TAIL_BELOW, horner, normal_quantile};
use super::random::RunSeed;
use super::random::{BLOCK, BlockIndices, BlockWords, Blocks, LANES, WORDS, high_half, low_half};

/// The standard normal draws of many streams, generated for several steps ahead.
///
/// The draw of a stream at a step is the quantile of the stream's word for that step.
#[derive(Clone, Debug)]
pub struct Normals {
    run_seed: RunSeed,
    /// The lower and the upper halves of the streams' numbers.
    low: Vec<u32>,
    high: Vec<u32>,
    /// By step from `first` on, then by stream.
    values: Vec<f64>,
    /// At the beginning of a block.
    first: u32,
    steps: u32,
    /// The number of steps to generate next; small at first, since a run may stop early.
    next: u32,
    tails: Tails,
    /// The vector instructions of the machine, because detecting them takes time.
    arch: Arch,
}

/// The largest number of steps generated together.
const AHEAD: u32 = 32;
/// The approximate number of normals generated together; at least one block of every stream.
const TOGETHER: usize = 1 << 15;

impl Default for Normals {
    fn default() -> Self {
        Self {
            run_seed: RunSeed { seed: 0, replicate: 0 },
            low: Vec::new(),
            high: Vec::new(),
            values: Vec::new(),
            first: 0,
            steps: 0,
            next: BLOCK,
            tails: Tails::default(),
            arch: Arch::new(),
        }
    }
}

impl Normals {
    /// Begins a run with these streams.
    pub fn reset(&mut self, run_seed: RunSeed, streams: impl IntoIterator<Item = u64>) {
        self.low.clear();
        self.high.clear();
        for stream in streams {
            self.low.push(low_half(stream));
            self.high.push(high_half(stream));
        }
        self.restart(run_seed);
    }

    /// Begins another run with the same streams.
    pub fn restart(&mut self, run_seed: RunSeed) {
        self.run_seed = run_seed;
        (self.first, self.steps, self.next) = (0, 0, BLOCK);
    }

    /// Ensures that the draws of a step are generated; `end` is the exclusive end of the run.
    #[inline]
    pub fn look_ahead(&mut self, step: u32, end: u32) {
        if step < self.first || step - self.first >= self.steps {
            self.make(step, end);
        }
    }

    /// The draws of a step that has been generated, by stream.
    #[inline]
    #[must_use]
    pub fn of(&self, step: u32) -> &[f64] {
        let count = self.low.len();
        let from = (step - self.first) as usize * count;
        &self.values[from..from + count]
    }

    fn make(&mut self, step: u32, end: u32) {
        let count = self.low.len();
        self.first = step - step % BLOCK;
        let most = u32::try_from(TOGETHER / count.max(1)).unwrap_or(AHEAD).clamp(BLOCK, AHEAD);
        let needed = end.max(step + 1) - self.first;
        let blocks = self.next.min(most).min(needed.next_multiple_of(BLOCK)) / BLOCK;
        self.next = (self.next * 2).min(AHEAD);
        // Whole blocks are generated, but words beyond the end of the run stay words.
        self.steps = needed.min(blocks * BLOCK);
        let (made, used) = ((blocks * BLOCK) as usize * count, self.steps as usize * count);
        let converted = used.next_multiple_of(FOUND);
        self.values.resize(made.max(converted), MIDDLE);
        if count >= LANES {
            self.fill_rows(blocks);
        } else {
            self.fill_lanes(blocks);
        }
        let values = &mut self.values[..converted];
        values[made.min(converted)..].fill(MIDDLE);
        values.chunks_mut(CHUNK).for_each(|values| normal_quantiles(self.arch, values, &mut self.tails));
    }

    /// Generates one block of consecutive streams at a time.
    fn fill_rows(&mut self, blocks: u32) {
        let count = self.low.len();
        let mut made: BlockWords = [[0.0; LANES]; WORDS];
        for block in 0..blocks {
            let rows = &mut self.values[(block * BLOCK) as usize * count..][..WORDS * count];
            for at in (0..count).step_by(LANES) {
                // The last vector overlaps the one before, whose streams are generated again.
                let at = at.min(count - LANES);
                let mut places = BlockIndices { block: [self.first / BLOCK + block; LANES], ..BlockIndices::default() };
                places.low.copy_from_slice(&self.low[at..at + LANES]);
                places.high.copy_from_slice(&self.high[at..at + LANES]);
                self.arch.dispatch(Blocks { run_seed: self.run_seed, places: &places, made: &mut made, keep: raw });
                for (row, made) in rows.chunks_exact_mut(count).zip(&made) {
                    row[at..at + LANES].copy_from_slice(made);
                }
            }
        }
    }

    /// Generates several blocks of few streams at a time.
    fn fill_lanes(&mut self, blocks: u32) {
        let count = self.low.len();
        let mut made: BlockWords = [[0.0; LANES]; WORDS];
        let mut jobs = (0..blocks).flat_map(|block| (0..count).map(move |at| (block, at))).peekable();
        while jobs.peek().is_some() {
            let mut places = BlockIndices::default();
            let mut targets = [None; LANES];
            for (lane, (block, at)) in jobs.by_ref().take(LANES).enumerate() {
                places.block[lane] = self.first / BLOCK + block;
                (places.low[lane], places.high[lane]) = (self.low[at], self.high[at]);
                targets[lane] = Some((block * BLOCK) as usize * count + at);
            }
            self.arch.dispatch(Blocks { run_seed: self.run_seed, places: &places, made: &mut made, keep: raw });
            for (lane, target) in targets.iter().enumerate().filter_map(|(lane, target)| Some((lane, (*target)?))) {
                for (row, made) in made.iter().enumerate() {
                    self.values[target + row * count] = made[lane];
                }
            }
        }
    }
}

/// A word as a number in [1, 2), which [`open`] converts to the number in (0, 1) that it stands for.
#[inline(always)]
fn raw(word: u64) -> f64 {
    f64::from_bits((word >> 12) | 1.0_f64.to_bits())
}

/// `open_unit` of the word behind a raw number; the difference and the sum are exact.
#[inline(always)]
fn open(raw: f64) -> f64 {
    (raw - 1.0) + 0.5 / 4_503_599_627_370_496.0
}

/// The number of values searched for tails at once.
const FOUND: usize = 32;
/// The number of values processed together, small enough for the first-level cache.
const CHUNK: usize = 64 * FOUND;
/// A raw number that is not in a tail.
const MIDDLE: f64 = 1.5;

/// Working memory for the tails: their positions, then their values.
#[derive(Clone, Debug, Default)]
struct Tails {
    at: Vec<u32>,
    values: Vec<f64>,
}

/// Replaces raw words, a multiple of [`FOUND`] of them, by the corresponding quantiles of the standard normal
/// distribution.
///
/// About 15 in 100 are in the tails. Gathering them is faster than computing both branches for all.
fn normal_quantiles(arch: Arch, values: &mut [f64], tails: &mut Tails) {
    let Tails { at, values: tails } = tails;
    at.resize(values.len() + FOUND, 0);
    let count = arch.dispatch(FindTails { values, at });
    let at = &at[..count];
    tails.clear();
    tails.extend(at.iter().map(|&at| values[at as usize]));
    arch.dispatch(MapEach(values, |raw| centre(open(raw))));
    // Round up to whole vectors, so that none is processed one by one.
    tails.resize(count.next_multiple_of(LANES), MIDDLE);
    let is_any_far = arch.dispatch(Nearer(tails));
    let is_far = |&(_, p): &(usize, f64)| p < FAR;
    let far = if is_any_far { tails.iter().copied().enumerate().filter(is_far).collect() } else { Vec::new() };
    arch.dispatch(MapEach(tails, tail));
    for (at, p) in far {
        tails[at] = -normal_quantile(p);
    }
    for (at, value) in at.iter().zip(tails) {
        // The central branch gives wrong values of the right sign in the tails.
        let place = &mut values[*at as usize];
        *place = value.copysign(*place);
    }
}

/// The distance to the nearer of 0 and 1.
#[inline(always)]
fn nearer(p: f64) -> f64 {
    if p < 0.5 { p } else { 1.0 - p }
}

/// Replaces raw numbers by their distances to the nearer of 0 and 1; returns whether any is below [`FAR`].
struct Nearer<'a>(&'a mut [f64]);

impl WithSimd for Nearer<'_> {
    type Output = bool;

    #[inline(always)]
    fn with_simd<S: Simd>(self, _: S) -> bool {
        let mut is_any_far = false;
        for value in self.0 {
            *value = nearer(open(*value));
            is_any_far |= *value < FAR;
        }
        is_any_far
    }
}

/// Finds the tails among raw numbers: writes their positions to `at`, which has some room to spare, and returns their
/// number.
struct FindTails<'a> {
    values: &'a [f64],
    at: &'a mut [u32],
}

/// Positions that are written at once: usually more than there are tails, so that the branch at the end is well
/// predicted.
const GUESS: usize = 8;

impl WithSimd for FindTails<'_> {
    type Output = usize;

    #[inline(always)]
    fn with_simd<S: Simd>(self, _: S) -> usize {
        let Self { values, at } = self;
        let mut count = 0;
        for (first, chunk) in (0..).step_by(FOUND).zip(values.chunks_exact(FOUND)) {
            let mut mask = 0_u32;
            for (bit, &raw) in chunk.iter().enumerate() {
                mask |= u32::from((open(raw) - 0.5).abs() > 0.425) << bit;
            }
            let here = mask.count_ones() as usize;
            let places = &mut at[count..count + FOUND];
            let mut take = |place: &mut u32| {
                *place = first + mask.trailing_zeros();
                mask &= mask.wrapping_sub(1);
            };
            let (guessed, rest) = places.split_at_mut(GUESS);
            guessed.iter_mut().for_each(&mut take);
            if here > GUESS {
                rest[..here - GUESS].iter_mut().for_each(take);
            }
            count += here;
        }
        count
    }
}

/// Applies a function to each number.
struct MapEach<'a, F>(&'a mut [f64], F);

impl<F: Fn(f64) -> f64> WithSimd for MapEach<'_, F> {
    type Output = ();

    #[inline(always)]
    fn with_simd<S: Simd>(self, _: S) {
        for value in self.0 {
            *value = (self.1)(*value);
        }
    }
}

/// Below this `r` in the algorithm may exceed 5; such `p` are rare and left to the scalar function.
const FAR: f64 = 2e-11;

/// The central branch of AS 241; not valid in the tails.
#[inline(always)]
fn centre(p: f64) -> f64 {
    let q = p - 0.5;
    let r = 0.180_625 - q * q;
    q * horner(&CENTRE_ABOVE, r) / horner(&CENTRE_BELOW, r)
}

/// The nearer tail of AS 241.
#[inline(always)]
fn tail(p: f64) -> f64 {
    let r = (-logarithm(p)).sqrt();
    horner(&TAIL_ABOVE, r - 1.6) / horner(&TAIL_BELOW, r - 1.6)
}

#[expect(clippy::excessive_precision, reason = "the digits of the source")]
const LN2_HI: f64 = 6.931_471_803_691_238_164_90e-1;
#[expect(clippy::excessive_precision, reason = "the digits of the source")]
const LN2_LO: f64 = 1.908_214_929_270_587_700_02e-10;
#[expect(clippy::excessive_precision, reason = "the digits of the source")]
const LG: [f64; 7] = [
    6.666_666_666_666_735_13e-1,
    3.999_999_999_940_941_908e-1,
    2.857_142_874_366_239_149e-1,
    2.222_219_843_214_978_396e-1,
    1.818_357_216_161_805_012e-1,
    1.531_383_769_920_937_332e-1,
    1.479_819_860_511_658_591e-1,
];

/// `libm::log` for positive normal numbers other than 1, without its branches.
///
/// The method is that of FreeBSD's `e_log.c`, from which `libm` has it; a test compares the two bit by bit.
//
// The notice of that file:
//
// Copyright (C) 1993 by Sun Microsystems, Inc. All rights reserved.
//
// Developed at SunSoft, a Sun Microsystems, Inc. business.
// Permission to use, copy, modify, and distribute this
// software is freely granted, provided that this notice
// is preserved.
#[inline(always)]
fn logarithm(x: f64) -> f64 {
    let shifted = x.to_bits() + ((0x3ff0_0000 - 0x3fe6_a09e) << 32);
    let dk = f64::from((shifted >> 52) as i32 - 0x3ff);
    let reduced = f64::from_bits((shifted & 0x000f_ffff_ffff_ffff) + (0x3fe6_a09e << 32));
    let f = reduced - 1.0;
    let hfsq = 0.5 * f * f;
    let s = f / (2.0 + f);
    let z = s * s;
    let w = z * z;
    let t1 = w * (LG[1] + w * (LG[3] + w * LG[5]));
    let t2 = z * (LG[0] + w * (LG[2] + w * (LG[4] + w * LG[6])));
    let r = t2 + t1;
    s * (hfsq + r) + dk * LN2_LO - hfsq + f + dk * LN2_HI
}

#[cfg(test)]
mod tests {
    use super::super::random::{RunSeed, open_unit, stream};
    use super::*;

    fn check(words: &[u64]) {
        let mut values: Vec<f64> = words.iter().copied().map(raw).collect();
        values.resize(words.len().next_multiple_of(FOUND), MIDDLE);
        normal_quantiles(Arch::new(), &mut values, &mut Tails::default());
        for (word, value) in words.iter().zip(values) {
            let p = open_unit(*word);
            assert_eq!(value.to_bits(), normal_quantile(p).to_bits(), "quantile of {p:e}");
        }
    }

    #[test]
    fn quantiles_equal_the_scalar_ones_bit_by_bit() {
        let mut source = RunSeed { seed: 1, replicate: 2 }.source(stream("stance/us/main"));
        let words: Vec<u64> = (0..200_000).map(|step| source.word(step)).collect();
        check(&words);
        // Tails, as far as a draw can reach.
        for shift in 4..52 {
            let small: Vec<u64> = words[..2_000].iter().map(|word| word >> shift).collect();
            check(&small);
            check(&small.iter().map(|word| !word).collect::<Vec<_>>());
        }
        // The edges of the branches.
        for edge in [0.075_f64, 0.925, 0.5, FAR, 1.0 - FAR] {
            #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "in [0, 2^52)")]
            let near = ((edge * 4_503_599_627_370_496.0) as u64) << 12;
            check(&(0..2_000_u64).map(|at| near.wrapping_add(at << 12).wrapping_sub(1_000 << 12)).collect::<Vec<_>>());
        }
        check(&[0, !0]);
        check(&[]);
    }

    /// Few streams and many, whole vectors of them and parts, from the start and from the middle of a block.
    #[test]
    fn draws_equal_those_of_single_streams() {
        let run_seed = RunSeed { seed: 3, replicate: 9 };
        for count in [0, 1, 5, 15, 16, 17, 30, 32, 45] {
            let streams: Vec<u64> = (0..count).map(|at| stream(&format!("stance/{at}/main"))).collect();
            let mut normals = Normals::default();
            for (first, end) in [(0, 77), (13, 60)] {
                normals.reset(run_seed, streams.iter().copied());
                for step in first..end {
                    normals.look_ahead(step, end);
                    let expected =
                        streams.iter().map(|&stream| normal_quantile(open_unit(run_seed.word(stream, step))));
                    assert!(normals.of(step).iter().copied().map(f64::to_bits).eq(expected.map(f64::to_bits)));
                }
            }
        }
    }

    /// A value of the wrong sign would give tails the wrong sign.
    #[test]
    fn the_centre_has_the_right_sign_everywhere() {
        for word in (0..1_u64 << 20).map(|at| at << 44) {
            let p = open_unit(word);
            assert_eq!(centre(p).is_sign_negative(), p < 0.5, "{p}");
        }
    }
}
