//! A run or a sweep as data: its manifest, its tables column by column with every cell as it is written, and the states
//! on the way.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::path::Path;

use crate::analysis::wording;
use crate::engine::Run;
use crate::model::{Ending, Expression, InstanceId, Model, Scope, Setup, Values as _};
use crate::scenario::AddedMove;
use crate::store::{ForkRecord, Manifest, MoveRecord, OverrideRecord, Verified, limits as store_limits, read_file};
use crate::sweep::{Outline, recorded};
use crate::trace::plain_set_value;
use serde_json::{Value, json};

use super::history::history;
use super::{PageError, limits};

/// The tables of a run, each with its limit of rows.
const TABLES: [(&str, usize); 4] = [
    ("events", limits::EVENT_ROWS),
    ("series", limits::TABLE_ROWS),
    ("commitments", limits::TABLE_ROWS),
    ("runs", limits::TABLE_ROWS),
];

/// The title of a run's page.
pub(super) fn title(model: &Model, manifest: &Manifest) -> String {
    if model.title.is_empty() { manifest.scenario.clone() } else { model.title.clone() }
}

/// The data of a run, and a short text about it.
pub(super) fn read_run(folder: &Path, verified: &Verified) -> Result<(Value, String), PageError> {
    let Verified { manifest, course, fold, .. } = verified;
    let (model, _) = course.last();
    if model.instances.len() > limits::INSTANCES {
        return Err(PageError::Instances(model.instances.len()));
    }
    let mut tables = json!({});
    for (name, most) in TABLES {
        tables[name] = table(folder, &format!("{name}.csv"), store_limits::TABLE_BYTES, most)?;
    }
    let history = history(verified).map_err(PageError::State)?;
    let steps = fold.log.last().map_or(0, |entry| entry.step + 1).max(fold.steps);
    let data = json!({
        "kind": "run",
        "folder": name(folder),
        "title": title(course.first(), manifest),
        "about": model.about.trim(),
        "manifest": facts(manifest),
        "reason": reason(model, fold),
        "command": command(manifest),
        "steps": fold.steps,
        "dates": (0..steps).map(|step| model.clock.date(step)).collect::<Vec<_>>(),
        "model": things(model, &fold.setup),
        "history": history,
        "tables": tables,
    });
    let text = text(&data, model);
    Ok((data, text))
}

/// The folder's own name. The path is left out, since the page may be sent to others.
pub(super) fn name(folder: &Path) -> String {
    folder.file_name().map_or_else(|| ".".into(), |name| name.to_string_lossy().into_owned())
}

/// Reads a table of a folder.
pub(super) fn table(folder: &Path, name: &str, bytes: u64, most: usize) -> Result<Value, PageError> {
    let path = folder.join(name);
    let wrong = |message: String| PageError::File { path: path.clone(), message };
    let content = read_file(&path, bytes).map_err(|error| wrong(format!("it cannot be read: {error}")))?;
    Ok(Table::read(&content, most).map_err(|error| wrong(error.to_string()))?.value())
}

/// The facts of the manifest, without the text of the scenario.
pub(super) fn facts(manifest: &Manifest) -> Value {
    let fork =
        |fork: &ForkRecord| json!({ "at": fork.at, "changes": changes(&fork.overrides, &fork.moves, fork.replicate) });
    json!({
        "version": manifest.version,
        "scenario": manifest.scenario,
        "scenario_sha256": manifest.scenario_sha256,
        "overrides": manifest.overrides,
        "changes": changes(&manifest.overrides, &manifest.moves, None),
        "forks": manifest.forks.iter().map(fork).collect::<Vec<_>>(),
        "seed": manifest.seed.to_string(),
        "replicate": manifest.replicate.to_string(),
        "design": manifest.design,
        "runs": manifest.runs,
        "status": manifest.status,
        "history_hash": manifest.history_hash,
    })
}

/// The settings of a run or a fork: its overrides, added moves, and other random numbers.
fn changes(overrides: &[OverrideRecord], moves: &[MoveRecord], replicate: Option<u64>) -> Vec<String> {
    let set = overrides.iter().map(|one| format!("{} = {}", one.name, plain_set_value(one.value)));
    let moves = moves.iter().map(|one| format!("a move that binds {}", AddedMove::from(one).bound()));
    let run_seed = replicate.map(|replicate| format!("the random numbers of replicate {replicate}"));
    set.chain(moves).chain(run_seed).collect()
}

