//! Parameters, actors and cohorts.

use std::sync::Arc;

use super::csv::CsvTable;
use super::diagnostic::{Diagnostic, quoted};
use super::draft::{Draft, Order, Spec, TargetOf, User, UserTargets, Users};
use super::keys;
use super::names::Cohort;
use super::reader::path;
use super::script::{Context, OwnAttributes};
use super::toml_tree::{Entry, Kind, Table, Value, is_column, is_long_form};
use crate::model::{ActorId, Distribution, Domain, Parameter, ParameterId, Scalar, Shape, Target, limits};

/// The actors to which a table applies: one actor, or the members of a cohort.
struct Owners {
    first: usize,
    /// How many they are.
    count: usize,
    /// Whether they are the members of a cohort.
    cohort: bool,
    /// The table whose rows they are.
    table: Option<Arc<CsvTable>>,
}

impl Owners {
    fn spec(&self, path: String, domain: Domain, order: Order) -> Spec {
        let own = if order == Order::Attribute { OwnAttributes::Attribute } else { OwnAttributes::Yes };
        let context = Context::Numeric { cohort: self.cohort, own };
        Spec { path, domain, order, context, table: self.table.clone() }
    }

    fn actors(&self) -> Vec<ActorId> {
        (self.first..self.first + self.count).map(ActorId::at).collect()
    }
}

impl<'a> Draft<'a> {
    /// Reads `[parameters]`.
    pub(super) fn read_parameters(&mut self) {
        let Some(section) = self.reader.section("parameters") else { return };
        self.model.setup_mut().parameters = vec![0.0; section.entries.len()];
        for (at, entry) in section.entries.iter().enumerate() {
            let place = path("parameters", &entry.key);
            let parameter = match &entry.value.kind {
                Kind::Table(table) if is_long_form(table) => self.long_parameter(at, entry, table, &place),
                _ => self.short_parameter(at, entry, &entry.value, &place),
            };
            let is_drawn = parameter.distribution.is_some() && !parameter.overridden;
            let is_known = !is_drawn && !self.invalid.has_parameter(at);
            self.lookup.parameters.push(is_known.then(|| self.model.setup.parameters[at]));
            self.model.parameters.push(parameter);
        }
    }

    fn short_parameter(&mut self, at: usize, entry: &'a Entry, value: &'a Value, place: &str) -> Parameter {
        let distribution = match &value.kind {
            Kind::String(_) | Kind::Boolean(_) | Kind::Array(_) => {
                let help = match value.kind {
                    Kind::String(_) => "give a number, or move the expression to `[definitions]`",
                    _ => "write a number such as `0.5`",
                };
                self.invalid.note(Some(Target::Parameter(ParameterId::at(at))), 0);
                self.reader.wrong_kind(value, place, "a number or a distribution", Some(help));
                None
            }
            _ => self.parameter_distribution(value, &parameter_spec(entry), Target::Parameter(ParameterId::at(at))),
        };
        if let Some(distribution) = &distribution {
            self.model.setup_mut().parameters[at] = typical(distribution);
        }
        let overridden = value.set_by.is_some();
        let distribution = if overridden { self.original_distribution(entry) } else { distribution };
        Parameter { id: entry.key.clone(), unit: None, note: None, range: None, whole: false, distribution, overridden }
    }

    /// The distribution that the file gives a parameter whose value is set.
    fn original_distribution(&mut self, entry: &Entry) -> Option<Distribution> {
        let Kind::Table(section) = &self.reader.original.get("parameters")?.value.kind else { return None };
        let value = &section.get(&entry.key)?.value;
        let value = match &value.kind {
            Kind::Table(table) if is_long_form(table) => &table.get("value")?.value,
            _ => value,
        };
        let Kind::Table(_) = value.kind else { return None };
        self.unused_distribution(value, &parameter_spec(entry))
    }

