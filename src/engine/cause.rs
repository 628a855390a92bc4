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
use turn::{Compared, Known, Search, Turn, comparisons, turn_of_condition};

use super::decision::{Rule, Why};
use super::plan::{Level, Plan};
use crate::model::{
    ActorId, Clause, CommitmentId, Event, Expression, InstanceId, Model, MoveId, NodeId, OutcomeId, Reader, Scope, Seq,
    Setup, ShockId, World,
};

/// A state with its model, plan and setup.
type Situation<'a> = (&'a Model, &'a Plan, &'a Setup, &'a World);

/// The records from which causes are computed.
#[derive(Clone, Debug)]
pub(super) struct Causes {
    tracks: Tracks,
    /// The latest events of each instance.
    latest: Vec<Latest>,
    meetings: Vec<Option<Seq>>,
    reached: Vec<Option<Seq>>,
    /// The comparisons of each condition used so far, by [`family`].
    compared: Vec<Option<Vec<Compared>>>,
    /// The bases of graded amounts before the latest fork, by position in the plan; empty before a fork.
    bases: Vec<Option<Seq>>,
    /// Results of expensive searches, and results from before a fork.
    known: BTreeMap<(Rule, NodeId), Known>,
    /// Working memory: a search, and the turns of a condition's parts.
    search: Search,
    turns: Vec<Option<Turn>>,
}

/// The latest events of an instance, each [`u32::MAX`] before the first.
#[derive(Clone, Copy, Debug)]
struct Latest {
    /// Any event of its own.
    own: Seq,
    /// The one at which it entered its current state.
    entered: Seq,
}

impl Latest {
    const NONE: Self = Self { own: Seq::MAX, entered: Seq::MAX };

    fn own(self) -> Option<Seq> {
        (self.own < Seq::MAX).then_some(self.own)
    }

    fn entered(self) -> Option<Seq> {
        (self.entered < Seq::MAX).then_some(self.entered)
    }
}

/// A search that reads at least this many entries is stored.
const LONG: u64 = 64;

