//! Random streams: ChaCha8 as a counter-based generator, keyed by what a draw is for.
//!
//! The key is made of seed and replicate, the stream is the hash of the source's name, and the draw of
//! step `t` sits at word `2·t`. No draw depends on any other having been made, so adding an actor or
//! removing a shock changes nobody else's luck (common random numbers).

use rand::Rng as _;
use rand::SeedableRng as _;
use rand_chacha::ChaCha8Rng;

/// The 64-bit FNV-1a hash of a source's name.
#[must_use]
pub fn stream(name: &str) -> u64 {
    name.bytes().fold(0xcbf2_9ce4_8422_2325, |hash, byte| (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3))
}

/// The luck of one run: everything random in it follows from these two numbers.
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

    /// The one word of a source at one step.
    #[must_use]
    pub fn word(self, stream: u64, step: u32) -> u64 {
        self.source(stream).word(step)
    }
}

/// The draws of one source, cheap when taken step by step.
#[derive(Clone, Debug)]
pub struct DrawStream {
    generator: ChaCha8Rng,
    /// The step whose word the generator gives next.
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn hashes_names_by_fnv_1a() {
        // Test vectors of the reference implementation (Fowler, Noll and Vo).
        assert_eq!(stream(""), 0xcbf2_9ce4_8422_2325);
        assert_eq!(stream("a"), 0xaf63_dc4c_8601_ec8c);
        assert_eq!(stream("foobar"), 0x8594_4171_f739_67e8);
    }

    #[test]
    fn a_word_depends_on_its_step_alone() {
        let luck = RunSeed { seed: 7, replicate: 3 };
        let in_order: Vec<u64> = {
            let mut source = luck.source(stream("stance/us/main"));
            (0..100).map(|step| source.word(step)).collect()
        };
        for step in (0..100).rev() {
            assert_eq!(luck.word(stream("stance/us/main"), step), in_order[step as usize]);
        }
    }

    #[test]
    fn the_open_interval_keeps_its_ends_out() {
        assert!(open_unit(0) > 0.0);
        assert!(open_unit(u64::MAX) < 1.0);
        assert!(unit(u64::MAX) < 1.0);
    }
}