/// The commands that make the run again, one after the other.
fn command(manifest: &Manifest) -> Vec<String> {
    let sets = |overrides: &[OverrideRecord]| {
        let set = |one: &OverrideRecord| format!(" --set {}={}", one.name, plain_set_value(one.value));
        overrides.iter().map(set).collect::<String>()
    };
    let moves = |moves: &[MoveRecord], at: bool| {
        let one = |one: &MoveRecord| {
            let on = if at { format!("@{}", plain_set_value(one.on)) } else { String::new() };
            format!(" --move {}{on}", AddedMove::from(one).bound())
        };
        moves.iter().map(one).collect::<String>()
    };
    let file = quoted(&manifest.scenario);
    let mut first = format!("backstop run {file} --seed {}{}", manifest.seed, sets(&manifest.overrides));
    first += &moves(&manifest.moves, true);
    if manifest.replicate > 0 {
        let _ = write!(first, " --replicate {}", manifest.replicate);
    }
    for (flag, given) in [(" --stances", manifest.stances), (" --trust", manifest.trust)] {
        first += if given { flag } else { "" };
    }
    let mut commands = vec![first + " --out run"];
    for (at, fork) in (1..).zip(&manifest.forks) {
        let from = if at == 1 { "run".to_owned() } else { format!("fork{}", at - 1) };
        commands.push(format!(
            "backstop fork {from} --at {}{}{}{} --out fork{at}",
            fork.at,
            sets(&fork.overrides),
            moves(&fork.moves, false),
            fork.replicate.map_or_else(String::new, |replicate| format!(" --replicate {replicate}"))
        ));
    }
    commands
}

/// The quantities in the condition of the final outcome, with their values: `bound(troops, europe) is 30 000`.
fn reason(model: &Model, run: &Run) -> String {
    let Some(Ending::Outcome(outcome)) = run.ending() else { return String::new() };
    let Run { setup, world, .. } = run;
    let scope = Scope { model, setup, world, evidence: &world.evidence, reader: None };
    let value =
        |quantity| format!("{} is {}", wording::quantity_text(model, quantity), wording::number(scope.read(quantity)));
    let reads = model.outcomes[outcome.index()].when.reads();
    reads.into_iter().map(value).collect::<Vec<_>>().join(", ")
}

/// A file name for a shell.
pub(super) fn quoted(name: &str) -> String {
    let plain = |character: char| character.is_ascii_alphanumeric() || "._-/".contains(character);
    if !name.is_empty() && name.chars().all(plain) { name.into() } else { format!("'{}'", name.replace('\'', "'\\''")) }
}

/// The declarations of the scenario.
fn things(model: &Model, setup: &Setup) -> Value {
    let text = |expression: &Option<Expression>| {
        expression.as_ref().map(|expression| expression.text.split_whitespace().collect::<Vec<_>>().join(" "))
    };
    let commitment = |declared: &crate::model::Commitment| {
        json!({
            "id": declared.id,
            "debtor": declared.debtor,
            "creditor": declared.creditor.map(|group| &model.groups[group.index()].id),
            "offer": text(&declared.offer),
            "when": text(&declared.when),
            "while": text(&declared.stay),
            "until": text(&declared.until),
            "release": text(&declared.release),
            "renew": text(&declared.renew),
            "maintain": declared.maintain,
        })
    };
    let instance = |id: InstanceId| {
        let own = &model.instances[id.index()];
        let gives = model.gifts(id).map(|gift| {
            let amount = setup.gives.get(gift.position).map_or(0.0, |amount| amount.to_units());
            let amount = wording::amount(model, gift.resource, amount);
            // For a graded amount the declared limit is embedded; the page reads its current amount from the events.
            if model.commitment_of(id).level(gift.number).is_some() { format!("up to {amount}") } else { amount }
        });
        let graded = model.gifts(id).zip(0..).filter(|(gift, _)| model.commitment_of(id).level(gift.number).is_some());
        let graded = graded.map(|(gift, at): (_, usize)| json!([at, &model.resources[gift.resource.index()].id]));
        let (gives, graded) = (gives.collect::<Vec<_>>(), graded.collect::<Vec<_>>());
        json!([model.name_of(id), own.commitment.index(), own.debtor.index(), gives, graded])
    };
    let outcome = |outcome: &crate::model::Outcome| json!({ "id": outcome.id, "name": outcome.name, "when": text(&Some(outcome.when.clone())) });
    json!({
        "actors": model.actors.iter().map(|actor| json!([actor.id, actor.name])).collect::<Vec<_>>(),
        "issues": model.issues,
        "resources": model.resources.iter().map(|one| json!([one.id, one.unit])).collect::<Vec<_>>(),
        "commitments": model.commitments.iter().map(commitment).collect::<Vec<_>>(),
        "instances": model.instance_ids().map(instance).collect::<Vec<_>>(),
        "meetings": model.meetings.iter().map(|one| json!([one.id, one.name])).collect::<Vec<_>>(),
        "shocks": model.shocks.iter().map(|one| json!([one.id, one.name])).collect::<Vec<_>>(),
        "outcomes": model.outcomes.iter().map(outcome).collect::<Vec<_>>(),
        "metrics": model.metrics.iter().map(|metric| &metric.id).collect::<Vec<_>>(),
    })
}

