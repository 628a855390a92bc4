//! The sets that an explanation gives: the first moves after which an Exchange reaches the goal (unlock sets) and the least
//! amounts with which they still do (partial moves), the actors whose package does (summit sets), and those whose exit
//! unravels more than their own part (keystones).

use super::goal::{Goal, GoalTest};
use super::limits;
use super::search::Oracle;
use crate::engine::{Failure, Hypothesis, Unravelling, View};
use crate::model::{ActorId, Amount, InstanceId, ResourceId, Standing, State};

/// Answers what follows from first moves.
#[derive(Clone, Debug)]
pub(super) struct Moves<'a> {
    pub(super) hypothesis: Hypothesis<'a>,
    pub(super) test: GoalTest<'a>,
    /// The possible moves, in declaration order.
    pub(super) possible: Vec<InstanceId>,
    /// Length of the trail before any move is made.
    pub(super) base: usize,
}

impl Oracle for Moves<'_> {
    fn items(&self) -> usize {
        self.possible.len()
    }

    fn add(&mut self, item: usize) -> Result<(), Failure> {
        self.hypothesis.make_move(self.possible[item]);
        self.hypothesis.close()
    }

    fn mark(&self) -> usize {
        self.hypothesis.trail().len() - self.base
    }

    fn undo(&mut self, mark: usize) {
        self.hypothesis.undo(self.base + mark);
    }

    fn has(&self, item: usize) -> bool {
        self.hypothesis.is_moved(self.possible[item])
    }

    fn reached(&mut self) -> Result<bool, Failure> {
        self.test.reached(&self.hypothesis)
    }

    fn may_follow(&mut self, item: usize) -> Result<bool, Failure> {
        // A move that would not bind by itself may still be given in full as an amount that others raise.
        Ok(self.hypothesis.knows_more() || self.hypothesis.would_agree(self.possible[item])?)
    }

    /// If the goal is to bind the whole gap, keeps out the first member of the gap that would follow: the fixed point
    /// can stop as soon as it reaches that member.
    fn leave_out(&mut self, order: &[usize]) -> Result<Vec<usize>, Failure> {
        let mut target = None;
        let mut left_out = Vec::new();
        for &item in order {
            if self.has(item) {
                continue;
            }
            let before = self.mark();
            self.hypothesis.make_move(self.possible[item]);
            let reached = if let Some(target) = target {
                self.hypothesis.close_until(target)?
            } else {
                self.hypothesis.close()?;
                self.reached()?
            };
            if !reached {
                continue;
            }
            if let (None, Goal::Bound(members, _), false) = (target, &self.test.goal, self.hypothesis.knows_more()) {
                let new = &self.hypothesis.trail()[self.base + before..];
                let followers = new[1..].iter().chain(&new[..1]);
                target = followers.copied().find(|follower| members.binary_search(follower).is_ok());
            }
            self.undo(before);
            left_out.push(item);
        }
        Ok(left_out)
    }

    fn work(&self) -> u64 {
        self.hypothesis.work()
    }

    fn size(&self) -> usize {
        self.mark()
    }
}

/// Answers what follows from a package of the actors present.
#[derive(Clone, Debug)]
pub(super) struct SummitOracle<'a> {
    pub(super) hypothesis: Hypothesis<'a>,
    pub(super) test: GoalTest<'a>,
    /// The conditional commitments of each actor that has some.
    pub(super) offers: Vec<Vec<InstanceId>>,
    /// Length of the trail with no actor present.
    pub(super) base: usize,
    /// The actors present.
    pub(super) present: Vec<usize>,
}

impl SummitOracle<'_> {
    /// Adds the package and its consequences to the hypothesis.
    fn agree(&mut self) -> Result<(), Failure> {
        self.hypothesis.undo(self.base);
        let offers: Vec<InstanceId> = self.present.iter().flat_map(|&actor| &self.offers[actor]).copied().collect();
        self.hypothesis.agree(&offers)?;
        self.hypothesis.close()
    }
}

impl Oracle for SummitOracle<'_> {
    fn items(&self) -> usize {
        self.offers.len()
    }

    fn add(&mut self, item: usize) -> Result<(), Failure> {
        self.present.push(item);
        Ok(())
    }

    fn mark(&self) -> usize {
        self.present.len()
    }

    fn undo(&mut self, mark: usize) {
        self.present.truncate(mark);
    }

    /// The presence of some actors never implies that of another.
    fn has(&self, item: usize) -> bool {
        self.present.contains(&item)
    }

    fn may_follow(&mut self, _item: usize) -> Result<bool, Failure> {
        Ok(false)
    }

    fn reached(&mut self) -> Result<bool, Failure> {
        self.agree()?;
        self.test.reached(&self.hypothesis)
    }

    fn work(&self) -> u64 {
        self.hypothesis.work()
    }

    fn size(&self) -> usize {
        self.hypothesis.trail().len() - self.base
    }
}

/// An actor whose exit would suspend commitments of others.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Keystone {
    /// The actor.
    pub actor: ActorId,
    /// Its own bound commitments, in declaration order.
    pub own: Vec<InstanceId>,
    /// The commitments that would be suspended because of its exit in each round; rounds without any are left out.
    pub waves: Vec<Vec<InstanceId>>,
}

