//! What the folder of one run holds beside its manifest.

use std::collections::BTreeMap;

use super::folder::{Folder, FolderError, MANIFEST};
use super::inputs::input_files;
use super::manifest::{Digest, Manifest, digest};
use super::runs::{RunRow, RunTable, set_columns};
use super::tables::{Sampler, commitment_layout, events_csv, write_commitments, write_series};
use crate::engine::{Run, RunSeed};
use crate::model::Model;
use crate::scenario::{Document, Override};
use crate::table::{Csv, SeriesColumn, fixed_columns};
use crate::trace::Namer;

/// The tables of one run, as bytes.
#[derive(Debug)]
pub struct Files {
    /// Name and content, in the order in which a reader would open them.
    pub tables: Vec<(&'static str, Vec<u8>)>,
}

impl Files {
    /// The tables of a run, also of one that was folded from its log, from the model that it began with, whose draws
    /// are in the log, and the one that it ended with.
    ///
    /// # Panics
    /// Never: memory takes every row.
    #[must_use]
    pub fn of_run(
        (first, last): (&Model, &Model),
        run: &Run,
        luck: RunSeed,
        sampler: &Sampler,
        sets: &[Override],
    ) -> Self {
        let (names, parameters) = set_columns(sets);
        let row = RunRow::of(run, (0, 0), luck, &parameters);
        let runs = RunTable::new(last, &names);
        let events = Ok(events_csv(&Namer::new(first), &run.log));
        let series =
            Csv::table(&fixed_columns::<SeriesColumn>(), |sink| write_series(sink, last, 0, &run.samples, sampler));
        let commitments = Csv::table(commitment_layout(last).columns(), |sink| {
            write_commitments(sink, last, 0, &run.setup, &run.world)
        });
        let runs = Csv::table(runs.columns(), |sink| runs.write(sink, last, &row));
        let tables =
            [("events.csv", events), ("series.csv", series), ("commitments.csv", commitments), ("runs.csv", runs)];
        let tables = tables.map(|(name, table)| (name, table.expect("memory takes every row")));
        Self { tables: tables.into() }
    }

    /// The content of a table.
    ///
    /// # Panics
    /// If there is no table of that name.
    #[must_use]
    pub fn table(&self, name: &str) -> &[u8] {
        let table = self.tables.iter().find(|(own, _)| *own == name);
        &table.expect("the name of a table").1
    }

    /// The SHA-256 of each, by name.
    #[must_use]
    pub fn digests(&self) -> BTreeMap<String, Digest> {
        self.tables.iter().map(|(name, bytes)| ((*name).to_owned(), digest(bytes))).collect()
    }

    /// Writes them, the files that the scenario refers to, and the manifest, whole or not at all.
    ///
    /// # Errors
    /// As [`Folder::write`].
    pub fn write(&self, folder: &Folder, document: &Document, manifest: &Manifest) -> Result<(), FolderError> {
        let json = manifest.to_json();
        let inputs = input_files(document);
        let mut files: Vec<(&str, &[u8])> = self.tables.iter().map(|(name, bytes)| (*name, bytes.as_slice())).collect();
        files.extend(inputs.iter().map(|(name, bytes)| (name.as_str(), *bytes)));
        files.push((MANIFEST, json.as_bytes()));
        folder.write(&files)
    }
}
