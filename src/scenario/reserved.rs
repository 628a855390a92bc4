//! Words of the language of expressions, and how quantities and functions are written.

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
