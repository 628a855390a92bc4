//! Reconstructs a sweep or shard from its folder: its scenario, its points, its seeds.

use std::path::Path;

use super::design_file::read_design;
use super::error::{Error, ErrorKind};
use super::experiment::Experiment;
use super::limits;
use super::outline::{Outline, Sort};
use super::points::Points;
use super::read_rows::RowReader;
use super::schedule::{Schedule, Shard};
use super::session::{Sweep, check_unchanged, read_manifest};
use super::summary::{RunStats, Summary};
use crate::scenario::{Document, Override};
use crate::store::{Kept, Manifest, digest, read_file};

/// The sweep of a folder, finished or not. For a shard, the whole sweep.
///
/// # Errors
/// An [`Error`] if it is not the folder of a sweep, or its contents are inconsistent.
pub fn recorded(folder: &Path) -> Result<Sweep, Error> {
    let manifest = read_manifest(folder)?;
    let outline = Outline::of(&manifest, &folder.display().to_string())?;
    let sweep = whole(folder, &manifest, &outline)?;
    let own = Sweep { shard: outline.part()?, ..sweep };
    own.check_manifest(folder, &manifest, own.range())?;
    if manifest.complete {
        check_unchanged(folder, &manifest)?;
    }
    Ok(Sweep { shard: Shard::WHOLE, ..own })
}

/// The sweep or shard of a finished folder, and the summary of its runs, read from `runs.csv`.
///
/// # Errors
/// As [`recorded`], and if the sweep is not finished.
pub fn summarized(folder: &Path) -> Result<(Sweep, Summary), Error> {
    let sweep = finished(folder)?;
    let (model, points) = (sweep.experiment.model(), sweep.experiment.points().count());
    Summary::check(model, points)?;
    let mut summary = Summary::new(model, points);
    let mut reader = RowReader::new(&sweep.experiment);
    sweep.each_row(folder, &mut reader, &mut |facts, metrics| summary.add(*facts, metrics))?;
    Ok((sweep, summary))
}

/// The sweep of a finished folder, whole or a part.
pub(super) fn finished(folder: &Path) -> Result<Sweep, Error> {
    let manifest = read_manifest(folder)?;
    let outline = Outline::of(&manifest, &folder.display().to_string())?;
    let sweep = Sweep { shard: outline.part()?, ..recorded(folder)? };
    if !manifest.complete {
        let error = Error::new(ErrorKind::Mismatch, format!("the sweep in `{}` is not finished", folder.display()));
        return Err(error.help("finish it with `--resume`"));
    }
    Ok(sweep)
}

impl Sweep {
    /// Passes on the rows of `runs.csv` in a finished folder with their metrics.
    pub(super) fn each_row(
        &self,
        folder: &Path,
        reader: &mut RowReader<'_>,
        each: &mut dyn FnMut(&RunStats, &[f64]),
    ) -> Result<(), Error> {
        let path = folder.join("runs.csv");
        let Schedule { points, replicates, .. } = self.schedule;
        if self.shard == Shard::WHOLE && self.sort == Sort::Point {
            let by_point = (0..points).flat_map(|point| (0..replicates).map(move |at| at * points + point));
            reader.each_row(&path, by_point, points, each)
        } else {
            reader.each_row(&path, self.range(), points, each)
        }
    }
}

/// The whole sweep that a manifest and its outline describe.
pub(super) fn whole(folder: &Path, manifest: &Manifest, outline: &Outline) -> Result<Sweep, Error> {
    let wrong = |message: &str| Error::new(ErrorKind::Mismatch, message);
    let mut inputs = Kept::of(folder, &manifest.inputs);
    let document =
        Document::open(&manifest.scenario, manifest.scenario_text.as_bytes(), &mut inputs).map_err(|unreadable| {
            let first = unreadable.diagnostics.first().map_or("", |first| &first.message);
            wrong(&format!("the scenario in the manifest is not valid: {first}"))
                .because(unreadable.diagnostics.clone())
        })?;
    let path = folder.join("design.csv");
    let bytes = read_file(&path, limits::DESIGN_BYTES).map_err(|error| Error::io("read", &path, &error))?;
    if digest(&bytes) != outline.design_sha256 {
        return Err(wrong("`design.csv` was changed after the sweep").help("start again with `--force`"));
    }
    let points =
        if outline.names.is_empty() { Points::single() } else { read_design(&path.display().to_string(), &bytes)? };
    if points.count() != outline.points || points.names != outline.names {
        return Err(wrong("the design differs from the one in the manifest"));
    }
    let sets: Vec<Override> = manifest.overrides.iter().map(Override::from).collect();
    let schedule = Schedule {
        points: outline.points,
        replicates: outline.replicates,
        seed: manifest.seed,
        independent: outline.independent,
    };
    schedule.check()?;
    Ok(Sweep {
        experiment: Experiment::trusted(document, &sets, points)?,
        schedule,
        shard: Shard::WHOLE,
        tables: outline.tables(manifest.table_format),
        sort: outline.sort,
        asked: outline.asked.clone(),
        scenario: manifest.scenario.clone(),
    })
}
