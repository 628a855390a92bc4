//! The causes of events.
//!
//! The cause of an event that follows from a condition is the event at which the condition took its current truth. It
//! is computed from the latest changes of the condition's comparisons. If the commitment entered its state later than
//! that, its entry is the cause.

mod history;
mod track;
mod turn;

use std::collections::BTreeMap;

use history::LogPosition;
use track::Tracks;
use turn::{Compared, Known, Turn, comparisons, last_turn, turn_of_condition};

use super::decision::{Rule, Why};
use super::plan::{Level, Plan};
use crate::model::{
    ActorId, Event, Expression, InstanceId, Model, MoveId, NodeId, OutcomeId, Reader, Scope, Seq, Setup, ShockId,
    Trigger, World,
};

/// A state with its model, plan and setup.
type Situation<'a> = (&'a Model, &'a Plan, &'a Setup, &'a World);

/// The records from which causes are computed.
#[derive(Clone, Debug)]
pub(super) struct Causes {
    tracks: Tracks,
    /// Latest event of each instance.
    own: Vec<Option<Seq>>,
    /// Latest event at which each instance entered its current state.
    entered: Vec<Option<Seq>>,
    meetings: Vec<Option<Seq>>,
    reached: Vec<Option<Seq>>,
    /// The comparisons of each condition used so far, by the rule of the commitment's first instance.
    compared: BTreeMap<Rule, Vec<Compared>>,
    /// The bases of graded amounts before the latest fork, by position in the plan; empty before a fork.
    bases: Vec<Option<Seq>>,
    /// Results of expensive searches, and results from before a fork.
    known: BTreeMap<(Rule, NodeId), Known>,
}

/// A search that reads at least this many entries is stored.
const LONG: u64 = 64;

impl Causes {
    /// The record before the first event.
    #[must_use]
    pub(super) fn new((model, plan, setup, world): Situation<'_>) -> Self {
        let rules: Vec<Rule> = rules(model).collect();
        let levels = plan.levels.iter().filter_map(|level| {
            let debtor = model.instances[level.instance.index()].debtor;
            Some((model.commitment_of(level.instance).level(level.gift.number)?, Some(debtor)))
        });
        let conditions = rules.iter().filter_map(|&rule| {
            let debtor = instance_of(rule).map(|instance| model.instances[instance.index()].debtor);
            condition(model, rule).map(|condition| (condition, debtor))
        });
        Self {
            tracks: Tracks::new((model, plan, setup, world), conditions.chain(levels)),
            own: vec![None; model.instances.len()],
            entered: vec![None; model.instances.len()],
            meetings: vec![None; model.meetings.len()],
            reached: vec![None; model.outcomes.len()],
            compared: BTreeMap::new(),
            known: BTreeMap::new(),
            bases: Vec::new(),
        }
    }

    /// The latest event that changed a quantity which the `as` of a graded amount reads, or the event at which its
    /// commitment entered its state if that is later. The amount is given by its position in the plan.
    pub(super) fn base(&self, (model, plan, ..): Situation<'_>, position: u32) -> Option<Seq> {
        let Level { instance, gift } = plan.levels[position as usize];
        let reader = Reader { actor: model.instances[instance.index()].debtor, instance };
        let reads = model.commitment_of(instance).level(gift.number).map(Expression::reads).unwrap_or_default();
        let changed = reads.into_iter().filter_map(|quantity| self.tracks.latest_change(quantity, reader)).max();
        let known = self.bases.get(position as usize).copied().flatten();
        changed.max(known).max(self.entered[instance.index()])
    }

