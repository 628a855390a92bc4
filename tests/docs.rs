//! Tests of the documentation: every command in it runs and prints the shown output, every scenario in it
//! passes `check` and runs, every fragment compiles inside a stated frame, and every link has a target.
//!
//! A page is read from top to bottom in a folder of its own that holds a copy of `scenarios/`, as a reader
//! would follow it. The language of a fenced block and a comment before it determine its meaning:
//!
//! | block | what happens |
//! | --- | --- |
//! | `console` | each `$` line runs, and its output is compared by `trycmd`; `cargo run --release --` is the program |
//! | `toml` after `<!-- file: NAME -->` | is written into the file `NAME`, which must pass `check` and run |
//! | `toml` after `<!-- edit: NAME -->` | its tables and keys are merged into the file `NAME`, which must then pass and run |
//! | `toml` after `<!-- bad file: NAME -->` | is written into the file `NAME`; its diagnostics are in the next `console` block |
//! | other `toml` with `format = 1` | is a whole scenario: it must pass `check` without a warning and run |
//! | other `toml` | is a fragment: merged into the page's frame (`<!-- frame -->`), it must pass `check` and run |
//! | `csv` after `<!-- table: NAME -->` | is written into the file `NAME`, beside the scenarios that follow |
//! | `python` | runs if `BACKSTOP_PYTHON` names an interpreter with pandas and duckdb; `SALib` may be missing |
//! | `r` | runs if `BACKSTOP_RSCRIPT` names an `Rscript` |
//! | `py` | run by `python/tests`, where the package is installed |
//! | `sh`, `sql`, `text`, `json`, `csv`, `md` | shown, not run |
//!
//! `TRYCMD=overwrite cargo test --test docs` writes the current output of the commands into the pages.

mod common;

use std::cell::RefCell;
use std::collections::BTreeSet;
use std::ffi::OsString;
use std::fmt::Write as _;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use backstop::model::EventKind;
use backstop::scenario::{Document, Options, compile};
use backstop::sweep::check_table;
use backstop::table::{
    AgainstColumn, ChainColumn, CommitmentColumn, Declared, DesignColumn, DifferenceColumn, EventColumn, FutureColumn,
    Kind, RunColumn, SeriesColumn, StorylineColumn, SummaryColumn, TipColumn, WaitColumn,
};
use common::catalogue;
use common::program::{PROGRAM, subcommands};

const PAGES: [&str; 14] = [
    "README.md",
    "docs/README.md",
    "docs/model.md",
    "docs/patterns.md",
    "docs/tutorial.md",
    "docs/scenario.md",
    "docs/explain.md",
    "docs/sweep.md",
    "docs/tip.md",
    "docs/output.md",
    "docs/guarantees.md",
    "docs/performance.md",
    "docs/page.md",
    "docs/python.md",
];

#[test]
fn readme() {
    follow("README.md");
}

#[test]
fn tutorial() {
    follow("docs/tutorial.md");
}

#[test]
fn patterns() {
    follow("docs/patterns.md");
}

#[test]
fn model() {
    follow("docs/model.md");
}

#[test]
fn scenario_reference() {
    follow("docs/scenario.md");
}

#[test]
fn explanations() {
    follow("docs/explain.md");
}

#[test]
fn the_page() {
    follow("docs/page.md");
}

#[test]
fn sweeps() {
    follow("docs/sweep.md");
}

#[test]
fn tipping_points() {
    follow("docs/tip.md");
}

#[test]
fn output() {
    follow("docs/output.md");
}

#[test]
fn python() {
    follow("docs/python.md");
}

#[test]
fn guarantees() {
    follow("docs/guarantees.md");
}

#[test]
#[cfg_attr(not(target_os = "linux"), ignore = "the transcripts edit files with GNU sed")]
fn transcripts() {
    let entries = fs::read_dir(root().join("tests/cli")).unwrap();
    let mut pages: Vec<String> =
        entries.map(|entry| format!("tests/cli/{}", entry.unwrap().file_name().to_string_lossy())).collect();
    pages.sort();
    assert!(pages.len() >= 5, "{pages:?}");
    pages.iter().for_each(|page| follow(page));
}

