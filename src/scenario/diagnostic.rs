//! Errors and warnings about a scenario, each with a position, a message and a remedy.
//!
//! A message stands alone: lower case, values in backticks, no full stop; the remedy is the help.

use std::ops::Range;

use serde::Serialize;

use super::source::{Position, SourceText};
use crate::model::limits;
pub(super) use crate::text::{all_listed, listed, nearest, quoted, suggestion, visible};

/// The severity of a diagnostic.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Severity {
    /// The scenario cannot be run.
    Error,
    /// The scenario can be run, but probably does not mean what its author intends.
    Warning,
}

impl Severity {
    /// The first word of a diagnostic.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Error => "error",
            Self::Warning => "warning",
        }
    }
}

/// Which text the span of a diagnostic refers to.
#[derive(Clone, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub enum Origin {
    /// The scenario file, or one that it extends.
    #[default]
    File,
    /// A line of a table.
    Table {
        /// The table's file.
        file: String,
        /// The position of the excerpt in the file.
        first: Position,
        /// The line, or a part of it.
        excerpt: String,
    },
    /// An expression given as an argument.
    Argument(String),
}

/// One error or warning.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Diagnostic {
    /// The severity of a diagnostic.
    pub severity: Severity,
    /// Stage and kind, such as `names/unknown`.
    pub code: &'static str,
    /// The message.
    pub message: String,
    /// The range of bytes in the text of `origin`.
    pub span: Option<Range<usize>>,
    /// A short text for the position itself.
    pub label: Option<String>,
    /// Further places and remarks; their spans are in the file.
    pub notes: Vec<(String, Option<Range<usize>>)>,
    /// The remedy.
    pub help: Option<String>,
    /// The text that `span` is in.
    pub origin: Origin,
}

impl Diagnostic {
    /// An error.
    #[must_use]
    pub fn error(code: &'static str, message: impl Into<String>, span: Option<Range<usize>>) -> Self {
        Self {
            severity: Severity::Error,
            code,
            message: message.into(),
            span,
            label: None,
            notes: Vec::new(),
            help: None,
            origin: Origin::File,
        }
    }

    /// A warning.
    #[must_use]
    pub fn warning(code: &'static str, message: impl Into<String>, span: Option<Range<usize>>) -> Self {
        Self { severity: Severity::Warning, ..Self::error(code, message, span) }
    }

    /// With a remedy.
    #[must_use]
    pub fn help(mut self, help: impl Into<String>) -> Self {
        self.help = Some(help.into());
        self
    }

    /// With a remedy, if there is one.
    #[must_use]
    pub fn maybe_help(mut self, help: Option<String>) -> Self {
        self.help = help.or(self.help);
        self
    }

    /// With a short text for the position.
    #[must_use]
    pub fn label(mut self, label: impl Into<String>) -> Self {
        self.label = Some(label.into());
        self
    }

    /// With a further place or remark.
    #[must_use]
    pub fn note(mut self, note: impl Into<String>, span: Option<Range<usize>>) -> Self {
        self.notes.push((note.into(), span));
        self
    }

    /// With a span in an argument's text, not in the file.
    #[must_use]
    pub fn in_text(mut self, origin: Origin) -> Self {
        self.origin = origin;
        self
    }

    /// The text that its span is in, where that is not the scenario file.
    #[must_use]
    pub fn other_source(&self) -> Option<SourceText> {
        match &self.origin {
            Origin::File => None,
            Origin::Table { file, first, excerpt } => Some(SourceText::excerpt(file, excerpt, *first)),
            Origin::Argument(text) => Some(SourceText::lossy("argument", text.as_bytes())),
        }
    }

    /// With its places in the file moved by so many bytes.
    #[must_use]
    pub(super) fn moved(mut self, by: usize) -> Self {
        let shift = |span: &mut Option<Range<usize>>| {
            *span = span.take().map(|span| span.start + by..span.end + by);
        };
        if self.origin == Origin::File {
            // Without a position it concerns the file as a whole.
            self.span.get_or_insert(0..0);
            shift(&mut self.span);
        }
        self.notes.iter_mut().for_each(|(_, span)| shift(span));
        self
    }

    /// As data for `--json`; `source` is the scenario file.
    #[must_use]
    pub fn view(&self, source: &SourceText) -> DiagnosticView {
        let other = self.other_source();
        DiagnosticView {
            severity: self.severity,
            code: self.code,
            message: self.message.clone(),
            place: self.span.clone().map(|span| place(other.as_ref().unwrap_or(source), span)),
            label: self.label.clone(),
            notes: self
                .notes
                .iter()
                .map(|(message, span)| NoteView {
                    message: message.clone(),
                    place: span.clone().map(|span| place(source, span)),
                })
                .collect(),
            help: self.help.clone(),
            argument: match &self.origin {
                Origin::File | Origin::Table { .. } => None,
                Origin::Argument(text) => Some(text.clone()),
            },
        }
    }
}

