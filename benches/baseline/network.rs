//! Thirty actors who influence one another and promise one another effort, written twice: as a scenario, and by
//! hand as plain loops over arrays with the same arithmetic and the same random numbers.
//!
//! The hand-written one knows what it is about: no names, no general expressions, no list of events.

use std::fmt::Write as _;

use rand::{Rng as _, SeedableRng as _};
use rand_chacha::ChaCha8Rng;

/// Actors, and commitments.
pub(crate) const ACTORS: usize = 30;
/// Steps.
pub(crate) const STEPS: usize = 60;

const SUSCEPTIBILITY: f64 = 0.9;
const VOLATILITY: f64 = 0.03;
const OFFERS_FROM: f64 = 0.3;
const STAYS_FROM: f64 = 0.2;
const PRESSURE: f64 = 0.4;
const ALL_EFFORT: f64 = 75.0;
const INCREMENTS: i64 = 5;
const ALLIANCE: usize = 20;

fn first_stance(actor: usize) -> f64 {
    f64::from(u32::try_from(20 + 2 * actor).expect("small")) / 100.0
}

fn weight(on: usize, from: usize) -> f64 {
    f64::from(u32::try_from(1 + (7 * on + 3 * from) % 5).expect("small"))
}

fn effort(actor: usize) -> i64 {
    1 + i64::try_from(actor % 4).expect("small")
}

fn bar(actor: usize) -> f64 {
    f64::from(u32::try_from(46 + 4 * (actor % 12)).expect("small")) / 100.0
}

/// The scenario.
pub(crate) fn scenario() -> String {
    let names: Vec<String> = (0..ACTORS).map(|at| format!("\"a{at}\"")).collect();
    let mut text = format!(
        "format = 1\ntitle = \"Network\"\n[time]\nsteps = {STEPS}\n[resources]\neffort = {{}}\n[groups]\nall = [{}]\n",
        names.join(", ")
    );
    for on in 0..ACTORS {
        let _ = write!(
            text,
            "[actors.a{on}]\nstance = {}\nsusceptibility = {SUSCEPTIBILITY}\nvolatility = {VOLATILITY}\n",
            first_stance(on)
        );
        let _ = write!(
            text,
            "[commitments.c{on}]\ndebtor = \"a{on}\"\ngives = {{ effort = {} }}\nover = {INCREMENTS}\n\
             offer = \"stance >= {OFFERS_FROM}\"\nwhile = \"stance >= {STAYS_FROM}\"\n\
             when = \"stance + {PRESSURE} * bound(effort) / {ALL_EFFORT} >= {}\"\n",
            effort(on),
            bar(on)
        );
        for from in (0..ACTORS).filter(|from| *from != on) {
            let _ = write!(text, "[[influence]]\nfrom = \"a{from}\"\non = \"a{on}\"\nweight = {}\n", weight(on, from));
        }
    }
    let _ = write!(
        text,
        "[outcomes.alliance]\nwhen = \"parties(effort) >= {ALLIANCE}\"\n\
         [metrics]\nbound = \"bound(effort)\"\nmood = \"stance(all)\"\n"
    );
    text
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum State {
    Null,
    Conditional,
    Detached,
    Pending,
    Satisfied,
}

/// What a run comes to, in every bit.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Result {
    pub(crate) stances: Vec<f64>,
    pub(crate) delivered: Vec<i64>,
    pub(crate) reached: Option<u32>,
    pub(crate) gap: u32,
    pub(crate) metrics: [f64; 2],
}

/// The hand-written program; what does not differ between runs is made once, as a model is compiled once.
pub(crate) struct Baseline {
    streams: [u64; ACTORS],
    first: [f64; ACTORS],
    /// By column: the weights of all rows on one actor.
    weights: Vec<[f64; ACTORS]>,
}

struct Now {
    stances: [f64; ACTORS],
    states: [State; ACTORS],
    /// Increments handed over.
    handed: [i64; ACTORS],
    delivered: [i64; ACTORS],
    /// Effort bound, in all.
    bound: i64,
}

impl Baseline {
    pub(crate) fn new() -> Self {
        let mut weights = vec![[0.0; ACTORS]; ACTORS];
        let others = |on: usize| (0..ACTORS).filter(move |from| *from != on);
        let sums: [f64; ACTORS] = std::array::from_fn(|on| others(on).fold(0.0, |sum, from| sum + weight(on, from)));
        for (on, sum) in sums.iter().enumerate() {
            others(on).for_each(|from| weights[from][on] = weight(on, from) / sum);
        }
        Self {
            streams: std::array::from_fn(|at| fnv_1a(&format!("stance/a{at}/main"))),
            first: std::array::from_fn(first_stance),
            weights,
        }
    }

