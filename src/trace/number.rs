//! Numbers as text: the shortest decimal that reads back to the same bits.

use crate::model::Amount;
use crate::scenario::SetValue;
use crate::table::Cell;

/// A real number as tables have it: with a point or an exponent, so that no reader takes a column whose first values
/// happen to be whole for one of whole numbers and rounds the rest. Infinity is `inf`.
///
/// ```
/// assert_eq!(backstop::trace::number(30_000.0), "30000.0");
/// assert_eq!(backstop::trace::number(1e300), "1e+300");
/// ```
#[must_use]
pub fn number(value: f64) -> String {
    zmij::Buffer::new().format(value).to_owned()
}

/// A number as an argument or a message has it: a whole one has no point.
#[must_use]
pub fn plain_number(value: f64) -> String {
    let mut buffer = zmij::Buffer::new();
    let text = buffer.format(value);
    text.strip_suffix(".0").unwrap_or(text).to_owned()
}

/// A value that was set as an argument or a message has it: as it was given.
#[must_use]
pub fn plain_set_value(value: SetValue) -> String {
    match value {
        SetValue::Number(value) => plain_number(value),
        other @ (SetValue::Day(_) | SetValue::Minute(_) | SetValue::Second(_) | SetValue::Boolean(_)) => {
            other.to_string()
        }
    }
}

/// A value that was set as tables have it: as it was given, numbers as [`number`] writes them.
#[must_use]
pub fn set_cell(value: SetValue) -> Cell<'static> {
    match value {
        SetValue::Number(value) => Cell::Real(value),
        other @ (SetValue::Day(_) | SetValue::Minute(_) | SetValue::Second(_) | SetValue::Boolean(_)) => {
            other.to_string().into()
        }
    }
}

/// A value that was set as [`set_cell`] is written.
#[must_use]
pub fn set_value(value: SetValue) -> String {
    match value {
        SetValue::Number(value) => number(value),
        other @ (SetValue::Day(_) | SetValue::Minute(_) | SetValue::Second(_) | SetValue::Boolean(_)) => {
            other.to_string()
        }
    }
}

/// An amount in units.
#[must_use]
pub fn amount(value: Amount) -> String {
    number(value.to_units())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_are_short_and_read_back() {
        for (value, text, plain) in [
            (30000.0, "30000.0", "30000"),
            (0.1, "0.1", "0.1"),
            (-0.5, "-0.5", "-0.5"),
            (f64::INFINITY, "inf", "inf"),
            (0.0, "0.0", "0"),
            (-0.0, "-0.0", "-0"),
        ] {
            assert_eq!(number(value), text);
            assert_eq!(plain_number(value), plain);
        }
        for value in [1e300, 1e-300, 0.1 + 0.2, 1.0 / 3.0, 5e-324, 123_456_789_012_345_680.0, 1e16, 1e15, 1e22] {
            let text = number(value);
            assert!(text.contains(['.', 'e']), "{text}");
            assert_eq!(text.parse::<f64>().unwrap().to_bits(), value.to_bits());
            assert_eq!(plain_number(value).parse::<f64>().unwrap().to_bits(), value.to_bits());
        }
    }
}
