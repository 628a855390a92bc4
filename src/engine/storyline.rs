//! Storylines: the events of a run without dates and drift, and a hash of them for counting runs with equal storylines.
//!
//! The rules are in `docs/output.md`, under *Storylines*. The hash is computed from names, not from positions in the
//! file, so that runs of variants of a scenario can be compared.

use crate::model::{CommitmentId, Ending, Event, EventKind, MeetingId, Model, MoveId, OutcomeId, Payload, ShockId};

/// The subject of an entry of a storyline.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Subject {
    /// A commitment, regardless of the instance.
    Commitment(CommitmentId),
    /// A meeting.
    Meeting(MeetingId),
    /// A shock.
    Shock(ShockId),
    /// A move.
    Move(MoveId),
    /// An outcome that was reached.
    Outcome(OutcomeId),
    /// How the run ended.
    Ending(Ending),
}

/// An entry of a storyline.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct StorylineEntry {
    /// The kind of event.
    pub kind: EventKind,
    /// The subject.
    pub subject: Subject,
}

/// Extracts the entries of a storyline from the events of a run, in order.
#[derive(Clone, Debug)]
pub struct StorylineBuilder {
    step: u32,
    last: Option<StorylineEntry>,
    /// Number of the current stretch: life-cycle events within a step, up to an entry of another kind.
    stretch: u32,
    /// For each commitment and kind, the last stretch with such an entry; this avoids a set for each stretch.
    told: Vec<u32>,
    /// Whether each meeting has met.
    met: Vec<bool>,
}

impl Default for StorylineBuilder {
    fn default() -> Self {
        Self { step: 0, last: None, stretch: 1, told: Vec::new(), met: Vec::new() }
    }
}

impl StorylineBuilder {
    /// Resets for another run.
    pub fn reset(&mut self) {
        self.step = 0;
        self.last = None;
        self.met.fill(false);
        self.part();
    }

    /// The entry for an event, if it gives one.
    #[inline]
    pub fn entry(&mut self, model: &Model, step: u32, event: Event) -> Option<StorylineEntry> {
        let kind = event.kind();
        let subject = match event.payload() {
            Payload::Nothing
            | Payload::Draw { .. }
            | Payload::Opinion { .. }
            | Payload::Pair { .. }
            | Payload::Gift { .. } => return None,
            Payload::Instance(instance) => Subject::Commitment(model.instances[instance.index()].commitment),
            Payload::Meeting(meeting) | Payload::Package { meeting, .. } => Subject::Meeting(meeting),
            Payload::Shock(shock) => Subject::Shock(shock),
            Payload::Move(which) => Subject::Move(which),
            Payload::Outcome(outcome) => Subject::Outcome(outcome),
            Payload::Ending(ending) => Subject::Ending(ending),
        };
        if step != self.step {
            self.step = step;
            self.part();
        }
        let told = StorylineEntry { kind, subject };
        if self.last == Some(told) {
            return None;
        }
        match subject {
            Subject::Commitment(commitment) => {
                let place = commitment.index() * EventKind::ALL.len() + kind as usize;
                if self.told.len() <= place {
                    self.told.resize(model.commitments.len() * EventKind::ALL.len(), 0);
                }
                if std::mem::replace(&mut self.told[place], self.stretch) == self.stretch {
                    return None;
                }
            }
            Subject::Meeting(meeting) if kind == EventKind::Met => {
                self.met.resize(model.meetings.len(), false);
                if std::mem::replace(&mut self.met[meeting.index()], true) {
                    return None;
                }
                self.part();
            }
            Subject::Meeting(_) | Subject::Shock(_) | Subject::Move(_) | Subject::Outcome(_) | Subject::Ending(_) => {
                self.part();
            }
        }
        self.last = Some(told);
        Some(told)
    }

    /// Begins a new stretch.
    fn part(&mut self) {
        self.stretch = self.stretch.checked_add(1).unwrap_or_else(|| {
            self.told.fill(0);
            1
        });
    }
}

/// The storyline of the events in `log`, which are in order.
#[must_use]
pub fn storyline(model: &Model, log: impl IntoIterator<Item = (u32, Event)>) -> Vec<StorylineEntry> {
    let mut storyline_builder = StorylineBuilder::default();
    log.into_iter().filter_map(|(step, event)| storyline_builder.entry(model, step, event)).collect()
}

/// The running hash of a storyline, of 64 bits; it is not cryptographic.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub struct StorylineHash(u64);

impl StorylineHash {
    /// The hash with these bits.
    #[must_use]
    pub fn from_bits(bits: u64) -> Self {
        Self(bits)
    }

    /// The hash of a storyline.
    #[must_use]
    pub fn of(model: &Model, storyline: &[StorylineEntry]) -> Self {
        let names = NameHashes::new(model);
        let mut hash = Self::default();
        storyline.iter().for_each(|&told| hash.add(&names, told));
        hash
    }

