//! Why a deadlock holds and what would open it.
//!
//! Everything here is about one state after an Exchange: stances, trust and deeds stay as they are, and
//! deeds that would follow are not anticipated. The conditional commitments of the state have a least
//! agreement, what myopic exchange reaches one after the other, and a greatest one, the best package that
//! can be bound at once. They are the two ends of what the actors' own conditions allow; actors who look
//! ahead may end anywhere between (Milgrom and Roberts 1990; Gale 1995), so neither end is a forecast.
//!
//! Answers are plain data in declaration order, within the named [`limits`], and the same on any machine.

mod bits;
mod distance;
mod goal;
pub mod limits;
mod partial;
mod search;
mod symmetry;
mod turning;
mod unlock;
mod waits;
mod wants;
pub mod wording;

pub use distance::{Unasked, distance};
pub use goal::Held;
pub use partial::Partial;
pub use symmetry::interchangeable;
pub use turning::{Parting, Side, parting};
pub use turning::{Stood, TurnedComparison, condition_of, stood_in_the_way, turned};
pub use unlock::Keystone;
pub use waits::Wait;
pub use wants::{Blocked, Requirement};
pub use wording::Threshold;

use crate::engine::{Failure, Hypothesis, View, evolve};
use crate::model::{ActorId, Amount, Commitment, Expression, InstanceId, OutcomeId, ResourceId, State, World};
use crate::scenario::monotone::Trend;
use goal::{Goal, GoalTest};
use search::{Answer, Budget, Items};

/// What a set of first moves costs.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Cost {
    /// The number of moves.
    #[default]
    Moves,
    /// The costs that the commitments declare, counted in millionths.
    Declared,
    /// The amount of a resource that the moves promise.
    Resource(ResourceId),
    /// How far their owners are from making them unasked: the sum of their [`distance`]s, [`limits::NEVER`] for each
    /// that is infinite.
    Distance,
}

/// What is to be explained.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Question {
    /// The outcome to reach; none: that all of the gap is bound.
    pub goal: Option<OutcomeId>,
    /// What counts as cheap.
    pub cost: Cost,
    /// Whether moves count that are not on offer: null, expired and terminated commitments.
    pub any: bool,
    /// Instances that are no moves, in declaration order.
    pub not: Vec<InstanceId>,
    /// Whether summit sets are wanted.
    pub summit: bool,
    /// Whether keystones are wanted.
    pub keystones: bool,
}

/// A state explained.
#[derive(Clone, Debug, PartialEq)]
pub struct Explanation {
    /// The step of the state.
    pub step: u32,
    /// The goal that unlock and summit sets are for.
    pub goal: Option<OutcomeId>,
    /// What counts as cheap.
    pub cost: Cost,
    /// Whether moves counted that are not on offer, expired or terminated.
    pub any: bool,
    /// The gap: offers that would all bind if they bound together.
    pub gap: Vec<InstanceId>,
    /// Those of the gap that are suspended.
    pub suspended: Vec<InstanceId>,
    /// The wait-for graph on the gap, by waiter; empty where it is too large.
    pub waits: Vec<Wait>,
    /// Whether the wait-for graph is within [`limits::WAITS`]; if not, there are no circles either.
    pub waits_are_complete: bool,
    /// Circles of commitments that wait for each other, by first member.
    pub circles: Vec<Vec<InstanceId>>,
    /// What stands in the way of each commitment of the gap.
    pub blocked: Vec<Blocked>,
    /// First moves that reach the goal.
    pub unlock: Sets<InstanceId>,
    /// The graded amounts of these moves, in declaration order.
    pub given: Vec<Given>,
    /// How far the owners of these moves are from making them unasked, in declaration order.
    pub unasked: Vec<Unasked>,
    /// Where no set of first moves reaches the goal, the cheapest that does if moves count that are not on offer, expired
    /// or terminated as well; none also where those counted already.
    pub with_any: Option<Choice<InstanceId>>,
    /// What the goal or the conditions of possible moves read that is held as it is now, whatever binds.
    pub held: Vec<Held>,
    /// How much of each move of the first unlock set is enough, and of the first moves that unlock by
    /// themselves.
    pub partial: Vec<Partial>,
    /// Whether these are all; if not, there are more than [`limits::PARTIAL`], or looking for them took more than
    /// [`limits::DETAIL_WORK`].
    pub partial_is_complete: bool,
    /// Actors whose package reaches the goal.
    pub summit: Option<Sets<ActorId>>,
    /// Actors whose exit unravels more than their own part.
    pub keystones: Option<Vec<Keystone>>,
    /// Whether these are all; if not, looking at the other actors took more than [`limits::DETAIL_WORK`].
    pub keystones_are_complete: bool,
}