    /// `{ value, range, whole, unit, note }`
    fn long_parameter(&mut self, at: usize, entry: &'a Entry, table: &'a Table, place: &str) -> Parameter {
        self.reader.known_keys(table, &keys::PARAMETER);
        let mut parameter = if let Some(value) = table.get("value") {
            self.short_parameter(at, entry, &value.value, &path(place, "value"))
        } else {
            self.invalid.note(Some(Target::Parameter(ParameterId::at(at))), 0);
            self.reader.missing("value", place, entry.value.span.clone(), "write `{ value = 1 }`");
            Parameter {
                id: entry.key.clone(),
                unit: None,
                note: None,
                range: None,
                whole: false,
                distribution: None,
                overridden: false,
            }
        };
        self.reader.free_texts(table, &["name"], place);
        parameter.unit = self.reader.short_text(table, "unit", place);
        parameter.note = self.reader.optional_text(table, "note", place);
        parameter.range = table.get("range").and_then(|range| self.range(&range.value, &path(place, "range")));
        parameter.whole = self.reader.flag(table, "whole", place, false);
        if parameter.whole {
            self.check_whole(&parameter, self.model.setup.parameters[at], table, place);
        }
        parameter
    }

    /// Checks that a parameter of whole numbers has a range with whole ends.
    fn check_whole(&mut self, parameter: &Parameter, value: f64, table: &'a Table, place: &str) {
        let Some(entry) = table.get("whole") else { return };
        let is_whole = |number: f64| libm::trunc(number).to_bits() == number.to_bits();
        let is_plain = parameter.distribution.is_none() || parameter.overridden;
        let message = match (parameter.range, table.get("range")) {
            _ if is_plain && !is_whole(value) => format!("`{place}` is of whole numbers, but its value is {value}"),
            (Some((low, high)), _) if is_whole(low) && is_whole(high) => return,
            (None, Some(_)) => return,
            (Some((low, high)), _) => format!("`{place}` is of whole numbers, but its range goes from {low} to {high}"),
            (None, None) => format!("`{place}` is of whole numbers, but has no range to take them from"),
        };
        let error = Diagnostic::error("domain/whole", message, Some(entry.value.span.clone()));
        let error = error.help("write whole numbers, such as `value = 1, range = [0, 7]`, or remove `whole`");
        let error = match table.get("value") {
            Some(value) if is_plain => self.reader.naming_override(&value.value, error),
            _ => error,
        };
        self.reader.report(error);
    }

    fn range(&mut self, value: &'a Value, place: &str) -> Option<(f64, f64)> {
        let numbers: Option<Vec<f64>> = match &value.kind {
            Kind::Array(array) => {
                let ends = array.iter().map(|end| match end.kind {
                    Kind::Datetime(_) => self.lookup.calendar.date_number(&mut self.reader, end, place),
                    _ => end.number(),
                });
                let ends: Vec<Option<f64>> = ends.collect();
                if array
                    .iter()
                    .zip(&ends)
                    .any(|(end, number)| number.is_none() && matches!(end.kind, Kind::Datetime(_)))
                {
                    // The invalid date has been reported.
                    return None;
                }
                ends.into_iter().collect()
            }
            _ => None,
        };
        let (message, code) = match numbers.as_deref() {
            Some(&[low, high]) if !low.is_finite() || !high.is_finite() => {
                (format!("`{place}` must have finite ends"), "domain/range")
            }
            Some(&[low, high]) if low > high => (format!("`{place}` goes from {low} down to {high}"), "domain/range"),
            Some(&[low, high]) => return Some((low, high)),
            _ => (format!("`{place}` must be a list of two numbers"), "schema/kind"),
        };
        let error = Diagnostic::error(code, message, Some(value.span.clone()))
            .help("write `range = [0, 1]`, the lower end first");
        self.reader.report(error);
        None
    }

