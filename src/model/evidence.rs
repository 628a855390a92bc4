//! Evidence: the offers, bonds and deliveries of a state, with the totals that expressions read.
//!
//! All values are integers, so totals are exact and do not depend on the order of events.

use super::expression::Reader;
use super::ids::{ActorId, InstanceId, ResourceId, SlotId};
use super::quantity::Promises;
use super::state::{Standing, State};
use super::{Amount, Gift, Model, Setup};

/// Sums of amounts of one actor and resource, or of one slot.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
struct Sums {
    offered: i64,
    bound: i64,
    delivered: i64,
    /// Σ of the larger of a commitment's bound and delivered amounts.
    bound_or_delivered: i64,
    /// Σ of the largest of a commitment's offered, bound and delivered amounts.
    offered_or_more: i64,
    /// Number of bound commitments that name the resource (in a slot: of actors with one).
    parties: u32,
}

/// A change of the sums of a slot.
#[derive(Clone, Copy, Default)]
struct SlotChange {
    sums: Contribution,
    parties: i32,
}

/// Numbers of instances of one declared commitment.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
struct Counts {
    offers: u32,
    bonds: u32,
    kept: u32,
    pending: u32,
    violated: u32,
    expired: u32,
    terminated: u32,
    rounds: u32,
}

impl Counts {
    /// The count for a state, if it is tracked.
    fn in_state(&mut self, state: State) -> Option<&mut u32> {
        match state {
            State::Pending => Some(&mut self.pending),
            State::Violated => Some(&mut self.violated),
            State::Expired => Some(&mut self.expired),
            State::Terminated => Some(&mut self.terminated),
            State::Null | State::Conditional | State::Detached | State::Satisfied => None,
        }
    }
}

/// The evidence of a state.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Evidence {
    /// By resource, then actor.
    ledger: Vec<Sums>,
    /// By slot.
    slots: Vec<Sums>,
    /// By declared commitment.
    counts: Vec<Counts>,
    /// By instance. Both stand together, since an event changes both.
    standing: Vec<(Standing, State)>,
    /// The number of times each instance has been satisfied.
    rounds: Vec<u32>,
    /// Delivered (of maintained commitments: in force), by flat position of the gift.
    delivered: Vec<Amount>,
    /// Delivered in earlier rounds, by flat position of the gift; empty before anything was delivered
    /// in a round that has ended.
    earlier: Vec<Amount>,
    /// Current graded amounts, by flat position of the gift; empty if no commitment is graded.
    amounts: Vec<Amount>,
    /// Number of delivered increments, by flat position of the gift; empty unless a commitment is graded or trust is
    /// tracked.
    increments: Vec<u32>,
}

impl Evidence {
    /// Evidence without offers.
    #[must_use]
    pub fn new(model: &Model) -> Self {
        Self {
            ledger: vec![Sums::default(); model.resources.len() * model.actors.len()],
            slots: vec![Sums::default(); model.slots.len()],
            counts: vec![Counts::default(); model.commitments.len()],
            standing: vec![Default::default(); model.instances.len()],
            rounds: vec![0; model.instances.len()],
            delivered: vec![Amount::ZERO; model.gift_count()],
            earlier: Vec::new(),
            amounts: vec![Amount::ZERO; if model.has_graded() { model.gift_count() } else { 0 }],
            increments: vec![0; if model.has_graded() || model.reads_trust { model.gift_count() } else { 0 }],
        }
    }

    /// Removes all evidence.
    pub fn reset(&mut self) {
        self.ledger.fill(Sums::default());
        self.slots.fill(Sums::default());
        self.counts.fill(Counts::default());
        self.standing.fill(Default::default());
        self.rounds.fill(0);
        self.delivered.fill(Amount::ZERO);
        self.earlier.clear();
        self.amounts.fill(Amount::ZERO);
        self.increments.fill(0);
    }

