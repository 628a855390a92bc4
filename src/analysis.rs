//! Explains a deadlock: which commitments wait for which, and which first moves would resolve it.
//!
//! Everything here is about one state after an Exchange. Stances, trust and deliveries are held fixed, and deliveries
//! that would follow are not anticipated. The conditional commitments of a state have a least agreement, which is what
//! an Exchange reaches when commitments bind one after the other, and a greatest agreement, which is the largest set
//! that can be bound at once. These are the two ends of what the actors' conditions allow. Actors who look ahead may
//! end anywhere between them (Milgrom and Roberts 1990; Gale 1995), so neither is a forecast.
//!
//! Results are plain data in declaration order, bounded by the named [`limits`], and the same on every machine.

mod changed_comparisons;
mod distance;
mod goal;
pub mod limits;
mod search;
mod symmetry;
mod unlock;
mod waits;
pub mod wording;

pub use changed_comparisons::{
    ChangedComparison, ComparisonHistory, Situation, changed_comparisons, condition_of, failing_comparison_histories,
};
pub use changed_comparisons::{Divergence, divergence};
pub use distance::{MoveDistance, distance};
pub use goal::HeldFixed;
pub use symmetry::interchangeable;
pub use unlock::{Keystone, Partial};
pub use waits::{Blocked, Requirement, Wait};
pub use wording::Threshold;

use crate::engine::{Failure, Hypothesis, View, evolve};
use crate::model::{ActorId, Amount, Commitment, Expression, InstanceId, OutcomeId, ResourceId, State, World};
use crate::scenario::monotone::Trend;
use goal::{Goal, GoalTest};
use search::{Answer, Budget, Items};

/// The measure of the cost of a set of first moves.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Cost {
    /// The number of moves.
    #[default]
    Moves,
    /// The costs that the commitments declare, counted in millionths.
    Declared,
    /// The amount of a resource that the moves promise.
    Resource(ResourceId),
    /// The sum of the [`distance`]s of the moves from being made unasked; an infinite distance counts as
    /// [`limits::NEVER`].
    Distance,
}

/// The question that [`explain`] answers.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Question {
    /// The outcome to reach; `None` to bind the whole gap.
    pub goal: Option<OutcomeId>,
    /// How the cost of a set of moves is measured.
    pub cost: Cost,
    /// Whether null, expired and terminated commitments, which are not on offer, count as possible moves.
    pub any: bool,
    /// Instances excluded from the possible moves, in declaration order.
    pub not: Vec<InstanceId>,
    /// Whether to compute summit sets.
    pub summit: bool,
    /// Whether to compute keystones.
    pub keystones: bool,
}

/// The explanation of a state.
#[derive(Clone, Debug, PartialEq)]
pub struct Explanation {
    /// The step of the state.
    pub step: u32,
    /// The goal of the unlock and summit sets; `None` is binding the whole gap.
    pub goal: Option<OutcomeId>,
    /// How the cost of a set of moves is measured.
    pub cost: Cost,
    /// Whether null, expired and terminated commitments counted as possible moves.
    pub any: bool,
    /// The gap: the conditional commitments that would all bind if they bound at once.
    pub gap: Vec<InstanceId>,
    /// The members of the gap that are suspended.
    pub suspended: Vec<InstanceId>,
    /// The edges of the wait-for graph on the gap, ordered by waiter; empty if the graph is too large.
    pub waits: Vec<Wait>,
    /// Whether the wait-for graph is within [`limits::WAITS`]. If not, `waits` and `circles` are empty.
    pub waits_are_complete: bool,
    /// The cycles of the wait-for graph, ordered by first member.
    pub circles: Vec<Vec<InstanceId>>,
    /// For each commitment of the gap, the comparisons on which its condition fails.
    pub blocked: Vec<Blocked>,
    /// Sets of first moves that reach the goal.
    pub unlock: Sets<InstanceId>,
    /// The graded amounts that these moves give, in declaration order.
    pub move_amounts: Vec<MoveAmount>,
    /// The distance of each of these moves from being made unasked, in declaration order.
    pub move_distance: Vec<MoveDistance>,
    /// If no set of moves on offer reaches the goal: the cheapest set that does when null, expired and terminated
    /// commitments count as well. `None` also if those were counted from the start.
    pub with_any: Option<Choice<InstanceId>>,
    /// The kinds of quantity that the goal or the conditions of possible moves read and that this explanation holds
    /// fixed.
    pub held: Vec<HeldFixed>,
    /// The least sufficient amount of each move in the first unlock set, and in the unlock sets that have one move.
    pub partial: Vec<Partial>,
    /// Whether `partial` is complete. It is cut at [`limits::PARTIAL`] entries and at [`limits::DETAIL_WORK`].
    pub partial_is_complete: bool,
    /// Sets of actors whose package reaches the goal.
    pub summit: Option<Sets<ActorId>>,
    /// Actors whose exit would suspend commitments of others.
    pub keystones: Option<Vec<Keystone>>,
    /// Whether `keystones` is complete. It is cut at [`limits::DETAIL_WORK`].
    pub keystones_are_complete: bool,
}