/// A place as data.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct PlaceView {
    /// The file, or `argument`.
    pub file: String,
    /// Line, from 1.
    pub line: usize,
    /// Column in characters, from 1.
    pub column: usize,
    /// Line of the end (not included).
    pub end_line: usize,
    /// Column of the end (not included).
    pub end_column: usize,
}

/// A note as data.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct NoteView {
    /// The remark.
    pub message: String,
    /// Its place, if it has one.
    #[serde(flatten)]
    pub place: Option<PlaceView>,
}

/// A diagnostic as data.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct DiagnosticView {
    /// The severity of a diagnostic.
    pub severity: Severity,
    /// Stage and kind.
    pub code: &'static str,
    /// The message.
    pub message: String,
    /// The position, if there is one.
    #[serde(flatten)]
    pub place: Option<PlaceView>,
    /// A short text for the position.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub label: Option<String>,
    /// Further places and remarks.
    pub notes: Vec<NoteView>,
    /// The remedy.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub help: Option<String>,
    /// The text of the argument, if the position is in one.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub argument: Option<String>,
}

fn place(source: &SourceText, span: Range<usize>) -> PlaceView {
    let Position { line, column } = source.position(span.start);
    let end = source.position(span.end.max(span.start));
    PlaceView { file: source.name_at(span.start).to_owned(), line, column, end_line: end.line, end_column: end.column }
}

/// Sorts by position, removes duplicates, and limits the number, with a note about how many more there are.
#[must_use]
pub(super) fn tidy(mut diagnostics: Vec<Diagnostic>) -> Vec<Diagnostic> {
    diagnostics.sort_by_cached_key(|diagnostic| {
        let span = diagnostic.span.clone().unwrap_or(0..0);
        (diagnostic.origin.clone(), span.start, span.end, diagnostic.code)
    });
    diagnostics.dedup_by(|a, b| a.code == b.code && a.span == b.span && a.origin == b.origin && a.message == b.message);
    if diagnostics.len() > limits::DIAGNOSTICS {
        cap(&mut diagnostics);
    }
    diagnostics
}

/// Keeps as many as are shown, errors before warnings, and notes how many are left out.
fn cap(diagnostics: &mut Vec<Diagnostic>) {
    let is_error = |diagnostic: &Diagnostic| diagnostic.severity == Severity::Error;
    let errors = diagnostics.iter().filter(|diagnostic| is_error(diagnostic)).count();
    let (mut room_for_errors, mut room_for_warnings) =
        (limits::DIAGNOSTICS, limits::DIAGNOSTICS - errors.min(limits::DIAGNOSTICS));
    let warnings = diagnostics.len() - errors;
    let (errors_left, warnings_left) =
        (errors.saturating_sub(room_for_errors), warnings.saturating_sub(room_for_warnings));
    diagnostics.retain(|diagnostic| {
        let room = if is_error(diagnostic) { &mut room_for_errors } else { &mut room_for_warnings };
        let fits = *room > 0;
        *room -= usize::from(fits);
        fits
    });
    let (more, noun) = if errors_left > 0 { (errors_left, "error") } else { (warnings_left, "warning") };
    let left_out =
        if more == 1 { format!("1 more {noun} is not shown") } else { format!("{more} more {noun}s are not shown") };
    let say = if errors_left > 0 { Diagnostic::error } else { Diagnostic::warning };
    diagnostics.push(say("limits/diagnostics", left_out, None));
}

/// The members of a circle in backticks, long ones cut.
#[must_use]
pub(super) fn circle<'n>(names: impl ExactSizeIterator<Item = &'n str>) -> String {
    const SHOWN: usize = 6;
    let length = names.len();
    let shown: Vec<String> = names.take(SHOWN).map(quoted).collect();
    let more = if length > SHOWN { format!(" and {} more", length - SHOWN) } else { String::new() };
    format!("{}{more}", shown.join(", "))
}

/// A number for a message, short also where it is very large or small.
#[must_use]
pub(super) fn plain(value: f64) -> String {
    if value.is_finite() && value.abs() >= 1e15 || (value != 0.0 && value.abs() < 1e-6) {
        format!("{value:e}")
    } else {
        format!("{value}")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_number_of_errors_is_limited() {
        let many = (0..150).map(|at| Diagnostic::error("x", format!("{at}"), Some(at..at))).collect();
        let shown = tidy(many);
        assert_eq!(shown.len(), limits::DIAGNOSTICS + 1);
        assert_eq!(shown.last().unwrap().message, "50 more errors are not shown");
    }

    #[test]
    fn warnings_never_hide_an_error() {
        let mut many: Vec<Diagnostic> =
            (0..150).map(|at| Diagnostic::warning("x", format!("{at}"), Some(at..at))).collect();
        let shown = tidy(many.clone());
        let last = shown.last().unwrap();
        assert_eq!((last.severity, last.message.as_str()), (Severity::Warning, "50 more warnings are not shown"));
        many.push(Diagnostic::error("y", "the error", Some(500..501)));
        let shown = tidy(many);
        assert_eq!(shown.iter().filter(|diagnostic| diagnostic.severity == Severity::Error).count(), 1);
        assert_eq!(shown.last().unwrap().message, "51 more warnings are not shown");
    }
}
