//! A hash of a run's events, so that equal histories can be counted.

use crate::model::{Ending, Event};

/// The running hash of a history: steps, kinds, ids and values of all events, in order; causes follow from these.
///
/// 64 bits, mixed by folded 64×64-bit multiplications (as in wyhash). It is not cryptographic.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct HistoryHash(u64);

const SECRET: [u64; 3] = [0xa076_1d64_78bd_642f, 0xe703_7ed1_a0b4_28db, 0x8ebc_6af0_9c88_c6e3];

#[inline]
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
        let head = u64::from(kind) << 32 | u64::from(step);
        let ids = u64::from(second) << 32 | u64::from(first);
        let mixed = fold(head ^ SECRET[0], ids ^ SECRET[1] ^ self.0);
        self.0 = fold(mixed ^ SECRET[2], value ^ SECRET[1]) ^ self.0.rotate_left(23);
    }

    /// The hash as it is written in `runs.csv`: `h` and 16 hexadecimal digits, so that no reader takes it for a number.
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
    #[expect(clippy::cast_sign_loss, reason = "the bits of the amount")]
    match event {
        Event::Stance { actor, issue, value } => (5, actor.0, issue.0, value.to_bits()),
        Event::Started => (1, 0, 0, 0),
        Event::Drawn { draw, value } => (2, draw.0, 0, value.to_bits()),
        Event::Met(meeting) => (3, meeting.0, 0, 0),
        Event::Shock(shock) => (4, shock.0, 0, 0),
        Event::Anchor { actor, issue, value } => (6, actor.0, issue.0, value.to_bits()),
        Event::Trust { truster, trusted, value } => (7, truster.0, trusted.0, value.to_bits()),
        Event::Created(instance) => (8, instance.0, 0, 0),
        Event::Cancelled(instance) => (9, instance.0, 0, 0),
        Event::Expired(instance) => (10, instance.0, 0, 0),
        Event::Detached(instance) => (11, instance.0, 0, 0),
        Event::Suspended(instance) => (12, instance.0, 0, 0),
        Event::Reactivated(instance) => (13, instance.0, 0, 0),
        Event::Delivered { instance, gift, amount } => (14, instance.0, gift, amount.0 as u64),
        Event::Withdrawn { instance, gift, amount } => (15, instance.0, gift, amount.0 as u64),
        Event::Satisfied(instance) => (16, instance.0, 0, 0),
        Event::Violated(instance) => (17, instance.0, 0, 0),
        Event::Released(instance) => (18, instance.0, 0, 0),
        Event::Agreed { meeting, size } => (19, meeting.0, size, 0),
        Event::Failed { meeting, size } => (20, meeting.0, size, 0),
        Event::Reached(outcome) => (21, outcome.0, 0, 0),
        Event::Ended(ending) => match ending {
            Ending::Outcome(outcome) => (22, outcome.0, 0, 0),
            Ending::Deadlock => (23, 0, 0, 0),
            Ending::Stalemate => (24, 0, 0, 0),
        },
    }
}
