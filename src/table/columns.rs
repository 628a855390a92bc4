//! The columns of every table, each declared once.

use super::{Declared, Kind};

/// Declares the columns of tables: variant, name, kind.
macro_rules! columns {
    ($(
        $(#[$doc:meta])*
        $table:ident { $( $(#[$column_doc:meta])* $column:ident = $name:literal: $kind:ident; )* }
    )*) => {$(
        $(#[$doc])*
        #[derive(Clone, Copy, Debug, PartialEq, Eq)]
        pub enum $table {
            $($(#[$column_doc])* $column,)*
        }

        impl Declared for $table {
            const ALL: &'static [Self] = &[$(Self::$column),*];

            #[inline(always)]
            fn each(mut visit: impl FnMut(Self)) {
                $(visit(Self::$column);)*
            }

            fn name(self) -> &'static str {
                match self {
                    $(Self::$column => $name,)*
                }
            }

            fn kind(self) -> Kind {
                match self {
                    $(Self::$column => Kind::$kind,)*
                }
            }
        }
    )*};
}

columns! {
    /// `events.csv`: one row per event.
    EventColumn {
        /// Number of the run, from 0.
        Run = "run": Whole;
        /// Position of the event in its run, from 0.
        Seq = "seq": Whole;
        /// The step, from 0.
        Step = "step": Whole;
        /// The date at which the step begins; missing without `start`.
        Date = "date": Date;
        /// The kind of event.
        Event = "event": Text;
        /// The debtor, the actor that changes, or the truster.
        Actor = "actor": Id;
        /// The creditor or the trusted actor.
        Counterpart = "counterpart": Id;
        /// The commitment, meeting, shock, outcome or drawn path.
        Subject = "subject": Text;
        /// The issue of a stance or an anchor.
        Issue = "issue": Id;
        /// The resource of an increment or a withdrawal.
        Resource = "resource": Id;
        /// The new stance, anchor or trust, the drawn value, the amount, or the size of a package.
        Value = "value": Real;
        /// The event that brought it about.
        Cause = "cause": Whole;
    }

    /// `series.csv`: one row per metric and step.
    SeriesColumn {
        /// Number of the run.
        Run = "run": Whole;
        /// The step.
        Step = "step": Whole;
        /// The date at which the step begins; missing without `start`.
        Date = "date": Date;
        /// The name of the metric, stance or trust.
        Name = "name": Text;
        /// Its value at the end of the step.
        Value = "value": Real;
    }

    /// `commitments.csv`: one row for each instance and resource.
    CommitmentColumn {
        /// Number of the run.
        Run = "run": Whole;
        /// The instance.
        Commitment = "commitment": Id;
        /// The debtor.
        Debtor = "debtor": Id;
        /// The creditor, as declared.
        Creditor = "creditor": Id;
        /// The promised resource.
        Resource = "resource": Id;
        /// The promised amount.
        Amount = "amount": Real;
        /// The upper limit of a graded amount; missing for a fixed one.
        Upto = "upto": Real;
        /// The amount delivered.
        Delivered = "delivered": Real;
        /// The state in which the run ended.
        State = "state": Text;
        /// When it was last created.
        CreatedStep = "created_step": Whole;
        /// The date at which that step begins. Columns of dates exist only if the scenario has dates.
        CreatedDate = "created_date": Date;
        /// When it was last detached.
        DetachedStep = "detached_step": Whole;
        /// The date at which that step begins.
        DetachedDate = "detached_date": Date;
        /// When it reached a final state.
        SettledStep = "settled_step": Whole;
        /// The date at which that step begins.
        SettledDate = "settled_date": Date;
        /// The number of times it has been satisfied.
        Rounds = "rounds": Whole;
    }

    /// `runs.csv`: one row per run. No parameter and no metric may have one of these names.
    RunColumn {
        /// Number of the run, from 0.
        Run = "run": Whole;
        /// Number of the design's point, from 0.
        Point = "point": Whole;
        /// The replicate.
        Replicate = "replicate": Whole;
        /// The seed.
        Seed = "seed": Seed;
        /// The parameters that were set, then those that were varied.
        Parameter = "PARAMETER": Set;
        /// `ok`, or the reason why the run failed.
        Status = "status": Text;
        /// The final outcome; missing if the run failed.
        Outcome = "outcome": Id;
        /// Step at which the final outcome was reached.
        ReachedStep = "reached_step": Whole;
        /// The date at which that step begins; only if the scenario has dates.
        ReachedDate = "reached_date": Date;
        /// Steps completed.
        Steps = "steps": Whole;
        /// Size of the gap after the latest Exchange.
        Gap = "gap": Whole;
        /// The last value of each metric.
        Metric = "METRIC": Real;
        /// The hash of the history.
        HistoryHash = "history_hash": Hash;
        /// The hash of the storyline: the history without dates and drift.
        StorylineHash = "storyline_hash": Hash;
    }

    /// `design.csv`: one row per point.
    DesignColumn {
        /// Number of the point, from 0.
        Point = "point": Whole;
        /// The values of the varied names.
        Parameter = "PARAMETER": Set;
    }

    /// `summary.csv`: one row per point. Names chosen by users contain no `/` and are not `point`, so no two columns
    /// have the same name.
    SummaryColumn {
        /// Number of the point, from 0.
        Point = "point": Whole;
        /// The values of the varied names.
        Parameter = "PARAMETER": Set;
        /// Runs at the point.
        Runs = "count/runs": Whole;
        /// Share of the runs that ended in each outcome, in `deadlock`, in `stalemate`, or `failed`.
        Share = "share/OUTCOME": Real;
        /// The lower end of Wilson's interval of the share at 95 %.
        ShareLow = "share_low/OUTCOME": Real;
        /// The upper end of it.
        ShareHigh = "share_high/OUTCOME": Real;
        /// The date of the mean of the steps reached, rounded to a whole step; as the other dates, only where the
        /// scenario has dates.
        MeanDate = "mean/reached_date": Date;
        /// The date of the first step reached.
        MinDate = "min/reached_date": Date;
        /// The date of the last one.
        MaxDate = "max/reached_date": Date;
        /// The date of the step by which 5 % of the runs that reached it had done so; the quantile is rounded to a
        /// whole step.
        LowDate = "q05/reached_date": Date;
        /// The date of the median.
        MedianDate = "q50/reached_date": Date;
        /// The date of the step by which 95 % had.
        HighDate = "q95/reached_date": Date;
        /// The mean of a value: the step reached, the gap, or a metric.
        Mean = "mean/NAME": Real;
        /// Its sample standard deviation.
        Sd = "sd/NAME": Real;
        /// Its least value.
        Min = "min/NAME": Real;
        /// Its largest value.
        Max = "max/NAME": Real;
        /// The quantile of 5 %, by Hyndman and Fan's definition 7.
        Low = "q05/NAME": Real;
        /// The median.
        Median = "q50/NAME": Real;
        /// The quantile of 95 %.
        High = "q95/NAME": Real;
        /// The largest relative error of a quantile in this row; 0 if all are exact.
        QuantilesError = "error/quantiles": Real;
        /// Number of distinct storylines.
        Storylines = "count/storylines": Whole;
        /// Whether the number of storylines is exact rather than a lower bound.
        StorylinesExact = "exact/storylines": Truth;
    }

    /// The output of `against --csv`: one row per point.
    AgainstColumn {
        /// Number of the point, from 0.
        Point = "point": Whole;
        /// The values of the varied names.
        Parameter = "PARAMETER": Set;
        /// The point that it is compared with.
        Base = "base": Whole;
        /// Runs of the point that have a counterpart at the base.
        Pairs = "count/pairs": Whole;
        /// Pairs in which only the run of the point ends in this outcome.
        Gained = "gained/OUTCOME": Whole;
        /// Pairs in which only the run of the base ends in this outcome.
        Lost = "lost/OUTCOME": Whole;
        /// The mean difference, point less base, over the pairs that both have a value.
        Difference = "difference/NAME": Real;
        /// The lower end of its interval at 95 %.
        DifferenceLow = "difference_low/NAME": Real;
        /// The upper end of it.
        DifferenceHigh = "difference_high/NAME": Real;
    }

    /// The output of `storylines --csv`: one row per storyline, the most common first.
    StorylineColumn {
        /// Its hash.
        StorylineHash = "storyline_hash": Hash;
        /// Number of runs with this storyline.
        Runs = "runs": Whole;
        /// Their share.
        Share = "share": Real;
        /// The final outcome; missing if the runs failed.
        Outcome = "outcome": Id;
        /// The first of them.
        Run = "run": Whole;
    }

    /// `tips.csv`: one row per tipping point.
    TipColumn {
        /// The value of the second varied parameter, if there is one.
        Parameter = "PARAMETER": Set;
        /// The replicate.
        Replicate = "replicate": Whole;
        /// The varied parameter that has the tipping point.
        Name = "name": Text;
        /// The lower of the two values that it lies between.
        Below = "below": Real;
        /// The higher one.
        Above = "above": Real;
        /// The outcome at the lower value.
        OutcomeBelow = "outcome_below": Text;
        /// The outcome at the higher value.
        OutcomeAbove = "outcome_above": Text;
        /// The step of the first event that only one of the two runs has.
        Step = "step": Whole;
        /// The date at which that step begins; missing without `start`.
        Date = "date": Date;
        /// Which of the two runs has that event: `below` or `above`.
        Side = "side": Text;
        /// The kind of that event.
        Event = "event": Text;
        /// The subject.
        Subject = "subject": Text;
        /// The comparison that is true in only one of the runs.
        Comparison = "comparison": Text;
        /// The left side of the comparison at the lower value.
        LeftBelow = "left_below": Real;
        /// The right side of it there.
        RightBelow = "right_below": Real;
        /// The left side of it at the higher value.
        LeftAbove = "left_above": Real;
        /// The right side of it there.
        RightAbove = "right_above": Real;
    }

    /// The output of `explain --forward`: one row per outcome and set of moves, best first.
    FutureColumn {
        /// The outcome; missing if none is declared, in which case the aim is an end without a deadlock.
        Outcome = "outcome": Id;
        /// The rank for this outcome; 0 is the row without moves.
        Rank = "rank": Whole;
        /// The moves, separated by `;`; missing in the row without moves.
        Moves = "moves": Text;
        /// The number of sets that are equal up to interchangeable instances, including this one.
        Alike = "alike": Whole;
        /// Runs that were simulated.
        Runs = "runs": Whole;
        /// Runs that failed.
        Failed = "failed": Whole;
        /// Runs that end in a deadlock.
        Deadlock = "deadlock": Whole;
        /// Runs that end in a stalemate.
        Stalemate = "stalemate": Whole;
        /// Runs that reach the outcome, whether it lasts or not.
        Reached = "reached": Whole;
        /// Their share.
        ReachedShare = "reached_share": Real;
        /// The lower end of its 95 % interval.
        ReachedLow = "reached_low": Real;
        /// The upper end of it.
        ReachedHigh = "reached_high": Real;
        /// Runs that end in the outcome.
        Ended = "ended": Whole;
        /// Their share.
        EndedShare = "ended_share": Real;
        /// The lower end of its 95 % interval.
        EndedLow = "ended_low": Real;
        /// The upper end of it.
        EndedHigh = "ended_high": Real;
        /// The median step at which the outcome is first reached; missing if it never is.
        MedianStep = "median_step": Whole;
        /// The date at which that step begins; missing without `start`.
        MedianDate = "median_date": Date;
        /// Promises that are broken, as `COMMITMENT=RUNS`, separated by `;`.
        Broken = "broken": Text;
    }

    /// The table of `explain --csv`: one row for each edge of the graph, and each member of a circle or a set.
    WaitColumn {
        /// The part of the explanation: `wait`, `circle`, `unlock`, `summit` or `keystone`.
        Part = "part": Text;
        /// Number of the circle or set, from 1; of a keystone the wave.
        Set = "set": Whole;
        /// The cost of the set.
        Cost = "cost": Real;
        /// Who waits; the member of a circle or set; the actor of a keystone.
        From = "from": Id;
        /// The commitment that it waits for; what a keystone's exit suspends in this wave.
        To = "to": Id;
    }

    /// The table of `why --csv`: one row for each event of a chain of causes, the latest first.
    ChainColumn {
        /// The event, by its `seq`.
        Event = "event": Whole;
        /// Its cause.
        Cause = "cause": Whole;
    }

    /// The table of `diff --csv`: one row for each event that only one of two histories has.
    DifferenceColumn {
        /// Which of the two has it: 1 or 2.
        History = "history": Whole;
        /// As in `events.csv`, and so are the next ones.
        Seq = "seq": Whole;
        /// The step.
        Step = "step": Whole;
        /// The kind of event.
        Event = "event": Text;
        /// The debtor, the actor that changes, or the truster.
        Actor = "actor": Id;
        /// The creditor or the trusted actor.
        Counterpart = "counterpart": Id;
        /// The commitment, meeting, shock, outcome or drawn path.
        Subject = "subject": Text;
        /// The issue of a stance or an anchor.
        Issue = "issue": Id;
        /// The resource of an increment or a withdrawal.
        Resource = "resource": Id;
        /// The value.
        Value = "value": Real;
        /// Whether it descends, by cause, from another event that only this history has.
        Descended = "descended": Truth;
    }
}
