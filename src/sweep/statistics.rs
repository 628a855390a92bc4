//! The few statistics that a summary gives, in one pass and bounded memory: moments, and quantiles of numbers that come one
//! by one.

/// Count, mean, standard deviation, minimum and maximum of a stream of numbers: the mean from a compensated sum
/// (Neumaier 1974), the deviation by Welford's recurrence (1962).
#[derive(Clone, Copy, Debug)]
pub struct Moments {
    count: u64,
    sum: f64,
    /// The compensation for rounding errors in the sum.
    lost: f64,
    /// The running mean of the recurrence.
    mean: f64,
    /// Σ of squared distances from the mean.
    squares: f64,
    min: f64,
    max: f64,
}

impl Default for Moments {
    fn default() -> Self {
        Self { count: 0, sum: 0.0, lost: 0.0, mean: 0.0, squares: 0.0, min: f64::INFINITY, max: f64::NEG_INFINITY }
    }
}

impl Moments {
    /// Adds a number, which may be infinite.
    #[inline]
    pub fn add(&mut self, value: f64) {
        self.count += 1;
        self.min = self.min.min(value);
        self.max = self.max.max(value);
        if value.is_finite() && self.mean.is_finite() {
            #[expect(clippy::cast_precision_loss, reason = "counts stay far below 2^53")]
            let count = self.count as f64;
            let sum = self.sum + value;
            self.lost +=
                if self.sum.abs() >= value.abs() { (self.sum - sum) + value } else { (value - sum) + self.sum };
            self.sum = sum;
            let delta = value - self.mean;
            self.mean += delta / count;
            self.squares += delta * (value - self.mean);
        } else {
            self.add_infinite(value);
        }
    }

    /// One infinity makes the mean infinite; two of opposite sign leave none.
    #[cold]
    fn add_infinite(&mut self, value: f64) {
        self.squares = f64::NAN;
        if self.mean.is_finite() {
            self.mean = value;
        } else if value.is_infinite() {
            self.mean += value;
        }
    }

    /// The number of values.
    #[must_use]
    pub fn count(&self) -> u64 {
        self.count
    }

    /// The mean, if it is defined.
    #[must_use]
    pub fn mean(&self) -> Option<f64> {
        #[expect(clippy::cast_precision_loss, reason = "counts stay far below 2^53")]
        let exact = (self.sum + self.lost) / self.count as f64;
        let mean = if self.mean.is_finite() && exact.is_finite() { exact } else { self.mean };
        (self.count > 0 && !mean.is_nan()).then_some(mean)
    }

    /// The sample standard deviation, if there are at least two values and all are finite.
    #[must_use]
    pub fn deviation(&self) -> Option<f64> {
        #[expect(clippy::cast_precision_loss, reason = "counts stay far below 2^53")]
        let variance = self.squares / (self.count.max(1) - 1) as f64;
        (self.count > 1 && variance.is_finite()).then(|| libm::sqrt(variance))
    }

    /// The smallest value, if there is one.
    #[must_use]
    pub fn min(&self) -> Option<f64> {
        (self.count > 0).then_some(self.min)
    }

    /// The largest value, if there is one.
    #[must_use]
    pub fn max(&self) -> Option<f64> {
        (self.count > 0).then_some(self.max)
    }
}

/// The 97.5 % quantile of the standard normal distribution.
pub(super) const Z: f64 = 1.959_963_984_540_054;

/// Wilson's score interval (1927) for a share of `hits` in `count`, at 95 %; `None` if `count` is 0.
#[must_use]
pub fn wilson(hits: u64, count: u64) -> Option<(f64, f64)> {
    if count == 0 {
        return None;
    }
    #[expect(clippy::cast_precision_loss, reason = "counts stay far below 2^53")]
    let (hits_float, n) = (hits as f64, count as f64);
    let share = hits_float / n;
    let centre = share + Z * Z / (2.0 * n);
    let half = Z * libm::sqrt(share * (1.0 - share) / n + Z * Z / (4.0 * n * n));
    let whole = 1.0 + Z * Z / n;
    // At 0 and 1 the interval ends exactly there.
    let low = if hits == 0 { 0.0 } else { (centre - half) / whole };
    let high = if hits == count { 1.0 } else { (centre + half) / whole };
    Some((low, high))
}

