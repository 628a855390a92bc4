//! Numbers in the cells of tables: `{ column = "Percentage", missing = 0 }`; and `[data]`, numbers that change with
//! time.

use std::sync::Arc;

use jiff::civil::{Date, DateTime, Time};

use super::calendar::Calendar;
use super::csv::CsvTable;
use super::diagnostic::{Diagnostic, Severity, listed, plain, quoted, suggestion};
use super::draft::{Draft, Spec, domain_help};
use super::keys;
use super::reader::{Reader, path};
use super::set_value::is_exact;
use super::toml_tree::{Entry, Kind, Table, Value};
use crate::model::{Series, limits};

/// The content of a cell.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) enum Cell {
    /// Nothing.
    Empty,
    /// A number, or a truth as 1 or 0.
    Number(f64),
    /// A date, with or without a time of day.
    Date(DateTime),
}

/// A cell of a table.
#[derive(Clone, Copy)]
pub(super) struct CellAt<'t> {
    pub(super) table: &'t CsvTable,
    /// Rows count from 0 behind the header.
    pub(super) row: usize,
    pub(super) column: usize,
}

/// The numbers of a column, one a row, with their positions.
#[derive(Clone, Debug)]
pub(super) struct Column {
    pub(super) table: Arc<CsvTable>,
    pub(super) at: usize,
    pub(super) values: Vec<f64>,
}

/// The least number of rows for which a thread is worth while: they take about a millisecond.
const WORTH_A_THREAD: usize = 50_000;

/// Does some work while another thread reads the columns of the large tables of cohorts. The cells that are neither a
/// number nor empty, and those below them, are left to [`column`], which reports what is wrong with them.
pub(super) fn read_beside<'a, T>(reader: &mut Reader<'a>, work: impl FnOnce(&mut Reader<'a>) -> T) -> T {
    let columns = large_columns(reader);
    if columns.is_empty() {
        return work(reader);
    }
    let read = move || {
        let with_numbers = columns.into_iter().map(|(table, column)| {
            let numbers = first_numbers(&table, column);
            (table, column, numbers)
        });
        with_numbers.collect()
    };
    std::thread::scope(|scope| {
        // Without a thread, they are read later.
        let reading = std::thread::Builder::new().spawn_scoped(scope, read);
        let result = work(reader);
        reader.read_ahead = reading.ok().and_then(|reading| reading.join().ok()).unwrap_or_default();
        result
    })
}

/// The columns of numbers that cohorts with large tables read, each once, and no more than a scenario may have.
fn large_columns(reader: &Reader<'_>) -> Vec<(Arc<CsvTable>, usize)> {
    let mut found: Vec<(Arc<CsvTable>, usize)> = Vec::new();
    let Some(Kind::Table(cohorts)) = reader.root.get("cohorts").map(|entry| &entry.value.kind) else { return found };
    let mut numbers = 0;
    for cohort in &cohorts.entries {
        let Kind::Table(keys) = &cohort.value.kind else { continue };
        let Some(table) = keys.get("table").and_then(|named| reader.table_at(&named.value)) else { continue };
        if !(WORTH_A_THREAD..=limits::TABLE_MEMBERS).contains(&table.rows()) {
            continue;
        }
        let mut inner = vec![keys];
        while let Some(keys) = inner.pop() {
            if let Some(Kind::String(name)) = keys.get("column").map(|entry| &entry.value.kind) {
                let column = table.column(name);
                let is_new = |column: &usize| !found.iter().any(|(of, at)| Arc::ptr_eq(of, table) && at == column);
                if let Some(column) = column.filter(is_new)
                    && numbers + table.rows() <= limits::ATTRIBUTES
                {
                    numbers += table.rows();
                    found.push((Arc::clone(table), column));
                }
            }
            let tables = keys.entries.iter().rev().filter_map(|entry| match &entry.value.kind {
                Kind::Table(table) => Some(table),
                _ => None,
            });
            inner.extend(tables);
        }
    }
    found
}

fn first_numbers(table: &CsvTable, column: usize) -> Vec<f64> {
    let mut numbers = Vec::with_capacity(table.rows());
    for row in 0..table.rows() {
        match parse(&table.cell(row, column)) {
            Ok(Cell::Number(number)) => numbers.push(number),
            Ok(Cell::Empty) => numbers.push(f64::NAN),
            Ok(Cell::Date(_)) | Err(_) => break,
        }
    }
    numbers
}

