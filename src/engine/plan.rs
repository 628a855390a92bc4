//! Data prepared once for a model and shared by all its runs: readers of each signal, dated events, random streams, and
//! costs of conditions.

use std::sync::OnceLock;

use super::collections::{Lists, MaskedLists, Stretch};
use super::random;
use super::signals::GlobalReaders;
use super::signals::{Signal, Signals};
use super::storyline::NameHashes;
use super::watch::{Conditions, Kind, bit};
use crate::model::{
    ActorId, Commitment, CommitmentId, Dependency, Event, Expression, Gift, InstanceId, MeetingId, Model, Node,
    Payload, Quantity, ShockId, SlotId, Target, Trigger,
};

/// Upper bounds on the operations to evaluate the conditions of a commitment.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Costs {
    /// `offer`, `while`, `until` and `release` together.
    pub(super) review: u64,
    /// `when`.
    pub(super) when: u64,
}

/// The recipients of a signal.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Recipients {
    /// Whether shocks, moves, outcomes or metrics read it.
    pub(super) has_global_readers: bool,
    /// The conditions of commitments and the graded amounts that read it.
    pub(super) instances: Watchers,
}

/// How many instances watch a signal.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) enum Watchers {
    /// None.
    #[default]
    None,
    /// Few: they are woken at once.
    Few,
    /// Many, or graded amounts: they are woken when the agenda is read.
    Many,
}

/// A signal with at most this many watchers wakes them at once.
const FEW: usize = 4;

/// A graded amount of an instance.
#[derive(Clone, Copy, Debug)]
pub(super) struct Level {
    /// The instance.
    pub(super) instance: InstanceId,
    /// The gift.
    pub(super) gift: Gift,
}

/// Data shared by all runs of a model.
#[derive(Clone, Debug)]
pub struct Plan {
    /// The hashes of names for storylines.
    pub(super) names: NameHashes,
    /// The numbering of signals.
    pub(super) signals: Signals,
    /// For each kind of conditions and each signal, the instances whose conditions depend on it, each with a mask of
    /// the quantities concerned.
    pub(super) watchers: [MaskedLists; 2],
    /// The conditions of each commitment, for watching.
    pub(super) conditions: Vec<Conditions>,
    /// Shocks, moves, outcomes and metrics.
    pub(super) global_readers: GlobalReaders,
    /// The graded amounts, in declaration order and the order of `gives`.
    pub(super) levels: Vec<Level>,
    /// For each signal, the graded amounts whose `as` depends on it, by position in `levels`.
    pub(super) level_watchers: Lists,
    /// For each instance, the start of its graded amounts in `levels`; empty if there are none.
    level_starts: Vec<u32>,
    /// Operations to evaluate one level of a commitment, by commitment: the members that its sums run over, plus one.
    /// Empty if no commitment is graded.
    pub(super) level_work: Vec<u64>,
    /// Whether the Exchange has graded amounts, or suspended commitments that may be resumed.
    pub(super) is_graded: bool,
    /// For each position of (issue, actor), the means to which it contributes.
    means_of: Lists,
    /// Sessions that begin, by step.
    pub(super) begins: Vec<(u32, MeetingId)>,
    /// Shocks at fixed steps, by step.
    pub(super) dated_shocks: Vec<(u32, ShockId)>,
    /// Shocks by rate or condition.
    pub(super) watched_shocks: Vec<ShockId>,
    /// Streams of the stances' noise, by issue, then actor; computed when an actor has noise.
    stance_streams: OnceLock<Vec<u64>>,
    /// Streams of the draws before step 0.
    pub(super) draw_streams: Vec<u64>,
    /// Streams of the shocks.
    pub(super) shock_streams: Vec<u64>,
    /// Streams of the meetings' success.
    pub(super) meeting_streams: Vec<u64>,
    /// Costs by commitment.
    pub(super) costs: Vec<Costs>,
    /// The operations of every step: conditions of shocks, outcomes and metrics.
    pub(super) step_cost: u64,
    /// Instances that time alone may change: `expires`, `grace`, `due`.
    pub(super) timed: Vec<InstanceId>,
    /// Whether any condition of a commitment reads the stance of one actor.
    watches_stances: bool,
    /// For each actor, the slots that contain it and whose signals of trust are read; `None` if no trust is read.
    trust_slots: Option<Lists>,
    /// By signal.
    pub(super) recipients: Vec<Recipients>,
    /// The means of stances that conditions of commitments read, as signals.
    pub(super) stance_signals: Vec<Signal>,
    /// Whether an outcome may end a run early.
    pub(super) may_stop: bool,
    /// Whether what happens in a step depends on the agenda alone: there are no moves and no graded amounts, the gap is
    /// not read, and no outcome ends a run early.
    pub(super) may_be_uneventful: bool,
}

