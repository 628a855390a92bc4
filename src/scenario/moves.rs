//! `[moves]`, and the moves of `--move` that are added to them.

use std::collections::BTreeMap;
use std::ops::Range;

use super::diagnostic::{Diagnostic, Origin, Severity, listed, quoted};
use super::draft::{Draft, Order, Spec, User, UserTargets, Users};
use super::keys;
use super::names::Party;
use super::reader::path;
use super::script::{Context, OwnAttributes};
use super::set_value::SetValue;
use super::toml_tree::{Entry, Kind, Table, Value, is_column};
use crate::model::{Amount, Bind, CommitmentId, Domain, InstanceId, Move, ResourceId, Shape, Target, Trigger, limits};

/// The amounts to which an added move raises graded promises.
#[derive(Clone, Debug, Default, PartialEq)]
pub enum MoveAmounts {
    /// Each to its `upto`.
    #[default]
    Upto,
    /// An amount for the only graded one.
    One(f64),
    /// Amounts by resource; the others are raised to their `upto`.
    Each(BTreeMap<String, f64>),
}

/// A move that is added to those of the file. As with `any = true`, it also binds commitments that are not offered.
#[derive(Clone, Debug, PartialEq)]
pub struct AddedMove {
    /// A commitment, whose instances are all bound, or one instance: `c/a`.
    pub bind: String,
    /// The amounts to which its graded promises are raised.
    pub amounts: MoveAmounts,
    /// Its time: a step or a moment.
    pub on: SetValue,
}

impl AddedMove {
    /// The commitment and amounts as on the command line: `c`, `c=10`, `c=money:10,troops:5`.
    #[must_use]
    pub fn bound(&self) -> String {
        match &self.amounts {
            MoveAmounts::Upto => self.bind.clone(),
            MoveAmounts::One(amount) => format!("{}={amount}", self.bind),
            MoveAmounts::Each(amounts) => {
                let each: Vec<String> =
                    amounts.iter().map(|(resource, amount)| format!("{resource}:{amount}")).collect();
                format!("{}={}", self.bind, each.join(","))
            }
        }
    }

    /// Its text on the command line.
    #[must_use]
    pub fn argument(&self) -> String {
        format!("{}@{}", self.bound(), self.on)
    }

    /// The move as it would be in the file.
    fn table(&self) -> Table {
        let name = Kind::String(self.bind.clone());
        let number = |amount: f64| SetValue::Number(amount).kind();
        let amount = match &self.amounts {
            MoveAmounts::Upto => None,
            MoveAmounts::One(amount) => Some(number(*amount)),
            MoveAmounts::Each(amounts) => {
                let entries = amounts.iter().map(|(resource, &amount)| entry(resource.clone(), number(amount)));
                Some(Kind::Table(Table { entries: entries.collect() }))
            }
        };
        let bound = match amount {
            None => name,
            Some(amount) => {
                let entries = vec![entry("commitment".into(), name), entry("amount".into(), amount)];
                Kind::Table(Table { entries })
            }
        };
        let bind = Kind::Array(vec![value(bound)]);
        let keys = [("on", self.on.kind()), ("bind", bind), ("any", Kind::Boolean(true))];
        Table { entries: keys.into_iter().map(|(key, kind)| entry(key.into(), kind)).collect() }
    }
}

/// Adds moves to a document, after its own: `move_1`, `move_2` and so on, skipping names that are taken.
pub(super) fn append(root: &mut Table, moves: &[AddedMove]) {
    if moves.is_empty() {
        return;
    }
    if !root.has("moves") {
        root.entries.push(entry("moves".into(), Kind::Table(Table { entries: Vec::new() })));
    }
    let mut number = 0;
    for added in moves {
        let name = loop {
            number += 1;
            let name = format!("move_{number}");
            if !is_taken(root, &name) {
                break name;
            }
        };
        // A value that is not a table is reported when it is read.
        if let Some(Entry { value: Value { kind: Kind::Table(table), .. }, .. }) =
            root.entries.iter_mut().find(|entry| entry.key == "moves")
        {
            table.entries.push(entry(name, Kind::Table(added.table())));
        }
    }
}

/// Whether a name is that of a move, a shock or a meeting, which share one set of names.
fn is_taken(root: &Table, name: &str) -> bool {
    ["moves", "shocks", "meetings"].iter().any(|section| match root.get(section).map(|entry| &entry.value.kind) {
        Some(Kind::Table(table)) => table.has(name),
        _ => false,
    })
}

fn entry(key: String, kind: Kind) -> Entry {
    Entry { key, key_span: 0..0, value: value(kind) }
}

