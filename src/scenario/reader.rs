//! Reading tables: known keys, kinds of values, missing keys.

use std::ops::Range;

use super::compile::Compiler;
use super::diagnostic::{Diagnostic, all_listed, quoted, suggestion, visible};
use super::document::{Entry, Kind, Table, Value};

/// How a value in a table is called in messages: its dotted path.
pub(super) fn path(parent: &str, key: &str) -> String {
    if parent.is_empty() { visible(key) } else { format!("{parent}.{}", visible(key)) }
}

impl<'a> Compiler<'a> {
    pub(super) fn report(&mut self, diagnostic: Diagnostic) {
        self.diagnostics.push(diagnostic);
    }

    /// Reports keys that a table does not know; `what` is the table in words (`an actor`).
    pub(super) fn known_keys(&mut self, table: &Table, known: &[&str], what: &str) {
        for entry in &table.entries {
            if known.contains(&entry.key.as_str()) {
                continue;
            }
            let message = format!("{what} has no key {}", quoted(&entry.key));
            let help = suggestion(&entry.key, known.iter().copied())
                .unwrap_or_else(|| format!("its keys are {}", all_listed(known.iter().copied())));
            self.report(Diagnostic::error("schema/unknown-key", message, Some(entry.key_span.clone())).help(help));
        }
    }

    /// Reports a key that a table must have.
    pub(super) fn missing(&mut self, key: &str, path: &str, span: Range<usize>, help: &str) {
        let message = format!("`{path}` has no `{key}`");
        self.report(Diagnostic::error("schema/missing-key", message, Some(span)).help(help));
    }

    /// Reports a value of the wrong kind.
    pub(super) fn wrong_kind(&mut self, value: &Value, path: &str, wanted: &str, help: Option<&str>) {
        let message = format!("`{path}` must be {wanted}, but is {}", value.kind.description());
        let diagnostic = Diagnostic::error("schema/kind", message, Some(value.span.clone()));
        let diagnostic = diagnostic.maybe_help(help.map(str::to_owned));
        let diagnostic = self.naming_override(value, diagnostic);
        self.report(diagnostic);
    }

    /// Names the `--set` that gave a value, if one did.
    pub(super) fn naming_override(&self, value: &Value, diagnostic: Diagnostic) -> Diagnostic {
        match value.set_by.and_then(|number| self.settings.get(number)) {
            Some(setting) => {
                let note = format!("its value comes from {}", quoted(&format!("--set {}", setting.argument())));
                diagnostic.note(note, None)
            }
            None => diagnostic,
        }
    }

    /// A table at the top of the file; none if it is missing.
    pub(super) fn section(&mut self, key: &str) -> Option<&'a Table> {
        let entry = self.root.get(key)?;
        self.table(&entry.value, key)
    }

    /// Every entry of a table at the top of the file that is a table itself.
    pub(super) fn named_tables(&mut self, key: &'static str) -> Vec<(&'a Entry, &'a Table)> {
        let Some(section) = self.section(key) else { return Vec::new() };
        let mut found = Vec::new();
        for entry in &section.entries {
            if let Some(table) = self.table(&entry.value, &path(key, &entry.key)) {
                found.push((entry, table));
            }
        }
        found
    }

    pub(super) fn table(&mut self, value: &'a Value, path: &str) -> Option<&'a Table> {
        if let Kind::Table(table) = &value.kind {
            Some(table)
        } else {
            let help = format!("write `[{path}]` and its keys below, or `{{ key = value }}`");
            self.wrong_kind(value, path, "a table", Some(&help));
            None
        }
    }

    /// The tables of a list of tables.
    pub(super) fn tables(&mut self, value: &'a Value, path: &str, help: &str) -> Vec<(&'a Value, &'a Table)> {
        let Kind::Array(array) = &value.kind else {
            self.wrong_kind(value, path, "a list of tables", Some(help));
            return Vec::new();
        };
        let mut found = Vec::new();
        for (at, element) in array.iter().enumerate() {
            if let Some(table) = self.table(element, &format!("{path}.{at}")) {
                found.push((element, table));
            }
        }
        found
    }

    /// A text.
    pub(super) fn text(&mut self, value: &'a Value, path: &str) -> Option<&'a str> {
        if let Kind::String(text) = &value.kind {
            Some(text)
        } else {
            self.wrong_kind(value, path, "a text", Some("put it in quotes"));
            None
        }
    }

    /// A text that may be missing.
    pub(super) fn optional_text(&mut self, table: &'a Table, key: &str, parent: &str) -> Option<String> {
        let entry = table.get(key)?;
        self.text(&entry.value, &path(parent, key)).map(str::to_owned)
    }

    /// Checks the kind of free texts that are not kept.
    pub(super) fn free_texts(&mut self, table: &'a Table, keys: &[&str], parent: &str) {
        for key in keys {
            self.optional_text(table, key, parent);
        }
    }

    /// `true` or `false`; `default` where it is missing.
    pub(super) fn flag(&mut self, table: &'a Table, key: &str, parent: &str, default: bool) -> bool {
        let Some(entry) = table.get(key) else { return default };
        if let Kind::Boolean(value) = entry.value.kind {
            value
        } else {
            self.wrong_kind(&entry.value, &path(parent, key), "`true` or `false`", Some("write it without quotes"));
            default
        }
    }

    /// One text, or a list of texts, with their places; none if it is something else.
    pub(super) fn texts(&mut self, value: &'a Value, path: &str, wanted: &str) -> Option<Vec<(&'a str, Range<usize>)>> {
        match &value.kind {
            Kind::String(text) => Some(vec![(text, value.span.clone())]),
            Kind::Array(array) => {
                let mut found = Vec::new();
                let mut whole = true;
                for element in array {
                    if let Kind::String(text) = &element.kind {
                        found.push((text.as_str(), element.span.clone()));
                    } else {
                        whole = false;
                        self.wrong_kind(element, path, wanted, Some("put names in quotes"));
                    }
                }
                // What was refused must not make the list look empty.
                (whole || !found.is_empty()).then_some(found)
            }
            _ => {
                self.wrong_kind(value, path, wanted, Some("put names in quotes"));
                None
            }
        }
    }
}
