//! Compiles parsed expressions: looks up names, checks types and contexts, and unfolds definitions.

mod calls;

use std::collections::BTreeMap;
use std::ops::Range;

use super::diagnostic::{Diagnostic, Origin, quoted};
use super::lookup::Lookup;
use super::names::NamedValue;
use super::reader::Reader;
use super::script::{Context, Extent, NodePlace, Script, Type, place_met};
use super::syntax::{Form, Operator, Tree, TreeId};
use super::time_literal::{self, TimeUnit, in_words};
use super::vocabulary;
use crate::model::{Date, Expression, Node, NodeId, ParameterId, Quantity, StepLength, limits};

/// The compiled form of a node of a tree.
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
    /// The compiled definitions, by position.
    definitions: BTreeMap<usize, Operand>,
    /// The definition that is being compiled, and the position at which the expression names it.
    through: Option<(usize, Range<usize>)>,
    failed: bool,
}

/// The result: the arena with its positions, and the type and extent of the root.
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

    /// Compiles a tree; `None` if it is invalid.
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
            let Some(NamedValue::Definition(definition)) = self.lookup.names.named_value(name) else { continue };
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
        // A definition that only names another adds no operation, but takes time to unfold.
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
            Form::Call { name, arguments } if vocabulary::FUNCTIONS.contains(&name.as_str()) => {
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
            // The error in the calendar has been reported; the rest of the expression is still checked.
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
    fn duration(&mut self, number: f64, unit: TimeUnit, span: &Range<usize>) -> Option<f64> {
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

    /// The source text of a span.
    fn text(&self, span: &Range<usize>) -> String {
        let text = match &self.origin {
            Origin::Argument(text) if self.through.is_none() => text,
            Origin::File | Origin::Table { .. } | Origin::Argument(_) => self.reader.source.text(),
        };
        on_one_line(text.get(span.clone()).unwrap_or(""))
    }

    /// Reports an error at a position; inside a definition also where the definition is used.
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

    /// A name without arguments: a word of the language, a parameter or a definition.
    fn name(&mut self, name: &str, span: &Range<usize>) -> Operand {
        if vocabulary::is_word(name) {
            return match self.find(|finder| finder.word(name, span)) {
                Some(quantity) => self.push(Node::Read(quantity), Type::Number, span, &[]),
                None => Operand::Wrong,
            };
        }
        match self.lookup.names.named_value(name) {
            Some(NamedValue::Parameter(at)) => self.push(Node::Parameter(ParameterId::at(at)), Type::Number, span, &[]),
            Some(NamedValue::Definition(at)) if self.context == Context::Definition => self.leaf(at, span),
            Some(NamedValue::Definition(at)) => self.definitions.get(&at).copied().unwrap_or(Operand::Wrong),
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
        // The value is not used; a quantity stands for it, since it cannot be mistaken for a constant.
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
            let known = names.parameters.names().chain(names.definitions.names()).chain(vocabulary::all());
            self.reader.near(name, known)
        };
        let help = help.unwrap_or_else(|| "declare it in `[parameters]` or `[definitions]`".into());
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

/// For each node, whether it is in an argument of a quantity.
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
            && !vocabulary::FUNCTIONS.contains(&name.as_str())
        {
            words[start..at].fill(true);
        }
    }
    words
}

/// A part of an expression on one line, for messages.
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
