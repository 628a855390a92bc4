//! Reads the catalogue of scenario files in `tests/bad/`; its README has the format.

use std::fs;
use std::path::{Path, PathBuf};

/// A scenario file, and the diagnostics that it must give.
pub(crate) struct Case {
    /// Name of the file of cases, without its extension.
    pub(crate) stage: String,
    pub(crate) name: String,
    /// The scenario file.
    pub(crate) bytes: Vec<u8>,
    /// `LINE:COLUMN keyword…`, one for each diagnostic.
    pub(crate) expected: Vec<String>,
}

impl Case {
    /// The name of the scenario file in diagnostics.
    pub(crate) fn file(&self) -> String {
        format!("{}/{}.toml", self.stage, self.name)
    }
}

/// The folder of the catalogue.
pub(crate) fn folder() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/bad")
}

/// Names of the stages, sorted, without `warn` and `clean`, which contain valid files.
pub(crate) fn stages() -> Vec<String> {
    let entries = fs::read_dir(folder()).expect("the catalogue is there");
    let paths = entries.map(|entry| entry.expect("a folder entry").path());
    let cases = paths.filter(|path| path.extension().is_some_and(|extension| extension == "cases"));
    let names = cases.map(|path| path.file_stem().expect("a name").to_string_lossy().into_owned());
    let mut stages: Vec<String> = names.filter(|name| name != "warn" && name != "clean").collect();
    stages.sort();
    stages
}

/// The cases of a stage, in the order of its file.
///
/// # Panics
/// If the file cannot be read or is malformed: an edit that does not fit the base, a name used twice.
pub(crate) fn cases(stage: &str) -> Vec<Case> {
    let text = fs::read_to_string(folder().join(format!("{stage}.cases"))).expect("the stage has a file");
    let base = fs::read_to_string(folder().join("base.toml")).expect("the base is there");
    let base: Vec<&str> = base.lines().collect();
    let mut found: Vec<Case> = Vec::new();
    let mut open: Option<(Header<'_>, Vec<&str>)> = None;
    for line in text.lines().chain(["== "]) {
        if let Some(header) = line.strip_prefix("== ") {
            if let Some((header, body)) = open.take() {
                assert!(found.iter().all(|case| case.name != header.name), "{stage}: two cases `{}`", header.name);
                found.push(case(stage, &header, &body, &base));
            }
            open = Some((Header::of(header), Vec::new()));
        } else if let Some((_, body)) = &mut open {
            body.push(line);
        }
    }
    assert!(!found.is_empty(), "{stage} has no cases");
    found
}

/// `NAME (FLAG, FLAG…)`.
struct Header<'a> {
    name: &'a str,
    flags: Vec<&'a str>,
}

impl<'a> Header<'a> {
    fn of(text: &'a str) -> Self {
        let (name, flags) = text.split_once(" (").unwrap_or((text, ")"));
        let flags = flags.strip_suffix(')').unwrap_or_else(|| panic!("no `)` after the flags of {text}"));
        let flags: Vec<&str> = flags.split(", ").filter(|flag| !flag.is_empty()).collect();
        for flag in &flags {
            assert!(["whole", "crlf", "utf-16", "no newline at end"].contains(flag), "{name}: unknown flag `{flag}`");
        }
        Self { name: name.trim(), flags }
    }

    fn has(&self, flag: &str) -> bool {
        self.flags.contains(&flag)
    }
}

fn case(stage: &str, header: &Header<'_>, body: &[&str], base: &[&str]) -> Case {
    let at = format!("{stage}.cases, {}", header.name);
    let expected = body.iter().filter_map(|line| line.strip_prefix("! ")).map(ToOwned::to_owned).collect();
    let edits: Vec<&str> =
        body.iter().copied().filter(|line| !line.is_empty() && !line.starts_with(['!', '#'])).collect();
    let lines = if header.has("whole") {
        let added = edits.iter().map(|line| line.strip_prefix('+').unwrap_or_else(|| panic!("{at}: {line}")));
        added.map(unescaped).collect()
    } else {
        edited(base, &edits, &at)
    };
    let end: &[u8] = if header.has("crlf") { b"\r\n" } else { b"\n" };
    let mut bytes = lines.join(end);
    if !header.has("no newline at end") {
        bytes.extend(end);
    }
    if header.has("utf-16") {
        let text = String::from_utf8(bytes).expect("UTF-8");
        bytes = [0xFEFF].into_iter().chain(text.encode_utf16()).flat_map(u16::to_le_bytes).collect();
    }
    Case { stage: stage.to_owned(), name: header.name.to_owned(), bytes, expected }
}

/// The base with the edits of a case applied, from top to bottom.
fn edited(base: &[&str], edits: &[&str], at: &str) -> Vec<Vec<u8>> {
    let mut lines: Vec<Vec<u8>> = base.iter().map(|line| line.as_bytes().to_vec()).collect();
    // The place of the next added line: at the end of the commitments until an edit sets it.
    let mut cursor = None;
    for edit in edits {
        let (kind, text) = edit.split_at(1);
        let start = cursor.unwrap_or(0);
        let find = || {
            let found = lines.iter().skip(start).position(|line| line == text.as_bytes());
            start + found.unwrap_or_else(|| panic!("{at}: the base has no line `{text}` here"))
        };
        cursor = match kind {
            "@" if text == " start" => Some(0),
            " " => Some(find() + 1),
            "-" => {
                let found = find();
                lines.remove(found);
                Some(found)
            }
            "+" => {
                let place = cursor.unwrap_or_else(|| {
                    let metrics = lines.iter().position(|line| line == b"[metrics]").expect("the base has metrics");
                    lines.insert(metrics, Vec::new());
                    metrics
                });
                lines.insert(place, unescaped(text));
                Some(place + 1)
            }
            _ => panic!("{at}: a line begins with ` `, `-`, `+`, `!` or `#`, not as `{edit}`"),
        };
    }
    lines
}

/// A line with its escapes replaced: `⟨0d 0a⟩` by these bytes, `⟨TEXT*9⟩` by the text nine times.
fn unescaped(line: &str) -> Vec<u8> {
    let mut bytes = Vec::new();
    let mut rest = line;
    while let Some((before, after)) = rest.split_once('⟨') {
        let (escape, after) = after.split_once('⟩').unwrap_or_else(|| panic!("no `⟩` in {line}"));
        bytes.extend(before.bytes());
        match escape.rsplit_once('*') {
            Some((text, count)) => bytes.extend(text.repeat(count.parse().expect("a count")).bytes()),
            None => bytes.extend(escape.split(' ').map(|hex| u8::from_str_radix(hex, 16).expect("two hex digits"))),
        }
        rest = after;
    }
    bytes.extend(rest.bytes());
    bytes
}