/// The run in a few lines, shown without JavaScript unless a longer text is given.
fn text(data: &Value, model: &Model) -> String {
    let cell = |name: &str| {
        let column = data["tables"]["runs"]["columns"].as_array()?.iter().find(|column| column["name"] == name)?;
        column["words"][0].as_str()
    };
    let outcome = cell("outcome").filter(|outcome| !outcome.is_empty()).unwrap_or("the run failed");
    let mut text = format!("{}\n\nOutcome: {outcome}\n", model.about.trim());
    for command in data["command"].as_array().into_iter().flatten() {
        let _ = writeln!(text, "{}", command.as_str().unwrap_or_default());
    }
    text
}

/// The data of a sweep, its title, and a short text about it.
pub(super) fn read_sweep(folder: &Path, manifest: &Manifest) -> Result<(Value, String, String), PageError> {
    let sweep = recorded(folder).map_err(PageError::Sweep)?;
    let outline = Outline::of(manifest, &folder.display().to_string()).map_err(PageError::Sweep)?;
    let mut tables = json!({});
    for own in ["summary", "design", "runs"] {
        tables[own] = table(folder, &format!("{own}.csv"), limits::SWEEP_TABLE_BYTES, limits::TABLE_ROWS)?;
    }
    let model = sweep.experiment.model();
    let title = title(model, manifest);
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

/// A table cut after a number of rows.
#[derive(Clone, Debug, Default)]
pub(super) struct Table {
    columns: Vec<Column>,
    /// The number of rows included.
    shown: usize,
    /// The number of rows in the file.
    rows: usize,
}

/// The cells of a column: each distinct text in the order of first appearance, and the index of the text in each row.
#[derive(Clone, Debug, Default)]
struct Column {
    name: String,
    words: Vec<String>,
    places: BTreeMap<String, usize>,
    rows: Vec<usize>,
}

impl Column {
    fn push(&mut self, cell: &str) {
        let next = self.words.len();
        let at = *self.places.entry(cell.to_owned()).or_insert(next);
        if at == next {
            self.words.push(cell.to_owned());
        }
        self.rows.push(at);
    }

    /// The JSON of a column. `rows` is omitted if all texts differ.
    fn value(&self) -> Value {
        if self.words.len() == self.rows.len() {
            return json!({ "name": self.name, "words": self.words });
        }
        json!({ "name": self.name, "words": self.words, "rows": self.rows })
    }
}

impl Table {
    /// Reads a CSV file with a header row.
    ///
    /// # Errors
    /// If it is not CSV, or a row has another number of cells than the header.
    pub(super) fn read(bytes: &[u8], most: usize) -> Result<Self, csv::Error> {
        let mut reader = csv::Reader::from_reader(bytes);
        let column = |name: &str| Column { name: name.into(), ..Column::default() };
        let columns = reader.headers()?.iter().map(column).collect();
        let mut table = Self { columns, ..Self::default() };
        let mut record = csv::StringRecord::new();
        while reader.read_record(&mut record)? {
            table.rows += 1;
            if table.shown < most {
                table.shown += 1;
                table.columns.iter_mut().zip(&record).for_each(|(column, cell)| column.push(cell));
            }
        }
        Ok(table)
    }

    /// The JSON of the table.
    pub(super) fn value(&self) -> Value {
        let columns: Vec<Value> = self.columns.iter().map(Column::value).collect();
        json!({ "rows": self.rows, "shown": self.shown, "columns": columns })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_cell_is_kept_as_it_is_written() {
        let table = Table::read(b"a,b\n1e300,x\n0.10,x\n\"q,\",y\n", 2).unwrap();
        let columns = json!([
            { "name": "a", "words": ["1e300", "0.10"] },
            { "name": "b", "words": ["x"], "rows": [0, 0] },
        ]);
        assert_eq!(table.value(), json!({ "rows": 3, "shown": 2, "columns": columns }));
    }

    #[test]
    fn a_row_of_another_length_is_refused() {
        assert!(Table::read(b"a,b\n1\n", 2).is_err());
    }
}
