//! From parsed expressions to compiled ones: names looked up, types and contexts checked, definitions unfolded.

use std::collections::BTreeMap;
use std::ops::Range;

use super::diagnostic::{Diagnostic, Origin, listed, plain, quoted, suggestion};
use super::lookup::Lookup;
use super::names::Given;
use super::quantity::{Argument, Blame, QuantityFinder};
use super::reader::Reader;
use super::reserved::{self, Takes, usage};
use super::script::{Context, Type};
use super::script::{Extent, NodePlace, Script, place_met};
use super::syntax::{Form, Operator, Tree, TreeId};
use super::time_literal::{self, Unit, in_words};
use crate::model::{Comparison, Date, Expression, Node, NodeId, ParameterId, Quantity, StepLength, Values, limits};

/// What a node of a tree has been compiled to.
#[derive(Clone, Copy, Debug)]
enum Operand {
    Node(NodeId, Type),
    /// Invalid; the error has been reported.
    Wrong,
    /// A name as an argument of a quantity.
    Argument,
}

/// Compiles one expression with the definitions that it uses.
pub(super) struct Resolver<'c, 'a> {
    reader: &'c mut Reader<'a>,
    lookup: &'c mut Lookup,
    context: Context,
    origin: Origin,
    nodes: Vec<Node>,
    places: Vec<NodePlace>,
    extents: Vec<Extent>,
    /// What the definitions used have become, by position.
    definitions: BTreeMap<usize, Operand>,
    /// The definition that is being compiled, and where the user names it.
    through: Option<(usize, Range<usize>)>,
    failed: bool,
}

/// What has been compiled: the arena with its places, the root's type and extent.
pub(super) struct Resolved {
    pub(super) nodes: Vec<Node>,
    pub(super) places: Vec<NodePlace>,
    pub(super) kind: Type,
    pub(super) extent: Extent,
    /// The nodes that definitions stand for.
    pub(super) named: Vec<(NodeId, String)>,
}

impl<'c, 'a> Resolver<'c, 'a> {
    pub(super) fn new(reader: &'c mut Reader<'a>, lookup: &'c mut Lookup, context: Context, origin: Origin) -> Self {
        Self {
            reader,
            lookup,
            context,
            origin,
            nodes: Vec::new(),
            places: Vec::new(),
            extents: Vec::new(),
            definitions: BTreeMap::new(),
            through: None,
            failed: false,
        }
    }

    /// Compiles a tree; none where it has been refused.
    pub(super) fn run(mut self, tree: &Tree) -> Option<Resolved> {
        if self.context != Context::Definition {
            self.unfold(tree);
        }
        let root = self.tree(tree);
        match root {
            Operand::Node(node, kind) if !self.failed => {
                let extent = self.extents.get(node as usize).copied().unwrap_or_default();
                let named = self.definitions.iter().filter_map(|(at, part)| match part {
                    Operand::Node(node, _) => Some((*node, self.lookup.definitions[*at].id.clone())),
                    Operand::Wrong | Operand::Argument => None,
                });
                Some(Resolved { named: named.collect(), nodes: self.nodes, places: self.places, kind, extent })
            }
            Operand::Node(..) | Operand::Wrong | Operand::Argument => None,
        }
    }

