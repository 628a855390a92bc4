//! The `[sweep]` table: the defaults for a sweep of the scenario. Only its form is checked here; the numbers are
//! checked by `sweep`.

use std::fmt;
use std::ops::Range;

use super::diagnostic::Diagnostic;
use super::document::Document;
use super::draft::Draft;
use super::keys;
use super::set_value::SetValue;
use super::toml_tree::{Kind, Table, Value};

/// A name and its values.
#[derive(Clone, Debug, PartialEq)]
pub struct Varied {
    /// A parameter, or the dotted path of a number.
    pub name: String,
    /// Its values.
    pub values: VariedValues,
    /// Its position.
    pub span: Range<usize>,
}

/// The values of a varied name.
#[derive(Clone, Debug, PartialEq)]
pub enum VariedValues {
    /// A text, as on the command line: `A:B:N`, `A:B:N:log` or `V,V,…`.
    Text(String),
    /// A list of them.
    List(Vec<SetValue>),
}

/// As on the command line.
impl fmt::Display for VariedValues {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Text(text) => f.write_str(text),
            Self::List(values) => {
                let values: Vec<String> = values.iter().map(ToString::to_string).collect();
                f.write_str(&values.join(","))
            }
        }
    }
}

/// The `[sweep]` table of a document.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct SweepTable {
    /// `vary = { NAME = [V, V, …], NAME = "A:B:N" }`, in the order of the file.
    pub vary: Vec<Varied>,
    /// `zip = true`
    pub zip: Option<bool>,
    /// `sample = "lhs:N"`
    pub sample: Option<String>,
    /// `over = ["NAME"]`
    pub over: Vec<String>,
    /// `replicates = N`
    pub replicates: Option<u64>,
    /// `seed = N`
    pub seed: Option<u64>,
    /// `independent = true`
    pub independent: Option<bool>,
}

impl Document {
    /// The `[sweep]` table, if there is one; entries of an invalid form are left out, and reported by `compile`.
    #[must_use]
    pub fn sweep(&self) -> Option<SweepTable> {
        let Kind::Table(table) = &self.root().get("sweep")?.value.kind else { return None };
        let mut found = SweepTable::default();
        for entry in &table.entries {
            match (entry.key.as_str(), &entry.value.kind) {
                ("vary", Kind::Table(vary)) => flatten(vary, "", &mut found.vary),
                ("zip", Kind::Boolean(value)) => found.zip = Some(*value),
                ("independent", Kind::Boolean(value)) => found.independent = Some(*value),
                ("sample", Kind::String(value)) => found.sample = Some(value.clone()),
                ("over", Kind::Array(values)) => found.over = texts(values),
                ("replicates", Kind::Integer(value)) => found.replicates = u64::try_from(*value).ok(),
                ("seed", Kind::Integer(value)) => found.seed = u64::try_from(*value).ok(),
                _ => {}
            }
        }
        Some(found)
    }
}

/// Names of nested tables are dotted paths.
fn flatten(table: &Table, parent: &str, found: &mut Vec<Varied>) {
    for entry in &table.entries {
        let name = if parent.is_empty() { entry.key.clone() } else { format!("{parent}.{}", entry.key) };
        match &entry.value.kind {
            Kind::Table(inner) => flatten(inner, &name, found),
            _ => {
                if let Some(values) = values(&entry.value) {
                    found.push(Varied { name, values, span: entry.value.span.clone() });
                }
            }
        }
    }
}

fn values(value: &Value) -> Option<VariedValues> {
    match &value.kind {
        Kind::String(text) => Some(VariedValues::Text(text.clone())),
        Kind::Array(values) if !values.is_empty() => {
            let values: Option<Vec<SetValue>> = values.iter().map(|value| SetValue::of(&value.kind)).collect();
            values.map(VariedValues::List)
        }
        _ => None,
    }
}

fn texts(values: &[Value]) -> Vec<String> {
    let text = |value: &Value| if let Kind::String(text) = &value.kind { Some(text.clone()) } else { None };
    values.iter().filter_map(text).collect()
}

impl<'a> Draft<'a> {
    /// Checks the form of the `[sweep]` table.
    pub(super) fn check_sweep(&mut self) {
        let Some(table) = self.reader.section("sweep") else { return };
        self.reader.known_keys(table, &keys::SWEEP);
        self.reader.free_texts(table, &["note"], "sweep");
        for entry in &table.entries {
            let place = super::reader::path("sweep", &entry.key);
            match (entry.key.as_str(), &entry.value.kind) {
                ("vary", _) => {
                    if let Some(vary) = self.reader.table(&entry.value, &place) {
                        self.check_varied(vary, &place);
                    }
                }
                ("zip" | "independent", Kind::Boolean(_)) | ("sample", Kind::String(_)) => {}
                ("zip" | "independent", _) => self.reader.wrong_kind(&entry.value, &place, "true or false", None),
                ("sample", _) => {
                    self.reader.wrong_kind(&entry.value, &place, "a text", Some("write `sample = \"lhs:100\"`"));
                }
                ("over", kind) => {
                    let is_texts = matches!(kind, Kind::Array(names) if texts(names).len() == names.len());
                    if !is_texts {
                        let help = "write `over = [\"floor\"]`, the names of parameters";
                        self.reader.wrong_kind(&entry.value, &place, "a list of texts", Some(help));
                    }
                }
                ("replicates" | "seed", Kind::Integer(value)) if *value < i64::from(entry.key == "replicates") => {
                    let least = i64::from(entry.key == "replicates");
                    let message = format!("`{place}` must be a whole number from {least}, but is {value}");
                    let error = Diagnostic::error("domain/whole", message, Some(entry.value.span.clone()));
                    self.reader.report(error.help(format!("write `{} = 100`", entry.key)));
                }
                ("replicates", kind) if !matches!(kind, Kind::Integer(1..)) => {
                    self.reader.wrong_kind(
                        &entry.value,
                        &place,
                        "a whole number from 1",
                        Some("write `replicates = 100`"),
                    );
                }
                ("seed", kind) if !matches!(kind, Kind::Integer(0..)) => {
                    self.reader.wrong_kind(&entry.value, &place, "a whole number from 0", Some("write `seed = 7`"));
                }
                _ => {}
            }
        }
    }

    fn check_varied(&mut self, table: &'a Table, parent: &str) {
        for entry in &table.entries {
            let place = super::reader::path(parent, &entry.key);
            match &entry.value.kind {
                Kind::Table(inner) => self.check_varied(inner, &place),
                Kind::Array(values) if values.is_empty() => {
                    let error = Diagnostic::error(
                        "domain/empty",
                        format!("`{place}` is an empty list"),
                        Some(entry.value.span.clone()),
                    );
                    self.reader.report(error.help("list at least one value, or remove the name"));
                }
                _ if values(&entry.value).is_some() => {}
                _ => {
                    let help = "write `floor = [1, 2, 3]` or `floor = \"0:60000:7\"`";
                    self.reader.wrong_kind(
                        &entry.value,
                        &place,
                        "a list of numbers, dates or booleans, or a text such as `0:1:11`",
                        Some(help),
                    );
                }
            }
        }
    }
}