    /// Reads `[actors]` and `[cohorts]`.
    pub(super) fn read_actors(&mut self) {
        for (at, (entry, table)) in self.reader.named_tables("actors").into_iter().enumerate() {
            self.reader.known_keys(table, &keys::ACTOR);
            let name = self.reader.short_text(table, "name", &path("actors", &entry.key));
            if let Some(name) = name {
                self.model.actors.set_name(ActorId::at(at), &name);
            }
            let owners = Owners { first: at, count: 1, cohort: false, table: None };
            self.actor_fields(table, &path("actors", &entry.key), &owners);
        }
        for (at, (entry, table)) in self.reader.named_tables("cohorts").into_iter().enumerate() {
            self.reader.known_keys(table, &keys::COHORT);
            let name = self.reader.short_text(table, "name", &path("cohorts", &entry.key));
            let cohort = self.lookup.names.cohorts[at].clone();
            let is_named = name.is_some() || cohort.names.is_some();
            for member in 0..if is_named { cohort.size as usize } else { 0 } {
                let own = self.name_in_table(&cohort, member);
                if let Some(name) = own.or_else(|| name.as_ref().map(|name| format!("{name} {}", member + 1))) {
                    self.model.actors.set_name(ActorId::at(cohort.first + member), &name);
                }
            }
            let owners = Owners { first: cohort.first, count: cohort.size as usize, cohort: true, table: cohort.table };
            self.actor_fields(table, &path("cohorts", &entry.key), &owners);
        }
    }

    /// The name of a member in the table of a cohort.
    fn name_in_table(&mut self, cohort: &Cohort, member: usize) -> Option<String> {
        let (table, column) = (cohort.table.as_ref()?, cohort.names?);
        let name = table.cell(member, column);
        if name.len() > limits::NAME_LENGTH && name.chars().count() > limits::NAME_LENGTH {
            let message = format!("the name {} is longer than {} characters", quoted(&name), limits::NAME_LENGTH);
            let help = "shorten it, or keep long texts in another column";
            self.reader.report_cell("limits/name", message, help, table, member, column);
            return None;
        }
        (!name.is_empty()).then(|| name.into_owned())
    }

    fn actor_fields(&mut self, table: &'a Table, parent: &str, owners: &Owners) {
        self.reader.free_texts(table, &["note"], parent);
        // Attributes come first, since the other fields may read them.
        if let Some(entry) = table.get("attributes") {
            self.attributes(&entry.value, &path(parent, "attributes"), owners);
        }
        if let Some(entry) = table.get("stance") {
            self.by_issue(&entry.value, &path(parent, "stance"), owners, Target::Stance);
        }
        if let Some(entry) = table.get("anchor") {
            self.by_issue(&entry.value, &path(parent, "anchor"), owners, Target::Anchor);
        }
        if let Some(entry) = table.get("susceptibility") {
            self.actor_number(
                &entry.value,
                &path(parent, "susceptibility"),
                Domain::Unit,
                owners,
                Target::Susceptibility,
            );
        }
        if let Some(entry) = table.get("volatility") {
            self.actor_number(
                &entry.value,
                &path(parent, "volatility"),
                Domain::NonNegative,
                owners,
                Target::Volatility,
            );
        }
        if let Some(entry) = table.get("credit") {
            self.actor_credit(&entry.value, &path(parent, "credit"), owners);
        }
    }

    fn actor_number(&mut self, value: &'a Value, place: &str, domain: Domain, owners: &Owners, target: TargetOf) {
        let spec = owners.spec(place.to_owned(), domain, Order::Rest);
        self.owners_number(value, &spec, owners, UserTargets::Each { of: target, first: owners.first, step: 1 });
        self.check_own_fields(&|| owners.actors(), "actor");
    }

    fn owners_number(&mut self, value: &'a Value, spec: &Spec, owners: &Owners, places: UserTargets<'_>) {
        let one = [User { owner: Some(ActorId::at(owners.first)), ..User::default() }];
        let members = Users::Members(owners.first, u32::try_from(owners.count).unwrap_or(u32::MAX));
        self.number(value, spec, if owners.cohort { members } else { Users::Listed(&one) }, places);
    }

