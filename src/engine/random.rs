//! Random streams: ChaCha8 as a counter-based generator, keyed by the purpose of a draw.
//! Where many streams are read at once, one block of one stream is made in each lane of a vector.

use pulp::{Arch, Simd, WithSimd};
use rand::{Rng as _, SeedableRng as _};
use rand_chacha::ChaCha8Rng;

/// The 64-bit FNV-1a hash of a source's name.
#[must_use]
pub fn stream(name: &str) -> u64 {
    stream_of(&[name])
}

/// [`stream`] of a name that is made of parts.
#[must_use]
pub(super) fn stream_of(parts: &[&str]) -> u64 {
    let bytes = parts.iter().flat_map(|part| part.bytes());
    bytes.fold(0xcbf2_9ce4_8422_2325, |hash, byte| (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3))
}

/// The seed and the replicate of a run, which determine all its random numbers.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct RunSeed {
    /// The seed.
    pub seed: u64,
    /// The replicate, from 0.
    pub replicate: u64,
}

impl RunSeed {
    /// The draws of one source.
    #[must_use]
    pub fn source(self, stream: u64) -> DrawStream {
        let mut key = [0; 32];
        key[..8].copy_from_slice(&self.seed.to_le_bytes());
        key[8..16].copy_from_slice(&self.replicate.to_le_bytes());
        let mut generator = ChaCha8Rng::from_seed(key);
        generator.set_stream(stream);
        DrawStream { generator, next: 0 }
    }

    /// The word of a source at one step.
    #[must_use]
    pub fn word(self, stream: u64, step: u32) -> u64 {
        self.source(stream).word(step)
    }
}

/// The draws of one source; cheap if taken step by step.
#[derive(Clone, Debug)]
pub struct DrawStream {
    generator: ChaCha8Rng,
    /// The step of the generator's next word.
    next: u32,
}

impl DrawStream {
    /// The word of a step.
    #[inline]
    pub fn word(&mut self, step: u32) -> u64 {
        if step != self.next {
            self.generator.set_word_pos(2 * u128::from(step));
        }
        self.next = step + 1;
        self.generator.next_u64()
    }
}

/// A word as a number in [0, 1).
#[inline]
#[must_use]
#[expect(clippy::cast_precision_loss, reason = "53 bits are exact")]
pub fn unit(word: u64) -> f64 {
    (word >> 11) as f64 * (1.0 / 9_007_199_254_740_992.0)
}

/// A word as a number in the open interval (0, 1), for inverting distribution functions.
#[inline]
#[must_use]
#[expect(clippy::cast_precision_loss, reason = "52 bits are exact")]
pub(super) fn open_unit(word: u64) -> f64 {
    ((word >> 12) as f64 + 0.5) * (1.0 / 4_503_599_627_370_496.0)
}

/// Blocks that are generated together: as many 32-bit lanes as the widest vectors hold.
pub(super) const LANES: usize = 16;
/// Words of 64 bits in a block.
pub(super) const WORDS: usize = 8;
/// The number of steps whose words are in one block.
pub(super) const BLOCK: u32 = 8;

/// `expand 32-byte k`, which fills the first row of the cipher's state.
const CONSTANTS: [u32; 4] = [0x6170_7865, 0x3320_646e, 0x7962_2d32, 0x6b20_6574];

/// The block to generate in each lane.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct BlockIndices {
    /// Its number within the stream.
    pub(super) block: [u32; LANES],
    /// The lower half of the stream's number.
    pub(super) low: [u32; LANES],
    /// The upper half.
    pub(super) high: [u32; LANES],
}

/// The words of a block by number, then lane, each mapped by the given function.
pub(super) type BlockWords = [[f64; LANES]; WORDS];

/// Generates one block in each lane.
pub(super) struct Blocks<'a, F> {
    pub(super) run_seed: RunSeed,
    pub(super) places: &'a BlockIndices,
    pub(super) made: &'a mut BlockWords,
    /// The function that maps each word.
    pub(super) keep: F,
}

impl<F: Fn(u64) -> f64> WithSimd for Blocks<'_, F> {
    type Output = ();

    // The body of the loop over the lanes has no branches or calls, so the compiler can vectorise all of it.
    #[inline(always)]
    fn with_simd<S: Simd>(self, _: S) {
        let Self { run_seed, places, made, keep } = self;
        let key = [
            low_half(run_seed.seed),
            high_half(run_seed.seed),
            low_half(run_seed.replicate),
            high_half(run_seed.replicate),
        ];
        let (mut low, mut high) = ([[0; LANES]; WORDS], [[0; LANES]; WORDS]);
        for lane in 0..LANES {
            let first = first_state(key, places.block[lane], places.low[lane], places.high[lane]);
            let mut state = first;
            double_round(&mut state);
            double_round(&mut state);
            double_round(&mut state);
            double_round(&mut state);
            // Unrolled by hand: a loop here would prevent vectorising the outer one.
            let half = |at: usize| state[at].wrapping_add(first[at]);
            (low[0][lane], high[0][lane]) = (half(0), half(1));
            (low[1][lane], high[1][lane]) = (half(2), half(3));
            (low[2][lane], high[2][lane]) = (half(4), half(5));
            (low[3][lane], high[3][lane]) = (half(6), half(7));
            (low[4][lane], high[4][lane]) = (half(8), half(9));
            (low[5][lane], high[5][lane]) = (half(10), half(11));
            (low[6][lane], high[6][lane]) = (half(12), half(13));
            (low[7][lane], high[7][lane]) = (half(14), half(15));
        }
        let halves = low.as_flattened().iter().zip(high.as_flattened());
        for (made, (&low, &high)) in made.as_flattened_mut().iter_mut().zip(halves) {
            *made = keep(u64::from(high) << 32 | u64::from(low));
        }
    }
}

