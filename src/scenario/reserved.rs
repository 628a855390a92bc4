//! Words of the language that stand alone, what may be read where, and how quantities and functions are written.

use std::ops::Range;

use super::diagnostic::{Diagnostic, quoted};
use super::resolve::{Context, Own, Resolver};
use crate::model::{IssueId, Quantity};

/// Functions of numbers.
pub(super) const FUNCTIONS: [&str; 9] = ["min", "max", "clamp", "abs", "sqrt", "exp", "ln", "if", "curve"];

/// Quantities that take arguments.
pub(super) const CALLED: [&str; 22] = [
    "data",
    "offered",
    "bound",
    "delivered",
    "assured",
    "parties",
    "offers",
    "bonds",
    "kept",
    "bound_at",
    "stance",
    "trust",
    "own",
    "count",
    "since",
    "pending",
    "violated",
    "expired",
    "terminated",
    "rounds",
    "reached",
    "members",
];

/// Quantities of a commitment, or of one instance of it.
pub(super) const PROMISES: [&str; 9] =
    ["offers", "bonds", "kept", "bound_at", "pending", "violated", "expired", "terminated", "rounds"];

/// Quantities that never take arguments, and the keywords.
const ALONE: [&str; 10] = ["deadlocked", "step", "steps", "index", "size", "and", "or", "not", "true", "false"];

/// Every word that has a meaning of its own in expressions, so that no parameter or definition may be called so.
pub(super) fn all<'a>() -> impl Iterator<Item = &'a str> {
    CALLED.into_iter().chain(FUNCTIONS).chain(ALONE)
}

/// Whether a name is one of them.
pub(super) fn is_word(name: &str) -> bool {
    all().any(|word| word == name)
}

/// How a function or quantity is written.
pub(super) fn usage(name: &str) -> String {
    match name {
        "min" | "max" => format!("write `{name}(a, b)`, with as many numbers as you like"),
        "clamp" => "write `clamp(a, low, high)`".into(),
        "if" => "write `if(condition, a, b)`".into(),
        "abs" | "sqrt" | "exp" | "ln" => format!("write `{name}(a)`"),
        "offered" | "bound" | "delivered" | "parties" => {
            format!("write `{name}(resource)`, or `{name}(resource, actor or group)`")
        }
        "assured" => {
            "write `assured(resource, group)` in a commitment, `assured(resource, group, observer)` elsewhere".into()
        }
        _ if PROMISES.contains(&name) => format!("write `{name}(commitment)` or `{name}(commitment/actor)`"),
        "reached" => "write `reached(outcome)`".into(),
        "members" => "write `members(group)`".into(),
        "curve" => "write `curve(x, x1, y1, x2, y2)`, with as many points as you like".into(),
        "stance" => "write `stance(actor)` or `stance(actor, issue)`".into(),
        "trust" => "write `trust(actor, actor)`".into(),
        "own" => "write `own(attribute)`".into(),
        "data" => "write `data(series)`".into(),
        _ => format!("write `{name}(meeting)` or `{name}(shock)`"),
    }
}

impl Resolver<'_, '_> {
    /// Whether a quantity that belongs to the state may be read here; reports it if not.
    pub(super) fn allows_state(&mut self, name: &str, span: &Range<usize>) -> bool {
        let Context::Numeric { cohort, own } = self.context else { return true };
        let message = format!("{} cannot be read by a number that is worked out before the run", quoted(name));
        let mut may = vec!["parameters"];
        if cohort {
            may.push("`index` and `size`");
        }
        if own == Own::Yes {
            may.push("`own(…)`");
        }
        let help = format!("it may read {}", may.join(" and "));
        self.report_met(span, Diagnostic::error("types/context", message, None).help(help));
        false
    }

    /// A word of the language that stands alone as a number.
    pub(super) fn word(&mut self, name: &str, span: &Range<usize>) -> Option<Quantity> {
        let quantity = match name {
            "step" => Quantity::Step,
            "steps" => Quantity::Steps,
            "deadlocked" => Quantity::Deadlocked,
            "stance" => return self.own_stance(span),
            "index" | "size" => return self.place_in_cohort(name, span),
            _ => {
                let message = format!("{} takes arguments", quoted(name));
                self.report_own(span, Diagnostic::error("expr/arguments", message, None).help(usage(name)));
                return None;
            }
        };
        self.allows_state(name, span).then_some(quantity)
    }

    fn own_stance(&mut self, span: &Range<usize>) -> Option<Quantity> {
        match self.context {
            Context::Condition { issue } => Some(Quantity::OwnStance(issue)),
            Context::Definition => Some(Quantity::OwnStance(IssueId(0))),
            Context::Numeric { .. } => {
                self.allows_state("stance", span);
                None
            }
            Context::World(what) => {
                let message = format!("`stance` alone is the debtor's own, and {what} has no debtor");
                self.report_met(
                    span,
                    Diagnostic::error("types/context", message, None).help("name the actor: `stance(ACTOR)`"),
                );
                None
            }
        }
    }

    fn place_in_cohort(&mut self, name: &str, span: &Range<usize>) -> Option<Quantity> {
        match self.context {
            Context::Definition | Context::Numeric { cohort: true, .. } => {
                Some(if name == "index" { Quantity::Index } else { Quantity::Size })
            }
            _ => {
                let message = format!("`{name}` can be read by the numbers of a cohort only");
                let help = "use it in the fields of `[cohorts.NAME]`";
                self.report_met(span, Diagnostic::error("types/context", message, None).help(help));
                None
            }
        }
    }
}
