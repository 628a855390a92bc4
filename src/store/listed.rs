//! The files of a folder that this program wrote, according to its manifest of any version.

use std::collections::BTreeMap;
use std::path::{Component, Path};

use serde::Deserialize;
use serde::de::IgnoredAny;

use super::door::read_file;
use super::inputs::INPUTS;
use super::limits::MANIFEST_BYTES;
use super::manifest::PROGRAM;
use crate::table::Format;

/// Name of the manifest, which comes last.
pub const MANIFEST: &str = "manifest.json";

/// Names of files that commands write. Where one of them stands in a folder and its manifest does not list it, it is
/// somebody's own.
pub(super) const OURS: [&str; 8] = [
    "events.csv",
    "series.csv",
    "commitments.csv",
    "runs.csv",
    "runs.unsorted.csv",
    "summary.csv",
    "design.csv",
    "sweep.journal",
];

/// The parts of a manifest that list files. All other values are skipped without being stored.
#[derive(Deserialize)]
struct Listing {
    program: String,
    #[expect(clippy::zero_sized_map_values, reason = "JSON has a value to each name, which is passed over")]
    files: BTreeMap<String, IgnoredAny>,
    #[serde(default)]
    complete: bool,
    #[serde(default)]
    table_format: Option<String>,
    design: Option<Growing>,
    #[serde(default)]
    inputs: Vec<Input>,
}

/// A file to which the scenario refers.
#[derive(Deserialize)]
struct Input {
    file: String,
}

/// The files that a sweep writes while it runs.
#[derive(Deserialize)]
struct Growing {
    #[serde(default)]
    events: bool,
    #[serde(default)]
    series: bool,
}

/// The names of the files that a manifest lists, or the reason why it cannot be used.
pub(super) fn listed(manifest: &Path) -> Result<Vec<String>, &'static str> {
    let bytes = read_file(manifest, MANIFEST_BYTES).map_err(|_| "its `manifest.json` cannot be read")?;
    let listing: Listing =
        serde_json::from_slice(&bytes).map_err(|_| "its `manifest.json` was not written by this program")?;
    if listing.program != PROGRAM {
        return Err("its `manifest.json` was written by another program");
    }
    let mut names: Vec<String> = listing.files.into_keys().filter(|name| is_inside(name)).collect();
    let inputs = listing.inputs.iter().map(|input| input.file.as_str()).filter(|name| is_inside(name));
    names.extend(inputs.map(|name| format!("{INPUTS}/{name}")));
    if let Some(design) = listing.design {
        let unfinished = !listing.complete;
        let growing = [
            ("sweep.journal", true),
            ("runs.unsorted.csv", true),
            ("design.csv", unfinished),
            ("runs.csv", unfinished),
            ("summary.csv", unfinished),
            ("events.csv", unfinished && design.events),
            ("series.csv", unfinished && design.series),
        ];
        let growing = growing.iter().filter(|(_, is)| *is).map(|(name, _)| *name);
        let format = Format::ALL.iter().find(|format| Some(format.name()) == listing.table_format.as_deref());
        // What stands beside the tables is written last.
        names.extend(growing.clone().filter(|_| unfinished).filter_map(|name| format?.beside(name)));
        names.extend(growing.map(str::to_owned));
    }
    Ok(names)
}

/// Names of files that commands write, given those of the tables as CSV: also what may stand beside each in other formats.
pub(super) fn in_all_formats(names: &[&str]) -> impl Iterator<Item = String> {
    let beside = |name: &str| Format::ALL.iter().filter_map(|format| format.beside(name)).collect::<Vec<_>>();
    names.iter().flat_map(move |name| std::iter::once((*name).to_owned()).chain(beside(name)))
}

/// Whether a name is that of a file directly inside the folder. A manifest written by others may name anything.
#[must_use]
pub fn is_inside(name: &str) -> bool {
    let mut parts = Path::new(name).components();
    matches!((parts.next(), parts.next()), (Some(Component::Normal(_)), None))
}
