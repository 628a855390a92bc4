//! What can be prepared once for a model and used by every run of it: who watches what, what happens
//! when, which random streams there are, what a condition costs to evaluate.

use super::collections::{Lists, MaskedLists};
use super::random;
use super::signals::Others;
use super::signals::{Signal, Signals};
use super::storyline::NameHashes;
use super::watch::{Conditions, Kind, bit};
use crate::model::{
    Commitment, Event, Expression, Gift, InstanceId, MeetingId, Model, Node, Payload, Quantity, ShockId, Target,
    Trigger,
};

/// Operations that it takes to evaluate each condition of a commitment, at most.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Costs {
    /// `offer`, `while`, `until` and `release` together.
    pub(super) review: u64,
    /// `when`.
    pub(super) when: u64,
}

/// A graded amount of an instance.
#[derive(Clone, Copy, Debug)]
pub(super) struct Level {
    /// Whose.
    pub(super) instance: InstanceId,
    /// Which of its amounts.
    pub(super) gift: Gift,
}

/// What every run of a model shares.
#[derive(Clone, Debug)]
pub struct Plan {
    /// What storylines are hashed by.
    pub(super) names: NameHashes,
    /// The numbering of signals.
    pub(super) signals: Signals,
    /// For each kind of conditions and each signal, the instances whose conditions it may turn, each with the mask of
    /// what they read that the signal is about.
    pub(super) watchers: [MaskedLists; 2],
    /// The conditions of each commitment, for watching.
    pub(super) conditions: Vec<Conditions>,
    /// Shocks, moves, outcomes and metrics.
    pub(super) others: Others,
    /// The graded amounts, in declaration order and the order of `gives`.
    pub(super) levels: Vec<Level>,
    /// For each signal, the graded amounts whose `as` reads what it is about, by position in `levels`.
    pub(super) level_watchers: Lists,
    /// For each instance, where its graded amounts begin in `levels`; empty where there are none.
    level_starts: Vec<u32>,
    /// Operations that it takes to work out one level of a commitment, by commitment: the members that its sums run
    /// over, and one. Empty where no commitment is graded.
    pub(super) level_work: Vec<u64>,
    /// Whether the Exchange knows more than conditional and detached: graded amounts, or suspended commitments that
    /// may be resumed.
    pub(super) is_graded: bool,
    /// For each position of (issue, actor), the means that it is part of.
    means_of: Lists,
    /// Sessions that begin, by step.
    pub(super) begins: Vec<(u32, MeetingId)>,
    /// Shocks at fixed steps, by step.
    pub(super) dated_shocks: Vec<(u32, ShockId)>,
    /// Shocks by rate or condition.
    pub(super) watched_shocks: Vec<ShockId>,
    /// Streams of the stances' noise, by issue, then actor.
    pub(super) stance_streams: Vec<u64>,
    /// Streams of the draws before step 0.
    pub(super) draw_streams: Vec<u64>,
    /// Streams of the shocks.
    pub(super) shock_streams: Vec<u64>,
    /// Streams of the meetings' success.
    pub(super) meeting_streams: Vec<u64>,
    /// Costs by commitment.
    pub(super) costs: Vec<Costs>,
    /// Costs by instance.
    pub(super) instance_costs: Vec<Costs>,
    /// Operations of a step that always come: shocks' conditions, outcomes and metrics.
    pub(super) step_cost: u64,
    /// Instances that time alone may move: `expires`, `grace`, `due`.
    pub(super) timed: Vec<InstanceId>,
    /// Whether any condition of a commitment reads the stance of one actor.
    watches_stances: bool,
    /// The means of stances that conditions of commitments read, as signals.
    pub(super) stance_signals: Vec<Signal>,
    /// Whether an outcome may end a run early.
    pub(super) may_stop: bool,
}

impl Plan {
    /// What every step of a run costs at least, in operations.
    #[must_use]
    pub fn step_cost(&self) -> u64 {
        self.step_cost
    }

