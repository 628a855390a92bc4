//! `tip`: finds where along a number the outcome of a scenario changes, and which comparison changes there.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::path::PathBuf;

use backstop::analysis::{Divergence, divergence};
use backstop::engine::{self, Plan, Run, RunOptions, RunSeed};
use backstop::model::{Clock, Entry, Model};
use backstop::report::timeline::{label, sentence};
use backstop::report::wording::{count, escaped, plain_number, set_value};
use backstop::scenario::{Diagnostic, Document, Options, Override, SetValue, canonical, compile};
use backstop::sweep::{Axis, Bracketing, Tip, Tips, bracket_grid, limits, tips};
use backstop::table::{Cell, Csv, Layout, Sink as _, TipColumn};
use backstop::trace::{cells, ending_name, set_cell};

use super::console::{Failed, emit, emit_bytes, fail, misused, print_error_line, report};
use super::files::{self, parse_set, parse_whole};

/// Finds where along a number the outcome changes, and which comparison changes there
///
/// Runs a grid of values, then bisects every interval whose ends have different outcomes. Changes within an interval
/// whose ends have the same outcome are not found: use a finer grid.
#[derive(Debug, clap::Args)]
#[command(allow_negative_numbers = true)]
pub(crate) struct Args {
    /// A scenario file
    file: PathBuf,
    /// The number to vary, and its range: `NAME=A:B`; a second one, `NAME=A:B:N` or `NAME=V,V,…`, gives the tipping
    /// points of the first at each of its values
    #[arg(long, value_name = "NAME=A:B", required = true)]
    vary: Vec<String>,
    /// Values of the first grid
    #[arg(long, value_name = "N", default_value_t = 51, value_parser = clap::value_parser!(u32).range(2..=10_000))]
    points: u32,
    /// How close the two values of a tipping point must be (default: a ten-thousandth of the range; whole numbers are
    /// always followed to neighbours)
    #[arg(long, value_name = "T")]
    tolerance: Option<f64>,
    /// Set a parameter, or any number of the file by its dotted path (repeatable)
    #[arg(long = "set", value_name = "NAME=VALUE", value_parser = parse_set)]
    sets: Vec<Override>,
    /// The seed of everything random
    #[arg(long, value_name = "N", default_value_t = 0, value_parser = parse_whole)]
    seed: u64,
    /// Search with the random numbers of each of this many replicates, 0, 1, …
    #[arg(long, value_name = "R", default_value_t = 1, value_parser = clap::value_parser!(u64).range(1..=1_000_000))]
    replicates: u64,
    /// Threads (default: one for each core)
    #[arg(long, value_name = "N")]
    jobs: Option<usize>,
    /// Print one row per tipping point, as CSV
    #[arg(long)]
    csv: bool,
}

/// The result of a run: an outcome, `deadlock`, `stalemate`, or the status of a failure.
type OutcomeName = String;

/// A tipping point with the values it was found at.
struct Found {
    /// The value of the second number.
    other: Option<SetValue>,
    replicate: u64,
    tip: Tip<f64, OutcomeName>,
}

pub(crate) fn tip(args: &Args) -> Result<(), Failed> {
    let options = Options { overrides: args.sets.clone(), ..Options::default() };
    let loaded = files::load(files::document(&args.file)?, &options)?;
    let clock = &loaded.compiled.model.clock;
    let (range, other) = ranges(args, clock)?;
    let asked = bracketing(args, &range, &loaded.compiled.model)?;
    let dates = range.is_dated.then_some(clock);
    let search = Search { document: &loaded.document, args, axis: &range.name, dates, other: other.as_ref(), asked };
    search.check()?;
    let others: Vec<Option<SetValue>> = match &other {
        Some(axis) => axis.values.iter().copied().map(Some).collect(),
        None => vec![None],
    };
    let mut found = Vec::new();
    for value in others {
        found.extend(search.for_all_replicates(value)?);
    }
    if args.csv { emit_bytes(&search.table(&found)?) } else { emit(&search.text(&loaded.compiled.model, &found)?) }
}

/// A number and the range over which it is varied.
struct Range {
    name: String,
    from: f64,
    to: f64,
    /// Whether both ends were given as dates; the values are then the steps of dates, and are written as dates.
    is_dated: bool,
}

