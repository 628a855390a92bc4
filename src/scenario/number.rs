//! Numeric fields: a number, an expression over values that are known before the run, or a distribution.

use std::ops::Range;
use std::rc::Rc;
use std::sync::Arc;

use super::cells::{self, Column};
use super::diagnostic::{Diagnostic, Origin, listed, plain, quoted, suggestion};
use super::draft::{Draft, FieldInfo, Order, Pending, Spec, User, UserTargets, Users, WHOLE, domain_help, shape_name};
use super::names::Party;
use super::overrides::MemberValue;
use super::reader::path;
use super::script::Script;
use super::script::{Context, OwnAttributes, Type};
use super::toml_tree::{Entry, Kind, Table, Value, is_column};
use crate::model::{
    ActorId, Distribution, Domain, DrawId, Field, FieldSource, Node, Quantity, Scalar, Shape, Target, Targets, limits,
};

/// The content of a field.
enum Read {
    Number(f64),
    Expression(Script),
    /// A number for each user.
    Column(Column),
    Draw(Box<Drawn>),
}

/// A distribution with its unevaluated arguments.
struct Drawn {
    distribution: Arc<Distribution>,
    scripts: Vec<Script>,
    /// Positions of its arguments.
    spans: Vec<Range<usize>>,
    /// Arguments that differ between users, by position.
    columns: Vec<(usize, Column)>,
}

impl Drawn {
    /// The distribution of the user with this row of the table.
    fn of(&self, row: usize) -> Arc<Distribution> {
        if self.columns.is_empty() {
            return Arc::clone(&self.distribution);
        }
        let mut own = (*self.distribution).clone();
        for (at, column) in &self.columns {
            own.arguments[*at] = Scalar::Constant(column.values[row]);
        }
        Arc::new(own)
    }
}

impl<'a> Draft<'a> {
    /// Reads a numeric field for each of its users, who have these places in the setup.
    pub(super) fn number(&mut self, value: &'a Value, spec: &Spec, users: Users<'_>, places: UserTargets<'_>) {
        let mut own: Vec<usize> = Vec::new();
        let members: Vec<&'a MemberValue> = self.reader.member_values(&spec.path).collect();
        for member in members {
            let Some(Party::Actor(actor)) = self.lookup.names.party_named(&member.member) else { continue };
            let Some(at) = users.iter().position(|user| user.suffix == Some(actor)) else { continue };
            member.used.set(true);
            own.push(at);
            self.number_of(&member.value, spec, Users::Listed(&[users.at(at)]), UserTargets::Some(&|_| places.of(at)));
        }
        if own.is_empty() {
            return self.number_of(value, spec, users, places);
        }
        let others: Vec<usize> = (0..users.len()).filter(|at| !own.contains(at)).collect();
        let left: Vec<User> = others.iter().map(|&at| users.at(at)).collect();
        self.number_of(value, spec, Users::Listed(&left), UserTargets::Some(&|at| places.of(others[at])));
    }

    fn number_of(&mut self, value: &'a Value, spec: &Spec, users: Users<'_>, places: UserTargets<'_>) {
        let is_good = match self.read_number(value, spec) {
            None => false,
            Some(Read::Number(number)) => {
                let is_good = self.in_domain(value, spec, number);
                if is_good {
                    places.fill(self.model.setup_mut(), users.len(), number);
                }
                is_good
            }
            Some(Read::Expression(script)) => {
                self.expression_fields(value, spec, users, places, script);
                true
            }
            Some(Read::Column(column)) => {
                let is_good = cells::column_in_domain(&mut self.reader, &column, spec);
                if is_good {
                    places.set_each(self.model.setup_mut(), users.iter().map(|user| column.values[user.row()]));
                }
                is_good
            }
            Some(Read::Draw(drawn)) => {
                self.draws(value, spec, users, places, *drawn);
                true
            }
        };
        if !is_good && spec.order == Order::Attribute {
            let first = if users.len() == 0 { None } else { places.of(0).first().copied() };
            self.invalid.note(first, self.lookup.names.actors.len());
        }
    }