    /// Prepares a model.
    #[must_use]
    pub fn new(model: &Model) -> Self {
        let signals = Signals::new(model);
        let count = signals.count();
        let quantities: Vec<[Vec<Quantity>; 2]> = model.commitments.iter().map(quantities).collect();
        let [when, review] = watchers(model, &signals, &quantities);
        let levels = levels(model);
        let level_watchers = level_watchers(model, &signals, &levels);
        let read = |from: Signal, to: Signal| -> Vec<Signal> {
            let of_conditions = when.iter().chain(&review).map(|&(signal, ..)| signal);
            let read = of_conditions.chain(level_watchers.iter().map(|&(signal, _)| signal));
            let mut found: Vec<Signal> = read.filter(|signal| (from..to).contains(signal)).collect();
            found.sort_unstable();
            found.dedup();
            found
        };
        let stance_signals = read(signals.means, signals.meetings);
        let (dated_shocks, watched_shocks) = shocks(model);
        let names = |prefix: &str, ids: Vec<&String>| -> Vec<u64> {
            ids.into_iter().map(|id| random::stream(&format!("{prefix}/{id}"))).collect()
        };
        let costs = costs(model);
        Self {
            names: NameHashes::new(model),
            signals,
            watches_stances: !read(signals.stances, signals.means).is_empty(),
            stance_signals,
            conditions: model.commitments.iter().zip(&quantities).map(|(c, read)| Conditions::new(c, read)).collect(),
            others: Others::new(model, &signals),
            is_graded: !levels.is_empty() || model.commitments.iter().any(|commitment| commitment.resumable),
            level_starts: level_starts(model, &levels),
            level_work: if levels.is_empty() { Vec::new() } else { level_work(model) },
            level_watchers: Lists::new(count, level_watchers),
            levels,
            watchers: [MaskedLists::new(count, when), MaskedLists::new(count, review)],
            means_of: means_of(model),
            begins: begins(model),
            dated_shocks,
            watched_shocks,
            stance_streams: stance_streams(model),
            draw_streams: draw_streams(model),
            shock_streams: names("shock", model.shocks.iter().map(|s| &s.id).collect()),
            meeting_streams: names("meeting", model.meetings.iter().map(|m| &m.id).collect()),
            instance_costs: model.instances.iter().map(|i| costs[i.commitment.index()]).collect(),
            costs,
            step_cost: step_cost(model),
            timed: timed(model),
            may_stop: model.outcomes.iter().any(|outcome| outcome.stop),
        }
    }

    /// The graded amounts of an instance, as positions in `levels`.
    #[inline]
    pub(super) fn levels_of(&self, instance: InstanceId) -> std::ops::Range<usize> {
        match self.level_starts.get(instance.index()..instance.index() + 2) {
            Some(&[from, to]) => from as usize..to as usize,
            Some(_) | None => 0..0,
        }
    }

    /// For each signal, the instances whose `when` it may turn.
    pub(super) fn when_watchers(&self) -> &MaskedLists {
        &self.watchers[Kind::When as usize]
    }

    /// For each signal, the instances whose `offer`, `while`, `until`, `release` or `renew` it may turn.
    pub(super) fn review_watchers(&self) -> &MaskedLists {
        &self.watchers[Kind::Review as usize]
    }

    /// Whether it is kept between which numbers a stance may move without being noticed.
    pub(super) fn bands_are_kept(&self) -> bool {
        self.watches_stances
    }

    /// Calls `raise` with the signal of every mean that a stance, by its position, is part of.
    #[inline]
    pub(super) fn means_of(&self, at: u32, mut raise: impl FnMut(Signal)) {
        for &mean in self.means_of.get(at) {
            raise(self.signals.means + mean);
        }
    }

    /// Calls `raise` with every signal of an event.
    #[inline]
    pub(super) fn signals_of(&self, model: &Model, event: Event, mut raise: impl FnMut(Signal)) {
        match event.payload() {
            Payload::Opinion { actor, issue, .. } => {
                if matches!(event, Event::Stance { .. }) {
                    let signal = self.signals.stance(actor, issue);
                    raise(signal);
                    self.means_of(signal - self.signals.stances, raise);
                }
            }
            Payload::Pair { .. } => raise(self.signals.trust),
            Payload::Meeting(meeting) => raise(self.signals.meetings + meeting.0),
            Payload::Shock(shock) => raise(self.signals.shocks + shock.0),
            Payload::Move(which) => raise(self.signals.moves + which.0),
            Payload::Outcome(outcome) => raise(self.signals.outcomes + outcome.0),
            Payload::Instance(instance) | Payload::Gift { instance, .. } => {
                raise(self.signals.commitments + model.instances[instance.index()].commitment.0);
                for gift in model.gifts(instance) {
                    for slot in model.slots_of(instance, gift.number) {
                        raise(slot.0);
                    }
                }
                let conduct = matches!(event, Event::Delivered { .. } | Event::Suspended(_) | Event::Violated(_));
                if conduct && model.reads_trust {
                    raise(self.signals.trust);
                }
            }
            Payload::Nothing | Payload::Draw { .. } | Payload::Package { .. } | Payload::Ending(_) => {}
        }
    }
}

