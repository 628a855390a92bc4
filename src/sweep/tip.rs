//! Tipping points: where along a number the outcome changes, by a grid and bisection.

use super::limits;

/// The search for tipping points of one number.
#[derive(Clone, Debug, PartialEq)]
pub struct Bracketing {
    /// The values evaluated first, in ascending order.
    pub grid: Vec<f64>,
    /// Whether the number takes only integers; a tipping point is then between adjacent ones.
    pub whole: bool,
    /// Otherwise, the largest distance of the two values around a tipping point, above 0.
    pub tolerance: f64,
}

/// Two values of a number between which the outcome changes.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Tip<T, O> {
    /// The lower value.
    pub below: T,
    /// The higher value.
    pub above: T,
    /// The outcome at the lower value.
    pub outcome_below: O,
    /// The outcome at the higher value.
    pub outcome_above: O,
}

/// The tipping points of one replicate, in ascending order.
#[derive(Clone, Debug, PartialEq)]
pub struct Tips<O> {
    /// The tipping points, each with the two values around it.
    pub tips: Vec<Tip<f64, O>>,
    /// The number of runs.
    pub runs: u64,
    /// Whether the search was stopped at [`limits::TIP_RUNS`] before every bracket was narrow enough.
    pub is_cut: bool,
}

/// Finds tipping points: neighbouring values of the grid whose outcomes differ are brackets, and each bracket is
/// bisected until it is narrow enough. Brackets whose ends have equal outcomes are not searched.
///
/// # Errors
/// The errors of `outcome`.
pub fn tips<O: Clone + PartialEq, E>(
    asked: &Bracketing,
    mut outcome: impl FnMut(f64) -> Result<O, E>,
) -> Result<Tips<O>, E> {
    let mut found = Tips { tips: Vec::new(), runs: 0, is_cut: false };
    let mut looked: Vec<(f64, O)> = Vec::with_capacity(asked.grid.len());
    for &value in &asked.grid {
        looked.push((value, outcome(value)?));
        found.runs += 1;
    }
    for pair in looked.windows(2) {
        // Brackets left to bisect, the lowest last.
        let mut open = vec![(pair[0].clone(), pair[1].clone())];
        while let Some((low, high)) = open.pop() {
            if low.1 == high.1 {
                continue;
            }
            let middle = middle(asked, low.0, high.0).filter(|_| found.runs < limits::TIP_RUNS);
            if let Some(middle) = middle {
                let looked_at = (middle, outcome(middle)?);
                found.runs += 1;
                open.push((looked_at.clone(), high));
                open.push((low, looked_at));
            } else {
                found.is_cut |= self::middle(asked, low.0, high.0).is_some();
                found.tips.push(Tip { below: low.0, above: high.0, outcome_below: low.1, outcome_above: high.1 });
            }
        }
    }
    Ok(found)
}

/// The value to evaluate between two; `None` if they are close enough.
fn middle(asked: &Bracketing, low: f64, high: f64) -> Option<f64> {
    let middle = low + (high - low) / 2.0;
    let middle = if asked.whole { middle.floor() } else { middle };
    let is_narrow = if asked.whole { high - low <= 1.0 } else { high - low <= asked.tolerance };
    (!is_narrow && low < middle && middle < high).then_some(middle)
}

/// At most `count` evenly spaced integers or numbers from `from` to `to`, both included.
#[must_use]
pub fn bracket_grid(from: f64, to: f64, count: u32, whole: bool) -> Vec<f64> {
    let last = f64::from(count.max(2) - 1);
    let mut grid: Vec<f64> = (0..count.max(2))
        .map(|at| {
            // A weighted mean of the ends cannot overflow, and gives both ends exactly.
            let share = f64::from(at) / last;
            let value = from * (1.0 - share) + to * share;
            // Round away the last digit, which may be off.
            let value = if whole { value.round() } else { format!("{value:.14e}").parse().unwrap_or(value) };
            value.clamp(from, to) + 0.0
        })
        .collect();
    grid.dedup_by(|a, b| a.to_bits() == b.to_bits());
    grid
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn found(cuts: &[f64], asked: &Bracketing) -> Tips<usize> {
        let outcome = |value: f64| Ok::<_, ()>(cuts.iter().filter(|&&cut| value >= cut).count());
        tips(asked, outcome).expect("it cannot fail")
    }

    #[test]
    fn whole_numbers_are_narrowed_to_neighbours() {
        let asked = Bracketing { grid: vec![0.0, 10.0, 100.0], whole: true, tolerance: 1.0 };
        let found = found(&[3.0, 3.0, 57.0], &asked);
        let pairs: Vec<(f64, f64)> = found.tips.iter().map(|tip| (tip.below, tip.above)).collect();
        assert_eq!(pairs, [(2.0, 3.0), (56.0, 57.0)]);
        assert!(!found.is_cut);
    }

    #[test]
    fn an_interval_may_contain_several_tipping_points() {
        let asked = Bracketing { grid: vec![0.0, 1.0], whole: false, tolerance: 1e-6 };
        let found = found(&[0.25, 0.5, 0.75], &asked);
        assert_eq!(found.tips.len(), 3);
        assert!(found.tips.is_sorted_by(|a, b| a.above <= b.below));
    }

    #[test]
    fn intervals_with_equal_ends_are_not_bisected() {
        let asked = Bracketing { grid: bracket_grid(0.0, 1.0, 11, false), whole: false, tolerance: 1e-6 };
        let found = found(&[2.0], &asked);
        assert_eq!((found.tips.len(), found.runs), (0, 11));
    }

    #[test]
    fn a_grid_has_both_ends_and_rises() {
        assert_eq!(bracket_grid(0.0, 1.0, 6, false), [0.0, 0.2, 0.4, 0.6, 0.8, 1.0]);
        assert_eq!(bracket_grid(1.0, 4.0, 100, true), [1.0, 2.0, 3.0, 4.0]);
        let wide = bracket_grid(-f64::MAX, f64::MAX, 5, false);
        assert!(wide.is_sorted() && wide.iter().all(|value| value.is_finite()));
    }

    proptest! {
        #[test]
        fn every_tip_has_a_cut_inside_and_is_narrow(cut in 0.0_f64..1.0, points in 2_u32..40) {
            let asked = Bracketing { grid: bracket_grid(0.0, 1.0, points, false), whole: false, tolerance: 1e-9 };
            let found = found(&[cut], &asked);
            for tip in &found.tips {
                prop_assert!(tip.below < cut && cut <= tip.above && tip.above - tip.below <= 1e-9);
            }
            prop_assert_eq!(found.tips.len(), usize::from(cut > 0.0));
        }
    }
}
