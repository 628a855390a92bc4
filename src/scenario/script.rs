//! Compiled expressions with the places of their nodes, and definitions; the types of expressions, and what an expression
//! may refer to where it stands.

use std::collections::BTreeMap;
use std::ops::Range;
use std::rc::Rc;

use super::diagnostic::{Diagnostic, Origin, quoted};
use super::syntax::Tree;
use crate::model::{Expression, IssueId, NodeId};

/// Where a compiled node stands.
#[derive(Clone, Debug)]
pub(super) struct NodePlace {
    /// Its own place, in the file or (outside of definitions) in an argument.
    pub(super) span: Range<usize>,
    /// Inside a definition: which, and where the user's expression names the definition that led there.
    pub(super) through: Option<(usize, Range<usize>)>,
}

/// A compiled expression with the places of its nodes.
#[derive(Clone, Debug)]
pub(super) struct Script {
    pub(super) expression: Expression,
    pub(super) places: Vec<NodePlace>,
    pub(super) origin: Origin,
}

impl Script {
    /// An error about a node as its user meets it: inside a definition, at the definition's name in the user's
    /// expression, with a note for the place inside.
    pub(super) fn met(&self, node: NodeId, definitions: &[Definition], error: Diagnostic) -> Diagnostic {
        match self.places.get(node as usize) {
            Some(place) => place_met(place, &self.origin, definitions, error),
            None => error,
        }
    }

    /// An error that a node has by itself: inside a definition, there.
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
    /// In words, with an article.
    pub(super) fn name(self) -> &'static str {
        match self {
            Self::Number => "a number",
            Self::Condition => "a condition",
        }
    }
}

/// What an expression may refer to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Context {
    /// A definition by itself: its user's context is not known yet.
    Definition,
    /// A commitment's condition, whose debtor reads it.
    Condition {
        /// Of the debtor's own stance.
        issue: IssueId,
    },
    /// A shock, an outcome or a metric (in words).
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
