//! Expressions as trees.
//!
//! ```text
//! expression = or
//! or         = and { "or" and }
//! and        = not { "and" not }
//! not        = "not" not | comparison
//! comparison = sum [ ( "<" | "<=" | ">" | ">=" | "==" | "!=" ) sum ]      not chained
//! sum        = product { ( "+" | "-" ) product }
//! product    = sign { ( "*" | "/" ) sign }
//! sign       = "-" sign | atom
//! atom       = NUMBER [ UNIT ] | DATE | "true" | "false" | NAME [ "(" [ expression { "," expression } ] ")" ]
//!            | "(" expression ")"
//! NUMBER     = "1" | "1.5" | ".5" | "1e3"
//! DATE       = "2004-11-18" | "2004-11-18T06:00" | "2004-11-18T06:00:00"
//! UNIT       = "minute" | "hour" | "day" | "week" | "month" | "year", or these with an "s"
//! NAME       = letter { letter | digit | "_" }
//! ```
//!
//! Parentheses, calls, `-` and `not` nest at most [`limits::NESTING`] deep. The tree is an arena with operands before
//! their operators, so nothing that walks it needs recursion.

use std::ops::Range;

use super::diagnostic::quoted;
use super::time_literal::TimeUnit;
use super::vocabulary::{Token, TokenKind, tokens};
use crate::model::{Comparison, Date, limits};

/// Index of a node in its tree.
pub(super) type TreeId = usize;

/// A parsed expression; operands come before their operators, and the last node is the root.
#[derive(Clone, Debug, Default)]
pub(super) struct Tree {
    pub(super) nodes: Vec<TreeNode>,
}

/// A node and its position.
#[derive(Clone, Debug)]
pub(super) struct TreeNode {
    pub(super) form: Form,
    pub(super) span: Range<usize>,
}

/// The kind of a node.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum Form {
    Number(f64),
    Date(Date),
    Duration(f64, TimeUnit),
    Truth(bool),
    Name(String),
    Call { name: String, arguments: Vec<TreeId> },
    Negate(TreeId),
    Not(TreeId),
    Binary(Operator, TreeId, TreeId),
}

/// An operator between two operands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Operator {
    Or,
    And,
    Compare(Comparison),
    Add,
    Subtract,
    Multiply,
    Divide,
}

/// The precedence of operators; that of `not` is between `and` and comparisons, that of unary `-` the highest.
const NOT: u8 = 3;
const COMPARISON: u8 = 4;
const SIGN: u8 = 7;

impl Operator {
    fn binding(self) -> u8 {
        match self {
            Self::Or => 1,
            Self::And => 2,
            Self::Compare(_) => COMPARISON,
            Self::Add | Self::Subtract => 5,
            Self::Multiply | Self::Divide => 6,
        }
    }

    /// Its text.
    pub(super) fn symbol(self) -> &'static str {
        match self {
            Self::Or => "or",
            Self::And => "and",
            Self::Compare(comparison) => comparison.symbol(),
            Self::Add => "+",
            Self::Subtract => "-",
            Self::Multiply => "*",
            Self::Divide => "/",
        }
    }
}

/// A syntax error of an expression.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct SyntaxError {
    pub(super) message: String,
    pub(super) span: Range<usize>,
    pub(super) help: Option<String>,
}

/// Parses an expression.
///
/// # Errors
/// The first syntax error.
pub(super) fn parse(text: &str) -> Result<Tree, SyntaxError> {
    let mut parser = Parser { text, tokens: tokens(text), at: 0, depth: 0, tree: Tree::default() };
    if parser.peek().kind == TokenKind::End {
        return Err(SyntaxError {
            message: "the expression is empty".into(),
            span: 0..0,
            help: Some("write an expression, or remove the key".into()),
        });
    }
    parser.expression(0)?;
    match parser.peek().kind {
        TokenKind::End => Ok(parser.tree),
        TokenKind::Close => Err(parser.unexpected(Some("there is no `(` that it closes"))),
        TokenKind::Comma => Err(parser.unexpected(Some("numbers are written without commas: `30000`"))),
        _ => Err(parser.unexpected(Some("put an operator such as `and`, `+` or `>=` between the two"))),
    }
}

struct Parser<'t> {
    text: &'t str,
    tokens: Vec<Token>,
    at: usize,
    depth: usize,
    tree: Tree,
}

