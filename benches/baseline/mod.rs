//! The ensemble of `benches/scenarios/ensemble.toml` as a fast hand-written program: loops over arrays of a
//! fixed length, with the same arithmetic and the same rows of `runs.csv`, but for this one scenario only.
//!
//! With [`Prescribed`] normals it draws the random numbers of the engine and writes the same bytes. With [`Ziggurat`] it
//! draws normals by a faster method and does not hash the history, as a program may that need not agree with another
//! implementation.

#![expect(
    clippy::cast_possible_truncation,
    clippy::cast_precision_loss,
    clippy::needless_range_loop,
    reason = "a hand-written program with loops over indices, small counts and halves of products"
)]

use backstop::engine::{Normals, RunSeed};
use pulp::{Arch, Simd, WithSimd};
use rand::{Rng as _, SeedableRng as _};
use rand_chacha::ChaCha8Rng;

/// Actors.
pub(crate) const ACTORS: usize = 30;
/// Steps.
pub(crate) const STEPS: u32 = 60;

/// The number of actors, rounded up to whole vectors.
const WIDTH: usize = 32;
const VOLATILITY: f64 = 0.03;
const SUSCEPTIBILITY: f64 = 0.8;

/// The noise of a run.
pub(crate) trait Noise {
    /// Whether the history is hashed.
    const HASHES: bool;
    /// Begins a run.
    fn begin(&mut self, run_seed: RunSeed);
    /// The normals of the next step.
    fn step(&mut self, step: u32) -> &[f64; ACTORS];
}

/// The normals that the model prescribes.
pub(crate) struct Prescribed {
    streams: [u64; ACTORS],
    normals: Normals,
}

impl Prescribed {
    pub(crate) fn new() -> Self {
        let streams = std::array::from_fn(|at| fnv(&format!("stance/member_{}/main", at + 1)));
        Self { streams, normals: Normals::default() }
    }
}

impl Noise for Prescribed {
    const HASHES: bool = true;

    fn begin(&mut self, run_seed: RunSeed) {
        self.normals.reset(run_seed, self.streams);
    }

    #[inline(always)]
    fn step(&mut self, step: u32) -> &[f64; ACTORS] {
        self.normals.look_ahead(step, STEPS);
        self.normals.of(step).try_into().expect("one for each actor")
    }
}

/// The hand-written program.
pub(crate) struct Baseline<N> {
    bar: f64,
    pressure: f64,
    /// Influence by column.
    weights: [[f64; WIDTH]; ACTORS],
    first: [f64; WIDTH],
    noise: N,
}

/// The state of a run.
struct State {
    stances: [f64; WIDTH],
    /// The actors that are not bound.
    open: u32,
    parties: u32,
    history: u64,
    storyline: u64,
}

const ALL_ACTORS: u32 = (1 << ACTORS) - 1;

impl<N: Noise> Baseline<N> {
    /// The ensemble with these parameters.
    pub(crate) fn new(bar: f64, pressure: f64, noise: N) -> Self {
        let mut first = [0.0; WIDTH];
        let mut weights = [[0.0; WIDTH]; ACTORS];
        for at in 0..ACTORS {
            first[at] = 0.2 + 0.6 * (at as f64 + 1.0) / ACTORS as f64;
            weights[at][..ACTORS].fill(1.0 / (ACTORS as f64 - 1.0));
            weights[at][at] = 0.0;
        }
        Self { bar, pressure, weights, first, noise }
    }

    /// Adds the row of a run.
    pub(crate) fn run(&mut self, run: u64, seed: u64, replicate: u64, out: &mut Vec<u8>) {
        self.noise.begin(RunSeed { seed, replicate });
        let ended = Arch::new().dispatch(Steps(self));
        ended.write_row(out, [run, 0, replicate, seed]);
    }

    #[inline(always)]
    fn steps(&mut self) -> Ended {
        let mut state = State { stances: self.first, open: ALL_ACTORS, parties: 0, history: SECRET[2], storyline: 0 };
        state.record::<N>(1, 0, 0, 0);
        let mut reached = None;
        for step in 0..STEPS {
            self.move_stances(step, &mut state);
            self.exchange(step, &mut state);
            if reached.is_none() && state.parties >= 20 {
                reached = Some(step);
                state.record::<N>(21, step, 0, 0);
                state.add_entry::<N>("reached", "alliance");
            }
        }
        let gap = self.gap(&state);
        let (outcome, kind) = match (state.parties >= 20, gap) {
            (true, _) => ("alliance", 22),
            (false, 1..) => ("deadlock", 23),
            (false, 0) => ("stalemate", 24),
        };
        state.record::<N>(kind, STEPS - 1, 0, 0);
        state.add_entry::<N>("ended", outcome);
        let mood = state.stances[..ACTORS].iter().fold(0.0, |sum, stance| sum + stance) / ACTORS as f64;
        let reached = reached.filter(|_| outcome == "alliance");
        let State { parties, history, storyline, .. } = state;
        Ended { outcome, reached, gap, joined: f64::from(parties), mood, history, storyline }
    }

