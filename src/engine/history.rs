//! A hash of the events of a run, for counting equal histories.

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
        self.mix((kind, step), (first, second), value);
    }

    /// Adds that a stance moved: [`Self::add`] for what happens most often.
    #[inline(always)]
    pub(super) fn add_stance(&mut self, step: u32, (actor, issue): (ActorId, IssueId), value: f64) {
        self.mix((const { EventKind::Stance.code() }, step), (actor.0, issue.0), value.to_bits());
    }

    #[inline(always)]
    fn mix(&mut self, (kind, step): (u32, u32), (first, second): (u32, u32), value: u64) {
        let head = u64::from(kind) << 32 | u64::from(step);
        let ids = u64::from(second) << 32 | u64::from(first);
        let mixed = fold(head ^ SECRET[0], ids ^ SECRET[1] ^ self.0);
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