/// The README's table has every command.
#[test]
fn every_command_is_in_the_readme() {
    let page = read("README.md");
    let names = subcommands().into_iter().map(|command| command.name);
    let missing: Vec<String> = names.filter(|name| !page.contains(&format!("| `backstop {name}"))).collect();
    assert!(missing.is_empty(), "README.md does not name {missing:?}");
}

/// Each example prints the output in its first comment.
#[test]
fn examples_print_what_they_show() {
    let mut tried = 0;
    for entry in fs::read_dir(root().join("examples")).unwrap() {
        let text = fs::read_to_string(entry.unwrap().path()).unwrap();
        let shown = text.split("//! ```text\n//! $ cargo ").nth(1).and_then(|rest| rest.split("//! ```\n").next());
        let (command, expected) = shown.unwrap().split_once('\n').unwrap();
        let expected: String =
            expected.lines().map(|line| line.strip_prefix("//! ").unwrap().to_owned() + "\n").collect();
        let arguments = command.strip_prefix("run ").unwrap().split(' ');
        let output = Command::new(env!("CARGO")).arg("run").arg("--quiet").args(arguments).current_dir(root()).output();
        let output = output.unwrap();
        assert!(output.status.success(), "{command}: {}", String::from_utf8_lossy(&output.stderr));
        assert_eq!(String::from_utf8_lossy(&output.stdout), expected, "{command}");
        tried += 1;
    }
    assert!(tried >= 3);
}

#[test]
fn every_page_of_the_docs_has_a_test() {
    let mut found: Vec<String> = fs::read_dir(root().join("docs"))
        .unwrap()
        .map(|entry| format!("docs/{}", entry.unwrap().file_name().to_string_lossy()))
        .filter(|path| Path::new(path).extension().is_some_and(|extension| extension == "md"))
        .collect();
    found.push("README.md".into());
    found.sort();
    let mut listed: Vec<String> = PAGES.iter().map(ToString::to_string).collect();
    listed.sort();
    assert_eq!(found, listed);
}

#[test]
fn every_link_leads_somewhere() {
    let mut broken = String::new();
    for page in PAGES.iter().chain(&[
        "ARCHITECTURE.md",
        "CONTRIBUTING.md",
        "SECURITY.md",
        "CHANGELOG.md",
        "plots/README.md",
        "scenarios/README.md",
        "tests/bad/README.md",
        "tests/oracle/README.md",
    ]) {
        let folder = root().join(page).parent().unwrap().to_path_buf();
        for link in links(&read(page)) {
            if link.contains("://") || link.starts_with("mailto:") {
                continue;
            }
            let (path, anchor) = link.split_once('#').unwrap_or((&link, ""));
            let target = if path.is_empty() { root().join(page) } else { folder.join(path) };
            let has_anchor = || anchors(&fs::read_to_string(&target).unwrap()).iter().any(|found| found == anchor);
            if !target.exists() || !anchor.is_empty() && !has_anchor() {
                writeln!(broken, "{page}: {link}").unwrap();
            }
        }
    }
    assert!(broken.is_empty(), "links that lead nowhere:\n{broken}");
}

/// The scenario reference names every key that the schema knows.
#[test]
fn every_key_is_documented() {
    let schema: serde_json::Value = serde_json::from_str(&read("schema.json")).unwrap();
    let mut keys = Vec::new();
    collect_keys(&schema, &mut keys);
    let page = read("docs/scenario.md");
    let forms =
        |key: &String| [format!("`{key}`"), format!("`[{key}]`"), format!("`[{key}.NAME]`"), format!("`{{ {key} = ")];
    let missing: Vec<&String> = keys.iter().filter(|key| !forms(key).iter().any(|form| page.contains(form))).collect();
    assert!(missing.is_empty(), "docs/scenario.md does not name {missing:?}");
}

