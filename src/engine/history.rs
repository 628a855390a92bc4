//! A hash of the events of a run, for counting equal histories.

use std::iter::Zip;
use std::slice;

use crate::model::{ActorId, Ending, Event, EventKind, IssueId, Payload};

/// The running hash of a history: steps, kinds, ids and values of all events, in order. Causes follow from these.
///
/// 64 bits, mixed by folded 64×64-bit multiplications (as in wyhash). It is not cryptographic.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct HistoryHash(u64);

const SECRET: [u64; 3] = [0xa076_1d64_78bd_642f, 0xe703_7ed1_a0b4_28db, 0x8ebc_6af0_9c88_c6e3];

#[inline(always)]
fn fold(a: u64, b: u64) -> u64 {
    let product = u128::from(a) * u128::from(b);
    #[expect(clippy::cast_possible_truncation, reason = "the low and the high half")]
    let halves = (product as u64, (product >> 64) as u64);
    halves.0 ^ halves.1
}

impl Default for HistoryHash {
    fn default() -> Self {
        Self(SECRET[2])
    }
}

impl HistoryHash {
    /// Adds an event.
    #[inline]
    pub fn add(&mut self, step: u32, event: Event) {
        let (kind, first, second, value) = words(event);
        self.mix(Self::head(kind, step), ids(first, second), value);
    }

    /// Adds that a stance moved: [`Self::add`] for what happens most often.
    #[inline(always)]
    pub(super) fn add_stance(&mut self, step: u32, (actor, issue): (ActorId, IssueId), value: f64) {
        self.mix(Self::head(EventKind::Stance.code(), step), ids(actor.0, issue.0), value.to_bits());
    }

    /// Kind and step, made ready for [`Self::mix`].
    #[inline(always)]
    fn head(kind: u32, step: u32) -> u64 {
        (u64::from(kind) << 32 | u64::from(step)) ^ SECRET[0]
    }

    #[inline(always)]
    fn mix(&mut self, head: u64, ids: u64, value: u64) {
        let mixed = fold(head, ids ^ self.0);
        self.0 = fold(mixed ^ SECRET[2], value ^ SECRET[1]) ^ self.0.rotate_left(23);
    }

    /// The hash as written in `runs.csv`: `h` and 16 hexadecimal digits, so that no reader infers a number.
    #[must_use]
    pub fn text(self) -> String {
        format!("h{:016x}", self.0)
    }

    /// The 64 bits.
    #[must_use]
    pub fn bits(self) -> u64 {
        self.0
    }
}

/// The hash of a run in progress, to which stances that moved are added later than they happen.
///
/// To add one takes a chain of multiplications, in which each waits for the one before: about as long as all else that
/// has to be done for a stance. So those of all actors on the only issue wait for the next event, or for work during
/// which they can be added one by one.
#[derive(Clone, Debug, Default)]
pub(super) struct RunningHash {
    hash: HistoryHash,
    /// The stances that moved last, and when.
    step: u32,
    values: Vec<f64>,
    /// Whose they are, as in [`ids`].
    whose: Vec<u64>,
    /// How many of them the hash contains.
    added: usize,
}

impl RunningHash {
    /// Begins a run, or goes back to an earlier hash.
    pub(super) fn set(&mut self, hash: HistoryHash) {
        self.added = self.values.len();
        self.hash = hash;
    }

    /// Adds an event.
    #[inline]
    pub(super) fn add(&mut self, step: u32, event: Event) {
        self.settle();
        self.hash.add(step, event);
    }

    /// Adds that all stances on the only issue moved to these values, which are exchanged for others of no meaning.
    #[inline]
    pub(super) fn add_all_stances(&mut self, step: u32, values: &mut Vec<f64>) {
        self.settle();
        (self.step, self.added) = (step, 0);
        std::mem::swap(&mut self.values, values);
        values.resize(self.values.len(), 0.0);
        let values = &self.values;
        if self.whose.len() != values.len() {
            self.whose = (0..).take(values.len()).map(|actor| ids(actor, 0)).collect();
        }
    }

    /// The hash of everything that was added.
    #[inline]
    pub(super) fn settle(&mut self) -> HistoryHash {
        if self.added < self.values.len() {
            let mut rest = self.rest();
            while rest.add_one() {}
            (self.hash, self.added) = (rest.hash, self.values.len());
        }
        self.hash
    }

    /// Does the work that the function stands for, which gets what is left to add.
    #[inline(always)]
    pub(super) fn beside(&mut self, work: impl FnOnce(&mut MovedStances<'_>)) {
        let mut rest = self.rest();
        work(&mut rest);
        (self.hash, self.added) = (rest.hash, self.values.len() - rest.left.len());
    }

    #[inline(always)]
    fn rest(&self) -> MovedStances<'_> {
        let left = self.whose[self.added..].iter().zip(&self.values[self.added..]);
        MovedStances { hash: self.hash, head: HistoryHash::head(EventKind::Stance.code(), self.step), left }
    }
}

/// Stances that are left to be added to a hash.
pub(super) struct MovedStances<'a> {
    hash: HistoryHash,
    head: u64,
    left: Zip<slice::Iter<'a, u64>, slice::Iter<'a, f64>>,
}

impl MovedStances<'_> {
    /// Adds the next of them; returns `false` if none is left.
    #[inline(always)]
    pub(super) fn add_one(&mut self) -> bool {
        let next = self.left.next();
        if let Some((&whose, value)) = next {
            self.hash.mix(self.head, whose, value.to_bits());
        }
        next.is_some()
    }
}

/// Two ids in one word, made ready for [`HistoryHash::mix`].
#[inline(always)]
fn ids(first: u32, second: u32) -> u64 {
    (u64::from(second) << 32 | u64::from(first)) ^ SECRET[1]
}

/// Kind, two ids and a value.
#[inline]
fn words(event: Event) -> (u32, u32, u32, u64) {
    let kind = event.kind().code();
    match event.payload() {
        Payload::Opinion { actor, issue, value } => (kind, actor.0, issue.0, value.to_bits()),
        Payload::Nothing => (kind, 0, 0, 0),
        Payload::Draw { draw, value } => (kind, draw.0, 0, value.to_bits()),
        Payload::Meeting(meeting) => (kind, meeting.0, 0, 0),
        Payload::Shock(shock) => (kind, shock.0, 0, 0),
        Payload::Move(which) => (kind, which.0, 0, 0),
        Payload::Pair { truster, trusted, value } => (kind, truster.0, trusted.0, value.to_bits()),
        Payload::Instance(instance) => (kind, instance.0, 0, 0),
        Payload::Gift { instance, gift, amount } => (kind, instance.0, gift, amount.0.cast_unsigned()),
        Payload::Package { meeting, size } => (kind, meeting.0, size, 0),
        Payload::Outcome(outcome) => (kind, outcome.0, 0, 0),
        // Each kind of ending has a code of its own.
        Payload::Ending(ending) => match ending {
            Ending::Outcome(outcome) => (kind, outcome.0, 0, 0),
            Ending::Deadlock => (kind + 1, 0, 0, 0),
            Ending::Stalemate => (kind + 2, 0, 0, 0),
        },
    }
}