fn value(kind: Kind) -> Value {
    Value { kind, span: 0..0, set_by: None }
}

/// An entry of `bind`.
struct Bound<'a> {
    /// Its dotted path.
    place: String,
    /// The commitment or instance, and the position of its name.
    name: &'a str,
    span: Range<usize>,
    amount: Option<&'a Value>,
}

impl<'a> Draft<'a> {
    /// The moves of the file, followed by those that were added.
    pub(super) fn read_moves(&mut self, added: &[AddedMove]) {
        let tables = self.reader.named_tables("moves");
        let declared = tables.len().saturating_sub(added.len());
        for (at, (entry, table)) in tables.into_iter().enumerate() {
            let before = self.reader.diagnostics.len();
            self.read_move(entry, table);
            let Some(added) = at.checked_sub(declared).and_then(|at| added.get(at)) else { continue };
            // The position is its argument. The user requested it, so it is an error if it is never made.
            for diagnostic in &mut self.reader.diagnostics[before..] {
                let argument = added.argument();
                diagnostic.span = Some(0..argument.len());
                diagnostic.origin = Origin::Argument(argument);
            }
            let last = self.lookup.calendar.clock.steps.saturating_sub(1);
            for outside in self.reader.diagnostics[before..].iter_mut().filter(|one| one.code == "time/outside") {
                outside.severity = Severity::Error;
                outside.help = Some(format!("choose a step from 0 to {last}, or make the run longer in `[time]`"));
            }
        }
    }

    fn read_move(&mut self, entry: &'a Entry, table: &'a Table) {
        let place = path("moves", &entry.key);
        self.reader.known_keys(table, &keys::MOVE);
        self.reader.free_texts(table, &["note"], &place);
        let name = self.reader.short_text(table, "name", &place);
        let trigger = match (table.get("on"), table.get("when")) {
            (Some(on), None) => self.shock_steps(on, &place),
            (None, Some(when)) => {
                let script = self.lookup.condition(
                    &mut self.reader,
                    &when.value,
                    path(&place, "when"),
                    Context::World("a move"),
                );
                script.map(|script| Trigger::When { condition: script.expression, once: true })
            }
            (Some(on), Some(when)) => {
                let message = format!("`{place}` has both `on` and `when`");
                let error = Diagnostic::error("schema/either", message, Some(when.key_span.clone()));
                let error = error.note("the other stands here", Some(on.key_span.clone()));
                self.reader.report(error.help("a move has one of `on` (dates) and `when` (a condition)"));
                None
            }
            (None, None) => {
                let help = "a move has one of `on` (dates) and `when` (a condition)";
                self.reader.missing("on` or `when", &place, entry.key_span.clone(), help);
                None
            }
        };
        let binds = self.binds(entry, table, &place);
        let any = self.reader.flag(table, "any", &place, false);
        let trigger = trigger.unwrap_or(Trigger::On(Vec::new()));
        self.model.moves.push(Move { id: entry.key.clone(), name, trigger, binds, any });
    }

