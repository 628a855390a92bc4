//! The manifest: everything needed to explain and repeat the contents of an output folder. It contains no time and no
//! machine. The files that this program wrote into a folder are those that its manifest lists, of whichever version.

use std::collections::BTreeMap;
use std::path::{Component, Path};

use serde::de::IgnoredAny;
use serde::{Deserialize, Serialize};

use super::door::{Digest, digest, read_file};
use super::inputs::{INPUTS, InputRecord};
use super::limits;
use crate::engine::{Run, RunSeed};
use crate::scenario::{AddedMove, Document, MoveAmounts, Override, SetValue};
use crate::table::Format;

/// The program's name, as a manifest gives it.
pub const PROGRAM: &str = "backstop";

/// The version of the manifest's own format.
const FORMAT: u32 = 1;

/// A value that was set.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct OverrideRecord {
    /// A parameter, or the dotted path of a value in the file.
    pub name: String,
    /// Its value: a number, a boolean, or the text of a duration, a date or an infinite number.
    #[serde(with = "set_value")]
    pub value: SetValue,
}

/// Values that were set, in JSON.
mod set_value {
    use serde::{Deserialize, Deserializer, Serialize, Serializer, de};

    use crate::scenario::SetValue;

    #[derive(Serialize, Deserialize)]
    #[serde(untagged)]
    enum Json {
        Boolean(bool),
        Number(f64),
        Text(String),
    }

    pub(super) fn serialize<S: Serializer>(value: &SetValue, serializer: S) -> Result<S::Ok, S::Error> {
        match *value {
            SetValue::Boolean(value) => Json::Boolean(value),
            SetValue::Number(value) if value.is_finite() => Json::Number(value),
            other @ (SetValue::Number(_)
            | SetValue::Duration(..)
            | SetValue::Day(_)
            | SetValue::Minute(_)
            | SetValue::Second(_)) => Json::Text(other.to_string()),
        }
        .serialize(serializer)
    }

    pub(super) fn deserialize<'de, D: Deserializer<'de>>(deserializer: D) -> Result<SetValue, D::Error> {
        Ok(match Json::deserialize(deserializer)? {
            Json::Boolean(value) => SetValue::Boolean(value),
            Json::Number(value) => SetValue::Number(value),
            Json::Text(text) => SetValue::parse(&text).map_err(de::Error::custom)?,
        })
    }
}

impl From<&Override> for OverrideRecord {
    fn from(set: &Override) -> Self {
        Self { name: set.name.clone(), value: set.value }
    }
}

impl From<&OverrideRecord> for Override {
    fn from(record: &OverrideRecord) -> Self {
        Self { name: record.name.clone(), value: record.value }
    }
}

/// The amounts of a move that was added.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(untagged)]
pub enum AmountRecord {
    /// The amount of the only graded resource.
    One(f64),
    /// Amounts by resource.
    Each(BTreeMap<String, f64>),
}

/// A move that was added to those of the scenario.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct MoveRecord {
    /// The commitment, or one instance of it, that is bound.
    pub bind: String,
    /// The graded amount to which it is raised, or several by resource; `None` raises all to their limits.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub amount: Option<AmountRecord>,
    /// The step number, or the text of a date.
    #[serde(with = "set_value")]
    pub on: SetValue,
}

impl From<&AddedMove> for MoveRecord {
    fn from(added: &AddedMove) -> Self {
        let amount = match &added.amounts {
            MoveAmounts::Upto => None,
            MoveAmounts::One(amount) => Some(AmountRecord::One(*amount)),
            MoveAmounts::Each(amounts) => Some(AmountRecord::Each(amounts.clone())),
        };
        Self { bind: added.bind.clone(), amount, on: added.on }
    }
}

impl From<&MoveRecord> for AddedMove {
    fn from(record: &MoveRecord) -> Self {
        let amounts = match &record.amount {
            None => MoveAmounts::Upto,
            Some(AmountRecord::One(amount)) => MoveAmounts::One(*amount),
            Some(AmountRecord::Each(amounts)) => MoveAmounts::Each(amounts.clone()),
        };
        Self { bind: record.bind.clone(), amounts, on: record.on }
    }
}

