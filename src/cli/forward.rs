//! `explain --forward`: simulates the rest of the run after each set of first moves.

use std::fmt::Write as _;

use backstop::analysis::{Question, interchangeable, possible_moves};
use backstop::engine::{RunSeed, View};
use backstop::model::{Commitment, InstanceId, Model, OutcomeId};
use backstop::report::ending::when;
use backstop::report::explained::instances;
use backstop::report::timeline::label;
use backstop::report::wording::{count, escaped, listed, named, whole};
use backstop::store::Lineage;
use backstop::sweep::{Forward, Futures, Goal, MoveSet, OutcomeCounts, SetsOfSize, limits, simulate, wilson};
use backstop::table::{Cell, Csv, Declared as _, FutureColumn, Sink as _, fixed_columns};
use serde_json::{Value, json};

use super::console::{Failed, emit, emit_bytes, emit_json, fail, misused, print_error_line};
use super::progress;

/// Arguments of `explain --forward`.
#[derive(Debug, clap::Args)]
pub(crate) struct ForwardArgs {
    /// Instead of explaining the state, simulate every first move and every pair of them from the step to the end of
    /// the run
    #[arg(long, conflicts_with_all = ["cost", "summit", "keystones", "conditions", "dot"])]
    pub(crate) forward: bool,
    /// With `--forward`: sets of up to this many moves
    #[arg(long, value_name = "K", default_value_t = 2, requires = "forward",
        value_parser = clap::value_parser!(u8).range(1..=limits::FORWARD_MOVES as i64))]
    pub(crate) moves: u8,
    /// With `--forward`: simulate each set this many times, with the random numbers of replicates 0, 1, … from the step
    /// on, instead of once with those of the run
    #[arg(long, value_name = "R", requires = "forward",
        value_parser = clap::value_parser!(u64).range(1..=limits::FORWARD_RUNS_MOST))]
    pub(crate) replicates: Option<u64>,
    /// With `--forward`: the largest number of runs
    #[arg(long, value_name = "RUNS", default_value_t = limits::FORWARD_RUNS, requires = "forward",
        value_parser = clap::value_parser!(u64).range(1..=limits::FORWARD_RUNS_MOST))]
    pub(crate) budget: u64,
    /// With `--forward`: threads [default: all cores]; the results do not depend on it
    #[arg(long, short, value_name = "J", requires = "forward", value_parser = clap::value_parser!(u64).range(1..=1_024))]
    pub(crate) jobs: Option<u64>,
}

/// The output format of the table.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Form {
    Text,
    Json,
    Csv,
}

/// The state in which the moves are made, and its run.
pub(crate) struct ForwardQuery<'a> {
    pub(crate) args: &'a ForwardArgs,
    pub(crate) lineage: &'a Lineage,
    pub(crate) run_seed: RunSeed,
    /// The state after the last Exchange of the step, in which the moves are possible.
    pub(crate) view: View<'a>,
    pub(crate) question: &'a Question,
}

pub(crate) fn forward(query: &ForwardQuery<'_>, form: Form) -> Result<(), Failed> {
    let ForwardQuery { args, lineage, run_seed, view, question } = *query;
    let replicates = args.replicates.unwrap_or(1);
    if args.budget < replicates {
        let message = format!("a set of moves takes {} runs, more than `--budget {}`", replicates, args.budget);
        return Err(misused(&message, Some("give more runs, or fewer `--replicates`")));
    }
    let moves = possible_moves(view, question).map_err(|failure| fail(&failure.to_string(), Some(failure.remedy())))?;
    let classes = interchangeable(view, &moves, args.replicates.is_some());
    let forward = Forward {
        lineage,
        run_seed,
        at: view.world.step,
        moves: &moves,
        classes: &classes,
        largest: usize::from(args.moves),
        replicates: args.replicates,
        budget: args.budget,
    };
    let jobs = args.jobs.map_or_else(progress::cores, |jobs| usize::try_from(jobs).unwrap_or(1));
    let bar = progress::bar(false);
    progress::stop_on_signals();
    let futures = simulate(forward, jobs, &mut |so_far| {
        progress::show(&bar, so_far);
        !progress::is_stopped()
    });
    bar.finish_and_clear();
    let futures = futures.expect("the run comes to the step, whose state is here");
    if progress::is_stopped() {
        print_error_line("interrupted: the table covers the runs that were done");
    }
    let table = Table { query, futures: &futures, moves: &moves };
    match form {
        Form::Text => emit(&table.text()),
        Form::Json => emit_json(&table.object()),
        Form::Csv => emit_bytes(&table.rows()),
    }
}

/// The largest number of rows that are shown for each outcome.
const SHOWN: usize = 12;

/// The largest number of broken promises that are named in a row.
const BROKEN: usize = 3;

