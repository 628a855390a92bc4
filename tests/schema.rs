//! Tests that `schema.json` and the reader of scenario files agree, as far as a JSON Schema can express the rules.

mod common;

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write as _;
use std::fs;
use std::path::PathBuf;

use backstop::scenario::{Document, Options, compile, keys};
use common::catalogue::cases;
use jsonschema::Validator;
use serde_json::{Value, json};
use toml::de::{DeTable, DeValue};

#[test]
fn the_schema_is_a_json_schema() {
    assert!(jsonschema::meta::is_valid(&schema()));
}

#[test]
fn files_that_pass_check_satisfy_the_schema() {
    let mut files = tomls("scenarios");
    files.push(root().join("src/cli/starter.toml"));
    let files = files.iter().map(|file| (file.display().to_string(), fs::read(file).unwrap()));
    let cases = ["warn", "clean"].into_iter().flat_map(cases).map(|case| (case.file(), case.bytes));
    let validator = validator();
    let mut wrong = String::new();
    for (name, bytes) in files.chain(cases) {
        for error in validator.iter_errors(&as_json(&bytes).unwrap()) {
            writeln!(wrong, "{name}: {}: {error}", error.instance_path()).unwrap();
        }
    }
    assert!(wrong.is_empty(), "{wrong}");
}

/// Files with wrong forms that a JSON Schema cannot distinguish from right ones: it sees a TOML date as a text, and a
/// text may be an expression.
const BEYOND: [&str; 4] = ["lead_as_date", "meeting_on_quoted_date", "stance_as_date", "start_as_string"];

#[test]
fn the_schema_rejects_files_that_the_reader_rejects() {
    let validator = validator();
    let mut valid = BTreeSet::new();
    for case in cases("schema") {
        if as_json(&case.bytes).is_some_and(|document| validator.is_valid(&document)) {
            valid.insert(case.name);
        }
    }
    assert_eq!(valid, BEYOND.map(ToOwned::to_owned).into());
}

/// One table of each kind: its place, its name in messages, and its properties in the schema.
const TABLES: [(&str, &str, &str); 19] = [
    ("", "the file", ""),
    ("/time", "`time`", "/properties/time"),
    ("/parameters/floor", "a parameter", "/$defs/parameter/anyOf/2"),
    ("/resources/troops", "a resource", "/$defs/resource"),
    ("/actors/us", "an actor", "/$defs/actor"),
    ("/actors/us/credit", "a credit", "/$defs/credit"),
    ("/cohorts/voter", "a cohort", "/$defs/cohort"),
    ("/credit", "`credit`", "/$defs/credit"),
    ("/trust", "`trust`", "/$defs/trust"),
    ("/trust/pairs/0", "a pair of `trust`", "/$defs/trust/properties/pairs/items"),
    ("/influence/0", "an `influence`", "/$defs/influence"),
    ("/commitments/aid", "a commitment", "/$defs/commitment"),
    ("/meetings/summit", "a meeting", "/$defs/meeting"),
    ("/shocks/raid", "a shock", "/$defs/shock"),
    ("/shocks/raid/trust/0", "an effect on trust", "/$defs/trust_effect"),
    ("/moves/gesture", "a move", "/$defs/move"),
    ("/moves/gesture/bind/0", "what a move binds", "/$defs/bound_amount"),
    ("/outcomes/peace", "an outcome", "/$defs/outcome"),
    ("/sweep", "`[sweep]`", "/$defs/sweep"),
];

fn one_of_each() -> Value {
    json!({
        "format": 1,
        "time": { "steps": 3 },
        "parameters": { "floor": { "value": 1 } },
        "resources": { "troops": {} },
        "actors": { "us": { "credit": {} } },
        "cohorts": { "voter": { "size": 2 } },
        "credit": {},
        "trust": { "pairs": [{ "of": "us", "in": "voter", "value": 0.5 }] },
        "influence": [{ "from": "us", "on": "voter" }],
        "commitments": { "aid": { "debtor": "us", "gives": { "troops": 1 } } },
        "meetings": { "summit": { "on": 1, "attend": "us" } },
        "shocks": { "raid": { "on": 1, "trust": [{ "of": "us", "in": "voter", "by": 0.1 }] } },
        "moves": { "gesture": { "on": 1, "bind": [{ "commitment": "aid" }] } },
        "outcomes": { "peace": { "when": "true" } },
        "sweep": {},
    })
}

