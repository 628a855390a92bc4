//! Which event brought an event about.
//!
//! For what a condition triggered, that is the latest earlier event that changed the value of a quantity
//! the condition reads, for its reader. Evidence changes exactly when another debtor's event touches it (and, beyond
//! what a float can tell exactly, if it moves the float nearest to the sum); means, trust and expectations are
//! compared before and after.

use std::collections::BTreeMap;

use super::plan::{Plan, Signal};
use crate::model::{
    ActorId, Amount, CommitmentId, Event, Expression, InstanceId, MeetingId, Model, OutcomeId, Payload, Quantity,
    Reader, Scope, Seq, Setup, ShockId, SlotId, Source, Trigger, Values, World, limits,
};

/// A condition of the scenario, as the trigger of an event.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Rule {
    /// A commitment's `offer`.
    Offer(InstanceId),
    /// A commitment's `when`.
    When(InstanceId),
    /// A commitment's `while`.
    Stay(InstanceId),
    /// A commitment's `until`.
    Until(InstanceId),
    /// A commitment's `release`.
    Release(InstanceId),
    /// A shock's `when`.
    Shock(ShockId),
    /// An outcome's `when`.
    Outcome(OutcomeId),
}

/// Why something is decided; the log turns it into the `seq` of an event.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Why {
    /// Nothing in the run.
    Nothing,
    /// The first event decided together with it: a shock, an agreement.
    First,
    /// The latest event of the commitment itself.
    Own(InstanceId),
    /// A condition holds, or no longer does.
    Rule(Rule),
    /// The session of a meeting.
    Session(MeetingId),
    /// An outcome was reached.
    Reached(OutcomeId),
    /// An event already in the log.
    Event(Seq),
}

/// The latest change, and the latest by somebody else than who made that: enough to leave out any one reader.
#[derive(Clone, Copy, Debug, Default)]
struct Latest {
    seq: Option<Seq>,
    by: u32,
    by_others: Option<Seq>,
}

impl Latest {
    fn change(&mut self, seq: Seq, by: u32) {
        if self.seq.is_some() && self.by != by {
            self.by_others = self.seq;
        }
        self.seq = Some(seq);
        self.by = by;
    }

    fn except(&self, reader: Option<u32>) -> Option<Seq> {
        if reader == Some(self.by) { self.by_others } else { self.seq }
    }
}

/// A number that is compared before and after each event that may change it.
#[derive(Clone, Copy, Debug)]
struct Compared {
    quantity: Quantity,
    /// The reader where the quantity depends on one.
    reader: Option<ActorId>,
    value: f64,
    changed: Option<Seq>,
}

/// Evidence levels of a slot, in the order of [`Causes::slots`].
#[derive(Clone, Copy, PartialEq, Eq)]
enum Level {
    Offered,
    Bound,
    Delivered,
    Parties,
}

/// The record of what changed what.
#[derive(Clone, Debug)]
pub(super) struct Causes {
    /// By slot and level.
    slots: Vec<[Latest; 4]>,
    /// By commitment: offers, bonds, kept.
    counts: Vec<[Latest; 3]>,
    first_bound: Vec<Option<Seq>>,
    /// By issue and actor.
    stances: Vec<Option<Seq>>,
    meetings: Vec<Option<Seq>>,
    shocks: Vec<Option<Seq>>,
    reached: Vec<Option<Seq>>,
    /// Latest event of each instance.
    own: Vec<Option<Seq>>,
    compared: Vec<Compared>,
    /// Position in `compared` by quantity and reader.
    positions: BTreeMap<(Quantity, Option<ActorId>), usize>,
    /// Positions in `compared` that a signal may change.
    watchers: BTreeMap<Signal, Vec<usize>>,
    /// Operations spent on comparing.
    work: u64,
}

