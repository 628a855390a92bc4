//! Draws by inversion, using only `libm`, so that they have the same bits on every platform.

use super::random::{open_unit, unit};
use crate::model::Shape;

/// Draws a value from a distribution, whose arguments have been checked, with a random word.
#[must_use]
pub(super) fn draw(shape: Shape, arguments: &[f64], word: u64) -> f64 {
    quantile(shape, arguments, if shape == Shape::Choice { unit(word) } else { open_unit(word) })
}

/// The quantile `v` of a distribution whose arguments have been checked. `v` is in (0, 1), or in [0, 1) for a choice.
#[must_use]
pub fn quantile(shape: Shape, arguments: &[f64], v: f64) -> f64 {
    match (shape, arguments) {
        (Shape::Uniform, &[low, high]) => low + v * (high - low),
        (Shape::Triangular, &[low, mode, high]) => triangular(low, mode, high, v),
        (Shape::Normal, &[mean, deviation]) => mean + deviation * normal_quantile(v),
        (Shape::Choice, options) if !options.is_empty() => {
            #[expect(
                clippy::cast_possible_truncation,
                clippy::cast_sign_loss,
                clippy::cast_precision_loss,
                reason = "⌊v·n⌋ with v in [0, 1) and n a small count"
            )]
            let index = libm::floor(v * options.len() as f64) as usize;
            options[index.min(options.len() - 1)]
        }
        // Arguments are checked before every draw.
        _ => f64::NAN,
    }
}

fn triangular(low: f64, mode: f64, high: f64, v: f64) -> f64 {
    let width = high - low;
    if width <= 0.0 {
        return low;
    }
    if v < (mode - low) / width {
        low + libm::sqrt(v * width * (mode - low))
    } else {
        high - libm::sqrt((1.0 - v) * width * (high - mode))
    }
}

/// `Σ c[i]·r^i` by Horner's rule.
#[inline(always)]
pub(super) fn horner(coefficients: &[f64; 8], r: f64) -> f64 {
    coefficients[..7].iter().rev().fold(coefficients[7], |sum, c| sum * r + c)
}

/// The quantile of the standard normal distribution for `p` in (0, 1).
///
/// Algorithm AS 241 (PPND16): M. J. Wichura, 'The Percentage Points of the Normal Distribution',
/// Applied Statistics 37 (1988), 477–484; about 1 part in 10¹⁶.
#[inline]
#[must_use]
pub fn normal_quantile(p: f64) -> f64 {
    let q = p - 0.5;
    if q.abs() <= 0.425 {
        let r = 0.180_625 - q * q;
        q * horner(&CENTRE_ABOVE, r) / horner(&CENTRE_BELOW, r)
    } else {
        let tail = tail_quantile(if q < 0.0 { p } else { 1.0 - p });
        if q < 0.0 { -tail } else { tail }
    }
}

fn tail_quantile(p: f64) -> f64 {
    let r = libm::sqrt(-libm::log(p));
    if r <= 5.0 {
        horner(&TAIL_ABOVE, r - 1.6) / horner(&TAIL_BELOW, r - 1.6)
    } else {
        horner(&FAR_ABOVE, r - 5.0) / horner(&FAR_BELOW, r - 5.0)
    }
}

#[rustfmt::skip]
#[expect(clippy::excessive_precision, reason = "the digits of the paper")]
pub(super) const CENTRE_ABOVE: [f64; 8] = [
    3.387_132_872_796_366_608, 1.331_416_678_917_843_774_5e2, 1.971_590_950_306_551_442_7e3,
    1.373_169_376_550_946_112_5e4, 4.592_195_393_154_987_145_7e4, 6.726_577_092_700_870_085_3e4,
    3.343_057_558_358_812_810_5e4, 2.509_080_928_730_122_672_7e3,
];
#[rustfmt::skip]
#[expect(clippy::excessive_precision, reason = "the digits of the paper")]
pub(super) const CENTRE_BELOW: [f64; 8] = [
    1.0, 4.231_333_070_160_091_125_2e1, 6.871_870_074_920_579_083e2, 5.394_196_021_424_751_107_7e3,
    2.121_379_430_158_659_586_7e4, 3.930_789_580_009_271_061e4, 2.872_908_573_572_194_267_4e4,
    5.226_495_278_852_854_561e3,
];
#[rustfmt::skip]
#[expect(clippy::excessive_precision, reason = "the digits of the paper")]
pub(super) const TAIL_ABOVE: [f64; 8] = [
    1.423_437_110_749_683_577_34, 4.630_337_846_156_545_295_9, 5.769_497_221_460_691_405_5,
    3.647_848_324_763_204_605_04, 1.270_458_252_452_368_382_58, 2.417_807_251_774_506_117_7e-1,
    2.272_384_498_926_918_458_33e-2, 7.745_450_142_783_414_076_4e-4,
];
#[rustfmt::skip]
#[expect(clippy::excessive_precision, reason = "the digits of the paper")]
pub(super) const TAIL_BELOW: [f64; 8] = [
    1.0, 2.053_191_626_637_758_821_87, 1.676_384_830_183_803_849_4, 6.897_673_349_851_000_045_5e-1,
    1.481_039_764_274_800_745_9e-1, 1.519_866_656_361_645_719_66e-2, 5.475_938_084_995_344_946e-4,
    1.050_750_071_644_416_843_24e-9,
];
#[rustfmt::skip]
#[expect(clippy::excessive_precision, reason = "the digits of the paper")]
const FAR_ABOVE: [f64; 8] = [
    6.657_904_643_501_103_777_2, 5.463_784_911_164_114_369_9, 1.784_826_539_917_291_335_8,
    2.965_605_718_285_048_912_3e-1, 2.653_218_952_657_612_309_3e-2, 1.242_660_947_388_078_438_6e-3,
    2.711_555_568_743_487_578_15e-5, 2.010_334_399_292_288_132_65e-7,
];
#[rustfmt::skip]
#[expect(clippy::excessive_precision, reason = "the digits of the paper")]
const FAR_BELOW: [f64; 8] = [
    1.0, 5.998_322_065_558_879_376_9e-1, 1.369_298_809_227_358_053_1e-1, 1.487_536_129_085_061_485_25e-2,
    7.868_691_311_456_132_591e-4, 1.846_318_317_510_054_681_8e-5, 1.421_511_758_316_445_888_7e-7,
    2.044_263_103_389_939_785_64e-15,
];

#[cfg(test)]
mod tests {
    use super::*;

    /// Values to 15 digits from the paper's own check and from tables of the normal distribution.
    #[test]
    fn quantiles_agree_with_published_values() {
        for (p, expected) in [
            (0.25, -0.674_489_750_196_081_7),
            (0.001, -3.090_232_306_167_813_5),
            (1e-20, -9.262_340_089_798_408),
            (0.975, 1.959_963_984_540_054),
            (0.5, 0.0),
        ] {
            assert!((normal_quantile(p) - expected).abs() < 1e-14 * expected.abs().max(1.0), "quantile of {p}");
        }
    }

    #[test]
    fn triangular_inverts_its_distribution_function() {
        let (low, mode, high) = (1.0, 2.0, 5.0);
        for i in 1_u32..100 {
            let v = f64::from(i) / 100.0;
            let x = triangular(low, mode, high, v);
            let cdf = if x < mode {
                (x - low) * (x - low) / ((high - low) * (mode - low))
            } else {
                1.0 - (high - x) * (high - x) / ((high - low) * (high - mode))
            };
            assert!((cdf - v).abs() < 1e-12, "at {v}");
        }
    }
}
