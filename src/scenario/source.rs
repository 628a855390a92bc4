//! The text of a scenario file, and the lines and columns of places in it.

use std::ops::Range;

/// A place in a text, counted from 1; columns count characters.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Position {
    /// The line.
    pub line: usize,
    /// The column, in characters.
    pub column: usize,
}

/// The text of a scenario file, and behind it the texts of the files that it extends, each without its byte-order mark.
/// All spans are byte ranges of [`SourceText::text`], so that a span tells which file it is in.
#[derive(Clone, Debug)]
pub struct SourceText {
    /// At least one; the first is the file itself. They are separated by line breaks.
    files: Vec<SourceFile>,
    text: String,
    /// Where each line begins; a function of the text.
    lines: Vec<usize>,
    /// The line and column of the text's first character, which is not 1 and 1 in an excerpt.
    first: Position,
}

/// One of the files of a text.
#[derive(Clone, Debug)]
struct SourceFile {
    name: String,
    /// Where it begins in the text.
    start: usize,
    /// The number of its first line in the text, from 0.
    first_line: usize,
}

pub(super) const BYTE_ORDER_MARK: &[u8] = b"\xEF\xBB\xBF";

impl SourceText {
    /// The text of `bytes`, with replacement characters for what is not UTF-8: good for showing a place in it.
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

    /// A part of a line of a file, for showing a place in a file that is not kept as a text.
    #[must_use]
    pub fn excerpt(name: &str, text: &str, first: Position) -> Self {
        Self { first, ..Self::new(name, text.to_owned()) }
    }

    /// Adds the text of a further file; gives the offset at which it begins.
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

/// Number of characters that begin in a range of bytes, whatever its ends cut through.
fn characters(text: &str, range: Range<usize>) -> usize {
    text.as_bytes().get(range).unwrap_or(&[]).iter().filter(|&&byte| byte & 0xC0 != 0x80).count()
}

#[cfg(test)]
mod tests {
    use super::*;

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
}
