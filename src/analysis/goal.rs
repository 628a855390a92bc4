//! The goal of an unlock set: how it changes as more is bound, and which quantities are held fixed although in a run
//! they would move.

use crate::engine::{Failure, Hypothesis, View, evolve};
use crate::model::{
    Amount, Dependency, Expression, InstanceId, Model, Monotonicity, Quantity, Scope, Values as _, World,
};
use crate::scenario::interval::{Interval, bounds, quantity_interval};
use crate::scenario::monotone::{self, Trend};

/// The goal of an unlock or summit set.
#[derive(Clone, Debug)]
pub(super) enum Goal<'a> {
    /// All of these instances are bound with at least these graded amounts, given by position in the plan.
    Bound(Vec<InstanceId>, Vec<Amount>),
    /// The condition of an outcome holds.
    Outcome(&'a Expression),
}

impl Goal<'_> {
    /// Whether binding more in the state of `scope` helps or hurts the goal.
    pub(super) fn trend(&self, scope: &Scope<'_>) -> Trend {
        match self {
            Self::Bound(..) => Trend::Up,
            Self::Outcome(expression) => trend(expression, scope),
        }
    }
}

/// Tests a goal on hypotheses.
#[derive(Clone, Debug)]
pub(super) struct GoalTest<'a> {
    /// The state that hypotheses are about.
    pub(super) view: View<'a>,
    pub(super) goal: Goal<'a>,
    /// The member of the goal that was missing in the last test; it is tested first in the next one.
    pub(super) missing: usize,
    /// Whether the outcome reads quantities that only a complete state provides.
    pub(super) reads_state: bool,
}

impl<'a> GoalTest<'a> {
    pub(super) fn new(view: View<'a>, goal: Goal<'a>) -> Self {
        let reads_state = match &goal {
            Goal::Bound(..) => false,
            Goal::Outcome(expression) => {
                expression.reads().iter().any(|q| matches!(q, Quantity::BoundAt(_) | Quantity::Deadlocked))
            }
        };
        Self { view, goal, missing: 0, reads_state }
    }

    /// Whether the goal is reached if the instances of the hypothesis are bound.
    pub(super) fn reached(&mut self, hypothesis: &Hypothesis<'_>) -> Result<bool, Failure> {
        match &self.goal {
            Goal::Bound(members, amounts) => {
                let is_missing = |&member: &InstanceId| {
                    if amounts.is_empty() && !hypothesis.knows_more() {
                        !hypothesis.is_bound(member)
                    } else {
                        !hypothesis.is_as_good(member, amounts)
                    }
                };
                if members.get(self.missing).is_some_and(is_missing) {
                    return Ok(false);
                }
                let missing = members.iter().position(is_missing);
                self.missing = missing.unwrap_or(self.missing);
                Ok(missing.is_none())
            }
            Goal::Outcome(expression) => {
                if self.reads_state {
                    return self.reached_in(&self.state_of(hypothesis), expression);
                }
                self.truth(expression, &hypothesis.scope())
            }
        }
    }

    /// The state in which the instances of the hypothesis are bound.
    fn state_of(&self, hypothesis: &Hypothesis<'_>) -> World {
        let View { model, setup, .. } = self.view;
        let mut world = self.view.world.clone();
        for event in hypothesis.events() {
            evolve(model, setup, &mut world, event);
        }
        world
    }

    /// Whether an outcome holds in a state after an Exchange, with the gap of that state.
    pub(super) fn reached_in(&self, world: &World, expression: &Expression) -> Result<bool, Failure> {
        let with_gap = if self.reads_state {
            let gap = super::gap(View { world, ..self.view })?.len();
            let gap = u32::try_from(gap).expect("the number of instances is limited");
            let mut world = world.clone();
            world.keep_gap(gap);
            Some(world)
        } else {
            None
        };
        let world = with_gap.as_ref().unwrap_or(world);
        self.truth(expression, &View { world, ..self.view }.scope())
    }