/// A fork of a run.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct ForkRecord {
    /// The first step with the overrides.
    pub at: u32,
    /// The values set from there on, in addition to earlier ones.
    pub overrides: Vec<OverrideRecord>,
    /// The moves that were added, in the order given.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub moves: Vec<MoveRecord>,
    /// The replicate whose random numbers are used from there on; `None` keeps those of the run.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub replicate: Option<u64>,
    /// The hash of the history that it was forked from.
    pub parent_history_hash: String,
}

/// The description of an output folder.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Manifest {
    /// Version of this format.
    pub format: u32,
    /// The program.
    pub program: String,
    /// Its version.
    pub version: String,
    /// The file name of the scenario, without folders.
    pub scenario: String,
    /// Its SHA-256.
    pub scenario_sha256: Digest,
    /// Its text.
    pub scenario_text: String,
    /// The files that the scenario refers to, which are kept in the folder `inputs`.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub inputs: Vec<InputRecord>,
    /// Every override, in the order given.
    pub overrides: Vec<OverrideRecord>,
    /// The moves that were added, in the order given.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub moves: Vec<MoveRecord>,
    /// The forks of the run, in ascending order of their steps.
    pub forks: Vec<ForkRecord>,
    /// The seed.
    pub seed: u64,
    /// The replicate of a single run, from 0; 0 for a sweep.
    pub replicate: u64,
    /// How the points of a sweep were chosen; null for a single run.
    pub design: Option<serde_json::Value>,
    /// Number of runs.
    pub runs: u64,
    /// Whether stances are in `series.csv`.
    pub stances: bool,
    /// Whether trust is in `series.csv`.
    pub trust: bool,
    /// The format of the second file beside each table, if there is one.
    #[serde(default, skip_serializing_if = "is_csv")]
    pub table_format: Format,
    /// Whether the output is complete.
    pub complete: bool,
    /// `ok`, or the status of the failure, of a single run; null for a sweep.
    pub status: Option<String>,
    /// The steps that a single run completed; null for a sweep.
    pub steps: Option<u32>,
    /// Hash of the history of a single run; null for a sweep.
    pub history_hash: Option<String>,
    /// The SHA-256 of every other file of the folder.
    pub files: BTreeMap<String, Digest>,
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde hands over a reference")]
fn is_csv(format: &Format) -> bool {
    *format == Format::Csv
}

/// The reason why a manifest cannot be used.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ManifestError {
    /// It is not JSON of the right form.
    Malformed {
        /// The problem.
        message: String,
        /// Line, from 1.
        line: usize,
        /// Column, from 1.
        column: usize,
    },
    /// Another program or version wrote it.
    Version {
        /// The program and version that wrote it.
        found: String,
    },
    /// The text of the scenario does not match its hash.
    Scenario,
    /// The manifest does not match its own hash.
    Edited,
}

impl Manifest {
    /// A manifest for a scenario with one seed; the other fields are filled in later.
    #[must_use]
    pub fn new(scenario: &str, document: &Document, overrides: Vec<OverrideRecord>, seed: u64) -> Self {
        let text = document.text();
        Self {
            format: FORMAT,
            program: PROGRAM.into(),
            version: env!("CARGO_PKG_VERSION").into(),
            scenario: scenario.into(),
            scenario_sha256: digest(text.as_bytes()),
            scenario_text: text.into(),
            inputs: InputRecord::of(document),
            overrides,
            moves: Vec::new(),
            forks: Vec::new(),
            seed,
            replicate: 0,
            design: None,
            runs: 1,
            stances: false,
            trust: false,
            table_format: Format::Csv,
            complete: false,
            status: None,
            steps: None,
            history_hash: None,
            files: BTreeMap::new(),
        }
    }

    /// Fills in the result of a run and the hashes of its files.
    #[must_use]
    pub fn of_run(self, run: &Run) -> Self {
        Self {
            complete: true,
            status: Some(run.status().into()),
            steps: Some(run.steps),
            history_hash: Some(run.history.text()),
            files: BTreeMap::new(),
            ..self
        }
    }

    /// The seed and replicate of a single run.
    #[must_use]
    pub fn run_seed(&self) -> RunSeed {
        RunSeed { seed: self.seed, replicate: self.replicate }
    }