/// What the conditions of a commitment read, by kind.
fn quantities(commitment: &Commitment) -> [Vec<Quantity>; 2] {
    let Commitment { offer, when, stay, until, release, renew, .. } = commitment;
    let of = |expressions: &[&Option<Expression>]| {
        let expressions = expressions.iter().filter_map(|expression| expression.as_ref());
        let mut found: Vec<Quantity> = expressions.flat_map(Expression::reads).collect();
        found.sort_unstable();
        found.dedup();
        found
    };
    [of(&[when]), of(&[offer, stay, until, release, renew])]
}

fn levels(model: &Model) -> Vec<Level> {
    let of_one = |instance| {
        let commitment = model.commitment_of(instance);
        model
            .gifts(instance)
            .filter(|gift| commitment.level(gift.number).is_some())
            .map(move |gift| Level { instance, gift })
    };
    if model.has_graded() { model.instance_ids().flat_map(of_one).collect() } else { Vec::new() }
}

fn level_starts(model: &Model, levels: &[Level]) -> Vec<u32> {
    if levels.is_empty() {
        return Vec::new();
    }
    let start = |at: usize| levels.partition_point(|level| level.instance.index() < at);
    (0..=model.instances.len()).map(|at| u32::try_from(start(at)).expect("the number of gifts is limited")).collect()
}

fn level_work(model: &Model) -> Vec<u64> {
    let lookups = |level: &Expression| -> u64 {
        level.reads().iter().map(|quantity| quantity.lookups(model).unwrap_or(0) as u64).sum()
    };
    model.commitments.iter().map(|c| 1 + c.levels.iter().flatten().map(lookups).max().unwrap_or(0)).collect()
}

/// For each `as` and each signal that may move it, the signal and the position of the level.
fn level_watchers(model: &Model, signals: &Signals, levels: &[Level]) -> Vec<(Signal, u32)> {
    let mut found = Vec::new();
    let mut reads: Vec<(*const Expression, Vec<Quantity>)> = Vec::new();
    for (at, level) in (0..).zip(levels) {
        let Some(expression) = model.commitment_of(level.instance).level(level.gift.number) else { continue };
        // Levels of one expression stand together.
        if reads.last().is_none_or(|(known, _)| !std::ptr::eq(*known, expression)) {
            reads.push((expression, expression.reads()));
        }
        let debtor = model.instances[level.instance.index()].debtor;
        let quantities = reads.last().map(|(_, quantities)| quantities.as_slice()).unwrap_or_default();
        for &quantity in quantities {
            found.extend(signals.of(quantity, debtor).into_iter().flatten().map(|signal| (signal, at)));
        }
    }
    found
}

fn means_of(model: &Model) -> Lists {
    let mut pairs = Vec::new();
    for (at, mean) in model.means.iter().enumerate() {
        let at = u32::try_from(at).expect("the number of means is limited");
        for actor in &model.groups[mean.group.index()].members {
            let position = mean.issue.index() * model.actors.len() + actor.index();
            pairs.push((u32::try_from(position).expect("the number of stances is limited"), at));
        }
    }
    Lists::new(model.issues.len() * model.actors.len(), pairs)
}

/// The streams of the draws, by draw.
pub(super) fn draw_streams(model: &Model) -> Vec<u64> {
    model.draws.iter().map(|path| random::stream(&format!("draw/{path}"))).collect()
}

fn stance_streams(model: &Model) -> Vec<u64> {
    let mut streams = Vec::with_capacity(model.issues.len() * model.actors.len());
    for issue in &model.issues {
        streams.extend(model.actors.iter().map(|actor| random::stream(&format!("stance/{}/{issue}", actor.id))));
    }
    streams
}

