//! A TOML document as a tree with the position of every key and value, in order of first appearance.

use std::ops::Range;

use crate::model::Shape;

/// A table, its keys in order of first appearance in the file.
#[derive(Clone, Debug, Default)]
pub(super) struct Table {
    /// Its entries.
    pub(super) entries: Vec<Entry>,
}

/// A key and its value.
#[derive(Clone, Debug)]
pub(super) struct Entry {
    /// The key.
    pub(super) key: String,
    /// The position of the key (of a header: its last part).
    pub(super) key_span: Range<usize>,
    /// The value.
    pub(super) value: Value,
}

/// A value and its position.
#[derive(Clone, Debug)]
pub(super) struct Value {
    /// Its content.
    pub(super) kind: Kind,
    /// Its position.
    pub(super) span: Range<usize>,
    /// The override that set it, by position, if one did.
    pub(super) set_by: Option<usize>,
}

/// A date, a time of day, or both.
#[derive(Clone, Copy, Debug)]
pub(super) struct Datetime {
    /// Year, month and day.
    pub(super) date: Option<(u16, u8, u8)>,
    /// Hour, minute, second and nanosecond.
    pub(super) time: Option<(u8, u8, u8, u32)>,
    /// Whether it has an offset from UTC.
    pub(super) offset: bool,
}

/// The content of a value.
#[derive(Clone, Debug)]
pub(super) enum Kind {
    String(String),
    Integer(i64),
    Float(f64),
    Boolean(bool),
    Datetime(Datetime),
    Array(Vec<Value>),
    Table(Table),
}

impl Kind {
    /// Its kind in messages, with an article.
    pub(super) fn description(&self) -> &'static str {
        match self {
            Self::String(_) => "a text",
            Self::Integer(_) | Self::Float(_) => "a number",
            Self::Boolean(_) => "a boolean",
            Self::Datetime(Datetime { date: Some(_), .. }) => "a date",
            Self::Datetime(_) => "a time of day",
            Self::Array(_) => "a list",
            Self::Table(_) => "a table",
        }
    }
}

impl Table {
    /// The entry of a key.
    pub(super) fn get(&self, key: &str) -> Option<&Entry> {
        self.entries.iter().find(|entry| entry.key == key)
    }

    /// Whether it has a key.
    pub(super) fn has(&self, key: &str) -> bool {
        self.get(key).is_some()
    }
}

impl Value {
    /// The value of an integer or a float.
    pub(super) fn number(&self) -> Option<f64> {
        match self.kind {
            #[expect(clippy::cast_precision_loss, reason = "the nearest float is what a number means here")]
            Kind::Integer(value) => Some(value as f64),
            Kind::Float(value) => Some(value),
            _ => None,
        }
    }
}

/// Whether a table is a parameter in the long form, rather than a distribution.
pub(super) fn is_long_form(table: &Table) -> bool {
    !table.entries.iter().any(|entry| Shape::named(&entry.key).is_some())
}

/// Shifts all positions by the length of the preceding texts.
pub(super) fn shift_table(table: &mut Table, by: usize) {
    for entry in &mut table.entries {
        entry.key_span = entry.key_span.start + by..entry.key_span.end + by;
        shift_value(&mut entry.value, by);
    }
}

fn shift_value(value: &mut Value, by: usize) {
    value.span = value.span.start + by..value.span.end + by;
    match &mut value.kind {
        Kind::Array(list) => list.iter_mut().for_each(|element| shift_value(element, by)),
        Kind::Table(table) => shift_table(table, by),
        Kind::String(_) | Kind::Integer(_) | Kind::Float(_) | Kind::Boolean(_) | Kind::Datetime(_) => {}
    }
}

/// Whether a table refers to a column of a table of cells.
pub(super) fn is_column(table: &Table) -> bool {
    table.has("column")
}
