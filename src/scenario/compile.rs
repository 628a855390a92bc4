//! The order in which a document becomes a model.

use std::cell::Cell;
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use super::csv::CsvTable;
use super::definitions::Definition;
use super::diagnostic::{Diagnostic, Severity, suggestion, tidy};
use super::document::{Document, Kind, Table};
use super::moves;
use super::names::Names;
use super::number::{Order, Pending, Spec, User};
use super::overrides::{self, Override};
use super::resolve::{Context, Own, Script};
use super::sets::Interner;
use super::source::SourceText;
use super::{Compiled, Options};
use crate::model::{Amount, Clock, Domain, Model, Resource, Setup, StepLength, Target, limits};

/// Names compared for suggestions in one compilation; each of thousands of errors might have thousands of names.
const COMPARISONS: usize = 5_000_000;

/// A compilation on its way.
pub(super) struct Compiler<'a> {
    pub(super) source: &'a SourceText,
    /// The document with the overrides applied and the moves added.
    pub(super) root: &'a Table,
    /// The document without them.
    pub(super) original: &'a Table,
    /// The tables of cells that it names, by the place at which they are named.
    pub(super) tables: &'a BTreeMap<usize, Arc<CsvTable>>,
    /// How many cells have been reported as wrong.
    pub(super) cell_errors: usize,
    /// Instances that the moves read so far bind.
    pub(super) bound_instances: usize,
    pub(super) settings: &'a [Override],
    pub(super) diagnostics: Vec<Diagnostic>,
    pub(super) names: Names,
    pub(super) definitions: Vec<Definition>,
    pub(super) interner: Interner,
    pub(super) model: Model,
    /// Fields in the order of the file.
    pub(super) fields: Vec<Pending>,
    /// By parameter: whether it is drawn, so that its value is not known.
    pub(super) drawn_parameters: Vec<bool>,
    /// By attribute, then actor: whether the actor has the attribute.
    pub(super) has_attribute: Vec<bool>,
    /// Each `when` with the places of its nodes, by commitment.
    pub(super) antecedents: Vec<Option<Script>>,
    /// What else may only grow with evidence: the commitment, the key and the script.
    pub(super) monotone: Vec<(usize, &'static str, Script)>,
    /// By commitment: where its `when`, and each of its `gives`, stands.
    pub(super) gives_spans: Vec<Vec<std::ops::Range<usize>>>,
    /// Actors that have their own credit for an offer, and for a bond.
    pub(super) own_credit: [BTreeSet<usize>; 2],
    /// Where credits stand, for the check that an offer counts no more than a bond.
    pub(super) credit_spans: Vec<(usize, std::ops::Range<usize>)>,
    /// Operations compiled so far.
    pub(super) operations: usize,
    /// A start or a step length is wrong, so that dates mean nothing.
    pub(super) dates_unknown: bool,
    /// A parameter or an attribute is wrong, so that signs are in doubt.
    pub(super) doubtful: bool,
    /// The length of the run is known.
    pub(super) steps_known: bool,
    /// How many more names may be compared for suggestions.
    pub(super) comparisons: Cell<usize>,
}

/// Compiles a document.
///
/// # Errors
/// Everything that is wrong with it, sorted by place; at most [`limits::DIAGNOSTICS`] of them, and one that says how
/// many more there are.
pub fn compile(document: &Document, options: &Options) -> Result<Compiled, Vec<Diagnostic>> {
    let mut root = overrides::apply(document.root(), &options.overrides).map_err(tidy)?;
    moves::append(&mut root, &options.moves);
    let mut compiler = Compiler::new(document, &root, &options.overrides);
    compiler.run(options);
    let (errors, warnings): (Vec<Diagnostic>, Vec<Diagnostic>) =
        compiler.diagnostics.into_iter().partition(|diagnostic| diagnostic.severity == Severity::Error);
    if errors.is_empty() {
        Ok(Compiled { model: compiler.model, warnings: tidy(warnings) })
    } else {
        let mut all = errors;
        all.extend(warnings);
        Err(tidy(all))
    }
}

