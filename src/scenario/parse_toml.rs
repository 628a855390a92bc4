//! Parses the bytes of a file to a tree, and rewrites the errors of the TOML parser as diagnostics with remedies.

use std::ops::Range;

use toml::Spanned;
use toml::de::{DeArray, DeTable, DeValue};
use toml_parser::lexer::TokenKind;

use super::diagnostic::{Diagnostic, quoted};
use super::source::{BYTE_ORDER_MARK, SourceText};
use super::toml_tree::{Datetime, Entry, Kind, Table, Value};
use crate::model::limits;

/// Parses one file: its text, if it is valid UTF-8, and its tables, if it is valid TOML.
pub(super) fn parse_one(name: &str, bytes: &[u8]) -> (Option<SourceText>, Option<Table>, Vec<Diagnostic>) {
    let source = match read_text(name, bytes) {
        Ok(source) => source,
        Err(error) => return (None, None, vec![*error]),
    };
    if let Err(error) = check_depth(source.text()) {
        return (Some(source), None, vec![*error]);
    }
    let (root, errors) = DeTable::parse_recoverable(source.text());
    let mut diagnostics = explain(&source, &errors);
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

/// Refuses additions of TOML 1.1, which the parser accepts but other readers of TOML 1.0 do not. Times of day without
/// seconds are refused where values are read.
fn check_version(text: &str, diagnostics: &mut Vec<Diagnostic>) {
    let mut refuse = |span: Range<usize>, what: &str, help: &str| {
        let message = format!("{what}, which TOML 1.0 does not have");
        diagnostics.push(Diagnostic::error("toml/version", message, Some(span)).help(help));
    };
    // For each open bracket, whether it is that of an inline table on one line.
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

/// The first `\e` or `\x` of a string in double quotes: its position and letter.
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

/// Refuses brackets and dotted keys that nest too deep, before anything recurses into them, based on the tokens of the
/// parser's own lexer.
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

/// The first position of an entry. A header that comes later (`[a]` after `[a.b]`) replaces the key's own span.
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

/// Refuses a whole number that `f64` cannot represent exactly, since the run would use another number than the file.
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
    // The parser has already reported a text that is not a number.
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

/// The errors of the parser: at most one a line, and none after an error that makes it misread the rest.
fn explain(source: &SourceText, errors: &[toml::de::Error]) -> Vec<Diagnostic> {
    let mut shown: Vec<Diagnostic> = Vec::new();
    let mut last_line = 0;
    let (mut header, mut repeated_header) = (None, None);
    let mut looked_at = 0;
    let mut sorted: Vec<&toml::de::Error> = errors.iter().collect();
    sorted.sort_by_key(|error| error.span().map_or(0, |span| span.start));
    for error in sorted {
        let span = character_span(source.text(), error.span().unwrap_or(0..0));
        let line = source.position(span.start).line;
        if line == last_line {
            continue;
        }
        last_line = line;
        if error.message().starts_with("duplicate key") {
            // The keys of a table that is declared twice are duplicates too.
            header =
                (looked_at + 1..=line).rev().find(|&line| source.line(line).trim_start().starts_with('[')).or(header);
            looked_at = line;
            if header.is_some() && header == repeated_header {
                continue;
            }
            if header == Some(line) {
                repeated_header = header;
            }
        }
        let (message, help, span) = if let Some(second) = second_value(error.message(), source.text(), &span) {
            second
        } else {
            let (message, help) = reword(error.message(), source.text(), &span);
            (message, help, span)
        };
        let local = !message.starts_with("unclosed") && LOCAL.iter().any(|start| error.message().starts_with(start));
        shown.push(Diagnostic::error("toml/syntax", message, Some(span)).maybe_help(help));
        if !local {
            break;
        }
    }
    shown
}

/// `0.6 volatility = 1`: the parser reads both as one value; the error is at the second.
fn second_value(message: &str, text: &str, span: &Range<usize>) -> Option<(String, Option<String>, Range<usize>)> {
    let written = text.get(span.clone()).filter(|_| message.starts_with("string values must be quoted"))?;
    let (first, rest) = written.split_once([' ', '\t'])?;
    if !(matches!(first, "true" | "false") || first.parse::<f64>().is_ok()) {
        return None;
    }
    let second = rest.trim_start();
    let message = format!("unexpected {} after the value {}", quoted(second), quoted(first));
    let help = "put a line break between two keys, in braces or lists a comma; a text needs quotes";
    Some((message, Some(help.to_owned()), span.end - second.len()..span.end))
}

/// Widens a span to whole characters.
fn character_span(text: &str, span: Range<usize>) -> Range<usize> {
    let (mut start, mut end) = (span.start.min(text.len()), span.end.min(text.len()));
    while !text.is_char_boundary(start) {
        start -= 1;
    }
    while !text.is_char_boundary(end) {
        end += 1;
    }
    start..end.max(start)
}

/// Errors after which the parser recovers.
const LOCAL: [&str; 12] = [
    "duplicate key",
    "cannot extend value",
    "string values must be quoted",
    "invalid",
    "redundant numeric sign",
    "unexpected leading zero",
    "`_` may only go between digits",
    "integers with a radix",
    "radix must be lowercase",
    "too few unicode value digits",
    "missing escaped value",
    "unexpected sign",
];

/// The remedy for a message of the parser, selected by its beginning.
const REMEDIES: [(&str, &str); 29] = [
    ("duplicate key", "remove one of the two, or rename it"),
    ("cannot extend value of type inline table", "write the further keys inside its braces"),
    ("cannot extend value", "a key has either a value or a table; rename one of the two"),
    ("cannot recurse further", "no scenario needs more than a few levels"),
    ("recursion limit", "no scenario needs more than a few levels"),
    ("unclosed array table", "close the header with `]]`"),
    ("unclosed table", "close the header with `]`"),
    ("unclosed array", "close the list with `]`"),
    ("unclosed inline table", "close the table with `}`"),
    ("key with no value", "write `key = value`"),
    ("missing value", "write a value after the `=`"),
    ("missing assignment", "write `key = value`"),
    ("missing key", "write `key = value`, or close the table that begins above with `}`"),
    ("missing comma between array", "put a comma between the two, or close the list that begins above with `]`"),
    ("missing comma", "put a comma between the two, or close the table that begins above with `}`"),
    ("invalid boolean", "write `true` or `false`, in small letters"),
    ("extra comma", "remove one of the commas"),
    ("extra `=`", "remove one of the `=`"),
    (
        "string values must be quoted",
        "put quotes around a text or an expression; numbers are written `1` or `0.5`, dates `2025-03-10`",
    ),
    ("invalid unquoted key", "names are made of lower-case letters, digits and `_`"),
    ("unquoted keys cannot be empty", "names are made of lower-case letters, digits and `_`"),
    ("redundant numeric sign", "write one sign only"),
    ("unexpected leading zero", "write the number without the leading zero"),
    ("`_` may only go between digits", "write the number without the `_`"),
    ("invalid datetime", "write a date as `2025-03-10`, or `2025-03-10T12:30:00` with a time of day"),
    ("too few unicode value digits", "write `\\u` and four digits, or `\\U` and eight"),
    ("carriage return must be followed by newline", "end lines with a newline"),
    ("unexpected key or value", "write each `key = value` on its own line, and numbers without commas"),
    ("invalid comment character", "remove the character"),
];

fn reword(message: &str, text: &str, span: &Range<usize>) -> (String, Option<String>) {
    let written = text.get(span.clone()).unwrap_or("");
    let what = message.split(", expected").next().unwrap_or(message);
    let expected = message.split_once(", expected ").map(|(_, expected)| expected);
    let help = REMEDIES.iter().find(|(start, _)| what.starts_with(start)).map(|&(_, help)| help.to_owned());
    let message = match what {
        "cannot recurse further; max recursion depth met" | "recursion limit" => {
            "one value nests more than 80 tables and lists deep".to_owned()
        }
        _ if written.starts_with(':') => {
            return ("a `:` after a key".to_owned(), Some("a key and its value are joined by `=`".to_owned()));
        }
        _ if ["<<<<<<<", "=======", ">>>>>>>"].iter().any(|mark| written.starts_with(mark)) => {
            let help = "keep one of the two versions, and remove the marks";
            return ("a conflict of a merge was left in the file".to_owned(), Some(help.to_owned()));
        }
        "invalid float" | "invalid integer" if written.starts_with(|c: char| c.is_ascii_alphabetic()) => {
            let help = "numbers are written `1` or `0.5`, a text or an expression needs quotes; leave a key out for its default";
            return (format!("{} is not a value", quoted(written)), Some(help.to_owned()));
        }
        "invalid value" if expected.is_some_and(|expected| expected.contains("unicode")) => {
            let help = "write the character itself, or the number of one that there is";
            return ("an escape sequence that names no character".to_owned(), Some(help.to_owned()));
        }
        "duplicate key" => format!("duplicate key {}", quoted(written)),
        "string values must be quoted" => format!("{} is not a value: a text needs quotes", quoted(written)),
        "invalid basic string"
        | "invalid literal string"
        | "invalid multi-line basic string"
        | "invalid multi-line literal string" => return string_error(what, written),
        "invalid escape sequence" | "missing escaped value" => {
            return no_escape(text, span.start);
        }
        _ if written.is_empty() || written.contains('\n') => what.to_owned(),
        _ => format!("{what}: {}", quoted(written)),
    };
    let fallback = expected.map(|expected| match expected {
        // A second point or letter within a number, as in `10.3.2025`.
        "nothing" => "write a number as `1` or `0.5`, a date as `2025-03-10`, and a text in quotes".to_owned(),
        _ => format!("expected {expected}"),
    });
    (message, help.or(fallback))
}

fn string_error(what: &str, written: &str) -> (String, Option<String>) {
    let kind = what.trim_start_matches("invalid ");
    let hidden = written.chars().next().is_some_and(|character| character.is_control() && character != '\n');
    if hidden {
        let message = format!("the control character {} in a text", quoted(written));
        return (message, Some("remove it, or write it as an escape such as `\\u0007`".into()));
    }
    let help = "close the text with the quote that it begins with; a text of several lines stands in `\"\"\"`";
    (format!("unclosed {kind}"), Some(help.to_owned()))
}

/// `at` is the position after the backslash.
fn no_escape(text: &str, at: usize) -> (String, Option<String>) {
    let start = text.get(..at).map_or(at, |before| before.rfind('\\').unwrap_or(at));
    let end = text.get(at..).and_then(|rest| rest.chars().next()).map_or(at, |next| at + next.len_utf8());
    let written = text.get(start..end).unwrap_or("").lines().next().unwrap_or("");
    let help = "write `\\\\` for a backslash, or put the text in single quotes";
    (format!("{} is no escape sequence of a text", quoted(written)), Some(help.to_owned()))
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
    fn a_date_with_points_gets_a_remedy() {
        let help = parse_one("test", b"start = 10.3.2025\n").2[0].help.clone().unwrap();
        assert!(help.contains("a date as `2025-03-10`"), "{help}");
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
    fn positions_of_invalid_utf8_refer_to_the_lossy_text() {
        let bytes = b"\xEF\xBB\xBFa\nb\xFFc";
        let error = read_text("test", bytes).unwrap_err();
        let source = SourceText::lossy("test", bytes);
        let span = error.span.unwrap();
        assert_eq!(source.position(span.start), Position { line: 2, column: 2 });
        assert_eq!(&source.text()[span], "\u{FFFD}");
    }
}