/// The page on output names every column, every key of the manifest, every kind of event, every state.
#[test]
fn every_column_is_documented() {
    let page = read("docs/output.md");
    let folder = tempfile::tempdir().unwrap();
    let out = folder.path().join("out");
    let scenario = folder.path().join("scenario.toml");
    fs::write(&scenario, "format = 1\n[time]\nsteps = 1\n[actors.us]\n").unwrap();
    let run = Command::new(PROGRAM).arg("run").arg(scenario).arg("--out").arg(&out).output();
    assert!(run.unwrap().status.success());
    let mut names: Vec<String> = backstop::model::State::ALL.iter().map(|state| state.name().to_owned()).collect();
    for entry in fs::read_dir(out).unwrap() {
        let path = entry.unwrap().path();
        let text = fs::read_to_string(&path).unwrap();
        names.push(path.file_name().unwrap().to_string_lossy().into_owned());
        if path.extension().is_some_and(|extension| extension == "json") {
            let manifest: serde_json::Value = serde_json::from_str(&text).unwrap();
            names.extend(manifest.as_object().unwrap().keys().cloned());
        } else {
            names.extend(text.lines().next().unwrap().split(',').map(ToOwned::to_owned));
        }
    }
    names.extend(EventKind::ALL.iter().map(|kind| kind.name().to_owned()));
    let missing: Vec<&String> = names.iter().filter(|name| !page.contains(&format!("`{name}`"))).collect();
    assert!(missing.is_empty(), "docs/output.md does not name {missing:?}");
}

/// The columns of a table are documented in their order, each with its type.
fn check_columns<C: Declared>(page: &str, heading: &str) {
    let section = page.split(&format!("\n{heading}\n")).nth(1).unwrap_or_else(|| panic!("no section `{heading}`"));
    let section = section.split("\n#").next().unwrap();
    let rows: Vec<&str> = section.lines().filter(|line| line.starts_with("| ")).collect();
    let mut last = 0;
    for column in C::ALL {
        let names = if column.placeholder() == Some(column.name()) {
            "one for each ".to_owned()
        } else {
            format!("`{}`", column.name())
        };
        let found = rows[last..].iter().position(|row| row.split(" | ").next().unwrap().contains(&names));
        last += found.unwrap_or_else(|| panic!("{heading} lacks {names}, or has it too early"));
        let types: &[&str] = match column.kind() {
            Kind::Whole | Kind::Seed => &["whole number"],
            Kind::Real => &["number", "share"],
            Kind::Text => &["text", "id", "name", "`below` or `above`"],
            Kind::Id => &["id", "name"],
            Kind::Date | Kind::DateTime => &["date"],
            Kind::Hash => &["text"],
            Kind::Truth => &["`TRUE` or `FALSE`"],
            Kind::Set => &["number"],
        };
        let stated = rows[last].split(" | ").nth(1).unwrap();
        assert!(types.iter().any(|kind| stated.contains(kind)), "{heading}, {names}: {stated}");
        // A column that exists once for each of several names may share a row with its neighbour.
        last += usize::from(column.placeholder() == Some(column.name()));
    }
}

#[test]
fn columns_are_documented_in_their_order_with_their_types() {
    let page = read("docs/output.md");
    check_columns::<EventColumn>(&page, "## events.csv");
    check_columns::<SeriesColumn>(&page, "## series.csv");
    check_columns::<CommitmentColumn>(&page, "## commitments.csv");
    check_columns::<RunColumn>(&page, "## runs.csv");
    check_columns::<SummaryColumn>(&page, "### summary.csv");
    check_columns::<DesignColumn>(&page, "### design.csv");
    check_columns::<WaitColumn>(&page, "## What `explain --json`, `--csv` and `--dot` print");
    check_columns::<ChainColumn>(&page, "## What `why --csv` and `diff --csv` print");
    check_columns::<DifferenceColumn>(&page, "## What `why --csv` and `diff --csv` print");
    check_columns::<FutureColumn>(&read("docs/explain.md"), "### Columns of `--forward --csv`");
    check_columns::<AgainstColumn>(&read("docs/sweep.md"), "## Against a base");
    check_columns::<StorylineColumn>(&read("docs/sweep.md"), "## Storylines");
    check_columns::<TipColumn>(&read("docs/tip.md"), "## Columns of `--csv`");
}

