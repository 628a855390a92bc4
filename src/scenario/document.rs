//! A TOML document as a tree that knows where everything stands and in which order it first appeared, with the files
//! that it refers to.

use std::collections::BTreeMap;
use std::ops::Range;
use std::sync::Arc;

use toml::Spanned;
use toml::de::{DeArray, DeTable, DeValue};
use toml_parser::lexer::TokenKind;

use super::attachments::{Attachment, Attachments, NoAttachments, Role, display_name, locate};
use super::csv::CsvTable;
use super::diagnostic::{Diagnostic, quoted, tidy};
use super::source::SourceText;
use super::variant::lay_over;
use super::{show, toml_error};
use crate::model::{Shape, limits};

/// A scenario file, parsed as TOML and not yet understood, laid over the scenario that it extends, with its tables.
#[derive(Clone, Debug)]
pub struct Document {
    source: SourceText,
    root: Table,
    /// The other files, in the order in which they were read.
    attachments: Vec<(Attachment, Bytes)>,
    /// By the place of the `table` that names it.
    tables: BTreeMap<usize, Arc<CsvTable>>,
    /// Where those tables are, from the folder of this file.
    paths: BTreeMap<usize, String>,
}

/// What a file consists of.
#[derive(Clone, Debug)]
enum Bytes {
    Scenario(Arc<[u8]>),
    Table(Arc<CsvTable>),
}

/// A document that cannot be read: why, and the texts that this is about.
#[derive(Clone, Debug)]
pub struct Unreadable {
    /// Everything that is wrong.
    pub diagnostics: Vec<Diagnostic>,
    /// The texts of the files that have been read.
    pub source: SourceText,
}

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
    /// Where the key stands (of a header: its last part).
    pub(super) key_span: Range<usize>,
    /// The value.
    pub(super) value: Value,
}

/// A value and where it stands.
#[derive(Clone, Debug)]
pub(super) struct Value {
    /// What it is.
    pub(super) kind: Kind,
    /// Where it stands.
    pub(super) span: Range<usize>,
    /// The override that gave it, by position, if one did.
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

/// What a value is.
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
    /// What it is, in words, with an article.
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
    /// The number that it is written as.
    pub(super) fn number(&self) -> Option<f64> {
        match self.kind {
            #[expect(clippy::cast_precision_loss, reason = "the nearest float is what a number means here")]
            Kind::Integer(value) => Some(value as f64),
            Kind::Float(value) => Some(value),
            _ => None,
        }
    }
}

/// A table that names what a parameter is, rather than a distribution.
pub(super) fn is_long_form(table: &Table) -> bool {
    !table.entries.iter().any(|entry| Shape::named(&entry.key).is_some())
}

impl Document {
    /// Parses a file's bytes as TOML. It must stand alone.
    ///
    /// # Errors
    /// Everything in it that is not TOML, or refers to another file.
    pub fn parse(name: &str, bytes: &[u8]) -> Result<Self, Vec<Diagnostic>> {
        Self::open(name, bytes, &mut NoAttachments).map_err(|unreadable| unreadable.diagnostics)
    }

    /// Parses a file's bytes as TOML, and the scenarios that it extends, and the tables that it names.
    ///
    /// # Errors
    /// Everything that is not TOML or no table, and every file that cannot be had.
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

    /// The scenario as one file: with what it extends, as TOML. Tables stay files of their own.
    #[must_use]
    pub fn show(&self) -> String {
        show::show(&self.root, show::Origin { text: self.source.text(), paths: &self.paths })
    }

    /// The outermost table, with everything laid over.
    pub(super) fn root(&self) -> &Table {
        &self.root
    }

    /// The tables of cells that it names, by the place at which they are named.
    pub(super) fn tables(&self) -> &BTreeMap<usize, Arc<CsvTable>> {
        &self.tables
    }
}

/// A document that is being read.
struct Loader<'a> {
    attachments: &'a mut dyn Attachments,
    source: SourceText,
    /// Where each part of the source was found.
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

    /// The scenario that the last of the layers extends; none inside if it extends nothing, none if that is wrong.
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