    #[inline(always)]
    fn move_stances(&mut self, step: u32, state: &mut State) {
        let mut means = [0.0; WIDTH];
        for (column, stance) in self.weights.iter().zip(&state.stances) {
            for (mean, weight) in means.iter_mut().zip(column) {
                *mean += weight * stance;
            }
        }
        let mut normals = [0.0; WIDTH];
        normals[..ACTORS].copy_from_slice(self.noise.step(step));
        let mut next = [0.0; WIDTH];
        for at in 0..WIDTH {
            let stance = state.stances[at];
            let pull = SUSCEPTIBILITY * means[at] + (1.0 - SUSCEPTIBILITY) * self.first[at];
            next[at] = (stance + (pull - stance) + VOLATILITY * normals[at]).clamp(0.0, 1.0) + 0.0;
        }
        for at in 0..ACTORS {
            if (next[at] - state.stances[at]).abs() > 1e-12 {
                state.stances[at] = next[at];
                state.record::<N>(5, step, at as u32, next[at].to_bits());
            }
        }
    }

    /// The actors whose condition holds if this many others are bound.
    #[inline(always)]
    fn agreeing(&self, stances: &[f64; WIDTH], others: u32) -> u32 {
        let company = self.pressure * f64::from(others) / 30.0;
        let mut agree = 0;
        for (at, stance) in stances.iter().enumerate() {
            agree |= u32::from(stance + company >= self.bar) << at;
        }
        agree
    }

    /// Offers in the first step, then rounds of promises, then deeds.
    #[inline(always)]
    fn exchange(&self, step: u32, state: &mut State) {
        if step == 0 {
            for at in 0..ACTORS as u32 {
                state.record::<N>(8, step, at, 0);
            }
            state.add_entry::<N>("created", "join");
        }
        let before = state.open;
        loop {
            let new = state.open & self.agreeing(&state.stances, state.parties);
            if new == 0 {
                break;
            }
            state.open &= !new;
            state.parties += new.count_ones();
            each(new, |at| state.record::<N>(11, step, at, 0));
        }
        if before != state.open {
            state.add_entry::<N>("detached", "join");
            state.add_entry::<N>("satisfied", "join");
        }
        each(before & !state.open, |at| {
            state.record::<N>(14, step, at, 1_000_000);
            state.record::<N>(16, step, at, 0);
        });
    }

    /// The number of actors that would promise if all of them did.
    fn gap(&self, state: &State) -> u32 {
        let mut left = state.open;
        loop {
            let count = left.count_ones();
            let stay = left & self.agreeing(&state.stances, state.parties + count.saturating_sub(1));
            if stay == left {
                return count;
            }
            left = stay;
        }
    }
}

/// The elements of a bit set, in ascending order.
#[inline(always)]
fn each(mut set: u32, mut act: impl FnMut(u32)) {
    while set != 0 {
        act(set.trailing_zeros());
        set &= set - 1;
    }
}

/// All steps of a run, compiled for the vectors of the machine.
struct Steps<'a, N>(&'a mut Baseline<N>);

impl<N: Noise> WithSimd for Steps<'_, N> {
    type Output = Ended;

    #[inline(always)]
    fn with_simd<S: Simd>(self, _: S) -> Ended {
        self.0.steps()
    }
}

impl State {
    #[inline(always)]
    fn record<N: Noise>(&mut self, kind: u64, step: u32, id: u32, value: u64) {
        if N::HASHES {
            let mixed = fold((kind << 32 | u64::from(step)) ^ SECRET[0], u64::from(id) ^ SECRET[1] ^ self.history);
            self.history = fold(mixed ^ SECRET[2], value ^ SECRET[1]) ^ self.history.rotate_left(23);
        }
    }

    /// Adds an entry to the hash of the storyline.
    #[inline(always)]
    fn add_entry<N: Noise>(&mut self, kind: &str, subject: &str) {
        if N::HASHES {
            self.storyline = mix(mix(self.storyline ^ fnv(kind)) ^ fnv(subject));
        }
    }
}

#[inline]
fn mix(bits: u64) -> u64 {
    let product = bits.wrapping_mul(0x9e37_79b9_7f4a_7c15);
    product ^ product >> 32
}

const SECRET: [u64; 3] = [0xa076_1d64_78bd_642f, 0xe703_7ed1_a0b4_28db, 0x8ebc_6af0_9c88_c6e3];

