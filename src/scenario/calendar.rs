//! Dates, steps and the length of a run.

use std::ops::Range;

use jiff::civil::DateTime;

use super::diagnostic::{Diagnostic, plain, quoted, suggestion};
use super::keys;
use super::reader::{Reader, path};
use super::time_literal::{TimeUnit, civil};
use super::toml_tree::{Entry, Kind, Table, Value};
use crate::model::{Clock, StepLength, limits};

/// The steps of a run and their dates.
#[derive(Clone, Debug)]
pub(super) struct Calendar {
    pub(super) clock: Clock,
    /// Whether the start or the step length is invalid, so that dates cannot be converted to steps.
    pub(super) dates_unknown: bool,
    /// Whether the length of the run is known.
    pub(super) steps_known: bool,
}

impl Calendar {
    /// Reads `[time]`.
    pub(super) fn read(reader: &mut Reader<'_>) -> Self {
        let clock = Clock { start: None, plain: false, step: StepLength::DAY, steps: 1 };
        let mut calendar = Self { clock, dates_unknown: false, steps_known: false };
        calendar.read_time(reader);
        calendar
    }

    fn read_time(&mut self, reader: &mut Reader<'_>) {
        let Some(entry) = reader.root.get("time") else {
            let message = "the file has no `[time]`";
            let help = "write `[time]` with `steps = 30`, or with `start`, `step` and `end`";
            reader.report(Diagnostic::error("schema/missing-key", message, Some(0..0)).help(help));
            return;
        };
        let Some(table) = reader.table(&entry.value, "time") else { return };
        reader.known_keys(table, &keys::TIME);
        let mut clock = self.clock;
        let step = table.get("step").map(|entry| step_length(reader, &entry.value));
        let start = table.get("start").map(|entry| (entry, date(reader, &entry.value, "time.start")));
        if let Some(Some(length)) = step {
            clock.step = length;
        }
        if let Some((_, Some((date, has_time)))) = start {
            let whole_days = match clock.step {
                StepLength::Seconds(seconds) => seconds % DAY == 0,
                StepLength::Months(_) => true,
            };
            clock.start = Some(date);
            clock.plain = !has_time && whole_days;
        }
        let start_failed = matches!(start, Some((_, None)));
        self.dates_unknown = start_failed || matches!(step, Some(None));
        let steps = run_length(reader, table, entry, &clock, start_failed || matches!(step, Some(None)));
        self.steps_known = steps.is_some() && !self.dates_unknown;
        clock.steps = steps.unwrap_or(1);
        self.clock = clock;
        if clock.start.is_some() && steps.is_some() && clock.date_time(clock.steps - 1).is_none() {
            let message = format!("the run of {} steps goes beyond the year 9999", clock.steps);
            let span = start.map(|(entry, _)| entry.value.span.clone());
            reader.report(
                Diagnostic::error("limits/calendar", message, span)
                    .help("start earlier, or run fewer or shorter steps"),
            );
        }
    }

    /// The step of a date, as a number.
    pub(super) fn date_number(&self, reader: &mut Reader<'_>, value: &Value, at: &str) -> Option<f64> {
        #[expect(clippy::cast_precision_loss, reason = "the calendar has far fewer steps than are exact")]
        self.step_at(reader, value, at).map(|step| step as f64)
    }

