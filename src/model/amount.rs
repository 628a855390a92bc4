//! Amounts of resources as whole millionths, so that sums are exact in any order.

/// The number of millionths in one unit.
const MILLION: f64 = 1e6;

/// Largest single amount, in units: sums of a few thousand of them stay far inside 64 bits.
pub const MAX_AMOUNT: f64 = 1e12;

/// Largest sum of all amounts of a scenario, in millionths; it keeps every total inside an `i64`.
pub const MAX_TOTAL: i64 = i64::MAX / 4;

/// Integers up to this size are exact as `f64`.
const EXACT: i64 = 1 << 53;

/// An amount of a resource (or a difference of two), in millionths of its unit.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Amount(pub i64);

impl Amount {
    /// No amount at all.
    pub const ZERO: Self = Self(0);

    /// The amount nearest to `value` units: the `f64` product with 10⁶, rounded to the nearest whole
    /// number, ties away from zero.
    #[must_use]
    pub fn from_units(value: f64) -> Self {
        // The domain check of amounts keeps the product far below 2^63; the cast saturates anyway.
        #[expect(clippy::cast_possible_truncation, reason = "rounded, and inside the domain of amounts")]
        Self(libm::round(value * MILLION) as i64)
    }

    /// The amount that was written as `value` units: the inverse of [`Amount::to_units`], also where several amounts
    /// have the same `f64`.
    ///
    /// It is the exact product with 10⁶ rounded to the nearest integer; the `f64` product of [`Amount::from_units`]
    /// rounds twice, which above 2⁵¹ millionths may give a neighbour.
    #[must_use]
    pub fn from_written(value: f64) -> Self {
        let bits = value.abs().to_bits();
        let (exponent, fraction) = (bits >> 52, bits & ((1 << 52) - 1));
        // A subnormal number or one far below a millionth is not an amount; one without a fraction is large.
        let Some(shift) = 1_075_u64.checked_sub(exponent).filter(|shift| *shift < 120) else {
            return Self::from_units(value);
        };
        // The value is `mantissa / 2^shift`, and the product with 10^6 fits in 73 bits.
        let product = i128::from(fraction | 1 << 52) * 1_000_000;
        let rounded = if shift == 0 { product } else { (product + (1 << (shift - 1))) >> shift };
        let size = i64::try_from(rounded).unwrap_or(i64::MAX);
        Self(if value < 0.0 { -size } else { size })
    }

    /// The valid level of a graded amount for a computed value: `value` units, limited to 0 … `upto` and rounded down
    /// to a multiple of `by`. `upto` itself is also a level.
    /// # Panics
    /// If `by` is 0.
    #[inline]
    #[must_use]
    pub fn level(value: f64, upto: Self, by: Self) -> Self {
        let whole = Self::from_units(value).0.clamp(0, upto.0);
        if whole == upto.0 || by.0 == 1 { Self(whole) } else { Self(whole - whole % by.0) }
    }

    /// The `f64` nearest to this amount, in units.
    #[inline]
    #[must_use]
    pub fn to_units(self) -> f64 {
        if self.0.abs() <= EXACT {
            #[expect(clippy::cast_precision_loss, reason = "whole numbers up to 2^53 are exact")]
            let exact = self.0 as f64;
            exact / MILLION
        } else {
            self.to_units_slowly()
        }
    }

    /// Above 2^53 millionths the quotient of two `f64` would round twice; parsing a decimal rounds once.
    #[cold]
    fn to_units_slowly(self) -> f64 {
        format!("{}e-6", self.0).parse().expect("a whole number with an exponent is a float")
    }

    /// The difference.
    #[inline]
    #[must_use]
    pub fn minus(self, other: Self) -> Self {
        Self(self.0 - other.0)
    }

    /// The part of this amount that is delivered after `k` of `over` increments: `⌊amount·k/over⌋`.
    ///
    /// # Panics
    /// If `k` is more than `over`, or `over` is 0, for an amount near the limit.
    #[must_use]
    pub fn increment_total(self, k: u32, over: u32) -> Self {
        let total = i128::from(self.0) * i128::from(k) / i128::from(over);
        Self(i64::try_from(total).expect("a part of an amount is no more than the amount"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rounds_ties_away_from_zero() {
        assert_eq!(Amount::from_units(0.000_000_5), Amount(1));
        assert_eq!(Amount::from_units(0.1 + 0.2), Amount(300_000));
    }

    #[test]
    fn large_amounts_convert_to_the_nearest_float() {
        let amount = Amount(EXACT * 64 + 12_345_678_901_234_567);
        let text = format!("{}.{:06}", amount.0 / 1_000_000, amount.0 % 1_000_000);
        assert_eq!(amount.to_units().to_bits(), text.parse::<f64>().unwrap().to_bits());
    }

    #[test]
    fn written_values_parse_to_the_same_value() {
        let mut state = 1_i64;
        for size in
            [1_i64 << 20, 1 << 45, 1 << 51, 1 << 52, EXACT, EXACT * 2, 1 << 56, 1_000_000_000_000_000_000, MAX_TOTAL]
        {
            for offset in -2_000..2_000 {
                state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
                for amount in [Amount((size + offset).min(MAX_TOTAL)), Amount(state.rem_euclid(size))] {
                    let written = amount.to_units();
                    let read = Amount::from_written(written);
                    assert_eq!(read.to_units().to_bits(), written.to_bits(), "{amount:?} read as {read:?}");
                    // Amounts with an `f64` of their own are recovered exactly.
                    assert!(read == amount || amount.0 > 1 << 52, "{amount:?} read as {read:?}");
                }
            }
        }
        assert_eq!(Amount::from_written(0.0), Amount::ZERO);
        assert_eq!(Amount::from_written(-1.5), Amount(-1_500_000));
        assert_eq!(Amount::from_written(1e-300), Amount::ZERO);
    }

    #[test]
    fn increments_add_up_to_the_amount() {
        let amount = Amount(10);
        let totals: Vec<i64> = (0..=3).map(|k| amount.increment_total(k, 3).0).collect();
        assert_eq!(totals, [0, 3, 6, 10]);
    }
}
