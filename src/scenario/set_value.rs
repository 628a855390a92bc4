//! Values that `--set` or a sweep sets: numbers, durations, moments, booleans.

use std::fmt;

use super::time_literal::{self, TimeUnit};
use super::toml_tree::{Datetime, Kind};
use crate::model::{Clock, Date};

/// A value that `--set` or a sweep sets.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum SetValue {
    /// A number; as a moment, the number of a step.
    Number(f64),
    /// A length of time, as an expression has it: `30 days`.
    Duration(f64, TimeUnit),
    /// A day: its midnight.
    Day(jiff::civil::Date),
    /// A moment that was given to the minute.
    Minute(Date),
    /// A moment that was given to the second.
    Second(Date),
    /// `true` or `false`.
    Boolean(bool),
}

impl SetValue {
    /// Reads a value as it is given on the command line and in the files of designs.
    ///
    /// # Errors
    /// A message that follows the text itself.
    pub fn parse(text: &str) -> Result<Self, &'static str> {
        match text {
            "true" => return Ok(Self::Boolean(true)),
            "false" => return Ok(Self::Boolean(false)),
            _ => {}
        }
        if let Some(length) = time_literal::date_length(text).filter(|&length| length == text.len()) {
            let date = time_literal::date(text).ok_or("is no date of the calendar")?;
            return Ok(match length {
                10 => Self::Day(date.date()),
                16 => Self::Minute(date),
                _ => Self::Second(date),
            });
        }
        if let Some((number, unit)) = duration(text) {
            return Ok(Self::Duration(number, unit));
        }
        let number = text.parse::<f64>().map_err(|_| "is no number, duration, date or boolean")?;
        if number.is_infinite() && text.contains(|letter: char| letter.is_ascii_digit()) {
            return Err("is larger than any number can be");
        }
        if !is_exact(text, number) {
            return Err("is a whole number that is not held exactly: beyond 9007199254740992 not all are");
        }
        Ok(Self::Number(number))
    }

    /// Whether it may stand in a design: anything but 'not a number'.
    #[must_use]
    pub fn is_defined(self) -> bool {
        !matches!(self, Self::Number(number) if number.is_nan())
    }

    /// The value as a number: the step of a moment, the steps of a duration; `None` for a boolean, for a moment if the
    /// scenario has no dates, and for a duration that its steps do not divide into a fixed number.
    #[must_use]
    pub fn number(self, clock: &Clock) -> Option<f64> {
        match self {
            Self::Number(number) => Some(number),
            Self::Boolean(_) => None,
            Self::Duration(number, unit) => time_literal::in_steps(number, unit, clock.step),
            Self::Day(_) | Self::Minute(_) | Self::Second(_) =>
            {
                #[expect(clippy::cast_precision_loss, reason = "the calendar has far fewer steps than are exact")]
                clock.step_of(self.moment()?).map(|step| step as f64)
            }
        }
    }

    /// Whether it is a date, with or without a time of day.
    #[must_use]
    pub fn is_moment(self) -> bool {
        self.moment().is_some()
    }

    fn moment(self) -> Option<Date> {
        match self {
            Self::Day(date) => Some(date.at(0, 0, 0, 0)),
            Self::Minute(moment) | Self::Second(moment) => Some(moment),
            Self::Number(_) | Self::Duration(..) | Self::Boolean(_) => None,
        }
    }

    /// Its kind in messages, with an article.
    pub(super) fn description(self) -> &'static str {
        match self {
            Self::Duration(..) => "a duration",
            Self::Number(_) | Self::Day(_) | Self::Minute(_) | Self::Second(_) | Self::Boolean(_) => {
                self.kind().description()
            }
        }
    }

    /// The value as it would be in the file.
    pub(super) fn kind(self) -> Kind {
        match self {
            Self::Number(number) => number_kind(number),
            Self::Duration(..) => Kind::String(self.to_string()),
            Self::Boolean(value) => Kind::Boolean(value),
            Self::Day(date) => Kind::Datetime(Datetime { date: Some(ymd(date)), time: None, offset: false }),
            Self::Minute(moment) | Self::Second(moment) => {
                let (hour, minute, second) = (moment.hour(), moment.minute(), moment.second());
                let time = (hour.cast_unsigned(), minute.cast_unsigned(), second.cast_unsigned(), 0);
                Kind::Datetime(Datetime { date: Some(ymd(moment.date())), time: Some(time), offset: false })
            }
        }
    }

    /// The value that the file has, if it is one that may be set.
    pub(super) fn of(kind: &Kind) -> Option<Self> {
        match kind {
            #[expect(clippy::cast_precision_loss, reason = "whole numbers that are not held exactly are refused")]
            Kind::Integer(value) => Some(Self::Number(*value as f64)),
            Kind::Float(value) => Some(Self::Number(*value)),
            Kind::Boolean(value) => Some(Self::Boolean(*value)),
            Kind::Datetime(written) => {
                let moment = time_literal::civil(written).ok()?;
                Some(if written.time.is_some() { Self::Second(moment) } else { Self::Day(moment.date()) })
            }
            Kind::String(text) => duration(text).map(|(number, unit)| Self::Duration(number, unit)),
            Kind::Array(_) | Kind::Table(_) => None,
        }
    }
}