/// Binary digits behind the point of a number's significand.
const DIGITS: u32 = f64::MANTISSA_DIGITS - 1;

/// The numbers added so far.
#[derive(Clone, Debug, Default)]
pub struct Quantiles {
    /// Distinct values as ordered, truncated bits in ascending order, with their counts.
    kept: Vec<(u64, u64)>,
    /// Values that have not been merged yet.
    pending: Vec<u64>,
    /// The number of truncated digits.
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
        // Two ascending sequences, for which this sort is fast.
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

    /// A quantile by Hyndman and Fan's definition 7 (The American Statistician 50, 1996), the default of numpy and R:
    /// the order statistics at (n − 1)·share, interpolated. `None` without numbers, and between two infinities of
    /// opposite sign.
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

    /// The number with a rank, from 0.
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

    /// The largest relative error of a value; 0 if no value was truncated.
    #[must_use]
    pub fn error(&self, most: usize) -> f64 {
        let mut all = self.clone();
        all.settle(most);
        match all.cut {
            0 => 0.0,
            // Half of the resolution of the remaining digits.
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

/// The bits of a number, in the order of the numbers; zero has one sign.
#[inline]
fn ordered(value: f64) -> u64 {
    let bits = (value + 0.0).to_bits();
    if bits >> 63 == 0 { bits | 1 << 63 } else { !bits }
}

/// The number of ordered bits.
fn number(bits: u64) -> f64 {
    f64::from_bits(if bits >> 63 == 1 { bits & !(1 << 63) } else { !bits })
}

/// The middle of the numbers with these bits after truncation; zero and the infinities stand for the numbers near them.
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

    /// By definition, from all numbers in order.
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

        /// Neither the order nor the times of truncation matter, and the error is within its bound.
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

    /// Newcombe, 'Two-sided confidence intervals for the single proportion', Statistics in Medicine 17
    /// (1998), table I, method 3.
    #[test]
    fn intervals_agree_with_published_values() {
        for (hits, count, low, high) in
            [(81, 263, 0.2553, 0.3662), (15, 148, 0.0624, 0.1605), (0, 20, 0.0, 0.1611), (1, 29, 0.0061, 0.1718)]
        {
            let found = wilson(hits, count).unwrap();
            assert!((found.0 - low).abs() < 5e-5 && (found.1 - high).abs() < 5e-5, "{hits} of {count}: {found:?}");
        }
        assert_eq!(wilson(0, 0), None);
        assert_eq!(wilson(5, 5).unwrap().1.to_bits(), 1.0_f64.to_bits());
    }

    fn moments_of(values: &[f64]) -> Moments {
        let mut moments = Moments::default();
        values.iter().for_each(|&value| moments.add(value));
        moments
    }

    #[test]
    fn moments_agree_with_their_definition() {
        let moments = moments_of(&[2.0, 4.0, 4.0, 4.0, 5.0, 5.0, 7.0, 9.0]);
        assert!((moments.mean().unwrap() - 5.0).abs() < 1e-12);
        assert!((moments.deviation().unwrap() - libm::sqrt(32.0 / 7.0)).abs() < 1e-12);
        assert_eq!((moments.min(), moments.max()), (Some(2.0), Some(9.0)));
        let tenths = moments_of(&[0.1; 1000]);
        assert_eq!(tenths.mean(), Some(0.1));
    }

    #[test]
    fn missing_values_are_not_zero() {
        let none = moments_of(&[]);
        assert_eq!((none.mean(), none.deviation(), none.min(), none.max()), (None, None, None, None));
        assert_eq!((moments_of(&[3.0]).mean(), moments_of(&[3.0]).deviation()), (Some(3.0), None));
    }

    #[test]
    fn infinities_are_exact_in_the_statistics() {
        let up = moments_of(&[1.0, f64::INFINITY, 2.0]);
        assert_eq!((up.mean(), up.deviation(), up.max()), (Some(f64::INFINITY), None, Some(f64::INFINITY)));
        assert_eq!(moments_of(&[f64::INFINITY, f64::NEG_INFINITY, 1.0]).mean(), None);
    }
}