/// How much a first move gives of a graded amount.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Given {
    /// The move.
    pub instance: InstanceId,
    /// The resource.
    pub resource: ResourceId,
    /// The amount to which the move raises it.
    pub amount: Amount,
}

/// Minimal sets of something, cheapest first, then in the order of their members' names.
#[derive(Clone, Debug, PartialEq)]
pub struct Sets<T> {
    /// No minimal set costs less; none: there is no set.
    pub lower: Option<Amount>,
    /// The cost of the cheapest set that was found.
    pub upper: Option<Amount>,
    /// Whether the cheapest set that was found is proved to be a minimum, or that there is none.
    pub proved: bool,
    /// Number of minimal sets.
    pub count: u64,
    /// Whether `count` is exact; if not, there are at least so many.
    pub count_is_exact: bool,
    /// Minimal sets, at most [`limits::SETS`].
    pub sets: Vec<Choice<T>>,
    /// All minimal sets up to this cost were found; none: some may be missing at any cost.
    pub complete_to: Option<Amount>,
    /// Actors with a part in every minimum set; none: not all minimum sets could be looked at.
    pub in_all: Option<Vec<ActorId>>,
    /// Actors of the gap with a part in no minimum set; none: not all minimum sets could be looked at.
    pub in_none: Option<Vec<ActorId>>,
}

/// A minimal set.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Choice<T> {
    /// What it costs: an amount, or as many units as moves or actors.
    pub cost: Amount,
    /// Its members, in declaration order.
    pub members: Vec<T>,
}

/// The gap of a state after an Exchange: the greatest agreement among its conditional commitments.
///
/// # Errors
/// Where a condition has no value, or the work exceeds its limit.
pub fn gap(view: View<'_>) -> Result<Vec<InstanceId>, Failure> {
    let mut hypothesis = Hypothesis::on(view);
    hypothesis.exchange()?;
    gap_of(view, &mut hypothesis)
}

/// The greatest agreement on top of a hypothesis, which is left as it was.
fn gap_of(view: View<'_>, hypothesis: &mut Hypothesis<'_>) -> Result<Vec<InstanceId>, Failure> {
    Ok(greatest_on(view, hypothesis)?.members)
}

