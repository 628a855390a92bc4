//! Variants: a scenario laid over another (`extends`, `remove`).

use std::ops::Range;

use super::diagnostic::{Diagnostic, quoted, suggestion};
use super::toml_tree::{Entry, Kind, Table, Value, is_long_form};

/// Sections that have keys of their own; all others hold entries by id.
const THINGS: [&str; 4] = ["time", "trust", "credit", "sweep"];

/// Lays a scenario over the one that it extends.
///
/// # Errors
/// What its `remove` names that is not there or cannot be removed.
pub(super) fn lay_over(mut base: Table, mut over: Table) -> (Table, Vec<Diagnostic>) {
    let mut wrong = Vec::new();
    over.entries.retain(|entry| entry.key != "extends");
    if let Some(at) = over.entries.iter().position(|entry| entry.key == "remove") {
        let entry = over.entries.remove(at);
        for (path, span) in paths(&entry.value, &mut wrong) {
            if let Err(error) = remove(&mut base, &path, &span) {
                wrong.push(*error);
            }
        }
    }
    for entry in over.entries {
        match base.entries.iter_mut().find(|known| known.key == entry.key) {
            Some(known) => lay_section(known, entry),
            None => base.entries.push(entry),
        }
    }
    (base, wrong)
}

/// A top-level key that both have.
fn lay_section(known: &mut Entry, entry: Entry) {
    match (&mut known.value.kind, entry.value.kind) {
        (Kind::Table(base), Kind::Table(over)) => {
            let is_thing = THINGS.contains(&known.key.as_str());
            let is_parameters = known.key == "parameters";
            for entry in over.entries {
                match base.entries.iter_mut().find(|known| known.key == entry.key) {
                    Some(known) if is_thing => known.value = entry.value,
                    Some(known) if is_parameters => lay_parameter(known, entry.value),
                    Some(known) => lay_thing(known, entry.value),
                    None => base.entries.push(entry),
                }
            }
        }
        (_, kind) => known.value = Value { kind, ..entry.value },
    }
}

/// An entry of a section that both have.
fn lay_thing(known: &mut Entry, over: Value) {
    match (&mut known.value.kind, over.kind) {
        (Kind::Table(base), Kind::Table(over)) => lay_keys(base, over),
        (_, kind) => known.value = Value { kind, ..over },
    }
}

fn lay_keys(base: &mut Table, over: Table) {
    for entry in over.entries {
        match base.entries.iter_mut().find(|known| known.key == entry.key) {
            Some(known) => known.value = entry.value,
            None => base.entries.push(entry),
        }
    }
}

/// A number or a date for a parameter in the long form replaces its `value` only.
fn lay_parameter(known: &mut Entry, over: Value) {
    if let Kind::Table(base) = &mut known.value.kind
        && is_long_form(base)
    {
        match over.kind {
            Kind::Integer(_) | Kind::Float(_) | Kind::Datetime(_) => {
                let key_span = over.span.clone();
                match base.entries.iter_mut().find(|entry| entry.key == "value") {
                    Some(entry) => entry.value = over,
                    None => base.entries.push(Entry { key: "value".into(), key_span, value: over }),
                }
                return;
            }
            Kind::Table(table) if is_long_form(&table) => {
                lay_keys(base, table);
                return;
            }
            kind => {
                known.value = Value { kind, ..over };
                return;
            }
        }
    }
    known.value = over;
}

/// The paths of a `remove`, with their places.
fn paths(value: &Value, wrong: &mut Vec<Diagnostic>) -> Vec<(String, Range<usize>)> {
    let mut refuse = |value: &Value| {
        let message = format!("`remove` must be a list of texts, but is {}", value.kind.description());
        let error = Diagnostic::error("schema/kind", message, Some(value.span.clone()));
        wrong.push(error.help("write `remove = [\"shocks.drones\", \"time.steps\"]`"));
    };
    let Kind::Array(list) = &value.kind else {
        refuse(value);
        return Vec::new();
    };
    let mut found = Vec::new();
    for element in list {
        match &element.kind {
            Kind::String(path) => found.push((path.clone(), element.span.clone())),
            _ => refuse(element),
        }
    }
    found
}

/// Removes an entry of a section, or a key of an entry.
fn remove(base: &mut Table, path: &str, span: &Range<usize>) -> Result<(), Box<Diagnostic>> {
    let refused = |message: String, help: String| {
        Err(Box::new(Diagnostic::error("variant/remove", message, Some(span.clone())).help(help)))
    };
    let parts: Vec<&str> = path.split('.').collect();
    let (section, keys) = (parts[0], &parts[1..]);
    let Some(entry) = base.entries.iter_mut().find(|entry| entry.key == section) else {
        let help = suggestion(section, base.entries.iter().map(|entry| entry.key.as_str()));
        let message = format!("{} cannot be removed: it is not there", quoted(path));
        return refused(message, help.unwrap_or_else(|| "remove it from the list".into()));
    };
    let is_thing = THINGS.contains(&section);
    let deepest = if is_thing { 1 } else { 2 };
    let (Kind::Table(table), 1..=2) = (&mut entry.value.kind, keys.len().min(deepest + 1)) else {
        let (message, help) = if keys.is_empty() {
            (format!("{} cannot be removed whole", quoted(path)), "name an entry or a key in it, or replace it")
        } else {
            (format!("{} lies inside of a value", quoted(path)), "give the whole value anew instead")
        };
        return refused(message, help.into());
    };
    if keys.len() > deepest {
        return refused(format!("{} lies inside of a value", quoted(path)), "give the whole value anew instead".into());
    }
    let missing = |table: &Table, key: &str| {
        let help = suggestion(key, table.entries.iter().map(|entry| entry.key.as_str()));
        let message = format!("{} cannot be removed: it is not there", quoted(path));
        refused(message, help.unwrap_or_else(|| "remove it from the list".into()))
    };
    let Some(at) = table.entries.iter().position(|entry| entry.key == keys[0]) else {
        return missing(table, keys[0]);
    };
    let [_, key] = keys else {
        table.entries.remove(at);
        return Ok(());
    };
    match &mut table.entries[at].value.kind {
        Kind::Table(thing) if section != "parameters" || is_long_form(thing) => {
            match thing.entries.iter().position(|entry| entry.key == *key) {
                Some(at) => {
                    thing.entries.remove(at);
                    Ok(())
                }
                None => missing(thing, key),
            }
        }
        _ => refused(format!("{} lies inside of a value", quoted(path)), "give the whole value anew instead".into()),
    }
}
