//! The manifest: with it an output folder explains and repeats itself. No clock, no machine in it.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::digest::{Digest, digest};
use super::inputs::InputRecord;
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
    /// Its value: a number, a boolean, or the text of a moment or of an infinite number.
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
            other @ (SetValue::Number(_) | SetValue::Day(_) | SetValue::Minute(_) | SetValue::Second(_)) => {
                Json::Text(other.to_string())
            }
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
    /// Of the only resource that is graded.
    One(f64),
    /// By resource.
    Each(BTreeMap<String, f64>),
}

/// A move that was added to those of the scenario.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct MoveRecord {
    /// What it binds: a commitment or one instance of it.
    pub bind: String,
    /// The graded amount that it is raised to, or several by resource; none: all to the most that they can be.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub amount: Option<AmountRecord>,
    /// When: the number of a step, or the text of a moment.
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

/// Where a run left the path of another.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct ForkRecord {
    /// The first step under the overrides.
    pub at: u32,
    /// What was set from there on, besides what had been set before.
    pub overrides: Vec<OverrideRecord>,
    /// The moves that were added, in the order given.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub moves: Vec<MoveRecord>,
    /// The replicate whose luck it met from there on; none: its own.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub replicate: Option<u64>,
    /// The hash of the history that it was forked from.
    pub parent_history_hash: String,
}

/// What an output folder says of itself.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Manifest {
    /// Version of this format.
    pub format: u32,
    /// The program.
    pub program: String,
    /// Its version.
    pub version: String,
    /// The scenario file's name, without folders.
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
    /// The forks that led here, in rising order of their steps.
    pub forks: Vec<ForkRecord>,
    /// The seed.
    pub seed: u64,
    /// The replicate of a single run, from 0; 0 for a sweep, which has all of its own.
    pub replicate: u64,
    /// How the points of a sweep were chosen; null for a single run.
    pub design: Option<serde_json::Value>,
    /// Number of runs.
    pub runs: u64,
    /// Whether stances are in `series.csv`.
    pub stances: bool,
    /// Whether trust is in `series.csv`.
    pub trust: bool,
    /// The format of a second file beside each table, where there is one.
    #[serde(default, skip_serializing_if = "is_csv")]
    pub table_format: Format,
    /// Whether everything that was asked for is there.
    pub complete: bool,
    /// `ok`, or what failed, of a single run; null for a sweep.
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

/// Why a manifest cannot be used.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ManifestError {
    /// It is not JSON of the right form.
    Malformed {
        /// What is wrong.
        message: String,
        /// Line, from 1.
        line: usize,
        /// Column, from 1.
        column: usize,
    },
    /// Another program or version wrote it.
    Version {
        /// The one that did.
        found: String,
    },
    /// The scenario's text does not have the hash that it should have.
    Scenario,
    /// The manifest does not have the hash that it gives for itself.
    Edited,
}

impl Manifest {
    /// The manifest of a scenario with one seed, to be filled in.
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

    /// What it says once a run has ended. The hashes of its files are still missing.
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

    /// The luck of a single run.
    #[must_use]
    pub fn luck(&self) -> RunSeed {
        RunSeed { seed: self.seed, replicate: self.replicate }
    }

    /// Every override of a run, forks' included, in the order in which they came into force.
    #[must_use]
    pub fn all_overrides(&self) -> Vec<Override> {
        let forks = self.forks.iter().flat_map(|fork| &fork.overrides);
        self.overrides.iter().chain(forks).map(Override::from).collect()
    }

    /// Every move that was added to a run, forks' included, in the order in which they were given.
    #[must_use]
    pub fn all_moves(&self) -> Vec<AddedMove> {
        let forks = self.forks.iter().flat_map(|fork| &fork.moves);
        self.moves.iter().chain(forks).map(AddedMove::from).collect()
    }

    /// Its text, which ends with the hash of itself: so an edit of what no other file repeats, such as the name of the
    /// scenario, is found too.
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
        let seal: Option<Seal> = serde_json::from_str(text).ok();
        let own: Option<Seal> = serde_json::from_str(&manifest.to_json()).ok();
        if seal != own {
            return Err(ManifestError::Edited);
        }
        Ok(manifest)
    }
}

/// The hash of a manifest without the entry of the hash itself, as the program writes it.
#[derive(PartialEq, Eq, Deserialize)]
struct Seal {
    manifest_sha256: Digest,
}

/// A manifest of millions of small values takes a hundred times its size in memory: they are counted before it is read.
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