/// The keystones of a state in declaration order, and whether the list is complete within the work limit.
pub(super) fn keystones(view: View<'_>) -> Result<(Vec<Keystone>, bool), Failure> {
    let View { model, world, .. } = view;
    let mut own: Vec<Vec<InstanceId>> = vec![Vec::new(); model.actors.len()];
    let mut detached = Vec::new();
    for instance in model.instance_ids().filter(|&instance| world.instance(instance).state == State::Detached) {
        own[model.instances[instance.index()].debtor.index()].push(instance);
        detached.push(instance);
    }
    let mut unravelling = Unravelling::on(view).with_work(limits::DETAIL_WORK);
    let baseline = match unravelling.unravel(&[], &detached) {
        Err(Failure::TooMuchWork { .. }) => return Ok((Vec::new(), false)),
        baseline => baseline?,
    };
    unravelling.undo();
    let first = baseline.first().cloned().unwrap_or_default();
    let mut anyway = vec![false; model.instances.len()];
    baseline.iter().flatten().for_each(|instance| anyway[instance.index()] = true);
    let mut keystones = Vec::new();
    for actor in model.actor_ids() {
        let own = std::mem::take(&mut own[actor.index()]);
        if own.is_empty() {
            continue;
        }
        let mut waves = match unravelling.unravel(&own, &first) {
            Err(Failure::TooMuchWork { .. }) => return Ok((keystones, false)),
            waves => waves?,
        };
        unravelling.undo();
        waves.iter_mut().for_each(|wave| wave.retain(|instance| !anyway[instance.index()]));
        waves.retain(|wave| !wave.is_empty());
        if !waves.is_empty() {
            keystones.push(Keystone { actor, own, waves });
        }
    }
    Ok((keystones, true))
}

/// The least sufficient amount of one resource in an unlock set, with all other amounts given in full.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Partial {
    /// The move.
    pub instance: InstanceId,
    /// The resource.
    pub resource: ResourceId,
    /// The promised amount.
    pub amount: Amount,
    /// The least amount with which the set still unlocks.
    pub least: Amount,
}

/// Appends to `found` the least amounts for each member of a set that unlocks a monotone goal, and returns whether all
/// were found: amounts beyond [`limits::PARTIAL`] or beyond the work limit are left out.
///
/// More evidence never undoes a monotone goal, so bisection over whole millionths is exact.
///
/// `amounts` are the graded amounts of first moves, by position in the plan; they are exact to a step of `by`.
pub(super) fn partial(
    test: &GoalTest<'_>,
    set: &[InstanceId],
    amounts: &[Amount],
    work: &mut u64,
    found: &mut Vec<Partial>,
) -> Result<bool, Failure> {
    for &instance in set {
        if found.len() >= limits::PARTIAL {
            return Ok(false);
        }
        let mut levels = Hypothesis::on(test.view).positions_of(instance);
        for gift in test.view.model.gifts(instance) {
            let is_graded = test.view.model.commitment_of(instance).level(gift.number).is_some();
            let position = if is_graded { levels.next() } else { None };
            let amount = position.map_or(test.view.setup.gives[gift.position], |position| amounts[position]);
            // Bisects over the number of steps; the last step may be shorter than the others.
            let by = if is_graded { test.view.setup.by[gift.position].0 } else { 1 };
            let (mut low, mut high) = (0, amount.0 / by + i64::from(amount.0 % by > 0));
            while low < high {
                let middle = low + (high - low) / 2;
                let tried = Amount((middle * by).min(amount.0));
                let unlocks = match position {
                    Some(position) => {
                        let mut changed = amounts.to_vec();
                        changed[position] = tried;
                        unlocks_at(test, set, &changed, work)
                    }
                    None => unlocks_with(test, set, (instance, gift.position), (tried, amounts), work),
                };
                match unlocks {
                    Ok(true) => high = middle,
                    Ok(false) => low = middle + 1,
                    Err(Failure::TooMuchWork { .. }) => return Ok(false),
                    Err(failure) => return Err(failure),
                }
            }
            found.push(Partial { instance, resource: gift.resource, amount, least: Amount((high * by).min(amount.0)) });
        }
    }
    Ok(true)
}

/// Whether the set unlocks if one gift has this amount, which then is also the offered amount.
fn unlocks_with(
    test: &GoalTest<'_>,
    set: &[InstanceId],
    (instance, gift): (InstanceId, usize),
    (amount, amounts): (Amount, &[Amount]),
    work: &mut u64,
) -> Result<bool, Failure> {
    let View { model, setup, world, .. } = test.view;
    let mut evidence = world.evidence.clone();
    evidence.set_standing(model, setup, instance, Standing::default());
    let mut changed = setup.clone();
    changed.gives.set(gift, amount);
    evidence.set_standing(model, &changed, instance, world.evidence.standing(instance));
    let view = View { setup: &changed, ..test.view };
    let mut hypothesis =
        Hypothesis::with_evidence(view, evidence).indexed().with_work(limits::DETAIL_WORK.saturating_sub(*work));
    hypothesis.set_targets(amounts);
    follow(&mut hypothesis, set, work)?;
    let mut test = GoalTest { view, ..test.clone() };
    test.reached(&hypothesis)
}

/// Whether the set unlocks with these graded amounts.
fn unlocks_at(test: &GoalTest<'_>, set: &[InstanceId], amounts: &[Amount], work: &mut u64) -> Result<bool, Failure> {
    let mut hypothesis = Hypothesis::on(test.view).with_work(limits::DETAIL_WORK.saturating_sub(*work));
    hypothesis.set_targets(amounts);
    follow(&mut hypothesis, set, work)?;
    test.clone().reached(&hypothesis)
}

/// Makes the moves of a set and closes the hypothesis under what follows.
fn follow(hypothesis: &mut Hypothesis<'_>, set: &[InstanceId], work: &mut u64) -> Result<(), Failure> {
    hypothesis.exchange()?;
    set.iter().for_each(|&member| hypothesis.make_move(member));
    hypothesis.close()?;
    *work = work.saturating_add(hypothesis.work()).saturating_add(1);
    Ok(())
}
