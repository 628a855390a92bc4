//! What needs to be looked at: an agenda that does no work for what cannot have changed.

use super::instance_set::InstanceSet;
use super::plan::Plan;
use super::signals::Signal;
use crate::model::{ActorId, Event, InstanceId, Model, State, World};

/// Watchers of a signal that are told at once; more are told when the sets are looked at.
const FEW: usize = 4;

/// The instances that may have something to do.
#[derive(Clone, Debug)]
pub(super) struct Agenda {
    /// Every instance.
    all: InstanceSet,
    /// `when` may have turned.
    when: InstanceSet,
    /// `offer`, `while`, `until` or `release` may have turned, or the own state has changed.
    review: InstanceSet,
    /// By position in the plan's levels: the graded amounts that may have to rise.
    levels: Vec<bool>,
    /// Those of `levels` that are set, in no order.
    level_queue: Vec<u32>,
    /// Not final, and time alone may move it.
    timed: InstanceSet,
    /// Those that time alone may move, final or not.
    may_be_timed: InstanceSet,
    /// Detached, and not everything is handed over.
    pub(super) delivering: InstanceSet,
    /// Signals raised since the sets were last brought up to date.
    raised: Vec<Signal>,
    is_raised: Vec<bool>,
    /// Actors of whom an event has shifted a stance or an anchor.
    shifted: Vec<ActorId>,
}

impl Agenda {
    /// At the start everything needs a look.
    #[must_use]
    pub(super) fn new(model: &Model, plan: &Plan) -> Self {
        let count = model.instances.len();
        let mut all = InstanceSet::new(count);
        model.instance_ids().for_each(|instance| all.insert(instance));
        let mut timed = InstanceSet::new(count);
        plan.timed.iter().for_each(|&instance| timed.insert(instance));
        Self {
            when: all.clone(),
            review: all.clone(),
            all,
            may_be_timed: timed.clone(),
            levels: vec![true; plan.levels.len()],
            level_queue: (0..).take(plan.levels.len()).collect(),
            timed,
            delivering: InstanceSet::new(count),
            raised: Vec::new(),
            is_raised: vec![false; plan.signals.tick as usize + 1],
            shifted: Vec::new(),
        }
    }

    /// Back to the start.
    pub(super) fn reset(&mut self, plan: &Plan) {
        for set in [&mut self.when, &mut self.review] {
            set.copy_from(&self.all);
        }
        (0..).take(self.levels.len()).for_each(|level| self.add_level(level));
        self.timed.clear();
        plan.timed.iter().for_each(|&instance| self.timed.insert(instance));
        self.delivering.clear();
        self.shifted.clear();
        for signal in self.raised.drain(..) {
            self.is_raised[signal as usize] = false;
        }
    }

    /// Notes a change.
    #[inline]
    pub(super) fn raise(&mut self, plan: &Plan, signal: Signal) {
        let (when, review) = (plan.when_watchers.get(signal), plan.review_watchers.get(signal));
        if !self.levels.is_empty() && !plan.level_watchers.get(signal).is_empty() {
            // Those who watch are told when the levels are looked at.
            if !self.is_raised[signal as usize] {
                self.is_raised[signal as usize] = true;
                self.raised.push(signal);
            }
        } else if when.len() + review.len() <= FEW {
            when.iter().for_each(|&instance| self.when.insert(InstanceId(instance)));
            review.iter().for_each(|&instance| self.review.insert(InstanceId(instance)));
        } else if !self.is_raised[signal as usize] {
            self.is_raised[signal as usize] = true;
            self.raised.push(signal);
        }
    }

    /// Notes that the stances at these positions have moved.
    #[inline]
    pub(super) fn note_stances(&mut self, plan: &Plan, moved: &[u32]) {
        if !plan.watches_stances {
            return;
        }
        if moved.len() == plan.stance_streams.len() {
            // Everybody who watches any stance is told.
            for &signal in &plan.stance_signals {
                self.raise(plan, signal);
            }
            plan.stance_levels.iter().for_each(|&level| self.add_level(level));
            self.when.add(&plan.stance_when);
            self.review.add(&plan.stance_review);
            return;
        }
        for &at in moved {
            plan.signals_of_stance(at, |signal| self.raise(plan, signal));
        }
    }