struct Table<'a> {
    query: &'a ForwardQuery<'a>,
    futures: &'a Futures,
    moves: &'a [InstanceId],
}

impl Table<'_> {
    fn model(&self) -> &Model {
        self.query.view.model
    }

    /// The goals of the table: the goal, or each outcome, or, without outcomes, an end without a deadlock.
    fn goals(&self) -> Vec<Goal> {
        let model = self.model();
        match self.query.question.goal {
            Some(goal) => vec![Goal::Outcome(goal)],
            None if model.outcomes.is_empty() => vec![Goal::NoDeadlock],
            None => (0..model.outcomes.len()).map(|at| Goal::Outcome(OutcomeId::at(at))).collect(),
        }
    }

    /// Whether the sets were simulated with several seeds.
    fn has_several_seeds(&self) -> bool {
        self.query.args.replicates.is_some()
    }

    /// The confidence interval of a share; `None` if there is a single run with the run's own random numbers, which is
    /// not a sample.
    fn interval(&self, hits: u64, set: &MoveSet) -> Option<(f64, f64)> {
        if self.has_several_seeds() { wilson(hits, set.runs) } else { None }
    }

    fn names(&self, moves: &[InstanceId]) -> Vec<&str> {
        moves.iter().map(|at| self.model().name_of(*at)).collect()
    }

    fn text(&self) -> String {
        let model = self.model();
        let title = if model.title.is_empty() { String::new() } else { escaped(&model.title) + "\n" };
        let mut text = title + &self.head();
        for goal in self.goals() {
            text += &self.of_goal(goal);
        }
        text
    }

    /// Describes what was simulated and what was not.
    fn head(&self) -> String {
        let ForwardQuery { run_seed, view, args, .. } = self.query;
        let at = when(self.model(), view.world.step);
        let futures = match args.replicates {
            None => format!("its own random numbers (seed {}, replicate {})", run_seed.seed, run_seed.replicate),
            Some(1) => format!("the random numbers of replicate 0 of seed {}", run_seed.seed),
            Some(run_seeds) => {
                format!(
                    "the random numbers of {} replicates, 0 to {} of seed {}",
                    whole(run_seeds),
                    run_seeds - 1,
                    run_seed.seed
                )
            }
        };
        let mut text = format!("First moves {at}, and the rest of the run with {futures}\n");
        if self.moves.is_empty() {
            text += "  No first move is possible there: no offer waits.\n";
            return text;
        }
        let sizes: Vec<String> = self.futures.sizes.iter().map(|&size| simulated_sets(size)).collect();
        let runs = usize::try_from(self.futures.runs).unwrap_or(usize::MAX);
        let _ = writeln!(text, "  Simulated: {}; {}", listed(&sizes), count(runs, "run"));
        let omitted: u64 =
            self.futures.sizes.iter().fold(0, |sum, size| sum.saturating_add(size.sets - size.simulated));
        if omitted > 0 {
            let more = if omitted == u64::MAX { "very many".into() } else { whole(omitted) };
            let _ = writeln!(
                text,
                "  Not simulated: {more} sets, since the budget is {} runs and {} sets; raise `--budget` for more",
                whole(args.budget),
                whole(limits::FORWARD_SETS)
            );
        }
        text + &self.graded()
    }

    /// Says that graded amounts are raised to their limit.
    fn graded(&self) -> String {
        let is_graded = |&instance: &InstanceId| Commitment::is_graded(self.model().commitment_of(instance));
        if self.moves.iter().any(is_graded) {
            "  A move raises graded amounts to their `upto`, as `fork --move` does.\n".into()
        } else {
            String::new()
        }
    }

    fn of_goal(&self, goal: Goal) -> String {
        let model = self.model();
        let mut text = match goal {
            Goal::Outcome(outcome) => {
                let outcome = &model.outcomes[outcome.index()];
                format!("\n{}\n", named(&outcome.id, outcome.name.as_deref()))
            }
            Goal::NoDeadlock => "\nAn end without a deadlock\n".into(),
        };
        let better = self.futures.better_than_subsets(goal);
        if better.iter().all(|set| set.counts(goal).reached == 0) {
            let _ = writeln!(text, "  not reached in any future, whoever moves");
            return text;
        }
        let mut rows = vec![self.header(goal)];
        rows.extend(better.iter().take(SHOWN).map(|set| self.row(set, goal)));
        text += &aligned(&rows);
        if better.len() > SHOWN {
            let _ = writeln!(text, "  and {} more that do better than no move", better.len() - SHOWN);
        }
        let worse = self.futures.sets.len() - better.len();
        if worse > 0 {
            let sets = count(worse, "other set");
            let (does, them) = if worse == 1 { ("does", "it") } else { ("do", "them") };
            let _ = writeln!(text, "  {sets} {does} no better than a part of {them}; `--csv` lists all");
        }
        text
    }

    fn header(&self, goal: Goal) -> Vec<String> {
        let reaches = if goal == Goal::NoDeadlock { Vec::new() } else { vec!["reaches it"] };
        let mut header = vec!["who moves"];
        header.extend(reaches);
        header.push("ends in it");
        if goal != Goal::NoDeadlock {
            header.push(if self.has_several_seeds() { "median" } else { "when" });
        }
        header.push("broken on the way");
        header.into_iter().map(str::to_owned).collect()
    }

    fn row(&self, set: &MoveSet, goal: Goal) -> Vec<String> {
        let OutcomeCounts { reached, ended, median } = set.counts(goal);
        let mut row = vec![self.who(set)];
        if goal != Goal::NoDeadlock {
            row.push(self.share(reached, set.runs));
        }
        row.push(self.share(ended, set.runs));
        if goal != Goal::NoDeadlock {
            row.push(median.map_or_else(|| "–".into(), |step| label(self.model(), step)));
        }
        row.push(self.broken(set));
        row
    }

    fn who(&self, set: &MoveSet) -> String {
        if set.moves.is_empty() {
            return "nobody moves".into();
        }
        let names: Vec<String> = self.names(&set.moves).into_iter().map(str::to_owned).collect();
        let alike = match set.alike {
            1 => String::new(),
            u64::MAX => " (one of very many alike)".into(),
            many => format!(" (one of {} alike)", whole(many)),
        };
        listed(&names) + &alike
    }

    fn share(&self, hits: u64, runs: u64) -> String {
        if !self.has_several_seeds() {
            return if hits > 0 { "yes" } else { "no" }.into();
        }
        let percent = |share: f64| format!("{:.1}", 100.0 * share);
        match wilson(hits, runs) {
            Some((low, high)) => format!("{} % ({} to {})", percent(share(hits, runs)), percent(low), percent(high)),
            None => "–".into(),
        }
    }

    /// The commitments that are broken, each with the share of the futures in which it is.
    fn broken(&self, set: &MoveSet) -> String {
        let model = self.model();
        let failed = (set.failed > 0).then(|| format!("{} failed", count_runs(set.failed)));
        if !self.has_several_seeds() {
            let broken: Vec<InstanceId> = set.broken.iter().map(|&(instance, _)| instance).collect();
            let broken = if broken.is_empty() { "–".into() } else { instances(model, &broken) };
            return failed.map_or(broken.clone(), |_| format!("{broken}; the run fails"));
        }
        let shown = set.broken.iter().take(BROKEN);
        let mut parts: Vec<String> = shown
            .map(|&(instance, times)| {
                let name = model.name_of(instance);
                format!("{name} {:.1} %", 100.0 * share(times, set.runs))
            })
            .collect();
        if set.broken.len() > BROKEN {
            parts.push("…".into());
        }
        parts.extend(failed);
        if parts.is_empty() { "–".into() } else { parts.join(", ") }
    }

    fn object(&self) -> Value {
        let ForwardQuery { args, run_seed, view, question, .. } = self.query;
        let model = self.model();
        let tables = self.goals().into_iter().map(|goal| {
            let rows = self.futures.ranked(goal).into_iter().map(|set| self.row_value(set, goal));
            json!({ "outcome": goal_name(model, goal), "rows": rows.collect::<Vec<_>>() })
        });
        let sizes = self.futures.sizes.iter();
        let sizes = sizes.map(|size| json!({ "moves": size.moves, "sets": size.sets, "tried": size.simulated }));
        json!({
            "step": view.world.step,
            "date": date(model, Some(view.world.step)),
            "seed": run_seed.seed,
            "replicate": run_seed.replicate,
            "replicates": args.replicates,
            "goal": question.goal.map(|goal| model.outcomes[goal.index()].id.clone()),
            "moves": self.names(self.moves),
            "budget": args.budget,
            "runs": self.futures.runs,
            "sizes": sizes.collect::<Vec<_>>(),
            "tables": tables.collect::<Vec<_>>(),
        })
    }

    fn row_value(&self, set: &MoveSet, goal: Goal) -> Value {
        let model = self.model();
        let OutcomeCounts { reached, ended, median } = set.counts(goal);
        let of = |hits: u64| {
            let interval = self.interval(hits, set).map(|(low, high)| [low, high]);
            json!({ "runs": hits, "share": share(hits, set.runs), "interval": interval })
        };
        let broken = set.broken.iter();
        let broken = broken.map(|&(instance, times)| json!({ "commitment": model.name_of(instance), "runs": times }));
        json!({
            "moves": self.names(&set.moves),
            "alike": set.alike,
            "runs": set.runs,
            "failed": set.failed,
            "deadlock": set.deadlocks,
            "stalemate": set.stalemates,
            "reached": of(reached),
            "ended": of(ended),
            "median_step": median,
            "median_date": date(model, median),
            "broken": broken.collect::<Vec<_>>(),
        })
    }

    /// One row for each set and outcome, best first.
    fn rows(&self) -> Vec<u8> {
        let columns = fixed_columns::<FutureColumn>();
        let mut bytes = Vec::new();
        let mut sink = Csv::new(&mut bytes, &columns);
        for goal in self.goals() {
            for (rank, set) in self.futures.ranked(goal).into_iter().enumerate() {
                let cells = FutureColumn::ALL.iter().map(|&column| self.cell(column, set, goal, rank));
                sink.row(cells).expect("memory takes every row");
            }
        }
        sink.end().expect("memory takes the end");
        bytes
    }

    fn cell(&self, column: FutureColumn, set: &MoveSet, goal: Goal, rank: usize) -> Cell<'_> {
        let model = self.model();
        let OutcomeCounts { reached, ended, median } = set.counts(goal);
        let interval = |hits: u64| self.interval(hits, set).unzip();
        match column {
            FutureColumn::Outcome => goal_name(model, goal).into(),
            FutureColumn::Rank => Cell::Whole(rank as u64),
            FutureColumn::Moves => self.names(&set.moves).join(";").into(),
            FutureColumn::Alike => Cell::Whole(set.alike),
            FutureColumn::Runs => Cell::Whole(set.runs),
            FutureColumn::Failed => Cell::Whole(set.failed),
            FutureColumn::Deadlock => Cell::Whole(set.deadlocks),
            FutureColumn::Stalemate => Cell::Whole(set.stalemates),
            FutureColumn::Reached => Cell::Whole(reached),
            FutureColumn::ReachedShare => Cell::Real(share(reached, set.runs)),
            FutureColumn::ReachedLow => Cell::real(interval(reached).0),
            FutureColumn::ReachedHigh => Cell::real(interval(reached).1),
            FutureColumn::Ended => Cell::Whole(ended),
            FutureColumn::EndedShare => Cell::Real(share(ended, set.runs)),
            FutureColumn::EndedLow => Cell::real(interval(ended).0),
            FutureColumn::EndedHigh => Cell::real(interval(ended).1),
            FutureColumn::MedianStep => Cell::whole(median),
            FutureColumn::MedianDate => date(model, median).unwrap_or_default().into(),
            FutureColumn::Broken => {
                let broken = set.broken.iter();
                let broken = broken.map(|&(at, times)| format!("{}={times}", model.name_of(at)));
                broken.collect::<Vec<_>>().join(";").into()
            }
        }
    }
}

