//! The tracked numbers that conditions read, with their histories and the parts that are a reader's own.

use std::collections::BTreeMap;

use super::super::collections::{Lists, make_room};
use super::super::plan::Plan;
use super::history::{History, LogPosition, ordered};
use crate::model::{
    ActorId, Amount, Dependency, Event, Expression, InstanceId, MeetingId, Model, MoveId, Occurrence, Quantity, Range,
    Reader, Scope, Seq, Setup, ShockId, SlotId, Values, World, limits,
};

/// The part of a total that does not count for a reader.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum OwnPart {
    /// Everything counts for every reader.
    None,
    /// The commitments of the reader's debtor.
    OfDebtor,
    /// The reading instance.
    OfInstance,
}

/// How the value of a quantity is computed from a tracked number.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Unit {
    /// A float, as [`ordered`] writes it.
    Float,
    /// Millionths.
    Millionths,
    /// A count.
    Count,
    /// The step of the latest occurrence, −1 before the first; the quantity is the steps since.
    LatestStep,
}

/// How the value of a quantity at an earlier position is found; `T` identifies a tracked number.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum HistorySource<T> {
    /// It is the same throughout a run.
    Fixed,
    /// The current step.
    Step,
    /// A tracked number.
    Tracked {
        /// The number.
        track: T,
        /// The unit of the number.
        unit: Unit,
        /// The part that does not count for the reader.
        own: OwnPart,
    },
}

/// The tracked quantity, and its reader if it depends on one beyond the own part.
type Key = (Quantity, Option<ActorId>);

/// Whether the source of a quantity in a condition depends on who its debtor is.
pub(super) fn is_of_debtor(quantity: Quantity) -> bool {
    matches!(quantity, Quantity::OwnStance(_) | Quantity::Assured { observer: None, .. })
}

/// How a quantity is found in a condition of `debtor`, or in one that belongs to no commitment.
pub(super) fn history_source(quantity: Quantity, debtor: Option<ActorId>) -> HistorySource<Key> {
    let unit = if matches!(quantity, Quantity::Offered(_) | Quantity::Bound(_) | Quantity::Delivered(_)) {
        Unit::Millionths
    } else if matches!(quantity.range(), Range::Actors(_) | Range::Instances(_)) {
        Unit::Count
    } else {
        Unit::Float
    };
    let tracked = |unit, own| HistorySource::Tracked { track: (quantity, None), unit, own };
    match quantity.dependency() {
        Dependency::Fixed => HistorySource::Fixed,
        Dependency::Slot(_) | Dependency::Deeds(_) => tracked(unit, OwnPart::OfDebtor),
        Dependency::Commitment(_) => tracked(unit, OwnPart::OfInstance),
        Dependency::MeetingOrClock(_) | Dependency::ShockOrClock(_) | Dependency::MoveOrClock(_) => {
            tracked(Unit::LatestStep, OwnPart::None)
        }
        Dependency::SlotAndTrust(_) => {
            let is_debtors = matches!(quantity, Quantity::Assured { observer: None, .. });
            HistorySource::Tracked { track: (quantity, debtor.filter(|_| is_debtors)), unit, own: OwnPart::None }
        }
        Dependency::OwnStance(issue) => match debtor {
            Some(debtor) => {
                HistorySource::Tracked { track: (Quantity::Stance(debtor, issue), None), unit, own: OwnPart::None }
            }
            None => HistorySource::Fixed,
        },
        Dependency::Clock if quantity == Quantity::Step => HistorySource::Step,
        Dependency::Stance(..)
        | Dependency::Mean(_)
        | Dependency::Trust(_)
        | Dependency::Meeting(_)
        | Dependency::Shock(_)
        | Dependency::Move(_)
        | Dependency::Outcome(_)
        | Dependency::Gap
        | Dependency::Clock => tracked(unit, OwnPart::None),
    }
}

/// Number of a track.
pub(super) type TrackId = u32;

/// How the number of a track is read, so that what kind of quantity it is need not be asked at each event.
#[derive(Clone, Copy, Debug)]
enum Reading {
    Offered(SlotId),
    Bound(SlotId),
    Delivered(SlotId),
    Parties(SlotId),
    /// The step of the latest occurrence.
    Met(MeetingId),
    Moved(MoveId),
    Struck(ShockId),
    /// Any other count.
    Count(Quantity),
    /// A float, as [`ordered`] writes it.
    Float(Quantity),
}

