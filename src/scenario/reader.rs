//! Reading a document key by key: known keys, kinds of values, missing keys, and the diagnostics of all of it.

use std::cell::Cell;
use std::collections::BTreeMap;
use std::ops::Range;
use std::sync::Arc;

use super::csv::CsvTable;
use super::diagnostic::{Diagnostic, all_listed, quoted, suggestion, visible};
use super::document::Document;
use super::keys::Keys;
use super::overrides::{self, MemberValue, Override};
use super::source::SourceText;
use super::toml_tree::{Entry, Kind, Table, Value};
use crate::model::limits;

/// The largest number of names compared for suggestions in one compilation, since thousands of errors may each have
/// thousands of names.
const COMPARISONS: usize = 5_000_000;

/// The name of a value in messages: its dotted path.
pub(super) fn path(parent: &str, key: &str) -> String {
    if parent.is_empty() { visible(key) } else { format!("{parent}.{}", visible(key)) }
}

/// The document that is compiled, and the diagnostics so far. Every stage reads and reports through it.
pub(super) struct Reader<'a> {
    pub(super) source: &'a SourceText,
    /// The document with the overrides applied and the moves added.
    pub(super) root: &'a Table,
    /// The document without them.
    pub(super) original: &'a Table,
    /// The tables of cells, by the position at which they are named.
    tables: &'a BTreeMap<usize, Arc<CsvTable>>,
    /// The values that were set for single members.
    members: &'a [MemberValue],
    settings: &'a [Override],
    pub(super) diagnostics: Vec<Diagnostic>,
    /// The number of invalid cells that have been reported.
    pub(super) cell_errors: usize,
    /// The numbers of the first cells of columns that were read ahead, by table and column; NaN for an empty cell.
    pub(super) read_ahead: Vec<(Arc<CsvTable>, usize, Vec<f64>)>,
    /// The number of names that may still be compared for suggestions.
    comparisons: Cell<usize>,
}

impl<'a> Reader<'a> {
    /// Reads `root`, which is the document with `settings` applied and moves added, but those for single `members`.
    pub(super) fn new(
        document: &'a Document,
        root: &'a Table,
        members: &'a [MemberValue],
        settings: &'a [Override],
    ) -> Self {
        Self {
            source: document.source(),
            root,
            original: document.root(),
            tables: document.tables(),
            members,
            settings,
            diagnostics: Vec::new(),
            cell_errors: 0,
            read_ahead: Vec::new(),
            comparisons: Cell::new(COMPARISONS),
        }
    }

    /// The values of a field that were set for single members.
    pub(super) fn member_values(&self, path: &str) -> impl Iterator<Item = &'a MemberValue> {
        self.members.iter().filter(move |value| value.path == path)
    }

    /// The nearest name as a question, 'did you mean …?'; there may be very many names.
    pub(super) fn near<'n>(&self, name: &str, known: impl Iterator<Item = &'n str>) -> Option<String> {
        let known: Vec<&str> = known.take(self.comparisons.get()).collect();
        self.comparisons.set(self.comparisons.get() - known.len());
        suggestion(name, known)
    }

    /// The number of names that may still be compared for suggestions.
    pub(super) fn comparisons(&self) -> usize {
        self.comparisons.get()
    }

    pub(super) fn report(&mut self, diagnostic: Diagnostic) {
        self.diagnostics.push(diagnostic);
    }

    /// Reports keys that a table of this kind does not know.
    pub(super) fn known_keys(&mut self, table: &Table, known: &Keys) {
        let Keys { what, keys: known } = *known;
        for entry in &table.entries {
            if known.contains(&entry.key.as_str()) {
                continue;
            }
            let message = format!("{what} has no key {}", quoted(&entry.key));
            let help = suggestion(&entry.key, known.iter().copied())
                .unwrap_or_else(|| format!("its keys are {}", all_listed(known.iter().copied())));
            let error = Diagnostic::error("schema/unknown-key", message, Some(entry.key_span.clone())).help(help);
            let error = self.naming_override(&entry.value, error);
            self.report(error);
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

    /// A note with the `--set` that set a value, if one did.
    pub(super) fn naming_override(&self, value: &Value, diagnostic: Diagnostic) -> Diagnostic {
        match value.set_by.and_then(|number| self.settings.get(number)) {
            Some(setting) => diagnostic.note(overrides::provenance(setting), None),
            None => diagnostic,
        }
    }

    /// A table at the top of the file; `None` if it is missing.
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

    /// A short text that is shown in many places, such as a name.
    pub(super) fn short_text(&mut self, table: &'a Table, key: &str, parent: &str) -> Option<String> {
        let text = self.optional_text(table, key, parent)?;
        if text.len() > limits::NAME_LENGTH && text.chars().count() > limits::NAME_LENGTH {
            let message = format!("`{}` is longer than {} characters", path(parent, key), limits::NAME_LENGTH);
            let span = table.get(key).map(|entry| entry.value.span.clone());
            self.report(Diagnostic::error("limits/name", message, span).help("write the rest into `note`"));
            return None;
        }
        Some(text)
    }

    /// Checks the kind of free texts that are not kept.
    pub(super) fn free_texts(&mut self, table: &'a Table, keys: &[&str], parent: &str) {
        for key in keys {
            self.optional_text(table, key, parent);
        }
    }

    /// `true` or `false`; `default` if it is missing.
    pub(super) fn flag(&mut self, table: &'a Table, key: &str, parent: &str, default: bool) -> bool {
        let Some(entry) = table.get(key) else { return default };
        if let Kind::Boolean(value) = entry.value.kind {
            value
        } else {
            self.wrong_kind(&entry.value, &path(parent, key), "`true` or `false`", Some("write it without quotes"));
            default
        }
    }

    /// One text, or a list of texts, with their positions; `None` if it is something else.
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
                // An invalid element must not make the list look empty.
                (whole || !found.is_empty()).then_some(found)
            }
            _ => {
                self.wrong_kind(value, path, wanted, Some("put names in quotes"));
                None
            }
        }
    }

    /// The table of cells that a value names, which has been read with the scenario.
    pub(super) fn named_table(&mut self, value: &'a Value, at: &str) -> Option<Arc<CsvTable>> {
        self.text(value, at)?;
        self.table_at(value).cloned()
    }

    /// The table of cells that a value names.
    pub(super) fn table_at(&self, value: &Value) -> Option<&'a Arc<CsvTable>> {
        self.tables.get(&value.span.start)
    }

    /// A column of a table, by the text that names it.
    pub(super) fn find_column(&mut self, table: &CsvTable, value: &'a Value, at: &str) -> Option<usize> {
        let name = self.text(value, at)?;
        let found = table.column(name);
        if found.is_none() && !table.is_unread() {
            let message = format!("the table {} has no column {}", quoted(&table.name), quoted(name));
            let error = Diagnostic::error("table/column", message, Some(value.span.clone()));
            self.report(error.help(table.column_help(name)));
        }
        found
    }

    /// Reports an invalid cell. Errors beyond the number that is shown are only counted.
    pub(super) fn report_cell(
        &mut self,
        code: &'static str,
        message: String,
        help: impl Into<String>,
        table: &CsvTable,
        row: usize,
        column: usize,
    ) {
        self.cell_errors += 1;
        if self.cell_errors <= limits::DIAGNOSTICS + 1 {
            self.report(table.cell_error(code, message, row, column).help(help));
        }
    }
}
