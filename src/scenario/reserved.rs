//! Words of the language of expressions, and how quantities and functions are written.

/// Functions of numbers.
pub(super) const FUNCTIONS: [&str; 9] = ["min", "max", "clamp", "abs", "sqrt", "exp", "ln", "if", "curve"];

/// What a quantity takes as arguments.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Takes {
    /// A resource, and perhaps an actor or a group.
    Resource,
    /// A commitment, or one instance of it: `c/a`.
    Commitment,
    /// A meeting, a shock or a move.
    Occurrence,
    /// Arguments of its own: the least and the largest number of them, and how it is written.
    Own(usize, usize, &'static str),
}

impl Takes {
    /// The least and the largest number of arguments.
    pub(super) fn count(self) -> (usize, usize) {
        match self {
            Self::Resource => (1, 2),
            Self::Commitment | Self::Occurrence => (1, 1),
            Self::Own(least, most, _) => (least, most),
        }
    }
}

/// Quantities that take arguments, in the order in which messages list them.
const CALLED: [(&str, Takes); 22] = [
    ("data", Takes::Own(1, 1, "write `data(series)`")),
    ("offered", Takes::Resource),
    ("bound", Takes::Resource),
    ("delivered", Takes::Resource),
    (
        "assured",
        Takes::Own(
            1,
            3,
            "write `assured(resource, group)` in a commitment, `assured(resource, group, observer)` elsewhere",
        ),
    ),
    ("parties", Takes::Resource),
    ("offers", Takes::Commitment),
    ("bonds", Takes::Commitment),
    ("kept", Takes::Commitment),
    ("bound_at", Takes::Commitment),
    ("stance", Takes::Own(1, 2, "write `stance(actor)` or `stance(actor, issue)`")),
    ("trust", Takes::Own(2, 2, "write `trust(actor, actor)`")),
    ("own", Takes::Own(1, 1, "write `own(attribute)`")),
    ("count", Takes::Occurrence),
    ("since", Takes::Occurrence),
    ("pending", Takes::Commitment),
    ("violated", Takes::Commitment),
    ("expired", Takes::Commitment),
    ("terminated", Takes::Commitment),
    ("rounds", Takes::Commitment),
    ("reached", Takes::Own(1, 1, "write `reached(outcome)`")),
    ("members", Takes::Own(1, 1, "write `members(group)`")),
];

/// Quantities that never take arguments, and the keywords.
const ALONE: [&str; 10] = ["deadlocked", "step", "steps", "index", "size", "and", "or", "not", "true", "false"];

/// Every word that has a meaning of its own in expressions, so that no parameter or definition may be called so.
pub(super) fn all<'a>() -> impl Iterator<Item = &'a str> {
    called().chain(FUNCTIONS).chain(ALONE)
}

/// The names of the quantities that take arguments.
pub(super) fn called<'a>() -> impl Iterator<Item = &'a str> {
    CALLED.into_iter().map(|(name, _)| name)
}

/// What the quantity of a name takes as arguments; none if there is no such quantity.
pub(super) fn takes(name: &str) -> Option<Takes> {
    CALLED.iter().find(|(known, _)| *known == name).map(|&(_, takes)| takes)
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
        "curve" => "write `curve(x, x1, y1, x2, y2)`, with as many points as you like".into(),
        _ => match takes(name) {
            Some(Takes::Resource) => format!("write `{name}(resource)`, or `{name}(resource, actor or group)`"),
            Some(Takes::Commitment) => format!("write `{name}(commitment)` or `{name}(commitment/actor)`"),
            Some(Takes::Own(_, _, usage)) => usage.to_owned(),
            Some(Takes::Occurrence) | None => format!("write `{name}(meeting)` or `{name}(shock)`"),
        },
    }
}
