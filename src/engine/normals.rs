//! Many normals at once: the same bits as [`normal_quantile`], in loops that the compiler turns into vectors.
//!
//! The widest vectors that the machine has are chosen at run time, for these loops only. They change no
//! result: every operation rounds as the scalar one does, and none is fused.

use pulp::{Arch, Simd, WithSimd};

use super::distribution::{CENTRE_ABOVE, CENTRE_BELOW, TAIL_ABOVE, TAIL_BELOW, horner, normal_quantile};

/// Working memory for the tails.
#[derive(Clone, Debug, Default)]
pub(super) struct Tails {
    at: Vec<u32>,
    /// The smaller of `p` and `1 − p`, then its quantile.
    values: Vec<f64>,
    far: Vec<(usize, f64)>,
}

/// A word as a number in [1, 2), one bit pattern away from the number in (0, 1) that it stands for: a place where
/// [`normal_quantiles`] finds it.
#[inline]
pub(super) fn raw(word: u64) -> f64 {
    f64::from_bits((word >> 12) | 1.0_f64.to_bits())
}

/// `open_unit` of the word behind a raw number: the difference and the sum are exact.
#[inline(always)]
fn open(raw: f64) -> f64 {
    (raw - 1.0) + 0.5 / 4_503_599_627_370_496.0
}

/// Replaces raw words by the quantiles of the standard normal distribution that they draw.
pub(super) fn normal_quantiles(values: &mut [f64], tails: &mut Tails) {
    let arch = Arch::new();
    arch.dispatch(Each(values, open));
    let Tails { at, values: smaller, far } = tails;
    at.resize(values.len(), 0);
    smaller.resize(values.len(), 0.0);
    let mut count = 0;
    for (index, &p) in (0..).zip(&*values) {
        // Written always and counted where it is a tail: a branch would be mispredicted too often.
        let q = p - 0.5;
        at[count] = index;
        smaller[count] = if q < 0.0 { p } else { 1.0 - p };
        count += usize::from(q.abs() > 0.425);
    }
    let smaller = &mut smaller[..count];
    arch.dispatch(Each(values, centre));
    far.clear();
    far.extend(smaller.iter().copied().enumerate().filter(|&(_, p)| p < FAR));
    arch.dispatch(Each(smaller, tail));
    for &(index, p) in &*far {
        smaller[index] = -normal_quantile(p);
    }
    for (index, value) in at.iter().zip(smaller) {
        // The central branch gives nonsense in the tails, but of the right sign.
        let place = &mut values[*index as usize];
        *place = value.copysign(*place);
    }
}

/// A function of each number.
struct Each<'a, F>(&'a mut [f64], F);

impl<F: Fn(f64) -> f64> WithSimd for Each<'_, F> {
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

/// The central branch of AS 241; nonsense for tails.
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
        normal_quantiles(&mut values, &mut Tails::default());
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
        // Tails, as far as a draw can go.
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

    /// Nonsense of the wrong sign would give tails the wrong sign.
    #[test]
    fn the_centre_has_the_right_sign_everywhere() {
        for word in (0..1_u64 << 20).map(|at| at << 44) {
            let p = open_unit(word);
            assert_eq!(centre(p).is_sign_negative(), p < 0.5, "{p}");
        }
    }
}