/// A number and its history.
#[derive(Clone, Debug)]
struct Track {
    reading: Reading,
    reader: Option<ActorId>,
    own: OwnPart,
    /// The number of operations to read it.
    cost: u64,
    history: History,
}

/// The own part of a debtor or an instance in a tracked number, from a position on.
#[derive(Clone, Copy, Debug)]
struct OwnChange {
    track: TrackId,
    /// The previous change of the same debtor or instance, in any track.
    before: u32,
    moment: LogPosition,
    value: i64,
}

/// No change.
pub(super) const NONE: u32 = u32::MAX;

/// The numbers that the conditions of a model read, with their histories.
#[derive(Clone, Debug)]
pub(super) struct Tracks {
    list: Vec<Track>,
    positions: BTreeMap<Key, TrackId>,
    /// For each signal, the tracks that it may change.
    watchers: Lists,
    own: Vec<OwnChange>,
    latest_of_debtor: Vec<u32>,
    latest_of_instance: Vec<u32>,
    /// The tracks that only the clock changes.
    clocked: Vec<TrackId>,
    /// The position at which each step began.
    steps: Vec<LogPosition>,
    work: u64,
    /// The tracks that the latest event of each sort might change: of one that concerns an instance, a gift, or neither.
    touched: [Vec<TrackId>; 3],
}

impl Tracks {
    /// Creates the tracks of these conditions before the first event, each with the instances whose condition it is, if it
    /// belongs to a commitment.
    pub(super) fn new<'a>(
        (model, plan, setup, world): (&Model, &Plan, &Setup, &World),
        conditions: impl Iterator<Item = (&'a Expression, Option<std::ops::Range<usize>>)>,
    ) -> Self {
        let mut tracks = Self {
            list: Vec::new(),
            positions: BTreeMap::new(),
            watchers: Lists::default(),
            own: Vec::new(),
            latest_of_debtor: Vec::new(),
            latest_of_instance: Vec::new(),
            clocked: Vec::new(),
            steps: vec![LogPosition::START],
            work: 0,
            touched: Default::default(),
        };
        let mut watched = Vec::new();
        for (expression, instances) in conditions {
            for quantity in expression.reads() {
                let Some(instances) = instances.clone() else {
                    tracks.register(model, plan, quantity, None, &mut watched);
                    continue;
                };
                // The debtors share a track unless it is of their own.
                let few = if is_of_debtor(quantity) { instances.len() } else { 1 };
                for instance in model.instances[instances].iter().take(few) {
                    tracks.register(model, plan, quantity, Some(instance.debtor), &mut watched);
                }
            }
        }
        tracks.watchers = Lists::new(plan.signals.count(), watched);
        let has = |own: OwnPart| tracks.list.iter().any(|track| track.own == own);
        let (debtors, instances) = (has(OwnPart::OfDebtor), has(OwnPart::OfInstance));
        tracks.latest_of_debtor = vec![NONE; if debtors { model.actors.len() } else { 0 }];
        tracks.latest_of_instance = vec![NONE; if instances { model.instances.len() } else { 0 }];
        tracks.restart((model, plan, setup), world, LogPosition::START);
        tracks
    }

    fn register(
        &mut self,
        model: &Model,
        plan: &Plan,
        quantity: Quantity,
        debtor: Option<ActorId>,
        watched: &mut Vec<(u32, u32)>,
    ) {
        let HistorySource::Tracked { track: key, own, .. } = history_source(quantity, debtor) else { return };
        // Own parts matter only to the conditions of commitments.
        let own = if debtor.is_some() { own } else { OwnPart::None };
        if let Some(&known) = self.positions.get(&key) {
            let known = &mut self.list[known as usize];
            if known.own == OwnPart::None {
                known.own = own;
            }
            return;
        }
        let id = TrackId::try_from(self.list.len()).expect("the number of conditions is limited");
        self.positions.insert(key, id);
        for signal in plan.signals.of(quantity, debtor.unwrap_or(ActorId(0))) {
            if signal != plan.signals.tick {
                watched.push((signal, id));
            }
        }
        if key.0.dependency() == Dependency::Clock {
            self.clocked.push(id);
        }
        let cost = key.0.lookups(model).map_or(1, |lookups| lookups as u64 + 1);
        self.list.push(Track { reading: Reading::of(key.0), reader: key.1, own, cost, history: History::default() });
    }

