//! Compiled expressions with the positions of their nodes, and definitions; the types of expressions, and the contexts
//! in which they are used.

use std::collections::BTreeMap;
use std::ops::Range;
use std::rc::Rc;

use super::diagnostic::{Diagnostic, Origin, quoted};
use super::syntax::Tree;
use crate::model::{Expression, IssueId, NodeId};

/// The position of a compiled node.
#[derive(Clone, Debug)]
pub(super) struct NodePlace {
    /// Its own position, in the file or (outside of definitions) in an argument.
    pub(super) span: Range<usize>,
    /// The definition that contains the node, and the position at which the outermost expression names it.
    pub(super) through: Option<(usize, Range<usize>)>,
}

/// A compiled expression with the positions of its nodes.
#[derive(Clone, Debug)]
pub(super) struct Script {
    pub(super) expression: Expression,
    pub(super) places: Vec<NodePlace>,
    pub(super) origin: Origin,
}

impl Script {
    /// An error about a node in its use: inside a definition, at the name of the definition in the outermost
    /// expression, with a note for the position inside.
    pub(super) fn met(&self, node: NodeId, definitions: &[Definition], error: Diagnostic) -> Diagnostic {
        match self.places.get(node as usize) {
            Some(place) => place_met(place, &self.origin, definitions, error),
            None => error,
        }
    }

    /// An error about a node itself: inside a definition, at its position there.
    pub(super) fn own(&self, node: NodeId, mut error: Diagnostic) -> Diagnostic {
        if let Some(place) = self.places.get(node as usize) {
            error.span = Some(place.span.clone());
            error.origin = if place.through.is_some() { Origin::File } else { self.origin.clone() };
        }
        error
    }
}

pub(super) fn place_met(
    place: &NodePlace,
    origin: &Origin,
    definitions: &[Definition],
    mut error: Diagnostic,
) -> Diagnostic {
    error.origin = origin.clone();
    match &place.through {
        None => error.span = Some(place.span.clone()),
        Some((definition, used)) => {
            error.span = Some(used.clone());
            let name = definitions.get(*definition).map_or("", |definition| definition.id.as_str());
            error
                .notes
                .insert(0, (format!("it stands here, in the definition {}", quoted(name)), Some(place.span.clone())));
        }
    }
    error
}

/// Size and depth of an expression with its definitions unfolded.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Extent {
    pub(super) size: u64,
    pub(super) depth: u64,
}

/// A named expression.
#[derive(Clone, Debug)]
pub(super) struct Definition {
    pub(super) id: String,
    /// The position of its declaration.
    pub(super) span: Range<usize>,
    /// Its tree, with positions in the file; `None` if it is invalid, which has been reported.
    pub(super) tree: Option<Rc<Tree>>,
    /// Its type; `None` if it is invalid.
    pub(super) kind: Option<Type>,
    /// Its size and depth, unfolded.
    pub(super) extent: Extent,
    /// The definitions that it names.
    pub(super) uses: Vec<usize>,
    /// Its position in the order of dependencies, in which used definitions come first.
    pub(super) rank: usize,
}

/// Scripts by the dotted paths of their expressions, with the definitions that they use.
pub(super) struct Scripts<'s> {
    by_path: BTreeMap<&'s str, &'s Script>,
    pub(super) definitions: &'s [Definition],
}

impl<'s> Scripts<'s> {
    pub(super) fn new(scripts: impl Iterator<Item = &'s Script>, definitions: &'s [Definition]) -> Self {
        let by_path = scripts.map(|script| (script.expression.path.as_str(), script)).collect();
        Self { by_path, definitions }
    }

    /// The script of a path.
    pub(super) fn of(&self, path: &str) -> Option<&'s Script> {
        self.by_path.get(path).copied()
    }
}

/// Numbers and conditions.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Type {
    Number,
    Condition,
}

impl Type {
    /// Its name in messages, with an article.
    pub(super) fn name(self) -> &'static str {
        match self {
            Self::Number => "a number",
            Self::Condition => "a condition",
        }
    }
}

/// The context of an expression, which determines what it may read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Context {
    /// A definition by itself, before the context of its use is known.
    Definition,
    /// A commitment's condition, whose debtor reads it.
    Condition {
        /// Of the debtor's own stance.
        issue: IssueId,
    },
    /// A shock, an outcome or a metric; the text names it in messages.
    World(&'static str),
    /// A numeric field.
    Numeric {
        /// It is a cohort's and may read `index` and `size`.
        cohort: bool,
        /// Whether it may read `own`.
        own: OwnAttributes,
    },
}

/// Whether a numeric field may read an attribute of the one that it belongs to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum OwnAttributes {
    /// It belongs to no actor.
    No,
    /// It is an attribute itself.
    Attribute,
    /// It belongs to an actor, a cohort's member or a debtor.
    Yes,
}