    /// Copies another evidence of the same model, reusing memory.
    pub fn copy_from(&mut self, other: &Self) {
        self.ledger.clone_from(&other.ledger);
        self.slots.clone_from(&other.slots);
        self.counts.clone_from(&other.counts);
        self.standing.clone_from(&other.standing);
        self.rounds.clone_from(&other.rounds);
        self.delivered.clone_from(&other.delivered);
        self.earlier.clone_from(&other.earlier);
        self.amounts.clone_from(&other.amounts);
        self.increments.clone_from(&other.increments);
    }

    /// Reads what an event of an instance may change, so that it is in the cache. The result means nothing.
    #[inline]
    #[must_use]
    pub fn touch(&self, model: &Model, instance: InstanceId) -> u64 {
        let declared = &model.instances[instance.index()];
        let kind = &model.commitments[declared.commitment.index()];
        let gifts = (declared.first_gift as usize..).zip(&kind.gives).map(|(gift, &resource)| {
            let own = &self.ledger[model.ledger_index(resource, declared.debtor)];
            let slots = model.slots_at(gift).first().map_or(0, |slot| slot.0);
            self.delivered[gift].0.cast_unsigned()
                ^ own.offered.cast_unsigned()
                ^ u64::from(own.parties)
                ^ u64::from(slots)
        });
        let own = self.standing[instance.index()].0.bound;
        gifts.fold(u64::from(own), |all, one| all ^ one)
    }

    /// The current standing of an instance.
    #[inline]
    #[must_use]
    pub fn standing(&self, instance: InstanceId) -> Standing {
        self.standing[instance.index()].0
    }

    /// The delivered amount of a gift (for a maintained commitment: the amount in force), by its flat position.
    #[inline]
    #[must_use]
    pub fn delivered_amount(&self, gift: usize) -> Amount {
        self.delivered[gift]
    }

    /// Sets the state of an instance.
    pub fn set_state(&mut self, model: &Model, instance: InstanceId, new: State) {
        let old = std::mem::replace(&mut self.standing[instance.index()].1, new);
        let counts = &mut self.counts[model.instances[instance.index()].commitment.index()];
        if let Some(count) = counts.in_state(old) {
            *count -= 1;
        }
        if let Some(count) = counts.in_state(new) {
            *count += 1;
        }
    }

    /// Counts a round in which an instance was satisfied.
    pub fn add_round(&mut self, model: &Model, instance: InstanceId) {
        self.rounds[instance.index()] += 1;
        self.counts[model.instances[instance.index()].commitment.index()].rounds += 1;
    }

    /// The number of times that an instance has been satisfied.
    #[must_use]
    pub fn rounds_of(&self, instance: InstanceId) -> u32 {
        self.rounds[instance.index()]
    }

    fn earlier(&self, gift: usize) -> Amount {
        self.earlier.get(gift).copied().unwrap_or(Amount::ZERO)
    }

    /// The amount of a gift delivered in all rounds, by its flat position.
    #[must_use]
    pub fn delivered_in_all_rounds(&self, gift: usize) -> Amount {
        Amount(self.earlier(gift).0 + self.delivered[gift].0)
    }

    /// Ends a round of an instance whose standing is nothing. Its deliveries stay in the totals of its debtor, as if
    /// they belonged to a separate commitment that was offered, bound and delivered, and the next round begins at zero.
    pub fn retire(&mut self, model: &Model, instance: InstanceId) {
        debug_assert_eq!(self.standing[instance.index()].0, Standing::NONE);
        for gift in model.gifts(instance) {
            // The sums are already right: the deliveries are all that they hold for this instance.
            let delivered = std::mem::take(&mut self.delivered[gift.position]);
            if delivered != Amount::ZERO {
                self.earlier.resize(self.delivered.len(), Amount::ZERO);
                self.earlier[gift.position].0 += delivered.0;
            }
        }
    }