impl Causes {
    /// The record before the first event.
    #[must_use]
    pub(super) fn new(model: &Model, plan: &Plan, setup: &Setup, world: &World) -> Self {
        let mut causes = Self {
            slots: vec![[Latest::default(); 4]; model.slots.len()],
            counts: vec![[Latest::default(); 3]; model.commitments.len()],
            first_bound: vec![None; model.commitments.len()],
            stances: vec![None; world.stances.len()],
            meetings: vec![None; model.meetings.len()],
            shocks: vec![None; model.shocks.len()],
            reached: vec![None; model.outcomes.len()],
            own: vec![None; model.instances.len()],
            compared: Vec::new(),
            positions: BTreeMap::new(),
            watchers: BTreeMap::new(),
            work: 0,
        };
        for instance in model.instance_ids() {
            let commitment = model.commitment_of(instance);
            let conditions =
                [&commitment.offer, &commitment.when, &commitment.stay, &commitment.until, &commitment.release];
            for expression in conditions.into_iter().flatten() {
                causes.compare(plan, expression, Some(model.instances[instance.index()].debtor));
            }
        }
        for shock in &model.shocks {
            if let Trigger::When { condition, .. } = &shock.trigger {
                causes.compare(plan, condition, None);
            }
        }
        for outcome in &model.outcomes {
            causes.compare(plan, &outcome.when, None);
        }
        causes.recompare(model, setup, world);
        causes
    }

    /// Takes the values as they are now for what later ones are compared with.
    pub(super) fn recompare(&mut self, model: &Model, setup: &Setup, world: &World) {
        for at in 0..self.compared.len() {
            self.compared[at].value = self.value(model, setup, world, at);
        }
    }

    /// Registers the quantities of a condition that must be compared.
    fn compare(&mut self, plan: &Plan, expression: &Expression, debtor: Option<ActorId>) {
        for quantity in expression.reads() {
            let Some(key) = compared_key(quantity, debtor) else { continue };
            let at = self.compared.len();
            if self.positions.contains_key(&key) {
                continue;
            }
            self.positions.insert(key, at);
            self.compared.push(Compared { quantity, reader: key.1, value: 0.0, changed: None });
            for signal in plan.signals.of(quantity, debtor.unwrap_or(ActorId(0))).into_iter().flatten() {
                self.watchers.entry(signal).or_default().push(at);
            }
        }
    }

    fn value(&self, model: &Model, setup: &Setup, world: &World, at: usize) -> f64 {
        let compared = &self.compared[at];
        // Of the reader only the actor matters to these quantities; the instance is a stand-in.
        let reader = compared.reader.map(|actor| Reader { actor, instance: InstanceId(0) });
        Scope { model, setup, world, evidence: &world.evidence, reader }.read(compared.quantity)
    }

    /// Notes the event `seq`; `before` tells whether its instance was an offer, a bond and kept until now.
    pub(super) fn note(
        &mut self,
        (model, plan, setup): (&Model, &Plan, &Setup),
        world: &World,
        event: Event,
        seq: Seq,
        before: &Before,
    ) {
        match event.payload() {
            Payload::Opinion { actor, issue, .. } if matches!(event, Event::Stance { .. }) => {
                self.stances[world.stance_index(actor, issue)] = Some(seq);
            }
            Payload::Meeting(meeting) => self.meetings[meeting.index()] = Some(seq),
            Payload::Shock(shock) => self.shocks[shock.index()] = Some(seq),
            Payload::Outcome(outcome) => self.reached[outcome.index()] = Some(seq),
            Payload::Instance(instance) | Payload::Gift { instance, .. } => {
                self.own[instance.index()] = Some(seq);
                self.note_evidence(model, setup, world, event, instance, seq, before);
            }
            Payload::Nothing
            | Payload::Draw { .. }
            | Payload::Opinion { .. }
            | Payload::Pair { .. }
            | Payload::Package { .. }
            | Payload::Ending(_) => {}
        }
        if self.compared.is_empty() || self.is_exhausted() {
            return;
        }
        let mut touched = Vec::new();
        plan.signals_of(model, event, |signal| {
            if let Some(positions) = self.watchers.get(&signal) {
                touched.extend_from_slice(positions);
            }
        });
        for at in touched {
            self.work += self.compared[at].quantity.members(model).map_or(1, |members| members as u64 + 1);
            if self.is_exhausted() {
                return;
            }
            let value = self.value(model, setup, world, at);
            let compared = &mut self.compared[at];
            if value.to_bits() != compared.value.to_bits() {
                compared.value = value;
                compared.changed = Some(seq);
            }
        }
    }

