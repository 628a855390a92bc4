//! Tests of the catalogue in `tests/bad/`: every malformed file is rejected at the stated place with the stated
//! message; files that are valid but probably mistaken give warnings; unusual valid files give none.
//!
//! `BACKSTOP_BLESS=1 cargo test --test bad` writes the current diagnostics of failing cases into the catalogue.

mod common;

use std::fmt::Write as _;
use std::fs;
use std::path::Path;

use backstop::scenario::{Diagnostic, Document, Options, Severity, SourceText, compile};
use backstop::sweep::check_table;
use backstop::text::is_hidden;
use common::catalogue::{Case, cases, folder, stages};
use common::program::{PROGRAM, backstop, subcommands};

/// Every diagnostic of a file, and whether it compiled.
fn diagnose(name: &str, bytes: &[u8]) -> (Vec<Diagnostic>, bool) {
    match Document::parse(name, bytes) {
        Err(errors) => (errors, false),
        Ok(document) => match compile(&document, &Options::default()) {
            Err(errors) => (errors, false),
            Ok(compiled) => {
                let errors = check_table(&document, 1);
                if errors.is_empty() { (compiled.warnings, true) } else { (errors, false) }
            }
        },
    }
}

/// A diagnostic's place, and its texts in lower case.
fn shown(diagnostic: &Diagnostic, source: &SourceText) -> (String, String) {
    let place = diagnostic.span.as_ref().map_or_else(
        || "-".to_owned(),
        |span| {
            let position = source.position(span.start);
            format!("{}:{}", position.line, position.column)
        },
    );
    let mut texts = diagnostic.message.clone();
    for text in diagnostic.notes.iter().map(|(note, _)| note).chain(&diagnostic.help).chain(&diagnostic.label) {
        let _ = write!(texts, " | {text}");
    }
    (place, texts.to_lowercase())
}

/// The diagnostics of one severity in the format of the catalogue.
struct Verdict {
    complaint: String,
    blessed: Vec<String>,
}

/// The difference between the diagnostics of a case and the expected ones; `None` if there is none.
fn verdict(case: &Case, severity: Severity) -> Option<Verdict> {
    let name = case.file();
    let source = SourceText::lossy(&name, &case.bytes);
    let (diagnostics, _) = diagnose(&name, &case.bytes);
    let of: Vec<&Diagnostic> = diagnostics.iter().filter(|diagnostic| diagnostic.severity == severity).collect();
    let texts: Vec<(String, String)> = of.iter().map(|diagnostic| shown(diagnostic, &source)).collect();
    let mut unmet: Vec<&str> = Vec::new();
    let mut met = vec![false; of.len()];
    for line in &case.expected {
        let (places, keywords) = line.split_once(' ').unwrap_or((line, ""));
        let fits = |(place, texts): &(String, String)| {
            places.split('|').any(|wanted| wanted == "?" || wanted == place)
                && keywords.split_whitespace().all(|keyword| texts.contains(&keyword.to_lowercase()))
        };
        let found: Vec<usize> = (0..of.len()).filter(|&at| fits(&texts[at])).collect();
        if found.is_empty() {
            unmet.push(line);
        }
        for at in found {
            met[at] = true;
        }
    }
    // Broken TOML may be misread after the first error, so only that one is compared.
    if case.stage == "toml" && !met.is_empty() {
        met.iter_mut().skip(1).for_each(|met| *met = true);
    }
    let extra: Vec<_> = texts.iter().zip(met).filter(|(_, met)| !met).map(|(shown, _)| shown).collect();
    let nothing = case.expected.is_empty() && of.is_empty();
    (nothing || !unmet.is_empty() || !extra.is_empty()).then(|| Verdict {
        complaint: format!("{name}\n  unmet: {}\n  not expected: {extra:?}", unmet.join(" ; ")),
        blessed: texts.iter().zip(of).map(|((place, _), said)| format!("! {place} {}", said.message)).collect(),
    })
}

fn check(stage: &str, severity: Severity) -> Vec<String> {
    let wrong: Vec<(Case, Verdict)> =
        cases(stage).into_iter().filter_map(|case| verdict(&case, severity).map(|verdict| (case, verdict))).collect();
    if std::env::var_os("BACKSTOP_BLESS").is_some() && !wrong.is_empty() {
        bless(stage, &wrong);
    }
    wrong.into_iter().map(|(_, verdict)| verdict.complaint).collect()
}