    /// A date or a step number: its step, which may lie outside of the run.
    pub(super) fn step_at(&self, reader: &mut Reader<'_>, value: &Value, at: &str) -> Option<i64> {
        match &value.kind {
            Kind::Datetime(_) => {
                let (date, _) = date(reader, value, at)?;
                if self.dates_unknown {
                    return None;
                }
                let step = self.clock.step_of(date);
                if step.is_none() {
                    let message = format!("`{at}` is a date, but `time` has no `start`");
                    let error = Diagnostic::error("domain/date", message, Some(value.span.clone()));
                    reader.report(error.help("write a step number, or add `start` to `[time]`"));
                }
                step
            }
            Kind::Integer(step) => Some(*step),
            Kind::Float(step) => {
                let message = format!("`{at}` must be a date or a whole step number, but is {}", plain(*step));
                let error = Diagnostic::error("domain/whole", message, Some(value.span.clone()));
                let error = reader.naming_override(value, error.help("steps count from 0, without fractions"));
                reader.report(error);
                None
            }
            Kind::String(_) => {
                reader.wrong_kind(
                    value,
                    at,
                    "a date or a step number",
                    Some("write it without quotes: `2025-03-10` or `5`"),
                );
                None
            }
            _ => {
                reader.wrong_kind(value, at, "a date or a step number", Some("write `2025-03-10` or `5`"));
                None
            }
        }
    }

    /// A date or step, or a list of them; `None` if one of them is invalid.
    pub(super) fn steps_at(
        &self,
        reader: &mut Reader<'_>,
        value: &Value,
        at: &str,
    ) -> Option<Vec<(i64, Range<usize>)>> {
        let Kind::Array(array) = &value.kind else {
            return self.step_at(reader, value, at).map(|step| vec![(step, value.span.clone())]);
        };
        if array.is_empty() {
            let message = format!("`{at}` is empty");
            let error = Diagnostic::error("domain/empty", message, Some(value.span.clone()));
            reader.report(error.help("write at least one date or step"));
            return None;
        }
        let found: Vec<Option<(i64, Range<usize>)>> = array
            .iter()
            .map(|element| self.step_at(reader, element, at).map(|step| (step, element.span.clone())))
            .collect();
        found.into_iter().collect()
    }

    /// The given steps that lie inside the run, in ascending order; warns of the others.
    pub(super) fn steps_inside(&self, reader: &mut Reader<'_>, given: &[(i64, Range<usize>)], at: &str) -> Vec<u32> {
        let mut steps = Vec::new();
        for (step, span) in given {
            match self.inside(*step) {
                Some(step) => steps.push(step),
                None => self.warn_outside(reader, at, span),
            }
        }
        steps.sort_unstable();
        steps.dedup();
        steps
    }

    /// A step, if it lies inside the run.
    pub(super) fn inside(&self, step: i64) -> Option<u32> {
        u32::try_from(step).ok().filter(|&step| step < self.clock.steps)
    }

    pub(super) fn warn_outside(&self, reader: &mut Reader<'_>, at: &str, span: &Range<usize>) {
        if self.steps_known {
            let last = self.clock.steps - 1;
            let date = self.clock.date(last);
            let end = if date.is_empty() { format!("step {last}") } else { format!("step {last} ({date})") };
            let message = format!("`{at}` lies outside of the run, which goes from step 0 to {end}");
            let warning = Diagnostic::warning("time/outside", message, Some(span.clone()));
            reader.report(warning.help("change the date, or the run's length in `[time]`"));
        }
    }

    /// The sessions of a meeting: `on`, or `from` and `to`; first and last steps inside the run.
    pub(super) fn sessions(&self, reader: &mut Reader<'_>, table: &Table, id: &Entry, parent: &str) -> Vec<(u32, u32)> {
        match (table.get("on"), table.get("from"), table.get("to")) {
            (Some(on), None, None) => {
                let at = path(parent, "on");
                let given = self.steps_at(reader, &on.value, &at).unwrap_or_default();
                self.steps_inside(reader, &given, &at).into_iter().map(|step| (step, step)).collect()
            }
            (None, Some(from), Some(to)) => self.span_session(reader, from, to, parent),
            (Some(on), other, last) => {
                let Some(other) = other.or(last) else { return Vec::new() };
                let message = format!("`{parent}` has both `on` and `{}`", other.key);
                let error = Diagnostic::error("schema/either", message, Some(other.key_span.clone()));
                let help = "keep `on` for single dates, `from` and `to` for one span";
                reader.report(error.note("`on` stands here", Some(on.key_span.clone())).help(help));
                Vec::new()
            }
            (None, Some(_), None) => {
                reader.missing("to", parent, id.key_span.clone(), "a span has a first and a last date: add `to`");
                Vec::new()
            }
            (None, None, Some(_)) => {
                reader.missing("from", parent, id.key_span.clone(), "a span has a first and a last date: add `from`");
                Vec::new()
            }
            (None, None, None) => {
                reader.missing(
                    "on` or `from",
                    parent,
                    id.key_span.clone(),
                    "write `on = 2025-03-15`, or `from` and `to`",
                );
                Vec::new()
            }
        }
    }