    /// A parameter's value: its distribution, if it has one.
    pub(super) fn parameter_distribution(
        &mut self,
        value: &'a Value,
        spec: &Spec,
        target: Target,
    ) -> Option<Distribution> {
        let read = self.read_number(value, spec);
        if read.is_none() {
            self.invalid.note(Some(target), 0);
        }
        match read? {
            Read::Number(number) => {
                if self.in_domain(value, spec, number) {
                    self.model.setup_mut().set(target, number);
                } else {
                    self.invalid.note(Some(target), 0);
                }
                None
            }
            Read::Expression(_) | Read::Column(_) => None,
            Read::Draw(drawn) => {
                let place = |_| Targets::One([target]);
                let distribution = drawn.distribution.clone();
                self.draws(value, spec, Users::Listed(&[User::default()]), UserTargets::Some(&place), *drawn);
                Some(Arc::unwrap_or_clone(distribution))
            }
        }
    }

    /// A distribution that is overridden, so that it is not drawn from.
    pub(super) fn unused_distribution(&mut self, value: &'a Value, spec: &Spec) -> Option<Distribution> {
        match self.read_number(value, spec)? {
            Read::Draw(drawn) => Some(Arc::unwrap_or_clone(drawn.distribution)),
            Read::Number(_) | Read::Expression(_) | Read::Column(_) => None,
        }
    }

    fn read_number(&mut self, value: &'a Value, spec: &Spec) -> Option<Read> {
        match &value.kind {
            Kind::Integer(_) | Kind::Float(_) => value.number().map(Read::Number),
            Kind::String(text) => self
                .lookup
                .expression(&mut self.reader, value, text, spec.path.clone(), spec.context, Type::Number)
                .map(Read::Expression),
            Kind::Table(table) if is_column(table) => {
                cells::column(&mut self.reader, &self.lookup.calendar, value, table, spec).map(Read::Column)
            }
            Kind::Table(table) => self.distribution(value, table, spec),
            Kind::Datetime(_) if spec.takes_dates() => {
                self.lookup.calendar.date_number(&mut self.reader, value, &spec.path).map(Read::Number)
            }
            _ => {
                self.wrong_number(value, &spec.path);
                None
            }
        }
    }

    fn wrong_number(&mut self, value: &Value, at: &str) {
        let wanted = "a number, an expression in quotes or a distribution";
        let help = match value.kind {
            Kind::Datetime(_) => Some("in a parameter or an attribute a date is the number of its step"),
            Kind::Array(_) => Some("a distribution is written `{ uniform = [0, 1] }`"),
            _ if WHOLE.iter().any(|key| at.ends_with(key)) => Some("write a whole number such as `5`"),
            _ => Some("write a number such as `0.5`"),
        };
        self.reader.wrong_kind(value, at, wanted, help);
    }

    /// A distribution: a table with one key, its shape.
    fn distribution(&mut self, value: &'a Value, table: &'a Table, spec: &Spec) -> Option<Read> {
        const SHAPES: [&str; 4] = ["uniform", "triangular", "normal", "choice"];
        let error = |message: String, help: &str| {
            Some(Diagnostic::error("schema/distribution", message, Some(value.span.clone())).help(help))
        };
        let mut entries = table.entries.iter();
        let fault = match (entries.next(), entries.next()) {
            (None, _) => error(
                format!("`{}` is an empty table, no distribution", spec.path),
                "a distribution is written `{ uniform = [0, 1] }`, `{ triangular = […] }`, `{ normal = […] }` or `{ choice = […] }`",
            ),
            (Some(first), Some(second)) => {
                let names = format!("{} and {}", quoted(&first.key), quoted(&second.key));
                error(format!("`{}` is one distribution, but names {names}", spec.path), "keep one of the two")
            }
            (Some(entry), None) => {
                if let Some(shape) = Shape::named(&entry.key) {
                    return self.arguments(value, entry, shape, spec);
                }
                let message = format!("{} in `{}` is no distribution", quoted(&entry.key), spec.path);
                let help = suggestion(&entry.key, SHAPES);
                let help = help.unwrap_or_else(|| format!("distributions are {}", listed(SHAPES)));
                Some(Diagnostic::error("schema/distribution", message, Some(entry.key_span.clone())).help(help))
            }
        };
        if let Some(fault) = fault {
            self.reader.report(fault);
        }
        None
    }