    /// Copies an instance from another evidence whose amounts may differ.
    pub fn adopt(&mut self, model: &Model, setup: &Setup, instance: InstanceId, other: &Self) {
        let at = instance.index();
        for gift in model.gifts(instance) {
            self.set_delivered(model, setup, instance, gift.number, other.earlier(gift.position));
        }
        self.retire(model, instance);
        self.rounds[at] = other.rounds[at];
        self.counts[model.instances[at].commitment.index()].rounds += other.rounds[at];
        self.set_state(model, instance, other.standing[at].1);
        self.set_standing(model, setup, instance, other.standing[at].0);
        for gift in model.gifts(instance) {
            if model.commitment_of(instance).level(gift.number).is_some() {
                // A graded amount is kept up to its new limit.
                let amount = other.amounts[gift.position].min(setup.gives[gift.position]);
                self.set_amount(model, setup, instance, gift.number, amount);
            }
            self.set_increments(gift.position, other.increments(gift.position));
            self.set_delivered(model, setup, instance, gift.number, other.delivered[gift.position]);
        }
    }

    /// Sets the standing of an instance.
    pub fn set_standing(&mut self, model: &Model, setup: &Setup, instance: InstanceId, new: Standing) {
        let old = std::mem::replace(&mut self.standing[instance.index()].0, new);
        if old == new {
            return;
        }
        let declared = &model.instances[instance.index()];
        let counts = &mut self.counts[declared.commitment.index()];
        step_count(&mut counts.offers, old.offered, new.offered);
        step_count(&mut counts.bonds, old.bound, new.bound);
        step_count(&mut counts.kept, old.kept, new.kept);
        if (old.offered, old.bound) == (new.offered, new.bound) && self.amounts.is_empty() {
            // Whether it is kept decides only which of its amounts counts, and without graded amounts there is only one.
            return;
        }
        for gift in model.gifts(instance) {
            let promise = self.promise(model, setup, instance, gift);
            self.change(model, declared.debtor, gift, (promise, old), (promise, new));
        }
    }

    /// Sets the standing of several instances to that of a state, as [`Self::set_standing`] does for one.
    pub fn set_standings(&mut self, model: &Model, setup: &Setup, instances: &[InstanceId], state: State) {
        let commitment = |instance: &InstanceId| model.instances[instance.index()].commitment;
        for alike in instances.chunk_by(|a, b| commitment(a) == commitment(b)) {
            let at = commitment(&alike[0]);
            let new = state.standing(model.commitments[at.index()].maintain);
            if !self.amounts.is_empty() {
                alike.iter().for_each(|&instance| self.set_standing(model, setup, instance, new));
                continue;
            }
            for (number, &resource) in model.commitments[at.index()].gives.iter().enumerate() {
                self.restand(model, setup, alike, (number, resource), new);
            }
            let counts = &mut self.counts[at.index()];
            for instance in alike {
                let old = std::mem::replace(&mut self.standing[instance.index()].0, new);
                step_count(&mut counts.offers, old.offered, new.offered);
                step_count(&mut counts.bonds, old.bound, new.bound);
                step_count(&mut counts.kept, old.kept, new.kept);
            }
        }
    }

    /// Replaces the contributions of a gift of several instances of one commitment, none of which is graded, by those
    /// with a new standing. The sums of slots are changed once for all consecutive instances that count in the same.
    fn restand(
        &mut self,
        model: &Model,
        setup: &Setup,
        alike: &[InstanceId],
        (number, resource): (usize, ResourceId),
        new: Standing,
    ) {
        let (mut slots, mut total): (&[SlotId], _) = (&[], SlotChange::default());
        for &instance in alike {
            let declared = &model.instances[instance.index()];
            let position = declared.first_gift as usize + number;
            let (upto, delivered) = (setup.gives[position].0, self.delivered[position].0);
            let promise = Promise { upto, amount: upto, delivered };
            let old = self.standing[instance.index()].0;
            let change = promise.contribution(new).less(promise.contribution(old));
            let own = &mut self.ledger[model.ledger_index(resource, declared.debtor)];
            own.add(change);
            let was_party = own.parties > 0;
            step_count(&mut own.parties, old.bound, new.bound);
            let parties = i32::from(own.parties > 0) - i32::from(was_party);
            let own_slots = model.slots_at(position);
            if own_slots != slots {
                self.change_slots(std::mem::replace(&mut slots, own_slots), std::mem::take(&mut total));
            }
            total.sums = total.sums.plus(change);
            total.parties += parties;
        }
        self.change_slots(slots, total);
    }

