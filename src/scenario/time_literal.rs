//! Dates and durations as they are written in expressions and in the file.

use jiff::civil::DateTime;

use super::toml_tree::Datetime;
use crate::model::StepLength;

/// A unit of time.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum TimeUnit {
    /// 60 seconds.
    Minute,
    /// 60 minutes.
    Hour,
    /// 24 hours.
    Day,
    /// 7 days.
    Week,
    /// A month of the calendar.
    Month,
    /// 12 months.
    Year,
}

impl TimeUnit {
    /// Every unit, shortest first.
    pub(super) const ALL: [Self; 6] = [Self::Minute, Self::Hour, Self::Day, Self::Week, Self::Month, Self::Year];

    /// The plural.
    pub(super) fn plural(self) -> &'static str {
        match self {
            Self::Minute => "minutes",
            Self::Hour => "hours",
            Self::Day => "days",
            Self::Week => "weeks",
            Self::Month => "months",
            Self::Year => "years",
        }
    }

    /// Its name after a number: the singular after 1.
    pub(super) fn of(self, number: f64) -> &'static str {
        let plural = self.plural();
        if number.to_bits() == 1.0_f64.to_bits() { plural.trim_end_matches('s') } else { plural }
    }

    /// The unit of that name, in the singular or plural.
    pub(super) fn named(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|unit| {
            let plural = unit.plural();
            name == plural || Some(name) == plural.strip_suffix('s')
        })
    }

    /// The length of one unit.
    pub(super) fn length(self) -> StepLength {
        match self {
            Self::Minute => StepLength::Seconds(60),
            Self::Hour => StepLength::Seconds(3_600),
            Self::Day => StepLength::DAY,
            Self::Week => StepLength::Seconds(7 * 86_400),
            Self::Month => StepLength::Months(1),
            Self::Year => StepLength::Months(12),
        }
    }
}

/// The base unit that a duration and a step have in common: minutes, or months.
fn in_common(unit: TimeUnit, step: StepLength) -> Option<(i64, i64)> {
    match (unit.length(), step) {
        (StepLength::Seconds(unit), StepLength::Seconds(step)) => Some((unit / 60, step / 60)),
        (StepLength::Months(unit), StepLength::Months(step)) => Some((unit, step)),
        _ => None,
    }
}

/// A duration in steps; `None` if one is in months and the other in minutes, which cannot be converted.
pub(super) fn in_steps(number: f64, unit: TimeUnit, step: StepLength) -> Option<f64> {
    let (unit, step) = in_common(unit, step)?;
    #[expect(clippy::cast_precision_loss, reason = "at most 10000 years in minutes")]
    Some(number * unit as f64 / step as f64)
}

/// A length of time as text: `1 week`, `2 months`.
pub(super) fn in_words(step: StepLength) -> String {
    let unit = TimeUnit::ALL
        .into_iter()
        .rev()
        .find(|&unit| in_common(unit, step).is_some_and(|(unit, step)| step % unit == 0));
    let unit = unit.unwrap_or(TimeUnit::Minute);
    let (one, all) = in_common(unit, step).unwrap_or((1, 1));
    counted(all / one, unit)
}

/// `1 week`, `2 weeks`
fn counted(count: i64, unit: TimeUnit) -> String {
    let plural = unit.plural();
    if count == 1 { format!("1 {}", plural.trim_end_matches('s')) } else { format!("{count} {plural}") }
}

/// The durations next to one that are whole numbers of steps, at least `least` of them, in the unit that it was
/// written in if possible; the lower first.
pub(super) fn nearest_whole(number: f64, unit: TimeUnit, step: StepLength, least: i64) -> Vec<String> {
    let Some(steps) = in_steps(number, unit, step).filter(|steps| steps.abs() < 1e9) else { return Vec::new() };
    let Some((one, length)) = in_common(unit, step) else { return Vec::new() };
    #[expect(clippy::cast_possible_truncation, reason = "it is small")]
    let floor = libm::floor(steps) as i64;
    let mut found: Vec<String> = Vec::new();
    for count in [floor.max(least), (floor + 1).max(least)] {
        let (total, small) =
            (count * length, if let StepLength::Months(_) = step { TimeUnit::Month } else { TimeUnit::Minute });
        let unit = if total % one == 0 {
            unit
        } else {
            let divides = |other: &TimeUnit| in_common(*other, step).is_some_and(|(other, _)| total % other == 0);
            TimeUnit::ALL.into_iter().rev().find(divides).unwrap_or(small)
        };
        let one = in_common(unit, step).map_or(1, |(one, _)| one);
        let words = counted(total / one, unit);
        if !found.contains(&words) {
            found.push(words);
        }
    }
    found
}

