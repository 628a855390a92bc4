//! Trust as Beta reputation (Jøsang and Ismail 2002): a mean of `α/(α+β)` for each pair of actors.

use std::collections::BTreeMap;

use super::ids::ActorId;

/// The two counts of a Beta distribution.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Beta {
    /// Weight of kept commitments.
    pub alpha: f64,
    /// Weight of broken commitments.
    pub beta: f64,
}

impl Beta {
    /// The counts of a prior mean in [0, 1] with a positive strength.
    #[must_use]
    pub fn new(mean: f64, strength: f64) -> Self {
        Self { alpha: mean * strength, beta: (1.0 - mean) * strength }
    }

    #[inline]
    fn add(&mut self, more: Self) {
        self.alpha += more.alpha;
        self.beta += more.beta;
    }

    /// The mean, `α/(α+β)`.
    #[inline]
    #[must_use]
    pub fn mean(self) -> f64 {
        self.alpha / (self.alpha + self.beta)
    }
}

/// With at most this many actors, trust is a dense matrix.
const DENSE: usize = 128;

/// The trust of every actor in every other.
#[derive(Clone, Debug, PartialEq)]
pub struct Trust {
    actors: usize,
    prior: Beta,
    /// By trusted, then truster; empty if pairs are stored sparsely.
    dense: Vec<Beta>,
    sparse: BTreeMap<(ActorId, ActorId), Beta>,
}

impl Trust {
    /// Initial trust: the same prior for every pair.
    #[must_use]
    pub fn new(actors: usize, prior: Beta) -> Self {
        let dense = if actors <= DENSE { vec![prior; actors * actors] } else { Vec::new() };
        Self { actors, prior, dense, sparse: BTreeMap::new() }
    }

    /// Resets every pair to the same prior.
    pub fn reset(&mut self, prior: Beta) {
        self.prior = prior;
        self.dense.fill(prior);
        self.sparse.clear();
    }

    /// Copies the counts of another, reusing memory.
    pub fn copy_from(&mut self, other: &Self) {
        self.actors = other.actors;
        self.prior = other.prior;
        self.dense.clone_from(&other.dense);
        self.sparse.clone_from(&other.sparse);
    }

    /// The mean trust of `truster` in `trusted`; 1 in oneself.
    #[inline]
    #[must_use]
    pub fn of(&self, truster: ActorId, trusted: ActorId) -> f64 {
        if truster == trusted { 1.0 } else { self.beta(truster, trusted).mean() }
    }

    /// The Beta counts of the trust of `truster` in another actor.
    #[inline]
    #[must_use]
    pub fn beta(&self, truster: ActorId, trusted: ActorId) -> Beta {
        if self.actors <= DENSE {
            self.dense[trusted.index() * self.actors + truster.index()]
        } else {
            self.sparse.get(&(truster, trusted)).copied().unwrap_or(self.prior)
        }
    }

    /// Mutable access to the Beta counts of the trust of `truster` in another actor.
    pub fn beta_mut(&mut self, truster: ActorId, trusted: ActorId) -> &mut Beta {
        if self.actors <= DENSE {
            &mut self.dense[trusted.index() * self.actors + truster.index()]
        } else {
            self.sparse.entry((truster, trusted)).or_insert(self.prior)
        }
    }

    /// Adds evidence about one actor to the counts of others: `direct` to those of `some`, in ascending order, and
    /// `indirect`, if given, to those of everyone else. The actor itself is left out.
    pub fn update_trust(&mut self, trusted: ActorId, (some, direct): (&[ActorId], Beta), indirect: Option<Beta>) {
        let Some(indirect) = indirect else {
            for &truster in some.iter().filter(|&&truster| truster != trusted) {
                self.beta_mut(truster, trusted).add(direct);
            }
            return;
        };
        let itself = (self.actors <= DENSE).then(|| self.beta(trusted, trusted));
        let mut from = 0;
        for &truster in some {
            self.add_for(trusted, from..truster.index(), indirect);
            self.add_for(trusted, truster.index()..truster.index() + 1, direct);
            from = truster.index() + 1;
        }
        self.add_for(trusted, from..self.actors, indirect);
        if let Some(itself) = itself {
            *self.beta_mut(trusted, trusted) = itself;
        }
    }

    fn add_for(&mut self, trusted: ActorId, trusters: std::ops::Range<usize>, seen: Beta) {
        if self.actors <= DENSE {
            let row = &mut self.dense[trusted.index() * self.actors..][trusters];
            row.iter_mut().for_each(|beta| beta.add(seen));
        } else {
            let others = trusters.map(ActorId::at).filter(|&truster| truster != trusted);
            others.for_each(|truster| self.beta_mut(truster, trusted).add(seen));
        }
    }

    /// Number of pairs that differ from the prior, for the limit on them.
    #[must_use]
    pub fn pairs(&self) -> usize {
        self.sparse.len()
    }
}