/// The number to vary, and the second number with its values.
fn ranges(args: &Args, clock: &Clock) -> Result<(Range, Option<Axis>), Failed> {
    let parse = |text: &str| Axis::parse(text).map_err(|error| misused(error.message(), error.remedy()));
    let (first, second) = match args.vary.as_slice() {
        [first] => (first, None),
        [first, second] => (first, Some(parse(second)?)),
        _ => return Err(misused("`--vary` is given more than twice", Some("vary at most two numbers"))),
    };
    let help = "write `NAME=A:B`, such as `share=0:1`";
    let wrong = |what: &str| misused(&format!("`--vary {}` {what}", escaped(first)), Some(help));
    let (name, range) = first.split_once('=').ok_or_else(|| wrong("has no range"))?;
    let ends: Vec<&str> = range.split(':').collect();
    let [from, to] = ends[..] else { return Err(wrong("is not of the form `NAME=A:B`")) };
    let end = |text: &str| {
        let value = SetValue::parse(text.trim()).ok()?;
        Some((value.number(clock).filter(|number| number.is_finite())?, value.is_moment()))
    };
    let (Some((from, is_from_date)), Some((to, is_to_date))) = (end(from), end(to)) else {
        return Err(wrong("has an end that is no number and no date of the scenario's calendar"));
    };
    if from >= to {
        return Err(wrong("does not rise"));
    }
    let name = name.trim();
    if second.as_ref().is_some_and(|second| canonical(&second.name) == canonical(name)) {
        return Err(wrong("is varied twice"));
    }
    if args.sets.iter().any(|set| canonical(&set.name) == canonical(name)) {
        return Err(wrong("is also set"));
    }
    // A date before the start has no step whose date could be written.
    let is_dated = is_from_date && is_to_date && from >= 0.0;
    Ok((Range { name: name.to_owned(), from, to, is_dated }, second))
}

/// Fields with whole numbers, by the last part of their path; dates are varied by steps.
const WHOLE_FIELDS: [&str; 10] = ["lead", "over", "grace", "due", "expires", "on", "from", "to", "end", "steps"];

fn bracketing(args: &Args, range: &Range, model: &Model) -> Result<Bracketing, Failed> {
    let &Range { ref name, from, to, is_dated } = range;
    let bare = canonical(name);
    let parameter = model.parameters.iter().find(|parameter| parameter.id == bare);
    let last = bare.rsplit('.').next().unwrap_or(bare);
    let whole =
        is_dated || parameter.map_or(bare.contains('.') && WHOLE_FIELDS.contains(&last), |parameter| parameter.whole);
    if whole && (from.fract() != 0.0 || to.fract() != 0.0) {
        let help = "give whole numbers as its ends";
        return Err(misused(&format!("{} takes whole numbers only", escaped(name)), Some(help)));
    }
    let tolerance = args.tolerance.unwrap_or((to / 1e4 - from / 1e4).max(f64::MIN_POSITIVE));
    if !(tolerance > 0.0 && tolerance.is_finite()) {
        return Err(misused("`--tolerance` must be a number above 0", Some("give one such as `0.001`")));
    }
    Ok(Bracketing { grid: bracket_grid(from, to, args.points, whole), whole, tolerance })
}

struct Search<'a> {
    document: &'a Document,
    args: &'a Args,
    axis: &'a str,
    /// The calendar of the varied number, if it is varied over dates.
    dates: Option<&'a Clock>,
    other: Option<&'a Axis>,
    asked: Bracketing,
}

/// The number of models that a thread keeps for other replicates at the same values.
const KEPT: usize = 256;

/// The compiled models, by the bits of the value.
type Compiled = BTreeMap<u64, (Model, Plan)>;

