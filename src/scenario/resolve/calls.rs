//! Compiles functions and quantities with arguments.

use std::ops::Range;

use super::super::diagnostic::{Diagnostic, listed, plain, quoted, suggestion};
use super::super::quantity::{Argument, ErrorScope, QuantityFinder};
use super::super::script::Type;
use super::super::syntax::{Form, Operator, Tree, TreeId};
use super::super::vocabulary::{self, ArgumentKind, usage};
use super::{Operand, Resolver};
use crate::model::{Comparison, Expression, Node, NodeId, ParameterId, Quantity, Values};

impl<'a> Resolver<'_, 'a> {
    /// `min`, `clamp`, `if` and the like.
    pub(super) fn function(
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

    /// `min` and `max` of any number of arguments, as a balanced tree so that they do not nest deep.
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

    /// Resolves a quantity, and reports its errors.
    pub(super) fn find<T>(&mut self, look: impl FnOnce(&mut QuantityFinder<'_, 'a>) -> Option<T>) -> Option<T> {
        let mut finder = QuantityFinder::new(self.reader, self.lookup, self.context);
        let found = look(&mut finder);
        for (span, error, scope) in finder.errors {
            match scope {
                ErrorScope::Expression => self.report_own(&span, error),
                ErrorScope::Context => self.report_met(&span, error),
            }
        }
        found
    }

    /// A quantity with arguments.
    pub(super) fn call(&mut self, tree: &Tree, name: &str, arguments: &[TreeId], span: &Range<usize>) -> Operand {
        let mut words: Vec<Argument> = Vec::new();
        if vocabulary::argument_kind(name).is_none() {
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
                Form::Binary(Operator::Divide, a, b)
                    if vocabulary::argument_kind(name) == Some(ArgumentKind::Commitment) =>
                {
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
        if name == vocabulary::MEMBERS {
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
        if vocabulary::is_word(name) || names.named_value(name).is_some() {
            let message = format!("{} takes no arguments", quoted(name));
            return Diagnostic::error("expr/arguments", message, None).help("write the name alone");
        }
        let message = format!("{} is no function or quantity", quoted(name));
        let known = vocabulary::called().chain(vocabulary::FUNCTIONS);
        let all =
            format!("functions are {}; quantities are {}", listed(vocabulary::FUNCTIONS), listed(vocabulary::called()));
        let help = suggestion(name, known).map_or_else(|| all.clone(), |near| format!("{near} {all}"));
        Diagnostic::error("names/unknown", message, None).help(help)
    }
}