/// Every known key is put into a table of each kind: the reader and the schema must accept it in the same tables.
#[test]
fn the_reader_and_the_schema_know_the_same_keys() {
    let schema = schema();
    let mut known: BTreeMap<&str, BTreeSet<String>> = BTreeMap::new();
    let mut listed: BTreeMap<&str, BTreeSet<String>> = BTreeMap::new();
    let mut words: BTreeSet<String> = keys::ALL.iter().flat_map(|kind| kind.keys).map(ToString::to_string).collect();
    for (_, what, at) in TABLES {
        let properties = schema.pointer(&format!("{at}/properties")).and_then(Value::as_object).unwrap();
        listed.insert(what, properties.keys().cloned().collect());
        words.extend(properties.keys().cloned());
        known.insert(what, BTreeSet::new());
    }
    assert!(words.len() > 100);
    for word in &words {
        if ["extends", "remove"].contains(&word.as_str()) {
            // They are removed before the rest is read.
            known.get_mut("the file").unwrap().insert(word.clone());
            continue;
        }
        let mut document = one_of_each();
        for (place, _, _) in TABLES {
            let table = document.pointer_mut(place).and_then(Value::as_object_mut).unwrap();
            if !table.contains_key(word) {
                table.insert(word.clone(), json!(0));
            }
        }
        let said = diagnostics(&document);
        for (_, what, _) in TABLES {
            // A table with the name of a distribution is read as one, whatever else it contains.
            let is_drawn =
                what == "a parameter" && ["uniform", "triangular", "normal", "choice"].contains(&word.as_str());
            if !is_drawn && !said.lines().any(|line| line == format!("{what} has no key `{word}`")) {
                known.get_mut(what).unwrap().insert(word.clone());
            }
        }
    }
    assert_eq!(known, listed);
}