    /// Compiles the definitions that a tree uses, those that others need first.
    fn unfold(&mut self, tree: &Tree) {
        let mut entries: BTreeMap<usize, Range<usize>> = BTreeMap::new();
        for (node, word) in tree.nodes.iter().zip(arguments_of_quantities(tree)) {
            let (Form::Name(name), false) = (&node.form, word) else { continue };
            let Some(Given::Definition(definition)) = self.lookup.names.given(name) else { continue };
            let mut waiting = vec![definition];
            while let Some(next) = waiting.pop() {
                if let std::collections::btree_map::Entry::Vacant(entry) = entries.entry(next) {
                    entry.insert(node.span.clone());
                    waiting.extend_from_slice(&self.lookup.definitions[next].uses);
                }
            }
        }
        let mut needed: Vec<(usize, usize, Range<usize>)> = entries
            .into_iter()
            .map(|(definition, span)| (self.lookup.definitions[definition].rank, definition, span))
            .collect();
        needed.sort_by_key(|&(rank, definition, _)| (rank, definition));
        // A definition that only names another makes no operation, but takes time to unfold.
        let whole = tree.nodes.last().map_or(0..0, |root| root.span.clone());
        if !self.lookup.count_operations(self.reader, needed.len(), &whole, &self.origin) {
            self.failed = true;
            return;
        }
        for (_, definition, span) in needed {
            let part = match self.lookup.definitions[definition].tree.clone() {
                Some(tree) => {
                    self.through = Some((definition, span));
                    let part = self.tree(&tree);
                    self.through = None;
                    part
                }
                None => Operand::Wrong,
            };
            self.definitions.insert(definition, part);
        }
    }

    fn tree(&mut self, tree: &Tree) -> Operand {
        let words = arguments_of_quantities(tree);
        let mut parts: Vec<Operand> = Vec::with_capacity(tree.nodes.len());
        for (at, &word) in words.iter().enumerate() {
            let part = if word { Operand::Argument } else { self.part(tree, at, &parts) };
            if matches!(part, Operand::Wrong) {
                self.failed = true;
            }
            parts.push(part);
        }
        parts.last().copied().unwrap_or(Operand::Wrong)
    }

    fn part(&mut self, tree: &Tree, at: TreeId, parts: &[Operand]) -> Operand {
        let span = &tree.nodes[at].span;
        match &tree.nodes[at].form {
            Form::Number(value) => self.push(Node::Number(*value), Type::Number, span, &[]),
            Form::Date(date) => match self.step_of(*date, span) {
                Some(step) => self.push(Node::Number(step), Type::Number, span, &[]),
                None => Operand::Wrong,
            },
            Form::Duration(number, unit) => match self.duration(*number, *unit, span) {
                Some(steps) => self.push(Node::Number(steps), Type::Number, span, &[]),
                None => Operand::Wrong,
            },
            Form::Truth(value) => self.push(Node::Truth(*value), Type::Condition, span, &[]),
            Form::Name(name) => self.name(name, span),
            Form::Call { name, arguments } if reserved::FUNCTIONS.contains(&name.as_str()) => {
                self.function(tree, name, arguments, parts, span)
            }
            Form::Call { name, arguments } => self.call(tree, name, arguments, span),
            Form::Negate(a) => match self.operand(tree, *a, parts, Type::Number, "`-`") {
                Some(a) => self.push(Node::Negate(a), Type::Number, span, &[a]),
                None => Operand::Wrong,
            },
            Form::Not(a) => match self.operand(tree, *a, parts, Type::Condition, "`not`") {
                Some(a) => self.push(Node::Not(a), Type::Condition, span, &[a]),
                None => Operand::Wrong,
            },
            Form::Binary(operator, a, b) => self.binary(tree, *operator, *a, *b, parts, span),
        }
    }

    /// The step of a date.
    fn step_of(&mut self, date: Date, span: &Range<usize>) -> Option<f64> {
        if self.lookup.calendar.dates_unknown {
            // What is wrong with the calendar has been reported; the rest is checked all the same.
            return Some(1.0);
        }
        let Some(step) = self.lookup.calendar.clock.step_of(date) else {
            let message = "a date without a calendar: `time` has no `start`";
            let help = "write a step number, or add `start` to `[time]`";
            self.report_own(span, Diagnostic::error("domain/date", message, None).help(help));
            return None;
        };
        #[expect(clippy::cast_precision_loss, reason = "far fewer steps than are exact fit into the calendar")]
        Some(step as f64)
    }