    fn change_slots(&mut self, slots: &[SlotId], change: SlotChange) {
        for slot in slots {
            let sums = &mut self.slots[slot.index()];
            sums.add(change.sums);
            sums.parties = sums.parties.wrapping_add_signed(change.parties);
        }
    }

    /// Sets the delivered amount of a gift (for a maintained commitment: the amount in force).
    pub fn set_delivered(&mut self, model: &Model, setup: &Setup, instance: InstanceId, number: usize, new: Amount) {
        let gift = model.gift(instance, number);
        let before = self.promise(model, setup, instance, gift);
        self.delivered[gift.position] = new;
        let after = Promise { delivered: new.0, ..before };
        let standing = self.standing[instance.index()].0;
        let debtor = model.instances[instance.index()].debtor;
        self.change(model, debtor, gift, (before, standing), (after, standing));
    }

    /// Sets a graded amount.
    pub fn set_amount(&mut self, model: &Model, setup: &Setup, instance: InstanceId, number: usize, new: Amount) {
        let gift = model.gift(instance, number);
        let before = self.promise(model, setup, instance, gift);
        self.amounts[gift.position] = new;
        let after = Promise { amount: new.0, ..before };
        let standing = self.standing[instance.index()].0;
        let debtor = model.instances[instance.index()].debtor;
        self.change(model, debtor, gift, (before, standing), (after, standing));
    }

    /// The promised amount of a gift: the current one if it is graded, otherwise the declared one.
    #[inline]
    #[must_use]
    pub fn amount(&self, model: &Model, setup: &Setup, instance: InstanceId, gift: Gift) -> Amount {
        if !self.amounts.is_empty() && model.commitment_of(instance).level(gift.number).is_some() {
            self.amounts[gift.position]
        } else {
            setup.gives[gift.position]
        }
    }

    /// The current graded amount, by flat position of the gift.
    #[inline]
    #[must_use]
    pub fn graded(&self, gift: usize) -> Amount {
        self.amounts[gift]
    }

    /// The contribution of a gift to the totals `offered` and `bound`.
    #[must_use]
    pub fn counts(&self, model: &Model, setup: &Setup, instance: InstanceId, gift: Gift) -> (Amount, Amount) {
        let promise = self.promise(model, setup, instance, gift);
        let (offered, bound) = promise.counts(self.standing[instance.index()].0);
        (Amount(offered), Amount(bound))
    }

    /// Whether increments are counted.
    #[must_use]
    pub fn has_increments(&self) -> bool {
        !self.increments.is_empty()
    }

    /// Number of increments of a gift that have been delivered in this round, by its flat position; 0 if they are not
    /// counted.
    #[must_use]
    pub fn increments(&self, gift: usize) -> u32 {
        self.increments.get(gift).copied().unwrap_or(0)
    }

    /// Sets the number of increments of a gift. Has no effect if they are not counted.
    pub fn set_increments(&mut self, gift: usize, number: u32) {
        if let Some(increments) = self.increments.get_mut(gift) {
            *increments = number;
        }
    }

    #[inline(always)]
    fn promise(&self, model: &Model, setup: &Setup, instance: InstanceId, gift: Gift) -> Promise {
        Promise {
            upto: setup.gives[gift.position].0,
            amount: self.amount(model, setup, instance, gift).0,
            delivered: self.delivered[gift.position].0,
        }
    }

