//! `run`: one run, a timeline on the screen, and with `--out` a folder.

use std::path::{Path, PathBuf};

use backstop::engine::{self, Luck, Moment, Plan, Run, Want};
use backstop::log::{
    Digest, Folder, FolderError, MANIFEST, Manifest, Namer, Numbered, OverrideRecord, RunRow, Sampler, digest,
    set_columns, write_commitments, write_events, write_runs, write_series,
};
use backstop::model::Model;
use backstop::scenario::{Options, Override};

use super::console::{Failed, emit, emit_bytes, fail};
use super::load::{self, Loaded, parse_set};
use super::{ending, timeline};

/// Runs a scenario once and prints what happened and how it ended
#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    /// The scenario file
    file: PathBuf,
    /// The seed of everything random
    #[arg(long, value_name = "N", default_value_t = 0)]
    seed: u64,
    /// The replicate, as in a sweep: other luck under the same seed
    #[arg(long, value_name = "K", default_value_t = 0)]
    replicate: u64,
    /// Set a parameter, or any number of the file by its dotted path (repeatable)
    #[arg(long = "set", value_name = "NAME=VALUE", value_parser = parse_set)]
    sets: Vec<Override>,
    /// Write events.csv, series.csv, commitments.csv, runs.csv and manifest.json into this folder
    #[arg(long, value_name = "DIR")]
    out: Option<PathBuf>,
    /// Write into the folder even if it is not empty
    #[arg(long, requires = "out")]
    force: bool,
    /// Write the event log alone into this file; `-` for standard output, instead of the timeline
    #[arg(long, value_name = "FILE")]
    events: Option<PathBuf>,
    /// Put every stance of every step into series.csv
    #[arg(long)]
    stances: bool,
    /// Put every pair's trust at every step into series.csv
    #[arg(long)]
    trust: bool,
    /// Print the outcome only
    #[arg(long, short)]
    quiet: bool,
}

pub(crate) fn run(args: &Args) -> Result<(), Failed> {
    let folder = args.out.as_deref().map(|path| claim(path, args.force)).transpose()?;
    let bytes = load::read(&args.file)?;
    let options = Options { overrides: args.sets.clone(), track_trust: args.trust, ..Options::default() };
    let loaded = load::load(&args.file.display().to_string(), &bytes, &options)?;
    let model = &loaded.compiled.model;
    let plan = Plan::new(model);
    let mut sampler = Sampler::new(model, args.stances, args.trust);
    let want = Want { log: true, series: true, exchanged: true };
    let luck = Luck { seed: args.seed, replicate: args.replicate };
    let run = engine::run_watched(model, &plan, luck, want, &mut |moment, world, _| {
        if moment == Moment::Ended {
            sampler.sample(model, world);
        }
    });
    if let Some(folder) = folder {
        let files = Files::new(model, &run, &sampler, luck, &args.sets).map_err(|error| unwritable(&error))?;
        let mut manifest = manifest(args, &loaded, &run);
        manifest.files = files.digests();
        files.write(&folder, &manifest)?;
    }
    print(args, model, &plan, &run)?;
    match &run.result {
        Ok(_) => Ok(()),
        Err(failure) => Err(load::failed(&loaded.document, failure)),
    }
}

fn print(args: &Args, model: &Model, plan: &Plan, run: &Run) -> Result<(), Failed> {
    if let Some(path) = &args.events {
        let mut bytes = Vec::new();
        write_events(&mut bytes, &Namer::new(model), Numbered::SINGLE, &run.log).map_err(|error| unwritable(&error))?;
        if path.as_os_str() == "-" {
            return emit_bytes(&bytes);
        }
        backstop::log::write_file(path, &bytes).map_err(|error| fail(&error.to_string(), None))?;
    }
    let mut text = String::new();
    if !args.quiet {
        text += &timeline::heading(model, args.seed, args.replicate);
        let timeline = timeline::timeline(model, &run.setup, &run.log);
        if !timeline.is_empty() {
            text += &timeline;
            text.push('\n');
        }
    }
    text += &ending::ending(model, plan, run);
    if !args.quiet {
        text += &ending::metrics(model, run);
    }
    if let (Some(path), false) = (&args.out, args.quiet) {
        text += &format!(
            "\nWritten to {}: events.csv, series.csv, commitments.csv, runs.csv, manifest.json\n",
            super::words::escaped(&path.display().to_string())
        );
    }
    emit(&text)
}

