//! The ensemble of `benches/scenarios/ensemble.toml` as one would write it by hand: plain loops over arrays, nothing
//! general, the same arithmetic, the same random numbers, the same rows of `runs.csv`.

#![expect(
    clippy::cast_possible_truncation,
    clippy::cast_precision_loss,
    reason = "written as by hand: small counts, 52 bits, halves of a product"
)]

use rand::{Rng as _, SeedableRng as _};
use rand_chacha::ChaCha8Rng;

/// Actors.
pub(crate) const ACTORS: usize = 30;
/// Steps.
pub(crate) const STEPS: u32 = 60;

const VOLATILITY: f64 = 0.03;
const SUSCEPTIBILITY: f64 = 0.8;

/// The hand-written program.
pub(crate) struct Baseline {
    bar: f64,
    pressure: f64,
    streams: [u64; ACTORS],
    /// Influence by column.
    weights: Vec<[f64; ACTORS]>,
    first: [f64; ACTORS],
}

/// A run under way.
struct State {
    stances: [f64; ACTORS],
    offered: [bool; ACTORS],
    bound: [bool; ACTORS],
    parties: u32,
    history: u64,
}

impl Baseline {
    /// The ensemble with these parameters.
    pub(crate) fn new(bar: f64, pressure: f64) -> Self {
        let mut first = [0.0; ACTORS];
        let mut streams = [0; ACTORS];
        for at in 0..ACTORS {
            first[at] = 0.2 + 0.6 * (at as f64 + 1.0) / ACTORS as f64;
            streams[at] = fnv(&format!("stance/member_{}/main", at + 1));
        }
        let mut weights = vec![[1.0 / (ACTORS as f64 - 1.0); ACTORS]; ACTORS];
        for (at, column) in weights.iter_mut().enumerate() {
            column[at] = 0.0;
        }
        Self { bar, pressure, streams, weights, first }
    }

    /// Adds the row of a run.
    pub(crate) fn run(&self, run: u64, seed: u64, replicate: u64, out: &mut Vec<u8>) {
        let mut sources: Vec<ChaCha8Rng> = self.streams.iter().map(|&stream| source(seed, replicate, stream)).collect();
        let mut state = State {
            stances: self.first,
            offered: [false; ACTORS],
            bound: [false; ACTORS],
            parties: 0,
            history: SECRET[2],
        };
        state.happen(1, 0, 0, 0, 0);
        let mut reached = None;
        for step in 0..STEPS {
            self.move_stances(step, &mut sources, &mut state);
            self.exchange(step, &mut state);
            if reached.is_none() && state.parties >= 20 {
                reached = Some(step);
                state.happen(21, step, 0, 0, 0);
            }
        }
        let gap = self.gap(&state);
        let outcome = match (state.parties >= 20, gap) {
            (true, _) => "alliance",
            (false, 1..) => "deadlock",
            (false, 0) => "stalemate",
        };
        let kind = match outcome {
            "alliance" => 22,
            "deadlock" => 23,
            _ => 24,
        };
        state.happen(kind, STEPS - 1, 0, 0, 0);
        let sum: f64 = state.stances.iter().fold(0.0, |sum, stance| sum + stance);
        let mood = sum / ACTORS as f64;
        let reached = reached.filter(|_| outcome == "alliance");
        let metrics = (f64::from(state.parties), mood);
        write_row(out, [run, 0, replicate, seed], (outcome, reached, gap), metrics, state.history);
    }

    fn move_stances(&self, step: u32, sources: &mut [ChaCha8Rng], state: &mut State) {
        let mut means = [0.0; ACTORS];
        for (column, stance) in self.weights.iter().zip(&state.stances) {
            for (mean, weight) in means.iter_mut().zip(column) {
                *mean += weight * stance;
            }
        }
        for at in 0..ACTORS {
            let stance = state.stances[at];
            let pull = SUSCEPTIBILITY * means[at] + (1.0 - SUSCEPTIBILITY) * self.first[at];
            let word = sources[at].next_u64();
            let p = ((word >> 12) as f64 + 0.5) * (1.0 / 4_503_599_627_370_496.0);
            let z = backstop::engine::normal_quantile(p);
            let next = (stance + (pull - stance) + VOLATILITY * z).clamp(0.0, 1.0) + 0.0;
            if (next - stance).abs() > 1e-12 {
                state.stances[at] = next;
                state.happen(5, step, at as u32, 0, next.to_bits());
            }
        }
    }