    /// A duration in steps.
    fn duration(&mut self, number: f64, unit: Unit, span: &Range<usize>) -> Option<f64> {
        if self.lookup.calendar.dates_unknown {
            return Some(1.0);
        }
        let step = self.lookup.calendar.clock.step;
        let steps = time_literal::in_steps(number, unit, step);
        if steps.is_none() {
            let message = format!("{} have no fixed length in steps of {}", unit.plural(), in_words(step));
            let units = match step {
                StepLength::Seconds(_) => "minutes, hours, days or weeks",
                StepLength::Months(_) => "months or years",
            };
            let help = format!("write {units}, or change `time.step`");
            self.report_own(span, Diagnostic::error("domain/duration", message, None).help(help));
        }
        steps
    }

    /// Adds a node with its operands.
    fn push(&mut self, node: Node, kind: Type, span: &Range<usize>, operands: &[NodeId]) -> Operand {
        let mut extent = Extent { size: 1, depth: 1 };
        for &operand in operands {
            let inner = self.extents[operand as usize];
            extent.size = extent.size.saturating_add(inner.size);
            extent.depth = extent.depth.max(inner.depth.saturating_add(1));
        }
        self.push_extent(node, kind, span, extent)
    }

    fn push_extent(&mut self, node: Node, kind: Type, span: &Range<usize>, extent: Extent) -> Operand {
        if extent.size > limits::UNFOLDED_SIZE as u64 || extent.depth > limits::UNFOLDED_DEPTH as u64 {
            if !self.failed {
                let error = too_large(extent, span.clone());
                self.report_met(span, error);
            }
            return Operand::Wrong;
        }
        let Ok(id) = NodeId::try_from(self.nodes.len()) else { return Operand::Wrong };
        self.nodes.push(node);
        self.places.push(NodePlace { span: span.clone(), through: self.through.clone() });
        self.extents.push(extent);
        Operand::Node(id, kind)
    }

    /// The text of a place, as it is written.
    fn text(&self, span: &Range<usize>) -> String {
        let text = match &self.origin {
            Origin::Argument(text) if self.through.is_none() => text,
            Origin::File | Origin::Table { .. } | Origin::Argument(_) => self.reader.source.text(),
        };
        on_one_line(text.get(span.clone()).unwrap_or(""))
    }

    /// Reports an error at a place, as its user meets it.
    fn report_met(&mut self, span: &Range<usize>, error: Diagnostic) {
        let place = NodePlace { span: span.clone(), through: self.through.clone() };
        let error = place_met(&place, &self.origin, &self.lookup.definitions, error);
        self.failed = true;
        self.reader.report(error);
    }

    /// Reports an error that an expression has by itself; inside a definition it has been reported there.
    fn report_own(&mut self, span: &Range<usize>, mut error: Diagnostic) {
        self.failed = true;
        if self.through.is_none() {
            error.span = Some(span.clone());
            error.origin = self.origin.clone();
            self.reader.report(error);
        }
    }

    fn operand(&mut self, tree: &Tree, at: TreeId, parts: &[Operand], wanted: Type, what: &str) -> Option<NodeId> {
        match parts[at] {
            Operand::Node(node, kind) if kind == wanted => Some(node),
            Operand::Node(_, kind) => {
                let span = tree.nodes[at].span.clone();
                let term = self.text(&span);
                let message = format!("{what} takes {}, but {} is {}", wanted.name(), quoted(&term), kind.name());
                let error = Diagnostic::error("types/operand", message, None).help(remedy(wanted));
                self.report_own(&span, error);
                None
            }
            Operand::Wrong | Operand::Argument => None,
        }
    }