/// The greatest agreement, and what first moves give under it.
#[derive(Clone, Debug, Default)]
struct Greatest {
    /// The gap.
    members: Vec<InstanceId>,
    /// Graded amounts in it, by position in the plan.
    amounts: Vec<Amount>,
    /// Graded amounts of first moves, by position in the plan.
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

/// The least agreement that follows from first moves: what is bound, the moves included, in declaration order.
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
/// Where a condition has no value in the state or in a hypothesis about it, or a fixed point takes more than the
/// work allowed to a run.
pub fn explain(view: View<'_>, question: &Question) -> Result<Explanation, Failure> {
    explain_within(view, question, None)
}

/// Explains a state with another budget than the usual one.
fn explain_within(view: View<'_>, question: &Question, budget: Option<Budget>) -> Result<Explanation, Failure> {
    let View { model, world, .. } = view;
    let mut now = Hypothesis::on(view);
    now.exchange()?;
    let Greatest { members: gap, amounts, moves } = greatest_on(view, &mut now)?;
    now.set_targets(&amounts);
    let waits = waits::waits(model, &mut now, &gap, &amounts);
    now.set_targets(&moves);
    let circles = waits.as_deref().map_or_else(Vec::new, |waits| waits::circles(&gap, waits));
    let blocked = wants::blocked(model, &now, &gap, &amounts);
    let goal = match question.goal {
        None => Goal::Bound(gap.clone(), amounts),
        Some(outcome) => Goal::Outcome(&model.outcomes[outcome.index()].when),
    };
    let goal_condition = question.goal.map(|outcome| &model.outcomes[outcome.index()].when);
    let trend = goal.trend(&now.scope());
    let test = GoalTest::new(view, goal);
    let asked = Asked { view, question, gap: &gap, amounts: &moves, trend, test, budget };
    let possible = moves_of(view, question, &gap, &now);
    let unlock = asked.unlock(&now, &possible)?;
    let with_any = if unlock.lower.is_none() && !question.any { asked.with_any(&now, &possible)? } else { None };
    let (partial, partial_is_complete) =
        if trend == Trend::Up { partials(&asked.test, &unlock, &moves)? } else { (Vec::new(), true) };
    let summit = if question.summit { Some(asked.summit(&now)?) } else { None };
    let keystones = question.keystones.then(|| unlock::keystones(view)).transpose()?;
    let (keystones, keystones_are_complete) = keystones.map_or((None, true), |(found, all)| (Some(found), all));
    Ok(Explanation {
        step: world.step,
        goal: question.goal,
        cost: question.cost,
        any: question.any,
        given: given(view, &movers(&unlock), &moves),
        unasked: movers(&unlock).into_iter().map(|instance| asked.unasked(&now, instance)).collect(),
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
        // More of what is bound already, where the gap has more of it.
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

/// How much is enough of the moves of the first set, and of every other one that is a set by itself.
fn partials(test: &GoalTest<'_>, unlock: &Sets<InstanceId>, moves: &[Amount]) -> Result<(Vec<Partial>, bool), Failure> {
    let (mut found, mut work, mut is_complete) = (Vec::new(), 0, true);
    let others = unlock.sets.iter().skip(1).filter(|set| set.members.len() == 1);
    let others = others.take(limits::PARTIAL_SETS);
    for set in unlock.sets.first().into_iter().chain(others) {
        is_complete &= partial::partial(test, &set.members, moves, &mut work, &mut found)?;
    }
    Ok((found, is_complete))
}

/// A question, with what has been found out already.
struct Asked<'a> {
    view: View<'a>,
    question: &'a Question,
    gap: &'a [InstanceId],
    /// Graded amounts of first moves, by position in the plan.
    amounts: &'a [Amount],
    trend: Trend,
    test: GoalTest<'a>,
    /// Other than the usual one.
    budget: Option<Budget>,
}

impl<'a> Asked<'a> {
    fn unasked(&self, now: &Hypothesis<'_>, instance: InstanceId) -> Unasked {
        distance::unasked(self.view.model, now, instance, self.amounts)
    }

    fn cost(&self, now: &Hypothesis<'_>, instance: InstanceId) -> Amount {
        match self.question.cost {
            Cost::Moves => Amount(1_000_000),
            Cost::Declared => Amount::from_units(self.view.setup.cost[instance.index()].min(crate::model::MAX_AMOUNT)),
            Cost::Resource(resource) => Amount(added(self.view, instance, resource, self.amounts)),
            Cost::Distance => distance::cost(self.unasked(now, instance).distance),
        }
    }

    /// The cheapest set if moves count that are not on offer, expired or terminated as well.
    fn with_any(&self, now: &Hypothesis<'a>, possible: &[InstanceId]) -> Result<Option<Choice<InstanceId>>, Failure> {
        let question = Question { any: true, ..self.question.clone() };
        let moves = moves_of(self.view, &question, self.gap, now);
        if moves.len() == possible.len() {
            return Ok(None);
        }
        let asked = Asked { question: &question, test: self.test.clone(), ..*self };
        Ok(asked.unlock(now, &moves)?.sets.into_iter().next())
    }

    fn unlock(&self, now: &Hypothesis<'a>, moves: &[InstanceId]) -> Result<Sets<InstanceId>, Failure> {
        let names: Vec<&str> = moves.iter().map(|at| self.view.model.instances[at.index()].name.as_str()).collect();
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
            // A set that an actual Exchange does not confirm would be an error of ours; it is never shown.
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
        let names: Vec<&str> = actors.iter().map(|at| self.view.model.actors[at.index()].id.as_str()).collect();
        let items = Items {
            costs: vec![1_000_000; actors.len()],
            ranks: ranks(&names),
            owners: actors.iter().map(|actor| actor.index()).collect(),
            owner_count: self.view.model.actors.len(),
            classes: (0..).take(actors.len()).collect(),
        };
        let oracle = unlock::Room {
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

    /// Whether more never undoes the goal, or (where it holds now or never) more never brings it about.
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

    /// Whether an Exchange after these moves reaches the goal, played on a copy of the state.
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

/// The members of some sets, in declaration order.
fn movers(sets: &Sets<InstanceId>) -> Vec<InstanceId> {
    let mut movers: Vec<InstanceId> = sets.sets.iter().flat_map(|set| &set.members).copied().collect();
    movers.sort_unstable();
    movers.dedup();
    movers
}

/// The graded amounts of some moves, given all by position in the plan.
fn given(view: View<'_>, movers: &[InstanceId], amounts: &[Amount]) -> Vec<Given> {
    if amounts.is_empty() {
        return Vec::new();
    }
    let hypothesis = Hypothesis::on(view);
    let of_one = |instance: InstanceId| {
        let commitment = view.model.commitment_of(instance);
        let gifts = view.model.gifts(instance).filter(|gift| commitment.level(gift.number).is_some());
        gifts.zip(hypothesis.positions_of(instance)).map(move |(gift, position)| Given {
            instance,
            resource: gift.resource,
            amount: amounts[position],
        })
    };
    movers.iter().copied().flat_map(of_one).collect()
}

/// What a first move adds of a resource, in millionths, at these graded amounts.
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

/// The place of each name in their order by bytes.
fn ranks(names: &[&str]) -> Vec<u32> {
    let mut order: Vec<usize> = (0..names.len()).collect();
    order.sort_unstable_by_key(|&at| names[at]);
    let mut ranks = vec![0; names.len()];
    for (rank, at) in (0..).zip(order) {
        ranks[at] = rank;
    }
    ranks
}

/// What stands in the way of some conditional commitments, in the gap or not.
///
/// # Errors
/// As [`explain`].
pub fn lacks(view: View<'_>, commitments: &[InstanceId]) -> Result<Vec<Blocked>, Failure> {
    let mut now = Hypothesis::on(view);
    now.exchange()?;
    Ok(wants::blocked(view.model, &now, commitments, &[]))
}

/// A condition that is looked at in the state that a commitment is in.
#[derive(Clone, Debug, PartialEq)]
pub struct Looked {
    /// Whose it is.
    pub instance: InstanceId,
    /// Its key in the file: `offer`, `when`, `while`, `until`, `release` or `renew`.
    pub key: &'static str,
    /// Whether it holds; none where it cannot be worked out.
    pub holds: Option<bool>,
    /// How far it is from being true.
    pub distance: f64,
    /// What it lacks.
    pub lacks: Blocked,
}

/// The conditions that the next Review or Exchange looks at, of every instance that has one, in declaration order: `offer`
/// of what is not on offer, `when` of an offer, `while` and `until` of what is bound, `while` of what is suspended,
/// `release` of each of these but the first, `renew` of what is over.
///
/// # Errors
/// As [`explain`].
pub fn conditions(view: View<'_>) -> Result<Vec<Looked>, Failure> {
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
            let lacks = wants::lacking(model, &now, instance, &[condition], &[]);
            let holds = condition.truth(&scope).ok();
            found.push(Looked { instance, key, holds, distance: distance::distance(condition, &scope), lacks });
        }
    }
    Ok(found)
}

#[cfg(test)]
mod tests;
