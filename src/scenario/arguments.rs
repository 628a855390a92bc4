//! Parses arguments of commands and of the Python package: overrides, moves, metrics, steps.

use std::collections::BTreeMap;
use std::fmt;

use super::moves::{AddedMove, MoveAmounts};
use super::overrides::Override;
use super::set_value::SetValue;
use crate::model::{Clock, Date};
use crate::text::escaped;

/// One `NAME=VALUE` of `--set`.
///
/// # Errors
/// A message about the text.
pub fn parse_set(text: &str) -> Result<Override, String> {
    let (name, value) = text.split_once('=').ok_or("it must be NAME=VALUE")?;
    let value = SetValue::parse(value.trim()).map_err(|what| format!("`{}` {what}", escaped(value)))?;
    Ok(Override { name: name.trim().to_owned(), value })
}

/// One `C@STEP` or `C=AMOUNT@STEP` of `--move`.
///
/// # Errors
/// A message about the text.
pub fn parse_move(text: &str) -> Result<AddedMove, String> {
    let (bound, on) = text.rsplit_once('@').ok_or("it must be C@STEP or C=AMOUNT@STEP, such as `us_backstop@3`")?;
    let wrong = || format!("`{}` must be the number of a step, or a date such as `2025-03-10`", escaped(on));
    match SetValue::parse(on.trim()).map_err(|_| wrong())? {
        SetValue::Duration(..) | SetValue::Boolean(_) => Err(wrong()),
        on @ (SetValue::Number(_) | SetValue::Day(_) | SetValue::Minute(_) | SetValue::Second(_)) => {
            parse_bound(bound).map(|(bind, amounts)| AddedMove { bind, amounts, on })
        }
    }
}

/// The commitment and the amounts of a move of `--move`: `C`, `C=AMOUNT`, or `C=RESOURCE:AMOUNT,…`.
///
/// # Errors
/// A message about the text.
pub fn parse_bound(text: &str) -> Result<(String, MoveAmounts), String> {
    let Some((bind, amounts)) = text.split_once('=') else {
        return Ok((text.trim().to_owned(), MoveAmounts::Upto));
    };
    let number = |text: &str| match SetValue::parse(text.trim()) {
        Ok(SetValue::Number(number)) => Ok(number),
        _ => Err(format!("`{}` is no amount; write C=10, or C=money:10,troops:5 for several", escaped(text))),
    };
    if !amounts.contains(':') {
        return Ok((bind.trim().to_owned(), MoveAmounts::One(number(amounts)?)));
    }
    let mut each = BTreeMap::new();
    for part in amounts.split(',') {
        let (resource, amount) = part.split_once(':').unwrap_or(("", part));
        let resource = resource.trim().to_owned();
        if resource.is_empty() {
            return Err(format!("`{}` names no resource; write C=money:10,troops:5", escaped(part)));
        }
        let amount = number(amount)?;
        if each.insert(resource.clone(), amount).is_some() {
            return Err(format!("`{}` is there twice", escaped(&resource)));
        }
    }
    Ok((bind.trim().to_owned(), MoveAmounts::Each(each)))
}

/// One `NAME=EXPR` of `--metric`.
///
/// # Errors
/// A message about the text.
pub fn parse_metric(text: &str) -> Result<(String, String), String> {
    let (name, expression) = text.split_once('=').ok_or("it must be NAME=EXPR")?;
    Ok((name.trim().to_owned(), expression.trim().to_owned()))
}

/// A step, by its number or by a date in it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum At {
    /// The number of the step, from 0.
    Step(u32),
    /// A date; it stands for the step that contains it.
    Date(Date),
}

/// The reason why a date is in no step of the run.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum AtError {
    /// The scenario has no dates.
    NoDates,
    /// The date is before the run.
    Before(Date),
    /// The date is after the last step, which begins at this date.
    After(Date, String),
}

impl AtError {
    /// A suggestion for the user.
    #[must_use]
    pub fn help(&self) -> &'static str {
        "give the number of a step"
    }
}

impl fmt::Display for AtError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::NoDates => f.write_str("the scenario has no dates"),
            Self::Before(date) => write!(f, "{date} is before the run"),
            Self::After(date, last) => write!(f, "{date} is after the last step of the run, {last}"),
        }
    }
}

impl std::error::Error for AtError {}

impl At {
    /// One `--at`.
    ///
    /// # Errors
    /// A message about the text.
    pub fn parse(text: &str) -> Result<Self, String> {
        if let Ok(step) = text.parse() {
            return Ok(Self::Step(step));
        }
        let date = text.parse().map(Self::Date);
        date.map_err(|_| "it must be the number of a step, or a date such as `2025-03-10`".to_owned())
    }

    /// The number of the step. If it was given by its number, it may be beyond the end of the run.
    ///
    /// # Errors
    /// An [`AtError`] if no step of the run contains the date.
    pub fn step(&self, clock: &Clock) -> Result<u32, AtError> {
        let date = match *self {
            Self::Step(step) => return Ok(step),
            Self::Date(date) => date,
        };
        let step = clock.step_of(date).ok_or(AtError::NoDates)?;
        if step >= i64::from(clock.steps) {
            return Err(AtError::After(date, clock.date(clock.steps.saturating_sub(1))));
        }
        u32::try_from(step).map_err(|_| AtError::Before(date))
    }
}
