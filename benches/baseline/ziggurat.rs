//! Normals by the ziggurat method: G. Marsaglia and W. W. Tsang, 'The Ziggurat Method for Generating Random
//! Variables', Journal of Statistical Software 5 (2000), with 256 layers and one word of `ChaCha8` a normal.

use backstop::engine::RunSeed;
use rand::{Rng as _, SeedableRng as _};
use rand_chacha::ChaCha8Rng;

use super::{ACTORS, Noise};

/// Where the lowest layer ends and the tail begins.
const EDGE: f64 = 3.654_152_885_361_009;
/// The area of each layer.
const AREA: f64 = 0.004_928_673_233_974_655;

/// Layers of equal area under the density, and one stream of words a run.
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
