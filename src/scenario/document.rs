//! A scenario file with the files that it refers to, which the caller provides as [`Attachments`]: the scenarios that
//! it extends, and its tables of cells.

use std::collections::BTreeMap;
use std::sync::Arc;

use super::csv::CsvTable;
use super::diagnostic::{Diagnostic, quoted, tidy};
use super::parse_toml::parse_one;
use super::source::SourceText;
use super::toml_tree::{Kind, Table, Value, shift_table};
use super::variant::{self, lay_over};
use crate::model::limits;

/// The role in which a scenario refers to a file.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Role {
    /// A scenario that another extends.
    Scenario,
    /// A table of cells.
    Table,
}

impl Role {
    /// Its name in messages.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Scenario => "scenario",
            Self::Table => "table",
        }
    }
}

/// The reason why a file cannot be read; the message is printed after "the table `parties.csv`".
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AttachmentError {
    /// The message, such as "does not exist".
    pub message: String,
    /// The remedy.
    pub help: String,
}

/// Provides the files that a scenario refers to.
///
/// A location is a path relative to the folder of the scenario file that is compiled, with `/` between its parts, and
/// in a canonical form: `..` only at its beginning, no `.`, no empty part.
pub trait Attachments {
    /// The bytes of a file, of which there are at most `limit`.
    ///
    /// # Errors
    /// If there is no such file, or it may not or cannot be read.
    fn read(&mut self, location: &str, role: Role, limit: u64) -> Result<Vec<u8>, AttachmentError>;
}

/// Provides no files: for scenarios that refer to none.
#[derive(Clone, Copy, Debug, Default)]
pub struct NoAttachments;

impl Attachments for NoAttachments {
    fn read(&mut self, _: &str, _: Role, _: u64) -> Result<Vec<u8>, AttachmentError> {
        Err(AttachmentError {
            message: "cannot be looked up here".into(),
            help: "a scenario that refers to other files must be read from a folder".into(),
        })
    }
}

/// Files in memory, by location.
impl Attachments for std::collections::BTreeMap<String, Vec<u8>> {
    fn read(&mut self, location: &str, _: Role, limit: u64) -> Result<Vec<u8>, AttachmentError> {
        let none = || AttachmentError { message: "does not exist".into(), help: "add the file".into() };
        let bytes = self.get(location).ok_or_else(none)?;
        if bytes.len() as u64 > limit { Err(too_large(limit)) } else { Ok(bytes.clone()) }
    }
}

/// The error of a file that is larger than its limit.
#[must_use]
pub fn too_large(limit: u64) -> AttachmentError {
    AttachmentError {
        message: format!("is larger than {} MiB", limit >> 20),
        help: "leave out what the scenario does not need".into(),
    }
}

/// A file that a scenario refers to, as it was read.
#[derive(Clone, Debug)]
pub struct Attachment {
    /// The location that was given to [`Attachments::read`].
    pub location: String,
    /// The role in which it is referred to.
    pub role: Role,
}

/// The location of the file to which `path` refers in the file at `from`.
///
/// # Errors
/// A message and a remedy, if a scenario must not use such a path.
fn locate(from: &str, path: &str, role: Role) -> Result<String, (String, &'static str)> {
    let wrong = |what: &str, help| Err((format!("the path {} {what}", quoted(path)), help));
    if path.is_empty() {
        return wrong("is empty", "name a file, such as `parties.csv`");
    }
    if path.contains(['\\', '\0', ':']) || path.chars().any(char::is_control) {
        return wrong("has a character in it that paths may not have", "write `/` between folders, and plain names");
    }
    if path.starts_with('/') || path.starts_with('~') {
        return wrong("is absolute", "write it relative to the folder of the file that names it");
    }
    let mut parts: Vec<&str> = from.split('/').collect();
    parts.pop();
    for part in path.split('/') {
        match part {
            "" => return wrong("has an empty part", "write `folder/file`"),
            "." => {}
            ".." if role == Role::Table => {
                return wrong("leads out of its folder", "keep the table beside the file that names it, or below");
            }
            ".." if parts.last().is_some_and(|&last| last != "..") => {
                parts.pop();
            }
            part => parts.push(part),
        }
    }
    match parts.last() {
        None | Some(&"..") => wrong("names a folder", "name a file"),
        Some(_) => Ok(parts.join("/")),
    }
}

