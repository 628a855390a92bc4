//! Samples of the parameter space: Latin hypercubes, Sobol' sequences, independent draws.
//!
//! Each parameter has random streams of its own, keyed by the seed and its name, so sampling another parameter does not
//! change its values.

use super::error::{Error, ErrorKind, quoted};
use super::points::{Points, check_names};
use super::{limits, sobol};
use crate::engine::{RunSeed, quantile, stream, unit};
use crate::model::{Distribution, Model, Node, ParameterId, Quantity, Scalar, Values};
use crate::scenario::SetValue;
use crate::scenario::canonical;

/// How a sample is drawn.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Method {
    /// A Latin hypercube (`McKay`, Beckman and Conover 1979).
    Lhs,
    /// A Sobol' sequence, unscrambled; the seed has no effect.
    Sobol,
    /// Independent draws.
    Random,
}

impl Method {
    /// Every method.
    pub const ALL: [Self; 3] = [Self::Lhs, Self::Sobol, Self::Random];

    /// Its name on the command line and in manifests.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Lhs => "lhs",
            Self::Sobol => "sobol",
            Self::Random => "random",
        }
    }
}

/// A requested sample.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Sample {
    /// How it is drawn.
    pub method: Method,
    /// The number of points.
    pub count: u64,
}

const FORM: &str = "write `lhs:N`, `sobol:N` or `random:N`";

impl Sample {
    /// The help text of `--sample`.
    pub const HELP: &'static str =
        "Sample the parameters that declare a range or a distribution: lhs:N, sobol:N or random:N";

    /// Parses `lhs:N`, `sobol:N` or `random:N`.
    ///
    /// # Errors
    /// An [`Error`] with a message about the text.
    pub fn parse(text: &str) -> Result<Self, Error> {
        let wrong = |what: String| Error::new(ErrorKind::Design, format!("{} {what}", quoted(text))).help(FORM);
        let Some((method, count)) = text.split_once(':') else {
            return Err(wrong("is no sample".into()));
        };
        let name = method.trim();
        let Some(method) = Method::ALL.into_iter().find(|method| method.name() == name) else {
            return Err(wrong(format!("has the unknown method {}", quoted(name))));
        };
        let count = match count.trim().parse::<u64>() {
            Ok(count) if count > 0 => count,
            _ => return Err(wrong(format!("has {} where the number of points should be", quoted(count.trim())))),
        };
        if count > limits::POINTS {
            let message = format!("{} has more than {} points", quoted(text), limits::POINTS);
            return Err(Error::new(ErrorKind::Limit, message));
        }
        Ok(Self { method, count })
    }

    /// Its text on the command line.
    #[must_use]
    pub fn text(&self) -> String {
        format!("{}:{}", self.method.name(), self.count)
    }

    /// The values of one coordinate, in [0, 1), by point.
    ///
    /// # Errors
    /// An [`Error`] if a Sobol' sequence does not have that many dimensions.
    pub fn coordinate(&self, dimension: usize, name: &str, seed: u64) -> Result<Vec<f64>, Error> {
        let run_seed = RunSeed { seed, replicate: 0 };
        let count = usize::try_from(self.count).unwrap_or(usize::MAX);
        match self.method {
            Method::Sobol => {
                if let Some(coordinate) = sobol::Coordinate::new(dimension) {
                    Ok(coordinate.take(count).collect())
                } else {
                    let message = format!("a Sobol' sequence has at most {} dimensions here", sobol::DIMENSIONS);
                    Err(Error::new(ErrorKind::Limit, message).help("sample fewer parameters, or take `lhs:N`"))
                }
            }
            Method::Random => {
                let mut source = run_seed.source(stream(&format!("sample/{name}")));
                Ok((0..self.count_u32()).map(|at| unit(source.word(at))).collect())
            }
            Method::Lhs => {
                let order = permutation(run_seed, name, self.count_u32());
                let mut source = run_seed.source(stream(&format!("sample/{name}")));
                let width = f64::from(self.count_u32());
                Ok(order
                    .iter()
                    .zip(0..)
                    .map(|(stratum, at)| {
                        let value = (f64::from(*stratum) + unit(source.word(at))) / width;
                        // Rounding must not carry a point into the next stratum.
                        value.min((f64::from(stratum + 1) / width).next_down())
                    })
                    .collect())
            }
        }
    }

