//! Compiles a document to a model, stage by stage.

use super::calendar::Calendar;
use super::cells::read_beside;
use super::check::check;
use super::diagnostic::{Diagnostic, Severity, tidy};
use super::document::Document;
use super::draft::Draft;
use super::keys;
use super::lookup::Lookup;
use super::moves::{self, AddedMove};
use super::names::Names;
use super::overrides::{self, Applied, Override};
use super::reader::{Reader, path};
use super::toml_tree::Kind;
use crate::model::{Domain, Model, Resource, Target, limits};

/// The options with which a document is compiled.
#[derive(Clone, Debug, Default)]
pub struct Options {
    /// Values that replace others of the file, in this order.
    pub overrides: Vec<Override>,
    /// Moves besides those of the file, in this order.
    pub moves: Vec<AddedMove>,
    /// Metrics besides those of the file: names and expressions.
    pub metrics: Vec<(String, String)>,
    /// Whether trust is computed even if nothing reads it.
    pub track_trust: bool,
}

/// A compiled scenario.
#[derive(Clone, Debug)]
pub struct Compiled {
    /// The model.
    pub model: Model,
    /// Warnings, in the order of the file.
    pub warnings: Vec<Diagnostic>,
}

/// Compiles a document, stage by stage: names and the calendar; what names stand for, with definitions; the model,
/// section by section; the checks of the whole.
///
/// # Errors
/// All errors, sorted by position: at most [`limits::DIAGNOSTICS`] of them, and one that states how
/// many more there are.
pub fn compile(document: &Document, options: &Options) -> Result<Compiled, Vec<Diagnostic>> {
    let Applied { mut root, members } = overrides::apply(document.root(), &options.overrides).map_err(tidy)?;
    moves::append(&mut root, &options.moves);
    let mut reader = Reader::new(document, &root, &members, &options.overrides);
    let (title, about) = read_head(&mut reader);
    let names = read_beside(&mut reader, Names::collect);
    let calendar = Calendar::read(&mut reader);
    let resources = read_resources(&mut reader);
    if !check_sizes(&mut reader, &names) {
        return Err(tidy(reader.diagnostics));
    }
    let mut draft = Draft::new(reader, Lookup::new(names, calendar));
    draft.model.title = title;
    draft.model.about = about;
    draft.model.resources = resources;
    draft.read(options);
    draft.reader.diagnostics.extend(overrides::unused_members(&members, &options.overrides));
    let (model, diagnostics) = check(draft, options.track_trust);
    let diagnostics = overrides::name_durations(&root, &options.overrides, diagnostics);
    if diagnostics.iter().any(|diagnostic| diagnostic.severity == Severity::Error) {
        Err(tidy(diagnostics))
    } else {
        Ok(Compiled { model, warnings: tidy(diagnostics) })
    }
}

impl Draft<'_> {
    /// Reads the sections of the document, in the order of their dependencies.
    fn read(&mut self, options: &Options) {
        self.read_parameters();
        self.read_data();
        self.lookup.read_definitions(&mut self.reader);
        self.read_actors();
        self.read_pace();
        self.read_credit();
        self.read_trust();
        self.read_influence();
        self.read_commitments();
        self.read_meetings();
        self.read_shocks();
        self.read_moves(&options.moves);
        self.read_outcomes();
        self.read_metrics(&options.metrics);
        self.check_sweep();
    }

    fn read_pace(&mut self) {
        if let Some(entry) = self.reader.root.get("pace") {
            self.plain_field(&entry.value, "pace", Domain::Pace, Target::Pace);
        }
    }
}

/// Checks the keys and the format of the file, and returns its title and description.
fn read_head(reader: &mut Reader<'_>) -> (String, String) {
    reader.known_keys(reader.root, &keys::FILE);
    match reader.root.get("format") {
        None => {
            let message = "the file has no `format`";
            reader.report(
                Diagnostic::error("schema/missing-key", message, Some(0..0)).help("write `format = 1` at the top"),
            );
        }
        Some(entry) => match entry.value.kind {
            Kind::Integer(1) => {}
            Kind::Integer(other) => {
                let message = format!("`format` is {other}, and this program reads format 1 only");
                let error = Diagnostic::error("schema/format", message, Some(entry.value.span.clone()));
                let error = reader.naming_override(&entry.value, error.help("write `format = 1`"));
                reader.report(error);
            }
            _ => reader.wrong_kind(&entry.value, "format", "the number 1", Some("write `format = 1`")),
        },
    }
    reader.free_texts(reader.root, &["note"], "");
    let title = reader.short_text(reader.root, "title", "").unwrap_or_default();
    (title, reader.optional_text(reader.root, "about", "").unwrap_or_default())
}

/// Reads `[resources]`.
fn read_resources(reader: &mut Reader<'_>) -> Vec<Resource> {
    let mut resources = Vec::new();
    let Some(section) = reader.section("resources") else { return resources };
    for entry in &section.entries {
        let parent = path("resources", &entry.key);
        let texts = reader.table(&entry.value, &parent).map(|table| {
            reader.known_keys(table, &keys::RESOURCE);
            reader.free_texts(table, &["note"], &parent);
            (reader.short_text(table, "name", &parent), reader.short_text(table, "unit", &parent))
        });
        let (name, unit) = texts.unwrap_or_default();
        resources.push(Resource { id: entry.key.clone(), name, unit });
    }
    resources
}

/// Checks sizes before memory is allocated.
fn check_sizes(reader: &mut Reader<'_>, names: &Names) -> bool {
    let actors = names.actors.len();
    let checks = [
        ("issues", actors.saturating_mul(names.issues.len()), limits::STANCES, "actors times issues"),
        ("actors", actors.saturating_mul(names.attributes.len()), limits::ATTRIBUTES, "actors times attributes"),
        ("resources", actors.saturating_mul(names.resources.len()), limits::LEDGER, "actors times resources"),
    ];
    if actors > limits::ACTORS {
        // The actor or cohort that is too many has been reported.
        return false;
    }
    for (key, size, limit, what) in checks {
        if size > limit {
            let span = reader.root.get(key).map(|entry| entry.key_span.clone());
            let message = format!("{size} {what} are more than {limit}");
            reader
                .report(Diagnostic::error("limits/size", message, span).help("make cohorts smaller, or declare less"));
            return false;
        }
    }
    true
}