/// Parses one file: its text, where it is one, and its tables, where it is TOML.
fn parse_one(name: &str, bytes: &[u8]) -> (Option<SourceText>, Option<Table>, Vec<Diagnostic>) {
    let source = match SourceText::read(name, bytes) {
        Ok(source) => source,
        Err(error) => return (None, None, vec![*error]),
    };
    if let Err(error) = check_depth(source.text()) {
        return (Some(source), None, vec![*error]);
    }
    let (root, errors) = DeTable::parse_recoverable(source.text());
    let mut diagnostics = toml_error::explain(&source, &errors);
    let root = table(root.get_ref(), source.text(), &mut diagnostics);
    let root = diagnostics.is_empty().then_some(root);
    (Some(source), root, diagnostics)
}

/// Moves all places behind the texts that come before.
fn shift_table(table: &mut Table, by: usize) {
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

/// Refuses what nests too deep before anything recurses into it: brackets and dotted keys, as the parser's own
/// lexer sees them.
fn check_depth(text: &str) -> Result<(), Box<Diagnostic>> {
    let mut header = 0;
    let mut open: Vec<usize> = Vec::new();
    let mut dots = 0;
    let mut line_begins = true;
    let mut in_header = false;
    let mut depth = 0;
    for token in toml_parser::Source::new(text).lex() {
        match token.kind() {
            TokenKind::Whitespace => continue,
            TokenKind::Newline if open.is_empty() || in_header => {
                if in_header {
                    header = dots + 1;
                    open.clear();
                    in_header = false;
                }
                depth = 0;
                dots = 0;
                line_begins = true;
                continue;
            }
            TokenKind::LeftSquareBracket if line_begins && open.is_empty() => {
                in_header = true;
                header = 0;
            }
            TokenKind::LeftSquareBracket | TokenKind::LeftCurlyBracket if !in_header => {
                open.push(dots + 1);
                depth += dots + 1;
                dots = 0;
            }
            TokenKind::RightSquareBracket | TokenKind::RightCurlyBracket if !in_header => {
                depth -= open.pop().unwrap_or(0);
                dots = 0;
            }
            TokenKind::Comma => dots = 0,
            TokenKind::Dot => dots += 1,
            _ => {}
        }
        line_begins = false;
        if header + depth + dots > limits::NESTING {
            let message = format!("tables and lists nest more than {} deep", limits::NESTING);
            let span = token.span();
            let error = Diagnostic::error("toml/depth", message, Some(span.start()..span.end()));
            return Err(Box::new(error.help("no scenario needs more than a few levels")));
        }
    }
    Ok(())
}

fn table(table: &DeTable<'_>, text: &str, diagnostics: &mut Vec<Diagnostic>) -> Table {
    let mut entries: Vec<(usize, Entry)> = table
        .iter()
        .map(|(key, value)| {
            let first = appearance(key, value);
            let value = self::value(value, text, diagnostics);
            (first, Entry { key: key.get_ref().to_string(), key_span: key.span(), value })
        })
        .collect();
    entries.sort_by_key(|&(first, _)| first);
    Table { entries: entries.into_iter().map(|(_, entry)| entry).collect() }
}

/// Where an entry first appears: a header that comes later (`[a]` after `[a.b]`) replaces the key's own span.
fn appearance(key: &Spanned<std::borrow::Cow<'_, str>>, value: &Spanned<DeValue<'_>>) -> usize {
    let mut first = key.span().start;
    if let DeValue::Table(table) = value.get_ref() {
        for (key, value) in table {
            first = first.min(appearance(key, value));
        }
    }
    first
}

fn value(value: &Spanned<DeValue<'_>>, text: &str, diagnostics: &mut Vec<Diagnostic>) -> Value {
    let span = value.span();
    let kind = match value.get_ref() {
        DeValue::String(string) => Kind::String(string.to_string()),
        DeValue::Boolean(boolean) => Kind::Boolean(*boolean),
        DeValue::Datetime(moment) => Kind::Datetime(Datetime {
            date: moment.date.map(|date| (date.year, date.month, date.day)),
            time: moment
                .time
                .map(|time| (time.hour, time.minute, time.second.unwrap_or(0), time.nanosecond.unwrap_or(0))),
            offset: moment.offset.is_some(),
        }),
        DeValue::Integer(integer) => Kind::Integer(match i64::from_str_radix(integer.as_str(), integer.radix()) {
            Ok(value) => exact(value, &span, diagnostics),
            Err(_) => out_of_range(span.clone(), text, diagnostics),
        }),
        DeValue::Float(float) => match float.as_str().parse::<f64>() {
            Ok(value) if value.is_finite() || float.as_str().contains(['i', 'n']) => Kind::Float(value),
            _ => {
                out_of_range(span.clone(), text, diagnostics);
                Kind::Float(0.0)
            }
        },
        DeValue::Array(array) => Kind::Array(array_values(array, text, diagnostics)),
        DeValue::Table(inner) => Kind::Table(table(inner, text, diagnostics)),
    };
    Value { kind, span, set_by: None }
}

fn array_values(array: &DeArray<'_>, text: &str, diagnostics: &mut Vec<Diagnostic>) -> Vec<Value> {
    array.iter().map(|element| value(element, text, diagnostics)).collect()
}

/// Refuses a whole number that is not held exactly: what the file says would not be what is run.
fn exact(value: i64, span: &Range<usize>, diagnostics: &mut Vec<Diagnostic>) -> i64 {
    #[expect(clippy::cast_precision_loss, clippy::cast_possible_truncation, reason = "it is what is looked at")]
    let held = value as f64 as i128;
    if held != i128::from(value) {
        let message = format!("the whole number {value} is not held exactly, and would be {held}");
        diagnostics.push(
            Diagnostic::error("toml/number", message, Some(span.clone()))
                .help("beyond 9007199254740992 not all whole numbers are held exactly: count in a larger unit"),
        );
    }
    value
}

fn out_of_range(span: Range<usize>, text: &str, diagnostics: &mut Vec<Diagnostic>) -> i64 {
    let written = super::diagnostic::quoted(text.get(span.clone()).unwrap_or(""));
    // What is no number at all has been reported by the parser already.
    if diagnostics
        .iter()
        .all(|other| other.span.as_ref().is_none_or(|other| other.start < span.start || other.start > span.end))
    {
        diagnostics.push(
            Diagnostic::error("toml/number", format!("the number {written} is too large"), Some(span))
                .help("whole numbers end at 9223372036854775807, other numbers at about 1.8e308"),
        );
    }
    0
}

#[cfg(test)]
mod tests {
    use super::*;

    fn keys(text: &str, path: &[&str]) -> Vec<String> {
        let document = Document::parse("test", text.as_bytes()).unwrap();
        let mut table = document.root().clone();
        for key in path {
            let Kind::Table(inner) = table.get(key).unwrap().value.kind.clone() else { panic!("a table") };
            table = inner;
        }
        table.entries.into_iter().map(|entry| entry.key).collect()
    }

    #[test]
    fn keys_stand_in_order_of_first_appearance() {
        let text = "[commitments.b.gives]\nx = 1\n[commitments.a]\ny = 1\n[commitments.b]\nz = 1\n";
        assert_eq!(keys(text, &["commitments"]), ["b", "a"]);
        assert_eq!(keys(text, &["commitments", "b"]), ["gives", "z"]);
        assert_eq!(keys("[b.c.d]\n[a]\n[b.c]\n[b]\n", &[]), ["b", "a"]);
        assert_eq!(keys("b.x = 1\na = 1\nb.y = 1\n", &[]), ["b", "a"]);
        assert_eq!(keys("[[b.list]]\n[a]\n[b]\n[[b.list]]\n", &[]), ["b", "a"]);
    }

    fn refused(text: &str) -> String {
        Document::parse("test", text.as_bytes()).unwrap_err()[0].message.clone()
    }

    #[test]
    fn depth_is_refused_without_recursion() {
        for text in [
            format!("a = {}", "[".repeat(1_000_000)),
            format!("a = {}", "{a=".repeat(100_000)),
            format!("{}a = 1", "a.".repeat(1_000_000)),
            format!("[{}a]", "a.".repeat(1_000_000)),
            format!("[{}a]\n{}a = 1", "a.".repeat(200), "a.".repeat(60)),
            format!("a = {{ {}a = {{ {}a = 1 }} }}", "a.".repeat(200), "a.".repeat(60)),
        ] {
            assert_eq!(refused(&text), "tables and lists nest more than 256 deep");
        }
    }

    #[test]
    fn numbers_out_of_range_are_refused() {
        assert_eq!(refused("a = 99999999999999999999"), "the number `99999999999999999999` is too large");
        assert_eq!(
            refused("a = [1, -9007199254740993]"),
            "the whole number -9007199254740993 is not held exactly, and would be -9007199254740992"
        );
        assert_eq!(refused("a = 1e999"), "the number `1e999` is too large");
        assert!(Document::parse("test", b"a = [inf, -inf, nan, -9223372036854775808, 0xff, 1_0.5]").is_ok());
    }
}
