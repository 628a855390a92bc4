//! Reads `[commitments]`.

use std::ops::Range;

use super::diagnostic::{Diagnostic, listed, quoted, suggestion};
use super::draft::{Draft, Order, Spec, TargetOf, User, UserTargets, Users};
use super::keys;
use super::lookup::Set;
use super::names::Party;
use super::reader::path;
use super::script::{Context, OwnAttributes, Type};
use super::toml_tree::{Entry, Kind, Table, Value};
use crate::model::{
    ActorId, Amount, Commitment, CommitmentId, Domain, Expression, Instance, IssueId, Node, ResourceId, State, Target,
    Targets, limits,
};

/// A commitment's instances while its fields are read.
struct Instances {
    first: usize,
    first_gift: usize,
    gifts: usize,
    debtors: Vec<ActorId>,
    /// Whether the debtor is a group, so that instances have names of their own.
    group: bool,
}

impl Instances {
    /// The places of the numbers of a gift.
    fn gifts(&self, of: TargetOf, number: usize) -> UserTargets<'static> {
        UserTargets::Each { of, first: self.first_gift + number, step: self.gifts }
    }
}

/// A number as an expression.
fn constant(value: f64, path: String) -> Expression {
    Expression { nodes: vec![Node::Number(value)], path, text: value.to_string(), named: Vec::new() }
}

/// A commitment without debtors.
fn nothing_promised(id: &str) -> Commitment {
    Commitment {
        id: id.to_owned(),
        debtor: String::new(),
        creditor: None,
        gives: Vec::new(),
        levels: Vec::new(),
        offer: None,
        when: None,
        stay: None,
        until: None,
        release: None,
        renew: None,
        initial: State::Null,
        maintain: false,
        resumable: false,
        issue: IssueId(0),
    }
}

/// The table of a graded amount; `None` for a number or a distribution, which are plain amounts.
fn graded(value: &Value) -> Option<&Table> {
    let Kind::Table(table) = &value.kind else { return None };
    keys::GRADED.keys.iter().any(|key| table.has(key)).then_some(table)
}

impl<'a> Draft<'a> {
    /// Reads `[commitments]`.
    pub(super) fn read_commitments(&mut self) {
        for at in 0..self.lookup.names.commitments.len() {
            self.gives_spans.push(Vec::new());
            let entry = self.reader.section("commitments").and_then(|section| section.entries.get(at));
            let Some(entry) = entry else { continue };
            let place = path("commitments", &entry.key);
            if let Some(table) = self.reader.table(&entry.value, &place) {
                self.reader.known_keys(table, &keys::COMMITMENT);
                self.commitment(at, entry, table, &place);
            } else {
                // The error has been reported; commitments keep their positions, by which others refer to them.
                self.model.commitments.push(nothing_promised(&entry.key));
            }
        }
    }

    fn commitment(&mut self, at: usize, entry: &'a Entry, table: &'a Table, place: &str) {
        self.reader.free_texts(table, &["name", "note"], place);
        let (debtors, group, debtor) = self.debtors(entry, table, place);
        let creditor = table.get("creditor").and_then(|creditor| {
            let set = self.one_party(&creditor.value, &path(place, "creditor"))?;
            Some(self.lookup.group(&mut self.reader, &set, &creditor.value.span))
        });
        let gives = self.gives(at, entry, table, place);
        let instances = self.instances(at, entry, debtors, group, gives.len());
        let issue = self.own_issue(table, place);
        let mut levels = Vec::new();
        for (number, (_, given)) in gives.iter().enumerate() {
            let key = path(&path(place, "gives"), &given.key);
            if let Some(graded) = graded(&given.value) {
                levels.resize(gives.len(), None);
                let level = self.graded_amount((graded, &given.value), &key, issue, &instances, number);
                // An invalid amount is still graded, so that moves that name it are not reported too.
                levels[number] = level.or_else(|| Some(constant(0.0, key)));
            } else {
                let places = instances.gifts(Target::Gives, number);
                self.instance_number(&given.value, key, Domain::Amount, &instances, places);
            }
        }
        let context = Context::Condition { issue };
        let mut scripts = ["offer", "when", "while", "until", "release", "renew"].map(|key| {
            let value = &table.get(key)?.value;
            let script = self.lookup.condition(&mut self.reader, value, path(place, key), context)?;
            self.check_own(&script, &instances.debtors, "debtor");
            Some(script)
        });
        self.monotone.extend(scripts[1].clone());
        let stay_script = scripts[2].clone();
        let mut expression = |at: usize| -> Option<Expression> { scripts[at].take().map(|script| script.expression) };
        let (offer, when, stay, until, release, renew) =
            (expression(0), expression(1), expression(2), expression(3), expression(4), expression(5));
        let maintain = self.reader.flag(table, "maintain", place, false);
        self.check_maintained(table, place, maintain, !levels.is_empty());
        let resumable = self.reader.flag(table, "resumable", place, false);
        if let (true, Some(script)) = (resumable, stay_script) {
            self.monotone.push(script);
        }
        let initial = self.initial(table, place);
        self.instance_numbers(table, place, &instances);
        self.warn_expires(table, place);
        self.model.commitments.push(Commitment {
            id: entry.key.clone(),
            debtor,
            creditor,
            gives: gives.iter().map(|&(resource, _)| resource).collect(),
            levels,
            offer,
            when,
            stay,
            until,
            release,
            renew,
            initial,
            maintain,
            resumable,
            issue,
        });
    }

