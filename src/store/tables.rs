//! The CSV files: UTF-8, RFC 4180, one header row, `\n` line ends, rows in the order of the simulation.

use std::collections::BTreeMap;
use std::fmt;
use std::io::{self, Write};

use crate::engine::{HistoryHash, Run, RunSeed};
use crate::model::{Ending, Entry, Model, Setup, World, limits};
pub use crate::scenario::RUN_COLUMNS;
use crate::scenario::{Override, SetValue, canonical};
use crate::trace::{Cells, Namer, creditor_name, ending_name};
use crate::trace::{EVENT_COLUMNS, amount, number, push_number, push_set_value};

/// Columns of `series.csv`.
pub const SERIES_COLUMNS: [&str; 5] = ["run", "step", "date", "name", "value"];
/// Columns of `commitments.csv`.
pub const COMMITMENT_COLUMNS: [&str; 13] = [
    "run",
    "commitment",
    "debtor",
    "creditor",
    "resource",
    "amount",
    "upto",
    "delivered",
    "state",
    "created_step",
    "detached_step",
    "settled_step",
    "rounds",
];
/// A CSV writer over any writer, with the project's line ends.
fn writer<W: Write>(out: W) -> csv::Writer<W> {
    csv::WriterBuilder::new().terminator(csv::Terminator::Any(b'\n')).from_writer(out)
}

/// Records as the text of a CSV file.
///
/// # Panics
/// Never: all records are of one length.
pub fn csv_text<R>(records: impl IntoIterator<Item = R>) -> Vec<u8>
where
    R: IntoIterator<Item: AsRef<[u8]>>,
{
    let mut text = writer(Vec::new());
    for record in records {
        text.write_record(record).expect("memory takes every record");
    }
    text.into_inner().expect("memory takes every record")
}

fn write_header<W: Write>(out: &mut csv::Writer<W>, header: bool, columns: &[&str]) -> io::Result<()> {
    if header { Ok(out.write_record(columns)?) } else { Ok(()) }
}

/// Which run the rows are of, and whether the header comes first.
#[derive(Clone, Copy, Debug)]
pub struct Numbered {
    /// Number of the run, from 0.
    pub run: u64,
    /// Whether to write the header row.
    pub header: bool,
}

impl Numbered {
    /// The only run of a folder.
    pub const SINGLE: Self = Self { run: 0, header: true };
}

/// Writes rows of `events.csv`.
///
/// # Errors
/// Those of the writer.
pub fn write_events<W: Write>(out: W, namer: &Namer<'_>, which: Numbered, log: &[Entry]) -> io::Result<()> {
    let mut out = writer(out);
    write_header(&mut out, which.header, &EVENT_COLUMNS)?;
    let run = which.run.to_string();
    let mut date = (0, namer.model().clock.date(0));
    for (seq, entry) in log.iter().enumerate() {
        if entry.step != date.0 {
            date = (entry.step, namer.model().clock.date(entry.step));
        }
        let Cells { event, actor, counterpart, subject, issue, resource, value } = namer.cells(entry.event);
        let (seq, step) = (seq.to_string(), entry.step.to_string());
        let cause = entry.cause.map(|cause| cause.to_string()).unwrap_or_default();
        out.write_record([
            &run,
            &seq,
            &step,
            &date.1,
            event,
            actor,
            counterpart,
            subject,
            issue,
            resource,
            &value,
            &cause,
        ])?;
    }
    out.flush()
}

/// What is sampled at the end of every step besides the metrics, and all that was.
#[derive(Clone, Debug)]
pub struct Sampler {
    stances: bool,
    trust: bool,
    names: Vec<String>,
    values: Vec<f64>,
}

/// The series would have so many rows, more than [`limits::SAMPLES`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct TooManySamples(pub u64);

impl fmt::Display for TooManySamples {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "stances and trust at every step would be {} rows, more than {}", self.0, limits::SAMPLES)
    }
}

impl std::error::Error for TooManySamples {}

impl Sampler {
    /// Samples neither stances nor trust.
    #[must_use]
    pub fn none() -> Self {
        Self { stances: false, trust: false, names: Vec::new(), values: Vec::new() }
    }