    fn count_u32(&self) -> u32 {
        u32::try_from(self.count).expect("the number of points is limited")
    }
}

/// A random permutation of the numbers below `count` (Fisher and Yates).
fn permutation(run_seed: RunSeed, name: &str, count: u32) -> Vec<u32> {
    let mut source = run_seed.source(stream(&format!("sample/{name}/order")));
    let mut order: Vec<u32> = (0..count).collect();
    for (draw, last) in (1..order.len()).rev().enumerate() {
        let word = source.word(u32::try_from(draw).expect("fewer draws than points"));
        let other = (u128::from(word) * (last as u128 + 1)) >> 64;
        order.swap(last, usize::try_from(other).expect("no more than `last`"));
    }
    order
}

/// The source of a parameter's samples.
#[derive(Clone, Copy, Debug)]
enum Spread<'a> {
    Range(f64, f64),
    /// The integers of a range.
    Whole(f64, f64),
    Distribution(&'a Distribution),
}

/// A parameter's declared range, or otherwise its distribution.
fn spread(model: &Model, parameter: ParameterId) -> Option<Spread<'_>> {
    let declared = &model.parameters[parameter.index()];
    match (&declared.range, &declared.distribution) {
        (Some((low, high)), _) if declared.whole => Some(Spread::Whole(*low, *high)),
        (Some((low, high)), _) => Some(Spread::Range(*low, *high)),
        (None, Some(distribution)) => Some(Spread::Distribution(distribution)),
        (None, None) => None,
    }
}

/// The parameters to sample, in declaration order.
fn sampled(model: &Model, over: &[String], taken: &[String]) -> Result<Vec<ParameterId>, Error> {
    let ids = (0..model.parameters.len()).map(ParameterId::at);
    let id = |parameter: ParameterId| model.parameters[parameter.index()].id.as_str();
    let is_taken = |name: &str| taken.iter().any(|taken| canonical(taken) == name);
    if over.is_empty() {
        let found: Vec<ParameterId> =
            ids.filter(|&parameter| spread(model, parameter).is_some() && !is_taken(id(parameter))).collect();
        if found.is_empty() {
            let message = "there is nothing to sample: no free parameter declares a range or a distribution";
            return Err(Error::new(ErrorKind::Design, message)
                .help("declare one: `floor = { value = 30000, range = [0, 60000] }`"));
        }
        return Ok(found);
    }
    for (at, name) in over.iter().enumerate() {
        let bare = canonical(name);
        let Some(parameter) = ids.clone().find(|&parameter| id(parameter) == bare) else {
            let known = model.parameters.iter().map(|parameter| parameter.id.as_str());
            let error = Error::new(ErrorKind::Design, format!("there is no parameter {} to sample", quoted(name)));
            return Err(match super::error::suggestion(bare, known) {
                Some(help) => error.help(help),
                None => error,
            });
        };
        if spread(model, parameter).is_none() {
            let message = format!("the parameter {} declares neither a range nor a distribution", quoted(name));
            return Err(Error::new(ErrorKind::Design, message));
        }
        if is_taken(bare) {
            let message = format!("the parameter {} is sampled, but also varied or set", quoted(name));
            return Err(Error::new(ErrorKind::Design, message));
        }
        if over[..at].iter().any(|other| canonical(other) == bare) {
            return Err(Error::new(ErrorKind::Design, format!("the parameter {} is named twice", quoted(name))));
        }
    }
    Ok(ids.filter(|&parameter| over.iter().any(|name| canonical(name) == id(parameter))).collect())
}

/// The values that the arguments of a parameter's distribution can read: those of other parameters at the point.
struct AtPoint<'a>(&'a [f64]);

impl Values for AtPoint<'_> {
    fn parameter(&self, parameter: ParameterId) -> f64 {
        self.0[parameter.index()]
    }

    fn read(&self, _: Quantity) -> f64 {
        f64::NAN
    }
}