/// Values near the limits: the reader and the schema both accept them, or both reject them.
#[test]
#[expect(clippy::too_many_lines, reason = "a list of cases")]
fn the_reader_and_the_schema_agree_on_values() {
    let cases = [
        ("/note", json!(["a note", 1, ["a"]])),
        ("/title", json!(["a title", 1])),
        ("/issues", json!([["a", "b"], [], "a", ["a", "a"], ["A"], [1]])),
        ("/pace", json!([1, 0.5, 0, 1.5, "floor", { "uniform": [0.1, 1] }, true])),
        ("/format", json!([1, 2, "1"])),
        ("/time/steps", json!([1, 0, 1_000_000, 1_000_001, 1.5, "3"])),
        ("/time/step", json!(["1 day", "06 hours", " 2  weeks ", "0 days", "1 month", "day", "1day", 1])),
        ("/time/end", json!([3, "soon"])),
        ("/time/start", json!([3, "soon"])),
        ("/parameters/floor", json!([1, -1.5, "1", true, { "uniform": [0, 1] }, { "uniform": [0] }, { "value": 1 }])),
        (
            "/parameters/floor/value",
            json!([1, { "normal": [0, 1] }, { "choice": [] }, { "choice": [1, "2 * 3"] }, { "uniform": [0, "1"] }, "1", []]),
        ),
        ("/parameters/floor/range", json!([[0, 1], [0], [0, "1"], "0:1"])),
        ("/parameters/floor/unit", json!(["soldiers", 1])),
        ("/parameters/floor/name", json!(["Floor", 1])),
        (
            "/definitions",
            json!([{}, { "half": "floor / 2" }, { "half": 1 }, { "half": "" }, { "Half": "1" }, { "or": "1" }]),
        ),
        ("/resources/troops", json!([{ "unit": "soldiers", "name": "Troops", "note": "x" }, "soldiers"])),
        ("/actors/us/stance", json!([0, 1, -0.1, 1.1, "floor / 2", { "main": 0.5 }, {}, { "uniform": [0, 1] }, [0]])),
        ("/actors/us/anchor", json!([0.5, 2, { "main": { "choice": [0.1, 0.2] } }])),
        ("/actors/us/susceptibility", json!([0, 1, 1.1])),
        ("/actors/us/volatility", json!([0, 7, -1])),
        ("/actors/us/attributes", json!([{}, { "resolve": -3 }, { "Resolve": 1 }, { "resolve": true }, 1])),
        ("/actors/us/credit", json!([{ "offer": 0.5, "bond": 1 }, { "offer": 2 }, 0.5])),
        ("/actors/us/name", json!(["US", 1])),
        ("/actors/us/note", json!(["x", 1])),
        ("/cohorts/voter/size", json!([1, 0, 1.5, "2", 2_000_001])),
        ("/groups", json!([{}, { "all": ["us", "voter"] }, { "all": [] }, { "all": "us" }])),
        ("/credit", json!([{ "offer": 0.1 }, { "bond": -1 }, 1])),
        ("/trust/strength", json!([1, 0, -1])),
        ("/trust/witness", json!([0, 2, -1])),
        (
            "/trust/pairs",
            json!([[], {}, [{ "of": "us", "in": "voter" }], [{ "of": ["us"], "in": "voter", "value": 1 }]]),
        ),
        (
            "/influence",
            json!([[], {}, [{ "from": "us" }], [{ "from": ["us"], "on": "voter", "weight": 0 }], [{ "from": [], "on": "us" }]]),
        ),
        ("/commitments/aid/debtor", json!(["us", ["us"], 1])),
        ("/commitments/aid/creditor", json!(["voter", ["us"]])),
        (
            "/commitments/aid/gives",
            json!([{ "troops": 0 }, {}, "troops", { "troops": 1e12 }, { "troops": 1.1e12 }, { "troops": -1 }]),
        ),
        ("/commitments/aid/when", json!(["true", "", true, "  "])),
        ("/commitments/aid/initial", json!(["detached", "violated", 0])),
        (
            "/commitments/aid/lead",
            json!([0, -1, 1.5, "2", { "choice": [1, 2] }, { "choice": [1, 2.5] }, { "uniform": [1, 2] }, 4_294_967_295_u32]),
        ),
        ("/commitments/aid/over", json!([1, 0, { "choice": [0] }])),
        ("/commitments/aid/expires", json!([2, -1, 2.5, "2", "floor", [2]])),
        ("/commitments/aid/until", json!(["true"])),
        ("/commitments/aid/maintain", json!([true, "true", 1])),
        ("/commitments/aid/cost", json!([0, -1, { "normal": [1, 1] }])),
        ("/commitments/aid/note", json!(["x", 1])),
        ("/meetings/summit/on", json!([0, [0, 2], [], "0", 1.5])),
        ("/meetings/summit/from", json!([0])),
        ("/meetings/summit/attend", json!(["us", ["us", "voter"], [], 1, [1]])),
        ("/meetings/summit/package", json!([true, 1])),
        ("/meetings/summit/success", json!([1, 1.5])),
        ("/shocks/raid/rate", json!([0.5])),
        ("/shocks/raid/once", json!([true])),
        ("/shocks/raid/stance", json!([{}, { "us": 0.5 }, { "us": { "main": -9 } }, { "us": {} }, 0.5])),
        ("/shocks/raid/trust", json!([[], [{ "of": "us", "in": "voter" }], {}])),
        (
            "/shocks/raid",
            json!([{ "rate": "1 / 2" }, { "rate": -1 }, { "when": "true", "once": false }, {}, { "rate": 1, "when": "true" }]),
        ),
        ("/outcomes/peace/stop", json!([false, "no"])),
        ("/outcomes", json!([{ "deadlock": { "when": "true" } }, { "peace": {} }])),
        ("/metrics", json!([{ "n": "1" }, { "n": 1 }, { "gap": "1" }])),
        (
            "/sweep/vary",
            json!([{}, { "floor": [1] }, { "floor": [] }, { "floor": "0:1:3" }, { "actors": { "us": { "stance": [0.1] } } }, { "floor": 1 }, { "floor": ["a"] }, []]),
        ),
        ("/sweep/zip", json!([true, 1])),
        ("/sweep/sample", json!(["lhs:3", 3])),
        ("/sweep/over", json!([["floor"], [], "floor", [1]])),
        ("/sweep/replicates", json!([1, 0, 1.5, "1"])),
        ("/sweep/seed", json!([0, -1, "0"])),
        ("/sweep/independent", json!([false, 0])),
        ("/sweep/note", json!(["x", 1])),
    ];
    let validator = validator();
    let mut wrong = String::new();
    for (place, values) in &cases {
        for value in values.as_array().unwrap() {
            let mut document = one_of_each();
            let (parent, key) = place.rsplit_once('/').unwrap();
            let table = document.pointer_mut(parent).and_then(Value::as_object_mut).unwrap();
            table.insert(key.to_owned(), value.clone());
            let said = diagnostics(&document);
            let (reads, validates) = (said.is_empty(), validator.is_valid(&document));
            if reads != validates {
                writeln!(wrong, "{place} = {value}: the schema says {validates}, check says {said}").unwrap();
            }
        }
    }
    assert!(wrong.is_empty(), "{wrong}");
}

