//! Variants: merges a scenario with the one that it extends (`extends`, `remove`), and prints a merged scenario as one
//! TOML file.

use std::collections::BTreeMap;
use std::ops::Range;

use super::diagnostic::{Diagnostic, quoted, suggestion};
use super::toml_tree::{Entry, Kind, Table, Value, is_long_form};

/// Sections that have keys of their own; all others hold entries by id.
const THINGS: [&str; 4] = ["time", "trust", "credit", "sweep"];

/// Merges a scenario with the one that it extends.
///
/// # Errors
/// The entries of `remove` that do not exist or cannot be removed.
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
        let message = format!("{} cannot be removed: it does not exist", quoted(path));
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
        let message = format!("{} cannot be removed: it does not exist", quoted(path));
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

/// Sections whose entries are printed as tables of their own; in all others an entry is one line.
const OF_TABLES: [&str; 8] = ["actors", "cohorts", "commitments", "meetings", "moves", "shocks", "outcomes", "data"];

/// The largest length of a line with a list.
const WIDTH: usize = 100;

/// What is printed from: the texts in which values stand as they are written, and by the place of a path in them, that
/// path from the folder of the printed file.
#[derive(Clone, Copy, Debug)]
pub(super) struct Printed<'a> {
    pub(super) text: &'a str,
    pub(super) paths: &'a BTreeMap<usize, String>,
}

/// Prints a scenario.
pub(super) fn show(root: &Table, text: Printed<'_>) -> String {
    let mut out = String::new();
    let (sections, keys): (Vec<&Entry>, Vec<&Entry>) = root.entries.iter().partition(|entry| is_section(entry));
    for entry in keys {
        key_line(entry, text, &mut out);
    }
    for entry in sections {
        section(entry, text, &mut out);
    }
    out
}

fn is_section(entry: &Entry) -> bool {
    match &entry.value.kind {
        Kind::Table(_) => true,
        Kind::Array(list) => !list.is_empty() && list.iter().all(|value| matches!(value.kind, Kind::Table(_))),
        _ => false,
    }
}

fn section(entry: &Entry, text: Printed<'_>, out: &mut String) {
    let name = key(&entry.key);
    match &entry.value.kind {
        Kind::Table(table) => {
            let is_own =
                |entry: &&Entry| OF_TABLES.contains(&name.as_str()) && matches!(entry.value.kind, Kind::Table(_));
            let (own, lines): (Vec<&Entry>, Vec<&Entry>) = table.entries.iter().partition(is_own);
            if own.is_empty() || !lines.is_empty() {
                header(&format!("[{name}]"), out);
                lines.iter().for_each(|entry| key_line(entry, text, out));
            }
            for entry in own {
                header(&format!("[{name}.{}]", key(&entry.key)), out);
                if let Kind::Table(table) = &entry.value.kind {
                    table.entries.iter().for_each(|entry| key_line(entry, text, out));
                }
            }
        }
        Kind::Array(list) => {
            for value in list {
                header(&format!("[[{name}]]"), out);
                if let Kind::Table(table) = &value.kind {
                    table.entries.iter().for_each(|entry| key_line(entry, text, out));
                }
            }
        }
        _ => key_line(entry, text, out),
    }
}

fn header(name: &str, out: &mut String) {
    if !out.is_empty() {
        out.push('\n');
    }
    out.push_str(name);
    out.push('\n');
}

fn key_line(entry: &Entry, text: Printed<'_>, out: &mut String) {
    out.push_str(&key(&entry.key));
    out.push_str(" = ");
    let line = value(&entry.value, text);
    match &entry.value.kind {
        Kind::Array(list) if line.len() > WIDTH => {
            out.push_str("[\n");
            for element in list {
                out.push_str("    ");
                out.push_str(&value(element, text));
                out.push_str(",\n");
            }
            out.push(']');
        }
        _ => out.push_str(&line),
    }
    out.push('\n');
}

fn value(value: &Value, text: Printed<'_>) -> String {
    match &value.kind {
        Kind::Array(list) => {
            let elements: Vec<String> = list.iter().map(|element| self::value(element, text)).collect();
            format!("[{}]", elements.join(", "))
        }
        Kind::Table(table) if table.entries.is_empty() => "{}".into(),
        Kind::Table(table) => {
            let entries: Vec<String> = table
                .entries
                .iter()
                .map(|entry| format!("{} = {}", key(&entry.key), self::value(&entry.value, text)))
                .collect();
            format!("{{ {} }}", entries.join(", "))
        }
        Kind::String(_) | Kind::Integer(_) | Kind::Float(_) | Kind::Boolean(_) | Kind::Datetime(_) => {
            match text.paths.get(&value.span.start) {
                Some(path) => serde_json::to_string(path).unwrap_or_default(),
                None => text.text.get(value.span.clone()).unwrap_or("").to_owned(),
            }
        }
    }
}

/// A key in TOML syntax, quoted if necessary.
fn key(key: &str) -> String {
    let is_bare =
        !key.is_empty() && key.bytes().all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'_' | b'-'));
    if is_bare { key.to_owned() } else { serde_json::to_string(key).unwrap_or_default() }
}