    /// Restarts all histories with the numbers of the state at this position.
    pub(super) fn restart(&mut self, (model, plan, setup): (&Model, &Plan, &Setup), world: &World, at: LogPosition) {
        self.own.clear();
        self.latest_of_debtor.fill(NONE);
        self.latest_of_instance.fill(NONE);
        for track in &mut self.list {
            self.work = self.work.saturating_add(track.cost);
            if self.work > limits::WORK {
                return;
            }
            let reader = track.reader.map(|actor| Reader { actor, instance: InstanceId(0) });
            let value = track.reading.number(&scope(model, setup, world, reader));
            track.history.restart(at, value);
        }
        if self.latest_of_debtor.len() + self.latest_of_instance.len() == 0 || at == LogPosition::START {
            return;
        }
        for instance in model.instance_ids() {
            let mut touched = Vec::new();
            plan.signals_of_instance(model, instance, |signal| touched.extend_from_slice(self.watchers.get(signal)));
            for track in touched {
                self.spend(1);
                if self.is_exhausted() {
                    return;
                }
                let total = self.list[track as usize].reading.number(&scope(model, setup, world, None));
                self.note_own((model, setup, world), track as usize, instance, (at, total));
            }
        }
    }

    /// Reads what is registered for a debtor, so that it is in the cache. The result means nothing.
    #[inline]
    #[must_use]
    pub(super) fn touch(&self, debtor: ActorId) -> u32 {
        self.latest_of_debtor.get(debtor.index()).copied().unwrap_or(NONE)
    }

    /// Whether reading the numbers has used up the work limit, as it can if every actor expects something of every
    /// other. The run then continues, and causes that need these numbers are unknown.
    pub(super) fn is_exhausted(&self) -> bool {
        self.work > limits::WORK
    }

    /// Counts operations.
    pub(super) fn spend(&mut self, work: u64) {
        self.work = self.work.saturating_add(work);
    }

    /// Registers the event `seq`, which has just changed the state. If it is `alike`, it may change the same tracks as the
    /// event of its sort before it.
    pub(super) fn note(
        &mut self,
        (model, plan, setup): (&Model, &Plan, &Setup),
        world: &World,
        event: Event,
        (seq, alike): (Seq, bool),
    ) {
        if self.list.is_empty() || self.is_exhausted() {
            return;
        }
        let moment = LogPosition::event(seq);
        let sort = match event.instance_and_gift() {
            Some((_, None)) => 0,
            Some((_, Some(_))) => 1,
            None => 2,
        };
        let mut touched = std::mem::take(&mut self.touched[sort]);
        if !alike {
            touched.clear();
            // There are few of a signal, so that copying them as a whole would take longer.
            plan.signals_of(model, event, |signal| {
                for &track in self.watchers.get(signal) {
                    touched.push(track);
                }
            });
        }
        for &track in &touched {
            let track = track as usize;
            self.work += self.list[track].cost;
            if self.is_exhausted() {
                return;
            }
            let changed = self.take(model, setup, world, track, moment);
            // A part of the number changes only with it, since the event is of one instance.
            if let Some(instance) = event.instance() {
                if let Some(total) = changed {
                    self.note_own((model, setup, world), track, instance, (moment, total));
                } else {
                    debug_assert!(!self.is_own_changed(model, setup, world, track, instance), "{event:?}");
                }
            }
        }
        self.touched[sort] = touched;
    }

    /// Registers the present value of a track, and returns it if it has changed.
    #[inline]
    fn take(&mut self, model: &Model, setup: &Setup, world: &World, track: usize, moment: LogPosition) -> Option<i64> {
        let Track { reading, reader, history, .. } = &mut self.list[track];
        let reader = reader.map(|actor| Reader { actor, instance: InstanceId(0) });
        let value = reading.number(&scope(model, setup, world, reader));
        history.note(moment, value).then_some(value)
    }

