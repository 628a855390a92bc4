//! Numbers, names and dates in the form shown to people.

use std::fmt;

use crate::analysis::wording;
pub use crate::analysis::wording::number as plain_number;
use crate::model::{ActorId, Amount, GroupId, Model, ResourceId};
use crate::scenario::SetValue;
pub use crate::text::escaped;

/// Escapes a text of many lines for a terminal.
#[must_use]
pub fn safe(text: &str) -> String {
    text.split('\n').map(escaped).collect::<Vec<_>>().join("\n")
}

/// A value that was set: a formatted number, everything else as it was given.
#[must_use]
pub fn set_value(value: SetValue) -> String {
    if let SetValue::Number(number) = value { plain_number(number) } else { value.to_string() }
}

/// Quotes a text as one word of a shell.
#[must_use]
pub fn shell_word(text: &str) -> String {
    let is_plain = |c: char| c.is_ascii_alphanumeric() || "-_./,:=+%@".contains(c);
    if !text.is_empty() && text.chars().all(is_plain) {
        return text.to_owned();
    }
    format!("'{}'", text.replace('\'', r"'\''"))
}

/// A count with digits in groups of three.
#[must_use]
pub fn whole(number: u64) -> String {
    #[expect(clippy::cast_precision_loss, reason = "counts of things on one machine")]
    wording::number(number as f64)
}

/// `1 actor`, `2 actors`.
#[must_use]
pub fn count(number: usize, noun: &str) -> String {
    let plural = if number == 1 { "" } else { "s" };
    format!("{} {noun}{plural}", whole(number as u64))
}

/// The name of an actor.
#[must_use]
pub fn actor(model: &Model, id: ActorId) -> String {
    let name = model.actors.name(id).filter(|name| !name.trim().is_empty());
    name.map_or_else(|| model.actors.id(id).to_owned(), escaped)
}

/// An id with its display name: `Call of the coalition [coalition_call]`, or the id alone.
#[must_use]
pub fn named(id: &str, name: Option<&str>) -> String {
    name.filter(|name| !name.trim().is_empty())
        .map_or_else(|| id.to_owned(), |name| format!("{} [{id}]", escaped(name)))
}

/// The name of a group, or of the actor if the group is a single one.
#[must_use]
pub fn group(model: &Model, id: GroupId) -> String {
    let group = &model.groups[id.index()];
    match group.members.as_slice() {
        [one] if model.actors.id(*one) == group.id => actor(model, *one),
        _ => group.id.clone(),
    }
}

/// An amount of a resource with its unit: `30 000 soldiers`, `0.5 of backstop`.
#[must_use]
pub fn amount(model: &Model, resource: ResourceId, value: Amount) -> String {
    wording::amount(model, resource, value.to_units())
}

/// `a, b and c`.
#[must_use]
pub fn listed(parts: &[String]) -> String {
    match parts {
        [] => String::new(),
        [one] => one.clone(),
        [first @ .., last] => format!("{} and {last}", first.join(", ")),
    }
}

/// The names of actors; a long list is cut.
#[must_use]
pub fn actors(model: &Model, ids: &[ActorId]) -> String {
    if ids.len() > 6 {
        let first: Vec<String> = ids[..3].iter().map(|&id| actor(model, id)).collect();
        return format!("{} and {} others", first.join(", "), ids.len() - 3);
    }
    listed(&ids.iter().map(|&id| actor(model, id)).collect::<Vec<_>>())
}

/// The text of a condition on one line.
#[must_use]
pub fn condition(text: &str) -> String {
    escaped(&text.split_whitespace().collect::<Vec<_>>().join(" "))
}

/// No item has the name that was given.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Unknown {
    message: String,
    help: String,
}

impl Unknown {
    pub(super) fn new(message: String, help: String) -> Self {
        Self { message, help }
    }

    /// A suggestion for the user.
    #[must_use]
    pub fn help(&self) -> &str {
        &self.help
    }
}

impl fmt::Display for Unknown {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.message)
    }
}

impl std::error::Error for Unknown {}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_are_grouped() {
        for (value, grouped) in [
            (30_000.0, "30 000"),
            (9_999.0, "9 999"),
            (5_697.964_984, "5 698"),
            (0.1 + 0.2, "0.3"),
            (-1_234_567.25, "-1 234 567.2"),
            (1e300, "1e300"),
            (1.0 / 3.0, "0.333333"),
        ] {
            assert_eq!(plain_number(value), grouped);
        }
    }

    #[test]
    fn nothing_hostile_reaches_the_terminal() {
        assert_eq!(safe("a\u{1b}[2J\nb\u{202e}"), "a\\u{1b}[2J\nb\\u{202e}");
    }
}