    fn binary(
        &mut self,
        tree: &Tree,
        operator: Operator,
        a: TreeId,
        b: TreeId,
        parts: &[Operand],
        span: &Range<usize>,
    ) -> Operand {
        let (operands, kind) = match operator {
            Operator::Or | Operator::And => (Type::Condition, Type::Condition),
            Operator::Compare(_) => (Type::Number, Type::Condition),
            Operator::Add | Operator::Subtract | Operator::Multiply | Operator::Divide => (Type::Number, Type::Number),
        };
        let what = quoted(operator.symbol());
        let left = self.operand(tree, a, parts, operands, &what);
        let right = self.operand(tree, b, parts, operands, &what);
        let (Some(a), Some(b)) = (left, right) else { return Operand::Wrong };
        let node = match operator {
            Operator::Or => Node::Or(a, b),
            Operator::And => Node::And(a, b),
            Operator::Compare(comparison) => Node::Compare(comparison, a, b),
            Operator::Add => Node::Add(a, b),
            Operator::Subtract => Node::Subtract(a, b),
            Operator::Multiply => Node::Multiply(a, b),
            Operator::Divide => Node::Divide(a, b),
        };
        self.push(node, kind, span, &[a, b])
    }

    /// `min`, `clamp`, `if` and the like.
    fn function(
        &mut self,
        tree: &Tree,
        name: &str,
        arguments: &[TreeId],
        parts: &[Operand],
        span: &Range<usize>,
    ) -> Operand {
        let (fits, wanted) = match name {
            "min" | "max" => (arguments.len() >= 2, "2 or more arguments"),
            "curve" => (
                arguments.len() >= 5 && arguments.len() % 2 == 1,
                "a number and 2 or more points, each of them 2 numbers",
            ),
            "clamp" => (arguments.len() == 3, "3 arguments, a number and the ends of its range"),
            "if" => (arguments.len() == 3, "3 arguments, a condition and two values"),
            _ => (arguments.len() == 1, "1 argument"),
        };
        if !fits {
            let message = format!("`{name}` takes {wanted}, but has {}", arguments.len());
            self.report_own(span, Diagnostic::error("expr/arguments", message, None).help(usage(name)));
            return Operand::Wrong;
        }
        if name == "curve" {
            return self.curve(tree, arguments, parts, span);
        }
        if name == "if" {
            return self.choice(tree, arguments, parts, span);
        }
        let what = quoted(name);
        let operands: Vec<Option<NodeId>> =
            arguments.iter().map(|&argument| self.operand(tree, argument, parts, Type::Number, &what)).collect();
        let Some(operands) = operands.into_iter().collect::<Option<Vec<NodeId>>>() else { return Operand::Wrong };
        let node = match (name, operands.as_slice()) {
            ("clamp", &[a, low, high]) => Node::Clamp(a, low, high),
            ("abs", &[a]) => Node::Abs(a),
            ("sqrt", &[a]) => Node::Sqrt(a),
            ("exp", &[a]) => Node::Exp(a),
            ("ln", &[a]) => Node::Ln(a),
            ("min", operands) => return self.fold(Node::Min, operands, span),
            (_, operands) => return self.fold(Node::Max, operands, span),
        };
        self.push(node, Type::Number, span, &operands)
    }

    /// `min` and `max` of any number of arguments, two by two so that they do not nest deep.
    fn fold(&mut self, node: fn(NodeId, NodeId) -> Node, operands: &[NodeId], span: &Range<usize>) -> Operand {
        let mut row = operands.to_vec();
        while row.len() > 1 {
            let mut next = Vec::with_capacity(row.len().div_ceil(2));
            for pair in row.chunks(2) {
                match *pair {
                    [a, b] => match self.push(node(a, b), Type::Number, span, &[a, b]) {
                        Operand::Node(id, _) => next.push(id),
                        other @ (Operand::Wrong | Operand::Argument) => return other,
                    },
                    _ => next.extend_from_slice(pair),
                }
            }
            row = next;
        }
        row.first().map_or(Operand::Wrong, |&id| Operand::Node(id, Type::Number))
    }

