//! What else looks at the state besides commitments: shocks, moves, outcomes and metrics, numbered in this order.

use super::lists::Lists;
use super::signals::{Signal, Signals};
use crate::model::{ActorId, Expression, Model, MoveId, Trigger};

/// Who watches what among them.
#[derive(Clone, Debug)]
pub(super) struct Others {
    /// For each signal, those whose expressions read what it is about.
    pub(super) watchers: Lists,
    /// Those that read a stance, or a mean of stances.
    pub(super) of_stances: Vec<u32>,
    moves: usize,
    outcomes: usize,
    metrics: usize,
    count: usize,
}

impl Others {
    pub(super) fn new(model: &Model, signals: &Signals) -> Self {
        let moves = model.shocks.len();
        let outcomes = moves + model.moves.len();
        let metrics = outcomes + model.outcomes.len();
        let count = metrics + model.metrics.len();
        let triggers =
            model.shocks.iter().map(|shock| &shock.trigger).chain(model.moves.iter().map(|one| &one.trigger));
        let expressions = triggers
            .map(condition)
            .chain(model.outcomes.iter().map(|outcome| Some(&outcome.when)))
            .chain(model.metrics.iter().map(|metric| Some(&metric.value)));
        let mut found: Vec<(Signal, u32)> = Vec::new();
        for (other, expression) in (0..).zip(expressions) {
            // None of these belongs to a debtor.
            let reads = expression.map(Expression::reads).unwrap_or_default();
            let signals = reads.into_iter().flat_map(|quantity| signals.of(quantity, ActorId(0))).flatten();
            found.extend(signals.map(|signal| (signal, other)));
        }
        let is_of_stances = |signal: Signal| (signals.stances..signals.meetings).contains(&signal);
        let mut of_stances: Vec<u32> =
            found.iter().filter(|(signal, _)| is_of_stances(*signal)).map(|&(_, other)| other).collect();
        of_stances.sort_unstable();
        of_stances.dedup();
        let watchers = Lists::new(signals.count(), found);
        Self { watchers, of_stances, moves, outcomes, metrics, count }
    }

    /// How many there are.
    pub(super) fn count(&self) -> usize {
        self.count
    }

    /// The number of a move.
    pub(super) fn of_move(&self, which: MoveId) -> usize {
        self.moves + which.index()
    }

    /// The number of an outcome, by its position.
    pub(super) fn of_outcome(&self, at: usize) -> usize {
        self.outcomes + at
    }

    /// The number of a metric, by its position.
    pub(super) fn of_metric(&self, at: usize) -> usize {
        self.metrics + at
    }
}

fn condition(trigger: &Trigger) -> Option<&Expression> {
    match trigger {
        Trigger::On(_) => None,
        Trigger::Rate(expression) | Trigger::When { condition: expression, .. } => Some(expression),
    }
}
