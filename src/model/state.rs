//! The life cycle of a commitment instance, as one table of its states.

/// Defines the states from one table: variant, name, whether it is final, how far the instance counts as evidence.
macro_rules! states {
    ($($(#[$doc:meta])* $state:ident = $name:literal, $end:ident, $standing:expr;)*) => {
        /// The state of a commitment in its life cycle (Telang, Singh and Yorke-Smith 2019).
        #[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub enum State {
            $($(#[$doc])* $state,)*
        }

        impl State {
            /// Every state, in the order of the life cycle.
            pub const ALL: [Self; [$($name),*].len()] = [$(Self::$state),*];

            /// Its name in tables and on the screen; not `null`, which many readers interpret as a missing value.
            #[must_use]
            pub const fn name(self) -> &'static str {
                match self {
                    $(Self::$state => $name,)*
                }
            }

            /// Whether it is final.
            #[inline]
            #[must_use]
            pub const fn is_final(self) -> bool {
                match self {
                    $(Self::$state => states!(@$end),)*
                }
            }

            /// Its standing as evidence. A satisfied maintained commitment counts only as kept.
            #[inline]
            #[must_use]
            pub const fn standing(self, maintain: bool) -> Standing {
                if maintain && matches!(self, Self::Satisfied) {
                    return Standing::OVER;
                }
                match self {
                    $(Self::$state => $standing,)*
                }
            }
        }
    };
    (@open) => { false };
    (@done) => { true };
}

states! {
    /// Not on the table.
    #[default]
    Null = "not_offered", open, Standing::NONE;
    /// Offered: the antecedent does not hold yet.
    Conditional = "conditional", open, Standing::OFFER;
    /// Bound: the debtor owes the consequent.
    Detached = "detached", open, Standing::BOND;
    /// Suspended by the debtor.
    Pending = "pending", open, Standing::NONE;
    /// All delivered (final).
    Satisfied = "satisfied", done, Standing::KEPT;
    /// Broken (final).
    Violated = "violated", done, Standing::NONE;
    /// The offer lapsed (final).
    Expired = "expired", done, Standing::NONE;
    /// Released by the creditor (final).
    Terminated = "terminated", done, Standing::NONE;
}

/// Whether a commitment counts as an offer, as a bond, and as kept.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Standing {
    /// Counts as an offer.
    pub offered: bool,
    /// Counts as a bond.
    pub bound: bool,
    /// Counts as kept.
    pub kept: bool,
}

impl Standing {
    /// Counts as nothing.
    pub const NONE: Self = Self { offered: false, bound: false, kept: false };
    /// Counts as an offer only.
    pub const OFFER: Self = Self { offered: true, bound: false, kept: false };
    /// Counts as an offer and a bond.
    pub const BOND: Self = Self { offered: true, bound: true, kept: false };
    /// Counts as kept only: a maintained commitment that is satisfied.
    pub const OVER: Self = Self { offered: false, bound: false, kept: true };
    /// Counts as an offer, a bond and as kept.
    pub const KEPT: Self = Self { offered: true, bound: true, kept: true };
}