impl Parser<'_> {
    fn peek(&self) -> &Token {
        // The last token ends or invalidates the expression and is never passed.
        &self.tokens[self.at.min(self.tokens.len() - 1)]
    }

    fn word(&self) -> &str {
        let token = self.peek();
        if token.kind == TokenKind::Name { &self.text[token.span.clone()] } else { "" }
    }

    fn push(&mut self, form: Form, span: Range<usize>) -> TreeId {
        self.tree.nodes.push(TreeNode { form, span });
        self.tree.nodes.len() - 1
    }

    fn span(&self, id: TreeId) -> Range<usize> {
        self.tree.nodes[id].span.clone()
    }

    fn unexpected(&self, help: Option<&str>) -> SyntaxError {
        let Token { kind, span } = self.peek().clone();
        let (message, help) = match kind {
            TokenKind::Invalid(message, remedy) => (message, remedy),
            TokenKind::End => ("unexpected end of the expression".into(), help.map(str::to_owned)),
            _ => {
                let word = &self.text[span.clone()];
                let lower = word.to_ascii_lowercase();
                let keyword = ["and", "or", "not", "true", "false"].contains(&lower.as_str()) && lower != word;
                let help = if keyword { Some(format!("write `{lower}`")) } else { help.map(str::to_owned) };
                (format!("unexpected {}", quoted(word)), help)
            }
        };
        SyntaxError { message, span, help }
    }

    /// The operator that comes next, if one does.
    fn operator(&self) -> Option<Operator> {
        match self.peek().kind {
            TokenKind::Plus => Some(Operator::Add),
            TokenKind::Minus => Some(Operator::Subtract),
            TokenKind::Times => Some(Operator::Multiply),
            TokenKind::Over => Some(Operator::Divide),
            TokenKind::Compare(comparison) => Some(Operator::Compare(comparison)),
            TokenKind::Name => match self.word() {
                "and" => Some(Operator::And),
                "or" => Some(Operator::Or),
                _ => None,
            },
            _ => None,
        }
    }

    /// An expression of operators that bind at least as tightly as `least` (Pratt 1973).
    fn expression(&mut self, least: u8) -> Result<TreeId, SyntaxError> {
        let mut left = self.prefix()?;
        let mut compared = false;
        while let Some(operator) = self.operator() {
            let binding = operator.binding();
            if binding < least {
                break;
            }
            if compared && binding == COMPARISON {
                return Err(self.chained());
            }
            self.at += 1;
            let right = self.expression(binding + 1)?;
            let span = self.span(left).start..self.span(right).end;
            left = self.push(Form::Binary(operator, left, right), span);
            compared = binding == COMPARISON;
        }
        Ok(left)
    }

    fn chained(&self) -> SyntaxError {
        let span = self.peek().span.clone();
        SyntaxError {
            message: "comparisons cannot be chained".into(),
            span,
            help: Some("write two comparisons: `a < b and b < c`".into()),
        }
    }

    fn deeper(&mut self) -> Result<(), SyntaxError> {
        self.depth += 1;
        if self.depth > limits::NESTING {
            return Err(SyntaxError {
                message: format!("the expression nests more than {} deep", limits::NESTING),
                span: 0..self.text.len(),
                help: Some("give parts of it names in `[definitions]`".into()),
            });
        }
        Ok(())
    }

    fn prefix(&mut self) -> Result<TreeId, SyntaxError> {
        let Token { kind, span } = self.peek().clone();
        match kind {
            TokenKind::Minus => self.signed(span.start, SIGN, Form::Negate),
            TokenKind::Name if self.word() == "not" => self.signed(span.start, NOT, Form::Not),
            TokenKind::Number(value) => {
                self.at += 1;
                if let Some(unit) = TimeUnit::named(self.word()) {
                    let span = span.start..self.peek().span.end;
                    self.at += 1;
                    return Ok(self.push(Form::Duration(value, unit), span));
                }
                Ok(self.push(Form::Number(value), span))
            }
            TokenKind::Date(date) => {
                self.at += 1;
                Ok(self.push(Form::Date(date), span))
            }
            TokenKind::Open => self.parenthesis(span),
            TokenKind::Name => self.name(span),
            TokenKind::Plus => Err(self.unexpected(Some("write the number without a `+`"))),
            _ => Err(self.unexpected(Some("a number, a name or a condition is missing here"))),
        }
    }

    fn signed(&mut self, start: usize, binding: u8, form: fn(TreeId) -> Form) -> Result<TreeId, SyntaxError> {
        self.at += 1;
        self.deeper()?;
        let operand = self.expression(binding)?;
        self.depth -= 1;
        let end = self.span(operand).end;
        Ok(self.push(form(operand), start..end))
    }

    fn parenthesis(&mut self, open: Range<usize>) -> Result<TreeId, SyntaxError> {
        self.at += 1;
        self.deeper()?;
        let inner = self.expression(0)?;
        if self.peek().kind != TokenKind::Close {
            return Err(self.unclosed(open));
        }
        self.at += 1;
        self.depth -= 1;
        Ok(inner)
    }

    fn unclosed(&self, open: Range<usize>) -> SyntaxError {
        match self.peek().kind {
            TokenKind::End => SyntaxError {
                message: "missing `)`".into(),
                span: open,
                help: Some("close the parenthesis that opens here".into()),
            },
            _ => self.unexpected(Some("a `)` or an operator is missing here")),
        }
    }

    fn name(&mut self, span: Range<usize>) -> Result<TreeId, SyntaxError> {
        let name = self.text[span.clone()].to_owned();
        if matches!(name.as_str(), "and" | "or") {
            return Err(self.unexpected(Some("a condition is missing before it")));
        }
        self.at += 1;
        match name.as_str() {
            "true" => return Ok(self.push(Form::Truth(true), span)),
            "false" => return Ok(self.push(Form::Truth(false), span)),
            _ => {}
        }
        if self.peek().kind != TokenKind::Open {
            return Ok(self.push(Form::Name(name), span));
        }
        let open = self.peek().span.clone();
        self.at += 1;
        self.deeper()?;
        let arguments = self.arguments(open)?;
        self.depth -= 1;
        let end = self.tokens[self.at - 1].span.end;
        Ok(self.push(Form::Call { name, arguments }, span.start..end))
    }

    fn arguments(&mut self, open: Range<usize>) -> Result<Vec<TreeId>, SyntaxError> {
        let mut arguments = Vec::new();
        if self.peek().kind == TokenKind::Close {
            self.at += 1;
            return Ok(arguments);
        }
        loop {
            arguments.push(self.expression(0)?);
            match self.peek().kind {
                TokenKind::Comma => self.at += 1,
                TokenKind::Close => {
                    self.at += 1;
                    return Ok(arguments);
                }
                TokenKind::End => return Err(self.unclosed(open)),
                _ => return Err(self.unexpected(Some("a `,` or a `)` is missing here"))),
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The tree in prefix form.
    fn shown(tree: &Tree, id: TreeId) -> String {
        match &tree.nodes[id].form {
            Form::Number(value) => format!("{value}"),
            Form::Date(date) => format!("{date}"),
            Form::Duration(value, unit) => format!("[{value} {}]", unit.plural()),
            Form::Truth(value) => format!("{value}"),
            Form::Name(name) => name.clone(),
            Form::Call { name, arguments } => {
                let arguments: Vec<String> = arguments.iter().map(|&argument| shown(tree, argument)).collect();
                format!("{name}({})", arguments.join(" "))
            }
            Form::Negate(a) => format!("(neg {})", shown(tree, *a)),
            Form::Not(a) => format!("(not {})", shown(tree, *a)),
            Form::Binary(operator, a, b) => format!("({} {} {})", operator.symbol(), shown(tree, *a), shown(tree, *b)),
        }
    }

    fn check(text: &str, expected: &str) {
        let tree = parse(text).unwrap();
        assert_eq!(shown(&tree, tree.nodes.len() - 1), expected, "{text}");
    }

    #[test]
    fn operators_bind_from_loose_to_tight() {
        check("a or b and not c < d + e * -f", "(or a (and b (not (< c (+ d (* e (neg f)))))))");
        check("a - b - c", "(- (- a b) c)");
        check("a / b * c", "(* (/ a b) c)");
        check("-a * b", "(* (neg a) b)");
        check("2 - -3", "(- 2 (neg 3))");
        check("not not a and b", "(and (not (not a)) b)");
        check("not a == b", "(not (== a b))");
        check("(a or b) and c", "(and (or a b) c)");
        check("f(a, -1, g())", "f(a (neg 1) g())");
        check("a < b and b < c", "(and (< a b) (< b c))");
        check("step - 2004-11-18 >= -90 days", "(>= (- step 2004-11-18T00:00:00) (neg [90 days]))");
        check("2 * 1month / day", "(/ (* 2 [1 months]) day)");
    }

    fn refused(text: &str, message: &str, at: usize) {
        let error = parse(text).unwrap_err();
        assert_eq!((error.message.as_str(), error.span.start), (message, at), "{text}");
    }

    #[test]
    fn syntax_errors_have_a_position() {
        refused("", "the expression is empty", 0);
        refused("a +", "unexpected end of the expression", 3);
        refused("a < b < c", "comparisons cannot be chained", 6);
        refused("(a + 1", "missing `)`", 0);
        refused("f(a, 1", "missing `)`", 1);
        refused("a)", "unexpected `)`", 1);
        refused("a b", "unexpected `b`", 2);
        refused("f(a,)", "unexpected `)`", 4);
        refused("a days", "unexpected `days`", 2);
        refused("1 days days", "unexpected `days`", 7);
        refused("30,000", "unexpected `,`", 2);
        refused("a AND b", "unexpected `AND`", 2);
        refused("+1", "unexpected `+`", 0);
        refused("()", "unexpected `)`", 1);
        refused("and a", "unexpected `and`", 0);
        refused("a $ b", "unexpected character `$`", 2);
    }

    #[test]
    fn nesting_is_limited_exactly_and_without_recursion() {
        let nested = |open: &str, close: &str, depth: usize| format!("{}a{}", open.repeat(depth), close.repeat(depth));
        for (open, close) in [("(", ")"), ("abs(", ")"), ("-", ""), ("not ", ""), ("if(a, b, ", ")"), ("1 + (", ")")] {
            assert!(parse(&nested(open, close, 256)).is_ok(), "{open}");
            refused(&nested(open, close, 257), "the expression nests more than 256 deep", 0);
        }
        refused(&"(".repeat(1_000_000), "the expression nests more than 256 deep", 0);
        assert!(parse(&format!("a{}", " + a".repeat(1_000_000))).is_ok());
    }
}