/// The name of a file at a location, for messages; the name of the scenario itself is `main`.
fn display_name(main: &str, location: &str) -> String {
    let folder = main.rfind(['/', '\\']).map_or("", |at| &main[..=at]);
    format!("{folder}{location}")
}

/// A scenario file, parsed as TOML but not yet compiled, merged with the scenario that it extends, and its tables.
#[derive(Clone, Debug)]
pub struct Document {
    source: SourceText,
    root: Table,
    /// The other files, in the order in which they were read.
    attachments: Vec<(Attachment, Bytes)>,
    /// By the position of the `table` that names it.
    tables: BTreeMap<usize, Arc<CsvTable>>,
    /// The paths of the tables, relative to the folder of this file.
    paths: BTreeMap<usize, String>,
}

/// The content of an attached file.
#[derive(Clone, Debug)]
enum Bytes {
    Scenario(Arc<[u8]>),
    Table(Arc<CsvTable>),
}

/// The errors of a document that cannot be read, with the texts to which they refer.
#[derive(Clone, Debug)]
pub struct Unreadable {
    /// All errors.
    pub diagnostics: Vec<Diagnostic>,
    /// The texts of the files that have been read.
    pub source: SourceText,
}

impl Document {
    /// Parses the bytes of a file as TOML. It must not refer to other files.
    ///
    /// # Errors
    /// All parts that are not valid TOML, or refer to another file.
    pub fn parse(name: &str, bytes: &[u8]) -> Result<Self, Vec<Diagnostic>> {
        Self::open(name, bytes, &mut NoAttachments).map_err(|unreadable| unreadable.diagnostics)
    }

    /// Parses a file's bytes as TOML, and the scenarios that it extends, and the tables that it names.
    ///
    /// # Errors
    /// All parts that are not valid TOML, all invalid tables, and all files that cannot be read.
    pub fn open(name: &str, bytes: &[u8], attachments: &mut dyn Attachments) -> Result<Self, Box<Unreadable>> {
        let mut loader = Loader::new(name, bytes, attachments);
        let root = loader.load();
        let Loader { source, diagnostics, files, tables, paths, .. } = loader;
        match root {
            Some(root) if diagnostics.is_empty() => Ok(Self { source, root, attachments: files, tables, paths }),
            _ => Err(Box::new(Unreadable { diagnostics: tidy(diagnostics), source })),
        }
    }

    /// The texts of the file and of those that it extends, for showing places in them.
    #[must_use]
    pub fn source(&self) -> &SourceText {
        &self.source
    }

    /// The text of the file itself, without its byte-order mark.
    #[must_use]
    pub fn text(&self) -> &str {
        self.source.own_text()
    }

    /// The files that it refers to, with their bytes, in the order in which they were read.
    pub fn attachments(&self) -> impl Iterator<Item = (&Attachment, &[u8])> {
        self.attachments.iter().map(|(attachment, bytes)| {
            let bytes = match bytes {
                Bytes::Scenario(bytes) => &**bytes,
                Bytes::Table(table) => table.bytes(),
            };
            (attachment, bytes)
        })
    }

    /// The scenario, merged with the scenarios that it extends, as one TOML file. Tables remain separate files.
    #[must_use]
    pub fn show(&self) -> String {
        variant::show(&self.root, variant::Printed { text: self.source.text(), paths: &self.paths })
    }

    /// The outermost table, after merging.
    pub(super) fn root(&self) -> &Table {
        &self.root
    }

    /// The tables of cells, by the position at which they are named.
    pub(super) fn tables(&self) -> &BTreeMap<usize, Arc<CsvTable>> {
        &self.tables
    }
}

/// A document that is being read.
struct Loader<'a> {
    attachments: &'a mut dyn Attachments,
    source: SourceText,
    /// The location of each part of the source.
    locations: Vec<String>,
    bytes: &'a [u8],
    diagnostics: Vec<Diagnostic>,
    files: Vec<(Attachment, Bytes)>,
    tables: BTreeMap<usize, Arc<CsvTable>>,
    paths: BTreeMap<usize, String>,
}

