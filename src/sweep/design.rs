//! Designs: which points a sweep visits.
//!
//! Grids are full products in which the name given first varies slowest, as nested loops would run;
//! with `zip` the lists run side by side instead. Samples are drawn inside every grid point, so a grid
//! and a sample together are their product.

use super::error::{Error, ErrorKind, quoted};
use super::limits;
use super::points::{Points, check_count, check_names};
use super::sample::Sample;
use crate::scenario::SetValue;

/// A name and the values that it takes.
#[derive(Clone, Debug, PartialEq)]
pub struct Axis {
    /// A parameter, or the dotted path of a number in the file.
    pub name: String,
    /// Its values, in order.
    pub values: Vec<SetValue>,
}

/// The requested design of a sweep.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Request {
    /// Grid axes, in the order given.
    pub vary: Vec<Axis>,
    /// Whether the axes run side by side instead of forming their product.
    pub zip: bool,
    /// A sample over parameters that declare a range or a distribution.
    pub sample: Option<Sample>,
    /// The parameters to sample; empty: all that declare one and are not varied or set.
    pub over: Vec<String>,
}

impl Axis {
    /// Parses `NAME=A:B:N`, `NAME=A:B:N:log` (both ends included) or `NAME=V,V,…`.
    ///
    /// # Errors
    /// An [`Error`] with a message about the text.
    pub fn parse(text: &str) -> Result<Self, Error> {
        let Some((name, values)) = text.split_once('=') else {
            let message = format!("{} varies nothing", quoted(text));
            return Err(Error::new(ErrorKind::Design, message).help("write `NAME=A:B:N` or `NAME=V,V,…`"));
        };
        Self::of(name.trim(), values.trim())
    }

    /// The axis of a name whose values are given as `A:B:N`, `A:B:N:log` or `V,V,…`.
    ///
    /// # Errors
    /// An [`Error`] with a message about the text.
    pub fn of(name: &str, values: &str) -> Result<Self, Error> {
        let wrong =
            |what: String| Error::new(ErrorKind::Design, format!("{} {what}", quoted(&format!("{name}={values}"))));
        if name.is_empty() {
            return Err(wrong("names no parameter".into()).help("write `NAME=A:B:N` or `NAME=V,V,…`"));
        }
        let value = |text: &str| match SetValue::parse(text.trim()) {
            Ok(value) if value.is_defined() => Ok(value),
            Err(what) if !text.trim().is_empty() => Err(wrong(format!("has {}, which {what}", quoted(text.trim())))),
            _ => Err(wrong(format!("has {} where a number should be", quoted(text.trim())))),
        };
        let value = |text: &str| value(text).map_err(|error| error.help("write `NAME=A:B:N` or `NAME=V,V,…`"));
        let number = |text: &str| {
            let SetValue::Number(number) = value(text)? else {
                return Err(wrong(format!("has {} where a number should be", quoted(text.trim())))
                    .help("list the values: `NAME=V,V,…`"));
            };
            Ok(number)
        };
        // The time of a moment has its own colons.
        let is_list = values.split(',').all(|part| !part.contains(':') || SetValue::parse(part.trim()).is_ok());
        if is_list {
            return Self::list(name, values.split(',').map(value).collect::<Result<_, _>>()?);
        }
        let parts: Vec<&str> = values.split(':').collect();
        let (ends, scale) = match parts[..] {
            [from, to, count] => ([from, to, count], Scale::Linear),
            [from, to, count, "log"] => ([from, to, count], Scale::Logarithmic),
            _ => {
                let help = "a range is `A:B:N`: first value, last value, how many; or `A:B:N:log`";
                return Err(wrong("is no range".into()).help(help));
            }
        };
        let [from, to, count] = ends;
        let values = range(number(from)?, number(to)?, count, scale)
            .map_err(|(kind, what)| Error::new(kind, format!("{} {what}", quoted(&format!("{name}={values}")))))?;
        Self::list(name, values.into_iter().map(SetValue::Number).collect())
    }

    /// The axis of a name with these values.
    ///
    /// # Errors
    /// An [`Error`] if there are too many, or one is not a number (NaN).
    pub fn list(name: &str, values: Vec<SetValue>) -> Result<Self, Error> {
        check_count(values.len() as u128, 1)?;
        if let Some(value) = values.iter().find(|value| !value.is_defined()) {
            let message = format!("{} has {} where a number should be", quoted(name), quoted(&value.to_string()));
            return Err(Error::new(ErrorKind::Design, message).help("write a number, a duration, a date or a boolean"));
        }
        Ok(Self { name: name.to_owned(), values })
    }
}