impl<'a> Compiler<'a> {
    fn new(document: &'a Document, root: &'a Table, settings: &'a [Override]) -> Self {
        Self {
            source: document.source(),
            root,
            original: document.root(),
            tables: document.tables(),
            cell_errors: 0,
            bound_instances: 0,
            settings,
            diagnostics: Vec::new(),
            names: Names::default(),
            definitions: Vec::new(),
            interner: Interner::default(),
            model: empty_model(),
            fields: Vec::new(),
            drawn_parameters: Vec::new(),
            has_attribute: Vec::new(),
            antecedents: Vec::new(),
            monotone: Vec::new(),
            gives_spans: Vec::new(),
            own_credit: [BTreeSet::new(), BTreeSet::new()],
            credit_spans: Vec::new(),
            operations: 0,
            dates_unknown: false,
            doubtful: false,
            steps_known: false,
            comparisons: Cell::new(COMPARISONS),
        }
    }

    fn run(&mut self, options: &Options) {
        self.read_head();
        self.collect_names();
        self.read_time();
        self.read_resources();
        if !self.check_sizes() {
            return;
        }
        self.read_parameters();
        self.read_data();
        self.read_definitions();
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
        self.finish(options.track_trust);
    }

    fn read_head(&mut self) {
        const KEYS: [&str; 26] = [
            "format",
            "extends",
            "remove",
            "title",
            "about",
            "issues",
            "pace",
            "time",
            "parameters",
            "definitions",
            "resources",
            "actors",
            "cohorts",
            "groups",
            "trust",
            "credit",
            "influence",
            "commitments",
            "meetings",
            "shocks",
            "moves",
            "outcomes",
            "metrics",
            "data",
            "sweep",
            "note",
        ];
        self.known_keys(self.root, &KEYS, "the file");
        match self.root.get("format") {
            None => {
                let message = "the file has no `format`";
                self.report(
                    Diagnostic::error("schema/missing-key", message, Some(0..0)).help("write `format = 1` at the top"),
                );
            }
            Some(entry) => match entry.value.kind {
                Kind::Integer(1) => {}
                Kind::Integer(other) => {
                    let message = format!("`format` is {other}, and this program reads format 1 only");
                    let error = Diagnostic::error("schema/format", message, Some(entry.value.span.clone()));
                    let error = self.naming_override(&entry.value, error.help("write `format = 1`"));
                    self.report(error);
                }
                _ => self.wrong_kind(&entry.value, "format", "the number 1", Some("write `format = 1`")),
            },
        }
        self.model.title = self.optional_text(self.root, "title", "").unwrap_or_default();
        self.model.about = self.optional_text(self.root, "about", "").unwrap_or_default();
        self.free_texts(self.root, &["note"], "");
    }

    fn read_resources(&mut self) {
        let Some(section) = self.section("resources") else { return };
        for entry in &section.entries {
            let parent = super::reader::path("resources", &entry.key);
            let unit = self.table(&entry.value, &parent).and_then(|table| {
                self.known_keys(table, &["unit", "name", "note"], "a resource");
                self.free_texts(table, &["name", "note"], &parent);
                self.optional_text(table, "unit", &parent)
            });
            self.model.resources.push(Resource { id: entry.key.clone(), unit });
        }
    }

    /// Refuses what would be too large before it is allocated.
    fn check_sizes(&mut self) -> bool {
        let actors = self.names.actors.len();
        let checks = [
            ("issues", actors.saturating_mul(self.names.issues.len()), limits::STANCES, "actors times issues"),
            (
                "actors",
                actors.saturating_mul(self.names.attributes.len()),
                limits::ATTRIBUTES,
                "actors times attributes",
            ),
            ("resources", actors.saturating_mul(self.names.resources.len()), limits::LEDGER, "actors times resources"),
        ];
        if actors > limits::ACTORS {
            // The actor or cohort that is too many has been reported.
            return false;
        }
        for (key, size, limit, what) in checks {
            if size > limit {
                let span = self.root.get(key).map(|entry| entry.key_span.clone());
                let message = format!("{size} {what} are more than {limit}");
                self.report(
                    Diagnostic::error("limits/size", message, span).help("make cohorts smaller, or declare less"),
                );
                return false;
            }
        }
        self.allocate(actors);
        true
    }

