//! Types of expressions, and what an expression may refer to where it stands.

use crate::model::IssueId;

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
        own: Own,
    },
}

/// Whether a numeric field may read an attribute of the one that it belongs to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Own {
    /// It belongs to no actor.
    No,
    /// It is an attribute itself.
    Attribute,
    /// It belongs to an actor, a cohort's member or a debtor.
    Yes,
}