    /// `curve(x, x1, y1, …)`, whose points are numbers that are known.
    fn curve(&mut self, tree: &Tree, arguments: &[TreeId], parts: &[Operand], span: &Range<usize>) -> Operand {
        let mut operands = Vec::with_capacity(arguments.len());
        for &argument in arguments {
            let Some(operand) = self.operand(tree, argument, parts, Type::Number, "`curve`") else {
                return Operand::Wrong;
            };
            operands.push(operand);
        }
        let mut points = Vec::with_capacity(operands.len() - 1);
        for (&operand, &argument) in operands.iter().zip(arguments).skip(1) {
            let Some(number) = self.known(operand) else {
                let error =
                    Diagnostic::error("domain/curve", "the points of `curve` are numbers, dates and durations", None);
                let help = "write numbers; what differs between runs may scale the `curve` as a whole";
                self.report_own(&tree.nodes[argument].span.clone(), error.help(help));
                return Operand::Wrong;
            };
            points.push(number);
        }
        for (pair, &argument) in
            points.chunks(2).collect::<Vec<_>>().windows(2).zip(arguments.iter().skip(3).step_by(2))
        {
            if pair[0][0] >= pair[1][0] {
                let message =
                    format!("the points of `curve` go from {} back to {}", plain(pair[0][0]), plain(pair[1][0]));
                let error = Diagnostic::error("domain/curve", message, None);
                let help = "write `curve(x, x1, y1, x2, y2, …)`, with `x1` less than `x2` and so on";
                self.report_own(&tree.nodes[argument].span.clone(), error.help(help));
                return Operand::Wrong;
            }
        }
        let first = NodeId::try_from(self.nodes.len()).unwrap_or(NodeId::MAX);
        for &number in &points {
            if matches!(self.push(Node::Number(number), Type::Number, span, &[]), Operand::Wrong) {
                return Operand::Wrong;
            }
        }
        let count = u32::try_from(points.len() / 2).unwrap_or(u32::MAX);
        self.push(Node::Curve(operands[0], first, count), Type::Number, span, &operands[..1])
    }

    /// The value of a node that reads nothing.
    fn known(&self, node: NodeId) -> Option<f64> {
        struct Nothing;
        impl Values for Nothing {
            fn parameter(&self, _: ParameterId) -> f64 {
                f64::NAN
            }
            fn read(&self, _: Quantity) -> f64 {
                f64::NAN
            }
        }
        let nodes = self.nodes[..=node as usize].to_vec();
        let expression = Expression { nodes, path: String::new(), text: String::new(), named: Vec::new() };
        let mut waiting = vec![node];
        while let Some(next) = waiting.pop() {
            let operation = expression.nodes[next as usize];
            if matches!(operation, Node::Read(_) | Node::Parameter(_)) {
                return None;
            }
            waiting.extend(operation.operands());
        }
        expression.number(&Nothing).ok().filter(|value| value.is_finite())
    }

    fn choice(&mut self, tree: &Tree, arguments: &[TreeId], parts: &[Operand], span: &Range<usize>) -> Operand {
        let &[c, a, b] = arguments else { return Operand::Wrong };
        let condition = self.operand(tree, c, parts, Type::Condition, "the first argument of `if`");
        let (Operand::Node(first, kind), Operand::Node(second, other)) = (parts[a], parts[b]) else {
            return Operand::Wrong;
        };
        if kind != other {
            let message = format!("the branches of `if` differ: {} and {}", kind.name(), other.name());
            self.report_own(
                span,
                Diagnostic::error("types/branches", message, None).help("make both numbers, or both conditions"),
            );
            return Operand::Wrong;
        }
        match condition {
            Some(c) => self.push(Node::If(c, first, second), kind, span, &[c, first, second]),
            None => Operand::Wrong,
        }
    }