    fn truth(&self, expression: &Expression, scope: &Scope<'_>) -> Result<bool, Failure> {
        expression.truth(scope).map_err(|fault| Failure::Expression { fault, step: self.view.world.step })
    }
}

/// Whether binding more makes a condition truer or less true, by sign analysis with all other values fixed.
fn trend(expression: &Expression, scope: &Scope<'_>) -> Trend {
    let motion = |quantity: Quantity| match (quantity, quantity.monotonicity()) {
        (Quantity::BoundAt(_), _) => Trend::Down,
        (_, Monotonicity::Evidence | Monotonicity::Deeds) => Trend::Up,
        (_, Monotonicity::Fixed) => Trend::Fixed,
        (_, Monotonicity::Forbidden(_)) => Trend::Either,
    };
    let read = |quantity: Quantity| {
        if motion(quantity) == Trend::Fixed {
            Interval::point(scope.read(quantity))
        } else {
            quantity_interval(scope.model, quantity)
        }
    };
    let parameters: Vec<Interval> = scope.setup.parameters.iter().map(|&value| Interval::point(value)).collect();
    monotone::trend(expression, &bounds(&expression.nodes, &parameters, &read), &motion)
}

/// A kind of quantity that binding commitments does not change within a state, but later steps do.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum HeldFixed {
    /// Deliveries, and commitments that were kept, broken or have lapsed.
    Deeds,
    /// Trust, including its effect on assured amounts.
    Trust,
    /// Stances.
    Stances,
    /// Counts of meetings, shocks and moves, and the outcomes that have been reached.
    Counts,
    /// The step, and data that depend on it.
    Time,
}

impl HeldFixed {
    /// The name used in output.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Deeds => "deeds",
            Self::Trust => "trust",
            Self::Stances => "stances",
            Self::Counts => "counts",
            Self::Time => "time",
        }
    }
}

/// The kinds that the goal and the conditions of possible moves read, each at most once.
pub(super) fn held(model: &Model, goal: Option<&Expression>, moves: &[InstanceId]) -> Vec<HeldFixed> {
    let mut seen = vec![false; model.commitments.len()];
    let mut of_moves = Vec::new();
    for instance in moves {
        let commitment = model.instances[instance.index()].commitment.index();
        if !std::mem::replace(&mut seen[commitment], true) {
            of_moves.extend(model.commitments[commitment].monotone().map(|(_, expression)| expression));
        }
    }
    let reads = goal.into_iter().chain(of_moves).flat_map(Expression::reads);
    let mut held: Vec<HeldFixed> = reads.filter_map(kind).collect();
    held.sort_unstable();
    held.dedup();
    held
}

fn kind(quantity: Quantity) -> Option<HeldFixed> {
    match quantity.dependency() {
        Dependency::Slot(_) | Dependency::Deeds(_) | Dependency::Commitment(_) => match quantity.monotonicity() {
            Monotonicity::Deeds | Monotonicity::Fixed => Some(HeldFixed::Deeds),
            // The quantities that binding changes.
            Monotonicity::Evidence | Monotonicity::Forbidden(_) => None,
        },
        Dependency::SlotAndTrust(_) | Dependency::Trust(_) => Some(HeldFixed::Trust),
        Dependency::OwnStance(_) | Dependency::Stance(..) | Dependency::Mean(_) => Some(HeldFixed::Stances),
        Dependency::Meeting(_) | Dependency::Shock(_) | Dependency::Move(_) | Dependency::Outcome(_) => {
            Some(HeldFixed::Counts)
        }
        Dependency::MoveOrClock(_)
        | Dependency::MeetingOrClock(_)
        | Dependency::ShockOrClock(_)
        | Dependency::Clock => Some(HeldFixed::Time),
        Dependency::Gap | Dependency::Fixed => None,
    }
}