    fn span_session(&self, reader: &mut Reader<'_>, from: &Entry, to: &Entry, parent: &str) -> Vec<(u32, u32)> {
        let first = self.step_at(reader, &from.value, &path(parent, "from"));
        let last = self.step_at(reader, &to.value, &path(parent, "to"));
        let (Some(first), Some(last)) = (first, last) else { return Vec::new() };
        if last < first {
            let message = format!("`{parent}` goes `from` a date `to` an earlier one");
            let error = Diagnostic::error("domain/span", message, Some(to.value.span.clone()));
            reader.report(error.note("`from` stands here", Some(from.value.span.clone())).help("exchange the two"));
            return Vec::new();
        }
        let steps = i64::from(self.clock.steps);
        if last < 0 || first >= steps {
            self.warn_outside(reader, parent, &(from.value.span.start..from.value.span.end));
            return Vec::new();
        }
        let clip = |step: i64| u32::try_from(step.clamp(0, steps - 1)).unwrap_or(0);
        vec![(clip(first), clip(last))]
    }
}

/// `"N UNIT"`
fn step_length(reader: &mut Reader<'_>, value: &Value) -> Option<StepLength> {
    const HELP: &str =
        "write a whole number and a unit: `\"1 day\"`, `\"6 hours\"`, `\"30 minutes\"`, `\"2 weeks\"`, `\"1 month\"`";
    let Kind::String(text) = &value.kind else {
        reader.wrong_kind(value, "time.step", "a length of time in quotes", Some(HELP));
        return None;
    };
    let error =
        |message: String, help: String| Diagnostic::error("domain/step", message, Some(value.span.clone())).help(help);
    let words: Vec<&str> = text.split_ascii_whitespace().collect();
    let &[number, unit] = words.as_slice() else {
        let message = format!("`time.step` is {}, not a number and a unit", quoted(text));
        reader.report(error(message, HELP.into()));
        return None;
    };
    let Some(unit) = TimeUnit::named(unit) else {
        let message = format!("{} is no unit of `time.step`", quoted(unit));
        let help = suggestion(unit, TimeUnit::ALL.map(TimeUnit::plural));
        reader.report(error(message, help.unwrap_or_else(|| HELP.into())));
        return None;
    };
    let one = unit.length();
    let (size, most) = match one {
        StepLength::Seconds(seconds) => (seconds, LONGEST),
        StepLength::Months(months) => (months, LONGEST_MONTHS),
    };
    let digits = !number.is_empty() && number.bytes().all(|byte| byte.is_ascii_digit());
    match number.parse::<i64>().ok().and_then(|count| count.checked_mul(size)) {
        Some(length) if digits && (1..=most).contains(&length) => Some(match one {
            StepLength::Seconds(_) => StepLength::Seconds(length),
            StepLength::Months(_) => StepLength::Months(length),
        }),
        _ => {
            let message = format!("`time.step` cannot last {}", quoted(text));
            reader.report(error(message, format!("{HELP}; at most 10000 years")));
            None
        }
    }
}

