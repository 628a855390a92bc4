//! Sweeps, with their tables in memory or in a folder.

use std::path::{Path, PathBuf};

use backstop::report::shares;
use backstop::scenario::{Options, compile, parse_set};
use backstop::store::{Lock, Manifest};
use backstop::sweep::{
    Axis, DesignRecord, DesignSource, Error, Memory, Output, PrepareError, Progress, Report, Request, Sample, Shard,
    Sort, Summary, Sweep, SweepOptions, Tables, merge as put_together, read_design, summarized,
};
use backstop::table::{Column, Columns, Data, EventColumn, SeriesColumn, fixed_columns, read_csv};
use pyo3::exceptions::PyOSError;
use pyo3::prelude::*;
use pyo3::types::PyDict;

use super::arguments::{arguments, cores, format};
use super::error::Raised;
use super::scenario::Scenario;
use super::table::Table;

/// The parts of a sweep for Python: its tables, and the printed text.
struct Swept {
    runs: Table,
    events: Option<Table>,
    series: Option<Table>,
    summary: Table,
    design: Table,
    text: String,
    failed: usize,
}

impl<'py> IntoPyObject<'py> for Swept {
    type Target = PyDict;
    type Output = Bound<'py, PyDict>;
    type Error = PyErr;

    fn into_pyobject(self, py: Python<'py>) -> PyResult<Bound<'py, PyDict>> {
        let all = PyDict::new(py);
        all.set_item("runs", self.runs.into_pyobject(py)?)?;
        all.set_item("events", self.events)?;
        all.set_item("series", self.series)?;
        all.set_item("summary", self.summary.into_pyobject(py)?)?;
        all.set_item("design", self.design.into_pyobject(py)?)?;
        all.set_item("text", self.text)?;
        all.set_item("failed", self.failed)?;
        Ok(all)
    }
}

impl Swept {
    fn of(sweep: &Sweep, summary: &Summary, memory: Memory) -> PyResult<Self> {
        let points = sweep.experiment.points();
        let wrong = |error: std::io::Error| PyOSError::new_err(error.to_string());
        let mut design = Columns::new(&points.typed(points.layout().columns()));
        points.write(&mut design).map_err(wrong)?;
        let mut shares = Columns::new(&points.typed(summary.layout(&points.names).columns()));
        sweep.experiment.write_summary(summary, &mut shares).map_err(wrong)?;
        let Tables { events, series, .. } = sweep.tables;
        Ok(Self {
            failed: failed(&memory.runs),
            runs: Table::new(memory.runs)?,
            events: events.then(|| Table::new(memory.events)).transpose()?,
            series: series.then(|| Table::new(memory.series)).transpose()?,
            summary: Table::new(shares)?,
            design: Table::new(design)?,
            text: shares::table(sweep.experiment.model(), summary, points),
        })
    }
}

/// How many runs failed.
fn failed(runs: &Columns) -> usize {
    let at = runs.columns().iter().position(|column| column.name == "status");
    let Some(Data::Text(dictionary)) = at.map(|at| &runs.values()[at].data) else { return 0 };
    let ok = dictionary.texts.iter().position(|word| word == "ok");
    dictionary.keys.iter().filter(|&&key| usize::try_from(key).ok() != ok).count()
}

/// A table of a folder.
fn read(folder: &Path, name: &str, columns: &[Column]) -> PyResult<Columns> {
    let path = folder.join(name);
    let wrong = |error: std::io::Error| {
        PyErr::from(Raised::new("FolderError", format!("cannot read `{}`: {error}", path.display()), None))
    };
    let file = backstop::store::open_file(&path).map_err(wrong)?;
    let mut table = Columns::new(columns);
    read_csv(std::io::BufReader::with_capacity(1 << 18, file), columns, &mut table).map_err(wrong)?;
    Ok(table)
}

/// The tables of a finished folder.
fn memory(sweep: &Sweep, folder: &Path) -> PyResult<Memory> {
    let table = |wanted: bool, name: &str, columns: &[Column]| {
        if wanted { read(folder, name, columns) } else { Ok(Columns::new(columns)) }
    };
    let Tables { events, series, .. } = sweep.tables;
    Ok(Memory {
        runs: read(folder, "runs.csv", &sweep.experiment.typed_run_columns())?,
        events: table(events, "events.csv", &fixed_columns::<EventColumn>())?,
        series: table(series, "series.csv", &fixed_columns::<SeriesColumn>())?,
    })
}

/// Called between two batches of runs: handles Ctrl-C, and reports the progress.
struct Watch {
    progress: Option<Py<PyAny>>,
    raised: Option<PyErr>,
}

impl Watch {
    fn new(progress: Option<Py<PyAny>>) -> Self {
        Self { progress, raised: None }
    }

    fn look(&mut self, progress: Progress) -> bool {
        // Stretches that were under way still come in.
        if self.raised.is_some() {
            return false;
        }
        let looked = Python::attach(|py| {
            py.check_signals()?;
            self.progress.as_ref().map_or(Ok(()), |call| call.call1(py, (progress.done, progress.total)).map(drop))
        });
        self.raised = looked.err();
        self.raised.is_none()
    }

