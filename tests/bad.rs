//! Every malformed file is refused where its `.expect` says, in words that name what is wrong; files that are legal
//! but surely not meant are warned of; unusual ones that are meant pass in silence.
//!
//! A line of an `.expect` is `LINE:COLUMN keyword…`: some diagnostic stands there and has every keyword in its texts,
//! capitals aside. `?` is any place, `L:C|L:C` one of several.

use std::fmt::Write as _;
use std::fs;
use std::path::{Path, PathBuf};

use backstop::scenario::{Diagnostic, Document, Options, Severity, SourceText, compile};
use backstop::sweep::check_table;

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

fn files(folder: &Path) -> Vec<PathBuf> {
    let mut found = Vec::new();
    let Ok(entries) = fs::read_dir(folder) else { return found };
    for entry in entries.flatten() {
        let path = entry.path();
        if path.is_dir() {
            found.extend(files(&path));
        } else if path.extension().is_some_and(|extension| extension == "toml") {
            found.push(path);
        }
    }
    found.sort();
    found
}

/// What is wrong with the diagnostics of a file, by its `.expect`.
fn complaint(path: &Path, severity: Severity) -> Option<String> {
    let bytes = fs::read(path).unwrap();
    let name = path.display().to_string();
    let source = SourceText::lossy(&name, &bytes);
    let (diagnostics, _) = diagnose(&name, &bytes);
    let of: Vec<(String, String)> = diagnostics
        .iter()
        .filter(|diagnostic| diagnostic.severity == severity)
        .map(|diagnostic| shown(diagnostic, &source))
        .collect();
    let expected = fs::read_to_string(path.with_extension("expect")).unwrap();
    let mut unmet: Vec<&str> = Vec::new();
    let mut met = vec![false; of.len()];
    for line in expected.lines().filter(|line| !line.trim().is_empty()) {
        let (places, keywords) = line.split_once(' ').unwrap_or((line, ""));
        let fits = |(place, texts): &(String, String)| {
            places.split('|').any(|wanted| wanted == "?" || wanted == place)
                && keywords.split_whitespace().all(|keyword| texts.contains(&keyword.to_lowercase()))
        };
        let found: Vec<usize> = (0..of.len()).filter(|&at| fits(&of[at])).collect();
        if found.is_empty() {
            unmet.push(line);
        }
        for at in found {
            met[at] = true;
        }
    }
    // Broken TOML may be misread after the first error, which is the one that counts.
    if path.parent().is_some_and(|folder| folder.ends_with("toml")) && !met.is_empty() {
        met.iter_mut().skip(1).for_each(|met| *met = true);
    }
    let extra: Vec<&(String, String)> = of.iter().zip(met).filter(|(_, met)| !met).map(|(shown, _)| shown).collect();
    (!unmet.is_empty() || !extra.is_empty())
        .then(|| format!("{name}\n  unmet: {}\n  not expected: {extra:?}", unmet.join(" ; ")))
}

fn check(folder: &str, severity: Severity) {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests").join(folder);
    let wrong: Vec<String> = files(&root)
        .iter()
        .filter(|path| path.with_extension("expect").exists())
        .filter_map(|path| complaint(path, severity))
        .collect();
    assert!(wrong.is_empty(), "{} files:\n{}", wrong.len(), wrong.join("\n"));
}

#[test]
fn malformed_files_are_refused_where_they_are_wrong() {
    check("bad", Severity::Error);
}

#[test]
fn what_is_surely_not_meant_is_warned_of() {
    check("warn", Severity::Warning);
}

#[test]
fn unusual_files_pass_in_silence() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/warn/clean");
    for path in files(&root) {
        let name = path.display().to_string();
        let bytes = fs::read(&path).unwrap();
        let (diagnostics, compiled) = diagnose(&name, &bytes);
        assert!(compiled && diagnostics.is_empty(), "{name}: {diagnostics:#?}");
    }
}

#[test]
fn diagnostics_keep_to_their_form() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests");
    for path in files(&root) {
        let name = path.display().to_string();
        let (diagnostics, _) = diagnose(&name, &fs::read(&path).unwrap());
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