/// The page on output names every file and column of a sweep, every key of its design, every key of an explanation.
#[test]
fn every_column_of_a_sweep_is_documented() {
    let page = read("docs/output.md");
    let folder = tempfile::tempdir().unwrap();
    let out = folder.path().join("out");
    let scenario = folder.path().join("scenario.toml");
    fs::write(&scenario, "format = 1\n[time]\nsteps = 1\n[actors.us]\n[metrics]\nnumber = \"1\"\n").unwrap();
    let sweep = Command::new(PROGRAM)
        .arg("sweep")
        .arg(&scenario)
        .args(["--vary", "time.steps=1,2", "--events", "--series", "--quiet", "--out"])
        .arg(&out)
        .output();
    assert!(sweep.unwrap().status.success());
    let mut names = Vec::new();
    for entry in fs::read_dir(&out).unwrap() {
        names.push(entry.unwrap().file_name().to_string_lossy().into_owned());
    }
    let manifest: serde_json::Value = serde_json::from_slice(&fs::read(out.join("manifest.json")).unwrap()).unwrap();
    names.extend(manifest["design"].as_object().unwrap().keys().cloned());
    let summary = fs::read_to_string(out.join("summary.csv")).unwrap();
    for column in summary.lines().next().unwrap().split(',').filter(|column| *column != "time.steps") {
        names.push(match column.split_once('/') {
            Some((statistic @ ("share" | "share_low" | "share_high"), _)) => format!("{statistic}/OUTCOME"),
            Some((statistic @ ("mean" | "sd" | "min" | "max" | "q05" | "q50" | "q95"), _)) => {
                format!("{statistic}/NAME")
            }
            _ => column.to_owned(),
        });
    }
    let explain =
        Command::new(PROGRAM).arg("explain").arg(&scenario).args(["--json", "--summit", "--keystones"]).output();
    let explained: serde_json::Value = serde_json::from_slice(&explain.unwrap().stdout).unwrap();
    names.extend(explained.as_object().unwrap().keys().cloned());
    names.extend(explained["unlock"].as_object().unwrap().keys().cloned());
    let missing: Vec<&String> = names.iter().filter(|name| !page.contains(&format!("`{name}`"))).collect();
    assert!(missing.is_empty(), "docs/output.md does not name {missing:?}");
}

/// The page on output names every status.
#[test]
fn every_status_is_documented() {
    let page = read("docs/output.md");
    for status in backstop::engine::Failure::STATUSES {
        assert!(page.contains(&format!("| `{status}` |")), "docs/output.md does not name the status `{status}`");
    }
}

/// The pages name every limit, with its number.
#[test]
fn every_limit_is_documented() {
    let mut missing = String::new();
    let all: [(&[(&str, u64)], &str); 6] = [
        (&backstop::model::limits::ALL, "docs/scenario.md"),
        (&backstop::analysis::limits::ALL, "docs/explain.md"),
        (&backstop::sweep::limits::ALL, "docs/sweep.md"),
        (&backstop::store::limits::ALL, "docs/output.md"),
        (&backstop::table::limits::ALL, "docs/output.md"),
        (&backstop::page::limits::ALL, "docs/page.md"),
    ];
    for (limits, page) in all {
        let text = read(page).replace(',', "");
        for (name, value) in limits {
            let row = text.lines().find(|line| line.starts_with(&format!("| `{name}` |")));
            if row.is_none_or(|row| {
                ![format!("| {value} |"), format!("= {value} |")].iter().any(|cell| row.contains(cell))
            }) {
                writeln!(missing, "{page}: `{name}` with {value}").unwrap();
            }
        }
    }
    assert!(missing.is_empty(), "lacking:\n{missing}");
}

/// Every message of the table of common errors is that of a case in `tests/bad`.
#[test]
fn every_message_is_real() {
    let page = read("docs/scenario.md");
    let section = page.split("## Common errors").nth(1).unwrap().split("\n## ").next().unwrap();
    let rows = section.lines().filter_map(|line| line.strip_prefix("| `` ")?.split_once(" `` |"));
    let mut messages = BTreeSet::new();
    for case in catalogue::stages().iter().flat_map(|stage| catalogue::cases(stage)) {
        let compiled = Document::parse(&case.file(), &case.bytes)
            .and_then(|document| compile(&document, &Options::default()).map(|_| check_table(&document, 1)));
        messages.extend(compiled.unwrap_or_else(|errors| errors).into_iter().map(|error| error.message));
    }
    let unreal: Vec<&str> = rows.map(|(message, _)| message).filter(|text| !messages.contains(*text)).collect();
    assert!(unreal.is_empty(), "docs/scenario.md has messages that no case in tests/bad gives: {unreal:#?}");
}