    fn holds(&self, stance: f64, others: u32) -> bool {
        stance + self.pressure * f64::from(others) / 30.0 >= self.bar
    }

    /// Offers in the first step, then rounds of promises, then deeds.
    fn exchange(&self, step: u32, state: &mut State) {
        if step == 0 {
            for at in 0..ACTORS {
                state.offered[at] = true;
                state.happen(8, step, at as u32, 0, 0);
            }
        }
        let mut new = Vec::new();
        loop {
            let before = new.len();
            let parties = state.parties;
            for at in 0..ACTORS {
                if state.offered[at] && !state.bound[at] && self.holds(state.stances[at], parties) {
                    new.push(at);
                }
            }
            if new.len() == before {
                break;
            }
            for &at in &new[before..] {
                state.bound[at] = true;
                state.parties += 1;
                state.happen(11, step, at as u32, 0, 0);
            }
        }
        new.sort_unstable();
        for at in new {
            state.happen(14, step, at as u32, 0, 1_000_000);
            state.happen(16, step, at as u32, 0, 0);
        }
    }

    /// How many would promise if all of them did.
    fn gap(&self, state: &State) -> u32 {
        let mut left: Vec<usize> = (0..ACTORS).filter(|&at| !state.bound[at]).collect();
        loop {
            let count = left.len();
            let others = state.parties + count as u32 - 1_u32.min(count as u32);
            left.retain(|&at| self.holds(state.stances[at], others));
            if left.len() == count {
                return count as u32;
            }
        }
    }
}

impl State {
    #[inline]
    fn happen(&mut self, kind: u64, step: u32, first: u32, second: u32, value: u64) {
        let ids = u64::from(second) << 32 | u64::from(first);
        let mixed = fold((kind << 32 | u64::from(step)) ^ SECRET[0], ids ^ SECRET[1] ^ self.history);
        self.history = fold(mixed ^ SECRET[2], value ^ SECRET[1]) ^ self.history.rotate_left(23);
    }
}

const SECRET: [u64; 3] = [0xa076_1d64_78bd_642f, 0xe703_7ed1_a0b4_28db, 0x8ebc_6af0_9c88_c6e3];

#[inline]
fn fold(a: u64, b: u64) -> u64 {
    let product = u128::from(a) * u128::from(b);
    product as u64 ^ (product >> 64) as u64
}

fn fnv(name: &str) -> u64 {
    name.bytes().fold(0xcbf2_9ce4_8422_2325, |hash, byte| (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3))
}

fn source(seed: u64, replicate: u64, stream: u64) -> ChaCha8Rng {
    let mut key = [0; 32];
    key[..8].copy_from_slice(&seed.to_le_bytes());
    key[8..16].copy_from_slice(&replicate.to_le_bytes());
    let mut generator = ChaCha8Rng::from_seed(key);
    generator.set_stream(stream);
    generator
}

fn write_row(
    out: &mut Vec<u8>,
    numbers: [u64; 4],
    (outcome, reached, gap): (&str, Option<u32>, u32),
    (joined, mood): (f64, f64),
    history: u64,
) {
    use std::io::Write as _;
    let mut digits = itoa::Buffer::new();
    for number in numbers {
        out.extend_from_slice(digits.format(number).as_bytes());
        out.push(b',');
    }
    out.extend_from_slice(b"ok,");
    out.extend_from_slice(outcome.as_bytes());
    for number in [reached, Some(STEPS), Some(gap)] {
        out.push(b',');
        if let Some(number) = number {
            out.extend_from_slice(digits.format(number).as_bytes());
        }
    }
    for value in [joined, mood] {
        out.push(b',');
        let mut buffer = zmij::Buffer::new();
        out.extend_from_slice(buffer.format(value).as_bytes());
    }
    let _ = writeln!(out, ",h{history:016x}");
}