/// How the values of a range are spaced.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Scale {
    /// By equal differences.
    Linear,
    /// By equal ratios.
    Logarithmic,
}

/// `count` evenly spaced numbers from `from` to `to`, both included.
fn range(from: f64, to: f64, count: &str, scale: Scale) -> Result<Vec<f64>, (ErrorKind, String)> {
    let Ok(count) = count.trim().parse::<u32>() else {
        return Err((ErrorKind::Design, format!("has {} where the number of values should be", quoted(count.trim()))));
    };
    if u64::from(count) > limits::POINTS {
        return Err((ErrorKind::Limit, format!("has more than {} values", limits::POINTS)));
    }
    if scale == Scale::Logarithmic && !(from > 0.0 && to > 0.0) {
        return Err((ErrorKind::Design, "has an end that is not above 0, which a logarithmic range needs".into()));
    }
    match count {
        0 => Err((ErrorKind::Design, "has no values: `N` is at least 1".into())),
        1 if from.to_bits() == to.to_bits() => Ok(vec![from]),
        1 => Err((ErrorKind::Design, "has two ends but one value: `N` is at least 2".into())),
        _ if !(to - from).is_finite() => Err((ErrorKind::Design, "spans more than a number can".into())),
        _ => {
            let last = count - 1;
            let between = |at: u32| {
                let part = f64::from(at) / f64::from(last);
                match scale {
                    Scale::Linear => from + (to - from) * f64::from(at) / f64::from(last),
                    Scale::Logarithmic => libm::exp(libm::log(from) * (1.0 - part) + libm::log(to) * part),
                }
            };
            // Rounded to 15 digits, so that a tenth is written `0.1` and not `0.09999999999999999`.
            let rounded = |value: f64| format!("{value:.14e}").parse().unwrap_or(value);
            let spaced = |round: &dyn Fn(f64) -> f64| -> Vec<f64> {
                let inner = (1..last).map(|at| round(between(at)));
                std::iter::once(from).chain(inner).chain([to]).collect()
            };
            let values = spaced(&rounded);
            if from.to_bits() == to.to_bits() || is_monotone(&values) {
                return Ok(values);
            }
            // If neighbours have 15 digits in common, rounding would make them equal.
            let values = spaced(&|value| value);
            let message = "has more values than there are numbers between its ends";
            if is_monotone(&values) { Ok(values) } else { Err((ErrorKind::Design, message.into())) }
        }
    }
}

/// Whether each value lies strictly between its neighbours.
fn is_monotone(values: &[f64]) -> bool {
    let rises = values.first() < values.last();
    values.windows(2).all(|pair| if rises { pair[0] < pair[1] } else { pair[0] > pair[1] })
}

/// The points of a grid: the product of its axes, the first varying slowest, or with `zip` the axes side by side.
///
/// # Errors
/// An [`Error`] if a limit is reached, a name comes twice, or zipped axes differ in length.
pub fn grid(axes: &[Axis], zip: bool) -> Result<Points, Error> {
    let names: Vec<String> = axes.iter().map(|axis| axis.name.clone()).collect();
    check_names(&names)?;
    if zip && axes.is_empty() {
        return Err(Error::new(ErrorKind::Design, "nothing is varied that could run side by side")
            .help("vary two names or more, or leave out `zip`"));
    }
    if axes.is_empty() {
        return Ok(Points::single());
    }
    if let Some(empty) = axes.iter().find(|axis| axis.values.is_empty()) {
        return Err(Error::new(ErrorKind::Design, format!("{} has no values", quoted(&empty.name))));
    }
    if zip && axes.len() < 2 {
        let message = format!("only {} is varied, and there is nothing to pair it with", quoted(&names[0]));
        return Err(Error::new(ErrorKind::Design, message).help("vary another name, or leave out `zip`"));
    }
    if zip {
        return zipped(axes, names);
    }
    let count = axes.iter().fold(1_u128, |product, axis| product.saturating_mul(axis.values.len() as u128));
    check_count(count, names.len())?;
    let rows = (0..usize::try_from(count).unwrap_or(usize::MAX)).map(|mut at| {
        let mut row = vec![SetValue::Number(0.0); axes.len()];
        for (cell, axis) in row.iter_mut().zip(axes).rev() {
            *cell = axis.values[at % axis.values.len()];
            at /= axis.values.len();
        }
        row
    });
    Points::new(names, rows)
}