    /// Registers the own part of an instance or its debtor in a track, whose number is `total` since `moment`.
    fn note_own(
        &mut self,
        (model, setup, world): (&Model, &Setup, &World),
        track: usize,
        instance: InstanceId,
        (moment, total): (LogPosition, i64),
    ) {
        let id = TrackId::try_from(track).expect("few enough to be numbered");
        let debtor = model.instances[instance.index()].debtor;
        let Track { own, reading, .. } = self.list[track];
        let latest = match own {
            OwnPart::None => return,
            OwnPart::OfDebtor => self.latest_of_debtor[debtor.index()],
            OwnPart::OfInstance => self.latest_of_instance[instance.index()],
        };
        let reader = Reader { actor: debtor, instance };
        let value = total - reading.number(&scope(model, setup, world, Some(reader)));
        let known = self.latest_own(latest, id);
        if known.map_or(0, |change| change.value) == value {
            return;
        }
        let position = u32::try_from(self.own.len()).expect("no more than events and tracks");
        make_room(&mut self.own);
        self.own.push(OwnChange { track: id, before: latest, moment, value });
        match own {
            OwnPart::None => {}
            OwnPart::OfDebtor => self.latest_of_debtor[debtor.index()] = position,
            OwnPart::OfInstance => self.latest_of_instance[instance.index()] = position,
        }
    }

    /// The part of a track that does not count for an instance. Only called in debug builds.
    fn own_part(&self, model: &Model, setup: &Setup, world: &World, track: usize, instance: InstanceId) -> i64 {
        let reading = self.list[track].reading;
        let reader = Reader { actor: model.instances[instance.index()].debtor, instance };
        reading.number(&scope(model, setup, world, None)) - reading.number(&scope(model, setup, world, Some(reader)))
    }

    /// Whether that part differs from the one that was registered last.
    fn is_own_changed(&self, model: &Model, setup: &Setup, world: &World, track: usize, instance: InstanceId) -> bool {
        let own = self.list[track].own;
        let reader = Reader { actor: model.instances[instance.index()].debtor, instance };
        let change = self.own_change(TrackId::try_from(track).unwrap_or(NONE), own, reader);
        own != OwnPart::None && self.own_value(change).1 != self.own_part(model, setup, world, track, instance)
    }

    fn latest_own(&self, from: u32, track: TrackId) -> Option<&OwnChange> {
        let mut at = from;
        while at != NONE {
            let change = &self.own[at as usize];
            if change.track == track {
                return Some(change);
            }
            at = change.before;
        }
        None
    }

    /// Registers the size of the gap, which no event changes directly.
    pub(super) fn note_gap(&mut self, gap: u32, next: Seq) {
        if let Some(&track) = self.positions.get(&(Quantity::Deadlocked, None)) {
            self.list[track as usize].history.note(LogPosition::before(next), ordered(f64::from(gap)));
        }
    }

    /// Registers the beginning of the next step.
    pub(super) fn note_step(&mut self, (model, setup, world): (&Model, &Setup, &World), next: Seq) {
        self.steps.push(LogPosition::before(next));
        for at in 0..self.clocked.len() {
            self.spend(1);
            if self.is_exhausted() {
                return;
            }
            self.take(model, setup, world, self.clocked[at] as usize, LogPosition::before(next));
        }
    }

    /// The position at which each step began.
    pub(super) fn steps(&self) -> &[LogPosition] {
        &self.steps
    }

    /// Where the history of a quantity is, in a condition of `debtor` or in one that belongs to no commitment. A quantity
    /// that is not tracked counts as fixed.
    pub(super) fn source(&self, quantity: Quantity, debtor: Option<ActorId>) -> HistorySource<TrackId> {
        match history_source(quantity, debtor) {
            HistorySource::Fixed => HistorySource::Fixed,
            HistorySource::Step => HistorySource::Step,
            HistorySource::Tracked { track, unit, own } => {
                let track = self.positions.get(&track);
                track.map_or(HistorySource::Fixed, |&track| HistorySource::Tracked { track, unit, own })
            }
        }
    }

    /// The history of a track.
    pub(super) fn history(&self, track: TrackId) -> &History {
        &self.list[track as usize].history
    }