    /// Whether comparing has taken more than a run may: where everybody expects something of everybody, it would take
    /// hours. What is compared then has no known cause any more; the run itself goes on.
    pub(super) fn is_exhausted(&self) -> bool {
        self.work > limits::WORK
    }

    #[expect(clippy::too_many_arguments, reason = "the parts of one event, used here alone")]
    fn note_evidence(
        &mut self,
        model: &Model,
        setup: &Setup,
        world: &World,
        event: Event,
        instance: InstanceId,
        seq: Seq,
        before: &Before,
    ) {
        let after = world.evidence.standing(instance);
        let own = &model.instances[instance.index()];
        let turned = [
            before.standing.offered != after.offered,
            before.standing.bound != after.bound,
            before.standing.kept != after.kept,
        ];
        for (latest, turned) in self.counts[own.commitment.index()].iter_mut().zip(turned) {
            if turned {
                latest.change(seq, instance.0);
            }
        }
        if matches!(event, Event::Detached(_)) {
            self.first_bound[own.commitment.index()].get_or_insert(seq);
        }
        for gift in model.gifts(instance) {
            let amount = setup.gives[gift.position];
            let now = world.evidence.handed_over(gift.position);
            let handed = before.delivered.get(gift.number).map_or(Amount::ZERO, |was| Amount((now.0 - was.0).abs()));
            let party = before
                .parties
                .get(gift.number)
                .is_some_and(|&was| was != world.evidence.is_party(model, gift.resource, own.debtor));
            for slot in model.slots_of(instance, gift.number) {
                let latest = &mut self.slots[slot.index()];
                let evidence = &world.evidence;
                for (level, changed) in [
                    (Level::Offered, turned[0] && moves(evidence.offered(model, *slot, None), amount)),
                    (Level::Bound, turned[1] && moves(evidence.bound(model, *slot, None), amount)),
                    (Level::Delivered, handed.0 != 0 && moves(evidence.delivered(model, *slot, None), handed)),
                    (Level::Parties, party),
                ] {
                    if changed {
                        latest[level as usize].change(seq, own.debtor.0);
                    }
                }
            }
        }
    }

    /// The event that a reason stands for; `first` is the first event decided together with it.
    #[must_use]
    pub(super) fn find(&self, model: &Model, world: &World, why: Why, first: Seq) -> Option<Seq> {
        match why {
            Why::Nothing => None,
            Why::First => Some(first),
            Why::Own(instance) => self.own[instance.index()],
            Why::Session(meeting) => self.meetings[meeting.index()],
            Why::Reached(outcome) => self.reached[outcome.index()],
            Why::Event(seq) => Some(seq),
            Why::Rule(rule) => self.find_rule(model, world, rule),
        }
    }

    fn find_rule(&self, model: &Model, world: &World, rule: Rule) -> Option<Seq> {
        let (instance, expression) = match rule {
            Rule::Offer(i) => (Some(i), model.commitment_of(i).offer.as_ref()),
            Rule::When(i) => (Some(i), model.commitment_of(i).when.as_ref()),
            Rule::Stay(i) => (Some(i), model.commitment_of(i).stay.as_ref()),
            Rule::Until(i) => (Some(i), model.commitment_of(i).until.as_ref()),
            Rule::Release(i) => (Some(i), model.commitment_of(i).release.as_ref()),
            Rule::Shock(shock) => match &model.shocks[shock.index()].trigger {
                Trigger::When { condition, .. } => (None, Some(condition)),
                _ => (None, None),
            },
            Rule::Outcome(outcome) => (None, Some(&model.outcomes[outcome.index()].when)),
        };
        let reader = instance.map(|instance| Reader { actor: model.instances[instance.index()].debtor, instance });
        let changes = expression.map(Expression::reads).unwrap_or_default();
        if self.is_exhausted() && changes.iter().any(|&quantity| compared_key(quantity, None).is_some()) {
            return None;
        }
        let latest = changes.into_iter().filter_map(|quantity| self.changed(world, quantity, reader)).max();
        latest.max(instance.and_then(|instance| self.own[instance.index()]))
    }