/// The tests named by the page on guarantees exist: `tests/file.rs::name` or `src/….rs::name`.
#[test]
fn every_test_that_is_named_is_there() {
    let mut missing = String::new();
    let page = read("docs/guarantees.md");
    for named in page.split('`').filter(|code| code.contains(".rs::")) {
        let (file, test) = named.split_once("::").unwrap();
        let text = fs::read_to_string(root().join(file)).unwrap_or_default();
        if !text.contains(&format!("fn {test}(")) {
            writeln!(missing, "{named}").unwrap();
        }
    }
    for named in page.split('`').filter(|code| code.starts_with("tests/") && !code.contains("::")) {
        if !root().join(named).exists() {
            writeln!(missing, "{named}").unwrap();
        }
    }
    assert!(missing.is_empty(), "docs/guarantees.md names tests that are not there:\n{missing}");
}

/// Programs besides `backstop` that a transcript may use.
const PROGRAMS: [&str; 9] = ["cat", "cmp", "cp", "cut", "head", "ls", "mkdir", "sed", "tail"];

fn root() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR"))
}

fn read(page: &str) -> String {
    fs::read_to_string(root().join(page)).unwrap_or_else(|error| panic!("{page}: {error}"))
}

fn which(program: &str) -> PathBuf {
    let path = std::env::var_os("PATH").unwrap();
    let found = std::env::split_paths(&path).map(|folder| folder.join(program)).find(|file| file.is_file());
    found.unwrap_or_else(|| panic!("`{program}` is not installed"))
}

/// A fenced block.
#[derive(Debug)]
struct Block {
    /// Line of its opening fence, from 1.
    line: usize,
    language: String,
    /// The comment before it.
    note: String,
    body: String,
}

/// Executes the blocks of a page from top to bottom.
fn follow(page: &str) {
    let text = read(page);
    let session = Session::new(page);
    let mut frame = None;
    for block in blocks(&text) {
        let place = format!("{page}:{}", block.line);
        let note = block.note.as_str();
        match block.language.as_str() {
            "console" => session.run(&block),
            "toml" if note.starts_with("file: ") => session.write(&note[6..], &block.body, &place),
            "toml" if note.starts_with("edit: ") => session.edit(&note[6..], &block.body, &place),
            "toml" if note.starts_with("bad file: ") => fs::write(session.path(&note[10..]), &block.body).unwrap(),
            "toml" if note == "frame" => {
                session.pass(&block.body, &place);
                frame = Some(block.body);
            }
            "toml" if block.body.lines().any(|line| line.trim() == "format = 1") => {
                let warnings = session.pass(&block.body, &place);
                assert!(warnings.is_empty(), "{place}: {warnings}");
            }
            "toml" => {
                let frame = frame.as_ref().unwrap_or_else(|| panic!("{place}: a fragment, and the page has no frame"));
                session.pass(&merge(frame, &block.body), &place);
            }
            "python" => session.script(std::env::var_os("BACKSTOP_PYTHON"), "-c", &block.body, &place),
            "r" => session.script(std::env::var_os("BACKSTOP_RSCRIPT"), "-e", &block.body, &place),
            "csv" if note.starts_with("table: ") => session.table(&note[7..], &block.body),
            "py" | "sh" | "sql" | "text" | "json" | "csv" | "md" => {}
            other => panic!("{place}: no rule for a block of `{other}`"),
        }
    }
    session.rewrite(&text);
}

/// Copies the contents of a folder, recursively, into an existing one.
fn copy_folder(from: &Path, to: &Path) {
    for entry in fs::read_dir(from).unwrap() {
        let path = entry.unwrap().path();
        let copy = to.join(path.file_name().unwrap());
        if path.is_dir() {
            fs::create_dir(&copy).unwrap();
            copy_folder(&path, &copy);
        } else {
            fs::copy(path, copy).unwrap();
        }
    }
}

/// The folder in which the blocks of a page are executed.
struct Session {
    page: String,
    folder: tempfile::TempDir,
    /// The folder of the transcripts, outside of the folder that a reader would see.
    cases: tempfile::TempDir,
    /// The lines of blocks whose output is to be replaced, with the new output.
    rewritten: RefCell<Vec<(usize, String)>>,
}