fn timed(model: &Model) -> Vec<InstanceId> {
    let may_be_due = |instance: &InstanceId| {
        let at = instance.index();
        // Each may come from an expression, whose place then holds its default.
        let setup = &model.setup;
        setup.grace[at].is_some() || setup.due[at].is_some() || setup.expires[at] < f64::INFINITY
    };
    let mut timed: Vec<InstanceId> = model.instance_ids().filter(may_be_due).collect();
    for field in &model.fields {
        for target in &*field.targets {
            if let Target::Grace(at) | Target::Due(at) | Target::Expires(at) = *target {
                timed.push(InstanceId::at(at));
            }
        }
    }
    timed.sort_unstable();
    timed.dedup();
    timed
}

/// Operations of an expression, with everything looked at: its parts, and the numbers that a sum over a group looks up.
#[must_use]
pub(super) fn cost(model: &Model, expression: &Expression) -> u64 {
    let mut costs: Vec<u64> = Vec::with_capacity(expression.nodes.len());
    for node in &expression.nodes {
        let lookups = if let Node::Read(quantity) = node { quantity.lookups(model) } else { None };
        let parts = match lookups {
            Some(lookups) => lookups as u64,
            None => node.operands().fold(0, |sum: u64, operand| sum.saturating_add(costs[operand as usize])),
        };
        costs.push(parts.saturating_add(1));
    }
    costs.last().copied().unwrap_or(0)
}

/// For each kind of conditions and each signal that may turn them: the signal, the instance, and the mask of what they
/// read that the signal is about.
fn watchers(model: &Model, signals: &Signals, reads: &[[Vec<Quantity>; 2]]) -> [Vec<(Signal, u32, u64)>; 2] {
    let mut found = [Vec::new(), Vec::new()];
    for (at, instance) in model.instances.iter().enumerate() {
        let at = InstanceId::at(at).0;
        for (list, quantities) in found.iter_mut().zip(&reads[instance.commitment.index()]) {
            for (position, &quantity) in quantities.iter().enumerate() {
                let signals = signals.of(quantity, instance.debtor).into_iter().flatten();
                list.extend(signals.map(|signal| (signal, at, bit(position))));
            }
        }
    }
    found
}

fn begins(model: &Model) -> Vec<(u32, MeetingId)> {
    let mut begins: Vec<(u32, MeetingId)> = Vec::new();
    for (at, meeting) in model.meetings.iter().enumerate() {
        begins.extend(meeting.sessions.iter().map(|&(first, _)| (first, MeetingId::at(at))));
    }
    begins.sort_unstable();
    begins
}

/// Shocks at fixed steps, by step; and the others.
fn shocks(model: &Model) -> (Vec<(u32, ShockId)>, Vec<ShockId>) {
    let (mut dated, mut watched) = (Vec::new(), Vec::new());
    for (at, shock) in model.shocks.iter().enumerate() {
        match &shock.trigger {
            Trigger::On(steps) => dated.extend(steps.iter().map(|&step| (step, ShockId::at(at)))),
            Trigger::Rate(_) | Trigger::When { .. } => watched.push(ShockId::at(at)),
        }
    }
    dated.sort_unstable();
    (dated, watched)
}

fn costs(model: &Model) -> Vec<Costs> {
    let optional = |e: &Option<Expression>| e.as_ref().map_or(0, |e| cost(model, e));
    let of_one = |c: &Commitment| Costs {
        review: 1
            + optional(&c.offer)
            + optional(&c.stay)
            + optional(&c.until)
            + optional(&c.release)
            + optional(&c.renew),
        when: 1 + optional(&c.when),
    };
    model.commitments.iter().map(of_one).collect()
}

fn step_cost(model: &Model) -> u64 {
    let shocks = model.shocks.iter().map(|shock| match &shock.trigger {
        Trigger::On(_) => 0,
        Trigger::Rate(expression) | Trigger::When { condition: expression, .. } => cost(model, expression),
    });
    let moves = model.moves.iter().map(|one| match &one.trigger {
        Trigger::On(_) => 0,
        Trigger::Rate(expression) | Trigger::When { condition: expression, .. } => cost(model, expression),
    });
    let outcomes = model.outcomes.iter().map(|outcome| cost(model, &outcome.when));
    let metrics = model.metrics.iter().map(|metric| cost(model, &metric.value));
    shocks.chain(moves).chain(outcomes).chain(metrics).fold(1, u64::saturating_add)
}
