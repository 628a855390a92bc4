//! Steps and dates. A run has no other clock.

use jiff::SignedDuration;
use jiff::civil::DateTime;

/// A date with or without a time of day, as in scenario files: without one it is midnight.
pub type Date = DateTime;

/// The steps of a run, and the dates that they stand for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Clock {
    /// The date at which step 0 begins, where the scenario has dates.
    pub start: Option<DateTime>,
    /// Whether dates are written without a time of day: the start is a plain date and steps are whole days.
    pub plain: bool,
    /// Length of a step in seconds.
    pub step_seconds: i64,
    /// Number of steps.
    pub steps: u32,
}

impl Clock {
    /// The date at which a step begins, as it is written in the CSV files; empty without dates.
    #[must_use]
    pub fn date(&self, step: u32) -> String {
        match self.date_time(step) {
            None => String::new(),
            Some(moment) if self.plain => moment.date().to_string(),
            Some(moment) => moment.strftime("%Y-%m-%dT%H:%M:%S").to_string(),
        }
    }

    /// The moment at which a step begins, where the scenario has dates.
    #[must_use]
    pub fn date_time(&self, step: u32) -> Option<DateTime> {
        let seconds = self.step_seconds.checked_mul(i64::from(step))?;
        self.start?.checked_add(SignedDuration::from_secs(seconds)).ok()
    }

    /// The step that contains a moment: negative before the run, at least `steps` after it. None without dates.
    #[must_use]
    pub fn step_of(&self, moment: DateTime) -> Option<i64> {
        let since: SignedDuration = moment.duration_since(self.start?);
        Some(since.as_secs().div_euclid(self.step_seconds))
    }
}