impl Session {
    fn new(page: &str) -> Self {
        let folder = tempfile::tempdir().unwrap();
        fs::create_dir(folder.path().join("scenarios")).unwrap();
        copy_folder(&root().join("scenarios"), &folder.path().join("scenarios"));
        Self { page: page.to_owned(), folder, cases: tempfile::tempdir().unwrap(), rewritten: RefCell::default() }
    }

    fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name.trim())
    }

    fn write(&self, name: &str, text: &str, place: &str) {
        fs::write(self.path(name), text).unwrap();
        self.pass(text, place);
    }

    /// Writes a table beside the scenarios that follow.
    fn table(&self, name: &str, text: &str) {
        fs::write(self.path(name), text).unwrap();
        fs::write(self.cases.path().join(name.trim()), text).unwrap();
    }

    fn edit(&self, name: &str, fragment: &str, place: &str) {
        let old = fs::read_to_string(self.path(name)).unwrap_or_else(|error| panic!("{place}: {name}: {error}"));
        self.write(name, &merge(&old, fragment), place);
    }

    /// Checks and runs a scenario, and returns the warnings.
    fn pass(&self, text: &str, place: &str) -> String {
        let file = self.cases.path().join("scenario.toml");
        fs::write(&file, text).unwrap();
        if text.contains("extends = \"scenarios/") {
            // A canonical path, since a path through a link would be refused.
            let copies = self.cases.path().join("scenarios");
            fs::create_dir_all(&copies).unwrap();
            for entry in fs::read_dir("scenarios").unwrap().map(|entry| entry.unwrap().path()) {
                if entry.extension().is_some_and(|end| end == "toml") {
                    fs::copy(&entry, copies.join(entry.file_name().unwrap())).unwrap();
                }
            }
        }
        let mut warnings = String::new();
        for command in ["check", "run"] {
            let output = Command::new(PROGRAM).arg(command).arg(&file).output().unwrap();
            let said = String::from_utf8_lossy(&output.stderr).into_owned();
            assert!(output.status.success(), "{place}: `{command}` refuses\n{text}\n{said}");
            warnings = said;
        }
        warnings
    }

    /// Runs the commands of a block and compares their output.
    fn run(&self, block: &Block) {
        let place = format!("{}.{}", self.page.replace('/', "."), block.line);
        let (case, base) = (format!("{place}.trycmd"), format!("{place}.in"));
        let (case, base) = (self.cases.path().join(case), self.cases.path().join(base));
        let commands: Vec<&str> = block.body.lines().filter(|line| line.starts_with("$ ")).collect();
        let body =
            replace_commands(&block.body, |at| commands[at].replacen("$ cargo run --release -- ", "$ backstop ", 1));
        fs::write(&case, format!("```console\n{}```\n", spread(&slashed(&body)))).unwrap();
        fs::write(&base, self.folder.path().to_str().unwrap()).unwrap();
        let cases = trycmd::TestCases::new();
        for command in body.lines().filter_map(|line| line.strip_prefix("$ ")) {
            let program = command.split_whitespace().find(|word| !word.contains('=')).unwrap_or_default();
            if program != "backstop" {
                assert!(PROGRAMS.contains(&program), "{}:{}: `{program}` is not run", self.page, block.line);
                cases.register_bin(program, trycmd::schema::Bin::Path(which(program)));
            }
        }
        cases.case(&case);
        cases.run();
        if std::env::var_os("TRYCMD").is_some_and(|mode| mode == "overwrite") {
            let new = fs::read_to_string(&case).unwrap();
            let new = new.strip_prefix("```console\n").and_then(|new| new.strip_suffix("```\n")).unwrap();
            let new = replace_commands(&unslashed(&gather(new), &block.body), |at| commands[at].to_owned());
            self.rewritten.borrow_mut().push((block.line, new));
        }
    }

    /// Writes the blocks whose output has changed into the page.
    fn rewrite(&self, text: &str) {
        let mut rewritten = self.rewritten.borrow_mut().drain(..).collect::<Vec<_>>().into_iter().peekable();
        let mut page = String::new();
        let mut lines = text.lines().enumerate();
        while let Some((at, line)) = lines.next() {
            page += line;
            page.push('\n');
            if let Some((_, body)) = rewritten.next_if(|&(line, _)| line == at + 1) {
                page += &body;
                let closing = lines.by_ref().find(|(_, line)| line.starts_with("```"));
                page += closing.map_or("```", |(_, line)| line);
                page.push('\n');
            }
        }
        if page != text {
            fs::write(root().join(&self.page), page).unwrap();
        }
    }

    fn script(&self, interpreter: Option<OsString>, option: &str, script: &str, place: &str) {
        let left_out = |missing: &str| {
            assert!(std::env::var_os("CI").is_none(), "{place}: {missing}");
            // Written around the captured output of the test, so that it is always visible.
            let _ = std::io::Write::write_fmt(
                &mut std::io::stderr().lock(),
                format_args!("!!! left out: {place}: {missing}\n"),
            );
        };
        let Some(interpreter) = interpreter else {
            return left_out("the environment names no interpreter for this script");
        };
        if script.contains("SALib") {
            let probe = Command::new(&interpreter).args(["-c", "import SALib"]).output().unwrap();
            if !probe.status.success() {
                return left_out("the interpreter has no SALib");
            }
        }
        // A script may call the program.
        let own = Path::new(PROGRAM).parent().unwrap().to_path_buf();
        let path = std::env::var_os("PATH").unwrap_or_default();
        let path = std::env::join_paths([own].into_iter().chain(std::env::split_paths(&path))).unwrap();
        let mut command = Command::new(interpreter);
        let output =
            command.arg(option).arg(script).env("PATH", path).current_dir(self.folder.path()).output().unwrap();
        assert!(output.status.success(), "{place}: {}", String::from_utf8_lossy(&output.stderr));
    }
}