impl<'a> Loader<'a> {
    fn new(name: &str, bytes: &'a [u8], attachments: &'a mut dyn Attachments) -> Self {
        let file = name.rsplit(['/', '\\']).next().unwrap_or(name);
        Self {
            attachments,
            source: SourceText::lossy(name, bytes),
            locations: vec![file.to_owned()],
            bytes,
            diagnostics: Vec::new(),
            files: Vec::new(),
            tables: BTreeMap::new(),
            paths: BTreeMap::new(),
        }
    }

    fn load(&mut self) -> Option<Table> {
        let (source, root, wrong) = parse_one(self.source.name(), self.bytes);
        self.diagnostics.extend(wrong);
        self.source = source?;
        let root = root?;
        if root.has("extends") {
            self.check_format(&root, 0);
        }
        let mut layers = vec![root];
        while let Some(base) = self.extended(&layers)? {
            layers.push(base);
        }
        let mut root = layers.pop()?;
        while let Some(over) = layers.pop() {
            let (laid, wrong) = lay_over(root, over);
            self.diagnostics.extend(wrong);
            root = laid;
        }
        if self.diagnostics.is_empty() {
            self.load_tables(&root);
        }
        Some(root)
    }

    /// The scenario that the last of the layers extends: `Some(None)` if it extends none, `None` if the key is invalid.
    #[expect(clippy::option_option, reason = "nothing to extend, or something wrong")]
    fn extended(&mut self, layers: &[Table]) -> Option<Option<Table>> {
        let layer = layers.last()?;
        let Some(entry) = layer.get("extends") else {
            if let Some(entry) = layer.get("remove") {
                let message = "there is a `remove`, but no `extends`";
                let error = Diagnostic::error("variant/remove", message, Some(entry.key_span.clone()));
                self.diagnostics.push(error.help("name the scenario to remove from: `extends = \"base.toml\"`"));
                return None;
            }
            return Some(None);
        };
        let value = &entry.value;
        let Kind::String(path) = &value.kind else {
            let message = format!("`extends` must be a text, but is {}", value.kind.description());
            let error = Diagnostic::error("schema/kind", message, Some(value.span.clone()));
            self.diagnostics.push(error.help("write the path of a scenario file: `extends = \"base.toml\"`"));
            return None;
        };
        let location = self.locate(value, path, Role::Scenario)?;
        let refused = if self.locations.contains(&location) {
            Some(("the scenarios extend each other in a circle".to_owned(), "let one of them extend nothing"))
        } else if layers.len() > limits::EXTENDED {
            let message = format!("more than {} scenarios extend each other", limits::EXTENDED);
            Some((message, "write some of them into one; `backstop show` prints them as one file"))
        } else {
            None
        };
        if let Some((message, help)) = refused {
            let error = Diagnostic::error("variant/extends", message, Some(value.span.clone()));
            self.diagnostics.push(error.help(help));
            return None;
        }
        let bytes = self.read(value, &location, Role::Scenario, limits::FILE_BYTES)?;
        let name = display_name(self.source.name(), &location);
        let (source, root, wrong) = parse_one(&name, &bytes);
        let source = source.unwrap_or_else(|| SourceText::lossy(&name, &bytes));
        let start = self.source.append(&source);
        self.locations.push(location.clone());
        let attachment = Attachment { location, role: Role::Scenario };
        self.files.push((attachment, Bytes::Scenario(bytes.into())));
        self.diagnostics.extend(wrong.into_iter().map(|error| error.moved(start)));
        let mut root = root?;
        shift_table(&mut root, start);
        self.check_format(&root, start);
        Some(Some(root))
    }

    /// Every file has a `format` of its own; that of the first is checked when it is compiled.
    fn check_format(&mut self, root: &Table, start: usize) {
        let (message, span) = match root.get("format").map(|entry| &entry.value) {
            None => ("the file has no `format`".to_owned(), start..start),
            Some(Value { kind: Kind::Integer(1), .. }) => return,
            Some(value) => ("`format` is not 1, and this program reads format 1 only".to_owned(), value.span.clone()),
        };
        let error = Diagnostic::error("schema/format", message, Some(span));
        self.diagnostics.push(error.help("write `format = 1` at the top"));
    }

    fn locate(&mut self, value: &Value, path: &str, role: Role) -> Option<String> {
        let from = &self.locations[self.source.file_at(value.span.start)];
        match locate(from, path, role) {
            Ok(location) => Some(location),
            Err((message, help)) => {
                let error = Diagnostic::error("attachment/path", message, Some(value.span.clone()));
                self.diagnostics.push(error.help(help));
                None
            }
        }
    }