fn root() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR"))
}

fn schema() -> Value {
    serde_json::from_str(&fs::read_to_string(root().join("schema.json")).unwrap()).unwrap()
}

fn validator() -> Validator {
    jsonschema::validator_for(&schema()).unwrap()
}

fn tomls(folder: &str) -> Vec<PathBuf> {
    let paths = fs::read_dir(root().join(folder)).unwrap().map(|entry| entry.unwrap().path());
    let mut found: Vec<PathBuf> = paths.filter(|path| path.extension().is_some_and(|end| end == "toml")).collect();
    found.sort();
    found
}

/// The errors of the reader for a document, as text; empty if it is accepted.
fn diagnostics(document: &Value) -> String {
    let text = toml_of(document);
    let found = match Document::parse("test.toml", text.as_bytes()) {
        Ok(document) => compile(&document, &Options::default()).err().unwrap_or_default(),
        Err(found) => panic!("{text}\n{found:#?}"),
    };
    found.iter().map(|diagnostic| diagnostic.message.clone() + "\n").collect()
}

/// A document as TOML, its tables inline.
fn toml_of(document: &Value) -> String {
    let entries = document.as_object().unwrap().iter();
    entries.map(|(key, value)| format!("{key:?} = {}\n", inline(value))).collect()
}

fn inline(value: &Value) -> String {
    match value {
        Value::Array(values) => format!("[{}]", values.iter().map(inline).collect::<Vec<_>>().join(", ")),
        Value::Object(table) => {
            let entries: Vec<String> =
                table.iter().map(|(key, value)| format!("{key:?} = {}", inline(value))).collect();
            format!("{{ {} }}", entries.join(", "))
        }
        other => other.to_string(),
    }
}

/// A TOML file as editors present it to a JSON Schema: dates are texts, and a number that is not finite is not a
/// number. `None` if it is not TOML.
fn as_json(bytes: &[u8]) -> Option<Value> {
    let text = std::str::from_utf8(bytes).unwrap();
    let table = DeTable::parse(text.trim_start_matches('\u{feff}')).ok()?;
    Some(table_as_json(table.get_ref()))
}

fn table_as_json(table: &DeTable<'_>) -> Value {
    table.iter().map(|(key, value)| (key.get_ref().to_string(), value_as_json(value.get_ref()))).collect()
}

fn value_as_json(value: &DeValue<'_>) -> Value {
    match value {
        DeValue::String(text) => json!(text),
        DeValue::Integer(integer) => json!(i64::from_str_radix(integer.as_str(), integer.radix()).unwrap()),
        DeValue::Float(float) => json!(float.as_str().parse::<f64>().unwrap()),
        DeValue::Boolean(truth) => json!(truth),
        DeValue::Datetime(moment) => json!(moment.to_string()),
        DeValue::Array(array) => array.iter().map(|element| value_as_json(element.get_ref())).collect(),
        DeValue::Table(table) => table_as_json(table),
    }
}