/// The product of a grid and a sample.
///
/// `set` are the names that were set; they are neither sampled nor varied.
///
/// # Errors
/// An [`Error`] if there is nothing to sample, a name is unknown, a limit is reached, or a distribution cannot be
/// drawn from at a point.
pub fn sample(
    model: &Model,
    grid: &Points,
    request: Sample,
    over: &[String],
    set: &[String],
    seed: u64,
) -> Result<Points, Error> {
    let taken: Vec<String> = set.iter().chain(&grid.names).cloned().collect();
    let parameters = sampled(model, over, &taken)?;
    let id = |parameter: ParameterId| model.parameters[parameter.index()].id.clone();
    let names: Vec<String> = grid.names.iter().cloned().chain(parameters.iter().map(|&at| id(at))).collect();
    check_names(&names)?;
    let total = u128::from(grid.count()) * u128::from(request.count);
    if total > u128::from(limits::POINTS) || total * names.len() as u128 > u128::from(limits::VALUES) {
        let message = format!(
            "the design has {total} points and {} names, more than {} points or {} numbers",
            names.len(),
            limits::POINTS,
            limits::VALUES
        );
        return Err(Error::new(ErrorKind::Limit, message));
    }
    let columns: Vec<Vec<f64>> = parameters
        .iter()
        .enumerate()
        .map(|(dimension, &parameter)| request.coordinate(dimension, &id(parameter), seed))
        .collect::<Result<_, _>>()?;
    let varied: Vec<Option<usize>> = grid
        .names
        .iter()
        .map(|name| model.parameters.iter().position(|parameter| parameter.id == canonical(name)))
        .collect();
    check_reads(model, &parameters)?;
    let mut points = Points::new(names, [])?;
    let mut row = Vec::new();
    for outer in 0..grid.count() {
        let mut values = model.setup.parameters.clone();
        for (parameter, value) in varied.iter().zip(grid.values(outer)) {
            if let (Some(parameter), Some(number)) = (parameter, value.number(&model.clock)) {
                values[*parameter] = number;
            }
        }
        for inner in 0..usize::try_from(request.count).unwrap_or(usize::MAX) {
            for (&parameter, column) in parameters.iter().zip(&columns) {
                values[parameter.index()] = drawn(model, parameter, column[inner], &values)?;
            }
            row.clear();
            row.extend_from_slice(grid.values(outer));
            row.extend(parameters.iter().map(|parameter| SetValue::Number(values[parameter.index()])));
            points.push(&row)?;
        }
    }
    Ok(points)
}

/// Checks that the arguments of a distribution read no parameter that is drawn in each run.
fn check_reads(model: &Model, parameters: &[ParameterId]) -> Result<(), Error> {
    for &parameter in parameters {
        let Some(Spread::Distribution(distribution)) = spread(model, parameter) else { continue };
        for argument in &distribution.arguments {
            let Scalar::Expression(expression) = argument else { continue };
            let reads = expression
                .nodes
                .iter()
                .filter_map(|node| if let Node::Parameter(read) = node { Some(*read) } else { None });
            for read in reads {
                let other = &model.parameters[read.index()];
                if other.distribution.is_some() && !other.overridden && !parameters.contains(&read) {
                    let message = format!(
                        "{} cannot be sampled alone: its distribution reads {}, which is drawn in each run",
                        quoted(&model.parameters[parameter.index()].id),
                        quoted(&other.id)
                    );
                    return Err(Error::new(ErrorKind::Design, message).help("sample both, or set the other"));
                }
            }
        }
    }
    Ok(())
}