/// The id of an outcome; empty for an end without a deadlock, which is the goal if no outcome is declared.
fn goal_name(model: &Model, goal: Goal) -> &str {
    match goal {
        Goal::Outcome(outcome) => &model.outcomes[outcome.index()].id,
        Goal::NoDeadlock => "",
    }
}

fn date(model: &Model, step: Option<u32>) -> Option<String> {
    step.map(|step| model.clock.date(step)).filter(|date| !date.is_empty())
}

#[expect(clippy::cast_precision_loss, reason = "counts of runs stay far below 2^53")]
fn share(hits: u64, runs: u64) -> f64 {
    hits as f64 / runs as f64
}

fn count_runs(runs: u64) -> String {
    count(usize::try_from(runs).unwrap_or(usize::MAX), "run")
}

/// `19 moves alone`, `50 of 171 pairs`.
fn simulated_sets(size: SetsOfSize) -> String {
    let SetsOfSize { moves, sets, simulated } = size;
    let what = match (moves, sets) {
        (1, 1) => "move alone".to_owned(),
        (1, _) => "moves alone".to_owned(),
        (2, 1) => "pair".to_owned(),
        (2, _) => "pairs".to_owned(),
        _ => format!("sets of {moves}"),
    };
    if simulated == sets {
        format!("{} {what}", whole(sets))
    } else {
        format!("{} of {} {what}", whole(simulated), whole(sets))
    }
}

/// Formats rows with all columns aligned left.
fn aligned(rows: &[Vec<String>]) -> String {
    let columns = rows.first().map_or(0, Vec::len);
    let width = |column: usize| rows.iter().map(|row| row[column].chars().count()).max().unwrap_or(0);
    let widths: Vec<usize> = (0..columns).map(width).collect();
    let mut text = String::new();
    for row in rows {
        let mut line = String::new();
        for (cell, width) in row.iter().zip(&widths) {
            let fill = " ".repeat(width - cell.chars().count());
            line.extend(["  ", cell, &fill]);
        }
        text += line.trim_end();
        text.push('\n');
    }
    text
}
