//! Quantiles of numbers that come one by one, in bounded memory.
//!
//! Each distinct value is kept with its count. Where there are more distinct values than are kept, all are cut to fewer
//! binary digits, as few as make room: then a value is known to a relative error that follows from the digits that are
//! left. How many those are depends on the values alone, not on their order, so that neither threads nor shards nor an
//! interruption change a digit.
//!
//! It is not one of the sketches that crates offer: those find the place of a value by a logarithm of the platform
//! (`DDSketch`, t-digest) or by a random choice (KLL), or depend on the order (Greenwald–Khanna).

/// Binary digits behind the point of a number's significand.
const DIGITS: u32 = f64::MANTISSA_DIGITS - 1;

/// The numbers so far.
#[derive(Clone, Debug, Default)]
pub struct Quantiles {
    /// Distinct values as ordered bits without the digits that are cut, rising, with their counts.
    kept: Vec<(u64, u64)>,
    /// Values that are not yet among them.
    pending: Vec<u64>,
    /// Digits that are cut.
    cut: u32,
}

impl Quantiles {
    /// Adds a number, which is not NaN. At most `most` distinct values are kept.
    #[inline]
    pub fn add(&mut self, value: f64, most: usize) {
        self.pending.push(ordered(value));
        if self.pending.len() > most {
            self.settle(most);
        }
    }

    fn settle(&mut self, most: usize) {
        let mut pending = std::mem::take(&mut self.pending);
        pending.sort_unstable();
        let mut all = Vec::with_capacity(self.kept.len() + pending.len());
        all.append(&mut self.kept);
        all.extend(pending.drain(..).map(|bits| (bits >> self.cut, 1)));
        // Two rising sequences, one after the other: what this sort is quick at.
        all.sort_by_key(|&(bits, _)| bits);
        merge_equal(&mut all);
        while all.len() > most.max(1) {
            self.cut += 1;
            all.iter_mut().for_each(|(bits, _)| *bits >>= 1);
            merge_equal(&mut all);
        }
        all.shrink_to(2 * all.len());
        (self.kept, self.pending) = (all, pending);
    }

    /// The quantile of a share by Hyndman and Fan's definition 7 (The American Statistician 50, 1996), that of numpy and
    /// R: the order statistics at (n − 1)·share, interpolated. None without numbers, and between two infinities.
    #[must_use]
    pub fn quantile(&self, share: f64, most: usize) -> Option<f64> {
        let mut all = self.clone();
        all.settle(most);
        let count: u64 = all.kept.iter().map(|(_, count)| count).sum();
        let last = count.checked_sub(1)?;
        #[expect(clippy::cast_precision_loss, reason = "counts stay far below 2^53")]
        let place = last as f64 * share;
        #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "between 0 and the count")]
        let below = (place.floor() as u64).min(last);
        let part = place - place.floor();
        let [low, high] = [below, (below + 1).min(last)].map(|rank| all.at(rank));
        let is_one = low.to_bits() == high.to_bits() || part <= 0.0;
        let value = if is_one { low } else { low + part * (high - low) };
        (!value.is_nan()).then_some(value)
    }

    /// The number of a rank, from 0.
    fn at(&self, rank: u64) -> f64 {
        let mut before = 0;
        for &(bits, count) in &self.kept {
            before += count;
            if rank < before {
                return middle(bits, self.cut);
            }
        }
        f64::NAN
    }

    /// How far a value may be off, relative to itself; 0 where all values are kept as they are.
    #[must_use]
    pub fn error(&self, most: usize) -> f64 {
        let mut all = self.clone();
        all.settle(most);
        match all.cut {
            0 => 0.0,
            // Half of what the digits that are left tell apart.
            cut if cut <= DIGITS => libm::ldexp(0.5, i32::try_from(cut).unwrap_or(0) - DIGITS.cast_signed()),
            _ => f64::INFINITY,
        }
    }
}

fn merge_equal(all: &mut Vec<(u64, u64)>) {
    all.dedup_by(|next, kept| {
        let is_equal = next.0 == kept.0;
        if is_equal {
            kept.1 += next.1;
        }
        is_equal
    });
}

/// The bits of a number, so that they are ordered as the numbers are; zero has one sign.
#[inline]
fn ordered(value: f64) -> u64 {
    let bits = (value + 0.0).to_bits();
    if bits >> 63 == 0 { bits | 1 << 63 } else { !bits }
}