    /// A stance or anchor: one value for all issues, or a table by issue.
    fn by_issue(&mut self, value: &'a Value, place: &str, owners: &Owners, target: TargetOf) {
        let actors = self.lookup.names.actors.len();
        let spec = |path: String| owners.spec(path, Domain::Unit, Order::Rest);
        let is_issue = owners.table.is_none() && self.lookup.names.issues.find("column").is_some();
        let is_cell = !is_issue && matches!(&value.kind, Kind::Table(table) if is_column(table));
        let Some(table) = self.lookup.issue_table(value).filter(|_| !is_cell) else {
            let issues = self.lookup.names.issues.len();
            let all = |at: usize| {
                (0..issues).map(|issue| target(issue * actors + owners.first + at)).collect::<Vec<_>>().into()
            };
            let places = UserTargets::Each { of: target, first: owners.first, step: 1 };
            let places = if issues == 1 { places } else { UserTargets::Some(&all) };
            self.owners_number(value, &spec(place.to_owned()), owners, places);
            self.check_own_fields(&|| owners.actors(), "actor");
            return;
        };
        for entry in &table.entries {
            let Some(issue) = self.lookup.issue(&mut self.reader, &entry.key, &entry.key_span, place) else { continue };
            let places = UserTargets::Each { of: target, first: issue * actors + owners.first, step: 1 };
            self.owners_number(&entry.value, &spec(path(place, &entry.key)), owners, places);
            self.check_own_fields(&|| owners.actors(), "actor");
        }
    }

    fn actor_credit(&mut self, value: &'a Value, place: &str, owners: &Owners) {
        let Some(table) = self.reader.table(value, place) else { return };
        self.reader.known_keys(table, &keys::CREDIT);
        let targets: [(&str, TargetOf); 2] = [("offer", Target::CreditOffer), ("bond", Target::CreditBond)];
        for (at, (key, target)) in targets.into_iter().enumerate() {
            let Some(entry) = table.get(key) else { continue };
            self.actor_number(&entry.value, &path(place, key), Domain::Unit, owners, target);
            let members = owners.first..owners.first + owners.count;
            self.own_credit[at].extend(members.clone());
            self.credit_spans.extend(members.map(|member| (member, entry.value.span.clone())));
        }
    }

    fn attributes(&mut self, value: &'a Value, place: &str, owners: &Owners) {
        let Some(table) = self.reader.table(value, place) else { return };
        let actors = self.lookup.names.actors.len();
        for entry in &table.entries {
            let Some(attribute) = self.lookup.names.attributes.find(&entry.key) else { continue };
            let first = attribute * actors + owners.first;
            self.has_attribute[first..first + owners.count].fill(true);
            let spec = owners.spec(path(place, &entry.key), Domain::Any, Order::Attribute);
            self.owners_number(
                &entry.value,
                &spec,
                owners,
                UserTargets::Each { of: Target::Attribute, first, step: 1 },
            );
        }
    }
}

/// A parameter is drawn under the same path in the short and the long form.
fn parameter_spec(entry: &Entry) -> Spec {
    let context = Context::Numeric { cohort: false, own: OwnAttributes::No };
    Spec { path: path("parameters", &entry.key), domain: Domain::Any, order: Order::Parameter, context, table: None }
}

/// A representative value of a distribution, for checks that need a number before anything is drawn.
fn typical(distribution: &Distribution) -> f64 {
    let constant = |at: usize| match distribution.arguments.get(at) {
        Some(Scalar::Constant(value)) => *value,
        _ => 0.0,
    };
    match distribution.shape {
        Shape::Uniform => f64::midpoint(constant(0), constant(1)),
        Shape::Triangular => constant(1),
        Shape::Normal | Shape::Choice => constant(0),
    }
}