impl Plan {
    /// A lower bound on the operations of a step.
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
        let (dated_shocks, watched_shocks) = shocks(model);
        let names = |prefix: &str, ids: Vec<&String>| -> Vec<u64> {
            ids.into_iter().map(|id| random::stream(&format!("{prefix}/{id}"))).collect()
        };
        let global_readers = GlobalReaders::new(model, &signals);
        let level_watchers = Lists::new(count, level_watchers);
        let watchers = [MaskedLists::new(count, when), MaskedLists::new(count, review)];
        let recipients = recipients(count, &watchers, &level_watchers, &global_readers);
        let read = |from: Signal, to: Signal| -> Vec<Signal> {
            let is_read = |signal: &Signal| recipients[*signal as usize].instances != Watchers::None;
            (from..to).filter(is_read).collect()
        };
        let stance_signals = read(signals.means, signals.meetings);
        let may_stop = model.outcomes.iter().any(|outcome| outcome.stop);
        Self {
            watches_stances: !read(signals.stances, signals.means).is_empty(),
            trust_slots: trust_slots(model, &signals, |signal| recipients[signal as usize] != Recipients::default()),
            recipients,
            names: NameHashes::new(model),
            signals,
            stance_signals,
            conditions: model.commitments.iter().zip(&quantities).map(|(c, read)| Conditions::new(c, read)).collect(),
            global_readers,
            is_graded: !levels.is_empty() || model.commitments.iter().any(|commitment| commitment.resumable),
            level_starts: level_starts(model, &levels),
            level_work: if levels.is_empty() { Vec::new() } else { level_work(model) },
            level_watchers,
            may_be_uneventful: model.moves.is_empty() && levels.is_empty() && !model.reads_gap && !may_stop,
            levels,
            watchers,
            means_of: means_of(model),
            begins: begins(model),
            dated_shocks,
            watched_shocks,
            stance_streams: OnceLock::new(),
            draw_streams: draw_streams(model),
            shock_streams: names("shock", model.shocks.iter().map(|s| &s.id).collect()),
            meeting_streams: names("meeting", model.meetings.iter().map(|m| &m.id).collect()),
            costs: costs(model),
            step_cost: step_cost(model),
            timed: timed(model),
            may_stop,
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

    /// Streams of the stances' noise, by issue, then actor.
    pub(super) fn stance_streams(&self, model: &Model) -> &[u64] {
        self.stance_streams.get_or_init(|| stance_streams(model))
    }

    /// For each signal, the instances whose `when` depends on it.
    pub(super) fn when_watchers(&self) -> &MaskedLists {
        &self.watchers[Kind::When as usize]
    }

    /// For each signal, the instances whose `offer`, `while`, `until`, `release` or `renew` depends on it.
    pub(super) fn review_watchers(&self) -> &MaskedLists {
        &self.watchers[Kind::Review as usize]
    }

    /// Whether bands of stances are maintained.
    pub(super) fn bands_are_kept(&self) -> bool {
        self.watches_stances
    }

    /// Calls `raise` with the signal of every mean to which a stance, given by its position, contributes.
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
            Payload::Pair { trusted, .. } => self.trust_in(trusted, raise),
            Payload::Meeting(meeting) => raise(self.signals.meetings + meeting.0),
            Payload::Shock(shock) => raise(self.signals.shocks + shock.0),
            Payload::Move(which) => raise(self.signals.moves + which.0),
            Payload::Outcome(outcome) => raise(self.signals.outcomes + outcome.0),
            Payload::Gift { instance, gift, .. } => {
                let is_deed = !matches!(event, Event::Raised { .. });
                for &slot in model.slots_of(instance, gift as usize) {
                    raise(if is_deed { self.signals.deeds(slot) } else { slot.0 });
                }
                if matches!(event, Event::Delivered { .. }) {
                    self.trust_in(model.instances[instance.index()].debtor, raise);
                }
            }
            Payload::Instance(instance) => {
                let is_over = matches!(
                    event,
                    Event::Suspended(_) | Event::Violated(_) | Event::Released(_) | Event::Satisfied(_)
                );
                if is_over && model.commitment_of(instance).maintain {
                    // Its deliveries no longer count.
                    self.signals_of_instance(model, instance, &mut raise);
                } else {
                    self.standing_of(model, instance, &mut raise);
                }
                if matches!(event, Event::Suspended(_) | Event::Violated(_)) {
                    self.trust_in(model.instances[instance.index()].debtor, raise);
                }
            }
            Payload::Nothing | Payload::Draw { .. } | Payload::Package { .. } | Payload::Ending(_) => {}
        }
    }
}