/// Parses the content of a cell. An error has a message and the remedy.
pub(super) fn parse(text: &str) -> Result<Cell, (&'static str, String)> {
    if text.is_empty() {
        return Ok(Cell::Empty);
    }
    if let Some(value) = short_whole(text) {
        return Ok(Cell::Number(value));
    }
    if text.eq_ignore_ascii_case("true") {
        return Ok(Cell::Number(1.0));
    }
    if text.eq_ignore_ascii_case("false") {
        return Ok(Cell::Number(0.0));
    }
    if is_number(text) {
        return match text.parse::<f64>() {
            Ok(value) if value.is_finite() && !is_exact(text, value) => {
                let help = "beyond 9007199254740992 not all whole numbers are held exactly: count in a larger unit";
                Err(("is a whole number that is not held exactly", help.into()))
            }
            Ok(value) if value.is_finite() => Ok(Cell::Number(value)),
            _ => Err(("is a number that is too large", "numbers end at about 1.8e308".into())),
        };
    }
    if looks_like_date(text) {
        let help = "write a date as `2016-11-04`, or `2016-11-04T12:30:00` with a time of day";
        return date(text).map(Cell::Date).ok_or(("is no date of the calendar", help.into()));
    }
    Err(("is no number and no date", remedy(text)))
}

/// A whole number of so few digits that it is held exactly, as most are.
fn short_whole(text: &str) -> Option<f64> {
    let digits = text.as_bytes();
    if !(1..=9).contains(&digits.len()) || !digits.iter().all(u8::is_ascii_digit) {
        return None;
    }
    Some(f64::from(digits.iter().fold(0, |value: u32, digit| value * 10 + u32::from(digit - b'0'))))
}

/// Digits with a sign, a point and an exponent, each of which may be missing.
fn is_number(text: &str) -> bool {
    let unsigned = text.strip_prefix(['+', '-']).unwrap_or(text);
    let (mantissa, exponent) = match unsigned.split_once(['e', 'E']) {
        Some((mantissa, exponent)) => (mantissa, Some(exponent.strip_prefix(['+', '-']).unwrap_or(exponent))),
        None => (unsigned, None),
    };
    let (whole, part) = mantissa.split_once('.').unwrap_or((mantissa, ""));
    let digits = |text: &str| text.bytes().all(|byte| byte.is_ascii_digit());
    digits(whole)
        && digits(part)
        && !(whole.is_empty() && part.is_empty())
        && exponent.is_none_or(|exponent| !exponent.is_empty() && digits(exponent))
}

/// Four digits, `-`, two digits, `-`, two digits.
fn looks_like_date(text: &str) -> bool {
    let shape = text.as_bytes();
    shape.len() >= 10
        && (0..10).all(|at| if at == 4 || at == 7 { shape[at] == b'-' } else { shape[at].is_ascii_digit() })
}

fn date(text: &str) -> Option<DateTime> {
    let (day, rest) = text.split_at_checked(10)?;
    let date = Date::new(day[..4].parse().ok()?, day[5..7].parse().ok()?, day[8..].parse().ok()?).ok()?;
    if rest.is_empty() {
        return Some(date.at(0, 0, 0, 0));
    }
    let parts: Vec<&str> = rest.strip_prefix(['T', ' '])?.split(':').collect();
    if !(2..=3).contains(&parts.len())
        || parts.iter().any(|part| part.len() != 2 || !part.bytes().all(|byte| byte.is_ascii_digit()))
    {
        return None;
    }
    let second = parts.get(2).map_or(Some(0), |second| second.parse().ok())?;
    let time = Time::new(parts[0].parse().ok()?, parts[1].parse().ok()?, second, 0).ok()?;
    Some(date.to_datetime(time))
}

/// The remedy for common invalid content.
fn remedy(text: &str) -> String {
    let trimmed = text.trim();
    if trimmed != text && parse(trimmed).is_ok_and(|cell| cell != Cell::Empty) {
        return "remove the spaces: a cell is taken as it is".into();
    }
    if trimmed.starts_with('=') {
        return "the cell is a formula; export its value".into();
    }
    if let Some(number) = trimmed.strip_suffix('%')
        && is_number(number.trim())
    {
        return "write a share such as `0.25` for 25 %, or the number without `%`".into();
    }
    let with_point = trimmed.replacen(',', ".", 1);
    if is_number(&with_point) {
        // One comma before three digits may be either.
        if let Some((whole, part)) = trimmed.split_once(',')
            && part.len() == 3
            && (1..=3).contains(&whole.trim_start_matches(['+', '-']).trim_start_matches('0').len())
        {
            let thousands = quoted(&format!("{whole}{part}"));
            return format!("write {thousands}, or {} if the comma is a decimal point", quoted(&with_point));
        }
        return format!("the decimal point is `.`: write {}", quoted(&with_point));
    }
    if is_number(&trimmed.replace([',', ' ', '\u{a0}', '\u{202f}', '_', '\''], "")) {
        return "write the number without separators of thousands".into();
    }
    let parts: Vec<&str> = trimmed.split(['/', '.', '-', ' ']).filter(|part| !part.is_empty()).collect();
    if parts.len() == 3 && parts.iter().any(|part| part.len() == 4 && part.bytes().all(|byte| byte.is_ascii_digit())) {
        return "write dates as `2016-11-04`: year, month, day".into();
    }
    if ["na", "n/a", "nan", "null", "none", "-", "?"].contains(&trimmed.to_ascii_lowercase().as_str()) {
        return "leave the cell empty, and say what stands for it with `missing = …`".into();
    }
    "write a number such as `0.5`, a date such as `2016-11-04`, `TRUE` or `FALSE`".into()
}

