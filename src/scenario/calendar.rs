//! Dates, steps and the length of a run.

use std::ops::Range;

use jiff::civil::DateTime;

use super::compile::Compiler;
use super::diagnostic::{Diagnostic, plain, quoted, suggestion};
use super::document::{Entry, Kind, Table, Value};
use super::reader::path;
use super::time_literal::{Unit, civil};
use crate::model::{Clock, StepLength, limits};

/// A place in time: a step, or a date's step; it may lie outside of the run.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Moment {
    pub(super) step: i64,
}

impl<'a> Compiler<'a> {
    /// Reads `[time]`.
    pub(super) fn read_time(&mut self) {
        let Some(entry) = self.root.get("time") else {
            let message = "the file has no `[time]`";
            let help = "write `[time]` with `steps = 30`, or with `start`, `step` and `end`";
            self.report(Diagnostic::error("schema/missing-key", message, Some(0..0)).help(help));
            return;
        };
        let Some(table) = self.table(&entry.value, "time") else { return };
        self.known_keys(table, &["start", "step", "steps", "end"], "`time`");
        let mut clock = Clock { start: None, plain: false, step: StepLength::DAY, steps: 1 };
        let step = table.get("step").map(|entry| self.step_length(&entry.value));
        let start = table.get("start").map(|entry| (entry, self.date(&entry.value, "time.start")));
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
        let steps = self.run_length(table, entry, &clock, start_failed || matches!(step, Some(None)));
        self.steps_known = steps.is_some() && !self.dates_unknown;
        clock.steps = steps.unwrap_or(1);
        self.model.clock = clock;
        if clock.start.is_some() && steps.is_some() && clock.date_time(clock.steps - 1).is_none() {
            let message = format!("the run of {} steps goes beyond the year 9999", clock.steps);
            let span = start.map(|(entry, _)| entry.value.span.clone());
            self.report(
                Diagnostic::error("limits/calendar", message, span)
                    .help("start earlier, or run fewer or shorter steps"),
            );
        }
    }