/// The graded amount that a first move gives of one resource.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct MoveAmount {
    /// The move.
    pub instance: InstanceId,
    /// The resource.
    pub resource: ResourceId,
    /// The total to which the move raises the amount.
    pub amount: Amount,
}

/// Minimal sets, by cost and then by the names of their members.
#[derive(Clone, Debug, PartialEq)]
pub struct Sets<T> {
    /// A lower bound on the cost of a minimal set; `None` if there is no set.
    pub lower: Option<Amount>,
    /// The cost of the cheapest set that was found.
    pub upper: Option<Amount>,
    /// Whether the cheapest set found is proved to be a minimum, or it is proved that there is no set.
    pub proved: bool,
    /// The number of minimal sets found.
    pub count: u64,
    /// Whether `count` is exact. If not, it is a lower bound.
    pub count_is_exact: bool,
    /// Minimal sets, at most [`limits::SETS`].
    pub sets: Vec<Choice<T>>,
    /// All minimal sets up to this cost are listed; `None` if some may be missing at any cost.
    pub complete_to: Option<Amount>,
    /// The actors with a member in every minimum set; `None` if not all minimum sets were seen.
    pub in_all: Option<Vec<ActorId>>,
    /// The actors of the gap with a member in no minimum set; `None` if not all minimum sets were seen.
    pub in_none: Option<Vec<ActorId>>,
}

/// A minimal set.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Choice<T> {
    /// The cost in the unit of [`Cost`]; a set of actors costs one unit for each.
    pub cost: Amount,
    /// Its members, in declaration order.
    pub members: Vec<T>,
}

/// The gap of a state after an Exchange: the greatest agreement among its conditional commitments.
///
/// # Errors
/// If a condition has no value, or the work exceeds its limit.
pub fn gap(view: View<'_>) -> Result<Vec<InstanceId>, Failure> {
    let mut hypothesis = Hypothesis::on(view);
    hypothesis.exchange()?;
    gap_of(view, &mut hypothesis)
}

/// The greatest agreement on top of a hypothesis, which is left unchanged.
fn gap_of(view: View<'_>, hypothesis: &mut Hypothesis<'_>) -> Result<Vec<InstanceId>, Failure> {
    Ok(greatest_on(view, hypothesis)?.members)
}

/// The greatest agreement, with the amounts that first moves would give in it.
#[derive(Clone, Debug, Default)]
struct Greatest {
    /// The members of the gap.
    members: Vec<InstanceId>,
    /// The graded amounts of the members, by position in the plan.
    amounts: Vec<Amount>,
    /// The graded amounts of first moves, by position in the plan.
    moves: Vec<Amount>,
}

fn greatest_on(view: View<'_>, hypothesis: &mut Hypothesis<'_>) -> Result<Greatest, Failure> {
    let base = hypothesis.trail().len();
    let open = hypothesis.candidates();
    hypothesis.agree(&open)?;
    let members = hypothesis.members_since(base);
    let (amounts, moves) = if view.model.has_graded() {
        (hypothesis.amounts(), hypothesis.first_amounts(&members)?)
    } else {
        (Vec::new(), Vec::new())
    };
    hypothesis.undo(base);
    Ok(Greatest { members, amounts, moves })
}

