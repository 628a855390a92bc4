//! Named expressions: parsed once, checked by themselves, and put in the order in which they need each other.

use std::ops::Range;
use std::rc::Rc;

use super::compile::Compiler;
use super::diagnostic::{self, Diagnostic, Origin};
use super::document::{Kind, Value};
use super::graph;
use super::literal::Places;
use super::names::Given;
use super::reader::path;
use super::resolve::{Context, Extent, Resolver, Script, Type, words};
use super::syntax::{self, Form, Tree};
use crate::model::{Distribution, Scalar, limits};

/// A named expression.
#[derive(Clone, Debug)]
pub(super) struct Definition {
    pub(super) id: String,
    /// Where it is declared.
    pub(super) span: Range<usize>,
    /// Its tree, with places in the file; none where it is wrong (and reported).
    pub(super) tree: Option<Rc<Tree>>,
    /// Its type; none where it is wrong.
    pub(super) kind: Option<Type>,
    /// Its size and depth, unfolded.
    pub(super) extent: Extent,
    /// The definitions that it names.
    pub(super) uses: Vec<usize>,
    /// Its place in an order in which what is used comes first.
    pub(super) rank: usize,
}

impl<'a> Compiler<'a> {
    /// Reads `[definitions]`.
    pub(super) fn read_definitions(&mut self) {
        let Some(section) = self.section("definitions") else { return };
        for entry in &section.entries {
            let place = path("definitions", &entry.key);
            let tree = if let Kind::String(text) = &entry.value.kind {
                self.parse_in_file(&entry.value, text)
            } else {
                let help = match entry.value.kind {
                    Kind::Integer(_) | Kind::Float(_) | Kind::Boolean(_) => {
                        "put quotes around it, or declare a number in `[parameters]`"
                    }
                    _ => "write the expression in quotes",
                };
                self.wrong_kind(&entry.value, &place, "an expression in quotes", Some(help));
                None
            };
            let uses = tree.as_ref().map_or_else(Vec::new, |tree| self.definitions_in(tree));
            self.definitions.push(Definition {
                id: entry.key.clone(),
                span: entry.key_span.clone(),
                tree: tree.map(Rc::new),
                kind: None,
                extent: Extent::default(),
                uses,
                rank: usize::MAX,
            });
        }
        self.check_definitions();
    }

    fn definitions_in(&self, tree: &Tree) -> Vec<usize> {
        let named = tree.nodes.iter().zip(words(tree)).filter_map(|(node, word)| match &node.form {
            Form::Name(name) if !word => self.names.given(name),
            _ => None,
        });
        let mut uses: Vec<usize> = named
            .filter_map(|given| match given {
                Given::Definition(at) => Some(at),
                Given::Parameter(_) => None,
            })
            .collect();
        uses.sort_unstable();
        uses.dedup();
        uses
    }

    fn check_definitions(&mut self) {
        let needs: Vec<Vec<usize>> = self.definitions.iter().map(|definition| definition.uses.clone()).collect();
        let (ordered, circles) = graph::order(&needs);
        for circle in circles {
            let names = diagnostic::circle(circle.iter().map(|&at| self.definitions[at].id.as_str()));
            let message = match circle.len() {
                1 => format!("the definition {names} is defined by itself"),
                _ => format!("the definitions {names} are defined by each other in a circle"),
            };
            let span = self.definitions[circle[0]].span.clone();
            self.report(
                Diagnostic::error("names/cycle", message, Some(span)).help("let one of them do without the others"),
            );
        }
        for (rank, at) in ordered.iter().copied().enumerate() {
            self.definitions[at].rank = rank;
            let Some(tree) = self.definitions[at].tree.clone() else { continue };
            match Resolver::new(self, Context::Definition, Origin::File).run(&tree) {
                Some(resolved) => {
                    self.definitions[at].kind = Some(resolved.kind);
                    self.definitions[at].extent = resolved.extent;
                    let place = path("definitions", &self.definitions[at].id);
                    let script = resolved.script(place, "", Origin::File);
                    self.check_constants(&script);
                }
                None => self.definitions[at].tree = None,
            }
        }
        for definition in &mut self.definitions {
            // Whatever is in a circle, or needs one, has been reported there.
            if definition.rank == usize::MAX {
                definition.tree = None;
            }
        }
    }