/// Writes the actual diagnostics of these cases into the file of their stage.
fn bless(stage: &str, wrong: &[(Case, Verdict)]) {
    let path = folder().join(format!("{stage}.cases"));
    let mut text = String::new();
    let mut blessed: Option<&Verdict> = None;
    for line in fs::read_to_string(&path).unwrap().lines().chain(["== "]) {
        if let Some(header) = line.strip_prefix("== ") {
            if let Some(verdict) = blessed {
                let end = text.trim_end().len();
                text.insert_str(end, &verdict.blessed.iter().map(|line| format!("\n{line}")).collect::<String>());
            }
            let name = header.split(" (").next();
            blessed = wrong.iter().find(|(case, _)| name == Some(case.name.as_str())).map(|(_, verdict)| verdict);
        } else if blessed.is_some() && line.starts_with("! ") {
            continue;
        }
        text += line;
        text.push('\n');
    }
    text.truncate(text.len() - "== \n".len());
    fs::write(path, text).unwrap();
}

#[test]
fn malformed_files_are_rejected_at_the_right_place() {
    let wrong: Vec<String> = stages().iter().flat_map(|stage| check(stage, Severity::Error)).collect();
    assert!(wrong.is_empty(), "{} cases:\n{}", wrong.len(), wrong.join("\n"));
}

#[test]
fn probable_mistakes_give_warnings() {
    let wrong = check("warn", Severity::Warning);
    assert!(wrong.is_empty(), "{} cases:\n{}", wrong.len(), wrong.join("\n"));
}

#[test]
fn unusual_valid_files_give_no_diagnostics() {
    for case in cases("clean") {
        let (diagnostics, compiled) = diagnose(&case.file(), &case.bytes);
        assert!(case.expected.is_empty(), "{}: `clean` has no diagnostics", case.name);
        assert!(compiled && diagnostics.is_empty(), "{}: {diagnostics:#?}", case.file());
    }
}

#[test]
fn the_base_is_valid() {
    let (diagnostics, compiled) = diagnose("base.toml", &fs::read(folder().join("base.toml")).unwrap());
    assert!(compiled && diagnostics.is_empty(), "{diagnostics:#?}");
}

#[test]
#[ignore = "writes the cases as files into target/cases, to look at and to try"]
fn write_cases() {
    let out = Path::new(env!("CARGO_MANIFEST_DIR")).join("target/cases");
    for case in catalogue() {
        let file = out.join(case.file());
        fs::create_dir_all(file.parent().unwrap()).unwrap();
        fs::write(file, case.bytes).unwrap();
    }
}

#[test]
fn diagnostics_keep_to_their_form() {
    for case in catalogue() {
        let name = case.file();
        let (diagnostics, _) = diagnose(&name, &case.bytes);
        for diagnostic in diagnostics {
            let notes = diagnostic.notes.iter().map(|(note, _)| note);
            for text in std::iter::once(&diagnostic.message).chain(&diagnostic.help).chain(notes) {
                assert!(!text.chars().any(char::is_control), "{name}: {text:?}");
                assert!(!text.ends_with('.'), "{name}: {text}");
            }
            assert!(!diagnostic.message.starts_with(char::is_uppercase), "{name}: {diagnostic:?}");
            assert!(diagnostic.help.is_some() || diagnostic.code == "limits/diagnostics", "{name}: {diagnostic:?}");
        }
    }
}

// ---------------------------------------------------------------- every command with every flag