/// The text with its `$` lines replaced, by their number.
fn replace_commands(text: &str, new: impl Fn(usize) -> String) -> String {
    let mut at = 0;
    let mut replaced = String::new();
    for line in text.lines() {
        if line.starts_with("$ ") {
            replaced += &new(at);
            at += 1;
        } else {
            replaced += line;
        }
        replaced.push('\n');
    }
    replaced
}

/// A transcript with `/` instead of `\` in its output, as `trycmd` converts the output of programs.
fn slashed(transcript: &str) -> String {
    let line = |line: &str| if line.starts_with("$ ") { line.to_owned() } else { line.replace('\\', "/") };
    transcript.lines().map(|text| line(text) + "\n").collect()
}

/// Restores the `\` in the lines that have not changed.
fn unslashed(transcript: &str, old: &str) -> String {
    let line = |line: &str| old.lines().find(|old| slashed(old).trim_end() == line).unwrap_or(line).to_owned();
    transcript.lines().map(|text| line(text) + "\n").collect()
}

/// A transcript with an empty line after each output, as `trycmd` requires.
fn spread(transcript: &str) -> String {
    let mut spread = String::new();
    let mut in_output = false;
    for line in transcript.lines() {
        if line.starts_with("$ ") && std::mem::take(&mut in_output) {
            spread.push('\n');
        }
        in_output |= !line.starts_with("$ ") && !line.starts_with("? ");
        spread += line;
        spread.push('\n');
    }
    if in_output { spread + "\n" } else { spread }
}

/// A transcript without these empty lines, as a terminal shows it.
fn gather(transcript: &str) -> String {
    let mut gathered = transcript.replace("\n\n$ ", "\n$ ");
    if gathered.ends_with("\n\n") {
        gathered.pop();
    }
    gathered
}

fn blocks(text: &str) -> Vec<Block> {
    let mut blocks = Vec::new();
    let mut note = String::new();
    let mut lines = text.lines().enumerate();
    while let Some((at, line)) = lines.next() {
        if let Some(info) = line.trim_start().strip_prefix("```") {
            let indent = line.len() - line.trim_start().len();
            let mut body = String::new();
            for (_, line) in lines.by_ref() {
                if line.trim_start().starts_with("```") {
                    break;
                }
                body += line.get(indent..).unwrap_or_default();
                body.push('\n');
            }
            blocks.push(Block {
                line: at + 1,
                language: info.trim().to_owned(),
                note: std::mem::take(&mut note),
                body,
            });
        } else if let Some(comment) = line.trim().strip_prefix("<!--") {
            comment.trim_end_matches("-->").trim().clone_into(&mut note);
        } else if !line.trim().is_empty() {
            note.clear();
        }
    }
    blocks
}

