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

    /// Beyond 2^53 millionths the quotient of two `f64` would round twice; reading a decimal rounds once.
    #[cold]
    fn to_units_slowly(self) -> f64 {
        format!("{}e-6", self.0).parse().expect("a whole number with an exponent is a float")
    }

    /// This amount less another.
    #[inline]
    #[must_use]
    pub fn minus(self, other: Self) -> Self {
        Self(self.0 - other.0)
    }

    /// What has been handed over of this amount after `k` of `over` increments: `⌊amount·k/over⌋`.
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
    fn increments_add_up_to_the_amount() {
        let amount = Amount(10);
        let totals: Vec<i64> = (0..=3).map(|k| amount.increment_total(k, 3).0).collect();
        assert_eq!(totals, [0, 3, 6, 10]);
    }
}
