//! Tests of the page: its data equal the tables of the folder, and text from a scenario is never markup.

mod common;

use std::fs;
use std::path::Path;

use common::program::{backstop, stdout_of};
use serde_json::Value;

fn scenario(name: &str) -> String {
    format!("{}/scenarios/{name}", env!("CARGO_MANIFEST_DIR"))
}

/// The data inside of a page.
fn data(page: &str) -> Value {
    let begin = r#"<script type="application/json" id="data">"#;
    let (_, rest) = page.split_once(begin).expect("the page has data");
    let (json, _) = rest.split_once("</script>").expect("the data ends");
    serde_json::from_str(json).expect("it is JSON")
}

/// A table of the data as CSV records, the header first.
fn records(table: &Value) -> Vec<Vec<String>> {
    let columns = table["columns"].as_array().unwrap();
    let rows = table["shown"].as_u64().unwrap();
    let text = |value: &Value| value.as_str().unwrap().to_owned();
    let mut records = vec![columns.iter().map(|column| text(&column["name"])).collect::<Vec<_>>()];
    for row in 0..usize::try_from(rows).unwrap() {
        let cell = |column: &Value| {
            let at = column.get("rows").map_or(row, |rows| usize::try_from(rows[row].as_u64().unwrap()).unwrap());
            text(&column["words"][at])
        };
        records.push(columns.iter().map(cell).collect());
    }
    records
}

fn csv_records(path: &Path) -> Vec<Vec<String>> {
    let mut reader = csv::ReaderBuilder::new().has_headers(false).from_path(path).expect("a table");
    reader.records().map(|record| record.unwrap().iter().map(ToOwned::to_owned).collect()).collect()
}

fn assert_tables(subject: &Value, folder: &Path, names: &[&str]) {
    for name in names {
        assert_eq!(records(&subject["tables"][name]), csv_records(&folder.join(format!("{name}.csv"))), "{name}");
    }
}

#[test]
fn a_page_holds_the_tables_cell_for_cell() {
    let folder = tempfile::tempdir().unwrap();
    let at = folder.path();
    stdout_of(at, &["run", &scenario("guarantee-toy.toml"), "--seed", "3", "--stances", "--out", "run", "--quiet"]);
    stdout_of(at, &["page", "run"]);
    let page = fs::read_to_string(at.join("run/page.html")).unwrap();
    let data = data(&page);
    assert_tables(&data["subjects"][0], &at.join("run"), &["events", "series", "commitments", "runs"]);
    // The folder is still valid.
    stdout_of(at, &["replay", "run"]);

    stdout_of(at, &["fork", "run", "--at", "2", "--out", "fork", "--quiet"]);
    stdout_of(at, &["page", "run", "fork", "--out", "two.html"]);
    let data = self::data(&fs::read_to_string(at.join("two.html")).unwrap());
    assert_tables(&data["subjects"][0], &at.join("run"), &["events", "series", "commitments", "runs"]);
    assert_tables(&data["subjects"][1], &at.join("fork"), &["events", "series", "commitments", "runs"]);

    let vary = ["--vary", "summit_success=0,1", "--replicates", "3", "--out", "sweep", "--quiet"];
    stdout_of(at, &[&["sweep", &scenario("guarantee-toy.toml")][..], &vary].concat());
    stdout_of(at, &["page", "sweep"]);
    let data = self::data(&fs::read_to_string(at.join("sweep/page.html")).unwrap());
    assert_tables(&data["subjects"][0], &at.join("sweep"), &["summary", "design", "runs"]);
}

/// The states in a page equal those of `replay --at` and `explain --at`.
#[test]
fn states_in_a_page_equal_those_of_replay_and_explain() {
    let folder = tempfile::tempdir().unwrap();
    let at = folder.path();
    stdout_of(at, &["run", &scenario("jeddah-2025.toml"), "--out", "run", "--quiet"]);
    stdout_of(at, &["page", "run", "--out", "page.html"]);
    let page = fs::read_to_string(at.join("page.html")).unwrap();
    assert!(page.len() < 1_000_000, "{} bytes", page.len());
    let data = data(&page);
    let (history, model) = (&data["subjects"][0]["history"], &data["subjects"][0]["model"]);
    let names: Vec<&str> =
        model["instances"].as_array().unwrap().iter().map(|instance| instance[0].as_str().unwrap()).collect();
    let last_before = |list: &Value, step: u64, of: &dyn Fn(&Value) -> u64| {
        list.as_array().unwrap().iter().rfind(|one| of(one) <= step).cloned().unwrap()
    };
    for step in [0, 1, 4, 34] {
        let shown = backstop(at, &["replay", "run", "--at", &step.to_string()]);
        let shown = String::from_utf8(shown.stdout).unwrap();
        for (instance, name) in names.iter().enumerate() {
            let state = last_before(&history["states"][instance], step, &|change| change[0].as_u64().unwrap());
            let state = history["names"][usize::try_from(state[1].as_u64().unwrap()).unwrap()].as_str().unwrap();
            let line = shown.lines().find(|line| line.split_whitespace().next() == Some(name)).unwrap();
            assert_eq!(line.split_whitespace().nth(1), Some(state), "{name} at {step}");
        }
        let explained = backstop(at, &["explain", "run", "--at", &step.to_string(), "--json"]);
        let explained: Value = serde_json::from_slice(&explained.stdout).unwrap();
        let own = last_before(&history["explained"], step, &|one| one["step"].as_u64().unwrap());
        let named = |list: &Value| {
            list.as_array().unwrap().iter().map(|at| names[usize::try_from(at.as_u64().unwrap()).unwrap()]).collect()
        };
        let of = |list: &Value| list.as_array().unwrap().iter().map(|name| name.as_str().unwrap().to_owned()).collect();
        let (gap, expected): (Vec<&str>, Vec<String>) = (named(&own["gap"]), of(&explained["gap"]));
        assert_eq!(gap, expected, "the gap at {step}");
        let sets = own["unlock"]["sets"].as_array().unwrap();
        assert!(!sets.is_empty());
        for (one, expected) in sets.iter().zip(explained["unlock"]["sets"].as_array().unwrap()) {
            let (moves, expected): (Vec<&str>, Vec<String>) = (named(&one["moves"]), of(&expected["moves"]));
            assert_eq!(moves, expected, "an unlock set at {step}");
            // The rounds of a set end with the whole gap bound.
            let mut played: Vec<&str> = one["rounds"].as_array().unwrap().iter().flat_map(named_of(&names)).collect();
            played.sort_unstable();
            let mut all = gap.clone();
            all.sort_unstable();
            assert_eq!(played, all, "what follows from a set at {step}");
        }
    }
}

