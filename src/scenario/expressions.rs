//! Compiles expressions, and definitions, which are parsed once, checked by themselves, and sorted by their
//! dependencies.

use std::rc::Rc;

use super::diagnostic::{self, Diagnostic, Origin};
use super::lookup::Lookup;
use super::names::NamedValue;
use super::reader::{Reader, path};
use super::resolve::{Resolver, arguments_of_quantities};
use super::script::{Context, Type};
use super::script::{Definition, Extent, Script};
use super::source::StringPlaces;
use super::syntax::{self, Form, Tree};
use super::toml_tree::{Kind, Value};
use super::{constant, graph};
use crate::model::ParameterId;

impl Lookup {
    /// Reads `[definitions]`.
    pub(super) fn read_definitions(&mut self, reader: &mut Reader<'_>) {
        let Some(section) = reader.section("definitions") else { return };
        for entry in &section.entries {
            let place = path("definitions", &entry.key);
            let tree = if let Kind::String(text) = &entry.value.kind {
                parse_in_file(reader, &entry.value, text)
            } else {
                let help = match entry.value.kind {
                    Kind::Integer(_) | Kind::Float(_) | Kind::Boolean(_) => {
                        "put quotes around it, or declare a number in `[parameters]`"
                    }
                    _ => "write the expression in quotes",
                };
                reader.wrong_kind(&entry.value, &place, "an expression in quotes", Some(help));
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
        self.check_definitions(reader);
    }

    fn definitions_in(&self, tree: &Tree) -> Vec<usize> {
        let named = tree.nodes.iter().zip(arguments_of_quantities(tree)).filter_map(|(node, is_argument)| {
            let Form::Name(name) = &node.form else { return None };
            if is_argument { None } else { self.names.named_value(name) }
        });
        let mut uses: Vec<usize> = named
            .filter_map(|given| match given {
                NamedValue::Definition(at) => Some(at),
                NamedValue::Parameter(_) => None,
            })
            .collect();
        uses.sort_unstable();
        uses.dedup();
        uses
    }

    fn check_definitions(&mut self, reader: &mut Reader<'_>) {
        let needs: Vec<Vec<usize>> = self.definitions.iter().map(|definition| definition.uses.clone()).collect();
        let (ordered, circles) = graph::order(&needs);
        for circle in circles {
            let names = diagnostic::circle(circle.iter().map(|&at| self.definitions[at].id.as_str()));
            let message = match circle.len() {
                1 => format!("the definition {names} is defined by itself"),
                _ => format!("the definitions {names} are defined by each other in a circle"),
            };
            let span = self.definitions[circle[0]].span.clone();
            reader.report(Diagnostic::error("names/cycle", message, Some(span)).help("remove one of these references"));
        }
        for (rank, at) in ordered.iter().copied().enumerate() {
            self.definitions[at].rank = rank;
            let Some(tree) = self.definitions[at].tree.clone() else { continue };
            match Resolver::new(reader, self, Context::Definition, Origin::File).run(&tree) {
                Some(resolved) => {
                    self.definitions[at].kind = Some(resolved.kind);
                    self.definitions[at].extent = resolved.extent;
                    let place = path("definitions", &self.definitions[at].id);
                    let script = resolved.script(place, "", Origin::File);
                    self.check_constants(reader, &script);
                }
                None => self.definitions[at].tree = None,
            }
        }
        for definition in &mut self.definitions {
            // Cycles have been reported; definitions in one, or that use one, have no value.
            if definition.rank == usize::MAX {
                definition.tree = None;
            }
        }
    }

    /// Compiles an expression of the file; `None` if it is invalid, which has been reported.
    pub(super) fn expression(
        &mut self,
        reader: &mut Reader<'_>,
        value: &Value,
        text: &str,
        at: String,
        context: Context,
        wanted: Type,
    ) -> Option<Script> {
        let tree = parse_in_file(reader, value, text)?;
        self.compile_tree(reader, &tree, (text, Origin::File), at, context, wanted)
    }

    /// Compiles an expression given as an argument.
    pub(super) fn argument_expression(
        &mut self,
        reader: &mut Reader<'_>,
        text: &str,
        at: String,
        context: Context,
        wanted: Type,
    ) -> Option<Script> {
        let origin = Origin::Argument(text.to_owned());
        match syntax::parse(text) {
            Ok(tree) => self.compile_tree(reader, &tree, (text, origin), at, context, wanted),
            Err(error) => {
                let diagnostic =
                    Diagnostic::error("expr/syntax", error.message, Some(error.span)).maybe_help(error.help);
                reader.report(diagnostic.in_text(origin));
                None
            }
        }
    }

    fn compile_tree(
        &mut self,
        reader: &mut Reader<'_>,
        tree: &Tree,
        (text, origin): (&str, Origin),
        at: String,
        context: Context,
        wanted: Type,
    ) -> Option<Script> {
        let root = tree.nodes.last()?.span.clone();
        let resolved = Resolver::new(reader, self, context, origin.clone()).run(tree)?;
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
            reader.report(error.in_text(origin));
            return None;
        }
        if !self.count_operations(reader, resolved.nodes.len(), &root, &origin) {
            return None;
        }
        let script = resolved.script(at, text, origin);
        self.check_constants(reader, &script).then_some(script)
    }

    /// A condition of the file; `None` if it is missing or invalid.
    pub(super) fn condition(
        &mut self,
        reader: &mut Reader<'_>,
        value: &Value,
        at: String,
        context: Context,
    ) -> Option<Script> {
        if let Kind::String(text) = &value.kind {
            self.expression(reader, value, text, at, context, Type::Condition)
        } else {
            let help = match value.kind {
                Kind::Boolean(_) | Kind::Integer(_) | Kind::Float(_) => "put quotes around it",
                _ => "write the condition in quotes",
            };
            reader.wrong_kind(value, &at, "a condition in quotes", Some(help));
            None
        }
    }

    /// Reports constant parts that divide by zero or are not a number; true if there is none.
    fn check_constants(&self, reader: &mut Reader<'_>, script: &Script) -> bool {
        let value = |id: ParameterId| self.parameters.get(id.index()).copied().flatten();
        let found = constant::undefined_constants(&script.expression.nodes, &value);
        for &constant::UndefinedConstant { node, what } in &found {
            let through = script.places.get(node as usize).and_then(|place| place.through.as_ref());
            let place = match through {
                Some(&(definition, _)) => format!("definitions.{}", self.definitions[definition].id),
                None => script.expression.path.clone(),
            };
            let error = Diagnostic::error("domain/constant", format!("{what} in `{place}`"), None)
                .help("change the numbers, or guard it: `if(x > 0, 1 / x, 0)`");
            reader.report(script.own(node, error));
        }
        found.is_empty()
    }
}

/// Parses an expression of the file; its tree has positions in the file.
fn parse_in_file(reader: &mut Reader<'_>, value: &Value, text: &str) -> Option<Tree> {
    let places = StringPlaces::of(reader.source.text(), &value.span, text);
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
            reader.report(diagnostic);
            None
        }
    }
}