    /// A name that stands alone: a word of the language, a parameter or a definition.
    fn name(&mut self, name: &str, span: &Range<usize>) -> Operand {
        if reserved::is_word(name) {
            return match self.find(|finder| finder.word(name, span)) {
                Some(quantity) => self.push(Node::Read(quantity), Type::Number, span, &[]),
                None => Operand::Wrong,
            };
        }
        match self.lookup.names.given(name) {
            Some(Given::Parameter(at)) => self.push(Node::Parameter(ParameterId::at(at)), Type::Number, span, &[]),
            Some(Given::Definition(at)) if self.context == Context::Definition => self.leaf(at, span),
            Some(Given::Definition(at)) => self.definitions.get(&at).copied().unwrap_or(Operand::Wrong),
            None => {
                let error = self.unknown_name(name);
                self.report_own(span, error);
                Operand::Wrong
            }
        }
    }

    /// While definitions are checked by themselves, another one is a leaf of its type and extent.
    fn leaf(&mut self, at: usize, span: &Range<usize>) -> Operand {
        let definition = &self.lookup.definitions[at];
        let (Some(kind), extent) = (definition.kind, definition.extent) else { return Operand::Wrong };
        // Its value is not looked at; a quantity is nothing that could be taken for a constant.
        self.push_extent(Node::Read(Quantity::Step), kind, span, extent)
    }

    fn unknown_name(&self, name: &str) -> Diagnostic {
        let names = &self.lookup.names;
        let message = match names.what_is(name) {
            Some(what) => format!("{} is {what}, not a number or a condition", quoted(name)),
            None => format!("{} is no parameter, definition or quantity", quoted(name)),
        };
        let help = if names.resources.find(name).is_some() {
            Some(format!("write what of it counts, such as `bound({name})`"))
        } else if names.commitments.find(name).is_some() {
            Some(format!("write how many of it stand, such as `bonds({name})`"))
        } else if names.metrics.find(name).is_some() {
            Some("give its expression a name in `[definitions]` and use that in both places".into())
        } else {
            let known = names.parameters.names().chain(names.definitions.names()).chain(reserved::all());
            self.reader.near(name, known)
        };
        let help = help.unwrap_or_else(|| "declare it in `[parameters]` or `[definitions]`".into());
        Diagnostic::error("names/unknown", message, None).help(help)
    }

    /// Looks for a quantity, and reports what is wrong with it.
    fn find<T>(&mut self, look: impl FnOnce(&mut QuantityFinder<'_, 'a>) -> Option<T>) -> Option<T> {
        let mut finder = QuantityFinder::new(self.reader, self.lookup, self.context);
        let found = look(&mut finder);
        for (span, error, blame) in finder.faults {
            match blame {
                Blame::Expression => self.report_own(&span, error),
                Blame::Context => self.report_met(&span, error),
            }
        }
        found
    }

    /// A quantity with arguments.
    fn call(&mut self, tree: &Tree, name: &str, arguments: &[TreeId], span: &Range<usize>) -> Operand {
        let mut words: Vec<Argument> = Vec::new();
        if reserved::takes(name).is_none() {
            let error = self.unknown_call(name);
            self.report_own(span, error);
            return Operand::Wrong;
        }
        for &argument in arguments {
            let name_of = |id: TreeId| if let Form::Name(name) = &tree.nodes[id].form { Some(name) } else { None };
            #[expect(clippy::wildcard_enum_match_arm, reason = "no other form is a name")]
            let word = match tree.nodes[argument].form {
                Form::Name(ref word) => Some(word.clone()),
                // One instance of a commitment is written as a quotient.
                Form::Binary(Operator::Divide, a, b) if reserved::takes(name) == Some(Takes::Commitment) => {
                    name_of(a).zip(name_of(b)).map(|(commitment, actor)| format!("{commitment}/{actor}"))
                }
                _ => None,
            };
            if let Some(word) = word {
                words.push((word, tree.nodes[argument].span.clone()));
            } else {
                let message = format!("`{name}` takes names as arguments, not expressions");
                let span = tree.nodes[argument].span.clone();
                self.report_own(&span, Diagnostic::error("expr/arguments", message, None).help(usage(name)));
                return Operand::Wrong;
            }
        }
        if name == reserved::MEMBERS {
            return match self.find(|finder| finder.members(&words, span)) {
                Some(members) => self.push(Node::Number(members), Type::Number, span, &[]),
                None => Operand::Wrong,
            };
        }
        let Some(quantity) = self.find(|finder| finder.call(name, &words, span)) else { return Operand::Wrong };
        let read = self.push(Node::Read(quantity), Type::Number, span, &[]);
        match (quantity, read) {
            (Quantity::Reached(_), Operand::Node(read, _)) => {
                let Operand::Node(half, _) = self.push(Node::Number(0.5), Type::Number, span, &[]) else {
                    return Operand::Wrong;
                };
                let holds = Node::Compare(Comparison::GreaterOrEqual, read, half);
                self.push(holds, Type::Condition, span, &[read, half])
            }
            _ => read,
        }
    }

