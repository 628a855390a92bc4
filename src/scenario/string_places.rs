//! Where the bytes of a decoded TOML string stand in the file, so that an error inside an expression points at it.

use std::ops::Range;

/// From offsets in a decoded string to offsets in the file.
#[derive(Clone, Debug)]
pub(super) enum StringPlaces {
    /// The string stands in the file as it is, from here on.
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

    /// The place of a range of decoded bytes.
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

/// Length of the character or escape sequence that `rest` begins with.
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

    fn check(literal: &str, needle: &str) {
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
        check("\"x > y\"", "y");
        check("'x > y'", "y");
        check("\"x \\u003e\\t\\U0000003e y\"", "y");
        check("\"\"\"\nx\n > y\"\"\"", "y");
        check("\"\"\"\r\nx\r\n > y\"\"\"", "y");
        check("\"\"\"x \\\n   \n  > y\"\"\"", "y");
        check("'''\nx \\ y'''", "y");
        check("\"\"\"\n\n\ny\"\"\"", "y");
        check("\"🤝 \\\" y\"", "y");
        check("\"\\\"\\\\y\"", "y");
    }
}
