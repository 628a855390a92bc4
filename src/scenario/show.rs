//! A scenario with everything laid over, printed as one TOML file.

use std::collections::BTreeMap;

use super::toml_tree::{Entry, Kind, Table, Value};

/// Sections whose entries are printed as tables of their own; in all others an entry is one line.
const OF_TABLES: [&str; 8] = ["actors", "cohorts", "commitments", "meetings", "moves", "shocks", "outcomes", "data"];

/// Longest line that a list is printed on.
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

/// A key as TOML takes it.
fn key(key: &str) -> String {
    let is_bare =
        !key.is_empty() && key.bytes().all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'_' | b'-'));
    if is_bare { key.to_owned() } else { serde_json::to_string(key).unwrap_or_default() }
}