/// Unusual small scenarios: empty ones, and values larger than a table can hold.
const ODD: [&str; 6] = [
    "format = 1\n[time]\nsteps = 1\n",
    "format = 1\n[time]\nsteps = 2\n[cohorts.c]\nsize = 9\n[resources]\nr = {}\n[commitments.k]\ndebtor = \"c\"\ngives = { r = 1 }\nwhen = \"bound(r) >= 1\"\n",
    "format = 1\n[time]\nstart = 9999-12-30\nsteps = 2\n[actors.us]\n[metrics]\nm = \"1 / 0\"\n",
    "format = 1\n[time]\nsteps = 3\n[actors.us]\n[metrics]\nm = \"sqrt(0.5 - step)\"\n",
    "format = 1\n[time]\nsteps = 2\n[actors.us]\nstance = { normal = [\"0 - 1e300\", 1] }\n[parameters]\np = { uniform = [0, 1] }\n[outcomes.o]\nwhen = \"p > 2\"\nstop = true\n",
    "format = 1\n[time]\nsteps = 2\n[resources]\nr = {}\n[actors.us]\n[commitments.k]\ndebtor = \"us\"\ngives = { r = 1e12 }\nover = 4000000\nmaintain = false\n",
];

/// With so many members, trust is not tracked unless something reads it.
#[test]
fn a_state_without_trust_is_printed() {
    let folder = tempfile::tempdir().expect("a folder");
    let text = "format = 1\n[time]\nsteps = 2\n[cohorts.c]\nsize = 2237\n";
    fs::write(folder.path().join("s.toml"), text).expect("it can be written");
    common::program::succeeds(folder.path(), "run s.toml -q --out OUT");
    assert!(
        common::program::succeeds(folder.path(), "replay OUT --at 1").starts_with("The state at the end of step 1")
    );
}

/// For each command its arguments without flags, for a scenario `s.toml` whose run, if any, is in `OUT`.
const LINES: [(&str, &str); 24] = [
    ("check", "check s.toml"),
    ("run", "run s.toml"),
    ("run", "run s.toml --out NEW"),
    ("run", "run SWEEP --run 0"),
    ("sweep", "sweep s.toml --out NEW"),
    ("sweep", "sweep s.toml --vary time.steps=1,2"),
    ("merge", "merge SWEEP --out NEW"),
    ("replay", "replay OUT"),
    ("explain", "explain OUT"),
    ("explain", "explain s.toml"),
    ("why", "why OUT 0"),
    ("why", "why OUT us"),
    ("fork", "fork OUT --at 0 --out NEW"),
    ("fork", "fork OUT --at 1 --out NEW"),
    ("diff", "diff OUT OUT"),
    ("page", "page OUT --out NEW"),
    ("page", "page SWEEP --out NEW"),
    ("tip", "tip s.toml --vary time.steps=1:3 --points 3"),
    ("storylines", "storylines SWEEP"),
    ("against", "against SWEEP 0"),
    ("new", "new NEW"),
    ("show", "show s.toml"),
    ("schema", "schema"),
    ("completions", "completions bash"),
];

/// Flags that are not tested: they start a browser or a cluster.
const LEFT_OUT: [&str; 2] = ["--open", "--slurm"];

/// Values for flags that take one. Some of them are names of files that are read or written.
const VALUES: [&str; 26] = [
    "0",
    "1",
    "-1",
    "1.5",
    "nan",
    "18446744073709551616",
    "1e308",
    "",
    "x",
    "=",
    "p=1",
    "c.size=3",
    "time.steps=0",
    "k=0.5@0",
    "k/us@1",
    "k@9",
    "9999-12-31",
    "2025-03-14T12:00",
    "m=step",
    "m=((1",
    "us",
    "lhs:3",
    "parquet",
    "1/2",
    "NEW",
    "\u{1b}[31m\u{202e}",
];

/// A command line with one flag of its command, or none.
fn lines() -> Vec<Vec<String>> {
    let commands = subcommands();
    let unknown = commands.iter().filter(|command| LINES.iter().all(|(name, _)| *name != command.name));
    assert_eq!(unknown.map(|command| &command.name).collect::<Vec<_>>(), Vec::<&String>::new(), "a line for each");
    let mut lines = Vec::new();
    for (name, line) in LINES {
        let words: Vec<String> = line.split(' ').map(str::to_owned).collect();
        lines.push(words.clone());
        let command = commands.iter().find(|command| command.name == name).expect("it is a command");
        for flag in command.flags.iter().filter(|flag| !LEFT_OUT.contains(&flag.name.as_str())) {
            let values: &[&str] = if flag.takes_value { &VALUES } else { &[""] };
            for value in values {
                let more = if flag.takes_value { format!("{}={value}", flag.name) } else { flag.name.clone() };
                lines.push(words.iter().cloned().chain([more]).collect());
            }
        }
    }
    assert!(lines.len() > 1_000, "{}", lines.len());
    lines
}

