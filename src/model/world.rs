//! The state of a run. Only [`evolve`] changes it, event by event: the fields of a [`World`] are readable everywhere
//! and writable only in that module.

mod evolve;

use std::ops::Deref;

pub use evolve::{LEAST_CHANGE, begin_step, evolve, is_change, move_all_stances, move_stances, recount};

use super::ids::{ActorId, InstanceId, IssueId, MeanId};
use super::quantity::Promises;
use super::state::State;
use super::trust::{Beta, Trust};
use super::{Evidence, Model, Setup};

/// A step at which something happened, if it has. As there are several for each of up to millions of instances, it is
/// as small as a number.
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct Moment(u32);

impl Moment {
    /// It has not happened.
    pub const NEVER: Self = Self(u32::MAX);

    /// At a step.
    ///
    /// # Panics
    /// Never: the number of steps is limited.
    #[inline]
    #[must_use]
    pub fn at(step: u32) -> Self {
        debug_assert!(step < u32::MAX);
        Self(step)
    }

    /// The step; `None` if it has not happened.
    #[inline]
    #[must_use]
    pub fn step(self) -> Option<u32> {
        (self != Self::NEVER).then_some(self.0)
    }
}

impl Default for Moment {
    fn default() -> Self {
        Self::NEVER
    }
}

impl std::fmt::Debug for Moment {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        self.step().fmt(f)
    }
}

/// The state of one commitment instance. It does not span two lines of the cache.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[repr(align(32))]
pub struct InstanceState {
    /// Its state in the life cycle.
    pub state: State,
    /// Latest step at which it was created.
    pub created: Moment,
    /// First step at which it was detached.
    pub first_detached: Moment,
    /// Latest step at which it was detached.
    pub detached: Moment,
    /// Step at which its final state was reached.
    pub settled: Moment,
    /// Step of the latest suspension.
    pub suspended: Moment,
    /// Step since which it has been detached without a break.
    pub active_since: u32,
    /// Steps of delivery before that in the current build-up.
    pub active_before: u32,
}

impl InstanceState {
    /// Reads it, so that it is in the cache. The result means nothing.
    #[inline]
    #[must_use]
    pub fn touch(&self) -> u64 {
        self.state as u64
    }

    /// The number of `over` increments that were due by the end of the step before `step`, for a detached or pending
    /// instance.
    #[must_use]
    pub fn increments_done(&self, step: u32, lead: u32, over: u32) -> u32 {
        let since = if self.state == State::Pending { 0 } else { step - self.active_since };
        let active = u64::from(self.active_before) + u64::from(since);
        u32::try_from(active.saturating_sub(u64::from(lead))).map_or(over, |done| done.min(over))
    }

    /// The number of `over` increments that are due by the end of `step`, with `lead` steps before the first.
    ///
    /// Steps spent pending do not count.
    ///
    /// # Panics
    /// Never: the result is at most `over`.
    #[inline]
    #[must_use]
    pub fn increments_due(&self, step: u32, lead: u32, over: u32) -> u32 {
        let active = u64::from(self.active_before) + u64::from(step - self.active_since) + 1;
        let due = active.saturating_sub(u64::from(lead)).min(u64::from(over));
        u32::try_from(due).expect("no more than `over`")
    }
}

/// The number of occurrences of a meeting, shock or move, and the latest one.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Occurrence {
    /// Number of occurrences.
    pub count: u32,
    /// Step of the latest occurrence.
    pub last: Option<u32>,
}

impl Occurrence {
    /// Steps since it last occurred; infinite if it never has.
    #[inline]
    #[must_use]
    pub fn since(self, step: u32) -> f64 {
        self.last.map_or(f64::INFINITY, |last| f64::from(step - last))
    }
}

/// The state of a run, with the last computed gap.
///
/// Dereferences to its facts. Only the functions of `evolve` can change them.
#[derive(Clone, Debug, PartialEq)]
pub struct World {
    facts: Facts,
    gap: u32,
}

impl Deref for World {
    type Target = Facts;

    #[inline]
    fn deref(&self) -> &Facts {
        &self.facts
    }
}

/// The part of the state that events determine.
#[derive(Clone, Debug, PartialEq)]
pub struct Facts {
    /// The current step.
    pub step: u32,
    actors: usize,
    /// Stances in [0, 1], by issue, then actor.
    pub stances: Vec<f64>,
    /// Anchors in [0, 1], by issue, then actor.
    pub anchors: Vec<f64>,
    /// Trust between actors.
    pub trust: Trust,
    /// Commitment instances.
    pub instances: Vec<InstanceState>,
    /// The evidence.
    pub evidence: Evidence,
    /// First step at which an instance of each declared commitment was detached.
    pub first_bound: Vec<Option<u32>>,
    /// Meeting sessions so far.
    pub meetings: Vec<Occurrence>,
    /// Shocks so far.
    pub shocks: Vec<Occurrence>,
    /// Moves so far.
    pub moves: Vec<Occurrence>,
    /// Step at which each outcome was first reached.
    pub reached: Vec<Option<u32>>,
}