    fn arguments(&mut self, value: &Value, entry: &'a Entry, shape: Shape, spec: &Spec) -> Option<Read> {
        let name = &entry.key;
        let Kind::Array(array) = &entry.value.kind else {
            self.reader.wrong_kind(
                &entry.value,
                &path(&spec.path, name),
                "a list of its arguments",
                Some("write `uniform = [0, 1]`"),
            );
            return None;
        };
        let (mut arguments, mut scripts, mut spans, mut columns) = (Vec::new(), Vec::new(), Vec::new(), Vec::new());
        for (at, element) in array.iter().enumerate() {
            let place = format!("{}.{name}.{at}", spec.path);
            spans.push(element.span.clone());
            match &element.kind {
                Kind::Integer(_) | Kind::Float(_) => {
                    arguments.extend(element.number().map(Scalar::Constant));
                }
                Kind::Datetime(_) if shape == Shape::Choice && spec.takes_dates() => {
                    arguments.extend(
                        self.lookup.calendar.date_number(&mut self.reader, element, &place).map(Scalar::Constant),
                    );
                }
                Kind::Table(table) if is_column(table) => {
                    let spec = Spec { path: place, ..spec.clone() };
                    if let Some(column) = cells::column(&mut self.reader, &self.lookup.calendar, element, table, &spec)
                    {
                        columns.push((arguments.len(), column));
                        arguments.push(Scalar::Constant(0.0));
                    }
                }
                Kind::String(text) => {
                    if let Some(script) =
                        self.lookup.expression(&mut self.reader, element, text, place, spec.context, Type::Number)
                    {
                        arguments.push(Scalar::Expression(script.expression.clone()));
                        scripts.push(script);
                    }
                }
                _ => self.reader.wrong_kind(
                    element,
                    &place,
                    "a number or an expression in quotes",
                    Some("write a number such as `0.5`"),
                ),
            }
        }
        if arguments.len() < array.len() {
            return None;
        }
        let drawn =
            Box::new(Drawn { distribution: Arc::new(Distribution { shape, arguments }), scripts, spans, columns });
        let good = if drawn.columns.is_empty() {
            self.check_distribution(value, &entry.value, spec, &drawn.distribution, &drawn.spans)
        } else {
            self.check_rows(value, spec, &drawn)
        };
        good.then_some(Read::Draw(drawn))
    }

    /// Checks a distribution whose arguments are columns, row by row.
    fn check_rows(&mut self, value: &Value, spec: &Spec, drawn: &Drawn) -> bool {
        let shape = drawn.distribution.shape;
        if matches!(spec.domain, Domain::Whole(_) | Domain::Moment) && shape != Shape::Choice {
            return self.check_distribution(value, value, spec, &drawn.distribution, &drawn.spans);
        }
        if !drawn.scripts.is_empty() {
            // The number of arguments can still be checked.
            return match shape.check(&vec![0.0; drawn.distribution.arguments.len()]) {
                Ok(()) => true,
                Err(what) => self.wrong_arguments(value, spec, what),
            };
        }
        let (_, first) = &drawn.columns[0];
        let before = self.reader.cell_errors;
        for row in 0..first.values.len() {
            let arguments: Vec<f64> = drawn.of(row).arguments.iter().filter_map(Scalar::constant).collect();
            let domain = spec.domain;
            let fault = match shape.check(&arguments) {
                Err(what) => Some((format!("the distribution of `{}` is wrong: {what}", spec.path), None)),
                Ok(()) if shape == Shape::Normal => None,
                Ok(()) => arguments.iter().find(|&&value| !domain.contains(value)).map(|&value| {
                    let (must, value) = (domain.description(), plain(value));
                    let message = format!("`{}` must be {must}, but its distribution can give {value}", spec.path);
                    (message, Some(domain_help(domain)))
                }),
            };
            if let Some((message, help)) = fault {
                let help = help.unwrap_or_else(|| "change the cell, or the other arguments".into());
                self.reader.report_cell("domain/distribution", message, help, &first.table, row, first.at);
            }
        }
        self.reader.cell_errors == before
    }