/// The problems in the answers to these command lines for a file.
fn answers<'a>(bytes: &[u8], lines: impl Iterator<Item = &'a Vec<String>>) -> Vec<String> {
    let folder = tempfile::tempdir_in(env!("CARGO_TARGET_TMPDIR")).expect("a folder");
    let here = folder.path();
    fs::write(here.join("s.toml"), bytes).expect("it can be written");
    // If files cannot be written, the command must report it.
    backstop(here, &["run", "s.toml", "-q", "--out", "OUT"]);
    backstop(here, &["sweep", "s.toml", "--vary", "time.steps=1,2", "-q", "--out", "SWEEP"]);
    let mut wrong = Vec::new();
    for line in lines {
        let mut command = std::process::Command::new("timeout");
        command.args(["-s", "KILL", "60", PROGRAM]).current_dir(here).env_remove("RUST_BACKTRACE").args(line);
        let output = command.output().expect("it starts");
        let said = String::from_utf8_lossy(&output.stderr);
        let hidden = |bytes: &[u8]| String::from_utf8_lossy(bytes).chars().any(|c| is_hidden(c) && c != '\n');
        if !matches!(output.status.code(), Some(0..=2)) || hidden(&output.stdout) || hidden(&output.stderr) {
            wrong.push(format!("{line:?}: {:?} {said}", output.status));
        }
        for name in ["NEW", "NEW.toml", "NEW.html"] {
            let path = here.join(name);
            let _ = if path.is_dir() { fs::remove_dir_all(path) } else { fs::remove_file(path) };
        }
    }
    wrong
}

/// Calls a function for every number below a count on several threads, and fails with all reported problems.
fn for_all(count: usize, question: impl Fn(usize) -> Vec<String> + Sync) {
    let next = std::sync::atomic::AtomicUsize::new(0);
    let work = || {
        let mut wrong = Vec::new();
        loop {
            let at = next.fetch_add(1, std::sync::atomic::Ordering::Relaxed);
            if at >= count {
                return wrong;
            }
            wrong.extend(question(at));
        }
    };
    let threads = std::thread::available_parallelism().map_or(2, usize::from).min(4);
    let wrong: Vec<String> = std::thread::scope(|scope| {
        let started: Vec<_> = (0..threads).map(|_| scope.spawn(work)).collect();
        started.into_iter().flat_map(|thread| thread.join().expect("no question fails")).collect()
    });
    assert!(wrong.is_empty(), "{} answers:\n{}", wrong.len(), wrong.join("\n"));
}

/// Runs every command with every flag on unusual scenarios: the answer must be a result or an error, never a panic.
/// Each scenario uses other values of the flags.
#[cfg(unix)]
#[test]
fn no_command_panics_on_odd_files() {
    let lines = lines();
    let parts = 2 * ODD.len();
    for_all(parts, |at| answers(ODD[at % ODD.len()].as_bytes(), lines.iter().skip(at).step_by(parts)));
}

/// The same for every case of the catalogue, most of which the reader rejects, with three command lines each.
#[cfg(unix)]
#[test]
fn no_command_panics_on_the_catalogue() {
    let lines = lines();
    let cases = catalogue();
    for_all(cases.len(), |at| {
        answers(&cases[at].bytes, (0..3).map(|nth| &lines[(at * 3 + nth) * 7 % lines.len()]))
            .into_iter()
            .map(|wrong| format!("{}: {wrong}", cases[at].file()))
            .collect()
    });
}

#[cfg(unix)]
#[test]
#[ignore = "every line on every file takes an hour"]
fn no_command_panics_on_any_file() {
    let lines = lines();
    let cases = catalogue();
    for_all(cases.len() + ODD.len(), |at| {
        let bytes = at.checked_sub(cases.len()).map_or_else(|| &cases[at].bytes[..], |odd| ODD[odd].as_bytes());
        answers(bytes, lines.iter())
    });
}

fn catalogue() -> Vec<Case> {
    stages().iter().map(String::as_str).chain(["warn", "clean"]).flat_map(cases).collect()
}