impl Search<'_> {
    /// A value of the varied number, as it may be set.
    fn value(&self, value: f64) -> SetValue {
        #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "dates are whole steps from 0 on")]
        let date = self.dates.and_then(|clock| SetValue::parse(&clock.date(value as u32)).ok());
        date.unwrap_or(SetValue::Number(value))
    }

    /// The scenario with the two numbers at these values.
    fn compile(&self, other: Option<SetValue>, value: f64) -> Result<(Model, Plan), Vec<Diagnostic>> {
        let value = self.value(value);
        let moved = [(self.other.map(|axis| axis.name.as_str()), other), (Some(self.axis), Some(value))];
        let moved = moved.into_iter().filter_map(|(name, value)| Some((name?, value?)));
        let moved = moved.map(|(name, value)| Override { name: name.to_owned(), value });
        let overrides = self.args.sets.iter().cloned().chain(moved).collect();
        let model = compile(self.document, &Options { overrides, ..Options::default() })?.model;
        let plan = Plan::new(&model);
        Ok((model, plan))
    }

    /// Checks that the search is within its limit, and that the names and values exist in the scenario.
    fn check(&self) -> Result<(), Failed> {
        let others = self.other.map_or(1, |axis| axis.values.len() as u64);
        let least = (self.asked.grid.len() as u64).saturating_mul(self.args.replicates).saturating_mul(others);
        if least > limits::TIP_RUNS_IN_ALL {
            let limit = limits::TIP_RUNS_IN_ALL;
            let help = "give fewer `--points`, `--replicates` or values of the second number";
            return Err(fail(&format!("the grids alone take {least} runs, more than {limit}"), Some(help)));
        }
        for other in self.other.map_or(vec![None], |axis| axis.values.iter().copied().map(Some).collect()) {
            for &value in [self.asked.grid.first(), self.asked.grid.last()].into_iter().flatten() {
                self.compile(other, value).map_err(|diagnostics| self.refuse(&diagnostics))?;
            }
        }
        Ok(())
    }

    fn refuse(&self, diagnostics: &[Diagnostic]) -> Failed {
        report(diagnostics, self.document.source());
        Failed::Input
    }

    fn run_seed(&self, replicate: u64) -> RunSeed {
        RunSeed { seed: self.args.seed, replicate }
    }

    /// The tipping points at a value of the second number, for each replicate.
    fn for_all_replicates(&self, other: Option<SetValue>) -> Result<Vec<Found>, Failed> {
        let cores = std::thread::available_parallelism().map_or(1, std::num::NonZero::get);
        let jobs = self.args.jobs.unwrap_or(cores).clamp(1, 1 + usize::try_from(self.args.replicates - 1).unwrap_or(0));
        let per_replicate: Vec<(u64, Result<Tips<OutcomeName>, Vec<Diagnostic>>)> = std::thread::scope(|scope| {
            let worker = |first: usize| {
                let mut compiled = Compiled::new();
                let replicates = (first as u64..self.args.replicates).step_by(jobs);
                replicates.map(|replicate| (replicate, self.under(other, replicate, &mut compiled))).collect::<Vec<_>>()
            };
            let threads: Vec<_> = (1..jobs)
                .filter_map(|first| {
                    let builder = std::thread::Builder::new();
                    builder.spawn_scoped(scope, move || worker(first)).ok().map(|thread| (first, thread))
                })
                .collect();
            let started: Vec<usize> = threads.iter().map(|(first, _)| *first).collect();
            let mut all = worker(0);
            // Work for which the system gave no thread is done here.
            all.extend((1..jobs).filter(|first| !started.contains(first)).flat_map(worker));
            for (_, thread) in threads {
                all.extend(thread.join().unwrap_or_else(|panic| std::panic::resume_unwind(panic)));
            }
            all
        });
        let mut sorted = per_replicate;
        sorted.sort_by_key(|(replicate, _)| *replicate);
        let mut found = Vec::new();
        for (replicate, tips) in sorted {
            let tips = tips.map_err(|diagnostics| self.refuse(&diagnostics))?;
            if tips.is_cut {
                print_error_line(&format!(
                    "warning: replicate {replicate} came to {} runs; not every bracket was narrowed",
                    limits::TIP_RUNS
                ));
            }
            found.extend(tips.tips.into_iter().map(|tip| Found { other, replicate, tip }));
        }
        Ok(found)
    }

    fn under(
        &self,
        other: Option<SetValue>,
        replicate: u64,
        compiled: &mut Compiled,
    ) -> Result<Tips<OutcomeName>, Vec<Diagnostic>> {
        tips(&self.asked, |value| {
            if compiled.len() >= KEPT {
                compiled.clear();
            }
            let (model, plan) = match compiled.entry(value.to_bits()) {
                std::collections::btree_map::Entry::Occupied(known) => known.into_mut(),
                std::collections::btree_map::Entry::Vacant(free) => free.insert(self.compile(other, value)?),
            };
            let run = engine::run(model, plan, self.run_seed(replicate), RunOptions::default());
            Ok(outcome_of(model, &run))
        })
    }

    /// The runs on both sides of a tipping point, with their logs.
    fn sides(&self, found: &Found) -> Result<[(Model, Run); 2], Failed> {
        let run = |value| {
            let compiled = self.compile(found.other, value).map_err(|diagnostics| self.refuse(&diagnostics));
            compiled.map(|(model, plan)| {
                let options = RunOptions { log: true, ..RunOptions::default() };
                let run = engine::run(&model, &plan, self.run_seed(found.replicate), options);
                (model, run)
            })
        };
        Ok([run(found.tip.below)?, run(found.tip.above)?])
    }

    /// One row for each tipping point.
    fn table(&self, found: &[Found]) -> Result<Vec<u8>, Failed> {
        let names = |_: &str| self.other.iter().map(|axis| axis.name.as_str()).collect();
        let layout = Layout::<TipColumn>::new(true, names);
        let mut bytes = Vec::new();
        let mut sink = Csv::new(&mut bytes, layout.columns());
        for found in found {
            let sides = self.sides(found)?;
            let divergence = divergence(&sides[0], &sides[1]);
            let cells =
                layout.sources().iter().map(|&(column, _)| self.cell(found, &sides, divergence.as_ref(), column));
            sink.row(cells).expect("memory takes every row");
        }
        Ok(bytes)
    }

    /// A cell of the row of a tipping point. The columns about the divergence are empty if the two runs do not diverge.
    fn cell<'c>(
        &'c self,
        found: &'c Found,
        [below, above]: &'c [(Model, Run); 2],
        divergence: Option<&'c Divergence>,
        column: TipColumn,
    ) -> Cell<'c> {
        let tip = &found.tip;
        let parted = || {
            let divergence = divergence?;
            let (model, run) = if divergence.in_second { above } else { below };
            Some((divergence, model, &run.log[divergence.seq]))
        };
        let changed = || divergence?.changed.first();
        match column {
            TipColumn::Parameter => found.other.map_or(Cell::Empty, set_cell),
            TipColumn::Replicate => Cell::Whole(found.replicate),
            TipColumn::Name => self.axis.into(),
            TipColumn::Below => set_cell(self.value(tip.below)),
            TipColumn::Above => set_cell(self.value(tip.above)),
            TipColumn::OutcomeBelow => tip.outcome_below.as_str().into(),
            TipColumn::OutcomeAbove => tip.outcome_above.as_str().into(),
            TipColumn::Step => Cell::whole(parted().map(|(_, _, entry)| entry.step)),
            TipColumn::Date => parted().map_or(Cell::Empty, |(_, model, entry)| model.clock.date(entry.step).into()),
            TipColumn::Side => {
                divergence.map_or("", |divergence| if divergence.in_second { "above" } else { "below" }).into()
            }
            TipColumn::Event => parted().map_or("", |(_, _, entry)| entry.event.kind().name()).into(),
            TipColumn::Subject => {
                parted().map_or(Cell::Empty, |(_, model, entry)| cells(model, entry.event).subject.into())
            }
            TipColumn::Comparison => changed().map_or("", |changed| changed.text.as_str()).into(),
            TipColumn::LeftBelow => Cell::real(changed().map(|changed| changed.first.0)),
            TipColumn::RightBelow => Cell::real(changed().map(|changed| changed.first.1)),
            TipColumn::LeftAbove => Cell::real(changed().map(|changed| changed.second.0)),
            TipColumn::RightAbove => Cell::real(changed().map(|changed| changed.second.1)),
        }
    }

    fn text(&self, model: &Model, found: &[Found]) -> Result<String, Failed> {
        let mut text = String::new();
        if !model.title.is_empty() {
            let _ = writeln!(text, "{}", escaped(&model.title));
        }
        let (from, to) = (self.asked.grid[0], self.asked.grid[self.asked.grid.len() - 1]);
        let fineness = if self.asked.whole {
            "down to neighbours".to_owned()
        } else {
            format!("down to {}", plain_number(self.asked.tolerance))
        };
        let _ = writeln!(
            text,
            "Tipping points of {} from {} to {}: a grid of {}, {fineness}, {}, seed {}",
            escaped(self.axis),
            set_value(self.value(from)),
            set_value(self.value(to)),
            count(self.asked.grid.len(), "value"),
            count(usize::try_from(self.args.replicates).unwrap_or(usize::MAX), "replicate"),
            self.args.seed,
        );
        if found.is_empty() {
            text += "  none: the outcome is the same at all values of the grid\n";
        }
        for group in found.chunk_by(|a, b| a.other == b.other) {
            if let (Some(axis), Some(value)) = (self.other, group[0].other) {
                let _ = writeln!(text, "\n{} = {}", escaped(&axis.name), set_value(value));
            }
            for like in alike(group) {
                text += &self.text_of(&like)?;
            }
        }
        Ok(text)
    }

    /// Describes the tipping points between two outcomes: where they are, and what differs at the first of them.
    fn text_of(&self, like: &[&Found]) -> Result<String, Failed> {
        let mut text = String::new();
        let first = like[0];
        let Tip { outcome_below, outcome_above, below, above } = &first.tip;
        let at = if let [_] = like {
            format!("between {} and {}", self.value(*below), self.value(*above))
        } else {
            let mut middles: Vec<f64> = like.iter().map(|found| found.tip.below.midpoint(found.tip.above)).collect();
            middles.sort_by(f64::total_cmp);
            let [least, median, most] =
                [0, middles.len() / 2, middles.len() - 1].map(|at| set_value(self.value(middles[at])));
            let run_seeds: std::collections::BTreeSet<u64> = like.iter().map(|found| found.replicate).collect();
            format!("near {median} ({least} to {most}, in {} of {} replicates)", run_seeds.len(), self.args.replicates)
        };
        let _ = writeln!(text, "\n  {at}: {outcome_below} below, {outcome_above} above");
        let sides = self.sides(first)?;
        let [below_side, above_side] = &sides;
        let Some(divergence) = divergence(below_side, above_side) else {
            text += "    the two runs have the same events; only numbers differ\n";
            return Ok(text);
        };
        let ((model, run), place) = if divergence.in_second { (above_side, "above") } else { (below_side, "below") };
        let entry: &Entry = &run.log[divergence.seq];
        let said = sentence(model, &run.setup, entry);
        let of = if like.len() > 1 { format!(" (replicate {})", first.replicate) } else { String::new() };
        let _ = writeln!(text, "    first difference{of}: {}  {said}, only {place}", label(model, entry.step));
        for changed in &divergence.changed {
            let (below, above) = (changed.first, changed.second);
            let holds = if changed.holds_in_second { "above" } else { "below" };
            let _ = writeln!(
                text,
                "    {} holds only {holds}: {} against {} below, {} against {} above",
                changed.text,
                exact(below.0),
                exact(below.1),
                exact(above.0),
                exact(above.1),
            );
        }
        Ok(text)
    }
}