/// The value of a parameter at the quantile `u` in [0, 1).
fn drawn(model: &Model, parameter: ParameterId, u: f64, values: &[f64]) -> Result<f64, Error> {
    let id = &model.parameters[parameter.index()].id;
    match spread(model, parameter) {
        Some(Spread::Range(low, high)) => {
            let width = high - low;
            // Used if the width is too large for a number.
            let value = if width.is_finite() { low + u * width } else { low * (1.0 - u) + high * u };
            Ok(value.clamp(low, high))
        }
        Some(Spread::Whole(low, high)) => Ok((low + libm::floor(u * (high - low + 1.0))).clamp(low, high)),
        Some(Spread::Distribution(distribution)) => {
            let mut arguments = Vec::with_capacity(distribution.arguments.len());
            for argument in &distribution.arguments {
                arguments.push(match argument {
                    Scalar::Constant(value) => *value,
                    Scalar::Expression(expression) => expression.number(&AtPoint(values)).unwrap_or(f64::NAN),
                });
            }
            let wrong = |what: &str| {
                Error::new(ErrorKind::Design, format!("the distribution of the parameter {}: {what}", quoted(id)))
            };
            distribution.shape.check(&arguments).map_err(wrong)?;
            // The quantiles of 0 and 1 may be infinite.
            let least = 1.0 / 9_007_199_254_740_992.0;
            Ok(quantile(distribution.shape, &arguments, u.clamp(least, 1.0 - least)))
        }
        None => Ok(values[parameter.index()]),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn refused(text: &str, message: &str) {
        assert_eq!(Sample::parse(text).unwrap_err().message(), message);
    }

    #[test]
    fn invalid_samples_are_refused() {
        refused("lhs", "`lhs` is no sample");
        refused("lhs:", "`lhs:` has `` where the number of points should be");
        refused("lhs:0", "`lhs:0` has `0` where the number of points should be");
        refused("halton:10", "`halton:10` has the unknown method `halton`");
        refused("sobol:1000001", "`sobol:1000001` has more than 1000000 points");
        assert_eq!(Sample::parse("random:5").unwrap().text(), "random:5");
    }

    #[test]
    fn a_latin_hypercube_has_one_point_in_each_stratum() {
        for count in [1_u64, 2, 7, 1000] {
            let sample = Sample { method: Method::Lhs, count };
            for name in ["floor", "share"] {
                let mut strata: Vec<u64> = sample
                    .coordinate(0, name, 7)
                    .unwrap()
                    .into_iter()
                    .map(|value| {
                        #[expect(
                            clippy::cast_possible_truncation,
                            clippy::cast_sign_loss,
                            clippy::cast_precision_loss,
                            reason = "in [0, count)"
                        )]
                        let stratum = (value * count as f64) as u64;
                        stratum
                    })
                    .collect();
                strata.sort_unstable();
                assert_eq!(strata, (0..count).collect::<Vec<_>>());
            }
        }
    }

    #[test]
    fn whole_numbers_are_sampled_alike() {
        let text = "format = 1\ntitle = \"t\"\n[time]\nsteps = 1\n\
                    [parameters]\nlead = { value = 1, range = [-1, 4], whole = true }\n";
        let document = crate::scenario::Document::parse("t", text.as_bytes()).unwrap();
        let model = crate::scenario::compile(&document, &crate::scenario::Options::default()).unwrap().model;
        let grid = Points::new(Vec::new(), [Vec::new()]).unwrap();
        for method in [Method::Lhs, Method::Sobol] {
            let points = sample(&model, &grid, Sample { method, count: 6 * 64 }, &[], &[], 3).unwrap();
            let mut found: Vec<f64> =
                (0..points.count()).map(|point| points.values(point)[0].number(&model.clock).unwrap()).collect();
            found.sort_by(f64::total_cmp);
            for (number, of_one) in found.chunk_by(|a, b| a.to_bits() == b.to_bits()).enumerate() {
                assert_eq!(of_one[0].to_bits(), [-1.0, 0.0, 1.0, 2.0, 3.0, 4.0_f64][number].to_bits());
                assert!(of_one.len().abs_diff(64) <= 2, "{method:?}: {} times {}", of_one.len(), of_one[0]);
            }
        }
    }

    #[test]
    fn each_parameter_has_its_own_stream() {
        let sample = Sample { method: Method::Random, count: 100 };
        let alone = sample.coordinate(0, "floor", 7).unwrap();
        assert_eq!(sample.coordinate(5, "floor", 7).unwrap(), alone);
        assert_ne!(sample.coordinate(0, "share", 7).unwrap(), alone);
        assert_ne!(sample.coordinate(0, "floor", 8).unwrap(), alone);
        let mean = alone.iter().sum::<f64>() / 100.0;
        assert!((mean - 0.5).abs() < 0.1, "{mean}");
    }
}