    /// Notes an event that has just changed the state.
    #[inline]
    pub(super) fn note(&mut self, model: &Model, plan: &Plan, world: &World, event: Event) {
        plan.signals_of(model, event, |signal| self.raise(plan, signal));
        if let Event::Stance { actor, .. } | Event::Anchor { actor, .. } = event {
            self.shifted.push(actor);
        }
        if let Some(instance) = event.instance() {
            self.note_own(world, instance);
            plan.levels_of(instance).for_each(|level| self.add_level(u32::try_from(level).unwrap_or(u32::MAX)));
        }
    }

    /// The actors of whom an event has shifted a stance or an anchor since the last call.
    pub(super) fn take_shifted(&mut self) -> std::vec::Drain<'_, ActorId> {
        self.shifted.drain(..)
    }

    /// Takes up an instance in the state that it is in.
    pub(super) fn resume(&mut self, world: &World, instance: InstanceId) {
        self.note_own(world, instance);
    }

    /// Has an instance looked at in the next Review.
    pub(super) fn review(&mut self, instance: InstanceId) {
        self.review.insert(instance);
    }

    fn add_level(&mut self, level: u32) {
        if !std::mem::replace(&mut self.levels[level as usize], true) {
            self.level_queue.push(level);
        }
    }

    /// Moves the graded amounts that may have to rise to `out`, in declaration order.
    pub(super) fn take_levels(&mut self, plan: &Plan, out: &mut Vec<u32>) {
        self.bring_up_to_date(plan);
        out.append(&mut self.level_queue);
        out.sort_unstable();
        out.iter().for_each(|&level| self.levels[level as usize] = false);
    }

    /// Forgets which graded amounts may have to rise: all of them have been looked at since.
    pub(super) fn forget_levels(&mut self, plan: &Plan) {
        self.bring_up_to_date(plan);
        self.level_queue.drain(..).for_each(|level| self.levels[level as usize] = false);
    }

    fn note_own(&mut self, world: &World, instance: InstanceId) {
        let state = world.instance(instance).state;
        self.when.insert(instance);
        self.review.insert(instance);
        if state.is_final() {
            self.timed.remove(instance);
        } else if self.may_be_timed.contains(instance) {
            // It may have been renewed.
            self.timed.insert(instance);
        }
        if state == State::Detached {
            self.delivering.insert(instance);
        } else {
            self.delivering.remove(instance);
        }
    }

    fn bring_up_to_date(&mut self, plan: &Plan) {
        for signal in std::mem::take(&mut self.raised) {
            self.is_raised[signal as usize] = false;
            for &level in plan.level_watchers.get(signal) {
                self.add_level(level);
            }
            for &instance in plan.when_watchers.get(signal) {
                self.when.insert(InstanceId(instance));
            }
            for &instance in plan.review_watchers.get(signal) {
                self.review.insert(InstanceId(instance));
            }
        }
    }

    /// Moves the instances whose `when` may have turned to `out`, in declaration order.
    pub(super) fn take_when(&mut self, plan: &Plan, out: &mut Vec<InstanceId>) {
        self.bring_up_to_date(plan);
        self.when.drain_into(out);
    }

    /// Forgets whose `when` may have turned: all of them have been looked at since.
    pub(super) fn forget_when(&mut self, plan: &Plan) {
        self.bring_up_to_date(plan);
        self.when.clear();
    }

    /// Moves the instances to review to `out`, in declaration order.
    pub(super) fn take_review(&mut self, plan: &Plan, out: &mut Vec<InstanceId>) {
        self.bring_up_to_date(plan);
        self.review.add(&self.timed);
        self.review.drain_into(out);
    }
}
