//! The TOML parser's messages in our own words, with remedies.

use std::ops::Range;

use super::diagnostic::{Diagnostic, quoted};
use super::source::SourceText;

/// What the parser found, at most one error a line and none after one that makes it misread the rest.
pub(super) fn explain(source: &SourceText, errors: &[toml::de::Error]) -> Vec<Diagnostic> {
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

/// `0.6 volatility = 1`: the parser takes the two for one value; the second is what is out of place.
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

/// A remedy for what the parser's message begins with.
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
    let fallback = expected.map(|expected| format!("expected {expected}"));
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

/// `at` is the place of what follows the backslash.
fn no_escape(text: &str, at: usize) -> (String, Option<String>) {
    let start = text.get(..at).map_or(at, |before| before.rfind('\\').unwrap_or(at));
    let end = text.get(at..).and_then(|rest| rest.chars().next()).map_or(at, |next| at + next.len_utf8());
    let written = text.get(start..end).unwrap_or("").lines().next().unwrap_or("");
    let help = "write `\\\\` for a backslash, or put the text in single quotes";
    (format!("{} is no escape sequence of a text", quoted(written)), Some(help.to_owned()))
}
