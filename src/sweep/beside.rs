//! The tables of a finished sweep in a second format, beside CSV. They are made of the finished CSV, so that they are
//! the same whether the sweep was interrupted, divided and merged, or did all of its runs at once.

use std::fs;
use std::io;
use std::path::Path;

use super::error::Error;
use super::session::Sweep;
use super::store::digest_of;
use super::summary::Summary;
use crate::store::{Digest, open_file, write_file_with};
use crate::table::{Column, EventColumn, SeriesColumn, Sink, Table, fixed_columns, read_csv, with_times};

/// A table that is there as CSV.
struct Finished<'a> {
    path: &'a Path,
    columns: Vec<Column>,
}

impl Table for Finished<'_> {
    fn columns(&self) -> &[Column] {
        &self.columns
    }

    fn part<S: Sink>(&self, _: usize, sink: &mut S) -> io::Result<()> {
        read_csv(open_file(self.path)?, &self.columns, sink)
    }
}

impl Sweep {
    /// The finished tables, by the name of the CSV file, each with its columns and their kinds.
    fn typed_tables(&self, summary: &Summary) -> Vec<(&'static str, Vec<Column>)> {
        let points = self.experiment.points();
        let has_times = self.experiment.has_times();
        let typed = |columns: &[Column]| self.experiment.typed(&with_times(columns, has_times));
        let all = [
            (true, "runs.csv", typed(self.experiment.run_table().columns())),
            (true, "summary.csv", typed(summary.layout(&points.names).columns())),
            (true, "design.csv", typed(points.layout().columns())),
            (self.tables.events, "events.csv", typed(&fixed_columns::<EventColumn>())),
            (self.tables.series, "series.csv", typed(&fixed_columns::<SeriesColumn>())),
        ];
        all.into_iter().filter(|(wanted, ..)| *wanted).map(|(_, name, columns)| (name, columns)).collect()
    }

    /// Writes the second file beside each finished table, if the format has one, and returns the name and hash of each.
    pub(super) fn write_beside(&self, folder: &Path, summary: &Summary) -> Result<Vec<(String, Digest)>, Error> {
        let format = self.tables.format;
        let mut files = Vec::new();
        for (csv, columns) in self.typed_tables(summary) {
            let Some(name) = format.beside(csv) else { continue };
            let (from, to) = (folder.join(csv), folder.join(&name));
            let table = Finished { path: &from, columns };
            write_file_with(&to, |file| format.write(&table, file).map_err(|error| Error::io("write", &to, &error)))?;
            let digest = digest_of(&to).map_err(|error| Error::io("read", &to, &error))?;
            files.push((name, digest));
        }
        Ok(files)
    }

    /// Removes the files beside the tables of a finished sweep that is continued.
    pub(super) fn remove_beside(&self, folder: &Path) -> Result<(), Error> {
        let all = ["summary.csv", "design.csv"].into_iter().chain(self.tables.names());
        for name in all.filter_map(|csv| self.tables.format.beside(csv)) {
            let path = folder.join(name);
            match fs::remove_file(&path) {
                Err(error) if error.kind() != io::ErrorKind::NotFound => {
                    return Err(Error::io("remove", &path, &error));
                }
                _ => {}
            }
        }
        Ok(())
    }
}
