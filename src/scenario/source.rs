//! The text of a scenario file, with lines and columns; and the positions of the bytes of a decoded TOML string
//! in the file, so that an error inside an expression points at its place.

use std::ops::Range;

/// A position in a text, counted from 1; columns count characters.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Position {
    /// The line.
    pub line: usize,
    /// The column, in characters.
    pub column: usize,
}

/// The text of a scenario file, and behind it the texts of the files that it extends, each without its byte-order mark.
/// All spans are byte ranges of [`SourceText::text`], so that a span determines its file.
#[derive(Clone, Debug)]
pub struct SourceText {
    /// At least one; the first is the file itself. They are separated by line breaks.
    files: Vec<SourceFile>,
    text: String,
    /// The beginning of each line; a function of the text.
    lines: Vec<usize>,
    /// The line and column of the text's first character, which is not 1 and 1 in an excerpt.
    first: Position,
}

/// One of the files of a text.
#[derive(Clone, Debug)]
struct SourceFile {
    name: String,
    /// Its beginning in the text.
    start: usize,
    /// The number of its first line in the text, from 0.
    first_line: usize,
}

pub(super) const BYTE_ORDER_MARK: &[u8] = b"\xEF\xBB\xBF";

impl SourceText {
    /// The text of `bytes`, with replacement characters for invalid UTF-8, for showing positions in it.
    #[must_use]
    pub fn lossy(name: &str, bytes: &[u8]) -> Self {
        let bytes = bytes.strip_prefix(BYTE_ORDER_MARK).unwrap_or(bytes);
        Self::new(name, String::from_utf8_lossy(bytes).into_owned())
    }

    /// A text that has no byte-order mark.
    pub(super) fn new(name: &str, text: String) -> Self {
        let lines = std::iter::once(0).chain(text.match_indices('\n').map(|(at, _)| at + 1)).collect();
        let files = vec![SourceFile { name: name.to_owned(), start: 0, first_line: 0 }];
        Self { files, text, lines, first: Position { line: 1, column: 1 } }
    }

    /// A part of a line of a file, for showing a position in a file whose text is not kept.
    #[must_use]
    pub fn excerpt(name: &str, text: &str, first: Position) -> Self {
        Self { first, ..Self::new(name, text.to_owned()) }
    }

    /// Adds the text of a further file, and returns the offset at which it begins.
    pub(super) fn append(&mut self, other: &Self) -> usize {
        self.text.push('\n');
        let start = self.text.len();
        self.files.push(SourceFile { name: other.name().to_owned(), start, first_line: self.lines.len() });
        self.lines.extend(other.lines.iter().map(|line| start + line));
        self.text.push_str(&other.text);
        start
    }

    /// The name of the file, for messages.
    #[must_use]
    pub fn name(&self) -> &str {
        &self.files[0].name
    }

    /// The name of the file in which a byte offset lies.
    #[must_use]
    pub fn name_at(&self, offset: usize) -> &str {
        &self.files[self.file_at(offset)].name
    }

    /// The number of the file in which a byte offset lies, from 0 for the scenario file itself.
    pub(super) fn file_at(&self, offset: usize) -> usize {
        self.files.partition_point(|part| part.start <= offset).saturating_sub(1)
    }

    /// All texts, each without its byte-order mark.
    #[must_use]
    pub fn text(&self) -> &str {
        &self.text
    }

    /// The text of the first file alone.
    #[must_use]
    pub fn own_text(&self) -> &str {
        let end = self.files.get(1).map_or(self.text.len(), |next| next.start - 1);
        &self.text[..end]
    }

    /// The line and column of a byte offset, in the file that it lies in.
    #[must_use]
    pub fn position(&self, offset: usize) -> Position {
        let offset = offset.min(self.text.len());
        let line = self.lines.partition_point(|&start| start <= offset).max(1);
        let start = self.lines.get(line - 1).copied().unwrap_or(0);
        let column = characters(&self.text, start..offset) + 1;
        let line = line - self.files[self.file_at(offset)].first_line;
        let column = if line == 1 { column + self.first.column - 1 } else { column };
        Position { line: line + self.first.line - 1, column }
    }

    /// A line's text, without its line break; lines count from 1.
    #[must_use]
    pub fn line(&self, line: usize) -> &str {
        let start = self.lines.get(line.saturating_sub(1)).copied().unwrap_or(self.text.len());
        let end = self.lines.get(line).copied().unwrap_or(self.text.len());
        self.text.get(start..end).unwrap_or("").trim_end_matches(['\n', '\r'])
    }
}

/// The number of characters that begin in a range of bytes, whose ends may be inside of characters.
fn characters(text: &str, range: Range<usize>) -> usize {
    text.as_bytes().get(range).unwrap_or(&[]).iter().filter(|&&byte| byte & 0xC0 != 0x80).count()
}

/// Maps offsets in a decoded string to offsets in the file.
#[derive(Clone, Debug)]
pub(super) enum StringPlaces {
    /// The string is in the file without escapes, from this offset on.
    From(usize),
    /// The offset in the file of each decoded byte, and of the end.
    Each(Vec<usize>),
}

