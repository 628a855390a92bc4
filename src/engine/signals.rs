//! The numbers of what conditions can depend on, by which its watchers are found; and of the readers of the state that are
//! not commitments: shocks, moves, outcomes and metrics, in this order.

use crate::model::{ActorId, CommitmentId, Dependency, Expression, IssueId, Model, MoveId, Quantity, SlotId, Trigger};

use super::collections::Lists;

/// A kind of change that conditions may depend on; see [`Signals`].
pub(super) type Signal = u32;

/// The numbering of signals: one for each part of the state whose change may affect a condition.
///
/// The signal of the commitments that count in a slot is the index of the slot.
#[derive(Clone, Copy, Debug)]
pub(super) struct Signals {
    pub(super) actors: u32,
    pub(super) commitments: u32,
    pub(super) stances: u32,
    pub(super) means: u32,
    pub(super) meetings: u32,
    pub(super) shocks: u32,
    pub(super) moves: u32,
    pub(super) outcomes: u32,
    deeds: u32,
    trust: u32,
    slot_trust: u32,
    /// The size of the gap.
    pub(super) gap: Signal,
    /// The step.
    pub(super) tick: Signal,
}

impl Signals {
    /// Numbers the parts of a model.
    pub(super) fn new(model: &Model) -> Self {
        let count = |n: usize| u32::try_from(n).expect("tables are limited to far less than 2^32 entries");
        let commitments = count(model.slots.len());
        let stances = commitments + count(model.commitments.len());
        let means = stances + count(model.issues.len() * model.actors.len());
        let meetings = means + count(model.means.len());
        let shocks = meetings + count(model.meetings.len());
        let moves = shocks + count(model.shocks.len());
        let outcomes = moves + count(model.moves.len());
        let deeds = outcomes + count(model.outcomes.len());
        let trust = deeds + count(model.slots.len());
        let slot_trust = trust + count(if model.reads_trust { model.actors.len() } else { 0 });
        let gap = slot_trust + count(model.slots.len());
        let actors = count(model.actors.len());
        Self {
            actors,
            commitments,
            stances,
            means,
            meetings,
            shocks,
            moves,
            outcomes,
            deeds,
            trust,
            slot_trust,
            gap,
            tick: gap + 1,
        }
    }

    /// The number of signals.
    pub(super) fn count(&self) -> usize {
        self.tick as usize + 1
    }

    /// The signal for events of a commitment.
    pub(super) fn commitment(&self, commitment: CommitmentId) -> Signal {
        self.commitments + commitment.0
    }

    /// The signal of a stance.
    pub(super) fn stance(&self, actor: ActorId, issue: IssueId) -> Signal {
        self.stances + issue.0 * self.actors + actor.0
    }

    /// The signal for deliveries of commitments that count in a slot.
    pub(super) fn deeds(&self, slot: SlotId) -> Signal {
        self.deeds + slot.0
    }

    /// The signal for the trust of anyone in an actor, if any trust is read.
    pub(super) fn trust(&self, trusted: ActorId) -> Signal {
        self.trust + trusted.0
    }

    /// The signal for trust in any actor of a slot.
    pub(super) fn slot_trust(&self, slot: SlotId) -> Signal {
        self.slot_trust + slot.0
    }

    /// The signals for changes of a quantity; `reader` is the debtor in a commitment's conditions.
    pub(super) fn of(&self, quantity: Quantity, reader: ActorId) -> impl Iterator<Item = Signal> + use<> {
        let one = |signal| [Some(signal), None, None];
        let two = |first, second| [Some(first), Some(second), None];
        let signals = match quantity.dependency() {
            Dependency::Slot(slot) => one(slot.0),
            Dependency::Deeds(slot) => one(self.deeds(slot)),
            Dependency::SlotAndTrust(slot) => [Some(slot.0), Some(self.deeds(slot)), Some(self.slot_trust(slot))],
            Dependency::Commitment(c) => one(self.commitments + c.commitment.0),
            Dependency::Outcome(outcome) => one(self.outcomes + outcome.0),
            Dependency::OwnStance(issue) => one(self.stance(reader, issue)),
            Dependency::Stance(actor, issue) => one(self.stance(actor, issue)),
            Dependency::Mean(mean) => one(self.means + mean.0),
            Dependency::Trust(trusted) => one(self.trust(trusted)),
            Dependency::Meeting(meeting) => one(self.meetings + meeting.0),
            Dependency::Shock(shock) => one(self.shocks + shock.0),
            Dependency::Move(which) => one(self.moves + which.0),
            Dependency::MoveOrClock(which) => two(self.moves + which.0, self.tick),
            Dependency::MeetingOrClock(meeting) => two(self.meetings + meeting.0, self.tick),
            Dependency::ShockOrClock(shock) => two(self.shocks + shock.0, self.tick),
            Dependency::Gap => one(self.gap),
            Dependency::Clock => one(self.tick),
            Dependency::Fixed => [None; 3],
        };
        signals.into_iter().flatten()
    }
}

/// The index of these readers by signal.
#[derive(Clone, Debug)]
pub(super) struct GlobalReaders {
    /// For each signal, the readers that depend on it.
    pub(super) watchers: Lists,
    /// The readers of a stance or of a mean of stances.
    pub(super) of_stances: Vec<u32>,
    moves: usize,
    outcomes: usize,
    metrics: usize,
    count: usize,
}

impl GlobalReaders {
    pub(super) fn new(model: &Model, signals: &Signals) -> Self {
        let moves = model.shocks.len();
        let outcomes = moves + model.moves.len();
        let metrics = outcomes + model.outcomes.len();
        let count = metrics + model.metrics.len();
        let triggers =
            model.shocks.iter().map(|shock| &shock.trigger).chain(model.moves.iter().map(|one| &one.trigger));
        let expressions = triggers
            .map(Trigger::expression)
            .chain(model.outcomes.iter().map(|outcome| Some(&outcome.when)))
            .chain(model.metrics.iter().map(|metric| Some(&metric.value)));
        let mut found: Vec<(Signal, u32)> = Vec::new();
        for (other, expression) in (0..).zip(expressions) {
            // None of them belongs to a debtor.
            let reads = expression.map(Expression::reads).unwrap_or_default();
            let signals = reads.into_iter().flat_map(|quantity| signals.of(quantity, ActorId(0)));
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

    /// The number of readers.
    pub(super) fn count(&self) -> usize {
        self.count
    }

    /// The index of a move.
    pub(super) fn of_move(&self, which: MoveId) -> usize {
        self.moves + which.index()
    }

    /// The index of an outcome, given its position.
    pub(super) fn of_outcome(&self, at: usize) -> usize {
        self.outcomes + at
    }

    /// The indices of all outcomes.
    pub(super) fn outcomes(&self) -> std::ops::Range<usize> {
        self.outcomes..self.metrics
    }

    /// The index of a metric, given its position.
    pub(super) fn of_metric(&self, at: usize) -> usize {
        self.metrics + at
    }
}