    fn unknown_call(&self, name: &str) -> Diagnostic {
        let names = &self.lookup.names;
        if reserved::is_word(name) || names.given(name).is_some() {
            let message = format!("{} takes no arguments", quoted(name));
            return Diagnostic::error("expr/arguments", message, None).help("write the name alone");
        }
        let message = format!("{} is no function or quantity", quoted(name));
        let known = reserved::called().chain(reserved::FUNCTIONS);
        let all =
            format!("functions are {}; quantities are {}", listed(reserved::FUNCTIONS), listed(reserved::called()));
        let help = suggestion(name, known).map_or_else(|| all.clone(), |near| format!("{near} {all}"));
        Diagnostic::error("names/unknown", message, None).help(help)
    }
}

impl Resolved {
    /// The compiled arena with its path and text.
    pub(super) fn script(self, path: String, text: &str, origin: Origin) -> Script {
        let expression = Expression { nodes: self.nodes, path, text: text.to_owned(), named: self.named };
        Script { expression, places: self.places, origin }
    }
}

/// Which nodes are, or are inside of, arguments of quantities.
pub(super) fn arguments_of_quantities(tree: &Tree) -> Vec<bool> {
    let mut first: Vec<usize> = Vec::with_capacity(tree.nodes.len());
    let mut words = vec![false; tree.nodes.len()];
    for (at, node) in tree.nodes.iter().enumerate() {
        let start = match &node.form {
            Form::Number(_) | Form::Date(_) | Form::Duration(..) | Form::Truth(_) | Form::Name(_) => at,
            Form::Negate(a) | Form::Not(a) | Form::Binary(_, a, _) => first[*a],
            Form::Call { arguments, .. } => arguments.first().map_or(at, |&argument| first[argument]),
        };
        first.push(start);
        if let Form::Call { name, .. } = &node.form
            && !reserved::FUNCTIONS.contains(&name.as_str())
        {
            words[start..at].fill(true);
        }
    }
    words
}

/// A part of an expression of several lines, for a message of one.
pub(super) fn on_one_line(text: &str) -> String {
    text.split_whitespace().collect::<Vec<&str>>().join(" ")
}

fn too_large(extent: Extent, span: Range<usize>) -> Diagnostic {
    let message = if extent.size > limits::UNFOLDED_SIZE as u64 {
        format!("the expression with its definitions unfolded has more than {} operations", limits::UNFOLDED_SIZE)
    } else {
        format!("the expression with its definitions unfolded is more than {} operations deep", limits::UNFOLDED_DEPTH)
    };
    Diagnostic::error("limits/expression", message, Some(span)).help("use fewer terms, and smaller definitions")
}

fn remedy(wanted: Type) -> &'static str {
    match wanted {
        Type::Number => "write `if(CONDITION, 1, 0)` for a number that a condition decides",
        Type::Condition => "compare it with something, such as `>= 1`",
    }
}