    /// Parses an expression that stands in the file; its tree has places in the file.
    fn parse_in_file(&mut self, value: &Value, text: &str) -> Option<Tree> {
        let places = Places::of(self.source.text(), &value.span, text);
        match syntax::parse(text) {
            Ok(mut tree) => {
                for node in &mut tree.nodes {
                    node.span = places.place(&node.span);
                }
                Some(tree)
            }
            Err(error) => {
                let span = places.place(&error.span);
                let span = if text.trim().is_empty() { value.span.clone() } else { span };
                let diagnostic = Diagnostic::error("expr/syntax", error.message, Some(span)).maybe_help(error.help);
                self.report(diagnostic);
                None
            }
        }
    }

    /// Compiles an expression of the file; none where it is wrong (and reported).
    pub(super) fn expression(
        &mut self,
        value: &Value,
        text: &str,
        at: String,
        context: Context,
        wanted: Type,
    ) -> Option<Script> {
        let tree = self.parse_in_file(value, text)?;
        self.compile_tree(&tree, text, at, context, wanted, Origin::File)
    }

    /// Compiles an expression given as an argument.
    pub(super) fn argument_expression(
        &mut self,
        text: &str,
        at: String,
        context: Context,
        wanted: Type,
    ) -> Option<Script> {
        let origin = Origin::Argument(text.to_owned());
        match syntax::parse(text) {
            Ok(tree) => self.compile_tree(&tree, text, at, context, wanted, origin),
            Err(error) => {
                let diagnostic =
                    Diagnostic::error("expr/syntax", error.message, Some(error.span)).maybe_help(error.help);
                self.report(diagnostic.in_text(origin));
                None
            }
        }
    }

    fn compile_tree(
        &mut self,
        tree: &Tree,
        text: &str,
        at: String,
        context: Context,
        wanted: Type,
        origin: Origin,
    ) -> Option<Script> {
        let root = tree.nodes.last()?.span.clone();
        let resolved = Resolver::new(self, context, origin.clone()).run(tree)?;
        if resolved.kind != wanted {
            let (message, help) = match wanted {
                Type::Number => (
                    format!("`{at}` must be a number, but this is a condition"),
                    "write `if(CONDITION, 1, 0)` for a number that a condition decides",
                ),
                Type::Condition => (
                    format!("`{at}` must be a condition, but this is a number"),
                    "compare it with something, such as `>= 1`",
                ),
            };
            let error = Diagnostic::error("types/expression", message, Some(root)).help(help);
            self.report(error.in_text(origin));
            return None;
        }
        if !self.count_operations(resolved.nodes.len(), &root, &origin) {
            return None;
        }
        let script = resolved.script(at, text, origin);
        self.check_constants(&script).then_some(script)
    }

    /// Counts compiled operations against the limit on all of them.
    pub(super) fn count_operations(&mut self, more: usize, span: &Range<usize>, origin: &Origin) -> bool {
        let before = self.operations;
        self.operations = before.saturating_add(more);
        if self.operations <= limits::OPERATIONS {
            return true;
        }
        if before <= limits::OPERATIONS {
            let message = format!(
                "the expressions of the file have more than {} operations in all, definitions and members counted",
                limits::OPERATIONS
            );
            let error = Diagnostic::error("limits/operations", message, Some(span.clone()));
            self.report(error.in_text(origin.clone()).help("use fewer or smaller expressions"));
        }
        false
    }

    /// A condition of the file; none where it is missing or wrong.
    pub(super) fn condition(&mut self, value: &'a Value, at: String, context: Context) -> Option<Script> {
        if let Kind::String(text) = &value.kind {
            self.expression(value, text, at, context, Type::Condition)
        } else {
            let help = match value.kind {
                Kind::Boolean(_) | Kind::Integer(_) | Kind::Float(_) => "put quotes around it",
                _ => "write the condition in quotes",
            };
            self.wrong_kind(value, &at, "a condition in quotes", Some(help));
            None
        }
    }
}

/// The expressions among a distribution's arguments.
pub(super) fn expressions(distribution: &Distribution) -> impl Iterator<Item = &crate::model::Expression> {
    distribution.arguments.iter().filter_map(|argument| match argument {
        Scalar::Expression(expression) => Some(expression),
        Scalar::Constant(_) => None,
    })
}