    /// Replaces the contribution of a promise to every sum that it is part of. An actor counts as one party regardless
    /// of the number of its commitments for the resource.
    #[inline(always)]
    fn change(
        &mut self,
        model: &Model,
        debtor: ActorId,
        gift: Gift,
        before: (Promise, Standing),
        after: (Promise, Standing),
    ) {
        let change = after.0.contribution(after.1).less(before.0.contribution(before.1));
        let own = &mut self.ledger[model.ledger_index(gift.resource, debtor)];
        own.add(change);
        let was_party = own.parties > 0;
        step_count(&mut own.parties, before.1.bound, after.1.bound);
        let is_party = own.parties > 0;
        for &slot in model.slots_at(gift.position) {
            let sums = &mut self.slots[slot.index()];
            sums.add(change);
            step_count(&mut sums.parties, was_party, is_party);
        }
    }

    /// The part of a slot's sums that comes from the reader itself, which is excluded for it.
    #[inline]
    fn own(&self, model: &Model, slot: SlotId, reader: Option<Reader>) -> Option<&Sums> {
        let reader = reader?;
        let slot = &model.slots[slot.index()];
        model.groups[slot.group.index()]
            .contains(reader.actor)
            .then(|| &self.ledger[model.ledger_index(slot.resource, reader.actor)])
    }

    /// `offered(r, g)`
    #[inline]
    #[must_use]
    pub fn offered(&self, model: &Model, slot: SlotId, reader: Option<Reader>) -> Amount {
        Amount(self.slots[slot.index()].offered - self.own(model, slot, reader).map_or(0, |own| own.offered))
    }

    /// `bound(r, g)`
    #[inline]
    #[must_use]
    pub fn bound(&self, model: &Model, slot: SlotId, reader: Option<Reader>) -> Amount {
        Amount(self.slots[slot.index()].bound - self.own(model, slot, reader).map_or(0, |own| own.bound))
    }

    /// `delivered(r, g)`
    #[inline]
    #[must_use]
    pub fn delivered(&self, model: &Model, slot: SlotId, reader: Option<Reader>) -> Amount {
        Amount(self.slots[slot.index()].delivered - self.own(model, slot, reader).map_or(0, |own| own.delivered))
    }

    /// `parties(r, g)`
    #[inline]
    #[must_use]
    pub fn parties(&self, model: &Model, slot: SlotId, reader: Option<Reader>) -> u32 {
        let own = self.own(model, slot, reader).map_or(0, |own| u32::from(own.parties > 0));
        self.slots[slot.index()].parties - own
    }

    /// Offered, bound and delivered amounts of one actor's commitments, for `assured`; none is smaller than the next.
    #[inline]
    #[must_use]
    pub fn table(&self, model: &Model, resource: ResourceId, actor: ActorId) -> (Amount, Amount, Amount) {
        let sums = &self.ledger[model.ledger_index(resource, actor)];
        (Amount(sums.offered_or_more), Amount(sums.bound_or_delivered), Amount(sums.delivered))
    }

    /// Whether an actor has a bound commitment that names the resource.
    #[must_use]
    pub fn is_party(&self, model: &Model, resource: ResourceId, actor: ActorId) -> bool {
        self.ledger[model.ledger_index(resource, actor)].parties > 0
    }

    /// `offers(c)`
    #[must_use]
    pub fn offers(&self, model: &Model, of: Promises, reader: Option<Reader>) -> u32 {
        self.count(of, reader, model, |counts| counts.offers, |own| own.offered)
    }

    /// `bonds(c)`
    #[must_use]
    pub fn bonds(&self, model: &Model, of: Promises, reader: Option<Reader>) -> u32 {
        self.count(of, reader, model, |counts| counts.bonds, |own| own.bound)
    }

    /// `kept(c)`
    #[must_use]
    pub fn kept(&self, model: &Model, of: Promises, reader: Option<Reader>) -> u32 {
        self.count(of, reader, model, |counts| counts.kept, |own| own.kept)
    }