impl Plan {
    /// Calls `raise` with the signals of the commitment and the slots of an instance.
    #[inline]
    fn standing_of(&self, model: &Model, instance: InstanceId, mut raise: impl FnMut(Signal)) {
        raise(self.signals.commitment(model.instances[instance.index()].commitment));
        model.all_slots_of(instance).iter().for_each(|slot| raise(slot.0));
    }

    /// Calls `raise` with the signals of the commitment and the slots of an instance, and of deliveries in these slots.
    pub(super) fn signals_of_instance(&self, model: &Model, instance: InstanceId, mut raise: impl FnMut(Signal)) {
        self.standing_of(model, instance, &mut raise);
        model.all_slots_of(instance).iter().for_each(|&slot| raise(self.signals.deeds(slot)));
    }

    /// Calls `raise` with the signals of trust in an actor, if any trust is read.
    fn trust_in(&self, trusted: ActorId, mut raise: impl FnMut(Signal)) {
        if let Some(slots) = &self.trust_slots {
            raise(self.signals.trust(trusted));
            slots.get(trusted.0).iter().for_each(|&slot| raise(self.signals.slot_trust(SlotId(slot))));
        }
    }
}

/// For each actor, the slots that contain it and whose signals of trust are read; `None` if no trust is read.
fn trust_slots(model: &Model, signals: &Signals, is_read: impl Fn(Signal) -> bool) -> Option<Lists> {
    if !model.reads_trust {
        return None;
    }
    let mut pairs = Vec::new();
    for at in 0..model.slots.len() {
        let slot = SlotId::at(at);
        if is_read(signals.slot_trust(slot)) {
            let members = &model.groups[model.slots[at].group.index()].members;
            pairs.extend(members.iter().map(|actor| (actor.0, slot.0)));
        }
    }
    Some(Lists::new(model.actors.len(), pairs))
}

/// The quantities that the conditions of a commitment read, by kind.
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