/// The numbers of `{ column, missing }`; `None` if one of them is invalid, which has been reported.
pub(super) fn column<'a>(
    reader: &mut Reader<'a>,
    calendar: &Calendar,
    value: &'a Value,
    given: &'a Table,
    spec: &Spec,
) -> Option<Column> {
    reader.known_keys(given, &keys::COLUMN);
    let Some(table) = spec.table.clone() else {
        let message = format!("`{}` reads a column, but there is no table", spec.path);
        let error = Diagnostic::error("schema/column", message, Some(value.span.clone()));
        reader.report(error.help("only a cohort with a `table` has columns; write a number or an expression"));
        return None;
    };
    let missing = match given.get("missing") {
        Some(entry) => Some(missing_number(reader, calendar, &entry.value, spec)?),
        None => None,
    };
    let entry = given.get("column")?;
    let column = reader.find_column(&table, &entry.value, &path(&spec.path, "column"))?;
    let is_it = |(of, at, _): &&mut (Arc<CsvTable>, usize, Vec<f64>)| Arc::ptr_eq(of, &table) && *at == column;
    let ahead =
        reader.read_ahead.iter_mut().find(is_it).map(|(.., numbers)| std::mem::take(numbers)).unwrap_or_default();
    if ahead.len() == table.rows() && !ahead.iter().any(|number| number.is_nan()) {
        return Some(Column { table, at: column, values: ahead });
    }
    let mut values = Vec::with_capacity(table.rows());
    let before = reader.cell_errors;
    let (mut has_dates, mut first_number) = (false, None);
    for row in 0..table.rows() {
        let cell = CellAt { table: &table, row, column };
        let known =
            ahead.get(row).map(|&number| if number.is_nan() { CellValue::Empty } else { CellValue::Number(number) });
        let number = match known.or_else(|| cell_value(reader, calendar, cell, &spec.path)) {
            Some(CellValue::Date(number)) => {
                has_dates = true;
                Some(number)
            }
            Some(CellValue::Number(number)) => {
                first_number = first_number.or(Some(row));
                Some(number)
            }
            Some(CellValue::Empty) if missing.is_some() => missing,
            Some(CellValue::Empty) => {
                let help = "fill it in, or say what stands for empty cells: `{ column = \"…\", missing = 0 }`";
                report_empty(reader, cell, &spec.path, help);
                None
            }
            None => None,
        };
        values.extend(number);
    }
    if let Some(row) = first_number.filter(|_| has_dates) {
        reader.report(among_dates(CellAt { table: &table, row, column }));
    }
    (reader.cell_errors == before && values.len() == table.rows()).then_some(Column { table, at: column, values })
}

/// A warning about a number in a column that also has dates.
fn among_dates(cell: CellAt<'_>) -> Diagnostic {
    let CellAt { table, row, column } = cell;
    let number = quoted(&table.cell(row, column));
    let message = format!("{number} is a number in a column of dates: it is taken as a step");
    let mut warning = table.cell_error("meaning/column", message, row, column);
    warning.severity = Severity::Warning;
    warning.help("write a date such as `2016-11-04`, or step numbers in all rows")
}

/// The number that replaces an empty cell.
fn missing_number<'a>(reader: &mut Reader<'a>, calendar: &Calendar, value: &'a Value, spec: &Spec) -> Option<f64> {
    let at = path(&spec.path, "missing");
    let number = match &value.kind {
        Kind::Integer(_) | Kind::Float(_) => value.number(),
        Kind::Datetime(_) => calendar.date_number(reader, value, &at),
        _ => {
            reader.wrong_kind(value, &at, "a number or a date", Some("write `missing = 0`"));
            None
        }
    }?;
    if spec.domain.contains(number) || (spec.is_endless() && number == f64::INFINITY) {
        return Some(number);
    }
    let message = format!("`{at}` must be {}, but is {}", spec.domain.description(), plain(number));
    let error = Diagnostic::error("domain/number", message, Some(value.span.clone()));
    reader.report(error.help(domain_help(spec.domain)));
    None
}

/// What a cell stands for.
#[derive(Clone, Copy)]
enum CellValue {
    Empty,
    Number(f64),
    /// The step of a date.
    Date(f64),
}