    fn read(&mut self, value: &Value, location: &str, role: Role, limit: u64) -> Option<Vec<u8>> {
        match self.attachments.read(location, role, limit) {
            Ok(bytes) => Some(bytes),
            Err(error) => {
                let name = quoted(&display_name(self.source.name(), location));
                let message = format!("the {} {name} {}", role.name(), error.message);
                let diagnostic = Diagnostic::error("attachment/read", message, Some(value.span.clone()));
                self.diagnostics.push(diagnostic.help(error.help));
                None
            }
        }
    }

    /// Reads every table that the scenario names, each file once.
    fn load_tables(&mut self, root: &Table) {
        let mut known: BTreeMap<String, Option<Arc<CsvTable>>> = BTreeMap::new();
        for value in named_tables(root) {
            let Kind::String(path) = &value.kind else { continue };
            let Some(location) = self.locate(value, path, Role::Table) else { continue };
            if known.len() == limits::TABLES && !known.contains_key(&location) {
                let message = format!("the scenario names more than {} tables", limits::TABLES);
                let error = Diagnostic::error("limits/tables", message, Some(value.span.clone()));
                self.diagnostics.push(error.help("put what belongs together into one table"));
                return;
            }
            if !known.contains_key(&location) {
                let table = self.load_table(value, &location);
                known.insert(location.clone(), table);
            }
            if let Some(Some(table)) = known.get(&location) {
                self.tables.insert(value.span.start, Arc::clone(table));
                self.paths.insert(value.span.start, location);
            }
        }
    }

    fn load_table(&mut self, value: &Value, location: &str) -> Option<Arc<CsvTable>> {
        let bytes = self.read(value, location, Role::Table, limits::TABLE_BYTES)?;
        let name = display_name(self.source.name(), location);
        match CsvTable::parse(&name, bytes) {
            Ok(table) => {
                let table = Arc::new(table);
                let attachment = Attachment { location: location.to_owned(), role: Role::Table };
                self.files.push((attachment, Bytes::Table(Arc::clone(&table))));
                Some(table)
            }
            Err(error) => {
                self.diagnostics.push(error.note("the table is named here", Some(value.span.clone())));
                None
            }
        }
    }
}

/// The places at which a scenario names a table.
fn named_tables(root: &Table) -> Vec<&Value> {
    fn of<'t>(value: &'t Value, found: &mut Vec<&'t Value>) {
        if let Kind::Table(table) = &value.kind {
            found.extend(table.get("table").map(|entry| &entry.value));
        }
    }
    let mut found = Vec::new();
    for section in ["cohorts", "data"] {
        if let Some(Kind::Table(things)) = root.get(section).map(|entry| &entry.value.kind) {
            things.entries.iter().for_each(|entry| of(&entry.value, &mut found));
        }
    }
    let pairs = match root.get("trust").map(|entry| &entry.value.kind) {
        Some(Kind::Table(trust)) => trust.get("pairs"),
        _ => None,
    };
    for entry in [root.get("influence"), pairs].into_iter().flatten() {
        if let Kind::Array(list) = &entry.value.kind {
            list.iter().for_each(|value| of(value, &mut found));
        }
    }
    found
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn paths_are_relative_to_the_file_that_names_them() {
        let located = |from, path, role| locate(from, path, role).map_err(|(message, _)| message);
        assert_eq!(located("a.toml", "b.toml", Role::Scenario).unwrap(), "b.toml");
        assert_eq!(located("x/a.toml", "../b.toml", Role::Scenario).unwrap(), "b.toml");
        assert_eq!(located("a.toml", "../../y/./b.toml", Role::Scenario).unwrap(), "../../y/b.toml");
        assert_eq!(located("../x/a.toml", "t/b.csv", Role::Table).unwrap(), "../x/t/b.csv");
        for path in ["../b.csv", "t/../b.csv", "/etc/passwd", "", "t//b.csv", "C:\\b.csv", "a\nb"] {
            assert!(located("a.toml", path, Role::Table).is_err(), "{path}");
        }
        assert!(located("a.toml", "..", Role::Scenario).is_err());
    }
}