    /// Reads a graded amount, `{ upto = 100, as = "…", by = 5 }`, and returns its `as`.
    fn graded_amount(
        &mut self,
        (table, value): (&'a Table, &Value),
        place: &str,
        issue: IssueId,
        instances: &Instances,
        number: usize,
    ) -> Option<Expression> {
        self.reader.known_keys(table, &keys::GRADED);
        if let Some(upto) = table.get("upto") {
            let places = instances.gifts(Target::Gives, number);
            self.instance_number(&upto.value, path(place, "upto"), Domain::Amount, instances, places);
        } else {
            self.reader.missing("upto", place, value.span.clone(), "write the most that it can be: `upto = 100`");
        }
        let setup = self.model.setup_mut();
        setup.by.grow(setup.gives.len(), Amount(1));
        if let Some(by) = table.get("by") {
            let places = instances.gifts(Target::By, number);
            self.instance_number(&by.value, path(place, "by"), Domain::Step, instances, places);
        }
        let Some(level) = table.get("as") else {
            let help = "write how much it comes to: `as = \"0.5 * bound(money)\"`";
            self.reader.missing("as", place, value.span.clone(), help);
            return None;
        };
        let place = path(place, "as");
        match &level.value.kind {
            Kind::Integer(_) | Kind::Float(_) => level.value.number().map(|value| constant(value, place)),
            Kind::String(text) => {
                let context = Context::Condition { issue };
                let script =
                    self.lookup.expression(&mut self.reader, &level.value, text, place, context, Type::Number)?;
                self.check_own(&script, &instances.debtors, "debtor");
                let expression = script.expression.clone();
                self.monotone.push(script);
                Some(expression)
            }
            Kind::Boolean(_) | Kind::Array(_) | Kind::Table(_) | Kind::Datetime(_) => {
                let help = "write `as = \"0.5 * bound(money)\"`";
                self.reader.wrong_kind(&level.value, &place, "a number, or an expression in quotes", Some(help));
                None
            }
        }
    }

    /// The debtors, whether they are a group, and the name as declared.
    fn debtors(&mut self, entry: &Entry, table: &'a Table, place: &str) -> (Vec<ActorId>, bool, String) {
        let Some(debtor) = table.get("debtor") else {
            self.reader.missing("debtor", place, entry.key_span.clone(), "name who promises: `debtor = \"us\"`");
            return (Vec::new(), false, String::new());
        };
        match self.one_party(&debtor.value, &path(place, "debtor")) {
            None => (Vec::new(), false, String::new()),
            Some(set) => {
                let name = if let Kind::String(name) = &debtor.value.kind { name.clone() } else { String::new() };
                let group = matches!(set, Set::Named(_));
                let count = self.model.instances.len() + set.count(&self.lookup.names);
                if count > limits::INSTANCES {
                    let message = format!(
                        "with {} the file has {count} commitment instances, more than {}",
                        quoted(&entry.key),
                        limits::INSTANCES
                    );
                    let error = Diagnostic::error("limits/instances", message, Some(debtor.value.span.clone()));
                    self.reader.report(error.help("make groups or cohorts of debtors smaller"));
                    return (Vec::new(), group, name);
                }
                (set.members(&self.lookup.names), group, name)
            }
        }
    }

    /// One actor, cohort or group, not a list.
    fn one_party(&mut self, value: &'a Value, place: &str) -> Option<Set> {
        let Kind::String(name) = &value.kind else {
            let help = match value.kind {
                Kind::Array(_) => "declare a group of them in `[groups]` and name that",
                _ => "put its id in quotes",
            };
            self.reader.wrong_kind(value, place, "the name of one actor or group", Some(help));
            return None;
        };
        match self.lookup.names.party(&mut self.reader, name, &value.span, place)? {
            Party::Actor(actor) => Some(Set::Actor(actor)),
            Party::Group(group) => Some(Set::Named(group)),
            Party::Broken => None,
        }
    }

    /// The resources of `gives`, in the order of the file.
    fn gives(&mut self, at: usize, entry: &Entry, table: &'a Table, place: &str) -> Vec<(ResourceId, &'a Entry)> {
        let Some(given) = table.get("gives") else {
            self.reader.missing(
                "gives",
                place,
                entry.key_span.clone(),
                "write what it gives: `gives = { troops = 1000 }`",
            );
            return Vec::new();
        };
        let place = path(place, "gives");
        let Kind::Table(resources) = &given.value.kind else {
            self.reader.wrong_kind(
                &given.value,
                &place,
                "a table of resources and amounts",
                Some("write `{ troops = 1000 }`"),
            );
            return Vec::new();
        };
        if resources.entries.is_empty() {
            let error =
                Diagnostic::error("domain/empty", format!("`{place}` is empty"), Some(given.value.span.clone()));
            self.reader.report(error.help("write what it gives: `{ troops = 1000 }`"));
        }
        let mut found = Vec::new();
        for resource in &resources.entries {
            if let Some(id) = self.lookup.names.resources.find(&resource.key) {
                found.push((ResourceId::at(id), resource));
                self.gives_spans[at].push(resource.value.span.clone());
            } else {
                let name = quoted(&resource.key);
                let message = match self.lookup.names.what_is(&resource.key) {
                    Some(what) => format!("`{place}` names {name}, which is {what}, no resource"),
                    None => format!("`{place}` names {name}, which is no resource"),
                };
                let help = self
                    .reader
                    .near(&resource.key, self.lookup.names.resources.names())
                    .unwrap_or_else(|| "declare it in `[resources]`".into());
                self.reader
                    .report(Diagnostic::error("names/unknown", message, Some(resource.key_span.clone())).help(help));
            }
        }
        found
    }

    /// Makes the instances with their defaults.
    fn instances(
        &mut self,
        at: usize,
        entry: &Entry,
        mut debtors: Vec<ActorId>,
        group: bool,
        gifts: usize,
    ) -> Instances {
        let (first, first_gift) = (self.model.instances.len(), self.model.setup.gives.len());
        let all_gifts = first_gift.saturating_add(debtors.len().saturating_mul(gifts));
        if all_gifts > limits::GIFTS {
            let message = format!(
                "with {} the file has {all_gifts} amounts of commitments, more than {}",
                quoted(&entry.key),
                limits::GIFTS
            );
            let error = Diagnostic::error("limits/instances", message, Some(entry.key_span.clone()));
            self.reader.report(error.help("make groups or cohorts of debtors smaller"));
            debtors.truncate(1);
        }
        let names = debtors.iter().map(|&debtor| self.lookup.names.actors.id(debtor).len() + 1 + entry.key.len());
        self.model.instance_names.reserve(debtors.len(), names.sum());
        self.model.instances.reserve(debtors.len());
        for (number, &debtor) in debtors.iter().enumerate() {
            let names = &mut self.model.instance_names;
            if group {
                names.push_parts(&[&entry.key, "/", self.lookup.names.actors.id(debtor)]);
            } else {
                names.push(&entry.key);
            }
            let gift = u32::try_from(first_gift + number * gifts).unwrap_or(u32::MAX);
            self.model.instances.push(Instance { commitment: CommitmentId::at(at), debtor, first_gift: gift });
        }
        let count = debtors.len();
        let setup = self.model.setup_mut();
        setup.gives.grow(first_gift + count * gifts, Amount::ZERO);
        if !setup.by.is_empty() {
            setup.by.grow(first_gift + count * gifts, Amount(1));
        }
        setup.lead.grow(first + count, 0);
        setup.over.grow(first + count, 1);
        setup.grace.grow(first + count, None);
        setup.due.grow(first + count, None);
        setup.expires.grow(first + count, f64::INFINITY);
        setup.cost.grow(first + count, 1.0);
        Instances { first, first_gift, gifts, debtors, group }
    }

    fn instance_numbers(&mut self, table: &'a Table, place: &str, instances: &Instances) {
        let fields: [(&str, Domain, TargetOf); 6] = [
            ("lead", Domain::Whole(0), Target::Lead),
            ("over", Domain::Whole(1), Target::Over),
            ("grace", Domain::Whole(0), Target::Grace),
            ("due", Domain::Whole(0), Target::Due),
            ("expires", Domain::Moment, Target::Expires),
            ("cost", Domain::NonNegative, Target::Cost),
        ];
        for (key, domain, target) in fields {
            if let Some(entry) = table.get(key) {
                let places = UserTargets::Each { of: target, first: instances.first, step: 1 };
                self.instance_number(&entry.value, path(place, key), domain, instances, places);
            }
        }
    }

    fn instance_number(
        &mut self,
        value: &'a Value,
        place: String,
        domain: Domain,
        instances: &Instances,
        places: UserTargets<'_>,
    ) {
        let context = Context::Numeric { cohort: false, own: OwnAttributes::Yes };
        let spec = Spec { path: place, domain, order: Order::Rest, context, table: None };
        if instances.debtors.is_empty() {
            // The debtor is invalid; the number is still checked.
            let nowhere = |_| Targets::Many(Vec::new());
            self.number(value, &spec, Users::Listed(&[User::default()]), UserTargets::Some(&nowhere));
        } else {
            self.number(value, &spec, Users::Debtors(&instances.debtors, instances.group), places);
        }
        self.check_own_fields(&|| instances.debtors.clone(), "debtor");
    }

    fn own_issue(&mut self, table: &'a Table, place: &str) -> IssueId {
        let Some(entry) = table.get("issue") else { return IssueId(0) };
        let place = path(place, "issue");
        let name = self.reader.text(&entry.value, &place);
        let found = name.and_then(|name| self.lookup.issue(&mut self.reader, name, &entry.value.span, &place));
        IssueId::at(found.unwrap_or(0))
    }

    fn initial(&mut self, table: &'a Table, place: &str) -> State {
        const STATES: [(&str, State); 3] =
            [("null", State::Null), ("conditional", State::Conditional), ("detached", State::Detached)];
        let Some(entry) = table.get("initial") else { return State::Null };
        let place = path(place, "initial");
        let Some(name) = self.reader.text(&entry.value, &place) else { return State::Null };
        if let Some(&(_, state)) = STATES.iter().find(|(known, _)| *known == name) {
            return state;
        }
        let names = STATES.map(|(name, _)| name);
        let message = format!("`{place}` cannot be {}", quoted(name));
        let help = suggestion(name, names).unwrap_or_else(|| format!("write {}", listed(names)));
        self.reader.report(Diagnostic::error("domain/initial", message, Some(entry.value.span.clone())).help(help));
        State::Null
    }

    /// Warns of a literal date or step outside of the run.
    fn warn_expires(&mut self, table: &'a Table, place: &str) {
        let Some(entry) = table.get("expires") else { return };
        let step = match &entry.value.kind {
            Kind::Datetime(written) => {
                super::time_literal::civil(written).ok().and_then(|date| self.lookup.calendar.clock.step_of(date))
            }
            Kind::Integer(step) => Some(*step),
            _ => None,
        };
        if step.is_some_and(|step| self.lookup.calendar.inside(step).is_none()) && !self.lookup.calendar.dates_unknown {
            self.lookup.calendar.warn_outside(&mut self.reader, &path(place, "expires"), &entry.value.span);
        }
    }

    fn check_maintained(&mut self, table: &Table, place: &str, maintain: bool, graded: bool) {
        let span = |entry: &Entry| -> Range<usize> { entry.key_span.clone() };
        if let (Some(until), false) = (table.get("until"), maintain || graded) {
            let message = format!("`{place}` has `until` without `maintain = true`");
            let help = "what is handed over once has no end: add `maintain = true`, or remove `until`";
            self.reader.report(Diagnostic::error("schema/until", message, Some(span(until))).help(help));
        }
        if let (Some(due), None, true) = (table.get("due"), table.get("until"), maintain) {
            let message = format!("`{place}` is maintained without `until`, so it can never be satisfied by its `due`");
            let warning = Diagnostic::warning("meaning/due", message, Some(span(due)));
            self.reader.report(warning.help("add `until`, or remove `due`"));
        }
    }
}