/// One table of a scenario: its header line, and its keys with their text; a piece without a key is a comment.
struct Table {
    header: String,
    pieces: Vec<(Option<String>, String)>,
}

fn tables(text: &str) -> Vec<Table> {
    let mut tables = vec![Table { header: String::new(), pieces: Vec::new() }];
    let mut depth = 0;
    for line in text.lines() {
        let last = tables.last_mut().unwrap();
        if depth > 0 {
            let piece = &mut last.pieces.last_mut().unwrap().1;
            piece.push('\n');
            *piece += line;
        } else if line.starts_with('[') {
            tables.push(Table { header: line.to_owned(), pieces: Vec::new() });
            continue;
        } else {
            let key = line.split_once('=').map(|(key, _)| key.trim().to_owned()).filter(|key| !key.starts_with('#'));
            last.pieces.push((key, line.to_owned()));
        }
        depth += depth_of(line);
    }
    tables
}

/// Brackets that a line opens and does not close.
fn depth_of(line: &str) -> i32 {
    let (mut depth, mut quoted) = (0, false);
    for character in line.chars() {
        match character {
            '"' => quoted = !quoted,
            '#' if !quoted => break,
            '[' | '{' if !quoted => depth += 1,
            ']' | '}' if !quoted => depth -= 1,
            _ => {}
        }
    }
    depth
}

/// Merges the tables and keys of a fragment into a scenario; existing keys are replaced.
fn merge(scenario: &str, fragment: &str) -> String {
    let mut merged = tables(scenario);
    for table in tables(fragment) {
        let is_array = table.header.starts_with("[[");
        let there = merged.iter_mut().find(|old| !is_array && old.header == table.header);
        let Some(old) = there else {
            merged.push(table);
            continue;
        };
        for (key, text) in table.pieces {
            match old.pieces.iter_mut().find(|(old, _)| key.is_some() && *old == key) {
                Some((_, old)) => *old = text,
                None => old.pieces.push((key, text)),
            }
        }
    }
    let mut text = String::new();
    for Table { header, pieces } in merged {
        if !header.is_empty() {
            text += &header;
            text.push('\n');
        }
        for (_, piece) in pieces {
            text += &piece;
            text.push('\n');
        }
    }
    text
}

fn links(text: &str) -> Vec<String> {
    let mut links = Vec::new();
    let mut fenced = false;
    for line in text.lines() {
        if line.trim_start().starts_with("```") {
            fenced = !fenced;
        }
        let parts = line.split("](").skip(1).filter(|_| !fenced);
        links.extend(parts.filter_map(|rest| rest.split_once(')')).map(|(link, _)| link.to_owned()));
    }
    links
}

/// The anchors of a page: those that code hosts generate for its headings, and explicit ones.
fn anchors(text: &str) -> Vec<String> {
    let mut anchors = Vec::new();
    let mut fenced = false;
    for line in text.lines() {
        if line.trim_start().starts_with("```") {
            fenced = !fenced;
        } else if let (false, true) = (fenced, line.starts_with('#')) {
            let heading = line.trim_start_matches('#').trim().to_lowercase();
            let kept = heading.chars().filter(|c| c.is_alphanumeric() || matches!(c, ' ' | '-' | '_'));
            anchors.push(kept.map(|c| if c == ' ' { '-' } else { c }).collect());
        }
        if let Some((id, _)) = line.split_once("<a id=\"").and_then(|(_, rest)| rest.split_once('"')) {
            anchors.push(id.to_owned());
        }
    }
    anchors
}

fn collect_keys(schema: &serde_json::Value, keys: &mut Vec<String>) {
    match schema {
        serde_json::Value::Object(members) => {
            if let Some(serde_json::Value::Object(properties)) = members.get("properties") {
                keys.extend(properties.keys().cloned());
            }
            members.values().for_each(|member| collect_keys(member, keys));
        }
        serde_json::Value::Array(items) => items.iter().for_each(|item| collect_keys(item, keys)),
        _ => {}
    }
}