    /// Samples stances or trust or both.
    ///
    /// # Errors
    /// [`TooManySamples`] if that would be more rows than a series may have.
    pub fn new(model: &Model, stances: bool, trust: bool) -> Result<Self, TooManySamples> {
        let actors = model.actors.len() as u64;
        let of_stances = if stances { actors * model.issues.len() as u64 } else { 0 };
        let of_trust = if trust { actors * actors.saturating_sub(1) } else { 0 };
        let rows = u64::from(model.clock.steps).saturating_mul(of_stances + of_trust);
        if rows > limits::SAMPLES {
            return Err(TooManySamples(rows));
        }
        let mut names = Vec::new();
        if stances {
            for actor in &model.actors {
                names.extend(model.issues.iter().map(|issue| format!("stance/{}/{issue}", actor.id)));
            }
        }
        if trust {
            for a in &model.actors {
                let others = model.actors.iter().filter(|b| b.id != a.id);
                names.extend(others.map(|b| format!("trust/{}/{}", a.id, b.id)));
            }
        }
        Ok(Self { stances, trust, names, values: Vec::new() })
    }

    /// Samples a state.
    pub fn sample(&mut self, model: &Model, world: &World) {
        if self.stances {
            for actor in model.actor_ids() {
                let issues = (0..model.issues.len()).map(crate::model::IssueId::at);
                self.values.extend(issues.map(|issue| world.stance(actor, issue)));
            }
        }
        if self.trust {
            for a in model.actor_ids() {
                let others = model.actor_ids().filter(|&b| a != b);
                self.values.extend(others.map(|b| world.trust.of(a, b)));
            }
        }
    }
}

/// Writes rows of `series.csv`: for each step the metrics, then stances, then trust.
///
/// # Errors
/// Those of the writer.
pub fn write_series<W: Write>(
    out: W,
    model: &Model,
    which: Numbered,
    samples: &[f64],
    sampler: &Sampler,
) -> io::Result<()> {
    let mut out = writer(out);
    write_header(&mut out, which.header, &SERIES_COLUMNS)?;
    let run = which.run.to_string();
    let mut metrics = samples.chunks(model.metrics.len().max(1));
    let mut others = sampler.values.chunks(sampler.names.len().max(1));
    for step in 0.. {
        let (metrics, others) = (metrics.next(), others.next());
        if metrics.is_none() && others.is_none() {
            break;
        }
        let date = model.clock.date(step);
        let step = step.to_string();
        let named = model.metrics.iter().map(|metric| &metric.id).zip(metrics.unwrap_or_default());
        for (name, value) in named.chain(sampler.names.iter().zip(others.unwrap_or_default())) {
            out.write_record([&run, &step, &date, name, &number(*value)])?;
        }
    }
    out.flush()
}

/// Writes rows of `commitments.csv`: one for each instance and resource, with the state that the run ended in.
///
/// # Errors
/// Those of the writer.
pub fn write_commitments<W: Write>(
    out: W,
    model: &Model,
    which: Numbered,
    setup: &Setup,
    world: &World,
) -> io::Result<()> {
    let mut out = writer(out);
    write_header(&mut out, which.header, &COMMITMENT_COLUMNS)?;
    let run = which.run.to_string();
    let step = |step: Option<u32>| step.map(|step| step.to_string()).unwrap_or_default();
    for instance in model.instance_ids() {
        let declared = &model.instances[instance.index()];
        let own = world.instance(instance);
        for gift in model.gifts(instance) {
            let is_graded = model.commitment_of(instance).level(gift.number).is_some();
            let upto = if is_graded { amount(setup.gives[gift.position]) } else { String::new() };
            out.write_record([
                &run,
                &declared.name,
                &model.actors[declared.debtor.index()].id,
                creditor_name(model, instance),
                &model.resources[gift.resource.index()].id,
                &amount(world.evidence.amount(model, setup, instance, gift)),
                &upto,
                &amount(world.evidence.handed_over_ever(gift.position)),
                own.state.name(),
                &step(own.created),
                &step(own.detached),
                &step(own.settled),
                &world.evidence.rounds_of(instance).to_string(),
            ])?;
        }
    }
    out.flush()
}

