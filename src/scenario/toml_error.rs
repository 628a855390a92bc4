//! The TOML parser's messages in our own words, with remedies.

use std::ops::Range;

use super::diagnostic::{Diagnostic, quoted};
use super::source::Source;

/// What the parser found, at most one error a line and none after something that was never closed.
pub(super) fn explain(source: &Source, errors: &[toml::de::Error]) -> Vec<Diagnostic> {
    let mut shown: Vec<Diagnostic> = Vec::new();
    let mut last_line = 0;
    let mut sorted: Vec<&toml::de::Error> = errors.iter().collect();
    sorted.sort_by_key(|error| error.span().map_or(0, |span| span.start));
    for error in sorted {
        let span = character_span(source.text(), error.span().unwrap_or(0..0));
        let line = source.position(span.start).line;
        if line == last_line {
            continue;
        }
        last_line = line;
        let (message, help) = reword(error.message(), source.text(), &span);
        let endless = message.starts_with("unclosed");
        shown.push(Diagnostic::error("toml/syntax", message, Some(span)).maybe_help(help));
        if endless {
            break;
        }
    }
    shown
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

/// A remedy for what the parser's message begins with.
const REMEDIES: [(&str, &str); 27] = [
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
    ("missing key", "write `key = value`"),
    ("missing comma", "put a comma between the two"),
    ("extra comma", "remove one of the commas"),
    ("extra `=`", "remove one of the `=`"),
    ("string values must be quoted", "put quotes around a text or an expression; numbers are written `1` or `0.5`, dates `2025-03-10`"),
    ("invalid unquoted key", "names are made of lower-case letters, digits and `_`"),
    ("unquoted keys cannot be empty", "names are made of lower-case letters, digits and `_`"),
    ("redundant numeric sign", "write one sign only"),
    ("unexpected leading zero", "write the number without the leading zero"),
    ("`_` may only go between digits", "write the number without the `_`"),
    ("invalid datetime", "write a date as `2025-03-10`, or `2025-03-10T12:30:00` with a time of day"),
    ("too few unicode value digits", "write `\\u` and four digits, or `\\U` and eight"),
    ("carriage return must be followed by newline", "end lines with a newline"),
    ("unexpected key or value", "write each `key = value` on its own line"),
    ("invalid comment character", "remove the character"),
];

fn reword(message: &str, text: &str, span: &Range<usize>) -> (String, Option<String>) {
    let written = text.get(span.clone()).unwrap_or("");
    let what = message.split(", expected").next().unwrap_or(message);
    let expected = message.split_once(", expected ").map(|(_, expected)| expected);
    let help = REMEDIES.iter().find(|(start, _)| what.starts_with(start)).map(|&(_, help)| help.to_owned());
    let message = match what {
        "cannot recurse further; max recursion depth met" | "recursion limit" => {
            "tables and lists nest too deep, more than 80 of 256 levels in one value".to_owned()
        }
        "duplicate key" => format!("duplicate key {}", quoted(written)),
        "string values must be quoted" => format!("{} is not a value: a text needs quotes", quoted(written)),
        "invalid basic string" | "invalid literal string" | "invalid multi-line basic string"
        | "invalid multi-line literal string" => return string_error(what, expected, written),
        "invalid escape sequence" | "missing escaped value" => {
            return (
                format!("{} is no escape sequence of a text", quoted(written)),
                Some("write `\\\\` for a backslash, or put the text in single quotes".into()),
            );
        }
        _ if written.is_empty() || written.contains('\n') => what.to_owned(),
        _ => format!("{what}: {}", quoted(written)),
    };
    let fallback = expected.map(|expected| format!("expected {expected}"));
    (message, help.or(fallback))
}

fn string_error(what: &str, expected: Option<&str>, written: &str) -> (String, Option<String>) {
    let kind = what.trim_start_matches("invalid ");
    let hidden = written.chars().next().is_some_and(|character| character.is_control() && character != '\n');
    if hidden {
        let message = format!("the control character {} in a text", quoted(written));
        return (message, Some("remove it, or write it as an escape such as `\\u0007`".into()));
    }
    match expected {
        Some(expected) if expected.contains("escape") => (
            format!("{} is no escape sequence of a text", quoted(written)),
            Some("write `\\\\` for a backslash, or put the text in single quotes".into()),
        ),
        _ => (
            format!("unclosed {kind}"),
            Some("close the text with the quote that it begins with; a text of several lines stands in `\"\"\"`".into()),
        ),
    }
}
