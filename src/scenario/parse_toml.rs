//! From the bytes of a file to its tree.

use std::ops::Range;

use toml::Spanned;
use toml::de::{DeArray, DeTable, DeValue};
use toml_parser::lexer::TokenKind;

use super::diagnostic::{Diagnostic, quoted};
use super::source::{BYTE_ORDER_MARK, SourceText};
use super::toml_error;
use super::toml_tree::{Datetime, Entry, Kind, Table, Value};
use crate::model::limits;

/// Parses one file: its text, where it is one, and its tables, where it is TOML.
pub(super) fn parse_one(name: &str, bytes: &[u8]) -> (Option<SourceText>, Option<Table>, Vec<Diagnostic>) {
    let source = match read_text(name, bytes) {
        Ok(source) => source,
        Err(error) => return (None, None, vec![*error]),
    };
    if let Err(error) = check_depth(source.text()) {
        return (Some(source), None, vec![*error]);
    }
    let (root, errors) = DeTable::parse_recoverable(source.text());
    let mut diagnostics = toml_error::explain(&source, &errors);
    let root = table(root.get_ref(), source.text(), &mut diagnostics);
    if diagnostics.is_empty() {
        check_version(source.text(), &mut diagnostics);
    }
    let root = diagnostics.is_empty().then_some(root);
    (Some(source), root, diagnostics)
}

/// The text of a file.
///
/// # Errors
/// If there are too many bytes, or they are not UTF-8.
fn read_text(name: &str, bytes: &[u8]) -> Result<SourceText, Box<Diagnostic>> {
    if bytes.len() as u64 > limits::FILE_BYTES {
        let message = format!("the file is larger than {} MiB", limits::FILE_BYTES >> 20);
        let error =
            Diagnostic::error("source/size", message, Some(0..0)).help("shorten its texts, or use cohorts and groups");
        return Err(Box::new(error));
    }
    let bytes = bytes.strip_prefix(BYTE_ORDER_MARK).unwrap_or(bytes);
    match std::str::from_utf8(bytes) {
        Ok(text) => Ok(SourceText::new(name, text.to_owned())),
        Err(error) => {
            let at = error.valid_up_to();
            let end = at + error.error_len().unwrap_or(bytes.len() - at);
            Err(Box::new(not_utf8(bytes, at, end)))
        }
    }
}

fn not_utf8(bytes: &[u8], at: usize, end: usize) -> Diagnostic {
    let shown: Vec<String> = bytes[at..end].iter().take(4).map(|byte| format!("{byte:02x}")).collect();
    let message = format!("the file is not UTF-8 text: bytes `{}`", shown.join(" "));
    let utf16 = bytes.starts_with(&[0xFF, 0xFE]) || bytes.starts_with(&[0xFE, 0xFF]);
    let help =
        if utf16 { "the file looks like UTF-16; save it as UTF-8" } else { "save the file with the encoding UTF-8" };
    // In the lossy text the bytes are one replacement character, which is three bytes long.
    Diagnostic::error("source/utf8", message, Some(at..at + '\u{FFFD}'.len_utf8())).help(help)
}

/// Refuses what TOML 1.1 has added: the parser takes it, and other readers of TOML 1.0 do not. Times of day without
/// seconds are refused where values are read.
fn check_version(text: &str, diagnostics: &mut Vec<Diagnostic>) {
    let mut refuse = |span: Range<usize>, what: &str, help: &str| {
        let message = format!("{what}, which TOML 1.0 does not have");
        diagnostics.push(Diagnostic::error("toml/version", message, Some(span)).help(help));
    };
    // Whether each bracket that is open is that of an inline table on one line.
    let mut open: Vec<bool> = Vec::new();
    let mut comma: Option<Range<usize>> = None;
    for token in toml_parser::Source::new(text).lex() {
        let span = token.span().start()..token.span().end();
        match token.kind() {
            TokenKind::Whitespace => continue,
            TokenKind::LeftSquareBracket => open.push(false),
            TokenKind::LeftCurlyBracket => open.push(true),
            TokenKind::RightSquareBracket => drop(open.pop()),
            TokenKind::RightCurlyBracket => {
                if let (Some(true), Some(comma)) = (open.pop(), comma.take()) {
                    refuse(comma, "there is a comma behind the last key of an inline table", "remove the comma");
                }
            }
            TokenKind::Newline | TokenKind::Comment => {
                if let Some(is_on_one_line @ true) = open.last_mut() {
                    *is_on_one_line = false;
                    let help = "write what is in braces on one line, or give it a header of its own: `[table.name]`";
                    refuse(span.clone(), "an inline table goes over several lines", help);
                }
            }
            TokenKind::BasicString | TokenKind::MlBasicString => {
                if let Some((at, letter)) = new_escape(&text[span.clone()]) {
                    let what = format!("there is the escape {}", quoted(&format!("\\{letter}")));
                    let at = span.start + at;
                    refuse(at..at + 2, &what, "write `\\u` and four digits: `\\u001b` for `\\e` and `\\x1b`");
                }
            }
            _ => {}
        }
        comma = (token.kind() == TokenKind::Comma).then_some(span);
    }
}

/// The first `\e` or `\x` of a string in double quotes: its place and letter.
fn new_escape(raw: &str) -> Option<(usize, char)> {
    let mut is_escaped = false;
    for (at, character) in raw.char_indices() {
        if is_escaped && matches!(character, 'e' | 'x') {
            return Some((at - 1, character));
        }
        is_escaped = !is_escaped && character == '\\';
    }
    None
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
        DeValue::Datetime(moment) => {
            if moment.time.is_some_and(|time| time.second.is_none()) {
                let message = "there is a time of day without seconds, which TOML 1.0 does not have";
                let error = Diagnostic::error("toml/version", message, Some(span.clone()));
                diagnostics.push(error.help("write the seconds: `2025-03-10T12:30:00`"));
            }
            Kind::Datetime(Datetime {
                date: moment.date.map(|date| (date.year, date.month, date.day)),
                time: moment
                    .time
                    .map(|time| (time.hour, time.minute, time.second.unwrap_or(0), time.nanosecond.unwrap_or(0))),
                offset: moment.offset.is_some(),
            })
        }
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
    let written = quoted(text.get(span.clone()).unwrap_or(""));
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
    use crate::scenario::source::Position;

    fn keys(text: &str, path: &[&str]) -> Vec<String> {
        let mut table = parse_one("test", text.as_bytes()).1.unwrap();
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
        parse_one("test", text.as_bytes()).2[0].message.clone()
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
        let (_, root, _) = parse_one("test", b"a = [inf, -inf, nan, -9223372036854775808, 0xff, 1_0.5]");
        assert!(root.is_some());
    }

    #[test]
    fn what_is_not_utf8_is_placed_in_the_lossy_text() {
        let bytes = b"\xEF\xBB\xBFa\nb\xFFc";
        let error = read_text("test", bytes).unwrap_err();
        let source = SourceText::lossy("test", bytes);
        let span = error.span.unwrap();
        assert_eq!(source.position(span.start), Position { line: 2, column: 2 });
        assert_eq!(&source.text()[span], "\u{FFFD}");
    }
}
