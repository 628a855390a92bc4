//! A sweep as data: its tables, and how its runs are made again.

use std::path::Path;

use serde_json::{Value, json};

use super::error::PageError;
use super::limits;
use super::run::{facts, name, table};
use crate::store::Manifest;
use crate::sweep::{Outline, recorded};

/// The data of a sweep, its title, and a short text of it.
pub(super) fn read(folder: &Path, manifest: &Manifest) -> Result<(Value, String, String), PageError> {
    let sweep = recorded(folder).map_err(PageError::Sweep)?;
    let outline = Outline::of(manifest, &folder.display().to_string()).map_err(PageError::Sweep)?;
    let mut tables = json!({});
    for own in ["summary", "design", "runs"] {
        tables[own] = table(folder, &format!("{own}.csv"), limits::SWEEP_TABLE_BYTES, limits::TABLE_ROWS)?;
    }
    let model = sweep.experiment.model();
    let title = super::run::title(model, manifest);
    let outcomes = model.outcomes.iter().map(|outcome| json!([outcome.id, outcome.name])).collect::<Vec<_>>();
    let data = json!({
        "kind": "sweep",
        "folder": name(folder),
        "title": title,
        "about": model.about.trim(),
        "manifest": facts(manifest),
        "names": outline.names,
        "points": outline.points,
        "replicates": outline.replicates,
        "outcomes": outcomes,
        "metrics": model.metrics.iter().map(|metric| &metric.id).collect::<Vec<_>>(),
        "tables": tables,
    });
    let text = format!(
        "{}\n\nA sweep over {} points with {} runs of each; the points are in summary.csv.\n",
        model.about.trim(),
        outline.points,
        outline.replicates
    );
    Ok((data, title, text))
}