/// The number of a cell that must not be empty; `None` if it is invalid, which has been reported.
pub(super) fn cell_number(reader: &mut Reader<'_>, calendar: &Calendar, cell: CellAt<'_>, at: &str) -> Option<f64> {
    match cell_value(reader, calendar, cell, at)? {
        CellValue::Number(number) | CellValue::Date(number) => Some(number),
        CellValue::Empty => {
            report_empty(reader, cell, at, "fill it in");
            None
        }
    }
}

fn report_empty(reader: &mut Reader<'_>, cell: CellAt<'_>, at: &str, help: &str) {
    let message = format!("the cell for `{at}` is empty");
    reader.report_cell("table/cell", message, help, cell.table, cell.row, cell.column);
}

/// What a cell stands for; `None` if it is invalid, which has been reported.
fn cell_value(reader: &mut Reader<'_>, calendar: &Calendar, cell: CellAt<'_>, at: &str) -> Option<CellValue> {
    let CellAt { table, row, column } = cell;
    let (message, help) = match parse(&table.cell(row, column)) {
        Ok(Cell::Number(number)) => return Some(CellValue::Number(number)),
        Ok(Cell::Empty) => return Some(CellValue::Empty),
        Ok(Cell::Date(date)) => match calendar.clock.step_of(date) {
            #[expect(clippy::cast_precision_loss, reason = "the calendar has far fewer steps than are exact")]
            Some(step) => return Some(CellValue::Date(step as f64)),
            None if calendar.dates_unknown => return None,
            None => (
                format!("the cell for `{at}` is a date, but `time` has no `start`"),
                "write a step number, or add `start` to `[time]`".into(),
            ),
        },
        Err((what, help)) => (format!("{} {what}", quoted(&table.cell(row, column))), help),
    };
    reader.report_cell("table/cell", message, help, table, row, column);
    None
}

/// Checks a column's numbers against the domain of a field.
pub(super) fn column_in_domain(reader: &mut Reader<'_>, column: &Column, spec: &Spec) -> bool {
    let before = reader.cell_errors;
    for (row, &value) in column.values.iter().enumerate() {
        // The replacement for empty cells has been checked, and may be infinite.
        if spec.domain.contains(value) || value == f64::INFINITY {
            continue;
        }
        let message = format!("`{}` must be {}, but is {}", spec.path, spec.domain.description(), plain(value));
        reader.report_cell("domain/number", message, domain_help(spec.domain), &column.table, row, column.at);
    }
    reader.cell_errors == before
}

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

    /// The rows of a series; `None` if one of them is invalid, which has been reported.
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
            let number = cell_number(
                &mut self.reader,
                &self.lookup.calendar,
                CellAt { table: &table, row, column: value },
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

    /// The moment of a cell: minutes from the start if the scenario has dates, otherwise a step number.
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_dates_and_truths_are_read() {
        let numbers =
            [("1", 1.0), ("-2.5", -2.5), ("+1e3", 1000.0), (".5", 0.5), ("5.", 5.0), ("TRUE", 1.0), ("faLse", 0.0)];
        for (text, number) in numbers {
            assert_eq!(parse(text), Ok(Cell::Number(number)), "{text}");
        }
        let moment = jiff::civil::date(2016, 11, 4).at(6, 30, 0, 0);
        for text in ["2016-11-04T06:30", "2016-11-04 06:30:00"] {
            assert_eq!(parse(text), Ok(Cell::Date(moment)), "{text}");
        }
        assert_eq!(parse("2016-11-04"), Ok(Cell::Date(jiff::civil::date(2016, 11, 4).at(0, 0, 0, 0))));
        assert_eq!(parse(""), Ok(Cell::Empty));
    }

    #[test]
    fn cells_of_no_type_are_refused_with_a_remedy() {
        let refused = |text: &str, help: &str| {
            let (_, found) = parse(text).unwrap_err();
            assert!(found.contains(help), "{text}: {found}");
        };
        refused("0,5", "write `0.5`");
        refused("0,500", "write `0.500`");
        refused("1,000", "write `1000`, or `1.000` if");
        refused("1,234,567", "separators of thousands");
        refused("12 %", "share");
        refused(" 1", "remove the spaces");
        refused("=A1+1", "formula");
        refused("04/11/2016", "year, month, day");
        refused("4 Nov 2016", "year, month, day");
        refused("2016-13-01", "2016-11-04");
        refused("2016-11-04T25:00", "2016-11-04");
        refused("n/a", "leave the cell empty");
        for text in ["inf", "nan", "1e", "e5", ".", "1_000", "0x10", "1e999", "--1"] {
            assert!(parse(text).is_err(), "{text}");
        }
    }
}