/// The least agreement after the given first moves: all bound instances, including the moves, in declaration order.
///
/// # Errors
/// As [`gap`].
pub fn least(view: View<'_>, moves: &[InstanceId]) -> Result<Vec<InstanceId>, Failure> {
    let mut hypothesis = Hypothesis::on(view).indexed();
    moves.iter().for_each(|&instance| hypothesis.bind(instance));
    hypothesis.exchange()?;
    let mut members = hypothesis.trail().to_vec();
    members.sort_unstable();
    Ok(members)
}

/// Explains a state after an Exchange.
///
/// # Errors
/// If a condition has no value in the state or in a hypothesis about it, or if a fixed point exceeds the work limit.
pub fn explain(view: View<'_>, question: &Question) -> Result<Explanation, Failure> {
    explain_within(view, question, None)
}

/// [`explain`] with a given search budget instead of the default.
fn explain_within(view: View<'_>, question: &Question, budget: Option<Budget>) -> Result<Explanation, Failure> {
    let View { model, world, .. } = view;
    let mut now = Hypothesis::on(view);
    now.exchange()?;
    let Greatest { members: gap, amounts, moves } = greatest_on(view, &mut now)?;
    now.set_targets(&amounts);
    let waits = waits::waits(model, &mut now, &gap, &amounts);
    now.set_targets(&moves);
    let circles = waits.as_deref().map_or_else(Vec::new, |waits| waits::circles(&gap, waits));
    let blocked = waits::blocked(model, &now, &gap, &amounts);
    let goal = match question.goal {
        None => Goal::Bound(gap.clone(), amounts),
        Some(outcome) => Goal::Outcome(&model.outcomes[outcome.index()].when),
    };
    let goal_condition = question.goal.map(|outcome| &model.outcomes[outcome.index()].when);
    let trend = goal.trend(&now.scope());
    let test = GoalTest::new(view, goal);
    let explainer = Explainer { view, question, gap: &gap, amounts: &moves, trend, test, budget };
    let possible = moves_of(view, question, &gap, &now);
    let unlock = explainer.unlock(&now, &possible)?;
    let with_any = if unlock.lower.is_none() && !question.any { explainer.with_any(&now, &possible)? } else { None };
    let (partial, partial_is_complete) =
        if trend == Trend::Up { partials(&explainer.test, &unlock, &moves)? } else { (Vec::new(), true) };
    let summit = if question.summit { Some(explainer.summit(&now)?) } else { None };
    let keystones = question.keystones.then(|| unlock::keystones(view)).transpose()?;
    let (keystones, keystones_are_complete) = keystones.map_or((None, true), |(found, all)| (Some(found), all));
    Ok(Explanation {
        step: world.step,
        goal: question.goal,
        cost: question.cost,
        any: question.any,
        move_amounts: move_amounts(view, &movers(&unlock), &moves),
        move_distance: movers(&unlock).into_iter().map(|instance| explainer.move_distance(&now, instance)).collect(),
        held: goal::held(model, goal_condition, &possible),
        with_any,
        waits_are_complete: waits.is_some(),
        waits: waits.unwrap_or_default(),
        circles,
        blocked,
        unlock,
        suspended: gap.iter().copied().filter(|&member| world.instance(member).state == State::Pending).collect(),
        partial,
        partial_is_complete,
        summit,
        keystones,
        keystones_are_complete,
        gap,
    })
}

/// The possible first moves, in declaration order.
fn moves_of(view: View<'_>, question: &Question, gap: &[InstanceId], now: &Hypothesis<'_>) -> Vec<InstanceId> {
    let is_move = |instance: &InstanceId| match view.world.instance(*instance).state {
        State::Conditional => !now.is_bound(*instance),
        State::Pending => view.model.commitment_of(*instance).resumable && !now.is_bound(*instance),
        // A bound graded commitment is a move if the greatest agreement raises its amount.
        State::Detached => gap.binary_search(instance).is_ok(),
        State::Null | State::Expired | State::Terminated => question.any,
        State::Satisfied | State::Violated => false,
    };
    let is_wanted = |instance: &InstanceId| question.not.binary_search(instance).is_err();
    view.model.instance_ids().filter(is_wanted).filter(is_move).collect()
}

/// The possible first moves in a state after an Exchange, in declaration order: those that [`explain`] chooses from.
///
/// # Errors
/// As [`explain`].
pub fn possible_moves(view: View<'_>, question: &Question) -> Result<Vec<InstanceId>, Failure> {
    let mut now = Hypothesis::on(view);
    now.exchange()?;
    let gap = if view.model.has_graded() { gap_of(view, &mut now)? } else { Vec::new() };
    Ok(moves_of(view, question, &gap, &now))
}

