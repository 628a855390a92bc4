//! What is wrong with a scenario: where, why, and what to do about it.
//!
//! A message stands alone: lower case, values in backticks, no full stop; the remedy is the help.

use std::ops::Range;

use serde::Serialize;

use super::source::{Position, Source};
use crate::model::limits;

/// How bad it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Severity {
    /// Nothing can be run.
    Error,
    /// Legal, but surely not meant.
    Warning,
}

impl Severity {
    /// How a diagnostic begins.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Error => "error",
            Self::Warning => "warning",
        }
    }
}

/// Which text the span of a diagnostic refers to.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum Origin {
    /// The scenario file.
    #[default]
    File,
    /// An expression given as an argument.
    Argument(String),
}

/// One thing that is wrong.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Diagnostic {
    /// How bad it is.
    pub severity: Severity,
    /// Stage and kind, such as `names/unknown`.
    pub code: &'static str,
    /// What is wrong.
    pub message: String,
    /// The bytes that it is about, in the text of `origin`.
    pub span: Option<Range<usize>>,
    /// A few words for the place itself.
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

    /// With a few words for the place.
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

    /// As data for `--json`; `source` is the scenario file.
    #[must_use]
    pub fn view(&self, source: &Source) -> View {
        let argument = match &self.origin {
            Origin::File => None,
            Origin::Argument(text) => Some(Source::lossy("argument", text.as_bytes())),
        };
        View {
            severity: self.severity,
            code: self.code,
            message: self.message.clone(),
            place: self.span.clone().map(|span| place(argument.as_ref().unwrap_or(source), span)),
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
                Origin::File => None,
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
pub struct View {
    /// How bad it is.
    pub severity: Severity,
    /// Stage and kind.
    pub code: &'static str,
    /// What is wrong.
    pub message: String,
    /// Where.
    #[serde(flatten)]
    pub place: Option<PlaceView>,
    /// A few words for the place.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub label: Option<String>,
    /// Further places and remarks.
    pub notes: Vec<NoteView>,
    /// The remedy.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub help: Option<String>,
    /// The argument's text, where the place is in one.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub argument: Option<String>,
}

fn place(source: &Source, span: Range<usize>) -> PlaceView {
    let Position { line, column } = source.position(span.start);
    let end = source.position(span.end.max(span.start));
    PlaceView { file: source.name().to_owned(), line, column, end_line: end.line, end_column: end.column }
}

/// Sorts by place, drops what is said twice, and caps the number, saying how many more there are.
#[must_use]
pub(super) fn tidy(mut diagnostics: Vec<Diagnostic>) -> Vec<Diagnostic> {
    diagnostics.sort_by_cached_key(|diagnostic| {
        let span = diagnostic.span.clone().unwrap_or(0..0);
        (diagnostic.origin != Origin::File, span.start, span.end, diagnostic.code)
    });
    diagnostics.dedup_by(|a, b| a.code == b.code && a.span == b.span && a.origin == b.origin && a.message == b.message);
    if diagnostics.len() > limits::DIAGNOSTICS {
        cap(&mut diagnostics);
    }
    diagnostics
}

/// Keeps as many as are shown, errors before warnings, and says what is left out.
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

/// Longest part of a file that a message repeats, in characters.
const QUOTED: usize = 60;

/// A text from a file or argument in backticks, fit for one line of a terminal: shortened, and with what
/// would not be seen or would move other text around written as an escape.
#[must_use]
pub(super) fn quoted(text: &str) -> String {
    format!("`{}`", visible(text))
}

/// As [`quoted`], without the backticks.
#[must_use]
pub(super) fn visible(text: &str) -> String {
    let mut shown = String::new();
    for (number, character) in text.chars().enumerate() {
        if number == QUOTED {
            shown.push('…');
            break;
        }
        if is_plain(character) {
            shown.push(character);
        } else {
            shown.extend(character.escape_unicode());
        }
    }
    shown
}

/// Whether a character shows as itself and leaves its neighbours in place.
fn is_plain(character: char) -> bool {
    let hidden = matches!(
        character,
        '\u{00A0}' | '\u{00AD}' | '\u{061C}' | '\u{180E}' | '\u{2000}'..='\u{200F}' | '\u{2028}'..='\u{202F}'
            | '\u{205F}'..='\u{206F}' | '\u{3000}' | '\u{FE00}'..='\u{FE0F}' | '\u{FEFF}' | '\u{FFF9}'..='\u{FFFB}'
            | '\u{E0000}'..='\u{E0FFF}'
    );
    !character.is_control() && !hidden
}

/// The nearest of some names to one that is not among them, if it is near enough.
#[must_use]
pub(super) fn nearest<'n>(name: &str, known: impl IntoIterator<Item = &'n str>) -> Option<&'n str> {
    if name.chars().count() > 2 * QUOTED {
        return None;
    }
    let lower = name.to_lowercase();
    let allowed = (name.chars().count() / 3).max(1);
    known
        .into_iter()
        .filter(|candidate| candidate.chars().count().abs_diff(name.chars().count()) <= allowed)
        .map(|candidate| (strsim::osa_distance(&lower, candidate), candidate))
        .filter(|&(distance, _)| distance <= allowed)
        .min_by_key(|&(distance, _)| distance)
        .map(|(_, candidate)| candidate)
}

/// 'did you mean …?' for the nearest name.
#[must_use]
pub(super) fn suggestion<'n>(name: &str, known: impl IntoIterator<Item = &'n str>) -> Option<String> {
    nearest(name, known).map(|candidate| format!("did you mean {}?", quoted(candidate)))
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

/// Some names in backticks, for 'one of …'; long lists are cut.
#[must_use]
pub(super) fn listed<'n>(names: impl IntoIterator<Item = &'n str>) -> String {
    let names: Vec<String> = names.into_iter().take(13).map(quoted).collect();
    match names.as_slice() {
        [] => "none".into(),
        [one] => one.clone(),
        names if names.len() > 12 => format!("{} …", names[..12].join(", ")),
        [first @ .., last] => format!("{} or {last}", first.join(", ")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_hidden_or_hostile_is_repeated() {
        assert_eq!(quoted("a\u{1b}[2J\n\u{202e}b"), "`a\\u{1b}[2J\\u{a}\\u{202e}b`");
        assert_eq!(quoted("größe"), "`größe`");
        assert!(quoted(&"x".repeat(1_000)).chars().count() < 70);
    }

    #[test]
    fn the_nearest_name_is_suggested() {
        assert_eq!(nearest("europa", ["us", "europe"]), Some("europe"));
        assert_eq!(nearest("usa", ["us", "uk"]), Some("us"));
        assert_eq!(nearest("spain", ["us", "uk"]), None);
    }

    #[test]
    fn too_many_are_capped() {
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