    fn end<T>(self, result: Result<T, Raised>) -> PyResult<T> {
        match self.raised {
            Some(error) => Err(error),
            None => Ok(result?),
        }
    }
}

/// The points, and the request for them.
fn design(
    (vary, zip): (Vec<String>, bool),
    (sample, over): (Option<String>, Vec<String>),
    listed: Option<(String, Vec<u8>)>,
) -> Result<Option<(DesignSource, DesignRecord)>, Error> {
    if let Some((name, bytes)) = listed {
        let file = Path::new(&name).file_name().map(|name| name.to_string_lossy().into_owned());
        let design = DesignRecord { kind: "file".into(), file, ..DesignRecord::default() };
        return Ok(Some((DesignSource::Points(read_design(&name, &bytes)?), design)));
    }
    if vary.is_empty() && sample.is_none() {
        return Ok(None);
    }
    let axes = vary.iter().map(|text| Axis::parse(text)).collect::<Result<_, _>>()?;
    let sample = sample.as_deref().map(Sample::parse).transpose()?;
    let request = Request { vary: axes, zip, sample, over };
    let design = DesignRecord::of(&request, vary);
    Ok(Some((DesignSource::Request(request), design)))
}

/// The options of a sweep besides its design.
#[derive(FromPyObject)]
#[pyo3(from_item_all)]
pub(crate) struct How {
    sets: Vec<String>,
    replicates: Option<u64>,
    seed: Option<u64>,
    independent: bool,
    jobs: Option<usize>,
    events: bool,
    series: bool,
    by_point: bool,
    format: String,
    shard: Option<String>,
    out: Option<PathBuf>,
    force: bool,
    resume: bool,
}

/// Runs a scenario many times.
#[pyfunction]
pub(crate) fn sweep<'py>(
    py: Python<'py>,
    scenario: &Scenario,
    vary: (Vec<String>, bool),
    sample: (Option<String>, Vec<String>),
    listed: Option<(String, Vec<u8>)>,
    how: How,
    progress: Option<Py<PyAny>>,
) -> PyResult<Bound<'py, PyDict>> {
    let document = scenario.document()?.clone();
    let source = document.source().clone();
    let wrong = |error: &Error| Raised::sweep(error, Some(&source));
    let zip = vary.1;
    let options = SweepOptions {
        design: design(vary, sample, listed).map_err(|error| wrong(&error))?,
        zip,
        sets: arguments(&how.sets, parse_set)?,
        replicates: how.replicates,
        seed: how.seed,
        independent: how.independent,
        shard: how.shard.as_deref().map_or(Ok(Shard::WHOLE), Shard::parse).map_err(|error| wrong(&error))?,
        tables: Tables { events: how.events, series: how.series, format: format(&how.format)? },
        sort: if how.by_point { Sort::Point } else { Sort::Run },
        scenario: scenario.file_name(),
    };
    let jobs = how.jobs.unwrap_or_else(cores);
    let prepared = py.detach(|| Sweep::prepare(document.clone(), options, jobs));
    let sweep = prepared.map_err(|error| match error {
        PrepareError::Table(error) => Raised::scenario(&[*error], &source),
        // Errors of the scenario itself are raised as by the other methods.
        PrepareError::Request(error) => match compile(&document, &Options::default()) {
            Err(errors) => Raised::scenario(&errors, &source),
            Ok(_) => wrong(&error),
        },
    })?;
    let mut watch = Watch::new(progress);
    let done = py.detach(|| match &how.out {
        None => sweep.collect(jobs, &mut |progress| watch.look(progress)).map(|(tables, done)| (Some(tables), done)),
        Some(folder) => {
            let output = if how.resume { Output::Resumed(folder) } else { Output::New { folder, force: how.force } };
            sweep.run(output, jobs, &mut |progress| watch.look(progress)).map(|done| (None, done))
        }
    });
    let (tables, done) = watch.end(done.map_err(|error| wrong(&error)))?;
    let swept = py.detach(|| {
        let tables = match (tables, &how.out) {
            (Some(tables), _) => tables,
            (None, Some(folder)) => memory(&sweep, folder)?,
            (None, None) => unreachable!("there is a folder or not"),
        };
        Swept::of(&sweep, &done.summary, tables)
    })?;
    swept.into_pyobject(py)
}

/// The sweep of a finished folder, with the scenario's name, text and files.
#[pyfunction]
pub(crate) fn open_sweep(py: Python<'_>, folder: PathBuf) -> PyResult<(Bound<'_, PyDict>, Scenario)> {
    let (swept, scenario) = py.detach(|| {
        let _lock = Lock::to_read(&folder).map_err(|error| Raised::folder(&error))?;
        Manifest::read(&folder).map_err(|error| Raised::verify(&error))?;
        let (sweep, summary) = summarized(&folder).map_err(|error| Raised::sweep(&error, None))?;
        let document = sweep.experiment.document();
        let files = document.attachments().map(|(file, bytes)| (file.location.clone(), bytes.to_vec())).collect();
        let scenario = Scenario::of_text(sweep.scenario.clone(), document.text().as_bytes().to_vec(), files);
        let tables = memory(&sweep, &folder)?;
        Ok::<_, PyErr>((Swept::of(&sweep, &summary, tables)?, scenario))
    })?;
    Ok((swept.into_pyobject(py)?, scenario))
}

/// Puts the parts of a sweep together in a folder.
#[pyfunction]
pub(crate) fn merge(
    py: Python<'_>,
    folders: Vec<PathBuf>,
    out: PathBuf,
    force: bool,
    progress: Option<Py<PyAny>>,
) -> PyResult<()> {
    let mut watch = Watch::new(progress);
    let done = py.detach(|| put_together(&folders, &out, force, &mut |progress| watch.look(progress)));
    let done: Result<(Sweep, Report), Raised> = done.map_err(|error| Raised::sweep(&error, None));
    watch.end(done).map(drop)
}