/// The first words of many sources.
pub(super) fn first_words(arch: Arch, run_seed: RunSeed, streams: &[u64], words: &mut Vec<u64>) {
    words.clear();
    for some in streams.chunks(LANES) {
        let mut places = BlockIndices::default();
        for (lane, &stream) in some.iter().enumerate() {
            (places.low[lane], places.high[lane]) = (low_half(stream), high_half(stream));
        }
        let mut made: BlockWords = [[0.0; LANES]; WORDS];
        arch.dispatch(Blocks { run_seed, places: &places, made: &mut made, keep: f64::from_bits });
        words.extend(made[0][..some.len()].iter().map(|word| word.to_bits()));
    }
}

/// Builds the initial state from the constants, a key of 256 bits whose second half is 0, a counter and the stream.
#[inline(always)]
fn first_state(key: [u32; 4], block: u32, low: u32, high: u32) -> [u32; 16] {
    let [c0, c1, c2, c3] = CONSTANTS;
    let [k0, k1, k2, k3] = key;
    [c0, c1, c2, c3, k0, k1, k2, k3, 0, 0, 0, 0, block, 0, low, high]
}

/// Two rounds: the columns of the state as a square, then its diagonals.
#[inline(always)]
fn double_round(state: &mut [u32; 16]) {
    quarter_round(state, 0, 4, 8, 12);
    quarter_round(state, 1, 5, 9, 13);
    quarter_round(state, 2, 6, 10, 14);
    quarter_round(state, 3, 7, 11, 15);
    quarter_round(state, 0, 5, 10, 15);
    quarter_round(state, 1, 6, 11, 12);
    quarter_round(state, 2, 7, 8, 13);
    quarter_round(state, 3, 4, 9, 14);
}

#[inline(always)]
fn quarter_round(x: &mut [u32; 16], a: usize, b: usize, c: usize, d: usize) {
    x[a] = x[a].wrapping_add(x[b]);
    x[d] = (x[d] ^ x[a]).rotate_left(16);
    x[c] = x[c].wrapping_add(x[d]);
    x[b] = (x[b] ^ x[c]).rotate_left(12);
    x[a] = x[a].wrapping_add(x[b]);
    x[d] = (x[d] ^ x[a]).rotate_left(8);
    x[c] = x[c].wrapping_add(x[d]);
    x[b] = (x[b] ^ x[c]).rotate_left(7);
}

#[inline(always)]
#[expect(clippy::cast_possible_truncation, reason = "the lower half is meant")]
pub(super) fn low_half(word: u64) -> u32 {
    word as u32
}

#[inline(always)]
pub(super) fn high_half(word: u64) -> u32 {
    low_half(word >> 32)
}

#[cfg(test)]
mod tests {
    use rand::{Rng as _, SeedableRng as _};
    use rand_chacha::ChaCha8Rng;

    use super::*;

    #[test]
    fn hashes_names_by_fnv_1a() {
        // Test vectors of the reference implementation (Fowler, Noll and Vo).
        assert_eq!(stream(""), 0xcbf2_9ce4_8422_2325);
        assert_eq!(stream("a"), 0xaf63_dc4c_8601_ec8c);
        assert_eq!(stream("foobar"), 0x8594_4171_f739_67e8);
    }

    #[test]
    fn a_random_word_depends_only_on_its_step() {
        let run_seed = RunSeed { seed: 7, replicate: 3 };
        let in_order: Vec<u64> = {
            let mut source = run_seed.source(stream("stance/us/main"));
            (0..100).map(|step| source.word(step)).collect()
        };
        for step in (0..100).rev() {
            assert_eq!(run_seed.word(stream("stance/us/main"), step), in_order[step as usize]);
        }
    }

    #[test]
    fn the_open_interval_excludes_its_ends() {
        assert!(open_unit(0) > 0.0);
        assert!(open_unit(u64::MAX) < 1.0);
        assert!(unit(u64::MAX) < 1.0);
    }

    #[test]
    fn first_words_are_those_of_single_sources() {
        let run_seed = RunSeed { seed: 5, replicate: 1 << 40 };
        for count in [0, 1, 15, 16, 17, 40] {
            let streams: Vec<u64> = (0..count).map(|at| stream(&format!("draw/{at}"))).collect();
            let mut words = vec![7];
            first_words(Arch::new(), run_seed, &streams, &mut words);
            assert_eq!(words, streams.iter().map(|&stream| run_seed.word(stream, 0)).collect::<Vec<_>>());
        }
    }

    #[test]
    fn random_words_equal_those_of_rand_chacha() {
        let mut any = ChaCha8Rng::from_seed([5; 32]);
        for round in 0..200 {
            let run_seed = RunSeed { seed: any.next_u64(), replicate: any.next_u64() >> (round % 64) };
            let streams: [u64; LANES] = std::array::from_fn(|_| any.next_u64());
            // Every block that a step can reach, the first and the last among them.
            let block = std::array::from_fn(|lane| match lane {
                0 => 0,
                1 => u32::MAX / 16,
                _ => any.next_u32() >> (3 + (lane + round) % 29),
            });
            let places = BlockIndices { block, low: streams.map(low_half), high: streams.map(high_half) };
            let mut made = [[0.0; LANES]; WORDS];
            Arch::new().dispatch(Blocks { run_seed, places: &places, made: &mut made, keep: f64::from_bits });
            for lane in 0..LANES {
                let mut source = run_seed.source(streams[lane]);
                for (at, row) in (0..).zip(&made) {
                    assert_eq!(row[lane].to_bits(), source.word(8 * block[lane] + at), "lane {lane}, word {at}");
                }
            }
        }
    }
}
