//! The keys that each kind of table of a scenario may have, as one table.

/// A kind of table, and its keys.
#[derive(Clone, Copy, Debug)]
pub struct Keys {
    /// Its name in messages, such as `an actor`.
    pub what: &'static str,
    /// Its keys, in the order in which messages list them.
    pub keys: &'static [&'static str],
}

/// Defines the kinds of tables: constant, name in messages, keys.
macro_rules! keys {
    ($($name:ident = $what:literal: [$($key:literal),* $(,)?];)*) => {
        $(pub(super) const $name: Keys = Keys { what: $what, keys: &[$($key),*] };)*

        /// Every kind of table.
        pub const ALL: [Keys; [$($what),*].len()] = [$($name),*];
    };
}

keys! {
    FILE = "the file": [
        "format", "extends", "remove", "title", "about", "issues", "pace", "time", "parameters", "definitions",
        "resources", "actors", "cohorts", "groups", "trust", "credit", "influence", "commitments", "meetings",
        "shocks", "moves", "outcomes", "metrics", "data", "sweep", "note",
    ];
    TIME = "`time`": ["start", "step", "steps", "end"];
    PARAMETER = "a parameter": ["value", "range", "whole", "unit", "note", "name"];
    RESOURCE = "a resource": ["unit", "name", "note"];
    ACTOR = "an actor": ["name", "note", "stance", "anchor", "susceptibility", "volatility", "attributes", "credit"];
    COHORT = "a cohort": [
        "name", "note", "stance", "anchor", "susceptibility", "volatility", "attributes", "credit", "size", "table",
        "id", "names", "member_of",
    ];
    COLUMN = "a column of a table": ["column", "missing"];
    CREDIT = "a credit": ["offer", "bond"];
    CREDITS = "`credit`": ["offer", "bond"];
    TRUST = "`trust`": ["default", "strength", "kept", "broken", "suspended", "witness", "pairs"];
    TRUST_PAIR = "a pair of `trust`": ["of", "in", "value"];
    TRUST_TABLE = "a pair of `trust` from a table": ["table"];
    INFLUENCE = "an `influence`": ["from", "on", "weight", "note"];
    INFLUENCE_TABLE = "an `influence` from a table": ["table", "note"];
    COMMITMENT = "a commitment": [
        "renew", "debtor", "creditor", "gives", "offer", "when", "while", "release", "initial", "lead", "expires",
        "over", "grace", "due", "maintain", "resumable", "until", "issue", "cost", "name", "note",
    ];
    GRADED = "a graded amount": ["upto", "as", "by"];
    MEETING = "a meeting": ["on", "from", "to", "attend", "package", "success", "influence", "name", "note"];
    SHOCK = "a shock": ["on", "rate", "when", "once", "stance", "anchor", "trust", "name", "note"];
    TRUST_EFFECT = "an effect on trust": ["of", "in", "by"];
    MOVE = "a move": ["on", "when", "bind", "any", "name", "note"];
    BOUND = "what a move binds": ["commitment", "amount"];
    OUTCOME = "an outcome": ["when", "stop", "name", "note"];
    DATA = "a series of data": ["table", "date", "value", "between", "name", "note"];
    SWEEP = "`[sweep]`": ["vary", "zip", "sample", "over", "replicates", "seed", "independent", "note"];
}
