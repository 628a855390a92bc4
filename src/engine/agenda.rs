//! The agenda: which conditions have to be evaluated, so that no work is done for those that cannot have changed.
//!
//! An instance whose conditions have been evaluated sleeps until something changes that may change their results; see
//! [`super::watch`].

use std::cmp::Reverse;
use std::collections::BinaryHeap;

use super::collections::InstanceSet;
use super::decision::View;
use super::plan::{Plan, Recipients, Watchers};
use super::signals::Signal;
use super::watch::{Bands, Kind, Reasons, Wake};
use crate::model::{ActorId, CommitmentId, Event, EventKind, InstanceId, Model, SlotId, State};

/// After this many sleeps in a row of at most one step, the reasons to wake an instance are no longer computed for a
/// while.
const FUTILE: u8 = 4;
/// The number of evaluations for which they are not computed.
const PAUSE: u8 = 4;

/// The instances to evaluate for one kind of conditions.
#[derive(Clone, Debug)]
struct Sleepers {
    awake: InstanceSet,
    /// Instances that the next step wakes.
    next_step: InstanceSet,
    /// By instance: statistics of its latest sleeps. Empty before any of them has slept, as conditions of Review may never.
    sleep_stats: Vec<SleepStats>,
    count: usize,
}

#[derive(Clone, Copy, Debug, Default)]
struct SleepStats {
    /// The step at which it fell asleep.
    since: u32,
    /// Sleeps in a row of at most one step.
    futile: u8,
    /// Remaining evaluations for which no reasons are computed.
    pause: u8,
}

impl Sleepers {
    fn new(all: &InstanceSet, count: usize) -> Self {
        let next_step = InstanceSet::new(count);
        Self { awake: all.clone(), next_step, sleep_stats: Vec::new(), count }
    }

    fn reset(&mut self, all: &InstanceSet) {
        self.awake.copy_from(all);
        self.next_step.clear();
        self.sleep_stats.clear();
    }

    /// Registers that the state of an instance has changed: it is awake, or nothing wakes it.
    #[inline(always)]
    fn start(&mut self, instance: InstanceId, is_awake: bool, mask: &mut u64) {
        if is_awake {
            self.awake.insert(instance);
        } else {
            self.awake.remove(instance);
            self.next_step.remove(instance);
            *mask = 0;
        }
    }

    fn sleep(&mut self, instance: InstanceId, wake: Wake, step: u32) {
        if wake.next_step {
            self.next_step.insert(instance);
        }
        let stats = &mut self.sleep_stats[instance.index()];
        if stats.pause > 0 {
            stats.pause -= 1;
        } else if step == stats.since + 1 {
            stats.futile += 1;
            if stats.futile >= FUTILE {
                (stats.futile, stats.pause) = (FUTILE - 1, PAUSE);
            }
        } else if step > stats.since {
            stats.futile = 0;
        }
        stats.since = step;
    }
}