fn named_of<'a>(names: &'a [&'a str]) -> impl Fn(&Value) -> Vec<&'a str> {
    |round| {
        let members = round.as_array().unwrap().iter();
        members.map(|at| names[usize::try_from(at.as_u64().unwrap()).unwrap()]).collect()
    }
}

#[test]
fn hostile_names_stay_text() {
    let folder = tempfile::tempdir().unwrap();
    let at = folder.path();
    let evil = "</script></pre><script>alert(1)</script><!--<img src=x onerror=alert(2)>&";
    let text = format!(
        "format = 1\ntitle = '{evil}'\nabout = '{evil}'\n[time]\nsteps = 2\n[resources]\nword = {{ unit = '{evil}' }}\n\
         [actors.a]\nname = '{evil}'\n[actors.b]\n[commitments.c]\ndebtor = 'a'\ngives = {{ word = 1 }}\n\
         [outcomes.done]\nname = '{evil}'\nwhen = 'bonds(c) >= 1'\n"
    );
    fs::write(at.join("evil.toml"), text).unwrap();
    stdout_of(at, &["run", "evil.toml", "--out", "run", "--quiet"]);
    stdout_of(at, &["page", "run", "--out", "page.html"]);
    let page = fs::read_to_string(at.join("page.html")).unwrap();
    assert_eq!(page.matches("<script").count(), 2, "the data and the program");
    assert_eq!(page.matches("</script").count(), 2);
    assert!(!page.contains("<img") && !page.contains("onerror=alert(2)>"));
    assert_eq!(data(&page)["subjects"][0]["title"], evil);
    // Nothing is loaded, and only scripts with these hashes may run.
    let policy = "<meta http-equiv=\"Content-Security-Policy\" content=\"default-src 'none'; script-src 'sha256-";
    assert!(page.contains(policy) && !page.contains("unsafe-"));
    assert!(!page.contains(" onclick=") && !page.contains("src=\"http") && !page.contains("href=\"http"));
}

#[test]
fn folders_that_do_not_fit_are_refused() {
    let folder = tempfile::tempdir().unwrap();
    let at = folder.path();
    stdout_of(at, &["run", &scenario("stag-hunt.toml"), "--out", "stag", "--quiet"]);
    stdout_of(at, &["run", &scenario("chicken-and-egg.toml"), "--out", "egg", "--quiet"]);
    let sweep = ["--vary", "summit_success=0,1", "--out", "sweep", "--quiet"];
    stdout_of(at, &[&["sweep", &scenario("guarantee-toy.toml")][..], &sweep].concat());
    for (arguments, message) in [
        (&["page", "nowhere"][..], "this is not a complete output folder"),
        (&["page", "stag", "egg"], "have different actors or commitments"),
        (&["page", "stag", "sweep"], "only runs can be compared"),
        (&["page", "stag", "--out", "no/such/folder/x.html"], "no/such/folder/x.html"),
    ] {
        let output = backstop(at, arguments);
        let said = String::from_utf8_lossy(&output.stderr).into_owned();
        assert_eq!(output.status.code(), Some(1), "{arguments:?}: {said}");
        assert!(
            said.contains(message) && (said.contains("help: ") || said.contains("cannot write")),
            "{arguments:?}: {said}"
        );
    }
    // Existing files are replaced only with `--force`, and no link is followed out of the folder.
    stdout_of(at, &["page", "egg"]);
    stdout_of(at, &["page", "egg", "--force"]);
    fs::write(at.join("egg/page.html"), "mine").unwrap();
    let output = backstop(at, &["page", "egg"]);
    assert_eq!(output.status.code(), Some(1));
    assert_eq!(fs::read_to_string(at.join("egg/page.html")).unwrap(), "mine");
    #[cfg(unix)]
    {
        fs::remove_file(at.join("egg/page.html")).unwrap();
        fs::write(at.join("elsewhere"), "mine").unwrap();
        std::os::unix::fs::symlink(at.join("elsewhere"), at.join("egg/page.html")).unwrap();
        assert_eq!(backstop(at, &["page", "egg", "--force"]).status.code(), Some(1));
        assert_eq!(fs::read_to_string(at.join("elsewhere")).unwrap(), "mine");
    }
    // No page is written for an edited folder.
    let path = at.join("stag/events.csv");
    let edited = fs::read_to_string(&path).unwrap().replacen("created", "detached", 1);
    fs::write(&path, edited).unwrap();
    let output = backstop(at, &["page", "stag"]);
    assert_eq!(output.status.code(), Some(1));
    assert!(!at.join("stag/page.html").exists());
}