    /// Adds an entry.
    #[inline]
    pub fn add(&mut self, names: &NameHashes, told: StorylineEntry) {
        let subject = match told.subject {
            Subject::Commitment(commitment) => names.commitments[commitment.index()],
            Subject::Meeting(meeting) => names.meetings[meeting.index()],
            Subject::Shock(shock) => names.shocks[shock.index()],
            Subject::Move(which) => names.moves[which.index()],
            Subject::Outcome(outcome) | Subject::Ending(Ending::Outcome(outcome)) => names.outcomes[outcome.index()],
            Subject::Ending(Ending::Deadlock) => const { name_hash(Ending::DEADLOCK) },
            Subject::Ending(Ending::Stalemate) => const { name_hash(Ending::STALEMATE) },
        };
        self.0 = mix(mix(self.0 ^ names.kinds[told.kind as usize]) ^ subject);
    }

    /// The hash as written in `runs.csv`: `h` and 16 hexadecimal digits.
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

/// The hashes of all names that occur in storylines of a model.
#[derive(Clone, Debug)]
pub struct NameHashes {
    kinds: Vec<u64>,
    commitments: Vec<u64>,
    meetings: Vec<u64>,
    shocks: Vec<u64>,
    moves: Vec<u64>,
    outcomes: Vec<u64>,
}

impl NameHashes {
    /// Computes the hashes for a model.
    #[must_use]
    pub fn new(model: &Model) -> Self {
        fn hashes<'n>(names: impl Iterator<Item = &'n String>) -> Vec<u64> {
            names.map(|name| name_hash(name)).collect()
        }
        Self {
            kinds: EventKind::ALL.iter().map(|kind| name_hash(kind.name())).collect(),
            commitments: hashes(model.commitments.iter().map(|commitment| &commitment.id)),
            meetings: hashes(model.meetings.iter().map(|meeting| &meeting.id)),
            shocks: hashes(model.shocks.iter().map(|shock| &shock.id)),
            moves: hashes(model.moves.iter().map(|which| &which.id)),
            outcomes: hashes(model.outcomes.iter().map(|outcome| &outcome.id)),
        }
    }
}

/// FNV-1a of 64 bits over the bytes of a name.
const fn name_hash(name: &str) -> u64 {
    let bytes = name.as_bytes();
    let mut hash = 0xcbf2_9ce4_8422_2325_u64;
    let mut at = 0;
    while at < bytes.len() {
        hash = (hash ^ bytes[at] as u64).wrapping_mul(0x0000_0100_0000_01b3);
        at += 1;
    }
    hash
}

#[inline]
fn mix(bits: u64) -> u64 {
    let product = bits.wrapping_mul(0x9e37_79b9_7f4a_7c15);
    product ^ product >> 32
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Values of the reference implementation of FNV (Fowler, Noll, Vo; `test_fnv.c`).
    #[test]
    fn names_are_hashed_as_published() {
        assert_eq!(name_hash(""), 0xcbf2_9ce4_8422_2325);
        assert_eq!(name_hash("a"), 0xaf63_dc4c_8601_ec8c);
        assert_eq!(name_hash("foobar"), 0x8594_4171_f739_67e8);
    }

    /// Other instances of a commitment and other steps do not change the hash; another order does.
    #[test]
    fn dates_and_instances_are_left_out() {
        let text = "format = 1\n[time]\nsteps = 9\n[actors.a]\n[groups]\nall = [\"a\"]\n[resources.word]\n[shocks.coup]\non = [1]\n\
                    [commitments.c]\ndebtor = \"a\"\ngives = { word = 1 }\n[commitments.d]\ndebtor = \"a\"\ngives = { word = 1 }\n";
        let document = crate::scenario::Document::parse("test.toml", text.as_bytes()).unwrap();
        let model = crate::scenario::compile(&document, &crate::scenario::Options::default()).unwrap().model;
        let [c, d] = [0, 1].map(crate::model::InstanceId);
        let hash = |log: &[(u32, Event)]| StorylineHash::of(&model, &storyline(&model, log.iter().copied()));
        let shock = Event::Shock(ShockId(0));
        let told = [(0, Event::Started), (1, Event::Detached(c)), (2, shock), (2, Event::Suspended(c))];
        let later = [(3, Event::Detached(c)), (4, Event::Detached(c)), (5, shock), (8, Event::Suspended(c))];
        let other = [(1, Event::Detached(d)), (2, shock), (2, Event::Suspended(c))];
        let order = [(1, Event::Detached(c)), (2, Event::Suspended(c)), (2, shock)];
        assert_eq!(hash(&told), hash(&later));
        assert!(hash(&told) != hash(&other) && hash(&told) != hash(&order));
        // In one step a kind counts once for a commitment, until another entry follows.
        let both = |between: Option<Event>| {
            let again = [(1, Event::Created(c)), (1, Event::Cancelled(d))];
            let log = again.into_iter().chain(between.map(|event| (1, event))).chain([(1, Event::Created(c))]);
            storyline(&model, log).len()
        };
        assert_eq!((both(None), both(Some(shock))), (2, 4));
    }
}
