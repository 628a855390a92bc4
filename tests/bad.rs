//! Every malformed file of the catalogue in `tests/bad/` is refused where its case says, in words that name what is
//! wrong; files that are legal but surely not meant are warned of; unusual ones that are meant pass in silence.
//!
//! `BACKSTOP_BLESS=1 cargo test --test bad` writes the diagnostics of cases that fail into the catalogue.

mod common;

use std::fmt::Write as _;
use std::fs;
use std::path::Path;

use backstop::scenario::{Diagnostic, Document, Options, Severity, SourceText, compile};
use backstop::sweep::check_table;
use common::catalogue::{Case, cases, folder, stages};

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

/// A diagnostic's place and its texts in small letters.
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

/// What a file of cases says of the diagnostics of one severity, as written by a blessing.
struct Verdict {
    complaint: String,
    blessed: Vec<String>,
}

/// What is wrong with the diagnostics of a case; none if they are as expected.
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
    // Broken TOML may be misread after the first error, which is the one that counts.
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

/// Writes what these cases give into the file of their stage, in place of what it expects.
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
fn malformed_files_are_refused_where_they_are_wrong() {
    let wrong: Vec<String> = stages().iter().flat_map(|stage| check(stage, Severity::Error)).collect();
    assert!(wrong.is_empty(), "{} cases:\n{}", wrong.len(), wrong.join("\n"));
}

#[test]
fn what_is_surely_not_meant_is_warned_of() {
    let wrong = check("warn", Severity::Warning);
    assert!(wrong.is_empty(), "{} cases:\n{}", wrong.len(), wrong.join("\n"));
}

#[test]
fn unusual_files_pass_in_silence() {
    for case in cases("clean") {
        let (diagnostics, compiled) = diagnose(&case.file(), &case.bytes);
        assert!(case.expected.is_empty(), "{}: `clean` has no diagnostics", case.name);
        assert!(compiled && diagnostics.is_empty(), "{}: {diagnostics:#?}", case.file());
    }
}

#[test]
fn the_base_is_without_a_fault() {
    let (diagnostics, compiled) = diagnose("base.toml", &fs::read(folder().join("base.toml")).unwrap());
    assert!(compiled && diagnostics.is_empty(), "{diagnostics:#?}");
}

#[test]
#[ignore = "writes the cases as files into target/cases, to look at and to try"]
fn write_cases() {
    let out = Path::new(env!("CARGO_MANIFEST_DIR")).join("target/cases");
    for case in stages().iter().map(String::as_str).chain(["warn", "clean"]).flat_map(cases) {
        let file = out.join(case.file());
        fs::create_dir_all(file.parent().unwrap()).unwrap();
        fs::write(file, case.bytes).unwrap();
    }
}

#[test]
fn diagnostics_keep_to_their_form() {
    for case in stages().iter().map(String::as_str).chain(["warn", "clean"]).flat_map(cases) {
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