/// The number of ordered bits.
fn number(bits: u64) -> f64 {
    f64::from_bits(if bits >> 63 == 1 { bits & !(1 << 63) } else { !bits })
}

/// The middle of the numbers that have these bits when so many digits are cut; zero and the infinities stand for those
/// about them.
fn middle(bits: u64, cut: u32) -> f64 {
    let (low, high) = (number(bits << cut), number((bits << cut) | ((1 << cut) - 1)));
    match () {
        () if cut == 0 || low.abs() <= 0.0 || low.is_infinite() => low,
        () if high.abs() <= 0.0 || high.is_infinite() => high,
        () => low / 2.0 + high / 2.0,
    }
}

#[cfg(test)]
#[expect(
    clippy::cast_possible_truncation,
    clippy::cast_precision_loss,
    clippy::cast_sign_loss,
    reason = "places in short lists"
)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn of(values: &[f64], most: usize) -> Quantiles {
        let mut quantiles = Quantiles::default();
        values.iter().for_each(|&value| quantiles.add(value, most));
        quantiles
    }

    /// By the definition, from all numbers in order.
    fn by_definition(values: &[f64], share: f64) -> f64 {
        let mut sorted = values.to_vec();
        sorted.sort_by(f64::total_cmp);
        let place = (values.len() - 1) as f64 * share;
        let (low, high) = (sorted[place.floor() as usize], sorted[place.ceil() as usize]);
        low + (place - place.floor()) * (high - low)
    }

    /// `numpy.quantile([3, 1, 4, 1, 5, 9, 2, 6], [0.05, 0.5, 0.95])`, numpy 2.
    #[test]
    fn quantiles_are_those_of_numpy() {
        let quantiles = of(&[3.0, 1.0, 4.0, 1.0, 5.0, 9.0, 2.0, 6.0], 100);
        for (share, expected) in [(0.05, 1.0), (0.5, 3.5), (0.95, 7.95)] {
            assert!((quantiles.quantile(share, 100).unwrap() - expected).abs() < 1e-12);
        }
        assert_eq!((of(&[], 4).quantile(0.5, 4), of(&[7.0], 4).quantile(0.95, 4)), (None, Some(7.0)));
        let ends = of(&[f64::NEG_INFINITY, f64::INFINITY, 0.0, f64::INFINITY], 4);
        assert_eq!((ends.quantile(0.0, 4), ends.quantile(1.0, 4)), (Some(f64::NEG_INFINITY), Some(f64::INFINITY)));
    }

    proptest! {
        #[test]
        fn few_distinct_values_are_exact(values in prop::collection::vec(-20_i32..20, 1..200), share in 0.0_f64..=1.0) {
            let values: Vec<f64> = values.into_iter().map(|value| f64::from(value) / 8.0).collect();
            let quantiles = of(&values, 40);
            prop_assert_eq!(quantiles.error(40).to_bits(), 0.0_f64.to_bits());
            prop_assert!((quantiles.quantile(share, 40).unwrap() - by_definition(&values, share)).abs() < 1e-9);
        }

        /// Neither order nor the moments at which room is made count, and the error is as stated.
        #[test]
        fn many_values_are_within_the_error(
            values in prop::collection::vec(prop_oneof![-1e3..1e3, 0.0..1.0, Just(0.0)], 1..400),
            share in 0.0_f64..=1.0,
            most in 8_usize..64,
        ) {
            let quantiles = of(&values, most);
            let mut turned = values.clone();
            turned.reverse();
            let other = of(&turned, most);
            let bits = |of: &Quantiles| (of.quantile(share, most).map(f64::to_bits), of.error(most).to_bits());
            prop_assert_eq!(bits(&quantiles), bits(&other));
            let mut settled = quantiles.clone();
            settled.settle(most);
            prop_assert!(settled.kept.len() <= most);
            let mut sorted = values.clone();
            sorted.sort_by(f64::total_cmp);
            let place = (values.len() - 1) as f64 * share;
            let (low, high) = (sorted[place.floor() as usize], sorted[place.ceil() as usize]);
            let exact = by_definition(&values, share);
            let room = quantiles.error(most) * low.abs().max(high.abs()) + 1e-9;
            let found = quantiles.quantile(share, most).unwrap();
            prop_assert!(!quantiles.error(most).is_finite() || (found - exact).abs() <= room, "{} {} {}", found, exact, room);
        }
    }
}
