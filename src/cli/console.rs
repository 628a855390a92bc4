//! Printing: results, diagnostics, errors. Nothing from a file reaches the terminal unescaped.

use std::io::{self, IsTerminal as _, Write as _};
use std::ops::Range;

use annotate_snippets::{AnnotationKind, Element, Group, Level, Origin as Place, Renderer, Snippet};
use backstop::report::wording::{escaped, safe};
use backstop::scenario::{Diagnostic, Origin, Severity, SourceText};
use backstop::text::is_hidden;

/// The command failed and has reported why.
#[derive(Debug)]
pub(crate) enum Failed {
    /// The input was wrong, or an operation failed.
    Input,
    /// The command line was wrong.
    Usage,
}

/// Prints a text on standard output. Control characters, which may come from a file, are escaped.
pub(crate) fn emit(text: &str) -> Result<(), Failed> {
    emit_bytes(safe(text).as_bytes())
}

/// Prints a value on standard output as a line of JSON, with control characters escaped.
pub(crate) fn emit_json(value: &impl serde::Serialize) -> Result<(), Failed> {
    let mut line = String::new();
    for character in serde_json::to_string(value).expect("the keys are strings").chars() {
        if is_hidden(character) {
            line.extend(character.encode_utf16(&mut [0; 2]).iter().map(|unit| format!("\\u{unit:04x}")));
        } else {
            line.push(character);
        }
    }
    line.push('\n');
    emit_bytes(line.as_bytes())
}

/// Prints bytes on standard output unchanged. A closed pipe is not an error.
pub(crate) fn emit_bytes(bytes: &[u8]) -> Result<(), Failed> {
    emit_written(|out| out.write_all(bytes))
}

/// Prints what `write` writes on standard output as it is. A reader that has gone away is no failure.
pub(crate) fn emit_written(write: impl FnOnce(&mut io::StdoutLock<'_>) -> io::Result<()>) -> Result<(), Failed> {
    let mut out = io::stdout().lock();
    match write(&mut out).and_then(|()| out.flush()) {
        Err(error) if error.kind() != io::ErrorKind::BrokenPipe => {
            Err(fail(&format!("cannot write to standard output: {error}"), None))
        }
        _ => Ok(()),
    }
}

/// Prints an error and its remedy, if any, on standard error. Control characters, which may come from a file, are
/// escaped.
pub(crate) fn fail(message: &str, help: Option<&str>) -> Failed {
    let mut group = Group::with_title(Level::ERROR.primary_title(safe(message)));
    if let Some(help) = help {
        group = group.element(Level::HELP.message(safe(help)));
    }
    print_error_line(&renderer().render(&[group]));
    Failed::Input
}

/// As [`fail`], for an invalid command line.
pub(crate) fn misused(message: &str, help: Option<&str>) -> Failed {
    let _ = fail(message, help);
    Failed::Usage
}

/// Prints on standard error. Write errors are ignored, since there is nowhere to report them.
pub(crate) fn print_error_line(text: &str) {
    let _ = writeln!(io::stderr().lock(), "{text}");
}

fn renderer() -> Renderer {
    let plain = std::env::var_os("NO_COLOR").is_some_and(|value| !value.is_empty()) || !io::stderr().is_terminal();
    if plain { Renderer::plain() } else { Renderer::styled() }
}

/// Prints diagnostics on standard error.
pub(crate) fn report(diagnostics: &[Diagnostic], source: &SourceText) {
    for diagnostic in diagnostics {
        print_error_line(&render(diagnostic, source));
    }
}

fn render(diagnostic: &Diagnostic, source: &SourceText) -> String {
    let level = match diagnostic.severity {
        Severity::Error => Level::ERROR,
        Severity::Warning => Level::WARNING,
    };
    let other = diagnostic.other_source();
    let mut group = Group::with_title(level.primary_title(&diagnostic.message));
    if let Some(span) = &diagnostic.span {
        group = group.elements(place(other.as_ref().unwrap_or(source), span, diagnostic.label.as_deref()));
    } else if diagnostic.origin == Origin::File {
        group = group.element(Place::path(escaped(source.name())).line(1).char_column(1));
    }
    for (note, span) in &diagnostic.notes {
        group = group.element(Level::NOTE.message(note));
        if let Some(span) = span {
            group = group.elements(place(source, span, None));
        }
    }
    if let Some(help) = &diagnostic.help {
        group = group.element(Level::HELP.message(help));
    }
    renderer().render(&[group])
}

/// The largest number of characters of a line that are shown on each side of a place.
const MARGIN: usize = 100;

/// The place as `FILE:LINE:COLUMN`, and the line or the part of it around the place.
fn place<'a>(source: &SourceText, span: &Range<usize>, label: Option<&str>) -> Vec<Element<'a>> {
    let start = source.position(span.start);
    let text = source.text();
    let line_start = text[..span.start.min(text.len())].rfind('\n').map_or(0, |at| at + 1);
    let line_end = text[span.start.min(text.len())..].find('\n').map_or(text.len(), |at| span.start + at);
    let line = text[line_start..line_end].trim_end_matches('\r');
    let from = span.start.saturating_sub(line_start).min(line.len());
    let to = span.end.saturating_sub(line_start).clamp(from, line.len());
    let (shown, from, to) = window(line, from, to);
    let mut mark = AnnotationKind::Primary.span(from..to);
    if let Some(label) = label {
        mark = mark.label(label.to_owned());
    }
    let snippet = Snippet::source(shown.clone()).line_start(start.line).annotation(mark);
    let name = escaped(source.name_at(span.start));
    if shown.starts_with('…') || source.position(line_start).column > 1 {
        // The renderer's own column is wrong where the line was cut in front.
        let place = Place::path(name).line(start.line).char_column(start.column);
        return vec![place.into(), snippet.into()];
    }
    vec![snippet.path(name).into()]
}

/// Cuts a line to the surroundings of a range, and returns the range in the result.
fn window(line: &str, from: usize, to: usize) -> (String, usize, usize) {
    let back = |at: usize| line[..at].char_indices().rev().nth(MARGIN - 1).map_or(0, |(at, _)| at);
    let forth = |at: usize| line[at..].char_indices().nth(MARGIN).map_or(line.len(), |(offset, _)| at + offset);
    let to = to.min(forth(from));
    let (begin, end) = (back(from), forth(to));
    let lead = if begin > 0 { "…" } else { "" };
    let tail = if end < line.len() { "…" } else { "" };
    let before = format!("{lead}{}", harmless(&line[begin..from]));
    let marked = harmless(&line[from..to]);
    let shown = format!("{before}{marked}{}{tail}", harmless(&line[to..end]));
    (shown, before.len(), before.len() + marked.len())
}

/// Replaces control characters that the renderer does not escape, one for one.
fn harmless(text: &str) -> String {
    text.replace(|character: char| !character.is_ascii() && is_hidden(character), "\u{fffd}")
}
