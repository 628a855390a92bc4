//! Words of the language of expressions, and how quantities and functions are written. The quantities and what they take
//! come from the table of the model.

use crate::model::{Quantity, Signature};

/// Functions of numbers.
pub(super) const FUNCTIONS: [&str; 9] = ["min", "max", "clamp", "abs", "sqrt", "exp", "ln", "if", "curve"];

/// The number of actors in a group, which is written as a quantity and known before any run.
pub(super) const MEMBERS: &str = "members";

/// Words that are neither quantities nor functions.
const KEYWORDS: [&str; 5] = ["and", "or", "not", "true", "false"];

/// The kind of arguments that a quantity takes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum ArgumentKind {
    /// A resource, and perhaps an actor or a group.
    Resource,
    /// A resource, perhaps an actor or a group, and perhaps an observer.
    Observed,
    /// A commitment, or one instance of it: `c/a`.
    Commitment,
    /// An actor or a group, and perhaps an issue.
    Stance,
    /// Two actors.
    Pair,
    /// An attribute of the reader.
    Attribute,
    /// A meeting, a shock or a move.
    Occurrence,
    /// An outcome.
    Outcome,
    /// A series of data.
    Data,
    /// An actor or a group.
    Group,
}

impl ArgumentKind {
    /// What a quantity of this signature takes; none where it is written without arguments.
    fn of(signature: Signature) -> Option<Self> {
        match signature {
            Signature::Slot => Some(Self::Resource),
            Signature::Observed => Some(Self::Observed),
            Signature::Promises => Some(Self::Commitment),
            Signature::Stance | Signature::Mean => Some(Self::Stance),
            Signature::Pair => Some(Self::Pair),
            Signature::Attribute => Some(Self::Attribute),
            Signature::Meeting | Signature::Shock | Signature::Move => Some(Self::Occurrence),
            Signature::Outcome => Some(Self::Outcome),
            Signature::Data => Some(Self::Data),
            Signature::Nothing | Signature::OwnStance | Signature::Member => None,
        }
    }

    /// The least and the largest number of arguments.
    pub(super) fn count(self) -> (usize, usize) {
        match self {
            Self::Resource | Self::Stance => (1, 2),
            Self::Observed => (1, 3),
            Self::Pair => (2, 2),
            Self::Commitment | Self::Attribute | Self::Occurrence | Self::Outcome | Self::Data | Self::Group => (1, 1),
        }
    }

    /// How a quantity that takes this is written.
    fn usage(self, name: &str) -> String {
        match self {
            Self::Resource => format!("write `{name}(resource)`, or `{name}(resource, actor or group)`"),
            Self::Observed => format!(
                "write `{name}(resource, group)` in a commitment, `{name}(resource, group, observer)` elsewhere"
            ),
            Self::Commitment => format!("write `{name}(commitment)` or `{name}(commitment/actor)`"),
            Self::Stance => format!("write `{name}(actor)` or `{name}(actor, issue)`"),
            Self::Pair => format!("write `{name}(actor, actor)`"),
            Self::Attribute => format!("write `{name}(attribute)`"),
            Self::Occurrence => format!("write `{name}(meeting)` or `{name}(shock)`"),
            Self::Outcome => format!("write `{name}(outcome)`"),
            Self::Data => format!("write `{name}(series)`"),
            Self::Group => format!("write `{name}(group)`"),
        }
    }
}

/// Every word that has a meaning of its own in expressions, so that no parameter or definition may be called so.
pub(super) fn all<'a>() -> impl Iterator<Item = &'a str> {
    let quantities = Quantity::SIGNATURES.iter().map(|&(name, _)| name);
    quantities.chain([MEMBERS]).chain(FUNCTIONS).chain(KEYWORDS)
}

/// The names of the quantities that take arguments, each once.
pub(super) fn called<'a>() -> impl Iterator<Item = &'a str> {
    let mut names: Vec<&str> = Vec::new();
    let taking = Quantity::SIGNATURES.iter().filter(|(_, signature)| ArgumentKind::of(*signature).is_some());
    for name in taking.map(|&(name, _)| name).chain([MEMBERS]) {
        if !names.contains(&name) {
            names.push(name);
        }
    }
    names.into_iter()
}

/// What the quantity of a name takes as arguments; none if there is no such quantity.
pub(super) fn argument_kind(name: &str) -> Option<ArgumentKind> {
    let mut quantities = Quantity::SIGNATURES.iter().filter(|(known, _)| *known == name);
    let kind = quantities.find_map(|&(_, signature)| ArgumentKind::of(signature));
    kind.or_else(|| (name == MEMBERS).then_some(ArgumentKind::Group))
}

/// The signature of a quantity that is written without arguments.
pub(super) fn alone(name: &str) -> Option<Signature> {
    let mut quantities = Quantity::SIGNATURES.iter().filter(|(known, _)| *known == name);
    quantities.find(|(_, signature)| ArgumentKind::of(*signature).is_none()).map(|&(_, signature)| signature)
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
        _ => argument_kind(name).unwrap_or(ArgumentKind::Occurrence).usage(name),
    }
}
