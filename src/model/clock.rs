//! Steps and dates. A run has no other notion of time.

use jiff::SignedDuration;
use jiff::civil::DateTime;

/// A date with or without a time of day, as in scenario files: without one it is midnight.
pub type Date = DateTime;

/// The steps of a run and their dates.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Clock {
    /// The date at which step 0 begins, if the scenario has dates.
    pub start: Option<DateTime>,
    /// Whether dates are written without a time of day: the start is a plain date and steps are whole days or months.
    pub plain: bool,
    /// Length of a step.
    pub step: StepLength,
    /// Number of steps.
    pub steps: u32,
}

/// The length of a step.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum StepLength {
    /// A number of seconds.
    Seconds(i64),
    /// A number of calendar months.
    Months(i64),
}

impl StepLength {
    /// One day, the default.
    pub const DAY: Self = Self::Seconds(86_400);
}

impl Clock {
    /// The date at which a step begins, as written in CSV files; empty without dates.
    #[must_use]
    pub fn date(&self, step: u32) -> String {
        self.date_time(step).map_or_else(String::new, |moment| self.written(moment))
    }

    /// Whether dates are written with a time of day.
    #[must_use]
    pub fn has_times(&self) -> bool {
        self.start.is_some() && !self.plain
    }

    /// A time as written in CSV files.
    #[must_use]
    pub fn written(&self, moment: DateTime) -> String {
        if self.plain { moment.date().to_string() } else { moment.strftime("%Y-%m-%dT%H:%M:%S").to_string() }
    }

    /// The time at which a step begins, if the scenario has dates.
    #[must_use]
    pub fn date_time(&self, step: u32) -> Option<DateTime> {
        let start = self.start?;
        match self.step {
            StepLength::Seconds(length) => {
                let seconds = length.checked_mul(i64::from(step))?;
                start.checked_add(SignedDuration::from_secs(seconds)).ok()
            }
            StepLength::Months(length) => {
                let month = month_of(start).checked_add(length.checked_mul(i64::from(step))?)?;
                let first = jiff::civil::Date::new(
                    i16::try_from(month.div_euclid(12)).ok()?,
                    i8::try_from(month.rem_euclid(12) + 1).ok()?,
                    1,
                );
                let first = first.ok()?;
                let date = first.with().day(start.day().min(first.days_in_month())).build().ok()?;
                Some(date.to_datetime(start.time()))
            }
        }
    }

    /// The minutes from the start of the run to a time; `None` without dates.
    #[must_use]
    pub fn minutes_to(&self, moment: DateTime) -> Option<f64> {
        #[expect(clippy::cast_precision_loss, reason = "the calendar has fewer than 2^53 seconds")]
        let seconds = moment.duration_since(self.start?).as_secs() as f64;
        Some(seconds / 60.0)
    }

    /// The time of a step on the axis of data series: minutes since the start, or the step number without dates.
    #[must_use]
    pub fn moment_of(&self, step: u32) -> f64 {
        self.date_time(step).and_then(|moment| self.minutes_to(moment)).unwrap_or(f64::from(step))
    }

    /// The step that contains a time: negative before the run, at least `steps` after it. `None` without dates.
    #[must_use]
    pub fn step_of(&self, moment: DateTime) -> Option<i64> {
        let start = self.start?;
        match self.step {
            StepLength::Seconds(length) => {
                let since: SignedDuration = moment.duration_since(start);
                Some(since.as_secs().div_euclid(length))
            }
            StepLength::Months(length) => {
                let months = month_of(moment) - month_of(start);
                let step = months.div_euclid(length);
                // The day matters only in a month in which a step begins.
                let begins = (start.day().min(moment.date().days_in_month()), start.time());
                let not_yet = months.rem_euclid(length) == 0 && (moment.day(), moment.time()) < begins;
                Some(step - i64::from(not_yet))
            }
        }
    }

    /// The number of steps that begin from the start up to a time, exclusive. The time must not be before the start.
    #[must_use]
    pub fn steps_until(&self, end: DateTime) -> Option<i64> {
        if let StepLength::Seconds(length) = self.step {
            let since: SignedDuration = end.duration_since(self.start?);
            return Some((since.as_secs() - 1).div_euclid(length) + 1);
        }
        let last = self.step_of(end)?;
        let begins = u32::try_from(last).ok().and_then(|step| self.date_time(step)) == Some(end);
        Some(if begins { last } else { last + 1 })
    }
}

/// Months since January of the year 0.
fn month_of(moment: DateTime) -> i64 {
    i64::from(moment.year()) * 12 + i64::from(moment.month()) - 1
}

#[cfg(test)]
mod tests {
    use super::*;
    use jiff::ToSpan as _;
    use jiff::civil::date;

    fn monthly(start: DateTime, months: i64) -> Clock {
        Clock { start: Some(start), plain: true, step: StepLength::Months(months), steps: 1 }
    }

    #[test]
    fn months_are_counted_from_the_start_each_time() {
        let clock = monthly(date(2023, 12, 31).at(0, 0, 0, 0), 1);
        let dates: Vec<String> = (0..4).map(|step| clock.date(step)).collect();
        assert_eq!(dates, ["2023-12-31", "2024-01-31", "2024-02-29", "2024-03-31"]);
    }

    /// Compared with the calendar of `jiff`: a moment belongs to the last step that begins at or before it.
    #[test]
    fn a_moment_belongs_to_the_last_step_that_begins_at_or_before_it() {
        for months in [1, 5, 12] {
            for day in [1, 28, 31] {
                let start = date(2024, 1, day).at(6, 0, 0, 0);
                let clock = monthly(start, months);
                let mut moment = date(2021, 11, 1).at(5, 0, 0, 0);
                while moment < date(2027, 3, 1).at(0, 0, 0, 0) {
                    let begins = |step: i64| start.checked_add((step * months).months()).unwrap();
                    let expected = (-50..60).rev().find(|&step| begins(step) <= moment);
                    assert_eq!(clock.step_of(moment), expected, "{moment} from {start} by {months}");
                    moment = moment.checked_add(7.hours()).unwrap();
                }
            }
        }
    }

    #[test]
    fn a_part_step_counts() {
        let clock = monthly(date(2024, 1, 31).at(0, 0, 0, 0), 1);
        for (month, day, steps) in [(1, 31, 0), (2, 28, 1), (2, 29, 1), (3, 1, 2), (3, 31, 2), (4, 1, 3)] {
            assert_eq!(clock.steps_until(date(2024, month, day).at(0, 0, 0, 0)), Some(steps), "{month}-{day}");
        }
    }
}