fn unwritable(error: &std::io::Error) -> Failed {
    fail(&format!("cannot write the tables: {error}"), None)
}

/// Claims an output folder before any work is done.
pub(crate) fn claim(path: &Path, force: bool) -> Result<Folder, Failed> {
    Folder::claim(path, force).map_err(|error| {
        let help = match error {
            FolderError::NotEmpty(_) => Some("choose another folder, or give `--force` to replace what is in it"),
            FolderError::NotAFolder(_) => Some("choose another name"),
            FolderError::Io { .. } => None,
        };
        fail(&error.to_string(), help)
    })
}

/// The tables of one run, as bytes.
pub(crate) struct Files {
    /// Name and content, in the order in which a reader would open them.
    pub(crate) tables: Vec<(&'static str, Vec<u8>)>,
}

impl Files {
    fn new(model: &Model, run: &Run, sampler: &Sampler, luck: Luck, sets: &[Override]) -> std::io::Result<Self> {
        let (names, values) = set_columns(sets);
        let row = RunRow::of(run, (0, 0), luck, &values);
        Self::of(model, model, (&run.log, &run.samples, &run.setup, &run.world), sampler, &names, &row)
    }

    /// The tables of a run or of a folded log; `first` is the model that it began with, whose draws are in the log.
    pub(crate) fn of(
        model: &Model,
        first: &Model,
        (log, samples, setup, world): (
            &[backstop::model::Entry],
            &[f64],
            &backstop::model::Setup,
            &backstop::model::World,
        ),
        sampler: &Sampler,
        names: &[String],
        row: &RunRow<'_>,
    ) -> std::io::Result<Self> {
        let mut tables = vec![("events.csv", Vec::new()), ("series.csv", Vec::new()), ("commitments.csv", Vec::new())];
        write_events(&mut tables[0].1, &Namer::new(first), Numbered::SINGLE, log)?;
        write_series(&mut tables[1].1, model, Numbered::SINGLE, samples, sampler)?;
        write_commitments(&mut tables[2].1, model, Numbered::SINGLE, setup, world)?;
        let mut runs = Vec::new();
        write_runs(&mut runs, model, Some(names), std::slice::from_ref(row))?;
        tables.push(("runs.csv", runs));
        Ok(Self { tables })
    }

    pub(crate) fn digests(&self) -> std::collections::BTreeMap<String, Digest> {
        self.tables.iter().map(|(name, bytes)| ((*name).to_owned(), digest(bytes))).collect()
    }

    pub(crate) fn write(&self, folder: &Folder, manifest: &Manifest) -> Result<(), Failed> {
        let json = manifest.to_json();
        let mut files: Vec<(&str, &[u8])> = self.tables.iter().map(|(name, bytes)| (*name, bytes.as_slice())).collect();
        files.push((MANIFEST, json.as_bytes()));
        folder.write(&files).map_err(|error| {
            let help = match error {
                FolderError::Io { doing: "restore", .. } => "run it again with `--force`; the folder is not complete",
                FolderError::Io { doing: "sync", .. } => {
                    "the files are there, but may be lost if the machine stops now"
                }
                _ => "nothing was written",
            };
            fail(&error.to_string(), Some(help))
        })
    }
}

fn manifest(args: &Args, loaded: &Loaded, run: &Run) -> Manifest {
    let name = args.file.file_name().map(|name| name.to_string_lossy().into_owned()).unwrap_or_default();
    let overrides = args.sets.iter().map(OverrideRecord::from).collect();
    Manifest {
        stances: args.stances,
        trust: args.trust,
        complete: true,
        status: Some(run.status().into()),
        steps: Some(run.steps),
        history_hash: Some(run.history.text()),
        replicate: args.replicate,
        ..Manifest::new(&name, loaded.document.source().text(), overrides, args.seed)
    }
}