#[inline(always)]
fn fold(a: u64, b: u64) -> u64 {
    let product = u128::from(a) * u128::from(b);
    product as u64 ^ (product >> 64) as u64
}

fn fnv(name: &str) -> u64 {
    name.bytes().fold(0xcbf2_9ce4_8422_2325, |hash, byte| (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3))
}

/// The values of a row.
struct Ended {
    outcome: &'static str,
    reached: Option<u32>,
    gap: u32,
    joined: f64,
    mood: f64,
    history: u64,
    storyline: u64,
}

impl Ended {
    fn write_row(&self, out: &mut Vec<u8>, numbers: [u64; 4]) {
        use std::io::Write as _;
        let mut digits = itoa::Buffer::new();
        for number in numbers {
            out.extend_from_slice(digits.format(number).as_bytes());
            out.push(b',');
        }
        out.extend_from_slice(b"ok,");
        out.extend_from_slice(self.outcome.as_bytes());
        for number in [self.reached, Some(STEPS), Some(self.gap)] {
            out.push(b',');
            if let Some(number) = number {
                out.extend_from_slice(digits.format(number).as_bytes());
            }
        }
        for value in [self.joined, self.mood] {
            out.push(b',');
            let mut buffer = zmij::Buffer::new();
            out.extend_from_slice(buffer.format(value).as_bytes());
        }
        let _ = writeln!(out, ",h{:016x},h{:016x}", self.history, self.storyline);
    }
}

/// Where the lowest layer ends and the tail begins.
const EDGE: f64 = 3.654_152_885_361_009;
/// The area of each layer.
const AREA: f64 = 0.004_928_673_233_974_655;

/// Normals by the ziggurat method: G. Marsaglia and W. W. Tsang, 'The Ziggurat Method for Generating Random
/// Variables', Journal of Statistical Software 5 (2000), with 256 layers of equal area under the density and one word of
/// `ChaCha8` a normal.
pub(crate) struct Ziggurat {
    /// The right edges, falling; the first is that of the lowest layer with its tail as a rectangle.
    edges: [f64; 257],
    /// The density there, without its factor.
    heights: [f64; 257],
    words: ChaCha8Rng,
    normals: [f64; ACTORS],
}

fn density(x: f64) -> f64 {
    libm::exp(-0.5 * x * x)
}

impl Ziggurat {
    pub(crate) fn new() -> Self {
        let mut edges = [0.0; 257];
        (edges[0], edges[1]) = (AREA / density(EDGE), EDGE);
        for at in 2..256 {
            let below: f64 = edges[at - 1];
            edges[at] = libm::sqrt(-2.0 * libm::log(AREA / below + density(below)));
        }
        Self { edges, heights: edges.map(density), words: ChaCha8Rng::from_seed([0; 32]), normals: [0.0; ACTORS] }
    }

    #[inline(always)]
    fn normal(&mut self) -> f64 {
        loop {
            let word = self.words.next_u64();
            let layer = (word & 255) as usize;
            // In [−1, 1).
            let x = (f64::from_bits(word >> 12 | 2.0_f64.to_bits()) - 3.0) * self.edges[layer];
            if x.abs() < self.edges[layer + 1] {
                return x;
            }
            if let Some(x) = self.at_the_edge(layer, x) {
                return x;
            }
        }
    }

    #[cold]
    fn at_the_edge(&mut self, layer: usize, x: f64) -> Option<f64> {
        if layer == 0 {
            return Some(self.tail().copysign(x));
        }
        let (low, high) = (self.heights[layer], self.heights[layer + 1]);
        let y = low + (high - low) * backstop::engine::unit(self.words.next_u64());
        (y < density(x)).then_some(x)
    }

    fn tail(&mut self) -> f64 {
        loop {
            let mut exponential = || -libm::log(1.0 - backstop::engine::unit(self.words.next_u64()));
            let (x, y) = (exponential() / EDGE, exponential());
            if 2.0 * y >= x * x {
                return EDGE + x;
            }
        }
    }
}

impl Noise for Ziggurat {
    const HASHES: bool = false;

    fn begin(&mut self, run_seed: RunSeed) {
        let mut key = [0; 32];
        key[..8].copy_from_slice(&run_seed.seed.to_le_bytes());
        key[8..16].copy_from_slice(&run_seed.replicate.to_le_bytes());
        self.words = ChaCha8Rng::from_seed(key);
    }

    #[inline(always)]
    fn step(&mut self, _: u32) -> &[f64; ACTORS] {
        for at in 0..ACTORS {
            self.normals[at] = self.normal();
        }
        &self.normals
    }
}