    /// `"N UNIT"`
    fn step_length(&mut self, value: &'a Value) -> Option<StepLength> {
        const HELP: &str = "write a whole number and a unit: `\"1 day\"`, `\"6 hours\"`, `\"30 minutes\"`, `\"2 weeks\"`, `\"1 month\"`";
        let Kind::String(text) = &value.kind else {
            self.wrong_kind(value, "time.step", "a length of time in quotes", Some(HELP));
            return None;
        };
        let error = |message: String, help: String| {
            Diagnostic::error("domain/step", message, Some(value.span.clone())).help(help)
        };
        let words: Vec<&str> = text.split_ascii_whitespace().collect();
        let &[number, unit] = words.as_slice() else {
            let message = format!("`time.step` is {}, not a number and a unit", quoted(text));
            self.report(error(message, HELP.into()));
            return None;
        };
        let Some(unit) = Unit::named(unit) else {
            let message = format!("{} is no unit of `time.step`", quoted(unit));
            let help = suggestion(unit, Unit::ALL.map(Unit::plural));
            self.report(error(message, help.unwrap_or_else(|| HELP.into())));
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
                self.report(error(message, format!("{HELP}; at most 10000 years")));
                None
            }
        }
    }

    /// `steps`, or the steps until `end`.
    fn run_length(&mut self, table: &'a Table, time: &Entry, clock: &Clock, broken: bool) -> Option<u32> {
        match (table.get("steps"), table.get("end")) {
            (None, None) => {
                self.missing(
                    "steps` or `end",
                    "time",
                    time.key_span.clone(),
                    "write `steps = 30`, or `end` with a date",
                );
                None
            }
            (Some(steps), Some(end)) => {
                let message = "`time` has both `steps` and `end`";
                let error = Diagnostic::error("schema/either", message, Some(end.key_span.clone()));
                self.report(
                    error.note("`steps` stands here", Some(steps.key_span.clone())).help("keep one of the two"),
                );
                None
            }
            (Some(steps), None) => self.steps(&steps.value),
            (None, Some(end)) => self.steps_until(end, clock, broken),
        }
    }

    fn steps(&mut self, value: &'a Value) -> Option<u32> {
        let Some(number) = value.number() else {
            self.wrong_kind(value, "time.steps", "a whole number from 1", Some("write `steps = 30`"));
            return None;
        };
        let whole = libm::trunc(number).to_bits() == number.to_bits();
        let error = if !whole || number < 1.0 {
            Some((
                format!("`time.steps` must be a whole number from 1, but is {}", plain(number)),
                "write `steps = 30`",
            ))
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
            let error = self.naming_override(value, error);
            self.report(error);
            return None;
        }
        #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "whole, and at most the limit")]
        let steps = number as u32;
        Some(steps)
    }

    fn steps_until(&mut self, end: &'a Entry, clock: &Clock, broken: bool) -> Option<u32> {
        let (date, _) = self.date(&end.value, "time.end")?;
        if broken {
            return None;
        }
        let error = |message: String, help: &str| {
            Diagnostic::error("domain/end", message, Some(end.value.span.clone())).help(help)
        };
        let Some(start) = clock.start else {
            self.report(error(
                "`time.end` is a date, but `time` has no `start`".into(),
                "add `start`, or write `steps`",
            ));
            return None;
        };
        if date <= start {
            self.report(error(
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
                self.report(error(message, "end earlier, or make steps longer"));
                None
            }
        }
    }

    /// A date, with or without a time of day; whether it has one.
    fn date(&mut self, value: &Value, at: &str) -> Option<(DateTime, bool)> {
        let Kind::Datetime(moment) = &value.kind else {
            let help = match value.kind {
                Kind::String(_) => "write a date without quotes: `2025-03-10`",
                _ => "write a date: `2025-03-10`",
            };
            self.wrong_kind(value, at, "a date", Some(help));
            return None;
        };
        match civil(moment) {
            Ok(date) => Some((date, moment.time.is_some())),
            Err((message, help)) => {
                let message = format!("`{at}` {message}");
                self.report(Diagnostic::error("domain/date", message, Some(value.span.clone())).help(help));
                None
            }
        }
    }

    /// A date or a step number.
    pub(super) fn moment(&mut self, value: &Value, at: &str) -> Option<Moment> {
        match &value.kind {
            Kind::Datetime(_) => {
                let (date, _) = self.date(value, at)?;
                if self.dates_unknown {
                    return None;
                }
                if let Some(step) = self.model.clock.step_of(date) {
                    Some(Moment { step })
                } else {
                    let message = format!("`{at}` is a date, but `time` has no `start`");
                    let error = Diagnostic::error("domain/date", message, Some(value.span.clone()));
                    self.report(error.help("write a step number, or add `start` to `[time]`"));
                    None
                }
            }
            Kind::Integer(step) => Some(Moment { step: *step }),
            Kind::Float(step) => {
                let message = format!("`{at}` must be a date or a whole step number, but is {}", plain(*step));
                let error = Diagnostic::error("domain/whole", message, Some(value.span.clone()));
                let error = self.naming_override(value, error.help("steps count from 0, without fractions"));
                self.report(error);
                None
            }
            Kind::String(_) => {
                self.wrong_kind(
                    value,
                    at,
                    "a date or a step number",
                    Some("write it without quotes: `2025-03-10` or `5`"),
                );
                None
            }
            _ => {
                self.wrong_kind(value, at, "a date or a step number", Some("write `2025-03-10` or `5`"));
                None
            }
        }
    }

    /// A date or step, or a list of them; none if something in it is wrong.
    pub(super) fn moments(&mut self, value: &'a Value, at: &str) -> Option<Vec<(Moment, Range<usize>)>> {
        let Kind::Array(array) = &value.kind else {
            return self.moment(value, at).map(|moment| vec![(moment, value.span.clone())]);
        };
        if array.is_empty() {
            let message = format!("`{at}` is empty");
            let error = Diagnostic::error("domain/empty", message, Some(value.span.clone()));
            self.report(error.help("write at least one date or step"));
            return None;
        }
        let found: Vec<Option<(Moment, Range<usize>)>> =
            array.iter().map(|element| self.moment(element, at).map(|moment| (moment, element.span.clone()))).collect();
        found.into_iter().collect()
    }

    /// The steps of some moments that lie inside the run, rising; warns of those that do not.
    pub(super) fn steps_inside(&mut self, moments: &[(Moment, Range<usize>)], at: &str) -> Vec<u32> {
        let mut steps = Vec::new();
        for (moment, span) in moments {
            match self.inside(*moment) {
                Some(step) => steps.push(step),
                None => self.warn_outside(at, span),
            }
        }
        steps.sort_unstable();
        steps.dedup();
        steps
    }

    /// The step of a moment, if it lies inside the run.
    pub(super) fn inside(&self, moment: Moment) -> Option<u32> {
        u32::try_from(moment.step).ok().filter(|&step| step < self.model.clock.steps)
    }

    pub(super) fn warn_outside(&mut self, at: &str, span: &Range<usize>) {
        if self.steps_known {
            let last = self.model.clock.steps - 1;
            let date = self.model.clock.date(last);
            let end = if date.is_empty() { format!("step {last}") } else { format!("step {last} ({date})") };
            let message = format!("`{at}` lies outside of the run, which goes from step 0 to {end}");
            let warning = Diagnostic::warning("time/outside", message, Some(span.clone()));
            self.report(warning.help("change the date, or the run's length in `[time]`"));
        }
    }

    /// The sessions of a meeting: `on`, or `from` and `to`; first and last steps inside the run.
    pub(super) fn sessions(&mut self, table: &'a Table, id: &Entry, parent: &str) -> Vec<(u32, u32)> {
        match (table.get("on"), table.get("from"), table.get("to")) {
            (Some(on), None, None) => {
                let at = path(parent, "on");
                let moments = self.moments(&on.value, &at).unwrap_or_default();
                self.steps_inside(&moments, &at).into_iter().map(|step| (step, step)).collect()
            }
            (None, Some(from), Some(to)) => self.span_session(from, to, parent),
            (Some(on), other, last) => {
                let Some(other) = other.or(last) else { return Vec::new() };
                let message = format!("`{parent}` has both `on` and `{}`", other.key);
                let error = Diagnostic::error("schema/either", message, Some(other.key_span.clone()));
                let help = "keep `on` for single dates, `from` and `to` for one span";
                self.report(error.note("`on` stands here", Some(on.key_span.clone())).help(help));
                Vec::new()
            }
            (None, Some(_), None) => {
                self.missing("to", parent, id.key_span.clone(), "a span has a first and a last date: add `to`");
                Vec::new()
            }
            (None, None, Some(_)) => {
                self.missing("from", parent, id.key_span.clone(), "a span has a first and a last date: add `from`");
                Vec::new()
            }
            (None, None, None) => {
                self.missing(
                    "on` or `from",
                    parent,
                    id.key_span.clone(),
                    "write `on = 2025-03-15`, or `from` and `to`",
                );
                Vec::new()
            }
        }
    }

    fn span_session(&mut self, from: &'a Entry, to: &'a Entry, parent: &str) -> Vec<(u32, u32)> {
        let first = self.moment(&from.value, &path(parent, "from"));
        let last = self.moment(&to.value, &path(parent, "to"));
        let (Some(first), Some(last)) = (first, last) else { return Vec::new() };
        if last < first {
            let message = format!("`{parent}` goes `from` a date `to` an earlier one");
            let error = Diagnostic::error("domain/span", message, Some(to.value.span.clone()));
            self.report(error.note("`from` stands here", Some(from.value.span.clone())).help("exchange the two"));
            return Vec::new();
        }
        let steps = i64::from(self.model.clock.steps);
        if last.step < 0 || first.step >= steps {
            self.warn_outside(parent, &(from.value.span.start..from.value.span.end));
            return Vec::new();
        }
        let clip = |step: i64| u32::try_from(step.clamp(0, steps - 1)).unwrap_or(0);
        vec![(clip(first.step), clip(last.step))]
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