    /// Checks the arguments of a distribution that are known already.
    fn check_distribution(
        &mut self,
        value: &Value,
        list: &Value,
        spec: &Spec,
        distribution: &Distribution,
        spans: &[Range<usize>],
    ) -> bool {
        let shape = distribution.shape;
        if matches!(spec.domain, Domain::Whole(_) | Domain::Moment) && shape != Shape::Choice {
            let name = shape_name(shape);
            let message =
                format!("`{}` must be {}, which `{name}` does not give", spec.path, spec.domain.description());
            let error = Diagnostic::error("domain/whole", message, Some(value.span.clone()));
            self.reader.report(error.help("use `choice = [1, 2, 3]`"));
            return false;
        }
        let constants: Vec<f64> = distribution
            .arguments
            .iter()
            .filter_map(|argument| match argument {
                Scalar::Constant(value) => Some(*value),
                Scalar::Expression(_) => None,
            })
            .collect();
        if constants.len() < distribution.arguments.len() {
            // The number of arguments can still be checked.
            return match shape.check(&vec![0.0; distribution.arguments.len()]) {
                Ok(()) => true,
                Err(what) => self.wrong_arguments(list, spec, what),
            };
        }
        match shape.check(&constants) {
            Err(what) => self.wrong_arguments(list, spec, what),
            Ok(()) => self.check_support(spec, shape, &constants, spans),
        }
    }

    fn wrong_arguments(&mut self, value: &Value, spec: &Spec, what: &str) -> bool {
        let message = format!("the distribution of `{}` is wrong: {what}", spec.path);
        let error = Diagnostic::error("domain/distribution", message, Some(value.span.clone()));
        let error = self.reader.naming_override(
            value,
            error.help(
                "write `uniform = [lo, hi]`, `triangular = [lo, mode, hi]`, `normal = [mean, sd]` or `choice = [a, b]`",
            ),
        );
        self.reader.report(error);
        false
    }

    /// Checks that a distribution gives only values in the domain of the field. A normal one is clipped to it.
    fn check_support(&mut self, spec: &Spec, shape: Shape, arguments: &[f64], spans: &[Range<usize>]) -> bool {
        if shape == Shape::Normal {
            return true;
        }
        match arguments.iter().position(|&value| !spec.domain.contains(value)) {
            None => true,
            Some(at) => {
                let (path, domain, value) = (&spec.path, spec.domain.description(), plain(arguments[at]));
                let message = format!("`{path}` must be {domain}, but its distribution can give {value}");
                let span = spans.get(at).cloned();
                self.reader.report(Diagnostic::error("domain/support", message, span).help(domain_help(spec.domain)));
                false
            }
        }
    }

    /// Reports a number outside of the field's domain.
    fn in_domain(&mut self, value: &Value, spec: &Spec, number: f64) -> bool {
        // An attribute may be set to what an empty cell may stand for.
        let is_endless = value.set_by.is_some() && spec.is_endless() && number == f64::INFINITY;
        if spec.domain.contains(number) || is_endless {
            return true;
        }
        let message = format!("`{}` must be {}, but is {}", spec.path, spec.domain.description(), plain(number));
        let error =
            Diagnostic::error("domain/number", message, Some(value.span.clone())).help(domain_help(spec.domain));
        let error = self.reader.naming_override(value, error);
        self.reader.report(error);
        false
    }

    fn expression_fields(
        &mut self,
        value: &Value,
        spec: &Spec,
        users: Users<'_>,
        places: UserTargets<'_>,
        script: Script,
    ) {
        let reads = script.expression.reads();
        let alike = !reads.iter().any(|quantity| matches!(quantity, Quantity::Index | Quantity::Own(_)));
        let expression = Arc::new(script.expression.clone());
        let info = FieldInfo::new(value, spec, vec![script], Vec::new());
        if alike {
            // A value that does not differ between members is computed once.
            let all: Vec<Target> = (0..users.len()).flat_map(|at| places.of(at).to_vec()).collect();
            let all = Targets::from(all);
            let user = User { suffix: None, ..users.iter().next().unwrap_or_default() };
            self.push_field(spec, &user, all, FieldSource::Expression(expression), &info);
            return;
        }
        for (at, user) in users.iter().enumerate() {
            let source = FieldSource::Expression(Arc::clone(&expression));
            if !self.push_field(spec, &user, places.of(at), source, &info) {
                return;
            }
        }
    }

