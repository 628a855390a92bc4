//! A TOML document as a tree that knows where everything stands and in which order it first appeared.

use std::ops::Range;

use toml::Spanned;
use toml::de::{DeArray, DeTable, DeValue};
use toml_parser::lexer::TokenKind;

use super::diagnostic::{Diagnostic, tidy};
use super::source::SourceText;
use super::toml_error;
use crate::model::limits;

/// A scenario file, parsed as TOML and not yet understood.
#[derive(Clone, Debug)]
pub struct Document {
    source: SourceText,
    root: Table,
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

impl Document {
    /// Parses a file's bytes as TOML.
    ///
    /// # Errors
    /// Everything in it that is not TOML.
    pub fn parse(name: &str, bytes: &[u8]) -> Result<Self, Vec<Diagnostic>> {
        let source = SourceText::read(name, bytes).map_err(|error| vec![*error])?;
        check_depth(source.text()).map_err(|error| vec![*error])?;
        let (root, errors) = DeTable::parse_recoverable(source.text());
        let mut diagnostics = toml_error::explain(&source, &errors);
        let root = table(root.get_ref(), source.text(), &mut diagnostics);
        if diagnostics.is_empty() { Ok(Self { source, root }) } else { Err(tidy(diagnostics)) }
    }

    /// The text, for showing places in it.
    #[must_use]
    pub fn source(&self) -> &SourceText {
        &self.source
    }

    /// The outermost table.
    pub(super) fn root(&self) -> &Table {
        &self.root
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