    /// The latest event that changed the value of a quantity for a reader.
    pub(super) fn latest_change(&self, quantity: Quantity, reader: Reader) -> Option<Seq> {
        let HistorySource::Tracked { track, unit, own } = self.source(quantity, Some(reader.actor)) else {
            return None;
        };
        let history = self.history(track);
        let (mut at, mut change) = (history.latest(), self.own_change(track, own, reader));
        let value = |at: usize, change: u32| {
            let seen = history.value(at) - self.own_value(change).1;
            if unit == Unit::Millionths { ordered(Amount(seen).to_units()) } else { seen }
        };
        let now = value(at, change);
        loop {
            let (total, own) = (history.moment(at), self.own_value(change).0);
            let moment = total.max(own);
            if moment == LogPosition::START || (at == 0 && change == NONE) {
                return None;
            }
            if own == moment && change != NONE {
                change = self.own_before(change);
            }
            if total == moment {
                if at == 0 {
                    return None;
                }
                at -= 1;
            }
            if value(at, change) != now && moment.seq().is_some() {
                return moment.seq();
            }
        }
    }

    /// The latest own change of a reader in a track, or [`NONE`].
    pub(super) fn own_change(&self, track: TrackId, own: OwnPart, reader: Reader) -> u32 {
        let from = match own {
            OwnPart::None => return NONE,
            OwnPart::OfDebtor => self.latest_of_debtor.get(reader.actor.index()),
            OwnPart::OfInstance => self.latest_of_instance.get(reader.instance.index()),
        };
        self.own_from(from.copied().unwrap_or(NONE), track)
    }

    /// The previous own change in the same track, or [`NONE`].
    pub(super) fn own_before(&self, change: u32) -> u32 {
        let OwnChange { track, before, .. } = self.own[change as usize];
        self.own_from(before, track)
    }

    fn own_from(&self, mut at: u32, track: TrackId) -> u32 {
        while at != NONE && self.own[at as usize].track != track {
            at = self.own[at as usize].before;
        }
        at
    }

    /// The position and the value of an own change; the own part is 0 before the first.
    pub(super) fn own_value(&self, change: u32) -> (LogPosition, i64) {
        if change == NONE {
            return (LogPosition::START, 0);
        }
        let OwnChange { moment, value, .. } = self.own[change as usize];
        (moment, value)
    }
}

fn scope<'a>(model: &'a Model, setup: &'a Setup, world: &'a World, reader: Option<Reader>) -> Scope<'a> {
    Scope { model, setup, world, evidence: &world.evidence, reader }
}

impl Reading {
    fn of(quantity: Quantity) -> Self {
        if let Quantity::Offered(slot) = quantity {
            Self::Offered(slot)
        } else if let Quantity::Bound(slot) = quantity {
            Self::Bound(slot)
        } else if let Quantity::Delivered(slot) = quantity {
            Self::Delivered(slot)
        } else if let Quantity::Parties(slot) = quantity {
            Self::Parties(slot)
        } else if let Dependency::MeetingOrClock(meeting) = quantity.dependency() {
            Self::Met(meeting)
        } else if let Dependency::MoveOrClock(which) = quantity.dependency() {
            Self::Moved(which)
        } else if let Dependency::ShockOrClock(shock) = quantity.dependency() {
            Self::Struck(shock)
        } else if matches!(quantity.range(), Range::Actors(_) | Range::Instances(_)) {
            Self::Count(quantity)
        } else {
            Self::Float(quantity)
        }
    }

    /// The number as the integer that its track stores.
    #[inline]
    #[expect(clippy::cast_possible_truncation, reason = "counts are whole numbers far below 2^53")]
    fn number(self, scope: &Scope<'_>) -> i64 {
        let Scope { model, world, evidence, reader, .. } = *scope;
        let latest = |occurrence: Occurrence| occurrence.last.map_or(-1, i64::from);
        match self {
            Self::Offered(slot) => evidence.offered(model, slot, reader).0,
            Self::Bound(slot) => evidence.bound(model, slot, reader).0,
            Self::Delivered(slot) => evidence.delivered(model, slot, reader).0,
            Self::Parties(slot) => evidence.parties(model, slot, reader).into(),
            Self::Met(meeting) => latest(world.meetings[meeting.index()]),
            Self::Moved(which) => latest(world.moves[which.index()]),
            Self::Struck(shock) => latest(world.shocks[shock.index()]),
            Self::Count(quantity) => scope.read(quantity) as i64,
            Self::Float(quantity) => ordered(scope.read(quantity)),
        }
    }
}
