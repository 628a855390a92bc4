//! The few statistics that a summary gives, in one pass and constant memory.

/// Count, mean, spread and ends of numbers that come one by one: the mean from a compensated sum (Neumaier 1974), the
/// spread by Welford's recurrence (1962).
#[derive(Clone, Copy, Debug)]
pub struct Moments {
    count: u64,
    sum: f64,
    /// What rounding has taken from the sum.
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

    /// How many there were.
    #[must_use]
    pub fn count(&self) -> u64 {
        self.count
    }

    /// Their mean, if there is one.
    #[must_use]
    pub fn mean(&self) -> Option<f64> {
        #[expect(clippy::cast_precision_loss, reason = "counts stay far below 2^53")]
        let exact = (self.sum + self.lost) / self.count as f64;
        let mean = if self.mean.is_finite() && exact.is_finite() { exact } else { self.mean };
        (self.count > 0 && !mean.is_nan()).then_some(mean)
    }

    /// Their sample standard deviation, if there are two and all are finite.
    #[must_use]
    pub fn deviation(&self) -> Option<f64> {
        #[expect(clippy::cast_precision_loss, reason = "counts stay far below 2^53")]
        let variance = self.squares / (self.count.max(1) - 1) as f64;
        (self.count > 1 && variance.is_finite()).then(|| libm::sqrt(variance))
    }

    /// The smallest, if there is one.
    #[must_use]
    pub fn min(&self) -> Option<f64> {
        (self.count > 0).then_some(self.min)
    }

    /// The largest, if there is one.
    #[must_use]
    pub fn max(&self) -> Option<f64> {
        (self.count > 0).then_some(self.max)
    }
}

/// The 97.5 % quantile of the standard normal distribution.
pub(super) const Z: f64 = 1.959_963_984_540_054;

/// Wilson's score interval (1927) for a share of `hits` in `count`, at 95 %; none where `count` is 0.
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
    // At the ends the interval touches them exactly.
    let low = if hits == 0 { 0.0 } else { (centre - half) / whole };
    let high = if hits == count { 1.0 } else { (centre + half) / whole };
    Some((low, high))
}

#[cfg(test)]
mod tests {
    use super::*;

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

    fn of(values: &[f64]) -> Moments {
        let mut moments = Moments::default();
        values.iter().for_each(|&value| moments.add(value));
        moments
    }

    #[test]
    fn moments_agree_with_their_definition() {
        let moments = of(&[2.0, 4.0, 4.0, 4.0, 5.0, 5.0, 7.0, 9.0]);
        assert!((moments.mean().unwrap() - 5.0).abs() < 1e-12);
        assert!((moments.deviation().unwrap() - libm::sqrt(32.0 / 7.0)).abs() < 1e-12);
        assert_eq!((moments.min(), moments.max()), (Some(2.0), Some(9.0)));
        let tenths = of(&[0.1; 1000]);
        assert_eq!(tenths.mean(), Some(0.1));
    }

    #[test]
    fn what_is_missing_is_not_zero() {
        let none = of(&[]);
        assert_eq!((none.mean(), none.deviation(), none.min(), none.max()), (None, None, None, None));
        assert_eq!((of(&[3.0]).mean(), of(&[3.0]).deviation()), (Some(3.0), None));
    }

    #[test]
    fn infinities_are_kept_apart() {
        let up = of(&[1.0, f64::INFINITY, 2.0]);
        assert_eq!((up.mean(), up.deviation(), up.max()), (Some(f64::INFINITY), None, Some(f64::INFINITY)));
        assert_eq!(of(&[f64::INFINITY, f64::NEG_INFINITY, 1.0]).mean(), None);
    }
}