/// The signals that the latest events of a batch have raised: those of all instances of a commitment in the same groups
/// are the same.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Told<'m> {
    /// Of events of the life cycle, and of gifts: the kind, the commitment, the number of the gift, and the slots.
    latest: [Option<(EventKind, CommitmentId, u32, &'m [SlotId])>; 2],
}

impl<'m> Told<'m> {
    /// Whether the signals of an event are those of the event of its sort before it.
    #[inline]
    pub(super) fn is_again(&mut self, model: &'m Model, event: Event) -> bool {
        let (sort, instance, gift, slots) = match event.instance_and_gift() {
            Some((instance, None)) => (0, instance, 0, model.all_slots_of(instance)),
            Some((instance, Some(gift))) => (1, instance, gift, model.slots_of(instance, gift as usize)),
            None => return false,
        };
        // Events also raise the signals of trust in a debtor.
        if model.reads_trust {
            return false;
        }
        let commitment = model.instances[instance.index()].commitment;
        let now = Some((event.kind(), commitment, gift, slots));
        std::mem::replace(&mut self.latest[sort], now) == now
    }
}

/// The instances that may have something to do, and the other readers whose inputs may have changed.
#[derive(Clone, Debug)]
pub(super) struct Agenda {
    /// Every instance.
    all: InstanceSet,
    /// Whether everything is evaluated in every step.
    is_thorough: bool,
    /// `when`, and the conditions of Review.
    sleepers: [Sleepers; 2],
    /// By instance, then kind: a mask of the quantities of its conditions that wake it. Both kinds stand together, since
    /// a change of its state concerns both.
    masks: Vec<[u64; 2]>,
    bands: Bands,
    /// By position in the plan's levels: the graded amounts that may have to rise.
    levels: Vec<bool>,
    /// The positions set in `levels`, in any order.
    level_queue: Vec<u32>,
    /// The steps at which time alone may change an instance that is not graded.
    timed: BinaryHeap<Reverse<(u32, InstanceId)>>,
    /// Graded instances that time may change together with deliveries.
    steady: InstanceSet,
    /// Instances that time alone may change, whether final or not.
    may_be_timed: InstanceSet,
    /// Detached instances with deliveries left.
    pub(super) delivering: InstanceSet,
    /// By index in the plan: shocks, moves, outcomes and metrics with a changed input.
    others: Vec<bool>,
    /// Signals raised since the sets were last brought up to date.
    raised: Vec<Signal>,
    is_raised: Vec<bool>,
    /// Actors whose stance or anchor was shifted by an event.
    shifted: Vec<ActorId>,
}

impl Agenda {
    /// Allocates the tables for a model; [`Self::reset`] or [`Self::resume`] must follow.
    #[must_use]
    pub(super) fn new(model: &Model, plan: &Plan) -> Self {
        let count = model.instances.len();
        let all = InstanceSet::full(count);
        let mut may_be_timed = InstanceSet::new(count);
        plan.timed.iter().for_each(|&instance| may_be_timed.insert(instance));
        let stances = if plan.bands_are_kept() { model.issues.len() * model.actors.len() } else { 0 };
        Self {
            sleepers: [Sleepers::new(&all, count), Sleepers::new(&all, count)],
            masks: vec![[0; 2]; count],
            bands: Bands::new(stances),
            all,
            is_thorough: false,
            levels: vec![true; plan.levels.len()],
            level_queue: (0..).take(plan.levels.len()).collect(),
            timed: BinaryHeap::new(),
            steady: InstanceSet::new(count),
            may_be_timed,
            delivering: InstanceSet::new(count),
            others: vec![true; plan.global_readers.count()],
            raised: Vec::new(),
            is_raised: vec![false; plan.signals.count()],
            shifted: Vec::new(),
        }
    }

    /// Evaluates everything in every step, whether its inputs have changed or not.
    pub(super) fn be_thorough(&mut self) {
        self.is_thorough = true;
    }

    /// Whether everything is evaluated in every step.
    pub(super) fn is_thorough(&self) -> bool {
        self.is_thorough
    }

    /// Begins a run: everything has to be evaluated. Of a new agenda, which `is_new`, not all must be written again.
    pub(super) fn reset(&mut self, view: View<'_>, is_new: bool) {
        if !is_new {
            self.sleepers.iter_mut().for_each(|sleepers| sleepers.reset(&self.all));
        }
        self.bands.reset();
        (0..).take(self.levels.len()).for_each(|level| self.add_level(level));
        self.timed.clear();
        self.steady.clear();
        view.plan.timed.iter().for_each(|&instance| self.schedule(view, instance));
        self.delivering.clear();
        self.others.fill(true);
        self.shifted.clear();
        for signal in self.raised.drain(..) {
            self.is_raised[signal as usize] = false;
        }
    }

    /// Begins a step.
    #[inline]
    pub(super) fn begin_step(&mut self, plan: &Plan) {
        for Sleepers { awake, next_step, .. } in &mut self.sleepers {
            next_step.move_to(awake);
        }
        self.raise(plan, plan.signals.tick);
    }

    /// Raises a signal: something that it stands for has changed.
    #[inline]
    pub(super) fn raise(&mut self, plan: &Plan, signal: Signal) {
        if plan.recipients[signal as usize] != Recipients::default() {
            self.raise_for_all(plan, signal);
        }
    }

    fn raise_for_all(&mut self, plan: &Plan, signal: Signal) {
        if plan.recipients[signal as usize].has_global_readers {
            for &other in plan.global_readers.watchers.get(signal) {
                self.others[other as usize] = true;
            }
        }
        self.raise_for_instances(plan, signal);
    }

    #[inline]
    fn raise_for_instances(&mut self, plan: &Plan, signal: Signal) {
        match plan.recipients[signal as usize].instances {
            Watchers::None => {}
            Watchers::Few => self.wake(plan, signal),
            Watchers::Many => {
                if !std::mem::replace(&mut self.is_raised[signal as usize], true) {
                    self.raised.push(signal);
                }
            }
        }
    }

    #[inline]
    fn wake(&mut self, plan: &Plan, signal: Signal) {
        for (kind, (sleepers, watchers)) in self.sleepers.iter_mut().zip(&plan.watchers).enumerate() {
            for stretch in watchers.stretches(signal) {
                let range = stretch.items();
                let masks = &self.masks[range.start as usize..range.end as usize];
                for (instance, masks) in range.zip(masks) {
                    if masks[kind] & stretch.mask != 0 {
                        sleepers.awake.insert(InstanceId(instance));
                    }
                }
            }
        }
    }

    /// Whether any stance has left its band.
    #[inline]
    pub(super) fn is_any_band_left(&self, stances: &[f64]) -> bool {
        self.bands.is_any_left(stances)
    }

    /// Registers changes of the stances of some actors, or of all.
    pub(super) fn note_stances(&mut self, plan: &Plan, some: Option<&[ActorId]>, stances: &[f64]) {
        for &other in &plan.global_readers.of_stances {
            self.others[other as usize] = true;
        }
        let Some(some) = some else {
            plan.stance_signals.iter().for_each(|&signal| self.raise_for_instances(plan, signal));
            if !self.levels.is_empty() || self.bands.is_any_left(stances) {
                (0..).zip(stances).for_each(|(at, &stance)| self.note_stance(plan, at, stance));
            }
            return;
        };
        let actors = plan.signals.actors;
        let issues = stances.len() / (actors as usize).max(1);
        for issue in (0..).take(issues) {
            for actor in some {
                let at = issue * actors + actor.0;
                if !plan.stance_signals.is_empty() {
                    plan.means_of(at, |signal| self.raise_for_instances(plan, signal));
                }
                let stance = stances[at as usize];
                if !self.levels.is_empty() || self.bands.is_left(at as usize, stance) {
                    self.note_stance(plan, at, stance);
                }
            }
        }
    }

    /// Wakes the watchers of a stance if it has left its band, and levels, which have no bands.
    fn note_stance(&mut self, plan: &Plan, at: u32, value: f64) {
        if self.bands.is_left(at as usize, value) {
            // All instances that rely on the band are evaluated before the stance changes again.
            self.bands.open(at as usize);
            self.raise_for_instances(plan, plan.signals.stances + at);
        } else if !self.levels.is_empty() {
            for &level in plan.level_watchers.get(plan.signals.stances + at) {
                self.add_level(level);
            }
        }
    }

    /// Registers an event that has just been applied to the state. Its signals are not raised again if that `is_told`,
    /// since whom they wake is awake.
    #[inline]
    pub(super) fn note(&mut self, view: View<'_>, event: Event, is_told: bool) {
        let View { model, plan, .. } = view;
        if is_told {
            self.note_instance(view, event);
            return;
        }
        if let Event::Stance { actor, issue, value } = event {
            let at = plan.signals.stance(actor, issue) - plan.signals.stances;
            plan.means_of(at, |signal| self.raise(plan, signal));
            for &other in plan.global_readers.watchers.get(plan.signals.stances + at) {
                self.others[other as usize] = true;
            }
            self.note_stance(plan, at, value);
        } else {
            plan.signals_of(model, event, |signal| self.raise(plan, signal));
        }
        if let Event::Stance { actor, .. } | Event::Anchor { actor, .. } = event {
            self.shifted.push(actor);
        }
        self.note_instance(view, event);
    }

    /// Registers what an event changes for its own instance.
    #[inline]
    fn note_instance(&mut self, view: View<'_>, event: Event) {
        let View { model, plan, .. } = view;
        if let Some(instance) = event.instance() {
            if event.kind().leads_to().is_some() {
                self.resume(view, instance);
            } else if model.commitment_of(instance).is_graded() {
                // Whether it is complete depends on its amounts and deliveries.
                self.review(instance);
                if view.world.instance(instance).state == State::Detached {
                    self.delivering.insert(instance);
                }
            }
            plan.levels_of(instance).for_each(|level| self.add_level(u32::try_from(level).unwrap_or(u32::MAX)));
        }
    }

    /// The actors whose stance or anchor was shifted by an event since the last call.
    pub(super) fn take_shifted(&mut self) -> std::vec::Drain<'_, ActorId> {
        self.shifted.drain(..)
    }

    /// Whether an input of one of the plan's other readers has changed since the last call.
    #[inline]
    pub(super) fn take_global_reader(&mut self, other: usize) -> bool {
        std::mem::replace(&mut self.others[other], false) || self.is_thorough
    }

    /// Whether a signal that any of these global readers depends on was raised.
    #[inline]
    pub(super) fn has_other(&self, others: std::ops::Range<usize>) -> bool {
        self.is_thorough || self.others[others].iter().any(|&other| other)
    }

    /// Registers an instance in its current state.
    pub(super) fn resume(&mut self, view: View<'_>, instance: InstanceId) {
        let state = view.world.instance(instance).state;
        let [when, review] = &mut self.sleepers;
        let [when_mask, review_mask] = &mut self.masks[instance.index()];
        // `when` applies to offers only.
        when.start(instance, state == State::Conditional, when_mask);
        let commitment = view.model.instances[instance.index()].commitment;
        review.start(instance, view.plan.conditions[commitment.index()].is_reviewed(state), review_mask);
        if state == State::Detached {
            self.delivering.insert(instance);
        } else {
            self.delivering.remove(instance);
        }
        if self.may_be_timed.may_have_any() && self.may_be_timed.contains(instance) {
            self.schedule(view, instance);
        }
    }

    /// Registers all instances in their states, which are those of another agenda of the model; none of them sleeps, is
    /// graded or delivers.
    pub(super) fn copy_instances_from(&mut self, other: &Self) {
        for (own, other) in self.sleepers.iter_mut().zip(&other.sleepers) {
            own.awake.copy_from(&other.awake);
        }
        self.masks.clone_from(&other.masks);
        self.timed.clone_from(&other.timed);
    }

    /// Schedules an instance for the next Review.
    pub(super) fn review(&mut self, instance: InstanceId) {
        self.sleepers[Kind::Review as usize].awake.insert(instance);
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

    /// Clears the set of graded amounts to check, since all have been checked.
    pub(super) fn forget_levels(&mut self, plan: &Plan) {
        self.bring_up_to_date(plan);
        self.level_queue.drain(..).for_each(|level| self.levels[level as usize] = false);
    }

    /// Schedules the next step at which time alone may change an instance.
    fn schedule(&mut self, view: View<'_>, instance: InstanceId) {
        if view.model.commitment_of(instance).is_graded() {
            if view.world.instance(instance).state.is_final() {
                self.steady.remove(instance);
            } else {
                self.steady.insert(instance);
            }
        } else if let Some(step) = next_time(view, instance) {
            self.timed.push(Reverse((step, instance)));
        }
    }

    fn bring_up_to_date(&mut self, plan: &Plan) {
        if self.raised.is_empty() {
            return;
        }
        let mut raised = std::mem::take(&mut self.raised);
        for signal in raised.drain(..) {
            self.is_raised[signal as usize] = false;
            for &level in plan.level_watchers.get(signal) {
                self.add_level(level);
            }
            self.wake(plan, signal);
        }
        self.raised = raised;
    }

    /// Reads what an event of an instance may change, so that it is in the cache. The result means nothing.
    #[inline]
    #[must_use]
    pub(super) fn touch(&self, instance: InstanceId) -> u64 {
        self.masks[instance.index()][0] ^ u64::from(self.delivering.contains(instance))
    }

    /// Whether to compute the reasons that can wake an instance while evaluating it.
    pub(super) fn is_worth_while(&self, kind: Kind, instance: InstanceId) -> bool {
        self.sleepers[kind as usize].sleep_stats.get(instance.index()).is_none_or(|stats| stats.pause == 0)
    }

    /// Puts the evaluated instances to sleep for the given reasons.
    pub(super) fn sleep(&mut self, kind: Kind, reasons: &Reasons, step: u32) {
        let sleepers = &mut self.sleepers[kind as usize];
        if sleepers.sleep_stats.is_empty() && !reasons.sleeping.is_empty() {
            sleepers.sleep_stats.resize(sleepers.count, SleepStats::default());
        }
        for &(instance, wake) in &reasons.sleeping {
            self.masks[instance.index()][kind as usize] = wake.mask;
            sleepers.sleep(instance, wake, step);
        }
        reasons.bands.iter().for_each(|band| self.bands.narrow(*band));
    }

    /// Whether there may be instances whose `when` may have changed.
    #[inline]
    pub(super) fn has_when(&self) -> bool {
        self.is_thorough || !self.raised.is_empty() || self.sleepers[Kind::When as usize].awake.may_have_any()
    }

    /// Moves the instances whose `when` may have changed to `out`, in declaration order.
    pub(super) fn take_when(&mut self, plan: &Plan, out: &mut Vec<InstanceId>) {
        self.bring_up_to_date(plan);
        let awake = &mut self.sleepers[Kind::When as usize].awake;
        if self.is_thorough {
            awake.copy_from(&self.all);
        }
        awake.drain_into(out);
    }

    /// Clears the set of instances whose `when` may have changed, since all have been evaluated.
    pub(super) fn forget_when(&mut self, plan: &Plan) {
        self.bring_up_to_date(plan);
        self.sleepers[Kind::When as usize].awake.clear();
    }

    /// Whether there may be instances to review in a step.
    #[inline]
    pub(super) fn has_review(&self, step: u32) -> bool {
        self.is_thorough
            || !self.raised.is_empty()
            || self.sleepers[Kind::Review as usize].awake.may_have_any()
            || self.steady.may_have_any()
            || self.timed.peek().is_some_and(|Reverse((due, _))| *due <= step)
    }

    /// The next step in which time alone may change an instance that is not graded; `u32::MAX` if there is none.
    pub(super) fn next_date(&self) -> u32 {
        self.timed.peek().map_or(u32::MAX, |Reverse((due, _))| *due)
    }

    /// Whether there is nothing to review, to exchange or to deliver in a step, and none of these outcomes to look at.
    #[inline]
    pub(super) fn is_idle(&self, step: u32, outcomes: std::ops::Range<usize>) -> bool {
        !self.has_review(step) && !self.has_when() && !self.delivering.may_have_any() && !self.has_other(outcomes)
    }

    /// Moves the instances to review to `out`, in declaration order.
    pub(super) fn take_review(&mut self, view: View<'_>, out: &mut Vec<InstanceId>) {
        self.bring_up_to_date(view.plan);
        while let Some(&Reverse((step, instance))) = self.timed.peek() {
            if step > view.world.step {
                break;
            }
            self.timed.pop();
            self.review(instance);
        }
        if !self.steady.is_empty() {
            self.sleepers[Kind::Review as usize].awake.add(&self.steady);
        }
        let awake = &mut self.sleepers[Kind::Review as usize].awake;
        if self.is_thorough {
            awake.copy_from(&self.all);
        }
        awake.drain_into(out);
    }
}

/// The next step at which time alone may change an instance in its current state.
fn next_time(view: View<'_>, instance: InstanceId) -> Option<u32> {
    let View { model, setup, world, .. } = view;
    let own = world.instance(instance);
    let at = instance.index();
    let after = |limit: Option<u32>, since: Option<u32>| {
        limit.zip(since).map(|(limit, since)| since.saturating_add(limit).saturating_add(1))
    };
    let due = after(setup.due[at], own.detached.step());
    match own.state {
        State::Null | State::Conditional => {
            let steps = f64::from(model.clock.steps);
            let expires = setup.expires[at].max(0.0);
            #[expect(
                clippy::cast_possible_truncation,
                clippy::cast_sign_loss,
                reason = "from 0 to the number of steps"
            )]
            (expires < steps).then(|| libm::ceil(expires) as u32)
        }
        State::Detached => due,
        State::Pending => {
            let grace = after(setup.grace[at], own.suspended.step());
            due.into_iter().chain(grace).min()
        }
        State::Satisfied | State::Violated | State::Expired | State::Terminated => None,
    }
}