    /// The instances that a move binds, each once.
    fn binds(&mut self, entry: &'a Entry, table: &'a Table, place: &str) -> Vec<Bind> {
        let Some(bind) = table.get("bind") else {
            let help = "name what is bound: `bind = [\"us_backstop\"]`";
            self.reader.missing("bind", place, entry.key_span.clone(), help);
            return Vec::new();
        };
        let at = path(place, "bind");
        let entries: Vec<Bound<'a>> = match &bind.value.kind {
            Kind::Array(list) => {
                let one = |(number, value)| self.bound(value, format!("{at}.{number}"), &at);
                list.iter().enumerate().filter_map(one).collect()
            }
            _ => self.bound(&bind.value, at.clone(), &at).into_iter().collect(),
        };
        let mut found: Vec<Bind> = Vec::new();
        // The entry that already names an instance, if any.
        let mut named: BTreeMap<InstanceId, usize> = BTreeMap::new();
        for (number, bound) in entries.iter().enumerate() {
            let instances = match self.instances_named(bound.name) {
                Ok(instances) => instances,
                Err((message, help)) => {
                    let error = format!("`{at}` names {message}");
                    self.reader.report(Diagnostic::error("names/unknown", error, Some(bound.span.clone())).help(help));
                    continue;
                }
            };
            if self.bound_instances.saturating_add(instances.len()) > limits::BOUND {
                let message = format!("the moves of the file bind more than {} instances", limits::BOUND);
                let error = Diagnostic::error("limits/moves", message, Some(bound.span.clone()));
                self.reader.report(error.help("bind fewer, or make cohorts and groups of debtors smaller"));
                break;
            }
            self.bound_instances += instances.len();
            let amounts = bound.amount.map(|amount| self.bound_amounts(amount, bound, instances.clone()));
            let amounts = amounts.unwrap_or_default();
            for (user, instance) in instances.map(InstanceId::at).enumerate() {
                let before = *named.entry(instance).or_insert(number);
                if before == number {
                    let amounts = amounts.iter().map(|&(gift, first)| (gift, first + user)).collect();
                    found.push(Bind { instance, amounts });
                } else if bound.amount.is_some() || entries[before].amount.is_some() {
                    self.bound_twice(bound, &entries[before], instance);
                    break;
                }
            }
        }
        found
    }

    /// An entry of `bind`: a name, or a table of a name and amounts.
    fn bound(&mut self, value: &'a Value, place: String, at: &str) -> Option<Bound<'a>> {
        match &value.kind {
            Kind::String(name) => Some(Bound { place, name, span: value.span.clone(), amount: None }),
            Kind::Table(table) => {
                self.reader.known_keys(table, &keys::BOUND);
                let Some(commitment) = table.get("commitment") else {
                    let help = "name what is bound: `{ commitment = \"us_backstop\", amount = 10 }`";
                    self.reader.missing("commitment", &place, value.span.clone(), help);
                    return None;
                };
                let name = self.reader.text(&commitment.value, &path(&place, "commitment"))?;
                let amount = table.get("amount").map(|entry| &entry.value);
                Some(Bound { place, name, span: commitment.value.span.clone(), amount })
            }
            Kind::Integer(_) | Kind::Float(_) | Kind::Boolean(_) | Kind::Datetime(_) | Kind::Array(_) => {
                let wanted = "a list of commitments or of their instances";
                let help = "put names in quotes; an amount is given as `{ commitment = \"pledge\", amount = 10 }`";
                self.reader.wrong_kind(value, at, wanted, Some(help));
                None
            }
        }
    }

    /// The amounts of the instances that an entry names: by the number of a gift the place of the first instance's.
    fn bound_amounts(&mut self, amount: &'a Value, bound: &Bound<'a>, instances: Range<usize>) -> Vec<(u32, usize)> {
        let Some(first) = self.model.instances.get(instances.start) else { return Vec::new() };
        let commitment = first.commitment;
        let declared = &self.model.commitments[commitment.index()];
        let graded: Vec<usize> = (0..declared.gives.len()).filter(|&gift| declared.level(gift).is_some()).collect();
        let place = path(&bound.place, "amount");
        if graded.is_empty() {
            let message = format!("`{place}` is given, but {} promises no graded amount", quoted(&declared.id));
            let error = Diagnostic::error("domain/graded", message, Some(amount.span.clone()));
            self.reader.report(error.help("leave the amount out: what is not graded is bound whole"));
            return Vec::new();
        }
        if let Some(by_resource) = by_resource(amount) {
            return self.amounts_by_resource(amount, by_resource, &place, (commitment, &graded), &instances);
        }
        if let [one] = graded.as_slice() {
            return vec![self.bound_amount(amount, place, *one, &instances)];
        }
        let names = graded.iter().map(|&gift| self.resource_name(commitment, gift));
        let (table, argument): (Vec<String>, Vec<String>) =
            names.map(|name| (format!("{name} = 10"), format!("{name}:10"))).unzip();
        let (table, argument) = (table.join(", "), argument.join(","));
        let message =
            format!("`{place}` is one amount, but {} has {} that are graded", quoted(bound.name), graded.len());
        let help = format!("name them: `amount = {{ {table} }}`, or `--move {}={argument}@STEP`", bound.name);
        self.reader.report(Diagnostic::error("domain/graded", message, Some(amount.span.clone())).help(help));
        Vec::new()
    }

    fn amounts_by_resource(
        &mut self,
        amount: &Value,
        by_resource: &'a Table,
        place: &str,
        (commitment, graded): (CommitmentId, &[usize]),
        instances: &Range<usize>,
    ) -> Vec<(u32, usize)> {
        if by_resource.entries.is_empty() {
            let error = Diagnostic::error("domain/empty", format!("`{place}` is empty"), Some(amount.span.clone()));
            self.reader.report(error.help("write how much, `{ money = 10 }`; without `amount` it is all of `upto`"));
        }
        let mut found = Vec::new();
        for entry in &by_resource.entries {
            let gift = graded.iter().find(|&&gift| self.resource_name(commitment, gift) == entry.key);
            if let Some(&gift) = gift {
                found.push(self.bound_amount(&entry.value, path(place, &entry.key), gift, instances));
                continue;
            }
            let id = quoted(&self.model.commitments[commitment.index()].id);
            let message = format!("`{place}` names {}, which is no graded amount of {id}", quoted(&entry.key));
            let names: Vec<&str> = graded.iter().map(|&gift| self.resource_name(commitment, gift)).collect();
            let help = self.reader.near(&entry.key, names.iter().copied());
            let help = help.unwrap_or_else(|| format!("what is graded there is {}", listed(names)));
            self.reader.report(Diagnostic::error("names/unknown", message, Some(entry.key_span.clone())).help(help));
        }
        found
    }

    fn resource_name(&self, commitment: CommitmentId, gift: usize) -> &str {
        let resource: ResourceId = self.model.commitments[commitment.index()].gives[gift];
        &self.model.resources[resource.index()].id
    }

    /// One amount, for each of some instances.
    fn bound_amount(&mut self, value: &'a Value, place: String, gift: usize, of: &Range<usize>) -> (u32, usize) {
        let first = self.model.setup.moved.len();
        self.model.setup_mut().moved.resize(first + of.len(), Amount::ZERO);
        let user = |at: usize| {
            let instance = &self.model.instances[at];
            let own = self.model.instance_names.text(at) != self.model.commitments[instance.commitment.index()].id;
            User { suffix: own.then_some(instance.debtor), owner: Some(instance.debtor), member: None }
        };
        let users: Vec<User> = of.clone().map(user).collect();
        let context = Context::Numeric { cohort: false, own: OwnAttributes::Yes };
        let spec = Spec { path: place, domain: Domain::Amount, order: Order::Rest, context, table: None };
        let fields = self.fields.len();
        self.number(value, &spec, Users::Listed(&users), UserTargets::Each { of: Target::Moved, first, step: 1 });
        if self.fields.len() > fields {
            self.check_own_fields(&|| users.iter().filter_map(|user| user.owner).collect(), "debtor");
        }
        (u32::try_from(gift).unwrap_or(u32::MAX), first)
    }

    /// Refuses two amounts for one instance.
    fn bound_twice(&mut self, bound: &Bound<'_>, before: &Bound<'_>, instance: InstanceId) {
        let name = quoted(self.model.name_of(instance));
        let message = format!("{name} is bound twice by one move, so that its amount is not certain");
        let error = Diagnostic::error("names/twice", message, Some(bound.span.clone()));
        let error = error.note("it is bound here first", Some(before.span.clone()));
        self.reader.report(error.help("name each instance once, with its amount"));
    }

    /// The instances of a commitment, or the one of an actor: `c/a`.
    fn instances_named(&self, name: &str) -> Result<Range<usize>, (String, String)> {
        let (commitment, actor) = match name.split_once('/') {
            Some((commitment, actor)) => (commitment, Some(actor)),
            None => (name, None),
        };
        let Some(at) = self.lookup.names.commitments.find(commitment) else {
            let message = match self.lookup.names.what_is(commitment) {
                Some(what) => format!("{}, which is {what}, no commitment", quoted(commitment)),
                None => format!("{}, which is no commitment", quoted(commitment)),
            };
            let near = self.reader.near(commitment, self.lookup.names.commitments.names());
            return Err((message, near.unwrap_or_else(|| "declare it in `[commitments]`".into())));
        };
        let instances = self.model.instances_of(CommitmentId::at(at));
        let Some(actor) = actor else { return Ok(instances) };
        let instance = match self.lookup.names.party_named(actor) {
            // They are in the actors' order.
            Some(Party::Actor(debtor)) => {
                self.model.instances[instances.clone()].binary_search_by_key(&debtor, |instance| instance.debtor).ok()
            }
            _ => None,
        };
        match instance.map(|own| instances.start + own) {
            Some(at) => Ok(at..at + 1),
            None => Err((
                format!("{}, but {} makes no such promise", quoted(name), quoted(actor)),
                "name one of its debtors".into(),
            )),
        }
    }
}

/// The table of amounts by resource, if it is one; a distribution is one number.
fn by_resource(value: &Value) -> Option<&Table> {
    let Kind::Table(table) = &value.kind else { return None };
    let is_number = is_column(table)
        || matches!(table.entries.as_slice(), [one] if Shape::named(&one.key).is_some() && matches!(one.value.kind, Kind::Array(_)));
    (!is_number).then_some(table)
}