    fn draws(&mut self, value: &Value, spec: &Spec, users: Users<'_>, places: UserTargets<'_>, mut drawn: Drawn) {
        let info = FieldInfo::new(value, spec, std::mem::take(&mut drawn.scripts), std::mem::take(&mut drawn.spans));
        for (at, user) in users.iter().enumerate() {
            let source = FieldSource::Draw { draw: DrawId(0), distribution: drawn.of(user.row()) };
            if !self.push_field(spec, &user, places.of(at), source, &info) {
                return;
            }
        }
    }

    /// Adds a field, and returns whether the limit allows it.
    fn push_field(
        &mut self,
        spec: &Spec,
        user: &User,
        targets: Targets,
        source: FieldSource,
        info: &Rc<FieldInfo>,
    ) -> bool {
        if self.fields.len() >= limits::FIELDS {
            if self.fields.len() == limits::FIELDS {
                let message = format!("more than {} numbers that are drawn or worked out for members", limits::FIELDS);
                let error = Diagnostic::error("limits/fields", message, Some(info.span.clone()));
                self.reader.report(error.help("give plain numbers, or make cohorts and groups smaller"));
            }
            return false;
        }
        let operations = info.scripts.iter().map(|script| script.expression.nodes.len()).sum();
        if !self.lookup.count_operations(&mut self.reader, operations, &info.span, &Origin::File) {
            return false;
        }
        let field = Field {
            targets,
            source,
            domain: spec.domain,
            path: Arc::clone(&info.path),
            of: user.suffix,
            owner: user.owner,
            member: user.member,
        };
        self.fields.push(Pending { field, order: spec.order, info: Rc::clone(info) });
        true
    }

    /// Checks the scripts of the last field for the actors to which it belongs; `role` names them in messages.
    pub(super) fn check_own_fields(&mut self, actors: &dyn Fn() -> Vec<ActorId>, role: &str) {
        let Some(pending) = self.fields.last() else { return };
        let info = std::rc::Rc::clone(&pending.info);
        if info.checked.replace(true) || info.scripts.is_empty() {
            return;
        }
        let actors = actors();
        for script in &info.scripts {
            if !self.check_own(script, &actors, role) {
                info.reported.set(true);
            }
        }
    }

    /// Reports `own(name)` if an actor that the field belongs to lacks the attribute.
    pub(super) fn check_own(&mut self, script: &Script, debtors: &[ActorId], role: &str) -> bool {
        let actors = self.lookup.names.actors.len();
        let mut good = true;
        for (node, read) in script.expression.nodes.iter().enumerate() {
            let Node::Read(Quantity::Own(attribute)) = read else { continue };
            let lacking: Vec<&ActorId> = debtors
                .iter()
                .filter(|debtor| !self.has_attribute[attribute.index() * actors + debtor.index()])
                .collect();
            let Some(first) = lacking.first() else { continue };
            let who = quoted(self.lookup.names.actors.id(**first));
            let attribute = quoted(&self.lookup.names.attributes.list[attribute.index()].0);
            let more = match lacking.len() - 1 {
                0 => String::new(),
                more => format!(" (nor have {more} more {role}s)"),
            };
            let message = format!("the {role} {who} has no attribute {attribute}{more}");
            let error = Diagnostic::error("names/attribute", message, None)
                .help(format!("add {attribute} to its `attributes`"));
            let node = u32::try_from(node).unwrap_or(u32::MAX);
            let error = script.met(node, &self.lookup.definitions, error);
            self.reader.report(error);
            good = false;
        }
        good
    }

    /// A numeric field with one user and one target.
    pub(super) fn plain_field(&mut self, value: &'a super::toml_tree::Value, at: &str, domain: Domain, target: Target) {
        let context = Context::Numeric { cohort: false, own: OwnAttributes::No };
        let spec = Spec { path: at.to_owned(), domain, order: Order::Rest, context, table: None };
        self.number(value, &spec, Users::Listed(&[User::default()]), UserTargets::Some(&|_| Targets::One([target])));
    }
}