/// The least sufficient amounts for the first set and for every other set that has one move.
fn partials(test: &GoalTest<'_>, unlock: &Sets<InstanceId>, moves: &[Amount]) -> Result<(Vec<Partial>, bool), Failure> {
    let (mut found, mut work, mut is_complete) = (Vec::new(), 0, true);
    let others = unlock.sets.iter().skip(1).filter(|set| set.members.len() == 1);
    let others = others.take(limits::PARTIAL_SETS);
    for set in unlock.sets.first().into_iter().chain(others) {
        is_complete &= unlock::partial(test, &set.members, moves, &mut work, &mut found)?;
    }
    Ok((found, is_complete))
}

/// A question with everything that its answers share.
struct Explainer<'a> {
    view: View<'a>,
    question: &'a Question,
    gap: &'a [InstanceId],
    /// The graded amounts of first moves, by position in the plan.
    amounts: &'a [Amount],
    trend: Trend,
    test: GoalTest<'a>,
    /// Replaces the default search budget.
    budget: Option<Budget>,
}

impl<'a> Explainer<'a> {
    fn move_distance(&self, now: &Hypothesis<'_>, instance: InstanceId) -> MoveDistance {
        distance::move_distance(self.view.model, now, instance, self.amounts)
    }

    fn cost(&self, now: &Hypothesis<'_>, instance: InstanceId) -> Amount {
        match self.question.cost {
            Cost::Moves => Amount(1_000_000),
            Cost::Declared => Amount::from_units(self.view.setup.cost[instance.index()].min(crate::model::MAX_AMOUNT)),
            Cost::Resource(resource) => Amount(added(self.view, instance, resource, self.amounts)),
            Cost::Distance => distance::cost(self.move_distance(now, instance).distance),
        }
    }

    /// The cheapest set if null, expired and terminated commitments count as moves.
    fn with_any(&self, now: &Hypothesis<'a>, possible: &[InstanceId]) -> Result<Option<Choice<InstanceId>>, Failure> {
        let question = Question { any: true, ..self.question.clone() };
        let moves = moves_of(self.view, &question, self.gap, now);
        if moves.len() == possible.len() {
            return Ok(None);
        }
        let explainer = Explainer { question: &question, test: self.test.clone(), ..*self };
        Ok(explainer.unlock(now, &moves)?.sets.into_iter().next())
    }

    fn unlock(&self, now: &Hypothesis<'a>, moves: &[InstanceId]) -> Result<Sets<InstanceId>, Failure> {
        let names: Vec<&str> = moves.iter().map(|at| self.view.model.name_of(*at)).collect();
        let costs: Vec<i64> = moves.iter().map(|&instance| self.cost(now, instance).0).collect();
        let items = Items {
            ranks: ranks(&names),
            owners: moves.iter().map(|at| self.view.model.instances[at.index()].debtor.index()).collect(),
            owner_count: self.view.model.actors.len(),
            classes: symmetry::classes(&self.test, moves, &costs),
            costs,
        };
        let oracle = unlock::Moves {
            hypothesis: now.clone().indexed().with_work(limits::CLOSURE_WORK),
            test: self.test.clone(),
            possible: moves.to_vec(),
            base: now.trail().len(),
        };
        let mut answer = search::search(oracle, &items, self.is_monotone(), self.budget)?;
        let mut copy = self.view.world.clone();
        let mut verified = Vec::with_capacity(answer.sets.len());
        for (cost, set) in std::mem::take(&mut answer.sets) {
            let members: Vec<InstanceId> = set.iter().map(|&item| moves[item]).collect();
            // An unlock set that an actual Exchange does not confirm would be a bug in the search, and is not reported.
            if self.exchange_reaches(&mut copy, &members)? {
                verified.push(Choice { cost: Amount(cost), members });
            } else {
                debug_assert!(false, "an unlock set does not unlock: {members:?}");
                answer.proved = false;
            }
        }
        Ok(self.sets(answer, verified))
    }

