//! Numbers, names and dates as a person writes them.

use backstop::log::number;
use backstop::model::{ActorId, Amount, GroupId, InstanceId, Model, ResourceId};

/// A text from a file or an argument, fit for a terminal: control characters, and those that move other
/// text around, are escaped.
pub(crate) fn escaped(text: &str) -> String {
    let hidden =
        |c: char| matches!(c, '\u{200B}'..='\u{200F}' | '\u{2028}'..='\u{202E}' | '\u{2060}'..='\u{206F}' | '\u{FEFF}');
    let mut shown = String::with_capacity(text.len());
    for character in text.chars() {
        if character.is_control() || hidden(character) {
            shown.extend(character.escape_unicode());
        } else {
            shown.push(character);
        }
    }
    shown
}

/// `1 actor`, `2 actors`.
pub(crate) fn count(number: usize, noun: &str) -> String {
    let plural = if number == 1 { "" } else { "s" };
    format!("{} {noun}{plural}", thousands(&number.to_string()))
}

/// A number with commas between thousands: `30,000`, `1,234.5`.
pub(crate) fn thousands(text: &str) -> String {
    let (sign, digits) = text.strip_prefix('-').map_or(("", text), |digits| ("-", digits));
    let (whole, fraction) = digits.split_once('.').map_or((digits, None), |(whole, fraction)| (whole, Some(fraction)));
    if !whole.bytes().all(|byte| byte.is_ascii_digit()) || whole.len() <= 3 {
        return text.to_owned();
    }
    let mut grouped = String::from(sign);
    for (at, digit) in whole.chars().enumerate() {
        if at > 0 && (whole.len() - at).is_multiple_of(3) {
            grouped.push(',');
        }
        grouped.push(digit);
    }
    if let Some(fraction) = fraction {
        grouped.push('.');
        grouped += fraction;
    }
    grouped
}

/// A number for a person, with at most six digits behind the point.
pub(crate) fn plain_number(value: f64) -> String {
    let text = number(value);
    let long = text.split_once('.').is_some_and(|(_, fraction)| fraction.len() > 6 && !fraction.contains('e'));
    if long {
        let rounded = format!("{value:.6}");
        thousands(rounded.trim_end_matches('0').trim_end_matches('.'))
    } else {
        thousands(&text)
    }
}

/// An id in words: `military_aid` is `military aid`.
pub(crate) fn spaced(id: &str) -> String {
    id.replace('_', " ")
}

/// The name of an actor.
pub(crate) fn actor(model: &Model, id: ActorId) -> String {
    let actor = &model.actors[id.index()];
    actor.name.as_deref().map_or_else(|| actor.id.clone(), escaped)
}

/// The name of a group, of the actor if it is one.
pub(crate) fn group(model: &Model, id: GroupId) -> String {
    let group = &model.groups[id.index()];
    match group.members.as_slice() {
        [one] if model.actors[one.index()].id == group.id => actor(model, *one),
        _ => group.id.clone(),
    }
}

/// An amount of a resource with its unit: `30,000 soldiers`, `0.5 of backstop`.
pub(crate) fn amount(model: &Model, resource: ResourceId, value: Amount) -> String {
    let resource = &model.resources[resource.index()];
    let number = plain_number(value.to_units());
    let thing = spaced(&resource.id);
    match resource.unit.as_deref().map(escaped) {
        Some(unit) if unit != thing && !unit.is_empty() => format!("{thing} ({number} {unit})"),
        _ => format!("{number} {thing}"),
    }
}

/// All that an instance gives.
pub(crate) fn gifts(model: &Model, setup: &backstop::model::Setup, instance: InstanceId) -> String {
    let parts = model.gifts(instance).map(|gift| amount(model, gift.resource, setup.gives[gift.position]));
    listed(&parts.collect::<Vec<_>>())
}

/// `a, b and c`.
pub(crate) fn listed(parts: &[String]) -> String {
    match parts {
        [] => String::new(),
        [one] => one.clone(),
        [first @ .., last] => format!("{} and {last}", first.join(", ")),
    }
}

/// Names of actors; a long list is given by its number.
pub(crate) fn actors(model: &Model, ids: &[ActorId]) -> String {
    if ids.len() > 6 {
        let first: Vec<String> = ids[..3].iter().map(|&id| actor(model, id)).collect();
        return format!("{} and {} others", first.join(", "), ids.len() - 3);
    }
    listed(&ids.iter().map(|&id| actor(model, id)).collect::<Vec<_>>())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_are_grouped() {
        for (text, grouped) in
            [("30000", "30,000"), ("999", "999"), ("-1234567.25", "-1,234,567.25"), ("1e300", "1e300"), ("inf", "inf")]
        {
            assert_eq!(thousands(text), grouped);
        }
        assert_eq!(plain_number(1.0 / 3.0), "0.333333");
    }

    #[test]
    fn nothing_hostile_reaches_the_terminal() {
        assert_eq!(escaped("a\u{1b}[2Jb\u{202e}"), "a\\u{1b}[2Jb\\u{202e}");
    }
}