    /// Every override of a run and its forks, in the order in which they take effect.
    #[must_use]
    pub fn all_overrides(&self) -> Vec<Override> {
        let forks = self.forks.iter().flat_map(|fork| &fork.overrides);
        self.overrides.iter().chain(forks).map(Override::from).collect()
    }

    /// Every move that was added to a run and its forks, in the order given.
    #[must_use]
    pub fn all_moves(&self) -> Vec<AddedMove> {
        let forks = self.forks.iter().flat_map(|fork| &fork.moves);
        self.moves.iter().chain(forks).map(AddedMove::from).collect()
    }

    /// Its text, which ends with its own hash: this also detects edits of values that occur in no other file, such as
    /// the name of the scenario.
    ///
    /// # Panics
    /// Never: all of its keys are strings.
    #[must_use]
    pub fn to_json(&self) -> String {
        let unsealed = serde_json::to_string_pretty(self).expect("a manifest has string keys only");
        let hash = digest(unsealed.as_bytes());
        let entries = unsealed.strip_suffix("\n}").expect("a manifest has entries");
        format!("{entries},\n  \"manifest_sha256\": \"{}\"\n}}\n", hash.0)
    }

    /// Reads a manifest.
    ///
    /// # Errors
    /// A [`ManifestError`] if it is malformed, of another version, or its scenario has been changed.
    pub fn from_json(text: &str) -> Result<Self, ManifestError> {
        check_values(text)?;
        let manifest: Self = serde_json::from_str(text).map_err(|error| ManifestError::Malformed {
            message: error.to_string(),
            line: error.line(),
            column: error.column(),
        })?;
        if manifest.program != PROGRAM || manifest.format != FORMAT || manifest.version != env!("CARGO_PKG_VERSION") {
            let found = format!("{} {} (format {})", manifest.program, manifest.version, manifest.format);
            return Err(ManifestError::Version { found });
        }
        if digest(manifest.scenario_text.as_bytes()) != manifest.scenario_sha256 {
            return Err(ManifestError::Scenario);
        }
        let seal: Option<ManifestHash> = serde_json::from_str(text).ok();
        let own: Option<ManifestHash> = serde_json::from_str(&manifest.to_json()).ok();
        if seal != own {
            return Err(ManifestError::Edited);
        }
        Ok(manifest)
    }
}

/// The hash of a manifest without its entry for the hash, in the form that the program writes.
#[derive(PartialEq, Eq, Deserialize)]
struct ManifestHash {
    manifest_sha256: Digest,
}

/// Millions of small values would take a hundred times their size in memory, so they are counted before parsing.
fn check_values(text: &str) -> Result<(), ManifestError> {
    let (mut values, mut in_string, mut escaped) = (0, false, false);
    for (at, byte) in text.bytes().enumerate() {
        match byte {
            _ if escaped => escaped = false,
            b'\\' if in_string => escaped = true,
            b'"' => in_string = !in_string,
            b'{' | b'[' | b',' if !in_string => values += 1,
            _ => {}
        }
        if values > limits::MANIFEST_VALUES {
            let before = &text.as_bytes()[..at];
            let line_start = before.iter().rposition(|&byte| byte == b'\n').map_or(0, |newline| newline + 1);
            return Err(ManifestError::Malformed {
                message: format!("it has more than {} values", limits::MANIFEST_VALUES),
                line: before.split(|&byte| byte == b'\n').count(),
                column: at - line_start + 1,
            });
        }
    }
    Ok(())
}

/// Name of the manifest, which comes last.
pub const MANIFEST: &str = "manifest.json";

/// Names of files that commands write. If a folder has such a file and its manifest does not list it, the program did
/// not write it.
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
    let bytes = read_file(manifest, limits::MANIFEST_BYTES).map_err(|_| "its `manifest.json` cannot be read")?;
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
        // The files beside the tables are written last.
        names.extend(growing.clone().filter(|_| unfinished).filter_map(|name| format?.beside(name)));
        names.extend(growing.map(str::to_owned));
    }
    Ok(names)
}

/// Names of files that commands write, given those of the tables as CSV: also what may stand beside each in other
/// formats.
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