/// `steps`, or the steps until `end`.
fn run_length<'a>(reader: &mut Reader<'a>, table: &'a Table, time: &Entry, clock: &Clock, broken: bool) -> Option<u32> {
    match (table.get("steps"), table.get("end")) {
        (None, None) => {
            reader.missing("steps` or `end", "time", time.key_span.clone(), "write `steps = 30`, or `end` with a date");
            None
        }
        (Some(steps), Some(end)) => {
            let message = "`time` has both `steps` and `end`";
            let error = Diagnostic::error("schema/either", message, Some(end.key_span.clone()));
            reader.report(error.note("`steps` stands here", Some(steps.key_span.clone())).help("keep one of the two"));
            None
        }
        (Some(entry), None) => steps(reader, &entry.value),
        (None, Some(end)) => steps_until(reader, end, clock, broken),
    }
}

fn steps(reader: &mut Reader<'_>, value: &Value) -> Option<u32> {
    let Some(number) = value.number() else {
        reader.wrong_kind(value, "time.steps", "a whole number from 1", Some("write `steps = 30`"));
        return None;
    };
    let whole = libm::trunc(number).to_bits() == number.to_bits();
    let error = if !whole || number < 1.0 {
        Some((format!("`time.steps` must be a whole number from 1, but is {}", plain(number)), "write `steps = 30`"))
    } else if number > f64::from(limits::STEPS) {
        Some((
            format!("`time.steps` is {}, more than {}", plain(number), limits::STEPS),
            "run fewer steps, or make each longer",
        ))
    } else {
        None
    };
    if let Some((message, help)) = error {
        let error = Diagnostic::error("domain/steps", message, Some(value.span.clone())).help(help);
        let error = reader.naming_override(value, error);
        reader.report(error);
        return None;
    }
    #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "whole, and at most the limit")]
    let steps = number as u32;
    Some(steps)
}

fn steps_until(reader: &mut Reader<'_>, end: &Entry, clock: &Clock, broken: bool) -> Option<u32> {
    let (date, _) = date(reader, &end.value, "time.end")?;
    if broken {
        return None;
    }
    let error =
        |message: String, help: &str| Diagnostic::error("domain/end", message, Some(end.value.span.clone())).help(help);
    let Some(start) = clock.start else {
        reader.report(error("`time.end` is a date, but `time` has no `start`".into(), "add `start`, or write `steps`"));
        return None;
    };
    if date <= start {
        reader.report(error(
            "`time.end` is not after `time.start`".into(),
            "the end is not included: write a later date",
        ));
        return None;
    }
    let steps = clock.steps_until(date)?;
    match u32::try_from(steps) {
        Ok(steps) if steps <= limits::STEPS => Some(steps),
        _ => {
            let message = format!("`time.end` makes {steps} steps, more than {}", limits::STEPS);
            reader.report(error(message, "end earlier, or make steps longer"));
            None
        }
    }
}

/// A date, with or without a time of day, and whether it has one.
fn date(reader: &mut Reader<'_>, value: &Value, at: &str) -> Option<(DateTime, bool)> {
    let Kind::Datetime(moment) = &value.kind else {
        let help = match value.kind {
            Kind::String(_) => "write a date without quotes: `2025-03-10`",
            _ => "write a date: `2025-03-10`",
        };
        reader.wrong_kind(value, at, "a date", Some(help));
        return None;
    };
    match civil(moment) {
        Ok(date) => Some((date, moment.time.is_some())),
        Err((message, help)) => {
            let message = format!("`{at}` {message}");
            reader.report(Diagnostic::error("domain/date", message, Some(value.span.clone())).help(help));
            None
        }
    }
}

const DAY: i64 = 86_400;
/// Longest step, in seconds and in months.
const LONGEST: i64 = 10_000 * 366 * DAY;
const LONGEST_MONTHS: i64 = 10_000 * 12;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_run_may_not_leave_the_calendar() {
        let clock = Clock {
            start: Some(jiff::civil::date(9999, 12, 30).at(0, 0, 0, 0)),
            plain: true,
            step: StepLength::DAY,
            steps: 1,
        };
        assert!(clock.date_time(1).is_some());
        assert!(clock.date_time(2).is_none());
    }
}