    /// The number of instances that count, without the reader's own.
    fn count(
        &self,
        of: Promises,
        reader: Option<Reader>,
        model: &Model,
        all: impl Fn(&Counts) -> u32,
        counts: impl Fn(Standing) -> bool,
    ) -> u32 {
        let is = |instance: InstanceId| u32::from(counts(self.standing[instance.index()].0));
        match (of.instance, reader) {
            (Some(one), Some(me)) if me.instance == one => 0,
            (Some(one), _) => is(one),
            (None, Some(me)) if model.instances[me.instance.index()].commitment == of.commitment => {
                all(&self.counts[of.commitment.index()]) - is(me.instance)
            }
            (None, _) => all(&self.counts[of.commitment.index()]),
        }
    }

    /// `pending(c)`, `violated(c)` and similar: the number of instances in a state.
    #[must_use]
    pub fn in_state(&self, of: Promises, state: State) -> u32 {
        match of.instance {
            Some(one) => u32::from(self.standing[one.index()].1 == state),
            None => self.counts[of.commitment.index()].clone().in_state(state).map_or(0, |count| *count),
        }
    }

    /// `rounds(c)`
    #[must_use]
    pub fn rounds(&self, of: Promises) -> u32 {
        match of.instance {
            Some(one) => self.rounds[one.index()],
            None => self.counts[of.commitment.index()].rounds,
        }
    }
}

#[inline]
fn step_count(count: &mut u32, was: bool, is: bool) {
    *count = *count + u32::from(is) - u32::from(was);
}

/// One amount of a commitment, in millionths.
#[derive(Clone, Copy)]
struct Promise {
    /// The upper limit.
    upto: i64,
    amount: i64,
    delivered: i64,
}

impl Promise {
    /// The amounts that count as offered and as bound.
    #[inline]
    fn counts(self, standing: Standing) -> (i64, i64) {
        // A kept commitment counts with its current amount; an offer or a bond may still rise to its limit.
        let offer = if standing.kept { self.amount } else { self.upto };
        (if standing.offered { offer } else { 0 }, if standing.bound { self.amount } else { 0 })
    }

    /// The contribution of the promise to sums, with this standing.
    #[inline]
    fn contribution(self, standing: Standing) -> Contribution {
        let (offered, bound) = self.counts(standing);
        let bound_or_delivered = bound.max(self.delivered);
        let offered_or_more = offered.max(bound_or_delivered);
        Contribution { offered, bound, delivered: self.delivered, bound_or_delivered, offered_or_more }
    }
}

/// The contribution of one promise to [`Sums`], or a change of it.
#[derive(Clone, Copy, Default)]
struct Contribution {
    offered: i64,
    bound: i64,
    delivered: i64,
    bound_or_delivered: i64,
    offered_or_more: i64,
}

impl Contribution {
    #[inline]
    fn plus(self, other: Self) -> Self {
        Self {
            offered: self.offered + other.offered,
            bound: self.bound + other.bound,
            delivered: self.delivered + other.delivered,
            bound_or_delivered: self.bound_or_delivered + other.bound_or_delivered,
            offered_or_more: self.offered_or_more + other.offered_or_more,
        }
    }

    #[inline]
    fn less(self, other: Self) -> Self {
        Self {
            offered: self.offered - other.offered,
            bound: self.bound - other.bound,
            delivered: self.delivered - other.delivered,
            bound_or_delivered: self.bound_or_delivered - other.bound_or_delivered,
            offered_or_more: self.offered_or_more - other.offered_or_more,
        }
    }
}

impl Sums {
    #[inline]
    fn add(&mut self, part: Contribution) {
        self.offered += part.offered;
        self.bound += part.bound;
        self.delivered += part.delivered;
        self.bound_or_delivered += part.bound_or_delivered;
        self.offered_or_more += part.offered_or_more;
    }
}
