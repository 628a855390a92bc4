//! The points that a sweep visits, as a table.

use std::io;

use super::error::{Error, ErrorKind, quoted};
use super::limits;
use crate::scenario::{SetValue, canonical};
use crate::table::{Cell, Column, Columns, Csv, DesignColumn, Kind, Layout, Sink};
use crate::text::visible;
use crate::trace::{plain_set_value, set_cell};

/// The points of a design: a table of values with a name for each column.
#[derive(Clone, Debug, PartialEq)]
pub struct Points {
    /// The names, in the order of the columns.
    pub names: Vec<String>,
    count: u64,
    values: Vec<SetValue>,
    /// File and line of each point, where a file gave them.
    lines: Option<(String, Vec<u64>)>,
}

impl Points {
    /// One point at which nothing is varied.
    #[must_use]
    pub fn single() -> Self {
        Self { names: Vec::new(), count: 1, values: Vec::new(), lines: None }
    }

    /// Points of these names, row by row.
    ///
    /// # Errors
    /// An [`Error`] if a limit is reached, a name comes twice, or a value is not finite.
    pub fn new(names: Vec<String>, rows: impl IntoIterator<Item = Vec<SetValue>>) -> Result<Self, Error> {
        check_names(&names)?;
        let mut points = Self { names, count: 0, values: Vec::new(), lines: None };
        for row in rows {
            points.push(&row)?;
        }
        Ok(points)
    }

    pub(super) fn push(&mut self, row: &[SetValue]) -> Result<(), Error> {
        debug_assert_eq!(row.len(), self.names.len());
        check_count(u128::from(self.count) + 1, self.names.len())?;
        for (name, value) in self.names.iter().zip(row) {
            if !value.is_finite() {
                let message = format!("at point {} {} is {value}, not a finite number", self.count, quoted(name));
                return Err(Error::new(ErrorKind::Design, message));
            }
        }
        // A zero that is set has no sign, so that `-0` is at every point what it is for `--set`.
        self.values.extend(row.iter().map(|value| match *value {
            SetValue::Number(number) => SetValue::Number(number + 0.0),
            other @ (SetValue::Day(_) | SetValue::Minute(_) | SetValue::Second(_) | SetValue::Boolean(_)) => other,
        }));
        self.count += 1;
        Ok(())
    }

    pub(super) fn with_lines(mut self, file: &str, lines: Vec<u64>) -> Self {
        self.lines = Some((file.to_owned(), lines));
        self
    }

    /// Number of points.
    #[must_use]
    pub fn count(&self) -> u64 {
        self.count
    }

    /// The values of a point, in the order of the names.
    #[must_use]
    pub fn values(&self, point: u64) -> &[SetValue] {
        let width = self.names.len();
        let first = usize::try_from(point).unwrap_or(usize::MAX) * width;
        &self.values[first..first + width]
    }

    /// File and line that gave a point.
    #[must_use]
    pub fn place(&self, point: u64) -> Option<(&str, u64)> {
        let (file, lines) = self.lines.as_ref()?;
        Some((file, *lines.get(usize::try_from(point).ok()?)?))
    }

    /// A point in words, for messages.
    #[must_use]
    pub fn describe(&self, point: u64) -> String {
        let named = self.names.iter().zip(self.values(point));
        let named: Vec<String> =
            named.take(6).map(|(name, value)| format!("{} = {}", visible(name), plain_set_value(*value))).collect();
        match (named.as_slice(), self.names.len() > 6) {
            ([], _) => format!("point {point}"),
            (named, false) => format!("point {point} ({})", named.join(", ")),
            (named, true) => format!("point {point} ({}, …)", named.join(", ")),
        }
    }

    /// The text of `design.csv`.
    ///
    /// # Panics
    /// Never: memory takes every row.
    #[must_use]
    pub fn to_csv(&self) -> Vec<u8> {
        let layout = self.layout();
        Csv::table(layout.columns(), |sink| self.write(sink)).expect("memory takes every row")
    }

    /// The columns of `design.csv`.
    #[must_use]
    pub fn layout(&self) -> Layout<DesignColumn> {
        Layout::new(true, |_| self.names.iter().map(String::as_str).collect())
    }

    /// Writes the rows of `design.csv`.
    ///
    /// # Errors
    /// Those of the sink.
    pub fn write<S: Sink>(&self, sink: &mut S) -> io::Result<()> {
        let layout = self.layout();
        (0..self.count).try_for_each(|point| {
            let values = self.values(point);
            sink.row(layout.sources().iter().map(|&(column, at)| match column {
                DesignColumn::Point => Cell::Whole(point),
                DesignColumn::Parameter => set_cell(values[at]),
            }))
        })
    }

    /// The columns with each that is set being of the kind of its values: numbers, dates or truths, or texts where they
    /// are of several kinds.
    #[must_use]
    pub fn typed(&self, columns: &[Column]) -> Vec<Column> {
        let kind = |at: usize| Columns::kind_of((0..self.count).map(|point| set_cell(self.values(point)[at])));
        let own = |column: &Column| self.names.iter().position(|name| *name == column.name);
        let typed = columns.iter().map(|column| match (column.kind, own(column)) {
            (Kind::Set, Some(at)) => Column { name: column.name.clone(), kind: kind(at) },
            _ => column.clone(),
        });
        typed.collect()
    }
}

pub(super) fn check_names(names: &[String]) -> Result<(), Error> {
    if names.len() > limits::NAMES {
        let message = format!("the design varies {} names, more than {}", names.len(), limits::NAMES);
        return Err(Error::new(ErrorKind::Limit, message));
    }
    for (at, name) in names.iter().enumerate() {
        if name.is_empty() {
            return Err(Error::new(ErrorKind::Design, "a name in the design is empty"));
        }
        if names[..at].iter().any(|other| canonical(other) == canonical(name)) {
            return Err(Error::new(ErrorKind::Design, format!("{} is varied twice", quoted(name))));
        }
    }
    Ok(())
}

pub(super) fn check_count(points: u128, names: usize) -> Result<(), Error> {
    let help = "vary fewer names, or take a sample: `--sample lhs:1000`";
    if points > u128::from(limits::POINTS) {
        let message = format!("the design has more than {} points", limits::POINTS);
        return Err(Error::new(ErrorKind::Limit, message).help(help));
    }
    if points * names as u128 > u128::from(limits::VALUES) {
        let message = format!("the design has more than {} numbers (points times names)", limits::VALUES);
        return Err(Error::new(ErrorKind::Limit, message).help(help));
    }
    Ok(())
}