impl Causes {
    /// The record before the first event.
    #[must_use]
    pub(super) fn new((model, plan, setup, world): Situation<'_>) -> Self {
        let levels = plan.levels.iter().filter_map(|level| {
            let instance = level.instance.index();
            Some((model.commitment_of(level.instance).level(level.gift.number)?, Some(instance..instance + 1)))
        });
        let of_commitments = (0..model.commitments.len()).map(CommitmentId::at).flat_map(|commitment| {
            let instances = model.instances_of(commitment);
            let expressions =
                Clause::ALL.into_iter().filter_map(move |clause| model.commitments[commitment.index()].clause(clause));
            expressions.map(move |expression| (expression, Some(instances.clone())))
        });
        let others = other_rules(model).filter_map(|rule| condition(model, rule)).map(|condition| (condition, None));
        Self {
            tracks: Tracks::new((model, plan, setup, world), of_commitments.chain(others).chain(levels)),
            latest: vec![Latest::NONE; model.instances.len()],
            meetings: vec![None; model.meetings.len()],
            reached: vec![None; model.outcomes.len()],
            compared: vec![None; families(model)],
            known: BTreeMap::new(),
            bases: Vec::new(),
            search: Search::default(),
            turns: Vec::new(),
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
        changed.max(known).max(self.latest[instance.index()].entered())
    }

    /// Reads what is registered for an instance, so that it is in the cache. The result means nothing.
    #[inline]
    #[must_use]
    pub(super) fn touch(&self, model: &Model, instance: InstanceId) -> u64 {
        let debtor = model.instances[instance.index()].debtor;
        u64::from(self.latest[instance.index()].own ^ self.tracks.touch(debtor))
    }

    /// Registers the event `seq`, which has just changed the state. If it is `alike`, it has the signals of the event of its
    /// sort before it.
    pub(super) fn note(&mut self, (model, plan, setup, world): Situation<'_>, event: Event, (seq, alike): (Seq, bool)) {
        if let Event::Met(meeting) = event {
            self.meetings[meeting.index()] = Some(seq);
        }
        if let Event::Reached(outcome) = event {
            self.reached[outcome.index()] = Some(seq);
        }
        if let Some(instance) = event.instance() {
            let latest = &mut self.latest[instance.index()];
            latest.own = seq;
            if event.kind().leads_to().is_some() {
                latest.entered = seq;
            }
        }
        self.tracks.note((model, plan, setup), world, event, (seq, alike));
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
            let scope = scope_of((model, setup, world), rule);
            for mut compared in comparisons(condition, &self.tracks, scope.reader) {
                let turn = self.turn_of(rule, condition, &mut compared, &scope, next);
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
        self.compared.resize(families(model), None);
        for (&(rule, node), known) in &mut self.known {
            let Some(condition) = condition(model, rule) else { continue };
            let truth = condition.truth_at(node, &scope_of((model, setup, world), rule)).ok();
            if known.turn.truth != truth {
                *known = Known { at, turn: Turn { truth, moment: at } };
            }
        }
    }

    /// The event that a [`Why`] other than a rule refers to; `first` is the first event decided together with it.
    #[inline]
    #[must_use]
    pub(super) fn find(&self, why: Why, first: Seq) -> Option<Seq> {
        match why {
            Why::Nothing | Why::Rule(_) => None,
            Why::First => Some(first),
            Why::Own(instance) => self.latest[instance.index()].own(),
            Why::Session(meeting) => self.meetings[meeting.index()],
            Why::Reached(outcome) => self.reached[outcome.index()],
            Why::Event(seq) => Some(seq),
        }
    }

    /// The event at which the condition of a rule took its present truth; `next` is the number of the next event.
    #[must_use]
    pub(super) fn find_rule(&mut self, (model, _, setup, world): Situation<'_>, rule: Rule, next: Seq) -> Option<Seq> {
        let entered = instance_of(rule).and_then(|instance| self.latest[instance.index()].entered());
        let Some(condition) = condition(model, rule) else { return entered };
        let scope = scope_of((model, setup, world), rule);
        let family = family(model, rule);
        let compared = self.compared[family].take();
        let mut compared = compared.unwrap_or_else(|| comparisons(condition, &self.tracks, scope.reader));
        let mut turns = std::mem::take(&mut self.turns);
        let turn = turn_of_condition(condition, &mut turns, |node| {
            match compared.iter_mut().find(|compared| compared.node == node) {
                Some(compared) => self.turn_of(rule, condition, compared, &scope, next),
                None => Turn { truth: condition.truth_at(node, &scope).ok(), moment: LogPosition::START },
            }
        });
        self.turns = turns;
        self.compared[family] = Some(compared);
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
        compared: &mut Compared,
        scope: &Scope<'_>,
        next: Seq,
    ) -> Turn {
        let known = self.known.get(&(rule, compared.node)).copied();
        let (turn, looked_at) = self.search.last_turn(&mut self.tracks, scope, condition, compared, known);
        if looked_at > LONG || known.is_some() {
            let known = Known { at: LogPosition::before(next), turn };
            self.known.insert((rule, compared.node), known);
        }
        turn
    }
}

/// The conditions of a model as rules; the instances of a commitment share theirs.
fn rules(model: &Model) -> impl Iterator<Item = Rule> + '_ {
    let of_commitments = Clause::ALL
        .into_iter()
        .flat_map(|clause| model.instance_ids().map(move |instance| Rule::Clause(instance, clause)));
    of_commitments.chain(other_rules(model))
}

/// The conditions of a model that belong to no commitment.
fn other_rules(model: &Model) -> impl Iterator<Item = Rule> + use<> {
    let shocks = (0..model.shocks.len()).map(|at| Rule::Shock(ShockId::at(at)));
    let outcomes = (0..model.outcomes.len()).map(|at| Rule::Outcome(OutcomeId::at(at)));
    let moves = (0..model.moves.len()).map(|at| Rule::Move(MoveId::at(at)));
    shocks.chain(moves).chain(outcomes)
}

/// The commitment's instance that a rule belongs to.
fn instance_of(rule: Rule) -> Option<InstanceId> {
    match rule {
        Rule::Clause(instance, _) => Some(instance),
        Rule::Shock(_) | Rule::Move(_) | Rule::Outcome(_) => None,
    }
}

/// The number of a rule's condition, which the instances of a commitment share.
fn family(model: &Model, rule: Rule) -> usize {
    let shocks = model.commitments.len() * Clause::ALL.len();
    let moves = shocks + model.shocks.len();
    match rule {
        Rule::Clause(instance, clause) => {
            model.instances[instance.index()].commitment.index() * Clause::ALL.len() + clause as usize
        }
        Rule::Shock(shock) => shocks + shock.index(),
        Rule::Move(which) => moves + which.index(),
        Rule::Outcome(outcome) => moves + model.moves.len() + outcome.index(),
    }
}

/// The number of conditions, for [`family`].
fn families(model: &Model) -> usize {
    model.commitments.len() * Clause::ALL.len() + model.shocks.len() + model.moves.len() + model.outcomes.len()
}

/// The condition of a rule; `None` if it is not declared.
fn condition(model: &Model, rule: Rule) -> Option<&Expression> {
    match rule {
        Rule::Clause(instance, clause) => model.commitment_of(instance).clause(clause),
        Rule::Shock(shock) => model.shocks[shock.index()].trigger.condition(),
        Rule::Move(which) => model.moves[which.index()].trigger.condition(),
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
