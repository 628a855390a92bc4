//! The numbers of a run, declared in one table.

use super::ids::{ActorId, AttributeId, ParameterId};
use super::numbers::{Numbers, Value};
use super::{Amount, Model};

/// Defines the numbers of a run from one table: field, type, target.
///
/// A target with an index type (`usize` or an id) is a list; otherwise the field is a single number. `raw` fields keep
/// the sign of a zero: parameters and attributes keep the value of the file, while a share, a weight or an amount of −0
/// is stored as 0.
macro_rules! setup {
    ($(
        $(#[$doc:meta])*
        $field:ident: $type:ty = $target:ident $(($index:ty))? $(, $raw:ident)?;
    )*) => {
        /// The numbers of one run.
        #[derive(Clone, Debug, PartialEq)]
        pub struct Setup {
            $($(#[$doc])* pub $field: $type,)*
        }

        /// The place of a value in the [`Setup`].
        #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
        #[expect(missing_docs, reason = "each stands for the field of `Setup` of that name, at that position")]
        pub enum Target {
            $($target $(($index))?,)*
        }

        impl Target {
            /// The names of all variants.
            pub const KINDS: [&str; [$(stringify!($target)),*].len()] = [$(stringify!($target)),*];

            /// The name of the variant.
            #[must_use]
            pub fn kind(self) -> &'static str {
                match self {
                    $(setup!(@pattern _at, $target $(($index))?) => stringify!($target),)*
                }
            }
        }

        impl Setup {
            /// Copies the numbers of another setup of the same model, reusing memory.
            pub fn restore(&mut self, other: &Self) {
                $(self.$field.clone_from(&other.$field);)*
            }

            /// Every number: its place, its bits, and the argument of `set` that gives it, if there is one.
            fn entries(&self) -> Vec<(Target, u64, Option<f64>)> {
                let mut all = Vec::new();
                $(setup!(@entries self.$field, all, $target $(($index))?);)*
                all
            }

            /// Stores a checked value.
            pub fn set(&mut self, target: Target, value: f64) {
                match target {
                    $(
                        setup!(@pattern at, $target $(($index))?) => {
                            let value = setup!(@number value $(, $raw)?);
                            setup!(@store self.$field, at, value $(, $index)?);
                        }
                    )*
                }
            }

            /// Stores one checked value in `count` places of a list, the first of which is `target`, and each `step`
            /// after the one before.
            pub fn fill(&mut self, target: Target, step: usize, count: usize, value: f64) {
                match target {
                    $(
                        setup!(@pattern at, $target $(($index))?) => {
                            let value = setup!(@number value $(, $raw)?);
                            setup!(@fill self.$field, at, (step, count), value $(, $index)?);
                        }
                    )*
                }
            }

            /// Stores checked values in places of a list, as [`Self::fill`].
            pub fn set_each(&mut self, target: Target, step: usize, values: impl Iterator<Item = f64>) {
                match target {
                    $(
                        setup!(@pattern at, $target $(($index))?) => {
                            let values = values.map(|value| setup!(@number value $(, $raw)?));
                            setup!(@each self.$field, at, step, values $(, $index)?);
                        }
                    )*
                }
            }
        }
    };
    (@entries $values:expr, $all:ident, $target:ident ($index:ty)) => {
        $all.extend($values.iter().enumerate().map(|(at, value)| {
            (Target::$target(<$index as Index>::at(at)), value.bits(), value.number())
        }));
    };
    (@entries $value:expr, $all:ident, $target:ident) => {
        $all.push((Target::$target, $value.bits(), $value.number()));
    };
    (@pattern $at:ident, $target:ident ($index:ty)) => { Target::$target($at) };
    (@pattern $at:ident, $target:ident) => { Target::$target };
    (@store $values:expr, $at:ident, $value:ident, $index:ty) => { $values.store(Index::index($at), Value::put($value)) };
    (@store $field:expr, $at:ident, $value:ident) => { $field = Value::put($value) };
    (@fill $values:expr, $at:ident, $places:expr, $value:ident, $index:ty) => {
        $values.fill_places(Index::index($at), $places, Value::put($value))
    };
    (@fill $field:expr, $at:ident, $places:expr, $value:ident) => { $field = Value::put($value) };
    (@each $list:expr, $at:ident, $step:ident, $values:ident, $index:ty) => {
        $values.enumerate().for_each(|(at, value)| $list.store(Index::index($at) + at * $step, Value::put(value)))
    };
    (@each $field:expr, $at:ident, $step:ident, $values:ident) => {
        $values.for_each(|value| $field = Value::put(value))
    };
    (@number $given:ident, raw) => { $given };
    (@number $given:ident) => { $given + 0.0 };
}

/// A list of numbers, however it is stored.
trait List<T> {
    /// Replaces the number at a place.
    fn store(&mut self, at: usize, value: T);
    /// Replaces the numbers of `count` places, each `step` after the one before.
    fn fill_places(&mut self, first: usize, places: (usize, usize), value: T);
}

impl<T: Copy> List<T> for Vec<T> {
    fn store(&mut self, at: usize, value: T) {
        self[at] = value;
    }

    fn fill_places(&mut self, first: usize, (step, count): (usize, usize), value: T) {
        (0..count).for_each(|at| self[first + at * step] = value);
    }
}

impl<T: Value> List<T> for Numbers<T> {
    fn store(&mut self, at: usize, value: T) {
        self.set(at, value);
    }

    fn fill_places(&mut self, first: usize, (step, count): (usize, usize), value: T) {
        if first == 0 && step == 1 && count == self.len() {
            *self = Self::new(value, count);
        } else {
            (0..count).for_each(|at| self.set(first + at * step, value));
        }
    }
}

/// A position in a list of numbers.
trait Index: Copy {
    fn at(index: usize) -> Self;
    fn index(self) -> usize;
}

impl Index for usize {
    fn at(index: usize) -> Self {
        index
    }

    fn index(self) -> usize {
        self
    }
}

impl Index for ParameterId {
    fn at(index: usize) -> Self {
        Self::at(index)
    }

    fn index(self) -> usize {
        self.index()
    }
}

setup! {
    /// By parameter.
    parameters: Vec<f64> = Parameter(ParameterId), raw;
    /// Initial stances in [0, 1], by issue, then actor.
    stances: Vec<f64> = Stance(usize);
    /// Initial anchors in [0, 1], by issue, then actor; NaN stands for the initial stance.
    anchors: Numbers<f64> = Anchor(usize);
    /// Susceptibility λ in [0, 1], by actor.
    susceptibility: Vec<f64> = Susceptibility(usize);
    /// Volatility σ ≥ 0, by actor.
    volatility: Vec<f64> = Volatility(usize);
    /// Credit for an offer, `κ_offer` in [0, 1], by actor.
    credit_offer: Numbers<f64> = CreditOffer(usize);
    /// Credit for a bond, `κ_bond` in [`κ_offer`, 1], by actor.
    credit_bond: Numbers<f64> = CreditBond(usize);
    /// By attribute, then actor; NaN if the actor lacks the attribute.
    attributes: Vec<f64> = Attribute(usize), raw;
    /// Pace η of opinion change in (0, 1].
    pace: f64 = Pace;
    /// Prior mean of trust in [0, 1].
    trust_default: f64 = TrustDefault;
    /// Prior strength of trust, `α + β` > 0.
    trust_strength: f64 = TrustStrength;
    /// Weight ≥ 0 of a whole delivery on α.
    trust_kept: f64 = TrustKept;
    /// Weight ≥ 0 of a violation on β.
    trust_broken: f64 = TrustBroken;
    /// Weight ≥ 0 of a suspension on β.
    trust_suspended: f64 = TrustSuspended;
    /// Factor ≥ 0 for actors who only witness it.
    trust_witness: f64 = TrustWitness;
    /// Prior means of the exceptions, by entry.
    trust_pairs: Vec<f64> = TrustPair(usize);
    /// Weights ≥ 0 of the influence entries.
    influence: Vec<f64> = Influence(usize);
    /// Amounts promised, by flat position of the gift.
    gives: Numbers<Amount> = Gives(usize);
    /// Step sizes ≥ 0.000001 of graded amounts, by flat position of the gift; empty if none is graded.
    by: Numbers<Amount> = By(usize);
    /// Steps before the first increment, by instance.
    lead: Numbers<u32> = Lead(usize);
    /// Number of increments ≥ 1, by instance.
    over: Numbers<u32> = Over(usize);
    /// Largest number of steps of a suspension, by instance; `None` is unlimited.
    grace: Numbers<Option<u32>> = Grace(usize);
    /// Number of steps within which it must be satisfied, by instance; `None` is unlimited.
    due: Numbers<Option<u32>> = Due(usize);
    /// First step at which an offer lapses, by instance: an integer, or infinity; it never lapses if this is outside
    /// the run.
    expires: Numbers<f64> = Expires(usize);
    /// Declared cost ≥ 0 of a first move, by instance.
    cost: Numbers<f64> = Cost(usize);
    /// Probability that a package is agreed, by meeting.
    success: Vec<f64> = Success(usize);
    /// Weight ≥ 0 on each other attendee during a session, by meeting.
    meeting_influence: Vec<f64> = MeetingInfluence(usize);
    /// Sizes of the shocks' effects.
    effects: Vec<f64> = Effect(usize);
    /// Amounts to which moves raise graded commitments, if given.
    moved: Vec<Amount> = Moved(usize);
}

impl Setup {
    /// An actor's attribute; NaN if it lacks the attribute.
    #[inline]
    #[must_use]
    pub fn attribute(&self, model: &Model, actor: ActorId, attribute: AttributeId) -> f64 {
        self.attributes[attribute.index() * model.actors.len() + actor.index()]
    }

    /// The numbers of `other` that differ in their bits; setting them turns this setup into `other`. `None` if that is
    /// not possible: the two have different shapes, only one has a deadline, or an amount is too large for its units to
    /// be exact.
    #[must_use]
    pub fn differing(&self, other: &Self) -> Option<Vec<(Target, f64)>> {
        let (ours, theirs) = (self.entries(), other.entries());
        let is_same_shape = ours.iter().map(|entry| entry.0).eq(theirs.iter().map(|entry| entry.0));
        let differing = ours.iter().zip(&theirs).filter(|(a, b)| a.1 != b.1);
        let settings = differing.map(|(a, b)| a.2.and(b.2).map(|value| (b.0, value)));
        if is_same_shape { settings.collect() } else { None }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A setup with one number of each kind.
    fn setup() -> Setup {
        Setup {
            parameters: vec![0.5],
            stances: vec![0.5],
            anchors: Numbers::from(vec![f64::NAN]),
            susceptibility: vec![0.5],
            volatility: vec![0.5],
            credit_offer: Numbers::from(vec![0.5]),
            credit_bond: Numbers::from(vec![0.5]),
            attributes: vec![f64::NAN],
            pace: 0.5,
            trust_default: 0.5,
            trust_strength: 0.5,
            trust_kept: 0.5,
            trust_broken: 0.5,
            trust_suspended: 0.5,
            trust_witness: 0.5,
            trust_pairs: vec![0.5],
            influence: vec![0.5],
            gives: Numbers::from(vec![Amount::from_units(0.5)]),
            by: Numbers::from(vec![Amount::from_units(0.5)]),
            lead: Numbers::from(vec![0]),
            over: Numbers::from(vec![3]),
            grace: Numbers::from(vec![Some(3)]),
            due: Numbers::from(vec![Some(3)]),
            expires: Numbers::from(vec![3.0]),
            cost: Numbers::from(vec![0.5]),
            success: vec![0.5],
            meeting_influence: vec![0.5],
            effects: vec![-0.0],
            moved: vec![Amount::from_units(0.5)],
        }
    }

    #[test]
    fn differing_fields_are_found() {
        let base = setup();
        assert_eq!(base.differing(&base), Some(vec![]));
        let targets: Vec<Target> = base.entries().iter().map(|entry| entry.0).collect();
        assert_eq!(targets.len(), 29);
        for target in targets {
            let mut other = base.clone();
            other.set(target, 1.0);
            assert_eq!(base.differing(&other), Some(vec![(target, 1.0)]), "{target:?}");
        }
        // The sign of a zero is a difference.
        assert_eq!(base.differing(&Setup { effects: vec![0.0], ..setup() }), Some(vec![(Target::Effect(0), 0.0)]));
    }

    #[test]
    fn differences_without_a_setting_give_none() {
        let base = setup();
        assert_eq!(base.differing(&Setup { stances: vec![0.5; 2], ..setup() }), None);
        assert_eq!(base.differing(&Setup { gives: Numbers::from(vec![]), ..setup() }), None);
        assert_eq!(base.differing(&Setup { grace: Numbers::from(vec![None]), ..setup() }), None);
        assert_eq!(Setup { due: Numbers::from(vec![None]), ..setup() }.differing(&base), None);
        assert_eq!(base.differing(&Setup { expires: Numbers::from(vec![f64::INFINITY]), ..setup() }), None);
        // More than 2^53 millionths.
        assert_eq!(
            base.differing(&Setup { gives: Numbers::from(vec![Amount(10_000_000_000_000_001)]), ..setup() }),
            None
        );
    }
}
