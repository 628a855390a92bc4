//! `[data]`: numbers that change with time, from tables.

use super::cells::{self, Cell, CellAt, parse};
use super::csv::CsvTable;
use super::diagnostic::{Diagnostic, listed, quoted, suggestion};
use super::draft::Draft;
use super::keys;
use super::reader::path;
use super::toml_tree::{Entry, Table};
use crate::model::Series;

impl<'a> Draft<'a> {
    /// Reads `[data]`.
    pub(super) fn read_data(&mut self) {
        for at in 0..self.lookup.names.data.len() {
            let entry = self.reader.section("data").and_then(|section| section.entries.get(at));
            let Some(entry) = entry else { continue };
            let place = path("data", &entry.key);
            let mut series = Series { id: entry.key.clone(), linear: false, points: Vec::new() };
            if let Some(table) = self.reader.table(&entry.value, &place) {
                self.reader.known_keys(table, &keys::DATA);
                self.reader.free_texts(table, &["name", "note"], &place);
                series.linear = self.is_linear(table, &place);
                series.points = self.points(entry, table, &place).unwrap_or_default();
            }
            self.model.data.push(series);
        }
    }

    fn is_linear(&mut self, table: &'a Table, place: &str) -> bool {
        const WAYS: [&str; 2] = ["hold", "linear"];
        let Some(entry) = table.get("between") else { return false };
        let place = path(place, "between");
        let Some(way) = self.reader.text(&entry.value, &place) else { return false };
        if !WAYS.contains(&way) {
            let message = format!("`{place}` cannot be {}", quoted(way));
            let help = suggestion(way, WAYS).unwrap_or_else(|| format!("write {}", listed(WAYS)));
            self.reader.report(Diagnostic::error("domain/between", message, Some(entry.value.span.clone())).help(help));
        }
        way == "linear"
    }

    /// The rows of a series; none where something in it is wrong (and reported).
    fn points(&mut self, entry: &Entry, keys: &'a Table, place: &str) -> Option<Vec<(f64, f64)>> {
        let mut required = |key: &'static str, help: &str| {
            let found = keys.get(key);
            if found.is_none() {
                self.reader.missing(key, place, entry.key_span.clone(), help);
            }
            found
        };
        let named = required("table", "name the file: `table = \"polls.csv\"`");
        let date = required("date", "name the column of the dates: `date = \"date\"`");
        let value = required("value", "name the column of the values: `value = \"share\"`");
        let (named, date, value) = (named?, date?, value?);
        let table = self.reader.named_table(&named.value, &path(place, "table"))?;
        let date = self.reader.find_column(&table, &date.value, &path(place, "date"));
        let value = self.reader.find_column(&table, &value.value, &path(place, "value"));
        let (date, value) = (date?, value?);
        if table.rows() == 0 {
            self.reader.report(table.no_rows(&named.value.span));
            return None;
        }
        let mut points: Vec<(f64, f64)> = Vec::with_capacity(table.rows());
        let before = self.reader.cell_errors;
        for row in 0..table.rows() {
            let moment = self.data_moment(&table, row, date, place);
            let number = cells::cell_number(
                &mut self.reader,
                &self.lookup.calendar,
                CellAt { table: &table, row, column: value },
                None,
                place,
            );
            let Some((moment, number)) = moment.zip(number) else { continue };
            if let Some(&(last, _)) = points.last()
                && moment <= last
            {
                let message = if moment < last {
                    "the row comes before the one above it".to_owned()
                } else {
                    "the row is of the same moment as the one above it".to_owned()
                };
                self.reader.report_cell(
                    "table/order",
                    message,
                    "put the rows in the order of their dates",
                    &table,
                    row,
                    date,
                );
            }
            points.push((moment, number));
        }
        (self.reader.cell_errors == before && points.len() == table.rows()).then_some(points)
    }

    /// A cell's moment: minutes from the start where there are dates, a step number otherwise.
    fn data_moment(&mut self, table: &CsvTable, row: usize, column: usize, place: &str) -> Option<f64> {
        let has_dates = self.lookup.calendar.clock.start.is_some() || self.lookup.calendar.dates_unknown;
        let text = table.cell(row, column);
        let (message, help) = match parse(&text) {
            Ok(Cell::Number(step)) if !has_dates => return Some(step),
            Ok(Cell::Date(date)) if has_dates => return self.lookup.calendar.clock.minutes_to(date),
            Ok(Cell::Number(_)) => (
                format!("{} is no date, but the run has dates", quoted(&text)),
                "write dates such as `2016-11-04`".to_owned(),
            ),
            Ok(Cell::Date(_)) => (
                format!("{} is a date, but `time` has no `start`", quoted(&text)),
                "write step numbers, or add `start` to `[time]`".to_owned(),
            ),
            Ok(Cell::Empty) => (format!("the date of a row of `{place}` is missing"), "fill it in".to_owned()),
            Err((what, help)) => (format!("{} {what}", quoted(&text)), help),
        };
        drop(text);
        self.reader.report_cell("table/cell", message, help, table, row, column);
        None
    }
}