impl World {
    /// The initial state.
    #[must_use]
    pub fn new(model: &Model, setup: &Setup) -> Self {
        let mut facts = Facts {
            step: 0,
            actors: model.actors.len(),
            stances: Vec::new(),
            anchors: Vec::new(),
            trust: Trust::new(if model.reads_trust { model.actors.len() } else { 0 }, Beta::new(1.0, 1.0)),
            instances: vec![InstanceState::default(); model.instances.len()],
            evidence: Evidence::new(model),
            first_bound: vec![None; model.commitments.len()],
            meetings: vec![Occurrence::default(); model.meetings.len()],
            shocks: vec![Occurrence::default(); model.shocks.len()],
            moves: vec![Occurrence::default(); model.moves.len()],
            reached: vec![None; model.outcomes.len()],
        };
        facts.begin(model, setup);
        Self { facts, gap: 0 }
    }

    /// Takes the numbers of a setup for a state in which nothing has happened yet, as [`Self::reset`] does for any.
    pub fn begin(&mut self, model: &Model, setup: &Setup) {
        self.facts.begin(model, setup);
    }

    /// Resets to the initial state with other numbers of the same model, reusing memory.
    pub fn reset(&mut self, model: &Model, setup: &Setup) {
        let Self { facts, gap } = self;
        *gap = 0;
        facts.step = 0;
        facts.instances.fill(InstanceState::default());
        facts.evidence.reset();
        facts.first_bound.fill(None);
        facts.meetings.fill(Occurrence::default());
        facts.shocks.fill(Occurrence::default());
        facts.moves.fill(Occurrence::default());
        facts.reached.fill(None);
        facts.begin(model, setup);
    }

    /// Copies another state of the same model, reusing memory.
    pub fn copy_from(&mut self, other: &Self) {
        self.gap = other.gap;
        self.facts.copy_from(&other.facts);
    }

    /// Copies the commitments of another state of the same model that is otherwise equal.
    pub fn copy_commitments_from(&mut self, other: &Self) {
        let Facts { instances, evidence, first_bound, .. } = &mut self.facts;
        instances.clone_from(&other.instances);
        evidence.copy_from(&other.evidence);
        first_bound.clone_from(&other.first_bound);
    }

    /// Size of the gap when it was last computed; 0 before.
    #[inline]
    #[must_use]
    pub fn gap(&self) -> u32 {
        self.gap
    }

    /// Stores the size of the gap, which follows from the facts but is expensive to compute.
    pub fn keep_gap(&mut self, gap: u32) {
        self.gap = gap;
    }
}

impl Facts {
    fn copy_from(&mut self, other: &Self) {
        let Self {
            step,
            actors,
            stances,
            anchors,
            trust,
            instances,
            evidence,
            first_bound,
            meetings,
            shocks,
            moves,
            reached,
        } = self;
        (*step, *actors) = (other.step, other.actors);
        stances.clone_from(&other.stances);
        anchors.clone_from(&other.anchors);
        trust.copy_from(&other.trust);
        instances.clone_from(&other.instances);
        evidence.copy_from(&other.evidence);
        first_bound.clone_from(&other.first_bound);
        meetings.clone_from(&other.meetings);
        shocks.clone_from(&other.shocks);
        moves.clone_from(&other.moves);
        reached.clone_from(&other.reached);
    }

    fn begin(&mut self, model: &Model, setup: &Setup) {
        self.stances.clone_from(&setup.stances);
        self.anchors.clear();
        // An actor without an anchor of its own is anchored where it begins.
        let anchors = setup.anchors.iter().zip(&setup.stances);
        self.anchors.extend(anchors.map(|(&anchor, &stance)| if anchor.is_nan() { stance } else { anchor }));
        if model.reads_trust {
            self.trust.reset(Beta::new(setup.trust_default, setup.trust_strength));
            for (pair, &value) in model.trust_pairs.iter().zip(&setup.trust_pairs) {
                for (truster, trusted) in pair.ordered(model) {
                    *self.trust.beta_mut(truster, trusted) = Beta::new(value, setup.trust_strength);
                }
            }
        }
    }

    /// Position of an actor's stance in the tables by issue and actor.
    #[inline]
    #[must_use]
    pub fn stance_index(&self, actor: ActorId, issue: IssueId) -> usize {
        issue.index() * self.actors + actor.index()
    }

    /// An actor's stance on an issue.
    #[inline]
    #[must_use]
    pub fn stance(&self, actor: ActorId, issue: IssueId) -> f64 {
        self.stances[self.stance_index(actor, issue)]
    }

    /// The mean stance of a group, summed from 0 in declaration order.
    ///
    /// # Panics
    /// Never: the number of actors is limited.
    #[must_use]
    pub fn mean_stance(&self, model: &Model, mean: MeanId) -> f64 {
        let mean = &model.means[mean.index()];
        let members = &model.groups[mean.group.index()].members;
        let sum = members.iter().fold(0.0, |sum, &actor| sum + self.stance(actor, mean.issue));
        sum / f64::from(u32::try_from(members.len()).expect("the number of actors is limited"))
    }

    /// The state of an instance.
    #[inline]
    #[must_use]
    pub fn instance(&self, instance: InstanceId) -> &InstanceState {
        &self.instances[instance.index()]
    }

    /// Step at which an instance was first bound.
    #[must_use]
    pub fn bound_at(&self, of: Promises) -> Option<u32> {
        match of.instance {
            Some(one) => self.instance(one).first_detached.step(),
            None => self.first_bound[of.commitment.index()],
        }
    }
}