    /// The latest event that changed the value of a quantity for a reader.
    fn changed(&self, world: &World, quantity: Quantity, reader: Option<Reader>) -> Option<Seq> {
        let slot =
            |slot: SlotId, level: Level| self.slots[slot.index()][level as usize].except(reader.map(|me| me.actor.0));
        let count = |commitment: CommitmentId, which: usize| {
            self.counts[commitment.index()][which].except(reader.map(|me| me.instance.0))
        };
        match quantity {
            Quantity::Offered(of) => slot(of, Level::Offered),
            Quantity::Bound(of) => slot(of, Level::Bound),
            Quantity::Delivered(of) => slot(of, Level::Delivered),
            Quantity::Parties(of) => slot(of, Level::Parties),
            Quantity::Offers(c) => count(c, 0),
            Quantity::Bonds(c) => count(c, 1),
            Quantity::Kept(c) => count(c, 2),
            Quantity::BoundAt(c) => self.first_bound[c.index()],
            Quantity::OwnStance(issue) => reader.and_then(|me| self.stances[world.stance_index(me.actor, issue)]),
            Quantity::Stance(actor, issue) => self.stances[world.stance_index(actor, issue)],
            Quantity::MeetingCount(meeting) | Quantity::SinceMeeting(meeting) => self.meetings[meeting.index()],
            Quantity::ShockCount(shock) | Quantity::SinceShock(shock) => self.shocks[shock.index()],
            Quantity::Assured { .. } | Quantity::MeanStance(_) | Quantity::Trust(..) => {
                let key = compared_key(quantity, reader.map(|me| me.actor))?;
                self.compared[*self.positions.get(&key)?].changed
            }
            // These never change, or with the clock alone, or (the gap) by no event of their own.
            Quantity::Own(_)
            | Quantity::Deadlocked
            | Quantity::Step
            | Quantity::Steps
            | Quantity::Index
            | Quantity::Size => None,
        }
    }
}

/// How a quantity that must be compared is told apart: by its reader only where it depends on one.
fn compared_key(quantity: Quantity, debtor: Option<ActorId>) -> Option<(Quantity, Option<ActorId>)> {
    match quantity.source() {
        Source::SlotAndTrust(_) => {
            let reads_as_debtor = matches!(quantity, Quantity::Assured { observer: None, .. });
            Some((quantity, debtor.filter(|_| reads_as_debtor)))
        }
        Source::Mean(_) | Source::Trust => Some((quantity, None)),
        Source::Fixed
        | Source::Slot(_)
        | Source::Commitment(_)
        | Source::OwnStance(_)
        | Source::Stance(..)
        | Source::Meeting(_)
        | Source::Shock(_)
        | Source::MeetingOrClock(_)
        | Source::ShockOrClock(_)
        | Source::Gap
        | Source::Clock => None,
    }
}

/// Whether the float nearest to a sum is another since an amount came to it or left it.
fn moves(after: Amount, amount: Amount) -> bool {
    let value = after.to_units();
    [after.0.saturating_sub(amount.0), after.0.saturating_add(amount.0)]
        .into_iter()
        .all(|before| Amount(before).to_units().to_bits() != value.to_bits())
}

/// What an instance counted as before an event changed it.
#[derive(Clone, Debug, Default)]
pub(super) struct Before {
    /// As an offer, a bond, kept.
    pub(super) standing: crate::model::Standing,
    /// For each of its gifts, whether its debtor was a party.
    pub(super) parties: Vec<bool>,
    /// For each of its gifts, what had been handed over.
    pub(super) delivered: Vec<Amount>,
}

impl Before {
    /// Reads it off the state.
    #[must_use]
    pub(super) fn of(model: &Model, world: &World, event: Event) -> Self {
        let Some(instance) = event.instance() else { return Self::default() };
        let debtor = model.instances[instance.index()].debtor;
        Self {
            standing: world.evidence.standing(instance),
            delivered: model.gifts(instance).map(|gift| world.evidence.handed_over(gift.position)).collect(),
            parties: model.gifts(instance).map(|gift| world.evidence.is_party(model, gift.resource, debtor)).collect(),
        }
    }
}