/// The length in bytes of the date or date-time that `text` begins with, and its parts as digits: four digits, `-`, two
/// digits, `-`, two digits, then perhaps `T`, hours, minutes and perhaps seconds. Something else behind it that looks
/// like a part of it makes it none.
pub(super) fn date_length(text: &str) -> Option<usize> {
    let shape = |from: usize, pattern: &[u8]| {
        let bytes = text.as_bytes().get(from..from + pattern.len());
        bytes.is_some_and(|bytes| {
            bytes.iter().zip(pattern).all(|(byte, wanted)| match wanted {
                b'0' => byte.is_ascii_digit(),
                wanted => byte == wanted,
            })
        })
    };
    if !shape(0, b"0000-00-00") {
        return None;
    }
    let ends = |at: usize| !text[at..].starts_with(|c: char| c.is_ascii_alphanumeric() || c == '_' || c == '.');
    if shape(10, b"T00:00:00") && ends(19) {
        return Some(19);
    }
    if shape(10, b"T00:00") && ends(16) && !text[16..].starts_with(':') {
        return Some(16);
    }
    ends(10).then_some(10)
}

/// The moment with these digits, if it exists in the calendar.
pub(super) fn date(text: &str) -> Option<DateTime> {
    let number = |from: usize, to: usize| text.get(from..to).map_or(Some(0), |digits| digits.parse::<i16>().ok());
    let small = |from: usize| i8::try_from(number(from, from + 2)?).ok();
    DateTime::new(number(0, 4)?, small(5)?, small(8)?, small(11)?, small(14)?, small(17)?, 0).ok()
}

/// Converts a TOML date to a civil one. An error has a message and a remedy.
pub(super) fn civil(moment: &Datetime) -> Result<DateTime, (String, &'static str)> {
    const WHOLE: &str = "write whole seconds: `2025-03-10T12:30:00`";
    let Some((year, month, day)) = moment.date else {
        return Err(("is a time of day without a date".into(), "write the date too: `2025-03-10T12:30:00`"));
    };
    if moment.offset {
        let help = "write the time of the run's own place, without `Z` or `+01:00`: `2025-03-10T12:30:00`";
        return Err(("has an offset from UTC".into(), help));
    }
    let no_date = || ("is no date of the calendar".to_owned(), "write a date such as `2025-03-10`");
    let year = i16::try_from(year).map_err(|_| no_date())?;
    let (month, day) = (month.cast_signed(), day.cast_signed());
    let civil = jiff::civil::Date::new(year, month, day).map_err(|_| no_date())?;
    let Some((hour, minute, second, nanosecond)) = moment.time else { return Ok(civil.at(0, 0, 0, 0)) };
    if nanosecond > 0 {
        return Err(("has a fraction of a second".into(), WHOLE));
    }
    let time = jiff::civil::Time::new(hour.cast_signed(), minute.cast_signed(), second.cast_signed(), 0)
        .map_err(|_| ("is no time of day".to_owned(), WHOLE))?;
    Ok(civil.to_datetime(time))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn durations_are_multiplied_first() {
        let week = StepLength::Seconds(7 * 86_400);
        assert_eq!(
            in_steps(90.0, TimeUnit::Day, week).map(f64::to_bits),
            Some((90.0_f64 * 1_440.0 / 10_080.0).to_bits())
        );
        assert_eq!(in_steps(1.0, TimeUnit::Year, StepLength::Months(5)), Some(2.4));
        assert_eq!(in_steps(1.0, TimeUnit::Month, week), None);
        assert_eq!(in_steps(1.0, TimeUnit::Week, StepLength::Months(1)), None);
    }

    #[test]
    fn the_nearest_durations_that_fit_are_named() {
        let week = StepLength::Seconds(7 * 86_400);
        assert_eq!(nearest_whole(90.0, TimeUnit::Day, week, 0), ["84 days", "91 days"]);
        assert_eq!(nearest_whole(5.0, TimeUnit::Hour, StepLength::DAY, 1), ["24 hours"]);
        assert_eq!(nearest_whole(1.0, TimeUnit::Year, StepLength::Months(5), 0), ["10 months", "15 months"]);
        assert_eq!(nearest_whole(1e300, TimeUnit::Year, StepLength::Months(5), 0), [""; 0]);
        assert_eq!(in_words(week), "1 week");
        assert_eq!(in_words(StepLength::Months(24)), "2 years");
        assert_eq!(in_words(StepLength::Seconds(5_400)), "90 minutes");
    }

    #[test]
    fn dates_are_told_from_differences() {
        let check = |text: &str, length: Option<usize>| assert_eq!(date_length(text), length, "{text}");
        check("2004-11-18", Some(10));
        check("2004-11-18)", Some(10));
        check("2004-11-18T06:00 - 1", Some(16));
        check("2004-11-18T06:00:30", Some(19));
        for none in
            ["2004 -11-18", "2004-1-18", "2004-11-181", "2004-11-18.5", "2004-11-18_", "2004-11-18T6", "12004-11-18"]
        {
            check(none, None);
        }
        assert_eq!(date("2004-11-18T06:00").map(|date| date.to_string()).as_deref(), Some("2004-11-18T06:00:00"));
        assert_eq!(date("2023-02-29"), None);
        assert_eq!(date("2023-02-28T24:00"), None);
    }
}