    pub(crate) fn run(&self, seed: u64) -> Result {
        let mut sources: Vec<ChaCha8Rng> = self.streams.iter().map(|&stream| source(seed, stream)).collect();
        let mut now = Now {
            stances: self.first,
            states: [State::Null; ACTORS],
            handed: [0; ACTORS],
            delivered: [0; ACTORS],
            bound: 0,
        };
        let (mut reached, mut gap, mut metrics) = (None, 0, [0.0; 2]);
        for step in 0..STEPS {
            self.drift(&mut now, &mut sources);
            now.review();
            now.exchange();
            if step + 1 == STEPS {
                gap = now.gap();
            }
            now.deliver();
            if reached.is_none() && now.states.iter().filter(|&&state| counts(state)).count() >= ALLIANCE {
                reached = Some(u32::try_from(step).expect("small"));
            }
            let mood = now.stances.iter().fold(0.0, |sum, stance| sum + stance) / 30.0;
            metrics = [units(now.bound), mood];
        }
        Result { stances: now.stances.to_vec(), delivered: now.delivered.to_vec(), reached, gap, metrics }
    }

    fn drift(&self, now: &mut Now, sources: &mut [ChaCha8Rng]) {
        let mut means = [0.0; ACTORS];
        for (column, stance) in self.weights.iter().zip(&now.stances) {
            for (mean, weight) in means.iter_mut().zip(column) {
                *mean += weight * stance;
            }
        }
        for at in 0..ACTORS {
            let stance = now.stances[at];
            let pull = SUSCEPTIBILITY * means[at] + (1.0 - SUSCEPTIBILITY) * self.first[at];
            let noise = VOLATILITY * normal(sources[at].next_u64());
            let next = (stance + (pull - stance) + noise).clamp(0.0, 1.0);
            if (next - stance).abs() > 1e-12 {
                now.stances[at] = next;
            }
        }
    }
}

fn counts(state: State) -> bool {
    matches!(state, State::Detached | State::Satisfied)
}

#[expect(clippy::cast_precision_loss, reason = "small whole numbers")]
fn units(effort: i64) -> f64 {
    effort as f64
}

impl Now {
    fn review(&mut self) {
        for at in 0..ACTORS {
            let (stance, state) = (self.stances[at], self.states[at]);
            self.states[at] = match state {
                State::Null if stance >= OFFERS_FROM => State::Conditional,
                State::Conditional if stance < OFFERS_FROM => State::Null,
                State::Pending if stance >= STAYS_FROM => {
                    self.bound += effort(at);
                    State::Detached
                }
                State::Detached if stance < STAYS_FROM => {
                    self.bound -= effort(at);
                    State::Pending
                }
                other => other,
            };
        }
    }

    fn agrees(&self, at: usize, bound: i64) -> bool {
        self.stances[at] + PRESSURE * units(bound) / ALL_EFFORT >= bar(at)
    }

    fn exchange(&mut self) {
        loop {
            let bound = self.bound;
            for at in 0..ACTORS {
                if self.states[at] == State::Conditional && self.agrees(at, bound) {
                    self.states[at] = State::Detached;
                    self.bound += effort(at);
                }
            }
            if self.bound == bound {
                break;
            }
        }
    }

    /// How many would be bound if all were.
    fn gap(&self) -> u32 {
        let mut open: Vec<usize> = (0..ACTORS).filter(|&at| self.states[at] == State::Conditional).collect();
        loop {
            let count = open.len();
            let bound: i64 = self.bound + open.iter().map(|&at| effort(at)).sum::<i64>();
            open.retain(|&at| self.agrees(at, bound - effort(at)));
            if open.len() == count {
                return u32::try_from(count).expect("small");
            }
        }
    }

    fn deliver(&mut self) {
        for at in 0..ACTORS {
            if self.states[at] == State::Detached {
                self.handed[at] += 1;
                self.delivered[at] = effort(at) * 1_000_000 * self.handed[at] / INCREMENTS;
                if self.handed[at] == INCREMENTS {
                    self.states[at] = State::Satisfied;
                }
            }
        }
    }
}

fn fnv_1a(name: &str) -> u64 {
    name.bytes().fold(0xcbf2_9ce4_8422_2325, |hash, byte| (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3))
}

fn source(seed: u64, stream: u64) -> ChaCha8Rng {
    let mut key = [0; 32];
    key[..8].copy_from_slice(&seed.to_le_bytes());
    let mut generator = ChaCha8Rng::from_seed(key);
    generator.set_stream(stream);
    generator
}

#[expect(clippy::cast_precision_loss, reason = "52 bits are exact")]
fn normal(word: u64) -> f64 {
    backstop::engine::normal_quantile(((word >> 12) as f64 + 0.5) * (1.0 / 4_503_599_627_370_496.0))
}