fn zipped(axes: &[Axis], names: Vec<String>) -> Result<Points, Error> {
    let count = axes[0].values.len();
    if let Some(other) = axes.iter().find(|axis| axis.values.len() != count) {
        let message = format!(
            "zipped names need as many values each: {} has {count}, {} has {}",
            quoted(&axes[0].name),
            quoted(&other.name),
            other.values.len()
        );
        return Err(Error::new(ErrorKind::Design, message).help("without `zip` the names form their full product"));
    }
    Points::new(names, (0..count).map(|at| axes.iter().map(|axis| axis.values[at]).collect()))
}

impl Request {
    /// How the points are chosen, in a word.
    #[must_use]
    pub fn kind(&self) -> &'static str {
        match (&self.sample, self.vary.is_empty(), self.zip) {
            (Some(sample), ..) => sample.method.name(),
            (None, true, _) => "single",
            (None, false, true) => "zip",
            (None, false, false) => "grid",
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn axis(text: &str) -> Axis {
        Axis::parse(text).unwrap()
    }

    fn numbers(values: &[SetValue]) -> Vec<f64> {
        let number = |value: &SetValue| if let SetValue::Number(number) = value { *number } else { panic!("{value}") };
        values.iter().map(number).collect()
    }

    fn refused(text: &str, message: &str) {
        assert_eq!(Axis::parse(text).unwrap_err().message(), message);
    }

    #[test]
    fn a_range_includes_both_ends() {
        assert_eq!(numbers(&axis("x=0:60000:4").values), [0.0, 20000.0, 40000.0, 60000.0]);
        assert_eq!(numbers(&axis("x=1:0:3").values), [1.0, 0.5, 0.0]);
        assert_eq!(numbers(&axis("x=0:0.6:7").values), [0.0, 0.1, 0.2, 0.3, 0.4, 0.5, 0.6]);
        assert_eq!(numbers(&axis("x=2:2:1").values), [2.0]);
        assert_eq!(numbers(&axis("x=0:0.3:4").values)[3].to_bits(), 0.3_f64.to_bits());
        assert_eq!(numbers(&axis("x = 1, 2.5,-3e2").values), [1.0, 2.5, -300.0]);
        assert_eq!(axis("actors.us.stance=0.5").name, "actors.us.stance");
    }

    #[test]
    fn invalid_axes_are_refused() {
        refused("x", "`x` varies nothing");
        refused("=1", "`=1` names no parameter");
        refused("x=", "`x=` has `` where a number should be");
        refused("x=1,,2", "`x=1,,2` has `` where a number should be");
        refused("x=nan", "`x=nan` has `nan` where a number should be");
        refused("x=1e999", "`x=1e999` has `1e999`, which is larger than any number can be");
        refused("x=0:inf:2", "`x=0:inf:2` spans more than a number can");
        refused("x=1 day:3 days:3", "`x=1 day:3 days:3` has `1 day` where a number should be");
        refused("x=0:1", "`x=0:1` is no range");
        refused("x=0:1:2:3", "`x=0:1:2:3` is no range");
        refused("x=0:1:5:log", "`x=0:1:5:log` has an end that is not above 0, which a logarithmic range needs");
        refused(
            "x=1e16:1.000000000000001e16:9",
            "`x=1e16:1.000000000000001e16:9` has more values than there are numbers between its ends",
        );
        refused("x=0:1:0", "`x=0:1:0` has no values: `N` is at least 1");
        refused("x=0:1:1", "`x=0:1:1` has two ends but one value: `N` is at least 2");
        refused("x=0:1:2.5", "`x=0:1:2.5` has `2.5` where the number of values should be");
        refused("x=0:1:1000001", "`x=0:1:1000001` has more than 1000000 values");
        refused("x=-1e308:1e308:3", "`x=-1e308:1e308:3` spans more than a number can");
        refused("\u{1b}[2J=1:2", "`\\u{1b}[2J=1:2` is no range");
    }

    #[test]
    fn moments_durations_and_booleans_are_listed() {
        let text = |text: &str| axis(text).values.iter().map(ToString::to_string).collect::<Vec<_>>();
        assert_eq!(text("shocks.raid.on=2025-03-10, 2025-03-12T06:00"), ["2025-03-10", "2025-03-12T06:00"]);
        assert_eq!(text("meetings.summit.package=true,false"), ["true", "false"]);
        assert_eq!(text("commitments.a.lead=30 days, 1 week,10"), ["30 days", "1 week", "10"]);
        assert_eq!(text("commitments.a.expires=2025-03-10,inf"), ["2025-03-10", "inf"]);
        refused("x=2025-03-10:2025-03-12:3", "`x=2025-03-10:2025-03-12:3` has `2025-03-10` where a number should be");
        refused(
            "x=9007199254740993",
            "`x=9007199254740993` has `9007199254740993`, which is a whole number that is not held exactly: beyond \
             9007199254740992 not all are",
        );
    }

    #[test]
    fn a_product_equals_nested_loops() {
        let axes = [axis("a=1,2"), axis("b=0:1:3"), axis("c=7,8")];
        let points = grid(&axes, false).unwrap();
        let mut expected = Vec::new();
        for a in numbers(&axes[0].values) {
            for b in numbers(&axes[1].values) {
                for c in numbers(&axes[2].values) {
                    expected.push(vec![a, b, c]);
                }
            }
        }
        let found: Vec<Vec<f64>> = (0..points.count()).map(|point| numbers(points.values(point))).collect();
        assert_eq!(found, expected);
    }

    #[test]
    fn zipped_axes_run_side_by_side() {
        let points = grid(&[axis("a=1,2"), axis("b=3,4")], true).unwrap();
        assert_eq!([points.values(0), points.values(1)].map(numbers), [[1.0, 3.0], [2.0, 4.0]]);
        let error = grid(&[axis("a=1,2"), axis("b=3")], true).unwrap_err();
        assert_eq!(error.message(), "zipped names need as many values each: `a` has 2, `b` has 1");
    }

    #[test]
    fn negative_zero_is_read_as_zero() {
        let points = grid(&[axis("a=-0,1")], false).unwrap();
        assert_eq!(numbers(points.values(0))[0].to_bits(), 0);
    }

    #[test]
    fn limits_and_repeated_names_are_refused() {
        let long = axis("a=0:1:1000000");
        let product = grid(&[long.clone(), axis("b=1,2")], false).unwrap_err();
        assert_eq!((product.kind(), product.message()), (ErrorKind::Limit, "the design has more than 1000000 points"));
        let twice = grid(&[axis("a=1"), axis("parameters.a.value=2")], false).unwrap_err();
        assert_eq!(twice.message(), "`parameters.a.value` is varied twice");
        let wide = Points::new(
            (0..100).map(|at| format!("p{at}")).collect(),
            (0..200_001).map(|_| vec![SetValue::Number(0.0); 100]),
        );
        assert_eq!(wide.unwrap_err().message(), "the design has more than 20000000 numbers (points times names)");
        let many = Points::new((0..1_001).map(|at| format!("p{at}")).collect(), []);
        assert_eq!(many.unwrap_err().message(), "the design varies 1001 names, more than 1000");
    }

    #[test]
    fn a_design_without_names_has_one_point() {
        let points = grid(&[], false).unwrap();
        assert_eq!((points.count(), points.values(0).len()), (1, 0));
        assert_eq!(points.to_csv(), b"point\n0\n");
    }

    #[test]
    fn ranges_of_large_numbers_rise_between_their_ends() {
        for (from, step) in [("9007199254740000", 1.0), ("1000000000000001", 1.0), ("-1e300", 0.0)] {
            let to = from.parse::<f64>().unwrap() + 10.0 * step;
            let to = if step > 0.0 { to.to_string() } else { "1e299".into() };
            let values = numbers(&axis(&format!("x={from}:{to}:11")).values);
            let ends = [from.parse::<f64>().unwrap(), to.parse().unwrap()];
            assert_eq!([values[0], values[10]].map(f64::to_bits), ends.map(f64::to_bits));
            assert!(values.windows(2).all(|pair| pair[0] < pair[1]), "{values:?}");
            let is_even = values.windows(2).all(|pair| (pair[1] - pair[0] - step).abs() <= 0.0);
            assert!(step <= 0.0 || is_even, "{values:?}");
        }
        assert_eq!(numbers(&axis("x=1:1000:4:log").values), [1.0, 10.0, 100.0, 1000.0]);
        assert_eq!(numbers(&axis("x=100:1:3:log").values), [100.0, 10.0, 1.0]);
        let values = numbers(&axis("x=1e-300:1e300:7:log").values);
        assert!(values.windows(2).all(|pair| (pair[1] / pair[0] / 1e100 - 1.0).abs() < 1e-9), "{values:?}");
    }

    #[test]
    fn the_file_lists_the_points() {
        let points = grid(&[axis("a=0.1,2"), axis("b=3")], false).unwrap();
        assert_eq!(String::from_utf8(points.to_csv()).unwrap(), "point,a,b\n0,0.1,3.0\n1,2.0,3.0\n");
    }
}