    /// Registers the event `seq`, which has just changed the state.
    pub(super) fn note(&mut self, (model, plan, setup, world): Situation<'_>, event: Event, seq: Seq) {
        if let Event::Met(meeting) = event {
            self.meetings[meeting.index()] = Some(seq);
        }
        if let Event::Reached(outcome) = event {
            self.reached[outcome.index()] = Some(seq);
        }
        if let Some(instance) = event.instance() {
            self.own[instance.index()] = Some(seq);
            if event.kind().leads_to().is_some() {
                self.entered[instance.index()] = Some(seq);
            }
        }
        self.tracks.note((model, plan, setup), world, event, seq);
    }

    /// Registers the beginning of a step; `next` is the number of its first event.
    pub(super) fn note_step(&mut self, (model, _, setup, world): Situation<'_>, next: Seq) {
        self.tracks.note_step((model, setup, world), next);
    }

    /// Registers the size of the gap after an Exchange.
    pub(super) fn note_gap(&mut self, gap: u32, next: Seq) {
        self.tracks.note_gap(gap, next);
    }

    /// Prepares for a fork: the last change of every comparison is computed and stored now, since later values are
    /// compared under another setup.
    pub(super) fn before_fork(&mut self, (model, plan, setup, world): Situation<'_>, next: Seq) {
        let positions = (0..).take(plan.levels.len());
        self.bases = positions.map(|position| self.base((model, plan, setup, world), position)).collect();
        for rule in rules(model).collect::<Vec<_>>() {
            let Some(condition) = condition(model, rule) else { continue };
            for compared in comparisons(condition) {
                let scope = scope_of((model, setup, world), rule);
                let turn = self.turn_of(rule, condition, &compared, &scope, next);
                let known = Known { at: LogPosition::before(next), turn };
                self.known.insert((rule, compared.node), known);
            }
        }
    }

    /// Continues with the setup of a fork.
    pub(super) fn after_fork(&mut self, (model, plan, setup, world): Situation<'_>, next: Seq) {
        let at = LogPosition::before(next);
        self.tracks.restart((model, plan, setup), world, at);
        self.compared.clear();
        for (&(rule, node), known) in &mut self.known {
            let Some(condition) = condition(model, rule) else { continue };
            let truth = condition.truth_at(node, &scope_of((model, setup, world), rule)).ok();
            if known.turn.truth != truth {
                *known = Known { at, turn: Turn { truth, moment: at } };
            }
        }
    }

    /// The event that a [`Why`] refers to; `first` is the first event decided together with it.
    #[must_use]
    pub(super) fn find(&mut self, situation: Situation<'_>, why: Why, first: Seq) -> Option<Seq> {
        match why {
            Why::Nothing => None,
            Why::First => Some(first),
            Why::Own(instance) => self.own[instance.index()],
            Why::Session(meeting) => self.meetings[meeting.index()],
            Why::Reached(outcome) => self.reached[outcome.index()],
            Why::Event(seq) => Some(seq),
            Why::Rule(rule) => self.find_rule(situation, rule, first),
        }
    }

    fn find_rule(&mut self, (model, _, setup, world): Situation<'_>, rule: Rule, next: Seq) -> Option<Seq> {
        let entered = instance_of(rule).and_then(|instance| self.entered[instance.index()]);
        let Some(condition) = condition(model, rule) else { return entered };
        let scope = scope_of((model, setup, world), rule);
        let family = family(model, rule);
        let compared = self.compared.remove(&family).unwrap_or_else(|| comparisons(condition));
        let turn = turn_of_condition(condition, |node| match compared.iter().find(|compared| compared.node == node) {
            Some(compared) => self.turn_of(rule, condition, compared, &scope, next),
            None => Turn { truth: condition.truth_at(node, &scope).ok(), moment: LogPosition::START },
        });
        self.compared.insert(family, compared);
        if self.tracks.is_exhausted() {
            return None;
        }
        match entered {
            Some(entered) if LogPosition::event(entered) > turn.moment => Some(entered),
            _ => turn.moment.seq(),
        }
    }

