//! The description of a sweep in its manifest, and the differences between two sweeps.

use serde::{Deserialize, Serialize};

use super::design::Request;
use super::error::{Error, ErrorKind};
use super::experiment::Tables;
use super::schedule::Shard;
use crate::store::{Digest, Manifest, OverrideRecord};
use crate::table::Format;
use crate::text::quoted;

/// The request for points, as given by the user.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct DesignRecord {
    /// `single`, `grid`, `zip`, `lhs`, `sobol`, `random` or `file`.
    pub kind: String,
    /// The axes, as `NAME=A:B:N` or `NAME=V,V,…`.
    pub vary: Vec<String>,
    /// The sample, as `METHOD:N`.
    pub sample: Option<String>,
    /// The parameters to sample; empty for all that can be sampled.
    pub over: Vec<String>,
    /// The name of the design file, without folders.
    pub file: Option<String>,
}

impl DesignRecord {
    /// The description of a request; `vary` are the texts of its axes.
    #[must_use]
    pub fn of(request: &Request, vary: Vec<String>) -> Self {
        Self {
            kind: request.kind().into(),
            vary,
            sample: request.sample.map(|sample| sample.text()),
            over: request.over.clone(),
            file: None,
        }
    }
}

/// The order of the rows of the finished `runs.csv`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Sort {
    /// By run: replicate by replicate over all points.
    #[default]
    Run,
    /// By point, then replicate.
    Point,
}

/// The description of a sweep, stored under `design` in its manifest.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Outline {
    /// The request for points.
    #[serde(flatten)]
    pub design: DesignRecord,
    /// The names that vary.
    pub names: Vec<String>,
    /// Number of points.
    pub points: u64,
    /// Hash of `design.csv`.
    pub design_sha256: Digest,
    /// Replicates at each point.
    pub replicates: u64,
    /// Whether every run has random numbers of its own.
    pub independent: bool,
    /// Order of the rows of the finished `runs.csv`.
    pub sort: Sort,
    /// Whether there is `events.csv`.
    pub events: bool,
    /// Whether there is `series.csv`.
    pub series: bool,
    /// The shard; null for all runs.
    pub shard: Option<String>,
}

impl Outline {
    /// The outline in a manifest.
    ///
    /// # Errors
    /// An [`Error`] if the folder is not that of a sweep.
    pub fn of(manifest: &Manifest, folder: &str) -> Result<Self, Error> {
        let none = || {
            Error::new(ErrorKind::Mismatch, format!("`{folder}` is not the folder of a sweep"))
                .help("give the folder that `backstop sweep … --out DIR` wrote")
        };
        let design = manifest.design.clone().ok_or_else(none)?;
        let outline: Self = serde_json::from_value(design.clone()).map_err(|_| none())?;
        // Unknown entries are skipped by the parser; the program never writes them.
        if serde_json::to_value(&outline).ok().as_ref() == Some(&design) { Ok(outline) } else { Err(none()) }
    }

    /// Which tables there are, given the format besides CSV.
    #[must_use]
    pub fn tables(&self, format: Format) -> Tables {
        Tables { events: self.events, series: self.series, format }
    }

    /// The shard.
    ///
    /// # Errors
    /// An [`Error`] if the manifest has an invalid value there.
    pub fn part(&self) -> Result<Shard, Error> {
        self.shard.as_deref().map_or(Ok(Shard::WHOLE), Shard::parse)
    }
}

/// The differences between the sweep in a folder and the requested one, except the number of replicates and the shard.
/// Each is the end of a sentence.
#[must_use]
pub fn differences(old: (&Manifest, &Outline), new: (&Manifest, &Outline)) -> Vec<String> {
    let ((old, old_outline), (new, new_outline)) = (old, new);
    let mut found = Vec::new();
    if old.scenario_sha256 != new.scenario_sha256 {
        found.push("the scenario's text has changed".to_owned());
    }
    for input in &new.inputs {
        if old.inputs.iter().all(|known| known != input) {
            found.push(format!("the file {} has changed", quoted(&input.path)));
        }
    }
    if let Some(input) = old.inputs.iter().find(|input| new.inputs.iter().all(|new| new.path != input.path)) {
        found.push(format!("the file {} is not used any more", quoted(&input.path)));
    }
    if old.overrides != new.overrides {
        found.push(format!("`--set` was {}, and is {}", sets(&old.overrides), sets(&new.overrides)));
    }
    if old.table_format != new.table_format {
        let (old, new) = (old.table_format.name(), new.table_format.name());
        found.push(format!("`--format` was {old}, and is {new}"));
    }
    if old.seed != new.seed {
        found.push(format!("the seed was {}, and is {}", old.seed, new.seed));
    }
    let (old, new) = (old_outline, new_outline);
    if old.names != new.names {
        found.push(format!("what varies was {}, and is {}", list(&old.names), list(&new.names)));
    } else if old.points != new.points {
        found.push(format!("the design had {} points, and has {}", old.points, new.points));
    } else if old.design_sha256 != new.design_sha256 {
        found.push("the points of the design have changed".to_owned());
    }
    let yes = |is: bool| if is { "given" } else { "not given" };
    for (name, old, new) in [
        ("--independent", old.independent, new.independent),
        ("--events", old.events, new.events),
        ("--series", old.series, new.series),
        ("--sort point", old.sort == Sort::Point, new.sort == Sort::Point),
    ] {
        if old != new {
            found.push(format!("`{name}` was {}, and is {}", yes(old), yes(new)));
        }
    }
    found
}

fn list(names: &[String]) -> String {
    if names.is_empty() { "nothing".into() } else { format!("`{}`", names.join("`, `")) }
}

fn sets(overrides: &[OverrideRecord]) -> String {
    let named = overrides.iter().map(|set| format!("{}={}", set.name, crate::trace::plain_set_value(set.value)));
    list(&named.collect::<Vec<_>>())
}