/// One row of `runs.csv`, borrowed from whoever knows it.
#[derive(Clone, Copy, Debug)]
pub struct RunRow<'a> {
    /// Number of the run, from 0.
    pub run: u64,
    /// Number of the design's point, from 0.
    pub point: u64,
    /// Replicate and seed.
    pub luck: RunSeed,
    /// Values of the parameters that were set or varied.
    pub parameters: &'a [SetValue],
    /// `ok`, or the name of the failure.
    pub status: &'a str,
    /// How the run ended; none where it failed.
    pub ending: Option<Ending>,
    /// Step at which the final outcome was reached.
    pub reached_step: Option<u32>,
    /// Steps completed.
    pub steps: u32,
    /// Size of the gap after the latest Exchange.
    pub gap: Option<u32>,
    /// The last value of each metric.
    pub metrics: &'a [Option<f64>],
    /// The hash of the history.
    pub history: HistoryHash,
}

impl<'a> RunRow<'a> {
    /// The row of a run, given its number and point, its luck, and the values that were set or varied.
    #[must_use]
    pub fn of(run: &'a Run, (number, point): (u64, u64), luck: RunSeed, parameters: &'a [SetValue]) -> Self {
        Self {
            run: number,
            point,
            luck,
            parameters,
            status: run.status(),
            ending: run.result.as_ref().ok().copied(),
            reached_step: run.reached_step(),
            steps: run.steps,
            gap: run.gap,
            metrics: &run.metrics,
            history: run.history,
        }
    }
}

/// Columns and values of what was set; of a name given twice the later counts.
#[must_use]
pub fn set_columns(sets: &[Override]) -> (Vec<String>, Vec<SetValue>) {
    let mut columns: Vec<(String, SetValue)> = Vec::new();
    let mut places: BTreeMap<&str, usize> = BTreeMap::new();
    for set in sets {
        let name = canonical(&set.name);
        let at = *places.entry(name).or_insert(columns.len());
        match columns.get_mut(at) {
            Some((_, value)) => *value = set.value,
            None => columns.push((name.to_owned(), set.value)),
        }
    }
    columns.into_iter().unzip()
}

/// The header of `runs.csv`, given the names of the parameters that were set or varied.
#[must_use]
pub fn run_header(model: &Model, parameters: &[String]) -> Vec<String> {
    let fixed = |range: std::ops::Range<usize>| RUN_COLUMNS[range].iter().map(ToString::to_string);
    fixed(0..4)
        .chain(parameters.iter().cloned())
        .chain(fixed(4..9))
        .chain(model.metrics.iter().map(|metric| metric.id.clone()))
        .chain(fixed(9..10))
        .collect()
}

/// Writes rows of `runs.csv`; `header` gives the names of the parameters where the header row comes first.
///
/// # Errors
/// Those of the writer.
pub fn write_runs<W: Write>(
    mut out: W,
    model: &Model,
    header: Option<&[String]>,
    rows: &[RunRow<'_>],
) -> io::Result<()> {
    let mut text = header.map_or_else(Vec::new, |parameters| csv_text([run_header(model, parameters)]));
    for row in rows {
        push_run(&mut text, model, row);
    }
    out.write_all(&text)?;
    out.flush()
}

/// Appends a row of `runs.csv`. Nothing in it needs quotes: ids, numbers and fixed words.
pub fn push_run(out: &mut Vec<u8>, model: &Model, row: &RunRow<'_>) {
    let mut digits = itoa::Buffer::new();
    for number in [row.run, row.point, row.luck.replicate, row.luck.seed] {
        out.extend_from_slice(digits.format(number).as_bytes());
        out.push(b',');
    }
    for &value in row.parameters {
        push_set_value(out, value);
        out.push(b',');
    }
    out.extend_from_slice(row.status.as_bytes());
    out.push(b',');
    out.extend_from_slice(row.ending.map_or("", |ending| ending_name(model, ending)).as_bytes());
    for number in [row.reached_step, Some(row.steps), row.gap] {
        out.push(b',');
        if let Some(number) = number {
            out.extend_from_slice(digits.format(number).as_bytes());
        }
    }
    for value in row.metrics {
        out.push(b',');
        if let Some(value) = value {
            push_number(out, *value);
        }
    }
    out.push(b',');
    out.extend_from_slice(row.history.text().as_bytes());
    out.push(b'\n');
}
