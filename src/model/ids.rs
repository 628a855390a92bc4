//! Indices into the tables of a [`Model`](super::Model), which the engine uses instead of names.

macro_rules! ids {
    ($($(#[$doc:meta])* $name:ident;)*) => {$(
        $(#[$doc])*
        #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub struct $name(pub u32);

        impl $name {
            /// The position in its table.
            #[inline]
            #[must_use]
            pub fn index(self) -> usize {
                self.0 as usize
            }

            /// The id of the entry at `index`.
            ///
            /// # Panics
            /// If `index` does not fit 32 bits, which the limits on a scenario rule out.
            #[inline]
            #[must_use]
            pub fn at(index: usize) -> Self {
                Self(u32::try_from(index).expect("tables are limited to far less than 2^32 entries"))
            }
        }
    )*};
}

ids! {
    /// An actor, in declaration order (cohorts' members after the actors).
    ActorId;
    /// A set of actors: a declared group, a cohort, or one that an expression needs (everyone, one actor).
    GroupId;
    /// An issue that actors have stances on.
    IssueId;
    /// A named attribute of actors.
    AttributeId;
    /// A resource.
    ResourceId;
    /// A commitment as declared in the file.
    CommitmentId;
    /// One debtor's instance of a commitment.
    InstanceId;
    /// A meeting.
    MeetingId;
    /// A series of data over time.
    DataId;
    /// A shock.
    ShockId;
    /// A move.
    MoveId;
    /// An outcome.
    OutcomeId;
    /// A parameter.
    ParameterId;
    /// A resource and a group whose totals are maintained because an expression reads them.
    SlotId;
    /// A group and an issue whose mean stance an expression reads.
    MeanId;
    /// A draw made before step 0, in the order of the draws' paths.
    DrawId;
}