/// For each `as` and each signal on which it depends, the signal and the position of the level.
fn level_watchers(model: &Model, signals: &Signals, levels: &[Level]) -> Vec<(Signal, u32)> {
    let mut found = Vec::new();
    let mut reads: Vec<(*const Expression, Vec<Quantity>)> = Vec::new();
    for (at, level) in (0..).zip(levels) {
        let Some(expression) = model.commitment_of(level.instance).level(level.gift.number) else { continue };
        // Levels with the same expression are consecutive.
        if reads.last().is_none_or(|(known, _)| !std::ptr::eq(*known, expression)) {
            reads.push((expression, expression.reads()));
        }
        let debtor = model.instances[level.instance.index()].debtor;
        let quantities = reads.last().map(|(_, quantities)| quantities.as_slice()).unwrap_or_default();
        for &quantity in quantities {
            found.extend(signals.of(quantity, debtor).map(|signal| (signal, at)));
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
        streams.extend(model.actors.ids().iter().map(|id| random::stream_of(&["stance/", id, "/", issue])));
    }
    streams
}

fn timed(model: &Model) -> Vec<InstanceId> {
    let setup = &model.setup;
    let may_be_due = |instance: &InstanceId| {
        let at = instance.index();
        // Each may be given by an expression, in which case the setup holds its default.
        setup.grace[at].is_some() || setup.due[at].is_some() || setup.expires[at] < f64::INFINITY
    };
    let no_limit = setup.grace.of_all() == Some(None) && setup.due.of_all() == Some(None);
    let mut timed: Vec<InstanceId> = if no_limit && setup.expires.of_all() == Some(f64::INFINITY) {
        Vec::new()
    } else {
        model.instance_ids().filter(may_be_due).collect()
    };
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

/// Operations of an expression if everything is evaluated: its nodes, and the values that a sum over a group reads.
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

/// For each kind of conditions and each signal on which they depend: the signal, and the instances with the mask of the
/// quantities concerned.
fn watchers(model: &Model, signals: &Signals, reads: &[[Vec<Quantity>; 2]]) -> [Vec<(Signal, Stretch)>; 2] {
    let mut found = [Vec::new(), Vec::new()];
    for (commitment, quantities) in (0..).zip(reads) {
        let range = model.instances_of(CommitmentId(commitment));
        let Some(instances) = model.instances.get(range.clone()).filter(|instances| !instances.is_empty()) else {
            continue;
        };
        let (first, count) = (InstanceId::at(range.start).0, InstanceId::at(range.len()).0);
        for (list, quantities) in found.iter_mut().zip(quantities) {
            for (position, &quantity) in quantities.iter().enumerate() {
                let mask = bit(position);
                let mut watch =
                    |debtor, stretch| list.extend(signals.of(quantity, debtor).map(|signal| (signal, stretch)));
                if matches!(quantity.dependency(), Dependency::OwnStance(_)) {
                    for (first, instance) in (first..).zip(instances) {
                        watch(instance.debtor, Stretch { first, count: 1, mask });
                    }
                } else {
                    // The signals of any other quantity are those of all debtors.
                    watch(instances[0].debtor, Stretch { first, count, mask });
                }
            }
        }
    }
    found
}

/// By signal.
fn recipients(
    count: usize,
    watchers: &[MaskedLists; 2],
    level_watchers: &Lists,
    global_readers: &GlobalReaders,
) -> Vec<Recipients> {
    let mut recipients = vec![Recipients::default(); count];
    let conditions = watchers.iter().flat_map(MaskedLists::all);
    for signal in conditions.chain(level_watchers.all()).chain(global_readers.watchers.all()) {
        let conditions = watchers.iter().map(|watchers| watchers.len(signal)).sum::<usize>();
        let instances = match (conditions, level_watchers.get(signal).is_empty()) {
            (0, true) => Watchers::None,
            (1..=FEW, true) => Watchers::Few,
            _ => Watchers::Many,
        };
        let has_global_readers = !global_readers.watchers.get(signal).is_empty();
        recipients[signal as usize] = Recipients { has_global_readers, instances };
    }
    recipients
}

fn begins(model: &Model) -> Vec<(u32, MeetingId)> {
    let mut begins: Vec<(u32, MeetingId)> = Vec::new();
    for (at, meeting) in model.meetings.iter().enumerate() {
        begins.extend(meeting.sessions.iter().map(|&(first, _)| (first, MeetingId::at(at))));
    }
    begins.sort_unstable();
    begins
}

/// Shocks at fixed steps, sorted by step, and the other shocks.
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
    let of_trigger = |trigger: &Trigger| trigger.expression().map_or(0, |expression| cost(model, expression));
    let shocks = model.shocks.iter().map(|shock| of_trigger(&shock.trigger));
    let moves = model.moves.iter().map(|one| of_trigger(&one.trigger));
    let outcomes = model.outcomes.iter().map(|outcome| cost(model, &outcome.when));
    let metrics = model.metrics.iter().map(|metric| cost(model, &metric.value));
    shocks.chain(moves).chain(outcomes).chain(metrics).fold(1, u64::saturating_add)
}