    fn summit(&self, now: &Hypothesis<'a>) -> Result<Sets<ActorId>, Failure> {
        let mut offers: Vec<Vec<InstanceId>> = vec![Vec::new(); self.view.model.actors.len()];
        for instance in now.candidates() {
            offers[self.view.model.instances[instance.index()].debtor.index()].push(instance);
        }
        let actors: Vec<ActorId> =
            self.view.model.actor_ids().filter(|actor| !offers[actor.index()].is_empty()).collect();
        let names: Vec<&str> = actors.iter().map(|at| self.view.model.actors.id(*at)).collect();
        let items = Items {
            costs: vec![1_000_000; actors.len()],
            ranks: ranks(&names),
            owners: actors.iter().map(|actor| actor.index()).collect(),
            owner_count: self.view.model.actors.len(),
            classes: (0..).take(actors.len()).collect(),
        };
        let oracle = unlock::SummitOracle {
            hypothesis: now.clone().indexed().with_work(limits::CLOSURE_WORK),
            test: self.test.clone(),
            offers: actors.iter().map(|actor| std::mem::take(&mut offers[actor.index()])).collect(),
            base: now.trail().len(),
            present: Vec::new(),
        };
        let mut answer = search::search(oracle, &items, self.is_monotone(), self.budget)?;
        let sets = std::mem::take(&mut answer.sets);
        let sets = sets
            .into_iter()
            .map(|(cost, set)| Choice { cost: Amount(cost), members: set.iter().map(|&item| actors[item]).collect() })
            .collect();
        Ok(self.sets(answer, sets))
    }

    /// Whether binding more can only help the goal, or, for a goal that is already true, only hurt it.
    fn is_monotone(&self) -> bool {
        self.trend != Trend::Either
    }

    fn sets<T>(&self, answer: Answer, sets: Vec<Choice<T>>) -> Sets<T> {
        let owners = answer.owners.map(|(all, some)| {
            let mut gap: Vec<ActorId> =
                self.gap.iter().map(|at| self.view.model.instances[at.index()].debtor).collect();
            gap.sort_unstable();
            gap.dedup();
            gap.retain(|actor| !some.contains(&actor.index()));
            (all.into_iter().map(ActorId::at).collect(), gap)
        });
        let (in_all, in_none) = owners.unzip();
        Sets {
            lower: answer.lower.map(Amount),
            upper: answer.upper.map(Amount),
            proved: answer.proved,
            count: answer.count,
            count_is_exact: answer.count_is_exact,
            sets,
            complete_to: answer.complete_to.map(Amount),
            in_all,
            in_none,
        }
    }

    /// Whether an Exchange after these moves, performed on a copy of the state, reaches the goal.
    fn exchange_reaches(&self, copy: &mut World, moves: &[InstanceId]) -> Result<bool, Failure> {
        let View { model, setup, world, .. } = self.view;
        copy.copy_commitments_from(world);
        let mut first = Hypothesis::on(self.view);
        first.set_targets(self.amounts);
        moves.iter().for_each(|&instance| first.make_move(instance));
        for event in first.events() {
            evolve(model, setup, copy, event);
        }
        let mut hypothesis = Hypothesis::on(View { world: copy, ..self.view }).indexed();
        hypothesis.exchange()?;
        let events = hypothesis.events();
        drop(hypothesis);
        for event in events {
            evolve(model, setup, copy, event);
        }
        match &self.test.goal {
            Goal::Bound(members, amounts) => {
                let reached = Hypothesis::on(View { world: copy, ..self.view });
                Ok(members.iter().all(|&member| reached.is_as_good(member, amounts)))
            }
            Goal::Outcome(expression) => self.test.reached_in(copy, expression),
        }
    }
}

/// The union of the sets, in declaration order.
fn movers(sets: &Sets<InstanceId>) -> Vec<InstanceId> {
    let mut movers: Vec<InstanceId> = sets.sets.iter().flat_map(|set| &set.members).copied().collect();
    movers.sort_unstable();
    movers.dedup();
    movers
}

