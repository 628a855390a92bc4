//! What happens at a time or on a condition: meetings, shocks and moves; and data over time.

use super::Pairs;
use super::expression::Expression;
use super::ids::{GroupId, InstanceId, IssueId};

/// A dated occasion with attendees.
#[derive(Clone, Debug, PartialEq)]
pub struct Meeting {
    /// Its id.
    pub id: String,
    /// Its name, for people.
    pub name: Option<String>,
    /// First and last step of each session within the run, sorted by first step; no two sessions begin at one step.
    pub sessions: Vec<(u32, u32)>,
    /// The attendees.
    pub attendees: GroupId,
    /// Whether the attendees may bind a package.
    pub package: bool,
}

/// A number that changes over time, read from a table.
#[derive(Clone, Debug, PartialEq)]
pub struct Series {
    /// Its id.
    pub id: String,
    /// Whether it is linearly interpolated; otherwise each value holds until the next row.
    pub linear: bool,
    /// Times (minutes since the start of the run, or step numbers without dates) in ascending order, with values. At
    /// least one.
    pub points: Vec<(f64, f64)>,
}

impl Series {
    /// Its value at a time. The first value also holds before the first row, and the last after the last row.
    #[must_use]
    pub fn at(&self, x: f64) -> f64 {
        let next = self.points.partition_point(|&(moment, _)| moment <= x);
        let (Some(&(x0, v0)), Some(&(x1, v1))) =
            (next.checked_sub(1).and_then(|at| self.points.get(at)), self.points.get(next))
        else {
            let nearest = if next == 0 { self.points.first() } else { self.points.last() };
            return nearest.map_or(f64::NAN, |&(_, value)| value);
        };
        if self.linear { v0 + (v1 - v0) * ((x - x0) / (x1 - x0)) } else { v0 }
    }
}

/// The trigger of a shock or move.
#[derive(Clone, Debug, PartialEq)]
pub enum Trigger {
    /// At these steps, in ascending order and within the run.
    On(Vec<u32>),
    /// With probability `1 − exp(−rate)` each step.
    Rate(Expression),
    /// When a condition becomes true.
    When {
        /// The condition.
        condition: Expression,
        /// Whether it fires only the first time.
        once: bool,
    },
}

/// An effect of a shock on stances or anchors; its size is in the [`Setup`](super::Setup).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Effect {
    /// The affected actors.
    pub group: GroupId,
    /// The affected issue; `None` affects all.
    pub issue: Option<IssueId>,
    /// Position of its size in [`Setup::effects`](super::Setup::effects).
    pub size: u32,
}

/// An effect of a shock on trust; its size is in the [`Setup`](super::Setup).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TrustEffect {
    /// The affected pairs.
    pub pairs: Pairs,
    /// Position of its size in [`Setup::effects`](super::Setup::effects).
    pub size: u32,
}

/// A shock: an event from outside the model.
#[derive(Clone, Debug, PartialEq)]
pub struct Shock {
    /// Its id.
    pub id: String,
    /// Its name, for people.
    pub name: Option<String>,
    /// When it strikes.
    pub trigger: Trigger,
    /// Effects on stances, in file order.
    pub stance: Vec<Effect>,
    /// Effects on anchors, in file order.
    pub anchor: Vec<Effect>,
    /// Effects on trust, in file order.
    pub trust: Vec<TrustEffect>,
}

/// An intervention: commitments are bound regardless of their conditions.
#[derive(Clone, Debug, PartialEq)]
pub struct Move {
    /// Its id.
    pub id: String,
    /// Its name, for people.
    pub name: Option<String>,
    /// When it is made: at given steps, or once when a condition becomes true.
    pub trigger: Trigger,
    /// The bound instances, each once, in the order given.
    pub binds: Vec<Bind>,
    /// Whether instances that have lapsed, were released or are not offered are offered first.
    pub any: bool,
}

/// An instance that a move binds.
#[derive(Clone, Debug, PartialEq)]
pub struct Bind {
    /// The instance.
    pub instance: InstanceId,
    /// The graded amounts that are given explicitly instead of raised to their limit: the number of the gift, and the
    /// position of its amount in [`Setup::moved`](super::Setup::moved).
    pub amounts: Vec<(u32, usize)>,
}