/// Groups tipping points by the outcomes on their two sides, in order of their first.
fn alike(group: &[Found]) -> Vec<Vec<&Found>> {
    let mut kinds: Vec<Vec<&Found>> = Vec::new();
    // The first tipping point of a replicate is grouped with the first of another replicate, the second with the
    // second.
    let mut counted: BTreeMap<(u64, &str, &str), usize> = BTreeMap::new();
    let mut places: BTreeMap<(&str, &str, usize), usize> = BTreeMap::new();
    for found in group {
        let (below, above) = (found.tip.outcome_below.as_str(), found.tip.outcome_above.as_str());
        let nth = counted.entry((found.replicate, below, above)).or_default();
        let place = *places.entry((below, above, *nth)).or_insert_with(|| {
            kinds.push(Vec::new());
            kinds.len() - 1
        });
        *nth += 1;
        kinds[place].push(found);
    }
    kinds.sort_by(|a, b| a[0].tip.below.total_cmp(&b[0].tip.below));
    kinds
}

/// A number in full precision, as `--set` accepts it.
fn exact(value: f64) -> String {
    SetValue::Number(value).to_string()
}

fn outcome_of(model: &Model, run: &Run) -> OutcomeName {
    match &run.result {
        Ok(ending) => ending_name(model, *ending).to_owned(),
        Err(failure) => failure.status().to_owned(),
    }
}