    fn allocate(&mut self, actors: usize) {
        let stances = actors * self.names.issues.len();
        let attributes = actors * self.names.attributes.len();
        let setup = &mut self.model.setup;
        setup.stances = vec![0.5; stances];
        setup.anchors = vec![f64::NAN; stances];
        setup.susceptibility = vec![1.0; actors];
        setup.volatility = vec![0.0; actors];
        setup.credit_offer = vec![0.0; actors];
        setup.credit_bond = vec![1.0; actors];
        setup.attributes = vec![f64::NAN; attributes];
        self.has_attribute = vec![false; attributes];
        self.model.issues = self.names.issues.names().map(str::to_owned).collect();
        self.model.attributes = self.names.attributes.names().map(str::to_owned).collect();
    }

    fn read_pace(&mut self) {
        if let Some(entry) = self.root.get("pace") {
            self.plain_field(&entry.value, "pace", Domain::Pace, Target::Pace);
        }
    }

    /// A numeric field with one user and one target.
    pub(super) fn plain_field(&mut self, value: &'a super::document::Value, at: &str, domain: Domain, target: Target) {
        let context = Context::Numeric { cohort: false, own: Own::No };
        let spec = Spec { path: at.to_owned(), domain, order: Order::Rest, context, table: None };
        self.number(value, &spec, &[User::default()], &|_| vec![target]);
    }

    /// 'did you mean …?' for the nearest of names that may be very many.
    pub(super) fn near<'n>(&self, name: &str, known: impl Iterator<Item = &'n str>) -> Option<String> {
        let known: Vec<&str> = known.take(self.comparisons.get()).collect();
        self.comparisons.set(self.comparisons.get() - known.len());
        suggestion(name, known)
    }

    /// Refuses a series that would be too long.
    pub(super) fn check_samples(&mut self) {
        let samples = u64::from(self.model.clock.steps).saturating_mul(self.model.metrics.len() as u64);
        if samples > limits::SAMPLES && self.steps_known {
            let span = self.root.get("metrics").map(|entry| entry.key_span.clone());
            let message = format!(
                "{} metrics in {} steps make {samples} samples, more than {}",
                self.model.metrics.len(),
                self.model.clock.steps,
                limits::SAMPLES
            );
            self.report(Diagnostic::error("limits/samples", message, span).help("run fewer steps, or measure less"));
        }
    }
}

fn empty_model() -> Model {
    Model {
        title: String::new(),
        about: String::new(),
        clock: Clock { start: None, plain: false, step: StepLength::DAY, steps: 1 },
        parameters: Vec::new(),
        issues: Vec::new(),
        resources: Vec::new(),
        attributes: Vec::new(),
        actors: Vec::new(),
        groups: Vec::new(),
        influence: Vec::new(),
        data: Vec::new(),
        trust_pairs: Vec::new(),
        commitments: Vec::new(),
        instances: Vec::new(),
        meetings: Vec::new(),
        shocks: Vec::new(),
        moves: Vec::new(),
        outcomes: Vec::new(),
        metrics: Vec::new(),
        slots: Vec::new(),
        means: Vec::new(),
        gift_slot_starts: vec![0],
        gift_slots: Vec::new(),
        setup: empty_setup(),
        fields: Vec::new(),
        draws: Vec::new(),
        reads_trust: false,
        reads_gap: false,
    }
}

/// The defaults of what every scenario has.
fn empty_setup() -> Setup {
    let none: Vec<f64> = Vec::new();
    Setup {
        parameters: none.clone(),
        stances: none.clone(),
        anchors: none.clone(),
        susceptibility: none.clone(),
        volatility: none.clone(),
        credit_offer: none.clone(),
        credit_bond: none.clone(),
        attributes: none.clone(),
        pace: 1.0,
        trust_default: 1.0,
        trust_strength: 4.0,
        trust_kept: 1.0,
        trust_broken: 1.0,
        trust_suspended: 0.5,
        trust_witness: 0.0,
        trust_pairs: none.clone(),
        influence: none.clone(),
        gives: Vec::<Amount>::new(),
        by: Vec::<Amount>::new(),
        lead: Vec::new(),
        over: Vec::new(),
        grace: Vec::new(),
        due: Vec::new(),
        expires: none.clone(),
        cost: none.clone(),
        success: none.clone(),
        meeting_influence: none.clone(),
        effects: none,
        moved: Vec::new(),
    }
}