/// The graded amounts of the moves `movers`, taken from `amounts` by position in the plan.
fn move_amounts(view: View<'_>, movers: &[InstanceId], amounts: &[Amount]) -> Vec<MoveAmount> {
    if amounts.is_empty() {
        return Vec::new();
    }
    let hypothesis = Hypothesis::on(view);
    let of_one = |instance: InstanceId| {
        let commitment = view.model.commitment_of(instance);
        let gifts = view.model.gifts(instance).filter(|gift| commitment.level(gift.number).is_some());
        gifts.zip(hypothesis.positions_of(instance)).map(move |(gift, position)| MoveAmount {
            instance,
            resource: gift.resource,
            amount: amounts[position],
        })
    };
    movers.iter().copied().flat_map(of_one).collect()
}

/// The amount of a resource that a first move adds at the given graded amounts, in millionths.
fn added(view: View<'_>, instance: InstanceId, resource: ResourceId, amounts: &[Amount]) -> i64 {
    let View { model, setup, world, .. } = view;
    let hypothesis = Hypothesis::on(view);
    let mut levels = hypothesis.positions_of(instance);
    let counts = world.evidence.standing(instance).bound;
    let mut sum = 0;
    for gift in model.gifts(instance) {
        let is_graded = model.commitment_of(instance).level(gift.number).is_some();
        let amount = match levels.next().filter(|_| is_graded) {
            Some(position) => amounts[position],
            None => setup.gives[gift.position],
        };
        let now = if counts { world.evidence.amount(model, setup, instance, gift) } else { Amount::ZERO };
        if gift.resource == resource {
            sum += amount.0.max(now.0) - now.0;
        }
    }
    sum
}

/// The rank of each name in byte order.
fn ranks(names: &[&str]) -> Vec<u32> {
    let mut order: Vec<usize> = (0..names.len()).collect();
    order.sort_unstable_by_key(|&at| names[at]);
    let mut ranks = vec![0; names.len()];
    for (rank, at) in (0..).zip(order) {
        ranks[at] = rank;
    }
    ranks
}

/// The comparisons on which the conditions of the given conditional commitments fail, in the gap or not.
///
/// # Errors
/// As [`explain`].
pub fn lacks(view: View<'_>, commitments: &[InstanceId]) -> Result<Vec<Blocked>, Failure> {
    let mut now = Hypothesis::on(view);
    now.exchange()?;
    Ok(waits::blocked(view.model, &now, commitments, &[]))
}

/// A condition that the next Review or Exchange evaluates.
#[derive(Clone, Debug, PartialEq)]
pub struct ConditionStatus {
    /// The instance that has the condition.
    pub instance: InstanceId,
    /// The key of the condition in the file: `offer`, `when`, `while`, `until`, `release` or `renew`.
    pub key: &'static str,
    /// Whether it holds; `None` if it cannot be evaluated.
    pub holds: Option<bool>,
    /// Its distance from being true.
    pub distance: f64,
    /// The comparisons on which it fails.
    pub lacks: Blocked,
}

/// The conditions that the next Review or Exchange looks at, of every instance that has one, in declaration order:
/// `offer` of what is not on offer, `when` of an offer, `while` and `until` of what is bound, `while` of what is
/// suspended, `release` of each of these but the first, `renew` of what is over.
///
/// # Errors
/// As [`explain`].
pub fn conditions(view: View<'_>) -> Result<Vec<ConditionStatus>, Failure> {
    let View { model, world, .. } = view;
    let mut now = Hypothesis::on(view);
    now.exchange()?;
    let mut found = Vec::new();
    for instance in model.instance_ids() {
        let Commitment { offer, when, stay, until, release, renew, .. } = model.commitment_of(instance);
        let looked: Vec<(&'static str, &Option<Expression>)> = match world.instance(instance).state {
            State::Null => vec![("offer", offer)],
            State::Conditional => vec![("when", when), ("release", release)],
            State::Detached => vec![("while", stay), ("until", until), ("release", release)],
            State::Pending => vec![("while", stay), ("release", release)],
            State::Satisfied | State::Violated | State::Expired | State::Terminated => vec![("renew", renew)],
        };
        let scope = now.scope_of(instance);
        for (key, condition) in looked {
            let Some(condition) = condition else { continue };
            let lacks = waits::lacking(model, &now, instance, &[condition], &[]);
            let holds = condition.truth(&scope).ok();
            found.push(ConditionStatus {
                instance,
                key,
                holds,
                distance: distance::distance(condition, &scope),
                lacks,
            });
        }
    }
    Ok(found)
}

#[cfg(test)]
mod tests;
