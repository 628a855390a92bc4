//! What an unlock set is to reach, how it moves with what is bound, and what is held meanwhile although in a run it would
//! move.

use crate::engine::{Failure, Hypothesis, View, evolve};
use crate::model::{Amount, Bearing, Expression, InstanceId, Model, Quantity, Scope, Source, Values as _, World};
use crate::scenario::interval::{Interval, bounds, quantity_interval};
use crate::scenario::monotone::{self, Trend};

/// What is to be reached.
#[derive(Clone, Debug)]
pub(super) enum Goal<'a> {
    /// All of these are bound, and their graded amounts are as good as these, given by position in the plan.
    Bound(Vec<InstanceId>, Vec<Amount>),
    /// An outcome's condition holds.
    Outcome(&'a Expression),
}

impl Goal<'_> {
    /// How the goal moves when more is bound in the state of `scope`.
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
    /// A member of the goal that was missing at the last look.
    pub(super) missing: usize,
    /// Whether the outcome reads what only a whole state has.
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

    /// Whether the goal is reached if what the hypothesis says is bound.
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

    /// The state in which what the hypothesis says is bound in fact.
    fn state_of(&self, hypothesis: &Hypothesis<'_>) -> World {
        let View { model, setup, .. } = self.view;
        let mut world = self.view.world.clone();
        for event in hypothesis.events() {
            evolve(model, setup, &mut world, event);
        }
        world
    }

    /// Whether an outcome holds in a state after an Exchange, with its own gap.
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

/// How a condition moves when more is bound, by a sign analysis with the values of everything fixed.
fn trend(expression: &Expression, scope: &Scope<'_>) -> Trend {
    let motion = |quantity: Quantity| match (quantity, quantity.bearing()) {
        (Quantity::BoundAt(_), _) => Trend::Down,
        (_, Bearing::Evidence | Bearing::Deeds) => Trend::Up,
        (_, Bearing::Fixed) => Trend::Fixed,
        (_, Bearing::Barred(_)) => Trend::Either,
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

/// A kind of quantity that no first move changes within a state, but what comes later does.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Held {
    /// What has been delivered, kept, broken, or has lapsed.
    Deeds,
    /// Trust, also where it weighs what is promised.
    Trust,
    /// Stances.
    Stances,
    /// How often something has happened, and which outcomes have been reached.
    Counts,
    /// The clock, and data over time.
    Time,
}

impl Held {
    /// Its name.
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

/// What the goal and the conditions of possible moves read that is held, each kind once.
pub(super) fn held(model: &Model, goal: Option<&Expression>, moves: &[InstanceId]) -> Vec<Held> {
    let mut seen = vec![false; model.commitments.len()];
    let mut of_moves = Vec::new();
    for instance in moves {
        let commitment = model.instances[instance.index()].commitment.index();
        if !std::mem::replace(&mut seen[commitment], true) {
            of_moves.extend(model.commitments[commitment].monotone().map(|(_, expression)| expression));
        }
    }
    let reads = goal.into_iter().chain(of_moves).flat_map(Expression::reads);
    let mut held: Vec<Held> = reads.filter_map(kind).collect();
    held.sort_unstable();
    held.dedup();
    held
}

fn kind(quantity: Quantity) -> Option<Held> {
    match quantity.source() {
        Source::Slot(_) | Source::Commitment(_) => match quantity.bearing() {
            Bearing::Deeds | Bearing::Fixed => Some(Held::Deeds),
            // What binding changes.
            Bearing::Evidence | Bearing::Barred(_) => None,
        },
        Source::SlotAndTrust(_) | Source::Trust => Some(Held::Trust),
        Source::OwnStance(_) | Source::Stance(..) | Source::Mean(_) => Some(Held::Stances),
        Source::Meeting(_) | Source::Shock(_) | Source::Move(_) | Source::Outcome(_) => Some(Held::Counts),
        Source::MoveOrClock(_) | Source::MeetingOrClock(_) | Source::ShockOrClock(_) | Source::Clock => {
            Some(Held::Time)
        }
        Source::Gap | Source::Fixed => None,
    }
}
