//! Who may move at all in the stances' phase: an actor that cannot costs nothing.

use super::super::view::View;
use super::weights::Weights;
use crate::model::{ActorId, Facts};

/// The actors whom others influence, whose stances are noisy, or whom an anchor pulls.
#[derive(Clone, Debug, Default)]
pub(in super::super) struct Movers {
    /// Under which weights the rest was worked out.
    under: Option<u64>,
    everybody: bool,
    /// Where not everybody may move: who may, rising.
    few: Vec<ActorId>,
    /// The position in `few` of each row of the weights, and of each volatile actor.
    pub(super) rows: Vec<u32>,
    pub(super) volatile: Vec<u32>,
    /// Whom an anchor pulls, or has pulled; valid if `pulled_is_known`.
    pulled: Vec<ActorId>,
    is_pulled: Vec<bool>,
    pulled_is_known: bool,
}

impl Movers {
    /// For other numbers.
    pub(in super::super) fn reset(&mut self) {
        self.under = None;
        self.pulled_is_known = false;
        self.few.clear();
    }

    /// Notes that a stance or an anchor of an actor was shifted.
    pub(in super::super) fn note_shift(&mut self, actor: ActorId) {
        if self.pulled_is_known && !std::mem::replace(&mut self.is_pulled[actor.index()], true) {
            self.pulled.push(actor);
            self.under = None;
        }
    }

    /// Works out who may move under these weights.
    pub(in super::super) fn update(
        &mut self,
        view: View<'_>,
        (serial, weights): (u64, &Weights),
        volatile: &[ActorId],
    ) {
        if self.under == Some(serial) {
            return;
        }
        // Who has moved under other weights may be away from its anchor now.
        if self.everybody {
            self.pulled_is_known = false;
        } else {
            for actor in std::mem::take(&mut self.few) {
                self.note_shift(actor);
            }
        }
        self.under = Some(serial);
        let actors = view.model.actors.len();
        self.everybody = weights.rows.len().max(volatile.len()) > actors / 2;
        if self.everybody {
            return;
        }
        if !self.pulled_is_known {
            self.find_pulled(view);
        }
        self.few.clear();
        self.few.extend(weights.rows.iter().chain(volatile).chain(&self.pulled));
        self.few.sort_unstable();
        self.few.dedup();
        self.everybody = self.few.len() > actors / 2;
        let position = |actor: &ActorId| {
            let at = self.few.binary_search(actor).expect("it was put in");
            u32::try_from(at).expect("the number of actors is limited")
        };
        self.rows.clear();
        self.rows.extend(weights.rows.iter().map(position));
        self.volatile.clear();
        self.volatile.extend(volatile.iter().map(position));
    }

    /// An anchor pulls only where it lies elsewhere.
    fn find_pulled(&mut self, view: View<'_>) {
        let Facts { stances, anchors, .. } = &**view.world;
        let actors = view.model.actors.len();
        self.is_pulled.clear();
        self.is_pulled.resize(actors, false);
        for (stances, anchors) in stances.chunks_exact(actors.max(1)).zip(anchors.chunks_exact(actors.max(1))) {
            let susceptible = stances.iter().zip(anchors).zip(&view.setup.susceptibility);
            for (is_pulled, ((stance, anchor), lambda)) in self.is_pulled.iter_mut().zip(susceptible) {
                *is_pulled |= stance.to_bits() != anchor.to_bits() && *lambda < 1.0;
            }
        }
        self.pulled.clear();
        self.pulled.extend(view.model.actor_ids().filter(|actor| self.is_pulled[actor.index()]));
        self.pulled_is_known = true;
    }

    /// Who may move, rising; none where that is everybody.
    pub(in super::super) fn few(&self) -> Option<&[ActorId]> {
        if self.everybody { None } else { Some(&self.few) }
    }
}
