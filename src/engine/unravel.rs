//! Cascades of suspensions: which commitments would be suspended if some actors left.

use super::collections::InstanceSet;
use super::decision::View;
use super::failure::Failure;
use crate::model::{Amount, Event, Evidence, InstanceId, Reader, Scope, State, limits};

/// A state in which some detached commitments are suspended hypothetically.
///
/// Stances and trust stay as they are. Amounts in force of a maintained commitment are withdrawn.
#[derive(Clone, Debug)]
pub struct Unravelling<'a> {
    view: View<'a>,
    evidence: Evidence,
    suspended: InstanceSet,
    trail: Vec<InstanceId>,
    /// The withdrawn amounts, by commitment and position in its `gives`.
    withdrawn: Vec<(InstanceId, usize, Amount)>,
    work: u64,
    limit: u64,
}

impl<'a> Unravelling<'a> {
    /// A hypothesis equal to the state.
    #[must_use]
    pub fn on(view: View<'a>) -> Self {
        Self {
            view,
            evidence: view.world.evidence.clone(),
            suspended: InstanceSet::new(view.model.instances.len()),
            trail: Vec::new(),
            withdrawn: Vec::new(),
            work: 0,
            limit: limits::WORK,
        }
    }

    /// Allows this many operations before it fails.
    #[must_use]
    pub fn with_work(mut self, operations: u64) -> Self {
        self.limit = operations;
        self
    }

    /// Suspends `leaving`, then in rounds the commitments whose `while` fails as a result. Returns the later rounds,
    /// each in declaration order.
    ///
    /// `first` are commitments whose `while` may fail from the outset.
    ///
    /// # Errors
    /// If a condition has no value, or the work exceeds its limit.
    pub fn unravel(&mut self, leaving: &[InstanceId], first: &[InstanceId]) -> Result<Vec<Vec<InstanceId>>, Failure> {
        let mut candidates = InstanceSet::new(self.view.model.instances.len());
        first.iter().for_each(|&instance| candidates.insert(instance));
        let mut wave = leaving.to_vec();
        let mut waves = Vec::new();
        let mut looked_at = Vec::new();
        loop {
            for &instance in &wave {
                self.suspend(instance);
            }
            for &instance in &wave {
                let Self { view, suspended, .. } = &*self;
                view.plan.signals_of(view.model, Event::Suspended(instance), |signal| {
                    for watcher in view.plan.review_watchers().get(signal) {
                        let watcher = InstanceId(watcher);
                        let bound = view.world.instance(watcher).state == State::Detached;
                        if bound && !suspended.contains(watcher) {
                            candidates.insert(watcher);
                        }
                    }
                });
            }
            looked_at.clear();
            candidates.drain_into(&mut looked_at);
            wave.clear();
            for &instance in &looked_at {
                if !self.suspended.contains(instance) && !self.stays(instance)? {
                    wave.push(instance);
                }
            }
            if wave.is_empty() {
                return Ok(waves);
            }
            waves.push(wave.clone());
        }
    }

    /// Undoes all suspensions.
    pub fn undo(&mut self) {
        let View { model, setup, world, .. } = self.view;
        while let Some(instance) = self.trail.pop() {
            self.suspended.remove(instance);
            self.evidence.set_standing(model, setup, instance, world.evidence.standing(instance));
            self.evidence.set_state(model, instance, world.instance(instance).state);
        }
        while let Some((instance, number, amount)) = self.withdrawn.pop() {
            self.evidence.set_delivered(model, setup, instance, number, amount);
        }
    }

    fn suspend(&mut self, instance: InstanceId) {
        let View { model, setup, .. } = self.view;
        let maintain = model.commitment_of(instance).maintain;
        self.suspended.insert(instance);
        self.trail.push(instance);
        self.evidence.set_standing(model, setup, instance, State::Pending.standing(maintain));
        self.evidence.set_state(model, instance, State::Pending);
        if !maintain {
            return;
        }
        for gift in model.gifts(instance) {
            let amount = self.evidence.delivered_amount(gift.position);
            if amount != Amount::ZERO {
                self.evidence.set_delivered(model, setup, instance, gift.number, Amount::ZERO);
                self.withdrawn.push((instance, gift.number, amount));
            }
        }
    }

    /// Whether the `while` of a detached commitment holds with the hypothetical evidence.
    fn stays(&mut self, instance: InstanceId) -> Result<bool, Failure> {
        let view = self.view;
        let declared = &view.model.instances[instance.index()];
        let Some(stay) = &view.model.commitment_of(instance).stay else { return Ok(true) };
        self.work += view.plan.costs[declared.commitment.index()].review;
        if self.work > self.limit {
            return Err(Failure::TooMuchWork { step: view.world.step });
        }
        let reader = Some(Reader { actor: declared.debtor, instance });
        let scope = Scope { evidence: &self.evidence, reader, ..view.scope() };
        stay.truth(&scope).map_err(|fault| view.failure(fault))
    }
}