/// A number and a unit of time, perhaps with a space between them.
fn duration(text: &str) -> Option<(f64, TimeUnit)> {
    let unit = text.rfind(|letter: char| !letter.is_ascii_alphabetic())? + 1;
    let (number, unit) = text.split_at_checked(unit)?;
    let number: f64 = number.strip_suffix(' ').unwrap_or(number).parse().ok()?;
    Some((number, TimeUnit::named(unit)?)).filter(|_| number.is_finite())
}

fn ymd(date: jiff::civil::Date) -> (u16, u8, u8) {
    (date.year().cast_unsigned(), date.month().cast_unsigned(), date.day().cast_unsigned())
}

impl From<f64> for SetValue {
    fn from(number: f64) -> Self {
        Self::Number(number)
    }
}

/// The value as it was given; a number in the shortest form that parses to the same bits.
impl fmt::Display for SetValue {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Number(number) => write!(f, "{number}"),
            Self::Duration(number, unit) => write!(f, "{number} {}", unit.of(*number)),
            Self::Day(date) => write!(f, "{date}"),
            Self::Minute(moment) => write!(f, "{}", moment.strftime("%Y-%m-%dT%H:%M")),
            Self::Second(moment) => write!(f, "{}", moment.strftime("%Y-%m-%dT%H:%M:%S")),
            Self::Boolean(value) => write!(f, "{value}"),
        }
    }
}

/// Whether a number represents exactly the whole number that was written with digits only.
pub(super) fn is_exact(text: &str, number: f64) -> bool {
    let digits = text.strip_prefix(['-', '+']).unwrap_or(text);
    // All whole numbers below 2^53 are exact.
    if digits.len() < 16 || !digits.bytes().all(|byte| byte.is_ascii_digit()) {
        return true;
    }
    let digits = digits.trim_start_matches('0');
    let held = format!("{:.0}", number.abs());
    held.trim_start_matches('0') == digits
}

/// A whole number becomes an integer, for the fields that take only integers.
fn number_kind(value: f64) -> Kind {
    const EXACT: f64 = 9_007_199_254_740_992.0;
    if libm::trunc(value).to_bits() == value.to_bits() && value.abs() <= EXACT {
        #[expect(clippy::cast_possible_truncation, reason = "whole and small enough to be exact")]
        return Kind::Integer(value as i64);
    }
    Kind::Float(value)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_are_written_as_they_were_given() {
        for text in [
            "1",
            "0.5",
            "-3",
            "2025-03-10",
            "2025-03-10T18:00",
            "2025-03-10T18:00:30",
            "true",
            "false",
            "inf",
            "30 days",
            "1 week",
            "-0.5 months",
        ] {
            assert_eq!(SetValue::parse(text).unwrap().to_string(), text);
        }
        assert_eq!(SetValue::parse("9007199254740992").unwrap(), SetValue::Number(9_007_199_254_740_992.0));
        assert_eq!(SetValue::parse("00012").unwrap(), SetValue::Number(12.0));
        assert_eq!(SetValue::parse("-0").unwrap(), SetValue::Number(0.0));
        assert_eq!(SetValue::parse("1e1days").unwrap().to_string(), "10 days");
    }

    #[test]
    fn other_texts_are_refused() {
        for text in [
            "",
            "yes",
            "True",
            "2025-02-29",
            "2025-3-1",
            "9007199254740993",
            "-9007199254740993",
            "30 d",
            "days",
            " days",
            "inf days",
            "1e999",
            "3  days",
            "3 days ",
            "ä days",
        ] {
            SetValue::parse(text).unwrap_err();
        }
    }
}