impl StringPlaces {
    /// The map of a string whose literal, quotes included, is `span` of `text`.
    pub(super) fn of(text: &str, span: &Range<usize>, decoded: &str) -> Self {
        let raw = text.get(span.clone()).unwrap_or("");
        let quote = if raw.starts_with("\"\"\"") || raw.starts_with("'''") { 3 } else { 1 };
        let inner = raw.get(quote..raw.len().saturating_sub(quote)).unwrap_or("");
        // The line break right after the opening quotes is never part of a string.
        let unseen = if quote == 1 { 0 } else { inner.len() - strip_line_break(inner).len() };
        let (inner, start) = (&inner[unseen..], span.start + quote + unseen);
        if inner == decoded { Self::From(start) } else { Self::Each(walk(inner, start, decoded, raw.starts_with('"'))) }
    }

    /// The position of a range of decoded bytes.
    pub(super) fn place(&self, range: &Range<usize>) -> Range<usize> {
        match self {
            Self::From(start) => start + range.start..start + range.end,
            Self::Each(offsets) => {
                let last = offsets.last().copied().unwrap_or(0);
                let at = |offset: usize| offsets.get(offset).copied().unwrap_or(last);
                at(range.start)..at(range.end).max(at(range.start))
            }
        }
    }
}

/// Walks the literal and the decoded string side by side.
fn walk(inner: &str, start: usize, decoded: &str, escapes: bool) -> Vec<usize> {
    let mut offsets = Vec::with_capacity(decoded.len() + 1);
    let mut at = 0;
    for character in decoded.chars() {
        at = skip_unseen(inner, at, character, escapes);
        offsets.extend(std::iter::repeat_n(start + at, character.len_utf8()));
        at += length(&inner[at..], escapes);
    }
    offsets.push(start + at.min(inner.len()));
    offsets
}

/// Skips what the decoded string does not contain: a carriage return, a line continuation.
fn skip_unseen(inner: &str, mut at: usize, next: char, escapes: bool) -> usize {
    loop {
        let rest = &inner[at..];
        let Some(first) = rest.chars().next() else { return at };
        if escapes && first == '\\' && rest[1..].starts_with([' ', '\t', '\r', '\n']) {
            at += 1;
            at += inner[at..].len() - inner[at..].trim_start_matches([' ', '\t', '\r', '\n']).len();
        } else if matches!(first, '\r' | '\n') && first != next {
            at += 1;
        } else {
            return at;
        }
    }
}

fn strip_line_break(text: &str) -> &str {
    text.strip_prefix("\r\n").or_else(|| text.strip_prefix('\n')).unwrap_or(text)
}

/// The length of the character or escape sequence at the beginning of `rest`.
fn length(rest: &str, escapes: bool) -> usize {
    let Some(first) = rest.chars().next() else { return 0 };
    if !(escapes && first == '\\') {
        return first.len_utf8();
    }
    let Some(kind) = rest[1..].chars().next() else { return 1 };
    let digits = match kind {
        'x' => 2,
        'u' => 4,
        'U' => 8,
        _ => 0,
    };
    (1 + kind.len_utf8() + digits).min(rest.len())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::scenario::parse_toml::parse_one;
    use crate::scenario::toml_tree::Kind;

    fn check(text: &[u8], needle: &str, line: usize, column: usize) {
        let source = SourceText::lossy("test", text);
        let offset = source.text().find(needle).unwrap();
        assert_eq!(source.position(offset), Position { line, column });
    }

    #[test]
    fn columns_count_characters() {
        check("a = 'é🤝x'".as_bytes(), "x", 1, 8);
        check(b"\xEF\xBB\xBFab\r\ncd", "ab", 1, 1);
        check(b"\xEF\xBB\xBFab\r\ncd", "d", 2, 2);
    }

    #[test]
    fn lines_have_no_line_break() {
        let source = SourceText::lossy("test", b"ab\r\ncd\n");
        assert_eq!([source.line(1), source.line(2), source.line(3), source.line(9)], ["ab", "cd", "", ""]);
    }

    fn check_literal(literal: &str, needle: &str) {
        let text = format!("a = {literal}\n");
        let root = parse_one("test", text.as_bytes()).1.unwrap();
        let value = &root.get("a").unwrap().value;
        let Kind::String(decoded) = &value.kind else { panic!("a string") };
        let places = StringPlaces::of(&text, &value.span, decoded);
        let at = decoded.find(needle).unwrap();
        let place = places.place(&(at..at + needle.len()));
        assert_eq!(&text[place], needle, "in {literal}");
    }

    #[test]
    fn places_are_found_in_every_kind_of_string() {
        check_literal("\"x > y\"", "y");
        check_literal("'x > y'", "y");
        check_literal("\"x \\u003e\\t\\U0000003e y\"", "y");
        check_literal("\"\"\"\nx\n > y\"\"\"", "y");
        check_literal("\"\"\"\r\nx\r\n > y\"\"\"", "y");
        check_literal("\"\"\"x \\\n   \n  > y\"\"\"", "y");
        check_literal("'''\nx \\ y'''", "y");
        check_literal("\"\"\"\n\n\ny\"\"\"", "y");
        check_literal("\"🤝 \\\" y\"", "y");
        check_literal("\"\\\"\\\\y\"", "y");
    }
}