    fn turn_of(
        &mut self,
        rule: Rule,
        condition: &Expression,
        compared: &Compared,
        scope: &Scope<'_>,
        next: Seq,
    ) -> Turn {
        let known = self.known.get(&(rule, compared.node)).copied();
        let (turn, looked_at) = last_turn(&mut self.tracks, scope, condition, compared, known);
        if looked_at > LONG || known.is_some() {
            let known = Known { at: LogPosition::before(next), turn };
            self.known.insert((rule, compared.node), known);
        }
        turn
    }
}

/// The conditions of a model as rules; the instances of a commitment share theirs.
fn rules(model: &Model) -> impl Iterator<Item = Rule> + '_ {
    let of_commitments = [Rule::Offer, Rule::When, Rule::Stay, Rule::Until, Rule::Release, Rule::Renew]
        .into_iter()
        .flat_map(|rule| model.instance_ids().map(rule));
    let shocks = (0..model.shocks.len()).map(|at| Rule::Shock(ShockId::at(at)));
    let outcomes = (0..model.outcomes.len()).map(|at| Rule::Outcome(OutcomeId::at(at)));
    let moves = (0..model.moves.len()).map(|at| Rule::Move(MoveId::at(at)));
    of_commitments.chain(shocks).chain(moves).chain(outcomes)
}

/// The commitment's instance that a rule belongs to.
fn instance_of(rule: Rule) -> Option<InstanceId> {
    match rule {
        Rule::Offer(instance)
        | Rule::When(instance)
        | Rule::Stay(instance)
        | Rule::Until(instance)
        | Rule::Release(instance)
        | Rule::Renew(instance) => Some(instance),
        Rule::Shock(_) | Rule::Move(_) | Rule::Outcome(_) => None,
    }
}

/// The same rule of the commitment's first instance, with which it shares its condition.
fn family(model: &Model, rule: Rule) -> Rule {
    let first =
        |instance: InstanceId| InstanceId::at(model.instances_of(model.instances[instance.index()].commitment).start);
    match rule {
        Rule::Offer(instance) => Rule::Offer(first(instance)),
        Rule::When(instance) => Rule::When(first(instance)),
        Rule::Stay(instance) => Rule::Stay(first(instance)),
        Rule::Until(instance) => Rule::Until(first(instance)),
        Rule::Release(instance) => Rule::Release(first(instance)),
        Rule::Renew(instance) => Rule::Renew(first(instance)),
        Rule::Shock(_) | Rule::Move(_) | Rule::Outcome(_) => rule,
    }
}

/// The condition of a rule; `None` if it is not declared.
fn condition(model: &Model, rule: Rule) -> Option<&Expression> {
    match rule {
        Rule::Offer(i) => model.commitment_of(i).offer.as_ref(),
        Rule::When(i) => model.commitment_of(i).when.as_ref(),
        Rule::Stay(i) => model.commitment_of(i).stay.as_ref(),
        Rule::Until(i) => model.commitment_of(i).until.as_ref(),
        Rule::Release(i) => model.commitment_of(i).release.as_ref(),
        Rule::Renew(i) => model.commitment_of(i).renew.as_ref(),
        Rule::Shock(shock) => match &model.shocks[shock.index()].trigger {
            Trigger::When { condition, .. } => Some(condition),
            Trigger::On(_) | Trigger::Rate(_) => None,
        },
        Rule::Move(which) => match &model.moves[which.index()].trigger {
            Trigger::When { condition, .. } => Some(condition),
            Trigger::On(_) | Trigger::Rate(_) => None,
        },
        Rule::Outcome(outcome) => Some(&model.outcomes[outcome.index()].when),
    }
}

fn scope_of<'a>((model, setup, world): (&'a Model, &'a Setup, &'a World), rule: Rule) -> Scope<'a> {
    let reader = instance_of(rule).map(|instance| {
        let actor: ActorId = model.instances[instance.index()].debtor;
        Reader { actor, instance }
    });
    Scope { model, setup, world, evidence: &world.evidence, reader }
}
